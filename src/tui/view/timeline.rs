//! The timeline: planned against actual, for each agent a row, with memory on the same axis.
//!
//! Actual spans come from the history, planned ones from the schedule of the plan; what is planned
//! is an estimate and looks like one. Nothing after the shown moment is seen.

use crate::{
    engine::{Status, Zone},
    plan::AgentIx,
    resources::zones,
    tui::ui_state::{RowId, UiState},
};

use super::{Mark, Source, left::agent_left, model::Left, words};

/// What a stretch of an agent's row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bar {
    /// As the plan's schedule has it, an estimate.
    Planned,
    /// What is left of it by its stated duration, an estimate.
    Forecast,
    /// Ready, and no room.
    Ready,
    /// Between attempts.
    Backoff,
    /// Frozen: a gap in the work.
    Frozen,
    /// Parked: its memory is free.
    Parked,
    /// It waits for a person.
    Blocked,
    /// Its work is in line for its merge, or being merged.
    Merge,
    /// Its checks run, or its sub-agents.
    Check,
    /// Its process runs.
    Run,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeRow {
    /// Whose.
    pub ix: AgentIx,
    /// Its name.
    pub name: String,
    /// Its state at the shown moment.
    pub mark: Mark,
    /// It is on the critical path.
    pub critical: bool,
    /// Stretches as columns from the chart's left edge: first, one past the last, what. Later ones
    /// lie over earlier ones.
    pub bars: Vec<(u16, u16, Bar)>,
    /// Columns where another attempt began, and where another worker took over.
    pub retries: Vec<(u16, bool)>,
    /// How long it ran, or will.
    pub time: String,
}

/// One column of the memory chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Pressure in permille.
    pub permille: u32,
    /// The zone that the figure lies in.
    pub zone: Zone,
}

/// The whole screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline {
    /// The visible rows.
    pub rows: Vec<TimeRow>,
    /// The first visible row, and how many there are in all.
    pub first: usize,
    /// Rows in all.
    pub total: usize,
    /// The selected one among the visible rows.
    pub selected: Option<usize>,
    /// Columns of names.
    pub names: u16,
    /// Columns of the chart.
    pub columns: u16,
    /// Time that they stand for, µs.
    pub span_us: u64,
    /// Column of now.
    pub now: u16,
    /// Ticks of the axis.
    pub ticks: Vec<(u16, String)>,
    /// Memory by column up to now; none: not measured.
    pub levels: Vec<Option<Level>>,
    /// Thresholds of the zones in permille: yellow, orange, red.
    pub thresholds: [u32; 3],
    /// Where pressure is to be kept, in permille; none: the run has no band.
    pub band: Option<(u32, u32)>,
    /// The end as the schedule had it and as it looks now (an estimate), in words.
    pub ends: String,
}

/// Columns left of the chart for names.
const NAMES: u16 = 20;
/// Columns right of it for times.
const TIMES: u16 = 8;

/// The order of rows: by actual begin, then by planned one.
#[must_use]
pub fn order(source: Source<'_>) -> Vec<AgentIx> {
    let state = source.state;
    let mut all: Vec<(bool, u64, u64, AgentIx)> = state
        .setup
        .plan
        .indices()
        .map(|ix| {
            let planned = source
                .planned
                .and_then(|p| p.of(ix))
                .map_or(u64::MAX, |p| p.0);
            let begun = state.agent(ix).started_us;
            (begun.is_none(), begun.unwrap_or(planned), planned, ix)
        })
        .collect();
    all.sort_unstable();
    all.into_iter().map(|row| row.3).collect()
}

/// Moments as columns. Remembers the column of the moment before: moments mostly come in order, and
/// a long run has thousands of them in one column.
#[derive(Debug, Clone, Copy)]
struct Scale {
    span: u64,
    columns: u16,
    /// First moment of the column, and the first one after it.
    of: (u64, u64),
    at: u16,
}

impl Scale {
    const fn new(span: u64, columns: u16) -> Self {
        Self {
            span,
            columns,
            of: (0, 0),
            at: 0,
        }
    }

