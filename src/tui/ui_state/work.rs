//! Choices on the screens of work that comes together.
//!
//! Plain data; must not hold anything of the run but ids.

use crate::plan::AgentId;

use super::Screen;

/// Choices in a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClashUi {
    /// Number of the conflict.
    pub id: u32,
    /// The chosen place: files and their hunks are counted in one line.
    pub at: usize,
    /// Rows that its texts are scrolled down from where the place is in sight; up: less than none.
    pub down: isize,
    /// The screen that leads back.
    pub from: Screen,
}

/// Choices in a review.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReviewUi {
    /// Whose work.
    pub agent: Option<AgentId>,
    /// The chosen line of the diff.
    pub at: usize,
    /// First visible line of the diff.
    pub first: usize,
    /// The screen that leads back.
    pub from: Screen,
}
