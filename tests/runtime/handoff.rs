//! Hand-offs with real processes: written, refused, accepted, read; and what must be there before an
//! agent starts.

use std::fs;

use super::{rig::Here, together::Repo};

/// Leaves a hand-off with an empty list at first; a good one when it was told what was wrong.
const HANDS_OFF: &str = r#"
if [ -s "$WAVEDECK_NOTE" ] && grep -q 'its hand-off: .*`done` is empty' "$WAVEDECK_NOTE"; then
  printf -- '---\ndone: [Tables for carts]\nartefacts: [schema.sql]\nfacts: {port: 80}\n---\nKeep it small.\n' > "$WAVEDECK_HANDOFF"
else
  printf -- '---\ndone: []\n---\n' > "$WAVEDECK_HANDOFF"
fi
"#;

#[test]
fn an_incomplete_hand_off_is_red_once_then_accepted_and_the_receiver_reads_it() {
    let repo = Repo::with(
        r#"
[merge]
end = "branch"
[[agent]]
id = "schema"
workspace = "own"
retry = { attempts = 2, base = "0s" }
run = ["sh", "-c", "echo table > schema.sql; . ./hand-off"]
[[agent]]
id = "style"
title = "One style"
workspace = "own"
run = ["sh", "-c", "echo x > style; git add style; git commit -qm 'Set the style'"]
[[agent]]
id = "api"
workspace = "own"
inputs = ["schema.sql", "hand-off"]
needs = [
  { agent = "schema", files = ["schema.sql"], check = ["test -s schema.sql", "test -e style"] },
  { agent = "style", files = ["style"] },
]
run = ["sh", "-c", 'printf "%s\n" "$WAVEDECK_HANDOFFS" > paths; cat $WAVEDECK_HANDOFFS > got']
"#,
        &[("hand-off", HANDS_OFF)],
    );
    let events = repo.here.run().with(0);
    let red = events.of("gate.failed", "schema");
    assert_eq!(
        (&red["gate"], &red["attempt"]),
        (&"handoff".into(), &1.into())
    );
    let why = events.of("agent.retrying", "schema")["reason"].to_string();
    assert!(
        why.contains("handoff/draft/schema.1.md:1: `done` is empty; say what was done"),
        "{why}"
    );
    let ready = events.of("handoff.ready", "schema");
    assert_eq!(
        (&ready["attempt"], &ready["artefacts"]),
        (&2.into(), &1.into())
    );
    assert_eq!(ready["from_facts"], false);
    assert_eq!(events.of("handoff.ready", "style")["from_facts"], true);

    // What was written is not part of the work; what was kept reached the one that waited.
    let got = repo.delivered("got");
    assert!(got.contains("  - \"Tables for carts\"\n"), "{got}");
    assert!(got.contains("\nKeep it small.\n") && got.contains("  \"port\": \"80\"\n"));
    assert!(got.contains("# Hand-off of style, attempt 1, written from facts."));
    assert!(
        got.contains("  - \"One style\"\n  - \"Set the style\"\n"),
        "{got}"
    );
    let paths = repo.delivered("paths");
    let kept = repo.here.run_dir().join("handoff");
    let expected = ["schema.md", "style.md"].map(|name| kept.join(name).display().to_string());
    assert_eq!(paths.lines().collect::<Vec<_>>(), expected);
    let tree = repo.git(&[
        "ls-tree",
        "-r",
        "--name-only",
        &format!("wavedeck/{}", repo.here.run_id()),
    ]);
    assert!(!tree.contains(".md"), "{tree}");

    // It was looked at before api started, in what is merged.
    let checked = events.of("handoff.checked", "api");
    assert!(checked.get("missing").is_none() && checked.get("error").is_none());
    let needs = events.all_of("check.ended", "api");
    assert_eq!(needs.len(), 2);
    assert!(
        needs
            .iter()
            .all(|e| e["gate"] == "needs" && e["attempt"] == 0)
    );
    assert!(events.seq("handoff.checked", "api") < needs[0]["seq"].as_u64().unwrap());
    assert!(needs[1]["seq"].as_u64().unwrap() < events.seq("agent.scheduled", "api"));

    // A progress checkpoint at each hand-off that somebody waits for.
    let ends = events.all("sync.completed");
    let at = |agent: &str| ends.iter().find(|e| e["agent"] == agent);
    let schema = at("schema").unwrap();
    assert_eq!(schema["sync"], "progress_checkpoint");
    let ended = events.all_of("attempt.ended", "schema");
    let held = ended.last().unwrap()["peak_bytes"].as_u64().unwrap();
    assert_eq!(
        schema["released_bytes"].as_u64().unwrap_or(0),
        held,
        "measured"
    );
    assert!(schema["left_us"].as_u64().is_some());
    assert!(at("style").is_some() && at("api").is_none());
    let participants = &events.of("sync.started", "schema")["participants"];
    assert_eq!(*participants, serde_json::json!(["schema", "api"]));
}

#[test]
fn in_a_plain_folder_too_and_nobody_starts_without_what_it_needs() {
    let here = Here::with(
        r#"
[[agent]]
id = "a"
retry = { attempts = 2, base = "0s" }
run = ["sh", "-c", ". ./hand-off"]
[[agent]]
id = "b"
needs = [{ agent = "a", files = ["made.txt"] }]
run = ["sh", "-c", 'cat "$WAVEDECK_HANDOFFS"']
[[agent]]
id = "c"
needs = ["b"]
run = "true"
[[agent]]
id = "open"
run = ["sh", "-c", "while ! test -e stop; do sleep 0.02; done"]
"#,
    );
    here.write("hand-off", HANDS_OFF);
    here.write("schema.sql", "table");
    let live = here.start();
    live.hears("agent.blocked", "b");
    let events = live.events();
    assert_eq!(
        events.of("agent.blocked", "b")["reason"],
        "not there to begin with: made.txt of a"
    );
    assert_eq!(events.of("agent.completed", "a")["attempt"], 2);
    here.ctl("retry b");
    live.until("a second look", |e| {
        (e.all_of("agent.blocked", "b").len() == 2).then_some(())
    });
    here.write("made.txt", "made");
    here.ctl("retry b");
    live.hears("agent.completed", "c");
    here.write("stop", "");
    let events = live.end().with(0);
    assert_eq!(events.all_of("agent.scheduled", "b").len(), 1);
    assert!(here.output("b.1").contains("Tables for carts"));
    // Who left nothing has none, and nothing was made for it.
    assert!(!events.has("handoff.ready", "b") && !events.has("work.collecting", "b"));
    let kept = here.run_dir().join("handoff");
    let mut names: Vec<_> = fs::read_dir(&kept)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["a.md", "draft"]);
}

#[test]
fn a_plan_without_successors_makes_no_place_for_hand_offs() {
    let here = Here::with("[[agent]]\nid = \"a\"\nrun = [\"sh\", \"-c\", \"env\"]\n");
    here.run().with(0);
    assert!(!here.output("a.1").contains("WAVEDECK_HANDOFF"));
    assert!(!here.run_dir().join("handoff").exists());
}
