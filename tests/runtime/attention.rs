//! Approvals and the attention queue through the real program: asked, told, answered, refused.

use rustix::process::Signal;

use super::rig::{Events, Here, signal, wait_for};

/// A phase that asks before the next one, with a hostile question.
const PLAN: &str = r#"
[gate.design-ok]
run = ["test -e a.txt"]
approve = "Read the schema \u001b]0;owned\u0007; is it \u202eright?"
[[phase]]
id = "design"
gates = ["design-ok"]
[[phase]]
id = "build"
[[agent]]
id = "a"
phase = "design"
run = "touch a.txt"
[[agent]]
id = "b"
phase = "build"
run = "touch b.txt"
"#;
/// An agent that keeps the run open until it may end.
const HOLDS: &str = r#"
[[agent]]
id = "holds"
run = ["sh", "-c", "while ! test -e end; do sleep 0.02; done"]
"#;

/// Writes what it is told: standard input, then one line of the environment.
fn tell(here: &Here) {
    let script = r#"cat >> told; printf '%s\n' "$WAVEDECK_ATTENTION_ID $WAVEDECK_ATTENTION_KIND $WAVEDECK_ATTENTION_WHO $WAVEDECK_ATTENTION_TITLE" >> told-env"#;
    configure(here, &format!("command = ['sh', '-c', '''{script}''']"));
}

fn configure(here: &Here, notify: &str) {
    let text = format!("[notify]\n{notify}\n");
    here.write("home/.config/wavedeck/config.toml", &text);
}

fn told(here: &Here) -> usize {
    here.read("told-env").lines().count()
}

fn raised(events: &Events) -> Option<u64> {
    events.all("attention.raised").first()?["id"].as_u64()
}

#[test]
fn an_approval_waits_for_a_yes_and_the_person_is_told_once_across_a_crash() {
    let here = Here::with(&format!("{PLAN}{HOLDS}"));
    tell(&here);
    let live = here.start();
    let id = live.until("it asks", raised);
    assert_eq!(id, 1);
    wait_for("the person is told", || (told(&here) == 1).then_some(()));
    // What a crash leaves still asks, with the same number, and tells nobody again.
    signal(live.runner(), Signal::KILL);
    let _ = live.end().with(4);
    here.nobody_left();
    let live = here.start_as(&["resume", "--headless", "--json"]);
    live.hears("agent.started", "holds");
    let asks = here.say(&["asks", "--json"]);
    let asks: serde_json::Value = serde_json::from_str(&asks.out).unwrap();
    let item = &asks["asks"][0];
    assert_eq!(item["id"], 1, "{asks}");
    assert_eq!(item["phase"], "design");
    assert_eq!(item["answers"], serde_json::json!(["yes", "no"]));
    assert_eq!(item["holds_up"], serde_json::json!(["b"]));
    assert!(!here.path().join("b.txt").exists());
    let text = here.say(&["asks"]).out;
    assert!(text.contains("`wavedeck ctl answer 1 yes|no`"), "{text}");
    let hostile = ['\u{1b}', '\u{202e}'];
    assert!(!text.contains(hostile), "{text:?}");
    // Answers that it does not take, and numbers that there are not.
    for (words, why) in [
        (
            "answer 1 retry",
            "1 is an approval: it takes yes or no, not retry",
        ),
        ("answer 7 yes", "nothing with the number 7 waits for you"),
    ] {
        let said = here.ctl_says(words);
        assert!(said.status == 2 && said.err.contains(why), "{said}");
    }
    here.ctl("answer 1 yes fine by me");
    live.hears("agent.completed", "b");
    let said = here.ctl_says("answer 1 no");
    assert!(said.err.contains("1 does not wait any more"), "{said}");
    here.write("end", "");
    let ended = live.end();
    assert_eq!(ended.status, 0, "{}", ended.events);
    let events = ended.events;
    let answered = events.all("attention.answered");
    assert_eq!(answered[0]["answer"], "yes");
    assert_eq!(answered[0]["by"], "ctl");
    assert_eq!(answered[0]["text"], "fine by me");
    assert_eq!(told(&here), 1, "{}", here.read("told-env"));
    // Foreign text came clean.
    let env = here.read("told-env");
    assert_eq!(
        env,
        "1 approval phase:design Read the schema ; is it right?\n"
    );
    let json: serde_json::Value = serde_json::from_str(&here.read("told")).unwrap();
    assert_eq!(json["title"], "Read the schema ; is it right?");
}

