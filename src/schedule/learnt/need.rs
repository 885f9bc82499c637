//! What a plan is told by what is known: the needs of its agents, put in the place of what it states or leaves out.
//!
//! Must not lower what a person has stated of memory, and must not forget it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[cfg(test)]
use schemars::JsonSchema;

use crate::plan::{AgentId, AgentIx, AgentMode, Class, Duration, Plan, Work};

use super::{Average, Key, Known};

/// What an agent is likely to need by one of its workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Need {
    /// Whose.
    pub agent: AgentId,
    /// By which worker; none for a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Attempts that it was learnt from.
    pub times: u32,
    /// What was learnt of its own attempts; else of those of others of its class.
    pub own: bool,
    /// Memory to reserve, in bytes; none: no peak was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ram_bytes: Option<u64>,
    /// The highest memory that was seen, in bytes.
    #[serde(default)]
    pub most_bytes: u64,
    /// How long it takes, in microseconds; none: no attempt did all of its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
    /// How far that is off, in the mean, in microseconds.
    #[serde(default)]
    pub spread_us: u64,
}

/// A need that counts in a plan, and what the plan says without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Whose.
    pub agent: AgentIx,
    /// In which of its modes.
    pub mode: u32,
    /// What was learnt.
    pub need: Need,
    /// What the plan states of memory, in bytes, and whether that is a guess.
    pub ram: (u64, bool),
    /// What it states of time.
    pub duration: Duration,
}

/// Returns what is known of the agents of a plan by their workers, in the plan's order. `known` is sorted by key.
///
/// What was learnt of an agent itself comes before what was learnt of its class, and the latter only says something
/// where the plan says nothing.
#[must_use]
pub fn needs(plan: &Plan, known: &[Known]) -> Vec<Need> {
    if known.is_empty() {
        return Vec::new();
    }
    let find = |key: &Key| {
        let at = known.binary_search_by(|one| one.key.cmp(key)).ok()?;
        Some(&known[at])
    };
    let mut all = Vec::new();
    for agent in plan.agents.iter().filter(|a| a.work != Work::Group) {
        for mode in &agent.modes {
            let worker = worker(plan, mode);
            let own = find(&Key::agent(&plan.name, agent.id.as_str(), worker));
            let own = own.map(|known| need(agent.id.clone(), worker, known, true));
            let need = own.or_else(|| class(find, &agent.id, worker?, agent.class, mode));
            all.extend(need.filter(|need| need.ram_bytes.is_some() || need.duration_us.is_some()));
        }
    }
    all
}

/// What is known of the class of an agent of which nothing is known itself.
fn class<'a>(
    find: impl Fn(&Key) -> Option<&'a Known>,
    agent: &AgentId,
    worker: &str,
    class: Class,
    mode: &AgentMode,
) -> Option<Need> {
    let known = find(&Key::class(worker, class))?;
    let mut need = need(agent.clone(), Some(worker), known, false);
    need.ram_bytes = need.ram_bytes.filter(|_| mode.ram_guessed);
    need.duration_us = need.duration_us.filter(|_| mode.duration.guessed);
    Some(need)
}

fn need(agent: AgentId, worker: Option<&str>, known: &Known, own: bool) -> Need {
    Need {
        agent,
        worker: worker.map(str::to_owned),
        times: known.times,
        own,
        ram_bytes: known.reserve(),
        most_bytes: known.most_bytes,
        duration_us: known.duration.map(|all| all.mean),
        spread_us: known.duration.map_or(0, |Average { spread, .. }| spread),
    }
}

fn worker<'a>(plan: &'a Plan, mode: &AgentMode) -> Option<&'a str> {
    let worker = plan.workers.get(mode.worker?.ix())?;
    Some(worker.name.as_str())
}

/// Puts needs into a plan; returns those that count, in the plan's order. `limit_bytes`: what all agents together may
/// use.
///
/// Memory is the larger of what is stated and what was learnt, as far as the limit and the agent's `ram_max` go; a
/// duration that was learnt takes the place of the stated one. What was learnt of the agent itself is no guess any
/// more.
pub fn apply(plan: &mut Plan, needs: &[Need], limit_bytes: u64) -> Vec<Applied> {
    let mut applied = Vec::new();
    if needs.is_empty() {
        return applied;
    }
    let mut of: BTreeMap<(&str, Option<&str>), &Need> = BTreeMap::new();
    for need in needs {
        of.insert((need.agent.as_str(), need.worker.as_deref()), need);
    }
    let workers = &plan.workers;
    for (at, agent) in plan.agents.iter_mut().enumerate() {
        let most = agent.ram_max_bytes.unwrap_or(u64::MAX).min(limit_bytes);
        for (number, mode) in (0_u32..).zip(&mut agent.modes) {
            let worker = mode.worker.and_then(|worker| workers.get(worker.ix()));
            let worker = worker.map(|worker| worker.name.as_str());
            let Some(need) = of.get(&(agent.id.as_str(), worker)) else {
                continue;
            };
            applied.push(Applied {
                agent: AgentIx::of(at),
                mode: number,
                need: (*need).clone(),
                ram: (mode.ram_bytes, mode.ram_guessed),
                duration: mode.duration,
            });
            put(mode, need, most);
        }
    }
    applied
}

fn put(mode: &mut AgentMode, need: &Need, most: u64) {
    if let Some(ram) = need.ram_bytes {
        let ram = ram.min(most);
        mode.ram_bytes = if mode.ram_guessed {
            ram
        } else {
            mode.ram_bytes.max(ram)
        };
        mode.ram_guessed &= !need.own;
    }
    if let Some(expected_us) = need.duration_us {
        mode.duration = Duration {
            min_us: expected_us.saturating_sub(need.spread_us),
            expected_us,
            max_us: expected_us.saturating_add(need.spread_us),
            guessed: mode.duration.guessed && !need.own,
        };
    }
}

/// Takes needs out of a plan again: it then says what it said before.
pub fn undo(plan: &mut Plan, applied: &[Applied]) {
    for one in applied {
        let modes = plan
            .agents
            .get_mut(one.agent.ix())
            .map(|agent| &mut agent.modes);
        if let Some(mode) = modes.and_then(|modes| modes.get_mut(one.mode as usize)) {
            (mode.ram_bytes, mode.ram_guessed) = one.ram;
            mode.duration = one.duration;
        }
    }
}
