//! A private repository beside a workspace: git is asked about the agent's files without reading the
//! agent's configuration, without its locks, and without a trace in it.
//!
//! It has its own configuration (so the agent's file-system monitor, filters, hooks and merge drivers
//! are unknown), a copy of the index, and its own place for objects, which borrows from the
//! workspace's. Its HEAD and its index stay at the commit that the workspace began with: what
//! differs is the agent's whole work, committed or not. A second index holds the last snapshot.
//! Must not write into the workspace.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::OpenOptionsExt,
    },
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::OFlags;

use super::{
    dirty::{self, Change, MOST_DIRTY, Name},
    notice::{Foreseen, Workspace},
    verdict,
};
use crate::workspace::{
    files::{bare_config, quoted, skeleton},
    git::{Git, GitError},
    settings::Config,
};

/// Time that a question may take.
const LIMIT: Duration = Duration::from_secs(20);
/// Bytes of an answer that are read.
const MOST: usize = 8 << 20;
/// Largest index and list of exclusions that are copied.
const MOST_INDEX: u64 = 512 << 20;
const MOST_EXCLUDE: u64 = 1 << 20;
/// A larger file is not read while its agent runs.
const MOST_FILE: u64 = 32 << 20;
/// Files of one snapshot.
const MOST_FILES: usize = 2_000;
/// After so many snapshots their objects are thrown away.
const MOST_SNAPSHOTS: u32 = 200;

/// A private repository of one workspace.
#[derive(Debug)]
pub(super) struct Shadow {
    dir: PathBuf,
    work: PathBuf,
    base: String,
    /// Paths in which the second index may differ from the first.
    taken: BTreeSet<Name>,
    /// Snapshots since the objects were thrown away.
    snapshots: u32,
}

/// What a snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// A commit on top of the workspace's base; the same work has the same one.
    pub(super) commit: String,
    /// Files that are too large to be in it.
    pub(super) large: BTreeSet<Name>,
}

/// How two snapshots merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Merge {
    Clean,
    Conflict(Vec<Foreseen>),
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0}")]
    Odd(&'static str),
}

impl Shadow {
    /// Makes one in a folder, which is emptied first.
    pub(super) fn new(dir: PathBuf, of: &Workspace) -> Result<Self, Fault> {
        let (work, base) = (of.path.as_path(), of.base.as_str());
        let hex = matches!(base.len(), 40 | 64) && base.bytes().all(|b| b.is_ascii_hexdigit());
        if !hex {
            return Err(Fault::Odd("the commit that it began with is not known"));
        }
        let theirs = work.join(".git");
        if !fs::symlink_metadata(&theirs)?.is_dir() {
            return Err(Fault::Odd("it is not a clone with a `.git` folder"));
        }
        crate::sys::remove::tree(&dir)?;
        // Into it goes what of the workspace's settings is read.
        crate::sys::lock::private_dir(&dir)?;
        let known = of.fresh.clone();
        let settings = known.unwrap_or_else(|| shared(&dir, &theirs));
        let config = bare_config(base.len() == 64, &settings);
        skeleton(&dir, base, &config, &[&theirs.join("objects")])?;
        for list in ["info/exclude", "info/attributes"] {
            copy(&theirs.join(list), &dir.join(list), MOST_EXCLUDE)?;
        }
        copy(&theirs.join("index"), &dir.join("index"), MOST_INDEX)?;
        let shadow = Self {
            dir,
            work: work.to_owned(),
            base: base.to_owned(),
            taken: BTreeSet::new(),
            snapshots: 0,
        };
        if of.fresh.is_some() && shadow.dir.join("index").exists() {
            return Ok(shadow);
        }
        // Keeps what the index knows of unchanged files; one that is split or damaged is left out.
        let read = ["read-tree", "--reset", base];
        if shadow.git().run(&read).is_err() {
            shadow.remove("index")?;
            shadow.git().run(&read)?;
        }
        Ok(shadow)
    }

    /// Takes its folder away; what is left goes with the run's.
    pub(super) fn discard(self) {
        let _ = fs::remove_dir_all(&self.dir);
    }

