//! A review's screen: lines, comments, the way back to the agent.

use super::{
    App,
    ask::ask,
    operate::{cannot, pointed, send},
};
use crate::{
    engine::{Action, Answer, AttentionKind, Owner, decide::resolve},
    plan::AgentIx,
    tui::{
        action::UiAction,
        feed::{Request, ReviewAsk},
        patch::{Kind, Patch},
        ui_state::{Choice, Note, Popup, ReviewUi, RowId, Screen, Voice},
        view::{attention, merge as view},
    },
};

/// Opens the screen: the row's work, on the screen of what comes together also the first unread.
pub(super) fn show(app: &mut App) {
    let row = match pointed(app) {
        Some(RowId::Agent(id)) => app.state.as_ref().and_then(|state| state.find(&id)),
        _ => None,
    };
    let readable = |app: &App, ix| app.state.as_ref().is_some_and(|s| view::readable(s, ix));
    let ix = match row {
        Some(ix) if readable(app, ix) => Some(ix),
        Some(_) if app.ui.screen != Screen::Merge => {
            app.say(
                Voice::Plain,
                "no finished work of its own: only what works in a clone is reviewed",
            );
            return;
        }
        _ => app
            .state
            .as_ref()
            .and_then(|state| view::unread(state, &app.ui).first().copied()),
    };
    match ix {
        Some(ix) => show_of(app, ix),
        None => app.say(Voice::Plain, "no finished work waits to be read"),
    }
}

/// Opens the screen on an agent's work.
pub(super) fn show_of(app: &mut App, ix: AgentIx) {
    let Some(state) = &app.state else { return };
    let id = state.id(ix);
    let from = match app.ui.screen {
        Screen::Review => app.ui.review.from,
        screen => screen,
    };
    app.ui.review = ReviewUi {
        agent: Some(id),
        from,
        ..ReviewUi::default()
    };
    app.ui.screen = Screen::Review;
    app.now();
}

/// Asks for the diff of the work that is shown, where another is known.
pub(super) fn follow(app: &mut App, out: &mut Vec<Request>) {
    if app.ui.screen != Screen::Review {
        return;
    }
    let wanted = wanted(app);
    if app.review_asked == wanted {
        return;
    }
    app.patch = None;
    app.review_asked.clone_from(&wanted);
    if let Some(ask) = wanted {
        out.push(Request::Review(ask));
    }
}

fn wanted(app: &App) -> Option<ReviewAsk> {
    let state = app.state.as_ref()?;
    let ix = state.find(app.ui.review.agent.as_ref()?)?;
    let agent = state.agent(ix);
    let work = agent.work.as_ref().filter(|_| view::readable(state, ix))?;
    Some(ReviewAsk {
        agent: ix,
        attempt: agent.attempt,
        base: work.base.clone(),
        commit: work.commit.clone()?,
    })
}

/// The diff has come: it is read from now on.
pub(super) fn come(app: &mut App, asked: &ReviewAsk, result: Result<Vec<u8>, String>) {
    if app.review_asked.as_ref() != Some(asked) {
        return;
    }
    let read = result.is_ok();
    app.patch = Some(result.map(|bytes| Patch::new(&bytes)));
    if let (true, Some(state)) = (read, &app.state) {
        app.ui.read.insert((state.id(asked.agent), asked.attempt));
    }
    app.now();
}

/// Moves by lines.
pub(super) fn step(app: &mut App, by: isize) {
    let Some(Ok(patch)) = &app.patch else { return };
    let last = patch.lines.len().saturating_sub(1);
    app.ui.review.at = app
        .ui
        .review
        .at
        .min(last)
        .saturating_add_signed(by)
        .min(last);
}

/// One of its keys.
pub(super) fn act(app: &mut App, action: UiAction, out: &mut Vec<Request>) {
    match action {
        UiAction::NextFile => to_file(app, true),
        UiAction::PreviousFile => to_file(app, false),
        UiAction::NextWork => to_work(app, true),
        UiAction::PreviousWork => to_work(app, false),
        UiAction::Comment => comment(app),
        UiAction::SendBack => send_back(app),
        UiAction::Approve => approve(app, out),
        _ => {}
    }
}

