//! The workers of a plan: declared ones, and coding agents that are used by name alone.
//!
//! Must not decide which worker an agent gets.

use std::collections::{BTreeMap, BTreeSet};

use super::LoadOptions;
use super::decode::Decoder;
use super::diag::{At, Sp};
use super::id::{ModelIx, WorkerIx};
use super::layers::CODING_RAM;
use super::model::{Agent, Worker};
use super::raw::RawPlan;
use super::served::Model;
use crate::agents::{Adapter, Ask, Catalog, WITHOUT_ADAPTER, is_name};

/// All workers while agents are built.
pub(crate) struct Workers {
    all: Vec<Worker>,
    by_name: BTreeMap<String, WorkerIx>,
    /// Where each was declared, or first used.
    places: Vec<At>,
    declared: usize,
    /// The adapters; none: the built-in ones.
    catalog: Option<Catalog>,
    /// The plan is that of a run.
    recorded: bool,
    /// The plan's models and the user's, by name.
    models: Vec<Model>,
}

impl Workers {
    /// Takes the declared ones in the order of their names.
    pub fn new(d: &mut Decoder, raw: &RawPlan, options: &LoadOptions, models: Vec<Model>) -> Self {
        let mut workers = Self {
            all: Vec::new(),
            by_name: BTreeMap::new(),
            places: Vec::new(),
            declared: 0,
            catalog: options.catalog.clone(),
            recorded: options.recorded,
            models,
        };
        for (name, worker) in &raw.workers {
            if let Some(cli) = worker.cli.as_ref().filter(|c| !workers.knows(&c.v)) {
                workers.unknown(d, "agent program", cli, &[]);
            }
            // A run that was recorded before this was looked at is shown all the same.
            if let Some(model) = worker
                .model
                .as_ref()
                .filter(|m| !is_name(&m.v) && !options.recorded)
            {
                let what = format!("`{}` is no name of a model", model.v);
                d.sink.error(model.at, what);
            }
            // An entry that says no more than the name is the worker by that name.
            let says_more = worker.model.is_some()
                || worker.provider.is_some()
                || !worker.capabilities.is_empty();
            if !says_more && worker.cli.as_ref().is_some_and(|c| c.v == *name) {
                continue;
            }
            workers.add(Worker {
                name: name.clone(),
                run: worker.run.clone(),
                cli: worker.cli.as_ref().map(|c| c.v.clone()),
                model: worker.model.as_ref().map(|m| m.v.clone()),
                provider: worker.provider.as_ref().map(|p| p.v.clone()),
                provider_stated: worker.provider.is_some(),
                capabilities: worker.capabilities.iter().map(|c| c.v.clone()).collect(),
                served: None,
            });
            workers
                .places
                .push(worker.cli.as_ref().map_or(worker.at, |c| c.at));
        }
        workers.declared = workers.all.len();
        workers
    }

    /// Whether an agent program is known by this name.
    fn knows(&self, cli: &str) -> bool {
        match &self.catalog {
            Some(catalog) => catalog.get(cli).is_some(),
            // The built-in files are read only where one of them is used.
            None => Catalog::built_in_names().any(|name| name == cli),
        }
    }

    /// Returns the adapter of a worker; none for a command.
    pub fn adapter(&self, ix: WorkerIx) -> Option<&Adapter> {
        self.adapter_of(&self.all[ix.ix()])
    }

    fn adapter_of(&self, worker: &Worker) -> Option<&Adapter> {
        let catalog = self.catalog.as_ref();
        let cli = worker.cli.as_deref()?;
        catalog.unwrap_or_else(|| Catalog::built_in()).get(cli)
    }

