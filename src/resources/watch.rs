//! Watches what single agents hold: leaks, and hard limits that nothing else keeps.
//!
//! Pure: readings come in, what is new comes out. Bytes. Must not act, and says the same thing once an attempt.

use super::AgentSample;

/// More growth than this, in bytes a minute over three minutes, while nothing is printed, is a leak.
const FAST: i64 = 100 << 20;
/// So long nothing may have been printed, in microseconds.
const QUIET_US: u64 = 180_000_000;
/// Who holds so many times what is reserved for it leaks too.
const TIMES: u64 = 3;
/// But not for less than this beyond what is reserved, in bytes.
const AT_LEAST: u64 = 256 << 20;
/// Readings in a row above a limit until that is told.
const OVER: u8 = 2;
/// The same where the figure is only an upper bound: a slow reading mostly comes before.
const OVER_AT_MOST: u8 = 20;

/// What was new in a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// It leaks.
    Leak,
    /// It is above its limit.
    Over,
}

/// What is known of one agent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Watch {
    /// Its `ram_max`.
    pub limit: Option<u64>,
    /// What is reserved for it; 0: not known.
    pub reserved: u64,
    attempt: u32,
    over: u8,
    told_leak: bool,
    told_over: bool,
}

impl Watch {
    /// Takes a reading and returns what is new in it.
    pub fn read(&mut self, agent: &AgentSample) -> Option<Finding> {
        if agent.attempt > self.attempt {
            *self = Self {
                limit: self.limit,
                reserved: self.reserved,
                attempt: agent.attempt,
                ..Self::default()
            };
        }
        if agent.attempt < self.attempt {
            return None;
        }
        let bytes = agent.counted_bytes();
        self.over = match self.limit {
            Some(limit) if bytes > limit => self.over.saturating_add(1),
            _ => 0,
        };
        let enough = if agent.at_most() { OVER_AT_MOST } else { OVER };
        if self.over >= enough && !self.told_over {
            self.told_over = true;
            return Some(Finding::Over);
        }
        if !self.told_leak && self.leaks(agent) {
            self.told_leak = true;
            return Some(Finding::Leak);
        }
        None
    }

    fn leaks(&self, agent: &AgentSample) -> bool {
        let fast = agent.growth_bytes_per_min.is_some_and(|g| g > FAST);
        let bytes = agent.counted_bytes();
        let large = self.reserved > 0
            && !agent.at_most()
            && bytes > self.reserved.saturating_mul(TIMES)
            && bytes - self.reserved >= AT_LEAST;
        (fast && agent.quiet_us >= QUIET_US) || large
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn agent(bytes: u64, growth: Option<i64>, quiet_s: u64) -> AgentSample {
        AgentSample {
            attempt: 1,
            resident_bytes: bytes,
            processes: 1,
            growth_bytes_per_min: growth,
            quiet_us: quiet_s * 1_000_000,
            ..AgentSample::default()
        }
    }

    #[test]
    fn growth_is_a_leak_only_while_nothing_is_printed() {
        let mut watch = Watch::default();
        let fast = Some(101 << 20);
        assert_eq!(watch.read(&agent(900 * MIB, fast, 20)), None);
        assert_eq!(watch.read(&agent(900 * MIB, Some(99 << 20), 200)), None);
        assert_eq!(watch.read(&agent(900 * MIB, None, 200)), None);
        let leak = agent(900 * MIB, fast, 180);
        assert_eq!(watch.read(&leak), Some(Finding::Leak));
        assert_eq!(watch.read(&leak), None, "once an attempt");
        let next = AgentSample {
            attempt: 2,
            ..leak.clone()
        };
        assert_eq!(watch.read(&next), Some(Finding::Leak));
        assert_eq!(watch.read(&leak), None, "an old one");
    }

    #[test]
    fn three_times_what_is_reserved_is_a_leak() {
        let mut watch = Watch {
            reserved: 500 * MIB,
            ..Watch::default()
        };
        assert_eq!(watch.read(&agent(1500 * MIB, None, 0)), None);
        let several = AgentSample {
            processes: 5,
            ..agent(1501 * MIB, None, 0)
        };
        assert_eq!(watch.read(&several), None, "it may be the same pages");
        assert!(watch.read(&agent(1501 * MIB, None, 0)).is_some());
        let mut small = Watch {
            reserved: 50 * MIB,
            ..Watch::default()
        };
        assert_eq!(small.read(&agent(300 * MIB, None, 0)), None, "too little");
    }

    #[test]
    fn a_limit_is_passed_in_two_readings() {
        let mut watch = Watch {
            limit: Some(100),
            ..Watch::default()
        };
        assert_eq!(watch.read(&agent(101, None, 0)), None);
        assert_eq!(watch.read(&agent(100, None, 0)), None);
        assert_eq!(watch.read(&agent(101, None, 0)), None);
        assert_eq!(watch.read(&agent(101, None, 0)), Some(Finding::Over));
        assert_eq!(watch.read(&agent(101, None, 0)), None);
    }

    #[test]
    fn an_upper_bound_has_time_to_be_measured() {
        let mut watch = Watch {
            limit: Some(100),
            ..Watch::default()
        };
        let mut several = agent(150, None, 0);
        several.processes = 5;
        for _ in 0..10 {
            assert_eq!(watch.read(&several), None);
        }
        several.pss_bytes = Some(90);
        several.shared_bytes = 60;
        assert_eq!(watch.read(&several), None, "it shares a lot");
        several.shared_bytes = 20;
        watch.read(&several);
        assert_eq!(watch.read(&several), Some(Finding::Over));
    }

    #[test]
    fn who_was_just_forked_has_time_to_be_measured() {
        let mut watch = Watch {
            limit: Some(1500 * MIB),
            ..Watch::default()
        };
        // One of 1 GiB has become two: what the second shares with the first is counted twice.
        let mut forked = agent(1 << 30, None, 0);
        forked.pss_bytes = Some(1 << 30);
        assert_eq!(watch.read(&forked), None);
        forked.processes = 2;
        (forked.resident_bytes, forked.unread_bytes) = (2 << 30, 1 << 30);
        for _ in 0..10 {
            assert_eq!(watch.read(&forked), None);
        }
        // Measured, it is two that share nothing.
        forked.unread_bytes = 0;
        assert_eq!(watch.read(&forked), Some(Finding::Over));
    }
}
