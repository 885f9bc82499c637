//! Nothing starts once a budget is used up and not lifted, nor while the last minute has more tokens than
//! may be. Told from the journal alone: what was reported, and what the plan states.

use std::collections::{BTreeMap, BTreeSet};

use wavedeck::{
    engine::{Answer, AttentionKind, Cause, Event, Exit, Record, Setup, TalkEvent, WorkEvent},
    plan::AgentId,
};

const MINUTE_US: u64 = 60_000_000;

/// A live attempt: what the plan states for it, and what it said.
#[derive(Debug, Default)]
struct Live {
    stated: u64,
    said: u64,
    /// A person works in its session: what is used there is not known.
    opened: bool,
}

#[derive(Debug, Default)]
pub struct Budgets {
    live: BTreeMap<AgentId, Live>,
    /// Agents whose session opens with their next attempt.
    opens: BTreeSet<AgentId>,
    /// Of attempts that have ended.
    ended: u64,
    /// It was all used, or said to be.
    spent: bool,
    lifted: bool,
    /// When what was reported.
    reports: Vec<(u64, u64)>,
}

impl Budgets {
    /// Takes one record; says what is wrong with it.
    pub fn step(&mut self, setup: &Setup, record: &Record) -> Result<(), String> {
        let now = record.elapsed_us;
        let limits = &setup.plan.limits;
        match &record.event {
            Event::AgentScheduled { agent, mode, .. } => {
                let stated = setup.plan.agent(setup.by_id[agent]).modes[*mode as usize].tokens;
                let opened = self.opens.remove(agent);
                let live = Live {
                    stated,
                    said: 0,
                    opened,
                };
                self.live.insert(agent.clone(), live);
                if let Some(limit) = limits.tokens.filter(|_| !self.lifted) {
                    let live = self.live.values().map(|live| live.stated.max(live.said));
                    let charged = self.ended + live.sum::<u64>();
                    if self.spent || charged > limit {
                        return Err(format!("started with {charged} of {limit} tokens used"));
                    }
                }
                let recent = self.reports.iter().filter(|(at, _)| at + MINUTE_US > now);
                let recent: u64 = recent.map(|(_, tokens)| tokens).sum();
                if limits.tokens_per_minute.is_some_and(|limit| recent > limit) {
                    return Err(format!("started after {recent} tokens in a minute"));
                }
            }
            Event::AgentRetrying { agent, cause, .. } => {
                self.opens.remove(agent);
                if *cause == Cause::Opened {
                    self.opens.insert(agent.clone());
                }
            }
            Event::Work(work) if matches!(**work, WorkEvent::RollbackStarted { .. }) => {
                self.opens.retain(|agent| !setup.own(setup.by_id[agent]));
            }
            Event::Talk(talk) => {
                if let TalkEvent::Used { agent, used, .. } = talk.as_ref()
                    && let Some(live) = self.live.get_mut(agent)
                {
                    self.reports.push((now, used.tokens() - live.said));
                    live.said = used.tokens();
                }
                if let TalkEvent::BudgetSpent {
                    used, limit, asked, ..
                } = talk.as_ref()
                {
                    if *used != self.used() || (asked.is_none() && used < limit) {
                        return Err(format!("{} are used, not {used}", self.used()));
                    }
                    self.spent = true;
                }
            }
            Event::AttemptEnded { agent, exit, .. } => {
                if let Some(live) = self.live.remove(agent) {
                    let ran =
                        !matches!(exit, Exit::SpawnError(_) | Exit::Refused(_)) && !live.opened;
                    self.ended += if live.said == 0 && ran {
                        live.stated
                    } else {
                        live.said
                    };
                }
            }
            Event::AttentionAnswered(answered)
                if answered.attention == AttentionKind::Budget
                    && answered.answer == Some(Answer::Yes) =>
            {
                if !self.spent {
                    return Err("lifted, and was not used up".to_owned());
                }
                self.lifted = true;
            }
            Event::AttentionRaised(raised)
                if raised.attention == AttentionKind::Budget && (!self.spent || self.lifted) =>
            {
                return Err("asks, and nothing is used up".to_owned());
            }
            _ => {}
        }
        self.spent |= limits.tokens.is_some_and(|limit| self.used() >= limit);
        Ok(())
    }

    /// Whether nothing may start because of it.
    pub fn stands(&self) -> bool {
        self.spent && !self.lifted
    }

    fn used(&self) -> u64 {
        self.ended + self.live.values().map(|live| live.said).sum::<u64>()
    }
}
