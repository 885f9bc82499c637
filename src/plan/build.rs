//! From the file as written to the checked plan: layers, references, defaults, and what does not fit.
//!
//! Reports everything it finds and goes on. Must not know about text positions beyond handing them on.

use std::collections::BTreeMap;

use super::barrier::{self, Crossing, Link};
use super::cycle::{self, Count};
use super::decode::Decoder;
use super::diag::At;
use super::id::{AgentIx, GateIx};
use super::layers::{Built, Layers};
use super::model::{Agent, NeedKind, Phase, Plan, Worker};
use super::names::{Names, Places, Target};
use super::needs::NeedsOf;
use super::raw::{RawPlan, RawUnbuilt};
use super::spec::{AgentSpec, Edit};
use super::tables::{all_unbuilt, gates, limits, phase, resolve_gate, track};
use super::workers::Workers;
use super::{LoadOptions, only, units};

/// Memory of a command or gate where nobody states it, in bytes.
pub(crate) const COMMAND_RAM: u64 = 200 * units::MIB;

/// Edges that a plan may have in all; each is held in memory.
const MOST_EDGES: usize = 4_000_000;

/// Builds the plan; it is complete only where no error was reported.
pub(crate) fn build(
    d: &mut Decoder,
    raw: &RawPlan,
    source: &str,
    options: &LoadOptions,
    read: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Plan {
    let specs: Vec<&AgentSpec> = raw.agents.iter().filter(|a| a.id.is_some()).collect();
    let ids: Vec<&str> = specs
        .iter()
        .filter_map(|a| a.id.as_ref())
        .map(|id| id.v.as_str())
        .collect();
    if raw.agents.is_empty() {
        d.sink
            .error(At::NOWHERE, "the plan has no agents")
            .help("[[agent]] with an id and a run is enough");
    }
    let phases: Vec<&str> = raw.phases.iter().map(|p| p.id.v.as_str()).collect();
    let tracks: Vec<&str> = raw.tracks.iter().map(|t| t.id.v.as_str()).collect();
    let mut names = Names::new(ids, phases, tracks);
    duplicates(d, &specs, &names);

    let no_overrides = vec![Vec::new(); specs.len()];
    let mut places = places(d, raw, &specs, &no_overrides, &names);
    names.place(&places);
    let overrides = overrides(d, raw, &specs, &mut names);
    if let Some(overrides) = &overrides {
        places = self::places(d, raw, &specs, overrides, &names);
        names.place(&places);
    }
    let overrides = overrides.unwrap_or(no_overrides);

    let gate_ix: BTreeMap<&str, GateIx> = raw
        .gates
        .keys()
        .enumerate()
        .map(|(i, id)| (id.as_str(), GateIx::of(i)))
        .collect();
    let limits = limits(d, raw, &names);
    let mut workers = Workers::new(raw);
    let mut has_parts = vec![false; specs.len()];
    for parent in places.parent.iter().flatten() {
        has_parts[parent.ix()] = true;
    }
    let any_parts = has_parts.contains(&true);
    let mut layers = Layers {
        raw,
        limits: &limits,
        gates: &gate_ix,
        workers: &mut workers,
        read,
        prompts: BTreeMap::new(),
    };

    let mut agents: Vec<Agent> = Vec::with_capacity(specs.len());
    let mut unbuilt: Vec<RawUnbuilt> = Vec::new();
    let mut edges = 0usize;
    for (i, spec) in specs.iter().enumerate() {
        let ix = AgentIx::of(i);
        let stack = stack(raw, spec, &overrides[i], &places, i);
        let Built { mut agent, carried } = layers.agent(d, &stack, places.track[i], has_parts[i]);
        agent.phase = places.phase[i];
        agent.track = places.track[i];
        agent.parent = places.parent[i];
        if edges <= MOST_EDGES {
            let wanted = NeedsOf {
                raw,
                overrides: &overrides[i],
                stack: &stack,
            };
            let id = agent.id.0.clone();
            agent.needs = wanted.needs(
                d,
                &mut names,
                ix,
                any_parts.then_some(&places),
                &id,
                &mut unbuilt,
            );
            edges += agent.needs.len();
            if edges > MOST_EDGES {
                d.sink
                    .error(
                        spec.at,
                        format!(
                            "the plan has more than {MOST_EDGES} needs, groups counted in full"
                        ),
                    )
                    .help("put an agent or a phase with a barrier between large groups");
            }
        }
        unbuilt.extend(carried);
        agents.push(agent);
    }

    let table = Table {
        raw,
        specs: &specs,
        overrides: &overrides,
        places: &places,
    };
    cycles(d, table, &mut names, &agents);
    let phases: Vec<Phase> = raw.phases.iter().map(|p| phase(d, p, &gate_ix)).collect();
    barriers(d, table, &mut names, &agents, &phases);
    let tracks = raw.tracks.iter().map(|t| track(d, t, &gate_ix)).collect();
    for gate in &raw.gate_refs {
        resolve_gate(d, gate, &gate_ix);
    }
    let gates = gates(d, raw, &limits);

    let dropped = options
        .only
        .as_deref()
        .map(|glob| only::keep(d, &mut agents, &mut names, glob));
    if let Some(dropped) = dropped {
        unbuilt.retain(|u| {
            u.path.first().is_none_or(|p| p != "agent") || !dropped.contains(u.path[1].as_str())
        });
    }
    let workers: Vec<Worker> = workers.finish(d, raw, &mut agents, &mut unbuilt);
    let stem = options.file_name.rsplit('/').next().unwrap_or("");
    let stem = stem.strip_suffix(".toml").unwrap_or(stem);
    Plan {
        version: raw.version.unwrap_or(1),
        name: raw.name.clone().unwrap_or_else(|| stem.to_owned()),
        goal: raw.goal.clone(),
        base: raw.base.clone().unwrap_or_else(|| "HEAD".to_owned()),
        mode: raw.mode.unwrap_or_default(),
        limits,
        phases,
        tracks,
        workers,
        gates,
        agents,
        unbuilt: all_unbuilt(raw, unbuilt, source),
    }
}

fn duplicates(d: &mut Decoder, specs: &[&AgentSpec], names: &Names<'_>) {
    for (i, spec) in specs.iter().enumerate() {
        let Some(id) = &spec.id else { continue };
        if let Some(first) = names.id(&id.v).filter(|ix| ix.ix() != i) {
            let found = d.sink.error(
                id.at,
                format!("duplicate id: agent `{}` is there already", id.v),
            );
            if let Some(other) = specs[first.ix()].id.as_ref().filter(|o| o.at != id.at) {
                found.related(other.at, "the first one is here");
            }
        }
    }
}

/// The tables that say something about an agent, the strongest first.
pub(crate) type Stack<'p> = Vec<&'p AgentSpec>;

fn stack<'p>(
    raw: &'p RawPlan,
    spec: &'p AgentSpec,
    overrides: &[u32],
    places: &Places,
    i: usize,
) -> Stack<'p> {
    let mut stack: Stack<'p> = overrides
        .iter()
        .rev()
        .map(|o| &raw.overrides[*o as usize].spec)
        .collect();
    stack.push(spec);
    stack.extend(places.track[i].map(|t| &raw.tracks[t.ix()].defaults));
    stack.extend(places.phase[i].map(|p| &raw.phases[p.ix()].defaults));
    stack.push(&raw.defaults);
    stack
}

/// Finds parent, phase and track of every agent; a part is where its parent is, unless it says so.
fn places(
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
fn overrides(
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

fn path(specs: &[&AgentSpec], cycle: &[AgentIx]) -> String {
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
struct Table<'a> {
    raw: &'a RawPlan,
    specs: &'a [&'a AgentSpec],
    overrides: &'a [Vec<u32>],
    places: &'a Places,
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
fn barriers(
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

fn cycles(d: &mut Decoder, table: Table<'_>, names: &mut Names<'_>, agents: &[Agent]) {
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
