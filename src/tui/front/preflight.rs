//! The page before a run: what starts, memory, time, where it works, and every command.
//!
//! Plain words that were made elsewhere. Must not shorten a command: what is executed is shown whole.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{Page, Step};
use crate::{
    display::{prefix, width},
    tui::{
        action::UiAction,
        draw::{self, Look, pen::Pen},
        view::Tone,
    },
};

/// Columns from which facts and commands stand side by side.
const TWO: u16 = 110;
/// Columns of the names of facts.
const NAME: u16 = 16;

/// A heading with its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A name and what is said of it; clean text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Name; may be empty.
    pub name: String,
    /// What is said; broken where it is too long, never cut.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// Whether a person has allowed this plan before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// This very plan was started from here before.
    Known,
    /// Another text of this file was.
    Changed,
    /// Never.
    New,
}

impl Trust {
    /// What the page says of it.
    const fn words(self) -> &'static str {
        match self {
            Self::Known => "You have run this very plan here before.",
            Self::Changed => {
                "CHANGED: this is not the plan that you ran here before. Read what it runs."
            }
            Self::New => "NEW: you have not run this plan here before. Read what it runs.",
        }
    }
}

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// Name of the plan.
    pub plan: String,
    /// Its file.
    pub file: String,
    /// Whether it was allowed before.
    pub trust: Trust,
    /// What is to be known before.
    pub facts: Vec<Section>,
    /// What is executed.
    pub commands: Vec<Section>,
    /// First row that is shown.
    pub scroll: usize,
}

/// A row of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Row {
    Blank,
    Title(String),
    Text(String, String, Tone),
}

impl Preflight {
    /// The whole page as lines of text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = vec![format!("before the run: {}, {}", self.plan, self.file)];
        out.push(self.trust.words().to_owned());
        for section in self.facts.iter().chain(&self.commands) {
            out.push(section.title.clone());
            let said = |line: &Line| match (line.name.trim(), line.text.as_str()) {
                ("", text) => text.to_owned(),
                (name, text) => format!("{name}: {text}"),
            };
            out.extend(section.lines.iter().map(said));
        }
        out.join("\n") + "\n"
    }

    /// Rows of sections in a column of so many columns.
    fn rows(sections: &[Section], columns: u16) -> Vec<Row> {
        let mut rows = Vec::new();
        for section in sections {
            if !rows.is_empty() {
                rows.push(Row::Blank);
            }
            rows.push(Row::Title(section.title.clone()));
            for line in &section.lines {
                let indent = if line.name.is_empty() { 2 } else { NAME };
                let room = usize::from(columns.saturating_sub(indent + 1).max(8));
                let own = width(&line.name) + 1 > usize::from(NAME) && !line.name.is_empty();
                let mut name = line.name.clone();
                if own {
                    rows.push(Row::Text(
                        std::mem::take(&mut name),
                        String::new(),
                        line.tone,
                    ));
                    name.push(' ');
                }
                for part in broken(&line.text, room) {
                    rows.push(Row::Text(name.clone(), part, line.tone));
                    // What follows stands below the text, not below the name.
                    " ".clone_into(&mut name);
                    if line.name.is_empty() {
                        name.clear();
                    }
                }
            }
        }
        rows
    }

    /// Columns of this area with their rows.
    fn columns(&self, area: Rect) -> Vec<(Rect, Vec<Row>)> {
        // The line about trust and one below it.
        let below = Rect {
            y: area.y + 2,
            height: area.height.saturating_sub(2),
            ..area
        };
        if area.width >= TWO {
            let left = Rect {
                width: area.width * 9 / 20,
                ..below
            };
            let right = Rect {
                x: left.right() + 1,
                width: area.width - left.width - 1,
                ..below
            };
            vec![
                (left, Self::rows(&self.facts, left.width)),
                (right, Self::rows(&self.commands, right.width)),
            ]
        } else {
            let all = [self.facts.as_slice(), self.commands.as_slice()].concat();
            vec![(below, Self::rows(&all, below.width))]
        }
    }

    fn most(&self, area: Rect) -> usize {
        self.columns(area)
            .iter()
            .map(|(at, rows)| rows.len().saturating_sub(usize::from(at.height)))
            .max()
            .unwrap_or(0)
    }

    fn to(&mut self, to: usize, area: Rect) {
        self.scroll = to.min(self.most(area));
    }
}

