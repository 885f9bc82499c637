//! An agent that is added: its line, what is refused, and the row that comes of it.

use super::{
    fixture::{self, Run},
    keys::{actions, app, go_to, press},
};
use crate::{
    engine::{Action, Addition, Extension, InputKind},
    graph::random::agent,
    tui::{
        feed::{Request, Update},
        ui_state::{Popup, RowId},
        update::{App, AppInput, update},
    },
};

fn wanted(lines: &str) -> Addition {
    Addition {
        lines: lines.into(),
        ..Addition::default()
    }
}

fn add(wanted: Addition) -> Action {
    Action::Add {
        wanted: Some(Box::new(wanted)),
    }
}

/// The runner takes it: what is recorded comes to the dashboard.
fn taken(run: &mut Run, app: &mut App, id: &str) {
    let known = run.records.len();
    let count = |n: usize| u32::try_from(n).unwrap();
    let mut new = agent(id, 60, 100);
    new.title = "fix it".into();
    run.input(InputKind::Extend {
        by: "deck".into(),
        extension: Box::new(Extension {
            first: count(run.state.setup.plan.agents.len()),
            first_worker: count(run.state.setup.plan.workers.len()),
            agents: vec![new],
            ..Extension::default()
        }),
    });
    let new = run.records[known..].to_vec();
    update(app, AppInput::Feed(Update::Records(new)));
}

fn answered(app: &mut App, sent: &[Request], result: Result<(), String>) {
    let [Request::Action { id, .. }] = sent else {
        panic!("{sent:?}")
    };
    update(app, AppInput::Feed(Update::Ack { id: *id, result }));
}

#[test]
fn a_line_adds_an_agent_and_its_row_is_selected() {
    let mut run = fixture::middle();
    let mut app = app(&run, (120, 35));
    go_to(&mut app, "api");
    // Nothing is sent before it is finished, and no option without its value.
    assert_eq!(actions(press(&mut app, "+\n")), []);
    assert_eq!(actions(press(&mut app, "--after\n")), []);
    assert!(matches!(app.ui.popups.last(), Some(Popup::Note { .. })));
    press(&mut app, "\u{1b}");
    let sent = press(&mut app, "+--after api claude: fix it\n");
    let after = Addition {
        after: vec!["api".into()],
        ..wanted("claude: fix it")
    };
    assert_eq!(actions(sent.clone()), [add(after)]);
    answered(&mut app, &sent, Ok(()));
    taken(&mut run, &mut app, "fix-it");
    assert_eq!(app.ui.selected, Some(RowId::Agent("fix-it".into())));
    let state = app.state.as_ref().unwrap();
    assert_eq!(state.agents.len(), run.state.agents.len());
    // Everything that shows agents has it.
    for keys in ["", "w", "\u{1b}3", "5", "6", "1"] {
        press(&mut app, keys);
        let area = ratatui::layout::Rect::new(0, 0, 120, 35);
        app.draw(&mut ratatui::buffer::Buffer::empty(area));
    }
    // One that somebody else adds leaves the selection where it is.
    go_to(&mut app, "api");
    taken(&mut run, &mut app, "another");
    assert_eq!(app.ui.selected, Some(RowId::Agent("api".into())));
}

#[test]
fn a_line_that_is_refused_stands_there_again() {
    let run = fixture::middle();
    let mut app = app(&run, (120, 35));
    let sent = press(&mut app, "+nobody: fix it\n");
    assert_eq!(actions(sent.clone()), [add(wanted("nobody: fix it"))]);
    assert!(app.ui.popups.is_empty());
    answered(&mut app, &sent, Err("no such worker".into()));
    let Some(Popup::Note { typed, .. }) = app.ui.popups.last() else {
        panic!("{:?}", app.ui.popups)
    };
    assert_eq!(typed, "nobody: fix it");
    assert!(app.ui.message.clone().unwrap().1.contains("no such worker"));
}
