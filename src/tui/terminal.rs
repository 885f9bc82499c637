//! The terminal: taking it over, giving it back whatever happens, and writing frames to it without
//! ever waiting for it.
//!
//! The only file of the dashboard that touches a terminal. Frames go to a thread of their own, one
//! at a time: while it writes, nothing new is handed over, and the next frame holds whatever has
//! changed since. A terminal that does not drain therefore stops the picture and nothing else.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crossterm::{
    clipboard::CopyToClipboard,
    cursor::{Hide, Show},
    event::{
        DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
        EnableMouseCapture,
    },
    queue,
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
        disable_raw_mode, enable_raw_mode,
    },
};
use ratatui::{
    backend::{Backend, CrosstermBackend},
    buffer::Buffer,
    layout::Rect,
};
use tokio::sync::Notify;

/// How long giving the terminal back may wait for it.
const LEAVE_WAIT: Duration = Duration::from_millis(100);

/// Bytes written at once.
const PIECE: usize = 4096;

/// Whether the terminal is ours.
static ENTERED: AtomicBool = AtomicBool::new(false);

fn entering(mouse: bool) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    queue!(bytes, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
    if mouse {
        queue!(bytes, EnableMouseCapture)?;
    }
    Ok(bytes)
}

fn leaving() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    queue!(
        bytes,
        EndSynchronizedUpdate,
        DisableFocusChange,
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        Show
    )?;
    Ok(bytes)
}

/// Gives the terminal back; does nothing when it is not ours. Callable from any place, also after a
/// panic or when a signal ends the program, and never takes longer than a fraction of a second.
pub fn leave() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = disable_raw_mode();
    if let Ok(bytes) = leaving() {
        write_soon(&bytes);
    }
}

/// Throws away what the terminal has not taken, so that a writer that hangs comes to its end.
pub fn discard() {
    use rustix::termios::{QueueSelector, tcflush};
    let _ = tcflush(io::stdout(), QueueSelector::OFlush);
}

/// Throws away keys that were pressed before now and not read.
pub fn forget_keys() {
    use rustix::termios::{QueueSelector, tcflush};
    let _ = tcflush(io::stdin(), QueueSelector::IFlush);
}

/// Writes to standard output unless it stays full; then what is queued there is thrown away first.
fn write_soon(bytes: &[u8]) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let out = io::stdout();
    let writable = |wait: Duration| {
        let mut fds = [PollFd::new(&out, PollFlags::OUT)];
        let wait = Timespec {
            tv_sec: 0,
            tv_nsec: i64::try_from(wait.as_nanos()).unwrap_or(0),
        };
        matches!(poll(&mut fds, Some(&wait)), Ok(n) if n > 0)
    };
    if !writable(LEAVE_WAIT) {
        discard();
        if !writable(LEAVE_WAIT) {
            return;
        }
    }
    let _ = rustix::io::write(&out, bytes);
}

/// Owns the terminal for as long as the dashboard runs.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Takes the terminal over. Call it on the thread that draws, after the error reporter's hook.
    ///
    /// A panic on this thread gives the terminal back before it is reported; one on another thread
    /// leaves the picture alone: whoever joins that thread reports it.
    ///
    /// # Errors
    /// Standard output is no terminal, or cannot be written.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        let ours = std::thread::current().id();
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // What is caught where it happens costs nobody the picture.
            if super::emulator::catching() {
                return;
            }
            let shown = ENTERED.load(Ordering::SeqCst);
            if std::thread::current().id() == ours {
                leave();
                report(info);
            } else if !shown {
                report(info);
            }
        }));
        let guard = Self(());
        again(mouse)?;
        Ok(guard)
    }
}

/// Takes the terminal back that [`leave`] has given away, while the [`Guard`] lives.
///
/// # Errors
/// Standard output is no terminal, or cannot be written.
pub fn again(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    ENTERED.store(true, Ordering::SeqCst);
    let mut out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    out.write_all(&entering(mouse)?)
}

impl Drop for Guard {
    fn drop(&mut self) {
        // While panicking the hook has done it.
        leave();
    }
}

/// Where frames are written to.
///
/// # Errors
/// Standard output cannot be duplicated.
pub fn output() -> io::Result<Box<dyn Write + Send>> {
    // Its own descriptor: nobody ever waits for the lock of `stdout`.
    let fd = io::stdout().as_fd().try_clone_to_owned()?;
    Ok(Box::new(File::from(fd)))
}

#[derive(Debug, Default)]
struct Slot {
    frame: Option<Vec<u8>>,
    busy: bool,
    close: bool,
    /// Nobody waits for the frame any more: what is left of it would spoil what comes after it.
    abandoned: bool,
    failed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    slot: Mutex<Slot>,
    filled: Condvar,
    emptied: Condvar,
    idle: Notify,
}

