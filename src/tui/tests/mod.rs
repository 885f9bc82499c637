//! Tests of the dashboard: screens as text, properties, keys, the loop.

mod agent;
mod elsewhere;
pub mod fixture;
mod keys;
mod looping;
mod properties;
mod replay;
mod screens;
mod terminal;
pub mod watch;
