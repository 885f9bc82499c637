//! Which process belongs to which job: all trees at once from one look at `/proc`.
//!
//! Like [`crate::sys::tree::members`], but for all jobs in one pass, and what was once found stays:
//! a process that left its session and lost its parents after it was seen is still its job's. Must
//! not signal or measure.

use std::collections::{HashMap, HashSet};

use crate::sys::{
    marker::Marker,
    proc::{ProcTable, Stat},
};

/// Names a process for good: its pid and start time in clock ticks since boot.
pub(super) type Process = (i32, u64);

/// What a tree hangs from.
#[derive(Debug, Clone)]
pub(super) struct Root {
    /// The job's first process, which leads its session.
    pub process: Process,
    /// What the environment of all its processes carries.
    pub marker: Marker,
}

/// What one look found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Living processes by job, in the order of the roots; each process once.
    pub members: Vec<Vec<Process>>,
    /// Some are too young to be judged: look again soon.
    pub again: bool,
}

/// Finds the processes of jobs; remembers whose environment says nothing.
#[derive(Debug, Default)]
pub(super) struct Roster {
    strangers: HashSet<Process>,
}

/// Ages in clock ticks since boot that decide who is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ages {
    /// Now.
    pub now: u64,
    /// Who is younger is left for the next look.
    pub young: u64,
    /// Whose environment says nothing at this age is never asked again: it is not about to be
    /// replaced by another program's.
    pub settled: u64,
}

impl Roster {
    /// Sorts all processes by job. `known` says where a process belonged at the look before, by the
    /// position of its root now; `me` is left out with all that is only below it.
    pub fn assign(
        &mut self,
        table: &ProcTable,
        roots: &[Root],
        known: &HashMap<Process, usize>,
        me: i32,
        ages: Ages,
    ) -> Found {
        let mut found = Found {
            members: vec![Vec::new(); roots.len()],
            again: false,
        };
        let Some(earliest) = roots.iter().map(|r| r.process.1).min() else {
            return found;
        };
        let mut search = Search::new(table, roots, known, me);
        let marked = self.marked(table, roots, earliest, &mut search, ages, &mut found.again);
        if !marked.is_empty() {
            search.marked = marked;
            search.places.retain(|_, place| place.is_some());
        }
        for stat in table.iter() {
            // Nobody of a tree is older than the oldest root, but who is known already.
            if !stat.alive() || stat.start_time < earliest {
                continue;
            }
            let Some(place) = search.place(stat) else {
                continue;
            };
            let process = (stat.pid, stat.start_time);
            if is_young(stat, ages) && !known.contains_key(&process) {
                found.again = true;
            } else {
                found.members[place].push(process);
            }
        }
        found
    }

    /// Finds processes that only their environment ties to a job.
    fn marked(
        &mut self,
        table: &ProcTable,
        roots: &[Root],
        earliest: u64,
        search: &mut Search<'_>,
        ages: Ages,
        again: &mut bool,
    ) -> HashMap<i32, usize> {
        let mut marked = HashMap::new();
        let mut markers: HashMap<&Marker, usize> = HashMap::new();
        let mut still = HashSet::new();
        for stat in table.iter() {
            // What lost its parent has one in another session now; all else is below something that
            // is looked at here.
            let cut_off = table
                .get(stat.ppid)
                .is_none_or(|p| p.session != stat.session);
            if !cut_off || !stat.alive() || stat.start_time < earliest || stat.pid == search.me {
                continue;
            }
            let process = (stat.pid, stat.start_time);
            if self.strangers.contains(&process) {
                still.insert(process);
                continue;
            }
            if search.place(stat).is_some() {
                continue;
            }
            if is_young(stat, ages) {
                *again = true;
                continue;
            }
            if markers.is_empty() {
                markers.extend(roots.iter().enumerate().map(|(i, r)| (&r.marker, i)));
            }
            let place = table
                .marker(stat.pid)
                .and_then(|m| markers.get(&m).copied());
            if let Some(place) = place {
                marked.insert(stat.pid, place);
            } else if stat.start_time + ages.settled <= ages.now {
                still.insert(process);
            } else {
                *again = true;
            }
        }
        self.strangers = still;
        marked
    }
}

fn is_young(stat: &Stat, ages: Ages) -> bool {
    stat.start_time + ages.young > ages.now
}

/// One look: climbs from each process to the first whose job is certain.
struct Search<'a> {
    table: &'a ProcTable,
    roots: &'a [Root],
    known: &'a HashMap<Process, usize>,
    me: i32,
    /// Jobs by the pid of their root, which is also their session.
    sessions: HashMap<i32, usize>,
    marked: HashMap<i32, usize>,
    /// What was found out in this look.
    places: HashMap<i32, Option<usize>>,
}

impl<'a> Search<'a> {
    fn new(
        table: &'a ProcTable,
        roots: &'a [Root],
        known: &'a HashMap<Process, usize>,
        me: i32,
    ) -> Self {
        let mut sessions: HashMap<i32, usize> = HashMap::with_capacity(roots.len());
        for (i, root) in roots.iter().enumerate() {
            let (pid, start) = root.process;
            // Once the session is empty its number may be given to a new process.
            let ours = table.get(pid).is_none_or(|s| s.start_time == start);
            let newer = sessions
                .get(&pid)
                .is_none_or(|&o| roots[o].process.1 < start);
            if ours && newer {
                sessions.insert(pid, i);
            }
        }
        Self {
            table,
            roots,
            known,
            me,
            sessions,
            marked: HashMap::new(),
            places: HashMap::new(),
        }
    }

