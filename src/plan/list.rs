//! Agents that are named in words: behind `--` of a command line, or a line of a list each.
//!
//! Pure: words in, tables `[[agent]]` of a plan out, that the ordinary loader reads and checks. Must not
//! look for programs or files.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use crate::{
    agents::{Catalog, WITHOUT_ADAPTER},
    display::clean_line,
};

use super::text::quote;

/// What stands between two agents of a command line.
pub const BETWEEN: &str = "---";
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
pub enum Task {
    /// A prompt for a worker; none: whoever the plan's defaults name.
    Prompt {
        /// Who.
        worker: Option<String>,
        /// What.
        prompt: String,
    },
    /// A command.
    Command(Vec<String>),
}

/// One agent in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its track, where the words name one.
    pub track: Option<String>,
    /// What it does.
    pub task: Task,
}

/// What words are no agents, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Wrong {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Wrong {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Who does a line that names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise<'a> {
    /// This worker.
    Worker(&'a str),
    /// Whoever the plan's defaults name.
    Plan,
    /// Nobody, and why: the line is refused.
    Nobody(&'a str),
}

/// What names mean.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Agent programs.
    pub catalog: &'a Catalog,
    /// Workers that the plan has beside them.
    pub workers: &'a [&'a str],
    /// Its tracks.
    pub tracks: &'a [&'a str],
    /// Who does what names nobody.
    pub otherwise: Otherwise<'a>,
}

impl Known<'_> {
    /// Whether a word is a worker: an agent program with or without a model, or one of the plan.
    fn is_worker(&self, word: &str) -> bool {
        let program = word.split_once(':').map_or(word, |(program, _)| program);
        self.workers.contains(&word) || self.catalog.get(program).is_some()
    }

    /// The worker that a line begins with, `claude: …`, and what follows. A program that nobody has an
    /// adapter for is named too: it is no prompt for another one.
    fn named<'l>(&self, line: &'l str) -> Option<(&'l str, &'l str)> {
        let (name, rest) = line.split_once(char::is_whitespace)?;
        let name = name.strip_suffix(':')?;
        let program = name.split(':').next()?;
        let known = self.is_worker(name) || WITHOUT_ADAPTER.contains(&program);
        known.then(|| (name, rest.trim()))
    }

    /// The track that a line begins with, `track/claude: …` or `track/$ …`, and what follows.
    fn tracked<'l>(&self, line: &'l str) -> Option<(&'l str, &'l str)> {
        let (track, rest) = line.split_once('/')?;
        let known = self.tracks.contains(&track);
        (known && (rest.starts_with("$ ") || self.named(rest).is_some())).then_some((track, rest))
    }
}

/// Reads what stands behind `--`: agents with [`BETWEEN`] between them.
///
/// # Errors
/// What is no agent.
pub fn of_words(words: &[String], known: &Known<'_>) -> Result<Vec<Item>, Wrong> {
    let all = words.split(|word| word == BETWEEN);
    all.map(|part| of_part(part, known)).collect()
}

fn of_part(part: &[String], known: &Known<'_>) -> Result<Item, Wrong> {
    let Some((first, rest)) = part.split_first() else {
        return Err(Wrong::new(format!("an agent beside `{BETWEEN}` is empty"))
            .help("write wavedeck run -- claude \"…\" --- codex \"…\""));
    };
    if first.is_empty() {
        return Err(Wrong::new(
            "the command of an agent begins with an empty word",
        ));
    }
    let without = WITHOUT_ADAPTER
        .iter()
        .any(|p| first.strip_prefix(p).is_some_and(|r| r.starts_with(':')));
    if !known.is_worker(first) && !without {
        return Ok(Item {
            track: None,
            task: Task::Command(part.to_vec()),
        });
    }
    if rest.iter().all(|word| word.trim().is_empty()) {
        return Err(Wrong::new(format!("`{first}` has no prompt")).help(format!(
            "write it behind the name: {first} \"what is to be done\""
        )));
    }
    // The flags of an agent program are the adapter's; in a prompt they would be lost on it.
    if rest[0].starts_with('-') {
        return Err(Wrong::new(format!(
            "`{first} {}`: wavedeck starts agent programs with flags of its own; what follows the name is the prompt",
            rest[0]
        ))
        .help("leave the flag out; with its folder before it, the program is run as a plain command"));
    }
    Ok(Item {
        track: None,
        task: Task::Prompt {
            worker: Some(first.clone()),
            prompt: rest.join(" "),
        },
    })
}

/// Reads a list: an agent a line; empty lines and those that begin with `#` are none.
///
/// # Errors
/// The number of a line and what is wrong with it.
pub fn of_lines(text: &str, known: &Known<'_>) -> Result<Vec<Item>, String> {
    let mut all = Vec::new();
    // Some editors mark UTF-8 at the beginning of a file.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (at, line) in text.lines().enumerate() {
        let (line, at) = (line.trim(), at + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (track, line) = match known.tracked(line) {
            Some((track, rest)) => (Some(track.to_owned()), rest),
            None => (None, line),
        };
        let task = of_line(line, known).map_err(|why| format!("{at}: {why}"))?;
        all.push(Item { track, task });
    }
    Ok(all)
}

