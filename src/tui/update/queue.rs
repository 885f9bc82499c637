//! The attention queue: opened, moved in, answered in place.
//!
//! Must not decide what an answer means, and answers nothing that is not seen: what has been settled
//! leaves nothing chosen, so that a key meant for it reaches no other.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Position;

use super::{
    App,
    ask::ask,
    operate::{cannot, send},
    select::{go_to, reveal, select},
};
use crate::{
    engine::{Action, Answer, AttentionKind, Item, Owner},
    tui::{
        action::UiAction,
        draw::{self, QueueHit},
        feed::Request,
        keymap::Key,
        ui_state::{Choice, Popup, Queue, Voice},
        view::{
            attention,
            queue::{key as key_of, of_conflict},
        },
    },
};

/// Longest reason that can be typed, in characters.
const REASON: usize = 400;

/// Everything that waits, as the screen has it.
fn items(app: &App) -> Vec<Item> {
    let state = app.state.as_deref();
    state.map(attention::waiting).unwrap_or_default()
}

fn open(app: &App) -> Option<&Queue> {
    app.ui.popups.iter().rev().find_map(|popup| match popup {
        Popup::Queue(queue) => Some(queue),
        _ => None,
    })
}

fn open_mut(app: &mut App) -> Option<&mut Queue> {
    app.ui
        .popups
        .iter_mut()
        .rev()
        .find_map(|popup| match popup {
            Popup::Queue(queue) => Some(queue),
            _ => None,
        })
}

/// The item that is looked at in the queue, where it is open.
pub(super) fn chosen(app: &App) -> Option<Item> {
    let id = open(app)?.chosen;
    items(app).into_iter().find(|item| item.id == id)
}

/// Opens the queue at the oldest; open already, goes to the next.
pub(super) fn to_next(app: &mut App, out: &mut Vec<Request>) {
    let items = items(app);
    if items.is_empty() {
        app.say(Voice::Plain, "nothing waits for you");
        return;
    }
    let next = match open(app) {
        None => {
            app.ui.popups.push(Popup::Queue(Queue::default()));
            // Read anew each time: it is of the moment.
            app.diff = None;
            0
        }
        Some(queue) => items
            .iter()
            .position(|item| item.id == queue.chosen)
            .map_or(0, |at| (at + 1) % items.len()),
    };
    choose(app, &items[next], out);
}

fn choose(app: &mut App, item: &Item, out: &mut Vec<Request>) {
    // That of the work as a whole is another than that of an approval.
    if item.kind == AttentionKind::Deliver && chosen(app).is_none_or(|old| old.id != item.id) {
        app.diff = None;
    }
    if let Some(queue) = open_mut(app) {
        queue.chosen = item.id;
        queue.scroll = 0;
        queue.reason = None;
    }
    // The row behind follows, and with it the output that the queue shows.
    if let (Some(Owner::Agent(_)), Some(state)) = (item.owner, &app.state)
        && let Some(row) = attention::row(state, item.owner)
    {
        reveal(app, &row);
        select(app, row, out);
    }
}

/// After news: a queue in which nothing waits any more closes.
pub(super) fn follow(app: &mut App) {
    if open(app).is_none() {
        return;
    }
    let items = items(app);
    if items.is_empty() {
        app.ui
            .popups
            .retain(|popup| !matches!(popup, Popup::Queue(_)));
        app.now();
        return;
    }
    let Some(queue) = open_mut(app) else { return };
    queue
        .marks
        .retain(|id| items.iter().any(|item| item.id == *id));
    if !items.iter().any(|item| item.id == queue.chosen) {
        queue.reason = None;
    }
}

