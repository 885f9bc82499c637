//! What shall happen outside because of an event: derived from it, carried out after it is journaled.
//!
//! Must not decide. Commands are idempotent: their key names run, owner and attempt.

mod talk;

use crate::plan::AgentIx;

use super::{
    Action, CheckPlace, Event, JobKey, MeasureEvent, MemoryEvent, Owner, Purpose, Record, State,
    Status, WorkEvent,
};

/// An order to the outside world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Start a process: the agent's own in this mode, or the check command of the key.
    Spawn {
        /// Which.
        key: JobKey,
        /// The agent's mode (0 for checks).
        mode: u32,
    },
    /// End a process tree: TERM, grace, KILL.
    Terminate {
        /// Which.
        key: JobKey,
    },
    /// Stop a process tree (SIGSTOP) and verify it.
    Freeze {
        /// Which.
        key: JobKey,
    },
    /// Let a stopped process tree go on.
    Thaw {
        /// Which.
        key: JobKey,
    },
    /// Tell the program of a running agent something.
    Tell {
        /// Whom.
        key: JobKey,
        /// The number of the message.
        message: u32,
    },
    /// Answer a question of a running agent's program.
    Reply {
        /// Whose.
        key: JobKey,
        /// Which answer of its attempt, from 0.
        number: u32,
    },
    /// Tell a person that something waits, by whatever the configuration names.
    Notify {
        /// The item's number in the attention queue.
        id: u32,
    },
    /// Make a workspace at the integrated head.
    Prepare {
        /// Whose.
        agent: AgentIx,
        /// For which attempt.
        attempt: u32,
    },
    /// Look for what an agent is to begin with.
    Inspect {
        /// Whom.
        agent: AgentIx,
        /// The number of the question.
        number: u32,
    },
    /// Collect what an attempt left in its workspace.
    Collect {
        /// Whose.
        agent: AgentIx,
        /// Which attempt.
        attempt: u32,
    },
    /// Try the merge that is on.
    Merge {
        /// Its number.
        number: u32,
    },
    /// Let the integrated head go forward to the merge that is on.
    Advance {
        /// Its number.
        number: u32,
    },
    /// Check the integrated head out.
    Checkout,
    /// Check the run's base out, for a command that is compared there.
    CheckoutBase,
    /// Remove such a checkout: its command has ended.
    DropBase {
        /// Which, from 1.
        number: u32,
    },
    /// Let the integrated head go back.
    RollBack {
        /// Which roll-back.
        number: u32,
    },
    /// Hand the integrated head over.
    Deliver,
    /// The run is over: close down with this status.
    Finish {
        /// Exit status.
        status: u8,
    },
}

impl Command {
    /// Returns whether it must not wait for the journal: stop and freeze run even when the disk is
    /// full (DESIGN 2), and a run that has ended waits for the disk only so long.
    #[must_use]
    pub const fn urgent(&self) -> bool {
        matches!(
            self,
            Self::Terminate { .. } | Self::Freeze { .. } | Self::Finish { .. }
        )
    }

    /// Returns whether its effect outlives the machine: it waits until its event is on the disk
    /// (DESIGN 7).
    #[must_use]
    pub const fn outlives(&self) -> bool {
        matches!(
            self,
            Self::Advance { .. } | Self::RollBack { .. } | Self::Deliver
        )
    }

