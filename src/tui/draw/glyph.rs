//! Symbols, each with an ASCII one for terminals without UTF-8; all are one cell wide everywhere.

use crate::tui::{theme::Theme, view::Mark};

/// The symbol of a state.
#[must_use]
pub const fn mark(theme: &Theme, mark: Mark) -> &'static str {
    if theme.ascii {
        match mark {
            Mark::Wait => ".",
            Mark::Ready => "o",
            Mark::Start => ">",
            Mark::Run => "*",
            Mark::Froze => "=",
            Mark::Park => "v",
            Mark::Retry => "~",
            Mark::Join => "&",
            Mark::Check => "?",
            Mark::Merge => "m",
            Mark::Ask => "@",
            Mark::Block => "!",
            Mark::Done => "+",
            Mark::Fail => "x",
            Mark::Skip => "-",
            Mark::Stop => "#",
        }
    } else {
        match mark {
            Mark::Wait => "·",
            Mark::Ready => "○",
            Mark::Start => "▷",
            Mark::Run => "●",
            Mark::Froze => "‖",
            Mark::Park => "▽",
            Mark::Retry => "↻",
            Mark::Join => "⋈",
            Mark::Check => "◎",
            Mark::Merge => "⇥",
            Mark::Ask => "?",
            Mark::Block => "■",
            Mark::Done => "✓",
            Mark::Fail => "✗",
            Mark::Skip => "⊘",
            Mark::Stop => "□",
        }
    }
}

macro_rules! glyphs {
    ($($(#[$doc:meta])* $name:ident: $rich:literal $poor:literal;)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub const fn $name(theme: &Theme) -> &'static str {
                if theme.ascii { $poor } else { $rich }
            }
        )*
    };
}

glyphs! {
    /// A rule.
    rule: "─" "-";
    /// Between panes.
    bar: "│" "|";
    /// The edge of a pane that has the keyboard.
    side: "┃" "#";
    /// The critical path.
    double: "═" "=";
    /// It is taken.
    done: "✓" "+";
    /// An open fold.
    open: "▾" "v";
    /// A closed fold.
    closed: "▸" ">";
    /// Agents in the memory bar.
    agents: "█" "#";
    /// Others in the memory bar.
    others: "▒" "%";
    /// Reserved in the memory bar.
    reserved: "+" "+";
    /// Free in the memory bar.
    free: "·" ".";
    /// Left end of the bar.
    left: "▕" "[";
    /// Right end of the bar.
    right: "▏" "]";
    /// A threshold below the bar.
    tick: "╵" "'";
    /// Separates words.
    dot: "·" "-";
    /// An edge's end.
    head: "▸" ">";
    /// An edge's end to the left.
    back: "◂" "<";
    /// Pressure never takes it back.
    pin: "⊥" "^";
    /// A marked row.
    marked: "◆" "*";
    /// Recording.
    rec: "●" "*";
    /// The selected row, where colours cannot tell.
    pointer: "›" ">";
    /// There is more above.
    up: "↑" "^";
    /// There is more below.
    down: "↓" "v";
    /// There is more to the left.
    west: "←" "<";
    /// There is more to the right.
    east: "→" ">";
    /// Time that has passed.
    filled: "▓" "#";
    /// Time that is expected.
    unfilled: "░" ".";
    /// Planned time.
    ghost: "┄" ".";
    /// Time that is expected to pass.
    forecast: "░" ":";
    /// Waiting for room.
    queued: "·" ",";
    /// Another worker took over.
    swap: "⇄" "%";
    /// The moment that is shown.
    now: "▲" "^";
    /// A replay that runs.
    play: "▶" ">";
    /// A replay that stands.
    pause: "‖" "=";
    /// What has been played.
    heavy: "━" "=";
    /// A mark of a replay.
    notch: "┿" "+";
    /// Where a replay stands.
    knob: "●" "O";
    /// A peak in a gauge.
    peak: "▏" "|";
}

/// A gauge cell that is filled by eighths.
#[must_use]
pub const fn eighths(theme: &Theme, n: u64) -> &'static str {
    const RICH: [&str; 9] = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];
    if theme.ascii {
        return if n >= 4 { "#" } else { " " };
    }
    RICH[if n > 8 { 8 } else { n as usize }]
}

/// A cell that is filled from below, by eighths; 0 is a line at its foot.
#[must_use]
pub const fn height(theme: &Theme, eighths: u8) -> &'static str {
    const RICH: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    const POOR: [&str; 3] = [".", ":", "#"];
    let n = if eighths > 8 { 8 } else { eighths } as usize;
    if theme.ascii {
        return POOR[n / 3];
    }
    RICH[if n == 0 { 0 } else { n - 1 }]
}

/// What stands for a symbol on a terminal without UTF-8, where nothing else was chosen.
#[must_use]
pub fn plain(symbol: &str) -> &'static str {
    match symbol.chars().next() {
        Some('·' | '•' | '…') => ".",
        Some('‼') => "!",
        Some('–' | '—' | '─' | '━' | '‐' | '‑') => "-",
        Some('│' | '┃' | '▏') => "|",
        Some('‘' | '’') => "'",
        Some('“' | '”') => "\"",
        Some('›' | '▸' | '→' | '▶') => ">",
        Some('‹' | '◂' | '←') => "<",
        Some('⇥') => "m",
        Some('✓' | '✔') => "+",
        Some('✗' | '✘' | '×') => "x",
        _ => "?",
    }
}

// Lines by the arms of a cell: up 1, right 2, down 4, left 8.
const LIGHT: [&str; 16] = [
    " ", "╵", "╶", "╰", "╷", "│", "╭", "├", "╴", "╯", "─", "┴", "╮", "┤", "┬", "┼",
];
const DOUBLE: [&str; 16] = [
    " ", "║", "═", "╚", "║", "║", "╔", "╠", "═", "╝", "═", "╩", "╗", "╣", "╦", "╬",
];
/// Double across, light up and down.
const ACROSS: [&str; 16] = [
    " ", "╵", "═", "╘", "╷", "│", "╒", "╞", "═", "╛", "═", "╧", "╕", "╡", "╤", "╪",
];
/// Light across, double up and down.
const UPDOWN: [&str; 16] = [
    " ", "║", "╶", "╙", "║", "║", "╓", "╟", "╴", "╜", "─", "╨", "╖", "╢", "╥", "╫",
];

/// The line of a cell by the weights of its arms (`view::graph`).
#[must_use]
pub fn edge(theme: &Theme, arms: u8) -> &'static str {
    let weight = |shift: u8| arms >> shift & 3;
    let (up, right, down, left) = (weight(0), weight(2), weight(4), weight(6));
    let mask = u8::from(up > 0)
        | u8::from(right > 0) << 1
        | u8::from(down > 0) << 2
        | u8::from(left > 0) << 3;
    let (vertical, horizontal) = (up.max(down), right.max(left));
    if theme.ascii {
        return match mask {
            0 => " ",
            0b0101 | 0b0001 | 0b0100 => "|",
            0b1010 | 0b0010 | 0b1000 if horizontal == 3 => "=",
            0b1010 | 0b0010 | 0b1000 => "-",
            _ => "+",
        };
    }
    // Straight dashes only where nothing joins.
    if mask == 0b1010 && horizontal == 1 {
        return "┄";
    }
    if mask == 0b0101 && vertical == 1 {
        return "┆";
    }
    let set = match (vertical == 3, horizontal == 3) {
        (false, false) => &LIGHT,
        (true, true) => &DOUBLE,
        (false, true) => &ACROSS,
        (true, false) => &UPDOWN,
    };
    set[usize::from(mask)]
}