/// A key while the queue is in front.
pub(super) fn press(app: &mut App, key: Key, run: Option<UiAction>, out: &mut Vec<Request>) {
    if open(app).is_some_and(|queue| queue.reason.is_some()) {
        type_reason(app, key, out);
        return;
    }
    let items = items(app);
    let at = open(app).and_then(|q| items.iter().position(|item| item.id == q.chosen));
    let step = |by: isize| {
        let last = items.len().saturating_sub(1);
        at.map_or(0, |at| at.saturating_add_signed(by).min(last))
    };
    if let KeyCode::Char(c) = key.code
        && !key.ctrl
        && !key.alt
        && let Some(answer) = Answer::ALL
            .into_iter()
            .find(|a| key_of(*a) == c.to_ascii_lowercase())
        && answer_with(app, &items, at, answer, c.is_ascii_uppercase(), out)
    {
        return;
    }
    match run {
        Some(UiAction::Leave) if key.ctrl => app.quit = true,
        Some(UiAction::Attention | UiAction::NextPane) => to_next(app, out),
        Some(UiAction::Down) => choose_at(app, &items, step(1), out),
        Some(UiAction::Up) => choose_at(app, &items, step(-1), out),
        Some(UiAction::First) => choose_at(app, &items, 0, out),
        Some(UiAction::Last) => choose_at(app, &items, items.len().saturating_sub(1), out),
        Some(UiAction::PageDown) => scroll(app, 10),
        Some(UiAction::PageUp) => scroll(app, -10),
        Some(UiAction::HalfDown | UiAction::Right) => scroll(app, 5),
        Some(UiAction::HalfUp | UiAction::Left) => scroll(app, -5),
        // In a replay the same key plays; here it marks.
        Some(UiAction::Mark | UiAction::Play) => mark(app, &items, at),
        Some(UiAction::Open) => {
            let clash = at
                .map(|at| &items[at])
                .filter(|item| of_conflict(item.kind))
                .and_then(|item| match item.owner {
                    Some(Owner::Agent(ix)) => app.state.as_ref()?.agent(ix).conflict,
                    _ => None,
                });
            if let Some(id) = clash {
                app.ui.popups.pop();
                super::clash::show(app, id);
            } else if let (Some(at), Some(state)) = (at, &app.state)
                && let Some(row) = attention::row(state, items[at].owner)
            {
                app.ui.popups.pop();
                go_to(app, row, out);
            }
        }
        Some(UiAction::Back | UiAction::Leave) => {
            app.ui.popups.pop();
        }
        Some(UiAction::Help) => app.ui.popups.push(Popup::Help { scroll: 0 }),
        _ => app.say(
            Voice::Plain,
            format!("{key} answers nothing here; Esc closes the queue"),
        ),
    }
}

fn choose_at(app: &mut App, items: &[Item], at: usize, out: &mut Vec<Request>) {
    if let Some(item) = items.get(at) {
        choose(app, item, out);
    }
}

fn scroll(app: &mut App, by: isize) {
    let (least, most) = draw::queue_scrolls(&app.view());
    if let Some(queue) = open_mut(app) {
        // What is shown has its bounds already: a step back is seen at once.
        queue.scroll = (queue.scroll.clamp(least, most) + by).clamp(least, most);
    }
}

/// The wheel: over the list the next item, elsewhere the evidence or diff.
pub(super) fn wheel(app: &mut App, by: isize, at: Position, out: &mut Vec<Request>) {
    if !matches!(
        draw::queue_hit(&app.view(), at),
        Some(QueueHit::Row(_) | QueueHit::List)
    ) {
        scroll(app, by);
        return;
    }
    let items = items(app);
    let chosen = open(app).map_or(0, |queue| queue.chosen);
    let now = items.iter().position(|item| item.id == chosen);
    let to = now.map_or(0, |now| now.saturating_add_signed(by.signum()));
    if now != Some(to) {
        choose_at(app, &items, to, out);
    }
}

/// A click: an item is chosen, an answer given as by its key.
pub(super) fn click(app: &mut App, at: Position, out: &mut Vec<Request>) {
    match draw::queue_hit(&app.view(), at) {
        Some(QueueHit::Row(n)) => {
            let items = items(app);
            choose_at(app, &items, n, out);
        }
        Some(QueueHit::Answer(c)) => {
            let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
            press(app, Key::of(&key), None, out);
        }
        Some(QueueHit::List | QueueHit::Detail) | None => {
            app.say(Voice::Plain, "click an item or an answer; Esc closes");
        }
    }
}

fn mark(app: &mut App, items: &[Item], at: Option<usize>) {
    let Some(id) = at.map(|at| items[at].id) else {
        return;
    };
    if let Some(queue) = open_mut(app)
        && !queue.marks.remove(&id)
    {
        queue.marks.insert(id);
    }
}

