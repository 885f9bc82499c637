//! The document of a conflict in the run's folder, and its figures for the journal.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::{
    conflict::{ConflictDoc, Facts, Kind, RepoPath, complexity, generated},
    engine::Clash,
    sys::lock::private_dir,
};

use super::place::named;

/// Writes a conflict's document, whole or not at all; readable by this user alone.
pub(super) fn write(folder: &Path, doc: &ConflictDoc) -> io::Result<()> {
    private_dir(folder)?;
    let bytes = serde_json::to_vec(doc)?;
    put(&folder.join(format!("{}.json", doc.id)), &bytes)
}

/// Puts a file in its place in one step.
pub(in crate::runtime) fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(bytes)?;
    drop(file);
    fs::rename(&new, path)
}

/// What a conflict is about, in figures.
pub(super) fn clash(doc: &ConflictDoc, facts: &Facts) -> Clash {
    let mut kinds = BTreeSet::new();
    for file in &doc.files {
        kinds.extend(word(file.kind));
        if file.parts.iter().any(|part| generated(&part.path)) {
            kinds.insert("generated");
        }
    }
    let files = doc.files.iter().map(|file| &file.path);
    Clash {
        files: named(files.map(RepoPath::as_bytes)),
        file_count: facts.files,
        hunks: facts.hunks,
        lines: facts.lines,
        kinds: kinds.into_iter().map(str::to_owned).collect(),
        complexity: complexity(facts),
    }
}

/// The kind in events; none for what is only text.
const fn word(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Content => None,
        Kind::BothAdded => Some("added"),
        Kind::DeletedHere | Kind::DeletedThere => Some("deleted"),
        Kind::Renamed => Some("renamed"),
        Kind::Binary => Some("binary"),
        Kind::Mode => Some("mode"),
        Kind::Submodule => Some("submodule"),
        Kind::Other => Some("other"),
    }
}
