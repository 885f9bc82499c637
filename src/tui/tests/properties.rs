//! Whatever the state and the size, drawing never panics; and how long a frame takes.

use std::time::Instant;

use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    fixture::{GIB, Run, ended},
    keys::{app, key},
    screens,
};
use crate::{
    engine::{Action, Exit, InputKind, JobKey, JobState, Owner, Status, Target, Zone},
    graph::random::{Rng, layered, plan},
    plan::Mode,
    tui::{
        chart::Chart,
        feed::Update,
        theme::{Depth, Theme},
        ui_state::{Beside, GraphZoom, Grouping, Screen, Sort, UiState},
        update::{AppInput, update},
    },
};

/// Drives a random plan by random events for so many steps.
fn random_run(seed: u64, steps: u64) -> Run {
    let mut rng = Rng(seed);
    let plan = plan(seed);
    let mut run = Run::new(plan, 1 + rng.below(6) as u32, 4 * GIB);
    for _ in 0..steps {
        if run.state.finished.is_some() {
            break;
        }
        run.wait(rng.below(90));
        let n = run.state.agents.len() as u64;
        let ix = crate::plan::AgentIx(rng.below(n) as u32);
        let id = run.state.id(ix).to_string();
        match rng.below(14) {
            0 => run.act(Action::Pause {
                target: Target::Agent(id),
            }),
            1 => run.act(Action::Resume {
                target: Target::Agent(id),
            }),
            2 => run.act(Action::Retry {
                target: Target::Agent(id),
            }),
            3 => run.act(Action::Swap {
                agent: id,
                worker: None,
            }),
            4 => run.act(Action::Stop {
                target: Some(Target::Agent(id)),
            }),
            5 => run.act(Action::Sequential {
                now: rng.chance(50),
            }),
            6 => run.act(Action::Mode { mode: Mode::Hybrid }),
            7 => {
                let zone =
                    [Zone::Green, Zone::Yellow, Zone::Orange, Zone::Red][rng.below(4) as usize];
                run.pressure = 300 + rng.below(690) as u32;
                run.input(InputKind::Zone {
                    zone,
                    halted: run.pressure >= 950,
                    band: crate::engine::InBand::Below,
                    step: 0,
                });
            }
            8 => run.input(InputKind::Journal {
                error: rng.chance(30).then(|| "disk \u{1b}[31mfull".to_owned()),
            }),
            _ => {
                let live: Vec<_> = run
                    .state
                    .setup
                    .plan
                    .indices()
                    .filter(|&ix| run.state.agent(ix).status == Status::Running)
                    .collect();
                let checks: Vec<JobKey> = run
                    .state
                    .setup
                    .plan
                    .indices()
                    .filter_map(|ix| {
                        let check = run.state.agent(ix).check.as_ref()?;
                        matches!(check.job, JobState::Running(_)).then_some(JobKey {
                            owner: Owner::Agent(ix),
                            attempt: check.attempt,
                            check: Some(check.step),
                            round: check.round,
                        })
                    })
                    .collect();
                let code = i32::from(rng.chance(30));
                if let Some(key) = checks.first() {
                    run.input(ended(*key, Exit::Code(code)));
                } else if !live.is_empty() {
                    let ix = live[rng.below(live.len() as u64) as usize];
                    let key = JobKey::main(ix, run.state.agent(ix).attempt);
                    run.input(ended(key, Exit::Code(code)));
                }
            }
        }
    }
    run
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn drawing_never_panics(seed in any::<u64>(), steps in 0_u64..60, w in 0_u16..=250, h in 0_u16..=70, pick in any::<u64>()) {
        let run = random_run(seed, steps);
        let mut app = app(&run, (w, h));
        let mut rng = Rng(pick);
        app.ui.grouping = [Grouping::Track, Grouping::Phase, Grouping::Wave, Grouping::Flat][rng.below(4) as usize];
        app.ui.sort = [Sort::Attention, Sort::Plan, Sort::Age, Sort::Memory, Sort::Name][rng.below(5) as usize];
        let codes = ['j', 'k', 'g', 'G', 'h', 'l', ' ', 's', 't', 'w', 'z', '/', 'a', '\n', '?', 'x', 'y', 'n', 'S', 'm', 'Q', 'p', 'P', 'r', '\t', '\u{1b}', 'M', '1', '2', 'v', 'W', 'J', 'K', 'N', 'a', 'c', 'b', 'T', '!', '9', '3', '5', '6', ':', 'Z', '-', '_', 'f', '{', '}', '(', ')', '0', '%', '%', '='];
        let clicks = [MouseEventKind::Down(MouseButton::Left), MouseEventKind::Drag(MouseButton::Left), MouseEventKind::Up(MouseButton::Left), MouseEventKind::ScrollUp, MouseEventKind::ScrollDown];
        for _ in 0..30 {
            let code = match codes[rng.below(codes.len() as u64) as usize] {
                '\n' => KeyCode::Enter,
                '\t' => KeyCode::Tab,
                '\u{1b}' => KeyCode::Esc,
                c => KeyCode::Char(c),
            };
            update(&mut app, key(code));
            for _ in 0..3 {
                let mouse = MouseEvent {
                    kind: clicks[rng.below(5) as usize],
                    column: rng.below(u64::from(app.ui.size.0) + 2) as u16,
                    row: rng.below(u64::from(app.ui.size.1) + 2) as u16,
                    modifiers: KeyModifiers::NONE,
                };
                update(&mut app, AppInput::Terminal(Event::Mouse(mouse)));
            }
            let (w, h) = if rng.chance(20) { (rng.below(251) as u16, rng.below(71) as u16) } else { app.ui.size };
            update(&mut app, AppInput::Terminal(Event::Resize(w, h)));
            let ascii = rng.chance(30);
            app.settings.theme = Theme::new("dark", None, if ascii { Depth::None } else { Depth::True }, ascii).unwrap();
            let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
            app.draw(&mut buf);
            // Nothing hostile is ever in a cell.
            prop_assert!(buf.content.iter().all(|c| !c.symbol().chars().any(char::is_control)));
            let screen = screens::text(&buf);
            let bidi = screen.contains('\u{202e}');
            prop_assert!(!bidi);
        }
        prop_assert_eq!(app.state.as_deref(), Some(&run.state));
    }
}

