//! The checked plan as a plan file again: after defaults, `each`, overrides and variables.
//!
//! What comes out loads to the same [`Plan`]. Must not leave out anything that the plan states.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::agents::Ask;

use super::decode::{bare, quote};
use super::expand_values::{
    amounts, argv, commands, duration, line, list, name, need, sim, text, word,
};
use super::expand_work::{self, gates};
use super::layers::{RETRY_BASE, WORKER_TIMEOUT};
use super::model::{Agent, AgentMode, Limits, Plan, RamLimit, SubAgents, Work};
use super::spec::{ASKS, CLASSES, PRIORITIES};
use super::units;

/// Writes the plan as TOML that loads again to the same plan, positions apart.
#[must_use]
pub fn to_toml(plan: &Plan) -> String {
    let mut out = String::new();
    let w = &mut out;
    line(w, "version", &plan.version.to_string());
    line(w, "name", &quote(&plan.name));
    if let Some(goal) = &plan.goal {
        line(w, "goal", &quote(goal));
    }
    line(w, "base", &quote(&plan.base));
    let mode = match plan.mode {
        super::Mode::Sequential => "sequential",
        super::Mode::Parallel => "parallel",
        super::Mode::Hybrid => "hybrid",
    };
    line(w, "mode", &quote(mode));
    if plan.require_sandbox {
        line(w, "require_sandbox", "true");
    }
    for unbuilt in plan.unbuilt.iter().filter(|u| u.path.len() == 1) {
        line(w, &unbuilt.path[0], &unbuilt.value);
    }
    expand_work::top(w, plan);
    limits(w, plan, &plan.limits);
    // What is carried along in tables of its own.
    for u in plan.unbuilt.iter().filter(|u| !u.value.is_empty()) {
        if let ("model", [name]) = (u.path[0].as_str(), &u.path[1..]) {
            let _ = writeln!(w, "\n[{}]", u.path[0]);
            line(w, &bare(name), &u.value);
        }
    }
    expand_work::tables(w, plan);
    for worker in &plan.workers {
        // By name alone: the name says it all.
        let by_name = worker.cli.as_ref().is_some_and(|cli| {
            let name = worker
                .model
                .as_ref()
                .map_or_else(|| cli.clone(), |m| format!("{cli}:{m}"));
            name == worker.name && !worker.provider_stated && worker.capabilities.is_empty()
        });
        if by_name {
            continue;
        }
        let _ = writeln!(w, "\n[worker.{}]", bare(&worker.name));
        if let Some(run) = &worker.run {
            line(w, "run", &argv(run));
        }
        if let Some(cli) = &worker.cli {
            line(w, "cli", &quote(cli));
        }
        if let Some(model) = &worker.model {
            line(w, "model", &quote(model));
        }
        if let Some(provider) = worker.provider.as_ref().filter(|_| worker.provider_stated) {
            line(w, "provider", &quote(provider));
        }
        if !worker.capabilities.is_empty() {
            let names = worker.capabilities.iter().map(|c| quote(c));
            line(w, "capabilities", &list(names));
        }
    }
    for gate in &plan.gates {
        let _ = writeln!(w, "\n[gate.{}]", bare(&gate.id));
        line(w, "title", &quote(&gate.title));
        if !gate.run.is_empty() {
            line(w, "run", &commands(&gate.run));
        }
        line(w, "ram", &text(units::show_size(gate.ram_bytes)));
        if let Some(approve) = &gate.approve {
            line(w, "approve", &quote(approve));
        }
        expand_work::again(w, gate);
    }
    for phase in &plan.phases {
        w.push_str("\n[[phase]]\n");
        line(w, "id", &quote(&phase.id));
        line(w, "title", &quote(&phase.title));
        if !phase.gates.is_empty() {
            gates(w, plan, &phase.gates);
        } else if phase.barrier {
            line(w, "barrier", "true");
        }
    }
    for track in &plan.tracks {
        w.push_str("\n[[track]]\n");
        line(w, "id", &quote(&track.id));
        line(w, "title", &quote(&track.title));
        line(w, "priority", &word(&PRIORITIES, track.priority));
        gates(w, plan, &track.gates);
    }
    let mut notes = Notes::of(plan);
    for item in &plan.agents {
        agent(w, plan, item, &mut notes);
    }
    out
}

