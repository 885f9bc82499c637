//! The agent's screen: its state in words and figures, attempts, checks, what the plan says.
//!
//! Output and terminal are panes of their own. Nothing that came after the shown moment is told.

mod facts;
mod lists;

use super::{
    AgentRow, Mark, Source, Tone,
    ram::{self, frees::Reliefs},
    regions::{AgentNeeds, Regions},
    rows,
};
use crate::{
    display::clean_text,
    engine::Owner,
    plan::{AgentIx, NeedKind, When},
    tui::ui_state::{Tab, UiState},
};

pub(in crate::tui) use facts::facts;
pub(in crate::tui) use lists::{attempts, chosen_check, shown_attempt, steps};

/// A line of a list; several may belong to one entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListLine {
    /// The entry's number in the list.
    pub entry: usize,
    /// Its state, on its first line.
    pub mark: Option<Mark>,
    /// Text in pieces, from left to right.
    pub pieces: Vec<(String, Tone)>,
}

/// A list of entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// Visible lines.
    pub lines: Vec<ListLine>,
    /// The chosen entry's number.
    pub chosen: Option<usize>,
    /// Entries in all.
    pub total: usize,
    /// There are lines above, or below, that have no place.
    pub more: (bool, bool),
    /// In place of lines.
    pub empty: &'static str,
}

impl Listed {
    /// A window of `rows` lines onto a list, so that the chosen entry is in it.
    fn window(all: Vec<ListLine>, total: usize, chosen: Option<usize>, rows: usize) -> Self {
        let at = |entry: usize| all.iter().position(|line| line.entry == entry);
        let first = chosen.and_then(|entry| {
            let begin = at(entry)?;
            let end = at(entry + 1).unwrap_or(all.len());
            Some(end.saturating_sub(rows).min(begin))
        });
        let first = first.unwrap_or(0).min(all.len().saturating_sub(rows));
        let count = all.len();
        let lines: Vec<ListLine> = all.into_iter().skip(first).take(rows).collect();
        Self {
            more: (first > 0, first + lines.len() < count),
            lines,
            chosen,
            total,
            empty: "",
        }
    }
}

/// A neighbour in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its state.
    pub mark: Mark,
    /// Its name.
    pub name: String,
    /// How it binds, where that is not the usual way.
    pub how: &'static str,
}

/// The screen, but for its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentView {
    /// The agent as in the table.
    pub row: AgentRow,
    /// Its title, where it says more than the name.
    pub title: String,
    /// It has been in its state for so long, µs.
    pub since_us: u64,
    /// Whose sub-agent it is.
    pub parent: Option<Neighbour>,
    /// Whom it needs.
    pub needs: Vec<Neighbour>,
    /// Who needs it.
    pub needed_by: Vec<Neighbour>,
    /// Attempts, and commands of its checks, that are known.
    pub counts: (usize, usize),
    /// What it holds with its share of a model server, and how fast that grows, in words; empty: nothing to tell.
    pub memory: Vec<(&'static str, String)>,
    /// Its starts.
    pub attempts: Listed,
    /// Commands of its checks and gates.
    pub checks: Listed,
    /// Visible lines of what the plan says.
    pub plan: Vec<(String, Tone)>,
    /// First of them, and lines in all.
    pub plan_place: (usize, usize),
}

/// Which agent the screen shows.
#[must_use]
pub fn shown(source: Source<'_>, ui: &UiState) -> Option<AgentIx> {
    ui.agent().and_then(|id| source.state.find(id))
}

/// The division of the screen, but for the line of a replay.
#[must_use]
pub fn regions(source: Source<'_>, ui: &UiState) -> Regions {
    let ix = shown(source, ui);
    let attempts = ix.map_or(0, |ix| lists::attempt_lines(source, ix).len());
    let checks = ix.map_or(0, |ix| lists::check_lines(source, ix).len());
    let needs = AgentNeeds {
        tab: ui.on_agent.tab,
        zoom: ui.on_agent.zoom.is_some(),
        footer: ix.is_some_and(|ix| source.state.agent(ix).opened()),
        attempts,
        checks,
    };
    super::regions::agent(source.size(ui), needs)
}

/// Projects the screen.
#[must_use]
pub fn agent(source: Source<'_>, ui: &UiState, r: &Regions, now_us: u64) -> Option<AgentView> {
    let Source { state, chart, .. } = source;
    let ix = shown(source, ui)?;
    let plan = state.setup.plan.agent(ix);
    let name = &chart.names[ix.ix()];
    let title = clean_text(&plan.title, 120);
    let neighbour = |other: AgentIx, kind: NeedKind, when: &When| Neighbour {
        mark: Mark::of_agent(state.agent(other)),
        name: chart.names[other.ix()].clone(),
        how: match (when, kind) {
            (When::Failed, _) => "if it fails",
            (When::Skipped, _) => "if it is skipped",
            (When::Ended, _) => "once it ends",
            (When::Output(_), _) => "if it leaves a file",
            (When::Succeeded, NeedKind::Soft) => "if it can",
            (When::Succeeded, NeedKind::Hard) => "",
        },
    };
    let needs = plan
        .needs
        .iter()
        .map(|need| neighbour(need.agent, need.kind, &need.when))
        .collect();
    let needed_by = chart
        .succs(ix)
        .iter()
        .filter_map(|&other| {
            let needs = &state.setup.plan.agent(other).needs;
            let need = needs.iter().find(|need| need.agent == ix)?;
            Some(neighbour(other, need.kind, &need.when))
        })
        .collect();
    let attempts = lists::attempt_list(source, ui, ix, inner(r.attempts.height));
    let checks = lists::check_list(source, ui, ix, inner(r.checks.height));
    let all = facts(source, ix, usize::from(r.plan.width.saturating_sub(2)));
    let rows = inner(r.plan.height);
    let first = ui.on_agent.plan_first.min(all.len().saturating_sub(rows));
    Some(AgentView {
        row: rows::agent_row(source, ui, ix, 0, &Reliefs::new(source, now_us)),
        title: if title == *name { String::new() } else { title },
        since_us: now_us.saturating_sub(state.agent(ix).since_us),
        parent: plan
            .parent
            .map(|parent| neighbour(parent, NeedKind::Hard, &When::Succeeded)),
        needs,
        needed_by,
        counts: (attempts.total, checks.total),
        memory: ram::of_agent(source, ix),
        plan_place: (first, all.len()),
        plan: all.into_iter().skip(first).take(rows).collect(),
        attempts,
        checks,
    })
}

/// Rows below a pane's rule.
const fn inner(height: u16) -> usize {
    height.saturating_sub(1) as usize
}

/// The command of a check whose output the screen shows, where it shows one.
#[must_use]
pub fn check_shown(source: Source<'_>, ui: &UiState) -> Option<(Owner, (u32, u32, u32))> {
    if ui.on_agent.tab != Tab::Checks || ui.on_agent.zoom.is_some() {
        return None;
    }
    let ix = shown(source, ui)?;
    let (key, step) = chosen_check(source, ui, ix)?;
    step.ended.is_some().then_some((Owner::Agent(ix), key))
}