/// Answers the chosen item, the marked ones, or with a capital letter all that equal it; false: no
/// answer of it has this key.
fn answer_with(
    app: &mut App,
    items: &[Item],
    at: Option<usize>,
    answer: Answer,
    equal: bool,
    out: &mut Vec<Request>,
) -> bool {
    let Some(item) = at.map(|at| &items[at]) else {
        app.say(
            Voice::Plain,
            "that is settled already: ! shows the next one",
        );
        return true;
    };
    let marks = open(app)
        .map(|queue| queue.marks.clone())
        .unwrap_or_default();
    let meant = |other: &&Item| match (equal, marks.is_empty()) {
        (true, _) => other.equals(item),
        (false, true) => other.id == item.id,
        (false, false) => marks.contains(&other.id),
    };
    let ids: Vec<u32> = items
        .iter()
        .filter(meant)
        .filter(|other| other.answers().contains(&answer))
        .map(|other| other.id)
        .collect();
    if ids.is_empty() {
        return false;
    }
    if let Some(why) = cannot(app) {
        app.say(Voice::Bad, why);
        return true;
    }
    match answer {
        // The branch just stays: there is no reason to be told to anybody.
        Answer::No if item.kind == AttentionKind::Deliver => {
            send_all(app, &ids, answer, None, out);
        }
        Answer::No | Answer::Say => {
            if let Some(queue) = open_mut(app) {
                queue.reason = Some(String::new());
                queue.refused = ids;
                queue.says = answer == Answer::Say;
            }
        }
        Answer::Stop => {
            let what = match ids.len() {
                1 => "it".to_owned(),
                n => format!("these {n} agents"),
            };
            let choice = Choice {
                key: 'y',
                label: format!("give {what} up"),
                actions: actions(&ids, answer, None),
            };
            let lines = [
                "It is stopped; what needs it is skipped.".to_owned(),
                "It can be tried again later.".to_owned(),
            ];
            let title = format!("Give {what} up?");
            ask(app, &title, &lines, "no, let it wait", vec![choice]);
        }
        Answer::Yes
        | Answer::Always
        | Answer::Retry
        | Answer::Seen
        | Answer::Settle
        | Answer::Sequential => {
            send_all(app, &ids, answer, None, out);
        }
    }
    true
}

fn actions(ids: &[u32], answer: Answer, text: Option<&str>) -> Vec<Action> {
    ids.iter()
        .map(|&id| Action::Answer {
            id,
            answer,
            text: text.map(str::to_owned),
            url: None,
        })
        .collect()
}

fn send_all(
    app: &mut App,
    ids: &[u32],
    answer: Answer,
    text: Option<&str>,
    out: &mut Vec<Request>,
) {
    for action in actions(ids, answer, text) {
        send(app, action, out);
    }
}

/// The reason of a no, as it is typed.
fn type_reason(app: &mut App, key: Key, out: &mut Vec<Request>) {
    let Some(queue) = open_mut(app) else { return };
    let Some(reason) = &mut queue.reason else {
        return;
    };
    match key.code {
        KeyCode::Esc => queue.reason = None,
        KeyCode::Enter => {
            let says = queue.says;
            if says && reason.trim().is_empty() {
                return;
            }
            let text = queue.reason.take().unwrap_or_default();
            let ids = std::mem::take(&mut queue.refused);
            let text = text.trim();
            let text = (!text.is_empty()).then_some(text);
            let answer = if says { Answer::Say } else { Answer::No };
            send_all(app, &ids, answer, text, out);
        }
        KeyCode::Backspace => drop(reason.pop()),
        KeyCode::Char('c') if key.ctrl => app.quit = true,
        KeyCode::Char('u') if key.ctrl => reason.clear(),
        KeyCode::Char(c) if !key.ctrl && !key.alt => typed(reason, &c.to_string()),
        _ => {}
    }
}

fn typed(reason: &mut String, text: &str) {
    let room = REASON.saturating_sub(reason.chars().count());
    let printable = text.chars().filter(|c| !c.is_control());
    reason.extend(printable.take(room));
}

/// Text that was pasted; false: no reason is being typed.
pub(super) fn paste(app: &mut App, text: &str) -> bool {
    let Some(reason) = open_mut(app).and_then(|queue| queue.reason.as_mut()) else {
        return false;
    };
    typed(reason, text);
    true
}
