//! Which local model is emptied for memory: all that use it go on with workers elsewhere, so that its server's memory
//! comes back; and when they may take their own worker again (REQUIREMENTS D7).
//!
//! Must not decide whether pressure asks for it, and moves nobody but to a worker that its plan allows.

use std::collections::BTreeMap;

use crate::{
    engine::{
        AgentState, Cause, Event, Figures, ModelEvent, State, Status, Unloading, Usage, Uses,
        admission::{cost_beside, could_ever_fit},
    },
    plan::{AgentIx, AgentMode, ModelIx, units::part},
};

/// What a model must hold to be worth moving its users, in permille of what the run may use: large models go.
const LARGE: u64 = 50;

/// One that goes on with another worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mover {
    agent: AgentIx,
    /// The mode that it gets.
    to: u32,
    /// What its processes hold, in bytes; none: not measured yet.
    held_bytes: Option<u64>,
}

/// A model that may be emptied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Swap {
    /// Whose server gives memory back.
    model: ModelIx,
    /// What that is, in bytes.
    model_bytes: u64,
    movers: Vec<Mover>,
    /// What is free when all have gone on elsewhere and hold there what is reserved for them, in bytes.
    pub(super) net_bytes: u64,
}

impl Swap {
    /// What ends frees, before anybody has begun anew, in bytes.
    pub(super) fn told_bytes(&self) -> u64 {
        let own = self.movers.iter().filter_map(|mover| mover.held_bytes);
        own.fold(self.model_bytes, u64::saturating_add)
    }

    /// Whom it moves.
    pub(super) fn agents(&self) -> impl Iterator<Item = AgentIx> + '_ {
        self.movers.iter().map(|mover| mover.agent)
    }

    /// Which model it empties.
    pub(super) fn model<'a>(&self, state: &'a State) -> &'a str {
        &state.setup.plan.models[self.model.ix()].id
    }

    /// The events of it, for a decision with a number.
    pub(super) fn events(
        &self,
        state: &State,
        number: u32,
        figures: &Figures,
    ) -> impl Iterator<Item = Event> {
        let plan = &state.setup.plan;
        let last = self.movers.len().saturating_sub(1);
        let others = u32::try_from(last).unwrap_or(u32::MAX);
        let named = move |ix: AgentIx, mode: u32| {
            let worker = state.setup.mode(ix, mode).worker;
            worker.map_or_else(String::new, |w| plan.workers[w.ix()].name.clone())
        };
        self.movers.iter().enumerate().map(move |(at, mover)| {
            let ix = mover.agent;
            let own = mover.held_bytes.unwrap_or(0);
            let all = own.saturating_add(self.model_bytes);
            ModelEvent::Swapped {
                agent: state.id(ix),
                attempt: state.agent(ix).attempt,
                from: named(ix, state.agent(ix).mode),
                to: named(ix, mover.to),
                cause: Cause::Zone,
                // The model's memory comes back with the last of them.
                frees_bytes: if at == last { all } else { own },
                later_bytes: all,
                others,
                held_bytes: mover.held_bytes,
                number,
                figures: Some(Box::new(*figures)),
            }
            .into()
        })
    }
}

/// The large model of this machine whose emptying frees most; and why the largest one that may not be emptied is not.
pub(super) fn best(state: &State, uses: &Uses, now: u64) -> (Option<Swap>, Option<String>) {
    let mut best: Option<Swap> = None;
    let mut refused: Option<(u64, String)> = None;
    for at in 0..state.setup.plan.models.len() {
        let model = ModelIx::of(at);
        let bytes = state.model(model).held.bytes;
        let large =
            u128::from(bytes) * 1000 >= u128::from(state.setup.ram_limit_bytes) * u128::from(LARGE);
        let local = state.model_need(model).local && state.model(model).loaded;
        if !local || !large || state.model_users(model).next().is_none() {
            continue;
        }
        match swap(state, model, uses, now) {
            Ok(swap) => {
                if best.as_ref().is_none_or(|b| swap.net_bytes > b.net_bytes) {
                    best = Some(swap);
                }
            }
            Err(why) => {
                if refused.as_ref().is_none_or(|(most, _)| bytes > *most) {
                    let name = &state.setup.plan.models[at].id;
                    refused = Some((bytes, format!("model {name} stays: {why}")));
                }
            }
        }
    }
    (best, refused.map(|(_, why)| why))
}

