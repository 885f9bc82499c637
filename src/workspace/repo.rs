//! What is there: the user's repository as it stands when a run begins.
//!
//! Each case either works, with a sentence about what is different, or is refused with a sentence
//! about what to do. Reads only: the index is not even refreshed.

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    git::{self, Git, GitError},
    settings::Config,
};
use crate::display;

/// Why workspaces cannot be made here.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// No repository around the folder.
    #[error(
        "{folder} is in no git repository: agents with workspaces of their own need one: run \
         `git init` and commit, or say `workspace = \"shared\"`"
    )]
    None {
        /// The folder, cleaned.
        folder: String,
    },
    /// A repository without a working tree.
    #[error("{folder} is a bare repository: run wavedeck in a clone of it")]
    Bare {
        /// The folder, cleaned.
        folder: String,
    },
    /// Nothing to start from.
    #[error(
        "the repository has no commit yet: workspaces begin with one: run \
         `git add . && git commit`, or `git commit --allow-empty -m start`"
    )]
    NoCommits,
    /// What the plan names as its base is no commit.
    #[error("`{name}` is no commit of this repository: name a branch, a tag or a commit")]
    NoBase {
        /// What was named, cleaned.
        name: String,
    },
    /// The branch that the work goes to could not be made at the end.
    #[error("[merge] {0}")]
    Into(String),
    /// Git itself.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Whose name is on commits that wavedeck makes for an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `user.name`, else `wavedeck`.
    pub name: Vec<u8>,
    /// `user.email`, else `wavedeck@localhost`.
    pub email: Vec<u8>,
}

/// Which part of the tree the user has checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sparse {
    /// Whether the patterns are folders alone.
    pub cone: bool,
    /// `info/sparse-checkout`, as it is.
    pub patterns: Vec<u8>,
}

/// A repository that workspaces can be made of.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The user's working tree.
    pub root: PathBuf,
    /// Its own git folder; of a linked worktree not the common one.
    pub git_dir: PathBuf,
    /// Where objects, refs and configuration lie.
    pub common_dir: PathBuf,
    /// The commit of HEAD, in hex.
    pub head: String,
    /// The branch that HEAD is on, without `refs/heads/`; none where it is detached.
    pub branch: Option<Vec<u8>>,
    /// Whether objects have SHA-256 names.
    pub sha256: bool,
    /// Whether history was cut.
    pub shallow: bool,
    /// Whether it is a linked worktree (`git worktree add`).
    pub linked: bool,
    /// Whether some objects lie with a server only (`git clone --filter`).
    pub partial: bool,
    /// Whether some files are pointers of git-lfs.
    pub lfs: bool,
    /// Folders that are repositories of their own at HEAD, by path.
    pub submodules: Vec<Vec<u8>>,
    /// Which part is checked out, where it is not all.
    pub sparse: Option<Sparse>,
    /// Whose name is on commits.
    pub user: Identity,
    /// Settings that change how files look, and which are ignored; `name`, `value`.
    pub settings: Vec<(String, Vec<u8>)>,
    /// Variables that git gets wherever it works for the user.
    pub env: Vec<(OsString, OsString)>,
}

impl Repository {
    /// Looks at the repository around a folder.
    pub fn open(folder: &Path) -> Result<Self, RepoError> {
        Self::open_with(folder, &[])
    }

