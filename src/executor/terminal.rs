//! The terminal of a running job: its size, who types into it, who watches it, its index.
//!
//! Belongs to the I/O thread alone. Must not wait: keys that do not fit are kept up to a bound and
//! then refused, and news is handed on by closures that do not wait either.

use std::{
    collections::VecDeque,
    os::fd::{BorrowedFd, OwnedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::io::Errno;

use super::{JobKey, index_file::IndexFile};
use crate::{
    plan::AgentId,
    sys::pty,
    terminal::{Kind, LARGEST, SIZE},
};

/// Watchers hear of growth at most this often.
const TELL: Duration = Duration::from_millis(33);
/// Keys that wait for an agent that does not read, in bytes.
const KEYS: usize = 64 << 10;
/// First and longest pause before keys that did not fit are tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// A terminal that all had closed is looked at again after this time: some open it anew.
const LOOK: Duration = Duration::from_millis(200);

/// News of a terminal, for somebody who watches it or types into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalNews {
    /// So many bytes have been printed.
    Grew(u64),
    /// Another size from a place of the output on: place, columns, rows.
    Resized(u64, u16, u16),
    /// Whether the keyboard is held now; an error changes nothing.
    Keyboard(Result<bool, String>),
}

/// Hands news of a job's terminal on; must not wait.
pub type Tell = Arc<dyn Fn(&JobKey, TerminalNews) + Send + Sync>;

/// Somebody who shows terminals: a client.
#[derive(Clone)]
pub struct Viewer {
    /// Tells it from others; never used again.
    pub id: u64,
    /// The way to it.
    pub tell: Tell,
}

impl std::fmt::Debug for Viewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Viewer({})", self.id)
    }
}

/// What a viewer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalAsk {
    /// Hear how the terminal of a job goes on, and of no other.
    Watch(JobKey),
    /// Have the keyboard of an agent.
    Take(AgentId),
    /// Give it back.
    Give(AgentId),
    /// Type.
    Keys(AgentId, Vec<u8>),
    /// Shows it in so many columns and rows; 0: no more.
    Size(JobKey, u16, u16),
    /// Is gone.
    Leave,
}

/// A terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    index: IndexFile,
    size: (u16, u16),
    /// From which place of the output on.
    sized: u64,
    holder: Option<Viewer>,
    /// How large others show it, the newest last: viewer, columns, rows.
    wishes: Vec<(u64, u16, u16)>,
    watchers: Vec<Viewer>,
    /// Keys that did not fit yet, when they are tried again, and the pause before that.
    keys: VecDeque<u8>,
    keys_at: Option<Instant>,
    pause: Duration,
    /// Bytes printed.
    printed: u64,
    /// When watchers were told last, and how much then.
    told: (Option<Instant>, u64),
    /// Our end, while nobody has the other one open: closing it would hang the agent up.
    closed: Option<(OwnedFd, Instant)>,
}

impl Terminal {
    pub fn new(index: IndexFile) -> Self {
        Self {
            index,
            size: SIZE,
            sized: 0,
            holder: None,
            wishes: Vec::new(),
            watchers: Vec::new(),
            keys: VecDeque::new(),
            keys_at: None,
            pause: PAUSE.0,
            printed: 0,
            told: (None, 0),
            closed: None,
        }
    }

    /// Takes note of output; an error of the index comes once.
    pub fn note(&mut self, chunk: &[u8], now: Instant) -> std::io::Result<()> {
        self.printed += chunk.len() as u64;
        self.index.output(chunk, now)
    }

    /// The output's file has failed: places in it mean nothing any more.
    pub fn give_up_index(&mut self) {
        self.index.give_up();
    }

    /// Since when (or from when on) watchers may be told something; none: they know all.
    fn next_tell(&self, now: Instant) -> Option<Instant> {
        let news = self.told.1 != self.printed && !self.watchers.is_empty();
        news.then(|| self.told.0.map_or(now, |at| at + TELL))
    }

