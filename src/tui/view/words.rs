//! Figures and events in words: times, sizes, why an agent waits, what happened.
//!
//! All text that leaves here is clean. Must not know places, widths or styles.

use std::fmt::Write as _;

use crate::{
    display::{clean_line, clean_text},
    engine::{
        self, Action, Cause, Event, HoldBy, JobState, Owner, PhaseStatus, Record, State, Status,
        Zone,
    },
    plan::{AgentIx, When},
    resources::{AgentSample, Sample},
};

/// Longest sentence, in columns.
const SENTENCE: usize = 240;

/// How a text is meant; a theme says how that looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// As text.
    #[default]
    Plain,
    /// In the background.
    Dim,
    /// Well.
    Good,
    /// Worth a look.
    Warn,
    /// More than that.
    Alert,
    /// Wrong.
    Bad,
    /// Of the critical path.
    Critical,
}

/// A span of time in at most 6 columns: `4s`, `12m`, `1h12m`, `3d4h`.
#[must_use]
pub fn span(us: u64) -> String {
    let s = us / 1_000_000;
    match s {
        0..60 => format!("{s}s"),
        60..600 => match s % 60 {
            0 => format!("{}m", s / 60),
            rest => format!("{}m{rest:02}", s / 60),
        },
        600..3600 => format!("{}m", s / 60),
        3600..86_400 => format!("{}h{:02}m", s / 3600, s % 3600 / 60),
        _ => format!("{}d{}h", s / 86_400, s % 86_400 / 3600),
    }
}

/// A size in at most 5 columns: `640M`, `1.5G`, `128G`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    match bytes {
        0 => "0".to_owned(),
        1..MIB => format!("{}K", bytes.div_ceil(1024)),
        _ if bytes < 1000 * MIB => format!("{}M", bytes / MIB),
        _ if bytes < 100 * GIB => {
            let tenths = (bytes * 10 + GIB / 2) / GIB;
            format!("{}.{}G", tenths / 10, tenths % 10)
        }
        _ => format!("{}G", bytes / GIB),
    }
}

/// Gibibytes with one decimal.
#[must_use]
pub fn gib(bytes: u64) -> String {
    let tenths = (bytes.saturating_mul(10) + (1 << 29)) >> 30;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A time of day in a time zone.
#[must_use]
pub fn clock(at_ms: i64, zone: &jiff::tz::TimeZone, seconds: bool) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let at = at.to_zoned(zone.clone());
    if seconds {
        format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
    } else {
        format!("{:02}:{:02}", at.hour(), at.minute())
    }
}

/// Names joined: `a, b, c +3`.
fn names<'a>(all: impl Iterator<Item = &'a str>, most: usize) -> String {
    let mut text = String::new();
    let mut more = 0;
    for (i, name) in all.enumerate() {
        if i >= most {
            more += 1;
        } else {
            if i > 0 {
                text.push_str(", ");
            }
            text.push_str(&clean_line(name, 40));
        }
    }
    if more > 0 {
        let _ = write!(text, " +{more}");
    }
    text
}

