//! How long the loop's turns take, measured by itself; for `ctl stats`.
//!
//! A histogram in steps of a quarter of a power of two: a figure read from it is at most 25 % above
//! what was measured, and never below it. Must not allocate in a turn.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Steps: four for each power of two up to some 70 minutes in microseconds.
const STEPS: usize = 128;

/// Durations of turns.
#[derive(Debug)]
pub(super) struct Turns {
    steps: [u64; STEPS],
    count: u64,
    longest_us: u64,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            steps: [0; STEPS],
            count: 0,
            longest_us: 0,
        }
    }
}

impl Turns {
    /// Counts a turn.
    pub fn add(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.steps[step(us)] += 1;
        self.count += 1;
        self.longest_us = self.longest_us.max(us);
    }

    /// The duration that so many of a thousand turns do not exceed, in microseconds.
    fn at(&self, permille: u64) -> u64 {
        let wanted = (self.count * permille).div_ceil(1000);
        let mut sum = 0;
        for (step, count) in self.steps.iter().enumerate() {
            sum += count;
            if sum >= wanted && *count > 0 {
                return above(step).min(self.longest_us);
            }
        }
        self.longest_us
    }
}

impl Turns {
    /// How many turns took at most so long and longer than the step before, in powers of two; those
    /// without turns are left out. Durations in microseconds.
    fn histogram(&self) -> Vec<(u64, u64)> {
        let powers = self.steps.chunks(4).zip(0_u32..);
        let sums =
            powers.map(|(steps, power)| (above(power as usize * 4 + 3), steps.iter().sum::<u64>()));
        sums.filter(|(_, count)| *count > 0).collect()
    }
}

impl super::Running {
    /// The loop's figures now.
    pub(super) fn stats(&self) -> Stats {
        let [making, merging, spare] = self.turns.work.waiting();
        let leases = &self.turns.state.leases;
        let held = || leases.list.iter().filter(|lease| !lease.waits());
        Stats {
            held_records: self.held_records.len() as u64,
            clients: self.clients.len() as u64,
            making: making as u64,
            merging: merging as u64,
            spare: spare as u64,
            leases_waiting: leases.list.iter().filter(|lease| lease.waits()).count() as u64,
            leases_held: held().count() as u64,
            leased_bytes: held().map(|lease| lease.ram_bytes).sum(),
            leases_granted: u64::from(leases.granted),
            leases_late: u64::from(leases.late),
            ..Stats::of(&self.took)
        }
    }
}

/// The step of a duration.
fn step(us: u64) -> usize {
    let us = us.max(1);
    let power = us.ilog2();
    // The two bits below the highest one.
    let quarter = ((u128::from(us) << 2) >> power) & 3;
    (power as usize * 4 + quarter as usize).min(STEPS - 1)
}

/// The longest duration of a step, in microseconds.
fn above(step: usize) -> u64 {
    let (power, quarter) = (step / 4, step as u64 % 4);
    let low = (4 + quarter + 1) << power;
    (low / 4).max(1)
}

/// Figures of a live run about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stats {
    /// Turns of the loop: what had come was decided, written and carried out.
    pub turns: u64,
    /// Half of them took at most so long, in microseconds.
    pub turn_p50_us: u64,
    /// 99 of 100 took at most so long, in microseconds.
    pub turn_p99_us: u64,
    /// The longest, in microseconds.
    pub turn_max_us: u64,
    /// How many turns took at most so long and longer than the step before; both numbers, durations
    /// in microseconds.
    #[serde(default)]
    pub turn_histogram_us: Vec<(u64, u64)>,
    /// Records that wait for the disk to take them.
    pub held_records: u64,
    /// Dashboards and others that listen.
    pub clients: u64,
    /// Orders that wait for a thread that makes workspaces.
    pub making: u64,
    /// Orders that wait for the thread that merges.
    pub merging: u64,
    /// Workspaces that nobody has yet.
    pub spare: u64,
    /// Commands inside of agents that wait for memory.
    #[serde(default)]
    pub leases_waiting: u64,
    /// Those that have it.
    #[serde(default)]
    pub leases_held: u64,
    /// What these have, in bytes.
    #[serde(default)]
    pub leased_bytes: u64,
    /// Leases that were granted so far.
    #[serde(default)]
    pub leases_granted: u64,
    /// Those of them that had waited as long as one may, and had no room.
    #[serde(default)]
    pub leases_late: u64,
}

impl Stats {
    /// Takes the figures of the loop's turns.
    pub(super) fn of(turns: &Turns) -> Self {
        Self {
            turns: turns.count,
            turn_p50_us: turns.at(500),
            turn_p99_us: turns.at(990),
            turn_max_us: turns.longest_us,
            turn_histogram_us: turns.histogram(),
            ..Self::default()
        }
    }

    /// The names of the figures and their values, in order.
    #[must_use]
    pub fn rows(&self) -> [(&'static str, u64); 14] {
        [
            ("turns", self.turns),
            ("turn_p50_us", self.turn_p50_us),
            ("turn_p99_us", self.turn_p99_us),
            ("turn_max_us", self.turn_max_us),
            ("held_records", self.held_records),
            ("clients", self.clients),
            ("making", self.making),
            ("merging", self.merging),
            ("spare", self.spare),
            ("leases_waiting", self.leases_waiting),
            ("leases_held", self.leases_held),
            ("leased_bytes", self.leased_bytes),
            ("leases_granted", self.leases_granted),
            ("leases_late", self.leases_late),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_never_below_and_at_most_a_step_above() {
        for us in (1..5000).chain([1 << 20, (1 << 31) + 7]) {
            let top = above(step(us));
            assert!(top >= us && top <= us + us / 4 + 1, "{us}: {top}");
        }
    }

    #[test]
    fn the_hundredth_turn_is_beyond_the_99th_permille() {
        let mut turns = Turns::default();
        for _ in 0..99 {
            turns.add(Duration::from_micros(100));
        }
        turns.add(Duration::from_millis(50));
        let stats = Stats::of(&turns);
        assert_eq!((stats.turns, stats.turn_max_us), (100, 50_000));
        assert_eq!(stats.turn_histogram_us, [(128, 99), (65_536, 1)]);
        assert!((100..=125).contains(&stats.turn_p99_us), "{stats:?}");
        turns.add(Duration::from_millis(50));
        assert!(Stats::of(&turns).turn_p99_us >= 49_000);
        assert_eq!(Stats::of(&Turns::default()), Stats::default());
    }
}
