//! Notices that the terminal or the program shall go, whatever the drawing thread does.
//!
//! Keys are read on the drawing thread, and the library that reads them never comes back once the
//! terminal has hung up (it takes "nothing to read" for "not yet"). A thread of its own therefore
//! waits for the hang-up and for signals, tells the dashboard, and, if that has not ended a moment
//! later, ends the program. Must not read from the terminal.

use std::{fs::File, io, os::fd::AsFd, os::fd::OwnedFd, sync::mpsc, thread, time::Duration};

use tokio::{
    io::{Interest, unix::AsyncFd},
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
    let terminal = input()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (tell, told) = oneshot::channel();
    let (alive, ended) = mpsc::channel();
    let waits = {
        // Before the terminal is taken: from here on signals end the dashboard in order.
        let _entered = runtime.enter();
        wait(terminal)?
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

/// Waits for a hang-up (true) or for a signal that ends the dashboard (false).
fn wait(terminal: OwnedFd) -> io::Result<impl Future<Output = bool>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // Not whether there is something to read: a hang-up is reported in any case.
    let terminal = AsyncFd::with_interest(terminal, Interest::PRIORITY)?;
    Ok(async move {
        let gone = async {
            loop {
                match terminal.ready(Interest::PRIORITY).await {
                    Ok(mut ready) if !ready.ready().is_read_closed() => ready.clear_ready(),
                    _ => return,
                }
            }
        };
        tokio::select! {
            () = gone => true,
            _ = hangup.recv() => true,
            _ = interrupt.recv() => false,
            _ = terminate.recv() => false,
        }
    })
}
