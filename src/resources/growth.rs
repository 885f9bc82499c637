//! How fast an agent's memory grows: the median of its half-minute steps over the last three minutes.
//!
//! Pure integers: times in microseconds, bytes. A median, because one jump (a test suite that begins) is no
//! growth that goes on; a leak is. Must not judge: what is too fast is the sensor's.

use std::collections::VecDeque;

/// From one point to the next, in microseconds.
const STEP_US: u64 = 30_000_000;
/// Steps that count.
const STEPS: usize = 6;
/// Fewest steps of which anything is said.
const LEAST: usize = 2;

/// The last readings of one attempt.
#[derive(Debug, Clone, Default)]
pub(super) struct Growth {
    /// Time and bytes, oldest first; at most seven points.
    points: VecDeque<(u64, u64)>,
}

impl Growth {
    /// Takes a reading; time that went back starts anew.
    pub fn push(&mut self, elapsed_us: u64, bytes: u64) {
        if let Some(&(last, _)) = self.points.back() {
            if elapsed_us < last {
                self.points.clear();
            } else if elapsed_us - last < STEP_US {
                return;
            }
        }
        self.points.push_back((elapsed_us, bytes));
        if self.points.len() > STEPS + 1 {
            self.points.pop_front();
        }
    }

    /// Returns bytes a minute, below 0 where it shrinks; none in the first minute.
    pub fn per_minute(&self) -> Option<i64> {
        let points = self.points.iter().zip(self.points.iter().skip(1));
        let mut steps: Vec<i64> = points
            .map(|(&(from, before), &(to, after))| {
                let rise = i128::from(after) - i128::from(before);
                let rate = rise * 60_000_000 / i128::from((to - from).max(1));
                i64::try_from(rate).unwrap_or(i64::MAX)
            })
            .collect();
        if steps.len() < LEAST {
            return None;
        }
        steps.sort_unstable();
        // Of an even number the lower one: rather too little than too much.
        Some(steps[(steps.len() - 1) / 2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn growth(bytes: impl IntoIterator<Item = u64>) -> Growth {
        let mut growth = Growth::default();
        let points = bytes.into_iter().zip(0_u64..);
        points.for_each(|(bytes, n)| growth.push(n * STEP_US / 2, bytes));
        growth
    }

    #[test]
    fn steady_growth_is_seen_and_a_jump_is_none() {
        // A reading every 15 s: 60 MiB in each is 240 MiB a minute.
        let leak = growth((0..20).map(|n| n * 60 * MIB));
        assert_eq!(leak.per_minute(), Some(240 * MIB.cast_signed()));
        let jump = growth((0..20).map(|n| if n < 10 { 0 } else { 4096 * MIB }));
        assert_eq!(jump.per_minute(), Some(0));
        let shrinks = growth((0..20).map(|n| (100 - n) * MIB));
        assert_eq!(shrinks.per_minute(), Some(-4 * MIB.cast_signed()));
    }

    #[test]
    fn nothing_is_said_in_the_first_minute() {
        assert_eq!(growth([0, 1, 2, 3].map(|n| n * MIB)).per_minute(), None);
        assert!(
            growth([0, 1, 2, 3, 4].map(|n| n * MIB))
                .per_minute()
                .is_some()
        );
    }

    #[test]
    fn it_forgets_what_is_long_ago_and_time_that_went_back() {
        let mut late = growth((0..40).map(|n| n.min(20) * 100 * MIB));
        assert_eq!(late.per_minute(), Some(0));
        assert!(late.points.len() <= STEPS + 1);
        late.push(5, 0);
        assert_eq!(late.per_minute(), None);
        late.push(u64::MAX, u64::MAX);
        late.push(0, 0);
    }
}
