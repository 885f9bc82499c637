//! Why a command ends without having done its work, and the exit statuses of the contract.
//!
//! Must not print: `cli::main` does, once, at the end.

use std::error::Error as StdError;

use crate::runtime::prepare::FolderError;

/// Exit statuses (DESIGN 6).
pub mod status {
    /// Every agent succeeded, was skipped by its own condition, or its failure was handled.
    pub const OK: u8 = 0;
    /// An agent or gate failed.
    pub const FAILED: u8 = 1;
    /// Bad usage, plan or config.
    pub const USAGE: u8 = 2;
    /// Stopped by a person.
    pub const STOPPED: u8 = 3;
    /// The runner itself failed.
    pub const INTERNAL: u8 = 4;
    /// Ended, but something waits for a person.
    pub const WAITING: u8 = 5;
}

/// What a command returns: its exit status.
pub type Outcome = Result<u8, Error>;

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Error {
    /// Bad usage, in one sentence; exit 2.
    Usage {
        /// What is wrong.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// Problems of plan or configuration, rendered; exit 2.
    Problems(String),
    /// The machine did not do what was needed, in one sentence; exit 4.
    Failed {
        /// What went wrong.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// Something that should not have happened; exit 4.
    Internal {
        /// What could not be done.
        doing: String,
        /// Why.
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl From<FolderError> for Error {
    fn from(error: FolderError) -> Self {
        match error {
            // Its problems stand on lines of their own.
            FolderError::Plan(_) => Self::Problems(error.to_string()),
            error => Self::usage(error.to_string()),
        }
    }
}

impl Error {
    /// Bad usage.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            help: None,
        }
    }

    /// A failure of the machine that a person can understand.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            help: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(self, text: impl Into<String>) -> Self {
        match self {
            Self::Failed { message, .. } => Self::Failed {
                message,
                help: Some(text.into()),
            },
            Self::Usage { message, .. } => Self::Usage {
                message,
                help: Some(text.into()),
            },
            other => other,
        }
    }

    /// A part of the contract that this version has not built, and what to use in its place.
    pub fn not_built(what: &str, instead: &str) -> Self {
        Self::usage(format!("`wavedeck {what}` is not built yet: {instead}"))
    }

    /// An unexpected failure while doing something.
    pub fn internal(
        doing: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::Internal {
            doing: doing.into(),
            source: source.into(),
        }
    }

    /// The exit status that says it.
    #[must_use]
    pub const fn status(&self) -> u8 {
        match self {
            Self::Usage { .. } | Self::Problems(_) => status::USAGE,
            Self::Failed { .. } | Self::Internal { .. } => status::INTERNAL,
        }
    }
}
