//! Keys as data: `assets/keymap.toml`, a user's file over it, and what is generated from both: the
//! help page, the footer's hints and the inverse map.
//!
//! Pure: text in, map or errors with their line out. Must not know what an action does.

mod key;
mod read;

pub use key::Key;
use read::{Line, read};

use super::action::UiAction;
use crate::plan::{
    decode::Decoder,
    diag::{At, Diagnostic},
};

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
    /// A conflict; these hold there alone, before all others but a replay's.
    Conflict,
    /// A review; likewise.
    Review,
    /// The clock of a replay; these hold there alone, before all others.
    Replay,
    /// Help and leaving.
    Leave,
    /// Keys of later versions.
    Later,
}

impl Topic {
    /// All, in the order of the help page.
    pub const ALL: [Self; 9] = [
        Self::Act,
        Self::Show,
        Self::Agent,
        Self::Conflict,
        Self::Review,
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
            Self::Conflict => "IN A CONFLICT",
            Self::Review => "IN A REVIEW",
            Self::Replay => "IN A REPLAY",
            Self::Leave => "LEAVE",
            Self::Later => "NOT BUILT YET",
        }
    }

    /// Where its keys hold before all others: a key may mean one thing in each of these places.
    #[must_use]
    pub const fn place(self) -> Place {
        match self {
            Self::Conflict => Place::Conflict,
            Self::Review => Place::Review,
            Self::Replay => Place::Replay,
            _ => Place::Everywhere,
        }
    }
}

/// Where keys have a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Place {
    /// Wherever nothing else is said.
    #[default]
    Everywhere,
    /// In a conflict.
    Conflict,
    /// In a review.
    Review,
    /// In a replay.
    Replay,
}

/// From where the keys are used: some do nothing there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whence {
    /// A live run that can be changed.
    Live,
    /// A live run that can only be looked at.
    ReadOnly,
    /// A recording.
    Recording,
}

impl Whence {
    /// Why the keys of a topic do nothing here; none: they do.
    #[must_use]
    pub const fn bars(self, topic: Topic) -> Option<&'static str> {
        match (self, topic) {
            (Self::Recording, Topic::Act) => Some("recording"),
            (Self::ReadOnly, Topic::Act) => Some("read-only"),
            _ => None,
        }
    }
}

/// When a hint is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// An agent is selected.
    Agent,
    /// A group is selected.
    Group,
    /// A row is meant that can be changed: an agent, or a group of the deck.
    Target,
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
    /// The wave graph has the screen.
    Graph,
    /// Something that can be filtered or searched is shown.
    Sought,
    /// Rows are shown that lead somewhere.
    Opens,
    /// What comes together is shown.
    Merging,
    /// A conflict is shown.
    Clash,
    /// An answer to the chosen place of a conflict suggests itself.
    Suggests,
    /// A review is shown.
    Review,
    /// One agent's screen is shown.
    One,
    /// Something is searched for there.
    Found,
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

/// The keymap that is built in; a test checks it.
const BUILT_IN: &str = include_str!("../../assets/keymap.toml");

/// All bindings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<Binding>,
    /// A recording is played: its keys go before the others.
    replay: bool,
}

impl Keymap {
    /// Reads the built-in keymap, and the person's text over it.
    ///
    /// # Errors
    /// Every problem of the text, with its place.
    pub fn new(user: Option<&str>) -> Result<Self, Vec<Diagnostic>> {
        let mut d = Decoder::default();
        let built_in = read(BUILT_IN, &mut d);
        let mut map = Self {
            replay: false,
            bindings: built_in.into_iter().map(|line| line.binding).collect(),
        };
        let text = user.unwrap_or_default();
        let lines = read(text, &mut d);
        let mut taken = Vec::new();
        for Line { binding, at } in lines {
            taken.extend(binding.keys.iter().copied().zip(at));
            map.lay_over(binding);
        }
        if !d.sink.failed() {
            map.lost(&taken, &mut d);
        }
        if d.sink.failed() {
            return Err(d.sink.finish(text));
        }
        map.hint_of_leaving();
        Ok(map)
    }

