//! Notices that the terminal or the program shall go, whatever the drawing thread does.
//!
//! Keys are read on the drawing thread, and the library that reads them never comes back once the
//! terminal has hung up (it takes "nothing to read" for "not yet"). A thread of its own therefore
//! waits for the hang-up and for signals, tells the dashboard, and, if that has not ended a moment
//! later, ends the program. Must not read from the terminal.

use std::{fs::File, io, os::fd::AsFd, os::fd::OwnedFd, sync::mpsc, thread, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

use super::terminal;

/// So long the dashboard has to end in order.
const IN_ORDER: Duration = Duration::from_millis(300);
/// Status of a person who left: what the run does is not known here.
const LEFT: i32 = 0;

/// Watches for as long as it lives.
#[derive(Debug)]
pub struct Watch {
    /// Dropped: the dashboard has ended.
    _alive: mpsc::Sender<()>,
}

/// Begins to watch. The future is ready once the dashboard shall end.
///
/// # Errors
/// There is no terminal to watch, or no thread or signal handler can be had.
pub fn watch() -> io::Result<(Watch, impl Future<Output = ()> + Unpin)> {
    let gone = hung_up(input()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (tell, told) = oneshot::channel();
    let (alive, ended) = mpsc::channel();
    let waits = {
        // Before the terminal is taken: from here on signals end the dashboard in order.
        let _entered = runtime.enter();
        wait(gone)?
    };
    thread::Builder::new()
        .name("hang-up".to_owned())
        .spawn(move || {
            let hung_up = runtime.block_on(waits);
            let _ = tell.send(());
            if ended.recv_timeout(IN_ORDER) != Err(mpsc::RecvTimeoutError::Timeout) {
                return;
            }
            if !hung_up {
                terminal::leave();
            }
            std::process::exit(LEFT);
        })?;
    let told = Box::pin(async move {
        // A thread that is gone tells nothing.
        if told.await.is_err() {
            std::future::pending::<()>().await;
        }
    });
    Ok((Watch { _alive: alive }, told))
}

/// The terminal that keys are read from: what the library takes.
fn input() -> io::Result<OwnedFd> {
    let stdin = io::stdin();
    if rustix::termios::isatty(&stdin) {
        stdin.as_fd().try_clone_to_owned()
    } else {
        Ok(File::open("/dev/tty")?.into())
    }
}

/// Waits until the other end of the terminal is closed, on a thread of its own.
fn hung_up(terminal: OwnedFd) -> io::Result<oneshot::Receiver<()>> {
    use rustix::{
        event::{PollFd, PollFlags, poll},
        io::Errno,
    };
    let (tell, told) = oneshot::channel();
    thread::Builder::new()
        .name("terminal".to_owned())
        .spawn(move || {
            loop {
                // Nothing is waited for: a hang-up and an error are reported in any case.
                let mut fds = [PollFd::new(&terminal, PollFlags::empty())];
                match poll(&mut fds, None) {
                    Ok(1..) => break,
                    Ok(0) | Err(Errno::INTR) => {}
                    // Without it, signals and a failed write still end the dashboard.
                    Err(_) => return std::mem::forget(tell),
                }
            }
            let _ = tell.send(());
        })?;
    Ok(told)
}

/// Waits for a hang-up (true) or for a signal that ends the dashboard (false).
fn wait(gone: oneshot::Receiver<()>) -> io::Result<impl Future<Output = bool>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = gone => true,
            _ = hangup.recv() => true,
            _ = interrupt.recv() => false,
            _ = terminate.recv() => false,
        }
    })
}
