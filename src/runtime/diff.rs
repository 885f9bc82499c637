//! What has changed in the repository since a run began, as a person sees it before an approval.
//!
//! All agents of this version share the repository, so it is one diff for all: of the working tree
//! against the commit that the run began with. Read by the dashboard's process on a thread of its own,
//! never by the runner. Must not change anything: git takes no locks and runs no program of the
//! repository's.

use std::{path::Path, thread, time::Duration};

use tokio::sync::mpsc;

use crate::{
    tui::feed::Update,
    workspace::{Git, GitError, without_filters},
};

/// Bytes that are read; what comes after is cut off, and that is said.
const MOST: usize = 512 << 10;
/// New files that are listed.
const NEW_FILES: usize = 200;
/// What is said where git has nothing to say.
const NO_DIFF: &str = "git has no diff: this is no repository, or the commit is gone";
/// Time that git may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Reads the diff on a thread of its own and sends it.
pub fn send(run_dir: &Path, base: String, commit: Option<String>, to: &mpsc::Sender<Update>) {
    let run_dir = run_dir.to_owned();
    let answer = to.clone();
    let started = thread::Builder::new().name("diff".into()).spawn(move || {
        let result = match &commit {
            Some(commit) => of_commits(&run_dir, &base, commit),
            None => workdir(&run_dir).and_then(|dir| read(&dir, &base)),
        };
        // Who has gone wants no answer.
        let _ = answer.blocking_send(Update::Diff { result });
    });
    if let Err(error) = started {
        let result = Err(format!("the diff cannot be read: {error}"));
        let _ = to.blocking_send(Update::Diff { result });
    }
}

/// The folder that a run's agents work in, as its folder has it.
///
/// # Errors
/// It cannot be read, or is damaged.
pub fn workdir(run_dir: &Path) -> Result<std::path::PathBuf, String> {
    #[derive(serde::Deserialize)]
    struct Only {
        workdir: String,
    }
    let text = std::fs::read_to_string(run_dir.join("config.toml"))
        .map_err(|error| format!("config.toml of the run cannot be read: {error}"))?;
    let only: Only =
        toml::from_str(&text).map_err(|_| "config.toml of the run is damaged".to_owned())?;
    Ok(only.workdir.into())
}

/// Reads what a commit changed on top of another, in the repository of a run: as files with their
/// stretches.
pub(super) fn of_commits(run_dir: &Path, base: &str, commit: &str) -> Result<Vec<u8>, String> {
    if !is_commit(base) || !is_commit(commit) {
        return Err("the work has no commit that can be read".to_owned());
    }
    let args = [
        "diff",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--find-renames",
        "--src-prefix=a/",
        "--dst-prefix=b/",
        base,
        commit,
        "--",
    ];
    let dir = workdir(run_dir)?;
    let (mut out, cut) = git(&dir, &args)?;
    if cut {
        let note = format!("\n… cut off after {} KiB\n", MOST >> 10);
        out.extend_from_slice(note.as_bytes());
    }
    Ok(out)
}

