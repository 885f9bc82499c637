//! Reads cards and agents' reports: text from agents, so hostile.
//!
//! Bounded in size, depth and number of things; all problems of values at once, each with line,
//! column and what to do. What is taken has been cleaned for display. Must not open files.

use jiff::civil::Date;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use crate::{
    display::clean_line,
    plan::diag::{self, Diagnostic, Severity as Weight},
};

use super::{
    Card, Health, ResourceUsage, Spoken, Words,
    spoken::{RawSpoken, percent, spoken},
    values::{blockers, items, name, number, word},
    yaml,
};

/// Longest file that is read, in bytes.
pub const MOST_BYTES: usize = 64 << 10;
/// Most entries in a list.
pub const MOST_ITEMS: usize = 100;
/// Most entries of a list in an agent's report; the rest is cut.
const REPORT_LINES: usize = 10;
/// Longest text in an agent's report, in columns; the rest is cut.
const REPORT_COLUMNS: usize = 200;
/// Keys at the top, in the order of the file.
pub const KEYS: [&str; 11] = [
    "date",
    "track",
    "agent",
    "status",
    "progress_percent",
    "completed_today",
    "planned_tomorrow",
    "blockers",
    "resource_usage",
    "doing",
    "reports",
];
/// Keys of a blocker.
pub const BLOCKER_KEYS: [&str; 4] = ["blocker", "severity", "resolution_plan", "by"];
/// How a track or an agent stands, as files have it.
pub(super) const HEALTH: [(&str, Health); 3] = [
    ("on-track", Health::OnTrack),
    ("at-risk", Health::AtRisk),
    ("blocked", Health::Blocked),
];
/// Keys of `resource_usage`.
pub const RESOURCE_KEYS: [&str; 3] = ["ram_gb", "model", "duration_hours"];

/// What stands in a file, whoever wrote it; whatever is left out is not said.
#[derive(Debug, PartialEq, Eq, Default)]
struct Read {
    date: Option<Date>,
    track: Option<String>,
    agent: Option<String>,
    words: Words,
    spoken: Vec<Spoken>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    date: Option<Spanned<String>>,
    track: Option<Spanned<String>>,
    agent: Option<Spanned<String>>,
    status: Option<Spanned<String>>,
    progress_percent: Option<Spanned<f64>>,
    #[serde(default)]
    completed_today: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    planned_tomorrow: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    blockers: Option<Vec<Spanned<RawBlocker>>>,
    #[serde(default)]
    resource_usage: Option<RawResources>,
    doing: Option<Spanned<String>>,
    #[serde(default)]
    reports: Option<Vec<Spanned<RawSpoken>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBlocker {
    pub(super) blocker: Option<Spanned<String>>,
    pub(super) severity: Option<Spanned<String>>,
    pub(super) resolution_plan: Option<Spanned<String>>,
    pub(super) by: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawResources {
    ram_gb: Option<Spanned<f64>>,
    model: Option<Spanned<String>>,
    duration_hours: Option<Spanned<f64>>,
}

/// Why a file was not taken: the problems, and their text for a terminal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct StatusError {
    /// Each with its place.
    pub problems: Vec<Diagnostic>,
    text: String,
}

/// Reads a whole card; `file` is its name in messages.
///
/// # Errors
/// All that is wrong with it: syntax, unknown keys, values out of range, and what is missing.
pub fn parse_card(text: &str, file: &str) -> Result<Card, StatusError> {
    let mut sink = Problems::default();
    let report = read(text, &mut sink);
    let missing = [
        ("date", report.date.is_none()),
        ("track", report.track.is_none()),
        ("status", report.words.status.is_none()),
        ("progress_percent", report.words.progress_percent.is_none()),
    ];
    if sink.0.is_empty() {
        for (key, _) in missing.iter().filter(|(_, missing)| *missing) {
            sink.nowhere(
                format!("`{key}` is missing"),
                format!("add `{}`", example(key)),
            );
        }
    }
    let (Some(date), Some(track), Some(status), Some(progress_percent)) = (
        report.date,
        report.track,
        report.words.status,
        report.words.progress_percent,
    ) else {
        return Err(sink.error(file, text));
    };
    if !sink.0.is_empty() {
        return Err(sink.error(file, text));
    }
    Ok(Card {
        date,
        track,
        agent: report.agent.unwrap_or_default(),
        status,
        progress_percent,
        completed_today: report.words.completed_today,
        planned_tomorrow: report.words.planned_tomorrow,
        blockers: report.words.blockers,
        resource_usage: report.words.resource_usage.unwrap_or_default(),
        reports: report.spoken,
    })
}

/// Reads what the agent `own` says of itself: the same keys, none of which must be there.
///
/// # Errors
/// As [`parse_card`], but nothing can be missing save everything.
pub fn parse_report(text: &str, file: &str, own: &str) -> Result<Words, StatusError> {
    let mut sink = Problems::default();
    let report = read(text, &mut sink);
    if let Some(other) = report.agent.as_ref().filter(|id| *id != own) {
        sink.nowhere(
            format!("it speaks of the agent `{other}`"),
            format!("an agent reports of itself alone: `agent: {own}`, or leave the key out"),
        );
    }
    if sink.0.is_empty() && report == Read::default() {
        sink.nowhere(
            "it says nothing".to_owned(),
            format!("write at least `{}`", example("progress_percent")),
        );
    }
    if !report.spoken.is_empty() {
        sink.nowhere(
            "`reports` is for wavedeck to write".to_owned(),
            "say the same with the keys at the top".to_owned(),
        );
    }
    if sink.0.is_empty() {
        Ok(bounded(report.words))
    } else {
        Err(sink.error(file, text))
    }
}

/// Cuts a report to what an event may hold: it goes into the journal, again and again.
fn bounded(mut words: Words) -> Words {
    let cut = |text: &mut String, most: usize| {
        *text = clean_line(std::mem::take(text), most);
    };
    words.completed_today.truncate(REPORT_LINES);
    words.planned_tomorrow.truncate(REPORT_LINES);
    words.blockers.truncate(REPORT_LINES);
    for text in words
        .completed_today
        .iter_mut()
        .chain(&mut words.planned_tomorrow)
        .chain(&mut words.doing)
    {
        cut(text, REPORT_COLUMNS);
    }
    for blocker in &mut words.blockers {
        // Who says it is known; what it claims of others is not taken.
        blocker.by.clear();
        cut(&mut blocker.blocker, REPORT_COLUMNS);
        cut(&mut blocker.resolution_plan, REPORT_COLUMNS);
    }
    if let Some(model) = words.resource_usage.as_mut().and_then(|r| r.model.as_mut()) {
        cut(model, 60);
    }
    words
}

/// An example line for a key.
fn example(key: &str) -> &'static str {
    match key {
        "date" => "date: 2026-11-20",
        "track" => "track: A",
        "status" => "status: on-track",
        _ => "progress_percent: 40",
    }
}

