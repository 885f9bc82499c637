//! SHA-256 of texts, for names that say what they were made from.
//!
//! Must not read files: texts come in.

/// SHA-256 in lower-case hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    use std::fmt::Write;
    let mut out = String::with_capacity(64);
    for byte in sha2::Sha256::digest(bytes) {
        // Writing into memory cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}
