//! What differs between two commits, path by path.

use super::git::{Git, GitError};

/// Paths that are listed; the numbers count all.
pub const LISTED: usize = 20_000;

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is new.
    Added,
    /// Its content or mode is another.
    Modified,
    /// It is gone.
    Deleted,
    /// It is of another kind: file, link, submodule.
    Retyped,
}

/// One path that differs. A renamed file is one that is gone and one that is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Below the repository's root, as git has it; any bytes but zero.
    pub path: Vec<u8>,
    /// What happened to it.
    pub status: Status,
    /// Lines that are new; 0 where it is binary.
    pub added: u64,
    /// Lines that are gone; 0 where it is binary.
    pub removed: u64,
    /// Whether git takes it for binary.
    pub binary: bool,
    /// Whether it is a submodule, before or after.
    pub submodule: bool,
}

/// All that differs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// At most [`LISTED`], in git's order.
    pub list: Vec<Change>,
    /// How many there are.
    pub total: usize,
    /// Lines that are new, of all.
    pub added: u64,
    /// Lines that are gone, of all.
    pub removed: u64,
}

/// Compares two commits or trees, the first one being the older.
pub fn between(git: &Git, old: &str, new: &str) -> Result<Changes, GitError> {
    let out = git.clone().most(512 << 20).run(&[
        "diff-tree",
        "-r",
        "-z",
        "--raw",
        "--numstat",
        "--no-abbrev",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--ignore-submodules=none",
        "--end-of-options",
        old,
        new,
    ])?;
    Ok(parsed(&out))
}

/// Reads `--raw --numstat -z`: first all of the one, then all of the other, in the same order.
fn parsed(out: &[u8]) -> Changes {
    let mut changes = Changes::default();
    let mut fields = out.split(|&b| b == 0);
    let mut counted = 0;
    while let Some(field) = fields.next() {
        if let Some(raw) = field.strip_prefix(b":") {
            changes.total += 1;
            let path = fields.next().unwrap_or_default();
            if changes.list.len() < LISTED {
                let status = match raw.last() {
                    Some(b'A') => Status::Added,
                    Some(b'D') => Status::Deleted,
                    Some(b'T') => Status::Retyped,
                    _ => Status::Modified,
                };
                let mut modes = raw.split(|&b| b == b' ');
                let link = |m: Option<&[u8]>| m == Some(b"160000");
                changes.list.push(Change {
                    path: path.to_vec(),
                    status,
                    added: 0,
                    removed: 0,
                    binary: false,
                    submodule: link(modes.next()) | link(modes.next()),
                });
            }
            continue;
        }
        let mut parts = field.splitn(3, |&b| b == b'\t');
        let (Some(added), Some(removed), Some(_)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u64>().ok();
        let (added, removed) = (number(added), number(removed));
        changes.added += added.unwrap_or(0);
        changes.removed += removed.unwrap_or(0);
        if let Some(change) = changes.list.get_mut(counted) {
            change.binary = added.is_none();
            change.added = added.unwrap_or(0);
            change.removed = removed.unwrap_or(0);
        }
        counted += 1;
    }
    changes
}
