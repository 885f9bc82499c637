//! What is fixed for a run: the plan, its effective limits, ranks and edges.
//!
//! Built from plan and graph; the same inputs give the same setup. While a run lasts it is replaced by
//! one event alone, that adds agents ([`super::Extension`]); what else changes is in [`super::State`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    Adaptation, Cohort, CohortIx, MemoryRules, ModelNeed, Owner, Prices, Tally,
    cohort::{self, Ties},
    kinds::kinds,
};
use crate::agents::Adapters;
use crate::plan::{
    Agent, AgentId, AgentIx, AgentMode, NeedKind, Plan, SubAgents, When, Work, Workspace,
};
use crate::schedule::learnt::Applied;

/// Memory thresholds in permille of pressure (REQUIREMENTS D1, DESIGN 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Yellow from here.
    pub yellow: u32,
    /// Orange from here.
    pub orange: u32,
    /// Red from here.
    pub red: u32,
    /// Nothing starts from here (promise 6).
    pub halt: u32,
    /// A zone is left only when pressure is so far below its threshold.
    pub hysteresis: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            yellow: 600,
            orange: 750,
            red: 850,
            halt: 950,
            hysteresis: 20,
        }
    }
}

/// What meets an edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// A hard need with its condition.
    Need(When),
    /// An order preference.
    Soft,
    /// A sub-agent waits for its parent's own command.
    SubAgent,
    /// A sub-agent in sequence waits for the one before it, however that ended.
    Sibling,
}

/// One edge between agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// Who comes first.
    pub from: AgentIx,
    /// Who waits.
    pub to: AgentIx,
    /// What meets it.
    pub kind: EdgeKind,
}

/// Everything about a run that only more agents change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// The plan as run.
    pub plan: Plan,
    /// Memory that all agents together may reserve, in bytes.
    pub ram_limit_bytes: u64,
    /// Agents at once, before anybody changes it.
    pub agents_cap: u32,
    /// Milli-CPUs at once.
    pub cpus_milli: u64,
    /// Zone thresholds.
    pub thresholds: Thresholds,
    /// How memory drives what runs.
    #[serde(default)]
    pub memory: MemoryRules,
    /// Somebody watches: blocked agents keep the run open. Else it ends when nothing can move.
    pub attended: bool,
    /// Flag L1: off, and the hybrid mode is sequential.
    pub hybrid_enabled: bool,
    /// Flag L1: off, and every mode is sequential.
    pub parallel_enabled: bool,
    /// Latest finish times per agent in microseconds: the static dispatch priority.
    pub ranks: Vec<u64>,
    /// Wave number per agent, from 1.
    pub waves: Vec<u32>,
    /// Kind per agent: admission lets all of a kind in or none, but for their memory.
    pub kinds: Vec<u32>,
    /// Agents per wave; index 0 is wave 1.
    pub wave_sizes: Vec<u32>,
    /// Length of the critical path in microseconds.
    pub critical_path_us: u64,
    /// Edges by the agent that waits.
    pub edges_in: Vec<Vec<Edge>>,
    /// Edges by the agent that comes first.
    pub edges_out: Vec<Vec<Edge>>,
    /// Sub-agents by parent, in plan order.
    pub children: Vec<Vec<AgentIx>>,
    /// Agents by phase, in plan order.
    pub members: Vec<Vec<AgentIx>>,
    /// Positions by id.
    pub by_id: BTreeMap<AgentId, AgentIx>,
    /// Work comes together in this run: an agent has a workspace of its own.
    pub integrates: bool,
    /// Agents that have a workspace of their own, or a part that has one.
    pub with_own: Vec<bool>,
    /// Gates of tracks, of waves and of the run.
    pub cohorts: Vec<Cohort>,
    /// Cohorts by their members.
    pub cohorts_of: Vec<Vec<CohortIx>>,
    /// Cohorts by the agents that wait for them.
    pub closed_by: Vec<Vec<CohortIx>>,
    /// What tokens cost where a program does not say; events carry what is computed with it.
    #[serde(default)]
    pub prices: Prices,
    /// Agents that were added after the gates of a cohort had passed, by its name: it does not judge them.
    #[serde(default)]
    pub exempt: BTreeMap<String, BTreeSet<AgentIx>>,
    /// What the run began with, where agents were added since.
    #[serde(skip)]
    pub began: Option<Arc<Setup>>,
    /// What the plan's models take, by position, as far as that is known without their servers.
    #[serde(default)]
    pub models: Vec<ModelNeed>,
    /// The agent programs that are known in this run.
    #[serde(default)]
    pub adapters: Adapters,
    /// How workers did in earlier runs, by name; read before the run.
    #[serde(default)]
    pub past: BTreeMap<String, Tally>,
    /// What earlier runs have taught of the agents, as it stands in the plan, with what the plan says without it.
    #[serde(default)]
    pub learnt: Vec<Applied>,
}

