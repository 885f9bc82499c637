//! The store of runs: `.wavedeck/` at the repository's root, one folder a run (DESIGN 7).
//!
//! Each run is its own fault domain: there is no common database that could be damaged. Must not
//! read whole journals to list runs, and never touches a run that somebody holds.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::folders::{at, home_folder, ignore_all, private_folder};
use super::{LockError, Phase, RunDir, RunInfo, RunLock, snapshot::SNAPSHOTS};

/// Name of the store at a repository's root.
pub const FOLDER: &str = ".wavedeck";

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A part of the store is a link or belongs to somebody else.
    #[error("{}: {reason}; remove it, or set WAVEDECK_HOME", path.display())]
    Unsafe {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No run of that name.
    #[error("no run `{0}` here")]
    NoSuchRun(String),
    /// No run at all.
    #[error("no run here yet")]
    NoRuns,
    /// Several runs of that name.
    #[error("`{name}` could be any of {}", ids.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// What it could be.
        ids: Vec<String>,
    },
    /// The run is held.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// What [`Store::prune`] removed, or would remove.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Removed runs, newest first.
    pub removed: Vec<String>,
    /// Bytes that they took.
    pub bytes: u64,
    /// Runs that were due and could not be removed, with the reason.
    pub kept: Vec<(String, String)>,
}

/// All runs of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    base: PathBuf,
}

impl Store {
    /// Opens the store of the repository at `root`, or the one at `home` (`WAVEDECK_HOME`), and
    /// makes it where there is none. A folder that a person named and that was there before keeps
    /// its mode and gets no `.gitignore`: it may hold other things.
    pub fn open(root: &Path, home: Option<&Path>) -> Result<Self, StoreError> {
        let base = if let Some(home) = home {
            home_folder(home)?
        } else {
            let base = root.join(FOLDER);
            private_folder(&base)?;
            ignore_all(&base)?;
            base
        };
        let runs = base.join("runs");
        private_folder(&runs)?;
        // Also below a folder that a person named, which may be inside of a repository.
        ignore_all(&runs)?;
        Ok(Self { base })
    }

    /// Finds the store without making anything.
    #[must_use]
    pub fn find(root: &Path, home: Option<&Path>) -> Option<Self> {
        let base = home.map_or_else(|| root.join(FOLDER), Path::to_owned);
        base.join("runs").is_dir().then_some(Self { base })
    }

    /// Returns the store that a run's folder is in.
    ///
    /// # Errors
    /// Where the folder is in none.
    pub fn around(run: &Path) -> Result<Self, StoreError> {
        let base = run.parent().and_then(Path::parent);
        let base = base.ok_or_else(|| StoreError::NoSuchRun(run.display().to_string()))?;
        Ok(Self {
            base: base.to_owned(),
        })
    }

