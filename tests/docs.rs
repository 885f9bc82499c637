//! What the documents say about the program must be so; and the rules of the architecture hold.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use wavedeck::{
    agents::{Ask, Catalog, Start, Tell, Tokens, Wanted},
    engine::{Action, UNBUILT_ACTIONS},
    tui::keymap::{Keymap, Topic},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Compares a generated document; `WAVEDECK_WRITE_DOCS` writes it in place.
fn generated(path: &str, text: &str) {
    if std::env::var_os("WAVEDECK_WRITE_DOCS").is_some() {
        fs::write(root().join(path), text).unwrap();
    }
    assert_eq!(
        read(path),
        text,
        "{path} is out of date: WAVEDECK_WRITE_DOCS=1 cargo test --test main docs"
    );
}

#[test]
fn every_key_is_listed() {
    let mut text = String::from(
        "# Keys of the deck\n\n\
         Generated from `assets/keymap.toml`; `?` shows the same in the deck.\n\n\
         Your own keys stand in `keymap.toml` beside your `config.toml` \
         (`~/.config/wavedeck/`, or below\n`$XDG_CONFIG_HOME`), in the form of the built-in file, \
         and lie over it: a key that you bind does what\nyou say, `run = \"nothing\"` frees it, \
         all others stay.\n\n\
         ```toml\nact = [\n  { on = \"F5\", run = \"pause\", desc = \"freeze, or let go\" },\n  \
         { on = \"x\", run = \"nothing\" },\n]\n```\n",
    );
    let keymap = Keymap::default();
    for topic in Topic::ALL {
        let _ = write!(text, "\n## {}\n\n| key | does |\n|---|---|\n", title(topic));
        for binding in keymap.topic(topic) {
            let keys: Vec<String> = binding.keys.iter().map(|k| format!("`{k}`")).collect();
            let _ = writeln!(text, "| {} | {} |", keys.join(" "), binding.desc);
        }
    }
    generated("docs/keys.md", &text);
}

fn title(topic: Topic) -> &'static str {
    match topic {
        Topic::Act => "Change the run",
        Topic::Show => "Show",
        Topic::Agent => "On an agent's screen",
        Topic::Move => "Move",
        Topic::Conflict => "In a conflict",
        Topic::Review => "In a review",
        Topic::Replay => "In a replay",
        Topic::Leave => "Leave",
        Topic::Later => "Not built yet",
    }
}

/// All kinds of events, from the schema.
fn kinds() -> BTreeSet<String> {
    fn collect(value: &serde_json::Value, kinds: &mut BTreeSet<String>) {
        match value {
            serde_json::Value::Object(map) => {
                if let Some(kind) = map
                    .get("properties")
                    .and_then(|p| p.get("kind"))
                    .and_then(|k| k.get("const"))
                    .and_then(|c| c.as_str())
                    .filter(|c| c.contains('.'))
                {
                    kinds.insert(kind.to_owned());
                }
                map.values().for_each(|v| collect(v, kinds));
            }
            serde_json::Value::Array(all) => all.iter().for_each(|v| collect(v, kinds)),
            _ => {}
        }
    }
    let schema = fs::read_to_string(root().join("assets/schema/event.json")).unwrap();
    let schema = serde_json::from_str(&schema).unwrap();
    let mut kinds = BTreeSet::new();
    collect(&schema, &mut kinds);
    assert!(kinds.len() > 30, "{kinds:?}");
    kinds
}

/// First cells of the table under a heading.
fn first_cells(text: &str, heading: &str) -> BTreeSet<String> {
    let (_, section) = text.split_once(heading).expect(heading);
    let section = section.split("\n## ").next().unwrap();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(cell, _)| cell.to_owned())
        .collect()
}

#[test]
fn every_event_is_described() {
    let text = read("docs/architecture.md");
    assert_eq!(first_cells(&text, "## Events\n"), kinds());
}

