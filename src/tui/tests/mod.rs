//! Tests of the dashboard: screens as text, properties, keys, the loop.

pub mod fixture;
mod keys;
mod looping;
mod properties;
mod screens;
pub mod watch;
