//! The memory pane: sums to the byte, order, keys, and what it says of waiting.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{
    fixture::{GIB, Run},
    keys::{actions, app, go_to, press},
    queue::paint,
};
use crate::{
    engine::{
        Action, Held, InBand, InputKind, Known, ServedNow, State, Status, Target, Unloading, Zone,
    },
    plan::{AgentId, LoadOptions, ModelIx, Plan, load},
    resources::{Sample, ServerSample},
    tui::{
        chart::Chart,
        feed::{Clock, Update},
        slopes::Slopes,
        ui_state::{Beside, Pane, RamSort, RowId, Screen, UiState},
        update::{App, AppInput, update},
        view::{
            Source,
            ram::{RamPane, Who, order, pane},
        },
    },
};

const MIB: u64 = 1 << 20;

/// Two models on one server of this machine, one on another, one that is not this machine's.
const MODELS: &str = "[model.qwen]\napi = \"ollama\"\nurl = \"http://127.0.0.1:9\"\nram = \"2GiB\"\nslots = 40\n\
    [model.lite]\napi = \"ollama\"\nurl = \"http://127.0.0.1:9\"\nram = \"1GiB\"\nslots = 40\n\
    [model.alone]\napi = \"ollama\"\nurl = \"http://127.0.0.1:10\"\nram = \"1GiB\"\nslots = 40\n\
    [model.far]\napi = \"ollama\"\nurl = \"http://10.1.2.3:9\"\nram = \"1GiB\"\nslots = 40\n\
    [worker.cloud]\nrun = [\"y\"]\n[worker.qwen]\nrun = [\"x\"]\nmodel = \"qwen\"\n\
    [worker.lite]\nrun = [\"x\"]\nmodel = \"lite\"\n[worker.alone]\nrun = [\"x\"]\nmodel = \"alone\"\n\
    [worker.far]\nrun = [\"x\"]\nmodel = \"far\"\n\
    [defaults]\nworkspace = \"shared\"\nprompt = \"x\"\nram = \"600MiB\"\nduration = \"10m\"\n";

const WORKERS: [&str; 5] = ["cloud", "qwen", "lite", "alone", "far"];

/// One agent for each worker that is named by its number, `a00` and on.
fn plan(workers: &[usize]) -> Plan {
    let mut text = MODELS.to_owned();
    for (n, worker) in workers.iter().enumerate() {
        let worker = WORKERS[*worker];
        let _ = writeln!(text, "[[agent]]\nid = \"a{n:02}\"\nworker = \"{worker}\"");
    }
    load(&text, &LoadOptions::default(), &mut |_| Err(String::new()))
        .unwrap_or_else(|e| panic!("{e:?}"))
        .plan
}

/// All of them run, their models are loaded.
fn serving(workers: &[usize]) -> Run {
    let mut run = Run::new(plan(workers), 40, 56 * GIB);
    run.wait(30);
    for model in 0..4 {
        let held = Held {
            bytes: 3 * GIB,
            by: Known::Measured,
            unloading: Unloading::Request,
            base_bytes: None,
            slot_bytes: None,
        };
        run.input(InputKind::Served {
            model: ModelIx(model),
            now: ServedNow::Loaded(held),
        });
    }
    run
}

/// What each server holds: that of `qwen` and `lite`, that of `alone`, another machine's. Models are in the order of
/// their names.
fn servers([both, alone, far]: [u64; 3], told: bool) -> Vec<ServerSample> {
    let rows = [(0, 0, alone), (1, 1, far), (2, 2, both), (3, 2, both)];
    let rows = rows.map(|(model, server, bytes)| ServerSample {
        model,
        server,
        loaded: true,
        resident_bytes: (!told && model != 1).then_some(bytes),
        told_bytes: (told || model == 1).then_some(bytes),
        ..ServerSample::default()
    });
    rows.into()
}

/// The pane of a reading, as high as all of it.
fn project(state: &State, sample: &Sample, ui: &UiState, height: usize) -> RamPane {
    with(state, sample, None, |source| {
        pane(source, ui, height, 60_000_000)
    })
}

