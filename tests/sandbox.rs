//! Boundaries and set-up against the real kernel: what is refused, what still works, how it ends.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use wavedeck::{
    executor::{Boundary, Exit, Job, JobKey, JobTerminal, Level, Report, boundary::caches},
    sys::{
        landlock::{Support, probe},
        program::is_there,
    },
};

use crate::executor::{Rig, until};

mod ways;

/// Whether this kernel can keep a boundary; where not, the test is left out and says so.
fn enforced(test: &str) -> bool {
    match probe() {
        Support::Version(_) => true,
        Support::Missing(why) => {
            println!("{test}: left out: {why}");
            false
        }
    }
}

fn rig() -> Rig {
    Rig::with(|config| env!("CARGO_BIN_EXE_wavedeck").clone_into(&mut config.helper))
}

/// A folder with a workspace, another's workspace and a repository, each with files.
struct Places {
    work: PathBuf,
    sibling: PathBuf,
    root: PathBuf,
}

impl Places {
    fn new(rig: &Rig) -> Self {
        let root = rig.folder.path();
        let places = Self {
            work: root.join("work"),
            sibling: root.join("sibling"),
            root: root.to_owned(),
        };
        for folder in [&places.work, &places.sibling] {
            fs::create_dir_all(folder.join("folder")).unwrap();
            fs::create_dir_all(folder.join("empty")).unwrap();
            fs::write(folder.join("file"), "as it was").unwrap();
        }
        places
    }

    fn tmp(&self, agent: &str) -> PathBuf {
        self.root.join(format!("{agent}.tmp"))
    }

    fn job(&self, rig: &Rig, agent: &str, argv: &[&str]) -> Job {
        let mut job = rig.job(agent, argv);
        job.cwd.clone_from(&self.work);
        let tmp = Some(self.tmp(agent));
        job.boundary = Some(Boundary::around(&self.work, tmp, Vec::new()));
        job
    }

    fn sh(&self, rig: &Rig, agent: &str, script: &str) -> Job {
        self.job(rig, agent, &["/bin/sh", "-c", script])
    }
}

/// Starts a job and waits for its end: how, and what it printed.
fn run(rig: &mut Rig, job: Job) -> (Exit, String) {
    let key = job.key.clone();
    rig.executor.spawn(job);
    let (exit, _) = ended(rig, &key);
    let wavedeck::executor::Owner::Agent(agent) = key.owner else {
        unreachable!()
    };
    (exit, rig.output(agent.as_str()))
}

/// How it ended, and why its program did not start.
fn ended(rig: &mut Rig, key: &JobKey) -> (Exit, Option<String>) {
    rig.wait("ended", |r| match r {
        Report::Ended {
            key: k,
            exit,
            unprepared,
            ..
        } if k == key => Some((exit.clone(), unprepared.clone())),
        Report::SpawnFailed { key: k, error, .. } if k == key => panic!("{error}"),
        _ => None,
    })
}

fn refused(rig: &mut Rig, job: Job) -> String {
    let key = job.key.clone();
    rig.executor.spawn(job);
    rig.wait("refused", |r| match r {
        Report::SpawnFailed { key: k, error, .. } if *k == key => Some(error.clone()),
        _ => None,
    })
}

/// Tells the inner half below what it is to try.
const INNER: &str = "WAVEDECK_TEST_INNER";

/// The inner half of the next test: tries everything from within the boundary and prints how it went.
#[test]
#[ignore = "run by another test, within a boundary"]
fn inner() {
    let Some(sibling) = std::env::var_os(INNER).map(PathBuf::from) else {
        return;
    };
    let say = |what: &str, done: io::Result<()>| match done {
        Ok(()) => println!("\n{what}: done"),
        Err(error) => println!("\n{what}: {:?}", error.kind()),
    };
    for (whose, place) in [("own", PathBuf::from(".")), ("other", sibling.clone())] {
        let at = |name: &str| place.join(name);
        let say = |what: &str, done| say(&format!("{whose} {what}"), done);
        let append = |path: &Path| {
            let mut options = fs::OpenOptions::new();
            let opened = options.append(true).open(path);
            opened.and_then(|mut file| io::Write::write_all(&mut file, b"x"))
        };
        say("make", fs::write(at("new"), "x"));
        say("append", append(&at("file")));
        say("cut", cut(&at("file")));
        symlink(at("file"), "link").unwrap();
        say("through a link", append(Path::new("link")));
        say("hard link", fs::hard_link(at("file"), "hard"));
        say("folder", fs::create_dir(at("made")));
        say("symlink", symlink("file", at("soft")));
        say("remove folder", fs::remove_dir(at("empty")));
        say("rename within", fs::rename(at("file"), at("folder/file")));
        // Into and out of the workspace; in the own case from one of its folders into another.
        fs::write("mine", "x").unwrap();
        say("rename there", fs::rename("mine", at("folder/mine")));
        let theirs = if whose == "own" {
            "folder/file"
        } else {
            "file"
        };
        say("rename here", fs::rename(at(theirs), "taken"));
        let gone = if whose == "own" { "taken" } else { "file" };
        say("remove", fs::remove_file(at(gone)));
        for name in ["link", "hard", "mine"] {
            let _ = fs::remove_file(name);
        }
    }
    let tmp = std::env::temp_dir();
    say("temporary", fs::write(tmp.join("x"), "x"));
    say("null", fs::write("/dev/null", "x"));
    say("outside", fs::write(sibling.join("../outside"), "x"));
    say("read", fs::read(sibling.join("file")).map(drop));
}

