//! Budgets with a program that reports what it uses: a run stops starting and asks.

use std::fmt::Write as _;

use crate::fakes::Fakes;

use super::rig::{Here, Live};

/// Tokens of the recorded stream, and its cost in micro-dollars.
const TOKENS: u64 = 2_400 + 68;
const COST: u64 = 13_700;

#[test]
fn a_run_that_would_use_120_percent_stops_starting_at_100_and_waits_for_a_person() {
    let mut plan = format!(
        "[limits]\nagents = 1\ntokens = {}\ncost_usd = 1.0\n[[track]]\nid = \"A\"\n",
        TOKENS * 5 / 2
    );
    for n in 1..=4 {
        let _ = write!(
            plan,
            "[[agent]]\nid = \"a{n}\"\ntrack = \"A\"\nworker = [\"claude\"]\nworkspace = \"shared\"\nprompt = \"Part {n}.\"\n"
        );
    }
    // What is done is checked all the same.
    plan += "check = [\"true\"]\n";
    let plan = plan.replacen(
        "prompt = \"Part 3.\"\n",
        "prompt = \"Part 3.\"\ncheck = [\"true\"]\n",
        1,
    );
    let here = Here::with(&plan);
    let fakes = Fakes::new().plays("claude", "claude.jsonl", 0);
    let mut command = here.command(&["run", "--headless", "--json"]);
    command.env("PATH", fakes.path());
    let events = Live::of(command).end().with(5);
    let endings: Vec<String> = (1..=4).map(|n| events.ending(&format!("a{n}"))).collect();
    assert_eq!(
        endings,
        ["completed", "completed", "completed", "skipped"],
        "{events}"
    );
    assert!(!events.has("agent.scheduled", "a4"), "{events}");
    let spent = events.all("budget.spent");
    assert_eq!(spent.len(), 1, "{events}");
    // Told while the third runs, which goes on to its end.
    assert_eq!(spent[0]["used"], TOKENS * 5 / 2);
    assert_eq!(events.all("budget.warned").len(), 1, "{events}");
    let asks = events.all("attention.raised");
    assert_eq!(asks.len(), 1, "{events}");
    assert_eq!(asks[0]["attention"], "budget");
    let end = events.0.last().unwrap();
    let summary = end["summary"].as_str().unwrap();
    assert!(summary.contains("1 not started for it"), "{summary}");
    let metrics = &end["metrics"];
    assert_eq!(metrics["token_input"], 7_200);
    assert_eq!(metrics["token_output"], 204);
    assert!(metrics["token_savings_estimated"].is_number(), "{metrics}");

    let said = here.say(&["report", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let tokens = &report["tokens"];
    assert_eq!(tokens["all"]["cost_microusd"], COST * 3);
    assert_eq!(tokens["tracks"][0][1], tokens["all"]);
    assert_eq!(report["agents"][0]["tokens"]["output"], 68);
    assert!(report["agents"][3]["tokens"].is_null());
    let said = here.say(&["report"]);
    assert!(
        said.out.contains("| track A | 7200 | 0 | 204 | 0.0411 $ |"),
        "{said}"
    );
}
