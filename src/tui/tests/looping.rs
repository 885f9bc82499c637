//! The loop with fed keys, news and a terminal made of memory.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, mpsc as std_mpsc},
    time::{Duration, Instant},
};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc;

use super::fixture;
use crate::{
    engine::Action,
    tui::{
        app::{Options, Outcome, run_on},
        feed::{Request, Update},
        terminal::Writer,
    },
};

#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A terminal that takes nothing until it is let go.
struct Stuck(std_mpsc::Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as the terminal gives it")]
fn key(c: char) -> io::Result<Event> {
    Ok(Event::Key(KeyEvent::new(
        KeyCode::Char(c),
        KeyModifiers::NONE,
    )))
}

/// Keys after a pause each, then silence.
fn keys(text: &'static str, pause: Duration) -> impl Stream<Item = io::Result<Event>> + Unpin {
    Box::pin(
        stream::iter(text.chars())
            .then(move |c| async move {
                tokio::time::sleep(pause).await;
                key(c)
            })
            .chain(stream::pending()),
    )
}

#[tokio::test(start_paused = true)]
async fn it_draws_sends_and_leaves() {
    let run = fixture::full();
    let (feed, news) = mpsc::channel(8);
    let (requests, mut asked) = mpsc::channel(64);
    feed.send(Update::Snapshot(Box::new(run.state.clone())))
        .await
        .unwrap();
    feed.send(Update::Sample(Box::new(run.sample())))
        .await
        .unwrap();
    let memory = Memory::default();
    let writer = Writer::new(Box::new(memory.clone())).unwrap();
    let outcome = run_on(
        news,
        requests,
        Options::default(),
        keys("jpq", Duration::from_millis(100)),
        &writer,
        (120, 35),
    )
    .await
    .unwrap();
    assert_eq!(outcome, Outcome::Left);
    writer.close(Duration::from_secs(5));
    let bytes = memory.0.lock().unwrap().clone();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("add-billing") && text.contains("\u{1b}[?2026h"));
    let mut actions = 0;
    while let Ok(request) = asked.try_recv() {
        actions += u32::from(matches!(
            request,
            Request::Action {
                action: Action::Pause { .. } | Action::Resume { .. },
                ..
            }
        ));
    }
    assert_eq!(actions, 1);
    drop(feed);
}

