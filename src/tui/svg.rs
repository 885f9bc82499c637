//! A screen as a picture: a buffer's cells as SVG, for documents.
//!
//! Pure and small: one look gives one picture, whatever fonts are there. Lines, bars and shades are
//! drawn as shapes, so that they meet; everything else is text on the grid of cells. Must not know
//! what is drawn.

use std::{collections::BTreeMap, fmt::Write as _};

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

/// Size of a cell in units of the picture.
const CELL: (u32, u32) = (9, 19);
/// Size of letters.
const FONT: u32 = 15;
/// From a cell's top to the base of its letters.
const BASE: u32 = 14;

/// Colours of a terminal that has its own: text and ground.
#[derive(Debug, Clone, Copy)]
pub struct Ground {
    /// Text.
    pub fg: Color,
    /// Ground.
    pub bg: Color,
}

/// Text of one style on one row, from a column on.
struct Piece {
    x: u16,
    y: u16,
    columns: u16,
    text: String,
}

/// Draws a buffer as SVG.
#[must_use]
pub fn svg(buf: &Buffer, ground: Ground) -> String {
    let (w, h) = (u32::from(buf.area.width), u32::from(buf.area.height));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-size=\"{FONT}\" \
         font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" \
         xml:space=\"preserve\">\n<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n",
        w * CELL.0,
        h * CELL.1,
        hex(ground.bg, ground.bg)
    );
    // What has one colour is one element: a picture stays small.
    let mut grounds: BTreeMap<String, String> = BTreeMap::new();
    let mut shapes: BTreeMap<String, String> = BTreeMap::new();
    let mut texts: BTreeMap<String, Vec<Piece>> = BTreeMap::new();
    for y in 0..buf.area.height {
        let mut x = 0;
        while x < buf.area.width {
            let Some(cell) = buf.cell((buf.area.x + x, buf.area.y + y)) else {
                break;
            };
            let columns = u16::try_from(crate::display::width(cell.symbol()).max(1)).unwrap_or(1);
            let (fg, bg) = colours(cell, ground);
            let at = (u32::from(x) * CELL.0, u32::from(y) * CELL.1);
            if bg != hex(ground.bg, ground.bg) {
                let width = u32::from(columns) * CELL.0;
                add_ground(grounds.entry(bg).or_default(), at, width);
            }
            if let Some(shape) = shape(cell.symbol(), at) {
                shapes.entry(fg).or_default().push_str(&shape);
            } else if cell.symbol().trim() != "" {
                add_text(&mut texts, style(cell, &fg), cell.symbol(), (x, y), columns);
            }
            x += columns;
        }
    }
    for (fill, path) in grounds {
        let _ = writeln!(out, "<path fill=\"{fill}\" d=\"{path}\"/>");
    }
    // Shades are thin lines of their colour, so that one path holds all shapes.
    for (fill, path) in shapes {
        let _ = writeln!(out, "<path fill=\"{fill}\" d=\"{path}\"/>");
    }
    for (style, pieces) in texts {
        let _ = writeln!(out, "<g {style}>");
        for piece in pieces {
            let _ = write!(
                out,
                "<text x=\"{}\" y=\"{}\"",
                u32::from(piece.x) * CELL.0,
                u32::from(piece.y) * CELL.1 + BASE
            );
            if piece.columns > 1 {
                let _ = write!(out, " textLength=\"{}\"", u32::from(piece.columns) * CELL.0);
            }
            let _ = writeln!(out, ">{}</text>", escaped(&piece.text));
        }
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

/// A row's ground, joined with the one on its left where there is one.
fn add_ground(path: &mut String, (x, y): (u32, u32), width: u32) {
    let height = CELL.1;
    // A path ends with the width of its last rectangle: `M0 0h9v19h-9z`.
    if let Some(last) = path.rfind('M')
        && let Some((from, w)) = rectangle(&path[last..])
        && from.1 == y
        && from.0 + w == x
    {
        path.truncate(last);
        let all = w + width;
        let _ = write!(path, "M{} {y}h{all}v{height}h-{all}z", from.0);
        return;
    }
    let _ = write!(path, "M{x} {y}h{width}v{height}h-{width}z");
}

/// Begin and width of a rectangle that [`add_ground`] wrote.
fn rectangle(text: &str) -> Option<((u32, u32), u32)> {
    let (from, rest) = text.strip_prefix('M')?.split_once('h')?;
    let (x, y) = from.split_once(' ')?;
    let (width, _) = rest.split_once('v')?;
    Some(((x.parse().ok()?, y.parse().ok()?), width.parse().ok()?))
}

fn add_text(
    texts: &mut BTreeMap<String, Vec<Piece>>,
    style: String,
    symbol: &str,
    (x, y): (u16, u16),
    columns: u16,
) {
    let pieces = texts.entry(style).or_default();
    // Text of the same style goes on, over one blank at most.
    if let Some(last) = pieces.last_mut()
        && last.y == y
        && (x == last.x + last.columns || x == last.x + last.columns + 1)
    {
        if x > last.x + last.columns {
            last.text.push(' ');
            last.columns += 1;
        }
        last.text.push_str(symbol);
        last.columns += columns;
        return;
    }
    pieces.push(Piece {
        x,
        y,
        columns,
        text: symbol.to_owned(),
    });
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Colours of a cell: text and ground.
fn colours(cell: &Cell, ground: Ground) -> (String, String) {
    let (fg, bg) = (hex(cell.fg, ground.fg), hex(cell.bg, ground.bg));
    if cell.modifier.contains(Modifier::REVERSED) {
        (bg, fg)
    } else {
        (fg, bg)
    }
}

fn style(cell: &Cell, fg: &str) -> String {
    let mut out = format!("fill=\"{fg}\"");
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::DIM, " opacity=\".6\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::CROSSED_OUT, " text-decoration=\"line-through\""),
    ] {
        if cell.modifier.contains(modifier) {
            out.push_str(attribute);
        }
    }
    out
}

