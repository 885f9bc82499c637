//! The rules of `assets/redaction.toml`: read once, each pattern compiled when it is first needed.
//!
//! Must not look at text; that is `scan`.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

/// The file of rules.
const FILE: &str = include_str!("../../../assets/redaction.toml");
/// Bytes of memory that the states of one pattern may take while it is matched.
const STATES: usize = 256 << 10;

/// What must stand before a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Before {
    /// No letter, digit or underscore.
    #[default]
    Word,
    /// Anything.
    Any,
    /// The beginning of a variable's name, at the beginning of a line.
    Assigned,
}

/// What else must hold of what a pattern has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Check {
    /// Nothing.
    #[default]
    None,
    /// It looks drawn by chance: letters and digits, and enough entropy.
    Random,
    /// It may be a password: no placeholder, no code.
    Password,
    /// The value of a line in an environment file.
    Value,
    /// What follows the scheme in a header.
    Credential,
    /// A password in a URL.
    Address,
    /// An e-mail address around the `@`.
    EMail,
    /// A telephone number.
    Number,
    /// The beginning of a key's block of lines.
    KeyBlock,
    /// A key that ends in a data centre's name.
    Mailchimp,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub kind: String,
    keywords: Vec<String>,
    pattern: String,
    #[serde(default)]
    pub before: Before,
    #[serde(default)]
    pub check: Check,
    #[serde(default = "reach")]
    pub reach: usize,
    #[serde(skip)]
    regex: OnceLock<Option<Regex>>,
}

const fn reach() -> usize {
    512
}

impl Rule {
    /// Its pattern, which matches at the beginning alone; none: it cannot be compiled, which a test
    /// rules out.
    pub fn regex(&self) -> Option<&Regex> {
        let compile = || {
            RegexBuilder::new(&format!("^(?:{})", self.pattern))
                .unicode(false)
                .dfa_size_limit(STATES)
                .build()
                .ok()
        };
        self.regex.get_or_init(compile).as_ref()
    }
}

/// Addresses that are nobody's.
#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Addresses {
    pub locals: Vec<String>,
    pub domains: Vec<String>,
    pub not_domains: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: Vec<Rule>,
    addresses: Addresses,
}

/// All rules, and where to look.
#[derive(Debug)]
pub(super) struct Rules {
    pub all: Vec<Rule>,
    pub addresses: Addresses,
    /// Finds the keywords; none where there are none.
    pub keywords: Option<AhoCorasick>,
    /// For each keyword the rules that have it.
    pub by_keyword: Vec<Vec<usize>>,
}

impl Rules {
    /// The built-in ones, made at the first call.
    pub fn built_in() -> &'static Self {
        static RULES: OnceLock<Rules> = OnceLock::new();
        RULES.get_or_init(|| {
            Self::read(FILE).unwrap_or(Self {
                all: Vec::new(),
                addresses: Addresses::default(),
                keywords: None,
                by_keyword: Vec::new(),
            })
        })
    }

    fn read(text: &str) -> Result<Self, String> {
        let File { rule, addresses } = toml::from_str(text).map_err(|e| e.to_string())?;
        let mut words: Vec<String> = Vec::new();
        let mut by_keyword: Vec<Vec<usize>> = Vec::new();
        for (ix, one) in rule.iter().enumerate() {
            for word in &one.keywords {
                let word = word.to_ascii_lowercase();
                let at = words.iter().position(|w| *w == word).unwrap_or_else(|| {
                    words.push(word);
                    by_keyword.push(Vec::new());
                    words.len() - 1
                });
                by_keyword[at].push(ix);
            }
        }
        let keywords = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&words)
            .map_err(|e| e.to_string())?;
        Ok(Self {
            all: rule,
            addresses,
            keywords: Some(keywords),
            by_keyword,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_can_be_read_and_compiled() {
        let rules = Rules::read(FILE).unwrap();
        assert!(rules.all.len() > 60);
        for rule in &rules.all {
            assert!(!rule.keywords.is_empty(), "{}", rule.kind);
            assert!(rule.regex().is_some(), "{}: {}", rule.kind, rule.pattern);
        }
    }
}
