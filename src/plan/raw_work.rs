//! Reads the tables of work that comes together: `[workspace]`, `[merge]`, `[domain.x]`, `[wave.N]`.
//!
//! Must not touch git or the file system: only the form of paths and branches is checked.

use std::collections::BTreeSet;

use toml::de::DeValue;

use super::decode::{Decoder, Key, Val, at};
use super::diag::Sp;
use super::keys;
use super::model::{Domain, MergeEnd, MergeRule};
use super::raw::{RawPlan, members};
use super::raw_tables::bad_wave;
use super::spec_parts::gates;
use super::spec_work::{paths, plain};
use super::vars;

/// Ends of a run by their names.
pub(crate) const ENDS: [(&str, MergeEnd); 3] = [
    ("branch", MergeEnd::Branch),
    ("ask", MergeEnd::Ask),
    ("ff", MergeEnd::Ff),
];

/// Names of variables that the program itself sets begin so.
const OURS: &str = "WAVEDECK_";

pub(super) fn domain(d: &mut Decoder, value: &Val<'_>) -> Domain {
    let mut domain = Domain::default();
    for (key, value) in members(d, value) {
        match key.get_ref().as_ref() {
            "critical" => domain.critical = d.flag(value).is_some_and(|b| b.v),
            _ => d.unknown_key(key, keys::DOMAIN),
        }
    }
    domain
}

pub(super) fn wave(d: &mut Decoder, raw: &mut RawPlan, value: &Val<'_>) {
    for (key, value) in members(d, value) {
        let number = key.get_ref();
        let Some(wave) = number.parse::<u32>().ok().filter(|n| *n > 0) else {
            bad_wave(d, at(key), number);
            continue;
        };
        for (key, value) in members(d, value) {
            match key.get_ref().as_ref() {
                "gates" => {
                    let gates = gates(d, value).unwrap_or_default();
                    raw.wave_gates.entry(wave).or_default().extend(gates);
                }
                _ => d.unknown_key(key, keys::WAVE),
            }
        }
    }
}

pub(super) fn workspace(d: &mut Decoder, raw: &mut RawPlan, value: &Val<'_>) {
    let spec = &mut raw.workspace;
    for (key, value) in members(d, value) {
        match key.get_ref().as_ref() {
            "copy" => spec.copy = plain(paths(d, value).unwrap_or_default()),
            "link" => spec.link = plain(paths(d, value).unwrap_or_default()),
            "setup" => spec.setup = d.commands(value).unwrap_or_default(),
            "env" => {
                for (key, value) in members(d, value) {
                    variable_name(d, key);
                    d.late = vars::IN_ENV;
                    let text = d.text(value, "a text");
                    d.late = &[];
                    let Some(text) = text else { continue };
                    if text.v.contains('\0') {
                        d.sink.error(text.at, "the value contains a zero byte");
                    }
                    spec.env.insert(key.get_ref().clone().into_owned(), text.v);
                }
            }
            _ => d.unknown_key(key, keys::WORKSPACE),
        }
    }
}

fn variable_name(d: &mut Decoder, key: &Key<'_>) {
    let name = key.get_ref();
    if name.is_empty() || name.contains(['=', '\0']) {
        let text = format!("bad name of a variable `{name}`");
        d.sink.error(at(key), text);
    } else if name.starts_with(OURS) {
        let text = format!("variable `{name}` has a meaning of its own");
        d.sink
            .error(at(key), text)
            .help("names that begin with `WAVEDECK_` are set by the run");
    }
}

pub(super) fn merge(d: &mut Decoder, raw: &mut RawPlan, value: &Val<'_>) {
    for (key, value) in members(d, value) {
        match key.get_ref().as_ref() {
            "into" => {
                d.late = vars::IN_INTO;
                let into = d.name(value, "the name of a branch");
                d.late = &[];
                let Some(into) = into else { continue };
                if let Err(why) = branch(&into.v) {
                    let text = format!("bad name of a branch `{}`: {why}", into.v);
                    d.sink
                        .error(into.at, text)
                        .help("for instance \"wavedeck/${run}\"");
                }
                raw.merge.into = into.v;
            }
            "end" => raw.merge.end = d.one_of(value, &ENDS).map_or(raw.merge.end, |e| e.v),
            "rules" => rules(d, raw, value),
            _ => d.unknown_key(key, keys::MERGE),
        }
    }
}

