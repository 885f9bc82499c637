//! How many tokens a text takes, at most, as far as that can be told without a tokenizer.
//!
//! Integers, one pass, no tables of words. Must not know models: a family's factor comes from outside.

/// Thousandths of a token that a byte of other ASCII punctuation takes.
const PUNCTUATION: u64 = 920;
/// Length from which a run of letters, figures and `+/_=-` is taken for one drawn word.
const LONG: usize = 20;

/// Tokens of a family of models for 1,000 of the estimate: the name of a model or of a worker tells it.
///
/// OpenAI's, Qwen's, DeepSeek's, Llama's and GLM's vocabularies are what the estimate was fitted to.
/// Gemini's (1.1) and Claude's (1.15 of it before, 1.5 since its vocabulary of version 4.7) are not
/// public: taken high, and so is whatever is not known.
#[must_use]
pub fn family(name: &str) -> u32 {
    const FITTED: [&str; 9] = [
        "gpt", "codex", "openai", "o3", "o4", "qwen", "deepseek", "llama", "glm",
    ];
    let name = name.to_ascii_lowercase();
    let is = |part: &&str| name.contains(part);
    if FITTED.iter().any(is) {
        1000
    } else if name.contains("gemini") {
        1100
    } else {
        1500
    }
}

/// Estimates the tokens of a text.
///
/// Each run of bytes of one class takes what it took in the worst of the vocabularies `o200k`,
/// `deepseek_v3` and `qwen2` on 27 texts (sources, prose, tables, JSON, lock files, logs, hashes, base64,
/// three scripts): the estimate was 0.99 to 1.51 of the true count, 1.20 on average. It is near a bound
/// and no proof: [`super::compose`] keeps a reserve.
///
/// | run | tokens |
/// |---|---|
/// | letters | humps of `camelCase`, at least one in 6.5; all capitals one in 3.5 |
/// | figures | each one |
/// | blanks and tabs | none; two and more one |
/// | line ends | one |
/// | other punctuation | 0.92 each |
/// | characters beyond ASCII | each one |
/// | `[A-Za-z0-9+/_=-]`, 20 and more | rulers one in 8; drawn (12 % figures, or both cases) one in 1.1; else one in 2.8 |
#[must_use]
pub fn tokens(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let mut milli: u64 = 0;
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let drawn = run(rest, is_drawn);
        let (len, cost) = if drawn >= LONG {
            (drawn, long(&rest[..drawn]))
        } else {
            short(rest)
        };
        milli += cost;
        at += len;
    }
    u32::try_from(milli.div_ceil(1000)).unwrap_or(u32::MAX)
}

fn run(bytes: &[u8], of: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|b| of(**b)).count()
}

const fn is_drawn(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'=' | b'-')
}

/// Thousandths for a long run.
fn long(run: &[u8]) -> u64 {
    let len = run.len() as u64;
    let count = |of: fn(&u8) -> bool| run.iter().filter(|b| of(b)).count() as u64;
    if count(u8::is_ascii_alphanumeric) == 0 {
        return len.div_ceil(8) * 1000;
    }
    let mixed = count(u8::is_ascii_uppercase) > 0 && count(u8::is_ascii_lowercase) > 0;
    if mixed || count(u8::is_ascii_digit) * 100 >= len * 12 {
        len * 1000 * 10 / 11
    } else {
        len * 1000 * 10 / 28
    }
}

/// Length and thousandths of the first run of a text.
fn short(rest: &[u8]) -> (usize, u64) {
    match rest[0] {
        b if b.is_ascii_alphabetic() => {
            let len = run(rest, |b| b.is_ascii_alphabetic());
            let word = &rest[..len];
            let wide = if word.iter().all(u8::is_ascii_uppercase) {
                35
            } else {
                65
            };
            let parts = (len * 10).div_ceil(wide);
            let humps = 1 + word
                .windows(2)
                .filter(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase())
                .count();
            (len, humps.max(parts) as u64 * 1000)
        }
        b if b.is_ascii_digit() => {
            let len = run(rest, |b| b.is_ascii_digit());
            (len, len as u64 * 1000)
        }
        b' ' | b'\t' => {
            let len = run(rest, |b| matches!(b, b' ' | b'\t'));
            (len, if len > 1 { 1000 } else { 0 })
        }
        b'\n' | b'\r' => (run(rest, |b| matches!(b, b'\n' | b'\r')), 1000),
        b if b.is_ascii_graphic() => (1, PUNCTUATION),
        // A character's later bytes are counted with its first one; controls one each.
        b if b >= 0x80 => (1 + run(&rest[1..], |b| b & 0xc0 == 0x80), 1000),
        _ => (1, 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_takes_what_was_measured() {
        for (text, expected) in [
            ("", 0),
            ("word", 1),
            ("understanding", 2),
            ("someCamelCase", 3),
            ("README", 2),
            ("12345", 5),
            ("a b", 2),
            ("a    b", 3),
            ("\n\n\n", 1),
            (";", 1),
            ("();", 3),
            ("字字字", 3),
            ("--------------------------------", 4),
            // A hash: 64 / 1.1.
            (
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                59,
            ),
            // 28 / 2.8.
            ("a_long_name_of_many_parts_xx", 10),
        ] {
            assert_eq!(tokens(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_classes_are_near_the_bytes_per_token_that_were_measured() {
        // The worst vocabulary's bytes per token on such texts, in hundredths; at most half more is told.
        let rust = include_str!("tokens.rs");
        let hashes =
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n".repeat(50);
        for (text, hundredths) in [(rust, 386), (hashes.as_str(), 113)] {
            let floor = text.len() as u64 * 100 / hundredths;
            let told = u64::from(tokens(text));
            assert!(
                told * 100 >= floor * 95 && told * 100 <= floor * 165,
                "{told} {floor}"
            );
        }
    }
}
