//! Colours by meaning, never by place: themes, and what is left of them on poorer terminals.
//!
//! Pure: the caller hands the environment's words and the texts of files in. A person's theme file
//! is a partial table over a built-in one. Must not know what is drawn where.

mod depth;
mod spec;

#[cfg(test)]
pub(crate) mod tests;

use ratatui::style::{Color, Modifier, Style};
use toml::de::{DeTable, DeValue};

use depth::lower;
pub use depth::{Depth, needs_ascii};
use spec::Spec;

use super::view::Mark;
use crate::{
    engine::Zone,
    plan::{
        decode::{Decoder, document},
        diag::{Diagnostic, Sp},
    },
};

/// Names of the built-in themes, in the order of the picker.
pub const BUILT_IN: [&str; 6] = [
    "dark",
    "light",
    "high-contrast",
    "color-blind",
    "ansi",
    "mono",
];

/// A built-in theme's file.
#[must_use]
pub fn text_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "dark" => include_str!("../../themes/dark.toml"),
        "light" => include_str!("../../themes/light.toml"),
        "high-contrast" => include_str!("../../themes/high-contrast.toml"),
        "color-blind" => include_str!("../../themes/color-blind.toml"),
        "ansi" => include_str!("../../themes/ansi.toml"),
        "mono" => include_str!("../../themes/mono.toml"),
        _ => return None,
    })
}

/// What a built-in theme is for, in a few words.
#[must_use]
pub fn about(name: &str) -> Option<&'static str> {
    Some(match name {
        "dark" => "dark terminals",
        "light" => "light terminals",
        "high-contrast" => "black ground, 7 to 1 and more",
        "color-blind" => "every kind of colour vision, dark",
        "ansi" => "the terminal's own 16 colours, dark or light",
        "mono" => "no colours: weight and reversal",
        _ => return None,
    })
}

/// The name of a theme as it is known. `default` is the dark one; a terminal with 16 colours shows
/// its own then, since nobody knows its ground.
#[must_use]
pub fn called(name: &str, depth: Depth) -> &str {
    match (name, depth) {
        ("default", Depth::Ansi16) => "ansi",
        ("default", _) => "dark",
        (other, _) => other,
    }
}

