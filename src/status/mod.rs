//! The daily status: one YAML card for each track and day.
//!
//! wavedeck writes the cards from facts, agents add what they say of themselves, and the screens
//! show both. Must not decide anything about the run.

pub mod card;
pub mod parse;
#[cfg(test)]
mod tests;
mod values;

pub use card::{Blocker, Card, Health, Resources, Severity};
pub use parse::{Report, parse_card, parse_report};

/// The JSON Schema of a card, for `wavedeck schema status` and for editors.
pub const STATUS_SCHEMA: &str = include_str!("../../assets/schema/status.json");
