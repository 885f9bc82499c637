//! The agent's screen: what it shows, search, copying, attempts and evidence.

use crossterm::event::{Event, KeyCode, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    fixture::{self, Run},
    keys::{app, go_to, key, press},
    screens,
};
use crate::{
    engine::{Absent, Exit, InputKind, JobKey, Owner},
    plan::AgentIx,
    report::history::History,
    tui::{
        feed::{Request, Update},
        ui_state::{Look, Screen, Tab},
        update::{App, AppInput, update},
    },
};

/// An app on a run whose past it knows.
fn with_past(run: &Run, size: (u16, u16)) -> App {
    let mut state = run.first.clone();
    let mut history = History::new(&state);
    for record in &run.records {
        state.apply(record);
        history.push(&state, record);
    }
    let mut app = app(run, size);
    let past = Update::History {
        seq: u64::MAX,
        history: Box::new(history),
        planned: Box::default(),
    };
    update(&mut app, AppInput::Feed(past));
    app
}

fn text(app: &mut App) -> String {
    let (w, h) = app.ui.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    app.draw(&mut buf);
    screens::text(&buf)
}

/// Answers what is asked of an agent's output from a file, until nothing is asked any more.
fn answer(app: &mut App, mut requests: Vec<Request>, file: &[u8]) -> usize {
    let mut asked = 0;
    loop {
        let mut next = Vec::new();
        for request in requests {
            let Request::Output {
                agent,
                attempt,
                offset,
                max,
            } = request
            else {
                continue;
            };
            asked += 1;
            let total = file.len() as u64;
            let offset = offset.unwrap_or_else(|| total.saturating_sub(u64::from(max)));
            let from = (offset as usize).min(file.len());
            let to = (from + max as usize).min(file.len());
            let news = Update::Output {
                agent,
                attempt,
                offset,
                bytes: file[from..to].to_vec(),
                total,
            };
            next.extend(update(app, AppInput::Feed(news)));
        }
        next.extend(update(app, AppInput::Tick));
        if next.is_empty() {
            return asked;
        }
        requests = next;
    }
}

/// The agent's screen of `id` with this output.
fn open(run: &Run, id: &str, size: (u16, u16), file: &[u8]) -> App {
    let mut app = with_past(run, size);
    go_to(&mut app, id);
    app.ui.chosen = true;
    let asked = press(&mut app, "2");
    assert_eq!(app.ui.screen, Screen::Agent);
    answer(&mut app, asked, file);
    app
}

fn log(lines: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for n in 0..lines {
        let what = if n % 1000 == 7 { "ERROR in" } else { "reads" };
        out.extend_from_slice(format!("{n:06} {what} src/file_{n}.rs\n").as_bytes());
    }
    out
}

#[test]
fn it_is_drawn_at_every_size() {
    let run = fixture::full();
    let file = b"reading src/api/mod.rs\n\x1b[32m$ cargo check\x1b[0m\n    Finished in 3.41s\nA line that is much longer than any pane of a small terminal is, so that it has to be broken somewhere\n";
    for (id, tab, size) in [
        ("api", Tab::Output, (200, 55)),
        ("backfill", Tab::Attempts, (160, 45)),
        ("api", Tab::Output, (120, 35)),
        ("backfill", Tab::Attempts, (80, 24)),
        ("ui-style", Tab::Checks, (100, 30)),
        ("importer", Tab::Plan, (80, 24)),
        ("api", Tab::Output, (45, 20)),
    ] {
        let mut app = open(&run, id, size, file);
        app.ui.on_agent.tab = tab;
        insta::assert_snapshot!(
            format!("agent_{}_{}x{}", tab.name(), size.0, size.1),
            text(&mut app)
        );
    }
}

#[test]
fn an_old_attempt_shows_its_own_output() {
    let run = fixture::full();
    let mut app = open(&run, "importer", (160, 45), b"newest\n");
    let newest = app.view().output.attempt;
    assert!(newest > 1, "it was swapped");
    press(&mut app, "\t");
    assert_eq!(app.ui.on_agent.tab, Tab::Attempts);
    let asked = press(&mut app, "k");
    assert!(
        asked
            .iter()
            .any(|r| matches!(r, Request::Output { attempt: 1, .. })),
        "{asked:?}"
    );
    answer(&mut app, asked, b"of the first try\n");
    let shown = text(&mut app);
    assert!(
        shown.contains("of the first try") && shown.contains("attempt 1 of 2"),
        "{shown}"
    );
    // Another agent begins with its newest one again.
    press(&mut app, "J");
    assert_eq!(app.ui.on_agent.attempt, None);
}

