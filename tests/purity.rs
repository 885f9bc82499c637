//! The shape of the sources: who may reach what, where `unsafe` may stand, how long a file may be.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines that a file may have, its tests aside.
const LONGEST: usize = 400;

struct Source {
    /// Below `src/`.
    name: String,
    /// Without its unit tests.
    code: String,
    /// All of it.
    whole: String,
}

impl Source {
    /// A file of tests alone.
    fn is_test(&self) -> bool {
        self.name.contains("/tests/") || self.name.ends_with("/tests.rs")
    }

    /// Lines of code with their numbers, comments left out.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let plain = |line: &str| !line.trim_start().starts_with("//");
        self.code
            .lines()
            .enumerate()
            .map(|(n, line)| (n + 1, line))
            .filter(move |(_, line)| plain(line))
    }

    fn is_below(&self, folders: &[&str]) -> bool {
        folders
            .iter()
            .any(|f| self.name.starts_with(&format!("{f}/")) || self.name == format!("{f}.rs"))
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let whole = fs::read_to_string(&path).unwrap();
                // Unit tests stand at the end of a file.
                let end = whole
                    .find("\n#[cfg(test)]\nmod tests {")
                    .unwrap_or(whole.len());
                all.push(Source {
                    name: path.strip_prefix(&root).unwrap().display().to_string(),
                    code: whole[..end].to_owned(),
                    whole,
                });
            }
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(all.len() > 50);
    all
}

/// Fails with every place at once.
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn the_pure_parts_know_no_clock_no_files_and_no_chance() {
    const FORBIDDEN: [&str; 14] = [
        "tokio",
        "std::fs",
        "fs::",
        "Instant",
        "SystemTime",
        "std::env",
        "env::var",
        "std::net",
        "std::process",
        "std::thread",
        "Timestamp::now",
        "Zoned::now",
        "rustix",
        "libc::",
    ];
    let mut found = Vec::new();
    for source in sources() {
        if !source.is_below(&[
            "agents", "plan", "graph", "schedule", "engine", "conflict", "context", "handoff",
            "display", "terminal", "models",
        ]) || source.is_test()
            // The one that asks servers.
            || source.name == "models/client.rs"
        {
            continue;
        }
        for (n, line) in source.lines() {
            for word in FORBIDDEN.iter().filter(|w| line.contains(**w)) {
                found.push(format!("src/{}:{n}: {word}: {}", source.name, line.trim()));
            }
        }
    }
    none("not pure", &found);
}

/// A map without an order may be asked, and never gone through: the order would show.
#[test]
fn no_hash_map_is_gone_through_where_order_can_show() {
    let mut found = Vec::new();
    for source in sources() {
        if !source.is_below(&[
            "plan", "graph", "schedule", "engine", "conflict", "handoff", "report",
        ]) || source.is_test()
        {
            continue;
        }
        // Names that are declared with such a type, in this file.
        let mut names: Vec<&str> = Vec::new();
        for (_, line) in source.lines() {
            for kind in ["HashMap", "HashSet"] {
                let Some(at) = line.find(kind) else { continue };
                let before = line[..at]
                    .trim_end_matches(['&', ' ', '=', ':'])
                    .trim_end_matches("mut");
                let name = before
                    .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
                    .next();
                names.extend(name.filter(|n| !n.is_empty() && *n != "collections" && *n != "use"));
            }
        }
        for (n, line) in source.lines() {
            for name in names.iter().filter(|name| goes_through(line, name)) {
                found.push(format!("src/{}:{n}: {name}: {}", source.name, line.trim()));
            }
        }
    }
    none("order can show", &found);
}

/// Whether a line goes through a map of this name.
fn goes_through(line: &str, name: &str) -> bool {
    let calls = [
        ".iter()",
        ".keys()",
        ".values()",
        ".drain(",
        ".into_iter()",
        ".retain(",
    ];
    line.match_indices(name).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        let whole = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let called = calls.iter().any(|call| after.starts_with(call));
        let looped =
            before.trim_end_matches(['&', ' ']).ends_with(" in") && after.starts_with(" {");
        whole && (called || looped)
    })
}

