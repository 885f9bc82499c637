//! Typed access to a parsed TOML document; what does not fit is reported where it stands.
//!
//! Used for plans and for config files. Must not know any key: those are in `keys.rs`.

use std::fmt::Write as _;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::display::hides;

use super::diag::{At, Sink, Sp};
use super::keys;
use super::suggest::Suggest;
use super::vars::{self, Problem, Vars};

/// A value of the document with its place.
pub(crate) type Val<'a> = Spanned<DeValue<'a>>;
/// A key of the document with its place.
pub(crate) type Key<'a> = Spanned<DeString<'a>>;

/// So many names are listed where none of them is near.
const FEW: usize = 8;

/// Longest id in characters.
const LONGEST_ID: usize = 64;

/// Reads values and collects problems.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// Problems so far.
    pub sink: Sink,
    /// Suggestions for misspelt names.
    pub suggest: Suggest,
    /// Variables, filled into every text; none in a config.
    pub vars: Option<Vars>,
    /// The element, in an agent with `each`.
    pub item: Option<String>,
    /// Names that stay in the texts being read, since the run fills them in; none elsewhere.
    pub late: &'static [&'static str],
}

/// Returns the place of a value or key.
pub(crate) fn at<T>(value: &Spanned<T>) -> At {
    At::of(&value.span())
}

/// Parses a document; all its syntax errors are reported, and then there is no document.
pub(crate) fn document<'s>(source: &'s str, sink: &mut Sink) -> Option<Spanned<DeTable<'s>>> {
    if u32::try_from(source.len()).is_err() {
        sink.error(At::NOWHERE, "the file is larger than 4 GiB");
        return None;
    }
    let (document, errors) = DeTable::parse_recoverable(source);
    for error in &errors {
        let place = error.span().map_or(At::NOWHERE, |s| At::of(&s));
        let mut message = error.message().lines().collect::<Vec<_>>().join(", ");
        if let Some(key) = error.span().and_then(|s| source.get(s))
            && message == "duplicate key"
        {
            let _ = write!(message, ": `{key}` is there already");
        }
        sink.error(place, message);
    }
    errors.is_empty().then_some(document)
}

/// Says that a value is of the wrong kind.
pub(super) fn expected(what: &str, value: &Val<'_>) -> String {
    format!("expected {what}, found {}", describe(value.get_ref()))
}

impl Decoder {
    /// Reports a key that does not exist, with the nearest that does, or the one that other
    /// programs call so.
    pub fn unknown_key(&mut self, key: &Key<'_>, known: &[&str]) {
        let name = key.get_ref();
        let nearest = self.suggest.nearest(name, known.iter().copied());
        let meant = nearest.or_else(|| keys::elsewhere(name, known));
        let found = self
            .sink
            .error(at(key), format!("unknown key `{name}`"))
            .meant(meant);
        if meant.is_none() {
            found.help(format!("known here: {}", known.join(", ")));
        }
    }

