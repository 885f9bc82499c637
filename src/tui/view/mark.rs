//! The states of an agent as screens name them.

use crate::engine::{AgentState, CheckRun, Status};

/// The states as screens name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the words that are shown")]
pub enum Mark {
    Run,
    Check,
    Merge,
    Start,
    Join,
    Retry,
    Froze,
    /// Parked: its memory is free.
    Park,
    Ask,
    Block,
    Ready,
    Wait,
    Done,
    Fail,
    Skip,
    Stop,
}

impl Mark {
    /// All, in the order of the header's counts.
    pub const ALL: [Self; 16] = [
        Self::Run,
        Self::Check,
        Self::Merge,
        Self::Start,
        Self::Join,
        Self::Retry,
        Self::Froze,
        Self::Park,
        Self::Ask,
        Self::Block,
        Self::Fail,
        Self::Ready,
        Self::Wait,
        Self::Done,
        Self::Skip,
        Self::Stop,
    ];

    /// The mark of a state.
    #[must_use]
    pub const fn of(status: Status) -> Self {
        match status {
            Status::Waiting => Self::Wait,
            Status::Ready => Self::Ready,
            Status::Scheduled | Status::Preparing => Self::Start,
            Status::Running => Self::Run,
            Status::Frozen => Self::Froze,
            Status::Parked => Self::Park,
            Status::Settling | Status::Checking => Self::Check,
            Status::Merging => Self::Merge,
            Status::BackingOff => Self::Retry,
            Status::Joining => Self::Join,
            Status::Blocked => Self::Block,
            Status::Succeeded => Self::Done,
            Status::Failed => Self::Fail,
            Status::Skipped => Self::Skip,
            Status::Stopped => Self::Stop,
        }
    }

    /// The mark of an agent: its state, or that a person's answer is waited for.
    #[must_use]
    pub fn of_agent(agent: &AgentState) -> Self {
        if agent.status == Status::Checking && agent.check.as_ref().is_some_and(CheckRun::asks) {
            return Self::Ask;
        }
        if agent.status == Status::Running && agent.asking() {
            return Self::Ask;
        }
        Self::of(agent.status)
    }

    /// The word of at most 6 letters.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Check => "check",
            Self::Merge => "merge",
            Self::Start => "start",
            Self::Join => "join",
            Self::Retry => "retry",
            Self::Froze => "froze",
            Self::Park => "park",
            Self::Ask => "ask",
            Self::Block => "block",
            Self::Ready => "ready",
            Self::Wait => "wait",
            Self::Done => "done",
            Self::Fail => "fail",
            Self::Skip => "skip",
            Self::Stop => "stop",
        }
    }
}
