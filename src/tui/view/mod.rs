//! The projection: from the run's state and one reading to plain data with all that screens show.
//!
//! Pure: the same state, sample and choices give the same view, live and in replay. Words are made
//! for visible rows only. Nothing is shown that was not measured; estimates are marked where they
//! are printed. All text in a view is clean. Must not know glyphs, styles or widgets.

pub mod graph;
pub mod outline;
pub mod regions;
pub mod words;

use std::collections::VecDeque;

use crate::{
    display::clean_text,
    engine::{PhaseStatus, State, Status, StoppedBy, Zone, mode_name},
    plan::{AgentIx, Priority},
    resources::{AgentSample, Sample},
};

use super::{
    chart::{Chart, Place},
    output::OutputBuffer,
    ui_state::{Group, Grouping, Look, RowId, Screen, UiState},
};
use graph::GraphView;
use outline::{Line, Outline};
use regions::{Needs, Regions, WIDE, regions};
pub use words::{Note, Tone};

/// The states as screens name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the words that are shown")]
pub enum Mark {
    Run,
    Check,
    Start,
    Join,
    Retry,
    Froze,
    Block,
    Ready,
    Wait,
    Done,
    Fail,
    Skip,
    Stop,
}

impl Mark {
    /// All, in the order of the header's counts.
    pub const ALL: [Self; 13] = [
        Self::Run,
        Self::Check,
        Self::Start,
        Self::Join,
        Self::Retry,
        Self::Froze,
        Self::Block,
        Self::Fail,
        Self::Ready,
        Self::Wait,
        Self::Done,
        Self::Skip,
        Self::Stop,
    ];

    /// The mark of a state.
    #[must_use]
    pub const fn of(status: Status) -> Self {
        match status {
            Status::Waiting => Self::Wait,
            Status::Ready => Self::Ready,
            Status::Scheduled => Self::Start,
            Status::Running => Self::Run,
            Status::Frozen => Self::Froze,
            Status::Settling | Status::Checking => Self::Check,
            Status::BackingOff => Self::Retry,
            Status::Joining => Self::Join,
            Status::Blocked => Self::Block,
            Status::Succeeded => Self::Done,
            Status::Failed => Self::Fail,
            Status::Skipped => Self::Skip,
            Status::Stopped => Self::Stop,
        }
    }

    /// The word of at most 6 letters.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Check => "check",
            Self::Start => "start",
            Self::Join => "join",
            Self::Retry => "retry",
            Self::Froze => "froze",
            Self::Block => "block",
            Self::Ready => "ready",
            Self::Wait => "wait",
            Self::Done => "done",
            Self::Fail => "fail",
            Self::Skip => "skip",
            Self::Stop => "stop",
        }
    }
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Name of the plan.
    pub plan: String,
    /// Short identifier of the run.
    pub run: String,
    /// Mode, with the cap where it is not sequential.
    pub mode: String,
    /// Time that the run has been alive, µs.
    pub elapsed_us: u64,
    /// Estimate of what is left, µs; none: nothing is.
    pub left_us: Option<u64>,
    /// Agents that are done.
    pub done: usize,
    /// Agents in all.
    pub total: usize,
    /// Agents by state, those with any.
    pub counts: Vec<(Mark, usize)>,
    /// Time of day of the last news.
    pub clock: String,
    /// Recording, or what is wrong with it.
    pub fault: Option<String>,
    /// What the whole run is doing beside running: stopping, ended, connection lost.
    pub banner: Option<(String, Tone)>,
    /// Memory pressure and zone, for small screens.
    pub pressure: Option<(u32, Zone)>,
}

/// The memory bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Memory in all, bytes.
    pub total: u64,
    /// Resident in agents' trees, bytes.
    pub agents: u64,
    /// Used by all others, bytes.
    pub others: u64,
    /// Reserved for agents but not used yet, bytes.
    pub reserved: u64,
    /// The rest, bytes.
    pub free: u64,
    /// Reserved in all, of the limit, bytes.
    pub booked: (u64, u64),
    /// Pressure in permille.
    pub pressure: u32,
    /// The zone.
    pub zone: Zone,
    /// Nothing starts.
    pub halted: bool,
    /// Thresholds in permille: yellow, orange, red.
    pub marks: [u32; 3],
    /// Swap in use, bytes.
    pub swap: u64,
    /// Share of time in which tasks stalled for memory, permille.
    pub stall: u32,
    /// wavedeck's own, bytes.
    pub own: u64,
}

