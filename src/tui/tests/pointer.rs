//! The mouse on every screen, sizes of panes, the wave graph's zoom and its closed waves.

use crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    fixture::{self, Run},
    keys::{actions, app, go_to, press},
    screens,
};
use crate::{
    engine::{Action, State},
    graph::random::layered,
    report::history::History,
    tui::{
        feed::{Clock, Replay, Request, Update},
        ui_state::{GraphZoom, Grouping, Held, Layout, Look, Pane, Popup, RowId, Screen, Sort},
        update::{App, AppInput, update},
        view::regions::Regions,
    },
};

const DOWN: MouseEventKind = MouseEventKind::Down(MouseButton::Left);
const DRAG: MouseEventKind = MouseEventKind::Drag(MouseButton::Left);
const UP: MouseEventKind = MouseEventKind::Up(MouseButton::Left);

fn mouse(app: &mut App, kind: MouseEventKind, column: u16, row: u16) -> Vec<Request> {
    let event = MouseEvent {
        kind,
        column,
        row,
        modifiers: KeyModifiers::NONE,
    };
    update(app, AppInput::Terminal(Event::Mouse(event)))
}

fn regions(app: &App) -> Regions {
    app.view().regions
}

fn text(app: &mut App) -> String {
    let (w, h) = app.ui.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    app.draw(&mut buf);
    screens::text(&buf)
}

/// The place of a text on the screen.
fn find(app: &mut App, what: &str) -> (u16, u16) {
    let text = text(app);
    let found = text.lines().enumerate().find_map(|(y, line)| {
        let at = line.find(what)?;
        Some((crate::display::width(&line[..at]) as u16, y as u16))
    });
    found.unwrap_or_else(|| panic!("{what} is not on the screen:\n{text}"))
}

/// The app of a recording that has a past.
fn replayed(run: &Run, size: (u16, u16)) -> App {
    let mut app = app(run, size);
    let mut history = History::new(&run.first);
    let mut state: State = run.first.clone();
    for record in &run.records {
        state.apply(record);
        history.push(&state, record);
    }
    let past = Update::History {
        seq: u64::MAX,
        history: Box::new(history),
        planned: Box::default(),
    };
    update(&mut app, AppInput::Feed(past));
    let clock = Clock {
        at_us: run.now_us / 2,
        end_us: run.now_us,
        seq: run.state.seq,
        last_seq: run.state.seq,
        playing: false,
        speed_permille: 1000,
    };
    update(&mut app, AppInput::Feed(Update::Clock(clock)));
    app
}

#[test]
fn borders_follow_the_mouse_and_the_keys() {
    let run = fixture::full();
    for size in [(120, 40), (200, 55)] {
        let mut app = app(&run, size);
        let before = regions(&app);
        let borders = before.borders();
        assert_eq!(borders.len(), 3, "{borders:?}");
        for (held, area) in borders {
            app.ui.sizes = crate::tui::ui_state::Sizes::default();
            let (x, y) = (area.x + area.width / 3, area.y + area.height / 3);
            mouse(&mut app, DOWN, x, y);
            assert_eq!(app.ui.held, Some(held));
            let upright = area.width == 1;
            let (x, y) = if upright { (x - 5, y) } else { (x, y - 2) };
            mouse(&mut app, DRAG, x, y);
            mouse(&mut app, UP, x, y);
            assert_eq!(app.ui.held, None);
            let after = regions(&app);
            let moved = after.borders().into_iter().find(|b| b.0 == held).unwrap().1;
            let by = if upright { (5, 0) } else { (0, 2) };
            assert_eq!(
                (moved.x + by.0, moved.y + by.1),
                (area.x, area.y),
                "{held:?}"
            );
            // Without the button it stays where it is.
            mouse(&mut app, DRAG, x, y + 3);
            assert_eq!(regions(&app), after);
        }
        press(&mut app, "0");
        assert_eq!(regions(&app), before);
        app.ui.focus = Pane::Table;
        // By key, for the pane with the focus: the table, the output, the graph.
        for (keys, height) in [
            ("}}", (before.table.height + 2, before.output.height - 2)),
            ("0\t}}", (before.table.height - 2, before.output.height + 2)),
        ] {
            press(&mut app, keys);
            let after = regions(&app);
            assert_eq!((after.table.height, after.output.height), height, "{keys}");
        }
        press(&mut app, "0\t{");
        assert_eq!(regions(&app).graph.height, before.graph.height - 1);
        press(&mut app, "0)");
        let wide = |r: Regions| r.lately.width.max(r.status.width);
        assert_eq!(wide(regions(&app)), wide(before) + 4);
        // As far as it goes, and back at the first step.
        press(&mut app, "((((((((((((((((((((((((((((((");
        let least = wide(regions(&app));
        press(&mut app, ")");
        assert_eq!(wide(regions(&app)), least + 4);
        assert_eq!(app.state.as_deref(), Some(&run.state));
    }
}

