//! Tests of the graph: known small plans, and properties over random ones.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::plan::{AgentIx, Mode, NeedKind, Plan, SubAgents, When, Work};

use super::{
    Critical, EdgeKind, Graph, Layout, LayoutOptions, layout, layout_closed, parallel_groups,
    random::{SECOND, agent, empty, hard, layered, mode, need, plan as random_plan},
};

fn diamond() -> Plan {
    let mut plan = empty();
    plan.agents = vec![
        agent("schema", 8, 10),
        agent("api", 12, 10),
        agent("docs", 5, 10),
        agent("merge", 3, 10),
    ];
    plan.agents[1].needs = vec![hard(0)];
    plan.agents[2].needs = vec![hard(0)];
    plan.agents[3].needs = vec![hard(1), hard(2)];
    plan
}

fn durations(plan: &Plan, graph: &Graph) -> Vec<u64> {
    plan.indices()
        .map(|ix| {
            if graph.is_group(ix) {
                0
            } else {
                plan.agent(ix).modes[0].duration.expected_us
            }
        })
        .collect()
}

fn ixs(list: &[u32]) -> Vec<AgentIx> {
    list.iter().map(|&i| AgentIx(i)).collect()
}

#[test]
fn waves_and_critical_path_of_a_diamond() {
    let plan = diamond();
    let graph = Graph::new(&plan);
    assert_eq!(graph.waves(), [ixs(&[0]), ixs(&[1, 2]), ixs(&[3])]);
    let critical = Critical::new(&graph, &durations(&plan, &graph));
    assert_eq!(critical.length_us, 23 * SECOND);
    assert_eq!(critical.path, ixs(&[0, 1, 3]));
    assert_eq!(critical.slack(AgentIx(2)), 7 * SECOND);
    assert_eq!(critical.tail[0], 15 * SECOND);
    let groups = parallel_groups(&plan, &graph, &durations(&plan, &graph));
    assert_eq!(groups.len(), 1);
    assert_eq!(
        (groups[0].id.as_str(), &groups[0].members, &groups[0].shared),
        ("parallel-1", &ixs(&[1, 2]), &ixs(&[0]))
    );
    assert_eq!(groups[0].duration_us, 12 * SECOND);
}

#[test]
fn successors_of_a_parent_come_after_all_its_sub_agents() {
    // root → parent(own command) → {sub → subsub}; after needs parent.
    let mut plan = empty();
    plan.agents = vec![
        agent("parent", 1, 1),
        agent("sub", 2, 1),
        agent("subsub", 4, 1),
        agent("after", 8, 1),
    ];
    plan.agents[1].parent = Some(AgentIx(0));
    plan.agents[2].parent = Some(AgentIx(1));
    plan.agents[3].needs = vec![hard(0)];
    let graph = Graph::new(&plan);
    assert_eq!(graph.waves(), [ixs(&[0]), ixs(&[1]), ixs(&[2]), ixs(&[3])]);
    assert!(graph.comes_before(AgentIx(2), AgentIx(3)));
    assert_eq!(graph.preds(AgentIx(3)), ixs(&[0]));
    assert_eq!(graph.downstream(AgentIx(1)), ixs(&[2, 3]));
    assert_eq!(
        Critical::new(&graph, &durations(&plan, &graph)).path,
        ixs(&[0, 1, 2, 3])
    );
}

