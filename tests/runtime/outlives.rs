//! Nothing outlives a run, or escapes a freeze: children that left session and parents, with their agent's end, a
//! stop, and `kill -9` of runner, guard and both (promise 2).

use std::fs;

use rustix::process::Signal;
use wavedeck::sys::{
    cgroup::Groups,
    proc::{self, ProcTable},
};

use super::rig::{Here, Live, signal, state_of, wait_for};

/// An agent whose child has a session of its own and no parent but us, and whose child's child too; `then` is
/// what it does itself after that.
fn here(then: &str) -> Here {
    let mut here = Here::with(&format!("[[agent]]\nid = \"a\"\nrun = {}\n", argv(then)));
    here.grace = "300ms";
    here
}

/// The command of such an agent.
pub fn argv(then: &str) -> String {
    let script = format!(
        "(setsid sh -c '(setsid sh -c \"echo \\$\\$ > inner; sleep 301\" &); echo $$ > outer; sleep 302' &); \
         while ! test -s inner || ! test -s outer; do sleep 0.01; done; {then}"
    );
    serde_json::to_string(&["sh", "-c", &script]).unwrap()
}

/// A process by the file that holds its number: pid and start.
pub fn noted(here: &Here, name: &str) -> (i32, u64) {
    wait_for(name, || {
        let pid: i32 = here.read(name).trim().parse().ok()?;
        Some((pid, proc::start_time(pid).ok()?))
    })
}

pub fn both_gone(daemons: [(i32, u64); 2]) {
    for (pid, start) in daemons {
        wait_for("the daemon is gone", || {
            (!proc::is_alive(pid, start)).then_some(())
        });
    }
}

#[test]
fn daemons_end_with_their_agent() {
    let here = here("exit 0");
    let events = here.run().with(0);
    let left = events.of("attempt.ended", "a")["leaked"].as_u64();
    // Each of them is a shell and what it waits for.
    assert_eq!(left, Some(4), "{events}");
    here.nobody_left();
}

#[test]
fn daemons_are_frozen_and_stopped_with_their_agent() {
    let here = here("echo ready; sleep 303");
    let live = here.start();
    let daemons = [noted(&here, "inner"), noted(&here, "outer")];
    here.ctl("pause a");
    live.hears("agent.freeze_verified", "a");
    let events = live.events();
    let freeze = events.of("agent.freeze_verified", "a");
    assert_eq!(freeze["stopped"], freeze["total"], "{freeze}");
    assert!(freeze["total"].as_u64() >= Some(6), "{freeze}");
    assert_eq!(daemons.map(|(pid, _)| state_of(pid)), ['T', 'T']);
    here.ctl("stop a");
    live.end().with(3);
    both_gone(daemons);
    here.nobody_left();
}

#[test]
fn daemons_end_when_their_agent_is_parked() {
    let here = here("sleep 303");
    let live = here.start();
    let daemons = [noted(&here, "inner"), noted(&here, "outer")];
    here.ctl("park a");
    live.hears("agent.parked", "a");
    // The agent is told to be parked only when nothing of it is left.
    assert_eq!(
        daemons.map(|(pid, start)| proc::is_alive(pid, start)),
        [false; 2]
    );
    here.ctl("stop -y");
    live.end().with(3);
    here.nobody_left();
}

#[test]
fn daemons_end_when_memory_parks_their_agent() {
    let plan = format!(
        "[[agent]]\nid = \"a\"\nrun = {}\nram = \"8MiB\"\npriority = \"low\"\n\
         [[agent]]\nid = \"gate\"\nrun = [\"sh\", \"-c\", \"while ! test -s inner || ! test -s outer; do sleep 0.01; done\"]\n\
         ram = \"1MiB\"\n\
         [[agent]]\nid = \"large\"\nsim = {{ duration = \"300s\", ram = \"290MiB\", curve = \"flat\" }}\n\
         ram = \"100MiB\"\nneeds = [\"gate\"]\n",
        argv("sleep 303")
    );
    let mut here = Here::with(&plan);
    here.grace = "300ms";
    let mut command = here.command(&["run", "--headless", "--json", "--ram", "300MiB"]);
    // The same on machines of any size.
    command.env("WAVEDECK_MEMORY_BAND", "70-90");
    let live = Live::of(command);
    let daemons = [noted(&here, "inner"), noted(&here, "outer")];
    live.hears("agent.parked", "a");
    assert_eq!(
        daemons.map(|(pid, start)| proc::is_alive(pid, start)),
        [false; 2]
    );
    let events = live.events();
    assert_eq!(events.of("agent.parked", "a")["cause"], "zone");
    let short = &events.all("resource.shortage")[0];
    assert_eq!(
        (&short["resource"], &short["strategy"]),
        (&"memory".into(), &"reduce_parallelism".into())
    );
    here.ctl("stop -y");
    live.end().with(3);
    here.nobody_left();
}

