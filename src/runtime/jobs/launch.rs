//! How an agent program is started for an attempt: fresh, or going on with its session.
//!
//! Must not decide whether it goes on: the state says so.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use crate::{
    agents::{Adapter, Start, Used, Wanted, session_name},
    engine::{AgentState, Boundary, Cause, Setup, State, Talk},
    executor::{Job, Made, Maker, Speaks, Unmade},
    plan::{AgentIx, Model, Worker},
};

use super::{JobMaker, context_file, prompt};

/// What a program is told that goes on without a message.
const GO_ON: &str = "You were interrupted. Look at what is there already, and go on with the task.";
/// What a program is told that takes over the session under another model.
const SWAPPED: &str =
    "Another model takes over this conversation. Go on with the task where it stands.";
/// What a program is told whose session a person has worked in.
const RETURNED: &str = "The operator has worked in this session and in these files, and hands it back to you. \
                        Look at what has changed, and go on with the task until it is done.";

impl JobMaker {
    /// The worker that does an agent in a mode, and its adapter, where it is an agent program.
    pub(super) fn adapter(
        state: &State,
        ix: AgentIx,
        mode: u32,
    ) -> Option<(&Worker, Result<&Adapter, String>)> {
        let plan = &state.setup.plan;
        let worker = plan.agent(ix).modes.get(mode as usize)?.worker?;
        let worker = &plan.workers[worker.ix()];
        let cli = worker.cli.as_deref()?;
        let adapter = state.setup.adapters.get(cli);
        Some((
            worker,
            adapter.ok_or_else(|| format!("there is no adapter for `{cli}`")),
        ))
    }

    /// Makes a job with a terminal into a session that is opened there: a person types, nobody drives it.
    fn open(
        state: &State,
        ix: AgentIx,
        (worker, adapter): (&Worker, &Adapter),
        job: &mut Job,
    ) -> Result<(), String> {
        let agent = state.agent(ix);
        let session = (agent.talk.as_ref()).and_then(|talk| talk.session.as_ref());
        let session = session.ok_or_else(|| "there is no session to open".to_owned())?;
        // Admission may have chosen another worker since: the session is that of its program.
        let served = (worker.served).map(|model| &state.setup.plan.models[model.ix()]);
        let (adapter, model, served) = if session.program == adapter.id {
            (adapter, worker.model.as_deref(), served)
        } else {
            let theirs = state.setup.adapters.get(&session.program);
            let gone = || format!("there is no adapter for `{}`", session.program);
            (theirs.ok_or_else(gone)?, None, None)
        };
        let wanted = Wanted {
            start: Start::Resume,
            prompt: "",
            prompt_file: "",
            model: called(model, served),
            server: served.map(|model| model.url.as_str()),
            session: &session.id,
            ask: state.setup.plan.agent(ix).ask,
            folder: &job.cwd.display().to_string(),
            bounded: (agent.work.as_ref()).is_some_and(|w| w.level == Boundary::Enforced),
        };
        let launch = adapter.interactive(&wanted)?;
        let server_env = adapter.server_env(&wanted);
        around(adapter, job);
        job.env_extra.extend(server_env);
        job.argv = launch.argv;
        Ok(())
    }

    /// Makes a job with a prompt into the start of an agent program: fresh with that prompt, or going on
    /// with a session and what that is told next.
    pub(super) fn speak(
        &self,
        state: &State,
        ix: AgentIx,
        (worker, adapter): (&Worker, &Adapter),
        job: &mut Job,
    ) -> Result<(), String> {
        if state.agent(ix).opened() {
            return Self::open(state, ix, (worker, adapter), job);
        }
        if job.terminal.is_some() {
            return Err(format!(
                "{} is driven through its stream: leave `terminal` out",
                adapter.id
            ));
        }
        let agent = state.agent(ix);
        let plan = state.setup.plan.agent(ix);
        let talk = agent.talk.as_deref();
        let file = context_file(&self.run_dir, plan.id.as_str(), agent.attempt);
        let known = talk.and_then(|talk| gone_on_with(talk, &adapter.id));
        let known = known.filter(|_| adapter.resumes());
        let (start, session, before) = if let Some(session) = known {
            let (text, source) = next_turn(agent, talk);
            let turn = prompt::next_turn(&text, source, &job.cwd);
            job.prompt = Some(turn.within(self.cap(plan)).maker(file.clone()));
            let before = talk.map_or_else(Used::default, |talk| talk.of_session);
            (Start::Resume, session.to_owned(), before)
        } else {
            let name = session_name(&state.run, plan.id.as_str(), agent.attempt);
            (Start::Fresh, name, Used::default())
        };
        let bounded = (agent.work.as_ref()).is_some_and(|w| w.level == Boundary::Enforced);
        around(adapter, job);
        let served = worker
            .served
            .map(|model| &state.setup.plan.models[model.ix()]);
        let (model, server) = (
            called(worker.model.as_deref(), served).map(str::to_owned),
            served.map(|model| model.url.clone()),
        );
        job.env_extra.extend(adapter.server_env(&Wanted {
            start,
            prompt: "",
            prompt_file: "",
            model: model.as_deref(),
            server: server.as_deref(),
            session: &session,
            ask: plan.ask,
            folder: "",
            bounded,
        }));
        let driver = adapter.clone();
        job.speaks = Some(Speaks {
            program: adapter.id.clone(),
            driver: Arc::new(move || driver.driver_after(before)),
            stream: adapter.speaks(),
            open: adapter.stays_open(),
            limits: (
                Duration::from_micros(adapter.first_output_us),
                Duration::from_micros(adapter.no_progress_us),
            ),
        });
        let (adapter, ask) = (adapter.clone(), plan.ask);
        let (folder, file) = (job.cwd.display().to_string(), file.display().to_string());
        let Some(maker) = job.prompt.take() else {
            return Err("there is no prompt".to_owned());
        };
        job.prompt = Some(Maker::new(move |redactor| {
            let made = maker.make(redactor)?;
            let text = made.stdin.unwrap_or_default();
            let launch = adapter.launch(&Wanted {
                start,
                prompt: &String::from_utf8_lossy(&text),
                prompt_file: &file,
                model: model.as_deref(),
                server: server.as_deref(),
                session: &session,
                ask,
                folder: &folder,
                bounded,
            });
            let launch = launch.map_err(Unmade::Refused)?;
            Ok(Made {
                argv: Some(launch.argv),
                stdin: launch.stdin,
                size: made.size,
                redacted: made.redacted,
            })
        }));
        Ok(())
    }
}

