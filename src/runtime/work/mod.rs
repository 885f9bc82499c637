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
mod tidy;
mod watching;

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    context::redact::Redactor,
    engine::{Command, InputKind, Setup, State, Status},
    journal::SyncHandle,
    plan::AgentIx,
    runtime::current::Current,
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
/// After so long it is looked again whether there is room on the disk.
const AGAIN: Duration = Duration::from_secs(5);
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
    pub setup: Current,
    /// Tells when the journal is on the disk.
    pub sync: SyncHandle,
    /// Keeps secrets out of what is told to others.
    pub redactor: Redactor,
    /// What agent programs leave in their workspaces that is no part of the work: lines as in `.gitignore`.
    pub leaves: Box<dyn Fn() -> Vec<String> + Send + Sync>,
}

impl Settings {
    /// The plan as it is now.
    fn now(&self) -> Arc<Setup> {
        self.setup.get()
    }
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
    orders: Mutex<Waiting>,
    bell: Condvar,
}

#[derive(Default)]
struct Waiting {
    orders: VecDeque<Order>,
    /// What has to wait for room on the disk, and until when.
    put_off: VecDeque<(Instant, Order)>,
    closed: bool,
}

impl Lanes {
    /// Takes what is to be done after an order: workspaces that nobody needs go, what found no room is
    /// tried again.
    fn after(&self, order: Order) {
        if order.makes() {
            self.making.push(order);
        } else {
            self.merging.put_off(order, Instant::now() + AGAIN);
        }
    }
}

impl Lane {
    /// Agents wait for their workspaces: these go before what can be done later.
    fn push(&self, order: Order) {
        let mut orders = locked(&self.orders);
        let at = if matches!(order, Order::Prepare(_)) {
            let first = |o: &Order| !matches!(o, Order::Prepare(_));
            let first = orders.orders.iter().position(first);
            first.unwrap_or(orders.orders.len())
        } else {
            orders.orders.len()
        };
        orders.orders.insert(at, order);
        drop(orders);
        self.bell.notify_one();
    }

    /// Takes an order that can be carried out only later; others go before it.
    fn put_off(&self, order: Order, until: Instant) {
        locked(&self.orders).put_off.push_back((until, order));
        self.bell.notify_one();
    }

    /// Waits for the next order, and says how many more workspaces are waited for; none: the lane is
    /// closed.
    fn next(&self) -> Option<(Order, usize)> {
        let mut orders = locked(&self.orders);
        loop {
            if orders.closed {
                return None;
            }
            if let Some(order) = orders.orders.pop_front() {
                let rest = orders.orders.iter();
                let more = rest.filter(|o| matches!(o, Order::Prepare(_))).count();
                return Some((order, more));
            }
            let now = Instant::now();
            let until = orders.put_off.front().map(|(until, _)| *until);
            orders = match until {
                Some(until) if until <= now => {
                    return orders.put_off.pop_front().map(|(_, order)| (order, 0));
                }
                Some(until) => {
                    let waited = self.bell.wait_timeout(orders, until - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let waited = self.bell.wait(orders);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    fn waiting(&self) -> usize {
        let orders = locked(&self.orders);
        orders.orders.len() + orders.put_off.len()
    }

    fn close(&self) {
        locked(&self.orders).closed = true;
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
            [
                crew.lanes.making.waiting(),
                crew.lanes.merging.waiting(),
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
                        lanes.after(after);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn named(order: Option<(Order, usize)>) -> String {
        match order {
            Some((Order::Discard { name }, _)) => name,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_is_put_off_comes_after_all_others_and_by_itself() {
        let lane = Lane::default();
        let order = |name: &str| Order::Discard { name: name.into() };
        let now = Instant::now();
        lane.put_off(order("late"), now + Duration::from_millis(20));
        lane.push(order("one"));
        lane.push(order("two"));
        assert_eq!(lane.waiting(), 3);
        assert_eq!(named(lane.next()), "one");
        assert_eq!(named(lane.next()), "two");
        // Nobody rings for it.
        assert_eq!(named(lane.next()), "late");
        assert!(now.elapsed() >= Duration::from_millis(20));
        lane.put_off(order("never"), now + Duration::from_hours(1));
        lane.close();
        assert!(lane.next().is_none());
    }
}