    fn place(&mut self, stat: &Stat) -> Option<usize> {
        let mut at = *stat;
        let mut path = Vec::new();
        // Bounded: the table is not of one moment, so a reused pid could close a ring.
        let place = loop {
            if let Some(place) = self.places.get(&at.pid) {
                break *place;
            }
            if at.pid == self.me || at.pid <= 1 || path.len() > 1024 {
                break None;
            }
            path.push(at.pid);
            if let Some(place) = self.certain(&at) {
                break Some(place);
            }
            match self.table.get(at.ppid) {
                Some(parent) => at = *parent,
                None => break None,
            }
        };
        self.places.extend(path.into_iter().map(|pid| (pid, place)));
        place
    }

    fn certain(&self, stat: &Stat) -> Option<usize> {
        let process = (stat.pid, stat.start_time);
        let of_session = || {
            let place = *self.sessions.get(&stat.session)?;
            (stat.start_time >= self.roots[place].process.1).then_some(place)
        };
        self.known
            .get(&process)
            .copied()
            .or_else(of_session)
            .or_else(|| self.marked.get(&stat.pid).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGES: Ages = Ages {
        now: 1000,
        young: 20,
        settled: 100,
    };

    fn stat(pid: i32, ppid: i32, session: i32, start_time: u64) -> Stat {
        Stat {
            pid,
            ppid,
            pgrp: session,
            session,
            state: b'S',
            start_time,
            rss_bytes: 10,
            cpu_ticks: 0,
        }
    }

    fn root(pid: i32, start: u64) -> Root {
        Root {
            process: (pid, start),
            marker: Marker {
                run: "r".into(),
                agent: format!("a{pid}"),
                attempt: 1,
                check: None,
            },
        }
    }

    fn look(stats: &[Stat], roots: &[Root], known: &[(Process, usize)]) -> (Vec<Vec<i32>>, bool) {
        let table = ProcTable::of(stats.iter().copied());
        let known = known.iter().copied().collect();
        let found = Roster::default().assign(&table, roots, &known, 1_000_001, AGES);
        let pids = |members: Vec<Process>| {
            let mut pids: Vec<i32> = members.into_iter().map(|(pid, _)| pid).collect();
            pids.sort_unstable();
            pids
        };
        (found.members.into_iter().map(pids).collect(), found.again)
    }

    #[test]
    fn sessions_descendants_and_orphans_go_to_their_jobs() {
        let stats = [
            stat(1_000_001, 1, 1_000_001, 10),
            stat(1_000_100, 1_000_001, 1_000_100, 50),
            stat(1_000_101, 1_000_100, 1_000_100, 51),
            stat(1_000_102, 1_000_101, 1_000_102, 52), // a session of its own
            stat(1_000_103, 1_000_102, 1_000_102, 53),
            stat(1_000_104, 1_000_001, 1_000_100, 54), // lost its parent
            stat(1_000_200, 1_000_001, 1_000_200, 60),
            stat(1_000_201, 1_000_200, 1_000_200, 61),
            stat(1_000_300, 1_000_001, 1_000_001, 62), // our own
            stat(1_000_400, 1, 1_000_400, 63),         // somebody else's
        ];
        let (found, again) = look(&stats, &[root(1_000_100, 50), root(1_000_200, 60)], &[]);
        assert_eq!(
            found[0],
            [1_000_100, 1_000_101, 1_000_102, 1_000_103, 1_000_104]
        );
        assert_eq!(found[1], [1_000_200, 1_000_201]);
        assert!(!again);
    }

    #[test]
    fn who_was_known_stays_with_what_is_below_it() {
        let stats = [
            stat(1_000_100, 1, 1_000_100, 50),
            stat(1_000_105, 1, 1_000_105, 55), // lost session and parents
            stat(1_000_106, 1_000_105, 1_000_106, 56),
        ];
        let roots = [root(1_000_100, 50)];
        assert_eq!(look(&stats, &roots, &[]).0[0], [1_000_100]);
        let known = [((1_000_105, 55), 0)];
        assert_eq!(
            look(&stats, &roots, &known).0[0],
            [1_000_100, 1_000_105, 1_000_106]
        );
        let other = [((1_000_105, 54), 0)];
        assert_eq!(look(&stats, &roots, &other).0[0], [1_000_100], "pid reused");
    }

    #[test]
    fn a_reused_session_is_not_ours() {
        let stats = [
            stat(1_000_100, 1, 1_000_100, 90),
            stat(1_000_101, 1_000_100, 1_000_100, 91),
        ];
        assert!(look(&stats, &[root(1_000_100, 50)], &[]).0[0].is_empty());
    }

    #[test]
    fn the_young_wait_for_the_next_look() {
        let stats = [
            stat(1_000_100, 1, 1_000_100, 50),
            stat(1_000_101, 1_000_100, 1_000_100, 990),
        ];
        let roots = [root(1_000_100, 50)];
        assert_eq!(look(&stats, &roots, &[]), (vec![vec![1_000_100]], true));
        let known = [((1_000_101, 990), 0)];
        assert_eq!(
            look(&stats, &roots, &known),
            (vec![vec![1_000_100, 1_000_101]], false)
        );
    }
}
