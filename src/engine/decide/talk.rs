//! What agent programs say: sessions, tokens, questions; and the answers that need no person.
//!
//! Must not interpret a program's words: drivers did. What is told of an attempt that is over is dropped.

use crate::{
    agents::{Ask, Question, Used, Why},
    engine::{
        AgentState, Answer, Asking, Event, Heard, Relief, Replied, Scarce, State, Status,
        TalkEvent, ToldBy,
    },
    plan::AgentIx,
};

pub(super) fn heard(
    state: &State,
    ix: AgentIx,
    attempt: u32,
    heard: &Heard,
    now_us: u64,
) -> Vec<Event> {
    let Some(agent) = state.agents.get(ix.ix()) else {
        return Vec::new();
    };
    if agent.attempt != attempt || agent.live.is_none() {
        return Vec::new();
    }
    let talk = agent.talk.as_deref();
    let id = state.id(ix);
    let event = match heard {
        Heard::Session {
            program,
            id: session,
            model,
        } => {
            let known = talk.and_then(|talk| talk.session.as_ref());
            let spoke = talk.is_some_and(|talk| talk.spoke);
            if spoke && known.is_some_and(|known| known.id == *session && known.model == *model) {
                return Vec::new();
            }
            TalkEvent::Session {
                agent: id,
                attempt,
                program: program.clone(),
                session: session.clone(),
                model: model.clone(),
            }
        }
        Heard::Used(used) => {
            let known = talk.map_or_else(Used::default, |talk| talk.used);
            // Never less than was said before.
            if known == *used || used.tokens() < known.tokens() {
                return Vec::new();
            }
            TalkEvent::Used {
                agent: id,
                attempt,
                used: *used,
                computed_microusd: match used.cost_microusd {
                    Some(_) => None,
                    None => computed(state, ix, used),
                },
            }
        }
        Heard::Asked { question, within } => {
            let known =
                talk.is_some_and(|talk| talk.asks.iter().any(|ask| ask.question == question.id));
            if known {
                return Vec::new();
            }
            let mut events = vec![Event::from(TalkEvent::Asked {
                agent: id.clone(),
                attempt,
                question: question.id.clone(),
                text: wording(
                    question,
                    state
                        .agent(ix)
                        .work
                        .as_deref()
                        .map(|work| work.path.as_str()),
                ),
                tool: question.call.as_ref().map(|call| call.tool.clone()),
                options: question.options.clone(),
            })];
            let (reply, fails) = match by_rule(state, ix, question, *within) {
                Some(ByRule::Allow) => (Replied::Allowed, false),
                Some(ByRule::Fail) => (Replied::Denied, true),
                None => return events,
            };
            let answered = TalkEvent::Answered {
                agent: id,
                attempt,
                question: question.id.clone(),
                reply: Some(reply),
                text: if fails {
                    NOBODY.to_owned()
                } else {
                    String::new()
                },
                by: "rule".to_owned(),
                fails,
            };
            events.push(answered.into());
            return events;
        }
        Heard::AskedNoMore(question) => {
            let open = talk.is_some_and(|t| t.asks.iter().any(|ask| ask.question == *question));
            if !open {
                return Vec::new();
            }
            TalkEvent::Answered {
                agent: id,
                attempt,
                question: question.clone(),
                reply: None,
                text: String::new(),
                by: "engine".to_owned(),
                fails: false,
            }
        }
        Heard::Told(number) => {
            let open = talk.is_some_and(|t| t.messages.iter().any(|m| m.number == *number));
            if !open {
                return Vec::new();
            }
            TalkEvent::Told {
                agent: id,
                attempt,
                messages: vec![*number],
                how: ToldBy::Live,
            }
        }
        Heard::Limited { after_us, reason } => {
            return limited(state, ix, *after_us, reason, now_us)
                .into_iter()
                .collect();
        }
        // Stopped, it can say nothing; and what waits for an answer is patient.
        Heard::Silent { reason } => {
            let ending = agent.live.as_ref().is_none_or(|live| live.ending.is_some());
            if agent.status != Status::Running || ending || state.clock_stands(ix) {
                return Vec::new();
            }
            TalkEvent::Silent {
                agent: id,
                attempt,
                reason: reason.clone(),
            }
        }
        Heard::Redacted(found) => TalkEvent::Redacted {
            agent: id,
            attempt,
            found: *found,
        },
        Heard::Prompted {
            tokens,
            offered,
            full,
        } => TalkEvent::Prompted {
            agent: id,
            attempt,
            tokens: *tokens,
            offered: *offered,
            full: *full,
        },
        Heard::Verdict { why, reason } => TalkEvent::Verdict {
            agent: id,
            attempt,
            why: *why,
            reason: reason.clone(),
        },
    };
    vec![event.into()]
}

