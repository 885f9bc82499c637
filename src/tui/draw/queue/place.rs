//! Where the parts of the queue are: for drawing them, and for the mouse.
//!
//! Must not draw.

use ratatui::layout::{Position, Rect};

use super::super::{
    pen::wrap,
    popup::{ground, inside, place},
};
use crate::{
    display::width,
    tui::view::{QueueView, View},
};

/// From so many columns on the list stands beside the chosen item.
const WIDE: u16 = 84;
/// Lines of the question at most.
const QUESTION: usize = 5;
/// Lines of the facts at most.
const FACTS: usize = 2;
/// Columns between two answers.
pub(super) const GAP: &str = "   ";

/// Where everything is.
pub(super) struct Places {
    /// All of it with its frame.
    pub frame: Rect,
    /// The list.
    pub list: Rect,
    /// Number of the first item in it.
    pub first: usize,
    /// The chosen item.
    pub detail: Rect,
    /// The list stands beside it.
    pub beside: bool,
    /// Lines of the question that are shown.
    pub question: usize,
    /// First row below the heading of evidence or diff, in the detail, and how many rows it has.
    pub body: Option<(u16, usize)>,
    /// A recording is shown.
    pub recorded: bool,
}

/// What lies under the pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueHit {
    /// An item of the list.
    Row(usize),
    /// The key of an answer.
    Answer(char),
    /// The list, where it has no item.
    List,
    /// The rest of it.
    Detail,
}

pub(super) fn places(view: &View, queue: &QueueView) -> Option<Places> {
    // The line of a replay stays in sight, and nothing else is elsewhere for it.
    let all = ground(&view.regions);
    let size = if all.width < WIDE || all.height < 29 {
        (all.width, all.height)
    } else {
        (
            (all.width - 6).min(170),
            all.height.saturating_sub(4).min(48),
        )
    };
    let frame = place(all, size)?;
    let area = inside(frame);
    let beside = area.width >= WIDE;
    let (list, detail) = if beside {
        let list = (area.width * 2 / 5).clamp(30, 64);
        let y = area.y + 2;
        let height = area.height.saturating_sub(2);
        (
            Rect::new(area.x, y, list, height),
            Rect::new(area.x + list + 3, y, area.width - list - 3, height),
        )
    } else {
        let rows = u16::try_from(queue.rows.len()).unwrap_or(u16::MAX);
        let list = rows.clamp(1, (area.height / 4).max(1));
        let below = area.y + 2 + list;
        let height = area.height.saturating_sub(2 + list);
        (
            Rect::new(area.x, area.y + 1, area.width, list),
            Rect::new(area.x, below, area.width, height),
        )
    };
    let rows = usize::from(list.height);
    let first = (queue.at.unwrap_or(0) + 1).saturating_sub(rows);
    let columns = usize::from(detail.width);
    let last = detail.height.saturating_sub(1);
    let most = usize::from(last.saturating_sub(3)).clamp(1, QUESTION);
    let question = wrap(&queue.title, columns).len().min(most);
    let facts = wrap(&queue.facts, columns).len().min(FACTS);
    let above = (1 + question + facts) as u16;
    let body = (above + 2 < last && !queue.body_of.is_empty()).then(|| {
        let top = above + 2;
        (top, usize::from(last.saturating_sub(top + 1)))
    });
    Some(Places {
        frame,
        list,
        first,
        detail,
        beside,
        question,
        body,
        recorded: view.scrubber.is_some(),
    })
}

/// What lies at a place of the screen; none: nothing of the queue.
#[must_use]
pub fn hit(view: &View, at: Position) -> Option<QueueHit> {
    let queue = view.queue.as_ref()?;
    let parts = places(view, queue)?;
    if parts.list.contains(at) {
        let n = parts.first + usize::from(at.y - parts.list.y);
        // The last line may count those that follow.
        let hidden = queue.rows.len() > parts.first + usize::from(parts.list.height);
        let counts = hidden && parts.list.height > 1 && at.y + 1 == parts.list.bottom();
        let row = n < queue.rows.len() && !counts;
        return Some(if row {
            QueueHit::Row(n)
        } else {
            QueueHit::List
        });
    }
    if !parts.detail.contains(at) {
        return parts.frame.contains(at).then_some(QueueHit::Detail);
    }
    if at.y + 1 == parts.detail.bottom() && queue.typed.is_none() && queue.at.is_some() {
        let mut x = parts.detail.x;
        for (key, label) in &queue.answers {
            let wide = (width(key) + 1 + width(label)) as u16;
            if (x..x + wide).contains(&at.x) {
                return key.chars().next().map(QueueHit::Answer);
            }
            x += wide + GAP.len() as u16;
        }
    }
    Some(QueueHit::Detail)
}

/// How far the evidence or diff can be scrolled, up and down from where it begins.
#[must_use]
pub fn scrolls(view: &View) -> (isize, isize) {
    let Some(queue) = &view.queue else {
        return (0, 0);
    };
    let rows = places(view, queue).and_then(|parts| parts.body);
    let rows = rows.map_or(usize::MAX, |(_, rows)| rows);
    let most = queue.body.len().saturating_sub(rows);
    let most = isize::try_from(most).unwrap_or(isize::MAX);
    if queue.from_end {
        (-most, 0)
    } else {
        (0, most)
    }
}
