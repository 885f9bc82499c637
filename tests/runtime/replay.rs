//! A recording is played as it was: jumps, steps, marks, output, report.

use std::sync::Arc;

use tokio::sync::mpsc;
use wavedeck::{
    engine::State,
    journal::{Reader, fold},
    plan::AgentIx,
    runtime::{prepare::read_folder, replay::Recording},
    tui::feed::{Clock, Replay, Request, Update},
};

use super::rig::Here;

const PLAN: &str = r#"
name = "played"
[[agent]]
id = "first"
run = ["sh", "-c", "echo one; echo two"]
[[agent]]
id = "second"
needs = ["first"]
run = ["sh", "-c", "exit 3"]
[[agent]]
id = "third"
needs = [{ agent = "second", when = "failed" }]
run = "true"
"#;

/// A dashboard that keeps what it is told.
struct Deck {
    to: mpsc::Sender<Request>,
    from: mpsc::Receiver<Update>,
    state: Option<State>,
    clock: Option<Clock>,
    marks: Vec<u64>,
}

impl Deck {
    fn open(here: &Here) -> Self {
        let dir = here.run_dir();
        let (setup, _) = read_folder(&dir).unwrap();
        let recording = Recording::open(&dir, Arc::new(setup)).unwrap();
        let (news, from) = mpsc::channel(256);
        let (to, asked) = mpsc::channel(16);
        recording.bridge(news, asked).unwrap();
        let mut deck = Self {
            to,
            from,
            state: None,
            clock: None,
            marks: Vec::new(),
        };
        deck.until_clock();
        while deck.marks.is_empty() {
            let news = deck.from.blocking_recv();
            deck.take(news.expect("the recording is served"));
        }
        deck
    }

    /// Takes one piece of news; the state is kept as a dashboard keeps it.
    fn take(&mut self, news: Update) -> Option<Clock> {
        match news {
            Update::Snapshot(state) => self.state = Some(*state),
            Update::Records(records) => {
                let state = self.state.as_mut().unwrap();
                for record in &records {
                    assert_eq!(record.seq, state.seq + 1, "no record is left out");
                    state.apply(record);
                }
            }
            Update::History { history, .. } => {
                self.marks = history.marks.iter().map(|mark| mark.seq).collect();
            }
            Update::Clock(clock) => {
                self.clock = Some(clock);
                assert_eq!(self.state.as_ref().unwrap().seq, clock.seq);
                return Some(clock);
            }
            Update::Gone { reason } => panic!("{reason}"),
            _ => {}
        }
        None
    }

    /// Takes what comes until the clock is told.
    fn until_clock(&mut self) -> Clock {
        loop {
            let news = self.from.blocking_recv();
            if let Some(clock) = self.take(news.expect("the recording is served")) {
                return clock;
            }
        }
    }

    fn ask(&mut self, what: Replay) -> Clock {
        self.to.blocking_send(Request::Replay(what)).unwrap();
        self.until_clock()
    }

    fn output(&mut self, agent: u32) -> String {
        let request = Request::Output {
            agent: AgentIx(agent),
            attempt: 1,
            offset: None,
            max: 4096,
        };
        self.to.blocking_send(request).unwrap();
        loop {
            if let Some(Update::Output { bytes, .. }) = self.from.blocking_recv() {
                return String::from_utf8(bytes).unwrap();
            }
        }
    }
}

#[test]
fn a_recording_is_gone_through_in_every_direction() {
    let here = Here::with(PLAN);
    assert_eq!(here.run().status, 0, "the failure is handled");
    let mut deck = Deck::open(&here);
    let first = deck.clock.unwrap();
    assert_eq!(first.seq, 1);
    let last = first.last_seq;

    // Every record, one by one, is what the journal folds to.
    let dir = here.run_dir();
    let (setup, _) = read_folder(&dir).unwrap();
    let whole = fold(Arc::new(setup), &mut Reader::open(&dir).unwrap()).unwrap();
    for seq in 2..=last {
        assert_eq!(deck.ask(Replay::Step(1)).seq, seq);
    }
    assert_eq!(deck.state.as_ref(), Some(&whole));
    assert_eq!(deck.ask(Replay::Step(1)).seq, last, "the end stays the end");
    assert_eq!(deck.ask(Replay::Step(-1)).seq, last - 1);
    assert_eq!(deck.ask(Replay::Seq(0)).seq, 1);
    assert_eq!(deck.ask(Replay::Time(u64::MAX)).seq, last);
    assert_eq!(deck.state.as_ref(), Some(&whole));
    assert_eq!(deck.output(0), "one\ntwo\n");

    // Marks: the begin, the failure, the run's end; each is a place to go to.
    let marks = deck.marks.clone();
    assert_eq!((marks.first(), marks.last()), (Some(&1), Some(&last)));
    assert!(marks.len() > 2, "the failure is one: {marks:?}");
    for mark in marks {
        assert_eq!(deck.ask(Replay::Seq(mark)).seq, mark);
    }
}