    /// Does what is due; [`Terminal::wake`] tells when to come again.
    pub fn tick(
        &mut self,
        key: &JobKey,
        master: Option<BorrowedFd<'_>>,
        now: Instant,
    ) -> std::io::Result<()> {
        if self.keys_at.is_some_and(|at| at <= now) {
            self.push_keys(master, now);
        }
        if self.next_tell(now).is_some_and(|at| at <= now) {
            self.told = (Some(now), self.printed);
            self.tell(key, &TerminalNews::Grew(self.printed));
        }
        if self.index.next_note().is_some_and(|at| at <= now) {
            self.index.note_time(now)
        } else {
            Ok(())
        }
    }

    /// When [`Terminal::tick`] has something to do.
    pub fn wake(&self, now: Instant) -> Option<Instant> {
        let look = self.closed.as_ref().map(|(_, at)| *at);
        let (tell, note) = (self.next_tell(now), self.index.next_note());
        [tell, note, self.keys_at, look].into_iter().flatten().min()
    }

    fn tell(&self, key: &JobKey, news: &TerminalNews) {
        for watcher in &self.watchers {
            (watcher.tell)(key, news.clone());
        }
    }

    /// Nobody has the other end open: ours is kept, since closing it hangs up whoever lives on.
    /// Returns when to look again.
    pub fn close(&mut self, master: OwnedFd, now: Instant) -> Instant {
        self.closed = Some((master, now + LOOK));
        now + LOOK
    }

    /// Gives our end back to be looked at, when it is time or in any case.
    pub fn open_again(&mut self, now: Option<Instant>) -> Option<OwnedFd> {
        let due = |at: Instant| now.is_none_or(|now| at <= now);
        self.closed
            .take_if(|(_, at)| due(*at))
            .map(|(master, _)| master)
    }

    /// Carries out what a viewer asks for; `frozen`: the job stands still.
    pub fn ask(
        &mut self,
        key: &JobKey,
        viewer: &Viewer,
        ask: TerminalAsk,
        master: Option<BorrowedFd<'_>>,
        frozen: bool,
        now: Instant,
    ) -> std::io::Result<()> {
        let held = |result| (viewer.tell)(key, TerminalNews::Keyboard(result));
        let holds = self.holder.as_ref().is_some_and(|h| h.id == viewer.id);
        match ask {
            TerminalAsk::Watch(_) => {
                if self.watchers.is_empty() {
                    self.told = (Some(now), self.printed);
                }
                self.watchers.push(viewer.clone());
                // It may have read the index just before the last change.
                let (cols, rows) = self.size;
                (viewer.tell)(key, TerminalNews::Resized(self.sized, cols, rows));
                (viewer.tell)(key, TerminalNews::Grew(self.printed));
                Ok(())
            }
            TerminalAsk::Take(_) => {
                if !holds && self.holder.is_some() {
                    held(Err("another dashboard has its keyboard".to_owned()));
                    return Ok(());
                }
                self.holder = Some(viewer.clone());
                held(Ok(true));
                self.fit(key, master)
            }
            TerminalAsk::Give(_) => {
                if holds {
                    self.holder = None;
                }
                held(Ok(false));
                self.fit(key, master)
            }
            TerminalAsk::Keys(_, keys) => {
                let refusal = if !holds {
                    Some("its keyboard is not held".to_owned())
                } else if frozen {
                    // They would be carried out when it goes on, perhaps much later.
                    Some("it is paused: resume it first".to_owned())
                } else if master.is_none() {
                    Some("it has closed its terminal".to_owned())
                } else if self.keys.len() + keys.len() > KEYS {
                    let n = keys.len();
                    Some(format!("it does not read: {n} bytes of keys were dropped"))
                } else {
                    None
                };
                if let Some(why) = refusal {
                    held(Err(why));
                } else {
                    self.keys.extend(keys);
                    self.push_keys(master, now);
                }
                Ok(())
            }
            TerminalAsk::Size(_, cols, rows) => {
                self.wishes.retain(|(id, ..)| *id != viewer.id);
                if cols > 0 && rows > 0 {
                    let (most_cols, most_rows) = LARGEST;
                    let wish = (viewer.id, cols.min(most_cols), rows.min(most_rows));
                    self.wishes.push(wish);
                }
                self.fit(key, master)
            }
            TerminalAsk::Leave => {
                if holds {
                    self.holder = None;
                }
                self.forget(viewer.id);
                self.wishes.retain(|(id, ..)| *id != viewer.id);
                self.fit(key, master)
            }
        }
    }

