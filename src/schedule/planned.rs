//! The schedule of a plan as plain times, to lay beside what really happened.
//!
//! Must not be taken for a promise: all of it is estimates.

use crate::{
    graph::Graph,
    plan::{AgentIx, Plan},
};

use super::{Capacity, Choices, dispatch};

/// When each agent would run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Planned {
    /// Start and end of each agent's own work (µs from the start); none: not expected to run.
    pub spans: Vec<Option<(u64, u64)>>,
    /// End of the last of them.
    pub end_us: u64,
}

impl Planned {
    /// Schedules a plan in its own mode.
    #[must_use]
    pub fn new(plan: &Plan, capacity: &Capacity) -> Self {
        let graph = Graph::new(plan);
        let choices = Choices::new(plan, &graph, capacity);
        let schedule = dispatch(plan, &graph, capacity, &choices, plan.mode);
        let mut spans = vec![None; plan.agents.len()];
        for item in &schedule.items {
            if item.end_us > item.start_us {
                spans[item.agent.ix()] = Some((item.start_us, item.end_us));
            }
        }
        Self {
            spans,
            end_us: schedule.makespan_us,
        }
    }

    /// Returns the planned time of an agent.
    #[must_use]
    pub fn of(&self, ix: AgentIx) -> Option<(u64, u64)> {
        self.spans.get(ix.ix()).copied().flatten()
    }
}