/// What an agent does now, or why it waits, with its tone.
#[must_use]
pub fn now(
    state: &State,
    sample: Option<&Sample>,
    mine: Option<&AgentSample>,
    ix: AgentIx,
    now_us: u64,
) -> (String, Tone) {
    let agent = state.agent(ix);
    let figures = sample.map(|s| s.figures).unwrap_or_default();
    let reason = || {
        agent
            .reason
            .as_deref()
            .map(|r| clean_text(r, SENTENCE))
            .unwrap_or_default()
    };
    let since = || span(now_us.saturating_sub(agent.since_us));
    if state.finished.is_some() && !agent.status.is_final() && agent.status != Status::Blocked {
        return ("not run: the run has ended".to_owned(), Tone::Dim);
    }
    if state.stopping.is_some() && matches!(agent.status, Status::Waiting | Status::Ready) {
        return ("will not run: the run stops".to_owned(), Tone::Dim);
    }
    match agent.status {
        Status::Waiting => (waits_for(state, ix), Tone::Dim),
        Status::Ready => match engine::admit(state, &figures, ix) {
            Ok(_) => ("starts next".to_owned(), Tone::Plain),
            Err(why) => (clean_text(&why.to_string(), SENTENCE), Tone::Warn),
        },
        Status::Scheduled => ("its process is being started".to_owned(), Tone::Plain),
        Status::Running => running(agent, mine),
        Status::Frozen => frozen(state, &figures, mine, ix, &since()),
        Status::Settling => ("its verdict is due".to_owned(), Tone::Plain),
        Status::BackingOff => {
            let left = agent.until_us.saturating_sub(now_us);
            let plan = state.setup.plan.agent(ix);
            let mut text = format!(
                "tries again in {} ({} of {})",
                span(left),
                agent.attempt + 1,
                plan.retry.attempts.max(agent.attempt + 1)
            );
            let reason = reason();
            if !reason.is_empty() {
                text = format!("{text}: {reason}");
            }
            (text, Tone::Warn)
        }
        Status::Joining => {
            let all = state.setup.children[ix.ix()].len();
            let open = agent.children_open as usize;
            (
                format!("{} of {all} sub-agents ended", all.saturating_sub(open)),
                Tone::Plain,
            )
        }
        Status::Checking => check(state, &figures, Owner::Agent(ix)),
        Status::Blocked => {
            let reason = reason();
            let text = if reason.is_empty() {
                "waits for you: r tries again".to_owned()
            } else {
                format!("{reason} · waits for you: r tries again")
            };
            (text, Tone::Alert)
        }
        Status::Succeeded => {
            let mut text = format!("took {}", span(agent.ran_us));
            if agent.attempt > 1 {
                let _ = write!(text, " in {} attempts", agent.attempt);
            }
            if !state.setup.has_process(ix) {
                text.clear();
                text.push_str("all of its sub-agents are done");
            }
            (text, Tone::Dim)
        }
        Status::Failed => {
            let handled = state.handled(ix);
            let tone = if handled { Tone::Warn } else { Tone::Bad };
            let mut text = reason();
            if text.is_empty() {
                text.push_str("failed");
            }
            if handled {
                text.push_str(" · handled");
            } else {
                let held = holds_up(state, ix);
                if held > 0 {
                    let _ = write!(text, " · holds up {held}");
                }
            }
            (text, tone)
        }
        Status::Skipped => (reason(), Tone::Dim),
        Status::Stopped => (format!("stopped by you {} ago", since()), Tone::Dim),
    }
}

fn running(agent: &engine::AgentState, mine: Option<&AgentSample>) -> (String, Tone) {
    if let Some(ending) = agent.live.as_ref().and_then(|live| live.ending) {
        let text = match ending {
            engine::Ending::Timeout => "out of time, is being ended",
            engine::Ending::Stop => "is being stopped",
            engine::Ending::Swap => "ends, another worker takes over",
            engine::Ending::RunStop => "is being ended with the run",
            engine::Ending::Reopened => "is being ended: its phase is open again",
        };
        return (text.to_owned(), Tone::Warn);
    }
    match mine {
        Some(sample) if !sample.line.is_empty() => {
            (clean_line(&sample.line, SENTENCE), Tone::Plain)
        }
        Some(sample) if sample.output_bytes == 0 => ("no output yet".to_owned(), Tone::Dim),
        _ => (String::new(), Tone::Dim),
    }
}