#[tokio::test]
async fn a_terminal_that_does_not_drain_holds_nothing_up() {
    let run = fixture::full();
    let (feed, news) = mpsc::channel(8);
    let (requests, _asked) = mpsc::channel(1);
    feed.send(Update::Snapshot(Box::new(run.state.clone())))
        .await
        .unwrap();
    let (hold, held) = std_mpsc::channel();
    let writer = Writer::new(Box::new(Stuck(held))).unwrap();
    let flood = tokio::spawn(async move {
        // Whoever feeds never waits for the terminal.
        for _ in 0..200 {
            feed.send(Update::Sample(Box::default())).await.unwrap();
        }
        feed
    });
    let start = Instant::now();
    let outcome = run_on(
        news,
        requests,
        Options::default(),
        keys("jjjq", Duration::from_millis(10)),
        &writer,
        (200, 60),
    )
    .await
    .unwrap();
    writer.close(Duration::from_millis(80));
    assert!(
        start.elapsed() < Duration::from_millis(1500),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(outcome, Outcome::Left);
    flood.await.unwrap();
    drop(hold);
}

#[tokio::test(start_paused = true)]
async fn frames_are_few_when_much_happens() {
    let run = fixture::full();
    let (feed, news) = mpsc::channel(4096);
    let (requests, _asked) = mpsc::channel(1);
    feed.send(Update::Snapshot(Box::new(run.first.clone())))
        .await
        .unwrap();
    for record in &run.records {
        feed.send(Update::Records(vec![record.clone()]))
            .await
            .unwrap();
    }
    let memory = Memory::default();
    let writer = Writer::new(Box::new(memory.clone())).unwrap();
    let end = keys("q", Duration::from_secs(10));
    run_on(news, requests, Options::default(), end, &writer, (120, 35))
        .await
        .unwrap();
    writer.close(Duration::from_secs(5));
    let bytes = memory.0.lock().unwrap().clone();
    let frames = String::from_utf8_lossy(&bytes)
        .matches("\u{1b}[?2026h")
        .count();
    assert!((1..=3).contains(&frames), "{frames}");
}

#[tokio::test(start_paused = true)]
async fn a_finished_run_stays_until_a_person_leaves() {
    let mut run = fixture::full();
    run.act(Action::Stop { target: None });
    assert!(run.state.finished.is_some());
    let (feed, news) = mpsc::channel(8);
    let (requests, _asked) = mpsc::channel(1);
    feed.send(Update::Snapshot(Box::new(run.state.clone())))
        .await
        .unwrap();
    drop(feed);
    let writer = Writer::new(Box::new(Memory::default())).unwrap();
    let outcome = run_on(
        news,
        requests,
        Options::default(),
        keys("jq", Duration::from_mins(1)),
        &writer,
        (120, 35),
    )
    .await
    .unwrap();
    assert_eq!(
        outcome,
        Outcome::Ended {
            status: run.state.finished.unwrap(),
            work: None,
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_goes_away_ends_it() {
    let (_feed, news) = mpsc::channel(8);
    let (requests, _asked) = mpsc::channel(1);
    let writer = Writer::new(Box::new(Memory::default())).unwrap();
    let outcome = run_on(
        news,
        requests,
        Options::default(),
        stream::empty(),
        &writer,
        (80, 24),
    )
    .await
    .unwrap();
    assert!(matches!(outcome, Outcome::Lost(_)));
}

/// The dashboard on the real terminal with a canned run that goes on, to be tried by hand:
/// `cargo test --lib -- on_a_real_terminal --ignored --nocapture`.
#[tokio::test]
#[ignore = "needs a terminal and a person"]
async fn on_a_real_terminal() {
    let mut run = fixture::full();
    let (feed, news) = mpsc::channel(64);
    let (requests, mut asked) = mpsc::channel::<Request>(64);
    feed.send(Update::Snapshot(Box::new(run.first.clone())))
        .await
        .unwrap();
    feed.send(Update::Records(run.records.clone()))
        .await
        .unwrap();
    feed.send(Update::Sample(Box::new(run.sample())))
        .await
        .unwrap();
    tokio::spawn(async move {
        let mut told = run.records.len();
        let mut tick = tokio::time::interval(Duration::from_millis(500));
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    run.wait(2);
                    let _ = feed.send(Update::Sample(Box::new(run.sample()))).await;
                }
                request = asked.recv() => match request {
                    Some(Request::Action { id, action }) => {
                        run.act(action);
                        let _ = feed.send(Update::Ack { id, result: Ok(()) }).await;
                    }
                    Some(Request::Output { agent, attempt, offset, .. }) => {
                        let mut text = String::new();
                        for i in 0..400 {
                            use std::fmt::Write;
                            let (id, more) = (run.state.id(agent), "and on ".repeat(i % 30));
                            let _ = writeln!(text, "\u{1b}[32m{i:>4}\u{1b}[0m {id} works on it \u{1b}]0;owned\u{7}{more}");
                        }
                        let total = text.len() as u64;
                        let from = offset.unwrap_or(total.saturating_sub(65_536)).min(total);
                        let bytes = text.as_bytes()[from as usize..].to_vec();
                        let _ = feed.send(Update::Output { agent, attempt, offset: from, bytes, total }).await;
                    }
                    Some(_) => {}
                    None => return,
                },
            }
            if run.records.len() > told {
                let new = run.records[told..].to_vec();
                told = run.records.len();
                let _ = feed.send(Update::Records(new)).await;
            }
        }
    });
    let outcome = crate::tui::app::run(news, requests, Options::default())
        .await
        .unwrap();
    println!("{outcome:?}");
}

/// A panic on the drawing thread gives the terminal back before it is reported; to be looked at.
#[test]
#[ignore = "needs a terminal and a person"]
fn panics_on_a_real_terminal() {
    let _guard = crate::tui::terminal::Guard::enter(true).unwrap();
    let _ = std::thread::spawn(|| panic!("on another thread: not shown")).join();
    std::thread::sleep(Duration::from_millis(500));
    panic!("on the drawing thread");
}
