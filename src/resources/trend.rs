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
    /// When (elapsed µs); of several, the last: no peak stands before it was read.
    pub at_us: u64,
    /// From the first reading to the last, µs.
    pub span_us: u64,
    /// Readings in it.
    pub count: u64,
    /// Highest pressure in permille.
    pub permille: u32,
    /// Mean pressure of the readings in permille.
    pub mean_permille: u32,
    /// Highest memory of all agents in bytes.
    pub agents_bytes: u64,
    /// Mean memory of all agents in bytes.
    pub mean_bytes: u64,
}

impl Point {
    /// The point of a reading.
    #[must_use]
    pub const fn of(sample: &Sample) -> Self {
        Self {
            at_us: sample.elapsed_us,
            span_us: 0,
            count: 1,
            permille: sample.figures.pressure_permille,
            mean_permille: sample.figures.pressure_permille,
            agents_bytes: sample.figures.agents_bytes,
            mean_bytes: sample.figures.agents_bytes,
        }
    }

    /// Two neighbours as one: the higher of the two, and the mean by their readings.
    fn joined(self, next: Self) -> Self {
        let count = self.count + next.count;
        let mean = |a: u64, b: u64| {
            let sum =
                u128::from(a) * u128::from(self.count) + u128::from(b) * u128::from(next.count);
            u64::try_from(sum / u128::from(count.max(1))).unwrap_or(u64::MAX)
        };
        let permille = mean(self.mean_permille.into(), next.mean_permille.into());
        Self {
            at_us: next.at_us,
            span_us: next.at_us.saturating_sub(self.first_us()),
            count,
            permille: self.permille.max(next.permille),
            mean_permille: u32::try_from(permille).unwrap_or(u32::MAX),
            agents_bytes: self.agents_bytes.max(next.agents_bytes),
            mean_bytes: mean(self.mean_bytes, next.mean_bytes),
        }
    }

    /// When its first reading was (elapsed µs).
    #[must_use]
    pub const fn first_us(&self) -> u64 {
        self.at_us.saturating_sub(self.span_us)
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
                .filter_map(|pair| pair.iter().copied().reduce(Point::joined))
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

    /// The highest point that counts in a stretch of time: one in it, one that reaches over it, or
    /// the last one before it.
    #[must_use]
    pub fn highest(&self, from_us: u64, to_us: u64, now_us: u64) -> Option<Point> {
        let points = self.until(now_us);
        let first = points.partition_point(|p| p.at_us < from_us);
        let last = points.partition_point(|p| p.at_us < to_us);
        points[first..last]
            .iter()
            .copied()
            .max_by_key(|p| p.permille)
            .or_else(|| points.get(last).filter(|p| p.first_us() < to_us).copied())
            .or_else(|| points.get(first.checked_sub(1)?).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at_us: u64, permille: u32, bytes: u64) -> Point {
        Point {
            at_us,
            span_us: 0,
            count: 1,
            permille,
            mean_permille: permille,
            agents_bytes: bytes,
            mean_bytes: bytes,
        }
    }

    #[test]
    fn hours_are_thinned_and_peaks_stay() {
        let mut trend = Trend::default();
        for n in 0..50_000_u64 {
            let permille = if n == 31_337 { 990 } else { 300 };
            trend.push(point(n * 500_000, permille, n % 2 * 1000));
            assert!(trend.points.len() < 2 * MOST);
        }
        let peak = trend.highest(31_000 * 500_000, 32_000 * 500_000, u64::MAX);
        assert_eq!(peak.map(|p| p.permille), Some(990));
        assert!(trend.points.windows(2).all(|p| p[0].at_us < p[1].at_us));
        assert_eq!(trend.highest(0, 1, u64::MAX).map(|p| p.permille), Some(300));
        // All readings count in the mean, and none stands before it was read.
        let points = trend.until(u64::MAX);
        assert_eq!(points.iter().map(|p| p.count).sum::<u64>(), 50_000);
        let sum: u64 = points.iter().map(|p| p.mean_bytes * p.count).sum();
        assert_eq!(sum, 25_000 * 1000);
        let at = points.iter().find(|p| p.permille == 990).map(|p| p.at_us);
        assert!(at >= Some(31_337 * 500_000));
        assert!(points[0].first_us() == 0 && points[0].count > 1);
    }

    #[test]
    fn a_past_that_comes_late_goes_first() {
        let point = |n: u64| point(n, n as u32, 0);
        let mut trend = Trend::default();
        trend.push(point(5));
        trend.before(vec![point(1), point(5)]);
        assert_eq!(trend.until(9), [point(1), point(5)]);
    }
}
