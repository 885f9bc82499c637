//! Tests of the scheduler: known small plans, and every rule re-checked on random ones.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::{
    graph::{
        Graph,
        critical::is_barrier,
        random::{
            MIB, SECOND, agent, empty, gate, hard, layered, mode, need, phase, plan as random_plan,
        },
    },
    plan::{AgentIx, GateIx, Mode, NeedKind, PhaseIx, Plan, Priority, When, Work},
};

use super::{
    Analysis, Capacity, Choices, Item, Matrix, Schedule, analysis::Inputs, capacity::token_rate,
    capacity_from_plan, dispatch, lower_bound_us, sequential_us, static_ranks,
};

fn capacity(plan: &Plan) -> Capacity {
    capacity_from_plan(plan, 16 << 30, 8_000, 4)
}

struct Made {
    graph: Graph,
    capacity: Capacity,
    choices: Choices,
    schedule: Schedule,
}

fn make(plan: &Plan, mode: Mode) -> Made {
    let graph = Graph::new(plan);
    let capacity = capacity(plan);
    let choices = Choices::new(plan, &graph, &capacity);
    let schedule = dispatch(plan, &graph, &capacity, &choices, mode);
    Made {
        graph,
        capacity,
        choices,
        schedule,
    }
}

fn starts(plan: &Plan, mode: Mode) -> Vec<(String, u64)> {
    let made = make(plan, mode);
    verify(plan, mode, &made).unwrap();
    made.schedule
        .items
        .iter()
        .map(|i| (plan.agent(i.agent).id.to_string(), i.start_us / SECOND))
        .collect()
}

fn names(list: &[(&str, u64)]) -> Vec<(String, u64)> {
    list.iter()
        .map(|(id, at)| ((*id).to_owned(), *at))
        .collect()
}

