//! Conversations with agent programs: sessions, tokens, questions, messages.
//!
//! Must not decide: the events name what was said and answered.

use crate::{
    agents::{Reply, Used},
    engine::{
        Asking, AttemptEnd, Cause, Choice, Ending, HoldBy, Message, Owner, Replied, Session, State,
        Status, Talk, TalkEvent, WorkStage, state::pack,
    },
    plan::AgentIx,
};

impl State {
    pub(super) fn talk(&mut self, event: &TalkEvent, now: u64) {
        if let TalkEvent::Unlimited { provider } = event
            && let Some(limit) = self.limits.get_mut(provider)
        {
            limit.until_us = 0;
        }
        self.spending(event, now);
        let Some(ix) = event.agent().and_then(|agent| self.find(agent)) else {
            return;
        };
        match event {
            TalkEvent::Chosen {
                capability,
                worker,
                among,
                ..
            } => {
                self.talk_of(ix).choice = Some(Choice {
                    capability: capability.clone(),
                    worker: worker.clone(),
                    among: among.clone(),
                });
            }
            TalkEvent::Session {
                program,
                session,
                model,
                ..
            } => {
                let talk = self.talk_of(ix);
                if talk
                    .session
                    .as_ref()
                    .is_some_and(|known| known.id != *session)
                {
                    talk.of_session = Used::default();
                }
                talk.spoke = true;
                talk.session = Some(Session {
                    program: program.clone(),
                    id: session.clone(),
                    model: model.clone(),
                });
            }
            TalkEvent::Used {
                used,
                computed_microusd,
                ..
            } => self.used(ix, *used, *computed_microusd, now),
            TalkEvent::Prompted {
                tokens,
                offered,
                full,
                ..
            } => {
                let (told, all) = &mut self.talk_of(ix).prompted;
                *told = told.saturating_add(*tokens);
                *all = all.saturating_add(*(full.max(offered)));
            }
            TalkEvent::Redacted { found, .. } => {
                self.redacted = self.redacted.saturating_add(*found);
            }
            TalkEvent::Asked {
                question,
                text,
                tool,
                options,
                ..
            } => {
                let clock = self.clock_us(ix, now);
                if self.agent(ix).status == Status::Running && !self.agent(ix).asking() {
                    self.disarm(ix);
                }
                if let Some(live) = &mut self.agents[ix.ix()].live {
                    live.clock_us = clock;
                }
                self.talk_of(ix).asks.push(Asking {
                    question: question.clone(),
                    text: text.clone(),
                    tool: tool.clone(),
                    options: options.clone(),
                    since_us: now,
                });
                self.attention.due.insert(pack(Owner::Agent(ix)));
            }
            TalkEvent::Answered {
                question,
                reply,
                text,
                fails,
                ..
            } => {
                if *fails && let Some(live) = &mut self.agents[ix.ix()].live {
                    live.ending.get_or_insert(Ending::Unanswered);
                }
                let talk = self.talk_of(ix);
                talk.asks.retain(|ask| ask.question != *question);
                if let Some(reply) = reply {
                    let reply = match reply {
                        Replied::Allowed => Reply::Allow,
                        Replied::Denied => Reply::Deny(text.clone()),
                        Replied::Said => Reply::Text(text.clone()),
                    };
                    talk.replies.push((question.clone(), reply));
                }
                self.attention.due.insert(pack(Owner::Agent(ix)));
                self.go_on_after_answer(ix, now);
            }
            TalkEvent::Told { messages, .. } => {
                let talk = self.talk_of(ix);
                talk.messages.retain(|m| !messages.contains(&m.number));
                talk.carried.clear();
            }
            TalkEvent::Limited {
                provider,
                until_us,
                reason,
                ..
            } => {
                let limit = self.limits.entry(provider.clone()).or_default();
                // What comes while it refuses anyway is no further time.
                if limit.until_us == 0 {
                    limit.times = limit.times.saturating_add(1);
                }
                limit.until_us = *until_us;
                limit.reason.clone_from(reason);
            }
            TalkEvent::Silent { reason, .. } => {
                self.talk_of(ix).silent = Some(reason.clone());
                if let Some(live) = &mut self.agents[ix.ix()].live {
                    live.ending.get_or_insert(Ending::Silent);
                }
            }
            TalkEvent::Unlimited { .. }
            | TalkEvent::BudgetWarned { .. }
            | TalkEvent::BudgetSpent { .. }
            | TalkEvent::RateReached { .. }
            | TalkEvent::RateRecovered { .. } => {}
            TalkEvent::Verdict { why: None, .. } => {
                if let Some(provider) = self.provider(ix, self.agent(ix).mode)
                    && let Some(limit) = self.limits.get(provider)
                    && limit.until_us == 0
                {
                    let provider = provider.to_owned();
                    self.limits.remove(&provider);
                }
                self.talk_of(ix).verdict = Some((None, String::new()));
            }
            TalkEvent::Verdict { why, reason, .. } => {
                self.talk_of(ix).verdict = Some((*why, reason.clone()));
            }
        }
    }

