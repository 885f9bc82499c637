//! Gathers what an agent is told: from plan and state on the loop, from files by the thread that starts it.
//!
//! Must not decide what fits; that is `context`. Files of the workspace are foreign: no link is followed,
//! nothing outside is read, and no more of one than a prompt could hold.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};

use crate::{
    conflict::scope::Globs,
    context::{Item, Kind, Limit, Prompt, compose, family},
    display::Cleaner,
    engine::State,
    executor::{Made, Maker, Unmade},
    plan::{Agent, AgentIx, Plan, Work},
    runtime::work::{kept, put},
    sys::lock::private_dir,
};

/// Bytes of one file that are read: more than any prompt holds of it.
const LONGEST: u64 = 256 << 10;
/// Bytes of the repository's instructions in one file (what codex reads of its own).
const INSTRUCTIONS: u64 = 32 << 10;
/// Files that named globs may bring.
const MOST_FILES: usize = 64;
/// Entries of folders that are looked through for them, and how deep.
const MOST_ENTRIES: usize = 50_000;
const DEEPEST: usize = 32;
/// Names of the file with a repository's instructions, the first that is there counts.
const NAMES: [&str; 2] = ["AGENTS.override.md", "AGENTS.md"];

/// What a program is told that takes over another one's work.
const TAKES_OVER: &str = "Another program has begun this task in this folder and was ended. Look at what it has \
                          done (`git log`, `git status`, `git diff`) and finish the task.";

/// What an attempt's prompt is made of.
#[derive(Debug, Clone)]
pub(super) struct Gathered {
    /// What plan and state say.
    items: Vec<Item>,
    /// Files of the run: what they are, whose, where.
    kept: Vec<(Kind, String, PathBuf)>,
    /// Where the agent will work.
    folder: PathBuf,
    /// Folders in it whose instructions hold for it, the root first.
    instructed: Vec<String>,
    /// Globs of the files that the plan names.
    files: Vec<String>,
    limit: Limit,
}

/// What a session that goes on is told next.
pub(super) fn next_turn(text: &str, source: &str, folder: &Path) -> Gathered {
    Gathered {
        items: vec![Item {
            kind: Kind::Task,
            rank: 0,
            source: source.to_owned(),
            text: text.to_owned(),
        }],
        kept: Vec::new(),
        folder: folder.to_owned(),
        instructed: Vec::new(),
        files: Vec::new(),
        limit: Limit::default(),
    }
}

/// Gathers what plan and state say; touches no file.
pub(super) fn gather(
    state: &State,
    ix: AgentIx,
    mode: u32,
    folder: &Path,
    run_dir: &Path,
    note: Option<PathBuf>,
) -> Gathered {
    let plan = &state.setup.plan;
    let agent = plan.agent(ix);
    let mut kept_files: Vec<(Kind, String, PathBuf)> = state
        .handed_to(ix)
        .map(|(from, _)| {
            let id = plan.agent(from).id.as_str();
            (Kind::HandOff, id.to_owned(), kept(run_dir, id))
        })
        .collect();
    if let Some(note) = note {
        let attempt = state.agent(ix).attempt.saturating_sub(1);
        kept_files.push((Kind::Failure, format!("attempt {attempt}"), note));
    }
    Gathered {
        items: said(plan, agent, state, ix),
        kept: kept_files,
        folder: folder.to_owned(),
        instructed: folders(agent),
        files: agent.context_files.clone(),
        limit: Limit {
            permille: factor(plan, agent, mode),
            ..Limit::default()
        },
    }
}

/// Tokens of the worker's vocabulary for 1,000 of the estimate.
fn factor(plan: &Plan, agent: &Agent, mode: u32) -> u32 {
    let worker = agent.modes.get(mode as usize).and_then(|mode| mode.worker);
    let worker = worker.map(|worker| &plan.workers[worker.ix()]);
    worker.map_or(family(""), |worker| {
        family(worker.model.as_deref().unwrap_or(&worker.name))
    })
}

