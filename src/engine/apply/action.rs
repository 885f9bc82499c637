//! What an operator's accepted action changes at once; the rest follows by events of its own.
//!
//! Must not decide whom an action means: the event names them.

use crate::plan::{AgentId, AgentIx};

use crate::engine::{Action, Ending, HoldBy, State, Status};

use super::check::end_check;

impl State {
    pub(super) fn apply_action(&mut self, action: &Action, agents: &[AgentId]) {
        let targets: Vec<AgentIx> = agents.iter().filter_map(|id| self.find(id)).collect();
        match action {
            Action::Pause { .. } => {
                for ix in targets {
                    if !self.agent(ix).status.is_final() {
                        self.resting.remove(&self.rank(ix));
                        self.agents[ix.ix()].hold = Some(HoldBy::Operator);
                    }
                }
            }
            Action::Resume { .. } => {
                for ix in targets {
                    self.agents[ix.ix()].hold = None;
                    if self.agent(ix).status == Status::Frozen {
                        self.resting.insert(self.rank(ix));
                    }
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
                    let agent = &mut self.agents[ix.ix()];
                    agent.swap_to = to.and_then(|to| u32::try_from(to).ok());
                    if let Some(live) = &mut agent.live {
                        live.ending.get_or_insert(Ending::Swap);
                    }
                }
            }
            Action::Sequential { .. } => {
                // What is being started is frozen as soon as it runs; what runs already is frozen
                // by events of its own.
                for ix in targets {
                    if self.agent(ix).status == Status::Scheduled {
                        self.agents[ix.ix()].hold.get_or_insert(HoldBy::Rule);
                    }
                }
            }
            Action::Stop { target: None }
            | Action::Retry { .. }
            | Action::Mode { .. }
            | Action::Agents { .. } => {}
        }
    }
}
