//! The dependency graph of a plan: order, waves, critical path, parallel groups, placement.
//!
//! Pure and deterministic: a checked [`crate::plan::Plan`] in, plain data out; every walk is
//! iterative, so a chain of any length is fine. Must not know limits, machines or run states.

pub mod critical;
pub mod dag;
pub mod groups;
pub mod layout;
pub mod overlap;
pub mod waves;

pub use critical::Critical;
pub use dag::{Edge, EdgeKind, Graph};
pub use groups::{ParallelGroup, parallel_groups};
pub use layout::{Layout, LayoutOptions, layout, layout_closed};
pub use overlap::{Overlaps, overlaps};

#[cfg(test)]
pub(crate) mod random;
#[cfg(test)]
mod tests;
