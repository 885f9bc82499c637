//! An agent that a person adds: the line that is typed, and the row that comes of it.
//!
//! Must not read what the line means: the runner does, and what it refuses comes back to be put right.

use std::sync::Arc;

use super::{App, operate::cannot, select::reveal};
use crate::{
    engine::{Action, Addition, Event, WorkEvent, decide::resolve},
    tui::{
        chart::Chart,
        ui_state::{Note, Popup, RowId, Voice},
    },
};

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Adding {
    /// Number of the action.
    pub id: u64,
    /// The line, where one was typed.
    pub typed: Option<String>,
}

/// Opens the line, with what is typed so far, unless nothing can be added now.
pub(super) fn open(app: &mut App, typed: String) {
    if let Some(why) = cannot(app) {
        app.say(Voice::Bad, why);
        return;
    }
    let Some(state) = &app.state else { return };
    if let Err(refusal) = resolve(state, &Action::Add { wanted: None }) {
        app.say(Voice::Bad, refusal.to_string());
        return;
    }
    app.ui.popups.push(Popup::Note {
        title: "Add an agent".to_owned(),
        typed,
        to: Note::Add,
    });
}

/// The action that a typed line is, or why it is none.
pub(super) fn action(text: &str) -> Result<Action, String> {
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let wanted = Addition::of_words(&words)?;
    Ok(Action::Add {
        wanted: Some(Box::new(wanted)),
    })
}

/// An action was answered; true: it was a line that was refused, and stands there again.
pub(super) fn answered(app: &mut App, id: u64, refused: bool) -> bool {
    let Some(adding) = app.adding.take_if(|adding| adding.id == id) else {
        return false;
    };
    if !refused {
        // Its row follows.
        app.adding = Some(adding);
        return false;
    }
    let Some(typed) = adding.typed.filter(|_| app.ui.popups.is_empty()) else {
        return false;
    };
    open(app, typed);
    true
}

/// The plan has more agents: what was made of it is made anew, and a row that was asked for is selected.
pub(super) fn took(app: &mut App, event: &Event) {
    let (Event::Work(work), Some(state)) = (event, &app.state) else {
        return;
    };
    match &**work {
        WorkEvent::Extended(by) => {
            if let Some(sensor) = &mut app.sensor {
                for ix in by.indices() {
                    let agent = state.setup.plan.agents.get(ix.ix());
                    sensor.set_quiet(ix, agent.and_then(|agent| agent.quiet_us));
                }
            }
            app.chart = Some(Arc::new(Chart::new(&state.setup)));
            app.report.take();
            app.status.take();
        }
        WorkEvent::Added(of) if of.by == "deck" && app.adding.is_some() => {
            app.adding = None;
            let row = RowId::Agent(of.agent.clone());
            reveal(app, &row);
            app.ui.chosen = true;
            app.ui.selected = Some(row);
        }
        _ => {}
    }
}