fn with<T>(
    state: &State,
    sample: &Sample,
    slopes: Option<&Slopes>,
    look: impl FnOnce(Source<'_>) -> T,
) -> T {
    let figures = sample.figures(state);
    let chart = Chart::new(&state.setup);
    look(Source {
        state,
        sample: Some(sample),
        figures: &figures,
        forecast: None,
        chart: &chart,
        notes: &std::collections::VecDeque::new(),
        output: None,
        evidence: None,
        beside: crate::tui::view::Beside::default(),
        lost: None,
        history: None,
        planned: None,
        slopes,
        trend: &crate::resources::Trend::default(),
        log: None,
        report: None,
        status: None,
        clock: None,
        zone: &jiff::tz::TimeZone::UTC,
    })
}

fn bytes(figure: Option<crate::tui::view::ram::Figure>) -> u64 {
    figure.map_or(0, |figure| figure.bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// `Σ attributed = Σ own + Σ used servers`, and a server that nobody uses is in none of them.
    #[test]
    fn shares_of_servers_add_up_to_the_byte(
        workers in proptest::collection::vec(0_usize..5, 1..12),
        held in [0_u64..1 << 40, 0_u64..1 << 40, 0_u64..1 << 40],
        told in any::<bool>(),
    ) {
        let run = serving(&workers);
        let mut sample = run.sample();
        sample.servers = servers(held, told);
        let pane = project(&run.state, &sample, &UiState::default(), 60);
        let agents = || pane.rows.iter().filter(|row| matches!(row.who, Who::Agent(_)));
        prop_assert_eq!(agents().count(), workers.len());
        let (own, attributed): (u64, u64) = agents()
            .map(|row| (bytes(row.own), bytes(row.attributed)))
            .fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
        let uses = |of: &[usize]| workers.iter().any(|worker| of.contains(worker));
        // What both say of one server is told of each of its models.
        let first = if told { 2 * held[0] } else { held[0] };
        let used = if uses(&[1, 2]) { first } else { 0 } + if uses(&[3]) { held[1] } else { 0 };
        prop_assert_eq!(attributed, own + used);
        let sum = &pane.sums[0];
        prop_assert_eq!((bytes(sum.own), bytes(sum.attributed)), (own, attributed));
        // What has no user stands on its own row, and nowhere else.
        let rows = pane.rows.iter().filter(|row| row.who == Who::Server);
        let alone: u64 = rows.clone().map(|row| bytes(row.attributed)).sum();
        let all: u64 = rows.map(|row| bytes(row.own)).sum();
        prop_assert_eq!(all, first + held[1], "that of another machine counts nowhere");
        prop_assert_eq!(alone, all - used);
    }

    /// A window shows what all rows in their order would show there.
    #[test]
    fn a_window_is_a_part_of_the_whole(
        workers in proptest::collection::vec(0_usize..5, 1..30),
        resident in proptest::collection::vec(0_u64..6, 30),
        height in 1_usize..20,
        chosen in 0_usize..30,
        first in 0_usize..40,
    ) {
        let run = serving(&workers);
        let mut sample = run.sample();
        sample.servers = servers([GIB; 3], false);
        for (agent, resident) in sample.agents.iter_mut().zip(&resident) {
            // Many are equal: then the plan's order counts.
            (agent.resident_bytes, agent.peak_bytes) = (resident * MIB, 7 * MIB);
            agent.growth_bytes_per_min = (resident % 2 == 0).then_some((resident.cast_signed() - 3) * 5);
        }
        let id = format!("a{:02}", chosen % workers.len());
        for sort in [RamSort::Own, RamSort::Attributed, RamSort::Trend, RamSort::Peak, RamSort::Plan] {
            let mut ui = UiState::default();
            ui.ram.sort = sort;
            let whole = project(&run.state, &sample, &ui, 99);
            let in_order: Vec<_> = with(&run.state, &sample, None, |source| order(source, sort));
            let agents = whole.rows.iter().filter_map(|row| match row.who {
                Who::Agent(ix) => Some(ix),
                _ => None,
            });
            prop_assert_eq!(agents.collect::<Vec<_>>(), in_order);
            ui.ram.first = first;
            ui.selected = Some(RowId::Agent(id.as_str().into()));
            let part = project(&run.state, &sample, &ui, height);
            let seen = &whole.rows[part.first..part.first + part.rows.len()];
            prop_assert_eq!(part.rows.as_slice(), seen);
            let fixed = part.sums.len() + part.lines.len();
            prop_assert!(fixed + part.rows.len() <= height);
            if height > fixed {
                let at = part.selected.expect("the selected one is seen");
                prop_assert_eq!(&part.rows[at].name, &id);
            }
        }
    }
}

fn show(app: &mut App, sample: Sample) {
    update(app, AppInput::Feed(Update::Sample(Box::new(sample))));
}

#[test]
fn servers_strays_and_other_runs_have_rows() {
    let run = serving(&[1, 1, 2, 0, 4]);
    let mut sample = run.sample();
    sample.servers = servers([20 * GIB, 3 * GIB, GIB], false);
    sample.figures.servers_bytes = 23 * GIB;
    sample.figures.others_bytes = 2 * GIB;
    sample.machine.strays.count = 2;
    sample.machine.strays.bytes = GIB;
    sample.agents[1].pss_bytes = None;
    let mut app = app(&run, (160, 50));
    show(&mut app, sample);
    press(&mut app, "%");
    let text = paint(&mut app);
    for words in [
        "model · 1 agent uses it",
        "model of the server above · 2 agents use it",
        "nobody uses it",
        "U unloads it",
        "model on another machine",
        "2 agent programs that no run started",
        "reserved by other runs, not used yet",
        "all else of the machine; wavedeck itself 24M",
        "if parked, nothing if frozen; qwen (3 GiB) stays for 1 more",
        "if parked, nothing if frozen; then U unloads lite (3 GiB)",
        "5 agents",
        "machine",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn what_was_not_measured_yet_counts_in_the_sums_and_bounds_are_marked() {
    let run = serving(&[1, 1, 0]);
    let mut sample = run.sample();
    sample.servers = servers([20 * GIB, 0, 0], false);
    sample.figures.servers_bytes = 20 * GIB;
    // It is being started.
    sample.agents.retain(|agent| agent.agent != 1);
    // An upper bound: so is its peak, and what is left for all others is less than that.
    sample.agents[0].pss_bytes = None;
    sample.agents[0].processes = 3;
    let pane = project(&run.state, &sample, &UiState::default(), 60);
    let rows = || pane.rows.iter();
    let agents = || rows().filter(|row| matches!(row.who, Who::Agent(_)));
    let sum = &pane.sums[0];
    assert_eq!(sum.name, "3 agents");
    let reserved: u64 = agents().map(|row| bytes(row.reserved)).sum();
    assert_eq!((bytes(sum.reserved), reserved), (1800 * MIB, 1800 * MIB));
    let own: u64 = agents().map(|row| bytes(row.own)).sum();
    let attributed: u64 = agents().map(|row| bytes(row.attributed)).sum();
    assert_eq!(attributed, own + 20 * GIB);
    assert_eq!(bytes(sum.attributed), attributed);
    let row = |name: &str| rows().find(|row| row.name == name).unwrap();
    assert!(row("a00").peak.unwrap().about && !row("a02").peak.unwrap().about);
    assert!(row("a01").attributed.unwrap().about);
    assert!(row("others").own.unwrap().about);
}

/// What was measured over half a minute, and what waits.
#[test]
fn the_pane_is_drawn_with_servers_at_several_widths() {
    let mut run = serving(&[1, 1, 2, 0, 4, 1]);
    run.act(Action::Pin {
        agent: "a02".into(),
        on: true,
    });
    for (id, freeze) in [("a03", true), ("a04", false)] {
        let target = Target::Agent(id.into());
        run.act(if freeze {
            Action::Pause { target }
        } else {
            Action::Park { target }
        });
    }
    let mut out = String::new();
    for size in [(200, 45), (120, 35), (80, 24), (60, 24), (45, 20)] {
        let mut run = run.clone();
        let mut app = app(&run, size);
        for step in 0..20 {
            run.now_us += 2_000_000;
            let mut sample = run.sample();
            sample.servers = servers([20 * GIB, 3 * GIB, GIB], false);
            sample.servers[0].error = Some("no answer in 3 s".to_owned());
            sample.figures.servers_bytes = 23 * GIB;
            for (agent, grows) in sample.agents.iter_mut().zip([0, 9, 130, 40]) {
                agent.resident_bytes += step * grows * MIB;
                agent.peak_bytes = agent.resident_bytes;
            }
            let agents = sample.agents.iter().map(|one| one.resident_bytes);
            sample.figures.agents_bytes = agents.sum();
            show(&mut app, sample);
        }
        press(&mut app, "%");
        app.ui.message = None;
        let _ = writeln!(out, "{0:=<1$}", format!("{}x{} ", size.0, size.1), 45);
        let text = paint(&mut app);
        let from = text.lines().position(|line| line.contains("── MEMORY"));
        let rows = text.lines().skip(from.unwrap()).map(str::trim_end);
        out.push_str(&rows.collect::<Vec<_>>().join("\n"));
        out.push('\n');
    }
    insta::assert_snapshot!("ram_servers", out);
}

#[test]
fn the_pane_comes_and_goes_and_s_sorts_it() {
    let run = super::fixture::full();
    let mut app = app(&run, (120, 40));
    press(&mut app, "b");
    assert_eq!(app.ui.beside, Beside::Lately);
    press(&mut app, "3%");
    assert_eq!((app.ui.screen, app.ui.focus), (Screen::Deck, Pane::Output));
    assert!(paint(&mut app).contains("MEMORY"));
    let table = app.ui.sort;
    for sort in ["attributed", "trend", "peak", "plan", "own"] {
        press(&mut app, "s");
        app.ui.message = None;
        let text = paint(&mut app);
        assert!(text.contains(&format!("sort: {sort}")), "{text}");
    }
    assert_eq!(app.ui.sort, table, "the table has its own order");
    // Rows are those of the table.
    let first = app.view().ram.unwrap().rows[0].name.clone();
    press(&mut app, "g");
    assert_eq!(app.ui.agent().map(AgentId::as_str), Some(first.as_str()));
    press(&mut app, "j");
    let second = app.view().ram.unwrap().rows[1].name.clone();
    assert_eq!(app.ui.agent().map(AgentId::as_str), Some(second.as_str()));
    press(&mut app, "\u{1b}s");
    assert_ne!(app.ui.sort, table, "the arrow keys are in the table again");
    press(&mut app, "%");
    assert_eq!(app.ui.beside, Beside::Lately, "what was there before");
    press(&mut app, "bbb");
    assert_eq!(app.ui.beside, Beside::Lately);
}

fn message(app: &App) -> &str {
    app.ui.message.as_ref().map_or("", |message| &message.1)
}

#[test]
fn a_freeze_says_before_that_it_frees_nothing() {
    let run = super::fixture::full();
    let mut app = app(&run, (120, 40));
    go_to(&mut app, "api");
    let asked = actions(press(&mut app, "p"));
    let target = Target::Agent("api".into());
    assert_eq!(asked, [Action::Pause { target }]);
    let says = message(&app);
    let sample = run.sample();
    let ix = run.state.find(&"api".into());
    let reading = sample.agents.iter().find(|one| Some(one.ix()) == ix);
    let held = crate::engine::size_free(reading.unwrap().resident_bytes);
    let frees = format!("frees nothing of {held} now; parking would");
    assert!(says.starts_with(&format!("freeze api: {frees}")), "{says}");
    update(
        &mut app,
        AppInput::Feed(Update::Ack {
            id: 1,
            result: Ok(()),
        }),
    );
    assert_eq!(message(&app), format!("freeze api: done, {frees}"));
}

#[test]
fn what_is_frozen_for_two_minutes_is_offered_to_be_parked() {
    let mut run = super::fixture::full();
    let ix = run.state.find(&"webhooks".into()).unwrap();
    assert_eq!(run.state.agent(ix).status, Status::Frozen);
    let target = || Target::Agent("webhooks".into());
    let frozen = run.now_us - run.state.agent(ix).since_us;
    let keys = |run: &Run, keys: &str| {
        let mut app = app(run, (120, 40));
        go_to(&mut app, "webhooks");
        let asked = actions(press(&mut app, keys));
        (app, asked)
    };
    run.now_us += 119_999_999 - frozen;
    let (app, asked) = keys(&run, "p");
    assert_eq!(
        (asked, app.ui.popups.len()),
        (vec![Action::Resume { target: target() }], 0)
    );
    run.now_us += 1;
    for no in ["p\n", "pn", "p\u{1b}"] {
        let (app, asked) = keys(&run, no);
        assert_eq!(
            (asked, app.ui.popups.len()),
            (vec![], 0),
            "{no:?}: the harmless answer"
        );
    }
    let (_, asked) = keys(&run, "pp");
    assert_eq!(asked, [Action::Resume { target: target() }]);
    let (_, asked) = keys(&run, "pk");
    assert_eq!(asked, [Action::Park { target: target() }]);
    let (mut app, _) = keys(&run, "p");
    let text = paint(&mut app);
    let sample = run.sample();
    let reading = sample.agents.iter().find(|one| one.ix() == ix);
    let held = crate::engine::size_free(reading.unwrap().resident_bytes);
    for words in [
        "webhooks has been frozen for 2m",
        &format!("frees {held}"),
        "the workspace is kept",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    // The whole track: the one that stands still is offered, the others are let go with it.
    let (_, asked) = keys(&run, "Pk");
    assert_eq!(asked, [Action::Park { target: target() }]);
}

#[test]
fn a_pin_is_set_and_taken_back_and_seen() {
    let mut run = super::fixture::full();
    let mut before = app(&run, (120, 40));
    go_to(&mut before, "api");
    let pin = |on| Action::Pin {
        agent: "api".into(),
        on,
    };
    assert_eq!(actions(press(&mut before, "=")), [pin(true)]);
    run.act(pin(true));
    let mut after = app(&run, (240, 60));
    go_to(&mut after, "api");
    let text = paint(&mut after);
    let row = text.lines().find(|line| line.contains("⊥api "));
    assert!(row.is_some() && text.contains("= unpin"), "{text}");
    assert_eq!(actions(press(&mut after, "=")), [pin(false)]);
    // Of several that are marked those that are not pinned yet.
    press(&mut after, " ");
    go_to(&mut after, "importer");
    press(&mut after, " ");
    let other = Action::Pin {
        agent: "importer".into(),
        on: true,
    };
    assert_eq!(actions(press(&mut after, "=")), [other]);
    press(&mut after, "\u{1b}%");
    go_to(&mut after, "api");
    assert!(paint(&mut after).contains("pinned, never parked for memory"));
}

#[test]
fn nothing_is_done_from_the_pane_of_a_recording() {
    let run = super::fixture::full();
    let mut app = app(&run, (120, 40));
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
    press(&mut app, "%");
    assert!(paint(&mut app).contains("MEMORY"));
    go_to(&mut app, "api");
    for key in ["p", "=", "P"] {
        assert_eq!(actions(press(&mut app, key)), [], "{key}");
        assert!(message(&app).contains("recording"), "{key}");
    }
}

#[test]
fn who_goes_next_is_told_from_orange_on() {
    let mut run = super::fixture::full();
    let next = "next to park: ";
    let mut calm = app(&run, (160, 50));
    press(&mut calm, "%");
    assert!(!paint(&mut calm).contains(next));
    for (zone, band) in [
        (Zone::Orange, InBand::Within),
        (Zone::Yellow, InBand::Above),
    ] {
        run.input(InputKind::Zone {
            zone,
            halted: false,
            band,
            step: 0,
        });
        let mut app = app(&run, (160, 50));
        press(&mut app, "%");
        let text = paint(&mut app);
        // What is frozen holds memory for nothing.
        let line = format!("{next}A/webhooks, frees ");
        assert_eq!(text.matches(&line).count(), 2, "bar and pane\n{text}");
        // Nobody who is pinned.
        let mut pinned = run.clone();
        pinned.act(Action::Pin {
            agent: "webhooks".into(),
            on: true,
        });
        let mut app = super::keys::app(&pinned, (160, 50));
        press(&mut app, "%");
        let text = paint(&mut app);
        assert!(text.contains(next) && !text.contains(&line), "{text}");
    }
}

#[test]
fn who_waits_for_memory_is_told_whose_end_frees_it() {
    let mut text = "[defaults]\nworkspace = \"shared\"\nrun = [\"x\"]\n".to_owned();
    for (id, mib, minutes) in [
        ("one", 400, 8),
        ("two", 500, 5),
        ("three", 900, 20),
        ("small", 450, 9),
        ("large", 1200, 9),
    ] {
        let _ = writeln!(
            text,
            "[[agent]]\nid = \"{id}\"\nram = \"{mib}MiB\"\nduration = \"{minutes}m\""
        );
    }
    let plan = load(&text, &LoadOptions::default(), &mut |_| Err(String::new()));
    let mut run = Run::new(plan.unwrap().plan, 9, 1900 * MIB);
    run.wait(60);
    let ready = |run: &Run, id: &str| {
        let ix = run.state.find(&id.into()).unwrap();
        run.state.agent(ix).status == Status::Ready
    };
    assert!(ready(&run, "small") && ready(&run, "large"));
    let mut app = app(&run, (160, 40));
    let text = paint(&mut app);
    for words in [
        // 100 MiB are not reserved, 36 are used beyond reservations.
        "needs 450 MiB, 64 MiB to give; two (500 MiB) ends in ~4m",
        // 500 and 400 are not enough; beside what `three` holds one of them is.
        "needs 1.2 GiB, 64 MiB to give; one, three (1.3 GiB) end in ~19m",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    // The longest takes 19 min; all of it, on what memory there is, more.
    let left = app.view().header.left_us.unwrap();
    assert!((1_150_000_000..1_200_000_000).contains(&left), "{left}");
    press(&mut app, "%");
    assert!(paint(&mut app).contains("next in line: "));
    // Beyond its time nothing is promised.
    run.wait(5 * 60);
    let mut later = super::keys::app(&run, (160, 40));
    let text = paint(&mut later);
    let words = "needs 450 MiB, 64 MiB to give; one (400 MiB) ends in ~2m";
    assert!(text.contains(words), "{text}");
}

/// Prints how long a frame with the pane takes when all agents have a process.
#[test]
#[ignore = "a measurement; run it in release"]
fn pane_time() {
    for agents in [1_000_u64, 10_000] {
        let mut plan = crate::graph::random::empty();
        let one = |n| crate::graph::random::agent(&format!("a{n}"), 600, 100);
        plan.agents = (0..agents).map(one).collect();
        let mut run = Run::new(plan, 20_000, 4096 * GIB);
        run.wait(1);
        for sort in [RamSort::Own, RamSort::Trend, RamSort::Plan] {
            let mut app = app(&run, (200, 60));
            let chart = Chart::placed(&run.state.setup);
            update(&mut app, AppInput::Feed(Update::Chart(chart.into())));
            let area = ratatui::layout::Rect::new(0, 0, 200, 60);
            let mut buf = ratatui::buffer::Buffer::empty(area);
            let mut time = |app: &mut App| {
                let mut times: Vec<_> = (0..50)
                    .map(|_| {
                        run.now_us += 1_000_000;
                        show(app, run.sample());
                        let start = std::time::Instant::now();
                        buf.reset();
                        app.draw(&mut buf);
                        start.elapsed()
                    })
                    .collect();
                times.sort();
                times[25]
            };
            let before = time(&mut app);
            app.ui.ram.sort = sort;
            press(&mut app, "%");
            let after = time(&mut app);
            println!(
                "{agents} agents: deck {before:?}, with the pane by {} {after:?}",
                sort.name()
            );
        }
    }
}
