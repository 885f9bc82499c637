//! Line output of a headless run: readable lines, or the journal's events as JSON.
//!
//! A thread of its own follows the journal file, so that a stalled reader never blocks a run and
//! memory stays bounded. Text of agents and plans is hostile: it is cleaned before it is printed.

pub mod spoken;
mod work;

use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    display::{clean_line, figures::lasted, safe_json},
    engine::{Answer, AttentionKind, Event, OnBase, ProcessTrouble, Record, whose},
    journal::{Follower, Line},
    report::adapted,
    tui::view::notes::leased,
};

/// Lines are printed together that come within this time: one wake-up for each event would cost as
/// much as the event.
const GATHER: Duration = Duration::from_millis(20);

/// What line output looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// For people.
    Text,
    /// In words alone, for screen readers.
    Words,
    /// Events as they stand in the journal.
    Json,
}

/// Wakes the thread and tells it when the run is over.
#[derive(Debug, Default)]
struct Bell {
    /// Records were written; the run is over.
    state: Mutex<(bool, bool)>,
    rung: Condvar,
}

/// The printing thread.
#[derive(Debug)]
pub struct Lines {
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    /// Starts to print the journal of a run's folder, from record `from` on.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(dir: &Path, kind: LineKind, from: u64) -> io::Result<Self> {
        let bell = Arc::new(Bell::default());
        let mut follower = Follower::new(dir);
        let thread = {
            let bell = bell.clone();
            thread::Builder::new()
                .name("lines".into())
                .stack_size(256 << 10)
                .spawn(move || {
                    loop {
                        let over = bell.wait();
                        if print(&mut follower, kind, from).is_err() || over {
                            return;
                        }
                    }
                })?
        };
        Ok(Self {
            bell,
            thread: Some(thread),
        })
    }

    /// Says that records were written; cheap.
    pub fn wake(&self) {
        self.bell.ring(false);
    }

    /// Prints what is left and waits until it has been read, or until `enough` says so; that waits
    /// a moment each time.
    pub fn finish(mut self, mut enough: impl FnMut() -> bool) {
        self.bell.ring(true);
        let Some(thread) = self.thread.take() else {
            return;
        };
        while !thread.is_finished() {
            if enough() {
                return;
            }
        }
        // A panic there was reported when it happened.
        let _ = thread.join();
    }

    /// Prints what is left and waits until it has been read.
    pub fn drain(self) {
        self.finish(|| {
            thread::sleep(Duration::from_millis(1));
            false
        });
    }
}

impl Bell {
    fn ring(&self, over: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let rung = state.0 || state.1;
        *state = (true, state.1 || over);
        if !rung || over {
            self.rung.notify_one();
        }
    }

