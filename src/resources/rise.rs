//! How fast each attempt's memory grew to its peak, from the readings of a run.
//!
//! Must not be taken for the growth now: the sampler measures that.

use std::collections::BTreeMap;

use super::Sample;

/// A figure is a new height only where it is more than this part above the last: what creeps on afterwards is no rise.
const PART: u64 = 16;

/// Rises by agent (position) and attempt.
#[derive(Debug, Default)]
pub struct Rises(BTreeMap<(u32, u32), Rise>);

#[derive(Debug)]
struct Rise {
    first: (u64, u64),
    high: (u64, u64),
}

impl Rises {
    /// Takes the next reading.
    pub fn take(&mut self, sample: &Sample) {
        for agent in &sample.agents {
            let now = (sample.elapsed_us, agent.counted_bytes());
            let rise = self.0.entry((agent.agent, agent.attempt)).or_insert(Rise {
                first: now,
                high: now,
            });
            if now.1 > rise.high.1.saturating_add(rise.high.1 / PART) {
                rise.high = now;
            }
        }
    }

    /// Returns how fast an attempt grew from its first reading to its peak, in bytes a second; none: it did not, or it
    /// was not measured.
    #[must_use]
    pub fn of(&self, agent: u32, attempt: u32) -> Option<u64> {
        let Rise { first, high } = self.0.get(&(agent, attempt))?;
        let took_us = high.0.checked_sub(first.0).filter(|us| *us > 0)?;
        let grew = u128::from(high.1.saturating_sub(first.1)) * 1_000_000;
        u64::try_from(grew / u128::from(took_us)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::AgentSample;

    #[test]
    fn a_rise_ends_where_the_memory_only_creeps_on() {
        let mut rises = Rises::default();
        for (second, mib) in [(1, 100), (2, 200), (3, 300), (4, 305), (60, 310)] {
            let agent = |attempt: u32, mib: u64| AgentSample {
                agent: 7,
                attempt,
                resident_bytes: mib << 20,
                ..AgentSample::default()
            };
            rises.take(&Sample {
                elapsed_us: second * 1_000_000,
                agents: vec![agent(1, mib), agent(2, 50)],
                ..Sample::default()
            });
        }
        assert_eq!(rises.of(7, 1), Some(100 << 20));
        assert_eq!((rises.of(7, 2), rises.of(7, 3)), (None, None));
    }
}
