//! A swap in mid-run: the session goes on under the new model, with all that was said before.

use std::fmt::Write as _;

use crate::model_server::{
    Role,
    faults::{Fault, Rule},
};

use super::{SMALL, Served, tokens};

/// Who, and its models.
const AGENTS: &[(&str, &str, &str, &str)] = &[
    ("a", "claude", "tiny", "big"),
    ("b", "codex", "tiny", "big"),
    ("c", "gemini", "gemini-tiny", "gemini-big"),
    ("d", "opencode", "local/tiny", "cloud/big"),
];

#[test]
fn a_swap_takes_the_old_messages_to_the_new_model() {
    let mut plan = SMALL.to_owned();
    for (id, program, old, new) in AGENTS {
        let _ = write!(
            plan,
            "[[agent]]\nid = \"{id}\"\nworker = [\"{program}:{old}\", \"{program}:{new}\"]\nprompt = \"WRITE {id}1.txt <<<old>>> and WRITE {id}2.txt <<<new>>>\"\n"
        );
    }
    let served = Served::with(&plan);
    for (id, ..) in AGENTS {
        // The first file is written, and then the server is slow.
        let words = format!("WRITE {id}1.txt");
        served
            .server
            .rule(Rule::all(Fault::Held).with_words(&words).after(1).times(1));
    }
    let live = served.start();
    served.server.until("each has asked twice", |asked| {
        (asked.len() == 2 * AGENTS.len()).then_some(())
    });
    for (id, program, _, new) in AGENTS {
        served.repo.here.ctl(&format!("swap {id} {program}:{new}"));
    }
    let events = live.end().with(0);
    let asked = served.server.asked();
    for (id, program, old, new) in AGENTS {
        assert_eq!(events.ending(id), "completed", "{events}");
        for (file, text) in [("1", "old\n"), ("2", "new\n")] {
            assert_eq!(served.repo.delivered(&format!("{id}{file}.txt")), text);
        }
        let own = asked
            .iter()
            .filter(|a| a.says(&format!("WRITE {id}1.txt")))
            .collect::<Vec<_>>();
        let models: Vec<_> = own.iter().map(|a| a.model.as_str()).collect();
        assert_eq!(models, [*old, old, new, new], "{program}");
        let users = own[2].users();
        assert_eq!(users.len(), 2, "{users:?}");
        assert!(users[1].contains("Another model takes over"), "{users:?}");
        assert!(own[2].messages.iter().any(|m| m.role == Role::Tool));
        let sessions = events.all_of("agent.session", id);
        let names: Vec<_> = sessions.iter().map(|e| &e["session"]).collect();
        assert!(
            names.len() >= 2 && names.iter().all(|n| *n == names[0]),
            "{sessions:?}"
        );
        let retrying = events.of("agent.retrying", id);
        assert_eq!(retrying["cause"], "swap");
    }
    // One program says what it used at its end alone: the answer before its swap is not known.
    let used = served.server.used();
    assert_eq!(used.input, 3 * 4 * 1200);
    assert_eq!(tokens(&events), (used.input - 1200, used.output - 34));
}
