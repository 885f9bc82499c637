//! Secrets that an agent comes by are in no record of its run.

use std::{fs, path::Path};

use super::rig::{BIN, Here};

#[path = "../../src/context/redact/tests/plants.rs"]
mod plants;

/// All files below a folder.
fn files(below: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn no_record_of_a_run_holds_a_secret() {
    let planted = plants::plants();
    let script = format!(
        "cat planted.txt; printf 'not yet a line: %s' \"$(cat one.txt)\"; \
         printf -- '---\\ndone:\\n  - made with %s\\n---\\n' \"$(cat one.txt)\" > \"$WAVEDECK_HANDOFF\"; \
         cat planted.txt >> \"$WAVEDECK_HANDOFF\"; \
         {BIN} report-status --doing \"with $(cat one.txt)\" --blocker \"$(cat one.txt)\""
    );
    let here = Here::with(&format!(
        r#"
[worker.reads]
run = ["sh", "-c", "cat; cat $WAVEDECK_HANDOFFS"]
[[agent]]
id = "leaks"
workspace = "shared"
retry = {{ attempts = 1 }}
run = ["sh", "-c", {script:?}]
[[agent]]
id = "learns"
worker = "reads"
workspace = "shared"
needs = [{{ agent = "leaks", when = "ended" }}]
prompt = "Go on."
context = {{ files = ["planted.txt"] }}
"#
    ));
    let mut text = String::new();
    for (kind, before, secret) in &planted {
        let host = if *kind == "url-password" { "@db/x" } else { "" };
        text.extend([*before, secret.as_str(), host, "\n"]);
    }
    here.write("planted.txt", &text);
    here.write("one.txt", &planted[0].2);
    let ended = here.run();
    let err = ended.err.clone();
    let events = ended.with(0);
    assert!(events.has("agent.progress", "leaks"), "{events}");
    let mut all = Vec::new();
    files(&here.run_dir(), &mut all);
    let mut bytes = 0;
    for path in all {
        let content = fs::read(&path).unwrap();
        bytes += content.len();
        let content = String::from_utf8_lossy(&content);
        for (kind, _, secret) in &planted {
            let end = &secret[secret.len() - 12..];
            assert!(!content.contains(end), "{kind} in {}", path.display());
        }
    }
    // They were there, and what they are stands in their places.
    assert!(bytes > 10_000 && here.output("leaks.1").matches("[redacted: ").count() > 60);
    assert!(here.output("learns.1").matches("[redacted: ").count() > 60);
    // How many there were is told.
    let told = |kind: &str, name: &str| -> u64 {
        let all = events.all_of(kind, name);
        all.iter().filter_map(|e| e["found"].as_u64()).sum()
    };
    let found = told("agent.redacted", "leaks") + told("agent.redacted", "learns");
    let status = here.say(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    assert!(
        found > 120 && status["secrets_taken_out"] == found,
        "{found}"
    );
    // Nor does the run's own output say one.
    assert!(!err.contains(&planted[0].2) && !format!("{events}").contains(&planted[0].2));
}
