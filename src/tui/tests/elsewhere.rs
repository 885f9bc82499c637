//! Keys on screens other than the deck mean what is seen there.

use std::fmt::Write as _;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    fixture,
    keys::{actions, app, go_to, press},
};
use crate::{
    engine::{Action, Target},
    plan::{self, LoadOptions},
    tui::{
        feed::{Clock, Request, Update},
        ui_state::{Popup, Screen},
        update::{App, AppInput, Dirty, update},
    },
};

fn said(app: &App) -> &str {
    app.ui.message.as_ref().map_or("", |m| m.1.as_str())
}

fn pause(id: &str) -> Vec<Action> {
    vec![Action::Pause {
        target: Target::Agent(id.into()),
    }]
}

/// Answers the log's request with all records.
fn answer(app: &mut App, run: &fixture::Run, requests: Vec<Request>) {
    let ask = requests.into_iter().find_map(|r| match r {
        Request::Log(ask) => Some(ask),
        _ => None,
    });
    let ask = ask.expect("the log asks");
    let records = run
        .records
        .iter()
        .filter(|r| r.seq < ask.before && ask.filter.lets(r))
        .cloned()
        .collect();
    update(
        app,
        AppInput::Feed(Update::Log {
            id: ask.id,
            records,
            from: 1,
        }),
    );
}

#[test]
fn actions_mean_the_row_that_is_seen() {
    let run = fixture::full();
    let mut app = app(&run, (140, 40));
    go_to(&mut app, "importer");
    press(&mut app, " ");
    go_to(&mut app, "ui-table");

    // Neither marks nor the deck's row are seen on the report.
    press(&mut app, "6g");
    for key in ["p", "x", "r", "m"] {
        assert_eq!(actions(press(&mut app, key)), [], "{key}");
        assert_eq!(said(&app), "select an agent first", "{key}");
        assert!(app.ui.popups.is_empty(), "{key}");
    }
    let view = app.view();
    let rows = view.report.unwrap().total;
    let mut met = false;
    for _ in 0..rows {
        let row = app.view().report.unwrap();
        let at = row.selected.unwrap();
        if row.rows[at].agent.as_deref() == Some("api") {
            met = true;
            assert_eq!(actions(press(&mut app, "p")), pause("api"));
            break;
        }
        press(&mut app, "j");
    }
    assert!(met, "no row of the agent");

    let requests = press(&mut app, "5");
    answer(&mut app, &run, requests);
    let of = |id: &str| {
        run.records
            .iter()
            .rfind(|r| r.event.agent().is_some_and(|a| a.as_str() == id))
            .unwrap()
            .seq
    };
    app.ui.log_at = Some(of("api"));
    assert_eq!(actions(press(&mut app, "p")), pause("api"));
    app.ui.log_at = Some(1);
    assert_eq!(actions(press(&mut app, "p")), []);
    assert_eq!(said(&app), "select an agent first");

    press(&mut app, "3");
    assert_eq!(actions(press(&mut app, "p")), pause("ui-table"));
    assert_eq!(app.ui.screen, Screen::Timeline);
    press(&mut app, " ");
    assert_eq!(app.ui.marks.len(), 1, "nothing is marked unseen");
    press(&mut app, "1");
    assert_eq!(actions(press(&mut app, "p")), pause("importer"));
}

#[test]
fn up_from_the_harmless_answer_stays_there_and_other_keys_say_which_there_are() {
    let mut app = app(&fixture::full(), (120, 35));
    go_to(&mut app, "api");
    assert_eq!(actions(press(&mut app, "xk\n")), []);
    assert_eq!(actions(press(&mut app, "xjjjk\n")), []);
    press(&mut app, "x5");
    assert!(said(&app).contains("n, y"), "{}", said(&app));
    assert!(matches!(app.ui.popups[..], [Popup::Ask { .. }]));
}

