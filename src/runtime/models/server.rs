//! One model server: asked every few seconds, measured every second, its models unloaded on order.
//!
//! A thread of its own, which may wait for the server as long as it likes: nobody waits for it. Must not decide; it
//! tells the loop of edges alone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use super::{
    Board, Tell, needs,
    process::{Bytes, Process, as_seen_by, sleeps_after},
};
use crate::{
    display::clean_line,
    engine::{Held, InputKind, Known, ServedNow, UnloadedNow, Unloading},
    models::{
        client::{AskError, Limits},
        look::{self, Look, Question, Seen, Unload},
    },
    plan::{Address, Model, ModelIx},
    resources::ServerSample,
};

/// Between two measurements.
const MEASURE: Duration = Duration::from_secs(1);
/// Between two questions.
const ASK: Duration = Duration::from_secs(5);
/// The same for a while after something has changed.
const ASK_SOON: Duration = Duration::from_secs(1);
/// That while.
const SOON_FOR: Duration = Duration::from_secs(10);
/// How long memory is waited for to come back.
const VERIFY: Duration = Duration::from_secs(10);
/// Between two measurements then.
const VERIFY_EVERY: Duration = Duration::from_millis(250);
/// A model that was loaded is told of when its memory stands still, or at the latest after this.
const SETTLE: Duration = Duration::from_secs(10);
/// Between two corrections of what was told of a loaded model.
const CORRECT: Duration = Duration::from_secs(30);
/// Bytes by which memory may differ and still be the same.
const SLACK: u64 = 32 << 20;
/// Longest word of an error.
const WORDS: usize = 160;

/// A model of this server.
struct Row {
    ix: ModelIx,
    /// What was told to the loop: loaded with these bytes, or not.
    told: Option<Held>,
    told_at: Instant,
    /// Since when it is seen loaded and not told.
    loading: Option<(Instant, u64)>,
    seen: Seen,
    need: Option<(u64, u64)>,
    /// The file whose header was read.
    file: Option<String>,
}

/// One server with the models of the plan that it holds.
pub(super) struct Server {
    at: Address,
    models: Vec<Model>,
    rows: Vec<Row>,
    names: Vec<String>,
    process: Option<Process>,
    /// What its processes held when none of its models was loaded.
    idle_bytes: Option<u64>,
    look: Look,
    error: Option<String>,
    /// Nobody listens there.
    gone: bool,
    soon_until: Instant,
    limits: Limits,
    in_use: Arc<AtomicBool>,
    board: Board,
    tell: Tell,
}

/// An order to a server's thread: unload this model.
pub(super) struct Order(pub ModelIx);

impl Server {
    /// Makes one; `models` are those of the plan that it holds, with their positions.
    pub fn new(
        at: Address,
        models: Vec<(ModelIx, Model)>,
        in_use: Arc<AtomicBool>,
        board: Board,
        tell: Tell,
    ) -> Self {
        let now = Instant::now();
        let rows = models.iter().map(|(ix, _)| Row {
            ix: *ix,
            told: None,
            told_at: now,
            loading: None,
            seen: Seen::default(),
            need: None,
            file: None,
        });
        Self {
            rows: rows.collect(),
            names: models.iter().map(|(_, model)| model.name.clone()).collect(),
            models: models.into_iter().map(|(_, model)| model).collect(),
            process: at.is_loopback().then(|| Process::listening(at.port)),
            idle_bytes: None,
            look: Look::default(),
            error: None,
            gone: false,
            soon_until: now + SOON_FOR,
            limits: Limits::default(),
            in_use,
            board,
            tell,
            at,
        }
    }

