//! How far the checks of an agent, of a phase or of a cohort are.
//!
//! Plain data; changed by `apply` alone. What an end means is decided in `decide::settle::check`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Ending, State};
use crate::{
    engine::{
        CheckStep, Edge, EdgeKind, Exit, Handle, OnBase, Owner, Purpose, Status,
        setup::{DEFAULT_CHECK_RAM_BYTES, MERGE_GATE},
    },
    plan::{AgentIx, Compare},
};

/// Where a check command stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for admission.
    Pending,
    /// Admitted.
    Scheduled,
    /// Runs.
    Running(Handle),
    /// Ended; the verdict follows.
    Ended(Exit),
    /// It is no command: a person's yes is waited for.
    Asking,
    /// A person has answered; the verdict follows.
    Answered {
        /// Approved.
        yes: bool,
        /// What was said with it.
        text: Option<String>,
    },
}

/// Progress through the checks of an agent or a phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRun {
    /// Attempt of the agent, or round of the phase.
    pub attempt: u32,
    /// Round within that attempt, from 1.
    pub round: u32,
    /// The command that is on, from 0.
    pub step: u32,
    /// Commands in all.
    pub steps: u32,
    /// Where that command stands.
    pub job: JobState,
    /// When that command got its state (elapsed µs).
    pub since_us: u64,
    /// It is being ended, and why.
    pub ending: Option<Ending>,
    /// Its processes are stopped; memory stays, the slot is free.
    pub frozen: bool,
    /// It judges the result of a merge, not the workspace.
    pub merged: bool,
    /// Merges that were in the head when this round began: a checkout with these is good enough.
    pub after: u32,
    /// The checkout of integrated work that its present command runs in; empty: it runs elsewhere.
    pub path: String,
    /// When the clock of that command last began to run (elapsed µs).
    pub clock_from_us: u64,
    /// What its clock had counted before, in microseconds.
    pub clock_us: u64,
    /// End of its time limit while the clock runs (elapsed µs).
    pub until_us: u64,
    /// Why that command runs.
    #[serde(default)]
    pub purpose: Purpose,
    /// Times that it was run once more, being red.
    #[serde(default)]
    pub repeats: u32,
    /// A command of the present gate came out differently on the same files.
    #[serde(default)]
    pub flaky: bool,
    /// While it is compared with the base: how it was red.
    #[serde(default)]
    pub red: Option<Red>,
    /// Which checkout of the base the present command runs in, from 1; 0: in none.
    #[serde(default)]
    pub base: u32,
}

/// How a command was red, while it is compared with the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Red {
    /// In which round.
    pub round: u32,
    /// How it ended.
    pub exit: Exit,
}

/// How a command came out last, and on which files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Which, counted over all gates of the owner, from 0.
    pub step: u32,
    /// The tree or commit that was judged.
    pub on: String,
    /// Green.
    pub green: bool,
}

impl CheckRun {
    /// Returns whether a person's yes is waited for.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.job == JobState::Asking
    }

    /// Makes the first command of a round, waiting for admission.
    #[must_use]
    pub const fn new(attempt: u32, round: u32, steps: u32, now_us: u64) -> Self {
        Self {
            attempt,
            round,
            step: 0,
            steps,
            job: JobState::Pending,
            since_us: now_us,
            ending: None,
            frozen: false,
            merged: false,
            after: 0,
            path: String::new(),
            clock_from_us: now_us,
            clock_us: 0,
            until_us: 0,
            purpose: Purpose::Judge,
            repeats: 0,
            flaky: false,
            red: None,
            base: 0,
        }
    }

    /// Returns whether it has a process, moving or frozen.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.job, JobState::Scheduled | JobState::Running(_))
    }

    /// Returns whether it holds a slot: its process moves or is being started.
    #[must_use]
    pub const fn holds_slot(&self) -> bool {
        self.is_live() && !self.frozen
    }
}

/// A fresh checkout of the run's base, for one command that is compared there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseCheckout {
    /// Which, from 1.
    pub number: u32,
    /// Where it is; empty while it is being made.
    pub path: String,
    /// It could not be made, and why.
    pub error: Option<String>,
    /// A command has it.
    pub taken: bool,
}

impl BaseCheckout {
    /// Returns whether it is being made.
    #[must_use]
    pub fn coming(&self) -> bool {
        self.path.is_empty() && self.error.is_none()
    }

    /// Returns whether a command can run in it now.
    #[must_use]
    pub fn free(&self) -> bool {
        !self.path.is_empty() && !self.taken
    }
}

/// How a command came out on the run's base; it is not run there again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// The command.
    pub argv: Vec<String>,
    /// How it came out.
    pub on_base: OnBase,
}

impl State {
    /// Returns the path of a checkout that has all that the checks of an owner judge: one of the
    /// present head, or one that was made since their round began.
    #[must_use]
    pub fn checkout_for(&self, owner: Owner) -> Option<&str> {
        let check = self.check_of(owner)?;
        let checkout = self.merges.checkout.as_ref()?;
        let has_all =
            Some(checkout.commit.as_str()) == self.head() || checkout.merged >= check.after;
        (has_all && !checkout.path.is_empty()).then_some(checkout.path.as_str())
    }

