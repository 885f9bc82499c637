//! How much there is: the limits that a schedule must keep, and the modes that fit them.

use std::collections::BTreeMap;

use crate::{
    graph::Graph,
    plan::{AgentIx, AgentMode, NeedKind, PhaseIx, Plan, Priority, RamLimit, TrackIx, When},
};

/// Share of the machine's memory where the plan states none, in permille.
const DEFAULT_RAM_PERMILLE: u32 = 800;

/// Effective limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacity {
    /// Memory for all agents together.
    pub ram_bytes: u64,
    /// Agents at once; at least 1.
    pub agents: u32,
    /// Milli-CPUs at once.
    pub cpus_milli: u64,
    /// Tracks with a running agent at once.
    pub tracks: Option<u32>,
    /// Tokens per minute of all running agents together; a single agent may exceed it alone.
    pub tokens_per_minute: Option<u64>,
    /// Tokens in all.
    pub tokens: Option<u64>,
    /// Cost in all, in millionths of a dollar.
    pub cost_microusd: Option<u64>,
    /// Other renewable resources; one that is missing here does not limit.
    pub resources: BTreeMap<String, u64>,
    /// Whatever is used up; one that is missing here does not limit.
    pub budgets: BTreeMap<String, u64>,
    /// Agents at once of a priority.
    pub per_priority: BTreeMap<Priority, u32>,
    /// Agents at once in a phase.
    pub per_phase: BTreeMap<PhaseIx, u32>,
    /// Agents at once in a track.
    pub per_track: BTreeMap<TrackIx, u32>,
    /// Agents at once in a wave.
    pub per_wave: BTreeMap<u32, u32>,
}

/// Makes the limits from what the plan states and, where it states nothing, from the machine.
///
/// CPUs that only the machine limits never make an agent impossible: one that wants more than there
/// are runs slower, so the limit is then at least what the largest agent wants.
#[must_use]
pub fn capacity_from_plan(
    plan: &Plan,
    machine_ram: u64,
    machine_cpus_milli: u64,
    default_agents: u32,
) -> Capacity {
    let limits = &plan.limits;
    let widest = plan
        .agents
        .iter()
        .filter_map(|a| a.modes.iter().map(|m| m.cpus_milli).max())
        .max()
        .unwrap_or(0);
    Capacity {
        ram_bytes: (limits.ram)
            .unwrap_or(RamLimit::Share(DEFAULT_RAM_PERMILLE))
            .bytes_of(machine_ram),
        agents: limits.agents.unwrap_or(default_agents).max(1),
        cpus_milli: limits.cpus_milli.unwrap_or(machine_cpus_milli.max(widest)),
        tracks: limits.tracks,
        tokens_per_minute: limits.tokens_per_minute,
        tokens: limits.tokens,
        cost_microusd: limits.cost_microusd,
        resources: limits.resources.clone(),
        budgets: limits.budgets.clone(),
        per_priority: limits.per_priority.clone(),
        per_phase: limits.per_phase.clone(),
        per_track: limits.per_track.clone(),
        per_wave: limits.per_wave.clone(),
    }
}

/// Whether an agent can run in this mode with everything to itself.
#[must_use]
pub fn fits(mode: &AgentMode, capacity: &Capacity) -> bool {
    let within = |wanted: &BTreeMap<String, u64>, given: &BTreeMap<String, u64>| {
        wanted
            .iter()
            .all(|(name, n)| given.get(name).is_none_or(|have| n <= have))
    };
    mode.ram_bytes <= capacity.ram_bytes
        && mode.cpus_milli <= capacity.cpus_milli
        && capacity.tokens.is_none_or(|have| mode.tokens <= have)
        && within(&mode.uses, &capacity.resources)
        && within(&mode.spends, &capacity.budgets)
}

/// The first listed mode that fits the limits, counted in the order of `worker`.
#[must_use]
pub fn chosen_mode(plan: &Plan, capacity: &Capacity, ix: AgentIx) -> Option<usize> {
    plan.agent(ix)
        .modes
        .iter()
        .position(|mode| fits(mode, capacity))
}

/// The mode that fits whose worker has the fewest agents so far.
fn spread(plan: &Plan, capacity: &Capacity, ix: AgentIx, planned: &[u32]) -> Option<usize> {
    let modes = plan.agent(ix).modes.iter().enumerate();
    let fitting = modes.filter(|(_, mode)| fits(mode, capacity));
    let of = |mode: &AgentMode| mode.worker.map_or(0, |worker| planned[worker.ix()]);
    let least = fitting.min_by_key(|(_, mode)| of(mode));
    least.map(|(mode, _)| mode)
}

/// Tokens per minute while an agent runs in a mode.
#[must_use]
pub fn token_rate(mode: &AgentMode) -> u64 {
    let rate = u128::from(mode.tokens) * 60_000_000;
    let rate = rate.div_ceil(u128::from(mode.duration.expected_us.max(1)));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// What a schedule supposes about every agent before it places any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// Mode of each agent; none where no mode fits.
    pub modes: Vec<Option<usize>>,
    /// Expected duration of its own work: 0 for groups and for agents that are not expected to run.
    pub durations: Vec<u64>,
    /// Whether it is expected to run if all goes well.
    pub expected: Vec<bool>,
    /// Budgets that the chosen modes exceed together, by name.
    pub overspent: Vec<String>,
}

