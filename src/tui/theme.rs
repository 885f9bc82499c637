//! Colours by meaning, never by place: themes, and what is left of them on poorer terminals.
//!
//! Pure: the caller hands the environment's words in. A theme file is a partial table over another
//! one. Must not know what is drawn where.

use ratatui::style::{Color, Modifier, Style};
use serde::{Deserialize, de::IgnoredAny};
use toml::Spanned;

use super::{
    keymap::{did_you_mean, line_of, suggested},
    view::Mark,
};
use crate::engine::Zone;

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: weight and reversal only.
    None,
    /// The 16 that its user chose.
    Ansi16,
    /// The palette of 256.
    Ansi256,
    /// All.
    True,
}

impl Depth {
    /// Reads the depth from `COLORTERM`, `TERM`, and whether `NO_COLOR` is set to anything.
    #[must_use]
    pub fn detect(colorterm: &str, term: &str, no_color: bool) -> Self {
        if no_color || term == "dumb" {
            Self::None
        } else if colorterm.contains("truecolor")
            || colorterm.contains("24bit")
            || term.ends_with("-direct")
        {
            Self::True
        } else if term.contains("256color") {
            Self::Ansi256
        } else {
            Self::Ansi16
        }
    }
}

/// Returns whether glyphs must be ASCII: the first of `LC_ALL`, `LC_CTYPE`, `LANG` that says
/// something does not say UTF-8.
#[must_use]
pub fn needs_ascii(lc_all: &str, lc_ctype: &str, lang: &str) -> bool {
    let said = [lc_all, lc_ctype, lang]
        .into_iter()
        .find(|v| !v.is_empty())
        .unwrap_or_default();
    let said = said.to_ascii_lowercase();
    !(said.contains("utf-8") || said.contains("utf8"))
}

/// A style as written in a theme file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Spec {
    fg: Option<Color>,
    bg: Option<Color>,
    fg16: Option<Color>,
    bg16: Option<Color>,
    bold: bool,
    dim: bool,
    underline: bool,
    reversed: bool,
}

impl Spec {
    fn style(self, depth: Depth) -> Style {
        let pick = |rich: Option<Color>, poor: Option<Color>| match depth {
            Depth::None => None,
            Depth::Ansi16 => poor.or_else(|| rich.map(|c| lower(c, depth))),
            // The other one stands in only where a style has no colour at all for rich terminals.
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

macro_rules! theme {
    ($($table:ident: $file:ident => $name:ident { $($key:ident),* $(,)? })*) => {
        $(
            #[doc = concat!("Styles of `[", stringify!($table), "]`.")]
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            #[expect(missing_docs, reason = "the names are the keys of a theme file")]
            pub struct $name { $(pub $key: Style),* }

            #[derive(Debug, Clone, Copy, Default, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            struct $file { $($key: Option<Spec>),* }

            impl $file {
                fn over(self, base: Self) -> Self {
                    Self { $($key: self.$key.or(base.$key)),* }
                }

                fn build(self, depth: Depth) -> $name {
                    $name { $($key: self.$key.unwrap_or_default().style(depth)),* }
                }
            }
        )*

        /// A theme for one terminal.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Theme {
            /// Colours of this terminal.
            pub depth: Depth,
            /// Glyphs must be ASCII.
            pub ascii: bool,
            $(
                #[doc = concat!("`[", stringify!($table), "]`.")]
                pub $table: $name
            ),*
        }

        #[derive(Debug, Clone, Copy, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        struct File {
            /// Read by [`over`].
            over: Option<IgnoredAny>,
            $($table: $file),*
        }

        impl File {
            fn over(self, base: Self) -> Self {
                Self { over: None, $($table: self.$table.over(base.$table)),* }
            }

            fn build(self, depth: Depth, ascii: bool) -> Theme {
                Theme { depth, ascii, $($table: self.$table.build(depth)),* }
            }
        }
    };
}

theme! {
    base: BaseFile => Base {
        text, background, dim, faint, strong, accent, header, selected, marked, critical, worker,
        good, warn, alert, bad,
    }
    zone: ZoneFile => ZoneStyles { green, yellow, orange, red }
    bar: BarFile => Bar { agents, others, reserved, free }
    state: StateFile => States {
        wait, ready, start, run, froze, retry, join, check, block, done, fail, skip, stop,
    }
}

/// A theme that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// No such theme is built in, and there is no file of that name.
    #[error("no theme `{name}`{hint}: there are dark, light, high-contrast, mono")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What may have been meant, in words; or nothing.
        hint: String,
    },
    /// The file is wrong.
    #[error("line {line}: {what}")]
    Invalid {
        /// From 1.
        line: usize,
        /// In words.
        what: String,
    },
}

/// Names of the built-in themes.
pub const BUILT_IN: [&str; 4] = ["dark", "light", "high-contrast", "mono"];

fn text_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "dark" => include_str!("../../themes/dark.toml"),
        "light" => include_str!("../../themes/light.toml"),
        "high-contrast" => include_str!("../../themes/high-contrast.toml"),
        "mono" => include_str!("../../themes/mono.toml"),
        _ => return None,
    })
}

