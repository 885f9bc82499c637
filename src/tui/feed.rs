//! What the dashboard is fed with, and what it asks for: the same for a live run and for a replay.
//!
//! Plain data. The dashboard never reaches sockets, processes or files; whoever opens it (the
//! `cli`) connects these channels to a client of the runner or to a recording.

use jiff::civil::Date;

use crate::{
    engine::{Action, Owner, Record, State},
    plan::{AgentIx, TrackIx},
    report::history::History,
    resources::{Point, Sample},
    schedule::Planned,
};

use super::log::LogAsk;

/// News for the dashboard.
#[derive(Debug, Clone)]
pub enum Update {
    /// The whole state: at the start, and after the connection was lost and made again.
    Snapshot(Box<State>),
    /// Events that the snapshot contains already, in order: what happened lately.
    Past(Vec<Record>),
    /// What happened to every agent up to the snapshot with this number.
    History {
        /// That number.
        seq: u64,
        /// Spans and marks.
        history: Box<History>,
        /// The schedule that the run began with.
        planned: Box<Planned>,
    },
    /// Pressure and memory of the agents over time, up to the newest reading.
    Trend(Vec<Point>),
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
    /// Records for the log, oldest first.
    Log {
        /// The request's number.
        id: u64,
        /// What the filter let through.
        records: Vec<Record>,
        /// Everything from this record on was looked through.
        from: u64,
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
    /// A status card's file, as asked for.
    Card {
        /// Of which track; none: of agents without one.
        track: Option<TrackIx>,
        /// Of which day; none: only the days were asked for.
        day: Option<Date>,
        /// Days of which there are cards, in order.
        days: Vec<Date>,
        /// What stands in it: hostile, to be cleaned before it is shown. None: there is none.
        text: Option<String>,
    },
    /// Answer to an action.
    Ack {
        /// Its number.
        id: u64,
        /// Accepted, or why not.
        result: Result<(), String>,
    },
    /// Where a replay stands.
    Clock(Clock),
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
    /// A status card's file, and the days of which there are cards.
    Card {
        /// Of which track; none: of agents without one.
        track: Option<TrackIx>,
        /// Of which day; none: the days alone.
        day: Option<Date>,
    },
    /// Older records for the log.
    Log(LogAsk),
    /// Steers a replay; nobody takes it in a live run.
    Replay(Replay),
}

/// Where a replay stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Its moment (elapsed µs).
    pub at_us: u64,
    /// The recording's last moment (elapsed µs).
    pub end_us: u64,
    /// The last record that has happened.
    pub seq: u64,
    /// The recording's last record.
    pub last_seq: u64,
    /// Time passes.
    pub playing: bool,
    /// How fast, in permille of real time.
    pub speed_permille: u32,
}

/// What a person does with a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// Play or pause; at the end: from the beginning.
    Toggle,
    /// So many speeds faster, or slower.
    Speed(i8),
    /// So many records on, or back.
    Step(i32),
    /// So many seconds on, or back.
    Seconds(i64),
    /// To a moment (elapsed µs).
    Time(u64),
    /// To a record.
    Seq(u64),
    /// To the next mark, or the one before.
    Mark(i8),
}
