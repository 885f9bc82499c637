//! The output pane: lines of an agent's output, or what a check printed.

mod told;

use ratatui::layout::Rect;

use super::{
    Mark, OutputView, Source, Tone,
    agent::{check_shown, shown_attempt, steps},
};
use crate::{
    agents::Reply,
    display::{clean_text, prefix, width},
    engine::{AgentState, Owner},
    plan::AgentIx,
    tui::{
        output::Shown,
        search::{Search, find},
        spoken::Kind,
        ui_state::{Look, Screen, UiState},
    },
};

/// One row of the pane: a line of output, or a piece of one that is broken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutputRow {
    /// Clean text.
    pub text: String,
    /// It goes on with the line of the row before.
    pub more: bool,
    /// Bytes of it that are what is searched for.
    pub hits: Vec<std::ops::Range<usize>>,
    /// In the marked range.
    pub marked: bool,
    /// The line that the search stands on.
    pub current: bool,
    /// How it is meant.
    pub tone: Tone,
}

/// How a line of what a program says is meant.
pub(super) const fn said_tone(kind: Kind) -> Tone {
    match kind {
        Kind::Message => Tone::Plain,
        Kind::Aside => Tone::Dim,
        Kind::Added => Tone::Good,
        Kind::Bad => Tone::Bad,
        Kind::Warning => Tone::Warn,
        Kind::Asks => Tone::Alert,
    }
}

/// How lines are laid out in the pane.
#[derive(Debug, Clone, Copy)]
struct Page {
    rows: usize,
    columns: usize,
    /// Long lines are broken, not cut.
    wrap: bool,
    /// First visible column of lines that are cut.
    column: usize,
}

/// Columns and rows for text in an output pane of this screen: without its rule and margin.
#[must_use]
pub fn text_size(area: Rect, ui: &UiState) -> (u16, u16) {
    let margin = u16::from(ui.on_agent.zoom.is_none() || ui.screen != Screen::Agent);
    (
        area.width.saturating_sub(margin),
        area.height.saturating_sub(1),
    )
}

/// Whether lines are broken in this pane.
#[must_use]
pub const fn wraps(ui: &UiState) -> bool {
    matches!(ui.screen, Screen::Agent) && ui.on_agent.wrap
}

pub(super) fn output(source: Source<'_>, ui: &UiState, area: Rect) -> OutputView {
    let Source { state, chart, .. } = source;
    let (columns, rows) = text_size(area, ui);
    let on_agent = ui.screen == Screen::Agent;
    let page = Page {
        rows: usize::from(rows),
        columns: usize::from(columns),
        wrap: wraps(ui),
        column: if on_agent { ui.on_agent.column } else { 0 },
    };
    let evidence = source
        .evidence
        .filter(|e| !e.lines.is_empty() && ui.screen == Screen::Deck);
    if let Some(found) = evidence
        && !matches!(found.owner, Owner::Agent(_))
    {
        return OutputView {
            name: super::attention::name(state, chart, found.owner),
            mark: Some(Mark::Fail),
            of: "what its red gate printed",
            rows: plain(&found.lines, 0, page),
            follows: true,
            ..OutputView::default()
        };
    }
    let Some(ix) = ui.agent().and_then(|id| state.find(id)) else {
        return OutputView {
            empty: "select an agent to see its output",
            ..OutputView::default()
        };
    };
    if on_agent
        && ui.on_agent.tab == crate::tui::ui_state::Tab::Checks
        && ui.on_agent.zoom.is_none()
    {
        return check(source, ui, ix, page);
    }
    if on_agent && ui.on_agent.tab == crate::tui::ui_state::Tab::Prompt {
        return told::prompt(source, ui, ix, page);
    }
    let agent = state.agent(ix);
    let attempt = shown_attempt(agent.attempt, ui);
    let buffer = source
        .output
        .filter(|b| b.agent == ix && b.attempt == attempt);
    let mut shown = buffer
        .map(|b| b.show(ui.look, page.rows))
        .unwrap_or_default();
    if attempt == agent.attempt {
        answered(agent, &mut shown);
    }
    if !shown.said.is_empty() {
        from_workspace(agent, &mut shown.lines);
    }
    let follows = ui.look == Look::Tail;
    let (rows, of) = match evidence {
        Some(found) => (plain(&found.lines, 0, page), "what its red check printed"),
        None => (laid_out(&shown, source, ui, follows, page), ""),
    };
    let empty = match buffer {
        _ if agent.attempt == 0 && !state.setup.has_process(ix) => "it has no process of its own",
        _ if agent.attempt == 0 => "it has not started yet",
        Some(b) if b.loaded => "no output",
        _ => "",
    };
    let mut about = Vec::new();
    // The agent's screen has a place of its own for this.
    if rows.is_empty() && (!on_agent || ui.on_agent.zoom.is_some()) {
        about = of_plan(source, ix);
    }
    let zoomed = !on_agent || ui.on_agent.zoom.is_some();
    OutputView {
        name: if zoomed {
            chart.names[ix.ix()].clone()
        } else {
            "OUTPUT".to_owned()
        },
        mark: zoomed.then(|| Mark::of_agent(agent)),
        worker: state
            .mode_of(ix)
            .worker
            .filter(|_| zoomed)
            .map_or_else(String::new, |w| chart.workers[w.ix()].clone()),
        attempt,
        newest: agent.attempt,
        follows,
        place: (shown.to, buffer.map_or(0, |b| b.total)),
        of,
        rows,
        empty,
        about,
        search: source.beside.search.map(Search::words).unwrap_or_default(),
        cut: on_agent && !page.wrap,
        column: page.column,
    }
}

