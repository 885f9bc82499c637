//! Events in words alone, for screen readers: no sign stands for a word, the time comes last.
//!
//! Must not say anything that the readable lines do not say.

use crate::{
    display::{clean_line, spoken},
    engine::{Event, Record},
};

use super::sentence;

/// Signs that a readable line may begin with.
const SIGNS: [&str; 7] = ["> ", "+ ", "x ", "- ", "! ", "= ", "  "];

/// Says an event in one clean line; none for what is routine.
#[must_use]
pub fn line(record: &Record) -> Option<String> {
    let text = match &record.event {
        Event::AgentStarted { agent, attempt, .. } => match attempt {
            1 => format!("{agent} starts"),
            n => format!("{agent} starts, attempt {n}"),
        },
        Event::ZoneChanged { .. } | Event::RunDegraded { .. } => {
            // A word in capitals may be read letter by letter.
            sentence(&record.event)?.trim_start().to_lowercase()
        }
        Event::AgentBlocked { agent, reason, .. } => {
            format!("{agent} waits for you: {reason}. To try again: retry {agent}")
        }
        event => {
            let text = sentence(event)?;
            let bare = SIGNS.iter().find_map(|sign| text.strip_prefix(sign));
            bare.unwrap_or(&text)
                .trim_start()
                .replace("WAITS FOR YOU", "waits for you")
                .replace("FAILED", "failed")
        }
    };
    let seconds = record.elapsed_us / 1_000_000;
    let at = match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    };
    let text = spoken(&clean_line(&text, 400));
    let text = text.trim_end_matches('.');
    Some(format!("{text}, at {at}"))
}
