//! Reads what `git merge-tree -z` and `git ls-tree -z` print.
//!
//! Bytes in, lists out; must not run git.

use crate::conflict::{Entry, RepoPath};

use super::{MergeError, store::printed};

/// What merge-tree says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Printed {
    /// The merged tree.
    pub tree: String,
    /// Paths in conflict, in git's order: path, stage (1 base, 2 ours, 3 theirs), what is there.
    pub stages: Vec<(RepoPath, u8, Entry)>,
    /// What it has to say.
    pub messages: Vec<Message>,
}

/// A message about one or more paths.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub paths: Vec<RepoPath>,
    /// A fixed word, such as `CONFLICT (rename/delete)`.
    pub kind: Vec<u8>,
    pub text: Vec<u8>,
}

/// Reads `git merge-tree --write-tree -z --messages`.
pub(super) fn merge_tree(out: &[u8]) -> Result<Printed, MergeError> {
    const WHAT: &str = "merge-tree";
    let wrong = || MergeError::Unexpected(WHAT);
    let mut fields = out.split(|&b| b == 0);
    let mut all = Printed {
        tree: printed(fields.next().ok_or_else(wrong)?, WHAT)?,
        ..Printed::default()
    };
    // An empty field ends the list of stages.
    for field in fields.by_ref().take_while(|f| !f.is_empty()) {
        let tab = field.iter().position(|&b| b == b'\t').ok_or_else(wrong)?;
        let (head, path) = (&field[..tab], &field[tab + 1..]);
        let mut words = head.split(|&b| b == b' ');
        let mode = words.next().and_then(octal).ok_or_else(wrong)?;
        let oid = printed(words.next().ok_or_else(wrong)?, WHAT)?;
        let stage = match words.next() {
            Some(b"1") => 1,
            Some(b"2") => 2,
            Some(b"3") => 3,
            _ => return Err(wrong()),
        };
        all.stages
            .push((RepoPath::new(path), stage, Entry { mode, oid }));
    }
    while let Some(count) = fields.next().filter(|f| !f.is_empty()) {
        let count = number(count).ok_or_else(wrong)?;
        let mut paths = Vec::new();
        for _ in 0..count {
            paths.push(RepoPath::new(fields.next().ok_or_else(wrong)?));
        }
        let kind = fields.next().ok_or_else(wrong)?.to_vec();
        let text = fields.next().ok_or_else(wrong)?.to_vec();
        all.messages.push(Message { paths, kind, text });
    }
    Ok(all)
}

/// Reads `git ls-tree -z`: what is at each path.
pub(super) fn ls_tree(out: &[u8]) -> Result<Vec<(RepoPath, Entry)>, MergeError> {
    const WHAT: &str = "ls-tree";
    let wrong = || MergeError::Unexpected(WHAT);
    let mut all = Vec::new();
    for field in out.split(|&b| b == 0).filter(|f| !f.is_empty()) {
        let tab = field.iter().position(|&b| b == b'\t').ok_or_else(wrong)?;
        let mut words = field[..tab].split(|&b| b == b' ');
        let mode = words.next().and_then(octal).ok_or_else(wrong)?;
        let oid = printed(words.nth(1).ok_or_else(wrong)?, WHAT)?;
        all.push((RepoPath::new(&field[tab + 1..]), Entry { mode, oid }));
    }
    Ok(all)
}

fn octal(word: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(word).ok()?, 8).ok()
}

fn number(word: &[u8]) -> Option<usize> {
    std::str::from_utf8(word).ok()?.parse().ok()
}
