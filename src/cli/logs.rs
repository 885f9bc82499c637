//! `wavedeck logs`: what an agent printed, or its checks.

mod checks;

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome, status},
    find, out,
};
use crate::{
    display::clean_line,
    engine::{AttentionKind, Event, Item, Owner, State},
    journal::{Follower, Line, RunDir},
    plan::AgentId,
    runtime::{jobs::index_path, past, recover::output_attempts},
    terminal::{self, Index},
};

/// Flags of `logs`.
#[derive(Debug, Clone, Args)]
pub struct LogsArgs {
    /// The agent's id; phase:ID, track:ID, wave:N or run:gates for what the gates over more agents printed
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
    /// What its check commands and gates printed, in place of its own output
    #[arg(long, conflicts_with = "follow")]
    pub checks: bool,
}

/// The command that prints why a gate is red: its item says a status alone.
pub(super) fn printed(state: &State, item: &Item) -> Option<String> {
    match (item.kind, item.owner) {
        (AttentionKind::FailedGate, Some(Owner::Agent(ix))) => {
            Some(format!("wavedeck logs {} --checks", state.id(ix)))
        }
        (AttentionKind::FailedGate, Some(owner)) => {
            Some(format!("wavedeck logs {}", state.setup.key_of(owner)))
        }
        _ => None,
    }
}

