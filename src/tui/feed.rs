//! What the dashboard is fed with, and what it asks for: the same for a live run and for a replay.
//!
//! Plain data. The dashboard never reaches sockets, processes or files; whoever opens it (the
//! `cli`) connects these channels to a client of the runner or to a recording.

use crate::{
    engine::{Action, Owner, Record, State},
    plan::AgentIx,
    resources::Sample,
};

/// News for the dashboard.
#[derive(Debug, Clone)]
pub enum Update {
    /// The whole state: at the start, and after the connection was lost and made again.
    Snapshot(Box<State>),
    /// Events that the snapshot contains already, in order: what happened lately.
    Past(Vec<Record>),
    /// Events, in order, after the snapshot.
    Records(Vec<Record>),
    /// The newest reading.
    Sample(Box<Sample>),
    /// Output that was asked for.
    Output {
        /// Whose.
        agent: AgentIx,
        /// Which attempt.
        attempt: u32,
        /// Where `bytes` begin in the output file.
        offset: u64,
        /// Raw bytes: hostile, to be sanitised before they are shown.
        bytes: Vec<u8>,
        /// Size of the file.
        total: u64,
    },
    /// What the last check command of an agent or a phase printed, as asked for.
    Evidence {
        /// Whose.
        owner: Owner,
        /// Attempt of the agent, or round of the phase's gates.
        attempt: u32,
        /// The end of it, raw: hostile, to be sanitised before it is shown.
        bytes: Vec<u8>,
    },
    /// Answer to an action.
    Ack {
        /// Its number.
        id: u64,
        /// Accepted, or why not.
        result: Result<(), String>,
    },
    /// The runner is gone: ended, or the connection was lost.
    Gone {
        /// In words.
        reason: String,
    },
}

/// What the dashboard asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// An operator's action.
    Action {
        /// Number for the answer.
        id: u64,
        /// What.
        action: Action,
    },
    /// The last `max` bytes of an agent's output, or those from `offset` on.
    Output {
        /// Whose.
        agent: AgentIx,
        /// Which attempt.
        attempt: u32,
        /// From where; none: the tail.
        offset: Option<u64>,
        /// At most so many bytes.
        max: u32,
    },
    /// What the last check command of an agent or a phase printed.
    Evidence {
        /// Whose.
        owner: Owner,
        /// Attempt of the agent, or round of the phase's gates.
        attempt: u32,
    },
}