fn frozen(
    state: &State,
    figures: &engine::Figures,
    mine: Option<&AgentSample>,
    ix: AgentIx,
    since: &str,
) -> (String, Tone) {
    let agent = state.agent(ix);
    let mut text = match agent.hold {
        Some(HoldBy::Operator) => format!("frozen by you {since} ago"),
        Some(HoldBy::Rule) => format!("frozen by the kill switch {since} ago"),
        None => "goes on".to_owned(),
    };
    if let Some(sample) = mine {
        let _ = write!(text, ", holds {}", size(sample.resident_bytes));
    }
    match agent.frozen_tree {
        Some((stopped, total)) if stopped < total => {
            return (
                format!("{text} · only {stopped} of {total} processes are stopped"),
                Tone::Alert,
            );
        }
        None => text.push_str(" · not verified yet"),
        Some(_) => {}
    }
    if agent.hold != Some(HoldBy::Operator)
        && let Err(why) = engine::admit_thaw(state, figures, ix)
    {
        let _ = write!(text, " · {}", clean_text(&why.to_string(), SENTENCE));
    } else if agent.hold == Some(HoldBy::Operator) {
        text.push_str(" · p lets it go");
    }
    (text, Tone::Plain)
}

/// Where the checks of an agent or a phase stand.
#[must_use]
pub fn check(state: &State, figures: &engine::Figures, owner: Owner) -> (String, Tone) {
    let Some(run) = state.check_of(owner) else {
        return ("its checks begin".to_owned(), Tone::Plain);
    };
    let steps = state.checks_of(owner);
    let step = steps.get(run.step as usize);
    let command = step.map_or_else(String::new, |s| clean_text(&s.argv.join(" "), 120));
    let gate = step.map_or("check", |s| s.gate);
    let mut text = format!(
        "{} {} of {}: {command}",
        clean_line(gate, 40),
        run.step + 1,
        run.steps
    );
    let mut tone = Tone::Plain;
    if run.frozen {
        text.push_str(" · frozen");
    }
    if run.job == JobState::Pending
        && let Err(why) =
            engine::admit_check(state, figures, owner, step.map_or(0, |s| s.ram_bytes))
    {
        text = format!("{text} waits: {}", clean_text(&why.to_string(), SENTENCE));
        tone = Tone::Warn;
    }
    (text, tone)
}

/// What an agent waits for: the needs that are open.
fn waits_for(state: &State, ix: AgentIx) -> String {
    let plan = &state.setup.plan;
    let open = state.setup.edges_in[ix.ix()].iter().filter(|edge| {
        let from = state.agent(edge.from);
        match &edge.kind {
            engine::EdgeKind::Soft => false,
            engine::EdgeKind::SubAgent => !from.own_done,
            engine::EdgeKind::Need(_) | engine::EdgeKind::Sibling => !from.status.is_final(),
        }
    });
    let mut text = String::from("after ");
    let list = names(open.clone().map(|e| plan.agent(e.from).id.as_str()), 4);
    if list.is_empty() {
        if state.agent(ix).hold == Some(HoldBy::Operator) {
            return "held by you: p lets it go".to_owned();
        }
        return "its needs are met".to_owned();
    }
    text.push_str(&list);
    let condition = open.clone().find_map(|e| match &e.kind {
        engine::EdgeKind::Need(When::Failed) => Some("fails"),
        engine::EdgeKind::Need(When::Skipped) => Some("is skipped"),
        _ => None,
    });
    if let Some(condition) = condition {
        text = format!("only if {list} {condition}");
    }
    if state.agent(ix).hold == Some(HoldBy::Operator) {
        text.push_str(" · held by you");
    }
    text
}

/// How many agents that have not ended hang on one directly.
fn holds_up(state: &State, ix: AgentIx) -> usize {
    state.setup.edges_out[ix.ix()]
        .iter()
        .filter(|e| e.kind != engine::EdgeKind::Soft && !state.agent(e.to).status.is_final())
        .count()
}

