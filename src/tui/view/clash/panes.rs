//! Where the parts of a conflict's screen are.
//!
//! Pure integers.

use ratatui::layout::Rect;

/// Where the parts of the screen are; what has no place is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Panes {
    /// Title and facts.
    pub head: Rect,
    /// Files and places, with their rule.
    pub list: Rect,
    /// What can be said of the place.
    pub guide: Rect,
    /// The three sides, each with its rule.
    pub sides: [Rect; 3],
    /// What comes of it, with its rule.
    pub result: Rect,
}

/// Width from which the list stands at the left: the three sides have room for a line of code beside it.
const LIST: u16 = 160;
/// Width from which the three sides stand side by side.
const BESIDE: u16 = 100;
/// Width from which the two that disagree do, above what was there before.
const TWO: u16 = 72;

/// Divides the screen.
#[must_use]
pub fn panes(area: Rect, total: usize) -> Panes {
    if area.height < 8 || area.width < 20 {
        return Panes::default();
    }
    let part = |x: u16, y: u16, width: u16, height: u16| Rect {
        x: area.x + x,
        y: area.y + y,
        width,
        height,
    };
    let (w, h) = (area.width, area.height);
    let total = u16::try_from(total).unwrap_or(u16::MAX).saturating_add(1);
    let mut out = Panes {
        head: part(0, 0, w, 2),
        ..Panes::default()
    };
    let (x, mut y) = if w >= LIST {
        let list = (w / 6).clamp(30, 44);
        out.list = part(0, 2, list, h - 2);
        (list + 1, 2)
    } else {
        let most = match h {
            0..=24 => 5,
            25..=39 => 8,
            _ => 11,
        };
        let rows = total.clamp(2, most);
        out.list = part(0, 2, w, rows);
        (0, 2 + rows)
    };
    let wide = w - x;
    out.guide = part(x, y, wide, if h >= 30 { 2 } else { 1 });
    y += out.guide.height;
    let left = h - y;
    let result = match left {
        0..=9 => 0,
        10..=24 => (left * 2 / 5).max(4),
        _ => left * 2 / 5,
    };
    let sides = left - result;
    if w >= BESIDE {
        let each = (wide - 2) / 3;
        for (n, side) in (0..3).zip(&mut out.sides) {
            let last = if n == 2 { wide - 2 * (each + 1) } else { each };
            *side = part(x + n * (each + 1), y, last, sides);
        }
    } else if w >= TWO {
        let base = (sides / 3).max(2);
        let half = (wide - 1) / 2;
        out.sides[0] = part(x, y, half, sides - base);
        out.sides[2] = part(x + half + 1, y, wide - half - 1, sides - base);
        out.sides[1] = part(x, y + sides - base, wide, base);
    } else {
        // What was there before either matters least.
        let base = (sides / 4).max(2).min(sides / 3);
        let ours = (sides - base) / 2;
        let heights = [ours, base, sides - base - ours];
        let mut top = y;
        for (side, height) in out.sides.iter_mut().zip(heights) {
            *side = part(x, top, wide, height);
            top += height;
        }
    }
    out.result = part(x, y + sides, wide, result);
    out
}

impl Panes {
    /// Gives the rows that the sides do not fill to the result: short places leave no hole in the middle.
    #[must_use]
    pub fn fitted(mut self, rows: [usize; 3]) -> Self {
        let [ours, base, theirs] = self.sides;
        if ours.y != theirs.y || self.result.is_empty() {
            return self;
        }
        // Each has its rule, and at least two rows.
        let needs = |n: usize| {
            u16::try_from(rows[n])
                .unwrap_or(u16::MAX)
                .saturating_add(1)
                .max(3)
        };
        let abreast = base.y == ours.y;
        let most = needs(0)
            .max(needs(2))
            .max(if abreast { needs(1) } else { 0 });
        let spare = ours.height.saturating_sub(most);
        for side in [0, 2] {
            self.sides[side].height -= spare;
        }
        let mut moved = spare;
        if abreast {
            self.sides[1].height -= spare;
        } else {
            let below = base.height.saturating_sub(needs(1));
            self.sides[1].y -= spare;
            self.sides[1].height -= below;
            moved += below;
        }
        self.result.y -= moved;
        self.result.height += moved;
        self
    }
}