#[test]
fn the_log_has_its_own_filter_for_what_is_seen() {
    let run = fixture::full();
    let mut app = app(&run, (140, 40));
    press(&mut app, "5/");
    update(
        &mut app,
        AppInput::Terminal(Event::Paste("webhooks".into())),
    );
    assert_eq!(
        (app.ui.filter.as_str(), app.ui.log_filter.as_str()),
        ("", "webhooks")
    );
    let text = super::screens::text(&super::screens::paint(
        &app.view(),
        &app.ui,
        &app.settings.theme,
    ));
    assert!(text.contains(" filter: webhooks_"), "{text}");
    let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    update(&mut app, AppInput::Terminal(Event::Key(ctrl_c)));
    assert!(app.quit);

    let filter = |text: &str| crate::tui::log::LogFilter {
        text: text.to_owned(),
        level: None,
    };
    let found = |text: &str| {
        let filter = filter(text);
        run.records.iter().filter(|r| filter.lets(r)).count()
    };
    // Parts of the line in the journal that nobody sees.
    assert_eq!(found("\"at\""), 0);
    assert_eq!(found("000z"), 0);
    assert!(found("webhooks") > 2 && found("agent.started") > 2 && found("starts") > 2);
}

#[test]
fn the_report_is_made_once_a_moment() {
    let run = fixture::full();
    let mut app = app(&run, (140, 40));
    press(&mut app, "6");
    let _ = app.view();
    let made = app.report_made();
    press(&mut app, "jjkG");
    let _ = app.view();
    assert_eq!(app.report_made(), made);
    let mut later = run.clone();
    later.wait(2);
    update(
        &mut app,
        AppInput::Feed(Update::Sample(Box::new(later.sample()))),
    );
    let _ = app.view();
    assert_ne!(app.report_made(), made);
}

fn screen(app: &mut App) -> String {
    let (w, h) = app.ui.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    app.draw(&mut buf);
    super::screens::text(&buf)
}

#[test]
fn footers_offer_what_the_screen_has() {
    let mut app = app(&fixture::full(), (160, 40));
    let footer = |app: &mut App| screen(app).lines().last().unwrap_or_default().to_owned();
    assert!(footer(&mut app).contains("t group") && !footer(&mut app).contains("Esc back"));
    for (key, filters) in [("3", false), ("5", true), ("6", false)] {
        press(&mut app, key);
        let line = footer(&mut app);
        for hint in ["1 deck", "Esc back", "? help", "q leave"] {
            assert!(line.contains(hint), "{key}: {line}");
        }
        for hint in ["Tab pane", "t group", "w waves", "Space mark"] {
            assert!(!line.contains(hint), "{key}: {line}");
        }
        assert_eq!(line.contains("/ filter"), filters, "{key}: {line}");
    }
    assert!(footer(&mut app).contains("5 log"));
}

#[test]
fn keys_of_the_deck_leave_it_alone_where_it_is_hidden() {
    let mut app = app(&fixture::full(), (140, 40));
    for screen in ["3", "6"] {
        press(&mut app, screen);
        let before = app.ui.clone();
        for key in ["/", "s", "t", "\t", "h", "l", " "] {
            press(&mut app, key);
            assert!(app.ui.message.take().is_some(), "{screen} {key:?}");
            let mut after = app.ui.clone();
            after.seen_us = before.seen_us;
            assert_eq!(after, before, "{screen} {key:?}");
        }
    }
}

#[test]
fn a_log_that_cannot_be_read_is_asked_for_again_by_the_next_key() {
    let mut app = app(&fixture::full(), (140, 40));
    let ask = |requests: Vec<Request>| {
        requests.into_iter().find_map(|r| match r {
            Request::Log(ask) => Some(ask),
            _ => None,
        })
    };
    let first = ask(press(&mut app, "5")).expect("the log asks");
    let failed = Update::Log {
        id: first.id,
        records: Vec::new(),
        from: first.before,
    };
    assert_eq!(update(&mut app, AppInput::Feed(failed)), []);
    assert!(!app.view().log.unwrap().reads);
    assert!(ask(press(&mut app, "s")).is_some());
}

