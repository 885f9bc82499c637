//! Durations, sizes, shares and decimals: text to integers and back, without rounding errors.
//!
//! Must not report problems: `None` means that the text is not one; the caller knows its place.

use super::model::RamLimit;

/// Microseconds of a second.
pub const SECOND_US: u64 = 1_000_000;
/// Limits on the tokens of a prompt that can be stated: with less hardly a task fits, and no model takes more.
pub const CAPS: std::ops::RangeInclusive<u32> = 1_000..=1_000_000;
/// Bytes of a mebibyte.
pub const MIB: u64 = 1 << 20;
/// Bytes of a gibibyte.
pub const GIB: u64 = 1 << 30;

const DURATIONS: [(&str, u64); 5] = [
    ("ms", 1_000),
    ("s", SECOND_US),
    ("m", 60 * SECOND_US),
    ("h", 3_600 * SECOND_US),
    ("d", 86_400 * SECOND_US),
];

const SIZES: [(&str, u64); 10] = [
    ("KiB", 1 << 10),
    ("MiB", MIB),
    ("GiB", GIB),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// What units there are, and what people write in their place.
#[derive(Debug)]
pub struct Kind {
    /// The units, for messages.
    pub names: &'static str,
    units: &'static [(&'static str, u64)],
    others: &'static [(&'static str, &'static str)],
}

/// Units of time.
pub const TIMES: Kind = Kind {
    names: "ms, s, m, h, d",
    units: &DURATIONS,
    others: &[
        ("sec", "s"),
        ("secs", "s"),
        ("second", "s"),
        ("seconds", "s"),
        ("min", "m"),
        ("mins", "m"),
        ("minute", "m"),
        ("minutes", "m"),
        ("hr", "h"),
        ("hrs", "h"),
        ("hour", "h"),
        ("hours", "h"),
        ("day", "d"),
        ("days", "d"),
    ],
};

/// Units of memory.
pub const MEMORY: Kind = Kind {
    names: "KiB, MiB, GiB, TiB, kB, MB, GB, TB",
    units: &SIZES,
    others: &[
        ("k", "KiB"),
        ("m", "MiB"),
        ("g", "GiB"),
        ("t", "TiB"),
        ("ki", "KiB"),
        ("mi", "MiB"),
        ("gi", "GiB"),
        ("ti", "TiB"),
    ],
};

impl Kind {
    /// Returns what a text that cannot be read was probably meant to be: blanks between, another
    /// case, a comma, the whole word.
    #[must_use]
    pub fn meant(&self, text: &str) -> Option<String> {
        let plain: String = text.replace(',', ".").split_whitespace().collect();
        let split = plain.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = plain.split_at(split);
        let unit = unit.to_lowercase();
        let same = self.units.iter().map(|(u, _)| *u);
        let same = same.into_iter().find(|u| u.to_lowercase() == unit);
        let other = self.others.iter().find(|(o, _)| *o == unit);
        let unit = same.or(other.map(|(_, u)| *u))?;
        let meant = format!("{number}{unit}");
        with_unit(&meant, self.units)
            .map(|_| meant)
            .filter(|m| m != text)
    }
}

/// Digits after the point that count; more are refused.
const DECIMALS: usize = 9;

/// Returns `text × factor` for a decimal number such as `1.5`; fractions of the unit are dropped.
#[must_use]
pub fn decimal(text: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty()
        || text.ends_with('.')
        || !digits(whole)
        || !digits(fraction)
        || fraction.len() > DECIMALS
    {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let mut total = whole.checked_mul(factor)?;
    if !fraction.is_empty() {
        let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
        let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(factor) / scale;
        total = total.checked_add(u64::try_from(part).ok()?)?;
    }
    Some(total)
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = units.iter().find(|(u, _)| *u == unit)?.1;
    decimal(number, factor)
}

/// Parses a duration such as `12m`, `1.5h` or `0` into microseconds.
#[must_use]
pub fn duration(text: &str) -> Option<u64> {
    if text == "0" {
        Some(0)
    } else {
        with_unit(text, &DURATIONS)
    }
}

/// Parses `2h..5h` into both ends in microseconds; the first is not checked to be the smaller.
#[must_use]
pub fn duration_range(text: &str) -> Option<(u64, u64)> {
    let (from, to) = text.split_once("..")?;
    Some((duration(from)?, duration(to)?))
}

/// Parses a size such as `512MiB` or `1.5GB` into bytes.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    if text == "0" {
        Some(0)
    } else {
        with_unit(text, &SIZES)
    }
}

/// Parses a share such as `75%` or `12.5%` into permille; above 0, at most 100 %.
#[must_use]
pub fn share(text: &str) -> Option<u32> {
    let permille = decimal(text.strip_suffix('%')?, 10)?;
    u32::try_from(permille)
        .ok()
        .filter(|p| (1..=1000).contains(p))
}

/// Returns a share of a whole, rounded down.
#[must_use]
pub fn part(whole: u64, permille: u32) -> u64 {
    let part = u128::from(whole) * u128::from(permille) / 1000;
    u64::try_from(part).unwrap_or(u64::MAX)
}

