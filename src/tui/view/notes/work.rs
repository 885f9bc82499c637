//! Events of work that comes together, in words: for the list of what happened lately and for line
//! output.
//!
//! What leaves here is not clean yet.

use crate::{
    engine::{MergeOutcome, Strategy, WorkEvent},
    plan::AgentId,
    tui::view::{
        merge::complexity,
        words::{Tone, names},
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
        | WorkEvent::HandoffReady { .. }
        | WorkEvent::SyncStarted { .. }
        | WorkEvent::SyncCompleted { .. }
        | WorkEvent::SyncFailed { .. }
        | WorkEvent::Delivering { .. } => return None,
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
                    files(&commands.iter().flat_map(|c| c.files.clone()).collect::<Vec<_>>())
                ),
                Tone::Plain,
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
