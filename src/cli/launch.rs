//! How a run is started: in the foreground under this process, or in the background with a
//! dashboard; and what the runner's process does with its command line.
//!
//! Must not know processes below the guard, nor draw.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, IsTerminal},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::learnt;
use crate::{
    config::Config,
    plan::{self, AgentMode, Curve, Plan, Sim, Work},
    runtime::{
        guard::{self, GUARD},
        lines::LineKind,
        merits,
        prepare::{Machine, RunConfig, Stated, refusals},
        runner::{Manner, New},
        work,
    },
};

/// First argument of the runner when it prints lines.
pub const FOREGROUND: &str = "foreground";
/// First argument of the runner when a dashboard watches.
pub const ATTACHED: &str = "attached";

/// A run that a dashboard can attach to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Announced {
    /// Identifier of the run.
    pub run: String,
    /// Its folder.
    pub dir: PathBuf,
    /// Its socket; none: it runs, but nobody can attach to it.
    #[serde(default)]
    pub socket: Option<PathBuf>,
}

/// Whether this process must print lines in place of drawing (DESIGN 6).
#[must_use]
pub fn without_screen(asked: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    asked
        || !std::io::stdout().is_terminal()
        || !std::io::stdin().is_terminal()
        || set("CI")
        || std::env::var_os("TERM").is_none_or(|term| term == "dumb")
}

/// How the runner is attached, from its first argument.
#[must_use]
pub fn manner(first: &str, json: bool, plain: bool) -> Manner {
    let attached = first == ATTACHED;
    let kind = kind(json, plain);
    Manner {
        lines: (!attached).then_some(kind),
        guarded: true,
        announce: attached,
    }
}

/// What lines look like.
#[must_use]
pub const fn kind(json: bool, plain: bool) -> LineKind {
    match (json, plain) {
        (true, _) => LineKind::Json,
        (false, true) => LineKind::Words,
        (false, false) => LineKind::Text,
    }
}

/// Starts guard and runner in a session of their own and waits until the run can be attached to.
///
/// # Errors
/// The status and what was said, when it did not come so far.
pub fn in_background(args: &[String]) -> Result<Announced, (u8, String)> {
    let failed = |error: std::io::Error| {
        (
            crate::runtime::RUNNER_FAILED,
            format!("wavedeck: {error}\n"),
        )
    };
    let program = guard::program().map_err(failed)?;
    let mut child = {
        let mut command = Command::new(program);
        command.arg(GUARD).args(args);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().map_err(failed)?
    };
    let mut first = String::new();
    if let Some(out) = child.stdout.take() {
        let _ = BufReader::new(out).read_line(&mut first);
    }
    if let Ok(announced) = serde_json::from_str::<Announced>(&first) {
        if announced.socket.is_none() {
            super::out::complain(&format!(
                "wavedeck: run {} goes on, but nobody can attach to it: runner.log in its folder says why\n",
                announced.run
            ));
        }
        return Ok(announced);
    }
    let mut said = String::new();
    if let Some(mut err) = child.stderr.take() {
        let _ = std::io::Read::read_to_string(&mut err, &mut said);
    }
    let status = child
        .wait()
        .ok()
        .and_then(|s| s.code())
        .and_then(|c| u8::try_from(c).ok());
    Err((status.unwrap_or(crate::runtime::RUNNER_FAILED), said))
}

