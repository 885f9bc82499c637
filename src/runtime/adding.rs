//! What a person wants to add to the run: read and checked as the plan was, before the loop sees it.
//!
//! On a thread of its own, one after the other, so that each sees what the one before has added. Must not
//! touch the state: whether an addition may come is the engine's word.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    agents::Catalog,
    context::redact::Redactor,
    display::clean_line,
    engine::{Addition, Extension, Setup},
    plan::{
        self, Agent, LoadOptions, Plan, Work,
        addition::{Ground, has_worker},
        list::{Beside, Ids, Known, Otherwise, of_lines, of_words, tables},
    },
    sys::lock::private_dir,
};

use super::{
    current::Current,
    jobs,
    prepare::{RunConfig, SOURCE, refusals},
    work,
};

/// Agents that are added at once, at most.
const MOST: usize = 1000;
/// Bytes of all their prompts, at most: they stand in one record, which every client gets as one frame.
const LONGEST: usize = 4 << 20;
/// Longest text of a refusal, in characters.
const REFUSAL: usize = 4000;

/// Reads what is to be added to one run.
#[derive(Clone)]
pub(super) struct Adding {
    dir: PathBuf,
    config: Arc<RunConfig>,
    pub current: Current,
    redactor: Redactor,
}

/// What programs leave in workspaces, asked for when the first is made: by then another may have come.
pub(super) fn leaves(current: &Current) -> Box<dyn Fn() -> Vec<String> + Send + Sync> {
    let current = current.clone();
    Box::new(move || jobs::leaves(&current.get()))
}

impl Adding {
    /// Reads for the run in a folder.
    pub fn new(dir: &Path, config: &RunConfig, current: &Current, redactor: &Redactor) -> Self {
        Self {
            dir: dir.to_owned(),
            config: Arc::new(config.clone()),
            current: current.clone(),
            redactor: redactor.clone(),
        }
    }

