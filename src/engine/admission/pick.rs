//! In which of its modes an agent starts: which worker does it.
//!
//! An agent that names a capability in place of a worker gets, of the workers that have room, the one with the fewest
//! attempts at work, then the one whose attempts ended best, then the first in the plan. Under memory pressure those
//! without a model in this machine's memory come first. Must not change anything.

use std::cmp::Reverse;

use crate::{
    engine::{Candidate, Figures, InBand, State, TalkEvent, Zone, decide::relief},
    plan::{AgentIx, AgentMode},
};

use super::{Grant, Why, cost};

/// Asks in which mode an agent may start: of a list of workers the first that fits, of workers with a capability the
/// one that is chosen among those that fit.
///
/// # Errors
/// Why the first of its modes does not fit, where none does.
pub(super) fn pick(state: &State, figures: &Figures, ix: AgentIx) -> Result<Grant, Why> {
    let plan = state.setup.plan.agent(ix);
    let free = plan.capability.is_some();
    let now = state.agent(ix).mode;
    // A session goes on with its worker, as long as that has room.
    if free && goes_on(state, ix) && cost(state, figures, ix, now).is_ok() {
        return Ok(Grant { mode: now });
    }
    let mut first = None;
    // Under pressure whoever can works without a model in this machine's memory.
    let light = pressed(state) && !goes_on(state, ix);
    let mut best: Option<(Order, u32)> = None;
    for (mode, needs) in (0_u32..).zip(&plan.modes) {
        if state.agent(ix).stranded_in(mode) {
            continue;
        }
        match cost(state, figures, ix, mode) {
            Ok(()) if !free && !light => return Ok(Grant { mode }),
            Ok(()) => {
                let (running, chance) = if free {
                    order(state, needs)
                } else {
                    (0, Reverse(0))
                };
                let heavy = light && relief::here(state, needs);
                let one = ((heavy, running, chance), mode);
                best = Some(best.map_or(one, |best| best.min(one)));
            }
            Err(why) => {
                first.get_or_insert(why);
            }
        }
    }
    match best {
        Some((_, mode)) => Ok(Grant { mode }),
        None => Err(first.unwrap_or(Why::Held)),
    }
}

/// What a worker is chosen by, less is better: it works with a model here where that is to be avoided, its attempts at
/// work, how they ended.
type Order = (bool, u32, Reverse<u32>);

/// Whether memory is to be kept free: what is started works elsewhere where it may (REQUIREMENTS D1, D7).
fn pressed(state: &State) -> bool {
    let memory = &state.memory;
    let many = !state.setup.plan.models.is_empty();
    many && (memory.zone >= Zone::Orange || memory.halted || memory.band == InBand::Above)
}

/// What a worker is chosen by: less is better.
fn order(state: &State, mode: &AgentMode) -> (u32, Reverse<u32>) {
    let workers = &state.usage.workers;
    let tally = mode.worker.and_then(|worker| workers.get(worker.ix()));
    let tally = tally.copied().unwrap_or_default();
    (tally.running, Reverse(tally.chance_permille()))
}

fn goes_on(state: &State, ix: AgentIx) -> bool {
    let talk = state.agent(ix).talk.as_ref();
    talk.is_some_and(|talk| talk.goes_on)
}

/// The choice of a worker that starts now, with the figures that it was made by; none: there was no choice.
pub(in crate::engine) fn chosen(
    state: &State,
    figures: &Figures,
    ix: AgentIx,
    mode: u32,
) -> Option<TalkEvent> {
    let plan = &state.setup.plan;
    let agent = plan.agent(ix);
    let capability = agent.capability.clone()?;
    let kept = goes_on(state, ix) && state.agent(ix).mode == mode;
    if kept || state.agent(ix).chosen().is_some() {
        return None;
    }
    let name = |mode: &AgentMode| {
        let worker = mode.worker.map(|worker| &plan.workers[worker.ix()]);
        worker.map_or_else(String::new, |worker| worker.name.clone())
    };
    let among = (0..).zip(&agent.modes).map(|(number, mode)| {
        let workers = &state.usage.workers;
        let tally = mode.worker.and_then(|worker| workers.get(worker.ix()));
        let tally = tally.copied().unwrap_or_default();
        Candidate {
            worker: name(mode),
            running: tally.running,
            succeeded: tally.succeeded,
            ended: tally.ended,
            chance_permille: tally.chance_permille(),
            refused: cost(state, figures, ix, number)
                .err()
                .map(|why| why.to_string()),
        }
    });
    Some(TalkEvent::Chosen {
        agent: agent.id.clone(),
        attempt: state.agent(ix).attempt + 1,
        capability,
        worker: name(&agent.modes[mode as usize]),
        among: among.collect(),
    })
}
