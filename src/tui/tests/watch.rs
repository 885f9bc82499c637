//! What a person watches for: what waits for them, how near memory is to its end, the row that they
//! look at, and what happened before they came.

use crossterm::event::{Event, KeyCode, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    fixture::{self, GIB, Run, ended},
    keys::{app, key, settings},
    screens,
};
use crate::{
    engine::{Exit, JobKey, Owner, PhaseStatus, Status, Zone},
    graph::random::{MIB, agent, empty, gate, hard, phase},
    plan::{GateIx, PhaseIx, Plan},
    tui::{
        feed::{Request, Update},
        ui_state::{Group, Grouping, RowId},
        update::{App, AppInput, update},
        view::{
            Base, Row,
            attention::{held_up, waiting},
        },
    },
};

/// Two phases with a gate between them.
fn gated() -> Plan {
    let mut plan = empty();
    plan.name = "gated".into();
    plan.gates = vec![gate("build-ok")];
    plan.phases = vec![
        phase("build", false, vec![GateIx(0)]),
        phase("ship", false, Vec::new()),
    ];
    for (id, at, needs) in [
        ("lib", 0, vec![]),
        ("app", 0, vec![0]),
        ("docs", 1, vec![]),
        ("pack", 1, vec![1]),
        ("send", 1, vec![3]),
    ] {
        let mut a = agent(id, 60, 200);
        a.phase = Some(PhaseIx(at));
        a.needs = needs.into_iter().map(hard).collect();
        plan.agents.push(a);
    }
    plan
}

/// A run of it whose gate is red.
pub fn red() -> Run {
    let mut run = Run::new(gated(), 4, 2 * GIB);
    run.wait(10);
    run.done("lib");
    run.wait(10);
    run.done("app");
    let attempt = run.state.phases[0].attempt;
    let key = JobKey {
        owner: Owner::Phase(PhaseIx(0)),
        attempt,
        check: Some(0),
        round: 1,
    };
    run.wait(5);
    run.input(ended(key, Exit::Code(101)));
    run.wait(90);
    assert_eq!(run.state.phases[0].status, PhaseStatus::Failed);
    run
}

fn paint(app: &mut App) -> String {
    let (w, h) = app.ui.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    app.draw(&mut buf);
    screens::text(&buf)
}

/// Whose the items of the queue are, the oldest first.
fn owners(run: &Run) -> Vec<Owner> {
    let items = waiting(&run.state);
    items.iter().filter_map(|item| item.owner).collect()
}

fn names(run: &Run, what: Owner) -> Vec<String> {
    let held = held_up(&run.state, Some(what));
    held.iter()
        .map(|&ix| run.state.id(ix).to_string())
        .collect()
}

#[test]
fn a_red_gate_says_who_waits_behind_it() {
    let run = red();
    let all = owners(&run);
    assert_eq!(all, [Owner::Phase(PhaseIx(0))]);
    assert_eq!(names(&run, all[0]), ["docs", "pack", "send"]);
    let mut app = app(&run, (100, 24));
    insta::assert_snapshot!("red_gate_100x24", paint(&mut app));
    // `!` shows it, Enter leads there, and `r` on it checks again.
    update(&mut app, key(KeyCode::Char('!')));
    update(&mut app, key(KeyCode::Enter));
    assert_eq!(app.ui.grouping, Grouping::Phase);
    let row = RowId::Group(Group::Phase(Some(PhaseIx(0))));
    // Its row is there, though all of its agents are folded away.
    let text = paint(&mut app);
    assert_eq!(app.ui.selected, Some(row), "{text}");
    assert_eq!(update(&mut app, key(KeyCode::Char('r'))).len(), 1);
}

#[test]
fn the_row_of_a_red_gate_shows_what_it_printed() {
    let mut run = red();
    let mut app = app(&run, (100, 30));
    let owner = Owner::Phase(PhaseIx(0));
    let asks = |requests: &[Request]| {
        let evidence = |r: &&Request| matches!(r, Request::Evidence { .. });
        requests
            .iter()
            .filter(evidence)
            .cloned()
            .collect::<Vec<_>>()
    };
    let asked = update(&mut app, key(KeyCode::Char('!')));
    assert_eq!(asks(&asked), [Request::Evidence { owner, attempt: 1 }]);
    let bytes = b"running 3 tests\n\x1b[31mtest tax ... FAILED\x1b]0;owned\x07\n".to_vec();
    let answer = Update::Evidence {
        owner,
        attempt: 1,
        bytes,
    };
    let asked = update(&mut app, AppInput::Feed(answer));
    assert!(asks(&asked).is_empty(), "once is enough");
    update(&mut app, key(KeyCode::Enter));
    let text = paint(&mut app);
    assert!(
        text.contains("phase build  ✗ fail  what its red gate printed"),
        "{text}"
    );
    assert!(text.contains("\n test tax ... FAILED"), "{text}");
    // Another round has other evidence.
    let told = run.records.len();
    run.act(crate::engine::Action::Retry {
        target: crate::engine::Target::Phase("build".into()),
    });
    let records = run.records[told..].to_vec();
    update(&mut app, AppInput::Feed(Update::Records(records)));
    assert!(!paint(&mut app).contains("FAILED"));
}

