//! Commands inside of agents that ask for leases reach the loop, and hear from it.
//!
//! Must not decide who gets one.

use std::sync::PoisonError;

use crate::{
    engine::{InputKind, Status},
    executor,
    runtime::{
        leases::{Request, tell},
        protocol::LeaseNote,
    },
};

use super::{Note, Running};

impl Running {
    /// One asks.
    pub(super) fn lease(&mut self, request: Request) {
        let Request {
            agent,
            attempt,
            name,
            below,
            stream,
            process,
        } = request;
        let number = self.turns.state.leases.last.saturating_add(1);
        self.input(InputKind::LeaseAsked {
            agent,
            attempt,
            number,
            name,
            below,
        });
        if self.turns.state.lease(number).is_none() {
            let why = Some("its agent has ended, or waits for too many".to_owned());
            return tell(&stream, LeaseNote::Refused { why });
        }
        // Where its end cannot be told, it is as if it had ended: it runs without.
        if self.turns.leases.add(number, stream, process).is_err() {
            self.input(InputKind::LeaseEnded { number });
        }
    }

    /// Tells those that wait what has changed, and lets the clocks of their agents stand or go on.
    pub(super) fn look_at_leases(&mut self) {
        let state = &self.turns.state;
        let changed = self.turns.leases.look(state, &self.turns.figures);
        let reserved = self.turns.leases.reserved(state);
        if changed.is_empty() && reserved.is_empty() {
            return;
        }
        let views = self.turns.executor.views();
        let notes = &self.turns.notes;
        let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = reserved.into_iter();
        notes.extend(bytes.map(|(ix, bytes)| Note::Reserved(ix, bytes)));
        for (ix, waits) in changed {
            let frozen = state.agent(ix).status == Status::Frozen;
            notes.push(if waits || frozen {
                Note::Frozen(ix)
            } else {
                Note::Thawed(ix)
            });
            let id = &state.setup.plan.agent(ix).id;
            let own = |view: &&std::sync::Arc<executor::JobView>| {
                let agent = &view.key.owner;
                let main = view.key.kind == executor::JobKind::Main;
                main && matches!(agent, executor::Owner::Agent(agent) if agent == id)
            };
            for view in views.iter().filter(own) {
                view.stand(waits);
            }
        }
    }
}