fn of_line(line: &str, known: &Known<'_>) -> Result<Task, String> {
    let command = line.strip_prefix('$');
    if let Some(command) = command.filter(|c| c.is_empty() || c.starts_with(char::is_whitespace)) {
        let words = super::words::split(command).map_err(|e| e.to_string())?;
        if words.first().is_none_or(String::is_empty) {
            return Err("there is no command behind `$`".to_owned());
        }
        return Ok(Task::Command(words));
    }
    let (worker, prompt) = match (known.named(line), known.otherwise) {
        (Some((worker, prompt)), _) => (Some(worker), prompt),
        (None, Otherwise::Worker(worker)) => (Some(worker), line),
        (None, Otherwise::Plan) => (None, line),
        (None, Otherwise::Nobody(why)) => {
            return Err(format!(
                "the line names no agent program, and {why}, or `$ command`"
            ));
        }
    };
    Ok(Task::Prompt {
        worker: worker.map(str::to_owned),
        prompt: prompt.to_owned(),
    })
}

/// Makes ids of words: the first that say something, small, with a number where two are the same.
#[derive(Debug, Default)]
pub struct Ids(BTreeSet<String>);

impl Ids {
    /// Ids of which these are taken.
    pub fn beside<'a>(taken: impl Iterator<Item = &'a str>) -> Self {
        Self(taken.map(str::to_owned).collect())
    }

    /// Makes one that nobody has yet.
    pub fn of(&mut self, words: &str) -> String {
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

/// What is stated beside the words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside<'a> {
    /// Its id; none: made of the words.
    pub id: Option<&'a str>,
    /// Track of whom the words name none.
    pub track: Option<&'a str>,
    /// Phase.
    pub phase: Option<&'a str>,
    /// Memory, as a plan states it.
    pub ram: Option<&'a str>,
    /// Agents that it needs.
    pub after: &'a [String],
}

/// Writes the tables of agents; returns the id of each with them. `clean` takes secrets out of what names them,
/// which is shown everywhere.
#[must_use]
pub fn tables(
    all: &[Item],
    ids: &mut Ids,
    beside: &Beside<'_>,
    clean: &dyn Fn(&str) -> String,
) -> (String, Vec<String>) {
    let mut text = String::new();
    let mut made = Vec::with_capacity(all.len());
    for item in all {
        let (words, title) = match &item.task {
            Task::Prompt { prompt, .. } => {
                (clean(prompt), clean_line(clean(prompt), LONGEST_TITLE))
            }
            Task::Command(argv) => {
                let program = argv.first().map(Path::new).and_then(Path::file_name);
                let program =
                    program.map_or_else(String::new, |n| n.to_string_lossy().into_owned());
                let rest = argv.iter().skip(1).filter(|word| !word.starts_with('-'));
                let mut words = program;
                for word in rest {
                    let _ = write!(words, " {word}");
                }
                let title = clean_line(clean(&argv.join(" ")), LONGEST_TITLE);
                (clean(&words), title)
            }
        };
        let id = beside.id.map_or_else(|| ids.of(&words), str::to_owned);
        let _ = write!(text, "\n[[agent]]\nid = {}\n", quote(&id));
        let mut line = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                let _ = writeln!(text, "{key} = {}", quote(value));
            }
        };
        line("title", (!title.is_empty()).then_some(&*title));
        line("phase", beside.phase);
        line("track", item.track.as_deref().or(beside.track));
        line("ram", beside.ram);
        match &item.task {
            Task::Prompt { worker, prompt } => {
                line("worker", worker.as_deref());
                line("prompt", Some(prompt));
            }
            Task::Command(argv) => {
                let _ = writeln!(text, "run = {}", array(argv));
            }
        }
        if !beside.after.is_empty() {
            let _ = writeln!(text, "needs = {}", array(beside.after));
        }
        made.push(id);
    }
    (text, made)
}

fn array(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
    format!("[{}]", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_differ() {
        let mut ids = Ids::default();
        assert_eq!(ids.of("Add the tests, please!"), "add-tests");
        assert_eq!(ids.of("add tests"), "add-tests-2");
        assert_eq!(ids.of("¡™"), "agent");
        assert_eq!(ids.of(&"x".repeat(100)).len(), LONGEST_ID);
        assert_eq!(ids.of("../..; rm -rf /"), "rm-rf");
    }

    #[test]
    fn a_line_may_name_a_track_of_the_plan_and_a_worker_of_it() {
        let known = Known {
            catalog: Catalog::built_in(),
            workers: &["lint"],
            tracks: &["ui"],
            otherwise: Otherwise::Plan,
        };
        let one = |line: &str| of_lines(line, &known).unwrap().remove(0);
        let prompt = |worker: Option<&str>, prompt: &str| Task::Prompt {
            worker: worker.map(str::to_owned),
            prompt: prompt.to_owned(),
        };
        let ui = Some("ui".to_owned());
        let item = one("ui/claude:opus: fix it");
        assert_eq!(
            (item.track, item.task),
            (ui.clone(), prompt(Some("claude:opus"), "fix it"))
        );
        let item = one("ui/$ make -j 'a b'");
        assert_eq!(item.track, ui);
        assert_eq!(
            item.task,
            Task::Command(vec!["make".into(), "-j".into(), "a b".into()])
        );
        assert_eq!(one("lint: look").task, prompt(Some("lint"), "look"));
        // A path is no track, and a prompt needs no worker where the plan has one.
        let item = one("ui/main.rs: is too long");
        assert_eq!(
            (item.track, item.task),
            (None, prompt(None, "ui/main.rs: is too long"))
        );
    }
}