/// What tokens cost by the list prices of the model that answers, or else of the one that the plan names.
fn computed(state: &State, ix: AgentIx, used: &Used) -> Option<u64> {
    let setup = &state.setup;
    let agent = state.agent(ix);
    let session = agent.talk.as_ref().and_then(|talk| talk.session.as_ref());
    let said = session.and_then(|session| session.model.as_deref());
    let worker = setup.mode(ix, agent.mode).worker;
    let stated = worker.and_then(|worker| setup.plan.workers[worker.ix()].model.as_deref());
    setup.prices.cost(said.or(stated)?, used)
}

/// First pause of a provider that does not say how long; it doubles with each refusal in a row.
const PAUSE_US: u64 = 15 * 1_000_000;
/// Longest pause, unless the provider says a longer one.
const LONGEST_PAUSE_US: u64 = 900 * 1_000_000;
/// Longest pause that is believed: a window of a month. Who is told of a longer one is asked again after it.
const BELIEVED_US: u64 = 32 * 86_400 * 1_000_000;

/// Nothing more is started with a provider that refuses, until that is over. One that refuses several
/// agents at once is told of once.
fn limited(
    state: &State,
    ix: AgentIx,
    after_us: Option<u64>,
    reason: &str,
    now_us: u64,
) -> Option<Event> {
    let agent = state.agent(ix);
    let provider = state.provider(ix, agent.mode)?;
    let known = state.limited(provider);
    let times = state.limits.get(provider).map_or(0, |limit| limit.times);
    let stated = after_us.filter(|us| *us > 0);
    let stated = stated.map(|us| us.min(BELIEVED_US));
    if stated.is_none() && known.is_some() {
        return None;
    }
    let pause = stated.unwrap_or_else(|| {
        let doubled = PAUSE_US.saturating_mul(1_u64.checked_shl(times.min(20)).unwrap_or(1));
        doubled.min(LONGEST_PAUSE_US)
    });
    let until_us = now_us.saturating_add(pause);
    if known.is_some_and(|known| known.until_us >= until_us) {
        return None;
    }
    // An eighth more, so that it holds for those too who are refused a little later, and up to another one, so
    // that several runs do not come back together; drawn from the event's own number, so that the same inputs
    // give the same decisions.
    let jitter = pause / 8 + pause / 8 * (state.seq.wrapping_mul(0x9e37_79b9) >> 3 & 0xff) / 256;
    let until_us = until_us.saturating_add(jitter);
    let event = TalkEvent::Limited {
        agent: state.id(ix),
        attempt: agent.attempt,
        provider: provider.to_owned(),
        until_us,
        reason: reason.to_owned(),
        resource: Scarce::ApiTokens,
        strategy: Relief::BatchAgents,
    };
    Some(event.into())
}

/// Providers whose pause is over.
pub(super) fn over(state: &State, now_us: u64) -> impl Iterator<Item = Event> {
    let over = state
        .limits
        .iter()
        .filter(move |(_, limit)| limit.until_us > 0 && limit.until_us <= now_us);
    over.map(|(provider, _)| {
        let provider = provider.clone();
        TalkEvent::Unlimited { provider }.into()
    })
}

/// A question in words: with what it is about. A path in the agent's workspace, which is long and always begins
/// alike, is named from there.
fn wording(question: &Question, workspace: Option<&str>) -> String {
    let text = match &question.call {
        Some(call) if !call.what.is_empty() && !question.text.contains(&call.what) => {
            format!("{} {}", question.text, call.what)
        }
        _ => question.text.clone(),
    };
    match workspace.filter(|path| path.len() > 1) {
        Some(path) => text.replace(&format!("{path}/"), "./"),
        None => text,
    }
}

/// An answer that needs no person.
enum ByRule {
    /// It may: an earlier answer covers it, or the plan does.
    Allow,
    /// Nobody is there, and the plan says that it fails then.
    Fail,
}

fn by_rule(state: &State, ix: AgentIx, question: &Question, within: bool) -> Option<ByRule> {
    let plan = state.setup.plan.agent(ix);
    if let Some(call) = &question.call {
        let talk = state.agent(ix).talk.as_ref();
        let allowed = talk.is_some_and(|talk| talk.allowed.contains(&call.tool));
        let by_plan = match plan.ask {
            Ask::Never => true,
            Ask::Outside => within,
            Ask::Always => false,
        };
        if allowed || by_plan {
            return Some(ByRule::Allow);
        }
    }
    (plan.fails_when_asking && !state.setup.attended).then_some(ByRule::Fail)
}

