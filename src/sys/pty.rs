//! Pseudo-terminals: a pair, its size, and a process that has it as its controlling terminal.
//!
//! Must not read or write what goes through one.

use std::{
    ffi::CString,
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{OFlags, fcntl_setfl},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{InputModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize},
};

use super::{
    exec::{SUBCOMMAND, Stage},
    reap,
    spawn::{self, SpawnSpec, Spawned},
};

/// A pseudo-terminal.
#[derive(Debug)]
pub struct Pair {
    /// Our end; reads and writes of it never wait.
    pub master: OwnedFd,
    /// The agent's end.
    pub slave: OwnedFd,
}

/// Opens a pseudo-terminal of a size.
///
/// # Errors
/// When none is free (`kernel.pty.max`), or no descriptor.
pub fn open(cols: u16, rows: u16) -> io::Result<Pair> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let pair = || -> rustix::io::Result<Pair> {
        let master = openpt(flags)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        // By the descriptor, not by the name: that may mean another one in a container.
        let slave = ioctl_tiocgptpeer(&master, flags)?;
        fcntl_setfl(&master, OFlags::RDWR | OFlags::NONBLOCK)?;
        let mut modes = tcgetattr(&slave)?;
        // A rubbed-out character is one, not one of its bytes.
        modes.input_modes |= InputModes::IUTF8;
        tcsetattr(&slave, OptionalActions::Now, &modes)?;
        resize(&master, cols, rows)?;
        Ok(Pair { master, slave })
    };
    pair().map_err(|errno| {
        let error = io::Error::from(errno);
        let text = match errno {
            Errno::NOSPC => "no terminal is free: /proc/sys/kernel/pty/max has been reached".into(),
            _ => format!("no terminal can be opened: {error}"),
        };
        io::Error::new(error.kind(), text)
    })
}

/// Sets the size; the foreground processes of the terminal get SIGWINCH where it changes.
pub fn resize(master: impl AsFd, cols: u16, rows: u16) -> rustix::io::Result<()> {
    tcsetwinsize(
        master,
        Winsize {
            ws_row: rows,
            ws_col: cols,
            ws_xpixel: 0,
            ws_ypixel: 0,
        },
    )
}

/// Starts a command as [`spawn::spawn`] does, with the terminal on its standard input as its
/// controlling one. `helper` is this program, which becomes the command (see [`super::exec`]).
///
/// Returns once it has: errors are the same, in the same words.
pub fn spawn(spec: &SpawnSpec<'_>, helper: &str) -> io::Result<Spawned> {
    let command = spawn::arguments(spec)?;
    spawn::with_program(spec, |path| {
        let own = CString::new(helper).map_err(io::Error::other)?;
        let hidden = CString::new(SUBCOMMAND).map_err(io::Error::other)?;
        let mut argv = vec![own.clone(), hidden, path.clone()];
        argv.extend(command);
        let (told, tell) = pipe_with(PipeFlags::CLOEXEC)?;
        let spawned = spawn::start(&own, &argv, spec, Some(tell.as_fd()))
            .map_err(|e| io::Error::other(format!("{helper} cannot be started again: {e}")))?;
        drop(tell);
        // Its end comes when the program has replaced the helper.
        match read_failure(&told) {
            None => Ok(spawned),
            Some((stage, errno)) => {
                let _ = reap::wait(spawned.pid);
                let error = io::Error::from_raw_os_error(errno);
                Err(if stage == Stage::Program as u8 {
                    error
                } else {
                    io::Error::other(format!("its terminal cannot be made its own: {error}"))
                })
            }
        }
    })
}

/// What the helper tells before it ends; none: it has become the program, or was killed first.
fn read_failure(told: &OwnedFd) -> Option<(u8, i32)> {
    let mut message = [0; 5];
    let mut got = 0;
    while got < message.len() {
        match rustix::io::read(told, &mut message[got..]) {
            Ok(0) => return None,
            Ok(n) => got += n,
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    let [stage, errno @ ..] = message;
    Some((stage, i32::from_le_bytes(errno)))
}
