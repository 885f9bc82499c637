//! One job's conversation: its driver reads the stream, what decisions need of it is reported.
//!
//! Must not block and must not decide: a question is reported, and an answer is carried.

use std::{
    collections::VecDeque,
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{Exit, Job, JobKey, JobView, Report, Unmade, inbox::Shared};
use crate::{
    agents::{Driver, Lines, Question, Reply, Said, Used, Verdict, Why},
    display::clean_text,
};

/// Columns of a reason, of a question and of an option.
const WORDS: usize = 1000;
/// Bytes of a name that a program gives to a session or a question.
const NAME: usize = 300;
/// Questions of one job that can be open at once; a program that asks more gets no answer to the rest.
const MOST: usize = 100;

/// Makes the driver of a job, and says whether its standard input stays open for answers.
#[derive(Clone)]
pub struct Speaks {
    /// The program, by the name of its adapter.
    pub program: String,
    /// Makes the driver.
    pub driver: Arc<dyn Fn() -> Box<dyn Driver> + Send + Sync>,
    /// What it prints is for programs: only what it says there is for a person.
    pub stream: bool,
    /// Its standard input stays open after what it reads first.
    pub open: bool,
    /// Longest time to its first output, and without progress after that; zero: no limit.
    pub limits: (Duration, Duration),
}

impl fmt::Debug for Speaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speaks")
            .field("program", &self.program)
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

/// Something that is said to a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Say {
    /// A message, with its number in the run.
    Message(u32, String),
    /// The answer to a question of this name.
    Reply(String, Reply),
}

/// What a program says, as far as decisions need it; texts are clean and bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A conversation has begun, or gone on.
    Session {
        /// The program, by the name of its adapter.
        program: String,
        /// Its name for the session.
        id: String,
        /// The model that answers in it.
        model: Option<String>,
    },
    /// What the attempt has used so far.
    Used(Used),
    /// What it was told at its start: estimated tokens of the prompt, and of all that it was made of.
    Prompted(super::PromptSize),
    /// So many secrets were taken out of its prompt, or of what it printed.
    Redacted(u64),
    /// Its own list: entries done, all entries, the one that it is at.
    Plan(u32, u32, Option<String>),
    /// It waits for an answer.
    Asked(Box<Question>),
    /// It waits for that no more.
    AskedNoMore(String),
    /// It took a message, by its number.
    Told(u32),
    /// The provider takes no more for now: for how many microseconds, if that is said, and in its words.
    Limited(Option<u64>, String),
    /// It has said nothing for longer than it may, in words.
    Silent(String),
    /// How the attempt ended: why it did not do its work, and in its words.
    Verdict(Option<Why>, String),
}

/// The conversation of a live job.
pub(super) struct Talk {
    program: String,
    stream: bool,
    driver: Box<dyn Driver>,
    lines: Lines,
    /// Its lines as they were written; none: nothing is given back to it.
    raw: Option<Lines>,
    said: Vec<Said>,
    open: Vec<Question>,
    /// What was written to it and what it has not taken yet: its prompt, and messages by their numbers.
    untaken: VecDeque<Option<u32>>,
    used: Used,
    limits: (Duration, Duration),
    /// Its first output came.
    spoke: bool,
    /// When it last made progress, or began.
    moved: Instant,
    /// When that is looked at next.
    look: Option<Instant>,
    /// That it makes none was told.
    silent: bool,
}

impl fmt::Debug for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Talk")
            .field("program", &self.program)
            .field("open", &self.open.len())
            .finish_non_exhaustive()
    }
}

impl Talk {
    pub fn new(speaks: &Speaks) -> Self {
        Self {
            program: speaks.program.clone(),
            stream: speaks.stream,
            driver: (speaks.driver)(),
            lines: Lines::default(),
            raw: speaks.open.then(Lines::default),
            said: Vec::new(),
            open: Vec::new(),
            untaken: VecDeque::from([None]),
            used: Used::default(),
            limits: speaks.limits,
            spoke: false,
            moved: Instant::now(),
            look: None,
            silent: false,
        }
    }

    /// Reads a piece of its output as it was written, before [`read`](Self::read) gets it without its secrets.
    pub fn read_raw(&mut self, chunk: &[u8]) {
        let Self { driver, raw, .. } = self;
        if let Some(lines) = raw {
            lines.feed(chunk, &mut |line| driver.raw(line));
        }
    }

    /// Reads a piece of its output.
    pub fn read(&mut self, chunk: &[u8], key: &JobKey, view: &JobView, out: &mut Vec<Report>) {
        let Self {
            driver,
            lines,
            said,
            ..
        } = self;
        lines.feed(chunk, &mut |line| driver.line(line, said));
        if self.stream {
            view.streams();
        }
        let progress = |said: &Said| {
            !matches!(
                said,
                Said::Warning(_) | Said::Reconnecting { .. } | Said::Limited { .. }
            )
        };
        if !self.spoke || self.said.iter().any(progress) {
            self.spoke = true;
            self.moved = Instant::now();
        }
        self.tell(key, view, out);
    }

    /// Reports what decisions need of what was said.
    fn tell(&mut self, key: &JobKey, view: &JobView, out: &mut Vec<Report>) {
        for said in std::mem::take(&mut self.said) {
            if let Some(heard) = self.hear(said, view) {
                let key = key.clone();
                out.push(Report::Heard { key, heard });
            }
        }
    }

    /// When it has been silent for too long; none: there is no limit, or that was told.
    fn due(&self) -> Option<Instant> {
        let limit = if self.spoke {
            self.limits.1
        } else {
            self.limits.0
        };
        (!limit.is_zero() && !self.silent).then(|| self.moved + limit)
    }

