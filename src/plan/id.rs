//! Newtypes for the names and positions that plans, events and schedules share.
//!
//! Must not know what they name: no lookup, no I/O.

use std::{fmt, sync::Arc};

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names an agent as the plan writes it; cheap to clone, since every event carries one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(transparent)]
pub struct AgentId(#[cfg_attr(test, schemars(with = "String"))] pub Arc<str>);

impl AgentId {
    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for AgentId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// Returns the position as a `usize`, for indexing the plan's lists.
            #[must_use]
            pub const fn ix(self) -> usize {
                self.0 as usize
            }

            /// Makes the position from a list index.
            ///
            /// A plan never holds `u32::MAX` items: parsing it would need more memory
            /// than the program accepts, so the cast saturates and is never reached.
            #[must_use]
            pub fn of(index: usize) -> Self {
                Self(u32::try_from(index).unwrap_or(u32::MAX))
            }
        }
    };
}

index!(
    /// Position of an agent in [`super::Plan::agents`].
    AgentIx
);
index!(
    /// Position of a phase in [`super::Plan::phases`].
    PhaseIx
);
index!(
    /// Position of a track in [`super::Plan::tracks`].
    TrackIx
);
index!(
    /// Position of a worker in [`super::Plan::workers`].
    WorkerIx
);
index!(
    /// Position of a model in [`super::Plan::models`].
    ModelIx
);
index!(
    /// Position of a gate in [`super::Plan::gates`].
    GateIx
);
