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

/// Width from which the sides stand side by side.
const BESIDE: u16 = 120;

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
    let (x, mut y) = if w >= 80 {
        let list = (w / 4).clamp(24, 44);
        out.list = part(0, 2, list, h - 2);
        (list + 1, 2)
    } else {
        let rows = total.clamp(2, if h >= 30 { 8 } else { 5 });
        out.list = part(0, 2, w, rows);
        (0, 2 + rows)
    };
    let wide = w - x;
    out.guide = part(x, y, wide, if h >= 24 { 2 } else { 1 });
    y += out.guide.height;
    let left = h - y;
    let result = match left {
        0..=13 => 0,
        14..=24 => 6,
        _ => left * 2 / 5,
    };
    let sides = left - result;
    if w >= BESIDE {
        let each = (wide - 2) / 3;
        for (n, side) in (0..3).zip(&mut out.sides) {
            let last = if n == 2 { wide - 2 * (each + 1) } else { each };
            *side = part(x + n * (each + 1), y, last, sides);
        }
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
