//! From the engine's job keys to processes of the executor, and from its reports to inputs.
//!
//! Must not decide: it only knows which command line belongs to which key.

mod files;
mod full;
mod launch;
mod place;
mod prompt;
mod speak;
mod told;

use std::path::{Path, PathBuf};

use crate::{
    agents::Adapter,
    engine::{self, MERGE_GATE, Setup, State},
    executor::{self, Boundary, Job, JobKind, JobTerminal},
    plan::{Agent, AgentIx, Argv, PhaseIx, Plan, When, Work, Worker},
};

use super::{guard::program, leases::Shims, prepare::RunConfig, reports, work::draft};
pub use full::Measured;
pub use launch::leaves;
pub use place::{context_file, index_path, output_path};
pub use speak::{heard, message, reply};
pub use told::input;

/// Makes jobs of one run.
#[derive(Debug, Clone)]
pub struct JobMaker {
    /// Folder that agents work in.
    pub workdir: PathBuf,
    /// The run's folder.
    pub run_dir: PathBuf,
    /// This program, for simulated agents, where it was at the beginning.
    pub program: String,
    /// The commands that wait for memory inside of agents, where there are some.
    pub shims: Option<Shims>,
    /// What boundaries have in common.
    pub bounds: Bounds,
    /// Tokens that a prompt may have at most, where the plan says nothing else.
    pub context_cap: u32,
    /// What prompts are measured against.
    pub measured: Measured,
}

/// What the boundaries of all jobs of a run have in common.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Whether the kernel is to keep them where it can.
    pub enforce: bool,
    /// Caches, and what a person has listed.
    pub may_write: Vec<PathBuf>,
}

impl Bounds {
    /// Takes them from what is in force; `env` reads the environment that jobs get.
    #[must_use]
    pub fn new(config: &RunConfig, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let home = env("HOME").map(PathBuf::from);
        let listed = config.sandbox_write.iter().filter_map(|place| {
            match (place.strip_prefix("~/"), &home) {
                (Some(rest), Some(home)) => Some(home.join(rest)),
                (Some(_), None) => None,
                (None, _) => Some(PathBuf::from(place)),
            }
        });
        let mut may_write = executor::boundary::caches(env);
        may_write.extend(listed);
        Self {
            enforce: config.sandbox_enforce,
            may_write,
        }
    }

    /// The boundary of a job of this plan around the folder that it works in.
    #[must_use]
    pub fn around(&self, plan: &Plan, workspace: &Path, temporary: PathBuf) -> Boundary {
        Boundary {
            enforce: self.enforce,
            required: plan.require_sandbox,
            ..Boundary::around(workspace, Some(temporary), self.may_write.clone())
        }
    }
}

impl JobMaker {
    /// Tokens that the prompt of an agent may have at most.
    fn cap(&self, agent: &Agent) -> u32 {
        agent.context_cap.unwrap_or(self.context_cap)
    }

    /// Makes the job of a key.
    ///
    /// # Errors
    /// A sentence that says why there is nothing to run.
    pub fn job(&self, state: &State, key: engine::JobKey, mode: u32) -> Result<Job, String> {
        let spoken = Self::spoken(state, key, mode)?;
        let job = self.made(state, key, mode);
        let mut job = job.ok_or_else(|| "nothing to run".to_owned())?;
        if let (engine::Owner::Agent(ix), Some((worker, adapter))) = (key.owner, spoken) {
            self.speak(state, ix, (worker, adapter), &mut job)?;
        }
        // Checks have memory of their own.
        if let (Some(shims), None) = (&self.shims, key.check) {
            shims.before(&mut job);
        }
        Ok(job)
    }

    /// The agent program that a key's job is, if it is one.
    fn spoken(
        state: &State,
        key: engine::JobKey,
        mode: u32,
    ) -> Result<Option<(&Worker, &Adapter)>, String> {
        let (engine::Owner::Agent(ix), None) = (key.owner, key.check) else {
            return Ok(None);
        };
        match Self::adapter(state, ix, mode) {
            Some((worker, adapter)) => Ok(Some((worker, adapter?))),
            None => Ok(None),
        }
    }

