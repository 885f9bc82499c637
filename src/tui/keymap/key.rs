//! One key, as a terminal tells it and as a keymap file writes it.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Keys that have a name of several letters; beside them there are F1 to F12.
pub(super) const NAMED: [(&str, KeyCode); 14] = [
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("PageUp", KeyCode::PageUp),
    ("PageDown", KeyCode::PageDown),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Space", KeyCode::Char(' ')),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
];

/// One key with its modifiers; shift is part of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Hash)]
pub struct Key {
    /// Which.
    pub code: KeyCode,
    /// With Ctrl.
    pub ctrl: bool,
    /// With Alt.
    pub alt: bool,
}

impl Key {
    /// The key of an event.
    #[must_use]
    pub fn of(event: &KeyEvent) -> Self {
        let code = match event.code {
            KeyCode::BackTab => KeyCode::Tab,
            code => code,
        };
        Self {
            code,
            ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
            alt: event.modifiers.contains(KeyModifiers::ALT),
        }
    }

    /// Reads `p`, `ctrl-d`, `PageUp`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut key = Self {
            code: KeyCode::Null,
            ctrl: false,
            alt: false,
        };
        let mut rest = text;
        loop {
            if let Some(after) = rest.strip_prefix("ctrl-").filter(|a| !a.is_empty()) {
                key.ctrl = true;
                rest = after;
            } else if let Some(after) = rest.strip_prefix("alt-").filter(|a| !a.is_empty()) {
                key.alt = true;
                rest = after;
            } else {
                break;
            }
        }
        let mut letters = rest.chars();
        key.code = match (letters.next(), letters.next()) {
            (Some(c), None) if !c.is_control() && c != ' ' => KeyCode::Char(c),
            _ => match NAMED.iter().find(|(name, _)| *name == rest) {
                Some((_, code)) => *code,
                None => KeyCode::F(
                    rest.strip_prefix('F')?
                        .parse()
                        .ok()
                        .filter(|n| (1..=12).contains(n))?,
                ),
            },
        };
        Some(key)
    }
}

/// Why a key cannot be bound as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Odd {
    /// A terminal sends the same for this one.
    Same(&'static str),
    /// Shift is part of this letter.
    Shift(char),
    /// It is written otherwise.
    Written(String),
    /// Nobody knows it.
    Unknown,
}

impl Odd {
    /// What may be meant by a name that is no key.
    pub(super) fn of_name(name: &str) -> Self {
        let lower = name.to_lowercase();
        let other = match lower.as_str() {
            "return" | "cr" => "Enter",
            "escape" => "Esc",
            "pgup" => "PageUp",
            "pgdn" | "pgdown" => "PageDown",
            "del" => "Delete",
            "bs" => "Backspace",
            " " => "Space",
            _ => "",
        };
        if !other.is_empty() {
            return Self::Written(other.to_owned());
        }
        let letter = |rest: &str| {
            let mut letters = rest.chars();
            letters.next().filter(|_| letters.next().is_none())
        };
        if let Some(c) = lower.strip_prefix("shift-").and_then(letter) {
            return Self::Shift(c.to_ascii_uppercase());
        }
        let ways = [
            ("ctrl+", "ctrl-"),
            ("ctrl-", "ctrl-"),
            ("control-", "ctrl-"),
            ("c-", "ctrl-"),
            ("^", "ctrl-"),
            ("alt+", "alt-"),
            ("alt-", "alt-"),
            ("meta-", "alt-"),
            ("m-", "alt-"),
        ];
        for (written, right) in ways {
            if let Some(rest) = lower.strip_prefix(written) {
                let key = format!("{right}{rest}");
                if key != name && Key::parse(&key).is_some() {
                    return Self::Written(key);
                }
            }
        }
        let named = NAMED.iter().find(|(n, _)| n.to_lowercase() == lower);
        named.map_or(Self::Unknown, |(n, _)| Self::Written((*n).to_owned()))
    }
}

impl Key {
    /// Whether it is the one that always leaves.
    pub(super) fn leaves(self) -> bool {
        self.ctrl && !self.alt && self.code == KeyCode::Char('c')
    }

    /// Why a terminal can never tell of this key; none: it can.
    pub(super) fn odd(self) -> Option<Odd> {
        let KeyCode::Char(c) = self.code else {
            return None;
        };
        match (self.ctrl, c.to_ascii_lowercase()) {
            (true, 'i') => Some(Odd::Same("Tab")),
            (true, 'm') => Some(Odd::Same("Enter")),
            (true, '[') => Some(Odd::Same("Esc")),
            (true, lower) if c.is_ascii_uppercase() => {
                let alt = if self.alt { "alt-" } else { "" };
                Some(Odd::Written(format!("{alt}ctrl-{lower}")))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            code => write!(f, "{code:?}"),
        }
    }
}
