//! The planner: limits, modes, dispatch, bounds, options.
//!
//! Pure and deterministic, integers only. Must not look at a machine or a clock: the caller says
//! how much there is.

pub mod ranks;

pub use ranks::static_ranks;
