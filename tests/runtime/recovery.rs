//! Two runners, torn tails and damage: what `resume` makes of a run's folder.

use std::{fs, io::Write, path::PathBuf};

use rustix::process::Signal;

use super::rig::{Here, signal, wait_for};

const PLAN: &str = r#"
[[agent]]
id = "done"
sim = { ledger = "ledger" }
[[agent]]
id = "open"
run = ["sh", "-c", "test -e go || sleep 300"]
needs = ["done"]
"#;

/// A run whose runner was killed while `open` ran.
fn interrupted() -> (Here, PathBuf) {
    let here = Here::with(PLAN);
    let live = here.start();
    live.hears("agent.started", "open");
    signal(live.runner(), Signal::KILL);
    assert_eq!(live.end().status, 4);
    assert_eq!(here.survivors(), []);
    let journal = here.run_dir().join("journal.jsonl");
    here.write("go", "");
    (here, journal)
}

#[test]
fn resume_goes_on_where_it_was() {
    let (here, _) = interrupted();
    let said = here.say(&["status"]);
    assert!(
        said.out.contains("interrupted: `wavedeck resume` goes on"),
        "{said}"
    );
    let said = here.say(&["wait"]);
    assert_eq!(said.status, 4, "{said}");
    let before = here.journal().0.len() as u64;
    let resumed = here.start_as(&["resume", "--headless", "--json"]).end();
    assert_eq!(resumed.status, 0, "{}", resumed.err);
    assert_eq!(resumed.events.0[0]["seq"], before + 1);
    assert_eq!(resumed.events.0[0]["kind"], "run.resumed");
    let events = here.journal();
    events.dense();
    assert_eq!(here.read("ledger"), "done 1\n");
    let ended = events.all_of("attempt.ended", "open");
    assert_eq!(ended[0]["exit"], "interrupted");
    assert_eq!(events.of("agent.retrying", "open")["cause"], "interrupted");
    assert_eq!(events.of("agent.completed", "open")["attempt"], 2);
}

#[test]
fn a_torn_tail_is_cut() {
    let (here, journal) = interrupted();
    let whole = fs::metadata(&journal).unwrap().len();
    let mut file = fs::OpenOptions::new().append(true).open(&journal).unwrap();
    file.write_all(b"{\"seq\":999,\"at\":\"2026-").unwrap();
    let said = here.say(&["resume", "--headless"]);
    assert_eq!(said.status, 0, "{said}");
    let text = fs::read(&journal).unwrap();
    assert_eq!(text[usize::try_from(whole).unwrap() - 1], b'\n');
    assert!(!String::from_utf8(text).unwrap().contains("\"seq\":999"));
    here.journal().dense();
    assert_eq!(here.journal().ending("open"), "completed");
}

#[test]
fn damage_in_the_middle_is_named_and_set_aside() {
    let (here, journal) = interrupted();
    let text = fs::read_to_string(&journal).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = lines
        .iter()
        .position(|l| l.contains("attempt.ended"))
        .unwrap();
    lines[at] = lines[at].replace("attempt.ended", "attempt.enbed");
    fs::write(&journal, lines.join("\n") + "\n").unwrap();
    let said = here.say(&["resume", "--headless"]);
    assert_eq!(said.status, 0, "{said}");
    assert!(said.err.contains("damage in the journal"), "{said}");
    assert!(said.err.contains(&format!("line {}", at + 1)), "{said}");
    assert!(said.err.contains("set aside as"), "{said}");
    let aside: Vec<PathBuf> = fs::read_dir(here.run_dir())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| fs::read_to_string(p).is_ok_and(|t| t.contains("attempt.enbed")))
        .collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    let events = here.journal();
    events.dense();
    // What the lost part said counts no more, but its attempt numbers do not come back: neither
    // that of the agent which stood before the damage, nor that of one which stood behind it.
    assert_eq!(here.read("ledger"), "done 1\ndone 2\n");
    assert_eq!(events.of("agent.completed", "open")["attempt"], 2);
    let list = here.say(&["runs", "--json"]);
    assert!(list.out.contains("its journal was damaged"), "{list}");
}

