//! Workspaces on real repositories: what is there, clones, pool, collecting, cleaning up. After each
//! of them nothing of the user's has changed.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use wavedeck::workspace::{
    Attempt, CollectError, Collected, Git, Look, MakeError, Pool, RepoError, Repository, Status,
    Untouched, Workspace, Workspaces, collect, guard, look,
};

/// A user with a home, a repository and a state folder, and nobody's configuration but theirs.
struct Desk {
    home: TempDir,
    repo: PathBuf,
}

impl Desk {
    fn empty() -> Self {
        let home = TempDir::new().unwrap();
        let repo = home.path().join("shop");
        fs::create_dir(&repo).unwrap();
        let desk = Self { home, repo };
        desk.git(&["init", "-q", "-b", "main"]);
        desk
    }

    /// With two commits.
    fn new() -> Self {
        let desk = Self::empty();
        desk.write("a.txt", "one\n");
        desk.write("src/b.txt", "b\n");
        desk.write(".gitignore", "*.log\ntarget/\n.env*\n");
        desk.write("run.sh", "#!/bin/sh\n");
        fs::set_permissions(desk.repo.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("a.txt", desk.repo.join("link")).unwrap();
        desk.commit("first");
        desk.write("a.txt", "one\ntwo\n");
        desk.commit("second");
        desk
    }

    fn env(&self) -> Vec<(OsString, OsString)> {
        let home = self.home.path().as_os_str();
        [
            ("HOME", home),
            ("XDG_CONFIG_HOME", home),
            (
                "GIT_CONFIG_GLOBAL",
                self.home.path().join("gitconfig").as_os_str(),
            ),
            ("GIT_CONFIG_NOSYSTEM", OsStr::new("1")),
        ]
        .map(|(name, value)| (name.into(), value.to_owned()))
        .to_vec()
    }

    /// As a person or an agent runs it.
    fn git_in(&self, folder: &Path, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.arg("-C").arg(folder).args(args).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.envs(self.env());
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "Ada");
            command.env(format!("GIT_{role}_EMAIL"), "ada@example.org");
        }
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {error}");
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.repo, args)
    }

    fn write(&self, path: &str, text: &str) {
        write(&self.repo, path, text);
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn open(&self) -> Result<Repository, RepoError> {
        Repository::open_with(&self.repo, &self.env())
    }

    fn state(&self) -> PathBuf {
        self.home.path().join("state")
    }

    fn spaces_with(&self, copy: &[&str], link: &[&str]) -> Result<Workspaces, MakeError> {
        let owned =
            |list: &[&str]| -> Vec<String> { list.iter().map(ToString::to_string).collect() };
        let repo = self.open().unwrap();
        Workspaces::new(repo, &self.state(), "run1", &owned(copy), &owned(link), 0)
    }

    fn spaces(&self) -> Workspaces {
        self.spaces_with(&[], &[]).unwrap()
    }

    fn look(&self) -> Untouched {
        Untouched::take(&self.open().unwrap()).unwrap()
    }

    /// The content of a file in a commit of the user's repository.
    fn show(&self, commit: &str, path: &str) -> String {
        self.git(&["show", &format!("{commit}:{path}")])
    }
}

