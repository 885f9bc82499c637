//! The theme that a person chose in the dashboard, remembered for the next one.
//!
//! It stands in a file of wavedeck's own below the state folder: the configuration stays the
//! person's. Must not know what a theme is.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::{load, personal::Env};

/// Bytes that the file may have.
const LIMIT: u64 = 4096;

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Chosen {
    theme: String,
    /// What the configuration said then: once it says something else, that is the newer word.
    instead_of: String,
}

/// `$XDG_STATE_HOME/wavedeck/theme.toml`.
fn file(env: Env<'_>) -> Option<PathBuf> {
    let own = env("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|p| p.is_absolute());
    let base = own.or_else(|| {
        let home = PathBuf::from(env("HOME")?);
        home.is_absolute().then(|| home.join(".local/state"))
    })?;
    Some(base.join("wavedeck/theme.toml"))
}

/// The chosen theme, while the configuration still says what it said when it was chosen.
///
/// A file that cannot be read is as good as none: it is wavedeck's own, and the configuration says
/// what holds without it.
#[must_use]
pub fn read(env: Env<'_>, configured: &str) -> Option<String> {
    let text = load::read_own(&file(env)?, LIMIT).ok()??;
    let chosen: Chosen = toml::from_str(&text).ok()?;
    (chosen.instead_of == configured).then_some(chosen.theme)
}

/// Remembers a choice; one that is what the configuration says needs no file.
///
/// # Errors
/// The file cannot be written.
pub fn write(env: Env<'_>, configured: &str, theme: &str) -> io::Result<()> {
    let path =
        file(env).ok_or_else(|| io::Error::other("neither HOME nor XDG_STATE_HOME is set"))?;
    if theme == configured {
        return match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let chosen = Chosen {
        theme: theme.to_owned(),
        instead_of: configured.to_owned(),
    };
    let text = toml::to_string(&chosen).map_err(io::Error::other)?;
    if let Some(folder) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    // Beside it and then in its place: two dashboards may choose at once.
    let new = path.with_extension(format!("new-{}", std::process::id()));
    fs::write(&new, text)?;
    fs::rename(&new, &path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_holds_until_the_configuration_says_something_else() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("state").display().to_string();
        let env = move |name: &str| (name == "XDG_STATE_HOME").then(|| dir.clone());
        assert_eq!(read(&env, "default"), None);
        write(&env, "default", "light").unwrap();
        assert_eq!(read(&env, "default").as_deref(), Some("light"));
        assert_eq!(read(&env, "mono"), None);
        fs::write(file(&env).unwrap(), "theme = [").unwrap();
        assert_eq!(read(&env, "default"), None);
        write(&env, "light", "light").unwrap();
        assert!(!file(&env).unwrap().exists());
        assert!(write(&|_| None, "a", "b").is_err());
    }
}
