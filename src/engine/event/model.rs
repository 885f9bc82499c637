//! Models that servers hold: loaded, unloaded, left for another.
//!
//! Plain data of the journal. Kinds and members are added, never changed. Models are named as the plan does.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cause, Figures, Level};
use crate::plan::{AgentId, units::human_size};

/// How a number of bytes is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Measured of the server's processes.
    Measured,
    /// A share of that: the server holds other models too.
    Shared,
    /// The server says so.
    Told,
    /// Computed from what the plan or the model's file says.
    #[default]
    Estimated,
}

/// How a model can be taken out of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unloading {
    /// Its server does it when it is asked.
    Request,
    /// Its server does it by itself when nobody asks it anything for so many seconds.
    Sleep(u32),
    /// Not from outside.
    Never,
    /// Nobody knows yet.
    #[default]
    Unknown,
}

/// What its server and its processes say of a model. Also a part of the state, whose snapshots have no names: nothing
/// of it is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Held {
    /// Bytes that it takes on this machine.
    pub bytes: u64,
    /// How these are known.
    pub by: Known,
    /// How it can be unloaded.
    pub unloading: Unloading,
    /// Bytes that loading it takes before any request, where its file says it.
    #[serde(default)]
    pub base_bytes: Option<u64>,
    /// Bytes of the cache of one request, where its file says it.
    #[serde(default)]
    pub slot_bytes: Option<u64>,
}

/// One event about a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "kind")]
#[expect(
    missing_docs,
    reason = "the same in all: `model` which, `agent` whom and `attempt` in which of its attempts"
)]
pub enum ModelEvent {
    /// It is in memory, or takes clearly more or less of it than was told last.
    #[serde(rename = "model.loaded")]
    Loaded {
        model: String,
        #[serde(flatten)]
        held: Held,
    },
    /// Its server is asked to unload it.
    #[serde(rename = "model.unloading")]
    Unloading {
        model: String,
        /// Why: a person, or the last agent that used it went on without it.
        cause: Cause,
        /// Bytes that this is to give back.
        told_bytes: u64,
    },
    /// It takes no memory any more.
    #[serde(rename = "model.unloaded")]
    Unloaded {
        model: String,
        /// We asked for it; else its server did it by itself.
        asked: bool,
        /// Bytes that were to be given back.
        told_bytes: u64,
        /// Bytes that its server's processes gave back; none: they cannot be measured.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        freed_bytes: Option<u64>,
        /// Bytes that they still take.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        left_bytes: Option<u64>,
    },
    /// It was to be unloaded and is still there.
    #[serde(rename = "model.kept")]
    Kept {
        model: String,
        /// Why, in words.
        reason: String,
    },
    /// An agent goes on with another worker.
    #[serde(rename = "model.swapped")]
    Swapped {
        agent: AgentId,
        attempt: u32,
        /// The worker that it had.
        from: String,
        /// The worker that it gets.
        to: String,
        cause: Cause,
        /// Bytes that this frees now: its own, and those of a model that nobody else uses.
        frees_bytes: u64,
        /// Bytes that are free when all others have left its model too.
        later_bytes: u64,
        /// Agents that use its model beside it.
        others: u32,
        /// What its processes held then, in bytes; none: not measured, or told by a person's swap.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        held_bytes: Option<u64>,
        /// The decision about memory that it is of, from 1; 0: a person's.
        #[serde(skip_serializing_if = "super::parts::is_zero", default)]
        number: u32,
        /// Memory as that decision saw it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        figures: Option<Box<Figures>>,
    },
}

impl ModelEvent {
    /// Returns the contract's name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Loaded { .. } => "model.loaded",
            Self::Unloading { .. } => "model.unloading",
            Self::Unloaded { .. } => "model.unloaded",
            Self::Kept { .. } => "model.kept",
            Self::Swapped { .. } => "model.swapped",
        }
    }

    /// Returns the agent that it is about.
    #[must_use]
    pub const fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Swapped { agent, .. } => Some(agent),
            _ => None,
        }
    }

    /// Returns it in words for people.
    #[must_use]
    pub fn words(&self) -> String {
        let size = |bytes: &u64| human_size(*bytes);
        match self {
            Self::Loaded { model, held } => {
                let about = if held.by == Known::Measured { "" } else { "~" };
                format!("{model} is loaded: {about}{}", size(&held.bytes))
            }
            Self::Unloading {
                model,
                cause,
                told_bytes,
            } => {
                let why = match cause {
                    Cause::Operator => "you asked for it",
                    _ => "nobody uses it any more",
                };
                format!("{model} is being unloaded, {why}: ~{}", size(told_bytes))
            }
            Self::Unloaded {
                model,
                asked,
                told_bytes,
                freed_bytes,
                ..
            } => {
                let by = if *asked { "" } else { " by its server" };
                match freed_bytes {
                    Some(freed) => format!("{model} was unloaded{by}: {} came back", size(freed)),
                    None => format!(
                        "{model} was unloaded{by}: ~{}, not measured",
                        size(told_bytes)
                    ),
                }
            }
            Self::Kept { model, reason } => format!("{model} was not unloaded: {reason}"),
            Self::Swapped {
                agent,
                from,
                to,
                frees_bytes,
                later_bytes,
                others,
                ..
            } => {
                if *later_bytes == 0 {
                    return format!("{agent} goes from {from} to {to}");
                }
                let later = if later_bytes > frees_bytes {
                    let of = match others {
                        0 => "when its model is unloaded".to_owned(),
                        n => format!("if the last of {} users leaves", n + 1),
                    };
                    format!("; ~{} {of}", size(later_bytes))
                } else {
                    String::new()
                };
                format!(
                    "{agent} goes from {from} to {to}: frees ~{} now{later}",
                    size(frees_bytes)
                )
            }
        }
    }

    /// Returns how urgent it is.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::Loaded { .. } | Self::Unloading { .. } => Level::Low,
            Self::Unloaded { .. } | Self::Swapped { .. } => Level::Medium,
            Self::Kept { .. } => Level::High,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Event;

    #[test]
    fn every_kind_is_written_and_read_again() {
        let model = || "qwen".to_owned();
        let swapped = || ModelEvent::Swapped {
            agent: "a".into(),
            attempt: 1,
            from: "local".to_owned(),
            to: "cloud".to_owned(),
            cause: Cause::Swap,
            frees_bytes: 1,
            later_bytes: 8,
            others: 2,
            held_bytes: None,
            number: 0,
            figures: None,
        };
        let held = Held {
            bytes: 7,
            by: Known::Shared,
            unloading: Unloading::Sleep(6),
            base_bytes: Some(5),
            slot_bytes: None,
        };
        let all = [
            ModelEvent::Loaded {
                model: model(),
                held,
            },
            ModelEvent::Unloading {
                model: model(),
                cause: Cause::Swap,
                told_bytes: 7,
            },
            ModelEvent::Unloaded {
                model: model(),
                asked: true,
                told_bytes: 7,
                freed_bytes: Some(6),
                left_bytes: None,
            },
            ModelEvent::Kept {
                model: model(),
                reason: "no".to_owned(),
            },
            swapped(),
        ];
        for event in all {
            let event = Event::from(event);
            let text = serde_json::to_string(&event).unwrap();
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["kind"], event.kind());
            assert_eq!(
                serde_json::from_str::<Event>(&text).unwrap(),
                event,
                "{text}"
            );
        }
        let words =
            "a goes from local to cloud: frees ~1 B now; ~8 B if the last of 3 users leaves";
        assert_eq!(swapped().words(), words);
    }
}