/// Memory of one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ram {
    /// Resident now, bytes; none: it has no process.
    pub own: Option<u64>,
    /// Highest so far, bytes.
    pub peak: u64,
    /// Reserved, bytes.
    pub reserved: u64,
    /// The reservation was not stated but guessed.
    pub guessed: bool,
    /// How its use compares with its reservation.
    pub zone: Zone,
}

/// Estimate of the time that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// About so long, µs.
    About(u64),
    /// Over its expected time by so long, µs.
    Over(u64),
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// A heading.
    Group {
        /// Its name.
        name: String,
        /// Its title, where it says more than the name.
        title: String,
        /// What there is to say about it.
        text: String,
        /// How that is meant.
        tone: Tone,
        /// Agents done.
        done: usize,
        /// Agents in all.
        total: usize,
        /// Counts worth a word.
        counts: Vec<(Mark, usize)>,
        /// Memory resident in all its agents, bytes.
        ram: u64,
        /// It holds the critical path.
        critical: bool,
        /// Folded away.
        closed: bool,
    },
    /// An agent.
    Agent(Box<AgentRow>),
    /// The fold of what is done.
    Done {
        /// How many.
        count: u32,
        /// Their names.
        names: String,
        /// Listed below.
        open: bool,
    },
}

/// An agent's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// Which.
    pub ix: AgentIx,
    /// Levels below its group.
    pub depth: u8,
    /// Its state.
    pub mark: Mark,
    /// Its id.
    pub name: String,
    /// Marked by the person.
    pub marked: bool,
    /// On the critical path.
    pub critical: bool,
    /// Its sub-agents are folded away.
    pub closed: bool,
    /// What it does or why it waits.
    pub now: String,
    /// How that is meant.
    pub tone: Tone,
    /// Its worker; a coming one after an arrow.
    pub worker: String,
    /// Another worker was asked for.
    pub swapping: bool,
    /// Attempt and how many there may be.
    pub attempt: (u32, u32),
    /// Wave.
    pub wave: u32,
    /// Priority, where it is not normal.
    pub priority: &'static str,
    /// Time that its process has run, µs.
    pub age_us: Option<u64>,
    /// Time since its last output, µs.
    pub quiet_us: Option<u64>,
    /// It is silent for longer than it should.
    pub quiet: bool,
    /// Its memory.
    pub ram: Option<Ram>,
    /// Bytes of its output.
    pub output: Option<u64>,
    /// Processes of its tree.
    pub processes: Option<u32>,
    /// What is left.
    pub left: Option<Left>,
}

/// The table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Visible rows.
    pub rows: Vec<Row>,
    /// Number of the first visible row.
    pub first: usize,
    /// Rows in all.
    pub total: usize,
    /// The selected row among the visible ones.
    pub selected: Option<usize>,
    /// Agents that the filter lets through.
    pub matched: Option<usize>,
    /// Columns of the widest name.
    pub name_width: usize,
    /// Columns of the widest worker, 0: nobody has one.
    pub worker_width: usize,
    /// Whether anybody has more than one attempt.
    pub retries: bool,
    /// Marked agents.
    pub marked: usize,
}

/// A card of a phase or a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// First of its kind: the heading above it.
    pub heading: Option<&'static str>,
    /// Name.
    pub name: String,
    /// Agents that are done, at work, failed or blocked, and in all.
    pub done: usize,
    /// At work.
    pub active: usize,
    /// Failed, blocked.
    pub bad: usize,
    /// In all.
    pub total: usize,
    /// Word at the right.
    pub word: String,
    /// How it is meant.
    pub tone: Tone,
    /// More about it.
    pub text: String,
}

