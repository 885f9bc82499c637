//! Looks up what references name: agents, groups of agents by track, phase or glob.
//!
//! Every lookup is indexed: a plan of 10,000 agents must not be walked for each need.

use std::collections::HashMap;
use std::rc::Rc;

use super::decode::Decoder;
use super::diag::Sp;
use super::id::{AgentIx, PhaseIx, TrackIx};

/// What a reference to agents names.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// One agent by its id.
    One(AgentIx),
    /// A group, in plan order.
    Group(Rc<[AgentIx]>),
}

impl Target {
    /// Returns the agents.
    pub fn agents(&self) -> &[AgentIx] {
        match self {
            Self::One(ix) => std::slice::from_ref(ix),
            Self::Group(all) => all,
        }
    }
}

/// Where every agent belongs.
#[derive(Debug, Default, Clone)]
pub(crate) struct Places {
    pub parent: Vec<Option<AgentIx>>,
    pub phase: Vec<Option<PhaseIx>>,
    pub track: Vec<Option<TrackIx>>,
}

/// The index of all names.
#[derive(Debug, Default)]
pub(crate) struct Names<'p> {
    ids: HashMap<&'p str, AgentIx>,
    sorted: Vec<(&'p str, AgentIx)>,
    phase_by_id: HashMap<&'p str, PhaseIx>,
    track_by_id: HashMap<&'p str, TrackIx>,
    all_phases: Vec<&'p str>,
    all_tracks: Vec<&'p str>,
    in_phase: Vec<Rc<[AgentIx]>>,
    in_track: Vec<Rc<[AgentIx]>>,
    globs: HashMap<String, Rc<[AgentIx]>>,
}

impl<'p> Names<'p> {
    /// Indexes ids; of duplicates the first counts.
    pub fn new(agents: &[&'p str], phases: Vec<&'p str>, tracks: Vec<&'p str>) -> Self {
        let sorted = agents
            .iter()
            .enumerate()
            .map(|(i, id)| (*id, AgentIx::of(i)))
            .collect();
        let mut names = Self {
            sorted,
            ..Self::default()
        };
        names.ids.reserve(agents.len());
        for (id, ix) in &names.sorted {
            names.ids.entry(id).or_insert(*ix);
        }
        names.sorted.sort_unstable();
        for (i, id) in phases.iter().enumerate() {
            names.phase_by_id.entry(id).or_insert(PhaseIx::of(i));
        }
        for (i, id) in tracks.iter().enumerate() {
            names.track_by_id.entry(id).or_insert(TrackIx::of(i));
        }
        (names.all_phases, names.all_tracks) = (phases, tracks);
        names
    }

    /// Says who is where; groups are looked up by it from now on.
    pub fn place(&mut self, places: &Places) {
        let members = |count: usize, of: &dyn Fn(usize) -> Option<usize>| {
            let mut all: Vec<Vec<AgentIx>> = vec![Vec::new(); count];
            for i in 0..places.phase.len() {
                if let Some(members) = of(i).and_then(|g| all.get_mut(g)) {
                    members.push(AgentIx::of(i));
                }
            }
            all.into_iter().map(Rc::from).collect()
        };
        self.in_phase = members(self.all_phases.len(), &|i| places.phase[i].map(PhaseIx::ix));
        self.in_track = members(self.all_tracks.len(), &|i| places.track[i].map(TrackIx::ix));
    }

    /// Returns an agent by its id.
    pub fn id(&self, id: &str) -> Option<AgentIx> {
        self.ids.get(id).copied()
    }

    /// Returns an agent by its id, or reports that there is none.
    pub fn agent(&self, d: &mut Decoder, name: &Sp<String>) -> Option<AgentIx> {
        let found = self.id(&name.v);
        if found.is_none() {
            d.unknown("agent", name, self.sorted.iter().map(|(id, _)| *id));
        }
        found
    }

    /// Returns a phase by its id, or reports that there is none.
    pub fn phase(&self, d: &mut Decoder, name: &Sp<String>) -> Option<PhaseIx> {
        let found = self.phase_by_id.get(name.v.as_str()).copied();
        if found.is_none() {
            d.unknown("phase", name, self.all_phases.iter().copied());
        }
        found
    }

    /// Returns a track by its id, or reports that there is none.
    pub fn track(&self, d: &mut Decoder, name: &Sp<String>) -> Option<TrackIx> {
        let found = self.track_by_id.get(name.v.as_str()).copied();
        if found.is_none() {
            d.unknown("track", name, self.all_tracks.iter().copied());
        }
        found
    }

    /// Returns the agents that a reference names, or reports what is wrong with it.
    pub fn find(&mut self, d: &mut Decoder, reference: &Sp<String>) -> Option<Target> {
        if let Some(ix) = self.id(&reference.v) {
            return Some(Target::One(ix));
        }
        let part = |text: &str| Sp::new(reference.at, text.to_owned());
        let group = if let Some(name) = reference.v.strip_prefix("track:") {
            let track = self.track(d, &part(name))?;
            self.in_track.get(track.ix()).cloned().unwrap_or_default()
        } else if let Some(name) = reference.v.strip_prefix("phase:") {
            let phase = self.phase(d, &part(name))?;
            self.in_phase.get(phase.ix()).cloned().unwrap_or_default()
        } else if reference.v.starts_with("wave:") {
            d.sink
                .error(
                    reference.at,
                    format!("`{}`: a wave cannot be named here", reference.v),
                )
                .help("waves follow from the needs; name agents, `track:…` or `phase:…`");
            return None;
        } else if is_glob(&reference.v) {
            self.glob(d, reference)?
        } else {
            self.agent(d, reference);
            return None;
        };
        if group.is_empty() {
            d.sink
                .error(reference.at, format!("`{}` matches no agent", reference.v));
            return None;
        }
        Some(Target::Group(group))
    }

    /// Returns the agents that a glob matches, each glob matched only once.
    pub fn glob(&mut self, d: &mut Decoder, glob: &Sp<String>) -> Option<Rc<[AgentIx]>> {
        if let Some(known) = self.globs.get(&glob.v) {
            return Some(Rc::clone(known));
        }
        let fixed = glob.v.find(META).unwrap_or(glob.v.len());
        let (prefix, rest) = glob.v.split_at(fixed);
        let from = self.sorted.partition_point(|(id, _)| *id < prefix);
        let range = self.sorted[from..]
            .iter()
            .take_while(|(id, _)| id.starts_with(prefix));
        let mut found: Vec<AgentIx> = if rest == "*" {
            range.map(|(_, ix)| *ix).collect()
        } else {
            match globset::Glob::new(&glob.v) {
                Ok(pattern) => {
                    let matcher = pattern.compile_matcher();
                    range
                        .filter(|(id, _)| matcher.is_match(id))
                        .map(|(_, ix)| *ix)
                        .collect()
                }
                Err(why) => {
                    d.sink
                        .error(glob.at, format!("bad glob `{}`: {}", glob.v, why.kind()));
                    return None;
                }
            }
        };
        found.sort_unstable();
        let found: Rc<[AgentIx]> = found.into();
        self.globs.insert(glob.v.clone(), Rc::clone(&found));
        Some(found)
    }
}

const META: [char; 6] = ['*', '?', '[', ']', '{', '}'];

/// Whether a reference has a character that no id has and globs use.
pub(crate) fn is_glob(text: &str) -> bool {
    text.contains(META)
}
