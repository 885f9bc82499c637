//! Plans as files: the messages of bad ones, the meaning of good ones, and that expanding keeps it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use wavedeck::agents::Catalog;
use wavedeck::plan::{self, LoadOptions, Loaded, Plan};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/plans")
        .join(name)
}

fn files(name: &str) -> Vec<(String, String)> {
    let mut paths: Vec<_> = fs::read_dir(folder(name))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|p| {
            (
                p.file_stem().unwrap().to_string_lossy().into_owned(),
                fs::read_to_string(p).unwrap(),
            )
        })
        .collect()
}

fn read(path: &str) -> Result<String, String> {
    match path {
        "prompts/two.md" => Ok("Use ${item} and $${x}, `${HOME}`.\n".to_owned()),
        "empty.md" => Ok(" \n".to_owned()),
        _ => Err("no such file".to_owned()),
    }
}

fn load(name: &str, source: &str) -> Result<Loaded, Vec<plan::Diagnostic>> {
    let options = LoadOptions {
        file_name: format!("{name}.toml"),
        ..LoadOptions::default()
    };
    plan::load(source, &options, &mut |path| read(path))
}

fn only(source: &str, glob: &str) -> Vec<String> {
    let options = LoadOptions {
        only: Some(glob.to_owned()),
        ..LoadOptions::default()
    };
    let loaded = plan::load(source, &options, &mut |path| read(path)).unwrap();
    loaded
        .plan
        .agents
        .iter()
        .map(|a| a.id.to_string())
        .collect()
}

fn without_places(mut plan: Plan) -> Plan {
    for unbuilt in &mut plan.unbuilt {
        (unbuilt.line, unbuilt.column) = (0, 0);
    }
    plan
}

fn snapshots() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

#[test]
fn bad_plans_say_everything_at_its_place() {
    let all = files("invalid");
    assert!(all.len() >= 45);
    for (name, source) in all {
        let Err(found) = load(&name, &source) else {
            panic!("{name} is accepted")
        };
        let text = plan::render(&found, &format!("{name}.toml"), &source);
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\n'),
            "{name}: raw control characters"
        );
        snapshots().bind(|| insta::assert_snapshot!(format!("invalid-{name}"), text));
    }
}

#[test]
fn good_plans_expand_to_the_same_plan() {
    let all = files("valid");
    assert!(all.len() >= 10);
    for (name, source) in all {
        let loaded = load(&name, &source)
            .unwrap_or_else(|found| panic!("{name}:\n{}", plan::render(&found, &name, &source)));
        let expanded = plan::expand::to_toml(&loaded.plan);
        let again = load(&name, &expanded).unwrap_or_else(|found| {
            panic!(
                "{name}, expanded:\n{}",
                plan::render(&found, &name, &expanded)
            )
        });
        assert_eq!(
            without_places(again.plan),
            without_places(loaded.plan.clone()),
            "{name}\n{expanded}"
        );
        let mut text = expanded;
        text.push('\n');
        for u in &loaded.plan.unbuilt {
            let _ = writeln!(
                text,
                "# not built: {} at {}:{}: {}",
                u.key, u.line, u.column, u.help
            );
        }
        for w in &loaded.warnings {
            let _ = writeln!(text, "# warning at {}:{}: {}", w.line, w.column, w.message);
        }
        snapshots().bind(|| insta::assert_snapshot!(format!("valid-{name}"), text));
    }
}

