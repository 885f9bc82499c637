//! Conversations with agent programs: what they say in words, what they ask, what they are told.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    fixture::{GIB, Run},
    keys::{actions, app, go_to, press},
    screens,
};
use crate::{
    agents::{Driver, Question, Said, Used},
    engine::{Action, Answer, Heard, InputKind},
    graph::random::{agent, empty, worker},
    plan::{Plan, Work, WorkerIx},
    tui::{
        feed::{Request, Update},
        ui_state::{Note, Popup, Screen},
        update::{App, AppInput, update},
    },
};

const STREAM: &[u8] = include_bytes!("../../../tests/streams/claude-ask.jsonl");

/// Three agents of programs and a command, all at once.
fn plan() -> Plan {
    let mut plan = empty();
    plan.name = "talking".into();
    plan.workers = ["claude", "codex"].map(worker).to_vec();
    for (id, program) in [
        ("api", Some(0)),
        ("web", Some(0)),
        ("docs", Some(1)),
        ("lint", None),
    ] {
        let mut a = agent(id, 600, 200);
        if let Some(program) = program {
            a.work = Work::Prompt(format!("Do {id}."));
            a.modes[0].worker = Some(WorkerIx(program));
        }
        plan.agents.push(a);
    }
    plan
}

pub(super) fn says(run: &mut Run, id: &str, heard: Heard) {
    let agent = run.state.find(&id.into()).unwrap();
    run.input(InputKind::Heard {
        agent,
        attempt: run.state.agent(agent).attempt,
        heard: Box::new(heard),
    });
}

/// What the recorded stream asks.
fn permission() -> Question {
    let adapter = crate::agents::Catalog::built_in().get("claude").unwrap();
    let mut driver: Box<dyn Driver> = adapter.driver();
    let mut said = Vec::new();
    for line in STREAM.split(|b| *b == b'\n') {
        driver.line(line, &mut said);
    }
    let asked = said.into_iter().find_map(|said| match said {
        Said::Asked(question) => Some(question),
        _ => None,
    });
    asked.unwrap()
}

/// A run in which one agent asks for leave, and another which of two.
pub(super) fn run() -> Run {
    let mut run = Run::new(plan(), 6, 4 * GIB);
    run.wait(30);
    let session = |id: &str| Heard::Session {
        program: "claude".into(),
        id: id.into(),
        model: Some("tiny".into()),
    };
    says(&mut run, "api", session("11111111-2222"));
    let used = |input, output, cost_microusd| {
        Heard::Used(Used {
            input,
            output,
            cost_microusd,
            ..Used::default()
        })
    };
    says(&mut run, "api", used(1_200, 34, Some(13_700)));
    says(&mut run, "docs", used(251_000, 4_000, None));
    run.wait(10);
    let asked = |question| Heard::Asked {
        question,
        within: false,
    };
    says(&mut run, "api", asked(permission()));
    run.wait(5);
    let which = Question {
        id: "which".into(),
        text: "Which \u{1b}[31mcolour\u{202e}?".into(),
        call: None,
        options: vec!["red".into(), "blue".into()],
    };
    says(&mut run, "web", asked(which));
    run.wait(20);
    run
}

pub(super) fn paint(app: &mut App) -> String {
    let (w, h) = app.ui.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    app.draw(&mut buf);
    screens::text(&buf)
}

/// The run on a screen, with what its first agent prints.
fn seen(run: &Run, size: (u16, u16)) -> App {
    let mut app = app(run, size);
    let asked = Request::Output {
        agent: run.state.find(&"api".into()).unwrap(),
        attempt: 1,
        offset: None,
        max: 0,
    };
    answer(&mut app, vec![asked]);
    app
}

/// Gives the output that is asked for.
fn answer(app: &mut App, requests: Vec<Request>) {
    for request in requests {
        if let Request::Output { agent, attempt, .. } = request {
            let bytes = STREAM.to_vec();
            let total = bytes.len() as u64;
            let news = Update::Output {
                agent,
                attempt,
                offset: 0,
                bytes,
                total,
            };
            update(app, AppInput::Feed(news));
        }
    }
}

