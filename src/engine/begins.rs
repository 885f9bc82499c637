//! What an agent is to begin with: its `inputs`, and the files and commands of its needs.
//!
//! Asked when admission would let it start, before every attempt; what is asked is part of the plan,
//! where it is looked for follows from the state. Must not look itself, nor decide what follows.

use super::{
    CheckStep, HandedOff, JobState, Owner, Readiness, Setup, State, Status,
    setup::DEFAULT_CHECK_RAM_BYTES,
};
use crate::plan::{Agent, AgentIx, Compare, Need, Work};

/// Name of the gate that the commands of needs are told under.
const GATE: &str = "needs";

/// Where a file is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedAt {
    /// In a commit.
    Commit(String),
    /// In the repository's folder.
    Folder,
}

/// A file that has to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its path, as the plan has it.
    pub path: String,
    /// Whose result should have it; none: it should be there whoever made it.
    pub from: Option<AgentIx>,
    /// Where.
    pub at: WantedAt,
}

impl Setup {
    /// An agent and the groups that it is a part of: what is asked for these is asked for each of
    /// their parts, since they have no start of their own.
    fn with_groups(&self, ix: AgentIx) -> impl Iterator<Item = &Agent> {
        let plan = &self.plan;
        let mut next = Some(plan.agent(ix));
        std::iter::from_fn(move || {
            let agent = next?;
            let parent = agent.parent.map(|parent| plan.agent(parent));
            next = parent.filter(|parent| parent.work == Work::Group);
            Some(agent)
        })
    }

    fn needs_of(&self, ix: AgentIx) -> impl Iterator<Item = &Need> {
        self.with_groups(ix).flat_map(|agent| &agent.needs)
    }

    /// Returns whether anything has to be there before an agent starts.
    #[must_use]
    pub fn begins_with(&self, ix: AgentIx) -> bool {
        let asks = |need: &Need| !need.files.is_empty() || !need.check.is_empty();
        self.with_groups(ix)
            .any(|agent| !agent.inputs.is_empty() || agent.needs.iter().any(asks))
    }

    /// Returns the commands that have to be green before an agent starts, flattened, each with the
    /// agent whose result it is about.
    #[must_use]
    pub fn begin_checks(&self, ix: AgentIx) -> Vec<(AgentIx, CheckStep<'_>)> {
        let commands = self.needs_of(ix).flat_map(|need| {
            need.check.iter().map(|argv| {
                let step = CheckStep {
                    gate: GATE,
                    argv,
                    ram_bytes: DEFAULT_CHECK_RAM_BYTES,
                    approve: None,
                    repeat: 0,
                    base: Compare::Never,
                };
                (need.agent, step)
            })
        });
        commands.collect()
    }

    /// Returns whether an agent may leave a hand-off: one with a workspace, and one that others wait
    /// for. Of the rest nobody is asked, so that a plain plan costs nothing.
    #[must_use]
    pub fn may_hand_off(&self, ix: AgentIx) -> bool {
        let waited_for = !self.edges_out[ix.ix()].is_empty();
        self.has_process(ix) && (waited_for || self.own(ix))
    }

    /// Returns who gets an agent's hand-off, in plan order: whoever waits for it.
    #[must_use]
    pub fn receivers(&self, ix: AgentIx) -> Vec<AgentIx> {
        ends(self.edges_out[ix.ix()].iter().map(|edge| (edge, edge.to)))
    }

    /// Returns whose hand-offs an agent gets, in plan order.
    #[must_use]
    pub fn givers(&self, ix: AgentIx) -> Vec<AgentIx> {
        ends(self.edges_in[ix.ix()].iter().map(|edge| (edge, edge.from)))
    }
}

