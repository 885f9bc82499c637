//! The critical-path method: earliest and latest times, slack, one critical path.
//!
//! Works on expected durations that the caller gives (0 for groups and for agents that are not
//! expected to run), so it knows nothing of workers or limits.

use crate::plan::{AgentIx, Mode, Plan};

use super::dag::{Graph, Points};

/// Times of every agent where nothing but the order limits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Critical {
    /// Length of the longest path: no schedule is shorter.
    pub length_us: u64,
    /// Earliest start.
    pub earliest_start: Vec<u64>,
    /// Earliest end of its own work.
    pub earliest_finish: Vec<u64>,
    /// Latest start that delays nothing.
    pub latest_start: Vec<u64>,
    /// Latest end of its own work that delays nothing.
    pub latest_finish: Vec<u64>,
    /// Longest path from the end of its own work to the end of everything.
    pub tail: Vec<u64>,
    /// One longest path, groups left out; ties go to plan order.
    pub path: Vec<AgentIx>,
}

impl Critical {
    /// Computes the times from the graph alone.
    #[must_use]
    pub fn new(graph: &Graph, durations: &[u64]) -> Self {
        Self::over(graph, graph.points(), durations)
    }

    /// Computes the times with the barriers between phases that `mode` keeps.
    ///
    /// Where needs lead against the order of phases, no order obeys both, and the barriers are left
    /// out.
    #[must_use]
    pub fn with_barriers(plan: &Plan, graph: &Graph, mode: Mode, durations: &[u64]) -> Self {
        match barrier_points(plan, graph, mode) {
            Some(points) => Self::over(graph, &points, durations),
            None => Self::new(graph, durations),
        }
    }

    /// Slack of an agent: how much later it may start without delaying anything.
    pub fn slack(&self, ix: AgentIx) -> u64 {
        self.latest_start[ix.ix()] - self.earliest_start[ix.ix()]
    }

    /// Whether it has no slack.
    pub fn is_critical(&self, ix: AgentIx) -> bool {
        self.slack(ix) == 0
    }

    fn over(graph: &Graph, points: &Points, durations: &[u64]) -> Self {
        let n = graph.len();
        let count = points.order.len();
        let takes = |p: usize| if p < n { durations[p] } else { 0 };
        let mut start = vec![0_u64; count];
        let mut length_us = 0;
        for &point in &points.order {
            let p = point as usize;
            let end = start[p] + takes(p);
            length_us = length_us.max(end);
            for &next in points.succs.row(p) {
                let at = &mut start[next as usize];
                *at = end.max(*at);
            }
        }
        let mut tail = vec![0_u64; count];
        for &point in points.order.iter().rev() {
            let p = point as usize;
            tail[p] = points
                .succs
                .row(p)
                .iter()
                .map(|&next| tail[next as usize] + takes(next as usize))
                .max()
                .unwrap_or(0);
        }
        let path = longest_path(n, points, &start, &tail, length_us, takes)
            .into_iter()
            .filter(|&ix| !graph.is_group(ix))
            .collect();
        start.truncate(n);
        tail.truncate(n);
        let latest_finish: Vec<u64> = tail.iter().map(|t| length_us - t).collect();
        Self {
            length_us,
            earliest_finish: start.iter().zip(durations).map(|(s, d)| s + d).collect(),
            latest_start: latest_finish
                .iter()
                .zip(durations)
                .map(|(f, d)| f - d)
                .collect(),
            earliest_start: start,
            latest_finish,
            tail,
            path,
        }
    }
}

/// Follows tight edges from the first critical point; prefers agents in plan order.
fn longest_path(
    n: usize,
    points: &Points,
    start: &[u64],
    tail: &[u64],
    length: u64,
    takes: impl Fn(usize) -> u64,
) -> Vec<AgentIx> {
    let critical = |p: usize| start[p] + takes(p) + tail[p] == length;
    let mut inner = vec![false; start.len()];
    for &point in &points.order {
        for &next in points.succs.row(point as usize) {
            inner[next as usize] = true;
        }
    }
    let mut path = Vec::new();
    let mut at = (0..start.len()).find(|&p| !inner[p] && start[p] == 0 && critical(p));
    while let Some(p) = at {
        if p < n {
            path.push(AgentIx::of(p));
        }
        let end = start[p] + takes(p);
        at = points
            .succs
            .row(p)
            .iter()
            .map(|&next| next as usize)
            .filter(|&next| start[next] == end && critical(next))
            .min();
    }
    path
}

/// Whether later phases wait for this one to end, in a mode.
#[must_use]
pub fn is_barrier(plan: &Plan, mode: Mode, phase: usize) -> bool {
    plan.phases.get(phase).is_some_and(|p| match mode {
        Mode::Parallel => !p.gates.is_empty(),
        Mode::Sequential | Mode::Hybrid => p.barrier || !p.gates.is_empty(),
    })
}

/// The points of the graph with one more for each barrier; none where there is no barrier, or
/// where needs lead against it.
pub(crate) fn barrier_points(plan: &Plan, graph: &Graph, mode: Mode) -> Option<Points> {
    let n = plan.phases.len();
    // Point that agents of a phase wait for, and point that they lead to.
    let mut waits: Vec<Option<u32>> = vec![None; n];
    let mut leads: Vec<Option<u32>> = vec![None; n];
    let mut count = graph.point_count() as u32;
    let mut last: Option<u32> = None;
    let mut edges = Vec::new();
    for phase in 0..n {
        waits[phase] = last;
        if is_barrier(plan, mode, phase) {
            if let Some(before) = last {
                edges.push((before, count));
            }
            leads[phase] = Some(count);
            last = Some(count);
            count += 1;
        }
    }
    last?;
    for ix in graph.indices() {
        if let Some(phase) = graph.stage(ix) {
            if let Some(point) = waits[phase.ix()] {
                edges.push((point, ix.0));
            }
            if let Some(point) = leads[phase.ix()] {
                edges.push((graph.close(ix), point));
            }
        }
    }
    edges.extend_from_slice(graph.point_edges());
    Points::new(count as usize, &edges).ok()
}
