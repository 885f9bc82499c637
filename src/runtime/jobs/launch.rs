//! How an agent program is started for an attempt: fresh, or going on with its session.
//!
//! Must not decide whether it goes on: the state says so.

use std::{path::PathBuf, sync::Arc};

use crate::{
    agents::{Adapter, Catalog, Launch, Prompt, Start, Used, Wanted, session_name},
    engine::{AgentState, Cause, State, Talk},
    executor::Speaks,
    plan::{AgentIx, Worker},
};

use super::JobMaker;

/// What a program is told that goes on without a message.
const GO_ON: &str = "You were interrupted. Look at what is there already, and go on with the task.";
/// What a program is told that takes over the session under another model.
const SWAPPED: &str =
    "Another model takes over this conversation. Go on with the task where it stands.";
/// What a program is told that takes over another one's work.
const TAKES_OVER: &str = "Another program has begun this task in this folder and was ended. Look at what it has \
                          done (`git log`, `git status`, `git diff`) and finish the task.";

/// An agent program, ready to be started.
pub(super) struct Launched {
    pub launch: Launch,
    pub speaks: Speaks,
    /// Where it may write beside its workspace.
    pub writes: Vec<PathBuf>,
    /// Variables that it gets beside those that every agent gets.
    pub env: Vec<(String, String)>,
}

impl JobMaker {
    /// The worker that does an agent in a mode, and its adapter, where it is an agent program.
    pub(super) fn adapter<'a>(
        &'a self,
        state: &'a State,
        ix: AgentIx,
        mode: u32,
    ) -> Option<(&'a Worker, Result<&'a Adapter, String>)> {
        let plan = &state.setup.plan;
        let worker = plan.agent(ix).modes.get(mode as usize)?.worker?;
        let worker = &plan.workers[worker.ix()];
        let cli = worker.cli.as_deref()?;
        let catalog = self.catalog.get_or_init(|| Catalog::built_in().clone());
        let adapter = catalog.get(cli);
        Some((
            worker,
            adapter.ok_or_else(|| format!("there is no adapter for `{cli}`")),
        ))
    }

    /// How it is started; `prompt` is the whole prompt, `folder` where it works, `bounded` whether the kernel
    /// keeps it within its boundary.
    pub(super) fn launched(
        &self,
        state: &State,
        ix: AgentIx,
        (worker, adapter): (&Worker, &Adapter),
        (prompt, prompt_file): (&str, &str),
        (folder, bounded): (&str, bool),
    ) -> Result<Launched, String> {
        let agent = state.agent(ix);
        let plan = state.setup.plan.agent(ix);
        let talk = agent.talk.as_deref();
        let session = talk.and_then(|talk| gone_on_with(talk, &adapter.id));
        let chosen = session_name(&state.run, plan.id.as_str(), agent.attempt);
        let (start, name, text) = match session {
            Some(session) if adapter.resumes() => (Start::Resume, session, next_turn(agent, talk)),
            _ => (Start::Fresh, chosen.as_str(), first_turn(prompt, talk)),
        };
        let wanted = Wanted {
            start,
            prompt: &text,
            prompt_file,
            model: worker.model.as_deref(),
            session: name,
            ask: plan.ask,
            folder,
            bounded,
        };
        let launch = adapter.launch(&wanted)?;
        let before = match start {
            Start::Fresh => Used::default(),
            Start::Resume => talk.map_or_else(Used::default, |talk| talk.of_session),
        };
        let env = |name: &str| std::env::var(name).ok();
        let driver = {
            let adapter = adapter.clone();
            Arc::new(move || adapter.driver_after(before))
        };
        Ok(Launched {
            speaks: Speaks {
                program: adapter.id.clone(),
                driver,
                open: launch.open,
            },
            writes: adapter
                .places(&env)
                .into_iter()
                .map(PathBuf::from)
                .collect(),
            env: passed(&launch),
            launch,
        })
    }

    /// Whether it reads its prompt from a file.
    pub(super) fn from_file(adapter: &Adapter) -> bool {
        adapter.prompt == Prompt::File
    }
}

/// The session that an attempt goes on with.
fn gone_on_with<'a>(talk: &'a Talk, program: &str) -> Option<&'a str> {
    let session = talk.session.as_ref().filter(|_| talk.went_on)?;
    (session.program == program).then_some(session.id.as_str())
}

/// What a session is told next: the messages that wait, else why it goes on.
fn next_turn(agent: &AgentState, talk: Option<&Talk>) -> String {
    let told = talk.map(messages).unwrap_or_default();
    if !told.is_empty() {
        return told;
    }
    match talk.and_then(|talk| talk.why) {
        Some(Cause::Swap) => SWAPPED.to_owned(),
        _ => {
            let why = agent.reason.as_deref().unwrap_or_default();
            if why.is_empty() {
                GO_ON.to_owned()
            } else {
                format!("{GO_ON}\n\nWhat happened: {why}")
            }
        }
    }
}

/// What a program is told that begins: the whole prompt, that somebody was there before it, and the
/// messages that wait.
fn first_turn(prompt: &str, talk: Option<&Talk>) -> String {
    let mut text = prompt.to_owned();
    let Some(talk) = talk else { return text };
    if talk.went_on {
        text.push_str("\n\n");
        text.push_str(TAKES_OVER);
    }
    let told = messages(talk);
    if !told.is_empty() {
        text.push_str("\n\n");
        text.push_str(&told);
    }
    text
}

/// The messages that an attempt begins with.
fn messages(talk: &Talk) -> String {
    let carried = talk
        .messages
        .iter()
        .filter(|m| talk.carried.contains(&m.number));
    let texts: Vec<&str> = carried.map(|message| message.text.as_str()).collect();
    texts.join("\n\n")
}

/// The variables that a program gets beside those that every agent gets.
fn passed(launch: &Launch) -> Vec<(String, String)> {
    let wanted = |name: &str| {
        launch.pass.iter().any(|pass| match pass.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == pass,
        }) && !launch.unset.iter().any(|unset| unset == name)
    };
    let mut env: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| wanted(name))
        .collect();
    env.sort();
    env.extend(launch.env.clone());
    env
}
