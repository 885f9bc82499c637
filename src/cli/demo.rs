//! `wavedeck demo`: the built-in plan with simulated agents.

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome},
    out,
};

/// Flags of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Print lines in place of the dashboard
    #[arg(long)]
    pub headless: bool,
    /// Print events as JSON Lines; with --headless
    #[arg(long)]
    pub json: bool,
}

/// The built-in plan.
const PLAN: &str = include_str!("../../assets/plans/demo.toml");

/// Runs the built-in plan in a throw-away repository; leaves its recording.
pub fn demo(args: &DemoArgs, global: &Global) -> Outcome {
    let failed = |e: std::io::Error| Error::internal("the demo's folder cannot be made", e);
    let name = format!("wavedeck-demo-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    crate::sys::lock::private_dir(&folder).map_err(failed)?;
    std::fs::write(folder.join(super::load::PLAN), PLAN).map_err(failed)?;
    std::env::set_current_dir(&folder).map_err(failed)?;
    let git = std::process::Command::new("git")
        .args(["init", "--quiet"])
        .status();
    if !git.is_ok_and(|status| status.success()) {
        out::complain("note: git is not here, so the demo runs outside a repository\n");
    }
    let mut words: Vec<std::ffi::OsString> = vec!["demo".into()];
    if args.json {
        words.push("--json".into());
    }
    let outcome = super::run::launch(&words, args.headless || args.json, false, global);
    out::complain(&format!("the recording is in {}\n", folder.display()));
    outcome
}
