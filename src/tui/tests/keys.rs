//! Keys, clicks and news through the reducer.

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use jiff::tz::TimeZone;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    fixture::{self, Run},
    screens,
};
use crate::{
    engine::{Action, Target},
    plan::Mode,
    tui::{
        feed::{Request, Update},
        keymap::Keymap,
        theme::Theme,
        ui_state::{Grouping, Look, Pane, Popup, RowId, Screen, Sort},
        update::{App, AppInput, Dirty, Settings, update},
    },
};

pub fn settings() -> Settings {
    Settings {
        theme: Theme::default(),
        keys: Keymap::default(),
        can_act: true,
        zone: TimeZone::UTC,
    }
}

pub fn app(run: &Run, size: (u16, u16)) -> App {
    let mut app = App::new(settings(), size, true);
    update(
        &mut app,
        AppInput::Feed(Update::Snapshot(Box::new(run.first.clone()))),
    );
    update(
        &mut app,
        AppInput::Feed(Update::Records(run.records.clone())),
    );
    update(
        &mut app,
        AppInput::Feed(Update::Sample(Box::new(run.sample()))),
    );
    app
}

pub fn key(code: KeyCode) -> AppInput {
    AppInput::Terminal(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

pub fn press(app: &mut App, keys: &str) -> Vec<Request> {
    keys.chars()
        .flat_map(|c| {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\u{1b}' => KeyCode::Esc,
                '\t' => KeyCode::Tab,
                c => KeyCode::Char(c),
            };
            update(app, key(code))
        })
        .collect()
}

pub fn actions(requests: Vec<Request>) -> Vec<Action> {
    requests
        .into_iter()
        .filter_map(|r| match r {
            Request::Action { action, .. } => Some(action),
            _ => None,
        })
        .collect()
}

pub fn go_to(app: &mut App, id: &str) {
    app.ui.selected = Some(RowId::Agent(id.into()));
}

fn agent(id: &str) -> Target {
    Target::Agent(id.into())
}

#[test]
fn folding_records_gives_the_runner_s_state() {
    let run = fixture::full();
    let app = app(&run, (120, 35));
    assert_eq!(app.state.as_deref(), Some(&run.state));
}

#[test]
fn live_and_replay_show_the_same() {
    let run = fixture::full();
    // As a recording has it: every event through its line in the journal.
    let lines: Vec<String> = run
        .records
        .iter()
        .map(|r| serde_json::to_string(r).unwrap())
        .collect();
    let replayed = lines
        .iter()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let live = app(&run, (200, 55));
    let mut replay = App::new(settings(), (200, 55), true);
    update(
        &mut replay,
        AppInput::Feed(Update::Snapshot(Box::new(run.first.clone()))),
    );
    update(&mut replay, AppInput::Feed(Update::Records(replayed)));
    update(
        &mut replay,
        AppInput::Feed(Update::Sample(Box::new(run.sample()))),
    );
    assert_eq!(live.view(), replay.view());
}

#[test]
fn freezing_goes_by_row_group_and_marks() {
    let mut app = app(&fixture::full(), (120, 35));
    go_to(&mut app, "api");
    assert_eq!(
        actions(press(&mut app, "p")),
        [Action::Pause {
            target: agent("api")
        }]
    );
    go_to(&mut app, "webhooks");
    assert_eq!(
        actions(press(&mut app, "p")),
        [Action::Resume {
            target: agent("webhooks")
        }]
    );
    go_to(&mut app, "ui-table");
    assert_eq!(
        actions(press(&mut app, "P")),
        [Action::Pause {
            target: Target::Track("C".into())
        }]
    );
    go_to(&mut app, "api");
    press(&mut app, " ");
    go_to(&mut app, "importer");
    press(&mut app, " ");
    assert_eq!(
        actions(press(&mut app, "p")),
        [
            Action::Pause {
                target: agent("api")
            },
            Action::Pause {
                target: agent("importer")
            }
        ]
    );
    press(&mut app, "\u{1b}");
    assert!(app.ui.marks.is_empty());
    app.ui.selected = Some(RowId::Group(crate::tui::ui_state::Group::Track(Some(
        crate::plan::TrackIx(1),
    ))));
    assert_eq!(
        actions(press(&mut app, "p")),
        [Action::Pause {
            target: Target::Track("B".into())
        }]
    );
}

#[test]
fn what_ends_work_asks_and_the_default_changes_nothing() {
    let mut app = app(&fixture::full(), (120, 35));
    go_to(&mut app, "api");
    for question in ["x", "Q", "S", "m"] {
        for no in ["\n", "\u{1b}", "n", "q"] {
            assert_eq!(actions(press(&mut app, question)), [], "{question}");
            assert_eq!(app.ui.popups.len(), 1, "{question}");
            assert_eq!(actions(press(&mut app, no)), [], "{question} {no:?}");
            assert!(app.ui.popups.is_empty() && !app.quit);
        }
    }
    assert_eq!(
        actions(press(&mut app, "xy")),
        [Action::Stop {
            target: Some(agent("api"))
        }]
    );
    assert_eq!(
        actions(press(&mut app, "xj\n")),
        [Action::Stop {
            target: Some(agent("api"))
        }]
    );
    assert_eq!(
        actions(press(&mut app, "Sa")),
        [Action::Sequential { now: false }]
    );
    assert_eq!(
        actions(press(&mut app, "Sf")),
        [Action::Sequential { now: true }]
    );
    let swap = actions(press(&mut app, "m2"));
    assert_eq!(
        swap,
        [Action::Swap {
            agent: "api".into(),
            worker: Some("codex:gpt".into())
        }]
    );
    // There is none in this plan.
    assert_eq!(actions(press(&mut app, "U1")), []);
    assert!(!app.stop_asked);
    assert_eq!(
        actions(press(&mut app, "Qy")),
        [Action::Stop { target: None }]
    );
    assert!(app.stop_asked);
}

#[test]
fn what_the_engine_refuses_is_not_sent_and_says_why() {
    let mut app = app(&fixture::full(), (120, 35));
    go_to(&mut app, "api");
    assert_eq!(actions(press(&mut app, "r")), []);
    assert!(
        app.ui.message.as_ref().unwrap().1.contains("only a failed"),
        "{:?}",
        app.ui.message
    );
    go_to(&mut app, "webhooks");
    assert_eq!(actions(press(&mut app, "m")), []);
    assert!(
        app.ui
            .message
            .as_ref()
            .unwrap()
            .1
            .contains("only one worker")
    );
    go_to(&mut app, "ui-style");
    assert_eq!(
        actions(press(&mut app, "r")),
        [Action::Retry {
            target: agent("ui-style")
        }]
    );
    app.settings.can_act = false;
    assert_eq!(actions(press(&mut app, "r")), []);
    assert!(app.ui.message.as_ref().unwrap().1.contains("read-only"));
    let mut buf = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 120, 35));
    app.draw(&mut buf);
    let screen = screens::text(&buf);
    assert!(screen.contains("read-only") && !screen.contains("recording"));
    let footer = screen.lines().last().unwrap();
    assert!(
        !footer.contains("freeze") && !footer.contains("stop"),
        "{footer}"
    );
}

