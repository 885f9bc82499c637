//! What the loop tells its clients, and the place they hang on to.
//!
//! A sink takes news without blocking or says that it cannot, and is then let go. Must not know
//! sockets or screens.

use std::sync::Arc;

use crate::{
    engine::{Record, State},
    resources::Sample,
};

/// One piece of news.
#[derive(Debug, Clone)]
pub enum News {
    /// The whole state; events follow from here.
    Snapshot(Arc<State>),
    /// Events in order.
    Records(Arc<Vec<Record>>),
    /// The newest reading.
    Sample(Arc<Sample>),
    /// The run is over and the runner goes.
    End {
        /// Exit status of the run.
        status: u8,
    },
}

/// Somebody who hears news.
pub trait Sink: Send {
    /// Takes a piece of news without blocking; false: gone, or too far behind.
    fn push(&mut self, news: &News) -> bool;

    /// Whether all that it took has been handed on.
    fn drained(&self) -> bool {
        true
    }
}