/// Where a phase stands, in few words.
#[must_use]
pub fn phase(state: &State, figures: &engine::Figures, at: usize) -> (String, Tone) {
    let phase = &state.phases[at];
    match phase.status {
        PhaseStatus::Waiting => (String::new(), Tone::Dim),
        PhaseStatus::Running => (String::new(), Tone::Plain),
        PhaseStatus::Checking => check(state, figures, Owner::Phase(crate::plan::PhaseIx::of(at))),
        PhaseStatus::Completed => ("complete".to_owned(), Tone::Good),
        PhaseStatus::Failed => (
            phase
                .reason
                .as_deref()
                .map_or_else(|| "failed".to_owned(), |r| clean_text(r, SENTENCE)),
            Tone::Bad,
        ),
    }
}

/// One event in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its number.
    pub seq: u64,
    /// When, milliseconds since the epoch.
    pub at_ms: i64,
    /// What happened.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// What an operator's action is called.
#[must_use]
pub fn action(action: &Action) -> String {
    let text = match action {
        Action::Pause { target } => format!("freeze {target}"),
        Action::Resume { target } => format!("let {target} go on"),
        Action::Stop { target: None } => "stop the run".to_owned(),
        Action::Stop { target: Some(t) } => format!("stop {t}"),
        Action::Retry { target } => format!("try {target} again"),
        Action::Mode { mode } => format!("mode {}", engine::mode_name(*mode)),
        Action::Sequential { now: true } => "one at a time, now".to_owned(),
        Action::Sequential { now: false } => "one at a time, after the running ones".to_owned(),
        Action::Swap { agent, worker } => format!(
            "{agent} goes to {}",
            worker.as_deref().unwrap_or("its next worker")
        ),
        Action::Agents { cap } => format!("{cap} agents at once"),
    };
    clean_text(&text, SENTENCE)
}