    /// Reports a reference to something that does not exist, with the nearest that does; else with
    /// all that do where they are few, or with how to declare one.
    pub fn unknown<'c>(
        &mut self,
        what: &str,
        name: &Sp<String>,
        candidates: impl IntoIterator<Item = &'c str, IntoIter: Clone>,
    ) {
        let candidates = candidates.into_iter();
        let meant = self.suggest.nearest(&name.v, candidates.clone());
        let found = self
            .sink
            .error(name.at, format!("unknown {what} `{}`", name.v))
            .meant(meant);
        let mut few: Vec<&str> = candidates.take(FEW + 1).collect();
        few.dedup();
        match few.len() {
            _ if meant.is_some() => {}
            1..=FEW => {
                found.help(format!("there are: {}", few.join(", ")));
            }
            _ => {
                if let Some(form) = keys::declared(what) {
                    found.help(format!("declare it: {form}"));
                }
            }
        }
    }

    /// Reports a value of the wrong kind.
    pub fn expected(&mut self, what: &str, value: &Val<'_>) {
        self.sink.error(at(value), expected(what, value));
    }

    pub(super) fn fill(&mut self, text: &str, place: At) -> String {
        let Some(vars) = &self.vars else {
            return text.to_owned();
        };
        if !text.contains("${") {
            return text.to_owned();
        }
        let mut problems = Vec::new();
        let out = vars::fill(text, vars, self.item.as_deref(), self.late, |p| {
            problems.push(p);
        });
        let out = out.into_owned();
        for problem in problems {
            match problem {
                Problem::Open => {
                    self.sink
                        .error(place, "`${` is never closed")
                        .help("write `$${` for a literal `${`");
                }
                Problem::List(name) => {
                    self.sink.error(place, format!("variable `{name}` is a list")).help(format!(
                        "a list makes several agents: each = \"{name}\" and ${{item}} in the texts"
                    ));
                }
                Problem::Unknown(name) if name == vars::ITEM => {
                    self.sink
                        .error(place, "`${item}` has a value only in an agent with `each`")
                        .help("write `$${item}` for a literal `${item}`");
                }
                Problem::Unknown(name) => {
                    let known = vars.keys().map(String::as_str);
                    let known = known.chain(self.late.iter().copied());
                    let meant = self.suggest.nearest(&name, known);
                    let elsewhere = vars::where_late(&name);
                    let found = self
                        .sink
                        .error(place, format!("unknown variable `{name}`"))
                        .meant(meant);
                    if let Some(key) = elsewhere {
                        found.help(format!("`${{{name}}}` is known in {key} only"));
                    } else if meant.is_none() {
                        found.help(format!(
                            "declare it in [vars], or write `$${{{name}}}` for a literal one"
                        ));
                    }
                }
            }
        }
        out
    }

    /// Reads a text, variables filled in.
    pub fn text(&mut self, value: &Val<'_>, what: &str) -> Option<Sp<String>> {
        let DeValue::String(text) = value.get_ref() else {
            self.expected(what, value);
            return None;
        };
        let place = at(value);
        Some(Sp::new(place, self.fill(text, place)))
    }

    /// Reads a text that is not empty.
    pub fn name(&mut self, value: &Val<'_>, what: &str) -> Option<Sp<String>> {
        let text = self.text(value, what)?;
        if text.v.trim().is_empty() {
            self.sink
                .error(text.at, format!("expected {what}, found an empty text"));
            return None;
        }
        Some(text)
    }

    /// Reads an id.
    pub fn id(&mut self, value: &Val<'_>) -> Option<Sp<String>> {
        let id = self.text(value, "an id such as \"api\"")?;
        self.checked_id(&id).then_some(id)
    }

    /// Reads an id from a key.
    pub fn key_id(&mut self, key: &Key<'_>) -> Option<Sp<String>> {
        let id = Sp::new(at(key), key.get_ref().clone().into_owned());
        self.checked_id(&id).then_some(id)
    }

    fn checked_id(&mut self, id: &Sp<String>) -> bool {
        let why = if id.v.is_empty() {
            "it is empty"
        } else if id.v.chars().count() > LONGEST_ID {
            "it is longer than 64 characters"
        } else if !id.v.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            "it does not begin with a letter or digit"
        } else if id.v.contains("..") {
            "it contains `..`"
        } else if id.v.ends_with('.') {
            // Its attempts are named `<id>.1`.
            "it ends in `.`"
        } else if let Some(c) =
            id.v.chars()
                .find(|c| !c.is_ascii_alphanumeric() && !"._-".contains(*c))
        {
            self.sink
                .error(id.at, format!("bad id `{}`: it contains `{c}`", id.v))
                .help("ids are 1-64 letters, digits, `.`, `_` and `-`, a letter or digit first");
            return false;
        } else {
            return true;
        };
        let shown: String = id.v.chars().take(LONGEST_ID + 1).collect();
        self.sink
            .error(id.at, format!("bad id `{shown}`: {why}"))
            .help("ids are 1-64 letters, digits, `.`, `_` and `-`, a letter or digit first");
        false
    }

    /// Reads a path or glob inside the repository.
    pub fn path(&mut self, value: &Val<'_>) -> Option<Sp<String>> {
        let path = self.name(value, "a path such as \"src/api.rs\"")?;
        self.checked_path(&path).then_some(path)
    }

    /// Checks that a path stays inside the repository.
    pub fn checked_path(&mut self, path: &Sp<String>) -> bool {
        let why = if path.v.starts_with('/') || path.v.starts_with('~') {
            "is absolute"
        } else if path.v.split('/').any(|part| part == "..") {
            "leaves the repository by `..`"
        } else if path.v.contains('\0') {
            "contains a zero byte"
        } else {
            return true;
        };
        self.sink
            .error(path.at, format!("path `{}` {why}", path.v))
            .help("paths are relative and stay in the repository");
        false
    }

    /// Reads one of some words.
    pub fn one_of<T: Copy>(&mut self, value: &Val<'_>, words: &[(&str, T)]) -> Option<Sp<T>> {
        let list = || {
            words
                .iter()
                .map(|(w, _)| format!("\"{w}\""))
                .collect::<Vec<_>>()
                .join(" | ")
        };
        if !matches!(value.get_ref(), DeValue::String(_)) {
            self.expected(&list(), value);
            return None;
        }
        let text = self.text(value, "")?;
        if let Some((_, v)) = words.iter().find(|(w, _)| *w == text.v) {
            return Some(Sp::new(text.at, *v));
        }
        let meant = self.suggest.nearest(&text.v, words.iter().map(|(w, _)| *w));
        self.sink
            .error(text.at, format!("unknown value `{}`", text.v))
            .meant(meant)
            .help(format!("one of {}", list()));
        None
    }

    /// Writes a value as TOML again, variables filled in; for what this version only carries along.
    pub fn toml(&mut self, value: &Val<'_>) -> String {
        match value.get_ref() {
            DeValue::String(text) => {
                let filled = self.fill(text, at(value));
                quote(&filled)
            }
            DeValue::Array(array) => {
                let items: Vec<_> = array.iter().map(|v| self.toml(v)).collect();
                format!("[{}]", items.join(", "))
            }
            DeValue::Table(table) => {
                let items: Vec<_> = table
                    .iter()
                    .map(|(k, v)| format!("{} = {}", bare(k.get_ref()), self.toml(v)))
                    .collect();
                if items.is_empty() {
                    "{}".to_owned()
                } else {
                    format!("{{ {} }}", items.join(", "))
                }
            }
            DeValue::Integer(i) => i.to_string(),
            DeValue::Float(f) => f.to_string(),
            DeValue::Boolean(b) => b.to_string(),
            DeValue::Datetime(d) => d.to_string(),
        }
    }
}

