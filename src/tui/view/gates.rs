//! Cohorts in words: the gates of tracks, of waves and of the run.
//!
//! Must not decide what waits for them: the state says.

use crate::{
    display::clean_text,
    engine::{self, CheckRun, CohortIx, Owner, PhaseStatus, State},
};

use super::{
    Source,
    cards::tally,
    model::Card,
    why,
    words::{SENTENCE, Tone},
};

/// Why whoever waits for the gates of a cohort waits.
pub(super) fn waits(state: &State, cohort: CohortIx) -> String {
    let gates = &state.cohorts[cohort.ix()];
    let name = state.setup.cohorts[cohort.ix()].to_string();
    let asks = (gates.check.as_ref()).is_some_and(CheckRun::asks);
    let text = match gates.status {
        PhaseStatus::Failed if gates.gate_red => format!("red gate of {name}"),
        PhaseStatus::Failed => format!("{name} did not pass"),
        _ if asks => format!("{name} waits for your yes"),
        _ => format!("after the gates of {name}"),
    };
    clean_text(&text, SENTENCE)
}

/// The cards of the cohorts, below those of phases.
pub(super) fn cards(source: Source<'_>) -> Vec<Card> {
    let Source { state, .. } = source;
    let figures = source.figures;
    let points = state.setup.cohorts.iter().zip(&state.cohorts).enumerate();
    let card = |(i, (point, gates)): (usize, (&engine::Cohort, &engine::PhaseState))| {
        let (done, active, bad, total) = tally(state, point.members.iter());
        let over = state.finished.is_some();
        let (word, tone) = match gates.status {
            PhaseStatus::Waiting | PhaseStatus::Running if over => ("not run", Tone::Dim),
            PhaseStatus::Checking if over => ("not done", Tone::Warn),
            PhaseStatus::Waiting | PhaseStatus::Running => ("waits", Tone::Dim),
            PhaseStatus::Checking => ("gate", Tone::Warn),
            PhaseStatus::Completed => ("passed", Tone::Good),
            PhaseStatus::Failed if gates.gate_red => ("red", Tone::Bad),
            PhaseStatus::Failed => ("not run", Tone::Bad),
        };
        let text = match gates.status {
            PhaseStatus::Checking => why::check(state, figures, Owner::Cohort(CohortIx::of(i))).0,
            _ => clean_text(gates.reason.as_deref().unwrap_or_default(), SENTENCE),
        };
        Card {
            heading: (i == 0).then_some("GATES"),
            name: clean_text(&point.to_string(), SENTENCE),
            done,
            active,
            bad,
            total,
            word: word.to_owned(),
            tone,
            text,
        }
    };
    points.map(card).collect()
}