#[test]
fn the_look_of_the_deck_is_taken_up_again() {
    let run = fixture::full();
    let mut first = app(&run, (120, 40));
    press(&mut first, "}}}tsM");
    let layout = first.layout();
    let mut again = app(&run, (120, 40));
    again.take_up(Layout::read(&layout.to_text()));
    assert_eq!(regions(&again), regions(&first));
    assert_eq!(
        (again.ui.grouping, again.ui.sort, again.ui.mouse),
        (Grouping::Phase, Sort::Plan, false)
    );
    assert_eq!(again.layout(), layout);
    // Who never touched the mouse has what the configuration says.
    let mut other = app(&run, (120, 40));
    other.ui.mouse = false;
    other.take_up(Layout::default());
    assert!(!other.ui.mouse);
}

#[test]
fn answers_entries_and_pages_take_clicks() {
    let mut app = app(&fixture::full(), (120, 40));
    go_to(&mut app, "api");
    press(&mut app, "x");
    let (x, y) = find(&mut app, "y  ");
    // Beside it nothing is answered.
    mouse(&mut app, DOWN, 1, 1);
    assert_eq!(app.ui.popups.len(), 1);
    let sent = mouse(&mut app, DOWN, x + 3, y);
    assert!(matches!(actions(sent)[..], [Action::Stop { .. }]));
    assert!(app.ui.popups.is_empty());
    // The palette: the wheel chooses, a click takes.
    press(&mut app, ":timeline");
    let (x, y) = find(&mut app, "the timeline");
    mouse(&mut app, DOWN, x, y);
    assert_eq!(app.ui.screen, Screen::Timeline);
    press(&mut app, ":");
    mouse(&mut app, MouseEventKind::ScrollDown, 60, 20);
    assert!(matches!(
        app.ui.popups.last(),
        Some(Popup::Palette { chosen: 1, .. })
    ));
    mouse(&mut app, DOWN, 0, 0);
    assert!(app.ui.popups.is_empty());
    // Lines to read scroll to their end and no further.
    app.ui.popups.push(Popup::Lines {
        title: "T".to_owned(),
        scroll: 0,
        lines: (0..60).map(|n| format!("line {n}")).collect(),
    });
    for _ in 0..40 {
        mouse(&mut app, MouseEventKind::ScrollDown, 60, 20);
    }
    assert!(text(&mut app).contains("line 59"));
    mouse(&mut app, MouseEventKind::ScrollUp, 60, 20);
    assert!(!text(&mut app).contains("line 59"));
    mouse(&mut app, DOWN, 60, 20);
    assert!(app.ui.popups.is_empty());
}

