//! What a person wants to add to a run, as it was written, and the words of it that `ctl`, the deck's line
//! and its palette share.
//!
//! Must not read what the words mean: that needs the run's plan.

use std::collections::BTreeMap;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Agents that a person wants to add, as they were written. One of `lines`, `command` and `tables`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
pub struct Addition {
    /// An agent a line: `claude: fix it`, `$ cargo test`, `track/claude: fix it`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub lines: String,
    /// One agent in words: a worker and its prompt, or a command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Tables `[[agent]]` of a plan.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tables: String,
    /// Prompt files of these tables, by their paths there, with their texts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// Id; none: made of the words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Track, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<String>,
    /// Phase, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Worker of whom the words name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Memory, as a plan states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ram: Option<String>,
    /// Agents that have to be done first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
}

/// How an addition is written in words.
pub const ADD_WORDS: &str =
    "add [--track T] [--after AGENT,…] [--worker W] [--phase P] [--ram SIZE] [--id ID] TEXT…";

impl Addition {
    /// Reads words: options first, then a line as a list has them (`claude: fix it`, `$ cargo test`).
    ///
    /// # Errors
    /// What is wrong, as a sentence.
    pub fn of_words(words: &[String]) -> Result<Self, String> {
        let mut wanted = Self::default();
        let mut rest = words;
        while let [option, more @ ..] = rest
            && let Some(name) = option.strip_prefix("--")
        {
            rest = more;
            if name.is_empty() {
                break;
            }
            let [value, more @ ..] = more else {
                return Err(format!("`--{name}` needs a value"));
            };
            rest = more;
            wanted.set(name, value)?;
        }
        wanted.lines = rest.join(" ");
        if wanted.lines.trim().is_empty() {
            return Err(
                "what is to be done is missing: `claude: fix the flaky test`, or `$ cargo test`"
                    .to_owned(),
            );
        }
        Ok(wanted)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let one = match name {
            "after" => {
                let ids = value.split(',').map(str::trim).filter(|id| !id.is_empty());
                self.after.extend(ids.map(str::to_owned));
                return Ok(());
            }
            "id" => &mut self.id,
            "track" => &mut self.track,
            "phase" => &mut self.phase,
            "worker" => &mut self.worker,
            "ram" => &mut self.ram,
            _ => return Err(format!("`--{name}` is no option of add")),
        };
        match one.replace(value.to_owned()) {
            None => Ok(()),
            Some(_) => Err(format!("`--{name}` is given twice")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Addition, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Addition::of_words(&words)
    }

    #[test]
    fn options_come_first_and_the_rest_is_a_line() {
        let all = read("--after a,b --track A --ram 1GiB --after c claude: use --ram").unwrap();
        assert_eq!(all.after, ["a", "b", "c"]);
        assert_eq!(
            (all.track.as_deref(), all.ram.as_deref()),
            (Some("A"), Some("1GiB"))
        );
        assert_eq!(all.lines, "claude: use --ram");
        assert_eq!(read("-- --odd").unwrap().lines, "--odd");
        assert_eq!(read("--after").unwrap_err(), "`--after` needs a value");
        assert!(read("--id a --id b x").unwrap_err().contains("twice"));
        assert!(read("--mode x y").unwrap_err().contains("no option"));
        assert!(read("--id a").unwrap_err().contains("missing"));
    }
}
