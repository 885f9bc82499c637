//! Comparing pairs of workspaces: which have to be, in what order, and what is told.
//!
//! Only pairs whose changed paths meet, or that work in the same domain, are looked at. Snapshots and
//! trial merges draw on a purse of time that fills up slowly, so that many agents in the same files
//! cost no more than few; the longer the list, the later its end. Must not write into a workspace.

use std::{
    collections::{BTreeSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

use super::{
    dirty::{Change, Name},
    notice::{Domain, Foreseen, Key, Kind, Notice, Predicted},
    pair::{Finding, Pair, Step},
    shadow::{Fault, Merge, Snapshot},
    site::{MOST_TOLD, Site, Touched},
    verdict,
    worker::{Worker, wall},
};

/// Time for comparisons in each second, and how much of it is saved up.
const SHARE: u32 = 25; // one part in so many: 4 %
const SAVED: Duration = Duration::from_millis(800);
/// Comparisons whose time is remembered.
const REMEMBERED: usize = 64;
/// After a failure a pair is tried again so much later, as often as this.
const AGAIN: Duration = Duration::from_secs(5);
const MOST_FAILURES: u32 = 3;

/// Time that comparisons may take.
///
/// What a question to git costs is taken from the quickest of the last ones: on a busy machine the
/// others mostly waited.
#[derive(Debug)]
pub(super) struct Purse {
    /// When it would be full again.
    full: Instant,
    /// Time of one question in the last comparisons.
    last: VecDeque<Duration>,
}

impl Purse {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            full: now,
            last: VecDeque::new(),
        }
    }

    /// When something may be spent.
    fn open(&self) -> Instant {
        self.full.checked_sub(SAVED * SHARE).unwrap_or(self.full)
    }

    /// Takes out what a comparison with so many questions took.
    pub(super) fn spend(&mut self, took: Duration, asked: u64) {
        let Some(asked) = u32::try_from(asked).ok().filter(|n| *n > 0) else {
            return;
        };
        self.last.push_back(took / asked);
        if self.last.len() > REMEMBERED {
            self.last.pop_front();
        }
        let cost = self.last.iter().min().copied().unwrap_or_default() * asked;
        self.full = self.full.max(Instant::now()) + cost * SHARE;
    }
}

/// Domains that both have, by name, and whether one of them is critical.
fn shared(a: &[Domain], b: &[Domain]) -> (Vec<Box<str>>, bool) {
    let mut both: Vec<(Box<str>, bool)> = a
        .iter()
        .filter_map(|d| {
            let other = b.iter().find(|e| e.name == d.name)?;
            Some((d.name.clone(), d.critical || other.critical))
        })
        .collect();
    both.sort();
    both.dedup();
    let critical = both.iter().any(|(_, critical)| *critical);
    (both.into_iter().map(|(name, _)| name).collect(), critical)
}

impl Worker {
    /// After one workspace changed: notes the pairs that have to be compared.
    pub(super) fn meet(&mut self, key: Key, touched: &Touched) {
        let others: Vec<Key> = self.sites.keys().copied().filter(|k| *k != key).collect();
        for other in others {
            let pair = (key.min(other), key.max(other));
            let (Some(a), Some(b)) = (self.sites.get(&pair.0), self.sites.get(&pair.1)) else {
                continue;
            };
            let both = !a.dirty.paths.is_empty() && !b.dirty.paths.is_empty();
            let met = a.dirty.meets(&b.dirty);
            if !both || (met.is_empty() && shared(&a.of.domains, &b.of.domains).0.is_empty()) {
                self.part(pair);
                continue;
            }
            // What one changed where the other did not changes no verdict, but where a file that
            // both know may have been renamed.
            let deleted = |site: &Site, path| site.dirty.paths.get(path) == Some(&Change::Deleted);
            let renamed = touched.shape && met.iter().any(|p| deleted(a, p) || deleted(b, p));
            let known = self.pairs.get(&pair);
            let same = known
                .is_some_and(|k| k.compared.is_some() && k.failures == 0 && k.met == sum(&met));
            if !same || renamed || !met.is_disjoint(&touched.paths) {
                self.queue.insert(pair);
            }
        }
    }

    /// Two agents do not meet any more.
    pub(super) fn part(&mut self, pair: (Key, Key)) {
        self.queue.remove(&pair);
        let Some(mut known) = self.pairs.remove(&pair) else {
            return;
        };
        let (a, b) = pair;
        if !known.overlap.is_empty() {
            let (paths, more) = (Vec::new(), 0);
            self.tell(Notice::Overlap { a, b, paths, more });
        }
        let step = known.judge(Finding::default(), false, Instant::now(), wall());
        if step.is_some() {
            self.tell(Notice::Withdrawn { a, b });
        }
    }

    /// When the next pair has to be compared.
    pub(super) fn next_comparison(&self) -> Option<Instant> {
        let timer = self.pairs.values().filter_map(|pair| pair.due).min();
        let queued = (!self.queue.is_empty()).then(|| self.purse.open());
        match (timer, queued) {
            (Some(timer), Some(queued)) => Some(timer.max(self.purse.open()).min(queued)),
            (Some(timer), None) => Some(timer.max(self.purse.open())),
            (None, queued) => queued,
        }
    }

    /// Takes the pair that is to be compared now, if there is one: that which has waited longest
    /// since it was compared, or never was.
    pub(super) fn next_pair(&mut self, now: Instant) -> Option<(Key, Key)> {
        if self.purse.open() > now {
            return None;
        }
        let due = |pair: &Pair| pair.due.is_some_and(|at| at <= now);
        let timed = self.pairs.iter().filter(|(_, p)| due(p)).map(|(at, _)| at);
        let next = timed
            .chain(&self.queue)
            .min_by_key(|pair| self.pairs.get(pair).and_then(|known| known.compared));
        let next = *next?;
        self.queue.remove(&next);
        Some(next)
    }

