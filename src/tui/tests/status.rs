//! Status cards: beside the table, beside the output, and as a page.

use jiff::civil::Date;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    fixture,
    keys::press,
    screens::{text, view},
};
use crate::{
    plan::TrackIx,
    tui::{
        draw::{self, Look},
        feed::{Request, Update},
        keymap::Keymap,
        theme::Theme,
        ui_state::UiState,
        update::{App, AppInput, update},
    },
};

/// The part of the deck that holds the cards.
fn cards(size: (u16, u16)) -> String {
    let run = fixture::reported();
    let ui = UiState {
        size,
        ..UiState::default()
    };
    let view = view(&run, &ui, None);
    let keys = Keymap::default();
    let look = Look {
        theme: &Theme::default(),
        keys: &keys,
        whence: crate::tui::keymap::Whence::Live,
    };
    let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    draw::draw(&view, &ui, look, &mut buf);
    let area = view.regions.status;
    let all = text(&buf);
    all.lines()
        .skip(usize::from(area.y))
        .take(usize::from(area.height))
        .map(|line| {
            let line: String = line.chars().skip(usize::from(area.x)).collect();
            line.trim_end().to_owned() + "\n"
        })
        .collect()
}

#[test]
fn cards_stand_beside_the_table_or_the_output() {
    for size in [(200, 55), (160, 45), (120, 35), (100, 24)] {
        insta::assert_snapshot!(format!("cards_{}x{}", size.0, size.1), cards(size));
    }
    assert_eq!(cards((99, 24)), "", "the page is one key away");
}

fn app(size: (u16, u16)) -> App {
    super::keys::app(&fixture::reported(), size)
}

fn paint(app: &mut App) -> String {
    let (w, h) = app.ui.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    app.draw(&mut buf);
    text(&buf)
}

fn asked(requests: &[Request]) -> Vec<(Option<TrackIx>, Option<Date>)> {
    requests
        .iter()
        .filter_map(|r| match r {
            Request::Card { track, day } => Some((*track, *day)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_card_is_a_page_with_its_days_and_what_is_wrong_with_it() {
    let mut app = app((120, 60));
    let day = |text: &str| text.parse::<Date>().unwrap();
    let track = |n| Some(TrackIx(n));
    assert_eq!(asked(&press(&mut app, "c")), [(track(0), None)]);
    let days = vec![day("2026-11-18"), day("2026-11-19"), day("2026-11-20")];
    let told = Update::Card {
        track: track(0),
        day: None,
        days: days.clone(),
        text: None,
    };
    update(&mut app, AppInput::Feed(told));
    // What a person wrote into today's file is there at once, and nothing else of the file.
    let by_hand = "date: 2026-11-20\ntrack: A\nstatus: blocked\nprogress_percent: 99\n\
        blockers: [{blocker: no licence, severity: critical, by: office}, {blocker: stale}]\n";
    let told = Update::Card {
        track: track(0),
        day: None,
        days: days.clone(),
        text: Some(by_hand.into()),
    };
    update(&mut app, AppInput::Feed(told));
    let screen = paint(&mut app);
    assert!(screen.contains("by: \"office\"") && screen.contains("progress_percent: 5"));
    assert!(!screen.contains("stale") && !screen.contains("99"));
    // The next track, whose agent reports what cannot be read.
    assert_eq!(asked(&press(&mut app, "\t")), [(track(1), None)]);
    insta::assert_snapshot!("page_120x60", paint(&mut app));
    // A day back: its file, which somebody broke.
    assert_eq!(asked(&press(&mut app, "h")), [(track(1), Some(days[1]))]);
    assert!(paint(&mut app).contains("the card is read"));
    let answer = |text: Option<&str>, track| Update::Card {
        track,
        day: Some(days[1]),
        days: days.clone(),
        text: text.map(str::to_owned),
    };
    let broken = "date: 2026-11-19\ntrack: B\nstatus: \"\u{1b}[31mfine\"\nprogress_percent: 140\n";
    // An answer that comes too late for another track is not shown.
    update(
        &mut app,
        AppInput::Feed(answer(Some("late: 1\n"), track(2))),
    );
    assert!(paint(&mut app).contains("the card is read"));
    update(&mut app, AppInput::Feed(answer(Some(broken), track(1))));
    insta::assert_snapshot!("page_broken_120x60", paint(&mut app));
    assert_eq!(asked(&press(&mut app, "h")), [(track(1), Some(days[0]))]);
    let none = Update::Card {
        track: track(1),
        day: Some(days[0]),
        days: days.clone(),
        text: None,
    };
    update(&mut app, AppInput::Feed(none));
    assert!(paint(&mut app).contains("there is no card of 2026-11-18"));
    assert!(asked(&press(&mut app, "h")).is_empty());
    assert!(app.ui.message.is_some(), "there is no earlier day");
    // Forwards, to the moment itself, which needs no file.
    assert_eq!(asked(&press(&mut app, "l")), [(track(1), Some(days[1]))]);
    press(&mut app, "l");
    assert!(paint(&mut app).contains("STATUS B · 2026-11-20"));
    assert!(asked(&press(&mut app, "l")).is_empty());
    press(&mut app, "\u{1b}");
    assert!(app.ui.popups.is_empty());
}

#[test]
fn a_page_scrolls_no_further_than_its_end() {
    let mut app = app((80, 24));
    press(&mut app, "c");
    let top = paint(&mut app);
    press(&mut app, "G");
    let end = paint(&mut app);
    assert!(end.contains("gates passing") && !top.contains("gates passing"));
    press(&mut app, "jjj");
    assert_eq!(paint(&mut app), end);
    press(&mut app, "g");
    assert_eq!(paint(&mut app), top);
}

#[test]
fn what_stands_beside_the_output_is_chosen() {
    let mut app = app((120, 35));
    assert!(paint(&mut app).contains("── STATUS"));
    press(&mut app, "b");
    let screen = paint(&mut app);
    assert!(screen.contains("── LATELY") && !screen.contains("── STATUS"));
    press(&mut app, "b");
    let screen = paint(&mut app);
    assert!(screen.contains("── MEMORY") && !screen.contains("── STATUS"));
    press(&mut app, "b");
    assert!(paint(&mut app).contains("── STATUS"));
}
