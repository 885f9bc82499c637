//! Fields of a line of JSON that a foreign program printed.
//!
//! A field that is not there or of another kind reads as nothing. Must not know any program.

use serde_json::Value;

/// Most characters of a message, a thought or a diff.
pub(super) const MESSAGE: usize = 4096;
/// Most bytes of what is told in one line.
pub(super) const LINE: usize = 512;
/// Most bytes of a name: of a session, a call, a question, a model.
pub(super) const NAME: usize = 256;
/// Largest number of tokens or micro-dollars that is believed; sums of a few of them fit in 64 bits.
pub(super) const MOST: u64 = 1 << 53;

/// Parses a line that is one JSON object; anything else is none.
///
/// Nesting deeper than 128 is none as well.
pub(super) fn object(line: &[u8]) -> Option<Value> {
    let line = line.trim_ascii();
    if line.first() != Some(&b'{') || line.last() != Some(&b'}') {
        return None;
    }
    serde_json::from_slice(line).ok()
}

/// A member; null where it is not there.
pub(super) fn member<'v>(value: &'v Value, key: &str) -> &'v Value {
    static NULL: Value = Value::Null;
    value.get(key).unwrap_or(&NULL)
}

/// A member that is a text; empty where it is none.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    member(value, key).as_str().unwrap_or_default()
}

/// A member that is a list; empty where it is none.
pub(super) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    member(value, key).as_array().map_or(&[], Vec::as_slice)
}

/// A member that says yes.
pub(super) fn yes(value: &Value, key: &str) -> bool {
    member(value, key).as_bool() == Some(true)
}

/// A member that counts something; 0 where it does not.
pub(super) fn count(value: &Value, key: &str) -> u64 {
    whole(member(value, key)).unwrap_or(0)
}

/// A number as a whole one that is not negative, [`MOST`] at most.
pub(super) fn whole(value: &Value) -> Option<u64> {
    let number = value.as_u64();
    let number = number.or_else(|| value.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64));
    number.map(|n| n.min(MOST))
}

/// A member that is an amount of dollars, in micro-dollars.
///
/// 0 is none: it is what programs write where they know no price.
pub(super) fn microusd(value: &Value, key: &str) -> Option<u64> {
    let dollars = member(value, key).as_f64().filter(|d| *d > 0.0)?;
    Some(((dollars * 1e6).round() as u64).min(MOST))
}

/// A name, where it is short enough to be one.
pub(super) fn name(value: &Value, key: &str) -> Option<String> {
    let name = text(value, key);
    (!name.is_empty() && name.len() <= NAME).then(|| name.to_owned())
}

/// The name of a session; none where it could not be gone on with under that name.
pub(super) fn session(value: &Value, key: &str) -> Option<String> {
    name(value, key).filter(|name| super::launch::is_name(name))
}

/// A line of plain text among the JSON, in one line; none for what began as JSON.
pub(super) fn words(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() || bytes[0] == b'{' || bytes[0] == b'[' {
        return None;
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LINE)]);
    Some(line(&text))
}

/// At most so many bytes of a text, cut between characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most);
    format!("{}…", &text[..end])
}

/// A message of at most [`MESSAGE`] bytes.
pub(super) fn message(text: &str) -> String {
    cut(text.trim_end(), MESSAGE)
}

/// A text in one line of at most [`LINE`] bytes.
pub(super) fn line(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_ascii_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        if out.len() + word.len() > LINE {
            out.push_str(&cut(word, LINE.saturating_sub(out.len())));
            if !out.ends_with('…') {
                out.push('…');
            }
            break;
        }
        out.push_str(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_of_another_kind_is_nothing() {
        let v = json!({"a": 5, "b": "x", "c": -3, "d": 1.6, "e": [1], "f": 1e300, "g": true});
        assert_eq!(text(&v, "a"), "");
        assert_eq!(count(&v, "b"), 0);
        assert_eq!(count(&v, "c"), 0);
        assert_eq!(count(&v, "d"), 1);
        assert_eq!(count(&v, "f"), MOST);
        assert_eq!(microusd(&v, "d"), Some(1_600_000));
        assert_eq!(microusd(&v, "c"), None);
        assert_eq!(microusd(&v, "f"), Some(MOST));
        assert!(list(&v, "b").is_empty() && list(&v, "e").len() == 1);
        assert!(yes(&v, "g") && !yes(&v, "a"));
    }

    #[test]
    fn only_one_object_is_an_object() {
        assert!(object(b" {\"a\":1}\r").is_some());
        for other in [
            &b"[1]"[..],
            b"",
            b"{",
            b"{} {}",
            b"{\"a\":1}x",
            b"{\"a\":1e999}",
        ] {
            assert!(
                object(other).is_none(),
                "{}",
                String::from_utf8_lossy(other)
            );
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(500), "]".repeat(500));
        assert!(object(deep.as_bytes()).is_none());
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("äöü", 3), "ä…");
        assert_eq!(line("a\n  b\tc"), "a b c");
        let long = line(&"ü".repeat(2000));
        assert!(long.len() <= LINE + 3 && long.ends_with('…'));
        let words = line(&"word ".repeat(500));
        assert!(words.len() <= LINE + 6 && words.ends_with('…'));
    }
}
