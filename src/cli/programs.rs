//! Programs that a plan names and that this machine does not have: worth a warning, never an error.
//!
//! A plan may be written for another machine, or make the program itself. Must not start anything.

use std::{collections::BTreeMap, fmt::Write as _};

use super::load::Input;
use crate::{
    display::escape,
    plan::{Argv, Work},
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
    let path = input
        .config
        .processes
        .passes("PATH")
        .then(|| std::env::var_os("PATH"))
        .flatten();
    users
        .into_iter()
        .filter(|(name, _)| !name.contains('/') && !program::is_there(name, path.as_deref()))
        .map(|(name, mut who)| {
            who.dedup();
            let more = who.len().saturating_sub(NAMED);
            who.truncate(NAMED);
            let mut text = who.join(", ");
            if more > 0 {
                text = format!("{text} and {more} more");
            }
            (escape(&name), text)
        })
        .collect()
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
