//! What an operator's accepted action changes at once; the rest follows by events of its own.
//!
//! Must not decide whom an action means: the event names them.

use crate::plan::{AgentId, AgentIx};

use crate::engine::{
    Action, Chosen, Ending, HoldBy, JobState, Owner, Remark, Settle, State, Status, Strategy,
    state::pack,
};

use super::check::end_check;

impl State {
    pub(super) fn apply_action(
        &mut self,
        by: &str,
        action: &Action,
        agents: &[AgentId],
        (phases, cohorts): (&[String], &[String]),
    ) {
        let targets: Vec<AgentIx> = agents.iter().filter_map(|id| self.find(id)).collect();
        let phases = phases.iter().map(|id| self.gated(Some(id), None));
        let cohorts = cohorts.iter().map(|name| self.gated(None, Some(name)));
        let gates: Vec<Owner> = phases.chain(cohorts).flatten().collect();
        match action {
            Action::Pause { .. } => {
                for ix in targets {
                    if !self.agent(ix).status.is_final() {
                        self.resting.remove(&self.rank(ix));
                        self.checks_resting.remove(&pack(Owner::Agent(ix)));
                        self.hold(ix, Some(HoldBy::Operator));
                    }
                }
                for owner in gates {
                    self.checks_resting.remove(&pack(owner));
                    self.hold_owner(owner, Some(HoldBy::Operator));
                }
            }
            Action::Resume { .. } => {
                for ix in targets {
                    let hold = self.hold_after_resume(Owner::Agent(ix));
                    self.hold(ix, hold);
                    if self.agent(ix).status == Status::Frozen {
                        self.resting.insert(self.rank(ix));
                    }
                    self.unpark(ix);
                    self.rest_check(Owner::Agent(ix));
                }
                for owner in gates {
                    self.hold_owner(owner, self.hold_after_resume(owner));
                    self.rest_check(owner);
                }
            }
            Action::Stop { target: Some(_) } => {
                for ix in targets {
                    let agent = &mut self.agents[ix.ix()];
                    if let Some(live) = &mut agent.live {
                        // A stop outranks whatever else was ending it.
                        live.ending = Some(Ending::Stop);
                    }
                    end_check(agent.check.as_mut(), Ending::Stop);
                }
            }
            Action::Swap { worker, .. } => {
                for ix in targets {
                    let plan = &self.setup.plan;
                    let to = plan.agent(ix).modes.iter().position(|mode| {
                        mode.worker.map(|w| plan.workers[w.ix()].name.as_str()) == worker.as_deref()
                    });
                    self.delist(ix);
                    let agent = &mut self.agents[ix.ix()];
                    agent.swap_to = to.and_then(|to| u32::try_from(to).ok());
                    agent.relief = None;
                    if let Some(live) = &mut agent.live {
                        live.ending.get_or_insert(Ending::Swap);
                    }
                    self.enlist(ix);
                }
            }
            Action::Sequential { .. } => {
                // What is being started is frozen as soon as it runs; what runs already is frozen
                // by events of its own.
                for ix in targets {
                    let starting = self.agent(ix).status.is_starting()
                        || self.check_starting(Owner::Agent(ix));
                    if starting && self.agent(ix).hold.is_none() {
                        self.hold(ix, Some(HoldBy::Rule));
                    }
                }
                for owner in gates {
                    if self.check_starting(owner) && self.hold_of(owner).is_none() {
                        self.hold_owner(owner, Some(HoldBy::Rule));
                    }
                }
            }
            Action::Choose {
                conflict,
                file,
                hunk,
                pick,
            } => {
                if let Some(conflict) = self.merges.conflicts.get_mut(conflict) {
                    conflict.chosen.push(Chosen {
                        file: file.clone(),
                        hunk: hunk.clone(),
                        pick: pick.clone(),
                    });
                }
            }
            Action::Undo { conflict } => {
                if let Some(conflict) = self.merges.conflicts.get_mut(conflict) {
                    conflict.chosen.pop();
                }
            }
            Action::Settle {
                conflict,
                how,
                note,
            } => {
                if let Some(conflict) = self.merges.conflicts.get_mut(conflict) {
                    conflict.notes.extend(note.clone());
                    match how {
                        Settle::Chosen => conflict.settled_by = Some(by.to_owned()),
                        Settle::Escalate => conflict.strategy = Strategy::HumanReview,
                        Settle::Sequential | Settle::HandBack => {}
                    }
                }
            }
            Action::Comment {
                file, line, text, ..
            } => {
                for ix in targets {
                    let agent = &mut self.agents[ix.ix()];
                    agent.remarks.push(Remark {
                        attempt: agent.attempt,
                        file: file.clone(),
                        line: *line,
                        by: by.to_owned(),
                        text: text.clone(),
                    });
                }
            }
            Action::Tell { text, now, .. } => {
                for ix in targets {
                    self.tell(ix, by, text, *now);
                }
            }
            Action::Open { agent, now } => {
                if let Some(ix) = self.find(&agent.as_str().into()) {
                    self.open_session(ix, by, *now);
                }
            }
            Action::Close { .. } => {
                for ix in targets {
                    self.close_session(ix);
                }
            }
            Action::Pin { on, .. } => {
                for ix in targets {
                    self.agents[ix.ix()].pinned = *on;
                }
            }
            // What follows is events of its own.
            Action::Park { .. }
            | Action::Rollback { .. }
            | Action::SendBack { .. }
            | Action::Stop { target: None }
            | Action::Retry { .. }
            | Action::Answer { .. }
            | Action::Mode { .. }
            | Action::Add { .. }
            | Action::Unload { .. }
            | Action::Agents { .. } => {}
        }
    }

    /// Who resumes something that is only being started lets it run, unless the run is over its cap
    /// by now: then it is frozen as soon as it runs, and comes back through admission.
    fn hold_after_resume(&self, owner: Owner) -> Option<HoldBy> {
        let starting = self.check_starting(owner)
            || matches!(owner, Owner::Agent(ix) if self.agent(ix).status.is_starting());
        (starting && self.usage.agents > self.cap()).then_some(HoldBy::Rule)
    }

    /// A frozen check that nobody holds any more comes back when admission lets it.
    fn rest_check(&mut self, owner: Owner) {
        if self.check_of(owner).is_some_and(|check| check.frozen) {
            self.checks_resting.insert(pack(owner));
        }
    }

    fn check_starting(&self, owner: Owner) -> bool {
        self.check_of(owner)
            .is_some_and(|check| check.job == JobState::Scheduled)
    }
}
