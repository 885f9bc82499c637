//! The processes that wait for leases or hold one: what they are told, and when they end.
//!
//! A process is known by a descriptor that the kernel gave for it, which stays good when the process becomes
//! the program that was meant. Must not wait for any of them, and must not decide.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    mem::MaybeUninit,
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::{Arc, mpsc},
    thread,
};

use rustix::event::epoll;

use crate::{
    engine::{Figures, LeaseCause, State},
    plan::AgentIx,
    runtime::{
        protocol::{self, FromRunner, LeaseNote},
        turns::Msg,
    },
};

/// A command inside of an agent that asks for a lease.
pub struct Request {
    /// Whose.
    pub agent: AgentIx,
    /// In which attempt.
    pub attempt: u32,
    /// The command.
    pub name: String,
    /// Leases that it runs below, as it says.
    pub below: Vec<u32>,
    /// The way to it.
    pub stream: UnixStream,
    /// Its process.
    pub process: OwnedFd,
}

/// Tells a process something; it may be gone, and one that does not read misses it.
pub fn tell(mut stream: &UnixStream, note: LeaseNote) {
    let _ = protocol::write(&mut stream, &FromRunner::Lease { note }, &[]);
}

/// A process that asked.
struct Asker {
    /// The way to it, while it waits.
    stream: Option<UnixStream>,
    /// Its process; watched for as long as this is open.
    _process: OwnedFd,
    /// The place that it was told last.
    place: u32,
}

/// All that have asked and whose processes live.
pub struct Desk {
    to_loop: mpsc::Sender<Msg>,
    /// Made with the first lease, and the thread that waits for it.
    ends: Option<Arc<OwnedFd>>,
    askers: BTreeMap<u32, Asker>,
    /// Agents that wait.
    waiting: BTreeSet<AgentIx>,
    /// What is reserved for agents that hold leases, in bytes.
    reserved: BTreeMap<AgentIx, u64>,
}

impl Desk {
    /// Makes one where nobody has asked.
    pub const fn new(to_loop: mpsc::Sender<Msg>) -> Self {
        Self {
            to_loop,
            ends: None,
            askers: BTreeMap::new(),
            waiting: BTreeSet::new(),
            reserved: BTreeMap::new(),
        }
    }

    /// Takes a process in; from now on its end is told to the loop.
    ///
    /// # Errors
    /// When the system has no descriptors or threads left.
    pub fn add(&mut self, number: u32, stream: UnixStream, process: OwnedFd) -> io::Result<()> {
        let ends = self.ends()?;
        let data = epoll::EventData::new_u64(u64::from(number));
        let once = epoll::EventFlags::IN | epoll::EventFlags::ONESHOT;
        epoll::add(&*ends, &process, data, once)?;
        let asker = Asker {
            stream: Some(stream),
            _process: process,
            place: 0,
        };
        self.askers.insert(number, asker);
        Ok(())
    }

    fn ends(&mut self) -> io::Result<Arc<OwnedFd>> {
        if let Some(ends) = &self.ends {
            return Ok(ends.clone());
        }
        let ends = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        let (watched, to_loop) = (ends.clone(), self.to_loop.clone());
        thread::Builder::new()
            .name("leases".into())
            .stack_size(64 << 10)
            .spawn(move || watch(&watched, &to_loop))?;
        self.ends = Some(ends.clone());
        Ok(ends)
    }

    /// Returns the agents of which something else is reserved than before, for what they have leased, and how
    /// much, in bytes.
    pub fn reserved(&mut self, state: &State) -> Vec<(AgentIx, u64)> {
        let held = state.leases.list.iter().filter(|lease| !lease.waits());
        let holders = held.map(|lease| lease.agent);
        let known = self.reserved.keys().copied();
        let all: BTreeSet<AgentIx> = holders.clone().chain(known).collect();
        let all = all.into_iter().map(|ix| (ix, state.reserved(ix)));
        let mut changed: Vec<(AgentIx, u64)> = all.collect();
        changed.retain(|(ix, bytes)| self.reserved.get(ix) != Some(bytes));
        let holders: BTreeSet<AgentIx> = holders.collect();
        self.reserved = (holders.into_iter())
            .map(|ix| (ix, state.reserved(ix)))
            .collect();
        changed
    }

    /// Tells those that wait what has changed for them; returns the agents that begin to wait (true) or
    /// wait no longer.
    pub fn look(&mut self, state: &State, figures: &Figures) -> Vec<(AgentIx, bool)> {
        if self.askers.is_empty() && self.waiting.is_empty() {
            return Vec::new();
        }
        let line = state.lease_line();
        let free_bytes = crate::engine::free_bytes(state, figures);
        let most_us = state.setup.memory.lease_wait_us;
        self.askers.retain(|number, asker| {
            let Some(lease) = state.lease(*number) else {
                // Withdrawn with its attempt, whose processes are gone or going.
                return false;
            };
            let Some(stream) = &asker.stream else {
                return true;
            };
            if let Some(granted_us) = lease.granted_us {
                let note = LeaseNote::Granted {
                    number: *number,
                    ram_bytes: lease.ram_bytes,
                    waited_us: granted_us.saturating_sub(lease.since_us),
                    late: lease.cause == LeaseCause::Late,
                };
                tell(stream, note);
                asker.stream = None;
                return true;
            }
            let place = line.iter().position(|one| one.number == *number);
            let place = place.map_or(asker.place, |at| u32::try_from(at + 1).unwrap_or(u32::MAX));
            if place != asker.place {
                let note = LeaseNote::Waiting {
                    place,
                    ram_bytes: lease.ram_bytes,
                    free_bytes,
                    most_us,
                };
                tell(stream, note);
                asker.place = place;
            }
            true
        });
        let list = state.leases.list.iter();
        let now: BTreeSet<AgentIx> = list.filter(|l| l.waits()).map(|l| l.agent).collect();
        let begins = now.difference(&self.waiting).map(|ix| (*ix, true));
        let ends = self.waiting.difference(&now).map(|ix| (*ix, false));
        let changed = begins.chain(ends).collect();
        self.waiting = now;
        changed
    }
}

/// Tells the loop of each process that has ended, until nobody listens.
fn watch(ends: &OwnedFd, to_loop: &mpsc::Sender<Msg>) {
    let mut events = [MaybeUninit::<epoll::Event>::uninit(); 32];
    loop {
        let (ready, _) = match epoll::wait(ends, &mut events, None) {
            Ok(ready) => ready,
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
        };
        for event in ready.iter() {
            let number = u32::try_from(event.data.u64()).unwrap_or(u32::MAX);
            if to_loop.send(Msg::LeaseGone(number)).is_err() {
                return;
            }
        }
    }
}
