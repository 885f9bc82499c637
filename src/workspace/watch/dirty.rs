//! Paths that differ from the commit that a workspace began with, and where two workspaces' paths
//! meet. Pure: what git said comes in as bytes.

use std::collections::{BTreeMap, BTreeSet};

/// A path relative to a workspace.
pub(super) type Name = Box<[u8]>;

/// Paths that are kept for one workspace; a flood of more is only known to be more.
pub(super) const MOST_DIRTY: usize = 10_000;

/// How a path differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    New,
    Edited,
    Deleted,
}

/// The paths of one workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dirty {
    pub(super) paths: BTreeMap<Name, Change>,
    /// There are more than are kept.
    pub(super) more: bool,
}

/// Reads `git status --porcelain -z --no-renames`. An entry that was cut off is left out.
pub(super) fn parse(out: &[u8]) -> BTreeMap<Name, Change> {
    let mut all = BTreeMap::new();
    let ended = out.iter().rposition(|&b| b == 0).unwrap_or(0);
    for entry in out[..ended].split(|&b| b == 0) {
        let [x, y, b' ', path @ ..] = entry else {
            continue;
        };
        let change = match (x, y) {
            (b'!', _) => continue,
            (b'?' | b'A', _) => Change::New,
            (_, b'D') | (b'D', b' ') => Change::Deleted,
            _ => Change::Edited,
        };
        // A repository within ends with `/`.
        let path = path.strip_suffix(b"/").unwrap_or(path);
        if path.is_empty() {
            continue;
        }
        // The same path, deleted in the index and new in the folder: it is there.
        all.entry(path.into())
            .and_modify(|old| *old = Change::Edited)
            .or_insert(change);
    }
    all
}

/// Whether a path is another, or lies below it.
pub(super) fn is_at_or_below(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// Everything in an ordered set that lies below a folder, as a range: `/` is followed by `0`.
fn below(folder: &[u8]) -> (Name, Name) {
    let (mut from, mut to) = (folder.to_vec(), folder.to_vec());
    from.push(b'/');
    to.push(b'/' + 1);
    (from.into(), to.into())
}

impl Dirty {
    /// Takes what git says of all paths.
    pub(super) fn replace(&mut self, found: BTreeMap<Name, Change>, cut: bool) {
        self.paths = found;
        self.more = cut;
        while self.paths.len() > MOST_DIRTY {
            self.paths.pop_last();
            self.more = true;
        }
    }

    /// Takes what git says of some paths and what is below them.
    pub(super) fn update(&mut self, asked: &BTreeSet<Name>, found: BTreeMap<Name, Change>) {
        for path in asked {
            self.paths.remove(path);
            let (from, to) = below(path);
            let gone: Vec<Name> = self
                .paths
                .range::<Name, _>(&from..&to)
                .map(|(path, _)| path.clone())
                .collect();
            for path in gone {
                self.paths.remove(&path);
            }
        }
        for (path, change) in found {
            if self.paths.len() >= MOST_DIRTY && !self.paths.contains_key(&path) {
                self.more = true;
                continue;
            }
            self.paths.insert(path, change);
        }
    }

    /// Paths that both changed; also where one has a file and the other something below a folder of
    /// that name. What both deleted counts only where both made something new: they may have renamed
    /// it.
    pub(super) fn meets(&self, other: &Self) -> BTreeSet<Name> {
        let (few, many) = if self.paths.len() <= other.paths.len() {
            (&self.paths, &other.paths)
        } else {
            (&other.paths, &self.paths)
        };
        let made = |dirty: &Self| dirty.paths.values().any(|c| *c == Change::New);
        let renamed = made(self) && made(other);
        let mut all = BTreeSet::new();
        for (path, change) in few {
            if let Some(theirs) = many.get(path)
                && (renamed || (*change, *theirs) != (Change::Deleted, Change::Deleted))
            {
                all.insert(path.clone());
            }
            if *change != Change::Deleted {
                let (from, to) = below(path);
                let mut lower = many.range::<Name, _>(&from..&to);
                if lower.any(|(_, change)| *change != Change::Deleted) {
                    all.insert(path.clone());
                }
                for (at, _) in path.iter().enumerate().filter(|(_, b)| **b == b'/') {
                    let upper = &path[..at];
                    if many.get(upper).is_some_and(|c| *c != Change::Deleted) {
                        all.insert(upper.into());
                    }
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dirty(out: &[u8]) -> Dirty {
        let mut dirty = Dirty::default();
        dirty.replace(parse(out), false);
        dirty
    }

    fn names(set: &BTreeSet<Name>) -> Vec<String> {
        set.iter()
            .map(|n| String::from_utf8_lossy(n).into_owned())
            .collect()
    }

    #[test]
    fn gits_words_are_read_as_bytes_and_a_cut_entry_is_left_out() {
        let found = parse(b" M a\0 D b c\0?? n\xffw\n\0?? sub/\0!! x\0 T l\0D  d\0?? d\0?? cut");
        let expected: [(&[u8], Change); 6] = [
            (b"a", Change::Edited),
            (b"b c", Change::Deleted),
            (b"d", Change::Edited),
            (b"l", Change::Edited),
            (b"n\xffw\n", Change::New),
            (b"sub", Change::New),
        ];
        let found: Vec<(&[u8], Change)> = found.iter().map(|(p, c)| (&**p, *c)).collect();
        assert_eq!(found, expected);
        assert!(parse(b"").is_empty() && parse(b"?").is_empty() && parse(b"\0\0").is_empty());
    }

    #[test]
    fn an_answer_about_some_paths_replaces_them_and_what_is_below() {
        let mut all = dirty(b"?? a/x\0?? a/y/z\0?? a.b\0 M c\0");
        let asked: BTreeSet<Name> = [b"a".as_slice().into(), b"c".as_slice().into()].into();
        all.update(&asked, parse(b"?? a/new\0"));
        assert_eq!(all, dirty(b"?? a/new\0?? a.b\0"));
    }

    #[test]
    fn a_flood_is_bounded() {
        let mut out = Vec::new();
        for i in 0..MOST_DIRTY + 5 {
            out.extend_from_slice(format!("?? f{i:06}\0").as_bytes());
        }
        let mut all = dirty(&out);
        assert!(all.more && all.paths.len() == MOST_DIRTY);
        all.update(&BTreeSet::new(), parse(b"?? zz\0"));
        assert_eq!(all.paths.len(), MOST_DIRTY);
    }

    #[test]
    fn paths_meet_where_both_changed_them_or_one_made_a_folder_of_the_others_file() {
        let a = dirty(b" M both\0 D gone\0 D edited\0?? file\0?? dir/in/x\0 M a\0");
        let b = dirty(b" M both\0 D gone\0 M edited\0?? file/below\0?? dir\0 M b\0");
        let expected = ["both", "dir", "edited", "file", "gone"];
        assert_eq!(names(&a.meets(&b)), expected);
        assert_eq!(a.meets(&b), b.meets(&a));
        // A file that made way for a folder is deleted: only the folder is there.
        let folder = dirty(b" D file\0?? file/x\0");
        let file = dirty(b" M file\0");
        assert_eq!(names(&folder.meets(&file)), ["file"]);
        // Both deleted it, and at most one of them can have renamed it.
        let (one, two) = (dirty(b" D x\0?? y\0"), dirty(b" D x\0 M z\0"));
        assert!(one.meets(&two).is_empty());
    }
}
