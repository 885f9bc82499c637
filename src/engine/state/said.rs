//! What an agent said last of itself.
//!
//! Kept as it was said; what it is worth is for the projection.

use serde::{Deserialize, Serialize};

use crate::engine::{AgentProgress, Via, Words};

/// The newest report of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Wall clock, milliseconds since the epoch; 0: nothing was taken yet.
    pub at_ms: i64,
    /// When (elapsed µs).
    pub at_us: u64,
    /// In which attempt.
    pub attempt: u32,
    /// By which way.
    pub via: Via,
    /// What.
    pub words: Words,
    /// Why a newer report was not taken.
    pub error: Option<String>,
}

impl Said {
    /// Takes a report: a broken one leaves what was said before.
    pub fn take(slot: &mut Option<Box<Self>>, report: &AgentProgress, at_ms: i64, at_us: u64) {
        match (&report.error, slot) {
            (Some(error), Some(said)) => said.error = Some(error.clone()),
            (error, slot) => {
                let taken = error.is_none();
                *slot = Some(Box::new(Self {
                    at_ms: if taken { at_ms } else { 0 },
                    at_us,
                    attempt: report.attempt,
                    via: report.via,
                    words: report.words(),
                    error: error.clone(),
                }));
            }
        }
    }
}
