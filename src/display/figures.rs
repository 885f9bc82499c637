//! Times and sizes in few columns, the same on screens, in cards and in messages.
//!
//! Must not know what they are figures of.

/// A span of time in few columns, cut to its unit: `4s`, `1m44s`, `12m`, `1h12m`, `3d04h`.
#[must_use]
pub fn span(us: u64) -> String {
    let unit = match us / SECOND {
        0..600 => SECOND,
        600..86_400 => 60 * SECOND,
        _ => 3_600 * SECOND,
    };
    time(us / unit * unit)
}

/// The span of what has ended, to the nearest second: what still runs is never ahead of its time,
/// but what took 0.998 s took one second.
#[must_use]
pub fn took(us: u64) -> String {
    span(us.saturating_add(SECOND / 2))
}

/// A span of time in text, where columns are not short: as [`span`], but with tenths below a minute
/// and seconds below an hour, to the nearest.
#[must_use]
pub fn exact(us: u64) -> String {
    // To the nearest of the unit that is shown: cutting off would make a second "0.9s".
    let unit = match us {
        0..1_000_000 => 1,
        1_000_000..59_950_000 => SECOND / 10,
        59_950_000..3_599_500_000 => SECOND,
        3_599_500_000..86_370_000_000 => 60 * SECOND,
        _ => 3_600 * SECOND,
    };
    time(us.saturating_add(unit / 2) / unit * unit)
}

const SECOND: u64 = 1_000_000;

/// The one form of all times: two units at most, the smaller one with two digits.
fn time(us: u64) -> String {
    let seconds = us / SECOND;
    let two = |big: u64, unit: &str, small: u64, sub: &str| {
        if small == 0 {
            format!("{big}{unit}")
        } else {
            format!("{big}{unit}{small:02}{sub}")
        }
    };
    if us == 0 {
        "0s".to_owned()
    } else if us < 1_000 {
        format!("{us}µs")
    } else if seconds == 0 {
        format!("{}ms", us / 1_000)
    } else if seconds < 60 {
        match us % SECOND / 100_000 {
            0 => format!("{seconds}s"),
            tenths => format!("{seconds}.{tenths}s"),
        }
    } else if seconds < 3_600 {
        two(seconds / 60, "m", seconds % 60, "s")
    } else if seconds < 86_400 {
        two(seconds / 3_600, "h", seconds % 3_600 / 60, "m")
    } else {
        two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h")
    }
}

/// What something that ended took, in text; in whole milliseconds, since less says nothing.
#[must_use]
pub fn lasted(us: u64) -> String {
    exact(us.div_ceil(1_000).saturating_mul(1_000))
}

/// A number of tokens in at most 5 columns: `950`, `12.3k`, `840k`, `1.5M`.
#[must_use]
pub fn tokens(n: u64) -> String {
    let tenths = |unit: u64, name: &str| {
        let tenths = (u128::from(n) * 10 + u128::from(unit) / 2) / u128::from(unit);
        format!("{}.{}{name}", tenths / 10, tenths % 10)
    };
    match n {
        0..1_000 => n.to_string(),
        1_000..99_950 => tenths(1_000, "k"),
        99_950..999_500 => format!("{}k", (n + 500) / 1_000),
        999_500..99_950_000 => tenths(1_000_000, "M"),
        _ => format!("{}M", n.saturating_add(500_000) / 1_000_000),
    }
}

/// An amount of micro-dollars in few columns, to the nearest: `$0.004`, `$1.37`, `$240`. What is less
/// than a tenth of a cent is `<$0.001`.
#[must_use]
pub fn dollars(micro: u64) -> String {
    let rounded = |unit: u64| micro.saturating_add(unit / 2) / unit;
    match micro {
        0 => "$0".to_owned(),
        1..500 => "<$0.001".to_owned(),
        500..99_500 => format!("$0.{:03}", rounded(1_000)),
        99_500..99_995_000 => {
            let cents = rounded(10_000);
            format!("${}.{:02}", cents / 100, cents % 100)
        }
        _ => format!("${}", rounded(1_000_000)),
    }
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

/// A place in an order: `1st`, `2nd`, `11th`.
#[must_use]
pub fn ordinal(place: u32) -> String {
    let ending = match (place % 10, place % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{place}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_money_stay_in_few_columns() {
        let all = [
            (0, "0"),
            (999, "999"),
            (1_000, "1.0k"),
            (99_949, "99.9k"),
            (99_950, "100k"),
            (999_499, "999k"),
            (999_500, "1.0M"),
            (99_949_999, "99.9M"),
            (99_950_000, "100M"),
        ];
        for (n, text) in all {
            assert_eq!(tokens(n), text);
        }
        let all = [
            (0, "$0"),
            (499, "<$0.001"),
            (500, "$0.001"),
            (13_700, "$0.014"),
            (99_499, "$0.099"),
            (99_500, "$0.10"),
            (1_374_999, "$1.37"),
            (99_994_999, "$99.99"),
            (99_995_000, "$100"),
            (u64::MAX, "$18446744073709"),
        ];
        for (micro, text) in all {
            assert_eq!(dollars(micro), text);
        }
        assert!(tokens(u64::MAX).ends_with('M'));
    }
}
