//! What agents said, as it stands in a card.
//!
//! Read with the same care as the rest of the card: anybody may have written into the file. Must
//! not know the card's other keys.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{
    Spoken,
    parse::{HEALTH, Problems},
    values::{items, name, number, word},
};

/// Keys of what an agent said, in a card.
pub const SPOKEN_KEYS: [&str; 9] = [
    "agent",
    "at",
    "status",
    "progress_percent",
    "measured_percent",
    "doing",
    "completed_today",
    "planned_tomorrow",
    "error",
];
/// Most agents whose words a card holds.
pub const MOST_SPOKEN: usize = 40;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSpoken {
    agent: Option<Spanned<String>>,
    at: Option<Spanned<String>>,
    status: Option<Spanned<String>>,
    progress_percent: Option<Spanned<f64>>,
    measured_percent: Option<Spanned<f64>>,
    doing: Option<Spanned<String>>,
    #[serde(default)]
    completed_today: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    planned_tomorrow: Option<Vec<Spanned<String>>>,
    error: Option<Spanned<String>>,
}

pub(super) fn spoken(list: Option<Vec<Spanned<RawSpoken>>>, sink: &mut Problems) -> Vec<Spoken> {
    let list = list.unwrap_or_default();
    if let Some(first) = list.get(MOST_SPOKEN) {
        sink.at(
            first.referenced,
            format!(
                "`reports` has {} entries; at most {MOST_SPOKEN} are read",
                list.len()
            ),
            None,
        );
        return Vec::new();
    }
    let mut out = Vec::with_capacity(list.len());
    for entry in list {
        let (at, raw) = (entry.referenced, entry.value);
        let when = raw.at.and_then(|at| {
            let read = at.value.parse::<jiff::Timestamp>().ok();
            if read.is_none() {
                sink.at(
                    at.referenced,
                    format!("`{}` is no time", at.value),
                    Some("write it as `2026-11-20T14:01:00Z`".to_owned()),
                );
            }
            read
        });
        let said = Spoken {
            agent: name(raw.agent, "agent", sink).unwrap_or_default(),
            at_ms: when.map_or(0, jiff::Timestamp::as_millisecond),
            status: word(raw.status, "status", &HEALTH, sink),
            progress_percent: percent(raw.progress_percent, "progress_percent", sink),
            measured_percent: percent(raw.measured_percent, "measured_percent", sink),
            doing: name(raw.doing, "doing", sink),
            completed_today: items(raw.completed_today, "completed_today", sink),
            planned_tomorrow: items(raw.planned_tomorrow, "planned_tomorrow", sink),
            error: name(raw.error, "error", sink),
        };
        if said.agent.is_empty() {
            sink.at(
                at,
                "a report without `agent`".to_owned(),
                Some("say whose it is: `agent: api`".to_owned()),
            );
        } else {
            out.push(said);
        }
    }
    out
}

pub(super) fn percent(value: Option<Spanned<f64>>, key: &str, sink: &mut Problems) -> Option<u8> {
    number(value, key, 100.0, sink).map(|n| n as u8)
}