/// Re-checks every rule without any of the scheduler's own bookkeeping.
fn verify(plan: &Plan, mode: Mode, made: &Made) -> Result<(), String> {
    let Made {
        graph,
        capacity,
        choices,
        schedule,
    } = made;
    let items: BTreeMap<AgentIx, &Item> = schedule.items.iter().map(|i| (i.agent, i)).collect();
    let ensure = |ok: bool, what: String| if ok { Ok(()) } else { Err(what) };
    ensure(items.len() == schedule.items.len(), "an agent twice".into())?;
    for ix in plan.indices() {
        let listed = [
            items.contains_key(&ix),
            schedule.not_expected.contains(&ix),
            schedule.impossible.contains(&ix) && !items.contains_key(&ix),
        ];
        ensure(
            listed.iter().filter(|l| **l).count() == 1,
            format!("{ix:?} listed {listed:?}"),
        )?;
    }
    for item in &schedule.items {
        let (ix, a) = (item.agent, plan.agent(item.agent));
        let takes = if graph.is_group(ix) {
            0
        } else {
            a.modes[item.mode].duration.expected_us
        };
        ensure(
            item.end_us - item.start_us == takes,
            format!("{ix:?} takes another time"),
        )?;
        ensure(
            item.done_us >= item.end_us,
            format!("{ix:?} is done before its end"),
        )?;
        for need in a.needs.iter().filter(|n| n.kind == NeedKind::Hard) {
            if let Some(before) = items.get(&need.agent) {
                let mut up = a.parent;
                while up.is_some_and(|up| up != need.agent) {
                    up = up.and_then(|up| plan.agent(up).parent);
                }
                let end = if up.is_some() {
                    before.end_us
                } else {
                    before.done_us
                };
                ensure(
                    end <= item.start_us,
                    format!("{ix:?} before its need {:?}", need.agent),
                )?;
            }
            ensure(
                need.when != When::Failed,
                format!("{ix:?} runs on a failure"),
            )?;
        }
        if let Some(parent) = a.parent {
            let parent = items.get(&parent).ok_or("a sub-agent without its parent")?;
            ensure(
                parent.end_us <= item.start_us && item.done_us <= parent.done_us,
                format!("{ix:?} outside of its parent"),
            )?;
        }
        let subs: Vec<_> = graph.subs(ix).iter().filter_map(|s| items.get(s)).collect();
        let last = subs
            .iter()
            .map(|s| s.done_us)
            .max()
            .unwrap_or(item.end_us)
            .max(item.end_us);
        // A skip that is known late only moves the end of its parent.
        let exact = schedule.not_expected.is_empty() && schedule.impossible.is_empty();
        ensure(
            item.done_us >= last && (item.done_us == last || !exact)
                || schedule.impossible.contains(&ix),
            format!("{ix:?} done late"),
        )?;
        if a.sub_agents == crate::plan::SubAgents::Sequential {
            for pair in subs.windows(2) {
                ensure(
                    pair[0].done_us <= pair[1].start_us,
                    format!("{ix:?} out of sequence"),
                )?;
            }
        }
        if let Some(stage) = graph.stage(ix).filter(|_| !schedule.barriers_dropped) {
            for earlier in (0..stage.ix()).filter(|&p| is_barrier(plan, mode, p)) {
                for other in &schedule.items {
                    let here = graph.stage(other.agent) == Some(PhaseIx::of(earlier));
                    ensure(
                        !here || other.done_us <= item.start_us,
                        format!("{ix:?} crossed a barrier"),
                    )?;
                }
            }
        }
    }
    // All caps, at every start.
    for at in schedule.items.iter().map(|i| i.start_us) {
        let now: Vec<&Item> = schedule
            .items
            .iter()
            .filter(|i| i.start_us <= at && at < i.end_us)
            .collect();
        let sum = |f: &dyn Fn(&Item) -> u64| now.iter().map(|i| f(i)).sum::<u64>();
        let count = |f: &dyn Fn(&Item) -> bool| now.iter().filter(|i| f(i)).count() as u32;
        let m = |i: &Item| &plan.agent(i.agent).modes[i.mode];
        ensure(
            sum(&|i| m(i).ram_bytes) <= capacity.ram_bytes,
            format!("memory at {at}"),
        )?;
        ensure(
            sum(&|i| m(i).cpus_milli) <= capacity.cpus_milli,
            format!("CPUs at {at}"),
        )?;
        let agents = if mode == Mode::Sequential {
            1
        } else {
            capacity.agents
        };
        ensure(now.len() as u32 <= agents, format!("agents at {at}"))?;
        if let Some(cap) = capacity.tokens_per_minute {
            ensure(
                sum(&|i| token_rate(m(i)).min(cap)) <= cap,
                format!("tokens at {at}"),
            )?;
        }
        for (name, cap) in &capacity.resources {
            ensure(
                sum(&|i| m(i).uses.get(name).copied().unwrap_or(0)) <= *cap,
                format!("{name} at {at}"),
            )?;
        }
        for (p, cap) in &capacity.per_priority {
            ensure(
                count(&|i| plan.agent(i.agent).priority == *p) <= *cap,
                format!("{p:?} at {at}"),
            )?;
        }
        for (p, cap) in &capacity.per_phase {
            ensure(
                count(&|i| plan.agent(i.agent).phase == Some(*p)) <= *cap,
                format!("{p:?} at {at}"),
            )?;
        }
        for (t, cap) in &capacity.per_track {
            ensure(
                count(&|i| plan.agent(i.agent).track == Some(*t)) <= *cap,
                format!("{t:?} at {at}"),
            )?;
        }
        for (w, cap) in &capacity.per_wave {
            ensure(
                count(&|i| graph.wave(i.agent) == *w) <= *cap,
                format!("wave {w} at {at}"),
            )?;
        }
        let mut tracks: Vec<_> = now
            .iter()
            .filter_map(|i| plan.agent(i.agent).track)
            .collect();
        tracks.sort_unstable();
        tracks.dedup();
        ensure(
            capacity.tracks.is_none_or(|cap| tracks.len() as u32 <= cap),
            format!("tracks at {at}"),
        )?;
        for i in now.iter().filter(|i| plan.agent(i.agent).exclusive) {
            let phase = plan.agent(i.agent).phase;
            let beside = count(&|o| {
                o.agent != i.agent && (phase.is_none() || plan.agent(o.agent).phase == phase)
            });
            ensure(beside == 0, format!("{:?} is not alone at {at}", i.agent))?;
        }
    }
    ensure(
        schedule.makespan_us == schedule.items.iter().map(|i| i.end_us).max().unwrap_or(0),
        "another makespan".into(),
    )?;
    let bound = lower_bound_us(plan, graph, capacity, choices, mode);
    if schedule.impossible.is_empty() {
        ensure(
            bound <= schedule.makespan_us,
            format!("{} below the bound {bound}", schedule.makespan_us),
        )?;
    }
    let peak = Matrix::new(plan, graph, choices, schedule).all;
    ensure(
        peak.peak_ram_bytes == schedule.peaks.ram_bytes,
        "another peak of memory".into(),
    )?;
    ensure(
        peak.peak_agents == schedule.peaks.agents,
        "another peak of agents".into(),
    )?;
    ensure(
        peak.peak_cpus_milli == schedule.peaks.cpus_milli,
        "another peak of CPUs".into(),
    )
}

#[test]
fn memory_binds_and_the_longest_tail_goes_first() {
    let mut plan = empty();
    plan.limits.ram = Some(crate::plan::RamLimit::Bytes(100 * MIB));
    plan.agents = vec![
        agent("short", 1, 60),
        agent("long", 5, 60),
        agent("light", 2, 40),
        agent("end", 9, 10),
    ];
    plan.agents[3].needs = vec![hard(1)];
    assert_eq!(
        starts(&plan, Mode::Hybrid),
        names(&[("long", 0), ("light", 0), ("short", 5), ("end", 5)])
    );
    assert_eq!(
        starts(&plan, Mode::Sequential),
        names(&[("long", 0), ("short", 5), ("light", 6), ("end", 8)])
    );
}