fn ends<'a>(edges: impl Iterator<Item = (&'a super::Edge, AgentIx)>) -> Vec<AgentIx> {
    let mut all: Vec<AgentIx> = edges
        .filter(|(edge, _)| edge.kind != super::EdgeKind::Sibling)
        .map(|(_, ix)| ix)
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

impl State {
    /// Returns whether what an agent is to begin with is being looked at.
    #[must_use]
    pub fn begins(&self, ix: AgentIx) -> bool {
        let agent = self.agent(ix);
        agent.status == Status::Checking && agent.readiness != Readiness::Unknown
    }

    /// Returns whether the checks of an owner judge what is integrated, as [`Setup::on_head`]; those
    /// of what an agent is to begin with do so where it works in a workspace of its own.
    #[must_use]
    pub fn on_head(&self, owner: Owner) -> bool {
        match owner {
            Owner::Agent(ix) if self.begins(ix) => self.setup.own(ix),
            // Those of rules run in the merge itself.
            owner if self.commanding(owner).is_some() => false,
            owner => self.setup.on_head(owner),
        }
    }

    /// Returns which commands are asked of an owner now; those before an agent starts come after its
    /// own acceptance commands and gates, those of merge rules last.
    pub(super) fn steps_now(&self, owner: Owner) -> std::ops::Range<usize> {
        if let Some(merge) = self.commanding(owner) {
            let first = self.setup.checks_of(owner).len();
            return first..first + merge.commands.len();
        }
        match owner {
            Owner::Agent(ix) => {
                let own = self.setup.checks(ix).len();
                if self.begins(ix) {
                    own..own + self.setup.begin_checks(ix).len()
                } else {
                    0..own
                }
            }
            Owner::Phase(_) | Owner::Cohort(_) => 0..self.setup.checks_of(owner).len(),
        }
    }

    /// Returns which of the commands that are asked of an owner now the present one is, from 1.
    #[must_use]
    pub fn nth_step(&self, owner: Owner) -> u32 {
        let step = self.check_of(owner).map_or(0, |check| check.step);
        let first = self.steps_now(owner).start;
        step.saturating_sub(u32::try_from(first).unwrap_or(u32::MAX)) + 1
    }

    /// Returns the agent whose result a command is about that is asked before another starts.
    pub(super) fn step_about(&self, ix: AgentIx, step: u32) -> Option<AgentIx> {
        let at = (step as usize).checked_sub(self.setup.checks(ix).len())?;
        self.setup.begin_checks(ix).get(at).map(|(from, _)| *from)
    }

    /// Returns the files that an agent is to begin with, and where they are looked for: those of a
    /// need in what that agent left, its inputs where it will work.
    #[must_use]
    pub fn wanted(&self, ix: AgentIx) -> Vec<Wanted> {
        let setup = &self.setup;
        let head = || match self.head() {
            Some(head) => WantedAt::Commit(head.to_owned()),
            None => WantedAt::Folder,
        };
        let left = |from: AgentIx| match &self.agent(from).work {
            _ if !setup.with_own[from.ix()] => WantedAt::Folder,
            Some(work) if setup.own(from) => match &work.commit {
                Some(commit) => WantedAt::Commit(commit.clone()),
                // It changed nothing: what it began with is its result.
                None if work.base.is_empty() => head(),
                None => WantedAt::Commit(work.base.clone()),
            },
            _ => head(),
        };
        let mut all = Vec::new();
        for need in setup.needs_of(ix) {
            all.extend(need.files.iter().map(|path| Wanted {
                path: path.clone(),
                from: Some(need.agent),
                at: left(need.agent),
            }));
        }
        let own = setup.own(ix);
        for agent in setup.with_groups(ix) {
            all.extend(agent.inputs.iter().map(|path| Wanted {
                path: path.clone(),
                from: None,
                at: if own { head() } else { WantedAt::Folder },
            }));
        }
        all
    }

    /// Returns whose hand-offs an agent finds, with what they are, in plan order.
    pub fn handed_to(&self, ix: AgentIx) -> impl Iterator<Item = (AgentIx, HandedOff)> {
        let givers = self.setup.givers(ix).into_iter();
        givers.filter_map(|from| Some((from, self.agent(from).handed?)))
    }

    /// Returns whether a command runs that was asked before an agent starts.
    pub(super) fn begin_runs(&self, ix: AgentIx) -> bool {
        let check = self.agent(ix).check.as_ref();
        check.is_some_and(|check| matches!(check.job, JobState::Scheduled | JobState::Running(_)))
    }
}
