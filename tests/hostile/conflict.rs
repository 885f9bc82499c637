//! A conflict is settled from the keyboard, on the real dashboard in a real pseudo-terminal.

use std::{fs, path::Path, process::Command};

use wavedeck::sys::reap::ExitStatus;

use super::{Ground, eventually, pty::Terminal, screen::Screen};
use crate::runtime::{rig::Events, together::shown};

fn git(ground: &Ground, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=u", "-c", "user.email=u@x"])
        .args(args)
        .current_dir(ground.path())
        .env_clear()
        .envs(ground.env())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {err}");
    String::from_utf8(output.stdout).unwrap()
}

/// Events in the one run's journal.
fn all(ground: &Ground) -> Vec<serde_json::Value> {
    let runs = fs::read_dir(ground.path().join(".wavedeck/runs"));
    let folders = runs.into_iter().flatten().flatten();
    let mut found = Vec::new();
    for folder in folders {
        let journal = fs::read_to_string(folder.path().join("journal.jsonl"));
        let journal = journal.unwrap_or_default();
        let lines = journal.lines().skip(1);
        found.extend(lines.filter_map(|line| serde_json::from_str(line).ok()));
    }
    found
}

/// Those of a kind.
fn events(ground: &Ground, kind: &str) -> Vec<serde_json::Value> {
    let mut found = all(ground);
    found.retain(|event| event["kind"] == kind);
    found
}

/// The plan's run on a dashboard, with its one conflict on the screen; its number, and its agent.
fn at_the_conflict(
    ground: &Ground,
    state: &Path,
    more: &[(&'static str, String)],
) -> (Terminal, u64, String) {
    wavedeck::cli::demo::conflicts(ground.path()).unwrap();
    git(ground, &["init", "--quiet", "--initial-branch=main", "."]);
    git(ground, &["add", "."]);
    git(ground, &["commit", "--quiet", "--message=start"]);
    let mut env = ground.env().to_vec();
    env.push(("XDG_STATE_HOME", state.display().to_string()));
    env.push(("GIT_CONFIG_NOSYSTEM", "1".to_owned()));
    env.extend_from_slice(more);
    let terminal = Terminal::start_as(ground, &["run", "-y"], &env);
    let guided = |e: &serde_json::Value| e["strategy"] == "guided_merge";
    eventually("a conflict waits", || {
        events(ground, "conflict.detected").iter().any(guided)
    });
    let found = events(ground, "conflict.detected");
    let found = found.iter().find(|e| guided(e)).unwrap();
    let agent = found["agent"].as_str().unwrap().to_owned();
    // All others are done by then, so that nothing moves on the screen.
    eventually("the others are merged", || {
        events(ground, "merge.done").len() >= 10
    });
    terminal.press("4");
    terminal.shows("src/prices.txt");
    terminal.press("\r");
    terminal.until("both sides", |s| {
        let text = s.text();
        text.contains("tea 3 EUR") && text.contains("tea 4 USD")
    });
    (terminal, found["id"].as_u64().unwrap(), agent)
}

/// A file of the branch that the run made.
fn delivered(ground: &Ground, path: &str) -> String {
    let args = [
        "for-each-ref",
        "--format=%(refname:short)",
        "refs/heads/wavedeck",
    ];
    let text = git(ground, &args);
    git(ground, &["show", &format!("{}:{path}", text.trim())])
}

#[test]
fn the_one_conflict_of_the_plan_is_settled_from_the_keyboard() {
    let ground = Ground::new();
    let state = tempfile::tempdir().unwrap();
    let (terminal, _, agent) = at_the_conflict(&ground, state.path(), &[]);
    terminal.press("t");
    eventually("the choice is recorded", || {
        let actions = events(&ground, "operator.action");
        actions.iter().any(|e| e.to_string().contains("\"choose\""))
    });
    // The deck hears of it after the journal has it.
    terminal.shows("all is chosen");
    terminal.press("g");
    terminal.shows("ended, status");
    terminal.press("q");
    let (status, ..) = terminal.end();
    assert_eq!(status, ExitStatus::Code(0));
    let delivered = |path: &str| delivered(&ground, path);
    let tea = if agent == "price-eu" {
        "tea 3 EUR"
    } else {
        "tea 4 USD"
    };
    shown(&Events(all(&ground)), &delivered, tea, "deck");
}

/// An editor that does what it is told on its terminal: the word after which it ends.
const EDITOR: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 9
echo x >> opened
n=$(wc -l < opened | tr -d ' ')
cat "$1" > "given.$n"
stty -a > "stty.$n"
echo "editor $n has the terminal"
read -r word
case $word in
fail) exit 3 ;;
marker) sed -i '1s/.*/tea 5 GBP/; /^[|=]/d' "$1" ;;
text) echo 'tea 5 GBP' > "$1" ;;
vi) exec vi "$1" ;;
esac
"#;