#[test]
fn phases_order_priorities_order_and_gates_bar() {
    let mut plan = empty();
    plan.limits.agents = Some(2);
    plan.gates = vec![gate("gate-1")];
    plan.phases = vec![
        phase("one", false, vec![GateIx(0)]),
        phase("two", true, vec![]),
        phase("three", false, vec![]),
    ];
    for (i, (id, p)) in [("a", 0), ("b", 0), ("c", 1), ("d", 1), ("e", 2)]
        .into_iter()
        .enumerate()
    {
        let mut a = agent(id, 2 + i as u64, 1);
        a.phase = Some(PhaseIx(p));
        plan.agents.push(a);
    }
    plan.agents[3].priority = Priority::Critical;
    assert_eq!(
        starts(&plan, Mode::Hybrid),
        names(&[("a", 0), ("b", 0), ("c", 3), ("d", 3), ("e", 8)])
    );
    // A plain barrier does not bind in parallel mode, a gate does.
    assert_eq!(
        starts(&plan, Mode::Parallel),
        names(&[("a", 0), ("b", 0), ("c", 3), ("d", 3), ("e", 7)])
    );
}

#[test]
fn soft_needs_put_off_but_never_block() {
    let mut plan = empty();
    plan.limits.agents = Some(1);
    plan.agents = vec![agent("late", 5, 1), agent("early", 5, 1)];
    plan.agents[0].needs = vec![need(1, NeedKind::Soft, When::Succeeded)];
    assert_eq!(
        starts(&plan, Mode::Hybrid),
        names(&[("early", 0), ("late", 5)])
    );
    plan.limits.agents = Some(2);
    assert_eq!(
        starts(&plan, Mode::Hybrid),
        names(&[("late", 0), ("early", 0)])
    );
}

#[test]
fn conditions_that_are_not_expected_do_not_run() {
    let mut plan = empty();
    for id in ["probe", "fix", "after-fix", "if-skipped", "always"] {
        plan.agents.push(agent(id, 1, 1));
    }
    plan.agents[1].needs = vec![need(0, NeedKind::Hard, When::Failed)];
    plan.agents[2].needs = vec![hard(1)];
    plan.agents[3].needs = vec![need(1, NeedKind::Hard, When::Skipped)];
    plan.agents[4].needs = vec![need(1, NeedKind::Hard, When::Ended)];
    let made = make(&plan, Mode::Hybrid);
    assert_eq!(made.schedule.not_expected, [AgentIx(1), AgentIx(2)]);
    assert_eq!(made.schedule.makespan_us, 2 * SECOND);
    assert_eq!(sequential_us(&made.choices), 3 * SECOND);
}

#[test]
fn the_first_mode_that_fits_is_chosen_and_budgets_hold() {
    let mut plan = empty();
    plan.limits.ram = Some(crate::plan::RamLimit::Bytes(100 * MIB));
    plan.limits.budgets.insert("requests".into(), 10);
    for id in ["a", "b"] {
        let mut a = agent(id, 10, 500);
        let mut paid = mode(2, 10);
        paid.spends.insert("requests".into(), 8);
        a.modes.extend([paid, mode(20, 50)]);
        plan.agents.push(a);
    }
    let made = make(&plan, Mode::Hybrid);
    assert_eq!(made.choices.modes, [Some(1), Some(2)]);
    assert!(made.choices.overspent.is_empty());
    // The earlier agent gives way where the later one cannot; where none can, it is said.
    plan.agents[1].modes.truncate(2);
    assert_eq!(make(&plan, Mode::Hybrid).choices.modes, [Some(2), Some(1)]);
    plan.agents[0].modes.truncate(2);
    assert_eq!(make(&plan, Mode::Hybrid).choices.overspent, ["requests"]);
    plan.agents[1].modes.truncate(1);
    assert_eq!(make(&plan, Mode::Hybrid).schedule.impossible, [AgentIx(1)]);
}

#[test]
fn bounds_prove_what_is_optimal() {
    let mut plan = empty();
    plan.limits.agents = Some(2);
    for i in 0..4 {
        plan.agents.push(agent(&format!("a{i}"), 5, 1));
    }
    let made = make(&plan, Mode::Hybrid);
    assert_eq!(made.schedule.makespan_us, 10 * SECOND);
    let bound = |mode| lower_bound_us(&plan, &made.graph, &made.capacity, &made.choices, mode);
    assert_eq!(bound(Mode::Hybrid), 10 * SECOND);
    assert_eq!(bound(Mode::Sequential), 20 * SECOND);
}

