//! Carries out what the engine asks of workspaces and merges, on threads of its own.
//!
//! Workspaces are made on two threads; collecting, merging and what moves refs go one after another
//! on a third. None of them is started before the first order, so a plan without workspaces starts
//! no git process. Every order can be carried out twice: after a crash it is asked for again. Must
//! not decide, and never works on the loop's thread.

mod choices;
mod collect;
mod conflicts;
mod deliver;
mod handoff;
mod merging;
mod note;
mod order;
mod place;
mod prepare;
mod seen;
mod watching;

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use crate::{
    context::redact::Redactor,
    engine::{Command, InputKind, Setup, State, Status},
    journal::SyncHandle,
    plan::AgentIx,
    sys::locked,
};

use order::Order;
use place::Driver;

pub(super) use choices::edited;
pub(super) use conflicts::put;
pub(super) use handoff::{draft, drafts, kept};
pub(super) use note::file as note_file;
pub use place::{Place, base};
pub use seen::{forget, remove, seen_attempts};

/// Threads that make workspaces.
const MAKERS: usize = 2;
/// Workspaces that are made ahead of need at most.
const AHEAD: usize = 8;

/// What the driver is told at a run's start.
pub(super) struct Settings {
    /// The run's folder.
    pub run_dir: PathBuf,
    /// The folder that plans call the repository.
    pub workdir: PathBuf,
    /// Where workspaces lie, outside of the repository.
    pub state_folder: PathBuf,
    /// Whether the kernel is to hold them where it can.
    pub enforce: bool,
    /// The plan, and what follows from it.
    pub setup: Arc<Setup>,
    /// Tells when the journal is on the disk.
    pub sync: SyncHandle,
    /// Keeps secrets out of what is told to others.
    pub redactor: Redactor,
}

/// Takes orders from the loop; answers come as inputs.
pub(super) struct Work {
    /// The driver, once there was an order, and its threads.
    crew: Option<Crew>,
    start: Option<(Settings, Tell)>,
    /// What was last said about workspaces ahead of need.
    ahead: (usize, String),
    /// Attempts whose workspaces are watched.
    watched: Vec<(AgentIx, u32)>,
}

/// Where answers go; may be called from any thread.
pub(super) type Tell = Arc<dyn Fn(InputKind) + Send + Sync>;

struct Crew {
    driver: Arc<Driver>,
    lanes: Arc<Lanes>,
    threads: Vec<JoinHandle<()>>,
}

/// Orders that wait, by who carries them out.
#[derive(Default)]
struct Lanes {
    making: Lane,
    merging: Lane,
}

#[derive(Default)]
struct Lane {
    orders: Mutex<(VecDeque<Order>, bool)>,
    bell: Condvar,
}

impl Lane {
    /// Agents wait for their workspaces: these go before what can be done later.
    fn push(&self, order: Order) {
        let mut orders = locked(&self.orders);
        let at = if matches!(order, Order::Prepare(_)) {
            let first = |o: &Order| !matches!(o, Order::Prepare(_));
            orders.0.iter().position(first).unwrap_or(orders.0.len())
        } else {
            orders.0.len()
        };
        orders.0.insert(at, order);
        drop(orders);
        self.bell.notify_one();
    }

