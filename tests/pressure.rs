//! Measured memory decides what runs: plans whose processes really take it (`docs/testing.md`).
//!
//! Gated: `WAVEDECK_PRESSURE=1`. Takes up to 15 GiB and several minutes a test; prints what it measured.

use std::{
    env, fs,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use wavedeck::plan::{Curve, Sim};

use crate::runtime::rig::{Ended, Events, Here, Live};

const MIB: u64 = 1 << 20;
const BUDGET: u64 = 4 << 30;
const PLAN: &str = include_str!("../assets/plans/pressure.toml");

fn gated() -> bool {
    let on = env::var_os("WAVEDECK_PRESSURE").is_some();
    if !on {
        println!("skipped: needs WAVEDECK_PRESSURE=1, up to 15 GiB of memory and some minutes");
    }
    on
}

/// The built program, or another build of it.
fn program(here: &Here, args: &[&str]) -> std::process::Command {
    let template = here.command(args);
    let Some(other) = env::var_os("WAVEDECK_REAL_PROGRAM") else {
        return template;
    };
    let mut command = std::process::Command::new(other);
    command
        .args(args)
        .env_clear()
        .current_dir(here.path())
        .stdin(std::process::Stdio::null());
    for (name, value) in template.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command
}

fn run(here: &Here, vars: &[(&str, &str)]) -> Ended {
    let mut command = program(here, &["run", "--headless", "--json", "--ram", "4GiB"]);
    command
        .env("WAVEDECK_MEMORY_BAND", "70-85")
        .envs(vars.iter().copied());
    Live::of(command).patient(Duration::from_mins(20)).end()
}

/// Memory of the run as it was sampled: seconds, and share of the budget.
struct Course(Vec<(f64, f64)>);

impl Course {
    fn of(here: &Here) -> Self {
        let text = here.read_run("samples.jsonl");
        let samples = text.lines().map(|line| {
            let sample: Value = serde_json::from_str(line).unwrap();
            let at = sample["elapsed_us"].as_f64().unwrap() / 1e6;
            let bytes = sample["figures"]["agents_bytes"].as_f64().unwrap();
            (at, bytes / BUDGET as f64)
        });
        Self(samples.collect())
    }

    fn most(&self) -> f64 {
        self.0.iter().map(|(_, share)| *share).fold(0.0, f64::max)
    }

    fn above(&self, edge: f64) -> usize {
        self.0.iter().filter(|(_, share)| *share > edge).count()
    }

    /// The mean over time until the last start; none where nothing waited.
    fn mean(&self, events: &Events) -> Option<f64> {
        let starts = events.all("agent.scheduled");
        let last = starts.iter().map(|e| e["elapsed_us"].as_u64().unwrap());
        let last = last.max().unwrap() as f64 / 1e6;
        let pairs = self.0.windows(2).filter(|pair| pair[0].0 < last);
        let (sum, over) = pairs.fold((0.0, 0.0), |(sum, over), pair| {
            let took = pair[1].0 - pair[0].0;
            (sum + took * pair[0].1, over + took)
        });
        (over > 0.0).then(|| sum / over)
    }

    fn print(&self, what: &str, events: &Events) {
        let over = events.all("run.finished")[0]["elapsed_us"]
            .as_f64()
            .unwrap();
        println!(
            "{what}: {:.1} s, {} samples, most {:.1} %, above 85 %: {}, above 95 %: {}, above 100 %: {}; mean while \
             anything waits {}",
            over / 1e6,
            self.0.len(),
            self.most() * 100.0,
            self.above(0.85),
            self.above(0.95),
            self.above(1.0),
            self.mean(events).map_or_else(
                || "not known: nothing waited".to_owned(),
                |mean| format!("{:.1} %", mean * 100.0)
            )
        );
        for kind in ["memory.adapted", "memory.measured"] {
            for event in events.all(kind) {
                let told = [
                    "what",
                    "reason",
                    "agents",
                    "agents_cap",
                    "told_bytes",
                    "freed_bytes",
                ];
                let told = told.map(|name| format!("{} ", event[name]));
                println!(
                    "  {:.1} s {kind}: {}",
                    event["elapsed_us"].as_f64().unwrap() / 1e6,
                    told.concat()
                );
            }
        }
    }
}

/// All agents of the plan have succeeded.
fn all_succeed(ended: Ended, count: usize) -> Events {
    let events = ended.with(0);
    let agents = (1..=count).map(|number| format!("work-{number:02}"));
    for agent in agents {
        assert_eq!(events.ending(&agent), "completed", "{agent}");
    }
    events
}

/// Seconds of the planner's own schedule within a share of the budget, which knows all.
fn clairvoyant(here: &Here, permille: u64) -> f64 {
    let ram = format!(
        "[limits]\nram = \"{}MiB\"\n",
        BUDGET * permille / 1000 / MIB
    );
    here.write("known.toml", &PLAN.replacen("[limits]\n", &ram, 1));
    let output = program(here, &["plan", "known.toml", "--json"])
        .output()
        .unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    plan["makespan_s"].as_f64().unwrap()
}

#[test]
fn the_budget_is_kept_by_measurement() {
    if !gated() {
        return;
    }
    let here = Here::with(PLAN);
    let known = clairvoyant(&here, 850);
    let events = all_succeed(run(&here, &[]), 20);
    let course = Course::of(&here);
    course.print("pressure.toml", &events);
    let took = events.all("run.finished")[0]["elapsed_us"]
        .as_f64()
        .unwrap()
        / 1e6;
    println!(
        "the planner, who knows all: {known:.1} s; {:.2}",
        took / known
    );
    assert_eq!(course.above(1.0), 0);
    assert!(course.above(0.95) <= 1);
    let mean = course.mean(&events).unwrap();
    assert!((0.60..=0.85).contains(&mean), "{mean}");
    assert!(took <= 1.15 * known, "{took} of {known}");
}

#[test]
fn without_admission_it_is_not_kept() {
    if !gated() {
        return;
    }
    let here = Here::with(PLAN);
    let events = all_succeed(run(&here, &[("WAVEDECK_TEST_ADMISSION", "off")]), 20);
    let course = Course::of(&here);
    course.print("pressure.toml, admission off", &events);
    assert!(course.above(1.0) > 10, "{}", course.most());
}

/// The plan, but every second agent declares half, one holds four times what it says and grows to its end, and one
/// has a daemon that takes what it did not say.
fn lies() -> String {
    let daemon = Sim {
        duration_us: 1_000_000,
        ram_bytes: 900 * MIB,
        curve: Curve::Ramp,
        processes: 1,
        hang: true,
        ..Sim::default()
    };
    let daemon = serde_json::to_string(&daemon).unwrap();
    let program = env::var("WAVEDECK_REAL_PROGRAM");
    let program = program.unwrap_or_else(|_| crate::runtime::rig::BIN.to_owned());
    let script = format!("(setsid {program} __sim '{daemon}' &); exec sleep 30");
    let argv = serde_json::to_string(&["sh", "-c", &script]).unwrap();
    let mut agent = 0;
    let lines = PLAN.lines().map(|line| {
        if line == "[[agent]]" {
            agent += 1;
        }
        match (agent, line.split_once(" = \"")) {
            (number, Some(("ram", size))) if number > 0 && number % 2 == 0 => {
                let size: u64 = size.strip_suffix("MiB\"").unwrap().parse().unwrap();
                format!("ram = \"{}MiB\"\n", size / 2)
            }
            (5, _) if line.starts_with("sim") => {
                "sim = { duration = \"60s\", ram = \"2GiB\", curve = \"stairs\" }\n".to_owned()
            }
            (7, _) if line.starts_with("sim") => format!("run = {argv}\n"),
            _ => format!("{line}\n"),
        }
    });
    lines.collect()
}

/// A program that is none of the run's: takes memory of the machine at random and gives it back, until dropped.
struct Foreign {
    over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<u64>>,
}

/// Bytes of the machine: all, and those that can be had.
fn machine() -> (u64, u64) {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let of = |name: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024
    };
    (of("MemTotal:"), of("MemAvailable:"))
}

