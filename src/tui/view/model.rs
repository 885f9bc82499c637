//! The plain data of a view: what each panel shows.
//!
//! Must not know how it is made or drawn.

use super::bars::{Base, Memory};
use super::{graph::GraphView, mark::Mark, notes::Note, regions::Regions, words::Tone};
use crate::{
    agents::Used,
    engine::Zone,
    plan::AgentIx,
    tui::{preferences::ThemeChoice, ui_state::RowId},
};

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Name of the plan.
    pub plan: String,
    /// Short identifier of the run.
    pub run: String,
    /// Mode, with the cap where it is not sequential.
    pub mode: String,
    /// Time that the run has been alive, µs.
    pub elapsed_us: u64,
    /// Estimate of what is left, µs; none: nothing is.
    pub left_us: Option<u64>,
    /// Agents that are done.
    pub done: usize,
    /// Agents in all.
    pub total: usize,
    /// Agents by state, those with any.
    pub counts: Vec<(Mark, usize)>,
    /// Time of day of the last news.
    pub clock: String,
    /// Recording, or what is wrong with it.
    pub fault: Option<String>,
    /// What the whole run is doing beside running: stopping, ended, connection lost.
    pub banner: Option<(String, Tone)>,
    /// Memory pressure, of what, and zone, for small screens.
    pub pressure: Option<(u32, Base, Zone)>,
    /// Phases with a red gate.
    pub red: usize,
    /// Things that wait for a person, where no block of the screen tells them.
    pub waits: usize,
}

/// Memory of one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ram {
    /// What its processes hold now, bytes; none: it has no process.
    pub own: Option<u64>,
    /// That is only an upper bound: shared pages count in each of its processes.
    pub at_most: bool,
    /// Highest so far, bytes.
    pub peak: u64,
    /// Reserved, bytes.
    pub reserved: u64,
    /// The reservation was not stated but guessed.
    pub guessed: bool,
    /// How its use compares with its reservation.
    pub zone: Zone,
}

/// Estimate of the time that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// About so long, µs.
    About(u64),
    /// Over its expected time by so long, µs.
    Over(u64),
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// A heading.
    Group {
        /// Its name.
        name: String,
        /// Its title, where it says more than the name.
        title: String,
        /// What there is to say about it.
        text: String,
        /// How that is meant.
        tone: Tone,
        /// Agents done.
        done: usize,
        /// Agents in all.
        total: usize,
        /// Counts worth a word.
        counts: Vec<(Mark, usize)>,
        /// Memory resident in all its agents, bytes.
        ram: u64,
        /// It holds the critical path.
        critical: bool,
        /// Folded away.
        closed: bool,
    },
    /// An agent.
    Agent(Box<AgentRow>),
    /// The fold of what is done.
    Done {
        /// Agents in it that are done.
        count: usize,
        /// Agents in it that were skipped by their own condition.
        skipped: usize,
        /// Their names.
        names: String,
        /// Listed below.
        open: bool,
    },
}

/// An agent's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// Which.
    pub ix: AgentIx,
    /// Levels below its group.
    pub depth: u8,
    /// Its state.
    pub mark: Mark,
    /// Its id.
    pub name: String,
    /// Marked by the person.
    pub marked: bool,
    /// Pressure never takes it back.
    pub pinned: bool,
    /// On the critical path.
    pub critical: bool,
    /// Its sub-agents are folded away.
    pub closed: bool,
    /// What it does or why it waits.
    pub now: String,
    /// How that is meant.
    pub tone: Tone,
    /// Its worker; a coming one after an arrow.
    pub worker: String,
    /// Another worker was asked for.
    pub swapping: bool,
    /// Attempt and how many there may be.
    pub attempt: (u32, u32),
    /// Wave.
    pub wave: u32,
    /// Priority, where it is not normal.
    pub priority: &'static str,
    /// Time that its process has run, µs.
    pub age_us: Option<u64>,
    /// Time since its last output, µs.
    pub quiet_us: Option<u64>,
    /// It is silent for longer than it should.
    pub quiet: bool,
    /// Its memory.
    pub ram: Option<Ram>,
    /// Bytes of its output.
    pub output: Option<u64>,
    /// Lines that its work added and removed, once that is collected.
    pub diff: Option<(u64, u64)>,
    /// Processes of its tree.
    pub processes: Option<u32>,
    /// What its program says that all its attempts have used; none: it says nothing of that.
    pub used: Option<Used>,
    /// It can be told something.
    pub hears: bool,
    /// A person can work in its session, or type into its terminal.
    pub opens: bool,
    /// What is left.
    pub left: Option<Left>,
}

