//! Random checked plans: every kind of need, limit, phase, gate, parent and mode.

use std::collections::BTreeMap;

use wavedeck::plan::{
    Agent, AgentId, AgentIx, AgentMode, Class, Compare, Domain, Duration, Gate, GateIx, Join,
    Limits, Mode, Need, NeedKind, Phase, PhaseIx, Plan, Priority, Retry, SubAgents, Track, TrackIx,
    When, Work, Worker, WorkerIx, Workspace,
};

use super::random::Random;

pub const RAM_LIMIT: u64 = 4 << 30;
pub const AGENTS_CAP: u32 = 5;
pub const CPUS_MILLI: u64 = 6_000;

const PRIORITIES: [Priority; 4] = [
    Priority::Critical,
    Priority::High,
    Priority::Normal,
    Priority::Low,
];
const CLASSES: [Class; 4] = [
    Class::Security,
    Class::Architecture,
    Class::Implementation,
    Class::Docs,
];

/// What the run may use up of what programs report; nothing in most runs.
fn spending(r: &mut Random, limits: &mut Limits, agents: &mut [Agent]) {
    if r.chance(25) {
        limits.tokens = Some(2_000 + r.below(60_000));
        for mode in agents.iter_mut().flat_map(|agent| &mut agent.modes) {
            mode.tokens = r.below(3) * 2_000;
        }
    }
    if r.chance(15) {
        limits.tokens_per_minute = Some(1_000 + r.below(30_000));
    }
}

/// Commands that agents lease memory for; none in most plans.
fn leases(r: &mut Random) -> BTreeMap<String, u64> {
    let mut leases = BTreeMap::new();
    if r.chance(40) {
        leases.insert("suite".to_owned(), (200 + r.below(1_800)) << 20);
        leases.insert("tool".to_owned(), (50 + r.below(500)) << 20);
    }
    leases
}

pub fn random(r: &mut Random) -> Plan {
    let most = if r.chance(10) { 60 } else { 14 };
    let count = 1 + r.below(most) as usize;
    let phases = if r.chance(60) { r.below(4) as usize } else { 0 };
    let tracks = if r.chance(60) { r.below(4) as usize } else { 0 };
    let gates: Vec<Gate> = (0..3)
        .map(|i| {
            let asks = r.chance(30);
            let commands = if asks && r.chance(50) {
                0
            } else {
                1 + r.below(2)
            };
            Gate {
                id: format!("gate-{i}"),
                title: format!("Gate {i}"),
                run: (0..commands)
                    .map(|k| vec!["check".to_owned(), format!("{i}.{k}")])
                    .collect(),
                ram_bytes: (1 + r.below(20)) << 26,
                approve: asks.then(|| format!("Is {i} fine?")),
                repeat: i % 2,
                base: [Compare::Asked, Compare::Asked, Compare::Always][i as usize],
            }
        })
        .collect();
    let phases: Vec<Phase> = (0..phases)
        .map(|i| {
            let gates = if r.chance(45) {
                vec![GateIx::of(r.below(3) as usize)]
            } else {
                Vec::new()
            };
            Phase {
                id: format!("p{i}"),
                title: format!("Phase {i}"),
                barrier: !gates.is_empty() || r.chance(20),
                gates,
            }
        })
        .collect();
    let workers: Vec<Worker> = (0..2)
        .map(|i| Worker {
            name: format!("w{i}"),
            run: Some(vec!["work".into()]),
            // The second answers to a provider that may take no more for a while.
            cli: (i == 1).then(|| "p".to_owned()),
            ..Worker::default()
        })
        .collect();
    let mut agents: Vec<Agent> = Vec::new();
    let integrates = r.chance(40);
    for i in 0..count {
        agents.push(agent(r, i, &agents, (phases.len(), tracks), integrates));
    }
    let mut limits = Limits {
        resources: BTreeMap::from([("gpu".to_owned(), 2)]),
        budgets: BTreeMap::from([("requests".to_owned(), 1_000)]),
        ..Limits::default()
    };
    if r.chance(20) {
        limits
            .per_priority
            .insert(*r.pick(&PRIORITIES), 1 + r.below(2) as u32);
    }
    if tracks > 0 && r.chance(20) {
        limits.per_track.insert(TrackIx::of(0), 1);
    }
    if tracks > 1 && r.chance(20) {
        limits.tracks = Some(1 + r.below(2) as u32);
    }
    if !phases.is_empty() && r.chance(20) {
        limits
            .per_phase
            .insert(PhaseIx::of(0), 1 + r.below(2) as u32);
    }
    if r.chance(20) {
        limits.per_wave.insert(1, 1 + r.below(3) as u32);
    }
    spending(&mut r.beside(), &mut limits, &mut agents);
    let waves = 3;
    let gates_of = |r: &mut Random, percent| {
        if r.chance(percent) {
            vec![GateIx::of(r.below(3) as usize)]
        } else {
            Vec::new()
        }
    };
    let with_cohorts = r.chance(40);
    let percent = if with_cohorts { 50 } else { 0 };
    Plan {
        version: 1,
        name: "random".into(),
        goal: None,
        base: "HEAD".into(),
        mode: *r.pick(&[Mode::Sequential, Mode::Parallel, Mode::Hybrid, Mode::Hybrid]),
        limits,
        phases,
        tracks: (0..tracks)
            .map(|i| Track {
                id: format!("t{i}"),
                title: format!("Track {i}"),
                priority: Priority::Normal,
                gates: gates_of(r, percent),
            })
            .collect(),
        workers,
        gates,
        leases: leases(&mut Random::beside(r)),
        agents,
        run_gates: gates_of(r, percent),
        wave_gates: (1..=waves)
            .map(|wave| (wave, gates_of(r, percent / 2)))
            .filter(|(_, gates)| !gates.is_empty())
            .collect(),
        verify: (0..if r.chance(percent) { 2 } else { 0 })
            .map(|k| vec!["check".to_owned(), format!("end.{k}")])
            .collect(),
        workspace: wavedeck::plan::WorkspaceSpec::default(),
        merge: wavedeck::plan::MergeSpec::default(),
        domains: [("db".to_owned(), Domain { critical: true })].into(),
        require_sandbox: false,
        unbuilt: Vec::new(),
    }
}

