//! Decisions about memory for commands inside of agents.

use super::*;
use crate::plan::Priority;

const A: AgentIx = AgentIx(0);
const B: AgentIx = AgentIx(1);
const C: AgentIx = AgentIx(2);

/// A run of so many agents that reserve 200 MiB each, on 2 GiB; `suite` leases 700 MiB, `tool` 300.
fn leasing(agents: usize) -> Rig {
    leasing_plan(agents, |_| {})
}

fn leasing_plan(agents: usize, change: impl FnOnce(&mut Plan)) -> Rig {
    let mut plan = empty();
    plan.agents = (0..agents)
        .map(|i| {
            let mut a = agent(&format!("a{i}"), 1, 200);
            a.timeout_us = Some(100 * SECOND);
            a
        })
        .collect();
    plan.leases.insert("suite".to_owned(), 700 * MIB);
    plan.leases.insert("tool".to_owned(), 300 * MIB);
    change(&mut plan);
    let mut rig = Rig::new(plan, true);
    Arc::make_mut(&mut rig.state.setup).ram_limit_bytes = 2048 * MIB;
    rig
}

impl Rig {
    fn ask(&mut self, ix: AgentIx, name: &str, below: &[u32], used_mib: u64) -> u32 {
        self.now_us += 1;
        let number = self.state.leases.last + 1;
        let attempt = self.state.agent(ix).attempt;
        let one = Use {
            agent: ix,
            attempt,
            bytes: used_mib * MIB,
        };
        let input = Input {
            at_ms: 0,
            elapsed_us: self.now_us,
            figures: Figures::default(),
            uses: [one].into_iter().collect(),
            kind: InputKind::LeaseAsked {
                agent: ix,
                attempt,
                number,
                name: name.to_owned(),
                below: below.to_vec(),
            },
        };
        let turn = turn(&mut self.state, &input);
        self.events
            .extend(turn.records.into_iter().map(|r| r.event));
        number
    }

    fn gone(&mut self, number: u32) {
        self.input(InputKind::LeaseEnded { number });
    }

    fn after(&mut self, us: u64, kind: InputKind) {
        self.now_us += us;
        self.input(kind);
    }

    /// Whether it has its memory, and why.
    fn granted(&self, number: u32) -> Option<LeaseCause> {
        let lease = self.state.lease(number)?;
        lease.granted_us.map(|_| lease.cause)
    }

    fn used_mib(&self) -> u64 {
        self.state.usage.ram_bytes / MIB
    }

    fn waits(&self, number: u32) -> bool {
        self.state.lease(number).is_some_and(Lease::waits)
    }
}

const ROOM: Option<LeaseCause> = Some(LeaseCause::Room);
const ALONE: Option<LeaseCause> = Some(LeaseCause::Alone);
const LATE: Option<LeaseCause> = Some(LeaseCause::Late);

#[test]
fn leases_take_the_place_of_what_their_agent_reserves() {
    let mut rig = leasing(4);
    assert_eq!(rig.used_mib(), 800);
    // Of its 200 it uses 150: 850 in all.
    let first = rig.ask(A, "suite", &[], 150);
    assert_eq!((rig.granted(first), rig.used_mib()), (ROOM, 1450));
    // What the first holds is not the agent's own.
    let tool = rig.ask(A, "tool", &[], 900);
    assert_eq!((rig.granted(tool), rig.used_mib()), (ROOM, 1750));
    assert_eq!(rig.state.reserved(A), 1150 * MIB);
    let second = rig.ask(B, "suite", &[], 150);
    assert!(rig.waits(second));
    rig.gone(tool);
    assert_eq!(rig.used_mib(), 1450, "and it needs 650");
    assert!(rig.waits(second));
    rig.gone(first);
    assert_eq!((rig.granted(second), rig.used_mib()), (ROOM, 1450));
    // Asked for by nobody, or told twice.
    let nothing = rig.ask(A, "unknown", &[], 0);
    assert!(rig.state.lease(nothing).is_none());
    rig.gone(first);
    // The end of an attempt gives back what waits and what is held.
    let third = rig.ask(B, "suite", &[], 150);
    assert!(rig.waits(third));
    rig.end_agent(1, 0);
    assert!(rig.state.leases.list.is_empty());
    let returned =
        |e: &&Event| matches!(e, Event::Lease(l) if matches!(**l, LeaseEvent::Returned { .. }));
    assert_eq!(rig.events.iter().filter(returned).count(), 4);
    assert_eq!(rig.used_mib(), 600);
    let late = rig.ask(B, "suite", &[], 0);
    assert!(rig.state.lease(late).is_none(), "its attempt is over");
}

