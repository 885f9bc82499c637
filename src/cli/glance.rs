//! The text of `wavedeck status`: what needs a person, what works, what waits for whom, what ended
//! other than well, and how near memory is to its end.
//!
//! Only what was measured or recorded: no estimate stands here. Must not read files.

mod cards;
mod queue;

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use crate::{
    display::clean_line,
    engine::{
        CheckRun, HoldBy, Owner, PhaseState, PhaseStatus, State, Status, mode_name, participants,
    },
    plan::AgentId,
    resources::{Sample, pressure},
    schedule::Planned,
    status::Facts,
    tui::view::{
        attention::waiting,
        mine, notes, why,
        words::{held, names, size, span},
    },
};
use cards::cards;
use queue::demands;
pub use queue::queue;

/// Agents that a section lists; `--json` has them all.
const LISTED: usize = 20;

/// Where a run stands.
#[derive(Debug, Clone, Copy)]
pub struct Glance<'a> {
    /// Its state.
    pub state: &'a State,
    /// The last reading, if there is one.
    pub sample: Option<&'a Sample>,
    /// A runner has it.
    pub live: bool,
    /// Now, milliseconds since the epoch.
    pub now_ms: i64,
    /// The schedule that the run began with.
    pub planned: Option<&'a Planned>,
    /// Where a day begins and ends.
    pub zone: &'a TimeZone,
}

/// The text, one fact a line.
#[must_use]
pub fn text(glance: Glance<'_>) -> String {
    let state = glance.state;
    let mut out = String::new();
    head(glance, &mut out);
    memory(glance, &mut out);
    phases(glance, &mut out);
    cohorts(glance, &mut out);
    together(glance, &mut out);
    demands(glance, &mut out);
    cards(glance, &mut out);
    let works = |s: Status| {
        matches!(
            s,
            Status::Scheduled
                | Status::Preparing
                | Status::Running
                | Status::Checking
                | Status::Merging
                | Status::Frozen
                | Status::Joining
        )
    };
    let waits = |s: Status| matches!(s, Status::Ready | Status::Waiting | Status::BackingOff);
    let ended = |s: Status| matches!(s, Status::Failed | Status::Stopped | Status::Skipped);
    let open = state.finished.is_none();
    let told = waiting(state);
    let rest = |s: Status, i: usize| {
        let ix = crate::plan::AgentIx::of(i);
        let told = told.iter().any(|item| item.owner == Some(Owner::Agent(ix)));
        (ended(s) || (s == Status::Blocked && !open)) && !told
    };
    // What is over neither works nor waits.
    let (at_work, waiting_for) = match (open, glance.live) {
        (true, true) => ("at work", "waits"),
        (true, false) => ("was at work", "waits"),
        (false, _) => ("not ended", "not run"),
    };
    section(glance, at_work, |s, _| works(s), &mut out);
    section(glance, waiting_for, |s, _| waits(s), &mut out);
    section(glance, "not done", rest, &mut out);
    out
}

/// The run, its end or mode, and how many agents are in which state.
fn head(glance: Glance<'_>, out: &mut String) {
    let Glance { state, live, .. } = glance;
    let mode = match state.cap() {
        1 => "one at a time".to_owned(),
        cap => format!(
            "{}, {} of {cap} slots taken",
            mode_name(state.mode),
            state.usage.agents
        ),
    };
    let now = match (state.finished, live) {
        (Some(status), _) => format!("ended with status {status} after"),
        (None, true) => format!("live, {mode}, for"),
        (None, false) => "interrupted: `wavedeck resume` goes on; recorded".to_owned(),
    };
    let mut us = glance.now_us();
    if state.finished.is_some() {
        us = state.elapsed_us;
    }
    let name = clean_line(&state.setup.plan.name, 80);
    let _ = writeln!(out, "{}  {name}  {now} {}", state.run, span(us));
    // By what a person asks first: what needs a look, what moves, what is over.
    let order = [
        Status::Blocked,
        Status::Failed,
        Status::Running,
        Status::Checking,
        Status::Merging,
        Status::Scheduled,
        Status::Preparing,
        Status::Settling,
        Status::Joining,
        Status::BackingOff,
        Status::Frozen,
        Status::Ready,
        Status::Waiting,
        Status::Stopped,
        Status::Skipped,
    ];
    let count = |s: Status| state.agents.iter().filter(|a| a.status == s).count();
    let _ = write!(
        out,
        "{} of {} done",
        count(Status::Succeeded),
        state.agents.len()
    );
    for status in order {
        let n = count(status);
        if n > 0 {
            let _ = write!(out, ", {n} {}", status.name());
        }
    }
    out.push('\n');
    if let Some(fault) = &state.degraded {
        let _ = writeln!(out, "NOT RECORDED: {}", clean_line(fault, 200));
    }
}

