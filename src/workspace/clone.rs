//! Making workspaces: a clone that borrows the user's objects, with refs, stash, index and
//! configuration of its own, no remotes, hooks off.
//!
//! Written by hand where `git clone --shared` would take several processes: a folder with `HEAD`,
//! `config`, `objects/info/alternates` and the user's tags, then one checkout. The first is checked
//! out by git, the next ones can be copied from it. A workspace is complete or not there: it is made
//! under another name and renamed.
//!
//! What borrows must not lose what it borrows: each commit that workspaces begin with is kept by
//! `refs/wavedeck/<run>/keep/<commit>` in the user's repository, so no collection of garbage takes
//! its objects, and no workspace collects garbage itself.
//!
//! No filter runs at a checkout: files of git-lfs stay pointers (`repo.rs` says so to the person).

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, atomic::AtomicU64},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{
    copy,
    extra::{self, Extra},
    files::{config, skeleton},
    git::{Git, GitError},
    guard, index,
    repo::Repository,
    submodule,
    turn::Turn,
};
use crate::sys::remove;

/// Why a workspace cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// Git itself.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file or folder.
    #[error("{what}: {error}")]
    Io {
        /// What was to be done.
        what: String,
        /// What the system said.
        error: io::Error,
    },
    /// What the plan wants to be copied or linked cannot be.
    #[error("[workspace] {list} = `{path}`: {why}")]
    Extra {
        /// `copy` or `link`.
        list: &'static str,
        /// The path, cleaned.
        path: String,
        /// Why not, and what to do.
        why: String,
    },
    /// There is something of that name.
    #[error("a workspace of the name {0} is there already")]
    Taken(String),
    /// The disk is too full.
    #[error(transparent)]
    NoRoom(#[from] guard::NoRoom),
}

/// Adds what was to be done to an error.
pub(super) fn io_error(what: &str, path: &Path) -> impl FnOnce(io::Error) -> MakeError + use<> {
    let what = crate::display::clean_text(&format!("{what} {}", path.display()), 300);
    move |error| MakeError::Io { what, error }
}

/// A workspace that is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its folder.
    pub path: PathBuf,
    /// The commit that it begins with.
    pub base: String,
    /// What is different from the user's own checkout, in sentences.
    pub notes: Vec<String>,
}

/// Where and how the workspaces of a run are made.
#[derive(Debug)]
pub struct Workspaces {
    pub(super) repo: Repository,
    pub(super) run: String,
    /// `<state folder>/work/<repository>/<run>`.
    pub(super) folder: PathBuf,
    /// What the plan copies and links.
    extra: Extra,
    /// What agent programs leave behind for themselves, as lines of `.gitignore`.
    left: Vec<u8>,
    pub(super) turn: Turn,
    /// Bytes that stay free on the disk.
    pub(super) floor: u64,
    /// The user's tags and their commits, as lines of `packed-refs`.
    tags: Vec<u8>,
    pub(super) next: AtomicU64,
    /// Commits that a ref keeps already.
    kept: Mutex<HashSet<String>>,
}

impl Workspaces {
    /// Makes the run's folder. `state` is wavedeck's state folder; `copy` and `link` are paths below
    /// the repository's root; `floor`: bytes that stay free on the disk.
    pub fn new(
        repo: Repository,
        state: &Path,
        run: &str,
        copy: &[String],
        link: &[String],
        floor: u64,
    ) -> Result<Self, MakeError> {
        let extra = Extra::new(&repo.root, copy, link)?;
        let of_repo = state.join("work").join(repo.folder_name());
        let folder = of_repo.join(run);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(io_error("cannot make", &folder))?;
        let turn = Turn::new(&repo.common_dir, &of_repo);
        let format = "--format=%(objectname) %(refname)";
        let tags = repo.git().run(&["for-each-ref", format, "refs/tags"])?;
        Ok(Self {
            repo,
            run: run.to_owned(),
            folder,
            extra,
            left: Vec::new(),
            turn,
            floor,
            tags,
            next: AtomicU64::new(0),
            kept: Mutex::default(),
        })
    }

