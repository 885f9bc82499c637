//! The digest: what happened while nobody looked, and the time lost waiting for a person
//! (REQUIREMENTS X4).
//!
//! Computed from state and history between two moments. Must not keep anything of its own.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::{
    display::clean_line,
    engine::{AttentionKind, Budget, Owner, State, Status, Zone},
    plan::AgentIx,
    report::{history::MarkKind, past::Past},
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
    /// Why they failed, in the same order.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// Agents that were stopped.
    #[serde(default)]
    pub stopped: Vec<String>,
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
    /// Budgets of which 80 % or more are used, in words.
    #[serde(default)]
    pub budgets: Vec<String>,
    /// Messages that have not reached their agents yet.
    #[serde(default)]
    pub untold: usize,
    /// What waits for a person now, the longest first.
    pub waiting: Vec<Waiting>,
    /// What agents at work reported of themselves, the newest of each.
    #[serde(default)]
    pub says: Vec<String>,
    /// Time that agents waited for a person, summed, in milliseconds.
    pub lost_ms: u64,
    /// The exit status, if the run ended.
    pub status: Option<u8>,
}

impl Digest {
    /// Makes the digest of what happened after `from_us` (elapsed µs).
    #[must_use]
    pub fn since(state: &State, history: Past<'_>, from_us: u64) -> Self {
        let now_us = history.now_us.max(state.elapsed_us);
        let mut digest = Self {
            from_ms: from_us.min(now_us) / 1000,
            to_ms: now_us / 1000,
            status: state.finished,
            ..Self::default()
        };
        let mut lost_us = 0;
        for ix in state.setup.plan.indices() {
            let id = || state.id(ix).to_string();
            let mut mode = None;
            for span in history.spans(ix) {
                let fresh = span.from_us > from_us;
                let runs = span.status == Status::Running;
                if fresh {
                    match span.status {
                        Status::Succeeded => digest.done.push(id()),
                        Status::Failed => {
                            let reason = &state.agent(ix).reason;
                            digest.failed.push(id());
                            digest.reasons.push(reason.clone().unwrap_or_default());
                        }
                        Status::Stopped => digest.stopped.push(id()),
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
                // The same that the report calls waiting for a person.
                if matches!(span.status, Status::Blocked | Status::Frozen) {
                    let to = span.to_us.unwrap_or(now_us);
                    lost_us += to.saturating_sub(span.from_us.max(from_us));
                }
            }
            let phase = state.setup.plan.agent(ix).phase;
            lost_us += history.held(ix, phase, from_us).red_us + history.asked_us(ix, from_us);
            digest.says.extend(says(state, ix, from_us));
        }
        digest.lost_ms = lost_us / 1000;
        digest.budgets = budgets(state);
        let talks = state.agents.iter().filter_map(|agent| agent.talk.as_ref());
        digest.untold = talks.map(|talk| talk.messages.len()).sum();
        for item in crate::engine::waiting(state) {
            // What failed is listed as such, with its reason.
            if item.kind != AttentionKind::Failed {
                digest.waiting.push(Waiting {
                    who: match item.owner {
                        Some(Owner::Agent(ix)) => state.id(ix).to_string(),
                        Some(Owner::Phase(ix)) => {
                            format!("phase {}", state.setup.plan.phases[ix.ix()].id)
                        }
                        Some(Owner::Cohort(ix)) => state.setup.cohorts[ix.ix()].to_string(),
                        None => item.of_run().to_owned(),
                    },
                    ms: now_us.saturating_sub(item.since_us) / 1000,
                    reason: item.title,
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
        for (seq, passed) in history.gates {
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
        let length = duration((self.to_ms - self.from_ms) * 1000);
        let mut out = vec![match self.from_ms {
            0 => format!("the whole run, {length}"),
            from => format!("the last {length} (from {} on)", duration(from * 1000)),
        }];
        let list = |what: &str, names: Vec<String>, out: &mut Vec<String>| {
            if !names.is_empty() {
                out.push(format!("{:>4} {what}: {}", names.len(), some(&names)));
            }
        };
        list("done", self.done.clone(), &mut out);
        list("failed", self.failed.clone(), &mut out);
        for (who, why) in self.failed.iter().zip(&self.reasons).take(NAMES) {
            if !why.is_empty() {
                out.push(format!("       {who}: {why}"));
            }
        }
        list("stopped", self.stopped.clone(), &mut out);
        list("skipped", self.skipped.clone(), &mut out);
        let retried = self
            .retried
            .iter()
            .map(|(who, n)| format!("{who} (attempt {n})"))
            .collect();
        list("tried again", retried, &mut out);
        list("went to another worker", self.swapped.clone(), &mut out);
        let (passed, failed) = self.gates;
        if passed + failed > 0 {
            out.push(format!("     gates: {passed} passed, {failed} failed"));
        }
        if let Some(zone) = self.worst_zone.filter(|zone| *zone > Zone::Green) {
            out.push(format!("     memory was {}", zone.name()));
        }
        for budget in &self.budgets {
            out.push(format!("     {budget}"));
        }
        match self.untold {
            0 => {}
            1 => out.push("     1 message has not reached its agent yet".to_owned()),
            n => out.push(format!(
                "     {n} messages have not reached their agents yet"
            )),
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
        for said in self.says.iter().take(NAMES) {
            out.push(format!("   » {said}"));
        }
        if let Some(more @ 1..) = self.says.len().checked_sub(NAMES) {
            out.push(format!("   » {more} more have reported"));
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

/// Budgets that are nearly used up, or more.
fn budgets(state: &State) -> Vec<String> {
    let near = |budget: Budget| {
        let account = state.spending.account(budget);
        let limit = state.budget(budget).filter(|_| account.warned)?;
        let (used, limit) = (budget.amount(account.used), budget.amount(limit));
        Some(format!("{used} of {limit} used"))
    };
    Budget::ALL.into_iter().filter_map(near).collect()
}

/// What an agent that has not ended said of itself after a moment.
fn says(state: &State, ix: AgentIx, from_us: u64) -> Option<String> {
    let agent = state.agent(ix);
    let said = agent.said.as_deref()?;
    if agent.status.is_final() || said.at_us < from_us || said.at_ms == 0 {
        return None;
    }
    let words = &said.words;
    let mut text = state.id(ix).to_string();
    if let Some(percent) = words.progress_percent {
        let _ = write!(text, " says {percent} %");
    }
    if let Some(status) = words.status {
        let _ = write!(text, ", {}", status.name());
    }
    let worst = words.blockers.first().map(|b| &b.blocker);
    if let Some(what) = worst.or(words.doing.as_ref()) {
        let _ = write!(text, ": {what}");
    }
    Some(clean_line(text, 200))
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
    use crate::report::history::History;
    use crate::{
        engine::{Action, Exit, Target},
        graph::random::{agent, empty},
        tui::tests::{fixture, watch},
    };

    fn whole(run: &fixture::Run) -> Digest {
        let mut state = run.first.clone();
        let mut history = History::new(&state);
        for record in &run.records {
            state.apply(record);
            history.push(&state, record);
        }
        history.now_us = run.now_us;
        Digest::since(&state, history.whole(), 0)
    }

    #[test]
    fn agents_that_failed_are_told_with_their_reason_and_stopped_ones_too() {
        let mut plan = empty();
        for id in ["a", "b", "c"] {
            plan.agents.push(agent(id, 10, 100));
        }
        let mut run = fixture::Run::new(plan, 3, 8 * fixture::GIB);
        run.wait(21);
        run.done("a");
        run.act(Action::Stop {
            target: Some(Target::Agent("b".into())),
        });
        run.end("c", Exit::Code(3));
        let lines = whole(&run).lines();
        assert_eq!(
            lines,
            [
                "the whole run, 21s",
                "   1 done: a",
                "   1 failed: c",
                "       c: exit status 3",
                "   1 stopped: b",
                "     the run has ended with status 1",
            ]
        );
    }

    #[test]
    fn time_behind_a_red_gate_is_time_lost() {
        let run = watch::red();
        let digest = whole(&run);
        let waits: Vec<_> = digest.waiting.iter().map(|w| (&*w.who, w.ms)).collect();
        assert_eq!(waits, [("phase build", 90_000)]);
        let ready = |a: &&crate::engine::AgentState| a.status == Status::Ready;
        let behind = run.state.agents.iter().filter(ready).count() as u64;
        assert!(behind > 0);
        assert_eq!(digest.lost_ms, behind * 90_000);
    }

    #[test]
    fn what_happened_since_a_moment_and_what_waits() {
        let run = fixture::full();
        let mut state = run.first.clone();
        let mut history = History::new(&state);
        for record in &run.records {
            state.apply(record);
            history.push(&state, record);
        }
        let whole = Digest::since(&state, history.whole(), 0);
        let half = Digest::since(&state, history.whole(), run.now_us / 2);
        let none = Digest::since(&state, history.whole(), run.now_us);
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
