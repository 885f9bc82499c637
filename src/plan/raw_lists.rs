//! Reads variables and the lists: phases, tracks, overrides, agents with their `each`.
//!
//! Must not follow references: `build.rs` does.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::decode::{Decoder, Val, at};
use super::diag::{At, Sp};
use super::raw::{RawGroup, RawOverride, members};
use super::spec::{self, AgentSpec, PRIORITIES};
use super::spec_parts::gates;
use super::vars::{self, Value};

pub(super) fn variables(d: &mut Decoder, table: &DeTable<'_>, set: &BTreeMap<String, String>) {
    let mut all = vars::Vars::new();
    let declared = table
        .iter()
        .find(|(k, _)| k.get_ref() == "vars")
        .map(|(_, v)| v);
    for (key, value) in declared.map(|v| members(d, v)).unwrap_or_default() {
        let name = key.get_ref();
        if !vars::valid_name(name) {
            d.sink
                .error(at(key), format!("bad variable name `{name}`"))
                .help("letters, digits, `_` and `-`");
            continue;
        }
        if name == vars::ITEM || vars::where_late(name).is_some() {
            d.sink
                .error(
                    at(key),
                    format!("variable `{name}` has a meaning of its own"),
                )
                .help("give it another name");
            continue;
        }
        let value = match value.get_ref() {
            DeValue::Array(_) => d.list(value, "", scalar).map(Value::List),
            _ => scalar(d, value).map(Value::One),
        };
        if let Some(value) = value {
            all.insert(name.clone().into_owned(), value);
        }
    }
    for (name, text) in set {
        match all.get_mut(name) {
            Some(Value::One(value)) => value.clone_from(text),
            Some(Value::List(list)) => {
                *list = text
                    .split(',')
                    .map(str::trim)
                    .filter(|s| !s.is_empty())
                    .map(str::to_owned)
                    .collect();
            }
            None => {
                let meant = d.suggest.nearest(name, all.keys().map(String::as_str));
                d.sink
                    .error(At::NOWHERE, format!("--set: unknown variable `{name}`"))
                    .meant(meant)
                    .help("the plan's variables are declared in [vars]");
            }
        }
    }
    d.vars = Some(all);
}

pub(super) fn scalar(d: &mut Decoder, value: &Val<'_>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) if text.contains("${") => {
            d.sink
                .error(at(value), "a variable's value cannot use variables")
                .help("write the value itself");
            None
        }
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(i) => Some(i.to_string()),
        DeValue::Float(f) => Some(f.to_string()),
        DeValue::Boolean(b) => Some(b.to_string()),
        _ => {
            d.expected("a text, a number or a list of them", value);
            None
        }
    }
}

pub(super) fn groups(
    d: &mut Decoder,
    value: &Val<'_>,
    what: &str,
    known: &[&str],
) -> Vec<RawGroup> {
    let read = |d: &mut Decoder, value: &Val<'_>| {
        let table = d.table(value, &format!("a table {what}"))?;
        let mut group = RawGroup::default();
        let mut id = None;
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match name {
                _ if !known.contains(&name) => d.unknown_key(key, known),
                "id" => id = Some(d.id(value)),
                "title" => group.title = d.name(value, "a text").map(|t| t.v),
                "barrier" => group.barrier = d.flag(value),
                "priority" => group.priority = d.one_of(value, &PRIORITIES).map(|p| p.v),
                "gates" => group.gates = gates(d, value).unwrap_or_default(),
                _ => {
                    if let Some(table) = d.table(value, "a table of agent keys") {
                        group.defaults = AgentSpec::read(d, table, at(value), &spec::DEFAULTS);
                    }
                }
            }
        }
        if id.is_none() {
            d.sink
                .error(at(value), format!("{what} without an id"))
                .help("id = \"…\"");
        }
        group.id = id??;
        Some(group)
    };
    let groups = d
        .list(value, &format!("a list of tables, {what}"), read)
        .unwrap_or_default();
    let mut seen: BTreeMap<&str, At> = BTreeMap::new();
    for group in &groups {
        if let Some(first) = seen.insert(&group.id.v, group.id.at) {
            let word = what.trim_matches(['[', ']']);
            let found = d.sink.error(
                group.id.at,
                format!("duplicate id: {word} `{}` is there already", group.id.v),
            );
            found.related(first, "the first one is here");
        }
    }
    groups
}

