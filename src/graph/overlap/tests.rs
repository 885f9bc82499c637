use proptest::prelude::*;

use super::*;
use crate::plan::{LoadOptions, load};

fn of(source: &str) -> (Plan, Overlaps) {
    let loaded = load(source, &LoadOptions::default(), &mut |_| Err(String::new()));
    let plan = loaded
        .unwrap_or_else(|found| panic!("{source}\n{found:?}"))
        .plan;
    let found = overlaps(&plan, &Graph::new(&plan));
    (plan, found)
}

/// Pairs of ids, with the shared path.
fn pairs(source: &str) -> Vec<String> {
    let (plan, found) = of(source);
    assert_eq!(found.pairs, found.meetings.len() as u64);
    let id = |ix: AgentIx| plan.agent(ix).id.as_str();
    let named = found.meetings.iter();
    named
        .map(|m| {
            format!(
                "{} {} {}",
                id(m.first),
                id(m.second),
                m.example.as_deref().unwrap_or("?")
            )
        })
        .collect()
}

fn agent(id: &str, rest: &str) -> String {
    format!("[[agent]]\nid = \"{id}\"\nrun = \"x\"\n{rest}\n")
}

#[test]
fn agents_that_can_run_at_once_are_compared() {
    let a = agent("a", "scope = [\"src/**\"]");
    let beside = a.clone() + &agent("b", "scope = [\"docs/x\", \"src/api\"]");
    assert_eq!(pairs(&beside), ["a b src/api"]);
    let wild = a.clone() + &agent("b", "scope = [\"*/mod.rs\"]");
    assert_eq!(pairs(&wild), ["a b src/mod.rs"]);
    let elsewhere = a.clone() + &agent("b", "scope = [\"srcs/**\", \"docs\"]") + &agent("c", "");
    assert!(pairs(&elsewhere).is_empty());
    let reads = a.clone() + &agent("b", "scope = { read = [\"src/**\"] }");
    assert!(pairs(&reads).is_empty());
}

#[test]
fn whoever_is_kept_apart_is_not() {
    let scope = "scope = [\"src/**\"]";
    let a = agent("a", scope);
    let needs = format!("{a}{}", agent("b", "needs = [\"a\"]"));
    let far = needs + &agent("c", &format!("{scope}\nneeds = [\"b\"]"));
    assert!(pairs(&far).is_empty(), "through another");
    // The order of the file is not the order of the graph.
    let back = agent("first", &format!("{scope}\nneeds = [\"a\"]")) + &a;
    assert!(pairs(&back).is_empty(), "against plan order");
    let soft = a.clone()
        + &agent(
            "b",
            &format!("{scope}\nneeds = [{{ agent = \"a\", kind = \"soft\" }}]"),
        );
    assert_eq!(pairs(&soft).len(), 1, "a soft need keeps nobody apart");
    let part = a.clone() + &agent("b", &format!("{scope}\nparent = \"a\""));
    assert!(pairs(&part).is_empty(), "a part");
    let alone = a.clone() + &agent("b", &format!("{scope}\nexclusive = true"));
    assert!(pairs(&alone).is_empty(), "exclusive");
    let phases = "[[phase]]\nid = \"p\"\nbarrier = true\n[[phase]]\nid = \"q\"\n".to_owned();
    let two = |mode: &str| {
        format!("mode = \"{mode}\"\n{phases}")
            + &agent("a", &format!("{scope}\nphase = \"p\""))
            + &agent("b", &format!("{scope}\nphase = \"q\""))
    };
    assert!(pairs(&two("hybrid")).is_empty(), "a barrier");
    assert_eq!(pairs(&two("parallel")).len(), 1, "no barrier in this mode");
    assert!(pairs(&two("sequential")).is_empty());
    let other_phase = phases.replace("barrier = true\n", "")
        + &agent("a", &format!("{scope}\nphase = \"p\"\nexclusive = true"))
        + &agent("b", &format!("{scope}\nphase = \"q\""));
    assert_eq!(pairs(&other_phase).len(), 1, "exclusive in its phase alone");
    let one = format!("[limits]\nagents = 1\n{a}{}", agent("b", scope));
    assert!(pairs(&one).is_empty(), "one at once");
    let wave = "[gate.g]\nrun = [\"x\"]\n[wave.1]\ngates = [\"g\"]\n".to_owned()
        + &a
        + &agent("b", "")
        + &agent("c", &format!("{scope}\nneeds = [\"b\"]"));
    assert!(pairs(&wave).is_empty(), "a closed wave");
    assert_eq!(pairs(&wave.replace("[wave.1]", "[wave.2]")).len(), 1);
}

#[test]
fn critical_domains_are_told_once_each() {
    let domain = "[domain.db]\ncritical = true\n[domain.ui]\n";
    let inside = |id: &str| agent(id, "domains = [\"db\", \"ui\"]\nscope = [\"db\"]");
    let source = format!("{domain}{}{}{}", inside("a"), inside("b"), inside("c"));
    let (_, found) = of(&source);
    let pair = (AgentIx::of(0), AgentIx::of(1));
    let shared = Shared {
        domain: "db".to_owned(),
        pair,
        pairs: 3,
    };
    assert_eq!((found.shared, found.pairs), (vec![shared], 0));
    let declared = source.replace("critical = true", "");
    assert_eq!(of(&declared).1.pairs, 3, "it is not critical");
}

#[test]
fn ten_thousand_agents_are_counted_and_the_first_named() {
    let mut source = String::new();
    for i in 0..10_000 {
        source += &agent(
            &format!("a{i}"),
            &format!("scope = [\"src/{}/**\"]", i % 100),
        );
    }
    let (_, found) = of(&source);
    assert!(!found.incomplete);
    assert_eq!(found.pairs, 100 * (100 * 99 / 2));
    assert_eq!(found.meetings.len(), NAMED);
    let last = &found.meetings[NAMED - 1];
    assert_eq!((last.first.ix(), last.second.ix()), (0, 2_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Against a look at every pair.
    #[test]
    fn the_pairs_are_those_of_a_look_at_each(
        // More than a block of 64.
        edges in prop::collection::vec((0_usize..70, 0_usize..70), 0..120),
        scopes in prop::collection::vec(prop::sample::subsequence(vec!["a", "a/b/**", "*/b", "c", "a/*.rs"], 0..3), 70),
    ) {
        let mut source = String::new();
        for (i, scope) in scopes.iter().enumerate() {
            let needs: BTreeSet<_> = edges.iter().filter(|(a, b)| a.max(b) == &i && a != b).collect();
            let needs: Vec<_> = needs.iter().map(|(a, b)| format!("a{}", a.min(b))).collect();
            source += &agent(&format!("a{i}"), &format!("needs = {needs:?}\nscope = {scope:?}"));
        }
        let (plan, found) = of(&source);
        let graph = Graph::new(&plan);
        let globs: Vec<_> = scopes.iter().map(|s| crate::conflict::scope::Globs::new(s).unwrap()).collect();
        let mut expected = Vec::new();
        for a in 0..70 {
            for b in a + 1..70 {
                let (x, y) = (AgentIx::of(a), AgentIx::of(b));
                if !graph.comes_before(x, y) && !graph.comes_before(y, x) && !globs[a].overlaps(&globs[b]).is_empty() {
                    expected.push((x, y));
                }
            }
        }
        prop_assert_eq!(found.pairs, expected.len() as u64);
        let named: Vec<_> = found.meetings.iter().map(|m| (m.first, m.second)).collect();
        expected.truncate(NAMED);
        prop_assert_eq!(named, expected);
    }
}
