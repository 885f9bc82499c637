//! Which rows the table has, in which order: groups, agents below their parents, what is done.
//!
//! Only keys and numbers for all agents; words are made later for the visible ones.

use std::collections::BTreeMap;

use crate::{
    engine::{PhaseStatus, State, Status},
    plan::{AgentIx, PhaseIx},
    resources::Sample,
    tui::{
        chart::Chart,
        ui_state::{Group, Grouping, RowId, Sort, UiState},
    },
};

use super::Mark;

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A heading.
    Group(Group),
    /// An agent, so many levels below its group.
    Agent(AgentIx, u8),
    /// The fold of so many agents that are done.
    Done(u32),
}

/// All rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// In order.
    pub lines: Vec<Line>,
    /// Agents that the filter lets through; none: no filter.
    pub matched: Option<usize>,
    /// Members of the done fold, without their sub-agents.
    pub done: Vec<AgentIx>,
    /// Agents of the done fold, sub-agents too: done, and skipped by their own condition.
    pub done_agents: (usize, usize),
}

impl Outline {
    /// The name of a row.
    #[must_use]
    pub fn id(state: &State, line: Line) -> RowId {
        match line {
            Line::Group(group) => RowId::Group(group),
            Line::Agent(ix, _) => RowId::Agent(state.id(ix)),
            Line::Done(_) => RowId::Done,
        }
    }

    /// The place of a row.
    #[must_use]
    pub fn find(&self, state: &State, id: &RowId) -> Option<usize> {
        match id {
            RowId::Group(group) => self.lines.iter().position(|l| *l == Line::Group(*group)),
            RowId::Agent(id) => {
                let ix = state.find(id)?;
                self.lines
                    .iter()
                    .position(|l| matches!(l, Line::Agent(a, _) if *a == ix))
            }
            RowId::Done => self.lines.iter().position(|l| matches!(l, Line::Done(_))),
        }
    }
}

/// The outermost parent of an agent, or itself.
fn root_of(state: &State, ix: AgentIx) -> AgentIx {
    let mut root = ix;
    while let Some(parent) = state.setup.plan.agent(root).parent {
        root = parent;
    }
    root
}

/// How many of these agents and those below them are done, and how many were skipped.
fn count(state: &State, roots: &[AgentIx]) -> (usize, usize) {
    let mut sums = (0, 0);
    let mut open: Vec<AgentIx> = roots.to_vec();
    while let Some(ix) = open.pop() {
        if state.agent(ix).status == Status::Skipped {
            sums.1 += 1;
        } else {
            sums.0 += 1;
        }
        open.extend(&state.setup.children[ix.ix()]);
    }
    sums
}

/// The group of an agent: that of its outermost parent.
#[must_use]
pub fn group_of(state: &State, grouping: Grouping, ix: AgentIx) -> Option<Group> {
    let plan = &state.setup.plan;
    let root = root_of(state, ix);
    match grouping {
        Grouping::Track if plan.tracks.is_empty() => None,
        Grouping::Phase if plan.phases.is_empty() => None,
        Grouping::Track => Some(Group::Track(plan.agent(root).track)),
        Grouping::Phase => Some(Group::Phase(plan.agent(root).phase)),
        Grouping::Wave => Some(Group::Wave(state.setup.wave(root))),
        Grouping::Flat => None,
    }
}

/// Place of a group among groups: what has none comes last.
fn place(group: Option<Group>) -> u32 {
    match group {
        None => 0,
        Some(Group::Track(t)) => t.map_or(u32::MAX, |t| t.0),
        Some(Group::Phase(p)) => p.map_or(u32::MAX, |p| p.0),
        Some(Group::Wave(w)) => w,
    }
}

/// How much a state asks for a look; less is more.
const fn urgency(status: Status) -> u64 {
    match status {
        Status::Blocked => 0,
        Status::Failed => 1,
        Status::Running
        | Status::Checking
        | Status::Merging
        | Status::Scheduled
        | Status::Preparing
        | Status::Settling => 2,
        Status::Joining => 3,
        Status::BackingOff | Status::Frozen | Status::Parked => 4,
        Status::Ready => 5,
        Status::Waiting => 6,
        Status::Stopped => 7,
        Status::Skipped => 8,
        Status::Succeeded => 9,
    }
}

