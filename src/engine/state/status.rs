//! The states of an agent (the table of DESIGN 1).

use serde::{Deserialize, Serialize};

/// State of an agent (the table of DESIGN 1, as far as built).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Needs are not met yet.
    #[default]
    Waiting,
    /// Needs are met; admission decides.
    Ready,
    /// Admitted; its process is being started.
    Scheduled,
    /// Admitted; its workspace is being made.
    Preparing,
    /// Its process runs.
    Running,
    /// Its process tree is stopped; memory stays, the slot is free.
    Frozen,
    /// Its process was ended so that it can go on later: its memory is free, workspace and session are kept.
    Parked,
    /// Its attempt or its join has ended; the verdict follows in the same turn.
    Settling,
    /// It waits for the timer of its retry.
    BackingOff,
    /// It waits for its sub-agents.
    Joining,
    /// Its checks run.
    Checking,
    /// Its work is in line for its merge, or is merged just now.
    Merging,
    /// It waits for a person.
    Blocked,
    /// Done.
    Succeeded,
    /// Failed for good.
    Failed,
    /// A need cannot be met.
    Skipped,
    /// A person ended it.
    Stopped,
}

impl Status {
    /// Returns whether nothing more happens without a person.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Skipped | Self::Stopped
        )
    }

    /// Returns whether it is admitted and its process does not run yet.
    #[must_use]
    pub const fn is_starting(self) -> bool {
        matches!(self, Self::Scheduled | Self::Preparing)
    }

    /// Returns whether it holds a slot.
    #[must_use]
    pub const fn holds_slot(self) -> bool {
        matches!(
            self,
            Self::Scheduled | Self::Preparing | Self::Running | Self::Checking
        )
    }

    /// Returns its name in the state table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Scheduled => "scheduled",
            Self::Preparing => "preparing",
            Self::Running => "running",
            Self::Frozen => "frozen",
            Self::Parked => "parked",
            Self::Settling => "settling",
            Self::BackingOff => "backing-off",
            Self::Joining => "joining",
            Self::Checking => "checking",
            Self::Merging => "merging",
            Self::Blocked => "blocked",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Stopped => "stopped",
        }
    }
}