#[test]
fn a_group_shares_the_wave_of_its_sub_agents() {
    let mut plan = empty();
    plan.agents = vec![
        agent("first", 1, 1),
        agent("group", 0, 0),
        agent("a", 2, 1),
        agent("b", 4, 1),
        agent("after", 8, 1),
    ];
    plan.agents[1].work = Work::Group;
    plan.agents[1].needs = vec![hard(0)];
    plan.agents[1].sub_agents = SubAgents::Sequential;
    plan.agents[2].parent = Some(AgentIx(1));
    plan.agents[3].parent = Some(AgentIx(1));
    plan.agents[4].needs = vec![hard(1)];
    let graph = Graph::new(&plan);
    assert_eq!(
        graph.waves(),
        [ixs(&[0]), ixs(&[1, 2]), ixs(&[3]), ixs(&[4])]
    );
    assert_eq!(
        graph.pred_kinds(AgentIx(3)),
        [EdgeKind::Parent, EdgeKind::Parent]
    );
    let critical = Critical::new(&graph, &durations(&plan, &graph));
    assert_eq!(
        (critical.length_us, &critical.path),
        (15 * SECOND, &ixs(&[0, 2, 3, 4]))
    );
}

#[test]
fn soft_needs_order_nothing() {
    let mut plan = diamond();
    plan.agents[0].needs = vec![need(3, NeedKind::Soft, When::Succeeded)];
    let graph = Graph::new(&plan);
    assert_eq!(graph.wave(AgentIx(0)), 1);
    assert_eq!(graph.soft_preds(AgentIx(0)), ixs(&[3]));
    assert_eq!(graph.soft_succs(AgentIx(3)), ixs(&[0]));
    assert!(graph.preds(AgentIx(0)).is_empty());
}

#[test]
fn a_barrier_lengthens_the_critical_path_and_a_contrary_need_switches_it_off() {
    let mut plan = empty();
    plan.agents = vec![
        agent("slow", 100, 1),
        agent("quick", 1, 1),
        agent("next", 10, 1),
    ];
    plan.phases = vec![
        super::random::phase("one", true, vec![]),
        super::random::phase("two", false, vec![]),
    ];
    plan.agents[0].phase = Some(crate::plan::PhaseIx(0));
    plan.agents[2].phase = Some(crate::plan::PhaseIx(1));
    plan.agents[2].needs = vec![hard(1)];
    let graph = Graph::new(&plan);
    let d = durations(&plan, &graph);
    assert_eq!(Critical::new(&graph, &d).length_us, 100 * SECOND);
    let with = Critical::with_barriers(&plan, &graph, Mode::Hybrid, &d);
    assert_eq!((with.length_us, with.path), (110 * SECOND, ixs(&[0, 2])));
    // A barrier that is not a gate's does not bind in parallel mode.
    assert_eq!(
        Critical::with_barriers(&plan, &graph, Mode::Parallel, &d).length_us,
        100 * SECOND
    );
    plan.agents[0].needs = vec![hard(2)];
    let graph = Graph::new(&plan);
    assert_eq!(
        Critical::with_barriers(&plan, &graph, Mode::Hybrid, &d).length_us,
        111 * SECOND
    );
}

#[test]
fn a_cycle_is_named_and_ends() {
    let mut plan = diamond();
    plan.agents[0].needs = vec![hard(3)];
    let graph = Graph::new(&plan);
    assert_eq!(graph.cycle(), ixs(&[0, 1, 2, 3]));
    assert_eq!(graph.waves().iter().map(Vec::len).sum::<usize>(), 4);
    // A sub-agent that needs what waits for its parent.
    let mut plan = empty();
    plan.agents = vec![
        agent("parent", 1, 1),
        agent("sub", 2, 1),
        agent("after", 8, 1),
    ];
    plan.agents[1].parent = Some(AgentIx(0));
    plan.agents[1].needs = vec![hard(2)];
    plan.agents[2].needs = vec![hard(0)];
    assert_eq!(Graph::new(&plan).cycle(), ixs(&[0, 1, 2]));
    // A ring of parents.
    plan.agents[0].parent = Some(AgentIx(1));
    let _ = Graph::new(&plan);
}

