//! Snapshots of every format, and hostile text through all of them.

use proptest::prelude::*;
use serde_json::Value;

use crate::{
    graph::random::{
        agent, empty, gate, hard, mode, need, phase, plan as random_plan, track, worker,
    },
    plan::{
        AgentId, AgentIx, Class, GateIx, NeedKind, PhaseIx, Plan, Priority, RamLimit, SubAgents,
        TrackIx, When, Work, WorkerIx,
    },
    schedule::{Analysis, Inputs, capacity_from_plan},
};

use super::{Colour, bytes, duration, to_buildstate, to_dot, to_json, to_mermaid, to_table};

/// Phases with a gate, two tracks, sub-agents of both kinds, conditions, a preference, two modes.
fn middling() -> Plan {
    let mut plan = empty();
    plan.name = "add-billing".into();
    plan.goal = Some("Invoices, from schema to UI".into());
    plan.limits.ram = Some(RamLimit::Bytes(6 << 30));
    plan.limits.agents = Some(3);
    plan.limits.cpus_milli = Some(8_000);
    plan.limits.resources.insert("gpu".into(), 1);
    plan.limits.budgets.insert("premium_requests".into(), 300);
    plan.gates = vec![gate("gate-3")];
    plan.phases = vec![
        phase("design", false, vec![GateIx(0)]),
        phase("build", false, vec![]),
        phase("ship", false, vec![]),
    ];
    plan.tracks = vec![track("A", Priority::High), track("B", Priority::Normal)];
    plan.workers = vec![worker("qwen"), worker("claude:sonnet")];
    // id, seconds, MiB, phase, track
    for (id, seconds, mib, p, t) in [
        ("schema", 480, 512, 0, 0),
        ("probe", 60, 200, 0, 1),
        ("fix-probe", 300, 200, 0, 1),
        ("api", 720, 2048, 1, 0),
        ("api-tests", 300, 1024, 1, 0),
        ("api-docs", 240, 512, 1, 0),
        ("ui", 0, 0, 1, 1),
        ("ui-list", 600, 1024, 1, 1),
        ("ui-form", 540, 1024, 1, 1),
        ("style", 90, 200, 1, 1),
        ("merge", 180, 1024, 2, 0),
        ("clean-up", 30, 100, 2, 1),
    ] {
        let mut a = agent(id, seconds, mib);
        a.phase = Some(PhaseIx(p));
        a.track = Some(TrackIx(t));
        a.priority = if t == 0 {
            Priority::High
        } else {
            Priority::Normal
        };
        plan.agents.push(a);
    }
    let a = &mut plan.agents;
    a[2].needs = vec![need(1, NeedKind::Hard, When::Failed)];
    a[3].needs = vec![hard(0), need(9, NeedKind::Soft, When::Succeeded)];
    a[3].work = Work::Prompt("Implement it".into());
    a[3].modes[0].worker = Some(WorkerIx(0));
    a[3].modes[0].ram_bytes = 20 << 30;
    let mut cloud = mode(900, 2048);
    cloud.worker = Some(WorkerIx(1));
    cloud.tokens = 150_000;
    cloud.cpus_milli = 1_000;
    cloud.spends.insert("premium_requests".into(), 5);
    cloud.duration.guessed = true;
    a[3].modes.push(cloud);
    a[3].sub_agents = SubAgents::Sequential;
    a[4].parent = Some(AgentIx(3));
    a[5].parent = Some(AgentIx(3));
    a[5].class = Class::Docs;
    a[6].work = Work::Group;
    a[6].needs = vec![hard(0)];
    a[7].parent = Some(AgentIx(6));
    a[7].modes[0].uses.insert("gpu".into(), 1);
    a[8].parent = Some(AgentIx(6));
    a[9].needs = vec![need(1, NeedKind::Hard, When::Output("style.css".into()))];
    a[10].needs = vec![hard(3), hard(6), hard(9)];
    a[10].exclusive = true;
    a[11].needs = vec![need(2, NeedKind::Hard, When::Ended)];
    plan
}

fn analyse(plan: &Plan) -> Analysis {
    let inputs = Inputs {
        config: "sha256:00".into(),
        learnt: String::new(),
        effort: 5000,
        seed: 1,
    };
    Analysis::new(plan, capacity_from_plan(plan, 16 << 30, 8_000, 4), inputs)
}

#[test]
fn tables() {
    let plan = middling();
    let analysis = analyse(&plan);
    for width in [80, 120, 200] {
        let text = to_table(&plan, &analysis, width, Colour::None);
        for line in text.lines() {
            assert!(super::page::cells(line) <= width, "{line}");
        }
        insta::assert_snapshot!(format!("table-{width}"), text);
    }
}