    /// Returns the check commands of an owner.
    #[must_use]
    pub fn checks_of(&self, owner: Owner) -> Vec<CheckStep<'_>> {
        let mut steps = self.setup.checks_of(owner);
        // Numbered after its own, so that no two have the same number.
        if let Some(merge) = self.commanding(owner) {
            steps.extend(merge.commands.iter().map(|command| CheckStep {
                gate: MERGE_GATE,
                argv: &command.argv,
                ram_bytes: DEFAULT_CHECK_RAM_BYTES,
                approve: None,
                repeat: 0,
                base: Compare::Never,
            }));
        }
        steps
    }

    /// Returns what the present check command of an owner judges, where that is known: the tree of an
    /// agent's work or of its merge, the commit of a checkout.
    #[must_use]
    pub fn judged_on(&self, owner: Owner) -> Option<&str> {
        let check = self.check_of(owner)?;
        let merges = &self.merges;
        match owner {
            // A rule's command judges nothing.
            _ if self.commanding(owner).is_some() => None,
            _ if self.setup.on_head(owner) => {
                let checkout = merges.checkout.as_ref()?;
                (checkout.path == check.path).then_some(checkout.commit.as_str())
            }
            Owner::Agent(ix) if check.merged => {
                let merge = merges.now.as_ref().filter(|now| now.agent == ix);
                merge?.tree.as_deref()
            }
            Owner::Agent(ix) => self.agent(ix).work.as_ref()?.tree.as_deref(),
            Owner::Phase(_) | Owner::Cohort(_) => None,
        }
    }

    /// Returns how a command came out on the base, where that is known.
    #[must_use]
    pub fn compared(&self, argv: &[String]) -> Option<&OnBase> {
        let known = self.merges.compared.iter().find(|known| known.argv == argv);
        known.map(|known| &known.on_base)
    }

    /// Returns who has not ended and cannot begin before the gates of an owner have passed, in plan
    /// order.
    #[must_use]
    pub fn stopped_by(&self, owner: Owner) -> Vec<AgentIx> {
        let setup = &self.setup;
        let open = |ix: &AgentIx| !self.agent(*ix).status.is_final();
        match owner {
            Owner::Agent(ix) => {
                let hard = |edge: &&Edge| edge.kind != EdgeKind::Soft;
                let after = setup.edges_out[ix.ix()].iter().filter(hard);
                let after: BTreeSet<AgentIx> = after.map(|edge| edge.to).filter(open).collect();
                after.into_iter().collect()
            }
            Owner::Phase(phase) => {
                let later = |ix: &AgentIx| setup.plan.agent(*ix).phase > Some(phase);
                setup.plan.indices().filter(later).filter(open).collect()
            }
            Owner::Cohort(ix) => {
                let closes = setup.cohorts[ix.ix()].closes.iter().copied();
                closes.filter(open).collect()
            }
        }
    }

    /// Returns the members of an owner for whose end its gates are not asked: who was not done, and not
    /// by a condition of its own or taken care of.
    pub fn lost_of(&self, owner: Owner) -> impl Iterator<Item = AgentIx> {
        let members = self.setup.members_of(owner).iter().copied();
        members.filter(|&member| match self.agent(member).status {
            Status::Failed | Status::Stopped => !self.handled_above(member),
            Status::Skipped => !self.agent(member).by_condition,
            _ => false,
        })
    }

    /// Returns the check command that an owner is at.
    #[must_use]
    pub fn check_argv(&self, owner: Owner) -> Option<&[String]> {
        let step = self.check_of(owner)?.step as usize;
        let steps = self.setup.checks_of(owner);
        // Those of rules are not compared with anything.
        steps.get(step).map(|step| step.argv)
    }

    /// Returns whether the command of an owner runs on the base for another just now: its end is waited
    /// for.
    #[must_use]
    pub fn compared_elsewhere(&self, owner: Owner) -> bool {
        let asked = self.check_argv(owner);
        let runs = |other: Owner| {
            let check = self.check_of(other);
            other != owner
                && check.is_some_and(|c| c.purpose == Purpose::Base && c.is_live())
                && self.check_argv(other) == asked
        };
        let mut agents = self.setup.plan.indices().map(Owner::Agent);
        agents.any(runs) || self.setup.gated().any(runs)
    }

    /// Returns the folder that the present check command of an owner runs in; none: the repository
    /// itself.
    #[must_use]
    pub fn check_dir(&self, owner: Owner) -> Option<&str> {
        let check = self.check_of(owner)?;
        let path = match owner {
            _ if check.purpose == Purpose::Base || self.on_head(owner) => &check.path,
            Owner::Agent(ix) if self.begins(ix) => return None,
            Owner::Agent(ix) if check.merged => {
                let merge = self.merges.now.as_ref();
                &merge.filter(|now| now.agent == ix)?.path
            }
            Owner::Agent(ix) => &self.agent(ix).work.as_ref()?.path,
            Owner::Phase(_) | Owner::Cohort(_) => return None,
        };
        Some(path.as_str()).filter(|path| !path.is_empty())
    }
}
