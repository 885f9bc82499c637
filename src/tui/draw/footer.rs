//! The last line: a message, a filter being typed, or the keys that are of use now.

use crossterm::event::KeyCode;
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    display::width,
    tui::{
        action::{UiAction, Verb},
        keymap::{Key, Need, Topic, Whence},
        ui_state::{Note, Popup, Screen, UiState, Voice},
        view::{AgentRow, Mark, Row, View, merge::Lead},
    },
};

use super::{Look, pen::Pen};

/// A hint with its place: first column, columns, key, word.
type Hint = (u16, u16, Key, String);

/// The hints that fit, with their columns; those that matter least are left out first.
#[must_use]
pub fn hits(view: &View, ui: &UiState, look: Look<'_>) -> Vec<Hint> {
    let area = view.regions.footer;
    if let Some(popup) = ui.popups.last() {
        return popup_hits(popup, view, look, area.width);
    }
    let mut hints = look.keys.hints(|need| match need {
        Need::Agent => ui.agent().is_some(),
        Need::Target => points(view, ui),
        Need::Group => ui.agent().is_none(),
        Need::Replay => view.scrubber.is_some(),
        Need::Attention => view.attention.total > 0,
        Need::Deck => ui.screen == Screen::Deck,
        Need::Away => ui.screen != Screen::Deck,
        Need::Graph => ui.screen == Screen::Graph,
        Need::Rows => matches!(ui.screen, Screen::Deck | Screen::Log),
        Need::Sought => matches!(ui.screen, Screen::Deck | Screen::Log | Screen::Agent),
        Need::Opens => match ui.screen {
            Screen::Agent | Screen::Clash | Screen::Review => false,
            Screen::Report => points(view, ui),
            _ => true,
        },
        Need::Merging => matches!(ui.screen, Screen::Merge | Screen::Agent),
        Need::Clash => ui.screen == Screen::Clash,
        Need::Suggests => {
            let suggested = view.clash.as_ref().map(|clash| clash.suggested.is_some());
            ui.screen == Screen::Clash && suggested.unwrap_or(false)
        }
        Need::Review => ui.screen == Screen::Review,
        Need::One => ui.screen == Screen::Agent,
        Need::Found => ui.screen == Screen::Agent && !ui.on_agent.search.is_empty(),
        Need::Live => look.whence == Whence::Live && view.header.banner.is_none(),
    });
    let row = meant(view, ui);
    // What a screen is for comes before what is there on every one; help and leaving stay in front.
    hints.sort_by_key(|b| match b.run {
        UiAction::Help | UiAction::Leave => 0,
        run if own(b.topic, run, ui.screen) => 1,
        _ => 2,
    });
    let texts: Vec<(Key, String, usize)> = hints
        .iter()
        .filter(|b| row.is_none_or(|row| helps(b.run, row)) && of_use(b.run, view))
        .filter_map(|b| {
            let key = *b.keys.first()?;
            let word = match (b.run, ui.screen) {
                (UiAction::Do(Verb::Pause), _)
                    if row.is_some_and(|row| row.mark == Mark::Froze) =>
                {
                    "let go".to_owned()
                }
                (UiAction::Do(Verb::Pause), _) if row.is_some_and(|row| row.mark == Mark::Park) => {
                    "resume".to_owned()
                }
                (UiAction::Do(Verb::Pin), _) if row.is_some_and(|row| row.pinned) => {
                    "unpin".to_owned()
                }
                // The log is not sorted but sifted.
                (UiAction::Sort, Screen::Log) => "urgency".to_owned(),
                (UiAction::Filter, Screen::Agent) => "search".to_owned(),
                (UiAction::Open, Screen::Merge) => leads(view).to_owned(),
                (UiAction::Attention, _) if look.whence != Whence::Live => "what waits".to_owned(),
                _ => b.hint.clone().unwrap_or_default(),
            };
            let wide = width(&key.to_string()) + 1 + width(&word);
            Some((key, word, wide))
        })
        .collect();
    let room = usize::from(area.width).saturating_sub(2);
    let mut used = 0;
    let mut fits = Vec::new();
    for (i, (key, word, wide)) in texts.into_iter().enumerate() {
        // The first ones, help and leaving, stay whatever happens.
        if used + wide > room && i >= 2 {
            continue;
        }
        used += wide + 2;
        fits.push((i, key, word, wide));
    }
    // Help and leaving stand at the right end, the others in their order from the left.
    let mut out = Vec::new();
    let mut right = area.width.saturating_sub(1);
    for (_, key, word, wide) in fits.iter().filter(|f| f.0 < 2) {
        right = right.saturating_sub(*wide as u16);
        out.push((right, *wide as u16, *key, word.clone()));
        right = right.saturating_sub(2);
    }
    let mut x = 1;
    for (_, key, word, wide) in fits.into_iter().filter(|f| f.0 >= 2) {
        if x + wide as u16 > right {
            break;
        }
        out.push((x, wide as u16, key, word));
        x += wide as u16 + 2;
    }
    out
}

