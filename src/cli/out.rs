//! The only place of the command line that writes to stdout and stderr.
//!
//! A reader that goes away ends the output quietly. Must not decide what is said.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

/// Whether stdout is a terminal.
#[must_use]
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Writes a text to stdout in one go.
///
/// # Errors
///
/// Whatever the system says, but for a reader that went away.
pub fn print(text: &str) -> io::Result<()> {
    bytes(text.as_bytes())
}

/// Writes bytes to stdout in one go, as they are.
///
/// # Errors
///
/// Whatever the system says, but for a reader that went away.
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    // Bytes and not lines: the line buffer of stdout would cut a large text into many writes.
    quiet(stdout.write_all(bytes).and_then(|()| stdout.flush())).map(|_| ())
}

/// Writes a text to stderr; what cannot be said there cannot be said at all.
pub fn complain(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}

/// A locked and buffered stdout for output that comes piece by piece.
#[derive(Debug)]
pub struct Stream {
    to: BufWriter<StdoutLock<'static>>,
    gone: bool,
}

impl Stream {
    /// Locks stdout.
    #[must_use]
    pub fn open() -> Self {
        Self {
            to: BufWriter::with_capacity(64 << 10, io::stdout().lock()),
            gone: false,
        }
    }

    /// Writes a line; returns false once the reader has gone away.
    ///
    /// # Errors
    ///
    /// Whatever else the system says.
    pub fn line(&mut self, text: &str) -> io::Result<bool> {
        if self.gone {
            return Ok(false);
        }
        let done = self
            .to
            .write_all(text.as_bytes())
            .and_then(|()| self.to.write_all(b"\n"));
        self.gone = !quiet(done)?;
        Ok(!self.gone)
    }

    /// Hands on what is buffered; returns false once the reader has gone away.
    ///
    /// # Errors
    ///
    /// Whatever else the system says.
    pub fn flush(&mut self) -> io::Result<bool> {
        if !self.gone {
            self.gone = !quiet(self.to.flush())?;
        }
        Ok(!self.gone)
    }
}

/// Turns a reader that went away into `false`.
fn quiet(done: io::Result<()>) -> io::Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(e),
    }
}
