//! Agents that are added while a run goes on: does an addition fit, and what the setup is with it.
//!
//! Pure: the same setup and the same addition give the same setup, live, on replay and after a crash.
//! Must not know how far the run is; that is asked where it is decided.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Edge, EdgeKind, Effective, Setup};
use crate::{
    graph::{Critical, Graph},
    plan::{Agent, AgentIx, NeedKind, Plan, When, Worker, never_opens},
    schedule::{
        Choices, capacity_from_plan,
        learnt::{Applied, Declared, undo},
        static_ranks,
    },
};

/// More agents for a run. Positions are those of the plan with them: agents and workers that are there
/// already keep theirs, the new ones follow.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Extension {
    /// How many agents there were before.
    pub first: u32,
    /// How many workers there were before.
    pub first_worker: u32,
    /// Workers that the plan does not have yet.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[cfg_attr(test, schemars(with = "Vec<serde_json::Value>"))]
    pub workers: Vec<Worker>,
    /// The agents, as the checked plan has them: nothing is read again.
    #[cfg_attr(test, schemars(with = "Vec<serde_json::Value>"))]
    pub agents: Vec<Agent>,
    /// Waves whose gates had passed by then, as `wave:2`: they do not judge the new agents.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub passed: Vec<String>,
}

impl Extension {
    /// Returns the positions of its agents.
    pub fn indices(&self) -> impl Iterator<Item = AgentIx> + use<> {
        let first = self.first;
        (0_u32..)
            .take(self.agents.len())
            .map(move |i| AgentIx(first.saturating_add(i)))
    }
}

impl Setup {
    /// Builds the setup of a plan: waves, ranks and the critical path come from its graph.
    #[must_use]
    pub fn planned(plan: Plan, effective: Effective) -> Self {
        Self::graphed(plan, effective, BTreeMap::new())
    }

    fn graphed(
        plan: Plan,
        effective: Effective,
        exempt: BTreeMap<String, BTreeSet<AgentIx>>,
    ) -> Self {
        let graph = Graph::new(&plan);
        let ranks = static_ranks(&plan, &graph);
        let waves = plan.indices().map(|ix| graph.wave(ix)).collect();
        let capacity = capacity_from_plan(
            &plan,
            effective.ram_limit_bytes,
            effective.cpus_milli,
            effective.agents_cap,
        );
        let choices = Choices::new(&plan, &graph, &capacity);
        let length_us = Critical::new(&graph, &choices.durations).length_us;
        Self::exempting(plan, effective, ranks, waves, length_us, exempt)
    }

    /// Returns the plan as a person stated it, without what was learnt.
    #[must_use]
    pub fn stated(&self) -> Plan {
        let mut plan = self.plan.clone();
        undo(&mut plan, &self.learnt);
        plan
    }

    /// Returns what was learnt of a mode of an agent; none: nothing.
    #[must_use]
    pub fn learnt_of(&self, ix: AgentIx, mode: u32) -> Option<&Applied> {
        let key = |one: &Applied| (one.agent, one.mode);
        let at = self.learnt.binary_search_by_key(&(ix, mode), key).ok()?;
        Some(&self.learnt[at])
    }

    /// Returns what a person stated of a mode of an agent.
    #[must_use]
    pub fn declared(&self, ix: AgentIx, mode: u32) -> Declared {
        if let Some(one) = self.learnt_of(ix, mode) {
            return Declared::of(one.ram, one.duration);
        }
        let mode = self.mode(ix, mode);
        Declared::of((mode.ram_bytes, mode.ram_guessed), mode.duration)
    }

    /// Returns what the run began with: this one, where nothing was added.
    #[must_use]
    pub fn began(self: &Arc<Self>) -> Arc<Self> {
        self.began.clone().unwrap_or_else(|| self.clone())
    }

    /// Builds the setup with more agents, of one addition after the other; [`Setup::misfit`] has to have
    /// nothing against them.
    #[must_use]
    pub fn extended(self: &Arc<Self>, all: &[Extension]) -> Self {
        let mut plan = self.plan.clone();
        let mut exempt = self.exempt.clone();
        for by in all {
            plan.workers.extend(by.workers.iter().cloned());
            plan.agents.extend(by.agents.iter().cloned());
            for cohort in &by.passed {
                exempt
                    .entry(cohort.clone())
                    .or_default()
                    .extend(by.indices());
            }
        }
        let effective = Effective {
            ram_limit_bytes: self.ram_limit_bytes,
            agents_cap: self.agents_cap,
            cpus_milli: self.cpus_milli,
            thresholds: self.thresholds,
            memory: self.memory,
            attended: self.attended,
            hybrid_enabled: self.hybrid_enabled,
            parallel_enabled: self.parallel_enabled,
        };
        Self {
            prices: self.prices.clone(),
            adapters: self.adapters.clone(),
            models: self.models.clone(),
            past: self.past.clone(),
            learnt: self.learnt.clone(),
            began: Some(self.began()),
            ..Self::graphed(plan, effective, exempt)
        }
    }

