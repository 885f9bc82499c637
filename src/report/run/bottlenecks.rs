//! Bottlenecks and what to do about them (REQUIREMENTS K3).
//!
//! Thresholds and shares of saving are the requirement's. Must not invent figures: each entry
//! carries the ones that it was judged by.

use serde::{Deserialize, Serialize};

use crate::{
    engine::{Metrics, State},
    plan::AgentIx,
};

/// Kinds of bottleneck by their names in K3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BottleneckKind {
    /// An agent ran longer than 1.5 × the mean.
    SlowAgent,
    /// Time without a running agent above 20 % of the time with one.
    CoordinationOverhead,
    /// Retries above 10 % of the agents.
    ResourceContention,
}

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Above twice the threshold's share.
    High,
    /// Above the threshold.
    Medium,
}

/// One bottleneck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bottleneck {
    /// What kind.
    pub kind: BottleneckKind,
    /// How bad.
    pub severity: Weight,
    /// Whose; none for the whole run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<String>,
    /// What it costs, in milliseconds.
    pub impact_ms: u64,
    /// In words, with the figures.
    pub text: String,
}

/// What could be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// How much it matters.
    pub priority: Weight,
    /// What it takes: `low`, `medium`, `high`.
    pub effort: String,
    /// An estimate of what it saves, in milliseconds: a share of the impact.
    pub saving_ms: u64,
    /// In words.
    pub text: String,
}

/// What a retry costs for want of a better figure (K3).
const RETRY_MS: u64 = 30_000;

/// Returns the bottlenecks, the dearest first.
#[must_use]
pub fn bottlenecks(state: &State, metrics: &Metrics) -> Vec<Bottleneck> {
    let mut out = Vec::new();
    // An agent that still runs has no length yet: it would pull the mean down.
    let times: Vec<(AgentIx, u64)> = state
        .setup
        .plan
        .indices()
        .map(|ix| (ix, state.agent(ix)))
        .filter(|(_, agent)| agent.attempt > 0 && agent.live.is_none())
        .map(|(ix, agent)| (ix, agent.ran_us / 1000))
        .collect();
    let count = times.len() as u64;
    let mean = times
        .iter()
        .map(|(_, ms)| ms)
        .sum::<u64>()
        .checked_div(count);
    if let Some(mean) = mean.filter(|&mean| count > 1 && mean > 0) {
        for (ix, ms) in times {
            if let Some(severity) = grade(BottleneckKind::SlowAgent, ms, mean) {
                let agent = state.id(ix).to_string();
                out.push(Bottleneck {
                    kind: BottleneckKind::SlowAgent,
                    severity,
                    impact_ms: ms - mean,
                    text: format!("{agent} ran {}; the mean is {}", seconds(ms), seconds(mean)),
                    agent: Some(agent),
                });
            }
        }
    }
    let (overhead, parallel) = (
        metrics.coordination_overhead_ms,
        metrics.parallel_duration_ms,
    );
    if let Some(severity) = grade(BottleneckKind::CoordinationOverhead, overhead, parallel) {
        out.push(Bottleneck {
            kind: BottleneckKind::CoordinationOverhead,
            severity,
            agent: None,
            impact_ms: overhead,
            text: format!(
                "no agent ran for {} of {}",
                seconds(overhead),
                seconds(metrics.total_duration_ms)
            ),
        });
    }
    let (retries, agents) = (u64::from(metrics.retry_attempts), state.agents.len() as u64);
    if let Some(severity) = grade(BottleneckKind::ResourceContention, retries, agents) {
        out.push(Bottleneck {
            kind: BottleneckKind::ResourceContention,
            severity,
            agent: None,
            impact_ms: retries * RETRY_MS,
            text: format!("{retries} retries among {agents} agents (counted as 30 s each)"),
        });
    }
    out.sort_by(|a, b| {
        b.impact_ms
            .cmp(&a.impact_ms)
            .then_with(|| a.agent.cmp(&b.agent))
    });
    out
}

/// K3: from which share on it is a bottleneck, and from which on a bad one, in permille.
const BOUNDS: [(BottleneckKind, u64, u64); 3] = [
    (BottleneckKind::SlowAgent, 1_500, 2_000),
    (BottleneckKind::CoordinationOverhead, 200, 400),
    (BottleneckKind::ResourceContention, 100, 200),
];

fn grade(kind: BottleneckKind, part: u64, whole: u64) -> Option<Weight> {
    let (_, medium, high) = BOUNDS.into_iter().find(|bound| bound.0 == kind)?;
    let above = |permille: u64| u128::from(part) * 1000 > u128::from(whole) * u128::from(permille);
    above(medium).then(|| {
        if above(high) {
            Weight::High
        } else {
            Weight::Medium
        }
    })
}

/// Returns recommendations for the bottlenecks, the largest saving first.
#[must_use]
pub fn recommendations(bottlenecks: &[Bottleneck], metrics: &Metrics) -> Vec<Recommendation> {
    let mut out: Vec<Recommendation> = bottlenecks
        .iter()
        .map(|b| {
            let (share, effort, text) = match (b.kind, &b.agent) {
                (BottleneckKind::SlowAgent, agent) => (
                    7,
                    "medium",
                    format!(
                        "split {} into sub-agents, or give it a faster worker",
                        agent.as_deref().unwrap_or("it")
                    ),
                ),
                (BottleneckKind::CoordinationOverhead, _) => (
                    5,
                    "medium",
                    "shorten gates and waits for a person, or let phases without gates overlap"
                        .to_owned(),
                ),
                (BottleneckKind::ResourceContention, _) => (
                    8,
                    "low",
                    "run fewer agents at once, or reserve what they really use".to_owned(),
                ),
            };
            Recommendation {
                priority: b.severity,
                effort: effort.to_owned(),
                saving_ms: b.impact_ms * share / 10,
                text,
            }
        })
        .collect();
    if metrics
        .parallel_efficiency_score
        .is_some_and(|score| score.0 < 800)
    {
        out.push(Recommendation {
            priority: Weight::Medium,
            effort: "high".to_owned(),
            saving_ms: 0,
            text: "look at the critical path: hard needs that are only an order can be soft"
                .to_owned(),
        });
    }
    out.sort_by_key(|r| std::cmp::Reverse(r.saving_ms));
    out
}

/// Milliseconds for people.
pub(super) fn seconds(ms: u64) -> String {
    crate::report::plan::duration(ms * 1000)
}
