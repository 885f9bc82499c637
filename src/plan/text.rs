//! Texts of a plan that is written by the program.
//!
//! Must not write more than a value.

use super::decode;

/// Writes a text as a TOML string that stays itself when variables are filled in.
#[must_use]
pub fn quote(text: &str) -> String {
    decode::quote(text)
}
