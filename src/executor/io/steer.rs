//! What is done to running jobs: ending, freezing, thawing, and the end of everything.
//!
//! Must not wait: whatever takes time goes in rounds, each when it is due.

use std::time::{Duration, Instant};

use super::{FREEZE_ROUND, Loop};
use crate::{
    executor::{
        Report,
        live::Freeze,
        trees::{Ending, Step},
    },
    sys::{
        locked,
        proc::ProcTable,
        tree::{self, survivors_of_run},
    },
};

/// Rounds of freezing before it is called partial.
const FREEZE_ROUNDS: u32 = 100;
/// Every so many rounds, children that hold their parents up are let go on.
const UNLOCK_EVERY: u32 = 4;
/// Beyond the time of grace, the end of everything takes no longer than this.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(15);

impl Loop {
    pub(super) fn end_tree(&mut self, serial: u64, grace: Duration) {
        let now = Instant::now();
        if let Some(ending) = self.endings.get_mut(&serial) {
            ending.hasten(now, grace);
            return;
        }
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        live.freeze = Freeze::No;
        let (key, root) = (live.key.clone(), live.root.clone());
        self.look_for(root.pid);
        let table = self.look.as_ref();
        let mut ending = Ending::begin(table, key, root, now, grace);
        if grace.is_zero()
            && let Some(table) = table
        {
            step_ending(&mut ending, table, now, &mut self.out);
        }
        self.endings.insert(serial, ending);
    }

    pub(super) fn freeze(&mut self, serial: u64) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        let Freeze::Rounds(rounds) = live.freeze else {
            return;
        };
        let root = live.root.clone();
        let round = self.look_for(root.pid).map(|table| {
            tree::freeze_round(table, &root, rounds % UNLOCK_EVERY == UNLOCK_EVERY - 1)
        });
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        // Without a look nothing is known, so nothing is done.
        let round = round.unwrap_or(tree::Frozen {
            signalled: 1,
            ..tree::Frozen::default()
        });
        if (round.signalled == 0 && round.stopped == round.total) || rounds >= FREEZE_ROUNDS {
            live.freeze = Freeze::Done;
            self.out.push(Report::Frozen {
                key: live.key.clone(),
                stopped: round.stopped,
                total: round.total,
                rss_bytes: round.rss_bytes,
            });
        } else {
            live.freeze = Freeze::Rounds(rounds + 1);
            self.timers.insert((Instant::now() + FREEZE_ROUND, serial));
        }
    }

    pub(super) fn thaw(&mut self, serial: u64) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        live.freeze = Freeze::No;
        let (key, root) = (live.key.clone(), live.root.clone());
        let processes = self
            .look_for(root.pid)
            .map_or(0, |table| tree::thaw(table, &root));
        self.out.push(Report::Thawed { key, processes });
    }

    pub(super) fn shutdown(&mut self, grace: Duration) {
        let now = Instant::now();
        self.closing.get_or_insert(now + grace + SHUTDOWN_LIMIT);
        let serials: Vec<u64> = self.jobs.keys().copied().collect();
        for serial in serials {
            self.end_tree(serial, grace);
        }
        for ending in self.endings.values_mut() {
            ending.hasten(now, grace);
        }
    }

    pub(super) fn closed(&mut self) -> bool {
        let Some(limit) = self.closing else {
            return false;
        };
        let now = Instant::now();
        if now >= limit {
            for ending in self.endings.values() {
                self.out.push(Report::Survives {
                    key: ending.key.clone(),
                    left: ending.left,
                });
            }
            return true;
        }
        if !self.jobs.is_empty() || !self.endings.is_empty() {
            return false;
        }
        {
            let queue = locked(&self.shared.queue);
            if !queue.starting.is_empty() || !queue.jobs.is_empty() {
                return false;
            }
        }
        if !locked(&self.shared.inbox).fresh.is_empty() {
            self.receive();
            return false;
        }
        // Whatever went unseen carries the marker.
        let left = survivors_of_run(&self.shared.run).unwrap_or_default();
        for survivor in &left {
            let _ = tree::signal_process(
                survivor.pid,
                survivor.start_time,
                rustix::process::Signal::KILL,
            );
        }
        // Those that died as our children would stay listed until somebody takes us in.
        let _ = self.orphans_possible();
        left.is_empty()
    }
}

/// Takes one step and reports; `false` when it is over.
pub(super) fn step_ending(
    ending: &mut Ending,
    table: &ProcTable,
    now: Instant,
    out: &mut Vec<Report>,
) -> bool {
    match ending.step(table, now) {
        Step::Gone => false,
        Step::Waits => true,
        Step::Escalated(killed) => {
            out.push(Report::Escalated {
                key: ending.key.clone(),
                killed,
            });
            true
        }
        Step::Survives(left) => {
            out.push(Report::Survives {
                key: ending.key.clone(),
                left,
            });
            // A job whose own process is left cannot be reported as ended; all else is over.
            ending.given_up = true;
            false
        }
    }
}