/// Makes a new run from a checked plan, or says why it cannot run here.
///
/// # Errors
/// All reasons at once, one a line.
pub fn new_run(input: Input<'_>) -> Result<New, Vec<String>> {
    let Input {
        mut plan,
        source,
        vars,
        as_written,
        config,
        stated,
        root,
        workdir,
        file,
        rehearse,
        consented,
    } = input;
    if workdir.to_str().is_none() {
        return Err(vec![format!(
            "wavedeck: the folder {} has a name that is not valid UTF-8, and what a run is made of is recorded as text: rename it",
            workdir.display()
        )]);
    }
    if let Some(speed) = rehearse {
        plan = rehearsal(plan, speed);
    }
    let machine = Machine::read().map_err(|e| {
        vec![format!(
            "wavedeck: this machine's memory cannot be read: {e}"
        )]
    })?;
    let mut run_config = RunConfig::resolve(&plan, config, &stated, machine, &workdir);
    let env = |name: &str| std::env::var(name).ok();
    run_config.adapters = super::adapters::own(&env).map_err(|problems| vec![problems])?;
    let place = work::base(&plan, &workdir);
    let mut refused = refusals(&plan, &run_config, file);
    match super::prices::own(&env) {
        Ok(prices) => run_config.prices = prices,
        Err(why) => refused.push(why),
    }
    match super::state_folder::folder(&env).map(PathBuf::into_os_string) {
        Some(folder) => match folder.into_string() {
            Ok(folder) => run_config.state_folder = folder,
            Err(_) if !matches!(place, Ok(None)) => refused.push(format!(
                "{file}: error: workspaces lie in $XDG_STATE_HOME, whose name is not valid UTF-8"
            )),
            Err(_) => {}
        },
        None if !matches!(place, Ok(None)) => refused.push(format!(
            "{file}: error: workspaces lie in $XDG_STATE_HOME or below $HOME: set one of them"
        )),
        None => {}
    }
    let place = place.unwrap_or_else(|error| {
        refused.push(format!("{file}: error: {error}"));
        None
    });
    if !refused.is_empty() {
        return Err(refused);
    }
    if consented.is_some_and(|allowed| allowed != super::consent::hash(&plan, &run_config)) {
        return Err(vec![format!(
            "wavedeck: {file} has changed since you read what it runs: start it again to read the new one"
        )]);
    }
    // The folder must give this very plan again: what was filled in from outside goes in expanded.
    run_config.rehearsal = rehearse.is_some();
    run_config.set = vars;
    let (plan_text, source) = if as_written && rehearse.is_none() {
        (source, None)
    } else {
        (plan::expand::to_toml(&plan), Some(source))
    };
    let home = learnt::home();
    let (base_commit, mut notes) = match place {
        Some(place) => (Some(place.commit), place.notes),
        None => (super::head::commit(&root), Vec::new()),
    };
    run_config.past = merits::of(&plan, &root, home.as_deref());
    // A rehearsal plays what is stated.
    if rehearse.is_none() {
        let (needs, problem) = learnt::for_run(&plan, &root);
        run_config.learnt = needs;
        notes.extend(problem);
    }
    Ok(New {
        notes,
        plan,
        plan_text,
        source,
        config: run_config,
        root,
        home,
        base_commit,
    })
}

/// What a new run is made from.
#[derive(Debug)]
pub struct Input<'a> {
    /// The checked plan.
    pub plan: Plan,
    /// Its text.
    pub source: String,
    /// Variables that `--set` states.
    pub vars: BTreeMap<String, String>,
    /// Whether the text alone gives the plan (no `--set`, `--only`, prompt files).
    pub as_written: bool,
    /// The configuration.
    pub config: &'a Config,
    /// Flags.
    pub stated: Stated,
    /// Root of the repository.
    pub root: PathBuf,
    /// Folder that agents work in.
    pub workdir: PathBuf,
    /// Name of the plan's file, for messages.
    pub file: &'a str,
    /// `--rehearse`, in permille of real speed.
    pub rehearse: Option<u64>,
    /// Hash of what a person allowed: nothing else may be started.
    pub consented: Option<&'a str>,
}

/// Whether a plan's text alone gives it again.
#[must_use]
pub fn as_written(plan: &Plan, vars: &BTreeMap<String, String>, only: Option<&str>) -> bool {
    vars.is_empty()
        && only.is_none()
        && !plan
            .agents
            .iter()
            .any(|a| matches!(a.work, Work::Prompt(_)))
}

