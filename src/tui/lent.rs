//! The terminal while it is another program's: a person's editor.
//!
//! Must not know what is edited, or start a program itself: whoever opens the dashboard brings one.

use std::{cell::RefCell, io, rc::Rc, task::Poll};

use crossterm::event::{Event, EventStream};
use futures_util::{Stream, StreamExt};

use super::{feed::Spot, terminal, update::Edit};

/// Lets a person edit a text.
pub type Editor = fn(&str, &str) -> Result<Option<String>, String>;

/// What gives the terminal to another program and takes it back.
pub trait Lend: std::fmt::Debug {
    /// Gives it away: keys are not read any more, the screen is as it was before.
    fn lend(&mut self);
    /// Takes it back.
    ///
    /// # Errors
    /// It cannot be had any more.
    fn take(&mut self, mouse: bool) -> io::Result<()>;
}

/// The keys of our terminal; none while it is another program's.
#[derive(Debug, Default)]
pub struct Keys {
    stream: Option<EventStream>,
    lent: bool,
}

/// Our terminal.
#[derive(Debug)]
pub struct Ours(pub Rc<RefCell<Keys>>);

impl Lend for Ours {
    fn lend(&mut self) {
        // Who reads keys beside another program takes every second one away from it.
        *self.0.borrow_mut() = Keys {
            stream: None,
            lent: true,
        };
        terminal::leave();
    }

    fn take(&mut self, mouse: bool) -> io::Result<()> {
        self.0.borrow_mut().lent = false;
        terminal::again(mouse)
    }
}

/// Keys as they come; nothing while the terminal is lent.
pub fn keys_of(keys: Rc<RefCell<Keys>>) -> impl Stream<Item = io::Result<Event>> + Unpin {
    futures_util::stream::poll_fn(move |cx| {
        let mut keys = keys.borrow_mut();
        if keys.lent {
            return Poll::Pending;
        }
        let stream = keys.stream.get_or_insert_with(EventStream::new);
        stream.poll_next_unpin(cx)
    })
}

/// A person's editor that has the terminal.
#[derive(Debug)]
pub struct Editing {
    /// The place that the text is for.
    pub spot: Spot,
    job: tokio::task::JoinHandle<Result<Option<String>, String>>,
}

impl Editing {
    /// Begins.
    pub fn begin(edit: Edit, editor: Editor) -> Self {
        let Edit { spot, name, text } = edit;
        let job = tokio::task::spawn_blocking(move || editor(&name, &text));
        Self { spot, job }
    }
}

/// What the editor left; waits for ever where there is none.
pub async fn ended(editing: &mut Option<Editing>) -> Result<Option<String>, String> {
    match editing {
        Some(editing) => match (&mut editing.job).await {
            Ok(result) => result,
            Err(error) => Err(format!("the editor cannot be waited for: {error}")),
        },
        None => std::future::pending().await,
    }
}
