//! Reads a keymap file: every problem with its place and what to do about it.
//!
//! Pure. Must not know the keys that are built in, nor which of them a person's file replaces.

use std::collections::BTreeMap;

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{
    super::action::{NAMES, UiAction},
    Binding, Key, Need, Place, Topic,
    key::{NAMED, Odd},
};
use crate::plan::{
    decode::{Decoder, Val, at, document},
    diag::{At, Sp},
};

/// Keys of a binding.
const KEYS: [&str; 6] = ["on", "run", "desc", "hint", "rank", "when"];
/// Topics by their names in a file.
const TOPICS: [(&str, Topic); 9] = [
    ("move", Topic::Move),
    ("show", Topic::Show),
    ("agent", Topic::Agent),
    ("act", Topic::Act),
    ("conflict", Topic::Conflict),
    ("review", Topic::Review),
    ("replay", Topic::Replay),
    ("leave", Topic::Leave),
    ("later", Topic::Later),
];
/// When a hint is of use, by its word.
const NEEDS: [(&str, Need); 18] = [
    ("agent", Need::Agent),
    ("group", Need::Group),
    ("target", Need::Target),
    ("live", Need::Live),
    ("attention", Need::Attention),
    ("replay", Need::Replay),
    ("deck", Need::Deck),
    ("away", Need::Away),
    ("graph", Need::Graph),
    ("rows", Need::Rows),
    ("opens", Need::Opens),
    ("sought", Need::Sought),
    ("merging", Need::Merging),
    ("clash", Need::Clash),
    ("suggests", Need::Suggests),
    ("review", Need::Review),
    ("one", Need::One),
    ("found", Need::Found),
];

const LIST: &str = "a list of bindings such as [{ on = \"F5\", run = \"pause\" }]";
const BINDING: &str = "a binding such as { on = \"F5\", run = \"pause\" }";
const ON: &str = "a key such as \"F5\", or a list of keys";

/// A binding as a file has it, with the places of its keys.
#[derive(Debug)]
pub(super) struct Line {
    pub binding: Binding,
    pub at: Vec<At>,
}

/// Keys that are taken: by where they hold, and their name.
type Taken = BTreeMap<(Place, String), At>;

/// Reads a file; what is wrong is in the decoder's sink.
pub(super) fn read(text: &str, d: &mut Decoder) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut taken = Taken::new();
    let Some(document) = document(text, &mut d.sink) else {
        return lines;
    };
    for (key, value) in document.get_ref() {
        let Some((_, topic)) = TOPICS.iter().find(|(name, _)| *name == key.get_ref()) else {
            d.unknown_key(key, &TOPICS.map(|(name, _)| name));
            continue;
        };
        let DeValue::Array(bindings) = value.get_ref() else {
            d.expected(LIST, value);
            continue;
        };
        of_topic(d, *topic, bindings, &mut taken, &mut lines);
    }
    lines
}

fn of_topic(
    d: &mut Decoder,
    topic: Topic,
    bindings: &DeArray<'_>,
    taken: &mut Taken,
    lines: &mut Vec<Line>,
) {
    for value in bindings {
        let Some(table) = d.table(value, BINDING) else {
            continue;
        };
        for (key, _) in table {
            if !KEYS.contains(&key.get_ref().as_ref()) {
                d.unknown_key(key, &KEYS);
            }
        }
        let keys = keys(d, table, at(value), topic, taken);
        let run = run(d, table, at(value), &keys);
        let text = |d: &mut Decoder, key: &str| {
            let value = table.get(key)?;
            d.text(value, "a text").map(|text| text.v)
        };
        let (desc, hint) = (text(d, "desc"), text(d, "hint"));
        let rank = table.get("rank").and_then(|v| d.whole32(v, 0, 255));
        let when = table.get("when").map(|v| needs(d, v)).unwrap_or_default();
        if let Some(run) = run {
            lines.push(Line {
                at: keys.iter().map(|key| key.at).collect(),
                binding: Binding {
                    keys: keys.into_iter().map(|key| key.v).collect(),
                    run,
                    desc: desc.unwrap_or_default(),
                    hint,
                    rank: rank.map_or(90, |r| u8::try_from(r.v).unwrap_or(u8::MAX)),
                    when,
                    topic,
                },
            });
        }
    }
}

