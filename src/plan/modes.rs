//! The ways to do one agent: time, memory and the like by worker, and whether they fit the limits.
//!
//! Must not look beyond the plan's own limits: the machine is not known here.

use std::collections::BTreeMap;

use super::build::COMMAND_RAM;
use super::decode::Decoder;
use super::diag::{At, Sp};
use super::id::WorkerIx;
use super::layers::{CODING_CPUS, Chosen, GUESSED_DURATION, Kind, Layers, pick};
use super::model::{AgentMode, Duration, Limits, RamLimit};
use super::spec::{AgentSpec, ModeSpec};
use super::units;

impl Layers<'_> {
    pub(super) fn modes(
        &mut self,
        d: &mut Decoder,
        stack: &[&AgentSpec],
        id: &str,
        chosen: &Chosen<'_>,
        workers: &[(WorkerIx, String)],
    ) -> Vec<AgentMode> {
        let specs = pick(stack, |s| s.modes.as_deref()).unwrap_or_default();
        for (i, spec) in specs.iter().enumerate() {
            let Some(name) = &spec.worker else { continue };
            if !chosen.prompt {
                d.sink
                    .error(
                        name.at,
                        format!("agent `{id}` has no prompt, so it has no modes"),
                    )
                    .help("state duration, ram and the like in the agent itself");
            } else if !workers.iter().any(|(_, w)| *w == name.v) {
                d.unknown(
                    "worker of this agent",
                    name,
                    workers.iter().map(|(_, w)| w.as_str()),
                );
            } else if let Some(first) = specs[..i]
                .iter()
                .filter_map(|s| s.worker.as_ref())
                .find(|w| w.v == name.v)
            {
                d.sink
                    .error(name.at, format!("a second mode for worker `{}`", name.v))
                    .related(first.at, "the first one is here");
            }
        }
        let mut places = Vec::new();
        let mut modes = Vec::new();
        let none = ModeSpec::default();
        if workers.is_empty() {
            let kind = match (chosen.sim, chosen.prompt, chosen.group) {
                (Some(sim), ..) => Kind::Sim(sim),
                (_, true, _) => Kind::Coding,
                (_, _, true) => Kind::Group,
                _ => Kind::Command,
            };
            modes.push(self.mode(d, stack, &none, kind, None, &mut places));
        }
        for (worker, name) in workers {
            let spec = specs
                .iter()
                .find(|s| s.worker.as_ref().is_some_and(|w| w.v == *name))
                .unwrap_or(&none);
            let kind = if self.workers.get(*worker).run.is_some() {
                Kind::Command
            } else {
                Kind::Coding
            };
            modes.push(self.mode(d, stack, spec, kind, Some(*worker), &mut places));
        }
        self.fit(d, stack, id, &modes, &places);
        modes
    }

    fn mode(
        &mut self,
        d: &mut Decoder,
        stack: &[&AgentSpec],
        spec: &ModeSpec,
        kind: Kind<'_>,
        worker: Option<WorkerIx>,
        places: &mut Vec<At>,
    ) -> AgentMode {
        let exactly = |us| Duration {
            min_us: us,
            expected_us: us,
            max_us: us,
            guessed: false,
        };
        if let Kind::Group = kind {
            for place in stack
                .iter()
                .filter(|s| s.id.is_some())
                .flat_map(|s| {
                    [
                        s.own.duration.as_ref().map(|t| t.at),
                        s.own.ram.as_ref().map(|r| r.at),
                        s.own.cpus.as_ref().map(|c| c.at),
                        s.own.terminal.as_ref().map(|t| t.at),
                    ]
                })
                .flatten()
            {
                d.sink.warning(
                    place,
                    "this agent has no work of its own: the value has no effect",
                );
            }
            places.push(At::NOWHERE);
            return AgentMode {
                worker: None,
                duration: exactly(0),
                ram_bytes: 0,
                ram_guessed: false,
                cpus_milli: 0,
                uses: BTreeMap::new(),
                spends: BTreeMap::new(),
                tokens: 0,
                terminal: false,
            };
        }
        let duration = spec
            .duration
            .as_ref()
            .or_else(|| pick(stack, |s| s.own.duration.as_ref()));
        let ram = spec
            .ram
            .as_ref()
            .or_else(|| pick(stack, |s| s.own.ram.as_ref()));
        let cpus = spec
            .cpus
            .as_ref()
            .or_else(|| pick(stack, |s| s.own.cpus.as_ref()));
        let uses = spec
            .uses
            .as_ref()
            .or_else(|| pick(stack, |s| s.own.uses.as_ref()));
        let spends = spec
            .spends
            .as_ref()
            .or_else(|| pick(stack, |s| s.own.spends.as_ref()));
        let tokens = spec
            .tokens
            .as_ref()
            .or_else(|| pick(stack, |s| s.own.tokens.as_ref()));
        // What stands in the agent or its groups is meant for the agent; a worker says what it needs.
        let terminal = spec
            .terminal
            .as_ref()
            .or_else(|| pick(stack, |s| s.own.terminal.as_ref()))
            .map(|t| t.v)
            .or_else(|| {
                let name = &self.workers.get(worker?).name;
                self.raw.workers.get(name)?.terminal
            })
            .unwrap_or(false);
        let (guess_duration, guess_ram, guess_cpus) = match kind {
            Kind::Sim(sim) => (exactly(sim.sim.duration_us), (sim.sim.ram_bytes, false), 0),
            Kind::Coding => (
                Duration {
                    guessed: true,
                    ..exactly(GUESSED_DURATION)
                },
                (self.workers.ram(worker), true),
                CODING_CPUS,
            ),
            Kind::Command | Kind::Group => (
                Duration {
                    guessed: true,
                    ..exactly(GUESSED_DURATION)
                },
                (COMMAND_RAM, true),
                0,
            ),
        };
        let (ram_bytes, ram_guessed) = ram.map_or(guess_ram, |r| (r.v, false));
        let mut amounts = self.amounts(d, uses, true);
        if let Some(model) = worker.and_then(|worker| self.workers.model_of(worker)) {
            let slots = amounts.entry(model.resource()).or_insert(1);
            *slots = (*slots).max(1);
        }
        let mode = AgentMode {
            worker,
            duration: duration.map_or(guess_duration, |t| t.v),
            ram_bytes,
            ram_guessed,
            cpus_milli: cpus.map_or(guess_cpus, |c| c.v),
            uses: amounts,
            spends: self.amounts(d, spends, false),
            tokens: tokens.map_or(0, |t| t.v),
            terminal,
        };
        // Where to point at if this mode does not fit: at what is too large.
        let cpus_over = self.limits.cpus_milli.is_some_and(|l| mode.cpus_milli > l);
        let tokens_over = self.limits.tokens.is_some_and(|l| mode.tokens > l);
        let over = |all: Option<&BTreeMap<String, Sp<u64>>>, of: &BTreeMap<String, u64>| {
            all.and_then(|m| {
                m.iter()
                    .find(|(k, n)| of.get(*k).is_some_and(|l| n.v > *l))
                    .map(|(_, n)| n.at)
            })
        };
        let place = match self.limits.ram {
            Some(RamLimit::Bytes(l)) if ram_bytes > l => ram.map(|r| r.at),
            _ if cpus_over => cpus.map(|c| c.at),
            _ if tokens_over => tokens.map(|t| t.at),
            _ => over(uses, &self.limits.resources).or_else(|| over(spends, &self.limits.budgets)),
        };
        places.push(
            place
                .or(spec.worker.as_ref().map(|w| w.at))
                .unwrap_or(At::NOWHERE),
        );
        mode
    }

    /// Checks that all names are declared in limits.
    fn amounts(
        &self,
        d: &mut Decoder,
        amounts: Option<&BTreeMap<String, Sp<u64>>>,
        uses: bool,
    ) -> BTreeMap<String, u64> {
        let (declared, what, key) = if uses {
            (&self.limits.resources, "resource", "resources")
        } else {
            (&self.limits.budgets, "budget", "budgets")
        };
        let mut out = BTreeMap::new();
        for (name, amount) in amounts.into_iter().flatten() {
            if declared.contains_key(name) {
                out.insert(name.clone(), amount.v);
                continue;
            }
            // The name of a model alone means its slots.
            if let Some(model) = self.workers.model(name).filter(|_| uses) {
                out.insert(model.resource(), amount.v);
                continue;
            }
            let meant = d.suggest.nearest(name, declared.keys().map(String::as_str));
            let found = d
                .sink
                .error(amount.at, format!("unknown {what} `{name}`"))
                .meant(meant);
            if meant.is_none() {
                found.help(format!("declare it: [limits] {key} = {{ {name} = … }}"));
            }
        }
        out
    }

    fn fit(
        &self,
        d: &mut Decoder,
        stack: &[&AgentSpec],
        id: &str,
        modes: &[AgentMode],
        places: &[At],
    ) {
        let why: Vec<Option<String>> = modes.iter().map(|m| misfit(self.limits, m)).collect();
        let all = why.iter().all(Option::is_some);
        let own = stack.iter().find(|s| s.id.is_some()).unwrap_or(&stack[0]);
        let own = own.id.as_ref().map_or(own.at, |i| i.at);
        for ((why, place), mode) in why.into_iter().zip(places).zip(modes) {
            let Some(why) = why else { continue };
            let place = if *place == At::NOWHERE { own } else { *place };
            let name = mode.worker.map(|w| self.workers.get(w).name.as_str());
            if all {
                let by = name.map(|n| format!(" by `{n}`")).unwrap_or_default();
                d.sink
                    .error(place, format!("agent `{id}` does not fit{by}: {why}"))
                    .help("raise the limit, or lower the need");
            } else {
                let name = name.unwrap_or_default();
                d.sink.warning(
                    place,
                    format!("agent `{id}` does not fit by `{name}`, which is never chosen: {why}"),
                );
            }
        }
    }
}