#[test]
fn long_chains_do_not_overflow_the_stack() {
    let mut plan = empty();
    for i in 0..10_000 {
        let mut a = agent(&format!("c{i}"), 1, 1);
        if i > 0 {
            a.needs = vec![hard(i - 1)];
        }
        plan.agents.push(a);
    }
    let graph = Graph::new(&plan);
    assert_eq!(graph.waves().len(), 10_000);
    let critical = Critical::new(&graph, &durations(&plan, &graph));
    assert_eq!(
        (critical.path.len(), critical.length_us),
        (10_000, 10_000 * SECOND)
    );
    assert_eq!(graph.downstream(AgentIx(0)).len(), 9_999);
    let drawn = layout(&graph, LayoutOptions::default(), |_| 4);
    assert_eq!((drawn.routes.len(), drawn.height), (9_999, 1));
    // The same as a chain of parents.
    for i in 1..10_000 {
        plan.agents[i].needs.clear();
        plan.agents[i].parent = Some(AgentIx::of(i - 1));
    }
    assert_eq!(Graph::new(&plan).waves().len(), 10_000);
}

/// Longest-path levels by plain relaxation over flattened predecessors.
fn levels(plan: &Plan, graph: &Graph) -> Vec<u32> {
    let n = plan.agents.len();
    let mut wave = vec![1_u32; n];
    // The last wave among an agent and all that is part of it.
    let last = |wave: &[u32], of: AgentIx| {
        plan.indices()
            .filter(|&i| {
                let mut up = Some(i);
                while let Some(at) = up {
                    if at == of {
                        return true;
                    }
                    up = plan.agent(at).parent;
                }
                false
            })
            .map(|i| wave[i.ix()])
            .max()
            .unwrap_or(1)
    };
    loop {
        let before = wave.clone();
        for ix in plan.indices() {
            let mut level = 1;
            for (&pred, &kind) in graph.preds(ix).iter().zip(graph.pred_kinds(ix)) {
                let mut up = plan.agent(ix).parent;
                let mut above = false;
                while let Some(at) = up {
                    above |= at == pred;
                    up = plan.agent(at).parent;
                }
                assert!(!above || kind == EdgeKind::Parent);
                level = level.max(if !above {
                    last(&wave, pred) + 1
                } else if graph.is_group(pred) {
                    wave[pred.ix()]
                } else {
                    wave[pred.ix()] + 1
                });
            }
            wave[ix.ix()] = level;
        }
        if before == wave {
            return wave;
        }
    }
}