#[test]
fn evidence_of_the_chosen_check_is_asked_for_once() {
    let run = fixture::full();
    let mut app = open(&run, "ui-style", (100, 30), b"");
    let ix = run.state.find(&"ui-style".into()).unwrap();
    let asked: Vec<Request> = press(&mut app, "\t\t");
    let owner = Owner::Agent(ix);
    let key = (1, 1, 0);
    assert!(asked.contains(&Request::Check { owner, key }), "{asked:?}");
    assert!(!press(&mut app, "?\u{1b}").contains(&Request::Check { owner, key }));
    let bytes = b"2 tests failed\n\x1b]0;owned\x07".to_vec();
    update(
        &mut app,
        AppInput::Feed(Update::Check { owner, key, bytes }),
    );
    let shown = text(&mut app);
    assert!(
        shown.contains("EVIDENCE") && shown.contains(" 2 tests failed"),
        "{shown}"
    );
    // The next command was never asked: nothing is shown for it.
    press(&mut app, "j");
    assert!(text(&mut app).contains("shown once it has ended"));
}

#[test]
fn search_goes_through_output_that_was_not_loaded() {
    let run = fixture::full();
    let file = log(40_500);
    let mut app = open(&run, "api", (120, 35), &file);
    let asked = press(&mut app, "/error");
    answer(&mut app, asked, &file);
    let asked = press(&mut app, "\n");
    answer(&mut app, asked, &file);
    let shown = text(&mut app);
    assert!(shown.contains("/error 41 of 41 lines"), "{shown}");
    assert!(shown.contains("040007 ERROR in"), "{shown}");
    // Capitals are meant as such; far back, where nothing was loaded.
    for _ in 0..40 {
        let asked = press(&mut app, "N");
        answer(&mut app, asked, &file);
    }
    let shown = text(&mut app);
    assert!(
        shown.contains("1 of 41") && shown.contains("000007 ERROR in"),
        "{shown}"
    );
    press(&mut app, "N");
    assert!(text(&mut app).contains("none before this one"));
    let asked = press(&mut app, "n");
    answer(&mut app, asked, &file);
    assert!(text(&mut app).contains("001007 ERROR in"));
    // Where it stands is not lost by what comes in.
    press(&mut app, "\u{1b}");
    assert!(!text(&mut app).contains("41 lines"));
    let asked = press(&mut app, "/nowhere\n");
    answer(&mut app, asked, &file);
    assert!(
        text(&mut app).contains("`nowhere` is in no line"),
        "{}",
        text(&mut app)
    );
}

#[test]
fn lines_are_copied_without_borders() {
    let run = fixture::full();
    let mut file = log(500);
    file.extend_from_slice(b"\x1b[31mred\x1b[0m\x1b]52;c;aGk=\x07 and a tail\n");
    let mut app = open(&run, "api", (100, 24), &file);
    press(&mut app, "y");
    let copied = app.copy.take().unwrap();
    assert!(
        copied.ends_with("000499 reads src/file_499.rs\nred and a tail\n"),
        "{copied}"
    );
    let rows = usize::from(app.view().regions.output.height) - 1;
    assert_eq!(copied.lines().count(), rows);
    // A range, marked and scrolled back from.
    press(&mut app, "v");
    press(&mut app, "kkk");
    press(&mut app, "y");
    let copied = app.copy.take().unwrap();
    let first = 501 - rows;
    let lines: Vec<String> = (first - 3..=first)
        .map(|n| format!("{n:06} reads src/file_{n}.rs"))
        .collect();
    assert_eq!(copied.lines().collect::<Vec<_>>(), lines);
    assert_eq!(app.ui.on_agent.mark, None);
}

#[test]
fn broken_lines_scroll_to_the_end_without_a_gap() {
    let run = fixture::full();
    let mut file = Vec::new();
    for n in 0..60 {
        file.extend_from_slice(format!("{n:03} {}\n", "word ".repeat(40)).as_bytes());
    }
    let mut app = open(&run, "api", (80, 24), &file);
    press(&mut app, "gg");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..80 {
        let shown = text(&mut app);
        seen.extend((0..60).filter(|n| shown.contains(&format!("{n:03} word"))));
        press(&mut app, "j");
    }
    assert_eq!(app.ui.look, Look::Tail);
    assert_eq!(seen.len(), 60);
    // Cut lines are read by going along them.
    press(&mut app, "W");
    assert!(text(&mut app).contains("059 word"));
    press(&mut app, "l");
    assert!(!text(&mut app).contains("059 word"));
}