fn said(plan: &Plan, agent: &Agent, state: &State, ix: AgentIx) -> Vec<Item> {
    let mut items = Vec::new();
    let mut add = |kind, source: String, text: String| {
        if !text.trim().is_empty() {
            let rank = u32::try_from(items.len()).unwrap_or(u32::MAX);
            items.push(Item {
                kind,
                rank,
                source,
                text,
            });
        }
    };
    let key = |name: &str| format!("agent.{}.{name}", agent.id);
    if let Work::Prompt(prompt) = &agent.work {
        add(Kind::Task, key("prompt"), prompt.clone());
    }
    add(
        Kind::Goal,
        "goal".to_owned(),
        plan.goal.clone().unwrap_or_default(),
    );
    for step in state.setup.checks(ix) {
        let source = match step.gate {
            "check" => key("check"),
            gate => format!("gate.{gate}"),
        };
        add(
            Kind::Acceptance,
            source,
            match step.approve {
                Some(question) => format!("- A person says yes to: {question}"),
                None => format!("- `{}` ends with status 0.", step.argv.join(" ")),
            },
        );
    }
    let paths = |all: &[String]| -> String {
        let all: Vec<String> = all.iter().map(|path| format!("`{path}`")).collect();
        all.join(", ")
    };
    if !agent.outputs.is_empty() {
        let text = format!("- These are there: {}.", paths(&agent.outputs));
        add(Kind::Acceptance, key("outputs"), text);
    }
    if let Some(scope) = &agent.scope {
        if !scope.write.is_empty() {
            let text = format!(
                "Change only {}. Other files are others' work.",
                paths(&scope.write)
            );
            add(Kind::Scope, key("scope.write"), text);
        }
        if !scope.read.is_empty() {
            let text = format!("Build on {} without changing it.", paths(&scope.read));
            add(Kind::Scope, key("scope.read"), text);
        }
    }
    if let Some(talk) = &state.agent(ix).talk {
        if talk.went_on {
            add(
                Kind::Failure,
                "another program".to_owned(),
                TAKES_OVER.to_owned(),
            );
        }
        let carried = talk.messages.iter();
        for message in carried.filter(|m| talk.carried.contains(&m.number)) {
            add(Kind::Message, message.by.clone(), message.text.clone());
        }
    }
    let words = state.agent(ix).said.as_ref().map(|said| &said.words);
    for blocker in words.into_iter().flat_map(|words| &words.blockers) {
        let plan = match blocker.resolution_plan.as_str() {
            "" => String::new(),
            plan => format!(" ({plan})"),
        };
        let text = format!("- {}: {}{plan}", blocker.severity.name(), blocker.blocker);
        add(Kind::Blocker, format!("report of {}", agent.id), text);
    }
    items
}

/// The folders whose instructions hold where an agent writes: the root, and those on the way.
fn folders(agent: &Agent) -> Vec<String> {
    let mut all = BTreeSet::from([(0, String::new())]);
    let globs = agent.scope.iter().flat_map(|scope| &scope.write);
    for glob in globs.take(MOST_FILES) {
        let plain = glob
            .split('/')
            .take_while(|part| !part.contains(['*', '?', '[', '{']));
        let mut path = String::new();
        for (depth, part) in plain.enumerate().take(DEEPEST) {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(part);
            all.insert((depth + 1, path.clone()));
        }
    }
    all.into_iter().map(|(_, path)| path).collect()
}

impl Gathered {
    /// The same with so many tokens at most.
    pub(super) fn within(mut self, tokens: u32) -> Self {
        self.limit.tokens = tokens;
        self
    }

    /// Makes the prompt when its agent starts, and keeps it in a file.
    pub(super) fn maker(self, file: PathBuf) -> Maker {
        Maker::new(move |redactor| {
            let items = self.read();
            let prompt = compose(&items, self.limit, redactor)
                .map_err(|overflow| Unmade::Refused(overflow.to_string()))?;
            keep(&file, &prompt).map_err(Unmade::Failed)?;
            Ok(Made {
                tokens: Some((u64::from(prompt.tokens), u64::from(prompt.offered))),
                redacted: prompt.redacted,
                argv: None,
                stdin: Some(prompt.text.into_bytes()),
            })
        })
    }

