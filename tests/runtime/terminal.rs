//! Agents in terminals in a whole run: shown live and late, typed into, replayed, resumed, in lines.

use std::{fs, sync::Arc};

use rustix::process::Signal;
use tokio::sync::mpsc;
use tui_term::vt100::Parser;
use wavedeck::{
    plan::AgentIx,
    runtime::{
        client::Client,
        prepare::read_folder,
        protocol::{self, FromClient, FromRunner, PROTOCOL, TerminalWish},
        replay::Recording,
    },
    terminal::Index,
    tui::feed::{Replay, Request, Update},
};

use super::rig::{Here, Live, signal, wait_for};

const AGENT: AgentIx = AgentIx(0);

/// Says what it has on its screen, and clears it for each line that is typed.
const PLAN: &str = r#"
[[agent]]
id = "shown"
terminal = true
run = ["sh", "-c", '''
printf 'begun %s\r\n' "$TERM"
while read line; do
    [ "$line" = end ] && exit 0
    printf '\033[1;31m\033[2J\033[H%s in %s\n' "$line" "$(stty size)"
done''']
"#;

/// A dashboard that shows one terminal as the screen does.
pub(super) struct Pane {
    /// The attempt that is shown.
    pub(super) attempt: u32,
    to: mpsc::Sender<Request>,
    from: mpsc::Receiver<Update>,
    screen: Parser,
    /// The next byte of the file that the screen takes, and how many there are.
    at: u64,
    total: u64,
    began: u64,
    resizes: Vec<(u64, u16, u16)>,
    held: Vec<Result<bool, String>>,
    at_us: u64,
}

impl Pane {
    fn new(open: impl FnOnce(mpsc::Sender<Update>, mpsc::Receiver<Request>)) -> Self {
        let (news, from) = mpsc::channel(256);
        let (to, asked) = mpsc::channel(16);
        open(news, asked);
        let mut pane = Self {
            attempt: 1,
            to,
            from,
            screen: Parser::new(1, 1, 0),
            at: 0,
            total: 0,
            began: 0,
            resizes: Vec::new(),
            held: Vec::new(),
            at_us: 0,
        };
        while !matches!(pane.next(), Update::Snapshot(_)) {}
        pane
    }

    pub(super) fn live(here: &Here) -> Self {
        let client = wait_for("the socket", || Client::connect(&here.run_dir(), true).ok());
        Self::new(|news, asked| client.bridge(news, asked).unwrap())
    }

    fn replay(here: &Here) -> Self {
        let dir = here.run_dir();
        let (setup, _) = read_folder(&dir).unwrap();
        let recording = Recording::open(&dir, Arc::new(setup)).unwrap();
        Self::new(|news, asked| recording.bridge(news, asked).unwrap())
    }

    pub(super) fn ask(&self, request: Request) {
        self.to.blocking_send(request).unwrap();
    }

    pub(super) fn open(&mut self, at_us: Option<u64>) {
        self.ask(Request::Terminal {
            agent: AGENT,
            attempt: self.attempt,
            at_us,
        });
        while !matches!(self.next(), Update::Terminal { .. }) {}
    }

    fn next(&mut self) -> Update {
        let update = self.from.blocking_recv().expect("news");
        match &update {
            Update::Terminal {
                cols,
                rows,
                prelude,
                offset,
                resizes,
                bytes,
                total,
                ..
            } => {
                self.screen = Parser::new(*rows, *cols, 0);
                self.screen.process(prelude);
                self.resizes.clone_from(resizes);
                (self.at, self.began, self.total) = (*offset, *offset, *total);
                self.take(*offset, bytes);
            }
            Update::Output { offset, bytes, .. } => self.take(*offset, bytes),
            Update::Grew { total, .. } if *total > self.total => {
                self.total = *total;
                self.ask(Request::Output {
                    agent: AGENT,
                    attempt: self.attempt,
                    offset: Some(self.at),
                    max: 1 << 20,
                });
            }
            Update::Resized {
                offset, cols, rows, ..
            } => {
                self.resizes.push((*offset, *cols, *rows));
                self.take(self.at, b"");
            }
            Update::Keyboard { held, .. } => self.held.push(held.clone()),
            Update::Clock(clock) => self.at_us = clock.at_us,
            _ => {}
        }
        update
    }

