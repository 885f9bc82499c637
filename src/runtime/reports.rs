//! Agents' reports from files: each agent is given a file of its own, `reports/<agent>.<attempt>.yaml`
//! of the run's folder, whose name `WAVEDECK_STATUS_FILE` holds.
//!
//! One watcher for all of them. What stands in a file is hostile: no link is followed, nothing but a
//! regular file is opened, no more is read than a report may hold. Must not touch the state.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use notify::{
    EventKind, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};

use crate::{
    engine::{Setup, Via, Words},
    plan::AgentIx,
    status::{parse::MOST_BYTES, parse_report},
    sys::lock::private_dir,
};

use super::{
    current::Current,
    intake::{Intake, Origin},
    turns::{Msg, complain},
};

/// Name of the folder.
pub const REPORTS: &str = "reports";
/// Name of the variable that holds the file.
pub const STATUS_FILE: &str = "WAVEDECK_STATUS_FILE";
/// A file that was just written may be written again at once.
const SETTLE: Duration = Duration::from_millis(150);
/// A run that is over sooner does without a watcher: the kernel takes 7 to 14 ms to take one away,
/// and the process ends no sooner. What is written until then is found when the watcher starts.
const BEFORE_WATCHING: Duration = Duration::from_secs(1);

/// Returns the file of an attempt.
#[must_use]
pub fn file(run_dir: &Path, agent: &str, attempt: u32) -> PathBuf {
    run_dir
        .join(REPORTS)
        .join(format!("{agent}.{attempt}.yaml"))
}

/// Files that were written and not read yet; no more of them than there are agents.
#[derive(Default)]
struct Written {
    files: Mutex<BTreeSet<(AgentIx, u32)>>,
    rung: Condvar,
}

/// Starts to watch, on a thread of its own.
///
/// # Errors
/// When the thread cannot be had; what else is missing is said.
pub(super) fn watch(
    dir: &Path,
    current: Current,
    intake: Arc<Intake>,
    to_loop: mpsc::Sender<Msg>,
) -> io::Result<()> {
    let folder = dir.join(REPORTS);
    thread::Builder::new()
        .name("reports".into())
        .stack_size(512 << 10)
        .spawn(move || {
            thread::sleep(BEFORE_WATCHING);
            let written = Arc::new(Written::default());
            // Lives as long as it is listened to.
            let _watcher = match listen(&folder, &current, &written) {
                Ok(watcher) => watcher,
                Err(error) => {
                    complain(&format!(
                        "agents' status files are not read, `wavedeck report-status` is: {error}"
                    ));
                    return;
                }
            };
            read_all(&folder, &current, &intake, &written, &to_loop);
        })?;
    Ok(())
}

/// Notes every file that is written from now on, and those that are there.
fn listen(
    folder: &Path,
    current: &Current,
    written: &Arc<Written>,
) -> io::Result<notify::RecommendedWatcher> {
    private_dir(folder)?;
    let (heard, names) = (written.clone(), current.clone());
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let wrote = matches!(
            event.kind,
            EventKind::Create(_)
                | EventKind::Modify(_)
                | EventKind::Access(AccessKind::Close(AccessMode::Write))
        );
        if wrote {
            for path in &event.paths {
                heard.note(&names.get(), path);
            }
        }
    })
    .map_err(io::Error::other)?;
    watcher
        .watch(folder, RecursiveMode::NonRecursive)
        .map_err(io::Error::other)?;
    // The first agents have started already.
    for entry in folder.read_dir()?.flatten() {
        written.note(&current.get(), &entry.path());
    }
    Ok(watcher)
}

impl Written {
    /// Notes that a file was written, if it is one of an agent of the plan.
    fn note(&self, setup: &Setup, path: &Path) {
        let Some((agent, attempt)) = whose(setup, path) else {
            return;
        };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        // Of one agent only the newest attempt counts.
        let newest = files.range((agent, 0)..=(agent, u32::MAX)).next().copied();
        if newest.is_some_and(|(_, newest)| newest > attempt) {
            return;
        }
        if let Some(old) = newest {
            files.remove(&old);
        }
        files.insert((agent, attempt));
        self.rung.notify_one();
    }
}

