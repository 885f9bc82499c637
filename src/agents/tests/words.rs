//! What is written to programs: answers to questions, and what they are told.

use serde_json::{Value, json};

use super::super::*;

fn claude() -> Box<dyn Driver> {
    Stream::Claude.driver(&Exits::new(), Used::default())
}

/// Reads lines up to the first question.
fn asked(driver: &mut dyn Driver, bytes: &[u8]) -> Question {
    let mut said = Vec::new();
    for line in bytes.split(|b| *b == b'\n') {
        driver.line(line, &mut said);
        if let Some(Said::Asked(question)) = said.last() {
            return question.clone();
        }
    }
    panic!("no question")
}

fn response(driver: &mut dyn Driver, question: &Question, reply: &Reply) -> Value {
    let line = driver.answer(question, reply).unwrap();
    assert_eq!(line.last(), Some(&b'\n'));
    assert!(!line[..line.len() - 1].contains(&b'\n'));
    serde_json::from_slice(&line).unwrap()
}

const ASK: &[u8] = include_bytes!("../../../tests/streams/claude-ask.jsonl");
const OWN: &[u8] = include_bytes!("../../../tests/streams/claude-question.jsonl");

#[test]
fn a_call_is_allowed_with_its_own_arguments_or_refused_with_words() {
    let mut driver = claude();
    let question = asked(&mut *driver, ASK);
    assert!(!driver.finished());
    let allowed = response(&mut *driver, &question, &Reply::Allow);
    assert_eq!(allowed["type"], "control_response");
    assert_eq!(allowed["response"]["request_id"], question.id.as_str());
    let arguments =
        json!({"file_path": "/home/dev/run/repo/out1.txt", "content": "hello from wave one\n"});
    assert_eq!(
        allowed["response"]["response"],
        json!({"behavior": "allow", "updatedInput": arguments})
    );
    // An answer is given once.
    assert_eq!(driver.answer(&question, &Reply::Allow), None);

    for reply in [
        Reply::Deny("no \"x\"\n".to_owned()),
        Reply::Text("no \"x\"\n".to_owned()),
    ] {
        let mut driver = claude();
        let question = asked(&mut *driver, ASK);
        let denied = response(&mut *driver, &question, &reply);
        assert_eq!(
            denied["response"]["response"],
            json!({"behavior": "deny", "message": "no \"x\"\n"})
        );
    }
}

#[test]
fn its_own_question_gets_the_words_of_the_answer() {
    let mut driver = claude();
    let question = asked(&mut *driver, OWN);
    assert_eq!(question.options, ["Red", "Blue"]);
    let answer = response(&mut *driver, &question, &Reply::Text("Blue".to_owned()));
    let response = &answer["response"]["response"];
    assert_eq!(response["behavior"], "allow");
    assert_eq!(
        response["updatedInput"]["answers"],
        json!({"Which colour?": "Blue"})
    );
    assert_eq!(
        response["updatedInput"]["questions"][0]["question"],
        "Which colour?"
    );
}

#[test]
fn a_question_that_is_too_long_can_be_refused_and_nothing_else() {
    let content = "x".repeat(2 << 20);
    let request = format!(
        "{{\"type\":\"control_request\",\"request_id\":\"r-1\",\"request\":{{\"subtype\":\"can_use_tool\",\"tool_name\":\"Write\",\"input\":{{\"content\":\"{content}\"}}}}}}\n"
    );
    let (mut lines, mut said, mut driver) = (Lines::default(), Vec::new(), claude());
    lines.feed(request.as_bytes(), &mut |line| driver.line(line, &mut said));
    let [Said::Asked(question)] = said.as_slice() else {
        panic!("{said:?}")
    };
    assert_eq!((question.id.as_str(), &question.call), ("r-1", &None));
    let answer = response(&mut *driver, question, &Reply::Allow);
    assert_eq!(answer["response"]["response"]["behavior"], "deny");
}

#[test]
fn a_question_ends_with_its_call_or_when_it_is_taken_back() {
    let cancel = |id: &str| json!({"type": "control_cancel_request", "request_id": id}).to_string();
    let mut driver = claude();
    let question = asked(&mut *driver, ASK);
    let mut said = Vec::new();
    driver.line(cancel("another").as_bytes(), &mut said);
    assert!(said.is_empty());
    driver.line(cancel(&question.id).as_bytes(), &mut said);
    assert_eq!(said, [Said::AskedNoMore(question.id.clone())]);
    assert_eq!(driver.answer(&question, &Reply::Allow), None);
}

