//! What a card holds, and its text.
//!
//! Integers inside (permille are not needed: a card is a summary); decimals are made where the text
//! is written. Must not read files or look at a run.

use std::fmt::Write as _;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// How a track or an agent stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Nothing is in the way.
    #[default]
    OnTrack,
    /// It goes on, but something endangers it.
    AtRisk,
    /// It cannot go on without help.
    Blocked,
}

impl Health {
    /// Returns the word of the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnTrack => "on-track",
            Self::AtRisk => "at-risk",
            Self::Blocked => "blocked",
        }
    }
}

/// How bad a blocker is, the worst first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The run cannot reach its goal.
    Critical,
    /// The track cannot go on.
    High,
    /// Something is late or dearer.
    #[default]
    Medium,
    /// Worth knowing.
    Low,
}

impl Severity {
    /// Returns the word of the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// Something in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    /// What.
    pub blocker: String,
    /// How bad.
    pub severity: Severity,
    /// What will be done about it; empty where nobody knows.
    pub resolution_plan: String,
}

/// What a track uses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Resources {
    /// Measured memory of its agents now, in bytes; in the file `ram_gb`, 10^9 bytes.
    pub ram_bytes: Option<u64>,
    /// The workers that are at work, or worked last.
    pub model: Option<String>,
    /// Time spent in the current phase, in seconds; in the file `duration_hours`.
    pub duration_s: Option<u64>,
}

/// One card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The day that it is about.
    pub date: Date,
    /// Id of the track.
    pub track: String,
    /// The agents that are at work, or worked last.
    pub agent: String,
    /// How it stands.
    pub status: Health,
    /// How much of it is done, 0 to 100.
    pub progress_percent: u8,
    /// What was done on that day.
    pub completed_today: Vec<String>,
    /// What comes next.
    pub planned_tomorrow: Vec<String>,
    /// What is in the way, the worst first.
    pub blockers: Vec<Blocker>,
    /// What it uses.
    pub resource_usage: Resources,
}

impl Card {
    /// Returns the card as YAML, always the same text for the same card.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut out = String::with_capacity(512);
        let _ = writeln!(out, "date: {}", self.date);
        line(&mut out, "", "track", &self.track);
        line(&mut out, "", "agent", &self.agent);
        let _ = writeln!(out, "status: {}", self.status.name());
        let _ = writeln!(out, "progress_percent: {}", self.progress_percent);
        list(&mut out, "completed_today", &self.completed_today);
        list(&mut out, "planned_tomorrow", &self.planned_tomorrow);
        if self.blockers.is_empty() {
            out.push_str("blockers: []\n");
        } else {
            out.push_str("blockers:\n");
            for b in &self.blockers {
                line(&mut out, "  - ", "blocker", &b.blocker);
                let _ = writeln!(out, "    severity: {}", b.severity.name());
                line(&mut out, "    ", "resolution_plan", &b.resolution_plan);
            }
        }
        let used = &self.resource_usage;
        if *used == Resources::default() {
            out.push_str("resource_usage: {}\n");
            return out;
        }
        out.push_str("resource_usage:\n");
        if let Some(bytes) = used.ram_bytes {
            let _ = writeln!(out, "  ram_gb: {}", thousandths(bytes / 1_000_000));
        }
        if let Some(model) = &used.model {
            line(&mut out, "  ", "model", model);
        }
        if let Some(seconds) = used.duration_s {
            let _ = writeln!(out, "  duration_hours: {}", thousandths(seconds * 10 / 36));
        }
        out
    }
}

/// A number of thousandths with three places.
fn thousandths(n: u64) -> String {
    format!("{}.{:03}", n / 1000, n % 1000)
}

fn line(out: &mut String, lead: &str, key: &str, text: &str) {
    let _ = writeln!(out, "{lead}{key}: {}", quoted(text));
}

fn list(out: &mut String, key: &str, items: &[String]) {
    if items.is_empty() {
        let _ = writeln!(out, "{key}: []");
        return;
    }
    let _ = writeln!(out, "{key}:");
    for item in items {
        let _ = writeln!(out, "  - {}", quoted(item));
    }
}

/// A double-quoted scalar: a JSON string is one, whatever stands in it, and it never reads as a
/// number, a date or `no`.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // Also what an editor or a terminal would not show.
            c if c.is_control() || crate::display::invisible(c) => {
                let n = u32::from(c);
                let _ = if n > 0xffff {
                    write!(out, "\\U{n:08X}")
                } else {
                    write!(out, "\\u{n:04X}")
                };
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::status::parse_card;

    fn text() -> impl Strategy<Value = String> {
        // The reader wants a line of text that says something.
        "[!-~äöλ中][ -~äöλ中]{0,30}".prop_filter("without blanks at its end", |t| t.trim() == t)
    }

    fn worst_first(mut blockers: Vec<Blocker>) -> Vec<Blocker> {
        blockers.sort_by_key(|b| b.severity);
        blockers
    }

    fn card() -> impl Strategy<Value = Card> {
        (
            (text(), text(), 0_u8..=100, 0_i16..400),
            prop::collection::vec(text(), 0..3),
            prop::collection::vec((text(), 0..4_usize, text()), 0..3),
            (
                prop::option::of(0_u64..200_000),
                prop::option::of(text()),
                prop::option::of(0_u64..200),
            ),
        )
            .prop_map(
                |((track, agent, percent, day), done, blockers, used)| Card {
                    date: Date::constant(2026, 1, 1)
                        .checked_add(jiff::Span::new().days(day))
                        .unwrap(),
                    track,
                    agent,
                    status: [Health::OnTrack, Health::AtRisk, Health::Blocked]
                        [usize::from(percent) % 3],
                    progress_percent: percent,
                    planned_tomorrow: done.iter().rev().cloned().collect(),
                    completed_today: done,
                    blockers: worst_first(
                        blockers
                            .into_iter()
                            .map(|(blocker, n, resolution_plan)| Blocker {
                                blocker,
                                severity: [
                                    Severity::Critical,
                                    Severity::High,
                                    Severity::Medium,
                                    Severity::Low,
                                ][n],
                                resolution_plan,
                            })
                            .collect(),
                    ),
                    resource_usage: Resources {
                        ram_bytes: used.0.map(|mb| mb * 1_000_000),
                        model: used.1,
                        duration_s: used.2.map(|n| n * 36),
                    },
                },
            )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(card in card()) {
            let text = card.to_yaml();
            let read = parse_card(&text, "x.yaml");
            prop_assert_eq!(read.as_ref().ok(), Some(&card), "{}\n{:?}", text, read);
        }
    }

    #[test]
    fn a_card_is_a_page_of_plain_text() {
        let card = Card {
            date: Date::constant(2026, 11, 20),
            track: "A".into(),
            agent: "api, api-auth".into(),
            status: Health::AtRisk,
            progress_percent: 40,
            completed_today: vec!["schema: tables for \"invoices\"".into()],
            planned_tomorrow: vec!["api-docs".into()],
            blockers: vec![Blocker {
                blocker: "api waits for an answer since 37m\u{202e}".into(),
                severity: Severity::High,
                resolution_plan: "answer it".into(),
            }],
            resource_usage: Resources {
                ram_bytes: Some(5_200_000_000),
                model: Some("claude:sonnet".into()),
                duration_s: Some(4320),
            },
        };
        insta::assert_snapshot!(card.to_yaml());
    }
}
