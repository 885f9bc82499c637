//! Runs without a plan file: `run -- claude "…" --- codex "…"` and `run -f FILE` become the text of a plan.
//!
//! The text goes through the ordinary loader, which checks it as any other. Must not start anything.

use std::{collections::BTreeSet, ffi::OsString, fmt::Write as _, path::Path};

use super::{error::Error, found, load};
use crate::{
    agents::{Catalog, WITHOUT_ADAPTER},
    display::{clean_line, escape},
    plan::text::quote,
};

/// What stands between two agents of a command line.
const BETWEEN: &str = "---";
/// Bytes that a list of agents may have.
const FILE_LIMIT: u64 = 1 << 20;
/// Agents that one command line or list may have.
const MOST: usize = 10_000;
/// Words of a text that make an id.
const WORDS: usize = 4;
/// Longest id that is made of words, in characters.
const LONGEST_ID: usize = 32;
/// Longest title, in characters.
const LONGEST_TITLE: usize = 60;
/// Words that say nothing of what is done.
const EMPTY: &[&str] = &[
    "a", "an", "and", "for", "in", "of", "on", "please", "that", "the", "to", "with",
];

/// What one agent does.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Work {
    /// A prompt for a worker.
    Prompt { worker: String, prompt: String },
    /// A command.
    Command(Vec<String>),
}

/// Whether the first word of an agent is a worker: an agent program, with or without a model.
fn is_worker(word: &str, catalog: &Catalog) -> bool {
    let program = word.split_once(':').map_or(word, |(program, _)| program);
    catalog.get(program).is_some() || WITHOUT_ADAPTER.contains(&program) && word.contains(':')
}

/// Reads what stands behind `--`.
fn of_words(words: &[String], catalog: &Catalog) -> Result<Vec<Work>, Error> {
    let one = |part: &[String]| {
        let Some((first, rest)) = part.split_first() else {
            return Err(
                Error::usage(format!("an agent beside `{BETWEEN}` is empty"))
                    .help("write wavedeck run -- claude \"…\" --- codex \"…\""),
            );
        };
        if first.is_empty() {
            return Err(Error::usage(
                "the command of an agent begins with an empty word",
            ));
        }
        if !is_worker(first, catalog) {
            return Ok(Work::Command(part.to_vec()));
        }
        if rest.iter().all(|word| word.trim().is_empty()) {
            return Err(
                Error::usage(format!("`{first}` has no prompt")).help(format!(
                    "write it behind the name: {first} \"what is to be done\""
                )),
            );
        }
        // The flags of an agent program are the adapter's; in a prompt they would be lost on it.
        if rest[0].starts_with('-') {
            return Err(Error::usage(format!(
                "`{first} {}`: wavedeck starts agent programs with flags of its own; what follows the name is the prompt",
                rest[0]
            ))
            .help("leave the flag out; with its folder before it, the program is run as a plain command"));
        }
        Ok(Work::Prompt {
            worker: first.clone(),
            prompt: rest.join(" "),
        })
    };
    words.split(|word| word == BETWEEN).map(one).collect()
}

/// Reads a list: an agent a line. `default` is the worker of a line that names none.
fn of_lines(text: &str, default: Option<&str>, catalog: &Catalog) -> Result<Vec<Work>, String> {
    let mut all = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let (line, at) = (line.trim(), at + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(command) = line.strip_prefix("$ ") {
            let words = crate::plan::words::split(command).map_err(|e| format!("{at}: {e}"))?;
            if words.first().is_none_or(String::is_empty) {
                return Err(format!("{at}: there is no command behind `$`"));
            }
            all.push(Work::Command(words));
            continue;
        }
        let named = line
            .split_once(char::is_whitespace)
            .and_then(|(name, rest)| {
                let name = name.strip_suffix(':')?;
                let program = name.split(':').next()?;
                let known = catalog.get(program).is_some() || WITHOUT_ADAPTER.contains(&program);
                known.then(|| (name, rest.trim()))
            });
        let (worker, prompt) = match (named, default) {
            (Some(named), _) => named,
            (None, Some(default)) => (default, line),
            (None, None) => {
                return Err(format!(
                    "{at}: the line names no agent program, and none is installed: \
                     write `claude: …` where one will be, or `$ command`"
                ));
            }
        };
        all.push(Work::Prompt {
            worker: worker.to_owned(),
            prompt: prompt.to_owned(),
        });
    }
    Ok(all)
}

/// Makes ids of words: the first that say something, small, with a number where two are the same.
#[derive(Default)]
struct Ids(BTreeSet<String>);

impl Ids {
    fn of(&mut self, words: &str) -> String {
        let mut id = String::new();
        let words = words.split(|c: char| !c.is_ascii_alphanumeric());
        let words = words.map(str::to_ascii_lowercase);
        let words = words.filter(|w| !w.is_empty() && !EMPTY.contains(&w.as_str()));
        for word in words.take(WORDS) {
            if !id.is_empty() && id.len() + 1 + word.len() > LONGEST_ID {
                break;
            }
            if !id.is_empty() {
                id.push('-');
            }
            id.push_str(&word);
        }
        id.truncate(LONGEST_ID);
        if id.is_empty() {
            "agent".clone_into(&mut id);
        }
        let mut free = id.clone();
        let mut n = 2;
        while !self.0.insert(free.clone()) {
            free = format!("{id}-{n}");
            n += 1;
        }
        free
    }
}