fn rules(d: &mut Decoder, raw: &mut RawPlan, value: &Val<'_>) {
    // The table is sorted by name; the order of the file is what counts.
    let mut all = members(d, value);
    all.sort_by_key(|(key, _)| at(*key));
    let mut seen = BTreeSet::new();
    for (key, value) in all {
        let path = Sp::new(at(key), key.get_ref().clone().into_owned());
        let glob = d
            .checked_path(&path)
            .then(|| d.checked_glob(path))
            .flatten();
        let rule = rule(d, value);
        let (Some(glob), Some(rule)) = (glob, rule) else {
            continue;
        };
        if seen.insert(glob.v.clone()) {
            raw.merge.rules.push((glob.v, rule));
        } else {
            let text = format!("a second rule for `{}`", glob.v);
            d.sink.error(glob.at, text);
        }
    }
}

fn rule(d: &mut Decoder, value: &Val<'_>) -> Option<MergeRule> {
    const RULE: &str = "\"union\" | \"ours\" | \"theirs\" or { run = \"command\" }";
    #[derive(Clone, Copy)]
    enum Word {
        Union,
        Ours,
        Theirs,
    }
    let words = [
        ("union", Word::Union),
        ("ours", Word::Ours),
        ("theirs", Word::Theirs),
    ];
    match value.get_ref() {
        DeValue::String(_) => d.one_of(value, &words).map(|word| match word.v {
            Word::Union => MergeRule::Union,
            Word::Ours => MergeRule::Ours,
            Word::Theirs => MergeRule::Theirs,
        }),
        DeValue::Table(table) => {
            let mut run = None;
            for (key, value) in table {
                match key.get_ref().as_ref() {
                    "run" => run = Some(d.command(value)),
                    _ => d.unknown_key(key, keys::RULE),
                }
            }
            if run.is_none() && table.is_empty() {
                d.sink
                    .error(at(value), "the rule says nothing")
                    .help(format!("one of {RULE}"));
            }
            run?.map(|argv| MergeRule::Run(argv.v))
        }
        _ => {
            d.expected(RULE, value);
            None
        }
    }
}

/// Says why git would refuse a branch of this name (`git check-ref-format --branch`), with a run's
/// id in it.
fn branch(pattern: &str) -> Result<(), &'static str> {
    let name = vars::late(pattern, &|name| (name == "run").then_some(&b"run"[..]));
    let name = String::from_utf8_lossy(&name);
    let name = name.as_ref();
    let bad = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    if name.starts_with('-') {
        Err("it begins with `-`")
    } else if name == "HEAD" || name == "@" {
        Err("it means something else")
    } else if name.starts_with("refs/") {
        Err("it is a whole ref; leave `refs/heads/` out")
    } else if name.contains(bad) {
        Err("it holds a blank, a control character or one of ~ ^ : ? * [ \\")
    } else if name.contains("..") || name.contains("@{") {
        Err("it holds `..` or `@{`")
    } else if name.ends_with('.') {
        Err("it ends with a point")
    } else if name.len() > 200 {
        Err("it is longer than 200 bytes")
    } else if name.split('/').any(str::is_empty) {
        Err("a part between slashes is empty")
    } else if name
        .split('/')
        .any(|part| part.starts_with('.') || part.strip_suffix(".lock").is_some())
    {
        Err("a part begins with a point or ends with `.lock`")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::branch;

    /// What `git check-ref-format --branch` said of each, but for `refs/…` and the length.
    #[test]
    fn branches_are_those_of_git() {
        for good in [
            "wavedeck/${run}",
            "main",
            "a/b.c/d-e",
            "${run}",
            "ä/日",
            "a@b",
            "x{y}",
        ] {
            assert_eq!(branch(good), Ok(()), "{good}");
        }
        let bad = [
            "",
            "/",
            "a//b",
            "a/",
            "/a",
            "-a",
            "@",
            "HEAD",
            ".a",
            "a/.b",
            "a.",
            "a.lock/b",
            "a..b",
            "a b",
            "a~b",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[b",
            "a\\b",
            "a@{b",
            "a\u{7f}",
            "refs/heads/a",
        ];
        for bad in bad {
            assert!(branch(bad).is_err(), "{bad}");
        }
    }
}
