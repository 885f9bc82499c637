//! The environment that every agent carries and by which its processes are found again.
//!
//! Must not spawn or signal anything.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::threads;

/// Name of the variable that holds the run's id.
pub const RUN: &str = "WAVEDECK_RUN";
/// Name of the variable that holds the agent's id, or `phase:<id>` for a command of a phase.
pub const AGENT: &str = "WAVEDECK_AGENT";
/// Name of the variable that holds the attempt, from 1.
pub const ATTEMPT: &str = "WAVEDECK_ATTEMPT";
/// Name of the variable that holds `<gate>/<index>`; only commands of checks and gates have it.
pub const CHECK: &str = "WAVEDECK_CHECK";

/// Environments above this size are cut: the marker stands within the first megabyte or not at all.
const MAX_ENVIRON: u64 = 1 << 20;

/// Who a process works for, as its environment says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Marker {
    /// The run's id.
    pub run: String,
    /// The agent's id, or `phase:<id>`.
    pub agent: String,
    /// The attempt, from 1.
    pub attempt: u32,
    /// `<gate>/<index>` for the command of a check.
    pub check: Option<String>,
}

impl Marker {
    /// Parses a block of `NAME=value` strings that end with NUL; the first of each name counts.
    #[must_use]
    pub fn parse(environ: &[u8]) -> Option<Self> {
        let (mut run, mut agent, mut attempt, mut check) = (None, None, None, None);
        for entry in environ.split(|&byte| byte == 0) {
            if !entry.starts_with(b"WAVEDECK_") {
                continue;
            }
            let Ok(text) = std::str::from_utf8(entry) else {
                continue;
            };
            let Some((name, value)) = text.split_once('=') else {
                continue;
            };
            let slot = match name {
                RUN => &mut run,
                AGENT => &mut agent,
                ATTEMPT => &mut attempt,
                CHECK => &mut check,
                _ => continue,
            };
            if slot.is_none() {
                *slot = Some(value.to_owned());
            }
        }
        Some(Self {
            run: run?,
            agent: agent?,
            attempt: attempt?.parse().ok()?,
            check,
        })
    }

    /// Reads the marker of a process; none where it has none, is gone or belongs to someone else.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        let environ = match read(format!("/proc/{pid}/environ").as_ref()) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return None,
            Ok(environ) if !environ.is_empty() => environ,
            // A first thread that has ended before the others has no environment any more; they have.
            Ok(_) | Err(_) => {
                threads::others(pid).find_map(|thread| read(&thread.join("environ")).ok())?
            }
        };
        Self::parse(&environ)
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut environ = Vec::with_capacity(4096);
    let file = File::open(path)?;
    file.take(MAX_ENVIRON).read_to_end(&mut environ)?;
    Ok(environ)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_a_marker_and_nothing_else() {
        let block = b"PATH=/bin\0WAVEDECK_RUN=r1\0WAVEDECK_AGENT=api\0WAVEDECK_ATTEMPT=2\0X=1\0";
        let marker = Marker::parse(block).unwrap();
        assert_eq!(
            marker,
            Marker {
                run: "r1".into(),
                agent: "api".into(),
                attempt: 2,
                check: None
            }
        );
        assert_eq!(
            Marker::parse(b"WAVEDECK_RUN=r1\0WAVEDECK_AGENT=api\0"),
            None
        );
        assert_eq!(Marker::parse(b"XWAVEDECK_RUN=r1\0\xff\xfe\0"), None);
    }

    #[test]
    fn the_first_of_a_name_counts() {
        let block = b"WAVEDECK_RUN=a\0WAVEDECK_RUN=b\0WAVEDECK_AGENT=x\0WAVEDECK_ATTEMPT=1\0WAVEDECK_CHECK=g/0\0";
        let marker = Marker::parse(block).unwrap();
        assert_eq!(
            (marker.run.as_str(), marker.check.as_deref()),
            ("a", Some("g/0"))
        );
    }
}