impl Choices {
    /// Chooses modes and works out which conditions will hold.
    ///
    /// Modes are the first that fit; of workers that an agent names by what they can do the one with the fewest agents
    /// before it in plan order: which it will be is chosen when it starts. Where all of them together exceed a budget, agents later in
    /// plan order give way first: each takes the listed mode that spends least of it.
    #[must_use]
    pub fn new(plan: &Plan, graph: &Graph, capacity: &Capacity) -> Self {
        let mut planned = vec![0_u32; plan.workers.len()];
        let mut modes: Vec<Option<usize>> = plan
            .indices()
            .map(|ix| {
                let mode = match plan.agent(ix).capability {
                    Some(_) => spread(plan, capacity, ix, &planned),
                    None => chosen_mode(plan, capacity, ix),
                };
                let worker = mode.and_then(|mode| plan.agent(ix).modes[mode].worker);
                if let Some(worker) = worker {
                    planned[worker.ix()] += 1;
                }
                mode
            })
            .collect();
        let expected = expectations(plan, graph);
        let overspent = keep_budgets(plan, capacity, &expected, &mut modes);
        let durations = plan
            .indices()
            .map(|ix| match modes[ix.ix()] {
                Some(mode) if expected[ix.ix()] && !graph.is_group(ix) => {
                    plan.agent(ix).modes[mode].duration.expected_us
                }
                _ => 0,
            })
            .collect();
        Self {
            modes,
            durations,
            expected,
            overspent,
        }
    }

    /// The mode that an agent is planned with.
    pub fn mode<'a>(&self, plan: &'a Plan, ix: AgentIx) -> Option<&'a AgentMode> {
        self.modes[ix.ix()].map(|mode| &plan.agent(ix).modes[mode])
    }
}

/// Which agents run if everything succeeds that runs.
///
/// A need on failure is never met then, one on a skip is met by an agent that is itself not
/// expected, one on the end is met either way, and skips go on through all others.
fn expectations(plan: &Plan, graph: &Graph) -> Vec<bool> {
    let mut expected = vec![true; plan.agents.len()];
    for &point in &graph.points().order {
        let ix = AgentIx(point);
        if ix.ix() >= expected.len() {
            continue;
        }
        let needs = plan
            .agent(ix)
            .needs
            .iter()
            .filter(|need| need.kind == NeedKind::Hard);
        let met = needs.into_iter().all(|need| match need.when {
            When::Succeeded | When::Output(_) => expected[need.agent.ix()],
            When::Failed => false,
            When::Skipped => !expected[need.agent.ix()],
            When::Ended => true,
        });
        expected[ix.ix()] = met && graph.parent(ix).is_none_or(|parent| expected[parent.ix()]);
    }
    expected
}

/// Swaps modes, last agents first, until every budget holds; returns the budgets that do not.
fn keep_budgets(
    plan: &Plan,
    capacity: &Capacity,
    expected: &[bool],
    modes: &mut [Option<usize>],
) -> Vec<String> {
    let tokens = "tokens";
    let budgets: Vec<(&str, u64)> = capacity
        .tokens
        .map(|have| (tokens, have))
        .into_iter()
        .chain(
            capacity
                .budgets
                .iter()
                .map(|(name, have)| (name.as_str(), *have)),
        )
        .collect();
    let spends = |mode: &AgentMode, at: usize| {
        if at == 0 && capacity.tokens.is_some() {
            mode.tokens
        } else {
            mode.spends.get(budgets[at].0).copied().unwrap_or(0)
        }
    };
    let total = |modes: &[Option<usize>], at: usize| {
        plan.indices()
            .filter(|ix| expected[ix.ix()])
            .filter_map(|ix| Some(spends(&plan.agent(ix).modes[modes[ix.ix()]?], at)))
            .fold(0_u64, u64::saturating_add)
    };
    for (at, &(_, have)) in budgets.iter().enumerate() {
        let mut used = total(modes, at);
        for ix in plan.indices().collect::<Vec<_>>().into_iter().rev() {
            if used <= have {
                break;
            }
            let Some(now) = modes[ix.ix()].filter(|_| expected[ix.ix()]) else {
                continue;
            };
            let list = &plan.agent(ix).modes;
            let cost = |mode: usize| spends(&list[mode], at);
            // Never pays with a budget that was put in order before.
            let least = (0..list.len())
                .filter(|&m| fits(&list[m], capacity))
                .filter(|&m| (0..at).all(|b| spends(&list[m], b) <= spends(&list[now], b)))
                .min_by_key(|&m| (cost(m), m));
            if let Some(least) = least.filter(|&m| cost(m) < cost(now)) {
                used = used.saturating_sub(cost(now) - cost(least));
                modes[ix.ix()] = Some(least);
            }
        }
    }
    (0..budgets.len())
        .filter(|&at| total(modes, at) > budgets[at].1)
        .map(|at| budgets[at].0.to_owned())
        .collect()
}