fn swap(state: &State, model: ModelIx, uses: &Uses, now: u64) -> Result<Swap, String> {
    let gives_back = match state.model(model).held.unloading {
        Unloading::Request => true,
        Unloading::Sleep(seconds) => {
            u64::from(seconds).saturating_mul(1_000_000) <= state.setup.memory.window_us
        }
        Unloading::Never | Unloading::Unknown => false,
    };
    if !gives_back {
        return Err("its server does not give its memory back".to_owned());
    }
    // What they use now is given back before they begin anew, and each takes its part of what is left.
    let mut usage = state.usage.clone();
    let users: Vec<AgentIx> = state.model_users(model).collect();
    for &ix in &users {
        usage.held(state.mode_of(ix), 0, false);
    }
    let model_bytes = state.model(model).held.bytes;
    let (mut movers, mut held, mut asked) = (Vec::new(), model_bytes, 0_u64);
    for ix in users {
        let to = elsewhere(state, ix, &mut usage, now)
            .map_err(|why| format!("{} {why}", state.setup.plan.agent(ix).id))?;
        let held_bytes = uses.of(ix, state.agent(ix).attempt);
        held = held.saturating_add(held_bytes.unwrap_or(0));
        asked = asked.saturating_add(state.asks(ix, state.setup.mode(ix, to)));
        movers.push(Mover {
            agent: ix,
            to,
            held_bytes,
        });
    }
    let net_bytes = held.saturating_sub(asked);
    if net_bytes == 0 {
        return Err("its agents would need as much elsewhere".to_owned());
    }
    Ok(Swap {
        model,
        model_bytes,
        movers,
        net_bytes,
    })
}

/// Why pressure may not take an agent back now, if it may not.
pub(super) fn kept(state: &State, ix: AgentIx, now: u64) -> Option<&'static str> {
    let agent = state.agent(ix);
    let ending = |agent: &AgentState| {
        let live = agent.live.as_ref();
        live.is_none_or(|live| live.ending.is_some() || live.handle.is_none())
    };
    let (times, last) = agent.taken_back;
    if agent.pinned {
        Some("is pinned")
    } else if agent.opened() {
        Some("is worked with by a person")
    } else if !matches!(agent.status, Status::Running | Status::Frozen) || ending(agent) {
        Some("is just beginning or ending")
    } else if times > 0 && now.saturating_sub(last) < state.setup.memory.window_us {
        Some("was just taken back")
    } else {
        None
    }
}

/// The mode in which an agent goes on elsewhere: with its session where that is possible, else the first in the
/// plan's order; its part is taken of `usage`.
fn elsewhere(state: &State, ix: AgentIx, usage: &mut Usage, now: u64) -> Result<u32, String> {
    if let Some(why) = kept(state, ix, now) {
        return Err(why.to_owned());
    }
    let mut others: Vec<(bool, u32)> = (0..)
        .zip(&state.setup.plan.agent(ix).modes)
        .filter(|(_, mode)| mode.worker.is_some() && !here(state, mode))
        .filter(|(at, _)| !state.agent(ix).stranded_in(*at))
        .map(|(at, _)| (!keeps_session(state, ix, at), at))
        .collect();
    others.sort_unstable();
    let mut first = None;
    for (_, at) in others {
        let mode = state.setup.mode(ix, at);
        match could_ever_fit(state, mode).and_then(|()| cost_beside(state, usage, mode)) {
            Ok(()) => {
                usage.held(mode, 0, true);
                usage.spend(mode);
                return Ok(at);
            }
            Err(why) => {
                first.get_or_insert(why);
            }
        }
    }
    Err(first.map_or_else(
        || "has no worker elsewhere".to_owned(),
        |why| format!("cannot go on elsewhere: {why}"),
    ))
}

/// Whether a mode works with a model in the memory of this machine.
pub(in crate::engine) fn here(state: &State, mode: &AgentMode) -> bool {
    let model = state.setup.plan.served(mode);
    model.is_some_and(|model| state.model_need(model).local)
}

/// Whether an agent's conversation goes on in another of its modes.
fn keeps_session(state: &State, ix: AgentIx, mode: u32) -> bool {
    let plan = &state.setup.plan;
    let program = |mode: u32| {
        let worker = state.setup.mode(ix, mode).worker?;
        plan.workers[worker.ix()].cli.as_deref()
    };
    let (from, to) = (program(state.agent(ix).mode), program(mode));
    let adapter = to.filter(|_| from == to);
    let adapter = adapter.and_then(|cli| state.setup.adapters.get(cli));
    adapter.is_some_and(crate::agents::Adapter::swaps)
}

/// Who may take its own worker again now that pressure has gone: whom its model, loaded again, would leave below the
/// orange zone. Nobody who runs is disturbed.
pub(super) fn back(state: &State, figures: &Figures) -> Vec<AgentIx> {
    let edge = |bytes: u64| part(bytes, state.setup.thresholds.orange);
    let run = figures.agents_bytes.saturating_add(figures.servers_bytes);
    let machine = figures.total_bytes.saturating_sub(figures.available_bytes);
    let of_run = edge(state.setup.ram_limit_bytes).saturating_sub(run);
    let of_machine = edge(figures.total_bytes).saturating_sub(machine);
    let mut left = of_run.min(of_machine);
    let mut models: BTreeMap<ModelIx, bool> = BTreeMap::new();
    let mut all = Vec::new();
    for ix in state.setup.plan.indices() {
        let agent = state.agent(ix);
        if agent.relief.is_none() || agent.status.is_final() {
            continue;
        }
        let own = state.setup.mode(ix, agent.swap_to.unwrap_or(0));
        let fits = state.setup.plan.served(own).is_none_or(|model| {
            *models.entry(model).or_insert_with(|| {
                let cost = state.model_cost(own);
                let fits = cost < left;
                if fits {
                    left -= cost;
                }
                fits
            })
        });
        if fits {
            all.push(ix);
        }
    }
    all
}
