//! Keys on screens other than the deck mean what is seen there.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::{
    fixture,
    keys::{actions, app, go_to, press},
};
use crate::{
    engine::{Action, Target},
    tui::{
        feed::{Request, Update},
        ui_state::{Popup, Screen},
        update::{App, AppInput, update},
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
