//! What was read goes on without its secrets: to the output's file, to whoever looks, to the index.
//!
//! Must not keep a byte longer than somebody may wait for it: a line that does not end is let go after
//! a moment, and what may be the beginning of a secret a little later.

use std::{
    mem,
    time::{Duration, Instant},
};

use super::Loop;
use crate::{
    context::redact::{Release, Stream},
    executor::Report,
};

/// How long a line that does not end is held back. A person who types into a terminal waits for it.
const IN_A_PIPE: Duration = Duration::from_millis(50);
const IN_A_TERMINAL: Duration = Duration::from_millis(15);
/// How long the possible beginning of a secret is held back after that.
const SUSPICIOUS: Duration = Duration::from_secs(1);

/// The output of a job on its way.
#[derive(Debug)]
pub(in crate::executor) struct Outflow {
    pub(super) stream: Stream,
    /// When what is held back is let go, and how.
    due: Option<(Instant, Release)>,
}

impl Outflow {
    pub const fn new(stream: Stream) -> Self {
        Self { stream, due: None }
    }
}

impl Loop {
    /// Takes so many bytes of the buffer.
    pub(super) fn append(&mut self, serial: u64, len: usize) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        let mut cleaned = mem::take(&mut self.cleaned);
        if let Some(talk) = &mut live.talk {
            talk.read_raw(&self.buffer[..len]);
        }
        let flow = &mut live.flow;
        flow.stream
            .push(&self.shared.redactor, &self.buffer[..len], &mut cleaned);
        if flow.stream.holds() && !matches!(flow.due, Some((_, Release::Careful))) {
            let wait = if live.terminal.is_some() {
                IN_A_TERMINAL
            } else {
                IN_A_PIPE
            };
            let at = Instant::now() + wait;
            flow.due = Some((at, Release::Careful));
            self.timers.insert((at, serial));
        }
        self.keep(serial, cleaned);
    }

    /// Lets go what was held back for long enough.
    pub(super) fn release(&mut self, serial: u64, now: Instant) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        let flow = &mut live.flow;
        let Some((_, how)) = flow.due.take_if(|(at, _)| *at <= now) else {
            return;
        };
        let mut cleaned = mem::take(&mut self.cleaned);
        flow.stream
            .release(&self.shared.redactor, how, &mut cleaned);
        if flow.stream.holds() {
            let at = now + SUSPICIOUS;
            flow.due = Some((at, Release::Whole));
            self.timers.insert((at, serial));
        }
        self.keep(serial, cleaned);
    }

    /// Lets go all that is left: nothing more comes.
    pub(super) fn let_all_go(&mut self, serial: u64) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        let mut cleaned = mem::take(&mut self.cleaned);
        live.flow.due = None;
        live.flow.stream.finish(&self.shared.redactor, &mut cleaned);
        self.keep(serial, cleaned);
    }

    /// Writes and shows what is clean; gives the buffer back.
    fn keep(&mut self, serial: u64, mut cleaned: Vec<u8>) {
        if let Some(live) = self.jobs.get_mut(&serial)
            && !cleaned.is_empty()
        {
            live.view.note(&cleaned);
            if let Some(talk) = &mut live.talk {
                talk.read(&cleaned, &live.key, &live.view, &mut self.out);
            }
            let appended = live.sink.append(&cleaned);
            let written = appended.is_ok();
            if let Err(error) = appended {
                self.out.push(Report::OutputFailed {
                    key: live.key.clone(),
                    error: error.to_string(),
                });
            }
            if live.terminal.is_some() {
                self.note_output(serial, &cleaned, written);
            } else if live.talk.as_ref().is_some_and(|talk| talk.finished()) {
                self.hang_up(serial);
            }
        }
        cleaned.clear();
        self.cleaned = cleaned;
    }
}
