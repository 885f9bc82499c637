//! What the loop is told: new jobs, and what is to be done to them.
//!
//! Must not wait: a command for a job that is just being started is kept until it has come.

use std::{
    mem,
    time::{Duration, Instant},
};

use super::Loop;
use crate::{
    executor::{
        JobKey,
        inbox::{Command, cancelled},
        live::Freeze,
    },
    sys::locked,
};

impl Loop {
    /// Takes what is in the inbox: new jobs first, then commands, which may be about them.
    pub(super) fn receive(&mut self) {
        let inbox = mem::take(&mut *locked(&self.shared.inbox));
        for mut live in inbox.fresh {
            let (key, serial) = (live.key.clone(), live.serial);
            self.by_key.insert(key.clone(), serial);
            if live.terminal.is_some() {
                self.terminals.push(serial);
            }
            let now = Instant::now();
            if let Some(look) = (live.talk.as_mut()).and_then(|talk| talk.next_look(now)) {
                self.timers.insert((look, serial));
            }
            self.jobs.insert(serial, live);
            let early = mem::take(&mut self.early);
            for command in early {
                if command.key() == Some(&key) {
                    self.command(command);
                } else {
                    self.early.push(command);
                }
            }
            if self.closing.is_some() {
                self.end_tree(serial, Duration::ZERO);
            }
        }
        if !self.early.is_empty() {
            // What could not be started needs no command any more.
            let mut early = mem::take(&mut self.early);
            early.retain(|command| command.key().is_some_and(|key| self.is_coming(key)));
            self.early = early;
        }
        for command in inbox.commands {
            self.command(command);
        }
    }

    fn command(&mut self, command: Command) {
        if let Command::Shutdown(grace) = command {
            self.shutdown(grace);
            return;
        }
        if let Command::Terminal(viewer, ask) = command {
            self.ask_terminal(&viewer, ask);
            return;
        }
        let Some(key) = command.key() else { return };
        let Some(&serial) = self.by_key.get(key) else {
            self.command_for_unstarted(command);
            return;
        };
        match command {
            Command::Terminate(_, grace) => self.end_tree(serial, grace),
            Command::Kill(_) => self.end_tree(serial, Duration::ZERO),
            Command::Freeze(_) => {
                if let Some(live) = self.jobs.get_mut(&serial)
                    && live.exit.is_none()
                {
                    live.freeze = Freeze::Rounds(0);
                    self.freeze(serial);
                }
            }
            Command::Thaw(_) => self.thaw(serial),
            Command::Group(_, group) => {
                if let Some(live) = self.jobs.get_mut(&serial) {
                    live.root.group = Some(group);
                }
            }
            Command::Say(_, say) => self.say(serial, &say),
            Command::Shutdown(_) | Command::Terminal(..) => {}
        }
    }

    /// Whether a job that is not known yet is with a spawner, or in the inbox since it was last looked
    /// into. Whichever it is, we are woken once it can be taken: it may never say anything itself.
    fn is_coming(&self, key: &JobKey) -> bool {
        let mut queue = locked(&self.shared.queue);
        if queue.starting.contains(key) {
            queue.awaited = true;
            return true;
        }
        drop(queue);
        // A spawner puts it there before it takes it from its own list.
        let fresh = locked(&self.shared.inbox)
            .fresh
            .iter()
            .any(|live| live.key == *key);
        if fresh {
            self.shared.nudge();
        }
        fresh
    }

    /// A job that is queued is taken back; one that a spawner has in hand gets the command later.
    fn command_for_unstarted(&mut self, command: Command) {
        let Some(key) = command.key() else { return };
        let mut queue = locked(&self.shared.queue);
        if let Some(at) = queue.jobs.iter().position(|job| job.key == *key) {
            if matches!(command, Command::Terminate(..) | Command::Kill(_))
                && let Some(job) = queue.jobs.remove(at)
            {
                self.out.push(cancelled(job.key));
            }
            return;
        }
        // Not queued any more: with a spawner, come, or gone, in this order.
        drop(queue);
        if self.is_coming(key) {
            self.early.push(command);
        }
    }
}

impl Command {
    fn key(&self) -> Option<&JobKey> {
        match self {
            Self::Terminate(key, _) | Self::Kill(key) | Self::Freeze(key) | Self::Thaw(key) => {
                Some(key)
            }
            Self::Say(key, _) | Self::Group(key, _) => Some(key),
            Self::Shutdown(_) | Self::Terminal(..) => None,
        }
    }
}
