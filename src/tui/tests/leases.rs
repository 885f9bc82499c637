//! Memory that commands inside of agents wait for, on the screens.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    fixture::{GIB, Run},
    keys::{app, go_to, press},
    screens,
};
use crate::{
    engine::InputKind,
    graph::random::{MIB, agent, empty},
    tui::{ui_state::Tab, update::App},
};

/// Three agents on 2 GiB; two want 1.2 GiB more for the same command.
fn run() -> Run {
    let mut plan = empty();
    plan.name = "leasing".into();
    plan.agents = ["api", "web", "docs"].map(|id| agent(id, 600, 200)).into();
    plan.leases.insert("cargo".into(), 1200 * MIB);
    let mut run = Run::new(plan, 6, 2 * GIB);
    run.wait(30);
    for (id, number) in [("api", 1), ("web", 2), ("docs", 3)] {
        let agent = run.state.find(&id.into()).unwrap();
        run.input(InputKind::LeaseAsked {
            agent,
            attempt: 1,
            number,
            name: "cargo".into(),
            below: Vec::new(),
        });
    }
    run
}

fn text(app: &mut App) -> String {
    let (w, h) = app.ui.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    app.draw(&mut buf);
    screens::text(&buf)
}

#[test]
fn who_waits_for_memory_says_for_what_and_in_which_place() {
    let run = run();
    let mut app = app(&run, (140, 40));
    let deck = text(&mut app);
    for line in [
        "waits for cargo: 1st in line, 1.2 GiB; api",
        "waits for cargo: 2nd in line, 1.2 GiB; api",
    ] {
        assert!(deck.contains(line), "{line}\n{deck}");
    }
    let told: Vec<String> = run.notes().into_iter().map(|note| note.text).collect();
    let about = told.iter().filter(|text| text.contains("cargo"));
    let about: Vec<&str> = about.map(|text| text.split(", ").next().unwrap()).collect();
    let waits = [
        "web: cargo waits for 1.2 GiB: 1st in line",
        "docs: cargo waits for 1.2 GiB: 2nd in line",
    ];
    assert_eq!(about, waits, "one had not to wait");
    for (id, line) in [
        ("api", "lease     cargo: has 1.2 GiB"),
        ("docs", "lease     cargo: 2nd in line, 1.2 GiB"),
    ] {
        go_to(&mut app, id);
        press(&mut app, "\n");
        app.ui.on_agent.tab = Tab::Plan;
        let screen = text(&mut app);
        assert!(screen.contains(line), "{screen}");
        press(&mut app, "\u{1b}");
    }
}
