//! Replay is the same screens: the frame at a record is the one that was seen live.

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    engine::State,
    report::history::History,
    resources::{Point, Sample},
    tui::{
        feed::{Clock, Update},
        theme::Theme,
        ui_state::{Popup, Queue, RowId, Screen, Tab},
        update::{App, AppInput, Settings, update},
    },
};

use super::{fixture, screens::text};

fn app(size: (u16, u16)) -> App {
    let settings = Settings {
        theme: Theme::default(),
        keys: crate::tui::keymap::Keymap::default(),
        can_act: false,
        zone: jiff::tz::TimeZone::UTC,
    };
    App::new(settings, size, false)
}

fn feed(app: &mut App, news: Update) {
    let _ = update(app, AppInput::Feed(news));
}

/// The screen without its last rows: footer, and a replay's own line.
fn frame(app: &mut App, rows: u16) -> String {
    let (w, h) = app.ui.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    app.draw(&mut buf);
    let all = text(&buf);
    all.lines()
        .take(usize::from(rows))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A reading now and then, just after a record and before the next one.
fn sample_at(run: &fixture::Run, state: &State, n: usize) -> Option<Sample> {
    let next = run.records.get(n + 1).map_or(u64::MAX, |r| r.elapsed_us);
    (next > state.elapsed_us + 1).then(|| {
        let mut sample = run.sample();
        sample.elapsed_us = state.elapsed_us + 1;
        sample.at_ms = state.at_ms;
        sample.figures.pressure_permille = 300 + (n as u32 * 37) % 500;
        sample
            .agents
            .retain(|a| state.agents[a.agent as usize].live.is_some());
        sample
    })
}

#[test]
fn the_replayed_frame_at_a_record_is_the_live_one() {
    // What agents say of themselves is part of what happened.
    let full = fixture::reported();
    let asking = super::queue::asking();
    let queue = || {
        vec![Popup::Queue(Queue {
            chosen: 1,
            ..Queue::default()
        })]
    };
    for (size, run, screen, popups) in [
        ((200, 50), &full, Screen::Deck, Vec::new()),
        ((150, 44), &full, Screen::Deck, Vec::new()),
        ((150, 44), &full, Screen::Agent, Vec::new()),
        ((150, 44), &full, Screen::Graph, Vec::new()),
        ((150, 44), &full, Screen::Timeline, Vec::new()),
        ((150, 44), &full, Screen::Report, Vec::new()),
        ((150, 44), &asking, Screen::Deck, queue()),
    ] {
        let mut live = app(size);
        feed(&mut live, Update::Snapshot(Box::new(run.first.clone())));
        let past = Update::History {
            seq: 0,
            history: Box::new(History::new(&run.first)),
            planned: Box::default(),
        };
        feed(&mut live, past);
        let mut whole = History::new(&run.first);
        let mut states = Vec::new();
        let mut state = run.first.clone();
        let mut samples: Vec<Sample> = Vec::new();
        for (n, record) in run.records.iter().enumerate() {
            state.apply(record);
            whole.push(&state, record);
            samples.extend(sample_at(run, &state, n));
            states.push(state.clone());
        }
        let points: Vec<Point> = samples.iter().map(Point::of).collect();
        for (n, record) in run.records.iter().enumerate() {
            let state = &states[n];
            feed(&mut live, Update::Records(vec![record.clone()]));
            live.ui.screen = screen;
            live.ui.popups.clone_from(&popups);
            if screen == Screen::Agent {
                // All agents and all parts of the screen in turn.
                let at = n % state.setup.plan.agents.len();
                let id = state.setup.plan.agents[at].id.clone();
                live.ui.selected = Some(RowId::Agent(id));
                live.ui.on_agent.tab = Tab::ALL[n % 4];
            }
            // The one thing that a recording does not have.
            let result = Err("a recording has no diff".to_owned());
            feed(&mut live, Update::Diff { result });
            // What may not be steered says why: one looks only, the other is a recording.
            let shown = frame(&mut live, size.1 - 1).replace("read-only", "recording");

            // A jump to this record, out of nowhere.
            let mut replay = app((size.0, size.1 + 1));
            let history = Update::History {
                seq: u64::MAX,
                history: Box::new(whole.clone()),
                planned: Box::default(),
            };
            feed(&mut replay, history);
            feed(&mut replay, Update::Trend(points.clone()));
            feed(&mut replay, Update::Snapshot(Box::new(state.clone())));
            feed(&mut replay, Update::Past(run.records[..=n].to_vec()));
            let at_us = state.elapsed_us;
            for sample in samples.iter().filter(|s| s.elapsed_us <= at_us) {
                feed(&mut replay, Update::Sample(Box::new(sample.clone())));
            }
            let clock = Clock {
                at_us,
                end_us: run.now_us,
                seq: record.seq,
                last_seq: run.records.len() as u64,
                playing: false,
                speed_permille: 1000,
            };
            feed(&mut replay, Update::Clock(clock));
            let size = replay.ui.size;
            replay.ui = live.ui.clone();
            replay.ui.size = size;
            let again = frame(&mut replay, size.1 - 2);
            assert_eq!(again, shown, "{screen:?} at record {}", record.seq);
            if let Some(sample) = sample_at(run, state, n) {
                feed(&mut live, Update::Sample(Box::new(sample)));
            }
        }
    }
}

#[test]
fn marks_are_gone_through_from_where_the_key_before_leads() {
    use crate::tui::feed::{Replay, Request};
    let run = fixture::full();
    let mut state = run.first.clone();
    let mut history = History::new(&state);
    for record in &run.records {
        state.apply(record);
        history.push(&state, record);
    }
    let marks: Vec<u64> = history.marks.iter().map(|mark| mark.seq).collect();
    assert!(marks.len() > 3, "{marks:?}");
    let mut app = app((120, 35));
    feed(&mut app, Update::Snapshot(Box::new(run.first.clone())));
    let clock = Clock {
        at_us: 0,
        end_us: run.now_us,
        seq: 0,
        last_seq: run.records.len() as u64,
        playing: false,
        speed_permille: 1000,
    };
    feed(&mut app, Update::Clock(clock));
    let press = |app: &mut App, c: char| {
        use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
        let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        match update(app, AppInput::Terminal(Event::Key(key))).as_slice() {
            [Request::Replay(Replay::Seq(seq))] => Some(*seq),
            _ => None,
        }
    };
    // The past is still being read: the key says so.
    assert_eq!(press(&mut app, '>'), None);
    assert!(app.ui.message.is_some());
    let whole = Update::History {
        seq: u64::MAX,
        history: Box::new(history),
        planned: Box::default(),
    };
    feed(&mut app, whole);
    // Faster than the recording follows.
    assert_eq!(press(&mut app, '>'), Some(marks[0]));
    assert_eq!(press(&mut app, '>'), Some(marks[1]));
    assert_eq!(press(&mut app, '>'), Some(marks[2]));
    assert_eq!(press(&mut app, '<'), Some(marks[1]));
    let seq = marks[0];
    feed(&mut app, Update::Clock(Clock { seq, ..clock }));
    assert_eq!(press(&mut app, '<'), None, "there is none before the first");
}
