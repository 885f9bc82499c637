//! Calling a person who does not look: the terminal's bell, and a message on the desktop where the
//! terminal is asked for one.
//!
//! Pure: makes bytes, writes nothing. No foreign text goes into a sequence that is not clean.

use crate::{
    display::clean_line,
    engine::{AttentionKind, AttentionRaised, whose},
};

/// Longest message, in columns.
const LONGEST: usize = 160;

/// How a terminal is asked for a message on the desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Desktop {
    /// Not at all.
    #[default]
    Off,
    /// OSC 9: a text.
    Osc9,
    /// OSC 777: a title and a text.
    Osc777,
}

/// How an open dashboard calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Call {
    /// By the bell.
    pub bell: bool,
    /// By a message.
    pub desktop: Desktop,
}

/// What is to be called out with the next frame: each thing once.
#[derive(Debug, Default)]
pub struct Alerts {
    waiting: Vec<String>,
    /// The highest number that was called out.
    told: u32,
}

impl Alerts {
    /// A dashboard has come or come back: what it has not seen is called out in one.
    pub fn found(&mut self, open: usize, last_id: u32) {
        if last_id > self.told && open > 0 {
            let s = if open == 1 { "s" } else { "" };
            self.waiting.push(format!("{open} wait{s} for you"));
        }
        self.told = self.told.max(last_id);
    }

    /// Something began to wait.
    pub fn raised(&mut self, raised: &AttentionRaised) {
        if raised.id <= self.told {
            return;
        }
        self.told = raised.id;
        let who = match raised.attention {
            AttentionKind::DayGate | AttentionKind::Deliver | AttentionKind::Budget => "the run",
            _ => whose(
                raised.agent.as_ref(),
                raised.phase.as_deref(),
                raised.cohort.as_deref(),
            ),
        };
        let what = match raised.attention {
            AttentionKind::Approval | AttentionKind::Deliver => "asks for your yes",
            AttentionKind::FailedGate => "has a red gate",
            AttentionKind::Blocked => "is blocked",
            AttentionKind::Failed | AttentionKind::FailedPhase => "failed",
            AttentionKind::Conflict => "has a conflict",
            AttentionKind::Predicted => "is about to clash",
            AttentionKind::DayGate => "does not pass its 24-hour gate",
            AttentionKind::Permission => "asks whether it may",
            AttentionKind::Question => "asks",
            AttentionKind::Budget => "has used up a budget",
        };
        self.waiting.push(format!("{who} {what}: {}", raised.title));
    }

    /// Something that a person should know before it stops the run: nothing waits for an answer yet.
    pub fn warned(&mut self, text: String) {
        self.waiting.push(text);
    }

    /// Takes what is to be called out, as one message.
    pub fn take(&mut self) -> Option<String> {
        let all = std::mem::take(&mut self.waiting);
        let first = all.first()?;
        Some(match all.len() {
            1 => clean_line(first, LONGEST),
            n => format!("{} (and {} more)", clean_line(first, LONGEST - 20), n - 1),
        })
    }
}

/// The bytes that call: the bell, then the message.
#[must_use]
pub fn bytes(call: Call, text: &str) -> Vec<u8> {
    // A `;` would begin another field, and a number in the first one has another meaning.
    let text = clean_line(text, LONGEST).replace(';', ",");
    let bell = if call.bell { "\u{7}" } else { "" };
    let message = match call.desktop {
        Desktop::Off => String::new(),
        Desktop::Osc9 => format!("\u{1b}]9;wavedeck: {text}\u{1b}\\"),
        Desktop::Osc777 => format!("\u{1b}]777;notify;wavedeck;{text}\u{1b}\\"),
    };
    format!("{bell}{message}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raised(id: u32, title: &str) -> AttentionRaised {
        AttentionRaised {
            id,
            attention: AttentionKind::Approval,
            agent: None,
            phase: Some("design".into()),
            cohort: None,
            attempt: 1,
            gate: None,
            title: title.into(),
            since_us: 0,
            answers: Vec::new(),
        }
    }

    #[test]
    fn each_thing_is_called_out_once_and_old_things_in_one() {
        let mut alerts = Alerts::default();
        alerts.found(0, 0);
        assert_eq!(alerts.take(), None);
        alerts.found(3, 5);
        assert_eq!(alerts.take().as_deref(), Some("3 wait for you"));
        // The same snapshot again, as after a lost connection.
        alerts.found(3, 5);
        alerts.raised(&raised(5, "old"));
        assert_eq!(alerts.take(), None);
        alerts.raised(&raised(6, "Fine?"));
        let said = alerts.take();
        assert_eq!(said.as_deref(), Some("design asks for your yes: Fine?"));
        alerts.raised(&raised(7, "A"));
        alerts.raised(&raised(8, "B"));
        let said = alerts.take().unwrap();
        assert!(said.ends_with("A (and 1 more)"), "{said}");
    }

    #[test]
    fn foreign_text_cannot_leave_its_sequence() {
        let hostile = "ok\u{1b}\\\u{1b}]0;owned\u{7}\u{9c}\n4;1;50\u{202e}";
        for desktop in [Desktop::Off, Desktop::Osc9, Desktop::Osc777] {
            let call = Call {
                bell: false,
                desktop,
            };
            let out = String::from_utf8(bytes(call, hostile)).unwrap();
            let escapes = out.matches('\u{1b}').count();
            let want = if desktop == Desktop::Off { 0 } else { 2 };
            assert_eq!(escapes, want, "{out:?}");
            let inside = out
                .trim_start_matches("\u{1b}]9;")
                .trim_start_matches("\u{1b}]777;notify;wavedeck;")
                .trim_end_matches("\u{1b}\\");
            let bad = |c: char| c.is_control() || c == ';' || c == '\u{202e}';
            assert!(!inside.contains(bad), "{out:?}");
        }
        let call = Call {
            bell: true,
            desktop: Desktop::Off,
        };
        assert_eq!(bytes(call, hostile), b"\x07");
    }
}
