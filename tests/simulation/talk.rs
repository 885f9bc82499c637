//! What is told reaches an agent once and before it is done; what is asked is answered or ends with its
//! attempt; nothing starts with a provider that takes no more. Told from the journal alone.

use std::collections::{BTreeMap, BTreeSet};

use wavedeck::{
    engine::{Action, Cause, Event, Record, Setup, TalkEvent, WorkEvent},
    plan::AgentId,
};

#[derive(Debug, Default)]
pub struct Talks {
    /// Messages that have not arrived, by agent.
    waiting: BTreeMap<AgentId, BTreeSet<u32>>,
    /// Open questions, by agent.
    asks: BTreeMap<AgentId, BTreeSet<String>>,
    /// Attempts that hold a process.
    live: BTreeMap<AgentId, u32>,
    /// Agents whose session opens with their next attempt.
    opens: BTreeSet<AgentId>,
    /// Agents whose session somebody wants to work in.
    wished: BTreeSet<AgentId>,
    /// Attempts in which a person works in the session.
    opened: BTreeMap<AgentId, u32>,
    /// Providers that take no more.
    limited: BTreeMap<String, u64>,
    last: u32,
}

impl Talks {
    /// Takes one record; says what is wrong with it.
    pub fn step(&mut self, setup: &Setup, record: &Record) -> Result<(), String> {
        match &record.event {
            Event::OperatorAction {
                action: Action::Tell { .. },
                agents,
                ..
            } => {
                for agent in agents {
                    self.last += 1;
                    self.waiting
                        .entry(agent.clone())
                        .or_default()
                        .insert(self.last);
                }
            }
            Event::OperatorAction {
                action: action @ (Action::Open { .. } | Action::Close { .. }),
                agents,
                ..
            } => {
                for agent in agents {
                    match action {
                        Action::Open { .. } => self.wished.insert(agent.clone()),
                        _ => self.wished.remove(agent),
                    };
                }
            }
            Event::AgentStopped { agent, .. } | Event::AgentFailed { agent, .. } => {
                self.wished.remove(agent);
            }
            Event::AgentRetrying { agent, cause, .. } => {
                self.opens.remove(agent);
                if *cause == Cause::Opened {
                    self.opens.insert(agent.clone());
                    if !self.wished.remove(agent) {
                        return Err("opened, and nobody wants to work in it".to_owned());
                    }
                }
            }
            Event::AgentTimeout { agent, attempt, .. }
                if self.opened.get(agent) == Some(attempt) =>
            {
                return Err("a person has run out of time".to_owned());
            }
            Event::AgentScheduled {
                agent,
                attempt,
                mode,
                ..
            } => {
                self.live.insert(agent.clone(), *attempt);
                self.opened.remove(agent);
                if self.opens.remove(agent) {
                    self.opened.insert(agent.clone(), *attempt);
                }
                let ix = setup.by_id[agent];
                let mode = &setup.plan.agent(ix).modes[*mode as usize];
                let worker = mode.worker.map(|w| &setup.plan.workers[w.ix()]);
                if let Some(provider) = worker.and_then(|w| w.provider())
                    && self.limited.contains_key(provider)
                {
                    return Err("started with a provider that takes no more".to_owned());
                }
            }
            Event::AttemptEnded { agent, .. } => {
                self.live.remove(agent);
                self.asks.remove(agent);
            }
            Event::AgentCompleted { agent, .. } => {
                let left = self.waiting.get(agent).is_some_and(|w| !w.is_empty());
                if left {
                    return Err("done, and was not told what it was to be told".to_owned());
                }
            }
            Event::Work(work) if matches!(**work, WorkEvent::RollbackStarted { .. }) => {
                self.opens.retain(|agent| !setup.own(setup.by_id[agent]));
            }
            Event::Talk(talk) => return self.talk(talk, record.elapsed_us),
            _ => {}
        }
        Ok(())
    }

    fn talk(&mut self, talk: &TalkEvent, now_us: u64) -> Result<(), String> {
        match talk {
            TalkEvent::Asked {
                agent, question, ..
            } => {
                if !self.live.contains_key(agent) {
                    return Err("asked by nobody".to_owned());
                }
                let asks = self.asks.entry(agent.clone()).or_default();
                if !asks.insert(question.clone()) {
                    return Err("asked twice".to_owned());
                }
            }
            TalkEvent::Answered {
                agent, question, ..
            } => {
                let asks = self.asks.entry(agent.clone()).or_default();
                if !asks.remove(question) {
                    return Err("answered, and was not asked".to_owned());
                }
            }
            TalkEvent::Told {
                agent, messages, ..
            } => {
                if self.opened.contains_key(agent) && self.live.contains_key(agent) {
                    return Err("told while a person works in its session".to_owned());
                }
                let waiting = self.waiting.entry(agent.clone()).or_default();
                if messages.is_empty() || !messages.iter().all(|m| waiting.remove(m)) {
                    return Err("told twice, or not to be told".to_owned());
                }
            }
            TalkEvent::Limited {
                provider, until_us, ..
            } => {
                self.limited.insert(provider.clone(), *until_us);
            }
            TalkEvent::Unlimited { provider } => {
                let until = self.limited.remove(provider);
                if until.is_none_or(|until| until > now_us) {
                    return Err("takes work again before its time".to_owned());
                }
            }
            TalkEvent::Chosen { .. }
            | TalkEvent::Session { .. }
            | TalkEvent::Used { .. }
            | TalkEvent::Silent { .. }
            | TalkEvent::Prompted { .. }
            | TalkEvent::Redacted { .. }
            | TalkEvent::BudgetWarned { .. }
            | TalkEvent::BudgetSpent { .. }
            | TalkEvent::RateReached { .. }
            | TalkEvent::RateRecovered { .. }
            | TalkEvent::Verdict { .. } => {}
        }
        Ok(())
    }
}
