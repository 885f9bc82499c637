//! What `git merge-tree` says about two snapshots, and what speaks against merging beyond text.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    dirty::Name,
    notice::{Foreseen, Kind},
};
use crate::conflict::{RepoPath, generated};

/// Whether a path's name is that of a generated or lock file: two that were made apart are made anew,
/// not merged.
pub(super) fn is_generated(path: &[u8]) -> bool {
    generated(&RepoPath::new(path))
}

/// Reads `git merge-tree --write-tree -z` of two commits that do not merge: the files, each with
/// the way in which it does not. None: it cannot be read.
pub(super) fn conflicts(out: &[u8], commits: [&str; 2]) -> Option<Vec<Foreseen>> {
    let mut words = out.split(|&b| b == 0);
    words.next()?;
    let plain = |path: &[u8]| -> Name {
        // A file beside a folder of its name is called `name~commit`.
        let end = commits
            .iter()
            .find_map(|c| path.strip_suffix(c.as_bytes())?.strip_suffix(b"~"));
        end.unwrap_or(path).into()
    };
    // `mode object stage<TAB>path`, up to an empty word.
    let mut stages: BTreeMap<Name, BTreeSet<u8>> = BTreeMap::new();
    for word in words.by_ref() {
        if word.is_empty() {
            break;
        }
        let tab = word.iter().position(|&b| b == b'\t')?;
        let stage = *word[..tab].last()?;
        stages
            .entry(plain(&word[tab + 1..]))
            .or_default()
            .insert(stage);
    }
    // Number of paths, the paths, the kind, a sentence.
    let mut named: BTreeMap<Name, Kind> = BTreeMap::new();
    while let Some(count) = words.next() {
        let Some(count) = std::str::from_utf8(count)
            .ok()
            .and_then(|c| c.parse::<usize>().ok())
        else {
            break;
        };
        let paths: Vec<Name> = words.by_ref().take(count).map(plain).collect();
        let (kind, _) = (words.next()?, words.next()?);
        let Some(kind) = kind.strip_prefix(b"CONFLICT (") else {
            continue;
        };
        let kind = match kind.strip_suffix(b")").unwrap_or(kind) {
            b"contents" | b"content" | b"add/add" => continue,
            b"binary" => Kind::Binary,
            b"modify/delete" => Kind::DeletedEdited,
            b"file/directory" | b"distinct modes" | b"distinct types" => Kind::FileFolder,
            kind if kind.starts_with(b"rename") || kind.starts_with(b"directory rename") => {
                Kind::Renamed
            }
            kind if kind.starts_with(b"submodule") => Kind::Submodule,
            _ => Kind::Other,
        };
        let known: Vec<&Name> = paths.iter().filter(|p| stages.contains_key(*p)).collect();
        let of: Vec<&Name> = if known.is_empty() {
            paths.first().into_iter().collect()
        } else {
            known
        };
        for path in of {
            named.entry(path.clone()).or_insert(kind);
        }
    }
    for (path, stages) in stages {
        named.entry(path).or_insert_with(|| {
            let has = |stage| stages.contains(&stage);
            match (has(b'1'), has(b'2') && has(b'3')) {
                (true, true) => Kind::Content,
                (false, true) => Kind::AddedBoth,
                (true, false) => Kind::DeletedEdited,
                (false, false) => Kind::Other,
            }
        });
    }
    let files = named
        .into_iter()
        .map(|(path, kind)| Foreseen { path, kind });
    Some(files.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_read_with_their_kinds() {
        let out: &[u8] = b"tree\0\
            100644 aa 1\tsrc/a\x00100644 bb 2\tsrc/a\x00100644 cc 3\tsrc/a\0\
            100644 bb 2\tnew\x00100644 cc 3\tnew\0\
            100644 aa 1\tgone\x00100644 bb 2\tgone\0\
            100644 bb 2\tx~c1\0\
            \0\
            1\0src/a\0Auto-merging\0Auto-merging src/a\n\0\
            1\0src/a\0CONFLICT (contents)\0CONFLICT (content): Merge conflict in src/a\n\0\
            1\0new\0CONFLICT (contents)\0CONFLICT (add/add)\n\0\
            1\0gone\0CONFLICT (modify/delete)\0text\n\0\
            2\0x~c1\0x\0CONFLICT (file/directory)\0text\n\0\
            2\0old\0renamed\0CONFLICT (rename/delete)\0text\n\0";
        let files = conflicts(out, ["c1", "c2"]).unwrap();
        let files: Vec<(String, Kind)> = files
            .into_iter()
            .map(|f| (String::from_utf8_lossy(&f.path).into_owned(), f.kind))
            .collect();
        let expected = [
            ("gone", Kind::DeletedEdited),
            ("new", Kind::AddedBoth),
            ("old", Kind::Renamed),
            ("src/a", Kind::Content),
            ("x", Kind::FileFolder),
        ];
        assert_eq!(files, expected.map(|(p, k)| (p.to_owned(), k)));
        assert_eq!(conflicts(b"tree\0no tab\0", ["a", "b"]), None);
    }
}