    /// Returns its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.base
    }

    /// Returns the folder of what outlives runs, made private.
    pub fn cache(&self) -> Result<PathBuf, StoreError> {
        let cache = self.base.join("cache");
        private_folder(&cache)?;
        Ok(cache)
    }

    /// Makes the folder of a new run, with its plan and configuration, and holds it. It appears in
    /// the list only when it is whole. `random` tells runs of the same second apart.
    pub fn create_run(
        &self,
        now_ms: i64,
        random: u64,
        plan: &[u8],
        config: &[u8],
    ) -> Result<(RunDir, RunLock), StoreError> {
        let runs = self.base.join("runs");
        let second = jiff::Timestamp::from_millisecond(now_ms)
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .strftime("%Y%m%d-%H%M%S")
            .to_string();
        let mut last = None;
        for shift in [0, 16, 32, 48] {
            let id = format!("{second}-{:04x}", random >> shift & 0xffff);
            let hidden = runs.join(format!(".new-{id}"));
            let made = DirBuilder::new().mode(0o700).create(&hidden);
            match made {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    last = Some(at(&hidden)(error));
                    continue;
                }
                other => other.map_err(at(&hidden))?,
            }
            let new = RunDir {
                id: id.clone(),
                path: hidden.clone(),
            };
            let result = fill(&new, plan, config).and_then(|lock| {
                let path = runs.join(&id);
                // An empty folder would be replaced, a filled one refuses.
                fs::rename(&hidden, &path).map_err(at(&path))?;
                Ok((RunDir { id, path }, lock))
            });
            match result {
                Ok(made) => return Ok(made),
                Err(error) => {
                    let _ = fs::remove_dir_all(&hidden);
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or(StoreError::NoRuns))
    }

    /// Returns the folders of all runs, newest first.
    pub fn runs(&self) -> Result<Vec<RunDir>, StoreError> {
        let runs = self.base.join("runs");
        let mut found = Vec::new();
        for entry in fs::read_dir(&runs).map_err(at(&runs))? {
            let entry = entry.map_err(at(&runs))?;
            let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if let Some(id) = entry.file_name().to_str()
                && folder
                && is_id(id)
            {
                found.push(RunDir {
                    id: id.to_owned(),
                    path: entry.path(),
                });
            }
        }
        found.sort_by(|a, b| b.id.cmp(&a.id));
        Ok(found)
    }

    /// Returns what a list of all runs shows, newest first.
    pub fn list(&self) -> Result<Vec<RunInfo>, StoreError> {
        Ok(self.runs()?.iter().map(RunDir::info).collect())
    }

    /// Finds a run by a unique beginning of its id or of the id's last part.
    pub fn resolve(&self, name: &str) -> Result<RunDir, StoreError> {
        let runs = self.runs()?;
        if name.is_empty() {
            return Err(StoreError::NoSuchRun(name.to_owned()));
        }
        let matches = |run: &&RunDir| {
            let last = run.id.rsplit('-').next().unwrap_or_default();
            run.id.starts_with(name) || last.starts_with(name)
        };
        let mut found: Vec<&RunDir> = runs.iter().filter(matches).collect();
        // A whole id wins over whatever it is the beginning of.
        if let Some(exact) = found.iter().find(|run| run.id == name) {
            return Ok((*exact).clone());
        }
        match (found.pop(), found.is_empty()) {
            (Some(run), true) => Ok(run.clone()),
            (Some(run), false) => Err(StoreError::Ambiguous {
                name: name.to_owned(),
                ids: found
                    .iter()
                    .map(|run| run.id.clone())
                    .chain([run.id.clone()])
                    .collect(),
            }),
            (None, _) => Err(StoreError::NoSuchRun(name.to_owned())),
        }
    }

    /// Returns the newest run. One that never began, or that a wrong clock dated into the future,
    /// only where there is no other.
    pub fn latest(&self) -> Result<Option<RunDir>, StoreError> {
        let runs = self.runs()?;
        let soon = now_ms().saturating_add(60_000);
        let began = |run: &&RunDir| run.journal().metadata().is_ok_and(|meta| meta.len() > 0);
        let past = |run: &&RunDir| began_ms(&run.id).is_some_and(|ms| ms <= soon);
        let choice = (runs.iter().find(|run| began(run) && past(run)))
            .or_else(|| runs.iter().find(began))
            .or(runs.first());
        Ok(choice.cloned())
    }

    /// Returns the runs that a runner holds, newest first.
    pub fn live(&self) -> Result<Vec<RunDir>, StoreError> {
        let mut runs = self.runs()?;
        runs.retain(RunDir::is_live);
        Ok(runs)
    }

    /// Finds the run that a command means: the named one, else the newest live one, else the
    /// newest.
    pub fn pick(&self, name: Option<&str>) -> Result<RunDir, StoreError> {
        if let Some(name) = name {
            return self.resolve(name);
        }
        let live = self.live()?.into_iter().next();
        match live {
            Some(run) => Ok(run),
            None => self.latest()?.ok_or(StoreError::NoRuns),
        }
    }

    /// Removes old runs: finished ones behind the newest `keep` of them, and any that began more
    /// than `keep_days` days ago. Never one that somebody holds; one that was interrupted can go
    /// on, so that only its age removes it.
    pub fn prune(
        &self,
        keep: Option<usize>,
        keep_days: Option<u32>,
        now_ms: i64,
        dry_run: bool,
    ) -> Result<Pruned, StoreError> {
        const DAY_MS: i64 = 86_400_000;
        let mut pruned = Pruned::default();
        let mut finished = 0;
        for run in self.runs()? {
            let phase = run.info().phase;
            let behind = phase != Phase::Interrupted && keep.is_some_and(|keep| finished >= keep);
            finished += usize::from(matches!(phase, Phase::Finished { .. }));
            let old = keep_days.is_some_and(|days| {
                began_ms(&run.id).is_some_and(|began| now_ms - began > i64::from(days) * DAY_MS)
            });
            if !behind && !old {
                continue;
            }
            // Held until it is gone, so that nobody resumes what is being removed.
            let lock = match run.lock() {
                Ok(lock) => lock,
                Err(LockError::Held) => {
                    pruned.kept.push((run.id, "it is live".to_owned()));
                    continue;
                }
                Err(LockError::Io(error)) => {
                    pruned.kept.push((run.id, error.to_string()));
                    continue;
                }
            };
            let size = run.size();
            if !dry_run && let Err(error) = remove(&run.path) {
                pruned.kept.push((run.id, error.to_string()));
                continue;
            }
            drop(lock);
            pruned.bytes += size;
            pruned.removed.push(run.id);
        }
        if !dry_run {
            self.sweep();
        }
        Ok(pruned)
    }

    /// Removes what a crash left half made or half removed.
    fn sweep(&self) {
        for entry in fs::read_dir(self.base.join("runs"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if (name.starts_with(".new-") || name.starts_with(".old-"))
                && RunDir::at(&entry.path()).lock().is_ok()
            {
                // What stays is hidden and is tried again next time.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Takes a run out of the list first, so that a crash leaves no half run in it.
fn remove(path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hidden = path.with_file_name(format!(".old-{name}"));
    fs::rename(path, &hidden)?;
    fs::remove_dir_all(&hidden)
}

fn fill(run: &RunDir, plan: &[u8], config: &[u8]) -> Result<RunLock, StoreError> {
    let lock = run.lock()?;
    for (path, content) in [(run.plan(), plan), (run.config(), config)] {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(content))
            .map_err(at(&path))?;
    }
    for folder in ["output", SNAPSHOTS] {
        let path = run.path.join(folder);
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(at(&path))?;
    }
    Ok(lock)
}

/// `20261120-100000-7f3a`.
fn is_id(name: &str) -> bool {
    began_ms(name).is_some()
}

/// Reads the second at which a run began from its id.
fn began_ms(id: &str) -> Option<i64> {
    let (second, random) = id.rsplit_once('-')?;
    let hex = random.len() == 4 && random.bytes().all(|b| b.is_ascii_hexdigit());
    let at = jiff::civil::DateTime::strptime("%Y%m%d-%H%M%S", second).ok()?;
    let at = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    (hex && second.len() == 15).then(|| at.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_named_folder_that_was_there_stays_as_it_was() {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, Permissions::from_mode(0o755)).unwrap();
        for _ in 0..2 {
            Store::open(root.path(), Some(&home)).unwrap();
            assert_eq!((mode(&home), mode(&home.join("runs"))), (0o755, 0o700));
            assert!(!home.join(".gitignore").exists());
        }
        // The same behind a link of the person's.
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&home, &link).unwrap();
        Store::open(root.path(), Some(&link)).unwrap();
        assert_eq!(mode(&home), 0o755);
    }

    #[test]
    fn a_named_folder_that_we_make_is_private_and_ignored() {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("deep/home");
        Store::open(root.path(), Some(&home)).unwrap();
        assert_eq!((mode(&home), mode(&home.join("runs"))), (0o700, 0o700));
        assert_eq!(fs::read(home.join(".gitignore")).unwrap(), b"*\n");
    }
}
