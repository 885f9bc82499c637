//! Static ranks: what live dispatch orders by.

use crate::{
    graph::{Critical, Graph},
    plan::Plan,
};

/// Returns the latest finish time of each agent in microseconds, with the barriers of the plan's
/// mode and the expected durations of the modes that fit the plan's own limits; less comes first.
#[must_use]
pub fn static_ranks(plan: &Plan, graph: &Graph) -> Vec<u64> {
    let durations: Vec<u64> = plan
        .indices()
        .map(|ix| {
            if graph.is_group(ix) {
                0
            } else {
                plan.agent(ix)
                    .modes
                    .first()
                    .map_or(0, |mode| mode.duration.expected_us)
            }
        })
        .collect();
    Critical::with_barriers(plan, graph, plan.mode, &durations).latest_finish
}
