//! The boundary of a job: which places it may write, and how that is kept.
//!
//! Says what is asked for and what of it can be had; must not enforce anything: `sys::landlock` does,
//! in the job's own process. `docs/sandbox.md` has the list and what is not covered.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use rustix::process::geteuid;
use serde::{Deserialize, Serialize};

use crate::sys::landlock::{Grant, Rule, Support};

/// Where a job may write. It reads and runs what its user can, as without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary {
    /// Folders that it may change as it likes; each must be there.
    pub write: Vec<PathBuf>,
    /// Folders and files that it may change where they are there, such as caches.
    pub may_write: Vec<PathBuf>,
    /// Files that it may fill; made empty where they are missing, so that the folder around them
    /// stays closed. An empty one means that nothing was said.
    pub files: Vec<PathBuf>,
    /// Folders that it may change as it likes, as a folder of ours and a path below it: made before it
    /// starts where they are missing, open to this user alone. One that cannot be made, or to which a
    /// link leads, stays closed.
    pub made: Vec<(PathBuf, PathBuf)>,
    /// Its own folder for temporary files, its TMPDIR: made before it starts, open to this user
    /// alone, removed with all that is in it when it has ended. No two jobs may have the same.
    pub temporary: Option<PathBuf>,
    /// Whether the kernel is to keep it; off where a person has switched it off.
    pub enforce: bool,
    /// Whether the job is refused where the kernel cannot keep it.
    pub required: bool,
}

/// How a boundary is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// By the kernel: writing elsewhere fails; the version of its interface.
    Enforced(u32),
    /// Not at all, but what is written outside is found; why the kernel cannot keep it.
    Watched(String),
    /// A person has switched it off.
    Off,
}

impl Level {
    /// The word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Enforced(_) => "enforced",
            Self::Watched(_) => "watched",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enforced(version) => Support::Version(*version).fmt(f),
            Self::Watched(why) => Support::Missing(why.clone()).fmt(f),
            Self::Off => f.write_str("off: switched off by `sandbox.enforce`"),
        }
    }
}

/// Devices and kernel files that programs need to write.
const DEVICES: [(&str, Grant); 7] = [
    ("/dev/null", Grant::Content),
    ("/dev/zero", Grant::Content),
    ("/dev/full", Grant::Content),
    ("/dev/tty", Grant::Content),
    // Terminals of their own: `script`, test tools, shells of agents.
    ("/dev/ptmx", Grant::Content),
    ("/dev/pts", Grant::Content),
    ("/dev/shm", Grant::WholeIfThere),
];

/// Caches that builds write, below the home folder unless the variable names another place. What
/// lies beside them (settings, credentials, programs) stays closed.
const CACHES: [(&str, &str, &[&str]); 7] = [
    ("CARGO_HOME", ".cargo", &CARGO),
    ("npm_config_cache", ".npm", &[""]),
    ("XDG_CACHE_HOME", ".cache", &[""]),
    ("GOMODCACHE", "go/pkg/mod", &[""]),
    ("", ".m2/repository", &[""]),
    (
        "GRADLE_USER_HOME",
        ".gradle",
        &["caches", "daemon", "wrapper"],
    ),
    ("", ".local/share/pnpm/store", &[""]),
];

/// In cargo's folder; the last four are the locks and the record of last use, which are files.
const CARGO: [&str; 6] = [
    "registry",
    "git",
    ".package-cache",
    ".package-cache-mutate",
    ".global-cache",
    ".crates.lock",
];

/// The caches of the built-in list; `env` reads the environment that jobs get.
#[must_use]
pub fn caches(env: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let home = env("HOME").map(PathBuf::from);
    let mut all = Vec::new();
    for (name, below_home, parts) in CACHES {
        let named = env(name).filter(|_| !name.is_empty()).map(PathBuf::from);
        let base = named.or_else(|| home.as_ref().map(|home| home.join(below_home)));
        // A relative one would mean another place in every folder.
        let Some(base) = base.filter(|base| base.is_absolute()) else {
            continue;
        };
        all.extend(parts.iter().map(|part| match *part {
            "" => base.clone(),
            part => base.join(part),
        }));
    }
    all
}

impl Boundary {
    /// The boundary around a workspace: it, the caches, and what a person has listed; enforced where
    /// that is possible, not required.
    #[must_use]
    pub fn around(workspace: &Path, temporary: Option<PathBuf>, may_write: Vec<PathBuf>) -> Self {
        Self {
            write: vec![workspace.to_owned()],
            may_write,
            files: Vec::new(),
            made: Vec::new(),
            temporary,
            enforce: true,
            required: false,
        }
    }

