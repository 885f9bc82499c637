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
    plan::{AgentIx, Plan, When, WorkerIx},
    report::off::sentences,
    schedule::{Analysis, learnt::off},
};

pub(crate) use crate::display::figures::exact as duration;

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

/// The worker that an agent is planned with; with `~` where it is one of several that can do it, of which one is
/// chosen when it starts.
pub(crate) fn worker(plan: &Plan, ix: AgentIx, worker: WorkerIx) -> String {
    let agent = plan.agent(ix);
    let free = agent.capability.is_some() && agent.modes.len() > 1;
    let mark = if free { "~" } else { "" };
    format!("{mark}{}", clean(&plan.workers[worker.ix()].name))
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
    let own = analysis.learnt.iter().filter(|one| one.need.own);
    let of = |n: usize, whose: &str| (n > 0).then(|| format!("Needs learnt from {whose}: {n}."));
    let own = own.count();
    out.extend(of(own, "their own earlier attempts"));
    out.extend(of(analysis.learnt.len() - own, "others of their class"));
    let stated = off(plan, &analysis.learnt);
    out.extend(
        stated
            .iter()
            .flat_map(sentences)
            .map(|note| clean(&note) + "."),
    );
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
