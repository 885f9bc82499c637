//! The needs of one agent: which list counts, edits of overrides, groups, and one edge each.
//!
//! Must not look for cycles: those are found when all agents are there.

use super::decode::Decoder;
use super::id::AgentIx;
use super::model::{Need, NeedKind};
use super::names::{Names, Places, Target};
use super::raw::RawPlan;
use super::spec::{AgentSpec, Edit, NeedSpec};

/// Which layer a list of needs comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// The agent's own table.
    Own,
    /// Defaults of the plan, its phase or its track.
    Default,
    /// An override.
    Override,
}

/// What the needs of one agent are made from.
pub(super) struct NeedsOf<'a> {
    pub(super) raw: &'a RawPlan,
    pub(super) overrides: &'a [u32],
    pub(super) stack: &'a [&'a AgentSpec],
}

impl<'a> NeedsOf<'a> {
    /// Returns lists of needs in the order in which they apply, and where each comes from.
    pub(super) fn lists(&self) -> Vec<(&'a [NeedSpec], From)> {
        let mut lists = Vec::new();
        // Below the overrides, the strongest layer that says anything counts alone.
        let below = &self.stack[self.overrides.len()..];
        if let Some((i, needs)) = below
            .iter()
            .enumerate()
            .find_map(|(i, s)| s.needs.as_deref().map(|n| (i, n)))
        {
            lists.push((needs, if i == 0 { From::Own } else { From::Default }));
        }
        for o in self.overrides {
            if let Some(needs) = self.raw.overrides[*o as usize].spec.needs.as_deref() {
                if needs.iter().all(|n| n.edit == Edit::Set) {
                    lists.clear();
                }
                lists.push((needs, From::Override));
            }
        }
        lists
    }

    pub(super) fn needs(
        &self,
        d: &mut Decoder,
        names: &mut Names<'_>,
        ix: AgentIx,
        places: Option<&Places>,
        id: &str,
    ) -> Vec<Need> {
        let lists = self.lists();
        if lists.iter().all(|(l, _)| l.is_empty()) {
            return Vec::new();
        }
        let mut needs: Vec<Need> = Vec::new();
        for (list, from) in lists {
            for spec in list {
                let place = &spec.agent;
                if spec.edit != Edit::Set && from != From::Override {
                    d.sink
                        .error(place.at, format!("`{}` is an edit", sign(spec)))
                        .help("`+x` and `-x` are for the needs of an [[override]]");
                    continue;
                }
                let Some(target) = names.find(d, place) else {
                    continue;
                };
                if spec.edit == Edit::Remove {
                    let before = needs.len();
                    needs.retain(|n| !target.agents().contains(&n.agent));
                    if before == needs.len() {
                        d.sink.warning(
                            place.at,
                            format!("agent `{id}` does not need `{}`", place.v),
                        );
                    }
                    continue;
                }
                let kind = if spec.soft {
                    NeedKind::Soft
                } else {
                    NeedKind::Hard
                };
                let group = matches!(target, Target::Group(_));
                for agent in target.agents() {
                    // A group never means oneself, nor one's own parents and parts; a default never means oneself.
                    let skip = (*agent == ix && (group || from == From::Default))
                        || (group && places.is_some_and(|p| kin(p, ix, *agent)));
                    if !skip {
                        needs.push(Need {
                            agent: *agent,
                            kind,
                            when: spec.when.clone(),
                            files: spec.files.clone(),
                            check: spec.check.clone(),
                        });
                    }
                }
            }
        }
        tidy(&mut needs);
        needs
    }
}

pub(super) fn sign(spec: &NeedSpec) -> String {
    format!(
        "{}{}",
        if spec.edit == Edit::Add { '+' } else { '-' },
        spec.agent.v
    )
}

/// Whether one of two agents is above the other.
pub(super) fn kin(places: &Places, a: AgentIx, b: AgentIx) -> bool {
    let above = |mut low: AgentIx, high: AgentIx| {
        while let Some(parent) = places.parent[low.ix()] {
            if parent == high {
                return true;
            }
            low = parent;
        }
        false
    };
    above(a, b) || above(b, a)
}

/// Sorts needs into plan order, one for each predecessor and condition; hard wins.
pub(super) fn tidy(needs: &mut Vec<Need>) {
    if needs.len() < 2 {
        return;
    }
    needs.sort_by_key(|n| n.agent);
    let mut from = 0;
    let mut kept: Vec<Need> = Vec::with_capacity(needs.len());
    for need in needs.drain(..) {
        if kept.last().is_some_and(|k| k.agent != need.agent) {
            from = kept.len();
        }
        match kept[from..].iter_mut().find(|k| k.when == need.when) {
            Some(same) => {
                if need.kind == NeedKind::Hard {
                    same.kind = NeedKind::Hard;
                }
                // Both lists ask for something.
                let files = need.files.into_iter();
                same.files.extend(
                    files
                        .filter(|f| !same.files.contains(f))
                        .collect::<Vec<_>>(),
                );
                let check = need.check.into_iter();
                same.check.extend(
                    check
                        .filter(|c| !same.check.contains(c))
                        .collect::<Vec<_>>(),
                );
            }
            None => kept.push(need),
        }
    }
    *needs = kept;
}
