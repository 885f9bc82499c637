//! What DESIGN sets a limit for and one process can measure: plans, schedules, turns, journals,
//! seeking, frames. `cargo bench --bench budgets [FILTER]`; figures are in `docs/benchmarks.md`.
#![allow(clippy::unwrap_used, reason = "a measuring tool may fail loudly")]

mod rig;

use std::{sync::Arc, sync::OnceLock};

use divan::{Bencher, black_box};
use ratatui::{buffer::Buffer, layout::Rect};
use rig::{GIB, Play, RUN, failing_twice, loaded, record, sample, setup};
use wavedeck::{
    engine::{Setup, State},
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
        ui_state::{Grouping, Screen},
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

/// Agents and a screen; the deck also without its groups.
const SCREENS: [(usize, &str); 12] = [
    (1_000, "deck"),
    (1_000, "flat deck"),
    (1_000, "graph"),
    (1_000, "timeline"),
    (1_000, "log"),
    (1_000, "report"),
    (10_000, "deck"),
    (10_000, "flat deck"),
    (10_000, "graph"),
    (10_000, "timeline"),
    (10_000, "log"),
    (10_000, "report"),
];

/// A dashboard in the middle of a run, 200x60, and a reading for it.
fn dashboard(agents: usize, screen: &str) -> (App, Sample) {
    let setup = setup(agents);
    let (mut play, first) = Play::begun(&setup, RUN);
    let mut history = History::new(&State::new(setup.clone()));
    let mut records = first.records;
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
        "graph" => Screen::Graph,
        "timeline" => Screen::Timeline,
        "log" => Screen::Log,
        "report" => Screen::Report,
        _ => Screen::Deck,
    };
    if screen == "flat deck" {
        app.ui.grouping = Grouping::Flat;
    }
    if screen == "log" {
        // What the runner would answer.
        let asked = update(
            &mut app,
            AppInput::Feed(Update::Snapshot(Box::new(play.state))),
        );
        let Some(Request::Log(ask)) = asked.first() else {
            unreachable!("the log asks for its records")
        };
        let last = records.split_off(records.len() - 512);
        let answer = Update::Log {
            id: ask.id,
            from: last[0].seq,
            records: last,
        };
        update(&mut app, AppInput::Feed(answer));
    }
    (app, reading)
}

/// A new reading of memory, a second after the one before, and the frame that shows it.
#[divan::bench(args = SCREENS)]
fn frame(bencher: Bencher<'_, '_>, (agents, screen): (usize, &str)) {
    let (mut app, mut reading) = dashboard(agents, screen);
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