macro_rules! theme {
    ($($table:ident: $file:ident => $name:ident { $($key:ident),* $(,)? })*) => {
        $(
            #[doc = concat!("Styles of `[", stringify!($table), "]`.")]
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            #[expect(missing_docs, reason = "the names are the keys of a theme file")]
            pub struct $name { $(pub $key: Style),* }

            #[derive(Debug, Clone, Copy, Default)]
            struct $file { $($key: Option<Spec>),* }

            impl $file {
                /// Reads the table over what is there.
                fn read(&mut self, d: &mut Decoder, table: &DeTable<'_>) {
                    for (key, value) in table {
                        match key.get_ref().as_ref() {
                            $(stringify!($key) => {
                                self.$key = Spec::read(d, value).or(self.$key);
                            })*
                            _ => d.unknown_key(key, &[$(stringify!($key)),*]),
                        }
                    }
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

        #[derive(Debug, Clone, Copy, Default)]
        struct File {
            $($table: $file),*
        }

        /// Keys of a theme file: the name of the theme below, and the tables.
        const TABLES: &[&str] = &[OVER, $(stringify!($table)),*];

        impl File {
            /// Reads a file over what is there.
            fn read(&mut self, d: &mut Decoder, document: &DeTable<'_>) {
                for (key, value) in document {
                    match key.get_ref().as_ref() {
                        // Read before: it says what is below.
                        OVER => {}
                        $(name @ stringify!($table) => {
                            if let Some(table) = d.table(value, &format!("a table, [{name}]")) {
                                self.$table.read(d, table);
                            }
                        })*
                        _ => d.unknown_key(key, TABLES),
                    }
                }
            }

            fn build(self, depth: Depth, ascii: bool) -> Theme {
                let mut theme = Theme { depth, ascii, $($table: self.$table.build(depth)),* };
                // Of all rows the selected one must not be faint.
                theme.base.selected = theme.base.selected.remove_modifier(Modifier::DIM);
                theme
            }
        }
    };
}

/// Key that names the built-in theme below.
const OVER: &str = "over";

theme! {
    base: BaseFile => Base {
        text, background, dim, faint, strong, accent, header, selected, marked, critical, worker,
        good, warn, alert, bad,
    }
    zone: ZoneFile => ZoneStyles { green, yellow, orange, red }
    bar: BarFile => Bar { agents, others, reserved, free }
    state: StateFile => States {
        wait, ready, start, run, froze, retry, join, check, merge, block, done, fail, skip, stop,
    }
}

/// A theme that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// No such theme is built in, and there is no file of that name.
    #[error("unknown theme `{name}`{hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What may have been meant, in words; or nothing.
        hint: String,
    },
    /// The person's file is wrong.
    #[error("the theme's file is wrong")]
    Invalid(Vec<Diagnostic>),
}

/// Reads a built-in theme's file; the texts are checked by a test.
fn built_in(name: &str) -> File {
    let mut d = Decoder::default();
    let mut file = File::default();
    let text = text_of(name).unwrap_or_default();
    if let Some(document) = document(text, &mut d.sink) {
        file.read(&mut d, document.get_ref());
    }
    file
}

/// The theme that a person's file names with `over`.
fn below(d: &mut Decoder, document: &DeTable<'_>) -> Option<String> {
    let value = document.get(OVER)?;
    let DeValue::String(_) = value.get_ref() else {
        d.expected("the name of a built-in theme such as \"light\"", value);
        return None;
    };
    let name: Sp<String> = d.name(value, "the name of a built-in theme")?;
    if BUILT_IN.contains(&name.v.as_str()) {
        return Some(name.v);
    }
    let near = d.suggest.nearest(&name.v, BUILT_IN);
    d.sink
        .error(name.at, format!("unknown theme `{}`", name.v))
        .meant(near)
        .help(format!(
            "a theme of your own lies over a built-in one, never over another of your own: {}",
            BUILT_IN.join(", ")
        ));
    None
}

impl Theme {
    /// Builds a theme: the person's file, where there is one, over a built-in one: that which it
    /// names with `over`, else that of its own name, else the dark one.
    ///
    /// # Errors
    /// The name is unknown, or everything that is wrong with the person's file.
    pub fn new(
        name: &str,
        user: Option<&str>,
        depth: Depth,
        ascii: bool,
    ) -> Result<Self, ThemeError> {
        let name = called(name, depth);
        let own = BUILT_IN.contains(&name).then_some(name);
        let mut base = own.unwrap_or("dark").to_owned();
        let mut file = match (own, user) {
            (None, None) => {
                let near = crate::plan::suggest::nearest(name, BUILT_IN);
                return Err(ThemeError::Unknown {
                    hint: near.map_or_else(String::new, |near| format!(", did you mean `{near}`?")),
                    name: name.to_owned(),
                });
            }
            (Some(own), None) => built_in(own),
            (_, Some(text)) => {
                let mut d = Decoder::default();
                let mut file = File::default();
                if let Some(document) = document(text, &mut d.sink) {
                    base = below(&mut d, document.get_ref()).unwrap_or(base);
                    file = built_in(&base);
                    file.read(&mut d, document.get_ref());
                }
                if d.sink.failed() {
                    return Err(ThemeError::Invalid(d.sink.finish(text)));
                }
                file
            }
        };
        // Without colours a theme that speaks in colours would say nothing.
        if depth == Depth::None && base != "mono" {
            file = built_in("mono");
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
            Mark::Froze | Mark::Park => s.froze,
            Mark::Retry => s.retry,
            Mark::Join => s.join,
            Mark::Check => s.check,
            Mark::Merge => s.merge,
            Mark::Block | Mark::Ask => s.block,
            Mark::Done => s.done,
            Mark::Fail => s.fail,
            Mark::Skip => s.skip,
            Mark::Stop => s.stop,
        }
    }

    /// A colour that is not ours, as this terminal can show it; none: it has none, or the theme
    /// speaks in weight alone.
    #[must_use]
    pub fn foreign(&self, color: Color) -> Option<Color> {
        let plain = self.depth == Depth::None || self.zone.red.fg.is_none();
        (!plain).then(|| lower(color, self.depth))
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
        built_in("dark").build(Depth::True, false)
    }
}