    /// What was gathered, and the texts of the files.
    fn read(&self) -> Vec<Item> {
        let mut items = self.items.clone();
        for (rank, (kind, source, path)) in self.kept.iter().enumerate() {
            // One that is gone says nothing; its path is told to the agent all the same.
            let Ok(bytes) = File::open(path).and_then(|file| beginning(file, LONGEST)) else {
                continue;
            };
            items.push(item(*kind, rank, source, &bytes));
        }
        let Ok(root) = fs::canonicalize(&self.folder).and_then(File::open) else {
            return items;
        };
        let root = OwnedFd::from(root);
        for (rank, folder) in self.instructed.iter().enumerate() {
            let path = |name: &&str| match folder.as_str() {
                "" => (*name).to_owned(),
                folder => format!("{folder}/{name}"),
            };
            let read = |path: String| Some((inside(&root, &path, INSTRUCTIONS).ok()?, path));
            if let Some((bytes, path)) = NAMES.iter().map(path).find_map(read) {
                items.push(item(Kind::Instructions, rank, &path, &bytes));
            }
        }
        for (rank, (path, glob)) in self.named().into_iter().enumerate() {
            let found = path.and_then(|path| match inside(&root, &path, LONGEST) {
                Ok(bytes) => Some((path, bytes)),
                Err(_) => None,
            });
            items.push(match found {
                Some((path, bytes)) if bytes.contains(&0) => {
                    item(Kind::File, rank, &path, b"(it is no text)")
                }
                Some((path, bytes)) => item(Kind::File, rank, &path, &bytes),
                None => item(Kind::File, rank, &glob, b"(there is no such file)"),
            });
        }
        items.retain(|item| !item.text.trim().is_empty());
        items
    }

    /// The files that the plan's globs bring, each once, and the globs that bring none.
    fn named(&self) -> Vec<(Option<String>, String)> {
        let mut all = Vec::new();
        let mut seen = BTreeSet::new();
        let mut left = MOST_ENTRIES;
        for glob in &self.files {
            let mut found = Vec::new();
            if let Ok(globs) = Globs::new(&[glob]) {
                let plain = glob
                    .split('/')
                    .take_while(|p| !p.contains(['*', '?', '[', '{']));
                let start: PathBuf = plain.collect();
                walk(&self.folder, &start, DEEPEST, &mut left, &mut |path| {
                    if globs.inside(path.as_bytes()) {
                        found.push(path.to_owned());
                    }
                });
            }
            found.sort();
            if found.is_empty() {
                all.push((None, glob.clone()));
            }
            for path in found {
                if all.len() < MOST_FILES && seen.insert(path.clone()) {
                    all.push((Some(path), glob.clone()));
                }
            }
        }
        all
    }
}

/// Goes through a file or folder below a root, without following links.
fn walk(root: &Path, path: &Path, depth: usize, left: &mut usize, each: &mut dyn FnMut(&str)) {
    let (Ok(meta), Some(name)) = (fs::symlink_metadata(root.join(path)), path.to_str()) else {
        return;
    };
    if meta.is_file() {
        each(name);
    }
    if !meta.is_dir() || depth == 0 {
        return;
    }
    let Ok(entries) = fs::read_dir(root.join(path)) else {
        return;
    };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    for name in names.into_iter().filter(|name| name != ".git") {
        let Some(less) = left.checked_sub(1) else {
            return;
        };
        *left = less;
        walk(root, &path.join(name), depth - 1, left, each);
    }
}

/// The beginning of a regular file below a folder, whatever links there are.
fn inside(root: &OwnedFd, path: &str, most: u64) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let file = openat2(root, path, flags, Mode::empty(), resolve)?;
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is not a regular file"));
    }
    beginning(file.into(), most)
}

fn beginning(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn item(kind: Kind, rank: usize, source: &str, bytes: &[u8]) -> Item {
    let mut text = String::with_capacity(bytes.len());
    let mut cleaner = Cleaner::new();
    cleaner.push(bytes, &mut text);
    cleaner.finish(&mut text);
    Item {
        kind,
        rank: u32::try_from(rank).unwrap_or(u32::MAX),
        source: source.to_owned(),
        text,
    }
}

fn keep(file: &Path, prompt: &Prompt) -> io::Result<()> {
    private_dir(file.parent().unwrap_or(file))?;
    put(file, prompt.text.as_bytes())
}
