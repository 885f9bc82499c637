//! What comes in of model servers: what one says of a model, and what became of a request to unload it.
//!
//! Plain values of an [`super::InputKind`]; only at an edge, never with each reading.

use super::Held;

/// What a server says of a model now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServedNow {
    /// It is in memory.
    Loaded(Held),
    /// It takes no memory.
    Gone {
        /// Bytes that the server's processes still take; none: not measured.
        left_bytes: Option<u64>,
    },
}

/// A model was unloaded, and that was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnloadedNow {
    /// Bytes that the server's processes gave back; none: not measured.
    pub freed_bytes: Option<u64>,
    /// Bytes that they still take.
    pub left_bytes: Option<u64>,
}
