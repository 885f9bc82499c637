//! Between the engine's conversations and the executor's: messages and answers out, words in.
//!
//! Must not decide: it only knows which text belongs to which number, and whose a path is.

use std::path::{Component, Path};

use crate::{
    agents::{ToolCall, ToolKind},
    conflict::scope::Scope,
    engine::{Boundary, Heard, InputKind, JobKey, Owner, State, Via, Words},
    executor::{self, Say},
    plan::AgentIx,
};

use super::{engine_key, executor_key};

fn talk_of(state: &State, key: JobKey) -> Option<&crate::engine::Talk> {
    let Owner::Agent(ix) = key.owner else {
        return None;
    };
    let agent = state.agent(ix);
    (agent.attempt == key.attempt).then_some(agent.talk.as_deref())?
}

/// A message for a running program, by its number.
#[must_use]
pub fn message(state: &State, key: JobKey, number: u32) -> Option<(executor::JobKey, Say)> {
    let name = executor_key(&state.setup, key)?;
    let mut messages = talk_of(state, key)?.messages.iter();
    let message = messages.find(|message| message.number == number)?;
    Some((name, Say::Message(number, message.text.clone())))
}

/// The answer to a question of a running program.
#[must_use]
pub fn reply(state: &State, key: JobKey, number: u32) -> Option<(executor::JobKey, Say)> {
    let name = executor_key(&state.setup, key)?;
    let (question, reply) = talk_of(state, key)?.replies.get(number as usize)?;
    Some((name, Say::Reply(question.clone(), reply.clone())))
}

/// What a program says, as an input; none where nothing follows from it.
#[must_use]
pub fn heard(state: &State, key: &executor::JobKey, heard: executor::Heard) -> Option<InputKind> {
    let key = engine_key(&state.setup, key)?;
    let (Owner::Agent(agent), None) = (key.owner, key.check) else {
        return None;
    };
    let heard = match heard {
        executor::Heard::Session { program, id, model } => Heard::Session { program, id, model },
        executor::Heard::Used(used) => Heard::Used(used),
        executor::Heard::Redacted(found) => Heard::Redacted(found),
        executor::Heard::Prompted(tokens, offered) => Heard::Prompted { tokens, offered },
        executor::Heard::Asked(question) => {
            let calls = question.call.as_ref();
            Heard::Asked {
                within: calls.is_some_and(|call| within(state, agent, call)),
                question: *question,
            }
        }
        executor::Heard::AskedNoMore(question) => Heard::AskedNoMore(question),
        executor::Heard::Silent(reason) => Heard::Silent { reason },
        executor::Heard::Told(number) => Heard::Told(number),
        executor::Heard::Verdict(why, reason) => Heard::Verdict { why, reason },
        executor::Heard::Limited(after_us, reason) => Heard::Limited { after_us, reason },
        executor::Heard::Plan(done, all, now) => {
            return Some(InputKind::Progress {
                agent,
                attempt: key.attempt,
                via: Via::Stream,
                said: Ok(Box::new(Words {
                    progress_percent: percent(done, all),
                    doing: now,
                    ..Words::default()
                })),
            });
        }
    };
    Some(InputKind::Heard {
        agent,
        attempt: key.attempt,
        heard: Box::new(heard),
    })
}

/// How much of a list is done, 0 to 100; none of an empty one.
fn percent(done: u32, all: u32) -> Option<u8> {
    let share = u64::from(done.min(all)) * 100;
    let share = share.checked_div(u64::from(all))?;
    u8::try_from(share).ok()
}

/// Whether what a program wants to do stays within its agent's scope and boundary.
fn within(state: &State, ix: AgentIx, call: &ToolCall) -> bool {
    let work = state.agent(ix).work.as_deref();
    match call.kind {
        ToolKind::Read | ToolKind::Search | ToolKind::Fetch | ToolKind::Delegate => true,
        // The kernel keeps a command from writing elsewhere, or nobody does.
        ToolKind::Run => work.is_some_and(|work| work.level == Boundary::Enforced),
        ToolKind::Other => false,
        ToolKind::Edit => {
            let Some(root) = work.map(|work| Path::new(&work.path)) else {
                return false;
            };
            let stated = state.setup.plan.agent(ix).scope.clone().unwrap_or_default();
            let Ok(scope) = Scope::new(&stated.write, &stated.read) else {
                return false;
            };
            !call.paths.is_empty()
                && call.paths.iter().all(|path| {
                    below(root, path)
                        .is_some_and(|path| scope.outside([path.as_bytes()]).is_empty())
                })
        }
    }
}

/// A path below a folder, as git writes it; none where it may lie elsewhere.
fn below(root: &Path, path: &str) -> Option<String> {
    let path = Path::new(path);
    let path = if path.is_absolute() {
        path.strip_prefix(root).ok()?
    } else {
        path
    };
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::CurDir => {}
            _ => return None,
        }
    }
    (!parts.is_empty() && parts[0] != ".git").then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_may_lie_elsewhere_is_not_below() {
        let root = Path::new("/w/api.1");
        assert_eq!(below(root, "src/a.rs").as_deref(), Some("src/a.rs"));
        assert_eq!(below(root, "./src/a.rs").as_deref(), Some("src/a.rs"));
        assert_eq!(below(root, "/w/api.1/x").as_deref(), Some("x"));
        for elsewhere in [
            "/etc/passwd",
            "../b",
            "src/../../b",
            "/w/api.10/x",
            ".git/hooks/x",
            "",
        ] {
            assert_eq!(below(root, elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn a_share_of_nothing_is_not_known() {
        assert_eq!(percent(0, 0), None);
        assert_eq!(percent(1, 3), Some(33));
        assert_eq!(percent(9, 3), Some(100));
    }
}
