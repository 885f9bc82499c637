//! Reads an adapter from its file.
//!
//! Every problem is reported with its place, as in a plan. Must not open files.

use toml::de::DeTable;

use super::adapter::{Adapter, Prompt, Session, Tell, Tokens};
use super::driver::STREAMS;
use super::read_places::{made, places};
use super::said::Why;
use crate::plan::decode::{Decoder, Key, Val, at};
use crate::plan::diag::At;

/// Version of the format.
pub const VERSION: u64 = 1;

/// What may stand in an argument.
const FIELDS: &[&str] = &["session", "model", "prompt", "prompt_file", "folder", "url"];

/// Keys of the top level.
const KEYS: &[&str] = &[
    "version",
    "id",
    "like",
    "title",
    "program",
    "stream",
    "prompt",
    "start",
    "resume",
    "interactive",
    "model",
    "local",
    "ask",
    "questions",
    "session",
    "session_in_folder",
    "tell",
    "tokens",
    "cost",
    "env",
    "writes",
    "makes",
    "leaves",
    "first_output",
    "no_progress",
    "ram",
    "context",
    "provider",
    "check",
    "exits",
];
const LOCAL: &[&str] = &["model", "args", "env"];
const ASK: &[&str] = &["never", "outside", "always", "alone"];
const ENV: &[&str] = &["set", "unset", "pass"];
const PROVIDER: &[&str] = &["name", "prefixes", "env", "files", "login"];
const CHECK: &[&str] = &["version", "help", "flags", "known"];
const EXIT: &[&str] = &["why", "says"];

/// Sets what a file says over what `adapter` is, key by key.
pub(super) fn over(d: &mut Decoder, adapter: &mut Adapter, file: &DeTable<'_>) {
    for (key, value) in file {
        one(d, adapter, key, value);
    }
}

fn one(d: &mut Decoder, a: &mut Adapter, key: &Key<'_>, value: &Val<'_>) {
    fn put<T>(slot: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *slot = value;
        }
    }
    match key.get_ref().as_ref() {
        "version" => {
            let version = d.whole(value, 1, u64::MAX);
            if let Some(v) = version.filter(|v| v.v != VERSION) {
                d.sink
                    .error(v.at, format!("version {} is not known here", v.v))
                    .help(format!("this program reads version {VERSION}"));
            }
        }
        // Read before all others.
        "id" | "like" => {}
        "title" => put(&mut a.title, d.name(value, "a text").map(|t| t.v)),
        "program" => put(
            &mut a.program,
            d.name(value, "the name of a program").map(|t| t.v),
        ),
        "stream" => put(&mut a.stream, d.one_of(value, STREAMS).map(|s| s.v)),
        "prompt" => {
            let words = [
                ("stdin", Prompt::Stdin),
                ("messages", Prompt::Messages),
                ("argument", Prompt::Argument),
                ("file", Prompt::File),
            ];
            put(&mut a.prompt, d.one_of(value, &words).map(|p| p.v));
        }
        "start" => put(&mut a.start, arguments(d, value)),
        "resume" => put(&mut a.resume, arguments(d, value)),
        "interactive" => put(&mut a.interactive, arguments(d, value)),
        "model" => put(&mut a.model, arguments(d, value)),
        "local" => {
            let mut local = a.local.take().unwrap_or_default();
            table(d, value, LOCAL, &mut |d, name, value| match name {
                "model" => put(&mut local.model, d.name(value, "a text").map(|t| t.v)),
                "args" => put(&mut local.args, arguments(d, value)),
                _ => {
                    put(&mut local.env, variables(d, value));
                    for (_, text) in &local.env {
                        fields(d, at(value), text);
                    }
                }
            });
            a.local = Some(local);
        }
        "ask" => table(d, value, ASK, &mut |d, name, value| {
            let slot = match name {
                "never" => &mut a.ask[0],
                "outside" => &mut a.ask[1],
                "always" => &mut a.ask[2],
                _ => &mut a.alone,
            };
            put(slot, arguments(d, value).map(Some));
        }),
        "questions" => put(&mut a.questions, d.flag(value).map(|b| b.v)),
        "session" => {
            let words = [
                ("none", Session::None),
                ("chosen", Session::Chosen),
                ("read", Session::Read),
            ];
            put(&mut a.session, d.one_of(value, &words).map(|s| s.v));
        }
        "session_in_folder" => put(&mut a.session_in_folder, d.flag(value).map(|b| b.v)),
        "tell" => {
            let words = [
                ("never", Tell::Never),
                ("turn", Tell::Turn),
                ("running", Tell::Running),
            ];
            put(&mut a.tell, d.one_of(value, &words).map(|t| t.v));
        }
        "tokens" => {
            let words = [
                ("none", Tokens::None),
                ("rounded", Tokens::Rounded),
                ("exact", Tokens::Exact),
            ];
            put(&mut a.tokens, d.one_of(value, &words).map(|t| t.v));
        }
        "cost" => put(&mut a.cost, d.flag(value).map(|b| b.v)),
        "env" => table(d, value, ENV, &mut |d, name, value| match name {
            "set" => put(&mut a.env, variables(d, value)),
            "unset" => put(&mut a.unset, names(d, value)),
            _ => put(&mut a.pass, names(d, value)),
        }),
        "writes" => put(&mut a.writes, places(d, value)),
        "makes" => put(&mut a.makes, made(d, value)),
        "leaves" => {
            let globs = d.list(value, "a list of lines as in .gitignore", Decoder::path);
            put(
                &mut a.leaves,
                globs.map(|g| g.into_iter().map(|g| g.v).collect()),
            );
        }
        "first_output" => put(&mut a.first_output_us, d.duration(value).map(|t| t.v)),
        "no_progress" => put(&mut a.no_progress_us, d.duration(value).map(|t| t.v)),
        "ram" => put(&mut a.ram_bytes, d.size(value).map(|s| s.v)),
        "context" => put(
            &mut a.context_tokens,
            d.whole(value, 1, 1 << 40).map(|n| Some(n.v)),
        ),
        "provider" => table(d, value, PROVIDER, &mut |d, name, value| match name {
            "name" => put(&mut a.provider.name, d.text(value, "a text").map(|t| t.v)),
            "prefixes" => put(&mut a.provider.prefixes, prefixes(d, value)),
            "env" => put(&mut a.provider.env, names(d, value)),
            "files" => put(&mut a.provider.files, places(d, value)),
            _ => put(&mut a.provider.login, d.text(value, "a text").map(|t| t.v)),
        }),
        "check" => table(d, value, CHECK, &mut |d, name, value| match name {
            "version" => put(&mut a.check.version, texts(d, value)),
            "help" => put(&mut a.check.help, texts(d, value)),
            "flags" => put(&mut a.check.flags, texts(d, value)),
            _ => put(&mut a.check.known, d.text(value, "a version").map(|t| t.v)),
        }),
        "exits" => exits(d, a, value),
        _ => d.unknown_key(key, KEYS),
    }
}

