//! Whole runs of agent programs that talk to a model server: streams, retries, limits, budgets, swaps, words.
//!
//! The programs are those of `agent_program`; the server is that of `model_server`.

mod broken;
mod budget;
mod lasting;
mod limits;
mod silent;
mod swap;
mod together;
mod words;

use std::process::Command;

use crate::{
    fakes::Fakes,
    model_server::ModelServer,
    runtime::{
        rig::{Events, Live},
        together::Repo,
    },
};

/// The beginning of a plan: agents that ask for little of the machine, all at once, and may use their tools.
const SMALL: &str = "\
[limits]
agents = 8
[merge]
end = \"branch\"
[defaults]
ram = \"20MiB\"
cpus = 0
ask = \"never\"
";

/// A repository, a model server, and the programs that talk to it.
struct Served {
    repo: Repo,
    server: ModelServer,
    fakes: Fakes,
    /// Where the programs look for it.
    url: String,
}

impl Served {
    fn with(plan: &str) -> Self {
        let programs = ["claude", "codex", "gemini", "opencode"];
        let server = ModelServer::start();
        Self {
            repo: Repo::with(plan, &[("kept.txt", "kept\n")]),
            url: server.url(),
            server,
            fakes: programs.into_iter().fold(Fakes::new(), Fakes::talks),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.repo.here.command(args);
        command.env("PATH", self.fakes.path());
        for name in ["ANTHROPIC", "OPENAI", "GOOGLE_GEMINI", "OPENCODE"] {
            command.env(format!("{name}_BASE_URL"), &self.url);
        }
        command
    }

    /// Starts the plan.
    fn start(&self) -> Live {
        Live::of(self.command(&["run", "--headless", "--json"]))
    }

    /// Writes an adapter of the person's own.
    fn adapter(&self, name: &str, text: &str) {
        let file = format!("home/.config/wavedeck/agents/{name}.toml");
        self.repo.here.write(&file, text);
    }
}

/// Tokens that the last reports of all attempts say: input, output.
fn tokens(events: &Events) -> (u64, u64) {
    let mut last = std::collections::BTreeMap::new();
    for event in events.all("agent.used") {
        let key = (event["agent"].to_string(), event["attempt"].as_u64());
        let figure = |name: &str| event[name].as_u64().unwrap_or(0);
        last.insert(key, (figure("input"), figure("output")));
    }
    last.values().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
}