pub(super) fn on(run: &Run, id: &str, size: (u16, u16)) -> App {
    let mut app = app(run, size);
    go_to(&mut app, id);
    app.ui.chosen = true;
    let asked = press(&mut app, "2");
    assert_eq!(app.ui.screen, Screen::Agent);
    answer(&mut app, asked);
    app
}

#[test]
fn a_conversation_is_drawn_at_every_size() {
    let run = run();
    for size in [(200, 40), (120, 30), (80, 24), (45, 20)] {
        let mut deck = seen(&run, size);
        insta::assert_snapshot!(format!("talk_deck_{}", size.0), paint(&mut deck));
        press(&mut deck, "!");
        insta::assert_snapshot!(format!("talk_queue_{}", size.0), paint(&mut deck));
        let mut agent = on(&run, "api", size);
        let text = paint(&mut agent);
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
        insta::assert_snapshot!(format!("talk_agent_{}", size.0), text);
    }
}

#[test]
fn an_agent_is_told_at_its_next_turn_or_at_once() {
    let mut run = run();
    let mut app = app(&run, (120, 30));
    go_to(&mut app, "docs");
    // Nothing is sent before it is finished, and nothing where nothing was typed.
    assert_eq!(actions(press(&mut app, "i\n")), []);
    assert_eq!(actions(press(&mut app, "use i\u{1b}")), []);
    assert!(app.ui.popups.is_empty());
    let told = |text: &str, now| Action::Tell {
        agent: "docs".into(),
        text: text.into(),
        now,
    };
    let sent = actions(press(&mut app, "iuse the q of it\n"));
    assert_eq!(sent, [told("use the q of it", false)]);
    press(&mut app, "i\t");
    assert!(matches!(
        app.ui.popups.last(),
        Some(Popup::Note {
            to: Note::Tell { now: true, .. },
            ..
        })
    ));
    assert!(paint(&mut app).contains("at once: its turn is broken off for it"));
    assert_eq!(
        actions(press(&mut app, "stop that\n")),
        [told("stop that", true)]
    );
    // A command hears nothing, and says so before anything is typed.
    go_to(&mut app, "lint");
    assert_eq!(actions(press(&mut app, "i")), []);
    assert!(app.ui.popups.is_empty());
    let said = app.ui.message.clone().unwrap().1;
    assert!(said.contains("lint is a command"), "{said}");
    // What waits to be told is on its screen.
    run.act(told("use \u{1b}[31mthe new schema", false));
    let mut app = on(&run, "docs", (160, 45));
    let text = paint(&mut app);
    assert!(text.contains("use the new schema (deck)"), "{text}");
}

#[test]
fn leave_is_given_once_or_always_and_a_question_gets_words() {
    let mut run = run();
    let mut app = app(&run, (120, 30));
    let answer = |id, answer, text: Option<&str>| Action::Answer {
        id,
        answer,
        text: text.map(str::to_owned),
        url: None,
    };
    assert_eq!(
        actions(press(&mut app, "!y")),
        [answer(1, Answer::Yes, None)]
    );
    assert_eq!(
        actions(press(&mut app, "a")),
        [answer(1, Answer::Always, None)]
    );
    let no = answer(1, Answer::No, Some("not there"));
    assert_eq!(actions(press(&mut app, "nnot there\n")), [no]);
    press(&mut app, "!i");
    assert!(paint(&mut app).contains("your answer: "));
    // An answer without words is none.
    assert_eq!(actions(press(&mut app, "\n")), []);
    let blue = answer(2, Answer::Say, Some("blue"));
    assert_eq!(
        actions(press(&mut app, "blue\n")),
        std::slice::from_ref(&blue)
    );
    // It asks no more once it has its answer, and its screen says which.
    run.act(answer(1, Answer::Yes, None));
    run.act(blue);
    let mut app = on(&run, "api", (120, 30));
    let text = paint(&mut app);
    assert!(text.contains("answered: yes"), "{text}");
    assert!(!text.contains("waits for you"), "{text}");
}

