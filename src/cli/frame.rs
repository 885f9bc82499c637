//! `wavedeck __frame`: one frame of a recording as a picture, for documents.
//!
//! Hidden: pictures of the guide are made by `docs/pictures/make` with it. A recording gives the
//! same picture each time. Must not write anything but its standard output.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Parser;
use crossterm::event::{Event, KeyEvent, KeyModifiers};
use ratatui::{buffer::Buffer, layout::Rect, style::Color};
use tokio::sync::mpsc::{self, error::TryRecvError};

use super::{
    error::{Error, Outcome, status},
    find, out, personal,
};
use crate::{
    journal::{Line, Reader},
    plan::units,
    runtime::{diff, replay::Recording},
    tui::{
        feed::{Clock, Replay, Request, Update},
        keymap::{Key, Keymap},
        svg::{Ground, svg},
        theme::{Depth, Theme},
        update::{App, AppInput, Settings, update},
    },
};

/// The hidden subcommand.
pub const SUBCOMMAND: &str = "__frame";

/// So long an answer of the recording may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Flags of `__frame`.
#[derive(Debug, Parser)]
#[command(name = "__frame")]
struct FrameArgs {
    /// The run
    run: Option<String>,
    /// Columns and rows
    #[arg(long, default_value = "120x35", value_parser = size)]
    size: (u16, u16),
    /// Name of a theme
    #[arg(long, default_value = "dark")]
    theme: String,
    /// The moment: a duration such as 1m20s, or the first event of this kind; default: the end
    #[arg(long)]
    at: Option<String>,
    /// The event's line in the journal holds this text
    #[arg(long, requires = "at")]
    of: Option<String>,
    /// So much later
    #[arg(long, value_parser = duration)]
    plus: Option<u64>,
    /// Keys that are pressed then, by their names, with blanks between
    #[arg(long, default_value = "")]
    keys: String,
    /// As it was seen live: without the line of the replay
    #[arg(long)]
    live: bool,
    /// Text in place of SVG
    #[arg(long)]
    text: bool,
}

fn size(text: &str) -> Result<(u16, u16), String> {
    text.split_once('x')
        .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)))
        .ok_or_else(|| "expected a size such as 120x35".to_owned())
}

fn duration(text: &str) -> Result<u64, String> {
    units::duration(text).ok_or_else(|| "expected a duration such as 3s".to_owned())
}

/// Prints the frame.
pub fn frame(args: &[OsString]) -> Outcome {
    let words = [OsString::from(SUBCOMMAND)];
    let args = FrameArgs::try_parse_from(words.iter().chain(args))
        .map_err(|e| Error::usage(e.to_string()))?;
    let dir = find::run(args.run.as_deref())?;
    let setup = Arc::new(find::setup(&dir)?);
    let unreadable = |e| find::unreadable(&dir, e);
    let at = match args.at.as_deref() {
        None => Replay::Time(u64::MAX),
        Some(at) => match units::duration(at) {
            Some(us) => Replay::Time(us),
            None => moment(Reader::open(&dir.path).map_err(unreadable)?, at, &args)
                .map_err(unreadable)?
                .ok_or_else(|| Error::usage(format!("no event of the run is `{at}`")))?,
        },
    };
    let no_env = |_: &str| None;
    let theme = personal::theme(&no_env, &args.theme, Depth::True, false)?;
    let recording = Recording::open(&dir.path, setup).map_err(unreadable)?;
    let mut stage = Stage::open(recording, &dir.path, &args, theme)
        .map_err(|e| Error::internal("the recording cannot be opened", e))?;
    stage.play(at, &args.keys)?;
    let picture = stage.picture(args.text);
    out::print(&picture).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}

/// Where the first event of a kind is, or so much later.
fn moment(
    mut reader: Reader,
    kind: &str,
    args: &FrameArgs,
) -> Result<Option<Replay>, crate::journal::ReadError> {
    while let Some(line) = reader.next()? {
        let Line::Record(record) = line else { continue };
        let text = serde_json::to_string(&record).unwrap_or_default();
        let wanted = args.of.as_deref().is_none_or(|of| text.contains(of));
        if record.event.kind() == kind && wanted {
            return Ok(Some(match args.plus {
                Some(plus) => Replay::Time(record.elapsed_us + plus),
                None => Replay::Seq(record.seq),
            }));
        }
    }
    Ok(None)
}

/// A dashboard on a recording, without a terminal.
struct Stage {
    app: App,
    live: bool,
    /// Folder of the run.
    dir: PathBuf,
    news: mpsc::Sender<Update>,
    requests: mpsc::Sender<Request>,
    feed: mpsc::Receiver<Update>,
    /// Requests that are not answered yet.
    open: usize,
}

