//! Somebody scrubs through a recording: the dashboard without its terminal, fed by the real replay
//! thread, with a key in most frames; every frame's time is kept.
//!
//! A frame is what the loop of the dashboard does between two waits: it takes the news and the keys
//! that wait, draws, and makes the bytes for the terminal.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tokio::sync::mpsc;
use wavedeck::{
    runtime::replay::Recording,
    tui::{
        feed::{Replay, Request, Update},
        keymap::Keymap,
        terminal::Frames,
        theme::Theme,
        update::{App, AppInput, Settings, update},
    },
};

use super::{Random, Recorded};

/// As the dashboard's own loop takes them.
const BATCH: usize = 1024;
const FRAME: Duration = Duration::from_millis(33);
/// A person stays on a screen for so many frames.
const STAY: u64 = 45;

/// What was measured.
#[derive(Debug, Default)]
pub struct Scrubbed {
    /// From nothing to the first frame that shows the run.
    pub open: Duration,
    /// Until the whole past of the run is known.
    pub past: Duration,
    /// Frame times by screen, sorted.
    pub frames: BTreeMap<String, Vec<Duration>>,
    /// What of them this thread had of a CPU, sorted: what a frame costs however busy the machine is.
    pub cpu: BTreeMap<String, Vec<Duration>>,
    /// Of the frame that had most: taking news and keys, drawing.
    pub dearest: (Duration, Duration),
    /// From a request to the state that it leads to, sorted.
    pub seeks: Vec<Duration>,
    /// Most memory of this process, in bytes.
    pub peak_bytes: u64,
}

impl Scrubbed {
    pub fn worst(&self) -> Duration {
        let last = |times: &Vec<Duration>| times.last().copied();
        self.frames.values().filter_map(last).max().unwrap()
    }

    pub fn worst_cpu(&self) -> Duration {
        let last = |times: &Vec<Duration>| times.last().copied();
        self.cpu.values().filter_map(last).max().unwrap()
    }

    pub fn lines(&self) -> String {
        let at = |times: &[Duration], permille: usize| {
            times[(times.len() * permille / 1000).min(times.len() - 1)]
        };
        let mut text = format!(
            "open {:.1?}, whole past after {:.1?}, at most {} MiB\n",
            self.open,
            self.past,
            self.peak_bytes >> 20
        );
        let all: Vec<_> = [("seek".to_owned(), &self.seeks)]
            .into_iter()
            .chain(self.frames.iter().map(|(name, t)| (name.clone(), t)))
            .chain(self.cpu.iter().map(|(name, t)| (format!("{name}, CPU"), t)))
            .collect();
        for (name, times) in all {
            if times.is_empty() {
                continue;
            }
            let _ = writeln!(
                text,
                "{name:13} {:5}: p50 {:6.2} p95 {:6.2} p99 {:6.2} max {:6.2} ms",
                times.len(),
                at(times, 500).as_secs_f64() * 1e3,
                at(times, 950).as_secs_f64() * 1e3,
                at(times, 990).as_secs_f64() * 1e3,
                at(times, 1000).as_secs_f64() * 1e3
            );
        }
        let (news, drawn) = self.dearest;
        let _ = writeln!(
            text,
            "dearest frame, CPU: news and keys {news:.1?}, drawn {drawn:.1?}"
        );
        text
    }
}

/// Most memory that this process ever held, in bytes.
pub fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        << 10
}

/// What this thread has had of a CPU.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

fn key(c: char) -> AppInput {
    AppInput::Terminal(Event::Key(KeyEvent::new(
        match c {
            '→' => KeyCode::Right,
            '←' => KeyCode::Left,
            c => KeyCode::Char(c),
        },
        KeyModifiers::NONE,
    )))
}

/// Scrubs for a while, at 200x60.
pub fn scrub(recorded: &Recorded, lasts: Duration) -> Scrubbed {
    let size = (200, 60);
    let mut out = Scrubbed::default();
    let begun = Instant::now();
    let recording = Recording::open(&recorded.dir.path, recorded.setup.clone()).unwrap();
    let (news, mut feed) = mpsc::channel(256);
    let (requests, asked) = mpsc::channel(256);
    recording.bridge(news, asked).unwrap();
    let settings = Settings {
        theme: Theme::default(),
        keys: Keymap::default(),
        can_act: false,
        zone: jiff::tz::TimeZone::UTC,
    };
    let mut app = App::new(settings, size, false);
    let mut frames = Frames::new(size);
    let mut random = Random(3);
    let mut wanted: Option<Instant> = None;
    let mut end_us = 0;
    let mut n = 0;
    let mut until = begun + lasts;
    while Instant::now() < until {
        let (from, cpu_from) = (Instant::now(), cpu());
        let mut told = false;
        for _ in 0..BATCH {
            let Ok(news) = feed.try_recv() else { break };
            if let Update::Clock(clock) = &news {
                end_us = clock.end_us;
                told = true;
            }
            if matches!(news, Update::History { .. }) {
                out.past = begun.elapsed();
                until = Instant::now() + lasts;
            }
            for request in update(&mut app, AppInput::Feed(news)) {
                let _ = requests.try_send(request);
            }
        }
        if told && let Some(since) = wanted.take() {
            out.seeks.push(since.elapsed());
        }
        if app.state.is_some() && n % 2 == 0 {
            let keys = ['5', '6', 'w', '3', '1'];
            let what = match random.below(12) {
                0 => key(']'),
                1 => key('>'),
                2 => key('<'),
                3 => key('.'),
                4 => key(','),
                5 => key('→'),
                6 => key('←'),
                7 => key('j'),
                8 if n % STAY < 4 => key(' '),
                _ => {
                    let to = match random.below(2) {
                        0 => Replay::Time(random.below(end_us)),
                        _ => Replay::Seq(random.below(recorded.events)),
                    };
                    if wanted.is_none() && requests.try_send(Request::Replay(to)).is_ok() {
                        wanted = Some(Instant::now());
                    }
                    AppInput::Tick
                }
            };
            let turn = n / STAY;
            for input in [
                (n % STAY < 2).then(|| key(keys[(turn % 5) as usize])),
                Some(what),
            ]
            .into_iter()
            .flatten()
            {
                for request in update(&mut app, input) {
                    let _ = requests.try_send(request);
                }
            }
        }
        let cpu_drawn = cpu();
        let bytes = frames.frame(size, |buf| app.draw(buf)).unwrap();
        std::hint::black_box(bytes);
        let (took, cpu_took) = (from.elapsed(), cpu().saturating_sub(cpu_from));
        if app.state.is_some() {
            if out.open.is_zero() {
                out.open = begun.elapsed();
            }
            let name = format!("{:?}", app.ui.screen);
            let news = cpu_drawn.saturating_sub(cpu_from);
            let parts = (news, cpu_took.saturating_sub(news));
            if parts.0 + parts.1 > out.dearest.0 + out.dearest.1 {
                out.dearest = parts;
            }
            out.frames.entry(name.clone()).or_default().push(took);
            out.cpu.entry(name).or_default().push(cpu_took);
            n += 1;
        }
        let next = if out.open.is_zero() {
            Duration::from_millis(1)
        } else {
            FRAME
        };
        std::thread::sleep(next.saturating_sub(took));
    }
    for times in out.frames.values_mut().chain(out.cpu.values_mut()) {
        times.sort_unstable();
    }
    out.seeks.sort_unstable();
    out.peak_bytes = peak_bytes();
    out
}
