//! Tests of the dashboard: screens as text, properties, keys, the loop.

mod adding;
mod agent;
mod contrast;
mod delivering;
mod elsewhere;
pub mod fixture;
mod keys;
mod leases;
mod looping;
mod measured;
mod merging;
mod pointer;
mod properties;
pub mod queue;
mod ram;
mod replay;
mod resizes;
pub mod screens;
mod session;
mod status;
mod talk;
mod terminal;
mod themes;
pub mod watch;
mod widths;