    /// Compares a pair and tells what is new.
    pub(super) fn compare(&mut self, pair: (Key, Key)) {
        let (a, b) = pair;
        if !(self.sites.contains_key(&a) && self.sites.contains_key(&b)) {
            return;
        }
        let Some((mut ours, mut theirs)) = self.sites.remove(&a).zip(self.sites.remove(&b)) else {
            return;
        };
        let mut known = self.pairs.remove(&pair).unwrap_or_default();
        let (domains, critical) = shared(&ours.of.domains, &theirs.of.domains);
        let met = ours.dirty.meets(&theirs.dirty);
        let found = self.find(&mut ours, &mut theirs, &met);
        self.sites.insert(a, ours);
        self.sites.insert(b, theirs);
        let now = Instant::now();
        known.compared = Some(now);
        known.met = sum(&met);
        let mut notices = Vec::new();
        match found {
            Err(fault) => {
                known.failures += 1;
                known.due = (known.failures < MOST_FAILURES).then(|| now + AGAIN);
                if known.failures == MOST_FAILURES {
                    let why = format!("it cannot be compared with others' work: {fault}");
                    let why = crate::display::clean_text(&why, 400);
                    notices.push(Notice::Degraded { key: Some(a), why });
                }
            }
            Ok(mut finding) => {
                known.failures = 0;
                finding.domains = domains;
                let clean = if finding.conflict {
                    BTreeSet::new()
                } else {
                    met
                };
                notices.extend(overlap(pair, &mut known, clean));
                let step = known.judge(finding, critical, now, wall());
                notices.extend(step.map(|step| notice(pair, step, critical)));
            }
        }
        self.pairs.insert(pair, known);
        for notice in notices {
            self.tell(notice);
        }
    }

    /// What speaks against merging two workspaces.
    fn find(
        &mut self,
        ours: &mut Site,
        theirs: &mut Site,
        met: &BTreeSet<Name>,
    ) -> Result<Finding, Fault> {
        let mut finding = Finding::default();
        if met.is_empty() {
            return Ok(finding);
        }
        // An agent that writes on while it is read gives another snapshot next time.
        let (a, b) = (self.snapshot(ours, met)?, self.snapshot(theirs, met)?);
        let (Some(one), Some(two)) = (&ours.shadow, &theirs.shadow) else {
            return Ok(finding);
        };
        self.counts.merges += 1;
        let merge = one.merge(&a.commit, two, &b.commit).inspect_err(|_| {
            one.unlock();
        })?;
        let mut files: BTreeSet<Foreseen> = BTreeSet::new();
        if let Merge::Conflict(conflicts) = merge {
            files.extend(conflicts);
        }
        let large = a.large.iter().chain(&b.large).filter(|p| met.contains(*p));
        files.extend(large.map(|path| Foreseen {
            path: path.clone(),
            kind: Kind::Large,
        }));
        // What a rule of the plan answers is no conflict.
        files.retain(|file| !self.ruled.inside(&file.path));
        finding.conflict = !files.is_empty();
        let named: BTreeSet<Name> = files.iter().map(|file| file.path.clone()).collect();
        let generated = met
            .iter()
            .filter(|p| verdict::is_generated(p) && !named.contains(*p) && !self.ruled.inside(p));
        files.extend(generated.map(|path| Foreseen {
            path: path.clone(),
            kind: Kind::Generated,
        }));
        finding.files = files.into_iter().collect();
        Ok(finding)
    }

    /// The snapshot of a workspace as it is now.
    fn snapshot(&mut self, site: &mut Site, first: &BTreeSet<Name>) -> Result<Snapshot, Fault> {
        if let Some((generation, snapshot)) = &site.snapshot
            && *generation == site.generation
        {
            return Ok(snapshot.clone());
        }
        let Some(shadow) = &mut site.shadow else {
            return Err(Fault::Odd("its files are not watched"));
        };
        self.counts.snapshots += 1;
        let made = shadow.snapshot(&site.dirty.paths, first);
        let made = made.inspect_err(|_| shadow.unlock())?;
        site.snapshot = Some((site.generation, made.clone()));
        Ok(made)
    }
}

/// Two sets of paths that are alike have the same.
fn sum(paths: &BTreeSet<Name>) -> u64 {
    let mut hasher = DefaultHasher::new();
    paths.hash(&mut hasher);
    hasher.finish()
}

/// What both changed and what merges, when that has changed.
fn overlap(pair: (Key, Key), known: &mut Pair, clean: BTreeSet<Name>) -> Option<Notice> {
    let more = clean.len().saturating_sub(MOST_TOLD);
    let paths: Vec<Name> = clean.into_iter().take(MOST_TOLD).collect();
    if known.overlap == paths {
        return None;
    }
    known.overlap.clone_from(&paths);
    let (a, b) = pair;
    Some(Notice::Overlap { a, b, paths, more })
}

fn notice(pair: (Key, Key), step: Step, critical: bool) -> Notice {
    let (a, b) = pair;
    match step {
        Step::Withdraw => Notice::Withdrawn { a, b },
        Step::Tell {
            finding,
            first_seen,
            snapshots,
        } => {
            let more = finding.files.len().saturating_sub(MOST_TOLD);
            let mut files = finding.files;
            files.truncate(MOST_TOLD);
            Notice::Predicted(Box::new(Predicted {
                a,
                b,
                conflict: finding.conflict,
                files,
                more,
                domains: finding.domains,
                critical,
                first_seen,
                snapshots,
            }))
        }
    }
}
