//! Which keys mean something on a screen, and what is said where they do not.

use crate::tui::{action::UiAction, ui_state::Screen};

/// What a key of the deck does not do on a screen that hides it.
pub(super) fn not_here(screen: Screen, action: UiAction) -> Option<String> {
    let of_deck = match action {
        UiAction::Filter => matches!(
            screen,
            Screen::Timeline | Screen::Report | Screen::Merge | Screen::Clash | Screen::Review
        ),
        UiAction::Sort => !matches!(screen, Screen::Deck | Screen::Log),
        UiAction::Group
        | UiAction::Grow
        | UiAction::Shrink
        | UiAction::Wider
        | UiAction::Narrower
        | UiAction::Beside
        | UiAction::OwnSizes => screen != Screen::Deck,
        UiAction::NextPane => !matches!(screen, Screen::Deck | Screen::Agent),
        UiAction::CloseWave | UiAction::CloseDone => {
            !matches!(screen, Screen::Deck | Screen::Graph)
        }
        UiAction::Left | UiAction::Right => {
            !matches!(screen, Screen::Deck | Screen::Graph | Screen::Agent)
        }
        UiAction::NextHit
        | UiAction::PreviousHit
        | UiAction::Copy
        | UiAction::MarkRange
        | UiAction::Wrap
        | UiAction::Raw
        | UiAction::NextAgent
        | UiAction::PreviousAgent => screen != Screen::Agent,
        _ => false,
    };
    let what = match action {
        UiAction::Filter => "is not filtered",
        UiAction::Sort => "is not sorted",
        UiAction::Group => "is not grouped",
        UiAction::CloseWave | UiAction::CloseDone => "has no waves to close",
        UiAction::Grow
        | UiAction::Shrink
        | UiAction::Wider
        | UiAction::Narrower
        | UiAction::Beside
        | UiAction::OwnSizes
        | UiAction::NextPane => "has one pane",
        UiAction::NextHit | UiAction::PreviousHit => "is not searched",
        UiAction::Copy | UiAction::MarkRange => "is not copied from",
        UiAction::Wrap => "breaks no lines",
        UiAction::Raw => "shows what is printed as it is",
        UiAction::NextAgent | UiAction::PreviousAgent => "shows more than one agent",
        _ => "has nothing to fold",
    };
    let name = match screen {
        Screen::Deck => "the deck",
        Screen::Agent => "the agent's screen",
        Screen::Graph => "the wave graph",
        Screen::Timeline => "the timeline",
        Screen::Log => "the log",
        Screen::Merge => "the merge screen",
        Screen::Clash => "the conflict",
        Screen::Review => "the review",
        Screen::Report => "the report",
    };
    let of_agent = matches!(
        action,
        UiAction::NextHit
            | UiAction::PreviousHit
            | UiAction::Copy
            | UiAction::MarkRange
            | UiAction::Wrap
            | UiAction::Raw
            | UiAction::NextAgent
            | UiAction::PreviousAgent
    );
    of_deck.then(|| {
        if of_agent {
            format!("{name} {what}; the agent's screen is for that")
        } else {
            format!("{name} {what}; the deck is")
        }
    })
}

/// Whether an action is for a conflict alone.
pub(super) const fn of_clash(action: UiAction) -> bool {
    matches!(
        action,
        UiAction::TakeOurs
            | UiAction::TakeTheirs
            | UiAction::TakeBoth
            | UiAction::TakeBothReversed
            | UiAction::TakeBase
            | UiAction::TakeSuggested
            | UiAction::FileOurs
            | UiAction::FileTheirs
            | UiAction::EditPlace
            | UiAction::UndoChoice
            | UiAction::NextOpen
            | UiAction::PreviousOpen
            | UiAction::SettleConflict
            | UiAction::OnTop
            | UiAction::HandBack
            | UiAction::Escalate
    )
}

/// Whether an action is for a review alone.
pub(super) const fn of_review(action: UiAction) -> bool {
    matches!(
        action,
        UiAction::Comment
            | UiAction::SendBack
            | UiAction::Approve
            | UiAction::NextFile
            | UiAction::PreviousFile
            | UiAction::NextWork
            | UiAction::PreviousWork
    )
}