#[test]
fn what_it_prints_is_shown_as_it_is_on_demand() {
    let mut app = on(&run(), "api", (120, 30));
    assert!(paint(&mut app).contains("Done: the file is written."));
    press(&mut app, "R");
    assert!(app.ui.on_agent.raw);
    assert!(paint(&mut app).contains("{\"type\":\"result\""));
    press(&mut app, "R");
    assert!(!paint(&mut app).contains("{\"type\":"));
    // A search looks through what was printed.
    press(&mut app, "/uuid\n");
    assert!(app.ui.on_agent.raw);
    // What a command prints is shown as it is anyhow.
    let mut app = on(&run(), "lint", (120, 30));
    press(&mut app, "R");
    assert!(!app.ui.on_agent.raw);
    assert!(app.ui.message.is_some());
}

#[test]
fn the_prompt_of_an_attempt_is_shown_with_where_it_came_from() {
    let run = run();
    let ix = run.state.find(&"api".into()).unwrap();
    let text = "# Task\n\nDo api.\u{1b}[31m\n[… 12 lines cut …]\n## Where this came from\n\n```yaml\ntokens: 3200 # estimated, of 20000\noffered: 5000\nitems:\n  - { file: \"a.rs\", sha256: \"00\", tokens: 7, state: 12 lines cut }\n```\n";
    for size in [(200, 55), (120, 35), (80, 24), (45, 20)] {
        let mut app = app(&run, size);
        go_to(&mut app, "api");
        let asked = press(&mut app, "o");
        let wanted = Request::Prompt {
            agent: ix,
            attempt: 1,
        };
        assert!(asked.contains(&wanted), "{asked:?}");
        let came = Update::Prompt {
            agent: ix,
            attempt: 1,
            text: Some(text.into()),
        };
        update(&mut app, AppInput::Feed(came));
        let shown = paint(&mut app);
        assert!(
            shown.contains("PROMPT") && shown.contains("Do api."),
            "{shown}"
        );
        assert!(shown.contains("12 lines cut") && !shown.contains('\u{1b}'));
        if size.0 >= 80 {
            let sum = "~3.2k of 20.0k tokens, ~5.0k offered, 1 cut";
            assert!(shown.contains(sum), "{shown}");
        }
        // Down, and back to the output.
        press(&mut app, "jj");
        assert!(!paint(&mut app).contains("# Task"));
        press(&mut app, "o");
        assert!(!paint(&mut app).contains("PROMPT"));
    }
    // A command is told nothing; and of what is not kept that is said.
    let mut app = app(&run, (120, 35));
    go_to(&mut app, "lint");
    press(&mut app, "o");
    assert!(paint(&mut app).contains("it is a command, and is told nothing"));
}

#[test]
fn what_was_said_and_used_stands_in_the_list_of_what_happened() {
    let mut plan = plan();
    plan.limits.tokens = Some(1_000);
    let mut run = Run::new(plan, 6, 4 * GIB);
    run.wait(30);
    let mut app = app(&run, (200, 55));
    let asked = Heard::Asked {
        question: permission(),
        within: true,
    };
    says(&mut run, "api", asked);
    let used = Used {
        input: 850,
        ..Used::default()
    };
    says(&mut run, "web", Heard::Used(used));
    run.act(Action::Tell {
        agent: "docs".into(),
        text: "x".into(),
        now: false,
    });
    let known = app.state.as_ref().unwrap().seq;
    let records = run.records.iter().filter(|record| record.seq > known);
    let records = records.cloned().collect();
    update(&mut app, AppInput::Feed(Update::Records(records)));
    let said = app.ui.message.clone().unwrap().1;
    assert!(
        said.contains("nearly used up: 850 tokens of 1000 tokens"),
        "{said}"
    );
    let notes: Vec<String> = run.notes().into_iter().map(|note| note.text).collect();
    assert!(
        notes.iter().any(|note| note.contains("nearly used up")),
        "{notes:?}"
    );
    let rule = notes.iter().any(|note| note.contains("it may"));
    assert!(!rule, "what a rule allows is no news: {notes:?}");
    press(&mut app, "'");
    let digest = paint(&mut app);
    assert!(
        digest.contains("850 tokens of 1000 tokens used"),
        "{digest}"
    );
    assert!(digest.contains("1 message has not reached"), "{digest}");
}
