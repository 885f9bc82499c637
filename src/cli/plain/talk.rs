//! What is said, and what typed words mean: news and lines in; lines and requests out.
//!
//! Pure: the time is handed in. The grammar is that of `ctl`; must not have actions
//! of its own.

mod help;
mod steer;

use jiff::tz::TimeZone;

use crate::{
    cli::{
        error::status,
        glance::{self, Glance},
    },
    display::spoken,
    engine::{
        Action, Event, State, Status,
        words::{ParseError, VERBS, parse},
    },
    plan::suggest,
    report::history::History,
    resources::Sample,
    runtime::lines,
    schedule::Planned,
    tui::{
        feed::{Clock, Request, Update},
        view::{attention::waiting, mine, why, words::span},
    },
};

/// What is talked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// A run that goes on.
    Live,
    /// A recording.
    Replay,
}

/// A conversation about one run.
#[derive(Debug)]
pub struct Talk {
    manner: Manner,
    run: String,
    /// Milliseconds since the epoch.
    now_ms: fn() -> i64,
    zone: TimeZone,
    state: Option<Box<State>>,
    sample: Option<Box<Sample>>,
    clock: Option<Clock>,
    history: Option<Box<History>>,
    planned: Option<Box<Planned>>,
    /// Asked, and waiting for a yes.
    question: Option<Vec<Action>>,
    requests: Vec<Request>,
    next_id: u64,
    /// Nobody types any more.
    silent: bool,
    over: Option<u8>,
}

impl Talk {
    /// A conversation that knows nothing yet.
    #[must_use]
    pub fn new(manner: Manner, run: &str, now_ms: fn() -> i64, zone: TimeZone) -> Self {
        Self {
            now_ms,
            zone,
            manner,
            run: run.to_owned(),
            state: None,
            sample: None,
            clock: None,
            history: None,
            planned: None,
            question: None,
            requests: Vec::new(),
            next_id: 1,
            silent: false,
            over: None,
        }
    }

