//! Themes: complete, readable, and told apart by every kind of colour vision.

use ratatui::style::Color;

use super::*;

/// Linear light of a channel of sRGB (WCAG 2.2, relative luminance; IEC 61966-2-1).
fn linear(channel: u8) -> f64 {
    let c = f64::from(channel) / 255.0;
    if c <= 0.040_45 {
        c / 12.92
    } else {
        ((c + 0.055) / 1.055).powf(2.4)
    }
}

/// What a colour looks like, where that does not depend on the terminal's palette.
pub(crate) fn rgb(color: Color) -> Option<[u8; 3]> {
    match color {
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(i @ 16..) => Some(depth::rgb_of(i)),
        _ => None,
    }
}

/// Contrast of two colours as WCAG 2.2 defines it, 1 to 21.
pub(crate) fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let luminance =
        |[r, g, b]: [u8; 3]| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    let (one, other) = (luminance(a), luminance(b));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// How those see who lack one kind of cones: matrices over linear sRGB at full severity, from
/// Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision
/// Deficiency", IEEE TVCG 15(6), 2009, doi:10.1109/TVCG.2009.113. The first is common vision.
const SIGHTS: [(&str, [[f64; 3]; 3]); 4] = [
    (
        "common",
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    ),
    (
        "protanopia",
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
    ),
    (
        "deuteranopia",
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
    ),
    (
        "tritanopia",
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ),
];

