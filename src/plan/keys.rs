//! Every key that a plan may have, by table; the parser, its suggestions and the schema share them.
//!
//! Must not say what a key means: that is where it is read.

/// The top level.
pub(crate) const PLAN: &[&str] = &[
    "version",
    "name",
    "goal",
    "base",
    "mode",
    "verify",
    "gates",
    "require_sandbox",
    "vars",
    "limits",
    "model",
    "worker",
    "gate",
    "lease",
    "workspace",
    "merge",
    "domain",
    "wave",
    "defaults",
    "phase",
    "track",
    "agent",
    "override",
];
/// `[limits]`.
pub(crate) const LIMITS: &[&str] = &[
    "ram",
    "reserve",
    "agents",
    "cpus",
    "tracks",
    "tokens_per_minute",
    "tokens",
    "cost_usd",
    "per_priority",
    "per_phase",
    "per_track",
    "per_wave",
    "resources",
    "budgets",
];
/// `[model.x]`.
pub(crate) const MODEL: &[&str] = &["api", "url", "name", "ram", "ram_per_slot", "slots"];
/// `[worker.x]`.
pub(crate) const WORKER: &[&str] = &[
    "run",
    "cli",
    "model",
    "provider",
    "capabilities",
    "terminal",
];
/// `[gate.x]`.
pub(crate) const GATE: &[&str] = &["title", "run", "ram", "approve", "repeat", "base"];
/// `[lease.x]`.
pub(crate) const LEASE: &[&str] = &["ram"];
/// `[workspace]`.
pub(crate) const WORKSPACE: &[&str] = &["copy", "link", "setup", "env"];
/// `[merge]`.
pub(crate) const MERGE: &[&str] = &["into", "end", "rules"];
/// A rule of `[merge]`.
pub(crate) const RULE: &[&str] = &["run"];
/// `[domain.x]`.
pub(crate) const DOMAIN: &[&str] = &["critical"];
/// `[wave.N]`.
pub(crate) const WAVE: &[&str] = &["gates"];
/// `[[phase]]`.
pub(crate) const PHASE: &[&str] = &["id", "title", "barrier", "gates", "defaults"];
/// `[[track]]`.
pub(crate) const TRACK: &[&str] = &["id", "title", "priority", "gates", "defaults"];
/// `[[agent]]`.
pub(crate) const AGENT: &[&str] = &[
    "id",
    "title",
    "each",
    "phase",
    "track",
    "parent",
    "sub_agents",
    "needs",
    "priority",
    "class",
    "run",
    "sim",
    "prompt",
    "prompt_file",
    "worker",
    "capability",
    "scope",
    "domains",
    "duration",
    "size",
    "ram",
    "ram_max",
    "cpus",
    "uses",
    "tokens",
    "spends",
    "context",
    "inputs",
    "outputs",
    "check",
    "gates",
    "quiet",
    "workspace",
    "exclusive",
    "terminal",
    "timeout",
    "retry",
    "ask",
    "on_ask",
    "join",
    "mode",
];
/// Keys of an agent that defaults cannot state: they belong to one agent.
pub(crate) const NOT_DEFAULTS: &[&str] = &["id", "title", "each", "parent", "mode"];
/// Keys of an agent that an override cannot state.
pub(crate) const NOT_OVERRIDE: &[&str] = &["id", "each"];
/// `[[agent.mode]]`.
pub(crate) const MODE: &[&str] = &[
    "worker", "duration", "ram", "cpus", "uses", "spends", "tokens", "terminal",
];
/// A need as a table.
pub(crate) const NEED: &[&str] = &["agent", "kind", "when", "files", "check"];
/// `retry`.
pub(crate) const RETRY: &[&str] = &["attempts", "base"];
/// `scope` as a table.
pub(crate) const SCOPE: &[&str] = &["write", "read"];
/// `context`.
pub(crate) const CONTEXT: &[&str] = &["issue", "files", "cap"];
/// `sim`.
pub(crate) const SIM: &[&str] = &[
    "duration",
    "ram",
    "curve",
    "processes",
    "lines",
    "writes",
    "ledger",
    "exit",
    "fail_attempts",
    "hang",
    "ignore_term",
    "leak",
    "flood",
    "hostile",
    "signal",
];

/// Returns the keys that `[defaults]` may have.
pub(crate) fn defaults() -> Vec<&'static str> {
    AGENT
        .iter()
        .copied()
        .filter(|k| !NOT_DEFAULTS.contains(k))
        .collect()
}

/// Returns the keys that an `[[override]]` may have.
pub(crate) fn overrides() -> Vec<&'static str> {
    let keys = AGENT.iter().copied().filter(|k| !NOT_OVERRIDE.contains(k));
    std::iter::once("agents").chain(keys).collect()
}

/// What other programs call a key of ours.
const ELSEWHERE: [(&str, &[&str]); 10] = [
    ("run", &["command", "cmd", "script", "exec", "args"]),
    (
        "needs",
        &[
            "depends_on",
            "depends",
            "dependencies",
            "deps",
            "after",
            "requires",
            "blocked_by",
        ],
    ),
    ("retry", &["retries", "max_attempts", "attempts"]),
    ("ram", &["memory", "mem", "memory_limit"]),
    ("cpus", &["cores", "cpu_limit"]),
    (
        "agents",
        &[
            "parallel",
            "parallelism",
            "concurrency",
            "max_parallel",
            "jobs",
            "workers",
        ],
    ),
    ("terminal", &["tty", "pty", "interactive", "stdin_open"]),
    ("prompt", &["task", "instructions", "description"]),
    ("worker", &["model", "executor", "cli"]),
    ("agent", &["task", "tasks", "job", "jobs", "step", "steps"]),
];

/// Returns the one of the known keys that other programs call so.
pub(crate) fn elsewhere(name: &str, known: &[&str]) -> Option<&'static str> {
    ELSEWHERE
        .iter()
        .find(|(key, names)| known.contains(key) && names.contains(&name))
        .map(|(key, _)| *key)
}

/// Returns how one of these is declared.
pub(crate) fn declared(what: &str) -> Option<&'static str> {
    Some(match what {
        "phase" => "[[phase]] id = \"…\"",
        "track" => "[[track]] id = \"…\"",
        "gate" => "[gate.NAME] run = [\"…\"]",
        "worker" => "[worker.NAME] run = \"…\"",
        _ => return None,
    })
}
