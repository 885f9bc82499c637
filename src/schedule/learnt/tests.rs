//! What is learnt: averages, bounds, hostile files, two runs in either order.

use proptest::prelude::*;

use super::*;
use crate::{
    graph::random::{agent, empty, worker},
    plan::{Plan, WorkerIx},
};

const MIB: u64 = 1 << 20;
const SECOND: u64 = 1_000_000;

fn took(run: &str, peak: u64, seconds: u64) -> Took {
    Took {
        run: run.to_owned(),
        attempt: 1,
        whole: true,
        declared_bytes: Some(MIB),
        reserved_bytes: MIB,
        peak_bytes: Some(peak),
        growth: Some(peak / 2),
        duration_us: seconds * SECOND,
        cpu_us: seconds * SECOND / 2,
        tokens: None,
    }
}

fn lesson(agent: &str, took: Took) -> Lesson {
    Lesson {
        agent: agent.to_owned(),
        worker: Some("claude".to_owned()),
        class: Class::Implementation,
        took,
    }
}

/// One agent, taught by runs with these peaks in MiB.
fn taught(peaks: &[u64]) -> Learnt {
    let mut learnt = Learnt::default();
    for (at, mib) in peaks.iter().enumerate() {
        let run = format!("run-{at:04}");
        let took = took(&run, mib * MIB, 10);
        assert!(learnt.teach(&run, "plan", at as u64, vec![lesson("a", took)]));
    }
    learnt
}

fn of<'a>(learnt: &'a Learnt, agent: &str) -> &'a Known {
    let key = Key::agent("plan", agent, Some("claude"));
    learnt.all().find(|known| known.key == key).unwrap()
}

#[test]
fn averages_weigh_the_newest_by_three_tenths() {
    let learnt = taught(&[1000, 2000]);
    let peak = of(&learnt, "a").peak.unwrap();
    assert_eq!((peak.mean / MIB, peak.spread / MIB), (1300, 300));
    assert_eq!(of(&learnt, "a").reserve(), Some(1600 * MIB));
    // Never more than was seen.
    let known = taught(&[1000, 1100, 900]);
    assert!(of(&known, "a").reserve() <= Some(1100 * MIB));
    assert_eq!(of(&known, "a").times, 3);
    assert_eq!(
        of(&known, "a").duration.unwrap(),
        Average::first(10 * SECOND)
    );
}

#[test]
fn who_was_cut_short_teaches_a_lower_bound() {
    let mut learnt = taught(&[1000]);
    for (run, mib) in [("run-1", 400), ("run-2", 3000)] {
        let cut = Took {
            whole: false,
            ..took(run, mib * MIB, 99)
        };
        learnt.teach(run, "plan", 9, vec![lesson("a", cut)]);
        let peak = of(&learnt, "a").peak.unwrap();
        assert_eq!(peak.mean, 1000.max(mib) * MIB, "{run}");
    }
    let known = of(&learnt, "a");
    assert_eq!((known.times, known.most_bytes), (1, 3000 * MIB));
    assert_eq!(known.duration.unwrap().mean, 10 * SECOND);
}

#[test]
fn a_run_teaches_once() {
    let mut learnt = taught(&[1000]);
    let before = learnt.clone();
    let again = vec![lesson("a", took("run-0000", 9000 * MIB, 1))];
    assert!(!learnt.teach("run-0000", "plan", 5, again));
    assert_eq!(learnt, before);
}

#[test]
fn who_was_not_taught_for_the_longest_time_goes_first() {
    let mut learnt = Learnt::default();
    for at in 0..KEYS + 5 {
        let run = format!("run-{at:06}");
        let one = lesson(&format!("agent-{at}"), took(&run, MIB, 1));
        learnt.teach(&run, "plan", at as u64, vec![one]);
    }
    assert_eq!(learnt.all().count(), KEYS);
    let left = |agent: &str| {
        let key = Key::agent("plan", agent, Some("claude"));
        learnt.all().any(|known| known.key == key)
    };
    // The class is taught by each.
    assert!(!left("agent-5") && left("agent-6"));
    let text = learnt.to_json().unwrap();
    let read = Learnt::parse(&text).unwrap();
    assert_eq!(read, learnt);
    assert!(known(&text).unwrap().iter().eq(learnt.all()));
}