#[test]
fn every_size_is_drawn() {
    let run = super::fixture::full();
    let mut app = app(&run, (80, 24));
    for (screen, beside) in [
        (Screen::Deck, Beside::Cards),
        (Screen::Deck, Beside::Memory),
        (Screen::Agent, Beside::Cards),
        (Screen::Graph, Beside::Cards),
    ] {
        app.ui.screen = screen;
        app.ui.beside = beside;
        for w in (0..=250).step_by(7).chain([39, 40, 79, 80, 179, 180]) {
            for h in 0..=70 {
                app.ui.size = (w, h);
                let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
                app.draw(&mut buf);
            }
        }
    }
}

/// Prints how long a frame takes; the budget is 2 ms for 1,000 agents and 3 ms for 10,000.
#[test]
#[ignore = "a measurement; run it in release"]
fn frame_time() {
    for (agents, width) in [(1_000, 50), (10_000, 200)] {
        let mut plan = layered(agents, width, 3, 7);
        for (i, a) in plan.agents.iter_mut().enumerate() {
            a.track = Some(crate::plan::TrackIx((i % 8) as u32));
            a.title = format!("Package {i}");
        }
        plan.tracks = (0..8)
            .map(|i| crate::graph::random::track(&format!("t{i}"), crate::plan::Priority::Normal))
            .collect();
        let mut run = Run::new(plan, 60, 4096 * GIB);
        for i in 0..agents / 3 {
            run.wait(1);
            let live = run
                .state
                .setup
                .plan
                .indices()
                .find(|&ix| run.state.agent(ix).status == Status::Running);
            let Some(ix) = live else { break };
            let key = JobKey::main(ix, run.state.agent(ix).attempt);
            run.input(ended(key, Exit::Code(i32::from(i % 50 == 49))));
        }
        for (name, screen, sort, grouping) in [
            ("deck", Screen::Deck, Sort::Attention, Grouping::Track),
            ("deck by wave", Screen::Deck, Sort::Plan, Grouping::Wave),
            ("deck by memory", Screen::Deck, Sort::Memory, Grouping::Flat),
            ("graph", Screen::Graph, Sort::Attention, Grouping::Track),
            ("cells", Screen::Graph, Sort::Attention, Grouping::Track),
        ] {
            let mut app = app(&run, (200, 60));
            app.ui = UiState {
                screen,
                sort,
                grouping,
                size: (200, 60),
                graph_zoom: if name == "cells" {
                    GraphZoom::Cells
                } else {
                    GraphZoom::default()
                },
                selected: app.ui.selected.clone(),
                ..UiState::default()
            };
            let chart = Chart::placed(&run.state.setup);
            update(&mut app, AppInput::Feed(Update::Chart(chart.into())));
            let start = Instant::now();
            let _ = app.view();
            let first = start.elapsed();
            let mut buf = Buffer::empty(Rect::new(0, 0, 200, 60));
            let mut times: Vec<_> = (0..50)
                .map(|_| {
                    update(
                        &mut app,
                        AppInput::Feed(Update::Sample(Box::new(run.sample()))),
                    );
                    let start = Instant::now();
                    buf.reset();
                    app.draw(&mut buf);
                    start.elapsed()
                })
                .collect();
            times.sort();
            println!(
                "{agents} agents, {name}: median {:?}, worst {:?}, first {first:?}",
                times[25], times[49]
            );
        }
    }
}
