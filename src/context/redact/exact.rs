//! Values that are known to be secret: those of the environment that agents get.
//!
//! Found literally, and as base64, a URL and a string of JSON write them, whatever stands around. Must not
//! keep a value longer than its finder.

use std::fmt::Write as _;

use aho_corasick::{AhoCorasick, MatchKind};

/// Shortest value that is looked for: a shorter one would take away ordinary words.
const SHORTEST: usize = 8;
/// Longest part of one.
const LONGEST: usize = 4096;
/// Parts of names that say that the value is a secret.
const PARTS: [&str; 15] = [
    "KEY",
    "KEYS",
    "TOKEN",
    "TOKENS",
    "SECRET",
    "SECRETS",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "SSHPASS",
    "PWD",
    "CREDENTIAL",
    "CREDENTIALS",
    "PAT",
];
/// The same at the end of a part.
const ENDS: [&str; 6] = [
    "APIKEY",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
];
/// Last parts that say that the value only leads to a secret, or is none.
const LEADS: [&str; 9] = [
    "FILE", "PATH", "DIR", "HOME", "URL", "ID", "NAME", "TYPE", "TTL",
];

/// Whether a variable of this name holds a secret.
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let parts: Vec<&str> = upper.split(['_', '-', '.']).collect();
    let secret = |part: &&str| PARTS.contains(part) || ENDS.iter().any(|end| part.ends_with(end));
    // The working folder.
    let folder = matches!(*parts, ["PWD"]);
    parts.iter().any(secret) && parts.last().is_none_or(|last| !LEADS.contains(last)) && !folder
}

/// The values of variables that hold secrets, each line of one for itself.
pub fn values<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let mut all = Vec::new();
    for (name, value) in variables {
        if !names_a_secret(name) {
            continue;
        }
        let lines = value.split(['\n', '\r']).map(str::trim);
        all.extend(lines.filter(|line| is_secret(line)).map(str::to_owned));
    }
    all.sort();
    all.dedup();
    all
}

fn is_secret(value: &str) -> bool {
    let bytes = value.as_bytes();
    let mut seen = [false; 256];
    for byte in bytes {
        seen[usize::from(*byte)] = true;
    }
    let plain_word = bytes.len() < 16 && bytes.iter().all(u8::is_ascii_lowercase);
    (SHORTEST..=LONGEST).contains(&bytes.len())
        && seen.iter().filter(|s| **s).count() >= 5
        && !plain_word
        && !is_path(value)
        && !bytes.starts_with(b"-----")
}

/// Whether a value is a path: base64 may begin with a slash too, but has no words between its slashes.
fn is_path(value: &str) -> bool {
    let drawn = |part: &str| {
        let has = |what: fn(&u8) -> bool| part.bytes().any(|byte| what(&byte));
        let all = |what: fn(&u8) -> bool| part.bytes().all(|byte| what(&byte));
        part.len() >= 16
            && has(u8::is_ascii_digit)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_uppercase)
            && all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'='))
    };
    value.starts_with('/') && !value.split('/').any(drawn)
}

/// Finds known values.
#[derive(Debug, Clone)]
pub(super) struct Exact {
    finder: AhoCorasick,
    forms: Vec<Vec<u8>>,
}

impl Exact {
    /// None where there is nothing to find.
    pub fn new(values: &[String]) -> Option<Self> {
        let mut forms: Vec<Vec<u8>> = Vec::new();
        for value in values.iter().filter(|v| v.len() >= SHORTEST) {
            forms.push(value.clone().into_bytes());
            // What base64 makes of it depends on how many bytes stand before it: the middle, which
            // depends on none of its neighbours, is the same for each of the three ways.
            for shift in 0..3 {
                if let Some(form) = base64_middle(value.as_bytes(), shift) {
                    let in_urls = |byte| match byte {
                        b'+' => b'-',
                        b'/' => b'_',
                        other => other,
                    };
                    forms.push(form.iter().copied().map(in_urls).collect());
                    forms.push(form);
                }
            }
            forms.extend(as_in_a_url(value.as_bytes()));
            // Some write what is not ASCII, or may be taken for HTML, by its number; and a program may print a
            // string of JSON within another one.
            for all in [false, true] {
                let once = as_in_json(value, all);
                forms.push(as_in_json(&once, all).into_bytes());
                forms.push(once.into_bytes());
            }
        }
        forms.sort();
        forms.dedup();
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&forms)
            .ok()
            .filter(|_| !forms.is_empty())?;
        Some(Self { finder, forms })
    }

    pub fn find(&self, text: &[u8], mut found: impl FnMut(std::ops::Range<usize>)) {
        self.finder.find_iter(text).for_each(|m| found(m.range()));
    }

    /// Bytes at the end of a text that may be the beginning of a value.
    pub fn begun(&self, text: &[u8]) -> usize {
        let longest = |form: &Vec<u8>| {
            let most = text.len().min(form.len() - 1);
            (3..=most).rev().find(|n| text.ends_with(&form[..*n]))
        };
        self.forms.iter().filter_map(longest).max().unwrap_or(0)
    }
}