fn to_file(app: &mut App, forwards: bool) {
    let Some(Ok(patch)) = &app.patch else { return };
    let at = app.ui.review.at;
    let to = if forwards {
        patch.files.iter().find(|file| file.at > at)
    } else {
        patch.files.iter().rev().find(|file| file.at < at)
    };
    match to.map(|file| file.at) {
        Some(to) => {
            app.ui.review.at = to;
            app.ui.review.first = to;
        }
        None if forwards => app.say(Voice::Plain, "that is the last file"),
        None => app.say(Voice::Plain, "that is the first file"),
    }
}

/// Goes to a file.
pub(super) fn go_to_file(app: &mut App, file: usize) {
    let Some(Ok(patch)) = &app.patch else { return };
    if let Some(file) = patch.files.get(file) {
        app.ui.review.at = file.at;
        app.ui.review.first = file.at;
    }
}

fn to_work(app: &mut App, forwards: bool) {
    let Some(state) = &app.state else { return };
    let all = view::finished(state);
    let own = app.ui.review.agent.as_ref().and_then(|id| state.find(id));
    let at = own.and_then(|own| all.iter().position(|ix| *ix == own));
    let to = match at {
        Some(at) if forwards => Some(at + 1),
        Some(at) => at.checked_sub(1),
        None => Some(0),
    };
    match to.and_then(|to| all.get(to)).copied() {
        Some(ix) => show_of(app, ix),
        None => app.say(Voice::Plain, "there is no finished work beyond this one"),
    }
}

fn comment(app: &mut App) {
    if let Some(why) = cannot(app) {
        app.say(Voice::Bad, why);
        return;
    }
    let Some(Ok(patch)) = &app.patch else {
        app.say(Voice::Plain, "the diff has not been read");
        return;
    };
    let at = app.ui.review.at.min(patch.lines.len().saturating_sub(1));
    let place = patch.lines.get(at).and_then(|line| {
        let file = patch.files.get(line.file)?;
        let number = match (line.kind, line.new) {
            (Kind::File | Kind::About | Kind::Hunk, _) => 0,
            (_, Some(number)) => number,
            // A line that is gone: what stands in its place.
            (_, None) => patch.lines[at..]
                .iter()
                .take_while(|next| next.file == line.file)
                .find_map(|next| next.new)
                .unwrap_or(0),
        };
        Some((file.path.clone(), number))
    });
    let (Some((file, line)), Some(agent)) = (place, app.ui.review.agent.clone()) else {
        app.say(Voice::Plain, "no line is chosen");
        return;
    };
    let title = match line {
        0 => format!("About {file}"),
        n => format!("About {file}, line {n}"),
    };
    app.ui.popups.push(Popup::Note {
        title,
        typed: String::new(),
        to: Note::Comment {
            agent: agent.to_string(),
            file,
            line,
        },
    });
}

fn send_back(app: &mut App) {
    if let Some(why) = cannot(app) {
        app.say(Voice::Bad, why);
        return;
    }
    let (Some(state), Some(agent)) = (&app.state, &app.ui.review.agent) else {
        return;
    };
    let action = Action::SendBack {
        agent: agent.to_string(),
    };
    if let Err(why) = resolve(state, &action) {
        app.say(Voice::Bad, why.to_string());
        return;
    }
    let count = state
        .find(agent)
        .map_or(0, |ix| state.agent(ix).remarks.len());
    let many = if count == 1 { "" } else { "s" };
    let lines = [
        format!("Its next attempt begins with your {count} comment{many}."),
        "What it made stays reachable by its ref.".to_owned(),
    ];
    let title = format!("Send {agent} its work back?");
    let yes = Choice {
        key: 'y',
        label: "send it back".to_owned(),
        actions: vec![action],
    };
    ask(app, &title, &lines, "no, leave it as it is", vec![yes]);
}

/// Yes to what is asked about the work that is shown.
fn approve(app: &mut App, out: &mut Vec<Request>) {
    let found = app.state.as_ref().and_then(|state| {
        let ix = state.find(app.ui.review.agent.as_ref()?)?;
        attention::waiting(state).into_iter().find(|item| {
            item.owner == Some(Owner::Agent(ix)) && item.kind == AttentionKind::Approval
        })
    });
    match found {
        Some(item) => {
            let action = Action::Answer {
                id: item.id,
                answer: Answer::Yes,
                text: None,
                url: None,
            };
            send(app, action, out);
        }
        None => app.say(Voice::Plain, "nothing is asked about this work"),
    }
}
