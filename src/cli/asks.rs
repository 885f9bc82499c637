//! `wavedeck asks`: what of a run waits for a person, with the numbers and answers for `ctl answer`.
//!
//! Must not answer anything.

use clap::Args;

use super::{
    args::{Global, RunName},
    error::{Error, Outcome, status as exit},
    find,
    glance::{self, Glance},
    out,
    status::read,
};
use crate::{
    display::{clean_line, safe_json, spoken},
    engine::{Item, Owner, State},
    journal::last_sample,
    tui::view::attention,
};

/// Flags of `asks`.
#[derive(Debug, Args)]
pub struct AsksArgs {
    /// Which run.
    #[command(flatten)]
    pub of: RunName,
    /// The run, by a unique prefix of its name; the same as --run
    #[arg(value_name = "RUN", conflicts_with = "run")]
    pub name: Option<String>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// Prints the attention queue of a run, the oldest first.
pub fn asks(args: &AsksArgs, global: &Global) -> Outcome {
    let dir = find::run(args.name.as_deref().or(args.of.run.as_deref()))?;
    let live = dir.is_live();
    let state = read(&dir)?;
    // Also what waited at the end of a run that has ended: that is why its status is 5.
    let items = crate::engine::waiting(&state);
    let text = if args.json {
        let items: Vec<serde_json::Value> = items.iter().map(|item| json(&state, item)).collect();
        let value = serde_json::json!({
            "run": state.run, "live": live, "finished": state.finished, "asks": items,
        });
        format!("{}\n", safe_json(&value.to_string()))
    } else {
        let sample = last_sample(&dir.path);
        let glance = Glance {
            state: &state,
            sample: sample.as_ref(),
            live: live && state.finished.is_none(),
            planned: None,
            zone: &crate::sys::zone::local_zone(),
            now_ms: jiff::Timestamp::now().as_millisecond(),
        };
        let mut lines = glance::queue(glance, &items);
        if lines.is_empty() {
            lines.push(format!("{}: nothing waits for you", dir.id));
        } else if let Some(status) = state.finished {
            lines.push(format!(
                "{} has ended with status {status}: this is what waited for you then",
                dir.id
            ));
        } else if !live {
            lines.push(format!(
                "{} was interrupted: `wavedeck resume` goes on, then it can be answered",
                dir.id
            ));
        }
        let text = lines.join("\n") + "\n";
        if global.plain { spoken(&text) } else { text }
    };
    out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(exit::OK)
}

/// One item for scripts.
pub(super) fn json(state: &State, item: &Item) -> serde_json::Value {
    let setup = &state.setup;
    let (mut agent, mut phase, mut cohort) = (None, None, None);
    match item.owner {
        Some(Owner::Agent(ix)) => agent = Some(state.id(ix)),
        Some(Owner::Phase(ix)) => phase = Some(&setup.plan.phases[ix.ix()].id),
        Some(Owner::Cohort(ix)) => cohort = Some(&setup.cohorts[ix.ix()].name),
        None => {}
    }
    let held: Vec<_> = attention::held_up(state, item.owner)
        .into_iter()
        .map(|ix| state.id(ix))
        .collect();
    serde_json::json!({
        "id": item.id, "attention": item.kind.name(), "agent": agent, "phase": phase, "cohort": cohort,
        "attempt": item.attempt, "gate": item.gate, "title": clean_line(&item.title, 2000),
        "since_us": item.since_us, "answers": item.answers(), "holds_up": held,
    })
}