/// Memory of machine and limit as last read, and how long ago that was.
fn memory(glance: Glance<'_>, out: &mut String) {
    let (state, Some(sample)) = (glance.state, glance.sample) else {
        return;
    };
    if state.finished.is_some() {
        return;
    }
    let m = &sample.machine;
    let used = m.total_bytes.saturating_sub(m.available_bytes);
    let machine = pressure(m.total_bytes, m.available_bytes, 0, 0) / 10;
    let agents = sample.figures.agents_bytes;
    let limit = state.setup.ram_limit_bytes;
    let share = pressure(0, 0, agents, limit) / 10;
    let halt = if state.memory.halted {
        ", nothing starts"
    } else {
        ""
    };
    let ago = u64::try_from(glance.now_ms.saturating_sub(sample.at_ms)).unwrap_or(0) * 1000;
    let _ = writeln!(
        out,
        "memory {}{halt}: machine {} of {} ({machine} %), agents {} of the limit of {} ({share} %), {} to give; read {} ago",
        state.memory.zone.name(),
        size(used),
        size(m.total_bytes),
        size(agents),
        size(limit),
        size(limit.saturating_sub(state.usage.ram_bytes)),
        span(ago),
    );
}

/// How far each phase is, where there are any.
fn phases(glance: Glance<'_>, out: &mut String) {
    let state = glance.state;
    let (over, live) = (state.finished.is_some(), glance.live);
    for (i, phase) in state.setup.plan.phases.iter().enumerate() {
        let members = &state.setup.members[i];
        let done = members
            .iter()
            .filter(|ix| state.agent(**ix).status == Status::Succeeded)
            .count();
        let word = match state.phases[i].status {
            PhaseStatus::Waiting if over => "not run",
            PhaseStatus::Running | PhaseStatus::Checking if over => "not done",
            PhaseStatus::Waiting => "waits",
            PhaseStatus::Running if !live => "was at work",
            PhaseStatus::Checking if !live => "its gates were being checked",
            PhaseStatus::Running => "at work",
            PhaseStatus::Checking if asks(&state.phases[i]) => "WAITS FOR YOUR YES",
            PhaseStatus::Checking => "its gates are checked",
            PhaseStatus::Completed => "complete",
            PhaseStatus::Failed if state.phases[i].gate_red => "RED GATE",
            PhaseStatus::Failed => "failed",
        };
        let reason = state.phases[i].reason.as_deref().unwrap_or_default();
        let colon = if reason.is_empty() { "" } else { ": " };
        let _ = writeln!(
            out,
            "phase {}  {done}/{} done  {word}{colon}{}",
            clean_line(&phase.id, 40),
            members.len(),
            clean_line(reason, 160)
        );
    }
}

/// Where the gates of tracks, of waves and of the run stand, where there are any.
fn cohorts(glance: Glance<'_>, out: &mut String) {
    let state = glance.state;
    let over = state.finished.is_some();
    for (point, gates) in state.setup.cohorts.iter().zip(&state.cohorts) {
        let asks = asks(gates);
        let word = match gates.status {
            PhaseStatus::Waiting | PhaseStatus::Running if over => "not checked",
            PhaseStatus::Waiting | PhaseStatus::Running => "wait for its agents",
            PhaseStatus::Checking if asks => "WAIT FOR YOUR YES",
            PhaseStatus::Checking if over || !glance.live => "were being checked",
            PhaseStatus::Checking => "are checked",
            PhaseStatus::Completed => "have passed",
            PhaseStatus::Failed if gates.gate_red => "RED GATE",
            PhaseStatus::Failed => "not checked",
        };
        let reason = gates.reason.as_deref().unwrap_or_default();
        let colon = if reason.is_empty() { "" } else { ": " };
        let _ = writeln!(
            out,
            "gates of {}  {word}{colon}{}",
            clean_line(point.to_string(), 40),
            clean_line(reason, 160)
        );
    }
}

/// Where agents come together just now, and whom it concerns.
fn together(glance: Glance<'_>, out: &mut String) {
    let state = glance.state;
    if !open(glance) {
        return;
    }
    for (number, point) in state.syncs.open.iter().take(LISTED) {
        let who = participants(state, point);
        let who = names(who.iter().map(AgentId::as_str), 6);
        let what = clean_line(notes::together(point), 120);
        let _ = writeln!(out, "sync {number}  {what}: {who}");
    }
}

