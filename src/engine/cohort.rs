//! Cohorts: the gates of tracks, of waves and of the run, and who waits for them.
//!
//! A phase is a cohort too, with rules of its own (barriers): it stays with the phases. Built once
//! from the plan; must not know how far a run is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{Edge, EdgeKind};
use crate::plan::{AgentIx, GateIx, Plan, TrackIx, When, Work};

/// Place of a cohort in [`super::Setup::cohorts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CohortIx(pub u32);

impl CohortIx {
    /// Returns it as an index.
    #[must_use]
    pub const fn ix(self) -> usize {
        self.0 as usize
    }

    /// Makes it of an index; the last possible one where it does not fit.
    #[must_use]
    pub fn of(i: usize) -> Self {
        Self(u32::try_from(i).unwrap_or(u32::MAX))
    }
}

/// What a cohort closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CohortKind {
    /// A track.
    Track(TrackIx),
    /// A wave, from 1, and those before it.
    Wave(u32),
    /// The run: its gates and `verify`.
    Run,
}

/// Gates over more than one agent, phases aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cohort {
    /// Of what.
    pub kind: CohortKind,
    /// `track:A`, `wave:2` or `run`: in events, and for `retry`.
    pub name: String,
    /// Its gates; those of the run are followed by `verify`.
    pub gates: Vec<GateIx>,
    /// Agents that have to have ended well before its gates are checked, in plan order.
    pub members: Vec<AgentIx>,
    /// Agents that wait until its gates have passed, in plan order.
    pub closes: Vec<AgentIx>,
}

impl Cohort {
    /// Returns its name where names of agents stand too, which have no colon: in names of files and in
    /// markers of processes.
    #[must_use]
    pub fn key(&self) -> &str {
        match self.kind {
            CohortKind::Run => "run:gates",
            CohortKind::Track(_) | CohortKind::Wave(_) => &self.name,
        }
    }
}

impl fmt::Display for Cohort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.split_once(':') {
            Some((what, which)) => write!(f, "{what} {which}"),
            None => write!(f, "the {}", self.name),
        }
    }
}

/// What the cohorts of a plan are made of.
pub(super) struct Ties<'a> {
    pub plan: &'a Plan,
    /// Wave per agent, from 1.
    pub waves: &'a [u32],
    pub edges_in: &'a [Vec<Edge>],
    pub children: &'a [Vec<AgentIx>],
    /// Agents by phase.
    pub phases: &'a [Vec<AgentIx>],
    /// Agents that a cohort does not judge, by its name.
    pub exempt: &'a BTreeMap<String, BTreeSet<AgentIx>>,
}

/// Finds the cohorts of a plan: tracks in plan order, waves, then the run.
///
/// Who needs (`succeeded`, `output:`) an agent of a track from outside of it waits for the track's
/// gates; who depends on an agent of wave ≤ N and lies in a later wave waits for those of wave N.
/// But for whoever the cohort itself waits for, over any number of steps: it would never open.
pub(super) fn find(ties: &Ties<'_>) -> Vec<Cohort> {
    let plan = ties.plan;
    let mut all: Vec<Cohort> = Vec::new();
    for (i, track) in plan.tracks.iter().enumerate() {
        if !track.gates.is_empty() {
            let kind = CohortKind::Track(TrackIx::of(i));
            all.push(point(kind, format!("track:{}", track.id), &track.gates));
        }
    }
    for (wave, gates) in &plan.wave_gates {
        if !gates.is_empty() {
            all.push(point(
                CohortKind::Wave(*wave),
                format!("wave:{wave}"),
                gates,
            ));
        }
    }
    if !plan.run_gates.is_empty() || !plan.verify.is_empty() {
        all.push(point(CohortKind::Run, "run".to_owned(), &plan.run_gates));
    }
    for at in 0..all.len() {
        let (mut members, wanted) = match all[at].kind {
            CohortKind::Track(track) => of_track(ties, track),
            CohortKind::Wave(wave) => of_wave(ties, wave),
            CohortKind::Run => (plan.indices().collect(), Vec::new()),
        };
        if let Some(exempt) = ties.exempt.get(&all[at].name) {
            members.retain(|ix| !exempt.contains(ix));
        }
        let awaited = awaited(ties, &all[..at], &members, !wanted.is_empty());
        let closes = wanted.into_iter().filter(|ix| !awaited[ix.ix()]);
        all[at].closes = closes.collect();
        all[at].members = members;
    }
    all
}

fn point(kind: CohortKind, name: String, gates: &[GateIx]) -> Cohort {
    Cohort {
        kind,
        name,
        gates: gates.to_vec(),
        members: Vec::new(),
        closes: Vec::new(),
    }
}

