//! Looks for plans: `*.toml` with agents in it, at the repository's root, here, and below `plans/`.
//!
//! Bounded in depth, number and size, and what was read is remembered until its file changes, so
//! that looking again costs next to nothing. Must not run anything.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::super::{adapters, load};
use crate::{
    agents::Catalog,
    graph::{Critical, Graph},
    plan::{self, LoadOptions},
};

/// Plans that are shown.
const PLANS: usize = 100;
/// Entries of folders that are looked at.
const ENTRIES: usize = 2000;
/// Folders below `plans/`.
const DEPTH: usize = 2;
/// Bytes that a plan may have to be read here.
const LARGEST: u64 = 4 << 20;

/// What is known of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub goal: Option<String>,
    /// Agents, waves, phases, tracks.
    pub counts: [usize; 4],
    /// Its critical path as the plan states it, µs: it cannot be shorter.
    pub length_us: u64,
    /// Warnings, rendered.
    pub warnings: usize,
}

/// A file with agents in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Its place, from here.
    pub shown: String,
    /// What it holds, or all that is wrong with it.
    pub about: Result<About, String>,
}

/// When a file was changed, its bytes, and what it holds; none: it is no plan.
type Read = (SystemTime, u64, Option<Result<About, String>>);

/// The search, with what it has read.
#[derive(Debug)]
pub(super) struct Plans {
    /// The repository's root, or this folder.
    pub root: PathBuf,
    /// The current folder.
    pub here: PathBuf,
    read: BTreeMap<PathBuf, Read>,
    /// A person's own adapters, or what is wrong with them.
    catalog: Result<Option<Catalog>, String>,
    /// There is more than was looked at.
    pub more: bool,
}

impl Plans {
    pub(super) fn new(root: PathBuf, here: PathBuf) -> Self {
        Self {
            root,
            here,
            read: BTreeMap::new(),
            catalog: adapters::changed(&|name| std::env::var(name).ok()),
            more: false,
        }
    }

