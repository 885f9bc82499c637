//! Whose the bytes of model servers are: each server's are shared by the agents that work with it.
//!
//! A server is counted once, however many of its models are used; one that nobody uses is counted for none. What one
//! agent holds with its share is an attribution for screens, never a figure of a decision.

use crate::{engine::State, plan::AgentIx, resources::ServerSample};

/// A part of a server's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// Bytes.
    pub bytes: u64,
    /// The server was measured; else it says so itself.
    pub measured: bool,
}

/// The share of each agent that uses a server of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shares {
    /// By agent.
    of: Vec<(AgentIx, Share)>,
    /// Servers that are used, by the position of their first model.
    used: Vec<u32>,
}

/// What a server holds on this machine; none: nothing, or it is another machine's.
#[must_use]
pub fn held(state: &State, servers: &[ServerSample], server: u32) -> Option<Share> {
    let rows = || servers.iter().filter(move |row| row.server == server);
    let first = rows().next()?.ix();
    if first.ix() >= state.setup.plan.models.len() || !state.model_need(first).local {
        return None;
    }
    // Its measured bytes stand in each of its rows.
    if let Some(bytes) = rows().find_map(|row| row.resident_bytes) {
        return Some(Share {
            bytes,
            measured: true,
        });
    }
    let told = rows()
        .filter(|row| row.loaded)
        .filter_map(|row| row.told_bytes);
    let bytes = told.reduce(u64::saturating_add)?;
    Some(Share {
        bytes,
        measured: false,
    })
}

impl Shares {
    /// Shares the servers among those of some agents (in the order of the plan) that work with them: equal parts, what
    /// is left over to the first.
    #[must_use]
    pub fn new(state: &State, servers: &[ServerSample], agents: &[AgentIx]) -> Self {
        if servers.is_empty() {
            return Self::default();
        }
        let server_of = |ix: AgentIx| {
            let model = state.model_of(ix)?;
            let row = servers.iter().find(|row| row.ix() == model)?;
            Some(row.server)
        };
        let mut users: Vec<(u32, AgentIx)> = agents
            .iter()
            .filter_map(|&ix| Some((server_of(ix)?, ix)))
            .collect();
        users.sort_unstable();
        let mut out = Self::default();
        for group in users.chunk_by(|a, b| a.0 == b.0) {
            let server = group[0].0;
            let Some(held) = held(state, servers, server) else {
                continue;
            };
            out.used.push(server);
            let count = group.len() as u64;
            for (n, &(_, ix)) in group.iter().enumerate() {
                let rest = if n == 0 { held.bytes % count } else { 0 };
                let share = Share {
                    bytes: held.bytes / count + rest,
                    ..held
                };
                out.of.push((ix, share));
            }
        }
        out.of.sort_unstable_by_key(|one| one.0);
        out
    }

    /// Returns the share of an agent; none: it uses no server of this machine.
    #[must_use]
    pub fn of(&self, ix: AgentIx) -> Option<Share> {
        let at = self.of.binary_search_by_key(&ix, |one| one.0).ok()?;
        Some(self.of[at].1)
    }

    /// Whether agents use a server.
    #[must_use]
    pub fn uses(&self, server: u32) -> bool {
        self.used.binary_search(&server).is_ok()
    }
}
