//! A style and a colour as a theme file writes them.
//!
//! Pure: what does not fit is reported where it stands. Must not know which styles there are.

use ratatui::style::{Color, Modifier, Style};
use toml::de::DeValue;

use super::depth::{Depth, lower};
use crate::plan::decode::{Decoder, Val, at};

/// Names of colours as a theme file may write them.
const NAMES: [(&str, Color); 17] = [
    ("reset", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("gray", Color::Gray),
    ("dark-gray", Color::DarkGray),
    ("light-red", Color::LightRed),
    ("light-green", Color::LightGreen),
    ("light-yellow", Color::LightYellow),
    ("light-blue", Color::LightBlue),
    ("light-magenta", Color::LightMagenta),
    ("light-cyan", Color::LightCyan),
    ("white", Color::White),
];

/// Keys of a style.
const KEYS: [&str; 8] = [
    "fg",
    "bg",
    "fg16",
    "bg16",
    "bold",
    "dim",
    "underline",
    "reversed",
];

const COLOUR: &str = "a colour such as \"#d4d9e1\", \"42\" or \"light-red\"";

/// A style as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Spec {
    pub fg: Option<Color>,
    pub bg: Option<Color>,
    pub fg16: Option<Color>,
    pub bg16: Option<Color>,
    pub bold: bool,
    pub dim: bool,
    pub underline: bool,
    pub reversed: bool,
}

impl Spec {
    /// Reads a style; none where it is no table.
    pub(super) fn read(d: &mut Decoder, value: &Val<'_>) -> Option<Self> {
        let table = d.table(value, "a style such as { fg = \"#d4d9e1\", bold = true }")?;
        let mut spec = Self::default();
        for (key, value) in table {
            let mut flag = |slot: &mut bool| {
                if let Some(on) = d.flag(value) {
                    *slot = on.v;
                }
            };
            match key.get_ref().as_ref() {
                "fg" => spec.fg = colour(d, value, false),
                "bg" => spec.bg = colour(d, value, false),
                "fg16" => spec.fg16 = colour(d, value, true),
                "bg16" => spec.bg16 = colour(d, value, true),
                "bold" => flag(&mut spec.bold),
                "dim" => flag(&mut spec.dim),
                "underline" => flag(&mut spec.underline),
                "reversed" => flag(&mut spec.reversed),
                _ => d.unknown_key(key, &KEYS),
            }
        }
        Some(spec)
    }

    /// The style for a terminal.
    pub(super) fn style(self, depth: Depth) -> Style {
        let pick = |rich: Option<Color>, poor: Option<Color>| match depth {
            Depth::None => None,
            Depth::Ansi16 => poor.or_else(|| rich.map(|c| lower(c, depth))),
            _ => rich.map(|c| lower(c, depth)),
        };
        let mut style = Style::new();
        style.fg = pick(self.fg, self.fg16);
        style.bg = pick(self.bg, self.bg16);
        for (on, modifier) in [
            (self.bold, Modifier::BOLD),
            (self.dim, Modifier::DIM),
            (self.underline, Modifier::UNDERLINED),
            (self.reversed, Modifier::REVERSED),
        ] {
            if on {
                style = style.add_modifier(modifier);
            }
        }
        style
    }
}

/// Reads a colour; `poor`: of the 16 alone.
fn colour(d: &mut Decoder, value: &Val<'_>, poor: bool) -> Option<Color> {
    if let DeValue::Integer(_) = value.get_ref() {
        let most = if poor { 15 } else { 255 };
        let number = d.whole32(value, 0, most)?;
        return Some(Color::Indexed(u8::try_from(number.v).unwrap_or_default()));
    }
    let text = d.name(value, COLOUR)?;
    let word = text.v.trim();
    if let Some((_, named)) = NAMES.iter().find(|(name, _)| *name == word) {
        return Some(*named);
    }
    if let Some(hex) = word.strip_prefix('#') {
        let channel = |i: usize| u8::from_str_radix(hex.get(i..i + 2)?, 16).ok();
        let digits = hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        if let (true, Some(r), Some(g), Some(b)) = (digits, channel(0), channel(2), channel(4)) {
            if poor {
                d.sink
                    .error(text.at, format!("`{word}` is not one of 16 colours"))
                    .help("fg16 and bg16 are for terminals with 16 colours: name one of those");
                return None;
            }
            return Some(Color::Rgb(r, g, b));
        }
        d.sink
            .error(at(value), format!("`{word}` is no colour"))
            .help("after # stand six hexadecimal digits, two each for red, green and blue");
        return None;
    }
    if let Ok(number) = word.parse::<u32>() {
        let most = if poor { 15 } else { 255 };
        if let Some(index) = u8::try_from(number).ok().filter(|n| *n <= most) {
            return Some(Color::Indexed(index));
        }
        d.sink
            .error(text.at, format!("there is no colour {number}"))
            .help(format!("numbers of colours go from 0 to {most} here"));
        return None;
    }
    let near = d.suggest.nearest(word, NAMES.iter().map(|(name, _)| *name));
    d.sink
        .error(text.at, format!("unknown colour `{word}`"))
        .meant(near)
        .help(format!(
            "a colour is \"#rrggbb\", a number from 0 to 255, or one of {}",
            NAMES.map(|(name, _)| name).join(", ")
        ));
    None
}
