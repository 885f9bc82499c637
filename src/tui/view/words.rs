//! Figures in words: times, sizes, lists of names; and how a text is meant.
//!
//! All text that leaves here is clean. Must not know places, widths or styles.

use std::fmt::Write as _;

pub use crate::display::figures::{dollars, size, span, tokens, took};
use crate::{
    display::{clean_line, prefix, width},
    resources::AgentSample,
};

/// What an agent's processes hold, in bytes as [`size`] has it; `~` where that is only an upper bound: shared
/// pages count in each of them.
#[must_use]
pub fn held(agent: &AgentSample) -> String {
    let about = if agent.at_most() { "~" } else { "" };
    format!("{about}{}", size(agent.counted_bytes()))
}

/// Bytes a minute in words: by the second where that is a whole MiB, `steady` where it is less than one a minute.
#[must_use]
pub fn rate(per_minute: i64) -> String {
    const MIB: u64 = 1 << 20;
    let sign = if per_minute < 0 { '-' } else { '+' };
    match per_minute.unsigned_abs() {
        0..MIB => "steady".to_owned(),
        bytes if bytes >= 60 * MIB => format!("{sign}{}/s", size(bytes / 60)),
        bytes => format!("{sign}{}/min", size(bytes)),
    }
}

/// Longest sentence, in columns.
pub(super) const SENTENCE: usize = 240;

/// How a text is meant; a theme says how that looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// As text.
    #[default]
    Plain,
    /// In the background.
    Dim,
    /// Well.
    Good,
    /// Worth a look.
    Warn,
    /// More than that.
    Alert,
    /// Wrong.
    Bad,
    /// Of the critical path.
    Critical,
}

/// A time of day in a time zone.
#[must_use]
pub fn clock(at_ms: i64, zone: &jiff::tz::TimeZone, seconds: bool) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let at = at.to_zoned(zone.clone());
    if seconds {
        format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
    } else {
        format!("{:02}:{:02}", at.hour(), at.minute())
    }
}

/// Returns names joined: `a, b, c +3`.
#[must_use]
pub fn names<'a>(all: impl Iterator<Item = &'a str>, most: usize) -> String {
    let mut text = String::new();
    let mut more = 0;
    for (i, name) in all.enumerate() {
        if i >= most {
            more += 1;
        } else {
            if i > 0 {
                text.push_str(", ");
            }
            text.push_str(&clean_line(name, 40));
        }
    }
    if more > 0 {
        let _ = write!(text, " +{more}");
    }
    text
}

/// A line in stretches; true: it is to be told from the rest.
pub type Stretches = Vec<(String, bool)>;

/// A line in rows of so many columns; an empty one is one row.
#[must_use]
pub fn broken(parts: &[(String, bool)], columns: usize) -> Vec<Stretches> {
    let mut out = Vec::new();
    let mut now = Vec::new();
    let mut room = columns;
    for (text, changed) in parts {
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let mut end = prefix(rest, room);
            if end == 0 && room == columns {
                // A character wider than the row.
                end = rest.chars().next().map_or(rest.len(), char::len_utf8);
            }
            if end > 0 {
                now.push((rest[..end].to_owned(), *changed));
                room = room.saturating_sub(width(&rest[..end]));
            }
            rest = &rest[end..];
            if !rest.is_empty() {
                out.push(std::mem::take(&mut now));
                room = columns;
            }
        }
    }
    out.push(now);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let s = 1_000_000;
        for (us, text) in [
            (0, "0s"),
            (59 * s, "59s"),
            (60 * s, "1m"),
            (125 * s, "2m05s"),
            (660 * s, "11m"),
            (3600 * s, "1h"),
            (4320 * s, "1h12m"),
            (270_000 * s, "3d03h"),
        ] {
            assert_eq!(span(us), text);
        }
        assert_eq!((span(s - 1).as_str(), took(s - 1).as_str()), ("0s", "1s"));
        let mib = 1 << 20;
        for (bytes, text) in [
            (0, "0"),
            (5, "1K"),
            (640 * mib, "640M"),
            (1000 * mib, "1.0G"),
            (1536 * mib, "1.5G"),
            (102_348 * mib, "99.9G"),
            (200 * 1024 * mib, "200G"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn a_rate_is_short_and_has_its_sign() {
        let mib = 1_i64 << 20;
        for (rate, text) in [
            (0, "steady"),
            (-mib + 1, "steady"),
            (mib, "+1M/min"),
            (-12 * mib, "-12M/min"),
            (59 * mib, "+59M/min"),
            (60 * mib, "+1M/s"),
            (6000 * mib, "+100M/s"),
            (-6000 * mib, "-100M/s"),
        ] {
            assert_eq!(super::rate(rate), text);
        }
        for rate in [i64::MIN, i64::MAX] {
            assert!(!super::rate(rate).is_empty());
        }
    }

    #[test]
    fn long_lines_are_broken_and_nothing_is_lost() {
        let parts = [("ab\u{65e5}".to_owned(), false), ("cde".to_owned(), true)];
        for columns in 1..9 {
            let rows = broken(&parts, columns);
            let text = |row: &Stretches| row.iter().map(|p| p.0.as_str()).collect::<String>();
            assert_eq!(rows.iter().map(text).collect::<String>(), "ab\u{65e5}cde");
            for row in &rows {
                assert!(width(&text(row)) <= columns.max(2), "{columns}: {row:?}");
            }
        }
        assert_eq!(broken(&parts, 7).len(), 1);
        assert_eq!(broken(&[], 7), [Vec::new()]);
    }
}