/// Breaks a text at blanks, and a longer word anywhere: nothing of it is lost.
fn broken(text: &str, room: usize) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = text;
    while width(rest) > room {
        let most = prefix(rest, room).max(rest.chars().next().map_or(1, char::len_utf8));
        let at = rest[..most].rfind(' ').map_or(most, |at| at + 1);
        out.push(rest[..at].to_owned());
        rest = &rest[at..];
    }
    out.push(rest.to_owned());
    out
}

impl Page for Preflight {
    type Choice = ();
    type News = ();

    fn head(&self) -> (String, String) {
        (format!("before the run  {}", self.plan), self.file.clone())
    }

    fn keys(&self) -> Vec<(UiAction, &'static str, &'static str)> {
        vec![
            (UiAction::Open, "start the run", "start the run"),
            (UiAction::Down, "scroll", "scroll down"),
            (UiAction::Up, "", "scroll up"),
            (UiAction::PageDown, "page", "a page down"),
            (UiAction::PageUp, "", "a page up"),
            (UiAction::HalfDown, "", "half a page down"),
            (UiAction::HalfUp, "", "half a page up"),
            (UiAction::First, "", "to the top"),
            (UiAction::Last, "", "to the end"),
            (UiAction::Back, "", "leave; nothing is started"),
        ]
    }

    fn leaving(&self) -> &'static str {
        "leave; nothing is started, nothing is written"
    }

    fn news(&mut self, (): ()) {}

    fn act(&mut self, action: UiAction, area: Rect) -> Step<()> {
        let page = usize::from(area.height.saturating_sub(3)).max(1);
        let at = self.scroll;
        match action {
            UiAction::Open => return Step::Chosen(()),
            UiAction::Back => return Step::Leave,
            UiAction::Down => self.to(at + 1, area),
            UiAction::Up => self.to(at.saturating_sub(1), area),
            UiAction::PageDown => self.to(at + page, area),
            UiAction::PageUp => self.to(at.saturating_sub(page), area),
            UiAction::HalfDown => self.to(at + page / 2, area),
            UiAction::HalfUp => self.to(at.saturating_sub(page / 2), area),
            UiAction::First => self.to(0, area),
            UiAction::Last => self.to(usize::MAX, area),
            _ => {}
        }
        Step::Stay
    }

    fn click(&mut self, _: Position, _: Rect) -> Step<()> {
        Step::Say("the footer starts the run, or leaves".to_owned())
    }

    fn scroll(&mut self, by: isize, _: Position, area: Rect) {
        self.to(self.scroll.saturating_add_signed(by), area);
    }

    fn draw(&self, area: Rect, look: Look<'_>, buf: &mut Buffer) {
        let theme = look.theme;
        let base = &theme.base;
        let style = match self.trust {
            Trust::Known => base.dim,
            Trust::Changed | Trust::New => base.alert,
        };
        Pen::new(buf, area, 0).to(1).put(self.trust.words(), style);
        let most = self.most(area);
        let scroll = self.scroll.min(most);
        for (at, rows) in self.columns(area) {
            let first = scroll.min(rows.len().saturating_sub(usize::from(at.height)));
            let more = rows.len().saturating_sub(first + usize::from(at.height));
            // Its last row says that there is more.
            let seen = at.height.saturating_sub(u16::from(more > 0));
            for (y, row) in (0..seen).zip(rows.iter().skip(first)) {
                match row {
                    Row::Blank => {}
                    Row::Title(title) => {
                        let line = Rect {
                            y: at.y + y,
                            height: 1,
                            ..at
                        };
                        draw::rule(buf, line, theme, title, base.strong, &[], &[]);
                    }
                    Row::Text(name, text, tone) => {
                        let mut pen = Pen::new(buf, at, y);
                        pen.to(1).put(name.trim_end(), base.dim);
                        pen.to(if name.is_empty() { 2 } else { NAME });
                        pen.put(text, draw::tone(theme, *tone));
                    }
                }
            }
            if more > 0 {
                let text = format!("{} more rows below", more + 1);
                Pen::new(buf, at, seen).to(1).put(&text, base.accent);
            }
        }
    }
}
