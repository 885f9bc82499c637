//! Tests of the report of a run.

use super::*;
use crate::report::history::History;
use crate::{
    graph::random::{SECOND, agent, empty, gate, hard},
    tui::tests::{
        fixture::{GIB, Run},
        watch,
    },
};

fn report_at(run: &Run, now_us: u64) -> RunReport {
    let mut state = run.first.clone();
    let mut history = History::new(&state);
    for record in &run.records {
        state.apply(record);
        history.push(&state, record);
    }
    history.now_us = now_us;
    RunReport::new(&state, history.whole(), &[], Some(SECOND))
}

/// `a` and `c` without needs, `b` after `a`, `d` after both.
fn four() -> Run {
    let mut plan = empty();
    for id in ["a", "b", "c", "d"] {
        plan.agents.push(agent(id, 10, 100));
    }
    plan.agents[1].needs = vec![hard(0)];
    plan.agents[3].needs = vec![hard(1), hard(2)];
    Run::new(plan, 4, 8 * GIB)
}

#[test]
fn a_run_that_lasts_is_told_as_of_now() {
    let mut run = four();
    run.wait(10);
    run.done("a");
    // No record after this one; half a minute later:
    let report = report_at(&run, 40 * SECOND);
    let m = &report.metrics;
    assert_eq!(m.total_duration_ms, 40_000);
    assert_eq!(m.parallel_duration_ms, 40_000);
    assert_eq!(m.sequential_duration_ms, 80_000);
    let ran: Vec<u64> = report.agents.iter().map(|a| a.ran_ms).collect();
    assert_eq!(ran, [10_000, 30_000, 40_000, 0]);
    assert!(report.bottlenecks.is_empty(), "{:?}", report.bottlenecks);
    assert!(report.realised_path.is_empty());
    let judged = |t: &&Target| !matches!(t.verdict, Verdict::SoFar | Verdict::Unknown(_));
    assert_eq!(report.targets.iter().find(judged), None);
    // `d` waits for one that has not ended, whichever ended last.
    run.done("b");
    let report = report_at(&run, 40 * SECOND);
    let wait = report.waits.iter().find(|w| w.agent == "d").unwrap();
    assert_eq!((wait.whom.as_deref(), wait.ms), (Some("c"), 40_000));
}

#[test]
fn the_end_hung_on_the_chain_that_ended_last() {
    let mut run = four();
    run.wait(10);
    run.done("a");
    run.done("c");
    run.wait(5);
    run.done("b");
    run.wait(5);
    run.done("d");
    assert_eq!(run.state.finished, Some(0));
    let report = report_at(&run, 99 * SECOND);
    assert_eq!(report.realised_path, ["a", "b", "d"]);
    assert_eq!(report.metrics.total_duration_ms, 20_000, "it has ended");
    assert!(report.targets.iter().any(|t| t.verdict == Verdict::Met));
}

#[test]
fn behind_a_barrier_a_phase_is_waited_for_and_a_person_once_its_gate_is_red() {
    let run = watch::red();
    let report = report_at(&run, run.now_us);
    let ready = |w: &&Wait| {
        let ix = run.state.find(&w.agent.as_str().into()).unwrap();
        run.state.agent(ix).status == Status::Ready
    };
    let waits: Vec<_> = report
        .waits
        .iter()
        .filter(ready)
        .map(|w| (w.what, w.whom.as_deref(), w.ms))
        .collect();
    assert_eq!(
        waits,
        [
            (WaitFor::Person, None, 90_000),
            (WaitFor::Person, None, 90_000),
            (WaitFor::Phase, Some("build"), 25_000),
            (WaitFor::Predecessor, Some("app"), 20_000),
            (WaitFor::Phase, Some("build"), 5_000),
        ]
    );
}