/// Says why a mode can never run under the plan's own limits and budgets.
pub(super) fn misfit(limits: &Limits, mode: &AgentMode) -> Option<String> {
    if let Some(RamLimit::Bytes(limit)) = limits.ram
        && mode.ram_bytes > limit
    {
        let guessed = if mode.ram_guessed { "~" } else { "" };
        let (need, have) = (units::human_size(mode.ram_bytes), units::human_size(limit));
        return Some(format!(
            "it needs {guessed}{need} of memory, limits.ram is {have}"
        ));
    }
    if let Some(limit) = limits.cpus_milli.filter(|l| mode.cpus_milli > *l) {
        let (need, have) = (
            units::show_decimal(mode.cpus_milli, 3),
            units::show_decimal(limit, 3),
        );
        return Some(format!("it needs {need} processors, limits.cpus is {have}"));
    }
    if let Some(limit) = limits.tokens.filter(|l| mode.tokens > *l) {
        return Some(format!(
            "it uses {} tokens, limits.tokens is {limit}",
            mode.tokens
        ));
    }
    let over = |amounts: &BTreeMap<String, u64>, of: &BTreeMap<String, u64>| {
        amounts
            .iter()
            .find_map(|(k, n)| of.get(k).filter(|l| n > *l).map(|l| (k.clone(), *n, *l)))
    };
    if let Some((name, need, have)) = over(&mode.uses, &limits.resources) {
        return Some(format!(
            "it uses {need} of `{name}`, limits.resources has {have}"
        ));
    }
    let (name, need, have) = over(&mode.spends, &limits.budgets)?;
    Some(format!(
        "it spends {need} of `{name}`, limits.budgets has {have}"
    ))
}