    /// The folder of this run's workspaces.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The repository that they borrow from.
    pub fn repository(&self) -> &Repository {
        &self.repo
    }

    /// Where the workspace of an attempt is, or would be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes the workspace of an attempt (`<agent>.<attempt>`) at a commit.
    pub fn make(&self, name: &str, commit: &str) -> Result<Workspace, MakeError> {
        self.keep(commit)?;
        let made = self.fresh(commit, None)?;
        self.give(made, name, commit)
    }

    /// Keeps a commit, and all that it reaches, in the user's repository.
    pub fn keep(&self, commit: &str) -> Result<(), MakeError> {
        let name = format!("refs/wavedeck/{}/keep/{commit}", self.run);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.contains(commit) {
            return Ok(());
        }
        let _turn = self
            .turn
            .take()
            .map_err(io_error("cannot lock", &self.folder))?;
        self.repo
            .git()
            .run(&["update-ref", "--end-of-options", &name, commit])?;
        kept.insert(commit.to_owned());
        Ok(())
    }

    /// Whether what the plan brings along can be left as it is when a workspace moves to a commit: what
    /// either of them tracks has another reason to be there, or is in the way.
    pub(super) fn fits(&self, made: &Unnamed, commit: &str) -> Result<bool, MakeError> {
        if made.commit == commit || self.extra.is_empty() {
            return Ok(true);
        }
        let git = self.repo.git().env("GIT_LITERAL_PATHSPECS", "1");
        let words = [
            "diff-tree",
            "-r",
            "--quiet",
            "--no-renames",
            &made.commit,
            commit,
            "--",
        ];
        let words = words.map(OsStr::new).into_iter();
        let args: Vec<&OsStr> = words.chain(self.extra.paths()).collect();
        Ok(git.output(&args, &[])?.code == Some(0))
    }

    /// Moves a workspace to the commit where it is to begin, and gives it its name.
    pub(super) fn give(
        &self,
        mut made: Unnamed,
        name: &str,
        commit: &str,
    ) -> Result<Workspace, MakeError> {
        let path = self.path(name);
        let at = |path: &Path| io_error("cannot prepare", &path.join(".git"));
        let dot = made.path.join(".git");
        let git = Git::ours(&made.path).git_dir(&dot).work_tree(&made.path);
        let git = git.long();
        if made.ahead {
            let root = copy::open(&made.path).map_err(at(&made.path))?;
            let index = dot.join("index");
            let known = index::settle(&root, &index, &index, self.repo.sha256, true);
            made.known = known.map_err(at(&made.path))?;
        }
        if !made.known {
            // What it cannot tell is told by its status, and the command below says it better.
            git.output(&["update-index", "-q", "--refresh"], &[])?;
        }
        self.put_head(&dot, name, commit).map_err(at(&made.path))?;
        // One that is there already needs no git: most agents begin where the first one did.
        if made.commit != commit {
            self.go_to(&mut made, commit)?;
        }
        match renameat_with(CWD, &made.path, CWD, &path, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(rustix::io::Errno::EXIST) => return Err(MakeError::Taken(name.to_owned())),
            Err(error) => return Err(io_error("cannot make", &path)(error.into())),
        }
        made.owned = false;
        Ok(Workspace {
            path,
            base: commit.to_owned(),
            notes: std::mem::take(&mut made.notes),
        })
    }

    /// Moves one to another commit, by the difference.
    pub(super) fn go_to(&self, made: &mut Unnamed, commit: &str) -> Result<(), MakeError> {
        let git = Git::ours(&made.path)
            .git_dir(&made.path.join(".git"))
            .work_tree(&made.path)
            .long();
        git.run(&["read-tree", "-m", "-u", commit])?;
        commit.clone_into(&mut made.commit);
        made.notes.retain(|note| !note.starts_with(submodule::NOTE));
        made.notes
            .extend(submodule::fill(&self.repo, &made.path, commit)?);
        Ok(())
    }

