//! What a person needs for an answer: what the check that they look at printed, asked for when its row is
//! selected, and the diff for a yes.

use super::{App, queue};
use crate::{
    engine::{AttentionKind, Owner, Status},
    tui::{
        feed::Request,
        output::{Diff, Evidence},
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

/// Asks for the diff, where an approval is looked at and nobody has.
pub(super) fn diff(app: &mut App, out: &mut Vec<Request>) {
    let kind = queue::chosen(app).map(|item| item.kind);
    let wanted = app.clock.is_none()
        && app.lost.is_none()
        && app.diff.is_none()
        && !app.diff_asked
        && matches!(kind, Some(AttentionKind::Approval | AttentionKind::Deliver));
    if !wanted {
        return;
    }
    let state = app.state.as_ref();
    let base = state.and_then(|state| state.base_commit.clone());
    let commit = state.and_then(|state| state.merges.head.clone());
    let commit = commit.filter(|_| kind == Some(AttentionKind::Deliver));
    if let Some(base) = base {
        app.diff_asked = true;
        out.push(Request::Diff { base, commit });
    } else {
        let why = "the run began outside a repository with commits";
        app.diff = Some(Diff::none(why));
    }
}