    /// Waits for the next order, and says how many more workspaces are waited for; none: the lane is
    /// closed.
    fn next(&self) -> Option<(Order, usize)> {
        let mut orders = locked(&self.orders);
        loop {
            if orders.1 {
                return None;
            }
            if let Some(order) = orders.0.pop_front() {
                let rest = orders.0.iter();
                let more = rest.filter(|o| matches!(o, Order::Prepare(_))).count();
                return Some((order, more));
            }
            let waited = self.bell.wait(orders);
            orders = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn close(&self) {
        locked(&self.orders).1 = true;
        self.bell.notify_all();
    }
}

impl Work {
    /// A driver that has started nothing yet.
    pub fn new(settings: Settings, tell: Tell) -> Self {
        Self {
            crew: None,
            start: Some((settings, tell)),
            ahead: (0, String::new()),
            watched: Vec::new(),
        }
    }

    /// Takes an order; returns at once. An answer that needs nobody's work comes back by itself.
    pub fn order(&mut self, state: &State, command: Command) -> Option<InputKind> {
        let order = Order::of(state, command)?;
        let refused = order.refused("no thread can be started".to_owned());
        if let Command::Prepare { agent, attempt } = command {
            self.watched.push((agent, attempt));
        }
        match self.crew(state) {
            Some(crew) => {
                crew.give(order);
                None
            }
            None => refused,
        }
    }

    /// Looks after a turn: workspaces are made ahead of need for agents that wait for nothing but room,
    /// and those of attempts that are over are no longer watched.
    pub fn look(&mut self, state: &State) {
        if self.crew.is_none() {
            return;
        }
        self.forget(state);
        let Some(head) = state.merges.head.as_ref().or(state.base_commit.as_ref()) else {
            return;
        };
        let stopping = state.stopping.is_some() || state.degraded.is_some();
        let wanted = if stopping {
            0
        } else {
            state.ready.iter().take(AHEAD).count()
        };
        let none = wanted == 0 && self.ahead.0 == 0;
        if none || (wanted, head) == (self.ahead.0, &self.ahead.1) {
            return;
        }
        self.ahead = (wanted, head.clone());
        if let Some(crew) = &self.crew {
            crew.give(Order::Ahead {
                spare: wanted,
                commit: head.clone(),
            });
        }
    }

    /// How many orders wait to make workspaces and to merge, and how many workspaces are spare.
    pub fn waiting(&self) -> [usize; 3] {
        self.crew.as_ref().map_or([0; 3], |crew| {
            let waiting = |lane: &Lane| locked(&lane.orders).0.len();
            [
                waiting(&crew.lanes.making),
                waiting(&crew.lanes.merging),
                crew.driver.spare(),
            ]
        })
    }

    /// Waits until everything that was begun is done, and removes what nobody needs any more. `over`:
    /// the run has ended with this state, so the workspaces of what succeeded go.
    pub fn close(self, over: Option<&State>) {
        let Some(crew) = self.crew else {
            return;
        };
        crew.lanes.making.close();
        crew.lanes.merging.close();
        for thread in crew.threads {
            let _ = thread.join();
        }
        if let Some(driver) = Arc::into_inner(crew.driver) {
            driver.leave(over);
        }
    }

    fn crew(&mut self, state: &State) -> Option<&Crew> {
        if let Some((settings, tell)) = self.start.take() {
            let driver = Driver::new(settings, state.run.clone(), tell);
            self.crew = Crew::start(driver).ok();
        }
        self.crew.as_ref()
    }
}

impl Crew {
    fn start(driver: Driver) -> std::io::Result<Self> {
        let driver = Arc::new(driver);
        let lanes = Arc::new(Lanes::default());
        let mut threads = Vec::new();
        for number in 0..=MAKERS {
            let makes = number < MAKERS;
            let (driver, lanes) = (driver.clone(), lanes.clone());
            let name = if makes { "make" } else { "merge" };
            let work = move || {
                let lane = if makes { &lanes.making } else { &lanes.merging };
                while let Some((order, more)) = lane.next() {
                    if let Some(after) = driver.carry_out(order, more) {
                        lanes.making.push(after);
                    }
                }
            };
            threads.push(thread::Builder::new().name(name.into()).spawn(work)?);
        }
        Ok(Self {
            driver,
            lanes,
            threads,
        })
    }

    fn give(&self, order: Order) {
        if order.makes() {
            self.lanes.making.push(order);
        } else {
            self.lanes.merging.push(order);
        }
    }
}

/// Whether an agent's work is over for good and in the head, so that its workspaces can go.
fn succeeded(state: &State, ix: AgentIx) -> bool {
    state.agent(ix).status == Status::Succeeded
}
