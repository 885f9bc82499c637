//! Decisions about memory in the report (REQUIREMENTS D8), and the continuous gate over them (D9).
//!
//! Every decision with its reason, memory as it saw it, and what was measured after it. From the history and the
//! readings; must not judge what was not measured.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{
    Bottleneck, MemoryLine, Target, Verdict,
    bottlenecks::{Weight, seconds},
    markdown::text,
};
use crate::{
    engine::{Adapted, State},
    plan::units::{human_size, show_decimal},
    report::{history::Decision, past::Past},
    resources::Point,
};

/// Decisions that the Markdown lists; `report.json` has all.
const LISTED: usize = 40;

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionLine {
    /// Its number, from 1.
    pub number: u32,
    /// When, in milliseconds of the run.
    pub at_ms: u64,
    /// What: `park`, `swap`, `lower`, `raise`, `back`, `nothing`.
    pub what: String,
    /// Why, in words.
    pub reason: String,
    /// How many agents it concerned.
    pub agents: u32,
    /// How many may run at once from then on, 0: as many as otherwise; none: it says nothing of that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agents_cap: Option<u32>,
    /// Pressure as it saw it, in permille.
    pub before_permille: u32,
    /// What it was to free, in bytes.
    pub told_bytes: u64,
    /// What it freed, in bytes, as measured; none: not measured yet, or it frees nothing by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub freed_bytes: Option<u64>,
    /// How long that took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub took_ms: Option<u64>,
    /// Pressure after it, in permille: with its effect, else at the next decision or a window later; none: not read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after_permille: Option<u32>,
    /// Why it did not do what it was to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failed: Option<String>,
}

impl DecisionLine {
    /// Returns what came of it, for people.
    #[must_use]
    pub fn effect(&self) -> String {
        let mut said = Vec::new();
        if let Some(freed) = self.freed_bytes {
            let of = human_size(self.told_bytes);
            let took = self
                .took_ms
                .map_or_else(String::new, |ms| format!(" in {}", seconds(ms)));
            said.push(format!("{} of {of} came free{took}", human_size(freed)));
        }
        if let Some(cap) = self.agents_cap {
            said.push(match cap {
                0 => "as many at once as before".to_owned(),
                cap => format!("{cap} at once"),
            });
        }
        if let (Some(why), None) = (&self.failed, self.freed_bytes) {
            said.push(why.clone());
        }
        if let Some(after) = self.after_permille {
            said.push(format!(
                "memory {} % after it",
                show_decimal(u64::from(after), 1)
            ));
        }
        if said.is_empty() {
            said.push("not measured".to_owned());
        }
        said.join(", ")
    }
}

/// One condition of the continuous gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What must hold.
    pub name: String,
    /// Whether it does; none: that is not known.
    pub holds: Option<bool>,
    /// By which figures.
    pub figures: String,
}

/// The continuous gate: within safe limits, no critical bottleneck, decisions logged, targets on track.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Continuous {
    /// Every condition that is known holds.
    pub passes: bool,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

const fn word(what: Adapted) -> &'static str {
    match what {
        Adapted::Park => "park",
        Adapted::Swap => "swap",
        Adapted::Lower => "lower",
        Adapted::Raise => "raise",
        Adapted::Back => "back",
        Adapted::Nothing => "nothing",
    }
}

/// Every decision up to a moment.
#[must_use]
pub fn decisions(state: &State, past: Past<'_>, points: &[Point]) -> Vec<DecisionLine> {
    let all: Vec<Decision> = past.decisions().collect();
    let window = state.setup.memory.window_us;
    let lines = all.iter().enumerate().map(|(at, one)| {
        let next = all.get(at + 1).map_or(past.now_us, |next| next.at_us);
        let until = next.min(one.at_us.saturating_add(window));
        let effect = one.effect;
        let read = || {
            // The last reading before that, where there is one after the decision.
            let end = points.partition_point(|point| point.at_us <= until);
            let last = points[..end]
                .last()
                .filter(|point| point.first_us() > one.at_us);
            last.map(|point| point.mean_permille)
        };
        DecisionLine {
            number: one.number,
            at_ms: one.at_us / 1000,
            what: word(one.what).to_owned(),
            reason: one.reason.clone(),
            agents: one.agents,
            agents_cap: one.agents_cap,
            before_permille: one.before.pressure_permille,
            told_bytes: one.told_bytes,
            freed_bytes: effect.map(|effect| effect.freed_bytes),
            took_ms: effect.map(|effect| effect.took_us / 1000),
            after_permille: effect.map(|effect| effect.after_permille).or_else(read),
            failed: one.failed.as_ref().map(|failed| failed.1.clone()),
        }
    });
    lines.collect()
}