#[test]
fn a_run_has_one_runner() {
    let here = Here::with(
        "[[agent]]\nid = \"a\"\nrun = [\"sh\", \"-c\", \"while ! test -e go; do sleep 0.02; done\"]\n",
    );
    let live = here.start();
    live.hears("agent.started", "a");
    let id = here.run_id();
    // The hidden runner itself, as a second `resume` in a race would start it.
    let second = here.say(&["__runner", "foreground", "resume", &id, "--headless"]);
    assert_eq!(second.status, 2, "{second}");
    assert!(second.err.contains("has a live runner"), "{second}");
    assert_eq!(second.err.lines().count(), 1, "{second}");
    assert_eq!(here.journal().all("run.resumed").len(), 0);
    // `resume` itself attaches to a run that lives.
    let attached = here.start_as(&["resume", "--headless", "--json"]);
    attached.hears("agent.started", "a");
    here.write("go", "");
    let events = live.end().with(0);
    assert_eq!(attached.end().with(0).0, events.0);
}

#[test]
fn survivors_of_a_double_death_are_ended_before_anything_starts() {
    let here = Here::with(
        "[[agent]]\nid = \"a\"\nsim = { hang = true, processes = 2, leak = true, ledger = \"ledger\" }\ntimeout = \"2s\"\n",
    );
    let live = here.start();
    wait_for("its tree", || {
        (here.run_dirs().len() == 1 && here.survivors().len() >= 3).then_some(())
    });
    live.hears("agent.started", "a");
    let runner = live.runner();
    signal(live.guard(), Signal::STOP);
    signal(runner, Signal::KILL);
    signal(live.guard(), Signal::KILL);
    drop(live);
    wait_for("nobody holds the run", || {
        (!wavedeck::journal::RunDir::at(&here.run_dir()).is_live()).then_some(())
    });
    let old = here.survivors();
    assert!(old.len() >= 3, "{old:?}");
    let resumed = here.start_as(&["resume", "--headless", "--json"]);
    resumed.until("it is resumed", |e| e.all("run.resumed").pop().map(drop));
    let now = here.survivors();
    assert!(old.iter().all(|s| !now.contains(s)), "{old:?}\n{now:?}");
    resumed.hears("agent.started", "a");
    here.ctl("stop -y");
    let ended = resumed.end();
    assert_eq!(ended.status, 3, "{}", ended.err);
    assert!(
        ended.events.0[0]["survivors"].as_u64().unwrap() >= 3,
        "{}",
        ended.events
    );
    assert_eq!(here.survivors(), []);
    here.journal().dense();
}

#[test]
fn the_folder_of_a_run_is_enough_to_go_on() {
    let here = Here::with(
        r#"
[vars]
parts = ["cart"]
[worker.reads]
run = ["sh", "-c", "cat > got-$WAVEDECK_AGENT.$WAVEDECK_ATTEMPT; test -e go || sleep 300"]
[defaults]
workspace = "shared"
[[agent]]
id = "do-${item}"
each = "parts"
worker = "reads"
prompt_file = "prompts/part.md"
[[agent]]
id = "left-out"
run = "false"
[[override]]
agents = ["do-*"]
timeout = "5m"
"#,
    );
    let prompt = "Do ${item}.\nQuotes \"\"\", ''', a \\ and $${braces}.\n";
    here.write("prompts/part.md", prompt);
    let live = here.start_as(&[
        "run",
        "--headless",
        "--json",
        "--set",
        "parts=cart,orders",
        "--only",
        "do-*",
    ]);
    live.until("both run", |e| {
        (e.all("agent.started").len() == 2).then_some(())
    });
    let got = |agent: &str| here.read(&format!("got-{agent}"));
    wait_for("they have read", || {
        (got("do-cart.1").ends_with('\n') && got("do-orders.1").ends_with('\n')).then_some(())
    });
    signal(live.runner(), Signal::KILL);
    assert_eq!(live.end().status, 4);
    for file in ["wavedeck.toml", "prompts/part.md"] {
        fs::remove_file(here.path().join(file)).unwrap();
    }
    here.write("go", "");
    let resumed = here.start_as(&["resume", "--headless", "--json"]).end();
    assert_eq!(resumed.status, 0, "{}\n{}", resumed.events, resumed.err);
    for agent in ["do-cart", "do-orders"] {
        assert_eq!(got(&format!("{agent}.1")), got(&format!("{agent}.2")));
    }
    assert!(!here.journal().has("agent.ready", "left-out"));
}
