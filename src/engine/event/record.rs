//! One line of the journal: an event with its place in order and time.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::AgentId;

use super::{Event, Level};

/// One line of the journal: an event with its place in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Record {
    /// From 1 without gaps.
    pub seq: u64,
    /// Wall clock in milliseconds since the Unix epoch; RFC 3339 in UTC on disk.
    #[serde(rename = "at", with = "stamp")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub at_ms: i64,
    /// Microseconds that the run has been alive.
    pub elapsed_us: u64,
    /// Urgency.
    pub priority: Level,
    /// Who caused it: an agent's id, `engine`, `operator`, `runner`.
    pub source: String,
    /// Agents that it concerns beside its own.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub affected: Vec<AgentId>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// RFC 3339 in UTC with milliseconds on disk, milliseconds in memory.
mod stamp {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands a reference in"
    )]
    pub fn serialize<S: Serializer>(at_ms: &i64, to: S) -> Result<S::Ok, S::Error> {
        let at = jiff::Timestamp::from_millisecond(*at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        to.collect_str(&format_args!("{at:.3}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        let at: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(at.as_millisecond())
    }
}
