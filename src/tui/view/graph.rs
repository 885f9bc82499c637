//! The part of the placed wave graph that a window shows.
//!
//! Plain cells: nodes with their state, edges as arms of cells. Must not know glyphs or styles.

use std::collections::BTreeSet;

use crate::{
    engine::{State, Status},
    plan::AgentIx,
    tui::{
        chart::{Chart, Place, closed_words},
        ui_state::{GraphZoom, Pane, Screen, UiState},
    },
};

use super::{Mark, cells, lines::Lines};

/// Arms of an edge cell: two bits each, up, right, down, left from the lowest.
pub type Arms = u8;
/// A line that only sometimes binds.
pub const DASHED: u8 = 1;
/// A plain line.
pub const SINGLE: u8 = 2;
/// A line of the critical path.
pub const DOUBLE: u8 = 3;
pub(super) const UP: u8 = 0;
pub(super) const RIGHT: u8 = 2;
pub(super) const DOWN: u8 = 4;
pub(super) const LEFT: u8 = 6;

/// One agent in the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Which.
    pub ix: AgentIx,
    /// Column in the window; negative: it begins before it.
    pub x: i32,
    /// Row in the window.
    pub y: u16,
    /// Columns.
    pub width: u16,
    /// Columns for the name.
    pub name_width: u16,
    /// State.
    pub mark: Mark,
    /// Name.
    pub name: String,
    /// On the critical path.
    pub critical: bool,
    /// Selected in the table.
    pub selected: bool,
    /// Weight of the line that leaves it; 0: none does.
    pub leaves: u8,
    /// Time, where there is room for one.
    pub time: Option<NodeTime>,
}

/// How long an agent takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeTime {
    /// It took so long, µs.
    Took(u64),
    /// It is expected to take so long, µs.
    Expected(u64),
    /// It has run so long of what was expected, µs.
    Running(u64, u64),
}

/// The end of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Column in the window.
    pub x: u16,
    /// Row in the window.
    pub y: u16,
    /// It points to the left.
    pub back: bool,
    /// Of the critical path.
    pub critical: bool,
}

/// A heading above a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaveHead {
    /// Column in the window.
    pub x: u16,
    /// Number from 1.
    pub wave: u32,
    /// All its agents have ended.
    pub done: bool,
}

/// What a window shows of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GraphView {
    /// Columns and rows of the window.
    pub size: (u16, u16),
    /// Its top left cell in the graph.
    pub at: (u32, u32),
    /// Columns and rows of the whole graph.
    pub whole: (u32, u32),
    /// Edge cells, row by row.
    pub cells: Vec<Arms>,
    /// Ends of edges.
    pub heads: Vec<Head>,
    /// Agents.
    pub nodes: Vec<Node>,
    /// Headings.
    pub waves: Vec<WaveHead>,
    /// First and last visible wave, and how many there are.
    pub range: (u32, u32, u32),
    /// The selected agent, where its node has no room for a name.
    pub named: Option<String>,
    /// It is still being placed.
    pub placing: bool,
}

/// Cells left of what is shown first.
const CONTEXT: u32 = 8;

const fn active(status: Status) -> bool {
    !status.is_final() && !matches!(status, Status::Waiting | Status::Ready | Status::Joining)
}