    /// Returns whether a command that had to wait for the journal is still wanted: what was to start
    /// may have been told to end since, and what was to go on may have been frozen again.
    #[must_use]
    pub fn still_wanted(&self, state: &State) -> bool {
        if let Self::Notify { id } = self {
            return state.attention.open.values().any(|item| item.id == *id);
        }
        if let Self::Prepare { agent, attempt } | Self::Collect { agent, attempt } = self {
            let status = match self {
                Self::Prepare { .. } => Status::Preparing,
                _ => Status::Checking,
            };
            let agent = state.agent(*agent);
            return (agent.attempt, agent.status) == (*attempt, status);
        }
        if let Self::Inspect { agent, number } = self {
            return state.begins(*agent) && state.agent(*agent).asked == *number;
        }
        if let Self::Merge { number } = self {
            let now = state.merges.now.as_ref();
            return now.is_some_and(|now| now.number == *number);
        }
        if let Self::Tell { key, .. } | Self::Reply { key, .. } = self
            && let Owner::Agent(ix) = key.owner
        {
            let agent = state.agent(ix);
            return agent.attempt == key.attempt && agent.live.is_some();
        }
        let (Self::Spawn { key, .. } | Self::Thaw { key }) = self else {
            return true;
        };
        let thaw = matches!(self, Self::Thaw { .. });
        match (key.owner, key.check) {
            (Owner::Agent(ix), None) => {
                let agent = state.agent(ix);
                let ending = agent.live.as_ref().is_none_or(|live| live.ending.is_some());
                let moves = !thaw || agent.status == Status::Running;
                agent.attempt == key.attempt && !ending && moves
            }
            (owner, step) => state.check_of(owner).is_some_and(|check| {
                (check.attempt, check.round, Some(check.step)) == (key.attempt, key.round, step)
                    && check.ending.is_none()
                    && !(thaw && check.frozen)
            }),
        }
    }
}

fn check_key(state: &State, owner: Owner) -> Option<JobKey> {
    let check = state.check_of(owner)?;
    Some(JobKey {
        owner,
        attempt: check.attempt,
        check: Some(check.step),
        round: check.round,
    })
}

fn of_check(state: &State, place: &CheckPlace) -> Option<JobKey> {
    state.owner(place).and_then(|owner| check_key(state, owner))
}

/// Ends every process of the run.
pub(super) fn end_all(state: &State) -> Vec<Command> {
    let agents = state.setup.plan.indices().flat_map(|ix| live(state, ix));
    let gates = state.setup.gated();
    agents
        .chain(gates.filter_map(|owner| live_check(state, owner)))
        .map(|key| Command::Terminate { key })
        .collect()
}

fn main_key(state: &State, ix: AgentIx) -> JobKey {
    JobKey::main(ix, state.agent(ix).attempt)
}

/// Live processes of an agent: its own, and its check's.
fn live(state: &State, ix: AgentIx) -> impl Iterator<Item = JobKey> {
    let own = state.agent(ix).live.as_ref().map(|_| main_key(state, ix));
    own.into_iter().chain(live_check(state, Owner::Agent(ix)))
}

fn live_check(state: &State, owner: Owner) -> Option<JobKey> {
    let check = state.check_of(owner)?;
    check.is_live().then(|| check_key(state, owner)).flatten()
}

/// Ends gate commands over agents of whom one is tried again, or was added: they would judge
/// yesterday's work.
fn stale_checks(state: &State) -> Vec<Command> {
    let reopened = |owner: &Owner| {
        (state.check_of(*owner)).is_some_and(|check| check.ending == Some(super::Ending::Reopened))
    };
    let stale = state.setup.gated().filter(reopened);
    stale
        .filter_map(|owner| live_check(state, owner))
        .map(|key| Command::Terminate { key })
        .collect()
}

