//! The other end of the runner's socket: for `ctl`, `status` and the dashboard.
//!
//! Blocking; the dashboard gives it threads of its own. Must not draw or decide.

mod ask;
mod error;
mod frames;
mod terminal;

use std::{
    collections::VecDeque,
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use tokio::sync::mpsc;

use crate::{
    engine::{Event, Record, Setup, WorkEvent},
    journal::last_records,
    plan::AgentIx,
    tui::feed::{Request, Update},
};

pub use error::ClientError;
use frames::next_with;

use super::{
    cards, diff, output, past,
    protocol::{self, FromClient, FromRunner, PROTOCOL},
    records,
    socket::ADDRESS,
    texts,
};

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    dir: PathBuf,
    /// Identifier of the run.
    pub run: String,
    /// Whether this process may steer the run.
    pub operator: bool,
}

impl Client {
    /// Connects to the runner of a run's folder.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn connect(dir: &Path, news: bool) -> Result<Self, ClientError> {
        Self::connect_as(dir, news, false)
    }

    /// Connects, and with `read_only` gives up the right to steer the run.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn connect_as(dir: &Path, news: bool, read_only: bool) -> Result<Self, ClientError> {
        let path = std::fs::read_to_string(dir.join(ADDRESS)).map_err(ClientError::Nobody)?;
        let mut stream = UnixStream::connect(PathBuf::from(path)).map_err(ClientError::Nobody)?;
        let (hello, _) = protocol::read::<FromRunner>(&mut stream)?;
        let FromRunner::Hello {
            protocol: theirs,
            run,
            operator,
        } = hello
        else {
            return Err(ClientError::Lost(io::Error::other("no hello")));
        };
        if theirs != PROTOCOL {
            return Err(ClientError::Version(theirs));
        }
        if news && !operator {
            return Err(ClientError::Refused(
                "an agent of this run may not watch it; to anybody else: /proc hides the processes \
                 above this one (mounted with hidepid?), so that the runner cannot tell"
                    .to_owned(),
            ));
        }
        protocol::write(
            &mut stream,
            &FromClient::Hello {
                protocol: PROTOCOL,
                news,
                read_only,
            },
            &[],
        )?;
        Ok(Self {
            stream,
            dir: dir.to_owned(),
            run,
            operator,
        })
    }

    /// A client of a run that has ended already: a dashboard reads it from its folder.
    ///
    /// # Errors
    /// When no sockets can be had.
    pub fn of_ended(dir: &Path, run: &str) -> io::Result<Self> {
        let (stream, _gone) = UnixStream::pair()?;
        Ok(Self {
            stream,
            dir: dir.to_owned(),
            run: run.to_owned(),
            operator: false,
        })
    }

    /// Reads the next update; the state's pieces are put together.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn read(&mut self) -> Result<Update, ClientError> {
        next_with(&mut self.stream, &self.dir, &self.run, None)
    }

    /// Connects both ways to a dashboard's channels; threads carry them until either side is gone.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn bridge(
        self,
        to: mpsc::Sender<Update>,
        mut requests: mpsc::Receiver<Request>,
    ) -> io::Result<()> {
        let mut reading = self.stream.try_clone()?;
        let (mut writing, run) = (self.stream, self.run);
        let link = Arc::new(Link {
            dir: self.dir,
            state: Mutex::default(),
        });
        let (mine, theirs, news) = (link.clone(), link, to.clone());
        thread::Builder::new()
            .name("from-runner".into())
            .spawn(move || {
                loop {
                    let setup = mine.state().setup.clone();
                    let update = next_with(&mut reading, &mine.dir, &run, setup.as_deref())
                        .unwrap_or_else(|e| past::instead(&mine.dir, setup.is_none(), &e));
                    match &update {
                        Update::Snapshot(state) => mine.state().setup = Some(state.setup.clone()),
                        Update::Output { .. } => drop(mine.state().asked.pop_front()),
                        Update::Records(records) => mine.follow(records, &news),
                        _ => {}
                    }
                    let gone = matches!(update, Update::Gone { .. });
                    let snapshot = match &update {
                        Update::Snapshot(state) => Some(state.seq),
                        _ => None,
                    };
                    if news.blocking_send(update).is_err() {
                        return;
                    }
                    if let Some(seq) = snapshot {
                        // Everything in the snapshot is in the journal already.
                        let setup = mine.state().setup.clone();
                        if let Some(setup) = setup {
                            past::send(&mine.dir, setup, seq, news.clone());
                        }
                        let past = Update::Past(last_records(&mine.dir, seq));
                        if news.blocking_send(past).is_err() {
                            return;
                        }
                    }
                    if gone {
                        return mine.lost(&news);
                    }
                }
            })?;
        thread::Builder::new()
            .name("to-runner".into())
            .spawn(move || {
                while let Some(request) = requests.blocking_recv() {
                    let frame = match request {
                        Request::Action { id, action } => FromClient::Action {
                            id,
                            by: "deck".to_owned(),
                            action,
                        },
                        asked @ (Request::Terminal { .. }
                        | Request::Keyboard { .. }
                        | Request::Keys { .. }
                        | Request::Size { .. }) => {
                            if !theirs.terminal(&asked, &mut writing, &to) {
                                return;
                            }
                            continue;
                        }
                        // There is no going back in what happens now.
                        Request::Replay(_) => continue,
                        Request::Diff { base, commit } => {
                            diff::send(&theirs.dir, base, commit, &to);
                            continue;
                        }
                        asked @ (Request::Clash(_) | Request::Keep { .. } | Request::Review(_)) => {
                            texts::answer(&theirs.dir, asked, &to);
                            continue;
                        }
                        Request::Log(ask) => {
                            let setup = theirs.state().setup.clone();
                            let read =
                                setup.and_then(|setup| records::of(&theirs.dir, setup, &ask).ok());
                            // What could not be read is shown as it was, and asked for again.
                            let answer = read.unwrap_or_else(|| Update::Log {
                                id: ask.id,
                                records: Vec::new(),
                                from: ask.before,
                            });
                            if to.blocking_send(answer).is_err() {
                                return;
                            }
                            continue;
                        }
                        Request::Card { track, day } => {
                            if let Some(setup) = theirs.state().setup.clone()
                                && to
                                    .blocking_send(cards::answer(&theirs.dir, &setup, track, day))
                                    .is_err()
                            {
                                return;
                            }
                            continue;
                        }
                        asked @ (Request::Evidence { .. }
                        | Request::Check { .. }
                        | Request::Prompt { .. }) => {
                            // On this machine, and complete since the check has ended.
                            if let Some(answer) = theirs.printed(&asked)
                                && to.blocking_send(answer).is_err()
                            {
                                return;
                            }
                            continue;
                        }
                        Request::Output {
                            agent,
                            attempt,
                            offset,
                            max,
                        } => {
                            let ask = Ask {
                                agent,
                                attempt,
                                offset,
                                max,
                            };
                            match theirs.ask(ask) {
                                Asked::Runner(frame) => frame,
                                Asked::Answered(answer) => {
                                    if to.blocking_send(answer).is_err() {
                                        return;
                                    }
                                    continue;
                                }
                                Asked::Nobody => continue,
                            }
                        }
                    };
                    // Who is gone is noticed by the thread that reads.
                    let _ = protocol::write(&mut writing, &frame, &[]);
                }
                // The dashboard has gone: the runner notices.
                let _ = writing.shutdown(std::net::Shutdown::Both);
            })?;
        Ok(())
    }
}