/// Goes through a table of known keys.
fn table(
    d: &mut Decoder,
    value: &Val<'_>,
    known: &[&str],
    each: &mut dyn FnMut(&mut Decoder, &str, &Val<'_>),
) {
    let Some(table) = d.table(value, "a table") else {
        return;
    };
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        if known.contains(&name) {
            each(d, name, value);
        } else {
            d.unknown_key(key, known);
        }
    }
}

fn texts(d: &mut Decoder, value: &Val<'_>) -> Option<Vec<String>> {
    d.list(value, "a list of texts", |d, v| {
        d.text(v, "a text").map(|t| t.v)
    })
}

/// Arguments; what stands for something else must be known.
fn arguments(d: &mut Decoder, value: &Val<'_>) -> Option<Vec<String>> {
    d.list(value, "a list of arguments", |d, value| {
        let text = d.text(value, "an argument")?;
        fields(d, text.at, &text.v);
        if text.v.starts_with('@') && !["@model", "@ask"].contains(&text.v.as_str()) {
            d.sink
                .error(text.at, format!("`{}` stands for nothing", text.v))
                .help("`@model` stands for the arguments of `model`, `@ask` for those of `ask`");
        }
        Some(text.v)
    })
}

/// Reports what nothing is filled in for.
fn fields(d: &mut Decoder, place: At, text: &str) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        if !FIELDS.contains(&name) {
            let meant = d.suggest.nearest(name, FIELDS.iter().copied());
            d.sink
                .error(place, format!("nothing is filled in for `${{{name}}}`"))
                .meant(meant)
                .help(format!("known here: {}", FIELDS.join(", ")));
        }
        rest = after;
    }
}

/// Names of variables.
fn names(d: &mut Decoder, value: &Val<'_>) -> Option<Vec<String>> {
    d.list(
        value,
        "a list of names such as [\"API_KEY\"]",
        |d, value| {
            let name = d.name(value, "a name such as \"API_KEY\"")?;
            let plain = name.v.strip_suffix('*').unwrap_or(&name.v);
            check_variable(d, name.at, plain).then_some(name.v)
        },
    )
}

