//! What an operator asked for, in words.

use crate::{
    display::clean_text,
    engine::{self, Action},
    tui::view::words::SENTENCE,
};

/// What an operator's action is called.
#[must_use]
pub fn action(action: &Action) -> String {
    let text = match action {
        Action::Pause { target } => format!("freeze {target}"),
        Action::Park { target } => format!("park {target}"),
        Action::Pin { agent, on: true } => format!("pin {agent}"),
        Action::Pin { agent, on: false } => format!("unpin {agent}"),
        Action::Resume { target } => format!("let {target} go on"),
        Action::Stop { target: None } => "stop the run".to_owned(),
        Action::Stop { target: Some(t) } => format!("stop {t}"),
        Action::Retry { target } => format!("try {target} again"),
        Action::Mode { mode } => format!("mode {}", engine::mode_name(*mode)),
        Action::Sequential { now: true } => "one at a time, now".to_owned(),
        Action::Sequential { now: false } => "one at a time, after the running ones".to_owned(),
        Action::Swap { agent, worker } => format!(
            "{agent} goes to {}",
            worker.as_deref().unwrap_or("its next worker")
        ),
        Action::Answer {
            id,
            answer,
            text,
            url,
        } => {
            let text = text.as_ref().map_or_else(String::new, |t| format!(": {t}"));
            let url = url
                .as_ref()
                .map_or_else(String::new, |url| format!(" ({url})"));
            format!("answer {id} {}{text}{url}", answer.name())
        }
        Action::Choose {
            conflict,
            file,
            pick,
            ..
        } => format!(
            "conflict {conflict}: {} for {}",
            pick.name(),
            file.as_deref().unwrap_or("all that is left")
        ),
        Action::Undo { conflict } => format!("conflict {conflict}: last choice taken back"),
        Action::Settle {
            conflict,
            how,
            note,
        } => {
            let note = note.as_ref().map_or_else(String::new, |n| format!(": {n}"));
            format!("conflict {conflict}: {}{note}", how.name())
        }
        Action::Comment {
            agent,
            file,
            line: 0,
            text,
        } => format!("about {file} of {agent}: {text}"),
        Action::Comment {
            agent,
            file,
            line,
            text,
        } => format!("about {file}:{line} of {agent}: {text}"),
        Action::Tell { agent, text, now } => {
            let how = if *now { ", at once" } else { "" };
            format!("{agent} is told{how}: {text}")
        }
        Action::Open { agent, now: true } => format!("{agent}: its session is opened now"),
        Action::Open { agent, now: false } => {
            format!("{agent}: its session is opened at its turn's end")
        }
        Action::Close { agent } => format!("{agent} gets its session back"),
        Action::SendBack { agent } => format!("{agent} gets its work back"),
        Action::Rollback { wave: 0 } => "back to the beginning".to_owned(),
        Action::Rollback { wave } => format!("back to the checkpoint of wave {wave}"),
        Action::Add { .. } => "adds to the run".to_owned(),
        Action::Agents { cap: 1 } => "1 agent at once".to_owned(),
        Action::Agents { cap } => format!("{cap} agents at once"),
    };
    clean_text(&text, SENTENCE)
}
