//! What a card holds, and its text.
//!
//! Integers inside (permille are not needed: a card is a summary); decimals are made where the text
//! is written. Must not read files or look at a run.

use std::fmt::Write as _;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use crate::engine::{Blocker, Health, ResourceUsage, Severity};

use super::{
    parse::{MOST_BYTES, MOST_ITEMS},
    spoken::MOST_SPOKEN,
};

/// What one agent says of itself, beside what was measured.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spoken {
    /// Who.
    pub agent: String,
    /// When it said so, milliseconds since the epoch.
    pub at_ms: i64,
    /// How it stands, as it says.
    pub status: Option<Health>,
    /// How much is done, 0 to 100, as it says.
    pub progress_percent: Option<u8>,
    /// The share of its expected time that it has run, 0 to 100: an estimate.
    pub measured_percent: Option<u8>,
    /// What it does now.
    pub doing: Option<String>,
    /// What it did.
    pub completed_today: Vec<String>,
    /// What it will do.
    pub planned_tomorrow: Vec<String>,
    /// Why its newest report could not be taken.
    pub error: Option<String>,
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
    pub resource_usage: ResourceUsage,
    /// What its agents say of themselves.
    pub reports: Vec<Spoken>,
}

impl Card {
    /// Returns the card as YAML, always the same text for the same card.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut out = String::with_capacity(512);
        let _ = writeln!(out, "date: {}", self.date);
        line(&mut out, "", "track", &self.track);
        if !self.agent.is_empty() {
            line(&mut out, "", "agent", &self.agent);
        }
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
                if !b.by.is_empty() {
                    line(&mut out, "    ", "by", &b.by);
                }
            }
        }
        let used = &self.resource_usage;
        if *used == ResourceUsage::default() {
            out.push_str("resource_usage: {}\n");
        } else {
            out.push_str("resource_usage:\n");
        }
        if let Some(bytes) = used.ram_bytes {
            let _ = writeln!(out, "  ram_gb: {}", thousandths(bytes / 1_000_000));
        }
        if let Some(model) = &used.model {
            line(&mut out, "  ", "model", model);
        }
        if let Some(seconds) = used.duration_s {
            let _ = writeln!(out, "  duration_hours: {}", thousandths(seconds * 10 / 36));
        }
        if !self.reports.is_empty() {
            out.push_str("reports:\n");
            for said in &self.reports {
                said.write(&mut out);
            }
        }
        out
    }

    /// Takes what others wrote into the file before: what agents and people said that this card has
    /// nothing newer of. `ours` tells the ids of the plan's agents.
    pub fn merge(&mut self, old: &Self, ours: impl Fn(&str) -> bool) {
        for said in &old.reports {
            let known = self.reports.iter().any(|new| new.agent == said.agent);
            if !known && ours(&said.agent) {
                self.reports.push(said.clone());
            }
        }
        for blocker in &old.blockers {
            let newer = self.reports.iter().any(|new| new.agent == blocker.by);
            let kept = !blocker.by.is_empty() && !newer;
            if kept && !self.blockers.contains(blocker) {
                self.blockers.push(blocker.clone());
            }
        }
        self.blockers.sort_by_key(|b| b.severity);
        self.fit();
    }

    /// Cuts it to what is read again: the least urgent goes first.
    pub fn fit(&mut self) {
        self.completed_today.truncate(MOST_ITEMS);
        self.planned_tomorrow.truncate(MOST_ITEMS);
        self.blockers.truncate(MOST_ITEMS);
        self.reports.truncate(MOST_SPOKEN);
        while self.to_yaml().len() > MOST_BYTES {
            let all = [
                self.reports.len(),
                self.completed_today.len(),
                self.planned_tomorrow.len(),
                self.blockers.len(),
            ];
            match all.iter().enumerate().max_by_key(|(_, n)| **n) {
                Some((0, _)) if all[0] > 0 => self.reports.truncate(all[0] / 2),
                Some((1, _)) => self.completed_today.truncate(all[1] / 2),
                Some((2, _)) => self.planned_tomorrow.truncate(all[2] / 2),
                Some((_, n)) if *n > 0 => self.blockers.truncate(all[3] / 2),
                _ => break,
            }
        }
    }
}

