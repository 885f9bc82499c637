//! Keys as data: `assets/keymap.toml`, a user's file over it, and what is generated from both: the
//! help page, the footer's hints and the inverse map.
//!
//! Pure: text in, map or errors with their line out. Must not know what an action does.

mod key;

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

pub use key::Key;
use key::NAMED;

use super::action::{NAMES, UiAction};
use crate::{display::clean_line, plan::suggest::Suggest};

/// Topic of a binding: the sections of the help page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Moving about.
    Move,
    /// What is shown.
    Show,
    /// What changes the run.
    Act,
    /// The agent's screen.
    Agent,
    /// The clock of a replay; these hold there alone, before all others.
    Replay,
    /// Help and leaving.
    Leave,
    /// Keys of later versions.
    Later,
}

impl Topic {
    /// All, in the order of the help page.
    pub const ALL: [Self; 7] = [
        Self::Act,
        Self::Show,
        Self::Agent,
        Self::Move,
        Self::Replay,
        Self::Leave,
        Self::Later,
    ];

    /// Its heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Move => "MOVE",
            Self::Show => "SHOW",
            Self::Act => "CHANGE THE RUN",
            Self::Agent => "ON AN AGENT'S SCREEN",
            Self::Replay => "IN A REPLAY",
            Self::Leave => "LEAVE",
            Self::Later => "NOT BUILT YET",
        }
    }
}

/// When a hint is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// An agent is selected.
    Agent,
    /// A group is selected.
    Group,
    /// The run can be changed.
    Live,
    /// Something waits for a person.
    Attention,
    /// A recording is played.
    Replay,
    /// The deck is shown.
    Deck,
    /// Another screen is shown.
    Away,
    /// Rows that can be filtered and sorted are shown: the deck's or the log's.
    Rows,
    /// Something that can be filtered or searched is shown.
    Sought,
    /// Rows are shown that lead somewhere.
    Opens,
    /// One agent's screen is shown.
    One,
    /// Something is searched for there.
    Found,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Needs {
    One(Need),
    All(Vec<Need>),
}

/// One binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its keys, the first one is shown.
    pub keys: Vec<Key>,
    /// What it does.
    pub run: UiAction,
    /// For the help page.
    pub desc: String,
    /// Word in the footer.
    pub hint: Option<String>,
    /// Lower stays longer in the footer.
    pub rank: u8,
    /// When the hint is of use: all of these hold.
    pub when: Vec<Need>,
    /// Section of the help page.
    pub topic: Topic,
}

/// What is wrong with a keymap file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct KeymapError {
    /// From 1.
    pub line: usize,
    /// In words.
    pub what: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Keys {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    on: Spanned<Keys>,
    run: Spanned<String>,
    #[serde(default)]
    desc: String,
    hint: Option<String>,
    rank: Option<u8>,
    when: Option<Needs>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    r#move: Vec<Line>,
    show: Vec<Line>,
    act: Vec<Line>,
    agent: Vec<Line>,
    replay: Vec<Line>,
    leave: Vec<Line>,
    later: Vec<Line>,
}

/// All bindings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<Binding>,
    /// A recording is played: its keys go before the others.
    replay: bool,
}

impl Keymap {
    /// Reads the built-in keymap, and the user's text over it.
    ///
    /// # Errors
    /// Every problem of the text, with its line.
    pub fn new(user: Option<&str>) -> Result<Self, Vec<KeymapError>> {
        let mut map = Self {
            replay: false,
            bindings: read(include_str!("../../assets/keymap.toml"))?,
        };
        for binding in user.map(read).transpose()?.unwrap_or_default() {
            map.lay_over(binding);
        }
        // Nobody shall be locked in.
        let lost: Vec<KeymapError> = [("leave", UiAction::Leave), ("help", UiAction::Help)]
            .into_iter()
            .filter(|(_, run)| map.key_for(*run).is_none())
            .map(|(name, _)| KeymapError {
                line: 1,
                what: format!("no key is left for `{name}`"),
            })
            .collect();
        if lost.is_empty() { Ok(map) } else { Err(lost) }
    }

