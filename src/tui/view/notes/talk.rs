//! Conversations with agent programs, budgets, providers and leases in words.
//!
//! Says what a person would miss. What an agent reports all the time, and what a rule answers, is not told.

use crate::{
    display::figures::{exact, ordinal},
    engine::{LeaseCause, LeaseEvent, Replied, TalkEvent, ToldBy, size_asked, size_free},
    tui::view::words::{Tone, span},
};

/// An event about memory for a command in words, routine or not.
#[must_use]
pub fn leased(event: &LeaseEvent) -> String {
    match event {
        LeaseEvent::Waiting {
            agent,
            name,
            ram_bytes,
            place,
            free_bytes,
            ..
        } => {
            let (asked, free) = (size_asked(*ram_bytes), size_free(*free_bytes));
            let place = ordinal(*place);
            format!("{agent}: {name} waits for {asked}: {place} in line, {free} free")
        }
        LeaseEvent::Granted {
            agent,
            name,
            ram_bytes,
            waited_us,
            cause,
            free_bytes,
            ..
        } => {
            let (asked, waited) = (size_asked(*ram_bytes), exact(*waited_us));
            match cause {
                LeaseCause::Room if *waited_us == 0 => format!("{agent}: {name} has its {asked}"),
                LeaseCause::Room => format!("{agent}: {name} has its {asked} after {waited}"),
                LeaseCause::Alone => {
                    let free = size_free(*free_bytes);
                    format!("{agent}: {name} gets {asked} of {free}: all that runs waits")
                }
                LeaseCause::Late => {
                    format!("{agent}: {name} runs without its {asked}: it has waited {waited}")
                }
            }
        }
        LeaseEvent::Returned {
            agent,
            name,
            ram_bytes: 0,
            ..
        } => format!("{agent}: {name} waits no longer"),
        LeaseEvent::Returned {
            agent,
            name,
            ram_bytes,
            ..
        } => format!("{agent}: {name} gives {} back", size_asked(*ram_bytes)),
    }
}

/// Puts an event about memory for a command into words; none where nothing had to wait.
pub(super) fn lease(event: &LeaseEvent) -> Option<(String, Tone)> {
    let tone = match event {
        LeaseEvent::Granted {
            cause: LeaseCause::Late,
            ..
        } => Tone::Alert,
        LeaseEvent::Granted {
            cause: LeaseCause::Alone,
            ..
        } => Tone::Warn,
        _ => Tone::Dim,
    };
    event.is_news().then(|| (leased(event), tone))
}

/// Puts an event into words; routine ones give none. `now_us` is when it happened (elapsed µs).
pub(super) fn talk(event: &TalkEvent, now_us: u64) -> Option<(String, Tone)> {
    Some(match event {
        TalkEvent::Answered {
            agent, fails: true, ..
        } => (
            format!("{agent} asks, and nobody is there: it fails"),
            Tone::Bad,
        ),
        // Many a call is let through by rule; what waits for a person is told by the queue's own events.
        TalkEvent::Answered { by, .. } if by == "rule" => return None,
        TalkEvent::Answered {
            agent,
            reply,
            text,
            by,
            ..
        } => {
            let how = match reply {
                Some(Replied::Allowed) => "it may",
                Some(Replied::Denied) => "it may not",
                Some(Replied::Said) => "answered",
                None => "it asks no longer",
            };
            let text = match text.as_str() {
                "" => String::new(),
                text => format!(": {text}"),
            };
            let by = match by.as_str() {
                "deck" => " (you)",
                "engine" => "",
                _ => " (ctl)",
            };
            (format!("{agent}: {how}{by}{text}"), Tone::Dim)
        }
        TalkEvent::Told {
            agent,
            messages,
            how,
            ..
        } => {
            let how = match how {
                ToldBy::Live => "while it works",
                ToldBy::Turn => "with its turn",
            };
            let what = match messages.len() {
                1 => "what you said".to_owned(),
                n => format!("your {n} messages"),
            };
            (format!("{agent} was told {what}, {how}"), Tone::Plain)
        }
        TalkEvent::BudgetWarned {
            budget,
            used,
            limit,
        } => (
            format!(
                "a budget is nearly used up: {} of {}",
                budget.amount(*used),
                budget.amount(*limit)
            ),
            Tone::Warn,
        ),
        TalkEvent::BudgetSpent {
            budget,
            used,
            limit,
            ..
        } => (
            format!(
                "{} of {} used: nothing more is started",
                budget.amount(*used),
                budget.amount(*limit)
            ),
            Tone::Bad,
        ),
        TalkEvent::RateReached { used, limit, .. } => (
            format!("{used} tokens in the last minute, of {limit}: the next start waits"),
            Tone::Warn,
        ),
        TalkEvent::RateRecovered { .. } => {
            ("the rate of tokens lets more start".to_owned(), Tone::Dim)
        }
        TalkEvent::Limited {
            provider,
            until_us,
            reason,
            ..
        } => (
            format!(
                "{provider} takes no more for {}: {reason}",
                span(until_us.saturating_sub(now_us))
            ),
            Tone::Warn,
        ),
        TalkEvent::Unlimited { provider } => (format!("{provider} takes work again"), Tone::Good),
        TalkEvent::Silent { agent, reason, .. } => (format!("{agent}: {reason}"), Tone::Warn),
        TalkEvent::Redacted { agent, found, .. } => {
            let s = if *found == 1 { "" } else { "s" };
            (
                format!("{found} secret{s} of {agent} taken out of what is kept"),
                Tone::Warn,
            )
        }
        TalkEvent::Asked { .. }
        | TalkEvent::Chosen { .. }
        | TalkEvent::Session { .. }
        | TalkEvent::Used { .. }
        | TalkEvent::Prompted { .. }
        | TalkEvent::Verdict { .. } => return None,
    })
}
