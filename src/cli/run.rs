//! `wavedeck run`: carries a plan out.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;

use super::{
    args::Global,
    deck,
    error::{Error, Outcome, status},
    launch,
    load::{self, WhichPlan},
    out, plain, preflight,
    programs::{self, Look},
};
use crate::{
    config::FlagLayer,
    plan::{Mode, RamLimit, units},
    runtime::{self, prepare::Stated, runner::Manner},
};

/// Time that the guard gives what a dead runner left, between TERM and KILL.
const GRACE: std::time::Duration = std::time::Duration::from_secs(10);

/// Hidden first argument of a guard.
pub const GUARD: &str = "__guard";
/// Hidden first argument of a runner.
pub const RUNNER: &str = "__runner";

/// Flags of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Which plan.
    #[command(flatten)]
    pub plan: WhichPlan,
    /// Print lines in place of the dashboard
    #[arg(long)]
    pub headless: bool,
    /// Print events as JSON Lines; with --headless
    #[arg(long)]
    pub json: bool,
    /// How strictly phases bind: sequential, parallel or hybrid
    #[arg(long, value_name = "MODE", value_parser = mode)]
    pub mode: Option<Mode>,
    /// Agents at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub agents: Option<u32>,
    /// Memory for all agents together: 24GiB, or 75% of the machine
    #[arg(long, value_name = "SIZE", value_parser = ram)]
    pub ram: Option<RamLimit>,
    /// Play it with simulated agents of the stated size and time, so many times faster
    #[arg(
        long,
        value_name = "SPEED",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1",
        value_parser = speed
    )]
    pub rehearse: Option<u64>,
    /// Start it and come back at once; `wavedeck attach` shows it
    #[arg(long)]
    pub detach: bool,
    /// Ask nothing, and show no page before the run
    #[arg(short, long)]
    pub yes: bool,
    /// What a person allowed on the page before the run: nothing else may be started
    #[arg(long, hide = true, value_name = "HASH")]
    pub consented: Option<String>,
    /// Read agents from a file, one a line: `claude: fix the flaky test`, a prompt alone, or `$ command`
    #[arg(short, long, value_name = "FILE", conflicts_with = "plan")]
    pub file: Option<PathBuf>,
    /// Agents without a plan file, separated by ---: claude "…" --- codex "…" --- any command
    #[arg(last = true, value_name = "COMMAND", conflicts_with_all = ["plan", "file"])]
    pub commands: Vec<OsString>,
}

impl RunArgs {
    /// Whether the agents stand on the command line or in a list.
    #[must_use]
    pub fn without_plan(&self) -> bool {
        !self.commands.is_empty() || self.file.is_some()
    }

    /// The layer of the configuration that the flags are.
    #[must_use]
    pub fn flags(&self) -> FlagLayer {
        FlagLayer {
            mode: self.mode,
            agents: self.agents,
            ram: self.ram,
            ..FlagLayer::default()
        }
    }
}

/// Runs a plan.
pub fn run(args: &RunArgs, global: &Global) -> Outcome {
    run_words(std::env::args_os().skip(1).collect(), args, global)
}

/// Runs a plan: `words` are the command line that the runner reads again, `args` what it means.
pub fn run_words(mut words: Vec<OsString>, args: &RunArgs, global: &Global) -> Outcome {
    if args.without_plan() && args.rehearse.is_none() && !load::has_commit() {
        out::complain(
            "wavedeck: there is no repository with a commit here: the agents work in this folder itself, \
             and two that write the same file disturb each other\n",
        );
    }
    if preflight::wanted(args, global) {
        let Some(hash) = preflight::ask(args, global)? else {
            out::complain("wavedeck: nothing was started\n");
            return Ok(status::OK);
        };
        let command = words.iter().position(|word| word == "run");
        words.insert(
            command.map_or(0, |at| at + 1),
            format!("--consented={hash}").into(),
        );
    }
    launch(&words, args.headless || args.json, args.detach, global)
}

/// Starts guard and runner with these words of a command line, in the foreground or behind a
/// dashboard.
pub fn launch(words: &[OsString], headless: bool, detach: bool, global: &Global) -> Outcome {
    let words = strings(words)?;
    let lines = if global.plain {
        headless || !plain::can_talk()
    } else {
        launch::without_screen(headless)
    };
    if !detach && lines {
        return foreground(launch::FOREGROUND, &words);
    }
    match launch::in_background(&words) {
        Ok(started) if detach => {
            let text = format!("{}\n", started.run);
            out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
            Ok(status::OK)
        }
        Ok(started) if global.plain => plain::open(&started.dir, &started.run),
        Ok(started) => deck::open(&started.dir, &started.run, global),
        Err((status, said)) => {
            out::complain(&said);
            Ok(status)
        }
    }
}