/// The unbuilt keys of each agent, so that they are not searched for again and again.
struct Notes<'p>(BTreeMap<&'p str, Vec<&'p super::Unbuilt>>);

impl<'p> Notes<'p> {
    fn of(plan: &'p Plan) -> Self {
        let mut notes: BTreeMap<&str, Vec<&super::Unbuilt>> = BTreeMap::new();
        for u in plan
            .unbuilt
            .iter()
            .filter(|u| u.path[0] == "agent" && !u.value.is_empty())
        {
            notes.entry(&u.path[1]).or_default().push(u);
        }
        Self(notes)
    }
}

fn agent(w: &mut String, plan: &Plan, agent: &Agent, notes: &mut Notes<'_>) {
    let id = agent.id.as_str();
    let carried = notes.0.remove(id).unwrap_or_default();
    w.push_str("\n[[agent]]\n");
    line(w, "id", &quote(id));
    if agent.title != id {
        line(w, "title", &quote(&agent.title));
    }
    if let Some(phase) = agent.phase {
        line(w, "phase", &quote(&plan.phases[phase.ix()].id));
    }
    if let Some(track) = agent.track {
        line(w, "track", &quote(&plan.tracks[track.ix()].id));
    }
    if let Some(parent) = agent.parent {
        line(w, "parent", &quote(plan.agent(parent).id.as_str()));
    }
    if agent.sub_agents == SubAgents::Sequential {
        line(w, "sub_agents", "\"sequential\"");
    }
    if !agent.needs.is_empty() {
        line(w, "needs", &list(agent.needs.iter().map(|n| need(plan, n))));
    }
    line(w, "priority", &word(&PRIORITIES, agent.priority));
    line(w, "class", &word(&CLASSES, agent.class));
    let prompt = matches!(agent.work, Work::Prompt(_));
    match &agent.work {
        Work::Command(command) => line(w, "run", &argv(command)),
        Work::Prompt(prompt) => line(w, "prompt", &quote(prompt)),
        Work::Sim(s) => line(w, "sim", &sim(s)),
        Work::Group => {}
    }
    let workers: Vec<String> = agent
        .modes
        .iter()
        .filter_map(|m| m.worker)
        .map(|x| quote(&plan.workers[x.ix()].name))
        .collect();
    match (&agent.capability, &workers[..]) {
        (Some(capability), _) => line(w, "capability", &quote(capability)),
        (None, []) => {}
        (None, [one]) => line(w, "worker", one),
        _ => line(w, "worker", &list(workers.iter().cloned())),
    }
    if let [one] = &agent.modes[..]
        && agent.work != Work::Group
    {
        mode(w, one);
    }
    if agent.exclusive {
        line(w, "exclusive", "true");
    }
    match agent.timeout_us {
        Some(us) if !(prompt && us == WORKER_TIMEOUT) => {
            line(w, "timeout", &text(units::show_duration(us)));
        }
        None if prompt => line(w, "timeout", "\"0s\""),
        _ => {}
    }
    let attempts = if prompt { 2 } else { 1 };
    if agent.retry.attempts != attempts || agent.retry.base_us != RETRY_BASE {
        let base = text(units::show_duration(agent.retry.base_us));
        line(
            w,
            "retry",
            &format!("{{ attempts = {}, base = {base} }}", agent.retry.attempts),
        );
    }
    if agent.ask != Ask::default() {
        let name = ASKS.iter().find(|(_, ask)| *ask == agent.ask);
        line(w, "ask", &text(name.map_or("", |(name, _)| name)));
    }
    if agent.fails_when_asking {
        line(w, "on_ask", &text("fail"));
    }
    if let Some(us) = agent.quiet_us {
        line(w, "quiet", &text(units::show_duration(us)));
    }
    if let Some(bytes) = agent.ram_max_bytes {
        line(w, "ram_max", &text(units::show_size(bytes)));
    }
    if !agent.check.is_empty() {
        line(w, "check", &commands(&agent.check));
    }
    gates(w, plan, &agent.gates);
    expand_work::agent(w, agent);
    for u in carried.iter().filter(|u| u.path.len() == 3) {
        line(w, &u.path[2], &u.value);
    }
    if agent.modes.len() > 1 {
        for (one, worker) in agent.modes.iter().zip(&workers) {
            w.push_str("[[agent.mode]]\n");
            line(w, "worker", worker);
            mode(w, one);
        }
    }
}

