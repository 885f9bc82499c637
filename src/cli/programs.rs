//! Programs that a plan names and that this machine does not have.
//!
//! A missing command is worth a warning: the plan may make it itself. An agent program is not made by a plan: where
//! an agent has no other, `run` refuses before anything starts. Must not start anything.

use std::{collections::BTreeMap, ffi::OsString, fmt::Write as _};

use super::{adapters, found, load::Input};
use crate::{
    agents::Adapter,
    display::escape,
    plan::{Agent, Argv, Work},
    sys::program,
};

/// Users of a program that are named.
const NAMED: usize = 3;

/// Programs that are not found in the PATH that agents get, each with who runs it, in words.
///
/// Names with a slash are left alone: an agent before may make such a file.
#[must_use]
pub fn missing(input: &Input) -> Vec<(String, String)> {
    let plan = &input.plan;
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut uses = |argv: &Argv, who: String| {
        if let Some(name) = argv.first() {
            users.entry(name.clone()).or_default().push(who);
        }
    };
    for agent in &plan.agents {
        let who = || format!("agent `{}`", escape(agent.id.as_str()));
        match &agent.work {
            Work::Command(argv) => uses(argv, who()),
            Work::Prompt(_) => {
                for mode in &agent.modes {
                    let worker = mode.worker.map(|ix| &plan.workers[ix.ix()]);
                    if let Some(argv) = worker.and_then(|worker| worker.run.as_ref()) {
                        uses(argv, who());
                    }
                }
            }
            Work::Sim(_) | Work::Group => {}
        }
        for argv in &agent.check {
            uses(
                argv,
                format!("the check of agent `{}`", escape(agent.id.as_str())),
            );
        }
    }
    for gate in &plan.gates {
        for argv in &gate.run {
            uses(argv, format!("gate `{}`", escape(&gate.id)));
        }
    }
    let path = path(input);
    users
        .into_iter()
        .filter(|(name, _)| !name.contains('/') && !program::is_there(name, path.as_deref()))
        .map(|(name, who)| (escape(&name), some(who)))
        .collect()
}

/// The first of some users, in words.
fn some(mut who: Vec<String>) -> String {
    who.dedup();
    let more = who.len().saturating_sub(NAMED);
    who.truncate(NAMED);
    let text = who.join(", ");
    if more > 0 {
        format!("{text} and {more} more")
    } else {
        text
    }
}

/// The PATH that agents get.
fn path(input: &Input) -> Option<OsString> {
    let passes = input.config.processes.passes("PATH");
    passes.then(|| std::env::var_os("PATH")).flatten()
}

/// What a look at the agent programs of a plan found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// What `run` refuses: problem, remedy.
    pub refused: Vec<(String, String)>,
    /// What is worth a warning: problem, remedy.
    pub warned: Vec<(String, String)>,
}

impl Look {
    /// Problems as lines; `what` is `error` or `warning`.
    #[must_use]
    pub fn lines(all: &[(String, String)], what: &str, file: &str) -> String {
        let file = escape(file);
        let line = |(problem, remedy): &(String, String)| {
            format!("{file}: {what}: {problem}\nhelp: {remedy}\n")
        };
        all.iter().map(line).collect()
    }
}

/// Looks at the agent programs that a plan names: whether each is there, and somebody is logged in.
///
/// # Errors
/// Problems of a person's own adapters, rendered.
pub fn look(input: &Input) -> Result<Look, String> {
    let plan = &input.plan;
    let mut look = Look::default();
    if plan.workers.iter().all(|worker| worker.cli.is_none()) {
        return Ok(look);
    }
    let env = |name: &str| std::env::var(name).ok();
    let catalog = adapters::catalog(&env)?;
    let path = path(input);
    // Whether each worker's program is there; what is no agent program is looked at elsewhere.
    let known: Vec<Option<(&Adapter, bool)>> = (plan.workers.iter())
        .map(|worker| {
            let adapter = catalog.get(worker.cli.as_deref()?)?;
            let named = adapter.program.contains('/');
            let there = named || program::is_there(&adapter.program, path.as_deref());
            Some((adapter, there))
        })
        .collect();
    let workers = |agent: &Agent| -> Vec<Option<(&Adapter, bool)>> {
        let modes = agent.modes.iter().filter_map(|mode| mode.worker);
        modes.map(|ix| known[ix.ix()]).collect()
    };
    let mut gone: BTreeMap<(bool, &str), (&Adapter, Vec<String>)> = BTreeMap::new();
    let mut used: BTreeMap<&str, (&Adapter, Vec<String>)> = BTreeMap::new();
    for agent in (plan.agents.iter()).filter(|a| matches!(a.work, Work::Prompt(_))) {
        let workers = workers(agent);
        let other = workers.iter().any(|w| w.is_none_or(|(_, there)| there));
        let who = format!("agent `{}`", escape(agent.id.as_str()));
        for (adapter, there) in workers.into_iter().flatten() {
            let entry = if there {
                used.entry(&adapter.id)
            } else {
                let entry = gone.entry((other, &adapter.id));
                entry
                    .or_insert_with(|| (adapter, Vec::new()))
                    .1
                    .push(who.clone());
                continue;
            };
            entry
                .or_insert_with(|| (adapter, Vec::new()))
                .1
                .push(who.clone());
        }
    }
    for ((other, _), (adapter, who)) in gone {
        let (name, who) = (escape(&adapter.program), some(who));
        let problem = format!(
            "`{name}` ({}) is not found in PATH: {who}",
            escape(&adapter.title)
        );
        if other {
            let remedy = "install it, or leave it out of `worker`: an attempt with it fails";
            look.warned.push((problem, remedy.to_owned()));
        } else {
            let remedy = "install it, or name another worker; `wavedeck doctor` lists what is here";
            look.refused.push((problem, remedy.to_owned()));
        }
    }
    for (adapter, who) in used.into_values() {
        if adapter.has_login() && found::logins(adapter, &env).is_empty() {
            let title = escape(&adapter.title);
            let problem = format!("no key and no login of {title} was found: {}", some(who));
            look.warned.push((problem, escape(&adapter.provider.login)));
        }
    }
    Ok(look)
}

/// The same as lines of `check`.
#[must_use]
pub fn warnings(input: &Input) -> String {
    let file = escape(&input.file_name);
    let mut out = String::new();
    for (name, who) in missing(input) {
        let _ = writeln!(
            out,
            "{file}: warning: program `{name}` is not found in PATH here: {who}\n\
             help: install it, or name it with its folder"
        );
    }
    out
}
