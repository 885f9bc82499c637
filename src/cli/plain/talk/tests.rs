use super::*;
use crate::{
    engine::Target,
    tui::{feed::Replay, tests::fixture},
};

fn talk(manner: Manner) -> (Talk, fixture::Run, Vec<String>) {
    let run = fixture::full();
    let mut talk = Talk::new(
        manner,
        "r1",
        || fixture::START_MS + 1_300_000,
        TimeZone::UTC,
    );
    talk.news(Update::Sample(Box::new(run.sample())));
    let said = talk.news(Update::Snapshot(Box::new(run.state.clone())));
    (talk, run, said)
}

#[test]
fn everything_is_said_in_words_alone() {
    let (mut talk, mut run, first) = talk(Manner::Live);
    let mut said = first;
    let before = run.records.len();
    run.act(Action::Stop { target: None });
    said.extend(talk.news(Update::Records(run.records[before..].to_vec())));
    for line in ["", "status", "asks", "help", "why api", "why apj"] {
        said.push(format!("> {line}"));
        said.extend(talk.typed(line));
    }
    for line in &said {
        assert!(line.is_ascii(), "{line}");
        assert!(!line.contains("  "), "{line}");
    }
    insta::assert_snapshot!("talk", said.join("\n"));
}

#[test]
fn typed_words_are_those_of_ctl_and_what_ends_work_is_asked() {
    let (mut talk, ..) = talk(Manner::Live);
    let api = Target::Agent("api".to_owned());
    let sent = |talk: &mut Talk| -> Vec<Action> {
        let requests = talk.take_requests();
        let action = |r| match r {
            Request::Action { action, .. } => action,
            other => panic!("{other:?}"),
        };
        requests.into_iter().map(action).collect()
    };
    assert!(talk.typed("pause api").is_empty());
    assert_eq!(
        sent(&mut talk),
        [Action::Pause {
            target: api.clone()
        }]
    );
    // The harmless answer is every answer but yes.
    for no in ["", "no", "stop", "yes please"] {
        assert!(talk.typed("stop")[0].contains("whole run"));
        assert_eq!(talk.typed(no), ["Left as it is."]);
        assert!(sent(&mut talk).is_empty());
    }
    assert!(talk.typed("stop api")[0].contains("This ends api."));
    assert!(talk.typed("yes").is_empty());
    assert_eq!(sent(&mut talk), [Action::Stop { target: Some(api) }]);
    assert!(talk.typed("puase api")[0].contains("did you mean pause?"));
    assert!(talk.typed("sequential --now")[0].contains("all agents but one"));
    assert_eq!(talk.typed("no"), ["Left as it is."]);
    // Refusals of the runner are told.
    let refused = Update::Ack {
        id: 1,
        result: Err("api has ended".to_owned()),
    };
    assert_eq!(talk.news(refused), ["Refused: api has ended"]);
    assert_eq!(talk.over(), None);
    assert!(talk.typed("quit")[0].contains("wavedeck attach --plain r1"));
    assert_eq!(talk.over(), Some(0));
}

#[test]
fn it_ends_with_the_run_where_nobody_types() {
    let (mut talk, mut run, _) = talk(Manner::Live);
    let before = run.records.len();
    run.act(Action::Stop { target: None });
    talk.silence();
    assert_eq!(talk.over(), None);
    talk.news(Update::Records(run.records[before..].to_vec()));
    assert_eq!(talk.over(), run.state.finished);
}

#[test]
fn a_recording_is_steered_and_never_changed() {
    let (mut talk, ..) = talk(Manner::Replay);
    for (line, what) in [
        ("play", Replay::Toggle),
        ("to 90s", Replay::Time(90_000_000)),
    ] {
        assert!(talk.typed(line).is_empty(), "{line}");
        assert_eq!(talk.take_requests(), [Request::Replay(what)], "{line}");
    }
    let status = talk.typed("status");
    assert!(status[0].contains("a recording, "), "{}", status[0]);
    for line in &status {
        assert!(!line.contains("type ") && !line.contains("live"), "{line}");
    }
    assert!(talk.typed("stop")[0].contains("cannot be changed"));
    assert!(talk.typed("to noon")[0].contains("90s"));
    assert!(talk.take_requests().is_empty());
    assert!(talk.typed("quit").is_empty());
    assert_eq!(talk.over(), Some(0));
}

#[test]
fn marks_are_those_of_the_whole_recording() {
    let (mut talk, run, _) = talk(Manner::Replay);
    assert!(talk.typed("mark")[0].contains("being read"));
    let mut state = run.first.clone();
    let mut history = History::new(&state);
    for record in &run.records {
        state.apply(record);
        history.push(&state, record);
    }
    let (first, last) = (history.marks[0].seq, state.seq);
    talk.news(Update::History {
        seq: u64::MAX,
        history: Box::new(history),
        planned: Box::default(),
    });
    let clock = |seq| {
        Update::Clock(Clock {
            at_us: 0,
            end_us: 1,
            seq,
            last_seq: last,
            playing: true,
            speed_permille: 1_000,
        })
    };
    talk.news(clock(0));
    assert!(talk.typed("mark").is_empty());
    let to = Request::Replay(Replay::Seq(first));
    assert_eq!(talk.take_requests(), [to]);
    assert!(talk.typed("mark back")[0].contains("no mark before"));
    talk.news(clock(last));
    assert!(talk.typed("mark")[0].contains("no mark after"));
}
