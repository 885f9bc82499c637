//! The deck without a screen, for screen readers: lines that come when something happens, and
//! commands that are typed.
//!
//! Nothing is drawn again and no cursor is moved. The run is watched through the same channels as
//! in the dashboard. Must not decide what a line says: `talk` does.

mod talk;

use std::{
    io::{self, BufRead, IsTerminal},
    path::Path,
    sync::mpsc,
    thread,
};

use tokio::sync::mpsc as channel;

use super::{
    error::{Error, Outcome, status},
    out,
};
use crate::{
    display::clean_line,
    runtime::client::Client,
    tui::feed::{Request, Update},
};
pub use talk::Manner;
use talk::Talk;

/// News and requests that may wait.
const WAITING: usize = 256;
/// Characters of a typed line that are read.
const LONGEST: usize = 4096;

/// What wakes the conversation.
enum Wake {
    News(Box<Update>),
    Typed(String),
    /// Nobody types any more.
    Silence,
}

/// Whether a person can type and read here. A terminal that cannot draw will do.
#[must_use]
pub fn can_talk() -> bool {
    io::stdin().is_terminal()
        && io::stdout().is_terminal()
        && std::env::var_os("CI").is_none_or(|v| v.is_empty())
}

/// Talks about the live run in a folder; returns when a person leaves or the run has ended.
pub fn open(dir: &Path, run: &str) -> Outcome {
    let client = Client::connect(dir, true)
        .map_err(|e| Error::usage(e.to_string()).help("`wavedeck runs` lists what there is"))?;
    talk(Manner::Live, run, |news, asked| client.bridge(news, asked))
}

/// Talks about whatever feeds it.
///
/// # Errors
/// When no thread can be had, or standard output cannot be written.
pub fn talk(
    manner: Manner,
    run: &str,
    bridge: impl FnOnce(channel::Sender<Update>, channel::Receiver<Request>) -> io::Result<()>,
) -> Outcome {
    let failed = |e: io::Error| Error::internal("the conversation cannot be opened", e);
    let (news, mut feed) = channel::channel(WAITING);
    let (requests, asked) = channel::channel(WAITING);
    bridge(news, asked).map_err(failed)?;
    let (wake, woken) = mpsc::sync_channel(WAITING);
    let typed = wake.clone();
    let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
        let thread = thread::Builder::new().name(name.to_owned());
        thread.spawn(work).map(drop).map_err(failed)
    };
    spawn(
        "news",
        Box::new(move || {
            while let Some(update) = feed.blocking_recv() {
                if wake.send(Wake::News(Box::new(update))).is_err() {
                    return;
                }
            }
        }),
    )?;
    spawn(
        "typed",
        Box::new(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                let line: String = line.chars().take(LONGEST).collect();
                if typed.send(Wake::Typed(line)).is_err() {
                    return;
                }
            }
            let _ = typed.send(Wake::Silence);
        }),
    )?;
    let mut talk = Talk::new(
        manner,
        run,
        || jiff::Timestamp::now().as_millisecond(),
        crate::sys::zone::local_zone(),
    );
    while let Ok(next) = woken.recv() {
        let said = match next {
            Wake::News(update) => talk.news(*update),
            Wake::Typed(line) => talk.typed(&clean_line(line, LONGEST)),
            Wake::Silence => {
                talk.silence();
                Vec::new()
            }
        };
        if !said.is_empty() {
            let text = said.join("\n") + "\n";
            out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
        }
        for request in talk.take_requests() {
            // Who takes them is gone only when all is over.
            let _ = requests.blocking_send(request);
        }
        if let Some(status) = talk.over() {
            return Ok(status);
        }
    }
    Ok(status::INTERNAL)
}
