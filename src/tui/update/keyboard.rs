//! The keyboard of an agent that runs in a terminal: who has it, what a key is as bytes.
//!
//! While a dashboard holds it, every key is the agent's but one: Ctrl-Z takes the keyboard back, and
//! twice in a row is sent.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{App, agent, operate::cannot, session};
use crate::{
    engine::State,
    plan::{AgentIx, Work},
    tui::{
        emulator::{Emulator, Modes},
        feed::Request,
        ui_state::{Screen, Tab, Voice},
    },
};

/// Ticks (4 a second) for which a second Ctrl-Z is waited for.
const AGAIN: u8 = 2;

/// Where what is typed goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keyboard {
    /// To the dashboard.
    #[default]
    Ours,
    /// To the dashboard, until the runner has said that this agent's keyboard is free.
    Asked(AgentIx),
    /// To this agent.
    Held {
        /// Whose.
        agent: AgentIx,
        /// Ctrl-Z was pressed, and for so many ticks it may come again.
        leaving: u8,
    },
}

impl Keyboard {
    /// The agent whose keyboard this dashboard has.
    #[must_use]
    pub const fn held(self) -> Option<AgentIx> {
        match self {
            Self::Held { agent, .. } => Some(agent),
            _ => None,
        }
    }
}

/// Why an agent's keyboard cannot be had, as far as is known here.
fn refused(app: &App, state: &State, ix: AgentIx) -> Option<String> {
    let agent = state.agent(ix);
    let id = crate::display::clean_line(state.id(ix).as_str(), 64);
    if app.clock.is_some() {
        return Some("this is a recording: there is nobody to type to".to_owned());
    }
    if let Some(why) = cannot(app) {
        return Some(why.to_owned());
    }
    if !state.setup.has_process(ix) {
        return Some(format!("{id} has no process of its own"));
    }
    if !state.in_terminal(ix) {
        return Some(format!(
            "{id} runs without a terminal: `terminal = true` in the plan gives it one"
        ));
    }
    if agent.live.as_ref().is_none_or(|live| live.handle.is_none()) {
        return Some(format!("{id} does not run now"));
    }
    None
}

/// Asks for the keyboard of the agent that is pointed at.
pub(super) fn ask(app: &mut App, out: &mut Vec<Request>) {
    let pointed = super::operate::pointed(app);
    let Some(crate::tui::ui_state::RowId::Agent(id)) = pointed else {
        app.say(Voice::Plain, "select an agent first: its keyboard is taken");
        return;
    };
    let Some(state) = &app.state else { return };
    let Some(ix) = state.find(&id) else { return };
    let prompted = matches!(state.setup.plan.agent(ix).work, Work::Prompt(_));
    if prompted && !state.in_terminal(ix) && app.clock.is_none() {
        session::open(app, ix, out);
        return;
    }
    if let Some(why) = refused(app, state, ix) {
        app.say(Voice::Bad, why);
        return;
    }
    let opened = state.agent(ix).opened();
    agent::show(app, false, out);
    if opened {
        session::enter(app, ix, out);
        return;
    }
    let ui = &mut app.ui.on_agent;
    (ui.zoom, ui.tab, ui.attempt) = (None, Tab::Output, None);
    take(app, ix, out);
}

/// Asks the runner for the keyboard of an agent whose screen is shown.
pub(super) fn take(app: &mut App, ix: AgentIx, out: &mut Vec<Request>) {
    super::select::follow_selection(app);
    app.keyboard = Keyboard::Asked(ix);
    out.push(Request::Keyboard {
        agent: ix,
        take: true,
    });
    app.say(Voice::Plain, "asks for the keyboard …");
}

/// What the runner says of a keyboard.
pub(super) fn told(app: &mut App, agent: AgentIx, held: Result<bool, String>) {
    let ours = match app.keyboard {
        Keyboard::Ours => false,
        Keyboard::Asked(ix) | Keyboard::Held { agent: ix, .. } => ix == agent,
    };
    match held {
        Ok(true) if ours => {
            app.keyboard = Keyboard::Held { agent, leaving: 0 };
            app.ui.message = None;
            if let Some(emulator) = &mut app.emulator {
                emulator.scroll_to(0, 0);
            }
        }
        Ok(false) if ours => {
            if app.keyboard.held().is_some() {
                match session::ended(app, agent) {
                    Some(text) => {
                        app.ui.on_agent.zoom = None;
                        app.say(Voice::Plain, text);
                    }
                    None => app.say(
                        Voice::Plain,
                        "the agent has ended: the keyboard is yours again",
                    ),
                }
            }
            app.keyboard = Keyboard::Ours;
        }
        Ok(_) => {}
        Err(why) => {
            if app.keyboard == Keyboard::Asked(agent) {
                app.keyboard = Keyboard::Ours;
            }
            app.say(Voice::Bad, why);
        }
    }
    app.now();
}

