//! `wavedeck init`: writes a short plan that runs, with the agent programs and checks that it finds.
//!
//! Looks at PATH and at the names of build files. Must not start anything.

use std::{
    fs::OpenOptions,
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    adapters,
    error::{Error, Outcome, status},
    found,
    load::{self, PLAN},
    out,
};
use crate::{display::escape, plan::text::quote, sys::program};

/// The plan that is written where there is no agent program.
pub const TEMPLATE: &str = include_str!("../../assets/init/default.toml");
/// The plan that is written where there are some.
const AGENTS: &str = include_str!("../../assets/init/agents.toml");
/// Bytes of a build file that are looked at.
const LIMIT: u64 = 256 << 10;
/// Workers that are named.
const NAMED: usize = 3;

/// The ready-made starting plans of the contract; only the first is built.
const PATTERNS: &[&str] = &[
    "default",
    "sequential-parallel-sequential",
    "parallel-sequential-parallel",
    "nested-hybrid",
];

/// Flags of `init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// The file to write
    #[arg(value_name = "PLAN", default_value = PLAN)]
    pub plan: PathBuf,
    /// The starting plan; only `default` is built
    #[arg(long, value_name = "PATTERN", default_value = "default")]
    pub pattern: String,
}

/// Writes the plan.
pub fn init(args: &InitArgs) -> Outcome {
    if args.pattern != "default" {
        if PATTERNS.contains(&args.pattern.as_str()) {
            return Err(Error::not_built(
                &format!("init --pattern {}", args.pattern),
                "leave --pattern out and change the plan",
            ));
        }
        return Err(Error::usage(format!("unknown pattern `{}`", args.pattern))
            .help("only `default` is built"));
    }
    let env = |name: &str| std::env::var(name).ok();
    let path = std::env::var_os("PATH");
    let catalog = adapters::catalog(&env).map_err(Error::Problems)?;
    let mut programs = found::installed(&catalog, path.as_deref());
    // Whoever is logged in comes first; the order stays otherwise.
    programs.sort_by_key(|a| found::logins(a, &env).is_empty());
    let workers: Vec<&str> = programs.iter().take(NAMED).map(|a| a.id.as_str()).collect();
    let root = std::env::current_dir().unwrap_or_default();
    let root = load::repository(&root).unwrap_or(root);
    let checks = checks(&root, &|name| program::is_there(name, path.as_deref()));
    let text = if workers.is_empty() {
        without(&checks)
    } else {
        with(&workers, &checks, load::has_commit())
    };
    write(&args.plan, &text).map_err(|e| {
        let name = args.plan.display();
        if e.kind() == io::ErrorKind::AlreadyExists {
            Error::usage(format!("{name} is there already, and is left as it is"))
                .help("name another file: `wavedeck init other.toml`")
        } else {
            Error::usage(format!("{name} cannot be written: {e}"))
        }
    })?;
    let (name, rest) = (args.plan.display(), argument(&args.plan));
    let mut said = format!("wrote {name}\n");
    if workers.is_empty() {
        let known: Vec<&str> = catalog.iter().map(|a| a.program.as_str()).collect();
        said.push_str(&format!(
            "no agent program is in PATH ({}): its agents are commands\n",
            escape(&known.join(", "))
        ));
    } else {
        said.push_str(&format!("its agents work with {}\n", workers.join(", ")));
        if !load::has_commit() {
            said.push_str(
                "there is no repository with a commit here: they work in this folder itself\n",
            );
        }
    }
    said.push_str(&format!(
        "next: wavedeck check{rest}, wavedeck plan{rest}, wavedeck run{rest}\n"
    ));
    out::print(&said).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}

/// The plan with agent programs.
fn with(workers: &[&str], checks: &[&str], commit: bool) -> String {
    let names: Vec<String> = workers.iter().map(|name| quote(name)).collect();
    let workers = match &names[..] {
        [one] => one.clone(),
        _ => format!(
            "[{}]   # several: the schedule chooses, `m` swaps",
            names.join(", ")
        ),
    };
    let list = list(checks);
    let verify = if checks.is_empty() {
        "# verify = [\"make test\"]     # what must pass on all work together\n".to_owned()
    } else {
        format!("verify = {list}     # must pass on all work together\n")
    };
    let check = if checks.is_empty() {
        String::new()
    } else {
        format!("check = {list}     # must pass before it counts as done\n")
    };
    let workspace = if commit {
        ""
    } else {
        "workspace = \"shared\"          # this folder itself: there is no commit yet\n"
    };
    AGENTS
        .replace("@WORKERS@", &workers)
        .replace("@VERIFY@\n", &verify)
        .replace("@CHECK@", &check)
        .replace("@WORKSPACE@\n", &format!("{workspace}\n"))
}

