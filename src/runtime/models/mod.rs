//! The model servers of a run: a thread for each that some worker's model is on, and what they know together.
//!
//! Must not decide: orders come from the loop, edges go to it. A run without such models has no thread here.

mod needs;
mod process;
mod server;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use crate::{
    engine::{InputKind, Setup, State},
    plan::{Address, Model, ModelApi, ModelIx, Worker},
    resources::{ServerSample, Servers},
};

use super::turns::Msg;
pub use needs::of_plan as need;
use process::Bytes;
use server::{Order, Server};

/// Tells the loop something.
pub(super) type Tell = Arc<dyn Fn(InputKind) + Send + Sync>;

/// What the threads know, by server.
#[derive(Debug, Clone, Default)]
pub(super) struct Board(Arc<Mutex<BTreeMap<u32, Shown>>>);

#[derive(Debug, Default)]
struct Shown {
    samples: Vec<ServerSample>,
    measured: Option<Bytes>,
}

impl Board {
    fn show(&self, server: u32, samples: Vec<ServerSample>, measured: Option<Bytes>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(server, Shown { samples, measured });
    }

    /// Returns all of it.
    pub fn read(&self) -> Servers {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut servers = Servers::default();
        for shown in all.values() {
            servers.samples.extend(shown.samples.iter().cloned());
            if let Some(bytes) = shown.measured.filter(|bytes| !bytes.of_agent) {
                servers.bytes = servers.bytes.saturating_add(bytes.all);
                servers.file_bytes = servers.file_bytes.saturating_add(bytes.file);
            }
        }
        servers.samples.sort_by_key(|sample| sample.model);
        servers
    }
}

/// A server that is to be asked.
struct Waiting {
    server: Server,
    orders: mpsc::Receiver<Order>,
}

/// The threads' other end.
pub(super) struct Models {
    /// By the position of the model.
    ways: BTreeMap<ModelIx, (mpsc::Sender<Order>, Arc<AtomicBool>)>,
    waiting: Arc<Mutex<Vec<Waiting>>>,
    board: Board,
}

/// Starts the threads, once.
pub(super) struct Starter(Arc<Mutex<Vec<Waiting>>>);

impl Starter {
    /// Starts them.
    ///
    /// # Errors
    /// When a thread cannot be made: that server's figures are not known then.
    pub fn start(&self) -> std::io::Result<()> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for Waiting { server, orders } in waiting.drain(..) {
            thread::Builder::new()
                .name("model-server".into())
                .stack_size(512 << 10)
                .spawn(move || server.run(&orders))?;
        }
        Ok(())
    }
}

impl Models {
    /// Makes what a run needs. A rehearsal works with nobody's model.
    pub fn of_run(setup: &Setup, rehearsal: bool, to_loop: mpsc::Sender<Msg>) -> Self {
        // The loop is gone at the very end only.
        let tell: Tell = Arc::new(move |told| drop(to_loop.send(Msg::Work(Box::new(told)))));
        let real: &[Worker] = if rehearsal { &[] } else { &setup.plan.workers };
        Self::new(&setup.plan.models, real, &tell)
    }

    /// Makes what a plan needs; nothing is asked before [`Starter::start`].
    pub fn new(models: &[Model], workers: &[Worker], tell: &Tell) -> Self {
        let board = Board::default();
        let mut servers: BTreeMap<(Address, ModelApi), Vec<ModelIx>> = BTreeMap::new();
        let mut named: Vec<ModelIx> = workers.iter().filter_map(|w| w.served).collect();
        named.sort_unstable();
        named.dedup();
        for ix in named {
            let model = &models[ix.ix()];
            if let Some(at) = model.address() {
                servers.entry((at, model.api)).or_default().push(ix);
            }
        }
        let (mut ways, mut waiting) = (BTreeMap::new(), Vec::new());
        for ((at, _), all) in servers {
            let (order, orders) = mpsc::channel();
            let in_use = Arc::new(AtomicBool::new(false));
            for &ix in &all {
                ways.insert(ix, (order.clone(), in_use.clone()));
            }
            let held = all.into_iter().map(|ix| (ix, models[ix.ix()].clone()));
            let server = Server::new(at, held.collect(), in_use, board.clone(), tell.clone());
            waiting.push(Waiting { server, orders });
        }
        Self {
            ways,
            waiting: Arc::new(Mutex::new(waiting)),
            board,
        }
    }

    /// Returns what starts the threads.
    pub fn starter(&self) -> Starter {
        Starter(self.waiting.clone())
    }

    /// Returns what the sampler reads.
    pub fn board(&self) -> Board {
        self.board.clone()
    }

    /// Notes which servers agents work with now.
    pub fn look(&self, state: &State) {
        let mut used: Vec<(&Arc<AtomicBool>, bool)> = Vec::new();
        for (ix, (_, in_use)) in &self.ways {
            let now = state.model_slots_used(*ix) > 0;
            match used
                .iter_mut()
                .find(|(known, _)| Arc::ptr_eq(known, in_use))
            {
                Some((_, any)) => *any |= now,
                None => used.push((in_use, now)),
            }
        }
        for (in_use, now) in used {
            in_use.store(now, Ordering::Relaxed);
        }
    }

    /// Orders that a model is unloaded; returns what is to be told where nobody can do it.
    pub fn unload(&self, model: ModelIx) -> Option<InputKind> {
        let sent = self.ways.get(&model).map(|(way, _)| way.send(Order(model)));
        match sent {
            Some(Ok(())) => None,
            Some(Err(_)) | None => Some(InputKind::Unloaded {
                model,
                done: Err("its server is not asked".to_owned()),
            }),
        }
    }
}