#[test]
fn acknowledgements_are_told() {
    let mut app = app(&fixture::full(), (120, 35));
    go_to(&mut app, "api");
    let Some(Request::Action { id, .. }) = press(&mut app, "p").pop() else {
        panic!()
    };
    update(
        &mut app,
        AppInput::Feed(Update::Ack {
            id,
            result: Err("no\u{1b}[31m way".into()),
        }),
    );
    assert_eq!(app.ui.message.as_ref().unwrap().1, "freeze api: no way");
    for _ in 0..24 {
        assert!(app.wants_tick());
        update(&mut app, AppInput::Tick);
    }
    assert_eq!(app.ui.message, None);
    while app.wants_tick() {
        update(&mut app, AppInput::Tick);
    }
}

#[test]
fn no_key_is_ignored_in_silence() {
    let mut app = app(&fixture::full(), (120, 35));
    press(&mut app, "Y");
    assert!(
        app.ui
            .message
            .as_ref()
            .unwrap()
            .1
            .contains("? shows all keys")
    );
    press(&mut app, "e");
    assert_eq!(
        app.ui.message.as_ref().unwrap().1,
        "not built yet: open in the editor"
    );
    press(&mut app, "j");
    assert_eq!(app.ui.message, None);
}

#[test]
fn views_change_by_key() {
    let mut app = app(&fixture::full(), (120, 35));
    press(&mut app, "s");
    assert_eq!(app.ui.sort, Sort::Plan);
    press(&mut app, "t");
    assert_eq!(app.ui.grouping, Grouping::Phase);
    press(&mut app, "\t");
    assert_eq!(app.ui.focus, Pane::Output);
    press(&mut app, "\t\t");
    go_to(&mut app, "api");
    press(&mut app, "\n");
    assert_eq!(app.ui.screen, Screen::Agent);
    press(&mut app, "\u{1b}w");
    assert_eq!(app.ui.screen, Screen::Graph);
    press(&mut app, "l");
    assert_eq!(
        app.ui.agent().map(ToString::to_string).as_deref(),
        Some("api-docs")
    );
    press(&mut app, "h");
    assert_eq!(
        app.ui.agent().map(ToString::to_string).as_deref(),
        Some("api")
    );
    press(&mut app, "w/IMPORT\n");
    assert_eq!(
        (app.ui.screen, app.ui.filter.as_str()),
        (Screen::Deck, "IMPORT")
    );
    assert_eq!(app.view().table.matched, Some(1));
    assert_eq!(
        app.ui.agent().map(ToString::to_string).as_deref(),
        Some("importer")
    );
    press(&mut app, "\u{1b}");
    assert_eq!(app.ui.filter, "");
    press(&mut app, "/!run\n");
    assert!(app.view().table.matched.unwrap() > 5);
    press(&mut app, "\u{1b}G");
    assert_eq!(app.ui.selected, Some(RowId::Done));
    press(&mut app, "\n");
    assert_eq!(app.ui.show_done, Some(true));
    press(&mut app, "g");
    assert!(matches!(app.ui.selected, Some(RowId::Group(_))));
    let rows = app.view().table.total;
    press(&mut app, "h");
    assert!(app.view().table.total < rows);
    press(&mut app, "?");
    assert!(matches!(app.ui.popups[..], [Popup::Help { .. }]));
    press(&mut app, "?q");
    assert!(app.quit);
}