    /// What has to be asked of the run.
    pub fn take_requests(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.requests)
    }

    /// The status to leave with, once it is over.
    #[must_use]
    pub fn over(&self) -> Option<u8> {
        let ended = || self.state.as_ref().and_then(|s| s.finished);
        self.over.or_else(|| {
            let ended = ended().filter(|_| self.silent && self.manner == Manner::Live);
            // Of a recording without a listener nothing more will be asked.
            ended.or_else(|| (self.silent && self.manner == Manner::Replay).then_some(status::OK))
        })
    }

    /// Nobody types any more: it ends with the run.
    pub const fn silence(&mut self) {
        self.silent = true;
    }

    /// Takes news; returns what to say.
    pub fn news(&mut self, update: Update) -> Vec<String> {
        match update {
            Update::Snapshot(state) => {
                let first = self.state.is_none();
                self.state = Some(state);
                if first {
                    let mut said = self.status();
                    said.push("Type help for what can be typed.".to_owned());
                    return said;
                }
                vec![self.place()]
            }
            Update::Records(records) => {
                let Some(state) = &mut self.state else {
                    return Vec::new();
                };
                let mut said = Vec::new();
                for record in &records {
                    // What the snapshot contains already is not told twice.
                    if record.seq <= state.seq {
                        continue;
                    }
                    state.apply(record);
                    said.extend(lines::spoken::line(record));
                }
                if self.manner == Manner::Live
                    && records
                        .iter()
                        .any(|r| matches!(r.event, Event::RunFinished { .. }))
                    && !self.silent
                {
                    said.push("The run has ended. Type status, why AGENT or quit.".to_owned());
                }
                said
            }
            Update::History {
                history, planned, ..
            } => {
                self.history = Some(history);
                self.planned = Some(planned);
                Vec::new()
            }
            Update::Sample(sample) => {
                self.sample = Some(sample);
                Vec::new()
            }
            Update::Clock(clock) => {
                let before = self.clock.replace(clock);
                let stopped = before.is_some_and(|b| b.playing) && !clock.playing;
                if stopped && clock.at_us >= clock.end_us {
                    return vec!["The recording is at its end.".to_owned()];
                }
                Vec::new()
            }
            Update::Ack { result, .. } => match result {
                Ok(()) => Vec::new(),
                Err(why) => vec![spoken(&format!("Refused: {why}"))],
            },
            Update::Gone { reason } => {
                if self.state.as_ref().is_some_and(|s| s.finished.is_some()) {
                    return Vec::new();
                }
                self.over = Some(status::INTERNAL);
                vec![
                    spoken(&format!("The connection is lost: {reason}.")),
                    format!("To try again: wavedeck attach --plain {}", self.run),
                ]
            }
            _ => Vec::new(),
        }
    }

    /// Takes a typed line; returns what to say.
    pub fn typed(&mut self, line: &str) -> Vec<String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        if let Some(actions) = self.question.take() {
            if matches!(line.trim(), "yes" | "y") {
                return self.send(actions);
            }
            return vec!["Left as it is.".to_owned()];
        }
        let first = words.first().map(String::as_str);
        match (first, words.len()) {
            (None, _) => vec![self.place()],
            (Some("help" | "?"), _) => help::lines(self.manner),
            (Some("status"), 1) => self.status(),
            (Some("asks"), 1) => self.asks(),
            (Some("quit" | "q" | "exit"), 1) => self.leave(),
            (Some("why"), 2) => self.why(&words[1]),
            (Some("why"), _) => vec!["Name one agent: why AGENT".to_owned()],
            _ if self.manner == Manner::Replay => self.steer(&words),
            _ => self.act(&words),
        }
    }

    fn leave(&mut self) -> Vec<String> {
        let ended = self.state.as_ref().and_then(|s| s.finished);
        self.over = Some(match self.manner {
            Manner::Live => ended.unwrap_or(status::OK),
            Manner::Replay => status::OK,
        });
        if self.manner == Manner::Live && ended.is_none() {
            return vec![format!(
                "The run goes on. To come back to it: wavedeck attach --plain {}",
                self.run
            )];
        }
        Vec::new()
    }

    /// Where the run stands, in full.
    fn status(&self) -> Vec<String> {
        let Some(state) = &self.state else {
            return vec!["The run has not been read yet.".to_owned()];
        };
        let text = glance::text(Glance {
            state,
            sample: self.sample.as_deref(),
            live: true,
            planned: self.planned.as_deref(),
            zone: &self.zone,
            now_ms: match (self.manner, &self.sample) {
                // The moment that is shown, not the one at which it is looked at.
                (Manner::Replay, Some(sample)) => sample.at_ms,
                _ => (self.now_ms)(),
            },
        });
        // Here the words are typed as they are.
        let text = spoken(&text).replace("wavedeck ctl ", "type ");
        let replay = self.manner == Manner::Replay;
        text.lines()
            .map(|line| match line.split_once(", type ") {
                // What could be done then cannot be done in a recording.
                Some((fact, _)) if replay => fact.to_owned(),
                _ if replay => line.replacen(", live, ", ", a recording, ", 1),
                _ => line.to_owned(),
            })
            .collect()
    }

    /// Where the run stands, in one line.
    fn place(&self) -> String {
        let Some(state) = &self.state else {
            return "The run has not been read yet.".to_owned();
        };
        let count = |s: Status| state.agents.iter().filter(|a| a.status == s).count();
        let asks = match waiting(state).len() {
            0 => "nothing waits for you".to_owned(),
            1 => "1 waits for you".to_owned(),
            n => format!("{n} wait for you"),
        };
        let at = self.now_us();
        format!(
            "{} of {} done, {} running, {} failed, {asks}, memory {}, at {}",
            count(Status::Succeeded),
            state.agents.len(),
            count(Status::Running),
            count(Status::Failed),
            state.memory.zone.name(),
            span(at),
        )
    }

    fn now_us(&self) -> u64 {
        let known = self.state.as_ref().map_or(0, |s| s.elapsed_us);
        let seen = self.sample.as_ref().map_or(0, |s| s.elapsed_us);
        match self.clock {
            Some(clock) => clock.at_us.max(known),
            None => known.max(seen),
        }
    }

    fn asks(&self) -> Vec<String> {
        let all = self.status();
        let from = all.iter().position(|line| line == "needs you");
        let Some(from) = from else {
            return vec!["Nothing waits for you.".to_owned()];
        };
        let sections = [
            "at work",
            "waits",
            "was at work",
            "not ended",
            "not run",
            "not done",
        ];
        all.into_iter()
            .skip(from + 1)
            .take_while(|line| !sections.contains(&line.as_str()))
            .collect()
    }

    fn why(&self, name: &str) -> Vec<String> {
        let Some(state) = &self.state else {
            return vec!["The run has not been read yet.".to_owned()];
        };
        let plan = &state.setup.plan;
        let found = plan.indices().find(|ix| state.id(*ix).as_str() == name);
        let Some(ix) = found else {
            let names: Vec<String> = plan.indices().map(|ix| state.id(ix).to_string()).collect();
            let near = suggest::nearest(name, names.iter().map(String::as_str));
            let near = near.map_or_else(String::new, |n| format!(", did you mean {n}?"));
            return vec![format!("There is no agent {name}{near}")];
        };
        let sample = self.sample.as_deref();
        let figures = sample.map(|s| s.figures(state)).unwrap_or_default();
        let now_us = self.now_us();
        let (text, _) = why::now(state, &figures, mine(state, sample, ix), ix, now_us);
        let agent = state.agent(ix);
        let mut line = format!("{name} is {}", agent.status.name());
        if agent.live.is_some() {
            line = format!("{line}, for {}", span(state.clock_us(ix, now_us)));
        }
        if !text.is_empty() {
            line = format!("{line}: {text}");
        }
        vec![spoken(&line)]
    }

    /// Words of `ctl`; what ends work is asked about.
    fn act(&mut self, words: &[String]) -> Vec<String> {
        let now = words.iter().any(|w| w == "--now");
        let rest: Vec<String> = words.iter().filter(|w| *w != "--now").cloned().collect();
        let actions = match parse(&rest, now) {
            Ok(actions) => actions,
            Err(ParseError::Usage { message, help }) => {
                let help = help.into_iter().map(|h| spoken(&h));
                return std::iter::once(spoken(&message)).chain(help).collect();
            }
            Err(error) => return vec![spoken(&error.to_string())],
        };
        let ends = actions
            .iter()
            .any(|a| matches!(a, Action::Stop { .. } | Action::Sequential { now: true }));
        if !ends {
            return self.send(actions);
        }
        let what = match actions.first() {
            Some(Action::Stop { target: None }) => "This stops the whole run.".to_owned(),
            Some(Action::Stop { .. }) => format!("This ends {}.", words[1..].join(", ")),
            _ => "This freezes all agents but one.".to_owned(),
        };
        self.question = Some(actions);
        vec![format!(
            "{what} Type yes to do it; anything else leaves it."
        )]
    }

    fn send(&mut self, actions: Vec<Action>) -> Vec<String> {
        if self.state.as_ref().is_some_and(|s| s.finished.is_some()) {
            return vec!["The run has ended: nothing can be changed.".to_owned()];
        }
        for action in actions {
            let id = self.next_id;
            self.next_id += 1;
            self.requests.push(Request::Action { id, action });
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