#[test]
fn every_state_is_described() {
    let text = read("docs/architecture.md");
    let (_, section) = text.split_once("## States of an agent\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let described: BTreeSet<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" |"))
        .flat_map(|(cell, _)| cell.split([',', '→']).map(str::trim))
        .collect();
    let names = read("src/engine/state/status.rs");
    let (_, names) = names.split_once("pub const fn name(self)").unwrap();
    let names = names.split("\n    }\n").next().unwrap();
    let built: Vec<&str> = names
        .lines()
        .filter_map(|line| line.split_once("=> \"")?.1.strip_suffix("\","))
        .collect();
    assert!(built.len() > 10);
    for state in built {
        assert!(described.contains(state), "{state} is not in the table");
    }
}

#[test]
fn every_plan_key_is_described() {
    let text = read("docs/plan-format.md");
    let source = read("src/plan/keys.rs");
    let (keys, _) = source
        .split_once("/// Returns the keys that `[defaults]`")
        .unwrap();
    let mut seen = 0;
    for key in keys.split('"').skip(1).step_by(2) {
        seen += 1;
        let named = [
            format!("`{key}`"),
            format!("`{key} "),
            format!("[{key}"),
            format!(" {key}`"),
            format!("{key}]]"),
        ];
        assert!(
            named.iter().any(|n| text.contains(n)) || LATER_ONLY.contains(&key),
            "docs/plan-format.md does not name `{key}`"
        );
    }
    assert!(seen > 80, "{seen}");
}

/// The TOML blocks of a document, in order.
fn toml_blocks(text: &str) -> Vec<&str> {
    let blocks = text.split("```toml\n").skip(1);
    blocks.filter_map(|b| b.split("```").next()).collect()
}

#[test]
fn what_agent_programs_can_do_is_what_their_adapters_say() {
    let text = read("docs/agents.md");
    for a in Catalog::built_in().iter() {
        let yes = |yes| if yes { "yes" } else { "no" };
        let told = match a.tell {
            Tell::Never => "no",
            Tell::Turn => "in a new turn",
            Tell::Running => "while it runs",
        };
        let tokens = match a.tokens {
            Tokens::None => "no",
            Tokens::Rounded => "rounded",
            Tokens::Exact => "exact",
        };
        let row = format!(
            "| `{}` | {} | {told} | {tokens} | {} | {} | {} | {} MiB | {} |\n",
            a.id,
            yes(a.questions),
            yes(a.cost),
            yes(a.resumes()),
            yes(a.swaps()),
            a.ram_bytes >> 20,
            a.check.known,
        );
        assert!(text.contains(&row), "docs/agents.md has no\n{row}");
    }
    let source = read("src/agents/read.rs");
    let (_, keys) = source.split_once("const KEYS").unwrap();
    let (keys, _) = keys.split_once("];").unwrap();
    let keys: Vec<&str> = keys.split('"').skip(1).step_by(2).collect();
    assert!(keys.len() > 20);
    for key in keys {
        let named = [format!("`{key}`"), format!("`[{key}]`")];
        assert!(
            named.iter().any(|n| text.contains(n)),
            "docs/agents.md does not name {key}"
        );
    }
}

#[test]
fn the_examples_of_adapters_are_adapters() {
    let text = read("docs/agents.md");
    let blocks = toml_blocks(&text);
    let files: Vec<(String, String)> = blocks.iter().map(|b| ("doc".into(), (*b).into())).collect();
    let catalog = Catalog::with(&files).unwrap_or_else(|e| panic!("{}", e[0]));
    let mine = catalog.get("my-agent").unwrap();
    let launch = mine.launch(&Wanted {
        server: None,
        start: Start::Fresh,
        prompt: "Do it",
        prompt_file: "",
        model: Some("large"),
        session: "",
        ask: Ask::Outside,
        folder: "/w",
        bounded: true,
    });
    let launch = launch.unwrap();
    assert_eq!(launch.argv, ["my-agent", "--batch", "--model", "large"]);
    assert_eq!(launch.stdin.as_deref(), Some(&b"Do it"[..]));
    assert_eq!(launch.pass, ["MY_AGENT_*"]);
    let work = catalog.get("codex-work").unwrap();
    assert_eq!(work.resume, catalog.get("codex").unwrap().resume);
}

/// Keys inside tables that are only read so far; the tables themselves are named.
const LATER_ONLY: [&str; 7] = [
    "api",
    "url",
    "ram_per_slot",
    "slots",
    "issue",
    "attempts",
    "base",
];

#[test]
fn the_readme_shows_what_a_stranger_needs() {
    let text = read("README.md");
    let commands: Vec<&str> = text
        .split("```sh\n")
        .nth(1)
        .and_then(|block| block.split("\n```").next())
        .unwrap()
        .lines()
        .collect();
    assert_eq!(commands, ["cargo run --release -- demo", "cargo test"]);
    for promise in 1..=7 {
        assert!(text.contains(&format!("\n| {promise} | ")), "{promise}");
    }
}

#[test]
fn every_plan_of_the_cookbook_is_a_plan() {
    let text = read("docs/plans.md");
    let plans: Vec<&str> = text
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(plans.len(), 3, "16, 32 and 64 GB");
    for (plan, gib) in plans.into_iter().zip([16_u64, 32, 64]) {
        let options = wavedeck::plan::LoadOptions::default();
        let loaded = wavedeck::plan::load(plan, &options, &mut |_| Err("no file".to_owned()));
        let loaded = loaded.unwrap_or_else(|found| panic!("{plan}\n{found:?}"));
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        assert!(loaded.plan.unbuilt.is_empty(), "{:?}", loaded.plan.unbuilt);
        let largest = loaded.plan.agents.iter().flat_map(|a| &a.modes);
        let largest = largest.map(|mode| mode.ram_bytes).max().unwrap();
        assert!(largest < gib << 28, "no agent takes a quarter of {gib} GiB");
    }
}

#[test]
fn the_plan_of_the_readme_is_a_plan() {
    let text = read("README.md");
    let plan = text.split("```toml\n").nth(1).unwrap();
    let plan = plan.split("```").next().unwrap();
    let options = wavedeck::plan::LoadOptions::default();
    let loaded = wavedeck::plan::load(plan, &options, &mut |_| Err("no file".to_owned())).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert!(loaded.plan.unbuilt.is_empty(), "{:?}", loaded.plan.unbuilt);
}

#[test]
fn the_gates_of_the_document_are_plans() {
    let text = read("docs/gates.md");
    let mut seen = Vec::new();
    let gates = (text.split("\n## ")).filter(|section| section.starts_with("gate-"));
    for (i, section) in gates.enumerate() {
        let plan = section.split("```toml\n").nth(1).unwrap();
        let plan = plan.split("```").next().unwrap();
        let options = wavedeck::plan::LoadOptions::default();
        let loaded = wavedeck::plan::load(plan, &options, &mut |_| Err("no file".to_owned()))
            .unwrap_or_else(|found| panic!("{}", wavedeck::plan::render(&found, "gate", plan)));
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        assert!(loaded.plan.unbuilt.is_empty(), "{:?}", loaded.plan.unbuilt);
        let plan = loaded.plan;
        let name = format!("gate-{}", i + 1);
        assert!(section.starts_with(&format!("{name}: ")), "{section}");
        assert_eq!(plan.gates[0].id, name);
        // Somebody waits for it.
        let groups = plan.phases.iter().map(|p| &p.gates);
        let groups = groups.chain(plan.tracks.iter().map(|t| &t.gates));
        let groups = groups.chain(plan.agents.iter().map(|a| &a.gates));
        let mut groups = groups
            .chain(plan.wave_gates.values())
            .chain([&plan.run_gates]);
        assert!(groups.any(|gates| gates.len() == 1), "{name}");
        seen.push(name);
    }
    assert_eq!(seen.len(), 10);
}

#[test]
fn every_test_that_the_readme_names_exists() {
    let text = read("README.md");
    let (_, promises) = text.split_once("## Promises").unwrap();
    let sources: String = files("tests")
        .into_iter()
        .chain(files("src"))
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mut seen = 0;
    for name in promises.split('`').filter(|name| name.contains("::")) {
        let function = name.rsplit("::").next().unwrap();
        assert!(
            sources.contains(&format!("fn {function}(")),
            "no test {name}"
        );
        seen += 1;
    }
    assert!(seen > 6, "{seen}");
}

/// Every document is reachable, and every link in them leads somewhere.
#[test]
fn links_lead_somewhere() {
    let mut linked = BTreeSet::new();
    let documents = files("docs").into_iter().filter(|p| is_markdown(p));
    let all: Vec<PathBuf> = documents
        .chain([root().join("README.md"), root().join("CHANGELOG.md")])
        .collect();
    for path in &all {
        let text = fs::read_to_string(path).unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if target.starts_with("http") || target.starts_with('#') {
                continue;
            }
            let target = target.split('#').next().unwrap();
            let to = path.parent().unwrap().join(target);
            let to = to
                .canonicalize()
                .unwrap_or_else(|e| panic!("{}: {target}: {e}", path.display()));
            linked.insert(to);
        }
    }
    for path in all.iter().filter(|p| !p.ends_with("README.md")) {
        let path = path.canonicalize().unwrap();
        assert!(linked.contains(&path), "nothing leads to {path:?}");
    }
}