    /// Returns why an addition cannot be one of this plan, as a sentence; none: it can.
    ///
    /// An order that nobody can keep is found here too, so that no graph is made of it.
    #[must_use]
    pub fn misfit(&self, by: &Extension) -> Option<String> {
        let plan = &self.plan;
        if (by.first as usize, by.first_worker as usize) != (plan.agents.len(), plan.workers.len())
        {
            return Some("the plan has changed meanwhile: add it again".to_owned());
        }
        if by.agents.is_empty() {
            return Some("there is no agent to add".to_owned());
        }
        let mut ids = BTreeSet::new();
        for agent in &by.agents {
            if self.by_id.contains_key(&agent.id) || !ids.insert(&agent.id) {
                return Some(format!("there is an agent `{}` already", agent.id));
            }
        }
        let agents = plan.agents.len() + by.agents.len();
        let workers = plan.workers.len() + by.workers.len();
        by.agents.iter().find_map(|agent| {
            let known = agent.needs.iter().all(|need| need.agent.ix() < agents)
                && agent.phase.is_none_or(|p| p.ix() < plan.phases.len())
                && agent.track.is_none_or(|t| t.ix() < plan.tracks.len())
                && agent.gates.iter().all(|g| g.ix() < plan.gates.len())
                && !agent.modes.is_empty()
                && agent.modes.iter().all(|m| m.worker.is_none_or(|w| w.ix() < workers));
            if !known {
                return Some(format!("`{}` names what this run does not have", agent.id));
            }
            match agent.parent {
                Some(parent) if parent.ix() < plan.agents.len() => Some(format!(
                    "`{}` cannot become a part of `{}`: parts are planned with their parent; let it need that agent",
                    agent.id,
                    plan.agent(parent).id
                )),
                Some(parent) if parent.ix() >= agents => {
                    Some(format!("`{}` names what this run does not have", agent.id))
                }
                _ => None,
            }
        })
        .or_else(|| circle(by))
    }

    /// Returns what an addition would change for agents that are there, as a sentence; none: nothing.
    /// It may come after them, never before.
    #[must_use]
    pub fn disturbed(&self, with: &Self) -> Option<String> {
        let id = |i: usize| &self.plan.agents[i].id;
        for i in 0..self.plan.agents.len() {
            if self.closed_by[i] != with.closed_by[i] {
                return Some(format!(
                    "`{}` waits for gates that would wait for the new agent, which needs `{0}`: leave the track or the need out",
                    id(i)
                ));
            }
            if self.waves[i] != with.waves[i] {
                return Some(format!("`{}` would have to wait for the new agent", id(i)));
            }
        }
        let (phase, member, later) = never_opens(&with.plan.agents, &with.plan.phases)?;
        Some(format!(
            "the barrier of phase `{phase}` would never open: `{member}` would wait for `{later}` of a later phase"
        ))
    }
}

impl Edge {
    /// Returns the file that an edge waits for, where nobody has looked for it `before` the edge was there.
    pub(super) fn unwatched(&self, before: &Setup) -> Option<&str> {
        let EdgeKind::Need(When::Output(path)) = &self.kind else {
            return None;
        };
        let known = before.edges_out.get(self.from.ix())?;
        (!known.iter().any(|old| old.kind == self.kind)).then_some(path.as_str())
    }
}

/// Whether the new agents wait for each other in a circle. Those that are there wait for none of them.
fn circle(by: &Extension) -> Option<String> {
    let first = by.first as usize;
    let before = |agent: &Agent| -> Vec<usize> {
        let needs = agent.needs.iter();
        let hard = needs.filter(|need| need.kind == NeedKind::Hard);
        let all = hard.map(|need| need.agent).chain(agent.parent);
        all.filter_map(|ix| ix.ix().checked_sub(first)).collect()
    };
    let mut open: Vec<usize> = by.agents.iter().map(|agent| before(agent).len()).collect();
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); by.agents.len()];
    for (i, agent) in by.agents.iter().enumerate() {
        for from in before(agent) {
            after[from].push(i);
        }
    }
    let mut free: Vec<usize> = (0..open.len()).filter(|&i| open[i] == 0).collect();
    let mut placed = 0;
    while let Some(i) = free.pop() {
        placed += 1;
        for &next in &after[i] {
            open[next] -= 1;
            if open[next] == 0 {
                free.push(next);
            }
        }
    }
    (placed < open.len()).then(|| "the new agents wait for each other in a circle".to_owned())
}