/// A piece of output that the dashboard wants.
#[derive(Debug, Clone, Copy)]
struct Ask {
    agent: AgentIx,
    attempt: u32,
    offset: Option<u64>,
    max: u32,
}

/// Who has the answer to an [`Ask`].
enum Asked {
    Runner(FromClient),
    Answered(Update),
    Nobody,
}

/// What both threads of a dashboard know. A run that has ended has no runner any more, but its
/// output is still there to read.
#[derive(Debug)]
struct Link {
    dir: PathBuf,
    state: Mutex<LinkState>,
}

#[derive(Debug, Default)]
struct LinkState {
    setup: Option<Arc<Setup>>,
    /// Asked for and not answered yet, in order.
    asked: VecDeque<Ask>,
    gone: bool,
}

impl Link {
    fn state(&self) -> MutexGuard<'_, LinkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, ask: Ask) -> Asked {
        let mut state = self.state();
        let Some(setup) = state.setup.clone() else {
            return Asked::Nobody;
        };
        let Some(agent) = setup.plan.agents.get(ask.agent.ix()) else {
            return Asked::Nobody;
        };
        if state.gone {
            return Asked::Answered(self.read(&setup, ask));
        }
        state.asked.push_back(ask);
        Asked::Runner(FromClient::Output {
            agent: agent.id.to_string(),
            attempt: ask.attempt,
            offset: ask.offset,
            max: ask.max,
        })
    }

    /// Agents may have been added: what is asked about them is found from here on.
    fn follow(&self, records: &[Record], to: &mpsc::Sender<Update>) {
        for record in records {
            let Event::Work(work) = &record.event else {
                continue;
            };
            let WorkEvent::Extended(by) = &**work else {
                continue;
            };
            let mut state = self.state();
            let now = state
                .setup
                .as_ref()
                .filter(|setup| setup.misfit(by).is_none());
            let now = now.map(|setup| Arc::new(setup.extended(std::slice::from_ref(by))));
            if let Some(setup) = now {
                state.setup = Some(setup.clone());
                drop(state);
                past::place_again(setup, to.clone());
            }
        }
    }

    /// The runner is gone: what it was asked for is read here.
    fn lost(&self, to: &mpsc::Sender<Update>) {
        let (asked, setup) = {
            let mut state = self.state();
            state.gone = true;
            (std::mem::take(&mut state.asked), state.setup.clone())
        };
        let Some(setup) = setup else { return };
        for ask in asked {
            if to.blocking_send(self.read(&setup, ask)).is_err() {
                return;
            }
        }
    }

    fn printed(&self, asked: &Request) -> Option<Update> {
        let setup = self.state().setup.clone()?;
        output::answer(&self.dir, &setup, asked)
    }

    fn read(&self, setup: &Setup, ask: Ask) -> Update {
        let id = setup.plan.agent(ask.agent).id.as_str();
        let piece = output::read(&self.dir, id, ask.attempt, ask.offset, ask.max);
        Update::Output {
            agent: ask.agent,
            attempt: ask.attempt,
            offset: piece.offset,
            bytes: piece.bytes,
            total: piece.total,
        }
    }
}
