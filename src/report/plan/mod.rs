//! The output of `wavedeck plan`: a table with a Gantt chart, JSON, BUILDSTATE, DOT and Mermaid.
//!
//! Pure: the same analysis gives the same bytes. Every result ends with one newline. Text from the
//! plan is never printed as it stands: control and bidirectional characters are replaced, and each
//! format escapes what it must.

mod gantt;
mod graphs;
mod json;
mod lines;
mod page;
mod table;

use crate::{
    plan::{Plan, When},
    schedule::Analysis,
};

pub use graphs::{to_dot, to_mermaid};
pub use json::{to_buildstate, to_json};
pub use lines::to_lines;
pub use page::Colour;
pub use table::to_table;

/// Replaces what would steer a terminal or reorder text.
pub(crate) fn clean(text: &str) -> String {
    let shown = |c| {
        if crate::display::hides(c) {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.chars().map(shown).collect()
}

/// A duration in at most two units.
pub(crate) fn duration(us: u64) -> String {
    // To the nearest of the unit that is shown: cutting off would make a second "0.9s".
    let unit = match us {
        0..1_000_000 => 1,
        1_000_000..59_950_000 => 100_000,
        59_950_000..3_599_500_000 => 1_000_000,
        3_599_500_000..86_370_000_000 => 60_000_000,
        _ => 3_600_000_000,
    };
    let us = us.saturating_add(unit / 2) / unit * unit;
    let seconds = us / 1_000_000;
    let two = |big: u64, unit: &str, small: u64, sub: &str| {
        if small == 0 {
            format!("{big}{unit}")
        } else {
            format!("{big}{unit}{small:02}{sub}")
        }
    };
    if us == 0 {
        "0s".to_owned()
    } else if us < 1_000 {
        format!("{us}µs")
    } else if seconds == 0 {
        format!("{}ms", us / 1_000)
    } else if seconds < 60 {
        match us % 1_000_000 / 100_000 {
            0 => format!("{seconds}s"),
            tenths => format!("{seconds}.{tenths}s"),
        }
    } else if seconds < 3_600 {
        two(seconds / 60, "m", seconds % 60, "s")
    } else if seconds < 86_400 {
        two(seconds / 3_600, "h", seconds % 3_600 / 60, "m")
    } else {
        two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h")
    }
}

/// Bytes in the unit that keeps them short, `512M` or `2.5G`; binary units.
pub(crate) fn bytes(n: u64) -> String {
    for (power, unit) in [(40_u32, 'T'), (30, 'G')] {
        if n >> power > 0 {
            let tenths = (u128::from(n) * 10) >> power;
            return format!("{}.{}{unit}", tenths / 10, tenths % 10);
        }
    }
    if n >> 20 > 0 || n == 0 {
        format!("{}M", n >> 20)
    } else {
        format!("{}K", n.div_ceil(1024))
    }
}

/// Thousandths with three places.
pub(crate) fn thousandths(n: u64) -> String {
    format!("{}.{:03}", n / 1000, n % 1000)
}

/// CPUs: whole where they are whole.
pub(crate) fn cpus(milli: u64) -> String {
    if milli.is_multiple_of(1000) {
        (milli / 1000).to_string()
    } else {
        thousandths(milli)
    }
}

/// The condition of a need in words.
pub(crate) fn condition(when: &When) -> String {
    match when {
        When::Succeeded => "succeeded".to_owned(),
        When::Failed => "failed".to_owned(),
        When::Skipped => "skipped".to_owned(),
        When::Ended => "ended".to_owned(),
        When::Output(path) => format!("output {}", clean(path)),
    }
}

/// What the reader should know before believing the schedule; one sentence each.
#[must_use]
pub fn warnings(plan: &Plan, analysis: &Analysis) -> Vec<String> {
    let schedule = &analysis.schedule;
    let id = |ix: crate::plan::AgentIx| clean(plan.agent(ix).id.as_str());
    let list = |of: &[crate::plan::AgentIx]| {
        let shown: Vec<String> = of.iter().take(5).map(|&ix| id(ix)).collect();
        let more = of.len().saturating_sub(5);
        if more > 0 {
            format!("{} and {more} more", shown.join(", "))
        } else {
            shown.join(", ")
        }
    };
    let mut out = Vec::new();
    let working = || {
        schedule
            .items
            .iter()
            .filter(|item| !analysis.graph.is_group(item.agent))
            .filter_map(|item| analysis.choices.mode(plan, item.agent))
    };
    let agents = |n: usize| {
        if n == 1 {
            "1 agent".to_owned()
        } else {
            format!("{n} agents")
        }
    };
    let guessed = working().filter(|m| m.duration.guessed).count();
    if guessed > 0 {
        out.push(format!(
            "The duration of {} is guessed (~).",
            agents(guessed)
        ));
    }
    let guessed = working().filter(|m| m.ram_guessed).count();
    if guessed > 0 {
        out.push(format!("The memory of {} is guessed.", agents(guessed)));
    }
    if !schedule.impossible.is_empty() {
        out.push(format!(
            "Cannot run within the limits, or waits for what cannot: {}.",
            list(&schedule.impossible)
        ));
    }
    if !schedule.not_expected.is_empty() {
        out.push(format!(
            "Conditional, not expected to run: {}.",
            list(&schedule.not_expected)
        ));
    }
    if !analysis.choices.overspent.is_empty() {
        let names: Vec<String> = analysis
            .choices
            .overspent
            .iter()
            .map(|n| clean(n))
            .collect();
        out.push(format!("Exceeds the budget of {}.", names.join(", ")));
    }
    if schedule.barriers_dropped {
        out.push("Needs lead against the order of phases: barriers were left out.".to_owned());
    }
    if !analysis.graph.cycle().is_empty() {
        out.push(format!(
            "The needs form a cycle: {}.",
            list(analysis.graph.cycle())
        ));
    }
    for unbuilt in &plan.unbuilt {
        out.push(format!(
            "`{}` is not built yet: `run` will refuse.",
            clean(&unbuilt.key)
        ));
    }
    out
}

#[cfg(test)]
mod tests;
