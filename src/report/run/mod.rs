//! The report of a run: outcome, measures against targets, bottlenecks, what waited for whom,
//! memory, advice (REQUIREMENTS F4, K2-K4).
//!
//! Computed from the state, the history and the readings of memory; the same recording gives the
//! same report. Must not read files or judge what was not measured.

mod bottlenecks;
pub mod controller;
mod declared;
pub mod gates;
mod integration;
mod markdown;
mod targets;
pub mod together;
pub mod tokens;
pub mod waits;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use controller::{Continuous, DecisionLine};
use gates::GateLine;
use together::Together;
use tokens::{TokenLine, Tokens};

use crate::{
    engine::{Metrics, Spent, State, Status, Zone},
    plan::AgentIx,
    resources::Point,
    schedule::learnt::Off,
};

pub use bottlenecks::{Bottleneck, BottleneckKind, Recommendation, Weight};
pub use targets::{Target, Verdict};
pub use waits::{Wait, WaitFor};

use super::past::Past;

/// Version of `report.json`; fields are added, never changed.
pub const VERSION: u32 = 1;

/// One agent's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentLine {
    /// Its id.
    pub agent: String,
    /// Its state by the word of the state table.
    pub state: String,
    /// Why it failed, was skipped or waits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Attempts.
    pub attempts: u32,
    /// Time that its processes ran, in milliseconds.
    pub ran_ms: u64,
    /// Time that the plan stated for it, in milliseconds.
    pub planned_ms: u64,
    /// Largest memory of its attempts, in bytes.
    pub peak_bytes: u64,
    /// Memory that was reserved for it, in bytes.
    pub reserved_bytes: u64,
    /// Tokens and money; none: its program has said nothing of that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tokens: Option<TokenLine>,
}

/// Memory over the run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MemoryLine {
    /// Readings that the figures come from.
    pub readings: u64,
    /// Average pressure in permille.
    pub average_permille: Option<u64>,
    /// Highest pressure in permille.
    pub peak_permille: Option<u64>,
    /// Average of the agents' memory in bytes.
    pub average_agents_bytes: Option<u64>,
    /// Highest memory of all agents together, in bytes.
    pub peak_agents_bytes: Option<u64>,
    /// Time in each zone in milliseconds: green, yellow, orange, red.
    pub zones_ms: [u64; 4],
}

/// A whole report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// [`VERSION`].
    pub version: u32,
    /// Identifier of the run.
    pub run: String,
    /// Name of the plan.
    pub plan: String,
    /// The plan's goal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub goal: Option<String>,
    /// Exit status of DESIGN 6; none while it lasts.
    pub status: Option<u8>,
    /// One line about the end.
    pub summary: Option<String>,
    /// Agents by state.
    pub counts: Vec<(String, u32)>,
    /// K1 and K2.
    pub metrics: Metrics,
    /// K4.
    pub targets: Vec<Target>,
    /// K3.
    pub bottlenecks: Vec<Bottleneck>,
    /// K3.
    pub recommendations: Vec<Recommendation>,
    /// Who the end hung on, first to last; empty while the run lasts.
    pub realised_path: Vec<String>,
    /// What waited for whom.
    pub waits: Vec<Wait>,
    /// Memory.
    pub memory: MemoryLine,
    /// What the controller of memory decided, and what came of it.
    #[serde(default)]
    pub decisions: Vec<DecisionLine>,
    /// The continuous gate.
    #[serde(default)]
    pub continuous: Continuous,
    /// How the work came together; none: no agent had a workspace of its own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub together: Option<Together>,
    /// Every gate, and how it stands.
    #[serde(default)]
    pub gates: Vec<GateLine>,
    /// Tokens and money; none: no agent program has said anything of that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tokens: Option<Tokens>,
    /// What the plan states of agents and they did not keep, by twice or more.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub off: Vec<Off>,
    /// Secrets that were taken out of prompts and of what agents printed.
    #[serde(default)]
    pub secrets_taken_out: u64,
    /// Every agent, in plan order.
    pub agents: Vec<AgentLine>,
}

impl RunReport {
    /// Makes the report of a run so far.
    ///
    /// `planned_us` is the length of the plan's schedule, where one was made.
    #[must_use]
    pub fn new(
        state: &State,
        history: Past<'_>,
        points: &[Point],
        planned_us: Option<u64>,
    ) -> Self {
        Self {
            waits: waits::waits(state, history),
            together: Together::of(state),
            gates: gates::gates(state, history),
            off: declared::off(state),
            agents: state
                .setup
                .plan
                .indices()
                .map(|ix| agent_line(state, ix, history.now_us))
                .collect(),
            ..Self::of_all(
                state,
                history,
                points,
                planned_us,
                Metrics::at(state, history.now_us),
            )
        }
    }

    /// The same without what is told of each agent and wait, for a screen that shows some of them:
    /// they come from [`agent_line`] and [`waits::find`].
    #[must_use]
    pub fn brief(
        state: &State,
        history: Past<'_>,
        points: &[Point],
        planned_us: Option<u64>,
    ) -> Self {
        let metrics = Metrics::of_all(state, history.now_us);
        Self::of_all(state, history, points, planned_us, metrics)
    }