#[test]
fn an_agent_whose_own_gate_asks_waits_for_a_person_and_not_for_its_checks() {
    let mut plan = empty();
    let mut ask = gate("ok");
    ask.approve = Some("Fine?".into());
    plan.gates = vec![ask];
    let mut asks = agent("a", 10, 100);
    asks.gates = vec![crate::plan::GateIx(0)];
    plan.agents.push(asks);
    let mut run = Run::new(plan, 4, 8 * GIB);
    run.wait(10);
    run.done("a");
    run.wait(4);
    run.checked("a", 0);
    run.wait(20);
    // Of the moment while it asks, and after the answer.
    let told = |run: &Run| -> Vec<_> {
        let report = report_at(run, run.now_us);
        let waits = report.waits.into_iter();
        waits.map(|w| (w.what, w.ms)).collect()
    };
    let wanted = [(WaitFor::Person, 20_000), (WaitFor::Checks, 4_000)];
    assert_eq!(told(&run), wanted);
    let mut state = run.first.clone();
    let mut history = History::new(&state);
    for record in &run.records {
        state.apply(record);
        history.push(&state, record);
    }
    history.now_us = run.now_us;
    let since = |from| crate::report::digest::Digest::since(&state, history.whole(), from).lost_ms;
    assert_eq!((since(0), since(29 * SECOND)), (20_000, 5_000));
    run.act(crate::engine::Action::Answer {
        id: 1,
        answer: crate::engine::Answer::Yes,
        text: None,
        url: None,
    });
    run.wait(3);
    assert_eq!(told(&run), wanted);
}

#[test]
fn a_gate_is_told_with_who_signed_it_and_a_red_one_with_whom_it_stops() {
    use super::gates::GateStand;
    let mut plan = empty();
    let mut ask = gate("ok");
    ask.approve = Some("Fine?".into());
    plan.gates = vec![ask, gate("tests")];
    for (id, gate) in [("a", 0), ("b", 1)] {
        let mut gated = agent(id, 10, 100);
        gated.gates = vec![crate::plan::GateIx(gate)];
        gated.retry.attempts = 1;
        plan.agents.push(gated);
    }
    plan.agents.push(agent("c", 10, 100));
    plan.agents[2].needs = vec![hard(1)];
    let mut run = Run::new(plan, 4, 8 * GIB);
    run.wait(1);
    run.done("a");
    run.done("b");
    run.checked("a", 0);
    let stands = |run: &Run| -> Vec<_> {
        let report = report_at(run, run.now_us);
        let stands = report.gates.iter().map(|line| line.verdict);
        stands.collect()
    };
    assert_eq!(stands(&run), [GateStand::Asks, GateStand::Checking]);
    run.checked("b", 1);
    run.act(crate::engine::Action::Answer {
        id: 1,
        answer: crate::engine::Answer::Yes,
        text: Some("read | it".into()),
        url: Some("https://example.org/7".into()),
    });
    let report = report_at(&run, run.now_us);
    assert_eq!(stands(&run), [GateStand::Passed, GateStand::Red]);
    let [ok, tests] = &report.gates[..] else {
        panic!("{:?}", report.gates)
    };
    let signed = ok.signed.as_ref().unwrap();
    assert_eq!(signed.note.as_deref(), Some("read | it"));
    assert_eq!(signed.url.as_deref(), Some("https://example.org/7"));
    assert!(ok.evidence.contains(&"a.1.1".to_owned()), "{ok:?}");
    assert_eq!(tests.stops, ["c"]);
    let text = report.to_markdown();
    let rows: Vec<&str> = text
        .lines()
        .filter(|l| l.starts_with("| b |") || l.starts_with("| a | ok"))
        .collect();
    assert_eq!(rows.len(), 3, "{text}");
    assert!(
        rows.iter()
            .any(|row| row.contains("read \\| it (https:\\//example.org/7)")),
        "{rows:?}"
    );
    assert!(
        rows.iter()
            .any(|row| row.contains("red: tests red: exit status 1")),
        "{rows:?}"
    );
    // Of the moment before, nothing of it is known.
    let json = report.to_json().unwrap();
    let again: RunReport = serde_json::from_str(&json).unwrap();
    assert_eq!(again.gates, report.gates);
}