/// What a dashboard has of a terminal: its screen, its mouse, its pastes.
fn has_the_terminal(screen: &Screen) -> bool {
    [1049, 1000, 1006, 2004].iter().all(|mode| screen.on(*mode))
}

#[test]
fn a_place_is_edited_in_the_persons_own_editor() {
    use std::os::unix::fs::PermissionsExt;
    let ground = Ground::new();
    let state = tempfile::tempdir().unwrap();
    let tools = tempfile::tempdir().unwrap();
    let editor = tools.path().join("editor");
    fs::write(&editor, EDITOR).unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    let temp = tools.path().join("tmp");
    fs::create_dir(&temp).unwrap();
    let more = [
        ("VISUAL", editor.display().to_string()),
        ("TMPDIR", temp.display().to_string()),
    ];
    let (terminal, id, agent) = at_the_conflict(&ground, state.path(), &more);
    let left = |name: &str| fs::read_to_string(tools.path().join(name)).unwrap();
    // The key, the word for the editor, and what the deck says when it is back.
    let mut opened = 0;
    let mut edit = |word: &str, says: &str| {
        opened += 1;
        terminal.press("e");
        let open = format!("editor {opened} has the terminal");
        terminal.prints(&open);
        terminal.until("nothing of the deck", |s| {
            [1049, 1000, 1002, 1003, 1006, 2004]
                .iter()
                .all(|mode| !s.on(*mode))
        });
        let stty = left(&format!("stty.{opened}"));
        let has = |word: &str| {
            stty.split_whitespace()
                .any(|w| w.trim_end_matches(';') == word)
        };
        assert!(has("icanon") && has("echo") && has("isig"), "{stty}");
        // These keys are the editor's: on the deck each of them does something.
        terminal.press(word);
        terminal.press("\r");
        terminal.until(says, |s| has_the_terminal(s) && s.text().contains(says));
    };
    let chosen = || {
        let actions = events(&ground, "operator.action");
        let choose = |e: &&serde_json::Value| e.to_string().contains("\"choose\"");
        actions.iter().filter(choose).count()
    };
    edit("fail", "failed: nothing is taken");
    edit("nothing", "nothing was changed");
    edit("marker", "a marker line is left in it");
    assert_eq!(chosen(), 0);
    // What was written before is there again.
    edit("text", "all is chosen");
    let (first, again) = (left("given.1"), left("given.4"));
    assert!(first.starts_with("<<<<<<< integrated\n"), "{first}");
    assert!(again.starts_with("tea 5 GBP\n"), "{again}");
    terminal.shows("edited");
    terminal.shows("tea 5 GBP");
    assert_eq!(chosen(), 1);
    terminal.press("u");
    terminal.shows("1 place has no answer yet");
    let mut last = "nothing";
    if Path::new("/usr/bin/vi").exists() {
        // A real one draws on the terminal as it likes.
        opened += 1;
        terminal.press("e");
        terminal.prints(&format!("editor {opened} has the terminal"));
        terminal.press("vi\r");
        // It names its file once it is there.
        terminal.prints("wavedeck-edit");
        terminal.press(":%d\rAtea 9 YEN\u{1b}:wq\r");
        terminal.until("what vi left", |s| {
            has_the_terminal(s) && s.text().contains("tea 9 YEN") && s.text().contains("edited")
        });
        terminal.press("u");
        terminal.shows("1 place has no answer yet");
        last = "vi";
    }
    // Somebody else settles it while the editor is open.
    opened += 1;
    terminal.press("e");
    terminal.prints(&format!("editor {opened} has the terminal"));
    for words in [
        ["choose", &id.to_string(), "all", "theirs"].as_slice(),
        &["settle", &id.to_string(), "chosen"],
    ] {
        let output = ground.run(&[["ctl"].as_slice(), words].concat());
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{err}");
    }
    eventually("it is settled", || {
        let resolved = events(&ground, "conflict.resolved");
        resolved.iter().any(|e| e["id"].as_u64() == Some(id))
    });
    terminal.press("text\r");
    terminal.until("the other's settlement", |s| {
        has_the_terminal(s) && s.text().contains("settled elsewhere meanwhile")
    });
    terminal.shows("ended, status");
    terminal.press("q");
    let (status, screen, bytes) = terminal.end();
    assert_eq!(status, ExitStatus::Code(0), "after {last}");
    assert!(!screen.on(1049) && !screen.on(1000));
    // The editor began on a screen of its own: nothing of a frame stood there.
    assert!(String::from_utf8_lossy(&bytes).contains("editor 1 has the terminal"));
    let tea = if agent == "price-eu" {
        "tea 3 EUR"
    } else {
        "tea 4 USD"
    };
    let release = delivered(&ground, "RELEASE.md");
    assert!(release.lines().any(|line| line == tea), "{release}");
    let rest: Vec<_> = fs::read_dir(&temp).unwrap().flatten().collect();
    let edits = rest
        .iter()
        .filter(|f| f.file_name().to_string_lossy().starts_with("wavedeck-edit"));
    assert_eq!(edits.count(), 0, "{rest:?}");
}
