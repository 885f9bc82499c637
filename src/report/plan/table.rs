//! The plan as text: summary, schedule, resource matrix, groups, options, advice.

use std::fmt::Write as _;

use crate::{
    plan::{AgentIx, Plan},
    schedule::{Analysis, analysis::mode_name, matrix::Row},
};

use super::gantt::gantt;
use super::page::{Colour, Column, Page, Role};
use super::{bytes, clean, cpus, duration, thousandths, warnings};

/// The analysis as text of at most `width` cells (at least 60).
#[must_use]
pub fn to_table(plan: &Plan, analysis: &Analysis, width: usize, colour: Colour) -> String {
    let width = width.max(60);
    let mut out = Page {
        width,
        colour,
        text: String::new(),
    };
    summary(&mut out, plan, analysis);
    gantt(&mut out, plan, analysis);
    matrix(&mut out, plan, analysis);
    groups(&mut out, plan, analysis);
    options(&mut out, analysis);
    let verdict = if analysis.advice.hybrid {
        "hybrid pays"
    } else {
        "hybrid does not pay"
    };
    out.title("Advice");
    out.line(
        &format!("{verdict}: {}", analysis.advice.reasons.join("; ")),
        Role::Plain,
    );
    let warnings = warnings(plan, analysis);
    if !warnings.is_empty() {
        out.title("Warnings");
        for warning in warnings {
            out.line(&warning, Role::Warning);
        }
    }
    out.text
}

fn summary(out: &mut Page, plan: &Plan, analysis: &Analysis) {
    let (schedule, capacity, peaks) = (
        &analysis.schedule,
        &analysis.capacity,
        &analysis.schedule.peaks,
    );
    out.title(&format!(
        "{}: {} schedule",
        clean(&plan.name),
        mode_name(plan.mode)
    ));
    if let Some(goal) = &plan.goal {
        out.line(&clean(goal), Role::Plain);
    }
    let mut agents = format!(
        "{} in {} waves",
        plan.agents.len(),
        analysis.graph.waves().len()
    );
    if !schedule.not_expected.is_empty() {
        let _ = write!(
            agents,
            ", {} conditional and not expected",
            schedule.not_expected.len()
        );
    }
    out.fact("agents", &agents);
    let guess = if analysis.matrix.all.guessed { "~" } else { "" };
    let optimal = if analysis.proven_optimal() {
        "which proves it optimal"
    } else {
        "a shorter one may exist"
    };
    out.fact(
        "makespan",
        &format!(
            "{guess}{}; lower bound {guess}{}, {optimal}",
            duration(schedule.makespan_us),
            duration(analysis.lower_bound_us)
        ),
    );
    let speedup = (u128::from(analysis.sequential_us) * 100)
        .checked_div(u128::from(schedule.makespan_us))
        .unwrap_or(100);
    out.fact(
        "sequential",
        &format!(
            "{guess}{}; speed-up {}.{:02}",
            duration(analysis.sequential_us),
            speedup / 100,
            speedup % 100
        ),
    );
    let path: Vec<String> = analysis
        .critical
        .path
        .iter()
        .take(12)
        .map(|&ix| clean(plan.agent(ix).id.as_str()))
        .collect();
    let more = analysis.critical.path.len().saturating_sub(12);
    let more = if more > 0 {
        format!(" → … {more} more")
    } else {
        String::new()
    };
    out.fact(
        "critical path",
        &format!(
            "{guess}{}: {}{more}",
            duration(analysis.critical.length_us),
            path.join(" → ")
        ),
    );
    let mut used = format!(
        "{} of {} agents, {} of {} RAM, {} of {} CPUs",
        peaks.agents,
        capacity.agents,
        bytes(peaks.ram_bytes),
        bytes(capacity.ram_bytes),
        cpus(peaks.cpus_milli),
        cpus(capacity.cpus_milli),
    );
    if let Some(limit) = capacity.tokens_per_minute {
        let _ = write!(used, ", {} of {limit} tokens/min", peaks.tokens_per_minute);
    }
    for (name, n) in &peaks.resources {
        let limit = capacity
            .resources
            .get(name)
            .map_or_else(|| "any".to_owned(), u64::to_string);
        let _ = write!(used, ", {n} of {limit} {}", clean(name));
    }
    out.fact("peaks", &used);
}

