//! The visible rows of the table.

use std::fmt::Write as _;

use super::{
    AgentRow, Mark, Ram, Row, Source, Table, Tone,
    cards::tally,
    left::agent_left,
    mine,
    outline::{self, Line, Outline},
    ram::frees::Reliefs,
    regions, why,
    words::names,
};
use crate::{
    agents::Used,
    display::clean_text,
    engine::{AgentState, State, Status, Zone},
    plan::{AgentIx, Priority, Work},
    resources::AgentSample,
    tui::ui_state::{Group, Grouping, RowId, UiState},
};

pub(super) fn group_row(source: Source<'_>, ui: &UiState, group: Group) -> Row {
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
                    title.push_str(" · ");
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
        by_mark[Mark::of_agent(state.agent(ix)) as usize] += 1;
    }
    let figures = source.figures;
    let (text, tone) = match group {
        Group::Phase(Some(p)) => why::phase(state, figures, p.ix()),
        _ => (String::new(), Tone::Plain),
    };
    Row::Group {
        name,
        title,
        text,
        tone,
        done,
        total,
        counts: [Mark::Run, Mark::Ask, Mark::Block, Mark::Fail, Mark::Froze]
            .into_iter()
            .map(|m| (m, by_mark[m as usize]))
            .filter(|(_, n)| *n > 0)
            .collect(),
        ram: members
            .iter()
            .filter_map(|&ix| mine(state, source.sample, ix))
            .map(AgentSample::counted_bytes)
            .sum(),
        critical: members
            .iter()
            .any(|&ix| chart.critical[ix.ix()] && !state.agent(ix).status.is_final()),
        closed: ui.closed.contains(&RowId::Group(group)),
    }
}

pub(super) const fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Critical => "critical",
        Priority::High => "high",
        Priority::Normal => "",
        Priority::Low => "low",
    }
}

pub(super) fn agent_row(
    source: Source<'_>,
    ui: &UiState,
    ix: AgentIx,
    depth: u8,
    reliefs: &Reliefs<'_>,
) -> AgentRow {
    let now_us = reliefs.now_us();
    let Source {
        state,
        sample,
        chart,
        ..
    } = source;
    let agent = state.agent(ix);
    let plan = state.setup.plan.agent(ix);
    let mine = mine(state, sample, ix);
    let (mut now, tone) = why::now(state, source.figures, mine, ix, now_us);
    now.push_str(&reliefs.of(ix));
    now.push_str(why::key(state, source.figures, ix, now_us));
    let (badge, warned) = badge(source, ix);
    now.insert_str(0, &badge);
    let tone = if warned && matches!(tone, Tone::Plain | Tone::Dim) {
        Tone::Warn
    } else {
        tone
    };
    let live = agent.live.is_some();
    let worker = |m: u32| {
        plan.modes
            .get(m as usize)
            .and_then(|m| m.worker)
            .map_or("", |w| chart.workers[w.ix()].as_str())
    };
    let mut shown = worker(agent.mode).to_owned();
    if plan.capability.is_some() && plan.modes.len() > 1 && agent.attempt == 0 {
        // Nobody has been chosen.
        "–".clone_into(&mut shown);
    }
    if let Some(to) = agent.chosen().filter(|&to| to != agent.mode) {
        shown = format!("› {}", worker(to));
    }
    let ram = (live || agent.peak_bytes > 0).then(|| ram_of(source, ix));
    AgentRow {
        ix,
        depth,
        mark: Mark::of_agent(agent),
        name: chart.names[ix.ix()].clone(),
        marked: ui.marks.contains(&plan.id),
        pinned: agent.pinned,
        critical: chart.critical[ix.ix()],
        closed: ui.closed.contains(&RowId::Agent(plan.id.clone())),
        now,
        tone,
        worker: shown,
        swapping: agent.chosen().is_some_and(|to| to != agent.mode),
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
        diff: agent
            .work
            .as_ref()
            .filter(|work| work.commit.is_some())
            .map(|work| (work.added, work.removed)),
        processes: mine.map(|m| m.processes),
        used: used(agent),
        hears: matches!(plan.work, Work::Prompt(_))
            && state.finished.is_none()
            && !agent.status.is_final(),
        opens: state.finished.is_none() && opens(state, ix),
        left: (live && !matches!(agent.status, Status::Checking | Status::Merging))
            .then(|| agent_left(state, ix, now_us)),
    }
}

