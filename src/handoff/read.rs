//! Reads a hand-off: text from an agent, so hostile.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use crate::{
    display::clean_line,
    plan::diag::{Diagnostic, Severity},
    status::yaml,
};

use super::{
    Exists, Handoff, Incomplete, LONGEST, LONGEST_KEY, MOST_ARTEFACTS, MOST_BYTES, MOST_FACTS,
    MOST_ITEMS,
};

/// What begins and ends the front matter.
const FENCE: &str = "---";
/// Columns of a line of the free text; the rest is cut.
const LINE: usize = 1000;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    done: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    artefacts: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    open: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    next: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    facts: Option<BTreeMap<String, Spanned<String>>>,
}

/// Reads a hand-off and says whether it is complete: its front matter can be read, `done` says
/// something, each of the artefacts exists. `file` is its name in messages.
///
/// # Errors
/// All that is wrong with it, each with its line and what to do.
pub fn read(bytes: &[u8], file: &str, exists: Exists<'_>) -> Result<Handoff, Incomplete> {
    let mut faults = Faults::default();
    let found = document(bytes, exists, &mut faults);
    match found {
        Some(found) if faults.all.is_empty() => Ok(found),
        _ => {
            faults.all.sort_by_key(|d| (d.line, d.column));
            Err(Incomplete {
                file: clean_line(file, 300),
                problems: faults.all,
            })
        }
    }
}

/// Problems, with the lines before the front matter counted in.
#[derive(Default)]
struct Faults {
    all: Vec<Diagnostic>,
    before: u32,
}

impl Faults {
    fn add(&mut self, (line, column): (u32, u32), message: String, help: &str) {
        self.all.push(Diagnostic {
            severity: Severity::Error,
            line,
            column,
            message: clean_line(message, 300),
            help: (!help.is_empty()).then(|| help.to_owned()),
            related: None,
        });
    }

    fn at(&mut self, location: Location, message: String, help: &str) {
        let narrow = |n: u64| u32::try_from(n).unwrap_or(0);
        let place = match narrow(location.line()) {
            // A key that is not there has no place but the front matter itself.
            0 => (self.before.max(1), 1),
            line => (line + self.before, narrow(location.column()).max(1)),
        };
        self.add(place, message, help);
    }
}

fn document(bytes: &[u8], exists: Exists<'_>, faults: &mut Faults) -> Option<Handoff> {
    if bytes.len() > MOST_BYTES {
        let text = format!("it is longer than {MOST_BYTES} bytes");
        faults.add((0, 0), text, "say less: a hand-off is a page");
        return None;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = &bytes[..error.valid_up_to()];
            let lines = good.split(|&b| b == b'\n').count();
            let line = u32::try_from(lines).unwrap_or(u32::MAX);
            faults.add((line, 1), "it is not UTF-8".to_owned(), "write plain text");
            return None;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (matter, rest) = split(text, faults)?;
    let raw = match yaml::read::<Raw>(matter, "a hand-off") {
        Ok(raw) => raw,
        Err(_) if matter.lines().all(empty) => Raw::default(),
        Err(fault) => {
            let help = fault.help.unwrap_or_default();
            faults.at(fault.location, fault.message, &help);
            return None;
        }
    };
    Some(raw.check(rest, exists, faults))
}

/// Whether a line of YAML says nothing.
fn empty(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The front matter and what comes after it.
fn split<'a>(text: &'a str, faults: &mut Faults) -> Option<(&'a str, &'a str)> {
    let mut at = 0;
    let mut lines = text.split_inclusive('\n').map(|line| {
        let from = at;
        at += line.len();
        (from, at, line.trim_end())
    });
    let begun = lines.by_ref().find(|(_, _, line)| {
        faults.before += 1;
        !line.is_empty()
    });
    let Some((_, from, _)) = begun.filter(|(_, _, line)| *line == FENCE) else {
        let place = (faults.before.max(1), 1);
        let help = "begin with a line `---`, then `done:` and what was done, then another `---`";
        faults.add(place, "it has no front matter".to_owned(), help);
        return None;
    };
    let Some((until, rest, _)) = lines.find(|(_, _, line)| *line == FENCE || *line == "...") else {
        let place = (faults.before, 1);
        let text = "the front matter that begins here has no end".to_owned();
        faults.add(place, text, "put a line `---` below it");
        return None;
    };
    Some((&text[from..until], &text[rest..]))
}

impl Raw {
    fn check(self, rest: &str, exists: Exists<'_>, faults: &mut Faults) -> Handoff {
        let missing = self.done.is_none();
        let done = items(self.done, "done", MOST_ITEMS, faults);
        if done.is_empty() && faults.all.is_empty() {
            let text = if missing {
                "`done` is missing"
            } else {
                "`done` is empty"
            };
            let help = "say what was done, each entry on its own line after `- `";
            faults.at(Location::UNKNOWN, text.to_owned(), help);
        }
        Handoff {
            done,
            artefacts: artefacts(self.artefacts, exists, faults),
            open: items(self.open, "open", MOST_ITEMS, faults),
            next: items(self.next, "next", MOST_ITEMS, faults),
            facts: facts(self.facts, faults),
            text: free(rest),
        }
    }
}

/// The free text, line by line clean.
fn free(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| clean_line(line, LINE).trim_end().to_owned())
        .collect();
    lines.join("\n").trim().to_owned()
}

