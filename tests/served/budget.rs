//! A budget that is used up while agents run: nothing more starts, and a person says what follows.

use std::fmt::Write as _;

use crate::model_server::faults::{Fault, Rule};

use super::{SMALL, Served};

/// Tokens of one agent: two answers.
const EACH: u64 = 2 * 1234;

fn plan() -> String {
    let mut plan = SMALL.replace(
        "agents = 8\n",
        &format!("agents = 1\ntokens = {}\n", EACH * 5 / 2),
    );
    for n in 1..=4 {
        let _ = write!(
            plan,
            "[[agent]]\nid = \"a{n}\"\nworker = \"claude:tiny\"\nprompt = \"WRITE a{n}.txt <<<{n}>>>\"\n"
        );
    }
    plan
}

#[test]
fn at_100_percent_nothing_more_starts_and_a_yes_lets_it_go_on() {
    for yes in [false, true] {
        let served = Served::with(&plan());
        let hold = Rule::all(Fault::Held).with_words("WRITE a3.txt").after(1);
        served.server.rule(hold);
        let live = served.start();
        // Half of the third agent is the rest of the budget; it is told while that runs.
        live.until("it is used up", |events| {
            events.all("budget.spent").first().map(|_| ())
        });
        let number = live.until("it asks", |events| {
            let asks = events.all("attention.raised");
            asks.first().and_then(|e| e["id"].as_u64())
        });
        if yes {
            served.repo.here.ctl(&format!("answer {number} yes"));
        }
        served.server.release();
        let events = live.end().with(if yes { 0 } else { 5 });
        assert_eq!(events.all("attention.raised")[0]["attention"], "budget");
        assert_eq!(events.ending("a3"), "completed", "{events}");
        let last = if yes { "completed" } else { "skipped" };
        assert_eq!(events.ending("a4"), last, "{events}");
        let used = served.server.used();
        let agents = if yes { 4 } else { 3 };
        // What already ran is all that goes over.
        assert_eq!(used.input + used.output, agents * EACH);
        let metrics = &events.0.last().unwrap()["metrics"];
        assert_eq!(metrics["token_input"], used.input);
    }
}
