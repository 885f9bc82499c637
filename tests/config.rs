//! Layers of the configuration, its example, and the messages of bad ones.

use std::collections::BTreeMap;
use std::path::Path;

use wavedeck::config::{self, Config, FlagLayer, SECTIONS};
use wavedeck::plan::{Mode, RamLimit};

const EXAMPLE: &str = include_str!("../config.example.toml");

struct World {
    env: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

impl World {
    fn new(env: &[(&str, &str)], files: &[(&str, &str)]) -> Self {
        let own = |all: &[(&str, &str)]| {
            all.iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        Self {
            env: own(env),
            files: own(files),
        }
    }

    fn load(&self, flags: &FlagLayer) -> Result<Config, String> {
        let file = |path: &Path| match self.files.get(path.to_str().unwrap()).map(String::as_str) {
            Some("unreadable") => Err("permission denied".to_owned()),
            text => Ok(text.map(str::to_owned)),
        };
        config::load(
            &|name| self.env.get(name).cloned(),
            &file,
            Some(Path::new("/repo")),
            flags,
        )
        .map_err(|e| e.to_string())
    }
}

const USER: &str = "/home/u/.config/wavedeck/config.toml";
const PROJECT: &str = "/repo/wavedeck.config.toml";

#[test]
fn the_example_is_the_default() {
    let world = World::new(&[("HOME", "/home/u")], &[(USER, EXAMPLE)]);
    assert_eq!(
        world.load(&FlagLayer::default()).unwrap(),
        Config::default()
    );
    assert_eq!(
        World::new(&[], &[]).load(&FlagLayer::default()).unwrap(),
        Config::default()
    );
}

#[test]
fn the_example_names_every_key() {
    for (section, keys) in SECTIONS {
        assert!(
            section.is_empty() || EXAMPLE.contains(&format!("\n[{section}]\n")),
            "{section}"
        );
        for key in *keys {
            let stated = |l: &str| l.trim_start_matches("# ").starts_with(&format!("{key} = "));
            assert!(EXAMPLE.lines().any(stated), "{section}.{key}");
        }
    }
}

#[test]
fn each_layer_lies_over_the_one_before() {
    let files = [
        (
            USER,
            "mode = \"parallel\"\n[limits]\nagents = 2\nram = \"50%\"\n[ui]\nfps = 10\ntheme = \"dark\"\n",
        ),
        (
            PROJECT,
            "[limits]\nagents = 3\nram = \"8GiB\"\ncpus = 1.5\n[ui]\nfps = 20\n",
        ),
    ];
    let env = [
        ("HOME", "/home/u"),
        ("WAVEDECK_LIMITS_AGENTS", "4"),
        ("WAVEDECK_LIMITS_RAM", "75%"),
        ("WAVEDECK_PROCESSES_ENV", "PATH, LC_*"),
        ("WAVEDECK_PROCESSES_GRACE", "1.5s"),
        ("WAVEDECK_UI_MOUSE", "false"),
        ("WAVEDECK_UI_COLOR", "never"),
    ];
    let config = World::new(&env, &files)
        .load(&FlagLayer {
            agents: Some(5),
            mode: Some(Mode::Sequential),
            ..FlagLayer::default()
        })
        .unwrap();
    assert_eq!(config.mode, Some(Mode::Sequential));
    assert_eq!(
        (config.limits.agents, config.limits.ram),
        (Some(5), RamLimit::Share(750))
    );
    assert_eq!(config.limits.cpus_milli, Some(1_500));
    assert_eq!(
        (config.ui.fps, config.ui.theme.as_str(), config.ui.mouse),
        (20, "dark", false)
    );
    assert_eq!(config.processes.grace_us, 1_500_000);
    assert!(config.processes.passes("LC_ALL") && config.processes.passes("PATH"));
    assert!(!config.processes.passes("PATHS") && !config.processes.passes("HOME"));
}

#[test]
fn the_users_file_follows_xdg() {
    let file = |pairs: &[(&str, &str)]| {
        let world = World::new(pairs, &[]);
        config::user_file(&|name| world.env.get(name).cloned()).map(|p| p.display().to_string())
    };
    assert_eq!(
        file(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")]),
        Some("/x/wavedeck/config.toml".to_owned())
    );
    assert_eq!(
        file(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "x")]),
        Some("/h/.config/wavedeck/config.toml".to_owned())
    );
    assert_eq!(file(&[]), None);
}

#[test]
fn every_problem_of_every_layer_is_said() {
    let files = [
        (
            USER,
            "moed = \"hybrid\"\nzones = 3\n[limts]\n[ui]\nfsp = 3\ncolor = \"sometimes\"\nfps = 0\n[sampling]\ninterval = 5\npss_interval = \"1ms\"\n",
        ),
        (
            PROJECT,
            "[processes]\nenv = [\"A-B\", \"*\", 3]\nspawners = 65\n[limits]\nram = \"101%\"\ncpus = 0\n",
        ),
    ];
    let env = [
        ("HOME", "/home/u"),
        ("WAVEDECK_ZONES_RED", "hot"),
        ("WAVEDECK_RUNS_KEEP", "-1"),
    ];
    let mut text = World::new(&env, &files)
        .load(&FlagLayer::default())
        .unwrap_err();
    text.push_str(
        &World::new(&[], &[(PROJECT, "unreadable")])
            .load(&FlagLayer::default())
            .unwrap_err(),
    );
    let zones = "[zones]\nyellow = 80\nhysteresis = 10\n";
    text.push_str(
        &World::new(&[], &[(PROJECT, zones)])
            .load(&FlagLayer::default())
            .unwrap_err(),
    );
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("invalid-config", text));
}