fn write(folder: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn try_collect(spaces: &Workspaces, name: &str) -> Result<Collected, CollectError> {
    let base = spaces.repository().head.clone();
    spaces.collect(&Attempt {
        name,
        folder: name,
        base: &base,
        message: "api: what was not committed\n",
        largest: collect::LARGEST,
    })
}

fn make(spaces: &Workspaces, name: &str) -> Workspace {
    spaces
        .make(name, &spaces.repository().head.clone())
        .unwrap()
}

fn paths(collected: &Collected) -> Vec<(String, Status)> {
    let list = collected.changed.list.iter();
    list.map(|c| (String::from_utf8_lossy(&c.path).into_owned(), c.status))
        .collect()
}

/// Nothing of the user's differs.
#[track_caller]
fn same(desk: &Desk, before: &Untouched) {
    assert_eq!(before.differences(&desk.look()), Vec::<PathBuf>::new());
}

#[test]
fn the_fingerprint_sees_each_kind_of_change() {
    let desk = Desk::new();
    let changes: [(&str, &dyn Fn()); 6] = [
        ("a.txt", &|| desk.write("a.txt", "x")),
        (".git/index", &|| drop(desk.git(&["add", "a.txt"]))),
        (".git/refs/stash", &|| drop(desk.git(&["stash", "-q"]))),
        (".git/config", &|| drop(desk.git(&["config", "a.b", "c"]))),
        (".git/refs/heads/new", &|| {
            drop(desk.git(&["branch", "new"]));
        }),
        (".git/HEAD", &|| drop(desk.git(&["switch", "-q", "new"]))),
    ];
    for (path, change) in changes {
        let before = desk.look();
        same(&desk, &before);
        change();
        let found = before.differences(&desk.look());
        assert!(found.contains(&PathBuf::from(path)), "{path}: {found:?}");
    }
    let before = desk.look();
    desk.git(&["update-ref", "refs/wavedeck/r/x.1", "HEAD"]);
    same(&desk, &before);
    desk.git(&["pack-refs", "--all"]);
    assert!(!before.differences(&desk.look()).is_empty());
}

#[test]
fn what_cannot_work_is_refused_with_what_to_do() {
    let desk = Desk::empty();
    let error = desk.open().unwrap_err().to_string();
    assert!(error.contains("git commit"), "{error}");
    let bare = desk.home.path().join("bare");
    desk.git(&["clone", "-q", "--bare", ".", &bare.display().to_string()]);
    let error = Repository::open_with(&bare, &desk.env()).unwrap_err();
    assert!(matches!(error, RepoError::Bare { .. }), "{error}");
    let error = Repository::open_with(desk.home.path(), &desk.env()).unwrap_err();
    assert!(
        error.to_string().contains("workspace = \"shared\""),
        "{error}"
    );
    desk.commit("first");
    let error = desk.open().unwrap().base("--output=x").unwrap_err();
    assert!(matches!(error, RepoError::NoBase { .. }), "{error}");
}

#[test]
fn a_workspace_is_a_clone_of_its_own_that_is_clean() {
    let desk = Desk::new();
    desk.git(&["tag", "v1"]);
    desk.git(&["remote", "add", "origin", "/nowhere"]);
    desk.git(&["config", "user.name", "Ada \"the\" first # = x"]);
    desk.git(&["config", "user.email", "ada@example.org"]);
    write(&desk.repo, ".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n");
    let hook = desk.repo.join(".git/hooks/pre-commit");
    fs::set_permissions(hook, fs::Permissions::from_mode(0o755)).unwrap();
    desk.write("a.txt", "the user's own, not committed\n");
    desk.write("new.txt", "new\n");
    let before = desk.look();
    let repo = desk.open().unwrap();
    assert_eq!(repo.dirty().unwrap(), 2);
    let notes = repo.notes(2).join("\n");
    assert!(
        notes.contains("2 paths with changes that are not committed"),
        "{notes}"
    );

    let spaces = desk.spaces();
    let made = make(&spaces, "api.1");
    assert_eq!(made.notes, Vec::<String>::new());
    let git = |args: &[&str]| desk.git_in(&made.path, args);
    assert_eq!(git(&["status", "--porcelain"]), "");
    assert_eq!(
        git(&["rev-parse", "HEAD", "main", "v1"]),
        [repo.head.as_str(); 3].join("\n")
    );
    assert_eq!(git(&["branch", "--show-current"]), "wavedeck/api");
    assert_eq!(git(&["remote"]), "");
    assert_eq!(git(&["config", "user.name"]), "Ada \"the\" first # = x");
    assert_eq!(git(&["fsck", "--no-dangling"]), "");
    assert_eq!(
        fs::read_to_string(made.path.join("a.txt")).unwrap(),
        "one\ntwo\n"
    );
    let mode = |path: &str| {
        fs::symlink_metadata(made.path.join(path))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode("run.sh") & 0o111, 0o111);
    assert_eq!(mode("") & 0o777, 0o700);
    assert_eq!(
        fs::read_link(made.path.join("link")).unwrap(),
        Path::new("a.txt")
    );
    assert!(matches!(
        spaces.make("api.1", &repo.head),
        Err(MakeError::Taken(_))
    ));
    // Its own stash, branches, hooks: none of it reaches the user.
    fs::write(made.path.join("a.txt"), "agent\n").unwrap();
    git(&["stash", "-q"]);
    git(&["switch", "-q", "-c", "feature"]);
    fs::write(made.path.join("a.txt"), "agent\n").unwrap();
    git(&["commit", "-q", "-am", "no hook runs"]);
    same(&desk, &before);
    spaces.discard("api.1").unwrap();
    spaces.discard("api.1").unwrap();
    assert!(!made.path.exists());
    // Only the failed one could have left something.
    let left: Vec<_> = fs::read_dir(spaces.folder()).unwrap().collect();
    assert_eq!(left.len(), 0, "{left:?}");
    same(&desk, &before);
}

#[test]
fn what_is_borrowed_outlives_the_users_own_collection_of_garbage() {
    let desk = Desk::new();
    let spaces = desk.spaces();
    let made = make(&spaces, "api.1");
    desk.git(&["reset", "-q", "--hard", "HEAD^"]);
    desk.git(&["reflog", "expire", "--expire=now", "--all"]);
    desk.git(&["gc", "-q", "--prune=now"]);
    assert_eq!(desk.git_in(&made.path, &["fsck", "--no-dangling"]), "");
    assert_eq!(desk.git_in(&made.path, &["show", "HEAD:a.txt"]), "one\ntwo");
}

#[test]
fn a_detached_shallow_or_linked_repository_works_and_says_so() {
    let desk = Desk::new();
    desk.git(&["checkout", "-q", "--detach"]);
    let repo = desk.open().unwrap();
    assert_eq!(repo.branch, None);
    assert!(repo.notes(0)[0].contains("on no branch"));
    let before = desk.look();
    make(&desk.spaces(), "a.1");
    same(&desk, &before);

    let shallow = desk.home.path().join("shallow");
    let url = format!("file://{}", desk.repo.display());
    desk.git(&[
        "clone",
        "-q",
        "--depth=1",
        "-b",
        "main",
        &url,
        &shallow.display().to_string(),
    ]);
    let linked = desk.home.path().join("linked");
    desk.git(&[
        "worktree",
        "add",
        "-q",
        &linked.display().to_string(),
        "main",
    ]);
    for (folder, word) in [(shallow, Some("shallow")), (linked, None)] {
        let repo = Repository::open_with(&folder, &desk.env()).unwrap();
        assert_eq!(
            (repo.shallow, repo.linked),
            (word.is_some(), word.is_none())
        );
        assert_eq!(repo.notes(0).len(), usize::from(word.is_some()));
        let before = Untouched::take(&repo).unwrap();
        let spaces = Workspaces::new(repo.clone(), &desk.state(), "run1", &[], &[], 0).unwrap();
        let made = make(&spaces, "b.1");
        assert_eq!(desk.git_in(&made.path, &["status", "--porcelain"]), "");
        fs::write(made.path.join("new.txt"), "new\n").unwrap();
        let collected = try_collect(&spaces, "b.1").unwrap();
        assert_eq!(paths(&collected), [("new.txt".to_owned(), Status::Added)]);
        assert_eq!(
            before.differences(&Untouched::take(&repo).unwrap()),
            Vec::<PathBuf>::new()
        );
    }
}

#[test]
fn submodules_are_filled_from_the_users_checkout_or_said_to_be_empty() {
    let desk = Desk::new();
    let lib = desk.home.path().join("lib");
    fs::create_dir(&lib).unwrap();
    desk.git_in(&lib, &["init", "-q", "-b", "main"]);
    write(&lib, "lib.txt", "lib\n");
    desk.git_in(&lib, &["add", "-A"]);
    desk.git_in(&lib, &["commit", "-qm", "lib"]);
    let add = [
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        "../lib",
        "vendor/lib",
    ];
    desk.git(&add);
    desk.commit("with a submodule");
    let before = desk.look();
    let spaces = desk.spaces();
    let made = make(&spaces, "a.1");
    assert_eq!(made.notes, Vec::<String>::new());
    assert_eq!(
        fs::read_to_string(made.path.join("vendor/lib/lib.txt")).unwrap(),
        "lib\n"
    );
    assert_eq!(desk.git_in(&made.path, &["status", "--porcelain"]), "");
    // An agent's commit in it is not lost without a word.
    let inner = made.path.join("vendor/lib");
    write(&inner, "lib.txt", "more\n");
    desk.git_in(&inner, &["checkout", "-q", "--detach"]);
    desk.git_in(&inner, &["commit", "-qam", "more"]);
    let collected = try_collect(&spaces, "a.1").unwrap();
    assert_eq!(collected.changed.total, 0);
    assert_eq!(left_out(&collected), ["vendor/lib"]);
    same(&desk, &before);
    // Nor one on a branch, nor one that its own commit names, nor what it did not commit there.
    for (n, words) in [
        "git checkout -q -b mine && echo m > lib.txt && git commit -qam m",
        "echo m > lib.txt && git commit -qam m && cd ../.. && git commit -qam moved",
        "echo m > new.txt",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("b.{}", n + 1);
        let inner = make(&spaces, &name).path.join("vendor/lib");
        assert_eq!(left_out(&try_collect(&spaces, &name).unwrap()), [""; 0]);
        let mut command = Command::new("sh");
        let ended = command
            .args(["-c", words])
            .current_dir(&inner)
            .envs(desk.env());
        assert!(ended.status().unwrap().success(), "{words}");
        let collected = try_collect(&spaces, &name).unwrap();
        assert_eq!(left_out(&collected), ["vendor/lib"], "{words}");
    }
    // One whose commit the user has is no loss.
    let made = make(&spaces, "c.1");
    let first = desk.git_in(&lib, &["rev-parse", "HEAD"]);
    desk.git_in(&lib, &["commit", "-q", "--allow-empty", "-m", "second"]);
    let users = desk.repo.join("vendor/lib");
    desk.git_in(&users, &["fetch", "-q", "../../../lib", "main"]);
    let second = desk.git_in(&lib, &["rev-parse", "HEAD"]);
    assert_ne!(first, second);
    desk.git_in(&made.path.join("vendor/lib"), &["checkout", "-q", &second]);
    desk.git_in(&made.path, &["commit", "-qam", "moved"]);
    assert_eq!(left_out(&try_collect(&spaces, "c.1").unwrap()), [""; 0]);

    desk.git(&["submodule", "--quiet", "deinit", "-f", "vendor/lib"]);
    let made = make(&desk.spaces(), "a.2");
    assert!(
        made.notes[0].contains("submodule update --init"),
        "{:?}",
        made.notes
    );
    assert_eq!(
        fs::read_dir(made.path.join("vendor/lib")).unwrap().count(),
        0
    );
}

#[test]
fn what_lies_too_deep_for_git_is_not_lost_without_a_word() {
    use rustix::fs::{Mode, OFlags, mkdirat, open, openat};
    let desk = Desk::new();
    let spaces = desk.spaces();
    let made = make(&spaces, "a.1");
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder = open(&made.path, flags, Mode::empty()).unwrap();
    let name = "d".repeat(200);
    // Longer than any path may be.
    for _ in 0..30 {
        mkdirat(&folder, &name, Mode::RWXU).unwrap();
        folder = openat(&folder, &name, flags, Mode::empty()).unwrap();
    }
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
    openat(&folder, "work", flags, Mode::RUSR).unwrap();
    write(&made.path, "beside.txt", "b\n");
    let collected = try_collect(&spaces, "a.1").unwrap();
    assert_eq!(collected.changed.total, 1);
    assert_eq!(left_out(&collected), ["."], "{:?}", collected.left_out);
    spaces.discard("a.1").unwrap();
}

#[test]
fn a_repository_that_an_agent_made_and_committed_is_named() {
    let desk = Desk::new();
    let spaces = desk.spaces();
    let made = make(&spaces, "a.1");
    let inner = made.path.join("tool");
    fs::create_dir(&inner).unwrap();
    desk.git_in(&inner, &["init", "-q", "-b", "main"]);
    write(&inner, "tool.txt", "work\n");
    desk.git_in(&inner, &["add", "-A"]);
    desk.git_in(&inner, &["commit", "-qm", "tool"]);
    desk.git_in(&made.path, &["add", "tool"]);
    desk.git_in(&made.path, &["commit", "-qm", "with a tool"]);
    let collected = try_collect(&spaces, "a.1").unwrap();
    assert_eq!(left_out(&collected), ["tool"]);
    assert!(collected.left_out[0].why.contains("alone"));
}

#[test]
fn files_of_git_lfs_stay_pointers_and_no_filter_runs() {
    let desk = Desk::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n";
    desk.write("big.bin", pointer);
    desk.write("other.bin", pointer);
    desk.write("sub/.gitattributes", "*.bin filter=lfs\n");
    desk.write(".gitattributes", "*.bin filter=lfs\n");
    desk.commit("pointers");
    // A filter that would tell.
    let trap = desk.home.path().join("trap");
    let touch = format!("touch {}", trap.display());
    for name in [
        "filter.lfs.smudge",
        "filter.lfs.clean",
        "filter.lfs.process",
    ] {
        desk.git(&["config", name, &touch]);
    }
    desk.git(&["config", "filter.lfs.required", "true"]);
    desk.git(&["config", "core.fsmonitor", &touch]);
    desk.write("big.bin", pointer);
    let repo = desk.open().unwrap();
    assert!(repo.lfs && repo.notes(0)[0].contains("git lfs pull"));
    assert_eq!(repo.dirty().unwrap(), 0);
    let spaces = desk.spaces();
    let made = make(&spaces, "a.1");
    assert_eq!(
        fs::read_to_string(made.path.join("big.bin")).unwrap(),
        pointer
    );
    write(&made.path, "big.bin", "real content");
    write(&made.path, "sub/new.bin", pointer.replace("00", "11"));
    let collected = try_collect(&spaces, "a.1").unwrap();
    assert_eq!(
        paths(&collected),
        [("sub/new.bin".to_owned(), Status::Added)]
    );
    assert_eq!(collected.left_out.len(), 1);
    assert_eq!(collected.left_out[0].path, b"big.bin");
    assert!(collected.left_out[0].why.contains("no pointer"));
    assert!(!trap.exists());
}

#[test]
fn a_sparse_checkout_is_the_same_in_workspaces() {
    let desk = Desk::new();
    desk.write("docs/d.txt", "d\n");
    desk.commit("docs");
    desk.git(&["sparse-checkout", "set", "src"]);
    assert!(!desk.repo.join("docs").exists());
    let before = desk.look();
    let spaces = desk.spaces();
    let made = make(&spaces, "a.1");
    assert!(made.path.join("src/b.txt").exists() && !made.path.join("docs").exists());
    assert_eq!(desk.git_in(&made.path, &["status", "--porcelain"]), "");
    fs::write(made.path.join("src/b.txt"), "changed\n").unwrap();
    let collected = try_collect(&spaces, "a.1").unwrap();
    assert_eq!(
        paths(&collected),
        [("src/b.txt".to_owned(), Status::Modified)]
    );
    same(&desk, &before);
}

#[test]
fn what_the_plan_brings_along_is_there_and_in_no_result() {
    let desk = Desk::new();
    desk.write(".env.test", "KEY=1\n");
    desk.write("data set/x y.txt", "x\n");
    fs::set_permissions(
        desk.repo.join("data set/x y.txt"),
        fs::Permissions::from_mode(0o440),
    )
    .unwrap();
    symlink("x y.txt", desk.repo.join("data set/l")).unwrap();
    desk.write("models/m.bin", "m\n");
    let before = desk.look();
    let spaces = desk
        .spaces_with(&[".env.test", "data set", "a.txt"], &["models"])
        .unwrap();
    let made = make(&spaces, "a.1");
    assert!(
        made.notes[0].contains("a.txt is not brought along"),
        "{:?}",
        made.notes
    );
    assert_eq!(
        fs::read_to_string(made.path.join(".env.test")).unwrap(),
        "KEY=1\n"
    );
    let copied = made.path.join("data set/x y.txt");
    assert_eq!(
        fs::symlink_metadata(copied).unwrap().permissions().mode() & 0o777,
        0o440
    );
    assert_eq!(
        fs::read_link(made.path.join("data set/l")).unwrap(),
        Path::new("x y.txt")
    );
    assert_eq!(
        fs::read_link(made.path.join("models")).unwrap(),
        desk.repo.join("models")
    );
    assert_eq!(try_collect(&spaces, "a.1").unwrap().changed.total, 0);
    same(&desk, &before);

    symlink("/etc", desk.repo.join("out")).unwrap();
    for bad in [
        "../x",
        "/etc/passwd",
        ".",
        ".git/config",
        "missing",
        "out",
        "out/passwd",
    ] {
        let error = desk.spaces_with(&[bad], &[]).unwrap_err().to_string();
        assert!(error.starts_with("[workspace] copy = "), "{error}");
        desk.spaces_with(&[], &[bad]).unwrap_err();
    }
}

#[test]
fn a_link_of_the_commit_does_not_lead_a_copy_out_of_the_workspace() {
    let desk = Desk::new();
    let outside = desk.home.path().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, desk.repo.join("conf")).unwrap();
    desk.commit("a link");
    fs::remove_file(desk.repo.join("conf")).unwrap();
    desk.write("conf/secret", "s\n");
    let spaces = desk.spaces_with(&["conf/secret"], &[]).unwrap();
    spaces
        .make("a.1", &spaces.repository().head.clone())
        .unwrap_err();
    assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
    assert_eq!(fs::read_dir(spaces.folder()).unwrap().count(), 0);
}

