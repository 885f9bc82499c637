//! The state of a run, as the journal's events make it.
//!
//! Plain data; changed by `apply` alone. Must not decide: questions about what follows belong to
//! [`mod@super::decide`].

mod agent;
mod attention;
mod check;
mod clock;
mod conflict;
mod lease;
mod memory;
mod model;
mod order;
mod ready;
mod said;
mod spending;
mod status;
mod sync;
mod talk;
mod work;

pub use agent::{
    AgentState, AttemptEnd, Ending, HandedOff, HoldBy, Live, PhaseState, PhaseStatus, Readiness,
    Remark,
};
pub use attention::{Attention, Item};
pub use check::{BaseCheckout, CheckRun, Compared, JobState, Judged, Red};
pub use conflict::{Chosen, Conflict, Pick, Prediction};
pub use lease::{Lease, Leases};
pub use memory::{Effect, Memory};
pub use model::{Frees, ModelNeed, ModelState};
pub(super) use order::{AT_THE_END, OF_BUDGETS, pack, place_of, unpack};
pub use order::{Due, Rank};
pub use ready::{Place, Ready, Shelf};
pub use said::Said;
pub use spending::{Account, MINUTE_US, Spending};
pub use status::Status;
pub use sync::Syncs;
pub use talk::{Asking, Choice, Cost, Limit, Message, Session, Talk};
pub use work::{
    Checkout, Checkpoint, Delivery, Former, Merge, MergeStage, Merged, Merges, Rollback, Work,
    WorkStage,
};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::plan::{AgentId, AgentIx, Mode, PhaseIx};

use super::{CohortIx, Owner, Setup, StoppedBy, Usage};

/// The whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The plan and what follows from it.
    pub setup: Arc<Setup>,
    /// What was added to the plan that the run began with, in order.
    #[serde(default)]
    pub added: Vec<super::Extension>,
    /// Identifier of the run; empty before it began.
    pub run: String,
    /// Boot of the machine on which the present runner began; handles are of this boot.
    pub boot_id: String,
    /// Sequence number of the last event.
    pub seq: u64,
    /// Time of the last event, milliseconds since the epoch.
    pub at_ms: i64,
    /// Time of the last event (elapsed µs).
    pub elapsed_us: u64,
    /// Wall clock at the start, milliseconds since the epoch.
    pub started_ms: i64,
    /// Mode now.
    pub mode: Mode,
    /// Agents at once now (1 in sequential mode whatever this says).
    pub agents_cap: u32,
    /// Agents, by position.
    pub agents: Vec<AgentState>,
    /// Phases, by position.
    pub phases: Vec<PhaseState>,
    /// Gates of tracks, of waves and of the run, by position; they stand where phases do.
    pub cohorts: Vec<PhaseState>,
    /// Agents by wave that have not ended; index 0 is wave 1.
    pub wave_open: Vec<u32>,
    /// Waves whose completion has been recorded.
    pub waves_done: BTreeSet<u32>,
    /// What is in use.
    pub usage: Usage,
    /// Memory pressure.
    pub memory: Memory,
    /// The run is being stopped, and by whom.
    pub stopping: Option<StoppedBy>,
    /// Recording has a fault.
    pub degraded: Option<String>,
    /// The run has ended with this status.
    pub finished: Option<u8>,
    /// One line about the end.
    pub summary: Option<String>,

    /// What waits for a person.
    pub attention: Attention,
    /// Commit that the run started from.
    pub base_commit: Option<String>,
    /// How work comes together.
    pub merges: Merges,
    /// Where agents come together.
    pub syncs: Syncs,
    /// Providers that take, or took, no more for a while.
    pub limits: BTreeMap<String, Limit>,
    /// What was used of what the plan limits.
    #[serde(default)]
    pub spending: Spending,
    /// Secrets that were taken out of prompts and of what agents printed.
    #[serde(default)]
    pub redacted: u64,
    /// Models that servers hold, by position.
    #[serde(default)]
    pub models: Vec<ModelState>,
    /// Messages that persons have told agents so far.
    pub messages: u32,
    /// Commands inside of agents that wait for memory, or have it.
    #[serde(default)]
    pub leases: Leases,

    /// Ready agents that nobody holds.
    pub ready: Ready,
    /// Agents that a rule froze, in the order of coming back.
    pub resting: BTreeSet<Rank>,
    /// Parked agents that may go on, through admission.
    #[serde(default)]
    pub parked: BTreeSet<Rank>,
    /// Owners whose check command waits for admission: agents (as positions), phases, cohorts.
    pub checks_pending: BTreeSet<(u8, u32)>,
    /// Owners whose frozen check command may go on, through admission.
    pub checks_resting: BTreeSet<(u8, u32)>,
    /// Agents, phases and cohorts whose verdict is due.
    pub settling: BTreeSet<(u8, u32)>,
    /// Waiting agents whose needs are all met, or one of them can no longer be.
    pub movable: BTreeSet<AgentIx>,
    /// Phases and cohorts whose agents have all ended and that have no verdict yet.
    pub gates_due: BTreeSet<(u8, u32)>,
    /// Waves whose agents have all ended and that are not recorded yet.
    pub waves_due: BTreeSet<u32>,
    /// Ends of time limits and back-offs.
    pub due: BTreeSet<Due>,

    /// Live processes (agents' own and checks).
    pub processes: u32,
    /// Time with at least one agent's process running, µs.
    pub busy_us: u64,
    /// Sum over agents' processes of their running time, µs.
    pub work_us: u64,
    /// Time from which `busy_us` and `work_us` are counted on.
    pub counted_us: u64,
    /// Agents' own processes that run (not frozen).
    pub moving: u32,
    /// Retries so far.
    pub retries: u32,
    /// Red checks and gates so far.
    pub red_checks: u32,
    /// Sum of agents' resident memory over time is a projection; the largest reservation so far, bytes.
    pub peak_reserved_bytes: u64,
    /// Most slots held at once so far.
    pub peak_agents: u32,
}