/// Names files in an agent's workspace from there: that is long, begins alike in all of them, and would be what is left of
/// a line that is cut.
pub(super) fn from_workspace(agent: &AgentState, lines: &mut [String]) {
    let work = agent.work.as_ref().filter(|work| work.path.len() > 1);
    let Some(work) = work else { return };
    let here = format!("{}/", work.path);
    for line in lines.iter_mut().filter(|line| line.contains(&here)) {
        *line = line.replace(&here, "./");
    }
}

/// Adds to the questions what was answered: their program does not say it.
fn answered(agent: &AgentState, shown: &mut Shown) {
    let Some(talk) = &agent.talk else { return };
    for ((_, question), line) in shown.said.iter().zip(&mut shown.lines) {
        let reply = question.as_ref().and_then(|question| {
            let mut replies = talk.replies.iter();
            replies.find(|(id, _)| id == question)
        });
        let Some((_, reply)) = reply else { continue };
        let text = match reply {
            Reply::Allow => "yes".to_owned(),
            Reply::Deny(why) if why.is_empty() => "no".to_owned(),
            Reply::Deny(why) => format!("no: {why}"),
            Reply::Text(text) => text.clone(),
        };
        line.push_str(" - answered: ");
        line.push_str(&clean_text(&text, 200));
    }
}

/// What the plan says of an agent, where there is nothing else to show.
fn of_plan(source: Source<'_>, ix: AgentIx) -> Vec<(String, Tone)> {
    let Source { state, chart, .. } = source;
    let plan = state.setup.plan.agent(ix);
    let mut about = Vec::new();
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
    about
}

/// What the chosen command of its checks printed.
fn check(source: Source<'_>, ui: &UiState, ix: AgentIx, page: Page) -> OutputView {
    let mut view = OutputView {
        name: "EVIDENCE".to_owned(),
        follows: ui.on_agent.check_up == 0,
        ..OutputView::default()
    };
    if steps(source, ix).is_empty() {
        view.empty = "no check, no evidence";
        return view;
    }
    let Some((owner, key)) = check_shown(source, ui) else {
        view.empty = "what a command printed is shown once it has ended";
        return view;
    };
    let found = source
        .beside
        .check
        .filter(|c| (c.owner, c.key) == (owner, key));
    if let Some(step) = source.state.checks_of(owner).get(key.2 as usize) {
        view.worker = clean_text(&step.argv.join(" "), 60);
    }
    match found {
        Some(found) if found.loaded && found.lines.is_empty() => view.empty = "it printed nothing",
        Some(found) => view.rows = plain(&found.lines, ui.on_agent.check_up, page),
        None => {}
    }
    view
}

