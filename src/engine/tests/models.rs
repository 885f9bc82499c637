//! Models that servers hold: what a start takes, what an end frees, when one is unloaded.

use std::fmt::Write as _;

use super::*;
use crate::plan::ModelIx;

const GIB: u64 = 1 << 30;
const QWEN: ModelIx = ModelIx(0);

/// So many agents that a local model or another worker can do.
fn plan(agents: u32, url: &str) -> Plan {
    let mut text = format!(
        "[model.qwen]\napi = \"ollama\"\nurl = \"{url}\"\nram = \"20GiB\"\nram_per_slot = \"4GiB\"\nslots = 2\n\
         [worker.local]\nrun = [\"x\"]\nmodel = \"qwen\"\n[worker.cloud]\nrun = [\"y\"]\n\
         [defaults]\nworker = [\"local\", \"cloud\"]\nworkspace = \"shared\"\nprompt = \"x\"\n"
    );
    for i in 0..agents {
        let _ = writeln!(text, "[[agent]]\nid = \"a{i}\"");
    }
    let options = crate::plan::LoadOptions::default();
    let loaded = crate::plan::load(&text, &options, &mut |_| Err(String::new()));
    loaded.unwrap().plan
}

fn rig(agents: u32) -> Rig {
    Rig::with_cap(plan(agents, "http://127.0.0.1:9"), true, 2)
}

fn held(bytes: u64, unloading: Unloading) -> Held {
    Held {
        bytes,
        by: Known::Measured,
        unloading,
        base_bytes: None,
        slot_bytes: None,
    }
}

fn served(rig: &mut Rig, now: ServedNow) {
    rig.input(InputKind::Served { model: QWEN, now });
}

fn told(rig: &Rig) -> Vec<&'static str> {
    let all = rig.events.iter().filter_map(|event| match event {
        Event::Model(model) => Some(model.kind()),
        _ => None,
    });
    all.collect()
}

fn swap(rig: &mut Rig, agent: &str) {
    rig.act(Action::Swap {
        agent: agent.to_owned(),
        worker: Some("cloud".to_owned()),
    });
}

fn unload() -> Action {
    Action::Unload {
        model: "qwen".to_owned(),
    }
}

#[test]
fn the_first_start_takes_the_weights_and_each_a_slot() {
    let mut plan = plan(3, "http://127.0.0.1:9");
    plan.agents[1].needs = vec![hard(0)];
    let mut rig = Rig::new(plan, true);
    let of = |rig: &Rig, ix: u32| rig.state.model_cost(rig.state.setup.mode(AgentIx(ix), 0));
    // The first runs: the second finds the model on its way.
    assert_eq!(rig.state.model_slots_used(QWEN), 2, "a0 and a2");
    assert_eq!(
        (of(&rig, 1), rig.state.models_to_come_bytes()),
        (4 * GIB, 28 * GIB)
    );
    served(
        &mut rig,
        ServedNow::Loaded(held(21 * GIB, Unloading::Request)),
    );
    assert_eq!(
        (of(&rig, 1), rig.state.models_to_come_bytes()),
        (4 * GIB, 0)
    );
    let cloud = rig.state.setup.mode(AgentIx(1), 1);
    assert_eq!(rig.state.model_cost(cloud), 0);
    let none = State::new(rig.state.setup.clone());
    assert_eq!(none.model_cost(none.setup.mode(AgentIx(0), 0)), 24 * GIB);
}

#[test]
fn what_a_server_held_before_a_crash_is_not_taken_for_granted() {
    let mut rig = rig(1);
    let there = ServedNow::Loaded(held(21 * GIB, Unloading::Request));
    served(&mut rig, there.clone());
    swap(&mut rig, "a0");
    rig.end_agent(0, 1);
    assert!(rig.state.model(QWEN).unloading, "asked, and killed then");
    rig.input(InputKind::Recovered {
        boot_id: "b".to_owned(),
        survivors: 0,
        seen_attempts: Vec::new(),
    });
    let mode = rig.state.setup.mode(AgentIx(0), 0).clone();
    assert_eq!(rig.state.model_cost(&mode), 24 * GIB);
    served(&mut rig, there);
    assert_eq!(rig.state.model_cost(&mode), 4 * GIB);
    let told = told(&rig);
    let last = &told[told.len() - 2..];
    assert_eq!(last, ["model.loaded", "model.unloading"], "asked again");
}

#[test]
fn a_server_of_another_machine_takes_nothing_here() {
    let mut rig = Rig::new(plan(1, "http://10.1.2.3:9"), true);
    assert_eq!(rig.state.model_cost(rig.state.setup.mode(AgentIx(0), 0)), 0);
    served(
        &mut rig,
        ServedNow::Loaded(held(21 * GIB, Unloading::Request)),
    );
    assert_eq!(rig.state.frees(AgentIx(0)), Frees::default());
    assert_eq!(rig.state.models_to_come_bytes(), 0);
    // A swap leaves it as it is: others may use it.
    swap(&mut rig, "a0");
    rig.end_agent(0, 1);
    assert_eq!(told(&rig), ["model.loaded", "model.swapped"]);
}

#[test]
fn slots_of_a_model_hold_starts_back() {
    let mut rig = Rig::new(plan(3, "http://127.0.0.1:9"), true);
    let mode = |rig: &Rig, ix: u32| rig.state.agent(AgentIx(ix)).mode;
    // The third has another worker.
    assert_eq!([mode(&rig, 0), mode(&rig, 1), mode(&rig, 2)], [0, 0, 1]);
    rig.end_agent(0, 0);
    assert_eq!(rig.state.model_slots_used(QWEN), 1);
}