    fn lay_over(&mut self, mut new: Binding) {
        for old in &mut self.bindings {
            if (old.topic == Topic::Replay) == (new.topic == Topic::Replay) {
                old.keys.retain(|key| !new.keys.contains(key));
            }
            // Another key for the same action keeps its words.
            if old.run == new.run && old.run != UiAction::Unbuilt {
                if new.desc.is_empty() {
                    new.desc.clone_from(&old.desc);
                }
                if new.hint.is_none() && old.keys.is_empty() {
                    new.hint.clone_from(&old.hint);
                    new.rank = old.rank;
                    new.when.clone_from(&old.when);
                }
                new.topic = old.topic;
            }
        }
        self.bindings.retain(|old| !old.keys.is_empty());
        if new.run != UiAction::Nothing {
            self.bindings.push(new);
        }
    }

    /// Turns to the keys of a replay.
    pub const fn replaying(&mut self) {
        self.replay = true;
    }

    /// What a key does.
    #[must_use]
    pub fn find(&self, key: Key) -> Option<&Binding> {
        let of = |replay: bool| {
            self.bindings
                .iter()
                .find(move |b| (b.topic == Topic::Replay) == replay && b.keys.contains(&key))
        };
        of(true).filter(|_| self.replay).or_else(|| of(false))
    }

    /// The key that does something: the inverse map, for texts that name keys.
    #[must_use]
    pub fn key_for(&self, run: UiAction) -> Option<Key> {
        let binding = self.bindings.iter().find(|b| b.run == run)?;
        binding.keys.first().copied()
    }

    /// All bindings.
    pub fn all(&self) -> impl Iterator<Item = &Binding> {
        let replay = self.replay;
        self.bindings
            .iter()
            .filter(move |b| replay || b.topic != Topic::Replay)
    }

    /// All bindings of a topic.
    pub fn topic(&self, topic: Topic) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |b| b.topic == topic)
    }

    /// Hints of the footer that are of use now, in keymap order within their rank; those that stay
    /// longest come first.
    #[must_use]
    pub fn hints(&self, useful: impl Fn(Need) -> bool) -> Vec<&Binding> {
        let mut hints: Vec<&Binding> = self
            .bindings
            .iter()
            .filter(|b| b.hint.is_some() && b.when.iter().all(|need| useful(*need)))
            .filter(|b| b.topic != Topic::Replay || self.replay)
            .collect();
        hints.sort_by_key(|b| b.rank);
        hints
    }
}

impl Default for Keymap {
    fn default() -> Self {
        // The built-in text is checked by a test.
        Self::new(None).unwrap_or(Self {
            replay: false,
            bindings: Vec::new(),
        })
    }
}

/// The line of a byte, from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    let before = &text.as_bytes()[..at.min(text.len())];
    before.split(|&b| b == b'\n').count()
}

/// `, did you mean …?`, where a name is near.
pub(super) fn did_you_mean<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let near = Suggest::default().nearest(name, names);
    near.map_or_else(String::new, |near| format!(", did you mean `{near}`?"))
}

/// A message about an unknown key or value, with the near one of those that it lists.
pub(super) fn suggested(message: &str) -> String {
    let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match words.split_first() {
        Some((name, names)) if message.starts_with("unknown field") => {
            let hint = did_you_mean(name, names.iter().copied());
            if hint.is_empty() {
                let message = message.replacen("unknown field", "unknown key", 1);
                clean_line(&message, 300)
            } else {
                format!("unknown key `{}`{hint}", clean_line(name, 40))
            }
        }
        _ => clean_line(message, 300),
    }
}

