//! Terminals of agents: when they are asked for and dropped, how large they are shown, whose keyboard
//! it is.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    fixture::{self, Run},
    keys::{app, go_to, press},
    screens,
};
use crate::{
    plan::AgentIx,
    tui::{
        feed::{Clock, Request, Update},
        theme::{Depth, Theme},
        update::{App, AppInput, Keyboard, update},
    },
};

/// The middle of a run in which `api` runs in a terminal.
fn run() -> Run {
    let mut plan = fixture::billing();
    let api = plan.find("api").unwrap();
    for mode in &mut plan.agents[api.ix()].modes {
        mode.terminal = true;
    }
    let mut run = Run::new(plan, 6, 56 * fixture::GIB);
    run.wait(470);
    for id in ["probe", "ui-shell", "schema"] {
        run.done(id);
    }
    run.wait(60);
    run
}

fn api(run: &Run) -> AgentIx {
    run.state.find(&"api".into()).unwrap()
}

fn feed(app: &mut App, news: Update) -> Vec<Request> {
    update(app, AppInput::Feed(news))
}

fn text(app: &mut App) -> String {
    let (w, h) = app.ui.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    app.draw(&mut buf);
    screens::text(&buf)
}

pub(super) fn ctrl(app: &mut App, c: char) -> Vec<Request> {
    let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
    update(app, AppInput::Terminal(Event::Key(key)))
}

const SHOWN: &[u8] = b"\x1b[1mBuild\x1b[0m of \x1b[33mapi\x1b[0m\r\n\x1b]52;c;aGk=\x07$ \x1b[7mcargo\x1b[0m \xe6\x97\xa5\xe6\x9c\xac\xe2\x80\xae\r\n> ";

fn terminal(run: &Run, bytes: &[u8]) -> Update {
    Update::Terminal {
        agent: api(run),
        attempt: 1,
        cols: 120,
        rows: 32,
        prelude: Vec::new(),
        offset: 0,
        resizes: Vec::new(),
        bytes: bytes.to_vec(),
        total: bytes.len() as u64,
    }
}

/// The screen of `api` with its terminal open.
fn open(run: &Run, size: (u16, u16)) -> App {
    let mut app = app(run, size);
    go_to(&mut app, "api");
    app.ui.chosen = true;
    press(&mut app, "2");
    feed(&mut app, terminal(run, SHOWN));
    app
}

#[test]
fn it_is_asked_for_when_it_is_seen_and_given_up_when_it_is_not() {
    let run = run();
    let (agent, attempt) = (api(&run), 1);
    let mut app = app(&run, (120, 35));
    go_to(&mut app, "api");
    app.ui.chosen = true;
    let asked = press(&mut app, "2");
    let size = |cols, rows| Request::Size {
        agent,
        attempt,
        cols,
        rows,
    };
    let open = Request::Terminal {
        agent,
        attempt,
        at_us: None,
    };
    // The deck has asked for it already; lines of its output nobody wants.
    assert_eq!(asked, [size(118, 26)]);
    feed(&mut app, terminal(&run, SHOWN));
    // It grows: the next piece, from where it stands.
    let total = SHOWN.len() as u64;
    let grew = Update::Grew {
        agent,
        attempt,
        total: total + 5,
    };
    let asked = feed(&mut app, grew);
    assert!(
        matches!(asked[..], [Request::Output { offset: Some(at), .. }] if at == total),
        "{asked:?}"
    );
    let more = Update::Output {
        agent,
        attempt,
        offset: total,
        bytes: b"hello".to_vec(),
        total: total + 5,
    };
    assert_eq!(feed(&mut app, more), []);
    assert!(text(&mut app).contains("> hello"));
    let smaller = update(&mut app, AppInput::Terminal(Event::Resize(90, 24)));
    assert_eq!(smaller, [size(88, 15)]);
    // Hidden, it is nobody's wish any more; seen again, it is opened anew.
    assert_eq!(press(&mut app, "6"), [size(0, 0)]);
    assert_eq!(press(&mut app, "2"), [open, size(88, 15)]);
}

#[test]
fn it_is_drawn_clean_and_in_the_colours_that_there_are() {
    let run = run();
    for (size, name) in [((160, 40), "160x40"), ((80, 24), "80x24")] {
        let mut app = open(&run, size);
        insta::assert_snapshot!(format!("terminal_{name}"), text(&mut app));
    }
    let mut app = open(&run, (120, 35));
    for depth in [Depth::None, Depth::Ansi16, Depth::True] {
        app.settings.theme = Theme::new("dark", None, depth, false).unwrap();
        let mut buf = Buffer::empty(Rect::new(0, 0, 120, 35));
        app.draw(&mut buf);
        let row = app.view().regions.output.y + 1;
        let cell = &buf[(10, row)];
        assert_eq!(cell.symbol(), "a", "{}", screens::text(&buf));
        let coloured = cell.fg != buf[(7, row)].fg;
        assert_eq!(coloured, depth != Depth::None);
    }
    // The deck has the same terminal in its pane.
    press(&mut app, "1");
    assert!(text(&mut app).contains("$ cargo 日本"));
}

