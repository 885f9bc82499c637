//! How a runner is attached to who started it, and why it could not do its work.
//!
//! Plain values; must not start anything.

use std::io;

use crate::{
    journal::{StoreError, WriteError},
    runtime::{lines::LineKind, prepare::FolderError},
};

/// How the runner is attached to whoever started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// Print lines: readable, in words alone, or JSON.
    pub lines: Option<LineKind>,
    /// Standard input is the guard's pipe.
    pub guarded: bool,
    /// Say on standard output when the run can be attached to, then let it go.
    pub announce: bool,
}

/// Why a runner could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The store of runs.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run's folder cannot be read back.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Another runner has it.
    #[error("run {0} has a live runner: attach to it, or stop it first")]
    Live(String),
    /// The journal cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] crate::journal::ReadError),
    /// The system.
    #[error("{0}")]
    Io(#[from] io::Error),
}
