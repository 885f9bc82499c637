//! Which git there is, and why one did not do what it was asked.

use std::{io, path::Path};

use super::git::Git;
use crate::display;

/// The oldest git that has what is needed (`merge-tree --write-tree`).
pub const OLDEST: (u32, u32) = (2, 38);

/// Why git did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git, or it cannot be started.
    #[error("git cannot be started: {error}: install git {}.{} or newer", OLDEST.0, OLDEST.1)]
    Start {
        /// What the system said.
        error: io::Error,
    },
    /// It is too old.
    #[error(
        "git {have} is too old: {}.{} or newer is needed (git-scm.com, or your system's backports)",
        OLDEST.0,
        OLDEST.1
    )]
    Old {
        /// What it says it is.
        have: String,
    },
    /// It says no; its own words, cleaned.
    #[error("git {what} failed: {said}")]
    Failed {
        /// The command.
        what: String,
        /// Its exit status; none after a signal.
        code: Option<i32>,
        /// Its own words, cleaned and cut.
        said: String,
    },
    /// It took longer than it may; it was ended.
    #[error("git {what} took longer than {seconds} s and was ended")]
    Late {
        /// The command.
        what: String,
        /// The limit.
        seconds: u64,
    },
    /// It printed more than is read; it was ended.
    #[error("git {what} printed more than {bytes} bytes")]
    TooMuch {
        /// The command.
        what: String,
        /// The limit.
        bytes: usize,
    },
    /// A pipe to it broke.
    #[error("git {what}: {error}")]
    Pipe {
        /// The command.
        what: String,
        /// What the system said.
        error: io::Error,
    },
}

/// What it said last that is not advice: git's reasons come with `fatal:` or `error:`.
pub(super) fn words(code: Option<i32>, said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let reasons = text
        .lines()
        .filter(|l| l.starts_with("fatal:") || l.starts_with("error:"));
    let mut last: Vec<&str> = reasons.take(3).collect();
    if last.is_empty() {
        last = text.lines().filter(|l| !l.is_empty()).take(3).collect();
    }
    if last.is_empty() {
        return match code {
            Some(code) => format!("status {code}"),
            None => "it was killed".to_owned(),
        };
    }
    display::clean_text(&last.join("; "), 400)
}

/// Returns git's version, and refuses one that is too old.
pub fn version() -> Result<(u32, u32), GitError> {
    let line = Git::ours(Path::new("/")).run(&["version"])?;
    let text = String::from_utf8_lossy(&line);
    let number = text.split(' ').nth(2).unwrap_or_default();
    parsed(number).ok_or_else(|| GitError::Old {
        have: display::clean_line(number, 40),
    })
}

/// Major and minor number, where they are new enough.
fn parsed(number: &str) -> Option<(u32, u32)> {
    let mut parts = number.trim().split('.').map(|p| p.parse::<u32>().ok());
    let have = (parts.next()??, parts.next()??);
    (have >= OLDEST).then_some(have)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parsed("2.47.3\n"), Some((2, 47)));
        assert_eq!(parsed("2.38.0.windows.1"), Some((2, 38)));
        assert_eq!(parsed("3.0"), Some((3, 0)));
        assert_eq!(parsed("2.9.5"), None);
        assert_eq!(parsed("2.37.7"), None);
        assert_eq!(parsed("unknown"), None);
        assert!(version().is_ok());
    }
}
