//! What DESIGN sets a limit for and one process can measure: plans, schedules, turns, journals,
//! seeking, frames. `cargo bench --bench budgets [FILTER]`; figures are in `docs/benchmarks.md`.
#![allow(clippy::unwrap_used, reason = "a measuring tool may fail loudly")]

mod rig;

use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock},
};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use divan::{Bencher, black_box};
use ratatui::{buffer::Buffer, layout::Rect};
use rig::{GIB, Play, RUN, failing_twice, in_terminals, loaded, record, sample, setup, setup_of};
use wavedeck::{
    engine::{Record, Setup, State},
    graph::Graph,
    journal::{Reader, Seeker, To, fold},
    report::history::History,
    resources::Sample,
    runtime::past::planned,
    schedule::{Analysis, Inputs, capacity_from_plan},
    tui::{
        chart::Chart,
        feed::{Request, Update},
        keymap::Keymap,
        theme::Theme,
        ui_state::{GraphZoom, Grouping, Popup, Queue, Screen},
        update::{App, AppInput, Settings, update},
    },
};

/// Agents of a plan.
const SIZES: [usize; 2] = [1_000, 10_000];

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES)]
fn plan_check(bencher: Bencher<'_, '_>, agents: usize) {
    let text = failing_twice(agents);
    bencher.bench_local(|| loaded(black_box(&text)));
}

#[divan::bench(args = SIZES)]
fn plan_waves(bencher: Bencher<'_, '_>, agents: usize) {
    let plan = loaded(&failing_twice(agents));
    bencher.bench_local(|| Graph::new(black_box(&plan)));
}

/// The whole analysis behind `plan`: the schedule, its bound, the matrix, the three options.
#[divan::bench(args = SIZES, sample_count = 20)]
fn plan_schedule(bencher: Bencher<'_, '_>, agents: usize) {
    let plan = loaded(&failing_twice(agents));
    bencher.bench_local(|| {
        let capacity = capacity_from_plan(&plan, 64 * GIB, 64_000, 16);
        let inputs = Inputs {
            config: String::new(),
            learnt: String::new(),
            effort: 1,
            seed: 1,
        };
        Analysis::new(&plan, capacity, inputs)
    });
}

/// One turn of the engine in the middle of a run: decide, apply, effects.
#[divan::bench(args = SIZES, sample_count = 200, sample_size = 50)]
fn engine_turn(bencher: Bencher<'_, '_>, agents: usize) {
    let setup = setup(agents);
    let (mut play, _) = Play::begun(&setup, RUN);
    bencher.bench_local(|| {
        if play.step().is_none() {
            play = Play::begun(&setup, RUN).0;
        }
    });
}

/// A journal of a whole run with its snapshots, written once for each size.
fn journal(agents: usize) -> &'static (tempfile::TempDir, Arc<Setup>, u64) {
    static MADE: [OnceLock<(tempfile::TempDir, Arc<Setup>, u64)>; 2] =
        [const { OnceLock::new() }; 2];
    MADE[usize::from(agents == SIZES[1])].get_or_init(|| {
        let (dir, setup) = (tempfile::tempdir().unwrap(), setup(agents));
        let events = record(dir.path(), &setup);
        (dir, setup, events)
    })
}

/// The whole journal, read and applied.
#[divan::bench(args = SIZES, sample_count = 20)]
fn journal_fold(bencher: Bencher<'_, '_>, agents: usize) {
    let (dir, setup, events) = journal(agents);
    let bencher = bencher.counter(divan::counter::ItemsCount::new(*events));
    bencher.bench_local(|| fold(setup.clone(), &mut Reader::open(dir.path()).unwrap()).unwrap());
}

/// Any place of it, by the nearest snapshot.
#[divan::bench(args = SIZES, sample_count = 200)]
fn journal_seek(bencher: Bencher<'_, '_>, agents: usize) {
    let (dir, setup, events) = journal(agents);
    let mut seeker = Seeker::open(dir.path(), setup.clone()).unwrap();
    let mut to = 0;
    bencher.bench_local(|| {
        to = (to + 7_919_777) % events;
        seeker.seek(To::Seq(to)).unwrap()
    });
}

/// Agents and a screen; the deck also without its groups, the agent also in a terminal.
const SCREENS: [(usize, &str); 24] = [
    (1_000, "deck"),
    (1_000, "flat deck"),
    (1_000, "agent"),
    (1_000, "terminal"),
    (1_000, "graph"),
    (1_000, "graph names"),
    (1_000, "graph cells"),
    (1_000, "timeline"),
    (1_000, "log"),
    (1_000, "report"),
    (1_000, "queue"),
    (1_000, "card page"),
    (10_000, "deck"),
    (10_000, "flat deck"),
    (10_000, "agent"),
    (10_000, "terminal"),
    (10_000, "graph"),
    (10_000, "graph names"),
    (10_000, "graph cells"),
    (10_000, "timeline"),
    (10_000, "log"),
    (10_000, "report"),
    (10_000, "queue"),
    (10_000, "card page"),
];

