//! What the runner says, as news for the dashboard.
//!
//! Must not keep anything between two updates but the pieces of a snapshot.

use std::{io, os::unix::net::UnixStream, path::Path, sync::Arc};

use crate::{
    engine::Setup,
    journal::snapshot,
    runtime::{
        prepare::read_folder,
        protocol::{self, FromRunner},
        terminals,
    },
    tui::feed::Update,
};

use super::ClientError;

/// Reads the next update of a run; the state's pieces are put together.
pub(super) fn next_with(
    from: &mut UnixStream,
    dir: &Path,
    run: &str,
    setup: Option<&Setup>,
) -> Result<Update, ClientError> {
    let mut snapshot = Vec::new();
    loop {
        let (frame, raw) = protocol::read::<FromRunner>(from)?;
        return Ok(match frame {
            FromRunner::Hello { .. } | FromRunner::Stats { .. } | FromRunner::Lease { .. } => {
                continue;
            }
            FromRunner::Snapshot { last, attended } => {
                snapshot.extend_from_slice(&raw);
                if !last {
                    continue;
                }
                let (mut setup, _) = read_folder(dir).map_err(io::Error::other)?;
                setup.attended = attended;
                let state = snapshot::unpack(&snapshot, run, &Arc::new(setup));
                let (state, _) =
                    state.ok_or_else(|| io::Error::other("its state cannot be read"))?;
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