/// The plan without agent programs: its gate is a check of this repository, where there is one.
fn without(checks: &[&str]) -> String {
    if checks.is_empty() {
        return TEMPLATE.to_owned();
    }
    TEMPLATE
        .replace("gates = [\"still-here\"]", "gates = [\"builds\"]")
        .replace("[gate.still-here]", "[gate.builds]")
        .replace("The folder can still be listed", "It builds and passes its tests")
        .replace(
            "run = [\"ls\"]                  # in a real plan: [\"cargo test\"], [\"npm test\"]\nram = \"50MiB\"",
            &format!("run = {}\nram = \"2GiB\"", list(checks)),
        )
}

fn list(checks: &[&str]) -> String {
    let all: Vec<String> = checks.iter().map(|check| quote(check)).collect();
    format!("[{}]", all.join(", "))
}

/// Checks of a repository by its build files, as far as their programs are there.
fn checks(root: &Path, there: &dyn Fn(&str) -> bool) -> Vec<&'static str> {
    let has = |name: &str| root.join(name).is_file();
    let holds = |name: &str, line: &dyn Fn(&str) -> bool| {
        let path = root.join(name);
        // A pipe in its place would wait for a writer.
        let text = path.is_file().then(|| {
            let mut text = Vec::new();
            let file = std::fs::File::open(path).ok()?;
            file.take(LIMIT).read_to_end(&mut text).ok()?;
            Some(String::from_utf8_lossy(&text).into_owned())
        });
        text.flatten().is_some_and(|text| text.lines().any(line))
    };
    let mut all = Vec::new();
    if has("Cargo.toml") {
        all.push("cargo test");
    }
    // What `npm init` writes there fails.
    if holds("package.json", &|l| {
        l.contains("\"test\":") && !l.contains("no test specified")
    }) {
        all.push(match () {
            () if has("pnpm-lock.yaml") => "pnpm test",
            () if has("yarn.lock") => "yarn test",
            () => "npm test",
        });
    }
    if has("pyproject.toml") && (root.join("tests").is_dir() || has("pytest.ini")) {
        all.push("python3 -m pytest");
    }
    if has("go.mod") {
        all.push("go test ./...");
    }
    if all.is_empty() {
        for name in ["Makefile", "makefile", "GNUmakefile"] {
            if holds(name, &|l| l.starts_with("test:")) {
                all.push("make test");
                break;
            }
        }
    }
    all.retain(|check| check.split(' ').next().is_some_and(there));
    all
}

fn argument(path: &Path) -> String {
    if path == Path::new(PLAN) {
        String::new()
    } else {
        format!(" {}", path.display())
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    // Never over a file that is there, nor through a link.
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{self, LoadOptions};

    #[test]
    fn whatever_is_found_the_plan_checks() {
        let found: [&[&str]; 3] = [&[], &["cargo test"], &["cargo test", "go test ./..."]];
        for checks in found {
            let mut texts = vec![without(checks)];
            for workers in [&["claude"][..], &["codex", "aider", "gemini"]] {
                texts.extend([true, false].map(|commit| with(workers, checks, commit)));
            }
            for text in texts {
                assert!(!text.contains('@'), "{text}");
                let loaded = plan::load(&text, &LoadOptions::default(), &mut |_| unreachable!());
                let loaded = loaded.unwrap_or_else(|found| panic!("{text}\n{found:?}"));
                assert_eq!(loaded.warnings, [], "{text}");
                assert_eq!(loaded.plan.unbuilt, [], "{text}");
                for check in checks {
                    assert!(text.contains(check), "{text}");
                }
            }
        }
    }

    #[test]
    fn checks_come_from_build_files_whose_programs_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        let of = |there: &dyn Fn(&str) -> bool| checks(dir.path(), there);
        assert!(of(&|_| true).is_empty());
        put("Makefile", "all:\n\ntest: all\n\ttrue\n");
        assert_eq!(of(&|_| true), ["make test"]);
        put(
            "package.json",
            "{\"scripts\": {\n\"test\": \"echo \\\"Error: no test specified\\\" && exit 1\"\n}}",
        );
        assert_eq!(of(&|_| true), ["make test"]);
        put("package.json", "{\"scripts\": {\n\"test\": \"jest\"\n}}");
        put("yarn.lock", "");
        put("Cargo.toml", "");
        put("go.mod", "");
        assert_eq!(of(&|_| true), ["cargo test", "yarn test", "go test ./..."]);
        assert_eq!(of(&|name| name == "go"), ["go test ./..."]);
    }
}
