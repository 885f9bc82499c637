//! What was measured of agents, on the deck.

use super::{
    fixture::{GIB, middle},
    keys::app,
    queue::paint,
};
use crate::{
    engine::{InputKind, Status},
    tui::{
        feed::Update,
        update::{AppInput, update},
    },
};

#[test]
fn a_leak_and_an_upper_bound_are_told_on_the_row() {
    let mut run = middle();
    let mut all = run.state.setup.plan.indices();
    let running = all.find(|&ix| run.state.agent(ix).status == Status::Running);
    let ix = running.unwrap();
    let attempt = run.state.agent(ix).attempt;
    run.input(InputKind::Leaking {
        agent: ix,
        attempt,
        bytes: 3 * GIB,
        growth_bytes_per_min: 200 << 20,
    });
    let mut app = app(&run, (200, 50));
    let mut sample = run.sample();
    let at = sample.agents.iter().position(|a| a.agent == ix.0).unwrap();
    sample.agents[at].resident_bytes = 3 * GIB;
    sample.agents[at].pss_bytes = None;
    update(&mut app, AppInput::Feed(Update::Sample(Box::new(sample))));
    let text = paint(&mut app);
    let id = run.state.id(ix);
    let row = text.lines().find(|line| line.contains("LEAK · "));
    let row = row.unwrap_or_else(|| panic!("{text}"));
    assert!(row.contains(id.as_str()) && row.contains("~3.0G"), "{row}");
    let lately = format!("{id} leaks: it holds 3.0G");
    assert!(text.contains(&lately), "{text}");
}
