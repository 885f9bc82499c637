//! The attention queue: what it shows, how it is answered, whom it calls.

use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    fixture::{GIB, Run, ended},
    keys::{actions, app, key, press},
    screens,
};
use crate::{
    engine::{Action, Answer, Exit, JobKey, Owner, PhaseStatus, Status},
    graph::random::{agent, empty, gate, hard, phase},
    plan::{GateIx, PhaseIx, Plan},
    tui::{
        feed::{Clock, Request, Update},
        ui_state::{Popup, RowId},
        update::{App, AppInput, update},
        view::attention::waiting,
    },
};

/// A phase that asks for a yes after a command, agents that ask, and hostile texts.
fn plan() -> Plan {
    let mut plan = empty();
    plan.name = "asking".into();
    plan.gates = vec![gate("design-ok"), gate("look"), gate("tests")];
    plan.gates[0].approve = Some(
        "Read the schema: everything builds on it. \u{1b}]0;owned\u{7}Are the keys \u{202e}right?"
            .into(),
    );
    plan.gates[1].run.clear();
    plan.gates[1].approve = Some("Does it look right?".into());
    plan.phases = vec![
        phase("design", true, vec![GateIx(0)]),
        phase("build", false, Vec::new()),
    ];
    for (id, at, needs, gates) in [
        ("schema", 0, vec![], vec![]),
        ("page-1", 0, vec![], vec![GateIx(1)]),
        ("page-2", 0, vec![], vec![GateIx(1)]),
        ("api", 1, vec![0], vec![]),
        ("ui", 1, vec![3], vec![]),
        ("style", 0, vec![], vec![GateIx(2)]),
    ] {
        let mut a = agent(id, 60, 200);
        a.phase = Some(PhaseIx(at));
        a.needs = needs.into_iter().map(hard).collect();
        a.gates = gates;
        plan.agents.push(a);
    }
    plan
}

/// A run of it in which two pages and a phase ask, and another agent has a red check.
pub fn asking() -> Run {
    let mut run = Run::new(plan(), 6, 4 * GIB);
    run.wait(10);
    run.done("page-1");
    run.wait(5);
    run.done("page-2");
    run.done("schema");
    run.wait(5);
    run.done("style");
    run.wait(1);
    run.checked("style", 2);
    run.wait(30);
    run
}

/// The same with the design's gate being asked about: all agents of its phase are done.
pub fn phase_asks() -> Run {
    let mut run = asking();
    for id in [1, 2] {
        run.act(answer(id, Answer::Yes));
    }
    run.act(answer(3, Answer::Stop));
    run.wait(2);
    assert_eq!(run.state.phases[0].status, PhaseStatus::Failed);
    run.act(Action::Retry {
        target: crate::engine::Target::Agent("style".into()),
    });
    run.wait(2);
    run.done("style");
    run.checked("style", 0);
    let key = JobKey {
        owner: Owner::Phase(PhaseIx(0)),
        attempt: run.state.phases[0].attempt,
        check: Some(0),
        round: 1,
    };
    run.wait(5);
    run.input(ended(key, Exit::Code(0)));
    run.wait(700);
    run
}

const fn answer(id: u32, answer: Answer) -> Action {
    Action::Answer {
        id,
        answer,
        text: None,
        url: None,
    }
}

pub fn paint(app: &mut App) -> String {
    let (w, h) = app.ui.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    app.draw(&mut buf);
    screens::text(&buf)
}

fn tell(app: &mut App, run: &Run, from: usize) -> Vec<Request> {
    let records = run.records[from..].to_vec();
    update(app, AppInput::Feed(Update::Records(records)))
}

fn chosen(app: &App) -> u32 {
    match app.ui.popups.last() {
        Some(Popup::Queue(queue)) => queue.chosen,
        _ => 0,
    }
}

const DIFF: &str = " db/schema.sql | 3 ++-\n\ndiff --git a/db/schema.sql b/db/schema.sql\n@@ -1,2 +1,3 @@\n \
                    create table cart (\n-  id int\n+  id bigint,\n+  \x1b[31mowner\x1b[0m text\n";

