//! Metrics of a run by the exact names of REQUIREMENTS K1 and K2; part of `run.finished`.
//!
//! Computed from the state alone. What this version cannot measure is `null`, with the reason in
//! `unavailable`. Must not estimate silently.

use std::collections::BTreeMap;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cost, State, Status, Talk};
use crate::agents::Used;

/// K1 and K2. Ratios are decimals with three places, made from integers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[expect(
    missing_docs,
    reason = "the names are those of REQUIREMENTS K1 and K2 and mean the same"
)]
pub struct Metrics {
    pub execution_id: String,
    pub start_time: String,
    pub end_time: String,
    /// Longest path of the plan by declared durations.
    pub critical_path_ms: u64,
    pub wave_count: u32,
    /// Time with at least one agent running, against the sum of all running times.
    pub parallelism_ratio: Option<Permille>,
    pub token_input: Option<u64>,
    pub token_output: Option<u64>,
    pub token_savings_estimated: Option<Permille>,
    pub cache_hit_l2: Option<Permille>,
    pub cache_hit_l3: Option<Permille>,
    /// Time that the run was alive.
    pub total_duration_ms: u64,
    /// What the agents' processes took one after the other.
    pub sequential_duration_ms: u64,
    /// Time with at least one agent running.
    pub parallel_duration_ms: u64,
    /// Time alive in which no agent ran.
    pub coordination_overhead_ms: u64,
    pub peak_api_calls_per_minute: Option<u64>,
    pub average_memory_usage_mb: Option<u64>,
    pub total_api_calls: Option<u64>,
    pub validation_failures: u32,
    pub retry_attempts: u32,
    pub escalations: Option<u32>,
    pub final_quality_score: Option<Permille>,
    pub agent_execution_times: BTreeMap<String, u64>,
    pub agent_success_rates: BTreeMap<String, Permille>,
    pub agent_resource_efficiency: Option<Permille>,
    pub synchronization_point_success_rate: Option<Permille>,
    pub conflict_resolution_success_rate: Option<Permille>,
    pub parallel_efficiency_score: Option<Permille>,
    /// Why each `null` is one.
    pub unavailable: BTreeMap<String, String>,
}

/// A ratio in thousandths, written as a decimal with three places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Permille(#[cfg_attr(test, schemars(with = "f64"))] pub u64);

impl Serialize for Permille {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // Exact: three decimals are far inside what a double carries.
        to.serialize_f64(self.0 as f64 / 1000.0)
    }
}

impl<'de> Deserialize<'de> for Permille {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(from)?;
        Ok(Self((value * 1000.0).round().max(0.0) as u64))
    }
}

/// `part / whole` in thousandths.
fn ratio(part: u64, whole: u64) -> Option<Permille> {
    (whole > 0).then(|| {
        let value = u128::from(part) * 1000 / u128::from(whole);
        Permille(u64::try_from(value).unwrap_or(u64::MAX))
    })
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// What agents have used, as their programs say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Tokens; none: no program has said anything.
    pub used: Option<Used>,
    /// Money.
    pub cost: Cost,
    /// Estimated tokens of the prompts, and of all that they were made of.
    pub prompted: (u64, u64),
}

impl Spent {
    /// Sums what all agents have used.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let talks = state.agents.iter().filter_map(|agent| agent.talk.as_ref());
        talks.fold(Self::default(), |all, talk| all.and(Self::by(talk)))
    }

    /// Returns what one agent has used.
    #[must_use]
    pub fn by(talk: &Talk) -> Self {
        let used = talk.all_used();
        Self {
            used: (used != Used::default()).then_some(used),
            cost: talk.cost(),
            prompted: talk.prompted,
        }
    }

    /// The sum of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let used = match (self.used, other.used) {
            (Some(one), Some(other)) => Some(one.and(other)),
            (one, other) => one.or(other),
        };
        let (told, all) = (self.prompted, other.prompted);
        Self {
            used,
            cost: self.cost.and(other.cost),
            prompted: (told.0.saturating_add(all.0), told.1.saturating_add(all.1)),
        }
    }

    /// Returns what the prompts saved, in thousandths of what one session would hold that had done the whole
    /// plan in order ([`super::TalkEvent::Prompted`]); none: there was no prompt.
    #[must_use]
    pub fn saved(&self) -> Option<Permille> {
        let (told, all) = self.prompted;
        ratio(all.saturating_sub(told), all)
    }
}

/// The moment that metrics are of: time passes for as long as the run lasts.
fn moment(state: &State, now_us: u64) -> u64 {
    match state.finished {
        Some(_) => state.elapsed_us,
        None => now_us.max(state.elapsed_us),
    }
}

impl Metrics {
    /// Computes the metrics of a run at its last record.
    #[must_use]
    pub fn of(state: &State) -> Self {
        Self::at(state, state.elapsed_us)
    }

