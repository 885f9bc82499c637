//! `wavedeck demo`: the built-in plans with simulated agents.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome},
    out,
};

/// Flags of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Run the tour in its place: something to do at each turn, see docs/user-guide.md
    #[arg(long)]
    pub tour: bool,
    /// Run the plan of work that clashes in its place: one conflict waits for you, see
    /// docs/conflicts.md
    #[arg(long, conflicts_with = "tour")]
    pub conflicts: bool,
    /// Print lines in place of the dashboard
    #[arg(long)]
    pub headless: bool,
    /// Print events as JSON Lines; with --headless
    #[arg(long)]
    pub json: bool,
}

/// The built-in plans.
const DEMO: &str = include_str!("../../assets/plans/demo.toml");
const TOUR: &str = include_str!("../../assets/plans/tour.toml");

const CONFLICTS: &str = include_str!("../../assets/plans/conflicts.toml");

/// What the repository of that plan holds.
const FILES: [(&str, &str); 5] = [
    ("README.md", "# A small shop\n"),
    ("CHANGELOG.md", "# Changes\n\n- the shop opens\n"),
    (
        "src/routes.txt",
        "GET /\nGET /search\nGET /basket\nGET /pay\nGET /help\nGET /imprint\nGET /bye\n",
    ),
    ("src/prices.txt", "coffee 4\ntea 3\nwater 1\n"),
    ("db/schema.sql", "create table shops (id int);\n"),
];

/// Puts the repository of work that clashes into the current folder, or another one.
///
/// # Errors
/// What cannot be written; the commit is the caller's.
pub fn conflicts(folder: &Path) -> io::Result<()> {
    for (name, text) in FILES {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        std::fs::write(path, text)?;
    }
    std::fs::write(folder.join(super::load::PLAN), CONFLICTS)
}

/// Runs a built-in plan in a throw-away repository; leaves its recording.
pub fn demo(args: &DemoArgs, global: &Global) -> Outcome {
    let failed = |e: io::Error| Error::internal("the demo's folder cannot be made", e);
    let plan = if args.tour { TOUR } else { DEMO };
    let folder = own_folder(&std::env::temp_dir(), random).map_err(failed)?;
    if args.conflicts {
        conflicts(&folder).map_err(failed)?;
    } else {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(folder.join(super::load::PLAN))
            .and_then(|mut file| file.write_all(plan.as_bytes()))
            .map_err(failed)?;
    }
    std::env::set_current_dir(&folder).map_err(failed)?;
    if !repository() {
        out::complain("note: git is not here, so the demo runs outside a repository\n");
    }
    let mut words: Vec<std::ffi::OsString> = vec!["demo".into()];
    if args.json {
        words.push("--json".into());
    }
    if global.plain {
        words.push("--plain".into());
    }
    let outcome = super::run::launch(&words, args.headless || args.json, false, global);
    let home = std::env::var_os("WAVEDECK_HOME")
        .filter(|home| !home.is_empty())
        .map(PathBuf::from);
    let place = home.as_ref().unwrap_or(&folder);
    out::complain(&format!("the recording is in {}\n", place.display()));
    outcome
}

/// Makes a repository of the current folder, with its plan as the first commit: what the agents
/// write is then a change that a gate's question can show. Whether it could be made.
fn repository() -> bool {
    let git = |words: &[&str]| {
        let done = std::process::Command::new("git").args(words).output();
        done.is_ok_and(|done| done.status.success())
    };
    // A person's own hooks, keys and name have nothing to do with it.
    let commit = [
        "-c",
        "user.name=wavedeck",
        "-c",
        "user.email=wavedeck@localhost",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "core.hooksPath=/dev/null",
        "commit",
        "--quiet",
        "--message=The plan of this demo",
    ];
    git(&["init", "--quiet"]) && git(&["add", "."]) && git(&commit)
}

/// Makes a private folder that was not there: others may make folders and links beside it.
fn own_folder(above: &Path, mut random: impl FnMut() -> io::Result<u64>) -> io::Result<PathBuf> {
    let mut last = None;
    for _ in 0..16 {
        let folder = above.join(format!("wavedeck-demo-{:016x}", random()?));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into()))
}

fn random() -> io::Result<u64> {
    let mut bytes = [0_u8; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn what_is_there_is_left_alone() {
        let above = tempfile::tempdir().unwrap();
        let at = |n: u64| above.path().join(format!("wavedeck-demo-{n:016x}"));
        let target = above.path().join("target");
        std::fs::create_dir(&target).unwrap();
        std::fs::create_dir(at(1)).unwrap();
        symlink(&target, at(2)).unwrap();
        symlink(above.path().join("nowhere"), at(3)).unwrap();
        let mut next = 0;
        let counted = || {
            next += 1;
            Ok(next)
        };
        assert_eq!(own_folder(above.path(), counted).unwrap(), at(4));
        assert_eq!(std::fs::metadata(at(4)).unwrap().mode() & 0o777, 0o700);
        assert!(!above.path().join("nowhere").exists());
        // It does not try for ever.
        let error = own_folder(above.path(), || Ok(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }
}
