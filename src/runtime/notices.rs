//! Telling a person that something waits: the command that the configuration names.
//!
//! One at a time, with a time limit, from a queue that does not grow: it never holds anything up.
//! It is told once; after a crash nothing is told again. Must not decide what is worth telling, and
//! hands on no foreign text that is not clean.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    display::clean_line,
    engine::{Item, State},
    executor::{self, Job, JobKey, Report},
};

/// Notices that wait for the one before them; what comes then is left out.
const WAITING: usize = 64;
/// Time between TERM and KILL for a command that takes too long.
const GRACE: Duration = Duration::from_secs(1);
/// Longest text that is handed on, in columns.
const LONGEST: usize = 500;

/// What follows from a report or from something new.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// To be started.
    pub start: Option<Job>,
    /// What went wrong, the first time that anything does.
    pub trouble: Option<String>,
}

/// The notices of a run.
#[derive(Debug, Default)]
pub(super) struct Notices {
    argv: Vec<String>,
    limit: Duration,
    run_dir: PathBuf,
    workdir: PathBuf,
    waiting: VecDeque<Job>,
    live: Option<Live>,
    told: bool,
}

#[derive(Debug)]
struct Live {
    key: JobKey,
    until: Instant,
    late: bool,
}

impl Notices {
    /// Makes the notices of a run; without a command nobody is told.
    pub fn new(argv: Vec<String>, limit: Duration, run_dir: &Path, workdir: &Path) -> Self {
        Self {
            argv,
            limit,
            run_dir: run_dir.to_owned(),
            workdir: workdir.to_owned(),
            ..Self::default()
        }
    }

    /// Whether nothing is being told and nothing waits to be.
    pub fn idle(&self) -> bool {
        self.live.is_none() && self.waiting.is_empty()
    }

    /// When the one that runs has taken too long.
    pub fn deadline(&self) -> Option<Instant> {
        let live = self.live.as_ref().filter(|live| !live.late)?;
        Some(live.until)
    }

    /// Something waits for a person.
    pub fn tell(&mut self, state: &State, id: u32, now: Instant) -> Step {
        let item = state.attention.open.values().find(|item| item.id == id);
        let (Some(item), false) = (item, self.argv.is_empty()) else {
            return Step::default();
        };
        if self.waiting.len() >= WAITING {
            let text = "too many at once: some were not told".to_owned();
            return self.failed(text);
        }
        let job = self.job(state, item);
        self.waiting.push_back(job);
        self.next(now)
    }

    /// Takes a report about a notice; none: it is about something else.
    pub fn report(&mut self, report: &Report, now: Instant) -> Option<Step> {
        let key = key_of(report).filter(|key| key.owner == executor::Owner::Notice)?;
        let wrong = match report {
            Report::SpawnFailed { error, .. } => Some(error.clone()),
            Report::Ended { exit, .. } => match exit {
                executor::Exit::Code(0) => None,
                executor::Exit::Code(code) => Some(format!("exit status {code}")),
                executor::Exit::Signal { name, .. } => Some(format!("ended by {name}")),
                executor::Exit::Lost => Some("its exit status was lost".to_owned()),
            },
            _ => return Some(Step::default()),
        };
        let live = self.live.take_if(|live| live.key == *key);
        let late = live.is_some_and(|live| live.late);
        let wrong = wrong.map(|wrong| {
            if late {
                format!("it took longer than {} s", self.limit.as_secs())
            } else {
                wrong
            }
        });
        let mut step = self.next(now);
        if let Some(wrong) = wrong {
            step.trouble = self.failed(wrong).trouble;
        }
        Some(step)
    }

    /// Ends the one that takes too long.
    pub fn overdue(&mut self, now: Instant) -> Option<(JobKey, Duration)> {
        let live = self.live.as_mut().filter(|live| !live.late)?;
        if now < live.until {
            return None;
        }
        live.late = true;
        Some((live.key.clone(), GRACE))
    }

    fn next(&mut self, now: Instant) -> Step {
        if self.live.is_some() {
            return Step::default();
        }
        let Some(job) = self.waiting.pop_front() else {
            return Step::default();
        };
        self.live = Some(Live {
            key: job.key.clone(),
            until: now + self.limit,
            late: false,
        });
        Step {
            start: Some(job),
            ..Step::default()
        }
    }

    fn failed(&mut self, text: String) -> Step {
        let first = !std::mem::replace(&mut self.told, true);
        Step {
            trouble: first.then_some(text),
            ..Step::default()
        }
    }

    fn job(&self, state: &State, item: &Item) -> Job {
        let who = match item.owner {
            Some(owner) => state.setup.key_of(owner),
            None => "run".to_owned(),
        };
        let clean = |text: &str| clean_line(text, LONGEST);
        let waiting = state.attention.open.len();
        let answers: Vec<&str> = item.answers().iter().map(|a| a.name()).collect();
        let gate = item.gate.as_deref().map(clean);
        let json = serde_json::json!({
            "run": state.run, "plan": clean(&state.setup.plan.name), "id": item.id,
            "attention": item.kind.name(), "who": clean(&who), "gate": gate,
            "title": clean(&item.title), "since_us": item.since_us, "answers": answers,
            "waiting": waiting,
        });
        // It is the person's own command: what agents do not get (a bus, a display, a token of a chat)
        // is what it needs.
        let mut env: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| !name.starts_with("WAVEDECK_"))
            .collect();
        let own = [
            ("ID", item.id.to_string()),
            ("KIND", item.kind.name().to_owned()),
            ("WHO", clean(&who)),
            ("GATE", gate.unwrap_or_default()),
            ("TITLE", clean(&item.title)),
            ("PLAN", clean(&state.setup.plan.name)),
            ("ANSWERS", answers.join(" ")),
            ("WAITING", waiting.to_string()),
        ];
        env.extend(own.map(|(name, value)| (format!("WAVEDECK_ATTENTION_{name}"), value)));
        Job {
            key: JobKey {
                owner: executor::Owner::Notice,
                attempt: item.id,
                kind: executor::JobKind::Main,
            },
            argv: self.argv.clone(),
            env_extra: env,
            env_unset: Vec::new(),
            cwd: self.workdir.clone(),
            stdin: Some(format!("{json}\n").into_bytes()),
            prompt: None,
            output: self.run_dir.join("notify").join(item.id.to_string()),
            watch_outputs: Vec::new(),
            speaks: None,
            terminal: None,
            boundary: None,
            setup: Vec::new(),
            setup_once: None,
        }
    }
}

const fn key_of(report: &Report) -> Option<&JobKey> {
    match report {
        Report::Spawned { key, .. }
        | Report::SpawnFailed { key, .. }
        | Report::Heard { key, .. }
        | Report::Ended { key, .. }
        | Report::Frozen { key, .. }
        | Report::Thawed { key, .. }
        | Report::Escalated { key, .. }
        | Report::Survives { key, .. }
        | Report::OutputFailed { key, .. } => Some(key),
        Report::Stopped => None,
    }
}
