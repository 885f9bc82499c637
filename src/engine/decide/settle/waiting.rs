//! Leaving `waiting`: needs are met, or one of them never will be.

use crate::{
    engine::{Event, State, Status},
    plan::{AgentIx, When},
};

/// An agent whose needs are all met, or one of them never will be.
pub(super) fn leave_waiting(state: &State, ix: AgentIx) -> Event {
    let agent = state.agent(ix);
    if agent.needs_lost > 0 {
        return skip(state, ix);
    }
    if state.setup.has_process(ix) {
        Event::AgentReady {
            agent: state.id(ix),
        }
    } else {
        Event::AgentJoining {
            agent: state.id(ix),
        }
    }
}

/// Names the first need that cannot be met, and whether a failure stands behind it.
fn skip(state: &State, ix: AgentIx) -> Event {
    use crate::engine::EdgeKind;
    let mut reason = String::from("a need cannot be met");
    let mut by_condition = true;
    let mut found = false;
    for edge in &state.setup.edges_in[ix.ix()] {
        let from = state.agent(edge.from);
        if !from.status.is_final() {
            continue;
        }
        let failed = match from.status {
            Status::Failed | Status::Stopped => true,
            Status::Skipped => !from.by_condition,
            _ => false,
        };
        let id = state.id(edge.from);
        let (lost, text, condition) = match &edge.kind {
            EdgeKind::Need(When::Succeeded) => (
                from.status != Status::Succeeded,
                format!("{id} {}", from.status.name()),
                !failed,
            ),
            EdgeKind::Need(When::Failed) => (
                !matches!(from.status, Status::Failed | Status::Stopped),
                format!("only if {id} fails, and it {}", from.status.name()),
                from.status == Status::Succeeded || !failed,
            ),
            EdgeKind::Need(When::Skipped) => (
                from.status != Status::Skipped,
                format!("only if {id} is skipped, and it {}", from.status.name()),
                !failed,
            ),
            EdgeKind::Need(When::Output(path)) => (
                !from
                    .last
                    .as_ref()
                    .is_some_and(|l| from.status == Status::Succeeded && l.present.contains(path)),
                format!("only if {id} leaves {path}, and it did not"),
                !failed,
            ),
            EdgeKind::SubAgent => (
                !from.own_done,
                format!("its parent {id} {}", from.status.name()),
                !failed,
            ),
            EdgeKind::Need(When::Ended) | EdgeKind::Soft | EdgeKind::Sibling => {
                (false, String::new(), true)
            }
        };
        if lost {
            if !found {
                reason = text;
                found = true;
            }
            by_condition &= condition;
        }
    }
    Event::AgentSkipped {
        agent: state.id(ix),
        reason,
        by_condition: by_condition && found,
    }
}
