//! Work that comes together: the merge screen, the conflict view, the review.

use std::{collections::BTreeMap, sync::Arc};

use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    fixture::{GIB, Run},
    keys::{actions, app, press},
    screens,
};
use crate::{
    conflict::{ConflictDoc, ConflictFile, Entry, Hunk, Kind, Part, Piece, VERSION},
    engine::{
        Action, Clash, Exit, Foreseen, InputKind, MergeOutcome, Pick, Settle, Status, Strategy,
    },
    graph::random::{agent, empty, gate, hard},
    plan::{Domain, GateIx, Plan, Workspace},
    tui::{
        feed::{ClashAsk, Clock, Request, ReviewAsk, Spot, Texts, Update},
        ui_state::{Popup, RowId, Screen},
        update::{App, AppInput, update},
        view::Mark,
    },
};

fn plan() -> Plan {
    let mut plan = empty();
    plan.name = "together".into();
    plan.gates = vec![gate("read-it")];
    plan.gates[0].run.clear();
    plan.gates[0].approve = Some("Is the text good?".into());
    plan.domains.insert("db".into(), Domain { critical: true });
    for (id, needs) in [
        ("schema", vec![]),
        ("api", vec![]),
        ("ui", vec![]),
        ("docs", vec![]),
        ("hooks", vec![]),
        ("importer", vec![]),
        ("style", vec![]),
        ("release", vec![1]),
    ] {
        let mut a = agent(id, 600, 300);
        a.workspace = Workspace::Own;
        a.needs = needs.into_iter().map(hard).collect();
        plan.agents.push(a);
    }
    plan.agents[3].gates = vec![GateIx(0)];
    plan
}

fn clean(commit: &str) -> MergeOutcome {
    MergeOutcome::Clean {
        commit: commit.repeat(10),
        path: "/state/merge".into(),
        checked: true,
        tree: None,
        overlap: Vec::new(),
        with: Vec::new(),
        clash: None,
    }
}

fn clash() -> Clash {
    Clash {
        files: vec![
            "src/api.rs".into(),
            "logo\u{202e}gnp.png".into(),
            "Cargo.lock".into(),
        ],
        file_count: 3,
        hunks: 3,
        lines: 24,
        kinds: vec!["binary".into()],
        complexity: 420,
    }
}

/// A run in which something of everything is there: merged, being merged, in line, in conflict,
/// foreseen, outside of its scope, asked about.
pub fn coming_together() -> Run {
    let mut run = Run::new(plan(), 8, 16 * GIB);
    run.outcomes.insert("schema".into(), clean("5c4e"));
    let api = MergeOutcome::Conflict {
        clash: clash(),
        with: vec!["schema".into()],
        why: None,
    };
    run.outcomes.insert("api".into(), api);
    run.wait(300);
    run.done("schema");
    run.wait(40);
    run.done("api");
    run.wait(20);
    run.done("docs");
    run.done("ui");
    run.wait(12);
    run.done("hooks");
    let ix = |id: &str| run.state.find(&id.into()).unwrap();
    let (importer, style) = (ix("importer"), ix("style"));
    run.input(InputKind::Foreseen {
        agent: importer,
        with: style,
        clash: Some(Foreseen {
            files: vec!["src/table.rs".into(), "src/\u{1b}[31mred.rs".into()],
            kinds: vec!["deleted".into()],
            critical: false,
        }),
    });
    run.input(InputKind::Outside {
        agent: style,
        attempt: 1,
        paths: vec!["Cargo.toml".into(), "build.rs".into()],
    });
    run.wait(95);
    run
}

fn entry(oid: &str) -> Entry {
    Entry {
        mode: 0o100_644,
        oid: oid.repeat(10),
    }
}

fn file(path: &str, kind: Kind, pieces: Vec<Piece>, rule: Option<&str>) -> ConflictFile {
    ConflictFile {
        path: path.into(),
        kind,
        parts: vec![Part {
            path: path.into(),
            base: Some(entry("ba5e")),
            ours: Some(entry("0125")),
            theirs: Some(entry("7e12")),
        }],
        pieces,
        mode: 0o100_644,
        cut: false,
        rule: rule.map(str::to_owned),
        said: String::new(),
    }
}