/// Builds the rows.
#[must_use]
pub fn outline(state: &State, sample: Option<&Sample>, chart: &Chart, ui: &UiState) -> Outline {
    let plan = &state.setup.plan;
    let n = plan.agents.len();
    let filter = Filter::new(&ui.filter);
    let passes = |ix: AgentIx| {
        filter.as_ref().is_none_or(|f| {
            let agent = plan.agent(ix);
            let worker = state.mode_of(ix).worker;
            f.lets(&[
                &chart.names[ix.ix()],
                &agent.title,
                Mark::of_agent(state.agent(ix)).word(),
                worker.map_or("", |w| &chart.workers[w.ix()]),
                agent.track.map_or("", |t| &chart.tracks[t.ix()]),
                agent.phase.map_or("", |p| &chart.phases[p.ix()]),
            ])
        })
    };

    let now_us = sample.map_or(state.elapsed_us, |s| s.elapsed_us.max(state.elapsed_us));
    let memory: BTreeMap<u32, u64> = match (ui.sort, sample) {
        (Sort::Memory, Some(s)) => s
            .agents
            .iter()
            .map(|a| (a.agent, a.counted_bytes()))
            .collect(),
        _ => BTreeMap::new(),
    };
    let mut key: Vec<u64> = (0..n)
        .map(|i| {
            let ix = AgentIx::of(i);
            match ui.sort {
                Sort::Plan => 0,
                Sort::Attention => urgency(state.agent(ix).status),
                Sort::Age => u64::MAX - state.clock_us(ix, now_us),
                Sort::Memory => u64::MAX - memory.get(&ix.0).copied().unwrap_or(0),
                Sort::Name => u64::from(chart.name_rank[i]),
            }
        })
        .collect();
    // Whether an agent or one below it passes, and whether all of them are done.
    let mut shown: Vec<bool> = (0..n).map(|i| passes(AgentIx::of(i))).collect();
    let mut done: Vec<bool> = state
        .agents
        .iter()
        .map(|a| a.status == Status::Succeeded || (a.status == Status::Skipped && a.by_condition))
        .collect();
    let matched = filter
        .as_ref()
        .map(|_| shown.iter().filter(|s| **s).count());
    // Sub-agents come in later waves than their parents.
    for &ix in chart.order.iter().rev() {
        if let Some(parent) = plan.agent(ix).parent {
            shown[parent.ix()] |= shown[ix.ix()];
            done[parent.ix()] &= done[ix.ix()];
            if !matches!(ui.sort, Sort::Name | Sort::Plan) {
                key[parent.ix()] = key[parent.ix()].min(key[ix.ix()]);
            }
        }
    }
    let fold_done = filter.is_none() && (state.finished.is_none() || ui.show_done.is_some());

    // What a person looks at stays where it is when it is done, until they look elsewhere.
    let looked_at = match &ui.selected {
        Some(RowId::Agent(id)) if ui.show_done != Some(true) => {
            state.find(id).map(|ix| root_of(state, ix))
        }
        _ => None,
    };
    // Group, order in it, agent; a heading alone has no agent and comes first.
    let mut roots: Vec<(u32, u64, Option<AgentIx>)> = Vec::with_capacity(n);
    if ui.grouping == Grouping::Phase && filter.is_none() {
        // A phase that failed has a row also when all of its agents are folded away.
        for (i, phase) in state.phases.iter().enumerate() {
            if phase.status == PhaseStatus::Failed {
                roots.push((place(Some(Group::Phase(Some(PhaseIx::of(i))))), 0, None));
            }
        }
    }
    let mut folded = Vec::new();
    for ix in plan.indices() {
        if plan.agent(ix).parent.is_some() || !shown[ix.ix()] {
            continue;
        }
        if fold_done && done[ix.ix()] && looked_at != Some(ix) {
            folded.push(ix);
        } else {
            let group = group_of(state, ui.grouping, ix);
            roots.push((place(group), key[ix.ix()], Some(ix)));
        }
    }
    roots.sort_unstable();

    let mut out = Outline {
        lines: Vec::with_capacity(roots.len() + 8),
        matched,
        done_agents: count(state, &folded),
        done: folded,
    };
    let below = |ix: AgentIx| {
        let mut children: Vec<AgentIx> = state.setup.children[ix.ix()]
            .iter()
            .copied()
            .filter(|c| shown[c.ix()])
            .collect();
        if ui.sort != Sort::Plan {
            children.sort_by_key(|c| key[c.ix()]);
        }
        children
    };
    let closed = |id: &RowId| filter.is_none() && ui.closed.contains(id);
    let walk = |lines: &mut Vec<Line>, root: AgentIx| {
        let mut stack = vec![(root, 0_u8)];
        while let Some((ix, depth)) = stack.pop() {
            lines.push(Line::Agent(ix, depth));
            if state.setup.children[ix.ix()].is_empty()
                || (!ui.closed.is_empty() && closed(&RowId::Agent(state.id(ix))))
            {
                continue;
            }
            let next = depth.saturating_add(1);
            stack.extend(below(ix).into_iter().rev().map(|c| (c, next)));
        }
    };
    let mut last = None;
    for (at, _, ix) in roots {
        let Some(ix) = ix else {
            let group = Group::Phase(Some(PhaseIx(at)));
            out.lines.push(Line::Group(group));
            last = Some(group);
            continue;
        };
        let group = group_of(state, ui.grouping, ix);
        if let Some(group) = group {
            if last != Some(group) {
                out.lines.push(Line::Group(group));
                last = Some(group);
            }
            if closed(&RowId::Group(group)) {
                continue;
            }
        }
        walk(&mut out.lines, ix);
    }
    if !out.done.is_empty() {
        out.lines.push(Line::Done(
            u32::try_from(out.done.len()).unwrap_or(u32::MAX),
        ));
        if ui.show_done == Some(true) {
            for ix in out.done.clone() {
                walk(&mut out.lines, ix);
            }
        }
    }
    out
}

/// A filter: a part of a word, `!` before it for all that do not have it.
struct Filter {
    part: String,
    inverse: bool,
}

impl Filter {
    fn new(text: &str) -> Option<Self> {
        let (part, inverse) = match text.strip_prefix('!') {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        (!part.is_empty()).then(|| Self {
            part: part.to_lowercase(),
            inverse,
        })
    }

    fn lets(&self, words: &[&str]) -> bool {
        let found = words.iter().any(|w| w.to_lowercase().contains(&self.part));
        found != self.inverse
    }
}
