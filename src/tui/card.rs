//! The card that is looked at: which track, which day, and its file where that is another day's.
//!
//! Text of a file is hostile until it is shown clean. Must not ask by itself: the reducer does.

use jiff::civil::Date;

use crate::plan::TrackIx;

/// The card that is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CardFile {
    /// Its track; none: agents without one.
    pub track: Option<TrackIx>,
    /// Its day; none: that of the shown moment, which needs no file.
    pub day: Option<Date>,
    /// Days of which there are cards, in order.
    pub days: Vec<Date>,
    /// What stands in the file; none: there is none.
    pub text: Option<String>,
    /// The file was read, or is not there.
    pub loaded: bool,
}

impl CardFile {
    /// The card of another track, on the same day.
    #[must_use]
    pub const fn of(track: Option<TrackIx>, day: Option<Date>, days: Vec<Date>) -> Self {
        Self {
            track,
            day,
            days,
            text: None,
            loaded: false,
        }
    }
}
