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