#[test]
fn keys_do_nothing_on_a_screen_too_small_to_see_them() {
    let mut app = app(&fixture::full(), (39, 9));
    go_to(&mut app, "api");
    assert_eq!(press(&mut app, "pxyQySf"), []);
    assert!(app.ui.popups.is_empty());
    press(&mut app, "q");
    assert!(app.quit);
}

#[test]
fn output_is_asked_for_when_it_is_needed() {
    let run = fixture::full();
    let mut app = app(&run, (120, 35));
    go_to(&mut app, "ui-table");
    let requests = press(&mut app, "jk");
    assert!(
        requests
            .iter()
            .all(|r| matches!(r, Request::Output { offset: None, .. }))
            && !requests.is_empty()
    );
    let agent = run.state.find(&app.ui.agent().unwrap().clone()).unwrap();
    let attempt = run.state.agent(agent).attempt;
    let bytes: Vec<u8> = (0..500)
        .flat_map(|i| format!("line {i}\n").into_bytes())
        .collect();
    let total = bytes.len() as u64;
    update(
        &mut app,
        AppInput::Feed(Update::Output {
            agent,
            attempt,
            offset: 0,
            bytes,
            total,
        }),
    );
    assert_eq!(app.view().output.rows.last().unwrap().text, "line 499");
    while app.wants_tick() {
        update(&mut app, AppInput::Tick);
    }
    // More of it is asked for once a tick, however often figures come.
    let mut sample = run.sample();
    for grown in 1..5 {
        for a in &mut sample.agents {
            a.output_bytes = total + grown;
        }
        assert_eq!(
            update(
                &mut app,
                AppInput::Feed(Update::Sample(Box::new(sample.clone())))
            ),
            []
        );
    }
    assert!(app.wants_tick());
    assert_eq!(
        update(&mut app, AppInput::Tick),
        [Request::Output {
            agent,
            attempt,
            offset: Some(total),
            max: 65_536
        }]
    );
    press(&mut app, "\t");
    update(&mut app, key(KeyCode::PageUp));
    assert!(matches!(app.ui.look, Look::From(_)));
    press(&mut app, "G");
    assert_eq!(app.ui.look, Look::Tail);
}