#[test]
fn its_input_stays_open_until_all_that_it_was_told_is_done() {
    const TELL: &[u8] = include_bytes!("../../../tests/streams/claude-tell.jsonl");
    let mut driver = claude();
    let (mut said, mut told) = (Vec::new(), false);
    let (mut turns, mut taken) = (0, 0);
    for line in TELL.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        assert!(!driver.finished(), "after {turns} turns");
        said.clear();
        driver.line(line, &mut said);
        for said in &said {
            match said {
                Said::Message { .. } if !told => {
                    told = true;
                    let line = driver.tell("more\nof it").unwrap();
                    let message: Value = serde_json::from_slice(&line).unwrap();
                    assert_eq!(
                        message["message"],
                        json!({"role": "user", "content": "more\nof it"})
                    );
                }
                Said::Asked(question) => {
                    drop(response(&mut *driver, &question.clone(), &Reply::Allow));
                }
                Said::TurnEnded { .. } => turns += 1,
                Said::Taken => taken += 1,
                _ => {}
            }
        }
    }
    assert_eq!((turns, taken), (2, 2));
    assert!(driver.finished());
    // Its input is closed now.
    assert_eq!(driver.tell("too late"), None);
}

#[test]
fn what_keeps_no_input_open_takes_neither_answers_nor_words() {
    let question = Question {
        id: "x".to_owned(),
        text: String::new(),
        call: None,
        options: Vec::new(),
    };
    for (name, stream) in STREAMS.iter().filter(|(_, s)| *s != Stream::Claude) {
        let mut driver = stream.driver(&Exits::new(), Used::default());
        assert_eq!(driver.answer(&question, &Reply::Allow), None, "{name}");
        assert_eq!(driver.tell("x"), None, "{name}");
        assert!(!driver.finished());
    }
}

#[test]
fn a_session_that_a_program_would_take_for_an_option_is_none() {
    let lines = |id: &str| {
        [
            (
                Stream::Claude,
                json!({"type": "system", "subtype": "init", "session_id": id}),
            ),
            (
                Stream::Codex,
                json!({"type": "thread.started", "thread_id": id}),
            ),
            (Stream::Gemini, json!({"type": "init", "session_id": id})),
            (Stream::Opencode, json!({"type": "x", "sessionID": id})),
            (Stream::Cline, json!({"type": "hook_event", "taskId": id})),
        ]
    };
    let heard = |(stream, line): (Stream, Value)| {
        let mut said = Vec::new();
        let mut driver = stream.driver(&Exits::new(), Used::default());
        driver.line(line.to_string().as_bytes(), &mut said);
        let session = |said: &Said| matches!(said, Said::Session { .. });
        said.iter().any(session)
    };
    for (id, good) in [
        ("ses_1-a", true),
        ("--dangerously-skip", false),
        ("a b", false),
        ("a\nb", false),
        ("[redacted: token]", false),
    ] {
        for line in lines(id) {
            assert_eq!(heard(line.clone()), good, "{id:?} {line:?}");
        }
    }
}

#[test]
fn what_is_allowed_is_carried_out_as_it_was_written() {
    let who = ["ann.smith", "corp.io"].join("@");
    let content = format!("author = \"Ann Smith <{who}>\"\n");
    let asks = json!({"type": "control_request", "request_id": "r1", "request": {
        "subtype": "can_use_tool", "tool_name": "Write", "tool_use_id": "t1",
        "input": {"file_path": "Cargo.toml", "content": content},
    }});
    let asks = asks.to_string();
    let clean = crate::context::redact::Redactor::default().clean(&asks);
    assert!(!clean.contains("ann.smith"), "{clean}");
    let (mut driver, mut said) = (claude(), Vec::new());
    driver.raw(b"{\"type\":\"user\"}");
    driver.raw(asks.as_bytes());
    driver.line(clean.as_bytes(), &mut said);
    let Some(Said::Asked(question)) = said.last().cloned() else {
        panic!("{said:?}")
    };
    assert!(!format!("{said:?}").contains("ann.smith"), "{said:?}");
    let allowed = response(&mut *driver, &question, &Reply::Allow);
    assert_eq!(
        allowed["response"]["response"]["updatedInput"]["content"],
        content
    );
}