/// The sixteen colours of terminals, as xterm has them.
const SIXTEEN: [&str; 16] = [
    "#000000", "#cd0000", "#00cd00", "#cdcd00", "#0000ee", "#cd00cd", "#00cdcd", "#e5e5e5",
    "#7f7f7f", "#ff0000", "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff",
];

fn hex(color: Color, none: Color) -> String {
    let index = match color {
        Color::Rgb(r, g, b) => return format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Reset if none == Color::Reset => 0,
        Color::Reset => return hex(none, none),
        Color::Indexed(n) => n,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    match index {
        0..16 => SIXTEEN[usize::from(index)].to_owned(),
        16..232 => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = index - 16;
            let (r, g, b) = (level(n / 36), level(n / 6 % 6), level(n % 6));
            format!("#{r:02x}{g:02x}{b:02x}")
        }
        _ => {
            let grey = 8 + 10 * (index - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}

/// A symbol that is a shape, at a cell; none: it is a letter.
fn shape(symbol: &str, (x, y): (u32, u32)) -> Option<String> {
    let mut letters = symbol.chars();
    let (letter, None) = (letters.next()?, letters.next()) else {
        return None;
    };
    let (w, h) = CELL;
    let rect = |x: u32, y: u32, w: u32, h: u32| format!("M{x} {y}h{w}v{h}h-{w}z");
    Some(match letter {
        '█' => rect(x, y, w, h),
        '▀' => rect(x, y, w, h / 2),
        '▐' => rect(x + w / 2, y, w - w / 2, h),
        '▁'..='▇' => {
            let eighths = letter as u32 - '▁' as u32 + 1;
            let part = (h * eighths / 8).max(1);
            rect(x, y + h - part, w, part)
        }
        '▉'..='▏' => {
            let eighths = '▏' as u32 - letter as u32 + 1;
            rect(x, y, (w * eighths / 8).max(1), h)
        }
        // A quarter, half, three quarters of the cell.
        '░' => (0..h).step_by(4).map(|n| rect(x, y + n, w, 1)).collect(),
        '▒' => (0..h).step_by(2).map(|n| rect(x, y + n, w, 1)).collect(),
        '▓' => (0..h)
            .filter(|n| n % 4 != 3)
            .map(|n| rect(x, y + n, w, 1))
            .collect(),
        _ => lines(arms(letter)?, (x, y)),
    })
}

/// How a line leaves a cell: not at all, thin, thick, double.
const NONE: u8 = 0;
const THIN: u8 = 1;
const THICK: u8 = 2;
const TWICE: u8 = 3;

/// Arms of a line's symbol: up, right, down, left.
fn arms(letter: char) -> Option<[u8; 4]> {
    let of = |text: &str, weights: &[[u8; 4]]| {
        text.chars()
            .position(|known| known == letter)
            .map(|at| weights[at])
    };
    let shapes = |n: u8| {
        let o = NONE;
        [
            [o, n, o, n],
            [n, o, n, o],
            [o, n, n, o],
            [o, o, n, n],
            [n, n, o, o],
            [n, o, o, n],
            [n, n, n, o],
            [n, o, n, n],
            [o, n, n, n],
            [n, n, o, n],
            [n, n, n, n],
        ]
    };
    let (o, a, b) = (NONE, THIN, TWICE);
    of("─│┌┐└┘├┤┬┴┼", &shapes(THIN))
        .or_else(|| of("━┃┏┓┗┛┣┫┳┻╋", &shapes(THICK)))
        .or_else(|| of("═║╔╗╚╝╠╣╦╩╬", &shapes(TWICE)))
        .or_else(|| {
            let thin = shapes(THIN);
            of("╭╮╰╯", &[thin[2], thin[3], thin[4], thin[5]])
        })
        .or_else(|| {
            let (up, right, down, left) = ([a, o, o, o], [o, a, o, o], [o, o, a, o], [o, o, o, a]);
            of("╵╶╷╴", &[up, right, down, left])
        })
        .or_else(|| {
            of(
                "╒╓╕╖╘╙╛╜╞╟╡╢╤╥╧╨╪╫",
                &[
                    [o, b, a, o],
                    [o, a, b, o],
                    [o, o, a, b],
                    [o, o, b, a],
                    [a, b, o, o],
                    [b, a, o, o],
                    [a, o, o, b],
                    [b, o, o, a],
                    [a, b, a, o],
                    [b, a, b, o],
                    [a, o, a, b],
                    [b, o, b, a],
                    [o, b, a, b],
                    [o, a, b, a],
                    [a, b, o, b],
                    [b, a, o, a],
                    [a, b, a, b],
                    [b, a, b, a],
                ],
            )
        })
}

/// Rectangles for the arms of a cell.
fn lines([up, right, down, left]: [u8; 4], (x, y): (u32, u32)) -> String {
    let (w, h) = CELL;
    let (cx, cy) = (w / 2, h / 2);
    let mut out = String::new();
    let mut rect = |dx: u32, dy: u32, w: u32, h: u32| {
        let _ = write!(out, "M{} {}h{w}v{h}h-{w}z", x + dx, y + dy);
    };
    // Offsets across the line, and its thickness.
    let across = |weight: u8| -> &[(i32, u32)] {
        match weight {
            THIN => &[(0, 1)],
            THICK => &[(-1, 3)],
            TWICE => &[(-1, 1), (1, 1)],
            _ => &[],
        }
    };
    let at = |centre: u32, off: i32| centre.saturating_add_signed(off);
    for &(off, thick) in across(left) {
        rect(0, at(cy, off), cx + 1, thick);
    }
    for &(off, thick) in across(right) {
        rect(cx, at(cy, off), w - cx, thick);
    }
    for &(off, thick) in across(up) {
        rect(at(cx, off), 0, thick, cy + 1);
    }
    for &(off, thick) in across(down) {
        rect(at(cx, off), cy, thick, h - cy);
    }
    out
}

#[cfg(test)]
mod tests {
    use ratatui::{layout::Rect, style::Style};

    use super::*;

    #[test]
    fn cells_become_ground_shapes_and_text() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 8, 2));
        let red = Style::new().fg(Color::Rgb(255, 0, 0));
        buf.set_string(0, 0, "a<b c", red.add_modifier(Modifier::BOLD));
        buf.set_string(0, 1, "─█", red);
        buf.set_string(4, 1, "日x", Style::new().bg(Color::Rgb(0, 0, 9)));
        let ground = Ground {
            fg: Color::White,
            bg: Color::Black,
        };
        let picture = svg(&buf, ground);
        // One piece of text for one style, on the grid, with nothing that XML would take for itself.
        assert!(
            picture.contains("<text x=\"0\" y=\"14\" textLength=\"45\">a&lt;b c</text>"),
            "{picture}"
        );
        // A wide letter has two cells, its ground with that of the next one is one shape.
        assert!(
            picture.contains("textLength=\"27\">日x</text>"),
            "{picture}"
        );
        assert!(
            picture.contains("<path fill=\"#000009\" d=\"M36 19h27v19h-27z\"/>"),
            "{picture}"
        );
        // Both arms of the line, then the block.
        let shapes = "d=\"M0 28h5v1h-5zM4 28h5v1h-5zM9 19h9v19h-9z\"";
        assert!(picture.contains(shapes), "{picture}");
        assert_eq!(picture, svg(&buf, ground));
    }
}
