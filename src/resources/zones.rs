//! Zones of memory pressure: thresholds, what comes next, how pressure is computed (DESIGN 8).
//!
//! Pure integers; pressure in permille of what there is. Must not remember anything: hysteresis is
//! the sensor's.

use crate::engine::{Thresholds, Zone};

/// All zones, from the most room to the least.
pub const ALL: [Zone; 4] = [Zone::Green, Zone::Yellow, Zone::Orange, Zone::Red];

/// Largest pressure that is told apart, in parts per million: ten times what there is.
const MOST_PPM: u64 = 10_000_000;

/// Returns what a zone means for the run, in a few words.
#[must_use]
pub const fn meaning(zone: Zone) -> &'static str {
    match zone {
        Zone::Green => "full parallel",
        Zone::Yellow => "watch",
        Zone::Orange => "fewer at once",
        Zone::Red => "emergency",
    }
}

/// Returns the pressure at which a zone begins, in permille.
#[must_use]
pub const fn threshold(thresholds: &Thresholds, zone: Zone) -> u32 {
    match zone {
        Zone::Green => 0,
        Zone::Yellow => thresholds.yellow,
        Zone::Orange => thresholds.orange,
        Zone::Red => thresholds.red,
    }
}

/// Returns the zone of a pressure in permille, without any memory of the zone before.
#[must_use]
pub fn at(thresholds: &Thresholds, pressure_permille: u32) -> Zone {
    let reached = |z: &&Zone| pressure_permille >= threshold(thresholds, **z);
    ALL.iter().rev().find(reached).copied().unwrap_or_default()
}

/// Returns the zone above, none above red.
#[must_use]
pub const fn above(zone: Zone) -> Option<Zone> {
    match zone {
        Zone::Green => Some(Zone::Yellow),
        Zone::Yellow => Some(Zone::Orange),
        Zone::Orange => Some(Zone::Red),
        Zone::Red => None,
    }
}

/// Returns the next zone upwards and the pressure in permille at which it begins.
#[must_use]
pub fn next_threshold(thresholds: &Thresholds, zone: Zone) -> Option<(Zone, u32)> {
    above(zone).map(|next| (next, threshold(thresholds, next)))
}

/// Returns memory pressure in permille: the larger of what the machine uses of its memory and what
/// the agents use of their limit, all in bytes.
///
/// Rounded down, so that it is at or above a threshold exactly when the true share is. A total or
/// limit of 0 means unknown and counts for nothing.
#[must_use]
pub fn pressure(total: u64, available: u64, agents_bytes: u64, limit: u64) -> u32 {
    let machine = share(total.saturating_sub(available), total, 1000);
    let agents = share(agents_bytes, limit, 1000);
    u32::try_from(machine.max(agents)).unwrap_or(u32::MAX)
}

/// Returns the same in parts per million, at most ten times what there is: fine enough for slopes.
#[must_use]
pub fn pressure_ppm(total: u64, available: u64, agents_bytes: u64, limit: u64) -> u64 {
    let machine = share(total.saturating_sub(available), total, 1_000_000);
    let agents = share(agents_bytes, limit, 1_000_000);
    u64::try_from(machine.max(agents)).map_or(MOST_PPM, |ppm| ppm.min(MOST_PPM))
}

fn share(part: u64, of: u64, scale: u128) -> u128 {
    (u128::from(part) * scale)
        .checked_div(u128::from(of))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn pressure_is_the_larger_share() {
        assert_eq!(pressure(16 * GIB, 8 * GIB, 0, 12 * GIB), 500);
        assert_eq!(pressure(16 * GIB, 8 * GIB, 9 * GIB, 12 * GIB), 750);
        assert_eq!(pressure(16 * GIB, 4 * GIB, 9 * GIB, 18 * GIB), 750);
        assert_eq!(pressure(1000, 51, 0, 0), 949, "rounded down");
        assert_eq!(pressure(1000, 50, 0, 0), 950);
    }

    #[test]
    fn nothing_known_is_no_pressure_and_nothing_overflows() {
        assert_eq!(pressure(0, 0, 0, 0), 0);
        assert_eq!(pressure(0, 5, 7, 0), 0);
        assert_eq!(pressure(100, 200, 0, 10), 0, "more available than there is");
        assert_eq!(pressure(u64::MAX, 0, u64::MAX, u64::MAX), 1000);
        assert_eq!(pressure(1, 1, u64::MAX, 1), u32::MAX);
        assert_eq!(pressure_ppm(1, 1, u64::MAX, 1), MOST_PPM);
    }

    #[test]
    fn zones_begin_at_their_thresholds() {
        let t = Thresholds::default();
        let cases = [
            (0, Zone::Green),
            (599, Zone::Green),
            (600, Zone::Yellow),
            (749, Zone::Yellow),
            (750, Zone::Orange),
            (850, Zone::Red),
            (5000, Zone::Red),
        ];
        for (pressure, zone) in cases {
            assert_eq!(at(&t, pressure), zone, "{pressure}");
        }
        assert_eq!(next_threshold(&t, Zone::Green), Some((Zone::Yellow, 600)));
        assert_eq!(next_threshold(&t, Zone::Orange), Some((Zone::Red, 850)));
        assert_eq!(next_threshold(&t, Zone::Red), None);
    }

    proptest! {
        #[test]
        fn more_use_never_means_less_pressure(
            total in 0_u64..=u64::MAX, free in any::<u64>(), less in any::<u64>(),
            agents in any::<u64>(), more in any::<u64>(), limit in any::<u64>(),
        ) {
            let before = pressure(total, free, agents, limit);
            let after = pressure(total, free.saturating_sub(less), agents.saturating_add(more), limit);
            prop_assert!(after >= before);
        }
    }
}