    /// Makes agents of what a person wrote.
    ///
    /// # Errors
    /// What is wrong with it, for that person.
    pub fn read(&self, wanted: &Addition) -> Result<Extension, String> {
        if self.config.rehearsal {
            return Err("a rehearsal plays its plan as it is: nothing is added to it".to_owned());
        }
        let setup = self.current.get();
        let catalog = self.config.catalog()?;
        let (source, vars) = self.source()?;
        let text = if wanted.tables.is_empty() {
            let clean = |text: &str| self.redactor.clean(text);
            written(wanted, &setup.plan, &catalog, &source, &clean)?
        } else {
            wanted.tables.clone()
        };
        let options = LoadOptions {
            file_name: "plan.toml".to_owned(),
            vars,
            only: None,
            catalog: Some(catalog.clone()),
            recorded: false,
            models: setup.plan.models.clone(),
        };
        let ground = Ground {
            source: &source,
            options: &options,
            plan: &setup.plan,
            words: wanted.tables.is_empty(),
        };
        let added = plan::addition::read(&ground, &text, &mut |path| {
            let file = wanted.files.get(path).cloned();
            file.ok_or_else(|| "it was not sent with the tables".to_owned())
        })?;
        if added.agents.len() > MOST {
            return Err(format!(
                "{} agents at once are more than {MOST}",
                added.agents.len()
            ));
        }
        if let Some(why) = too_long(&added.agents) {
            return Err(why);
        }
        let refused = refusals(&added.alone, &self.config, "added");
        if !refused.is_empty() {
            return Err(refused.join("\n"));
        }
        self.place(&setup, &added.alone)?;
        // The folder for drafts of hand-offs is there only where somebody waited for one.
        private_dir(&work::drafts(&self.dir)).map_err(|error| error.to_string())?;
        added
            .agents
            .iter()
            .try_for_each(|agent| self.secret(agent))?;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Extension {
            first: count(setup.plan.agents.len()),
            first_worker: count(setup.plan.workers.len()),
            workers: added.workers,
            agents: added.agents,
            passed: Vec::new(),
        })
    }

    /// The plan's text with its defaults, and the variables that it was read with.
    fn source(&self) -> Result<(String, std::collections::BTreeMap<String, String>), String> {
        let read = |name: &str| fs::read_to_string(self.dir.join(name));
        if let Ok(source) = read(SOURCE) {
            return Ok((source, self.config.set.clone()));
        }
        let plan = read("plan.toml");
        let plan = plan.map_err(|error| format!("the run's plan cannot be read: {error}"))?;
        Ok((plan, std::collections::BTreeMap::new()))
    }

    /// The first workspaces of a run that began without one need what a run with them begins with.
    fn place(&self, setup: &Setup, alone: &Plan) -> Result<(), String> {
        if setup.integrates {
            return Ok(());
        }
        let workdir = PathBuf::from(&self.config.workdir);
        let place = work::base(alone, &workdir).map_err(|error| error.to_string())?;
        if place.is_some() && self.config.state_folder.is_empty() {
            return Err(
                "workspaces lie in $XDG_STATE_HOME or below $HOME, and this run was started with neither"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Commands are recorded as they are run: a secret in one would be recorded too.
    fn secret(&self, agent: &Agent) -> Result<(), String> {
        let needs = agent.needs.iter().flat_map(|need| &need.check);
        let own = match &agent.work {
            Work::Command(argv) => Some(argv),
            _ => None,
        };
        let mut words = own.into_iter().chain(&agent.check).chain(needs).flatten();
        if words.any(|word| self.redactor.clean(word) != *word) {
            return Err(format!(
                "a command of `{}` holds what looks like a secret, and would be recorded with it: let the command read it from the environment or a file",
                agent.id
            ));
        }
        Ok(())
    }
}

/// Why the prompts of agents are too long to be recorded at once. Many agents may name one long file.
fn too_long(agents: &[Agent]) -> Option<String> {
    let prompts = agents.iter().map(|agent| match &agent.work {
        Work::Prompt(prompt) => prompt.len(),
        _ => 0,
    });
    let bytes: usize = prompts.sum();
    (bytes > LONGEST).then(|| {
        format!(
            "the prompts of what is added have {bytes} bytes together, more than {LONGEST}: add fewer at once, or let the agents read the file"
        )
    })
}

/// The tables of what was written in words.
fn written(
    wanted: &Addition,
    plan: &Plan,
    catalog: &Catalog,
    source: &str,
    clean: &dyn Fn(&str) -> String,
) -> Result<String, String> {
    let workers: Vec<&str> = plan.workers.iter().map(|w| w.name.as_str()).collect();
    let tracks: Vec<&str> = plan.tracks.iter().map(|t| t.id.as_str()).collect();
    let otherwise = match (&wanted.worker, workers.first()) {
        (Some(worker), _) => Otherwise::Worker(worker),
        _ if has_worker(source, wanted.track.as_deref()) => Otherwise::Plan,
        (None, Some(worker)) => Otherwise::Worker(worker),
        (None, None) => Otherwise::Nobody("the run has none: write `claude: …`"),
    };
    let known = Known {
        catalog,
        workers: &workers,
        tracks: &tracks,
        otherwise,
    };
    let items = if wanted.command.is_empty() {
        of_lines(&wanted.lines, &known).map_err(|why| match why.split_once(": ") {
            // The only line has no number for whoever wrote it.
            Some((_, why)) if wanted.lines.lines().count() == 1 => why.to_owned(),
            _ => why,
        })?
    } else {
        of_words(&wanted.command, &known).map_err(|wrong| match wrong.help {
            Some(help) => format!("{}: {help}", wrong.message),
            None => wrong.message,
        })?
    };
    match items.len() {
        0 => return Err("there is nothing to add: write `claude: what is to be done`".to_owned()),
        1 => {}
        n if n > MOST => return Err(format!("{n} agents at once are more than {MOST}")),
        _ if wanted.id.is_some() => return Err("an id is for one agent".to_owned()),
        _ => {}
    }
    let mut ids = Ids::beside(plan.agents.iter().map(|agent| agent.id.as_str()));
    let beside = Beside {
        id: wanted.id.as_deref(),
        track: wanted.track.as_deref(),
        phase: wanted.phase.as_deref(),
        ram: wanted.ram.as_deref(),
        after: &wanted.after,
    };
    Ok(tables(&items, &mut ids, &beside, clean).0)
}

/// A refusal as it goes to a client: clean, its lines kept.
pub(super) fn said(why: &str) -> String {
    let lines = why.lines().map(|line| clean_line(line, 400));
    let mut text = lines.collect::<Vec<_>>().join("\n");
    if text.chars().count() > REFUSAL {
        text = text.chars().take(REFUSAL).collect();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_that_are_too_long_for_one_record_are_refused() {
        let mut agent = crate::graph::random::agent("a", 1, 1);
        agent.work = Work::Prompt("x".repeat(LONGEST / 10));
        assert_eq!(too_long(&vec![agent.clone(); 10]), None);
        let why = too_long(&vec![agent; 11]).unwrap();
        assert!(why.contains("add fewer at once"), "{why}");
    }
}
