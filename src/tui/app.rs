//! The loop: keys and news in, requests and frames out.
//!
//! Runs on a current-thread runtime. Everything that waits is taken before one frame is drawn;
//! nothing here ever waits for the terminal or for whoever takes the requests.

use std::{
    cell::RefCell, collections::VecDeque, future::poll_fn, io, rc::Rc, task::Poll, time::Duration,
};

use crossterm::event::Event;
use futures_util::{Stream, StreamExt};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    alert::{self, Call},
    feed::{Request, Update},
    hangup, lent,
    preferences::{Change, Line, Preferences, Wake},
    terminal::{self, Frames, Guard, Writer},
    ui_state::{Layout, Screen},
    update::{App, AppInput, Dirty, Settings, update},
};

/// How long leaving waits for the last frame.
const CLOSE_WAIT: Duration = Duration::from_millis(80);
/// A tick of messages and of the output pane.
const TICK: Duration = Duration::from_millis(250);
/// At most this often while only figures change.
const GAUGES: Duration = Duration::from_secs(1);
/// Pieces of news taken before a frame is drawn in between.
const BATCH: usize = 1024;

/// What a dashboard is opened with.
#[derive(Debug)]
pub struct Options {
    /// What a person has set.
    pub preferences: Preferences,
    /// Brings changes of that; none: it stays as it is.
    pub line: Option<Line>,
    /// Actions can be sent: not in a replay.
    pub can_act: bool,
    /// The first screen.
    pub screen: Screen,
    /// What was remembered of the deck.
    pub layout: Layout,
    /// Who remembers it.
    pub remember: Option<std::sync::mpsc::Sender<Layout>>,
    /// Time zone for times of day.
    pub zone: jiff::tz::TimeZone,
    /// Lets a person edit a text in a program of theirs, which has the terminal meanwhile: by the name
    /// of the file and the text; none: it was not changed. Without one nothing is edited.
    pub editor: Option<lent::Editor>,
    /// Who gives the terminal to that program.
    pub lend: Option<Box<dyn lent::Lend>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            preferences: Preferences::default(),
            line: None,
            can_act: true,
            screen: Screen::default(),
            layout: Layout::default(),
            remember: None,
            zone: jiff::tz::TimeZone::UTC,
            editor: None,
            lend: None,
        }
    }
}

/// Why the dashboard was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A person left; agents go on.
    Left,
    /// A person stopped the run and left before it had ended.
    StoppedRun,
    /// A person left after the run had ended with this status.
    Ended {
        /// Exit status of the run.
        status: u8,
        /// What became of its work; none: nothing was merged.
        work: Option<Box<crate::engine::Delivery>>,
    },
    /// A person left after the connection was lost, or the terminal went away.
    Lost(String),
}

/// Opens the dashboard on the terminal and runs it until a person leaves.
///
/// # Errors
/// The terminal cannot be taken over.
pub async fn run(
    feed: mpsc::Receiver<Update>,
    requests: mpsc::Sender<Request>,
    options: Options,
) -> color_eyre::Result<Outcome> {
    let size = crossterm::terminal::size()?;
    let (watch, ends) = hangup::watch()?;
    let told = std::cell::Cell::new(false);
    let ours = Rc::new(RefCell::new(lent::Keys::default()));
    let keys = lent::keys_of(Rc::clone(&ours)).take_until(Box::pin(async {
        ends.await;
        told.set(true);
    }));
    let options = Options {
        lend: Some(Box::new(lent::Ours(ours))),
        ..options
    };
    let guard = Guard::enter(options.preferences.mouse)?;
    let writer = Writer::new(terminal::output()?)?;
    let outcome = run_on(feed, requests, options, keys, &writer, size).await;
    if !writer.close(CLOSE_WAIT) {
        // The terminal does not drain. What is queued is of no use any more: whatever is written
        // next, by us or by whoever comes after, shall not wait for it.
        terminal::discard();
        writer.close(CLOSE_WAIT);
        terminal::discard();
    }
    drop(guard);
    drop(watch);
    match outcome? {
        Outcome::Lost(_) if told.get() => Ok(Outcome::Left),
        outcome => Ok(outcome),
    }
}

