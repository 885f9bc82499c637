//! What wavedeck remembers for a person between its starts: small private files in
//! `$XDG_STATE_HOME/wavedeck` (`~/.local/state/wavedeck`).
//!
//! Nothing here is needed for a run: a folder that cannot be made or a file that cannot be read is
//! as if nothing had been remembered. Must not hold anything of a run.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
};

/// Bytes that a file may have.
const LIMIT: u64 = 1 << 20;

/// The folder; none where the environment names no home.
#[must_use]
pub fn folder(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    // Relative paths are to be ignored (XDG base directory specification).
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let set = |name: &str| env(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let state = set("XDG_STATE_HOME")
        .and_then(absolute)
        .or_else(|| Some(absolute(set("HOME")?)?.join(".local/state")))?;
    Some(state.join("wavedeck"))
}

/// Reads a file; none where it is not there.
///
/// # Errors
/// When it cannot be read, is no regular file, is too large or not UTF-8.
pub fn read(env: &dyn Fn(&str) -> Option<String>, name: &str) -> io::Result<Option<String>> {
    let Some(folder) = folder(env) else {
        return Ok(None);
    };
    // A pipe in its place would wait for a writer.
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(nonblock)
        .open(folder.join(name));
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    file.take(LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LIMIT {
        return Err(io::Error::other("it is too large"));
    }
    Ok(Some(text))
}

/// Writes a file in one step: whoever reads it sees the old one or the new one. For its owner alone.
///
/// # Errors
/// Whatever the system says.
pub fn write(env: &dyn Fn(&str) -> Option<String>, name: &str, text: &str) -> io::Result<()> {
    let folder = folder(env).ok_or_else(|| io::Error::other("there is no home folder"))?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    // Its own name, so that two programs at once do not write into one file.
    let part = folder.join(format!(".{name}.{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&part, folder.join(name)));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn files_are_private_and_replaced_whole() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().display().to_string();
        let env = move |name: &str| (name == "HOME").then(|| path.clone());
        assert_eq!(read(&env, "a.json").unwrap(), None);
        write(&env, "a.json", "one and more").unwrap();
        write(&env, "a.json", "two").unwrap();
        assert_eq!(read(&env, "a.json").unwrap().as_deref(), Some("two"));
        let folder = home.path().join(".local/state/wavedeck");
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&folder) & 0o777, 0o700);
        assert_eq!(mode(&folder.join("a.json")) & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        // What is no file of ours is said, not waited for.
        fs::remove_file(folder.join("a.json")).unwrap();
        fs::create_dir(folder.join("a.json")).unwrap();
        assert!(read(&env, "a.json").is_err());
        assert!(write(&env, "a.json", "x").is_err());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        // No home: nothing is remembered.
        assert_eq!(read(&|_| None, "a.json").unwrap(), None);
        assert!(write(&|_| None, "a.json", "x").is_err());
        let relative = |name: &str| (name == "XDG_STATE_HOME").then(|| "here".to_owned());
        assert_eq!(folder_of(&relative), None);
    }

    fn folder_of(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
        super::folder(env)
    }
}
