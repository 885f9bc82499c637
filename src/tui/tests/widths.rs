//! Every screen at eight widths, one snapshot a screen: what each width has room for.

use std::fmt::Write as _;

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    fixture::{self, Run},
    keys::{app, go_to, press},
    queue, screens,
};
use crate::{
    report::history::History,
    schedule::{Planned, capacity_from_plan},
    tui::{
        feed::{Request, Update},
        update::{App, AppInput, update},
    },
};

/// From the narrowest terminal that is told of to the widest that is common.
const SIZES: [(u16, u16); 8] = [
    (45, 20),
    (60, 20),
    (80, 24),
    (100, 24),
    (120, 30),
    (160, 30),
    (200, 30),
    (240, 30),
];

/// A run that knows its past and what was planned.
fn at_work(run: &Run, size: (u16, u16)) -> App {
    let mut state = run.first.clone();
    let mut history = History::new(&state);
    for record in &run.records {
        state.apply(record);
        history.push(&state, record);
    }
    let setup = state.setup.clone();
    let capacity = capacity_from_plan(
        &setup.plan,
        setup.ram_limit_bytes,
        setup.cpus_milli,
        setup.agents_cap,
    );
    let mut app = app(run, size);
    let past = Update::History {
        seq: u64::MAX,
        history: Box::new(history),
        planned: Box::new(Planned::new(&setup.plan, &capacity)),
    };
    update(&mut app, AppInput::Feed(past));
    app
}

/// Answers what a screen asks for.
fn answer(app: &mut App, run: &Run, requests: Vec<Request>) {
    const OUTPUT: &[u8] = b"reading src/api/mod.rs\n\x1b[32m$ cargo check\x1b[0m\n    \
        Finished in 3.41s\nA line that is much longer than any pane of a small terminal is, so \
        that it has to be broken somewhere, and once more where even that is not enough\n";
    for request in requests {
        let news = match request {
            Request::Log(ask) => Update::Log {
                id: ask.id,
                from: 1,
                records: (run.records.iter())
                    .filter(|r| r.seq < ask.before && ask.filter.lets(r))
                    .cloned()
                    .collect(),
            },
            Request::Output { agent, attempt, .. } => Update::Output {
                agent,
                attempt,
                offset: 0,
                bytes: OUTPUT.to_vec(),
                total: OUTPUT.len() as u64,
            },
            Request::Card { track, day } => Update::Card {
                track,
                day,
                days: Vec::new(),
                text: None,
            },
            Request::Diff { .. } => Update::Diff {
                result: Ok(b" db/schema.sql | 3 ++-\n\n- id int\n+ id bigint,\n".to_vec()),
            },
            _ => continue,
        };
        update(app, AppInput::Feed(news));
    }
}

/// One picture below the other.
fn pictures(run: &Run, agent: &str, keys: &str) -> String {
    let mut out = String::new();
    for size in SIZES {
        let mut app = at_work(run, size);
        go_to(&mut app, agent);
        app.ui.chosen = true;
        let asked = press(&mut app, keys);
        answer(&mut app, run, asked);
        app.ui.message = None;
        let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        app.draw(&mut buf);
        let text = screens::text(&buf);
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
        let _ = writeln!(out, "{0:=<1$}", format!("{}x{} ", size.0, size.1), 45);
        out.push_str(&text);
    }
    out
}

#[test]
fn every_screen_at_eight_widths() {
    let run = fixture::full();
    let picture = |name: &str, agent: &str, keys: &str| {
        insta::assert_snapshot!(format!("widths_{name}"), pictures(&run, agent, keys));
    };
    picture("agent", "importer", "2");
    picture("memory", "importer", "%");
    picture("timeline", "importer", "3");
    picture("log", "importer", "5");
    picture("report", "importer", "6");
}

#[test]
fn every_popup_at_eight_widths() {
    insta::assert_snapshot!("widths_queue", pictures(&queue::phase_asks(), "api", "!"));
    insta::assert_snapshot!("widths_card", pictures(&fixture::reported(), "api", "c"));
}

#[test]
fn a_bar_looks_the_same_over_what_lies_under_it() {
    use crate::tui::theme::{BUILT_IN, Depth, Theme};
    use ratatui::style::Modifier;
    let run = fixture::full();
    for name in BUILT_IN {
        for depth in [Depth::True, Depth::Ansi16, Depth::None] {
            let mut app = at_work(&run, (120, 40));
            app.settings.theme = Theme::new(name, None, depth, false).unwrap();
            go_to(&mut app, "schema");
            press(&mut app, "3");
            let mut buf = Buffer::empty(Rect::new(0, 0, 120, 40));
            app.draw(&mut buf);
            let area = app.view().regions.timeline;
            // Below the selected row: planned spans and zone lines lie under some of them.
            let bars = (area.y + 2..area.bottom())
                .flat_map(|y| (area.x..area.right()).map(move |x| (x, y)))
                .filter(|&at| buf[at].symbol() == "█");
            for at in bars {
                assert!(
                    !buf[at].modifier.contains(Modifier::DIM),
                    "{name} {depth:?} {at:?}"
                );
            }
        }
    }
}