impl Foreign {
    /// Takes the machine's use to 50-90 % of it, another share every few seconds, by a seed.
    fn start(mut seed: u64) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let mut held: Vec<Vec<u8>> = Vec::new();
            let mut most = 0;
            let mut next = Instant::now();
            let mut wanted = 0;
            while !stop.load(Ordering::SeqCst) {
                let (total, available) = machine();
                if Instant::now() >= next {
                    seed = seed
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    wanted = total / 100 * (50 + (seed >> 33) % 40);
                    next = Instant::now() + Duration::from_secs(4 + (seed >> 40) % 8);
                }
                let block = 64 * MIB as usize;
                if total - available + 64 * MIB < wanted {
                    held.push(vec![1; block]);
                } else if total - available > wanted {
                    held.pop();
                }
                most = most.max(held.len() as u64 * block as u64);
                thread::sleep(Duration::from_millis(20));
            }
            most
        });
        Self {
            over,
            thread: Some(thread),
        }
    }

    fn end(mut self) -> u64 {
        self.over.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap()
    }
}

#[test]
fn lies_leaks_daemons_and_strangers_lose_nothing() {
    if !gated() {
        return;
    }
    let here = Here::with(&lies());
    let events = all_succeed(run(&here, &[]), 20);
    Course::of(&here).print("half of them declare half, a leak, a daemon", &events);
    assert!(
        !events.all("memory.adapted").is_empty(),
        "nothing was decided"
    );
    here.nobody_left();
}

#[test]
fn a_stranger_who_takes_the_machine_loses_nothing() {
    if !gated() {
        return;
    }
    let here = Here::with(&lies());
    let foreign = Foreign::start(7);
    let ended = run(&here, &[]);
    let most = foreign.end();
    let events = all_succeed(ended, 20);
    println!("the stranger held {} MiB at most", most / MIB);
    let course = Course::of(&here);
    course.print("the same beside a stranger", &events);
    let zones = events.all("zone.changed");
    for zone in &zones {
        println!(
            "  {:.1} s {} -> {}{}",
            zone["elapsed_us"].as_f64().unwrap() / 1e6,
            zone["from"],
            zone["to"],
            if zone["halted"] == true {
                ", halted"
            } else {
                ""
            }
        );
    }
    let _ = std::io::stdout().flush();
    // Whatever anybody takes: nothing starts at 95 % of the machine.
    let mut halted = false;
    for event in &events.0 {
        match event["kind"].as_str() {
            Some("zone.changed") => halted = event["halted"] == true,
            Some("agent.scheduled") => assert!(!halted, "{event}"),
            _ => {}
        }
    }
    here.nobody_left();
}
