//! `wavedeck run`: carries a plan out.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome},
    load::{self, WhichPlan},
    unbuilt::not_wired,
};
use crate::{
    config::FlagLayer,
    plan::{Mode, RamLimit, units},
};

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
    /// Ask nothing
    #[arg(short, long)]
    pub yes: bool,
    /// Read agents from a file, one command a line (not built yet)
    #[arg(short, long, value_name = "FILE", conflicts_with = "plan")]
    pub file: Option<PathBuf>,
    /// Agents without a plan file, separated by --- (not built yet)
    #[arg(last = true, value_name = "COMMAND")]
    pub commands: Vec<OsString>,
}

impl RunArgs {
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
pub fn run(args: &RunArgs, _global: &Global) -> Outcome {
    let without_plan = "write the steps as [[agent]] entries of a plan; `wavedeck init` shows how";
    if !args.commands.is_empty() {
        return Err(Error::not_built("run -- …", without_plan));
    }
    if args.file.is_some() {
        return Err(Error::not_built("run -f", without_plan));
    }
    let input = load::load(&args.plan, &args.flags())?;
    if let Some(refused) = input.unbuilt() {
        return Err(Error::Problems(refused));
    }
    Err(not_wired("run"))
}

/// The guard's process.
pub fn guard(_args: &[OsString]) -> Outcome {
    Err(not_wired(GUARD))
}

/// The runner's process.
pub fn runner(_args: &[OsString]) -> Outcome {
    Err(not_wired(RUNNER))
}

/// Parses a mode.
pub fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "sequential" => Ok(Mode::Sequential),
        "parallel" => Ok(Mode::Parallel),
        "hybrid" => Ok(Mode::Hybrid),
        _ => Err("expected sequential, parallel or hybrid".to_owned()),
    }
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
