//! Other runs on this machine: what each has reserved and does not use yet, told in a private folder of the user.
//!
//! A run writes one small file about itself and reads those of others; a file whose runner has died counts for
//! nothing. Bytes. Must not decide what follows, and a folder that cannot be had is no reason not to run.

use std::{
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::socket::{private, runtime_dir};
use crate::sys::{lock, proc};

/// Ending of the files' names.
const ENDING: &str = "memory";
/// More files than this are not read.
const MOST_FILES: usize = 64;
/// Longest file that is read, in bytes.
const LONGEST: u64 = 4096;
/// What a dead run told so long ago is removed.
const OLD: Duration = Duration::from_hours(1);
/// A change of less than one part in so many is not told.
const PART: u64 = 100;

/// What a run tells others of its memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherRun {
    /// Its id.
    pub run: String,
    /// Its runner.
    pub pid: i32,
    /// When that started, in clock ticks since boot.
    pub start_ticks: u64,
    /// The boot that this is about.
    pub boot_id: String,
    /// What is reserved for its agents and not used by them yet, in bytes.
    pub open_bytes: u64,
    /// What its agents hold, in bytes.
    pub used_bytes: u64,
    /// What they may hold together, in bytes; 0: no limit.
    pub limit_bytes: u64,
}

impl OtherRun {
    /// Whether its runner lives.
    fn lives(&self, boot_id: &str) -> bool {
        self.boot_id == boot_id && proc::is_alive(self.pid, self.start_ticks)
    }
}

/// The folder, and this run's file in it.
#[derive(Debug)]
pub(super) struct Others {
    folder: Option<PathBuf>,
    me: OtherRun,
    /// What this run has reserved and does not use yet, in bytes.
    own: Arc<AtomicU64>,
    /// What the file says.
    told: Option<OtherRun>,
}

impl Others {
    /// Finds the folder; nothing is written yet.
    pub fn new(run: &str) -> Self {
        Self::at(folder(), run)
    }

    fn at(folder: Option<PathBuf>, run: &str) -> Self {
        let pid = std::process::id().cast_signed();
        let known = proc::start_time(pid).ok().zip(proc::boot_id().ok());
        let (start_ticks, boot_id) = known.clone().unwrap_or_default();
        if let (Some(folder), Some(_)) = (&folder, &known) {
            sweep(folder, &boot_id);
        }
        Self {
            // Who cannot say who it is would be taken for dead.
            folder: folder.filter(|_| known.is_some()),
            me: OtherRun {
                run: run.to_owned(),
                pid,
                start_ticks,
                boot_id,
                open_bytes: 0,
                used_bytes: 0,
                limit_bytes: 0,
            },
            own: Arc::default(),
            told: None,
        }
    }

    /// Where the loop says what is reserved for agents and not used by them yet, in bytes.
    pub fn own(&self) -> Arc<AtomicU64> {
        self.own.clone()
    }

    /// Returns what the other runs have reserved and do not use yet, in bytes.
    pub fn open_bytes(&self) -> u64 {
        let Some(folder) = &self.folder else {
            return 0;
        };
        let others = read(folder, Some(&self.me.run), &self.me.boot_id);
        let open = others.iter().map(|run| run.open_bytes);
        open.fold(0, u64::saturating_add)
    }

    /// Tells the others what this run has reserved, holds and may hold, in bytes, where any of it has changed by
    /// more than one part in a hundred.
    pub fn tell(&mut self, used_bytes: u64, limit_bytes: u64) {
        let open_bytes = self.own.load(Ordering::Relaxed);
        let now = OtherRun {
            open_bytes,
            used_bytes,
            limit_bytes,
            ..self.me.clone()
        };
        let told = |told: &OtherRun| {
            told.limit_bytes == limit_bytes
                && near(told.open_bytes, open_bytes)
                && near(told.used_bytes, used_bytes)
        };
        if self.told.as_ref().is_some_and(told) {
            return;
        }
        // Tried again at the next reading: the folder may be had again.
        if self.write(&now).is_some() {
            self.told = Some(now);
        }
    }