    /// The first moment of a column.
    fn edge(&self, column: u16) -> u64 {
        let us = (u128::from(self.span) * u128::from(column)).div_ceil(u128::from(self.columns));
        u64::try_from(us).unwrap_or(u64::MAX)
    }

    fn column(&mut self, us: u64) -> u16 {
        if us < self.of.0 || us >= self.of.1 {
            let at = u128::from(us) * u128::from(self.columns) / u128::from(self.span);
            self.at = u16::try_from(at).unwrap_or(u16::MAX).min(self.columns);
            self.of = match self.at {
                at if at == self.columns => (self.edge(at), u64::MAX),
                at => (self.edge(at), self.edge(at + 1)),
            };
        }
        self.at
    }
}

/// Stretches of a row; those of one kind that touch are one.
#[derive(Debug, Default)]
struct Bars {
    all: Vec<(u16, u16, Bar)>,
    /// The last stretch of each kind.
    last: [Option<usize>; Bar::Run as usize + 1],
}

impl Bars {
    fn put(&mut self, scale: &mut Scale, from: u64, to: u64, bar: Bar) {
        let (a, b) = (scale.column(from), scale.column(to));
        // What happened is seen, however short it was.
        let b = b.max(a + 1);
        let last = &mut self.last[bar as usize];
        match last.map(|at| &mut self.all[at]) {
            Some(before) if before.0 <= a && a <= before.1 => before.1 = before.1.max(b),
            _ => {
                *last = Some(self.all.len());
                self.all.push((a, b, bar));
            }
        }
    }
}

/// Projects the timeline into `size` columns and rows of agents.
#[must_use]
pub fn timeline(source: Source<'_>, ui: &UiState, size: (u16, u16), now_us: u64) -> Timeline {
    let state = source.state;
    let names = NAMES.min(size.0 / 4);
    let columns = size.0.saturating_sub(names + TIMES + 2).max(1);
    let left = super::left::left(state, source.chart, now_us);
    let planned_end = source.planned.map_or(0, |planned| planned.end_us);
    let end = now_us + left.unwrap_or(0);
    let span = end.max(planned_end).max(1_000_000);
    let mut scale = Scale::new(span, columns);
    let order = order(source);
    let rows = usize::from(size.1);
    let selected = match &ui.selected {
        Some(RowId::Agent(id)) => state
            .find(id)
            .and_then(|ix| order.iter().position(|&o| o == ix)),
        _ => None,
    };
    let first = window(ui.time_first, selected, order.len(), rows);
    let visible = &order[first.min(order.len())..(first + rows).min(order.len())];
    let rows = visible
        .iter()
        .map(|&ix| row(source, ix, now_us, &mut scale))
        .collect();
    let edge = |n: u16| u64::from(n) * span / u64::from(columns);
    let levels = (0..columns)
        .map(|n| {
            if edge(n) > now_us {
                return None;
            }
            let point = source.trend.highest(edge(n), edge(n + 1), now_us)?;
            Some(Level {
                permille: point.permille,
                zone: zones::at(&state.setup.thresholds, point.permille),
            })
        })
        .collect();
    let t = state.setup.thresholds;
    let band = state.setup.memory.band;
    // A schedule may not have come yet, or could not be made: then there is none to compare with.
    let planned = planned_end > 0;
    let now = match left {
        Some(left) => format!("now ~{}", words::span(now_us + left)),
        None if state.finished.is_some() => format!("took {}", words::took(state.elapsed_us)),
        // Nothing tells when a person will answer, so nothing tells the end.
        None => format!("{} so far", words::span(now_us)),
    };
    let ends = if planned {
        format!("planned ~{}, {now}", words::span(planned_end))
    } else {
        now
    };
    Timeline {
        rows,
        first,
        total: order.len(),
        selected: selected.and_then(|at| at.checked_sub(first)),
        names,
        columns,
        span_us: span,
        now: scale.column(now_us),
        ticks: ticks(span, columns),
        levels,
        thresholds: [t.yellow, t.orange, t.red],
        band: (band.high < 1000).then_some((band.low, band.high)),
        ends,
    }
}

