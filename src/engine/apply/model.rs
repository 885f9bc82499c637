//! Events of models on the state.
//!
//! Must not decide; a model that the plan does not have changes nothing.

use crate::{
    engine::{Cause, Command, Held, JobKey, ModelEvent, ModelState, State},
    plan::{AgentIx, ModelIx, WorkerIx},
};

/// What follows of an event outside.
pub(in crate::engine) fn model_effects(state: &State, event: &ModelEvent) -> Vec<Command> {
    if let ModelEvent::Swapped {
        agent,
        cause: Cause::Zone,
        ..
    } = event
        && let Some(ix) = state.find(agent)
    {
        let key = JobKey::main(ix, state.agent(ix).attempt);
        return vec![Command::Terminate { key }];
    }
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
    pub(super) fn model_event(&mut self, event: &ModelEvent, now: u64) {
        match event {
            ModelEvent::Loaded { model, held } => self.on_model(model, |m| {
                (m.loaded, m.held) = (true, *held);
            }),
            ModelEvent::Unloading { model, .. } => self.on_model(model, |m| {
                (m.unloading, m.left) = (true, false);
            }),
            ModelEvent::Unloaded {
                model,
                freed_bytes,
                told_bytes,
                ..
            } => {
                self.on_model(model, |m| {
                    (m.loaded, m.unloading, m.left) = (false, false, false);
                    m.held = Held { bytes: 0, ..m.held };
                });
                // What cannot be measured is taken for what its server had told.
                let freed = freed_bytes.unwrap_or(*told_bytes);
                self.model_gone(model, freed, now);
            }
            ModelEvent::Kept { model, .. } => {
                self.on_model(model, |m| {
                    (m.unloading, m.left) = (false, false);
                });
                self.model_gone(model, 0, now);
            }
            ModelEvent::Swapped {
                from,
                to,
                cause,
                agent,
                ..
            } => {
                if *cause == Cause::Zone {
                    self.on(agent, |s, ix| s.moved(ix, event, now));
                }
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

    /// Memory pressure moves an agent to another worker.
    fn moved(&mut self, ix: AgentIx, event: &ModelEvent, now: u64) {
        let ModelEvent::Swapped {
            attempt,
            to,
            number,
            held_bytes,
            frees_bytes,
            figures,
            ..
        } = event
        else {
            return;
        };
        let plan = &self.setup.plan;
        let named = |worker: &WorkerIx| plan.workers[worker.ix()].name == *to;
        let mut modes = plan.agent(ix).modes.iter();
        let Some(mode) = modes.position(|mode| mode.worker.as_ref().is_some_and(named)) else {
            return;
        };
        let model = self.model_of(ix);
        self.relieved(ix, u32::try_from(mode).unwrap_or(0), now);
        let before = figures.as_deref().copied().unwrap_or_default();
        let memory = &mut self.memory;
        memory.decisions = memory.decisions.max(*number);
        let effect = memory.await_end(*number, (ix, *attempt), *frees_bytes, (now, before));
        effect.held.push((ix, held_bytes.unwrap_or(0)));
        effect.model = model;
    }

    /// An agent begins: the model of its worker is wanted.
    pub(super) fn model_wanted(&mut self, ix: AgentIx) {
        if let Some(model) = self.model_of(ix) {
            self.with_model(model, |m| m.left = false);
        }
    }

    /// The run goes on after a crash: what was asked of servers may not have been heard and is asked again, and what they
    /// hold may be gone since.
    /// Servers tell what is there, never what is not: until then a start asks for all that it would load.
    pub(super) fn models_resumed(&mut self) {
        for model in &mut self.models {
            model.left |= model.unloading;
            (model.loaded, model.unloading) = (false, false);
        }
    }

    fn on_model(&mut self, name: &str, change: impl FnOnce(&mut ModelState)) {
        let all = &self.setup.plan.models;
        if let Some(at) = all.iter().position(|model| model.id == name) {
            self.with_model(ModelIx::of(at), change);
        }
    }

    fn model_gone(&mut self, name: &str, bytes: u64, now: u64) {
        let all = &self.setup.plan.models;
        if let Some(at) = all.iter().position(|model| model.id == name) {
            self.emptied(ModelIx::of(at), bytes, now);
        }
    }

    fn with_model(&mut self, ix: ModelIx, change: impl FnOnce(&mut ModelState)) {
        if self.models.len() <= ix.ix() {
            self.models.resize(ix.ix() + 1, ModelState::default());
        }
        change(&mut self.models[ix.ix()]);
    }
}