#[test]
fn daemons_end_when_another_worker_takes_their_agent_over() {
    let plan = format!(
        "[worker.one]\nrun = {}\n[worker.two]\nrun = [\"sh\", \"-c\", \"cat > /dev/null\"]\n\
         [[agent]]\nid = \"a\"\nprompt = \"do\"\nworker = [\"one\", \"two\"]\nworkspace = \"shared\"\n",
        argv("sleep 303")
    );
    let mut here = Here::with(&plan);
    here.grace = "300ms";
    let live = here.start();
    let daemons = [noted(&here, "inner"), noted(&here, "outer")];
    here.ctl("swap a two");
    live.end().with(0);
    both_gone(daemons);
    here.nobody_left();
}

#[test]
fn daemons_end_when_runner_or_guard_are_killed() {
    for guard in [false, true] {
        let here = here("sleep 303");
        let live = here.start();
        let daemons = [noted(&here, "inner"), noted(&here, "outer")];
        let victim = if guard { live.guard() } else { live.runner() };
        signal(victim, Signal::KILL);
        // Nobody resumes it.
        both_gone(daemons);
        here.nobody_left();
        drop(live);
    }
}

/// Kills guard and runner, so that nobody is there to end anything.
fn kill_both(live: &Live) {
    let (guard, runner) = (live.guard(), live.runner());
    // Neither has the time to see the other's end.
    signal(guard, Signal::STOP);
    signal(runner, Signal::KILL);
    signal(guard, Signal::KILL);
}

#[test]
fn daemons_that_outlived_guard_and_runner_end_with_resume() {
    let here = here("test -e again && exit 0; touch again; sleep 303");
    let live = here.start();
    let daemons = [noted(&here, "inner"), noted(&here, "outer")];
    wait_for("it sleeps", || {
        fs::exists(here.path().join("again")).unwrap().then_some(())
    });
    kill_both(&live);
    drop(live);
    assert!(proc::is_alive(daemons[0].0, daemons[0].1));
    for name in ["inner", "outer"] {
        fs::remove_file(here.path().join(name)).unwrap();
    }
    let said = here.say(&["resume", "--headless"]);
    assert_eq!(said.status, 0, "{said}");
    both_gone(daemons);
    here.nobody_left();
}

/// One that has wiped its environment and left before anybody looked is known by its group alone.
#[test]
fn who_wiped_its_environment_is_kept_by_its_group() {
    if let Err(why) = Groups::probe() {
        eprintln!("skipped: {why}");
        return;
    }
    let script = "while ! test -e go; do sleep 0.05; done; \
         (env -i setsid sh -c 'echo $$ > inner; exec sleep 301' &); sleep 303";
    let argv = serde_json::to_string(&["sh", "-c", script]).unwrap();
    let mut here = Here::with(&format!("[[agent]]\nid = \"a\"\nrun = {argv}\n"));
    here.grace = "300ms";
    let live = here.start();
    live.hears("agent.started", "a");
    let pid = live.events().pid("a");
    let group = wait_for("its group", || {
        let folder = here.read_run("group");
        let mut entries = fs::read_dir(folder).ok()?.flatten().map(|e| e.path());
        let folder = entries.find(|path| path.is_dir())?;
        let members = fs::read_to_string(folder.join("cgroup.procs")).ok()?;
        members
            .lines()
            .any(|line| line == pid.to_string())
            .then_some(folder)
    });
    here.write("go", "");
    let daemon = noted(&here, "inner");
    wait_for("its parent is gone", || {
        let table = ProcTable::scan().ok()?;
        (table.get(daemon.0)?.ppid == live.runner()).then_some(())
    });
    here.ctl("pause a");
    live.hears("agent.freeze_verified", "a");
    let events = live.events();
    let freeze = events.of("agent.freeze_verified", "a");
    assert_eq!(freeze["stopped"], freeze["total"], "{freeze}");
    let frozen = fs::read_to_string(group.join("cgroup.events")).unwrap();
    assert!(frozen.contains("frozen 1"), "{frozen}");
    // Nobody is there to let it go on.
    kill_both(&live);
    drop(live);
    assert!(proc::is_alive(daemon.0, daemon.1));
    fs::remove_file(here.path().join("go")).unwrap();
    let again = here.start_as(&["resume", "--headless", "--json"]);
    wait_for("the daemon is gone", || {
        (!proc::is_alive(daemon.0, daemon.1)).then_some(())
    });
    wait_for("the new runner listens", || {
        (here.ctl_says("stop -y").status == 0).then_some(())
    });
    again.end();
    assert!(!group.exists());
    here.nobody_left();
}