/// The output pane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutputView {
    /// Whose; empty: nobody is selected.
    pub name: String,
    /// Its state.
    pub mark: Option<Mark>,
    /// Worker.
    pub worker: String,
    /// Attempt.
    pub attempt: u32,
    /// Clean lines.
    pub lines: Vec<String>,
    /// It follows the end.
    pub follows: bool,
    /// Place of the last shown byte and size of the file.
    pub place: (u64, u64),
    /// In place of lines.
    pub empty: &'static str,
    /// Title and details of the selected agent, for when there is no output.
    pub about: Vec<(String, Tone)>,
}

/// Everything that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// Where.
    pub regions: Regions,
    /// First line.
    pub header: Header,
    /// Memory, where it was measured.
    pub memory: Option<Memory>,
    /// The wave graph, where it has a place.
    pub graph: Option<GraphView>,
    /// The phase that is at work, in words.
    pub phase: Option<(String, Tone)>,
    /// The table.
    pub table: Table,
    /// Cards of the side column.
    pub cards: Vec<Card>,
    /// The selected agent's output.
    pub output: OutputView,
    /// Last events, newest first.
    pub lately: Vec<(String, Note)>,
}

/// What a view is made from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The run.
    pub state: &'a State,
    /// The newest reading.
    pub sample: Option<&'a Sample>,
    /// What does not change.
    pub chart: &'a Chart,
    /// Last events, newest last.
    pub notes: &'a VecDeque<Note>,
    /// The output that is looked at.
    pub output: Option<&'a OutputBuffer>,
    /// Why there is no connection to the runner.
    pub lost: Option<&'a str>,
    /// Time zone for times of day.
    pub zone: &'a jiff::tz::TimeZone,
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
    let now_us = sample.map_or(state.elapsed_us, |s| s.elapsed_us.max(state.elapsed_us));
    let lines = outline::outline(state, sample, chart, ui);
    let wide = ui.size.0 >= WIDE;
    let cards = if wide && ui.screen == Screen::Deck {
        cards(source)
    } else {
        Vec::new()
    };
    let headings = cards.iter().filter(|c| c.heading.is_some()).count();
    let texts = cards.iter().filter(|c| !c.text.is_empty()).count();
    let graph_rows = if ui.size.0 < regions::NARROW || chart.names.is_empty() {
        0
    } else {
        chart.layout(Place::Strip).height as usize
    };
    let regions = regions(
        ui.size,
        ui.screen,
        Needs {
            rows: lines.lines.len(),
            graph: graph_rows,
            cards: cards.len() + headings + texts,
            memory: sample.is_some(),
        },
    );
    let graph_size = regions::graph_window(regions.graph);
    View {
        header: header(source, now_us),
        memory: sample.map(|s| memory(state, s)),
        graph: (!regions.graph.is_empty())
            .then(|| graph::graph(state, chart, ui, graph_size, now_us)),
        phase: current_phase(source),
        table: table(source, ui, &lines, regions.table.height, now_us),
        cards,
        output: output(source, ui, regions.output.height),
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

fn header(source: Source<'_>, now_us: u64) -> Header {
    let Source { state, chart, .. } = source;
    let mut counts = [0_usize; Mark::ALL.len()];
    for agent in &state.agents {
        counts[Mark::of(agent.status) as usize] += 1;
    }
    let at_ms = source
        .sample
        .map_or(state.at_ms, |s| s.at_ms.max(state.at_ms));
    let mode = match state.cap() {
        1 => "one at a time".to_owned(),
        cap => format!("{} {}/{cap}", mode_name(state.mode), state.usage.agents),
    };
    let banner = if let Some(lost) = source.lost {
        Some((
            format!("connection lost: {}", clean_text(lost, 80)),
            Tone::Bad,
        ))
    } else if let Some(status) = state.finished {
        let summary = state.summary.as_deref().unwrap_or("ended");
        let tone = if status == 0 { Tone::Good } else { Tone::Bad };
        Some((clean_text(summary, 100), tone))
    } else {
        state.stopping.as_ref().map(|by| {
            let text = match by {
                StoppedBy::Operator => "STOPPING, asked for by you",
                StoppedBy::Signal(_) => "STOPPING, a signal came",
                StoppedBy::GuardLost => "STOPPING, the guard died",
            };
            (text.to_owned(), Tone::Alert)
        })
    };
    Header {
        plan: chart.plan.clone(),
        // Ids end in what tells runs of the same second apart; `RUN` takes that part too.
        run: state
            .run
            .rsplit('-')
            .next()
            .unwrap_or_default()
            .chars()
            .filter(char::is_ascii_graphic)
            .take(8)
            .collect(),
        mode,
        elapsed_us: now_us,
        left_us: left(state, chart, now_us),
        done: counts[Mark::Done as usize],
        total: state.agents.len(),
        counts: Mark::ALL
            .into_iter()
            .map(|mark| (mark, counts[mark as usize]))
            .filter(|(_, n)| *n > 0)
            .collect(),
        clock: words::clock(at_ms, source.zone, false),
        fault: state.degraded.as_deref().map(|e| clean_text(e, 80)),
        banner,
        pressure: source
            .sample
            .map(|s| (s.figures.pressure_permille, state.memory.zone)),
    }
}

/// Time that is left of an agent's expected time, µs.
fn agent_left(state: &State, ix: AgentIx, now_us: u64) -> Left {
    let expected = state.mode_of(ix).duration.expected_us;
    let used = state.clock_us(ix, now_us);
    if used > expected {
        Left::Over(used - expected)
    } else {
        Left::About(expected - used)
    }
}

/// Estimate for the whole run: the longest chain of what is left, or the work left over all slots,
/// whichever is more. From declared durations, so it is always marked `~`.
fn left(state: &State, chart: &Chart, now_us: u64) -> Option<u64> {
    if state.finished.is_some() || state.stopping.is_some() {
        return None;
    }
    let n = state.agents.len();
    let mut finish = vec![0_u64; n];
    // When an agent and all its sub-agents have ended.
    let mut close = vec![0_u64; n];
    let (mut work, mut longest, mut open) = (0_u64, 0_u64, false);
    for &ix in &chart.order {
        let i = ix.ix();
        let agent = &state.agents[i];
        let mut start = 0;
        if !agent.status.is_final() {
            for edge in &state.setup.edges_in[i] {
                let from = edge.from.ix();
                start = start.max(match edge.kind {
                    crate::engine::EdgeKind::SubAgent => finish[from],
                    crate::engine::EdgeKind::Soft => 0,
                    _ => close[from],
                });
            }
            open = true;
        }
        let takes = if agent.status.is_final()
            || !chart.expected[i]
            || !state.setup.has_process(ix)
            || matches!(
                agent.status,
                Status::Checking | Status::Joining | Status::Settling
            ) {
            0
        } else {
            match agent_left(state, ix, now_us) {
                Left::About(us) => us,
                Left::Over(_) => 0,
            }
        };
        work += takes;
        finish[i] = start + takes;
        longest = longest.max(finish[i]);
        close[i] = close[i].max(finish[i]);
        let mut up = ix;
        while let Some(parent) = state.setup.plan.agent(up).parent {
            close[parent.ix()] = close[parent.ix()].max(finish[i]);
            up = parent;
        }
    }
    open.then(|| longest.max(work / u64::from(state.cap().max(1))))
}

fn memory(state: &State, sample: &Sample) -> Memory {
    let machine = &sample.machine;
    let used = machine.total_bytes.saturating_sub(machine.available_bytes);
    // A sum of resident sizes counts shared pages twice, so it can exceed what is used.
    let agents = sample.figures.agents_bytes.min(used);
    let own: u64 = sample.agents.iter().map(|a| a.resident_bytes).sum();
    let reserved = state
        .usage
        .ram_bytes
        .saturating_sub(own)
        .min(machine.available_bytes);
    let t = state.setup.thresholds;
    Memory {
        total: machine.total_bytes,
        agents,
        others: used - agents,
        reserved,
        free: machine.available_bytes - reserved,
        booked: (state.usage.ram_bytes, state.setup.ram_limit_bytes),
        pressure: sample.figures.pressure_permille,
        zone: state.memory.zone,
        halted: state.memory.halted,
        marks: [t.yellow, t.orange, t.red],
        swap: machine.swap_used_bytes,
        stall: machine.stall_permille,
        own: machine.own_bytes,
    }
}

/// Agents of a set by what matters: done, at work, bad, all.
fn tally<'a>(
    state: &State,
    agents: impl Iterator<Item = &'a AgentIx>,
) -> (usize, usize, usize, usize) {
    let mut sums = (0, 0, 0, 0);
    for &ix in agents {
        let status = state.agent(ix).status;
        sums.3 += 1;
        match status {
            Status::Succeeded => sums.0 += 1,
            Status::Blocked => sums.2 += 1,
            Status::Failed if !state.handled(ix) => sums.2 += 1,
            s if s.holds_slot() => sums.1 += 1,
            _ => {}
        }
    }
    sums
}

