//! What can be configured: plain data with the built-in values as defaults.
//!
//! Must not read files or the environment: `load` does.

use serde::Serialize;

use crate::engine::Adaptation;
use crate::plan::units::SECOND_US;
use crate::plan::{Mode, Model, RamLimit};

/// The whole configuration; [`Config::default`] is what holds without any file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Config {
    /// Mode of runs whose plan states none; none: hybrid.
    pub mode: Option<Mode>,
    /// Caps beside the plan's own.
    pub limits: Limits,
    /// Thresholds of memory pressure.
    pub zones: Zones,
    /// How memory drives what runs.
    pub memory: Memory,
    /// How often memory is looked at.
    pub sampling: Sampling,
    /// How agents' processes are started and ended.
    pub processes: Processes,
    /// Where agents may write.
    pub sandbox: Sandbox,
    /// Features that can be switched off.
    pub flags: Flags,
    /// The dashboard.
    pub ui: Ui,
    /// How a person is told of what waits.
    pub notify: Notify,
    /// Finished runs on disk.
    pub runs: Runs,
    /// The daily status.
    pub status: Status,
    /// What agents are told.
    pub context: Context,
    /// Models that servers hold, for workers of plans that do not declare them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<Model>,
}

/// `[limits]`: what this machine's user grants; a run takes the smaller of this and the plan's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Memory for all agents together; 80 % of the machine.
    pub ram: RamLimit,
    /// Agents at once where the plan states none; none: by the machine's tier.
    pub agents: Option<u32>,
    /// Milli-CPUs at once; none: the machine's.
    pub cpus_milli: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ram: RamLimit::Share(800),
            agents: None,
            cpus_milli: None,
        }
    }
}

/// `[zones]`: memory pressure in percent at which each zone begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Zones {
    /// Watch and prepare; 60.
    pub yellow: u32,
    /// Fewer agents at once; 75.
    pub orange: u32,
    /// Park the lowest priority; 85.
    pub red: u32,
    /// Nothing starts; 95.
    pub halt: u32,
    /// Percent below its threshold at which a zone is left again; 2.
    pub hysteresis: u32,
}

impl Default for Zones {
    fn default() -> Self {
        Self {
            yellow: 60,
            orange: 75,
            red: 85,
            halt: 95,
            hysteresis: 2,
        }
    }
}

/// `[memory]`: how memory drives what runs at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Pressure in percent that is aimed at, from and to; none: by the machine's tier.
    pub band: Option<(u32, u32)>,
    /// How many run at once by pressure.
    pub strategy: Adaptation,
    /// Microseconds between two judgements of how many run at once; 5 min.
    pub window_us: u64,
    /// Microseconds for which a leased command waits at most; 30 min.
    pub lease_wait_us: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            band: None,
            strategy: Adaptation::Continuous,
            window_us: 300 * SECOND_US,
            lease_wait_us: 1800 * SECOND_US,
        }
    }
}

/// `[sampling]`: how often memory is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sampling {
    /// Microseconds between two cheap samples; 500 ms.
    pub interval_us: u64,
    /// Microseconds between two samples of the proportional set; 15 s.
    pub pss_interval_us: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            interval_us: SECOND_US / 2,
            pss_interval_us: 15 * SECOND_US,
        }
    }
}

/// `[processes]`: start and end of agents' processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Processes {
    /// Microseconds between TERM and KILL; 10 s.
    pub grace_us: u64,
    /// Threads that start processes; 2.
    pub spawners: u32,
    /// Names of the environment that agents get; a `*` at the end stands for any rest.
    pub env: Vec<String>,
    /// Microseconds for which output is still read after the process has ended; 200 ms.
    pub output_drain_us: u64,
}

/// Names of the environment that agents get by default: what finds programs, homes, locale, tool
/// chains and proxies. Keys and tokens are not among them.
const ENV: [&str; 34] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "TMPDIR",
    "XDG_*",
    "EDITOR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NIX_*",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GOPATH",
    "GOROOT",
    "JAVA_HOME",
    "NVM_DIR",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
    "WSL_*",
];

