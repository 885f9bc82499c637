//! Events of work that comes together, in words: for the list of what happened lately and for line
//! output.
//!
//! What leaves here is not clean yet.

use super::sync::{named, together};
use crate::{
    engine::{Answer, MergeOutcome, Strategy, SyncKind, SyncPoint, WorkEvent},
    plan::AgentId,
    tui::view::{
        merge::complexity,
        words::{Tone, names, size, span},
    },
};

/// Names of files that are told.
const FILES: usize = 3;

fn files(all: &[String]) -> String {
    names(all.iter().map(String::as_str), FILES)
}

fn with(all: &[AgentId]) -> String {
    match all {
        [] => "what is merged".to_owned(),
        all => names(all.iter().map(AgentId::as_str), FILES),
    }
}

fn short(commit: &str) -> String {
    commit.chars().take(9).collect()
}

/// Puts one into words; none: it is routine.
#[must_use]
pub fn work(event: &WorkEvent) -> Option<(String, Tone)> {
    Some(match event {
        WorkEvent::Ready { .. }
        | WorkEvent::Collecting { .. }
        | WorkEvent::Merging { .. }
        | WorkEvent::MergeCommanded { .. }
        | WorkEvent::MergeAdvancing { .. }
        | WorkEvent::Checkout { .. }
        | WorkEvent::CheckedOut { error: None, .. }
        | WorkEvent::MergeStarted { .. }
        | WorkEvent::HandoffChecking(_)
        | WorkEvent::Extended(_)
        | WorkEvent::Delivering { .. } => return None,
        WorkEvent::HandoffChecked(of) if of.missing.is_empty() && of.error.is_none() => {
            return None;
        }
        WorkEvent::HandoffChecked(of) => {
            let missing = of.missing.iter().map(|absent| absent.path.as_str());
            let what = match &of.error {
                Some(error) => error.clone(),
                None => names(missing, FILES),
            };
            (
                format!("{} cannot begin without {what}", of.agent),
                Tone::Warn,
            )
        }
        WorkEvent::Added(of) => (format!("{} is new: {}", of.agent, of.title), Tone::Plain),
        WorkEvent::HandoffReady {
            agent,
            from_facts,
            artefacts,
            ..
        } => {
            let many = if *artefacts == 1 { "" } else { "s" };
            let by = if *from_facts { ", from facts" } else { "" };
            (
                format!("{agent} hands off {artefacts} artefact{many}{by}: handoff/{agent}.md"),
                if *from_facts { Tone::Dim } else { Tone::Plain },
            )
        }
        // Its end says the same and more.
        WorkEvent::SyncStarted { point, .. } if point.agent.is_some() => return None,
        // The decision and what was measured of it are told themselves.
        WorkEvent::SyncStarted { point, .. } | WorkEvent::SyncCompleted { point, .. }
            if point.decision.is_some() =>
        {
            return None;
        }
        WorkEvent::SyncFailed { point, reason, .. } if point.decision.is_some() => (
            format!("{} did not do what it was to: {reason}", named(point)),
            Tone::Warn,
        ),
        WorkEvent::SyncStarted {
            point,
            participants,
            ..
        } => {
            let who = names(participants.iter().map(AgentId::as_str), FILES);
            let who = if who.is_empty() {
                who
            } else {
                format!(": {who}")
            };
            (format!("{}{who}", together(point)), Tone::Dim)
        }
        WorkEvent::SyncCompleted {
            point: SyncPoint {
                agent: Some(agent), ..
            },
            left_us,
            released_bytes,
            ..
        } => {
            let mut text = format!("checkpoint at the hand-off of {agent}");
            if let Some(bytes) = released_bytes {
                text = format!("{text}: {} that it held are free", size(*bytes));
            }
            if let Some(us) = left_us {
                text = format!("{text}, ~{} left", span(*us));
            }
            (text, Tone::Dim)
        }
        // Gates tell of their end themselves.
        WorkEvent::SyncCompleted { point, .. } | WorkEvent::SyncFailed { point, .. }
            if point.sync == SyncKind::QualityGate =>
        {
            return None;
        }
        WorkEvent::SyncCompleted {
            point,
            reserved_bytes: Some(bytes),
            left_us,
            ..
        } => {
            let left = left_us.map_or_else(String::new, |us| format!(", ~{} left", span(us)));
            (
                format!("{}: {} still reserved{left}", named(point), size(*bytes)),
                Tone::Dim,
            )
        }
        WorkEvent::SyncCompleted { point, .. } => (
            format!("the work of {} is merged", named(point)),
            Tone::Good,
        ),
        WorkEvent::SyncFailed { point, reason, .. } => (
            format!("{} did not come together: {reason}", named(point)),
            Tone::Warn,
        ),
        WorkEvent::Collected {
            agent,
            error: Some(error),
            ..
        } => (
            format!("{agent}: its work cannot be collected: {error}"),
            Tone::Bad,
        ),
        WorkEvent::Collected {
            agent,
            commit: None,
            ..
        } => (format!("{agent} left no changes"), Tone::Dim),
        WorkEvent::Collected {
            agent,
            changed,
            added,
            removed,
            ..
        } => {
            let many = if *changed == 1 { "" } else { "s" };
            (
                format!("{agent} left {changed} file{many} +{added} -{removed}"),
                Tone::Dim,
            )
        }
        WorkEvent::ScopeViolated { agent, paths, .. } => (
            format!("{agent} writes outside of its scope: {}", files(paths)),
            Tone::Warn,
        ),
        WorkEvent::MergeTried { agent, outcome, .. } => match outcome {
            MergeOutcome::Clean { clash: Some(_), .. } => (
                format!("{agent} merges, conflicts in it are settled"),
                Tone::Plain,
            ),
            MergeOutcome::Command { commands, .. } => (
                format!(
                    "{agent}: rules make {} anew",
                    files(
                        &commands
                            .iter()
                            .flat_map(|c| c.files.clone())
                            .collect::<Vec<_>>()
                    )
                ),
                Tone::Plain,
            ),
            MergeOutcome::NoRoom { error } => (
                format!("{agent}: its merge waits for room: {error}"),
                Tone::Warn,
            ),
            MergeOutcome::Failed { error } => (
                format!("{agent}: its merge cannot be tried: {error}"),
                Tone::Bad,
            ),
            _ => return None,
        },
        WorkEvent::MergeDone { agent, commit, .. } => {
            (format!("{agent} is merged: {}", short(commit)), Tone::Good)
        }
        WorkEvent::MergeFailed { agent, reason, .. } => {
            (format!("{agent} is not merged: {reason}"), Tone::Warn)
        }
        WorkEvent::Predicted {
            agent,
            with,
            files: all,
            critical,
            ..
        } => (
            format!("{agent} and {with} would clash in {}", files(all)),
            if *critical { Tone::Alert } else { Tone::Warn },
        ),
        WorkEvent::Withdrawn { agent, with } => (
            format!("{agent} and {with} would not clash any more"),
            Tone::Dim,
        ),
        WorkEvent::ConflictDetected {
            id,
            agent,
            with: others,
            clash,
            strategy,
            ..
        } => (
            format!(
                "conflict {id}: {agent} with {} in {} (complexity {}, {})",
                with(others),
                files(&clash.files),
                complexity(clash.complexity),
                strategy.name().replace('_', " "),
            ),
            if *strategy == Strategy::AutomaticMerge {
                Tone::Plain
            } else {
                Tone::Alert
            },
        ),
        WorkEvent::ConflictResolved {
            id, agent, reason, ..
        } => (
            format!("conflict {id} of {agent} is settled: {reason}"),
            Tone::Good,
        ),
        WorkEvent::CheckedOut {
            base: Some(_),
            error: Some(error),
            ..
        } => (
            format!("the base cannot be checked out: {error}"),
            Tone::Warn,
        ),
        WorkEvent::CheckedOut {
            error: Some(error), ..
        } => (
            format!("what is merged cannot be checked out: {error}"),
            Tone::Bad,
        ),
        WorkEvent::ContextUpdated {
            agent,
            from,
            files: all,
        } => (
            format!("{agent} builds on what {from} changed: {}", files(all)),
            Tone::Plain,
        ),
        WorkEvent::RollbackStarted { wave: 0, .. } => {
            ("goes back to the beginning".to_owned(), Tone::Alert)
        }
        WorkEvent::RollbackStarted { wave, .. } => (
            format!("goes back to the checkpoint of wave {wave}"),
            Tone::Alert,
        ),
        WorkEvent::RollbackDone { error: None, .. } => ("went back".to_owned(), Tone::Plain),
        WorkEvent::RollbackDone {
            error: Some(error), ..
        } => (format!("could not go back: {error}"), Tone::Bad),
        WorkEvent::Delivered {
            error: Some(error), ..
        } => (
            format!("the work cannot be handed over: {error}"),
            Tone::Bad,
        ),
        WorkEvent::Delivered {
            branch,
            forwarded: Some(yours),
            ..
        } => (
            format!("{branch} has the work, {yours} went forward"),
            Tone::Good,
        ),
        WorkEvent::Delivered { branch, .. } => (format!("{branch} has the work"), Tone::Good),
    })
}

