//! The daily status: one YAML card for each track and day.
//!
//! wavedeck writes the cards from facts, agents add what they say of themselves, and the screens
//! show both. Must not decide anything about the run.

mod blockers;
pub mod card;
pub mod gate;
pub mod lines;
pub mod parse;
pub mod project;
pub mod spoken;
#[cfg(test)]
mod tests;
mod values;
pub(crate) mod yaml;

pub use crate::engine::Words;
pub use card::{Blocker, Card, Health, ResourceUsage, Severity, Spoken};
pub use gate::{DayGate, judge};
pub use parse::{parse_card, parse_report};
pub use project::{Facts, NO_TRACK, Standing, standings};

/// The JSON Schema of a card, for `wavedeck schema status` and for editors.
pub const STATUS_SCHEMA: &str = include_str!("../../assets/schema/status.json");