/// The loop itself, with its keys and its terminal as parameters.
///
/// # Errors
/// None in practice: frames are made in memory.
pub async fn run_on<S>(
    mut feed: mpsc::Receiver<Update>,
    requests: mpsc::Sender<Request>,
    options: Options,
    mut keys: S,
    writer: &Writer,
    size: (u16, u16),
) -> color_eyre::Result<Outcome>
where
    S: Stream<Item = io::Result<Event>> + Unpin,
{
    let mut mouse = options.preferences.mouse;
    let mut frame_time = time_of(options.preferences.fps);
    let mut line = options.line;
    let mut app = App::new(
        Settings {
            theme: options.preferences.theme.clone(),
            keys: options.preferences.keymap.clone(),
            can_act: options.can_act,
            zone: options.zone,
        },
        size,
        mouse,
    );
    app.wear(&options.preferences);
    app.ui.screen = options.screen;
    app.take_up(options.layout);
    let mut layout = app.layout();
    let mut frames = Frames::new(size);
    let mut pending: VecDeque<Request> = VecDeque::new();
    let mut fed = true;
    let mut last = Instant::now();
    let mut first = true;
    let mut pressed = false;
    let mut tick: Option<Instant> = None;
    let mut gone: Option<String> = None;
    let mut call = options.preferences.call;
    let mut lend = options.lend;
    let mut editing: Option<lent::Editing> = None;

    // What is there already is on the first frame.
    while let Ok(news) = feed.try_recv() {
        pending.extend(update(&mut app, AppInput::Feed(news)));
    }
    while !app.quit {
        if app.layout() != layout {
            layout = app.layout();
            // Nobody is there to remember it: then it is not.
            let _ = options.remember.as_ref().map(|to| to.send(layout));
        }
        if let Some(name) = app.take_chosen_theme()
            && let Some(line) = &line
        {
            // Whoever took it is gone only when all is over.
            let _ = line.chosen.send(Wake::Chosen(name));
        }
        if let Some(edit) = app.edit.take() {
            match (options.editor, &mut lend) {
                (Some(editor), Some(terminal)) if editing.is_none() => {
                    writer.idle().await;
                    terminal.lend();
                    editing = Some(lent::Editing::begin(edit, editor));
                }
                _ => {
                    let result = Err("there is no editor here".to_owned());
                    let spot = edit.spot;
                    pending.extend(update(&mut app, AppInput::Edited { spot, result }));
                }
            }
        }
        let due = match app.dirty {
            _ if first => last,
            Dirty::Gauges => last + GAUGES,
            // Who pressed a key waits for its frame: it does not stand in line behind a flood's.
            Dirty::Now if pressed => last + frame_time / 3,
            _ => last + frame_time,
        };
        let waiting = app.dirty != Dirty::No && editing.is_none();
        let idle = writer.is_idle();
        if app.wants_tick() {
            tick.get_or_insert_with(|| Instant::now() + TICK);
        } else {
            tick = None;
        }
        tokio::select! {
            // In this order nobody starves: frames and ticks are rate-limited, a person types
            // slowly, the flood comes last.
            biased;
            () = sleep_until(due), if waiting && idle => {
                draw(&mut app, &mut frames, writer, &mut mouse, call)?;
                last = Instant::now();
                first = false;
                pressed = false;
                if writer.failed() {
                    gone = Some("the terminal is gone".to_owned());
                    app.quit = true;
                }
            }
            () = writer.idle(), if waiting && !idle => {}
            result = lent::ended(&mut editing), if editing.is_some() => {
                if let Some(terminal) = &mut lend
                    && let Err(error) = terminal.take(app.ui.mouse)
                {
                    gone = Some(format!("the terminal cannot be taken back: {error}"));
                    app.quit = true;
                }
                mouse = app.ui.mouse;
                let size = crossterm::terminal::size().unwrap_or(app.ui.size);
                app.ui.size = size;
                frames = Frames::new(size);
                if let Some(done) = editing.take() {
                    let spot = done.spot;
                    pending.extend(update(&mut app, AppInput::Edited { spot, result }));
                }
                app.dirty = Dirty::Now;
            }
            () = sleep_until(tick.unwrap_or(last)), if tick.is_some() => {
                tick = None;
                pending.extend(update(&mut app, AppInput::Tick));
            }
            event = keys.next() => {
                let mut next = Some(event);
                while let Some(event) = next {
                    match event {
                        Some(Ok(event)) => {
                            pressed |= matches!(event, Event::Key(_));
                            pending.extend(update(&mut app, AppInput::Terminal(event)));
                        }
                        Some(Err(error)) => {
                            gone = Some(format!("the terminal cannot be read: {error}"));
                            app.quit = true;
                        }
                        None => {
                            gone.get_or_insert_with(|| "the terminal is gone".to_owned());
                            app.quit = true;
                        }
                    }
                    next = if app.quit { None } else { at_once(&mut keys).await };
                }
            }
            change = next_change(&mut line) => {
                match change {
                    Some(change) => {
                        if let Some(now) = &change.now {
                            frame_time = time_of(now.fps);
                            call = now.call;
                        }
                        pending.extend(update(&mut app, AppInput::Preferences(Box::new(change))));
                    }
                    None => line = None,
                }
            }
            permit = requests.reserve(), if !pending.is_empty() => {
                if let (Ok(permit), Some(request)) = (permit, pending.pop_front()) {
                    permit.send(request);
                } else {
                    // Nobody takes requests any more.
                    pending.clear();
                }
            },
            news = feed.recv(), if fed => {
                fed = news.is_some();
                let news = news.unwrap_or_else(|| Update::Gone {
                    reason: "the runner is gone".to_owned(),
                });
                pending.extend(update(&mut app, AppInput::Feed(news)));
                for _ in 0..BATCH {
                    let Ok(news) = feed.try_recv() else { break };
                    pending.extend(update(&mut app, AppInput::Feed(news)));
                }
            },
        }
    }
    // What was asked for just before leaving still goes out, if there is room.
    for request in pending {
        let _ = requests.try_send(request);
    }
    Ok(outcome(&app, gone))
}

