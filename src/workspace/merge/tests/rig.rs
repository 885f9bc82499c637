//! A repository made by script, and git's own merge in a throw-away clone.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use crate::{
    conflict::{ConflictDoc, Content, RepoPath},
    workspace::{
        git::Git,
        merge::{Objects, Store, Tried, Whose, try_merge},
    },
};

pub const FILE: &str = "100644";
pub const PROGRAM: &str = "100755";
pub const LINK: &str = "120000";
pub const COMMIT: &str = "160000";

/// Path, mode, content (for a commit: its name).
pub type File<'a> = (&'a [u8], &'a str, &'a [u8]);

/// A plain file.
pub fn file<'a>(path: &'a str, text: &'a str) -> File<'a> {
    (path.as_bytes(), FILE, text.as_bytes())
}

pub struct Rig {
    /// Holds the repository `r`, scratch files and clones.
    pub dir: tempfile::TempDir,
    pub store: Store,
    made: std::cell::Cell<u32>,
}

impl Rig {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("r");
        std::fs::create_dir(&root).unwrap();
        git(&root).run(&["init", "-q", "-b", "main"]).unwrap();
        let store = Store::new(root.join(".git"), dir.path().join("scratch"));
        let made = std::cell::Cell::new(0);
        Self { dir, store, made }
    }

    /// Over a repository that is there.
    pub fn over(git_dir: PathBuf) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let objects = Objects::Quarantined {
            dir: dir.path().join("objects"),
            also: Vec::new(),
        };
        let store = Store::new(git_dir, dir.path().join("scratch")).with_objects(objects);
        let made = std::cell::Cell::new(0);
        Self { dir, store, made }
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("r")
    }

    pub fn git(&self) -> Git {
        git(&self.root())
    }

    pub fn line(&self, args: &[&str]) -> String {
        String::from_utf8(self.git().line(args).unwrap()).unwrap()
    }

    /// A commit with exactly these files.
    pub fn commit(&self, parents: &[&str], files: &[File<'_>]) -> String {
        let n = self.made.get() + 1;
        self.made.set(n);
        let name = format!("refs/rig/{n}");
        let mut all = format!("commit {name}\ncommitter r <r@r> {n} +0000\ndata 0\n").into_bytes();
        for (i, parent) in parents.iter().enumerate() {
            let word = if i == 0 { "from" } else { "merge" };
            all.extend(format!("{word} {parent}\n").bytes());
        }
        all.extend(b"deleteall\n");
        for (path, mode, content) in files {
            let mut quoted = String::new();
            for b in *path {
                let _ = write!(quoted, "\\{b:03o}");
            }
            if *mode == COMMIT {
                let oid = std::str::from_utf8(content).unwrap();
                all.extend(format!("M {mode} {oid} \"{quoted}\"\n").bytes());
                continue;
            }
            all.extend(format!("M {mode} inline \"{quoted}\"\ndata {}\n", content.len()).bytes());
            all.extend(*content);
            all.push(b'\n');
        }
        all.extend(b"done\n");
        self.git()
            .feed(&["fast-import", "--quiet", "--done", "--force"], &all)
            .unwrap();
        self.line(&["rev-parse", &name])
    }

    /// Base, ours and theirs as commits.
    pub fn three(&self, base: &[File<'_>], ours: &[File<'_>], theirs: &[File<'_>]) -> [String; 3] {
        let base = self.commit(&[], base);
        let ours = self.commit(&[&base], ours);
        let theirs = self.commit(&[&base], theirs);
        [base, ours, theirs]
    }

    pub fn merge(&self, onto: &str, theirs: &str) -> Tried {
        let whose = Whose {
            conflict: "c1",
            agent: "api",
            attempt: 2,
        };
        try_merge(&self.store, onto, theirs, &whose).unwrap()
    }

    pub fn conflict(&self, onto: &str, theirs: &str) -> ConflictDoc {
        match self.merge(onto, theirs) {
            Tried::Conflict { doc, .. } => *doc,
            other => panic!("no conflict: {other:?}"),
        }
    }

    /// All files of a tree.
    pub fn files(&self, tree: &str) -> Vec<(String, Vec<u8>)> {
        let out = self.git().run(&["ls-tree", "-r", "-z", tree]).unwrap();
        let mut all = Vec::new();
        for line in out.split(|b| *b == 0).filter(|l| !l.is_empty()) {
            let tab = line.iter().position(|b| *b == b'\t').unwrap();
            let head = std::str::from_utf8(&line[..tab]).unwrap();
            let mut words = head.split(' ');
            let (mode, oid) = (words.next().unwrap(), words.nth(1).unwrap());
            let content = match mode {
                COMMIT => oid.as_bytes().to_vec(),
                _ => self.git().run(&["cat-file", "blob", oid]).unwrap(),
            };
            let path = RepoPath::new(&line[tab + 1..]).to_text().into_owned();
            let path = if mode == FILE {
                path
            } else {
                format!("{path} {mode}")
            };
            all.push((path, content));
        }
        all
    }

    pub fn text(&self, tree: &str, path: &str) -> String {
        let out = self
            .git()
            .run(&["cat-file", "blob", &format!("{tree}:{path}")]);
        String::from_utf8(out.unwrap()).unwrap()
    }

    /// What `git merge` does in a throw-away clone.
    pub fn gits(&self, onto: &str, theirs: &str) -> Gits {
        let clone = self.dir.path().join("clone");
        if !clone.is_dir() {
            let from = self.store.git_dir().to_owned();
            let quiet = ["clone", "-q", "--shared", "--no-checkout"].map(std::ffi::OsString::from);
            let mut args = quiet.to_vec();
            args.extend([from.into(), clone.clone().into()]);
            git(self.dir.path()).run(&args).unwrap();
        }
        let git = git(&clone);
        git.run(&["checkout", "-q", "--force", "--detach", onto])
            .unwrap();
        git.run(&["clean", "-q", "-ffdx"]).unwrap();
        let merge = ["merge", "--no-ff", "--no-commit", "-q", theirs];
        let merged = git.output(&merge, &[]).unwrap();
        let mut unmerged = Vec::new();
        let listed = git.run(&["ls-files", "-u", "-z"]).unwrap();
        for line in listed.split(|b| *b == 0).filter(|l| !l.is_empty()) {
            let tab = line.iter().position(|b| *b == b'\t').unwrap();
            unmerged.push((RepoPath::new(&line[tab + 1..]), line[tab - 1] - b'0'));
        }
        unmerged.sort();
        let tree = unmerged.is_empty().then(|| {
            let tree = git.line(&["write-tree"]).unwrap();
            String::from_utf8(tree).unwrap()
        });
        assert_eq!(merged.code == Some(0), unmerged.is_empty(), "{merged:?}");
        Gits { tree, unmerged }
    }

    /// Fails unless our merge is git's: the same verdict, the same files, the same clean tree.
    pub fn same_as_git(&self, onto: &str, theirs: &str) -> Tried {
        let ours = self.merge(onto, theirs);
        let gits = self.gits(onto, theirs);
        match &ours {
            Tried::Contained => {
                let tree =
                    git(self.store.git_dir()).line(&["rev-parse", &format!("{onto}^{{tree}}")]);
                assert_eq!(gits.tree.map(String::into_bytes), tree.ok());
            }
            Tried::FastForward { tree } | Tried::Clean { tree, .. } => {
                assert_eq!(gits.tree.as_ref(), Some(tree));
                assert!(gits.unmerged.is_empty());
            }
            Tried::Conflict { doc, .. } => {
                assert_eq!(gits.tree, None, "git merges {onto} {theirs}");
                assert_eq!(stages(doc), gits.unmerged);
            }
        }
        ours
    }
}

pub struct Gits {
    /// If it merges.
    pub tree: Option<String>,
    /// Paths and stages, sorted.
    pub unmerged: Vec<(RepoPath, u8)>,
}

/// The stages of a document under the names that `git merge` gives: what is moved out of the way is
/// named for `HEAD` there.
fn stages(doc: &ConflictDoc) -> Vec<(RepoPath, u8)> {
    let mut all = Vec::new();
    for part in doc.files.iter().flat_map(|f| &f.parts) {
        let mut path = part.path.as_bytes().to_vec();
        let label = format!("~{}", doc.onto);
        if let Some(at) = path
            .windows(label.len())
            .position(|w| w == label.as_bytes())
        {
            path.splice(at..at + label.len(), *b"~HEAD");
        }
        for (stage, entry) in [(1, &part.base), (2, &part.ours), (3, &part.theirs)] {
            if entry.is_some() {
                all.push((RepoPath::new(path.clone()), stage));
            }
        }
    }
    all.sort();
    all
}

/// Git with nobody's configuration.
pub fn git(dir: &Path) -> Git {
    let mut git = Git::ours(dir);
    for who in ["AUTHOR", "COMMITTER"] {
        git = git
            .env(format!("GIT_{who}_NAME"), "r")
            .env(format!("GIT_{who}_EMAIL"), "r@r")
            .env(format!("GIT_{who}_DATE"), "@1 +0000");
    }
    git
}

/// The text of a composed file.
pub fn composed(contents: &[(RepoPath, Content)], path: &str) -> String {
    let found = contents.iter().find(|(p, _)| *p == RepoPath::from(path));
    match found {
        Some((_, Content::Text { text, .. })) => text.clone(),
        other => panic!("{path}: {other:?}"),
    }
}
