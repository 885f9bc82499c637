//! Where every agent belongs, and which overrides name it.
//!
//! Must not read what an agent is: only parent, phase and track, which decide the layers of the rest.

use super::cycle;
use super::decode::Decoder;
use super::id::AgentIx;
use super::names::{Names, Places, Target};
use super::order::path;
use super::raw::RawPlan;
use super::spec::{AgentSpec, Edit};

/// Finds parent, phase and track of every agent; a part is where its parent is, unless it says so.
pub(crate) fn places(
    d: &mut Decoder,
    raw: &RawPlan,
    specs: &[&AgentSpec],
    overrides: &[Vec<u32>],
    names: &Names<'_>,
) -> Places {
    let own = |i: usize| {
        let over = overrides[i]
            .iter()
            .rev()
            .map(|o| &raw.overrides[*o as usize].spec);
        over.chain(std::iter::once(specs[i]))
    };
    let count = specs.len();
    let mut places = Places {
        parent: vec![None; count],
        phase: vec![None; count],
        track: vec![None; count],
    };
    for i in 0..count {
        if let Some(parent) = own(i).find_map(|s| s.parent.as_ref()) {
            places.parent[i] = names.agent(d, parent);
        }
    }
    for cycle in cycle::of_parents(&places.parent) {
        let path = path(specs, &cycle);
        let place = own(cycle[0].ix())
            .find_map(|s| s.parent.as_ref())
            .map_or(specs[cycle[0].ix()].at, |p| p.at);
        d.sink
            .error(place, format!("cycle of parents: {path}"))
            .help("each is a part of the next");
        for ix in cycle {
            places.parent[ix.ix()] = None;
        }
    }
    let default_phase = raw.defaults.phase.as_ref().and_then(|p| names.phase(d, p));
    let default_track = raw.defaults.track.as_ref().and_then(|t| names.track(d, t));
    let mut known = vec![false; count];
    let mut chain = Vec::new();
    for start in 0..count {
        let mut next = Some(AgentIx::of(start));
        while let Some(ix) = next.filter(|ix| !known[ix.ix()]) {
            chain.push(ix.ix());
            next = places.parent[ix.ix()];
        }
        for i in chain.drain(..).rev() {
            known[i] = true;
            let parent = places.parent[i].map(AgentIx::ix);
            let phase = own(i).find_map(|s| s.phase.as_ref());
            places.phase[i] = match phase {
                Some(name) => names.phase(d, name),
                None => parent.and_then(|p| places.phase[p]).or(default_phase),
            };
            let track = own(i).find_map(|s| s.track.as_ref());
            places.track[i] = if let Some(name) = track {
                names.track(d, name)
            } else {
                let of_phase =
                    places.phase[i].and_then(|p| raw.phases[p.ix()].defaults.track.as_ref());
                let of_phase = of_phase.and_then(|name| names.track(d, name));
                parent
                    .and_then(|p| places.track[p])
                    .or(of_phase)
                    .or(default_track)
            };
        }
    }
    places
}

/// Returns the overrides of each agent in file order, or none where the plan has none.
pub(crate) fn overrides(
    d: &mut Decoder,
    raw: &RawPlan,
    specs: &[&AgentSpec],
    names: &mut Names<'_>,
) -> Option<Vec<Vec<u32>>> {
    if raw.overrides.is_empty() {
        return None;
    }
    let mut of_agent: Vec<Vec<u32>> = vec![Vec::new(); specs.len()];
    for (o, over) in raw.overrides.iter().enumerate() {
        let o = u32::try_from(o).unwrap_or(u32::MAX);
        for reference in &over.agents {
            for ix in names.find(d, reference).iter().flat_map(Target::agents) {
                if of_agent[ix.ix()].last() != Some(&o) {
                    of_agent[ix.ix()].push(o);
                }
            }
        }
        if over.agents.is_empty() {
            d.sink
                .error(over.spec.at, "the override names no agents")
                .help("agents = [\"…\"]");
        }
        let needs = over.spec.needs.as_deref().unwrap_or_default();
        let edits = needs.iter().filter(|n| n.edit != Edit::Set).count();
        if edits != 0 && edits != needs.len() {
            let plain = needs
                .iter()
                .find(|n| n.edit == Edit::Set)
                .map_or(over.spec.at, |n| n.agent.at);
            d.sink
                .error(
                    plain,
                    "needs of an override are either all edits or all plain",
                )
                .help("`+x` adds, `-x` removes, a plain list replaces");
        }
        for need in needs.iter().filter(|n| n.edit == Edit::Remove) {
            // Checked here, since nobody may be left to notice.
            names.find(d, &need.agent);
        }
    }
    Some(of_agent)
}
