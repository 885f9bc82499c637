//! Random plans under random faults and virtual time; invariants checked from the journal alone.
//!
//! `WAVEDECK_SIM_COUNT` sets how many seeds are tried (2,000 by default), `WAVEDECK_SIM_SEED` runs
//! one seed and prints its journal: `WAVEDECK_SIM_SEED=17 cargo test simulation -- --nocapture`.

mod budgets;
mod check;
mod cohorts;
mod leases;
mod memory;
mod merges;
mod plans;
mod queue;
mod random;
mod switch;
mod talk;
mod verdicts;
mod world;

use std::fmt::Write as _;

use wavedeck::engine::Event;

/// What one simulation left: its journal as bytes, and what is wrong with it.
struct Outcome {
    journal: String,
    problems: Vec<String>,
}

fn simulate(seed: u64) -> Outcome {
    let run = world::run(seed);
    let mut journal = String::new();
    for record in &run.records {
        let _ = writeln!(journal, "{}", serde_json::to_string(record).unwrap());
    }
    let mut problems = run.problems;
    problems.extend(check::check(&run.setup, &run.records));
    Outcome { journal, problems }
}

#[test]
fn random_simulations_keep_every_promise() {
    if let Ok(seed) = std::env::var("WAVEDECK_SIM_SEED") {
        let seed: u64 = seed.parse().expect("WAVEDECK_SIM_SEED is a number");
        let outcome = simulate(seed);
        println!("{}", outcome.journal);
        assert!(
            outcome.problems.is_empty(),
            "seed {seed}: {:#?}",
            outcome.problems
        );
        return;
    }
    let count: u64 =
        std::env::var("WAVEDECK_SIM_COUNT").map_or(2_000, |n| n.parse().expect("a number"));
    let first: u64 =
        std::env::var("WAVEDECK_SIM_FIRST").map_or(0, |n| n.parse().expect("a number"));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let bad: Vec<(u64, Vec<String>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|t| {
                scope.spawn(move || {
                    let mut bad = Vec::new();
                    for seed in
                        (first + t..first + count).step_by(usize::try_from(threads).unwrap())
                    {
                        let outcome = std::panic::catch_unwind(|| simulate(seed));
                        match outcome {
                            Ok(outcome) if outcome.problems.is_empty() => {}
                            Ok(outcome) => bad.push((seed, outcome.problems)),
                            Err(_) => bad.push((seed, vec!["panicked".to_owned()])),
                        }
                        if bad.len() > 5 {
                            break;
                        }
                    }
                    bad
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|w| w.join().unwrap())
            .collect()
    });
    assert!(
        bad.is_empty(),
        "{} seeds broke a promise: {:?}; the first: WAVEDECK_SIM_SEED={} cargo test simulation -- --nocapture\n{:#?}",
        bad.len(),
        bad.iter().map(|bad| bad.0).collect::<Vec<u64>>(),
        bad[0].0,
        bad[0].1
    );
}

/// Worlds whose memory is looked at: processes that use more or less than stated, others on the machine.
#[test]
fn memory_keeps_its_promises_in_five_thousand_worlds() {
    let count: u64 =
        std::env::var("WAVEDECK_SIM_MEMORY").map_or(5_000, |n| n.parse().expect("a number"));
    let one: Option<u64> = std::env::var("WAVEDECK_SIM_SEED")
        .ok()
        .map(|n| n.parse().expect("a number"));
    if let Some(seed) = one {
        let run = world::run_measured(seed);
        for record in &run.records {
            println!("{}", serde_json::to_string(record).unwrap());
        }
        let mut problems = run.problems;
        problems.extend(check::check(&run.setup, &run.records));
        assert!(problems.is_empty(), "{problems:#?}");
        return;
    }
    let decided = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let bad: Vec<(u64, Vec<String>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|t| {
                let decided = &decided;
                scope.spawn(move || {
                    let seeds = (t..count).step_by(usize::try_from(threads).unwrap());
                    let tried = seeds.filter_map(|seed| {
                        let run = std::panic::catch_unwind(|| world::run_measured(seed));
                        let Ok(run) = run else {
                            return Some((seed, vec!["panicked".to_owned()]));
                        };
                        decided
                            .lock()
                            .unwrap()
                            .extend(memory::decided(&run.records));
                        let mut problems = run.problems;
                        problems.extend(check::check(&run.setup, &run.records));
                        (!problems.is_empty()).then_some((seed, problems))
                    });
                    tried.take(3).collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|w| w.join().unwrap())
            .collect()
    });
    assert!(bad.is_empty(), "{bad:#?}");
    // What is never decided in those worlds would prove nothing.
    let all = ["back", "lower", "nothing", "park", "raise", "swap"];
    let seen: Vec<String> = decided.into_inner().unwrap().into_iter().collect();
    assert!(count < 5_000 || seen == all, "{seen:?}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in 0..100 {
        assert_eq!(
            simulate(seed).journal,
            simulate(seed).journal,
            "seed {seed}"
        );
    }
}

/// The checks must be able to fail: each tampering with a good journal is noticed.
#[test]
fn a_tampered_journal_is_noticed() {
    let mut noticed = [0; 4];
    for seed in 0..60 {
        let run = world::run(seed);
        assert!(check::check(&run.setup, &run.records).is_empty());
        for (kind, count) in noticed.iter_mut().enumerate() {
            let mut records = run.records.clone();
            if world::tamper(&mut records, kind) && !check::check(&run.setup, &records).is_empty() {
                *count += 1;
            }
        }
    }
    for (kind, count) in noticed.iter().enumerate() {
        assert!(
            *count > 10,
            "tampering of kind {kind} was noticed only {count} times"
        );
    }
}

/// The same of the kill switch, which is pressed too seldom for the test above.
#[test]
fn a_freeze_that_the_kill_switch_forgot_is_noticed() {
    let mut noticed = 0;
    for seed in 0..3_000 {
        let run = world::run(seed);
        let mut records = run.records.clone();
        if world::forget_a_freeze(&mut records) {
            let problems = check::check(&run.setup, &records);
            noticed += usize::from(problems.iter().any(|p| p.contains("after the kill switch")));
        }
        if noticed == 10 {
            return;
        }
    }
    panic!("noticed only {noticed} times");
}

/// A gate that passes without the yes that it asks for is noticed.
#[test]
fn an_approval_that_nobody_gave_is_noticed() {
    let mut noticed = 0;
    for seed in 0..3_000 {
        let run = world::run(seed);
        let mut records = run.records.clone();
        if world::forget_a_yes(&mut records) {
            let problems = check::check(&run.setup, &records);
            noticed += usize::from(problems.iter().any(|p| p.contains("without a yes")));
        }
        if noticed == 10 {
            return;
        }
    }
    panic!("noticed only {noticed} times");
}

/// A gate that passes although its last command was red is noticed, and one that was green on the base
/// alone.
#[test]
fn a_gate_that_passes_without_a_green_command_is_noticed() {
    for tamper in [world::redden, world::green_on_base_alone] {
        let mut noticed = 0;
        for seed in 0..3_000 {
            let run = world::run(seed);
            let mut records = run.records.clone();
            if tamper(&mut records) {
                let problems = check::check(&run.setup, &records);
                let found = problems
                    .iter()
                    .any(|p| p.contains("passed, and was not green"));
                assert!(found, "seed {seed}: {problems:?}");
                noticed += 1;
            }
            if noticed == 10 {
                break;
            }
        }
        assert_eq!(noticed, 10);
    }
}

/// What an operator can do meets gates over more than one agent, closed and red: only so does the
/// simulation say that none of it goes around one.
#[test]
fn every_action_meets_gates_over_more_than_one_agent() {
    let mut missing = verdicts::actions();
    for seed in 0..6_000 {
        let run = world::run(seed);
        verdicts::met(&run.setup, &run.records, &mut missing);
        if missing.is_empty() {
            return;
        }
    }
    panic!("never met: {missing:?}");
}

/// Memory that is leased twice, without room, or never given back is noticed; the last where it is missed.
#[test]
fn tampered_leases_are_noticed() {
    for (kind, least) in [(0, 1), (1, 5), (2, 1)] {
        let mut noticed = 0;
        for seed in 0..3_000 {
            let run = world::run(seed);
            let mut records = run.records.clone();
            if world::lease::tamper(&mut records, kind) {
                noticed += usize::from(!check::check(&run.setup, &records).is_empty());
            }
            if noticed == least {
                break;
            }
        }
        assert_eq!(noticed, least, "of kind {kind}");
    }
}

/// An agent that starts without what it is to begin with is noticed.
#[test]
fn a_start_without_a_file_that_must_be_there_is_noticed() {
    let mut noticed = 0;
    for seed in 0..3_000 {
        let run = world::run(seed);
        let mut records = run.records.clone();
        if world::lose_a_file(&mut records) {
            let problems = check::check(&run.setup, &records);
            noticed += usize::from(problems.iter().any(|p| p.contains("to begin with")));
        }
        if noticed == 10 {
            return;
        }
    }
    panic!("noticed only {noticed} times");
}

/// Agents are added in many of the simulations, run, and end; some are refused.
#[test]
fn agents_are_added_while_simulations_go_on() {
    let (mut runs, mut done) = (0, 0);
    for seed in 0..400 {
        let run = world::run(seed);
        let begun = check::begun_with(&run.setup);
        let later = &run.setup.plan.agents[begun..];
        runs += usize::from(!later.is_empty());
        done += run
            .records
            .iter()
            .filter(|record| {
                matches!(&record.event, Event::AgentCompleted { agent, .. }
                if later.iter().any(|late| late.id == *agent))
            })
            .count();
    }
    assert!(runs > 80 && done > 60, "{runs} runs, {done} done");
}

/// Kinds that no virtual process brings about.
const UNSEEN: [&str; 4] = [
    "agent.quiet",
    "agent.leaking",
    "agent.over_limit",
    "agent.preempted",
];

/// What never happens in a simulation proves nothing.
#[test]
fn every_kind_of_event_happens() {
    // No sensor listens to virtual processes, so none of them is ever quiet or too large. Who is frozen before
    // its barrier closes is too rare. Tests of the engine do these.
    let mut missing: std::collections::BTreeSet<&str> = include_str!("../../docs/architecture.md")
        .lines()
        .skip_while(|line| !line.starts_with("| kind "))
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(kind, _)| kind)
        .filter(|kind| !UNSEEN.contains(kind))
        .collect();
    assert!(missing.len() > 30, "{missing:?}");
    for seed in 0..12_000 {
        for record in world::run(seed).records {
            let event = serde_json::to_value(&record.event).unwrap();
            missing.remove(event["kind"].as_str().unwrap());
        }
        if missing.is_empty() {
            return;
        }
    }
    panic!("never seen: {missing:?}");
}