/// The entries of a list, each one line.
fn items(
    list: Option<Vec<Spanned<String>>>,
    key: &str,
    most: usize,
    faults: &mut Faults,
) -> Vec<String> {
    let list = list.unwrap_or_default();
    if let Some(over) = list.get(most) {
        let text = format!("`{key}` has more than {most} entries");
        faults.at(over.referenced, text, "say less: what matters to the next");
        return Vec::new();
    }
    let mut all = Vec::with_capacity(list.len());
    for entry in list {
        all.extend(one_line(&entry, &format!("an entry of `{key}`"), faults));
    }
    all
}

/// A text on one line; none: it is empty or too long, which is said.
fn one_line(entry: &Spanned<String>, what: &str, faults: &mut Faults) -> Option<String> {
    let line = entry.value.replace(['\n', '\r'], " ");
    // One column more than it may have shows that it is too long.
    let clean = clean_line(&line, LONGEST + 1).trim().to_owned();
    if clean.is_empty() {
        let help = "write it out or leave the line out";
        faults.at(entry.referenced, format!("{what} is empty"), help);
        return None;
    }
    if crate::display::width(&clean) > LONGEST {
        let text = format!("{what} is longer than {LONGEST} characters");
        let help = "shorten it; longer text goes below the front matter";
        faults.at(entry.referenced, text, help);
        return None;
    }
    Some(clean)
}

fn artefacts(
    list: Option<Vec<Spanned<String>>>,
    exists: Exists<'_>,
    faults: &mut Faults,
) -> Vec<String> {
    let list = list.unwrap_or_default();
    if let Some(over) = list.get(MOST_ARTEFACTS) {
        let text = format!("`artefacts` has more than {MOST_ARTEFACTS} paths");
        faults.at(over.referenced, text, "name folders in place of files");
        return Vec::new();
    }
    let mut named: Vec<(Spanned<String>, String)> = Vec::with_capacity(list.len());
    for entry in list {
        let Some(path) = one_line(&entry, "a path of `artefacts`", faults) else {
            continue;
        };
        let plain = path.trim_start_matches("./").trim_end_matches('/');
        let wrong = if path != entry.value.trim() {
            Some("holds characters that a path must not have here")
        } else if path.starts_with(['/', '~']) {
            Some("is not relative")
        } else if plain.split('/').any(|part| part == "..") {
            Some("leaves the repository by `..`")
        } else if plain.split('/').any(|part| matches!(part, "" | ".")) {
            Some("is not written as git writes it")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            let text = format!("the artefact `{path}` {wrong}");
            let help = "paths are relative to the repository, such as `src/api.rs`";
            faults.at(entry.referenced, text, help);
        } else if !named.iter().any(|(_, known)| known == plain) {
            let plain = plain.to_owned();
            named.push((entry, plain));
        }
    }
    let paths: Vec<&str> = named.iter().map(|(_, path)| path.as_str()).collect();
    let found = if paths.is_empty() {
        Vec::new()
    } else {
        exists(&paths)
    };
    let mut all = Vec::with_capacity(named.len());
    for (at, (entry, path)) in named.into_iter().enumerate() {
        if found.get(at) == Some(&true) {
            all.push(path);
        } else {
            let text = format!("the artefact `{path}` is not in the result");
            let help = "add the file (git must not ignore it), or take it off the list";
            faults.at(entry.referenced, text, help);
        }
    }
    all
}

fn facts(
    map: Option<BTreeMap<String, Spanned<String>>>,
    faults: &mut Faults,
) -> BTreeMap<String, String> {
    let map = map.unwrap_or_default();
    if map.len() > MOST_FACTS {
        let text = format!("`facts` has more than {MOST_FACTS} entries");
        faults.at(Location::UNKNOWN, text, "keep those that others rely on");
        return BTreeMap::new();
    }
    let mut all = BTreeMap::new();
    for (key, value) in map {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(plain) {
            let shown = clean_line(&key, 80);
            let text = format!("`{shown}` cannot be the key of a fact");
            let help = "1 to 64 letters, digits, `.`, `_` or `-`";
            faults.at(value.referenced, text, help);
            continue;
        }
        if let Some(value) = one_line(&value, &format!("the fact `{key}`"), faults) {
            all.insert(key, value);
        }
    }
    all
}
