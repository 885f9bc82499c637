//! `wavedeck logs AGENT --checks`: what the check commands of an agent or a phase printed.
//!
//! Must not judge it: verdicts stand in the journal.

use std::fs::{self, File};

use super::{Cleaner, Lines, copy, written};
use crate::{
    cli::{
        again::quoted,
        error::{Error, Outcome, status},
        out,
    },
    display::clean_line,
    engine::{CheckStep, EvidenceKey, MERGE_GATE, Owner, Setup, evidence_key, is_base_evidence},
    journal::RunDir,
    runtime::past,
};

/// Prints all of it, in the order in which the commands ran; with `only` that of one attempt (of a
/// phase: one round of its gates).
///
/// # Errors
/// When there is no such agent or phase, or nothing was printed.
pub(super) fn checks(dir: &RunDir, of: &str, only: Option<u32>) -> Outcome {
    let setup = past::setup(&dir.path)?;
    let Some(steps) = steps(&setup, of) else {
        let text = format!("no agent or phase `{of}` in run {}", dir.id);
        return Err(
            Error::usage(text).help("`wavedeck runs show` lists agents; there are phase:ID, track:ID, wave:N and run:gates too")
        );
    };
    let mut out = out::Stream::open();
    let mut any = false;
    let is_agent = |id: &str| setup.by_id.contains_key(&id.into());
    for ((attempt, round, step), name) in recorded(dir, of, is_agent) {
        let (gate, argv) = match steps.get(step as usize) {
            Some(what) => (what.gate, what.argv),
            // What a rule of [merge] ran comes after an agent's own.
            None if !of.contains(':') => (MERGE_GATE, &[][..]),
            None => continue,
        };
        if only.is_some_and(|only| only != attempt) {
            continue;
        }
        let on_base = is_base_evidence(&name);
        let Ok(mut file) = File::open(dir.path.join("gates").join(name)) else {
            continue;
        };
        any = true;
        let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
        let again = match round {
            _ if on_base => ", on the base to compare".to_owned(),
            1 => String::new(),
            round => format!(", checked for the {round}. time"),
        };
        let head = format!("== {}, attempt {attempt}{again}: {}", gate, words.join(" "));
        out.line(&clean_line(&head, 500)).map_err(written)?;
        let mut cleaner = Cleaner::Lines(Lines::default());
        if !copy(&mut file, &mut cleaner, &mut out)? {
            return Ok(status::OK);
        }
        cleaner.finish(&mut out)?;
    }
    if !any {
        let text = format!("no check of {of} has printed anything in run {}", dir.id);
        return Err(Error::usage(text));
    }
    out.flush().map(|_| status::OK).map_err(written)
}

/// The check commands of an agent, or of `phase:ID`, `track:ID`, `wave:N`, `run:gates`.
fn steps<'a>(setup: &'a Setup, of: &str) -> Option<Vec<CheckStep<'a>>> {
    if of.contains(':') {
        let owner = setup.gated().find(|&owner| setup.key_of(owner) == of)?;
        return Some(setup.checks_of(owner));
    }
    let ix = setup.by_id.get(&of.into())?;
    Some(setup.checks_of(Owner::Agent(*ix)))
}

/// Attempt, round and step of what is recorded, in order, with the names of the files.
fn recorded(dir: &RunDir, of: &str, is_agent: impl Fn(&str) -> bool) -> Vec<(EvidenceKey, String)> {
    let mut found: Vec<_> = fs::read_dir(dir.path.join("gates"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((evidence_key(of, &name, &is_agent)?, name))
        })
        .collect();
    found.sort_unstable();
    found
}
