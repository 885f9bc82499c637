//! Plays a recording into a dashboard: the same updates as from a live run, with a clock of its own.
//!
//! A thread reads journal, readings and output files; the dashboard asks for pieces of output as
//! it does of a runner, and steers the clock. Must not act on a run, and needs no lock: a live run
//! can be watched from its beginning.

mod steer;

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
    journal::{Line, ReadError, Reader, Seeker, To, apply, fold_each, read_samples},
    report::history::{History, Mark},
    resources::{Point, Sample, Trend},
    tui::feed::{Clock, Request, Update},
};

use super::{cards, output, past, records};

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
    samples: Vec<Sample>,
    marks: Vec<Mark>,
    history: Option<Box<History>>,
    last: Where,
    state: State,
    ahead: VecDeque<Line>,
    clock: Clock,
}

/// A place in the recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Where {
    seq: u64,
    elapsed_us: u64,
}

impl Recording {
    /// Opens the run in a folder at its beginning, paused.
    ///
    /// # Errors
    /// When its journal cannot be read.
    pub fn open(dir: &Path, setup: Arc<Setup>) -> Result<Self, ReadError> {
        let first = State::new(setup.clone());
        // One pass for the marks and the end; the seeker's snapshots serve the jumps.
        let mut history = History::new(&first);
        let mut end = Where::default();
        fold_each(
            first.clone(),
            &mut Reader::open(dir)?,
            u64::MAX,
            |state, record| {
                history.push(state, record);
                end = Where {
                    seq: record.seq,
                    elapsed_us: record.elapsed_us,
                };
            },
        )?;
        let (samples, _) = read_samples(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            seeker: Seeker::open(dir, setup)?,
            samples,
            marks: history.marks.clone(),
            history: Some(Box::new(history)),
            last: end,
            state: first,
            ahead: VecDeque::new(),
            clock: Clock {
                at_us: 0,
                end_us: end.elapsed_us,
                seq: 0,
                last_seq: end.seq,
                playing: false,
                speed_permille: 1_000,
            },
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
        if let Some(history) = self.history.take() {
            let planned = Box::new(past::planned(&self.state.setup));
            let seq = u64::MAX;
            let update = Update::History {
                seq,
                history,
                planned,
            };
            send(to, update)?;
        }
        let mut trend = Trend::default();
        for sample in &self.samples {
            trend.push(Point::of(sample));
        }
        send(to, Update::Trend(trend.until(u64::MAX).to_vec()))?;
        self.jump(To::Seq(1), to)?;
        let mut before = Instant::now();
        loop {
            let request = if self.clock.playing {
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
                Some(request) => self.answer(request, to)?,
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
                let until = self.printed(agent.0, attempt);
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
            Request::Evidence { owner, attempt } => {
                let setup = &self.state.setup;
                let bytes = output::evidence(&self.dir, setup, owner, attempt).unwrap_or_default();
                let update = Update::Evidence {
                    owner,
                    attempt,
                    bytes,
                };
                send(to, update)
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

    /// Bytes that an attempt had printed by now, by the readings; none: it has ended or no reading
    /// tells, so that all of it is shown.
    fn printed(&self, agent: u32, attempt: u32) -> Option<u64> {
        let live = self.state.agents.get(agent as usize)?;
        if live.attempt != attempt || live.live.is_none() {
            return None;
        }
        let sample = self.sample()?;
        let found = sample
            .agents
            .iter()
            .find(|a| a.agent == agent && a.attempt == attempt);
        Some(found.map_or(0, |a| a.output_bytes))
    }

    fn sample(&self) -> Option<&Sample> {
        let after = self
            .samples
            .partition_point(|s| s.elapsed_us <= self.clock.at_us);
        self.samples.get(after.checked_sub(1)?)
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
                whole = true;
                records.clear();
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
        let first = self.samples.partition_point(|s| s.elapsed_us < from);
        let last = self
            .samples
            .partition_point(|s| s.elapsed_us <= self.clock.at_us);
        for sample in self.samples.get(first..last).unwrap_or_default() {
            send(to, Update::Sample(Box::new(sample.clone())))?;
        }
        self.tell(to)
    }

    /// Sends the state, and what led to it.
    fn snapshot(&mut self, to: &mpsc::Sender<Update>) -> Option<()> {
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
        if let Some(sample) = self.sample() {
            send(to, Update::Sample(Box::new(sample.clone())))?;
        }
        send(to, Update::Clock(self.clock))
    }
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