    /// When its silence is to be looked at next; none: never, or that is arranged. What comes first may be its
    /// second limit, which counts from any moment on.
    pub fn next_look(&mut self, now: Instant) -> Option<Instant> {
        let due = self.due()?;
        if self.look.is_some_and(|look| look > now) {
            return None;
        }
        let then = (!self.limits.1.is_zero()).then(|| now + self.limits.1);
        self.look = Some(then.map_or(due, |then| then.min(due)));
        self.look
    }

    /// Its time until then does not count: it was stopped, or waited for something of ours.
    pub fn stands(&mut self, until: Instant) {
        self.moved = self.moved.max(until);
    }

    /// Looks at the clock: whether it has been silent for too long. It waits for an answer as long as that
    /// takes.
    pub fn tick(&mut self, now: Instant) -> Option<Heard> {
        if !self.open.is_empty() {
            self.moved = now;
        }
        if self.due()? > now {
            return None;
        }
        self.silent = true;
        Some(Heard::Silent(if self.spoke {
            format!("no progress for {} s", self.limits.1.as_secs())
        } else {
            format!("no output for {} s", self.limits.0.as_secs())
        }))
    }

    /// Its end, before that is reported.
    pub fn end(&mut self, exit: &Exit, key: &JobKey, view: &JobView, out: &mut Vec<Report>) {
        let Self {
            driver,
            lines,
            said,
            ..
        } = self;
        // A last line without an end says something too.
        lines.end(&mut |line| driver.line(line, said));
        self.tell(key, view, out);
        let code = match exit {
            Exit::Code(code) => Some(*code),
            Exit::Signal { .. } | Exit::Lost => None,
        };
        let heard = match self.driver.end(code) {
            Verdict::Done => Heard::Verdict(None, String::new()),
            Verdict::Failed { why, reason } => {
                Heard::Verdict(Some(why), clean_text(&reason, WORDS))
            }
            Verdict::Unsure => return,
        };
        let key = key.clone();
        out.push(Report::Heard { key, heard });
    }

    /// Whether nothing more is to be said to it.
    pub fn finished(&self) -> bool {
        self.driver.finished()
    }

    /// The bytes for its standard input. A message has reached it only when it says so: what is written may wait
    /// there until it is ended.
    pub fn say(&mut self, say: &Say) -> Option<Vec<u8>> {
        match say {
            Say::Message(number, text) => {
                let bytes = self.driver.tell(text)?;
                self.untaken.push_back(Some(*number));
                Some(bytes)
            }
            Say::Reply(question, reply) => {
                let at = self.open.iter().position(|open| open.id == *question)?;
                let question = self.open.remove(at);
                self.driver.answer(&question, reply)
            }
        }
    }

    /// What decisions need of it; what it does now is for whoever looks.
    fn hear(&mut self, said: Said, view: &JobView) -> Option<Heard> {
        Some(match said {
            Said::Session { id, model } => {
                view.says("its session begins");
                Heard::Session {
                    program: self.program.clone(),
                    id: clean_text(&id, NAME),
                    model: model.map(|model| clean_text(&model, NAME)),
                }
            }
            Said::Used(used) if used != self.used => {
                self.used = used;
                Heard::Used(used)
            }
            Said::Plan { done, all, now } => {
                Heard::Plan(done, all, now.map(|now| clean_text(&now, WORDS)))
            }
            Said::Asked(question) if self.open.len() < MOST => {
                self.open.push(question.clone());
                Heard::Asked(Box::new(Question {
                    text: clean_text(&question.text, WORDS),
                    options: (question.options.iter().take(20))
                        .map(|option| clean_text(option, WORDS))
                        .collect(),
                    ..question
                }))
            }
            Said::AskedNoMore(question) => {
                self.open.retain(|open| open.id != question);
                Heard::AskedNoMore(question)
            }
            Said::Taken => Heard::Told(self.untaken.pop_front()??),
            Said::Limited {
                after_us,
                until_s,
                what,
            } => {
                let after_us = after_us.or_else(|| until_s.map(from_now));
                let what = clean_text(&what, WORDS);
                view.says(&format!("takes no more for now: {what}"));
                Heard::Limited(after_us, what)
            }
            Said::Call(call) => {
                view.says(&format!("{} {}", call.tool, call.what));
                return None;
            }
            Said::Message { text, .. } | Said::Thought(text) | Said::Warning(text) => {
                view.says(&text);
                return None;
            }
            Said::Reconnecting { number, what } => {
                view.says(&format!("reconnecting, try {number}: {what}"));
                return None;
            }
            Said::Used(_) | Said::Asked(_) | Said::Called { .. } | Said::TurnEnded { .. } => {
                return None;
            }
        })
    }
}

/// Makes what a job is started with, and reports its size.
pub(super) fn prompted(shared: &Shared, job: &mut Job) -> Result<(), Unmade> {
    let Some(maker) = &job.prompt else {
        return Ok(());
    };
    let made = maker.make(&shared.redactor)?;
    // Before it starts: its end may be reported by another thread.
    if let Some(size) = made.size {
        let key = job.key.clone();
        let heard = Heard::Prompted(size);
        shared.report(Report::Heard { key, heard });
    }
    if made.redacted > 0 {
        let (key, heard) = (job.key.clone(), Heard::Redacted(made.redacted));
        shared.report(Report::Heard { key, heard });
    }
    job.stdin = made.stdin;
    if let Some(argv) = made.argv {
        job.argv = argv;
    }
    Ok(())
}

/// How long it is until a time in seconds since 1970, in microseconds.
fn from_now(until_s: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    until_s.saturating_sub(now).saturating_mul(1_000_000)
}
