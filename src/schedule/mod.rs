//! The planner: limits, modes, dispatch, bounds, options.
//!
//! Pure and deterministic, integers only. Must not look at a machine or a clock: the caller says
//! how much there is.

pub mod analysis;
pub mod bounds;
pub mod capacity;
pub mod dispatch;
pub mod learnt;
pub mod matrix;
pub mod planned;
pub mod ranks;

pub use analysis::{Advice, Analysis, Inputs, PlanOption};
pub use bounds::{lower_bound_us, sequential_us};
pub use capacity::{Capacity, Choices, capacity_from_plan, chosen_mode};
pub use dispatch::{Item, Peaks, Schedule, dispatch};
pub use matrix::Matrix;
pub use planned::Planned;
pub use ranks::static_ranks;

#[cfg(test)]
mod tests;
