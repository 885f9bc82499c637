//! The terminal of the selected agent: opened when its pane is seen, dropped when it is not, scrolled
//! and searched.

use super::{App, agent};
use ratatui::layout::Rect;

use crate::{
    engine::State,
    plan::AgentIx,
    tui::{
        emulator::Emulator,
        feed::{Request, Update},
        search::find,
        ui_state::{Screen, Voice},
        view::{
            agent::regions,
            terminal::{hidden, pane},
        },
    },
};

/// Rows of a search that are counted at most; a screen keeps fewer.
const MOST: usize = 10_000;

/// Whether an attempt of an agent runs, or ran, in a terminal.
pub(super) fn in_terminal(app: &App, state: &State, ix: AgentIx, attempt: u32) -> bool {
    let agent = state.agent(ix);
    if attempt == agent.attempt {
        return state.in_terminal(ix);
    }
    let mode = {
        let known = app.history.as_ref().map(|h| h.attempts.of(ix, state.seq));
        known.and_then(|all| {
            let (_, attempt) = all.into_iter().find(|(number, _)| *number == attempt)?;
            Some((attempt.mode?, attempt.opened))
        })
    };
    mode.is_some_and(|(mode, opened)| opened || state.setup.plan.agent(ix).in_terminal(mode))
}

/// The output pane. On the deck, which is dear to divide, as it was drawn last.
fn area(app: &App) -> Rect {
    match (app.ui.screen, app.source()) {
        (Screen::Agent, Some(source)) => regions(source, &app.ui).output,
        (Screen::Deck, _) => app.deck_output,
        _ => Rect::ZERO,
    }
}

/// The terminal that the screen has a pane for.
fn wanted(app: &App) -> Option<(AgentIx, u32)> {
    if !matches!(app.ui.screen, Screen::Deck | Screen::Agent) || app.ui.too_small() {
        return None;
    }
    let state = app.state.as_ref()?;
    let ix = app.selected()?;
    let attempt = agent::attempt_of(app, state, ix);
    if attempt == 0 || !in_terminal(app, state, ix, attempt) {
        return None;
    }
    // Before its process runs nobody could be told how it goes on.
    let agent = state.agent(ix);
    let coming = agent
        .live
        .as_ref()
        .is_some_and(|live| live.handle.is_none());
    if coming && attempt == agent.attempt {
        return None;
    }
    (!area(app).is_empty()).then_some((ix, attempt))
}

/// After anything has happened: opens, drops and asks on; tells how large it is shown.
pub(super) fn follow(app: &mut App, out: &mut Vec<Request>) {
    let wanted = wanted(app);
    let known = app.emulator.as_ref().map(|e| (e.agent, e.attempt));
    if wanted != known {
        app.emulator = wanted.map(|(ix, attempt)| Emulator::new(ix, attempt));
        app.found_row = None;
    }
    out.extend(app.emulator.as_mut().and_then(Emulator::wanted));
    tell_size(app, out);
}

/// The size that the agent's own screen gives it, while it is looked at; the deck takes what there
/// is.
fn tell_size(app: &mut App, out: &mut Vec<Request>) {
    let shown = app
        .emulator
        .as_ref()
        .filter(|_| app.ui.screen == Screen::Agent && app.clock.is_none() && app.settings.can_act)
        .filter(|e| {
            let state = app.state.as_ref();
            state.is_some_and(|s| {
                let agent = s.agent(e.agent);
                agent.attempt == e.attempt && agent.live.is_some()
            })
        })
        .map(|e| {
            let (cols, rows) = pane(area(app), &app.ui);
            (e.agent, e.attempt, cols, rows)
        })
        .filter(|&(.., cols, rows)| cols > 0 && rows > 0);
    if shown == app.size_told {
        return;
    }
    let size = |(agent, attempt, cols, rows)| Request::Size {
        agent,
        attempt,
        cols,
        rows,
    };
    let before = app.size_told.map(|(ix, attempt, ..)| (ix, attempt));
    let now = shown.map(|(ix, attempt, ..)| (ix, attempt));
    if let Some((ix, attempt)) = before.filter(|before| Some(*before) != now) {
        out.push(size((ix, attempt, 0, 0)));
    }
    out.extend(shown.map(size));
    app.size_told = shown;
}

