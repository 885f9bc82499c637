//! What the check that a person has to look at printed: asked for when its row is selected.

use super::{App, queue};
use crate::{
    engine::{AttentionKind, Owner, Status},
    tui::{
        output::Evidence,
        ui_state::{Group, RowId},
    },
};

/// Turns to the evidence of the selected row, where it is blocked or red.
pub(super) fn follow_evidence(app: &mut App) {
    let wanted = of_selection(app);
    let known = app.evidence.as_ref().map(|e| (e.owner, e.attempt));
    if wanted == known {
        return;
    }
    app.evidence = wanted.map(|(owner, attempt)| Evidence::new(owner, attempt));
    app.evidence_wanted = wanted.is_some();
}

fn of_selection(app: &App) -> Option<(Owner, u32)> {
    if let Some(item) = queue::chosen(app) {
        let red = item.kind == AttentionKind::FailedGate;
        let owner = item.owner.filter(|_| red)?;
        return Some((owner, item.attempt));
    }
    let state = app.state.as_ref()?;
    match app.ui.selected.as_ref()? {
        RowId::Agent(id) => {
            let ix = state.find(id)?;
            let agent = state.agent(ix);
            let red =
                agent.status == Status::Blocked && !state.checks_of(Owner::Agent(ix)).is_empty();
            red.then_some((Owner::Agent(ix), agent.attempt))
        }
        RowId::Group(Group::Phase(Some(ix))) => {
            let phase = state.phases.get(ix.ix())?;
            phase.gate_red.then_some((Owner::Phase(*ix), phase.attempt))
        }
        _ => None,
    }
}
