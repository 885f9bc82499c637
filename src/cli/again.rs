//! The command that comes back to a run, as a person's shell takes it.
//!
//! Exact: with the folder where that is not the shell's own, and with the program's path where its
//! name alone would not find it. Must not run anything.

use std::path::{Path, PathBuf};

use super::load;

/// What is known of the shell that started us.
#[derive(Debug, Clone, Default)]
struct Shell {
    /// Its directory (`PWD`).
    pwd: Option<PathBuf>,
    /// Folders in which it finds programs.
    path: Vec<PathBuf>,
    /// It has `WAVEDECK_HOME`: runs are found from everywhere.
    home: bool,
}

/// Returns the command line of wavedeck with these words, for the shell that started us.
#[must_use]
pub fn command(words: &[&str]) -> String {
    let program = std::env::current_exe().unwrap_or_default();
    of(Some(&program), words)
}

/// The same of another program, whose words come first: it works where the run does.
#[must_use]
pub fn another(words: &[&str]) -> String {
    of(None, words)
}

fn of(program: Option<&Path>, words: &[&str]) -> String {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
    let shell = Shell {
        pwd: set("PWD").map(PathBuf::from),
        path: set("PATH").map_or_else(Vec::new, |p| std::env::split_paths(&p).collect()),
        home: set("WAVEDECK_HOME").is_some(),
    };
    let here = std::env::current_dir().unwrap_or_default();
    line(&shell, &here, program, words)
}

/// `here` is the directory in which the words mean the run; `program` is ours, where it is that.
fn line(shell: &Shell, here: &Path, program: Option<&Path>, words: &[&str]) -> String {
    // Runs belong to the repository, so that any folder of it will do.
    let place = |folder: &Path| {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        load::repository(&folder).unwrap_or(folder)
    };
    let there = shell.home
        || shell
            .pwd
            .as_deref()
            .is_none_or(|pwd| place(pwd) == place(here));
    let program_of = |folder: &PathBuf| folder.join("wavedeck").canonicalize().ok();
    let mut out = String::new();
    if !there {
        out = format!("cd {} && ", quoted(&here.display().to_string()));
    }
    let mut all: Vec<String> = Vec::new();
    if let Some(program) = program {
        let by_name = shell.path.iter().find_map(program_of) == program.canonicalize().ok();
        all.push(if by_name {
            "wavedeck".to_owned()
        } else {
            quoted(&program.display().to_string())
        });
    }
    all.extend(words.iter().map(|word| quoted(word)));
    out.push_str(&all.join(" "));
    out
}

/// A word as a shell takes it.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_works_where_the_shell_is() {
        let base = tempfile::tempdir().unwrap();
        let dir = |name: &str| {
            let path = base.path().canonicalize().unwrap().join(name);
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        let (bin, other, run, sub) = (dir("bin"), dir("it's other"), dir("run"), dir("run/sub"));
        dir("run/.git");
        let program = bin.join("wavedeck");
        std::fs::write(&program, "").unwrap();
        let known = Shell {
            pwd: Some(sub.clone()),
            path: vec![other.clone(), bin],
            home: false,
        };
        let words = ["attach", "25fd"];
        // Somewhere in the repository, with the program on the path.
        assert_eq!(
            line(&known, &run, Some(&program), &words),
            "wavedeck attach 25fd"
        );
        assert_eq!(line(&known, &run, None, &["git", "a b"]), "git 'a b'");
        // A shell that is elsewhere, and does not find the program.
        let far = Shell {
            pwd: Some(sub),
            ..Shell::default()
        };
        assert_eq!(
            line(&far, &other, Some(&program), &words),
            format!(
                r"cd '{}' && {} attach 25fd",
                other.display().to_string().replace('\'', r"'\''"),
                program.display()
            )
        );
        let home = Shell { home: true, ..far };
        assert_eq!(
            line(&home, &other, Some(&program), &words),
            format!("{} attach 25fd", program.display())
        );
    }
}
