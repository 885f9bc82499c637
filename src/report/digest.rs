//! The digest: what happened while nobody looked, and the time lost waiting for a person
//! (REQUIREMENTS X4).
//!
//! Computed from state and history between two moments. Must not keep anything of its own.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::{
    display::clean_line,
    engine::{State, Status, Zone},
    report::history::{History, MarkKind},
};

use super::plan::duration;

/// Names that a line lists, and lines of what waits.
const NAMES: usize = 8;

/// Something that waits for a person now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Which agent or phase.
    pub who: String,
    /// For how long, in milliseconds.
    pub ms: u64,
    /// Why.
    pub reason: String,
}

/// What happened between two moments of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Digest {
    /// The first moment (milliseconds that the run was alive).
    pub from_ms: u64,
    /// The last moment.
    pub to_ms: u64,
    /// Agents that were done.
    pub done: Vec<String>,
    /// Agents that failed for good.
    pub failed: Vec<String>,
    /// Agents that were skipped.
    pub skipped: Vec<String>,
    /// Agents that began another attempt, with its number.
    pub retried: Vec<(String, u32)>,
    /// Agents that another worker took over.
    pub swapped: Vec<String>,
    /// Gates that passed, and that failed.
    pub gates: (usize, usize),
    /// The worst zone.
    pub worst_zone: Option<Zone>,
    /// What waits for a person now, the longest first.
    pub waiting: Vec<Waiting>,
    /// Time that agents waited for a person, summed, in milliseconds.
    pub lost_ms: u64,
    /// The exit status, if the run ended.
    pub status: Option<u8>,
}

impl Digest {
    /// Makes the digest of what happened after `from_us` (elapsed µs).
    #[must_use]
    pub fn since(state: &State, history: &History, from_us: u64) -> Self {
        let now_us = history.now_us.max(state.elapsed_us);
        let mut digest = Self {
            from_ms: from_us.min(now_us) / 1000,
            to_ms: now_us / 1000,
            status: state.finished,
            ..Self::default()
        };
        for ix in state.setup.plan.indices() {
            let id = || state.id(ix).to_string();
            let spans = history.spans.get(ix.ix()).map_or(&[][..], Vec::as_slice);
            let mut mode = None;
            for span in spans {
                let fresh = span.from_us > from_us;
                let runs = span.status == Status::Running;
                if fresh {
                    match span.status {
                        Status::Succeeded => digest.done.push(id()),
                        Status::Failed => digest.failed.push(id()),
                        Status::Skipped => digest.skipped.push(id()),
                        Status::Scheduled if span.attempt > 1 => {
                            digest.retried.push((id(), span.attempt));
                        }
                        Status::Running if mode.is_some_and(|m| m != span.mode) => {
                            digest.swapped.push(id());
                        }
                        _ => {}
                    }
                }
                if runs {
                    mode = Some(span.mode);
                }
                if span.status == Status::Blocked {
                    let to = span.to_us.unwrap_or(now_us);
                    digest.lost_ms += to.saturating_sub(span.from_us.max(from_us)) / 1000;
                }
            }
            let agent = state.agent(ix);
            if agent.status == Status::Blocked {
                digest.waiting.push(Waiting {
                    who: id(),
                    ms: now_us.saturating_sub(agent.since_us) / 1000,
                    reason: agent.reason.clone().unwrap_or_default(),
                });
            }
        }
        for (phase, plan) in state.phases.iter().zip(&state.setup.plan.phases) {
            if phase.gate_red {
                digest.waiting.push(Waiting {
                    who: format!("phase {}", plan.id),
                    ms: 0,
                    reason: phase.reason.clone().unwrap_or_default(),
                });
            }
        }
        digest.waiting.sort_by_key(|w| std::cmp::Reverse(w.ms));
        let seqs: Vec<u64> = history
            .marks
            .iter()
            .filter(|mark| mark.kind == MarkKind::Gate && mark.at_us > from_us)
            .map(|mark| mark.seq)
            .collect();
        for (seq, passed) in &history.gates {
            if seqs.binary_search(seq).is_ok() {
                if *passed {
                    digest.gates.0 += 1;
                } else {
                    digest.gates.1 += 1;
                }
            }
        }
        // The zone that it was in at the begin counts too.
        let first = history
            .zones
            .partition_point(|(at, _)| *at <= from_us)
            .saturating_sub(1);
        digest.worst_zone = history.zones[first.min(history.zones.len())..]
            .iter()
            .map(|(_, zone)| *zone)
            .max();
        digest
    }

    /// Returns the digest as lines for people, clean.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut out = vec![format!(
            "the last {} (from {} on)",
            duration((self.to_ms - self.from_ms) * 1000),
            duration(self.from_ms * 1000)
        )];
        let mut list = |what: &str, names: Vec<String>| {
            if !names.is_empty() {
                out.push(format!("{:>4} {what}: {}", names.len(), some(&names)));
            }
        };
        list("done", self.done.clone());
        list("failed", self.failed.clone());
        list("skipped", self.skipped.clone());
        let retried = self
            .retried
            .iter()
            .map(|(who, n)| format!("{who} (attempt {n})"))
            .collect();
        list("tried again", retried);
        list("went to another worker", self.swapped.clone());
        let (passed, failed) = self.gates;
        if passed + failed > 0 {
            out.push(format!("     gates: {passed} passed, {failed} failed"));
        }
        if let Some(zone) = self.worst_zone.filter(|zone| *zone > Zone::Green) {
            out.push(format!("     memory was {}", zone.name()));
        }
        for w in self.waiting.iter().take(NAMES) {
            let since = if w.ms > 0 {
                format!(" for {}", duration(w.ms * 1000))
            } else {
                String::new()
            };
            let mut line = format!("   ! {} waits for you{since}", w.who);
            if !w.reason.is_empty() {
                let _ = write!(line, ": {}", w.reason);
            }
            out.push(line);
        }
        if let Some(more @ 1..) = self.waiting.len().checked_sub(NAMES) {
            out.push(format!("   ! {more} more wait for you"));
        }
        if self.lost_ms > 0 {
            out.push(format!(
                "     {} of agents' time was lost waiting for a person",
                duration(self.lost_ms * 1000)
            ));
        }
        if out.len() == 1 {
            out.push("     nothing ended, failed or waits".to_owned());
        }
        if let Some(status) = self.status {
            out.push(format!("     the run has ended with status {status}"));
        }
        out.iter().map(|line| clean_line(line, 300)).collect()
    }
}

/// The first names, and how many more there are.
fn some(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(NAMES)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().checked_sub(NAMES) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::tests::fixture;

    #[test]
    fn what_happened_since_a_moment_and_what_waits() {
        let run = fixture::full();
        let mut state = run.first.clone();
        let mut history = History::new(&state);
        for record in &run.records {
            state.apply(record);
            history.push(&state, record);
        }
        let whole = Digest::since(&state, &history, 0);
        let half = Digest::since(&state, &history, run.now_us / 2);
        let none = Digest::since(&state, &history, run.now_us);
        let done = |status| state.agents.iter().filter(|a| a.status == status).count();
        assert_eq!(whole.done.len(), done(Status::Succeeded));
        assert_eq!(whole.failed.len(), done(Status::Failed));
        assert!(half.done.len() < whole.done.len());
        assert!(none.done.is_empty() && none.lost_ms == 0);
        assert_eq!(
            none.waiting, whole.waiting,
            "what waits is said whenever it began"
        );
        assert!(!whole.waiting.is_empty());
        insta::assert_snapshot!(whole.lines().join("\n"));
    }
}
