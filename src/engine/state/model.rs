//! Models that servers hold, as far as decisions know them: what is loaded, who uses it, what a start would take and
//! an end would free.
//!
//! Must not ask a server; all of it is from the plan and from events. Bytes that were not measured are estimates.

use serde::{Deserialize, Serialize};

use super::State;
use crate::{
    engine::{Held, Known, Unloading},
    plan::{AgentIx, AgentMode, Model, ModelIx},
};

/// What a model takes, as far as that is known before its server has said anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelNeed {
    /// Its memory is this machine's.
    pub local: bool,
    /// Bytes that loading it takes before any request: weights, buffers, what its server takes itself.
    pub base_bytes: u64,
    /// Bytes of the cache of one request.
    pub slot_bytes: u64,
}

impl ModelNeed {
    /// What a plan says of it; 0 for what it does not.
    #[must_use]
    pub fn stated(model: &Model) -> Self {
        Self {
            local: model.is_local(),
            base_bytes: model.ram_bytes.unwrap_or(0),
            slot_bytes: model.slot_bytes.unwrap_or(0),
        }
    }
}

/// One model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelState {
    /// It is in memory.
    pub loaded: bool,
    /// What was told of it last.
    pub held: Held,
    /// Its server was asked to unload it.
    pub unloading: bool,
    /// Who used it last went on without it: it is unloaded when nobody uses it.
    pub left: bool,
}

/// What the end of an agent's process would free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Frees {
    /// Bytes of its model's server that this frees now; 0 while others use the model, or where it cannot be unloaded.
    pub now_bytes: u64,
    /// Bytes of its model's server that are free when all others have left it too.
    pub later_bytes: u64,
    /// Agents that use its model beside it.
    pub others: u32,
    /// How the model leaves memory.
    pub unloading: Unloading,
    /// How the bytes are known.
    pub by: Known,
}

impl State {
    /// Returns what is known of a model.
    #[must_use]
    pub fn model(&self, ix: ModelIx) -> ModelState {
        self.models.get(ix.ix()).copied().unwrap_or_default()
    }

    /// Returns what a model takes, from its file where that was read.
    #[must_use]
    pub fn model_need(&self, ix: ModelIx) -> ModelNeed {
        let need = self.setup.models.get(ix.ix()).copied().unwrap_or_default();
        let (held, plan) = (self.model(ix).held, &self.setup.plan.models[ix.ix()]);
        let base = held.base_bytes.filter(|_| plan.ram_bytes.is_none());
        let slot = held.slot_bytes.filter(|_| plan.slot_bytes.is_none());
        ModelNeed {
            local: need.local,
            base_bytes: base.unwrap_or(need.base_bytes),
            slot_bytes: slot.unwrap_or(need.slot_bytes),
        }
    }

    /// Returns how many slots of a model agents hold, also frozen ones.
    #[must_use]
    pub fn model_slots_used(&self, ix: ModelIx) -> u64 {
        let model = self.setup.plan.models.get(ix.ix());
        let used = model.and_then(|model| self.usage.resources.get(&model.resource()));
        used.copied().unwrap_or(0)
    }

    /// Returns the model that an agent works with now: the one of its worker, while it has a process.
    #[must_use]
    pub fn model_of(&self, ix: AgentIx) -> Option<ModelIx> {
        let mode = self.agent(ix).live.as_ref().map(|_| self.mode_of(ix))?;
        self.setup.plan.served(mode)
    }

    /// Returns the agents that work with a model now.
    pub fn model_users(&self, model: ModelIx) -> impl Iterator<Item = AgentIx> + '_ {
        let all = self.setup.plan.indices();
        all.filter(move |&ix| self.model_of(ix) == Some(model))
    }

    /// Returns the bytes that a start in a mode takes in model servers of this machine: those of its model if that is
    /// neither loaded nor being loaded for another, and the cache of its requests. An estimate.
    #[must_use]
    pub fn model_cost(&self, mode: &AgentMode) -> u64 {
        let Some(ix) = self.setup.plan.served(mode) else {
            return 0;
        };
        let need = self.model_need(ix);
        if !need.local {
            return 0;
        }
        let slots = mode.uses.get(&self.setup.plan.models[ix.ix()].resource());
        let caches = need.slot_bytes.saturating_mul(slots.copied().unwrap_or(1));
        let there = self.model(ix).loaded || self.model_slots_used(ix) > 0;
        let base = if there { 0 } else { need.base_bytes };
        base.saturating_add(caches)
    }

    /// Returns the bytes of models of this machine that agents have begun to use and that are not loaded yet. An
    /// estimate; what is loaded is measured ([`crate::engine::Figures::servers_bytes`]).
    #[must_use]
    pub fn models_to_come_bytes(&self) -> u64 {
        let mut sum = 0_u64;
        for i in 0..self.setup.plan.models.len() {
            let ix = ModelIx::of(i);
            let (need, slots) = (self.model_need(ix), self.model_slots_used(ix));
            if need.local && slots > 0 && !self.model(ix).loaded {
                let caches = need.slot_bytes.saturating_mul(slots);
                sum = sum.saturating_add(need.base_bytes.saturating_add(caches));
            }
        }
        sum
    }

    /// Returns what of its model's server the end of an agent's process frees, beside its own memory.
    #[must_use]
    pub fn frees(&self, ix: AgentIx) -> Frees {
        let Some(model) = self.model_of(ix).filter(|&m| self.model_need(m).local) else {
            return Frees::default();
        };
        let (state, need) = (self.model(model), self.model_need(model));
        let slots = self.model_slots_used(model);
        let (bytes, by) = if state.loaded {
            (state.held.bytes, state.held.by)
        } else {
            let caches = need.slot_bytes.saturating_mul(slots);
            (need.base_bytes.saturating_add(caches), Known::Estimated)
        };
        let others = self.model_users(model).filter(|&user| user != ix).count();
        let asked = state.held.unloading == Unloading::Request;
        Frees {
            now_bytes: if others == 0 && asked { bytes } else { 0 },
            later_bytes: match state.held.unloading {
                Unloading::Never => 0,
                _ => bytes,
            },
            others: u32::try_from(others).unwrap_or(u32::MAX),
            unloading: state.held.unloading,
            by,
        }
    }
}
