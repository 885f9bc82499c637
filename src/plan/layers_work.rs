//! What one agent's layers say of work that comes together: where it works, what it may touch.
//!
//! Must not look at other agents: the graph's overlaps do.

use super::decode::Decoder;
use super::diag::At;
use super::layers::pick;
use super::model::{Join, Scope, Workspace};
use super::raw::RawPlan;
use super::spec::AgentSpec;
use super::spec_work::plain;

/// An agent's share of it.
pub(super) struct Together {
    pub workspace: Workspace,
    pub scope: Option<Scope>,
    pub domains: Vec<String>,
    pub join: Join,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub context_files: Vec<String>,
    pub context_cap: Option<u32>,
}

impl Together {
    /// Takes each from the strongest layer that states it; a parent without work has none of it.
    pub fn of(d: &mut Decoder, stack: &[&AgentSpec], group: bool, prompt: bool) -> Self {
        let own = stack.iter().copied().find(|s| s.id.is_some());
        if group {
            if let Some(own) = own {
                without_effect(d, own);
            }
            return Self {
                workspace: Workspace::Shared,
                scope: None,
                domains: Vec::new(),
                join: Join::default(),
                inputs: Vec::new(),
                outputs: Vec::new(),
                context_files: Vec::new(),
                context_cap: None,
            };
        }
        let scope = pick(stack, |s| s.scope.as_ref()).map(|s| &s.v);
        // Empty lists take a weaker layer's away.
        let scope = scope.filter(|s| **s != Scope::default()).cloned();
        let writes = scope.as_ref().is_some_and(|s| !s.write.is_empty());
        let default = if prompt || writes {
            Workspace::Own
        } else {
            Workspace::Shared
        };
        let workspace = pick(stack, |s| s.workspace.as_ref()).map_or(default, |w| w.v);
        if workspace == Workspace::Shared
            && let Some(join) = own.and_then(|s| s.join.as_ref())
        {
            d.sink
                .warning(
                    join.at,
                    "this agent's work is not merged: `join` has no effect",
                )
                .help("`workspace = \"own\"` gives it a workspace of its own");
        }
        let list = |of: fn(&AgentSpec) -> Option<&Vec<super::diag::Sp<String>>>| {
            plain(pick(stack, of).into_iter().flatten().cloned())
        };
        Self {
            workspace,
            scope,
            domains: list(|s| s.domains.as_ref()),
            join: pick(stack, |s| s.join.as_ref())
                .filter(|_| workspace == Workspace::Own)
                .map_or(Join::default(), |j| j.v),
            inputs: list(|s| s.inputs.as_ref()),
            outputs: list(|s| s.outputs.as_ref()),
            context_files: list(|s| s.context_files.as_ref()),
            context_cap: pick(stack, |s| s.context_cap.as_ref()).map(|cap| cap.v),
        }
    }

    /// Whether it writes into the repository itself, so that it must be alone there.
    pub fn alone(&self) -> bool {
        let writes = |s: &Scope| !s.write.is_empty();
        self.workspace == Workspace::Shared && self.scope.as_ref().is_some_and(writes)
    }
}

fn without_effect(d: &mut Decoder, own: &AgentSpec) {
    let first = |list: &Option<Vec<super::diag::Sp<String>>>| {
        list.as_ref().and_then(|l| l.first()).map(|t| t.at)
    };
    let workspace = own.workspace.as_ref().filter(|w| w.v == Workspace::Own);
    let places: [Option<At>; 8] = [
        own.scope
            .as_ref()
            .filter(|s| s.v != Scope::default())
            .map(|s| s.at),
        workspace.map(|w| w.at),
        own.join.as_ref().map(|j| j.at),
        first(&own.domains),
        first(&own.inputs),
        first(&own.outputs),
        first(&own.context_files),
        own.context_cap.as_ref().map(|cap| cap.at),
    ];
    for place in places.into_iter().flatten() {
        d.sink.warning(
            place,
            "this agent has no work of its own: the value has no effect",
        );
    }
}

/// Warns of domains whose names are near those of declared ones: a typing error makes an agent
/// leave the domain in silence.
pub(super) fn domains(d: &mut Decoder, raw: &RawPlan) {
    let specs = raw.agents.iter();
    let specs = specs.chain(raw.overrides.iter().map(|o| &o.spec));
    let groups = raw.phases.iter().chain(&raw.tracks).map(|g| &g.defaults);
    let mut seen = std::collections::BTreeSet::new();
    for name in specs
        .chain(groups)
        .chain([&raw.defaults])
        .flat_map(|s| s.domains.iter().flatten())
    {
        if raw.domains.contains_key(&name.v) || !seen.insert((name.v.as_str(), name.at)) {
            continue;
        }
        let declared = raw.domains.keys().map(String::as_str);
        if let Some(meant) = d.suggest.nearest(&name.v, declared) {
            let text = format!("domain `{}` is not declared", name.v);
            d.sink.warning(name.at, text).meant(Some(meant));
        }
    }
}
