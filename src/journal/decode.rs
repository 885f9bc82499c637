//! Fast reading of a record's line, in one pass and without buffering.
//!
//! serde reads `flatten` and tagged enums through buffers of generic values, several times slower
//! than the JSON itself; a replay reads a million lines. Here the envelope is read up to `kind`,
//! then that kind's own members. Whatever is not exactly as this program writes it (another order,
//! escaped keys, missing members, an unknown kind) is left to serde: [`fast`] returns `None`.
//! Must never return something else than serde would; a property test compares them.

use serde::{
    Deserialize,
    de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::engine::{
    AgentFreezeVerified, AgentPreempted, AgentProgress, AttentionAnswered, AttentionRaised,
    CheckPlace, Event, ProcessTrouble, Record,
};

/// Reads a line's record, or leaves it to serde.
pub(super) fn fast(line: &[u8]) -> Option<Record> {
    // Checked as a whole, which is faster than string by string.
    let line = std::str::from_utf8(line).ok()?;
    let mut json = serde_json::Deserializer::from_str(line);
    let record = json.deserialize_map(RecordVisitor).ok()?;
    json.end().ok()?;
    Some(record)
}

struct RecordVisitor;

fn slow<T, E: Error>() -> Result<T, E> {
    Err(E::custom("not as this program writes it"))
}

fn set<T, E: Error>(slot: &mut Option<T>, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => slow(),
    }
}

fn need<T, E: Error>(slot: Option<T>) -> Result<T, E> {
    slot.map_or_else(slow, Ok)
}

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Record;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
        let (mut seq, mut at_ms, mut elapsed_us) = (None, None, None);
        let (mut priority, mut source, mut affected) = (None, None, None);
        while let Some(key) = map.next_key::<&str>()? {
            match key {
                "seq" => set(&mut seq, map.next_value()?)?,
                "at" => set(&mut at_ms, need(stamp(map.next_value()?))?)?,
                "elapsed_us" => set(&mut elapsed_us, map.next_value()?)?,
                "priority" => set(&mut priority, map.next_value()?)?,
                "source" => set(&mut source, map.next_value()?)?,
                "affected" => set(&mut affected, map.next_value()?)?,
                "kind" => {
                    let kind = map.next_value()?;
                    return Ok(Record {
                        seq: need(seq)?,
                        at_ms: need(at_ms)?,
                        elapsed_us: need(elapsed_us)?,
                        priority: need(priority)?,
                        source: need(source)?,
                        affected: affected.unwrap_or_default(),
                        event: event(kind, &mut map)?,
                    });
                }
                _ => return slow(),
            }
        }
        slow()
    }
}

