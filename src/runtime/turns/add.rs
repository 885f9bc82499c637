//! Agents that are added: one turn, and its answer.
//!
//! Must not read what was wanted: that was done before.

use crate::engine::{Extension, InputKind, refuses_extension};

use super::{Reply, Running};

impl Running {
    pub(super) fn add(&mut self, by: String, extension: Box<Extension>, reply: Reply) {
        let before = self.turns.state.seq;
        let wanted = extension.clone();
        self.input(InputKind::Extend { by, extension });
        if self.turns.state.seq > before {
            self.replies.push((reply, before + 1));
            return;
        }
        let why = refuses_extension(&self.turns.state, &wanted);
        reply(Err(why.unwrap_or_else(|| "the run has ended".to_owned())));
    }
}
