//! The log: events in words, and the selected one with its figures and the rule behind it.

use crate::{
    display::clean_line,
    engine::{
        self, Candidate, CheckPlace, Event, LeaseCause, LeaseEvent, Level, MeasureEvent,
        ModelEvent, Record, State, TalkEvent, WorkEvent,
    },
    tui::{log::LogBuffer, ui_state::UiState},
};

use super::{Source, Tone, notes};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Number of the record.
    pub seq: u64,
    /// Time of day.
    pub clock: String,
    /// Time in the run.
    pub elapsed: String,
    /// Urgency.
    pub level: Level,
    /// The kind's name.
    pub kind: &'static str,
    /// In words.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// The screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// Visible lines, oldest first.
    pub rows: Vec<LogRow>,
    /// The selected one among them.
    pub selected: Option<usize>,
    /// Records before the first visible one that are known.
    pub before: usize,
    /// Known records.
    pub total: usize,
    /// The beginning is reached.
    pub whole: bool,
    /// More is being read.
    pub reads: bool,
    /// The newest is shown and new ones follow.
    pub follows: bool,
    /// What is let through, in words.
    pub filter: String,
    /// Figures of the selected record: name, value.
    pub fields: Vec<(String, String)>,
    /// The rule that led to it.
    pub rule: Option<&'static str>,
    /// It is about an agent of the run.
    pub agent: bool,
}

/// Projects the log into so many rows.
#[must_use]
pub fn log(source: Source<'_>, buffer: &LogBuffer, ui: &UiState, rows: usize) -> Log {
    let total = buffer.until(source.state.seq);
    let (first, selected) = window(buffer, ui.log_at, total, rows);
    let visible: Vec<&Record> = (first..total)
        .map_while(|at| buffer.get(at))
        .take(rows)
        .collect();
    let chosen = selected.and_then(|at| visible.get(at));
    let filter = buffer.filter();
    let mut said = String::new();
    if let Some(level) = filter.level {
        said = format!("{} and up", level_name(level));
    }
    Log {
        rows: visible.iter().map(|r| row(source, r)).collect(),
        selected,
        before: first,
        total,
        whole: buffer.whole(),
        reads: buffer.waits(),
        follows: ui.log_at.is_none(),
        filter: said,
        fields: chosen.map(|r| fields(r)).unwrap_or_default(),
        rule: chosen.and_then(|r| rule(&r.event)),
        agent: chosen
            .and_then(|r| r.event.agent())
            .is_some_and(|id| source.state.find(id).is_some()),
    }
}

/// First visible record and the selected one among the visible.
fn window(
    buffer: &LogBuffer,
    at: Option<u64>,
    total: usize,
    rows: usize,
) -> (usize, Option<usize>) {
    let last = total.checked_sub(1);
    let Some(last) = last else { return (0, None) };
    let selected = at.map_or(last, |seq| buffer.place(seq).min(last));
    // The selected one in the lower half, as far as there are newer ones.
    let first = (selected + 1 + rows / 3)
        .min(total)
        .saturating_sub(rows)
        .min(selected);
    (first, Some(selected - first))
}

fn row(source: Source<'_>, record: &Record) -> LogRow {
    let (text, tone) = words(record);
    LogRow {
        seq: record.seq,
        clock: super::words::clock(record.at_ms, source.zone, true),
        elapsed: super::words::span(record.elapsed_us),
        level: record.priority,
        kind: record.event.kind(),
        text,
        tone,
    }
}

/// A record in words, routine or not.
pub(in crate::tui) fn words(record: &Record) -> (String, Tone) {
    match notes::note(record) {
        Some(note) => (note.text, note.tone),
        None => (routine(&record.event), Tone::Dim),
    }
}

/// The name of a level.
#[must_use]
pub const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Low => "low",
        Level::Medium => "medium",
        Level::High => "high",
        Level::Critical => "critical",
    }
}

fn json(record: &Record) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(record) {
        Ok(serde_json::Value::Object(map)) => map,
        _ => serde_json::Map::new(),
    }
}

/// A check command, and why it runs where that is not to judge.
fn check(place: &CheckPlace) -> String {
    format!("{}{}", place.gate, place.purpose.words())
}

