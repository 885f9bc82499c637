//! How output looks: colours and width, from flags, configuration, environment and terminal.

use std::io::IsTerminal as _;

use super::{args::Global, args::When, out};
use crate::config::Color;

/// Columns where nobody knows better.
const WIDTH: usize = 100;

/// What the environment and the terminal say about colours.
#[derive(Debug, Clone, Copy, Default)]
struct Surroundings {
    no_color: bool,
    force: bool,
    terminal: bool,
    dumb: bool,
}

/// Whether stdout gets colours.
#[must_use]
pub fn colours(global: &Global, config: Color) -> bool {
    colours_on(out::is_terminal(), global, config)
}

/// Whether stderr gets colours.
#[must_use]
pub fn colours_of_errors(global: &Global) -> bool {
    colours_on(std::io::stderr().is_terminal(), global, Color::Auto)
}

fn colours_on(terminal: bool, global: &Global, config: Color) -> bool {
    // An empty variable counts as absent, as https://no-color.org has it.
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty());
    let here = Surroundings {
        no_color: set("NO_COLOR").is_some(),
        force: set("CLICOLOR_FORCE").is_some_and(|v| v != "0"),
        terminal,
        dumb: set("TERM").is_none_or(|t| t == "dumb"),
    };
    decide(global, config, here)
}

fn decide(global: &Global, config: Color, here: Surroundings) -> bool {
    if global.plain {
        return false;
    }
    match (global.color, config) {
        (Some(When::Always), _) | (None, Color::Always) => true,
        (Some(When::Never), _) | (None, Color::Never) => false,
        (Some(When::Auto), _) | (None, Color::Auto) => {
            !here.no_color && (here.force || (here.terminal && !here.dumb))
        }
    }
}

/// Columns of the output: `COLUMNS`, else the terminal's, else 100.
#[must_use]
pub fn width() -> usize {
    let stated = std::env::var("COLUMNS")
        .ok()
        .and_then(|c| c.trim().parse::<usize>().ok());
    let measured = || {
        rustix::termios::tcgetwinsize(std::io::stdout())
            .ok()
            .map(|size| usize::from(size.ws_col))
    };
    stated
        .filter(|n| *n > 0)
        .or_else(|| measured().filter(|n| *n > 0))
        .unwrap_or(WIDTH)
        .min(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_beat_the_config_and_the_config_beats_the_environment() {
        let global = |color| Global {
            plain: false,
            color,
        };
        let tty = Surroundings {
            terminal: true,
            ..Surroundings::default()
        };
        let pipe = Surroundings::default();
        let no = Surroundings {
            no_color: true,
            force: true,
            terminal: true,
            ..Surroundings::default()
        };
        let force = Surroundings {
            force: true,
            dumb: true,
            ..Surroundings::default()
        };
        let dumb = Surroundings {
            terminal: true,
            dumb: true,
            ..Surroundings::default()
        };
        assert!(decide(&global(None), Color::Auto, tty));
        assert!(!decide(&global(None), Color::Auto, pipe));
        assert!(!decide(&global(None), Color::Auto, no));
        assert!(!decide(&global(None), Color::Auto, dumb));
        assert!(decide(&global(None), Color::Auto, force));
        assert!(decide(&global(None), Color::Always, no));
        assert!(!decide(&global(None), Color::Never, tty));
        assert!(decide(&global(Some(When::Always)), Color::Never, no));
        assert!(!decide(&global(Some(When::Never)), Color::Always, force));
        assert!(!decide(&global(Some(When::Auto)), Color::Always, pipe));
        let plain = Global {
            plain: true,
            color: Some(When::Always),
        };
        assert!(!decide(&plain, Color::Always, tty));
    }
}
