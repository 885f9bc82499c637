//! What is told of gates beside their verdict: why a command runs, and how the red one comes out on
//! the base.
//!
//! Plain data of the journal; must not hold anything that a journal line cannot carry.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a check command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To judge: its end is the verdict.
    #[default]
    Judge,
    /// To judge once more, on the same files: it was red.
    Repeat,
    /// To compare, on the commit that the run started from: its end judges nothing.
    Base,
}

impl Purpose {
    /// Returns whether it judges for the first time, which is what a line leaves out.
    #[must_use]
    pub const fn is_judge(&self) -> bool {
        matches!(self, Self::Judge)
    }

    /// Returns what it adds to the name of its gate, for people; nothing where it judges.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Judge => "",
            Self::Repeat => " once more",
            Self::Base => " on the base, to compare",
        }
    }
}

/// How a command that is red comes out on the commit that the run started from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct OnBase {
    /// Red there too; none: it could not be told.
    pub red: Option<bool>,
    /// How it ended there, in words.
    pub how: String,
    /// What it printed there: a file below `gates/` of the run's folder; none: it never ran.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<String>,
}

impl OnBase {
    /// Returns it as a clause. Foreign text: to be cleaned before it is shown.
    #[must_use]
    pub fn words(&self) -> String {
        match self.red {
            Some(true) => format!("red on the base too: {}", self.how),
            Some(false) => "green on the base".to_owned(),
            None => format!("not known on the base: {}", self.how),
        }
    }

    /// Returns what stands beside the verdict of a red gate, as further clauses: how its command came
    /// out on the base, and on the same files before. Foreign text.
    #[must_use]
    pub fn beside(base: Option<&Self>, flaky: bool) -> String {
        let base = base.map_or_else(String::new, |base| format!("; {}", base.words()));
        let flaky = if flaky {
            "; flaky: it came out differently on the same files"
        } else {
            ""
        };
        format!("{base}{flaky}")
    }
}
