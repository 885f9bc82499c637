//! The first schedule: event by event, whatever may start and fits is started, best first.
//!
//! Work-conserving and without look-ahead, like live dispatch, so that the plan shows what a run
//! does. Order: phase (not in parallel mode), priority, open preferences last, latest finish time,
//! class, plan order. Must not try several schedules: the optimiser does.

mod cohort;
mod floor;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use crate::{
    graph::{
        Critical, Graph,
        critical::{barrier_points, is_barrier},
    },
    plan::{AgentIx, Mode, Plan},
};

use super::capacity::{Capacity, Choices};
use floor::Floor;

/// One agent's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// The agent.
    pub agent: AgentIx,
    /// Its mode, in the order of `worker`.
    pub mode: usize,
    /// Start of its own work; where it has none, the moment from which its sub-agents may start.
    pub start_us: u64,
    /// End of its own work.
    pub end_us: u64,
    /// End of it and all its sub-agents.
    pub done_us: u64,
}

/// The most of everything that is in use at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Peaks {
    /// Memory.
    pub ram_bytes: u64,
    /// Agents.
    pub agents: u32,
    /// Milli-CPUs.
    pub cpus_milli: u64,
    /// Tokens per minute.
    pub tokens_per_minute: u64,
    /// Tracks with a running agent.
    pub tracks: u32,
    /// Other renewable resources.
    pub resources: BTreeMap<String, u64>,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// Everything that runs, by start and then plan order.
    pub items: Vec<Item>,
    /// End of the last of them.
    pub makespan_us: u64,
    /// The most that is in use at once.
    pub peaks: Peaks,
    /// Agents whose condition is not expected to hold, in plan order.
    pub not_expected: Vec<AgentIx>,
    /// Agents that cannot run within the limits, or that wait for one of these, in plan order.
    pub impossible: Vec<AgentIx>,
    /// Needs lead against the order of phases, so that the barriers were left out.
    pub barriers_dropped: bool,
}

/// Generates the schedule of a mode.
#[must_use]
pub fn dispatch(
    plan: &Plan,
    graph: &Graph,
    capacity: &Capacity,
    choices: &Choices,
    mode: Mode,
) -> Schedule {
    let barriers = barrier_points(plan, graph, mode);
    let barriers_dropped =
        barriers.is_none() && (0..plan.phases.len()).any(|phase| is_barrier(plan, mode, phase));
    let points = barriers.as_ref().unwrap_or(graph.points());
    let ranks = Critical::with_barriers(plan, graph, mode, &choices.durations).latest_finish;
    let mut floor = Floor::new(plan, graph, capacity, choices, mode, &ranks);

    let n = graph.len();
    let count = points.order.len();
    let mut open = vec![0_u32; count];
    for p in 0..count {
        for &next in points.succs.row(p) {
            open[next as usize] += 1;
        }
    }
    let mut closes: Vec<Option<AgentIx>> = vec![None; count];
    for ix in graph.indices() {
        closes[graph.close(ix) as usize] = Some(ix);
    }
    let mut done = vec![None; n];
    let mut spans: Vec<Option<(u64, u64)>> = vec![None; n];
    let mut ends: BinaryHeap<Reverse<(u64, AgentIx)>> = BinaryHeap::new();
    let mut reached: Vec<u32> = (0..count as u32)
        .filter(|&p| open[p as usize] == 0)
        .collect();
    let mut now = 0;
    // A point is reached when everything before it has ended; it *completes* when its work has.
    let mut complete: Vec<u32> = Vec::new();
    loop {
        while !reached.is_empty() || !complete.is_empty() {
            for point in std::mem::take(&mut reached) {
                let p = point as usize;
                let ix = AgentIx(point);
                if p < n && choices.expected[p] && !graph.is_group(ix) {
                    if choices.modes[p].is_some() {
                        floor.arrive(ix);
                    }
                } else {
                    if p < n && choices.expected[p] {
                        spans[p] = Some((now, now));
                    }
                    complete.push(point);
                }
            }
            for point in std::mem::take(&mut complete) {
                let p = point as usize;
                if let Some(ix) = closes[p] {
                    done[ix.ix()] = Some(now);
                    for &after in graph.soft_succs(ix) {
                        floor.prefer(after);
                    }
                }
                for &next in points.succs.row(p) {
                    open[next as usize] -= 1;
                    if open[next as usize] == 0 {
                        reached.push(next);
                    }
                }
            }
        }
        floor.start(|ix| {
            let end = now + choices.durations[ix.ix()];
            spans[ix.ix()] = Some((now, end));
            ends.push(Reverse((end, ix)));
        });
        let Some(&Reverse((next, _))) = ends.peek() else {
            break;
        };
        if next > now {
            floor.note_peaks();
            now = next;
        }
        while let Some(&Reverse((end, ix))) = ends.peek()
            && end == now
        {
            ends.pop();
            floor.leave(ix);
            complete.push(ix.0);
        }
    }

    let mut schedule = Schedule {
        peaks: floor.peaks(),
        barriers_dropped,
        not_expected: graph
            .indices()
            .filter(|ix| !choices.expected[ix.ix()])
            .collect(),
        ..Schedule::default()
    };
    for ix in graph.indices().filter(|ix| choices.expected[ix.ix()]) {
        match (spans[ix.ix()], done[ix.ix()]) {
            (Some((start_us, end_us)), Some(done_us)) => schedule.items.push(Item {
                agent: ix,
                mode: choices.modes[ix.ix()].unwrap_or(0),
                start_us,
                end_us,
                done_us,
            }),
            // Its own work would run, but a part of it never does: it is never done.
            (Some((start_us, end_us)), None) => {
                schedule.impossible.push(ix);
                schedule.items.push(Item {
                    agent: ix,
                    mode: choices.modes[ix.ix()].unwrap_or(0),
                    start_us,
                    end_us,
                    done_us: end_us,
                });
            }
            (None, _) => schedule.impossible.push(ix),
        }
    }
    schedule
        .items
        .sort_by_key(|item| (item.start_us, item.agent));
    schedule.makespan_us = schedule
        .items
        .iter()
        .map(|item| item.end_us)
        .max()
        .unwrap_or(0);
    schedule
}