fn matrix(out: &mut Page, plan: &Plan, analysis: &Analysis) {
    let mut rows = Vec::new();
    let mut push = |kind: &str, name: &str, row: &Row| {
        let other: Vec<String> = row
            .peak_resources
            .iter()
            .map(|(name, n)| format!("{n} {}", clean(name)))
            .chain(
                row.spends
                    .iter()
                    .map(|(name, n)| format!("{n} {} in all", clean(name))),
            )
            .collect();
        rows.push(vec![
            format!("{kind} {}", clean(name)).trim_end().to_owned(),
            row.agents.to_string(),
            row.peak_agents.to_string(),
            bytes(row.peak_ram_bytes),
            cpus(row.peak_cpus_milli),
            row.tokens.to_string(),
            row.peak_tokens_per_minute.to_string(),
            format!(
                "{}{}",
                if row.guessed { "~" } else { "" },
                duration(row.work_us)
            ),
            if other.is_empty() {
                "–".to_owned()
            } else {
                other.join(", ")
            },
        ]);
    };
    for (track, row) in &analysis.matrix.tracks {
        push("track", track.map_or("–", |t| &plan.tracks[t.ix()].id), row);
    }
    for (phase, row) in &analysis.matrix.phases {
        push("phase", phase.map_or("–", |p| &plan.phases[p.ix()].id), row);
    }
    push("all", "", &analysis.matrix.all);
    let column = |title: &'static str, right: bool, most: usize| Column { title, right, most };
    out.title("Resources (at the peak of each row)");
    out.table(
        &[
            column("what", false, 24),
            column("agents", true, 7),
            column("beside", true, 7),
            column("RAM", true, 8),
            column("CPUs", true, 8),
            column("tokens", true, 12),
            column("/min", true, 10),
            column("work", true, 9),
            column("other", false, 40),
        ],
        &rows,
    );
}

fn groups(out: &mut Page, plan: &Plan, analysis: &Analysis) {
    if analysis.groups.is_empty() {
        return;
    }
    let names = |of: &[AgentIx]| {
        let shown: Vec<String> = of
            .iter()
            .take(8)
            .map(|&ix| clean(plan.agent(ix).id.as_str()))
            .collect();
        let more = of.len().saturating_sub(8);
        if more > 0 {
            format!("{} and {more} more", shown.join(", "))
        } else {
            shown.join(", ")
        }
    };
    out.title("Parallel groups");
    for group in analysis.groups.iter().take(20) {
        let after = if group.shared.is_empty() {
            "from the start".to_owned()
        } else {
            format!("after {}", names(&group.shared))
        };
        out.line(
            &format!(
                "{} ({}, {after}): {}",
                group.id,
                duration(group.duration_us),
                names(&group.members)
            ),
            Role::Plain,
        );
    }
    let more = analysis.groups.len().saturating_sub(20);
    if more > 0 {
        out.line(&format!("and {more} more"), Role::Dim);
    }
}

fn options(out: &mut Page, analysis: &Analysis) {
    let column = |title: &'static str, right: bool, most: usize| Column { title, right, most };
    out.title("Options");
    let term = |permille: u32| thousandths(permille.into());
    let rows: Vec<Vec<String>> = analysis
        .options
        .iter()
        .map(|o| {
            vec![
                format!(
                    "{}{}",
                    if o.chosen { "▸ " } else { "  " },
                    mode_name(o.mode)
                ),
                if o.feasible {
                    duration(o.makespan_us)
                } else {
                    "–".to_owned()
                },
                term(o.time),
                term(o.resources),
                term(o.quality),
                term(o.risk),
                term(o.score),
            ]
        })
        .collect();
    out.table(
        &[
            column("kind", false, 12),
            column("makespan", true, 9),
            column("time", true, 5),
            column("resources", true, 9),
            column("quality", true, 7),
            column("risk", true, 5),
            column("score", true, 5),
        ],
        &rows,
    );
    for option in &analysis.options {
        out.line(
            &format!("{}: {}", mode_name(option.mode), clean(&option.why)),
            Role::Plain,
        );
    }
}