#[test]
fn the_queue_is_drawn_at_every_size() {
    let run = phase_asks();
    for size in [(200, 55), (120, 35), (80, 24), (45, 20)] {
        let mut app = app(&run, size);
        press(&mut app, "!");
        let result = Ok(DIFF.as_bytes().to_vec());
        update(&mut app, AppInput::Feed(Update::Diff { result }));
        let text = paint(&mut app);
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{text}"
        );
        insta::assert_snapshot!(format!("queue_{}x{}", size.0, size.1), text);
    }
    let run = asking();
    for size in [(120, 35), (45, 20)] {
        let mut app = app(&run, size);
        press(&mut app, "!!!");
        insta::assert_snapshot!(format!("queue_red_{}x{}", size.0, size.1), paint(&mut app));
    }
}

#[test]
fn a_question_is_answered_in_two_keys_and_what_comes_next_needs_two_again() {
    let mut run = asking();
    let mut app = app(&run, (45, 20));
    let asked = press(&mut app, "!y");
    assert_eq!(actions(asked), [answer(1, Answer::Yes)]);
    // The answer is on its way; a key that repeats answers nothing else.
    let told = run.records.len();
    run.act(answer(1, Answer::Yes));
    tell(&mut app, &run, told);
    let page = run.state.find(&"page-1".into()).unwrap();
    assert_eq!(run.state.agent(page).status, Status::Succeeded);
    assert!(paint(&mut app).contains("that is settled"));
    assert_eq!(actions(press(&mut app, "yyr")), []);
    assert_eq!(actions(press(&mut app, "!y")), [answer(2, Answer::Yes)]);
}

#[test]
fn a_no_takes_its_reason_along_and_the_gate_is_red_with_it() {
    let mut run = asking();
    let mut app = app(&run, (120, 35));
    let keys = "!ntoo wide\n";
    let no = Action::Answer {
        id: 1,
        answer: Answer::No,
        text: Some("too wide".into()),
        url: None,
    };
    assert_eq!(actions(press(&mut app, keys)), std::slice::from_ref(&no));
    // What was typed and taken back answers nothing.
    assert_eq!(actions(press(&mut app, "nno\u{1b}")), []);
    assert_eq!(chosen(&app), 1);
    run.act(no);
    let page = run.state.find(&"page-1".into()).unwrap();
    let agent = run.state.agent(page);
    assert_eq!(agent.status, Status::Blocked);
    assert_eq!(agent.reason.as_deref(), Some("look not approved: too wide"));
}

#[test]
fn equal_items_are_answered_together_by_a_capital_or_by_marks() {
    let run = asking();
    let mut app = app(&run, (120, 35));
    let both = [answer(1, Answer::Yes), answer(2, Answer::Yes)];
    let text = {
        press(&mut app, "!");
        paint(&mut app)
    };
    assert!(text.contains("Y yes to all 2 alike"), "{text}");
    assert_eq!(actions(press(&mut app, "Y")), both);
    assert_eq!(actions(press(&mut app, " j y")), both);
    // A mark on something that takes no such answer leaves it out.
    assert_eq!(actions(press(&mut app, "j y")), both);
    // To give an agent up asks first, and the harmless answer is the chosen one.
    press(&mut app, "\u{1b}!!!");
    assert_eq!(actions(press(&mut app, "x\n")), []);
    assert_eq!(actions(press(&mut app, "xy")), [answer(3, Answer::Stop)]);
}

#[test]
fn the_queue_says_what_it_shows_and_closes_with_its_last_item() {
    let mut run = asking();
    let mut app = app(&run, (120, 35));
    assert_eq!(waiting(&run.state).len(), 3);
    press(&mut app, "!");
    assert_eq!(app.ui.selected, Some(RowId::Agent("page-1".into())));
    // A key without a meaning here says so, and nothing is sent.
    assert_eq!(actions(press(&mut app, "Q")), []);
    assert!(app.ui.message.is_some());
    let told = run.records.len();
    run.act(Action::Stop { target: None });
    tell(&mut app, &run, told);
    assert!(app.ui.popups.is_empty());
    press(&mut app, "!");
    assert!(app.ui.popups.is_empty());
    assert!(
        app.ui
            .message
            .clone()
            .unwrap()
            .1
            .contains("nothing waits for you")
    );
}