#[test]
fn programs_of_a_persons_own_are_workers_and_bring_their_memory() {
    let source = "[[agent]]\nid = \"a\"\nprompt = \"x\"\nworker = [\"mine:big\", \"codex\", \"claude\"]\n\
                  [worker.w]\ncli = \"mine\"\nmodel = \"m\"\n";
    let load = |files: &[(&str, &str)]| {
        let files: Vec<_> = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        let own = (!files.is_empty()).then(|| Catalog::with(&files).unwrap());
        let options = LoadOptions {
            catalog: own,
            ..LoadOptions::default()
        };
        plan::load(source, &options, &mut |_| Err("no files".to_owned()))
    };
    let found = load(&[]).unwrap_err();
    let found: Vec<&str> = found.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        found,
        ["unknown worker `mine`", "unknown agent program `mine`"]
    );
    let mine = "id = \"mine\"\nprogram = \"mine\"\nram = \"5MiB\"\nmodel = [\"${model}\"]\n";
    let codex = "id = \"codex\"\nram = \"7MiB\"\n";
    let loaded = load(&[("mine.toml", mine), ("codex.toml", codex)]).unwrap();
    let ram: Vec<u64> = loaded.plan.agents[0]
        .modes
        .iter()
        .map(|m| m.ram_bytes)
        .collect();
    assert_eq!(ram, [5 << 20, 7 << 20, 320 << 20]);
}

#[test]
fn who_answers_a_worker_is_stated_or_stands_in_its_model_or_its_adapter() {
    let source = "[worker.there]\ncli = \"claude\"\nprovider = \"acme\"\n\
                  [worker.claude]\ncli = \"claude\"\nprovider = \"own\"\n\
                  [worker.tool]\nrun = \"tool\"\n\
                  [[agent]]\nid = \"a\"\nprompt = \"x\"\nworker = [\"there\", \"claude\", \"tool\", \
                  \"claude:sonnet\", \"opencode:anthropic/claude-sonnet-4-5\", \"opencode:ollama/qwen\", \"opencode\"]\n";
    let loaded = load("p", source).unwrap();
    let provider = |plan: &plan::Plan, name: &str| {
        let worker = plan.workers.iter().find(|w| w.name == name).unwrap();
        worker.provider().map(str::to_owned)
    };
    let of = |name: &str| provider(&loaded.plan, name).unwrap_or_default();
    assert_eq!(of("there"), "acme");
    assert_eq!(of("claude"), "own");
    assert_eq!(of("tool"), "");
    assert_eq!(of("claude:sonnet"), "anthropic");
    assert_eq!(of("opencode:anthropic/claude-sonnet-4-5"), "anthropic");
    assert_eq!(of("opencode:ollama/qwen"), "ollama");
    assert_eq!(of("opencode"), "opencode");
    let again = load("p", &plan::expand::to_toml(&loaded.plan))
        .unwrap()
        .plan;
    assert_eq!(again.workers, loaded.plan.workers);
}