/// What is routine about work, in words; none: nothing more than whose it is.
#[must_use]
pub fn routine(event: &WorkEvent) -> Option<String> {
    Some(match event {
        WorkEvent::Ready { agent, base, .. } => {
            format!("{agent}: its workspace is there, on {}", short(base))
        }
        WorkEvent::Collecting { agent, .. } => format!("{agent}: what it left is collected"),
        WorkEvent::Merging { agent, .. } => format!("{agent} is in line for its merge"),
        WorkEvent::MergeStarted { agent, number, .. } => {
            format!("merge {number}: the work of {agent} is tried")
        }
        WorkEvent::MergeTried {
            agent,
            number,
            outcome,
            ..
        } => {
            let came = match outcome {
                MergeOutcome::Contained => "is in there already".to_owned(),
                MergeOutcome::Clean { overlap, .. } if overlap.is_empty() => {
                    "merges cleanly".to_owned()
                }
                MergeOutcome::Clean { overlap, .. } => {
                    format!("merges, both changed {}", files(overlap))
                }
                MergeOutcome::Conflict { clash, .. } => {
                    format!("clashes in {}", files(&clash.files))
                }
                MergeOutcome::Command { commands, .. } => {
                    let all: Vec<String> = commands.iter().flat_map(|c| c.files.clone()).collect();
                    format!("needs {} made by rules' commands", files(&all))
                }
                MergeOutcome::NoRoom { error } => format!("waits for room: {error}"),
                MergeOutcome::Failed { error } => format!("failed: {error}"),
            };
            format!("merge {number}: the work of {agent} {came}")
        }
        WorkEvent::MergeAdvancing { agent, number, .. } => {
            format!("merge {number}: the work of {agent} goes in")
        }
        WorkEvent::Checkout { commit, base: None } => {
            format!("what is merged is checked out: {}", short(commit))
        }
        WorkEvent::Checkout { commit, .. } => {
            format!("the base is checked out, to compare: {}", short(commit))
        }
        WorkEvent::HandoffChecking(of) => {
            format!("{}: what it begins with is looked for", of.agent)
        }
        WorkEvent::HandoffChecked(of) => {
            format!("{}: the files that it begins with are there", of.agent)
        }
        WorkEvent::SyncCompleted { point, .. } if point.decision.is_some() => {
            format!("{} did what it was to", named(point))
        }
        WorkEvent::SyncCompleted { point, .. } => {
            format!("the gates of {} have passed", named(point))
        }
        WorkEvent::SyncFailed { point, reason, .. } => {
            format!("the gates of {} have not passed: {reason}", named(point))
        }
        WorkEvent::Delivering {
            commit,
            forward: None,
        } => {
            format!("the branch is made at {}", short(commit))
        }
        WorkEvent::Delivering {
            commit,
            forward: Some(yours),
        } => {
            format!("{yours} goes forward to {}", short(commit))
        }
        _ => return None,
    })
}

/// The answer to a budget that is used up.
pub fn of_budget(answer: Option<Answer>) -> (String, Tone) {
    let (text, tone) = match answer {
        Some(Answer::Yes) => ("more may be used than the plan says", Tone::Plain),
        Some(_) => ("nothing more is started", Tone::Plain),
        None => ("the run asks about its budget no longer", Tone::Dim),
    };
    (text.to_owned(), tone)
}
