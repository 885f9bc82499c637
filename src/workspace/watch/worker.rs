//! The watcher's thread: waits until something was named, asks git what it means, tells what is new.
//!
//! Paths that the kernel names are gathered for a moment, then verified by git. A workspace that
//! changes without end is asked about the less often the longer that takes; predictions have a
//! budget of time that fills up slowly. While nothing changes, nothing runs. Must not write into a
//! workspace.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use super::{
    dirty::{Dirty, Name},
    folders::{Blind, Folders, at},
    foresee::{self, Purse},
    inbox::{Inbox, Pending, Request, Waiting},
    notice::{Key, Notice, Stats, Workspace},
    pair::Pair,
    shadow::{Shadow, Snapshot},
};
use crate::display;

/// Paths are gathered for so long before git is asked.
const SETTLE: Duration = Duration::from_millis(120);
/// After git was asked about a workspace it is left alone for so many times as long as that took.
const PACE: u32 = 10;
/// Where folders cannot be watched git is asked so often, or more rarely where that takes long.
const POLL: Duration = Duration::from_secs(5);
const POLL_PACE: u32 = 50;
/// Paths in one notice.
pub(super) const MOST_TOLD: usize = 50;
/// Paths outside of a scope that are told of one attempt.
const MOST_OUTSIDE: usize = 1_000;
/// Ignored files that are remembered, so that a log that grows costs nothing.
const MOST_IGNORED: usize = 1_000;
/// Paths whose size and time are looked at to see whether they changed, when all are.
const MOST_LOOKED_AT: usize = 2_000;

/// What is known of one workspace.
pub(super) struct Site {
    pub(super) of: Workspace,
    pub(super) shadow: Option<Shadow>,
    pub(super) dirty: Dirty,
    /// Folders that are watched.
    watched: BTreeSet<Name>,
    /// Outside the scope, and told.
    outside: BTreeSet<Name>,
    /// Files that changed and that git said nothing about: how often; known to be ignored.
    quiet: BTreeMap<Name, bool>,
    told: (usize, bool),
    /// Counts changes of what is dirty.
    pub(super) generation: u64,
    /// Of which generation.
    pub(super) snapshot: Option<(u64, Snapshot)>,
    looks: u64,
    not_before: Instant,
    /// When git is asked although nothing was named.
    poll: Option<Instant>,
    complained: bool,
}

pub(super) struct Worker {
    inbox: Arc<Inbox>,
    tell: Box<dyn FnMut(Notice) + Send>,
    private: PathBuf,
    folders: Folders,
    pub(super) sites: BTreeMap<Key, Site>,
    pub(super) pairs: BTreeMap<(Key, Key), Pair>,
    /// Pairs that have to be compared.
    pub(super) queue: BTreeSet<(Key, Key)>,
    pub(super) purse: Purse,
    pub(super) ruled: crate::conflict::scope::Globs,
    pub(super) counts: Stats,
    stats: Arc<Mutex<Stats>>,
}

impl Worker {
    pub(super) fn new(
        inbox: Arc<Inbox>,
        settings: super::Settings,
        stats: Arc<Mutex<Stats>>,
        tell: Box<dyn FnMut(Notice) + Send>,
    ) -> Self {
        Self {
            folders: Folders::new(inbox.clone(), settings.most_watches),
            inbox,
            tell,
            private: settings.private,
            sites: BTreeMap::new(),
            pairs: BTreeMap::new(),
            queue: BTreeSet::new(),
            purse: Purse::new(Instant::now()),
            ruled: settings.ruled,
            counts: Stats::default(),
            stats,
        }
    }

    pub(super) fn tell(&mut self, notice: Notice) {
        (self.tell)(notice);
    }

    /// Runs until the inbox is closed.
    pub(super) fn run(mut self) {
        while let Some((requests, due)) = self.wait() {
            let started = Instant::now();
            for request in requests {
                match request {
                    Request::Add(workspace) => self.add(*workspace),
                    Request::Remove(key) => self.remove(key),
                }
            }
            for (key, pending) in due {
                self.look(key, &pending);
            }
            let compared = Instant::now();
            if let Some(pair) = self.next_pair(compared) {
                self.compare(pair);
                self.purse.spend(compared.elapsed());
            }
            self.counts.busy_us += u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.counts.watches = self.folders.count as u64;
            *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = self.counts;
        }
        for (_, site) in std::mem::take(&mut self.sites) {
            if let Some(shadow) = site.shadow {
                shadow.discard();
            }
        }
    }

