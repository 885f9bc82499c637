//! What came from where, as the last part of a prompt (requirement J2).
//!
//! Must not hold a time: the same items give the same bytes.

use super::item::Kind;

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// All of it is in the prompt.
    Whole,
    /// So many lines are not.
    Cut(u32),
    /// Nothing of it is.
    LeftOut,
}

/// An item in the provenance of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// What it is.
    pub kind: Kind,
    /// Where it came from.
    pub source: String,
    /// The first twelve hex digits of the SHA-256 of its text after redaction.
    pub sha256: String,
    /// Tokens of it in the prompt, estimated.
    pub tokens: u32,
    /// What became of it.
    pub used: Use,
}

pub(super) fn line(origin: &Origin) -> String {
    let used = match origin.used {
        Use::Whole => "whole".to_owned(),
        Use::Cut(lines) => format!("{lines} lines cut"),
        Use::LeftOut => "left out".to_owned(),
    };
    // As JSON, a name cannot leave its line.
    let source = serde_json::Value::from(origin.source.as_str());
    format!(
        "  - {{ {}: {source}, sha256: \"{}\", tokens: {}, state: {used} }}\n",
        origin.kind.word(),
        origin.sha256,
        origin.tokens,
    )
}

pub(super) fn more(count: u32) -> String {
    format!("  # and {count} more, left out\n")
}

/// The block without its list.
pub(super) fn block(list: &[String], tokens: u32, limit: u32, offered: u32) -> String {
    format!(
        "## Where this came from\n\n```yaml\ntokens: {tokens} # estimated, of {limit}\noffered: {offered}\nitems:\n{}```\n",
        list.concat()
    )
}