#[test]
fn arrows_go_one_way() {
    /// Modules, and what they must not reach.
    const RULES: &[(&[&str], &[&str])] = &[
        (&["tui"], &["sys", "executor", "runtime", "cli"]),
        (
            &["plan"],
            &[
                "graph",
                "schedule",
                "engine",
                "journal",
                "report",
                "tui",
                "sys",
                "executor",
                "runtime",
                "cli",
                "resources",
                "config",
            ],
        ),
        (
            &["agents"],
            &[
                "graph",
                "schedule",
                "engine",
                "journal",
                "report",
                "tui",
                "sys",
                "executor",
                "runtime",
                "cli",
                "resources",
                "config",
            ],
        ),
        (
            &["graph"],
            &[
                "schedule",
                "engine",
                "journal",
                "report",
                "tui",
                "sys",
                "executor",
                "runtime",
                "cli",
                "resources",
                "config",
            ],
        ),
        (
            &["schedule"],
            &[
                "engine",
                "journal",
                "report",
                "tui",
                "sys",
                "executor",
                "runtime",
                "cli",
                "resources",
                "config",
            ],
        ),
        (
            &["conflict"],
            &[
                "graph",
                "schedule",
                "engine",
                "journal",
                "report",
                "tui",
                "sys",
                "executor",
                "runtime",
                "workspace",
                "cli",
                "resources",
                "config",
            ],
        ),
        (
            &["engine"],
            &[
                "journal",
                "report",
                "tui",
                "sys",
                "executor",
                "runtime",
                "cli",
                "resources",
                "config",
            ],
        ),
        (
            &["models"],
            &[
                "plan",
                "engine",
                "journal",
                "tui",
                "sys",
                "executor",
                "runtime",
                "cli",
                "resources",
                "config",
            ],
        ),
        (&["report"], &["tui", "sys", "executor", "runtime", "cli"]),
        (&["journal"], &["tui", "executor", "runtime", "cli"]),
        (
            &["sys"],
            &[
                "plan",
                "graph",
                "schedule",
                "engine",
                "journal",
                "report",
                "tui",
                "executor",
                "runtime",
                "cli",
                "resources",
                "config",
            ],
        ),
        (
            &["display"],
            &["plan", "engine", "tui", "sys", "executor", "runtime", "cli"],
        ),
    ];
    let mut found = Vec::new();
    for source in sources() {
        if source.is_test() {
            continue;
        }
        for (modules, never) in RULES.iter().filter(|(modules, _)| source.is_below(modules)) {
            // A `use crate::{a, b::{c}, …}` may take several lines: its names stand at depth one.
            let code: String = source
                .lines()
                .map(|(_, line)| line)
                .collect::<Vec<_>>()
                .join("\n");
            for name in used(&code) {
                if never.contains(&name.as_str()) {
                    found.push(format!(
                        "src/{}: {modules:?} reaches crate::{name}",
                        source.name
                    ));
                }
            }
        }
    }
    none("arrows that go back", &found);
}

/// First segments after `crate::` in a source.
fn used(code: &str) -> Vec<String> {
    let mut all = Vec::new();
    let word = |text: &str| -> String {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(list) = rest.strip_prefix('{') else {
            all.push(word(rest));
            continue;
        };
        let mut depth = 1;
        let mut fresh = true;
        for (i, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => fresh = true,
                c if fresh && c.is_alphanumeric() => {
                    all.push(word(&list[i..]));
                    fresh = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    all
}

#[test]
fn unsafe_code_stands_in_sys_alone() {
    let mut found = Vec::new();
    for source in sources() {
        if source.is_below(&["sys"]) {
            continue;
        }
        for (n, line) in source.whole.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if code
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|w| w == "unsafe" || w == "unsafe_code")
            {
                found.push(format!("src/{}:{}: {}", source.name, n + 1, line.trim()));
            }
        }
    }
    none("unsafe outside of sys", &found);
}

#[test]
fn files_are_short_named_for_what_they_hold_and_say_it() {
    let mut found = Vec::new();
    for source in sources() {
        if source.is_test() {
            continue;
        }
        let lines = source.code.lines().count();
        if lines > LONGEST {
            found.push(format!("src/{} has {lines} lines", source.name));
        }
        if !source.whole.starts_with("//!") {
            found.push(format!("src/{} does not say what it is", source.name));
        }
        let vague = ["util", "utils", "common", "helper", "helpers", "misc"];
        for part in source.name.trim_end_matches(".rs").split('/') {
            if vague.contains(&part) {
                found.push(format!("src/{}: `{part}` says nothing", source.name));
            }
        }
    }
    none("sources", &found);
}