#[test]
fn a_line_for_a_replay_fits_a_narrow_screen() {
    for width in [40, 45, 60, 80, 120] {
        let mut app = app(&fixture::full(), (width, 20));
        let clock = Clock {
            at_us: 71_000_000,
            end_us: 7_300_000_000,
            seq: 5,
            last_seq: 12_345,
            playing: true,
            speed_permille: 1000,
        };
        update(&mut app, AppInput::Feed(Update::Clock(clock)));
        let line = app.view().scrubber.unwrap();
        assert!(line.columns >= 8, "{width}: {line:?}");
        let words = line.left.chars().count() + line.right.chars().count();
        assert!(words + usize::from(line.columns) + 4 <= usize::from(width));
        assert!(screen(&mut app).contains("1:11.0"));
    }
}

#[test]
fn lines_to_read_are_scrolled_to_their_end() {
    let mut app = app(&fixture::full(), (80, 20));
    app.ui.popups.push(Popup::Lines {
        title: "SO FAR".to_owned(),
        scroll: 0,
        lines: (0..50).map(|n| format!("line {n}.")).collect(),
    });
    let shown = screen(&mut app);
    assert!(shown.contains("line 0.") && !shown.contains("line 49."));
    press(&mut app, "G");
    let shown = screen(&mut app);
    assert!(shown.contains("line 49.") && !shown.contains("line 0."));
    press(&mut app, "k");
    assert!(!screen(&mut app).contains("line 49."));
    press(&mut app, "\u{1b}");
    assert!(app.ui.popups.is_empty());
}

#[test]
fn the_palette_asks_before_it_freezes() {
    let mut app = app(&fixture::full(), (120, 35));
    assert_eq!(actions(press(&mut app, ":sequential --now\n")), []);
    assert!(matches!(app.ui.popups[..], [Popup::Ask { .. }]));
}

#[test]
fn a_timeline_says_which_rows_it_shows_and_what_bars_mean() {
    let mut tall = app(&fixture::full(), (140, 70));
    press(&mut tall, "3");
    let shown = screen(&mut tall);
    assert!(shown.contains("ready, not let in") && !shown.contains("planned"));
    let mut low = app(&fixture::full(), (140, 20));
    press(&mut low, "3");
    let total = low.view().timeline.unwrap().total;
    let shown = screen(&mut low);
    assert!(shown.contains(&format!("of {total}")), "{shown}");
    assert!(!shown.contains("ready, not let in"));
}

#[test]
fn the_footer_names_only_keys_that_do_something_where_it_stands() {
    let run = fixture::full();
    let mut app = app(&run, (160, 40));
    go_to(&mut app, "importer");
    let footer = |app: &mut App| screen(app).lines().last().unwrap().to_owned();
    assert!(footer(&mut app).contains("p freeze"));
    // Nor a key that the state of the row has no use for.
    for (id, has, not) in [
        ("importer", "x stop", "retry"),
        ("webhooks", "p let go", "p freeze"),
        ("ui-style", "r retry", "p let go"),
        ("schema", "Enter open", "x stop"),
        ("schema", ": do", "p freeze"),
    ] {
        go_to(&mut app, id);
        let text = footer(&mut app);
        assert!(text.contains(has) && !text.contains(not), "{id}: {text}");
    }
    go_to(&mut app, "importer");
    // The report's first row is about no agent, and its keys act on none.
    press(&mut app, "6");
    let text = footer(&mut app);
    assert!(
        !text.contains("p freeze") && !text.contains("Enter"),
        "{text}"
    );
    assert_eq!(actions(press(&mut app, "p")), []);
    press(&mut app, "1?");
    let text = footer(&mut app);
    assert!(
        text.contains("Esc close") && !text.contains("freeze"),
        "{text}"
    );
    press(&mut app, "\u{1b}x");
    let text = footer(&mut app);
    assert!(
        text.contains("Enter give this answer") && !text.contains("freeze"),
        "{text}"
    );
}

