//! Waves: the longest-path levels of the graph.
//!
//! An agent's wave is one more than the latest wave among everything that it comes after, the
//! sub-agents of its predecessors included. A group (a parent without work of its own) takes no
//! step: it has the wave that follows its predecessors, and its sub-agents start in that same wave.
//! Soft needs and phases do not count.

use crate::plan::AgentIx;

use super::dag::Graph;

/// Wave of each agent, and agents of each wave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Waves {
    pub of: Vec<u32>,
    pub waves: Vec<Vec<AgentIx>>,
}

impl Waves {
    pub(crate) fn new(graph: &Graph) -> Self {
        let n = graph.len();
        // The level at which a point is entered; its own step comes on top.
        let mut entered = vec![0_u32; graph.point_count()];
        for &point in &graph.points().order {
            let p = point as usize;
            let step = u32::from(p < n && !graph.is_group(AgentIx(point)));
            let left = entered[p] + step;
            for &next in graph.points().succs.row(p) {
                let level = &mut entered[next as usize];
                *level = left.max(*level);
            }
        }
        let of: Vec<u32> = entered[..n].iter().map(|level| level + 1).collect();
        let mut waves = vec![Vec::new(); of.iter().max().map_or(0, |&last| last as usize)];
        for (i, &wave) in of.iter().enumerate() {
            waves[wave as usize - 1].push(AgentIx::of(i));
        }
        Self { of, waves }
    }
}
