//! Live runs: guard, runner, loop, recovery, socket (DESIGN 3).
//!
//! The only place where the pure parts meet the machine: it turns what happens into inputs, writes
//! the journal, then carries commands out. Must not decide anything about agents itself.

mod adding;
pub mod cards;
mod clean;
pub mod client;
mod current;
pub mod diff;
mod groups;
pub mod guard;
mod hash;
pub mod intake;
pub mod jobs;
mod later;
pub mod learnt;
pub mod leases;
pub mod lines;
pub mod merits;
mod models;
pub mod news;
mod notices;
pub mod others;
mod output;
pub mod past;
pub mod prepare;
pub mod protocol;
mod records;
pub mod recover;
pub mod replay;
pub mod reports;
mod rules;
pub mod runner;
mod signed;
pub mod socket;
mod terminals;
mod texts;
mod turns;
mod watch;
pub mod work;

/// Exit status of a run whose runner failed (DESIGN 6).
pub const RUNNER_FAILED: u8 = 4;
/// Exit status of bad usage, plan or configuration.
pub const BAD_INPUT: u8 = 2;