impl Default for Processes {
    fn default() -> Self {
        Self {
            grace_us: 10 * SECOND_US,
            spawners: 2,
            env: ENV.iter().map(|s| (*s).to_owned()).collect(),
            output_drain_us: SECOND_US / 5,
        }
    }
}

impl Processes {
    /// Whether agents get the variable of this name.
    #[must_use]
    pub fn passes(&self, name: &str) -> bool {
        passes(&self.env, name)
    }
}

/// Whether a variable passes an allow-list: by its name, or by a prefix that ends in `*`.
#[must_use]
pub fn passes(allowed: &[String], name: &str) -> bool {
    let mut allowed = allowed.iter();
    allowed.any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    })
}

/// `[sandbox]`: the boundary of agents; only a person's own configuration counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sandbox {
    /// Whether the kernel is to keep it where it can.
    pub enforce: bool,
    /// Folders and files that agents may change beside their workspace and the built-in caches,
    /// absolute or beginning with `~/`.
    pub write: Vec<String>,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            enforce: true,
            write: Vec::new(),
        }
    }
}

/// `[flags]`: each off means that its part falls back to the sequential way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flags {
    /// Off: every run is sequential.
    pub hybrid_orchestration_enabled: bool,
    /// Off: one agent at a time, in plan order.
    pub parallel_graph_enabled: bool,
    /// Off: prompts hold the task alone, no wider context.
    pub memory_hierarchy_enabled: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            hybrid_orchestration_enabled: true,
            parallel_graph_enabled: true,
            memory_hierarchy_enabled: true,
        }
    }
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Color {
    /// As terminal and environment say.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which symbols are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Glyphs {
    /// Unicode where the locale says UTF-8.
    #[default]
    Auto,
    /// Unicode.
    Unicode,
    /// ASCII alone.
    Ascii,
}

/// `[ui]`: the dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ui {
    /// Name of the theme; `default`.
    pub theme: String,
    /// Which symbols are drawn.
    pub glyphs: Glyphs,
    /// Frames a second at most; 30.
    pub fps: u32,
    /// Whether the mouse is used.
    pub mouse: bool,
    /// When colours are used.
    pub color: Color,
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            theme: "default".to_owned(),
            glyphs: Glyphs::Auto,
            fps: 30,
            mouse: true,
            color: Color::Auto,
        }
    }
}

/// How a terminal is asked to show a message on the desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Desktop {
    /// Not at all.
    #[default]
    Off,
    /// By the sequence OSC 9 (iTerm2, Windows Terminal, kitty, foot, WezTerm and others).
    Osc9,
    /// By the sequence OSC 777 (rxvt-unicode, foot, WezTerm, Ghostty and others).
    Osc777,
}

/// `[notify]`: how a person is told that something waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notify {
    /// Whether an open dashboard rings the terminal's bell.
    pub bell: bool,
    /// Whether an open dashboard asks the terminal for a message on the desktop.
    pub desktop: Desktop,
    /// A command that the runner starts, also while no dashboard is open; empty: none.
    pub command: Vec<String>,
    /// Microseconds that it may take; 10 s.
    pub timeout_us: u64,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            bell: true,
            desktop: Desktop::Off,
            command: Vec::new(),
            timeout_us: 10 * SECOND_US,
        }
    }
}

/// `[runs]`: which finished runs stay on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Runs {
    /// Runs that stay; 100.
    pub keep: u32,
    /// Days for which a run stays; 30.
    pub keep_days: u32,
}

impl Default for Runs {
    fn default() -> Self {
        Self {
            keep: 100,
            keep_days: 30,
        }
    }
}

/// `[context]`: what agents are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Context {
    /// Tokens that a prompt may have at most, where the plan says nothing else; 20,000.
    pub cap: u32,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            cap: crate::context::LIMIT,
        }
    }
}

/// `[status]`: the daily status cards and the 24-hour gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Microseconds between two writings of the cards while agents work; 30 s.
    pub card_interval_us: u64,
    /// Microseconds of a run between two judgements of the 24-hour gate; 24 h; 0: never.
    pub gate_interval_us: u64,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            card_interval_us: 30 * SECOND_US,
            gate_interval_us: 24 * 3600 * SECOND_US,
        }
    }
}
