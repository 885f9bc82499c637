//! Reports of agents reach the loop.
//!
//! Must not judge what is said.

use crate::{
    engine::{InputKind, Via, Words},
    plan::AgentId,
    runtime::intake::{Origin, who},
};

use super::{Reply, Running};

impl Running {
    pub(super) fn progress(
        &mut self,
        agent: &AgentId,
        attempt: u32,
        origin: Origin,
        via: Via,
        said: Result<Box<Words>, String>,
        reply: Reply,
    ) {
        let state = &self.turns.state;
        if state.finished.is_some() {
            return reply(Err("the run has ended".to_owned()));
        }
        match who(state, agent, attempt, origin) {
            Err(why) => reply(Err(why)),
            Ok(ix) => {
                self.input(InputKind::Progress {
                    agent: ix,
                    attempt,
                    via,
                    said,
                });
                // What was said already gives no event; it is known all the same.
                self.replies.push((reply, self.turns.state.seq));
            }
        }
    }
}
