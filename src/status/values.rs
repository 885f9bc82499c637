//! Values of a card: text, words, numbers, lists, each with its problem where it is wrong.
//!
//! Must not know which keys there are.

use serde_saphyr::Spanned;

use crate::display::clean_line;

use super::{
    Blocker, Severity,
    parse::{MOST_ITEMS, Problems, RawBlocker},
};

/// Longest text of an entry, in columns; the rest is cut.
const LONGEST: usize = 400;

/// A text on one line, clean for display.
fn one_line(text: &str) -> String {
    clean_line(text.replace(['\n', '\r'], " "), LONGEST)
        .trim()
        .to_owned()
}

/// A text that may be left out or empty.
fn plain(text: Option<Spanned<String>>) -> String {
    text.map(|t| one_line(&t.value)).unwrap_or_default()
}

pub(super) fn name(
    text: Option<Spanned<String>>,
    key: &str,
    sink: &mut Problems,
) -> Option<String> {
    let text = text?;
    let clean = one_line(&text.value);
    if clean.is_empty() {
        sink.at(
            text.referenced,
            format!("`{key}` is empty"),
            Some("give it a value or leave the key out".to_owned()),
        );
        return None;
    }
    Some(clean)
}

pub(super) fn word<T: Copy>(
    text: Option<Spanned<String>>,
    key: &str,
    known: &[(&str, T)],
    sink: &mut Problems,
) -> Option<T> {
    let text = text?;
    // `at_risk` and `At Risk` are what people and models write.
    let plain = text.value.trim().to_lowercase().replace(['_', ' '], "-");
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == plain) {
        return Some(*value);
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    sink.at(
        text.referenced,
        format!("`{}` is no value of `{key}`", text.value),
        Some(format!("one of {}", names.join(", "))),
    );
    None
}

pub(super) fn number(
    value: Option<Spanned<f64>>,
    key: &str,
    most: f64,
    sink: &mut Problems,
) -> Option<f64> {
    let value = value?;
    if (0.0..=most).contains(&value.value) {
        return Some(value.value);
    }
    sink.at(
        value.referenced,
        format!("`{key}` is {}", value.value),
        Some(format!("a number from 0 to {most}")),
    );
    None
}

pub(super) fn items(
    list: Option<Vec<Spanned<String>>>,
    key: &str,
    sink: &mut Problems,
) -> Vec<String> {
    let list = list.unwrap_or_default();
    if let Some(first) = list.get(MOST_ITEMS) {
        sink.at(
            first.referenced,
            format!(
                "`{key}` has {} entries; at most {MOST_ITEMS} are read",
                list.len()
            ),
            Some("join some of them".to_owned()),
        );
        return Vec::new();
    }
    list.into_iter()
        .map(|item| one_line(&item.value))
        .filter(|item| !item.is_empty())
        .collect()
}

pub(super) fn blockers(
    list: Option<Vec<Spanned<RawBlocker>>>,
    sink: &mut Problems,
) -> Vec<Blocker> {
    let list = list.unwrap_or_default();
    if let Some(first) = list.get(MOST_ITEMS) {
        sink.at(
            first.referenced,
            format!(
                "`blockers` has {} entries; at most {MOST_ITEMS} are read",
                list.len()
            ),
            Some("join some of them".to_owned()),
        );
        return Vec::new();
    }
    let mut out = Vec::with_capacity(list.len());
    for entry in list {
        let at = entry.referenced;
        let raw = entry.value;
        let severity = word(
            raw.severity,
            "severity",
            &[
                ("critical", Severity::Critical),
                ("high", Severity::High),
                ("medium", Severity::Medium),
                ("low", Severity::Low),
            ],
            sink,
        );
        let Some(blocker) = raw.blocker else {
            sink.at(
                at,
                "a blocker without `blocker`".to_owned(),
                Some("say what is in the way: `blocker: no test database`".to_owned()),
            );
            continue;
        };
        if let Some(blocker) = name(Some(blocker), "blocker", sink) {
            out.push(Blocker {
                blocker,
                severity: severity.unwrap_or_default(),
                resolution_plan: plain(raw.resolution_plan),
                by: plain(raw.by),
            });
        }
    }
    out.sort_by_key(|b| b.severity);
    out
}