/// The rows that a line takes.
fn pieces(line: &str, page: Page) -> Vec<std::ops::Range<usize>> {
    let mut out = Vec::new();
    if !page.wrap {
        let from = prefix(line, page.column);
        out.push(from..line.len());
        return out;
    }
    let mut from = 0;
    loop {
        let end = from + prefix(&line[from..], page.columns);
        if end == line.len() || end == from {
            out.push(from..line.len());
            return out;
        }
        out.push(from..end);
        from = end;
    }
}

/// The last rows of lines, so many lines before the end.
fn plain(lines: &[String], up: usize, page: Page) -> Vec<OutputRow> {
    let end = lines.len().saturating_sub(up).max(lines.len().min(1));
    let from = end.saturating_sub(page.rows);
    let rows: Vec<OutputRow> = lines[from..end]
        .iter()
        .flat_map(|line| {
            pieces(line, page).into_iter().map(|at| OutputRow {
                more: page.wrap && at.start > 0,
                text: line[at].to_owned(),
                ..OutputRow::default()
            })
        })
        .collect();
    let over = rows.len().saturating_sub(page.rows);
    rows.into_iter().skip(over).collect()
}

/// Lines of a file as rows, with what is found and marked in them.
fn laid_out(
    shown: &Shown,
    source: Source<'_>,
    ui: &UiState,
    follows: bool,
    page: Page,
) -> Vec<OutputRow> {
    let on_agent = ui.screen == Screen::Agent;
    let search = source.beside.search.filter(|_| on_agent);
    let needle = search.map_or("", |s| s.needle());
    let at = search.and_then(Search::at);
    let marked = ui.on_agent.mark.filter(|_| on_agent);
    let mut out = Vec::new();
    for (n, (line, &start)) in shown.lines.iter().zip(&shown.starts).enumerate() {
        let tone = said_tone(shown.kind(n));
        let hits = find(line, needle);
        // A range goes from where it began to the edge that it was scrolled towards.
        let in_range = marked.is_some_and(|begin| {
            let (low, high) = if shown.from < begin {
                (shown.from, begin)
            } else {
                (begin, u64::MAX)
            };
            (low..=high).contains(&start)
        });
        for at_bytes in pieces(line, page) {
            let inside = hits.iter().filter_map(|hit| {
                let from = hit.start.max(at_bytes.start);
                let to = hit.end.min(at_bytes.end);
                (from < to).then(|| from - at_bytes.start..to - at_bytes.start)
            });
            out.push(OutputRow {
                more: page.wrap && at_bytes.start > 0,
                hits: inside.collect(),
                text: line[at_bytes.clone()].to_owned(),
                marked: in_range,
                current: at == Some(start),
                tone,
            });
        }
    }
    let over = out.len().saturating_sub(page.rows);
    if follows {
        out.drain(..over);
    } else {
        out.truncate(page.rows);
    }
    out
}

/// How many of the last lines fill so many rows when they are broken at so many columns.
#[must_use]
pub fn fitting<'a>(lines: impl DoubleEndedIterator<Item = &'a str>, size: (u16, u16)) -> usize {
    let columns = usize::from(size.0).max(1);
    let mut left = usize::from(size.1);
    let mut count = 0;
    for line in lines.rev() {
        let rows = width(line).div_ceil(columns).max(1);
        if rows > left {
            break;
        }
        left -= rows;
        count += 1;
    }
    count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(line: &str, columns: usize) -> Vec<&str> {
        let page = Page {
            rows: 10,
            columns,
            wrap: true,
            column: 0,
        };
        pieces(line, page).into_iter().map(|at| &line[at]).collect()
    }

    #[test]
    fn lines_are_broken_by_columns() {
        assert_eq!(broken("", 3), [""]);
        assert_eq!(broken("abcdefg", 3), ["abc", "def", "g"]);
        assert_eq!(broken("日本語", 5), ["日本", "語"]);
        assert_eq!(broken("日", 1), ["日"]);
    }
}