impl Spoken {
    fn write(&self, out: &mut String) {
        line(out, "  - ", "agent", &self.agent);
        let at =
            jiff::Timestamp::from_millisecond(self.at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        // None: what it said could never be read.
        if self.at_ms != 0 {
            let _ = writeln!(out, "    at: {at:.3}");
        }
        if let Some(status) = self.status {
            let _ = writeln!(out, "    status: {}", status.name());
        }
        for (key, percent) in [
            ("progress_percent", self.progress_percent),
            ("measured_percent", self.measured_percent),
        ] {
            if let Some(percent) = percent {
                let _ = writeln!(out, "    {key}: {percent}");
            }
        }
        if let Some(doing) = &self.doing {
            line(out, "    ", "doing", doing);
        }
        for (key, lines) in [
            ("completed_today", &self.completed_today),
            ("planned_tomorrow", &self.planned_tomorrow),
        ] {
            if !lines.is_empty() {
                let _ = writeln!(out, "    {key}:");
                for text in lines {
                    let _ = writeln!(out, "      - {}", quoted(text));
                }
            }
        }
        if let Some(error) = &self.error {
            line(out, "    ", "error", error);
        }
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
pub(super) fn quoted(text: &str) -> String {
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

    fn spoken() -> impl Strategy<Value = Spoken> {
        (
            (text(), prop::option::of(text()), prop::option::of(text())),
            (0_i64..4_000_000_000_000, prop::option::of(0_u8..=100)),
            prop::collection::vec(text(), 0..3),
        )
            .prop_map(|((agent, doing, error), (at_ms, percent), lines)| Spoken {
                agent,
                at_ms,
                status: percent.map(|_| Health::AtRisk),
                progress_percent: percent,
                measured_percent: percent,
                doing,
                planned_tomorrow: lines.clone(),
                completed_today: lines,
                error,
            })
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
            prop::collection::vec(spoken(), 0..3),
        )
            .prop_map(
                |((track, agent, percent, day), done, blockers, used, spoken)| Card {
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
                                by: ["", "api"][n % 2].into(),
                            })
                            .collect(),
                    ),
                    resource_usage: ResourceUsage {
                        ram_bytes: used.0.map(|mb| mb * 1_000_000),
                        model: used.1,
                        duration_s: used.2.map(|n| n * 36),
                    },
                    reports: spoken,
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
    fn however_much_is_said_a_card_is_read_again() {
        let long = "w".repeat(300);
        let lines = vec![long.clone(); 400];
        let mut card = Card {
            date: Date::constant(2026, 11, 20),
            track: "A".into(),
            agent: String::new(),
            status: Health::OnTrack,
            progress_percent: 0,
            completed_today: lines.clone(),
            planned_tomorrow: lines.clone(),
            blockers: Vec::new(),
            resource_usage: ResourceUsage::default(),
            reports: Vec::new(),
        };
        let mut old = card.clone();
        old.reports = (0..90)
            .map(|n| Spoken {
                agent: format!("a{n}"),
                completed_today: lines[..10].to_vec(),
                ..Spoken::default()
            })
            .collect();
        old.blockers = (0..400)
            .map(|n| Blocker {
                blocker: long.clone(),
                severity: Severity::Low,
                resolution_plan: String::new(),
                by: format!("p{n}"),
            })
            .collect();
        card.merge(&old, |_| true);
        let text = card.to_yaml();
        assert!(text.len() <= MOST_BYTES, "{}", text.len());
        assert!(text.len() > MOST_BYTES / 4, "not more is cut than must be");
        assert_eq!(parse_card(&text, "x").as_ref(), Ok(&card));
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
                by: "api".into(),
            }],
            resource_usage: ResourceUsage {
                ram_bytes: Some(5_200_000_000),
                model: Some("claude:sonnet".into()),
                duration_s: Some(4320),
            },
            reports: vec![Spoken {
                agent: "api".into(),
                at_ms: 1_795_176_000_000,
                status: Some(Health::AtRisk),
                progress_percent: Some(90),
                measured_percent: Some(40),
                doing: Some("writes the handlers".into()),
                ..Spoken::default()
            }],
        };
        insta::assert_snapshot!(card.to_yaml());
    }
}
