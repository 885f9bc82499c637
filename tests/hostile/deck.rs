//! The real dashboard in a real pseudo-terminal.
//!
//! That a panic of the drawing thread gives the terminal back is tested beside the code, in
//! `src/tui/tests/looping.rs`.

use std::time::Duration;

use rustix::process::Signal;
use wavedeck::sys::{reap::ExitStatus, tree::survivors_of_run};

use super::{
    EVIL, Ground, TTY_PLAN, eventually, hostile_ground, let_go, pty::Terminal, screen::Screen,
};

const OK: ExitStatus = ExitStatus::Code(0);

/// Nothing but our own sequences, and the terminal as it was before.
fn ours_alone(screen: &Screen) {
    assert!(screen.bad.is_empty(), "{:#?}", screen.bad);
    for (mode, (set, unset)) in &screen.modes {
        match mode {
            // The cursor is hidden, then shown; a synchronized update is ended once more, in case.
            2026 => assert!(*unset == set + 1, "mode 2026: {set} {unset}"),
            // Only ever taken back: a program before us may have left it.
            1004 => assert_eq!((*set, *unset), (0, 1), "mode {mode}"),
            _ => assert_eq!((*set, *unset), (1, 1), "mode {mode}"),
        }
    }
    for mode in [1049, 2004, 1000, 1006, 25] {
        assert!(
            screen.modes.contains_key(&mode),
            "mode {mode} was never used"
        );
    }
}

/// One agent that waits for a line on the pipe `go`, and one after it.
const WAITING: &str = r#"
name = "waiting"
[[agent]]
id = "first"
run = ["/bin/sh", "-c", "echo started; read x < go; echo $x"]
[[agent]]
id = "second"
run = "true"
needs = ["first"]
"#;

fn waiting() -> (Ground, std::path::PathBuf) {
    let ground = Ground::new();
    ground.write("p.toml", WAITING);
    let go = ground.fifo("go");
    (ground, go)
}

