//! What a synchronisation point is about, in words. Not clean.
//!
//! Must not judge: its end has words of its own.

use crate::engine::{SyncKind, SyncPoint};

/// What a synchronisation point is about: `wave 2`, `phase build`, `track A`, `the run`.
pub(super) fn named(point: &SyncPoint) -> String {
    if let Some(agent) = &point.agent {
        return format!("the hand-off of {agent}");
    }
    if let Some(number) = point.decision {
        return format!("decision {number}");
    }
    match (&point.phase, &point.cohort, point.wave) {
        (Some(phase), ..) => format!("phase {phase}"),
        (None, Some(cohort), _) => match cohort.split_once(':') {
            Some((what, which)) => format!("{what} {which}"),
            None => format!("the {cohort}"),
        },
        (None, None, Some(wave)) => format!("wave {wave}"),
        (None, None, None) => "the run".to_owned(),
    }
}

/// What happens at a synchronisation point. Not clean.
#[must_use]
pub fn together(point: &SyncPoint) -> String {
    let of = named(point);
    match point.sync {
        SyncKind::ContextMerge => format!("the work of {of} comes together"),
        SyncKind::ProgressCheckpoint => format!("{of} is complete: a checkpoint is made"),
        SyncKind::QualityGate => format!("the gates of {of} are checked"),
        SyncKind::ResourceRebalancing => format!("{of} takes memory back"),
    }
}
