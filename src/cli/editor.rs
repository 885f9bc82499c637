//! Lets a person edit a text in the program that `$VISUAL` or `$EDITOR` names.
//!
//! The text goes into a private file and comes back from it. Must not draw: the caller has given the
//! terminal away and takes it back.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{conflict::MOST_FILE_BYTES, display::clean_line, sys};

/// Lets a person edit a text; `name` tells the editor the language. None: it was not changed.
///
/// # Errors
/// One sentence: there is no editor, it failed, or what it left cannot be read.
pub fn edit(name: &str, text: &str) -> Result<Option<String>, String> {
    let argv = argv(|key| std::env::var_os(key))?;
    let folder =
        Folder::new().map_err(|e| format!("the text cannot be handed to an editor: {e}"))?;
    edit_in(&folder.0, &argv, name, text)
}

fn edit_in(
    folder: &Path,
    argv: &[OsString],
    name: &str,
    text: &str,
) -> Result<Option<String>, String> {
    let path = folder.join(plain(name));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|e| format!("the text cannot be handed to an editor: {e}"))?;
    let shown = clean_line(argv[0].to_string_lossy().as_bytes(), 60);
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).arg(&path);
    let status = sys::foreground::run(&mut command)
        .map_err(|e| format!("the editor `{shown}` cannot be started: {e}"))?;
    if !status {
        return Err(format!("the editor `{shown}` failed: nothing is taken"));
    }
    let mut bytes = Vec::new();
    fs::File::open(&path)
        .and_then(|file| {
            file.take(MOST_FILE_BYTES as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .map_err(|e| format!("what the editor left cannot be read: {e}"))?;
    if bytes.len() > MOST_FILE_BYTES {
        return Err(format!(
            "the text is longer than {} MiB",
            MOST_FILE_BYTES >> 20
        ));
    }
    let left = String::from_utf8(bytes).map_err(|_| "the text is not UTF-8".to_owned())?;
    Ok((left != text).then_some(left))
}

/// The words of the editor's command: `$VISUAL`, else `$EDITOR`, else `vi`.
fn argv(var: impl Fn(&str) -> Option<OsString>) -> Result<Vec<OsString>, String> {
    for key in ["VISUAL", "EDITOR"] {
        let Some(value) = var(key).filter(|value| !value.is_empty()) else {
            continue;
        };
        let text = value
            .to_str()
            .ok_or_else(|| format!("${key} is not UTF-8"))?;
        let words = crate::plan::words::split(text).map_err(|e| format!("${key}: {e}"))?;
        if !words.is_empty() {
            return Ok(words.into_iter().map(OsString::from).collect());
        }
    }
    Ok(vec!["vi".into()])
}

/// A name without anything that could lead out of the folder or be taken for an option.
fn plain(name: &str) -> String {
    let kept: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
        .take(80)
        .collect();
    let kept = kept.trim_start_matches(['.', '-']);
    if kept.is_empty() {
        "text".to_owned()
    } else {
        kept.to_owned()
    }
}

/// A private folder that goes with what is in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let base = std::env::temp_dir();
        let id = std::process::id();
        for n in 0..1000 {
            let path = base.join(format!("wavedeck-edit-{id}-{n}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("no folder for it can be made"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_editor_is_the_persons() {
        let of = |visual: Option<&str>, editor: Option<&str>| {
            argv(|key| if key == "VISUAL" { visual } else { editor }.map(OsString::from))
        };
        assert_eq!(of(None, None).unwrap(), ["vi"]);
        assert_eq!(of(Some(""), Some("nano -w")).unwrap(), ["nano", "-w"]);
        assert_eq!(
            of(Some("code --wait"), Some("nano")).unwrap(),
            ["code", "--wait"]
        );
        assert!(of(Some("a \"b"), None).is_err());
    }

    #[test]
    fn names_stay_in_their_folder() {
        assert_eq!(plain("../../a b.rs"), "ab.rs");
        assert_eq!(plain("-rf"), "rf");
        assert_eq!(plain("\u{202e}"), "text");
    }

    #[test]
    fn what_an_editor_leaves_comes_back() {
        let folder = Folder::new().unwrap();
        let run = |name: &str, argv: &[&str]| {
            let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
            edit_in(&folder.0, &argv, name, "one\n")
        };
        assert_eq!(run("a", &["true"]), Ok(None));
        assert_eq!(
            run("b.rs", &["sh", "-c", "echo two >> \"$1\"", "sh"]),
            Ok(Some("one\ntwo\n".to_owned()))
        );
        assert!(run("c", &["false"]).is_err());
        assert!(run("d", &["/no/such/editor"]).is_err());
        let path = folder.0.clone();
        drop(folder);
        assert!(!path.exists());
    }
}
