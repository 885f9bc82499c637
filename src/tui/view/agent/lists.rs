//! Attempts and checks of an agent as lists.

use super::{ListLine, Listed};
use crate::{
    display::{clean_line, clean_text},
    engine::{Cause, Owner, Purpose, Status},
    plan::AgentIx,
    report::history::{Attempt, CheckKey, CheckStep, History},
    tui::{
        ui_state::UiState,
        view::{Mark, Source, Tone, words},
    },
};

/// The attempts of an agent that have begun by the shown moment, by number.
#[must_use]
pub fn attempts(source: Source<'_>, ix: AgentIx) -> Vec<(u32, Attempt)> {
    let seq = source.state.seq;
    let known = source.history.map(|h| h.attempts.of(ix, seq));
    let mut all = known.unwrap_or_default();
    // The journal may not have been read yet: the newest one is known by the state.
    let newest = source.state.agent(ix).attempt;
    if newest > 0 && all.last().is_none_or(|(number, _)| *number < newest) {
        all.push((newest, Attempt::default()));
    }
    all
}

/// The attempt whose output is shown; 0: none has begun.
#[must_use]
pub fn shown_attempt(newest: u32, ui: &UiState) -> u32 {
    ui.on_agent
        .attempt
        .filter(|chosen| *chosen <= newest)
        .unwrap_or(newest)
}

/// Time that an attempt ran, without what it stood frozen, µs.
fn ran(history: &History, source: Source<'_>, ix: AgentIx, attempt: u32) -> u64 {
    let now_us = source.now_us();
    history
        .until(source.state.seq, now_us)
        .spans(ix)
        .filter(|span| span.attempt == attempt && span.status == Status::Running)
        .map(|span| span.length_us(now_us))
        .sum()
}

/// All lines of the attempts.
pub(super) fn attempt_lines(source: Source<'_>, ix: AgentIx) -> Vec<ListLine> {
    let Source { state, chart, .. } = source;
    let agent = state.agent(ix);
    let plan = state.setup.plan.agent(ix);
    let mut out = Vec::new();
    for (entry, (number, attempt)) in attempts(source, ix).into_iter().enumerate() {
        let live = agent.live.is_some() && number == agent.attempt;
        let mark = match &attempt.ended {
            _ if live => Mark::of_agent(agent),
            Some(ended) if ended.exit.ok() => Mark::Done,
            Some(_) => Mark::Fail,
            None if number == agent.attempt => Mark::of_agent(agent),
            None => Mark::Stop,
        };
        let begin = attempt.started.or(attempt.scheduled);
        let clock = begin.map_or_else(
            || "--:--:--".to_owned(),
            |when| words::clock(when.at_ms, source.zone, true),
        );
        let ran = source.history.map_or(0, |h| ran(h, source, ix, number));
        let ran = if live {
            words::span(ran)
        } else {
            words::took(ran)
        };
        let (how, tone) = match &attempt.ended {
            Some(ended) if ended.exit.ok() => ("exit status 0".to_owned(), Tone::Good),
            Some(ended) => (clean_line(ended.exit.to_string(), 120), Tone::Bad),
            None if live => ("at work".to_owned(), Tone::Plain),
            None if begin.is_none() => ("the journal is being read".to_owned(), Tone::Dim),
            None => ("its end is not recorded".to_owned(), Tone::Warn),
        };
        out.push(ListLine {
            entry,
            mark: Some(mark),
            pieces: vec![
                (format!("{number:>2}  "), Tone::Plain),
                (format!("{clock}  "), Tone::Dim),
                (format!("{ran:>6}  "), Tone::Plain),
                (how, tone),
            ],
        });
        let mut more = Vec::new();
        if let Some(ended) = &attempt.ended {
            more.push(format!("cpu {}", seconds(ended.cpu_us)));
            more.push(format!("peak {}", words::size(ended.peak_bytes)));
            more.push(format!("printed {}", words::size(ended.output_bytes)));
            if ended.leaked > 0 {
                more.push(format!("{} left behind", ended.leaked));
            }
        }
        let mode = attempt.mode.and_then(|m| plan.modes.get(m as usize));
        if let Some(worker) = mode.and_then(|m| m.worker) {
            more.push(chart.workers[worker.ix()].clone());
        }
        if !more.is_empty() {
            out.push(ListLine {
                entry,
                mark: None,
                pieces: vec![(format!("    {}", more.join(" · ")), Tone::Dim)],
            });
        }
        if let Some(next) = &attempt.retried {
            let tone = match next.cause {
                Cause::Failure => Tone::Warn,
                _ => Tone::Dim,
            };
            let pause = match next.delay_us {
                0 => String::new(),
                us => format!(" after {}", words::span(us)),
            };
            let reason = clean_text(&next.reason, 200);
            out.push(ListLine {
                entry,
                mark: None,
                pieces: vec![(format!("    again{pause}: {reason}"), tone)],
            });
        }
    }
    out
}

/// What is often short: to the tenth of a second while that says something.
fn seconds(us: u64) -> String {
    match us / 100_000 {
        tenths @ 0..600 => format!("{}.{}s", tenths / 10, tenths % 10),
        _ => words::span(us),
    }
}

