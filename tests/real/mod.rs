//! The real agent programs, offline, against a model server on loopback (`docs/testing.md`).
//!
//! Gated: `WAVEDECK_REAL_AGENTS=1`, and `AGW`, the folder in which they are installed; `WAVEDECK_MOCK`, the
//! server's script. Everything that a program keeps goes to a home of the test's own.

mod failures;
mod front;
mod llama;
mod together;

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use self::front::{Front, Manner};
use crate::runtime::{
    rig::{Live, wait_for},
    together::Repo,
};

/// Programs start slowly where five share two processors.
const PATIENCE: Duration = Duration::from_mins(4);

/// Whether the programs are there; prints where not.
fn gated() -> bool {
    let on = env::var_os("WAVEDECK_REAL_AGENTS").is_some() && env::var_os("AGW").is_some();
    if !on {
        println!("skipped: needs WAVEDECK_REAL_AGENTS=1 and AGW, the folder of the programs");
    }
    on
}

/// A repository, a home, the model server and the door before it.
struct World {
    repo: Repo,
    home: TempDir,
    front: Front,
    server: Child,
    /// Variables that are not set, or set otherwise.
    without: Vec<&'static str>,
}

impl World {
    fn with(plan: &str, manner: Manner) -> Self {
        let home = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let script = env::var("WAVEDECK_MOCK").expect("WAVEDECK_MOCK: the model server's script");
        let server = Command::new("node")
            .arg(script)
            .arg(port.to_string())
            .env("AIMOCK_DIR", agw().join("mock"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("the model server", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        let front = Front::before(port, manner);
        let world = Self {
            repo: Repo::with(plan, &[("base.txt", "one\n")]),
            home,
            front,
            server,
            without: Vec::new(),
        };
        world.configure();
        world
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn configure(&self) {
        let port = self.front.port;
        self.file(
            ".codex/config.toml",
            &format!(
                "model = \"tiny\"\nmodel_provider = \"mock\"\ncheck_for_update_on_startup = false\n[model_providers.mock]\nname = \"mock\"\nbase_url = \"http://127.0.0.1:{port}/v1\"\nwire_api = \"responses\"\nrequires_openai_auth = false\nsupports_websockets = false\n[analytics]\nenabled = false\n"
            ),
        );
        self.file(
            ".gemini/settings.json",
            r#"{"general":{"disableAutoUpdate":true,"enableAutoUpdate":false},"privacy":{"usageStatisticsEnabled":false},"security":{"auth":{"selectedType":"gemini-api-key"},"folderTrust":{"enabled":false}},"telemetry":{"enabled":false}}"#,
        );
    }

    /// What the programs need to know of the server.
    fn env(&self) -> Vec<(&'static str, String)> {
        let port = self.front.port;
        let server = format!("http://127.0.0.1:{port}");
        let models = |names: &[&str]| {
            let each: Vec<String> = names
                .iter()
                .map(|n| format!(r#""{n}":{{"name":"{n}","tool_call":true,"limit":{{"context":200000,"output":4000}}}}"#))
                .collect();
            each.join(",")
        };
        let provider = |name: &str, names: &[&str]| {
            format!(
                r#""{name}":{{"npm":"@ai-sdk/openai-compatible","name":"{name}","options":{{"baseURL":"{server}/v1","apiKey":"none"}},"models":{{{}}}}}"#,
                models(names)
            )
        };
        let opencode = format!(
            r#"{{"$schema":"https://opencode.ai/config.json","autoupdate":false,"share":"disabled","enabled_providers":["local","cloud"],"model":"local/tiny","small_model":"local/tiny","permission":{{"edit":"allow","bash":"allow"}},"provider":{{{},{}}}}}"#,
            provider("local", &["tiny"]),
            provider("cloud", &["big"])
        );
        let bins = ["codex", "claude", "gemini", "opencode"]
            .map(|d| format!("{}/{d}/node_modules/.bin", agw().display()))
            .join(":");
        let path = format!(
            "{bins}:{}/aider/v/bin:/usr/local/bin:/usr/bin:/bin",
            agw().display()
        );
        let home = self.home.path().display().to_string();
        let mut env = vec![
            ("PATH", path),
            ("CODEX_HOME", format!("{home}/.codex")),
            ("HOME", home),
            ("ANTHROPIC_BASE_URL", server.clone()),
            ("ANTHROPIC_API_KEY", "mock".into()),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".into()),
            ("DISABLE_TELEMETRY", "1".into()),
            ("OPENCODE_DISABLE_MODELS_FETCH", "1".into()),
            ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1".into()),
            ("OPENCODE_DISABLE_DEFAULT_PLUGINS", "1".into()),
            ("OPENCODE_CONFIG_CONTENT", opencode),
            ("GOOGLE_GEMINI_BASE_URL", server.clone()),
            ("GEMINI_API_KEY", "mock".into()),
            ("GEMINI_TELEMETRY_ENABLED", "false".into()),
            ("GEMINI_CLI_TRUST_WORKSPACE", "true".into()),
            ("OPENAI_API_BASE", format!("{server}/v1")),
            ("OPENAI_API_KEY", "mock".into()),
            ("AIDER_ANALYTICS", "false".into()),
            ("LITELLM_LOCAL_MODEL_COST_MAP", "True".into()),
        ];
        env.retain(|(name, _)| !self.without.contains(name));
        env
    }

    /// Ours, or another build of it: what is shown to somebody is shown of a release build.
    fn command(&self, args: &[&str]) -> Command {
        let ours = self.repo.here.command(args);
        let program = env::var_os("WAVEDECK_REAL_PROGRAM");
        let mut command = Command::new(program.unwrap_or_else(|| ours.get_program().to_owned()));
        let set = ours
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        command
            .args(args)
            .current_dir(self.repo.here.path())
            .env_clear()
            .envs(set)
            .envs(self.env())
            .stdin(Stdio::null());
        command
    }

    fn start(&self) -> Live {
        Live::of(self.command(&["run", "--headless", "--json", "-y"])).patient(PATIENCE)
    }

    /// Asks the live run for something that it must accept.
    fn ctl(&self, words: &[&str]) {
        let output = self.command(&[&["ctl", "-y"], words].concat()).output();
        let output = output.unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ctl {words:?}: {err}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // It is ours, and has nothing to lose.
        let _ = self.server.kill();
        let _ = self.server.wait();
        // Nothing that a program started may stay, not even a daemon that left its group.
        crate::left::nobody_in(self.home.path());
    }
}

fn agw() -> PathBuf {
    Path::new(&env::var_os("AGW").unwrap()).to_owned()
}

/// One agent of a plan that has a file written.
fn agent(id: &str, worker: &str, more: &str) -> String {
    format!(
        "[[agent]]\nid = \"{id}\"\nprompt = \"WRITE {id}.txt <<<hello from {id}>>>\"\nworker = {worker}\n{more}\n"
    )
}

/// The head of a plan: all at once, the result on a branch.
const HEAD: &str = "version = 1\nname = \"real\"\n[limits]\nagents = 5\n[merge]\nend = \"branch\"\n[defaults]\ncpus = 0.2\n";

/// A plan in which each program with a session has an agent of its name, and aider too where it is wanted.
fn one_of_each(aider: bool) -> String {
    let mut plan = HEAD.to_owned();
    for (id, model) in [
        ("claude", "tiny"),
        ("codex", "tiny"),
        ("gemini", "gemini-tiny"),
        ("opencode", "local/tiny"),
    ] {
        plan += &agent(id, &format!("\"{id}:{model}\""), "");
    }
    if aider {
        let scope = "scope = { write = [\"aider.txt\"] }";
        plan += &agent("aider", "\"aider:openai/tiny\"", scope);
    }
    plan
}
