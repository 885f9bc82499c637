//! Takes secrets and personal data out of text: output of agents, prompts, the journal, cards, logs.
//!
//! Rules are data (`assets/redaction.toml`), beside values that are known to be secret because the
//! environment names them so. [`Stream`] takes bytes in any pieces: it works on lines, holds back one
//! that is not complete, and gives the same bytes however they were cut. What a program writes across
//! lines, or moves the cursor to put together, is not found; a private key's block of lines is.
//!
//! Must not read anything by itself, and must never fail: what cannot be judged stays.

mod check;
mod digits;
mod exact;
mod json;
mod plain;
mod rules;
mod scan;
mod stream;
#[cfg(test)]
mod tests;

pub use exact::{names_a_secret, values};
pub use scan::Redactor;
pub use stream::{Manner, Release, Stream};

impl Redactor {
    /// Takes out of a text what is secret; each find becomes `[redacted: kind]`.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.clean_counted(text).0
    }

    /// The same, and how many finds there were.
    #[must_use]
    pub fn clean_counted(&self, text: &str) -> (String, u64) {
        let mut stream = Stream::new(Manner::Replace);
        let mut out = Vec::with_capacity(text.len());
        stream.push(self, text.as_bytes(), &mut out);
        stream.finish(self, &mut out);
        let text = String::from_utf8(out)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        (text, stream.found())
    }
}
