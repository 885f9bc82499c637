//! What a person has chosen to look at: selection, folds, filter, popups, scroll positions.
//!
//! Plain data without the run: the engine never sees it, and two dashboards on one run have one
//! each. Must not do I/O or hold anything of the run but ids.

mod agent;
mod lower;
mod popup;
mod work;

use std::collections::BTreeSet;

pub use agent::{AgentUi, Tab};
pub use lower::{Beside, RamSort, RamUi};
pub use popup::{Choice, Note, Popup, Queue};
use serde::{Deserialize, Serialize};
pub use work::{ClashUi, ReviewUi};

use crate::{
    engine::Level,
    plan::{AgentId, PhaseIx, TrackIx},
};

pub use super::panes::{Held, Layout, Sizes};

/// A group of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Agents of a track, or of none.
    Track(Option<TrackIx>),
    /// Agents of a phase, or of none.
    Phase(Option<PhaseIx>),
    /// Agents of a wave.
    Wave(u32),
}

/// Names a row, whatever its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowId {
    /// A heading.
    Group(Group),
    /// An agent.
    Agent(AgentId),
    /// The fold of everything that is done.
    Done,
}

/// By what rows are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// By track.
    #[default]
    Track,
    /// By phase.
    Phase,
    /// By wave.
    Wave,
    /// Not at all.
    Flat,
}

impl Grouping {
    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Track => Self::Phase,
            Self::Phase => Self::Wave,
            Self::Wave => Self::Flat,
            Self::Flat => Self::Track,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Phase => "phase",
            Self::Wave => "wave",
            Self::Flat => "nothing",
        }
    }
}

/// By what rows are sorted within their group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// What a person should look at first.
    #[default]
    Attention,
    /// As the plan has them.
    Plan,
    /// Longest running first.
    Age,
    /// Most memory first.
    Memory,
    /// By name.
    Name,
}

impl Sort {
    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Attention => Self::Plan,
            Self::Plan => Self::Age,
            Self::Age => Self::Memory,
            Self::Memory => Self::Name,
            Self::Name => Self::Attention,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Plan => "plan",
            Self::Age => "age",
            Self::Memory => "memory",
            Self::Name => "name",
        }
    }
}

/// What covers the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Screen {
    /// Everything at once.
    #[default]
    Deck,
    /// The selected agent: output or terminal, attempts, checks, plan.
    Agent,
    /// The wave graph.
    Graph,
    /// Planned against actual, over time.
    Timeline,
    /// Events.
    Log,
    /// What comes together.
    Merge,
    /// One conflict.
    Clash,
    /// One agent's finished work.
    Review,
    /// The report of the shown moment.
    Report,
}

/// Which pane the arrow keys move in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pane {
    /// The table of agents.
    #[default]
    Table,
    /// The output of the selected agent.
    Output,
    /// Who holds memory, where that stands in place of the output.
    Memory,
    /// The wave graph.
    Graph,
    /// The timeline.
    Timeline,
    /// The log.
    Log,
    /// The report.
    Report,
    /// What comes together, a conflict, a review.
    Work,
}

/// How much the wave graph shows of each agent, on a screen of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GraphZoom {
    /// Name and time.
    #[default]
    Times,
    /// The name.
    Names,
    /// Its state alone, in one cell.
    Cells,
}

impl GraphZoom {
    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Times => Self::Names,
            Self::Names => Self::Cells,
            Self::Cells => Self::Times,
        }
    }

    /// What is shown, in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Times => "names and times",
            Self::Names => "names",
            Self::Cells => "one cell for each agent",
        }
    }
}

/// Where an output pane looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Look {
    /// At the end, as it grows.
    #[default]
    Tail,
    /// At the line that begins at this byte, on the first row.
    From(u64),
}

/// How serious a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// For information.
    Plain,
    /// It worked.
    Good,
    /// It did not.
    Bad,
}