/// The table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Visible rows.
    pub rows: Vec<Row>,
    /// Number of the first visible row.
    pub first: usize,
    /// Rows in all.
    pub total: usize,
    /// The selected row among the visible ones.
    pub selected: Option<usize>,
    /// Agents that the filter lets through.
    pub matched: Option<usize>,
    /// Columns of the widest name.
    pub name_width: usize,
    /// Columns of the widest worker, 0: nobody has one.
    pub worker_width: usize,
    /// Whether anybody's work is a diff of its own.
    pub diffs: bool,
    /// Whether anybody's program says what it has used: tokens, money.
    pub used: (bool, bool),
    /// Whether anybody has more than one attempt.
    pub retries: bool,
    /// Marked agents.
    pub marked: usize,
}

/// A card of a phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// First of its kind: the heading above it.
    pub heading: Option<&'static str>,
    /// Name.
    pub name: String,
    /// Agents that are done, at work, failed or blocked, and in all.
    pub done: usize,
    /// At work.
    pub active: usize,
    /// Failed, blocked.
    pub bad: usize,
    /// In all.
    pub total: usize,
    /// Word at the right.
    pub word: String,
    /// How it is meant.
    pub tone: Tone,
    /// More about it.
    pub text: String,
}

/// Something that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The row that it is about; none: the run.
    pub row: Option<RowId>,
    /// Its number in the run; 0: it was not recorded as waiting.
    pub id: u32,
    /// How it looks.
    pub mark: Mark,
    /// The word of at most 6 letters.
    pub word: &'static str,
    /// Whose: an agent, or a phase.
    pub name: String,
    /// Since when it waits, µs ago.
    pub since_us: u64,
    /// What happened.
    pub text: String,
    /// Whom it holds up, the first of them by name; empty: nobody.
    pub holds: String,
}

/// What waits for a person, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attention {
    /// Those that have a place.
    pub shown: Vec<Demand>,
    /// All.
    pub total: usize,
}

/// The output pane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutputView {
    /// Whose, or what it is where that is known; empty: nobody is selected.
    pub name: String,
    /// Its state.
    pub mark: Option<Mark>,
    /// Worker.
    pub worker: String,
    /// Attempt.
    pub attempt: u32,
    /// The newest one.
    pub newest: u32,
    /// What the lines are, where they are not the agent's own output.
    pub of: &'static str,
    /// Visible rows.
    pub rows: Vec<super::output::OutputRow>,
    /// How far a search has come, in words; empty: nothing is searched for.
    pub search: String,
    /// Lines are cut, not broken, at the pane's edge.
    pub cut: bool,
    /// First visible column of lines that are cut.
    pub column: usize,
    /// It follows the end.
    pub follows: bool,
    /// Place of the last shown byte and size of the file.
    pub place: (u64, u64),
    /// In place of lines.
    pub empty: &'static str,
    /// Title and details of the selected agent, for when there is no output.
    pub about: Vec<(String, Tone)>,
}

/// Everything that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// Themes of the picker, while it is open.
    pub themes: Vec<ThemeChoice>,
    /// Entries of the palette, while it is open.
    pub palette: Vec<crate::tui::palette::Entry>,
    /// The merge queue in place of what happened lately.
    pub line: Option<Vec<(String, Tone)>>,
    /// What comes together, on a screen of its own.
    pub merge: Option<super::report::Report>,
    /// A conflict, on a screen of its own.
    pub clash: Option<super::clash::ClashView>,
    /// Finished work to read, on a screen of its own.
    pub review: Option<super::review::ReviewView>,
    /// The report, where it is looked at.
    pub report: Option<super::report::Report>,
    /// The log, where it is looked at.
    pub log: Option<super::log::Log>,
    /// The line of a replay.
    pub scrubber: Option<super::scrubber::Scrubber>,
    /// The timeline, where it is looked at.
    pub timeline: Option<super::timeline::Timeline>,
    /// Where.
    pub regions: Regions,
    /// First line.
    pub header: Header,
    /// Memory, where it was measured.
    pub memory: Option<Memory>,
    /// Who would be parked next, in words, where pressure is high.
    pub victim: Option<super::ram::frees::Victim>,
    /// The memory pane, where it is shown.
    pub ram: Option<super::ram::RamPane>,
    /// Models that servers hold.
    pub servers: Vec<super::ServerRow>,
    /// What waits for a person.
    pub attention: Attention,
    /// One agent, where it is looked at.
    pub agent: Option<Box<super::agent::AgentView>>,
    /// The queue in front of the screen.
    pub queue: Option<super::QueueView>,
    /// The wave graph, where it has a place.
    pub graph: Option<GraphView>,
    /// The phase that is at work, in words.
    pub phase: Option<(String, Tone)>,
    /// The table.
    pub table: Table,
    /// Cards of phases, in the side column.
    pub cards: Vec<Card>,
    /// The daily status, where it has a place.
    pub status: Option<super::status::StatusPane>,
    /// A card as a page, while it is looked at.
    pub page: Option<super::status::Page>,
    /// The selected agent's output.
    pub output: OutputView,
    /// Its terminal in place of it, where it runs in one.
    pub terminal: Option<super::terminal::TerminalView>,
    /// Last events, newest first.
    pub lately: Vec<(String, Note)>,
}
