//! Asking the runner for a lease, from inside of the command that waits for it.
//!
//! Must not fail: whatever goes wrong, the command is to run, and hears why it did not wait.

use std::{
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::{
    display::figures::{ordinal, span},
    engine::{size_asked, size_free},
    runtime::{
        protocol::{self, FromClient, FromRunner, LeaseNote, PROTOCOL},
        socket::ADDRESS,
    },
};

/// How long a runner may take for its first word.
const ANSWER: Duration = Duration::from_secs(5);
/// How long it may be silent beyond the time for which a lease is waited for at most.
const BEYOND: Duration = Duration::from_mins(1);
/// Between two lines about the place in line.
const AGAIN: Duration = Duration::from_secs(30);
/// Where a run has only begun, or too many ask at once, it is asked again after so long, then twice that….
const FIRST_TRY: Duration = Duration::from_millis(10);
const TRIES: u32 = 6;
/// Longest frame that is read.
const LONGEST: u32 = 64 << 10;

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It has its memory, or has waited as long as one may: the number of the lease.
    Granted(u32),
    /// It runs without; why, where anybody should know.
    Without(Option<String>),
}

/// Asks the runner of a run's folder for a lease and waits for it. `say` gets lines for a person: the place
/// in line at once, and when it has changed, at most every 30 s.
pub fn ask(dir: &Path, name: &str, below: &[u32], say: &mut dyn FnMut(&str)) -> Asked {
    let mut pause = FIRST_TRY;
    let mut error = None;
    for _ in 0..TRIES {
        let asked = connect(dir, name, below).and_then(|stream| wait(stream, name, say));
        match asked {
            Ok(asked) => return asked,
            Err(Gone::Refused(why)) => return Asked::Without(Some(why)),
            Err(Gone::Perhaps(why)) => error = Some(why),
        }
        thread::sleep(pause);
        pause *= 2;
    }
    let why = error.map_or_else(String::new, |error| format!(": {error}"));
    Asked::Without(Some(format!("no runner answers for this run{why}")))
}

/// Why there was no answer.
enum Gone {
    /// There will be none.
    Refused(String),
    /// It may answer the next time.
    Perhaps(io::Error),
}

impl From<io::Error> for Gone {
    fn from(error: io::Error) -> Self {
        Self::Perhaps(error)
    }
}

/// Asks at once: a runner of another version lets go of who asks what it does not know.
fn connect(dir: &Path, name: &str, below: &[u32]) -> Result<UnixStream, Gone> {
    let path = std::fs::read_to_string(dir.join(ADDRESS))?;
    let mut stream = UnixStream::connect(PathBuf::from(path))?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    let frame = FromClient::Lease {
        name: name.to_owned(),
        below: below.to_vec(),
    };
    protocol::write(&mut stream, &frame, &[])?;
    let (hello, _) = protocol::read_at_most::<FromRunner>(&mut stream, LONGEST)?;
    match hello {
        FromRunner::Hello { protocol, .. } if protocol == PROTOCOL => Ok(stream),
        _ => Err(Gone::Refused(
            "the runner is of another version of wavedeck".to_owned(),
        )),
    }
}

/// What is known of the waiting.
#[derive(Clone, Copy)]
struct Waiting {
    place: u32,
    ram_bytes: u64,
    free_bytes: u64,
}

fn wait(mut stream: UnixStream, name: &str, say: &mut dyn FnMut(&str)) -> Result<Asked, Gone> {
    let began = Instant::now();
    let mut until = began + ANSWER;
    let mut latest: Option<Waiting> = None;
    let mut shown: Option<(Instant, u32)> = None;
    loop {
        let now = Instant::now();
        let mut next = until;
        if let Some(waiting) = latest
            && shown.is_none_or(|(_, place)| place != waiting.place)
        {
            let due = shown.map_or(now, |(at, _)| at + AGAIN);
            if due <= now {
                say(&line(name, waiting));
                shown = Some((now, waiting.place));
            } else {
                next = next.min(due);
            }
        }
        let left = next.saturating_duration_since(now);
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let note = match protocol::read_at_most::<FromRunner>(&mut stream, LONGEST) {
            Ok((FromRunner::Lease { note }, _)) => note,
            Ok(_) => continue,
            Err(error) if timed_out(&error) => {
                if Instant::now() < until {
                    continue;
                }
                return Err(Gone::Refused("the runner does not answer".to_owned()));
            }
            Err(_) if latest.is_some() => {
                return Err(Gone::Refused("the runner is gone".to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        match note {
            LeaseNote::Waiting {
                place,
                ram_bytes,
                free_bytes,
                most_us,
            } => {
                until = began + Duration::from_micros(most_us).saturating_add(BEYOND);
                latest = Some(Waiting {
                    place,
                    ram_bytes,
                    free_bytes,
                });
            }
            LeaseNote::Granted {
                number,
                ram_bytes,
                waited_us,
                late,
            } => {
                if late {
                    let (waited, asked) = (span(waited_us), size_asked(ram_bytes));
                    say(&format!(
                        "{name} has waited {waited} for {asked} and runs now without them"
                    ));
                }
                return Ok(Asked::Granted(number));
            }
            LeaseNote::Refused { why } => return Ok(Asked::Without(why)),
        }
    }
}

fn line(name: &str, waiting: Waiting) -> String {
    format!(
        "{name} waits for {}: {} in line; {} free",
        size_asked(waiting.ram_bytes),
        ordinal(waiting.place),
        size_free(waiting.free_bytes)
    )
}

fn timed_out(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
