//! The workers of a plan: declared ones, and coding agents that are used by name alone.
//!
//! Must not decide which worker an agent gets.

use std::collections::BTreeMap;

use super::decode::Decoder;
use super::diag::{At, Sp};
use super::id::WorkerIx;
use super::layers::CODING_RAM;
use super::model::{Agent, Worker};
use super::raw::{RawPlan, RawUnbuilt};
use crate::agents::{Catalog, WITHOUT_ADAPTER};

/// All workers while agents are built.
pub(crate) struct Workers {
    all: Vec<Worker>,
    by_name: BTreeMap<String, WorkerIx>,
    /// Where each was declared, or first used.
    places: Vec<At>,
    declared: usize,
    /// Agent programs beside the built-in ones, with their memory.
    programs: BTreeMap<String, u64>,
}

impl Workers {
    /// Takes the declared ones in the order of their names.
    pub fn new(d: &mut Decoder, raw: &RawPlan, programs: &BTreeMap<String, u64>) -> Self {
        let mut workers = Self {
            all: Vec::new(),
            by_name: BTreeMap::new(),
            places: Vec::new(),
            declared: 0,
            programs: programs.clone(),
        };
        for (name, worker) in &raw.workers {
            if let Some(cli) = worker.cli.as_ref().filter(|c| !workers.knows(&c.v)) {
                workers.unknown(d, "agent program", cli, &[]);
            }
            // An entry that says no more than the name is the worker by that name.
            if worker.model.is_none() && worker.cli.as_ref().is_some_and(|c| c.v == *name) {
                continue;
            }
            workers.add(Worker {
                name: name.clone(),
                run: worker.run.clone(),
                cli: worker.cli.as_ref().map(|c| c.v.clone()),
                model: worker.model.as_ref().map(|m| m.v.clone()),
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
        self.programs.contains_key(cli) || Catalog::built_in_names().any(|name| name == cli)
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
        let programs = self.programs.keys().map(String::as_str);
        let built_in = Catalog::built_in_names().map(|name| -> &'c str { name });
        let known = declared.chain(programs).chain(built_in);
        d.unknown(what, name, known);
    }

    /// Returns the memory of an agent program in bytes where nobody states it.
    pub fn ram(&self, ix: Option<WorkerIx>) -> u64 {
        let cli = ix.and_then(|ix| self.get(ix).cli.as_deref());
        let built_in = |cli| Catalog::built_in().get(cli).map(|a| a.ram_bytes);
        cli.and_then(|cli| self.programs.get(cli).copied().or_else(|| built_in(cli)))
            .unwrap_or(CODING_RAM)
    }

    fn add(&mut self, worker: Worker) -> WorkerIx {
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
        if model.is_some_and(|m| m.is_empty() || m.chars().any(|c| c.is_control() || c == ' ')) {
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
        };
        Some(self.add(worker))
    }

    /// Returns a worker.
    pub fn get(&self, ix: WorkerIx) -> &Worker {
        &self.all[ix.ix()]
    }

    /// Drops what was used by name alone and is used no more, and collects what is not built.
    pub fn finish(
        mut self,
        d: &mut Decoder,
        raw: &RawPlan,
        agents: &mut [Agent],
        unbuilt: &mut Vec<RawUnbuilt>,
    ) -> Vec<Worker> {
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
            if let Some((_, toml)) = raw.models.get(model) {
                let path = vec!["model".to_owned(), model.clone()];
                let at = raw
                    .workers
                    .get(&worker.name)
                    .and_then(|w| w.model.as_ref())
                    .map_or(self.places[i], |m| m.at);
                let help = "leave the model out: this version starts no model server";
                unbuilt.push(RawUnbuilt {
                    path,
                    at,
                    toml: toml.clone(),
                    help,
                });
            } else if worker.cli.is_some() {
                let meant = d
                    .suggest
                    .nearest(model, raw.models.keys().map(String::as_str));
                if meant.is_some() {
                    let at = raw.workers.get(&worker.name).and_then(|w| w.model.as_ref());
                    let at = at.map_or(self.places[i], |m| m.at);
                    d.sink
                        .warning(at, format!("model `{model}` is not declared in [model.…]"))
                        .meant(meant);
                }
            }
        }
        for mode in agents.iter().flat_map(|a| &a.modes) {
            // A model's slots are a resource by its name.
            for (name, (at, toml)) in mode.uses.keys().filter_map(|k| raw.models.get_key_value(k)) {
                let path = vec!["model".to_owned(), name.clone()];
                let help =
                    "declare the slots in limits.resources: this version starts no model server";
                unbuilt.push(RawUnbuilt {
                    path,
                    at: *at,
                    toml: toml.clone(),
                    help,
                });
            }
        }
        if used[self.declared..].iter().all(|u| *u) {
            return self.all;
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
        kept
    }
}
