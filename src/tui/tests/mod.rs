//! Tests of the dashboard: screens as text, properties, keys, the loop.

mod elsewhere;
pub mod fixture;
mod keys;
mod looping;
mod properties;
mod replay;
mod screens;
mod status;
pub mod watch;