/// The keys of a binding.
fn keys(
    d: &mut Decoder,
    table: &DeTable<'_>,
    place: At,
    topic: Topic,
    taken: &mut Taken,
) -> Vec<Sp<Key>> {
    let Some(value) = table.get("on") else {
        d.sink
            .error(place, "the binding has no `on`")
            .help("`on` says which key: on = \"F5\"");
        return Vec::new();
    };
    let names: Vec<Sp<String>> = match value.get_ref() {
        DeValue::String(_) => d.text(value, ON).into_iter().collect(),
        DeValue::Array(_) => d
            .list(value, ON, |d, value| d.text(value, ON))
            .unwrap_or_default(),
        _ => {
            d.expected(ON, value);
            return Vec::new();
        }
    };
    if names.is_empty() && !d.sink.failed() {
        d.sink
            .error(at(value), "the list has no key")
            .help("to take a key away, write run = \"nothing\"");
    }
    names
        .into_iter()
        .filter_map(|name| {
            let key = key(d, &name)?;
            let here = (topic.place(), key.to_string());
            if let Some(first) = taken.get(&here) {
                d.sink
                    .error(name.at, format!("`{key}` is bound twice"))
                    .help("a key does one thing: take one of the two away")
                    .related(*first, "bound here already");
                return None;
            }
            taken.insert(here, name.at);
            Some(Sp::new(name.at, key))
        })
        .collect()
}

/// One key by its name.
fn key(d: &mut Decoder, name: &Sp<String>) -> Option<Key> {
    let odd = match Key::parse(&name.v) {
        Some(key) => match key.odd() {
            None => return Some(key),
            Some(odd) => odd,
        },
        None => Odd::of_name(&name.v),
    };
    match odd {
        Odd::Same(other) => d
            .sink
            .error(
                name.at,
                format!("`{}` cannot be told from `{other}`", name.v),
            )
            .help(format!(
                "terminals send the same for both; bind `{other}`, or another key"
            )),
        Odd::Shift(letter) => d
            .sink
            .error(name.at, format!("unknown key `{}`", name.v))
            .help(format!("shift is part of the letter: write \"{letter}\"")),
        Odd::Written(other) => d
            .sink
            .error(name.at, format!("unknown key `{}`", name.v))
            .meant(Some(&other)),
        Odd::Unknown => {
            let near = d.suggest.nearest(&name.v, NAMED.map(|(name, _)| name));
            let names = NAMED.map(|(name, _)| name).join(", ");
            d.sink
                .error(name.at, format!("unknown key `{}`", name.v))
                .meant(near)
                .help(format!(
                    "a key is one letter or sign, {names} or F1 to F12, with `ctrl-` or `alt-` before it"
                ))
        }
    };
    None
}

/// What a binding does.
fn run(d: &mut Decoder, table: &DeTable<'_>, place: At, keys: &[Sp<Key>]) -> Option<UiAction> {
    let Some(value) = table.get("run") else {
        d.sink
            .error(place, "the binding has no `run`")
            .help("`run` says what the key does: run = \"pause\"; \"nothing\" takes a key away");
        return None;
    };
    let name = d.name(value, "an action such as \"pause\"")?;
    let Some(run) = UiAction::find(&name.v) else {
        let near = d.suggest.nearest(&name.v, NAMES);
        let found = d
            .sink
            .error(name.at, format!("unknown action `{}`", name.v))
            .meant(near);
        if near.is_none() {
            found.help(format!(
                "`nothing` takes a key away; there are {}",
                NAMES.join(", ")
            ));
        }
        return None;
    };
    if let Some(key) = keys.iter().find(|key| key.v.leaves())
        && run != UiAction::Leave
    {
        d.sink
            .error(key.at, "`ctrl-c` always leaves")
            .help("so that no file can lock a person in; bind another key");
        return None;
    }
    Some(run)
}

fn needs(d: &mut Decoder, value: &Spanned<DeValue<'_>>) -> Vec<Need> {
    let one = |d: &mut Decoder, value: &Val<'_>| d.one_of(value, &NEEDS).map(|n| n.v);
    match value.get_ref() {
        DeValue::Array(_) => d.list(value, "a list of words", one).unwrap_or_default(),
        _ => one(d, value).into_iter().collect(),
    }
}
