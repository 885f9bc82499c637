//! The home screen: plans that were found, live runs, recent runs; and how to begin.
//!
//! Plain rows that were made elsewhere. Must not look for plans or runs itself.

mod draw;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{Page, Step};
use crate::tui::{action::UiAction, draw::Look, view::Tone};

/// What Enter does with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Shows the page before a run of this plan.
    Run {
        /// The plan's file, as it is given to `run`.
        plan: String,
    },
    /// Opens the deck of a live run.
    Attach {
        /// Its identifier.
        run: String,
    },
    /// Plays a run again that has ended.
    Replay {
        /// Its identifier.
        run: String,
    },
    /// Plays a run again whose runner died; `resume` goes on with it.
    Interrupted {
        /// Its identifier.
        run: String,
    },
    /// Writes a short plan.
    Init,
    /// Runs the demo.
    Demo,
    /// Shows lines to read: a plan that is wrong, the documents.
    Read {
        /// In one line.
        title: String,
        /// Clean lines.
        lines: Vec<String>,
    },
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What Enter does.
    pub target: Target,
    /// Words by column: name, then what is said of it.
    pub name: String,
    /// How the name is meant.
    pub tone: Tone,
    /// What is said of it.
    pub text: String,
    /// At the right end: an age, a duration.
    pub right: String,
    /// Lines about it, shown while it is selected: name and text.
    pub about: Vec<(String, String)>,
}

/// A heading with its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The heading.
    pub title: String,
    /// A word at its right end.
    pub note: String,
    /// Its rows.
    pub items: Vec<Item>,
    /// What is said where it has none.
    pub empty: String,
}

/// What the screen shows; made anew whenever something changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The place: the repository's folder.
    pub place: String,
    /// Branch and commit.
    pub head: String,
    /// The groups.
    pub groups: Vec<Group>,
}

/// What a person chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// What Enter does with the row.
    Open(Target),
    /// The report of a run that has ended.
    Report(String),
    /// Goes on with an interrupted run.
    Resume(String),
}

/// The home screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Home {
    found: Found,
    /// Number of the selected row over all groups.
    at: usize,
    /// First visible line of the list.
    first: std::cell::Cell<usize>,
}

impl Home {
    /// The screen of what was found.
    #[must_use]
    pub fn new(found: Found) -> Self {
        Self {
            found,
            ..Self::default()
        }
    }

    fn items(&self) -> impl Iterator<Item = &Item> {
        self.found.groups.iter().flat_map(|group| &group.items)
    }

    fn selected(&self) -> Option<&Item> {
        self.items().nth(self.at)
    }

    fn last(&self) -> usize {
        self.items().count().saturating_sub(1)
    }

    fn open(&self) -> Step<Choice> {
        match self.selected().map(|item| item.target.clone()) {
            None => Step::Say("there is nothing to open".to_owned()),
            Some(Target::Read { title, lines }) => Step::Read { title, lines },
            Some(target) => Step::Chosen(Choice::Open(target)),
        }
    }
}

impl Page for Home {
    type Choice = Choice;
    type News = Found;

    fn head(&self) -> (String, String) {
        (
            format!("home  {}", self.found.place),
            self.found.head.clone(),
        )
    }

    fn keys(&self) -> Vec<(UiAction, &'static str, &'static str)> {
        let (open, report, resume) = match self.selected().map(|item| &item.target) {
            Some(Target::Run { .. }) => ("look at it, then run", "", ""),
            Some(Target::Attach { .. }) => ("attach", "", ""),
            Some(Target::Replay { .. }) => ("replay", "report", ""),
            Some(Target::Interrupted { .. }) => ("replay", "", "resume"),
            Some(Target::Init) => ("write it", "", ""),
            Some(Target::Demo) => ("run it", "", ""),
            Some(Target::Read { .. }) => ("read", "", ""),
            None => ("", "", ""),
        };
        vec![
            (
                UiAction::Open,
                open,
                "open: run a plan (after a page to read), attach, replay, read",
            ),
            (
                UiAction::Report,
                report,
                "the report of a run that has ended",
            ),
            (
                UiAction::Do(crate::tui::action::Verb::Retry),
                resume,
                "go on with a run that was interrupted",
            ),
            (UiAction::Down, "", "next row"),
            (UiAction::Up, "", "row before"),
            (UiAction::PageDown, "", "ten rows down"),
            (UiAction::PageUp, "", "ten rows up"),
            (UiAction::HalfDown, "", "five rows down"),
            (UiAction::HalfUp, "", "five rows up"),
            (UiAction::First, "", "first row"),
            (UiAction::Last, "", "last row"),
        ]
    }

    fn leaving(&self) -> &'static str {
        "leave; runs go on"
    }

    fn news(&mut self, found: Found) {
        // The selection stays on its row, wherever that is now.
        let target = self.selected().map(|item| item.target.clone());
        self.found = found;
        let moved = target.and_then(|t| self.items().position(|item| item.target == t));
        self.at = moved.unwrap_or(self.at).min(self.last());
    }

    fn act(&mut self, action: UiAction, _: Rect) -> Step<Choice> {
        let to = |by: isize| self.at.saturating_add_signed(by).min(self.last());
        match action {
            UiAction::Open => return self.open(),
            UiAction::Report => {
                return match self.selected().map(|item| &item.target) {
                    Some(Target::Replay { run }) => Step::Chosen(Choice::Report(run.clone())),
                    _ => Step::Say("only a run that has ended has a report here".to_owned()),
                };
            }
            UiAction::Do(_) => {
                return match self.selected().map(|item| &item.target) {
                    Some(Target::Interrupted { run }) => Step::Chosen(Choice::Resume(run.clone())),
                    _ => Step::Say("only an interrupted run can go on".to_owned()),
                };
            }
            UiAction::Down => self.at = to(1),
            UiAction::Up => self.at = to(-1),
            UiAction::PageDown => self.at = to(10),
            UiAction::PageUp => self.at = to(-10),
            UiAction::HalfDown => self.at = to(5),
            UiAction::HalfUp => self.at = to(-5),
            UiAction::First => self.at = 0,
            UiAction::Last => self.at = self.last(),
            _ => {}
        }
        Step::Stay
    }

    fn click(&mut self, at: Position, area: Rect) -> Step<Choice> {
        match self.row_at(at, area) {
            Some(row) if row == self.at => self.open(),
            Some(row) => {
                self.at = row;
                Step::Stay
            }
            None => Step::Stay,
        }
    }

    fn scroll(&mut self, by: isize, _: Position, _: Rect) {
        self.at = self.at.saturating_add_signed(by.signum()).min(self.last());
    }

    fn draw(&self, area: Rect, look: Look<'_>, buf: &mut Buffer) {
        self.paint(area, look, buf);
    }
}