/// A routine event in words.
fn routine(event: &Event) -> String {
    let whose = event.agent().map(ToString::to_string).unwrap_or_default();
    let text = match event {
        Event::AgentReady { .. } => format!("{whose} is ready: all its needs are met"),
        Event::AgentScheduled {
            ram_bytes, running, ..
        } => format!(
            "{whose} is let in: {} reserved, {running} at once",
            super::words::size(*ram_bytes)
        ),
        Event::Talk(talk) => match talk.as_ref() {
            TalkEvent::Chosen {
                capability,
                worker,
                among,
                ..
            } => {
                let among = Candidate::all_words(among);
                format!("{whose} is done by {worker} for {capability}: {among}")
            }
            _ => whose,
        },
        Event::Memory(memory) => crate::report::adapted::sentence(memory).unwrap_or(whose),
        Event::Lease(lease) => notes::leased(lease),
        Event::AttemptEnded { exit, .. } => format!("{whose}: {exit}"),
        Event::AgentProgress(report) => notes::progress(report),
        Event::AgentJoining { .. } => format!("{whose} waits for its sub-agents"),
        Event::AgentChecking { .. } => format!("{whose} is checked"),
        Event::CheckQueued { place } => format!("{} waits for room", check(place)),
        Event::CheckScheduled { place, .. } => format!("{} is let in", check(place)),
        Event::CheckStarted { place, .. } => format!("{} runs", check(place)),
        Event::CheckEnded { place, exit, .. } => format!("{}: {exit}", check(place)),
        Event::PhaseChecking { phase, .. } => format!("gates of {phase} are checked"),
        Event::PhaseReopened { phase } => format!("{phase} is open again"),
        Event::CohortReopened { cohort } => format!("{cohort} is open again"),
        Event::AttentionRaised(raised) => {
            let whose = engine::whose(
                raised.agent.as_ref(),
                raised.phase.as_deref(),
                raised.cohort.as_deref(),
            );
            format!("a person is told of {whose}: {}", raised.title)
        }
        Event::AttentionAnswered(answered) => {
            let whose = engine::whose(
                answered.agent.as_ref(),
                answered.phase.as_deref(),
                answered.cohort.as_deref(),
            );
            match answered.answer {
                Some(_) => format!("{whose} is answered"),
                None => format!("{whose} waits for nobody any more"),
            }
        }
        Event::CheckpointMade { wave: 0, .. } => "checkpoint of the beginning".to_owned(),
        Event::CheckpointMade { wave, .. } => format!("checkpoint after wave {wave}"),
        Event::Work(work) => notes::routine(work).unwrap_or(whose),
        _ => whose,
    };
    clean_line(text, super::words::SENTENCE)
}

/// Fields of a record with their units: what a person asks first, then the journal's order, then what
/// every event has. A list or map within another is counted, not listed: the journal has it.
fn fields(record: &Record) -> Vec<(String, String)> {
    const FIRST: [&str; 4] = ["summary", "status", "reason", "agent"];
    // The event's line has told them.
    const LAST: [&str; 6] = ["kind", "priority", "source", "elapsed_us", "at", "seq"];
    let mut out = Vec::new();
    let mut all = json(record);
    all.remove("crc");
    let last = LAST.map(|name| (name, all.remove(name)));
    for name in FIRST {
        if let Some(value) = all.remove(name) {
            flatten(name, &value, 0, &mut out);
        }
    }
    for (name, value) in all {
        flatten(&name, &value, 0, &mut out);
    }
    for (name, value) in last {
        if let Some(value) = value {
            flatten(name, &value, 0, &mut out);
        }
    }
    out
}

/// Entries of a map that are still listed one by one.
const LISTED: usize = 8;

fn flatten(name: &str, value: &serde_json::Value, depth: u8, out: &mut Vec<(String, String)>) {
    let count = |n: usize| match n {
        1 => "1 entry".to_owned(),
        n => format!("{n} entries"),
    };
    let text = match value {
        serde_json::Value::Null => return,
        serde_json::Value::Object(map) if map.is_empty() => return,
        serde_json::Value::Array(items) if items.is_empty() => return,
        serde_json::Value::Object(map) if depth == 0 || map.len() <= LISTED => {
            for (inner, value) in map {
                flatten(&format!("{name}.{inner}"), value, depth + 1, out);
            }
            return;
        }
        serde_json::Value::Object(map) => count(map.len()),
        serde_json::Value::Array(items) if items.len() > LISTED => count(items.len()),
        other => {
            let plain = other
                .as_str()
                .map_or_else(|| other.to_string(), str::to_owned);
            match other.as_u64() {
                Some(n) if name.ends_with("_bytes") => format!("{n} ({})", super::words::size(n)),
                Some(n) if name.ends_with("_us") => format!("{n} ({})", super::words::span(n)),
                Some(n) if name.ends_with("_permille") => format!("{}.{} %", n / 10, n % 10),
                _ => plain,
            }
        }
    };
    out.push((clean_line(name, 60), clean_line(text, 400)));
}

