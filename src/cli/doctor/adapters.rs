//! What `doctor` says of agent programs: where each is, its version, its flags, whether somebody is logged in.
//!
//! Names of keys alone, never a value. Must not start an agent.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use super::{
    Finding,
    ask::{Silence, ask},
};
use crate::{
    agents::{Adapter, Catalog, version_in},
    cli::{found, personal::Env},
    display::clean_line,
};

/// How long programs are waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For all answers of one; all are asked at once, so that nobody waits much longer than this. Some need ten
    /// seconds for their version on a machine that is busy.
    pub limit: Duration,
    /// An answer that takes longer than this is worth a word.
    pub slow: Duration,
}

/// What `doctor` has.
pub const PATIENCE: Patience = Patience {
    limit: Duration::from_secs(20),
    slow: Duration::from_secs(5),
};

/// One agent program.
#[derive(Debug, Default)]
pub struct Program {
    id: String,
    title: String,
    starts: String,
    path: Option<PathBuf>,
    version: Option<String>,
    known: String,
    missing_flags: Vec<String>,
    credentials: Vec<String>,
    /// How long it took to answer, or did not, where that is worth a word.
    slow: Option<Duration>,
    /// It gave no answer in time.
    late: bool,
    /// What is wrong, and what to do about it.
    problems: Vec<(String, String)>,
}

/// Looks at all programs at once; each is told of in its turn, as soon as that is known. `waits` gets the names of
/// those that are asked.
pub fn look(
    catalog: &Catalog,
    env: Env<'_>,
    path: Option<&OsStr>,
    waits: &dyn Fn(&[&str]),
    told: &mut dyn FnMut(&Program),
) -> Vec<Program> {
    // What needs the environment, before the threads.
    let all: Vec<(&Adapter, Option<PathBuf>, Vec<String>)> = catalog
        .iter()
        .map(|a| (a, found::place(a, path), found::logins(a, env)))
        .collect();
    let there: Vec<&str> = (all.iter().filter(|(_, path, _)| path.is_some()))
        .map(|(adapter, ..)| adapter.id.as_str())
        .collect();
    waits(&there);
    thread::scope(|scope| {
        let threads: Vec<_> = all
            .into_iter()
            .map(|(adapter, path, logins)| {
                let id = adapter.id.clone();
                (
                    id,
                    scope.spawn(move || one(adapter, path, logins, PATIENCE)),
                )
            })
            .collect();
        let joined = threads.into_iter().map(|(id, thread)| {
            // A thread that broke found nothing out.
            let program = thread.join().unwrap_or_else(|_| Program {
                id,
                ..Program::default()
            });
            told(&program);
            program
        });
        joined.collect()
    })
}

fn one(
    adapter: &Adapter,
    path: Option<PathBuf>,
    credentials: Vec<String>,
    patience: Patience,
) -> Program {
    let mut program = Program {
        id: adapter.id.clone(),
        title: adapter.title.clone(),
        starts: adapter.program.clone(),
        known: adapter.check.known.clone(),
        credentials,
        ..Program::default()
    };
    // It is started elsewhere.
    let Some(path) = path.and_then(|path| std::path::absolute(path).ok()) else {
        return program;
    };
    let began = Instant::now();
    let left = || patience.limit.saturating_sub(began.elapsed());
    if !adapter.check.version.is_empty() {
        match ask(&path, &adapter.check.version, adapter, left()) {
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
            Err(Silence::Late) => program.late = true,
            Err(Silence::Failed(why)) => program.problem(
                format!("its version: {why}"),
                format!(
                    "start `{} {}` yourself: it may have to be installed again",
                    adapter.program,
                    adapter.check.version.join(" ")
                ),
            ),
        }
    }
    if !adapter.check.help.is_empty() && program.problems.is_empty() && !program.late {
        match ask(&path, &adapter.check.help, adapter, left()) {
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
            Err(Silence::Late) => program.late = true,
            Err(Silence::Failed(why)) => program.problem(
                format!("its help: {why}"),
                format!(
                    "start `{} {}` yourself",
                    adapter.program,
                    adapter.check.help.join(" ")
                ),
            ),
        }
    }
    let took = began.elapsed();
    program.slow = (program.late || took > patience.slow).then_some(took);
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
                says: format!("`{}` is not in PATH", self.starts),
                remedy: None,
                slow: false,
            };
        };
        let mut says = match &self.version {
            Some(version) if *version == self.known => format!("version {version}"),
            Some(version) => format!("version {version} (known with {})", self.known),
            None => "version unknown".to_owned(),
        };
        let _ = write!(says, ", {}", path.display());
        if !self.credentials.is_empty() {
            let _ = write!(says, "; logged in by {}", self.credentials.join(", "));
        }
        if let Some(slow) = self.slow {
            let _ = write!(says, "; slow to answer ({} s)", slow.as_secs());
            if self.late {
                says.push_str(", and was not waited for");
            }
        }
        for (what, _) in &self.problems {
            let _ = write!(says, "; {what}");
        }
        let mut remedies: Vec<&str> = self.problems.iter().map(|(_, r)| r.as_str()).collect();
        if self.late {
            remedies.push("ask again when the machine is less busy");
        }
        let well = self.problems.is_empty();
        Finding {
            what: self.id.clone(),
            well: if well && self.late { None } else { Some(well) },
            slow: well && self.late,
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
            "id": self.id, "title": self.title, "program": self.starts,
            "path": self.path.as_ref().map(|p| p.to_string_lossy()),
            "version": self.version, "known": self.known,
            "slow_s": self.slow.map(|slow| slow.as_secs()), "answers": !self.late,
            "missing_flags": self.missing_flags, "credentials": self.credentials,
            "problems": problems,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, patience: Patience) -> Program {
        let mut adapter = Adapter {
            id: "x".to_owned(),
            ..Adapter::default()
        };
        adapter.check.version = vec!["-c".to_owned(), script.to_owned()];
        one(&adapter, Some("/bin/sh".into()), Vec::new(), patience)
    }

    #[test]
    fn a_program_that_is_slow_is_not_missing() {
        let long = Duration::from_mins(1);
        let impatient = Patience {
            limit: Duration::from_millis(50),
            slow: long,
        };
        let late = sh("exec sleep 600", impatient).finding();
        assert_eq!((late.well, late.slow), (None, true));
        assert!(late.says.contains("slow to answer (0 s)"), "{}", late.says);
        assert!(late.remedy.is_some());
        let slow = Patience {
            limit: long,
            slow: Duration::ZERO,
        };
        let slow = sh("echo 1.2", slow).finding();
        assert_eq!(
            (slow.well, slow.slow, slow.remedy),
            (Some(true), false, None)
        );
        assert!(slow.says.starts_with("version 1.2"), "{}", slow.says);
        assert!(slow.says.contains("slow to answer (0 s)"), "{}", slow.says);
        let quick = Patience {
            limit: long,
            slow: long,
        };
        assert!(!sh("echo 1.2", quick).finding().says.contains("slow"));
    }
}