/// What a worker's model is called: by its server, where one of the plan's holds it.
fn called<'a>(model: Option<&'a str>, served: Option<&'a Model>) -> Option<&'a str> {
    served.map_or(model, |served| Some(served.name.as_str()))
}

/// What a command is told of the model that it is to work with: where its server is, and the model's name there.
pub(super) fn model_env(state: &State, ix: AgentIx, mode: u32) -> Vec<(String, String)> {
    let plan = &state.setup.plan;
    let mode = plan.agent(ix).modes.get(mode as usize);
    let Some(model) = mode.and_then(|mode| plan.served(mode)) else {
        return Vec::new();
    };
    let model = &plan.models[model.ix()];
    let told = [
        ("WAVEDECK_MODEL", &model.name),
        ("WAVEDECK_MODEL_URL", &model.url),
    ];
    told.map(|(name, value)| (name.to_owned(), value.clone()))
        .to_vec()
}

/// Lets a program write where it keeps its state, and gives it its variables.
fn around(adapter: &Adapter, job: &mut Job) {
    let env = |name: &str| std::env::var(name).ok();
    let places = adapter.places(&env).into_iter();
    let writes: Vec<PathBuf> = places.map(PathBuf::from).collect();
    if let Some(boundary) = &mut job.boundary {
        // A program that is new here would have to make them, in a home that its boundary closes.
        for folder in writes.iter().filter(|path| path.extension().is_none()) {
            let _ = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        }
        if boundary.enforce {
            make_files(&adapter.made(&env));
        }
        boundary.may_write.extend(writes);
    }
    job.env_extra.extend(passed(adapter));
    job.env_unset.clone_from(&adapter.unset);
}

/// Makes the files that a program could not make within its boundary, open to this user alone. What is there, also as
/// a link, stays as it is; one that cannot be made stays closed.
fn make_files(files: &[(String, &str)]) {
    for (path, holds) in files {
        let new = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        if let Ok(mut file) = new {
            // An empty one would be worse than none.
            if file.write_all(holds.as_bytes()).is_err() {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// What the programs of a plan leave in their workspaces that is no part of the work: lines as in `.gitignore`.
pub fn leaves(setup: &Setup) -> Vec<String> {
    let mut all = Vec::new();
    for cli in setup.plan.workers.iter().filter_map(|w| w.cli.as_deref()) {
        if let Some(adapter) = setup.adapters.get(cli) {
            all.extend(adapter.leaves.iter().cloned());
        }
    }
    all.sort();
    all.dedup();
    all
}

/// The session that an attempt goes on with.
fn gone_on_with<'a>(talk: &'a Talk, program: &str) -> Option<&'a str> {
    let session = talk.session.as_ref().filter(|_| talk.went_on)?;
    (session.program == program).then_some(session.id.as_str())
}

/// What a session is told next, and where that comes from: the messages that wait, else why it goes on.
fn next_turn(agent: &AgentState, talk: Option<&Talk>) -> (String, &'static str) {
    let told = talk.map(messages).unwrap_or_default();
    if !told.is_empty() {
        return (told, "message");
    }
    let text = match talk.and_then(|talk| talk.why) {
        Some(Cause::Swap) => SWAPPED.to_owned(),
        Some(Cause::Returned) => RETURNED.to_owned(),
        _ => match agent.reason.as_deref().unwrap_or_default() {
            "" => GO_ON.to_owned(),
            why => format!("{GO_ON}\n\nWhat happened: {why}"),
        },
    };
    (text, "wavedeck")
}

/// The messages that an attempt begins with.
fn messages(talk: &Talk) -> String {
    let carried = talk.messages.iter();
    let carried = carried.filter(|m| talk.carried.contains(&m.number));
    let texts: Vec<&str> = carried.map(|message| message.text.as_str()).collect();
    texts.join("\n\n")
}

/// The variables that a program gets beside those that every agent gets.
fn passed(adapter: &Adapter) -> Vec<(String, String)> {
    let wanted = |name: &str| {
        adapter
            .pass
            .iter()
            .any(|pass| match pass.strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning),
                None => name == pass,
            })
            && !adapter.unset.iter().any(|unset| unset == name)
    };
    let mut env: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| wanted(name))
        .collect();
    env.sort();
    env.extend(adapter.env.clone());
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_made_where_they_are_missing_and_left_where_they_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        fs::write(at("there"), "mine").unwrap();
        std::os::unix::fs::symlink(at("elsewhere"), at("link")).unwrap();
        let all = ["new", "there", "link", "no/folder"].map(|name| (at(name), "{}"));
        make_files(&all);
        assert_eq!(fs::read_to_string(at("new")).unwrap(), "{}");
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(at("new")).unwrap());
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_to_string(at("there")).unwrap(), "mine");
        assert!(!dir.path().join("elsewhere").exists());
    }
}