    /// Computes the metrics of a run at a moment (elapsed µs): while it lasts, the time since the
    /// last record counts too, for the run and for every agent that runs.
    #[must_use]
    pub fn at(state: &State, now_us: u64) -> Self {
        let mut metrics = Self::of_all(state, now_us);
        for ix in state.setup.plan.indices() {
            let (agent, plan) = (state.agent(ix), state.setup.plan.agent(ix));
            if agent.attempt > 0 {
                let ran_us = agent.ran_us + state.clock_us(ix, moment(state, now_us));
                let times = &mut metrics.agent_execution_times;
                times.insert(plan.id.to_string(), ran_us / 1000);
                let well = u64::from(agent.status == Status::Succeeded);
                if let Some(rate) = ratio(well, u64::from(agent.attempt)) {
                    let rates = &mut metrics.agent_success_rates;
                    rates.insert(plan.id.to_string(), rate);
                }
            }
        }
        metrics
    }

    /// Takes what all agents held in the mean over the run, by time, in bytes.
    pub fn measured(&mut self, mean_bytes: u64) {
        self.average_memory_usage_mb = Some(mean_bytes / 1_000_000);
        self.unavailable.remove("average_memory_usage_mb");
    }

    /// The same without what is told of each agent: it costs the same however many there are.
    #[must_use]
    pub fn of_all(state: &State, now_us: u64) -> Self {
        let now_us = moment(state, now_us);
        let past = now_us.saturating_sub(state.counted_us);
        let busy_us = state.busy_us + if state.moving > 0 { past } else { 0 };
        let work_us = state.work_us + past * u64::from(state.moving);
        let stamp = |ms: i64| {
            let at = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            format!("{at:.3}")
        };
        let total = now_us / 1000;
        let busy = busy_us / 1000;
        let overhead = total.saturating_sub(busy);
        let requests = "agent programs report tokens, not requests";
        let talk = "comments of issues are not read yet";
        let files = "named files are read anew for each prompt";
        let all = Spent::of(state);
        let unavailable = [
            ("cache_hit_l2", talk),
            ("cache_hit_l3", files),
            ("peak_api_calls_per_minute", requests),
            ("total_api_calls", requests),
            (
                "average_memory_usage_mb",
                "not measured from the run's begin on; `report` reads the samples",
            ),
            (
                "final_quality_score",
                "quality scores come with the reports",
            ),
            (
                "agent_resource_efficiency",
                "what work is worth is not known",
            ),
        ];
        let syncs = &state.syncs;
        // What is still open when a run ends has not come together.
        let points = syncs.completed + syncs.failed + count(syncs.open.len());
        let synced = ratio(u64::from(syncs.completed), u64::from(points));
        let conflicts = &state.merges.conflicts;
        let settled = conflicts.values().filter(|conflict| conflict.settled());
        let settled = ratio(settled.count() as u64, conflicts.len() as u64);
        let silent = "no agent program has said what it used";
        let none = [
            ("token_input", all.used.is_none(), silent),
            ("token_output", all.used.is_none(), silent),
            (
                "token_savings_estimated",
                all.saved().is_none(),
                "no prompt was composed",
            ),
            (
                "synchronization_point_success_rate",
                synced.is_none(),
                "no synchronisation point in this run",
            ),
            (
                "conflict_resolution_success_rate",
                settled.is_none(),
                "no conflict in this run",
            ),
        ];
        let none = none.iter().filter(|(_, none, _)| *none);
        let none = none.map(|(name, _, why)| (*name, *why));
        Self {
            execution_id: state.run.clone(),
            start_time: stamp(state.started_ms),
            end_time: stamp(state.at_ms),
            critical_path_ms: state.setup.critical_path_us / 1000,
            wave_count: u32::try_from(state.setup.wave_sizes.len()).unwrap_or(u32::MAX),
            parallelism_ratio: ratio(work_us, busy_us),
            token_input: all.used.map(|used| used.sent()),
            token_output: all.used.map(|used| used.output),
            token_savings_estimated: all.saved(),
            cache_hit_l2: None,
            cache_hit_l3: None,
            total_duration_ms: total,
            sequential_duration_ms: work_us / 1000,
            parallel_duration_ms: busy,
            coordination_overhead_ms: overhead,
            peak_api_calls_per_minute: None,
            average_memory_usage_mb: None,
            total_api_calls: None,
            validation_failures: state.red_checks,
            retry_attempts: state.retries,
            escalations: Some(state.attention.last_id),
            final_quality_score: None,
            agent_execution_times: BTreeMap::new(),
            agent_success_rates: BTreeMap::new(),
            agent_resource_efficiency: None,
            synchronization_point_success_rate: synced,
            conflict_resolution_success_rate: settled,
            parallel_efficiency_score: ratio(busy.saturating_sub(overhead), busy),
            unavailable: unavailable
                .into_iter()
                .chain(none)
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect(),
        }
    }
}
