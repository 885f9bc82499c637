//! Plays a recording into a dashboard: the same updates as from a live run, with a clock of its own.
//!
//! A thread reads journal, readings and output files; the dashboard asks for pieces of output as
//! it does of a runner, and steers the clock. Must not act on a run, and needs no lock: a live run
//! can be watched from its beginning.

mod steer;
mod terminal;

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{self, error::TryRecvError};

use crate::{
    engine::{Record, Setup, State},
    journal::{Line, ReadError, Readings, Seeker, To, apply},
    tui::feed::{Clock, Replay, Request, Update},
};

use super::{cards, output, past, records, texts};
use terminal::Terminals;

/// While it plays, the dashboard hears so often; a frame is not drawn more often either.
const TICK: Duration = Duration::from_millis(33);
/// Records read ahead at once.
const AHEAD: usize = 512;
/// Records of one step that are sent one by one; past it the state is sent whole.
const FEW: usize = 4096;
/// Readings before a jump's moment that are sent along: a little more than a forecast looks back.
const FORECAST_US: u64 = 35_000_000;
/// Records of the past that a jump sends along, for the list of what happened lately.
const LATELY: u64 = 64;

/// A recording, open at a moment.
pub struct Recording {
    dir: PathBuf,
    seeker: Seeker,
    readings: Readings,
    last: Where,
    state: State,
    ahead: VecDeque<Line>,
    clock: Clock,
    /// Indexes of terminals that were looked at.
    terminals: Terminals,
}

/// A place in the recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Where {
    seq: u64,
    elapsed_us: u64,
}

impl Recording {
    /// Opens the run in a folder at its beginning, paused; does not read all of it.
    ///
    /// # Errors
    /// When its journal cannot be read.
    pub fn open(dir: &Path, setup: Arc<Setup>) -> Result<Self, ReadError> {
        let state = State::new(setup.clone());
        let seeker = Seeker::open(dir, setup)?;
        let end = seeker.last()?.map_or_else(Where::default, |line| Where {
            seq: line.seq(),
            elapsed_us: line.elapsed_us(),
        });
        Ok(Self {
            dir: dir.to_owned(),
            seeker,
            readings: Readings::default(),
            last: end,
            state,
            ahead: VecDeque::new(),
            clock: Clock {
                at_us: 0,
                end_us: end.elapsed_us,
                seq: 0,
                last_seq: end.seq,
                playing: false,
                speed_permille: 1_000,
            },
            terminals: Terminals::default(),
        })
    }