fn base64_middle(value: &[u8], shift: usize) -> Option<Vec<u8>> {
    const TABLE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // The first whole group of three bytes after `shift` bytes of something else.
    let whole = value.get((3 - shift) % 3..)?;
    let mut out = Vec::with_capacity(whole.len() / 3 * 4);
    for group in whole.chunks_exact(3) {
        let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
        out.extend([18, 12, 6, 0].map(|at| TABLE[(bits >> at) as usize & 63]));
    }
    (out.len() >= SHORTEST).then_some(out)
}

/// The ways that URLs write it: with large or small figures, and with `!'()*` as they are.
fn as_in_a_url(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let ways = [(true, false), (false, false), (true, true), (false, true)];
    ways.into_iter().map(move |(large, marks)| {
        let mut out = Vec::with_capacity(value.len() * 2);
        for byte in value {
            let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
            if plain || marks && matches!(byte, b'!' | b'\'' | b'(' | b')' | b'*') {
                out.push(*byte);
            } else if large {
                out.extend_from_slice(format!("%{byte:02X}").as_bytes());
            } else {
                out.extend_from_slice(format!("%{byte:02x}").as_bytes());
            }
        }
        out
    })
}

/// It as in a string of JSON, without the quotes; `all`: also what need not be written by its number.
fn as_in_json(value: &str, all: bool) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control()
                || (all && (!c.is_ascii() || matches!(c, '<' | '>' | '&'))) =>
            {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_that_are_secret() {
        for name in [
            "OPENAI_API_KEY",
            "GH_TOKEN",
            "PGPASSWORD",
            "db_password",
            "MY_SECRET_2",
            "NPM_CONFIG__AUTHTOKEN",
            "SMTP_PASS",
            "SSHPASS",
            "MYSQL_PWD",
        ] {
            assert!(names_a_secret(name), "{name}");
        }
        for name in [
            "PATH",
            "KEYBOARD",
            "MONKEY",
            "PWD",
            "OLDPWD",
            "BYPASS",
            "AWS_ACCESS_KEY_ID",
            "SSH_KEY_FILE",
            "TOKENIZERS_X",
            "SECRETARY",
        ] {
            assert!(!names_a_secret(name), "{name}");
        }
        let all = values([
            ("A_TOKEN", "s3cr3t-value-1"),
            ("B_TOKEN", "short"),
            ("C_KEY", "production"),
            ("D_KEY", "/home/x/key.pem"),
            ("G_KEY", "/home/Alice/Projects2026/id_ed25519"),
            ("H_KEY", "/wJalrXUtnFEMI7K7MDENGbPxRfiCYzzzzzzzzKEY"),
            (
                "E_KEY",
                "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END KEY-----",
            ),
            ("HOME", "/home/someone"),
            ("F_KEY", "aaaaaaaaaaaaaaaa"),
        ]);
        assert_eq!(
            all,
            [
                "/wJalrXUtnFEMI7K7MDENGbPxRfiCYzzzzzzzzKEY",
                "MIIEvQIBADANBgkqhkiG9w0",
                "s3cr3t-value-1"
            ]
        );
    }

    #[test]
    fn a_value_is_found_as_programs_write_it_into_json_and_urls() {
        let value = "pä\"ss\\w<o>rd/(1)";
        let exact = Exact::new(&[value.to_owned()]).unwrap();
        let once = serde_json::json!({ "text": value }).to_string();
        let twice = serde_json::json!({ "output": once }).to_string();
        for text in [
            once,
            twice,
            r#"{"text":"p\u00e4\"ss\\w\u003co\u003erd/(1)"}"#.to_owned(),
            "https://h/?q=p%c3%a4%22ss%5cw%3co%3erd%2f%281%29".to_owned(),
            "https://h/?q=p%C3%A4%22ss%5Cw%3Co%3Erd%2F(1)".to_owned(),
        ] {
            let mut found = 0;
            exact.find(text.as_bytes(), |_| found += 1);
            assert_eq!(found, 1, "{text}");
        }
        // `printf 'a~~?secret>>?value' | base64 | tr '+/' '-_'`.
        let exact = Exact::new(&["a~~?secret>>?value".to_owned()]).unwrap();
        let mut found = 0;
        exact.find(b"YX5-P3NlY3JldD4-P3ZhbHVl", |r| found += r.len());
        assert_eq!(found, 24);
    }

    #[test]
    fn the_three_ways_of_base64_are_found() {
        let exact = Exact::new(&["correct-horse-battery".to_owned()]).unwrap();
        // `printf 'x…correct-horse-battery!' | base64` with one to three bytes before it.
        for text in [
            "eGNvcnJlY3QtaG9yc2UtYmF0dGVyeSE=",
            "eHhjb3JyZWN0LWhvcnNlLWJhdHRlcnkh",
            "eHh4Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5IQ==",
        ] {
            let mut found = 0;
            exact.find(text.as_bytes(), |r| found += r.len());
            assert!(found >= 20, "{text} {found}");
        }
        assert_eq!(exact.begun(b"say correct-ho"), 10);
        assert_eq!(exact.begun(b"say correctly"), 0);
    }
}
