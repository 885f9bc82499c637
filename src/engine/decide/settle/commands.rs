//! Merge rules that run a command: what its end means for the merge.
//!
//! It judges nothing: no gate passes or is red by it. Must not take a person's place: what a command
//! could not make is for them.

use crate::engine::{CheckRun, Event, Merge, Owner, State, WorkEvent};

use super::{
    super::process::place,
    check::{Outcome, next_step},
    conflict::conflict,
    merge,
};

/// A rule's command has ended: the next one runs, or the merge is tried again with their files.
pub(super) fn after(
    state: &State,
    merge: &Merge,
    check: &CheckRun,
    outcome: Outcome,
) -> Vec<Event> {
    let owner = Owner::Agent(merge.agent);
    let steps = state.checks_of(owner);
    match outcome {
        // It may have left half a file: all of it is made anew.
        Outcome::Again(_) => {
            let why = "a rule's command was cut short";
            vec![merge::failed(state, merge, why)]
        }
        Outcome::Green => match next_step(&steps, check) {
            Some((step, _)) => vec![Event::CheckQueued {
                place: place(state, owner, (check.attempt, check.round), step),
            }],
            None => vec![
                WorkEvent::MergeCommanded {
                    number: merge.number,
                    agent: state.id(merge.agent),
                    attempt: merge.attempt,
                }
                .into(),
            ],
        },
        Outcome::Red(red) => {
            let argv = steps.get(check.step as usize).map_or(&[][..], |s| s.argv);
            let reason = red.reason();
            let said = reason.strip_prefix("merge red: ").unwrap_or(&reason);
            let why = format!("the rule's command `{}` failed: {said}", argv.join(" "));
            match &merge.fails {
                Some(clash) => conflict(state, merge, clash, Some(&why)),
                None => merge::not_merged(state, merge, &why),
            }
        }
    }
}
