//! A dashboard's requests about terminals.
//!
//! Must not wait for an answer of the runner: that comes like all its news.

use std::os::unix::net::UnixStream;

use tokio::sync::mpsc;

use crate::{
    runtime::{protocol, terminals},
    tui::feed::{Request, Update},
};

use super::Link;

impl Link {
    /// Carries out a request about a terminal, or says why not; false: the dashboard has gone.
    pub(super) fn terminal(
        &self,
        request: &Request,
        runner: &mut UnixStream,
        to: &mpsc::Sender<Update>,
    ) -> bool {
        let (setup, gone) = {
            let state = self.state();
            (state.setup.clone(), state.gone)
        };
        let Some(setup) = setup else {
            return true;
        };
        let answers = terminals::live(&self.dir, &setup, request, |frame, raw| {
            // Who is gone is noticed by the thread that reads.
            !gone && protocol::write(runner, frame, raw).is_ok()
        });
        answers
            .into_iter()
            .all(|answer| to.blocking_send(answer).is_ok())
    }
}