    fn take(&mut self, offset: u64, mut bytes: &[u8]) {
        assert!(offset <= self.at, "nothing is left out");
        bytes = &bytes[bytes.len().min((self.at - offset) as usize)..];
        loop {
            let (at, screen) = (self.at, &mut self.screen);
            let ends = at + bytes.len() as u64;
            self.resizes.retain(|&(place, cols, rows)| {
                if place <= at {
                    screen.screen_mut().set_size(rows, cols);
                }
                place > at
            });
            let stop = self.resizes.iter().map(|r| r.0).min();
            let part = stop.map_or(ends, |stop| stop.min(ends)) - at;
            let (now, later) = bytes.split_at(part as usize);
            self.screen.process(now);
            self.at += part;
            bytes = later;
            if part == 0 {
                return;
            }
        }
    }

    pub(super) fn text(&self) -> String {
        self.screen.screen().contents()
    }

    fn until(&mut self, what: &str, there: impl Fn(&Self) -> bool) {
        while !there(self) {
            assert!(
                !matches!(self.next(), Update::Gone { .. }),
                "gone before: {what}; shown: {}",
                self.text()
            );
        }
    }

    pub(super) fn shows(&mut self, text: &str) {
        self.until(text, |pane| pane.text().contains(text));
    }

    pub(super) fn keyboard(&mut self, request: Request) -> Result<bool, String> {
        let before = self.held.len();
        self.ask(request);
        self.until("the keyboard", |pane| pane.held.len() > before);
        self.held[before].clone()
    }

    pub(super) fn types(&self, text: &str) {
        self.ask(Request::Keys {
            agent: AGENT,
            bytes: text.as_bytes().to_vec(),
        });
    }
}

pub(super) const fn take(take: bool) -> Request {
    Request::Keyboard { agent: AGENT, take }
}

const fn size(cols: u16, rows: u16) -> Request {
    Request::Size {
        agent: AGENT,
        attempt: 1,
        cols,
        rows,
    }
}

fn begun(here: &Here) -> Live {
    let live = here.start();
    live.hears("agent.started", "shown");
    live
}

/// Types two lines in two sizes, ends the agent and the run; returns what was shown at last.
fn typed(here: &Here) -> (Vec<u8>, String) {
    let live = begun(here);
    let mut pane = Pane::live(here);
    pane.open(None);
    pane.shows("begun xterm-256color");
    assert_eq!(pane.keyboard(take(true)), Ok(true));
    pane.types("one\r");
    pane.shows("one in 32 120");
    pane.ask(size(90, 20));
    pane.until("the new size", |p| p.screen.screen().size() == (20, 90));
    pane.types("two\r");
    pane.shows("two in 20 90");
    let shown = (pane.screen.screen().contents_formatted(), pane.text());
    // A second dashboard that comes late shows the same, and neither types nor sizes.
    let mut late = Pane::live(here);
    late.open(None);
    assert!(late.keyboard(take(true)).is_err());
    late.types("stolen\r");
    late.ask(size(40, 10));
    late.until("an answer to the keys", |p| p.held.len() == 2);
    assert_eq!(late.screen.screen().contents_formatted(), shown.0);
    // Whose client is gone has the keyboard no more.
    drop(pane);
    wait_for("the keyboard", || late.keyboard(take(true)).ok());
    late.until("its size", |p| p.screen.screen().size() == (10, 40));
    late.types("end\r");
    late.until("the keyboard is gone", |p| {
        p.held.last() == Some(&Ok(false))
    });
    let events = live.end().with(0);
    assert!(!events.to_string().contains("stolen"));
    shown
}

#[test]
fn a_terminal_is_shown_live_late_and_in_replay_as_it_was() {
    let here = Here::with(PLAN);
    let (_, two) = typed(&here);
    let index = fs::read(here.run_dir().join("output/shown.1.idx")).unwrap();
    let index = Index::parse(&index).unwrap();
    let printed = here.output("shown.1");
    // The moments when each was there.
    let moment = |text: &str| {
        let place = (printed.find(text).unwrap() + text.len()) as u64;
        let ended = here.journal().us("attempt.ended", "shown");
        (0..=ended).find(|&at| index.printed(at) >= place).unwrap()
    };
    let (one_us, two_us) = (moment("one in 32 120"), moment("two in 20 90"));
    let mut pane = Pane::replay(&here);
    pane.open(Some(one_us));
    assert_eq!(pane.text(), "one in 32 120");
    assert_eq!(pane.screen.screen().size(), (32, 120));
    pane.open(Some(two_us));
    assert_eq!(pane.text(), two);
    assert_eq!(pane.screen.screen().size(), (20, 90));
    assert!(pane.keyboard(take(true)).is_err());
    // By the clock: forward from a moment, as time passes.
    pane.ask(Request::Replay(Replay::Time(one_us)));
    pane.until("the moment", |p| p.at_us == one_us);
    pane.open(None);
    assert_eq!(pane.text(), "one in 32 120");
    pane.ask(Request::Replay(Replay::Toggle));
    pane.shows("two in 20 90");
    pane.until("the last size", |p| p.screen.screen().size() == (10, 40));
    // Without its index all of it is read from the begin.
    fs::remove_file(here.run_dir().join("output/shown.1.idx")).unwrap();
    let mut pane = Pane::replay(&here);
    pane.ask(Request::Replay(Replay::Seq(u64::MAX)));
    pane.until("the end", |p| p.at_us > two_us);
    pane.open(None);
    assert_eq!(pane.began, 0);
    assert!(pane.text().contains("two in 20 90"));
}

