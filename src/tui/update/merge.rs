//! The screen of what comes together: where its rows lead.

use super::{App, ask::ask, clash, operate::cannot, review, select::go_to};
use crate::{
    engine::{Action, decide::resolve},
    tui::{
        feed::Request,
        ui_state::{Choice, RowId, Screen, Voice},
        view::{
            merge::{self as view, Lead},
            report::ReportRow,
        },
    },
};

/// All rows, as the screen has them.
pub(super) fn rows(app: &App) -> Vec<ReportRow> {
    let columns = app.ui.size.0;
    app.source()
        .map(|source| view::all(source, &app.ui, columns))
        .unwrap_or_default()
}

/// Opens the screen at what is most urgent: a conflict, else what stands first.
pub(super) fn show(app: &mut App) {
    app.ui.screen = Screen::Merge;
    let rows = rows(app);
    let conflicts = app.state.as_ref().map(|state| &state.merges.conflicts);
    let open = |id| conflicts.is_some_and(|all| all.get(&id).is_some_and(|c| c.resolved.is_none()));
    let clash = |row: &ReportRow| matches!(row.lead, Some(Lead::Clash(id)) if open(id));
    let first = rows.iter().position(clash);
    let first = first.or_else(|| rows.iter().position(|row| row.agent.is_some()));
    app.ui.merge_at = first.unwrap_or(0);
    app.ui.merge_first = 0;
}

/// Moves by rows; blank ones and headings are passed over where something comes after them.
pub(super) fn step(app: &mut App, by: isize) {
    let rows = rows(app);
    let last = rows.len().saturating_sub(1);
    let to = app
        .ui
        .merge_at
        .min(last)
        .saturating_add_signed(by)
        .min(last);
    let full = |row: &ReportRow| !row.heading && !row.cells.is_empty();
    let near = if by < 0 {
        (0..=to).rev().find(|at| full(&rows[*at]))
    } else {
        (to..rows.len()).find(|at| full(&rows[*at]))
    };
    app.ui.merge_at = near.unwrap_or(app.ui.merge_at.min(last));
}

/// Enter: to the conflict, the diff, the agent, or back to a checkpoint.
pub(super) fn open(app: &mut App, out: &mut Vec<Request>) {
    let Some(row) = rows(app).into_iter().nth(app.ui.merge_at) else {
        return;
    };
    match (row.lead, row.agent) {
        (Some(Lead::Clash(id)), _) => clash::show(app, id),
        (Some(Lead::Review(ix)), _) => review::show_of(app, ix),
        (Some(Lead::Checkpoint(wave)), _) => roll_back(app, wave),
        (None, Some(agent)) => go_to(app, RowId::Agent(agent.as_str().into()), out),
        (None, None) => app.say(Voice::Plain, "nothing more stands behind this row"),
    }
}

/// Asks whether the integrated work goes back to a checkpoint.
fn roll_back(app: &mut App, wave: u32) {
    if let Some(why) = cannot(app) {
        app.say(Voice::Bad, why);
        return;
    }
    let action = Action::Rollback { wave };
    let Some(state) = &app.state else { return };
    let agents = match resolve(state, &action) {
        Ok(resolved) => resolved.agents,
        Err(why) => {
            app.say(Voice::Bad, why.to_string());
            return;
        }
    };
    let names: Vec<String> = agents
        .iter()
        .take(6)
        .map(|&ix| state.id(ix).to_string())
        .collect();
    let more = match agents.len().saturating_sub(6) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let lines = [
        format!("Taken out and done again: {}{more}.", names.join(", ")),
        "What is taken out stays reachable by its refs.".to_owned(),
    ];
    let (title, label) = if wave == 0 {
        (
            "Back to the beginning?".to_owned(),
            "go back to the beginning".to_owned(),
        )
    } else {
        (
            format!("Back to the checkpoint of wave {wave}?"),
            format!("go back to wave {wave}"),
        )
    };
    let yes = Choice {
        key: 'y',
        label,
        actions: vec![action],
    };
    ask(app, &title, &lines, "no, leave it as it is", vec![yes]);
}
