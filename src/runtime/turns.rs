//! The loop: one thread that owns state and journal. Inputs in, turns, one write, then effects.
//!
//! Never samples, reads output, syncs, or talks to the network here; other threads do and send
//! what they have. Must not decide: that is the engine's.

mod add;
mod complain;
mod end;
mod lease;
mod msg;
mod progress;
mod record;
mod sample;
mod stats;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU64, mpsc},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    context::redact::Redactor,
    engine::{
        Command, Figures, Input, InputKind, Record, State, StoppedBy, Turn, Uses, resolve,
        turn_with,
    },
    executor::{LocalExecutor, Mailbox, Report},
    journal::{JournalWriter, RunLock, Snapshotter},
    report::history::History,
};

use sample::Mean;

use super::{
    cards::Cards,
    clean::clean,
    current::Current,
    jobs::{self, JobMaker},
    leases::Desk,
    lines::Lines,
    models::Models,
    news::{News, Sink},
    notices::Notices,
    work::Work,
};

pub(super) use complain::complain;
pub use msg::{Msg, Note, Notes, Reply};
pub use stats::Stats;

/// How soon the loop looks whether what it started runs: nobody wakes it for that alone.
const LOOK: Duration = Duration::from_millis(5);

/// Everything that the loop owns.
pub(super) struct Turns {
    pub state: State,
    pub journal: JournalWriter,
    pub snapshots: Snapshotter,
    pub current: Current,
    pub cards: Cards,
    pub executor: Arc<LocalExecutor>,
    pub mailbox: Arc<Mailbox>,
    pub jobs: JobMaker,
    pub lines: Option<Lines>,
    pub figures: Figures,
    /// What agents hold, as last sampled.
    pub uses: Uses,
    pub notes: Notes,
    /// What is reserved for agents and not used by them yet, in bytes; for other runs.
    pub open: Arc<AtomicU64>,
    pub grace: Duration,
    /// Time that the run had been alive before this runner, in microseconds.
    pub base_us: u64,
    pub started: Instant,
    pub inbox: mpsc::Receiver<Msg>,
    /// Carries out what is asked of workspaces and merges.
    pub work: Work,
    /// Asks model servers, and has their models unloaded.
    pub models: Models,
    /// Tells a person of what waits.
    pub notices: Notices,
    /// Commands inside of agents that wait for memory.
    pub leases: Desk,
    /// Keeps secrets out of the journal.
    pub redactor: Redactor,
    /// Carried out once, after the first turn's commands: starts what may come later.
    pub after_first: Option<Box<dyn FnOnce() + Send>>,
}

/// How a run has ended.
pub struct Ended {
    /// Exit status.
    pub status: u8,
    /// The last state, and all that led to it; none where that must be read from the journal.
    pub past: Option<(State, History)>,
}

/// Records of which the history is kept in memory; it is some 100 bytes each.
const MOST_KEPT: u64 = 50_000;

/// What only the loop's own run needs.
struct Running {
    turns: Turns,
    notices: Notices,
    lock: Option<RunLock>,
    turn: Turn,
    clients: Vec<Box<dyn Sink>>,
    replies: Vec<(Reply, u64)>,
    reports: Vec<Report>,
    held_records: Vec<Record>,
    held_commands: Vec<Command>,
    write_again: Option<Instant>,
    /// Nothing that is decided from now on can be recorded for good.
    lost: bool,
    /// The journal has reached a limit on its size.
    too_large: bool,
    guard_lost: bool,
    status: Option<u8>,
    /// Processes that were asked for and of which nothing has been heard.
    starting: u32,
    /// Our own resident memory at its highest, at first a safe guess, in bytes.
    own_peak_bytes: u64,
    /// What the report is made of, kept as the run goes: to read it from the journal takes 15 ms for
    /// 1,000 agents, a good part of a short run. None after a crash, or where it has grown: then it is
    /// read.
    history: Option<History>,
    /// What agents held in the mean since the run began; none after a crash.
    mean: Option<Mean>,
    /// How long turns take.
    took: stats::Turns,
    /// Highest sampled memory of each live attempt's tree, in bytes.
    peaks: BTreeMap<(u32, u32), u64>,
}

impl Turns {
    /// Runs until the run has ended; returns its status.
    ///
    /// The lock of the run is given back before the last lines are printed: a reader who does not
    /// read must not keep an ended run looking alive.
    pub fn run(mut self, first: InputKind, lock: RunLock) -> Ended {
        let history = (self.state.seq == 0).then(|| History::new(&self.state));
        let mut running = Running {
            notices: std::mem::take(&mut self.notices),
            turns: self,
            lock: Some(lock),
            turn: Turn::default(),
            clients: Vec::new(),
            replies: Vec::new(),
            reports: Vec::new(),
            held_records: Vec::new(),
            held_commands: Vec::new(),
            write_again: None,
            lost: false,
            too_large: false,
            guard_lost: false,
            status: None,
            starting: 0,
            own_peak_bytes: 32 << 20,
            peaks: BTreeMap::new(),
            took: stats::Turns::default(),
            // Of a run that goes on the readings before are not known here.
            mean: history.is_some().then(Mean::default),
            history,
        };
        running.input(first);
        running.flush();
        running.tell_open();
        if let Some(later) = running.turns.after_first.take() {
            later();
        }
        running.work()
    }
}