impl Shared {
    fn slot(&self) -> std::sync::MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that writes frames.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn new(mut out: Box<dyn Write + Send>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mine = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("frames".to_owned())
            .spawn(move || {
                loop {
                    let mut slot = mine.slot();
                    let frame = loop {
                        if let Some(frame) = slot.frame.take() {
                            break frame;
                        }
                        if slot.close {
                            return;
                        }
                        slot = mine
                            .filled
                            .wait(slot)
                            .unwrap_or_else(PoisonError::into_inner);
                    };
                    drop(slot);
                    let mut failed = false;
                    for piece in frame.chunks(PIECE) {
                        failed |= out.write_all(piece).and_then(|()| out.flush()).is_err();
                        if failed || mine.slot().abandoned {
                            break;
                        }
                    }
                    let mut slot = mine.slot();
                    slot.busy = false;
                    slot.failed |= failed;
                    drop(slot);
                    mine.emptied.notify_all();
                    mine.idle.notify_one();
                }
            })?;
        Ok(Self { shared })
    }

    /// Whether a frame can be handed over now.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.shared.slot().busy
    }

    /// Whether writing has failed: the terminal is gone.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.shared.slot().failed
    }

    /// Hands a frame over; only while idle.
    pub fn put(&self, frame: Vec<u8>) {
        let mut slot = self.shared.slot();
        slot.busy = true;
        slot.frame = Some(frame);
        drop(slot);
        self.shared.filled.notify_one();
    }

    /// Waits until the thread has written what it has.
    pub async fn idle(&self) {
        while !self.is_idle() {
            self.shared.idle.notified().await;
        }
    }

    /// Waits a little for the last frame, then lets the thread be: one that hangs in a write ends
    /// with the program. Returns whether all has been written.
    pub fn close(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        let mut slot = self.shared.slot();
        slot.close = true;
        self.shared.filled.notify_one();
        while slot.busy {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                slot.abandoned = true;
                return false;
            }
            slot = self
                .shared
                .emptied
                .wait_timeout(slot, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }
}

/// Turns pictures into what has changed since the last one.
#[derive(Debug)]
pub struct Frames {
    shown: Buffer,
    next: Buffer,
    fresh: bool,
}

impl Frames {
    /// Nothing has been shown yet.
    #[must_use]
    pub fn new(size: (u16, u16)) -> Self {
        let area = Rect::new(0, 0, size.0, size.1);
        Self {
            shown: Buffer::empty(area),
            next: Buffer::empty(area),
            fresh: true,
        }
    }

    /// Draws a picture of a size; returns the bytes that make the terminal show it, none if it does.
    ///
    /// # Errors
    /// None in practice: the bytes go into memory.
    pub fn frame(
        &mut self,
        size: (u16, u16),
        draw: impl FnOnce(&mut Buffer),
    ) -> io::Result<Option<Vec<u8>>> {
        let area = Rect::new(0, 0, size.0, size.1);
        if self.shown.area != area {
            *self = Self::new(size);
        }
        self.next.reset();
        draw(&mut self.next);
        let mut bytes = Vec::with_capacity(4096);
        queue!(bytes, BeginSynchronizedUpdate)?;
        let head = bytes.len();
        let mut backend = CrosstermBackend::new(&mut bytes);
        if std::mem::take(&mut self.fresh) {
            backend.clear()?;
        }
        let changes = self.shown.diff(&self.next);
        if !changes.is_empty() {
            backend.draw(changes.into_iter())?;
        }
        if bytes.len() == head {
            return Ok(None);
        }
        queue!(bytes, EndSynchronizedUpdate)?;
        std::mem::swap(&mut self.shown, &mut self.next);
        Ok(Some(bytes))
    }

    /// The picture that the terminal shows, or will.
    #[must_use]
    pub const fn shown(&self) -> &Buffer {
        &self.shown
    }
}

/// Bytes that take the mouse, or give it back.
///
/// # Errors
/// None in practice: the bytes go into memory.
pub fn mouse(on: bool) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if on {
        queue!(bytes, EnableMouseCapture)?;
    } else {
        queue!(bytes, DisableMouseCapture)?;
    }
    Ok(bytes)
}

/// Bytes that hand text to the terminal's clipboard (OSC 52); whether it takes it nobody tells.
///
/// # Errors
/// None in practice: the bytes go into memory.
pub fn copy(text: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    queue!(bytes, CopyToClipboard::to_clipboard_from(text))?;
    Ok(bytes)
}