fn cards(source: Source<'_>) -> Vec<Card> {
    let Source { state, chart, .. } = source;
    let figures = source.sample.map(|s| s.figures).unwrap_or_default();
    let plan = &state.setup.plan;
    let mut out = Vec::new();
    for (i, name) in chart.phases.iter().enumerate() {
        let (done, active, bad, total) = tally(state, state.setup.members[i].iter());
        let phase = &state.phases[i];
        let (word, tone) = match phase.status {
            PhaseStatus::Waiting => ("waits", Tone::Dim),
            PhaseStatus::Running => ("at work", Tone::Plain),
            PhaseStatus::Checking => ("gate", Tone::Warn),
            PhaseStatus::Completed => ("complete", Tone::Good),
            PhaseStatus::Failed => ("failed", Tone::Bad),
        };
        let text = match phase.status {
            PhaseStatus::Checking | PhaseStatus::Failed => words::phase(state, &figures, i).0,
            _ => String::new(),
        };
        out.push(Card {
            heading: (i == 0).then_some("PHASES"),
            name: name.clone(),
            done,
            active,
            bad,
            total,
            word: word.to_owned(),
            tone,
            text,
        });
    }
    let mut members: Vec<Vec<AgentIx>> = vec![Vec::new(); chart.tracks.len()];
    for ix in plan.indices() {
        if let Some(track) = plan.agent(ix).track {
            members[track.ix()].push(ix);
        }
    }
    for (i, name) in chart.tracks.iter().enumerate() {
        let (done, active, bad, total) = tally(state, members[i].iter());
        let ram: u64 = members[i]
            .iter()
            .filter_map(|&ix| mine(state, source.sample, ix))
            .map(|s| s.resident_bytes)
            .sum();
        out.push(Card {
            heading: (i == 0).then_some("TRACKS"),
            name: name.clone(),
            done,
            active,
            bad,
            total,
            word: if ram > 0 {
                words::size(ram)
            } else {
                String::new()
            },
            tone: Tone::Dim,
            text: String::new(),
        });
    }
    out
}