impl Stage {
    fn open(
        recording: Recording,
        dir: &Path,
        args: &FrameArgs,
        theme: Theme,
    ) -> std::io::Result<Self> {
        let (news, feed) = mpsc::channel(256);
        let (requests, asked) = mpsc::channel(256);
        recording.bridge(news.clone(), asked)?;
        let settings = Settings {
            theme,
            keys: Keymap::default(),
            can_act: args.live,
            zone: jiff::tz::TimeZone::UTC,
        };
        Ok(Self {
            app: App::new(settings, args.size, true),
            live: args.live,
            dir: dir.to_owned(),
            news,
            requests,
            feed,
            open: 0,
        })
    }

    /// Goes to a moment and presses the keys there, one after the other, each with all that it
    /// asks for.
    fn play(&mut self, at: Replay, keys: &str) -> Result<(), Error> {
        // The first frame, and then the whole past: what is shown is final.
        while self.news()? != Known::All {}
        self.ask(vec![Request::Replay(at)]);
        self.settle()?;
        for name in keys.split_whitespace() {
            let key = Key::parse(name)
                .ok_or_else(|| Error::usage(format!("there is no key `{name}`")))?;
            let mut modifiers = KeyModifiers::NONE;
            modifiers.set(KeyModifiers::CONTROL, key.ctrl);
            modifiers.set(KeyModifiers::ALT, key.alt);
            let event = Event::Key(KeyEvent::new(key.code, modifiers));
            let asked = update(&mut self.app, AppInput::Terminal(event));
            self.ask(asked);
            self.settle()?;
        }
        Ok(())
    }

    fn ask(&mut self, requests: Vec<Request>) {
        for request in requests {
            // Of a run that still waits there the repository is as it was seen.
            if let Request::Diff { base, commit } = &request
                && self.live
            {
                diff::send(&self.dir, base.clone(), commit.clone(), &self.news);
                self.open += 1;
                continue;
            }
            self.open += usize::from(self.requests.try_send(request).is_ok());
        }
    }

    /// Takes what comes until everything that was asked for is there.
    fn settle(&mut self) -> Result<(), Error> {
        loop {
            while self.open > 0 {
                self.news()?;
            }
            if !self.app.wants_tick() {
                return Ok(());
            }
            // A message fades with ticks: only what is asked for by the first one counts.
            let asked = update(&mut self.app, AppInput::Tick);
            if asked.is_empty() {
                return Ok(());
            }
            self.ask(asked);
        }
    }

    fn news(&mut self) -> Result<Known, Error> {
        let until = std::time::Instant::now() + PATIENCE;
        let news = loop {
            match self.feed.try_recv() {
                Ok(news) => break news,
                Err(TryRecvError::Empty) if std::time::Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(_) => return Err(Error::usage("the recording cannot be read any further")),
            }
        };
        let mut known = Known::Part;
        match &news {
            Update::Gone { reason } => return Err(Error::usage(reason.clone())),
            Update::History { .. } => known = Known::All,
            Update::Clock(Clock { .. })
            | Update::Output { .. }
            | Update::Log { .. }
            | Update::Evidence { .. }
            | Update::Check { .. }
            | Update::Diff { .. }
            | Update::Clash { .. }
            | Update::Review { .. }
            | Update::Card { .. }
            | Update::Terminal { .. } => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        if !(self.live && matches!(news, Update::Clock(_))) {
            let asked = update(&mut self.app, AppInput::Feed(news));
            self.ask(asked);
        }
        Ok(known)
    }

    fn picture(mut self, text: bool) -> String {
        let (w, h) = self.app.ui.size;
        let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
        self.app.draw(&mut buf);
        if text {
            let mut out = String::new();
            for y in 0..h {
                let mut line = String::new();
                let mut x = 0;
                while let Some(cell) = buf.cell((x, y)) {
                    line.push_str(cell.symbol());
                    let columns = crate::display::width(cell.symbol()).max(1);
                    x = x.saturating_add(u16::try_from(columns).unwrap_or(1));
                }
                out.push_str(line.trim_end());
                out.push('\n');
            }
            return out;
        }
        let base = &self.app.settings.theme.base;
        svg(
            &buf,
            Ground {
                fg: base.text.fg.unwrap_or(Color::White),
                bg: base.background.bg.unwrap_or(Color::Black),
            },
        )
    }
}

/// How much of the past has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Part,
    All,
}
