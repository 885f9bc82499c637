//! Runs without a plan file: `run -- claude "…" --- codex "…"` and `run -f FILE` become the text of a plan.
//!
//! The text goes through the ordinary loader, which checks it as any other. Must not start anything.

use std::{ffi::OsString, path::Path};

use super::{error::Error, found, load};
use crate::{
    context::redact::Redactor,
    display::escape,
    plan::{
        list::{Beside, Ids, Item, Known, Otherwise, Wrong, of_lines, of_words, tables},
        text::quote,
    },
};

/// Bytes that a list of agents may have.
pub(super) const FILE_LIMIT: u64 = 1 << 20;
/// Why nobody does a line that names nobody.
const NOBODY: &str = "none is installed: write `claude: …` where one will be";
/// Agents that one command line or list may have.
const MOST: usize = 10_000;

impl From<Wrong> for Error {
    fn from(wrong: Wrong) -> Self {
        let error = Self::usage(wrong.message);
        match wrong.help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}

/// Writes the plan.
fn plan(all: &[Item], own: bool, redactor: &Redactor) -> String {
    let clean = |text: &str| redactor.clean(text);
    let (agents, ids) = tables(all, &mut Ids::default(), &Beside::default(), &clean);
    let first = ids.first().map_or("", String::as_str);
    let name = match all.len() {
        0 | 1 => first.to_owned(),
        more => format!("{first} and {} more", more - 1),
    };
    let (word, why) = if own {
        (
            "own",
            "each in a workspace of its own; what they did is merged",
        )
    } else {
        (
            "shared",
            "no repository with a commit: they work in this folder itself",
        )
    };
    format!(
        "# Made by a run without a plan file.\nname = {}\n\n[defaults]\nworkspace = \"{word}\"   # {why}\n{agents}",
        quote(&name)
    )
}

/// Makes the text of the plan that a command line or a list stands for.
///
/// `own`: its agents get workspaces of their own.
///
/// # Errors
/// What is wrong with it.
pub fn source(commands: &[OsString], file: Option<&Path>, own: bool) -> Result<String, Error> {
    let env = |name: &str| std::env::var(name).ok();
    let catalog = super::adapters::catalog(&env).map_err(Error::Problems)?;
    let known = |otherwise| Known {
        catalog: &catalog,
        workers: &[],
        tracks: &[],
        otherwise,
    };
    let all = if let Some(path) = file {
        let name = escape(&path.display().to_string());
        let text = read_list(path)?;
        let default = found::best(&catalog, &env, std::env::var_os("PATH").as_deref());
        let otherwise = default.map_or(Otherwise::Nobody(NOBODY), |a| Otherwise::Worker(&a.id));
        of_lines(&text, &known(otherwise)).map_err(|why| Error::usage(format!("{name}:{why}")))?
    } else {
        let words: Option<Vec<String>> = (commands.iter())
            .map(|word| word.to_str().map(str::to_owned))
            .collect();
        let words = words.ok_or_else(|| Error::usage("an argument is not valid UTF-8"))?;
        of_words(&words, &known(Otherwise::Nobody(NOBODY)))?
    };
    match all.len() {
        0 => Err(Error::usage("the list names no agent")
            .help("an agent a line: claude: fix the flaky test")),
        n if n > MOST => Err(Error::usage(format!("{n} agents are more than {MOST}"))),
        _ => Ok(plan(&all, own, &Redactor::of_environment())),
    }
}

/// Reads a list of agents.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read_list(path: &Path) -> Result<String, Error> {
    let name = escape(&path.display().to_string());
    let text = load::read_own(path, FILE_LIMIT).map_err(|(line, column, why)| {
        let place = if line > 0 {
            format!(":{line}:{column}")
        } else {
            String::new()
        };
        Error::usage(format!("the list {name}{place} cannot be read: {why}"))
    })?;
    text.ok_or_else(|| Error::usage(format!("there is no file {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agents::Catalog,
        plan::{self, LoadOptions, list::Task},
    };

    fn known(otherwise: Otherwise<'static>) -> Known<'static> {
        Known {
            catalog: Catalog::built_in(),
            workers: &[],
            tracks: &[],
            otherwise,
        }
    }

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|&w| w.to_owned()).collect()
    }

    fn loaded(all: &[Item], own: bool) -> plan::Plan {
        let text = super::plan(all, own, &Redactor::default());
        let loaded = plan::load(&text, &LoadOptions::default(), &mut |_| unreachable!());
        let loaded = loaded.unwrap_or_else(|found| panic!("{text}\n{found:?}"));
        assert_eq!(loaded.warnings, [], "{text}");
        loaded.plan
    }

    #[test]
    fn a_command_line_is_a_plan() {
        let line = [
            "claude:opus",
            "fix",
            "the flaky test",
            "---",
            "codex",
            "write \"docs\" for ${HOME}\n'''\\",
            "---",
            "./x.sh",
            "-q",
            "${a}",
        ];
        let all = of_words(&words(&line), &known(Otherwise::Nobody(NOBODY))).unwrap();
        let plan = loaded(&all, true);
        let ids: Vec<&str> = plan.agents.iter().map(|a| a.id.as_str()).collect();
        assert_eq!(ids, ["fix-flaky-test", "write-docs-home", "x-sh"]);
        let prompt = |at: usize| match &plan.agents[at].work {
            plan::Work::Prompt(prompt) => prompt.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(prompt(0), "fix the flaky test");
        assert_eq!(prompt(1), line[5]);
        let argv = words(&["./x.sh", "-q", "${a}"]);
        assert!(matches!(&plan.agents[2].work, plan::Work::Command(a) if **a == *argv));
        assert_eq!(plan.workers[0].model.as_deref(), Some("opus"));
        assert!(
            plan.agents
                .iter()
                .all(|a| a.workspace == plan::Workspace::Own)
        );
        assert!(
            loaded(&all, false)
                .agents
                .iter()
                .all(|a| a.workspace == plan::Workspace::Shared)
        );
    }

    #[test]
    fn what_is_no_agent_is_refused_in_words() {
        let refused = |line: &[&str]| {
            let error = of_words(&words(line), &known(Otherwise::Nobody(NOBODY))).unwrap_err();
            error.message
        };
        assert!(refused(&["true", "---"]).contains("is empty"));
        assert!(refused(&["claude"]).contains("no prompt"));
        assert!(refused(&["claude", "-p", "x"]).contains("flags of its own"));
        assert!(refused(&[""]).contains("empty word"));
        for worker in [
            "claude:-x",
            "claude:--dangerously-skip-permissions",
            "codex:a\tb",
        ] {
            let all = of_words(&words(&[worker, "x"]), &known(Otherwise::Nobody(NOBODY))).unwrap();
            let text = super::plan(&all, true, &Redactor::default());
            let refused = plan::load(&text, &LoadOptions::default(), &mut |_| unreachable!());
            assert!(refused.is_err(), "{worker}");
        }
    }

    #[test]
    fn a_secret_in_a_prompt_names_no_agent() {
        let secret = format!("ghp_{}", "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789");
        let redactor = Redactor::new(&["pear-tree-77".to_owned()]);
        let line = [
            "claude",
            &*format!("{secret} is mine"),
            "---",
            "echo",
            "pear-tree-77",
        ];
        let all = of_words(&words(&line), &known(Otherwise::Nobody(NOBODY))).unwrap();
        let text = super::plan(&all, true, &redactor);
        let loaded = plan::load(&text, &LoadOptions::default(), &mut |_| unreachable!()).unwrap();
        for agent in &loaded.plan.agents {
            let shown = format!("{} {:?} {}", agent.id, agent.title, loaded.plan.name);
            let shown = shown.to_lowercase();
            assert!(
                !shown.contains("abcdef") && !shown.contains("pear"),
                "{shown}"
            );
        }
    }

    #[test]
    fn a_list_is_a_plan() {
        let text = "\u{feff}claude: fix it\ncodex:gpt-5: \u{1b}[31mwrite: it\nNote: fix it\n$ cargo test 'a b'\n";
        let all = of_lines(text, &known(Otherwise::Worker("gemini"))).unwrap();
        let plan = loaded(&all, true);
        let ids: Vec<&str> = plan.agents.iter().map(|a| a.id.as_str()).collect();
        assert_eq!(
            ids,
            ["fix-it", "31mwrite-it", "note-fix-it", "cargo-test-b"]
        );
        let names: Vec<&str> = plan.workers.iter().map(|w| w.name.as_str()).collect();
        assert_eq!(names, ["claude", "codex:gpt-5", "gemini"]);
        let none = of_lines("fix it", &known(Otherwise::Nobody(NOBODY))).unwrap_err();
        assert!(
            none.starts_with("1: the line names no agent program"),
            "{none}"
        );
        for empty in ["$", "$ ", "$\t"] {
            let none = of_lines(empty, &known(Otherwise::Worker("gemini"))).unwrap_err();
            assert_eq!(none, "1: there is no command behind `$`");
        }
        let all = of_lines("$\techo hi", &known(Otherwise::Worker("gemini"))).unwrap();
        assert_eq!(all[0].task, Task::Command(words(&["echo", "hi"])));
        assert!(
            of_lines("\n$ 'a", &known(Otherwise::Nobody(NOBODY)))
                .unwrap_err()
                .starts_with("2: ")
        );
        // A program that nobody has an adapter for is no prompt for another one.
        let all = of_lines("goose: x", &known(Otherwise::Worker("gemini"))).unwrap();
        let goose = Some("goose".to_owned());
        assert!(matches!(&all[0].task, Task::Prompt { worker, .. } if *worker == goose));
    }
}
