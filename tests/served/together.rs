//! Several programs at once: all work is merged, and all tokens are counted.

use super::{Served, tokens};

#[test]
fn five_programs_at_once_are_done_merged_and_counted_to_the_token() {
    let workers = [
        ("a", "claude:tiny"),
        ("b", "codex:tiny"),
        ("c", "gemini:gemini-tiny"),
        ("d", "opencode:local/tiny"),
        ("e", "claude:big"),
    ];
    let mut plan = String::from("[limits]\nagents = 5\n[merge]\nend = \"branch\"\n");
    for (id, worker) in workers {
        plan += &format!(
            "[[agent]]\nid = \"{id}\"\nworker = \"{worker}\"\nask = \"never\"\nprompt = \"WRITE {id}.txt <<<by {id}>>> then RUN <<<echo more >> {id}.txt>>>\"\n"
        );
    }
    let served = Served::with(&plan);
    let events = served.start().end().with(0);
    let programs: Vec<&str> = workers.iter().map(|(id, _)| *id).collect();
    for (id, worker) in workers {
        assert_eq!(events.ending(id), "completed", "{events}");
        let text = served.repo.delivered(&format!("{id}.txt"));
        assert_eq!(text, format!("by {id}\nmore\n"));
        let model = worker.split_once(':').unwrap().1;
        let asked = served.server.asked();
        let own = asked.iter().filter(|a| a.says(&format!("WRITE {id}.txt")));
        let own: Vec<_> = own.map(|a| a.model.as_str()).collect();
        assert_eq!(own, [model; 3], "{id}");
    }
    assert!(programs.iter().all(|a| events.overlap(a, "a") || *a == "a"));
    let used = served.server.used();
    assert_eq!(used.input, 15 * 1200);
    assert_eq!(tokens(&events), (used.input, used.output));
    let metrics = &events.0.last().unwrap()["metrics"];
    assert_eq!(metrics["token_input"], used.input);
    assert_eq!(metrics["token_output"], used.output);
}
