//! Synchronisation points of a run, as the events have them.

use serde::{Deserialize, Serialize};

use crate::engine::SyncPoint;

/// Synchronisation points so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Syncs {
    /// Number of the last one that began; 0: none yet.
    pub last: u32,
    /// Those that are on, with their numbers.
    pub open: Vec<(u32, SyncPoint)>,
    /// How many were completed.
    pub completed: u32,
    /// How many failed.
    pub failed: u32,
}

impl Syncs {
    /// Returns the number of one that is on.
    #[must_use]
    pub fn number(&self, point: &SyncPoint) -> Option<u32> {
        let open = self.open.iter().find(|(_, known)| known == point);
        open.map(|(number, _)| *number)
    }

    /// One is over, well or not.
    pub(in crate::engine) fn end(&mut self, number: u32, well: bool) {
        let before = self.open.len();
        self.open.retain(|(known, _)| *known != number);
        if self.open.len() < before {
            let count = if well {
                &mut self.completed
            } else {
                &mut self.failed
            };
            *count += 1;
        }
    }
}