/// Gives the keyboard back.
pub(super) fn give_back(app: &mut App, out: &mut Vec<Request>) {
    if let Keyboard::Held { agent, .. } | Keyboard::Asked(agent) = app.keyboard {
        app.keyboard = Keyboard::Ours;
        out.push(Request::Keyboard { agent, take: false });
        app.say(Voice::Plain, "the keyboard is yours again");
    }
}

/// After anything has happened: a keyboard is never held of what is not seen.
pub(super) fn follow(app: &mut App, out: &mut Vec<Request>) {
    let Some(agent) = app.keyboard.held() else {
        return;
    };
    let seen = app.ui.screen == Screen::Agent
        && app.ui.on_agent.tab == Tab::Output
        && app.selected() == Some(agent)
        && !app.ui.too_small()
        && app.ui.popups.is_empty();
    if !seen || app.lost.is_some() {
        give_back(app, out);
    }
}

/// Time has passed.
pub(super) fn tick(app: &mut App, out: &mut Vec<Request>) {
    if let Keyboard::Held { leaving, agent } = &mut app.keyboard
        && *leaving > 0
    {
        *leaving -= 1;
        let agent = *agent;
        if *leaving == 0 {
            give_back(app, out);
            session::left(app, agent);
        }
    }
}

/// A key while the keyboard is the agent's; false: it is the dashboard's after all.
pub(super) fn press(app: &mut App, event: &KeyEvent, out: &mut Vec<Request>) -> bool {
    let Keyboard::Held { agent, leaving } = &mut app.keyboard else {
        return false;
    };
    let agent = *agent;
    let ctrl_z =
        event.code == KeyCode::Char('z') && event.modifiers.contains(KeyModifiers::CONTROL);
    if ctrl_z && *leaving == 0 {
        *leaving = AGAIN;
        return true;
    }
    if *leaving > 0 {
        *leaving = 0;
        if !ctrl_z {
            // It was meant: this key is the dashboard's again.
            give_back(app, out);
            return false;
        }
    }
    let modes = modes(app);
    let bytes = encode(event, modes);
    if bytes.is_empty() {
        let key = crate::tui::keymap::Key::of(event);
        app.say(Voice::Plain, format!("{key} means nothing to a terminal"));
    } else {
        send(app, agent, bytes, out);
    }
    true
}

/// Text that is pasted while the keyboard is the agent's; false: it is not.
pub(super) fn paste(app: &mut App, text: &str, out: &mut Vec<Request>) -> bool {
    let Some(agent) = app.keyboard.held() else {
        return false;
    };
    let modes = modes(app);
    send(app, agent, pasted(text, modes), out);
    true
}

fn modes(app: &App) -> Modes {
    app.emulator
        .as_ref()
        .map_or_else(Modes::default, Emulator::modes)
}

fn send(app: &mut App, agent: AgentIx, bytes: Vec<u8>, out: &mut Vec<Request>) {
    if let Some(emulator) = &mut app.emulator {
        emulator.scroll_to(0, 0);
    }
    out.push(Request::Keys { agent, bytes });
}

