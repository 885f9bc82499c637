//! The commit that HEAD names, read without starting git: a run's start must not wait for it.
//!
//! Knows loose and packed references and linked worktrees; git is asked only where these files do not tell
//! (reftable). Must not be used where it matters that the object exists; it is for the record.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::workspace::git::Git;

/// Returns the commit of `HEAD`; none outside a repository or before its first commit.
#[must_use]
pub fn commit(root: &Path) -> Option<String> {
    let git = git_folder(root)?;
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let head = head.trim();
    let Some(name) = head.strip_prefix("ref: ") else {
        return hash(head);
    };
    if name.split('/').any(|part| part == "..") {
        return None;
    }
    let common = common(&git);
    if in_tables(&common) {
        let asked = Git::users(root).line(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
        return hash(str::from_utf8(&asked.ok()?).ok()?);
    }
    [&git, &common]
        .iter()
        .find_map(|folder| hash(fs::read_to_string(folder.join(name)).ok()?.trim()))
        .or_else(|| {
            let packed = fs::read_to_string(common.join("packed-refs")).ok()?;
            packed
                .lines()
                .find_map(|line| line.strip_suffix(name)?.strip_suffix(' ').and_then(hash))
        })
}

/// Returns the branch that `HEAD` is on; none where it names a commit itself, or nothing is known.
#[must_use]
pub fn branch(root: &Path) -> Option<String> {
    let git = git_folder(root)?;
    if in_tables(&common(&git)) {
        let asked = Git::users(root).line(&["symbolic-ref", "--quiet", "HEAD"]);
        let name = String::from_utf8(asked.ok()?).ok()?;
        return name.strip_prefix("refs/heads/").map(str::to_owned);
    }
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let branch = head.trim().strip_prefix("ref: refs/heads/")?;
    Some(branch.to_owned())
}

/// The folder with the branches: a linked worktree keeps them in the main one.
fn common(git: &Path) -> PathBuf {
    let named = fs::read_to_string(git.join("commondir"));
    named.map_or_else(|_| git.to_owned(), |c| git.join(c.trim()))
}

/// Whether references are kept in tables (reftable), so that `HEAD` is a file without a meaning.
fn in_tables(common: &Path) -> bool {
    common.join("reftable").is_dir()
}

fn git_folder(root: &Path) -> Option<PathBuf> {
    let dot = root.join(".git");
    if dot.is_dir() {
        return Some(dot);
    }
    let text = fs::read_to_string(&dot).ok()?;
    Some(root.join(text.trim().strip_prefix("gitdir: ")?))
}

fn hash(text: &str) -> Option<String> {
    let well = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    well.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loose_packed_and_detached() {
        let dir = tempfile::tempdir().unwrap();
        let git = dir.path().join(".git");
        fs::create_dir_all(git.join("refs/heads")).unwrap();
        assert_eq!(commit(dir.path()), None);
        fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        assert_eq!(commit(dir.path()), None);
        let a = "a".repeat(40);
        fs::write(
            git.join("packed-refs"),
            format!("# pack-refs\n{a} refs/heads/main\n"),
        )
        .unwrap();
        assert_eq!(commit(dir.path()), Some(a));
        let b = "b".repeat(40);
        fs::write(git.join("refs/heads/main"), format!("{b}\n")).unwrap();
        assert_eq!(commit(dir.path()), Some(b));
        assert_eq!(branch(dir.path()).as_deref(), Some("main"));
        let c = "c".repeat(40);
        fs::write(git.join("HEAD"), format!("{c}\n")).unwrap();
        assert_eq!(commit(dir.path()), Some(c));
        assert_eq!(branch(dir.path()), None);
        assert_eq!(commit(Path::new("/nonexistent")), None);
    }

    #[test]
    fn git_is_asked_where_references_are_in_tables() {
        let dir = tempfile::tempdir().unwrap();
        let git = |at: &Path, args: &[&str]| {
            let mut command = std::process::Command::new("git");
            let command = command.current_dir(at).args(args).env("HOME", dir.path());
            let command = command
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .env_remove("XDG_CONFIG_HOME")
                .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "a")))
                .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "a@b")));
            let out = command.output().unwrap();
            let text = String::from_utf8(out.stdout).unwrap();
            out.status.success().then(|| text.trim().to_owned())
        };
        let root = dir.path().join("r");
        fs::create_dir(&root).unwrap();
        let made = git(
            &root,
            &["init", "-q", "-b", "one/two", "--ref-format=reftable"],
        );
        if made.is_none() {
            // This git knows no tables (before 2.45).
            return;
        }
        assert_eq!(commit(&root), None);
        git(&root, &["commit", "-q", "--allow-empty", "-m", "x"]).unwrap();
        let head = git(&root, &["rev-parse", "HEAD"]);
        assert_eq!(
            (commit(&root), branch(&root).as_deref()),
            (head, Some("one/two"))
        );
        let other = dir.path().join("w");
        git(&root, &["worktree", "add", "-q", "--detach", "../w"]).unwrap();
        git(&other, &["commit", "-q", "--allow-empty", "-m", "y"]).unwrap();
        let head = git(&other, &["rev-parse", "HEAD"]);
        assert_eq!((commit(&other), branch(&other)), (head, None));
    }
}