fn status_of(ground: &Ground, agent: usize) -> String {
    ground.status_json()["agents"][agent]["status"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The run ended well, with one attempt of each agent, and nothing of it is left.
fn ended_well(ground: &Ground) {
    assert_eq!(ground.wait(), Some(0));
    let status = ground.status_json();
    for agent in status["agents"].as_array().unwrap() {
        assert_eq!(
            (agent["status"].as_str(), agent["attempt"].as_u64()),
            (Some("succeeded"), Some(1)),
            "{agent}"
        );
    }
    let run = status["run"].as_str().unwrap().to_owned();
    eventually("no process left", || {
        survivors_of_run(&run).unwrap().is_empty()
    });
}

/// Two agents of the hostile plan have a red check, and so wait for the person who watches: only a
/// stop ends that run.
fn to_the_end(ground: &Ground, terminal: &Terminal) {
    terminal.until("two wait for a person", |s| {
        let text = s.text();
        ["2/7 done", "2 block", "2 fail", "1 skip"]
            .iter()
            .all(|count| text.contains(count))
    });
    assert!(ground.run(&["ctl", "stop", "-y"]).status.success());
    terminal.shows("ended, status");
}

#[test]
fn a_hostile_run_leaves_our_own_sequences_alone() {
    let (ground, plan) = hostile_ground();
    let terminal = Terminal::start(&ground, &["run", &plan]);
    terminal.shows("sim");
    to_the_end(&ground, &terminal);
    // Every agent's output once, then whatever else there is to see.
    for _ in 0..8 {
        terminal.press("j");
    }
    terminal.press("\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A");
    terminal.press("j\twz?");
    terminal.shows("CHANGE THE RUN");
    // Seen before the next key: an escape that comes together with it is one other key.
    terminal.press("\x1b");
    terminal.until("no help", |s| !s.text().contains("CHANGE THE RUN"));
    // What a paste holds is no key and is never echoed.
    terminal.press("\x1b[200~\x1b]0;pasted\x07\u{202e}\x1b[201~");
    terminal.press("/");
    terminal.press("zzz\u{202e}\u{9b}");
    terminal.shows("zzz");
    terminal.press("\x1b");
    terminal.until("no filter", |s| !s.text().contains("zzz"));
    terminal.press("q");
    let (status, screen, bytes) = terminal.end();
    ours_alone(&screen);
    assert_eq!(status, ExitStatus::Code(1));
    // As text they may be seen: an agent's screen shows what the plan has it run.
    let at = bytes
        .windows(3)
        .position(|w| w == b"\x1b]0" || w == b"\x1b]5");
    if let Some(at) = at {
        let around = &bytes[at.saturating_sub(200)..(at + 60).min(bytes.len())];
        panic!("{:?}", String::from_utf8_lossy(around));
    }
    assert!(EVIL.len() > 20);
}

#[test]
fn the_output_of_a_hostile_agent_is_shown_clean() {
    let ground = Ground::new();
    ground.write(
        "p.toml",
        "[[agent]]\nid = \"sim\"\nsim = { hostile = true, duration = \"10ms\", lines = 2 }\n",
    );
    let terminal = Terminal::start(&ground, &["run", "p.toml"]);
    terminal.shows("after the hostile part");
    terminal.shows("step 2 of 2");
    terminal.until("the end", |s| s.text().contains("1/1 done"));
    terminal.press("q");
    let (status, screen, _) = terminal.end();
    ours_alone(&screen);
    assert_eq!(status, OK);
}

#[test]
fn an_agent_cannot_open_the_terminal_around_it() {
    for args in [&["run", "p.toml"][..], &["run", "--headless", "p.toml"]] {
        let ground = Ground::new();
        ground.write("p.toml", TTY_PLAN);
        let terminal = Terminal::start(&ground, args);
        if args.len() == 2 {
            terminal.until("the end", |s| s.text().contains("1 fail"));
            terminal.press("q");
        }
        let (status, screen, _) = terminal.end();
        assert_eq!(status, ExitStatus::Code(1));
        assert!(screen.bad.is_empty(), "{:#?}", screen.bad);
        assert!(!ground.path().join("opened").exists());
        let said = ground.run(&["logs", "tty"]).stdout;
        let said = String::from_utf8(said).unwrap();
        assert!(!said.contains("pts"), "{said}");
    }
}

#[test]
fn a_killed_dashboard_touches_no_agent_and_another_one_comes_back() {
    let (ground, go) = waiting();
    let mut first = Terminal::start(&ground, &["run", "p.toml"]);
    first.shows("started");
    first.kill(Signal::KILL);
    assert!(matches!(first.wait(), ExitStatus::Signal { number: 9, .. }));
    assert_eq!(status_of(&ground, 0), "running");

    let again = Terminal::start(&ground, &["attach"]);
    again.shows("started");
    // Two at once; leaving one leaves the other and the run.
    let other = Terminal::start(&ground, &["attach"]);
    other.shows("started");
    other.press("q");
    let (status, screen, _) = other.end();
    ours_alone(&screen);
    assert_eq!(status, OK);
    assert_eq!(status_of(&ground, 0), "running");

    let_go(&go);
    again.shows("2/2 done");
    again.press("q");
    let (status, screen, _) = again.end();
    ours_alone(&screen);
    assert_eq!(status, OK);
    ended_well(&ground);
}

#[test]
fn a_closed_terminal_ends_the_dashboard_and_nothing_else() {
    let (ground, go) = waiting();
    let terminal = Terminal::start(&ground, &["run", "p.toml"]);
    terminal.shows("started");
    let took = terminal.close();
    assert!(took < Duration::from_secs(1), "it took {took:?}");
    assert_eq!(status_of(&ground, 0), "running");
    let_go(&go);
    ended_well(&ground);
}

/// The dashboard is busy with keys while the window closes: what reads keys then sees the end of the
/// terminal before anything else does.
#[test]
fn a_terminal_closed_in_the_middle_of_keys_ends_the_dashboard() {
    let (ground, go) = waiting();
    let mut terminal = Terminal::start(&ground, &["run", "p.toml"]);
    for keys in ["j".repeat(600), "jk".repeat(400), "wwjj".repeat(200)] {
        terminal.shows("started");
        terminal.press("6");
        terminal.shows("OUTCOME");
        let took = terminal.close_after(&keys);
        assert!(took < Duration::from_secs(2), "it took {took:?}");
        terminal = Terminal::start(&ground, &["attach"]);
    }
    terminal.shows("started");
    assert!(terminal.close() < Duration::from_secs(2));
    assert_eq!(status_of(&ground, 0), "running");
    let_go(&go);
    ended_well(&ground);
}

#[test]
fn a_signal_ends_the_dashboard_and_gives_the_terminal_back() {
    let (ground, go) = waiting();
    let mut terminal = Terminal::start(&ground, &["run", "p.toml"]);
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        terminal.shows("started");
        terminal.kill(signal);
        let (_, screen, _) = terminal.end();
        ours_alone(&screen);
        assert_eq!(status_of(&ground, 0), "running", "{signal:?}");
        terminal = Terminal::start(&ground, &["attach"]);
    }
    terminal.shows("started");
    let_go(&go);
    terminal.shows("2/2 done");
    terminal.press("q");
    let (status, screen, _) = terminal.end();
    ours_alone(&screen);
    assert_eq!(status, OK);
    ended_well(&ground);
}

/// Says how large its terminal is, and whatever it is told.
const SPEAKING: &str = r#"
name = "speaking"
[[agent]]
id = "shell"
terminal = true
run = ["/bin/sh", "-c", "stty size; while IFS= read -r x; do test \"$x\" = quit && exit 0; echo \"you said: $x\"; stty size; done"]
"#;

#[test]
fn an_agent_in_a_terminal_is_seen_typed_into_and_played_again() {
    let ground = Ground::new();
    ground.write("p.toml", SPEAKING);
    let terminal = Terminal::start(&ground, &["run", "p.toml"]);
    terminal.shows("32 120");
    terminal.press("2");
    terminal.shows("TERMINAL");
    terminal.press("a");
    terminal.shows("the keyboard is the agent's: shell");
    // Keys of the dashboard are the agent's now, and it sees the size that it is shown in.
    terminal.press("q1?\r");
    terminal.shows("you said: q1?");
    terminal.shows("26 118");
    // Ctrl-Z takes the keyboard back; then the same keys are the dashboard's.
    terminal.press("\x1a");
    terminal.shows("again sends it");
    terminal.until("its own footer", |s| s.text().contains("? help"));
    terminal.press("a");
    terminal.shows("the keyboard is the agent's: shell");
    terminal.press("quit\r");
    terminal.shows("1/1 done");
    terminal.press("q");
    let (status, screen, _) = terminal.end();
    ours_alone(&screen);
    assert_eq!(status, OK);

    let replay = Terminal::start(&ground, &["replay"]);
    // With its clock: before it keys would mean what they mean live.
    replay.shows("Space play");
    // Its end: all of it again, and nobody to type to.
    replay.press("22 ");
    replay.shows("you said: q1?");
    replay.press("a");
    replay.shows("nobody to type to");
    replay.press("q");
    let (_, screen, _) = replay.end();
    ours_alone(&screen);
}

#[test]
fn without_colours_and_letters_beyond_ascii_it_is_as_safe() {
    let (ground, plan) = hostile_ground();
    let mut env = ground.env().to_vec();
    env[3].1 = "C".to_owned();
    env.push(("NO_COLOR", "1".to_owned()));
    let terminal = Terminal::start_as(&ground, &["run", "-y", &plan], &env);
    to_the_end(&ground, &terminal);
    terminal.press("jjjq");
    let (_, screen, _) = terminal.end();
    ours_alone(&screen);
}

#[test]
fn what_begins_to_wait_calls_once_and_its_text_cannot_leave_the_sequence() {
    let ground = Ground::new();
    let plan = r#"
[gate.ok]
approve = "Fine\u001b\\\u001b]0;owned\u0007?"
[[agent]]
id = "a"
run = ["/bin/sh", "-c", "echo started; read x < go"]
gates = ["ok"]
"#;
    ground.write("p.toml", plan);
    let go = ground.fifo("go");
    let mut env = ground.env().to_vec();
    let bell = env
        .iter_mut()
        .find(|(name, _)| *name == "WAVEDECK_NOTIFY_BELL");
    bell.unwrap().1 = "true".to_owned();
    env.push(("WAVEDECK_NOTIFY_DESKTOP", "osc9".to_owned()));
    let terminal = Terminal::start_as(&ground, &["run", "-y", "p.toml"], &env);
    terminal.shows("started");
    let_go(&go);
    terminal.shows("1 WAITS FOR YOU");
    terminal.press("!y");
    terminal.shows("1/1 done");
    terminal.press("q");
    let (status, _, bytes) = terminal.end();
    assert_eq!(status, OK);
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(text.matches('\u{7}').count(), 1, "one bell");
    let call = "\u{1b}]9;wavedeck: a asks for your yes: Fine";
    assert_eq!(text.matches(call).count(), 1, "{text:?}");
    assert_eq!(
        text.matches("\u{1b}]").count(),
        1,
        "one sequence of ours alone"
    );
}