    /// Like [`Repository::open`], with variables that git gets wherever it works for the user, such
    /// as another `HOME`.
    pub fn open_with(folder: &Path, env: &[(OsString, OsString)]) -> Result<Self, RepoError> {
        git::version()?;
        let at = |folder: &Path| {
            let git = Git::users(folder);
            env.iter()
                .fold(git, |git, (name, value)| git.env(name, value))
        };
        let git = at(folder);
        let shown = || display::clean_text(&folder.to_string_lossy(), 200);
        let words = [
            "--is-bare-repository",
            "--is-shallow-repository",
            "--show-object-format",
        ];
        let facts = match git.run(&[&["rev-parse"], &words[..]].concat()) {
            Ok(facts) => facts,
            Err(GitError::Failed { said, .. }) if said.contains("not a git repository") => {
                return Err(RepoError::None { folder: shown() });
            }
            Err(error) => return Err(error.into()),
        };
        let facts: Vec<&[u8]> = facts.split(|&b| b == b'\n').collect();
        let is = |at: usize, word: &[u8]| facts.get(at).is_some_and(|f| *f == word);
        if is(0, b"true") {
            return Err(RepoError::Bare { folder: shown() });
        }
        let path = |option: &str| -> Result<PathBuf, GitError> {
            let line = git.line(&["rev-parse", "--path-format=absolute", option])?;
            Ok(PathBuf::from(OsString::from_vec(line)))
        };
        let root = match path("--show-toplevel") {
            Ok(root) => root,
            // Inside of `.git`, or where the working tree is said to be elsewhere.
            Err(GitError::Failed { .. }) => return Err(RepoError::None { folder: shown() }),
            Err(error) => return Err(error.into()),
        };
        let (git_dir, common_dir) = (path("--absolute-git-dir")?, path("--git-common-dir")?);
        let git = at(&root);
        let head = commit(&git, "HEAD")?.ok_or(RepoError::NoCommits)?;
        let named = git.output(&["symbolic-ref", "-q", "HEAD"], &[])?;
        let branch = (named.code == Some(0)).then_some(named.out);
        let branch = branch.as_deref().map(<[u8]>::trim_ascii_end);
        let branch = branch.and_then(|b| b.strip_prefix(b"refs/heads/"));
        let config = Config::read(&git)?;
        let linked = git_dir != common_dir;
        Ok(Self {
            branch: branch.map(<[u8]>::to_vec),
            sha256: is(2, b"sha256"),
            shallow: is(1, b"true"),
            linked,
            partial: config.get("extensions.partialclone").is_some(),
            lfs: lfs(&git, &head)?,
            submodules: submodules(&git, &head)?,
            sparse: sparse(&config, &git_dir),
            user: Identity {
                name: config.text("user.name").unwrap_or(b"wavedeck").to_vec(),
                email: config
                    .text("user.email")
                    .unwrap_or(b"wavedeck@localhost")
                    .to_vec(),
            },
            settings: config.shared(&git)?,
            env: env.to_vec(),
            root,
            git_dir,
            common_dir,
            head,
        })
    }

    /// Git in the user's repository itself, without its working tree: for objects and refs.
    #[must_use]
    pub fn git(&self) -> Git {
        self.at(&self.common_dir).git_dir(&self.common_dir)
    }

    /// Git in a folder of the user's.
    #[must_use]
    pub fn at(&self, folder: &Path) -> Git {
        let env = self.env.iter();
        env.fold(Git::users(folder), |git, (name, value)| {
            git.env(name, value)
        })
    }

    /// The commit that a name of the plan stands for.
    pub fn base(&self, name: &str) -> Result<String, RepoError> {
        let found = commit(&self.at(&self.root), name)?;
        found.ok_or_else(|| RepoError::NoBase {
            name: display::clean_line(name, 100),
        })
    }

    /// Counts the paths that differ from HEAD: changed, staged, and new ones that are not ignored
    /// (a new folder counts once). The run begins with the commit, without them.
    ///
    /// Filters that the repository's own configuration names are not started, so a file with such a
    /// filter may count as changed when only its time has.
    pub fn dirty(&self) -> Result<usize, GitError> {
        let git = without_filters(self.at(&self.root))?;
        let status = [
            "status",
            "--porcelain",
            "-z",
            "--no-renames",
            "--ignore-submodules=all",
        ];
        let out = git.run(&status)?;
        Ok(out.split(|&b| b == 0).filter(|p| !p.is_empty()).count())
    }

    /// What a person should know before a run here, in sentences.
    #[must_use]
    pub fn notes(&self, dirty: usize) -> Vec<String> {
        let mut notes = Vec::new();
        let short = self.head.get(..10).unwrap_or(&self.head);
        if dirty > 0 {
            let paths = if dirty == 1 { "path" } else { "paths" };
            notes.push(format!(
                "{dirty} {paths} with changes that are not committed: agents begin with commit \
                 {short} and do not see them"
            ));
        }
        if self.branch.is_none() {
            notes.push(format!(
                "HEAD is on no branch: agents begin with commit {short}"
            ));
        }
        if self.shallow {
            notes.push("history was cut (shallow clone): agents see what is there".to_owned());
        }
        if self.partial {
            let text = "a partial clone: what was never fetched cannot be checked out; \
                        `git fetch --refetch --filter=blob:limit=1g` brings it";
            notes.push(text.to_owned());
        }
        if self.lfs {
            let text = "files of git-lfs are pointers in workspaces; `git lfs pull` in `setup` \
                        fetches them";
            notes.push(text.to_owned());
        }
        if self.sparse.is_some() {
            notes.push("only a part is checked out (sparse): workspaces have the same".to_owned());
        }
        notes
    }

