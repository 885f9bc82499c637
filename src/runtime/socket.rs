//! The runner's socket: clients come and go, the runner never waits for one.
//!
//! A thread accepts; each client has one thread that reads and one that writes. What a client has
//! not read yet is counted: events are never dropped, so one that is too far behind is cut and can
//! come again; samples are dropped for it before that. Must not touch the state: it talks to the
//! loop.

mod add;
mod door;
mod lease;
mod place;
mod report;
mod terminals;
mod way;

use std::{
    fs,
    io::{self, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, atomic::AtomicUsize, mpsc},
    thread,
    time::Duration,
};

use crate::{
    engine::Action,
    executor::LocalExecutor,
    sys::{lock, peer},
};

use door::{Cut, Slot, refusal};
pub use place::ADDRESS;
pub(super) use place::{announce, private, remove, runtime_dir};
use place::{listen, places};
use terminals::Terminals;
use way::{ClientSink, Out, Way, write_all};

use super::{
    adding::Adding,
    current::Current,
    intake::Intake,
    output,
    protocol::{self, FromClient, FromRunner, PROTOCOL},
    turns::Msg,
};

/// A client's frames are no longer than this.
const LONGEST_ASKED: u32 = 64 << 10;
/// So many connections at once.
const CONNECTIONS: usize = 64;
/// So many of them of agents, so that they cannot keep the operator out.
const AGENT_CONNECTIONS: usize = 16;
/// A client that does not say hello within this time is let go.
const HELLO: Duration = Duration::from_secs(5);

/// Opens the socket of a run and starts to accept; returns the socket's path.
///
/// # Errors
/// When no private place for it can be found.
pub(super) fn serve(
    dir: &Path,
    run: &str,
    adding: Adding,
    executor: Arc<LocalExecutor>,
    intake: Arc<Intake>,
    to_loop: mpsc::Sender<Msg>,
) -> io::Result<PathBuf> {
    let (path, listener) = listen(places(runtime_dir(), dir, run))?;
    // A run that goes on has the one of before.
    let _ = fs::remove_file(dir.join(ADDRESS));
    lock::private_append(&dir.join(ADDRESS))?.write_all(path.as_os_str().as_encoded_bytes())?;
    let server = Arc::new(Server {
        dir: dir.to_owned(),
        run: run.to_owned(),
        current: adding.current.clone(),
        adding: Arc::new(Mutex::new(adding)),
        executor,
        intake,
        to_loop,
        guard: parent(),
        connections: Arc::default(),
        agents: Arc::default(),
    });
    thread::Builder::new()
        .name("socket".into())
        .stack_size(64 << 10)
        .spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else {
                    // No descriptor is free: not at full speed until one is.
                    thread::sleep(Duration::from_millis(10));
                    continue;
                };
                let Some(slot) = Slot::take(&server.connections, CONNECTIONS) else {
                    continue;
                };
                let server = server.clone();
                let client = thread::Builder::new()
                    .name("client".into())
                    .stack_size(256 << 10);
                // Without a thread for it the client sees the connection close and may come again.
                let _ = client.spawn(move || server.client(stream, slot));
            }
        })?;
    Ok(path)
}

struct Server {
    dir: PathBuf,
    run: String,
    current: Current,
    /// One addition after the other: each sees what the one before has added.
    adding: Arc<Mutex<Adding>>,
    executor: Arc<LocalExecutor>,
    intake: Arc<Intake>,
    to_loop: mpsc::Sender<Msg>,
    guard: Option<i32>,
    connections: Arc<AtomicUsize>,
    agents: Arc<AtomicUsize>,
}

/// Our parent, where it is not the first process, which all are below.
fn parent() -> Option<i32> {
    rustix::process::getppid()
        .map(rustix::process::Pid::as_raw_pid)
        .filter(|&pid| pid > 1)
}

impl Server {
    /// The processes that everything of this run is below.
    fn ancestors(&self) -> Vec<i32> {
        let me = std::process::id().cast_signed();
        // Whoever takes us in after the guard's death has others below it.
        let guard = self.guard.filter(|&pid| parent() == Some(pid));
        [me].into_iter().chain(guard).collect()
    }

    fn client(&self, stream: UnixStream, slot: Slot) {
        let Ok(peer) = peer::Peer::of(&stream) else {
            return;
        };
        if !peer.is_same_user() {
            return;
        }
        // A process below the guard or the runner is an agent: it may look at nothing and steer
        // nothing here. So may nobody of whom we cannot tell.
        let place = peer.place(&self.ancestors());
        let operator = place == peer::Place::NotBelow;
        let mut slots = vec![slot];
        if !operator {
            let Some(slot) = Slot::take(&self.agents, AGENT_CONNECTIONS) else {
                return;
            };
            slots.push(slot);
        }
        let _ = self.talk(stream, peer, place, slots);
    }

