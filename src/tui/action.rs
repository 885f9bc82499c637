//! What a key, a click or the palette can mean: named, free of key codes, so that bindings are data.
//!
//! Operator actions ([`Verb`]) become [`crate::engine::Action`]s with the selection's help; all
//! others change the view only and never reach the engine.

use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value},
};

/// Something the dashboard can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UiAction {
    /// Leave; agents go on.
    Leave,
    /// Keys and what they do.
    Help,
    /// Open what is selected: fold a group, show an agent's output.
    Open,
    /// One step back: popup, zoom, filter, marks.
    Back,
    /// Go to what waits for a person, the oldest first.
    Attention,
    /// The next pane.
    NextPane,
    /// One row down.
    Down,
    /// One row up.
    Up,
    /// To the left: fold; scroll a graph.
    Left,
    /// To the right: unfold; scroll a graph.
    Right,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
    /// Half a page down.
    HalfDown,
    /// Half a page up.
    HalfUp,
    /// The first row, or the oldest output.
    First,
    /// The last row, or following the output.
    Last,
    /// Mark the row.
    Mark,
    /// Type a filter.
    Filter,
    /// The next way to sort.
    Sort,
    /// The next way to group.
    Group,
    /// The wave graph over the whole screen.
    Graph,
    /// The selected agent's output over the whole screen.
    Zoom,
    /// The selected agent's screen.
    Agent,
    /// The next line that has what is searched for.
    NextHit,
    /// The one before.
    PreviousHit,
    /// Take the keyboard of an agent that runs in a terminal.
    Keyboard,
    /// Copy the visible lines, or the marked ones.
    Copy,
    /// Mark a range of lines.
    MarkRange,
    /// Break long lines, or cut them.
    Wrap,
    /// What an agent program says as it says it, or in words.
    Raw,
    /// What an agent was told at the start of its attempt.
    Prompt,
    /// The next agent's screen.
    NextAgent,
    /// The screen of the agent before.
    PreviousAgent,
    /// The first screen.
    Deck,
    /// Planned against actual, over time.
    Timeline,
    /// Events and the rules behind them.
    Log,
    /// Outcome, measures, bottlenecks, advice.
    Report,
    /// What comes together: queue, predictions, conflicts, checkpoints.
    Merge,
    /// Finished work and its diff.
    Review,
    /// What is integrated, for this place of a conflict.
    TakeOurs,
    /// What the agent made, for this place.
    TakeTheirs,
    /// Both, what is integrated first.
    TakeBoth,
    /// Both, what the agent made first.
    TakeBothReversed,
    /// What was there before either.
    TakeBase,
    /// The answer that suggests itself.
    TakeSuggested,
    /// What is integrated, for the whole file.
    FileOurs,
    /// What the agent made, for the whole file.
    FileTheirs,
    /// A text of the person's own.
    EditPlace,
    /// Takes the last choice back.
    UndoChoice,
    /// The next place without an answer.
    NextOpen,
    /// The one before.
    PreviousOpen,
    /// Merges as chosen.
    SettleConflict,
    /// Lets the agent go again on top of what is merged.
    OnTop,
    /// Gives a conflict back to its agent.
    HandBack,
    /// Passes a conflict on to somebody else.
    Escalate,
    /// Says something about a line of a diff.
    Comment,
    /// Gives an agent its work back, with all comments.
    SendBack,
    /// Says yes to what is asked about the work.
    Approve,
    /// The next file of a diff.
    NextFile,
    /// The file before.
    PreviousFile,
    /// The next finished work, in the order of merging.
    NextWork,
    /// The one before.
    PreviousWork,
    /// Play a recording, or pause it.
    Play,
    /// Play faster.
    Faster,
    /// Play slower.
    Slower,
    /// One record on.
    NextRecord,
    /// One record back.
    PreviousRecord,
    /// To the next mark: a failure, a zone, a gate, something that waits for a person.
    NextMark,
    /// To the mark before.
    PreviousMark,
    /// Five seconds on.
    SecondsOn,
    /// Five seconds back.
    SecondsBack,
    /// A row more for the focused pane.
    Grow,
    /// A row less.
    Shrink,
    /// The column at the right wider.
    Wider,
    /// The column at the right narrower.
    Narrower,
    /// All panes as large as what they show.
    OwnSizes,
    /// The next zoom of the wave graph.
    GraphZoom,
    /// The wave of the selected agent as one box.
    CloseWave,
    /// All waves that have ended as one box each.
    CloseDone,
    /// Follow what is new, or stay.
    Follow,
    /// What happened since a person last looked.
    Digest,
    /// The status card of the row's track, as it stands in its file.
    Card,
    /// What stands beside the output: status cards, or what happened lately.
    Beside,
    /// Who holds memory, in place of the output.
    Memory,
    /// Every action by its words.
    Palette,
    /// Choose a theme; the screen behind shows it.
    Themes,
    /// Give the mouse to the terminal, or take it.
    Mouse,
    /// Nothing: takes a binding away.
    Nothing,
    /// A key of a later version: says so.
    Unbuilt,
    /// An operator's action.
    #[serde(untagged)]
    Do(Verb),
}