#[test]
fn the_order_of_asking_is_kept_but_for_priority() {
    let mut rig = leasing_plan(5, |plan| plan.agents[4].priority = Priority::High);
    let held = rig.ask(A, "suite", &[], 200);
    assert_eq!(rig.granted(held), ROOM);
    let second = rig.ask(B, "suite", &[], 200);
    // There would be room for a small one: it does not overtake.
    let small = rig.ask(C, "tool", &[], 200);
    assert!(rig.waits(second) && rig.waits(small));
    assert_eq!(rig.state.lease_place(small), Some(2));
    let better = rig.ask(AgentIx(4), "suite", &[], 200);
    let places = [better, second, small].map(|one| rig.state.lease_place(one));
    assert_eq!(places, [Some(1), Some(2), Some(3)]);
    rig.gone(held);
    assert_eq!(rig.granted(better), ROOM);
    assert!(rig.waits(second) && rig.waits(small));
    // What is stopped keeps its number and holds nobody up.
    rig.act(pause("a1"));
    assert_eq!((rig.granted(second), rig.granted(small)), (None, ROOM));
    rig.gone(better);
    assert_eq!(rig.granted(second), None);
    rig.act(resume("a1"));
    assert_eq!(rig.granted(second), ROOM);
}

#[test]
fn what_was_leased_is_not_reserved_for_the_next_attempt() {
    let mut rig = leasing(1);
    let suite = rig.ask(A, "suite", &[], 150);
    let tool = rig.ask(A, "tool", &[], 150);
    rig.gone(suite);
    rig.gone(tool);
    let end = |peak_mib: u64| InputKind::Ended {
        key: JobKey::main(A, 1),
        exit: Exit::Code(1),
        cpu_us: 0,
        peak_bytes: peak_mib * MIB,
        output_bytes: 0,
        leaked: 0,
        present: Vec::new(),
        handoff: false,
    };
    rig.input(end(1250));
    let agent = rig.state.agent(A);
    assert_eq!(agent.peak_bytes, 1250 * MIB);
    // Both had 1000 of it at once.
    assert_eq!(rig.state.asks(A, rig.state.mode_of(A)), 250 * MIB);
}

#[test]
fn one_is_granted_when_nothing_else_moves() {
    let mut rig = leasing_plan(2, |plan| {
        plan.leases.insert("huge".to_owned(), 2000 * MIB);
    });
    let first = rig.ask(A, "huge", &[], 200);
    assert!(rig.waits(first), "the other one runs");
    let second = rig.ask(B, "huge", &[], 200);
    assert_eq!((rig.granted(first), rig.granted(second)), (ALONE, None));
    // It runs below the one that has its memory, which waits for it.
    let inner = rig.ask(A, "tool", &[first, second], 2000);
    assert_eq!((rig.granted(inner), rig.waits(second)), (ALONE, true));
    assert_eq!(rig.state.lease(inner).unwrap().below, [first]);
    rig.gone(inner);
    rig.gone(first);
    // Another command of it that is at work is no reason to exceed the budget.
    rig.gone(second);
    let beside = rig.ask(A, "suite", &[], 200);
    let waits = rig.ask(B, "huge", &[], 200);
    let more = rig.ask(A, "huge", &[], 200);
    assert_eq!(rig.granted(beside), ROOM);
    assert!(rig.waits(waits) && rig.waits(more));
    rig.gone(beside);
    assert_eq!((rig.granted(waits), rig.waits(more)), (ALONE, true));
}

#[test]
fn nothing_is_granted_for_want_of_movement_while_memory_is_at_its_end() {
    let mut rig = leasing_plan(1, |plan| {
        plan.leases.insert("huge".to_owned(), 2000 * MIB);
    });
    let zone = |halted| InputKind::Zone {
        zone: if halted { Zone::Red } else { Zone::Green },
        halted,
        band: InBand::default(),
        step: 0,
    };
    rig.input(zone(true));
    let (huge, tool) = (rig.ask(A, "huge", &[], 0), rig.ask(A, "tool", &[], 0));
    assert!(rig.waits(huge) && rig.waits(tool));
    rig.input(zone(false));
    assert_eq!(rig.granted(huge), ROOM);
}