#[test]
fn help_begins_with_what_can_be_done_here() {
    let run = fixture::full();
    let first = |recording: bool| {
        let mut app = app(&run, (80, 24));
        if recording {
            app.settings.can_act = false;
            let clock = Clock {
                at_us: run.now_us,
                end_us: run.now_us,
                seq: run.state.seq,
                last_seq: run.state.seq,
                playing: false,
                speed_permille: 1000,
            };
            update(&mut app, AppInput::Feed(Update::Clock(clock)));
        }
        press(&mut app, "?");
        let text = screen(&mut app);
        let line = text.lines().nth(3).unwrap();
        line.trim_matches(['│', ' ']).to_owned()
    };
    assert_eq!(first(false), "CHANGE THE RUN");
    assert_eq!(first(true), "IN A REPLAY");
}

#[test]
fn help_is_whole_on_a_small_screen_and_says_what_may_not_be_done() {
    let run = fixture::full();
    let mut app = app(&run, (45, 20));
    app.settings.can_act = false;
    press(&mut app, "?");
    let mut all = String::new();
    for _ in 0..200 {
        let text = screen(&mut app);
        assert!(!text.contains('…'), "{text}");
        all.push_str(&text);
        press(&mut app, "j");
    }
    assert!(all.contains("CHANGE THE RUN: not here (read-only)"));
    assert!(all.contains("leave; agents go on"));
}

#[test]
fn screens_and_pages_are_drawn_at_usual_sizes() {
    let run = fixture::full();
    for size in [(120, 35), (80, 24)] {
        for (name, keys) in [
            ("graph", "w"),
            ("graph_cells", "wZZ"),
            ("timeline", "3"),
            ("log", "5"),
            ("report", "6"),
            ("palette", ":"),
            ("help", "?"),
        ] {
            let mut app = app(&run, size);
            go_to(&mut app, "importer");
            let asked = press(&mut app, keys);
            if name == "log" {
                answer(&mut app, &run, asked);
            }
            app.ui.message = None;
            let name = format!("{name}_{}x{}", size.0, size.1);
            insta::assert_snapshot!(name, screen(&mut app));
        }
    }
}

#[test]
fn what_has_no_room_is_not_said_to_be_shown() {
    let run = fixture::full();
    let mut app = app(&run, (80, 24));
    press(&mut app, "b");
    assert!(
        said(&app).contains("c shows a status card"),
        "{}",
        said(&app)
    );
    app.ui.size = (200, 55);
    press(&mut app, "b");
    assert!(said(&app).contains("who holds memory"), "{}", said(&app));
    press(&mut app, "b");
    assert!(said(&app).contains("below the cards"), "{}", said(&app));
    app.ui.size = (80, 24);
    // Without a schedule there is no planned end.
    press(&mut app, "3");
    let shown = screen(&mut app);
    assert!(
        !shown.contains("planned") && shown.contains("now ~"),
        "{shown}"
    );
}

#[test]
fn a_large_report_is_made_once_a_second_while_the_run_goes_on() {
    let n = crate::tui::chart::LARGE + 1;
    let mut text = "name = \"large\"\n".to_owned();
    for i in 0..n {
        let _ = writeln!(text, "[[agent]]\nid = \"a{i}\"\nrun = [\"true\"]");
    }
    let loaded = plan::load(&text, &LoadOptions::default(), &mut |_| unreachable!());
    let mut run = fixture::Run::new(loaded.unwrap().plan, 4, 1 << 40);
    let mut app = app(&run, (140, 40));
    press(&mut app, "6");
    let _ = screen(&mut app);
    let made = app.report_made();
    let known = run.records.len();
    run.now_us += 1000;
    run.done("a0");
    let news = run.records[known..].to_vec();
    update(&mut app, AppInput::Feed(Update::Records(news)));
    let _ = screen(&mut app);
    assert_eq!(app.report_made(), made);
    // Nothing else happens: the next frame, a second later, shows what is.
    assert_eq!(app.dirty, Dirty::Gauges);
    let _ = screen(&mut app);
    assert_ne!(app.report_made(), made);
    assert_eq!(app.dirty, Dirty::No);
}
