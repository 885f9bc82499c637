//! Events of models on the state.
//!
//! Must not decide; a model that the plan does not have changes nothing.

use crate::{
    engine::{Command, Held, ModelEvent, ModelState, State},
    plan::{AgentIx, ModelIx},
};

/// What follows of an event outside.
pub(in crate::engine) fn model_effects(state: &State, event: &ModelEvent) -> Vec<Command> {
    let ModelEvent::Unloading { model, .. } = event else {
        return Vec::new();
    };
    let mut all = state.setup.plan.models.iter();
    let at = all.position(|one| one.id == *model);
    at.map(|at| Command::Unload {
        model: ModelIx::of(at),
    })
    .into_iter()
    .collect()
}

impl State {
    pub(super) fn model_event(&mut self, event: &ModelEvent) {
        match event {
            ModelEvent::Loaded { model, held } => self.on_model(model, |m| {
                (m.loaded, m.held) = (true, *held);
            }),
            ModelEvent::Unloading { model, .. } => self.on_model(model, |m| {
                (m.unloading, m.left) = (true, false);
            }),
            ModelEvent::Unloaded { model, .. } => self.on_model(model, |m| {
                (m.loaded, m.unloading, m.left) = (false, false, false);
                m.held = Held { bytes: 0, ..m.held };
            }),
            ModelEvent::Kept { model, .. } => self.on_model(model, |m| {
                (m.unloading, m.left) = (false, false);
            }),
            ModelEvent::Swapped { from, to, .. } => {
                let plan = &self.setup.plan;
                let of = |name: &String| {
                    let worker = plan.workers.iter().find(|worker| worker.name == *name)?;
                    worker.served
                };
                let (from, to) = (of(from), of(to));
                if let Some(model) = from.filter(|_| from != to) {
                    self.with_model(model, |m| m.left = true);
                }
            }
        }
    }

    /// An agent begins: the model of its worker is wanted.
    pub(super) fn model_wanted(&mut self, ix: AgentIx) {
        if let Some(model) = self.model_of(ix) {
            self.with_model(model, |m| m.left = false);
        }
    }

    /// The run goes on after a crash: what was asked of servers was not heard, and what they hold may be gone since.
    /// Servers tell what is there, never what is not: until then a start asks for all that it would load.
    pub(super) fn models_resumed(&mut self) {
        for model in &mut self.models {
            (model.loaded, model.unloading) = (false, false);
        }
    }

    fn on_model(&mut self, name: &str, change: impl FnOnce(&mut ModelState)) {
        let all = &self.setup.plan.models;
        if let Some(at) = all.iter().position(|model| model.id == name) {
            self.with_model(ModelIx::of(at), change);
        }
    }

    fn with_model(&mut self, ix: ModelIx, change: impl FnOnce(&mut ModelState)) {
        if self.models.len() <= ix.ix() {
            self.models.resize(ix.ix() + 1, ModelState::default());
        }
        change(&mut self.models[ix.ix()]);
    }
}