impl State {
    /// Makes the state before the first event. Of a setup that agents were added to it is that of
    /// the begin: the events add them.
    #[must_use]
    pub fn new(setup: Arc<Setup>) -> Self {
        let began = setup.began.clone();
        let setup = began.unwrap_or(setup);
        let mut wave_open = vec![0_u32; setup.wave_sizes.len()];
        let mut agents = Vec::with_capacity(setup.plan.agents.len());
        let mut movable = BTreeSet::new();
        for ix in setup.plan.indices() {
            wave_open[setup.wave(ix) as usize - 1] += 1;
            let (mut needs_open, mut soft_open) = (0, 0);
            for edge in &setup.edges_in[ix.ix()] {
                match edge.kind {
                    super::EdgeKind::Soft => soft_open += 1,
                    _ => needs_open += 1,
                }
            }
            needs_open += u32::try_from(setup.closed_by[ix.ix()].len()).unwrap_or(u32::MAX);
            if needs_open == 0 {
                movable.insert(ix);
            }
            let children_open = u32::try_from(setup.children[ix.ix()].len()).unwrap_or(u32::MAX);
            agents.push(AgentState {
                needs_open,
                soft_open,
                children_open,
                ..AgentState::default()
            });
        }
        let waits = |members: &Vec<AgentIx>| PhaseState {
            open: u32::try_from(members.len()).unwrap_or(u32::MAX),
            ..PhaseState::default()
        };
        let phases: Vec<PhaseState> = setup.members.iter().map(waits).collect();
        let cohorts: Vec<PhaseState> = setup.cohorts.iter().map(|s| waits(&s.members)).collect();
        let gates_due = setup
            .gated()
            .filter(|&owner| setup.members_of(owner).is_empty())
            .map(pack)
            .collect();
        Self {
            run: String::new(),
            boot_id: String::new(),
            seq: 0,
            at_ms: 0,
            elapsed_us: 0,
            started_ms: 0,
            mode: setup.plan.mode,
            agents_cap: setup.agents_cap,
            agents,
            phases,
            cohorts,
            wave_open,
            waves_done: BTreeSet::new(),
            usage: Usage::new(&setup),
            memory: Memory::default(),
            stopping: None,
            degraded: None,
            finished: None,
            summary: None,
            attention: Attention::default(),
            base_commit: None,
            merges: Merges::default(),
            syncs: Syncs::default(),
            limits: BTreeMap::new(),
            spending: Spending::default(),
            redacted: 0,
            models: vec![ModelState::default(); setup.plan.models.len()],
            messages: 0,
            leases: Leases::default(),
            ready: Ready::default(),
            resting: BTreeSet::new(),
            parked: BTreeSet::new(),
            checks_pending: BTreeSet::new(),
            checks_resting: BTreeSet::new(),
            settling: BTreeSet::new(),
            movable,
            gates_due,
            waves_due: BTreeSet::new(),
            due: BTreeSet::new(),
            processes: 0,
            busy_us: 0,
            work_us: 0,
            counted_us: 0,
            moving: 0,
            retries: 0,
            red_checks: 0,
            peak_reserved_bytes: 0,
            peak_agents: 0,
            added: Vec::new(),
            setup,
        }
    }