fn read(text: &str) -> Result<Vec<Binding>, Vec<KeymapError>> {
    let file: File = toml::from_str(text).map_err(|error| {
        vec![KeymapError {
            line: line_of(text, error.span().map_or(0, |s| s.start)),
            what: suggested(error.message()),
        }]
    })?;
    let mut errors = Vec::new();
    let mut bindings = Vec::new();
    let mut seen: BTreeMap<(bool, String), usize> = BTreeMap::new();
    let topics = [
        (Topic::Move, file.r#move),
        (Topic::Show, file.show),
        (Topic::Act, file.act),
        (Topic::Agent, file.agent),
        (Topic::Replay, file.replay),
        (Topic::Leave, file.leave),
        (Topic::Later, file.later),
    ];
    for (topic, lines) in topics {
        for line in lines {
            let at = line_of(text, line.on.span().start);
            let on = match line.on.into_inner() {
                Keys::One(key) => vec![key],
                Keys::Many(keys) => keys,
            };
            let mut keys = Vec::new();
            for name in on {
                match Key::parse(&name) {
                    None => errors.push(KeymapError {
                        line: at,
                        what: format!(
                            "no key `{}`{}",
                            clean_line(&name, 40),
                            did_you_mean(&name, NAMED.map(|(name, _)| name))
                        ),
                    }),
                    Some(key) => {
                        if let Some(first) =
                            seen.insert((topic == Topic::Replay, key.to_string()), at)
                        {
                            errors.push(KeymapError {
                                line: at,
                                what: format!("`{key}` is bound on line {first} already"),
                            });
                        }
                        keys.push(key);
                    }
                }
            }
            match UiAction::find(line.run.get_ref()) {
                None => errors.push(KeymapError {
                    line: line_of(text, line.run.span().start),
                    what: format!(
                        "no action `{}`{}",
                        clean_line(line.run.get_ref(), 40),
                        did_you_mean(line.run.get_ref(), NAMES)
                    ),
                }),
                Some(run) => bindings.push(Binding {
                    keys,
                    run,
                    desc: line.desc,
                    hint: line.hint,
                    rank: line.rank.unwrap_or(90),
                    when: match line.when {
                        None => Vec::new(),
                        Some(Needs::One(need)) => vec![need],
                        Some(Needs::All(needs)) => needs,
                    },
                    topic,
                }),
            }
        }
    }
    if errors.is_empty() {
        Ok(bindings)
    } else {
        errors.sort_by_key(|e| e.line);
        Err(errors)
    }
}

#[cfg(test)]
mod tests {
    use super::super::action::Verb;
    use super::*;

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    #[test]
    fn the_built_in_keymap_is_sound() {
        let map = Keymap::new(None).unwrap();
        for name in [
            "p", "P", "S", "x", "r", "q", "Q", "?", "m", "w", "s", "z", "/", "Enter", "Esc", "Tab",
            "Up", "j", "k", "g", "G", "Space",
        ] {
            let binding = map.find(key(name)).unwrap_or_else(|| panic!("{name}"));
            assert!(!binding.desc.is_empty(), "{name}");
            assert_ne!(binding.run, UiAction::Unbuilt, "{name}");
        }
        for name in "id=U+4e".chars() {
            assert_eq!(
                map.find(key(&name.to_string())).unwrap().run,
                UiAction::Unbuilt,
                "{name}"
            );
        }
        assert_eq!(
            map.key_for(UiAction::Do(Verb::Stop)).unwrap().to_string(),
            "x"
        );
        let hints = map.hints(|_| true);
        assert_eq!(hints[0].hint.as_deref(), Some("leave"));
        assert_eq!(hints[1].hint.as_deref(), Some("help"));
        assert!(map.hints(|_| false).len() < hints.len());
    }

    #[test]
    fn a_user_file_lies_over_it() {
        let map = Keymap::new(Some(
            "act = [{ on = \"f\", run = \"pause\" }, { on = \"x\", run = \"nothing\" }]\nshow = [{ on = \"Q\", run = \"help\", desc = \"d\" }]",
        ))
        .unwrap();
        assert_eq!(map.find(key("f")).unwrap().run, UiAction::Do(Verb::Pause));
        assert_eq!(
            map.find(key("f")).unwrap().desc,
            map.find(key("p")).unwrap().desc
        );
        assert_eq!(map.find(key("x")), None);
        assert_eq!(map.find(key("Q")).unwrap().run, UiAction::Help);
        assert_eq!(map.key_for(UiAction::Do(Verb::StopRun)), None);
    }

    #[test]
    fn errors_have_their_line() {
        let errors = Keymap::new(Some(
            "act = [\n  { on = \"hyper-x\", run = \"pause\" },\n  { on = \"y\", run = \"explode\" },\n  { on = \"y\", run = \"stop\" },\n]",
        ))
        .unwrap_err();
        let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "line 2: no key `hyper-x`",
                "line 3: no action `explode`",
                "line 4: `y` is bound on line 3 already"
            ]
        );
        let errors =
            Keymap::new(Some("\nact = [{ on = \"y\", run = \"stop\", colour = 1 }]")).unwrap_err();
        assert_eq!(errors[0].line, 2, "{errors:?}");
    }

    #[test]
    fn keys_are_read_and_written() {
        for text in [
            "p", "G", "ctrl-d", "alt-x", "F5", "Esc", "Space", "-", "ctrl--",
        ] {
            assert_eq!(key(text).to_string(), text);
        }
        for text in ["", "F13", "ctrl-", "Return", "pp"] {
            assert_eq!(Key::parse(text), None, "{text}");
        }
    }
}