/// A person's answer to the oldest question of an agent, and to others that it covers.
pub(super) fn replied(
    state: &State,
    ix: AgentIx,
    (answer, text): (Answer, Option<&str>),
    by: &str,
) -> Vec<Event> {
    let agent = state.agent(ix);
    let Some(asks) = agent.talk.as_ref().map(|talk| &talk.asks) else {
        return Vec::new();
    };
    let Some(first) = asks.first() else {
        return Vec::new();
    };
    let reply = match answer {
        Answer::Yes | Answer::Always => Replied::Allowed,
        Answer::Say => Replied::Said,
        _ => Replied::Denied,
    };
    let same = |ask: &&Asking| {
        ask.question == first.question || (answer == Answer::Always && ask.tool == first.tool)
    };
    let answered = asks.iter().filter(same).map(|ask| {
        TalkEvent::Answered {
            agent: state.id(ix),
            attempt: agent.attempt,
            question: ask.question.clone(),
            reply: Some(reply),
            text: text.unwrap_or_default().to_owned(),
            by: by.to_owned(),
            fails: false,
        }
        .into()
    });
    answered.collect()
}

/// What an agent is told where nobody is there to answer.
pub(super) const NOBODY: &str = "nobody is there to answer: the plan says `on_ask = \"fail\"`";

/// The messages that an attempt began with have reached it.
pub(super) fn told_by_turn(state: &State, ix: AgentIx) -> Option<Event> {
    let agent = state.agent(ix);
    let talk = agent
        .talk
        .as_ref()
        .filter(|talk| !talk.carried.is_empty())?;
    Some(
        TalkEvent::Told {
            agent: state.id(ix),
            attempt: agent.attempt,
            messages: talk.carried.clone(),
            how: ToldBy::Turn,
        }
        .into(),
    )
}

/// Whether something waits to be told to an agent whose turn has ended well.
pub(super) fn more_to_tell(state: &State, ix: AgentIx) -> bool {
    let agent = state.agent(ix);
    agent.status == Status::Settling
        && (agent.talk.as_ref()).is_some_and(|talk| !talk.messages.is_empty())
}

/// How long an agent that its provider refused stays away: until that is over, and up to a quarter more, for each
/// agent another time, so that those who were refused together do not come back together.
pub(super) fn away_us(state: &State, ix: AgentIx) -> Option<u64> {
    let provider = state.provider(ix, state.agent(ix).mode)?;
    let left = (state.limited(provider)?.until_us).saturating_sub(state.elapsed_us);
    // Multiples of the golden ratio lie far from each other, however many there are.
    let place = u64::from(ix.0).wrapping_mul(0x9e37_79b9) >> 24 & 0xff;
    Some(left.saturating_add(left / 4 * place / 256))
}

/// Whether a person wants to work in the session of an agent whose turn has ended.
pub(super) fn session_wished(agent: &AgentState) -> bool {
    (agent.talk.as_ref()).is_some_and(|talk| talk.wished.is_some() && talk.session.is_some())
}

/// Whether an attempt was to go on with a session and ended before its program had named it. Where its provider
/// took no more, that says nothing about the session.
pub(super) fn lost_session(state: &State, ix: AgentIx) -> bool {
    let talk = state.agent(ix).talk.as_ref();
    talk.is_some_and(|talk| {
        let refused = matches!(talk.verdict, Some((Some(Why::Limited), _)));
        talk.went_on && talk.session.is_some() && !talk.spoke && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::{ToolCall, ToolKind};

    #[test]
    fn a_question_names_a_file_from_the_workspace_on() {
        let path = "/state/work/repo/api.1/src/a.rs";
        let question = Question {
            id: "1".to_owned(),
            text: "may it use Write?".to_owned(),
            call: Some(ToolCall {
                id: String::new(),
                kind: ToolKind::Edit,
                tool: "Write".to_owned(),
                what: path.to_owned(),
                paths: vec![path.to_owned()],
                diff: None,
            }),
            options: Vec::new(),
        };
        let here = Some("/state/work/repo/api.1");
        assert_eq!(wording(&question, here), "may it use Write? ./src/a.rs");
        for other in [None, Some(""), Some("/"), Some("/state/work/repo/api")] {
            let text = wording(&question, other);
            assert_eq!(text, format!("may it use Write? {path}"), "{other:?}");
        }
    }
}
