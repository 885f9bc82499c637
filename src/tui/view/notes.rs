//! Events in words: the list of what happened lately.
//!
//! All text that leaves here is clean.

mod action;
mod sync;
mod talk;
mod work;

use std::fmt::Write as _;

pub use action::action;
pub use sync::together;
pub use talk::leased;
pub use work::{routine, work};

use super::words::{SENTENCE, Tone, size, span, took};
use crate::{
    display::clean_text,
    engine::{
        self, Adapted, AgentFreezeVerified, AgentProgress, Answer, AttentionKind, Cause, Event,
        Health, MemoryEvent, ModelEvent, OnBase, ProcessTrouble, Record, Zone, whose,
    },
    report::adapted,
};

/// One event in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its number.
    pub seq: u64,
    /// When, milliseconds since the epoch.
    pub at_ms: i64,
    /// What happened.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// Puts an event into words; routine ones give none.
#[must_use]
pub fn note(record: &Record) -> Option<Note> {
    let (text, tone) = match &record.event {
        Event::RunStarted { plan, agents, .. } => {
            let many = if *agents == 1 { "" } else { "s" };
            (format!("{plan} begins: {agents} agent{many}"), Tone::Plain)
        }
        Event::RunResumed { survivors, .. } => (
            match survivors {
                1 => "the run goes on after a crash, 1 old process ended".to_owned(),
                n => format!("the run goes on after a crash, {n} old processes ended"),
            },
            Tone::Warn,
        ),
        Event::RunStopped { .. } => ("the run is being stopped".to_owned(), Tone::Alert),
        Event::RunDegraded { error: Some(error) } => {
            (format!("recording has a fault: {error}"), Tone::Bad)
        }
        Event::RunDegraded { error: None } => ("recording is well again".to_owned(), Tone::Good),
        Event::RunFinished {
            status, summary, ..
        } => (
            format!("ended: {summary}"),
            if *status == 0 { Tone::Good } else { Tone::Bad },
        ),
        Event::OperatorAction { by, action: a, .. } => {
            let who = if by == "deck" { "you" } else { by.as_str() };
            (format!("{who}: {}", action(a)), Tone::Plain)
        }
        Event::ModeChanged { to, agents_cap, .. } => (
            format!("mode {}, {agents_cap} at once", engine::mode_name(*to)),
            Tone::Plain,
        ),
        Event::AgentSkipped { agent, reason, .. } => {
            (format!("{agent} is skipped: {reason}"), Tone::Dim)
        }
        Event::AgentStarted { agent, attempt, .. } => {
            let text = match attempt {
                1 => format!("{agent} starts"),
                n => format!("{agent} starts, attempt {n}"),
            };
            (text, Tone::Dim)
        }
        Event::AgentProgress(report) => said(report)?,
        Event::AgentQuiet {
            agent, quiet: true, ..
        } => (format!("{agent} has gone quiet"), Tone::Warn),
        Event::AgentQuiet {
            agent,
            quiet: false,
            ..
        } => (format!("{agent} speaks again"), Tone::Dim),
        Event::AgentTimeout {
            agent, limit_us, ..
        } => (
            format!("{agent} is out of time ({})", span(*limit_us)),
            Tone::Alert,
        ),
        Event::AttemptEnded {
            agent,
            leaked: n @ 1..,
            ..
        } => {
            let many = if *n == 1 { "" } else { "es" };
            (
                format!("{agent} left {n} process{many} behind: ended"),
                Tone::Warn,
            )
        }
        Event::AgentRetrying {
            agent,
            cause: Cause::Opened | Cause::Returned,
            reason,
            ..
        } => (format!("{agent}: {reason}"), Tone::Plain),
        Event::AgentRetrying {
            agent,
            delay_us,
            reason,
            ..
        } => (
            match delay_us {
                // Less than a second would read as none.
                0..1_000_000 => format!("{agent} again at once: {reason}"),
                us => format!("{agent} again in {}: {reason}", span(*us)),
            },
            Tone::Warn,
        ),
        Event::AgentFrozen { agent, cause, .. } => {
            let by = match cause {
                Cause::KillSwitch => "by the kill switch",
                Cause::Conflict => "before it clashes",
                _ => "by you",
            };
            (format!("{agent} frozen {by}"), Tone::Plain)
        }
        Event::ProcessTrouble(ProcessTrouble {
            agent,
            phase,
            cohort,
            trouble,
            ..
        }) => {
            let whose = whose(agent.as_ref(), phase.as_deref(), cohort.as_deref());
            (format!("{whose}: {trouble}"), Tone::Alert)
        }
        Event::AgentPreempted(preempted) => (
            format!(
                "{} is ended, to go again: {}",
                preempted.agent, preempted.reason
            ),
            Tone::Warn,
        ),
        Event::AgentFreezeVerified(AgentFreezeVerified {
            agent,
            stopped,
            total,
            held_bytes,
            ..
        }) => {
            if stopped < total {
                (
                    format!("{agent}: only {stopped} of {total} processes are stopped"),
                    Tone::Alert,
                )
            } else {
                (
                    format!(
                        "{agent} stands still: frees nothing of {}",
                        size(*held_bytes)
                    ),
                    Tone::Dim,
                )
            }
        }
        Event::AgentThawed { agent, .. } => (format!("{agent} goes on"), Tone::Plain),
        Event::AgentBlocked { agent, .. } => (format!("{agent} waits for you"), Tone::Alert),
        Event::AgentFailed { agent, reason, .. } => {
            (format!("{agent} failed: {reason}"), Tone::Bad)
        }
        Event::AgentStopped { agent, .. } => (format!("{agent} stopped"), Tone::Plain),
        // What blocks or fails tells of itself already.
        Event::AttentionRaised(raised)
            if matches!(
                raised.attention,
                AttentionKind::Approval | AttentionKind::Permission | AttentionKind::Question
            ) =>
        {
            let whose = whose(
                raised.agent.as_ref(),
                raised.phase.as_deref(),
                raised.cohort.as_deref(),
            );
            (format!("{whose} asks: {}", raised.title), Tone::Alert)
        }
        Event::AttentionRaised(raised)
            if matches!(
                raised.attention,
                AttentionKind::Deliver | AttentionKind::Budget
            ) =>
        {
            (format!("the run asks: {}", raised.title), Tone::Alert)
        }
        Event::AttentionAnswered(answered) if answered.attention == AttentionKind::Deliver => {
            match answered.answer {
                Some(Answer::Yes) => ("your branch goes forward".to_owned(), Tone::Good),
                Some(_) => ("your branch stays where it is".to_owned(), Tone::Plain),
                None => ("the run asks about its end no longer".to_owned(), Tone::Dim),
            }
        }
        Event::AttentionAnswered(answered) if answered.attention == AttentionKind::Budget => {
            work::of_budget(answered.answer)
        }
        Event::AttentionRaised(raised) if raised.attention == AttentionKind::DayGate => (
            format!("the 24-hour gate does not pass: {}", raised.title),
            Tone::Alert,
        ),
        Event::AttentionAnswered(answered) if answered.attention == AttentionKind::DayGate => {
            let how = match answered.answer {
                Some(_) => "was seen",
                None => "waits no longer",
            };
            (format!("the 24-hour gate {how}"), Tone::Dim)
        }
        Event::AttentionAnswered(answered) if answered.attention == AttentionKind::Approval => {
            let whose = whose(
                answered.agent.as_ref(),
                answered.phase.as_deref(),
                answered.cohort.as_deref(),
            );
            match answered.answer {
                Some(Answer::Yes) => (format!("{whose} is approved"), Tone::Good),
                Some(_) => (format!("{whose} is not approved"), Tone::Bad),
                None => (format!("{whose} asks no longer"), Tone::Dim),
            }
        }
        Event::AgentCompleted { agent, ran_us, .. } => {
            (format!("{agent} done, took {}", took(*ran_us)), Tone::Good)
        }
        Event::GatePassed { place, flaky } => {
            let whose = whose(
                place.agent.as_ref(),
                place.phase.as_deref(),
                place.cohort.as_deref(),
            );
            if *flaky {
                (
                    format!("{whose} passed {}, but flaky", place.gate),
                    Tone::Warn,
                )
            } else {
                (format!("{whose} passed {}", place.gate), Tone::Good)
            }
        }
        Event::GateFailed {
            place,
            reason,
            base,
            flaky,
        } => {
            let whose = whose(
                place.agent.as_ref(),
                place.phase.as_deref(),
                place.cohort.as_deref(),
            );
            let more = OnBase::beside(base.as_ref(), *flaky);
            (format!("{whose}: {reason}{more}"), Tone::Bad)
        }
        Event::PhaseStarted { phase } => (format!("phase {phase} begins"), Tone::Plain),
        Event::PhaseCompleted { phase } => (format!("phase {phase} is complete"), Tone::Good),
        Event::PhaseFailed { phase, reason } => {
            (format!("phase {phase} failed: {reason}"), Tone::Bad)
        }
        Event::CohortChecking { cohort, .. } => {
            (format!("gates of {cohort} are checked"), Tone::Plain)
        }
        Event::CohortCompleted { cohort } => (format!("gates of {cohort} have passed"), Tone::Good),
        Event::CohortFailed { cohort, reason } => (
            format!("gates of {cohort} have not passed: {reason}"),
            Tone::Bad,
        ),
        Event::WaveCompleted { wave } => (format!("wave {wave} is complete"), Tone::Dim),
        Event::ZoneChanged {
            to,
            halted,
            figures,
            ..
        } => {
            let percent = figures.pressure_permille / 10;
            let halt = if *halted { ", nothing starts" } else { "" };
            (
                format!("memory {} at {percent} %{halt}", to.name()),
                match to {
                    Zone::Green => Tone::Good,
                    Zone::Yellow => Tone::Warn,
                    Zone::Orange => Tone::Alert,
                    Zone::Red => Tone::Bad,
                },
            )
        }
        Event::Work(event) => work(event)?,
        Event::Talk(event) => talk::talk(event, record.elapsed_us)?,
        Event::Model(event) => {
            let tone = match event.as_ref() {
                ModelEvent::Kept { .. } => Tone::Warn,
                ModelEvent::Swapped { .. } | ModelEvent::Unloaded { .. } => Tone::Good,
                ModelEvent::Loaded { .. } | ModelEvent::Unloading { .. } => Tone::Dim,
            };
            (event.words(), tone)
        }
        Event::Memory(event) => (adapted::sentence(event)?, memory_tone(event)),
        Event::Measure(event) => (event.words(), Tone::Bad),
        Event::Lease(event) => talk::lease(event)?,
        _ => return None,
    };
    Some(Note {
        seq: record.seq,
        at_ms: record.at_ms,
        text: clean_text(&text, SENTENCE),
        tone,
    })
}

