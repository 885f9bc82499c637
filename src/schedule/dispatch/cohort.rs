//! Agents that the same caps hold back, and the first of them that fits.

use crate::plan::{AgentIx, PhaseIx, Priority, TrackIx};

/// Agents that the same caps hold back: all may start, or none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CohortKey {
    pub track: Option<TrackIx>,
    pub phase: Option<PhaseIx>,
    pub priority: Option<Priority>,
    pub wave: Option<u32>,
    pub exclusive: bool,
    pub uses: Vec<(usize, u64)>,
}

/// The waiting agents of one cohort in the order of dispatch.
#[derive(Debug)]
pub(super) struct Cohort {
    pub key: CohortKey,
    /// Rank and agent by place.
    pub places: Vec<(u32, AgentIx)>,
    pub waiting: usize,
    /// Least memory, CPU and rate below each node of a tree over the places; `ABSENT` where nobody waits.
    pub least: Vec<[u64; 3]>,
    pub leaves: usize,
}

pub(super) const ABSENT: u64 = u64::MAX;
/// No limit; less than `ABSENT`, so that nobody is never found.
pub(super) const ENDLESS: u64 = u64::MAX - 1;

impl Cohort {
    pub(super) fn set(&mut self, place: u32, demand: [u64; 3]) {
        let mut at = self.leaves + place as usize;
        self.least[at] = demand;
        while at > 1 {
            at /= 2;
            let (a, b) = (self.least[2 * at], self.least[2 * at + 1]);
            self.least[at] = [a[0].min(b[0]), a[1].min(b[1]), a[2].min(b[2])];
        }
    }

    /// The first place from `from` on whose demand fits.
    pub(super) fn first(&self, from: usize, free: [u64; 3]) -> Option<usize> {
        let fits = |at: usize| (0..3).all(|i| self.least[at][i] <= free[i]);
        // Nodes still to search, the leftmost on top.
        let mut stack = vec![(1_usize, 0_usize, self.leaves)];
        while let Some((at, low, size)) = stack.pop() {
            if low + size <= from || !fits(at) {
                continue;
            }
            if size == 1 {
                return Some(low);
            }
            let half = size / 2;
            stack.push((2 * at + 1, low + half, half));
            stack.push((2 * at, low, half));
        }
        None
    }
}