    /// A name for the folder of its workspaces: its own, and what tells it from others of that name.
    #[must_use]
    pub fn folder_name(&self) -> String {
        use std::{fmt::Write as _, os::unix::ffi::OsStrExt};
        let own = self.root.file_name().unwrap_or_default().to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let mut name: String = own
            .chars()
            .map(|c| if plain(c) { c } else { '-' })
            .collect();
        name.truncate(40);
        let mut name = name.trim_start_matches('.').to_owned();
        name.push('-');
        for byte in Sha256::digest(self.root.as_os_str().as_bytes())
            .iter()
            .take(4)
        {
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}

/// The same git with the filters off that the repository's own configuration defines, with all files
/// that it includes: who can write there could have any program started by them. Those of the user's own
/// configuration stay.
pub fn without_filters(git: Git) -> Result<Git, GitError> {
    let list = [
        "config",
        "-z",
        "--list",
        "--show-scope",
        "--includes",
        "--name-only",
    ];
    let found = git.run(&list)?;
    let mut fields = found.split(|&b| b == 0);
    let mut names = Vec::new();
    while let (Some(scope), Some(name)) = (fields.next(), fields.next()) {
        let own = scope == b"local" || scope == b"worktree";
        if own && name.starts_with(b"filter.") {
            names.push(name);
        }
    }
    // Not by `-c`, which takes the first `=` for the end of the name, and names may have one.
    let mut git = git.env("GIT_CONFIG_COUNT", names.len().to_string());
    for (at, name) in names.into_iter().enumerate() {
        let value = if name.ends_with(b".required") {
            "false"
        } else {
            ""
        };
        git = git
            .env(
                format!("GIT_CONFIG_KEY_{at}"),
                OsString::from_vec(name.to_vec()),
            )
            .env(format!("GIT_CONFIG_VALUE_{at}"), value);
    }
    Ok(git)
}

/// The commit that a name stands for.
fn commit(git: &Git, name: &str) -> Result<Option<String>, GitError> {
    let peeled = format!("{name}^{{commit}}");
    let args = ["rev-parse", "-q", "--verify", "--end-of-options", &peeled];
    let found = git.output(&args, &[])?;
    Ok(oid(found.out.trim_ascii_end()).filter(|_| found.code == Some(0)))
}

/// A full object name in hex.
pub(super) fn oid(bytes: &[u8]) -> Option<String> {
    let fits = matches!(bytes.len(), 40 | 64)
        && bytes
            .iter()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b));
    fits.then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// Whether any attributes of the commit send files through git-lfs.
fn lfs(git: &Git, head: &str) -> Result<bool, GitError> {
    let found = git.output(
        &[
            "grep",
            "-q",
            "-F",
            "filter=lfs",
            head,
            "--",
            ":(glob)**/.gitattributes",
        ],
        &[],
    )?;
    Ok(found.code == Some(0))
}

/// Paths of the commit that are repositories of their own.
fn submodules(git: &Git, head: &str) -> Result<Vec<Vec<u8>>, GitError> {
    let module = format!("{head}:.gitmodules");
    if git.output(&["cat-file", "-e", &module], &[])?.code != Some(0) {
        return Ok(Vec::new());
    }
    let tree = git
        .clone()
        .most(256 << 20)
        .run(&["ls-tree", "-r", "-z", "--full-tree", head])?;
    let lines = tree.split(|&b| b == 0);
    let links = lines.filter_map(|line| line.strip_prefix(b"160000 commit "));
    let paths = links.filter_map(|line| Some(line.splitn(2, |&b| b == b'\t').nth(1)?.to_vec()));
    Ok(paths.collect())
}

fn sparse(config: &Config, git_dir: &Path) -> Option<Sparse> {
    config.truth("core.sparsecheckout").then_some(())?;
    let patterns = fs::read(git_dir.join("info/sparse-checkout")).ok()?;
    let cone = config.truth("core.sparsecheckoutcone");
    Some(Sparse { cone, patterns })
}
