//! Measures against the targets of the documents that wavedeck was built from (REQUIREMENTS K4).
//!
//! Each target carries its source, since they differ. Must not judge what was not measured.

use serde::{Deserialize, Serialize};

use super::integration::Integration;
use crate::{engine::Metrics, plan::units::show_decimal};

/// The verdict on one measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Inside the target.
    Met,
    /// Outside, and not so far that somebody must look.
    Missed,
    /// So far outside that the document asks for a review.
    Review,
    /// The run has not ended: the measure is the one so far, and nothing is judged.
    SoFar,
    /// Not measured, with the reason.
    Unknown(String),
}

/// One measure beside its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What is measured.
    pub name: String,
    /// The document that sets it: HW, PE, CF, FX or IP.
    pub source: String,
    /// The target in words.
    pub target: String,
    /// The measure in permille; none where it was not measured.
    pub permille: Option<i64>,
    /// The measure rests on durations that the plan states.
    #[serde(default)]
    pub about: bool,
    /// The verdict.
    pub verdict: Verdict,
}

/// The one measure that is a factor, and the one that is a number.
const SPEED: &str = "speed-up";
const CRITICAL_CONFLICTS: &str = "critical scope conflicts";

impl Target {
    /// Returns the measure for people, with its unit.
    #[must_use]
    pub fn figure(&self) -> String {
        let Some(permille) = self.permille else {
            return "–".to_owned();
        };
        let sign = if permille < 0 { "-" } else { "" };
        let sign = format!("{}{sign}", if self.about { "~" } else { "" });
        let size = permille.unsigned_abs();
        match self.name.as_str() {
            SPEED => format!("{sign}{} ×", show_decimal(size, 3)),
            CRITICAL_CONFLICTS => format!("{sign}{}", size / 1000),
            _ => format!("{sign}{} %", show_decimal(size, 1)),
        }
    }
}

/// What the targets are judged by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measures {
    /// Average memory pressure over the run in permille.
    pub memory: Option<u64>,
    /// What the plan's schedule saves of the sequential time, in permille: the potential.
    pub potential: Option<i64>,
    /// Gates that passed, and that failed.
    pub gates: (usize, usize),
    /// How the work came together; none: no agent has a workspace of its own.
    pub integration: Option<Integration>,
}

/// Bounds of one measure, in permille.
struct Bounds {
    name: &'static str,
    source: &'static str,
    words: &'static str,
    /// At least so much, and at most so much.
    inside: (i64, i64),
    /// Below the first or above the second somebody must look.
    review: (i64, i64),
}

const NO_BOUND: i64 = i64::MAX;

/// A row of K4: what, whose target, in words, met within, looked at outside of.
const fn row(
    name: &'static str,
    source: &'static str,
    words: &'static str,
    inside: (i64, i64),
    review: (i64, i64),
) -> Bounds {
    Bounds {
        name,
        source,
        words,
        inside,
        review,
    }
}

const SAVED: &str = "time saved against one after the other";

const TIME_SAVED: [Bounds; 4] = [
    row(SAVED, "HW", "30-50 %", (300, NO_BOUND), (0, NO_BOUND)),
    row(
        SAVED,
        "PE",
        "30-70 %, review below 25 %",
        (300, NO_BOUND),
        (250, NO_BOUND),
    ),
    row(SAVED, "CF", "40-60 %", (400, NO_BOUND), (0, NO_BOUND)),
    row(
        SAVED,
        "IP",
        "at least 30 % in the median",
        (300, NO_BOUND),
        (0, NO_BOUND),
    ),
];

/// What memory is called among the targets.
pub(super) const AVERAGE_MEMORY: &str = "average memory";

const MEMORY: [Bounds; 2] = [
    row(
        AVERAGE_MEMORY,
        "HW",
        "60-80 %, under 50 % idle, over 85 % too much",
        (600, 800),
        (500, 850),
    ),
    row(
        AVERAGE_MEMORY,
        "PE",
        "60-85 %, review under 50 % and over 90 %",
        (600, 850),
        (500, 900),
    ),
];

const REALISED: Bounds = row(
    "parallel opportunities realised",
    "PE",
    "over 80 %, poor under 70 %",
    (800, NO_BOUND),
    (700, NO_BOUND),
);

const GATE_RATE: &str = "gate pass rate";

const GATES: Bounds = row(
    GATE_RATE,
    "PE",
    "100 %, look into it under 95 %",
    (1000, NO_BOUND),
    (950, NO_BOUND),
);

const SPEED_UP: Bounds = row(SPEED, "FX", "over 2 ×", (2001, NO_BOUND), (0, NO_BOUND));

const OVERHEAD: Bounds = row(
    "coordination overhead",
    "FX",
    "under 20 % of the parallel time",
    (0, 199),
    (0, NO_BOUND),
);

const CRITICAL: Bounds = row(
    CRITICAL_CONFLICTS,
    "PE",
    "0, over 2 the process failed",
    (0, 0),
    (0, 2000),
);

