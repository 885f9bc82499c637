//! `wavedeck doctor`: looks at this machine and says what work in workspaces needs and what is missing.
//!
//! Must not change anything: the folder of workspaces is looked at, not made.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome, status as exit},
    out, state_folder,
};
use crate::{
    display::{clean_line, figures::size, safe_json},
    sys::{
        landlock::{self, Support},
        memory::Meters,
    },
    workspace::{Repository, git, guard},
};

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// JSON in place of text
    #[arg(long)]
    pub json: bool,
}

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    well: bool,
    says: String,
}

/// Prints what was found; the status is 0 whatever that is.
pub fn doctor(args: &DoctorArgs, _global: &Global) -> Outcome {
    let all = [memory(), of_git(), repository(), boundary(), room()];
    let text = if args.json {
        let all = all.iter().map(|finding| {
            serde_json::json!({"what": finding.what, "ok": finding.well, "says": finding.says})
        });
        let list: Vec<serde_json::Value> = all.collect();
        format!(
            "{}\n",
            safe_json(&serde_json::json!({"findings": list}).to_string())
        )
    } else {
        let line = |finding: &Finding| {
            let mark = if finding.well { "ok     " } else { "missing" };
            format!("{mark} {:<12} {}\n", finding.what, finding.says)
        };
        all.iter().map(line).collect()
    };
    out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(exit::OK)
}

fn finding<E: ToString>(what: &'static str, found: Result<String, E>) -> Finding {
    let (well, says) = match found {
        Ok(says) => (true, says),
        Err(error) => (false, error.to_string()),
    };
    Finding {
        what,
        well,
        says: clean_line(says, 400),
    }
}

fn memory() -> Finding {
    let read = Meters::open().and_then(|meters| meters.binding());
    finding(
        "memory",
        read.map(|(total, _)| format!("{} in all", size(total))),
    )
}

fn of_git() -> Finding {
    let found = git::version().map(|(major, minor)| format!("version {major}.{minor}"));
    finding("git", found)
}

fn repository() -> Finding {
    let here = std::env::current_dir().map_err(|error| error.to_string());
    let found = here.and_then(|here| Repository::open(&here).map_err(|error| error.to_string()));
    let says = found.map(|repo| {
        let short = repo.head.get(..10).unwrap_or(&repo.head).to_owned();
        let notes: Vec<String> = repo.notes(0);
        let notes: String = notes.iter().map(|note| format!("; {note}")).collect();
        format!("{} at {short}{notes}", repo.root.display())
    });
    finding("repository", says)
}

fn boundary() -> Finding {
    let support = landlock::probe();
    Finding {
        what: "boundary",
        well: matches!(support, Support::Version(_)),
        says: clean_line(support.to_string(), 400),
    }
}

fn room() -> Finding {
    let env = |name: &str| std::env::var(name).ok();
    let Some(folder) = state_folder::folder(&env) else {
        let why = "workspaces lie in $XDG_STATE_HOME or below $HOME: set one of them";
        return finding("workspaces", Err(why));
    };
    // It, or what it would be made in.
    let there = folder.ancestors().find(|path| path.is_dir());
    let there = there.map_or_else(|| PathBuf::from("/"), Path::to_owned);
    let free = guard::room(&there, 0);
    let says = free.map(|free| format!("{} free in {}", size(free), folder.display()));
    finding("workspaces", says)
}
