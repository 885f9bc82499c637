//! The end of a runner: the run's own, or because its guard is gone.
//!
//! Must not wait for anybody for ever: neither for a disk that refuses nor for clients.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use crate::{
    engine::{Owner, Status, StoppedBy},
    executor::Report,
    runtime::{RUNNER_FAILED, jobs, news::News, notices::Step, socket},
};

use super::{Ended, Msg, Running, complain, record::WRITE_AGAIN};

/// How long the end of a run waits for a disk that refuses its last records.
const LAST_WRITE: Duration = Duration::from_secs(5);
/// How long the end waits for clients that have not been told everything.
const LAST_NEWS: Duration = Duration::from_millis(300);
/// How long the end waits for commands that tell a person of what waits.
const LAST_NOTICES: Duration = Duration::from_secs(5);
/// How long a run that a signal has stopped waits for whoever reads its lines.
const LAST_LINES: Duration = Duration::from_secs(1);

impl Running {
    /// The guard is gone, so nobody would end what we leave: ends the agents, then itself.
    ///
    /// Nothing of it is recorded: nobody decided against the run, so it stays open and `resume`
    /// goes on with it as after our own death.
    pub(super) fn abandon(mut self) -> Ended {
        self.turns.executor.shutdown(self.turns.grace);
        // Who comes now shall not take us for a runner that goes on: `resume` waits for our end.
        socket::remove(&self.turns.jobs.run_dir);
        complain("the guard is gone: the agents are ended, `wavedeck resume` goes on with the run");
        loop {
            match self.turns.inbox.recv() {
                Ok(Msg::Reports) => {
                    let mut reports = std::mem::take(&mut self.reports);
                    self.turns.mailbox.drain(&mut reports);
                    if reports.drain(..).any(|r| matches!(r, Report::Stopped)) {
                        return self.end(RUNNER_FAILED);
                    }
                    self.reports = reports;
                }
                Ok(Msg::Signal(_)) => self.turns.executor.shutdown(Duration::ZERO),
                Ok(Msg::Action { reply, .. }) => {
                    reply(Err("the run is ending: its guard is gone".to_owned()));
                }
                Ok(_) => {}
                Err(mpsc::RecvError) => return self.end(RUNNER_FAILED),
            }
        }
    }

    /// Nothing is being started and nothing runs, but for what is frozen: it cannot go on any more.
    pub(super) fn at_rest(&self) -> bool {
        let setup = &self.turns.state.setup;
        let state = &self.turns.state;
        let frozen = |key| {
            let Some(key) = jobs::engine_key(setup, key) else {
                return false;
            };
            match (key.owner, key.check) {
                (Owner::Agent(ix), None) => state.agent(ix).status == Status::Frozen,
                (owner, _) => state.check_of(owner).is_some_and(|check| check.frozen),
            }
        };
        let views = self.turns.executor.views();
        self.starting == 0 && views.iter().all(|view| frozen(&view.key))
    }

    /// Ends a run that cannot be recorded. What is frozen is ended with it.
    pub(super) fn give_up(mut self) -> Ended {
        self.reports();
        self.flush();
        complain(
            "the run ends here: nothing of it can be recorded any more. `wavedeck resume` goes on \
             with what was recorded, once that is mended",
        );
        self.end(RUNNER_FAILED)
    }

    /// The run has ended: everything is on the disk before anybody hears of it.
    pub(super) fn end(mut self, status: u8) -> Ended {
        let mut status = status;
        let wait = if self.lost {
            Duration::ZERO
        } else {
            LAST_WRITE
        };
        let until = Instant::now() + wait;
        while !self.held_records.is_empty() && Instant::now() < until {
            if self.turns.journal.append(&self.held_records).is_ok() {
                self.held_records.clear();
            } else {
                std::thread::sleep(WRITE_AGAIN);
            }
        }
        if !self.held_records.is_empty() {
            complain(&format!(
                "{} last records could not be written",
                self.held_records.len()
            ));
            status = RUNNER_FAILED;
        }
        if let Err(error) = self.turns.journal.sync_now()
            && !self.lost
        {
            complain(&format!("the journal may not be on the disk: {error}"));
            status = RUNNER_FAILED;
        }
        if self.lost {
            // Whatever the agents did, the record of it is not whole.
            status = RUNNER_FAILED;
        }
        self.answer();
        self.tell(&News::End { status });
        drop(self.lock.take());
        // Whoever keeps up sees the end; who does not is not waited for.
        let until = Instant::now() + LAST_NEWS;
        while Instant::now() < until && self.clients.iter().any(|client| !client.drained()) {
            std::thread::sleep(Duration::from_millis(2));
        }
        if let Some(lines) = self.turns.lines.take() {
            let by_signal = matches!(self.turns.state.stopping, Some(StoppedBy::Signal(_)));
            let until = by_signal.then(|| Instant::now() + LAST_LINES);
            lines.finish(|| {
                // Whoever reads may have stopped reading: a signal ends the waiting for it.
                let msg = self.turns.inbox.recv_timeout(Duration::from_millis(1));
                matches!(msg, Ok(Msg::Signal(_) | Msg::GuardLost))
                    || until.is_some_and(|until| Instant::now() >= until)
            });
        }
        self.last_notices();
        let state = self.turns.state;
        let over = state.finished.is_some() && !self.lost;
        self.turns.work.close(over.then_some(&state));
        Ended {
            status,
            past: self.history.map(|history| (state, history)),
        }
    }

    /// What waits at the end of a run is what a person has to hear of: the commands that tell it get
    /// a moment, unless a signal ends the run.
    fn last_notices(&mut self) {
        if self.lost || matches!(self.turns.state.stopping, Some(StoppedBy::Signal(_))) {
            return;
        }
        let until = Instant::now() + LAST_NOTICES;
        while !self.notices.idle() && Instant::now() < until {
            let overdue = self.notices.deadline().map_or(until, |at| at.min(until));
            let wait = overdue.saturating_duration_since(Instant::now());
            match self.turns.inbox.recv_timeout(wait) {
                Ok(Msg::Reports) => self.last_reports(),
                Ok(Msg::Action { reply, .. }) => reply(Err("the run has ended".to_owned())),
                Ok(Msg::Signal(_) | Msg::GuardLost) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return;
                }
                Ok(_) | Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            self.notices_overdue();
        }
    }

    /// Takes reports of notices; nothing else is of interest any more, and nothing is recorded.
    fn last_reports(&mut self) {
        let mut reports = Vec::new();
        self.turns.mailbox.drain(&mut reports);
        for report in reports {
            if let Some(Step {
                start: Some(job), ..
            }) = self.notices.report(&report, Instant::now())
            {
                self.turns.executor.spawn(job);
            }
        }
    }
}