pub(super) fn check_variable(d: &mut Decoder, place: At, name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let ok = !name.is_empty()
        && name.chars().all(good)
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if !ok {
        d.sink
            .error(place, format!("`{name}` is no name of a variable"))
            .help("letters, digits and `_`; in `pass` a `*` may stand at the end");
    }
    ok
}

/// Variables with their values.
fn variables(d: &mut Decoder, value: &Val<'_>) -> Option<Vec<(String, String)>> {
    let table = d.table(value, "a table such as { NAME = \"value\" }")?;
    let mut all = Vec::new();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let text = d.text(value, "a text");
        if check_variable(d, at(key), name)
            && let Some(text) = text
        {
            all.push((name.to_owned(), text.v));
        }
    }
    Some(all)
}

/// What a program writes before the name of a model, and the provider that it means.
fn prefixes(d: &mut Decoder, value: &Val<'_>) -> Option<Vec<(String, String)>> {
    let table = d.table(value, "a table such as { gemini = \"google\" }")?;
    let mut all = Vec::new();
    for (key, value) in table {
        let name = d.id(value);
        all.extend(name.map(|name| (key.get_ref().to_string(), name.v)));
    }
    Some(all)
}

fn exits(d: &mut Decoder, a: &mut Adapter, value: &Val<'_>) {
    const WHYS: &[(&str, Why)] = &[
        ("login", Why::Login),
        ("network", Why::Network),
        ("limited", Why::Limited),
        ("exhausted", Why::Exhausted),
        ("refused", Why::Refused),
        ("error", Why::Error),
    ];
    let Some(statuses) = d.table(value, "a table such as { 41 = { why = \"login\" } }") else {
        return;
    };
    for (key, value) in statuses {
        let status: Option<i32> = key.get_ref().parse().ok();
        let Some(status) = status.filter(|s| (1..=255).contains(s)) else {
            d.sink
                .error(at(key), format!("`{}` is no exit status", key.get_ref()))
                .help("a number from 1 to 255");
            continue;
        };
        let (mut why, mut says) = (Why::Error, String::new());
        table(d, value, EXIT, &mut |d, name, value| match name {
            "why" => why = d.one_of(value, WHYS).map_or(why, |w| w.v),
            _ => says = d.name(value, "a text").map_or_else(String::new, |t| t.v),
        });
        if says.is_empty() {
            says = format!("it ended with status {status}");
        }
        a.exits.insert(status, (why, says));
    }
}

/// Reports what does not go together, or is missing.
pub(super) fn check(d: &mut Decoder, a: &Adapter) {
    let mut wrong = |what: String| {
        d.sink.error(At::NOWHERE, what);
    };
    if a.program.is_empty() {
        wrong("`program` is missing: the name of the program".to_owned());
    }
    let has = |list: &[String], what: &str| list.iter().any(|a| a.contains(what));
    for (name, list) in [("start", &a.start), ("resume", &a.resume)] {
        if list.is_empty() && name == "resume" {
            continue;
        }
        if a.prompt == Prompt::Argument && !has(list, "${prompt}") {
            wrong(format!(
                "the prompt is an argument, and `{name}` has no \"${{prompt}}\""
            ));
        }
        if a.prompt == Prompt::File && !has(list, "${prompt_file}") {
            wrong(format!(
                "the prompt is in a file, and `{name}` has no \"${{prompt_file}}\""
            ));
        }
    }
    if a.session == Session::None && !(a.resume.is_empty() && a.interactive.is_empty()) {
        wrong("without sessions there is nothing for `resume` and `interactive`".to_owned());
    }
    if a.session == Session::Chosen && !has(&a.start, "${session}") {
        wrong("the session is chosen, and `start` has no \"${session}\"".to_owned());
    }
    if !a.resume.is_empty() && !has(&a.resume, "${session}") {
        wrong("`resume` has no \"${session}\"".to_owned());
    }
    if a.tell == Tell::Running && a.prompt != Prompt::Messages {
        wrong("what is told while it runs needs prompt = \"messages\"".to_owned());
    }
    if a.questions && a.prompt != Prompt::Messages {
        wrong("questions need prompt = \"messages\", which keeps its input open".to_owned());
    }
    if a.local
        .as_ref()
        .is_some_and(|l| !l.model.contains("${model}"))
    {
        wrong("`local` has no \"${model}\" in its `model`".to_owned());
    }
    if a.local.is_some() && a.model.is_empty() {
        wrong("`local` needs `model`, which gives it the name".to_owned());
    }
    if !a.model.is_empty() && !has(&a.model, "${model}") {
        wrong("`model` has no \"${model}\"".to_owned());
    }
}