    fn of_all(
        state: &State,
        history: Past<'_>,
        points: &[Point],
        planned_us: Option<u64>,
        mut metrics: Metrics,
    ) -> Self {
        let memory = memory(history, points);
        if let Some(bytes) = memory.average_agents_bytes {
            metrics.measured(bytes);
        }
        let stated: u64 = state
            .setup
            .plan
            .agents
            .iter()
            .filter_map(|a| a.modes.first())
            .map(|mode| mode.duration.expected_us)
            .sum();
        let potential = planned_us.filter(|_| stated > 0).map(|planned| {
            let saved = i128::from(stated) - i128::from(planned);
            i64::try_from(saved * 1000 / i128::from(stated)).unwrap_or(0)
        });
        let measures = targets::Measures {
            memory: memory.average_permille,
            potential,
            gates: {
                let passed = history.gates.iter().filter(|gate| gate.1).count();
                (passed, history.gates.len() - passed)
            },
            integration: (state.setup.integrates)
                .then(|| integration::integration(history.merges(), history.now_us)),
        };
        let found = bottlenecks::bottlenecks(state, &metrics);
        let decisions = controller::decisions(state, history, points);
        let ended = state.finished.is_some();
        // What can be judged at any moment is, also while the run lasts.
        let judged: Vec<Target> = targets::targets(&metrics, measures, true)
            .into_iter()
            .filter(|target| ended || targets::at_any_moment(target))
            .collect();
        let continuous = controller::continuous(state, &memory, (&found, &judged), &decisions);
        Self {
            version: VERSION,
            run: state.run.clone(),
            plan: state.setup.plan.name.clone(),
            goal: state.setup.plan.goal.clone(),
            status: state.finished,
            summary: state.summary.clone(),
            counts: counts(state),
            targets: targets::targets(&metrics, measures, ended),
            decisions,
            continuous,
            recommendations: bottlenecks::recommendations(&found, &metrics),
            bottlenecks: found,
            // What the end hung on is known at the end.
            realised_path: match state.finished {
                Some(_) => waits::realised_path(state),
                None => Vec::new(),
            },
            waits: Vec::new(),
            together: None,
            gates: Vec::new(),
            off: Vec::new(),
            memory,
            tokens: Tokens::of(state),
            secrets_taken_out: state.redacted,
            agents: Vec::new(),
            metrics,
        }
    }

    /// Returns the report as JSON with a newline at its end.
    ///
    /// # Errors
    /// None in practice: all of it can be written.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// Returns the report as Markdown for people.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        markdown::render(self)
    }
}

fn counts(state: &State) -> Vec<(String, u32)> {
    let mut counts: std::collections::BTreeMap<Status, u32> = std::collections::BTreeMap::new();
    for agent in &state.agents {
        *counts.entry(agent.status).or_default() += 1;
    }
    counts
        .into_iter()
        .map(|(status, n)| (status.name().to_owned(), n))
        .collect()
}

/// Returns what is told of an agent at a moment (elapsed µs).
#[must_use]
pub fn agent_line(state: &State, ix: AgentIx, now_us: u64) -> AgentLine {
    let agent = state.agent(ix);
    let mode = state.mode_of(ix);
    AgentLine {
        agent: state.id(ix).to_string(),
        state: agent.status.name().to_owned(),
        reason: agent.reason.clone(),
        attempts: agent.attempt,
        ran_ms: (agent.ran_us + state.clock_us(ix, now_us)) / 1000,
        planned_ms: mode.duration.expected_us / 1000,
        peak_bytes: agent.peak_bytes,
        reserved_bytes: mode.ram_bytes,
        tokens: (agent.talk.as_deref()).and_then(|talk| tokens::line(Spent::by(talk))),
    }
}

fn memory(history: Past<'_>, points: &[Point]) -> MemoryLine {
    let mut line = MemoryLine {
        readings: points.iter().map(|point| point.count).sum(),
        ..MemoryLine::default()
    };
    for (i, (from, zone)) in history.zones.iter().enumerate() {
        let until = history.zones.get(i + 1).map_or(history.now_us, |z| z.0);
        let place = match zone {
            Zone::Green => 0,
            Zone::Yellow => 1,
            Zone::Orange => 2,
            Zone::Red => 3,
        };
        line.zones_ms[place] += until.saturating_sub(*from) / 1000;
    }
    // Readings are not evenly spaced: each counts until the next one.
    let (mut time, mut pressure, mut bytes) = (0_u128, 0_u128, 0_u128);
    for (i, point) in points.iter().enumerate() {
        let until = points.get(i + 1).map_or(history.now_us, Point::first_us);
        let span = u128::from(until.saturating_sub(point.first_us()));
        time += span;
        pressure += span * u128::from(point.mean_permille);
        bytes += span * u128::from(point.mean_bytes);
        line.peak_permille = line.peak_permille.max(Some(u64::from(point.permille)));
        line.peak_agents_bytes = line.peak_agents_bytes.max(Some(point.agents_bytes));
    }
    let average = |sum: u128| sum.checked_div(time).and_then(|n| u64::try_from(n).ok());
    line.average_permille = average(pressure);
    line.average_agents_bytes = average(bytes);
    line
}
