//! What model servers hold at one moment: a row for each model of the plan, and the sum that counts on this machine.
//!
//! Plain data for screens, `samples.jsonl` and the socket; never enters the journal. Must not measure anything itself.

use serde::{Deserialize, Serialize};

use crate::plan::ModelIx;

/// A model of the plan, as its server was seen last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServerSample {
    /// Which model, by its position in the plan.
    pub model: u32,
    /// Which server, by the position of its first model: models with the same one share its processes and their bytes.
    pub server: u32,
    /// It takes memory now.
    pub loaded: bool,
    /// Its server gave its memory back, and loads it again when it is asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sleeping: bool,
    /// Bytes that the server's processes hold, mapped weights among them; none where they are not this machine's or
    /// not to be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<u64>,
    /// Bytes that the server says it takes in the memory of its machine: an estimate of the server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_bytes: Option<u64>,
    /// Requests that it answers at the same time, as the server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    /// Requests that it answers now, as the server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy: Option<u32>,
    /// Why nothing newer is known, one clean line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ServerSample {
    /// Returns the model's position.
    #[must_use]
    pub const fn ix(&self) -> ModelIx {
        ModelIx(self.model)
    }
}

/// All of them, with what counts in the machine's figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Servers {
    /// One for each model that a worker names, by position.
    pub samples: Vec<ServerSample>,
    /// Bytes of the measured processes, each counted once; those that belong to agents are not among them.
    pub bytes: u64,
    /// Of these, bytes of files: mapped weights.
    pub file_bytes: u64,
}

/// Gives what is known of the servers now; asked with each reading, so it must not wait.
pub type ReadServers = Box<dyn Fn() -> Servers + Send>;

/// Returns what a machine can still give, in bytes: what the kernel says, but what servers have mapped cannot be given.
///
/// The kernel calls mapped weights available; taking them away makes their server read them again and again. So in use
/// are at least the pages of no file (`anon`, 0 where that is not known) and the servers' mapped ones, and at least what
/// the servers hold (`served`: all of it, and of files).
#[must_use]
pub fn to_give(total: u64, available: u64, anon: u64, served: (u64, u64)) -> u64 {
    let (bytes, mapped) = served;
    let held = match bytes {
        0 => 0,
        bytes => bytes.max(anon.saturating_add(mapped)),
    };
    available.min(total.saturating_sub(held))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_weights_count_as_used() {
        // 9 of 32 used, as the kernel says; 8 of them by programs, and 20 are mapped by a server with 1 of its own.
        assert_eq!(to_give(32, 23, 8, (21, 20)), 4);
        assert_eq!(to_give(32, 23, 0, (21, 20)), 11, "within a container");
        assert_eq!(to_give(32, 3, 8, (21, 20)), 3);
        assert_eq!(to_give(32, 23, 8, (0, 0)), 23);
    }
}
