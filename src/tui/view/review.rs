//! Finished work to read: its diff, what was said about it, and what follows.
//!
//! Pure. All text that leaves here is clean. Must not read repositories.

mod diff;

use ratatui::layout::Rect;

use crate::{
    display::clean_line,
    engine::{AttentionKind, Owner, State, WorkStage},
    plan::AgentIx,
    tui::{
        patch::{Kind, Patch},
        ui_state::ReviewUi,
    },
};

use super::{Source, Tone, merge};

/// A file of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Its path.
    pub path: String,
    /// Lines that are new and that are gone.
    pub counts: (u32, u32),
    /// Comments on it.
    pub comments: usize,
    /// It lies outside of the agent's scope.
    pub outside: bool,
}

/// A row of the diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiffRow {
    /// A line of it, with its number in the whole.
    Line {
        /// Which.
        at: usize,
        /// What it is.
        kind: Kind,
        /// Its number in the new text, else in the old; only where it begins.
        number: Option<u32>,
        /// It begins here; else it goes on from the row above.
        begins: bool,
        /// It, in stretches; true: what it stands against does not have it.
        parts: Vec<(String, bool)>,
    },
    /// What was said about the line above; true: it begins here.
    Comment(String, bool),
}

/// The screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReviewView {
    /// Whose work.
    pub title: String,
    /// Which of how many in the order of merging.
    pub nth: String,
    /// State, figures, commit.
    pub facts: String,
    /// How these are meant.
    pub tone: Tone,
    /// It asks for a person's yes.
    pub asks: bool,
    /// It was commented on, and can go back to its agent.
    pub goes_back: bool,
    /// Visible files.
    pub files: Vec<FileRow>,
    /// Files above them.
    pub files_first: usize,
    /// Files in all.
    pub files_total: usize,
    /// The file of the chosen line among the visible ones.
    pub file: Option<usize>,
    /// The same in words, for where there is no list.
    pub file_name: String,
    /// Visible rows of the diff.
    pub rows: Vec<DiffRow>,
    /// First line of the diff that is visible.
    pub first: usize,
    /// The chosen line.
    pub at: usize,
    /// Lines in all.
    pub total: usize,
    /// In place of a diff: why there is none.
    pub missing: Option<String>,
}

/// Where the parts of the screen are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Panes {
    /// Title and facts.
    pub head: Rect,
    /// Files, with their rule; empty where there is no room.
    pub files: Rect,
    /// The diff.
    pub diff: Rect,
}

/// Width from which the files have a list of their own.
const FILES: u16 = 100;

/// Divides the screen.
#[must_use]
pub fn panes(area: Rect) -> Panes {
    let head = Rect {
        height: area.height.min(2),
        ..area
    };
    let rest = Rect {
        y: area.y + head.height,
        height: area.height - head.height,
        ..area
    };
    // Below, the diff needs the columns; the heading of the diff says which file it is.
    let files = if area.width >= FILES {
        Rect {
            width: (area.width / 4).clamp(24, 48),
            ..rest
        }
    } else {
        Rect::default()
    };
    let x = if files.is_empty() { 0 } else { files.width + 1 };
    Panes {
        head,
        files,
        diff: Rect {
            x: rest.x + x,
            width: rest.width - x,
            ..rest
        },
    }
}

/// The agent's work, and where it is in the order of merging.
fn nth(state: &State, ix: AgentIx) -> String {
    let all = merge::finished(state);
    match all.iter().position(|other| *other == ix) {
        Some(at) => format!("{} of {} in the order of merging", at + 1, all.len()),
        None => String::new(),
    }
}

