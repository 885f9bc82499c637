//! One write for each turn, then its effects; and what happens when the disk refuses it.
//!
//! Must not decide, and must not wait for the disk but in that one write.

use std::{
    io,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    engine::{self, Command, InputKind, Record, Turn},
    journal::JOURNAL,
    plan::AgentIx,
    runtime::{jobs, news::News, notices::Step, signed},
    sys::limits::file_size,
};

use super::{Note, Running, complain};

/// Pause between two attempts to write what a full disk refused.
pub(super) const WRITE_AGAIN: Duration = Duration::from_millis(500);

impl Running {
    /// Writes what was decided, then carries it out and tells it.
    pub(super) fn flush(&mut self) {
        if self.turn.records.is_empty() && self.turn.commands.is_empty() {
            self.answer();
            return;
        }
        let Turn { records, commands } = std::mem::take(&mut self.turn);
        self.turns.current.set(&self.turns.state.setup);
        let written = if self.held_records.is_empty() {
            self.turns.journal.append(&records).map_err(|error| {
                self.too_large |= error.too_large(self.turns.journal.position(), file_size());
                error.to_string()
            })
        } else {
            Err("earlier records wait".to_owned())
        };
        match written {
            Ok(()) => {
                for command in commands {
                    self.carry_out(command);
                }
                self.turns.work.look(&self.turns.state);
                self.look_at_leases();
                self.turns.models.look(&self.turns.state);
                if let Some(lines) = &self.turns.lines {
                    lines.wake();
                }
                let at = self.turns.journal.position();
                self.turns.snapshots.offer(&self.turns.state, at);
                signed::keep(&self.turns.jobs.run_dir, &self.turns.state.setup, &records);
                self.answer();
                self.tell_records(records);
            }
            Err(error) => {
                // Stop, freeze and kill never wait for the journal (DESIGN 2).
                let (now, later): (Vec<_>, Vec<_>) =
                    commands.into_iter().partition(Command::urgent);
                for command in now {
                    self.carry_out(command);
                }
                // No fault of recording holds up what runs.
                self.look_at_leases();
                self.held_commands.extend(later);
                self.held_records.extend(records.iter().cloned());
                self.tell_records(records);
                self.write_again
                    .get_or_insert_with(|| Instant::now() + WRITE_AGAIN);
                if self.too_large && !self.lost {
                    self.lose(error);
                    self.flush();
                } else if self.turns.state.degraded.is_none() {
                    complain(&format!(
                        "recording has a fault: {error}; nothing new starts until it is well"
                    ));
                    self.input(InputKind::Journal { error: Some(error) });
                    self.flush();
                } else {
                    self.answer();
                }
            }
        }
    }

    /// Nothing more can be recorded for good. As with a full disk nobody is stopped and nothing
    /// starts, but there is nothing to wait for: the run ends with the last that runs.
    pub(super) fn lose(&mut self, error: String) {
        if self.lost {
            return;
        }
        self.lost = true;
        let journal = self.turns.jobs.run_dir.join(JOURNAL);
        let error = match journal.symlink_metadata() {
            // Whatever noticed it first.
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => {
                "the run's folder was removed or moved, and its records with it".to_owned()
            }
            _ => error,
        };
        complain(&format!(
            "NOTHING MORE CAN BE RECORDED: {error}; nothing new starts, what runs goes on to its end, then the run ends"
        ));
        self.input(InputKind::Journal { error: Some(error) });
    }

    /// Tries to write what was refused.
    pub(super) fn write_again(&mut self) {
        if self.write_again.is_none_or(|at| at > Instant::now()) {
            return;
        }
        if let Err(error) = self.turns.journal.append(&self.held_records) {
            if error.too_large(self.turns.journal.position(), file_size()) {
                self.lose(error.to_string());
            }
            self.write_again = Some(Instant::now() + WRITE_AGAIN);
            return;
        }
        self.write_again = None;
        self.held_records.clear();
        if !self.lost {
            self.input(InputKind::Journal { error: None });
        }
        for command in std::mem::take(&mut self.held_commands) {
            if command.still_wanted(&self.turns.state) {
                self.carry_out(command);
            } else if let Command::Spawn { key, .. } = command {
                let error = "not started: it was ended while recording had a fault".to_owned();
                self.input(InputKind::SpawnFailed { key, error });
            }
        }
        if let Some(lines) = &self.turns.lines {
            lines.wake();
        }
    }