/// Writes a text as a TOML string that stays itself when variables are filled in.
pub(crate) fn quote(text: &str) -> String {
    quote_raw(&vars::keep(text))
}

/// Writes a text as a TOML string whose variables are filled in when it is read.
pub(crate) fn quote_raw(text: &str) -> String {
    // A literal string, which the library may choose, could not hold an escape.
    if text.chars().any(|c| hides(c) && !matches!(c, '\n' | '\t')) {
        return quote_key(text);
    }
    toml::Value::from(text).to_string()
}

/// Writes a key, in quotes where it needs them.
pub(crate) fn bare(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(plain) {
        key.to_owned()
    } else {
        quote_key(key)
    }
}

fn quote_key(key: &str) -> String {
    let mut out = String::from("\"");
    for c in key.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if hides(c) && u32::from(c) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c if hides(c) => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Characters of a value that a message repeats at most.
const SHOWN: usize = 40;

/// Describes a value for a message: its kind, and itself where it is short.
fn describe(value: &DeValue<'_>) -> String {
    let cut = |text: &str| {
        let mut shown: String = text.chars().take(SHOWN).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        shown
    };
    match value {
        DeValue::String(text) => format!("text \"{}\"", cut(text)),
        DeValue::Integer(i) => format!("integer {}", cut(&i.to_string())),
        DeValue::Float(f) => format!("float {}", cut(&f.to_string())),
        DeValue::Boolean(b) => b.to_string(),
        DeValue::Datetime(d) => format!("datetime {d}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