#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Diagnostic>);

impl Problems {
    pub(super) fn at(&mut self, location: Location, message: String, help: Option<String>) {
        let narrow = |n: u64| u32::try_from(n).unwrap_or(0);
        let (line, column) = (narrow(location.line()), narrow(location.column()));
        self.0.push(Diagnostic {
            severity: Weight::Error,
            line,
            column: if line == 0 { 0 } else { column.max(1) },
            message: clean_line(message, 300),
            help,
            related: None,
        });
    }

    fn nowhere(&mut self, message: String, help: String) {
        self.at(Location::UNKNOWN, message, Some(help));
    }

    fn error(mut self, file: &str, source: &str) -> StatusError {
        self.0.sort_by_key(|d| (d.line, d.column));
        let text = diag::render(&self.0, file, source);
        StatusError {
            problems: self.0,
            text,
        }
    }
}

fn read(text: &str, sink: &mut Problems) -> Read {
    if text.len() > MOST_BYTES {
        sink.nowhere(
            format!("it has {} bytes; at most {MOST_BYTES} are read", text.len()),
            "say less: a card is a page".to_owned(),
        );
        return Read::default();
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text
        .lines()
        .all(|l| l.trim().is_empty() || l.starts_with('#') || l == "---")
    {
        return Read::default();
    }
    match yaml::read::<Raw>(text, "a card") {
        Ok(raw) => raw.check(sink),
        Err(fault) => {
            sink.at(fault.location, fault.message, fault.help);
            Read::default()
        }
    }
}

impl Raw {
    fn check(self, sink: &mut Problems) -> Read {
        let date = self.date.and_then(|d| {
            d.value.parse::<Date>().ok().or_else(|| {
                sink.at(
                    d.referenced,
                    format!("`{}` is not a day", d.value),
                    Some("write year-month-day, `2026-11-20`".to_owned()),
                );
                None
            })
        });
        Read {
            date,
            track: name(self.track, "track", sink),
            agent: name(self.agent, "agent", sink),
            words: Words {
                status: word(self.status, "status", &HEALTH, sink),
                progress_percent: percent(self.progress_percent, "progress_percent", sink),
                doing: name(self.doing, "doing", sink),
                completed_today: items(self.completed_today, "completed_today", sink),
                planned_tomorrow: items(self.planned_tomorrow, "planned_tomorrow", sink),
                blockers: blockers(self.blockers, sink),
                resource_usage: self.resource_usage.map(|used| used.check(sink)),
            },
            spoken: spoken(self.reports, sink),
        }
    }
}

impl RawResources {
    fn check(self, sink: &mut Problems) -> ResourceUsage {
        let thousandths = |n: f64| (n * 1000.0).round() as u64;
        ResourceUsage {
            ram_bytes: number(self.ram_gb, "ram_gb", 1e6, sink)
                .map(|gb| thousandths(gb) * 1_000_000),
            model: name(self.model, "model", sink),
            duration_s: number(self.duration_hours, "duration_hours", 1e5, sink)
                .map(|hours| (hours * 3600.0).round() as u64),
        }
    }
}