#[test]
fn a_recording_plays_to_its_end_and_changes_nothing() {
    let here = Here::with(PLAN);
    assert_eq!(here.run().status, 0);
    let before = std::fs::read(here.run_dir().join("journal.jsonl")).unwrap();
    let mut deck = Deck::open(&here);
    for _ in 0..20 {
        deck.ask(Replay::Speed(1));
    }
    assert_eq!(deck.clock.unwrap().speed_permille, 1_024_000);
    let mut clock = deck.ask(Replay::Toggle);
    while clock.playing {
        clock = deck.until_clock();
    }
    assert_eq!(clock.seq, clock.last_seq);
    // An action is refused in words.
    let action = wavedeck::engine::Action::Agents { cap: 1 };
    let request = Request::Action { id: 7, action };
    deck.to.blocking_send(request).unwrap();
    loop {
        if let Some(Update::Ack { id, result }) = deck.from.blocking_recv() {
            assert_eq!(id, 7);
            assert!(result.unwrap_err().contains("recording"));
            break;
        }
    }
    let after = std::fs::read(here.run_dir().join("journal.jsonl")).unwrap();
    assert_eq!(before, after);
}

#[test]
fn the_report_says_what_happened() {
    let here = Here::with(PLAN);
    assert_eq!(here.run().status, 0);
    let said = here.say(&["report"]);
    assert_eq!(said.status, 0, "{said}");
    for words in [
        "# played: run ",
        "| second | failed | 1 |",
        "| the end hung on | first → second → third |",
        "speed-up",
    ] {
        assert!(said.out.contains(words), "{words}: {said}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&here.say(&["report", "--json"]).out).unwrap();
    assert_eq!(json["status"], 0);
    assert_eq!(json["agents"][1]["state"], "failed");
    assert_eq!(json["metrics"]["wave_count"], 3);
    let md = std::fs::read_to_string(here.run_dir().join("report.md")).unwrap();
    assert_eq!(md, said.out, "the one written at the end is the same");
    // And its lines once more.
    let again = here.say(&["replay", "--headless"]);
    assert!(again.out.contains("finished: "), "{again}");
}

/// A replay goes back to before an agent was added, and forward to where it is there.
#[test]
fn agents_that_were_added_come_and_go_with_the_clock() {
    let here = Here::with(
        "[[agent]]\nid = \"a\"\nrun = [\"sh\", \"-c\", \"while ! test -e go; do sleep 0.02; done\"]\n",
    );
    let live = here.start();
    live.hears("agent.started", "a");
    let said = here.say(&["ctl", "add", "--id", "late", "$ echo late"]);
    assert_eq!(said.status, 0, "{said}");
    here.write("go", "");
    let events = live.end().with(0);
    let added = events.all("plan.extended")[0]["seq"].as_u64().unwrap();
    let mut deck = Deck::open(&here);
    let agents = |deck: &Deck| deck.state.as_ref().unwrap().agents.len();
    let last = deck.clock.unwrap().last_seq;
    for (seq, there) in [(last, 2), (added - 1, 1), (added, 2), (1, 1), (last, 2)] {
        assert_eq!(deck.ask(Replay::Seq(seq)).seq, seq);
        assert_eq!(agents(&deck), there, "record {seq}");
    }
    assert_eq!(deck.output(1), "late\n");
    // Step by step it is what the journal folds to.
    deck.ask(Replay::Seq(1));
    for seq in 2..=last {
        assert_eq!(deck.ask(Replay::Step(1)).seq, seq);
    }
    let (setup, _) = read_folder(&here.run_dir()).unwrap();
    let whole = fold(Arc::new(setup), &mut Reader::open(&here.run_dir()).unwrap()).unwrap();
    assert_eq!(deck.state.as_ref(), Some(&whole));
}