/// Oklab of linear sRGB (B. Ottosson, "A perceptual color space for image processing", 2020):
/// distances in it are about the same for the eye everywhere; 0.02 is just noticeable.
fn oklab([red, green, blue]: [f64; 3]) -> [f64; 3] {
    let l = (0.412_221_470_8 * red + 0.536_332_536_3 * green + 0.051_445_992_9 * blue).cbrt();
    let m = (0.211_903_498_2 * red + 0.680_699_545_1 * green + 0.107_396_956_6 * blue).cbrt();
    let s = (0.088_302_461_9 * red + 0.281_718_837_6 * green + 0.629_978_700_5 * blue).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

/// How far two colours are apart for a kind of sight.
fn apart(sight: &[[f64; 3]; 3], a: [u8; 3], b: [u8; 3]) -> f64 {
    let seen = |color: [u8; 3]| {
        let light = color.map(linear);
        oklab(sight.map(|row| {
            let sum: f64 = row.iter().zip(light).map(|(m, c)| m * c).sum();
            sum.clamp(0.0, 1.0)
        }))
    };
    let (a, b) = (seen(a), seen(b));
    a.iter()
        .zip(b)
        .map(|(x, y)| (x - y).powi(2))
        .sum::<f64>()
        .sqrt()
}

#[test]
fn every_built_in_theme_has_every_key() {
    let dark: toml::Table = toml::from_str(text_of("dark").unwrap()).unwrap();
    for name in BUILT_IN {
        let text = text_of(name).unwrap();
        let file: toml::Table = toml::from_str(text).unwrap();
        for (table, keys) in &dark {
            for key in keys.as_table().unwrap().keys() {
                assert!(file[table].get(key).is_some(), "{name}: {table}.{key}");
            }
        }
        assert!(about(name).is_some());
        // Read as a person's file it has no problem.
        for depth in [Depth::None, Depth::Ansi16, Depth::Ansi256, Depth::True] {
            Theme::new(name, Some(text), depth, false).unwrap();
        }
    }
}

#[test]
fn states_and_zones_are_told_apart_by_every_kind_of_sight() {
    let theme = Theme::new("color-blind", None, Depth::True, false).unwrap();
    let s = &theme.state;
    let states = [
        ("run", s.run),
        ("check", s.check),
        ("froze", s.froze),
        ("retry", s.retry),
        ("block", s.block),
        ("done", s.done),
        ("fail", s.fail),
        ("wait", s.wait),
    ];
    let zones = [
        ("green", theme.zone.green),
        ("yellow", theme.zone.yellow),
        ("orange", theme.zone.orange),
        ("red", theme.zone.red),
    ];
    for (set, least) in [(&states[..], 0.08), (&zones[..], 0.12)] {
        for (i, (one, a)) in set.iter().enumerate() {
            for (other, b) in &set[i + 1..] {
                for (sight, matrix) in &SIGHTS {
                    let (a, b) = (rgb(a.fg.unwrap()).unwrap(), rgb(b.fg.unwrap()).unwrap());
                    let got = apart(matrix, a, b);
                    assert!(got >= least, "{one} and {other}, {sight}: {got:.3}");
                }
            }
        }
    }
    // The measure can fail: the default theme's zones are near for some.
    let dark = Theme::default();
    let pair = |style: Style| rgb(style.fg.unwrap()).unwrap();
    let (green, yellow) = (pair(dark.zone.green), pair(dark.zone.yellow));
    assert!(apart(&SIGHTS[1].1, green, yellow) < 0.08);
}

#[test]
fn the_terminals_own_colours_are_named_ones_that_every_palette_has() {
    let allowed = [
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Magenta,
        Color::Cyan,
    ];
    let theme = Theme::new("ansi", None, Depth::True, false).unwrap();
    let mut styles = vec![theme.base.text, theme.base.background, theme.base.selected];
    styles.extend(Mark::ALL.map(|mark| theme.mark(mark)));
    styles.extend([
        theme.base.bad,
        theme.base.warn,
        theme.bar.others,
        theme.zone.red,
    ]);
    for style in styles {
        assert!(style.bg.is_none(), "{style:?}");
        let own = |c| c == Color::Reset || allowed.contains(&c);
        assert!(style.fg.is_none_or(own), "{style:?}");
    }
    assert!(
        theme
            .base
            .selected
            .add_modifier
            .contains(Modifier::REVERSED)
    );
}

#[test]
fn a_persons_file_lies_over_a_built_in_one() {
    let red = |text: &str, name: &str| {
        let theme = Theme::new(name, Some(text), Depth::True, false).unwrap();
        (theme.zone.red.fg, theme.base)
    };
    let dark = Theme::default();
    let light = Theme::new("light", None, Depth::True, false).unwrap();
    let text = "[zone]\nred = { fg = \"#010203\" }";
    let mine = Some(Color::Rgb(1, 2, 3));
    assert_eq!(red(text, "dark"), (mine, dark.base));
    assert_eq!(red(text, "light"), (mine, light.base));
    assert_eq!(red(text, "mine"), (mine, dark.base));
    assert_eq!(
        red(&format!("over = \"light\"\n{text}"), "mine"),
        (mine, light.base)
    );
    assert!(matches!(
        Theme::new("drak", None, Depth::True, false),
        Err(ThemeError::Unknown { hint, .. }) if hint.contains("`dark`")
    ));
}

#[test]
fn poorer_terminals_get_what_they_can_show() {
    let of = |name, depth| Theme::new(name, None, depth, false).unwrap();
    let mono = of("mono", Depth::True);
    let none = of("dark", Depth::None);
    assert_eq!((none.base, none.state), (mono.base, mono.state));
    assert!(none.base.selected.add_modifier.contains(Modifier::REVERSED));
    // A theme without colours stays the person's own.
    let own = Theme::new(
        "mine",
        Some("over = \"mono\"\n[state]\nrun = { underline = true }"),
        Depth::None,
        false,
    )
    .unwrap();
    assert!(own.state.run.add_modifier.contains(Modifier::UNDERLINED));
    // With 16 colours nobody knows the ground: the terminal's own look is the default.
    assert_eq!(of("default", Depth::Ansi16), of("ansi", Depth::Ansi16));
    assert_eq!(of("default", Depth::Ansi256), of("dark", Depth::Ansi256));
    assert_eq!(
        of("dark", Depth::Ansi16).state.run.fg,
        Some(Color::LightGreen)
    );
}
