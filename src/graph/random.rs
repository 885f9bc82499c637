//! Random checked plans for property tests: every feature, reproducible from a seed.

use std::collections::BTreeMap;

use crate::plan::{
    Agent, AgentId, AgentIx, AgentMode, Class, Duration, Gate, GateIx, Join, Limits, MergeSpec,
    Mode, Need, NeedKind, Phase, PhaseIx, Plan, Priority, RamLimit, Retry, SubAgents, Track,
    TrackIx, When, Work, Worker, WorkerIx, Workspace, WorkspaceSpec,
};

/// SplitMix64: small, seeded, good enough.
#[derive(Debug, Clone)]
pub(crate) struct Rng(pub u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const SECOND: u64 = 1_000_000;

/// A plan without agents.
pub(crate) fn empty() -> Plan {
    Plan {
        version: 1,
        name: "random".into(),
        goal: None,
        base: "HEAD".into(),
        mode: Mode::Hybrid,
        limits: Limits::default(),
        phases: Vec::new(),
        tracks: Vec::new(),
        workers: Vec::new(),
        gates: Vec::new(),
        leases: BTreeMap::new(),
        run_gates: Vec::new(),
        wave_gates: BTreeMap::new(),
        verify: Vec::new(),
        workspace: WorkspaceSpec::default(),
        merge: MergeSpec::default(),
        domains: BTreeMap::new(),
        require_sandbox: false,
        agents: Vec::new(),
        unbuilt: Vec::new(),
    }
}

/// A way to do an agent.
pub(crate) fn mode(seconds: u64, mib: u64) -> AgentMode {
    AgentMode {
        worker: None,
        duration: Duration {
            min_us: seconds * SECOND,
            expected_us: seconds * SECOND,
            max_us: seconds * SECOND,
            guessed: false,
        },
        ram_bytes: mib * MIB,
        ram_guessed: false,
        cpus_milli: 0,
        uses: BTreeMap::new(),
        spends: BTreeMap::new(),
        tokens: 0,
        terminal: false,
    }
}

/// A command that takes so many seconds and MiB.
pub(crate) fn agent(id: &str, seconds: u64, mib: u64) -> Agent {
    Agent {
        id: AgentId::from(id),
        title: id.into(),
        phase: None,
        track: None,
        parent: None,
        sub_agents: SubAgents::Parallel,
        needs: Vec::new(),
        priority: Priority::Normal,
        class: Class::Implementation,
        work: Work::Command(vec!["true".into()]),
        modes: vec![mode(seconds, mib)],
        capability: None,
        exclusive: false,
        timeout_us: None,
        ask: crate::agents::Ask::Outside,
        fails_when_asking: false,
        retry: Retry {
            attempts: 1,
            base_us: 0,
        },
        quiet_us: None,
        ram_max_bytes: None,
        check: Vec::new(),
        gates: Vec::new(),
        workspace: Workspace::Shared,
        scope: None,
        domains: Vec::new(),
        join: Join::default(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        context_files: Vec::new(),
        context_cap: None,
    }
}

/// An edge into an agent.
pub(crate) fn need(agent: usize, kind: NeedKind, when: When) -> Need {
    Need {
        agent: AgentIx::of(agent),
        kind,
        when,
        files: Vec::new(),
        check: Vec::new(),
    }
}

/// A hard need on success.
pub(crate) fn hard(agent: usize) -> Need {
    need(agent, NeedKind::Hard, When::Succeeded)
}

/// A phase.
pub(crate) fn phase(id: &str, barrier: bool, gates: Vec<GateIx>) -> Phase {
    Phase {
        id: id.into(),
        title: id.into(),
        barrier: barrier || !gates.is_empty(),
        gates,
    }
}

/// A track.
pub(crate) fn track(id: &str, priority: Priority) -> Track {
    Track {
        id: id.into(),
        title: id.into(),
        priority,
        gates: Vec::new(),
    }
}

/// A gate.
pub(crate) fn gate(id: &str) -> Gate {
    Gate {
        id: id.into(),
        title: id.into(),
        run: vec![vec!["true".into()]],
        ram_bytes: 0,
        approve: None,
        repeat: 0,
        base: crate::plan::Compare::Asked,
    }
}

/// A worker by name.
pub(crate) fn worker(name: &str) -> Worker {
    Worker {
        name: name.into(),
        run: None,
        cli: Some(name.into()),
        ..Worker::default()
    }
}

/// A plan in layers without other features, for timing.
pub(crate) fn layered(agents: usize, width: usize, needs: u64, seed: u64) -> Plan {
    let mut rng = Rng(seed);
    let mut plan = empty();
    for i in 0..agents {
        let mut a = agent(&format!("n{i}"), 1 + rng.below(600), 64 + rng.below(2048));
        let from = (i / width).saturating_sub(1) * width;
        if i >= width {
            let mut picked: Vec<usize> = (0..=rng.below(needs))
                .map(|_| from + rng.below(width as u64) as usize)
                .collect();
            picked.sort_unstable();
            picked.dedup();
            a.needs = picked.into_iter().map(hard).collect();
        }
        plan.agents.push(a);
    }
    plan
}

/// A checked plan with every feature that order and limits know of.
pub(crate) fn plan(seed: u64) -> Plan {
    let mut rng = Rng(seed);
    let mut plan = empty();
    plan.mode =
        [Mode::Hybrid, Mode::Hybrid, Mode::Parallel, Mode::Sequential][rng.below(4) as usize];
    let agents = 1 + rng.below(40) as usize;
    let phases = rng.below(4) as usize;
    let tracks = rng.below(4) as usize;
    plan.gates = vec![gate("gate-1"), gate("gate-2")];
    plan.workers = vec![worker("big"), worker("small")];
    for i in 0..phases {
        let gates = if rng.chance(25) {
            vec![GateIx(0)]
        } else {
            Vec::new()
        };
        plan.phases
            .push(phase(&format!("p{i}"), rng.chance(25), gates));
    }
    for i in 0..tracks {
        plan.tracks.push(track(&format!("t{i}"), Priority::Normal));
    }
    for i in 0..agents {
        let mut a = agent(&format!("a{i}"), rng.below(60), 50 + rng.below(900));
        // Phases follow plan order, so that no need leads against a barrier.
        if phases > 0 && rng.chance(85) {
            a.phase = Some(PhaseIx::of(i * phases / agents));
        }
        if tracks > 0 && rng.chance(80) {
            a.track = Some(TrackIx::of(rng.below(tracks as u64) as usize));
        }
        a.priority = [
            Priority::Critical,
            Priority::High,
            Priority::Normal,
            Priority::Low,
        ][rng.below(4) as usize];
        a.class = [
            Class::Security,
            Class::Architecture,
            Class::Implementation,
            Class::Docs,
        ][rng.below(4) as usize];
        a.exclusive = rng.chance(8);
        if i > 0 && rng.chance(20) {
            let parent = rng.below(i as u64) as usize;
            a.parent = Some(AgentIx::of(parent));
            a.phase = plan.agents[parent].phase;
            if plan.agents[parent].parent.is_none() && rng.chance(40) {
                plan.agents[parent].work = Work::Group;
                plan.agents[parent].modes = vec![mode(0, 0)];
                plan.agents[parent].exclusive = false;
            }
            if rng.chance(30) {
                plan.agents[parent].sub_agents = SubAgents::Sequential;
            }
        }
        for _ in 0..rng.below(4) {
            if i == 0 {
                break;
            }
            let from = rng.below(i as u64) as usize;
            let soft = rng.chance(20);
            let when = match rng.below(12) {
                0 => When::Failed,
                1 => When::Skipped,
                2 => When::Ended,
                3 => When::Output("out.txt".into()),
                _ => When::Succeeded,
            };
            let (kind, when) = if soft {
                (NeedKind::Soft, When::Succeeded)
            } else {
                (NeedKind::Hard, when)
            };
            a.needs.push(need(from, kind, when));
        }
        if rng.chance(15) {
            a.needs.push(need(
                rng.below(agents as u64) as usize,
                NeedKind::Soft,
                When::Succeeded,
            ));
        }
        a.needs.retain(|need| need.agent.ix() != i);
        let first = &mut a.modes[0];
        first.cpus_milli = rng.below(3) * 500;
        first.tokens = rng.below(4) * 10_000;
        first.duration.guessed = rng.chance(20);
        if rng.chance(20) {
            first.uses.insert("gpu".into(), 1);
        }
        if rng.chance(20) {
            first.spends.insert("requests".into(), rng.below(20));
        }
        if rng.chance(30) {
            let mut second = first.clone();
            second.worker = Some(WorkerIx(1));
            first.worker = Some(WorkerIx(0));
            first.ram_bytes *= 3;
            second.duration.expected_us = second.duration.expected_us * 3 / 2;
            second.duration.max_us = second.duration.expected_us;
            a.work = Work::Prompt("do it".into());
            a.modes.push(second);
        }
        plan.agents.push(a);
    }
    // A group has no work, whatever it was given before it became one.
    for a in plan.agents.iter_mut().filter(|a| a.work == Work::Group) {
        a.modes = vec![mode(0, 0)];
    }
    // Descendants of a descendant's ancestor: a need of a parent on its own sub-agent cannot be, as
    // needs lead to earlier agents and parents are earlier than their sub-agents. What is left are
    // knots through the close of a parent; the ones that close are taken out.
    loop {
        let knot = super::Graph::new(&plan).cycle().to_vec();
        if knot.is_empty() {
            break;
        }
        for ix in knot {
            plan.agents[ix.ix()].needs.clear();
            plan.agents[ix.ix()].sub_agents = SubAgents::Parallel;
        }
    }
    let limits = &mut plan.limits;
    limits.ram = Some(RamLimit::Bytes((1_000 + rng.below(3_000)) * MIB));
    limits.agents = rng.chance(70).then(|| 1 + rng.below(8) as u32);
    limits.cpus_milli = rng.chance(50).then(|| 1_000 + rng.below(4) * 1_000);
    limits.tracks = rng.chance(30).then(|| 1 + rng.below(3) as u32);
    limits.tokens_per_minute = rng.chance(30).then(|| 20_000 + rng.below(100_000));
    limits.resources.insert("gpu".into(), 1 + rng.below(2));
    limits.budgets.insert("requests".into(), 1_000);
    if rng.chance(30) {
        limits.per_priority.insert(Priority::Low, 1);
        limits.per_priority.insert(Priority::Normal, 2);
    }
    if rng.chance(30) && phases > 0 {
        limits.per_phase.insert(PhaseIx(0), 2);
    }
    if rng.chance(30) && tracks > 0 {
        limits.per_track.insert(TrackIx(0), 1);
    }
    if rng.chance(30) {
        limits.per_wave.insert(1, 2);
        limits.per_wave.insert(2, 1);
    }
    plan
}