#[test]
fn the_diff_is_asked_for_once_and_only_for_approvals_of_a_live_run() {
    let mut run = asking();
    run.first.base_commit = Some("0".repeat(40));
    run.state.base_commit.clone_from(&run.first.base_commit);
    for record in &mut run.records {
        if let crate::engine::Event::RunStarted { base_commit, .. } = &mut record.event {
            base_commit.clone_from(&run.first.base_commit);
        }
    }
    let diffs = |asked: Vec<Request>| {
        let diff = |r: &Request| matches!(r, Request::Diff { .. });
        asked.iter().filter(|r| diff(r)).count()
    };
    let mut app = app(&run, (120, 35));
    assert_eq!(diffs(press(&mut app, "j")), 0);
    assert_eq!(diffs(press(&mut app, "!")), 1);
    assert_eq!(diffs(press(&mut app, "j")), 0, "it has been asked for");
    let result = Err("git cannot be started".to_owned());
    update(&mut app, AppInput::Feed(Update::Diff { result }));
    assert!(paint(&mut app).contains("git cannot be started"));
    // Whoever may only look may look at it too.
    app.settings.can_act = false;
    press(&mut app, "\u{1b}");
    assert_eq!(diffs(press(&mut app, "!")), 1);
    let text = paint(&mut app);
    assert!(
        text.contains("read-only: nothing can be answered"),
        "{text}"
    );
    assert_eq!(actions(press(&mut app, "y")), []);
    press(&mut app, "\u{1b}");
    update(&mut app, AppInput::Feed(Update::Clock(clock(&run))));
    assert_eq!(diffs(press(&mut app, "!")), 0);
    let text = paint(&mut app);
    assert!(text.contains("a recording has no diff"), "{text}");
    assert!(
        text.contains("recording: nothing can be answered"),
        "{text}"
    );
}

fn clock(run: &Run) -> Clock {
    Clock {
        at_us: run.now_us,
        end_us: run.now_us,
        seq: run.state.seq,
        last_seq: run.state.seq,
        playing: false,
        speed_permille: 1000,
    }
}

fn mouse(app: &mut App, kind: MouseEventKind, (column, row): (u16, u16)) -> Vec<Request> {
    let modifiers = KeyModifiers::NONE;
    let event = MouseEvent {
        kind,
        column,
        row,
        modifiers,
    };
    update(app, AppInput::Terminal(Event::Mouse(event)))
}

/// The last place of a text on the screen: a panel lies over what is behind it.
fn find(app: &mut App, what: &str) -> (u16, u16) {
    let text = paint(app);
    let found = text.lines().enumerate().filter_map(|(y, line)| {
        let at = line.rfind(what)?;
        Some((crate::display::width(&line[..at]) as u16, y as u16))
    });
    found
        .last()
        .unwrap_or_else(|| panic!("{what} is not on the screen:\n{text}"))
}

const DOWN: MouseEventKind = MouseEventKind::Down(MouseButton::Left);