#[test]
fn the_schema_has_the_same_keys() {
    let schema: serde_json::Value = serde_json::from_str(config::CONFIG_SCHEMA).unwrap();
    let keys = |table: &serde_json::Value| -> Vec<String> {
        table["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    let mut top: Vec<String> = SECTIONS
        .iter()
        .flat_map(|(s, k)| if s.is_empty() { k.to_vec() } else { vec![*s] })
        .map(str::to_owned)
        .collect();
    let sorted = |mut all: Vec<String>| {
        all.sort();
        all
    };
    // Tables by names of a person's own, read as in a plan.
    top.push("model".to_owned());
    top.sort();
    assert_eq!(sorted(keys(&schema)), top);
    for (section, known) in &SECTIONS[1..] {
        let known = known.iter().map(|k| (*k).to_owned()).collect();
        assert_eq!(
            sorted(keys(&schema["properties"][section])),
            sorted(known),
            "{section}"
        );
    }
}

#[test]
fn models_of_a_persons_own_are_for_the_workers_of_any_plan() {
    let own = "[model.qwen]\napi = \"ollama\"\nslots = 2\n[model.tiny]\napi = \"lmstudio\"\n";
    let world = World::new(&[("HOME", "/home/u")], &[(USER, own)]);
    let models = world.load(&FlagLayer::default()).unwrap().models;
    let options = wavedeck::plan::LoadOptions {
        models,
        ..wavedeck::plan::LoadOptions::default()
    };
    let load = |plan: &str| {
        let loaded = wavedeck::plan::load(plan, &options, &mut |_| Err(String::new()));
        loaded.map(|loaded| loaded.plan)
    };
    let agent = "[[agent]]\nid = \"a\"\nworker = \"opencode:qwen\"\nprompt = \"x\"\n";
    let plan = load(agent).unwrap();
    // Only what is used becomes the plan's, which then is whole without the configuration.
    assert_eq!(plan.models.len(), 1);
    let url = plan.models[0].url.as_str();
    assert_eq!((plan.models[0].slots, url), (2, "http://127.0.0.1:11434"));
    assert_eq!(plan.limits.resources.len(), 1);
    assert_eq!(plan.agents[0].modes[0].uses["model:qwen"], 1);
    let again = wavedeck::plan::expand::to_toml(&plan);
    assert!(
        again.contains("[model.qwen]") && !again.contains("tiny"),
        "{again}"
    );
    // A plan's own is another one.
    let plan = load(&format!("[model.qwen]\napi = \"llama-server\"\n{agent}")).unwrap();
    assert_eq!(plan.models[0].url, "http://127.0.0.1:8080");
    let world = World::new(&[("HOME", "/home/u")], &[(PROJECT, own)]);
    let why = world.load(&FlagLayer::default()).unwrap_err();
    assert!(why.contains("`model` counts only in your own"), "{why}");
}
