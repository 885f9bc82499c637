//! What of a plan never changes and is worth keeping between frames: clean names, the critical
//! path, the placed wave graph, the order for estimates.
//!
//! Built once for each snapshot. Must not hold anything of the run's state.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use crate::{
    display::{clean_line, width},
    engine::Setup,
    graph::{Critical, EdgeKind, Graph, Layout, LayoutOptions, layout, layout_closed},
    plan::{Agent, AgentIx, When},
};

use super::ui_state::{GraphZoom, Screen, UiState};

/// Columns of a name in the graph.
const NODE_NAME: usize = 16;
/// Columns around it: glyph, blank, name, blank.
const NODE_MARK: u32 = 3;
/// Columns for a bar and a time, where there is room: `▓▓▓░ ~1h12m`.
pub const NODE_TIME: u32 = 12;

/// Placed graphs with closed waves that are kept: of the deck's strip and of the screen.
const CLOSED: usize = 4;

/// The words of a closed wave.
#[must_use]
pub fn closed_words(agents: usize, done: usize) -> String {
    format!("{agents} agents, {done} done")
}

/// The unchanging part of a picture of a run.
#[derive(Debug)]
pub struct Chart {
    /// Name of the plan.
    pub plan: String,
    /// Ids of agents, clean.
    pub names: Vec<String>,
    /// Names of workers, clean, for the table.
    pub workers: Vec<String>,
    /// Ids of tracks, clean.
    pub tracks: Vec<String>,
    /// Ids of phases, clean.
    pub phases: Vec<String>,
    /// Place of each agent by name.
    pub name_rank: Vec<u32>,
    /// On the critical path.
    pub critical: Vec<bool>,
    /// Edges of the critical path.
    pub critical_edges: BTreeSet<(u32, u32)>,
    /// Agents in an order in which predecessors come first.
    pub order: Vec<AgentIx>,
    /// Expected to run: no need of it asks for a failure.
    pub expected: Vec<bool>,
    /// Columns of the widest name.
    pub name_width: usize,
    /// Columns of the widest name of each agent's wave, at most [`NODE_NAME`].
    node_name: Vec<u32>,
    graph: Graph,
    strip: OnceLock<Arc<Layout>>,
    roomy: OnceLock<Arc<Layout>>,
    full: OnceLock<Arc<Layout>>,
    /// The last ones with closed waves.
    closed: Mutex<Vec<Closed>>,
    /// Another thread places the graph; until then it stands nowhere.
    placing: bool,
    nowhere: Arc<Layout>,
}

/// A placed graph, and how it was placed.
type Closed = (Place, BTreeSet<u32>, Arc<Layout>);

/// Above so many agents placing the graph would hold up a frame: whoever feeds the dashboard does
/// it, by [`Chart::placed`].
pub const LARGE: usize = 2_000;

/// How the graph is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Names only, row below row.
    Strip,
    /// With times, row below row.
    Roomy,
    /// With times and space between, for a whole screen.
    Full,
}