    /// An agent's conversation; there is one from the first word on.
    pub(super) fn talk_of(&mut self, ix: AgentIx) -> &mut Talk {
        let rolled = self.merges.rollbacks;
        let talk = &mut self.agents[ix.ix()].talk;
        talk.get_or_insert_with(|| {
            Box::new(Talk {
                rolled,
                ..Talk::default()
            })
        })
    }

    /// A person lets an agent use the tool that it asks for, whenever it wants to.
    pub(super) fn allow_always(&mut self, owner: Option<Owner>) {
        if let Some(Owner::Agent(ix)) = owner
            && let Some(talk) = &mut self.agents[ix.ix()].talk
            && let Some(tool) = talk.asks.first().and_then(|ask| ask.tool.clone())
            && !talk.allowed.contains(&tool)
        {
            talk.allowed.push(tool);
        }
    }

    /// Its clock runs again once all is answered.
    fn go_on_after_answer(&mut self, ix: AgentIx, now: u64) {
        if self.agent(ix).status != Status::Running || self.clock_stands(ix) {
            return;
        }
        if let Some(live) = &mut self.agents[ix.ix()].live {
            live.clock_from_us = now;
        }
        self.arm(ix, now);
    }

    /// An attempt begins: what it goes on with is settled here.
    pub(super) fn talk_begins(&mut self, ix: AgentIx, attempt: u32) {
        let lost =
            self.setup.own(ix) && (self.agent(ix).work.is_none() || self.before_rollback(ix));
        let rolled = self.merges.rollbacks;
        let Some(talk) = &mut self.agents[ix.ix()].talk else {
            return;
        };
        talk.before = talk.all_used();
        talk.cost_before = talk.cost();
        talk.computed_microusd = None;
        talk.of_session = talk.of_session.and(talk.used);
        talk.used = Used::default();
        talk.verdict = None;
        talk.spoke = false;
        talk.silent = None;
        talk.replies.clear();
        talk.went_on = std::mem::take(&mut talk.goes_on) && !lost;
        if !talk.went_on {
            talk.session = None;
            talk.of_session = Used::default();
            talk.home = attempt;
            talk.rolled = rolled;
            // Its session is lost: whoever wished it sees the agent go on anew, and does not get another.
            if talk.why.take() == Some(Cause::Opened) {
                talk.wished = None;
            }
        }
        talk.opened = talk.went_on && talk.why == Some(Cause::Opened) && talk.session.is_some();
        talk.carried.clear();
        if talk.opened {
            talk.wished = None;
        } else {
            let numbers = talk.messages.iter().map(|m| m.number);
            talk.carried.extend(numbers);
        }
    }