    /// Returns one agent.
    #[must_use]
    pub fn agent(&self, ix: AgentIx) -> &AgentState {
        &self.agents[ix.ix()]
    }

    /// Returns the id of an agent, to put into an event.
    #[must_use]
    pub fn id(&self, ix: AgentIx) -> AgentId {
        self.setup.plan.agent(ix).id.clone()
    }

    /// Finds an agent by id.
    #[must_use]
    pub fn find(&self, id: &AgentId) -> Option<AgentIx> {
        self.setup.by_id.get(id).copied()
    }

    /// Returns the mode that an attempt of the agent uses or used.
    #[must_use]
    pub fn mode_of(&self, ix: AgentIx) -> &crate::plan::AgentMode {
        self.setup.mode(ix, self.agent(ix).mode)
    }

    /// Returns how many agents may hold a slot now.
    #[must_use]
    pub fn cap(&self) -> u32 {
        let sequential = match self.mode {
            Mode::Sequential => true,
            Mode::Hybrid => !self.setup.hybrid_enabled,
            Mode::Parallel => false,
        };
        if sequential || !self.setup.parallel_enabled {
            1
        } else {
            self.agents_cap
        }
    }

    /// Returns the place of an agent in the order of starting.
    #[must_use]
    pub fn rank(&self, ix: AgentIx) -> Rank {
        let plan = self.setup.plan.agent(ix);
        Rank {
            soft: self.agent(ix).soft_open > 0,
            phase: match self.mode {
                Mode::Hybrid => plan.phase.map_or(u32::MAX, |p| p.0),
                Mode::Sequential | Mode::Parallel => 0,
            },
            priority: plan.priority,
            latest_finish_us: self.setup.ranks[ix.ix()],
            class: plan.class,
            agent: ix,
        }
    }

    /// Returns the place of an agent among the ready ones.
    pub(super) fn place_of(&self, ix: AgentIx) -> Place {
        let modes = &self.setup.plan.agent(ix).modes;
        let agent = self.agent(ix);
        let chosen = agent.chosen().is_some() || agent.stranded != 0;
        Place {
            kind: (!chosen).then(|| self.setup.kinds[ix.ix()]),
            ram_bytes: if modes.len() == 1 {
                self.asks(ix, &modes[0])
            } else {
                0
            },
            rank: self.rank(ix),
        }
    }

    /// Returns the first phase whose barrier is closed now; agents of later phases wait.
    #[must_use]
    pub fn closed_barrier(&self) -> Option<PhaseIx> {
        self.setup
            .plan
            .phases
            .iter()
            .enumerate()
            .find_map(|(i, phase)| {
                let binds = match self.mode {
                    Mode::Parallel => !phase.gates.is_empty(),
                    Mode::Sequential | Mode::Hybrid => phase.barrier,
                };
                (binds && self.phases[i].status != PhaseStatus::Completed).then(|| PhaseIx::of(i))
            })
    }

    /// Returns the checks of an owner.
    #[must_use]
    pub fn check_of(&self, owner: Owner) -> Option<&CheckRun> {
        match owner {
            Owner::Agent(ix) => self.agent(ix).check.as_ref(),
            Owner::Phase(_) | Owner::Cohort(_) => self.gates_of(owner)?.check.as_ref(),
        }
    }

    /// Returns who holds an owner of checks back.
    #[must_use]
    pub fn hold_of(&self, owner: Owner) -> Option<HoldBy> {
        match owner {
            Owner::Agent(ix) => self.agent(ix).hold,
            Owner::Phase(_) | Owner::Cohort(_) => self.gates_of(owner)?.hold,
        }
    }

    /// Returns where the gates of a phase or of a cohort stand; none for an agent.
    #[must_use]
    pub fn gates_of(&self, owner: Owner) -> Option<&PhaseState> {
        match owner {
            Owner::Agent(_) => None,
            Owner::Phase(ix) => self.phases.get(ix.ix()),
            Owner::Cohort(ix) => self.cohorts.get(ix.ix()),
        }
    }

    /// Returns the first cohort that an agent waits for: its gates have not passed.
    #[must_use]
    pub fn closed_cohort(&self, ix: AgentIx) -> Option<CohortIx> {
        let mut closed = self.setup.closed_by[ix.ix()].iter().copied();
        closed.find(|cohort| self.cohorts[cohort.ix()].status != PhaseStatus::Completed)
    }
}