/// Judges the continuous gate; while a run lasts, as it stands now.
#[must_use]
pub fn continuous(
    state: &State,
    memory: &MemoryLine,
    (found, targets): (&[Bottleneck], &[Target]),
    decisions: &[DecisionLine],
) -> Continuous {
    let halt = u64::from(state.setup.thresholds.halt);
    let percent = |permille: u64| format!("{} %", show_decimal(permille, 1));
    let peak = memory.peak_permille;
    let limits = Condition {
        name: "within safe limits".to_owned(),
        holds: peak.map(|peak| peak < halt),
        figures: peak.map_or_else(
            || "no readings of memory".to_owned(),
            |peak| {
                format!(
                    "memory at most {}, safe below {}",
                    percent(peak),
                    percent(halt)
                )
            },
        ),
    };
    let critical = found.iter().filter(|b| b.severity == Weight::High).count();
    let bottlenecks = Condition {
        name: "no critical bottleneck".to_owned(),
        holds: Some(critical == 0),
        figures: format!("{critical} of {} are high", found.len()),
    };
    // What takes something back is measured, or its run has not come to that.
    let takes = |line: &&DecisionLine| matches!(line.what.as_str(), "park" | "swap");
    let of: Vec<&DecisionLine> = decisions.iter().filter(takes).collect();
    let open = of.iter().filter(|line| line.freed_bytes.is_none()).count();
    let allowed = usize::from(state.finished.is_none());
    let logged = Condition {
        name: "decisions logged".to_owned(),
        holds: Some(open <= allowed),
        figures: format!(
            "{} with their reason, {} of the {} that take something back measured",
            decisions.len(),
            of.len() - open,
            of.len()
        ),
    };
    let off: Vec<String> = targets
        .iter()
        .filter(|target| target.verdict == Verdict::Review && !idle(target))
        .map(|target| format!("{} {} ({})", target.name, target.figure(), target.source))
        .collect();
    let track = Condition {
        name: "targets on track".to_owned(),
        holds: Some(off.is_empty()),
        figures: if off.is_empty() {
            "none to be looked at".to_owned()
        } else {
            off.join(", ")
        },
    };
    let conditions = vec![limits, bottlenecks, logged, track];
    Continuous {
        passes: conditions.iter().all(|one| one.holds != Some(false)),
        conditions,
    }
}

/// Memory that nobody needed: less than the target, and no harm.
fn idle(target: &Target) -> bool {
    target.name == super::targets::AVERAGE_MEMORY && target.permille.is_some_and(|m| m < 500)
}

pub(super) fn render(out: &mut String, decisions: &[DecisionLine], gate: &Continuous) {
    out.push_str("## Decisions about memory\n\n");
    if decisions.is_empty() {
        out.push_str("None: memory asked for nothing.\n\n");
    } else {
        out.push_str("| | after | what | agents | memory | why | what came of it |\n");
        out.push_str("|---:|---:|---|---:|---:|---|---|\n");
    }
    for line in decisions.iter().take(LISTED) {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} % | {} | {} |",
            line.number,
            seconds(line.at_ms),
            line.what,
            line.agents,
            show_decimal(u64::from(line.before_permille), 1),
            text(&line.reason),
            text(&line.effect()),
        );
    }
    if decisions.len() > LISTED {
        let more = decisions.len() - LISTED;
        let _ = writeln!(out, "\n{more} more in `report.json`.");
    }
    if !decisions.is_empty() {
        out.push('\n');
    }
    let verdict = if gate.passes {
        "passes"
    } else {
        "**does not pass**"
    };
    let _ = writeln!(out, "The continuous gate {verdict}:\n");
    for one in &gate.conditions {
        let holds = match one.holds {
            Some(true) => "holds",
            Some(false) => "**does not hold**",
            None => "not known",
        };
        let _ = writeln!(out, "- {}: {holds} ({})", one.name, text(&one.figures));
    }
    out.push('\n');
}