#[test]
fn a_phase_that_failed_by_a_stop_says_that_others_wait() {
    let mut run = Run::new(gated(), 4, 2 * GIB);
    run.wait(10);
    run.done("lib");
    run.wait(5);
    assert!(waiting(&run.state).is_empty());
    run.act(crate::engine::Action::Stop {
        target: Some(crate::engine::Target::Agent("app".into())),
    });
    run.wait(5);
    let all = owners(&run);
    assert_eq!(all, [Owner::Phase(PhaseIx(0))]);
    assert_eq!(names(&run, all[0]), ["docs"]);
    // Nothing moves, so no end is foretold; a retry moves it again.
    let mut app = app(&run, (100, 24));
    assert_eq!(app.view().header.left_us, None);
    update(&mut app, key(KeyCode::Char('!')));
    assert_eq!(update(&mut app, key(KeyCode::Char('r'))).len(), 1);
}

#[test]
fn blocked_and_failed_agents_wait_for_a_person_until_the_run_ends() {
    let mut run = fixture::full();
    let style = run.state.find(&"ui-style".into()).unwrap();
    assert_eq!(owners(&run), [Owner::Agent(style)]);
    assert_eq!(names(&run, Owner::Agent(style)), ["join", "release"]);
    // A second one, later: the older one stays first, and `!` shows one after the other.
    run.wait(5);
    run.end("ui-table", Exit::Code(1));
    run.wait(60);
    let table = run.state.find(&"ui-table".into()).unwrap();
    while run.state.agent(table).status != Status::Failed {
        if run.state.agent(table).live.is_some() {
            run.end("ui-table", Exit::Code(1));
        }
        run.wait(60);
    }
    assert_eq!(owners(&run), [Owner::Agent(style), Owner::Agent(table)]);
    let mut app = app(&run, (120, 35));
    for want in ["ui-style", "ui-table", "ui-style"] {
        update(&mut app, key(KeyCode::Char('!')));
        assert_eq!(app.ui.selected, Some(RowId::Agent(want.into())));
    }
    update(&mut app, key(KeyCode::Esc));
    // A click on its line does the same.
    let view = app.view();
    let at = view.regions.attention;
    let click = MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: 12,
        row: at.y + 2,
        modifiers: crossterm::event::KeyModifiers::NONE,
    };
    update(&mut app, AppInput::Terminal(Event::Mouse(click)));
    assert_eq!(app.ui.selected, Some(RowId::Agent("ui-table".into())));
    // On every size there is at least a line of it.
    for size in [(40, 10), (45, 20), (80, 24), (200, 55)] {
        app.ui.size = size;
        assert!(paint(&mut app).contains("ui-style"), "{size:?}");
    }
    run.act(crate::engine::Action::Stop { target: None });
    run.wait(60);
    assert!(waiting(&run.state).is_empty());
}

#[test]
fn bar_percentage_and_word_have_one_base() {
    let run = Run::new(gated(), 4, 2 * GIB);
    let mut sample = run.sample();
    sample.machine.total_bytes = 64 * GIB;
    sample.machine.available_bytes = 58 * GIB;
    sample.figures.total_bytes = 64 * GIB;
    sample.figures.available_bytes = 58 * GIB;
    sample.figures.agents_bytes = 1300 * MIB;
    sample.figures.pressure_permille = 634;
    let mut app = app(&run, (160, 45));
    update(
        &mut app,
        AppInput::Feed(Update::Sample(Box::new(sample.clone()))),
    );
    let memory = app.view().memory.unwrap();
    assert_eq!(memory.base, Base::Limit);
    assert_eq!((memory.machine.permille, memory.limit.permille), (93, 634));
    assert_eq!(memory.limit.whole, 2 * GIB);
    assert_eq!(memory.limit.used(), 1300 * MIB);
    let text = paint(&mut app);
    let line = |of: &str| {
        let found = text.lines().find(|l| l.starts_with(of));
        found.unwrap_or_else(|| panic!("{of}: {text}")).to_owned()
    };
    assert!(line(" machine").ends_with("6.0G of 64.0G   9%"), "{text}");
    assert!(
        line(" limit").ends_with("1.3G of 2.0G  63% GREEN"),
        "{text}"
    );
    // With place for one bar it is the one that is nearer to its end.
    app.ui.size = (80, 16);
    let text = paint(&mut app);
    assert!(
        text.contains(" limit ") && !text.contains(" machine "),
        "{text}"
    );
    assert!(text.contains("1.3G/2.0G  63% GREEN"), "{text}");
    // The machine's own pressure.
    sample.figures.available_bytes = 9 * GIB;
    sample.machine.available_bytes = 9 * GIB;
    sample.figures.pressure_permille = 859;
    update(&mut app, AppInput::Feed(Update::Sample(Box::new(sample))));
    assert_eq!(app.view().memory.unwrap().base, Base::Machine);
}

