//! What is typed in a replay: it steers time, and changes nothing.

use super::{Talk, VERBS};
use crate::{
    plan::units,
    report::history::mark_from,
    tui::feed::{Replay, Request},
};

impl Talk {
    /// Words of a replay.
    pub(super) fn steer(&mut self, words: &[String]) -> Vec<String> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let what = match words.as_slice() {
            ["play" | "pause"] => Replay::Toggle,
            ["faster"] => Replay::Speed(1),
            ["slower"] => Replay::Speed(-1),
            ["next"] => Replay::Step(1),
            ["back"] => Replay::Step(-1),
            ["mark"] => return self.go_to_mark(true),
            ["mark", "back"] => return self.go_to_mark(false),
            ["end"] => Replay::Time(u64::MAX),
            ["to", time] => match units::duration(time) {
                Some(us) => Replay::Time(us),
                None => return vec![format!("{time} is no time: write 90s or 5m")],
            },
            [verb, ..] if VERBS.iter().any(|(known, _)| known == verb) => {
                return vec!["This is a recording: it cannot be changed.".to_owned()];
            }
            _ => return vec!["This is not known. Type help for what can be typed.".to_owned()],
        };
        self.requests.push(Request::Replay(what));
        Vec::new()
    }

    fn go_to_mark(&mut self, forwards: bool) -> Vec<String> {
        let (Some(clock), Some(history)) = (self.clock, &self.history) else {
            return vec!["The recording is still being read.".to_owned()];
        };
        let Some(mark) = mark_from(&history.marks, clock.seq, forwards) else {
            let which = if forwards { "after" } else { "before" };
            return vec![format!("There is no mark {which} this.")];
        };
        self.requests.push(Request::Replay(Replay::Seq(mark.seq)));
        Vec::new()
    }
}