fn strings(words: &[OsString]) -> Result<Vec<String>, Error> {
    let text = |word: &OsString| {
        word.to_str()
            .map(str::to_owned)
            .ok_or_else(|| Error::usage("an argument is not valid UTF-8"))
    };
    words.iter().map(text).collect()
}

/// Becomes the guard of a runner.
fn foreground(manner: &str, words: &[String]) -> Outcome {
    let mut args = vec![manner.to_owned()];
    args.extend_from_slice(words);
    runtime::guard::guard(&args, GRACE)
        .map_err(|e| Error::internal("the runner cannot be started", e))
}

/// The guard's process, below a dashboard.
pub fn guard(args: &[OsString]) -> Outcome {
    // A session of its own: closing the terminal must not reach it. It leads no group yet, since
    // it was just started, so this cannot fail.
    let _ = rustix::process::setsid();
    foreground(launch::ATTACHED, &strings(args)?)
}

/// The runner's process.
pub fn runner(args: &[OsString]) -> Outcome {
    // From the first moment on a signal is a stop in order, not our death.
    crate::sys::signals::block().map_err(|e| Error::internal("signals cannot be blocked", e))?;
    let words = strings(args)?;
    let Some((first, rest)) = words.split_first() else {
        return Err(Error::usage("this command is for wavedeck itself"));
    };
    let mut line = vec!["wavedeck"];
    line.extend(rest.iter().map(String::as_str));
    let cli = super::parse(&line).map_err(|e| Error::usage(e.to_string()))?;
    match &cli.command {
        Some(super::Command::Run(args)) => {
            run_here(args, launch::manner(first, args.json, cli.global.plain))
        }
        Some(super::Command::Demo(args)) => {
            // The demo's folder is the current directory, with its plan in it.
            let parsed = super::parse(&["wavedeck", "run"]).map(|cli| cli.command);
            let Ok(Some(super::Command::Run(run))) = parsed else {
                return Err(Error::usage("this command is for wavedeck itself"));
            };
            run_here(&run, launch::manner(first, args.json, cli.global.plain))
        }
        Some(super::Command::Resume(args)) => {
            super::resume::resume_here(args, launch::manner(first, args.json, cli.global.plain))
        }
        _ => Err(Error::usage("this command is for wavedeck itself")),
    }
}

fn run_here(args: &RunArgs, manner: Manner) -> Outcome {
    let mut input = load::load_run(args)?;
    if args.rehearse.is_none()
        && let Some(refused) = input.unbuilt()
    {
        return Err(Error::Problems(refused));
    }
    if args.rehearse.is_none() {
        let look = programs::look(&input).map_err(Error::Problems)?;
        out::complain(&Look::lines(&look.warned, "warning", &input.file_name));
        if !look.refused.is_empty() {
            let refused = Look::lines(&look.refused, "error", &input.file_name);
            return Err(Error::Problems(refused));
        }
    }
    input.config.mode = Some(input.plan.mode);
    let vars: std::collections::BTreeMap<String, String> = args.plan.set.iter().cloned().collect();
    let workdir = launch::workdir(input.root.as_deref(), &input.path);
    let new = launch::new_run(launch::Input {
        // What was made of a command line has no files beside it.
        as_written: args.without_plan() && args.plan.only.is_none()
            || launch::as_written(&input.plan, &vars, args.plan.only.as_deref()),
        source: input.source,
        vars,
        config: &input.config,
        stated: Stated {
            mode: args.mode,
            agents: args.agents,
            ram: args.ram,
            attended: manner.lines.is_none(),
        },
        root: input.root.clone().unwrap_or_else(|| workdir.clone()),
        workdir,
        file: &input.file_name,
        rehearse: args.rehearse,
        consented: args.consented.as_deref(),
        plan: input.plan,
    });
    let new = new.map_err(|reasons| Error::Problems(reasons.join("\n") + "\n"))?;
    runtime::runner::start(new, manner)
        .map_err(|e| super::resume::refused(&e, "the run cannot begin"))
}

/// Parses a mode.
pub fn mode(text: &str) -> Result<Mode, String> {
    crate::engine::words::mode_named(text)
        .ok_or_else(|| "expected sequential, parallel or hybrid".to_owned())
}

fn ram(text: &str) -> Result<RamLimit, String> {
    units::ram_limit(text)
        .ok_or_else(|| "expected a size such as 24GiB, or a share such as 75%".to_owned())
}

/// Parses a speed such as `10`, `10x` or `0.5` into thousandths.
fn speed(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix('x').unwrap_or(text);
    units::decimal(number, 1000)
        .filter(|milli| (1..=1_000_000_000).contains(milli))
        .ok_or_else(|| "expected a factor such as 10 or 0.5".to_owned())
}
