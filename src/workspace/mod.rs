//! Work of agents in places of their own, and how it comes together.
//!
//! Reached from the runtime alone.

pub mod git;
pub mod merge;