#[test]
fn tabs_and_lists_can_be_clicked() {
    let run = fixture::full();
    let mut app = open(&run, "importer", (80, 24), b"out\n");
    let click = |app: &mut App, column, row| {
        let event = Event::Mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column,
            row,
            modifiers: crossterm::event::KeyModifiers::NONE,
        });
        update(app, AppInput::Terminal(event))
    };
    let tabs = app.view().regions.tabs;
    let line = text(&mut app)
        .lines()
        .nth(usize::from(tabs.y))
        .unwrap()
        .to_owned();
    let at = line.find("attempts").unwrap() as u16;
    click(&mut app, at, tabs.y);
    assert_eq!(app.ui.on_agent.tab, Tab::Attempts);
    let list = app.view().regions.attempts;
    let asked = click(&mut app, 5, list.y + 1);
    assert!(
        asked
            .iter()
            .any(|r| matches!(r, Request::Output { attempt: 1, .. })),
        "{asked:?}"
    );
    assert_eq!(app.ui.on_agent.attempt, Some(1));
}

#[test]
fn zoom_leads_back_to_where_it_was_asked_for() {
    let run = fixture::full();
    let mut app = with_past(&run, (100, 30));
    go_to(&mut app, "api");
    press(&mut app, "z");
    assert!(app.ui.on_agent.zoom.is_some() && app.ui.screen == Screen::Agent);
    press(&mut app, "z");
    assert_eq!(app.ui.screen, Screen::Deck);
    press(&mut app, "2z");
    update(&mut app, key(KeyCode::Esc));
    assert_eq!((app.ui.screen, app.ui.on_agent.zoom), (Screen::Agent, None));
    update(&mut app, key(KeyCode::Esc));
    assert_eq!(app.ui.screen, Screen::Deck);
}

#[test]
fn its_page_tells_of_hand_offs_and_of_what_it_begins_with() {
    use crate::graph::random::{agent, empty, hard};
    let mut plan = empty();
    plan.agents = vec![agent("schema", 60, 100), agent("api", 60, 100)];
    plan.agents[1].needs = vec![hard(0)];
    plan.agents[1].needs[0].files = vec!["schema.sql".to_owned()];
    let mut run = Run::new(plan, 2, 1 << 33);
    let InputKind::Ended {
        key,
        exit,
        cpu_us,
        peak_bytes,
        output_bytes,
        leaked,
        present,
        ..
    } = fixture::ended(JobKey::main(AgentIx(0), 1), Exit::Code(0))
    else {
        unreachable!()
    };
    run.input(InputKind::Ended {
        key,
        exit,
        cpu_us,
        peak_bytes,
        output_bytes,
        leaked,
        present,
        handoff: true,
    });
    let shown = |run: &Run, id: &str| {
        let mut app = open(run, id, (160, 45), b"");
        app.ui.on_agent.tab = Tab::Plan;
        text(&mut app)
    };
    let giver = shown(&run, "schema");
    // The rest of the line is on the next one.
    let handed = "handoff/schema.md · 2 artefacts";
    assert!(
        giver.contains(&format!("hands off {handed}")) && giver.contains("· handed off"),
        "{giver}"
    );
    let waits = shown(&run, "api");
    for part in [
        "begins w. schema.sql of schema",
        &format!("gets      {handed}"),
        "what it begins with is looked for",
    ] {
        assert!(waits.contains(part), "{part}: {waits}");
    }
    run.input(InputKind::Inspected {
        agent: AgentIx(1),
        number: 1,
        missing: Ok(vec![Absent {
            path: "schema.sql".to_owned(),
            from: Some("schema".into()),
        }]),
    });
    let blocked = shown(&run, "api");
    let why = "not there to begin with: schema.sql of schema";
    assert!(blocked.contains(why), "{blocked}");
    let told: Vec<String> = run.notes().iter().map(|note| note.text.clone()).collect();
    for part in [
        "schema hands off 2 artefacts: handoff/schema.md",
        "checkpoint at the hand-off of schema: 700M that it held are free, ~1m left",
        "api cannot begin without schema.sql",
    ] {
        assert!(told.iter().any(|text| text == part), "{part}: {told:#?}");
    }
}
