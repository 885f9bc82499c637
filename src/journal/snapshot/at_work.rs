//! The readable half of a snapshot: what the binary form of a state cannot hold.
//!
//! Must not leave out what [`AtWork::put`] would miss.

use std::mem;

use serde::{Deserialize, Serialize};

use crate::engine::{CheckRun, Extension, Live, Memory, Merges, State, Syncs, Talk};

/// Second line: what holds a process and how work comes together, taken out of the state; the binary
/// form has no names, which handles, and members that lines leave out, need to be read. The numbers are
/// positions.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct AtWork {
    merges: Merges,
    syncs: Syncs,
    #[serde(default)]
    memory: Memory,
    live: Vec<(u32, Live)>,
    #[serde(default)]
    talks: Vec<(u32, Box<Talk>)>,
    #[serde(default)]
    added: Vec<Extension>,
    checks: Vec<(u32, CheckRun)>,
    phases: Vec<(u32, CheckRun)>,
    cohorts: Vec<(u32, CheckRun)>,
}

impl AtWork {
    pub(super) fn take(state: &mut State) -> Self {
        let mut taken = Self {
            merges: mem::take(&mut state.merges),
            syncs: mem::take(&mut state.syncs),
            memory: mem::take(&mut state.memory),
            added: mem::take(&mut state.added),
            ..Self::default()
        };
        for (agent, i) in state.agents.iter_mut().zip(0_u32..) {
            taken.live.extend(agent.live.take().map(|live| (i, live)));
            taken.talks.extend(agent.talk.take().map(|talk| (i, talk)));
            taken
                .checks
                .extend(agent.check.take().map(|check| (i, check)));
        }
        for (phase, i) in state.phases.iter_mut().zip(0_u32..) {
            taken
                .phases
                .extend(phase.check.take().map(|check| (i, check)));
        }
        for (cohort, i) in state.cohorts.iter_mut().zip(0_u32..) {
            taken
                .cohorts
                .extend(cohort.check.take().map(|check| (i, check)));
        }
        taken
    }

    /// Puts it back; `None` where it does not fit the state.
    pub(super) fn put(self, state: &mut State) -> Option<()> {
        state.merges = self.merges;
        state.syncs = self.syncs;
        state.memory = self.memory;
        state.added = self.added;
        for (i, live) in self.live {
            state.agents.get_mut(i as usize)?.live = Some(live);
        }
        for (i, talk) in self.talks {
            state.agents.get_mut(i as usize)?.talk = Some(talk);
        }
        for (i, check) in self.checks {
            state.agents.get_mut(i as usize)?.check = Some(check);
        }
        for (i, check) in self.phases {
            state.phases.get_mut(i as usize)?.check = Some(check);
        }
        for (i, check) in self.cohorts {
            state.cohorts.get_mut(i as usize)?.check = Some(check);
        }
        Some(())
    }
}
