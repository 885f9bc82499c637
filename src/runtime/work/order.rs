//! What an order needs of the state, taken out of it on the loop's thread: names, commits, choices.

use std::path::PathBuf;

use crate::{
    engine::{
        Chosen, Command, InputKind, MergeOutcome, Owner, State, Status, Unready, Wanted, WorkStage,
    },
    plan::AgentIx,
};

use super::{
    note::{Before, Clashed},
    place::base_name,
};

/// One order.
#[derive(Debug)]
pub(super) enum Order {
    /// Make workspaces ahead of need.
    Ahead { spare: usize, commit: String },
    /// Make a workspace at the head.
    Prepare(Attempt),
    /// Collect what an attempt left.
    Collect(Attempt),
    /// Look for what an agent is to begin with.
    Inspect {
        agent: AgentIx,
        number: u32,
        wanted: Vec<Wanted>,
    },
    /// Try a merge.
    Merge(Box<Trial>),
    /// Move the head forward.
    Advance(Box<Step>),
    /// Check a commit out: which checkout of the run's base it is, from 1; none: of the head.
    Checkout { commit: String, base: Option<u32> },
    /// Move the head back.
    RollBack {
        number: u32,
        /// All checkpoints of the run: wave and commit, the one to go back to by its commit.
        checkpoints: Vec<(u32, String)>,
        commit: String,
    },
    /// Hand the head over.
    Deliver(Box<Handing>),
    /// Remove a workspace that nobody needs.
    Discard { name: String },
}

/// An attempt of an agent.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub agent: AgentIx,
    pub number: u32,
    /// The attempt whose workspace it works in; itself, or an earlier one that it goes on from.
    pub home: u32,
    /// The commit that it begins, or began, with.
    pub base: String,
    /// Whether it may go on with what the attempts before did.
    pub take_over: bool,
    /// Why it goes again.
    pub before: Option<Before>,
}

/// A merge to be tried.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub number: u32,
    pub agent: AgentIx,
    pub attempt: u32,
    pub theirs: String,
    pub onto: String,
    /// The number of the conflict, should there be one.
    pub conflict: u32,
    /// Choices of a person that count.
    pub chosen: Vec<Chosen>,
    /// Where rules' commands have run for it.
    pub made: Option<PathBuf>,
    /// Merged work since this one began: whose, and the head that it made.
    pub met: Vec<(AgentIx, String)>,
    /// Time of the record that asks for it, seconds since the epoch.
    pub at_s: i64,
}

/// The head, to be handed over.
#[derive(Debug, Clone)]
pub(super) struct Handing {
    pub commit: String,
    /// What the run began with.
    pub base: String,
    /// Who or what is not as it should be: a person's branch does not go forward then.
    pub undone: Vec<String>,
    /// The branch that a person has agreed to let go forward.
    pub forward: Option<String>,
    /// Where the run has put its branch before.
    pub before: Option<String>,
}

/// A merge that is to be the head.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub number: u32,
    pub agent: AgentIx,
    pub attempt: u32,
    /// The attempt whose workspace it was done in.
    pub home: u32,
    pub onto: String,
    pub commit: Option<String>,
    /// Agents at work, which may build on what it changed.
    pub others: Vec<AgentIx>,
}

/// Agents that are not done, and phases and cohorts whose gates are red, by name; at most ten.
fn undone(state: &State) -> Vec<String> {
    const NAMED: usize = 10;
    let plan = &state.setup.plan;
    let agents = plan.indices().filter(|&ix| {
        let agent = state.agent(ix);
        let by_condition = agent.status == Status::Skipped && agent.by_condition;
        agent.status != Status::Succeeded && !by_condition && !state.handled_above(ix)
    });
    let agents = agents.map(|ix| state.id(ix).to_string());
    let red = |owner: &Owner| state.gates_of(*owner).is_some_and(|gates| gates.gate_red);
    let gates = state.setup.gated().filter(red);
    let gates = gates.map(|owner| state.setup.key_of(owner));
    agents.chain(gates).take(NAMED).collect()
}