    /// Serves a dashboard on a thread of its own until it leaves.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn bridge(
        mut self,
        to: mpsc::Sender<Update>,
        mut asked: mpsc::Receiver<Request>,
    ) -> std::io::Result<()> {
        thread::Builder::new()
            .name("replay".into())
            .spawn(move || {
                // Only the dashboard's leaving ends it.
                let _ = self.serve(&to, &mut asked);
            })?;
        Ok(())
    }

    fn serve(
        &mut self,
        to: &mpsc::Sender<Update>,
        asked: &mut mpsc::Receiver<Request>,
    ) -> Option<()> {
        // What is shown first waits for nothing; what a person does next knows the readings. All
        // that happened comes when it has been read.
        let setup = self.state.setup.clone();
        let readings = past::read(&self.dir, setup, to.clone()).ok();
        self.jump(To::Seq(1), to)?;
        if let Some(readings) = readings.and_then(|readings| readings.recv().ok()) {
            self.readings = readings;
        }
        let mut waiting = VecDeque::new();
        let mut before = Instant::now();
        loop {
            let request = if let Some(request) = waiting.pop_front() {
                Some(request)
            } else if self.clock.playing {
                match asked.try_recv() {
                    Ok(request) => Some(request),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => return None,
                }
            } else {
                let request = asked.blocking_recv()?;
                before = Instant::now();
                Some(request)
            };
            match request {
                Some(mut request) => {
                    // Of the places that somebody drags over, the last one is wanted.
                    while let Ok(next) = asked.try_recv() {
                        if is_place(&request) && is_place(&next) {
                            request = next;
                        } else {
                            waiting.push_back(next);
                        }
                    }
                    self.answer(request, to)?;
                }
                None => thread::sleep(TICK.saturating_sub(before.elapsed())),
            }
            if self.clock.playing {
                let now = Instant::now();
                let real = now.duration_since(before);
                if real >= TICK {
                    before = now;
                    self.play(real, to)?;
                }
            }
        }
    }

    /// Time passes.
    fn play(&mut self, real: Duration, to: &mpsc::Sender<Update>) -> Option<()> {
        let real = u64::try_from(real.as_micros()).unwrap_or(u64::MAX);
        let passed = real.saturating_mul(u64::from(self.clock.speed_permille)) / 1000;
        let target = self
            .clock
            .at_us
            .saturating_add(passed)
            .min(self.clock.end_us);
        self.clock.playing = target < self.clock.end_us;
        self.forward(target, to)
    }

    fn answer(&mut self, request: Request, to: &mpsc::Sender<Update>) -> Option<()> {
        match request {
            Request::Action { id, .. } => send(
                to,
                Update::Ack {
                    id,
                    result: Err("a recording cannot be changed".to_owned()),
                },
            ),
            Request::Output {
                agent,
                attempt,
                offset,
                max,
            } => {
                let id = self.state.id(agent);
                let until = self.printed(agent, attempt);
                let piece = output::read_until(&self.dir, id.as_str(), attempt, offset, max, until);
                send(
                    to,
                    Update::Output {
                        agent,
                        attempt,
                        offset: piece.offset,
                        bytes: piece.bytes,
                        total: piece.total,
                    },
                )
            }
            asked @ (Request::Terminal { .. }
            | Request::Keyboard { .. }
            | Request::Keys { .. }
            | Request::Size { .. }) => self.terminal(&asked, to),
            asked @ (Request::Evidence { .. } | Request::Check { .. } | Request::Prompt { .. }) => {
                match output::answer(&self.dir, &self.state.setup, &asked) {
                    Some(update) => send(to, update),
                    None => Some(()),
                }
            }
            // What the repository was like then is not recorded.
            Request::Diff { .. } => {
                let result = Err("a recording has no diff".to_owned());
                send(to, Update::Diff { result })
            }
            asked @ (Request::Clash(_) | Request::Keep { .. } | Request::Review(_)) => {
                texts::answer(&self.dir, asked, to);
                Some(())
            }
            Request::Card { track, day } => {
                send(to, cards::answer(&self.dir, &self.state.setup, track, day))
            }
            Request::Log(ask) => match records::answer(&mut self.seeker, &ask) {
                Ok(update) => send(to, update),
                Err(error) => lost(&error, to),
            },
            Request::Replay(what) => self.steer(what, to),
        }
    }

    /// Takes the state forward in time and sends what happened on the way.
    fn forward(&mut self, until_us: u64, to: &mpsc::Sender<Update>) -> Option<()> {
        let mut records: Vec<Record> = Vec::new();
        let mut whole = false;
        loop {
            if self.ahead.is_empty() {
                let next = self.state.seq + 1;
                if next > self.last.seq {
                    break;
                }
                match self.seeker.records(next, AHEAD) {
                    Ok(lines) if lines.is_empty() => break,
                    Ok(lines) => self.ahead.extend(lines),
                    Err(error) => return lost(&error, to),
                }
            }
            let Some(line) = self
                .ahead
                .pop_front_if(|line| line.elapsed_us() <= until_us)
            else {
                break;
            };
            apply(&mut self.state, &line);
            if let Line::Record(record) = line {
                records.push(record);
            }
            if records.len() > FEW {
                // Too many to be told one by one, so not read one by one either.
                whole = true;
                match self.seeker.seek(To::Elapsed(until_us)) {
                    Ok(state) => self.state = state,
                    Err(error) => return lost(&error, to),
                }
                self.ahead.clear();
                break;
            }
        }
        self.clock.at_us = until_us;
        if whole {
            self.snapshot(to)?;
        } else if !records.is_empty() {
            send(to, Update::Records(records))?;
        }
        self.tell(to)
    }

    /// Goes to a place, forwards or backwards.
    fn jump(&mut self, place: To, to: &mpsc::Sender<Update>) -> Option<()> {
        match self.seeker.seek(place) {
            Ok(state) => self.state = state,
            Err(error) => return lost(&error, to),
        }
        self.ahead.clear();
        self.clock.at_us = self.state.elapsed_us;
        self.snapshot(to)?;
        // What the forecast of memory was made from at that moment.
        let from = self.clock.at_us.saturating_sub(FORECAST_US);
        for sample in self.readings.between(from, self.clock.at_us) {
            send(to, Update::Sample(Box::new(sample)))?;
        }
        self.tell(to)
    }

    /// Sends the state, and what led to it.
    fn snapshot(&mut self, to: &mpsc::Sender<Update>) -> Option<()> {
        self.terminals.unwatch();
        send(to, Update::Snapshot(Box::new(self.state.clone())))?;
        let first = self.state.seq.saturating_sub(LATELY - 1).max(1);
        let count = usize::try_from(self.state.seq + 1 - first).unwrap_or(0);
        let lately = match self.seeker.records(first, count) {
            Ok(lines) => lines,
            Err(error) => return lost(&error, to),
        };
        let lately = lately
            .into_iter()
            .filter_map(|line| match line {
                Line::Record(record) => Some(record),
                Line::Unknown { .. } => None,
            })
            .collect();
        send(to, Update::Past(lately))
    }

    fn tell(&mut self, to: &mpsc::Sender<Update>) -> Option<()> {
        self.clock.seq = self.state.seq;
        if let Some(sample) = self.readings.at(self.clock.at_us) {
            send(to, Update::Sample(Box::new(sample)))?;
        }
        self.grown(to)?;
        send(to, Update::Clock(self.clock))
    }
}

/// Whether a request leads to a place, wherever the clock stands.
const fn is_place(request: &Request) -> bool {
    matches!(request, Request::Replay(Replay::Time(_) | Replay::Seq(_)))
}

/// Says that the recording cannot be read any more.
fn lost(error: &ReadError, to: &mpsc::Sender<Update>) -> Option<()> {
    send(
        to,
        Update::Gone {
            reason: format!("the recording cannot be read: {error}"),
        },
    )
}

/// None: the dashboard has gone.
fn send(to: &mpsc::Sender<Update>, update: Update) -> Option<()> {
    to.blocking_send(update).ok()
}
