//! The home screen and the page before a run, in a real pseudo-terminal.

use wavedeck::sys::reap::ExitStatus;

use super::{Ground, hostile_ground, pty::Terminal};

const OK: ExitStatus = ExitStatus::Code(0);

const PLAN: &str = "name = \"small\"\n[worker.w]\nrun = [\"/bin/sh\", \"-c\", \"cat >> ran\"]\n\
    [[agent]]\nid = \"one\"\nworker = \"w\"\nworkspace = \"shared\"\nprompt_file = \"prompt.md\"\n";

fn ground() -> Ground {
    let ground = Ground::new();
    ground.write("p.toml", PLAN);
    ground.write("prompt.md", "first words");
    ground
}

/// Opens the page before the run of `p.toml`.
fn page(ground: &Ground, says: &str) -> Terminal {
    let terminal = Terminal::start_as(ground, &["run", "p.toml"], &ground.env());
    terminal.shows("before the run");
    terminal.shows(says);
    terminal
}

#[test]
fn leaving_the_page_before_a_run_leaves_nothing_behind() {
    let ground = ground();
    let terminal = page(&ground, "NEW");
    terminal.shows("/bin/sh -c 'cat >> ran'");
    terminal.shows("first words");
    terminal.shows("pushes nothing");
    terminal.press("q");
    let (status, screen, _) = terminal.end();
    assert_eq!(status, OK);
    assert!(screen.bad.is_empty(), "{:#?}", screen.bad);
    for name in [".wavedeck", "ran", "home"] {
        assert!(!ground.path().join(name).exists(), "{name}");
    }
}

#[test]
fn a_plan_is_new_once_and_a_changed_one_is_said_to_be() {
    let ground = ground();
    for (prompt, says) in [
        ("first words", "NEW"),
        ("first words", "this very plan"),
        ("other words", "CHANGED"),
        ("first words", "this very plan"),
    ] {
        ground.write("prompt.md", prompt);
        let terminal = page(&ground, says);
        terminal.press("\r");
        terminal.until("the end", |s| s.text().contains("1/1 done"));
        terminal.press("q");
        assert_eq!(terminal.end().0, OK);
    }
    // What is not asked about is not shown: with -y, and where there is no terminal.
    ground.write("prompt.md", "third words");
    let terminal = Terminal::start(&ground, &["run", "p.toml"]);
    terminal.until("the end", |s| s.text().contains("1/1 done"));
    terminal.press("q");
    assert_eq!(terminal.end().0, OK);
    assert_eq!(ground.run(&["run", "p.toml"]).status.code(), Some(0));
}

#[test]
fn what_changes_while_it_is_read_is_not_started() {
    let ground = ground();
    let terminal = page(&ground, "NEW");
    ground.write("prompt.md", "something else altogether");
    terminal.press("\r");
    let (status, screen, bytes) = terminal.end();
    assert_eq!(status, ExitStatus::Code(2), "{}", screen.text());
    let said = String::from_utf8_lossy(&bytes);
    assert!(said.contains("has changed since you read"), "{said}");
    assert!(!ground.path().join("ran").exists());
    assert!(!ground.path().join(".wavedeck").exists());
}

#[test]
fn what_goes_wrong_from_home_can_be_read() {
    let ground = ground();
    let terminal = Terminal::start(&ground, &[]);
    terminal.shows("PLANS");
    terminal.press("\r");
    terminal.shows("before the run");
    ground.write("prompt.md", "something else altogether");
    terminal.press("\r");
    terminal.prints("has changed since you read");
    terminal.prints("Enter goes back home");
    terminal.press("\n");
    terminal.shows("PLANS");
    terminal.press("q");
    assert_eq!(terminal.end().0, OK);
}

#[test]
fn home_leads_to_a_run_and_to_its_recording() {
    let ground = ground();
    let terminal = Terminal::start(&ground, &[]);
    terminal.shows("PLANS");
    terminal.shows("small  1 agent, 1 wave");
    terminal.shows("none yet");
    terminal.press("\r");
    terminal.shows("before the run");
    terminal.press("\r");
    terminal.until("the end", |s| s.text().contains("1/1 done"));
    terminal.press("q");
    // Back home: the run is there now.
    terminal.shows("succeeded just now");
    terminal.press("j");
    terminal.shows("events,");
    terminal.press("6");
    terminal.shows("OUTCOME");
    terminal.press("q");
    terminal.shows("RECENT RUNS");
    terminal.press("q");
    let (status, screen, _) = terminal.end();
    assert_eq!(status, OK);
    assert!(screen.bad.is_empty(), "{:#?}", screen.bad);
}

#[test]
fn an_empty_home_teaches_and_writes_a_plan() {
    let ground = Ground::new();
    let terminal = Terminal::start(&ground, &[]);
    terminal.shows("no plan here yet");
    terminal.shows("init");
    terminal.press("\r");
    terminal.shows("first-plan  4 agents");
    terminal.press("q");
    assert_eq!(terminal.end().0, OK);
    assert!(ground.path().join("wavedeck.toml").exists());
}

#[test]
fn hostile_plans_are_shown_clean_before_they_run() {
    let (ground, plan) = hostile_ground();
    let home = Terminal::start(&ground, &[]);
    home.shows("PLANS");
    home.press("\r");
    home.shows("before the run");
    home.press("G");
    home.press("q");
    home.shows("RECENT RUNS");
    home.press("q");
    let (_, screen, _) = home.end();
    assert!(screen.bad.is_empty(), "{:#?}", screen.bad);
    let terminal = Terminal::start_as(&ground, &["run", &plan], &ground.env());
    terminal.shows("NEW");
    terminal.press("j\x1b[6~G");
    terminal.press("q");
    let (_, screen, _) = terminal.end();
    assert!(screen.bad.is_empty(), "{:#?}", screen.bad);
}

/// Shorter than it takes to open a screen on it.
#[test]
fn a_run_that_ends_at_once_is_shown_to_its_end() {
    let ground = Ground::new();
    ground.write("p.toml", "[[agent]]\nid = \"one\"\nrun = \"true\"\n");
    for _ in 0..10 {
        let terminal = Terminal::start(&ground, &["run", "p.toml"]);
        terminal.until("the end", |s| s.text().contains("1/1 done"));
        terminal.press("q");
        assert_eq!(terminal.end().0, OK);
    }
}
