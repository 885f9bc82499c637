//! Why a program did not do its work, from its words.
//!
//! Programs name the same few troubles with different words; the words here are those of recorded streams and
//! of the programs' sources. What is not known is an error.

use super::said::{Said, Why};

/// What a program says that met trouble and tries again by itself: it waits for its provider, for so many
/// microseconds where that is said, or connects again, for the `number`th time.
pub(super) fn again(why: Why, after_us: Option<u64>, number: u32, what: String) -> Said {
    match why {
        Why::Limited => Said::Limited {
            after_us,
            until_s: None,
            what,
        },
        _ => Said::Reconnecting { number, what },
    }
}

/// What kind of trouble a message is about.
pub(super) fn of(message: &str) -> Why {
    let text = message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| text.contains(w));
    // Numbers of requests and places in files hold those figures too, and a change log is no login.
    let alone = |word: &str| {
        let part = |c: char| c.is_ascii_alphanumeric() || c == ':' || c == '.';
        let mut found = text.match_indices(word);
        found.any(|(at, _)| {
            let after = &text[at + word.len()..];
            !text[..at].ends_with(part) && !after.starts_with(|c: char| c.is_ascii_alphanumeric())
        })
    };
    if has(&[
        "not logged in",
        "please run /login",
        "unauthorized",
        "authentication",
        "invalid api key",
        "invalid x-api-key",
        "incorrect api key",
        "api key not valid",
        "api key is missing",
        "api_key environment variable",
        "set an auth method",
        "auth method",
        "sign in",
        "status 401",
        "status: 401",
        "status 403",
        "permission_error",
        "oauth token",
    ]) || alone("login")
        || alone("log in")
    {
        Why::Login
    } else if has(&[
        "prompt is too long",
        "context_length_exceeded",
        "context length",
        "context window",
        "maximum number of turns",
        "max turns",
        "max session turns",
        "token limit",
        "maximum budget",
        "insufficient_quota",
        "credit balance",
        "billing",
    ]) {
        Why::Exhausted
    } else if has(&[
        "rate limit",
        "rate_limit",
        "too many requests",
        "overloaded",
        "status 529",
        "usage limit",
        "hit your limit",
        "resource_exhausted",
        "resource exhausted",
        "quota",
    ]) || alone("429")
    {
        Why::Limited
    } else if has(&[
        "waiting for network",
        "connection failed",
        "connection error",
        "connection refused",
        "connectionrefused",
        "connection reset",
        "econnrefused",
        "econnreset",
        "enotfound",
        "eai_again",
        "etimedout",
        "error sending request",
        "stream disconnected",
        "fetch failed",
        "unable to connect",
        "cannot connect",
        "failed to connect",
        "network error",
        "dns error",
        "socket hang up",
        "name resolution",
        "internal server error",
        "bad gateway",
        "service unavailable",
        "gateway timeout",
        "status 500",
        "status 502",
        "status 503",
        "status 504",
    ]) {
        Why::Network
    } else if has(&["refusal", "usage policy", "content policy", "safety"]) {
        Why::Refused
    } else {
        Why::Error
    }
}

/// What kind of trouble a status of HTTP is.
pub(super) fn of_status(status: u64) -> Option<Why> {
    match status {
        401 | 403 => Some(Why::Login),
        402 => Some(Why::Exhausted),
        429 | 503 | 529 => Some(Why::Limited),
        408 | 500..=599 => Some(Why::Network),
        400.. => Some(Why::Error),
        _ => None,
    }
}

/// The trouble that a line of plain text is about, where it is one of the known kinds.
pub(super) fn of_line(line: &str) -> Option<Why> {
    let why = of(line);
    (why != Why::Error).then_some(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_programs_are_known() {
        for (text, why) in [
            ("Not logged in · Please run /login", Why::Login),
            (
                "unexpected status 401 Unauthorized: x, url: http://h/v1/responses",
                Why::Login,
            ),
            (
                "exceeded retry limit, last status: 429 Too Many Requests",
                Why::Limited,
            ),
            (
                "waiting for network (Connection failed: error sending request)",
                Why::Network,
            ),
            (
                "unexpected status 500 Internal Server Error: x, url: http://h/v1/responses",
                Why::Network,
            ),
            ("Reached maximum number of turns (1)", Why::Exhausted),
            ("Prompt is too long", Why::Exhausted),
            ("You've hit your limit · resets 3pm", Why::Limited),
            ("the frobnicator broke", Why::Error),
            ("got status: 429 for request 17", Why::Limited),
            ("status=429", Why::Limited),
            ("Please login first", Why::Login),
            ("request 1742911 failed", Why::Error),
            ("src/main.rs:429:5 is wrong", Why::Error),
            ("the changelog in docs is wrong", Why::Error),
            ("bloginess", Why::Error),
        ] {
            assert_eq!(of(text), why, "{text}");
        }
    }
}
