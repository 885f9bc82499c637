//! Which plans a person has allowed to run: by the hash of all that they execute.
//!
//! A plan that was never allowed, or whose text, prompts or variables have changed since, is shown
//! as such before it runs. Kept in the person's state folder (`plans.json`), not in the repository:
//! a plan must not bring its own permission along. Must not decide whether to ask.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::state_folder;
use crate::{
    plan::{Plan, expand},
    runtime::prepare::RunConfig,
    tui::front::preflight::Trust,
};

/// The file in the state folder.
const FILE: &str = "plans.json";
/// Entries that are kept; the oldest go first.
const MOST: usize = 1000;
/// Version of the file.
const VERSION: u32 = 1;

#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    version: u32,
    /// Oldest first.
    allowed: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// The plan's file, absolute.
    plan: String,
    /// [`hash`].
    hash: String,
}

/// Hash of what a run would execute: the whole plan with its prompts and variables filled in, the
/// folder it works in, and the names of the variables that its agents get.
#[must_use]
pub fn hash(plan: &Plan, config: &RunConfig) -> String {
    use std::fmt::Write as _;
    let mut digest = Sha256::new();
    for part in [
        "1",
        &expand::to_toml(plan),
        &config.workdir,
        &config.env.join("\n"),
    ] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let mut text = String::new();
    for byte in digest.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether a plan was allowed before; where that cannot be read, why.
pub fn trust(
    env: &dyn Fn(&str) -> Option<String>,
    plan: &Path,
    hash: &str,
) -> (Trust, Option<String>) {
    let file = match load(env) {
        Ok(file) => file,
        Err(why) => return (Trust::New, Some(why)),
    };
    let plan = name(plan);
    let of_plan = |entry: &&Entry| entry.plan == plan;
    let trust = if file.allowed.iter().filter(of_plan).any(|e| e.hash == hash) {
        Trust::Known
    } else if file.allowed.iter().any(|e| e.plan == plan) {
        Trust::Changed
    } else {
        Trust::New
    };
    (trust, None)
}

/// Remembers that a person allowed a plan.
///
/// # Errors
/// Why it cannot be written, in words.
pub fn allow(env: &dyn Fn(&str) -> Option<String>, plan: &Path, hash: &str) -> Result<(), String> {
    // A file that cannot be read any more is begun anew: it holds nothing that is needed.
    let mut file = load(env).unwrap_or_default();
    let entry = Entry {
        plan: name(plan),
        hash: hash.to_owned(),
    };
    file.version = VERSION;
    file.allowed.retain(|old| *old != entry);
    file.allowed.push(entry);
    let more = file.allowed.len().saturating_sub(MOST);
    file.allowed.drain(..more);
    let text = serde_json::to_string(&file).map_err(|e| e.to_string())?;
    state_folder::write(env, FILE, &text).map_err(|e| e.to_string())
}

fn load(env: &dyn Fn(&str) -> Option<String>) -> Result<File, String> {
    let Some(text) = state_folder::read(env, FILE).map_err(|e| e.to_string())? else {
        return Ok(File::default());
    };
    let file: File = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    if file.version > VERSION {
        return Err("a newer version of wavedeck wrote it".to_owned());
    }
    Ok(file)
}

fn name(plan: &Path) -> String {
    let whole = std::fs::canonicalize(plan).unwrap_or_else(|_| plan.to_owned());
    whole.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_new_then_known_then_changed() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().display().to_string();
        let env = move |name: &str| (name == "XDG_STATE_HOME").then(|| path.clone());
        let (a, b) = (Path::new("/x/a.toml"), Path::new("/x/b.toml"));
        assert_eq!(trust(&env, a, "1"), (Trust::New, None));
        allow(&env, a, "1").unwrap();
        assert_eq!(trust(&env, a, "1"), (Trust::Known, None));
        assert_eq!(trust(&env, a, "2"), (Trust::Changed, None));
        // The permission is of one file in one place.
        assert_eq!(trust(&env, b, "1"), (Trust::New, None));
        // Both texts stay allowed: a person goes back and forth.
        allow(&env, a, "2").unwrap();
        assert_eq!(trust(&env, a, "1"), (Trust::Known, None));
        for n in 0..MOST {
            allow(&env, b, &n.to_string()).unwrap();
        }
        assert_eq!(trust(&env, a, "1"), (Trust::New, None));
        // A damaged file allows nothing, says why, and is begun anew.
        state_folder::write(&env, FILE, "{\"version\":1,\"allow").unwrap();
        let (found, why) = trust(&env, b, "5");
        assert!(found == Trust::New && why.is_some());
        allow(&env, b, "5").unwrap();
        assert_eq!(trust(&env, b, "5"), (Trust::Known, None));
        state_folder::write(&env, FILE, "{\"version\":2,\"allowed\":[]}").unwrap();
        assert!(trust(&env, b, "5").1.unwrap().contains("newer"));
    }
}
