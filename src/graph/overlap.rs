//! Agents that can run at once and may write the same paths, or are in the same critical domain.
//!
//! Exact for any number of agents: an agent's relations to 64 others are bits of one word, so that
//! 10,000 agents take 157 walks of the graph and no look at each pair. Must not know lines of the
//! plan file or print: the commands do.

mod globs;

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{AgentIx, Mode, PhaseIx, Plan, Work};

use super::critical::barrier_points;
use super::dag::{Graph, Points};
use globs::Meets;

/// Pairs that are named; of the rest only the number is told.
const NAMED: usize = 20;

/// Steps along the graph in all; a graph of millions of edges must not take minutes.
const MOST_STEPS: u64 = 400_000_000;

/// Two agents that can run at once and may write the same path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// The first in plan order.
    pub first: AgentIx,
    /// The other one.
    pub second: AgentIx,
    /// A glob of the first's scope.
    pub ours: String,
    /// A glob of the other's scope.
    pub theirs: String,
    /// A path that both globs match; none where the globs are too large to find one.
    pub example: Option<String>,
}

/// Agents of one critical domain that can run at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// The domain.
    pub domain: String,
    /// The first pair in plan order.
    pub pair: (AgentIx, AgentIx),
    /// How many pairs there are.
    pub pairs: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overlaps {
    /// The first pairs in plan order.
    pub meetings: Vec<Meeting>,
    /// How many pairs there are in all.
    pub pairs: u64,
    /// By domain, in the order of their names.
    pub shared: Vec<Shared>,
    /// Scopes or the graph are so large that not all was compared.
    pub incomplete: bool,
}

/// Finds the pairs of agents that neither needs nor barriers, gates of waves, or `exclusive` keep
/// apart and whose write scopes meet. Pairs in the same critical domain are [`Overlaps::shared`].
#[must_use]
pub fn overlaps(plan: &Plan, graph: &Graph) -> Overlaps {
    let mut found = Overlaps::default();
    if plan.mode == Mode::Sequential || plan.limits.agents == Some(1) {
        return found;
    }
    let critical: Vec<&str> = plan
        .domains
        .iter()
        .filter(|(_, d)| d.critical)
        .map(|(id, _)| id.as_str())
        .collect();
    let mut meets = Meets::default();
    let mut candidates = Vec::new();
    for ix in plan.indices() {
        let agent = plan.agent(ix);
        if agent.work == Work::Group {
            continue;
        }
        let write = agent.scope.iter().flat_map(|s| &s.write);
        let globs: Vec<usize> = write.map(|glob| meets.intern(glob)).collect();
        let domains = agent
            .domains
            .iter()
            .filter_map(|d| critical.binary_search(&d.as_str()).ok());
        let domains: Vec<usize> = domains.collect();
        if !globs.is_empty() || !domains.is_empty() {
            candidates.push(Candidate { ix, globs, domains });
        }
    }
    if candidates.len() < 2 {
        return found;
    }
    found.incomplete = meets.compare();
    let walk = Walk::new(plan, graph, &candidates);
    let mut first: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut shared: Vec<Option<Shared>> = vec![None; critical.len()];
    let mut steps = 0;
    for from in (0..candidates.len()).step_by(64) {
        steps += walk.steps();
        if steps > MOST_STEPS {
            found.incomplete = true;
            break;
        }
        let columns = &candidates[from..candidates.len().min(from + 64)];
        let apart = walk.apart(plan, graph, columns, &candidates);
        // Of each glob and domain, the columns that it has to do with.
        let mut of_glob = vec![0_u64; meets.len()];
        let mut of_domain = vec![0_u64; critical.len()];
        for (bit, column) in columns.iter().enumerate() {
            for glob in column.globs.iter().flat_map(|g| meets.of(*g)) {
                of_glob[*glob] |= 1 << bit;
            }
            for domain in &column.domains {
                of_domain[*domain] |= 1 << bit;
            }
        }
        let naming = first.len() < NAMED;
        for (row, candidate) in candidates.iter().enumerate().skip(from + 1) {
            // Each pair once: columns before the row.
            let before = if row - from >= 64 {
                u64::MAX
            } else {
                (1 << (row - from)) - 1
            };
            let beside = before & !apart[row];
            let mut same_domain = 0;
            for domain in &candidate.domains {
                let bits = of_domain[*domain] & beside;
                same_domain |= bits;
                if bits != 0 {
                    let one = (columns[bits.trailing_zeros() as usize].ix, candidate.ix);
                    let known = shared[*domain].get_or_insert_with(|| Shared {
                        domain: critical[*domain].to_owned(),
                        pair: one,
                        pairs: 0,
                    });
                    known.pair = known.pair.min(one);
                    known.pairs += u64::from(bits.count_ones());
                }
            }
            let mut bits = candidate.globs.iter().fold(0, |all, g| all | of_glob[*g]);
            bits &= beside & !same_domain;
            found.pairs += u64::from(bits.count_ones());
            while naming && bits != 0 {
                first.insert((from + bits.trailing_zeros() as usize, row));
                if first.len() > NAMED {
                    first.pop_last();
                }
                bits &= bits - 1;
            }
        }
    }
    let named = first
        .iter()
        .map(|(a, b)| (&candidates[*a], &candidates[*b]));
    found.meetings = named.filter_map(|(a, b)| meeting(a, b, &meets)).collect();
    found.shared = shared.into_iter().flatten().collect();
    found
}