/// Derives the commands of an event; `state` is the state after it.
#[must_use]
pub fn effects(state: &State, record: &Record) -> Vec<Command> {
    let event = &record.event;
    let agent = event.agent().and_then(|id| state.find(id));
    match (event, agent) {
        (Event::AgentScheduled { attempt, .. }, Some(ix)) if state.setup.own(ix) => {
            vec![Command::Prepare {
                agent: ix,
                attempt: *attempt,
            }]
        }
        (Event::Work(work), _) if matches!(**work, WorkEvent::Extended(_)) => stale_checks(state),
        (Event::Work(work), _) => super::apply::work_effects(state, work, agent),
        (Event::RunResumed { .. }, _) => super::apply::work_again(state),
        (Event::AgentScheduled { mode, .. }, Some(ix)) => {
            vec![Command::Spawn {
                key: main_key(state, ix),
                mode: *mode,
            }]
        }
        // Told to end while it was being started.
        (Event::AgentStarted { .. }, Some(ix))
            if state
                .agent(ix)
                .live
                .as_ref()
                .is_some_and(|live| live.ending.is_some()) =>
        {
            vec![Command::Terminate {
                key: main_key(state, ix),
            }]
        }
        (Event::AgentTimeout { .. }, Some(ix)) => vec![Command::Terminate {
            key: main_key(state, ix),
        }],
        (Event::Measure(measure), Some(ix))
            if matches!(**measure, MeasureEvent::OverLimit { .. }) =>
        {
            vec![Command::Terminate {
                key: main_key(state, ix),
            }]
        }
        (Event::AgentFrozen { .. }, Some(ix)) => vec![Command::Freeze {
            key: main_key(state, ix),
        }],
        (Event::AgentThawed { .. }, Some(ix)) => vec![Command::Thaw {
            key: main_key(state, ix),
        }],
        (Event::Memory(memory), Some(ix)) if matches!(**memory, MemoryEvent::Parking { .. }) => {
            vec![Command::Terminate {
                key: main_key(state, ix),
            }]
        }
        (Event::AgentPreempted(_), Some(ix)) => live(state, ix)
            .map(|key| Command::Terminate { key })
            .collect(),
        (Event::CheckScheduled { place, .. }, _) => of_check(state, place)
            .map(|key| Command::Spawn { key, mode: 0 })
            .into_iter()
            .collect(),
        (Event::CheckEnded { place, .. }, _) => (state.owner(place))
            .and_then(|owner| state.check_of(owner))
            .filter(|check| check.purpose == Purpose::Base && check.base > 0)
            .map(|check| Command::DropBase { number: check.base })
            .into_iter()
            .collect(),
        (Event::CheckFrozen { place, .. }, _) => of_check(state, place)
            .map(|key| Command::Freeze { key })
            .into_iter()
            .collect(),
        (Event::CheckThawed { place, .. }, _) => of_check(state, place)
            .map(|key| Command::Thaw { key })
            .into_iter()
            .collect(),
        (Event::CheckTimeout { place, .. }, _) => of_check(state, place)
            .map(|key| Command::Terminate { key })
            .into_iter()
            .collect(),
        (Event::CheckStarted { place, .. }, _) => state
            .owner(place)
            .filter(|&owner| {
                state
                    .check_of(owner)
                    .is_some_and(|check| check.ending.is_some())
            })
            .and_then(|owner| check_key(state, owner))
            .map(|key| Command::Terminate { key })
            .into_iter()
            .collect(),
        (Event::AgentRetrying { .. } | Event::AgentJoining { .. }, _) => stale_checks(state),
        (Event::RunStopped { .. }, _) => end_all(state),
        (
            Event::OperatorAction {
                action: Action::Stop { target: Some(_) } | Action::Swap { .. },
                agents,
                ..
            },
            _,
        ) => {
            let swap = matches!(
                event,
                Event::OperatorAction {
                    action: Action::Swap { .. },
                    ..
                }
            );
            agents
                .iter()
                .filter_map(|id| state.find(id))
                .flat_map(|ix| live(state, ix).filter(move |key| !swap || key.check.is_none()))
                .map(|key| Command::Terminate { key })
                .collect()
        }
        (Event::Talk(event), Some(ix)) => talk::of_talk(state, event, ix),
        (
            Event::OperatorAction {
                action: Action::Tell { now, .. },
                agents,
                ..
            },
            _,
        ) => {
            let told = agents.iter().filter_map(|id| state.find(id));
            told.filter_map(|ix| talk::of_tell(state, ix, *now))
                .collect()
        }
        (
            Event::OperatorAction {
                action: Action::Open { .. } | Action::Close { .. },
                agents,
                ..
            },
            _,
        ) => {
            let meant = agents.iter().filter_map(|id| state.find(id));
            meant.filter_map(|ix| talk::of_session(state, ix)).collect()
        }
        (Event::AttentionRaised(raised), _) => vec![Command::Notify { id: raised.id }],
        (Event::RunFinished { status, .. }, _) => vec![Command::Finish { status: *status }],
        _ => Vec::new(),
    }
}