    /// An attempt has ended: nobody is there to be answered.
    pub(super) fn talk_ends(&mut self, ix: AgentIx) {
        if let Some(talk) = &mut self.agents[ix.ix()].talk {
            talk.carried.clear();
            talk.replies.clear();
            if !talk.asks.is_empty() {
                talk.asks.clear();
                self.attention.due.insert(pack(Owner::Agent(ix)));
            }
        }
    }

    /// Another attempt follows: whether it goes on where this one was.
    pub(super) fn talk_again(&mut self, ix: AgentIx, cause: Cause) {
        let goes_on = match cause {
            Cause::Told | Cause::Swap | Cause::Parked => true,
            // The session is lost, the work is not.
            Cause::Anew => {
                self.talk_of(ix).session = None;
                true
            }
            // Cut off in the middle: a session is gone on with, a program without one begins anew.
            Cause::Interrupted
            | Cause::Preempted
            | Cause::Limited
            | Cause::Opened
            | Cause::Returned => self.agents[ix.ix()]
                .talk
                .as_ref()
                .is_some_and(|talk| talk.session.is_some()),
            _ => false,
        };
        let ended = self.agent(ix).last.as_ref().map(|last| last.attempt);
        let open = self.agent(ix).work.as_ref().is_none_or(|work| {
            // A person goes on with what was collected too: it is collected anew then.
            let last = if cause == Cause::Opened {
                WorkStage::Queued
            } else {
                WorkStage::Open
            };
            !work.path.is_empty() && work.stage <= last
        });
        let prompt = matches!(self.setup.plan.agent(ix).work, crate::plan::Work::Prompt(_));
        let attempt = self.agent(ix).attempt;
        if goes_on && open && prompt && ended == Some(attempt) {
            let home = self.agent(ix).home();
            let well = self.ended_well(ix);
            let talk = self.talk_of(ix);
            talk.goes_on = true;
            talk.well = well && cause == Cause::Opened;
            talk.why = Some(cause);
            talk.home = home;
        } else if let Some(talk) = &mut self.agents[ix.ix()].talk {
            talk.goes_on = false;
        }
    }

    /// Whether the last turn of an agent's program ended well, as far as exit and program say; where a
    /// person worked in its session since, whether that turn had.
    fn ended_well(&self, ix: AgentIx) -> bool {
        let agent = self.agent(ix);
        let talk = agent.talk.as_ref();
        if let Some(talk) = talk.filter(|talk| talk.opened) {
            return talk.well;
        }
        let refused = talk.is_some_and(|t| matches!(t.verdict, Some((Some(_), _))));
        let ended = |last: &AttemptEnd| last.ending.is_none() && last.exit.ok();
        !refused && agent.last.as_ref().is_some_and(ended)
    }

    /// A person wants to work in the session of an agent.
    pub(super) fn open_session(&mut self, ix: AgentIx, by: &str, now: bool) {
        let agent = &mut self.agents[ix.ix()];
        let Some(live) = &mut agent.live else {
            return;
        };
        if now {
            live.ending.get_or_insert(Ending::Opened);
        }
        self.talk_of(ix).wished = Some(by.to_owned());
    }

    /// A person hands an open session back, or wants it no more.
    pub(super) fn close_session(&mut self, ix: AgentIx) {
        self.talk_of(ix).wished = None;
        let agent = &mut self.agents[ix.ix()];
        let opened = agent.opened();
        if let Some(live) = &mut agent.live
            && opened
        {
            live.ending.get_or_insert(Ending::Closed);
        }
    }

    /// A person tells an agent something.
    pub(super) fn tell(&mut self, ix: AgentIx, by: &str, text: &str, now: bool) {
        self.messages += 1;
        let number = self.messages;
        self.talk_of(ix).messages.push(Message {
            number,
            by: by.to_owned(),
            text: text.to_owned(),
        });
        let agent = &mut self.agents[ix.ix()];
        let frozen = agent.hold == Some(HoldBy::Operator);
        if let Some(live) = &mut agent.live
            && now
            && !frozen
        {
            live.ending.get_or_insert(Ending::Told);
        }
    }
}
