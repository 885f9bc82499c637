//! What watching costs, measured: `cargo test --release --lib watch_cost -- --ignored --nocapture`.

use super::*;

const AGENTS: u32 = 8;
const FOLDERS: u32 = 250;
const FILES: u32 = 20;
const EVERY: Duration = Duration::from_secs(5);

/// CPU time of this process and of the children it waited for, in seconds.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    // utime, stime, cutime, cstime, in ticks of 10 ms.
    let ticks: u64 = fields[11..15]
        .iter()
        .map(|f| f.parse::<u64>().unwrap())
        .sum();
    ticks as f64 / 100.0
}

#[test]
#[ignore = "takes two minutes; prints figures"]
fn watch_cost_of_eight_agents_in_five_thousand_files() {
    let mut rig = Rig::with(|repo| {
        for folder in 0..FOLDERS {
            for file in 0..FILES {
                write(repo.join(format!("src/m{folder}/f{file}.rs")), lines(&[]));
            }
        }
    });
    let (start, before) = (Instant::now(), cpu());
    for agent in 0..AGENTS {
        rig.clone(agent);
    }
    let cloned = cpu() - before;
    for agent in 0..AGENTS {
        rig.add_with(agent, &[], &[]);
    }
    rig.watched(AGENTS - 1);
    println!(
        "start: {:.2} s, {:.2} CPU-s without the clones, {} folders watched",
        start.elapsed().as_secs_f64(),
        cpu() - before - cloned,
        rig.watch().stats().watches
    );
    let (start, before) = (Instant::now(), cpu());
    std::thread::sleep(Duration::from_secs(10));
    println!(
        "idle: {:.2} % of a core",
        (cpu() - before) / start.elapsed().as_secs_f64() * 100.0
    );
    // Each saves one file every five seconds; in every round two conflict in a file of their own.
    let (start, before, stats) = (Instant::now(), cpu(), rig.watch().stats());
    let rounds = 24;
    let mut delays = Vec::new();
    for round in 0..rounds {
        let other = 1 + round % (AGENTS - 1);
        let mut second = None;
        for agent in 0..AGENTS {
            let due = start + EVERY * round + EVERY / AGENTS * agent;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let conflicts = agent == 0 || agent == other;
            let name = if conflicts {
                format!("src/m{round}/f0.rs")
            } else {
                format!("src/m{}/f{agent}.rs", 100 + round)
            };
            write(
                rig.path(agent, &name),
                lines(&[(5, &format!("agent {agent}"))]),
            );
            if agent == other {
                second = Some((Instant::now(), name));
            }
            if let Some((saved, name)) = second.take() {
                rig.until(|n| matches!(n, Notice::Predicted(p) if p.files.iter().any(|f| *f.path == *name.as_bytes())));
                delays.push(saved.elapsed());
            }
        }
    }
    let after = rig.watch().stats();
    delays.sort();
    let share = (cpu() - before) / start.elapsed().as_secs_f64() * 100.0;
    println!(
        "{AGENTS} agents, one save each every {} s, for {:.0} s: {share:.2} % of a core, the writes with it",
        EVERY.as_secs(),
        start.elapsed().as_secs_f64(),
    );
    let at =
        |percent: usize| delays[(delays.len() * percent / 100).min(delays.len() - 1)].as_millis();
    println!(
        "second conflicting save to prediction: median {} ms, 95 % {} ms, max {} ms; verifications {}, snapshots {}, merges {}, thread busy {} ms",
        at(50),
        at(95),
        at(100),
        after.verifications - stats.verifications,
        after.snapshots - stats.snapshots,
        after.merges - stats.merges,
        (after.busy_us - stats.busy_us) / 1000,
    );
    assert!(
        delays.iter().all(|d| *d <= Duration::from_secs(2)),
        "{delays:?}"
    );
    // CPU time is what it is on a busy machine too, but only of what is compiled as it ships.
    assert!(cfg!(debug_assertions) || share <= 5.0, "{share}");
}
