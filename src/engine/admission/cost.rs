//! What a start in one of its modes costs an agent: CPUs, memory, its provider, its model, budgets, resources.
//!
//! Must not ask for its place in the plan, nor for pressure.

use crate::{
    engine::{Budget, Figures, State, Usage},
    plan::{AgentIx, AgentMode},
};

use super::{Why, lease, memory};

pub(super) fn cpus(state: &State, asked: u64) -> Result<(), Why> {
    let free = state
        .setup
        .cpus_milli
        .saturating_sub(state.usage.cpus_milli);
    if asked > free {
        Err(Why::Cpus { asked, free })
    } else {
        Ok(())
    }
}

/// What one of its modes costs an agent.
pub(super) fn cost(state: &State, figures: &Figures, ix: AgentIx, number: u32) -> Result<(), Why> {
    let mode = state.setup.mode(ix, number);
    cpus(state, mode.cpus_milli)?;
    // What its model takes is its server's: asked for here, never reserved for the agent.
    let asked = reserves(state, figures, ix, number).saturating_add(state.model_cost(mode));
    memory::admit_bytes(state, figures, asked, mode.ram_guessed)?;
    lease::beside(state, figures, state.setup.plan.agent(ix).priority, asked)?;
    cost_beside_memory(state, mode)
}

/// What a start of an agent in one of its modes reserves now, in bytes. Where nothing else has a process, what earlier attempts
/// took counts as far as there is so much: it refuses nobody who fits as stated, who would never run otherwise.
pub(in crate::engine) fn reserves(
    state: &State,
    figures: &Figures,
    ix: AgentIx,
    number: u32,
) -> u64 {
    let mode = state.setup.mode(ix, number);
    let asked = state.asks(ix, mode);
    if state.processes > 0 {
        return asked;
    }
    let room = memory::room(state, figures).run_bytes;
    let room = room.saturating_sub(state.model_cost(mode));
    asked.min(room.max(state.least(ix, number)))
}

/// What a mode costs, its CPUs and memory aside.
pub(super) fn cost_beside_memory(state: &State, mode: &AgentMode) -> Result<(), Why> {
    cost_beside(state, &state.usage, mode)
}

/// The same beside another use of what there is than that of now.
pub(in crate::engine) fn cost_beside(
    state: &State,
    usage: &Usage,
    mode: &AgentMode,
) -> Result<(), Why> {
    if let Some(worker) = mode.worker
        && let Some(provider) = state.setup.plan.workers[worker.ix()].provider()
        && let Some(limit) = state.limited(provider)
    {
        return Err(Why::Provider {
            name: provider.to_owned(),
            until_us: limit.until_us,
            left_us: limit.until_us.saturating_sub(state.elapsed_us),
            reason: limit.reason.clone(),
        });
    }
    if let Some(model) = state.setup.plan.served(mode)
        && (state.model(model).unloading || state.memory.emptying(model))
    {
        return Err(Why::Unloading {
            name: state.setup.plan.models[model.ix()].id.clone(),
        });
    }
    budgets(state, usage, mode)?;
    let limits = &state.setup.plan.limits;
    for (name, &asked) in &mode.uses {
        let cap = limits.resources.get(name).copied().unwrap_or(0);
        let free = cap.saturating_sub(usage.resources.get(name).copied().unwrap_or(0));
        if asked > free {
            return Err(Why::Resource {
                name: name.clone(),
                asked,
                free,
            });
        }
    }
    for (name, &asked) in &mode.spends {
        let cap = limits.budgets.get(name).copied().unwrap_or(0);
        let left = cap.saturating_sub(usage.budgets.get(name).copied().unwrap_or(0));
        if asked > left {
            return Err(Why::Budget {
                name: name.clone(),
                asked,
                left,
            });
        }
    }
    Ok(())
}

/// What of tokens and money is left for a start.
fn budgets(state: &State, usage: &Usage, mode: &AgentMode) -> Result<(), Why> {
    if let Some(budget) = state.spent() {
        return Err(Why::Spent {
            budget,
            used: state.spending.account(budget).used,
            limit: state.budget(budget).unwrap_or(0),
        });
    }
    if let Some(cap) = state.budget(Budget::Tokens)
        && state.spending.tokens.answer != Some(true)
    {
        let left = cap.saturating_sub(usage.tokens);
        if mode.tokens > left || left == 0 {
            return Err(Why::Budget {
                name: Budget::Tokens.name().to_owned(),
                asked: mode.tokens,
                left,
            });
        }
    }
    let until = state.spending.rate_until_us;
    if until > 0 {
        return Err(Why::Rate {
            limit: state.setup.plan.limits.tokens_per_minute.unwrap_or(0),
            left_us: until.saturating_sub(state.elapsed_us),
        });
    }
    Ok(())
}

/// Asks whether a mode fits the run's limits when nothing else runs; budgets count as they are.
pub(in crate::engine) fn could_ever_fit(state: &State, mode: &AgentMode) -> Result<(), Why> {
    let limits = &state.setup.plan.limits;
    if mode.ram_bytes > state.setup.ram_limit_bytes {
        return Err(Why::Ram {
            asked: mode.ram_bytes,
            free: state.setup.ram_limit_bytes,
        });
    }
    if mode.cpus_milli > state.setup.cpus_milli {
        return Err(Why::Cpus {
            asked: mode.cpus_milli,
            free: state.setup.cpus_milli,
        });
    }
    for (name, &asked) in &mode.uses {
        let free = limits.resources.get(name).copied().unwrap_or(0);
        if asked > free {
            return Err(Why::Resource {
                name: name.clone(),
                asked,
                free,
            });
        }
    }
    Ok(())
}