    /// Tells the sampler of an agent, where it is one.
    fn note(&self, key: engine::JobKey, note: impl FnOnce(AgentIx) -> Note) {
        if let engine::Owner::Agent(ix) = key.owner {
            let note = match note(ix) {
                // It goes on, and waits for a lease: its silence is ours.
                Note::Thawed(ix) if self.turns.state.waits_for_lease(ix) => Note::Frozen(ix),
                note => note,
            };
            let notes = &self.turns.notes;
            notes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(note);
        }
    }

    fn carry_out(&mut self, command: Command) {
        let setup = self.turns.state.setup.clone();
        let name = |key| jobs::executor_key(&setup, key);
        match command {
            Command::Spawn { key, mode } => match self.turns.jobs.job(&self.turns.state, key, mode)
            {
                Ok(job) => {
                    self.starting += 1;
                    self.note(key, |ix| Note::Reserved(ix, self.turns.state.reserved(ix)));
                    self.turns.executor.spawn(job);
                }
                Err(error) => self.input(InputKind::SpawnFailed { key, error }),
            },
            Command::Terminate { key } => {
                if let Some(key) = name(key) {
                    self.turns.executor.terminate(key, self.turns.grace);
                }
            }
            Command::Freeze { key } => {
                self.note(key, Note::Frozen);
                if let Some(key) = name(key) {
                    self.turns.executor.freeze(key);
                }
            }
            Command::Thaw { key } => {
                self.note(key, |ix| {
                    if self.turns.state.waits_for_lease(ix) {
                        Note::Frozen(ix)
                    } else {
                        Note::Thawed(ix)
                    }
                });
                if let Some(key) = name(key) {
                    self.turns.executor.thaw(key);
                }
            }
            Command::Tell { key, message } => {
                if let Some((name, say)) = jobs::message(&self.turns.state, key, message) {
                    self.turns.executor.say(name, say);
                }
            }
            Command::Reply { key, number } => {
                if let Some((name, say)) = jobs::reply(&self.turns.state, key, number) {
                    self.turns.executor.say(name, say);
                }
            }
            Command::Prepare { .. }
            | Command::Collect { .. }
            | Command::Inspect { .. }
            | Command::Merge { .. }
            | Command::Advance { .. }
            | Command::Checkout
            | Command::CheckoutBase
            | Command::DropBase { .. }
            | Command::RollBack { .. }
            | Command::Deliver => {
                if let Some(refused) = self.turns.work.order(&self.turns.state, command) {
                    self.input(refused);
                }
            }
            Command::Unload { model } => {
                if let Some(refused) = self.turns.models.unload(model) {
                    self.input(refused);
                }
            }
            Command::Notify { id } => self.notify(id),
            Command::Finish { status } => self.status = Some(status),
        }
    }

    /// Tells a person that something waits, or carries on with that.
    fn notify(&mut self, id: u32) {
        let step = self.notices.tell(&self.turns.state, id, Instant::now());
        self.notice(step);
    }

    /// Does what follows for the notices.
    pub(super) fn notice(&mut self, step: Step) {
        if let Some(job) = step.start {
            self.turns.executor.spawn(job);
        }
        if let Some(error) = step.trouble {
            self.input(InputKind::NotTold { error });
        }
    }

    /// Ends a notice that takes too long.
    pub(super) fn notices_overdue(&mut self) {
        if let Some((key, grace)) = self.notices.overdue(Instant::now()) {
            self.turns.executor.terminate(key, grace);
        }
    }

    pub(super) fn answer(&mut self) {
        for (reply, seq) in self.replies.drain(..) {
            reply(Ok(seq));
        }
    }

    fn tell_records(&mut self, records: Vec<Record>) {
        if !self.clients.is_empty() && !records.is_empty() {
            self.tell(&News::Records(Arc::new(records)));
        }
    }

    pub(super) fn tell(&mut self, news: &News) {
        self.clients.retain_mut(|client| client.push(news));
    }
}