/// Projects the graph into a window of so many cells.
#[must_use]
pub fn graph(
    state: &State,
    chart: &Chart,
    ui: &UiState,
    size: (u16, u16),
    now_us: u64,
) -> GraphView {
    let full = ui.screen == Screen::Graph;
    if full && ui.graph_zoom == GraphZoom::Cells {
        return cells::cells(state, chart, ui, size);
    }
    let place = chart.place(ui, size.0);
    let layout = chart.layout(place, &ui.waves_closed);
    let layout = &*layout;
    let (w, h) = (u32::from(size.0), u32::from(size.1));
    let selected = ui.agent().and_then(|id| state.find(id));
    let limit = (
        layout.width.saturating_sub(w),
        layout.height.saturating_sub(h),
    );
    let at = if let Some((x, y)) = ui.graph_at {
        (x.min(limit.0), y.min(limit.1))
    } else {
        let follow = selected.filter(|_| full || ui.focus == Pane::Graph);
        follow_window(state, layout, follow, selected, (w, h), limit)
    };
    let mut out = GraphView {
        size,
        at,
        whole: (layout.width, layout.height),
        placing: chart.placing(),
        ..GraphView::default()
    };
    let mut lines = Lines::new(at, (w, h));
    if w == 0 || h == 0 || layout.nodes.is_empty() {
        return out;
    }
    let (right, bottom) = (at.0 + w, at.1 + h);
    let mut heads = Vec::new();
    let stands = |agent: u32| layout.stands[agent as usize].0;
    let critical_edges: BTreeSet<(u32, u32)> = (chart.critical_edges.iter())
        .map(|&(from, to)| (stands(from), stands(to)))
        .collect();
    for route in &layout.routes {
        let critical = critical_edges.contains(&(route.from.0, route.to.0));
        let weight = if critical {
            DOUBLE
        } else if Chart::dashed(route.kind) {
            DASHED
        } else {
            SINGLE
        };
        let mut add = |x, y, arm, weight| lines.add((x, y), arm, weight, route.from.0);
        for pair in route.points.windows(2) {
            let (a, b) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
            if a.y == b.y {
                if a.y < at.1 || a.y >= bottom {
                    continue;
                }
                for x in a.x.max(at.0.saturating_sub(1))..b.x.min(right) {
                    add(x, a.y, RIGHT, weight);
                    add(x + 1, a.y, LEFT, weight);
                }
            } else {
                if a.x < at.0 || a.x >= right {
                    continue;
                }
                for y in a.y.max(at.1.saturating_sub(1))..b.y.min(bottom) {
                    add(a.x, y, DOWN, weight);
                    add(a.x, y + 1, UP, weight);
                }
            }
        }
        if let Some(&start) = route.points.first() {
            let beside = layout.nodes[route.from.ix()].x > start.x;
            add(start.x, start.y, if beside { RIGHT } else { LEFT }, weight);
        }
        if let Some(&end) = route.points.last()
            && end.x >= at.0
            && end.x < right
            && end.y >= at.1
            && end.y < bottom
        {
            heads.push(Head {
                x: (end.x - at.0) as u16,
                y: (end.y - at.1) as u16,
                back: layout.nodes[route.to.ix()].x <= end.x,
                critical,
            });
        }
    }
    out.cells = lines.finish();
    heads.sort_by_key(|h| (h.y, h.x, h.critical));
    out.heads = heads;
    let (mut first, mut last) = (u32::MAX, 0);
    let mut columns: Vec<Option<u32>> = vec![None; state.setup.wave_sizes.len()];
    for (i, rect) in layout.nodes.iter().enumerate() {
        let ix = AgentIx::of(i);
        let wave = state.setup.wave(ix);
        let in_x = rect.x < right && rect.x + rect.width > at.0;
        if in_x && let Some(column) = columns.get_mut(wave as usize - 1) {
            first = first.min(wave);
            last = last.max(wave);
            *column = Some(column.map_or(rect.x, |x| x.min(rect.x)));
        }
        if !in_x || rect.y < at.1 || rect.y >= bottom || layout.stands[i] != ix {
            continue;
        }
        let closed = ui.waves_closed.contains(&wave);
        // The cell behind the box has the weight of the line that leaves it.
        let behind = (rect.x + rect.width).checked_sub(at.0).filter(|x| *x < w);
        let leaves = behind.map_or(0, |x| {
            out.cells[((rect.y - at.1) * w + x) as usize] >> LEFT & 3
        });
        out.nodes.push(Node {
            ix,
            leaves,
            time: (place != Place::Strip && !closed)
                .then(|| node_time(state, ix, now_us))
                .flatten(),
            x: rect.x.cast_signed() - at.0.cast_signed(),
            y: (rect.y - at.1) as u16,
            width: rect.width as u16,
            name_width: if closed {
                chart.closed_name(wave) as u16
            } else {
                chart.node_name(ix) as u16
            },
            mark: if closed {
                together(state, chart.of_wave(wave))
            } else {
                Mark::of_agent(state.agent(ix))
            },
            name: if closed {
                let all = chart.of_wave(wave);
                let done = |ix: &&AgentIx| state.agent(**ix).status == Status::Succeeded;
                closed_words(all.len(), all.iter().filter(done).count())
            } else {
                chart.names[i].clone()
            },
            critical: chart.critical[i],
            selected: selected.is_some_and(|chosen| layout.stands[chosen.ix()] == ix),
        });
    }
    out.waves = (1_u32..)
        .zip(columns)
        .filter_map(|(wave, x)| {
            let x = x.filter(|&x| x >= at.0)?;
            Some(WaveHead {
                x: (x - at.0) as u16,
                wave,
                done: state.wave_open[wave as usize - 1] == 0,
            })
        })
        .collect();
    let waves = u32::try_from(state.setup.wave_sizes.len()).unwrap_or(u32::MAX);
    out.range = (first.min(last), last, waves);
    out
}