/// A dashboard in the middle of a run, 200x60, a reading for it, and how the run goes on.
fn dashboard(agents: usize, screen: &str) -> (App, Sample, Play) {
    let setup = match screen {
        "terminal" => setup_of(&in_terminals(agents)),
        _ => setup(agents),
    };
    let (mut play, first) = Play::begun(&setup, RUN);
    let mut history = History::new(&State::new(setup.clone()));
    let mut records: Vec<Record> = first.records;
    while play
        .state
        .agents
        .iter()
        .filter(|a| a.status.is_final())
        .count()
        < agents / 3
    {
        records.extend(play.step().unwrap().records);
    }
    let mut state = State::new(setup.clone());
    for record in &records {
        state.apply(record);
        history.push(&state, record);
    }
    let settings = Settings {
        theme: Theme::default(),
        keys: Keymap::default(),
        can_act: true,
        zone: jiff::tz::TimeZone::UTC,
    };
    let mut app = App::new(settings, (200, 60), true);
    let reading = sample(&play.state);
    let seq = state.seq;
    let mut feed = |news| update(&mut app, AppInput::Feed(news));
    feed(Update::Snapshot(Box::new(state)));
    feed(Update::Chart(Arc::new(Chart::placed(&setup))));
    let planned = Box::new(planned(&setup));
    let history = Box::new(history);
    feed(Update::History {
        seq,
        history,
        planned,
    });
    app.ui.screen = match screen {
        "agent" | "terminal" => Screen::Agent,
        "graph" | "graph names" | "graph cells" => Screen::Graph,
        "timeline" => Screen::Timeline,
        "log" => Screen::Log,
        "report" => Screen::Report,
        _ => Screen::Deck,
    };
    app.ui.graph_zoom = match screen {
        "graph names" => GraphZoom::Names,
        "graph cells" => GraphZoom::Cells,
        _ => GraphZoom::Times,
    };
    if screen == "flat deck" {
        app.ui.grouping = Grouping::Flat;
    }
    match screen {
        "queue" => app.ui.popups.push(Popup::Queue(Queue::default())),
        "card page" => {
            let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::NONE);
            update(&mut app, AppInput::Terminal(Event::Key(key)));
        }
        _ => {}
    }
    // What the runner would answer, until nothing is asked for any more.
    let again = Update::Snapshot(Box::new(play.state.clone()));
    let mut asked = VecDeque::from(update(&mut app, AppInput::Feed(again)));
    let mut left = 32;
    while let Some(request) = asked.pop_front().filter(|_| left > 0) {
        left -= 1;
        if let Some(answer) = answer(&request, &records) {
            asked.extend(update(&mut app, AppInput::Feed(answer)));
        }
    }
    (app, reading, play)
}

/// A screen of text in colours.
fn printed() -> Vec<u8> {
    let line = |i: usize| format!("\x1b[3{}mline {i:08} the quick brown fox\x1b[0m\r\n", i % 8);
    (0..1000).map(line).collect::<String>().into_bytes()
}

fn answer(request: &Request, records: &[Record]) -> Option<Update> {
    let total = printed().len() as u64;
    Some(match request {
        Request::Log(ask) => {
            let last = records[records.len() - 512..].to_vec();
            Update::Log {
                id: ask.id,
                from: last[0].seq,
                records: last,
            }
        }
        &Request::Terminal { agent, attempt, .. } => Update::Terminal {
            agent,
            attempt,
            cols: 160,
            rows: 50,
            prelude: Vec::new(),
            offset: 0,
            resizes: Vec::new(),
            bytes: printed(),
            total,
        },
        &Request::Output {
            agent,
            attempt,
            offset,
            ..
        } => Update::Output {
            agent,
            attempt,
            offset: offset.unwrap_or(0),
            bytes: printed().split_off(offset.unwrap_or(0) as usize),
            total,
        },
        _ => return None,
    })
}

/// A new reading of memory, a second after the one before, and the frame that shows it.
#[divan::bench(args = SCREENS)]
fn frame(bencher: Bencher<'_, '_>, (agents, screen): (usize, &str)) {
    let (mut app, mut reading, _) = dashboard(agents, screen);
    let mut buf = Buffer::empty(Rect::new(0, 0, 200, 60));
    app.draw(&mut buf);
    bencher.bench_local(|| {
        reading.elapsed_us += 1_000_000;
        reading.at_ms += 1000;
        let news = Box::new(reading.clone());
        update(&mut app, AppInput::Feed(Update::Sample(news)));
        buf.reset();
        app.draw(&mut buf);
    });
}

/// The events of a turn, and the frame that shows them: a busy run has one every 33 ms.
#[divan::bench(args = SCREENS, sample_count = 100, sample_size = 5)]
fn busy_frame(bencher: Bencher<'_, '_>, (agents, screen): (usize, &str)) {
    let (mut app, _, mut play) = dashboard(agents, screen);
    let mut buf = Buffer::empty(Rect::new(0, 0, 200, 60));
    app.draw(&mut buf);
    bencher.bench_local(|| {
        let turn = play.step().unwrap();
        update(&mut app, AppInput::Feed(Update::Records(turn.records)));
        buf.reset();
        app.draw(&mut buf);
    });
}

/// The first frame of a screen: what is kept between frames is made.
#[divan::bench(args = SCREENS, sample_count = 20)]
fn first_frame(bencher: Bencher<'_, '_>, (agents, screen): (usize, &str)) {
    bencher
        .with_inputs(|| dashboard(agents, screen).0)
        .bench_local_values(|mut app| {
            let mut buf = Buffer::empty(Rect::new(0, 0, 200, 60));
            app.draw(&mut buf);
            // Given back: its end is not measured.
            (app, buf)
        });
}
