//! Phases in few words.

use super::{Card, Source, Tone, why};
use crate::{
    engine::{PhaseState, PhaseStatus, State, Status},
    plan::AgentIx,
};

/// Agents of a set by what matters: done, at work, bad, all.
pub(super) fn tally<'a>(
    state: &State,
    agents: impl Iterator<Item = &'a AgentIx>,
) -> (usize, usize, usize, usize) {
    let mut sums = (0, 0, 0, 0);
    for &ix in agents {
        let status = state.agent(ix).status;
        sums.3 += 1;
        match status {
            Status::Succeeded => sums.0 += 1,
            Status::Blocked => sums.2 += 1,
            Status::Failed if !state.handled_above(ix) => sums.2 += 1,
            s if s.holds_slot() => sums.1 += 1,
            _ => {}
        }
    }
    sums
}

pub(super) fn cards(source: Source<'_>) -> Vec<Card> {
    let Source { state, chart, .. } = source;
    let figures = source.figures;
    let mut out = Vec::new();
    for (i, name) in chart.phases.iter().enumerate() {
        let (done, active, bad, total) = tally(state, state.setup.members[i].iter());
        let phase = &state.phases[i];
        let (word, tone) = match phase.status {
            PhaseStatus::Waiting if state.finished.is_some() => ("not run", Tone::Dim),
            PhaseStatus::Running | PhaseStatus::Checking if state.finished.is_some() => {
                ("not done", Tone::Warn)
            }
            PhaseStatus::Waiting => ("waits", Tone::Dim),
            PhaseStatus::Running => ("at work", Tone::Plain),
            PhaseStatus::Checking => ("gate", Tone::Warn),
            PhaseStatus::Completed => ("complete", Tone::Good),
            PhaseStatus::Failed => ("failed", Tone::Bad),
        };
        let text = match phase.status {
            PhaseStatus::Checking | PhaseStatus::Failed => why::phase(state, figures, i).0,
            _ => String::new(),
        };
        out.push(Card {
            heading: (i == 0).then_some("PHASES"),
            name: name.clone(),
            done,
            active,
            bad,
            total,
            word: word.to_owned(),
            tone,
            text,
        });
    }
    out.extend(super::gates::cards(source));
    out
}

/// The phase that a person should know of: one with a red gate, else the one at work, else one that
/// failed.
pub(super) fn current_phase(source: Source<'_>) -> Option<(String, Tone)> {
    let Source { state, chart, .. } = source;
    let figures = source.figures;
    let first = |is: fn(&PhaseState) -> bool| state.phases.iter().position(is);
    let at = first(|p| p.status == PhaseStatus::Failed && p.gate_red)
        .or_else(|| first(|p| matches!(p.status, PhaseStatus::Running | PhaseStatus::Checking)))
        .or_else(|| first(|p| p.status == PhaseStatus::Failed))?;
    let (done, _, _, total) = tally(state, state.setup.members[at].iter());
    let (text, tone) = why::phase(state, figures, at);
    let mut line = format!("phase {} {done}/{total}", chart.phases[at]);
    if !text.is_empty() {
        line = format!("{line} · {text}");
    }
    Some((line, tone))
}
