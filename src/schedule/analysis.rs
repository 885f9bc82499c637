//! Everything that `plan` says about a plan, computed once: schedules of all modes, their scores,
//! bounds, groups, the resource matrix, advice.

use crate::{
    graph::{Critical, EdgeKind, Graph, ParallelGroup, parallel_groups},
    plan::{Mode, Plan},
};

use super::{
    bounds::{lower_bound_us, sequential_us},
    capacity::{Capacity, Choices},
    dispatch::{Schedule, dispatch},
    learnt::Applied,
    matrix::Matrix,
};

/// What else the result depends on; shown with it, so that it can be had again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inputs {
    /// Hash of the configuration, as it is printed.
    pub config: String,
    /// Hash of the learnt estimates, as it is printed.
    pub learnt: String,
    /// Schedules that may be tried.
    pub effort: u64,
    /// Seed of the optimiser.
    pub seed: u64,
}

/// One kind of schedule with its scores in permille (requirement A7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanOption {
    /// How phases bind in it.
    pub mode: Mode,
    /// Its end.
    pub makespan_us: u64,
    /// How much shorter it is than the longest option.
    pub time: u32,
    /// How much stays free at the peak: the mean over memory, CPUs and whatever else is limited and used.
    pub resources: u32,
    /// Barriers of phases that it keeps.
    pub quality: u32,
    /// Risk of failure: memory above 60 % of the limit, agents at once, guessed figures.
    pub risk: u32,
    /// 0.35 time + 0.25 resources + 0.25 quality + 0.15 (1 − risk).
    pub score: u32,
    /// Whether everything in it can run.
    pub feasible: bool,
    /// Whether it is the plan's.
    pub chosen: bool,
    /// One sentence.
    pub why: String,
}

/// Whether working side by side pays (requirement A8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Whether it does.
    pub hybrid: bool,
    /// Why, or why not.
    pub reasons: Vec<String>,
}

/// The whole analysis of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// The graph.
    pub graph: Graph,
    /// Limits that it was made for.
    pub capacity: Capacity,
    /// What else it depends on.
    pub inputs: Inputs,
    /// Modes and expectations.
    pub choices: Choices,
    /// Times by order alone, with the barriers of the plan's mode.
    pub critical: Critical,
    /// The schedule of the plan's mode.
    pub schedule: Schedule,
    /// No schedule of that mode is shorter.
    pub lower_bound_us: u64,
    /// Everything one after the other.
    pub sequential_us: u64,
    /// Agents that may run side by side.
    pub groups: Vec<ParallelGroup>,
    /// What tracks and phases take.
    pub matrix: Matrix,
    /// Sequential, parallel, hybrid.
    pub options: Vec<PlanOption>,
    /// Whether hybrid pays.
    pub advice: Advice,
    /// What earlier runs have taught and counts in the plan; who puts it there says so here.
    pub learnt: Vec<Applied>,
}

impl Analysis {
    /// Analyses a plan.
    #[must_use]
    pub fn new(plan: &Plan, capacity: Capacity, inputs: Inputs) -> Self {
        let graph = Graph::new(plan);
        let choices = Choices::new(plan, &graph, &capacity);
        let critical = Critical::with_barriers(plan, &graph, plan.mode, &choices.durations);
        let mut made: Vec<(Mode, Schedule)> = [Mode::Sequential, Mode::Parallel, Mode::Hybrid]
            .into_iter()
            .map(|mode| (mode, dispatch(plan, &graph, &capacity, &choices, mode)))
            .collect();
        let options = options(plan, &graph, &capacity, &choices, &made);
        let own = made
            .iter()
            .position(|(mode, _)| *mode == plan.mode)
            .unwrap_or(0);
        let schedule = made.swap_remove(own).1;
        Self {
            lower_bound_us: lower_bound_us(plan, &graph, &capacity, &choices, plan.mode),
            sequential_us: sequential_us(&choices),
            groups: parallel_groups(plan, &graph, &choices.durations),
            matrix: Matrix::new(plan, &graph, &choices, &schedule),
            advice: advice(plan, &graph, &choices),
            critical,
            schedule,
            options,
            graph,
            capacity,
            inputs,
            choices,
            learnt: Vec::new(),
        }
    }

    /// Whether no schedule of this mode can be shorter.
    pub fn proven_optimal(&self) -> bool {
        self.schedule.impossible.is_empty()
            && self.choices.overspent.is_empty()
            && self.schedule.makespan_us == self.lower_bound_us
    }
}

/// `part` of `whole` in permille, at most 1000; 0 of nothing.
fn permille(part: u64, whole: u64) -> u32 {
    let share = (u128::from(part) * 1000)
        .checked_div(u128::from(whole))
        .unwrap_or(0);
    u32::try_from(share.min(1000)).unwrap_or(1000)
}

/// The name of a mode as it is written.
#[must_use]
pub fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Sequential => "sequential",
        Mode::Parallel => "parallel",
        Mode::Hybrid => "hybrid",
    }
}

