//! `--only`: keeps the agents that match, and whatever they need.
//!
//! Must not change what is kept.

use std::collections::HashSet;

use super::decode::Decoder;
use super::diag::{At, Sp};
use super::id::AgentIx;
use super::model::{Agent, NeedKind};
use super::names::Names;

/// Drops every agent that neither matches nor is needed; returns the ids of the dropped ones.
///
/// Needed are hard needs and parents of what is kept, over any number of steps. A parent that is
/// kept for its own sake keeps its parts, since it is done when they are; one that is kept for a
/// part does not.
pub(crate) fn keep(
    d: &mut Decoder,
    agents: &mut Vec<Agent>,
    names: &mut Names<'_>,
    glob: &str,
) -> HashSet<String> {
    let reference = Sp::new(At::NOWHERE, glob.to_owned());
    let matching: Vec<AgentIx> = match names.id(glob) {
        Some(ix) => vec![ix],
        None => names
            .glob(d, &reference)
            .map(|g| g.to_vec())
            .unwrap_or_default(),
    };
    if matching.is_empty() {
        d.sink
            .error(At::NOWHERE, format!("--only: `{glob}` matches no agent"));
        return HashSet::new();
    }
    let mut parts: Vec<Vec<AgentIx>> = vec![Vec::new(); agents.len()];
    for (i, agent) in agents.iter().enumerate() {
        if let Some(parent) = agent.parent {
            parts[parent.ix()].push(AgentIx::of(i));
        }
    }
    // 0: dropped, 1: kept for a part, 2: kept with its parts.
    let mut kept = vec![0u8; agents.len()];
    let mut open: Vec<(AgentIx, u8)> = matching.into_iter().map(|ix| (ix, 2)).collect();
    while let Some((ix, how)) = open.pop() {
        if kept[ix.ix()] >= how {
            continue;
        }
        kept[ix.ix()] = how;
        let agent = &agents[ix.ix()];
        open.extend(agent.parent.map(|p| (p, 1)));
        open.extend(
            agent
                .needs
                .iter()
                .filter(|n| n.kind == NeedKind::Hard)
                .map(|n| (n.agent, 2)),
        );
        if how == 2 {
            open.extend(parts[ix.ix()].iter().map(|p| (*p, 2)));
        }
    }
    let mut renumbered: Vec<Option<AgentIx>> = Vec::with_capacity(agents.len());
    let mut next = 0;
    for how in &kept {
        renumbered.push((*how > 0).then(|| AgentIx::of(next)));
        next += usize::from(*how > 0);
    }
    let mut dropped = HashSet::new();
    let mut i = 0;
    agents.retain_mut(|agent| {
        let stays = kept[i] > 0;
        i += 1;
        if stays {
            agent.parent = agent.parent.and_then(|p| renumbered[p.ix()]);
            agent
                .needs
                .retain_mut(|need| match renumbered[need.agent.ix()] {
                    Some(ix) => {
                        need.agent = ix;
                        true
                    }
                    None => false,
                });
        } else {
            dropped.insert(agent.id.as_str().to_owned());
        }
        stays
    });
    dropped
}
