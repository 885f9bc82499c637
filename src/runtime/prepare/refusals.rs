//! What stops a checked plan from being run on this machine, in words.
//!
//! Must not start or change anything.

use std::path::Path;

use super::RunConfig;
use crate::{
    executor::Boundary,
    plan::Plan,
    sys::landlock::{self, Support},
};

/// What stops a checked plan from being run here, in words; all of it at once.
#[must_use]
pub fn refusals(plan: &Plan, config: &RunConfig, file: &str) -> Vec<String> {
    let refused = plan.refused();
    let mut out: Vec<String> = refused
        .iter()
        .map(|u| {
            let place = match (u.line, u.column) {
                (0, _) => String::new(),
                (line, column) => format!(":{line}:{column}"),
            };
            let (key, help) = (&u.key, &u.help);
            format!("{file}{place}: error: `{key}` is not built yet: {help}")
        })
        .collect();
    out.extend(
        unbounded(plan, config, &landlock::probe()).map(|why| format!("{file}: error: {why}")),
    );
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / (1_u64 << 30) as f64);
    let limit = config.ram_limit_bytes;
    for agent in &plan.agents {
        let smallest = agent.modes.iter().map(|m| m.ram_bytes).min().unwrap_or(0);
        if smallest > limit {
            out.push(format!(
                "{file}: error: agent `{}` needs {}, and this run may use {}: lower its `ram`, or raise `limits.ram`",
                agent.id,
                gib(smallest),
                gib(limit)
            ));
        }
        let cpus = agent.modes.iter().map(|m| m.cpus_milli).min().unwrap_or(0);
        if cpus > config.cpus_milli {
            out.push(format!(
                "{file}: error: agent `{}` needs {} CPUs, and this run may use {}",
                agent.id,
                cpus as f64 / 1000.0,
                config.cpus_milli as f64 / 1000.0
            ));
        }
    }
    for gate in plan
        .gates
        .iter()
        .filter(|g| g.ram_bytes > limit && !g.run.is_empty())
    {
        out.push(format!(
            "{file}: error: gate `{}` needs {}, and this run may use {}",
            gate.id,
            gib(gate.ram_bytes),
            gib(limit)
        ));
    }
    for (name, &bytes) in plan.leases.iter().filter(|(_, bytes)| **bytes > limit) {
        out.push(format!(
            "{file}: error: lease `{name}` needs {}, and this run may use {}",
            gib(bytes),
            gib(limit)
        ));
    }
    out
}

/// Why a plan that requires the boundary cannot be run on a kernel with this support; none: it can,
/// or does not require it.
fn unbounded(plan: &Plan, config: &RunConfig, support: &Support) -> Option<String> {
    Boundary {
        enforce: config.sandbox_enforce,
        required: plan.require_sandbox,
        ..Boundary::around(Path::new(&config.workdir), None, Vec::new())
    }
    .refusal(support)
}