    fn made(&self, state: &State, key: engine::JobKey, mode: u32) -> Option<Job> {
        let name = executor_key(&state.setup, key)?;
        let cwd = place::folder(state, key, &self.workdir);
        let told = place::env(state, key, &cwd, &self.run_dir);
        if let Some(step) = key.check {
            let steps = state.checks_of(key.owner);
            let step = steps.get(step as usize)?;
            return Some(Job {
                output: self
                    .run_dir
                    .join("gates")
                    .join(place::file_name(state, key)),
                key: name,
                argv: step.argv.to_vec(),
                env_extra: told,
                env_unset: Vec::new(),
                stdin: None,
                prompt: None,
                watch_outputs: Vec::new(),
                speaks: None,
                terminal: None,
                boundary: self.boundary(state, key, &cwd),
                setup: place::before_check(state, key),
                setup_once: Some(cwd.join(place::SET_UP)),
                cwd,
            });
        }
        let engine::Owner::Agent(ix) = key.owner else {
            return None;
        };
        let agent = state.setup.plan.agent(ix);
        let argv = self.command(state, ix, mode)?;
        // A person types into its session.
        let opened = state.agent(ix).opened();
        let prompted = matches!(agent.work, Work::Prompt(_)) && !opened;
        let output = output_path(&self.run_dir, agent.id.as_str(), key.attempt);
        let terminal = (opened || agent.in_terminal(mode)).then(|| JobTerminal {
            index: index_path(&output),
            prompt: context_file(&self.run_dir, agent.id.as_str(), key.attempt),
        });
        let mut env_extra = vec![(
            reports::STATUS_FILE.to_owned(),
            reports::file(&self.run_dir, agent.id.as_str(), key.attempt)
                .display()
                .to_string(),
        )];
        env_extra.extend(told);
        let draft = state.setup.may_hand_off(ix).then(|| {
            let path = draft(&self.run_dir, agent.id.as_str(), key.attempt);
            env_extra.push((place::HANDOFF.to_owned(), path.display().to_string()));
            path
        });
        let note = place::note(key.attempt, agent.id.as_str(), &self.run_dir);
        if let Some(path) = &note {
            env_extra.push((place::NOTE.to_owned(), path.display().to_string()));
        }
        let text = context_file(&self.run_dir, agent.id.as_str(), key.attempt);
        if let Some(terminal) = &terminal {
            env_extra.extend(TERMINAL_ENV.map(|(n, v)| (n.to_owned(), v.to_owned())));
            if prompted {
                // The keyboard is its standard input.
                let path = terminal.prompt.to_str()?.to_owned();
                env_extra.push((PROMPT_FILE.to_owned(), path));
            }
        }
        Some(Job {
            output,
            key: name,
            argv,
            env_extra,
            env_unset: Vec::new(),
            terminal,
            stdin: None,
            prompt: prompted
                .then(|| prompt::gather(state, ix, mode, &cwd, &self.run_dir, note, &self.measured))
                .map(|gathered| gathered.within(self.cap(agent)).maker(text)),
            watch_outputs: watched(&state.setup, ix)
                .iter()
                .map(|path| cwd.join(path))
                .chain(draft.clone())
                .collect(),
            boundary: self.boundary(state, key, &cwd).map(|boundary| Boundary {
                files: std::iter::once(reports::file(
                    &self.run_dir,
                    agent.id.as_str(),
                    key.attempt,
                ))
                .chain(draft)
                .collect(),
                ..boundary
            }),
            cwd,
            speaks: None,
            // Where it goes on, that was done.
            setup: if state.setup.own(ix) && state.agent(ix).home() == key.attempt {
                state.setup.plan.workspace.setup.clone()
            } else {
                Vec::new()
            },
            setup_once: None,
        })
    }