#[test]
fn the_keyboard_is_the_agents_until_ctrl_z() {
    let run = run();
    let agent = api(&run);
    let mut app = open(&run, (120, 35));
    let asked = press(&mut app, "a");
    assert_eq!(asked, [Request::Keyboard { agent, take: true }]);
    // Somebody else has it: who, is told.
    let news = |held| Update::Keyboard { agent, held };
    feed(
        &mut app,
        news(Err("another dashboard has the keyboard of api".into())),
    );
    assert!(text(&mut app).contains("another dashboard has"));
    press(&mut app, "a");
    feed(&mut app, news(Ok(true)));
    let shown = text(&mut app);
    assert!(
        shown.contains("the keyboard is the agent's: api"),
        "{shown}"
    );
    let keys = |bytes: &[u8]| Request::Keys {
        agent,
        bytes: bytes.to_vec(),
    };
    assert_eq!(press(&mut app, "q\n"), [keys(b"q"), keys(b"\r")]);
    assert!(!app.quit);
    assert_eq!(ctrl(&mut app, 'c'), [keys(b"\x03")]);
    let paste = AppInput::Terminal(Event::Paste("x\ny".into()));
    assert_eq!(update(&mut app, paste), [keys(b"x\ry")]);
    // Twice is sent; once, and it is ours again after a moment.
    assert_eq!(ctrl(&mut app, 'z'), []);
    assert_eq!(ctrl(&mut app, 'z'), [keys(b"\x1a")]);
    ctrl(&mut app, 'z');
    assert!(text(&mut app).contains("again sends it") && app.wants_tick());
    let mut asked = update(&mut app, AppInput::Tick);
    asked.extend(update(&mut app, AppInput::Tick));
    assert_eq!(asked, [Request::Keyboard { agent, take: false }]);
    // Or at once with any other key, which is ours then.
    press(&mut app, "a");
    feed(&mut app, news(Ok(true)));
    ctrl(&mut app, 'z');
    let asked = press(&mut app, "?");
    assert_eq!(asked, [Request::Keyboard { agent, take: false }]);
    assert_eq!(app.ui.popups.len(), 1);
    press(&mut app, "\u{1b}");
    // Nothing is typed that cannot be seen.
    press(&mut app, "a");
    feed(&mut app, news(Ok(true)));
    let asked = update(&mut app, AppInput::Terminal(Event::Resize(30, 9)));
    assert!(
        asked.contains(&Request::Keyboard { agent, take: false }),
        "{asked:?}"
    );
    assert_eq!(press(&mut app, "x"), []);
}

#[test]
fn who_has_no_keyboard_says_why() {
    let run = run();
    let mut app = app(&run, (120, 35));
    for (id, why) in [
        ("api-auth", "keeps no session"),
        ("tidy", "has no process of its own"),
        ("schema", "keeps no session"),
    ] {
        go_to(&mut app, id);
        assert_eq!(press(&mut app, "a"), [], "{id}");
        let said = app.ui.message.clone().unwrap().1;
        assert!(said.contains(why), "{id}: {said}");
    }
    let mut app = open(&run, (120, 35));
    let clock = Clock {
        at_us: run.now_us,
        end_us: run.now_us,
        seq: run.state.seq,
        last_seq: run.state.seq,
        playing: false,
        speed_permille: 1000,
    };
    feed(&mut app, Update::Clock(clock));
    assert_eq!(press(&mut app, "a"), []);
    assert!(text(&mut app).contains("nobody to type to"));
}

#[test]
fn the_same_bytes_are_the_same_picture_whenever_it_was_opened() {
    let run = run();
    let (agent, attempt) = (api(&run), 1);
    let mut bytes = Vec::new();
    for n in 0..80 {
        bytes.extend_from_slice(format!("\x1b[3{}mrow {n} 日本\x1b[0m\r\n", n % 8).as_bytes());
    }
    bytes.extend_from_slice(b"\x1b[5;5H\x1b[2Kthere\x1b[20;1H");
    let total = bytes.len() as u64;
    let resized = |offset| Update::Resized {
        agent,
        attempt,
        offset,
        cols: 60,
        rows: 20,
    };
    let mut late = open(&run, (120, 35));
    feed(&mut late, Update::Snapshot(Box::new(run.state.clone())));
    feed(&mut late, terminal(&run, &bytes[..0]));
    feed(&mut late, resized(700));
    let all = Update::Output {
        agent,
        attempt,
        offset: 0,
        bytes: bytes.clone(),
        total,
    };
    feed(&mut late, all);
    let mut live = open(&run, (120, 35));
    feed(&mut live, Update::Snapshot(Box::new(run.state.clone())));
    feed(&mut live, terminal(&run, &bytes[..333]));
    feed(&mut live, resized(700));
    for (n, piece) in bytes[333..].chunks(97).enumerate() {
        let news = Update::Output {
            agent,
            attempt,
            offset: 333 + 97 * n as u64,
            bytes: piece.to_vec(),
            total,
        };
        feed(&mut live, news);
    }
    for keys in ["", "kkkkk", "/row 12\n", "y"] {
        press(&mut late, keys);
        press(&mut live, keys);
        assert_eq!(text(&mut late), text(&mut live), "{keys}");
    }
    let shown = text(&mut live);
    assert!(
        shown.contains("row 12 日本") && shown.contains("1 of 1 rows"),
        "{shown}"
    );
    assert!(live.copy.take().unwrap().contains("row 12 日本\n"));
    assert_eq!(live.keyboard(), Keyboard::Ours);
}