#[test]
fn where_memory_is_heading_is_told_as_an_estimate() {
    let run = Run::new(gated(), 4, 64 * GIB);
    let mut app = app(&run, (160, 45));
    assert_eq!(app.view().memory.unwrap().next, None);
    for step in 0..40_u64 {
        let mut sample = run.sample();
        sample.elapsed_us = step * 500_000;
        let available = 38 * GIB - step * GIB / 10;
        sample.figures.available_bytes = available;
        sample.figures.agents_bytes = 0;
        sample.machine.available_bytes = available;
        update(&mut app, AppInput::Feed(Update::Sample(Box::new(sample))));
    }
    let (zone, us) = app.view().memory.unwrap().next.unwrap();
    assert_eq!(zone, Zone::Yellow);
    // 34.1 GiB are left at the end; yellow is at 25.6 GiB, 8.5 GiB away at 0.2 GiB a second.
    assert!((41_000_000..=44_000_000).contains(&us), "{us}");
    let text = paint(&mut app);
    assert!(text.contains("yellow in ~4"), "{text}");
}

#[test]
fn the_selected_row_stays_in_sight_when_its_agent_is_done() {
    let mut run = fixture::middle();
    let mut app = app(&run, (120, 35));
    update(&mut app, key(KeyCode::Char('G')));
    app.ui.selected = Some(RowId::Agent("backfill".into()));
    app.ui.chosen = true;
    let told = run.records.len();
    run.done("backfill");
    update(
        &mut app,
        AppInput::Feed(Update::Records(run.records[told..].to_vec())),
    );
    paint(&mut app);
    let view = app.view();
    let at = view.table.selected.expect("the row is in sight");
    let Row::Agent(row) = &view.table.rows[at] else {
        panic!("{:?}", view.table.rows[at]);
    };
    assert_eq!(row.name, "backfill");
    // Looking elsewhere folds it.
    update(&mut app, key(KeyCode::Char('j')));
    let folded = |app: &App| {
        let view = app.view();
        !view
            .table
            .rows
            .iter()
            .any(|r| matches!(r, Row::Agent(a) if a.name == "backfill"))
    };
    assert!(folded(&app));
    assert_ne!(app.ui.selected, Some(RowId::Agent("backfill".into())));
}

#[test]
fn a_row_that_is_gone_takes_the_selection_to_its_place() {
    let run = fixture::full();
    let mut app = app(&run, (120, 45));
    app.ui.chosen = true;
    app.ui.selected = Some(RowId::Agent("importer".into()));
    paint(&mut app);
    // Its group is folded by a click: the group is what is selected.
    let group = RowId::Group(Group::Track(Some(crate::plan::TrackIx(1))));
    app.ui.closed.insert(group.clone());
    paint(&mut app);
    assert_eq!(app.ui.selected, Some(group));
    // The last row goes: what stands in its place is selected.
    app.ui.selected = Some(RowId::Done);
    let text = paint(&mut app);
    assert!(text.contains("done  ui-shell"), "{text}");
    app.ui.filter = "join".into();
    paint(&mut app);
    assert!(app.view().table.selected.is_some());
}

#[test]
fn what_happened_before_is_told_after_attaching() {
    let run = fixture::full();
    let mut app = App::new(settings(), (120, 35), true);
    app.ui.beside = crate::tui::ui_state::Beside::Lately;
    let cut = run.records.len() - 6;
    // The snapshot, the end of the journal, and live events, of which one came first.
    let mut state = run.first.clone();
    for record in &run.records[..cut] {
        state.apply(record);
    }
    update(&mut app, AppInput::Feed(Update::Snapshot(Box::new(state))));
    update(
        &mut app,
        AppInput::Feed(Update::Records(run.records[cut..].to_vec())),
    );
    update(
        &mut app,
        AppInput::Feed(Update::Past(run.records[..cut].to_vec())),
    );
    update(
        &mut app,
        AppInput::Feed(Update::Past(run.records[..cut].to_vec())),
    );
    let told: Vec<u64> = app.view().lately.iter().map(|(_, n)| n.seq).collect();
    let all: Vec<u64> = run.notes().iter().rev().map(|n| n.seq).collect();
    assert!(told.len() > 3, "{told:?}");
    assert_eq!(told, all[..told.len()]);
}
