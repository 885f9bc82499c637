//! `wavedeck logs`: what an agent printed.

use std::{fs::File, io::Read, path::Path};

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome, status},
    find, out,
};
use crate::{display::clean_line, runtime::recover::output_attempts};

/// Flags of `logs`.
#[derive(Debug, Clone, Args)]
pub struct LogsArgs {
    /// The agent's id
    pub agent: String,
    /// Which run.
    #[command(flatten)]
    pub of: super::RunName,
    /// Which attempt, from 1; default: the last
    #[arg(long, value_name = "N")]
    pub attempt: Option<u32>,
    /// Go on until the agent has ended
    #[arg(short, long)]
    pub follow: bool,
}

/// Prints what an agent printed, cleaned of everything that is no text.
pub fn logs(args: &LogsArgs, _global: &Global) -> Outcome {
    let dir = find::run(args.of.run.as_deref())?;
    let attempt = match args.attempt {
        Some(attempt) => attempt,
        None => last_attempt(&dir.path, &args.agent).ok_or_else(|| {
            Error::usage(format!(
                "{} has printed nothing in run {}",
                args.agent, dir.id
            ))
        })?,
    };
    let path = dir.output(&args.agent, attempt);
    let mut file = File::open(&path).map_err(|_| {
        Error::usage(format!(
            "{} has printed nothing in attempt {attempt} of run {}",
            args.agent, dir.id
        ))
    })?;
    let mut out = out::Stream::open();
    let mut cleaner = Lines::default();
    let mut buffer = vec![0; 64 << 10];
    loop {
        // Asked before reading: what it printed last is read in any case.
        let live = args.follow && dir.is_live() && current(&dir.path, &args.agent) == Some(attempt);
        loop {
            let read = file
                .read(&mut buffer)
                .map_err(|e| Error::internal("the output cannot be read", e))?;
            if read == 0 {
                break;
            }
            if !cleaner.push(&buffer[..read], &mut out)? {
                return Ok(status::OK);
            }
        }
        if !out.flush().map_err(written)? {
            return Ok(status::OK);
        }
        if !live {
            cleaner.finish(&mut out)?;
            return out.flush().map(|_| status::OK).map_err(written);
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

fn written(error: std::io::Error) -> Error {
    Error::internal("cannot write to stdout", error)
}

/// The attempt whose output is the newest.
fn last_attempt(dir: &Path, agent: &str) -> Option<u32> {
    output_attempts(dir)
        .into_iter()
        .find(|(id, _)| id.as_str() == agent)
        .map(|(_, attempt)| attempt)
}

/// The attempt of an agent that has not ended, as far as its output tells.
fn current(dir: &Path, agent: &str) -> Option<u32> {
    last_attempt(dir, agent)
}

/// Bytes of one line that are shown.
const LONGEST: usize = 64 << 10;

/// Cuts raw output into clean lines.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
}

impl Lines {
    fn push(&mut self, mut bytes: &[u8], out: &mut out::Stream) -> Result<bool, Error> {
        while let Some(end) = bytes.iter().position(|&b| b == b'\n') {
            self.take(&bytes[..end]);
            bytes = &bytes[end + 1..];
            if !self.print(out)? {
                return Ok(false);
            }
        }
        self.take(bytes);
        Ok(true)
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = LONGEST.saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn print(&mut self, out: &mut out::Stream) -> Result<bool, Error> {
        let text = clean_line(&self.line, LONGEST);
        self.line.clear();
        out.line(&text).map_err(written)
    }

    fn finish(&mut self, out: &mut out::Stream) -> Result<(), Error> {
        if !self.line.is_empty() {
            self.print(out)?;
        }
        Ok(())
    }
}
