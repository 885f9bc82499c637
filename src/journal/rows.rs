//! Agents in a snapshot, in short: a run of ten thousand has to be read in a few milliseconds.
//!
//! The same members as [`AgentState`], under short names, left out where they are as in a fresh
//! one. A member that is added there and forgotten here does not compile. Only for snapshots,
//! which live no longer than a program version; must not be used for anything else.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::engine::{
    AgentState, AttemptEnd, CheckRun, Ending, Exit, FailureKind, HoldBy, Live, Status,
};

fn nil<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

macro_rules! short {
    ($(#[$doc:meta])* $name:ident of $of:literal {
        $($short:literal $field:ident: $kind:ty $(, $with:literal)?;)*
    }) => {
        $(#[$doc])*
        #[derive(Serialize, Deserialize)]
        #[serde(remote = $of)]
        struct $name {
            $(
                #[serde(rename = $short, default, skip_serializing_if = "nil" $(, with = $with)?)]
                $field: $kind,
            )*
        }
    };
}

short! {
    Row of "AgentState" {
        "s" status: Status;
        "t" since_us: u64;
        "a" attempt: u32;
        "f" failures: u32;
        "m" mode: u32;
        "w" swap_to: Option<u32>;
        "h" hold: Option<HoldBy>;
        "q" quiet: bool;
        "L" live: Option<Live>;
        "c" check: Option<CheckRun>;
        "x" check_rounds: u32;
        "u" until_us: u64;
        "l" last: Option<AttemptEnd>, "last";
        "d" own_done: bool;
        "e" reason: Option<String>;
        "k" failure: Option<FailureKind>;
        "y" by_condition: bool;
        "g" left: bool;
        "b" started_us: Option<u64>;
        "z" ended_us: Option<u64>;
        "r" ran_us: u64;
        "p" peak_bytes: u64;
        "n" needs_open: u32;
        "N" needs_lost: u32;
        "o" soft_open: u32;
        "C" children_open: u32;
        "F" frozen_tree: Option<(u32, u32)>;
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "AttemptEnd")]
struct LastRow {
    #[serde(rename = "a")]
    attempt: u32,
    #[serde(rename = "x")]
    exit: Exit,
    #[serde(rename = "e", default, skip_serializing_if = "nil")]
    ending: Option<Ending>,
    #[serde(rename = "r")]
    ran_us: u64,
    #[serde(rename = "p")]
    peak_bytes: u64,
    #[serde(rename = "k", default, skip_serializing_if = "nil")]
    leaked: u32,
    #[serde(rename = "o", default, skip_serializing_if = "nil")]
    present: Vec<String>,
}

mod last {
    use super::{AttemptEnd, Deserialize, Deserializer, LastRow, Serialize, Serializer};

    #[derive(Serialize)]
    struct To<'a>(#[serde(with = "LastRow")] &'a AttemptEnd);

    #[derive(Deserialize)]
    struct From(#[serde(with = "LastRow")] AttemptEnd);

    #[expect(clippy::ref_option, reason = "serde hands a reference in")]
    pub fn serialize<S: Serializer>(last: &Option<AttemptEnd>, to: S) -> Result<S::Ok, S::Error> {
        last.as_ref().map(To).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<AttemptEnd>, D::Error> {
        Ok(Option::<From>::deserialize(from)?.map(|from| from.0))
    }
}

/// One agent, to write.
#[derive(Serialize)]
pub(super) struct To<'a>(#[serde(with = "Row")] pub &'a AgentState);

/// One agent, read.
#[derive(Deserialize)]
pub(super) struct From(#[serde(with = "Row")] pub AgentState);
