//! What is said to a program: its standard input, which stays open for that.
//!
//! Must not wait: what a pipe does not take is written when the poll says that it does.

use std::time::Instant;

use rustix::event::epoll;

use super::{Loop, unwatch};
use crate::executor::{
    Report,
    inbox::{Source, token},
    live::Freeze,
    talk::Say,
};

/// Bytes that may wait for a program that does not read.
const MOST: usize = 4 << 20;

impl Loop {
    /// More can be written to a job's standard input.
    pub(super) fn fed(&mut self, serial: u64) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        let Some(feed) = &mut live.feed else { return };
        if !feed.push() {
            return;
        }
        if feed.open && feed.at >= feed.text.len() {
            feed.text.clear();
            feed.at = 0;
            feed.watched = false;
            let _ = epoll::delete(&self.shared.epoll, &feed.fd);
        } else if let Some(feed) = live.feed.take() {
            unwatch(&self.shared.epoll, feed.fd);
        }
    }

    /// Looks whether a job's program has been silent for too long.
    pub(super) fn tick_talk(&mut self, serial: u64, now: Instant) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        let Some(talk) = &mut live.talk else { return };
        if live.exit.is_some() {
            return;
        }
        if live.freeze != Freeze::No {
            talk.stands(now);
        }
        if let Some(until) = live.view.stood(now) {
            talk.stands(until);
        }
        if let Some(heard) = talk.tick(now) {
            let key = live.key.clone();
            self.out.push(Report::Heard { key, heard });
        }
        if let Some(look) = talk.next_look(now) {
            self.timers.insert((look, serial));
        }
    }

    /// Says something to a job's program, if that takes it.
    pub(super) fn say(&mut self, serial: u64, say: &Say) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        let Some(talk) = &mut live.talk else { return };
        let Some(feed) = live.feed.as_mut().filter(|feed| feed.open) else {
            return;
        };
        let waiting = feed.text.len().saturating_sub(feed.at);
        let Some(bytes) = talk.say(say) else {
            return;
        };
        if waiting + bytes.len() > MOST {
            return;
        }
        feed.text.drain(..feed.at);
        feed.at = 0;
        feed.text.extend_from_slice(&bytes);
        if !feed.watched {
            feed.watched = true;
            let data = epoll::EventData::new_u64(token(serial, Source::Stdin));
            let _ = epoll::add(&self.shared.epoll, &feed.fd, data, epoll::EventFlags::OUT);
        }
        self.fed(serial);
    }

    /// Its turn has ended and nothing more is to be said: it may end.
    pub(super) fn hang_up(&mut self, serial: u64) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        let Some(feed) = &mut live.feed else { return };
        if feed.at < feed.text.len() {
            feed.open = false;
        } else if let Some(feed) = live.feed.take()
            && feed.watched
        {
            unwatch(&self.shared.epoll, feed.fd);
        }
    }
}
