//! Finds barriers that can never open: an agent of their phase waits, over any number of steps, for
//! one of a later phase, which waits for the barrier.
//!
//! Works on positions alone. Must not report: the caller knows names and places.

use std::collections::HashSet;

use super::id::{AgentIx, PhaseIx};
use super::model::{Agent, NeedKind, Phase, SubAgents, Work};

/// Crossings that are told of each barrier; one takes its place in a plan as long as it is there.
const MOST: usize = 20;

/// Why one agent waits for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// It needs it.
    Need,
    /// It is done when this part of it is.
    Part,
    /// It is a part of it, and starts after its command.
    Parent,
    /// It comes after it among the parts of their parent.
    Sibling,
}

/// One way by which a barrier waits for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crossing {
    /// The phase of the barrier.
    pub phase: PhaseIx,
    /// An agent of that phase.
    pub member: AgentIx,
    /// The agent that waits across the barrier: the member, or one that it waits for.
    pub from: AgentIx,
    /// The agent of a later phase.
    pub to: AgentIx,
    /// Why `from` waits for `to`.
    pub link: Link,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// The start of an agent, and so its own command.
    Start,
    /// That it is done, its parts too.
    Done,
}

/// What each agent is followed by in the family.
struct Family {
    parts: Vec<Vec<AgentIx>>,
    /// The sibling before, where the parent takes them in sequence.
    before: Vec<Option<AgentIx>>,
}

impl Family {
    fn new(agents: &[Agent]) -> Self {
        let mut parts: Vec<Vec<AgentIx>> = vec![Vec::new(); agents.len()];
        let mut before = vec![None; agents.len()];
        for (i, agent) in agents.iter().enumerate() {
            if let Some(parent) = agent.parent.map(AgentIx::ix) {
                if agents[parent].sub_agents == SubAgents::Sequential {
                    before[i] = parts[parent].last().copied();
                }
                parts[parent].push(AgentIx::of(i));
            }
        }
        Self { parts, before }
    }
}

/// Names the first barrier that never opens: its phase, the agent of it that waits, and for whom of a later
/// phase; none: all open.
#[must_use]
pub fn never_opens<'a>(
    agents: &'a [Agent],
    phases: &'a [Phase],
) -> Option<(&'a str, &'a str, &'a str)> {
    let crossing = find(agents, phases).into_iter().next()?;
    let id = |ix: AgentIx| agents[ix.ix()].id.as_str();
    let phase = phases[crossing.phase.ix()].id.as_str();
    Some((phase, id(crossing.member), id(crossing.to)))
}

/// Returns every crossing, by barrier and then in plan order; each pair of agents once.
///
/// Barriers count in every mode, since the mode can change while a run goes on. Agents that have no
/// command of their own, and agents without a phase, wait for no barrier; what they wait for may.
pub(crate) fn find(agents: &[Agent], phases: &[Phase]) -> Vec<Crossing> {
    if !phases.iter().any(|p| p.barrier) {
        return Vec::new();
    }
    let family = Family::new(agents);
    let mut members: Vec<Vec<AgentIx>> = vec![Vec::new(); phases.len()];
    for (i, agent) in agents.iter().enumerate() {
        if let Some(phase) = agent.phase {
            members[phase.ix()].push(AgentIx::of(i));
        }
    }
    // What an earlier barrier waits for holds nothing later, or has been told: each point once.
    let mut seen = [vec![false; agents.len()], vec![false; agents.len()]];
    let mut found = Vec::new();
    for (x, members) in members.iter().enumerate() {
        if !phases[x].barrier {
            continue;
        }
        let phase = PhaseIx::of(x);
        let mut told: HashSet<(AgentIx, AgentIx)> = HashSet::new();
        for &member in members {
            let mut open = vec![(member, Point::Done, member, Link::Need)];
            while let Some((ix, point, from, link)) = open.pop() {
                let agent = &agents[ix.ix()];
                let held = agent.work != Work::Group && agent.phase.is_some_and(|p| p > phase);
                if held {
                    if told.len() < MOST && told.insert((from, ix)) {
                        found.push(Crossing {
                            phase,
                            member,
                            from,
                            to: ix,
                            link,
                        });
                    }
                    continue;
                }
                let seen = &mut seen[usize::from(point == Point::Done)][ix.ix()];
                if std::mem::replace(seen, true) {
                    continue;
                }
                match point {
                    Point::Done => {
                        // It is the same agent: who waits for it stays who waits.
                        open.push((ix, Point::Start, from, link));
                        let parts = family.parts[ix.ix()].iter().rev();
                        open.extend(parts.map(|part| (*part, Point::Done, ix, Link::Part)));
                    }
                    Point::Start => {
                        let parent = agent.parent;
                        open.extend(parent.map(|p| (p, Point::Start, ix, Link::Parent)));
                        let before = family.before[ix.ix()];
                        open.extend(before.map(|b| (b, Point::Done, ix, Link::Sibling)));
                        let hard = agent.needs.iter().rev();
                        let hard = hard.filter(|n| n.kind == NeedKind::Hard);
                        open.extend(hard.map(|n| (n.agent, Point::Done, ix, Link::Need)));
                    }
                }
            }
        }
    }
    found
}