/// What a colour can be, for one that is none.
const COLOURS: &str =
    "no such colour: there are \"#rrggbb\", \"42\" (of 256), and names such as \"light-red\"";

fn parse(text: &str) -> Result<File, ThemeError> {
    toml::from_str(text).map_err(|error| {
        let mut what = suggested(error.message());
        if what.contains("Colors") {
            COLOURS.clone_into(&mut what);
        }
        ThemeError::Invalid {
            line: line_of(text, error.span().map_or(0, |s| s.start)),
            what,
        }
    })
}

/// The built-in theme that a person's file lies over where it says so, with its line.
fn over(text: &str) -> Option<(String, usize)> {
    #[derive(Deserialize)]
    struct Probe {
        over: Option<Spanned<String>>,
    }
    let probe: Probe = toml::from_str(text).ok()?;
    let over = probe.over?;
    let line = line_of(text, over.span().start);
    Some((over.into_inner(), line))
}

impl Theme {
    /// Builds a theme: the user's file, where there is one, over a built-in one: that which it
    /// names with `over`, else that of its own name, else the dark one.
    ///
    /// # Errors
    /// The name is unknown, or the user's file is wrong (with its line).
    pub fn new(
        name: &str,
        user: Option<&str>,
        depth: Depth,
        ascii: bool,
    ) -> Result<Self, ThemeError> {
        let unknown = |name: &str| ThemeError::Unknown {
            hint: did_you_mean(name, BUILT_IN),
            name: name.to_owned(),
        };
        let below = match user.and_then(over) {
            Some((base, line)) => text_of(&base).ok_or_else(|| ThemeError::Invalid {
                line,
                what: unknown(&base).to_string(),
            })?,
            None => match (text_of(name), user) {
                (Some(text), _) => text,
                (None, Some(_)) => text_of("dark").unwrap_or_default(),
                (None, None) => return Err(unknown(name)),
            },
        };
        let mut file = parse(below)?;
        if let Some(user) = user {
            file = parse(user)?.over(file);
        }
        // Without colours a theme that speaks in colours would say nothing.
        if depth == Depth::None && name != "mono" {
            file = parse(text_of("mono").unwrap_or_default())?;
        }
        Ok(file.build(depth, ascii))
    }

    /// The style of a state.
    #[must_use]
    pub const fn mark(&self, mark: Mark) -> Style {
        let s = &self.state;
        match mark {
            Mark::Wait => s.wait,
            Mark::Ready => s.ready,
            Mark::Start => s.start,
            Mark::Run => s.run,
            Mark::Froze => s.froze,
            Mark::Retry => s.retry,
            Mark::Join => s.join,
            Mark::Check => s.check,
            Mark::Block | Mark::Ask => s.block,
            Mark::Done => s.done,
            Mark::Fail => s.fail,
            Mark::Skip => s.skip,
            Mark::Stop => s.stop,
        }
    }

    /// The style of a zone.
    #[must_use]
    pub const fn zone(&self, zone: Zone) -> Style {
        match zone {
            Zone::Green => self.zone.green,
            Zone::Yellow => self.zone.yellow,
            Zone::Orange => self.zone.orange,
            Zone::Red => self.zone.red,
        }
    }
}

impl Default for Theme {
    /// Dark, all colours, Unicode.
    fn default() -> Self {
        parse(text_of("dark").unwrap_or_default())
            .unwrap_or_default()
            .build(Depth::True, false)
    }
}

/// Steps of one channel in the cube of 256 colours.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The 16 colours as most terminals show them.
const ANSI: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [170, 0, 0]),
    (Color::Green, [0, 150, 0]),
    (Color::Yellow, [170, 120, 0]),
    (Color::Blue, [0, 0, 170]),
    (Color::Magenta, [150, 0, 150]),
    (Color::Cyan, [0, 150, 150]),
    (Color::Gray, [185, 185, 185]),
    (Color::DarkGray, [95, 95, 95]),
    (Color::LightRed, [255, 95, 95]),
    (Color::LightGreen, [95, 255, 95]),
    (Color::LightYellow, [255, 230, 95]),
    (Color::LightBlue, [95, 130, 255]),
    (Color::LightMagenta, [255, 120, 255]),
    (Color::LightCyan, [95, 255, 255]),
    (Color::White, [255, 255, 255]),
];

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.iter()
        .zip(b)
        .map(|(&x, y)| u32::from(x.abs_diff(y)).pow(2))
        .sum()
}

/// The nearest colour that a terminal of this depth has.
fn lower(color: Color, depth: Depth) -> Color {
    let rgb = match color {
        Color::Rgb(r, g, b) => [r, g, b],
        Color::Indexed(i) if depth == Depth::Ansi16 => rgb_of(i),
        other => return other,
    };
    match depth {
        Depth::None => Color::Reset,
        Depth::True => color,
        Depth::Ansi256 => (16..=255)
            .min_by_key(|&i| distance(rgb, rgb_of(i)))
            .map_or(Color::Reset, Color::Indexed),
        Depth::Ansi16 => ANSI
            .iter()
            .min_by_key(|(_, c)| distance(rgb, *c))
            .map_or(Color::Reset, |(c, _)| *c),
    }
}

