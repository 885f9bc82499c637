//! What is configured for a repository, read once.

use std::{ffi::OsStr, path::Path};

use super::git::{Git, GitError};

/// Settings of the user's that a workspace must share, so that files are the same in both.
const SHARED: [&str; 9] = [
    "core.autocrlf",
    "core.eol",
    "core.safecrlf",
    "core.filemode",
    "core.symlinks",
    "core.ignorecase",
    "core.precomposeunicode",
    "core.excludesfile",
    "core.attributesfile",
];

/// All that is configured here, the last value of each name.
pub(super) struct Config(Vec<u8>);

impl Config {
    pub fn read(git: &Git) -> Result<Self, GitError> {
        git.run(&["config", "-z", "--list", "--includes"]).map(Self)
    }

    /// What one file says, which may be an agent's: no other file is read for it.
    pub fn of_file(git: &Git, file: &Path) -> Result<Self, GitError> {
        let args = ["config", "-z", "--list", "--no-includes", "--file"].map(OsStr::new);
        git.run(&[&args[..], &[file.as_os_str()]].concat())
            .map(Self)
    }

    /// What workspaces share, as it is written.
    pub fn shared_as_written(&self) -> Vec<(String, Vec<u8>)> {
        let value = |name: &&str| Some(((*name).to_owned(), self.get(name)?.to_vec()));
        SHARED.iter().filter_map(value).collect()
    }

    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let mut entries = self.0.split(|&b| b == 0).rev();
        entries.find_map(|entry| {
            let rest = entry.strip_prefix(name.as_bytes())?;
            // A name alone means true.
            if rest.is_empty() {
                return Some(&b"true"[..]);
            }
            rest.strip_prefix(b"\n")
        })
    }

    pub fn text(&self, name: &str) -> Option<&[u8]> {
        self.get(name).filter(|v| !v.trim_ascii().is_empty())
    }

    pub fn truth(&self, name: &str) -> bool {
        let value = self.get(name).unwrap_or_default().to_ascii_lowercase();
        matches!(&value[..], b"true" | b"yes" | b"on" | b"1")
    }

    pub fn shared(&self, git: &Git) -> Result<Vec<(String, Vec<u8>)>, GitError> {
        let mut all = Vec::new();
        for name in SHARED {
            let Some(value) = self.get(name) else {
                continue;
            };
            let mut value = value.to_vec();
            if name.ends_with("file") {
                // `~/` and relative paths mean what they mean to the user.
                value = git.line(&["config", "--type=path", "--get", name])?;
            }
            all.push((name.to_owned(), value));
        }
        Ok(all)
    }
}
