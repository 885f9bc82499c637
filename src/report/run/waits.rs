//! What waited for whom and how long: where the time of a run went.
//!
//! Computed from history and state alone. Must not guess: a wait without a measured cause is
//! called what it is.

use serde::{Deserialize, Serialize};

use crate::{
    engine::{EdgeKind, State, Status},
    plan::{AgentIx, PhaseIx},
    report::past::Past,
};

/// Kinds of waiting, by what would have ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// A person: blocked, frozen, asking for a yes, or behind a gate that is red or asks.
    Person,
    /// A predecessor's end.
    Predecessor,
    /// An earlier phase that had not passed.
    Phase,
    /// Admission: memory, slots, or another limit.
    Room,
    /// The pause before a retry.
    Backoff,
    /// Checks of the work.
    Checks,
}

/// One agent's waiting of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Who waited.
    pub agent: String,
    /// For what.
    pub what: WaitFor,
    /// For which agent: the predecessor that ended last; or for which phase.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub whom: Option<String>,
    /// How long, in milliseconds.
    pub ms: u64,
}

/// For whom an agent waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whom {
    Agent(AgentIx),
    Phase(PhaseIx),
}

/// One agent's waiting of one kind, not yet in words: a large run has tens of thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    agent: AgentIx,
    what: WaitFor,
    whom: Option<Whom>,
    us: u64,
}

impl Found {
    /// Puts it into words.
    #[must_use]
    pub fn told(self, state: &State) -> Wait {
        Wait {
            agent: state.id(self.agent).to_string(),
            what: self.what,
            whom: self.whom.map(|whom| match whom {
                Whom::Agent(ix) => state.id(ix).to_string(),
                Whom::Phase(ix) => state.setup.plan.phases[ix.ix()].id.clone(),
            }),
            ms: self.us / 1000,
        }
    }
}

/// Returns all waits of at least a second, the longest first.
#[must_use]
pub fn waits(state: &State, history: Past<'_>) -> Vec<Wait> {
    let found = find(state, history);
    found.into_iter().map(|found| found.told(state)).collect()
}

/// The same, not yet in words.
#[must_use]
pub fn find(state: &State, history: Past<'_>) -> Vec<Found> {
    let mut out: Vec<Found> = Vec::new();
    for agent in state.setup.plan.indices() {
        let mut add = |what, whom: Option<Whom>, us: u64| {
            if us >= 1_000_000 {
                out.push(Found {
                    agent,
                    what,
                    whom,
                    us,
                });
            }
        };
        let times = history.times(agent);
        let time = |status| times.in_state(status);
        let held = history.held(agent, state.setup.plan.agent(agent).phase, 0);
        let asked = history.asked_us(agent, 0);
        add(
            WaitFor::Person,
            None,
            time(Status::Blocked) + time(Status::Frozen) + held.red_us + asked,
        );
        for (phase, us) in held.phases {
            add(WaitFor::Phase, Some(Whom::Phase(phase)), us);
        }
        add(
            WaitFor::Predecessor,
            last_before(state, agent).map(Whom::Agent),
            time(Status::Waiting),
        );
        add(WaitFor::Room, None, held.room_us);
        add(WaitFor::Backoff, None, time(Status::BackingOff));
        add(
            WaitFor::Checks,
            None,
            time(Status::Checking).saturating_sub(asked),
        );
    }
    out.sort_by(|a, b| {
        let ids = || state.id(a.agent).cmp(&state.id(b.agent));
        (b.us / 1000).cmp(&(a.us / 1000)).then_with(ids)
    });
    out
}

/// The predecessor that ended last, or has not ended, where the agent was held by one.
fn last_before(state: &State, ix: AgentIx) -> Option<AgentIx> {
    let edges = &state.setup.edges_in[ix.ix()];
    edges
        .iter()
        .filter(|edge| edge.kind != EdgeKind::Soft)
        .map(|edge| {
            (
                state.agent(edge.from).ended_us.unwrap_or(u64::MAX),
                edge.from,
            )
        })
        .max()
        .map(|(_, from)| from)
}

/// Returns the chain of agents that the end of the run hung on, first to last: from the agent that
/// ended last back over the predecessor that ended last.
#[must_use]
pub fn realised_path(state: &State) -> Vec<String> {
    let mut at = state
        .setup
        .plan
        .indices()
        .filter(|&ix| state.agent(ix).started_us.is_some())
        .filter_map(|ix| {
            let agent = state.agent(ix);
            // What is blocked when the run ends has got no further.
            let blocked = agent.status == Status::Blocked;
            let end = agent.ended_us.or(blocked.then_some(agent.since_us));
            Some((end?, ix))
        })
        .max()
        .map(|(_, ix)| ix);
    let mut chain = Vec::new();
    let mut seen = vec![false; state.agents.len()];
    // A sub-agent waits for its parent's command, the parent for its sub-agents' end: each agent
    // stands in the chain once.
    while let Some(ix) = at {
        if std::mem::replace(&mut seen[ix.ix()], true) {
            break;
        }
        chain.push(state.id(ix).to_string());
        at = last_before(state, ix);
    }
    chain.reverse();
    chain
}
