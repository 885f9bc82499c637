//! `plan --plain`: the analysis as lines of words, for screen readers and plain logs.
//!
//! No columns, no drawing: each line says by itself what it is about.

use std::{collections::HashSet, fmt::Write as _};

use crate::{
    plan::{AgentIx, Plan},
    schedule::{Analysis, analysis::mode_name},
};

use super::{bytes, clean, cpus, duration, thousandths, warnings};

/// The analysis as lines of words.
#[must_use]
pub fn to_lines(plan: &Plan, analysis: &Analysis) -> String {
    let schedule = &analysis.schedule;
    let id = |ix: AgentIx| clean(plan.agent(ix).id.as_str());
    let mut out = String::new();
    let w = &mut out;
    let _ = writeln!(w, "plan: {}", clean(&plan.name));
    if let Some(goal) = &plan.goal {
        let _ = writeln!(w, "goal: {}", clean(goal));
    }
    let _ = writeln!(w, "mode: {}", mode_name(plan.mode));
    let (agents, waves) = (plan.agents.len(), analysis.graph.waves().len());
    let _ = writeln!(w, "agents: {agents}, waves: {waves}");
    let proof = if analysis.proven_optimal() {
        ", which proves it optimal"
    } else {
        ""
    };
    let _ = writeln!(
        w,
        "makespan: {}, lower bound: {}{proof}",
        duration(schedule.makespan_us),
        duration(analysis.lower_bound_us)
    );
    let _ = writeln!(w, "sequential: {}", duration(analysis.sequential_us));
    let path: Vec<String> = analysis.critical.path.iter().map(|&ix| id(ix)).collect();
    let _ = writeln!(w, "critical path: {}", path.join(", "));
    let (peaks, limits) = (&schedule.peaks, &analysis.capacity);
    let _ = writeln!(
        w,
        "peak: {} of {} agents, {} of {} memory, {} of {} CPUs",
        peaks.agents,
        limits.agents,
        bytes(peaks.ram_bytes),
        bytes(limits.ram_bytes),
        cpus(peaks.cpus_milli),
        cpus(limits.cpus_milli)
    );
    let critical: HashSet<AgentIx> = analysis.critical.path.iter().copied().collect();
    for item in &schedule.items {
        let agent = plan.agent(item.agent);
        let wave = analysis.graph.wave(item.agent);
        let _ = write!(w, "agent {}: wave {wave}", id(item.agent));
        if let Some(phase) = agent.phase {
            let _ = write!(w, ", phase {}", clean(&plan.phases[phase.ix()].id));
        }
        if let Some(track) = agent.track {
            let _ = write!(w, ", track {}", clean(&plan.tracks[track.ix()].id));
        }
        let _ = write!(
            w,
            ", from {} to {}",
            duration(item.start_us),
            duration(item.done_us)
        );
        let group = analysis.graph.is_group(item.agent);
        if let Some(mode) = analysis.choices.mode(plan, item.agent).filter(|_| !group) {
            if let Some(worker) = mode.worker {
                let _ = write!(w, ", worker {}", clean(&plan.workers[worker.ix()].name));
                if let Some(capability) = &agent.capability {
                    let _ = write!(w, " or another for {}", clean(capability));
                }
            }
            let guess = |guessed| if guessed { " (a guess)" } else { "" };
            let _ = write!(w, ", memory {}", bytes(mode.ram_bytes));
            w.push_str(guess(mode.ram_guessed));
            if mode.duration.guessed {
                w.push_str(", its duration is a guess");
            }
        }
        if critical.contains(&item.agent) {
            w.push_str(", critical");
        }
        w.push('\n');
    }
    for option in &analysis.options {
        let _ = writeln!(
            w,
            "option {}: makespan {}, score {}, {}{}. {}",
            mode_name(option.mode),
            duration(option.makespan_us),
            thousandths(option.score.into()),
            if option.feasible {
                "feasible"
            } else {
                "not feasible"
            },
            if option.chosen { ", chosen" } else { "" },
            clean(&option.why)
        );
    }
    let verdict = if analysis.advice.hybrid {
        "hybrid pays"
    } else {
        "hybrid does not pay"
    };
    let reasons: Vec<String> = analysis.advice.reasons.iter().map(|r| clean(r)).collect();
    let _ = writeln!(w, "advice: {verdict}: {}", reasons.join("; "));
    for warning in warnings(plan, analysis) {
        let _ = writeln!(w, "note: {warning}");
    }
    out
}
