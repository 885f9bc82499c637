//! Clicks and the wheel on the agent's screen.

use ratatui::layout::{Position, Rect};

use super::{App, agent, moves::scroll_output, prompt};
use crate::tui::{
    draw::agent::tab_hits,
    feed::Request,
    ui_state::Tab,
    view::{View, agent::Listed},
};

/// Takes a click, or the wheel's rows; false: it is for what every screen has.
pub(super) fn click(
    app: &mut App,
    view: &View,
    at: Position,
    wheel: Option<isize>,
    out: &mut Vec<Request>,
) -> bool {
    let r = &view.regions;
    let panes = [
        (r.output, Tab::Output),
        (r.attempts, Tab::Attempts),
        (r.checks, Tab::Checks),
        (r.plan, Tab::Plan),
    ];
    let Some(agent) = &view.agent else {
        if let Some(by) = wheel {
            scroll_output(app, by, out);
        }
        return wheel.is_some();
    };
    if r.tabs.contains(at) {
        let x = at.x - r.tabs.x;
        let hit = tab_hits(agent)
            .into_iter()
            .find(|(from, wide, ..)| wheel.is_none() && x >= *from && x < from + wide);
        if let Some((_, _, tab, _)) = hit {
            app.ui.on_agent.tab = tab;
        }
        return true;
    }
    let Some((area, tab)) = panes.into_iter().find(|(area, _)| area.contains(at)) else {
        return false;
    };
    if let Some(by) = wheel {
        match tab {
            Tab::Output if app.ui.on_agent.tab == Tab::Checks => agent::scroll_check(app, by),
            Tab::Output if app.ui.on_agent.tab == Tab::Prompt => prompt::scroll(app, by),
            Tab::Output | Tab::Prompt => scroll_output(app, by, out),
            Tab::Plan => agent::scroll_plan(app, by),
            // One entry a turn: three at once would be past it.
            Tab::Attempts | Tab::Checks => {
                let before = std::mem::replace(&mut app.ui.on_agent.tab, tab);
                agent::step(app, by.signum(), out);
                if before == Tab::Output && tab == Tab::Attempts {
                    app.ui.on_agent.tab = before;
                }
            }
        }
        return true;
    }
    // Beside the lists the output stays what it is: evidence while a check is looked at.
    let keeps = tab == Tab::Output && matches!(app.ui.on_agent.tab, Tab::Checks | Tab::Prompt);
    if !keeps {
        app.ui.on_agent.tab = tab;
    }
    match tab {
        Tab::Attempts => {
            if let Some(entry) = entry(&agent.attempts, area, at)
                && let Some((number, _)) = agent::attempts(app).get(entry)
            {
                agent::choose_attempt(app, *number, out);
            }
        }
        Tab::Checks => {
            if let Some(entry) = entry(&agent.checks, area, at)
                && let Some((key, _)) = agent::steps(app).get(entry)
            {
                app.ui.on_agent.check = Some(*key);
                app.ui.on_agent.check_up = 0;
            }
        }
        Tab::Output | Tab::Plan | Tab::Prompt => {}
    }
    true
}

/// The entry of a list at a place.
fn entry(list: &Listed, area: Rect, at: Position) -> Option<usize> {
    let row = usize::from(at.y - area.y).checked_sub(1)?;
    Some(list.lines.get(row)?.entry)
}
