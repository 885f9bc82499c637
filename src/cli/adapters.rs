//! A person's own adapters: files in `agents/` beside their `config.toml`, over the built-in ones.
//!
//! A repository's files are never read for this: an adapter names a program that is started, and an agent may have
//! written them.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::agents::Catalog;
use crate::config::user_file;

use super::load::read_layer;
use super::personal::Env;

/// Folder of a person's adapters beside their `config.toml`.
const FOLDER: &str = "agents";

/// Most files that are read.
const MOST: usize = 100;

/// Returns where a person's adapters are.
pub fn folder(env: Env<'_>) -> Option<PathBuf> {
    Some(user_file(env)?.parent()?.join(FOLDER))
}

/// Reads all adapters: the built-in ones, and a person's over them in the order of their files' names.
///
/// # Errors
/// All problems of all files, rendered.
pub fn catalog(env: Env<'_>) -> Result<Catalog, String> {
    let all = Catalog::with(&own(env)?);
    all.map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// Returns all adapters where a person has some of their own; none: the built-in ones, which are then not read.
///
/// # Errors
/// See [`catalog`].
pub fn changed(env: Env<'_>) -> Result<Option<Catalog>, String> {
    if own(env)?.is_empty() {
        return Ok(None);
    }
    catalog(env).map(Some)
}

/// Returns a person's files: name and text.
///
/// # Errors
/// Files that cannot be read.
pub fn own(env: Env<'_>) -> Result<Vec<(String, String)>, String> {
    let Some(entries) = folder(env).and_then(|f| std::fs::read_dir(f).ok()) else {
        return Ok(Vec::new());
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    paths.sort();
    paths.truncate(MOST);
    let (mut files, mut problems) = (Vec::new(), String::new());
    for path in paths {
        let name = path.display().to_string();
        match read_layer(&path) {
            Ok(text) => files.extend(text.map(|text| (name, text))),
            Err(why) => {
                let _ = writeln!(problems, "{name}: error: {why}");
            }
        }
    }
    if problems.is_empty() {
        Ok(files)
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_files_lie_over_the_built_in_ones() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("wavedeck/agents");
        std::fs::create_dir_all(&dir).unwrap();
        let base = home.path().display().to_string();
        let env = |name: &str| (name == "XDG_CONFIG_HOME").then(|| base.clone());
        assert_eq!(catalog(&env).as_ref(), Ok(Catalog::built_in()));
        assert_eq!(changed(&env), Ok(None));
        std::fs::write(
            dir.join("mine.toml"),
            "id = \"mine\"\nprogram = \"my-agent\"\n",
        )
        .unwrap();
        std::fs::write(dir.join("codex.toml"), "id = \"codex\"\nram = \"2GiB\"\n").unwrap();
        std::fs::write(dir.join("notes.txt"), "no adapter").unwrap();
        let all = catalog(&env).unwrap();
        assert_eq!(
            all.get("mine").map(|a| a.program.as_str()),
            Some("my-agent")
        );
        let codex = all.get("codex").unwrap();
        assert_eq!(codex.ram_bytes, 2 << 30);
        assert_eq!(changed(&env), Ok(Some(all.clone())));
        assert!(all.get("codex").is_some_and(|a| !a.resume.is_empty()));
        std::fs::write(dir.join("bad.toml"), "id = \"x\"\nprogramm = \"x\"\n").unwrap();
        let problems = catalog(&env).unwrap_err();
        assert!(
            problems
                .contains("bad.toml:2:1: error: unknown key `programm`, did you mean `program`?"),
            "{problems}"
        );
    }
}