pub(super) fn attempt_list(source: Source<'_>, ui: &UiState, ix: AgentIx, rows: usize) -> Listed {
    let newest = source.state.agent(ix).attempt;
    let shown = shown_attempt(newest, ui);
    let all = attempts(source, ix);
    let chosen = all.iter().position(|(number, _)| *number == shown);
    let lines = attempt_lines(source, ix);
    let mut list = Listed::window(lines, all.len(), chosen, rows);
    list.empty = if source.state.setup.has_process(ix) {
        "it has not started yet"
    } else {
        "it has no process of its own"
    };
    list
}

/// Commands of an agent's checks: what has happened, then what the plan has and was not asked yet.
#[must_use]
pub fn steps(source: Source<'_>, ix: AgentIx) -> Vec<(CheckKey, CheckStep)> {
    let state = source.state;
    let owner = Owner::Agent(ix);
    let seq = state.seq;
    let known = source.history.map(|h| h.attempts.checks(owner, seq));
    let mut all = known.unwrap_or_default();
    let attempt = state.agent(ix).attempt.max(1);
    let round = all
        .iter()
        .filter(|(key, _)| key.0 == attempt)
        .map(|(key, _)| key.1)
        .max()
        .unwrap_or(1);
    let here = all
        .iter()
        .filter(|(key, _)| (key.0, key.1) == (attempt, round));
    let last = here.map(|(key, _)| key.2).max();
    for (step, planned) in (0_u32..).zip(state.checks_of(owner)) {
        let key = (attempt, round, step);
        if last.is_none_or(|last| last < step) {
            let waits = CheckStep {
                gate: planned.gate.to_owned(),
                ..CheckStep::default()
            };
            all.push((key, waits));
        }
    }
    all
}

/// The chosen command: the one that was chosen, else the last one that has begun.
#[must_use]
pub fn chosen_check(
    source: Source<'_>,
    ui: &UiState,
    ix: AgentIx,
) -> Option<(CheckKey, CheckStep)> {
    let all = steps(source, ix);
    let at = chosen_at(&all, ui)?;
    all.into_iter().nth(at)
}

fn chosen_at(all: &[(CheckKey, CheckStep)], ui: &UiState) -> Option<usize> {
    let by_key = |key| all.iter().position(|(known, _)| *known == key);
    let begun = |step: &CheckStep| step.queued.is_some() || step.ended.is_some();
    let judges = |step: &CheckStep| step.purpose != Purpose::Base;
    ui.on_agent
        .check
        .and_then(by_key)
        .or_else(|| (all.iter()).rposition(|(_, step)| begun(step) && judges(step)))
        .or_else(|| (!all.is_empty()).then_some(0))
}

/// All lines of the checks.
pub(super) fn check_lines(source: Source<'_>, ix: AgentIx) -> Vec<ListLine> {
    let state = source.state;
    let planned = state.checks_of(Owner::Agent(ix));
    let now_us = source.now_us();
    let mut out = Vec::new();
    for (entry, ((attempt, round, at), step)) in steps(source, ix).into_iter().enumerate() {
        let command = planned
            .get(at as usize)
            .map_or_else(String::new, |p| clean_text(&p.argv.join(" "), 200));
        let took = |from: Option<u64>, to: u64| to.saturating_sub(from.unwrap_or(to));
        let from = step.started.map(|when| when.at_us);
        let (mark, text, tone) = match (&step.ended, step.started, step.queued) {
            (Some((when, exit)), ..) => {
                let took = seconds(took(from, when.at_us));
                if exit.ok() {
                    (Mark::Done, format!("green · took {took}"), Tone::Good)
                } else {
                    let exit = clean_line(exit.to_string(), 120);
                    (Mark::Fail, format!("red · {exit} · took {took}"), Tone::Bad)
                }
            }
            (None, Some(_), _) => {
                let since = words::span(took(from, now_us));
                (Mark::Check, format!("runs since {since}"), Tone::Plain)
            }
            (None, None, Some(_)) => (Mark::Ready, "waits for room".to_owned(), Tone::Warn),
            (None, None, None) => (Mark::Wait, "not asked yet".to_owned(), Tone::Dim),
        };
        let begun = step.ended.is_some() || step.started.is_some() || step.queued.is_some();
        let why = match step.purpose {
            Purpose::Judge => "",
            Purpose::Repeat => " · once more on the same files",
            Purpose::Base => " · on the base, to compare",
        };
        let of = match (begun, round) {
            (false, _) => String::new(),
            (true, 1) => format!(" · attempt {attempt}"),
            (true, round) => format!(" · attempt {attempt}, round {round}{why}"),
        };
        out.push(ListLine {
            entry,
            mark: Some(mark),
            pieces: vec![
                (format!("{}  ", clean_line(&step.gate, 24)), Tone::Plain),
                (command, Tone::Dim),
            ],
        });
        out.push(ListLine {
            entry,
            mark: None,
            pieces: vec![
                ("    ".to_owned(), Tone::Dim),
                (text, tone),
                (of, Tone::Dim),
            ],
        });
    }
    out
}

pub(super) fn check_list(source: Source<'_>, ui: &UiState, ix: AgentIx, rows: usize) -> Listed {
    let all = steps(source, ix);
    let lines = check_lines(source, ix);
    let mut list = Listed::window(lines, all.len(), chosen_at(&all, ui), rows);
    list.empty = "the plan has no checks for it";
    list
}