    fn talk(
        &self,
        mut stream: UnixStream,
        peer: peer::Peer,
        place: peer::Place,
        slots: Vec<Slot>,
    ) -> io::Result<()> {
        let operator = place == peer::Place::NotBelow;
        // Given back when both of its threads are done.
        let slots = Arc::new(slots);
        stream.set_read_timeout(Some(HELLO))?;
        let hello = FromRunner::Hello {
            protocol: PROTOCOL,
            run: self.run.clone(),
            operator,
        };
        protocol::write(&mut stream, &hello, &[])?;
        let (first, _) = protocol::read_at_most::<FromClient>(&mut stream, LONGEST_ASKED)?;
        let (theirs, news, read_only) = match first {
            FromClient::Hello {
                protocol,
                news,
                read_only,
            } => (protocol, news, read_only),
            FromClient::Lease { name, below } => {
                return self.lease(stream, (peer, place), name, below);
            }
            _ => return Ok(()),
        };
        if theirs != PROTOCOL {
            return Ok(());
        }
        stream.set_read_timeout(None)?;
        let (out, queue) = mpsc::channel();
        let behind = Arc::new(AtomicUsize::new(0));
        let way = Way {
            out,
            behind: behind.clone(),
            stream: Arc::new(stream.try_clone()?),
        };
        let (held, writer) = (slots.clone(), way.stream.clone());
        thread::Builder::new()
            .name("client".into())
            .stack_size(512 << 10)
            .spawn(move || {
                let _held = held;
                let _ = write_all(&mut &*writer, &queue, &behind);
                let _ = writer.shutdown(Shutdown::Both);
            })?;
        // The writer and the loop hold the connection too: who is not read any more is let go of.
        let _cut = Cut(way.stream.clone());
        if news && operator {
            let sink = ClientSink(way.clone());
            if self.to_loop.send(Msg::Attach(Box::new(sink))).is_err() {
                return Ok(());
            }
        }
        let mut terminals = Terminals::new(self.executor.clone(), &way, read_only);
        let longest = if operator {
            add::LONGEST
        } else {
            LONGEST_ASKED
        };
        loop {
            let (frame, raw) = protocol::read_at_most::<FromClient>(&mut stream, longest)?;
            match frame {
                FromClient::Report { id, agent, attempt } => {
                    let told = self.report(id, (agent, attempt), &raw, (&peer, place), &way);
                    if !told {
                        return Ok(());
                    }
                }
                FromClient::Action { id, by, action } => {
                    let refusal = refusal(place, read_only);
                    if !self.act(id, by, action, refusal, &way) {
                        return Ok(());
                    }
                }
                FromClient::Output {
                    agent,
                    attempt,
                    offset,
                    max,
                } if operator => {
                    let (frame, bytes) = self.output(agent, attempt, offset, max);
                    if !way.send(Out::Frame(Box::new(frame), bytes)) {
                        return Ok(());
                    }
                }
                FromClient::Stats if operator => {
                    let answer = way.clone();
                    let reply = move |stats| {
                        answer.send(Out::Frame(
                            Box::new(FromRunner::Stats { stats }),
                            Vec::new(),
                        ));
                    };
                    if self.to_loop.send(Msg::Stats(Box::new(reply))).is_err() {
                        return Ok(());
                    }
                }
                // Who may not steer has no keyboard, and no say in how large a terminal is.
                FromClient::Terminal {
                    agent,
                    attempt,
                    wish,
                } if operator => terminals.ask(&agent, attempt, wish, raw),
                FromClient::Hello { .. }
                | FromClient::Lease { .. }
                | FromClient::Stats
                | FromClient::Output { .. }
                | FromClient::Terminal { .. } => return Ok(()),
            }
        }
    }

    /// Hands an action on, or refuses it; false: the client is gone or was cut.
    fn act(&self, id: u64, by: String, action: Action, refusal: Option<&str>, way: &Way) -> bool {
        let ack = move |way: &Way, result: Result<u64, String>| way.ack(id, result);
        if let Some(refusal) = refusal {
            return ack(way, Err(refusal.to_owned()));
        }
        // Who asks is for the record; only names that we know, so that it cannot be forged text.
        let by = if by == "deck" { by } else { "ctl".to_owned() };
        if by != "deck" && matches!(action, Action::Open { .. }) {
            return ack(way, Err(door::NO_TERMINAL.to_owned()));
        }
        let answer = way.clone();
        if let Action::Add { wanted } = action {
            add::start(&self.adding, &self.to_loop, (by, wanted), move |result| {
                ack(&answer, result);
            });
            return true;
        }
        let _ = self.to_loop.send(Msg::Action {
            by,
            action,
            reply: Box::new(move |result| {
                ack(&answer, result);
            }),
        });
        true
    }

    /// Reads a piece of an output file; nothing where there is none yet.
    fn output(
        &self,
        agent: String,
        attempt: u32,
        offset: Option<u64>,
        max: u32,
    ) -> (FromRunner, Vec<u8>) {
        let known = self
            .current
            .get()
            .by_id
            .contains_key(&agent.as_str().into());
        let piece = if known {
            output::read(&self.dir, &agent, attempt, offset, max)
        } else {
            output::Piece::default()
        };
        (
            FromRunner::Output {
                agent,
                attempt,
                offset: piece.offset,
                total: piece.total,
            },
            piece.bytes,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_limited_and_come_back() {
        let taken = Arc::default();
        let slots: Vec<_> = (0..3).map_while(|_| Slot::take(&taken, 2)).collect();
        assert_eq!(slots.len(), 2);
        assert!(Slot::take(&taken, 2).is_none());
        drop(slots);
        assert!(Slot::take(&taken, 1).is_some());
    }
}