impl Running {
    fn work(mut self) -> Ended {
        loop {
            if let Some(status) = self.status {
                return self.end(status);
            }
            let wait = self
                .next_moment()
                .map(|at| at.saturating_duration_since(Instant::now()));
            let first = match wait {
                Some(wait) => match self.turns.inbox.recv_timeout(wait) {
                    Ok(msg) => Some(msg),
                    Err(mpsc::RecvTimeoutError::Timeout) => None,
                    Err(mpsc::RecvTimeoutError::Disconnected) => {
                        return self.end(super::RUNNER_FAILED);
                    }
                },
                None => match self.turns.inbox.recv() {
                    Ok(msg) => Some(msg),
                    Err(mpsc::RecvError) => return self.end(super::RUNNER_FAILED),
                },
            };
            let began = Instant::now();
            // All that waits becomes one write.
            let mut next = first;
            while let Some(msg) = next {
                self.take(msg);
                next = msg::more(&self.turns.inbox, began);
            }
            if self.starting > 0 {
                self.reports();
            }
            if self
                .turns
                .state
                .next_deadline()
                .is_some_and(|due| due <= self.elapsed_us())
            {
                self.input(InputKind::Deadline);
            }
            self.notices_overdue();
            self.write_again();
            self.flush();
            self.tell_open();
            self.took.add(began.elapsed());
            if self.guard_lost && self.turns.state.stopping.is_none() && self.status.is_none() {
                return self.abandon();
            }
            if self.lost && self.status.is_none() && self.at_rest() {
                return self.give_up();
            }
        }
    }

    fn elapsed_us(&self) -> u64 {
        let alive = u64::try_from(self.turns.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.turns.base_us.saturating_add(alive)
    }

    fn next_moment(&self) -> Option<Instant> {
        let due = self.turns.state.next_deadline().map(|due| {
            self.turns.started + Duration::from_micros(due.saturating_sub(self.turns.base_us))
        });
        let look = (self.starting > 0).then(|| Instant::now() + LOOK);
        let notice = self.notices.deadline();
        let all = [due, self.write_again, look, notice];
        all.into_iter().flatten().min()
    }

    fn take(&mut self, msg: Msg) {
        match msg {
            Msg::Reports => self.reports(),
            Msg::Sample(sample, edges) => self.sample(sample, edges),
            Msg::Signal(number) => self.stop(StoppedBy::Signal(number)),
            Msg::GuardLost => self.guard_lost = true,
            Msg::Action { by, action, reply } => {
                if let Err(refusal) = resolve(&self.turns.state, &action) {
                    reply(Err(refusal.to_string()));
                } else {
                    let before = self.turns.state.seq;
                    self.input(InputKind::Operator { by, action });
                    // The action's own event comes first; what follows from it has later numbers.
                    if self.turns.state.seq > before {
                        self.replies.push((reply, before + 1));
                    } else {
                        reply(Err("the run has ended".to_owned()));
                    }
                }
            }
            Msg::Add {
                by,
                extension,
                reply,
            } => self.add(by, extension, reply),
            Msg::Progress {
                agent,
                attempt,
                origin,
                via,
                said,
                reply,
            } => self.progress(&agent, attempt, origin, via, said, reply),
            Msg::Lease(request) => self.lease(*request),
            Msg::LeaseGone(number) => self.input(InputKind::LeaseEnded { number }),
            Msg::Judged(number, failed) => self.input(InputKind::Judged { number, failed }),
            Msg::Attach(mut sink) => {
                // Everything decided so far is in the snapshot; what is not told yet must not
                // come a second time.
                self.flush();
                if sink.push(&News::Snapshot(Arc::new(self.turns.state.clone()))) {
                    self.clients.push(sink);
                }
            }
            Msg::SyncFault(error) => {
                // Never synced again: the kernel may have dropped what it could not write, and say
                // that all is well the next time.
                self.lose(error);
            }
            Msg::Stats(reply) => reply(self.stats()),
            Msg::Work(done) => self.input(*done),
            Msg::FolderGone => self.lose(String::new()),
        }
    }

    /// Takes what the executor has to say.
    fn reports(&mut self) {
        let mut reports = std::mem::take(&mut self.reports);
        self.turns.mailbox.drain(&mut reports);
        for report in reports.drain(..) {
            if let Some(step) = self.notices.report(&report, Instant::now()) {
                self.notice(step);
                continue;
            }
            if matches!(report, Report::Spawned { .. } | Report::SpawnFailed { .. }) {
                self.starting = self.starting.saturating_sub(1);
            }
            if let Report::Heard { key, heard } = report {
                if let Some(kind) = jobs::heard(&self.turns.state, &key, heard) {
                    self.input(kind);
                }
                continue;
            }
            if let Some(mut kind) = jobs::input(&self.turns.state.setup, report) {
                self.add_sampled_peak(&mut kind);
                self.input(kind);
            }
        }
        self.reports = reports;
    }

    /// The first request stops in order, a second one at once.
    fn stop(&mut self, by: StoppedBy) {
        if self.turns.state.stopping.is_some() {
            self.turns.executor.shutdown(Duration::ZERO);
        } else {
            self.input(InputKind::Signal { by });
        }
    }

    fn input(&mut self, kind: InputKind) {
        let input = Input {
            at_ms: now_ms(),
            elapsed_us: self.elapsed_us(),
            figures: self.turns.figures,
            uses: self.turns.uses.clone(),
            kind: clean(kind, &self.turns.redactor),
        };
        let history = &mut self.history;
        turn_with(
            &mut self.turns.state,
            &input,
            &mut self.turn,
            |state, record| {
                if let Some(history) = history {
                    history.push(state, record);
                }
            },
        );
        // A long run has time to read it at its end.
        if self.turns.state.seq > MOST_KEPT {
            self.history = None;
        }
    }
}

/// Wall clock in milliseconds since the epoch.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
