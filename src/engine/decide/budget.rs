//! Tokens and money: when a budget is used up, what is asked then, and what is left where nobody lifts it.
//!
//! Must not end what runs: nothing more is started, and what already ran may go over.

use super::shortage;
use crate::{
    engine::{
        AttentionKind, Budget, Event, FailureKind, Figures, Item, State, Status, TalkEvent,
        admission::{Why, admit},
    },
    plan::AgentIx,
};

/// Share of a budget at which a person is warned, in percent.
const WARN: u64 = 80;

/// Tells once that most of a budget is used, and once that all of it is.
pub(super) fn look(state: &State) -> Option<Event> {
    Budget::ALL.into_iter().find_map(|budget| {
        let limit = state.budget(budget)?;
        let account = state.spending.account(budget);
        let used = account.used;
        let event = if account.spent_us.is_none() && used >= limit {
            TalkEvent::BudgetSpent {
                budget,
                used,
                limit,
                asked: None,
            }
        } else if !account.warned
            && account.spent_us.is_none()
            && u128::from(used) * 100 >= u128::from(limit) * u128::from(WARN)
        {
            TalkEvent::BudgetWarned {
                budget,
                used,
                limit,
            }
        } else {
            return None;
        };
        Some(event.into())
    })
}

/// Nothing runs, and what comes next needs more than is left: a person is asked, as where all is used up.
pub(super) fn too_little(state: &State, why: &Why) -> Option<Event> {
    let Why::Budget { name, asked, .. } = why else {
        return None;
    };
    let budget = Budget::Tokens;
    let limit = state.budget(budget).filter(|_| name == budget.name())?;
    let event = TalkEvent::BudgetSpent {
        budget,
        used: state.spending.account(budget).used,
        limit,
        asked: Some(*asked),
    };
    Some(event.into())
}

/// A start that nothing but the rate of tokens keeps waiting.
pub(super) fn too_fast(state: &State, figures: &Figures) -> Option<[Event; 2]> {
    let limit = state.setup.plan.limits.tokens_per_minute?;
    let now = state.elapsed_us;
    let used = state.spending.rate(now);
    if used <= limit {
        return None;
    }
    let until_us = state.spending.rate_falls(limit, now);
    let event = TalkEvent::RateReached {
        used,
        limit,
        until_us,
    };
    let short = shortage::tokens(state, figures, (used, limit), until_us);
    Some([event.into(), short])
}

/// The wait for the rate of tokens is over.
pub(super) fn slow_again(
    state: &State,
    figures: &Figures,
    now_us: u64,
) -> impl Iterator<Item = Event> + use<> {
    let until = state.spending.rate_until_us;
    let over = until > 0 && until <= now_us;
    let both = over.then(|| {
        let event = TalkEvent::RateRecovered {
            used: state.spending.rate(now_us),
        };
        [event.into(), shortage::tokens_again(figures)]
    });
    both.into_iter().flatten()
}

/// Whether it would start, or has been left, because of a budget.
fn not_started(state: &State, ix: AgentIx) -> bool {
    let agent = state.agent(ix);
    match agent.status {
        Status::Waiting | Status::Ready | Status::BackingOff | Status::Parked => true,
        Status::Skipped => agent.left && agent.needs_lost == 0,
        _ => false,
    }
}

/// The question whether more may be used, as it stands in the attention queue; without its number.
pub(super) fn wanted(state: &State) -> Option<Item> {
    let asks = |budget: &Budget| state.spending.account(*budget).asks();
    let open: Vec<Budget> = Budget::ALL.into_iter().filter(asks).collect();
    let first = open.first()?;
    if state.stopping.is_some() || !state.setup.plan.indices().any(|ix| not_started(state, ix)) {
        return None;
    }
    let used: Vec<String> = open.iter().map(|budget| share(state, *budget)).collect();
    Some(Item {
        id: 0,
        kind: AttentionKind::Budget,
        owner: None,
        // Another one that is used up asks anew.
        attempt: u32::try_from(open.len()).unwrap_or(1),
        gate: None,
        title: format!(
            "{} used: go on without this limit? No leaves what has not started",
            used.join(", ")
        ),
        since_us: state.spending.account(*first).spent_us.unwrap_or(0),
    })
}

fn share(state: &State, budget: Budget) -> String {
    let used = state.spending.account(budget).used;
    let limit = state.budget(budget).unwrap_or(0);
    format!("{} of {}", budget.amount(used), budget.amount(limit))
}

/// What is said at the end of a run that a budget ended.
pub(super) fn left(state: &State) -> Option<String> {
    let budget = state.spent()?;
    let indices = state.setup.plan.indices();
    let left = indices.filter(|ix| not_started(state, *ix)).count();
    let used = share(state, budget);
    (left > 0).then(|| format!("the budget is used up ({used}), {left} not started for it"))
}

/// Whether a person said that no more may be used.
pub(super) fn answered_no(state: &State) -> bool {
    let no = |budget| state.spending.account(budget).answer == Some(false);
    Budget::ALL.into_iter().any(no)
}

/// Whether whatever of an agent's parts is not done was left by a budget: no failure stands behind that.
pub(super) fn left_parts(state: &State, ix: AgentIx) -> bool {
    let fits = |&part: &AgentIx| {
        let agent = state.agent(part);
        match agent.status {
            Status::Skipped => agent.by_condition || agent.left,
            Status::Failed => state.handled(part),
            // It had begun, and was stopped by the no.
            Status::Stopped => state.handled(part) || answered_no(state),
            _ => true,
        }
    };
    state.spent().is_some() && state.setup.children[ix.ix()].iter().all(fits)
}

/// A person said that no more may be used: what is ready is left.
pub(super) fn refused(state: &State) -> Vec<Event> {
    if answered_no(state) {
        given_up(state)
    } else {
        Vec::new()
    }
}

/// The end of what is ready and does not start. Who has failed before is failed: no failure is hidden. Who has
/// begun has left work: it waits for a person, and after that one's no it is stopped.
pub(super) fn given_up(state: &State) -> Vec<Event> {
    let Some(budget) = state.spent() else {
        return Vec::new();
    };
    let used = share(state, budget);
    let waiting = state.ready.iter().chain(state.parked.iter().copied());
    let ended = waiting.map(|rank| {
        let agent = state.agent(rank.agent);
        let before = agent.reason.as_deref().filter(|_| agent.failures > 0);
        match before {
            Some(before) => Event::AgentFailed {
                agent: state.id(rank.agent),
                attempt: agent.attempt,
                failure: agent.failure.unwrap_or(FailureKind::Error),
                reason: format!("{before}; not tried again: the budget is used up ({used})"),
            },
            None if agent.attempt > 0 && answered_no(state) => Event::AgentStopped {
                agent: state.id(rank.agent),
                attempt: agent.attempt,
            },
            None if agent.attempt > 0 => Event::AgentBlocked {
                agent: state.id(rank.agent),
                reason: format!("not gone on with: the budget is used up ({used})"),
                gate: None,
            },
            None => Event::AgentSkipped {
                agent: state.id(rank.agent),
                reason: format!("not started: the budget is used up ({used})"),
                by_condition: false,
            },
        }
    });
    ended.collect()
}

/// Whether nothing but a budget keeps what is ready from starting, now that nothing runs.
pub(super) fn short(state: &State, figures: &Figures) -> Option<Event> {
    let mut waiting = state.ready.iter().chain(state.parked.iter().copied());
    waiting.find_map(|rank| {
        let why = admit(state, figures, rank.agent).err()?;
        too_little(state, &why)
    })
}