/// The texts of its conflict; hostile ones among them.
pub fn texts() -> Texts {
    let one = Hunk::new(
        "fn total(cart: &Cart) -> u64 {\n\tcart.sum()\n}\n".into(),
        "fn total(cart: &Cart) -> Money {\n\tcart.sum().into()\n}\n".into(),
        "fn total(cart: &Cart, vat: u32) -> u64 {\n\tcart.sum() * vat\n}\n".into(),
        0,
    );
    let two = Hunk::new(
        String::new(),
        "use money::Money;\n".into(),
        "use vat::rate; // \u{1b}]0;owned\u{7}\u{202e}\n".into(),
        0,
    );
    let pieces = vec![
        Piece::Same("//! The shop.\n\n".into()),
        Piece::Hunk(two),
        Piece::Same("\nstruct Cart;\n\n".into()),
        Piece::Hunk(one),
        Piece::Same("\nfn end() {}\n".into()),
    ];
    let lock = Hunk::new("a\n".into(), "b\n".into(), "c\n".into(), 0);
    Texts {
        doc: ConflictDoc {
            version: VERSION,
            id: "1".into(),
            agent: "api".into(),
            attempt: 1,
            onto: "5c4e".repeat(10),
            theirs: "c001".repeat(10),
            base: None,
            tree: String::new(),
            files: vec![
                file(
                    "Cargo.lock",
                    Kind::Content,
                    vec![Piece::Hunk(lock)],
                    Some("theirs"),
                ),
                file("logo\u{202e}gnp.png", Kind::Binary, Vec::new(), None),
                file("src/api.rs", Kind::Content, pieces, None),
            ],
            omitted: 0,
        },
        edits: BTreeMap::new(),
    }
}

const DIFF: &str = "diff --git a/src/ui.rs b/src/ui.rs\nindex 1..2 100644\n--- a/src/ui.rs\n+++ b/src/ui.rs\n\
    @@ -1,4 +1,5 @@ mod ui;\n use std::io;\n-fn draw() {}\n+fn draw(to: &mut Frame) {\n+\tto.clear(); \
    // \x1b[31mred\x1b[0m\n+}\n \n-fn gone() {}\ndiff --git a/src/new.rs b/src/new.rs\nnew file mode \
    100644\n--- /dev/null\n+++ b/src/new.rs\n@@ -0,0 +1,2 @@\n+pub struct Frame;\n+\n";

/// Answers what these screens ask for.
pub fn answer(app: &mut App, requests: &[Request]) -> Vec<Request> {
    let mut more = Vec::new();
    for request in requests {
        let news = match request {
            Request::Clash(ask) => Update::Clash {
                ask: ask.clone(),
                result: Ok(Arc::new(texts())),
            },
            Request::Review(ask) => Update::Review {
                ask: ask.clone(),
                result: Ok(DIFF.as_bytes().to_vec()),
            },
            _ => continue,
        };
        more.extend(update(app, AppInput::Feed(news)));
    }
    more
}

fn paint(app: &mut App) -> String {
    let (w, h) = app.ui.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    app.draw(&mut buf);
    let text = screens::text(&buf);
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text}");
    text
}

/// Presses keys and answers what they ask for.
fn go(app: &mut App, keys: &str) -> Vec<Request> {
    let asked = press(app, keys);
    answer(app, &asked);
    asked
}

/// Acts and tells the dashboard.
fn act(app: &mut App, run: &mut Run, action: Action) {
    let from = run.records.len();
    run.act(action);
    let records = run.records[from..].to_vec();
    let asked = update(app, AppInput::Feed(Update::Records(records)));
    answer(app, &asked);
}

fn at_screen(run: &Run, size: (u16, u16), keys: &str) -> App {
    let mut app = app(run, size);
    for key in keys.chars() {
        go(&mut app, &key.to_string());
    }
    app.ui.message = None;
    app
}