/// What a colour of the palette of 256 looks like.
fn rgb_of(index: u8) -> [u8; 3] {
    match index {
        0..=15 => ANSI[usize::from(index)].1,
        16..=231 => {
            let i = index - 16;
            [i / 36, i / 6 % 6, i % 6].map(|step| CUBE[usize::from(step)])
        }
        _ => [8 + 10 * (index - 232); 3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_theme_has_every_key() {
        for name in BUILT_IN {
            let text = text_of(name).unwrap();
            let file: toml::Table = toml::from_str(text).unwrap();
            let dark: toml::Table = toml::from_str(text_of("dark").unwrap()).unwrap();
            for (table, keys) in &dark {
                for key in keys.as_table().unwrap().keys() {
                    assert!(file[table].get(key).is_some(), "{name}: {table}.{key}");
                }
            }
            for depth in [Depth::None, Depth::Ansi16, Depth::Ansi256, Depth::True] {
                Theme::new(name, None, depth, false).unwrap();
            }
        }
    }

    /// Contrast of two colours as WCAG 2.2 defines it (relative luminance of sRGB), 1 to 21.
    fn contrast(a: Color, b: Color) -> f64 {
        let luminance = |color| {
            let Color::Rgb(red, green, blue) = color else {
                panic!("{color:?} is not of this depth");
            };
            let part = |c: u8| {
                let c = f64::from(c) / 255.0;
                if c <= 0.040_45 {
                    c / 12.92
                } else {
                    ((c + 0.055) / 1.055).powf(2.4)
                }
            };
            0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue)
        };
        let (one, other) = (luminance(a), luminance(b));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn words_can_be_read_on_every_ground() {
        for name in ["dark", "light", "high-contrast"] {
            let theme = Theme::new(name, None, Depth::True, false).unwrap();
            let b = &theme.base;
            let mut words = vec![
                ("text", b.text),
                ("strong", b.strong),
                ("accent", b.accent),
                ("marked", b.marked),
                ("critical", b.critical),
                ("worker", b.worker),
                ("good", b.good),
                ("warn", b.warn),
                ("alert", b.alert),
                ("bad", b.bad),
                ("dim", b.dim),
                ("zone green", theme.zone.green),
                ("zone yellow", theme.zone.yellow),
                ("zone orange", theme.zone.orange),
                ("zone red", theme.zone.red),
            ];
            words.extend(Mark::ALL.map(|mark| (mark.word(), theme.mark(mark))));
            for (word, style) in words {
                for (place, on, least) in [
                    ("background", b.background.bg, 4.5),
                    ("header", b.header.bg, 4.0),
                    ("selected", b.selected.bg, 3.5),
                ] {
                    // A ground without a colour of its own is the background, or reverses.
                    let Some(on) = on else { continue };
                    let fg = style
                        .fg
                        .unwrap_or_else(|| panic!("{name}: {word} has no colour"));
                    let got = contrast(fg, on);
                    assert!(got >= least, "{name}: {word} on {place}: {got:.1}");
                }
            }
        }
    }

    #[test]
    fn a_user_file_lies_over_a_built_in_one() {
        let theme = Theme::new(
            "dark",
            Some("[zone]\nred = { fg = \"#010203\" }"),
            Depth::True,
            false,
        )
        .unwrap();
        assert_eq!(theme.zone.red.fg, Some(Color::Rgb(1, 2, 3)));
        assert_eq!(theme.zone.green, Theme::default().zone.green);
        let error = Theme::new(
            "dark",
            Some("[zone]\nred = { fg = \"reddish\" }"),
            Depth::True,
            false,
        );
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("line 2") && error.contains("light-red"),
            "{error}"
        );
        let error = Theme::new("dark", Some("[zone]\nrd = {}"), Depth::True, false).unwrap_err();
        assert!(error.to_string().contains("`rd`"), "{error}");
        assert!(Theme::new("drak", None, Depth::True, false).is_err());
    }

    #[test]
    fn depths_follow_the_environment() {
        assert_eq!(
            Depth::detect("truecolor", "xterm-256color", false),
            Depth::True
        );
        assert_eq!(Depth::detect("", "tmux-256color", false), Depth::Ansi256);
        assert_eq!(Depth::detect("", "xterm", false), Depth::Ansi16);
        assert_eq!(Depth::detect("truecolor", "xterm", true), Depth::None);
        assert_eq!(Depth::detect("", "dumb", false), Depth::None);
        assert!(needs_ascii("C", "", "en_GB.UTF-8"));
        assert!(!needs_ascii("", "", "C.utf8"));
        assert!(needs_ascii("", "", ""));
        assert_eq!(
            lower(Color::Rgb(255, 0, 0), Depth::Ansi256),
            Color::Indexed(196)
        );
        assert_eq!(
            lower(Color::Rgb(250, 90, 90), Depth::Ansi16),
            Color::LightRed
        );
        let none = Theme::new("dark", None, Depth::None, false).unwrap();
        assert_eq!(none.state.run.fg, None);
        assert!(none.base.selected.add_modifier.contains(Modifier::REVERSED));
    }
}
