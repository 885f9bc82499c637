//! What earlier runs have taught, at admission and in what a person has stated.

use super::*;
use crate::schedule::learnt::{Need, apply};

const GIB: u64 = 1 << 30;

/// Two agents that state 1 GiB each, on 4 GiB; these peaks are known of them.
fn state(known: [Option<u64>; 2]) -> State {
    let mut plan = empty();
    plan.agents = vec![agent("a", 60, 1024), agent("b", 60, 1024)];
    let needs: Vec<Need> = (plan.agents.iter().zip(known))
        .filter_map(|(agent, ram_bytes)| {
            Some(Need {
                agent: agent.id.clone(),
                worker: None,
                times: 3,
                own: true,
                ram_bytes: Some(ram_bytes?),
                most_bytes: ram_bytes?,
                duration_us: Some(9 * SECOND),
                spread_us: 0,
            })
        })
        .collect();
    let learnt = apply(&mut plan, &needs, 4 * GIB);
    let effective = Effective {
        ram_limit_bytes: 4 * GIB,
        agents_cap: 8,
        cpus_milli: 8_000,
        thresholds: Thresholds::default(),
        memory: MemoryRules::default(),
        attended: true,
        hybrid_enabled: true,
        parallel_enabled: true,
    };
    State::new(Arc::new(Setup {
        learnt,
        ..Setup::planned(plan, effective)
    }))
}

/// Begins; returns the events and who runs.
fn began(state: &mut State) -> (Vec<Event>, Vec<u32>) {
    let input = Input {
        at_ms: 0,
        elapsed_us: 1,
        figures: Figures::default(),
        uses: Uses::default(),
        kind: InputKind::Begin {
            run: "r".into(),
            boot_id: "b".into(),
            plan_hash: String::new(),
            base_commit: None,
        },
    };
    let turn = turn(state, &input);
    let started = turn.commands.iter().filter_map(|command| match command {
        Command::Spawn { key, .. } => match key.owner {
            Owner::Agent(ix) => Some(ix.0),
            _ => None,
        },
        _ => None,
    });
    let started = started.collect();
    let events = turn.records.into_iter().map(|record| record.event);
    (events.collect(), started)
}

#[test]
fn who_used_more_than_is_stated_reserves_that_and_others_wait() {
    let mut before = state([None, None]);
    let (events, started) = began(&mut before);
    assert_eq!(started, [0, 1]);
    assert!(events.iter().all(|event| event.kind() != "run.learnt"));
    let mut after = state([Some(3 * GIB + GIB / 2), None]);
    let (events, started) = began(&mut after);
    assert_eq!(started, [0], "the other one has no room beside it");
    assert_eq!(events[1].kind(), "run.learnt");
    assert_eq!(after.reserved(AgentIx(0)), 3 * GIB + GIB / 2);
    // No more than there is, or it would never start.
    let mut large = state([Some(9 * GIB), None]);
    assert_eq!(began(&mut large).1, [0]);
    assert_eq!(large.reserved(AgentIx(0)), 4 * GIB);
}

#[test]
fn what_a_person_has_stated_is_not_forgotten() {
    let state = state([Some(3 * GIB), None]);
    let setup = &state.setup;
    assert_eq!(setup.mode(AgentIx(0), 0).duration.expected_us, 9 * SECOND);
    assert_eq!(setup.stated().agents[0].modes[0].ram_bytes, GIB);
    let declared = setup.declared(AgentIx(0), 0);
    assert_eq!(declared.ram_bytes, Some(GIB));
    assert_eq!(declared.duration_us, Some((60 * SECOND, 60 * SECOND)));
    assert_eq!(setup.declared(AgentIx(1), 0), declared);
    assert!(setup.learnt_of(AgentIx(1), 0).is_none());
}