#[test]
fn colours_change_nothing_but_colour() {
    let plan = middling();
    let analysis = analyse(&plan);
    let plain = to_table(&plan, &analysis, 120, Colour::None);
    let mut bare = String::new();
    let coloured = to_table(&plan, &analysis, 120, Colour::Ansi);
    assert_ne!(coloured, plain);
    for part in coloured.split('\u{1b}') {
        bare.push_str(match part.strip_prefix('[') {
            Some(rest) => rest.split_once('m').unwrap().1,
            None => part,
        });
    }
    assert_eq!(bare, plain);
}

#[test]
fn machine_formats() {
    let plan = middling();
    let analysis = analyse(&plan);
    let json = to_json(&plan, &analysis);
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["plan"], "add-billing");
    // One key a line keeps the differences readable.
    insta::assert_snapshot!("json", json.replace(",\"", ",\n\"").replace("},{", "},\n{"));
    insta::assert_snapshot!("buildstate", to_buildstate(&plan, &analysis));
    insta::assert_snapshot!("dot", to_dot(&plan, &analysis));
    insta::assert_snapshot!("mermaid", to_mermaid(&plan, &analysis));
}

#[test]
fn hostile_text_stays_text() {
    let mut plan = middling();
    let bad = "x\"]; \\ --> <b>\u{1b}[2J\u{202e}\n#quot;` 界";
    plan.name = bad.into();
    plan.goal = Some(bad.into());
    plan.agents[0].id = AgentId::from(bad);
    plan.phases[0].title = bad.into();
    plan.tracks[0].id = bad.into();
    plan.workers[1].name = bad.into();
    plan.agents[9].needs[0].when = When::Output(bad.into());
    let analysis = analyse(&plan);
    let value: Value = serde_json::from_str(&to_json(&plan, &analysis)).unwrap();
    assert_eq!(value["plan"], bad);
    for width in [60, 80, 200] {
        let table = to_table(&plan, &analysis, width, Colour::None);
        assert!(!table.contains('\u{1b}') && !table.contains('\u{202e}'));
        assert!(
            table.lines().all(|line| super::page::cells(line) <= width),
            "{table}"
        );
    }
    let mermaid = to_mermaid(&plan, &analysis);
    assert!(mermaid.contains("n0[\"x#34;#93;#59; #92; --#62; #60;b#62;"));
    insta::assert_snapshot!("hostile-dot", to_dot(&plan, &analysis));
}

#[test]
fn ten_thousand_agents_in_a_row_print() {
    let plan = crate::graph::random::layered(10_000, 1, 1, 1);
    let analysis = analyse(&plan);
    assert!(analysis.proven_optimal());
    let table = to_table(&plan, &analysis, 80, Colour::None);
    assert!(table.lines().filter(|line| line.contains('█')).count() > 10_000);
    let value: Value = serde_json::from_str(&to_json(&plan, &analysis)).unwrap();
    assert_eq!(value["waves"].as_array().unwrap().len(), 10_000);
    assert_eq!(to_dot(&plan, &analysis).lines().count(), 20_003);
}

#[test]
fn figures() {
    let cases = [
        (0, "0s"),
        (250_000, "250ms"),
        (1_500_000, "1.5s"),
        (1_960_000, "2s"),
        (59_960_000, "1m"),
        (89_600_000, "1m30s"),
        (3_599_600_000, "1h"),
        (86_390_000_000, "1d"),
        (90_000_000, "1m30s"),
        (3_600_000_000, "1h"),
        (3_720_000_000, "1h02m"),
        (180_000_000_000, "2d02h"),
    ];
    for (us, text) in cases {
        assert_eq!(duration(us), text);
    }
    assert_eq!(
        (bytes(0), bytes(200 << 20), bytes(5 << 29), bytes(1000)),
        ("0M".into(), "200M".into(), "2.5G".into(), "1K".into())
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_prints_the_same_bytes_within_the_width(seed: u64, width in 60_usize..220) {
        let plan = random_plan(seed);
        let (first, second) = (analyse(&plan), analyse(&plan));
        let json = to_json(&plan, &first);
        prop_assert_eq!(&json, &to_json(&plan, &second));
        let value: Value = serde_json::from_str(&json).unwrap();
        let entries = value["schedule"].as_array().unwrap().len();
        prop_assert_eq!(entries, first.schedule.items.len());
        let table = to_table(&plan, &first, width, Colour::None);
        prop_assert_eq!(&table, &to_table(&plan, &second, width, Colour::None));
        for line in table.lines() {
            prop_assert!(super::page::cells(line) <= width, "{} > {width}", line);
        }
        prop_assert_eq!(to_dot(&plan, &first), to_dot(&plan, &second));
        prop_assert_eq!(to_mermaid(&plan, &first), to_mermaid(&plan, &second));
    }
}