/// Writes the plan.
fn plan(all: &[Work], own: bool) -> String {
    let mut ids = Ids::default();
    let mut agents = String::new();
    let mut first = String::new();
    for work in all {
        let (words, title) = match work {
            Work::Prompt { prompt, .. } => (prompt.clone(), clean_line(prompt, LONGEST_TITLE)),
            Work::Command(argv) => {
                let program = Path::new(&argv[0]).file_name();
                let program =
                    program.map_or_else(String::new, |n| n.to_string_lossy().into_owned());
                let rest = argv[1..].iter().filter(|word| !word.starts_with('-'));
                let mut words = program;
                for word in rest {
                    let _ = write!(words, " {word}");
                }
                (words, clean_line(argv.join(" "), LONGEST_TITLE))
            }
        };
        let id = ids.of(&words);
        let _ = write!(agents, "\n[[agent]]\nid = {}\n", quote(&id));
        if !title.is_empty() {
            let _ = writeln!(agents, "title = {}", quote(&title));
        }
        match work {
            Work::Prompt { worker, prompt } => {
                let (worker, prompt) = (quote(worker), quote(prompt));
                let _ = write!(agents, "worker = {worker}\nprompt = {prompt}\n");
            }
            Work::Command(argv) => {
                let words: Vec<String> = argv.iter().map(|word| quote(word)).collect();
                let _ = writeln!(agents, "run = [{}]", words.join(", "));
            }
        }
        if first.is_empty() {
            first = id;
        }
    }
    let name = match all.len() {
        0 | 1 => first,
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
    let all = if let Some(path) = file {
        let name = escape(&path.display().to_string());
        let text = load::read_own(path, FILE_LIMIT).map_err(|(line, column, why)| {
            let place = if line > 0 {
                format!(":{line}:{column}")
            } else {
                String::new()
            };
            Error::usage(format!("the list {name}{place} cannot be read: {why}"))
        })?;
        let text = text.ok_or_else(|| Error::usage(format!("there is no file {name}")))?;
        let default = found::best(&catalog, &env, std::env::var_os("PATH").as_deref());
        of_lines(&text, default.map(|a| a.id.as_str()), &catalog)
            .map_err(|why| Error::usage(format!("{name}:{why}")))?
    } else {
        let words: Option<Vec<String>> = (commands.iter())
            .map(|word| word.to_str().map(str::to_owned))
            .collect();
        let words = words.ok_or_else(|| Error::usage("an argument is not valid UTF-8"))?;
        of_words(&words, &catalog)?
    };
    match all.len() {
        0 => Err(Error::usage("the list names no agent")
            .help("an agent a line: claude: fix the flaky test")),
        n if n > MOST => Err(Error::usage(format!("{n} agents are more than {MOST}"))),
        _ => Ok(plan(&all, own)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{self, LoadOptions};

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|&w| w.to_owned()).collect()
    }

    fn loaded(all: &[Work], own: bool) -> plan::Plan {
        let text = super::plan(all, own);
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
        let all = of_words(&words(&line), Catalog::built_in()).unwrap();
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
            let error = of_words(&words(line), Catalog::built_in()).unwrap_err();
            let Error::Usage { message, .. } = error else {
                panic!("{error:?}")
            };
            message
        };
        assert!(refused(&["true", "---"]).contains("is empty"));
        assert!(refused(&["claude"]).contains("no prompt"));
        assert!(refused(&["claude", "-p", "x"]).contains("flags of its own"));
        assert!(refused(&[""]).contains("empty word"));
    }

    #[test]
    fn a_list_is_a_plan() {
        let text = "# later\n\nclaude: fix it\ncodex:gpt-5: \u{1b}[31mwrite: it\nNote: fix it\n$ cargo test 'a b'\n";
        let all = of_lines(text, Some("gemini"), Catalog::built_in()).unwrap();
        let plan = loaded(&all, true);
        let ids: Vec<&str> = plan.agents.iter().map(|a| a.id.as_str()).collect();
        assert_eq!(
            ids,
            ["fix-it", "31mwrite-it", "note-fix-it", "cargo-test-b"]
        );
        let names: Vec<&str> = plan.workers.iter().map(|w| w.name.as_str()).collect();
        assert_eq!(names, ["claude", "codex:gpt-5", "gemini"]);
        let none = of_lines("fix it", None, Catalog::built_in()).unwrap_err();
        assert!(
            none.starts_with("1: the line names no agent program"),
            "{none}"
        );
        assert!(
            of_lines("\n$ 'a", None, Catalog::built_in())
                .unwrap_err()
                .starts_with("2: ")
        );
        // A program that nobody has an adapter for is no prompt for another one.
        let all = of_lines("goose: x", Some("gemini"), Catalog::built_in()).unwrap();
        assert!(matches!(&all[0], Work::Prompt { worker, .. } if worker == "goose"));
    }

    #[test]
    fn ids_are_short_and_differ() {
        let mut ids = Ids::default();
        assert_eq!(ids.of("Add the tests, please!"), "add-tests");
        assert_eq!(ids.of("add tests"), "add-tests-2");
        assert_eq!(ids.of("¡™"), "agent");
        assert_eq!(ids.of(&"x".repeat(100)).len(), LONGEST_ID);
        assert_eq!(ids.of("../..; rm -rf /"), "rm-rf");
    }
}
