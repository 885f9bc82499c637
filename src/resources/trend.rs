//! Memory over time, thinned out so that hours cost no more than minutes.
//!
//! The same readings in the same order give the same points, live and in replay. Must not drop a
//! peak: of two points that become one the higher stays.

use super::Sample;

/// Points that are kept; at twice as many, pairs are joined.
const MOST: usize = 2048;

/// One reading, or several that were joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// When (elapsed µs).
    pub at_us: u64,
    /// Pressure in permille.
    pub permille: u32,
    /// Memory of all agents in bytes.
    pub agents_bytes: u64,
}

impl Point {
    /// The point of a reading.
    #[must_use]
    pub const fn of(sample: &Sample) -> Self {
        Self {
            at_us: sample.elapsed_us,
            permille: sample.figures.pressure_permille,
            agents_bytes: sample.figures.agents_bytes,
        }
    }
}

/// All points, in order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trend {
    points: Vec<Point>,
}

impl Trend {
    /// Takes a reading; one that is not newer than the last is known already.
    pub fn push(&mut self, point: Point) {
        if self.points.last().is_some_and(|p| p.at_us >= point.at_us) {
            return;
        }
        self.points.push(point);
        if self.points.len() >= 2 * MOST {
            self.points = self
                .points
                .chunks(2)
                .map(|pair| Point {
                    at_us: pair[0].at_us,
                    permille: pair.iter().map(|p| p.permille).max().unwrap_or(0),
                    agents_bytes: pair.iter().map(|p| p.agents_bytes).max().unwrap_or(0),
                })
                .collect();
        }
    }

    /// Puts the past before what is there.
    pub fn before(&mut self, past: Vec<Point>) {
        let own = std::mem::take(&mut self.points);
        for point in past.into_iter().chain(own) {
            self.push(point);
        }
    }

    /// The points up to a moment.
    #[must_use]
    pub fn until(&self, now_us: u64) -> &[Point] {
        let end = self.points.partition_point(|p| p.at_us <= now_us);
        &self.points[..end]
    }

    /// The highest point that counts in a stretch of time: one in it, or the last one before it.
    #[must_use]
    pub fn highest(&self, from_us: u64, to_us: u64, now_us: u64) -> Option<Point> {
        let points = self.until(now_us);
        let first = points.partition_point(|p| p.at_us < from_us);
        let last = points.partition_point(|p| p.at_us < to_us);
        points[first..last]
            .iter()
            .copied()
            .max_by_key(|p| p.permille)
            .or_else(|| points.get(first.checked_sub(1)?).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_thinned_and_peaks_stay() {
        let mut trend = Trend::default();
        for n in 0..50_000_u64 {
            trend.push(Point {
                at_us: n * 500_000,
                permille: if n == 31_337 { 990 } else { 300 },
                agents_bytes: n,
            });
            assert!(trend.points.len() < 2 * MOST);
        }
        let peak = trend.highest(31_000 * 500_000, 32_000 * 500_000, u64::MAX);
        assert_eq!(peak.map(|p| p.permille), Some(990));
        assert!(trend.points.windows(2).all(|p| p[0].at_us < p[1].at_us));
        assert_eq!(trend.highest(0, 1, u64::MAX).map(|p| p.permille), Some(300));
        assert!(trend.until(0).len() == 1 && trend.highest(5, 9, 0).is_some());
    }

    #[test]
    fn a_past_that_comes_late_goes_first() {
        let point = |n: u64| Point {
            at_us: n,
            permille: n as u32,
            agents_bytes: 0,
        };
        let mut trend = Trend::default();
        trend.push(point(5));
        trend.before(vec![point(1), point(5)]);
        assert_eq!(trend.until(9), [point(1), point(5)]);
    }
}