const SIZES: [(u16, u16); 4] = [(200, 55), (120, 35), (80, 24), (45, 20)];

#[test]
fn the_fixture_has_something_of_everything() {
    let run = coming_together();
    let of = |id: &str| run.state.agent(run.state.find(&id.into()).unwrap()).status;
    assert_eq!(of("schema"), Status::Succeeded);
    assert_eq!(of("api"), Status::Blocked);
    assert_eq!((of("ui"), of("hooks")), (Status::Merging, Status::Merging));
    assert_eq!(of("docs"), Status::Checking);
    assert_eq!(
        run.state.merges.conflicts[&1].strategy,
        Strategy::GuidedMerge
    );
}

#[test]
fn the_screens_are_drawn_at_every_size() {
    let run = coming_together();
    for (name, keys) in [
        ("merge", "4"),
        ("clash", "4\n"),
        ("place", "4\nn"),
        ("review", "4dJJ"),
    ] {
        for size in SIZES {
            let mut app = at_screen(&run, size, keys);
            let text = paint(&mut app);
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), text);
        }
    }
}

#[test]
fn a_plan_whose_agents_share_the_repository_is_told_how_work_comes_together() {
    let mut app = at_screen(&super::fixture::full(), (120, 35), "4");
    assert!(paint(&mut app).contains("Nothing comes together in this run"));
}

#[test]
fn sides_are_taken_place_by_place_and_merged_as_chosen() {
    let mut run = coming_together();
    let mut app = at_screen(&run, (120, 35), "4\n");
    assert_eq!(app.ui.screen, Screen::Clash);
    // The rule's file needs no answer: the first open place is the picture.
    assert_eq!(app.ui.clash.at, 2);
    let choose = |file: &str, hunk: Option<&str>, pick: Pick| Action::Choose {
        conflict: 1,
        file: Some(file.to_owned()),
        hunk: hunk.map(str::to_owned),
        pick,
    };
    let doc = texts().doc;
    let keys: Vec<String> = doc.files[2].hunks().map(|h| h.key.clone()).collect();
    let done = actions(press(&mut app, "t"));
    assert_eq!(done, [choose("logo\u{202e}gnp.png", None, Pick::Theirs)]);
    act(&mut app, &mut run, done[0].clone());
    // It is not merged while places are open: the key leads to the first.
    assert_eq!(actions(press(&mut app, "g")), []);
    assert_eq!(app.ui.clash.at, 4);
    let done = actions(press(&mut app, "B"));
    assert_eq!(
        done,
        [choose("src/api.rs", Some(&keys[0]), Pick::BothReversed)]
    );
    act(&mut app, &mut run, done[0].clone());
    let text = paint(&mut app);
    let (rate, money) = (
        text.rfind("use vat::rate").unwrap(),
        text.rfind("use money").unwrap(),
    );
    assert!(rate < money, "the result has the agent's first: {text}");
    press(&mut app, "n");
    assert_eq!(app.ui.clash.at, 5);
    let done = actions(press(&mut app, "o"));
    assert_eq!(done, [choose("src/api.rs", Some(&keys[1]), Pick::Ours)]);
    act(&mut app, &mut run, done[0].clone());
    let text = paint(&mut app);
    assert!(text.contains("all is chosen"));
    // The footer may be hidden by what was done just now.
    assert!(text.contains(" g merges it "), "{text}");
    // The last one is taken back and given again, for the whole file.
    let undo = actions(press(&mut app, "u"));
    assert_eq!(undo, [Action::Undo { conflict: 1 }]);
    act(&mut app, &mut run, undo[0].clone());
    let text = paint(&mut app);
    assert!(text.contains("1 place has no answer yet"));
    assert!(!text.contains("merges it"), "{text}");
    let done = actions(press(&mut app, "O"));
    assert_eq!(done, [choose("src/api.rs", None, Pick::Ours)]);
    act(&mut app, &mut run, done[0].clone());
    let settle = Action::Settle {
        conflict: 1,
        how: Settle::Chosen,
        note: None,
    };
    assert_eq!(actions(press(&mut app, "g")), std::slice::from_ref(&settle));
    act(&mut app, &mut run, settle);
    assert!(paint(&mut app).contains("as chosen: in line"));
}