/// Pasted text as a terminal sends it: nothing in it can end the bracket or act as a key.
fn pasted(text: &str, modes: Modes) -> Vec<u8> {
    let mut out = Vec::new();
    if modes.bracketed_paste {
        out.extend_from_slice(b"\x1b[200~");
    }
    let text = text.replace("\r\n", "\n");
    for c in text.chars() {
        match c {
            '\n' => out.push(b'\r'),
            '\t' => out.push(b'\t'),
            c if c.is_control() => {}
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if modes.bracketed_paste {
        out.extend_from_slice(b"\x1b[201~");
    }
    out
}

/// A key as xterm sends it (ctlseqs, "PC-Style Function Keys"); nothing where it sends nothing.
fn encode(event: &KeyEvent, modes: Modes) -> Vec<u8> {
    let held = |modifier| event.modifiers.contains(modifier);
    let (shift, alt, ctrl) = (
        held(KeyModifiers::SHIFT),
        held(KeyModifiers::ALT),
        held(KeyModifiers::CONTROL),
    );
    let modifier = 1 + u8::from(shift) + 2 * u8::from(alt) + 4 * u8::from(ctrl);
    let letter = |last: char, plain: &str| {
        if modifier > 1 {
            format!("\x1b[1;{modifier}{last}").into_bytes()
        } else {
            format!("{plain}{last}").into_bytes()
        }
    };
    let arrow = if modes.application_cursor {
        "\x1bO"
    } else {
        "\x1b["
    };
    let number = |n: u8| {
        if modifier > 1 {
            format!("\x1b[{n};{modifier}~").into_bytes()
        } else {
            format!("\x1b[{n}~").into_bytes()
        }
    };
    let with_alt = |bytes: &[u8]| {
        let mut out = Vec::new();
        if alt {
            out.push(0x1b);
        }
        out.extend_from_slice(bytes);
        out
    };
    match event.code {
        KeyCode::Char(c) if ctrl => match c {
            'a'..='z' | 'A'..='Z' | '[' | '\\' | ']' | '^' | '_' => with_alt(&[c as u8 & 0x1f]),
            ' ' | '@' | '2' => with_alt(&[0]),
            '3'..='7' => with_alt(&[c as u8 - b'3' + 0x1b]),
            '8' | '?' => with_alt(&[0x7f]),
            '/' => with_alt(&[0x1f]),
            _ => Vec::new(),
        },
        KeyCode::Char(c) => with_alt(c.encode_utf8(&mut [0; 4]).as_bytes()),
        KeyCode::Enter => with_alt(b"\r"),
        KeyCode::Tab => with_alt(b"\t"),
        KeyCode::BackTab => b"\x1b[Z".to_vec(),
        KeyCode::Backspace => with_alt(if ctrl { b"\x08" } else { b"\x7f" }),
        KeyCode::Esc => with_alt(b"\x1b"),
        KeyCode::Up => letter('A', arrow),
        KeyCode::Down => letter('B', arrow),
        KeyCode::Right => letter('C', arrow),
        KeyCode::Left => letter('D', arrow),
        KeyCode::Home => letter('H', arrow),
        KeyCode::End => letter('F', arrow),
        KeyCode::Insert => number(2),
        KeyCode::Delete => number(3),
        KeyCode::PageUp => number(5),
        KeyCode::PageDown => number(6),
        KeyCode::F(n @ 1..=4) => letter(char::from(b'P' + n - 1), "\x1bO"),
        KeyCode::F(5) => number(15),
        KeyCode::F(n @ 6..=10) => number(11 + n),
        KeyCode::F(n @ 11..=12) => number(12 + n),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_a_terminal_sends() {
        const NONE: KeyModifiers = KeyModifiers::NONE;
        const CTRL: KeyModifiers = KeyModifiers::CONTROL;
        const ALT: KeyModifiers = KeyModifiers::ALT;
        const SHIFT: KeyModifiers = KeyModifiers::SHIFT;
        let plain = Modes::default();
        let application = Modes {
            application_cursor: true,
            ..plain
        };
        for (code, with, modes, bytes) in [
            (KeyCode::Char('é'), NONE, plain, "é"),
            (KeyCode::Char('A'), SHIFT, plain, "A"),
            (KeyCode::Char('c'), CTRL, plain, "\x03"),
            (KeyCode::Char(' '), CTRL, plain, "\0"),
            (KeyCode::Char('5'), CTRL, plain, "\x1d"),
            (KeyCode::Char('b'), ALT, plain, "\x1bb"),
            (KeyCode::Char('d'), CTRL | ALT, plain, "\x1b\x04"),
            (KeyCode::Enter, NONE, plain, "\r"),
            (KeyCode::Backspace, NONE, plain, "\x7f"),
            (KeyCode::BackTab, SHIFT, plain, "\x1b[Z"),
            (KeyCode::Up, NONE, plain, "\x1b[A"),
            (KeyCode::Up, NONE, application, "\x1bOA"),
            (KeyCode::Left, CTRL, application, "\x1b[1;5D"),
            (KeyCode::Home, NONE, plain, "\x1b[H"),
            (KeyCode::Delete, NONE, plain, "\x1b[3~"),
            (KeyCode::PageUp, SHIFT, plain, "\x1b[5;2~"),
            (KeyCode::F(1), NONE, plain, "\x1bOP"),
            (KeyCode::F(4), ALT, plain, "\x1b[1;3S"),
            (KeyCode::F(5), NONE, plain, "\x1b[15~"),
            (KeyCode::F(6), NONE, plain, "\x1b[17~"),
            (KeyCode::F(10), NONE, plain, "\x1b[21~"),
            (KeyCode::F(12), NONE, plain, "\x1b[24~"),
            (KeyCode::CapsLock, NONE, plain, ""),
        ] {
            let got = encode(&KeyEvent::new(code, with), modes);
            assert_eq!(String::from_utf8_lossy(&got), bytes, "{code:?} {with:?}");
        }
    }

    #[test]
    fn what_is_pasted_cannot_end_its_bracket() {
        let bracketed = Modes {
            bracketed_paste: true,
            ..Modes::default()
        };
        let text = "a\r\nb\x1b[201~rm\x03";
        assert_eq!(pasted(text, bracketed), b"\x1b[200~a\rb[201~rm\x1b[201~");
        assert_eq!(pasted(text, Modes::default()), b"a\rb[201~rm");
    }
}