#[test]
fn timeline_log_and_report_take_clicks() {
    let run = fixture::full();
    let mut app = replayed(&run, (140, 44));
    // The header leads to time and memory.
    mouse(&mut app, DOWN, 5, 0);
    assert_eq!(app.ui.screen, Screen::Timeline);
    let (_, y) = find(&mut app, "importer");
    mouse(&mut app, DOWN, 30, y);
    assert_eq!(app.ui.selected, Some(RowId::Agent("importer".into())));
    let before = app.ui.selected.clone();
    mouse(&mut app, MouseEventKind::ScrollDown, 30, y);
    assert_ne!(app.ui.selected, before);
    // A column below the rows is a moment.
    let timeline = app.view().timeline.unwrap();
    let area = regions(&app).timeline;
    let x = area.x + timeline.names + 1 + timeline.columns / 2;
    let asked = mouse(&mut app, DOWN, x, area.bottom() - 2);
    let us = timeline.span_us * u64::from(timeline.columns / 2) / u64::from(timeline.columns);
    assert_eq!(asked, [Request::Replay(Replay::Time(us))]);

    let asked = press(&mut app, "5");
    let ask = asked.into_iter().find_map(|r| match r {
        Request::Log(ask) => Some(ask),
        _ => None,
    });
    let records = run.records.clone();
    let id = ask.unwrap().id;
    let log = Update::Log {
        id,
        records,
        from: 1,
    };
    update(&mut app, AppInput::Feed(log));
    let top = regions(&app).log.y;
    mouse(&mut app, DOWN, 30, top + 3);
    let log = app.view().log.unwrap();
    assert_eq!(log.selected, app.ui.log_at.and(log.selected));
    let seq = app.ui.log_at.unwrap();
    let row = log.selected.unwrap() as u16;
    mouse(&mut app, MouseEventKind::ScrollUp, 30, top + 3);
    assert!(app.ui.log_at.unwrap() < seq);
    app.ui.log_at = Some(seq);
    let asked = mouse(&mut app, DOWN, 30, top + 1 + row);
    assert!(
        asked.contains(&Request::Replay(Replay::Seq(seq))),
        "{asked:?}"
    );

    press(&mut app, "6");
    let top = regions(&app).report.y;
    mouse(&mut app, DOWN, 30, top + 4);
    assert_eq!(app.ui.report_at, 4);
    mouse(&mut app, MouseEventKind::ScrollDown, 30, top + 4);
    assert_eq!(app.ui.report_at, 7);
}

#[test]
fn the_line_of_a_replay_is_a_handle() {
    let run = fixture::full();
    let mut app = replayed(&run, (140, 44));
    let view = app.view();
    let (bar, y) = (view.scrubber.unwrap(), view.regions.scrubber.y);
    let asked = mouse(&mut app, DOWN, 1, y);
    assert_eq!(asked, [Request::Replay(Replay::Toggle)]);
    let asked = mouse(&mut app, DOWN, bar.from, y);
    assert_eq!(asked, [Request::Replay(Replay::Time(0))]);
    assert_eq!(app.ui.held, Some(Held::Scrubber));
    // Beyond its ends, and on other rows, while it is held.
    let end = [Request::Replay(Replay::Time(run.now_us))];
    assert_eq!(mouse(&mut app, DRAG, 139, 3), end);
    let middle = mouse(&mut app, DRAG, bar.from + bar.columns / 2, y);
    let Some(Request::Replay(Replay::Time(us))) = middle.first() else {
        panic!("{middle:?}")
    };
    assert!(us.abs_diff(run.now_us / 2) < run.now_us / 50);
    mouse(&mut app, UP, 0, 0);
    assert_eq!(mouse(&mut app, DRAG, bar.from, y), []);
    // What is drawn is where the mouse looks for it.
    let line = text(&mut app)
        .lines()
        .nth(usize::from(y))
        .unwrap()
        .to_owned();
    let knob = line.chars().position(|c| c == '●').unwrap();
    assert_eq!(knob, usize::from(bar.from + bar.at));
}

