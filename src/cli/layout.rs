//! Remembers the look of the deck for a person: sizes of panes, grouping, sorting, the mouse.
//!
//! In `deck.json` of the state folder. A thread writes it, so that no frame waits for the disk; of
//! several dashboards the last one to change something wins. Must not hold anything of a run.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::state_folder;
use crate::tui::ui_state::Layout;

/// The file in the state folder.
const FILE: &str = "deck.json";
/// A change is written when no other follows for so long: a border that is dragged makes many.
const CALM: Duration = Duration::from_millis(300);

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What was remembered; what cannot be read is as if nothing had been.
#[must_use]
pub fn remembered() -> Layout {
    let text = state_folder::read(&env, FILE).ok().flatten();
    text.map_or_else(Layout::default, |text| Layout::read(&text))
}

/// Writes for as long as the dashboard lives; dropped after it, it waits for the last change.
#[derive(Debug)]
pub struct Keeper(Option<JoinHandle<()>>);

impl Drop for Keeper {
    fn drop(&mut self) {
        // The dashboard's end has been dropped before: the thread comes to its own.
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

/// Begins to remember what changes: keep the first until the second is gone.
#[must_use]
pub fn keep() -> (Keeper, Option<Sender<Layout>>) {
    let (to, from) = channel();
    let thread = thread::Builder::new()
        .name("layout".to_owned())
        .spawn(move || write(&from));
    let to = thread.is_ok().then_some(to);
    (Keeper(thread.ok()), to)
}

fn write(from: &Receiver<Layout>) {
    while let Ok(mut layout) = from.recv() {
        while let Ok(newer) = from.recv_timeout(CALM) {
            layout = newer;
        }
        // A person's look is not worth a word of complaint over the picture.
        let _ = state_folder::write(&env, FILE, &layout.to_text());
    }
}
