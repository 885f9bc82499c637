//! The memory pane: who holds what, whose that is, where it goes, and what would free it.
//!
//! A row for each agent with a process, frozen or parked, for each model server, for what else the machine holds; sums
//! below. `Σ attributed = Σ own + Σ used servers`, to the byte. Only the rows that are seen are made, and only these are
//! put in order. Must not know widths or styles.

pub mod frees;
mod others;
pub mod shares;

use super::{Mark, Source, Tone, mine, rows, timeline::window, words};
use crate::{
    engine::{State, Status, Zone},
    plan::AgentIx,
    resources::AgentSample,
    tui::{
        slopes::Line,
        ui_state::{RamSort, UiState},
    },
};
use others::{agents_sum, machine_sum, other_rows, server_rows};
use shares::{Share, Shares};

/// What a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// An agent.
    Agent(AgentIx),
    /// A model server.
    Server,
    /// What else the machine holds.
    Other,
    /// A sum of rows.
    Sum,
}

/// Bytes, and whether they are an estimate or an upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Figure {
    /// Bytes.
    pub bytes: u64,
    /// Not measured as it stands: drawn with `~`.
    pub about: bool,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RamRow {
    /// Of what.
    pub who: Who,
    /// Its state.
    pub mark: Option<Mark>,
    /// Its name.
    pub name: String,
    /// Pressure never takes it back.
    pub pinned: bool,
    /// What its processes hold; none: it has none, or they were not measured.
    pub own: Option<Figure>,
    /// The same with its share of the model server that it uses.
    pub attributed: Option<Figure>,
    /// What is reserved for it.
    pub reserved: Option<Figure>,
    /// The highest so far.
    pub peak: Option<Figure>,
    /// By how many bytes a minute it rises.
    pub rate: Option<i64>,
    /// How it moved in the last half minute, oldest first: 1 the lowest to 8.
    pub spark: Vec<u8>,
    /// How its use compares with its reservation; of a sum the zone that its pressure has led to.
    pub zone: Zone,
    /// What would free it, or what it is.
    pub text: String,
    /// How that is meant.
    pub tone: Tone,
}

impl RamRow {
    fn named(who: Who, name: &str) -> Self {
        Self {
            who,
            mark: None,
            name: name.to_owned(),
            pinned: false,
            own: None,
            attributed: None,
            reserved: None,
            peak: None,
            rate: None,
            spark: Vec::new(),
            zone: Zone::Green,
            text: String::new(),
            tone: Tone::Dim,
        }
    }
}

/// The pane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RamPane {
    /// The visible rows.
    pub rows: Vec<RamRow>,
    /// Number of the first of them.
    pub first: usize,
    /// Rows in all.
    pub total: usize,
    /// The selected one among the visible ones.
    pub selected: Option<usize>,
    /// Sums, the more important one first.
    pub sums: Vec<RamRow>,
    /// Who goes next, in words.
    pub lines: Vec<(String, Tone)>,
    /// How it is sorted.
    pub sort: RamSort,
    /// There are model servers: else nobody is attributed anything.
    pub servers: bool,
}

/// The agents that the pane has rows for, in the order of the plan.
#[must_use]
pub fn holders(state: &State) -> Vec<AgentIx> {
    let holds = |ix: &AgentIx| {
        let agent = state.agent(*ix);
        agent.live.is_some() || matches!(agent.status, Status::Frozen | Status::Parked)
    };
    state.setup.plan.indices().filter(holds).collect()
}

/// Rows that would show all of it, with rule and heads.
#[must_use]
pub fn wanted(source: Source<'_>) -> usize {
    let more = source.sample.map_or(1, |sample| {
        let strays = usize::from(sample.machine.strays.count > 0);
        let runs = usize::from(sample.figures.others_bytes > 0);
        sample.servers.len() + 1 + strays + runs
    });
    // Rule, heads, two sums; two lines also before there is something to say.
    holders(source.state).len() + more + 6
}

/// What an agent holds, with its share of a server.
fn held_by(source: Source<'_>, shares: &Shares, ix: AgentIx) -> (Option<Figure>, Option<Share>) {
    let own = mine(source.state, source.sample, ix).map(|mine| Figure {
        bytes: mine.counted_bytes(),
        about: mine.at_most(),
    });
    (own, shares.of(ix))
}

/// Said of whom a person has pinned.
const PINNED: &str = "pinned, never parked for memory · ";