#[test]
fn decisions_about_memory_are_told_with_what_came_of_them() {
    use crate::{
        engine::{Adapted, Event, Figures, MemoryEvent, Record, SyncKind, SyncPoint, WorkEvent},
        resources::{Point, Sample},
    };
    let mut run = four();
    run.wait(10);
    let at = |permille, bytes| Figures {
        pressure_permille: permille,
        agents_bytes: bytes,
        ..Figures::default()
    };
    let adapted = |number, what, told_bytes, agents_cap| -> Event {
        MemoryEvent::Adapted {
            number,
            what,
            reason: "memory | at 90 %".to_owned(),
            agents: vec!["a".into()],
            told_bytes,
            agents_cap,
            figures: at(900, GIB),
        }
        .into()
    };
    let measured = MemoryEvent::Measured {
        number: 1,
        told_bytes: 4 * GIB,
        freed_bytes: GIB,
        took_us: 2 * SECOND,
        before: at(900, GIB),
        after: at(700, GIB),
    };
    let failed = WorkEvent::SyncFailed {
        number: 1,
        point: SyncPoint {
            sync: SyncKind::ResourceRebalancing,
            wave: None,
            phase: None,
            cohort: None,
            agent: None,
            decision: Some(1),
        },
        reason: "it freed 1.0 GiB of the 4.0 GiB that were told".to_owned(),
    };
    let events: [(u64, Event); 4] = [
        (11, adapted(1, Adapted::Park, 4 * GIB, None)),
        (13, failed.into()),
        (13, measured.into()),
        (20, adapted(2, Adapted::Lower, 0, Some(2))),
    ];
    let mut state = run.first.clone();
    let mut history = History::new(&state);
    for record in &run.records {
        state.apply(record);
        history.push(&state, record);
    }
    let last = run.records.last().unwrap().clone();
    let mut cut = 0;
    for (n, (at_s, event)) in (1..).zip(events) {
        let record = Record {
            seq: last.seq + n,
            elapsed_us: at_s * SECOND,
            event,
            ..last.clone()
        };
        state.apply(&record);
        history.push(&state, &record);
        if n == 1 {
            cut = record.seq;
        }
    }
    history.now_us = 60 * SECOND;
    let points: Vec<Point> = [(5, 500), (15, 700), (25, 650), (30, 600)]
        .into_iter()
        .map(|(at_s, permille)| {
            Point::of(&Sample {
                elapsed_us: at_s * SECOND,
                figures: at(permille, GIB),
                ..Sample::default()
            })
        })
        .collect();
    let report = RunReport::new(&state, history.whole(), &points, None);
    let said: Vec<String> = report
        .decisions
        .iter()
        .map(super::controller::DecisionLine::effect)
        .collect();
    assert_eq!(
        said,
        [
            "1 GiB of 4 GiB came free in 2s, memory 70.0 % after it",
            "2 at once, memory 60.0 % after it"
        ]
    );
    assert!(report.decisions[0].failed.is_some());
    assert!(report.continuous.passes, "{:?}", report.continuous);
    let text = report.to_markdown();
    assert!(text.contains("## Decisions about memory"), "{text}");
    assert!(text.contains("memory \\| at 90 %"), "{text}");
    assert!(text.contains("The continuous gate passes"), "{text}");
    // Of the moment before it was measured, nothing of that is known.
    let early = RunReport::new(&state, history.until(cut, 12 * SECOND), &[], None);
    assert_eq!(early.decisions.len(), 1);
    assert_eq!(early.decisions[0].effect(), "not measured");
    // Above what is safe it does not pass.
    let high = Point::of(&Sample {
        figures: at(960, GIB),
        ..Sample::default()
    });
    let report = RunReport::new(&state, history.whole(), &[high], None);
    let limits = &report.continuous.conditions[0];
    assert_eq!(
        (report.continuous.passes, limits.holds),
        (false, Some(false))
    );
}