    fn write(&self, now: &OtherRun) -> Option<()> {
        let folder = self.folder.as_ref()?;
        lock::private_dir(folder).ok()?;
        if !private(folder) {
            return None;
        }
        let path = file(folder, &now.run);
        let fresh = path.with_extension("new");
        let _ = fs::remove_file(&fresh);
        let text = serde_json::to_vec(now).ok()?;
        lock::private_append(&fresh).ok()?.write_all(&text).ok()?;
        fs::rename(&fresh, &path).ok()
    }
}

/// Takes back what a run told; at its end.
pub(super) fn forget(run: &str) {
    if let Some(folder) = folder() {
        // It may never have been told.
        let _ = fs::remove_file(file(&folder, run));
    }
}

/// Returns the runs that live on this machine, as they tell; also for people.
#[must_use]
pub fn all() -> Vec<OtherRun> {
    match (folder(), proc::boot_id()) {
        (Some(folder), Ok(boot_id)) => read(&folder, None, &boot_id),
        _ => Vec::new(),
    }
}

/// Where runs tell: the same place for all runs of a user.
fn folder() -> Option<PathBuf> {
    let uid = rustix::process::getuid().as_raw();
    let named = runtime_dir().filter(|base| base.is_absolute());
    // A session without that variable is of the same user.
    let usual = PathBuf::from(format!("/run/user/{uid}"));
    let base = named.filter(|base| private(base));
    let base = base.or_else(|| Some(usual).filter(|base| private(base)));
    let folder = base.map_or_else(
        || std::env::temp_dir().join(format!("wavedeck-{uid}")),
        |base| base.join("wavedeck"),
    );
    (!folder.exists() || private(&folder)).then_some(folder)
}

fn file(folder: &Path, run: &str) -> PathBuf {
    folder.join(format!("{run}.{ENDING}"))
}

/// Reads what lives in a folder, one run left out; what cannot be read is left out.
fn read(folder: &Path, but: Option<&str>, boot_id: &str) -> Vec<OtherRun> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == ENDING))
        .filter(|path| but.is_none() || path.file_stem().and_then(|n| n.to_str()) != but)
        .take(MOST_FILES)
        .filter_map(|path| about(&path))
        .filter(|run| run.lives(boot_id))
        .collect()
}