#[test]
fn commits_and_what_was_not_committed_come_over_as_they_are() {
    let desk = Desk::new();
    let before = desk.look();
    let spaces = desk.spaces();
    let made = make(&spaces, "api.1");
    let base = spaces.repository().head.clone();
    let nothing = try_collect(&spaces, "api.1").unwrap();
    assert_eq!((&nothing.commit, nothing.new_commits), (&base, 0));
    assert!(!nothing.committed_by_us && nothing.changed.total == 0 && nothing.descends);

    write(&made.path, "a.txt", "one\n2\nthree\n");
    desk.git_in(&made.path, &["commit", "-qam", "agent's own"]);
    desk.git_in(&made.path, &["switch", "-q", "--detach"]);
    let odd = OsStr::from_bytes(b"odd\n\xff\"name");
    fs::write(made.path.join(odd), "odd\n").unwrap();
    write(&made.path, "noise.log", "ignored\n");
    write(&made.path, "bin", b"\0\x01".as_slice());
    fs::remove_file(made.path.join("run.sh")).unwrap();
    // A folder becomes a link, and a file a folder.
    fs::remove_dir_all(made.path.join("src")).unwrap();
    symlink("/etc", made.path.join("src")).unwrap();
    fs::remove_file(made.path.join("link")).unwrap();
    write(&made.path, "link/inner", "inner\n");
    let got = try_collect(&spaces, "api.1").unwrap();
    assert!(got.committed_by_us && got.descends);
    assert_eq!(got.new_commits, 2);
    assert_eq!(got.left_out, Vec::new());
    let mut want = vec![
        ("a.txt", Status::Modified),
        ("bin", Status::Added),
        ("link", Status::Deleted),
        ("link/inner", Status::Added),
        ("run.sh", Status::Deleted),
        ("src", Status::Added),
        ("src/b.txt", Status::Deleted),
    ];
    let name = String::from_utf8_lossy(odd.as_bytes()).into_owned();
    want.insert(4, (&name, Status::Added));
    let want: Vec<_> = want.iter().map(|(p, s)| ((*p).to_owned(), *s)).collect();
    assert_eq!(paths(&got), want);
    let a = &got.changed.list[0];
    assert_eq!((a.added, a.removed, a.binary), (2, 1, false));
    assert!(got.changed.list[1].binary);
    assert_eq!(got.changed.list[4].path, odd.as_bytes());
    assert_eq!(
        desk.git(&["rev-parse", "refs/wavedeck/run1/api.1"]),
        got.commit
    );
    assert_eq!(desk.show(&got.commit, "a.txt"), "one\n2\nthree");
    let message = desk.git(&["log", "-2", "--format=%an %ae %s", &got.commit]);
    assert_eq!(
        message,
        "wavedeck wavedeck@localhost api: what was not committed\nAda ada@example.org agent's own"
    );
    desk.git(&["fsck", "--no-dangling"]);
    same(&desk, &before);
    // Its result outlives it.
    spaces.discard("api.1").unwrap();
    desk.git(&["gc", "-q", "--prune=now"]);
    assert_eq!(desk.show(&got.commit, "link/inner"), "inner");
}

