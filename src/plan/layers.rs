//! One agent from its layers: overrides, its own table, track, phase, defaults, built-in values.
//!
//! Must not look at other agents: what belongs between agents is in `build.rs`.

use std::collections::BTreeMap;

use super::build::Stack;
use super::decode::Decoder;
use super::diag::{At, Sp};
use super::id::{AgentId, GateIx, TrackIx, WorkerIx};
use super::layers_work::Together;
use super::model::{Agent, AgentMode, Limits, Retry, SubAgents, Work};
use super::raw::{RawPlan, RawUnbuilt};
use super::spec::{AgentSpec, SimSpec};
use super::tables::resolve_gates;
use super::units::{self, SECOND_US};
use super::vars;
use super::workers::Workers;
use crate::agents::Ask;

/// Duration where nobody states one, in microseconds.
pub(super) const GUESSED_DURATION: u64 = 600 * SECOND_US;
/// Memory of a coding agent where nobody states it and no adapter knows it, in bytes.
pub(super) const CODING_RAM: u64 = units::GIB;
/// Processors of a coding agent where nobody states them, in thousandths.
pub(super) const CODING_CPUS: u64 = 1_000;
/// Longest run of an agent with a prompt where nobody states it, in microseconds.
pub(crate) const WORKER_TIMEOUT: u64 = 7_200 * SECOND_US;
/// Delay before the first retry where nobody states it, in microseconds.
pub(crate) const RETRY_BASE: u64 = 5 * SECOND_US;

/// What is needed to build agents.
pub(crate) struct Layers<'a> {
    pub raw: &'a RawPlan,
    pub limits: &'a Limits,
    pub gates: &'a BTreeMap<&'a str, GateIx>,
    pub workers: &'a mut Workers,
    pub read: &'a mut dyn FnMut(&str) -> Result<String, String>,
    /// Prompt files that were read.
    pub prompts: BTreeMap<String, Result<String, String>>,
}

/// An agent without its place, parent and needs, and its keys that are not built.
pub(crate) struct Built {
    pub agent: Agent,
    pub carried: Vec<RawUnbuilt>,
}

/// What decides over the values that nobody states.
#[derive(Clone, Copy)]
pub(super) enum Kind<'s> {
    Command,
    Sim(&'s SimSpec),
    Coding,
    Group,
}

pub(super) fn pick<'s, T>(
    stack: &[&'s AgentSpec],
    of: impl Fn(&'s AgentSpec) -> Option<T>,
) -> Option<T> {
    stack.iter().find_map(|s| of(s))
}

/// What an agent executes, and the layer that says so.
pub(super) struct Chosen<'s> {
    pub(super) work: Work,
    pub(super) sim: Option<&'s SimSpec>,
    /// Position of the layer in the stack.
    pub(super) layer: usize,
    pub(super) prompt: bool,
    /// Nothing to run: a parent.
    pub(super) group: bool,
}

