//! A person's own keys and theme: files beside the user's `config.toml`, over the built-in ones.
//!
//! `keymap.toml` lies over `assets/keymap.toml`; `themes/NAME.toml` over the built-in theme of that
//! name, or over the one that it names with `over`. Only for the dashboard: no other command reads
//! them. Must not touch the terminal.

use std::path::{Path, PathBuf};

use super::{error::Error, load};
use crate::{
    config,
    plan::diag::escape,
    tui::{
        keymap::Keymap,
        theme::{self, Depth, Theme},
    },
};

/// Name of a person's keymap beside their `config.toml`.
const KEYMAP: &str = "keymap.toml";
/// Folder of a person's themes beside their `config.toml`.
const THEMES: &str = "themes";

/// Where a person's files are: the folder of their `config.toml`.
fn folder(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    Some(config::user_file(env)?.parent()?.to_owned())
}

/// Reads a file of the folder; none where it is not there.
fn read(path: &Path) -> Result<Option<String>, Error> {
    load::read_layer(path)
        .map_err(|why| Error::usage(format!("{} cannot be read: {why}", path.display())))
}

/// The keys: the built-in ones, and the person's over them.
///
/// # Errors
/// All problems of the person's file, each with file and line.
pub fn keymap(env: &dyn Fn(&str) -> Option<String>) -> Result<Keymap, Error> {
    let path = folder(env).map(|f| f.join(KEYMAP));
    let text = path.as_deref().map(read).transpose()?.flatten();
    Keymap::new(text.as_deref()).map_err(|errors| {
        let file = path.map_or_else(String::new, |p| escape(&p.display().to_string()));
        let lines = errors
            .iter()
            .map(|e| format!("error: {}\n --> {file}:{}\n", escape(&e.what), e.line));
        Error::Problems(lines.collect())
    })
}

/// The theme of a name, for a terminal.
///
/// # Errors
/// Nobody knows the name, or the person's file is wrong: with file and line.
pub fn theme(
    env: &dyn Fn(&str) -> Option<String>,
    name: &str,
    depth: Depth,
    ascii: bool,
) -> Result<Theme, Error> {
    let name = match name {
        "default" => "dark",
        other => other,
    };
    let path = folder(env).map(|f| f.join(THEMES).join(format!("{name}.toml")));
    let text = path.as_deref().map(read).transpose()?.flatten();
    let file = path.map_or_else(String::new, |p| escape(&p.display().to_string()));
    Theme::new(name, text.as_deref(), depth, ascii).map_err(|error| match error {
        theme::ThemeError::Unknown { .. } => {
            Error::usage(error.to_string()).help(format!("a theme of your own would be {file}"))
        }
        theme::ThemeError::Invalid { line, what } => {
            Error::Problems(format!("error: {}\n --> {file}:{line}\n", escape(&what)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A home with these files in its configuration folder.
    fn home(files: &[(&str, &str)]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = home.path().join("wavedeck").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        home
    }

    fn text(error: Error) -> String {
        match error {
            Error::Problems(text) => text,
            Error::Usage { message, help } | Error::Failed { message, help } => {
                format!("{message} {}", help.unwrap_or_default())
            }
            Error::Internal { .. } => panic!("internal"),
        }
    }

    #[test]
    fn files_of_a_person_lie_over_the_built_in_ones() {
        let home = home(&[
            ("keymap.toml", "act = [{ on = \"F5\", run = \"pause\" }]\n"),
            ("themes/dark.toml", "[zone]\nred = { fg = \"#010203\" }\n"),
            (
                "themes/mine.toml",
                "over = \"light\"\n[zone]\nred = { fg = \"#040506\" }\n",
            ),
        ]);
        let dir = home.path().display().to_string();
        let env = move |name: &str| (name == "XDG_CONFIG_HOME").then(|| dir.clone());
        let keys = keymap(&env).unwrap();
        assert_ne!(keys, Keymap::default());
        let dark = theme(&env, "default", Depth::True, false).unwrap();
        let light = Theme::new("light", None, Depth::True, false).unwrap();
        let mine = theme(&env, "mine", Depth::True, false).unwrap();
        assert_ne!(dark.zone.red, Theme::default().zone.red);
        assert_ne!(mine.zone.red, light.zone.red);
        assert_eq!(mine.base, light.base);
        let none = |_: &str| None;
        assert_eq!(keymap(&none).unwrap(), Keymap::default());
    }

    #[test]
    fn what_is_wrong_is_told_with_file_line_and_a_suggestion() {
        let home = home(&[
            (
                "keymap.toml",
                "act = [\n  { on = \"F5\", run = \"pauze\" },\n  { on = \"PageDwn\", run = \"stop\" },\n]\n",
            ),
            ("themes/dark.toml", "[zone]\n\nredd = {}\n"),
            ("themes/light.toml", "[zone]\nred = { fg = \"reddish\" }\n"),
            ("themes/mine.toml", "over = \"ligth\"\n"),
        ]);
        let dir = home.path().display().to_string();
        let env = move |name: &str| (name == "XDG_CONFIG_HOME").then(|| dir.clone());
        let keys = text(keymap(&env).unwrap_err());
        for part in [
            "`pauze`, did you mean `pause`?",
            "keymap.toml:2\n",
            "`PageDwn`, did you mean `PageDown`?",
            "keymap.toml:3\n",
        ] {
            assert!(keys.contains(part), "{part}: {keys}");
        }
        let of = |name: &str| text(theme(&env, name, Depth::True, false).unwrap_err());
        for (name, parts) in [
            ("dark", ["`redd`, did you mean `red`?", "dark.toml:3\n"]),
            ("light", ["light-red", "light.toml:2\n"]),
            ("mine", ["`ligth`, did you mean `light`?", "mine.toml:1\n"]),
            ("drak", ["`drak`, did you mean `dark`?", "themes/drak.toml"]),
        ] {
            let said = of(name);
            for part in parts {
                assert!(said.contains(part), "{part}: {said}");
            }
        }
    }
}
