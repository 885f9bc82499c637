//! Readers that stop reading, and stops that come at a bad moment: nothing of a run waits for them.

use std::{fs, os::fd::OwnedFd, process::Stdio};

use rustix::{
    fs::{OFlags, fcntl_setfl},
    pipe::pipe,
    process::Signal,
};

use super::rig::{Here, number, signal, wait_for};

/// A pipe that is full, and its reading end.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (read, write) = pipe().unwrap();
    fcntl_setfl(&write, OFlags::NONBLOCK).unwrap();
    while rustix::io::write(&write, &[b'x'; 4096]).is_ok() {}
    while rustix::io::write(&write, b"x").is_ok() {}
    fcntl_setfl(&write, OFlags::empty()).unwrap();
    (read, write)
}

#[test]
fn agents_end_with_their_guard_though_nobody_reads_the_errors() {
    let here = Here::with("[[agent]]\nid = \"a\"\nrun = [\"sleep\", \"300\"]\n");
    let (_read, write) = full_pipe();
    let mut command = here.command(&["run", "--headless"]);
    command.stdout(Stdio::null()).stderr(Stdio::from(write));
    let mut guard = command.spawn().unwrap();
    wait_for("the agent runs", || {
        let runs = here.run_dirs();
        let journal = fs::read_to_string(runs.first()?.join("journal.jsonl")).ok()?;
        journal.contains("agent.started").then_some(())
    });
    guard.kill().unwrap();
    guard.wait().unwrap();
    here.nobody_left();
}

#[test]
fn a_signal_ends_a_run_though_nobody_reads_its_lines() {
    let here = Here::with("[[agent]]\nid = \"a\"\nrun = [\"sleep\", \"300\"]\n");
    let (_read, write) = full_pipe();
    let mut command = here.command(&["run", "--headless"]);
    command.stdout(Stdio::from(write)).stderr(Stdio::null());
    let mut guard = command.spawn().unwrap();
    wait_for("the agent runs", || {
        let runs = here.run_dirs();
        let journal = fs::read_to_string(runs.first()?.join("journal.jsonl")).ok()?;
        journal.contains("agent.started").then_some(())
    });
    signal(guard.id().cast_signed(), Signal::TERM);
    let status = guard.wait().unwrap();
    assert_eq!(number(status), 143);
}

#[test]
fn resume_waits_for_a_runner_that_is_ending() {
    let here = Here::with(
        "[[agent]]\nid = \"a\"\nrun = [\"sh\", \"-c\", \"test -e go && exit 0; trap '' TERM; echo up; \
         while :; do sleep 0.05; done\"]\n",
    );
    let live = here.start();
    live.hears("agent.started", "a");
    wait_for("it ignores TERM", || {
        here.output("a.1").starts_with("up").then_some(())
    });
    here.write("go", "");
    let guard = live.child.id().cast_signed();
    signal(guard, Signal::KILL);
    let said = here.say(&["resume", "--headless"]);
    assert_eq!(said.status, 0, "{said}");
    assert_eq!(here.journal().ending("a"), "completed");
    drop(live.end());
}

#[test]
fn a_signal_while_survivors_are_ended_starts_nothing() {
    let mut here = Here::with(
        "[[agent]]\nid = \"a\"\nrun = [\"sh\", \"-c\", \"echo $WAVEDECK_ATTEMPT >> ledger; \
         trap '' TERM; while :; do sleep 0.05; done\"]\n",
    );
    here.grace = "20s";
    let live = here.start();
    live.hears("agent.started", "a");
    wait_for("it is up", || {
        here.read("ledger").contains('1').then_some(())
    });
    // Both at once, so that nobody ends the agent.
    let (guard, runner) = (live.guard(), live.runner());
    signal(guard, Signal::STOP);
    signal(runner, Signal::KILL);
    signal(guard, Signal::KILL);
    drop(live.end());
    let dir = wavedeck::journal::RunDir::at(&here.run_dir());
    // Else it may be the old one that has the run below, and the signal meets a program that waits.
    wait_for("the old runner is gone", || (!dir.is_live()).then_some(()));
    let mut command = here.command(&["resume", "--headless"]);
    let mut resumed = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("its runner has the run", || dir.is_live().then_some(()));
    // Its survivor ignores TERM: the first signal is heard meanwhile, the second ends the grace.
    let status = wait_for("the resume ends", || {
        signal(resumed.id().cast_signed(), Signal::TERM);
        resumed.try_wait().unwrap()
    });
    assert_eq!(number(status), 143);
    assert_eq!(here.read("ledger"), "1\n", "no second attempt");
    here.nobody_left();
    let said = here.say(&["status"]);
    assert!(said.out.contains("interrupted"), "{said}");
}

#[test]
fn who_watches_a_resumed_run_is_of_now() {
    let here = Here::with(
        "[[agent]]\nid = \"a\"\nrun = \"true\"\ncheck = [\"false\"]\n[[agent]]\nid = \"b\"\n\
         run = [\"sh\", \"-c\", \"test -e go || sleep 300\"]\n",
    );
    let said = here.say(&["run", "--detach"]);
    assert_eq!(said.status, 0, "{said}");
    wait_for("the check is red and the other runs", || {
        let events = here.journal();
        (events.has("agent.blocked", "a") && events.has("agent.started", "b")).then_some(())
    });
    let dir = here.run_dir();
    let table = wavedeck::sys::proc::ProcTable::scan().unwrap();
    let pid = here.journal().pid("b");
    let runner = table.iter().find(|p| p.pid == pid).unwrap().ppid;
    signal(runner, Signal::KILL);
    wait_for("the runner is gone", || {
        (!wavedeck::journal::RunDir::at(&dir).is_live()).then_some(())
    });
    here.nobody_left();
    here.write("go", "");
    let said = here.say(&["resume", "--headless"]);
    assert_eq!(said.status, 1, "{said}");
}

#[test]
fn a_handled_failure_of_a_parent_is_that_of_its_part_too() {
    let here = Here::with(
        "[[agent]]\nid = \"group\"\n[[agent]]\nid = \"part\"\nparent = \"group\"\nrun = \"false\"\n\
         [[agent]]\nid = \"after\"\nneeds = [{ agent = \"group\", when = \"failed\" }]\nrun = \"true\"\n",
    );
    here.run().with(0);
}
