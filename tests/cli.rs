//! The real program on the command line: exit statuses, messages, and that the same is the same.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests; what fails here fails the test"
)]

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

const PLAN: &str = r#"
name = "shop"
[limits]
ram = "4GiB"
agents = 2
resources = { gpu = 1 }
[worker.reader]
run = ["cat"]
[[phase]]
id = "one"
barrier = true
[[phase]]
id = "two"
[[track]]
id = "A"
[[agent]]
id = "schema"
phase = "one"
track = "A"
run = "true"
duration = "8s"
uses = { gpu = 1 }
[[agent]]
id = "api"
phase = "two"
needs = ["schema"]
worker = "reader"
workspace = "shared"
prompt_file = "prompts/api.md"
duration = "12s"
[[agent]]
id = "docs"
phase = "two"
run = "true"
needs = ["schema"]
"#;

/// A folder of its own, with an environment that holds nothing of the user's.
struct Here(TempDir);

impl Here {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // The root of a repository, so that nothing above is looked at.
        fs::create_dir(dir.path().join(".git")).unwrap();
        Self(dir)
    }

    fn with_plan() -> Self {
        let here = Self::new();
        here.write("wavedeck.toml", PLAN);
        here.write("prompts/api.md", "Write the API.\n");
        here
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wavedeck"));
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path().join("home"))
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        Said::of(self.command(args).output().unwrap())
    }
}

#[derive(Debug)]
struct Said {
    status: i32,
    out: String,
    err: String,
}