/// Every file that the architecture names exists.
#[test]
fn the_files_of_the_architecture_exist() {
    let text = read("docs/architecture.md");
    let mut seen = 0;
    for name in text.split('`').skip(1).step_by(2) {
        let path = name.trim_end_matches('/');
        let source = Path::new(path).extension().is_some_and(|e| e == "rs");
        let folder = name.ends_with('/') && !path.contains('.');
        // The adapters are announced, not there.
        if !(source || folder) || path.contains('*') || path == "assets/agents" {
            continue;
        }
        seen += 1;
        let places = [
            format!("src/{path}"),
            path.to_owned(),
            format!("src/runtime/{path}"),
        ];
        assert!(
            places.iter().any(|p| root().join(p).exists()),
            "docs/architecture.md names {name}"
        );
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn no_document_names_a_place_of_a_machine() {
    for path in files("docs")
        .into_iter()
        .filter(|p| is_markdown(p))
        .chain([root().join("README.md"), root().join("CHANGELOG.md")])
    {
        let text = fs::read_to_string(&path).unwrap();
        for place in ["/tmp/", "/home/", "/root/", "/work/"] {
            assert!(!text.contains(place), "{}: {place}", path.display());
        }
    }
}

#[test]
fn verbs_are_built_or_said_to_be_missing() {
    // A verb in both lists would be refused although it exists.
    for (verb, _) in UNBUILT_ACTIONS {
        let json = format!("{{\"do\":\"{verb}\"}}");
        let error = serde_json::from_str::<Action>(&json).unwrap_err();
        assert!(
            error.to_string().contains("unknown variant"),
            "{verb}: {error}"
        );
    }
}

fn is_markdown(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "md")
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Sources of a module without tests: their paths below `src`, and their text.
fn module(name: &str) -> Vec<(String, String)> {
    let file = root().join(format!("src/{name}.rs"));
    let all = if file.exists() {
        vec![file]
    } else {
        files(&format!("src/{name}"))
    };
    all.into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .filter(|path| {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy();
            !name.ends_with("/tests.rs") && !name.contains("/tests/")
        })
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let code: String = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .fold(String::new(), |all, line| all + line + "\n");
            let name = path.strip_prefix(root()).unwrap();
            (name.to_string_lossy().into_owned(), code)
        })
        .collect()
}

