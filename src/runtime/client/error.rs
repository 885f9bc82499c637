//! Why a client cannot talk to a runner, in words.

use std::io;

use super::PROTOCOL;

/// Why a client cannot talk to a runner.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no runner answers for this run: {0}")]
    Nobody(io::Error),
    /// The runner is of another version.
    #[error(
        "the runner speaks protocol {0}, this program {PROTOCOL}: use the version that started the run"
    )]
    Version(u32),
    /// It went away.
    #[error("the connection to the runner was lost: {0}")]
    Lost(#[from] io::Error),
    /// The action was refused.
    #[error("{0}")]
    Refused(String),
}
