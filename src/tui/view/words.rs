//! Figures in words: times, sizes, lists of names; and how a text is meant.
//!
//! All text that leaves here is clean. Must not know places, widths or styles.

use std::fmt::Write as _;

use crate::display::clean_line;

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

/// A span of time in at most 6 columns: `4s`, `12m`, `1h12m`, `3d4h`.
#[must_use]
pub fn span(us: u64) -> String {
    let s = us / 1_000_000;
    match s {
        0..60 => format!("{s}s"),
        60..600 => match s % 60 {
            0 => format!("{}m", s / 60),
            rest => format!("{}m{rest:02}", s / 60),
        },
        600..3600 => format!("{}m", s / 60),
        3600..86_400 => format!("{}h{:02}m", s / 3600, s % 3600 / 60),
        _ => format!("{}d{}h", s / 86_400, s % 86_400 / 3600),
    }
}

/// The span of what has ended, to the nearest second: what still runs is never ahead of its time,
/// but what took 0.998 s took one second.
#[must_use]
pub fn took(us: u64) -> String {
    span(us.saturating_add(500_000))
}

/// A size in at most 5 columns: `640M`, `1.5G`, `128G`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    match bytes {
        0 => "0".to_owned(),
        1..MIB => format!("{}K", bytes.div_ceil(1024)),
        _ if bytes < 1000 * MIB => format!("{}M", bytes / MIB),
        _ if bytes < 100 * GIB => {
            let tenths = (bytes * 10 + GIB / 2) / GIB;
            format!("{}.{}G", tenths / 10, tenths % 10)
        }
        _ => format!("{}G", bytes / GIB),
    }
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

/// Names joined: `a, b, c +3`.
pub(super) fn names<'a>(all: impl Iterator<Item = &'a str>, most: usize) -> String {
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
            (125 * s, "2m05"),
            (660 * s, "11m"),
            (3600 * s, "1h00m"),
            (4320 * s, "1h12m"),
            (270_000 * s, "3d3h"),
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
}