#[test]
fn it_waits_only_so_long_and_its_agents_clock_stands() {
    let mut rig = leasing(2);
    let setup = Arc::make_mut(&mut rig.state.setup);
    setup.memory.lease_wait_us = 500 * SECOND;
    setup.ram_limit_bytes = 1200 * MIB;
    // The other one holds its lease for ever.
    setup.plan.agents[0].timeout_us = None;
    assert_eq!(rig.state.next_deadline().map(|due| due / SECOND), Some(100));
    let held = rig.ask(A, "suite", &[], 200);
    rig.after(10 * SECOND, InputKind::Settle);
    let waits = rig.ask(B, "suite", &[], 200);
    assert_eq!((rig.granted(held), rig.granted(waits)), (ROOM, None));
    let (asked, before) = (rig.now_us, rig.state.clock_us(B, rig.now_us));
    let due = rig.state.leases.list[1].since_us + 500 * SECOND;
    assert!(before >= 10 * SECOND && due == asked + 500 * SECOND);
    assert_eq!(rig.state.lease_deadline(), Some(due));
    // A frozen agent's goes on waiting, and its time is not due meanwhile.
    rig.act(pause("a1"));
    assert_eq!(rig.state.lease_deadline(), None);
    rig.after(600 * SECOND, InputKind::Deadline);
    assert!(rig.waits(waits));
    rig.act(resume("a1"));
    assert_eq!(rig.state.next_deadline(), Some(due));
    rig.input(InputKind::Deadline);
    assert_eq!((rig.granted(waits), rig.state.leases.late), (LATE, 1));
    assert_eq!(rig.state.clock_us(B, rig.now_us), before, "it stood");
    // Then it runs again, and its time comes.
    let ended = |rig: &Rig| {
        let late =
            |e: &Event| matches!(e, Event::AgentTimeout { agent, .. } if agent.as_str() == "a1");
        rig.events.iter().any(late)
    };
    rig.after(89 * SECOND, InputKind::Deadline);
    assert!(!ended(&rig));
    rig.after(2 * SECOND, InputKind::Deadline);
    assert!(ended(&rig));
}

#[test]
fn small_starts_do_not_take_what_a_lease_waits_for() {
    for (limit_mib, starts) in [(1200, false), (1350, true)] {
        let mut rig = leasing_plan(4, |plan| plan.agents[2].needs = vec![hard(3)]);
        Arc::make_mut(&mut rig.state.setup).ram_limit_bytes = limit_mib * MIB;
        let tool = rig.ask(A, "tool", &[], 200);
        let suite = rig.ask(B, "suite", &[], 200);
        assert_eq!((rig.granted(tool), rig.granted(suite)), (ROOM, None));
        rig.end_agent(3, 0);
        // 700 are reserved, and 400 + 700 would be without the tool: what of the rest is needed then is kept.
        assert_eq!(rig.status(2) == Status::Running, starts, "{limit_mib}");
        assert!(rig.waits(suite));
        if starts {
            continue;
        }
        let why = admit(&rig.state, &Figures::default(), C).unwrap_err();
        let said = "needs 200 MiB; what is free is kept for suite, which waits";
        assert_eq!(why.to_string(), said);
        rig.gone(tool);
        assert_eq!((rig.granted(suite), rig.status(2)), (ROOM, Status::Ready));
        rig.gone(suite);
        assert_eq!(rig.status(2), Status::Running);
    }
}

#[test]
fn a_lease_keeps_nothing_from_who_comes_before_its_agent() {
    for priority in [Priority::Normal, Priority::High] {
        let mut rig = leasing_plan(4, |plan| {
            plan.agents[2].needs = vec![hard(3)];
            plan.agents[2].priority = priority;
        });
        Arc::make_mut(&mut rig.state.setup).ram_limit_bytes = 1200 * MIB;
        let tool = rig.ask(A, "tool", &[], 200);
        let suite = rig.ask(B, "suite", &[], 200);
        rig.end_agent(3, 0);
        assert_eq!((rig.granted(tool), rig.granted(suite)), (ROOM, None));
        let before = priority == Priority::High;
        assert_eq!(rig.status(2) == Status::Running, before, "{priority:?}");
    }
}