/// The first visible row, so that the selected one is seen.
#[must_use]
pub fn window(first: usize, selected: Option<usize>, total: usize, rows: usize) -> usize {
    let most = total.saturating_sub(rows);
    let first = first.min(most);
    match selected {
        Some(at) if at < first => at,
        Some(at) if rows > 0 && at >= first + rows => at + 1 - rows,
        _ => first,
    }
}

fn row(source: Source<'_>, ix: AgentIx, now_us: u64, scale: &mut Scale) -> TimeRow {
    let state = source.state;
    let agent = state.agent(ix);
    let mut bars = Bars::default();
    if let Some((from, to)) = source.planned.and_then(|p| p.of(ix)) {
        bars.put(scale, from, to, Bar::Planned);
    }
    let mut retries: Vec<(u16, bool)> = Vec::new();
    // A replay knows what comes, and does not show it.
    let past = source
        .history
        .map(|history| history.until(state.seq, now_us));
    let mut last: Option<(u32, u32)> = None;
    for span in past.iter().flat_map(|past| past.spans(ix)) {
        let to = span.to_us.unwrap_or(now_us).min(now_us);
        if span.status == Status::Running || span.status.is_starting() {
            if let Some((attempt, mode)) = last
                && attempt != span.attempt
            {
                let (at, swap) = (scale.column(span.from_us), mode != span.mode);
                match retries.last_mut() {
                    Some(before) if before.0 == at => before.1 = swap,
                    _ => retries.push((at, swap)),
                }
            }
            last = Some((span.attempt, span.mode));
        }
        let bar = match span.status {
            Status::Running => Bar::Run,
            Status::Frozen => Bar::Frozen,
            Status::Parked => Bar::Parked,
            Status::Blocked => Bar::Blocked,
            Status::BackingOff => Bar::Backoff,
            Status::Checking | Status::Joining => Bar::Check,
            Status::Merging => Bar::Merge,
            Status::Ready | Status::Scheduled | Status::Preparing => Bar::Ready,
            _ => continue,
        };
        if to > span.from_us || span.to_us.is_none() {
            bars.put(scale, span.from_us, to, bar);
        }
    }
    let running = agent.status == Status::Running;
    if running && let Left::About(us) = agent_left(state, ix, now_us) {
        bars.put(scale, now_us, now_us + us, Bar::Forecast);
    }
    let mut bars = bars.all;
    bars.sort_by_key(|bar| bar.2);
    let time = if agent.started_us.is_some() {
        match agent.live {
            Some(_) => words::span(agent.ran_us + state.clock_us(ix, now_us)),
            None => words::took(agent.ran_us),
        }
    } else if agent.status.is_final() {
        String::new()
    } else {
        format!("~{}", words::span(state.mode_of(ix).duration.expected_us))
    };
    TimeRow {
        ix,
        name: source.chart.names[ix.ix()].clone(),
        mark: Mark::of_agent(agent),
        critical: source.chart.critical[ix.ix()],
        bars,
        retries,
        time,
    }
}

/// Ticks at round times, at least 12 columns apart.
fn ticks(span: u64, columns: u16) -> Vec<(u16, String)> {
    const STEPS: [u64; 18] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200,
        86_400,
    ];
    let most = u64::from(columns / 12).max(1);
    let step = STEPS
        .iter()
        .map(|s| s * 1_000_000)
        .find(|step| span / step <= most)
        .unwrap_or(span / most);
    (0..=span / step.max(1))
        .map(|n| {
            let us = n * step;
            let at = u128::from(us) * u128::from(columns) / u128::from(span);
            let text = if us == 0 {
                "0".to_owned()
            } else {
                words::span(us)
            };
            (u16::try_from(at).unwrap_or(columns), text)
        })
        .filter(|(at, text)| at + text.len() as u16 <= columns)
        .collect()
}