fn agent(
    r: &mut Random,
    i: usize,
    before: &[Agent],
    (phases, tracks): (usize, usize),
    integrates: bool,
) -> Agent {
    // A sub-agent shares its parent's phase; parents of parents are allowed.
    let parent = (i > 0 && r.chance(15)).then(|| AgentIx::of(r.below(i as u64) as usize));
    let phase = match parent {
        Some(p) => before[p.ix()].phase,
        None if phases > 0 && r.chance(90) => Some(PhaseIx::of(r.below(phases as u64) as usize)),
        None => None,
    };
    let mut needs: Vec<Need> = Vec::new();
    for _ in 0..r.below(4) {
        if i == 0 {
            break;
        }
        let from = AgentIx::of(r.below(i as u64) as usize);
        let kind = if r.chance(15) {
            NeedKind::Soft
        } else {
            NeedKind::Hard
        };
        let when = match r.below(20) {
            0 | 1 => When::Failed,
            2 => When::Skipped,
            3 | 4 => When::Ended,
            5 => When::Output("out.txt".into()),
            _ => When::Succeeded,
        };
        // A barrier of its own phase or an earlier one must not wait for a later phase; an agent
        // must not need its own parent's end, nor one of its ancestors'.
        let later = match (phase, before[from.ix()].phase) {
            (Some(own), Some(other)) => other > own,
            (Some(_), None) => depends_on_phase(before, from),
            // What a sub-agent waits for, its parent's successors wait for too.
            (None, _) => parent.is_some() && depends_on_phase(before, from),
        };
        let mut ancestor = parent;
        let mut kin = false;
        while let Some(a) = ancestor {
            kin |= a == from || ancestors(before, from).contains(&a);
            ancestor = before[a.ix()].parent;
        }
        if needs.iter().any(|n| n.agent == from) || (kind == NeedKind::Hard && (later || kin)) {
            continue;
        }
        needs.push(Need {
            agent: from,
            kind,
            when,
            files: if kind == NeedKind::Hard && r.chance(4) {
                vec!["left.txt".to_owned()]
            } else {
                Vec::new()
            },
            check: if kind == NeedKind::Hard && r.chance(4) {
                vec![vec!["check".to_owned(), "need".to_owned()]]
            } else {
                Vec::new()
            },
        });
    }
    let modes: Vec<AgentMode> = if r.chance(20) {
        (0..2).map(|w| mode(r, Some(WorkerIx::of(w)))).collect()
    } else {
        vec![mode(r, None)]
    };
    let prompt = modes.len() > 1;
    let own = integrates && r.chance(60);
    Agent {
        id: AgentId::from(format!("a{i}").as_str()),
        title: format!("Agent {i}"),
        phase,
        track: (tracks > 0 && r.chance(80)).then(|| TrackIx::of(r.below(tracks as u64) as usize)),
        parent,
        sub_agents: if r.chance(40) {
            SubAgents::Sequential
        } else {
            SubAgents::Parallel
        },
        needs,
        priority: *r.pick(&PRIORITIES),
        class: *r.pick(&CLASSES),
        work: if prompt {
            Work::Prompt("do".into())
        } else {
            Work::Command(vec!["true".into()])
        },
        modes,
        capability: (prompt && r.chance(40)).then(|| "able".to_owned()),
        exclusive: r.chance(6),
        timeout_us: r.chance(40).then(|| 2_000_000 + r.below(20_000_000)),
        ask: wavedeck::agents::Ask::Outside,
        fails_when_asking: false,
        retry: Retry {
            attempts: 1 + r.below(3) as u32,
            base_us: r.below(3_000_000),
        },
        quiet_us: None,
        ram_max_bytes: None,
        check: (0..if r.chance(20) { 1 + r.next() % 2 } else { 0 })
            .map(|k| vec!["check".to_owned(), k.to_string()])
            .collect(),
        gates: if r.chance(12) {
            vec![GateIx::of(r.below(3) as usize)]
        } else {
            Vec::new()
        },
        workspace: if own {
            Workspace::Own
        } else {
            Workspace::Shared
        },
        scope: None,
        domains: if own && r.chance(20) {
            vec!["db".to_owned()]
        } else {
            Vec::new()
        },
        join: *r.pick(&[Join::FailFast, Join::MergeWithRules, Join::ManualEscalation]),
        inputs: if r.chance(4) {
            vec!["in.txt".to_owned()]
        } else {
            Vec::new()
        },
        outputs: Vec::new(),
        context_files: Vec::new(),
        context_cap: None,
    }
}

