//! An agent's session that a person works in: asked for, gone into, left, handed back.

use super::{
    fixture::{GIB, Run},
    keys::{actions, app, go_to, press},
    talk::{on, paint, run, says},
    terminal::ctrl,
};
use crate::{
    agents::Used,
    engine::{Action, Answer, Event, Exit, Heard},
    graph::random::{agent, empty, worker},
    plan::{AgentIx, AgentMode, Work, WorkerIx},
    tui::{
        feed::{Request, Update},
        ui_state::{Popup, Screen},
        update::{App, AppInput, Keyboard, update},
    },
};

fn open(now: bool) -> Action {
    Action::Open {
        agent: "api".into(),
        now,
    }
}

fn close() -> Action {
    Action::Close {
        agent: "api".into(),
    }
}

fn news(app: &mut App, run: &Run) -> Vec<Request> {
    let snapshot = Update::Snapshot(Box::new(run.state.clone()));
    update(app, AppInput::Feed(snapshot))
}

fn takes(requests: &[Request], ix: AgentIx) -> bool {
    requests.contains(&Request::Keyboard {
        agent: ix,
        take: true,
    })
}

fn asks(app: &App) -> bool {
    matches!(app.ui.popups.last(), Some(Popup::Ask { .. }))
}

#[test]
fn a_session_is_asked_for_gone_into_and_handed_back() {
    let mut run = run();
    let ix = run.state.find(&"api".into()).unwrap();
    run.act(Action::Answer {
        id: 1,
        answer: Answer::Yes,
        text: None,
        url: None,
    });
    let mut app = app(&run, (120, 35));
    go_to(&mut app, "api");
    press(&mut app, "2");
    assert_eq!(actions(press(&mut app, "a")), [], "it asks first");
    let text = paint(&mut app);
    assert!(
        text.contains("at the end of this turn; now interrupts it"),
        "{text}"
    );
    // The harmless answer is the chosen one.
    assert_eq!(actions(press(&mut app, "\n")), []);
    press(&mut app, "a");
    assert_eq!(actions(press(&mut app, "e")), [open(false)]);
    run.act(open(false));
    news(&mut app, &run);
    assert!(paint(&mut app).contains("its session opens at the end of this turn"));
    // Asked again: now, or not at all.
    press(&mut app, "a");
    assert_eq!(actions(press(&mut app, "t")), [close()]);
    press(&mut app, "a");
    assert_eq!(actions(press(&mut app, "w")), [open(true)]);
    run.act(open(true));
    let agent = run.state.agent(ix);
    assert!(agent.opened(), "{:?} {:?}", agent.status, agent.reason);
    // Its terminal is not asked for before there is one: nobody would tell how it goes on.
    let known = app.state.as_ref().unwrap().seq;
    let mut requests = Vec::new();
    for record in run.records.iter().filter(|record| record.seq > known) {
        let begun = matches!(record.event, Event::AgentStarted { attempt: 2, .. });
        let news = Update::Records(vec![record.clone()]);
        requests = update(&mut app, AppInput::Feed(news));
        let asked = |r: &Request| matches!(r, Request::Terminal { attempt: 2, .. });
        assert_eq!(requests.iter().any(asked), begun, "{:?}", record.event);
    }
    assert!(
        takes(&requests, ix),
        "who looks at it is taken into it: {requests:?}"
    );
    let held = Update::Keyboard {
        agent: ix,
        held: Ok(true),
    };
    let came = Update::Terminal {
        agent: ix,
        attempt: 2,
        cols: 120,
        rows: 33,
        prelude: Vec::new(),
        offset: 0,
        resizes: Vec::new(),
        bytes: b"> go on?".to_vec(),
        total: 8,
    };
    update(&mut app, AppInput::Feed(came));
    update(&mut app, AppInput::Feed(held));
    assert_eq!(app.keyboard().held(), Some(ix));
    let text = paint(&mut app);
    assert!(
        text.contains("> go on?") && text.contains("Ctrl-Z"),
        "{text}"
    );
    // Ctrl-Z, and nothing after it.
    ctrl(&mut app, 'z');
    for _ in 0..4 {
        update(&mut app, AppInput::Tick);
    }
    assert!(app.keyboard() == Keyboard::Ours && asks(&app));
    assert!(paint(&mut app).contains("the agent goes on"));
    assert_eq!(actions(press(&mut app, "\n")), [], "it stays open");
    assert!(
        takes(&press(&mut app, "a"), ix),
        "and can be gone into again"
    );
}