/// Checks that nodes do not overlap and that every route runs straight from node to node.
fn check_layout(graph: &Graph, drawn: &Layout) {
    // Of a closed wave the first agent stands for all.
    let own = |ix: &AgentIx| drawn.stands[ix.ix()] == *ix;
    for ix in graph.indices().filter(own) {
        let a = drawn.nodes[ix.ix()];
        assert!(a.x + a.width <= drawn.width && a.y + a.height <= drawn.height);
        assert_eq!(drawn.node_at(a.x, a.y), Some(ix));
        assert_eq!(drawn.node_at(a.x + a.width - 1, a.y), Some(ix));
        for other in graph.indices().filter(own).filter(|o| o.0 > ix.0) {
            let b = drawn.nodes[other.ix()];
            assert!(
                a.x + a.width <= b.x
                    || b.x + b.width <= a.x
                    || a.y + a.height <= b.y
                    || b.y + b.height <= a.y,
                "{a:?} {b:?}"
            );
        }
    }
    for route in &drawn.routes {
        let (from, to) = (drawn.nodes[route.from.ix()], drawn.nodes[route.to.ix()]);
        let (first, last) = (route.points[0], *route.points.last().unwrap());
        assert!(first.y == from.y && (first.x == from.x + from.width || first.x + 1 == from.x));
        assert!(last.y == to.y && (last.x + 1 == to.x || last.x == to.x + to.width));
        for pair in route.points.windows(2) {
            assert!(
                (pair[0].x == pair[1].x) != (pair[0].y == pair[1].y),
                "{route:?}"
            );
            // No route runs through a node.
            let (x0, x1) = (pair[0].x.min(pair[1].x), pair[0].x.max(pair[1].x));
            let (y0, y1) = (pair[0].y.min(pair[1].y), pair[0].y.max(pair[1].y));
            for node in &drawn.nodes {
                assert!(
                    x1 < node.x
                        || x0 >= node.x + node.width
                        || y1 < node.y
                        || y0 >= node.y + node.height,
                    "{route:?} {node:?}"
                );
            }
        }
        assert!(
            route
                .points
                .iter()
                .all(|p| p.x < drawn.width && p.y < drawn.height)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn waves_are_longest_path_levels(seed: u64) {
        let plan = random_plan(seed);
        let graph = Graph::new(&plan);
        prop_assert!(graph.cycle().is_empty());
        let expected = levels(&plan, &graph);
        for ix in graph.indices() {
            prop_assert_eq!(graph.wave(ix), expected[ix.ix()]);
        }
        prop_assert!(graph.waves().iter().all(|wave| !wave.is_empty() && wave.is_sorted()));
        prop_assert_eq!(&Graph::new(&plan), &graph);
    }

    #[test]
    fn the_critical_path_has_no_slack_and_its_length(seed: u64) {
        let plan = random_plan(seed);
        let graph = Graph::new(&plan);
        let d = durations(&plan, &graph);
        for critical in [Critical::new(&graph, &d), Critical::with_barriers(&plan, &graph, plan.mode, &d)] {
            let sum: u64 = critical.path.iter().map(|ix| d[ix.ix()]).sum();
            prop_assert_eq!(sum, critical.length_us);
            prop_assert!(critical.path.iter().all(|&ix| critical.is_critical(ix)));
            for ix in graph.indices() {
                let i = ix.ix();
                prop_assert!(critical.latest_start[i] >= critical.earliest_start[i]);
                prop_assert_eq!(critical.latest_finish[i] + critical.tail[i], critical.length_us);
            }
        }
    }

    #[test]
    fn groups_are_independent(seed: u64) {
        let plan = random_plan(seed);
        let graph = Graph::new(&plan);
        let groups = parallel_groups(&plan, &graph, &durations(&plan, &graph));
        for group in &groups {
            prop_assert!(group.members.len() > 1);
            for &a in &group.members {
                prop_assert_eq!(graph.preds(a), &group.shared);
                for &b in &group.members {
                    prop_assert!(!graph.comes_before(a, b));
                }
            }
        }
    }

    #[test]
    fn layouts_are_clean(seed: u64, gap in 0_u32..2) {
        let plan = random_plan(seed);
        let graph = Graph::new(&plan);
        let options = LayoutOptions { row_gap: gap, ..LayoutOptions::default() };
        let width = |ix: AgentIx| 2 + ix.0 % 9;
        let drawn = layout(&graph, options, width);
        prop_assert_eq!(drawn.omitted, 0);
        prop_assert_eq!(drawn.routes.len(), graph.edges().len());
        check_layout(&graph, &drawn);
        prop_assert_eq!(layout(&Graph::new(&plan), options, width), drawn);
    }

    #[test]
    fn closed_waves_are_one_box_each(seed: u64, pick: u64) {
        let plan = random_plan(seed);
        let graph = Graph::new(&plan);
        let waves = 1..=graph.waves().len() as u32;
        let closed: BTreeSet<u32> = waves.filter(|wave| pick >> (wave % 64) & 1 == 1).collect();
        let width = |ix: AgentIx| 2 + ix.0 % 9;
        let drawn = layout_closed(&graph, LayoutOptions::default(), &closed, width);
        prop_assert_eq!(drawn.omitted, 0);
        check_layout(&graph, &drawn);
        for ix in graph.indices() {
            let wave = graph.wave(ix);
            let first = graph.waves()[wave as usize - 1][0];
            let stands = if closed.contains(&wave) { first } else { ix };
            prop_assert_eq!(drawn.stands[ix.ix()], stands);
            prop_assert_eq!(drawn.nodes[ix.ix()], drawn.nodes[stands.ix()]);
        }
        // Every edge between two boxes is drawn once.
        let stands = |ix: AgentIx| drawn.stands[ix.ix()];
        let wanted: BTreeSet<_> = graph.edges().iter().map(|e| (stands(e.from), stands(e.to))).filter(|(a, b)| a != b).collect();
        let routes: Vec<_> = drawn.routes.iter().map(|r| (r.from, r.to)).collect();
        prop_assert_eq!(routes.len(), wanted.len());
        prop_assert_eq!(routes.into_iter().collect::<BTreeSet<_>>(), wanted);
    }
}

/// Draws a layout as text, to look at it.
fn picture(plan: &Plan, options: LayoutOptions) -> String {
    let graph = Graph::new(plan);
    let drawn = layout(&graph, options, |ix| {
        plan.agent(ix).id.as_str().len() as u32 + 2
    });
    drawn.to_text(|ix| format!("[{}]", plan.agent(ix).id))
}

#[test]
fn a_picture_of_a_small_graph() {
    let mut plan = empty();
    for id in ["schema", "api", "ui", "docs", "merge", "e2e", "ship"] {
        plan.agents.push(agent(id, 1, 1));
    }
    for (to, from) in [
        (1, 0),
        (2, 0),
        (3, 0),
        (4, 1),
        (4, 2),
        (5, 4),
        (6, 5),
        (6, 3),
    ] {
        plan.agents[to].needs.push(hard(from));
    }
    insta::assert_snapshot!(picture(&plan, LayoutOptions::default()));
}

#[test]
fn a_picture_with_groups_soft_needs_and_loops() {
    let mut plan = empty();
    for id in ["start", "group", "sub-a", "sub-b", "lint", "fix", "end"] {
        plan.agents.push(agent(id, 1, 1));
    }
    plan.agents[1].work = Work::Group;
    plan.agents[1].modes = vec![mode(0, 0)];
    plan.agents[2].parent = Some(AgentIx(1));
    plan.agents[3].parent = Some(AgentIx(1));
    plan.agents[1].needs = vec![hard(0)];
    plan.agents[4].needs = vec![hard(0), need(2, NeedKind::Soft, When::Succeeded)];
    plan.agents[5].needs = vec![need(4, NeedKind::Hard, When::Failed)];
    plan.agents[6].needs = vec![hard(1), need(4, NeedKind::Hard, When::Ended)];
    insta::assert_snapshot!(picture(&plan, LayoutOptions::default()));
    insta::assert_snapshot!(picture(
        &plan,
        LayoutOptions {
            row_gap: 0,
            ..LayoutOptions::default()
        }
    ));
}

#[test]
#[ignore = "prints a picture"]
fn a_larger_picture() {
    println!(
        "{}",
        picture(&layered(24, 6, 3, 3), LayoutOptions::default())
    );
    println!(
        "{}",
        picture(
            &layered(40, 8, 2, 5),
            LayoutOptions {
                row_gap: 0,
                ..LayoutOptions::default()
            }
        )
    );
}

#[test]
#[ignore = "prints times"]
fn times() {
    for (agents, width) in [(1_000, 50), (10_000, 100), (10_000, 1)] {
        let plan = layered(agents, width, 4, 7);
        let at = std::time::Instant::now();
        let graph = Graph::new(&plan);
        let built = at.elapsed();
        let at = std::time::Instant::now();
        let ranks = crate::schedule::static_ranks(&plan, &graph);
        let ranked = at.elapsed();
        let at = std::time::Instant::now();
        let drawn = layout(&graph, LayoutOptions::default(), |_| 10);
        println!(
            "{agents} agents, {width} wide: graph {built:?}, ranks {ranked:?} ({}), layout {:?} ({}×{})",
            ranks.len(),
            at.elapsed(),
            drawn.width,
            drawn.height
        );
    }
}