    /// A viewer watches this terminal no more.
    pub fn forget(&mut self, viewer: u64) {
        self.watchers.retain(|w| w.id != viewer);
    }

    /// Gives the terminal the size in which it is shown: to who types, else to who asked last.
    fn fit(&mut self, key: &JobKey, master: Option<BorrowedFd<'_>>) -> std::io::Result<()> {
        let of_holder = self
            .holder
            .as_ref()
            .and_then(|h| self.wishes.iter().find(|(id, ..)| *id == h.id));
        let Some(&(_, cols, rows)) = of_holder.or(self.wishes.last()) else {
            return Ok(());
        };
        let Some(master) = master.filter(|_| self.size != (cols, rows)) else {
            return Ok(());
        };
        if pty::resize(master, cols, rows).is_err() {
            // It is just going; it keeps the size that it had.
            return Ok(());
        }
        self.size = (cols, rows);
        self.sized = self.printed;
        self.tell(key, &TerminalNews::Resized(self.printed, cols, rows));
        self.index.entry(Kind::Resize(cols, rows))
    }

    fn push_keys(&mut self, master: Option<BorrowedFd<'_>>, now: Instant) {
        self.keys_at = None;
        let Some(master) = master else {
            self.keys.clear();
            return;
        };
        while !self.keys.is_empty() {
            let (front, _) = self.keys.as_slices();
            match rustix::io::write(master, front) {
                Ok(n) => {
                    self.keys.drain(..n);
                    self.pause = PAUSE.0;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.keys_at = Some(now + self.pause);
                    self.pause = (self.pause * 2).min(PAUSE.1);
                    return;
                }
                // It is gone.
                Err(_) => self.keys.clear(),
            }
        }
    }

    /// The job has ended: what is not noted yet is, and the keyboard goes back.
    pub fn end(&mut self, key: &JobKey) {
        let now = Instant::now();
        // A fault of the index was told when it came, or comes too late to matter.
        let _ = self.index.note_time(now);
        if self.told.1 != self.printed {
            self.tell(key, &TerminalNews::Grew(self.printed));
        }
        if let Some(holder) = self.holder.take() {
            (holder.tell)(key, TerminalNews::Keyboard(Ok(false)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::executor::Clock;

    #[test]
    fn watchers_hear_of_all_that_was_printed_and_nothing_spins() {
        let folder = tempfile::tempdir().unwrap();
        let (started, key) = (Instant::now(), JobKey::main("a".into(), 1));
        let at = |ms: u64| started + Duration::from_millis(ms);
        let clock = Clock {
            started,
            base_us: 0,
        };
        let index = IndexFile::new(folder.path().join("a.1.idx"), clock);
        let mut terminal = Terminal::new(index);
        let heard: Arc<Mutex<Vec<u64>>> = Arc::default();
        let keep = heard.clone();
        let viewer = Viewer {
            id: 1,
            tell: Arc::new(move |_, news| {
                if let TerminalNews::Grew(total) = news {
                    keep.lock().unwrap().push(total);
                }
            }),
        };
        let mut now = 0;
        for (ms, bytes) in [
            (0, 10),
            (25, 10),
            (30, 5),
            (31, 5),
            (100, 1),
            (120, 1),
            (1_000, 1),
        ] {
            // What became due meanwhile, each time at its moment and never twice at one.
            while let Some(wake) = terminal.wake(at(now)).filter(|wake| *wake <= at(ms)) {
                terminal.tick(&key, None, wake).unwrap();
                assert!(terminal.wake(wake).is_none_or(|next| next > wake));
            }
            now = ms;
            terminal.note(&vec![b'x'; bytes], at(ms)).unwrap();
            terminal.tick(&key, None, at(ms)).unwrap();
            if ms == 0 {
                let watch = TerminalAsk::Watch(key.clone());
                terminal
                    .ask(&key, &viewer, watch, None, false, at(ms))
                    .unwrap();
            }
        }
        // At once when it begins to watch, then not too often, and never is the last left out.
        assert_eq!(*heard.lock().unwrap(), [10, 30, 31, 32, 33]);
    }
}