impl Layers<'_> {
    /// Builds one agent; the stack holds its own table behind its overrides.
    pub fn agent(
        &mut self,
        d: &mut Decoder,
        stack: &Stack<'_>,
        track: Option<TrackIx>,
        has_parts: bool,
    ) -> Built {
        let own = stack
            .iter()
            .find(|s| s.id.is_some())
            .copied()
            .unwrap_or(stack[0]);
        let id = own.id.as_ref().map_or("", |id| id.v.as_str());
        let chosen = self.work(d, stack, id, has_parts);
        let workers = self.workers_of(d, stack, id, &chosen);
        let modes = self.modes(d, stack, id, &chosen, &workers);
        let ask = pick(stack, |s| s.ask.as_ref());
        if let Some(ask) = ask {
            self.workers.can_ask(d, ask, &workers);
        }
        let retry = Retry {
            attempts: pick(stack, |s| s.attempts).unwrap_or(if chosen.prompt { 2 } else { 1 }),
            base_us: pick(stack, |s| s.base).unwrap_or(RETRY_BASE),
        };
        let timeout_us = match pick(stack, |s| s.timeout) {
            Some(0) => None,
            None if chosen.prompt => Some(WORKER_TIMEOUT),
            stated => stated,
        };
        let together = Together::of(d, stack, chosen.group, chosen.prompt);
        let gates = pick(stack, |s| s.gates.as_deref()).unwrap_or_default();
        let gates = resolve_gates(d, gates, self.gates);
        // A track's own priority stands where its defaults stand.
        let track = track.map(|t| &self.raw.tracks[t.ix()]);
        let of_track = |s: &AgentSpec| {
            track
                .filter(|t| std::ptr::eq(&raw const t.defaults, s))
                .and_then(|t| t.priority)
        };
        let ram_max = pick(stack, |s| s.ram_max.as_ref());
        // A guess is no promise.
        let stated = |m: &&AgentMode| !m.ram_guessed;
        let needs = modes.iter().filter(stated).map(|m| m.ram_bytes).max();
        if let (Some(max), Some(needs)) = (ram_max, needs)
            && max.v < needs
        {
            let found = (d.sink).error(
                max.at,
                format!("agent `{id}` needs more than its `ram_max`"),
            );
            found.help(format!("its `ram` is {}", units::show_size(needs)));
        }
        let agent = Agent {
            id: AgentId::from(id),
            title: pick(stack, |s| s.title.as_ref()).map_or_else(|| id.to_owned(), |t| t.v.clone()),
            phase: None,
            track: None,
            parent: None,
            sub_agents: pick(stack, |s| s.sub_agents.as_ref())
                .map_or(SubAgents::default(), |s| s.v),
            needs: Vec::new(),
            priority: pick(stack, |s| {
                s.priority.as_ref().map(|p| p.v).or_else(|| of_track(s))
            })
            .unwrap_or_default(),
            class: pick(stack, |s| s.class.as_ref().map(|c| c.v)).unwrap_or_default(),
            work: chosen.work,
            modes,
            capability: capability(stack).filter(|_| chosen.prompt),
            exclusive: pick(stack, |s| s.exclusive).unwrap_or(false) || together.alone(),
            timeout_us,
            ask: ask.map_or_else(Ask::default, |ask| ask.v),
            fails_when_asking: pick(stack, |s| s.fails_when_asking).unwrap_or(false),
            retry,
            quiet_us: pick(stack, |s| s.quiet).filter(|q| *q > 0),
            ram_max_bytes: ram_max.map(|m| m.v),
            check: pick(stack, |s| s.check.as_ref())
                .cloned()
                .unwrap_or_default(),
            gates,
            workspace: together.workspace,
            scope: together.scope,
            domains: together.domains,
            join: together.join,
            inputs: together.inputs,
            context_files: together.context_files,
            context_cap: together.context_cap,
            outputs: together.outputs,
        };
        Built {
            agent,
            carried: carried(stack, id),
        }
    }

    fn work<'s>(
        &mut self,
        d: &mut Decoder,
        stack: &[&'s AgentSpec],
        id: &str,
        has_parts: bool,
    ) -> Chosen<'s> {
        let mut chosen = Chosen {
            work: Work::Group,
            sim: None,
            layer: stack.len(),
            prompt: false,
            group: true,
        };
        let Some((layer, spec)) = stack.iter().enumerate().find(|(_, s)| s.has_work) else {
            if !has_parts {
                let own = stack.iter().find(|s| s.id.is_some()).unwrap_or(&stack[0]);
                d.sink
                    .error(own.id.as_ref().map_or(own.at, |i| i.at), format!("agent `{id}` has nothing to do"))
                    .help("state one of `run`, `sim`, `prompt` or `prompt_file`; only a parent may have none");
            }
            return chosen;
        };
        (chosen.layer, chosen.group) = (layer, false);
        let places: [(&str, Option<At>); 4] = [
            ("run", spec.run.as_ref().map(|r| r.at)),
            ("sim", spec.sim.as_ref().map(|s| s.at)),
            ("prompt", spec.prompt.as_ref().map(|p| p.at)),
            ("prompt_file", spec.prompt_file.as_ref().map(|p| p.at)),
        ];
        let mut stated: Vec<(&str, At)> = places
            .iter()
            .filter_map(|(n, a)| a.map(|a| (*n, a)))
            .collect();
        stated.sort_by_key(|(_, at)| *at);
        if let [(first, at), (second, other), ..] = stated[..] {
            d.sink
                .error(other, format!("both `{first}` and `{second}` are stated"))
                .help("an agent has one of `run`, `sim`, `prompt` and `prompt_file`")
                .related(at, format!("`{first}` is here"));
        }
        if let Some(run) = &spec.run {
            chosen.work = Work::Command(run.v.clone());
        } else if let Some(sim) = &spec.sim {
            chosen.sim = Some(&sim.v);
            let mut sim = sim.v.clone();
            // What the simulation leaves out, it takes from the agent.
            if !sim.duration {
                sim.sim.duration_us =
                    pick(stack, |s| s.own.duration.as_ref()).map_or(0, |t| t.v.expected_us);
            }
            if !sim.ram {
                sim.sim.ram_bytes = pick(stack, |s| s.own.ram.as_ref()).map_or(0, |r| r.v);
            }
            chosen.work = Work::Sim(sim.sim);
        } else if let Some(prompt) = &spec.prompt {
            chosen.prompt = true;
            chosen.work = Work::Prompt(prompt.v.clone());
        } else if let Some(file) = &spec.prompt_file {
            chosen.prompt = true;
            let item = stack.iter().find_map(|s| s.item.as_deref());
            chosen.work = Work::Prompt(self.prompt(d, file, item).unwrap_or_default());
        }
        chosen
    }

    /// Reads a prompt file, variables filled in; other `${…}` in it stay, they may be code.
    fn prompt(&mut self, d: &mut Decoder, file: &Sp<String>, item: Option<&str>) -> Option<String> {
        let read = &mut *self.read;
        let text = self
            .prompts
            .entry(file.v.clone())
            .or_insert_with(|| read(&file.v));
        let text = match text {
            Ok(text) => text,
            Err(why) => {
                d.sink
                    .error(
                        file.at,
                        format!("cannot read prompt file `{}`: {why}", file.v),
                    )
                    .help("prompt files are looked for from the folder of the plan");
                return None;
            }
        };
        if text.trim().is_empty() {
            d.sink
                .error(file.at, format!("prompt file `{}` is empty", file.v));
            return None;
        }
        let empty = vars::Vars::new();
        let known = d.vars.as_ref().unwrap_or(&empty);
        let mut unknown = Vec::new();
        let filled = vars::fill(text, known, item, &[], |problem| {
            if let vars::Problem::Unknown(name) = problem {
                unknown.push(name);
            }
        })
        .into_owned();
        for name in unknown {
            let meant = d.suggest.nearest(&name, known.keys().map(String::as_str));
            if meant.is_some() {
                d.sink
                    .warning(
                        file.at,
                        format!("prompt file `{}` uses `${{{name}}}`", file.v),
                    )
                    .meant(meant);
            }
        }
        Some(filled)
    }

    fn workers_of(
        &mut self,
        d: &mut Decoder,
        stack: &[&AgentSpec],
        id: &str,
        chosen: &Chosen<'_>,
    ) -> Vec<(WorkerIx, String)> {
        let layer = stack
            .iter()
            .position(|s| s.worker.is_some() || s.capability.is_some());
        if !chosen.prompt {
            // A default worker is for the agents with a prompt; beside a command it is a mistake.
            let beside = matches!(chosen.work, Work::Command(_) | Work::Sim(_));
            if let Some(layer) =
                layer.filter(|l| *l <= chosen.layer && beside && stack[*l].id.is_some())
            {
                let worker = stack[layer].worker.as_ref().and_then(|w| w.first());
                let worker = worker.map(|worker| (worker.at, "worker"));
                let able = stack[layer].capability.as_ref();
                if let Some((at, what)) = worker.or(able.map(|c| (c.at, "capability"))) {
                    let message = format!("agent `{id}` has a command or simulation and a {what}");
                    let found = d.sink.error(at, message);
                    found.help(format!("a {what} is for a `prompt`"));
                }
            }
            return Vec::new();
        }
        let of_modes = || -> Option<Vec<&Sp<String>>> {
            pick(stack, |s| s.modes.as_ref())
                .map(|m| m.iter().filter_map(|m| m.worker.as_ref()).collect())
        };
        let names: Vec<&Sp<String>> = match layer.map(|l| stack[l]) {
            Some(AgentSpec {
                worker: Some(workers),
                capability: Some(Sp { at, .. }),
                ..
            }) => {
                let found = d
                    .sink
                    .error(*at, "both `worker` and `capability` are stated");
                found.help("a capability stands in place of a worker");
                workers.iter().collect()
            }
            Some(AgentSpec {
                worker: Some(workers),
                ..
            }) => workers.iter().collect(),
            Some(AgentSpec {
                capability: Some(capability),
                ..
            }) => return self.workers.able(d, capability),
            Some(_) => return Vec::new(),
            None => of_modes().unwrap_or_default(),
        };
        if names.is_empty() {
            let own = stack.iter().find(|s| s.id.is_some()).unwrap_or(&stack[0]);
            if layer.is_none() {
                d.sink
                    .error(own.id.as_ref().map_or(own.at, |i| i.at), format!("agent `{id}` has a prompt and no worker"))
                    .help("worker = \"claude:sonnet\", or a [worker.…] of your own; [defaults] can state it for all");
            }
        }
        names
            .iter()
            .filter_map(|n| {
                self.workers
                    .find(d, self.raw, n)
                    .map(|ix| (ix, n.v.clone()))
            })
            .collect()
    }
}

/// The capability that an agent's worker must have, where the strongest layer that names either names that.
fn capability(stack: &[&AgentSpec]) -> Option<String> {
    let layer = stack
        .iter()
        .find(|s| s.worker.is_some() || s.capability.is_some())?;
    let stated = layer.capability.as_ref().filter(|_| layer.worker.is_none());
    stated.map(|capability| capability.v.clone())
}

/// Collects the keys that are not built, each from the strongest layer that states it.
fn carried(stack: &[&AgentSpec], id: &str) -> Vec<RawUnbuilt> {
    let mut seen: Vec<&str> = Vec::new();
    let mut all = Vec::new();
    for carried in stack.iter().flat_map(|s| &s.carried) {
        if seen.contains(&carried.key) {
            continue;
        }
        seen.push(carried.key);
        if !carried.help.is_empty() {
            let path = vec!["agent".to_owned(), id.to_owned(), carried.key.to_owned()];
            all.push(RawUnbuilt {
                path,
                at: carried.at,
                toml: carried.toml.clone(),
                help: carried.help,
            });
        }
    }
    all
}