    /// Waits for news, and a little longer for what comes right behind it; returns whether the run
    /// is over.
    fn wait(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.0 && !state.1 {
            state = self
                .rung
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let (mut state, _) = self
            .rung
            .wait_timeout_while(state, GATHER, |state| !state.1)
            .unwrap_or_else(PoisonError::into_inner);
        state.0 = false;
        state.1
    }
}

fn print(follower: &mut Follower, kind: LineKind, from: u64) -> io::Result<()> {
    let mut out = Vec::with_capacity(16 << 10);
    let result = follower.poll(|line| {
        if line.line.seq() < from {
            return;
        }
        if kind == LineKind::Json {
            let bare = line.bare();
            out.extend_from_slice(safe_json(&String::from_utf8_lossy(&bare)).as_bytes());
            out.push(b'\n');
        } else if let Line::Record(record) = &line.line {
            if kind == LineKind::Text {
                text(record, &mut out);
            } else if let Some(line) = spoken::line(record) {
                out.extend_from_slice(line.as_bytes());
                out.push(b'\n');
            }
        }
        // Bounded, also for a reader that comes late to a long journal.
        if out.len() > 256 << 10 {
            let _ = io::stdout().lock().write_all(&out);
            out.clear();
        }
    });
    if let Err(error) = result {
        let _ = writeln!(
            io::stderr().lock(),
            "wavedeck: {}",
            clean_line(error.to_string(), 1000)
        );
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(&out)?;
    stdout.flush()
}

/// Writes one readable line for events that a person wants to see.
fn text(record: &Record, out: &mut Vec<u8>) {
    let seconds = record.elapsed_us / 1_000_000;
    let tenths = record.elapsed_us / 100_000 % 10;
    let Some(text) = sentence(&record.event) else {
        return;
    };
    // Writing into memory cannot fail.
    let _ = writeln!(
        out,
        "{:>2}:{:02}.{tenths}  {}",
        seconds / 60,
        seconds % 60,
        clean_line(&text, 400)
    );
}

/// Says an event in words; none for what is routine.
#[must_use]
pub fn sentence(event: &Event) -> Option<String> {
    Some(match event {
        Event::RunStarted {
            run,
            plan,
            agents,
            wave_count,
            mode,
            ..
        } => {
            let mode = crate::engine::mode_name(*mode);
            let s = |n: u32| if n == 1 { "" } else { "s" };
            format!(
                "run {run}: {plan}, {agents} agent{} in {wave_count} wave{}, {mode}",
                s(*agents),
                s(*wave_count)
            )
        }
        Event::RunResumed { survivors, .. } => format!("resumed; {survivors} old processes ended"),
        Event::RunStopped { by } => match by {
            crate::engine::StoppedBy::Operator => "stopping: asked for by you".to_owned(),
            crate::engine::StoppedBy::Signal(n) => format!("stopping: signal {n}"),
            crate::engine::StoppedBy::GuardLost => "stopping: the guard is gone".to_owned(),
        },
        Event::RunDegraded { error: Some(error) } => {
            format!("RECORDING HAS A FAULT: {error}; nothing new starts")
        }
        Event::RunDegraded { error: None } => "recording is well again".to_owned(),
        Event::RunFinished {
            status, summary, ..
        } => format!("finished: {summary} (status {status})"),
        Event::AgentStarted { agent, attempt, .. } => match attempt {
            1 => format!("> {agent}"),
            n => format!("> {agent} (attempt {n})"),
        },
        Event::AttemptEnded {
            agent,
            attempt,
            exit,
            leaked,
            ..
        } if !exit.ok() || *leaked > 0 => {
            let leaked = match leaked {
                0 => String::new(),
                n => format!("; {n} processes left behind were ended"),
            };
            format!("  {agent} attempt {attempt}: {exit}{leaked}")
        }
        Event::AgentCompleted { agent, ran_us, .. } => {
            format!("+ {agent} done in {}", lasted(*ran_us))
        }
        Event::AgentFailed { agent, reason, .. } => format!("x {agent} FAILED: {reason}"),
        Event::AgentSkipped { agent, reason, .. } => format!("- {agent} skipped: {reason}"),
        Event::AgentStopped { agent, .. } => format!("- {agent} stopped"),
        Event::AgentBlocked { agent, reason, .. } => format!("! {agent} WAITS FOR YOU: {reason}"),
        // What is red, blocked or failed tells of itself already.
        Event::AttentionRaised(raised) if raised.attention == AttentionKind::Approval => {
            let whose = whose(
                raised.agent.as_ref(),
                raised.phase.as_deref(),
                raised.cohort.as_deref(),
            );
            format!(
                "! {whose} ASKS FOR YOUR YES: {} (`wavedeck ctl answer {} yes|no`)",
                raised.title, raised.id
            )
        }
        Event::AttentionRaised(raised) if work::of_run(raised.attention) => work::asks(raised),
        Event::AttentionAnswered(answered) if work::of_run(answered.attention) => {
            work::said(answered.attention, answered.answer).to_owned()
        }
        Event::Talk(talk) => work::of_talk(talk)?,
        Event::Lease(lease) if lease.is_news() => format!("  {}", leased(lease)),
        Event::Memory(memory) => format!("  {}", adapted::sentence(memory)?),
        Event::Measure(event) => format!("! {}", event.words()),
        Event::AttentionAnswered(answered) if answered.attention == AttentionKind::Approval => {
            let whose = whose(
                answered.agent.as_ref(),
                answered.phase.as_deref(),
                answered.cohort.as_deref(),
            );
            let how = match answered.answer {
                Some(Answer::Yes) => "is approved",
                Some(_) => "is not approved",
                None => "asks no longer",
            };
            let said = answered
                .text
                .as_ref()
                .map_or_else(String::new, |t| format!(": {t}"));
            format!("  {whose} {how}{said}")
        }
        Event::AgentRetrying {
            agent,
            delay_us,
            reason,
            ..
        } => {
            format!("  {agent} tries again in {}: {reason}", lasted(*delay_us))
        }
        Event::AgentTimeout {
            agent, limit_us, ..
        } => format!("  {agent} took longer than {}", lasted(*limit_us)),
        Event::AgentFrozen { agent, .. } => format!("  {agent} frozen"),
        Event::AgentPreempted(of) => {
            format!("  {} is ended, to go again: {}", of.agent, of.reason)
        }
        Event::AgentThawed { agent, .. } => format!("  {agent} goes on"),
        Event::CheckFrozen { place, .. } => format!("  {} on {} frozen", place.gate, on(place)),
        Event::CheckThawed { place, .. } => format!("  {} on {} goes on", place.gate, on(place)),
        Event::AgentQuiet {
            agent, quiet: true, ..
        } => format!("  {agent} is silent"),
        Event::AgentProgress(report) => {
            let percent = report
                .progress_percent
                .map_or_else(String::new, |n| format!(" {n} %"));
            let status = report.status.map_or("", crate::engine::Health::name);
            let agent = &report.agent;
            match (&report.error, report.blockers.first()) {
                (Some(error), _) => format!(
                    "! {agent} reports what cannot be read: {}",
                    error.lines().next().unwrap_or_default()
                ),
                (None, Some(worst)) => {
                    format!("! {agent} says{percent} {status}: {}", worst.blocker)
                }
                (None, None) => {
                    let doing = report.doing.as_deref().unwrap_or_default();
                    format!("  {agent} says{percent} {status} {doing}")
                }
            }
        }
        Event::ProcessTrouble(ProcessTrouble {
            agent,
            phase,
            cohort,
            trouble,
            ..
        }) => {
            let whose = whose(agent.as_ref(), phase.as_deref(), cohort.as_deref());
            format!("! {whose}: {trouble}")
        }
        Event::GatePassed { place, flaky } => {
            let flaky = if *flaky { ", but flaky" } else { "" };
            format!("  {} green on {}{flaky}", place.gate, on(place))
        }
        Event::GateFailed {
            place,
            reason,
            base,
            flaky,
        } => {
            let more = OnBase::beside(base.as_ref(), *flaky);
            format!("x {} on {}: {reason}{more}", place.gate, on(place))
        }
        Event::PhaseCompleted { phase } => format!("= phase {phase} complete"),
        Event::PhaseFailed { phase, reason } => format!("x phase {phase} failed: {reason}"),
        Event::CohortCompleted { cohort } => {
            format!("= the gates of {} have passed", named(cohort))
        }
        Event::CohortFailed { cohort, reason } => {
            format!("x the gates of {} have not passed: {reason}", named(cohort))
        }
        Event::ModeChanged { to, agents_cap, .. } => {
            format!(
                "  mode {}, at most {agents_cap} at once",
                crate::engine::mode_name(*to)
            )
        }
        Event::ZoneChanged {
            to,
            halted,
            figures,
            ..
        } => {
            let halted = if *halted { ": nothing starts" } else { "" };
            let percent = figures.pressure_permille / 10;
            format!("  memory {percent} % {}{halted}", to.name().to_uppercase())
        }
        Event::Work(event) => return work::sentence(event),
        _ => return None,
    })
}

/// A cohort for people.
fn named(cohort: &str) -> String {
    cohort.split_once(':').map_or_else(
        || format!("the {cohort}"),
        |(what, which)| format!("{what} {which}"),
    )
}

fn on(place: &crate::engine::CheckPlace) -> String {
    match (&place.agent, &place.phase, &place.cohort) {
        (Some(agent), ..) => agent.to_string(),
        (None, Some(phase), _) => format!("phase {phase}"),
        (None, None, Some(cohort)) => named(cohort),
        (None, None, None) => String::new(),
    }
}