    /// Looks again; the root's `wavedeck.toml` first, then by name.
    pub(super) fn look(&mut self) -> Vec<Found> {
        self.more = false;
        let mut left = ENTRIES;
        let mut files = Vec::new();
        let mut folders = vec![(self.root.clone(), 0), (self.root.join("plans"), DEPTH)];
        if self.here != self.root {
            folders.push((self.here.clone(), 0));
        }
        while let Some((folder, depth)) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries.flatten() {
                if left == 0 {
                    self.more = true;
                    break;
                }
                left -= 1;
                let path = entry.path();
                // Not through links: they could lead in circles, or out of the repository.
                let Ok(kind) = entry.file_type() else {
                    continue;
                };
                if kind.is_dir() && depth > 0 {
                    folders.push((path, depth - 1));
                } else if kind.is_file() && path.extension().is_some_and(|e| e == "toml") {
                    files.push(path);
                }
            }
        }
        files.sort();
        files.dedup();
        files.sort_by_key(|path| {
            let below = path.parent() != Some(self.root.as_path());
            (below, path.file_name() != Some(load::PLAN.as_ref()))
        });
        let mut found = Vec::new();
        let mut read = std::mem::take(&mut self.read);
        for path in files {
            let Ok(about) = path.metadata() else { continue };
            let stamp = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let size = about.len();
            let known = read
                .remove(&path)
                .filter(|(at, len, _)| *at == stamp && *len == size);
            let what = known.map_or_else(|| self.about(&path, size), |(.., what)| what);
            self.read.insert(path.clone(), (stamp, size, what.clone()));
            let Some(about) = what else { continue };
            if found.len() == PLANS {
                self.more = true;
                break;
            }
            found.push(Found {
                shown: self.shown(&path),
                path,
                about,
            });
        }
        found
    }

    /// Its place as it is given to `run` from here.
    fn shown(&self, path: &Path) -> String {
        let near = path.strip_prefix(&self.here).unwrap_or(path);
        near.to_string_lossy().into_owned()
    }

    /// Reads a file; none where it is no plan at all.
    fn about(&self, path: &Path, size: u64) -> Option<Result<About, String>> {
        if size > LARGEST {
            return None;
        }
        let source = fs::read_to_string(path).ok()?;
        // Other programs have such files too: Cargo.toml, pyproject.toml.
        let agents = source.lines().map(str::trim_start);
        if !agents.into_iter().any(|l| l.starts_with("[[agent]]")) {
            return None;
        }
        let name = self.shown(path);
        let catalog = match &self.catalog {
            Ok(catalog) => catalog.clone(),
            Err(why) => return Some(Err(why.clone())),
        };
        let options = LoadOptions {
            file_name: name.clone(),
            catalog,
            ..LoadOptions::default()
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let loaded = plan::load(&source, &options, &mut |prompt| {
            load::read_prompt(folder, prompt)
        });
        Some(match loaded {
            Err(found) => Err(plan::render(&found, &name, &source)),
            Ok(loaded) => {
                let plan = &loaded.plan;
                let graph = Graph::new(plan);
                let durations: Vec<u64> = plan
                    .agents
                    .iter()
                    .map(|a| a.modes.first().map_or(0, |m| m.duration.expected_us))
                    .collect();
                Ok(About {
                    name: plan.name.clone(),
                    goal: plan.goal.clone(),
                    counts: [
                        plan.agents.len(),
                        graph.waves().len(),
                        plan.phases.len(),
                        plan.tracks.len(),
                    ],
                    length_us: Critical::new(&graph, &durations).length_us,
                    warnings: loaded.warnings.len() + plan.unbuilt.len(),
                })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "[[agent]]\nid = \"a\"\nrun = \"true\"\n";

    fn names(plans: &mut Plans) -> Vec<String> {
        plans.look().into_iter().map(|p| p.shown).collect()
    }

    #[test]
    fn plans_are_found_near_the_root_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for folder in ["plans/a/b/c", "src", "here"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for (file, text) in [
            ("wavedeck.toml", PLAN),
            ("another.toml", PLAN),
            ("Cargo.toml", "[package]\nname = \"x\"\n"),
            ("plans/one.toml", PLAN),
            ("plans/a/b/two.toml", PLAN),
            ("plans/a/b/c/too-deep.toml", PLAN),
            ("src/not-looked-at.toml", PLAN),
            ("here/mine.toml", PLAN),
            ("plans/bad.toml", "[[agent]]\nid = 1\n"),
        ] {
            fs::write(root.join(file), text).unwrap();
        }
        std::os::unix::fs::symlink(root, root.join("plans/around")).unwrap();
        let mut plans = Plans::new(root.to_owned(), root.to_owned());
        assert_eq!(
            names(&mut plans),
            [
                "wavedeck.toml",
                "another.toml",
                "plans/a/b/two.toml",
                "plans/bad.toml",
                "plans/one.toml"
            ]
        );
        let found = plans.look();
        assert_eq!(found[0].about.as_ref().unwrap().counts, [1, 1, 0, 0]);
        let wrong = found[3].about.as_ref().unwrap_err();
        assert!(wrong.contains("plans/bad.toml:2:"), "{wrong}");
        // A changed file is read again, and one that is gone is forgotten.
        fs::write(root.join("plans/bad.toml"), format!("{PLAN}# mended\n")).unwrap();
        fs::remove_file(root.join("plans/one.toml")).unwrap();
        let found = plans.look();
        assert_eq!(found.len(), 4);
        assert!(found[3].about.is_ok());
        // From a folder below, its own plans are there too.
        let mut below = Plans::new(root.to_owned(), root.join("here"));
        assert!(names(&mut below).contains(&"mine.toml".to_owned()));
        assert!(!below.more);
    }
}