/// For each kind: its members, then those that may be left out. The types come from the variant,
/// so a member that is added to it and forgotten here does not compile.
macro_rules! kinds {
    ($kind:ident, $map:ident;
     $($name:literal $variant:ident { $($field:ident),* $(; $($default:ident),*)? })*
     @structs
     $($struct:literal $struct_variant:ident { $($member:ident),* $(; $($optional:ident),*)? })*
     @checks
     $($check:literal $check_variant:ident {
         $($check_field:ident),* $(; $($check_optional:ident),*)?
     })*
    ) => {
        match $kind {
            $($name => {
                $(let mut $field = None;)*
                $($(let mut $default = None;)*)?
                while let Some(key) = $map.next_key::<&str>()? {
                    match key {
                        $(stringify!($field) => set(&mut $field, $map.next_value()?)?,)*
                        $($(stringify!($default) => set(&mut $default, $map.next_value()?)?,)*)?
                        _ => {
                            $map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Event::$variant {
                    $($field: need($field)?,)*
                    $($($default: $default.unwrap_or_default(),)*)?
                }
            })*
            $($struct => {
                $(let mut $member = None;)*
                $($(let mut $optional = None;)*)?
                while let Some(key) = $map.next_key::<&str>()? {
                    match key {
                        $(stringify!($member) => set(&mut $member, $map.next_value()?)?,)*
                        $($(stringify!($optional) => set(&mut $optional, $map.next_value()?)?,)*)?
                        _ => {
                            $map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                // A variant of this kind holds a structure of its own name.
                Event::$struct_variant($struct_variant {
                    $($member: need($member)?,)*
                    $($($optional: $optional.unwrap_or_default(),)*)?
                })
            })*
            $($check => {
                let (mut agent, mut phase, mut cohort) = (None, None, None);
                let (mut attempt, mut gate, mut step, mut round) = (None, None, None, None);
                let mut purpose = None;
                $(let mut $check_field = None;)*
                $($(let mut $check_optional = None;)*)?
                while let Some(key) = $map.next_key::<&str>()? {
                    match key {
                        "agent" => set(&mut agent, $map.next_value()?)?,
                        "phase" => set(&mut phase, $map.next_value()?)?,
                        "cohort" => set(&mut cohort, $map.next_value()?)?,
                        "attempt" => set(&mut attempt, $map.next_value()?)?,
                        "gate" => set(&mut gate, $map.next_value()?)?,
                        "step" => set(&mut step, $map.next_value()?)?,
                        "round" => set(&mut round, $map.next_value()?)?,
                        "purpose" => set(&mut purpose, $map.next_value()?)?,
                        $(stringify!($check_field) => set(&mut $check_field, $map.next_value()?)?,)*
                        $($(stringify!($check_optional) => {
                            set(&mut $check_optional, $map.next_value()?)?;
                        })*)?
                        _ => {
                            $map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Event::$check_variant {
                    place: CheckPlace {
                        agent,
                        phase,
                        cohort,
                        attempt: need(attempt)?,
                        gate: need(gate)?,
                        step: need(step)?,
                        round: round.unwrap_or(1),
                        purpose: purpose.unwrap_or_default(),
                    },
                    $($check_field: need($check_field)?,)*
                    $($($check_optional: $check_optional.unwrap_or_default(),)*)?
                }
            })*
            _ => return slow(),
        }
    };
}

fn event<'de, A: MapAccess<'de>>(kind: &str, map: &mut A) -> Result<Event, A::Error> {
    // A struct of its own is read by what serde derives for it.
    if kind == "agent.progress" {
        let report = AgentProgress::deserialize(MapAccessDeserializer::new(map))?;
        return Ok(Event::AgentProgress(report));
    }
    Ok(kinds! { kind, map;
        "run.started" RunStarted {
            run, plan, plan_hash, wavedeck, boot_id, mode, base_commit, agents, wave_count,
            agents_cap, ram_limit_bytes, figures
        }
        "run.resumed" RunResumed { boot_id, wavedeck, survivors, interrupted }
        "run.stopped" RunStopped { by }
        "run.degraded" RunDegraded { error }
        "run.finished" RunFinished { status, summary, metrics }
        "operator.action" OperatorAction { by, action, agents; phases, cohorts }
        "mode.changed" ModeChanged { from, to, agents_cap, cause }
        "agent.ready" AgentReady { agent }
        "agent.skipped" AgentSkipped { agent, reason, by_condition }
        "agent.scheduled" AgentScheduled {
            agent, attempt, mode, ram_bytes, pressure_permille, running; worker
        }
        "agent.started" AgentStarted { agent, attempt, handle }
        "agent.quiet" AgentQuiet { agent, attempt, quiet }
        "agent.timeout" AgentTimeout { agent, attempt, limit_us }
        "attempt.ended" AttemptEnded {
            agent, attempt, exit, cpu_us, peak_bytes, output_bytes; leaked, present, handoff
        }
        "agent.retrying" AgentRetrying { agent, attempt, cause, delay_us, reason }
        "agent.joining" AgentJoining { agent }
        "agent.checking" AgentChecking { agent, attempt }
        "agent.frozen" AgentFrozen { agent, attempt, cause }
        "agent.thawed" AgentThawed { agent, attempt, cause, pressure_permille }
        "agent.blocked" AgentBlocked { agent, reason; gate }
        "agent.failed" AgentFailed { agent, attempt, failure, reason }
        "agent.stopped" AgentStopped { agent, attempt }
        "agent.completed" AgentCompleted { agent, attempt, ran_us }
        "phase.started" PhaseStarted { phase }
        "phase.checking" PhaseChecking { phase, attempt }
        "phase.reopened" PhaseReopened { phase }
        "phase.completed" PhaseCompleted { phase }
        "phase.failed" PhaseFailed { phase, reason }
        "cohort.checking" CohortChecking { cohort, attempt }
        "cohort.reopened" CohortReopened { cohort }
        "cohort.completed" CohortCompleted { cohort }
        "cohort.failed" CohortFailed { cohort, reason }
        "wave.completed" WaveCompleted { wave }
        "checkpoint.made" CheckpointMade { wave; commit }
        "zone.changed" ZoneChanged { from, to, halted, figures }
        @structs
        "process.trouble" ProcessTrouble { attempt, trouble; agent, phase, cohort }
        "agent.freeze_verified" AgentFreezeVerified { agent, attempt, stopped, total, held_bytes }
        "agent.preempted" AgentPreempted { agent, attempt, reason }
        "attention.raised" AttentionRaised {
            id, attention, attempt, title, since_us, answers; agent, phase, cohort, gate
        }
        "attention.answered" AttentionAnswered {
            id, attention, by, waited_us; agent, phase, cohort, answer, text, url, evidence
        }
        @checks
        "check.queued" CheckQueued {}
        "check.scheduled" CheckScheduled { ram_bytes, pressure_permille }
        "check.started" CheckStarted { handle }
        "check.ended" CheckEnded { exit, output_bytes }
        "check.timeout" CheckTimeout { limit_us }
        "check.frozen" CheckFrozen { cause }
        "check.thawed" CheckThawed { pressure_permille }
        "gate.passed" GatePassed { ; flaky }
        "gate.failed" GateFailed { reason; base, flaky }
    })
}

/// Reads `2026-11-20T10:00:00.123Z` to milliseconds since the epoch; `None` for other forms.
pub(super) fn stamp(text: &str) -> Option<i64> {
    let text: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let number = |from: usize, len: usize| {
        text[from..from + len].iter().try_fold(0_i64, |n, digit| {
            digit
                .is_ascii_digit()
                .then(|| n * 10 + i64::from(digit - b'0'))
        })
    };
    let marks = [
        (4, b'-'),
        (7, b'-'),
        (10, b'T'),
        (13, b':'),
        (16, b':'),
        (19, b'.'),
        (23, b'Z'),
    ];
    if marks.iter().any(|&(at, mark)| text[at] != mark) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    if !(1970..9999).contains(&year)
        || hour > 23
        || minute > 59
        || second > 59
        || !(1..=12).contains(&month)
    {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let (era, yoe) = (y / 400, y % 400);
    let mp = (month + 9) % 12;
    let doy = (153 * mp + 2) / 5 + day - 1;
    let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
    if days < 0 || super::format::civil(days) != (year, month, day) {
        return None;
    }
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + number(20, 3)?)
}
