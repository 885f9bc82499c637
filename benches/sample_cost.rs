//! Prints what a reading of memory costs: `sample_cost [AGENTS…]` (50 and 1,000 sleeping agents),
//! then what sampling takes of a core for 200 agents of five processes (issue 6: at most 1 %), small ones and, with
//! `WAVEDECK_LARGE=1`, of 40 MiB each (8 GiB in all), which are measured slowly too; last what it takes during a storm
//! of 4,000 × `true`, 8 at once.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring tool prints and may fail loudly"
)]

use std::{
    env, iter,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use wavedeck::{
    executor::{Config, Job, JobKey, LocalExecutor, Owner, Report, ReportSink, simulate},
    plan::{AgentIx, Sim},
    resources::{Sampler, SlowReadings},
    sys::limits,
};

/// Counts ends; starts nothing.
#[derive(Default)]
struct Ends(AtomicU32);

impl ReportSink for Ends {
    fn push(&self, reports: &mut Vec<Report>) {
        let ended = reports
            .drain(..)
            .filter(|r| matches!(r, Report::Ended { .. }));
        self.0.fetch_add(ended.count() as u32, Ordering::SeqCst);
    }
}

fn main() {
    let _ = limits::raise_open_files();
    let counts: Vec<usize> = env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    for count in if counts.is_empty() {
        vec![50, 1000]
    } else {
        counts
    } {
        sleeping(count);
    }
    families(
        "small",
        &["sh", "-c", "for i in 1 2 3 4; do sleep 1000 & done; wait"],
    );
    if env::var_os("WAVEDECK_LARGE").is_some() {
        let sim = Sim {
            duration_us: 1_000_000_000,
            ram_bytes: 40 << 20,
            processes: 5,
            ..Sim::default()
        };
        let json = serde_json::to_string(&sim).unwrap();
        let program = env!("CARGO_BIN_EXE_wavedeck");
        families("large", &[program, simulate::SUBCOMMAND, &json]);
    }
    storm();
}

/// CPU time of all threads of this process.
fn all_cpu() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap()
}

/// What 200 agents of five processes cost, as the runner samples them: slow readings and all.
fn families(what: &str, argv: &[&str]) {
    const COUNT: usize = 200;
    let (executor, _, mut sampler) = executor();
    for number in 0..COUNT {
        executor.spawn(job(number, argv));
    }
    let whole = |sampler: &mut Sampler| {
        let agents = sampler.read(0, 0).agents;
        agents.len() == COUNT && agents.iter().all(|a| a.processes == 5)
    };
    while !whole(&mut sampler) {
        thread::sleep(Duration::from_millis(100));
    }
    let mut slow = SlowReadings::start(Duration::from_secs(15)).unwrap();
    thread::sleep(Duration::from_secs(2));
    let (began, before, looks) = (Instant::now(), all_cpu(), sampler.looks());
    let (mut readings, mut measured) = (0, 0);
    while began.elapsed() < Duration::from_secs(45) {
        thread::sleep(Duration::from_millis(500));
        let sample = sampler.read(0, 0);
        slow.turn(&mut sampler, &sample);
        measured = sample.agents.iter().filter(|a| !a.at_most()).count();
        readings += 1;
    }
    let (took, wall) = (all_cpu().saturating_sub(before), began.elapsed());
    println!(
        "{COUNT} {what} agents of five processes: {readings} readings, {} looks, {measured} measured slowly, {took:?} CPU in {wall:?}: {:.2} % of a core",
        sampler.looks() - looks,
        took.as_secs_f64() * 100.0 / wall.as_secs_f64()
    );
    executor.shutdown(Duration::ZERO);
    executor.join();
}