/// Everything that a person has chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct UiState {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// What covers the screen.
    pub screen: Screen,
    /// What lies in front of it, the last one on top.
    pub popups: Vec<Popup>,
    /// Where the arrow keys move.
    pub focus: Pane,
    /// The selected row.
    pub selected: Option<RowId>,
    /// A person chose it; else the selection goes to what runs.
    pub chosen: bool,
    /// First visible row of the table.
    pub scroll: usize,
    /// The selected row of the report.
    pub report_at: usize,
    /// First visible row of the report.
    pub report_first: usize,
    /// The selected row of what comes together.
    pub merge_at: usize,
    /// First visible row of it.
    pub merge_first: usize,
    /// In a conflict.
    pub clash: ClashUi,
    /// In a review.
    pub review: ReviewUi,
    /// Finished work that was looked at: agent and attempt.
    pub read: BTreeSet<(AgentId, u32)>,
    /// The selected record of the log; none: the newest, as they come.
    pub log_at: Option<u64>,
    /// The log's filter.
    pub log_filter: String,
    /// Records of the log are at least so urgent.
    pub log_level: Option<Level>,
    /// First visible row of the timeline.
    pub time_first: usize,
    /// Groups and agents whose rows are folded away.
    pub closed: BTreeSet<RowId>,
    /// Whether what is done is listed; none: only when the run has ended.
    pub show_done: Option<bool>,
    /// Marked agents.
    pub marks: BTreeSet<AgentId>,
    /// The filter.
    pub filter: String,
    /// The filter is being typed.
    pub typing: bool,
    /// How rows are grouped.
    pub grouping: Grouping,
    /// How rows are sorted.
    pub sort: Sort,
    /// Where the output pane looks.
    pub look: Look,
    /// The agent's screen.
    pub on_agent: AgentUi,
    /// What stands beside it.
    pub beside: Beside,
    /// The memory pane.
    pub ram: RamUi,
    /// Top left cell of the graph's window; none: it follows what runs.
    pub graph_at: Option<(u32, u32)>,
    /// What the wave graph shows of each agent.
    pub graph_zoom: GraphZoom,
    /// Waves that are drawn as one box.
    pub waves_closed: BTreeSet<u32>,
    /// Sizes of panes that a person has chosen.
    pub sizes: Sizes,
    /// What the mouse holds.
    pub held: Option<Held>,
    /// A message in place of the footer's hints.
    pub message: Option<(Voice, String)>,
    /// The mouse is ours.
    pub mouse: bool,
    /// When a person last did something (elapsed µs): what came later they may not have seen.
    pub seen_us: u64,
    /// The moment before that, where there was a long pause between.
    pub away_us: Option<u64>,
}

impl Default for UiState {
    fn default() -> Self {
        Self {
            size: (80, 24),
            screen: Screen::Deck,
            popups: Vec::new(),
            focus: Pane::Table,
            selected: None,
            chosen: false,
            scroll: 0,
            report_at: 0,
            report_first: 0,
            merge_at: 0,
            merge_first: 0,
            clash: ClashUi::default(),
            review: ReviewUi::default(),
            read: BTreeSet::new(),
            log_at: None,
            log_filter: String::new(),
            log_level: None,
            time_first: 0,
            closed: BTreeSet::new(),
            show_done: None,
            marks: BTreeSet::new(),
            filter: String::new(),
            typing: false,
            grouping: Grouping::default(),
            sort: Sort::default(),
            look: Look::Tail,
            on_agent: AgentUi::default(),
            beside: Beside::default(),
            ram: RamUi::default(),
            graph_at: None,
            graph_zoom: GraphZoom::default(),
            waves_closed: BTreeSet::new(),
            sizes: Sizes::default(),
            held: None,
            message: None,
            mouse: true,
            seen_us: 0,
            away_us: None,
        }
    }
}

impl UiState {
    /// The selected agent, if it is one.
    #[must_use]
    pub fn agent(&self) -> Option<&AgentId> {
        match &self.selected {
            Some(RowId::Agent(id)) => Some(id),
            _ => None,
        }
    }

    /// Whether the terminal is too small to show anything of use.
    #[must_use]
    pub const fn too_small(&self) -> bool {
        self.size.0 < MIN_SIZE.0 || self.size.1 < MIN_SIZE.1
    }
}

/// The smallest terminal that shows the deck.
pub const MIN_SIZE: (u16, u16) = (40, 10);