/// Prints what an agent printed, cleaned of everything that is no text.
pub fn logs(args: &LogsArgs, _global: &Global) -> Outcome {
    let dir = find::run(args.of.run.as_deref())?;
    // Who is no agent prints nothing but by its gates.
    if args.checks || args.agent.contains(':') {
        return checks::checks(&dir, &args.agent, args.attempt);
    }
    let in_terminal = known(&dir, &args.agent)?;
    let mut fate = Fate::new(&dir, &args.agent);
    let mut shown = args.attempt.unwrap_or(0);
    let mut first = true;
    let mut output: Option<File> = None;
    let mut out = out::Stream::open();
    let mut cleaner = Cleaner::Lines(Lines::default());
    loop {
        // Asked before reading: what it printed last is read in any case.
        let going = args.follow && dir.is_live() && fate.going(args.attempt);
        let newest = last_attempt(&dir.path, &args.agent).unwrap_or(0);
        if shown == 0 {
            // What was there when it was asked counts as old; of what comes nothing is left out.
            shown = if first {
                newest
            } else {
                next_attempt(&dir, &args.agent, 0, newest).unwrap_or(0)
            };
        }
        first = false;
        if output.is_none() {
            let path = dir.output(&args.agent, shown);
            output = File::open(&path).ok();
            let index = index_path(&path);
            if in_terminal || index.exists() {
                cleaner = Cleaner::Terminal(Box::default(), index);
            } else {
                cleaner = Cleaner::Lines(Lines::default());
            }
        }
        if let Some(file) = &mut output
            && !copy(file, &mut cleaner, &mut out)?
        {
            return Ok(status::OK);
        }
        let moves = args.follow && args.attempt.is_none() && fate.ended >= shown;
        let next = next_attempt(&dir, &args.agent, shown, newest).filter(|_| moves);
        if let Some(next) = next {
            cleaner.finish(&mut out)?;
            (shown, output) = (next, None);
        } else if !going {
            break;
        } else {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
    if output.is_none() {
        let which = args
            .attempt
            .map_or_else(String::new, |n| format!("attempt {n} of "));
        let text = format!(
            "{} has printed nothing in {which}run {}",
            args.agent, dir.id
        );
        return Err(Error::usage(text));
    }
    cleaner.finish(&mut out)?;
    out.flush().map(|_| status::OK).map_err(written)
}

/// Refuses an agent that the run does not have; says whether all its attempts run in terminals.
fn known(dir: &RunDir, agent: &str) -> Result<bool, Error> {
    // Of a run whose plan cannot be read the output still can be.
    let Ok(setup) = past::setup(&dir.path) else {
        return Ok(false);
    };
    let Some(&ix) = setup.by_id.get(&agent.into()) else {
        let text = format!("no agent `{agent}` in run {}", dir.id);
        return Err(Error::usage(text).help(
            "`wavedeck runs show` lists them; `logs AGENT --checks` shows what gates printed",
        ));
    };
    Ok(setup.plan.agent(ix).modes.iter().all(|m| m.terminal))
}

/// Prints all that a file has now; false: the reader is gone.
fn copy(file: &mut File, cleaner: &mut Cleaner, out: &mut out::Stream) -> Result<bool, Error> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = file
            .read(&mut buffer)
            .map_err(|e| Error::internal("the output cannot be read", e))?;
        if read == 0 {
            return out.flush().map_err(written);
        }
        if !cleaner.push(&buffer[..read], out)? {
            return Ok(false);
        }
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

/// The next attempt that has printed something.
fn next_attempt(dir: &RunDir, agent: &str, after: u32, newest: u32) -> Option<u32> {
    (after + 1..=newest).find(|&attempt| dir.output(agent, attempt).exists())
}

/// What the journal tells of an agent, read as it grows.
struct Fate {
    agent: AgentId,
    journal: Follower,
    /// Its newest attempt that has ended.
    ended: u32,
    /// It needs no further attempt, as far as is known.
    over: bool,
}

impl Fate {
    fn new(dir: &RunDir, agent: &str) -> Self {
        Self {
            agent: agent.into(),
            journal: Follower::new(&dir.path),
            ended: 0,
            over: false,
        }
    }

    /// Whether the agent, or one attempt of it, may print more.
    fn going(&mut self, attempt: Option<u32>) -> bool {
        let (agent, mut ended, mut over) = (&self.agent, self.ended, self.over);
        // A damaged journal ends the following like the end of the run.
        let read = self.journal.poll(|line| {
            let Line::Record(record) = &line.line else {
                return;
            };
            if record.event.agent() != Some(agent) {
                return;
            }
            match &record.event {
                Event::AttemptEnded { attempt, .. } => ended = *attempt,
                Event::AgentCompleted { .. }
                | Event::AgentFailed { .. }
                | Event::AgentSkipped { .. }
                | Event::AgentStopped { .. } => over = true,
                Event::AgentReady { .. }
                | Event::AgentRetrying { .. }
                | Event::AgentScheduled { .. }
                | Event::AgentJoining { .. } => over = false,
                _ => {}
            }
        });
        (self.ended, self.over) = (ended, over);
        read.is_ok() && !over && attempt.is_none_or(|attempt| ended < attempt)
    }
}

/// Bytes of one line that are shown.
const LONGEST: usize = 64 << 10;

/// What makes clean lines of output.
enum Cleaner {
    /// Of a pipe's.
    Lines(Lines),
    /// Of a terminal's, whose index is at this path.
    Terminal(Box<terminal::Lines>, PathBuf),
}

impl Cleaner {
    /// False: the reader is gone.
    fn push(&mut self, bytes: &[u8], out: &mut out::Stream) -> Result<bool, Error> {
        let (lines, index) = match self {
            Self::Lines(lines) => return lines.push(bytes, out),
            Self::Terminal(lines, index) => (lines, index),
        };
        // It grows with the output; without it the screen has its first size.
        let index = fs::read(index).ok().and_then(|bytes| Index::parse(&bytes));
        lines.set_index(index.unwrap_or_default());
        let mut told = Ok(true);
        lines.push(bytes, |line| {
            if matches!(told, Ok(true)) {
                told = say(line, out);
            }
        });
        told
    }

    fn finish(&mut self, out: &mut out::Stream) -> Result<(), Error> {
        let mut told = Ok(true);
        match self {
            Self::Lines(lines) => lines.finish(out)?,
            Self::Terminal(lines, _) => lines.finish(|line| {
                if matches!(told, Ok(true)) {
                    told = say(line, out);
                }
            }),
        }
        told.map(drop)
    }
}

fn say(line: &str, out: &mut out::Stream) -> Result<bool, Error> {
    let text = clean_line(line.as_bytes(), LONGEST);
    out.line(&text).map_err(written)
}

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