#[expect(unsafe_code, reason = "the standard library cuts open files only")]
fn cut(path: &Path) -> io::Result<()> {
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
    // SAFETY: the string ends with NUL and outlives the call.
    match unsafe { libc::truncate(path.as_ptr(), 1) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[test]
fn writes_outside_are_refused_and_inside_they_are_not() {
    if !enforced("writes outside") {
        return;
    }
    let mut rig = rig();
    let places = Places::new(&rig);
    let own = std::env::current_exe().unwrap();
    let argv = [
        own.to_str().unwrap(),
        "sandbox::inner",
        "--exact",
        "--ignored",
        "--nocapture",
    ];
    let mut job = places.job(&rig, "a", &argv);
    let sibling = places.sibling.to_str().unwrap().to_owned();
    job.env_extra = vec![(INNER.to_owned(), sibling)];
    let before = tree(&places.sibling);
    let (exit, output) = run(&mut rig, job);
    assert_eq!(exit, Exit::Code(0), "{output}");
    let said = |what: &str| {
        let line = output
            .lines()
            .find_map(|l| l.strip_prefix(&format!("{what}: ")));
        line.unwrap_or_else(|| panic!("{what} was not tried: {output}"))
    };
    let all = [
        "make",
        "append",
        "through a link",
        "hard link",
        "folder",
        "symlink",
        "remove folder",
        "rename within",
        "rename there",
        "rename here",
        "remove",
        "cut",
    ];
    for what in all {
        assert_eq!(said(&format!("own {what}")), "done", "{what}\n{output}");
        if what == "cut" && probe() == Support::Version(2) {
            println!("cut: not covered by version 2");
            continue;
        }
        let other = said(&format!("other {what}"));
        assert!(
            ["PermissionDenied", "CrossesDevices"].contains(&other),
            "{what}: {other}\n{output}"
        );
    }
    assert_eq!(tree(&places.sibling), before, "nothing has changed there");
    assert!(!rig.folder.path().join("outside").exists());
    let rest = ["temporary", "null", "outside", "read"].map(said);
    assert_eq!(rest, ["done", "done", "PermissionDenied", "done"]);
}

/// Names and contents of all that is in a folder.
fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            all.push((path.clone(), fs::read(&path).unwrap_or_default()));
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    all.sort();
    all
}

#[test]
fn temporary_files_are_private_and_gone_afterwards() {
    let mut rig = rig();
    let places = Places::new(&rig);
    // Left over from a runner that was killed.
    fs::create_dir_all(places.tmp("a").join("old")).unwrap();
    let script = "echo $TMPDIR; stat -c %a $TMPDIR; ls $TMPDIR; mkdir -p $TMPDIR/a/b; \
                  echo x > $TMPDIR/a/b/c; chmod 0 $TMPDIR/a";
    let job = places.sh(&rig, "a", script);
    let (exit, output) = run(&mut rig, job);
    assert_eq!(exit, Exit::Code(0), "{output}");
    assert_eq!(output, format!("{}\n700\n", places.tmp("a").display()));
    until("its folder is gone", || !places.tmp("a").exists());
    // Nothing is left of one that could not start either.
    let job = places.job(&rig, "b", &["no-such-program-at-all"]);
    let error = refused(&mut rig, job);
    assert!(error.contains("was not found"), "{error}");
    assert!(!places.tmp("b").exists());
}

#[test]
fn a_file_outside_can_be_filled_and_its_neighbours_cannot() {
    if !enforced("a file outside") {
        return;
    }
    let mut rig = rig();
    let places = Places::new(&rig);
    let folder = rig.folder.path().join("reports");
    let own = folder.join("a.1.yaml");
    let mut job = places.sh(
        &rig,
        "a",
        &format!(
            "echo said > {0}/a.1.yaml; echo x > {0}/b.1.yaml; rm {0}/a.1.yaml",
            folder.display()
        ),
    );
    job.boundary.as_mut().unwrap().files = vec![own.clone()];
    let (exit, output) = run(&mut rig, job);
    assert_eq!(exit, Exit::Code(1), "{output}");
    assert_eq!(fs::read_to_string(&own).unwrap(), "said\n");
    assert_eq!(
        fs::metadata(&own).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(!folder.join("b.1.yaml").exists());
}

#[test]
fn set_up_comes_first_in_order_with_the_same_surroundings() {
    let mut rig = rig();
    let places = Places::new(&rig);
    let mut job = places.sh(&rig, "a", "cat; cat made; ls -d $TMPDIR");
    job.stdin = Some(b"the prompt\n".to_vec());
    job.env_extra = vec![("WORD".to_owned(), "from the plan".to_owned())];
    let sh = |script: &str| ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    job.setup = vec![
        sh("cat; echo $WORD > made"),
        sh("echo two\u{1b}[31m >> made # \u{1b}]52;c;x\u{7}"),
    ];
    let (exit, output) = run(&mut rig, job);
    assert_eq!(exit, Exit::Code(0), "{output}");
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(
        lines[0],
        "wavedeck: set-up: /bin/sh -c cat; echo $WORD > made"
    );
    assert!(
        lines[1].starts_with("wavedeck: set-up: /bin/sh -c echo two"),
        "{output}"
    );
    assert!(!lines[1].contains('\u{1b}'), "{output:?}");
    assert_eq!(
        lines[2..5],
        ["the prompt", "from the plan", "two\u{1b}[31m"]
    );
    assert_eq!(lines[5], places.tmp("a").to_str().unwrap());
    // The program may be what set-up has made, and PATH says where it is.
    let mut job = places.job(&rig, "b", &["made-by-set-up", "argument"]);
    let bin = places.work.join("bin");
    job.env_extra = vec![(
        "PATH".to_owned(),
        format!("{}:/usr/bin:/bin", bin.display()),
    )];
    let made = "mkdir bin; printf '#!/bin/sh\\necho $0 $1' > bin/made-by-set-up; chmod +x bin/*";
    job.setup = vec![sh(made)];
    let (exit, output) = run(&mut rig, job);
    assert_eq!(exit, Exit::Code(0), "{output}");
    assert!(
        output.ends_with("bin/made-by-set-up argument\n"),
        "{output}"
    );
}

#[test]
fn a_set_up_that_fails_says_which_and_the_program_does_not_start() {
    let mut rig = rig();
    let places = Places::new(&rig);
    let sh = |script: &str| ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    let cases = [
        (
            vec![sh("true"), sh("exit 101"), sh("echo never")],
            "set-up failed: `/bin/sh -c exit 101` exit status 101",
        ),
        (
            vec![sh("kill -9 $$")],
            "set-up failed: `/bin/sh -c kill -9 $$` was ended by SIGKILL",
        ),
        (
            vec![vec!["no-such-program-at-all".to_owned()]],
            "set-up failed: `no-such-program-at-all` cannot be started: No such file or directory (os error 2)",
        ),
        // The set-up is good, the program is not there.
        (
            vec![sh("true")],
            "program `also-not-there` was not found in PATH",
        ),
    ];
    for (number, (setup, why)) in cases.into_iter().enumerate() {
        let mut job = places.job(&rig, &format!("a{number}"), &["also-not-there"]);
        if number < 3 {
            job.argv = sh("echo never");
        }
        job.setup = setup;
        let key = job.key.clone();
        rig.executor.spawn(job);
        let (exit, unprepared) = ended(&mut rig, &key);
        match number {
            1 => assert!(matches!(exit, Exit::Signal { number: 9, .. }), "{exit:?}"),
            _ => assert!(matches!(exit, Exit::Code(126 | 127)), "{exit:?}"),
        }
        let said = unprepared.unwrap();
        assert!(said.starts_with(why), "{said}");
        assert!(!rig.output(&format!("a{number}")).contains("\nnever"));
    }
    let mut job = places.sh(&rig, "b", "true");
    job.setup = vec![sh("true")];
    job.cwd = places.work.join("gone");
    assert!(refused(&mut rig, job).contains("working folder"));
}

#[test]
fn set_up_is_stopped_frozen_and_thawed_like_everything_else() {
    let mut rig = rig();
    let places = Places::new(&rig);
    let fifo = places.work.join("fifo");
    let mut job = places.sh(&rig, "a", "echo started > started");
    // Nobody ever writes into the second one.
    let script = "mkfifo fifo never; echo there > there; read line < fifo; \
                  echo $line > went-on; read line < never";
    job.setup = vec![["/bin/sh", "-c", script].map(str::to_owned).to_vec()];
    let key = job.key.clone();
    rig.executor.spawn(job);
    until("set-up runs", || places.work.join("there").exists());
    rig.executor.freeze(key.clone());
    let (stopped, total) = rig.wait("frozen", |r| match r {
        Report::Frozen {
            key: k,
            stopped,
            total,
            ..
        } if *k == key => Some((*stopped, *total)),
        _ => None,
    });
    assert_eq!((stopped, total), (2, 2), "the helper and the command");
    rig.executor.thaw(key.clone());
    fs::write(&fifo, "yes\n").unwrap();
    until("it has gone on", || places.work.join("went-on").exists());
    rig.executor.terminate(key.clone(), Duration::from_secs(5));
    let (exit, _) = ended(&mut rig, &key);
    assert!(matches!(exit, Exit::Signal { number: 15, .. }), "{exit:?}");
    assert!(
        !places.work.join("started").exists(),
        "its program never started"
    );
}

#[test]
fn a_kernel_without_it_watches_or_refuses() {
    let mut rig = Rig::with(|config| {
        env!("CARGO_BIN_EXE_wavedeck").clone_into(&mut config.helper);
        config.landlock = Some(Support::Missing("this kernel has none".to_owned()));
    });
    let places = Places::new(&rig);
    let job = places.sh(&rig, "a", "echo x > ../sibling/new; ls -d $TMPDIR");
    let support = Support::Missing("this kernel has none".to_owned());
    let level = job.boundary.as_ref().unwrap().level(&support);
    assert_eq!(level, Level::Watched("this kernel has none".to_owned()));
    let (exit, output) = run(&mut rig, job);
    assert_eq!(exit, Exit::Code(0), "{output}");
    assert!(places.sibling.join("new").exists());
    let mut job = places.sh(&rig, "b", "echo x > started");
    job.boundary.as_mut().unwrap().required = true;
    assert_eq!(
        refused(&mut rig, job),
        "the plan says `require_sandbox`: watched, not enforced: this kernel has none"
    );
    assert!(!places.work.join("started").exists());
    assert!(!places.tmp("b").exists());
}

#[test]
fn a_workspace_that_is_not_there_is_no_reason_to_go_without_a_boundary() {
    if !enforced("no workspace") {
        return;
    }
    let mut rig = rig();
    let places = Places::new(&rig);
    let mut job = places.sh(&rig, "a", "echo x > started");
    job.boundary.as_mut().unwrap().write = vec![rig.folder.path().join("gone")];
    let error = refused(&mut rig, job);
    assert!(
        error.contains("its boundary cannot be set") && error.contains("gone"),
        "{error}"
    );
    assert!(!places.work.join("started").exists());
}

#[test]
fn terminals_and_git_and_nested_boundaries_work_within() {
    if !enforced("terminals and git") {
        return;
    }
    let mut rig = rig();
    let places = Places::new(&rig);
    let script = "test -t 0 && echo x > /dev/tty && git init -q . && git add -A \
        && git -c user.name=n -c user.email=e@x commit -qm first && git mv file folder/moved \
        && git stash -q && echo fine; echo x > ../sibling/new";
    let mut job = places.sh(&rig, "a", script);
    job.env_extra = [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
    ]
    .map(|(n, v)| (n.to_owned(), v.to_owned()))
    .into();
    job.terminal = Some(JobTerminal {
        index: rig.folder.path().join("a.1.idx"),
        prompt: rig.folder.path().join("prompt"),
    });
    let (_, output) = run(&mut rig, job);
    assert!(output.contains("fine"), "{output}");
    assert!(!places.sibling.join("new").exists());
    // A boundary within a boundary can only be narrower.
    let nested = places.work.join("nested");
    fs::create_dir(&nested).unwrap();
    let inner = format!(
        "exec 3>/dev/null; {} __exec --write {} --write {} -- /bin/sh sh -c \
         'echo x > nested/a; echo x > b; echo x > {}/new'",
        env!("CARGO_BIN_EXE_wavedeck"),
        nested.display(),
        places.sibling.display(),
        places.sibling.display(),
    );
    let job = places.sh(&rig, "b", &inner);
    let (_, output) = run(&mut rig, job);
    assert!(nested.join("a").exists(), "{output}");
    assert!(!places.work.join("b").exists() && !places.sibling.join("new").exists());
}

#[test]
fn builds_work_within() {
    if !enforced("builds") {
        return;
    }
    let mut rig = rig();
    let places = Places::new(&rig);
    let env = |name: &str| std::env::var(name).ok();
    let pass = |job: &mut Job| {
        job.boundary.as_mut().unwrap().may_write = caches(&env);
        for name in ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
            if let Some(value) = env(name) {
                job.env_extra.push((name.to_owned(), value));
            }
        }
    };
    fs::create_dir(places.work.join("src")).unwrap();
    let manifest =
        "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n";
    fs::write(places.work.join("Cargo.toml"), manifest).unwrap();
    fs::write(places.work.join("src/main.rs"), "fn main() {}").unwrap();
    let mut job = places.job(&rig, "a", &["cargo", "build", "--offline"]);
    pass(&mut job);
    let (exit, output) = run(&mut rig, job);
    assert_eq!(exit, Exit::Code(0), "{output}");
    assert!(places.work.join("target/debug/tiny").exists());
    if !is_there("npm", std::env::var_os("PATH").as_deref()) {
        println!("npm: left out: it is not there");
        return;
    }
    let package = r#"{"name":"tiny","version":"1.0.0","dependencies":{"dep":"file:./dep"}}"#;
    fs::create_dir(places.work.join("dep")).unwrap();
    fs::write(places.work.join("package.json"), package).unwrap();
    fs::write(
        places.work.join("dep/package.json"),
        r#"{"name":"dep","version":"1.0.0"}"#,
    )
    .unwrap();
    let mut job = places.job(
        &rig,
        "b",
        &["npm", "install", "--offline", "--no-audit", "--no-fund"],
    );
    pass(&mut job);
    // Nobody's own cache or settings.
    let home = places.work.join("home");
    fs::create_dir(&home).unwrap();
    job.env_extra
        .push(("HOME".to_owned(), home.display().to_string()));
    let (exit, output) = run(&mut rig, job);
    assert_eq!(exit, Exit::Code(0), "{output}");
    assert!(places.work.join("node_modules/dep/package.json").exists());
}

#[test]
fn namespaces_of_processes_and_networks_work_within_where_they_work_at_all() {
    let works = |args: &[&str]| {
        let status = Command::new("unshare").args(args).arg("true").status();
        status.is_ok_and(|status| status.success())
    };
    let args = ["--user", "--net", "--ipc", "--uts"];
    if !enforced("namespaces") || !works(&args) {
        println!("namespaces: left out: `unshare` does not work here");
        return;
    }
    let mut rig = rig();
    let places = Places::new(&rig);
    let mut argv = vec!["unshare"];
    argv.extend(args);
    argv.extend(["sh", "-c", "echo inside; echo x > ../sibling/new"]);
    let job = places.job(&rig, "a", &argv);
    let (_, output) = run(&mut rig, job);
    assert!(output.contains("inside"), "{output}");
    assert!(!places.sibling.join("new").exists());
}

#[test]
fn a_plan_that_requires_it_runs_within_it_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let repo = folder.path().join("repo");
    fs::create_dir_all(repo.join(".git")).unwrap();
    let plan = r#"
        require_sandbox = true
        [[agent]]
        id = "a"
        run = ["sh", "-c", "echo x > inside; echo x > $TMPDIR/x; ! echo x > ../outside"]
        check = [["sh", "-c", "cat inside && ! echo x > ../outside"]]
    "#;
    fs::write(repo.join("wavedeck.toml"), plan).unwrap();
    let run = |more: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wavedeck"));
        command
            .args(["run", "--headless"])
            .current_dir(&repo)
            .env_clear()
            .env("HOME", folder.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(more.iter().copied());
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    let (status, text) = run(&[("WAVEDECK_SANDBOX_ENFORCE", "false")]);
    assert_eq!(status, Some(2), "{text}");
    assert!(
        text.contains("require_sandbox") && text.contains("switched off"),
        "{text}"
    );
    assert!(!repo.join("inside").exists());
    let (status, text) = run(&[]);
    if enforced("a plan that requires it") {
        assert_eq!(status, Some(0), "{text}");
        assert!(repo.join("inside").exists());
    } else {
        assert_eq!(status, Some(2), "{text}");
    }
    assert!(!folder.path().join("outside").exists());
    // A repository's own file opens nothing.
    fs::write(
        repo.join("wavedeck.config.toml"),
        "[sandbox]\nwrite = [\"/\"]\n",
    )
    .unwrap();
    let (status, text) = run(&[]);
    assert_eq!(status, Some(2), "{text}");
    assert!(
        text.contains("`sandbox` counts only in your own configuration"),
        "{text}"
    );
}
