//! What is kept of a job, and of an agent's attempt, from one reading to the next.
//!
//! Bytes and microseconds. Must not search for processes.

use std::{sync::Arc, time::Instant};

use crate::{
    executor::JobView,
    plan::AgentIx,
    resources::{
        AgentSample,
        growth::Growth,
        member::{self, Member},
    },
};

/// What a slow reading said of a job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slow {
    pub at: Instant,
    pub processes: usize,
    pub proportional: u64,
    pub swap: u64,
}

/// A job that runs.
pub(super) struct Tracked {
    pub view: Arc<JobView>,
    pub whose: Option<(AgentIx, u32)>,
    pub members: Vec<Member>,
    /// The last slow reading.
    pub slow: Option<Slow>,
    /// Its last line, as of so many bytes of output.
    pub line: (u64, String),
    /// The reading that saw it last.
    pub reading: u64,
}

/// What is kept of an agent's attempt from one reading to the next.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    number: u32,
    /// Highest of what counts, in bytes; an upper bound until `measured`.
    peak: u64,
    /// There was a slow reading.
    measured: bool,
    growth: Growth,
}

impl Tracked {
    /// What counts more than once in the sum of its processes, in bytes.
    pub fn shared(&self) -> u64 {
        let of = |slow: Slow| member::shared(&self.members, slow.processes);
        self.slow.map_or(0, of)
    }

    /// Adds this job to its agent's row; the line is that of the job that printed last.
    pub fn add_to(&mut self, agent: &mut AgentSample, bytes: u64) {
        let printed = self.view.output_bytes();
        let quiet_us = u64::try_from(self.view.quiet().as_micros()).unwrap_or(u64::MAX);
        agent.resident_bytes += bytes;
        agent.shared_bytes += self.shared().min(bytes);
        if let Some(slow) = self.slow {
            agent.swap_bytes += slow.swap;
            agent.unread_bytes += member::unread(&self.members);
            *agent.pss_bytes.get_or_insert(0) += slow.proportional;
        }
        agent.processes += u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        agent.output_bytes += printed;
        if printed != self.line.0 {
            self.line = (printed, self.view.last_line());
        }
        if quiet_us < agent.quiet_us {
            agent.quiet_us = quiet_us;
            agent.line.clone_from(&self.line.1);
        }
    }
}

impl Attempt {
    /// Adds what is known beside the reading: peak and growth.
    pub fn finish(&mut self, mut agent: AgentSample, elapsed_us: u64) -> AgentSample {
        if self.number < agent.attempt {
            *self = Self {
                number: agent.attempt,
                ..Self::default()
            };
        }
        let counted = agent.counted_bytes();
        agent.peak_bytes = counted;
        if self.number == agent.attempt {
            if !self.measured && agent.pss_bytes.is_some() {
                self.measured = true;
                // What was seen before counted the shared pages each time.
                self.peak = self.peak.saturating_sub(agent.shared_bytes);
            }
            self.peak = self.peak.max(counted);
            agent.peak_bytes = self.peak;
            // Not what counts: that falls at once with the first slow reading.
            self.growth.push(elapsed_us, agent.resident_bytes);
            agent.growth_bytes_per_min = self.growth.per_minute();
        }
        agent
    }
}
