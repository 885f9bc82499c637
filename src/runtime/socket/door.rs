//! Who comes in: how many at once, who may steer, and the end of a connection.
//!
//! Must not talk to anybody.

use std::{
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::sys::peer;

/// One of a limited number, given back when it is dropped.
pub(super) struct Slot(Arc<AtomicUsize>);

impl Slot {
    pub(super) fn take(taken: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        if taken.fetch_add(1, Ordering::Relaxed) < most {
            return Some(Self(taken.clone()));
        }
        taken.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Ends a connection for everybody who holds it.
pub(super) struct Cut(pub(super) Arc<UnixStream>);

impl Drop for Cut {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// What somebody is told who wants to open a session and is no dashboard.
pub(super) const NO_TERMINAL: &str =
    "an open session needs a terminal: use the dashboard (`wavedeck attach`, key `a`)";

/// Why a client may not steer the run; none: it may.
pub(super) const fn refusal(place: peer::Place, read_only: bool) -> Option<&'static str> {
    match place {
        peer::Place::Below => Some("an agent of this run may not steer it"),
        peer::Place::Unknown => Some(
            "it cannot be told whether this comes from an agent of the run, which may not steer \
             it: the asking process has ended, or /proc hides the processes above it (mounted \
             with hidepid?)",
        ),
        peer::Place::NotBelow if read_only => Some("this client is read-only: it may not steer"),
        peer::Place::NotBelow => None,
    }
}
