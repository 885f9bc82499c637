//! One running job: its pipe, its output file, what it is fed, how it ended.
//!
//! Must not poll or look at other jobs.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::OwnedFd,
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use super::{Exit, JobKey, JobView, io::Outflow, talk::Talk, terminal::Terminal};
use crate::sys::{lock, prepared::Told, reap::Usage, tree::Root};

/// What is still to be written to a job's standard input.
#[derive(Debug)]
pub(super) struct Feed {
    pub fd: OwnedFd,
    pub text: Vec<u8>,
    pub at: usize,
    /// It stays open when all is written: more may come.
    pub open: bool,
    /// The poll tells when more can be written.
    pub watched: bool,
}

impl Feed {
    /// Writes as much as fits; `true` when there is nothing more to do, also because nobody reads.
    pub fn push(&mut self) -> bool {
        while self.at < self.text.len() {
            match rustix::io::write(&self.fd, &self.text[self.at..]) {
                Ok(len) => self.at += len,
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return false,
                Err(_) => return true,
            }
        }
        true
    }
}

/// The file that a job's output goes to.
#[derive(Debug)]
pub(super) enum Sink {
    /// Not made yet: there was no output.
    Unmade(PathBuf),
    Open(File),
    /// It could not be made or written, which was reported.
    Failed,
}

impl Sink {
    /// Appends; an error comes once and switches the file off.
    pub fn append(&mut self, chunk: &[u8]) -> io::Result<()> {
        let result = self.try_append(chunk);
        if result.is_err() {
            *self = Self::Failed;
        }
        result
    }

    fn try_append(&mut self, chunk: &[u8]) -> io::Result<()> {
        if let Self::Unmade(path) = self {
            *self = Self::Open(lock::private_append(path)?);
        }
        match self {
            Self::Open(file) => file.write_all(chunk),
            Self::Unmade(_) | Self::Failed => Ok(()),
        }
    }
}

/// Where freezing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freeze {
    No,
    /// Rounds done so far.
    Rounds(u32),
    Done,
}

/// A running job.
#[derive(Debug)]
pub(super) struct Live {
    pub serial: u64,
    pub key: JobKey,
    pub root: Root,
    pub pidfd: Option<OwnedFd>,
    /// Its output: a pipe's end, or our end of its terminal.
    pub pipe: Option<OwnedFd>,
    pub terminal: Option<Box<Terminal>>,
    pub feed: Option<Feed>,
    /// What it prints, on its way to the sink.
    pub flow: Outflow,
    pub sink: Sink,
    /// Processes that the kernel had killed for want of memory when it started.
    pub oom_kills: u64,
    pub exit: Option<(Exit, Usage)>,
    /// Until when output is awaited after the exit.
    pub drain_until: Option<Instant>,
    pub freeze: Freeze,
    /// When to ask again for its status; its end was told.
    pub look_again: Option<Instant>,
    /// Whether its tree is being looked at before its end is reported.
    pub verifying: bool,
    pub watch_outputs: Vec<PathBuf>,
    /// What its set-up may tell.
    pub told: Option<Told>,
    /// Its folder for temporary files.
    pub temporary: Option<PathBuf>,
    pub view: Arc<JobView>,
    /// What its program says, where that is understood.
    pub talk: Option<Box<Talk>>,
}