/// The same plan with simulated agents of the stated size and time (`--rehearse`).
///
/// Checks, gates and merges are not carried out: what they would look at is not there.
#[must_use]
pub fn rehearsal(mut plan: Plan, speed_permille: u64) -> Plan {
    let scaled = |us: u64| us.saturating_mul(1000) / speed_permille.max(1);
    for agent in &mut plan.agents {
        agent.check.clear();
        agent.gates.clear();
        agent.workspace = plan::Workspace::Shared;
        (agent.scope, agent.join) = (None, plan::Join::default());
        agent.domains.clear();
        agent.inputs.clear();
        agent.outputs.clear();
        for need in &mut agent.needs {
            need.files.clear();
            need.check.clear();
        }
        if let Some(timeout) = &mut agent.timeout_us {
            *timeout = scaled(*timeout).max(1_000_000);
        }
        if agent.work == Work::Group {
            continue;
        }
        let mut mode: AgentMode = agent.modes[0].clone();
        for us in [
            &mut mode.duration.min_us,
            &mut mode.duration.expected_us,
            &mut mode.duration.max_us,
        ] {
            *us = scaled(*us);
        }
        // What is simulated takes and uses just this.
        (mode.duration.guessed, mode.ram_guessed) = (false, false);
        agent.work = Work::Sim(match &agent.work {
            Work::Sim(sim) => Sim {
                duration_us: scaled(sim.duration_us),
                ..sim.clone()
            },
            _ => Sim {
                duration_us: mode.duration.expected_us,
                ram_bytes: mode.ram_bytes,
                curve: Curve::Ramp,
                processes: 1,
                lines: 5,
                ..Sim::default()
            },
        });
        agent.modes = vec![AgentMode {
            worker: None,
            ..mode
        }];
    }
    for phase in &mut plan.phases {
        phase.gates.clear();
    }
    for track in &mut plan.tracks {
        track.gates.clear();
    }
    plan.run_gates.clear();
    plan.wave_gates.clear();
    plan.verify.clear();
    plan.workspace = plan::WorkspaceSpec::default();
    plan.merge = plan::MergeSpec::default();
    plan.unbuilt.clear();
    plan
}

/// The folder that the plan's commands run in: the repository's root, else the plan's folder.
#[must_use]
pub fn workdir(root: Option<&Path>, plan_file: &Path) -> PathBuf {
    let folder = plan_file
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let chosen = root.unwrap_or(folder);
    std::fs::canonicalize(chosen).unwrap_or_else(|_| chosen.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rehearsed_plan_is_read_again_as_it_was_written() {
        let read = |source: &str| {
            let loaded = plan::load(
                source,
                &plan::LoadOptions::default(),
                &mut |_| unreachable!(),
            );
            loaded.map_err(|found| plan::render(&found, "plan.toml", source))
        };
        let source = "name = \"n\"\n[worker.w]\nrun = \"cat\"\n\
            [[agent]]\nid = \"a\"\nrun = \"true\"\ncheck = [\"true\"]\n\
            [[agent]]\nid = \"b\"\nprompt = \"p\"\nworker = \"w\"\nworkspace = \"shared\"\n\
            [[agent]]\nid = \"c\"\nprompt = \"p\"\nworker = \"w\"\nscope = [\"src\"]\n\
            domains = [\"d\"]\ninputs = [\"i\"]\noutputs = [\"o\"]\njoin = \"fail-fast\"\n\
            needs = [{ agent = \"a\", files = [\"f\"], check = [\"true\"] }]\n\
            [gate.g]\nrun = [\"false\"]\n[wave.1]\ngates = [\"g\"]\n\
            [[track]]\nid = \"t\"\ngates = [\"g\"]\n[merge]\nend = \"ff\"\n\
            [workspace]\ncopy = [\"x\"]\n";
        let source = format!("verify = [\"false\"]\ngates = [\"g\"]\n{source}");
        let rehearsed = rehearsal(read(&source).unwrap().plan, 20_000);
        let again = read(&plan::expand::to_toml(&rehearsed)).unwrap().plan;
        assert_eq!(again.agents, rehearsed.agents);
        // Nothing of it is carried out: there is no work.
        let bare = |agent: &plan::Agent| {
            agent.scope.is_none() && agent.outputs.is_empty() && agent.check.is_empty()
        };
        assert!(again.agents.iter().all(bare));
        assert_eq!(again.refused(), []);
    }

    #[test]
    fn an_announcement_may_be_without_a_socket() {
        let read = |text: &str| serde_json::from_str::<Announced>(text).unwrap().socket;
        assert_eq!(read(r#"{"run":"r","dir":"/d","socket":null}"#), None);
        assert_eq!(read(r#"{"run":"r","dir":"/d"}"#), None);
        let path = Some(PathBuf::from("/s"));
        assert_eq!(read(r#"{"run":"r","dir":"/d","socket":"/s"}"#), path);
    }
}
