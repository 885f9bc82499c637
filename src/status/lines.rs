//! Lists of agents in a card, and a track's card in one line.
//!
//! All text that leaves here is clean. Must not judge.

use std::fmt::Write as _;

use crate::{
    display::{
        clean_line,
        figures::{size, span},
    },
    engine::State,
    plan::AgentIx,
};

use super::Standing;

/// Agents that a line lists by name.
const NAMED: usize = 8;

/// Agents with their titles in order of time (or of what else stands before each), and how many more
/// there are. Only those that are listed are put in order: a card is made often, of thousands.
pub(super) fn listed(state: &State, mut all: Vec<(u64, AgentIx)>) -> Vec<String> {
    let listed = all.len().min(2 * NAMED);
    if all.len() > listed {
        all.select_nth_unstable(listed);
    }
    all[..listed].sort_unstable();
    let mut out: Vec<String> = all[..listed]
        .iter()
        .map(|&(_, ix)| {
            let agent = state.setup.plan.agent(ix);
            let title = clean_line(agent.title.replace(['\n', '\r'], " "), 120);
            let title = title.trim();
            if title.is_empty() || title == agent.id.as_str() {
                agent.id.to_string()
            } else {
                format!("{}: {title}", agent.id)
            }
        })
        .collect();
    if all.len() > out.len() {
        out.push(format!("and {} more", all.len() - out.len()));
    }
    out
}

pub(super) fn names(state: &State, all: &[AgentIx]) -> String {
    let mut out: Vec<String> = all
        .iter()
        .take(NAMED)
        .map(|&ix| state.id(ix).to_string())
        .collect();
    if all.len() > NAMED {
        out.push(format!("and {} more", all.len() - NAMED));
    }
    out.join(", ")
}

/// One line about a track, for `wavedeck status`.
#[must_use]
pub fn line(standing: &Standing) -> String {
    let card = &standing.card;
    let (done, _, all) = standing.agents;
    let about = if done > 0 && card.progress_percent < 100 {
        "~"
    } else {
        ""
    };
    let mut out = format!(
        "{}  {}  {about}{} %  {done}/{all} done",
        if standing.track.is_some() {
            &card.track
        } else {
            "no track"
        },
        card.status.name(),
        card.progress_percent
    );
    if let Some(says) = standing.says_percent {
        let _ = write!(out, "  agents say {says} %");
    }
    if let Some(bytes) = card.resource_usage.ram_bytes.filter(|bytes| *bytes > 0) {
        let _ = write!(out, "  {}", size(bytes));
    }
    if let Some(late_us) = standing.late_us {
        let _ = write!(out, "  ~{} behind plan", span(late_us));
    }
    if let Some(worst) = card.blockers.first() {
        let _ = write!(out, "  {}: {}", worst.severity.name(), worst.blocker);
    }
    clean_line(out, 300)
}