/// The shortest time between two frames.
fn time_of(fps: u32) -> Duration {
    Duration::from_secs(1) / fps.clamp(1, 120)
}

/// The next change of a person's files; waits for ever where nobody watches them.
async fn next_change(line: &mut Option<Line>) -> Option<Change> {
    match line {
        Some(line) => line.news.recv().await,
        None => std::future::pending().await,
    }
}

/// The next key, if it is there already.
///
/// Asked with this task's own waker: the stream keeps the last one that it was asked with, and with
/// a waker of nobody's (`now_or_never`) the next key would be seen only when something else comes.
async fn at_once<S: Stream + Unpin>(keys: &mut S) -> Option<Option<S::Item>> {
    poll_fn(|cx| {
        Poll::Ready(match keys.poll_next_unpin(cx) {
            Poll::Ready(event) => Some(event),
            Poll::Pending => None,
        })
    })
    .await
}

fn draw(
    app: &mut App,
    frames: &mut Frames,
    writer: &Writer,
    mouse: &mut bool,
    call: Call,
) -> io::Result<()> {
    let frame = frames.frame(app.ui.size, |buf| app.draw(buf))?;
    let mut bytes = frame.unwrap_or_default();
    if app.ui.mouse != *mouse {
        *mouse = app.ui.mouse;
        bytes.extend(terminal::mouse(*mouse)?);
    }
    if let Some(text) = app.copy.take() {
        bytes.extend(terminal::copy(&text)?);
    }
    if let Some(text) = app.alerts.take() {
        bytes.extend(alert::bytes(call, &text));
    }
    if !bytes.is_empty() {
        writer.put(bytes);
    }
    Ok(())
}

fn outcome(app: &App, gone: Option<String>) -> Outcome {
    let state = app.state.as_ref();
    if let Some((status, state)) = state.and_then(|state| Some((state.finished?, state))) {
        let work = state.merges.delivered().cloned().map(Box::new);
        Outcome::Ended { status, work }
    } else if let Some(reason) = gone.or_else(|| app.lost().map(str::to_owned)) {
        Outcome::Lost(reason)
    } else if app.stop_asked {
        Outcome::StoppedRun
    } else {
        Outcome::Left
    }
}