    /// Reports a name that is no worker; `declared` are names that could be meant too.
    fn unknown<'c>(
        &'c self,
        d: &mut Decoder,
        what: &str,
        name: &Sp<String>,
        declared: &'c [&'c str],
    ) {
        if WITHOUT_ADAPTER.contains(&name.v.as_str()) {
            d.sink
                .error(name.at, format!("there is no adapter for `{}`", name.v))
                .help(format!(
                    "write one (docs/agents.md), or give its command: [worker.{}] run = [\"…\"]",
                    name.v
                ));
            return;
        }
        let declared = declared.iter().copied();
        let programs = (self.catalog.iter().flat_map(Catalog::iter)).map(|a| a.id.as_str());
        let built_in = Catalog::built_in_names().map(|name| -> &'c str { name });
        let known = declared.chain(programs).chain(built_in);
        d.unknown(what, name, known);
    }

    /// Returns the memory of an agent program in bytes where nobody states it.
    pub fn ram(&self, ix: Option<WorkerIx>) -> u64 {
        let adapter = ix.and_then(|ix| self.adapter(ix));
        adapter.map_or(CODING_RAM, |a| a.ram_bytes)
    }

    /// Returns the workers that state a capability, in their order, or reports that there is none.
    pub fn able(&self, d: &mut Decoder, capability: &Sp<String>) -> Vec<(WorkerIx, String)> {
        let able = |worker: &Worker| worker.capabilities.contains(&capability.v);
        let all = self.all.iter().enumerate();
        let able: Vec<(WorkerIx, String)> = all
            .filter(|(_, worker)| able(worker))
            .map(|(i, worker)| (WorkerIx::of(i), worker.name.clone()))
            .collect();
        if able.is_empty() {
            let known = self.all.iter().flat_map(|worker| &worker.capabilities);
            let meant = d.suggest.nearest(&capability.v, known.map(String::as_str));
            let message = format!("no worker has the capability `{}`", capability.v);
            let found = d.sink.error(capability.at, message).meant(meant);
            if meant.is_none() {
                let name = &capability.v;
                found.help(format!(
                    "state it: [worker.NAME] capabilities = [\"{name}\"]"
                ));
            }
        }
        able
    }

    /// Reports workers of an agent that cannot ask what the plan wants them to.
    pub fn can_ask(&self, d: &mut Decoder, ask: &Sp<Ask>, workers: &[(WorkerIx, String)]) {
        // A run of before is read as it was: its attempts were refused one by one.
        if ask.v == Ask::default() || self.recorded {
            return;
        }
        for (ix, name) in workers {
            let able = match self.adapter(*ix) {
                Some(adapter) => adapter.asks(ask.v),
                // A command is told nothing, so it asks nothing.
                None => ask.v != Ask::Always,
            };
            if !able {
                let catalog = self.catalog.as_ref();
                let all = catalog.unwrap_or_else(|| Catalog::built_in()).iter();
                let asking = all.filter(|a| a.asks(ask.v)).map(|a| a.id.as_str());
                let asking: Vec<&str> = asking.collect();
                let what = match ask.v {
                    Ask::Always => "ask about everything that it does",
                    Ask::Outside => "ask about what is outside of its scope",
                    Ask::Never => "be started so that it asks nothing",
                };
                d.sink
                    .error(ask.at, format!("worker `{name}` cannot {what}"))
                    .help(format!(
                        "state ask = \"outside\" or \"never\", or a worker that asks: {}",
                        asking.join(", ")
                    ));
            }
        }
    }

    fn add(&mut self, mut worker: Worker) -> WorkerIx {
        let model = worker.model.as_ref();
        let model = model.and_then(|m| self.models.binary_search_by(|of| of.id.cmp(m)).ok());
        if let Some(at) = model {
            worker.served = Some(ModelIx::of(at));
            // All that ask one server wait for it together.
            worker.provider = worker.provider.or_else(|| Some(self.models[at].resource()));
        }
        if worker.provider.is_none() {
            let adapter = self.adapter_of(&worker);
            worker.provider = adapter.map(|a| a.provider_of(worker.model.as_deref()));
        }
        let ix = WorkerIx::of(self.all.len());
        self.by_name.insert(worker.name.clone(), ix);
        self.all.push(worker);
        ix
    }

    /// Returns a worker by its name, or reports that there is none.
    pub fn find(&mut self, d: &mut Decoder, raw: &RawPlan, name: &Sp<String>) -> Option<WorkerIx> {
        if let Some(ix) = self.by_name.get(&name.v) {
            return Some(*ix);
        }
        let (cli, model) = match name.v.split_once(':') {
            Some((cli, model)) => (cli, Some(model)),
            None => (name.v.as_str(), None),
        };
        if !self.knows(cli) {
            let declared: Vec<&str> = raw.workers.keys().map(String::as_str).collect();
            let wanted = if model.is_some() {
                Sp::new(name.at, cli.to_owned())
            } else {
                name.clone()
            };
            self.unknown(d, "worker", &wanted, &declared);
            return None;
        }
        if model.is_some_and(|m| m.is_empty() || !(self.recorded || is_name(m))) {
            d.sink.error(
                name.at,
                format!("worker `{}` names no model after `:`", name.v),
            );
            return None;
        }
        self.places.push(name.at);
        let worker = Worker {
            name: name.v.clone(),
            run: None,
            cli: Some(cli.to_owned()),
            model: model.map(str::to_owned),
            ..Worker::default()
        };
        Some(self.add(worker))
    }

    /// Returns the model that a worker works with, where a server holds it.
    pub fn model_of(&self, ix: WorkerIx) -> Option<&Model> {
        self.models.get(self.all[ix.ix()].served?.ix())
    }

    /// Returns a model by its name.
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.id == name)
    }

    /// Returns a worker.
    pub fn get(&self, ix: WorkerIx) -> &Worker {
        &self.all[ix.ix()]
    }

    /// Drops what was used by name alone and is used no more; returns the workers, and the models of the plan and of
    /// those workers.
    pub fn finish(
        mut self,
        d: &mut Decoder,
        raw: &RawPlan,
        agents: &mut [Agent],
    ) -> (Vec<Worker>, Vec<Model>) {
        let mut used = vec![false; self.all.len()];
        for ix in agents
            .iter()
            .flat_map(|a| &a.modes)
            .filter_map(|m| m.worker)
        {
            used[ix.ix()] = true;
        }
        for (i, worker) in self.all.iter().enumerate().filter(|(i, _)| used[*i]) {
            let Some(model) = &worker.model else { continue };
            let at = raw.workers.get(&worker.name).and_then(|w| w.model.as_ref());
            let at = at.map_or(self.places[i], |m| m.at);
            if worker.served.is_some() {
                let adapter = self.adapter_of(worker);
                if let Some(adapter) = adapter.filter(|a| a.local.is_none()) {
                    let all = self.catalog.as_ref().unwrap_or_else(|| Catalog::built_in());
                    let able = all.iter().filter(|a| a.local.is_some());
                    let able: Vec<&str> = able.map(|a| a.id.as_str()).collect();
                    let what = format!("`{}` cannot be sent to a model's server", adapter.id);
                    let help = format!("these can: {}", able.join(", "));
                    d.sink.error(at, what).help(help);
                }
            } else if worker.cli.is_some() {
                let known = self.models.iter().map(|m| m.id.as_str());
                if let Some(meant) = d.suggest.nearest(model, known) {
                    d.sink
                        .warning(at, format!("model `{model}` is not declared in [model.…]"))
                        .meant(Some(meant));
                }
            }
        }
        let asked = agents.iter().flat_map(|a| &a.modes);
        let asked: BTreeSet<String> = asked.flat_map(|m| m.uses.keys().cloned()).collect();
        let mut models = Vec::with_capacity(self.models.len());
        let mut moved = Vec::with_capacity(self.models.len());
        for model in std::mem::take(&mut self.models) {
            moved.push(ModelIx::of(models.len()));
            if raw.models.contains_key(&model.id) || asked.contains(&model.resource()) {
                models.push(model);
            }
        }
        for worker in &mut self.all {
            worker.served = worker.served.map(|ix| moved[ix.ix()]);
        }
        if used[self.declared..].iter().all(|u| *u) {
            return (self.all, models);
        }
        let mut renumbered = Vec::with_capacity(self.all.len());
        let mut kept: Vec<Worker> = Vec::new();
        for (i, worker) in self.all.drain(..).enumerate() {
            renumbered.push(WorkerIx::of(kept.len()));
            if i < self.declared || used[i] {
                kept.push(worker);
            }
        }
        for mode in agents.iter_mut().flat_map(|a| &mut a.modes) {
            mode.worker = mode.worker.map(|w| renumbered[w.ix()]);
        }
        (kept, models)
    }
}
