//! What the dashboard is fed with, and what it asks for: the same for a live run and for a replay.
//!
//! Plain data. The dashboard never reaches sockets, processes or files; whoever opens it (the
//! `cli`) connects these channels to a client of the runner or to a recording.

use std::{collections::BTreeMap, sync::Arc};

use jiff::civil::Date;

use crate::{
    conflict::ConflictDoc,
    engine::{Action, Owner, Record, State},
    plan::{AgentIx, TrackIx},
    report::history::History,
    resources::{Point, Sample},
    schedule::Planned,
};

use super::{chart::Chart, log::LogAsk};

/// News for the dashboard.
#[derive(Debug, Clone)]
pub enum Update {
    /// The whole state: at the start, and after the connection was lost and made again.
    Snapshot(Box<State>),
    /// The picture of a large plan, its graph placed; smaller ones the dashboard places itself.
    Chart(Arc<Chart>),
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
    /// A terminal that was asked for, from a place where nothing before it shows any more.
    ///
    /// A screen that begins empty at `cols` x `rows` and takes `prelude` and `bytes`, with each of
    /// `resizes` where it stands, is the screen of then. What comes after is asked for with [`Request::Output`].
    Terminal {
        /// Whose.
        agent: AgentIx,
        /// Which attempt.
        attempt: u32,
        /// Columns at `offset`.
        cols: u16,
        /// Rows at `offset`.
        rows: u16,
        /// Puts an empty screen into the modes and colours of `offset`; not part of the file.
        prelude: Vec<u8>,
        /// Where `bytes` begin in the output file.
        offset: u64,
        /// From which place in the file on it has how many columns and rows, in order; all after
        /// `offset` that are known, those beyond `bytes` too.
        resizes: Vec<(u64, u16, u16)>,
        /// Raw bytes: hostile, for a screen of cells alone.
        bytes: Vec<u8>,
        /// Size of the file, at the moment that was asked for.
        total: u64,
    },
    /// The terminal that was opened last has printed more: its file has this size now. Comes at
    /// most some thirty times a second; in a replay as its clock goes on.
    Grew {
        /// Whose.
        agent: AgentIx,
        /// Which attempt.
        attempt: u32,
        /// Size of the file.
        total: u64,
    },
    /// The terminal that was opened last has another size from a place in its file on; may come
    /// before the bytes up to there, and may be known already.
    Resized {
        /// Whose.
        agent: AgentIx,
        /// Which attempt.
        attempt: u32,
        /// The place.
        offset: u64,
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// About the keyboard of an agent.
    Keyboard {
        /// Whose.
        agent: AgentIx,
        /// Whether this dashboard holds it now. It comes without being asked when it is taken away:
        /// the agent has ended. An error changes nothing: the keyboard could not be had, or keys
        /// did not arrive, and why.
        held: Result<bool, String>,
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
    /// What one command of a check printed, as asked for.
    Check {
        /// Whose check.
        owner: Owner,
        /// Which: attempt (or round of a phase's gates), round within it, step.
        key: (u32, u32, u32),
        /// The end of it, raw: hostile, to be sanitised before it is shown.
        bytes: Vec<u8>,
    },
    /// The prompt that an attempt was given, as asked for.
    Prompt {
        /// Whose.
        agent: AgentIx,
        /// Which attempt.
        attempt: u32,
        /// It, raw: hostile, to be cleaned before it is shown. None: there is none.
        text: Option<Vec<u8>>,
    },
    /// What has changed in the repository since the run began.
    Diff {
        /// Raw: hostile, to be sanitised before it is shown; or why there is none.
        result: Result<Vec<u8>, String>,
    },
    /// The texts of a conflict, as asked for.
    Clash {
        /// What was asked for.
        ask: ClashAsk,
        /// They, or why they cannot be had.
        result: Result<Arc<Texts>, String>,
    },
    /// A person's text for a place of a conflict is kept.
    Kept {
        /// Where it belongs.
        place: Spot,
        /// Its name, or why it could not be kept.
        result: Result<String, String>,
    },
    /// The diff of finished work, as asked for.
    Review {
        /// What was asked for.
        ask: ReviewAsk,
        /// Raw: hostile, to be sanitised before it is shown; or why there is none.
        result: Result<Vec<u8>, String>,
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
    /// Opens the terminal of an attempt, from its newest restart point on; the answer is
    /// [`Update::Terminal`]. Until another one is opened, [`Update::Grew`] and [`Update::Resized`]
    /// tell how it goes on. To be asked again after an [`Update::Snapshot`].
    Terminal {
        /// Whose.
        agent: AgentIx,
        /// Which attempt.
        attempt: u32,
        /// As it was at this moment (elapsed µs); none: as it is, in a replay at its clock.
        at_us: Option<u64>,
    },
    /// Takes an agent's keyboard, or gives it back; the answer is [`Update::Keyboard`].
    Keyboard {
        /// Whose.
        agent: AgentIx,
        /// Take it.
        take: bool,
    },
    /// Keys for an agent whose keyboard this dashboard holds, as a terminal sends them.
    Keys {
        /// Whose.
        agent: AgentIx,
        /// They; never recorded.
        bytes: Vec<u8>,
    },
    /// How large this dashboard shows a terminal. Who holds the keyboard has it so, else who asked
    /// last; 0 columns or rows: it is shown no more.
    Size {
        /// Whose.
        agent: AgentIx,
        /// Which attempt.
        attempt: u32,
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// What the last check command of an agent or a phase printed.
    Evidence {
        /// Whose.
        owner: Owner,
        /// Attempt of the agent, or round of the phase's gates.
        attempt: u32,
    },
    /// What one command of a check printed.
    Check {
        /// Whose check.
        owner: Owner,
        /// Which: attempt (or round of a phase's gates), round within it, step.
        key: (u32, u32, u32),
    },
    /// The prompt that an attempt was given.
    Prompt {
        /// Whose.
        agent: AgentIx,
        /// Which attempt.
        attempt: u32,
    },
    /// What has changed in the repository since a commit.
    Diff {
        /// The commit that the run began with.
        base: String,
        /// The commit that is looked at; none: the working tree.
        commit: Option<String>,
    },
    /// The texts of a conflict.
    Clash(ClashAsk),
    /// Keeps a person's text for a place of a conflict; the answer is [`Update::Kept`].
    Keep {
        /// Where it belongs.
        place: Spot,
        /// It.
        text: String,
    },
    /// The diff of finished work.
    Review(ReviewAsk),
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

/// What is asked about a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClashAsk {
    /// Its number.
    pub id: u32,
    /// Names of the texts of persons that were chosen in it.
    pub edits: Vec<String>,
    /// Merges that were begun by then: each may find it changed.
    pub merge: u32,
}

/// The texts of a conflict.
#[derive(Debug, PartialEq, Eq)]
pub struct Texts {
    /// All sides of all files: hostile, to be cleaned before they are shown.
    pub doc: ConflictDoc,
    /// Texts of persons by their names; likewise.
    pub edits: BTreeMap<String, String>,
}

/// A place of a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Number of the conflict.
    pub conflict: u32,
    /// The file, as actions name it.
    pub file: String,
    /// Key of the hunk; none: the file as a whole.
    pub hunk: Option<String>,
}

/// Which finished work is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewAsk {
    /// Whose.
    pub agent: AgentIx,
    /// Which attempt.
    pub attempt: u32,
    /// The commit that it began at.
    pub base: String,
    /// Its commit.
    pub commit: String,
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
    /// To a record, and pause there.
    Seq(u64),
}
