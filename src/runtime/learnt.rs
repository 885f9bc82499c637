//! `learnt.json`: what runs of a repository have taught, read before a run and written at its end (DESIGN 7).
//!
//! A file that makes no sense is kept aside and said; one of a newer version is left alone. Neither ever holds up a
//! run. Must not be reached from the loop, and a run that goes on or is replayed never reads it: its own folder has
//! what it began with.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::{
    journal::{RunDir, Store},
    schedule::learnt::{Known, Learnt, Lesson, Unread, known},
    sys::lock::{Lock, private_append},
};

/// Name of the file in the folder of what outlives runs.
const FILE: &str = "learnt.json";
/// A file that makes no sense, kept for a person.
const BAD: &str = "learnt.json.bad";
/// Held while the file is replaced.
const LOCK: &str = "learnt.lock";
/// Bytes that the file may have; ours stay far below.
const LARGEST: u64 = 32 << 20;
/// How long the end of a run waits for another one that writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a file knows, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Found {
    /// What is known, sorted by key.
    pub known: Vec<Known>,
    /// Why it is not used, as a sentence.
    pub problem: Option<String>,
}

/// Reads what the runs of a store have taught. Changes nothing.
#[must_use]
pub fn of(store: &Store) -> Found {
    look(&store.path().join("cache"), false)
}

/// Reads what the runs of a repository have taught; nothing where there were none. Changes nothing.
#[must_use]
pub fn find(root: &Path, home: Option<&Path>) -> Found {
    Store::find(root, home).map_or_else(Found::default, |store| of(&store))
}

/// The same for a run: a file that makes no sense is kept aside.
#[must_use]
pub fn find_for_run(root: &Path, home: Option<&Path>) -> Found {
    Store::find(root, home).map_or_else(Found::default, |store| {
        look(&store.path().join("cache"), true)
    })
}

fn look(cache: &Path, run: bool) -> Found {
    let read = match bytes(&cache.join(FILE), true) {
        Ok(None) => return Found::default(),
        Ok(Some(text)) => known(&text),
        Err(error) => Err(Unread::Damaged(error.to_string())),
    };
    let problem = match read {
        Ok(known) => {
            return Found {
                known,
                problem: None,
            };
        }
        Err(why @ Unread::Newer(_)) => format!("{FILE} is left alone: {why}"),
        Err(why @ Unread::Damaged(_)) => {
            let aside = run && set_aside(cache);
            let kept = if aside {
                format!("; kept as {BAD}")
            } else {
                String::new()
            };
            format!("{FILE} is not used: {why}{kept}")
        }
    };
    Found {
        known: Vec::new(),
        problem: Some(problem),
    }
}

/// Keeps a file that makes no sense aside; returns whether it did.
fn set_aside(cache: &Path) -> bool {
    let Ok(Some(_held)) = Lock::take(&cache.join(LOCK)) else {
        return false;
    };
    // Another run may have put a good one in its place meanwhile.
    let path = cache.join(FILE);
    let damaged = match bytes(&path, false) {
        Ok(Some(text)) => matches!(known(&text), Err(Unread::Damaged(_))),
        Ok(None) => false,
        Err(_) => true,
    };
    damaged && fs::rename(path, cache.join(BAD)).is_ok()
}

/// The bytes of a file; none where there is none. `brief`: its first line alone, where that is one of ours.
fn bytes(path: &Path, brief: bool) -> io::Result<Option<Vec<u8>>> {
    // Neither a link nor a pipe: a repository may bring either along.
    let opened = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc_flags())
        .open(path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let about = file.metadata()?;
    if !about.is_file() || about.len() > LARGEST {
        return Err(io::Error::other("it is no file of ours"));
    }
    let mut text = Vec::new();
    let mut file = BufReader::with_capacity(64 << 10, file.take(LARGEST));
    if brief {
        file.read_until(b'\n', &mut text)?;
    }
    if !text.ends_with(b",\n") {
        file.read_to_end(&mut text)?;
    }
    Ok(Some(text))
}

fn libc_flags() -> i32 {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    flags.bits().cast_signed()
}

/// Adds what a run has taught that ended at `now_ms` (milliseconds since the epoch).
///
/// # Errors
/// Why it could not be kept, as a sentence. A file of a newer version is no error: it is left alone.
pub fn keep(dir: &Path, plan: &str, now_ms: u64, lessons: Vec<Lesson>) -> Result<(), String> {
    if lessons.is_empty() {
        return Ok(());
    }
    let run = RunDir::at(dir).id;
    let kept = Store::around(dir)
        .map_err(io::Error::other)
        .and_then(|store| store.cache().map_err(io::Error::other))
        .and_then(|cache| add(&cache, (&run, plan), now_ms, lessons));
    kept.map_err(|error| format!("what this run has taught could not be kept: {error}"))
}

fn add(
    cache: &Path,
    (run, plan): (&str, &str),
    now_ms: u64,
    lessons: Vec<Lesson>,
) -> io::Result<()> {
    let _held = wait(&cache.join(LOCK))?;
    let path = cache.join(FILE);
    let read = match bytes(&path, false) {
        Ok(Some(text)) => Learnt::parse(&text),
        Ok(None) => Ok(Learnt::default()),
        Err(error) => Err(Unread::Damaged(error.to_string())),
    };
    let mut learnt = match read {
        Ok(learnt) => learnt,
        // It was said when the run began.
        Err(Unread::Newer(_)) => return Ok(()),
        Err(Unread::Damaged(_)) => {
            fs::rename(&path, cache.join(BAD))?;
            Learnt::default()
        }
    };
    if !learnt.teach(run, plan, now_ms, lessons) {
        return Ok(());
    }
    write(cache, &learnt)
}

/// Puts a new file in the place of the one that is there; the lock is held.
fn write(cache: &Path, learnt: &Learnt) -> io::Result<()> {
    let text = learnt.to_json().map_err(io::Error::other)?;
    let fresh = cache.join(".learnt.json.new");
    // What a crash left of an earlier one.
    let _ = fs::remove_file(&fresh);
    private_append(&fresh)?.write_all(&text)?;
    fs::rename(&fresh, cache.join(FILE))
}

/// Forgets what is known of an agent, in whatever plan and by whatever worker; none: of all, classes too. Returns how
/// many keys that were.
///
/// # Errors
/// When the file cannot be read or replaced; one that makes no sense only goes with all.
pub fn forget(store: &Store, agent: Option<&str>) -> io::Result<usize> {
    let cache = store.cache().map_err(io::Error::other)?;
    let _held = wait(&cache.join(LOCK))?;
    let Some(text) = bytes(&cache.join(FILE), false)? else {
        return Ok(0);
    };
    let read = Learnt::parse(&text);
    let Some(agent) = agent else {
        fs::remove_file(cache.join(FILE))?;
        return Ok(read.map_or(0, |learnt| learnt.all().count()));
    };
    let mut learnt = read.map_err(io::Error::other)?;
    let gone = learnt.drop_agent(agent);
    if gone > 0 {
        write(&cache, &learnt)?;
    }
    Ok(gone)
}

/// Waits for the lock: another run may end at the same time.
fn wait(path: &Path) -> io::Result<Lock> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(lock) = Lock::take(path)? {
            return Ok(lock);
        }
        if Instant::now() >= until {
            return Err(io::Error::other("another run writes it"));
        }
        thread::sleep(Duration::from_millis(5));
    }
}
