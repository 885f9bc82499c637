//! What a prompt would hold that leaves nothing of the run out: what composed prompts are measured against.
//!
//! The formula: the baseline of an agent is all that its own prompt was made of, uncut, the files that the plan
//! names anywhere, and the hand-offs of all who have ended before it, as if one session had done the whole plan
//! in order. The saving of a run is 1 − Σ prompts / Σ baselines. It is an estimate, as tokens are.
//!
//! Must not be on the loop: it reads files. Each is measured once in a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use crate::{
    context::{Item, Kind, tokens},
    plan::Plan,
    sys::locked,
};

use super::files::{LONGEST, beginning, named_by};

/// Hand-offs that are looked at.
const MOST: usize = 2_000;

/// Figures of a run, kept for its next prompts.
#[derive(Debug, Clone, Default)]
pub struct Measured(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// The plan's globs, for a plan of so many agents.
    globs: (usize, Arc<[String]>),
    /// What a glob brings: path and tokens.
    files: BTreeMap<String, Vec<(String, u64)>>,
    /// Tokens of a hand-off of this name and length.
    handoffs: BTreeMap<(String, u64), u64>,
}

impl Measured {
    /// The globs of all files that the plan names, each once.
    pub fn globs(&self, plan: &Plan) -> Arc<[String]> {
        let mut kept = locked(&self.0);
        // Agents are only ever added.
        if kept.globs.0 != plan.agents.len() {
            let all = plan.agents.iter().flat_map(|agent| &agent.context_files);
            let all: BTreeSet<&String> = all.collect();
            kept.globs = (plan.agents.len(), all.into_iter().cloned().collect());
        }
        kept.globs.1.clone()
    }

    /// Tokens beyond those of an agent's own items: files in its `folder`, and the hand-offs of others.
    pub fn beyond(&self, items: &[Item], globs: &[String], folder: &Path, handoffs: &Path) -> u64 {
        let own = |kind| -> BTreeSet<&str> {
            let of = items.iter().filter(|item| item.kind == kind);
            of.map(|item| item.source.as_str()).collect()
        };
        let mut kept = locked(&self.0);
        let mut seen = own(Kind::File);
        let mut sum = 0;
        for glob in globs {
            if !kept.files.contains_key(glob) {
                let found = named_by(folder, std::slice::from_ref(glob)).into_iter();
                let found = found.filter_map(|(path, _)| path);
                let found = found.map(|path| (size(&folder.join(&path)), path));
                let found = found.map(|(tokens, path)| (path, tokens)).collect();
                kept.files.insert(glob.clone(), found);
            }
        }
        for (path, tokens) in globs
            .iter()
            .filter_map(|glob| kept.files.get(glob))
            .flatten()
        {
            if seen.insert(path) {
                sum += tokens;
            }
        }
        let theirs = own(Kind::HandOff);
        let mut more = 0;
        for (name, len, path) in ended(handoffs) {
            if !theirs.contains(name.as_str()) {
                more += *(kept.handoffs.entry((name, len))).or_insert_with(|| size(&path));
            }
        }
        sum + more
    }
}

/// The hand-offs that are kept: of whom, length, and where.
fn ended(folder: &Path) -> Vec<(String, u64, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let kept = entries.take(MOST).filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let meta = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        let agent = name.strip_suffix(".md")?;
        Some((agent.to_owned(), meta.len(), entry.path()))
    });
    kept.collect()
}

/// Tokens of a file; none where it is no text that can be read.
fn size(path: &Path) -> u64 {
    let bytes = File::open(path).and_then(|file| beginning(file, LONGEST));
    bytes.map_or(0, |bytes| {
        u64::from(tokens(&String::from_utf8_lossy(&bytes)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_counts_once_and_ones_own_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        place("docs/a.md", "one two three\n");
        place("docs/b.md", &"four five six\n".repeat(100));
        place("handoff/x.md", &"what x did\n".repeat(10));
        place("handoff/y.md", &"what y did\n".repeat(20));
        let of = |text: &str| u64::from(tokens(text));
        let (b, y) = (
            of(&"four five six\n".repeat(100)),
            of(&"what y did\n".repeat(20)),
        );
        let own = |kind, source: &str| Item {
            kind,
            rank: 0,
            source: source.to_owned(),
            text: "t".to_owned(),
        };
        let items = [own(Kind::File, "docs/a.md"), own(Kind::HandOff, "x")];
        let globs = ["docs/*.md".to_owned(), "docs/b.md".to_owned()];
        let measured = Measured::default();
        let beyond = |items: &[Item]| {
            measured.beyond(items, &globs, folder.path(), &folder.path().join("handoff"))
        };
        assert_eq!(beyond(&items), b + y);
        // Measured once: the file is another by now, for those who begin later it is what it was.
        place("docs/b.md", "less\n");
        assert_eq!(beyond(&items), b + y);
        assert!(beyond(&[]) > b + y);
    }
}
