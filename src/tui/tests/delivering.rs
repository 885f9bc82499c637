//! The question at a run's end: shown with the diff of all work, answered with one key.

use super::{
    fixture::{GIB, Run},
    keys::{actions, app, press},
};
use crate::{
    engine::{Action, Answer, InputKind, MergeOutcome, Offer},
    graph::random::{agent, empty},
    plan::Workspace,
    tui::{
        feed::{Request, Update},
        update::{AppInput, update},
    },
};

/// All is merged, and the run asks.
fn asks() -> Run {
    let mut plan = empty();
    plan.agents = vec![agent("api", 60, 200)];
    plan.agents[0].workspace = Workspace::Own;
    let mut run = Run::new(plan, 2, 4 * GIB);
    let clean = MergeOutcome::Clean {
        commit: "4ead".repeat(10),
        path: String::new(),
        checked: true,
        tree: None,
        overlap: Vec::new(),
        with: Vec::new(),
        clash: None,
    };
    run.outcomes.insert("api".into(), clean);
    run.wait(30);
    run.done("api");
    run.input(InputKind::Delivered {
        commit: "4ead".repeat(10),
        branch: "wavedeck/7f3a91c2".into(),
        forwarded: None,
        error: None,
        offer: Some(Offer {
            to: Some("ma\u{1b}]0;owned\u{7}in".into()),
            commits: Some(2),
            files: Some(3),
            hindered: None,
        }),
    });
    run.wait(5);
    run
}

#[test]
fn the_end_is_asked_about_with_the_diff_of_all_work_and_answered_with_one_key() {
    for (key, answer) in [("y", Answer::Yes), ("n", Answer::No)] {
        let run = asks();
        assert!(run.state.finished.is_none());
        let mut app = app(&run, (120, 35));
        let asked = press(&mut app, "!");
        let diff = Request::Diff {
            base: "ba5e".repeat(10),
            commit: Some("4ead".repeat(10)),
        };
        assert!(asked.contains(&diff), "{asked:?}");
        let result = Ok(b"diff --git a/x b/x\n+all of it\n".to_vec());
        update(&mut app, AppInput::Feed(Update::Diff { result }));
        let text = super::queue::paint(&mut app);
        for part in [
            "1 agent's work is on wavedeck/7f3a91c2 (2 commits, 3 files)",
            "the run ends with your answer",
            "end of the run",
            "+all of it",
            "no, leave it",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
        let id = run.state.attention.deliver().unwrap().id;
        let sent = actions(press(&mut app, key));
        let expected = Action::Answer {
            id,
            answer,
            text: None,
            url: None,
        };
        assert_eq!(sent, [expected], "at once, without a reason");
    }
}