/// Puts an event into words; routine ones give none.
#[must_use]
pub fn note(record: &Record) -> Option<Note> {
    let (text, tone) = match &record.event {
        Event::RunStarted { plan, agents, .. } => {
            (format!("{plan} begins: {agents} agents"), Tone::Plain)
        }
        Event::RunResumed { survivors, .. } => (
            format!("the run goes on after a crash, {survivors} old processes ended"),
            Tone::Warn,
        ),
        Event::RunStopped { .. } => ("the run is being stopped".to_owned(), Tone::Alert),
        Event::RunDegraded { error: Some(error) } => {
            (format!("recording has a fault: {error}"), Tone::Bad)
        }
        Event::RunDegraded { error: None } => ("recording is well again".to_owned(), Tone::Good),
        Event::RunFinished {
            status, summary, ..
        } => (
            format!("ended: {summary}"),
            if *status == 0 { Tone::Good } else { Tone::Bad },
        ),
        Event::OperatorAction { by, action: a, .. } => {
            let who = if by == "deck" { "you" } else { by.as_str() };
            (format!("{who}: {}", action(a)), Tone::Plain)
        }
        Event::ModeChanged { to, agents_cap, .. } => (
            format!("mode {}, {agents_cap} at once", engine::mode_name(*to)),
            Tone::Plain,
        ),
        Event::AgentSkipped { agent, reason, .. } => {
            (format!("{agent} is skipped: {reason}"), Tone::Dim)
        }
        Event::AgentStarted { agent, attempt, .. } => {
            let text = match attempt {
                1 => format!("{agent} starts"),
                n => format!("{agent} starts, attempt {n}"),
            };
            (text, Tone::Dim)
        }
        Event::AgentQuiet {
            agent, quiet: true, ..
        } => (format!("{agent} has gone quiet"), Tone::Warn),
        Event::AgentQuiet {
            agent,
            quiet: false,
            ..
        } => (format!("{agent} speaks again"), Tone::Dim),
        Event::AgentTimeout {
            agent, limit_us, ..
        } => (
            format!("{agent} is out of time ({})", span(*limit_us)),
            Tone::Alert,
        ),
        Event::AttemptEnded {
            agent,
            leaked: n @ 1..,
            ..
        } => (
            format!("{agent} left {n} processes behind: ended"),
            Tone::Warn,
        ),
        Event::AgentRetrying {
            agent,
            delay_us,
            reason,
            ..
        } => (
            format!("{agent} again in {}: {reason}", span(*delay_us)),
            Tone::Warn,
        ),
        Event::AgentFrozen { agent, cause, .. } => {
            let by = match cause {
                Cause::KillSwitch => "by the kill switch",
                _ => "by you",
            };
            (format!("{agent} frozen {by}"), Tone::Plain)
        }
        Event::AgentFreezeVerified {
            agent,
            stopped,
            total,
            held_bytes,
            ..
        } => {
            if stopped < total {
                (
                    format!("{agent}: only {stopped} of {total} processes are stopped"),
                    Tone::Alert,
                )
            } else {
                (
                    format!("{agent} stands still, holds {}", size(*held_bytes)),
                    Tone::Dim,
                )
            }
        }
        Event::AgentThawed { agent, .. } => (format!("{agent} goes on"), Tone::Plain),
        Event::AgentBlocked { agent, .. } => (format!("{agent} waits for you"), Tone::Alert),
        Event::AgentFailed { agent, reason, .. } => {
            (format!("{agent} failed: {reason}"), Tone::Bad)
        }
        Event::AgentStopped { agent, .. } => (format!("{agent} stopped"), Tone::Plain),
        Event::AgentCompleted { agent, ran_us, .. } => {
            (format!("{agent} done, took {}", span(*ran_us)), Tone::Good)
        }
        Event::GatePassed { place } => {
            let whose = place.agent.as_ref().map_or_else(
                || place.phase.clone().unwrap_or_default(),
                ToString::to_string,
            );
            (format!("{whose} passed {}", place.gate), Tone::Good)
        }
        Event::GateFailed { place, reason } => {
            let whose = place.agent.as_ref().map_or_else(
                || place.phase.clone().unwrap_or_default(),
                ToString::to_string,
            );
            (format!("{whose}: {reason}"), Tone::Bad)
        }
        Event::PhaseStarted { phase } => (format!("phase {phase} begins"), Tone::Plain),
        Event::PhaseCompleted { phase } => (format!("phase {phase} is complete"), Tone::Good),
        Event::PhaseFailed { phase, reason } => {
            (format!("phase {phase} failed: {reason}"), Tone::Bad)
        }
        Event::WaveCompleted { wave } => (format!("wave {wave} is complete"), Tone::Dim),
        Event::ZoneChanged {
            to,
            halted,
            figures,
            ..
        } => {
            let percent = figures.pressure_permille / 10;
            let halt = if *halted { ", nothing starts" } else { "" };
            (
                format!("memory {} at {percent} %{halt}", to.name()),
                match to {
                    Zone::Green => Tone::Good,
                    Zone::Yellow => Tone::Warn,
                    Zone::Orange => Tone::Alert,
                    Zone::Red => Tone::Bad,
                },
            )
        }
        _ => return None,
    };
    Some(Note {
        seq: record.seq,
        at_ms: record.at_ms,
        text: clean_text(&text, SENTENCE),
        tone,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let s = 1_000_000;
        for (us, text) in [
            (0, "0s"),
            (59 * s, "59s"),
            (60 * s, "1m"),
            (125 * s, "2m05"),
            (660 * s, "11m"),
            (3600 * s, "1h00m"),
            (4320 * s, "1h12m"),
            (270_000 * s, "3d3h"),
        ] {
            assert_eq!(span(us), text);
        }
        let mib = 1 << 20;
        for (bytes, text) in [
            (0, "0"),
            (5, "1K"),
            (640 * mib, "640M"),
            (1000 * mib, "1.0G"),
            (1536 * mib, "1.5G"),
            (102_348 * mib, "99.9G"),
            (200 * 1024 * mib, "200G"),
        ] {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(gib(1536 * mib), "1.5");
    }
}