#[test]
fn who_looks_elsewhere_is_told_that_a_session_is_open() {
    let mut run = run();
    let ix = run.state.find(&"api".into()).unwrap();
    let mut app = app(&run, (120, 35));
    go_to(&mut app, "api");
    press(&mut app, "ae");
    assert_eq!(app.ui.screen, Screen::Deck);
    run.act(open(false));
    run.end("api", Exit::Code(0));
    run.wait(2);
    let requests = news(&mut app, &run);
    assert!(
        !takes(&requests, ix),
        "keys that are meant for the deck do not end up there"
    );
    assert!(paint(&mut app).contains("the session of api is open"));
    assert!(takes(&press(&mut app, "a"), ix));
    assert_eq!(app.ui.screen, Screen::Agent);
}

#[test]
fn a_session_that_cannot_be_opened_says_why() {
    let mut run = run();
    says(
        &mut run,
        "docs",
        Heard::Session {
            program: "aider".into(),
            id: "x".into(),
            model: None,
        },
    );
    for (agent, why) in [
        ("docs", "aider keeps no session"),
        ("lint", "without a terminal"),
    ] {
        let mut app = app(&run, (120, 35));
        go_to(&mut app, agent);
        assert_eq!(actions(press(&mut app, "a")), []);
        let said = app.ui.message.clone().unwrap().1;
        assert!(app.ui.popups.is_empty() && said.contains(why), "{said}");
    }
}

#[test]
fn a_message_that_is_taken_has_not_been_heard_yet() {
    let run = run();
    let mut app = app(&run, (120, 35));
    go_to(&mut app, "web");
    press(&mut app, "i");
    let asked = press(&mut app, "x\n");
    let id = asked.iter().find_map(|request| match request {
        Request::Action { id, .. } => Some(*id),
        _ => None,
    });
    let ack = Update::Ack {
        id: id.unwrap(),
        result: Ok(()),
    };
    update(&mut app, AppInput::Feed(ack));
    let said = app.ui.message.clone().unwrap().1;
    assert!(said.ends_with("x: noted, for its next turn"), "{said}");
}

#[test]
fn the_question_of_the_next_worker_says_what_becomes_of_the_session() {
    let mut plan = empty();
    plan.workers = ["claude", "claude", "codex"].map(worker).to_vec();
    plan.workers[1].name = "claude:large".into();
    plan.workers[1].model = Some("claude-sonnet-4-5".into());
    let mut a = agent("api", 600, 200);
    a.work = Work::Prompt("Do it.".into());
    a.modes = (0..3)
        .map(|n| AgentMode {
            worker: Some(WorkerIx(n)),
            ..a.modes[0].clone()
        })
        .collect();
    a.modes[2].tokens = 150_000;
    plan.agents = vec![a];
    let mut run = Run::new(plan, 6, 4 * GIB);
    run.wait(30);
    let begun = Heard::Session {
        program: "claude".into(),
        id: "s".into(),
        model: None,
    };
    says(&mut run, "api", begun);
    let used = Used {
        input: 400_000,
        output: 10_000,
        ..Used::default()
    };
    says(&mut run, "api", Heard::Used(used));
    let mut app = app(&run, (120, 35));
    go_to(&mut app, "api");
    press(&mut app, "m");
    let shown = paint(&mut app);
    let row = |name: &str| {
        shown
            .lines()
            .rfind(|l| l.contains(name))
            .unwrap_or_default()
    };
    assert!(
        row("2  claude:large").contains("~$1.35 for its use so far  its session goes on"),
        "{shown}"
    );
    assert!(
        row("3  codex").contains("~150k tokens  a session of its own"),
        "{shown}"
    );
}

#[test]
fn what_an_agent_does_keeps_its_room_in_the_table() {
    let run = run();
    for columns in 110..170 {
        let mut app = app(&run, (columns, 35));
        let shown = paint(&mut app);
        assert!(shown.contains("now, or why"), "{columns}: {shown}");
        let row = shown.lines().find(|line| line.contains("? ask   "));
        assert!(
            row.is_some_and(|row| row.contains("asks: may it ")),
            "{columns}: {shown}"
        );
    }
}

#[test]
fn files_in_the_workspace_are_named_from_there() {
    let run = run();
    let ix = run.state.find(&"api".into()).unwrap();
    for (path, named) in [
        ("/home/dev/run/repo", "Write ./out1.txt"),
        ("/home/dev/run", "Write ./repo/out1.txt"),
        ("/home/dev/run/rep", "Write /home/dev/run/repo/out1.txt"),
        ("", "Write /home/dev/run/repo/out1.txt"),
    ] {
        let work = crate::engine::Work {
            path: path.to_owned(),
            ..Default::default()
        };
        let mut app = on(&run, "api", (160, 60));
        let mut state = run.state.clone();
        state.agents[ix.ix()].work = Some(Box::new(work));
        update(&mut app, AppInput::Feed(Update::Snapshot(Box::new(state))));
        let shown = paint(&mut app);
        assert!(shown.contains(named), "{path}: {shown}");
        press(&mut app, "!");
        assert!(paint(&mut app).contains(named), "{path}: in the queue");
    }
}
