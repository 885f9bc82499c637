//! The wave graph at its smallest: one cell for each agent, wave beside wave, without edges.
//!
//! Ten thousand agents fit on one screen. Must not know glyphs or styles.

use crate::{
    engine::State,
    plan::AgentIx,
    tui::{chart::Chart, ui_state::UiState},
};

use super::{
    Mark,
    graph::{GraphView, Node, WaveHead},
};

/// Where the agents stand: by wave from left to right, within a wave column after column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cells {
    /// Column and row of each agent.
    pub at: Vec<(u32, u32)>,
    /// First column of each wave.
    pub first: Vec<u32>,
    /// Columns in all.
    pub width: u32,
}

impl Cells {
    /// Places all agents in so many rows; a column is left free between waves where all then still
    /// fit into `columns`.
    #[must_use]
    pub fn new(state: &State, chart: &Chart, columns: u32, rows: u32) -> Self {
        let rows = rows.max(1);
        let waves = state.setup.wave_sizes.len() as u32;
        let needs = |wave: u32| (chart.of_wave(wave).len() as u32).div_ceil(rows);
        let tight: u32 = (1..=waves).map(needs).sum();
        let gap = u32::from(tight + waves.saturating_sub(1) <= columns);
        let mut out = Self {
            at: vec![(0, 0); chart.names.len()],
            ..Self::default()
        };
        for wave in 1..=waves {
            out.first.push(out.width);
            for (n, ix) in (0_u32..).zip(chart.of_wave(wave)) {
                out.at[ix.ix()] = (out.width + n / rows, n % rows);
            }
            out.width += needs(wave) + gap;
        }
        out.width = out.width.saturating_sub(gap);
        out
    }

    /// The agent nearest to a cell, in its column or the next one in a direction.
    #[must_use]
    pub fn step(&self, from: AgentIx, dx: isize, dy: isize) -> Option<AgentIx> {
        let (x, y) = *self.at.get(from.ix())?;
        let (dx, dy) = (dx as i64, dy as i64);
        let beyond = |&(cx, cy): &(u32, u32)| {
            let (ax, ay) = (i64::from(cx) - i64::from(x), i64::from(cy) - i64::from(y));
            if dx == 0 {
                ax == 0 && ay * dy.signum() > 0
            } else {
                ax * dx.signum() > 0
            }
        };
        let far = |&(cx, cy): &(u32, u32)| {
            let (ax, ay) = (cx.abs_diff(x), cy.abs_diff(y));
            if dx == 0 {
                // A page stops at the last one of the column.
                (u64::from(ay).abs_diff(dy.unsigned_abs()), 0)
            } else {
                (u64::from(ax), ay)
            }
        };
        let cells = self.at.iter().enumerate();
        cells
            .filter(|(_, cell)| beyond(cell))
            .min_by_key(|(_, cell)| far(cell))
            .map(|(i, _)| AgentIx::of(i))
    }
}

/// Projects the cells into a window.
#[must_use]
pub(super) fn cells(state: &State, chart: &Chart, ui: &UiState, size: (u16, u16)) -> GraphView {
    let (w, h) = (u32::from(size.0), u32::from(size.1));
    let cells = Cells::new(state, chart, w, h);
    let selected = ui.agent().and_then(|id| state.find(id));
    let limit = cells.width.saturating_sub(w);
    let at = match (ui.graph_at, selected) {
        (Some((x, _)), _) => x.min(limit),
        (None, Some(ix)) => cells.at[ix.ix()].0.saturating_sub(w / 2).min(limit),
        (None, None) => 0,
    };
    let mut nodes = Vec::new();
    for (i, &(x, y)) in cells.at.iter().enumerate() {
        let Some(x) = x.checked_sub(at).filter(|x| *x < w) else {
            continue;
        };
        let ix = AgentIx::of(i);
        nodes.push(Node {
            ix,
            x: x.cast_signed(),
            y: y as u16,
            width: 1,
            name_width: 0,
            mark: Mark::of_agent(state.agent(ix)),
            name: String::new(),
            critical: chart.critical[i],
            selected: selected == Some(ix),
            leaves: 0,
            time: None,
        });
    }
    let waves = cells.first.len() as u32;
    let heads: Vec<WaveHead> = (1_u32..)
        .zip(&cells.first)
        .filter_map(|(wave, x)| {
            Some(WaveHead {
                x: x.checked_sub(at).filter(|x| *x < w)? as u16,
                wave,
                done: state.wave_open[wave as usize - 1] == 0,
            })
        })
        .collect();
    let first = cells.first.partition_point(|x| *x <= at) as u32;
    let last = cells.first.partition_point(|x| *x < at + w) as u32;
    GraphView {
        size,
        at: (at, 0),
        whole: (cells.width, h),
        cells: vec![0; usize::from(size.0) * usize::from(size.1)],
        heads: Vec::new(),
        nodes,
        waves: heads,
        range: (first, last, waves),
        named: selected.map(|ix| chart.names[ix.ix()].clone()),
        placing: false,
    }
}