/// Its memory, beside what is reserved for it.
fn ram_of(source: Source<'_>, ix: AgentIx) -> Ram {
    let state = source.state;
    let agent = state.agent(ix);
    let mine = mine(state, source.sample, ix);
    let own = mine.map(AgentSample::counted_bytes);
    let peak = mine.map_or(0, |m| m.peak_bytes.max(m.counted_bytes()));
    let reserved = state.own_reserved(ix) + state.lease_extra(ix);
    let permille = own.unwrap_or(0).saturating_mul(1000) / reserved.max(1);
    Ram {
        own,
        peak: peak.max(agent.peak_bytes),
        at_most: mine.is_some_and(AgentSample::at_most),
        reserved,
        guessed: state.mode_of(ix).ram_guessed,
        zone: match permille {
            0..=850 => Zone::Green,
            851..=1000 => Zone::Yellow,
            1001..=1250 => Zone::Orange,
            _ => Zone::Red,
        },
    }
}

/// Whether there is a terminal to type into, or a session to open: near enough for a hint.
fn opens(state: &State, ix: AgentIx) -> bool {
    let agent = state.agent(ix);
    let session = agent.talk.as_ref().is_some_and(|t| t.session.is_some());
    let ended = matches!(
        agent.status,
        Status::Failed | Status::Stopped | Status::Blocked | Status::BackingOff
    );
    (agent.live.is_some() && (session || state.in_terminal(ix))) || (session && ended)
}

/// What its program says that its attempts have used; none: nothing is said.
pub(super) fn used(agent: &AgentState) -> Option<Used> {
    let used = agent.talk.as_ref()?.all_used();
    (used.tokens() > 0 || used.cost_microusd.is_some()).then_some(used)
}

/// What stands before all else: it would clash with another, or writes outside of its scope.
fn badge(source: Source<'_>, ix: AgentIx) -> (String, bool) {
    let Source { state, chart, .. } = source;
    let mut text = String::new();
    let others: Vec<AgentIx> = state.merges.clash_of(ix).map(|(other, _)| other).collect();
    if !others.is_empty() {
        let all = others.iter().map(|ix| chart.names[ix.ix()].as_str());
        text = format!("would clash with {} · ", names(all, 2));
    }
    if state.agent(ix).leaking {
        text.push_str("LEAK · ");
    }
    let outside = state
        .agent(ix)
        .work
        .as_ref()
        .map_or(0, |work| work.outside.len());
    if outside > 0 && !state.agent(ix).status.is_final() {
        let _ = write!(text, "{outside} outside of its scope · ");
    }
    let warned = !text.is_empty();
    (text, warned)
}

pub(super) fn table(
    source: Source<'_>,
    ui: &UiState,
    lines: &Outline,
    height: u16,
    now_us: u64,
) -> Table {
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
    let reliefs = Reliefs::new(source, now_us);
    let visible = lines
        .lines
        .iter()
        .skip(first)
        .take(rows)
        .map(|line| match *line {
            Line::Group(group) => group_row(source, ui, group),
            Line::Agent(ix, depth) => {
                Row::Agent(Box::new(agent_row(source, ui, ix, depth, &reliefs)))
            }
            Line::Done(_) => Row::Done {
                count: lines.done_agents.0,
                skipped: lines.done_agents.1,
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
        diffs: state.setup.integrates,
        used: (
            state.agents.iter().filter_map(used).any(|u| u.tokens() > 0),
            (state.agents.iter().filter_map(used)).any(|u| u.cost_microusd.is_some()),
        ),
        retries: state.retries > 0,
        marked: ui.marks.len(),
    }
}
