//! What `doctor` says of agent programs: where each is, its version, its flags, whether somebody is logged in.
//!
//! Names of keys alone, never a value. Must not start an agent.

use std::{ffi::OsStr, path::PathBuf, thread, time::Duration};

use super::{Finding, ask::ask};
use crate::{
    agents::{Adapter, Catalog, version_in},
    cli::{found, personal::Env},
    display::clean_line,
};

/// For each answer of a program.
const LIMIT: Duration = Duration::from_secs(5);

/// One agent program.
#[derive(Debug, Default)]
pub struct Program {
    id: String,
    title: String,
    program: String,
    path: Option<PathBuf>,
    version: Option<String>,
    known: String,
    missing_flags: Vec<String>,
    credentials: Vec<String>,
    /// What is wrong, and what to do about it.
    problems: Vec<(String, String)>,
}

/// Looks at all programs at once.
pub fn look(catalog: &Catalog, env: Env<'_>, path: Option<&OsStr>) -> Vec<Program> {
    // What needs the environment, before the threads.
    let all: Vec<(&Adapter, Option<PathBuf>, Vec<String>)> = catalog
        .iter()
        .map(|a| (a, found::place(a, path), found::logins(a, env)))
        .collect();
    thread::scope(|scope| {
        let threads: Vec<_> = all
            .into_iter()
            .map(|(adapter, path, logins)| {
                let id = adapter.id.clone();
                (id, scope.spawn(move || one(adapter, path, logins)))
            })
            .collect();
        let joined = threads.into_iter().map(|(id, thread)| {
            // A thread that broke found nothing out.
            thread.join().unwrap_or_else(|_| Program {
                id,
                ..Program::default()
            })
        });
        joined.collect()
    })
}

fn one(adapter: &Adapter, path: Option<PathBuf>, credentials: Vec<String>) -> Program {
    let mut program = Program {
        id: adapter.id.clone(),
        title: adapter.title.clone(),
        program: adapter.program.clone(),
        known: adapter.check.known.clone(),
        credentials,
        ..Program::default()
    };
    // It is started elsewhere.
    let Some(path) = path.and_then(|path| std::path::absolute(path).ok()) else {
        return program;
    };
    if !adapter.check.version.is_empty() {
        match ask(&path, &adapter.check.version, adapter, LIMIT) {
            Ok(said) => match version_in(&said) {
                Some(version) => program.version = Some(clean_line(version, 40)),
                None => program.problem(
                    "it does not say its version".to_owned(),
                    format!(
                        "look at `{} {}`",
                        adapter.program,
                        adapter.check.version.join(" ")
                    ),
                ),
            },
            Err(why) => program.problem(
                format!("its version: {why}"),
                format!(
                    "start `{} {}` yourself, or install it again",
                    adapter.program,
                    adapter.check.version.join(" ")
                ),
            ),
        }
    }
    if !adapter.check.help.is_empty() && program.problems.is_empty() {
        match ask(&path, &adapter.check.help, adapter, LIMIT) {
            Ok(said) => {
                let lacks = adapter.lacks(&said);
                if !lacks.is_empty() {
                    program.problem(
                        format!("its help does not name {}", lacks.join(" ")),
                        format!(
                            "install version {} or a newer one, or write an adapter for this one in agents/{}.toml beside your config.toml",
                            adapter.check.known, adapter.id
                        ),
                    );
                }
                program.missing_flags = lacks.into_iter().map(str::to_owned).collect();
            }
            Err(why) => program.problem(
                format!("its help: {why}"),
                format!(
                    "start `{} {}` yourself",
                    adapter.program,
                    adapter.check.help.join(" ")
                ),
            ),
        }
    }
    if program.credentials.is_empty() && adapter.has_login() {
        program.problem(
            "no key and no login was found".to_owned(),
            adapter.provider.login.clone(),
        );
    }
    program.path = Some(path);
    program
}

impl Program {
    fn problem(&mut self, what: String, remedy: String) {
        self.problems.push((what, remedy));
    }

    /// Whether its program is there.
    pub fn is_there(&self) -> bool {
        self.path.is_some()
    }

    /// The same as lines.
    pub fn finding(&self) -> Finding {
        let Some(path) = &self.path else {
            return Finding {
                what: self.id.clone(),
                well: None,
                says: format!("`{}` is not in PATH", self.program),
                remedy: None,
            };
        };
        let mut says = match &self.version {
            Some(version) if *version == self.known => format!("version {version}"),
            Some(version) => format!("version {version} (known with {})", self.known),
            None => "version unknown".to_owned(),
        };
        says.push_str(&format!(", {}", path.display()));
        if !self.credentials.is_empty() {
            says.push_str(&format!("; logged in by {}", self.credentials.join(", ")));
        }
        for (what, _) in &self.problems {
            says.push_str(&format!("; {what}"));
        }
        let remedies: Vec<&str> = self.problems.iter().map(|(_, r)| r.as_str()).collect();
        Finding {
            what: self.id.clone(),
            well: Some(self.problems.is_empty()),
            says: clean_line(says, 600),
            remedy: (!remedies.is_empty()).then(|| clean_line(remedies.join("; "), 400)),
        }
    }

    /// The same for programs.
    pub fn json(&self) -> serde_json::Value {
        let problems = self.problems.iter();
        let problems: Vec<serde_json::Value> = problems
            .map(|(what, remedy)| serde_json::json!({"says": what, "remedy": remedy}))
            .collect();
        serde_json::json!({
            "id": self.id, "title": self.title, "program": self.program,
            "path": self.path.as_ref().map(|p| p.to_string_lossy()),
            "version": self.version, "known": self.known,
            "missing_flags": self.missing_flags, "credentials": self.credentials,
            "problems": problems,
        })
    }
}
