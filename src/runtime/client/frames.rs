//! What the runner says, as news for the dashboard.
//!
//! Must not keep anything between two updates but the pieces of a snapshot.

use std::{io, os::unix::net::UnixStream};

use crate::{
    engine::{Setup, State},
    runtime::{
        protocol::{self, FromRunner},
        terminals,
    },
    tui::feed::Update,
};

use super::ClientError;

/// Reads the next update; the state's pieces are put together.
pub(super) fn next_with(
    from: &mut UnixStream,
    setup: Option<&Setup>,
) -> Result<Update, ClientError> {
    let mut snapshot = Vec::new();
    loop {
        let (frame, raw) = protocol::read::<FromRunner>(from)?;
        return Ok(match frame {
            FromRunner::Hello { .. } | FromRunner::Stats { .. } => continue,
            FromRunner::Snapshot { last } => {
                snapshot.extend_from_slice(&raw);
                if !last {
                    continue;
                }
                let state: State = serde_json::from_slice(&snapshot).map_err(io::Error::other)?;
                Update::Snapshot(Box::new(state))
            }
            FromRunner::Events { records } => Update::Records(records),
            FromRunner::Sample { sample } => Update::Sample(sample),
            FromRunner::Output {
                agent,
                attempt,
                offset,
                total,
            } => {
                let Some(&agent) = setup.and_then(|s| s.by_id.get(&agent.as_str().into())) else {
                    continue;
                };
                Update::Output {
                    agent,
                    attempt,
                    offset,
                    bytes: raw,
                    total,
                }
            }
            FromRunner::Terminal {
                agent,
                attempt,
                note,
            } => match setup.and_then(|s| s.by_id.get(&agent.as_str().into())) {
                Some(&agent) => terminals::update(agent, attempt, note),
                None => continue,
            },
            FromRunner::Ack { id, reason, .. } => Update::Ack {
                id,
                result: reason.map_or(Ok(()), Err),
            },
            FromRunner::End { status } => Update::Gone {
                reason: format!("the run has ended with status {status}"),
            },
        });
    }
}