    /// Reports what a person cannot do without and has no key any more, where its key went.
    fn lost(&self, taken: &[(Key, At)], d: &mut Decoder) {
        let needed = [
            ("leave", UiAction::Leave),
            ("help", UiAction::Help),
            ("back", UiAction::Back),
        ];
        for (name, run) in needed {
            if self.key_for(run).is_some() {
                continue;
            }
            let built_in = read(BUILT_IN, &mut Decoder::default());
            let place = built_in
                .iter()
                .filter(|line| line.binding.run == run)
                .flat_map(|line| &line.binding.keys)
                .find_map(|key| taken.iter().find(|(taken, _)| taken == key))
                .map_or(At::NOWHERE, |(_, at)| *at);
            d.sink
                .error(place, format!("no key is left for `{name}`"))
                .help(format!(
                    "bind another one: show = [{{ on = \"F12\", run = \"{name}\" }}]"
                ));
        }
    }

    /// The footer always says how to leave, whichever key is left for it.
    fn hint_of_leaving(&mut self) {
        let mut leave = self
            .bindings
            .iter_mut()
            .filter(|b| b.run == UiAction::Leave);
        let Some(first) = leave.next() else { return };
        if first.hint.is_none() && leave.all(|b| b.hint.is_none()) {
            first.hint = Some("leave".to_owned());
            first.rank = 0;
        }
    }

    fn lay_over(&mut self, mut new: Binding) {
        for old in &mut self.bindings {
            if old.topic.place() == new.topic.place() {
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

    /// Whether the keys of a replay hold.
    #[must_use]
    pub const fn is_replaying(&self) -> bool {
        self.replay
    }

    /// Turns to the keys of a replay.
    pub const fn replaying(&mut self) {
        self.replay = true;
    }

    /// What a key does where no screen has keys of its own.
    #[must_use]
    pub fn find(&self, key: Key) -> Option<&Binding> {
        self.find_in(Place::Everywhere, key)
    }

    /// What a key does in a place.
    #[must_use]
    pub fn find_in(&self, place: Place, key: Key) -> Option<&Binding> {
        let of = |place: Place| {
            self.bindings
                .iter()
                .find(move |b| b.topic.place() == place && b.keys.contains(&key))
        };
        of(Place::Replay)
            .filter(|_| self.replay)
            .or_else(|| of(place))
            .or_else(|| of(Place::Everywhere))
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
            "Up", "j", "k", "g", "G", "Space", "+", "U", "=", "%",
        ] {
            let binding = map.find(key(name)).unwrap_or_else(|| panic!("{name}"));
            assert!(!binding.desc.is_empty(), "{name}");
            assert_ne!(binding.run, UiAction::Unbuilt, "{name}");
        }
        for name in "e".chars() {
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
    fn nobody_is_locked_in() {
        // Ctrl-C stays whatever else is taken, and the footer says so.
        let map = Keymap::new(Some("leave = [{ on = \"q\", run = \"nothing\" }]")).unwrap();
        assert_eq!(map.key_for(UiAction::Leave).unwrap().to_string(), "ctrl-c");
        let first = map.hints(|_| true)[0];
        assert_eq!(
            (first.run, first.hint.as_deref()),
            (UiAction::Leave, Some("leave"))
        );
        for text in [
            "act = [{ on = \"ctrl-c\", run = \"stop_run\" }]",
            "replay = [{ on = \"ctrl-c\", run = \"nothing\" }]",
            "show = [{ on = \"Esc\", run = \"nothing\" }]",
            "show = [{ on = \"?\", run = \"nothing\" }]",
        ] {
            assert!(Keymap::new(Some(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn every_action_of_the_built_in_keymap_can_be_suggested() {
        for binding in Keymap::default().all() {
            let name = serde_json::to_value(binding.run).unwrap();
            let name = name.as_str().unwrap();
            assert!(
                binding.run == UiAction::Unbuilt || super::super::action::NAMES.contains(&name),
                "{name}"
            );
        }
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
