//! Keeps who signed a gate, when, and with which words: `gates/<name>` of the run's folder, beside what
//! commands printed.
//!
//! The journal has all of it; this is for people and for what reads evidence. Must not hold the loop up:
//! a person signs seldom, so each file gets a thread of its own. Text of people is foreign: cleaned.

use std::{fmt::Write as _, fs, path::Path, thread};

use crate::{
    display::clean_text,
    engine::{Answer, AttentionAnswered, Event, Owner, Record, Setup, evidence_key},
    plan::PhaseIx,
    sys::lock::private_dir,
};

use super::turns::complain;

/// Longest text that is kept, in columns.
const LONGEST: usize = 2000;

/// Keeps the signatures among these records.
pub(super) fn keep(run_dir: &Path, setup: &Setup, records: &[Record]) {
    for record in records {
        let Event::AttentionAnswered(answered) = &record.event else {
            continue;
        };
        let Some(name) = &answered.evidence else {
            continue;
        };
        let text = text(setup, answered, name, record.at_ms);
        let folder = run_dir.join("gates");
        let name = name.clone();
        let written = move || {
            let done = private_dir(&folder).and_then(|()| fs::write(folder.join(&name), text));
            if let Err(error) = done {
                complain(&format!("gates/{name} cannot be written: {error}"));
            }
        };
        // Where no thread can be started the journal alone has it.
        let _ = thread::Builder::new().name("signed".into()).spawn(written);
    }
}

/// The signature as YAML.
fn text(setup: &Setup, answered: &AttentionAnswered, name: &str, at_ms: i64) -> String {
    let owner = owner(setup, answered);
    let step = owner.and_then(|owner| {
        let key = evidence_key(&setup.key_of(owner), name, |_| true)?;
        setup.checks_of(owner).into_iter().nth(key.2 as usize)
    });
    let mut out = String::new();
    let mut line = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            // A JSON string is a scalar of YAML, whatever stands in it.
            let value = serde_json::Value::from(clean_text(value, LONGEST));
            let _ = writeln!(out, "{key}: {value}");
        }
    };
    line("gate", step.map(|step| step.gate));
    line("question", step.and_then(|step| step.approve));
    line("answer", answered.answer.map(Answer::name));
    line("by", Some(&answered.by));
    let at = jiff::Timestamp::from_millisecond(at_ms).ok();
    line("at", at.map(|at| at.to_string()).as_deref());
    line("note", answered.text.as_deref());
    line("url", answered.url.as_deref());
    out
}

fn owner(setup: &Setup, answered: &AttentionAnswered) -> Option<Owner> {
    match (&answered.agent, &answered.phase, &answered.cohort) {
        (Some(agent), ..) => setup.by_id.get(agent).copied().map(Owner::Agent),
        (None, Some(phase), _) => {
            let mut phases = setup.plan.phases.iter();
            let at = phases.position(|known| known.id == *phase)?;
            Some(Owner::Phase(PhaseIx::of(at)))
        }
        (None, None, cohort) => setup.cohort_ix(cohort.as_deref()?).map(Owner::Cohort),
    }
}
