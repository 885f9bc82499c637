//! The agent's screen: what its keys do, and what it asks for.

use super::{
    App, clash,
    moves::scroll_output,
    operate::pointed,
    select::{ask_output, follow_selection, program_of, select},
};
use crate::{
    engine::{Owner, State},
    plan::AgentIx,
    report::history::{Attempt, CheckKey, CheckStep},
    tui::{
        feed::Request,
        output::CheckPrint,
        ui_state::{Look, RowId, Screen, Tab, Voice},
        view::{
            Source,
            agent::{self as view, check_shown, chosen_check, shown_attempt},
            output::{fitting, text_size, wraps},
        },
    },
};

/// Bytes that are copied at once at most: what terminals take of it differs, and few take more.
const COPY: usize = 74_000;

/// Opens the screen on the agent that is pointed at, else on the selected one.
pub(super) fn show(app: &mut App, zoom: bool, out: &mut Vec<Request>) {
    let row = pointed(app).or_else(|| app.ui.selected.clone());
    let Some(row @ RowId::Agent(_)) = row else {
        app.say(Voice::Plain, "select an agent first: its screen shows one");
        return;
    };
    select(app, row, out);
    follow_selection(app);
    let from = app.ui.screen;
    if zoom {
        app.ui.on_agent.zoom = Some(from);
    } else if from != Screen::Agent {
        app.ui.on_agent.zoom = None;
    }
    app.ui.screen = Screen::Agent;
    ask_output(app, out);
}

/// Zooms the output, or goes back to where that was asked for.
pub(super) fn zoom(app: &mut App, out: &mut Vec<Request>) {
    match app.ui.on_agent.zoom.take() {
        Some(from) if app.ui.screen == Screen::Agent => app.ui.screen = from,
        _ => show(app, true, out),
    }
}

/// The agent and the attempt whose output is shown.
pub(super) fn attempt_of(app: &App, state: &State, ix: AgentIx) -> u32 {
    shown_attempt(state.agent(ix).attempt, &app.ui)
}