/// Limits and settings that a setup is built with.
#[derive(Debug, Clone, Copy)]
pub struct Effective {
    /// See [`Setup::ram_limit_bytes`].
    pub ram_limit_bytes: u64,
    /// See [`Setup::agents_cap`].
    pub agents_cap: u32,
    /// See [`Setup::cpus_milli`].
    pub cpus_milli: u64,
    /// See [`Setup::thresholds`].
    pub thresholds: Thresholds,
    /// How memory drives what runs.
    pub memory: MemoryRules,
    /// See [`Setup::attended`].
    pub attended: bool,
    /// See [`Setup::hybrid_enabled`].
    pub hybrid_enabled: bool,
    /// See [`Setup::parallel_enabled`].
    pub parallel_enabled: bool,
}

impl Setup {
    /// Builds the setup of a run.
    ///
    /// `ranks`, `waves` and `critical_path_us` come from the graph; `waves` counts from 1.
    #[must_use]
    pub fn new(
        plan: Plan,
        effective: Effective,
        ranks: Vec<u64>,
        waves: Vec<u32>,
        critical_path_us: u64,
    ) -> Self {
        Self::exempting(
            plan,
            effective,
            ranks,
            waves,
            critical_path_us,
            BTreeMap::new(),
        )
    }

    /// As [`Setup::new`], with agents that some cohorts do not judge ([`Setup::exempt`]).
    pub(super) fn exempting(
        plan: Plan,
        effective: Effective,
        ranks: Vec<u64>,
        waves: Vec<u32>,
        critical_path_us: u64,
        exempt: BTreeMap<String, BTreeSet<AgentIx>>,
    ) -> Self {
        let count = plan.agents.len();
        let mut edges_in: Vec<Vec<Edge>> = vec![Vec::new(); count];
        let mut edges_out: Vec<Vec<Edge>> = vec![Vec::new(); count];
        let mut children: Vec<Vec<AgentIx>> = vec![Vec::new(); count];
        let mut members: Vec<Vec<AgentIx>> = vec![Vec::new(); plan.phases.len()];
        let mut by_id = BTreeMap::new();
        let mut link = |edge: Edge| {
            edges_out[edge.from.ix()].push(edge.clone());
            edges_in[edge.to.ix()].push(edge);
        };
        for (i, agent) in plan.agents.iter().enumerate() {
            let to = AgentIx::of(i);
            by_id.insert(agent.id.clone(), to);
            if let Some(phase) = agent.phase {
                members[phase.ix()].push(to);
            }
            for need in &agent.needs {
                let kind = match need.kind {
                    NeedKind::Hard => EdgeKind::Need(need.when.clone()),
                    NeedKind::Soft => EdgeKind::Soft,
                };
                link(Edge {
                    from: need.agent,
                    to,
                    kind,
                });
            }
            if let Some(parent) = agent.parent {
                link(Edge {
                    from: parent,
                    to,
                    kind: EdgeKind::SubAgent,
                });
                if plan.agent(parent).sub_agents == SubAgents::Sequential
                    && let Some(&before) = children[parent.ix()].last()
                {
                    link(Edge {
                        from: before,
                        to,
                        kind: EdgeKind::Sibling,
                    });
                }
                children[parent.ix()].push(to);
            }
        }
        let mut wave_sizes = vec![0_u32; waves.iter().copied().max().unwrap_or(0) as usize];
        for &wave in &waves {
            wave_sizes[wave as usize - 1] += 1;
        }
        let cohorts = cohort::find(&Ties {
            plan: &plan,
            waves: &waves,
            edges_in: &edges_in,
            children: &children,
            phases: &members,
            exempt: &exempt,
        });
        let mut cohorts_of: Vec<Vec<CohortIx>> = vec![Vec::new(); count];
        let mut closed_by = cohorts_of.clone();
        for (i, point) in cohorts.iter().enumerate() {
            for ix in &point.members {
                cohorts_of[ix.ix()].push(CohortIx::of(i));
            }
            for ix in &point.closes {
                closed_by[ix.ix()].push(CohortIx::of(i));
            }
        }
        Self {
            ram_limit_bytes: effective.ram_limit_bytes,
            agents_cap: effective.agents_cap.max(1),
            cpus_milli: effective.cpus_milli,
            thresholds: effective.thresholds,
            memory: effective.memory,
            attended: effective.attended,
            hybrid_enabled: effective.hybrid_enabled,
            parallel_enabled: effective.parallel_enabled,
            kinds: kinds(
                &plan,
                &waves,
                effective.memory.adaptation == Adaptation::SubAgents,
            ),
            ranks,
            waves,
            wave_sizes,
            critical_path_us,
            edges_in,
            edges_out,
            children,
            members,
            by_id,
            integrates: plan.agents.iter().any(own),
            with_own: with_own(&plan),
            cohorts,
            cohorts_of,
            closed_by,
            prices: Prices::built_in().clone(),
            exempt,
            began: None,
            models: plan.models.iter().map(ModelNeed::stated).collect(),
            adapters: Adapters::default(),
            past: BTreeMap::new(),
            learnt: Vec::new(),
            plan,
        }
    }

