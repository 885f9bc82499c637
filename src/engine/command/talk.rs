//! What conversations ask for: a program is told something, answered, or ended so that somebody else goes on.
//!
//! Must not decide.

use super::{Command, main_key};
use crate::{
    engine::{Ending, State, TalkEvent},
    plan::AgentIx,
};

/// What an answer asks for: it is carried to the program, or that is ended.
pub(super) fn of_talk(state: &State, talk: &TalkEvent, ix: AgentIx) -> Vec<Command> {
    let key = main_key(state, ix);
    if matches!(talk, TalkEvent::Silent { .. }) {
        return vec![Command::Terminate { key }];
    }
    let TalkEvent::Answered { reply, fails, .. } = talk else {
        return Vec::new();
    };
    if state.agent(ix).live.is_none() {
        return Vec::new();
    }
    if *fails {
        return vec![Command::Terminate { key }];
    }
    let replies = (state.agent(ix).talk.as_ref()).map_or(0, |talk| talk.replies.len());
    match (reply, replies.checked_sub(1).map(u32::try_from)) {
        (Some(_), Some(Ok(number))) => vec![Command::Reply { key, number }],
        _ => Vec::new(),
    }
}

/// What a message asks for: its program is told, or ended so that it goes on with it; where it does not
/// run, its next attempt begins with it.
pub(super) fn of_tell(state: &State, ix: AgentIx, now: bool) -> Option<Command> {
    let key = main_key(state, ix);
    let agent = state.agent(ix);
    let live = agent.live.as_ref().filter(|live| live.handle.is_some())?;
    if now && live.ending == Some(Ending::Told) {
        return Some(Command::Terminate { key });
    }
    // A person types there: it is told when that one is done.
    if agent.opened() {
        return None;
    }
    let message = agent.talk.as_ref()?.messages.last()?.number;
    live.ending
        .is_none()
        .then_some(Command::Tell { key, message })
}

/// What opening a session at once, or handing one back, asks for: the program that holds it is ended.
pub(super) fn of_session(state: &State, ix: AgentIx) -> Option<Command> {
    let live = state.agent(ix).live.as_ref()?;
    let ends = matches!(live.ending, Some(Ending::Opened | Ending::Closed));
    let key = main_key(state, ix);
    (ends && live.handle.is_some()).then_some(Command::Terminate { key })
}
