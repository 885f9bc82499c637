//! The commit that HEAD names, read without starting git: a run's start must not wait for it.
//!
//! Knows loose and packed references and linked worktrees. Must not be used where it matters that
//! the object exists; it is for the record.

use std::{
    fs,
    path::{Path, PathBuf},
};

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
    // A linked worktree keeps its branches in the main folder.
    let common = fs::read_to_string(git.join("commondir"))
        .map_or_else(|_| git.clone(), |c| git.join(c.trim()));
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
    let head = fs::read_to_string(git_folder(root)?.join("HEAD")).ok()?;
    let branch = head.trim().strip_prefix("ref: refs/heads/")?;
    Some(branch.to_owned())
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
}
