//! Carries out what the engine asks of workspaces and merges, on threads of its own.
//!
//! Must not decide, and never works on the loop's thread.

use crate::engine::{Command, InputKind, MergeOutcome, State};

/// What an order that cannot be carried out comes to; none: it asks for nothing of ours.
pub(super) fn refused(state: &State, command: Command) -> Option<InputKind> {
    let error = "workspaces are not built in this version".to_owned();
    Some(match command {
        Command::Prepare { agent, attempt } => InputKind::Prepared {
            agent,
            attempt,
            done: Err(error),
        },
        Command::Collect { agent, attempt } => InputKind::Collected {
            agent,
            attempt,
            found: Err(error),
        },
        Command::Merge { number } => InputKind::Merged {
            number,
            outcome: Box::new(MergeOutcome::Failed { error }),
        },
        Command::Advance { number } => InputKind::Advanced {
            number,
            done: Err(error),
        },
        Command::Checkout => InputKind::CheckedOut {
            commit: state.merges.checkout.as_ref()?.commit.clone(),
            done: Err(error),
        },
        Command::RollBack { number } => InputKind::RolledBack {
            number,
            done: Err(error),
        },
        Command::Deliver => InputKind::Delivered {
            commit: state.merges.delivery.as_ref()?.commit.clone(),
            branch: String::new(),
            forwarded: None,
            error: Some(error),
        },
        _ => return None,
    })
}
