//! The watcher's thread: waits until something was named, asks git what it means, tells what is new.
//!
//! Paths that the kernel names are gathered for a moment, then verified by git. A workspace that
//! changes without end is asked about the less often the longer that takes; predictions have a
//! budget of time that fills up slowly. While nothing changes, nothing runs. Must not write into a
//! workspace.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use super::{
    dirty::Name,
    folders::{Blind, Folders},
    foresee::Purse,
    inbox::{Inbox, Pending, Request, Waiting},
    notice::{Key, Notice, Stats, Workspace},
    pair::Pair,
    shadow::Shadow,
    site::{Site, Touched, is_folder},
};
use crate::display;

/// While further workspaces are being made, what is asked waits no longer than this: with many of them
/// git's questions about each cost as much time as making it.
const YIELD: Duration = Duration::from_secs(2);
/// Paths are gathered for so long before git is asked.
const SETTLE: Duration = Duration::from_millis(120);
/// After git was asked about a workspace it is left alone for so many times as long as that took.
const PACE: u32 = 10;
/// The same where it was asked about some paths only.
const PACE_FEW: u32 = 3;
/// Where folders cannot be watched git is asked so often, or more rarely where that takes long.
const POLL: Duration = Duration::from_secs(5);
const POLL_PACE: u32 = 50;
/// Sentences about one workspace.
const MOST_COMPLAINTS: usize = 10;
/// After so many failures in a row it is left alone until something is named.
const MOST_FAILURES: u32 = 3;

/// What was named and has waited long enough.
type Due = Vec<(Key, Pending)>;

pub(super) struct Worker {
    inbox: Arc<Inbox>,
    tell: Box<dyn FnMut(Notice) + Send>,
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
        // Whoever hears it finds the figures that belong to it.
        self.publish();
        (self.tell)(notice);
    }

    fn publish(&mut self) {
        self.counts.watches = self.folders.count as u64;
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = self.counts;
    }

    /// Runs until the inbox is closed.
    pub(super) fn run(mut self) {
        while let Some((requests, due)) = self.wait() {
            let started = Instant::now();
            for request in requests {
                match request {
                    Request::Add(added) => self.add(added.0, added.1),
                    Request::Remove(key) => self.remove(key),
                }
            }
            for (key, pending) in due {
                self.look(key, &pending);
            }
            let compared = Instant::now();
            if let Some(pair) = self.next_pair(compared) {
                let before = self.counts;
                self.compare(pair);
                let asked = self.counts.merges - before.merges
                    + 3 * (self.counts.snapshots - before.snapshots);
                self.purse.spend(compared.elapsed(), asked);
            }
            self.counts.busy_us += u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.publish();
        }
        let sites = std::mem::take(&mut self.sites).into_values();
        let shadows = sites.filter_map(|site| site.shadow);
        let waiting = std::mem::take(&mut self.inbox.lock().requests);
        let unseen = waiting.into_iter().filter_map(|request| match request {
            Request::Add(added) => added.1.ok(),
            Request::Remove(_) => None,
        });
        shadows.chain(unseen).for_each(Shadow::discard);
    }

    /// Waits for something to do; none: it is over.
    fn wait(&self) -> Option<(Vec<Request>, Due)> {
        let mut waiting = self.inbox.lock();
        loop {
            if waiting.closed {
                return None;
            }
            let now = Instant::now();
            let (due, next) = self.due(&mut waiting, now);
            let patience = if waiting.more { YIELD } else { Duration::ZERO };
            let asked = waiting.asked.map(|at| at + patience);
            let asks = asked.is_some_and(|at| at <= now);
            if asks || !due.is_empty() {
                let requests = if asks {
                    waiting.asked = None;
                    waiting.requests.drain(..).collect()
                } else {
                    Vec::new()
                };
                return Some((requests, due));
            }
            let next = [next, self.next_comparison(), asked];
            let next = next.into_iter().flatten().min();
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
    fn due(&self, waiting: &mut Waiting, now: Instant) -> (Due, Option<Instant>) {
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

    fn add(&mut self, of: Workspace, made: Result<Shadow, String>) {
        let key = of.key;
        self.remove(key);
        let now = Instant::now();
        let mut site = Site::new(of, now);
        match made {
            Ok(shadow) => site.shadow = Some(shadow),
            Err(error) => {
                let why = format!("its files are not watched: {error}");
                self.tell(complaint(key, &why));
            }
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
            .chain(&self.queue)
            .filter(|(a, b)| *a == key || *b == key)
            .copied()
            .collect();
        for pair in of {
            self.part(pair);
        }
    }

    /// Looks at what was named in a workspace.
    fn look(&mut self, key: Key, pending: &Pending) {
        let started = Instant::now();
        let Some(mut site) = self.sites.remove(&key) else {
            return;
        };
        let blind = self.follow(&mut site, pending);
        let answer = site.ask(pending, &mut self.counts);
        let mut whys = Vec::new();
        let touched = match answer {
            Ok(touched) => {
                site.failures = 0;
                touched
            }
            Err(_) if !is_folder(&site.of.path, b"") => {
                // One that is no longer to be watched is removed by whoever said so.
                if !self.inbox.lock().leaves(key) {
                    whys.push("its folder is gone".to_owned());
                }
                site.vanish()
            }
            Err(why) => {
                site.failures += 1;
                // Once may be by chance: it is tried again.
                whys.extend((site.failures > 1).then_some(why));
                Touched::default()
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
        site.not_before = now + took * if pending.whole { PACE } else { PACE_FEW };
        if (1..=MOST_FAILURES).contains(&site.failures) {
            // What was named is not known yet.
            site.not_before = now + POLL;
            self.inbox.lock().note(key, None);
        }
        if site.poll.is_some() {
            site.poll = Some(now + POLL.max(took * POLL_PACE));
        }
        let changed = !touched.paths.is_empty() || touched.shape;
        site.generation += u64::from(changed);
        let (count, more) = (site.dirty.paths.len(), site.dirty.more);
        let dirty = (site.told != (count, more)).then_some(Notice::Dirty { key, count, more });
        site.told = (count, more);
        let outside = site.outside();
        // Each once, and not without end.
        whys.retain(|why| {
            site.complaints.len() < MOST_COMPLAINTS && site.complaints.insert(why.clone())
        });
        self.sites.insert(key, site);
        let whys = whys.iter().map(|why| complaint(key, why));
        for notice in [dirty, outside].into_iter().flatten().chain(whys) {
            self.tell(notice);
        }
        if changed {
            self.meet(key, &touched);
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
}

fn complaint(key: Key, why: &str) -> Notice {
    Notice::Degraded {
        key: Some(key),
        why: display::clean_text(why, 400),
    }
}

/// The time of a finding.
pub(super) fn wall() -> SystemTime {
    SystemTime::now()
}
