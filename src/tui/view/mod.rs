//! The projection: from the run's state and one reading to plain data with all that screens show.
//!
//! Pure: the same state, sample and choices give the same view, live and in replay. Words are made
//! for visible rows only. Nothing is shown that was not measured; estimates are marked where they
//! are printed. All text in a view is clean. Must not know glyphs, styles or widgets.

pub mod agent;
pub mod attention;
mod bars;
mod cards;
pub mod cells;
pub mod clash;
mod gates;
pub mod graph;
mod header;
mod left;
mod lines;
pub mod log;
pub mod mark;
mod memory;
pub mod merge;
pub mod model;
pub mod notes;
pub mod outline;
pub mod output;
pub mod queue;
pub mod ram;
pub mod regions;
pub mod report;
pub mod review;
mod rows;
pub mod scrubber;
pub mod servers;
pub mod status;
pub mod terminal;
pub mod timeline;
pub mod why;
pub mod words;

use std::collections::VecDeque;

use crate::{
    engine::{State, Zone},
    plan::AgentIx,
    report::history::History,
    resources::{AgentSample, Sample, Trend},
    schedule::Planned,
};

use super::{
    chart::{Chart, Place},
    draw,
    emulator::Emulator,
    feed::Clock,
    log::LogBuffer,
    output::{CheckPrint, Evidence, OutputBuffer},
    prompted::PromptText,
    search::Search,
    slopes::Slopes,
    ui_state::{self, MIN_SIZE, Screen, UiState},
};
pub use bars::{Base, Memory, Share};
pub use mark::Mark;
pub use model::{
    AgentRow, Attention, Card, Demand, Header, Left, OutputView, Ram, Row, Table, View,
};
pub use notes::Note;
pub use queue::QueueView;
use regions::{Needs, WIDE, regions};
pub use servers::ServerRow;
pub use words::Tone;

/// What a view is made from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The run.
    pub state: &'a State,
    /// The newest reading.
    pub sample: Option<&'a Sample>,
    /// Its figures beside what is reserved now.
    pub figures: &'a crate::engine::Figures,
    /// The next zone and in how many µs it comes, if memory grows on as it does; an estimate.
    pub forecast: Option<(Zone, u64)>,
    /// What does not change.
    pub chart: &'a Chart,
    /// Last events, newest last.
    pub notes: &'a VecDeque<Note>,
    /// The output that is looked at.
    pub output: Option<&'a OutputBuffer>,
    /// What the agent's screen knows beside.
    pub beside: Beside<'a>,
    /// What the check of the selected row printed, where a person has to look at it.
    pub evidence: Option<&'a Evidence>,
    /// Why there is no connection to the runner.
    pub lost: Option<&'a str>,
    /// What happened to each agent.
    pub history: Option<&'a History>,
    /// The schedule that the run began with.
    pub planned: Option<&'a Planned>,
    /// Memory over time.
    pub trend: &'a Trend,
    /// The last half minute of each agent's memory; none: it was not followed.
    pub slopes: Option<&'a Slopes>,
    /// Records for the log.
    pub log: Option<&'a LogBuffer>,
    /// Rows of the report, where they have been made already.
    pub report: Option<&'a report::Rows>,
    /// Status cards, where they have been made already.
    pub status: Option<&'a status::StatusPane>,
    /// Where a replay stands; none: it is live.
    pub clock: Option<&'a Clock>,
    /// Time zone for times of day.
    pub zone: &'a jiff::tz::TimeZone,
}

/// What only the agent's screen shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// What the chosen command of a check printed.
    pub check: Option<&'a CheckPrint>,
    /// The prompt of the shown attempt.
    pub prompt: Option<&'a PromptText>,
    /// What is searched for in the output.
    pub search: Option<&'a Search>,
    /// The terminal of the shown attempt.
    pub terminal: Option<&'a Emulator>,
    /// What is searched for in it.
    pub found: terminal::Found<'a>,
    /// This dashboard has its keyboard.
    pub held: bool,
    /// It is about to be given back.
    pub leaving: bool,
}

impl Source<'_> {
    /// Columns and rows without the line that a replay has.
    const fn size(&self, ui: &UiState) -> (u16, u16) {
        let line = self.clock.is_some() && ui.size.1 > MIN_SIZE.1;
        (ui.size.0, ui.size.1 - line as u16)
    }

    /// The shown moment (elapsed µs).
    #[must_use]
    pub fn now_us(&self) -> u64 {
        let seen = self
            .sample
            .map_or(0, |s| s.elapsed_us)
            .max(self.state.elapsed_us);
        self.clock.map_or(seen, |clock| clock.at_us.max(seen))
    }
}

/// Finds the reading of an agent's live attempt.
#[must_use]
pub fn mine<'a>(state: &State, sample: Option<&'a Sample>, ix: AgentIx) -> Option<&'a AgentSample> {
    let agents = &sample?.agents;
    let at = agents.binary_search_by_key(&ix.0, |a| a.agent).ok()?;
    let agent = state.agent(ix);
    (agents[at].attempt == agent.attempt && agent.live.is_some()).then(|| &agents[at])
}

