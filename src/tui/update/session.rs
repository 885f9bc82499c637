//! An agent's session, opened for a person: asked for, gone into when it is there, handed back.
//!
//! Must not decide whether it can be opened: the engine's rules do. How its terminal is shown and typed into is
//! that of any terminal.

use super::{
    App, agent, ask,
    keyboard::{self, Keyboard},
    operate::{cannot, send},
};
use crate::{
    display::clean_line,
    engine::{Action, Cause, State, decide::resolve},
    plan::AgentIx,
    tui::{
        feed::Request,
        ui_state::{Choice, Screen, Tab, Voice},
    },
};

fn name(state: &State, ix: AgentIx) -> String {
    clean_line(state.id(ix).as_str(), 64)
}

/// Asks how a session is opened, where its agent has a turn to end; else opens it.
pub(super) fn open(app: &mut App, ix: AgentIx, out: &mut Vec<Request>) {
    if let Some(why) = cannot(app) {
        app.say(Voice::Bad, why);
        return;
    }
    let Some(state) = &app.state else { return };
    let id = state.id(ix).to_string();
    let shown = name(state, ix);
    let open = |now| Action::Open {
        agent: id.clone(),
        now,
    };
    let close = Action::Close { agent: id.clone() };
    let can = |action: &Action| resolve(state, action);
    if can(&close).is_ok() {
        let mut choices = vec![choice('t', "take it back: do not open it", vec![close])];
        if can(&open(true)).is_ok() {
            let now = "now: its turn is broken off";
            choices.insert(0, choice('w', now, vec![open(true)]));
        }
        let lines = ["It opens when this turn has ended.".to_owned()];
        let title = format!("The session of {shown} is to open");
        ask::ask(
            app,
            &title,
            &lines,
            "as it is: at the end of this turn",
            choices,
        );
        return;
    }
    if let Err(refusal) = can(&open(false)) {
        app.say(Voice::Bad, refusal.to_string());
        return;
    }
    if state.agent(ix).live.is_none() {
        send(app, open(false), out);
        return;
    }
    let mut choices = vec![choice('e', "at the end of this turn", vec![open(false)])];
    if can(&open(true)).is_ok() {
        choices.push(choice('w', "now: its turn is broken off", vec![open(true)]));
    }
    let lines = [
        "It opens at the end of this turn; now interrupts it.".to_owned(),
        "When you leave its program, the agent goes on, or its work is checked.".to_owned(),
    ];
    let title = format!("Work in the session of {shown}?");
    ask::ask(app, &title, &lines, "no, let it go on", choices);
}

fn choice(key: char, label: &str, actions: Vec<Action>) -> Choice {
    Choice {
        key,
        label: label.to_owned(),
        actions,
    }
}

/// Notes whose session was asked for, and turns to it where it comes at once.
pub(super) fn asked(app: &mut App, action: &Action, out: &mut Vec<Request>) {
    let Action::Open { agent: id, now } = action else {
        return;
    };
    let Some(state) = &app.state else { return };
    let Some(ix) = state.find(&id.as_str().into()) else {
        return;
    };
    app.opening = Some(ix);
    if *now || state.agent(ix).live.is_none() {
        agent::show(app, false, out);
    }
}

/// After anything has happened: a session that was asked for and is open is gone into, by who looks at it.
pub(super) fn follow(app: &mut App, out: &mut Vec<Request>) {
    let (Some(ix), Some(state)) = (app.opening, &app.state) else {
        return;
    };
    let Some(agent) = state.agents.get(ix.ix()) else {
        app.opening = None;
        return;
    };
    let there = agent
        .live
        .as_ref()
        .is_some_and(|live| live.handle.is_some());
    if !agent.opened() || !there {
        if agent.status.is_final() && agent.live.is_none() {
            app.opening = None;
        }
        return;
    }
    app.opening = None;
    let shown = name(state, ix);
    let looks = app.ui.screen == Screen::Agent
        && app.selected() == Some(ix)
        && app.ui.popups.is_empty()
        && !app.ui.typing;
    if looks && app.keyboard == Keyboard::Ours {
        enter(app, ix, out);
    } else {
        // Keys that are meant for something else shall not end up there.
        app.say(
            Voice::Good,
            format!("the session of {shown} is open: a on its row goes in"),
        );
    }
}

/// Shows the session over the whole screen and asks for its keyboard.
pub(super) fn enter(app: &mut App, ix: AgentIx, out: &mut Vec<Request>) {
    let from = app.ui.screen;
    let ui = &mut app.ui.on_agent;
    (ui.tab, ui.attempt) = (Tab::Output, None);
    ui.zoom.get_or_insert(from);
    keyboard::take(app, ix, out);
}

/// The keyboard was taken back: whether the session stays open is asked.
pub(super) fn left(app: &mut App, ix: AgentIx) {
    let Some(state) = &app.state else { return };
    let id = state.id(ix).to_string();
    let close = Action::Close { agent: id };
    let agent = state.agent(ix);
    if !agent.opened() || resolve(state, &close).is_err() {
        return;
    }
    let well = agent.talk.as_ref().is_some_and(|talk| talk.well);
    let then = if well {
        "hand it back: its program is ended, its work is judged"
    } else {
        "hand it back: its program is ended, the agent goes on"
    };
    let title = format!("The session of {} stays open", name(state, ix));
    let lines = ["Its program runs on; the key a goes back in.".to_owned()];
    ask::ask(
        app,
        &title,
        &lines,
        "leave it open",
        vec![choice('h', then, vec![close])],
    );
}

/// What is said when the program of a session has ended.
pub(super) fn ended(app: &App, ix: AgentIx) -> Option<&'static str> {
    let state = app.state.as_ref()?;
    let agent = state.agents.get(ix.ix())?;
    let talk = agent.talk.as_ref()?;
    // The keyboard comes back before the records that say so.
    if talk.why == Some(Cause::Returned) || (talk.opened && !talk.well) {
        return Some("the session is handed back: its agent goes on");
    }
    (talk.opened).then_some("the session is handed back: its work is judged")
}
