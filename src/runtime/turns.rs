//! The loop: one thread that owns state and journal. Inputs in, turns, one write, then effects.
//!
//! Never samples, reads output, syncs, or talks to the network here; other threads do and send
//! what they have. Must not decide: that is the engine's.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    engine::{
        self, Action, Command, Figures, Input, InputKind, Record, State, StoppedBy, Turn, resolve,
        turn_into,
    },
    executor::{LocalExecutor, Mailbox, Report},
    journal::{JournalWriter, RunLock, Snapshotter},
    plan::AgentIx,
    resources::{Edge, Sample},
};

use super::{
    jobs::{self, JobMaker},
    lines::Lines,
    news::{News, Sink},
};

/// Pause between two attempts to write what a full disk refused.
const WRITE_AGAIN: Duration = Duration::from_millis(500);
/// How soon the loop looks whether what it started runs: nobody wakes it for that alone.
const LOOK: Duration = Duration::from_millis(5);
/// How long the end of a run waits for a disk that refuses its last records.
const LAST_WRITE: Duration = Duration::from_secs(10);
/// How long the end waits for clients that have not been told everything.
const LAST_NEWS: Duration = Duration::from_millis(300);

/// Answer to an action: the number of its event, or why not.
pub type Reply = Box<dyn FnOnce(Result<u64, String>) + Send>;

/// Agents that were frozen (or thawed) since the sampler last looked: their quiet clocks stand.
pub type Notes = Arc<Mutex<Vec<(AgentIx, bool)>>>;

/// What reaches the loop.
pub enum Msg {
    /// The executor has reports.
    Reports,
    /// A reading, with the edges that the sensor saw in it.
    Sample(Box<Sample>, Vec<Edge>),
    /// A signal asks for a stop.
    Signal(i32),
    /// The guard is gone.
    GuardLost,
    /// An operator asks for something.
    Action {
        /// Who.
        by: String,
        /// What.
        action: Action,
        /// Where the answer goes.
        reply: Reply,
    },
    /// Somebody wants to hear news, from a snapshot on.
    Attach(Box<dyn Sink>),
    /// Syncing the journal failed.
    SyncFault(String),
}

/// Everything that the loop owns.
pub(super) struct Turns {
    pub state: State,
    pub journal: JournalWriter,
    pub snapshots: Snapshotter,
    pub executor: Arc<LocalExecutor>,
    pub mailbox: Arc<Mailbox>,
    pub jobs: JobMaker,
    pub lines: Option<Lines>,
    pub figures: Figures,
    pub notes: Notes,
    pub grace: Duration,
    /// Time that the run had been alive before this runner, in microseconds.
    pub base_us: u64,
    pub started: Instant,
    pub inbox: mpsc::Receiver<Msg>,
    /// Carried out once, after the first turn's commands: starts what may come later.
    pub after_first: Option<Box<dyn FnOnce() + Send>>,
}

/// What only the loop's own run needs.
struct Running {
    turns: Turns,
    lock: Option<RunLock>,
    turn: Turn,
    clients: Vec<Box<dyn Sink>>,
    replies: Vec<(Reply, u64)>,
    reports: Vec<Report>,
    held_records: Vec<Record>,
    held_commands: Vec<Command>,
    write_again: Option<Instant>,
    sync_fault: bool,
    guard_lost: bool,
    status: Option<u8>,
    /// Processes that were asked for and of which nothing has been heard.
    starting: u32,
    /// Our own resident memory at its highest, at first a safe guess, in bytes.
    own_peak_bytes: u64,
    /// Highest sampled memory of each live attempt's tree, in bytes.
    peaks: BTreeMap<(u32, u32), u64>,
}

impl Turns {
    /// Runs until the run has ended; returns its status.
    ///
    /// The lock of the run is given back before the last lines are printed: a reader who does not
    /// read must not keep an ended run looking alive.
    pub fn run(self, first: InputKind, lock: RunLock) -> u8 {
        let mut running = Running {
            turns: self,
            lock: Some(lock),
            turn: Turn::default(),
            clients: Vec::new(),
            replies: Vec::new(),
            reports: Vec::new(),
            held_records: Vec::new(),
            held_commands: Vec::new(),
            write_again: None,
            sync_fault: false,
            guard_lost: false,
            status: None,
            starting: 0,
            own_peak_bytes: 32 << 20,
            peaks: BTreeMap::new(),
        };
        running.input(first);
        running.flush();
        if let Some(later) = running.turns.after_first.take() {
            later();
        }
        running.work()
    }
}

impl Running {
    fn work(mut self) -> u8 {
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
            // All that waits becomes one write.
            let mut next = first;
            while let Some(msg) = next {
                self.take(msg);
                next = self.turns.inbox.try_recv().ok();
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
            self.write_again();
            self.flush();
            if self.guard_lost && self.turns.state.stopping.is_none() && self.status.is_none() {
                return self.abandon();
            }
        }
    }

