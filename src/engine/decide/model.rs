//! Models that servers hold: what their servers say of them, and when one is unloaded.
//!
//! Must not ask a server, and must not decide who is swapped: [`super::relief`] does where memory asks for it.

use super::Resolved;
use crate::{
    engine::{
        Action, Cause, Event, Frees, Held, ModelEvent, Refusal, ServedNow, State, UnloadedNow,
        Unloading,
    },
    plan::{AgentIx, ModelIx},
};

/// What a server says of a model where that is another thing than was known.
pub(super) fn served(state: &State, model: ModelIx, now: &ServedNow) -> Vec<Event> {
    let (Some(name), known) = (name(state, model), state.model(model)) else {
        return Vec::new();
    };
    match now {
        ServedNow::Loaded(held) if !known.loaded || known.held != *held => vec![
            ModelEvent::Loaded {
                model: name,
                held: *held,
            }
            .into(),
        ],
        ServedNow::Gone { left_bytes } if known.loaded && !known.unloading => {
            let told = known.held.bytes;
            vec![
                ModelEvent::Unloaded {
                    model: name,
                    asked: false,
                    told_bytes: told,
                    freed_bytes: left_bytes.map(|left| told.saturating_sub(left)),
                    left_bytes: *left_bytes,
                }
                .into(),
            ]
        }
        ServedNow::Loaded(_) | ServedNow::Gone { .. } => Vec::new(),
    }
}

/// What became of a request to unload.
pub(super) fn unloaded(
    state: &State,
    model: ModelIx,
    done: &Result<UnloadedNow, String>,
) -> Vec<Event> {
    let (Some(name), known) = (name(state, model), state.model(model)) else {
        return Vec::new();
    };
    if !known.unloading {
        return Vec::new();
    }
    let event = match done {
        Ok(now) => ModelEvent::Unloaded {
            model: name,
            asked: true,
            told_bytes: known.held.bytes,
            freed_bytes: now.freed_bytes,
            left_bytes: now.left_bytes,
        },
        Err(reason) => ModelEvent::Kept {
            model: name,
            reason: reason.clone(),
        },
    };
    vec![event.into()]
}

/// The unloading of a model of this machine that agents have left by a swap and that nobody uses any more.
pub(super) fn idle(state: &State) -> Option<Event> {
    let mut all = state.models.iter().enumerate();
    let (at, known) = all.find(|(at, known)| {
        let ix = ModelIx::of(*at);
        known.left
            && can(known.loaded, &known.held, known.unloading)
            && state.model_need(ix).local
            && state.model_slots_used(ix) == 0
    })?;
    unloading(state, ModelIx::of(at), known.held.bytes, Cause::Swap)
}

fn can(loaded: bool, held: &Held, unloading: bool) -> bool {
    loaded && !unloading && held.unloading == Unloading::Request
}

fn unloading(state: &State, model: ModelIx, told_bytes: u64, cause: Cause) -> Option<Event> {
    let model = name(state, model)?;
    let event = ModelEvent::Unloading {
        model,
        cause,
        told_bytes,
    };
    Some(event.into())
}

fn name(state: &State, model: ModelIx) -> Option<String> {
    Some(state.setup.plan.models.get(model.ix())?.id.clone())
}

/// Whether a person may unload a model now.
pub(super) fn resolve(state: &State, model: &str) -> Result<Resolved, Refusal> {
    let all = &state.setup.plan.models;
    let Some(at) = all.iter().position(|one| one.id == model) else {
        let names: Vec<&str> = all.iter().map(|one| one.id.as_str()).collect();
        return Err(Refusal::NotNow(if names.is_empty() {
            "the plan has no models".to_owned()
        } else {
            format!("no model is called {model}: {}", names.join(", "))
        }));
    };
    let ix = ModelIx::of(at);
    let known = state.model(ix);
    let users: Vec<&str> = state
        .model_users(ix)
        .map(|user| state.setup.plan.agent(user).id.as_str())
        .collect();
    let why = if !users.is_empty() {
        let (all, more) = users.split_at(users.len().min(3));
        let more = match more.len() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        format!("{model} is used by {}{more}", all.join(", "))
    } else if state.model_slots_used(ix) > 0 {
        format!("{model} is used")
    } else if known.unloading {
        format!("{model} is being unloaded")
    } else if !known.loaded {
        format!("{model} is not loaded")
    } else {
        match known.held.unloading {
            Unloading::Request => {
                return Ok(Resolved {
                    action: Action::Unload {
                        model: model.to_owned(),
                    },
                    agents: Vec::new(),
                    gates: Vec::new(),
                });
            }
            Unloading::Sleep(seconds) => format!(
                "{model} cannot be unloaded by us: its server gives the memory back when it has slept in, \
                 after {seconds} s without a request"
            ),
            Unloading::Never | Unloading::Unknown => format!(
                "{model} cannot be unloaded by us: its server takes no such request; its memory comes back \
                 when it ends"
            ),
        }
    };
    Err(Refusal::NotNow(why))
}

/// What follows when a person unloads a model.
pub(super) fn unload(state: &State, model: &str) -> Option<Event> {
    let mut all = state.setup.plan.models.iter();
    let ix = ModelIx::of(all.position(|one| one.id == model)?);
    unloading(state, ix, state.model(ix).held.bytes, Cause::Operator)
}

/// Tells that an agent goes on with another of its workers, and what that frees; `own_bytes` is what its processes
/// hold, as measured.
pub(in crate::engine) fn swapped(
    state: &State,
    ix: AgentIx,
    to: u32,
    own_bytes: u64,
    cause: Cause,
) -> Option<Event> {
    let agent = state.agent(ix);
    let workers = &state.setup.plan.workers;
    let worker = |mode: u32| {
        let worker = state.setup.mode(ix, mode).worker?;
        Some((
            workers[worker.ix()].name.clone(),
            workers[worker.ix()].served,
        ))
    };
    let (from, to) = (worker(agent.mode)?, worker(to)?);
    // An agent without a process holds nothing.
    agent.live.as_ref()?;
    let frees = if from.1 == to.1 {
        Frees::default()
    } else {
        state.frees(ix)
    };
    let event = ModelEvent::Swapped {
        agent: state.id(ix),
        attempt: agent.attempt,
        from: from.0,
        to: to.0,
        cause,
        frees_bytes: own_bytes.saturating_add(frees.now_bytes),
        later_bytes: own_bytes.saturating_add(frees.later_bytes),
        others: frees.others,
        held_bytes: None,
        number: 0,
        figures: None,
    };
    Some(event.into())
}