#[test]
fn where_nobody_is_an_approval_ends_the_run_with_5_and_says_what_waits() {
    let here = Here::with(PLAN);
    tell(&here);
    let events = here.run().with(5);
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let end = word(&events.all("run.finished")[0]["summary"]);
    assert!(
        end.contains("phase design: design-ok waits for your yes: Read"),
        "{end}"
    );
    // The command got its moment although the run was over at once.
    assert_eq!(told(&here), 1);
    let skipped = word(&events.of("agent.skipped", "b")["reason"]);
    assert!(
        skipped.contains("design-ok waits for your yes"),
        "{skipped}"
    );
    let asks = here.say(&["asks"]);
    assert!(
        asks.out
            .contains("has ended with status 5: this is what waited"),
        "{asks}"
    );
    assert_eq!(here.say(&["resume", "--headless"]).status, 5);
}

#[test]
fn a_no_makes_the_gate_red_with_its_reason() {
    let here = Here::with(&format!("{PLAN}{HOLDS}"));
    let live = here.start();
    live.until("it asks", raised);
    here.ctl("answer 1 no the keys are wrong");
    live.until("it is red", |e| {
        (e.all("attention.raised").len() == 2).then_some(())
    });
    // It is a red gate now, with a number of its own; another try asks anew.
    let said = here.say(&["status"]).out;
    assert!(said.contains("  2  red gate"), "{said}");
    here.ctl("answer 2 retry");
    live.until("it asks again", |e| {
        (e.all("attention.raised").len() == 3).then_some(())
    });
    here.ctl("answer 3 no still wrong");
    here.write("end", "");
    let events = live.end().with(1);
    let reason = &events.all("gate.failed")[0]["reason"];
    assert_eq!(reason, "design-ok not approved: the keys are wrong");
    assert!(!here.path().join("b.txt").exists());
}

#[test]
fn a_command_that_hangs_or_fails_holds_nothing_up_and_is_told_of_once() {
    for (command, why) in [
        ("sleep 100", "it took longer than"),
        ("exit 3", "exit status 3"),
    ] {
        let fails =
            ["x", "y", "z"].map(|agent| format!("[[agent]]\nid = \"{agent}\"\nrun = \"false\"\n"));
        let here = Here::with(&format!("{HOLDS}{}", fails.concat()));
        configure(
            &here,
            &format!("command = ['sh', '-c', '{command}']\ntimeout = \"100ms\""),
        );
        let live = here.start();
        live.until("it is told", |e| {
            (!e.all("process.trouble").is_empty()).then_some(())
        });
        here.write("end", "");
        let events = live.end().with(1);
        let trouble = events.all("process.trouble");
        assert_eq!(trouble.len(), 1, "{command}: {events}");
        let text = trouble[0]["trouble"]["not_told"].as_str().unwrap();
        assert!(text.contains(why), "{command}: {text}");
        assert_eq!(events.all("attention.raised").len(), 3);
    }
}

#[test]
fn a_project_names_no_command_that_tells() {
    let here = Here::with(PLAN);
    here.write(
        "wavedeck.config.toml",
        "[notify]\ncommand = [\"touch\", \"owned\"]\n",
    );
    let said = here.say(&["run", "--headless"]);
    assert_eq!(said.status, 2, "{said}");
    assert!(
        said.err.contains("counts only in your own configuration"),
        "{said}"
    );
    assert!(!here.path().join("owned").exists());
}