fn executor() -> (Arc<LocalExecutor>, Arc<Ends>, Sampler) {
    let ends = Arc::new(Ends::default());
    let run = format!("cost-{}", std::process::id());
    let config = Config::new(run.as_str(), env::vars_os().collect());
    let executor = Arc::new(LocalExecutor::start(&config, ends.clone()).unwrap());
    let jobs = Arc::clone(&executor);
    let whose = |key: &JobKey| match &key.owner {
        Owner::Agent(id) => Some((AgentIx(id.as_str()[1..].parse().ok()?), key.attempt)),
        Owner::Phase(_) | Owner::Cohort(_) | Owner::Notice => None,
    };
    let began = Instant::now();
    let views = Box::new(move || jobs.views());
    let sampler = Sampler::open(run, views, Box::new(whose), 8 << 30, &[]).unwrap();
    println!("open and first figures: {:?}", began.elapsed());
    (executor, ends, sampler)
}

fn job(number: usize, argv: &[&str]) -> Job {
    Job {
        key: JobKey::main(format!("a{number}").as_str().into(), 1),
        argv: argv.iter().map(ToString::to_string).collect(),
        env_extra: Vec::new(),
        env_unset: Vec::new(),
        cwd: env::temp_dir(),
        stdin: None,
        prompt: None,
        output: env::temp_dir().join("sample-cost.output"),
        watch_outputs: Vec::new(),
        speaks: None,
        terminal: None,
        boundary: None,
        setup: Vec::new(),
        setup_once: None,
    }
}

/// CPU time of this thread.
fn cpu() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

fn sleeping(count: usize) {
    let (executor, _, mut sampler) = executor();
    for number in 0..count {
        executor.spawn(job(number, &["sleep", "1000"]));
    }
    while sampler.read(0, 0).agents.len() < count {
        thread::sleep(Duration::from_millis(100));
    }
    // Until nobody is young.
    for _ in 0..15 {
        thread::sleep(Duration::from_millis(100));
        sampler.read(0, 0);
    }
    let looks = sampler.looks();
    let mut times: Vec<Duration> = iter::repeat_with(|| {
        let began = cpu();
        sampler.read(0, 0);
        cpu().saturating_sub(began)
    })
    .take(500)
    .collect();
    let looks = sampler.looks() - looks;
    times.sort_unstable();
    println!(
        "{count} sleeping agents: CPU median {:?}, p95 {:?}, max {:?}; {looks} looks",
        times[250], times[475], times[499]
    );
    thread::sleep(Duration::from_secs(1));
    let _ = std::process::Command::new("true").status();
    let (began, before) = (cpu(), sampler.looks());
    sampler.read(0, 0);
    println!(
        "  with {} look at all processes: {:?}",
        sampler.looks() - before,
        cpu().saturating_sub(began)
    );
    executor.shutdown(Duration::ZERO);
    executor.join();
}

fn storm() {
    const COUNT: u32 = 4000;
    for every_ms in [500, 100] {
        let (executor, ends, mut sampler) = executor();
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let mut readings = 0;
            while !stop.load(Ordering::SeqCst) {
                sampler.read(0, 0);
                readings += 1;
                thread::sleep(Duration::from_millis(every_ms));
            }
            (readings, sampler.looks(), cpu())
        });
        // One that lasts, so that there is a tree worth looking at.
        executor.spawn(job(0, &["sleep", "1000"]));
        let began = Instant::now();
        let mut started = 0;
        while ends.0.load(Ordering::SeqCst) < COUNT {
            while started < COUNT && started < ends.0.load(Ordering::SeqCst) + 8 {
                started += 1;
                executor.spawn(job(started as usize, &["true"]));
            }
            thread::sleep(Duration::from_micros(500));
        }
        let wall = began.elapsed();
        over.store(true, Ordering::SeqCst);
        let (readings, looks, cpu) = thread.join().unwrap();
        let permille = cpu.as_micros() * 1000 / wall.as_micros();
        println!(
            "storm, every {every_ms} ms: {readings} readings, {looks} looks, {cpu:?} CPU in {wall:?}: {permille} permille of a core"
        );
        executor.shutdown(Duration::ZERO);
        executor.join();
    }
}