const CLEAN: Bounds = row(
    "clean integrations",
    "FX",
    "over 90 %",
    (901, NO_BOUND),
    (0, NO_BOUND),
);

const INTEGRATION: Bounds = row(
    "integration overhead",
    "FX",
    "under 20 %",
    (0, 199),
    (0, NO_BOUND),
);

impl Bounds {
    fn judge(&self, measure: Result<i64, &str>) -> Target {
        let verdict = match measure {
            Err(why) => Verdict::Unknown(why.to_owned()),
            Ok(m) if (self.inside.0..=self.inside.1).contains(&m) => Verdict::Met,
            Ok(m) if (self.review.0..=self.review.1).contains(&m) => Verdict::Missed,
            Ok(_) => Verdict::Review,
        };
        Target {
            name: self.name.to_owned(),
            source: self.source.to_owned(),
            target: self.words.to_owned(),
            permille: measure.ok(),
            about: false,
            verdict,
        }
    }
}

/// Whether a measure means the same while the run lasts as at its end.
pub(super) fn at_any_moment(target: &Target) -> bool {
    matches!(
        target.name.as_str(),
        AVERAGE_MEMORY | GATE_RATE | CRITICAL_CONFLICTS
    )
}

/// `part / whole` in permille.
fn permille(part: i128, whole: u64) -> Option<i64> {
    (whole > 0).then(|| i64::try_from(part * 1000 / i128::from(whole)).unwrap_or(i64::MAX))
}

/// Judges a run; one that has not `ended` is measured and not judged.
#[must_use]
pub fn targets(metrics: &Metrics, measures: Measures, ended: bool) -> Vec<Target> {
    let sequential = metrics.sequential_duration_ms;
    let total = metrics.total_duration_ms;
    let saved =
        permille(i128::from(sequential) - i128::from(total), sequential).ok_or("no agent ran");
    let mut out: Vec<Target> = TIME_SAVED.iter().map(|b| b.judge(saved)).collect();
    let memory = measures
        .memory
        .and_then(|m| i64::try_from(m).ok())
        .ok_or("no readings of memory");
    out.extend(MEMORY.iter().map(|b| b.judge(memory)));
    let realised = match (saved, measures.potential) {
        (Ok(saved), Some(potential)) if potential > 0 => {
            Ok((saved * 1000 / potential).clamp(0, 1000))
        }
        (Ok(_), Some(_)) => Err("the plan leaves nothing to run in parallel"),
        _ => Err("no schedule to compare with"),
    };
    out.push(Target {
        about: realised.is_ok(),
        ..REALISED.judge(realised)
    });
    let (passed, failed) = measures.gates;
    let gates = permille(passed as i128, (passed + failed) as u64);
    out.push(GATES.judge(gates.ok_or("no gate was checked")));
    let speed = permille(i128::from(sequential), total)
        .filter(|_| sequential > 0)
        .ok_or("no agent ran");
    out.push(SPEED_UP.judge(speed));
    let overhead = permille(
        i128::from(metrics.coordination_overhead_ms),
        metrics.parallel_duration_ms,
    );
    out.push(OVERHEAD.judge(overhead.ok_or("no agent ran")));
    together(&mut out, measures.integration, total);
    let tokens = metrics.token_savings_estimated;
    let tokens = tokens.map(|saved| i64::try_from(saved.0).unwrap_or(i64::MAX));
    out.extend(TOKENS.iter().map(|row| Target {
        about: tokens.is_some(),
        ..row.judge(tokens.ok_or("no prompt was composed"))
    }));
    if !ended {
        for target in &mut out {
            if target.permille.is_some() {
                target.verdict = Verdict::SoFar;
            }
        }
    }
    out
}

/// What prompts left out, against all that they were made of.
const TOKENS: [Bounds; 2] = [
    row("tokens saved", "CF", "30 %", (300, NO_BOUND), (0, NO_BOUND)),
    row("tokens saved", "IP", "35 %", (350, NO_BOUND), (0, NO_BOUND)),
];

/// Judges how the work came together, in a run of `total` milliseconds.
fn together(out: &mut Vec<Target>, found: Option<Integration>, total: u64) {
    let alone = "no agent has a workspace of its own";
    let critical = found.map(|found| i64::try_from(found.critical * 1000).unwrap_or(i64::MAX));
    out.push(CRITICAL.judge(critical.ok_or(alone)));
    let clean = found.map(|found| permille(found.clean.into(), found.pieces));
    out.push(
        CLEAN.judge(
            clean
                .ok_or(alone)
                .and_then(|c| c.ok_or("nothing was merged")),
        ),
    );
    let overhead = found.map(|found| match found.pieces {
        0 => None,
        _ => permille((found.merging_us / 1000).into(), total),
    });
    out.push(
        INTEGRATION.judge(
            overhead
                .ok_or(alone)
                .and_then(|o| o.ok_or("nothing was merged")),
        ),
    );
}