/// Whether a person's yes to a gate is waited for.
fn asks(gates: &PhaseState) -> bool {
    gates.check.as_ref().is_some_and(CheckRun::asks)
}

/// The agents of some states, each with what it does or why it waits.
fn section(
    glance: Glance<'_>,
    title: &str,
    belongs: impl Fn(Status, usize) -> bool,
    out: &mut String,
) {
    let Glance { state, sample, .. } = glance;
    let figures = sample.map(|s| s.figures(state)).unwrap_or_default();
    let mut n = 0;
    for (i, agent) in state.agents.iter().enumerate() {
        if !belongs(agent.status, i) {
            continue;
        }
        if n == 0 {
            let _ = writeln!(out, "{title}");
        }
        n += 1;
        if n > LISTED {
            continue;
        }
        let ix = crate::plan::AgentIx::of(i);
        let mine = mine(state, sample, ix);
        let (now, _) = why::now(state, &figures, mine, ix, glance.now_us());
        let mut figures = String::new();
        if agent.live.is_some() {
            figures = span(state.clock_us(ix, glance.now_us()));
            if let Some(mine) = mine {
                let _ = write!(figures, " {}", held(mine));
                if agent.quiet {
                    let _ = write!(figures, " quiet for {}", span(mine.quiet_us));
                }
            }
            if !now.is_empty() {
                figures.push_str(" · ");
            }
        }
        let id = clean_line(state.setup.plan.agent(ix).id.as_str(), 64);
        // A shell has no keys: the command that does the same.
        let remedy = match agent.hold {
            Some(HoldBy::Operator) if glance.live => format!(" · `wavedeck ctl resume {id}`"),
            _ => String::new(),
        };
        let was = if open(glance) || !moves(agent.status) {
            ""
        } else {
            "was "
        };
        let word = format!("{was}{}", agent.status.name());
        let line = format!("  {word:<11} {id:<24} {figures}{now}{remedy}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    more(n, out);
}

/// A runner has the run and it has not ended: what it says is so now.
const fn open(glance: Glance<'_>) -> bool {
    glance.live && glance.state.finished.is_none()
}

/// Whether something of an agent moves in this state.
const fn moves(status: Status) -> bool {
    matches!(
        status,
        Status::Scheduled
            | Status::Preparing
            | Status::Running
            | Status::Checking
            | Status::Merging
            | Status::Settling
    )
}

fn more(all: usize, out: &mut String) {
    if all > LISTED {
        let _ = writeln!(out, "  and {} more", all - LISTED);
    }
}

impl<'a> Glance<'a> {
    /// What the cards are made from.
    pub(super) fn facts(&self) -> Facts<'a> {
        Facts {
            state: self.state,
            sample: self.sample.filter(|_| self.live),
            planned: self.planned,
            now_us: self.now_us(),
            zone: self.zone,
            day: None,
        }
    }

    /// Time that the run has been alive, as far as is known, µs.
    fn now_us(&self) -> u64 {
        let known = self.state.elapsed_us;
        self.sample.map_or(known, |s| s.elapsed_us.max(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::tests::{fixture, watch};

    fn glance(run: &fixture::Run) -> String {
        let sample = run.sample();
        text(Glance {
            state: &run.state,
            sample: Some(&sample),
            live: true,
            now_ms: sample.at_ms + 2_000,
            planned: None,
            zone: &TimeZone::UTC,
        })
    }

    #[test]
    fn it_says_what_needs_a_person_and_who_waits_for_whom() {
        insta::assert_snapshot!("full", glance(&fixture::full()));
        insta::assert_snapshot!("red_gate", glance(&watch::red()));
    }

    #[test]
    fn what_is_over_neither_works_nor_waits_and_no_key_of_the_deck_is_named() {
        let told = |run: &fixture::Run, live| {
            text(Glance {
                state: &run.state,
                sample: None,
                live,
                now_ms: fixture::START_MS,
                planned: None,
                zone: &TimeZone::UTC,
            })
        };
        let mut run = fixture::full();
        let cut = told(&run, false);
        assert!(
            cut.contains("\nphase build  0/16 done  was at work"),
            "{cut}"
        );
        assert!(cut.contains("\n  was running"), "{cut}");
        run.state.finished = Some(1);
        let ended = told(&run, false);
        for text in [
            "at work",
            "waits",
            "lets it go",
            "tries again",
            "`wavedeck ctl",
        ] {
            assert!(!ended.contains(text), "{text}: {ended}");
        }
        assert!(
            ended.contains("\nphase release  0/2 done  not run"),
            "{ended}"
        );
    }
}