/// Projects the run onto a screen.
#[must_use]
pub fn project(source: Source<'_>, ui: &UiState) -> View {
    let Source {
        state,
        sample,
        chart,
        ..
    } = source;
    let now_us = source.now_us();
    let waiting = attention::waiting(state);
    // Only the deck has a table, and all agents to put in order take their time.
    let lines = if ui.screen == Screen::Deck {
        outline::outline(state, sample, chart, ui)
    } else {
        outline::Outline::default()
    };
    let wide = ui.size.0 >= WIDE;
    let cards = if wide && ui.screen == Screen::Deck {
        cards::cards(source)
    } else {
        Vec::new()
    };
    let beside = ui.beside == ui_state::Beside::Cards;
    let ram = ui.beside == ui_state::Beside::Memory && ui.screen == Screen::Deck;
    let status = (ui.screen == Screen::Deck && (wide || (beside && ui.size.0 >= regions::BESIDE)))
        .then(|| {
            source
                .status
                .map_or_else(|| status::pane(source), Clone::clone)
        });
    let standing = status
        .as_ref()
        .map_or(0, |pane| draw::status_height(&pane.cards) + 1);
    let headings = cards.iter().filter(|c| c.heading.is_some()).count();
    let texts = cards.iter().filter(|c| !c.text.is_empty()).count();
    let graph_rows = if ui.size.0 < regions::NARROW || chart.names.is_empty() {
        0
    } else if chart.placing() {
        // As much as a large one gets: nothing below shall jump when it comes.
        chart.names.len()
    } else {
        chart.layout(Place::Strip, &ui.waves_closed).height as usize
    };
    let size = source.size(ui);
    let regions = if ui.screen == Screen::Agent {
        agent::regions(source, ui)
    } else {
        let needs = Needs {
            rows: lines.lines.len(),
            graph: graph_rows,
            cards: cards.len() + headings + texts,
            status: standing,
            beside,
            ram: if ram { ram::wanted(source) } else { 0 },
            // Also before the first reading: the rows below shall not jump.
            memory: true,
            attention: waiting.len(),
            sizes: ui.sizes,
        };
        regions(size, ui.screen, needs)
    };
    let regions = if source.clock.is_some() {
        regions.with_scrubber(ui.size)
    } else {
        regions
    };
    let graph_size = regions::graph_window(regions.graph);
    View {
        themes: Vec::new(),
        palette: Vec::new(),
        queue: None,
        merge: (ui.screen == Screen::Merge).then(|| {
            let area = regions.work;
            merge::merge(source, ui, area.width, usize::from(area.height))
        }),
        clash: None,
        review: None,
        line: (ui.beside == ui_state::Beside::Merges && !regions.lately.is_empty())
            .then(|| merge::line(source, usize::from(regions.lately.height))),
        report: (ui.screen == Screen::Report).then(|| {
            let area = regions.report;
            let rows = usize::from(area.height);
            source.report.map_or_else(
                || report::report(source, &report::all(source, area.width), ui, rows),
                |all| report::report(source, all, ui, rows),
            )
        }),
        log: source
            .log
            .filter(|_| ui.screen == Screen::Log)
            .map(|buffer| {
                let rows = draw::log::event_rows(regions.log.height);
                log::log(source, buffer, ui, usize::from(rows))
            }),
        scrubber: source
            .clock
            .map(|clock| scrubber::scrubber(source, clock, regions.scrubber.width)),
        timeline: (ui.screen == Screen::Timeline && !regions.timeline.is_empty()).then(|| {
            let size = (
                regions.timeline.width,
                draw::timeline::agent_rows(regions.timeline.height, state.agents.len()),
            );
            timeline::timeline(source, ui, size, now_us)
        }),
        header: model::Header {
            waits: if regions.attention.is_empty() {
                waiting.len()
            } else {
                0
            },
            ..header::header(source, now_us)
        },
        memory: sample.map(|s| memory::memory(state, s, source.forecast)),
        victim: ram::frees::victim(source),
        ram: (!regions.ram.is_empty()).then(|| {
            let rows = regions::table_rows(regions.ram.height);
            ram::pane(source, ui, usize::from(rows), now_us)
        }),
        servers: sample.map_or_else(Vec::new, |s| servers::servers(state, s)),
        attention: attention::attention(
            source,
            &waiting,
            regions::demands(regions.attention.height),
            now_us,
        ),
        graph: (!regions.graph.is_empty())
            .then(|| graph::graph(state, chart, ui, graph_size, now_us)),
        agent: (!regions.agent.is_empty())
            .then(|| agent::agent(source, ui, &regions, now_us).map(Box::new))
            .flatten(),
        phase: cards::current_phase(source),
        table: rows::table(source, ui, &lines, regions.table.height, now_us),
        cards,
        status,
        page: None,
        output: output::output(source, ui, regions.output),
        terminal: terminal_view(source, ui, regions.output),
        lately: source
            .notes
            .iter()
            .rev()
            .take(usize::from(regions.lately.height))
            .map(|note| (words::clock(note.at_ms, source.zone, true), note.clone()))
            .collect(),
        regions,
    }
}

/// The terminal of the shown attempt, where it has one and nothing else is looked at in its pane.
fn terminal_view(
    source: Source<'_>,
    ui: &UiState,
    area: ratatui::layout::Rect,
) -> Option<terminal::TerminalView> {
    let emulator = source.beside.terminal?;
    let ix = ui.agent().and_then(|id| source.state.find(id))?;
    let attempt = agent::shown_attempt(source.state.agent(ix).attempt, ui);
    let evidence = ui.covers_output();
    let red = source.evidence.is_some_and(|e| !e.lines.is_empty()) && ui.screen == Screen::Deck;
    if (emulator.agent, emulator.attempt) != (ix, attempt) || evidence || red || area.is_empty() {
        return None;
    }
    let beside = source.beside;
    let size = terminal::pane(area, ui);
    emulator.loaded().then(|| terminal::TerminalView {
        held: beside.held,
        leaving: beside.leaving,
        ..terminal::terminal(emulator, size, beside.found)
    })
}