#[test]
fn a_text_of_ones_own_is_kept_before_it_is_chosen() {
    let mut run = coming_together();
    let mut app = at_screen(&run, (120, 35), "4\n");
    press(&mut app, "e");
    assert!(app.edit.is_none(), "a picture is no text");
    press(&mut app, "ne");
    let edit = app.edit.take().unwrap();
    assert_eq!(edit.name, "api.rs");
    assert!(
        edit.text.starts_with("<<<<<<< integrated\nuse money"),
        "{}",
        edit.text
    );
    let back = |app: &mut App, result| {
        let spot = edit.spot.clone();
        update(app, AppInput::Edited { spot, result })
    };
    // Markers that are left, and what is not changed, take nothing.
    assert_eq!(back(&mut app, Ok(None)), []);
    assert_eq!(back(&mut app, Err("no editor".into())), []);
    // One that is left is enough, and what was written is there the next time.
    let typed = "use both;\n>>>>>>> the agent's\n";
    assert_eq!(back(&mut app, Ok(Some(typed.into()))), []);
    press(&mut app, "e");
    assert_eq!(app.edit.take().unwrap().text, typed);
    let asked = back(&mut app, Ok(Some("use both;\n".into())));
    let [Request::Keep { place, text }] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!(text, "use both;\n");
    let hash = "ab".repeat(32);
    let kept = Update::Kept {
        place: place.clone(),
        result: Ok(hash.clone()),
    };
    let chosen = actions(update(&mut app, AppInput::Feed(kept)));
    let Spot { file, hunk, .. } = place.clone();
    let action = Action::Choose {
        conflict: 1,
        file: Some(file),
        hunk,
        pick: Pick::Edited(hash.clone()),
    };
    assert_eq!(chosen, std::slice::from_ref(&action));
    // Its text is asked for, and shown.
    let from = run.records.len();
    run.act(action);
    let records = run.records[from..].to_vec();
    let asked = update(&mut app, AppInput::Feed(Update::Records(records)));
    let ask = ClashAsk {
        id: 1,
        edits: vec![hash.clone()],
        merge: run.state.merges.last_number,
    };
    assert_eq!(asked, [Request::Clash(ask.clone())]);
    let mut all = texts();
    all.edits.insert(hash, "use both;\n".into());
    let result = Ok(Arc::new(all));
    update(&mut app, AppInput::Feed(Update::Clash { ask, result }));
    assert!(paint(&mut app).contains("use both;"));
}

#[test]
fn what_suggests_itself_is_taken_with_a_key() {
    let run = coming_together();
    let mut app = at_screen(&run, (120, 35), "4\n");
    assert_eq!(
        press(&mut app, "a"),
        [],
        "nothing suggests itself for a picture"
    );
    press(&mut app, "n");
    let text = paint(&mut app);
    assert!(
        text.contains("Suggests: both, what is alike once (a takes"),
        "{text}"
    );
    let asked = press(&mut app, "a");
    let [Request::Keep { place, text }] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!(place.file, "src/api.rs");
    assert!(
        text.starts_with("use money::Money;\nuse vat::rate;"),
        "{text}"
    );
}