    /// Goes on until the loop is gone.
    pub fn run(mut self, orders: &Receiver<Order>) {
        let mut ask_due = Instant::now();
        loop {
            let now = Instant::now();
            if now >= ask_due {
                self.ask();
                let every = if now < self.soon_until { ASK_SOON } else { ASK };
                ask_due = Instant::now() + every;
            }
            let bytes = self.measure();
            self.read_files();
            self.edges(bytes);
            self.show(bytes);
            match orders.recv_timeout(MEASURE) {
                Ok(Order(ix)) => {
                    self.unload(ix);
                    ask_due = Instant::now();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Asks what it holds. What it does not answer leaves what was known.
    fn ask(&mut self) {
        let question = Question {
            at: &self.at,
            api: self.models[0].api,
            names: &self.names,
            in_use: self.in_use.load(Ordering::Relaxed),
            limits: &self.limits,
        };
        match look::look(&question) {
            Ok(look) => {
                (self.error, self.gone) = (None, false);
                let before: Vec<bool> = self.rows.iter().map(|row| row.seen.loaded).collect();
                for (row, seen) in self.rows.iter_mut().zip(&look.seen) {
                    row.seen = seen.clone();
                }
                self.look = look;
                let after = self.rows.iter().map(|row| row.seen.loaded);
                if !after.eq(before) {
                    self.changed();
                }
            }
            Err(why) => {
                // One that is gone holds nothing; whoever starts it again is another process.
                if let Some(process) = self.process.as_mut().filter(|_| self.error.is_none()) {
                    process.search();
                }
                // Nobody is there: then nothing is loaded. All else may be a bad moment.
                self.gone = why == AskError::Refused.to_string();
                if self.gone {
                    for row in &mut self.rows {
                        row.seen = Seen::default();
                    }
                }
                self.error = Some(clean_line(&why, WORDS));
            }
        }
    }

    fn changed(&mut self) {
        self.soon_until = Instant::now() + SOON_FOR;
        if let Some(process) = &mut self.process {
            process.look_again();
        }
    }

    /// Reads the headers of files that the server names, each once, where its process is on this machine.
    fn read_files(&mut self) {
        let Some(pid) = self.process.as_ref().and_then(Process::root) else {
            return;
        };
        for row in &mut self.rows {
            if row.seen.path.is_some() && row.seen.path != row.file {
                row.file.clone_from(&row.seen.path);
                let path = row.file.as_deref().unwrap_or_default();
                let slots = row.seen.slots.unwrap_or(1);
                row.need = needs::of_file(&as_seen_by(pid, path), row.seen.context, slots);
            }
        }
    }

    fn measure(&mut self) -> Option<Bytes> {
        let bytes = self.process.as_mut()?.measure()?;
        let held = self.rows.iter().any(|row| row.seen.loaded) || self.look.others > 0;
        if !held && self.error.is_none() {
            self.idle_bytes = Some(bytes.all);
        }
        Some(bytes)
    }

    /// What is known of a loaded model: its bytes are the measured ones of the server's processes less what these hold
    /// without it; where the server holds several models, the part that it says is this one's.
    fn held(&self, at: usize, measured: Option<Bytes>) -> Held {
        let row = &self.rows[at];
        let told = row.seen.told_bytes;
        let of_process =
            measured.map(|bytes| bytes.all.saturating_sub(self.idle_bytes.unwrap_or(0)));
        let loaded = self.rows.iter().filter(|row| row.seen.loaded).count() as u64;
        let (bytes, by) = match (of_process, told) {
            (Some(bytes), _) if loaded + self.look.others <= 1 => (bytes, Known::Measured),
            (Some(bytes), Some(told)) => (self.share(bytes, told), Known::Shared),
            (_, Some(told)) => (told, Known::Told),
            _ => {
                let (base, slot) = row.need.unwrap_or_else(|| {
                    let need = needs::of_plan(&self.models[at]);
                    (need.base_bytes, need.slot_bytes)
                });
                (base.saturating_add(slot), Known::Estimated)
            }
        };
        Held {
            bytes,
            by,
            unloading: self.unloading(),
            base_bytes: row.need.map(|(base, _)| base),
            slot_bytes: row.need.map(|(_, slot)| slot),
        }
    }

    /// A model's part of what is measured, by what the server says of all that it holds.
    fn share(&self, measured: u64, told: u64) -> u64 {
        let own = self.rows.iter().filter(|row| row.seen.loaded);
        let own: u64 = own.filter_map(|row| row.seen.told_bytes).sum();
        let all = own.saturating_add(self.look.others_bytes).max(1);
        let part = u128::from(measured) * u128::from(told) / u128::from(all);
        u64::try_from(part).unwrap_or(u64::MAX)
    }

    fn unloading(&self) -> Unloading {
        if matches!(self.look.unload, Unload::Asked(_)) {
            return Unloading::Request;
        }
        let pid = self.process.as_ref().and_then(Process::root);
        match pid.and_then(sleeps_after) {
            Some(seconds) => Unloading::Sleep(seconds),
            None if self.rows.iter().any(|row| row.seen.sleeping) => Unloading::Unknown,
            None => Unloading::Never,
        }
    }

    /// Tells the loop what has changed: a model that is loaded once its memory stands still, one that is gone at once,
    /// and bytes that are clearly others than those that were told.
    fn edges(&mut self, measured: Option<Bytes>) {
        if self.error.is_some() && !self.gone {
            // It is there and says nothing: what was known stays.
            return;
        }
        let now = Instant::now();
        for at in 0..self.rows.len() {
            let there = self.rows[at].seen.loaded;
            let held = self.held(at, measured);
            let row = &mut self.rows[at];
            let edge = match (there, row.told) {
                (true, None) => {
                    let (since, before) = *row.loading.get_or_insert((now, u64::MAX));
                    row.loading = Some((since, held.bytes));
                    let still = near(before, held.bytes) || now - since >= SETTLE;
                    still.then_some(ServedNow::Loaded(held))
                }
                (true, Some(told)) => {
                    let other = !near(told.bytes, held.bytes) || told.unloading != held.unloading;
                    let due = now - row.told_at >= CORRECT;
                    (other && due).then_some(ServedNow::Loaded(held))
                }
                (false, Some(_)) => Some(ServedNow::Gone {
                    left_bytes: measured.map(|bytes| bytes.all),
                }),
                (false, None) => {
                    row.loading = None;
                    None
                }
            };
            let Some(edge) = edge else { continue };
            row.told = match &edge {
                ServedNow::Loaded(held) => Some(*held),
                ServedNow::Gone { .. } => None,
            };
            (row.told_at, row.loading) = (now, None);
            let model = row.ix;
            (self.tell)(InputKind::Served { model, now: edge });
        }
    }

    /// Puts what is known where the sampler reads it.
    fn show(&self, measured: Option<Bytes>) {
        let server = self.rows.first().map_or(0, |row| row.ix.0);
        let small = |n: Option<u64>| n.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let samples = self.rows.iter().map(|row| ServerSample {
            model: row.ix.0,
            server,
            loaded: row.seen.loaded,
            sleeping: row.seen.sleeping,
            resident_bytes: measured.map(|bytes| bytes.all),
            told_bytes: row.seen.told_bytes,
            slots: small(row.seen.slots),
            busy: small(row.seen.busy),
            error: self.error.clone(),
        });
        self.board.show(server, samples.collect(), measured);
    }

    /// Unloads a model and waits until its memory has come back.
    fn unload(&mut self, ix: ModelIx) {
        let done = self.unloaded(ix);
        self.changed();
        if let Some(row) = self.rows.iter_mut().find(|row| row.ix == ix) {
            if done.is_ok() {
                (row.told, row.seen.loaded, row.loading) = (None, false, None);
            } else {
                // What was told since the order is not heard there: that it is gone is told again.
                row.told.get_or_insert_default();
            }
        }
        (self.tell)(InputKind::Unloaded { model: ix, done });
    }

    fn unloaded(&mut self, ix: ModelIx) -> Result<UnloadedNow, String> {
        self.ask();
        if let Some(why) = &self.error {
            return Err(format!("its server cannot be asked: {why}"));
        }
        let at = self.rows.iter().position(|row| row.ix == ix);
        let at = at.ok_or_else(|| "its server is not asked".to_owned())?;
        let row = &self.rows[at];
        if row.seen.busy.is_some_and(|busy| busy > 0) {
            return Err("it answers somebody else's request".to_owned());
        }
        let Unload::Asked(api) = self.look.unload else {
            return Err("its server takes no such request".to_owned());
        };
        let before = self.measure();
        let wanted = self.held(at, before).bytes;
        let called = self.rows[at].seen.called.clone();
        if self.rows[at].seen.loaded {
            look::unload(&self.at, api, &called, &self.limits)
                .map_err(|why| format!("its server refused: {}", clean_line(&why, WORDS)))?;
        }
        let until = Instant::now() + VERIFY;
        loop {
            std::thread::sleep(VERIFY_EVERY);
            self.ask();
            let gone = self.error.is_none() && !self.rows[at].seen.loaded;
            if let Some(process) = &mut self.process {
                process.look_again();
            }
            let after = self.measure();
            self.show(after);
            let freed = before.zip(after).map(|(b, a)| b.all.saturating_sub(a.all));
            // Nine tenths: what is left of a server's own memory differs.
            let enough = freed.is_none_or(|freed| freed >= wanted / 10 * 9);
            if gone && enough || Instant::now() >= until {
                if !gone {
                    return Err("its server still has it".to_owned());
                }
                return Ok(UnloadedNow {
                    freed_bytes: freed,
                    left_bytes: after.map(|bytes| bytes.all),
                });
            }
        }
    }
}

/// Whether two measurements are of the same.
fn near(a: u64, b: u64) -> bool {
    a.abs_diff(b) <= SLACK.max(a.min(b) / 16)
}