    /// How it is kept on a kernel with this support.
    #[must_use]
    pub fn level(&self, support: &Support) -> Level {
        match support {
            _ if !self.enforce => Level::Off,
            Support::Version(version) => Level::Enforced(*version),
            Support::Missing(why) => Level::Watched(why.clone()),
        }
    }

    /// Why a job with it must not start; none: it may.
    #[must_use]
    pub fn refusal(&self, support: &Support) -> Option<String> {
        match self.level(support) {
            Level::Enforced(_) => None,
            _ if !self.required => None,
            level => Some(format!("the plan says `require_sandbox`: {level}")),
        }
    }

    /// What the kernel is told.
    #[must_use]
    pub(super) fn rules(&self) -> Vec<Rule> {
        let whole = self.write.iter().chain(&self.temporary);
        let folders: Vec<&PathBuf> = whole.clone().chain(&self.may_write).collect();
        // What lies below another place is open with it. Asked for by its own name it would be a way
        // out: whoever may change that place can put a link to any other there.
        let below = |path: &Path| {
            let mut above = path.ancestors().skip(1);
            above.any(|place| folders.iter().any(|folder| *folder == place))
        };
        let rule = |grant, path: &Path| Rule {
            grant,
            path: path.to_owned(),
        };
        let mut rules: Vec<Rule> = whole.map(|path| rule(Grant::Whole, path)).collect();
        let caches = self.may_write.iter().filter(|path| !below(path));
        rules.extend(caches.map(|path| rule(Grant::WholeIfThere, path)));
        let files = self.files.iter().filter(|path| !below(path));
        rules.extend(files.map(|path| rule(Grant::Content, path)));
        rules.extend(DEVICES.map(|(path, grant)| rule(grant, Path::new(path))));
        // A namespace of users is set up by writing there (`unshare`). Root would reach the whole
        // kernel's settings by it.
        if !geteuid().is_root() {
            rules.push(rule(Grant::Content, Path::new("/proc")));
        }
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> Support {
        Support::Missing("this kernel has none".to_owned())
    }

    #[test]
    fn a_kernel_without_it_watches_and_refuses_what_requires_it() {
        let mut boundary = Boundary::around(Path::new("/w"), None, Vec::new());
        let level = boundary.level(&missing());
        assert_eq!(level.word(), "watched");
        assert_eq!(
            level.to_string(),
            "watched, not enforced: this kernel has none"
        );
        assert_eq!(boundary.refusal(&missing()), None);
        boundary.required = true;
        assert_eq!(
            boundary.refusal(&missing()).unwrap(),
            "the plan says `require_sandbox`: watched, not enforced: this kernel has none"
        );
        assert_eq!(boundary.refusal(&Support::Version(3)), None);
        boundary.enforce = false;
        assert_eq!(boundary.level(&Support::Version(3)), Level::Off);
        assert!(boundary.refusal(&Support::Version(3)).is_some());
    }

    #[test]
    fn what_lies_in_a_place_that_it_may_change_is_not_asked_for_by_name() {
        let places = ["/home/a/.cache", "/home/a/.cache/link", "/home/a/.cache2"];
        let mut boundary =
            Boundary::around(Path::new("/w"), None, places.map(PathBuf::from).into());
        boundary.files = vec!["/w/status".into(), "/run/status".into()];
        let asked: Vec<PathBuf> = boundary.rules().into_iter().map(|r| r.path).collect();
        let has = |path: &str| asked.iter().any(|p| p == Path::new(path));
        assert!(has("/w") && has("/home/a/.cache") && has("/home/a/.cache2"));
        assert!(has("/run/status"));
        assert!(!has("/home/a/.cache/link") && !has("/w/status"));
    }

    #[test]
    fn caches_are_where_the_environment_says() {
        let env = |name: &str| {
            Some(match name {
                "HOME" => "/home/a".to_owned(),
                "CARGO_HOME" => "/data/cargo".to_owned(),
                "XDG_CACHE_HOME" => "relative".to_owned(),
                _ => return None,
            })
        };
        let found = caches(&env);
        let has = |path: &str| found.iter().any(|p| p == Path::new(path));
        assert!(has("/data/cargo/registry") && has("/home/a/.npm"));
        assert!(!has("/data/cargo") && !has("relative") && !has("/home/a/.cargo/git"));
        assert!(caches(&|_| None).is_empty());
    }
}