#[test]
fn nothing_that_an_agent_writes_into_its_git_folder_is_run_or_believed() {
    let desk = Desk::new();
    let spaces = desk.spaces();
    let made = make(&spaces, "a.1");
    let trap = desk.home.path().join("trap");
    let touch = format!("touch '{}'", trap.display());
    let script = format!("#!/bin/sh\n{touch}\n");
    for hook in [
        "pre-commit",
        "post-commit",
        "reference-transaction",
        "post-checkout",
    ] {
        write(&made.path, &format!(".git/hooks/{hook}"), &script);
        let file = made.path.join(".git/hooks").join(hook);
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = \"{touch}; echo\"\n\tworktree = /etc\n\
         \thooksPath = hooks\n\tsshCommand = \"{touch}\"\n[filter \"x\"]\n\tclean = \"{touch}; cat\"\n\
         \tprocess = \"{touch}\"\n[alias]\n\tcommit-tree = \"!{touch}\"\n[uploadpack]\n\
         \tpackObjectsHook = \"{touch}\"\n[diff]\n\texternal = \"{touch}\"\n[gpg]\n\
         \tprogram = \"{touch}\"\n[commit]\n\tgpgSign = true\n[include]\n\tpath = /dev/zero\n"
    );
    write(&made.path, ".git/config", config);
    write(&made.path, ".gitattributes", "* filter=x diff=x\n");
    write(&made.path, ".git/index.lock", "");
    write(&made.path, ".git/HEAD.lock", "");
    write(&made.path, ".git/MERGE_HEAD", "0\n");
    write(&made.path, ".git/index", "DIRC nonsense");
    write(&made.path, "a.txt", "agent\n");
    // A repository in it with a configuration of its own.
    let sub = made.path.join("sub").display().to_string();
    desk.git_in(desk.home.path(), &["init", "-q", &sub]);
    write(
        &made.path,
        "sub/.git/config",
        format!("[core]\n\tfsmonitor = \"{touch}\"\n"),
    );
    write(&made.path, "sub/file", "not seen\n");
    let before = desk.look();
    let got = try_collect(&spaces, "a.1").unwrap();
    assert!(!trap.exists());
    let want = [
        (".gitattributes", Status::Added),
        ("a.txt", Status::Modified),
    ];
    assert_eq!(paths(&got), want.map(|(p, s)| (p.to_owned(), s)));
    assert_eq!(got.unfinished, Some("a merge"));
    let left: Vec<&[u8]> = got.left_out.iter().map(|l| &l.path[..]).collect();
    assert_eq!(left, [b"sub"]);
    same(&desk, &before);
}