/// Whose file it is: `<agent>.<attempt>.yaml` of an agent of the plan.
fn whose(setup: &Setup, path: &Path) -> Option<(AgentIx, u32)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".yaml")?;
    let (agent, attempt) = name.rsplit_once('.')?;
    let agent = *setup.by_id.get(&agent.into())?;
    Some((agent, attempt.parse().ok()?))
}

fn read_all(
    folder: &Path,
    current: &Current,
    intake: &Intake,
    written: &Written,
    to_loop: &mpsc::Sender<Msg>,
) {
    // What was taken last, so that a file that is only touched says nothing new.
    let mut last: BTreeMap<AgentIx, (u32, Result<Words, String>)> = BTreeMap::new();
    let mut later: BTreeMap<(AgentIx, u32), Instant> = BTreeMap::new();
    loop {
        let mut files = written.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.is_empty() {
            let wait = later
                .values()
                .min()
                .map(|at| at.saturating_duration_since(Instant::now()));
            files = match wait {
                None => written
                    .rung
                    .wait(files)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(wait) => {
                    let waited = written.rung.wait_timeout(files, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        let fresh = std::mem::take(&mut *files);
        drop(files);
        let now = Instant::now();
        for key in fresh {
            later.entry(key).or_insert(now + SETTLE);
        }
        let due: Vec<(AgentIx, u32)> = later
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(key, _)| *key)
            .collect();
        for key in due {
            later.remove(&key);
            let (agent, attempt) = key;
            let id = current.get().plan.agent(agent).id.clone();
            let name = format!("{id}.{attempt}.yaml");
            let Some(said) = read(&folder.join(&name), &name, id.as_str()) else {
                continue;
            };
            let said = (attempt, said);
            if last.get(&agent) == Some(&said) {
                continue;
            }
            if let Err(wait) = intake.take(agent, now) {
                later.insert(key, now + wait);
                continue;
            }
            last.insert(agent, said.clone());
            let msg = Msg::Progress {
                agent: id,
                attempt,
                origin: Origin::File,
                via: Via::File,
                said: said.1.map(Box::new),
                reply: Box::new(drop),
            };
            if to_loop.send(msg).is_err() {
                return;
            }
        }
    }
}

/// What stands in a report's file, or what is wrong with it; none: it is gone or empty, as it is
/// for a moment while it is written.
fn read(path: &Path, name: &str, agent: &str) -> Option<Result<Words, String>> {
    let text = match contents(path) {
        Ok(text) if text.is_empty() => return None,
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(Err(format!("{name}: {error}"))),
    };
    let text = String::from_utf8_lossy(&text);
    Some(parse_report(&text, name, agent).map_err(|error| error.to_string()))
}

/// The first bytes of a regular file; a link, pipe, socket or device is refused without waiting.
///
/// # Errors
/// When it is not a regular file or cannot be read.
pub(super) fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file: OwnedFd = match open(path, flags, Mode::empty()) {
        Ok(file) => file,
        Err(rustix::io::Errno::LOOP) => return Err(io::Error::other("it is a link")),
        Err(error) => return Err(error.into()),
    };
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::from(file)
        .take(MOST_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_is_read_and_no_more_than_a_report_holds() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("big"), vec![b'#'; MOST_BYTES * 3]).unwrap();
        std::os::unix::fs::symlink(at("big"), at("link")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe"),
            FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        assert_eq!(contents(&at("big")).unwrap().len(), MOST_BYTES + 1);
        let refused = |name: &str| contents(&at(name)).unwrap_err().to_string();
        assert_eq!(refused("link"), "it is a link");
        assert_eq!(refused("pipe"), "it is not a regular file");
        assert_eq!(refused("."), "it is not a regular file");
        assert!(read(&at("none"), "none", "a").is_none());
        let error = read(&at("big"), "big", "a").unwrap().unwrap_err();
        assert!(error.contains("at most 65536 are read"), "{error}");
    }
}
