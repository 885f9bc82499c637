//! From the file as written to the checked plan: layers, references, defaults, and what does not fit.
//!
//! Reports everything it finds and goes on. Must not know about text positions beyond handing them on.

use std::collections::BTreeMap;

use super::decode::Decoder;
use super::diag::{At, Lines};
use super::id::{AgentIx, GateIx};
use super::layers::{Built, Layers};
use super::layers_work;
use super::model::{Agent, Phase, Plan, Worker};
use super::names::{Names, Places};
use super::needs::NeedsOf;
use super::order::{self, Table};
use super::places::{overrides, places};
use super::raw::{RawPlan, RawUnbuilt};
use super::spec::AgentSpec;
use super::tables::{all_unbuilt, gates, leases, limits, phase, resolve_gates, track};
use super::workers::Workers;
use super::{LoadOptions, Positions, only, units};

/// Memory of a command or gate where nobody states it, in bytes.
pub(crate) const COMMAND_RAM: u64 = 200 * units::MIB;

/// Edges that a plan may have in all; each is held in memory.
const MOST_EDGES: usize = 4_000_000;

/// Builds the plan; it is complete only where no error was reported. Beside it, where it says what
/// is looked at when its graph is known.
pub(crate) fn build(
    d: &mut Decoder,
    raw: &RawPlan,
    source: &str,
    options: &LoadOptions,
    read: &mut dyn FnMut(&str) -> Result<String, String>,
) -> (Plan, Positions) {
    let specs: Vec<&AgentSpec> = raw.agents.iter().filter(|a| a.id.is_some()).collect();
    let ids: Vec<&str> = specs
        .iter()
        .filter_map(|a| a.id.as_ref())
        .map(|id| id.v.as_str())
        .collect();
    if raw.agents.is_empty() && !raw.agents_bad {
        d.sink
            .error(At::NOWHERE, "the plan has no agents")
            .help("[[agent]] with an id and a run is enough");
    }
    let phases: Vec<&str> = raw.phases.iter().map(|p| p.id.v.as_str()).collect();
    let tracks: Vec<&str> = raw.tracks.iter().map(|t| t.id.v.as_str()).collect();
    let mut names = Names::new(&ids, phases, tracks);
    duplicates(d, &specs, &names);

    let no_overrides = vec![Vec::new(); specs.len()];
    let mut places = places(d, raw, &specs, &no_overrides, &names);
    names.place(&places);
    let overrides = overrides(d, raw, &specs, &mut names);
    if let Some(overrides) = &overrides {
        places = super::places::places(d, raw, &specs, overrides, &names);
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
    let mut workers = Workers::new(d, raw, options);
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
            let kin = any_parts.then_some(&places);
            agent.needs = wanted.needs(d, &mut names, ix, kin, &id);
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
    order::cycles(d, table, &mut names, &agents);
    let phases: Vec<Phase> = raw.phases.iter().map(|p| phase(d, p, &gate_ix)).collect();
    order::barriers(d, table, &mut names, &agents, &phases);
    let tracks = raw.tracks.iter().map(|t| track(d, t, &gate_ix)).collect();
    let run_gates = resolve_gates(d, &raw.run_gates, &gate_ix);
    let mut wave_gates = BTreeMap::new();
    for (wave, names) in raw.wave_gates.iter().filter(|(_, names)| !names.is_empty()) {
        wave_gates.insert(*wave, resolve_gates(d, names, &gate_ix));
    }
    layers_work::domains(d, raw);
    let gates = gates(d, raw, &limits);
    let leases = leases(d, raw, &limits);

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
    let stem = if stem.is_empty() { "plan" } else { stem };
    let domains = raw
        .domains
        .iter()
        .map(|(id, (_, domain))| (id.clone(), *domain));
    let positions = positions(raw, &specs, &agents, source);
    let plan = Plan {
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
        leases,
        run_gates,
        wave_gates,
        verify: raw.verify.clone(),
        workspace: raw.workspace.clone(),
        merge: raw.merge.clone(),
        domains: domains.collect(),
        require_sandbox: raw.require_sandbox,
        agents,
        unbuilt: all_unbuilt(unbuilt, source),
    };
    (plan, positions)
}

/// Looks up the lines of what the plan's agents are compared by.
fn positions(raw: &RawPlan, specs: &[&AgentSpec], agents: &[Agent], source: &str) -> Positions {
    let mut positions = Positions::default();
    let compared = agents
        .iter()
        .any(|a| a.scope.is_some() || !a.domains.is_empty());
    if !compared && raw.wave_gates.is_empty() {
        return positions;
    }
    let lines = Lines::new(source);
    for (wave, gates) in &raw.wave_gates {
        let place = gates.first().map_or((0, 0), |g| lines.place(g.at));
        positions.waves.insert(*wave, place);
    }
    // `--only` may have dropped some; the order is the plan's.
    let mut specs = specs.iter().filter_map(|s| s.id.as_ref().map(|id| (id, s)));
    for agent in agents.iter().filter(|_| compared) {
        let Some((id, spec)) = specs.find(|(id, _)| id.v == agent.id.as_str()) else {
            break;
        };
        let id = lines.place(id.at);
        positions.agents.push(id);
        let scope = spec.scope.as_ref().map_or(id, |s| lines.place(s.at));
        positions.scopes.push(scope);
    }
    positions
}

fn duplicates(d: &mut Decoder, specs: &[&AgentSpec], names: &Names<'_>) {
    for (i, spec) in specs.iter().enumerate() {
        let Some(id) = &spec.id else { continue };
        if let Some(first) = names.id(&id.v).filter(|ix| ix.ix() != i) {
            let found = d.sink.error(
                id.at,
                format!("duplicate id: agent `{}` is there already", id.v),
            );
            if let Some(item) = &spec.item
                && specs[first.ix()].at == spec.at
            {
                found.help(format!(
                    "`each` has `{item}` twice, or the id does not hold ${{item}}"
                ));
            }
            if let Some(other) = specs[first.ix()].id.as_ref().filter(|o| o.at != id.at) {
                found.related(other.at, "the first one is here");
            }
        }
    }
}

/// The tables that say something about an agent, the strongest first.
pub(crate) type Stack<'p> = Vec<&'p AgentSpec>;

/// Returns the tables that say something about the agent at `i`.
pub(crate) fn stack<'p>(
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