/// The mark of several agents: what a person should look at first.
fn together(state: &State, all: &[AgentIx]) -> Mark {
    let marks = all.iter().map(|&ix| Mark::of_agent(state.agent(ix)));
    let urgency = |mark: &Mark| match mark {
        Mark::Block => 0,
        Mark::Fail => 1,
        Mark::Run => 2,
        Mark::Check | Mark::Start | Mark::Retry | Mark::Froze | Mark::Join => 3,
        Mark::Ready => 4,
        Mark::Wait => 5,
        Mark::Done => 6,
        _ => 7,
    };
    marks.min_by_key(urgency).unwrap_or(Mark::Wait)
}

/// The window that shows what is followed, or most of what is active.
fn follow_window(
    state: &State,
    layout: &crate::graph::Layout,
    follow: Option<AgentIx>,
    selected: Option<AgentIx>,
    (w, h): (u32, u32),
    limit: (u32, u32),
) -> (u32, u32) {
    if limit == (0, 0) || layout.nodes.is_empty() {
        return (0, 0);
    }
    if let Some(ix) = follow {
        let rect = layout.nodes[ix.ix()];
        let x = (rect.x + rect.width / 2).saturating_sub(w / 2).min(limit.0);
        let y = rect.y.saturating_sub(h / 2).min(limit.1);
        return (x, y);
    }
    let of = |wanted: &dyn Fn(Status) -> bool| -> Vec<usize> {
        (0..layout.nodes.len())
            .filter(|&i| wanted(state.agents[i].status))
            .collect()
    };
    let mut wanted = of(&active);
    if wanted.is_empty() {
        wanted = of(&|s: Status| !s.is_final());
    }
    let Some(left) = wanted.iter().map(|&i| layout.nodes[i].x).min() else {
        return (0, 0);
    };
    let x = left.saturating_sub(CONTEXT).min(limit.0);
    let mut rows: Vec<u32> = wanted
        .iter()
        .map(|&i| layout.nodes[i])
        .filter(|r| r.x >= x && r.x < x + w)
        .map(|r| r.y)
        .collect();
    rows.sort_unstable();
    // The window that holds most rows; of equal ones the middle of the first.
    let mut best = (0, 0_usize, 0_u32);
    let mut from = 0;
    for (i, &row) in rows.iter().enumerate() {
        while row - rows[from] >= h {
            from += 1;
        }
        if i - from + 1 > best.1 {
            best = (rows[from], i - from + 1, row);
        }
    }
    let slack = h.saturating_sub(best.2 - best.0 + 1);
    let mut y = best.0.saturating_sub(slack / 2).min(limit.1);
    // What is selected is shown too, where the window need only move up or down for it.
    if let Some(rect) = selected
        .map(|ix| layout.nodes[ix.ix()])
        .filter(|r| r.x >= x && r.x < x + w)
    {
        y = y.clamp((rect.y + 1).saturating_sub(h), rect.y);
    }
    (x, y.min(limit.1))
}

fn node_time(state: &State, ix: AgentIx, now_us: u64) -> Option<NodeTime> {
    let agent = state.agent(ix);
    let expected = state.mode_of(ix).duration.expected_us;
    if !state.setup.has_process(ix) {
        return None;
    }
    match agent.status {
        Status::Skipped | Status::Stopped => None,
        Status::Waiting | Status::Ready => Some(NodeTime::Expected(expected)),
        Status::Succeeded | Status::Failed | Status::Blocked => Some(NodeTime::Took(agent.ran_us)),
        _ if agent.live.is_some() => Some(NodeTime::Running(state.clock_us(ix, now_us), expected)),
        _ => None,
    }
}
