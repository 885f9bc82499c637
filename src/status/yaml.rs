//! Reading YAML that agents wrote: bounded in depth and number of things, faults in words of ours.
//!
//! Must not know what the keys mean.

use serde::de::DeserializeOwned;
use serde_saphyr::{DuplicateKeyPolicy, Location};

use crate::plan::suggest::Suggest;

/// Why a text was not taken.
pub(crate) struct Fault {
    /// Where.
    pub location: Location,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Reads a text; `what` it is stands in what is said, such as `a card`.
///
/// # Errors
/// The first thing that is wrong with it.
pub(crate) fn read<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, Fault> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 8,
            flow_nesting_limit: 8,
            max_aliases: 0,
            max_anchors: 0,
            max_merge_keys: 0,
            max_documents: 1,
            max_nodes: 4000,
            max_events: 10_000,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<T>(text, options).map_err(|error| {
        let location = error.location().unwrap_or(Location::UNKNOWN);
        let (message, help) = match error.without_snippet() {
            serde_saphyr::Error::SerdeUnknownField {
                field, expected, ..
            } => unknown_key(field, expected),
            other => words(&other.to_string(), what),
        };
        Fault {
            location,
            message,
            help,
        }
    })
}

/// The parser's message in words of our own, with what to do about it.
fn words(message: &str, what: &str) -> (String, Option<String>) {
    let message = message.split(" at line ").next().unwrap_or(message).trim();
    let said = |text: &str, help: &str| (text.to_owned(), Some(help.to_owned()));
    let quoted = |lead: &str| message.strip_prefix(lead)?.split(['`', ',']).next();
    if let Some(key) = quoted("duplicate mapping key: ") {
        let text = format!("the key `{key}` stands here for the second time");
        return (text, Some("keep one of them".to_owned()));
    }
    match message {
        "expected mapping start" => said(
            "keys with values are expected here",
            "write them as `key: value`, each on its own line",
        ),
        "expected sequence start" => said(
            "a list is expected here",
            "write `[one, two]`, or each entry on its own line after `- `",
        ),
        "expected string scalar" => said(
            "a text is expected here",
            "put it between quotes if it holds `: ` or begins with a bracket",
        ),
        "invalid floating point" => said("a number is expected here", "digits alone, no unit"),
        "recursion limit exceeded" => {
            said("it is nested too deep", &format!("{what} has three levels"))
        }
        _ if message.starts_with("budget breached: Anchors")
            || message.starts_with("budget breached: Aliases") =>
        {
            said("anchors and aliases are not taken", "write the text out")
        }
        _ if message.starts_with("budget breached: Documents") => {
            let one = what.split_once(' ').map_or(what, |(_, thing)| thing);
            said(
                "a second document begins here",
                &format!("one {one} a file"),
            )
        }
        _ if message.starts_with("budget breached") => said(
            "it holds too many things",
            &format!("say less: {what} is a page"),
        ),
        _ => (message.to_owned(), None),
    }
}

/// What is said of a key that is unknown in its table.
fn unknown_key(key: &str, known: &[&str]) -> (String, Option<String>) {
    let help = match Suggest::default().nearest(key, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", known.join(", ")),
    };
    (format!("unknown key `{key}`"), Some(help))
}
