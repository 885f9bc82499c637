//! What was measured of agents: leaks, hard limits, kills for want of memory.

use super::*;

const GIB: u64 = 1 << 30;

fn rig(max: Option<u64>) -> Rig {
    let mut plan = empty();
    let mut a = agent("a", 1, 1);
    a.ram_max_bytes = max;
    a.retry.attempts = 3;
    plan.agents = vec![a];
    Rig::new(plan, true)
}

impl Rig {
    fn killed(&mut self, peak_bytes: u64) {
        let attempt = self.state.agent(AgentIx(0)).attempt;
        self.events.clear();
        self.input(InputKind::Ended {
            key: JobKey::main(AgentIx(0), attempt),
            exit: Exit::OutOfMemory,
            cpu_us: 0,
            peak_bytes,
            output_bytes: 0,
            leaked: 0,
            present: Vec::new(),
            handoff: false,
        });
    }

    fn leaks(&mut self, attempt: u32) -> usize {
        self.events.clear();
        self.input(InputKind::Leaking {
            agent: AgentIx(0),
            attempt,
            bytes: 3 * GIB,
            growth_bytes_per_min: 1 << 28,
        });
        self.events.len()
    }

    fn over(&mut self, attempt: u32) {
        self.events.clear();
        self.input(InputKind::OverLimit {
            agent: AgentIx(0),
            attempt,
            bytes: 3 * GIB + GIB / 5,
        });
    }
}

#[test]
fn a_leak_is_told_once_an_attempt_and_nothing_follows() {
    let mut rig = rig(None);
    assert_eq!(rig.leaks(2), 0, "another attempt");
    assert_eq!(rig.leaks(1), 1);
    assert_eq!(rig.events[0].kind(), "agent.leaking");
    assert!(rig.state.agent(AgentIx(0)).leaking);
    assert_eq!(rig.leaks(1), 0, "it was told");
    assert_eq!(rig.status(0), Status::Running);
    rig.end_agent(0, 1);
    assert!(!rig.state.agent(AgentIx(0)).leaking);
}

#[test]
fn who_is_above_its_hard_limit_is_ended_with_the_figures() {
    let mut free = rig(None);
    free.over(1);
    assert!(free.events.is_empty(), "it has no limit");
    let mut rig = rig(Some(3 * GIB));
    rig.over(1);
    let key = JobKey::main(AgentIx(0), 1);
    assert!(rig.has(Command::Terminate { key }));
    assert_eq!(rig.events[0].kind(), "agent.over_limit");
    rig.over(1);
    assert!(rig.events.is_empty(), "it is being ended");
    // However it ends now, that is why.
    rig.end_agent(0, 0);
    let Some(Event::AgentRetrying { reason, .. }) = rig.events.get(1) else {
        panic!("{:?}", rig.events)
    };
    assert_eq!(reason, "used 3.2 GiB, its ram_max is 3 GiB");
}

#[test]
fn who_was_killed_for_memory_gets_half_as_much_again() {
    let mut rig = rig(None);
    rig.killed(2 * GIB);
    assert!(matches!(&rig.events[1], Event::AgentRetrying { reason, .. }
        if reason == "killed by the kernel: out of memory; it held 2 GiB"));
    assert_eq!(rig.state.agent(AgentIx(0)).least_bytes, 3 * GIB);
}

#[test]
fn who_was_killed_before_it_was_measured_held_what_was_reserved() {
    let mut rig = rig(None);
    let reserved = rig.state.mode_of(AgentIx(0)).ram_bytes;
    rig.killed(0);
    assert_eq!(
        rig.state.agent(AgentIx(0)).least_bytes,
        reserved + reserved / 2
    );
}

#[test]
fn nobody_goes_again_at_the_same_size() {
    for (max, reason) in [
        (None, "all agents together may use 1024 GiB"),
        (Some(2 * GIB), "its ram_max is 2 GiB"),
    ] {
        let mut rig = rig(max);
        rig.killed(max.unwrap_or(1 << 40));
        let Event::AgentFailed {
            failure: FailureKind::Exhaustion,
            reason: why,
            ..
        } = &rig.events[1]
        else {
            panic!("{:?}", rig.events)
        };
        assert!(
            why.contains(reason) && why.ends_with("not retried at the same size"),
            "{why}"
        );
    }
}

#[test]
fn nothing_more_starts_while_programs_wait_for_memory() {
    let mut plan = empty();
    plan.agents = vec![agent("a", 1, 1), agent("b", 1, 1)];
    plan.agents[1].needs = vec![hard(0)];
    let mut rig = Rig::new(plan, true);
    let b = AgentIx(1);
    let stalls = |permille| Figures {
        total_bytes: 16 * GIB,
        available_bytes: 6 * GIB,
        stall_permille: permille,
        ..Figures::default()
    };
    // Half of the machine is free, as the kernel says.
    assert!(admit(&rig.state, &stalls(900), b).is_ok());
    rig.state.memory.zone = Zone::Yellow;
    assert!(admit(&rig.state, &stalls(199), b).is_ok());
    let why = admit(&rig.state, &stalls(231), b).unwrap_err();
    let said = "programs waited for memory in 23 % of the last 10 s: more starts below 20 %";
    assert_eq!(why.to_string(), said);
    let most = |permille| room(&rig.state, &stalls(permille)).most(false);
    assert!(
        most(231) == 0 && most(199) > 0,
        "and it is seen when they wait no more"
    );
    // Alone it may: else nothing would ever move.
    rig.end_agent(0, 0);
    rig.end_agent(1, 0);
    assert!(admit(&rig.state, &stalls(900), b).is_ok());
}