/// An agent with something to compare.
struct Candidate {
    ix: AgentIx,
    /// Its write scope, by number.
    globs: Vec<usize>,
    /// Its critical domains, by number.
    domains: Vec<usize>,
}

fn meeting(a: &Candidate, b: &Candidate, meets: &Meets) -> Option<Meeting> {
    let (ours, theirs) = a.globs.iter().find_map(|ours| {
        let theirs = b
            .globs
            .iter()
            .find(|theirs| meets.of(*ours).contains(theirs))?;
        Some((*ours, *theirs))
    })?;
    Some(Meeting {
        first: a.ix,
        second: b.ix,
        ours: meets.text(ours).to_owned(),
        theirs: meets.text(theirs).to_owned(),
        example: meets.example(ours, theirs),
    })
}

/// What the walks of all blocks share.
struct Walk<'g> {
    points: std::borrow::Cow<'g, Points>,
    edges: u64,
    /// Number of closed waves before each candidate's own.
    stretch: Vec<usize>,
}

impl<'g> Walk<'g> {
    fn new(plan: &Plan, graph: &'g Graph, candidates: &[Candidate]) -> Self {
        let points = match barrier_points(plan, graph, plan.mode) {
            Some(points) => std::borrow::Cow::Owned(points),
            None => std::borrow::Cow::Borrowed(graph.points()),
        };
        let rows = points.order.iter();
        let edges = rows
            .map(|p| points.succs.row(*p as usize).len() as u64)
            .sum();
        let stretch = candidates
            .iter()
            .map(|c| plan.wave_gates.range(..graph.wave(c.ix)).count());
        Self {
            edges,
            stretch: stretch.collect(),
            points,
        }
    }

    /// What one block costs.
    fn steps(&self) -> u64 {
        2 * (self.edges + self.points.order.len() as u64)
    }

    /// For each candidate the columns that can never run beside it.
    fn apart(
        &self,
        plan: &Plan,
        graph: &Graph,
        columns: &[Candidate],
        all: &[Candidate],
    ) -> Vec<u64> {
        let mut own = vec![0_u64; self.points.order.len()];
        let mut phases: BTreeMap<Option<PhaseIx>, (u64, u64)> = BTreeMap::new();
        let mut stretches: BTreeMap<usize, u64> = BTreeMap::new();
        for (bit, column) in columns.iter().enumerate() {
            let bit = 1 << bit;
            own[column.ix.ix()] = bit;
            let agent = plan.agent(column.ix);
            let (members, alone) = phases.entry(agent.phase).or_default();
            *members |= bit;
            *alone |= if agent.exclusive { bit } else { 0 };
            let stretch = plan.wave_gates.range(..graph.wave(column.ix)).count();
            *stretches.entry(stretch).or_default() |= bit;
        }
        let (mut before, mut after) = (own.clone(), own);
        for point in &self.points.order {
            let bits = before[*point as usize];
            for next in self.points.succs.row(*point as usize) {
                before[*next as usize] |= bits;
            }
        }
        for point in self.points.order.iter().rev() {
            let next = self.points.succs.row(*point as usize).iter();
            after[*point as usize] |= next.fold(0, |all, next| all | after[*next as usize]);
        }
        let everywhere = phases.get(&None).map_or(0, |(_, alone)| *alone);
        let rows = all.iter().zip(&self.stretch);
        rows.map(|(row, stretch)| {
            let agent = plan.agent(row.ix);
            let (members, alone) = phases.get(&agent.phase).copied().unwrap_or_default();
            let by_itself = match (agent.exclusive, agent.phase) {
                (false, _) => 0,
                (true, None) => u64::MAX,
                (true, Some(_)) => members,
            };
            let same_stretch = stretches.get(stretch).copied().unwrap_or(0);
            before[row.ix.ix()]
                | after[row.ix.ix()]
                | everywhere
                | alone
                | by_itself
                | !same_stretch
        })
        .collect()
    }
}

#[cfg(test)]
mod tests;