fn of_track(ties: &Ties<'_>, track: TrackIx) -> (Vec<AgentIx>, Vec<AgentIx>) {
    let inside = |ix: AgentIx| ties.plan.agent(ix).track == Some(track);
    let needs = |edge: &Edge| {
        let wants = matches!(edge.kind, EdgeKind::Need(When::Succeeded | When::Output(_)));
        wants && inside(edge.from)
    };
    ties.plan
        .indices()
        .filter(|&ix| inside(ix) || ties.edges_in[ix.ix()].iter().any(needs))
        .partition(|&ix| inside(ix))
}

fn of_wave(ties: &Ties<'_>, wave: u32) -> (Vec<AgentIx>, Vec<AgentIx>) {
    let (inside, mut later): (Vec<AgentIx>, Vec<AgentIx>) =
        (ties.plan.indices()).partition(|ix| ties.waves[ix.ix()] <= wave);
    let mut depends = vec![false; ties.waves.len()];
    for ix in &inside {
        depends[ix.ix()] = true;
    }
    later.sort_by_key(|ix| ties.waves[ix.ix()]);
    for &ix in &later {
        let mut hard = (ties.edges_in[ix.ix()].iter()).filter(|e| e.kind != EdgeKind::Soft);
        depends[ix.ix()] = hard.any(|edge| depends[edge.from.ix()]);
    }
    later.retain(|ix| depends[ix.ix()]);
    later.sort_unstable();
    (inside, later)
}

/// What is waited for: the start of an agent, that it is done, that a phase or a cohort is.
#[derive(Clone, Copy)]
enum Point {
    Start(AgentIx),
    Done(AgentIx),
    Phase(usize),
    Cohort(usize),
}

/// Whose start the end of the members waits for, over any number of steps, with the cohorts that
/// are there already; nobody where that is not asked for.
fn awaited(ties: &Ties<'_>, known: &[Cohort], members: &[AgentIx], asked: bool) -> Vec<bool> {
    let count = ties.plan.agents.len();
    let mut seen = [vec![false; count], vec![false; count]];
    if !asked {
        return std::mem::take(&mut seen[0]);
    }
    let mut phases = vec![false; ties.phases.len()];
    let mut cohorts = vec![false; known.len()];
    let mut closed_by: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, cohort) in known.iter().enumerate() {
        for ix in &cohort.closes {
            closed_by[ix.ix()].push(at);
        }
    }
    // Barriers count in every mode, since the mode can change while a run goes on.
    let barrier_before =
        |phase: usize| (ties.plan.phases[..phase].iter()).rposition(|phase| phase.barrier);
    let mut open: Vec<Point> = members.iter().map(|&ix| Point::Done(ix)).collect();
    while let Some(point) = open.pop() {
        let seen = match point {
            Point::Start(ix) => &mut seen[0][ix.ix()],
            Point::Done(ix) => &mut seen[1][ix.ix()],
            Point::Phase(at) => &mut phases[at],
            Point::Cohort(at) => &mut cohorts[at],
        };
        if std::mem::replace(seen, true) {
            continue;
        }
        match point {
            Point::Start(ix) => {
                let agent = ties.plan.agent(ix);
                let hard = ties.edges_in[ix.ix()].iter();
                open.extend(hard.filter_map(|edge| match edge.kind {
                    EdgeKind::Soft => None,
                    EdgeKind::SubAgent => Some(Point::Start(edge.from)),
                    EdgeKind::Sibling | EdgeKind::Need(_) => Some(Point::Done(edge.from)),
                }));
                open.extend(closed_by[ix.ix()].iter().map(|&at| Point::Cohort(at)));
                if let Some(phase) = agent.phase.filter(|_| agent.work != Work::Group) {
                    open.extend(barrier_before(phase.ix()).map(Point::Phase));
                }
            }
            Point::Done(ix) => {
                open.push(Point::Start(ix));
                open.extend(ties.children[ix.ix()].iter().map(|&c| Point::Done(c)));
                // Its checks wait for the barriers too.
                if let Some(phase) = ties.plan.agent(ix).phase {
                    open.extend(barrier_before(phase.ix()).map(Point::Phase));
                }
            }
            Point::Phase(at) => {
                open.extend(ties.phases[at].iter().map(|&ix| Point::Done(ix)));
                open.extend(barrier_before(at).map(Point::Phase));
            }
            Point::Cohort(at) => open.extend(known[at].members.iter().map(|&ix| Point::Done(ix))),
        }
    }
    std::mem::take(&mut seen[0])
}
