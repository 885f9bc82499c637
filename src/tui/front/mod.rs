//! Screens before a run: the home screen and the page that is shown before a run begins.
//!
//! Small apps beside the deck, with its theme, keymap, footer, help and mouse. What they show is
//! handed in; what a person chose is handed out. Must not read files, start anything or know the
//! engine.

pub mod home;
pub mod preflight;
mod shell;

use std::{io, time::Duration};

use crossterm::event::EventStream;
use futures_util::StreamExt;
use ratatui::layout::{Position, Rect};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    action::UiAction,
    draw::Look,
    hangup,
    keymap::Keymap,
    terminal::{self, Frames, Guard, Writer},
    theme::Theme,
};
use shell::Shell;

/// How long leaving waits for the last frame.
const CLOSE_WAIT: Duration = Duration::from_millis(80);

/// What a page of the front does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<C> {
    /// Nothing.
    Stay,
    /// A person leaves.
    Leave,
    /// A sentence in the footer.
    Say(String),
    /// Lines to read, in front of the page.
    Read {
        /// In one line.
        title: String,
        /// Clean lines.
        lines: Vec<String>,
    },
    /// A person has chosen.
    Chosen(C),
}

/// A page: what it shows, and what its keys mean. Leaving, help and the mouse are the shell's.
pub trait Page {
    /// What a person can choose.
    type Choice;
    /// News from outside.
    type News;

    /// Words at the left and right end of the first line.
    fn head(&self) -> (String, String);
    /// The actions that mean something here, with a word for the footer and one line for the help.
    fn keys(&self) -> Vec<(UiAction, &'static str, &'static str)>;
    /// What leaving means, for the help and the footer.
    fn leaving(&self) -> &'static str;
    /// Something new came.
    fn news(&mut self, news: Self::News);
    /// A key; `area` is the room between first and last line.
    fn act(&mut self, action: UiAction, area: Rect) -> Step<Self::Choice>;
    /// A left click.
    fn click(&mut self, at: Position, area: Rect) -> Step<Self::Choice>;
    /// The wheel, by so many rows.
    fn scroll(&mut self, by: isize, at: Position, area: Rect);
    /// Draws into the room between first and last line.
    fn draw(&self, area: Rect, look: Look<'_>, buf: &mut ratatui::buffer::Buffer);
}

/// What a page is opened with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Styles.
    pub theme: Theme,
    /// Keys.
    pub keymap: Keymap,
    /// Take the mouse.
    pub mouse: bool,
    /// Frames a second at most.
    pub fps: u32,
}

/// Opens a page on the terminal until a person chooses or leaves (none).
///
/// # Errors
/// The terminal cannot be taken over.
pub async fn run<P: Page>(
    page: P,
    mut news: mpsc::Receiver<P::News>,
    options: Options,
) -> color_eyre::Result<Option<P::Choice>> {
    let size = crossterm::terminal::size()?;
    let (watch, ends) = hangup::watch()?;
    let mut keys = EventStream::new().take_until(Box::pin(ends));
    let guard = Guard::enter(options.mouse)?;
    // What was typed before this page could be read does not answer it.
    terminal::forget_keys();
    let writer = Writer::new(terminal::output()?)?;
    let frame_time = Duration::from_secs(1) / options.fps.clamp(1, 120);
    let mut shell = Shell::new(page, options, size);
    let mut frames = Frames::new(size);
    let mut mouse = shell.ui.mouse;
    let mut fed = true;
    let mut due = Instant::now();
    let outcome = loop {
        if shell.done {
            break Ok(shell.choice.take());
        }
        let idle = writer.is_idle();
        tokio::select! {
            biased;
            () = sleep_until(due), if shell.dirty && idle => {
                match frame(&mut shell, &mut frames, &mut mouse) {
                    Ok(bytes) if !bytes.is_empty() => writer.put(bytes),
                    Ok(_) => {}
                    Err(error) => break Err(error.into()),
                }
                due = Instant::now() + frame_time;
                if writer.failed() {
                    break Ok(None);
                }
            }
            () = writer.idle(), if shell.dirty && !idle => {}
            event = keys.next() => match event {
                Some(Ok(event)) => shell.event(&event),
                // The terminal is gone, or somebody ends us: nothing was chosen.
                Some(Err(_)) | None => break Ok(None),
            },
            what = news.recv(), if fed => match what {
                Some(what) => shell.news(what),
                None => fed = false,
            },
        }
    };
    if !writer.close(CLOSE_WAIT) {
        terminal::discard();
        writer.close(CLOSE_WAIT);
        terminal::discard();
    }
    drop(guard);
    drop(watch);
    outcome
}

fn frame<P: Page>(
    shell: &mut Shell<P>,
    frames: &mut Frames,
    mouse: &mut bool,
) -> io::Result<Vec<u8>> {
    let bytes = frames.frame(shell.ui.size, |buf| shell.draw(buf))?;
    let mut bytes = bytes.unwrap_or_default();
    if shell.ui.mouse != *mouse {
        *mouse = shell.ui.mouse;
        bytes.extend(terminal::mouse(*mouse)?);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