/// How urgent what memory made the run do looks.
const fn memory_tone(event: &MemoryEvent) -> Tone {
    match event {
        MemoryEvent::Adapted {
            what: Adapted::Nothing,
            ..
        } => Tone::Bad,
        MemoryEvent::Adapted { .. } | MemoryEvent::Parking { .. } => Tone::Warn,
        _ => Tone::Plain,
    }
}

/// What an agent reports, where a person should know: how far it is stands on the cards.
fn said(report: &AgentProgress) -> Option<(String, Tone)> {
    let agent = &report.agent;
    if let Some(error) = &report.error {
        let first = error.lines().next().unwrap_or_default();
        return Some((
            format!("{agent} reports what cannot be read: {first}"),
            Tone::Warn,
        ));
    }
    let tone = match report.status {
        Some(Health::Blocked) => Tone::Alert,
        Some(Health::AtRisk) => Tone::Warn,
        _ if report.blockers.is_empty() => return None,
        _ => Tone::Warn,
    };
    Some((progress(report), tone))
}

/// A report in one line.
pub(super) fn progress(report: &AgentProgress) -> String {
    let mut text = format!("{} says", report.agent);
    if let Some(status) = report.status {
        let _ = write!(text, " {}", status.name());
    }
    if let Some(percent) = report.progress_percent {
        let _ = write!(text, " {percent} %");
    }
    let worst = report.blockers.first().map(|b| b.blocker.as_str());
    if let Some(what) = worst.or(report.doing.as_deref()) {
        let _ = write!(text, ": {what}");
    }
    text
}
