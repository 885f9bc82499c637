//! The end of a run whose work came together: the branch is made, then a person is asked whether theirs
//! goes forward to it.
//!
//! All of it follows from the state, so that a crash between an answer and what it asks for loses nothing.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::engine::{AttentionKind, Delivery, Event, Item, State, WorkEvent};

/// What is merged is handed over before the run ends; a person's yes lets their branch follow.
pub(super) fn next(state: &State) -> Option<Event> {
    let head = state.merges.head.as_ref()?;
    let forward = match state.merges.delivered() {
        None => None,
        Some(Delivery {
            offer: Some(offer),
            answer: Some(true),
            ..
        }) => offer.to.clone(),
        Some(_) => return None,
    };
    let delivering = WorkEvent::Delivering {
        commit: head.clone(),
        forward,
    };
    Some(delivering.into())
}

/// What a person is asked and has not answered; only while nothing of the work is open again.
pub(super) fn asked(state: &State) -> Option<&Delivery> {
    let delivery = state.merges.delivered().filter(|d| d.asks().is_some())?;
    let all_final = state.agents.iter().all(|agent| agent.status.is_final());
    all_final.then_some(delivery)
}

/// The question, as it stands in the attention queue; without its number.
pub(super) fn wanted(state: &State) -> Option<Item> {
    asked(state).filter(|_| state.stopping.is_none())?;
    Some(Item {
        id: 0,
        kind: AttentionKind::Deliver,
        owner: None,
        attempt: 1,
        gate: None,
        title: title(state)?,
        since_us: state.elapsed_us,
    })
}

fn title(state: &State) -> Option<String> {
    let delivery = state.merges.delivered()?;
    let offer = delivery.asks()?;
    let whose: BTreeSet<_> = state
        .merges
        .done
        .iter()
        .map(|merged| merged.agent)
        .collect();
    let agents = match whose.len() {
        1 => "1 agent's".to_owned(),
        n => format!("{n} agents'"),
    };
    let of = |n: u32, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let mut title = format!("{agents} work is on {}", delivery.branch);
    if let (Some(commits), Some(files)) = (offer.commits, offer.files) {
        let (commits, files) = (of(commits, "commit"), of(files, "file"));
        // Writing to a string cannot fail.
        let _ = write!(title, " ({commits}, {files})");
    }
    let branch = match &offer.to {
        Some(to) => format!("your branch {to}"),
        None => "your branch".to_owned(),
    };
    let _ = match &offer.hindered {
        None => write!(title, ": forward {branch} to it?"),
        Some(why) => write!(
            title,
            ", and {branch} cannot go forward now: {why}. Yes tries again, no leaves it"
        ),
    };
    Some(title)
}

/// What is said at the end of a run whose work is not where the plan wants it.
pub(super) fn left(state: &State) -> Option<String> {
    let Some(delivery) = state.merges.delivered() else {
        // A stop hands nothing over.
        let run = &state.run;
        let head = state.merges.head.as_ref();
        return head.map(|_| format!("what is merged is kept by refs/wavedeck/{run}/integration"));
    };
    let branch = &delivery.branch;
    if let Some(error) = &delivery.error {
        return Some(match branch.as_str() {
            "" => format!("the work is on no branch: {error}"),
            _ => format!("the work is on {branch}, and {error}"),
        });
    }
    delivery.asks()?;
    Some(format!(
        "the work waits for your yes: `git merge --ff-only {branch}` takes it"
    ))
}