/// It comes from a file, and must not be taken for an option.
fn is_commit(name: &str) -> bool {
    name.len() >= 40 && name.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Reads the diff of a folder against a commit: what changed in numbers, new files, the changes.
fn read(dir: &Path, base: &str) -> Result<Vec<u8>, String> {
    if !is_commit(base) {
        return Err("the run knows no commit that it began with".to_owned());
    }
    let diff = [
        "diff",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        // In repositories within git would start itself, with the configuration that it finds there.
        "--ignore-submodules=dirty",
        "--patch-with-stat",
    ];
    let (mut out, cut) = git(dir, &[&diff[..], &[base, "--"]].concat())?;
    let list = ["ls-files", "--others", "--exclude-standard"];
    let (new, _) = git(dir, &list)?;
    let files: Vec<&[u8]> = new
        .split(|&b| b == b'\n')
        .filter(|l| !l.is_empty())
        .collect();
    if !files.is_empty() {
        let mut head = format!("{} new, not known to git yet:\n", files.len()).into_bytes();
        for file in files.iter().take(NEW_FILES) {
            head.extend_from_slice(b" + ");
            head.extend_from_slice(file);
            head.push(b'\n');
        }
        if files.len() > NEW_FILES {
            let more = format!("   and {} more\n", files.len() - NEW_FILES);
            head.extend_from_slice(more.as_bytes());
        }
        head.push(b'\n');
        head.append(&mut out);
        out = head;
    }
    if cut {
        let note = format!(
            "\n… cut off after {} KiB; `git diff` has all of it\n",
            MOST >> 10
        );
        out.extend_from_slice(note.as_bytes());
    }
    Ok(out)
}

/// Runs git and reads what it prints; true: there is more.
fn git(dir: &Path, args: &[&str]) -> Result<(Vec<u8>, bool), String> {
    let git = Git::users(dir).limit(LIMIT).most(MOST);
    // Agents that share the repository can write its configuration.
    let found = without_filters(git).and_then(|git| git.output(args, &[]));
    let found = found.map_err(|error| match error {
        GitError::Failed { .. } => NO_DIFF.to_owned(),
        other => other.to_string(),
    })?;
    if found.code != Some(0) && !found.cut {
        return Err(NO_DIFF.to_owned());
    }
    Ok((found.out, found.cut))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn run(dir: &Path, args: &[&str]) {
        let status = Command::new("git")
            .arg("-C")
            .arg(dir)
            .args([
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@t",
                "-c",
                "commit.gpgsign=false",
            ])
            .args(args)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{args:?}");
    }

    #[test]
    fn a_diff_holds_changes_and_new_files_and_runs_no_program_of_the_repository() {
        let folder = tempfile::TempDir::new().unwrap();
        let dir = folder.path();
        run(dir, &["init", "-q"]);
        std::fs::write(dir.join("a.txt"), "one\n").unwrap();
        run(dir, &["add", "a.txt"]);
        run(dir, &["commit", "-qm", "first"]);
        let head = Command::new("git")
            .arg("-C")
            .arg(dir)
            .args(["rev-parse", "HEAD"])
            .output()
            .unwrap();
        let base = String::from_utf8(head.stdout).unwrap().trim().to_owned();
        assert_eq!(read(dir, &base), Ok(Vec::new()));
        std::fs::write(dir.join("a.txt"), "one\n\x1b]0;owned\x07two\n").unwrap();
        std::fs::write(dir.join("new.txt"), "x\n").unwrap();
        // Programs that a hostile repository would have us start.
        let trap = dir.join("trap");
        let touch = format!("touch {}", trap.display());
        run(dir, &["config", "diff.external", &touch]);
        run(dir, &["config", "core.fsmonitor", &touch]);
        run(
            dir,
            &["config", "filter.a=b.clean", &format!("{touch}; cat")],
        );
        std::fs::write(dir.join(".git/info/attributes"), "*.txt filter=a=b\n").unwrap();
        let text = String::from_utf8(read(dir, &base).unwrap()).unwrap();
        assert!(!trap.exists());
        assert!(text.contains("a.txt | 1 +"), "{text}");
        assert!(
            text.contains("1 new, not known to git yet:\n + new.txt"),
            "{text}"
        );
        assert!(text.contains("two\n"), "{text}");
        let shown = crate::tui::output::Diff::new(text.as_bytes())
            .lines
            .join("\n");
        assert!(
            !shown.contains('\u{1b}') && shown.contains("+two"),
            "{shown}"
        );
        assert!(read(dir, "--output=x").is_err());
        assert!(read(dir, &"0".repeat(40)).is_err());
    }

    #[test]
    fn a_huge_diff_is_cut() {
        let folder = tempfile::TempDir::new().unwrap();
        let dir = folder.path();
        run(dir, &["init", "-q"]);
        run(dir, &["commit", "-qm", "first", "--allow-empty"]);
        std::fs::write(dir.join("big"), "line of the file\n".repeat(60_000)).unwrap();
        run(dir, &["add", "big"]);
        let head = Command::new("git")
            .arg("-C")
            .arg(dir)
            .args(["rev-parse", "HEAD"])
            .output()
            .unwrap();
        let base = String::from_utf8(head.stdout).unwrap().trim().to_owned();
        let bytes = read(dir, &base).unwrap();
        assert!(bytes.len() < MOST + 200, "{}", bytes.len());
        assert!(String::from_utf8_lossy(&bytes).contains("cut off after 512 KiB"));
    }
}
