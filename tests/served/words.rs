//! What a person says to programs: messages, at once or in a new turn, and answers to questions.

use crate::model_server::{
    Role,
    faults::{Fault, Rule},
};

use super::{SMALL, Served, tokens};

#[test]
fn what_is_told_arrives_in_the_session() {
    let plan = format!(
        "{SMALL}[[agent]]\nid = \"a\"\nworker = \"claude:tiny\"\nprompt = \"WRITE a.txt <<<first>>>\"\n\
         [[agent]]\nid = \"b\"\nworker = \"codex:tiny\"\nprompt = \"WRITE b.txt <<<first>>>\"\n\
         [[agent]]\nid = \"c\"\nworker = \"gemini:tiny\"\nprompt = \"WRITE c.txt <<<first>>>\"\n"
    );
    let served = Served::with(&plan);
    for id in ["a", "b", "c"] {
        let words = format!("WRITE {id}.txt");
        served
            .server
            .rule(Rule::all(Fault::Held).with_words(&words).after(1).times(1));
    }
    let live = served.start();
    served
        .server
        .until("each is held", |asked| (asked.len() == 6).then_some(()));
    let here = &served.repo.here;
    here.ctl("tell a Please WRITE a-told.txt <<<while it runs>>>");
    here.ctl("tell b Please WRITE b-told.txt <<<in a new turn>>>");
    // Its turn never ends by itself: it is broken off.
    here.ctl("tell c Please WRITE c-told.txt <<<at once>>> --now");
    served.server.until("it has got it", |asked| {
        let got = |a: &&crate::model_server::Asked| a.says("c-told.txt");
        asked.iter().find(got).map(|_| ())
    });
    served.server.release();
    let events = live.end().with(0);
    for (id, how, text) in [
        ("a", "live", "while it runs\n"),
        ("b", "turn", "in a new turn\n"),
        ("c", "turn", "at once\n"),
    ] {
        assert_eq!(events.ending(id), "completed", "{events}");
        assert_eq!(events.of("agent.told", id)["how"], how);
        assert_eq!(served.repo.delivered(&format!("{id}.txt")), "first\n");
        assert_eq!(served.repo.delivered(&format!("{id}-told.txt")), text);
        let asked = served.server.asked();
        let told = asked.iter().rfind(|a| a.says(&format!("{id}-told.txt")));
        let users = told.unwrap().users();
        assert_eq!(users.len(), 2, "{users:?}");
        assert!(users[0].contains(&format!("WRITE {id}.txt")), "{users:?}");
    }
    assert_eq!(events.all_of("agent.started", "a").len(), 1);
    // One says at its end alone what it used: the answer before it was broken off is not known.
    let used = served.server.used();
    assert_eq!(tokens(&events), (used.input - 1200, used.output - 34));
}

#[test]
fn questions_are_answered_by_the_plan_or_by_a_person() {
    let agent = |id: &str, ask: &str, file: &str| {
        format!(
            "[[agent]]\nid = \"{id}\"\nworker = \"claude:tiny\"\nask = \"{ask}\"\nprompt = \"WRITE {file} <<<by {id}>>>\"\n"
        )
    };
    let plan = format!(
        "{SMALL}{}{}{}",
        agent("within", "outside", "within.txt"),
        agent("yes", "always", "yes.txt"),
        agent("no", "always", "no.txt"),
    );
    let served = Served::with(&plan);
    let live = served.start();
    let here = &served.repo.here;
    for (id, answer) in [("yes", "yes"), ("no", "no Not there, and not now.")] {
        let number = live.until("it asks", |events| {
            let raised = events.all_of("attention.raised", id);
            raised.first().and_then(|e| e["id"].as_u64())
        });
        let asked = live.events();
        let question = asked.of("agent.asked", id);
        assert_eq!(question["tool"], "Write", "{question}");
        let text = question["text"].as_str().unwrap();
        assert!(text.contains(&format!("{id}.txt")), "{text}");
        here.ctl(&format!("answer {number} {answer}"));
    }
    let events = live.end().with(0);
    assert_eq!(served.repo.delivered("within.txt"), "by within\n");
    assert_eq!(served.repo.delivered("yes.txt"), "by yes\n");
    assert_eq!(events.of("agent.answered", "within")["by"], "rule");
    assert!(!events.has("attention.raised", "within"), "{events}");
    let branch = format!("wavedeck/{}", here.run_id());
    let files = served.repo.git(&["ls-tree", "-r", "--name-only", &branch]);
    assert!(!files.contains("no.txt"), "{files}");
    // The model gets the words as what its tool gave back.
    let asked = served.server.asked();
    let no = asked.iter().filter(|a| a.says("WRITE no.txt"));
    let refused = |m: &crate::model_server::Message| {
        m.role == Role::Tool && m.text == "Not there, and not now."
    };
    assert!(no.flat_map(|a| &a.messages).any(refused));
}

#[test]
fn what_was_written_to_a_program_and_not_taken_before_its_end_is_told_again() {
    let served = Served::with(&format!(
        "{SMALL}[[agent]]\nid = \"a\"\nworker = [\"claude:tiny\", \"claude:big\"]\nprompt = \"WRITE a.txt <<<first>>>\"\n"
    ));
    let rule = Rule::all(Fault::Held).of_model("tiny");
    served.server.rule(rule.after(1));
    let live = served.start();
    served
        .server
        .until("it is held", |asked| (asked.len() == 2).then_some(()));
    let here = &served.repo.here;
    here.ctl("tell a Please WRITE told.txt <<<told>>>");
    here.ctl("swap a claude:big");
    let events = live.end().with(0);
    assert_eq!(served.repo.delivered("a.txt"), "first\n");
    assert_eq!(served.repo.delivered("told.txt"), "told\n");
    let told = events.all_of("agent.told", "a");
    assert_eq!(told.len(), 1, "{events}");
    assert_eq!(told[0]["how"], "turn");
}
