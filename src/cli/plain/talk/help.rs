//! What can be typed, in lines.
//!
//! The words of actions are those of `ctl`; must not have others for the same.

use super::Manner;
use crate::{display::spoken, engine::words::VERBS};

/// Words that are typed beside those of `ctl`.
const OWN: [(&str, &str); 5] = [
    ("status", "where the run stands"),
    ("why AGENT", "what an agent does, or why it waits"),
    ("asks", "what waits for you"),
    ("help", "these words"),
    ("quit", "leave; agents go on"),
];
/// Words of a replay.
const REPLAY: [(&str, &str); 6] = [
    ("play", "play on, or pause"),
    ("faster, slower", "change the speed"),
    ("next, back", "one record on or back"),
    (
        "mark, mark back",
        "to the next or the last failure, zone, gate or question",
    ),
    ("to TIME", "to a time since the start, such as 90s or 5m"),
    ("end", "to the end"),
];

/// What can be typed.
pub(super) fn lines(manner: Manner) -> Vec<String> {
    let mut said = Vec::new();
    if manner == Manner::Replay {
        said.extend(REPLAY.map(|(word, what)| format!("{word}: {what}")));
    } else {
        said.extend(VERBS.iter().map(|(_, usage)| spoken(usage)));
        said.push("A TARGET is an agent's name, track:NAME, phase:NAME or all.".to_owned());
    }
    said.extend(OWN.map(|(word, what)| format!("{word}: {what}")));
    said.push("An empty line says in short where the run stands.".to_owned());
    said
}