/// The first phase that is not complete.
fn current_phase(source: Source<'_>) -> Option<(String, Tone)> {
    let Source { state, chart, .. } = source;
    let figures = source.sample.map(|s| s.figures).unwrap_or_default();
    let at = state
        .phases
        .iter()
        .position(|p| p.status == PhaseStatus::Failed)
        .or_else(|| {
            state
                .phases
                .iter()
                .position(|p| matches!(p.status, PhaseStatus::Running | PhaseStatus::Checking))
        })?;
    let (done, _, _, total) = tally(state, state.setup.members[at].iter());
    let (text, tone) = words::phase(state, &figures, at);
    let mut line = format!("phase {} {done}/{total}", chart.phases[at]);
    if !text.is_empty() {
        line = format!("{line} · {text}");
    }
    Some((line, tone))
}

fn group_row(source: Source<'_>, ui: &UiState, group: Group) -> Row {
    let Source { state, chart, .. } = source;
    let plan = &state.setup.plan;
    let (name, title) = match group {
        Group::Track(None) => ("no track".to_owned(), String::new()),
        Group::Phase(None) => ("no phase".to_owned(), String::new()),
        Group::Track(Some(t)) => {
            let track = &plan.tracks[t.ix()];
            let mut title = if track.title == track.id {
                String::new()
            } else {
                clean_text(&track.title, 60)
            };
            let priority = priority(track.priority);
            if !priority.is_empty() {
                if !title.is_empty() {
                    title.push(' ');
                }
                title.push_str(priority);
            }
            (chart.tracks[t.ix()].clone(), title)
        }
        Group::Phase(Some(p)) => {
            let phase = &plan.phases[p.ix()];
            let title = if phase.title == phase.id {
                String::new()
            } else {
                clean_text(&phase.title, 60)
            };
            (chart.phases[p.ix()].clone(), title)
        }
        Group::Wave(w) => (format!("wave {w}"), String::new()),
    };
    let members: Vec<AgentIx> = plan
        .indices()
        .filter(|&ix| outline::group_of(state, ui.grouping, ix) == Some(group))
        .collect();
    let (done, _, _, total) = tally(state, members.iter());
    let mut by_mark = [0_usize; Mark::ALL.len()];
    for &ix in &members {
        by_mark[Mark::of(state.agent(ix).status) as usize] += 1;
    }
    let figures = source.sample.map(|s| s.figures).unwrap_or_default();
    let (text, tone) = match group {
        Group::Phase(Some(p)) => words::phase(state, &figures, p.ix()),
        _ => (String::new(), Tone::Plain),
    };
    Row::Group {
        name,
        title,
        text,
        tone,
        done,
        total,
        counts: [Mark::Run, Mark::Block, Mark::Fail, Mark::Froze]
            .into_iter()
            .map(|m| (m, by_mark[m as usize]))
            .filter(|(_, n)| *n > 0)
            .collect(),
        ram: members
            .iter()
            .filter_map(|&ix| mine(state, source.sample, ix))
            .map(|s| s.resident_bytes)
            .sum(),
        critical: members
            .iter()
            .any(|&ix| chart.critical[ix.ix()] && !state.agent(ix).status.is_final()),
        closed: ui.closed.contains(&RowId::Group(group)),
    }
}

const fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Critical => "critical",
        Priority::High => "high",
        Priority::Normal => "",
        Priority::Low => "low",
    }
}

fn agent_row(source: Source<'_>, ui: &UiState, ix: AgentIx, depth: u8, now_us: u64) -> AgentRow {
    let Source {
        state,
        sample,
        chart,
        ..
    } = source;
    let agent = state.agent(ix);
    let plan = state.setup.plan.agent(ix);
    let mode = state.mode_of(ix);
    let mine = mine(state, sample, ix);
    let (now, tone) = words::now(state, sample, mine, ix, now_us);
    let live = agent.live.is_some();
    let worker = |m: u32| {
        plan.modes
            .get(m as usize)
            .and_then(|m| m.worker)
            .map_or("", |w| chart.workers[w.ix()].as_str())
    };
    let mut shown = worker(agent.mode).to_owned();
    if let Some(to) = agent.swap_to.filter(|&to| to != agent.mode) {
        shown = format!("› {}", worker(to));
    }
    let ram = (live || agent.peak_bytes > 0).then(|| {
        let own = mine.map(|m| m.resident_bytes);
        let peak = mine
            .map_or(0, |m| m.peak_bytes.max(m.resident_bytes))
            .max(agent.peak_bytes);
        let permille = own.unwrap_or(0).saturating_mul(1000) / mode.ram_bytes.max(1);
        Ram {
            own,
            peak,
            reserved: mode.ram_bytes,
            guessed: mode.ram_guessed,
            zone: match permille {
                0..=850 => Zone::Green,
                851..=1000 => Zone::Yellow,
                1001..=1250 => Zone::Orange,
                _ => Zone::Red,
            },
        }
    });
    AgentRow {
        ix,
        depth,
        mark: Mark::of(agent.status),
        name: chart.names[ix.ix()].clone(),
        marked: ui.marks.contains(&plan.id),
        critical: chart.critical[ix.ix()],
        closed: ui.closed.contains(&RowId::Agent(plan.id.clone())),
        now,
        tone,
        worker: shown,
        swapping: agent.swap_to.is_some_and(|to| to != agent.mode),
        attempt: (agent.attempt, plan.retry.attempts),
        wave: state.setup.wave(ix),
        priority: priority(plan.priority),
        age_us: if live {
            Some(state.clock_us(ix, now_us))
        } else {
            (agent.ran_us > 0).then_some(agent.ran_us)
        },
        quiet_us: mine
            .filter(|_| agent.status == Status::Running)
            .map(|m| m.quiet_us),
        quiet: agent.quiet && agent.status == Status::Running,
        ram,
        output: mine.map(|m| m.output_bytes),
        processes: mine.map(|m| m.processes),
        left: (live && agent.status != Status::Checking).then(|| agent_left(state, ix, now_us)),
    }
}

