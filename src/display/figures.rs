//! Times and sizes in few columns, the same on screens, in cards and in messages.
//!
//! Must not know what they are figures of.

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