/// Makes a program of a script.
fn program(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn looking_at_a_workspace_starts_no_program_that_its_agent_can_write() {
    let desk = Desk::new();
    let trap = desk.home.path().join("trap");
    let touch = format!("touch '{}'; cat", trap.display());
    // A repository within, known to the commit; and a filter of the user's that lies in the repository.
    let inner = desk.repo.join("inner");
    desk.git(&["init", "-q", "inner"]);
    write(&inner, "f.txt", "f\n");
    desk.git_in(&inner, &["add", "."]);
    desk.git_in(&inner, &["commit", "-qm", "inner"]);
    desk.git(&["config", "filter.x.clean", "./clean.sh"]);
    desk.commit("with a repository within");
    let spaces = desk.spaces();
    let made = make(&spaces, "a.1");
    let copied = Command::new("cp")
        .args(["-r", inner.to_str().unwrap(), made.path.to_str().unwrap()])
        .status();
    assert!(copied.unwrap().success());
    let within = made.path.join("inner");
    for folder in [&made.path, &within] {
        for name in ["filter.x.clean", "core.fsmonitor", "diff.external"] {
            desk.git_in(folder, &["config", name, &touch]);
        }
        write(folder, ".gitattributes", "*.txt filter=x diff=x\n");
        program(&folder.join("clean.sh"), &touch);
    }
    write(&within, "f.txt", "g\n");
    desk.git_in(&made.path, &["init", "-q", "empty"]);
    write(&made.path, "a.txt", "agent\n");
    write(&made.path, "new.txt", "new\n");
    write(&made.path, ":(glob)*", "odd\n");
    write(&made.path, "brought/x", "x\n");
    let seen = look(
        &desk.open().unwrap(),
        desk.home.path().join("scratch"),
        &Look {
            workspace: &made.path,
            base: &made.base,
            brought: &["brought".to_owned()],
            form: "--patch-with-stat",
            most: 1 << 20,
        },
    );
    let seen = String::from_utf8(seen.unwrap()).unwrap();
    for line in ["+agent", "+new", "+odd"] {
        assert!(seen.lines().any(|l| l == line), "{line}\n{seen}");
    }
    assert!(
        !seen.contains("brought") && !seen.contains("empty"),
        "{seen}"
    );
    assert!(!desk.home.path().join("scratch").exists());
    try_collect(&spaces, "a.1").unwrap();
    assert!(!trap.exists());
}

#[test]
fn filters_that_the_repository_names_are_off_wherever_they_are_written() {
    let desk = Desk::new();
    let trap = desk.home.path().join("trap");
    let touch = format!("touch '{}'; cat", trap.display());
    desk.write(
        ".gitattributes",
        "a.txt filter=a=b\nrun.sh filter=inc\nsrc/* filter=tree\n",
    );
    desk.commit("with filters");
    desk.git(&["config", "filter.a=b.clean", &touch]);
    let more = desk.repo.join(".git/more");
    fs::write(
        &more,
        format!("[filter \"inc\"]\n\tclean = \"{touch}\"\n\trequired\n"),
    )
    .unwrap();
    desk.git(&["config", "include.path", "more"]);
    desk.git(&["config", "extensions.worktreeConfig", "true"]);
    desk.git(&["config", "--worktree", "filter.tree.clean", &touch]);
    // Of other times and the same size: git has to read them.
    for (path, text) in [
        ("a.txt", "six\nsix\n"),
        ("run.sh", "#!/bin/zz\n"),
        ("src/b.txt", "c\n"),
    ] {
        desk.write(path, text);
    }
    assert_eq!(desk.open().unwrap().dirty().unwrap(), 3);
    assert!(!trap.exists());
    desk.git(&["status"]);
    assert!(trap.exists(), "they would be started by git alone");
}

#[test]
fn a_git_folder_that_was_replaced_costs_no_file() {
    for kind in [
        "gone", "file", "link", "unborn", "outside", "broken", "loop",
    ] {
        let desk = Desk::new();
        let spaces = desk.spaces();
        let made = make(&spaces, "a.1");
        let dot = made.path.join(".git");
        match kind {
            "unborn" => drop(desk.git_in(&made.path, &["checkout", "-q", "--orphan", "new"])),
            "outside" => fs::write(dot.join("HEAD"), "ref: refs/../../../../etc/passwd\n").unwrap(),
            "broken" => fs::write(dot.join("HEAD"), format!("{}\n", "0".repeat(40))).unwrap(),
            "loop" => {
                fs::remove_file(dot.join("HEAD")).unwrap();
                symlink("HEAD", dot.join("HEAD")).unwrap();
            }
            _ => {
                fs::remove_dir_all(&dot).unwrap();
                let user = desk.repo.join(".git");
                match kind {
                    "file" => fs::write(&dot, format!("gitdir: {}\n", user.display())).unwrap(),
                    "link" => symlink(&user, &dot).unwrap(),
                    _ => {}
                }
            }
        }
        write(&made.path, "a.txt", "agent\n");
        let before = desk.look();
        let got = try_collect(&spaces, "a.1").unwrap();
        assert_eq!(
            paths(&got),
            [("a.txt".to_owned(), Status::Modified)],
            "{kind}"
        );
        assert_eq!(got.notes.len(), 1, "{kind}: {:?}", got.notes);
        assert!(got.descends, "{kind}");
        same(&desk, &before);
    }
    let desk = Desk::new();
    let spaces = desk.spaces();
    let error = try_collect(&spaces, "never.1").unwrap_err();
    assert!(matches!(error, CollectError::Gone { .. }), "{error}");
    symlink(&desk.repo, spaces.path("linked.1")).unwrap();
    let error = try_collect(&spaces, "linked.1").unwrap_err();
    assert!(matches!(error, CollectError::Gone { .. }), "{error}");
}

#[test]
fn damaged_objects_do_not_come_over() {
    let desk = Desk::new();
    let spaces = desk.spaces();
    let made = make(&spaces, "a.1");
    // A tree with `.git` in it: a checkout of it would write into somebody's repository.
    let git = Git::ours(&made.path);
    let blob = git
        .feed(&["hash-object", "-w", "--stdin"], b"[core]\n")
        .unwrap();
    let blob = String::from_utf8(blob).unwrap();
    let entry = format!("100644 blob {}\tx\n", blob.trim());
    let sub = String::from_utf8(git.feed(&["mktree"], entry.as_bytes()).unwrap()).unwrap();
    let mut raw = b"40000 .git\0".to_vec();
    raw.extend((0..20).map(|i| u8::from_str_radix(&sub[i * 2..i * 2 + 2], 16).unwrap()));
    let args = ["hash-object", "-t", "tree", "-w", "--literally", "--stdin"];
    let tree = String::from_utf8(git.feed(&args, &raw).unwrap()).unwrap();
    let head = spaces.repository().head.clone();
    let commit = desk.git_in(
        &made.path,
        &["commit-tree", tree.trim(), "-p", &head, "-m", "evil"],
    );
    fs::write(made.path.join(".git/HEAD"), format!("{commit}\n")).unwrap();
    let before = desk.look();
    let error = try_collect(&spaces, "a.1").unwrap_err();
    assert!(
        matches!(error, CollectError::Objects(_) | CollectError::Other(_)),
        "{error}"
    );
    assert_eq!(desk.git(&["for-each-ref", "refs/wavedeck/run1/a.1"]), "");
    same(&desk, &before);
}

#[test]
fn huge_files_and_history_begun_anew_are_said() {
    let desk = Desk::new();
    let spaces = desk.spaces();
    let made = make(&spaces, "a.1");
    desk.git_in(&made.path, &["checkout", "-q", "--orphan", "anew"]);
    desk.git_in(&made.path, &["commit", "-qm", "anew"]);
    fs::write(made.path.join("big"), vec![b'x'; 2000]).unwrap();
    fs::write(made.path.join("small"), "x").unwrap();
    let base = spaces.repository().head.clone();
    let attempt = Attempt {
        name: "a.1",
        folder: "a.1",
        base: &base,
        message: "m",
        largest: 1000,
    };
    let got = spaces.collect(&attempt).unwrap();
    assert!(!got.descends && got.new_commits == 2);
    assert_eq!(paths(&got), [("small".to_owned(), Status::Added)]);
    assert!(got.left_out[0].why.ends_with(" are committed"), "{got:?}");
}

#[test]
fn a_full_disk_is_refused_with_bytes_and_pruning_removes_all_but_results() {
    let desk = Desk::new();
    let repo = desk.open().unwrap();
    let full = Workspaces::new(repo.clone(), &desk.state(), "run0", &[], &[], u64::MAX).unwrap();
    let error = full.make("a.1", &repo.head).unwrap_err();
    assert!(matches!(error, MakeError::NoRoom(_)), "{error}");
    let spaces = desk.spaces();
    let made = make(&spaces, "a.1");
    write(&made.path, "target/deep/file", "x\n");
    let outside = desk.home.path().join("outside");
    write(&outside, "kept", "x\n");
    symlink(&outside, made.path.join("target/deep/link")).unwrap();
    for folder in ["target/deep", "target"] {
        let mode = fs::Permissions::from_mode(0o500);
        fs::set_permissions(made.path.join(folder), mode).unwrap();
    }
    write(&made.path, "a.txt", "agent\n");
    let got = try_collect(&spaces, "a.1").unwrap();
    let before = desk.look();
    let ids = || -> Vec<String> {
        let runs = guard::runs(&desk.state(), &repo).unwrap();
        runs.into_iter().map(|(run, _)| run).collect()
    };
    assert_eq!(ids(), ["run0", "run1"]);
    wavedeck::runtime::work::remove(&desk.state(), "run1").unwrap();
    assert_eq!(ids(), ["run0"]);
    assert!(outside.join("kept").exists());
    assert_eq!(
        desk.git(&["rev-parse", "refs/wavedeck/run1/a.1"]),
        got.commit
    );
    // It is on no branch, so it stays; what only workspaces began with goes.
    let forgotten = guard::forget(&desk.state(), &repo, "run1").unwrap();
    assert_eq!((forgotten.removed, forgotten.kept), (1, 1));
    desk.git(&["branch", "taken", "refs/wavedeck/run1/a.1"]);
    let forgotten = guard::forget(&desk.state(), &repo, "run1").unwrap();
    assert_eq!((forgotten.removed, forgotten.kept), (1, 0));
    wavedeck::runtime::work::remove(&desk.state(), "run0").unwrap();
    guard::forget(&desk.state(), &repo, "run0").unwrap();
    assert_eq!(ids(), Vec::<String>::new());
    desk.git(&["update-ref", "-d", "refs/heads/taken"]);
    assert_eq!(desk.git(&["for-each-ref", "refs/wavedeck"]), "");
    same(&desk, &before);
}

/// What is said to be left out of a result, without the reasons.
fn left_out(collected: &Collected) -> Vec<String> {
    let list = collected.left_out.iter();
    list.map(|l| String::from_utf8_lossy(&l.path).into_owned())
        .collect()
}

#[test]
fn commits_that_the_result_does_not_reach_are_named_so_that_the_workspace_stays() {
    let desk = Desk::new();
    let spaces = desk.spaces();
    let made = make(&spaces, "a.1");
    let git = |args: &[&str]| desk.git_in(&made.path, args);
    // On a branch of its own, and back again; put aside; both packed, as `git gc` does it.
    git(&["checkout", "-qb", "feature/x"]);
    write(&made.path, "new.txt", "work\n");
    git(&["add", "new.txt"]);
    git(&["commit", "-qm", "work"]);
    git(&["checkout", "-qb", "part", "HEAD"]);
    git(&["checkout", "-q", "main"]);
    write(&made.path, "a.txt", "aside\n");
    git(&["stash", "-q"]);
    git(&["pack-refs", "--all"]);
    git(&["branch", "-q", "loose", "feature/x"]);
    // It says something, but not what is a commit.
    write(&made.path, ".git/refs/heads/odd", "nonsense\n");
    let got = try_collect(&spaces, "a.1").unwrap();
    assert_eq!(got.commit, got.base);
    let names = ["feature/x", "loose", "part"].map(|b| format!(".git/refs/heads/{b}"));
    let stash = ".git/refs/stash".to_owned();
    assert_eq!(left_out(&got), [&names[..], &[stash]].concat());
    // What is part of the result is not.
    let made = make(&spaces, "b.1");
    let git = |args: &[&str]| desk.git_in(&made.path, args);
    git(&["checkout", "-qb", "one"]);
    git(&["commit", "-q", "--allow-empty", "-m", "one"]);
    git(&["checkout", "-qb", "two"]);
    git(&["commit", "-q", "--allow-empty", "-m", "two"]);
    let got = try_collect(&spaces, "b.1").unwrap();
    assert_eq!((got.new_commits, left_out(&got)), (2, Vec::new()));
}

#[test]
fn names_that_git_takes_no_file_of_are_left_out_by_name() {
    let desk = Desk::new();
    let spaces = desk.spaces();
    let made = make(&spaces, "a.1");
    write(&made.path, "git~1", "x\n");
    write(&made.path, "src/.GIT", "x\n");
    write(&made.path, "new.txt", "x\n");
    symlink("a.txt", made.path.join(".gitmodules")).unwrap();
    let got = try_collect(&spaces, "a.1").unwrap();
    assert_eq!(paths(&got), [("new.txt".to_owned(), Status::Added)]);
    assert_eq!(left_out(&got), [".gitmodules", "git~1", "src/.GIT"]);
}

#[test]
fn locks_of_a_git_that_died_with_the_machine_do_not_stop_a_run_that_goes_on() {
    let desk = Desk::new();
    let spaces = desk.spaces();
    let head = spaces.repository().head.clone();
    let theirs = desk.repo.join(".git/refs/heads/theirs.lock");
    write(&desk.repo, ".git/refs/heads/theirs.lock", "");
    let ours = format!(".git/refs/wavedeck/run1/keep/{head}.lock");
    write(&desk.repo, &ours, "");
    assert!(spaces.make("a.1", &head).is_err());
    let other = ".git/refs/wavedeck/run2/integration.lock";
    write(&desk.repo, other, "");
    spaces.sweep().unwrap();
    assert!(spaces.make("a.1", &head).is_ok());
    assert!(theirs.exists() && desk.repo.join(other).exists());
}

#[test]
fn an_id_that_is_no_name_of_a_branch_by_itself_works_like_any_other() {
    let desk = Desk::new();
    let spaces = desk.spaces();
    let made = make(&spaces, "api.lock.1");
    write(&made.path, "a.txt", "agent\n");
    desk.git_in(&made.path, &["commit", "-qam", "work"]);
    let got = try_collect(&spaces, "api.lock.1").unwrap();
    assert_eq!(got.new_commits, 1, "{:?}", got.notes);
}

#[test]
fn spare_workspaces_are_moved_to_the_commit_that_is_asked_for() {
    let desk = Desk::new();
    desk.write("data/x.env", "x\n");
    let first = desk.git(&["rev-parse", "HEAD"]);
    desk.write("a.txt", "third\n");
    fs::remove_file(desk.repo.join("src/b.txt")).unwrap();
    desk.write("src/c.txt", "c\n");
    let second = desk.commit("third");
    let before = desk.look();
    let pool = Pool::new(Arc::new(desk.spaces()));
    pool.want(3, &first);
    while pool.spare() < 3 {
        thread::yield_now();
    }
    for (name, commit) in [("a.1", &second), ("b.1", &first), ("c.1", &second)] {
        let made = pool.take(name, commit, 0).unwrap();
        assert_eq!(desk.git_in(&made.path, &["status", "--porcelain"]), "");
        assert_eq!(&desk.git_in(&made.path, &["rev-parse", "HEAD"]), commit);
        assert_eq!(desk.git_in(&made.path, &["fsck", "--no-dangling"]), "");
        // Git finds what is edited, also at once, in place and of the same size.
        fs::write(
            made.path.join("a.txt"),
            if commit == &first {
                "one\n2wo\n"
            } else {
                "Third\n"
            },
        )
        .unwrap();
        assert_eq!(
            desk.git_in(&made.path, &["status", "--porcelain"]),
            " M a.txt"
        );
        assert_eq!(made.path.join("src/c.txt").exists(), commit == &second);
    }
    pool.want(1, &second);
    while pool.spare() < 1 {
        thread::yield_now();
    }
    let folder = pool.workspaces().folder().to_owned();
    drop(pool);
    // What nobody took is gone with the pool.
    let left = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["a.1", "b.1", "c.1"]);
    same(&desk, &before);
}