/// Reads one file. Whatever else has that name is not waited for.
fn about(path: &Path) -> Option<OtherRun> {
    let mut text = Vec::new();
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .ok()?;
    file.metadata().ok().filter(fs::Metadata::is_file)?;
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Removes what runs of long ago left that were killed: in their way, those that live would not be read.
fn sweep(folder: &Path, boot_id: &str) {
    let old = |path: &Path| {
        let told = fs::symlink_metadata(path).and_then(|meta| meta.modified());
        told.is_ok_and(|told| told.elapsed().is_ok_and(|age| age > OLD))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    for path in paths.filter(|path| path.extension().is_some_and(|e| e == ENDING)) {
        if old(&path) && about(&path).is_some_and(|run| !run.lives(boot_id)) {
            let _ = fs::remove_file(&path);
        }
    }
}

/// Whether two figures are as good as the same.
const fn near(a: u64, b: u64) -> bool {
    let larger = if a > b { a } else { b };
    a.abs_diff(b) <= larger / PART
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(folder: &Path, run: &str) -> Option<OtherRun> {
        serde_json::from_slice(&fs::read(file(folder, run)).ok()?).ok()
    }

    fn tell(run: &mut Others, open: u64, used: u64, limit: u64) {
        run.own.store(open, Ordering::Relaxed);
        run.tell(used, limit);
    }

    #[test]
    fn runs_see_what_others_have_reserved() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("wavedeck");
        let mut a = Others::at(Some(folder.clone()), "a");
        let mut b = Others::at(Some(folder.clone()), "b");
        assert_eq!(a.open_bytes(), 0);
        tell(&mut a, 3000, 10, 50_000);
        tell(&mut b, 500, 0, 0);
        assert_eq!((a.open_bytes(), b.open_bytes()), (500, 3000));
        // Small changes are not worth a write.
        tell(&mut a, 3001, 10, 50_000);
        assert_eq!(told(&folder, "a").unwrap().open_bytes, 3000);
        tell(&mut a, 3100, 10, 50_000);
        assert_eq!(b.open_bytes(), 3100);
        tell(&mut a, 0, 10, 50_000);
        assert_eq!(b.open_bytes(), 0);
    }

    #[test]
    fn the_dead_and_what_cannot_be_read_count_for_nothing() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("wavedeck");
        let mut a = Others::at(Some(folder.clone()), "a");
        let b = Others::at(Some(folder.clone()), "b");
        tell(&mut a, 3000, 0, 0);
        let write = |dead: &OtherRun| {
            fs::write(file(&folder, "c"), serde_json::to_vec(dead).unwrap()).unwrap();
        };
        let mut dead = OtherRun {
            run: "c".into(),
            open_bytes: 7,
            ..a.me.clone()
        };
        write(&dead);
        assert_eq!(b.open_bytes(), 3007, "it lives");
        dead.start_ticks += 1;
        write(&dead);
        assert_eq!(b.open_bytes(), 3000, "its pid is another's");
        dead.start_ticks -= 1;
        dead.boot_id = "another".into();
        write(&dead);
        assert_eq!(b.open_bytes(), 3000, "it ran before the machine started");
        fs::write(file(&folder, "d"), "{\"run\":").unwrap();
        fs::create_dir(file(&folder, "e")).unwrap();
        assert_eq!(b.open_bytes(), 3000);
    }

    #[test]
    fn what_only_has_the_name_of_such_a_file_holds_nobody_up() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().to_owned();
        let me = Others::at(Some(folder.clone()), "a").me;
        let huge = |run: &str| {
            let one = OtherRun {
                open_bytes: u64::MAX,
                ..me.clone()
            };
            fs::write(file(&folder, run), serde_json::to_vec(&one).unwrap()).unwrap();
        };
        huge("b");
        huge("c");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, file(&folder, "d"), mode).unwrap();
        let (told, hears) = std::sync::mpsc::channel();
        std::thread::spawn(move || told.send(Others::at(Some(folder), "a").open_bytes()));
        let sum = hears.recv_timeout(Duration::from_secs(20));
        assert_eq!(sum, Ok(u64::MAX));
    }

    #[test]
    fn the_dead_of_long_ago_do_not_hide_the_living() {
        let root = tempfile::tempdir().unwrap();
        let folder = &root.path().join("wavedeck");
        let mut lives = Others::at(Some(folder.clone()), "z");
        tell(&mut lives, 500, 0, 0);
        let dead = OtherRun {
            start_ticks: lives.me.start_ticks + 1,
            ..lives.me.clone()
        };
        let dead = serde_json::to_vec(&dead).unwrap();
        for i in 0..3 * MOST_FILES {
            let path = file(folder, &format!("dead{i}"));
            fs::write(&path, &dead).unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            let long_ago = std::time::SystemTime::now() - 2 * OLD;
            file.set_modified(long_ago).unwrap();
        }
        let fresh = file(folder, "fresh");
        fs::write(&fresh, &dead).unwrap();
        let other = Others::at(Some(folder.clone()), "a");
        assert_eq!(other.open_bytes(), 500);
        assert!(fresh.exists() && fs::read_dir(folder).unwrap().count() == 2);
    }

    #[test]
    fn nothing_is_told_in_a_folder_that_others_may_enter() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("wavedeck");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let mut a = Others::at(Some(folder.clone()), "a");
        tell(&mut a, 1, 1, 1);
        assert_eq!(told(&folder, "a"), None);
    }
}