/// The rule behind a decision, in a sentence.
fn rule(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::AgentReady { .. } => "an agent is ready when every hard need is met",
        Event::AgentScheduled { .. } => {
            "admission: slots, memory, CPUs, other resources, caps and gates had room, and no ready \
             agent of a better rank fitted"
        }
        Event::Model(model) => match model.as_ref() {
            ModelEvent::Loaded { .. } => {
                "told when its memory stands still, and again when it is clearly another: the server's \
                 processes, mapped weights among them"
            }
            ModelEvent::Unloading { .. } => {
                "a person asked for it, or the last agent that used it was swapped to another worker"
            }
            ModelEvent::Unloaded { .. } => {
                "measured after it: what the server's processes gave back, and what they still hold"
            }
            ModelEvent::Kept { .. } => "a model is unloaded only by its own server",
            ModelEvent::Swapped { .. } => {
                "what the agent's processes hold, and its model's memory where nobody else uses that"
            }
        },
        Event::Talk(talk) if matches!(**talk, TalkEvent::Chosen { .. }) => {
            "of the workers that can and have room the one with the fewest attempts at work, then \
             with the best chance by how its attempts ended, then the first in the plan"
        }
        Event::Measure(event) => match **event {
            MeasureEvent::Leaking { .. } => {
                "it held more than 100 MiB more each minute for three minutes in which it said nothing, or three \
                 times what is reserved for it; nothing follows by itself"
            }
            MeasureEvent::OverLimit { .. } => {
                "two readings in a row were above its `ram_max`, which nothing else keeps here"
            }
        },
        Event::Lease(lease) => match **lease {
            LeaseEvent::Waiting { .. } => {
                "a leased command inside of an agent waits until its memory is there; first what runs below one \
                 that has its own, then agents of higher priority, then in the order of asking"
            }
            LeaseEvent::Granted { cause, .. } => match cause {
                LeaseCause::Room => "the first in line gets its memory as soon as there is room",
                LeaseCause::Alone => {
                    "all that runs waits for leases, so the first in line gets its memory without room for it"
                }
                LeaseCause::Late => {
                    "nobody waits longer than `memory.lease_wait`: then it runs anyway"
                }
            },
            LeaseEvent::Returned { .. } => "a lease ends with its process, however that ends",
        },
        Event::AgentSkipped { .. } => "a need that can no longer be met skips whoever has it",
        Event::AgentRetrying { .. } => "attempts are left: `retry` of the plan, doubled each time",
        Event::AgentTimeout { .. } => {
            "it ran longer than its `timeout`; asking and freezing stop its clock"
        }
        Event::AgentFrozen { .. } => {
            "a freeze stops the whole process tree: its memory stays, its slot is free"
        }
        Event::AgentFreezeVerified { .. } => {
            "measured after the freeze: what stands still, and the memory that it goes on holding; a \
             freeze frees none"
        }
        Event::AgentPreempted(_) => {
            "frozen behind a barrier, and nothing else moved: it held memory that others need, or nobody \
             was there to open the barrier"
        }
        Event::AgentProgress(_) => {
            "what an agent says stands beside what is measured, and changes nothing"
        }
        Event::AgentThawed { .. } => "what was frozen comes back through admission, like a start",
        Event::AgentBlocked { .. } => {
            "no attempt is left that a check could pass: a person decides"
        }
        Event::CheckScheduled { .. } => "commands of checks and gates pass admission too",
        Event::GateFailed { .. } => "no gate is passed by: what comes after it waits",
        Event::PhaseFailed { .. } => {
            "a phase with a failed agent or a red gate keeps later phases waiting"
        }
        Event::CohortFailed { .. } => "whoever depends on these agents waits for their gates",
        Event::ZoneChanged { .. } => {
            "pressure crossed a threshold; a zone is left only with some distance below it"
        }
        Event::AttentionRaised(_) => "nobody but a person can decide this: it is told once",
        Event::Work(work) => return work_rule(work),
        Event::CheckpointMade { .. } => "a checkpoint is made when a wave is complete",
        Event::ModeChanged { .. } => "a person changed it; it holds from the next start on",
        _ => return None,
    })
}

/// The rule behind what happens to work.
const fn work_rule(event: &WorkEvent) -> Option<&'static str> {
    Some(match event {
        WorkEvent::Merging { .. } => {
            "who is in line is merged by class, then plan order, one at a time"
        }
        WorkEvent::MergeDone { .. } => {
            "the head goes forward only when git merged it and the checks on the result passed"
        }
        WorkEvent::MergeFailed { .. } => "a failure never moves the head",
        WorkEvent::Predicted { .. } => {
            "a prediction is told and pauses nobody, but in a critical domain after two looks"
        }
        WorkEvent::ConflictDetected { .. } => {
            "critical domains: the second goes again on top of the first; else rules, then a person"
        }
        WorkEvent::ScopeViolated { .. } => {
            "its scope is watched; work with files outside of it does not pass the gate `scope`"
        }
        WorkEvent::RollbackStarted { .. } => "what is taken out stays reachable by its refs",
        _ => return None,
    })
}

/// For the reducer: how many records lie before the first visible one.
#[must_use]
pub fn before(state: &State, buffer: &LogBuffer, ui: &UiState, rows: usize) -> usize {
    window(buffer, ui.log_at, buffer.until(state.seq), rows).0
}
