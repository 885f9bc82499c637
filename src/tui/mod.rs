//! The dashboard: draws a projection of the state, turns keys into named actions.
//!
//! Must not reach processes, files or sockets: it is fed through [`feed`], live and in replay alike.
//! `view::project` makes plain data from the run's state, `draw` puts it into a buffer, `update` is
//! a pure reducer over keys and news, `app` is the loop around them, and `terminal` and `hangup` the
//! only files that touch the terminal.

pub mod action;
pub mod alert;
pub mod app;
pub mod card;
pub mod chart;
pub mod draw;
pub mod emulator;
pub mod feed;
pub mod front;
pub mod hangup;
pub mod keymap;
pub mod lent;
pub mod log;
pub mod output;
pub mod palette;
pub mod panes;
pub mod patch;
pub mod preferences;
pub mod prompted;
pub mod search;
pub mod slopes;
pub mod spoken;
pub mod svg;
pub mod terminal;
pub mod theme;
pub mod ui_state;
pub mod update;
pub mod view;

#[cfg(test)]
pub(crate) mod tests;