#[test]
fn the_last_user_that_is_swapped_away_unloads_the_model_and_no_other() {
    let mut rig = rig(2);
    served(
        &mut rig,
        ServedNow::Loaded(held(21 * GIB, Unloading::Request)),
    );
    let frees = rig.state.frees(AgentIx(0));
    assert_eq!(
        (frees.now_bytes, frees.later_bytes, frees.others),
        (0, 21 * GIB, 1)
    );
    swap(&mut rig, "a0");
    rig.end_agent(0, 1);
    assert_eq!(told(&rig), ["model.loaded", "model.swapped"], "a1 uses it");
    let frees = rig.state.frees(AgentIx(1));
    assert_eq!((frees.now_bytes, frees.others), (21 * GIB, 0));
    let refused = resolve(&rig.state, &unload()).unwrap_err().to_string();
    assert_eq!(refused, "qwen is used by a1");
    swap(&mut rig, "a1");
    rig.end_agent(1, 1);
    assert_eq!(told(&rig)[2..], ["model.swapped", "model.unloading"]);
    let asked = |rig: &Rig| rig.commands.contains(&Command::Unload { model: QWEN });
    assert!(asked(&rig));
    let done = Ok(UnloadedNow {
        freed_bytes: Some(20 * GIB),
        left_bytes: Some(GIB),
    });
    rig.input(InputKind::Unloaded { model: QWEN, done });
    assert_eq!(told(&rig).last(), Some(&"model.unloaded"));
    assert!(!rig.state.model(QWEN).loaded);
    // What the server says after that is nothing new.
    let count = rig.events.len();
    served(&mut rig, ServedNow::Gone { left_bytes: None });
    assert_eq!(rig.events.len(), count);
}

#[test]
fn a_model_whose_users_end_stays() {
    let mut rig = rig(1);
    served(&mut rig, ServedNow::Loaded(held(GIB, Unloading::Request)));
    rig.end_agent(0, 0);
    assert_eq!(told(&rig), ["model.loaded"]);
}

#[test]
fn who_wants_the_model_again_keeps_it() {
    let mut rig = Rig::with_cap(plan(2, "http://127.0.0.1:9"), true, 1);
    served(&mut rig, ServedNow::Loaded(held(GIB, Unloading::Request)));
    swap(&mut rig, "a0");
    // Its slot goes to the other one, or to itself with the other worker: then the model is left.
    rig.end_agent(0, 1);
    let used = rig.state.model_slots_used(QWEN) > 0;
    assert_eq!(told(&rig).contains(&"model.unloading"), !used);
    assert!(!rig.state.model(QWEN).left);
}

#[test]
fn a_person_unloads_what_is_idle_and_is_told_why_not() {
    let mut rig = rig(1);
    let why = |rig: &Rig| resolve(&rig.state, &unload()).unwrap_err().to_string();
    rig.end_agent(0, 1);
    rig.end_agent(0, 1);
    assert_eq!(rig.state.model_slots_used(QWEN), 0);
    assert_eq!(why(&rig), "qwen is not loaded");
    for (unloading, words) in [
        (Unloading::Sleep(6), "after 6 s without a request"),
        (Unloading::Never, "takes no such request"),
    ] {
        served(&mut rig, ServedNow::Loaded(held(GIB, unloading)));
        assert!(why(&rig).contains(words), "{}", why(&rig));
    }
    served(&mut rig, ServedNow::Loaded(held(GIB, Unloading::Request)));
    rig.act(unload());
    assert!(rig.commands.contains(&Command::Unload { model: QWEN }));
    assert_eq!(why(&rig), "qwen is being unloaded");
    let done = Err("its server still has it".to_owned());
    rig.input(InputKind::Unloaded { model: QWEN, done });
    assert_eq!(told(&rig).last(), Some(&"model.kept"));
    assert!(rig.state.model(QWEN).loaded && !rig.state.model(QWEN).unloading);
    // It is not tried again by itself.
    rig.input(InputKind::Settle);
    assert_eq!(told(&rig).last(), Some(&"model.kept"));
    let other = Action::Unload {
        model: "x".to_owned(),
    };
    let why = resolve(&rig.state, &other).unwrap_err().to_string();
    assert_eq!(why, "no model is called x: qwen");
}

#[test]
fn a_server_that_sleeps_by_itself_is_told_with_what_came_back() {
    let mut rig = rig(1);
    served(&mut rig, ServedNow::Loaded(held(800, Unloading::Sleep(6))));
    served(&mut rig, ServedNow::Loaded(held(800, Unloading::Sleep(6))));
    served(
        &mut rig,
        ServedNow::Gone {
            left_bytes: Some(30),
        },
    );
    let last = rig.events.iter().rev().find_map(|event| match event {
        Event::Model(model) => Some(model.as_ref()),
        _ => None,
    });
    let expected = ModelEvent::Unloaded {
        model: "qwen".to_owned(),
        asked: false,
        told_bytes: 800,
        freed_bytes: Some(770),
        left_bytes: Some(30),
    };
    assert_eq!(last, Some(&expected));
    assert_eq!(told(&rig), ["model.loaded", "model.unloaded"]);
}