#[test]
fn figures_alone_are_not_urgent() {
    let run = fixture::full();
    let mut app = app(&run, (120, 35));
    let mut buf = Buffer::empty(Rect::new(0, 0, 120, 35));
    app.draw(&mut buf);
    assert_eq!(app.dirty, Dirty::No);
    update(
        &mut app,
        AppInput::Feed(Update::Sample(Box::new(run.sample()))),
    );
    assert_eq!(app.dirty, Dirty::Gauges);
    update(&mut app, AppInput::Terminal(Event::FocusGained));
    assert_eq!(app.dirty, Dirty::Gauges);
    press(&mut app, "j");
    assert_eq!(app.dirty, Dirty::Now);
}

#[test]
fn the_mouse_selects_scrolls_and_clicks_hints() {
    let mut app = app(&fixture::full(), (120, 35));
    let view = app.view();
    let mouse = |kind, column, row| {
        AppInput::Terminal(Event::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        }))
    };
    let down = MouseEventKind::Down(MouseButton::Left);
    update(&mut app, mouse(down, 20, view.regions.table.y + 4));
    assert_eq!(app.view().table.selected, Some(2));
    let footer = view.regions.footer.y;
    update(&mut app, mouse(down, 118, footer));
    assert!(app.quit);
    app.quit = false;
    update(
        &mut app,
        mouse(MouseEventKind::ScrollDown, 20, view.regions.table.y + 4),
    );
    assert_eq!(app.view().table.first, 3);
    let graph = app.view().graph.unwrap();
    let node = graph.nodes.iter().find(|n| n.name == "importer").unwrap();
    let top = view.regions.graph.y
        + if crate::tui::view::regions::wave_row(view.regions.graph) {
            2
        } else {
            1
        };
    update(&mut app, mouse(down, node.x as u16 + 3, top + node.y));
    assert_eq!(
        app.ui.agent().map(ToString::to_string).as_deref(),
        Some("importer")
    );
    // Without the mouse nothing happens.
    press(&mut app, "M");
    update(&mut app, mouse(down, 118, footer));
    assert!(!app.quit);
}

#[test]
fn help_names_every_key() {
    let app = app(&fixture::full(), (160, 150));
    let mut ui = app.ui.clone();
    ui.popups.push(Popup::Help { scroll: 0 });
    let text = screens::text(&screens::paint(&app.view(), &ui, &Theme::default()));
    for topic in crate::tui::keymap::Topic::ALL {
        for binding in Keymap::default().topic(topic) {
            assert!(text.contains(&binding.desc), "{}", binding.desc);
        }
    }
    insta::assert_snapshot!("help_160x150", text);
}

#[test]
fn questions_are_drawn() {
    let mut app = app(&fixture::full(), (80, 24));
    go_to(&mut app, "api");
    let mut shots = String::new();
    for question in ["x", "S", "m", "Q"] {
        press(&mut app, question);
        let text = screens::text(&screens::paint(&app.view(), &app.ui, &Theme::default()));
        shots.push_str(&text);
        press(&mut app, "\u{1b}");
    }
    insta::assert_snapshot!("questions_80x24", shots);
}

#[test]
fn sequential_runs_can_be_let_loose() {
    let mut run = fixture::full();
    run.act(Action::Sequential { now: true });
    let mut app = app(&run, (120, 35));
    assert_eq!(
        actions(press(&mut app, "Sh")),
        [Action::Mode { mode: Mode::Hybrid }]
    );
}

#[test]
fn a_lost_connection_stays_on_the_screen_and_a_new_one_takes_it_away() {
    let run = fixture::full();
    let mut app = app(&run, (120, 35));
    update(
        &mut app,
        AppInput::Feed(Update::Gone {
            reason: "broken pipe".into(),
        }),
    );
    assert_eq!(app.lost(), Some("broken pipe"));
    assert_eq!(actions(press(&mut app, "p")), []);
    assert!(app.view().header.banner.unwrap().0.contains("broken pipe"));
    update(
        &mut app,
        AppInput::Feed(Update::Snapshot(Box::new(run.state.clone()))),
    );
    assert_eq!(app.lost(), None);
    // Records that the snapshot holds already change nothing.
    update(
        &mut app,
        AppInput::Feed(Update::Records(run.records.clone())),
    );
    assert_eq!(app.state.as_deref(), Some(&run.state));
}
