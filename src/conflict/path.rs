//! A path in a repository: bytes, as git has them.
//!
//! Written to JSON and shown as text that keeps every byte: a backslash is `\\`, a byte that is not
//! UTF-8 is `\x` and two hex digits; all else stands as it is. Must not touch the file system.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::display;

/// A path below a repository's root, with `/` between its parts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(Vec<u8>);

impl RepoPath {
    /// Takes the bytes that git gave.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The last part.
    pub fn name(&self) -> &[u8] {
        self.0.rsplit(|&b| b == b'/').next().unwrap_or(&self.0)
    }

    /// The same path with a text at its end, for a second version that is kept beside the first.
    #[must_use]
    pub fn beside(&self, suffix: &str) -> Self {
        let mut bytes = self.0.clone();
        bytes.push(b'~');
        bytes.extend(suffix.bytes().map(|b| if b == b'/' { b'_' } else { b }));
        Self(bytes)
    }

    /// As a line that is safe to show, of at most `max` columns.
    pub fn shown(&self, max: usize) -> String {
        display::clean_line(&self.0, max)
    }

    /// As text without loss; `from_text` reads it again.
    pub fn to_text(&self) -> Cow<'_, str> {
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.contains('\\') => Cow::Borrowed(text),
            _ => Cow::Owned(self.escaped()),
        }
    }

    fn escaped(&self) -> String {
        use fmt::Write as _;
        let mut out = String::with_capacity(self.0.len() + 8);
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                if c == '\\' {
                    out.push('\\');
                }
                out.push(c);
            }
            for byte in chunk.invalid() {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
        out
    }

    /// Reads what `to_text` wrote; none if an escape is wrong.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((&first, after)) = rest.split_first() {
            if first != b'\\' {
                out.push(first);
                rest = after;
                continue;
            }
            match after {
                [b'\\', more @ ..] => {
                    out.push(b'\\');
                    rest = more;
                }
                [b'x', high, low, more @ ..] => {
                    out.push(hex(*high)? << 4 | hex(*low)?);
                    rest = more;
                }
                _ => return None,
            }
        }
        Some(Self(out))
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_text())
    }
}

impl From<&str> for RepoPath {
    fn from(path: &str) -> Self {
        Self(path.as_bytes().to_vec())
    }
}

impl Serialize for RepoPath {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for RepoPath {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::from_text(&text).ok_or_else(|| D::Error::custom("a path with a wrong escape"))
    }
}