    /// Returns a mode of an agent, the last one where there are fewer.
    #[must_use]
    pub fn mode(&self, ix: AgentIx, mode: u32) -> &AgentMode {
        let modes = &self.plan.agent(ix).modes;
        &modes[(mode as usize).min(modes.len() - 1)]
    }

    /// Returns how long a check command of an owner may run, in microseconds: as its agent's `timeout` says; for the
    /// gates of more than one as long as the slowest of them, but no less than `DEFAULT_CHECK_LIMIT_US` (2 h).
    #[must_use]
    pub fn check_limit_us(&self, owner: Owner) -> u64 {
        match owner {
            Owner::Agent(ix) => self.plan.agent(ix).timeout_us,
            Owner::Phase(_) | Owner::Cohort(_) => self
                .members_of(owner)
                .iter()
                .filter_map(|&member| self.plan.agent(member).timeout_us)
                .max()
                .map(|limit| limit.max(DEFAULT_CHECK_LIMIT_US)),
        }
        .unwrap_or(DEFAULT_CHECK_LIMIT_US)
    }

    /// Returns the wave of an agent, from 1.
    #[must_use]
    pub fn wave(&self, ix: AgentIx) -> u32 {
        self.waves[ix.ix()]
    }

    /// Returns whether an agent works in a workspace of its own.
    #[must_use]
    pub fn own(&self, ix: AgentIx) -> bool {
        own(self.plan.agent(ix))
    }

    /// Returns whether the checks of an owner judge what is integrated, in a checkout of it: those of
    /// an agent with parts and of more than one agent, where work of theirs comes out of workspaces.
    /// A phase, track or wave all of whose agents work in the repository itself is judged there.
    #[must_use]
    pub fn on_head(&self, owner: Owner) -> bool {
        let with_own = |ix: &AgentIx| self.with_own[ix.ix()];
        match owner {
            Owner::Agent(ix) => !self.children[ix.ix()].is_empty() && with_own(&ix),
            Owner::Phase(_) | Owner::Cohort(_) => {
                let members = self.members_of(owner);
                self.integrates && (members.is_empty() || members.iter().any(with_own))
            }
        }
    }

    /// Returns whether an agent has a process of its own.
    #[must_use]
    pub fn has_process(&self, ix: AgentIx) -> bool {
        self.plan.agent(ix).work != Work::Group
    }
}

/// Whether an agent works in a workspace of its own.
fn own(agent: &Agent) -> bool {
    agent.workspace == Workspace::Own && agent.work != Work::Group
}

/// Agents that have a workspace of their own, or a part that has one.
fn with_own(plan: &Plan) -> Vec<bool> {
    let mut with = vec![false; plan.agents.len()];
    for ix in plan.indices().filter(|&ix| own(plan.agent(ix))) {
        let mut at = Some(ix);
        while let Some(ix) = at.filter(|ix| !with[ix.ix()]) {
            with[ix.ix()] = true;
            at = plan.agent(ix).parent;
        }
    }
    with
}

/// What stands in the place of a gate's name where a rule of `[merge]` runs its command.
pub const MERGE_GATE: &str = "merge";

/// Memory reserved for a check command that states none: DESIGN 5's default for commands.
pub const DEFAULT_CHECK_RAM_BYTES: u64 = 200 << 20;

/// Time that a check command may take where the plan states no `timeout`: 2 hours, what DESIGN 5
/// gives an agent.
pub const DEFAULT_CHECK_LIMIT_US: u64 = 2 * 3600 * 1_000_000;