/// What is told of terminals; what another one says is of no use any more.
pub(super) fn news(app: &mut App, news: Update) {
    let ours = |e: &&mut Emulator, agent, attempt| (e.agent, e.attempt) == (agent, attempt);
    match news {
        Update::Terminal {
            agent,
            attempt,
            cols,
            rows,
            prelude,
            offset,
            resizes,
            bytes,
            total,
        } => {
            let Some(emulator) = app.emulator.as_mut().filter(|e| ours(e, agent, attempt)) else {
                return;
            };
            emulator.open((cols, rows), &prelude, offset, total);
            for (offset, cols, rows) in resizes {
                emulator.resize(offset, cols, rows);
            }
            emulator.take(offset, &bytes, total);
        }
        Update::Grew {
            agent,
            attempt,
            total,
        } => {
            if let Some(emulator) = app.emulator.as_mut().filter(|e| ours(e, agent, attempt)) {
                emulator.grew(total);
            }
            return;
        }
        Update::Resized {
            agent,
            attempt,
            offset,
            cols,
            rows,
        } => {
            if let Some(emulator) = app.emulator.as_mut().filter(|e| ours(e, agent, attempt)) {
                emulator.resize(offset, cols, rows);
            }
        }
        _ => return,
    }
    app.now();
}

/// Takes a piece of output, if it is the terminal's next one.
pub(super) fn take(
    app: &mut App,
    key: (AgentIx, u32),
    offset: u64,
    bytes: &[u8],
    total: u64,
) -> bool {
    let ours = |e: &&mut Emulator| (e.agent, e.attempt) == key;
    let taken = app
        .emulator
        .as_mut()
        .filter(ours)
        .is_some_and(|e| e.take(offset, bytes, total));
    if taken {
        app.now();
    }
    taken
}

/// Whether the output pane shows a terminal.
pub(super) fn shown(app: &App) -> bool {
    let evidence = app.ui.covers_output();
    app.emulator.as_ref().is_some_and(Emulator::loaded) && !evidence
}

/// Scrolls by so many rows (up is negative).
pub(super) fn scroll(app: &mut App, by: isize) {
    let (_, rows) = pane(area(app), &app.ui);
    if let Some(emulator) = &mut app.emulator {
        let up = emulator.up().saturating_add_signed(by.saturating_neg());
        let hidden = hidden(emulator, rows);
        emulator.scroll_to(up, hidden);
    }
    app.now();
}

/// The rows that have the words, from the top of what is kept.
fn hits(app: &mut App) -> Vec<usize> {
    let needle = app.ui.on_agent.search.clone();
    let mut hits = Vec::new();
    if let Some(emulator) = app.emulator.as_mut().filter(|_| !needle.is_empty()) {
        emulator.find_row(|row, text| {
            let text = crate::display::clean_line(text, 1_000);
            if !find(&text, &needle).is_empty() {
                hits.push(row);
            }
            hits.len() >= MOST
        });
    }
    hits
}

/// The words have changed.
pub(super) fn typed(app: &mut App) {
    app.found_row = None;
    if app.ui.typing {
        app.found.clear();
        return;
    }
    next(app, false);
}

/// The next row that has the words, or the one before.
pub(super) fn next(app: &mut App, forwards: bool) {
    let hits = hits(app);
    let at = app.found_row;
    let to = match (at, forwards) {
        (None, _) => hits.len().checked_sub(1),
        (Some(row), true) => {
            let n = hits.partition_point(|&hit| hit <= row);
            (n < hits.len()).then_some(n)
        }
        (Some(row), false) => hits.partition_point(|&hit| hit < row).checked_sub(1),
    };
    let what = crate::display::clean_text(&app.ui.on_agent.search, 40);
    let Some(n) = to else {
        let text = match (hits.is_empty(), forwards) {
            (true, _) => format!("`{what}` is in no row that is kept of this terminal"),
            (false, true) => "none after this one".to_owned(),
            (false, false) => "none before this one".to_owned(),
        };
        app.say(Voice::Plain, text);
        return;
    };
    let row = hits[n];
    app.found_row = Some(row);
    app.found = format!("{} of {} rows", n + 1, hits.len());
    let (_, rows) = pane(area(app), &app.ui);
    if let Some(emulator) = &mut app.emulator {
        let hidden = hidden(emulator, rows);
        // In the upper third of the pane, as far as there is more below.
        let whole = emulator.history() + usize::from(emulator.size().1);
        let last = row + usize::from(rows) * 2 / 3;
        emulator.scroll_to(whole.saturating_sub(last + 1), hidden);
    }
    app.now();
}