#[test]
fn items_and_answers_are_clicked_and_the_wheel_scrolls_no_further_than_what_is_there() {
    for size in [(120, 35), (80, 24), (45, 20)] {
        let mut app = app(&phase_asks(), size);
        press(&mut app, "!");
        let lines: Vec<String> = (1..=60).map(|n| format!("+line {n}.")).collect();
        let result = Ok(lines.join("\n").into_bytes());
        update(&mut app, AppInput::Feed(Update::Diff { result }));
        let at = find(&mut app, "+line 1.");
        for _ in 0..50 {
            mouse(&mut app, MouseEventKind::ScrollDown, at);
        }
        assert!(paint(&mut app).contains("line 60."), "{size:?}");
        let before = paint(&mut app);
        mouse(&mut app, MouseEventKind::ScrollUp, at);
        assert_ne!(paint(&mut app), before, "a step back is seen at once");
        let yes = answer(chosen(&app), Answer::Yes);
        let at = find(&mut app, "y yes");
        assert_eq!(actions(mouse(&mut app, DOWN, at)), [yes], "{size:?}");
    }
    let mut app = app(&asking(), (120, 35));
    press(&mut app, "!");
    let at = find(&mut app, "page-2");
    mouse(&mut app, DOWN, at);
    assert_eq!(chosen(&app), 2);
    mouse(&mut app, MouseEventKind::ScrollUp, at);
    assert_eq!(chosen(&app), 1);
    mouse(&mut app, MouseEventKind::ScrollDown, at);
    assert_eq!(chosen(&app), 2);
    // The footer has the queue's keys, and a click is as good as one.
    let at = find(&mut app, "Esc close");
    assert_eq!(at.1, 34);
    mouse(&mut app, DOWN, at);
    assert!(app.ui.popups.is_empty());
    let at = find(&mut app, "! answer");
    mouse(&mut app, DOWN, at);
    assert_eq!(chosen(&app), 1);
}

#[test]
fn what_begins_to_wait_calls_once_and_what_waited_before_calls_together() {
    let run = asking();
    let mut live = app(&run, (80, 24));
    // The three came while it was open.
    let said = live.alerts.take().unwrap();
    assert!(
        said.contains("asks for your yes") && said.contains("and 2 more"),
        "{said}"
    );
    assert_eq!(live.alerts.take(), None);
    update(&mut live, key(KeyCode::Char('j')));
    let again = Update::Snapshot(Box::new(run.state.clone()));
    update(&mut live, AppInput::Feed(again.clone()));
    assert_eq!(
        live.alerts.take(),
        None,
        "nothing new came while it was away"
    );
    let mut late = App::new(super::keys::settings(), (80, 24), true);
    update(&mut late, AppInput::Feed(again.clone()));
    assert_eq!(late.alerts.take().as_deref(), Some("3 wait for you"));
    let mut replay = App::new(super::keys::settings(), (80, 24), true);
    replay.settings.can_act = false;
    update(&mut replay, AppInput::Feed(again));
    assert_eq!(replay.alerts.take(), None);
}

#[test]
fn it_is_told_everywhere_who_waits_for_an_answer_and_where_it_is_given() {
    let run = phase_asks();
    let mut app = app(&run, (120, 35));
    app.ui.selected = Some(RowId::Agent("api".into()));
    let text = paint(&mut app);
    assert!(
        text.contains("phase design waits for your yes: ! answers"),
        "{text}"
    );
    // Keys of the queue give no answer outside of it, and say where they do.
    for key in ["y", "n"] {
        assert_eq!(actions(press(&mut app, key)), []);
        let said = app.ui.message.as_ref().map_or("", |m| m.1.as_str());
        assert!(said.contains("! shows what waits for you"), "{said}");
    }
    for screen in ["2", "w", "3", "5", "6"] {
        press(&mut app, screen);
        let text = paint(&mut app);
        let head = text.lines().next().unwrap();
        assert!(head.contains("1 waits for you"), "{screen}: {head}");
    }
    // Nobody knows when the answer comes: no end, and nothing has been taken.
    press(&mut app, "3");
    let text = paint(&mut app);
    assert!(
        text.contains("12m so far") && !text.contains("took"),
        "{text}"
    );
    press(&mut app, "6");
    let text = paint(&mut app);
    assert!(
        text.contains("so far  ") && !text.contains("took "),
        "{text}"
    );
    // Nothing is said of it once it is answered.
    let mut run = run;
    let from = run.records.len();
    run.act(answer(chosen_of(&run), Answer::Yes));
    tell(&mut app, &run, from);
    press(&mut app, "2");
    let text = paint(&mut app);
    assert!(!text.contains("waits for you"), "{text}");
}

/// The only thing that waits.
fn chosen_of(run: &Run) -> u32 {
    waiting(&run.state)[0].id
}