/// Whether a key is what a screen of work that comes together is there for.
const fn own(topic: Topic, run: UiAction, screen: Screen) -> bool {
    match screen {
        Screen::Clash => matches!(topic, Topic::Conflict) || matches!(run, UiAction::Back),
        Screen::Review => matches!(topic, Topic::Review) || matches!(run, UiAction::Back),
        Screen::Merge => matches!(run, UiAction::Open | UiAction::Review | UiAction::Back),
        _ => false,
    }
}

/// What opening the row of the screen of what comes together does.
fn leads(view: &View) -> &'static str {
    let row = view.merge.as_ref().and_then(|merge| {
        let at = merge.selected?;
        merge.rows.get(at)
    });
    match row.and_then(|row| row.lead) {
        Some(Lead::Clash(_)) => "choose sides",
        Some(Lead::Review(_)) => "read it",
        Some(Lead::Checkpoint(_)) => "go back to it",
        None => "open",
    }
}

/// The one agent that keys which change a row mean, where its row is on the screen.
fn meant<'a>(view: &'a View, ui: &UiState) -> Option<&'a AgentRow> {
    match ui.screen {
        Screen::Agent => view.agent.as_ref().map(|agent| &agent.row),
        Screen::Deck if view.table.marked == 0 => {
            match view.table.rows.get(view.table.selected?)? {
                Row::Agent(row) => Some(row),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether a key of a conflict or of a review can do something now.
fn of_use(action: UiAction, view: &View) -> bool {
    match (action, &view.review, &view.clash) {
        (UiAction::Approve, Some(review), _) => review.asks,
        (UiAction::SendBack, Some(review), _) => review.goes_back,
        (
            UiAction::SettleConflict
            | UiAction::TakeBoth
            | UiAction::TakeSuggested
            | UiAction::EditPlace
            | UiAction::UndoChoice
            | UiAction::NextOpen
            | UiAction::OnTop
            | UiAction::HandBack
            | UiAction::Escalate,
            _,
            Some(clash),
        ) => !clash.settled,
        _ => true,
    }
}

/// Whether an action can do something for an agent in this state.
fn helps(action: UiAction, row: &AgentRow) -> bool {
    let ended = matches!(row.mark, Mark::Done | Mark::Fail | Mark::Skip | Mark::Stop);
    match action {
        UiAction::Do(Verb::Retry) => matches!(
            row.mark,
            Mark::Fail | Mark::Stop | Mark::Block | Mark::Retry
        ),
        UiAction::Do(Verb::Pause | Verb::Stop | Verb::Pin) => !ended,
        UiAction::Do(Verb::Swap) => !ended && !row.worker.is_empty(),
        UiAction::Do(Verb::Tell) => row.hears,
        UiAction::Keyboard => row.opens,
        _ => true,
    }
}

/// Whether keys that change a row mean one on this screen.
fn points(view: &View, ui: &UiState) -> bool {
    match ui.screen {
        Screen::Deck => ui.selected.is_some(),
        Screen::Agent | Screen::Graph | Screen::Timeline => ui.agent().is_some(),
        Screen::Log => view.log.as_ref().is_some_and(|log| log.agent),
        Screen::Merge => view.merge.as_ref().is_some_and(|merge| {
            let row = merge.selected.and_then(|at| merge.rows.get(at));
            row.is_some_and(|row| row.agent.is_some())
        }),
        // Their own keys have the footer.
        Screen::Clash | Screen::Review => false,
        Screen::Report => view.report.as_ref().is_some_and(|report| {
            let row = report.selected.and_then(|at| report.rows.get(at));
            row.is_some_and(|row| row.agent.is_some())
        }),
    }
}

/// The keys of what lies in front: the way out at the right end, the others from the left.
fn popup_hits(popup: &Popup, view: &View, look: Look<'_>, columns: u16) -> Vec<Hint> {
    const fn plain(code: KeyCode) -> Key {
        Key {
            code,
            ctrl: false,
            alt: false,
        }
    }
    let bound = |action, word: &str| {
        let key = look.keys.key_for(action)?;
        Some((key, word.to_owned()))
    };
    let fixed = |code, word: &str| Some((plain(code), word.to_owned()));
    let esc = |word| fixed(KeyCode::Esc, word);
    let scroll = || {
        [
            bound(UiAction::Down, "down"),
            bound(UiAction::Up, "up"),
            bound(UiAction::PageDown, "page"),
        ]
    };
    let mut out: Vec<Option<(Key, String)>> = Vec::new();
    let leave = match popup {
        Popup::Help { .. } | Popup::Lines { .. } => {
            out.extend(scroll());
            esc("close")
        }
        Popup::Queue(queue) if queue.reason.is_some() => {
            let word = if queue.says { "send it" } else { "send the no" };
            out.push(fixed(KeyCode::Enter, word));
            esc("leave it")
        }
        Popup::Queue(_) => {
            // The answers stand in the panel.
            if view.queue.as_ref().is_some_and(|q| q.rows.len() > 1) {
                out.push(bound(UiAction::Attention, "next"));
                out.push(bound(UiAction::Mark, "mark"));
            }
            let opens = view.queue.as_ref().and_then(|q| q.opens);
            out.push(bound(UiAction::Open, opens.unwrap_or("its row")));
            out.push(bound(UiAction::PageDown, "scroll"));
            esc("close")
        }
        Popup::Note { to, .. } => {
            out.push(fixed(KeyCode::Enter, "send it"));
            if let Note::Tell { now, .. } = to {
                let other = if *now { "at its next turn" } else { "at once" };
                out.push(fixed(KeyCode::Tab, other));
            }
            esc("leave it")
        }
        Popup::Card { .. } => {
            if let Some(page) = &view.page {
                if page.days.0.is_some() {
                    out.push(fixed(KeyCode::Left, "day before"));
                }
                if page.days.1.is_some() {
                    out.push(fixed(KeyCode::Right, "day after"));
                }
                if page.others {
                    out.push(fixed(KeyCode::Tab, "next track"));
                }
            }
            out.extend(scroll());
            esc("close")
        }
        Popup::Palette { .. } => {
            out.push(fixed(KeyCode::Enter, "do it"));
            out.push(fixed(KeyCode::Down, "next"));
            out.push(fixed(KeyCode::Tab, "complete"));
            esc("close")
        }
        Popup::Themes { .. } => {
            out.push(fixed(KeyCode::Enter, "keep"));
            out.push(fixed(KeyCode::Down, "next"));
            esc("take back")
        }
        Popup::Ask { .. } => {
            out.push(fixed(KeyCode::Enter, "give this answer"));
            out.push(bound(UiAction::Down, "next"));
            esc("leave it as it is")
        }
    };
    let sized = |(key, word): (Key, String)| {
        let wide = (width(&key.to_string()) + 1 + width(&word)) as u16;
        (wide, key, word)
    };
    let mut hits = Vec::new();
    let mut right = columns.saturating_sub(1);
    if let Some((wide, key, word)) = leave.map(sized) {
        right = right.saturating_sub(wide);
        hits.push((right, wide, key, word));
        right = right.saturating_sub(2);
    }
    let mut x = 1;
    for (wide, key, word) in out.into_iter().flatten().map(sized) {
        if x + wide > right {
            break;
        }
        hits.push((x, wide, key, word));
        x += wide + 2;
    }
    hits
}

/// Draws the footer.
pub fn draw(view: &View, ui: &UiState, look: Look<'_>, buf: &mut Buffer) {
    let said = ui.message.is_some() || ui.typing;
    let area = if view.regions.footer.is_empty() && said {
        // A zoomed pane has no footer, but a message is never lost.
        Rect {
            y: view.regions.all.height.saturating_sub(1),
            height: 1,
            ..view.regions.all
        }
    } else {
        view.regions.footer
    };
    if area.is_empty() {
        return;
    }
    let base = &look.theme.base;
    Pen::new(buf, area, 0).shade(base.header);
    if let Some(term) = view.terminal.as_ref().filter(|term| term.held) {
        let name = view.agent.as_ref().map_or("", |agent| &agent.row.name);
        let how = if term.leaving {
            "   again sends it"
        } else {
            " takes it back, twice sends it"
        };
        Pen::new(buf, area, 0)
            .put(" the keyboard is the agent's: ", base.alert)
            .put(name, base.alert)
            .put("   Ctrl-Z", base.accent)
            .put(how, base.text);
        return;
    }
    if ui.typing {
        let title = match ui.screen {
            Screen::Agent => " search: ",
            _ => " filter: ",
        };
        let (filter, how) = if ui.screen == Screen::Log {
            (&ui.log_filter, "   Enter keeps it, Esc drops it")
        } else if ui.screen == Screen::Agent {
            let how = "   Enter goes to it, Esc drops it; capitals are meant as such";
            (&ui.on_agent.search, how)
        } else {
            let how = "   Enter keeps it, Esc drops it, ! before it: all others";
            (&ui.filter, how)
        };
        Pen::new(buf, area, 0)
            .put(title, base.accent)
            .put(&crate::display::clean_text(filter, 60), base.text)
            .put("_", base.accent)
            .put(how, base.dim);
        return;
    }
    if let Some((voice, text)) = &ui.message {
        let style = match voice {
            Voice::Plain => base.text,
            Voice::Good => base.good,
            Voice::Bad => base.warn,
        };
        Pen::new(buf, area, 0).fill(" ", area.width, base.header);
        Pen::new(buf, area, 0)
            .to(1)
            .put(text, style.patch(base.header));
        Pen::new(buf, area, 0).shade(base.header);
        return;
    }
    for (x, _, key, word) in hits(view, ui, look) {
        Pen::new(buf, area, 0)
            .to(x)
            .put(&key.to_string(), base.accent)
            .put(" ", base.dim)
            .put(&word, base.dim);
    }
}
