//! Commands inside of agents that ask for leases: whose they are, and which process it is.
//!
//! Must not touch the state: the loop decides. Nobody else may ask, for a lease of another agent would be
//! taken from it.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream},
};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::Server;
use crate::{
    executor::{self, JobKind},
    plan::AgentIx,
    runtime::{
        leases::{Request, tell},
        protocol::LeaseNote,
        turns::Msg,
    },
    sys::{marker::Marker, peer},
};

/// Commands below one that has its lease, at most so many are believed.
const DEEPEST: usize = 16;

impl Server {
    /// Hands a command that asks on to the loop, with the way back to it.
    pub(super) fn lease(
        &self,
        stream: UnixStream,
        (peer, place): (peer::Peer, peer::Place),
        name: String,
        mut below: Vec<u32>,
    ) -> io::Result<()> {
        let whose = self.whose(&peer, place);
        let found = whose.and_then(|whose| {
            let process = process(peer, &self.ancestors());
            let gone = |error: io::Error| Some(format!("its process cannot be watched: {error}"));
            process.map(|process| (whose, process)).map_err(gone)
        });
        // The loop never waits for who does not read.
        stream.set_nonblocking(true)?;
        match found {
            Ok(((agent, attempt), process)) => {
                below.truncate(DEEPEST);
                let request = Request {
                    agent,
                    attempt,
                    name,
                    below,
                    stream,
                    process,
                };
                let _ = self.to_loop.send(Msg::Lease(Box::new(request)));
            }
            Err(why) => tell(&stream, LeaseNote::Refused { why }),
        }
        Ok(())
    }

    /// The agent whose command it is, by its place in the tree of processes; one that has lost its agent's
    /// tree is believed by the marker in its environment.
    fn whose(
        &self,
        peer: &peer::Peer,
        place: peer::Place,
    ) -> Result<(AgentIx, u32), Option<String>> {
        let outside = || Some("only commands inside of agents wait for memory".to_owned());
        let root = peer.root(&self.ancestors());
        let (peer::Place::Below, Some(root)) = (place, root) else {
            return Err(outside());
        };
        let views = self.executor.views();
        let (agent, attempt) = match views.iter().find(|view| view.pid == root) {
            Some(view) => match (&view.key.owner, &view.key.kind) {
                (executor::Owner::Agent(agent), JobKind::Main) => (agent.clone(), view.key.attempt),
                // Checks have their own memory.
                _ => return Err(None),
            },
            None => match Marker::of(peer.pid) {
                Some(marker) if marker.run == self.run && marker.check.is_none() => {
                    (marker.agent.as_str().into(), marker.attempt)
                }
                _ => return Err(outside()),
            },
        };
        let ix = self.current.get().by_id.get(&agent).copied();
        ix.map(|ix| (ix, attempt)).ok_or_else(outside)
    }
}

/// A descriptor for the process itself; before Linux 6.5 made from its pid, which was its own if it is still
/// where it was.
fn process(peer: peer::Peer, ancestors: &[i32]) -> io::Result<OwnedFd> {
    if let Some(process) = peer.pidfd {
        return Ok(process);
    }
    let pid = Pid::from_raw(peer.pid).ok_or(io::ErrorKind::NotFound)?;
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    match peer.place(ancestors) {
        peer::Place::Below => Ok(process),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}
