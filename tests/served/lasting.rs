//! Sessions that outlive their process: a killed runner, a freeze, a session that is lost, another program.

use std::fmt::Write as _;

use rustix::process::Signal;

use crate::{
    model_server::{
        Asked,
        faults::{Fault, Rule},
    },
    runtime::rig::{Live, signal, state_of, wait_for},
};

use super::{SMALL, Served, tokens};

/// Agents that write a first and a second file, and are held in between.
fn two_files(agents: &[(&str, &str)]) -> Served {
    let mut plan = SMALL.to_owned();
    for (id, workers) in agents {
        let _ = write!(
            plan,
            "[[agent]]\nid = \"{id}\"\nworker = [{workers}]\nprompt = \"WRITE {id}1.txt <<<one>>> and WRITE {id}2.txt <<<two>>>\"\n"
        );
    }
    let served = Served::with(&plan);
    for (id, _) in agents {
        let words = format!("WRITE {id}1.txt");
        let rule = Rule::all(Fault::Held).with_words(&words);
        served.server.rule(rule.after(1).times(1));
    }
    served
}

fn all_held(served: &Served, agents: usize) {
    let all = |asked: &[Asked]| (asked.len() == 2 * agents).then_some(());
    served.server.until("all are held", all);
}

fn delivered(served: &Served, id: &str) {
    for (file, text) in [("1", "one\n"), ("2", "two\n")] {
        assert_eq!(served.repo.delivered(&format!("{id}{file}.txt")), text);
    }
}

#[test]
fn a_killed_runner_loses_neither_session_nor_tokens() {
    let agents = [
        ("a", "\"claude:tiny\""),
        ("b", "\"codex:tiny\""),
        ("d", "\"opencode:local/tiny\""),
    ];
    let served = two_files(&agents);
    let live = served.start();
    all_held(&served, 3);
    // What it was told before its end counts too.
    live.until("two have said what they used", |events| {
        (events.all("agent.used").len() == 2).then_some(())
    });
    signal(live.runner(), Signal::KILL);
    let _ = live.end().with(4);
    served.repo.here.nobody_left();
    let live = Live::of(served.command(&["resume", "--headless", "--json"]));
    let ended = live.end();
    assert_eq!(ended.status, 0, "{}\n{}", ended.events, ended.err);
    let events = served.repo.here.journal();
    for (id, _) in agents {
        assert_eq!(events.ending(id), "completed", "{events}");
        delivered(&served, id);
        let asked = served.server.asked();
        let own = |a: &&Asked| a.says(&format!("WRITE {id}1.txt"));
        let own: Vec<_> = asked.iter().filter(own).collect();
        assert_eq!(own.len(), 4, "{id}");
        assert!(own[2].users()[1].contains("You were interrupted"), "{id}");
    }
    let used = served.server.used();
    assert_eq!(tokens(&events), (used.input, used.output));
}

#[test]
fn a_frozen_program_goes_on_where_it_was_and_its_silence_does_not_count() {
    let agent = |id: &str| {
        format!(
            "[[agent]]\nid = \"{id}\"\nworker = \"short:tiny\"\nretry = {{ attempts = 1 }}\nprompt = \"WRITE {id}.txt <<<{id}>>>\"\n"
        )
    };
    let served = Served::with(&[SMALL, &agent("frozen"), &agent("stuck")].concat());
    served.adapter(
        "short",
        "id = \"short\"\nlike = \"claude\"\nno_progress = \"2s\"\n",
    );
    served.server.rule(Rule::all(Fault::Held));
    let live = served.start();
    let both = |asked: &[Asked]| (asked.len() == 2).then_some(());
    served.server.until("both are held", both);
    let here = &served.repo.here;
    // Its process is known from the lines, which come a little later than it.
    live.hears("agent.started", "frozen");
    here.ctl("pause frozen");
    let pid = live.events().pid("frozen");
    wait_for("it is stopped", || (state_of(pid) == 'T').then_some(()));
    // The other one shows that the time is over.
    live.hears("agent.failed", "stuck");
    served.server.release();
    here.ctl("resume frozen");
    let events = live.end().with(1);
    assert_eq!(events.ending("frozen"), "completed", "{events}");
    assert_eq!(events.all_of("agent.started", "frozen").len(), 1);
}

#[test]
fn a_lost_session_begins_anew_in_the_same_workspace() {
    let served = two_files(&[("a", "\"claude:tiny\", \"claude:big\"")]);
    let live = served.start();
    all_held(&served, 1);
    let home = served.repo.here.path().join("home");
    std::fs::remove_dir_all(home.join(".claude/projects")).unwrap();
    served.repo.here.ctl("swap a claude:big");
    let events = live.end().with(0);
    delivered(&served, "a");
    let causes: Vec<_> = events.all_of("agent.retrying", "a");
    let causes: Vec<_> = causes
        .iter()
        .map(|e| e["cause"].as_str().unwrap())
        .collect();
    assert_eq!(causes, ["swap", "anew"], "{events}");
    let reason = events.all_of("agent.retrying", "a")[1]["reason"].clone();
    assert!(reason.as_str().unwrap().contains("session"), "{reason}");
    let used = served.server.used();
    assert_eq!(tokens(&events), (used.input, used.output));
}

#[test]
fn another_program_takes_over_the_workspace_with_a_prompt_of_its_own() {
    let served = two_files(&[("a", "\"claude:tiny\", \"codex:big\"")]);
    let live = served.start();
    all_held(&served, 1);
    served.repo.here.ctl("swap a codex:big");
    let events = live.end().with(0);
    delivered(&served, "a");
    let asked = served.server.asked();
    let first = asked.iter().find(|a| a.model == "big").unwrap();
    let users = first.users();
    assert_eq!(users.len(), 1, "{users:?}");
    assert!(users[0].contains("WRITE a1.txt"), "{users:?}");
    let work = events.all_of("workspace.ready", "a");
    assert_eq!(work.len(), 2, "{events}");
    assert_eq!(work[0]["path"], work[1]["path"]);
    let used = served.server.used();
    assert_eq!(tokens(&events), (used.input, used.output));
}

#[test]
fn what_is_told_before_the_start_stands_in_the_first_prompt() {
    let served = Served::with(&format!(
        "{SMALL}[[agent]]\nid = \"a\"\nworker = \"claude:tiny\"\nprompt = \"WRITE a.txt <<<a>>>\"\n\
         [[agent]]\nid = \"b\"\nworker = \"gemini:tiny\"\nneeds = [\"a\"]\nprompt = \"WRITE b.txt <<<b>>>\"\n"
    ));
    served.server.rule(Rule::all(Fault::Held).times(1));
    let live = served.start();
    let held = |asked: &[Asked]| (asked.len() == 1).then_some(());
    served.server.until("the first is held", held);
    served.repo.here.ctl("tell b Mind the gap.");
    served.server.release();
    let events = live.end().with(0);
    assert_eq!(events.of("agent.told", "b")["how"], "turn");
    let asked = served.server.asked();
    let first = asked.iter().find(|a| a.says("WRITE b.txt")).unwrap();
    let users = first.users();
    assert_eq!(users.len(), 1, "{users:?}");
    assert!(users[0].contains("Mind the gap."), "{users:?}");
}
