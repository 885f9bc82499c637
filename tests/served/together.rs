//! Several programs at once: all work is merged, and all tokens are counted.

use std::fmt::Write as _;

use crate::model_server::faults::{Fault, Rule};

use super::{SMALL, Served, tokens};

#[test]
fn five_programs_at_once_are_done_merged_and_counted_to_the_token() {
    let workers = [
        ("a", "claude:tiny"),
        ("b", "codex:tiny"),
        ("c", "gemini:gemini-tiny"),
        ("d", "opencode:local/tiny"),
        ("e", "claude:big"),
    ];
    let mut plan = SMALL.to_owned();
    for (id, worker) in workers {
        let _ = write!(
            plan,
            "[[agent]]\nid = \"{id}\"\nworker = \"{worker}\"\nprompt = \"WRITE {id}.txt <<<by {id}>>> then RUN <<<echo more >> {id}.txt>>>\"\n"
        );
    }
    let served = Served::with(&plan);
    // Nobody gets a word before all have asked: they do run at once.
    served.server.rule(Rule::all(Fault::Held));
    let live = served.start();
    served.server.until("all have asked", |asked| {
        (asked.len() == workers.len()).then_some(())
    });
    served.server.release();
    let events = live.end().with(0);
    let asked = served.server.asked();
    for (id, worker) in workers {
        assert_eq!(events.ending(id), "completed", "{events}");
        let text = served.repo.delivered(&format!("{id}.txt"));
        assert_eq!(text, format!("by {id}\nmore\n"));
        let model = worker.split_once(':').unwrap().1;
        let own = asked.iter().filter(|a| a.says(&format!("WRITE {id}.txt")));
        let own: Vec<_> = own.map(|a| a.model.as_str()).collect();
        assert_eq!(own, [model; 3], "{id}");
    }
    let used = served.server.used();
    assert_eq!(used.input, 15 * 1200);
    assert_eq!(tokens(&events), (used.input, used.output));
    let metrics = &events.0.last().unwrap()["metrics"];
    assert_eq!(metrics["token_input"], used.input);
    assert_eq!(metrics["token_output"], used.output);
}
