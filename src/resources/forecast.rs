//! Where memory pressure is heading: a straight line through the last half minute.
//!
//! Pure integers: times in microseconds, pressure in parts per million. Must not decide anything:
//! this is for the screen's "orange in ~6 min".

use std::collections::VecDeque;

/// How far back the line looks, in microseconds.
const WINDOW_US: u64 = 30_000_000;
/// Readings that come closer than this to the one before are left out, in microseconds.
const SPACING_US: u64 = 250_000;
/// What the points must span before anything is said, in microseconds.
const LEAST_SPAN_US: u64 = 5_000_000;
/// Fewest points for a line.
const LEAST_POINTS: usize = 5;
/// Beyond this nothing is said: one hour, in microseconds.
const HORIZON_US: i128 = 3_600_000_000;

/// The last readings of pressure.
#[derive(Debug, Clone, Default)]
pub(super) struct Slope {
    /// Time and pressure, oldest first; at most 122 points.
    points: VecDeque<(u64, u64)>,
}

impl Slope {
    /// Adds a reading; time that went back starts anew.
    pub fn push(&mut self, elapsed_us: u64, ppm: u64) {
        if let Some(&(last, _)) = self.points.back() {
            if elapsed_us < last {
                self.points.clear();
            } else if elapsed_us - last < SPACING_US {
                return;
            }
        }
        self.points.push_back((elapsed_us, ppm));
        let oldest = elapsed_us.saturating_sub(WINDOW_US);
        while self.points.front().is_some_and(|&(at, _)| at < oldest) {
            self.points.pop_front();
        }
    }

    /// Returns after how many microseconds the line reaches a pressure; none where it does not rise,
    /// explains less than half of what varies, or takes longer than an hour.
    pub fn time_to_us(&self, target_ppm: u64) -> Option<u64> {
        let (&(first, _), &(last, _)) = (self.points.front()?, self.points.back()?);
        if self.points.len() < LEAST_POINTS || last - first < LEAST_SPAN_US {
            return None;
        }
        let n = self.points.len() as i128;
        let (mut sum_t, mut sum_p, mut sum_tt, mut sum_tp, mut sum_pp) = (0, 0, 0, 0, 0);
        for &(at, ppm) in &self.points {
            // Milliseconds since the first point keep all products far inside i128.
            let (t, p) = (i128::from((at - first) / 1000), i128::from(ppm));
            sum_t += t;
            sum_p += p;
            sum_tt += t * t;
            sum_tp += t * p;
            sum_pp += p * p;
        }
        // The line rises by `up / run` per millisecond and goes through both means.
        let up = n * sum_tp - sum_t * sum_p;
        let run = n * sum_tt - sum_t * sum_t;
        let varies = n * sum_pp - sum_p * sum_p;
        if up <= 0 || run <= 0 || 2 * up * up < run * varies {
            return None;
        }
        let reached_ms_us =
            1000 * (sum_t * up + (n * i128::from(target_ppm) - sum_p) * run) / (n * up);
        let left = (reached_ms_us - i128::from(last - first)).max(0);
        u64::try_from(left).ok().filter(|_| left <= HORIZON_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slope(points: impl IntoIterator<Item = (u64, u64)>) -> Slope {
        let mut slope = Slope::default();
        points.into_iter().for_each(|(t, p)| slope.push(t, p));
        slope
    }

    #[test]
    fn a_steady_rise_is_foretold() {
        // 1 permille a second from 40 %: 60 % is 170 s after second 30.
        let rising = slope((0..=60).map(|n| (n * 500_000, 400_000 + n * 500)));
        assert_eq!(rising.time_to_us(600_000), Some(170_000_000));
        assert_eq!(rising.time_to_us(420_000), Some(0), "already there");
        assert_eq!(rising.time_to_us(9_000_000), None, "more than an hour");
    }

    #[test]
    fn nothing_is_said_without_a_trend() {
        assert_eq!(slope([]).time_to_us(1), None);
        let short = (0..=8).map(|n| (n * 500_000, 400_000 + n * 500));
        assert_eq!(slope(short).time_to_us(600_000), None, "4 s");
        let flat = (0..=60).map(|n| (n * 500_000, 400_000));
        assert_eq!(slope(flat).time_to_us(600_000), None);
        let falling = (0..=60).map(|n| (n * 500_000, 400_000 - n));
        assert_eq!(slope(falling).time_to_us(600_000), None);
        let noise = (0..=60).map(|n| (n * 500_000, 400_000 + n % 2 * 5000 + n * 10));
        assert_eq!(slope(noise).time_to_us(600_000), None);
    }

    #[test]
    fn only_the_last_half_minute_counts() {
        let bend = (0..=400).map(|n| {
            (
                n * 500_000,
                if n < 300 {
                    400_000
                } else {
                    400_000 + (n - 300) * 500
                },
            )
        });
        assert_eq!(slope(bend).time_to_us(500_000), Some(50_000_000));
    }

    #[test]
    fn readings_in_a_hurry_do_not_pile_up() {
        let many = slope((0..100_000).map(|n| (n * 1000, n)));
        assert!(many.points.len() <= 122, "{}", many.points.len());
    }

    proptest! {
        #[test]
        fn any_line_is_foretold_within_a_second(start in 0_u64..500_000, rise in 100_u64..5_000, ahead in 1_u64..600) {
            let line = slope((0..=60).map(|n| (n * 500_000, start + n * rise)));
            let told = line.time_to_us(start + 60 * rise + ahead * 2 * rise).unwrap();
            prop_assert!(told.abs_diff(ahead * 1_000_000) <= 1_000_000, "{told} {ahead}");
        }

        #[test]
        fn nothing_overflows(points in proptest::collection::vec((any::<u64>(), 0_u64..=10_000_000), 0..200), target in 0_u64..=10_000_000) {
            let _ = slope(points).time_to_us(target);
        }
    }
}
