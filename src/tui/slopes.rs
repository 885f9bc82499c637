//! How the memory of agents and of the machine moved in the last half minute, as readings came in.
//!
//! Kept from one reading to the next by whoever takes them, live and in replay alike; what was measured only. After a
//! jump in time it begins anew. Must not foretell anything.

use std::collections::VecDeque;

use crate::{plan::AgentIx, resources::Sample};

/// From one point to the next, in microseconds.
const STEP_US: u64 = 1_900_000;
/// Points of a line.
const POINTS: usize = 16;
/// Points that its slope is of: the last twelve seconds, so that what stands still is soon said to.
const RECENT: usize = 7;
/// What these must span before there is a slope, in microseconds.
const LEAST_US: u64 = 4_000_000;
/// After so long without a reading nothing is known of the time between, in microseconds.
const GAP_US: u64 = 30_000_000;

/// Bytes over time, oldest first: times in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line(VecDeque<(u64, u64)>);

impl Line {
    fn push(&mut self, at_us: u64, bytes: u64) {
        if self.0.back().is_some_and(|last| at_us - last.0 < STEP_US) {
            return;
        }
        if self.0.len() >= POINTS {
            self.0.pop_front();
        }
        self.0.push_back((at_us, bytes));
    }

    /// Returns by how many bytes a minute it has risen lately (below 0: fallen); none where it is too short to say.
    #[must_use]
    pub fn per_minute(&self) -> Option<i64> {
        let recent = self.0.len().saturating_sub(RECENT);
        let (&(from, before), &(to, after)) = (self.0.get(recent)?, self.0.back()?);
        if to.saturating_sub(from) < LEAST_US {
            return None;
        }
        let rise = i128::from(after) - i128::from(before);
        let rate = rise * 60_000_000 / i128::from(to - from);
        i64::try_from(rate).ok()
    }

    /// Goes through its bytes, oldest first.
    pub fn bytes(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.0.iter().map(|point| point.1)
    }
}

/// The lines of all agents with a process, and of the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slopes {
    /// By agent; each is of one attempt.
    agents: Vec<(u32, u32, Line)>,
    machine: Line,
    last_us: u64,
}

impl Slopes {
    /// Takes a reading.
    pub fn push(&mut self, sample: &Sample) {
        let now = sample.elapsed_us;
        if now < self.last_us || now - self.last_us > GAP_US {
            *self = Self::default();
        }
        self.last_us = now;
        let machine = &sample.machine;
        let used = machine.total_bytes.saturating_sub(machine.available_bytes);
        self.machine.push(now, used);
        // Both are in the order of agents.
        let mut before = std::mem::take(&mut self.agents).into_iter().peekable();
        for agent in &sample.agents {
            while before.next_if(|old| old.0 < agent.agent).is_some() {}
            let old = before.next_if(|old| (old.0, old.1) == (agent.agent, agent.attempt));
            let mut line = old.map(|old| old.2).unwrap_or_default();
            line.push(now, agent.counted_bytes());
            self.agents.push((agent.agent, agent.attempt, line));
        }
    }

    /// Returns the line of an attempt of an agent.
    #[must_use]
    pub fn of(&self, agent: AgentIx, attempt: u32) -> Option<&Line> {
        let at = self
            .agents
            .binary_search_by_key(&agent.0, |one| one.0)
            .ok()?;
        let one = &self.agents[at];
        (one.1 == attempt).then_some(&one.2)
    }

    /// Returns the line of what is in use of the machine.
    #[must_use]
    pub const fn machine(&self) -> &Line {
        &self.machine
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::AgentSample;

    const SECOND: u64 = 1_000_000;
    const MIB: u64 = 1 << 20;

    fn sample(second: u64, agents: &[(u32, u32, u64)]) -> Sample {
        let mut sample = Sample {
            elapsed_us: second * SECOND,
            ..Sample::default()
        };
        sample.machine.total_bytes = 1000 * MIB;
        sample.machine.available_bytes = (900 - second) * MIB;
        sample.agents = agents
            .iter()
            .map(|&(agent, attempt, mib)| AgentSample {
                agent,
                attempt,
                resident_bytes: mib * MIB,
                ..AgentSample::default()
            })
            .collect();
        sample
    }

    #[test]
    fn lines_follow_their_attempt() {
        let mut slopes = Slopes::default();
        for n in 0..100 {
            // The second one is gone for a while, the third begins anew.
            let mut agents = vec![(1, 1, 10 * n), (7, 1 + n as u32 / 50, 500 - n)];
            if !(20..80).contains(&n) {
                agents.insert(1, (4, 1, 50));
            }
            slopes.push(&sample(n, &agents));
        }
        let rate = |agent, attempt| slopes.of(AgentIx(agent), attempt)?.per_minute();
        let mib = MIB.cast_signed();
        assert_eq!(rate(1, 1), Some(600 * mib));
        assert_eq!(rate(4, 1), Some(0));
        assert_eq!((rate(7, 1), rate(7, 2)), (None, Some(-60 * mib)));
        assert_eq!(rate(2, 1), None);
        assert_eq!(slopes.machine().per_minute(), Some(60 * mib));
        let mut still = slopes.clone();
        for n in 100..114 {
            still.push(&sample(n, &[(1, 1, 990)]));
        }
        let stands = still.of(AgentIx(1), 1).and_then(Line::per_minute);
        assert_eq!(stands, Some(0), "what came before is not counted for long");
        let line = slopes.of(AgentIx(1), 1).unwrap();
        assert_eq!(line.bytes().len(), POINTS);
        let began = slopes.of(AgentIx(4), 1).unwrap();
        assert_eq!(began.bytes().len(), 10, "what was before is another line");
    }

    #[test]
    fn a_jump_begins_anew() {
        let mut slopes = Slopes::default();
        for n in 0..10 {
            slopes.push(&sample(n, &[(1, 1, n)]));
        }
        assert!(slopes.of(AgentIx(1), 1).unwrap().per_minute().is_some());
        slopes.push(&sample(200, &[(1, 1, 900)]));
        assert_eq!(slopes.of(AgentIx(1), 1).unwrap().per_minute(), None);
        slopes.push(&sample(3, &[(1, 1, 900)]));
        assert_eq!(slopes.of(AgentIx(1), 1).unwrap().bytes().len(), 1);
    }
}