    fn git(&self) -> Git {
        Git::ours(&self.dir)
            .git_dir(&self.dir)
            .work_tree(&self.work)
            .limit(LIMIT)
            .most(MOST)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Locks that a git left which was ended; nobody else uses this repository.
    pub(super) fn unlock(&self) {
        for name in ["index.lock", "taken.lock"] {
            let _ = self.remove(name);
        }
    }

    /// What differs from the base: at and below some paths, or everywhere. True: there is more.
    pub(super) fn status(
        &self,
        paths: Option<&BTreeSet<Name>>,
    ) -> Result<(BTreeMap<Name, Change>, bool), Fault> {
        let mut args: Vec<&OsStr> = [
            "status",
            "--porcelain",
            "-z",
            "--untracked-files=all",
            "--no-renames",
            // Their repositories within are looked at, no git is started in them.
            "--ignore-submodules=dirty",
            "--",
        ]
        .map(OsStr::new)
        .to_vec();
        args.extend(paths.into_iter().flatten().map(|p| OsStr::from_bytes(p)));
        // It may write what it learnt: the index is ours.
        let git = self
            .git()
            .env("GIT_OPTIONAL_LOCKS", "1")
            .env("GIT_LITERAL_PATHSPECS", "1");
        let output = git.output(&args, &[])?;
        if !output.cut && output.code != Some(0) {
            return Err(Fault::Odd("git cannot tell what has changed in it"));
        }
        let found = dirty::parse(&output.out);
        let more = output.cut || found.len() > MOST_DIRTY;
        Ok((found, more))
    }

    /// Which of some paths are ignored.
    pub(super) fn ignored(&self, paths: &[Name]) -> Result<BTreeSet<Name>, Fault> {
        if paths.is_empty() {
            return Ok(BTreeSet::new());
        }
        // It knows no literal paths: `./` keeps a name from being read as more.
        let mut input = Vec::new();
        for path in paths {
            input.extend_from_slice(b"./");
            input.extend_from_slice(path);
            input.push(0);
        }
        let git = self.git().most(MOST.max(input.len()));
        let output = git.output(&["check-ignore", "-z", "--stdin"], &input)?;
        // 1: none of them.
        if !matches!(output.code, Some(0 | 1)) {
            return Err(Fault::Odd("git cannot tell what is ignored in it"));
        }
        let names = output
            .out
            .split(|&b| b == 0)
            .filter_map(|name| name.strip_prefix(b"./"));
        Ok(names.map(Name::from).collect())
    }

    /// Makes a commit of the work as it is now; `first` are the paths that matter most where there
    /// are too many.
    pub(super) fn snapshot(
        &mut self,
        dirty: &BTreeMap<Name, Change>,
        first: &BTreeSet<Name>,
    ) -> Result<Snapshot, Fault> {
        if self.snapshots == 0 {
            self.throw_away()?;
        }
        self.snapshots = (self.snapshots + 1) % MOST_SNAPSHOTS;
        let mut wanted: BTreeSet<Name> = self.taken.clone();
        wanted.extend(first.iter().take(MOST_FILES).cloned());
        wanted.extend(dirty.keys().take(MOST_FILES).cloned());
        let (mut there, mut gone) = (Vec::new(), Vec::new());
        let mut large = BTreeSet::new();
        for path in &wanted {
            match self.presence(path) {
                Presence::File => there.push(path.clone()),
                Presence::Large => drop(large.insert(path.clone())),
                Presence::None => gone.push(path.clone()),
            }
        }
        // What is as in the base again needs no care after this time.
        wanted.retain(|path| dirty.contains_key(path) || first.contains(path));
        self.taken = wanted;
        let taken = || self.git().env("GIT_INDEX_FILE", self.dir.join("taken"));
        if !gone.is_empty() {
            taken().feed(
                &["update-index", "--force-remove", "-z", "--stdin"],
                &list(&gone),
            )?;
        }
        if !there.is_empty() {
            let add = [
                "update-index",
                "--add",
                "--remove",
                "--replace",
                "-z",
                "--stdin",
            ];
            taken().feed(&add, &list(&there))?;
        }
        let tree = hex_line(taken().line(&["write-tree"])?)?;
        let who = ["AUTHOR", "COMMITTER"];
        let git = who.iter().fold(self.git(), |git, who| {
            git.env(format!("GIT_{who}_NAME"), "snapshot")
                .env(format!("GIT_{who}_EMAIL"), "snapshot@invalid")
                .env(format!("GIT_{who}_DATE"), "@0 +0000")
        });
        let commit = git.line(&["commit-tree", &tree, "-p", &self.base, "-m", "snapshot"])?;
        Ok(Snapshot {
            commit: hex_line(commit)?,
            large,
        })
    }

    /// Begins anew: no objects of older snapshots, the second index like the first.
    fn throw_away(&mut self) -> io::Result<()> {
        for entry in fs::read_dir(self.dir.join("objects"))? {
            let entry = entry?;
            if entry.file_name().len() == 2 {
                fs::remove_dir_all(entry.path())?;
            }
        }
        self.taken.clear();
        self.remove("taken")?;
        copy(&self.dir.join("index"), &self.dir.join("taken"), MOST_INDEX)
    }

    /// What a path is now, without following links or waiting for a pipe.
    fn presence(&self, path: &Name) -> Presence {
        // A folder on the way may have become a link to elsewhere.
        let mut at = self.work.clone();
        let mut parts = Path::new(OsStr::from_bytes(path)).components().peekable();
        while let Some(part) = parts.next() {
            at.push(part);
            let Ok(meta) = fs::symlink_metadata(&at) else {
                return Presence::None;
            };
            if parts.peek().is_some() {
                if !meta.is_dir() {
                    return Presence::None;
                }
            } else if meta.is_symlink() {
                return Presence::File;
            } else if meta.is_file() {
                return match open(&at) {
                    Ok(_) if meta.len() <= MOST_FILE => Presence::File,
                    // As far as a snapshot goes, one that cannot be read is like a large one.
                    _ => Presence::Large,
                };
            }
        }
        Presence::None
    }

    /// Merges two snapshots on trial.
    pub(super) fn merge(&self, ours: &str, other: &Self, theirs: &str) -> Result<Merge, Fault> {
        let borrow = OsString::from_vec(quoted(other.dir.join("objects").as_os_str().as_bytes()));
        let args = ["merge-tree", "--write-tree", "-z", ours, theirs];
        let git = self.git().env("GIT_ALTERNATE_OBJECT_DIRECTORIES", borrow);
        let output = git.output(&args, &[])?;
        if output.cut {
            return Err(Fault::Odd("the conflicts are too many to be read"));
        }
        match output.code {
            Some(0) => Ok(Merge::Clean),
            Some(1) => verdict::conflicts(&output.out, [ours, theirs])
                .map(Merge::Conflict)
                .ok_or(Fault::Odd("git's words about a merge cannot be read")),
            _ => Err(Fault::Odd("git cannot merge the two on trial")),
        }
    }
}

/// How files look and which are ignored, as the workspace's own settings say: line ends, modes, the
/// user's lists. No other setting of it counts; where it cannot be read, none does.
fn shared(dir: &Path, theirs: &Path) -> Vec<(String, Vec<u8>)> {
    let own = dir.join("theirs");
    let copied = copy(&theirs.join("config"), &own, MOST_EXCLUDE);
    let git = Git::ours(dir).limit(LIMIT).most(MOST);
    let read = copied.ok().and_then(|()| Config::of_file(&git, &own).ok());
    read.map_or_else(Vec::new, |config| config.shared_as_written())
}

enum Presence {
    File,
    Large,
    None,
}

/// Opens a file without following a link or waiting for a pipe.
fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).unwrap_or_default();
    File::options().read(true).custom_flags(flags).open(path)
}

/// Copies a regular file with its time of change; one that is not there is left out. git takes an
/// index's own time to tell which files may have changed since without a trace.
fn copy(from: &Path, to: &Path, most: u64) -> io::Result<()> {
    let mut source = match open(from) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let meta = source.metadata()?;
    if !meta.is_file() || meta.len() > most {
        return Ok(());
    }
    let mut file = File::create(to)?;
    io::copy(&mut source, &mut file)?;
    file.set_modified(meta.modified()?)
}

fn list(paths: &[Name]) -> Vec<u8> {
    let mut out = Vec::new();
    for path in paths {
        out.extend_from_slice(path);
        out.push(0);
    }
    out
}

fn hex_line(line: Vec<u8>) -> Result<String, Fault> {
    String::from_utf8(line)
        .ok()
        .filter(|l| !l.is_empty() && l.bytes().all(|b| b.is_ascii_hexdigit()))
        .ok_or(Fault::Odd("git did not name what it wrote"))
}