#[test]
fn a_place_stands_in_what_is_around_it() {
    let run = coming_together();
    for size in [(200, 55), (120, 35), (80, 24)] {
        let mut app = at_screen(&run, size, "4\nnn");
        let clash = app.view().clash.unwrap();
        let own = |side: &crate::tui::view::clash::Side| {
            side.lines.iter().position(|line| line.own).unwrap()
        };
        // It begins in one row in all of them, with what stands before it above.
        assert!(own(&clash.sides[0]) > 0, "{size:?}");
        assert_eq!(own(&clash.sides[0]), own(&clash.sides[2]), "{size:?}");
        let changed = |n: usize| {
            let parts = clash.sides[n].lines.iter().flat_map(|line| &line.parts);
            let changed = parts.filter(|part| part.1).map(|part| part.0.as_str());
            changed.collect::<Vec<_>>().concat()
        };
        assert_eq!(changed(0), "Money().into", "{size:?}");
        assert_eq!(changed(2), ", vat: u32 * vat", "{size:?}");
        // Of what was there before: what one of them has not kept.
        assert_eq!(changed(1), "u64", "{size:?}");
        let after = paint(&mut app).contains("fn end() {}");
        assert!(after || size == (80, 24), "{size:?}");
    }
}

#[test]
fn what_throws_work_away_asks_and_notes_are_typed() {
    let run = coming_together();
    let mut app = at_screen(&run, (120, 35), "4\n");
    let settle = |how, note: Option<&str>| Action::Settle {
        conflict: 1,
        how,
        note: note.map(str::to_owned),
    };
    assert_eq!(actions(press(&mut app, "s")), []);
    assert!(matches!(
        app.ui.popups.last(),
        Some(Popup::Ask { chosen: 0, .. })
    ));
    assert_eq!(
        actions(press(&mut app, "\n")),
        [],
        "the harmless answer is chosen"
    );
    assert_eq!(
        actions(press(&mut app, "sy")),
        [settle(Settle::Sequential, None)]
    );
    assert_eq!(
        actions(press(&mut app, "hkeep the API\n")),
        [settle(Settle::HandBack, Some("keep the API"))]
    );
    assert_eq!(
        actions(press(&mut app, "Ewho knows\n")),
        [settle(Settle::Escalate, Some("who knows"))]
    );
    assert_eq!(actions(press(&mut app, "hnever\u{1b}")), []);
    press(&mut app, "\u{1b}");
    assert_eq!(app.ui.screen, Screen::Merge, "Esc leads back");
}

#[test]
fn who_may_only_look_changes_nothing() {
    let run = coming_together();
    let mut app = at_screen(&run, (120, 35), "4\n");
    app.settings.can_act = false;
    for key in "otbB0OTeugshE".chars() {
        assert_eq!(press(&mut app, &key.to_string()), [], "{key}");
        assert!(app.edit.is_none() && app.ui.popups.is_empty(), "{key}");
        let (_, text) = app.ui.message.clone().unwrap();
        assert!(text.contains("read-only"), "{key}: {text}");
    }
    app.ui.message = None;
    let footer = paint(&mut app).lines().last().unwrap().to_owned();
    assert!(
        !footer.contains("theirs") && footer.contains("next open"),
        "{footer}"
    );
}

#[test]
fn the_queue_leads_to_the_conflict() {
    let run = coming_together();
    let mut app = app(&run, (120, 35));
    go(&mut app, "!");
    go(&mut app, "\n");
    // The oldest waits first; the conflict is one of what waits.
    if app.ui.screen != Screen::Clash {
        go(&mut app, "1!!");
        go(&mut app, "\n");
    }
    assert_eq!((app.ui.screen, app.ui.clash.id), (Screen::Clash, 1));
}