/// Makes the view; none: nobody's work is chosen.
#[must_use]
pub fn review(
    source: Source<'_>,
    ui: &ReviewUi,
    patch: Option<&Result<Patch, String>>,
    area: Rect,
) -> Option<ReviewView> {
    let state = source.state;
    let ix = state.find(ui.agent.as_ref()?)?;
    let agent = state.agent(ix);
    let mut view = ReviewView {
        title: format!(
            "REVIEW {}, attempt {}",
            source.chart.names[ix.ix()],
            agent.attempt
        ),
        nth: nth(state, ix),
        ..ReviewView::default()
    };
    let Some(work) = &agent.work else {
        view.missing = Some("it has no work of its own".to_owned());
        return Some(view);
    };
    let waiting = super::attention::waiting(state);
    view.asks = waiting
        .iter()
        .any(|item| item.owner == Some(Owner::Agent(ix)) && item.kind == AttentionKind::Approval);
    view.goes_back = !agent.remarks.is_empty() && work.stage != WorkStage::Merged;
    (view.facts, view.tone) = facts(source, ix, view.asks);
    let patch = match patch {
        None if work.commit.is_none() => {
            let why = match work.stage {
                WorkStage::Preparing | WorkStage::Open => {
                    "it still works: nothing is collected yet"
                }
                WorkStage::Collecting => "it is being collected",
                _ => "it changed nothing",
            };
            view.missing = Some(why.to_owned());
            return Some(view);
        }
        None => {
            view.missing = Some("reads the repository …".to_owned());
            return Some(view);
        }
        Some(Err(why)) => {
            view.missing = Some(clean_line(why, 200));
            return Some(view);
        }
        Some(Ok(patch)) => patch,
    };
    let panes = panes(area);
    view.total = patch.lines.len();
    view.at = ui.at.min(view.total.saturating_sub(1));
    let file = patch.file_at(view.at);
    let rows = usize::from(panes.files.height.saturating_sub(1));
    view.files_total = patch.files.len();
    view.files_first = super::timeline::window(0, file, view.files_total, rows);
    view.file = file.and_then(|file| file.checked_sub(view.files_first));
    view.file_name = file.map_or_else(String::new, |at| {
        let path = &patch.files[at].path;
        match view.files_total {
            1 => path.clone(),
            total => format!("{path}, {} of {total} files", at + 1),
        }
    });
    view.files = patch
        .files
        .iter()
        .skip(view.files_first)
        .take(rows)
        .map(|file| FileRow {
            path: file.path.clone(),
            counts: (file.added, file.removed),
            comments: agent.remarks.iter().filter(|r| r.file == file.path).count(),
            outside: work.outside.contains(&file.path),
        })
        .collect();
    let rows = usize::from(panes.diff.height.saturating_sub(1));
    view.first = super::timeline::window(ui.first, Some(view.at), view.total, rows);
    let columns = panes.diff.width;
    view.rows = diff::rows(patch, &agent.remarks, view.first, rows, columns);
    // What was said and what is broken takes rows: the chosen line stays in sight.
    let seen = |rows: &[DiffRow], at: usize| {
        rows.iter()
            .any(|row| matches!(row, DiffRow::Line { at: line, .. } if *line == at))
    };
    while !seen(&view.rows, view.at) && view.first < view.at {
        view.first += 1;
        view.rows = diff::rows(patch, &agent.remarks, view.first, rows, columns);
    }
    if patch.lines.is_empty() {
        view.missing = Some("nothing has changed".to_owned());
    }
    Some(view)
}

/// How the work stands.
fn facts(source: Source<'_>, ix: AgentIx, asks: bool) -> (String, Tone) {
    let state = source.state;
    let agent = state.agent(ix);
    let Some(work) = &agent.work else {
        return <_>::default();
    };
    let (stage, tone) = match work.stage {
        WorkStage::Merged => ("merged", Tone::Good),
        _ if asks => ("asks for your yes", Tone::Alert),
        WorkStage::Queued if agent.conflict.is_some() => {
            ("in conflict with what is merged", Tone::Alert)
        }
        WorkStage::Queued => ("in line for its merge", Tone::Dim),
        WorkStage::Collected => ("collected", Tone::Dim),
        _ => ("at work", Tone::Dim),
    };
    let mut all = vec![stage.to_owned(), merge::changes(work)];
    if let Some(commit) = &work.commit {
        all.push(format!(
            "{} on {}",
            merge::short(commit),
            merge::short(&work.base)
        ));
    }
    if !work.outside.is_empty() {
        all.push(format!("{} outside of its scope", work.outside.len()));
    }
    if !agent.remarks.is_empty() {
        let many = if agent.remarks.len() == 1 { "" } else { "s" };
        all.push(format!("{} comment{many}", agent.remarks.len()));
    }
    (all.join(" · "), tone)
}
