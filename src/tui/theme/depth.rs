//! How many colours a terminal has, and the nearest of them.
//!
//! Pure: the environment's words are handed in. Must not know what a colour is used for.

use ratatui::style::Color;

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

/// Terminals that show all colours and name themselves in `TERM`, which unlike `COLORTERM` comes
/// along through ssh.
const TRUE: [&str; 7] = [
    "xterm-kitty",
    "xterm-ghostty",
    "alacritty",
    "wezterm",
    "foot",
    "contour",
    "rio",
];

impl Depth {
    /// Reads the depth from the environment: `NO_COLOR`, `TERM`, `COLORTERM`, `STY`.
    ///
    /// `always` is a person's word that there are colours: it beats `NO_COLOR`, but cannot give a
    /// terminal more of them than it says it has.
    #[must_use]
    pub fn detect(env: &dyn Fn(&str) -> Option<String>, always: bool) -> Self {
        let var = |name: &str| env(name).unwrap_or_default();
        let (term, said) = (var("TERM"), var("COLORTERM"));
        // An empty variable counts as absent, as https://no-color.org has it.
        if (!always && !var("NO_COLOR").is_empty()) || term == "dumb" {
            return Self::None;
        }
        // The console has 8 colours, whatever a desktop's shell left in the environment.
        if matches!(term.as_str(), "linux" | "vt100" | "vt220" | "ansi") {
            return Self::Ansi16;
        }
        let rich = said.contains("truecolor")
            || said.contains("24bit")
            || term.ends_with("-direct")
            || TRUE.iter().any(|name| term.starts_with(name));
        // GNU screen hands COLORTERM on and does not understand what it promises.
        if rich && var("STY").is_empty() {
            Self::True
        } else if rich || term.contains("256color") {
            Self::Ansi256
        } else {
            Self::Ansi16
        }
    }

    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "no colours",
            Self::Ansi16 => "16 colours",
            Self::Ansi256 => "256 colours",
            Self::True => "all colours",
        }
    }
}

/// Returns whether glyphs must be ASCII: the first of `LC_ALL`, `LC_CTYPE`, `LANG` that says
/// something does not say UTF-8.
#[must_use]
pub fn needs_ascii(env: &dyn Fn(&str) -> Option<String>) -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(env)
        .find(|v| !v.is_empty())
        .unwrap_or_default()
        .to_ascii_lowercase();
    !(said.contains("utf-8") || said.contains("utf8"))
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
pub(super) fn lower(color: Color, depth: Depth) -> Color {
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
pub(super) fn rgb_of(index: u8) -> [u8; 3] {
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

    /// An environment, whether colours are always wanted, and the depth.
    type Case = (&'static [(&'static str, &'static str)], bool, Depth);

    #[test]
    fn depths_follow_the_environment() {
        let of = |pairs: &[(&str, &str)], always| {
            let pairs: Vec<(String, String)> = pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect();
            let env = move |name: &str| pairs.iter().find(|p| p.0 == name).map(|p| p.1.clone());
            (Depth::detect(&env, always), needs_ascii(&env))
        };
        let colours: [Case; 12] = [
            (
                &[("COLORTERM", "truecolor"), ("TERM", "xterm-256color")],
                false,
                Depth::True,
            ),
            (&[("TERM", "xterm-kitty")], false, Depth::True),
            (&[("TERM", "xterm-direct")], false, Depth::True),
            (&[("TERM", "tmux-256color")], false, Depth::Ansi256),
            (
                &[
                    ("COLORTERM", "truecolor"),
                    ("TERM", "screen"),
                    ("STY", "1.a"),
                ],
                false,
                Depth::Ansi256,
            ),
            (&[("TERM", "xterm")], false, Depth::Ansi16),
            (
                &[("COLORTERM", "truecolor"), ("TERM", "linux")],
                false,
                Depth::Ansi16,
            ),
            (&[("TERM", "dumb")], true, Depth::None),
            (
                &[("NO_COLOR", "1"), ("TERM", "xterm-256color")],
                false,
                Depth::None,
            ),
            (
                &[("NO_COLOR", "1"), ("TERM", "xterm-256color")],
                true,
                Depth::Ansi256,
            ),
            (
                &[("NO_COLOR", ""), ("TERM", "xterm-256color")],
                false,
                Depth::Ansi256,
            ),
            (&[], false, Depth::Ansi16),
        ];
        for (env, always, depth) in colours {
            assert_eq!(of(env, always).0, depth, "{env:?}");
        }
        assert!(of(&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")], false).1);
        assert!(!of(&[("LC_ALL", ""), ("LANG", "C.utf8")], false).1);
        assert!(of(&[], false).1);
        assert_eq!(
            lower(Color::Rgb(255, 0, 0), Depth::Ansi256),
            Color::Indexed(196)
        );
        assert_eq!(
            lower(Color::Rgb(250, 90, 90), Depth::Ansi16),
            Color::LightRed
        );
    }
}
