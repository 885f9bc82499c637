//! Prints what the executor itself costs per agent: `spawn_cost [COUNT [JOBS [PROGRAM…]]]`.
//!
//! Runs COUNT × PROGRAM (1,000 × `true`), JOBS at once (8), with the I/O loop on the main thread as
//! the runner does it, and compares the CPU time of this process with that of its children.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring tool prints and may fail loudly"
)]

use std::{
    env, fs,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use wavedeck::{
    executor::{Config, Job, JobKey, LocalExecutor, Mailbox, Report},
    sys::reap::{children_cpu_us, own_cpu_us},
};

fn main() {
    let mut args = env::args().skip(1);
    let count: u32 = args.next().map_or(1000, |a| a.parse().unwrap());
    let at_once: u32 = args.next().map_or(8, |a| a.parse().unwrap());
    let rest: Vec<String> = args.collect();
    let argv = if rest.is_empty() {
        vec!["true".to_owned()]
    } else {
        rest
    };
    let own_thread = env::var_os("OWN_THREAD").is_some();
    let folder = env::temp_dir().join(format!("spawn-cost-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();

    let signal = Arc::new((Mutex::new(false), Condvar::new()));
    let wake = Arc::clone(&signal);
    let mailbox = Arc::new(Mailbox::new(move || {
        *wake.0.lock().unwrap() = true;
        wake.1.notify_one();
    }));
    let config = Config::new(
        format!("cost-{}", std::process::id()),
        env::vars_os().collect(),
    );
    let (executor, io) = if own_thread {
        (
            LocalExecutor::start(&config, mailbox.clone()).unwrap(),
            None,
        )
    } else {
        let (executor, io) = LocalExecutor::prepare(&config, mailbox.clone()).unwrap();
        (executor, Some(io))
    };
    let began = Instant::now();
    let work = move || {
        let job = |number: u32| Job {
            key: JobKey::main(format!("a{number}").as_str().into(), 1),
            argv: argv.clone(),
            env_extra: Vec::new(),
            env_unset: Vec::new(),
            cwd: folder.clone(),
            stdin: None,
            prompt: None,
            output: folder.join(format!("a{number}.1")),
            watch_outputs: Vec::new(),
            speaks: None,
            terminal: None,
            boundary: None,
            setup: Vec::new(),
            setup_once: None,
        };
        let (mut started, mut ended, mut wakes, mut left) = (0, 0, 0, 0);
        let mut reports = Vec::new();
        while started < at_once.min(count) {
            executor.spawn(job(started));
            started += 1;
        }
        while ended < count {
            {
                let (flag, condvar) = &*signal;
                let mut guard = condvar
                    .wait_while(flag.lock().unwrap(), |woken| !*woken)
                    .unwrap();
                *guard = false;
            }
            wakes += 1;
            mailbox.drain(&mut reports);
            for report in reports.drain(..) {
                match report {
                    Report::Ended { leaked, .. } => {
                        left += leaked;
                        ended += 1;
                        if started < count {
                            executor.spawn(job(started));
                            started += 1;
                        }
                    }
                    Report::Spawned { .. } | Report::Escalated { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        let wall = began.elapsed();
        let cpu = (own_cpu_us().unwrap(), children_cpu_us().unwrap());
        executor.shutdown(Duration::ZERO);
        (wall, cpu, wakes, left, executor, folder)
    };
    let worker = thread::spawn(work);
    if let Some(io) = io {
        io.run();
    }
    let (wall, (own, children), wakes, left, executor, folder) = worker.join().unwrap();
    executor.join();
    let _ = fs::remove_dir_all(folder);
    println!(
        "{count} jobs, {at_once} at once: wall {:.3} s, own CPU {:.1} µs per job, children {:.1}, wakes {:.2}, left behind {left}",
        wall.as_secs_f64(),
        own as f64 / f64::from(count),
        children as f64 / f64::from(count),
        f64::from(wakes) / f64::from(count),
    );
}