    /// A clone with a checkout by git.
    pub(super) fn checked_out(&self, made: &mut Unnamed) -> Result<(), MakeError> {
        let path = made.path.clone();
        let dot = path.join(".git");
        self.skeleton(&dot)
            .map_err(io_error("cannot make", &path))?;
        let git = Git::ours(&path).git_dir(&dot).work_tree(&path);
        git.long()
            .setting("checkout.workers=2")
            .setting("index.version=2")
            .run(&["read-tree", "-m", "-u", &made.commit])?;
        made.notes = submodule::fill(&self.repo, &path, &made.commit)?;
        made.notes.extend(self.extra.bring(&self.repo.root, &path)?);
        Ok(())
    }

    /// `.git` without a commit.
    pub(super) fn skeleton(&self, dot: &Path) -> io::Result<()> {
        let objects = self.repo.common_dir.join("objects");
        let config = config(&self.repo);
        skeleton(dot, "ref: refs/heads/none", &config, &[&objects])?;
        for (name, from) in [
            ("shallow", self.repo.common_dir.join("shallow")),
            (
                "info/attributes",
                self.repo.common_dir.join("info/attributes"),
            ),
        ] {
            if let Ok(bytes) = fs::read(from) {
                fs::write(dot.join(name), bytes)?;
            }
        }
        fs::write(dot.join("info/exclude"), self.excluded())?;
        if let Some(sparse) = &self.repo.sparse {
            fs::write(dot.join("info/sparse-checkout"), &sparse.patterns)?;
        }
        Ok(())
    }

    /// What is ignored beside `.gitignore`: the user's own list, what the plan brought along, and what
    /// agent programs leave behind.
    pub(super) fn excluded(&self) -> Vec<u8> {
        let mut lines = extra::users(&self.repo);
        lines.extend(self.extra.patterns());
        lines.extend_from_slice(&self.left);
        lines
    }

    /// Leaves files out of all results that programs make for themselves: lines as in `.gitignore`. Files that
    /// git tracks are not left out.
    #[must_use]
    pub fn without(mut self, lines: &[String]) -> Self {
        for line in lines.iter().filter(|l| !l.contains(['\n', '\0'])) {
            self.left.extend_from_slice(line.as_bytes());
            self.left.push(b'\n');
        }
        self
    }

    /// Puts HEAD on a branch of the agent's own at the commit. The user's branch is there too, at
    /// the same commit, for `git diff main`; and the tags, from which builds take their version.
    fn put_head(&self, dot: &Path, name: &str, commit: &str) -> io::Result<()> {
        let agent = name.rsplit_once('.').map_or(name, |(agent, _)| agent);
        // No branch may end so.
        let end = if agent.as_bytes().ends_with(b".lock") {
            "-"
        } else {
            ""
        };
        let agent = format!("{agent}{end}");
        let mut packed = self.tags.clone();
        let branch = self.repo.branch.as_deref();
        // `wavedeck` would be in the way of `wavedeck/<agent>`.
        let free = |b: &&[u8]| *b != b"wavedeck" && !b.starts_with(b"wavedeck/");
        if let Some(branch) = branch.filter(free) {
            let line = [commit.as_bytes(), b" refs/heads/", branch, b"\n"];
            packed.extend(line.concat());
        }
        fs::write(dot.join("packed-refs"), packed)?;
        let own = dot.join("refs/heads/wavedeck");
        fs::create_dir_all(&own)?;
        fs::write(own.join(&agent), format!("{commit}\n"))?;
        fs::write(
            dot.join("HEAD"),
            format!("ref: refs/heads/wavedeck/{agent}\n"),
        )
    }
}

/// A workspace that nobody has yet; what is not given away is removed.
#[derive(Debug)]
pub(super) struct Unnamed {
    pub path: PathBuf,
    pub commit: String,
    pub notes: Vec<String>,
    /// Its index says what its files are.
    pub known: bool,
    /// It was made before somebody asked for it, so its files may be older than what was built
    /// since.
    pub ahead: bool,
    /// Nobody has got it yet.
    pub owned: bool,
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        if self.owned {
            // What stays is found by its name when the run is pruned.
            let _ = remove::tree(&self.path);
        }
    }
}