#[test]
fn what_is_brought_along_gives_way_to_what_another_commit_tracks() {
    let desk = Desk::new();
    let first = desk.git(&["rev-parse", "HEAD"]);
    desk.write("kept/conf", "committed\n");
    let second = desk.commit("tracks it");
    // Only there, and not in git, as the first commit has it.
    desk.git(&["checkout", "-q", &first]);
    desk.write("kept/conf", "mine\n");
    let spaces = desk.spaces_with(&["kept/conf"], &[]).unwrap();
    let pool = Pool::new(Arc::new(spaces));
    let has = |made: &Workspace| fs::read_to_string(made.path.join("kept/conf")).unwrap();
    for (spare, asked, text) in [
        (&first, &second, "committed\n"),
        (&second, &first, "mine\n"),
        (&first, &first, "mine\n"),
    ] {
        pool.want(1, spare);
        while pool.spare() < 1 {
            thread::yield_now();
        }
        let name = format!("{}.{}", &asked[..6], &spare[..6]);
        let made = pool.take(&name, asked, 0).unwrap();
        assert_eq!(has(&made), text);
        assert_eq!(desk.git_in(&made.path, &["status", "--porcelain"]), "");
    }
}

#[test]
fn many_at_once_are_made_and_collected_without_a_fault() {
    let desk = Desk::new();
    let before = desk.look();
    let pool = Pool::new(Arc::new(desk.spaces()));
    let head = pool.workspaces().repository().head.clone();
    pool.want(8, &head);
    thread::scope(|scope| {
        for n in 0..24 {
            let (pool, head, desk) = (&pool, &head, &desk);
            scope.spawn(move || {
                let name = format!("agent-{n}.1");
                let made = pool.take(&name, head, 23 - n).unwrap();
                write(&made.path, &format!("new-{n}.txt"), format!("{n}\n"));
                let got = try_collect(pool.workspaces(), &name).unwrap();
                assert_eq!(got.changed.total, 1);
                assert_eq!(
                    desk.show(&got.commit, &format!("new-{n}.txt")),
                    n.to_string()
                );
            });
        }
    });
    let refs = desk.git(&["for-each-ref", "--format=%(refname)", "refs/wavedeck/run1"]);
    assert_eq!(refs.lines().filter(|r| r.contains("/agent-")).count(), 24);
    same(&desk, &before);
}

