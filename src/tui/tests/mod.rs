//! Tests of the dashboard: screens as text, properties, keys, the loop.

mod contrast;
mod elsewhere;
pub mod fixture;
mod keys;
mod looping;
mod pointer;
mod properties;
mod replay;
mod resizes;
pub mod screens;
mod themes;
pub mod watch;