#[test]
fn the_wave_graph_zooms_closes_waves_and_follows() {
    let run = fixture::full();
    let mut app = app(&run, (140, 40));
    go_to(&mut app, "importer");
    press(&mut app, "w");
    let names = |app: &App| -> Vec<String> {
        let graph = app.view().graph.unwrap();
        graph.nodes.into_iter().map(|n| n.name).collect()
    };
    let all = run.state.agents.len();
    press(&mut app, "Z");
    assert_eq!(app.ui.graph_zoom, GraphZoom::Names);
    assert_eq!(names(&app).len(), all);
    let wave = run
        .state
        .setup
        .wave(run.state.find(&"importer".into()).unwrap());
    let in_wave = |ix| run.state.setup.wave(ix) == wave;
    let members = run
        .state
        .setup
        .plan
        .indices()
        .filter(|&ix| in_wave(ix))
        .count();
    press(&mut app, "-");
    assert_eq!(names(&app).len(), all - members + 1);
    assert!(text(&mut app).contains(&format!("{members} agents, ")));
    // Walking goes from box to box, and by its number the wave opens again.
    press(&mut app, "hl");
    let graph = app.view().graph.unwrap();
    assert!(graph.nodes.iter().any(|n| n.selected));
    let head = graph.waves.iter().find(|head| head.wave == wave).unwrap();
    let area = regions(&app).graph;
    mouse(&mut app, DOWN, area.x + 1 + head.x, area.y + 1);
    assert_eq!(names(&app).len(), all);
    // One cell for each agent, all of them walked through and clicked.
    press(&mut app, "Z");
    assert_eq!(app.ui.graph_zoom, GraphZoom::Cells);
    let graph = app.view().graph.unwrap();
    assert_eq!(graph.nodes.len(), all);
    let node = graph.nodes.iter().find(|n| !n.selected).unwrap();
    mouse(
        &mut app,
        DOWN,
        area.x + 1 + node.x as u16,
        area.y + 2 + node.y,
    );
    assert_eq!(app.ui.agent(), Some(&run.state.id(node.ix)));
    press(&mut app, "hhhhhhhhhhkkkkkkkkkkkkkkkkkkkkkk");
    let first = app.ui.agent().cloned();
    press(&mut app, "jlllllllllllll");
    assert_ne!(app.ui.agent().cloned(), first);
    press(&mut app, "f");
    assert!(app.ui.graph_at.is_some());
    press(&mut app, "f");
    assert!(app.ui.graph_at.is_none());
    assert_eq!(app.state.as_deref(), Some(&run.state));
}

#[test]
fn waves_that_have_ended_are_closed_together() {
    let mut run = Run::new(layered(9, 3, 1, 7), 9, 64 * fixture::GIB);
    let first: Vec<String> = run
        .state
        .setup
        .plan
        .indices()
        .filter(|&ix| run.state.setup.wave(ix) == 1)
        .map(|ix| run.state.id(ix).to_string())
        .collect();
    let mut before = app(&run, (120, 40));
    press(&mut before, "_");
    assert!(text(&mut before).contains("no wave has ended yet"));
    for id in &first {
        run.done(id);
    }
    let mut app = app(&run, (120, 40));
    press(&mut app, "w_");
    assert_eq!(app.ui.waves_closed, [1].into());
    let said = format!("{} agents, {} done", first.len(), first.len());
    assert!(text(&mut app).contains(&said));
    press(&mut app, "_");
    assert!(app.ui.waves_closed.is_empty());
}

#[test]
fn what_is_new_is_followed_or_not() {
    let run = fixture::full();
    let mut app = app(&run, (120, 40));
    go_to(&mut app, "api");
    press(&mut app, "f");
    assert!(app.ui.chosen);
    press(&mut app, "f");
    assert!(!app.ui.chosen);
    press(&mut app, "z");
    let bytes: Vec<u8> = (0..200)
        .flat_map(|n| format!("line {n}\n").into_bytes())
        .collect();
    let agent = run.state.find(&"api".into()).unwrap();
    let output = Update::Output {
        agent,
        attempt: run.state.agent(agent).attempt,
        offset: 0,
        total: bytes.len() as u64,
        bytes,
    };
    update(&mut app, AppInput::Feed(output));
    press(&mut app, "f");
    assert_ne!(app.ui.look, Look::Tail);
    press(&mut app, "f");
    assert_eq!(app.ui.look, Look::Tail);
}