/// Parses a limit of memory: a share such as `75%` or a size above 0.
#[must_use]
pub fn ram_limit(text: &str) -> Option<RamLimit> {
    if text.ends_with('%') {
        share(text).map(RamLimit::Share)
    } else {
        size(text).filter(|b| *b > 0).map(RamLimit::Bytes)
    }
}

/// Writes microseconds so that [`duration`] reads the same number.
#[must_use]
pub fn show_duration(us: u64) -> String {
    if us == 0 {
        return "0s".to_owned();
    }
    for (unit, factor) in DURATIONS.iter().rev() {
        if us.is_multiple_of(*factor) {
            return format!("{}{unit}", us / factor);
        }
    }
    format!("{}.{:03}ms", us / 1_000, us % 1_000)
}

/// Writes bytes so that [`size`] reads the same number.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    if bytes == 0 {
        return "0MiB".to_owned();
    }
    for (unit, factor) in SIZES[..4].iter().rev() {
        if bytes.is_multiple_of(*factor) {
            return format!("{}{unit}", bytes / factor);
        }
    }
    format!("{bytes}B")
}

/// Writes a number of units with `places` decimals, exactly and without needless zeros: 1500, 3 → `1.5`.
#[must_use]
pub fn show_decimal(value: u64, places: u32) -> String {
    let scale = 10u64.pow(places);
    let fraction = format!("{:0width$}", value % scale, width = places as usize);
    let fraction = fraction.trim_end_matches('0');
    format!(
        "{}.{}",
        value / scale,
        if fraction.is_empty() { "0" } else { fraction }
    )
}

/// Writes bytes for people: `1.5 GiB`.
#[must_use]
pub fn human_size(bytes: u64) -> String {
    let (factor, unit) = match bytes {
        b if b >= GIB => (GIB, "GiB"),
        b if b >= MIB => (MIB, "MiB"),
        b => return format!("{b} B"),
    };
    let tenths = (u128::from(bytes) * 10 + u128::from(factor) / 2) / u128::from(factor);
    if tenths.is_multiple_of(10) {
        format!("{} {unit}", tenths / 10)
    } else {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant() {
        let times = |text| TIMES.meant(text);
        assert_eq!(times("10 min").as_deref(), Some("10m"));
        assert_eq!(times("1,5 Hours").as_deref(), Some("1.5h"));
        let memory = |text| MEMORY.meant(text);
        assert_eq!(memory("8 gib").as_deref(), Some("8GiB"));
        assert_eq!(memory("500m").as_deref(), Some("500MiB"));
        for text in [
            "",
            "5",
            "-5s",
            "five minutes",
            "1e3m",
            "5 parsecs",
            "1.2.3s",
        ] {
            assert_eq!(times(text), None, "{text}");
        }
    }
    use proptest::prelude::*;

    #[test]
    fn durations() {
        assert_eq!(duration("12m"), Some(720 * SECOND_US));
        assert_eq!(duration("1.5h"), Some(5_400 * SECOND_US));
        assert_eq!(duration("250ms"), Some(250_000));
        assert_eq!(duration("2d"), Some(172_800 * SECOND_US));
        assert_eq!(duration("0"), Some(0));
        assert_eq!(
            duration_range("2h..5h"),
            Some((7_200 * SECOND_US, 18_000 * SECOND_US))
        );
        for bad in [
            "",
            "5",
            "m",
            "-1s",
            "1.s",
            ".5s",
            "1e3s",
            "1s ",
            "1 s",
            "1S",
            "99999999999999999d",
            "1..2s",
        ] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_and_shares() {
        assert_eq!(size("512MiB"), Some(512 * MIB));
        assert_eq!(size("1.5GB"), Some(1_500_000_000));
        assert_eq!(size("0MiB"), Some(0));
        assert_eq!(size("7"), None);
        assert_eq!(size("7 GiB"), None);
        assert_eq!(size("75%"), None);
        assert_eq!(share("75%"), Some(750));
        assert_eq!(share("12.5%"), Some(125));
        for bad in ["0%", "101%", "75", "%", "-1%"] {
            assert_eq!(share(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_for_people() {
        assert_eq!(human_size(1_610_612_736), "1.5 GiB");
        assert_eq!(human_size(200 * MIB), "200 MiB");
        assert_eq!(human_size(12), "12 B");
    }

    proptest! {
        #[test]
        fn durations_round_trip(us in any::<u64>()) {
            prop_assert_eq!(duration(&show_duration(us)), Some(us));
        }

        #[test]
        fn sizes_round_trip(bytes in any::<u64>()) {
            prop_assert_eq!(size(&show_size(bytes)), Some(bytes));
        }

        #[test]
        fn decimals_round_trip(value in 0u64..u64::MAX / 2, places in 1u32..7) {
            prop_assert_eq!(decimal(&show_decimal(value, places), 10u64.pow(places)), Some(value));
        }

        #[test]
        fn any_text_is_refused_or_read(text in ".{0,20}") {
            let _ = (duration(&text), duration_range(&text), size(&text), share(&text));
        }
    }
}
