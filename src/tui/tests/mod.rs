//! Tests of the dashboard: screens as text, properties, keys, the loop.

mod elsewhere;
pub mod fixture;
mod keys;
mod looping;
mod properties;
pub mod queue;
mod replay;
mod screens;
pub mod watch;
