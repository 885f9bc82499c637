//! Agent programs of this machine: where each is, and whether somebody is logged in.
//!
//! Looks at PATH, names of variables and files. Must not start a program, nor read a key.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::personal::Env;
use crate::{
    agents::{Adapter, Catalog},
    sys::program,
};

/// The order in which one is chosen where nobody names one; a person's own come after them.
const ORDER: &[&str] = &["claude", "codex", "gemini", "opencode", "cline", "aider"];

/// Returns where the program of an adapter is.
pub fn place(adapter: &Adapter, path: Option<&OsStr>) -> Option<PathBuf> {
    program::place(&adapter.program, path)
}

/// Returns what shows that somebody is logged in: names of variables, and files that are there.
pub fn logins(adapter: &Adapter, env: Env<'_>) -> Vec<String> {
    let keys = adapter.keys(env).into_iter().map(str::to_owned);
    let files = adapter.logins(env);
    let files = files.into_iter().filter(|file| Path::new(file).exists());
    keys.chain(files).collect()
}

/// Returns those that are there, in the order in which one is chosen.
pub fn installed<'c>(catalog: &'c Catalog, path: Option<&OsStr>) -> Vec<&'c Adapter> {
    let mut all: Vec<&Adapter> = catalog
        .iter()
        .filter(|a| place(a, path).is_some())
        .collect();
    let rank = |a: &Adapter| {
        ORDER
            .iter()
            .position(|id| *id == a.id)
            .unwrap_or(ORDER.len())
    };
    all.sort_by_key(|a| rank(a));
    all
}

/// Returns the one that is used where nobody names one: the first in order with a login, else the first.
pub fn best<'c>(catalog: &'c Catalog, env: Env<'_>, path: Option<&OsStr>) -> Option<&'c Adapter> {
    let all = installed(catalog, path);
    let ready = all.iter().find(|a| !logins(a, env).is_empty());
    ready.or(all.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_first_with_a_login_is_chosen() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, mode| {
            let file = dir.path().join(name);
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let path = Some(dir.path().as_os_str());
        let nobody = |_: &str| None;
        let all = Catalog::built_in();
        assert_eq!(best(all, &nobody, path), None);
        put("aider", 0o755);
        put("codex", 0o755);
        put("claude", 0o644);
        let ids = |all: Vec<&Adapter>| all.iter().map(|a| a.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(installed(all, path)), ["codex", "aider"]);
        assert_eq!(
            best(all, &nobody, path).map(|a| a.id.as_str()),
            Some("codex")
        );
        let aider = |name: &str| (name == "GEMINI_API_KEY").then(|| "x".to_owned());
        assert_eq!(
            best(all, &aider, path).map(|a| a.id.as_str()),
            Some("aider")
        );
        // A login file counts where it is there.
        let home = dir.path().display().to_string();
        let env = move |name: &str| (name == "CODEX_HOME").then(|| home.clone());
        let codex = all.get("codex").unwrap();
        assert!(logins(codex, &env).is_empty());
        put("auth.json", 0o600);
        assert_eq!(logins(codex, &env).len(), 1);
    }
}