/// What sorts first is smallest.
fn key(source: Source<'_>, shares: &Shares, sort: RamSort, ix: AgentIx) -> u64 {
    let own = || held_by(source, shares, ix).0.map_or(0, |own| own.bytes);
    let most = match sort {
        RamSort::Own => own(),
        RamSort::Attributed => own() + shares.of(ix).map_or(0, |share| share.bytes),
        RamSort::Peak => peak(source, ix),
        RamSort::Plan => return 0,
        RamSort::Trend => {
            let rate = rate(source, ix).unwrap_or(i64::MIN);
            // The order of signed numbers, unsigned.
            rate.cast_unsigned() ^ (1 << 63)
        }
    };
    u64::MAX - most
}

fn peak(source: Source<'_>, ix: AgentIx) -> u64 {
    let seen = mine(source.state, source.sample, ix);
    let seen = seen.map_or(0, |mine| mine.peak_bytes.max(mine.counted_bytes()));
    seen.max(source.state.agent(ix).peak_bytes)
}

/// The same, with what it is: of an attempt whose use is only an upper bound its peak is one too.
fn peak_of(source: Source<'_>, ix: AgentIx) -> Figure {
    let bytes = peak(source, ix);
    let bound = mine(source.state, source.sample, ix).is_some_and(AgentSample::at_most);
    Figure {
        bytes,
        about: bound && bytes > source.state.agent(ix).peak_bytes,
    }
}

fn line_of(source: Source<'_>, ix: AgentIx) -> Option<&Line> {
    source.slopes?.of(ix, source.state.agent(ix).attempt)
}

/// How fast it grows: by the last half minute, else by what the reading says of the last minutes.
pub(in crate::tui) fn rate(source: Source<'_>, ix: AgentIx) -> Option<i64> {
    let reading = mine(source.state, source.sample, ix)?;
    let line = line_of(source, ix).and_then(Line::per_minute);
    line.or(reading.growth_bytes_per_min)
}

/// Agents in the order of the pane, with their keys.
fn keyed(
    source: Source<'_>,
    shares: &Shares,
    sort: RamSort,
    all: &[AgentIx],
) -> Vec<(u64, AgentIx)> {
    let keyed = all.iter().map(|&ix| (key(source, shares, sort, ix), ix));
    keyed.collect()
}

fn shared(source: Source<'_>, all: &[AgentIx]) -> Shares {
    let servers = source.sample.map_or(&[][..], |sample| &sample.servers);
    Shares::new(source.state, servers, all)
}

/// All of them in that order: for keys that move, not for frames.
#[must_use]
pub fn order(source: Source<'_>, sort: RamSort) -> Vec<AgentIx> {
    let all = holders(source.state);
    let mut keyed = keyed(source, &shared(source, &all), sort, &all);
    keyed.sort_unstable();
    keyed.into_iter().map(|one| one.1).collect()
}

/// Projects the pane into so many rows below its heads.
#[must_use]
pub fn pane(source: Source<'_>, ui: &UiState, height: usize, now_us: u64) -> RamPane {
    let Source { state, sample, .. } = source;
    let all = holders(state);
    let shares = shared(source, &all);
    let servers = server_rows(source, &shares);
    let others = other_rows(source);
    let sort = ui.ram.sort;
    let mut keyed = keyed(source, &shares, sort, &all);
    let mut lines: Vec<(String, Tone)> = Vec::new();
    lines.extend(frees::victim(source).map(|victim| (victim.text, Tone::Warn)));
    let reliefs = frees::Reliefs::new(source, now_us);
    lines.extend(frees::first_in_line(&reliefs).map(|text| (text, Tone::Plain)));
    let mut sums = vec![agents_sum(source, &shares, &all)];
    sums.extend(sample.map(|_| machine_sum(source)));
    sums.truncate(if height >= 8 { 2 } else { 1 });
    lines.truncate(if height >= 8 { 2 } else { 1 });
    lines.truncate(height.saturating_sub(sums.len() + 3));
    let room = height.saturating_sub(sums.len() + lines.len());

    let (before, count) = (servers.len(), keyed.len());
    let total = before + count + others.len();
    let chosen = ui.agent().and_then(|id| state.find(id));
    let chosen = chosen.and_then(|ix| {
        let own = *keyed.iter().find(|one| one.1 == ix)?;
        Some(keyed.iter().filter(|one| **one < own).count())
    });
    // With the first or last agent what stands beyond it is seen too.
    let at = chosen.map(|at| match at {
        0 if before < room => 0,
        at if at + 1 == count && others.len() < room => total - 1,
        at => before + at,
    });
    let first = window(ui.ram.first, at, total, room);
    let last = (first + room).min(total);
    // Of all agents only those that are seen are put in order.
    let (from, to) = (
        first.saturating_sub(before).min(count),
        last.saturating_sub(before).min(count),
    );
    if from > 0 && from < count {
        keyed.select_nth_unstable(from);
    }
    if to > from && to < count {
        keyed[from..].select_nth_unstable(to - from);
    }
    keyed[from..to].sort_unstable();

    let mut visible = Vec::with_capacity(room);
    visible.extend(servers.into_iter().skip(first).take(room));
    let agents = keyed[from..to].iter();
    visible.extend(agents.map(|one| agent_row(source, ui, &shares, one.1, &reliefs)));
    let skip = first.saturating_sub(before + count);
    visible.extend(
        others
            .into_iter()
            .skip(skip)
            .take(room - visible.len().min(room)),
    );
    RamPane {
        selected: chosen
            .and_then(|at| (before + at).checked_sub(first))
            .filter(|at| *at < visible.len()),
        rows: visible,
        first,
        total,
        sums,
        lines,
        sort,
        servers: before > 0,
    }
}

