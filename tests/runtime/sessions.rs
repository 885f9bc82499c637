//! Sessions of agent programs that a person works in: opened in a real terminal, handed back, gone on with.

use std::{fs, os::unix::fs::PermissionsExt};

use wavedeck::{
    engine::Action,
    sys::landlock::{Support, probe},
    tui::feed::Request,
};

use super::{
    rig::{Live, wait_for},
    terminal::{Pane, take},
    together::Repo,
};

/// A program that keeps its session's turns in a file of its workspace. With `-p` it takes a prompt and ends
/// its turn when it may; without, it does what is typed.
const CLAUDE: &str = r#"#!/bin/sh
mode=typed
for word; do
    case "$before" in --session-id|--resume) id=$word;; esac
    [ "$word" = -p ] && mode=turn
    before=$word
done
if [ "$mode" = turn ]; then
    read -r prompt
    printf '%s\n' "$prompt" >> turns.txt
    printf '{"type":"system","subtype":"init","session_id":"%s","model":"m"}\n' "$id"
    turn=$(wc -l < turns.txt | tr -d ' ')
    until [ -e "HERE/go.$turn" ]; do sleep 0.02; done
    printf '{"type":"result","subtype":"success","is_error":false,"result":"done","session_id":"%s","usage":{"input_tokens":7,"output_tokens":1}}\n' "$id"
    exit 0
fi
printf 'session %s of %s\r\n' "$id" "$WAVEDECK_AGENT"
(echo no > ../out) 2>/dev/null && printf 'it got out\r\n'
while read -r line; do
    [ "$line" = end ] && exit 7
    printf '%s\n' "$line" >> typed.txt
    printf 'wrote %s\r\n' "$line"
done
"#;

const PLAN: &str = "\
[merge]
end = \"branch\"
[[agent]]
id = \"shown\"
prompt = \"Write it down.\"
worker = \"claude\"
timeout = \"20m\"
check = [\"test -s typed.txt\"]
";

fn open(pane: &Pane, now: bool) {
    let agent = "shown".to_owned();
    let action = Action::Open { agent, now };
    pane.ask(Request::Action { id: 1, action });
}

fn attempts(live: &Live, count: usize) {
    live.until(&format!("attempt {count}"), |events| {
        (events.all_of("agent.started", "shown").len() == count).then_some(())
    });
}

#[test]
fn a_session_is_opened_typed_into_handed_back_and_what_was_done_in_it_is_merged() {
    let repo = Repo::with(PLAN, &[("a.txt", "a\n")]);
    let here = &repo.here;
    let program = here.path().join("claude");
    let text = CLAUDE.replace("HERE", &here.path().display().to_string());
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let adapter = format!("id = \"claude\"\nprogram = \"{}\"\n", program.display());
    here.write("home/.config/wavedeck/agents/claude.toml", &adapter);
    let live = here.start();
    live.hears("agent.session", "shown");

    // Its turn is broken off; the keyboard is a person's, in the agent's workspace and boundary.
    let said = here.ctl_says("open shown");
    assert!(said.err.contains("needs a terminal"), "{said}");
    let mut pane = Pane::live(here);
    open(&pane, true);
    attempts(&live, 2);
    pane.attempt = 2;
    wait_for("its terminal", || {
        here.output("shown.2").contains("of shown").then_some(())
    });
    pane.open(None);
    pane.shows("of shown");
    assert_eq!(pane.keyboard(take(true)), Ok(true));
    pane.types("one\r");
    pane.shows("wrote one");
    if matches!(probe(), Support::Version(_)) {
        assert!(
            !pane.text().contains("it got out"),
            "it is in the agent's boundary"
        );
    }
    let said = here.ctl_says("tell shown --now stop");
    assert!(said.err.contains("somebody works in the session"), "{said}");
    here.ctl("close shown");

    // It goes on with the session, and opens again when that turn has ended.
    attempts(&live, 3);
    open(&pane, false);
    live.until("the wish", |e| {
        (e.all("operator.action").len() == 3).then_some(())
    });
    here.write("go.2", "");
    attempts(&live, 4);
    pane.attempt = 4;
    wait_for("its terminal", || {
        here.output("shown.4").contains("of shown").then_some(())
    });
    pane.open(None);
    assert_eq!(pane.keyboard(take(true)), Ok(true));
    pane.types("two\r");
    pane.shows("wrote two");
    pane.types("end\r");
    let events = live.end().with(0);

    let causes: Vec<_> = (events.all_of("agent.retrying", "shown").iter())
        .map(|event| event["cause"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(causes, ["opened", "returned", "opened"]);
    assert_eq!(events.ending("shown"), "completed");
    assert_eq!(repo.delivered("typed.txt"), "one\ntwo\n");
    let turns = repo.delivered("turns.txt");
    assert!(turns.contains("hands it back"), "{turns}");
    assert_eq!(
        turns.lines().count(),
        2,
        "one session, two turns of its program"
    );
    // What was used there is not known, and nothing of it is invented.
    let used: Vec<_> = events.all_of("agent.used", "shown");
    assert!(used.iter().all(|event| event["attempt"] == 3), "{used:?}");
    let named = events.all_of("agent.session", "shown");
    assert_eq!(named[0]["session"], named[1]["session"]);
    let plain = here.say(&["logs", "shown", "--attempt", "4"]);
    assert!(plain.out.contains("wrote two"), "{plain}");
}
