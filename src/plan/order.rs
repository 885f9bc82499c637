//! Reports orders that cannot be kept: needs that go in a circle, barriers that never open.
//!
//! Finds the place in the file that says so. Must not find the orders: `cycle` and `barrier` do.

use super::barrier::{self, Crossing, Link};
use super::build::stack;
use super::cycle::{self, Count};
use super::decode::Decoder;
use super::diag::At;
use super::id::AgentIx;
use super::model::{Agent, NeedKind, Phase};
use super::names::{Names, Places};
use super::needs::NeedsOf;
use super::raw::RawPlan;
use super::spec::{AgentSpec, Edit};

/// The ids of a cycle in a row, its first at both ends; the middle of a long one is left out.
pub(crate) fn path(specs: &[&AgentSpec], cycle: &[AgentIx]) -> String {
    let id = |ix: &AgentIx| specs[ix.ix()].id.as_ref().map_or("?", |id| id.v.as_str());
    let mut names: Vec<&str> = cycle.iter().map(id).collect();
    names.push(names[0]);
    if names.len() > 41 {
        let left = names.len() - 40;
        let middle = format!("… {left} more …");
        let tail = names.split_off(names.len() - 20);
        names.truncate(20);
        return [&names[..], &[middle.as_str()], &tail[..]]
            .concat()
            .join(" → ");
    }
    names.join(" → ")
}

/// All agents as written, to find the place of what is wrong between two of them.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    pub raw: &'a RawPlan,
    pub specs: &'a [&'a AgentSpec],
    pub overrides: &'a [Vec<u32>],
    pub places: &'a Places,
}

impl Table<'_> {
    /// Where the plan says that `a` needs `b`.
    fn need(&self, d: &mut Decoder, names: &mut Names<'_>, a: AgentIx, b: AgentIx) -> Option<At> {
        let overrides = &self.overrides[a.ix()];
        let spec = self.specs[a.ix()];
        let stack = stack(self.raw, spec, overrides, self.places, a.ix());
        let wanted = NeedsOf {
            raw: self.raw,
            overrides,
            stack: &stack,
        };
        let mut specs = wanted.lists().into_iter().flat_map(|(l, _)| l);
        let need = specs.find(|n| {
            n.edit != Edit::Remove
                && names
                    .find(d, &n.agent)
                    .is_some_and(|t| t.agents().contains(&b))
        });
        need.map(|n| n.agent.at)
    }

    /// Where the plan says what matters about an agent alone: its own phase, else its parent, else
    /// where it stands.
    fn agent(&self, ix: AgentIx) -> At {
        let spec = self.specs[ix.ix()];
        let phase = spec.phase.as_ref().map(|p| p.at);
        phase
            .or_else(|| spec.parent.as_ref().map(|p| p.at))
            .unwrap_or(spec.at)
    }

    fn id(&self, ix: AgentIx) -> &str {
        self.specs[ix.ix()]
            .id
            .as_ref()
            .map_or("?", |id| id.v.as_str())
    }
}

/// Reports barriers that can never open.
pub(crate) fn barriers(
    d: &mut Decoder,
    table: Table<'_>,
    names: &mut Names<'_>,
    agents: &[Agent],
    phases: &[Phase],
) {
    for Crossing {
        phase,
        member,
        from,
        to,
        link,
    } in barrier::find(agents, phases)
    {
        let place = match link {
            Link::Need => table.need(d, names, from, to),
            Link::Part => Some(table.agent(to)),
            Link::Parent | Link::Sibling => Some(table.agent(from)),
        };
        let place = place.unwrap_or_else(|| table.agent(from));
        let (a, b) = (table.id(from), table.id(to));
        let later = agents[to.ix()]
            .phase
            .map_or("", |p| phases[p.ix()].id.as_str());
        let tail = match link {
            Link::Need => format!("needs `{b}` of the later phase `{later}`"),
            Link::Part => format!("has the part `{b}` in the later phase `{later}`"),
            Link::Parent => format!("is a part of `{b}` of the later phase `{later}`"),
            Link::Sibling => format!("comes after its sibling `{b}` of the later phase `{later}`"),
        };
        let head = if from == member {
            format!("`{a}`")
        } else {
            format!("`{}` waits for `{a}`, which", table.id(member))
        };
        let id = &phases[phase.ix()].id;
        let error = d.sink.error(
            place,
            format!("the barrier of phase `{id}` never opens: {head} {tail}"),
        );
        error.help(
            "later phases start when the barrier is open; move one of the two to the other's phase",
        );
        if table.agent(to) != place {
            error.related(table.agent(to), format!("`{b}` is here"));
        }
    }
}

/// Reports needs that go in a circle.
pub(crate) fn cycles(d: &mut Decoder, table: Table<'_>, names: &mut Names<'_>, agents: &[Agent]) {
    let (specs, places) = (table.specs, table.places);
    let mut found = cycle::find(agents, Count::Hard);
    let soft = found.is_empty();
    if soft {
        if !agents
            .iter()
            .any(|a| a.needs.iter().any(|n| n.kind == NeedKind::Soft))
        {
            return;
        }
        found = cycle::find(agents, Count::All);
    }
    for cycle in found {
        let mut place = None;
        let mut parts = false;
        for (i, a) in cycle.iter().enumerate() {
            let b = cycle[(i + 1) % cycle.len()];
            let need = table.need(d, names, *a, b);
            parts |= places.parent[a.ix()] == Some(b) || places.parent[b.ix()] == Some(*a);
            place = place.or(need);
        }
        let path = path(specs, &cycle);
        let place = place.unwrap_or(specs[cycle[0].ix()].at);
        if soft {
            d.sink
                .warning(place, format!("cycle with soft needs: {path}"))
                .help("the order that the soft needs ask for cannot be kept everywhere");
        } else if parts {
            d.sink.error(place, format!("cycle: {path}")).help(
                "each waits for the next; a part waits for its parent's command, a parent is done when its parts are",
            );
        } else {
            d.sink
                .error(place, format!("cycle: {path}"))
                .help("each needs the next; take one of these needs away");
        }
    }
}