/// The names of all actions that a person may bind, as a keymap file has them.
pub const NAMES: [&str; 99] = [
    "leave",
    "help",
    "open",
    "back",
    "attention",
    "next_pane",
    "down",
    "up",
    "left",
    "right",
    "page_down",
    "page_up",
    "half_down",
    "half_up",
    "first",
    "last",
    "mark",
    "filter",
    "sort",
    "group",
    "graph",
    "graph_zoom",
    "close_wave",
    "close_done",
    "follow",
    "grow",
    "shrink",
    "wider",
    "narrower",
    "own_sizes",
    "zoom",
    "agent",
    "next_hit",
    "previous_hit",
    "keyboard",
    "copy",
    "mark_range",
    "wrap",
    "raw",
    "prompt",
    "next_agent",
    "previous_agent",
    "deck",
    "timeline",
    "log",
    "report",
    "merge",
    "review",
    "take_ours",
    "take_theirs",
    "take_both",
    "take_both_reversed",
    "take_base",
    "take_suggested",
    "file_ours",
    "file_theirs",
    "edit_place",
    "undo_choice",
    "next_open",
    "previous_open",
    "settle_conflict",
    "on_top",
    "hand_back",
    "escalate",
    "comment",
    "send_back",
    "approve",
    "next_file",
    "previous_file",
    "next_work",
    "previous_work",
    "play",
    "faster",
    "slower",
    "next_record",
    "previous_record",
    "next_mark",
    "previous_mark",
    "seconds_on",
    "seconds_back",
    "digest",
    "palette",
    "themes",
    "card",
    "beside",
    "memory",
    "mouse",
    "nothing",
    "pause",
    "pause_track",
    "sequential",
    "swap",
    "unload",
    "pin",
    "tell",
    "add",
    "retry",
    "stop",
    "stop_run",
];

/// What an operator can do to the selected row, the marked rows, its track, or the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Freeze, or let go.
    Pause,
    /// The same for the track of the row.
    PauseTrack,
    /// One agent at a time.
    Sequential,
    /// Another worker.
    Swap,
    /// Take an idle model out of memory.
    Unload,
    /// Keep pressure from ever parking it, or no longer.
    Pin,
    /// Say something to an agent.
    Tell,
    /// One more agent.
    Add,
    /// Start again.
    Retry,
    /// End it.
    Stop,
    /// End the run.
    StopRun,
}

impl UiAction {
    /// Finds an action by its name in a keymap file.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        let read: Result<Self, value::Error> = Self::deserialize(name.into_deserializer());
        read.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        assert_eq!(UiAction::find("page_down"), Some(UiAction::PageDown));
        assert_eq!(
            UiAction::find("stop_run"),
            Some(UiAction::Do(Verb::StopRun))
        );
        assert_eq!(UiAction::find("explode"), None);
        let mut found = std::collections::BTreeSet::new();
        for name in NAMES {
            let action = UiAction::find(name).unwrap_or_else(|| panic!("{name}"));
            assert!(found.insert(action), "{name}");
        }
        assert_eq!(
            serde_json::to_string(&UiAction::Do(Verb::Pause)).unwrap(),
            "\"pause\""
        );
        assert_eq!(
            serde_json::to_string(&UiAction::Graph).unwrap(),
            "\"graph\""
        );
    }
}