fn agent_row(
    source: Source<'_>,
    ui: &UiState,
    shares: &Shares,
    ix: AgentIx,
    reliefs: &frees::Reliefs<'_>,
) -> RamRow {
    let Source { state, chart, .. } = source;
    let agent = state.agent(ix);
    let row = rows::agent_row(source, ui, ix, 0, reliefs);
    let (own, share) = held_by(source, shares, ix);
    // Its share of the server is its own also before its processes were measured.
    let attributed = (own.is_some() || share.is_some()).then(|| Figure {
        bytes: (own.map_or(0, |own| own.bytes))
            .saturating_add(share.map_or(0, |share| share.bytes)),
        about: own.is_none_or(|own| own.about) || share.is_some_and(|share| !share.measured),
    });
    let (mut text, mut tone) = match agent.status {
        Status::Parked => (row.now, row.tone),
        _ => (frees::of_agent(source, ix), Tone::Dim),
    };
    if agent.pinned {
        text.insert_str(0, PINNED);
    }
    if agent.leaking {
        text.insert_str(0, "LEAK · ");
        tone = Tone::Warn;
    }
    RamRow {
        mark: Some(row.mark),
        pinned: agent.pinned,
        own,
        attributed,
        reserved: row.ram.filter(|_| agent.live.is_some()).map(|ram| Figure {
            bytes: ram.reserved,
            about: ram.guessed,
        }),
        peak: Some(peak_of(source, ix)).filter(|peak| peak.bytes > 0),
        rate: rate(source, ix),
        spark: line_of(source, ix)
            .filter(|_| own.is_some())
            .map(spark)
            .unwrap_or_default(),
        zone: row.ram.map_or(Zone::Green, |ram| ram.zone),
        text,
        tone,
        ..RamRow::named(Who::Agent(ix), &chart.names[ix.ix()])
    }
}

/// What the agent's own screen tells of its memory beside the gauge.
#[must_use]
pub fn of_agent(source: Source<'_>, ix: AgentIx) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    let Some(reading) = mine(source.state, source.sample, ix) else {
        return out;
    };
    if let Some(rate) = rate(source, ix) {
        out.push(("trend", words::rate(rate)));
    }
    if source.state.model_of(ix).is_some()
        && let Some(share) = shared(source, &holders(source.state)).of(ix)
    {
        let about = if share.measured && !reading.at_most() {
            ""
        } else {
            "~"
        };
        let sum = reading.counted_bytes().saturating_add(share.bytes);
        let text = format!("{about}{} with its share of the model", words::size(sum));
        out.push(("attributed", text));
    }
    if source.state.agent(ix).pinned {
        out.push(("", "pinned".to_owned()));
    }
    out.push(("", frees::of_agent(source, ix)));
    out
}

/// Its bytes from 1, the lowest of them, to 8; what moves by less than an eighth of all fills less of that.
fn spark(line: &Line) -> Vec<u8> {
    let (least, most) = (line.bytes().min(), line.bytes().max().unwrap_or(0));
    let least = least.unwrap_or(0);
    let range = (most - least).max(most / 8).max(1);
    let height = |bytes: u64| 1 + (u128::from(bytes - least) * 7 / u128::from(range)) as u8;
    line.bytes().map(height).collect()
}
