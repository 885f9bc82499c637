//! The prompt of the shown attempt: asked for when it is looked at, scrolled.

use super::{App, agent};
use crate::tui::{
    feed::Request,
    prompted::PromptText,
    ui_state::{Screen, Tab},
};

/// Shows the prompt of the agent that is pointed at; from there back to its output.
pub(super) fn show(app: &mut App, out: &mut Vec<Request>) {
    let ui = &app.ui;
    let back = ui.screen == Screen::Agent && ui.on_agent.tab == Tab::Prompt;
    if !back {
        agent::show(app, false, out);
    }
    if app.ui.screen == Screen::Agent {
        app.ui.on_agent.tab = if back { Tab::Output } else { Tab::Prompt };
    }
}

/// Scrolls it.
pub(super) fn scroll(app: &mut App, by: isize) {
    let rows = usize::from(app.view().regions.output.height.saturating_sub(1));
    let lines = app.prompt.as_ref().map_or(0, |prompt| prompt.lines.len());
    // The last line stays visible at least: lines that are broken take more rows.
    let most = if app.ui.on_agent.wrap {
        lines.saturating_sub(1)
    } else {
        lines.saturating_sub(rows)
    };
    let first = &mut app.ui.on_agent.prompt_first;
    *first = first.saturating_add_signed(by).min(most);
    app.now();
}

/// After anything has happened: turns to what is looked at.
pub(super) fn follow(app: &mut App, out: &mut Vec<Request>) {
    let looked = app.ui.screen == Screen::Agent && app.ui.on_agent.tab == Tab::Prompt;
    let state = app.state.as_ref().filter(|_| looked);
    let wanted = state.and_then(|state| {
        let ix = app.selected()?;
        Some((ix, agent::attempt_of(app, state, ix)))
    });
    let wanted = wanted.filter(|(_, attempt)| *attempt > 0);
    if wanted == app.prompt.as_ref().map(|p| (p.agent, p.attempt)) {
        return;
    }
    app.ui.on_agent.prompt_first = 0;
    app.prompt = wanted.map(|(ix, attempt)| PromptText::new(ix, attempt));
    if let Some((agent, attempt)) = wanted {
        out.push(Request::Prompt { agent, attempt });
    }
}
