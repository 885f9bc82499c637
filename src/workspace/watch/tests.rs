//! The watcher against real repositories.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::*;
use crate::{conflict::scope::Scope, workspace::git::Git};

mod cost;
mod hostile;
mod predictions;

/// A repository, clones of it, and a watcher.
struct Rig {
    folder: TempDir,
    base: String,
    settings: Settings,
    watch: Option<Watch>,
    heard: Option<Receiver<Notice>>,
    /// All that was told.
    log: Vec<Notice>,
}

fn key(agent: u32) -> Key {
    Key { agent, attempt: 1 }
}

fn git(dir: &Path, args: &[&str]) -> String {
    let git = Git::ours(dir)
        .setting("user.name=t")
        .setting("user.email=t@invalid")
        .setting("init.defaultBranch=main");
    String::from_utf8(git.run(args).unwrap())
        .unwrap()
        .trim()
        .to_owned()
}

fn write(path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn lines(changed: &[(usize, &str)]) -> String {
    (0..40)
        .map(|n| {
            let line = changed.iter().find(|(at, _)| *at == n);
            line.map_or_else(|| format!("line {n}\n"), |(_, text)| format!("{text}\n"))
        })
        .collect()
}

impl Rig {
    fn new() -> Self {
        Self::with(|repo| {
            write(repo.join("src/a.rs"), lines(&[]));
            write(repo.join("src/b.rs"), lines(&[]));
            write(repo.join("docs/x.md"), "x\n");
            write(repo.join("Cargo.lock"), lines(&[]));
            write(repo.join(".gitignore"), "/target\nnode_modules/\n*.log\n");
        })
    }

    fn with(fill: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repo = folder.path().join("repo");
        fs::create_dir(&repo).unwrap();
        git(&repo, &["init", "-q"]);
        fill(&repo);
        git(&repo, &["add", "-A"]);
        git(&repo, &["commit", "-qm", "first"]);
        let base = git(&repo, &["rev-parse", "HEAD"]);
        let settings = Settings {
            private: folder.path().join("private dir"),
            ..Settings::default()
        };
        Self {
            folder,
            base,
            settings,
            watch: None,
            heard: None,
            log: Vec::new(),
        }
    }

    fn root(&self, agent: u32) -> std::path::PathBuf {
        self.folder.path().join(format!("work \"{agent}\".1"))
    }

    fn path(&self, agent: u32, path: &str) -> std::path::PathBuf {
        self.root(agent).join(path)
    }

    fn clone(&self, agent: u32) {
        let to = self.root(agent);
        let (repo, to) = (self.folder.path().join("repo"), to.to_str().unwrap());
        git(&repo, &["clone", "-q", "--shared", ".", to]);
    }

    fn watch(&mut self) -> &Watch {
        if self.watch.is_none() {
            let (tell, heard) = channel();
            let tell = move |notice| drop(tell.send(notice));
            self.watch = Some(Watch::start(self.settings.clone(), tell).unwrap());
            self.heard = Some(heard);
        }
        self.watch.as_ref().unwrap()
    }

    fn add_with(&mut self, agent: u32, scope: &[&str], domains: &[(&str, bool)]) {
        let workspace = Workspace {
            key: key(agent),
            path: self.root(agent),
            base: self.base.clone(),
            fresh: None,
            scope: Scope::new(scope, &[]).unwrap(),
            domains: domains
                .iter()
                .map(|(name, critical)| Domain {
                    name: (*name).into(),
                    critical: *critical,
                })
                .collect(),
        };
        self.watch().add(workspace, false);
    }

    /// Clones and watches; returns when it is watched.
    fn add(&mut self, agent: u32) {
        self.clone(agent);
        self.add_with(agent, &[], &[]);
        self.watched(agent);
    }

    /// Waits until a change in the root is seen, and undoes it.
    fn watched(&mut self, agent: u32) {
        self.put(agent);
        self.until(
            |n| matches!(n, Notice::Dirty { key: k, count, .. } if *k == key(agent) && *count > 0),
        );
        self.take_away(agent);
        self.clean(agent);
    }

    fn clean(&mut self, agent: u32) {
        self.dirty(agent, 0);
    }

    fn dirty(&mut self, agent: u32, expected: usize) {
        self.until(|n| matches!(n, Notice::Dirty { key: k, count, .. } if *k == key(agent) && *count == expected));
    }

    /// Waits for a notice; those before it are kept in the log.
    fn until(&mut self, is: impl Fn(&Notice) -> bool) -> Notice {
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.heard.as_ref().unwrap().recv_timeout(left) {
                Ok(notice) => {
                    self.log.push(notice.clone());
                    if is(&notice) {
                        return notice;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("not told; before: {:#?}", self.log),
                Err(RecvTimeoutError::Disconnected) => panic!("the watcher ended: {:#?}", self.log),
            }
        }
    }

    fn predicted(&mut self) -> Predicted {
        match self.until(|n| matches!(n, Notice::Predicted(_))) {
            Notice::Predicted(predicted) => *predicted,
            _ => unreachable!(),
        }
    }

    /// Waits until the watcher has looked at a workspace after everything before: a new file in it is
    /// counted. It is looked at twice for that, once for each move.
    fn settle(&mut self, agent: u32, before: usize) {
        self.put(agent);
        self.dirty(agent, before + 1);
        self.take_away(agent);
        self.dirty(agent, before);
    }

    /// Puts a file into a workspace by a move, of which the kernel tells once; of writing one it tells
    /// several times, with any time in between.
    fn put(&self, agent: u32) {
        let aside = self.folder.path().join("probe");
        write(&aside, "");
        fs::rename(aside, self.path(agent, "probe")).unwrap();
    }

    fn take_away(&self, agent: u32) {
        let aside = self.folder.path().join("probe");
        fs::rename(self.path(agent, "probe"), aside).unwrap();
    }
}

#[test]
fn dirty_paths_are_what_differs_from_the_base_committed_or_not() {
    let mut rig = Rig::new();
    rig.add(0);
    write(rig.path(0, "src/a.rs"), "changed");
    rig.dirty(0, 1);
    write(rig.path(0, "new/deep/er/file"), "x");
    rig.dirty(0, 2);
    fs::remove_file(rig.path(0, "src/b.rs")).unwrap();
    rig.dirty(0, 3);
    // A commit changes nothing: it is work as before.
    git(&rig.root(0), &["add", "-A"]);
    git(&rig.root(0), &["commit", "-qm", "work"]);
    write(rig.path(0, "new/deep/er/second"), "x");
    rig.dirty(0, 4);
    // Back to the base.
    git(&rig.root(0), &["reset", "-q", "--hard", &rig.base.clone()]);
    fs::remove_dir_all(rig.path(0, "new")).unwrap();
    rig.clean(0);
    // A folder that was moved is watched in its new place.
    fs::rename(rig.path(0, "src"), rig.path(0, "moved")).unwrap();
    rig.dirty(0, 4);
    write(rig.path(0, "moved/third"), "x");
    rig.dirty(0, 5);
}

#[test]
fn what_is_ignored_is_not_watched_and_not_dirty() {
    let mut rig = Rig::new();
    rig.clone(0);
    for n in 0..50 {
        write(rig.path(0, &format!("target/debug/{n}/x")), "");
        write(rig.path(0, &format!("web/node_modules/p{n}/x.js")), "");
    }
    rig.add_with(0, &[], &[]);
    rig.watched(0);
    // The root, src, docs and web.
    let watches = rig.watch().stats().watches;
    assert_eq!(watches, 4);
    write(rig.path(0, "target/debug/7/y"), "");
    write(rig.path(0, "docs/node_modules/q/y.js"), "");
    write(rig.path(0, "docs/run.log"), "");
    rig.settle(0, 0);
    assert_eq!(rig.watch().stats().watches, 4);
    // A log that grows is asked about twice, then known.
    for text in ["1", "2", "3"] {
        write(rig.path(0, "docs/run.log"), text);
        rig.settle(0, 0);
    }
    let before = rig.watch().stats().verifications;
    write(rig.path(0, "docs/run.log"), "4");
    rig.settle(0, 0);
    // Those of the settling alone.
    assert_eq!(rig.watch().stats().verifications - before, 2);
    // Until what is ignored changes.
    write(rig.path(0, ".gitignore"), "/target\n");
    // `.gitignore`, two logs and packages.
    rig.until(|n| matches!(n, Notice::Dirty { count, .. } if *count == 1 + 1 + 1 + 50));
    write(rig.path(0, "web/node_modules/p1/z.js"), "");
    rig.dirty(0, 54);
}

#[test]
fn paths_outside_of_the_scope_are_told_once() {
    let mut rig = Rig::new();
    rig.clone(0);
    rig.add_with(0, &["src"], &[]);
    rig.watched_outside();
    write(rig.path(0, "src/inside"), "x");
    write(rig.path(0, "docs/x.md"), "y");
    let told = rig.until(|n| matches!(n, Notice::Outside { .. }));
    let expected = Notice::Outside {
        key: key(0),
        paths: vec![b"docs/x.md".as_slice().into()],
        more: 0,
    };
    assert_eq!(told, expected);
    write(rig.path(0, "docs/x.md"), "z");
    for n in 0..60 {
        write(rig.path(0, &format!("docs/n{n:02}")), "");
    }
    let (mut paths, mut more) = (0, 0);
    while paths + more < 60 {
        let told = rig.until(|n| matches!(n, Notice::Outside { .. }));
        let Notice::Outside {
            paths: p, more: m, ..
        } = told
        else {
            unreachable!()
        };
        assert!(p.iter().all(|p| p.starts_with(b"docs/n")), "{p:?}");
        assert!(p.len() <= 50);
        paths += p.len();
        more += m;
    }
    assert_eq!(paths + more, 60);
}

impl Rig {
    /// As [`Rig::watched`], where the probe lies outside of the scope.
    fn watched_outside(&mut self) {
        self.watched(0);
        assert!(self.log.iter().any(|n| matches!(n, Notice::Outside { .. })));
    }
}

#[test]
fn nothing_runs_while_nothing_changes_and_all_goes_with_the_last_workspace() {
    let mut rig = Rig::new();
    rig.add(0);
    rig.add(1);
    rig.settle(0, 0);
    rig.settle(1, 0);
    let before = rig.watch().stats();
    // Reading is no change.
    for _ in 0..20 {
        fs::read(rig.path(0, "src/a.rs")).unwrap();
        fs::read_dir(rig.path(0, "src")).unwrap().for_each(drop);
        git(&rig.root(0), &["log", "--oneline"]);
    }
    rig.settle(1, 0);
    let after = rig.watch().stats();
    // Those of the settling alone.
    assert_eq!(
        after.verifications - before.verifications,
        2,
        "{before:?} {after:?}"
    );
    rig.watch().remove(key(0));
    rig.watch().remove(key(1));
    rig.clone(2);
    rig.add_with(2, &[], &[]);
    rig.watched(2);
    assert_eq!(rig.watch().stats().watches, 3);
    let private = rig.settings.private.clone();
    let names = |dir: &Path| fs::read_dir(dir).unwrap().count();
    assert_eq!(names(&private), 1);
    drop(rig.watch.take());
    assert_eq!(names(&private), 0);
}

#[test]
fn without_watches_git_is_asked_at_intervals_and_that_is_told() {
    let mut rig = Rig::new();
    rig.settings.most_watches = Some(2);
    rig.clone(0);
    rig.add_with(0, &[], &[]);
    let told = rig.until(|n| matches!(n, Notice::Degraded { .. }));
    let Notice::Degraded { key: of, why } = told else {
        unreachable!()
    };
    assert_eq!(of, Some(key(0)));
    assert_eq!(
        why,
        "it has more folders than may be watched (fs.inotify.max_user_watches): its changes are \
         looked for every 5 s"
    );
    write(rig.path(0, "docs/deep/y"), "x");
    rig.dirty(0, 1);
    assert_eq!(rig.watch().stats().watches, 0);
}