/// Whether something without a phase stands behind a phase, directly or not; such an agent could
/// close a ring through a barrier, which `check` refuses.
fn depends_on_phase(before: &[Agent], from: AgentIx) -> bool {
    let mut open = vec![from];
    let mut seen = vec![false; before.len()];
    while let Some(ix) = open.pop() {
        if std::mem::replace(&mut seen[ix.ix()], true) {
            continue;
        }
        let agent = &before[ix.ix()];
        if agent.phase.is_some() {
            return true;
        }
        open.extend(
            agent
                .needs
                .iter()
                .filter(|n| n.kind == NeedKind::Hard)
                .map(|n| n.agent),
        );
        open.extend(agent.parent);
        open.extend(
            (0..before.len())
                .map(AgentIx::of)
                .filter(|&c| before[c.ix()].parent == Some(ix)),
        );
    }
    false
}

fn ancestors(before: &[Agent], of: AgentIx) -> Vec<AgentIx> {
    let mut all = Vec::new();
    let mut next = Some(of);
    while let Some(ix) = next {
        all.push(ix);
        next = before[ix.ix()].parent;
    }
    all
}

fn mode(r: &mut Random, worker: Option<WorkerIx>) -> AgentMode {
    let us = r.below(10_000_000);
    AgentMode {
        worker,
        duration: Duration {
            min_us: us,
            expected_us: us,
            max_us: us,
            guessed: false,
        },
        ram_bytes: r.below(24) << 26,
        ram_guessed: false,
        cpus_milli: r.below(5) * 500,
        uses: if r.chance(15) {
            BTreeMap::from([("gpu".into(), 1 + r.below(2))])
        } else {
            BTreeMap::new()
        },
        spends: if r.chance(15) {
            BTreeMap::from([("requests".into(), r.below(3))])
        } else {
            BTreeMap::new()
        },
        tokens: 0,
        terminal: false,
    }
}
