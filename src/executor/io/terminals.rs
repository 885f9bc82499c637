//! Terminals in the loop: their output, their viewers, what is due.
//!
//! Must not wait; what a viewer is told goes through closures that do not.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Instant,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, epoll, poll},
    io::Errno,
};

use super::Loop;
use crate::{
    executor::{
        JobKey, Report,
        inbox::{Source, token},
        live::Freeze,
        terminal::{TerminalAsk, TerminalNews, Viewer},
    },
    plan::AgentId,
};

/// Reads what is there, of a terminal as much as fits: it gives a few thousand bytes at a time.
///
/// That nobody has its other end open is the end of its output (EIO), and not an error.
pub(super) fn read(fd: &OwnedFd, terminal: bool, buffer: &mut [u8]) -> rustix::io::Result<usize> {
    let mut len = 0;
    loop {
        match rustix::io::read(fd, &mut buffer[len..]) {
            Ok(0) | Err(Errno::IO) => return Ok(len),
            Ok(n) => len += n,
            Err(Errno::INTR) if terminal => continue,
            Err(Errno::AGAIN) if len > 0 => return Ok(len),
            Err(errno) => return Err(errno),
        }
        if !terminal || len == buffer.len() {
            return Ok(len);
        }
    }
}

/// Whether nobody has the other end open, and all that was printed there has been read.
fn is_closed(master: &OwnedFd) -> bool {
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut asked = [PollFd::new(master, PollFlags::IN)];
    let told = poll(&mut asked, Some(&at_once)).is_ok();
    let events = asked[0].revents();
    told && events.contains(PollFlags::HUP) && !events.contains(PollFlags::IN)
}

impl Loop {
    /// Something was printed: its terminal notes that.
    pub(super) fn note_output(&mut self, serial: u64, printed: &[u8], written: bool) {
        let now = Instant::now();
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        let Some(terminal) = &mut live.terminal else {
            return;
        };
        if !written {
            terminal.give_up_index();
        }
        let noted = terminal.note(printed, now);
        self.noted(serial, noted);
        self.tick_terminal(serial, now);
    }

    fn noted(&mut self, serial: u64, noted: io::Result<()>) {
        if let Err(error) = noted
            && let Some(live) = self.jobs.get(&serial)
        {
            self.out.push(Report::OutputFailed {
                key: live.key.clone(),
                error: error.to_string(),
            });
        }
    }

    /// Does what is due of a job's terminal, and sets the next deadline.
    pub(super) fn tick_terminal(&mut self, serial: u64, now: Instant) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        let Some(terminal) = &mut live.terminal else {
            return;
        };
        let noted = terminal.tick(&live.key, live.pipe.as_ref().map(AsFd::as_fd), now);
        if let Some(master) = terminal.open_again(Some(now)) {
            let data = epoll::EventData::new_u64(token(serial, Source::Output));
            let flags = epoll::EventFlags::IN;
            if is_closed(&master) || epoll::add(&self.shared.epoll, &master, data, flags).is_err() {
                terminal.close(master, now);
            } else {
                live.pipe = Some(master);
            }
        }
        if let Some(at) = terminal.wake(now) {
            self.timers.insert((at, serial));
        }
        self.noted(serial, noted);
    }

    /// Carries out what a viewer asks for.
    pub(super) fn ask_terminal(&mut self, viewer: &Viewer, ask: TerminalAsk) {
        let key = match &ask {
            TerminalAsk::Leave => {
                let all: Vec<u64> = self.terminals.clone();
                for serial in all {
                    self.ask_one(serial, viewer, TerminalAsk::Leave);
                }
                return;
            }
            TerminalAsk::Watch(key) => {
                for serial in &self.terminals {
                    let terminal = self.jobs.get_mut(serial).and_then(|l| l.terminal.as_mut());
                    if let Some(terminal) = terminal {
                        terminal.forget(viewer.id);
                    }
                }
                key.clone()
            }
            TerminalAsk::Size(key, ..) => key.clone(),
            TerminalAsk::Take(agent) | TerminalAsk::Give(agent) | TerminalAsk::Keys(agent, _) => {
                self.running(agent)
            }
        };
        let found = self.by_key.get(&key).copied();
        let terminal = |serial: &u64| self.jobs.get(serial).is_some_and(|l| l.terminal.is_some());
        match found {
            Some(serial) if terminal(&serial) => self.ask_one(serial, viewer, ask),
            Some(_) => refuse(viewer, &key, &ask, "it does not run in a terminal"),
            None => refuse(viewer, &key, &ask, "it does not run"),
        }
    }

    /// The key of an agent's attempt that runs; where none does, one that nobody has.
    fn running(&self, agent: &AgentId) -> JobKey {
        let none = JobKey::main(agent.clone(), 0);
        let of_it = |key: &&JobKey| key.owner == none.owner && key.kind == none.kind;
        let found = self.by_key.keys().filter(of_it).max().cloned();
        found.unwrap_or(none)
    }

    fn ask_one(&mut self, serial: u64, viewer: &Viewer, ask: TerminalAsk) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        let Some(terminal) = &mut live.terminal else {
            return;
        };
        let frozen = live.freeze != Freeze::No;
        let master = live.pipe.as_ref().map(AsFd::as_fd);
        let now = Instant::now();
        let noted = terminal.ask(&live.key, viewer, ask, master, frozen, now);
        if let Some(at) = terminal.wake(now) {
            self.timers.insert((at, serial));
        }
        self.noted(serial, noted);
    }
}

/// Says that a keyboard cannot be had; other wishes about what is not there have no answer.
fn refuse(viewer: &Viewer, key: &JobKey, ask: &TerminalAsk, why: &str) {
    let held = match ask {
        TerminalAsk::Take(_) | TerminalAsk::Keys(..) => Err(why.to_owned()),
        TerminalAsk::Give(_) => Ok(false),
        _ => return,
    };
    (viewer.tell)(key, TerminalNews::Keyboard(held));
}
