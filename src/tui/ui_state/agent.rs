//! What a person has chosen on the agent's screen.

use super::{Screen, UiState};

/// The part of the agent's screen that the arrow keys move in; where the screen is narrow, the one
/// that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    /// What it printed, or its terminal.
    #[default]
    Output,
    /// Its starts.
    Attempts,
    /// Its checks and gates.
    Checks,
    /// What the plan says of it.
    Plan,
    /// What its attempt was told.
    Prompt,
}

impl Tab {
    /// All, in order.
    pub const ALL: [Self; 5] = [
        Self::Output,
        Self::Attempts,
        Self::Checks,
        Self::Plan,
        Self::Prompt,
    ];

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Output => Self::Attempts,
            Self::Attempts => Self::Checks,
            Self::Checks => Self::Plan,
            Self::Plan => Self::Prompt,
            Self::Prompt => Self::Output,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Attempts => "attempts",
            Self::Checks => "checks",
            Self::Plan => "plan",
            Self::Prompt => "prompt",
        }
    }
}

/// Choices on the agent's screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentUi {
    /// Where the arrow keys move.
    pub tab: Tab,
    /// The output covers the whole screen, without margins, to be read and copied; the way back
    /// leads to that screen.
    pub zoom: Option<Screen>,
    /// The attempt whose output is shown; none: the newest.
    pub attempt: Option<u32>,
    /// The chosen command of a check (attempt, round, step); none: the last one.
    pub check: Option<(u32, u32, u32)>,
    /// First visible line of what the plan says.
    pub plan_first: usize,
    /// First visible line of what its attempt was told.
    pub prompt_first: usize,
    /// First visible line of what a check printed, counted from its end; 0: its end.
    pub check_up: usize,
    /// Long lines are broken, not cut.
    pub wrap: bool,
    /// What an agent program prints is shown as it is, not in words.
    pub raw: bool,
    /// First visible column of lines that are cut.
    pub column: usize,
    /// A range is being marked; the place of the line where it began.
    pub mark: Option<u64>,
    /// What is searched for in the output; empty: nothing.
    pub search: String,
    /// Rows that a terminal is scrolled back.
    pub term_up: usize,
}

impl Default for AgentUi {
    fn default() -> Self {
        Self {
            tab: Tab::Output,
            zoom: None,
            attempt: None,
            check: None,
            plan_first: 0,
            prompt_first: 0,
            check_up: 0,
            wrap: true,
            raw: false,
            column: 0,
            mark: None,
            search: String::new(),
            term_up: 0,
        }
    }
}

impl UiState {
    /// Whether the agent's screen shows something else in the place of its output: what a check printed, or
    /// the prompt.
    #[must_use]
    pub const fn covers_output(&self) -> bool {
        matches!(self.screen, Screen::Agent)
            && match self.on_agent.tab {
                Tab::Prompt => true,
                Tab::Checks => self.on_agent.zoom.is_none(),
                _ => false,
            }
    }
}

impl AgentUi {
    /// Another agent is shown: what was chosen for the one before means nothing for it.
    pub fn turn(&mut self) {
        *self = Self {
            tab: self.tab,
            zoom: self.zoom,
            wrap: self.wrap,
            raw: self.raw,
            ..Self::default()
        };
    }
}
