//! A red command on the commit that the run started from: is it the work's doing?
//!
//! A command that is red is run there once a run, before a person is asked, or each time that it is
//! red, as its gate says. Its end there is told beside the verdict and never is one: this cannot make
//! a gate green. What took too long, or could not start, is not compared.

use crate::{
    engine::{
        CheckPlace, CheckRun, Event, Exit, JobState, OnBase, Owner, Purpose, State, WorkEvent,
        base_evidence_name, state::unpack,
    },
    plan::Compare,
};

use super::super::process::place;

/// Status that a shell gives for a command that cannot be run, and for one that is not there.
const CANNOT_RUN: [i32; 2] = [126, 127];

/// Asks for a red command to be run on the base; none: that is not wanted, or cannot tell anything.
/// `asks`: a person would be asked next.
pub(super) fn compare(state: &State, owner: Owner, check: &CheckRun, asks: bool) -> Option<Event> {
    let steps = state.checks_of(owner);
    let step = steps.get(check.step as usize)?;
    let wanted = match step.base {
        Compare::Always => true,
        Compare::Asked => asks,
        Compare::Never => false,
    };
    let ended = matches!(
        &check.job,
        JobState::Ended(Exit::Code(_) | Exit::Signal { .. })
    );
    let possible = state.base_commit.is_some()
        && ended
        && check.ending.is_none()
        && check.purpose != Purpose::Base
        && works_apart(state, owner)
        && state.compared(step.argv).is_none();
    (wanted && possible).then(|| Event::CheckQueued {
        place: CheckPlace {
            purpose: Purpose::Base,
            ..place(state, owner, (check.attempt, check.round + 1), check.step)
        },
    })
}

/// Whether what is judged is not the repository itself.
fn works_apart(state: &State, owner: Owner) -> bool {
    let own = matches!(owner, Owner::Agent(ix) if state.setup.own(ix));
    own || state.setup.on_head(owner)
}

/// What the end of a command on the base says of it.
pub(super) fn said(state: &State, owner: Owner, check: &CheckRun, exit: &Exit) -> OnBase {
    let ran = matches!(
        exit,
        Exit::Code(_) | Exit::Signal { .. } | Exit::OutOfMemory
    );
    let red = match exit {
        _ if check.ending.is_some() => None,
        Exit::Code(code) if CANNOT_RUN.contains(code) => None,
        Exit::Code(_) | Exit::Signal { .. } => Some(!exit.ok()),
        Exit::SpawnError(_)
        | Exit::NoRoom(_)
        | Exit::Refused(_)
        | Exit::Interrupted
        | Exit::Lost
        // That says nothing of the work.
        | Exit::OutOfMemory => None,
    };
    let how = match check.ending {
        Some(_) => format!(
            "it took longer than {} s",
            state.setup.check_limit_us(owner) / 1_000_000
        ),
        None => exit.to_string(),
    };
    let key = (check.attempt, check.round, check.step);
    let evidence = ran.then(|| base_evidence_name(&state.setup.key_of(owner), key));
    OnBase { red, how, evidence }
}

/// That it cannot be told, and why.
pub(in crate::engine::decide) fn unknown(how: &str) -> OnBase {
    OnBase {
        red: None,
        how: how.to_owned(),
        evidence: None,
    }
}

/// What can be said of a command that waits to be compared, without running it: another's end of the
/// same command, or that the base cannot be checked out.
pub(super) fn known(state: &State) -> Option<(Owner, OnBase)> {
    waiting(state).find_map(|owner| {
        let argv = state.check_argv(owner);
        let found = argv.and_then(|argv| state.compared(argv).cloned());
        let failed = || {
            let error = state.merges.base.as_ref()?.error.as_ref()?;
            Some(unknown(&format!("it cannot be checked out: {error}")))
        };
        found.or_else(failed).map(|on_base| (owner, on_base))
    })
}

/// Asks for a checkout for the first command that waits for one.
pub(super) fn checkout(state: &State) -> Option<Event> {
    let base = state.merges.base.as_ref();
    if base.is_some_and(|base| base.coming() || base.free() || base.error.is_some()) {
        return None;
    }
    waiting(state).find(|&owner| !state.compared_elsewhere(owner))?;
    let asked = WorkEvent::Checkout {
        commit: state.base_commit.clone()?,
        base: Some(state.merges.bases.max(base.map_or(0, |base| base.number)) + 1),
    };
    Some(asked.into())
}

/// Whose command waits to be compared.
fn waiting(state: &State) -> impl Iterator<Item = Owner> {
    let pending = state.checks_pending.iter().map(|&packed| unpack(packed));
    pending.filter(|&owner| {
        (state.check_of(owner)).is_some_and(|check| check.purpose == Purpose::Base)
    })
}
