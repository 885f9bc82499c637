//! Pseudo-terminals: a pair, and its size. Who has it as its controlling terminal is for
//! [`super::prepared`].
//!
//! Must not read or write what goes through one.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{OFlags, fcntl_setfl},
    io::Errno,
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{InputModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize},
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