/// Modules of this crate that a source uses.
fn uses(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let name = |text: &str| -> String {
            text.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        };
        let Some(list) = rest.strip_prefix('{') else {
            used.insert(name(rest));
            continue;
        };
        let mut depth = 1;
        let mut first = true;
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => first = true,
                c if depth == 1 && first && c.is_alphabetic() => {
                    used.insert(name(&list[at..]));
                    first = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    used
}

#[test]
fn uses_are_read_from_every_form() {
    let code = "use crate::{a::{self, b}, c, d::e};\nfn f() { crate::g::h(); }";
    let expected = ["a", "c", "d", "g"].map(str::to_owned);
    assert_eq!(uses(code), BTreeSet::from(expected));
}

#[test]
fn pure_modules_stay_pure() {
    const OUTSIDE: [&str; 11] = [
        "tokio",
        "std::fs",
        "fs::File",
        "std::net",
        "std::process",
        "std::env",
        "std::thread",
        "Instant::now",
        "SystemTime",
        "rustix::",
        "libc::",
    ];
    const HASHED: [&str; 2] = ["HashMap", "HashSet"];
    let pure = [
        "agents",
        "plan",
        "graph",
        "schedule",
        "engine",
        "conflict",
        "models",
        "report",
        "tui/view",
        "tui/draw",
        "resources/sensor",
        "resources/zones",
        "resources/forecast",
        "resources/trend",
        "status",
    ];
    for name in pure {
        // One of them asks servers.
        let module = module(name).into_iter();
        for (path, code) in module.filter(|(path, _)| !path.ends_with("models/client.rs")) {
            for outside in OUTSIDE {
                assert!(!code.contains(outside), "{path} uses {outside}");
            }
        }
    }
    // Decisions hold integers, and nothing whose order can show.
    for (path, code) in module("engine") {
        for word in ["f64", "f32"].iter().chain(&HASHED) {
            let allowed = path.ends_with("metrics.rs") && word.starts_with('f');
            assert!(allowed || !code.contains(word), "{path} uses {word}");
        }
    }
}

#[test]
fn arrows_between_modules_go_one_way() {
    let allowed: [(&str, &[&str]); 15] = [
        ("agents", &["plan", "display"]),
        ("conflict", &["plan", "display"]),
        ("plan", &["display", "agents", "models"]),
        ("graph", &["plan", "conflict", "agents"]),
        ("schedule", &["plan", "graph"]),
        (
            "engine",
            &["plan", "graph", "schedule", "conflict", "agents"],
        ),
        (
            "report",
            &[
                "plan",
                "graph",
                "schedule",
                "engine",
                "resources",
                "display",
            ],
        ),
        (
            "journal",
            &[
                "plan",
                "graph",
                "schedule",
                "engine",
                "resources",
                "display",
            ],
        ),
        (
            "tui",
            &[
                "agents",
                "plan",
                "graph",
                "schedule",
                "engine",
                "conflict",
                "report",
                "resources",
                "status",
                "conflict",
                "display",
                "terminal",
            ],
        ),
        (
            "status",
            &["plan", "schedule", "engine", "resources", "display"],
        ),
        ("terminal", &[]),
        ("sys", &[]),
        ("context", &["display"]),
        ("models", &["display"]),
        (
            "executor",
            &["plan", "sys", "display", "terminal", "agents", "context"],
        ),
    ];
    for (name, may) in allowed {
        for (path, code) in module(name) {
            for used in uses(&code) {
                assert!(
                    used == name || may.contains(&used.as_str()),
                    "{path} uses {used}"
                );
            }
        }
    }
    // What touches the machine is reached from the runtime and the command line alone.
    for name in ["config", "display", "resources/sensor", "resources/zones"] {
        for (path, code) in module(name) {
            for used in uses(&code) {
                assert!(
                    !["sys", "executor", "runtime", "cli"].contains(&used.as_str()),
                    "{path} uses {used}"
                );
            }
        }
    }
}
