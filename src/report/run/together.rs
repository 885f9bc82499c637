//! How the work came together: merges, conflicts and how each was settled, where it lies.
//!
//! Everything is in the events; this only gathers it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::markdown::text;
use crate::{
    engine::{Cohort, CohortKind, Conflict, PhaseStatus, State, Status, WorkStage},
    plan::{AgentIx, Class},
};

/// Conflicts that are listed in the Markdown; `report.json` has all.
const LISTED: usize = 50;

/// How the work of a run came together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Together {
    /// Branch that has the work.
    pub branch: Option<String>,
    /// The integrated head.
    pub commit: Option<String>,
    /// Merges in it.
    pub merges: u32,
    /// Why the work could not be handed over.
    pub error: Option<String>,
    /// Conflicts, settled or not.
    pub conflicts: Vec<ConflictLine>,
    /// What integration is checked against.
    #[serde(default)]
    pub checklist: Vec<CheckItem>,
}

/// One point of the check list of integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckItem {
    /// What.
    pub what: String,
    /// Whether it holds; none: nothing in the plan says.
    pub met: Option<bool>,
    /// By which figure.
    pub figure: String,
}

/// One conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictLine {
    /// Its number.
    pub id: u32,
    /// Whose merge met it.
    pub agent: String,
    /// Whose merged work it met.
    pub with: Vec<String>,
    /// Files, at most 50 of them.
    pub files: Vec<String>,
    /// Complexity in permille.
    pub complexity: u32,
    /// How it was to be settled.
    pub strategy: String,
    /// How it ended; none: it waits.
    pub resolved: Option<String>,
}

impl Together {
    /// Gathers it; none: no agent had a workspace of its own.
    #[must_use]
    pub fn of(state: &State) -> Option<Self> {
        if !state.setup.integrates {
            return None;
        }
        let merges = &state.merges;
        let delivery = merges.delivery.as_ref();
        let line = |(&id, conflict): (&u32, &Conflict)| ConflictLine {
            id,
            agent: state.id(conflict.agent).to_string(),
            with: conflict
                .with
                .iter()
                .map(|&ix| state.id(ix).to_string())
                .collect(),
            files: conflict.clash.files.clone(),
            complexity: conflict.clash.complexity,
            strategy: conflict.strategy.name().to_owned(),
            resolved: conflict.resolved.clone(),
        };
        Some(Self {
            branch: delivery.map(|d| d.branch.clone()).filter(|b| !b.is_empty()),
            commit: merges.head.clone(),
            merges: merges.count(),
            error: delivery.and_then(|d| d.error.clone()),
            conflicts: merges.conflicts.iter().map(line).collect(),
            checklist: checklist(state),
        })
    }

    /// Writes it as a section of Markdown.
    pub(super) fn render(&self, out: &mut String) {
        out.push_str("## How the work came together\n\n");
        let place = match &self.branch {
            Some(branch) => format!("on branch `{}`", text(branch)),
            None => "on no branch".to_owned(),
        };
        let _ = writeln!(out, "{} merges; the work is {place}.\n", self.merges);
        if let Some(error) = &self.error {
            let _ = writeln!(out, "Not handed over: {}.\n", text(error));
        }
        out.push_str("| check list | | |\n|---|---|---|\n");
        for item in &self.checklist {
            let met = match item.met {
                Some(true) => "yes",
                Some(false) => "**no**",
                None => "–",
            };
            let _ = writeln!(out, "| {} | {met} | {} |", item.what, text(&item.figure));
        }
        out.push('\n');
        if self.conflicts.is_empty() {
            out.push_str("No conflicts.\n\n");
            return;
        }
        out.push_str("| conflict | agent | with | files | complexity | how | outcome |\n");
        out.push_str("|---:|---|---|---|---:|---|---|\n");
        for c in self.conflicts.iter().take(LISTED) {
            let list = |names: &[String]| {
                let named: Vec<String> = names.iter().take(3).map(|n| text(n)).collect();
                match names.len().saturating_sub(3) {
                    0 => named.join(", "),
                    more => format!("{} and {more} more", named.join(", ")),
                }
            };
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {}.{:03} | {} | {} |",
                c.id,
                text(&c.agent),
                list(&c.with),
                list(&c.files),
                c.complexity / 1000,
                c.complexity % 1000,
                text(&c.strategy),
                c.resolved
                    .as_deref()
                    .map_or_else(|| "waits".to_owned(), text),
            );
        }
        if self.conflicts.len() > LISTED {
            let more = self.conflicts.len() - LISTED;
            let _ = writeln!(out, "\n{more} more in `report.json`.");
        }
        out.push('\n');
    }
}

/// The check list of integration (REQUIREMENTS F3).
fn checklist(state: &State) -> Vec<CheckItem> {
    let setup = &state.setup;
    let item = |what: &str, met, figure| CheckItem {
        what: what.to_owned(),
        met,
        figure,
    };
    let own: Vec<AgentIx> = setup.plan.indices().filter(|&ix| setup.own(ix)).collect();
    let done = |ix: &&AgentIx| state.agent(**ix).status == Status::Succeeded;
    let merged = |ix: &&AgentIx| {
        // Who changed nothing has nothing to merge.
        let work = state.agent(**ix).work.as_ref();
        work.is_some_and(|w| w.commit.is_none() || w.stage == WorkStage::Merged)
    };
    // An agent is done only when its result, as git has it, holds what it promised.
    let promise: Vec<&AgentIx> = (own.iter())
        .filter(|ix| !setup.plan.agent(**ix).outputs.is_empty())
        .collect();
    let kept = promise.iter().filter(|ix| done(ix)).count();
    let open = (state.merges.conflicts.values()).filter(|c| c.resolved.is_none());
    let open = open.count();
    let inside = own.iter().filter(|ix| done(ix) && merged(ix)).count();
    let docs: Vec<&AgentIx> = (own.iter())
        .filter(|ix| setup.plan.agent(**ix).class == Class::Docs)
        .collect();
    let written = docs.iter().filter(|ix| done(ix)).count();
    let is_run = |cohort: &Cohort| cohort.kind == CohortKind::Run;
    let tests = setup.cohorts.iter().position(is_run);
    let (passed, tests) = match tests.map(|at| &state.cohorts[at]) {
        None => (
            None,
            "the plan has no `verify` and no gates of the run".to_owned(),
        ),
        Some(gates) => match gates.status {
            PhaseStatus::Completed => (Some(true), "`verify` and the gates of the run".to_owned()),
            PhaseStatus::Failed => (Some(false), gates.reason.clone().unwrap_or_default()),
            _ => (Some(false), "not checked yet".to_owned()),
        },
    };
    vec![
        item(
            "promised files are there, and in git",
            (!promise.is_empty()).then_some(kept == promise.len()),
            format!("{kept} of {} agents with `outputs`", promise.len()),
        ),
        item(
            "all work is merged",
            Some(inside == own.len()),
            format!("{inside} of {} agents", own.len()),
        ),
        item("integration tests pass", passed, tests),
        item(
            "no conflict is open",
            Some(open == 0),
            format!("{open} open"),
        ),
        item(
            "documents are written",
            (!docs.is_empty()).then_some(written == docs.len()),
            format!("{written} of {} agents of class docs", docs.len()),
        ),
    ]
}