#[test]
fn a_file_of_a_newer_version_is_told_from_a_damaged_one() {
    let newer = br#"{"version":2,"keys":"other"}"#;
    assert_eq!(known(newer).unwrap_err(), Unread::Newer(2));
    assert_eq!(Learnt::parse(newer).unwrap_err(), Unread::Newer(2));
    let good = String::from_utf8(taught(&[1000]).to_json().unwrap()).unwrap();
    let torn = &good[..good.find('\n').unwrap() - 2];
    let large = good.replace("\"times\":1", "\"times\":1e99");
    let negative = good.replace("\"used_ms\":0", "\"used_ms\":-1");
    let beyond = good.replace("\"used_ms\":0", "\"used_ms\":9007199254740993");
    let older = good.replace("\"version\":1", "\"version\":0");
    let hostile = good.replace("implementation", "\\u001b[2J");
    assert_ne!(hostile, good);
    let said = known(hostile.as_bytes()).unwrap_err().to_string();
    assert!(said.starts_with("it is damaged: line 1, column "), "{said}");
    let bad = [
        "",
        "null",
        "[]",
        "{\"version\":1}",
        torn,
        &large,
        &negative,
        &beyond,
        &older,
    ];
    for bad in bad {
        assert!(
            matches!(known(bad.as_bytes()), Err(Unread::Damaged(_))),
            "{bad}"
        );
        assert!(
            matches!(Learnt::parse(bad.as_bytes()), Err(Unread::Damaged(_))),
            "{bad}"
        );
    }
}

#[test]
fn the_first_line_is_enough_for_a_plan() {
    let learnt = taught(&[1000, 2000]);
    let text = learnt.to_json().unwrap();
    let end = text.iter().position(|byte| *byte == b'\n').unwrap();
    for text in [&text[..], &text[..=end], &text[..end + 20]] {
        assert!(known(text).unwrap().iter().eq(learnt.all()));
    }
    let torn = Learnt::parse(&text[..text.len() - 20]);
    assert!(matches!(torn, Err(Unread::Damaged(_))));
    // Whoever has put it in another form has changed nothing.
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let pretty = serde_json::to_vec_pretty(&value).unwrap();
    assert!(known(&pretty).unwrap().iter().eq(learnt.all()));
    assert_eq!(Learnt::parse(&pretty), Ok(learnt));
}

/// Two agents with a worker: what is stated of the first, and nothing of the second.
fn plan() -> Plan {
    let mut plan = empty();
    plan.name = "plan".to_owned();
    plan.workers = vec![worker("claude")];
    plan.agents = vec![agent("a", 60, 512), agent("b", 60, 320)];
    for agent in &mut plan.agents {
        agent.modes[0].worker = Some(WorkerIx(0));
    }
    let guess = &mut plan.agents[1].modes[0];
    (guess.ram_guessed, guess.duration.guessed) = (true, true);
    plan
}

#[test]
fn what_was_learnt_raises_what_is_stated_and_replaces_a_guess() {
    let known: Vec<Known> = taught(&[2000]).all().cloned().collect();
    let stated = plan();
    let mut told = stated.clone();
    let applied = apply(&mut told, &needs(&stated, &known), 1500 * MIB);
    let (a, b) = (&told.agents[0].modes[0], &told.agents[1].modes[0]);
    // Its own attempts, as far as the limit goes.
    assert_eq!((a.ram_bytes, a.ram_guessed), (1500 * MIB, false));
    assert_eq!(
        (a.duration.expected_us, a.duration.guessed),
        (10 * SECOND, false)
    );
    // Nothing is known of the other one: its class is, and stays a guess.
    assert_eq!((b.ram_bytes, b.ram_guessed), (1500 * MIB, true));
    assert_eq!(
        (b.duration.expected_us, b.duration.guessed),
        (10 * SECOND, true)
    );
    undo(&mut told, &applied);
    assert_eq!(told, stated);
    // Less than is stated lowers nothing.
    let known: Vec<Known> = taught(&[100]).all().cloned().collect();
    apply(&mut told, &needs(&stated, &known), u64::MAX);
    assert_eq!(told.agents[0].modes[0].ram_bytes, 512 * MIB);
    assert_eq!(told.agents[1].modes[0].ram_bytes, 100 * MIB);
}

#[test]
fn a_class_says_nothing_where_the_plan_does() {
    let known: Vec<Known> = taught(&[2000]).all().cloned().collect();
    let mut stated = plan();
    stated.agents.remove(0);
    let mode = &mut stated.agents[0].modes[0];
    (mode.ram_guessed, mode.duration.guessed) = (false, true);
    let needs = needs(&stated, &known);
    assert_eq!((needs[0].ram_bytes, needs[0].own), (None, false));
    assert_eq!(needs[0].duration_us, Some(10 * SECOND));
}