#[test]
fn an_agent_that_names_a_capability_can_be_done_by_all_who_have_it() {
    let source = "[worker.b]\ncli = \"claude\"\ncapabilities = [\"review\", \"write\"]\n\
                  [worker.a]\nrun = \"cat\"\ncapabilities = [\"review\"]\n\
                  [worker.codex]\ncli = \"codex\"\ncapabilities = [\"write\"]\n\
                  [defaults]\ncapability = \"review\"\nprompt = \"x\"\n\
                  [[agent]]\nid = \"r\"\nmode = [{ worker = \"b\", ram = \"1GiB\" }]\n\
                  [[agent]]\nid = \"w\"\ncapability = \"write\"\n\
                  [[agent]]\nid = \"n\"\nworker = \"codex\"\n\
                  [[agent]]\nid = \"c\"\nrun = \"true\"\n";
    let plan = load("p", source).unwrap().plan;
    let of = |i: usize| -> Vec<&str> {
        let workers = plan.agents[i].modes.iter().filter_map(|m| m.worker);
        workers
            .map(|w| plan.workers[w.ix()].name.as_str())
            .collect()
    };
    assert_eq!(
        [of(0), of(1), of(2), of(3)],
        [vec!["a", "b"], vec!["b", "codex"], vec!["codex"], vec![]]
    );
    let capability = |i: usize| plan.agents[i].capability.as_deref();
    assert_eq!(
        [0, 1, 2, 3].map(capability),
        [Some("review"), Some("write"), None, None]
    );
    assert_eq!(plan.agents[0].modes[1].ram_bytes, 1 << 30);
    let again = load("p", &plan::expand::to_toml(&plan)).unwrap().plan;
    assert_eq!(
        (again.agents, again.workers),
        (plan.agents.clone(), plan.workers.clone())
    );

    let bad = "[worker.a]\nrun = \"cat\"\ncapabilities = [\"review\"]\n\
               [[agent]]\nid = \"t\"\nprompt = \"x\"\ncapability = \"reviw\"\n\
               [[agent]]\nid = \"u\"\nprompt = \"x\"\ncapability = \"plan\"\n\
               [[agent]]\nid = \"v\"\nrun = \"true\"\ncapability = \"review\"\n";
    let found = load("p", bad).unwrap_err();
    let text = plan::render(&found, "p.toml", bad);
    for wanted in [
        "p.toml:7:14: error: no worker has the capability `reviw`, did you mean `review`?",
        "p.toml:11:14: error: no worker has the capability `plan`",
        "[worker.NAME] capabilities = [\"plan\"]",
        "p.toml:15:14: error: agent `v` has a command or simulation and a capability",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
}

#[test]
fn a_program_that_cannot_ask_is_refused_where_the_plan_says_that_it_does() {
    let source = "[defaults]\nask = \"always\"\n[worker.tool]\nrun = \"tool\"\n\
                  [[agent]]\nid = \"a\"\nprompt = \"x\"\nworker = [\"claude\", \"codex\"]\n\
                  [[agent]]\nid = \"b\"\nprompt = \"x\"\nworker = \"codex\"\n\
                  [[agent]]\nid = \"c\"\nprompt = \"x\"\nworker = \"tool\"\n\
                  [[agent]]\nid = \"d\"\nrun = \"true\"\n\
                  [[agent]]\nid = \"e\"\nprompt = \"x\"\nworker = \"codex\"\nask = \"never\"\n";
    let found = load("p", source).unwrap_err();
    let text = plan::render(&found, "p.toml", source);
    assert_eq!(found.len(), 2, "{text}");
    for worker in ["codex", "tool"] {
        let line = format!(
            "p.toml:2:7: error: worker `{worker}` cannot ask about everything that it does"
        );
        assert!(text.contains(&line), "{text}");
    }
    assert!(text.contains("a worker that asks: claude"), "{text}");
    // A run of before can be read.
    let options = LoadOptions {
        recorded: true,
        ..LoadOptions::default()
    };
    assert!(plan::load(source, &options, &mut |path| read(path)).is_ok());
    // A person's own program may be able to.
    let own = "id = \"codex\"\n[ask]\nalways = [\"--ask\"]\n";
    let catalog = Catalog::with(&[("codex.toml".to_owned(), own.to_owned())]).unwrap();
    let options = LoadOptions {
        catalog: Some(catalog),
        ..LoadOptions::default()
    };
    let found = plan::load(source, &options, &mut |path| read(path)).unwrap_err();
    assert_eq!(found.len(), 1);
}

#[test]
fn a_known_program_without_an_adapter_is_told_what_to_do() {
    let source = "[worker.g]\ncli = \"goose\"\n[[agent]]\nid = \"a\"\nprompt = \"x\"\nworker = \"qwen:big\"\n";
    let found = load("p.toml", source).unwrap_err();
    let text = plan::render(&found, "p.toml", source);
    for program in ["goose", "qwen"] {
        assert!(
            text.contains(&format!("there is no adapter for `{program}`")),
            "{text}"
        );
        assert!(
            text.contains(&format!("[worker.{program}] run =")),
            "{text}"
        );
    }
}

#[test]
fn set_replaces_variables() {
    let source = "[vars]\nwho = \"x\"\nall = [\"a\"]\n[[agent]]\nid = \"${who}-${item}\"\neach = \"all\"\nrun = \"true\"\n";
    let set = |pairs: &[(&str, &str)]| LoadOptions {
        vars: pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        ..LoadOptions::default()
    };
    let loaded = plan::load(source, &set(&[("who", "y"), ("all", "b, c")]), &mut |p| {
        read(p)
    })
    .unwrap();
    let ids: Vec<_> = loaded
        .plan
        .agents
        .iter()
        .map(|a| a.id.to_string())
        .collect();
    assert_eq!(ids, ["y-b", "y-c"]);
    let found = plan::load(source, &set(&[("hwo", "y")]), &mut |p| read(p)).unwrap_err();
    assert_eq!(
        plan::render(&found, "p.toml", source),
        "p.toml: error: --set: unknown variable `hwo`, did you mean `who`?\nhelp: the plan's variables are declared in [vars]\n"
    );
}

#[test]
fn only_keeps_what_is_needed() {
    let source = files("valid")
        .into_iter()
        .find(|(n, _)| n == "diamond")
        .unwrap()
        .1;
    assert_eq!(only(&source, "left"), ["top", "left"]);
    assert_eq!(only(&source, "*t"), ["top", "left", "right"]);
    let source = files("valid")
        .into_iter()
        .find(|(n, _)| n == "parents")
        .unwrap()
        .1;
    // A part keeps its parent alone; who needs the parent needs all its parts.
    assert_eq!(only(&source, "api-code"), ["api", "api-code"]);
    assert_eq!(
        only(&source, "ui-part"),
        ["api", "api-code", "api-tests", "ui", "ui-part"]
    );
    let source = files("valid")
        .into_iter()
        .find(|(n, _)| n == "unbuilt")
        .unwrap()
        .1;
    let options = LoadOptions {
        only: Some("d".to_owned()),
        ..LoadOptions::default()
    };
    let plan = plan::load(&source, &options, &mut |p| read(p))
        .unwrap()
        .plan;
    assert!(
        plan.unbuilt
            .iter()
            .all(|u| !u.key.starts_with("agent.a") && !u.key.starts_with("worker"))
    );
    let options = LoadOptions {
        only: Some("zz*".to_owned()),
        ..LoadOptions::default()
    };
    assert_eq!(
        plan::load(&source, &options, &mut |p| read(p)).unwrap_err()[0].line,
        0
    );
}

/// Loads whatever it is, renders what is wrong, and checks that what is right expands to itself.
fn survives(source: &str) {
    let options = LoadOptions {
        file_name: "p.toml".to_owned(),
        ..LoadOptions::default()
    };
    match plan::load(source, &options, &mut |path| read(path)) {
        Err(found) => {
            assert!(!found.is_empty());
            let text = plan::render(&found, "p.toml", source);
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        }
        Ok(loaded) => {
            let expanded = plan::expand::to_toml(&loaded.plan);
            let again =
                plan::load(&expanded, &options, &mut |path| read(path)).unwrap_or_else(|found| {
                    panic!("{source}\n{}", plan::render(&found, "expanded", &expanded))
                });
            assert_eq!(
                without_places(again.plan),
                without_places(loaded.plan),
                "{source}\n{expanded}"
            );
        }
    }
}

/// One line of a plan, mostly sensible.
fn plan_line() -> impl Strategy<Value = String> {
    let keys = "id|title|each|phase|track|parent|needs|priority|run|sim|prompt|worker|scope|duration|size|ram|cpus|\
        uses|tokens|check|gates|quiet|workspace|exclusive|timeout|retry|ask|agents|vars|limits|context|when|\
        domains|inputs|outputs|join|verify|copy|setup|env|into|end|rules|critical";
    let keys: Vec<&str> = keys.split('|').collect();
    let values = [
        "\"a\"",
        "\"b\"",
        "\"c-${item}\"",
        "[\"a\"]",
        "[\"b\", \"*\"]",
        "[\"+a\"]",
        "[{ agent = \"b\", when = \"failed\" }]",
        "1",
        "0",
        "-1",
        "1.5",
        "true",
        "\"5m\"",
        "\"1GiB\"",
        "\"2s..3s\"",
        "{ duration = \"1s\" }",
        "{ attempts = 2 }",
        "{ gpu = 1 }",
        "\"shared\"",
        "\"own\"",
        "\"high\"",
        "\"small\"",
        "\"never\"",
        "\"echo 'x y'\"",
        "\"echo 'x\"",
        "[\"true\"]",
        "[]",
        "{}",
        "\"${v}\"",
        "\"$${x} \\u001b\"",
        "\"claude:x\"",
        "[\"w\", \"claude\"]",
        "\"phase:a\"",
        "[\"track:a\"]",
        "[[\"x\", \"y\"]]",
        "[\"src/**\", \"./b//\"]",
        "{ write = [\"a\"], read = [\".\", \"b/*\"] }",
        "[{ agent = \"a\", files = [\"x\", \"./x\"], check = [\"true\"] }, \"a\"]",
        "{ \"b/*\" = \"union\", a = { run = \"x $${y}\" }, \"./c\" = \"ours\" }",
        "{ A = \"${run_dir}/$${run}/${v}\" }",
        "\"w/${run}\"",
        "\"fail-fast\"",
        "\"ff\"",
    ];
    let headers = [
        "[[agent]]",
        "[[agent]]\nid = \"a\"\nrun = \"x\"",
        "[[agent]]\nid = \"b\"\nsim = {}",
        "[[agent]]\nid = \"p\"\nprompt = \"x\"\nworker = \"w\"",
        "[[phase]]\nid = \"a\"",
        "[[track]]\nid = \"a\"",
        "[[override]]",
        "[defaults]",
        "[limits]\nresources = { gpu = 2 }",
        "[vars]\nv = \"x\"\na = [\"1\", \"2\"]",
        "[gate.a]\nrun = [\"true\"]",
        "[worker.w]\nrun = \"cat\"",
        "[[agent.mode]]",
        "[workspace]",
        "[merge]",
        "[domain.a]",
        "[wave.1]",
    ];
    prop_oneof![
        2 => (prop::sample::select(keys), prop::sample::select(values.to_vec())).prop_map(|(k, v)| format!("{k} = {v}")),
        1 => prop::sample::select(headers.to_vec()).prop_map(str::to_owned),
    ]
}

/// One of the texts, or no line at all.
fn maybe(lines: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![
        1 => Just(String::new()),
        2 => prop::sample::select(lines).prop_map(|line| format!("{line}\n")),
    ]
}

/// What stands of work that comes together in an agent, in defaults or in an override.
fn together() -> impl Strategy<Value = String> {
    let scope = maybe(&[
        "scope = []",
        "scope = [\"src/**\", \"./a//b/\", \"src/**\"]",
        "scope = { write = [\"{a,b}/${v}\"], read = [\".\", \"d$${v}\"] }",
        "scope = { read = [\"[a-c]?\"] }",
        "scope = { write = [] }",
    ]);
    let domains = maybe(&["domains = []", "domains = [\"d\", \"e.f\", \"d\"]"]);
    let join = maybe(&["join = \"fail-fast\"", "join = \"merge-with-rules\""]);
    let inputs = maybe(&["inputs = []", "inputs = [\"a b\", \"./x\", \"x\"]"]);
    let outputs = maybe(&["outputs = [\"o\\u001b'\\\"\"]"]);
    let workspace = maybe(&["workspace = \"own\"", "workspace = \"shared\""]);
    let gates = maybe(&["gates = [\"g\"]", "gates = []"]);
    (scope, domains, join, inputs, outputs, workspace, gates)
        .prop_map(|(a, b, c, d, e, f, g)| [a, b, c, d, e, f, g].concat())
}

/// A plan that is right, with some of these keys everywhere that they can stand.
fn plan_together() -> impl Strategy<Value = String> {
    let work =
        prop::sample::select(&["run = \"x\"", "prompt = \"x\"\nworker = \"w\"", "sim = {}"][..]);
    let needs = maybe(&[
        "needs = [\"a*\"]",
        "needs = [{ agent = \"a0\", files = [\"f\", \"./f\"], check = [\"true\", [\"a\", \"$${b\"]] }]",
        "needs = [{ agent = \"a0\", when = \"failed\", files = [\"f\"] }, { agent = \"a0\", check = [\"c\"] }]",
        "needs = [{ agent = \"a0\", kind = \"soft\" }]",
    ]);
    let agents = prop::collection::vec((work, needs, together()), 1..5);
    let top = maybe(&["verify = [\"true\", [\"x\", \"${v} y\"]]"]);
    let run_gates = maybe(&["gates = [\"h\", \"g\"]"]);
    let tables = maybe(&[
        "[workspace]\ncopy = [\"a//b\"]\nenv = { A = \"${run_dir}/$${run}/${v}\", \"b\\u0009\" = \"\\u001b\" }",
        "[workspace]\nsetup = [\"x ${v}\", \"$${agent}\"]\nlink = [\"l\"]",
        "[workspace]\nenv = {}",
    ]);
    let merge = maybe(&[
        "[merge]\ninto = \"${v}/${run}\"\nrules = { z = \"ours\", \"a/*\" = \"union\", b = { run = \"x ${v}\" } }",
        "[merge]\nend = \"branch\"\n[merge.rules]\n\"./y\" = \"theirs\"\n\"\\u0007\" = \"ours\"",
    ]);
    let domain = maybe(&["[domain.d]\ncritical = true", "[domain.\"e.f\"]"]);
    let wave = maybe(&["[wave.1]\ngates = [\"h\", \"h\"]", "[wave.2]\ngates = []"]);
    let track = maybe(&["[[track]]\nid = \"t\"\ngates = [\"g\"]"]);
    let layers = (together(), together());
    (agents, top, run_gates, (tables, merge, domain, wave, track), layers).prop_map(
        |(agents, top, run_gates, (tables, merge, domain, wave, track), (defaults, over))| {
            let mut plan = format!(
                "{top}{run_gates}[vars]\nv = \"V\"\n[gate.g]\nrun = [\"x\"]\n[gate.h]\napprove = \"?\"\n\
                 [worker.w]\nrun = \"cat\"\n{tables}{merge}{domain}{wave}{track}[defaults]\n{defaults}\
                 [[override]]\nagents = [\"a0\"]\n{over}"
            );
            for (i, (work, needs, keys)) in agents.into_iter().enumerate() {
                let needs = if i == 0 { String::new() } else { needs };
                let needs = needs.replace("\"a*\"", &format!("\"a{}\"", i.saturating_sub(1)));
                let _ = write!(plan, "[[agent]]\nid = \"a{i}\"\n{work}\n{needs}{keys}");
            }
            plan
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn plans_of_work_that_comes_together_expand_to_themselves(source in plan_together()) {
        if let Err(found) = load("p", &source) {
            panic!("{source}\n{}", plan::render(&found, "p.toml", &source));
        }
        survives(&source);
    }

    #[test]
    fn any_text_is_refused_in_words(source in "(?s).{0,300}") {
        survives(&source);
    }

    #[test]
    fn any_bytes_are_refused_in_words(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        survives(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_plan_is_refused_or_expands_to_itself(lines in prop::collection::vec(plan_line(), 0..14)) {
        survives(&lines.join("\n"));
    }

    #[test]
    fn damaged_plans_never_panic(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), with in "[\\[\\]{}=\"',.$a0 \n]{0,3}") {
        let all = files("valid");
        let mut source = which.get(&all).1.clone();
        let mut from = at.index(source.len());
        while !source.is_char_boundary(from) {
            from -= 1;
        }
        let to = source[from..].char_indices().nth(2).map_or(source.len(), |(i, _)| from + i);
        source.replace_range(from..to, &with);
        survives(&source);
    }
}