#[test]
fn a_review_reads_comments_and_sends_back() {
    let mut run = coming_together();
    let mut app = app(&run, (120, 35));
    super::keys::go_to(&mut app, "docs");
    let asked = press(&mut app, "d");
    let docs = run.state.find(&"docs".into()).unwrap();
    let ask = ReviewAsk {
        agent: docs,
        attempt: 1,
        base: "ba5e".repeat(10),
        commit: "c003".repeat(10),
    };
    assert!(asked.contains(&Request::Review(ask)), "{asked:?}");
    assert!(app.ui.read.is_empty(), "nothing is read before it is there");
    answer(&mut app, &asked);
    assert_eq!(app.ui.read.len(), 1);
    // Without a comment there is nothing to send back.
    assert_eq!(actions(press(&mut app, "b")), []);
    assert!(app.ui.popups.is_empty());
    press(&mut app, "jjjj");
    let said = actions(press(&mut app, "cwhy clear it?\n"));
    let comment = Action::Comment {
        agent: "docs".into(),
        file: "src/ui.rs".into(),
        line: 2,
        text: "why clear it?".into(),
    };
    assert_eq!(said, std::slice::from_ref(&comment));
    act(&mut app, &mut run, comment);
    let text = paint(&mut app);
    assert!(
        text.contains("deck: why clear it?") && text.contains("1 comment"),
        "{text}"
    );
    // It asks for a yes: that can be given here.
    let yes = actions(press(&mut app, "y"));
    assert!(matches!(yes[..], [Action::Answer { .. }]), "{yes:?}");
    let back = actions(press(&mut app, "by"));
    assert_eq!(
        back,
        [Action::SendBack {
            agent: "docs".into()
        }]
    );
    act(&mut app, &mut run, back[0].clone());
    let agent = run.state.agent(docs);
    assert!(
        agent.attempt == 2 || agent.status == Status::Ready,
        "{:?}",
        agent.status
    );
    assert_eq!(agent.remarks.len(), 1, "its next attempt is told");
    run.wait(30);
    run.done("docs");
    assert_eq!(
        run.state.agent(docs).remarks,
        [],
        "its next work is judged anew"
    );
}

#[test]
fn work_that_waits_in_line_leaves_it_when_it_is_sent_back() {
    let mut run = coming_together();
    run.act(Action::Comment {
        agent: "hooks".into(),
        file: "src/x.rs".into(),
        line: 0,
        text: "no".into(),
    });
    run.act(Action::SendBack {
        agent: "hooks".into(),
    });
    let hooks = run.state.find(&"hooks".into()).unwrap();
    assert!(run.state.merges.queue.iter().all(|(_, ix)| *ix != hooks));
    // What is being tried is not taken away.
    let comment = Action::Comment {
        agent: "ui".into(),
        file: "src/x.rs".into(),
        line: 0,
        text: "no".into(),
    };
    run.act(comment);
    let back = Action::SendBack { agent: "ui".into() };
    assert!(crate::engine::resolve(&run.state, &back).is_err());
    let merged = Action::SendBack {
        agent: "schema".into(),
    };
    assert!(crate::engine::resolve(&run.state, &merged).is_err());
}

#[test]
fn a_roll_back_is_asked() {
    let mut run = coming_together();
    for id in ["importer", "style"] {
        run.end(id, Exit::Code(1));
    }
    let mut app = at_screen(&run, (120, 60), "4G");
    assert_eq!(actions(press(&mut app, "\n")), []);
    // What is being tried stands in the way, and that is said.
    assert!(app.ui.popups.is_empty() && app.ui.message.is_some());
}