impl Said {
    fn of(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn all(&self) -> String {
        format!(
            "status {}\n--- out\n{}--- err\n{}",
            self.status, self.out, self.err
        )
    }
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn init_check_plan() {
    let here = Here::new();
    // Agent programs that this machine may have are not looked for.
    let init = |args: &[&str]| {
        let mut command = here.command(&["init"]);
        Said::of(
            command
                .args(args)
                .env("PATH", here.path())
                .output()
                .unwrap(),
        )
    };
    let said = init(&[]);
    assert_eq!((said.status, said.err.as_str()), (0, ""));
    assert!(
        said.out
            .starts_with("wrote wavedeck.toml\nno agent program is in PATH"),
        "{}",
        said.out
    );
    let written = fs::read(here.path().join("wavedeck.toml")).unwrap();
    let said = here.run(&["init"]);
    assert_eq!((said.status, said.out.as_str()), (2, ""));
    assert!(said.err.contains("is there already"), "{}", said.err);
    assert_eq!(
        fs::read(here.path().join("wavedeck.toml")).unwrap(),
        written
    );
    let said = here.run(&["check"]);
    assert_eq!(
        said.all(),
        "status 0\n--- out\nok: 4 agents, 2 phases, 0 tracks, 3 waves\n--- err\n"
    );
    let said = here.run(&["plan"]);
    assert_eq!((said.status, said.err.as_str()), (0, ""));
    // From below, the plan at the root is found.
    fs::create_dir(here.path().join("sub")).unwrap();
    let below = here
        .command(&["check"])
        .current_dir(here.path().join("sub"))
        .output()
        .unwrap();
    assert_eq!(below.status.code(), Some(0));
    assert_eq!(init(&["other.toml"]).status, 0);
    assert_eq!(here.run(&["check", "other.toml"]).status, 0);
    std::os::unix::fs::symlink("nowhere.toml", here.path().join("link.toml")).unwrap();
    assert_eq!(here.run(&["init", "link.toml"]).status, 2);
    assert!(!here.path().join("nowhere.toml").exists());
}

#[test]
fn the_commented_example_of_init_works_too() {
    let here = Here::new();
    let mut init = here.command(&["init"]);
    assert!(init.env("PATH", here.path()).status().unwrap().success());
    let text = fs::read_to_string(here.path().join("wavedeck.toml")).unwrap();
    let from = text.find("# [worker.reviewer]").unwrap();
    let (plan, rest) = text.split_at(from);
    let lines = rest.lines().take_while(|l| !l.contains("known by name"));
    let example: Vec<&str> = lines
        .map(|l| l.trim_start_matches("# ").trim_start_matches('#'))
        .collect();
    here.write("wavedeck.toml", &format!("{plan}{}\n", example.join("\n")));
    let said = here.run(&["check"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(said.out, "ok: 5 agents, 2 phases, 0 tracks, 4 waves\n");
    // The example's program is an example.
    assert!(
        said.err.contains("`my-agent` is not found in PATH"),
        "{said:?}"
    );
    assert_eq!(said.err.matches("warning").count(), 1, "{said:?}");
}

#[test]
fn plain_is_lines_of_words() {
    let here = Here::with_plan();
    let said = here.run(&["plan", "--plain"]);
    assert_eq!((said.status, said.err.as_str()), (0, ""));
    assert!(said.out.is_ascii());
    // What this machine has is no part of what is compared.
    let text: Vec<&str> = said
        .out
        .lines()
        .filter(|l| !l.starts_with("peak: "))
        .collect();
    snapshot("cli-plan-plain", &text.join("\n"));
}

#[test]
fn check_says_everything_at_once() {
    let here = Here::with_plan();
    let said = here.run(&["check"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(said.out, "ok: 3 agents, 2 phases, 1 track, 2 waves\n");
    let mut text = String::new();
    let mut tell = |title: &str, said: &Said| {
        let _ = write!(text, "== {title}\n{}", said.all());
    };
    here.write(
        "bad.toml",
        "[[agent]]\nid = \"a\"\nrun = \"true\"\nneeds = [\"b\"]\ntimout = \"1m\"\n[[agent]]\nid = \"a\"\nprompt_file = \"p.md\"\n\u{202e}",
    );
    tell("several problems", &here.run(&["check", "bad.toml"]));
    here.write("bad.toml", "[[agent]]\nid = \"a\"\nrun = \"true\"\nneeds = [\"b\"]\ntimout = \"1m\"\n[[agent]]\nid = \"a\"\nprompt_file = \"p.md\"\n");
    here.write("wavedeck.config.toml", "[ui]\nfsp = 3\n");
    let mut both = here.run(&["check", "bad.toml"]);
    let root = here.path().canonicalize().unwrap();
    both.err = both.err.replace(root.to_str().unwrap(), "[root]");
    tell("plan and configuration", &both);
    fs::remove_file(here.path().join("wavedeck.config.toml")).unwrap();
    here.write(
        "warn.toml",
        "[[agent]]\nid = \"a\"\nrun = \"echo x | cat\"\ncontext = { issue = \"acme/shop#1\" }\n",
    );
    tell("warnings", &here.run(&["check", "warn.toml"]));
    here.write(
        "warn.toml",
        "[[agent]]\nid = \"a\"\nrun = \"no-such-program-here x\"\ncheck = [\"no-such-program-here y\", \"./later\"]\n[[agent]]\nid = \"b\"\nrun = \"echo $HOME\"\n",
    );
    tell("programs", &here.run(&["check", "warn.toml"]));
    here.write(
        "warn.toml",
        "[[agent]]\nid = \"a\"\nrun = \"echo x | cat\"\ncontext = { issue = \"acme/shop#1\" }\n",
    );
    tell(
        "run refuses",
        &here.run(&["run", "warn.toml", "--headless"]),
    );
    tell(
        "variables",
        &here.run(&["check", "--set", "who=x", "--only", "zz"]),
    );
    tell("no plan", &here.run(&["check", "nowhere.toml"]));
    tell("a folder", &here.run(&["check", "prompts"]));
    fs::remove_file(here.path().join("wavedeck.toml")).unwrap();
    tell("no default plan", &here.run(&["check"]));
    fs::write(
        here.path().join("latin.toml"),
        b"name = \"x\"\ngoal = \"\xe9\"\n",
    )
    .unwrap();
    tell("not UTF-8", &here.run(&["check", "latin.toml"]));
    here.write("\u{1b}[31m.toml", "x = 1\n");
    tell("hostile name", &here.run(&["check", "\u{1b}[31m.toml"]));
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    snapshot("cli-check", &text);
}

#[test]
fn scopes_that_meet_are_told_before_the_run() {
    let here = Here::new();
    let mut plan =
        "[domain.db]\ncritical = true\n[gate.g]\nrun = [\"true\"]\n[wave.7]\ngates = [\"g\"]\n\
        [[agent]]\nid = \"api\"\nrun = \"true\"\nscope = [\"docs\", \"src/api/**\"]\n\
        [[agent]]\nid = \"ui\"\nrun = \"true\"\nscope = [\"src/*/mod.rs\"]\n\
        [[agent]]\nid = \"after\"\nrun = \"true\"\nneeds = [\"api\", \"ui\"]\nscope = [\"src\"]\n\
        [[agent]]\nid = \"one\"\nrun = \"true\"\ndomains = [\"db\"]\n\
        [[agent]]\nid = \"two\"\nrun = \"true\"\ndomains = [\"db\"]\n"
            .to_owned();
    here.write("wavedeck.toml", &plan);
    let said = here.run(&["check"]);
    let mut text = format!("== check\n{}", said.all());
    assert_eq!(here.run(&["plan"]).err, said.err);
    // Seven more are 21 pairs among themselves; 20 are named.
    plan += "[[agent]]\nid = \"n${item}\"\neach = [\"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\"]\n\
        run = \"true\"\nscope = [\"n\"]\n";
    here.write("wavedeck.toml", &plan);
    let said = here.run(&["check"]);
    let first = said.err.lines().next().unwrap();
    let _ = write!(text, "== more\n{first}\n");
    let named = said
        .err
        .matches("can run at once and may both write")
        .count();
    assert_eq!(named, 20);
    snapshot("cli-overlaps", &text);
}

#[test]
fn what_is_expanded_checks_again() {
    let here = Here::with_plan();
    let said = here.run(&["check", "--expand"]);
    assert_eq!(said.status, 0);
    here.write("again.toml", &said.out);
    let again = here.run(&["check", "--expand", "again.toml"]);
    assert_eq!(again.out, said.out);
}

#[test]
fn prompt_files_stay_in_the_folder_and_small() {
    let here = Here::with_plan();
    let big = "x".repeat((1 << 20) + 1);
    here.write("prompts/api.md", &big);
    let said = here.run(&["check"]);
    assert_eq!(said.status, 2);
    assert!(said.err.contains("larger than 1 MiB"), "{}", said.err);
    here.write("prompts/api.md", &big[..1 << 20]);
    assert_eq!(here.run(&["check"]).status, 0);
    fs::remove_file(here.path().join("prompts/api.md")).unwrap();
    assert!(here.run(&["check"]).err.contains("no such file"));
    for path in ["../api.md", "/etc/passwd"] {
        here.write("out.toml", &PLAN.replace("prompts/api.md", path));
        let said = here.run(&["check", "out.toml"]);
        assert_eq!(said.status, 2, "{path}");
        assert!(!said.err.contains("root:"));
    }
    // A plan elsewhere has its prompts beside it.
    here.write("deep/plan.toml", PLAN);
    here.write("deep/prompts/api.md", "x\n");
    assert_eq!(here.run(&["check", "deep/plan.toml"]).status, 0);
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn has(value: &Value, wanted: &[&str]) {
    let keys = keys(value);
    for key in wanted {
        assert!(keys.contains(key), "{key} is missing from {keys:?}");
    }
}

#[test]
fn plan_json_has_the_shape_of_the_contract() {
    let here = Here::with_plan();
    let said = here.run(&[
        "plan",
        "--json",
        "--effort",
        "7",
        "--seed",
        "9",
        "--no-learnt",
    ]);
    assert_eq!(said.status, 0, "{}", said.err);
    assert_eq!(said.out.lines().count(), 1);
    let plan: Value = serde_json::from_str(&said.out).unwrap();
    has(
        &plan,
        &[
            "version",
            "plan",
            "inputs",
            "makespan_s",
            "lower_bound_s",
            "proven_optimal",
            "sequential_s",
            "critical_path",
            "waves",
            "schedule",
            "peaks",
            "options",
            "advice",
        ],
    );
    let inputs = &plan["inputs"];
    has(
        inputs,
        &[
            "ram_bytes",
            "agents",
            "cpus",
            "config",
            "learnt",
            "effort",
            "seed",
        ],
    );
    assert_eq!(
        (plan["version"].as_u64(), plan["plan"].as_str()),
        (Some(1), Some("shop"))
    );
    assert_eq!(inputs["ram_bytes"], 4_u64 << 30);
    assert_eq!(
        (&inputs["agents"], &inputs["effort"], &inputs["seed"]),
        (&2.into(), &7.into(), &9.into())
    );
    assert!(inputs["config"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(
        inputs["learnt"],
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        plan["waves"],
        serde_json::json!([["schema"], ["api", "docs"]])
    );
    for item in plan["schedule"].as_array().unwrap() {
        has(
            item,
            &["agent", "node", "worker", "mode", "start_s", "end_s"],
        );
    }
    has(
        &plan["peaks"],
        &["ram_bytes", "agents", "cpus", "resources"],
    );
    assert_eq!(plan["peaks"]["resources"]["gpu"], 1);
    assert_eq!(plan["options"].as_array().unwrap().len(), 3);
    for option in plan["options"].as_array().unwrap() {
        has(
            option,
            &[
                "kind",
                "makespan_s",
                "time",
                "resources",
                "quality",
                "risk",
                "score",
                "feasible",
                "chosen",
                "why",
            ],
        );
    }
    has(&plan["advice"], &["hybrid", "reasons"]);
    let state: Value = serde_json::from_str(&here.run(&["plan", "--buildstate"]).out).unwrap();
    has(
        &state,
        &[
            "task",
            "sequential_estimate",
            "hybrid_estimate",
            "hybrid_applicable",
            "parallel_jobs",
            "speedup_factor",
        ],
    );
}

#[test]
fn the_same_plan_gives_the_same_bytes_in_every_form() {
    let here = Here::with_plan();
    for form in ["", "--json", "--dot", "--mermaid", "--buildstate"] {
        let args: Vec<&str> = ["plan", form]
            .into_iter()
            .filter(|a| !a.is_empty())
            .collect();
        let (first, second) = (here.run(&args), here.run(&args));
        assert_eq!(first.status, 0, "{}", first.err);
        assert!(!first.out.is_empty() && first.out.ends_with('\n'));
        assert_eq!(first.out, second.out);
        assert!(!first.out.contains('\u{1b}'), "colours in a pipe");
    }
    assert_eq!(here.run(&["plan", "--json", "--dot"]).status, 2);
}

/// Arguments and variables.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)]);

#[test]
fn colours_and_width_follow_flags_and_environment() {
    let here = Here::with_plan();
    let with = |args: &[&str], env: &[(&str, &str)]| {
        let output = here
            .command(args)
            .envs(env.iter().copied())
            .output()
            .unwrap();
        Said::of(output).out
    };
    let force = [("CLICOLOR_FORCE", "1"), ("TERM", "xterm")];
    assert!(with(&["plan"], &force).contains('\u{1b}'));
    assert!(with(&["plan", "--color", "always"], &[("NO_COLOR", "1")]).contains('\u{1b}'));
    let never: [Case<'_>; 4] = [
        (&["plan"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]),
        (&["plan", "--color=never"], &force),
        (&["plan", "--plain"], &force),
        (&["plan", "--color", "always", "--plain"], &force),
    ];
    for (args, env) in never {
        assert!(!with(args, env).contains('\u{1b}'), "{args:?} {env:?}");
    }
    let widest = |columns: &str| {
        let text = with(&["plan"], &[("COLUMNS", columns)]);
        text.lines().map(|l| l.chars().count()).max().unwrap()
    };
    assert!(widest("60") <= 60);
    assert!(widest("60") < widest("160"));
}

#[test]
fn the_mode_of_the_configuration_counts_where_the_plan_states_none() {
    let here = Here::with_plan();
    let chosen = |env: &[(&str, &str)], source: &str| {
        here.write("p.toml", source);
        let output = here
            .command(&["plan", "--json", "p.toml"])
            .envs(env.iter().copied())
            .output();
        let plan: Value = serde_json::from_str(&Said::of(output.unwrap()).out).unwrap();
        let options = plan["options"].as_array().unwrap().clone();
        let own = options.into_iter().find(|o| o["chosen"] == true).unwrap();
        own["kind"].as_str().unwrap().to_owned()
    };
    let stated = format!("mode = \"hybrid\"\n{PLAN}");
    let parallel = [("WAVEDECK_MODE", "parallel")];
    assert_eq!(chosen(&[], PLAN), "hybrid");
    assert_eq!(chosen(&parallel, PLAN), "parallel");
    assert_eq!(chosen(&parallel, &stated), "hybrid");
    let off = [("WAVEDECK_FLAGS_PARALLEL_GRAPH_ENABLED", "false")];
    assert_eq!(chosen(&off, &stated), "sequential");
}

#[test]
fn bad_usage_is_two_and_help_is_nought() {
    let here = Here::with_plan();
    for args in [
        &["--help"][..],
        &["--version"],
        &["run", "--help"],
        &["ctl", "-h"],
        &["runs", "list", "--help"],
    ] {
        let said = here.run(args);
        assert_eq!((said.status, said.err.as_str()), (0, ""), "{args:?}");
        assert!(!said.out.is_empty());
    }
    let bad: &[&[&str]] = &[
        &["bogus"],
        &["check", "--bogus"],
        &["check", "a", "b"],
        &["run", "--mode", "fast"],
        &["run", "--agents", "0"],
        &["run", "--ram", "much"],
        &["run", "--rehearse=never"],
        &["run", "--set", "x"],
        &["ctl"],
        &["ctl", "dance"],
        &["ctl", "pause"],
        &["logs"],
        &["schema", "bogus"],
        &["completions", "bogus"],
        &["init", "--pattern", "bogus"],
        &["--color", "perhaps", "check"],
    ];
    for args in bad {
        let said = here.run(args);
        assert_eq!((said.status, said.out.as_str()), (2, ""), "{args:?}");
        assert!(!said.err.is_empty());
    }
}

#[test]
fn what_is_not_built_says_so_and_what_to_use() {
    let here = Here::with_plan();
    let unbuilt: &[&[&str]] = &[
        &["export"],
        &["mcp"],
        &["init", "--pattern", "nested-hybrid"],
        &["ctl", "fallback", "api"],
    ];
    let mut text = String::new();
    for args in unbuilt {
        let said = here.run(args);
        assert_eq!((said.status, said.out.as_str()), (2, ""), "{args:?}");
        assert!(
            said.err.contains("is not built yet: "),
            "{args:?}: {}",
            said.err
        );
        assert_eq!(said.err.lines().count(), 1);
        let _ = write!(text, "$ wavedeck {}\n{}", args.join(" "), said.err);
    }
    snapshot("cli-unbuilt", &text);
}

#[test]
fn help_of_every_command() {
    let here = Here::new();
    let mut text = here.run(&["--help"]).out;
    let commands: Vec<String> = text
        .lines()
        .skip_while(|l| *l != "Commands:")
        .skip(1)
        .take_while(|l| !l.is_empty())
        .filter_map(|l| l.split_whitespace().next().map(str::to_owned))
        .collect();
    assert!(commands.len() >= 24);
    for command in commands {
        let said = here.run(&[&command, "-h"]);
        assert_eq!(said.status, 0, "{command}");
        let _ = write!(text, "\n== {command}\n{}", said.out);
    }
    snapshot("cli-help", &text);
}

#[test]
fn completions_and_schemas() {
    let here = Here::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let said = here.run(&["completions", shell]);
        assert_eq!(said.status, 0);
        assert!(
            said.out.contains("wavedeck") && said.out.contains("mermaid"),
            "{shell}"
        );
    }
    for of in ["plan", "config", "event"] {
        let said = here.run(&["schema", of]);
        assert_eq!(said.status, 0);
        let schema: Value = serde_json::from_str(&said.out).unwrap();
        has(&schema, &["$schema", "title"]);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let here = Here::with_plan();
    for args in [
        &["plan"][..],
        &["completions", "bash"],
        &["--help"],
        &["check", "--expand"],
    ] {
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        let output = here.command(args).stdout(write).output().unwrap();
        let said = Said::of(output);
        assert_eq!((said.status, said.err.as_str()), (0, ""), "{args:?}");
    }
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let said = Said::of(here.command(&["check"]).stdout(full).output().unwrap());
    assert_eq!(said.status, 4);
    assert!(said.err.contains("cannot write to stdout"), "{}", said.err);
}

/// A folder with programs of these names, each a script.
fn programs(here: &Here, all: &[(&str, &str)]) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    for (name, script) in all {
        let name = format!("bin/{name}");
        here.write(&name, &format!("#!/bin/sh\n{script}\n"));
        let path = here.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    format!("{}:/usr/bin:/bin", here.path().join("bin").display())
}

#[test]
fn init_writes_for_the_programs_that_are_there() {
    let here = Here::new();
    let path = programs(&here, &[("codex", "exit 1"), ("cargo", "exit 1")]);
    here.write("Cargo.toml", "");
    let only = here.path().join("bin");
    let mut init = here.command(&["init"]);
    let said = Said::of(init.env("PATH", only).output().unwrap());
    assert_eq!((said.status, said.err.as_str()), (0, ""));
    assert!(
        said.out.contains("its agents work with codex\n"),
        "{said:?}"
    );
    let text = fs::read_to_string(here.path().join("wavedeck.toml")).unwrap();
    for part in [
        "worker = \"codex\"",
        "verify = [\"cargo test\"]",
        "workspace = \"shared\"",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let mut check = here.command(&["check"]);
    let said = Said::of(check.env("PATH", path).output().unwrap());
    assert_eq!(
        said.all(),
        "status 0\n--- out\nok: 3 agents, 0 phases, 0 tracks, 2 waves\n--- err\n"
    );
}

#[test]
fn a_run_needs_no_plan_file_and_is_saved_as_one() {
    let here = Here::new();
    fs::remove_dir(here.path().join(".git")).unwrap();
    let script = "echo \"it's\" > \"${1}x\"";
    let said = here.run(&[
        "run",
        "--headless",
        "--",
        "sh",
        "-c",
        script,
        "sh",
        "one",
        "---",
        "true",
    ]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.err.contains("work in this folder itself"), "{said:?}");
    assert_eq!(
        fs::read_to_string(here.path().join("onex")).unwrap(),
        "it's\n"
    );
    let said = here.run(&["save"]);
    assert_eq!((said.status, said.err.as_str()), (0, ""));
    let saved = fs::read_to_string(here.path().join("wavedeck.toml")).unwrap();
    assert_eq!(here.run(&["save", "-o", "-"]).out, saved);
    // It runs as any plan, and is not written over.
    let said = here.run(&["run", "--headless"]);
    assert_eq!(said.status, 0, "{said:?}");
    here.write("wavedeck.toml", "mine\n");
    let said = here.run(&["save"]);
    assert_eq!((said.status, said.out.as_str()), (2, ""));
    assert!(said.err.contains("is there already"), "{said:?}");
    assert_eq!(
        fs::read_to_string(here.path().join("wavedeck.toml")).unwrap(),
        "mine\n"
    );
    assert_eq!(here.run(&["save", "-f"]).status, 0);
    assert_eq!(
        fs::read_to_string(here.path().join("wavedeck.toml")).unwrap(),
        saved
    );
}

#[test]
fn a_list_of_agents_is_run() {
    let here = Here::new();
    let path = programs(&here, &[("claude", "exit 1")]);
    here.write(
        "todo.txt",
        "# first\nfix the flaky test\n\nclaude:opus: write the docs\n$ true\n",
    );
    let mut run = here.command(&["run", "-f", "todo.txt", "--headless", "--rehearse=10000"]);
    let said = Said::of(run.env("PATH", path).output().unwrap());
    assert_eq!(said.status, 0, "{said:?}");
    let saved = here.run(&["save", "-o", "-"]).out;
    for id in ["fix-flaky-test", "write-docs", "true"] {
        assert!(saved.contains(&format!("id = \"{id}\"")), "{saved}");
    }
    let said = here.run(&["run", "-f", "nowhere.txt", "--headless"]);
    assert_eq!((said.status, said.out.as_str()), (2, ""));
    assert!(
        said.err.contains("there is no file nowhere.txt"),
        "{said:?}"
    );
}

#[test]
fn a_program_that_is_not_there_is_refused_before_anything_starts() {
    let here = Here::new();
    let plan = "[[agent]]\nid = \"first\"\nrun = \"touch started\"\n\
        [[agent]]\nid = \"a\"\nworker = [\"codex\"]\nprompt = \"x\"\nworkspace = \"shared\"\n";
    here.write("wavedeck.toml", plan);
    let path = programs(
        &here,
        &[
            ("touch", "exec /usr/bin/touch \"$@\""),
            ("claude", "exit 1"),
        ],
    );
    let only = here.path().join("bin");
    let run = |plan: &str| {
        here.write("wavedeck.toml", plan);
        Said::of(
            here.command(&["run", "--headless"])
                .env("PATH", &only)
                .output()
                .unwrap(),
        )
    };
    let said = run(plan);
    assert_eq!((said.status, said.out.as_str()), (2, ""));
    assert!(
        said.err
            .contains("error: `codex` (Codex) is not found in PATH: agent `a`"),
        "{said:?}"
    );
    assert!(said.err.contains("help: install it"), "{said:?}");
    assert!(!here.path().join("started").exists());
    assert!(!here.path().join(".wavedeck").exists());
    // With another worker beside it, and nobody logged in there, there are warnings.
    let said = run(&plan.replace("[\"codex\"]", "[\"codex\", \"claude\"]"));
    assert!(
        said.err.contains("warning: `codex` (Codex) is not found"),
        "{said:?}"
    );
    assert!(
        said.err
            .contains("warning: no key and no login of Claude Code"),
        "{said:?}"
    );
    assert!(here.path().join("started").exists(), "{said:?}");
    drop(path);
}

#[test]
fn doctor_looks_at_agent_programs_and_shows_no_key() {
    let here = Here::new();
    let claude =
        "case $1 in --version) echo '2.1.197 (Claude Code)';; *) echo '--resume --model';; esac";
    let path = programs(
        &here,
        &[
            ("claude", claude),
            ("codex", "echo \"no $(printf '\\033')[31mway\" >&2; exit 7"),
        ],
    );
    let doctor = |args: &[&str]| {
        let mut command = here.command(&["doctor"]);
        let command = command.args(args).env("PATH", &path);
        Said::of(
            command
                .env("ANTHROPIC_API_KEY", "sk-very-secret")
                .output()
                .unwrap(),
        )
    };
    let said = doctor(&["--json"]);
    assert_eq!((said.status, said.err.as_str()), (0, ""));
    let all: Value = serde_json::from_str(&said.out).unwrap();
    let of = |id: &str| {
        let all = all["adapters"].as_array().unwrap().iter();
        all.clone().find(|a| a["id"] == id).unwrap().clone()
    };
    let claude = of("claude");
    assert_eq!(claude["version"], "2.1.197");
    assert_eq!(
        claude["credentials"],
        serde_json::json!(["ANTHROPIC_API_KEY"])
    );
    assert!(
        claude["missing_flags"]
            .as_array()
            .unwrap()
            .contains(&"--session-id".into())
    );
    assert!(
        !claude["missing_flags"]
            .as_array()
            .unwrap()
            .contains(&"--model".into())
    );
    let codex = of("codex");
    assert_eq!(codex["version"], Value::Null);
    let problems = codex["problems"].to_string();
    assert!(
        problems.contains("exit status: 7") && problems.contains("codex login"),
        "{problems}"
    );
    for what in [
        "memory",
        "cgroup",
        "pressure",
        "boundary",
        "git",
        "workspaces",
        "terminal",
        "claude",
        "servers",
    ] {
        let found = all["findings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|f| f["what"] == what);
        let found = found.unwrap_or_else(|| panic!("{what}"));
        assert!(
            found["ok"] != false || found["remedy"].is_string(),
            "{found}"
        );
    }
    let text = doctor(&[]).out;
    for said in [&said.out, &text] {
        assert!(!said.contains("sk-very-secret"), "{said}");
        assert!(!said.contains('\u{1b}'), "{said}");
    }
    assert!(
        text.contains("missing claude       version 2.1.197"),
        "{text}"
    );
    assert!(
        text.contains("do: install version 2.1.197 or a newer one"),
        "{text}"
    );
}