#[test]
fn logs_of_a_terminal_are_lines() {
    let here = Here::with(
        r#"
[[agent]]
id = "shown"
terminal = true
run = ["sh", "-c", '''
printf '10 %%\r100 %%\033[K\033[32m done\033[0m\033]52;c;aGk=\007\n'
printf '\033[?1049h\033[5;3Hon the screen\033[?1049l'
echo after''']
"#,
    );
    assert_eq!(here.run().status, 0);
    let expected = "100 % done\n\n\n\n\n  on the screen\nafter\n";
    for args in [&["logs", "shown"][..], &["logs", "-f", "shown"]] {
        let said = here.say(args);
        assert_eq!(said.out, expected, "{said}");
    }
}

#[test]
fn after_a_crash_the_next_attempt_has_a_terminal_too() {
    let here = Here::with(
        "[[agent]]\nid = \"shown\"\nterminal = true\nrun = [\"sh\", \"-c\", \"stty size; test -e go || sleep 300\"]\n",
    );
    let live = begun(&here);
    wait_for("its output", || {
        here.output("shown.1").contains("32 120").then_some(())
    });
    signal(live.runner(), Signal::KILL);
    assert_eq!(live.end().status, 4);
    here.nobody_left();
    here.write("go", "");
    let resumed = here.start_as(&["resume", "--headless", "--json"]).end();
    assert_eq!(resumed.status, 0, "{}", resumed.err);
    assert_eq!(here.journal().of("agent.completed", "shown")["attempt"], 2);
    assert_eq!(here.output("shown.2"), "32 120\r\n");
    assert!(here.run_dir().join("output/shown.2.idx").exists());
}

#[test]
fn an_agent_gets_no_keyboard() {
    // It asks through its run's socket, as a client would.
    let here = Here::with(
        "[[agent]]\nid = \"shown\"\nterminal = true\nrun = [\"cat\"]\n[[agent]]\nid = \"spy\"\nrun = [\"sh\", \"-c\", \"until [ -e frame ]; do sleep 0.02; done; exec python3 spy.py\"]\n",
    );
    if std::process::Command::new("python3")
        .arg("-V")
        .output()
        .is_err()
    {
        println!("skipped: there is no python3 to play the agent");
        return;
    }
    here.write("spy.py", SPY);
    let live = begun(&here);
    let mut frames = Vec::new();
    let hello = FromClient::Hello {
        protocol: PROTOCOL,
        news: false,
        read_only: false,
    };
    protocol::write(&mut frames, &hello, b"").unwrap();
    let wish = FromClient::Terminal {
        agent: "shown".to_owned(),
        attempt: 0,
        wish: TerminalWish::Take,
    };
    protocol::write(&mut frames, &wish, b"").unwrap();
    fs::write(here.path().join("frames"), frames).unwrap();
    let path = wait_for("the socket", || {
        fs::read_to_string(here.run_dir().join(wavedeck::runtime::socket::ADDRESS)).ok()
    });
    here.write("frame.new", &path);
    fs::rename(here.path().join("frame.new"), here.path().join("frame")).unwrap();
    live.hears("attempt.ended", "spy");
    // The greeting, and then the end: no answer.
    let got = fs::read(here.path().join("answer")).unwrap();
    let mut rest = &got[..];
    let (hello, _) = protocol::read::<FromRunner>(&mut rest).unwrap();
    assert!(matches!(
        hello,
        FromRunner::Hello {
            operator: false,
            ..
        }
    ));
    assert!(rest.is_empty(), "{rest:?}");
    let mut pane = Pane::live(&here);
    assert_eq!(pane.keyboard(take(true)), Ok(true));
    pane.types("\x04");
    assert_eq!(live.end().status, 0);
}

const SPY: &str = r#"
import socket
s = socket.socket(socket.AF_UNIX)
s.connect(open("frame").read())
s.sendall(open("frames", "rb").read())
answer = b""
while True:
    try:
        part = s.recv(65536)
    except ConnectionResetError:
        break
    if not part:
        break
    answer += part
open("answer", "wb").write(answer)
"#;
