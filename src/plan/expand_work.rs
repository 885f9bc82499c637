//! The keys of work that comes together as TOML again: scopes, gates, workspaces, merging.
//!
//! Must not leave out anything that the plan states.

use std::fmt::Write as _;

use super::decode::{bare, quote, quote_raw};
use super::expand_values::{argv, commands, line, list, text, word};
use super::id::GateIx;
use super::model::{
    Agent, Compare, Gate, Join, MergeRule, MergeSpec, Plan, Workspace, WorkspaceSpec,
};
use super::raw_tables::COMPARE;
use super::raw_work::ENDS;
use super::spec_work::JOINS;
use super::units;

/// Writes a key that is a list of texts, where it has any.
fn texts(w: &mut String, key: &str, all: &[String]) {
    if !all.is_empty() {
        line(w, key, &list(all.iter().map(|t| quote(t))));
    }
}

/// What is done about a red command of a gate, where that is stated.
pub(super) fn again(w: &mut String, gate: &Gate) {
    if gate.repeat > 0 {
        line(w, "repeat", &gate.repeat.to_string());
    }
    if gate.base != Compare::default() {
        line(w, "base", &word(COMPARE, gate.base));
    }
}

pub(super) fn gates(w: &mut String, plan: &Plan, gates: &[GateIx]) {
    if !gates.is_empty() {
        let ids = gates.iter().map(|g| quote(&plan.gates[g.ix()].id));
        line(w, "gates", &list(ids));
    }
}

/// Writes the keys of the top level.
pub(super) fn top(w: &mut String, plan: &Plan) {
    gates(w, plan, &plan.run_gates);
    if !plan.verify.is_empty() {
        line(w, "verify", &commands(&plan.verify));
    }
}

/// Writes the tables.
pub(super) fn tables(w: &mut String, plan: &Plan) {
    let WorkspaceSpec {
        copy,
        link,
        setup,
        env,
    } = &plan.workspace;
    if plan.workspace != WorkspaceSpec::default() {
        w.push_str("\n[workspace]\n");
        texts(w, "copy", copy);
        texts(w, "link", link);
        if !setup.is_empty() {
            line(w, "setup", &commands(setup));
        }
        if !env.is_empty() {
            let all = env.iter();
            // The late names in it are filled in by the run.
            let all = all.map(|(k, v)| format!("{} = {}", bare(k), quote_raw(v)));
            let all: Vec<String> = all.collect();
            line(w, "env", &format!("{{ {} }}", all.join(", ")));
        }
    }
    let MergeSpec { into, end, rules } = &plan.merge;
    if plan.merge != MergeSpec::default() {
        w.push_str("\n[merge]\n");
        line(w, "into", &quote_raw(into));
        line(w, "end", &word(&ENDS, *end));
        if !rules.is_empty() {
            let all = rules.iter().map(|(glob, rule)| {
                let rule = match rule {
                    MergeRule::Ours => "\"ours\"".to_owned(),
                    MergeRule::Theirs => "\"theirs\"".to_owned(),
                    MergeRule::Union => "\"union\"".to_owned(),
                    MergeRule::Run(run) => format!("{{ run = {} }}", argv(run)),
                };
                format!("{} = {rule}", bare(glob))
            });
            let all: Vec<String> = all.collect();
            line(w, "rules", &format!("{{ {} }}", all.join(", ")));
        }
    }
    for (name, ram) in &plan.leases {
        let _ = writeln!(w, "\n[lease.{}]", bare(name));
        line(w, "ram", &text(units::show_size(*ram)));
    }
    for (id, domain) in &plan.domains {
        let _ = writeln!(w, "\n[domain.{}]", bare(id));
        line(w, "critical", &domain.critical.to_string());
    }
    for (wave, of_wave) in &plan.wave_gates {
        let _ = writeln!(w, "\n[wave.{wave}]");
        gates(w, plan, of_wave);
    }
}

/// Writes the keys of an agent.
pub(super) fn agent(w: &mut String, agent: &Agent) {
    line(
        w,
        "workspace",
        match agent.workspace {
            Workspace::Own => "\"own\"",
            Workspace::Shared => "\"shared\"",
        },
    );
    if let Some(scope) = &agent.scope {
        let paths = |all: &[String]| list(all.iter().map(|p| quote(p)));
        let (write, read) = (paths(&scope.write), paths(&scope.read));
        if scope.read.is_empty() {
            line(w, "scope", &write);
        } else if scope.write.is_empty() {
            line(w, "scope", &format!("{{ read = {read} }}"));
        } else {
            line(w, "scope", &format!("{{ write = {write}, read = {read} }}"));
        }
    }
    texts(w, "domains", &agent.domains);
    texts(w, "inputs", &agent.inputs);
    texts(w, "outputs", &agent.outputs);
    let files = list(agent.context_files.iter().map(|p| quote(p)));
    let files = (!agent.context_files.is_empty()).then(|| format!("files = {files}"));
    let cap = agent.context_cap.map(|cap| format!("cap = {cap}"));
    let context: Vec<String> = files.into_iter().chain(cap).collect();
    if !context.is_empty() {
        line(w, "context", &format!("{{ {} }}", context.join(", ")));
    }
    if agent.join != Join::default() {
        line(w, "join", &word(&JOINS, agent.join));
    }
}
