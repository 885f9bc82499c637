//! What agents report: how much of it is taken, and by whom it may be said.
//!
//! Both ways, command and file, come through here, so that together they keep to one limit. Must
//! not read files, and must not judge what is said.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    engine::{Handle, State},
    plan::{AgentId, AgentIx},
};

/// So many reports of an agent are taken at once.
const BURST: u32 = 5;
/// After that one in so long.
const EVERY: Duration = Duration::from_secs(2);

/// Why a report in the name of another agent is not taken.
pub(super) const OTHERS: &str = "an agent reports of itself alone, from its own processes";

/// Limits the reports of each agent.
#[derive(Debug, Default)]
pub(super) struct Intake {
    buckets: Mutex<BTreeMap<AgentIx, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    left: u32,
    since: Instant,
}

impl Intake {
    /// Takes one report of an agent.
    ///
    /// # Errors
    /// How long it has to wait.
    pub fn take(&self, agent: AgentIx, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(agent).or_insert(Bucket {
            left: BURST,
            since: now,
        });
        let fresh = now.duration_since(bucket.since).as_millis() / EVERY.as_millis();
        let fresh = u32::try_from(fresh).unwrap_or(BURST).min(BURST);
        if fresh > 0 {
            bucket.left = (bucket.left + fresh).min(BURST);
            bucket.since = if bucket.left == BURST {
                now
            } else {
                bucket.since + EVERY * fresh
            };
        }
        if bucket.left == 0 {
            return Err(EVERY.saturating_sub(now.duration_since(bucket.since)));
        }
        bucket.left -= 1;
        Ok(())
    }
}

/// Where a report comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From the file that was given to this agent alone.
    File,
    /// From a process: the one below the runner that it hangs on, and whether its environment
    /// names the agent and attempt that it speaks for.
    Process {
        /// Its pid.
        root: i32,
        /// The environment agrees.
        marked: bool,
    },
}

/// Finds the agent that reports, if it is the one that it says.
///
/// The tree of processes counts; the environment only for processes that have lost their agent's
/// tree, since a process can give another one any environment.
///
/// # Errors
/// Why the report is not taken, in words.
pub(super) fn who(
    state: &State,
    agent: &AgentId,
    attempt: u32,
    origin: Origin,
) -> Result<AgentIx, String> {
    let Some(ix) = state.find(agent) else {
        return Err("the run has no agent of this name".to_owned());
    };
    if attempt == 0 || state.agent(ix).attempt != attempt {
        return Err(format!(
            "attempt {attempt} is not the one that is on: it is {}",
            state.agent(ix).attempt
        ));
    }
    let Origin::Process { root, marked } = origin else {
        return Ok(ix);
    };
    let owner = state.setup.plan.indices().find(|&ix| {
        let live = state.agent(ix).live.as_ref();
        let handle = live.and_then(|live| live.handle.as_ref());
        matches!(handle, Some(Handle::Local { pid, .. }) if *pid == root)
    });
    match owner {
        Some(owner) if owner == ix => Ok(ix),
        None if marked => Ok(ix),
        _ => Err(OTHERS.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_at_once_then_one_every_two_seconds_for_each_agent() {
        let intake = Intake::default();
        let start = Instant::now();
        let (a, b) = (AgentIx(0), AgentIx(1));
        let at = |ms| start + Duration::from_millis(ms);
        assert!((0..BURST).all(|_| intake.take(a, start).is_ok()));
        assert_eq!(intake.take(a, at(500)), Err(Duration::from_millis(1500)));
        assert!(intake.take(b, at(500)).is_ok(), "each has its own");
        assert!(intake.take(a, at(2000)).is_ok());
        assert!(intake.take(a, at(2100)).is_err());
        assert!(intake.take(a, at(4000)).is_ok());
        let taken = (0..20).filter(|_| intake.take(a, at(90_000)).is_ok());
        assert_eq!(taken.count(), BURST as usize, "no more is saved up");
    }
}