fn with<T>(app: &App, what: impl FnOnce(Source<'_>, AgentIx) -> T) -> Option<T> {
    let source = app.source()?;
    let ix = view::shown(source, &app.ui)?;
    Some(what(source, ix))
}

/// Moves by rows in the part of the screen that has the arrow keys.
pub(super) fn step(app: &mut App, by: isize, out: &mut Vec<Request>) {
    let moved = |at: usize, count: usize| at.saturating_add_signed(by).min(count.saturating_sub(1));
    match app.ui.on_agent.tab {
        Tab::Prompt => super::prompt::scroll(app, by),
        _ if app.ui.on_agent.zoom.is_some() => scroll_output(app, by, out),
        Tab::Output => scroll_output(app, by, out),
        Tab::Attempts => {
            let all = attempts(app);
            let Some(now) = with(app, |s, ix| attempt_of(app, s.state, ix)) else {
                return;
            };
            let at = all.iter().position(|(n, _)| *n == now).unwrap_or(0);
            if let Some((number, _)) = all.get(moved(at, all.len())) {
                choose_attempt(app, *number, out);
            }
        }
        Tab::Checks => {
            let all = steps(app);
            let now = with(app, |s, ix| chosen_check(s, &app.ui, ix)).flatten();
            let at = all
                .iter()
                .position(|(key, _)| now.as_ref().is_some_and(|n| n.0 == *key));
            if let Some((key, _)) = all.get(moved(at.unwrap_or(0), all.len())) {
                app.ui.on_agent.check = Some(*key);
                app.ui.on_agent.check_up = 0;
            }
        }
        Tab::Plan => scroll_plan(app, by),
    }
    app.now();
}

/// The attempts of the shown agent.
pub(super) fn attempts(app: &App) -> Vec<(u32, Attempt)> {
    with(app, view::attempts).unwrap_or_default()
}

/// The commands of its checks.
pub(super) fn steps(app: &App) -> Vec<(CheckKey, CheckStep)> {
    with(app, view::steps).unwrap_or_default()
}

/// Scrolls what the plan says.
pub(super) fn scroll_plan(app: &mut App, by: isize) {
    let view = app.view();
    let Some(agent) = &view.agent else { return };
    let (first, total) = agent.plan_place;
    let most = total.saturating_sub(agent.plan.len());
    app.ui.on_agent.plan_first = first.saturating_add_signed(by).min(most);
}

/// Scrolls what a check printed.
pub(super) fn scroll_check(app: &mut App, by: isize) {
    let rows = usize::from(app.view().regions.output.height.saturating_sub(1));
    let lines = app
        .check_print
        .as_ref()
        .map_or(0, |check| check.lines.len());
    let up = app.ui.on_agent.check_up.saturating_add_signed(-by);
    app.ui.on_agent.check_up = up.min(lines.saturating_sub(rows));
}

/// Turns the output to an attempt.
pub(super) fn choose_attempt(app: &mut App, number: u32, out: &mut Vec<Request>) {
    let newest = with(app, |source, ix| source.state.agent(ix).attempt);
    app.ui.on_agent.attempt = newest.filter(|newest| *newest != number).map(|_| number);
    follow_selection(app);
    if std::mem::take(&mut app.output_wanted) {
        ask_output(app, out);
    }
}

/// Rows of a page of what the arrow keys move in.
pub(super) fn page(app: &App) -> usize {
    let view = app.view();
    let r = &view.regions;
    let tab = app.ui.on_agent.tab;
    let rows = match tab {
        _ if app.ui.on_agent.zoom.is_some() => view.output.rows.len(),
        Tab::Output if view.terminal.is_some() => usize::from(r.output.height),
        Tab::Output | Tab::Prompt => view.output.rows.iter().filter(|row| !row.more).count(),
        Tab::Attempts | Tab::Checks => 4,
        Tab::Plan => usize::from(r.plan.height.saturating_sub(1)),
    };
    rows.max(2)
}

/// Lines that the output pane holds at the end of the file: fewer than rows where lines are broken.
pub(super) fn lines_at_end(app: &App) -> usize {
    let area = app.view().regions.output;
    let size = text_size(area, &app.ui);
    let rows = usize::from(size.1);
    let Some(buffer) = app.output.as_ref().filter(|_| wraps(&app.ui)) else {
        return rows;
    };
    let last = buffer.show(Look::Tail, rows);
    fitting(last.lines.iter().map(String::as_str), size)
}

/// To the side: another tab, or along lines that are cut.
pub(super) fn sideways(app: &mut App, left: bool) {
    let ui = &mut app.ui.on_agent;
    if !ui.wrap && (matches!(ui.tab, Tab::Output | Tab::Prompt) || ui.zoom.is_some()) {
        ui.column = if left {
            ui.column.saturating_sub(8)
        } else {
            (ui.column + 8).min(2_000)
        };
        return;
    }
    if ui.zoom.is_some() {
        app.say(Voice::Plain, "lines are broken; nothing lies to the side");
        return;
    }
    let at = Tab::ALL.iter().position(|tab| *tab == ui.tab).unwrap_or(0);
    let to = if left {
        at.checked_sub(1)
    } else {
        Some(at + 1)
    };
    if let Some(tab) = to.and_then(|to| Tab::ALL.get(to)) {
        ui.tab = *tab;
    }
}

/// Enter: from a list to what it chose.
pub(super) fn open(app: &mut App) {
    let conflict = app
        .selected()
        .and_then(|ix| app.state.as_ref()?.agent(ix).conflict);
    let ui = &mut app.ui.on_agent;
    match ui.tab {
        Tab::Attempts => ui.tab = Tab::Output,
        Tab::Checks => app.say(Voice::Plain, "what it printed is shown beside it"),
        // What it waits for is behind it.
        Tab::Output | Tab::Plan | Tab::Prompt => match conflict {
            Some(id) => clash::show(app, id),
            None => app.say(Voice::Plain, "nothing more is behind this"),
        },
    }
}

/// The next agent of the table, or the one before, on the same screen.
pub(super) fn other(app: &mut App, by: isize, out: &mut Vec<Request>) {
    let lines = app.outline();
    let Some(state) = &app.state else { return };
    let mut rows = lines.lines.iter().filter_map(|line| {
        let id = crate::tui::view::outline::Outline::id(state, *line);
        matches!(id, RowId::Agent(_)).then_some(id)
    });
    let all: Vec<RowId> = rows.by_ref().collect();
    let at = all
        .iter()
        .position(|id| app.ui.selected.as_ref() == Some(id));
    let to = match at {
        Some(at) => at.checked_add_signed(by),
        None => Some(0),
    };
    match to.and_then(|to| all.get(to)).cloned() {
        Some(id) => select(app, id, out),
        None if by > 0 => app.say(Voice::Plain, "that is the last agent of the table"),
        None => app.say(Voice::Plain, "that is the first agent of the table"),
    }
}

/// Breaks long lines, or cuts them.
pub(super) fn wrap(app: &mut App) {
    if super::terminal::shown(app) {
        app.say(Voice::Plain, "a terminal breaks its lines itself");
        return;
    }
    let ui = &mut app.ui.on_agent;
    ui.wrap = !ui.wrap;
    ui.column = 0;
    let text = if ui.wrap {
        "long lines are broken"
    } else {
        "long lines are cut; left and right move along them"
    };
    app.say(Voice::Plain, text);
}

/// What an agent program prints: in words, or as it is.
pub(super) fn raw(app: &mut App) {
    let shown = app.output.as_ref().map(|o| (o.agent, o.attempt));
    let Some(program) = shown.and_then(|(ix, attempt)| program_of(app, ix, attempt)) else {
        app.say(Voice::Plain, "what it prints is shown as it is already");
        return;
    };
    app.ui.on_agent.raw = !app.ui.on_agent.raw;
    app.ui.on_agent.mark = None;
    let raw = app.ui.on_agent.raw;
    if let Some(buffer) = &mut app.output {
        buffer.speak((!raw).then_some(program));
    }
    let text = if raw {
        "what it prints is shown as it is"
    } else {
        "what it prints is shown in words"
    };
    app.say(Voice::Plain, text);
}

/// Begins to mark a range at the first visible line, or drops it.
pub(super) fn mark_range(app: &mut App) {
    if app.ui.on_agent.mark.take().is_some() {
        app.say(Voice::Plain, "no range is marked any more");
        return;
    }
    if super::terminal::shown(app) {
        app.say(
            Voice::Plain,
            "a terminal has no range: what is visible is copied",
        );
        return;
    }
    let rows = lines_at_end(app);
    let Some(first) = app.output.as_ref().and_then(|buffer| {
        let shown = buffer.show(app.ui.look, rows);
        shown.starts.first().copied()
    }) else {
        app.say(Voice::Plain, "there is no output to mark");
        return;
    };
    app.ui.on_agent.mark = Some(first);
    // What is marked shall stay where it is.
    if app.ui.look == Look::Tail {
        app.ui.look = Look::From(first);
    }
    let key = app
        .settings
        .keys
        .key_for(crate::tui::action::UiAction::Copy);
    let key = key.map_or_else(String::new, |key| key.to_string());
    let text = format!("marks from the first line on; scroll to extend, {key} copies");
    app.say(Voice::Plain, text);
}

/// Copies the marked range, else the visible lines, without borders.
pub(super) fn copy(app: &mut App) {
    let view = app.view();
    let lines = match app.ui.on_agent.mark {
        Some(begin) => {
            let Some(lines) = marked(app, begin) else {
                let text = "the range is longer than what is kept: mark a shorter one";
                app.say(Voice::Bad, text);
                return;
            };
            lines
        }
        None if view.regions.output.is_empty() => with(app, |source, ix| {
            let all = view::facts(source, ix, usize::from(app.ui.size.0));
            all.into_iter().map(|(text, _)| text).collect()
        })
        .unwrap_or_default(),
        None if view.terminal.is_some() => {
            let rows = view.terminal.iter().flat_map(|term| &term.rows);
            rows.map(|runs| runs.iter().map(|run| run.text.as_str()).collect())
                .collect()
        }
        None => {
            let mut lines: Vec<String> = Vec::new();
            for row in &view.output.rows {
                match lines.last_mut() {
                    Some(last) if row.more => last.push_str(&row.text),
                    _ => lines.push(row.text.clone()),
                }
            }
            lines
        }
    };
    let count = lines.len();
    let mut text = lines.join("\n");
    if count == 0 {
        app.say(Voice::Plain, "there is nothing to copy");
        return;
    }
    text.push('\n');
    let size = crate::tui::view::words::size(text.len() as u64);
    if text.len() > COPY {
        let text = format!("{count} lines are {size}: more than a terminal takes at once");
        app.say(Voice::Bad, text);
        return;
    }
    let lines = if count == 1 { "line" } else { "lines" };
    app.ui.on_agent.mark = None;
    app.copy = Some(text);
    app.say(
        Voice::Good,
        format!("{count} {lines} ({size}) handed to the terminal's clipboard"),
    );
}

fn marked(app: &App, begin: u64) -> Option<Vec<String>> {
    let buffer = app.output.as_ref()?;
    let shown = buffer.show(app.ui.look, visible_lines(app));
    if shown.from < begin {
        let after = buffer.show(Look::From(begin), 1);
        buffer.between(shown.from, after.to)
    } else {
        buffer.between(begin, shown.to)
    }
}

/// Lines, or parts of such, that are visible.
fn visible_lines(app: &App) -> usize {
    let rows = &app.view().output.rows;
    rows.iter().filter(|row| !row.more).count().max(1)
}

/// Turns to what the chosen command of a check printed.
pub(super) fn follow_check(app: &mut App, out: &mut Vec<Request>) {
    if app.ui.screen != Screen::Agent {
        app.check_print = None;
        return;
    }
    let wanted: Option<(Owner, _)> = app.source().and_then(|s| check_shown(s, &app.ui));
    let known = app.check_print.as_ref().map(|c| (c.owner, c.key));
    if wanted == known {
        return;
    }
    app.check_print = wanted.map(|(owner, key)| CheckPrint::new(owner, key));
    if let Some((owner, key)) = wanted {
        out.push(Request::Check { owner, key });
    }
}

/// The place of the first visible line of the output, and of what lies below the last one.
pub(super) fn window(app: &App) -> Option<(u64, u64)> {
    let buffer = app.output.as_ref()?;
    let shown = buffer.show(app.ui.look, visible_lines(app));
    Some((shown.from, shown.to))
}
