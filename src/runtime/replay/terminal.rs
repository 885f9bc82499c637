//! Terminals in a replay: as they were at the shown moment, and how they go on as time passes.
//!
//! Must not show what is printed later: the index says what came when.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use crate::{
    plan::AgentIx,
    runtime::terminals,
    terminal::Index,
    tui::feed::{Request, Update},
};

use super::{Recording, send};

/// Indexes kept at most: those of the terminals that were looked at last.
const KEPT: usize = 16;

/// What a replay knows of terminals.
#[derive(Default)]
pub(super) struct Terminals {
    /// None: no terminal, or none to be read.
    indexes: BTreeMap<(AgentIx, u32), Option<Index>>,
    watched: Option<(AgentIx, u32)>,
    /// What the dashboard knows of the watched one: bytes, and up to when (µs).
    told: (u64, u64),
}

impl Terminals {
    /// The dashboard has to open its terminal anew.
    pub fn unwatch(&mut self) {
        self.watched = None;
    }
}

impl Recording {
    /// Bytes that an attempt had printed by now; none: it has ended or nothing tells, so that all
    /// of it is shown.
    pub(super) fn printed(&mut self, agent: AgentIx, attempt: u32) -> Option<u64> {
        let live = self.state.agents.get(agent.ix())?;
        if live.attempt != attempt || live.live.is_none() {
            return None;
        }
        let at_us = self.clock.at_us;
        if let Some(index) = self.index(agent, attempt) {
            return Some(index.printed(at_us));
        }
        let sample = self.readings.at(at_us)?;
        let found = sample
            .agents
            .iter()
            .find(|a| a.agent == agent.0 && a.attempt == attempt);
        Some(found.map_or(0, |a| a.output_bytes))
    }

    fn index(&mut self, agent: AgentIx, attempt: u32) -> Option<&Index> {
        let (dir, setup) = (&self.dir, &self.state.setup);
        let id = setup.plan.agents.get(agent.ix())?.id.as_str();
        let indexes = &mut self.terminals.indexes;
        if indexes.len() >= KEPT && !indexes.contains_key(&(agent, attempt)) {
            indexes.clear();
        }
        let kept = indexes
            .entry((agent, attempt))
            .or_insert_with(|| terminals::index(dir, id, attempt));
        kept.as_ref()
    }

    /// Answers a request about a terminal.
    pub(super) fn terminal(&mut self, asked: &Request, to: &mpsc::Sender<Update>) -> Option<()> {
        let &Request::Terminal {
            agent,
            attempt,
            at_us,
        } = asked
        else {
            return match terminals::refused(asked, "a recording has no keyboard") {
                Some(update) => send(to, update),
                None => Some(()),
            };
        };
        // A live run that is shown from its begin goes on.
        self.terminals.indexes.remove(&(agent, attempt));
        let whole = self.index(agent, attempt).cloned();
        let now = self.clock.at_us;
        let (until, moment) = match (at_us, &whole) {
            (Some(at), Some(index)) => (Some(index.printed(at)), at),
            _ => match self.printed(agent, attempt) {
                Some(until) => (Some(until), now),
                // All of it, so that all of its index counts too.
                None => (None, u64::MAX),
            },
        };
        let index = whole.unwrap_or_default().until(moment);
        let setup = self.state.setup.clone();
        let opened = terminals::open(&self.dir, &setup, (agent, attempt), &index, until);
        let Some(opened) = opened else {
            return Some(());
        };
        if at_us.is_none()
            && let Update::Terminal { total, .. } = opened
        {
            self.terminals.watched = Some((agent, attempt));
            self.terminals.told = (total, moment);
        }
        send(to, opened)
    }

    /// Tells what the watched terminal has printed since it was told last.
    pub(super) fn grown(&mut self, to: &mpsc::Sender<Update>) -> Option<()> {
        let Some((agent, attempt)) = self.terminals.watched else {
            return Some(());
        };
        let (before, from_us) = self.terminals.told;
        let (total, now) = if let Some(total) = self.printed(agent, attempt) {
            (total, self.clock.at_us)
        } else {
            let end = self.index(agent, attempt).map(|i| i.printed(u64::MAX));
            (end.unwrap_or(before), u64::MAX)
        };
        self.terminals.told = (total.max(before), now);
        let resizes = self
            .index(agent, attempt)
            .map(|i| i.resizes_between(from_us, now));
        for (offset, cols, rows) in resizes.unwrap_or_default() {
            let update = Update::Resized {
                agent,
                attempt,
                offset,
                cols,
                rows,
            };
            send(to, update)?;
        }
        if total <= before {
            return Some(());
        }
        let update = Update::Grew {
            agent,
            attempt,
            total,
        };
        send(to, update)
    }
}
