//! The line of a replay: where it stands, how fast it goes, and where the marks are.

use crate::{report::history::MarkKind, tui::feed::Clock};

use super::{Source, words};

/// The line of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scrubber {
    /// Time passes.
    pub playing: bool,
    /// Speed, moment and length, in words.
    pub left: String,
    /// Moment by the wall clock, and the record.
    pub right: String,
    /// First column of the bar.
    pub from: u16,
    /// Columns of the bar.
    pub columns: u16,
    /// Column of the shown moment.
    pub at: u16,
    /// Marks by column, the worst of each.
    pub marks: Vec<(u16, MarkKind)>,
}

/// First column of the words.
pub const LEFT: u16 = 3;
/// Columns below which the bar says nothing.
const BAR: usize = 8;

/// Speed in words: `1×`, `0.25×`.
fn speed(permille: u32) -> String {
    if permille >= 1000 {
        format!("{}×", permille / 1000)
    } else {
        let text = format!("0.{permille:03}");
        format!("{}×", text.trim_end_matches('0'))
    }
}

/// A moment with tenths of a second.
fn moment(us: u64) -> String {
    let seconds = us / 1_000_000;
    let tenths = us / 100_000 % 10;
    match seconds / 3600 {
        0 => format!("{}:{:02}.{tenths}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

impl Scrubber {
    /// The moment (elapsed µs) at a column of the screen, of a recording of this length.
    #[must_use]
    pub fn moment(&self, column: u16, end_us: u64) -> u64 {
        let last = u64::from(self.columns.saturating_sub(1)).max(1);
        let at = u64::from(column.saturating_sub(self.from)).min(last);
        u64::try_from(u128::from(end_us) * u128::from(at) / u128::from(last)).unwrap_or(end_us)
    }
}

/// Projects the line into so many columns.
pub(super) fn scrubber(source: Source<'_>, clock: &Clock, width: u16) -> Scrubber {
    let mut left = format!(
        "{} {} of {}",
        speed(clock.speed_permille),
        moment(clock.at_us),
        moment(clock.end_us)
    );
    let at_ms = source.state.started_ms + (clock.at_us / 1000).cast_signed();
    let mut right = format!(
        "{}  {} of {}",
        words::clock(at_ms, source.zone, true),
        clock.seq,
        clock.last_seq
    );
    // Words give way to the bar: first the right ones, then the length.
    let short = |left: &str, right: &str| {
        left.chars().count() + right.chars().count() + 8 + BAR > usize::from(width)
    };
    if short(&left, &right) {
        right.clear();
    }
    if short(&left, &right) {
        left = format!("{} {}", speed(clock.speed_permille), moment(clock.at_us));
    }
    let taken = left.chars().count() + right.chars().count() + 8;
    let columns = width.saturating_sub(u16::try_from(taken).unwrap_or(u16::MAX));
    let column = |us: u64| {
        let last = u128::from(columns.saturating_sub(1));
        let at = u128::from(us) * last / u128::from(clock.end_us.max(1));
        u16::try_from(at.min(last)).unwrap_or(0)
    };
    let mut marks: Vec<(u16, MarkKind)> = Vec::new();
    for mark in source.history.map_or(&[][..], |history| &history.marks) {
        let at = column(mark.at_us);
        match marks.last_mut() {
            // The worst comes first in the list of kinds.
            Some(last) if last.0 == at => last.1 = last.1.min(mark.kind),
            _ => marks.push((at, mark.kind)),
        }
    }
    Scrubber {
        playing: clock.playing,
        from: LEFT + left.chars().count() as u16 + 2,
        left,
        right,
        columns,
        at: column(clock.at_us),
        marks,
    }
}