#[test]
fn a_group_spans_its_sub_agents() {
    let mut plan = empty();
    plan.agents = vec![
        agent("g", 0, 0),
        agent("a", 3, 1),
        agent("b", 4, 1),
        agent("after", 1, 1),
    ];
    plan.agents[0].work = Work::Group;
    plan.agents[1].parent = Some(AgentIx(0));
    plan.agents[2].parent = Some(AgentIx(0));
    plan.agents[3].needs = vec![hard(0)];
    let made = make(&plan, Mode::Hybrid);
    verify(&plan, Mode::Hybrid, &made).unwrap();
    let g = made
        .schedule
        .items
        .iter()
        .find(|i| i.agent == AgentIx(0))
        .unwrap();
    assert_eq!((g.start_us, g.end_us, g.done_us), (0, 0, 4 * SECOND));
    assert_eq!(made.schedule.peaks.agents, 2);
}

#[test]
fn knots_and_contrary_phases_end() {
    let mut plan = empty();
    plan.phases = vec![phase("one", true, vec![]), phase("two", false, vec![])];
    plan.agents = vec![agent("a", 1, 1), agent("b", 1, 1)];
    plan.agents[0].phase = Some(PhaseIx(0));
    plan.agents[1].phase = Some(PhaseIx(1));
    plan.agents[0].needs = vec![hard(1)];
    let made = make(&plan, Mode::Hybrid);
    assert!(made.schedule.barriers_dropped);
    assert_eq!(made.schedule.makespan_us, 2 * SECOND);
    plan.agents[1].needs = vec![hard(0)];
    let _ = make(&plan, Mode::Hybrid);
    assert_eq!(make(&empty(), Mode::Hybrid).schedule.makespan_us, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn schedules_keep_every_rule(seed: u64) {
        let plan = random_plan(seed);
        for mode in [Mode::Hybrid, Mode::Parallel, Mode::Sequential] {
            let made = make(&plan, mode);
            prop_assert_eq!(verify(&plan, mode, &made), Ok(()));
            let again = make(&plan, mode);
            prop_assert_eq!(again.schedule, made.schedule);
        }
        let graph = Graph::new(&plan);
        prop_assert_eq!(static_ranks(&plan, &graph).len(), plan.agents.len());
    }

    #[test]
    fn an_analysis_is_the_same_each_time(seed: u64) {
        let plan = random_plan(seed);
        let analysis = Analysis::new(&plan, capacity(&plan), Inputs::default());
        prop_assert_eq!(&analysis, &Analysis::new(&plan, capacity(&plan), Inputs::default()));
        prop_assert_eq!(analysis.options.iter().filter(|o| o.chosen).count(), 1);
        for option in &analysis.options {
            for term in [option.time, option.resources, option.quality, option.risk, option.score] {
                prop_assert!(term <= 1000);
            }
        }
    }
}

#[test]
#[ignore = "prints times"]
fn times() {
    for (agents, width) in [(1_000, 50), (10_000, 100), (10_000, 10_000), (10_000, 1)] {
        let mut plan = layered(agents, width, 4, 7);
        plan.limits.agents = Some(1_000);
        let graph = Graph::new(&plan);
        let at = std::time::Instant::now();
        let ranks = static_ranks(&plan, &graph);
        let ranked = at.elapsed();
        let at = std::time::Instant::now();
        let made = make(&plan, Mode::Hybrid);
        let scheduled = at.elapsed();
        let at = std::time::Instant::now();
        let analysis = Analysis::new(&plan, capacity(&plan), Inputs::default());
        // Many different caps at once: 200 tracks of two, two scarce resources, priorities.
        plan.tracks = (0..200)
            .map(|t| crate::graph::random::track(&format!("t{t}"), Priority::Normal))
            .collect();
        plan.limits.resources.insert("gpu".into(), 3);
        for (i, a) in plan.agents.iter_mut().enumerate() {
            a.track = Some(crate::plan::TrackIx::of(i * 7 % 200));
            a.exclusive = i % 1_000 == 0;
            if i % 5 == 0 {
                a.modes[0].uses.insert("gpu".into(), 1 + i as u64 % 2);
            }
        }
        for t in 0..200 {
            plan.limits.per_track.insert(crate::plan::TrackIx(t), 2);
        }
        let capped = std::time::Instant::now();
        let _ = make(&plan, Mode::Hybrid);
        println!("  with 800 cohorts: {:?}", capped.elapsed());
        println!(
            "{agents} agents, {width} wide: ranks {ranked:?} ({}), graph and schedule {scheduled:?} ({} s, peak {}), whole analysis {:?} ({})",
            ranks.len(),
            made.schedule.makespan_us / SECOND,
            made.schedule.peaks.agents,
            at.elapsed(),
            analysis.options.len(),
        );
    }
}
