//! The report in rows: outcome, agents, measures, bottlenecks, waits, memory.
//!
//! The same report as `report.md`, made from the moment that is shown. Must not compute figures:
//! [`crate::report::run`] does.

mod controller;
mod sections;

use crate::{
    plan::AgentIx,
    report::run::{
        Bottleneck, RunReport, agent_line,
        gates::shared,
        waits::{self, Found},
    },
    tui::ui_state::UiState,
};

use super::{Source, Tone};
use sections::{
    agent_row, agents, bottleneck_row, bottlenecks, columns_of_agents, gates, line, memory,
    missing, outcome, recommendations, targets, wait_row, waits_heading,
};

/// One row: cells with their first column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportRow {
    /// Column, text, tone.
    pub cells: Vec<(u16, String, Tone)>,
    /// A section's name.
    pub heading: bool,
    /// The moment behind it: a record.
    pub seq: Option<u64>,
    /// The agent behind it.
    pub agent: Option<String>,
    /// What it leads to beside.
    pub lead: Option<super::merge::Lead>,
}

/// The screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Visible rows.
    pub rows: Vec<ReportRow>,
    /// The selected one among them.
    pub selected: Option<usize>,
    /// Rows above the first visible one.
    pub first: usize,
    /// Rows in all.
    pub total: usize,
}

/// All rows: words are made for those that are looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    parts: Vec<Part>,
    /// Columns of the screen.
    columns: u16,
    /// The moment that they tell of (elapsed µs).
    now_us: u64,
}

/// A stretch of rows.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Rows(Vec<ReportRow>),
    /// So many agents, in the plan's order.
    Agents(usize),
    Bottlenecks(Vec<Bottleneck>),
    Waits(Vec<Found>),
}

impl Part {
    const fn len(&self) -> usize {
        match self {
            Self::Rows(rows) => rows.len(),
            Self::Agents(n) => *n,
            Self::Bottlenecks(all) => all.len(),
            Self::Waits(all) => all.len(),
        }
    }
}

impl Rows {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(Part::len).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One row, of the moment that all were made of.
    #[must_use]
    pub fn row(&self, source: Source<'_>, mut at: usize) -> Option<ReportRow> {
        let part = self.parts.iter().find(|part| {
            let here = at < part.len();
            if !here {
                at -= part.len();
            }
            here
        })?;
        let state = source.state;
        let mut row = match part {
            Part::Rows(rows) => rows[at].clone(),
            Part::Agents(_) => {
                let line = agent_line(state, AgentIx::of(at), self.now_us);
                agent_row(&line, &columns_of_agents(source), self.columns)
            }
            Part::Bottlenecks(all) => bottleneck_row(&all[at]),
            Part::Waits(all) => wait_row(&all[at].told(state)),
        };
        // A row of an agent leads to the moment at which its state began.
        let ix = row.agent.as_deref().and_then(|id| state.find(&id.into()));
        if let (Some(ix), Some(history)) = (ix, source.history) {
            let past = history.until(state.seq, self.now_us);
            row.seq = past.spans(ix).next_back().map(|span| span.from_seq);
        }
        Some(row)
    }
}

/// Shows so many of all rows.
#[must_use]
pub fn report(source: Source<'_>, all: &Rows, ui: &UiState, rows: usize) -> Report {
    let total = all.len();
    let selected = ui.report_at.min(total.saturating_sub(1));
    let first = super::timeline::window(ui.report_first, Some(selected), total, rows);
    Report {
        rows: (first..total)
            .take(rows)
            .filter_map(|at| all.row(source, at))
            .collect(),
        selected: selected.checked_sub(first),
        first,
        total,
    }
}

/// Every row.
#[must_use]
pub fn all(source: Source<'_>, columns: u16) -> Rows {
    let now_us = source.now_us();
    let rows = |parts| Rows {
        parts,
        columns,
        now_us,
    };
    let Some(history) = source.history else {
        return rows(vec![Part::Rows(vec![line("reads the run", Tone::Dim)])]);
    };
    let state = source.state;
    let past = history.until(state.seq, now_us);
    let planned = source.planned.map(|planned| planned.end_us);
    let mut report = RunReport::brief(state, past, source.trend.until(now_us), planned);
    let mut head = Vec::new();
    outcome(&mut head, &report);
    agents(&mut head, source);
    let mut found = Vec::new();
    gates(&mut found, &shared(state, past));
    targets(&mut found, &report, columns);
    bottlenecks(&mut found, &report);
    let mut rest = Vec::new();
    recommendations(&mut rest, &report);
    let waits = waits::find(state, past);
    waits_heading(&mut rest, &waits);
    let mut tail = Vec::new();
    memory(&mut tail, &report);
    controller::decisions(&mut tail, &report);
    missing(&mut tail, &report);
    rows(vec![
        Part::Rows(head),
        Part::Agents(state.agents.len()),
        Part::Rows(found),
        Part::Bottlenecks(std::mem::take(&mut report.bottlenecks)),
        Part::Rows(rest),
        Part::Waits(waits),
        Part::Rows(tail),
    ])
}