    /// The boundary of a job: around its workspace or checkout; around the repository itself only
    /// where the plan requires one.
    fn boundary(&self, state: &State, key: engine::JobKey, folder: &Path) -> Option<Boundary> {
        let plan = &state.setup.plan;
        let own = folder != self.workdir;
        (own || plan.require_sandbox).then(|| {
            let mut name = place::file_name(state, key);
            if key.check.is_none() {
                name.push_str(".main");
            }
            let temporary = self.run_dir.join("tmp").join(name);
            Boundary {
                made: place::opened(state, key, &self.run_dir),
                ..self.bounds.around(plan, folder, temporary)
            }
        })
    }

    fn command(&self, state: &State, ix: AgentIx, mode: u32) -> Option<Argv> {
        let plan = &state.setup.plan;
        let agent = plan.agent(ix);
        match &agent.work {
            Work::Command(argv) => Some(argv.clone()),
            Work::Sim(sim) => {
                let json = serde_json::to_string(sim).ok()?;
                // Its file may have been replaced or removed since.
                let argv = vec![
                    program().unwrap_or_else(|_| self.program.clone()),
                    executor::simulate::SUBCOMMAND.to_owned(),
                    json,
                ];
                Some(argv)
            }
            Work::Prompt(_) => {
                let worker = agent.modes.get(mode as usize)?.worker?;
                let worker = &plan.workers[worker.ix()];
                match &worker.cli {
                    // Its adapter knows how it is started.
                    Some(cli) => Some(vec![cli.clone()]),
                    None => worker.run.clone(),
                }
            }
            Work::Group => None,
        }
    }
}

/// What programs are told of the terminal that they run in.
const TERMINAL_ENV: [(&str, &str); 2] = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];
/// Names the file that holds the prompt of an agent in a terminal.
const PROMPT_FILE: &str = "WAVEDECK_PROMPT_FILE";

/// Output files of an agent that conditions of others ask for.
#[must_use]
pub fn watched(setup: &Setup, ix: AgentIx) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for edge in &setup.edges_out[ix.ix()] {
        if let engine::EdgeKind::Need(When::Output(path)) = &edge.kind
            && !paths.contains(path)
        {
            paths.push(path.clone());
        }
    }
    paths
}

/// Translates an engine's key for the executor.
#[must_use]
pub fn executor_key(setup: &Setup, key: engine::JobKey) -> Option<executor::JobKey> {
    let owner = match key.owner {
        engine::Owner::Agent(ix) => executor::Owner::Agent(setup.plan.agent(ix).id.clone()),
        engine::Owner::Phase(ix) => executor::Owner::Phase(setup.plan.phases[ix.ix()].id.clone()),
        owner @ engine::Owner::Cohort(_) => executor::Owner::Cohort(setup.key_of(owner)),
    };
    let kind = match key.check {
        None => JobKind::Main,
        Some(index) => {
            let steps = setup.checks_of(key.owner);
            JobKind::Check {
                // What a rule of [merge] runs comes after an agent's own.
                gate: steps
                    .get(index as usize)
                    .map_or(MERGE_GATE, |step| step.gate)
                    .to_owned(),
                index,
                round: key.round,
            }
        }
    };
    Some(executor::JobKey {
        owner,
        attempt: key.attempt,
        kind,
    })
}

/// Translates an executor's key for the engine.
#[must_use]
pub fn engine_key(setup: &Setup, key: &executor::JobKey) -> Option<engine::JobKey> {
    let owner = match &key.owner {
        executor::Owner::Agent(id) => engine::Owner::Agent(*setup.by_id.get(id)?),
        executor::Owner::Phase(id) => engine::Owner::Phase(PhaseIx::of(
            setup.plan.phases.iter().position(|p| p.id == *id)?,
        )),
        executor::Owner::Cohort(key) => engine::Owner::Cohort(setup.cohort_ix(key)?),
        executor::Owner::Notice => return None,
    };
    let (check, round) = match &key.kind {
        JobKind::Main => (None, 1),
        JobKind::Check { index, round, .. } => (Some(*index), *round),
    };
    Some(engine::JobKey {
        owner,
        attempt: key.attempt,
        check,
        round,
    })
}
