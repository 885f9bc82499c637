//! The division of the agent's screen: words and figures on top, then output with lists beside it,
//! or below a line of tabs where the screen is narrow.

use ratatui::layout::Rect;

use super::Regions;
use crate::tui::ui_state::{MIN_SIZE, Tab};

/// Width from which lists stand beside the output.
pub const BESIDE: u16 = 130;

/// How much there is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AgentNeeds {
    /// Where the arrow keys move.
    pub tab: Tab,
    /// The output alone.
    pub zoom: bool,
    /// A footer below that: how a session that is open is left.
    pub footer: bool,
    /// Lines of the attempts.
    pub attempts: usize,
    /// Lines of the checks.
    pub checks: usize,
}

/// Whether lists stand beside the output on a screen of this size.
#[must_use]
pub const fn beside(size: (u16, u16)) -> bool {
    size.0 >= BESIDE && size.1 >= 16
}

/// Divides the screen.
#[must_use]
pub fn agent(size: (u16, u16), needs: AgentNeeds) -> Regions {
    let (w, h) = size;
    let mut out = Regions {
        all: Rect::new(0, 0, w, h),
        ..Regions::default()
    };
    if w < MIN_SIZE.0 || h < MIN_SIZE.1 {
        return out;
    }
    out.header = Rect::new(0, 0, w, 1);
    if needs.zoom {
        let below = u16::from(needs.footer);
        out.output = Rect::new(0, 1, w, h - 1 - below);
        out.footer = Rect::new(0, h - below, w, below);
        return out;
    }
    out.footer = Rect::new(0, h - 1, w, 1);
    // Its rule and what it does now; figures, memory and neighbours as there is room.
    let facts = match h {
        0..14 => 2,
        14..17 => 3,
        17..20 => 4,
        _ => 5,
    };
    out.agent = Rect::new(0, 1, w, facts);
    let top = 1 + facts;
    let lines = |n: usize| u16::try_from(n).unwrap_or(u16::MAX).saturating_add(1);
    if beside(size) {
        let side = (w * 3 / 10).clamp(44, 72);
        let rest = w - side - 1;
        let height = h - 1 - top;
        out.output = Rect::new(0, top, rest, height);
        // Each list has what it needs as far as the others have their least.
        let attempts = lines(needs.attempts).clamp(2, (height / 3).max(2));
        let checks = lines(needs.checks).clamp(2, (height / 3).max(2));
        let x = rest + 1;
        out.attempts = Rect::new(x, top, side, attempts);
        out.checks = Rect::new(x, top + attempts, side, checks);
        let used = attempts + checks;
        out.plan = Rect::new(x, top + used, side, height - used);
        return out;
    }
    out.tabs = Rect::new(0, top, w, 1);
    let top = top + 1;
    let height = h - 1 - top;
    let upper = |n: usize| lines(n).clamp(3, (height / 2).max(3)).min(height);
    let whole = Rect::new(0, top, w, height);
    let split = |n: usize| {
        let upper = upper(n);
        (
            Rect {
                height: upper,
                ..whole
            },
            Rect {
                y: top + upper,
                height: height - upper,
                ..whole
            },
        )
    };
    match needs.tab {
        Tab::Output | Tab::Prompt => out.output = whole,
        Tab::Plan => out.plan = whole,
        Tab::Attempts => (out.attempts, out.output) = split(needs.attempts),
        Tab::Checks => (out.checks, out.output) = split(needs.checks),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_never_overlap_and_stay_inside() {
        for (w, h) in (0..=250_u16).flat_map(|w| (0..=70).map(move |h| (w, h))) {
            for tab in Tab::ALL {
                for (attempts, checks) in [(0, 0), (2, 30), (100_000, 1)] {
                    let r = agent(
                        (w, h),
                        AgentNeeds {
                            tab,
                            zoom: false,
                            footer: false,
                            attempts,
                            checks,
                        },
                    );
                    let parts = [
                        r.header, r.agent, r.tabs, r.attempts, r.checks, r.plan, r.output, r.footer,
                    ];
                    for (i, a) in parts.iter().enumerate() {
                        assert_eq!(a.intersection(r.all).area(), a.area(), "{w}x{h}");
                        for b in &parts[i + 1..] {
                            assert!(a.intersection(*b).is_empty(), "{w}x{h} {tab:?}: {a} {b}");
                        }
                    }
                }
            }
        }
    }
}