pub(super) fn overriding(d: &mut Decoder, value: &Val<'_>) -> Option<RawOverride> {
    let table = d.table(value, "a table, [[override]]")?;
    let mut agents = None;
    if let Some((_, value)) = table.iter().find(|(k, _)| k.get_ref() == "agents") {
        let what = "a list of agents such as [\"mod-*\"]";
        agents = Some(
            d.list(value, what, |d, v| d.name(v, "the id of an agent"))
                .unwrap_or_default(),
        );
    } else {
        d.sink
            .error(at(value), "the override names no agents")
            .help("agents = [\"…\"]");
    }
    let spec = AgentSpec::read(d, table, at(value), &spec::OVERRIDE);
    Some(RawOverride {
        agents: agents?,
        spec,
    })
}

pub(super) fn agents(d: &mut Decoder, value: &Val<'_>, out: &mut Vec<AgentSpec>) {
    const WHAT: &str = "a list of tables, [[agent]]";
    let DeValue::Array(array) = value.get_ref() else {
        d.expected(WHAT, value);
        return;
    };
    out.reserve(array.len());
    for value in array {
        let Some(table) = d.table(value, "a table, [[agent]]") else {
            continue;
        };
        let place = at(value);
        match table.iter().find(|(k, _)| k.get_ref() == "each") {
            None => out.push(agent(d, table, place)),
            Some((_, each)) => {
                let items = each_items(d, each);
                if let Some(id) = table.iter().find(|(k, _)| k.get_ref() == "id")
                    && items.len() > 1
                    && let DeValue::String(text) = id.1.get_ref()
                    && !text.contains("${item}")
                {
                    d.sink
                        .error(
                            at(id.1),
                            format!("each of these agents would have the id `{text}`"),
                        )
                        .help("put ${item} into the id");
                    continue;
                }
                for item in items {
                    d.item = Some(item);
                    out.push(agent(d, table, place));
                }
                d.item = None;
            }
        }
    }
}

pub(super) fn agent(d: &mut Decoder, table: &DeTable<'_>, place: At) -> AgentSpec {
    let spec = AgentSpec::read(d, table, place, &spec::AGENT);
    if spec.id.is_none() && !table.iter().any(|(k, _)| k.get_ref() == "id") {
        d.sink
            .error(place, "[[agent]] without an id")
            .help("id = \"…\"");
    }
    spec
}

pub(super) fn each_items(d: &mut Decoder, each: &Val<'_>) -> Vec<String> {
    let items = match each.get_ref() {
        DeValue::Array(_) => d
            .list(each, "", |d, v| d.text(v, "a text"))
            .map(|l| l.into_iter().map(|t| t.v).collect()),
        DeValue::String(name) => {
            let vars = d.vars.as_ref();
            match vars.and_then(|v| v.get(name.as_ref())) {
                Some(Value::List(items)) => Some(items.clone()),
                Some(Value::One(_)) => {
                    d.sink
                        .error(at(each), format!("variable `{name}` is no list"))
                        .help("`each` takes a list");
                    None
                }
                None => {
                    let lists: Vec<String> = vars
                        .map(|v| v.keys().cloned().collect())
                        .unwrap_or_default();
                    let name = Sp::new(at(each), name.clone().into_owned());
                    let meant = d.suggest.nearest(&name.v, lists.iter().map(String::as_str));
                    let found = d
                        .sink
                        .error(name.at, format!("unknown variable `{}`", name.v))
                        .meant(meant);
                    if meant.is_none() {
                        found.help(format!("declare it: [vars] {} = [\"…\"]", name.v));
                    }
                    None
                }
            }
        }
        _ => {
            d.expected("the name of a list in [vars]", each);
            None
        }
    };
    let Some(items) = items else {
        return Vec::new();
    };
    let items: Vec<String> = items;
    if items.is_empty() {
        d.sink
            .warning(at(each), "the list is empty: no agent comes of this");
    }
    items
}
