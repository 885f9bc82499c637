//! Static ranks: what live dispatch orders by.

use crate::{
    graph::{Critical, Graph},
    plan::Plan,
};

use super::capacity::{Choices, capacity_from_plan};

/// Returns the latest finish time of each agent in microseconds, with the barriers of the plan's
/// mode and the expected durations of the first modes that fit the plan's own limits; less comes
/// first.
#[must_use]
pub fn static_ranks(plan: &Plan, graph: &Graph) -> Vec<u64> {
    let capacity = capacity_from_plan(plan, u64::MAX, u64::MAX, u32::MAX);
    let durations = Choices::new(plan, graph, &capacity).durations;
    Critical::with_barriers(plan, graph, plan.mode, &durations).latest_finish
}