#[test]
fn stated_figures_that_are_off_by_twice_are_found() {
    let stated = plan();
    let told = |mib: u64| {
        let known: Vec<Known> = taught(&[mib]).all().cloned().collect();
        let mut plan = stated.clone();
        let applied = apply(&mut plan, &needs(&stated, &known), u64::MAX);
        off(&plan, &applied)
    };
    let found = told(6400);
    assert_eq!(found.len(), 1, "of a guess nobody has to hear");
    assert_eq!(found[0].ram_bytes, Some((512 * MIB, 6400 * MIB)));
    assert_eq!(found[0].better_bytes, Some(6656 * MIB));
    let times = found[0].duration.unwrap();
    assert_eq!(
        (times.declared_us, times.took_us),
        (60 * SECOND, 10 * SECOND)
    );
    assert_eq!(told(1000)[0].ram_bytes, None);
    assert_eq!(told(256)[0].ram_bytes, Some((512 * MIB, 256 * MIB)));
    let declared = Declared {
        ram_bytes: Some(512 * MIB),
        duration_us: Some((20 * SECOND, 60 * SECOND)),
    };
    let took = Observed {
        times: 0,
        most_bytes: 100 * MIB,
        duration_us: Some(30 * SECOND),
    };
    // Cut short it may have used more later; and a range is kept.
    assert_eq!(Off::new("a", None, declared, took), None);
}

prop_compose! {
    fn any_took(run: &'static str)(
        attempt in 1_u32..4,
        whole: bool,
        declared_bytes: Option<u64>,
        reserved_bytes: u64,
        peak_bytes: Option<u64>,
        growth: Option<u64>,
        duration_us: u64,
        cpu_us: u64,
        tokens: Option<u64>,
    ) -> Took {
        Took {
            run: run.to_owned(), attempt, whole, declared_bytes, reserved_bytes, peak_bytes, growth,
            duration_us, cpu_us, tokens,
        }
    }
}

fn any_run(run: &'static str) -> impl Strategy<Value = Vec<Lesson>> {
    let one = (0..3_u8, any::<bool>(), any_took(run)).prop_map(|(agent, command, took)| Lesson {
        worker: (!command).then(|| "claude".to_owned()),
        ..lesson(&format!("a{agent}"), took)
    });
    prop::collection::vec(one, 0..40)
}

proptest! {
    #[test]
    fn an_average_lies_within_its_figures(figures in prop::collection::vec(0..=MOST, 1..40)) {
        let (least, most) = (*figures.iter().min().unwrap(), *figures.iter().max().unwrap());
        let average = Average::of(figures).unwrap();
        prop_assert!((least..=most).contains(&average.mean));
        prop_assert!(average.spread <= most - least);
    }

    #[test]
    fn it_does_not_matter_which_of_two_runs_is_written_first(
        one in any_run("run-1"), two in any_run("run-2"),
    ) {
        let both = |order: [(&str, u64, &Vec<Lesson>); 2]| {
            let mut learnt = Learnt::default();
            for (run, at, lessons) in order {
                learnt.teach(run, "plan", at, lessons.clone());
            }
            learnt
        };
        let (one, two) = (("run-1", 5, &one), ("run-2", 7, &two));
        let learnt = both([one, two]);
        prop_assert_eq!(&learnt, &both([two, one]));
        // Whatever came in, what is written can be read.
        let text = learnt.to_json().unwrap();
        prop_assert_eq!(Learnt::parse(&text), Ok(learnt));
    }

    #[test]
    fn no_file_is_too_hostile(cut: prop::sample::Index, byte: u8, noise: Vec<u8>) {
        let mut text = taught(&[1000, 2000]).to_json().unwrap();
        let at = cut.index(text.len());
        text[at] = byte;
        for text in [&text[..], &text[..at], &noise] {
            let (brief, whole) = (known(text), Learnt::parse(text));
            // The first line may be well where the rest is not.
            prop_assert!(brief.is_ok() || whole.is_err());
            if let Ok(all) = brief {
                let mut plan = plan();
                let needs = needs(&plan, &all);
                let applied = apply(&mut plan, &needs, 4 << 30);
                prop_assert!(off(&plan, &applied).len() <= plan.agents.len());
            }
        }
    }
}