    /// Waits for something to do; none: it is over.
    fn wait(&self) -> Option<(Vec<Request>, Vec<(Key, Pending)>)> {
        let mut waiting = self.inbox.lock();
        loop {
            if waiting.closed {
                return None;
            }
            let now = Instant::now();
            let (due, next) = self.due(&mut waiting, now);
            if !waiting.requests.is_empty() || !due.is_empty() {
                return Some((waiting.requests.drain(..).collect(), due));
            }
            let next = [next, self.next_comparison()].into_iter().flatten().min();
            waiting = match next {
                Some(next) if next <= now => return Some((Vec::new(), Vec::new())),
                Some(next) => {
                    let rung = self.inbox.rung.wait_timeout(waiting, next - now);
                    rung.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let rung = self.inbox.rung.wait(waiting);
                    rung.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    /// Takes out what has waited long enough, and says when the next will have.
    fn due(&self, waiting: &mut Waiting, now: Instant) -> (Vec<(Key, Pending)>, Option<Instant>) {
        for (key, site) in &self.sites {
            if site.poll.is_some_and(|at| at <= now) {
                waiting.note(*key, None);
            }
        }
        let ready = |key: &Key, pending: &Pending| {
            let site = self.sites.get(key);
            let waited = pending.since + SETTLE;
            site.map_or(now, |site| match site.poll {
                Some(poll) => poll,
                None => waited.max(site.not_before),
            })
        };
        let keys: Vec<Key> = waiting
            .pending
            .iter()
            .filter(|(key, pending)| ready(key, pending) <= now)
            .map(|(key, _)| *key)
            .collect();
        let due = keys
            .into_iter()
            .filter_map(|key| waiting.pending.remove_entry(&key))
            .collect();
        let next = waiting.pending.iter().map(|(k, p)| ready(k, p));
        let polls = self.sites.values().filter_map(|site| site.poll);
        (due, next.chain(polls).min())
    }

    fn add(&mut self, of: Workspace) {
        let key = of.key;
        self.remove(key);
        let dir = self
            .private
            .join(format!("{}.{}", key.agent.0, key.attempt));
        let made = Shadow::new(dir, &of.path, &of.base);
        let now = Instant::now();
        let mut site = Site {
            of,
            shadow: None,
            dirty: Dirty::default(),
            watched: BTreeSet::new(),
            outside: BTreeSet::new(),
            quiet: BTreeMap::new(),
            told: (0, false),
            generation: 0,
            snapshot: None,
            looks: 0,
            not_before: now,
            poll: None,
            complained: false,
        };
        match made {
            Ok(shadow) => site.shadow = Some(shadow),
            Err(error) => self.complain(key, &format!("its files are not watched: {error}")),
        }
        let watches = site.shadow.is_some();
        let root = site.of.path.clone();
        self.sites.insert(key, site);
        if watches {
            // From here on what the kernel names comes to it.
            self.inbox.lock().roots.insert(root, key);
            self.look(
                key,
                &Pending {
                    paths: BTreeSet::new(),
                    whole: true,
                    since: now,
                },
            );
        }
    }

    fn remove(&mut self, key: Key) {
        let Some(mut site) = self.sites.remove(&key) else {
            return;
        };
        {
            let mut waiting = self.inbox.lock();
            waiting.roots.retain(|_, k| *k != key);
            waiting.pending.remove(&key);
        }
        self.folders.forget(&site.of.path, &mut site.watched, b"");
        if let Some(shadow) = site.shadow {
            shadow.discard();
        }
        let of: Vec<(Key, Key)> = self
            .pairs
            .keys()
            .filter(|(a, b)| *a == key || *b == key)
            .copied()
            .collect();
        for pair in of {
            self.part(pair);
        }
    }

    fn complain(&mut self, key: Key, why: &str) {
        self.tell(Notice::Degraded {
            key: Some(key),
            why: display::clean_text(why, 400),
        });
    }

    /// Looks at what was named in a workspace.
    fn look(&mut self, key: Key, pending: &Pending) {
        let started = Instant::now();
        let Some(mut site) = self.sites.remove(&key) else {
            return;
        };
        let blind = self.follow(&mut site, pending);
        let answer = self.ask(&mut site, pending);
        let mut whys = Vec::new();
        let changed = match answer {
            Ok(changed) => changed,
            Err(why) => {
                whys.push(why);
                false
            }
        };
        if let Some(blind) = blind {
            self.folders.forget(&site.of.path, &mut site.watched, b"");
            site.poll = Some(started);
            whys.push(format!(
                "{blind}: its changes are looked for every {} s",
                POLL.as_secs()
            ));
        }
        let took = started.elapsed();
        let now = Instant::now();
        site.not_before = now + took * PACE;
        if site.poll.is_some() {
            site.poll = Some(now + POLL.max(took * POLL_PACE));
        }
        if changed {
            site.generation += 1;
        }
        let (count, more) = (site.dirty.paths.len(), site.dirty.more);
        let dirty = (site.told != (count, more)).then_some(Notice::Dirty { key, count, more });
        site.told = (count, more);
        let outside = outside(&mut site);
        let complain = (!whys.is_empty() && !site.complained).then(|| whys.join("; "));
        site.complained |= complain.is_some();
        self.sites.insert(key, site);
        for notice in [dirty, outside].into_iter().flatten() {
            self.tell(notice);
        }
        if let Some(why) = complain {
            self.complain(key, &why);
        }
        if changed {
            self.meet(key);
        }
    }

    /// Watches new folders and forgets those that are gone; says so when it cannot.
    fn follow(&mut self, site: &mut Site, pending: &Pending) -> Option<Blind> {
        let shadow = site.shadow.as_ref()?;
        if site.poll.is_some() {
            return None;
        }
        let root = &site.of.path;
        if pending.whole {
            let gone: Vec<Name> = site
                .watched
                .iter()
                .filter(|f| !is_folder(root, f))
                .cloned()
                .collect();
            for folder in gone {
                self.folders.forget(root, &mut site.watched, &folder);
            }
            return self
                .folders
                .place(root, &mut site.watched, b"", shadow)
                .err();
        }
        let (there, gone): (Vec<&Name>, Vec<&Name>) =
            pending.paths.iter().partition(|path| is_folder(root, path));
        for folder in gone {
            if site.watched.contains(folder) {
                self.folders.forget(root, &mut site.watched, folder);
            }
        }
        for folder in there {
            let placed = self.folders.place(root, &mut site.watched, folder, shadow);
            if let Err(blind) = placed {
                return Some(blind);
            }
        }
        None
    }

    /// Asks git; true: what is dirty may have changed.
    fn ask(&mut self, site: &mut Site, pending: &Pending) -> Result<bool, String> {
        let Some(shadow) = &site.shadow else {
            return Ok(false);
        };
        if !is_folder(&site.of.path, b"") {
            let changed = !site.dirty.paths.is_empty();
            site.dirty = Dirty::default();
            return if site.complained {
                Ok(changed)
            } else {
                site.generation += 1;
                Err("its folder is gone".to_owned())
            };
        }
        if pending.whole {
            site.quiet.clear();
            self.counts.verifications += 1;
            let (found, more) = shadow.status(None).map_err(|error| {
                shadow.unlock();
                error.to_string()
            })?;
            let before = site.dirty.clone();
            site.dirty.replace(found, more);
            let looks = looks(site);
            let changed = before != site.dirty || looks != site.looks;
            site.looks = looks;
            return Ok(changed);
        }
        let asked: BTreeSet<Name> = pending
            .paths
            .iter()
            .filter(|path| site.quiet.get(*path) != Some(&true))
            .cloned()
            .collect();
        if asked.is_empty() {
            return Ok(false);
        }
        self.counts.verifications += 1;
        let (found, more) = shadow.status(Some(&asked)).map_err(|error| {
            shadow.unlock();
            error.to_string()
        })?;
        let silent: Vec<Name> = asked
            .iter()
            .filter(|p| !found.contains_key(*p) && !site.dirty.paths.contains_key(*p))
            .cloned()
            .collect();
        let before = site.dirty.paths.len();
        let known = asked.iter().any(|p| site.dirty.paths.contains_key(p));
        let changed = known || !found.is_empty();
        site.dirty.update(&asked, found);
        site.dirty.more |= more;
        let changed = changed || before != site.dirty.paths.len();
        hush(site, silent);
        Ok(changed)
    }
}

/// Remembers files that change again and again and that git ignores.
fn hush(site: &mut Site, silent: Vec<Name>) {
    let Some(shadow) = &site.shadow else { return };
    let mut again = Vec::new();
    for path in silent {
        if site.quiet.contains_key(&path) {
            again.push(path);
        } else if site.quiet.len() < MOST_IGNORED {
            site.quiet.insert(path, false);
        }
    }
    if again.is_empty() {
        return;
    }
    let ignored = shadow.ignored(&again).unwrap_or_default();
    for path in again {
        let is_ignored = ignored.contains(&path);
        site.quiet.insert(path, is_ignored);
    }
}

/// Sums up size and time of the files that are dirty: where it differs one of them was written.
fn looks(site: &Site) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in site.dirty.paths.keys().take(MOST_LOOKED_AT) {
        if let Ok(meta) = std::fs::symlink_metadata(at(&site.of.path, path)) {
            (path, meta.len(), meta.modified().ok()).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// What is outside of the scope and was not told.
fn outside(site: &mut Site) -> Option<Notice> {
    let room = MOST_OUTSIDE.saturating_sub(site.outside.len());
    let fresh: Vec<Name> = site
        .of
        .scope
        .outside(site.dirty.paths.keys())
        .into_iter()
        .filter(|path| !site.outside.contains(*path))
        .take(room)
        .cloned()
        .collect();
    if fresh.is_empty() {
        return None;
    }
    site.outside.extend(fresh.iter().cloned());
    let more = fresh.len().saturating_sub(MOST_TOLD);
    let paths = fresh.into_iter().take(MOST_TOLD).collect();
    Some(Notice::Outside {
        key: site.of.key,
        paths,
        more,
    })
}

fn is_folder(root: &std::path::Path, path: &[u8]) -> bool {
    std::fs::symlink_metadata(at(root, path)).is_ok_and(|meta| meta.is_dir())
}

/// The time of a finding.
pub(super) fn wall() -> SystemTime {
    SystemTime::now()
}

/// Whether two agents work in the same domains, and whether one of these is critical.
pub(super) fn shared(a: &Site, b: &Site) -> (Vec<Box<str>>, bool) {
    foresee::shared(&a.of.domains, &b.of.domains)
}
