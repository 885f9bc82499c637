//! Terminals for dashboards: reads their recorded bytes and index, and speaks with the runner about
//! them.
//!
//! The files are read where the dashboard is, which is this machine; only what is of now (growth,
//! sizes, the keyboard) goes through the socket. Must not clean what it reads: a screen of cells does.

use std::{fs, path::Path};

use crate::{
    engine::Setup,
    plan::AgentIx,
    terminal::Index,
    tui::feed::{Request, Update},
};

use super::{
    jobs::{index_path, output_path},
    output,
    protocol::{FromClient, TerminalNote, TerminalWish},
};

/// Bytes of a terminal that come with it at once; the rest is asked for.
const MOST: u32 = 1 << 20;
/// Keys that go in one frame; the runner takes no longer ones.
const KEYS: usize = 16 << 10;

/// The index of an attempt that ran in a terminal; none: it did not, or there is none to read.
pub(super) fn index(dir: &Path, agent: &str, attempt: u32) -> Option<Index> {
    Index::parse(&fs::read(index_path(&output_path(dir, agent, attempt))).ok()?)
}

/// Opens the terminal of an attempt as it was when `until` bytes had been printed, with the index of
/// then; none: as it is.
///
/// Without an index it begins at the first byte.
pub(super) fn open(
    dir: &Path,
    setup: &Setup,
    (agent, attempt): (AgentIx, u32),
    index: &Index,
    until: Option<u64>,
) -> Option<Update> {
    let id = setup.plan.agents.get(agent.ix())?.id.as_str();
    let total = output::read_until(dir, id, attempt, Some(0), 0, until).total;
    let start = index.start(total);
    let piece = output::read_until(dir, id, attempt, Some(start.offset), MOST, Some(total));
    Some(Update::Terminal {
        agent,
        attempt,
        cols: start.cols,
        rows: start.rows,
        prelude: start.prelude,
        offset: start.offset,
        resizes: start.resizes,
        bytes: piece.bytes,
        total,
    })
}

/// Carries out a request about a terminal of a live run; `runner` takes a frame and its raw part,
/// and says whether there is a runner. Returns what the dashboard gets at once.
pub(super) fn live(
    dir: &Path,
    setup: &Setup,
    request: &Request,
    mut runner: impl FnMut(&FromClient, &[u8]) -> bool,
) -> Vec<Update> {
    let mut there = true;
    for (frame, raw) in frames(setup, request) {
        there = there && runner(&frame, &raw);
    }
    let mut answers = Vec::new();
    if !there {
        answers.extend(refused(request, "the run has ended"));
    }
    if let &Request::Terminal {
        agent,
        attempt,
        at_us,
    } = request
        && let Some(found) = setup.plan.agents.get(agent.ix())
    {
        let id = found.id.as_str();
        let mut index = index(dir, id, attempt).unwrap_or_default();
        let until = at_us.map(|at| index.printed(at));
        if let Some(at) = at_us {
            index = index.until(at);
        }
        answers.extend(open(dir, setup, (agent, attempt), &index, until));
        // The runner may have told that it has grown before the dashboard had the terminal.
        let total = output::read(dir, id, attempt, Some(0), 0).total;
        if at_us.is_none() {
            answers.push(Update::Grew {
                agent,
                attempt,
                total,
            });
        }
    }
    answers
}

/// The frames that carry a request about a terminal to the runner, with their raw parts.
fn frames(setup: &Setup, request: &Request) -> Vec<(FromClient, Vec<u8>)> {
    let (agent, attempt, wish) = match *request {
        Request::Terminal { agent, attempt, .. } => (agent, attempt, TerminalWish::Watch),
        Request::Keyboard { agent, take: true } => (agent, 0, TerminalWish::Take),
        Request::Keyboard { agent, take: false } => (agent, 0, TerminalWish::Give),
        Request::Keys { agent, .. } => (agent, 0, TerminalWish::Keys),
        Request::Size {
            agent,
            attempt,
            cols,
            rows,
        } => (agent, attempt, TerminalWish::Size { cols, rows }),
        _ => return Vec::new(),
    };
    let Some(found) = setup.plan.agents.get(agent.ix()) else {
        return Vec::new();
    };
    let frame = || FromClient::Terminal {
        agent: found.id.to_string(),
        attempt,
        wish,
    };
    match request {
        Request::Keys { bytes, .. } => {
            let parts = bytes.chunks(KEYS);
            parts.map(|part| (frame(), part.to_vec())).collect()
        }
        _ => vec![(frame(), Vec::new())],
    }
}

/// What the runner tells of a terminal, for the dashboard.
pub(super) fn update(agent: AgentIx, attempt: u32, note: TerminalNote) -> Update {
    match note {
        TerminalNote::Grew { total } => Update::Grew {
            agent,
            attempt,
            total,
        },
        TerminalNote::Resized { offset, cols, rows } => Update::Resized {
            agent,
            attempt,
            offset,
            cols,
            rows,
        },
        TerminalNote::Keyboard { held } => Update::Keyboard {
            agent,
            held: Ok(held),
        },
        TerminalNote::Refused { why } => Update::Keyboard {
            agent,
            held: Err(why),
        },
    }
}

/// The answer to a request about a keyboard where there is no runner.
pub(super) fn refused(request: &Request, why: &str) -> Option<Update> {
    match *request {
        Request::Keyboard { agent, take } => Some(Update::Keyboard {
            agent,
            held: if take { Err(why.to_owned()) } else { Ok(false) },
        }),
        Request::Keys { agent, .. } => Some(Update::Keyboard {
            agent,
            held: Err(why.to_owned()),
        }),
        _ => None,
    }
}