/// Touches memory, at most a third of what is free, so that the machine below this one has it ready. On a
/// virtual machine a page costs far more at its first touch (15 µs were measured) than ever after, and what
/// makes files fills the page cache: without this whoever comes first pays for the others, and rounds
/// cannot be compared.
fn warmed() {
    const MOST: usize = 6 << 30;
    let known = fs::read_to_string("/proc/meminfo").unwrap();
    let free = known
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let free: usize = free
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap();
    let bytes = MOST.min(free / 3 * 1024);
    let mut memory = vec![0_u8; bytes];
    for page in memory.chunks_mut(4096) {
        page[0] = 1;
    }
    std::hint::black_box(&memory);
}

/// Prints how long 24 workspaces of a large repository take beside `git worktree add`, with two
/// threads that take them as a run has it, and with spare ones: in a release build on a quiet machine,
/// `WAVEDECK_BENCH=1 cargo test --release --test main workspaces_of_a_large -- --nocapture`.
#[test]
fn workspaces_of_a_large_repository_take_less_time_than_worktrees() {
    const MANY: usize = 24;
    if std::env::var_os("WAVEDECK_BENCH").is_none() {
        return;
    }
    let desk = Desk::empty();
    for n in 0..5000 {
        let size = 200 + (n * 7919) % 8000;
        let text = format!("line {n} of this file\n").repeat(size / 20);
        desk.write(&format!("pkg{}/mod{}/file{n}.rs", n % 10, n % 50), &text);
    }
    desk.commit("large");
    desk.git(&["gc", "-q"]);
    let head = desk.git(&["rev-parse", "HEAD"]);
    let pool = |run: &str| {
        let repo = desk.open().unwrap();
        let spaces = Workspaces::new(repo, &desk.state(), run, &[], &[], 0).unwrap();
        Pool::new(Arc::new(spaces))
    };
    let mut ratios = Vec::new();
    // Nothing is removed in between: ext4 makes files slowly, up to twenty times so, near those that were
    // removed in the last five minutes.
    for round in 0..3 {
        // What was written before is no burden of what is measured.
        rustix::fs::sync();
        warmed();
        let serial = Spent::by(|| {
            for n in 0..MANY {
                let path = desk.home.path().join(format!("tree-{round}-{n}"));
                let path = path.display().to_string();
                desk.git(&["worktree", "add", "-q", "--detach", &path, "HEAD"]);
            }
        });
        rustix::fs::sync();
        warmed();
        let taken = pool(&format!("taken{round}"));
        let at_once = Spent::by(|| {
            let next = AtomicUsize::new(0);
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        loop {
                            let n = next.fetch_add(1, Ordering::Relaxed);
                            if n >= MANY {
                                break;
                            }
                            taken.take(&format!("a{n}.1"), &head, MANY - n - 1).unwrap();
                        }
                    });
                }
            });
        });
        rustix::fs::sync();
        warmed();
        let ahead = pool(&format!("ahead{round}"));
        let mut longest = Duration::ZERO;
        let spare = Spent::by(|| {
            ahead.want(MANY, &head);
            for n in 0..MANY {
                while ahead.spare() == 0 {
                    thread::sleep(Duration::from_millis(1));
                }
                let asked = Instant::now();
                ahead.take(&format!("a{n}.1"), &head, 0).unwrap();
                ahead.want(MANY - 1 - n, &head);
                longest = longest.max(asked.elapsed());
            }
        });
        let ratio = at_once.wall.as_secs_f64() / serial.wall.as_secs_f64();
        println!(
            "{MANY} × worktree add {serial}; taken by two {at_once} ({ratio:.2}); spare {spare}, longest \
             take {longest:?}"
        );
        ratios.push(ratio);
        for pool in [taken, ahead] {
            for n in 0..MANY {
                let path = pool.workspaces().path(&format!("a{n}.1"));
                assert_eq!(desk.git_in(&path, &["status", "--porcelain"]), "");
            }
        }
    }
    ratios.sort_by(f64::total_cmp);
    assert!(ratios[ratios.len() / 2] <= 0.6, "{ratios:?}");
}

/// What something took: time, and processor time of this process and of what it waited for.
struct Spent {
    wall: Duration,
    cpu: Duration,
}

impl Spent {
    fn by(work: impl FnOnce()) -> Self {
        let (began, before) = (Instant::now(), Self::cpu());
        work();
        Self {
            wall: began.elapsed(),
            cpu: Self::cpu().saturating_sub(before),
        }
    }

    /// In ticks of 10 ms, of which the kernel tells a hundred a second on every machine.
    fn cpu() -> Duration {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let fields = stat.rsplit(')').next().unwrap();
        let times = fields.split_whitespace().skip(11).take(4);
        let ticks: u64 = times.map(|field| field.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl std::fmt::Display for Spent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (wall, cpu) = (self.wall.as_secs_f64(), self.cpu.as_secs_f64());
        write!(f, "{wall:.2} s ({cpu:.2} CPU-s)")
    }
}