fn mode(w: &mut String, mode: &AgentMode) {
    if mode.duration.guessed {
        let _ = writeln!(
            w,
            "# duration ~{}",
            units::show_duration(mode.duration.expected_us)
        );
    } else {
        line(w, "duration", &text(duration(&mode.duration)));
    }
    if mode.ram_guessed {
        let _ = writeln!(w, "# ram ~{}", units::show_size(mode.ram_bytes));
    } else {
        line(w, "ram", &text(units::show_size(mode.ram_bytes)));
    }
    line(w, "cpus", &units::show_decimal(mode.cpus_milli, 3));
    if !mode.uses.is_empty() {
        line(w, "uses", &amounts(&mode.uses));
    }
    if !mode.spends.is_empty() {
        line(w, "spends", &amounts(&mode.spends));
    }
    if mode.tokens > 0 {
        line(w, "tokens", &mode.tokens.to_string());
    }
    if mode.terminal {
        line(w, "terminal", "true");
    }
}

fn limits(w: &mut String, plan: &Plan, limits: &Limits) {
    if *limits == Limits::default() {
        return;
    }
    w.push_str("\n[limits]\n");
    match limits.ram {
        Some(RamLimit::Share(permille)) => line(
            w,
            "ram",
            &text(format!("{}%", units::show_decimal(permille.into(), 1))),
        ),
        Some(RamLimit::Bytes(bytes)) => line(w, "ram", &text(units::show_size(bytes))),
        Some(RamLimit::Reserve(bytes)) => line(w, "reserve", &text(units::show_size(bytes))),
        None => {}
    }
    let numbers = [
        ("agents", limits.agents.map(u64::from)),
        ("tracks", limits.tracks.map(u64::from)),
        ("tokens_per_minute", limits.tokens_per_minute),
        ("tokens", limits.tokens),
    ];
    for (key, n) in numbers {
        if let Some(n) = n {
            line(w, key, &n.to_string());
        }
    }
    if let Some(milli) = limits.cpus_milli {
        line(w, "cpus", &units::show_decimal(milli, 3));
    }
    if let Some(micro) = limits.cost_microusd {
        line(w, "cost_usd", &units::show_decimal(micro, 6));
    }
    let number = |n: &u32| u64::from(*n);
    let tables: [(&str, BTreeMap<String, u64>); 6] = [
        (
            "per_priority",
            limits
                .per_priority
                .iter()
                .map(|(p, n)| (name(&PRIORITIES, *p).to_owned(), number(n)))
                .collect(),
        ),
        (
            "per_phase",
            limits
                .per_phase
                .iter()
                .map(|(p, n)| (plan.phases[p.ix()].id.clone(), number(n)))
                .collect(),
        ),
        (
            "per_track",
            limits
                .per_track
                .iter()
                .map(|(t, n)| (plan.tracks[t.ix()].id.clone(), number(n)))
                .collect(),
        ),
        (
            "per_wave",
            limits
                .per_wave
                .iter()
                .map(|(k, n)| (k.to_string(), number(n)))
                .collect(),
        ),
        ("resources", limits.resources.clone()),
        ("budgets", limits.budgets.clone()),
    ];
    for (key, table) in tables {
        if !table.is_empty() {
            line(w, key, &amounts(&table));
        }
    }
}