impl Chart {
    /// Builds the chart of a setup.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let plan = &setup.plan;
        let graph = Graph::new(plan);
        let names: Vec<String> = plan
            .agents
            .iter()
            .map(|a| clean_line(a.id.as_str(), 64))
            .collect();
        let expected: Vec<bool> = plan
            .agents
            .iter()
            .map(|a| {
                !a.needs
                    .iter()
                    .any(|n| matches!(n.when, When::Failed | When::Skipped))
            })
            .collect();
        let durations: Vec<u64> = plan
            .indices()
            .map(|ix| match plan.agent(ix).modes.first() {
                Some(mode) if expected[ix.ix()] && !graph.is_group(ix) => mode.duration.expected_us,
                _ => 0,
            })
            .collect();
        let path = Critical::new(&graph, &durations).path;
        let mut critical = vec![false; names.len()];
        for ix in &path {
            critical[ix.ix()] = true;
        }
        let critical_edges = path.windows(2).map(|p| (p[0].0, p[1].0)).collect();
        let mut order: Vec<AgentIx> = plan.indices().collect();
        order.sort_by_key(|&ix| setup.wave(ix));
        let mut by_name: Vec<usize> = (0..names.len()).collect();
        by_name.sort_by(|&a, &b| names[a].cmp(&names[b]));
        let mut name_rank = vec![0; names.len()];
        for (rank, at) in (0_u32..).zip(by_name) {
            name_rank[at] = rank;
        }
        let mut widest = vec![0; setup.wave_sizes.len() + 1];
        for ix in plan.indices() {
            let at = &mut widest[setup.wave(ix) as usize];
            *at = width(&names[ix.ix()]).min(NODE_NAME).max(*at);
        }
        let node_name = plan
            .indices()
            .map(|ix| widest[setup.wave(ix) as usize] as u32)
            .collect();
        let depth = |ix: AgentIx| {
            std::iter::successors(plan.agent(ix).parent, |&p| plan.agent(p).parent).count()
        };
        Self {
            plan: clean_line(&plan.name, 64),
            workers: plan
                .workers
                .iter()
                .map(|w| clean_line(&w.name, 32))
                .collect(),
            tracks: plan.tracks.iter().map(|t| clean_line(&t.id, 32)).collect(),
            phases: plan.phases.iter().map(|p| clean_line(&p.id, 32)).collect(),
            name_width: plan
                .indices()
                .map(|ix| width(&names[ix.ix()]) + 2 * depth(ix))
                .max()
                .unwrap_or(0),
            names,
            name_rank,
            critical,
            critical_edges,
            order,
            expected,
            node_name,
            graph,
            strip: OnceLock::new(),
            roomy: OnceLock::new(),
            full: OnceLock::new(),
            closed: Mutex::default(),
            placing: plan.agents.len() > LARGE,
            nowhere: Arc::default(),
        }
    }

    /// Builds the chart with its graph placed, however large.
    #[must_use]
    pub fn placed(setup: &Setup) -> Self {
        let chart = Self {
            placing: false,
            ..Self::new(setup)
        };
        for place in [Place::Strip, Place::Full] {
            let _ = chart.layout(place, &BTreeSet::new());
        }
        chart
    }

    /// Whether the graph is still being placed.
    #[must_use]
    pub const fn placing(&self) -> bool {
        self.placing
    }

    /// Whether it is the chart of a setup.
    #[must_use]
    pub fn fits(&self, setup: &Setup) -> bool {
        let agents = &setup.plan.agents;
        let same = |(name, agent): (&String, &Agent)| *name == clean_line(agent.id.as_str(), 64);
        self.names.len() == agents.len() && self.names.iter().zip(agents).all(same)
    }

    /// Columns for an agent's name in the graph: those of its wave line up.
    #[must_use]
    pub fn node_name(&self, ix: AgentIx) -> u32 {
        self.node_name[ix.ix()]
    }

    /// The placed graph; nothing of it while it is being placed.
    #[must_use]
    pub fn layout(&self, place: Place, closed: &BTreeSet<u32>) -> Arc<Layout> {
        if self.placing {
            return self.nowhere.clone();
        }
        let (cell, row_gap, more) = match place {
            Place::Strip => (&self.strip, 0, 0),
            Place::Roomy => (&self.roomy, 0, NODE_TIME),
            Place::Full => (&self.full, 1, NODE_TIME),
        };
        let options = LayoutOptions {
            row_gap,
            ..LayoutOptions::default()
        };
        let wide = |ix| NODE_MARK + self.node_name(ix) + more;
        if closed.is_empty() {
            return cell
                .get_or_init(|| Arc::new(layout(&self.graph, options, wide)))
                .clone();
        }
        let mut kept = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().find(|(p, c, _)| *p == place && c == closed);
        if let Some((.., layout)) = known {
            return layout.clone();
        }
        let placed = Arc::new(layout_closed(&self.graph, options, closed, |ix| {
            let wave = self.graph.wave(ix);
            if closed.contains(&wave) {
                NODE_MARK + self.closed_name(wave)
            } else {
                wide(ix)
            }
        }));
        if kept.len() >= CLOSED {
            kept.remove(0);
        }
        kept.push((place, closed.clone(), placed.clone()));
        placed
    }

    /// Columns for the words of a closed wave.
    #[must_use]
    pub fn closed_name(&self, wave: u32) -> u32 {
        let all = self.graph.waves()[wave as usize - 1].len();
        // As many are done at most as there are.
        width(&closed_words(all, all)) as u32
    }

    /// Agents of a wave (from 1).
    #[must_use]
    pub fn of_wave(&self, wave: u32) -> &[AgentIx] {
        &self.graph.waves()[wave as usize - 1]
    }

    /// How the graph is placed in a window of so many columns.
    #[must_use]
    pub fn place(&self, ui: &UiState, columns: u16) -> Place {
        // A graph with very many agents is not placed a second time only to find that it does not fit.
        let small = self.names.len() <= 400;
        let roomy = || self.layout(Place::Roomy, &ui.waves_closed).width;
        if ui.screen == Screen::Graph {
            match ui.graph_zoom {
                GraphZoom::Times => Place::Full,
                GraphZoom::Names | GraphZoom::Cells => Place::Strip,
            }
        } else if small && roomy() <= u32::from(columns) {
            Place::Roomy
        } else {
            Place::Strip
        }
    }

    /// Whether an edge only sometimes or only softly binds.
    #[must_use]
    pub const fn dashed(kind: EdgeKind) -> bool {
        matches!(kind, EdgeKind::Conditional | EdgeKind::Soft)
    }

    /// Direct predecessors.
    #[must_use]
    pub fn preds(&self, ix: AgentIx) -> &[AgentIx] {
        self.graph.preds(ix)
    }

    /// Direct successors.
    #[must_use]
    pub fn succs(&self, ix: AgentIx) -> &[AgentIx] {
        self.graph.succs(ix)
    }
}
