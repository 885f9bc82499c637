//! Which agents are measured slowly, and what becomes of the figures.
//!
//! Must not measure: that takes milliseconds, and the next reading would wait.

use std::{
    cmp::Reverse,
    time::{Duration, Instant},
};

use super::{
    Sampler,
    tracked::{Slow, Tracked},
};
use crate::{
    resources::{AgentSample, PssFigures, PssJob, Sample, member, pss::Wanted, roster::Process},
    sys::proc::Rollup,
};

/// Agents that hold less are not measured slowly, in bytes.
const WORTH: u64 = 32 << 20;
/// At most about so many processes in one slow reading.
const PROCESSES: usize = 64;
/// How long an agent that was never measured has waited for it.
const NEVER: Duration = Duration::from_secs(3600);

impl Sampler {
    /// Returns a slow measurement of at most `top` agents, the largest and those that wait for it the longest
    /// first, to be run on a thread that nothing waits for (milliseconds per process), then given to
    /// [`Sampler::note_pss`]. Agents below 32 MiB are left out: what they share cannot matter.
    #[must_use]
    pub fn pss_job(&self, last: &Sample, top: usize) -> PssJob {
        let now = Instant::now();
        let jobs_of = |agent: &AgentSample| {
            let whose = Some((agent.ix(), agent.attempt));
            self.jobs.iter().filter(move |(_, j)| j.whose == whose)
        };
        let mut waiting: Vec<(u128, &AgentSample)> = (last.agents.iter())
            .filter(|agent| agent.resident_bytes >= WORTH)
            .map(|agent| {
                let since = |j: &Tracked| j.slow.map_or(NEVER, |slow| now - slow.at);
                let oldest = jobs_of(agent).map(|(_, j)| since(j)).max();
                let seconds = u128::from(oldest.unwrap_or(NEVER).as_secs() + 1);
                (seconds * u128::from(agent.resident_bytes), agent)
            })
            .collect();
        waiting.sort_by_key(|(rank, agent)| (Reverse(*rank), agent.agent));
        let mut wanted = Vec::new();
        let mut processes = 0;
        for (_, agent) in waiting.into_iter().take(top) {
            if processes >= PROCESSES {
                break;
            }
            for (root, job) in jobs_of(agent) {
                let of_job: Vec<Process> = job.members.iter().map(|m| m.process).collect();
                processes += of_job.len();
                wanted.push(Wanted {
                    root: *root,
                    whose: (agent.agent, agent.attempt),
                    processes: of_job,
                });
            }
        }
        PssJob::new(wanted)
    }

    /// Returns whether an agent of several processes has had no slow reading: its figure is an upper bound.
    pub(in crate::resources) fn unmeasured(&self, last: &Sample) -> bool {
        let mut agents = last.agents.iter();
        agents.any(|agent| agent.at_most() && agent.resident_bytes >= WORTH)
    }

    /// Takes what a [`PssJob`] measured into the readings to come.
    pub fn note_pss(&mut self, figures: PssFigures) {
        for measured in figures.0 {
            let Some(job) = self.jobs.get_mut(&measured.root) else {
                continue;
            };
            member::note(&mut job.members, &measured.processes);
            let sum = |of: fn(&Rollup) -> u64| measured.processes.iter().map(|(_, r)| of(r)).sum();
            job.slow = Some(Slow {
                at: Instant::now(),
                processes: measured.processes.len(),
                proportional: sum(|r| r.proportional),
                swap: sum(|r| r.swap),
            });
        }
    }
}