impl Order {
    /// Takes what a command needs out of the state; none: it asks for nothing of ours any more.
    pub fn of(state: &State, command: Command) -> Option<Self> {
        let merges = &state.merges;
        let base = || state.base_commit.clone().unwrap_or_default();
        Some(match command {
            Command::Prepare { agent, attempt } => Self::Prepare(Attempt {
                agent,
                number: attempt,
                home: state.agent(agent).home(),
                base: match &state.agent(agent).work {
                    Some(work) if state.agent(agent).home() != attempt => work.base.clone(),
                    _ => merges.head.clone().unwrap_or_else(base),
                },
                // What went back must not come in again that way.
                take_over: merges.rollbacks == 0,
                before: before(state, agent, attempt),
            }),
            Command::Collect { agent, attempt } => Self::Collect(Attempt {
                agent,
                number: attempt,
                home: state.agent(agent).home(),
                base: state.agent(agent).work.as_ref()?.base.clone(),
                take_over: false,
                before: None,
            }),
            Command::Inspect { agent, number } => Self::Inspect {
                agent,
                number,
                wanted: state.wanted(agent),
            },
            Command::Merge { number } => {
                let merge = merges.now.as_ref().filter(|now| now.number == number)?;
                let agent = state.agent(merge.agent);
                let known = merge.conflict.or(agent.conflict);
                let next = || {
                    let last = merges.conflicts.last_key_value();
                    last.map_or(1, |(id, _)| id + 1)
                };
                let chosen = known
                    .and_then(|id| merges.conflicts.get(&id))
                    .filter(|conflict| conflict.settled_by.is_some())
                    .map(|conflict| conflict.chosen.clone());
                let began = agent.work.as_ref().map_or(0, |work| work.base_at as usize);
                let met = merges.done.get(began..).unwrap_or_default();
                Self::Merge(Box::new(Trial {
                    number,
                    agent: merge.agent,
                    attempt: merge.attempt,
                    theirs: merge.theirs.clone(),
                    onto: merge.onto.clone(),
                    conflict: known.unwrap_or_else(next),
                    chosen: chosen.unwrap_or_default(),
                    made: merge.commanded.then(|| PathBuf::from(&merge.path)),
                    met: met.iter().map(|m| (m.agent, m.commit.clone())).collect(),
                    at_s: state.at_ms.div_euclid(1000),
                }))
            }
            Command::Advance { number } => {
                let merge = merges.now.as_ref().filter(|now| now.number == number)?;
                let open = |ix: &AgentIx| {
                    let work = state.agent(*ix).work.as_ref();
                    *ix != merge.agent && work.is_some_and(|work| work.stage == WorkStage::Open)
                };
                Self::Advance(Box::new(Step {
                    number,
                    agent: merge.agent,
                    attempt: merge.attempt,
                    home: state.agent(merge.agent).home(),
                    onto: merge.onto.clone(),
                    commit: merge.commit.clone(),
                    others: state.setup.plan.indices().filter(open).collect(),
                }))
            }
            Command::Checkout => Self::Checkout {
                commit: merges.checkout.as_ref()?.commit.clone(),
                base: None,
            },
            Command::CheckoutBase => Self::Checkout {
                commit: state.base_commit.clone()?,
                base: Some(merges.base.as_ref()?.number),
            },
            Command::DropBase { number } => Self::Discard {
                name: base_name(number),
            },
            Command::RollBack { number } => {
                let rollback = merges.rollback.as_ref().filter(|r| r.number == number)?;
                let points = merges.checkpoints.iter();
                Self::RollBack {
                    number,
                    checkpoints: [(0, base())]
                        .into_iter()
                        .chain(points.map(|c| (c.wave, c.commit.clone())))
                        .collect(),
                    commit: rollback.commit.clone(),
                }
            }
            Command::Deliver => {
                let delivery = merges.delivery.as_ref().filter(|d| !d.done)?;
                Self::Deliver(Box::new(Handing {
                    commit: delivery.commit.clone(),
                    base: base(),
                    undone: undone(state),
                    forward: delivery.forward.clone(),
                    before: delivery.before.clone(),
                }))
            }
            _ => return None,
        })
    }

    /// Whether it goes to the threads that make and remove workspaces, and look at what is there.
    pub const fn makes(&self) -> bool {
        matches!(
            self,
            Self::Ahead { .. } | Self::Prepare(_) | Self::Inspect { .. } | Self::Discard { .. }
        )
    }

    /// What it comes to when it cannot be carried out.
    pub fn refused(&self, error: String) -> Option<InputKind> {
        Some(match self {
            Self::Ahead { .. } | Self::Discard { .. } => return None,
            Self::Prepare(of) => InputKind::Prepared {
                agent: of.agent,
                attempt: of.number,
                done: Err(Unready::Failed(error)),
            },
            Self::Inspect { agent, number, .. } => InputKind::Inspected {
                agent: *agent,
                number: *number,
                missing: Err(error),
            },
            Self::Collect(of) => InputKind::Collected {
                agent: of.agent,
                attempt: of.number,
                found: Err(error),
            },
            Self::Merge(of) => InputKind::Merged {
                number: of.number,
                outcome: Box::new(MergeOutcome::Failed { error }),
            },
            Self::Advance(of) => InputKind::Advanced {
                number: of.number,
                done: Err(error),
            },
            Self::Checkout { commit, base } => InputKind::CheckedOut {
                commit: commit.clone(),
                base: *base,
                done: Err(error),
            },
            Self::RollBack { number, .. } => InputKind::RolledBack {
                number: *number,
                done: Err(error),
            },
            Self::Deliver(of) => InputKind::Delivered {
                commit: of.commit.clone(),
                branch: String::new(),
                forwarded: None,
                error: Some(error),
                offer: None,
            },
        })
    }
}

/// What is known of the attempt before, where it is told why there is another.
fn before(state: &State, ix: AgentIx, attempt: u32) -> Option<Before> {
    let reason = state.agent(ix).reason.clone()?;
    let merges = &state.merges;
    let mut clashes = merges.conflicts.iter().rev();
    let clash = clashes.find(|(_, c)| c.agent == ix && c.attempt + 1 == attempt);
    let conflict = clash.map(|(&id, conflict)| Clashed {
        id,
        with: conflict
            .with
            .iter()
            .map(|&ix| state.id(ix).to_string())
            .collect(),
        merges: (merges
            .done
            .iter()
            .filter(|m| conflict.with.contains(&m.agent)))
        .map(|m| m.commit.clone())
        .collect(),
        notes: conflict.notes.clone(),
    });
    let remarks = (state.agent(ix).remarks.iter())
        .filter(|remark| remark.attempt + 1 == attempt)
        .map(|remark| {
            let place = match remark.line {
                0 => remark.file.clone(),
                line => format!("{}:{line}", remark.file),
            };
            (place, remark.text.clone())
        })
        .collect();
    (attempt > 1).then(|| Before {
        attempt: attempt - 1,
        reason,
        remarks,
        conflict,
    })
}
