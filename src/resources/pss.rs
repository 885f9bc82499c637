//! The slow reading: proportional sets, which count shared pages once over all processes.
//!
//! The kernel walks page tables for it (0.5 ms at 20 MB, 2 ms at 200 MB), so it runs rarely, for few
//! agents, on a thread that nothing waits for. Must not touch the sampler.

use std::collections::BTreeMap;

use super::roster::Process;
use crate::sys::proc;

/// Which processes to measure, by agent and attempt.
#[derive(Debug, Clone, Default)]
pub struct PssJob(Vec<((u32, u32), Vec<Process>)>);

/// Proportional sets in bytes, by agent and attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PssFigures(BTreeMap<(u32, u32), u64>);

impl PssJob {
    pub(super) const fn new(agents: Vec<((u32, u32), Vec<Process>)>) -> Self {
        Self(agents)
    }

    /// Measures. An agent of which no process can be read (gone, or another user's) has no figure:
    /// a part would be mistaken for the whole.
    #[must_use]
    pub fn run(self) -> PssFigures {
        let mut figures = BTreeMap::new();
        for (agent, processes) in self.0 {
            let mut sum = None;
            for (pid, start_time) in processes {
                let bytes = proc::pss(pid);
                if !proc::is_alive(pid, start_time) {
                    continue;
                }
                let Ok(bytes) = bytes else {
                    sum = None;
                    break;
                };
                sum = Some(sum.unwrap_or(0) + bytes);
            }
            figures.extend(sum.map(|bytes| (agent, bytes)));
        }
        PssFigures(figures)
    }
}

impl PssFigures {
    /// Returns what was measured of an agent's attempt.
    #[must_use]
    pub fn of(&self, agent: u32, attempt: u32) -> Option<u64> {
        self.0.get(&(agent, attempt)).copied()
    }
}