fn options(
    plan: &Plan,
    graph: &Graph,
    capacity: &Capacity,
    choices: &Choices,
    made: &[(Mode, Schedule)],
) -> Vec<PlanOption> {
    let longest = made.iter().map(|(_, s)| s.makespan_us).max().unwrap_or(0);
    let working = || {
        graph
            .indices()
            .filter(|&ix| choices.expected[ix.ix()] && !graph.is_group(ix))
    };
    let agents = working().count() as u64;
    let guessed = working()
        .filter_map(|ix| choices.mode(plan, ix))
        .filter(|m| m.duration.guessed || m.ram_guessed)
        .count() as u64;
    let barriers = plan
        .phases
        .iter()
        .filter(|p| p.barrier || !p.gates.is_empty())
        .count() as u64;
    let gates = plan.phases.iter().filter(|p| !p.gates.is_empty()).count() as u64;
    let mut options: Vec<PlanOption> = made
        .iter()
        .map(|(mode, schedule)| {
            let peaks = &schedule.peaks;
            let time = 1000 - permille(schedule.makespan_us, longest.max(1));
            let ram = permille(peaks.ram_bytes, capacity.ram_bytes);
            // The mean over everything that is both limited and used.
            let shares: Vec<u32> = peaks
                .resources
                .iter()
                .filter_map(|(name, &used)| Some(permille(used, *capacity.resources.get(name)?)))
                .chain([ram, permille(peaks.cpus_milli, capacity.cpus_milli)])
                .filter(|&share| share > 0)
                .collect();
            let resources = 1000 - shares.iter().sum::<u32>() / (shares.len() as u32).max(1);
            let kept = if *mode == Mode::Parallel {
                gates
            } else {
                barriers
            };
            let quality = if barriers == 0 {
                1000
            } else {
                permille(kept, barriers)
            };
            let beside = permille(
                u64::from(peaks.agents.saturating_sub(1)),
                agents.saturating_sub(1),
            );
            let risk =
                (ram.saturating_sub(600) * 5 / 4 + beside * 3 / 10 + permille(guessed, agents) / 5)
                    .min(1000);
            PlanOption {
                mode: *mode,
                makespan_us: schedule.makespan_us,
                time,
                resources,
                quality,
                risk,
                score: (35 * time + 25 * resources + 25 * quality + 15 * (1000 - risk) + 50) / 100,
                feasible: schedule.impossible.is_empty() && choices.overspent.is_empty(),
                chosen: *mode == plan.mode,
                why: why(plan, *mode, schedule, choices),
            }
        })
        .collect();
    let best = options
        .iter()
        .filter(|o| o.feasible)
        .map(|o| o.score)
        .max()
        .unwrap_or(0);
    for option in &mut options {
        if option.chosen && option.feasible {
            option.why.push_str(if option.score == best {
                " It is the plan's mode, and nothing scores higher."
            } else {
                " It is the plan's mode, though another kind scores higher."
            });
        }
    }
    options
}

fn why(plan: &Plan, mode: Mode, schedule: &Schedule, choices: &Choices) -> String {
    if let Some(&first) = schedule.impossible.first() {
        let id = &plan.agent(first).id;
        return match schedule.impossible.len() - 1 {
            0 => format!("Agent {id} does not fit the limits, or waits for one that does not."),
            more => format!(
                "Agent {id} and {more} more do not fit the limits, or wait for one that does not."
            ),
        };
    }
    if !choices.overspent.is_empty() {
        return format!("Exceeds the budget of {}.", choices.overspent.join(", "));
    }
    match mode {
        Mode::Sequential => "One agent at a time: the least memory and risk.".to_owned(),
        Mode::Parallel => {
            "As many at once as fit; phases bind only where they have gates.".to_owned()
        }
        Mode::Hybrid => "Phases and tracks as planned, side by side within them.".to_owned(),
    }
}

/// Minutes with one decimal, without decimals in the arithmetic.
fn minutes(us: u64) -> String {
    let tenths = us / 6_000_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The simple rules of requirement A8 on what the plan says.
///
/// Components are the agents of the widest wave, integration the work of agents that join two or
/// more predecessors.
fn advice(plan: &Plan, graph: &Graph, choices: &Choices) -> Advice {
    let works = |ix| !graph.is_group(ix) && choices.expected[ix.ix()];
    let components = graph
        .waves()
        .iter()
        .map(|wave| wave.iter().filter(|&&ix| works(ix)).count() as u64)
        .max()
        .unwrap_or(0);
    let total = sequential_us(choices);
    let joins: u64 = graph
        .indices()
        .filter(|&ix| {
            graph
                .pred_kinds(ix)
                .iter()
                .filter(|k| **k != EdgeKind::Parent)
                .count()
                > 1
        })
        .map(|ix| choices.durations[ix.ix()])
        .fold(0, u64::saturating_add);
    let integration = permille(joins, total);
    // Components over 1 + the share of integration.
    let speedup = components * 1_000_000 / u64::from(1000 + integration);
    let mut reasons = Vec::new();
    if components < 2 {
        reasons.push("fewer than 2 independent components".to_owned());
    }
    if integration > 400 {
        reasons.push(format!(
            "{} % of the work is integration (more than 40 %)",
            integration / 10
        ));
    }
    if total < 20 * 60_000_000 {
        reasons.push(format!(
            "only {} min of work in total (less than 20)",
            minutes(total)
        ));
    }
    if speedup < 1500 {
        reasons.push(format!(
            "expected speed-up {}.{:02} (less than 1.50)",
            speedup / 1000,
            speedup % 1000 / 10
        ));
    }
    let hybrid = reasons.is_empty();
    if hybrid {
        reasons.push(format!(
            "{components} independent components, {} % integration, expected speed-up {}.{:02}",
            integration / 10,
            speedup / 1000,
            speedup % 1000 / 10
        ));
    }
    if plan.phases.iter().any(|p| !p.gates.is_empty()) {
        reasons.push("gates hold back later phases in every mode".to_owned());
    }
    Advice { hybrid, reasons }
}