#[test]
fn the_mouse_reaches_rows_places_and_files() {
    let run = coming_together();
    let click = |app: &mut App, x: u16, y: u16| {
        let event = MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: x,
            row: y,
            modifiers: KeyModifiers::NONE,
        };
        let asked = update(app, AppInput::Terminal(Event::Mouse(event)));
        answer(app, &asked);
    };
    let row = |app: &mut App, word: &str| {
        let text = paint(app);
        let found = text.lines().position(|line| line.contains(word));
        found.unwrap_or_else(|| panic!("{word}: {text}")) as u16
    };
    let mut app = at_screen(&run, (120, 40), "4");
    let y = row(&mut app, "clash~");
    click(&mut app, 5, y);
    let y = row(&mut app, "with schema: 3 places");
    click(&mut app, 5, y);
    assert_eq!(app.ui.screen, Screen::Merge);
    click(&mut app, 5, y);
    assert_eq!(app.ui.screen, Screen::Clash);
    let y = row(&mut app, "Cargo.lock");
    click(&mut app, 5, y);
    assert_eq!(app.ui.clash.at, 0);
    // The heading of a side takes it.
    let y = row(&mut app, "theirs: api");
    let line = paint(&mut app)
        .lines()
        .nth(usize::from(y))
        .unwrap()
        .to_owned();
    let event = |x: u16, y: u16| MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: x,
        row: y,
        modifiers: KeyModifiers::NONE,
    };
    let x = line
        .find("theirs: api")
        .map(|at| line[..at].chars().count() as u16);
    let taken = update(
        &mut app,
        AppInput::Terminal(Event::Mouse(event(x.unwrap(), y))),
    );
    assert!(matches!(
        actions(taken)[..],
        [Action::Choose {
            pick: Pick::Theirs,
            ..
        }]
    ));
    app.ui.message = None;
    // A key of the footer means what it means here.
    let (_, h) = app.ui.size;
    let line = paint(&mut app).lines().last().unwrap().to_owned();
    let x = line.find("n next open").unwrap() as u16;
    click(&mut app, x, h - 1);
    assert_eq!(app.ui.clash.at, 2);
    let mut app = at_screen(&run, (120, 40), "4d");
    let y = row(&mut app, "  src/new.rs");
    click(&mut app, 5, y);
    assert!(app.ui.review.at > 5, "{}", app.ui.review.at);
}

#[test]
fn the_deck_shows_who_is_merged_and_who_would_clash() {
    let run = coming_together();
    let mut app = app(&run, (200, 50));
    let merging = run.state.agent(run.state.find(&"hooks".into()).unwrap());
    assert_eq!(Mark::of_agent(merging), Mark::Merge);
    let text = paint(&mut app);
    let line = |id: &str| {
        let found = text
            .lines()
            .find(|line| line.contains(&format!(" {id} ")) && line.contains("  "));
        found.unwrap_or_else(|| panic!("{id}: {text}")).to_owned()
    };
    assert!(text.contains("⇥ merge"), "{text}");
    assert!(
        line("schema").contains("+40 -3") || text.contains("+47 -3"),
        "{text}"
    );
    assert!(text.contains("would clash with style"), "{text}");
    assert!(text.contains("outside of its scope"), "{text}");
}

#[test]
fn a_replayed_frame_is_the_live_one() {
    let run = coming_together();
    for keys in ["4", "4\n", "4d"] {
        let mut live = at_screen(&run, (120, 35), keys);
        let mut replayed = app(&run, (120, 36));
        replayed.settings.can_act = false;
        let clock = Clock {
            at_us: run.now_us,
            end_us: run.now_us,
            seq: run.state.seq,
            last_seq: run.state.seq,
            playing: false,
            speed_permille: 1000,
        };
        update(&mut replayed, AppInput::Feed(Update::Clock(clock)));
        for key in keys.chars() {
            go(&mut replayed, &key.to_string());
        }
        (live.ui.message, replayed.ui.message) = (None, None);
        let frame = |app: &mut App| -> Vec<String> {
            let text = paint(app);
            // What can be taken is offered where it can be taken alone, and rules fill the rest.
            let said = |line: &str| {
                let line = line.replace('─', "").replace(" o ours", " ours");
                line.replace(" 0 base", " base")
                    .replace(" t theirs", " theirs")
            };
            text.lines().skip(1).take(33).map(said).collect()
        };
        assert_eq!(frame(&mut live), frame(&mut replayed), "{keys}");
    }
}

#[test]
fn an_agent_that_is_gone_from_the_screen_opens_nothing() {
    let run = super::fixture::full();
    let mut app = app(&run, (120, 35));
    super::keys::go_to(&mut app, "api");
    assert_eq!(press(&mut app, "d"), []);
    assert_eq!(app.ui.screen, Screen::Deck);
    assert!(app.ui.message.is_some());
    assert_eq!(app.ui.selected, Some(RowId::Agent("api".into())));
    // Keys of a conflict mean what they always mean elsewhere.
    press(&mut app, "b");
    update(&mut app, super::keys::key(KeyCode::Esc));
    assert_eq!(app.ui.screen, Screen::Deck);
}
