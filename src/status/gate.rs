//! The 24-hour gate (REQUIREMENTS S2): on schedule, resources sustainable, no critical blocker,
//! gates passing; judged from the cards.
//!
//! Pure. Must not raise anything: whoever asks does.

use std::fmt::Write as _;

use crate::{
    display::figures::span,
    engine::{FailureKind, Severity, State, Status, Zone},
};

use super::project::{Facts, Standing};

/// One thing that the gate looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criterion {
    /// What.
    pub name: &'static str,
    /// Whether it holds; none: nothing is known.
    pub met: Option<bool>,
    /// The figure that it was judged by.
    pub figure: String,
}

/// The verdict at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayGate {
    /// In the order of the requirement.
    pub criteria: [Criterion; 4],
}

impl DayGate {
    /// Whether nothing speaks against going on.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.criteria.iter().all(|c| c.met != Some(false))
    }

    /// Returns what does not hold, with its figure.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        self.criteria
            .iter()
            .filter(|c| c.met == Some(false))
            .map(|c| format!("{}: {}", c.name, c.figure))
            .collect()
    }

    /// Returns the verdict with every figure as YAML, the evidence.
    #[must_use]
    pub fn to_yaml(&self, at: &str) -> String {
        let mut out = format!("at: {at}\npasses: {}\ncriteria:\n", self.passes());
        for c in &self.criteria {
            let met = c
                .met
                .map_or("unknown", |met| if met { "true" } else { "false" });
            let _ = writeln!(
                out,
                "  - name: {}\n    met: {met}\n    figure: {}",
                c.name,
                super::card::quoted(&c.figure)
            );
        }
        out
    }
}

/// How many times the gate was due by a moment (elapsed µs), one every `every_us`.
#[must_use]
pub const fn due(now_us: u64, every_us: u64) -> u64 {
    match now_us.checked_div(every_us) {
        Some(times) => times,
        None => 0,
    }
}

/// Judges the run at a moment.
#[must_use]
pub fn judge(facts: Facts<'_>, standings: &[Standing]) -> DayGate {
    let state = facts.state;
    let late = standings
        .iter()
        .filter_map(|s| Some((s.late_us?, s.card.track.as_str())))
        .max();
    let schedule = match (facts.planned, late) {
        (None, _) => (None, "no schedule is known".to_owned()),
        (Some(_), None) => (Some(true), "no agent is behind plan".to_owned()),
        (Some(_), Some((us, track))) => (
            Some(false),
            format!("track {track} is ~{} behind plan", span(us)),
        ),
    };
    let zone = state.memory.zone;
    let sustainable = zone < Zone::Orange && !state.memory.halted;
    let pressure = facts.sample.map_or_else(
        || zone.name().to_owned(),
        |s| {
            let permille = s.figures.pressure_permille;
            format!("{} % pressure, {}", permille / 10, zone.name())
        },
    );
    let critical: Vec<&str> = standings
        .iter()
        .flat_map(|s| &s.card.blockers)
        .filter(|b| b.severity == Severity::Critical)
        .map(|b| b.blocker.as_str())
        .collect();
    let blockers = match critical.first() {
        None => "none".to_owned(),
        Some(first) => format!("{}: {first}", critical.len()),
    };
    let red = red_gates(state);
    let gates = match red.first() {
        None => "0 red".to_owned(),
        Some(first) => format!("{} red: {first}", red.len()),
    };
    let criterion = |name, met, figure| Criterion { name, met, figure };
    DayGate {
        criteria: [
            criterion("on schedule", schedule.0, schedule.1),
            criterion("resources sustainable", Some(sustainable), pressure),
            criterion("no critical blocker", Some(critical.is_empty()), blockers),
            criterion("gates passing", Some(red.is_empty()), gates),
        ],
    }
}

/// Whose gates are red now: those over more than one agent first, they stop the most.
fn red_gates(state: &State) -> Vec<String> {
    let setup = &state.setup;
    let cohorts = setup.cohorts.iter().zip(&state.cohorts);
    let cohorts = cohorts.filter(|(_, gates)| gates.gate_red);
    let phases = setup.plan.phases.iter().zip(&state.phases);
    let phases = phases.filter(|(_, gates)| gates.gate_red);
    let agents = setup.plan.indices().filter(|&ix| {
        let agent = state.agent(ix);
        agent.status == Status::Blocked && agent.failure == Some(FailureKind::Validation)
    });
    let phases = phases.map(|(phase, _)| format!("phase {}", phase.id));
    cohorts
        .map(|(cohort, _)| cohort.to_string())
        .chain(phases)
        .chain(agents.map(|ix| state.id(ix).to_string()))
        .collect()
}