fn table(source: Source<'_>, ui: &UiState, lines: &Outline, height: u16, now_us: u64) -> Table {
    let Source { state, chart, .. } = source;
    let total = lines.lines.len();
    let rows = usize::from(regions::table_rows(height));
    let selected = ui.selected.as_ref().and_then(|id| lines.find(state, id));
    let mut first = ui.scroll.min(total.saturating_sub(rows));
    if let Some(at) = selected
        && rows > 0
    {
        first = first.clamp((at + 1).saturating_sub(rows), at);
    }
    let visible = lines
        .lines
        .iter()
        .skip(first)
        .take(rows)
        .map(|line| match *line {
            Line::Group(group) => group_row(source, ui, group),
            Line::Agent(ix, depth) => {
                Row::Agent(Box::new(agent_row(source, ui, ix, depth, now_us)))
            }
            Line::Done(count) => Row::Done {
                count,
                names: {
                    let mut names = String::new();
                    for ix in lines.done.iter().rev().take(40) {
                        names.push_str(&chart.names[ix.ix()]);
                        names.push(' ');
                    }
                    names
                },
                open: ui.show_done == Some(true),
            },
        })
        .collect();
    Table {
        rows: visible,
        first,
        total,
        selected: selected
            .and_then(|at| at.checked_sub(first))
            .filter(|at| *at < rows),
        matched: lines.matched,
        name_width: chart.name_width + if ui.grouping == Grouping::Flat { 0 } else { 2 },
        worker_width: chart
            .workers
            .iter()
            .map(|w| crate::display::width(w))
            .max()
            .unwrap_or(0),
        retries: state.retries > 0,
        marked: ui.marks.len(),
    }
}

fn output(source: Source<'_>, ui: &UiState, height: u16) -> OutputView {
    let Source { state, chart, .. } = source;
    let Some(ix) = ui.agent().and_then(|id| state.find(id)) else {
        return OutputView {
            empty: "select an agent to see its output",
            ..OutputView::default()
        };
    };
    let agent = state.agent(ix);
    let plan = state.setup.plan.agent(ix);
    let buffer = source
        .output
        .filter(|b| b.agent == ix && b.attempt == agent.attempt);
    let rows = usize::from(height.saturating_sub(1));
    let shown = buffer.map(|b| b.show(ui.look, rows)).unwrap_or_default();
    let empty = match buffer {
        _ if agent.attempt == 0 && !state.setup.has_process(ix) => "it has no process of its own",
        _ if agent.attempt == 0 => "it has not started yet",
        Some(b) if b.loaded => "no output",
        _ => "",
    };
    let mut about = Vec::new();
    if shown.lines.is_empty() {
        if plan.title != plan.id.as_str() {
            about.push((clean_text(&plan.title, 200), Tone::Plain));
        }
        let work = match &plan.work {
            crate::plan::Work::Command(argv) => format!("runs {}", argv.join(" ")),
            crate::plan::Work::Prompt(text) => format!("is told: {text}"),
            crate::plan::Work::Sim(_) => "is simulated".to_owned(),
            crate::plan::Work::Group => String::new(),
        };
        if !work.is_empty() {
            about.push((clean_text(&work, 400), Tone::Dim));
        }
        let list = |of: &[AgentIx]| {
            of.iter()
                .take(12)
                .map(|ix| chart.names[ix.ix()].as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (before, after) = (list(chart.preds(ix)), list(chart.succs(ix)));
        if !before.is_empty() {
            about.push((format!("after {before}"), Tone::Dim));
        }
        if !after.is_empty() {
            about.push((format!("before {after}"), Tone::Dim));
        }
    }
    OutputView {
        name: chart.names[ix.ix()].clone(),
        mark: Some(Mark::of(agent.status)),
        worker: state
            .mode_of(ix)
            .worker
            .map_or_else(String::new, |w| chart.workers[w.ix()].clone()),
        attempt: agent.attempt,
        follows: ui.look == Look::Tail,
        place: (shown.to, buffer.map_or(0, |b| b.total)),
        lines: shown.lines,
        empty,
        about,
    }
}