    /// The guard is gone, so nobody would end what we leave: ends the agents, then itself.
    ///
    /// Nothing of it is recorded: nobody decided against the run, so it stays open and `resume`
    /// goes on with it as after our own death.
    fn abandon(mut self) -> u8 {
        complain("the guard is gone: the agents are ended, `wavedeck resume` goes on with the run");
        self.turns.executor.shutdown(self.turns.grace);
        loop {
            match self.turns.inbox.recv() {
                Ok(Msg::Reports) => {
                    let mut reports = std::mem::take(&mut self.reports);
                    self.turns.mailbox.drain(&mut reports);
                    if reports.drain(..).any(|r| matches!(r, Report::Stopped)) {
                        return self.end(super::RUNNER_FAILED);
                    }
                    self.reports = reports;
                }
                Ok(Msg::Signal(_)) => self.turns.executor.shutdown(Duration::ZERO),
                Ok(Msg::Action { reply, .. }) => {
                    reply(Err("the run is ending: its guard is gone".to_owned()));
                }
                Ok(_) => {}
                Err(mpsc::RecvError) => return self.end(super::RUNNER_FAILED),
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
        [due, self.write_again, look].into_iter().flatten().min()
    }

    fn take(&mut self, msg: Msg) {
        match msg {
            Msg::Reports => self.reports(),
            Msg::Sample(sample, edges) => {
                // The sensor tells of thresholds that it saw crossed; what admission saw before its
                // first reading is only known here.
                let halt = self.turns.state.setup.thresholds.halt;
                let room = self.turns.figures.pressure_permille >= halt
                    && sample.figures.pressure_permille < halt;
                self.turns.figures = sample.figures;
                if room {
                    self.input(InputKind::Settle);
                }
                self.own_peak_bytes = self.own_peak_bytes.max(sample.machine.own_bytes);
                for agent in &sample.agents {
                    let peak = self.peaks.entry((agent.agent, agent.attempt)).or_default();
                    *peak = (*peak).max(agent.peak_bytes);
                }
                for edge in edges {
                    self.input(edge.into());
                }
                if !self.clients.is_empty() {
                    self.tell(&News::Sample(Arc::from(sample)));
                }
            }
            Msg::Signal(number) => self.stop(StoppedBy::Signal(number)),
            Msg::GuardLost => self.guard_lost = true,
            Msg::Action { by, action, reply } => {
                if let Err(refusal) = resolve(&self.turns.state, &action) {
                    reply(Err(refusal.to_string()));
                } else {
                    self.input(InputKind::Operator { by, action });
                    self.replies.push((reply, self.turns.state.seq));
                }
            }
            Msg::Attach(mut sink) => {
                // Everything decided so far is in the snapshot; what is not told yet must not
                // come a second time.
                self.flush();
                if sink.push(&News::Snapshot(Arc::new(self.turns.state.clone()))) {
                    self.clients.push(sink);
                }
            }
            Msg::SyncFault(error) => {
                self.sync_fault = true;
                self.input(InputKind::Journal { error: Some(error) });
            }
        }
    }

    /// Takes what the executor has to say.
    fn reports(&mut self) {
        let mut reports = std::mem::take(&mut self.reports);
        self.turns.mailbox.drain(&mut reports);
        for report in reports.drain(..) {
            if matches!(report, Report::Spawned { .. } | Report::SpawnFailed { .. }) {
                self.starting = self.starting.saturating_sub(1);
            }
            if let Some(mut kind) = jobs::input(&self.turns.state.setup, report) {
                self.add_sampled_peak(&mut kind);
                self.input(kind);
            }
        }
        self.reports = reports;
    }

    /// The kernel knows the peak of the largest process, the sampler that of the whole tree. A child
    /// shares our memory until its exec, so a small figure of the kernel's may be ours.
    fn add_sampled_peak(&mut self, kind: &mut InputKind) {
        if let InputKind::Ended {
            key, peak_bytes, ..
        } = kind
            && let (engine::Owner::Agent(ix), None) = (key.owner, key.check)
        {
            let sampled = self.peaks.remove(&(ix.0, key.attempt)).unwrap_or(0);
            if *peak_bytes <= self.own_peak_bytes {
                *peak_bytes = 0;
            }
            *peak_bytes = (*peak_bytes).max(sampled);
        }
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
            kind,
        };
        turn_into(&mut self.turns.state, &input, &mut self.turn);
    }

    /// Writes what was decided, then carries it out and tells it.
    fn flush(&mut self) {
        if self.turn.records.is_empty() && self.turn.commands.is_empty() {
            self.answer();
            return;
        }
        let Turn { records, commands } = std::mem::take(&mut self.turn);
        let written = if self.held_records.is_empty() {
            self.turns
                .journal
                .append(&records)
                .map_err(|error| error.to_string())
        } else {
            Err("earlier records wait".to_owned())
        };
        match written {
            Ok(()) => {
                for command in commands {
                    self.carry_out(command);
                }
                if let Some(lines) = &self.turns.lines {
                    lines.wake();
                }
                let at = self.turns.journal.position();
                self.turns.snapshots.offer(&self.turns.state, at);
                self.answer();
                self.tell_records(records);
            }
            Err(error) => {
                // Stop, freeze and kill never wait for the journal (DESIGN 2).
                let (now, later): (Vec<_>, Vec<_>) =
                    commands.into_iter().partition(Command::urgent);
                for command in now {
                    self.carry_out(command);
                }
                self.held_commands.extend(later);
                self.held_records.extend(records.iter().cloned());
                self.tell_records(records);
                self.write_again
                    .get_or_insert_with(|| Instant::now() + WRITE_AGAIN);
                if self.turns.state.degraded.is_none() {
                    complain(&format!(
                        "recording has a fault: {error}; nothing new starts until it is well"
                    ));
                    self.input(InputKind::Journal { error: Some(error) });
                    self.flush();
                } else {
                    self.answer();
                }
            }
        }
    }

    /// Tries to write what was refused.
    fn write_again(&mut self) {
        if self.write_again.is_none_or(|at| at > Instant::now()) {
            return;
        }
        if self.turns.journal.append(&self.held_records).is_err() {
            self.write_again = Some(Instant::now() + WRITE_AGAIN);
            return;
        }
        self.write_again = None;
        self.held_records.clear();
        if !self.sync_fault {
            self.input(InputKind::Journal { error: None });
        }
        for command in std::mem::take(&mut self.held_commands) {
            if command.still_wanted(&self.turns.state) {
                self.carry_out(command);
            } else if let Command::Spawn { key, .. } = command {
                let error = "not started: it was ended while recording had a fault".to_owned();
                self.input(InputKind::SpawnFailed { key, error });
            }
        }
        if let Some(lines) = &self.turns.lines {
            lines.wake();
        }
    }

    fn note_frozen(&self, key: engine::JobKey, frozen: bool) {
        if let engine::Owner::Agent(ix) = key.owner {
            self.turns
                .notes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((ix, frozen));
        }
    }

    fn carry_out(&mut self, command: Command) {
        let setup = self.turns.state.setup.clone();
        let name = |key| jobs::executor_key(&setup, key);
        match command {
            Command::Spawn { key, mode } => match self.turns.jobs.job(&self.turns.state, key, mode)
            {
                Some(job) => {
                    self.starting += 1;
                    self.turns.executor.spawn(job);
                }
                None => self.input(InputKind::SpawnFailed {
                    key,
                    error: "nothing to run".to_owned(),
                }),
            },
            Command::Terminate { key } => {
                if let Some(key) = name(key) {
                    self.turns.executor.terminate(key, self.turns.grace);
                }
            }
            Command::Freeze { key } => {
                self.note_frozen(key, true);
                if let Some(key) = name(key) {
                    self.turns.executor.freeze(key);
                }
            }
            Command::Thaw { key } => {
                self.note_frozen(key, false);
                if let Some(key) = name(key) {
                    self.turns.executor.thaw(key);
                }
            }
            Command::Finish { status } => self.status = Some(status),
        }
    }

    fn answer(&mut self) {
        for (reply, seq) in self.replies.drain(..) {
            reply(Ok(seq));
        }
    }

    fn tell_records(&mut self, records: Vec<Record>) {
        if !self.clients.is_empty() && !records.is_empty() {
            self.tell(&News::Records(Arc::new(records)));
        }
    }

    fn tell(&mut self, news: &News) {
        self.clients.retain_mut(|client| client.push(news));
    }

    /// The run has ended: everything is on the disk before anybody hears of it.
    fn end(mut self, status: u8) -> u8 {
        let mut status = status;
        let until = Instant::now() + LAST_WRITE;
        while !self.held_records.is_empty() && Instant::now() < until {
            if self.turns.journal.append(&self.held_records).is_ok() {
                self.held_records.clear();
            } else {
                std::thread::sleep(WRITE_AGAIN);
            }
        }
        if !self.held_records.is_empty() {
            complain(&format!(
                "{} last records could not be written",
                self.held_records.len()
            ));
            status = super::RUNNER_FAILED;
        }
        if let Err(error) = self.turns.journal.sync_now() {
            complain(&format!("the journal may not be on the disk: {error}"));
        }
        self.answer();
        self.tell(&News::End { status });
        drop(self.lock.take());
        // Whoever keeps up sees the end; who does not is not waited for.
        let until = Instant::now() + LAST_NEWS;
        while Instant::now() < until && self.clients.iter().any(|client| !client.drained()) {
            std::thread::sleep(Duration::from_millis(2));
        }
        if let Some(lines) = self.turns.lines.take() {
            lines.finish();
        }
        status
    }
}

/// Wall clock in milliseconds since the epoch.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Says something on standard error, which may be gone.
pub(super) fn complain(text: &str) {
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr().lock(),
        "wavedeck: {}",
        crate::display::clean_line(text, 1000)
    );
}
