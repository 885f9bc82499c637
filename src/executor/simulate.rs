//! The simulated agent: a real process that does what a plan's `sim` table says.
//!
//! It runs as `wavedeck __sim JSON` and is what rehearsals and tests start in place of an agent. It
//! must not print anything but what the table asks for, and must not look at the plan or the run
//! beyond its own marker.

use std::{
    env, fs,
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::Path,
    process, thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::hostile;
use crate::{
    plan::{Curve, Sim},
    sys::{
        ballast::Ballast,
        limits, marker, proc, reap, signals,
        spawn::{EnvBlock, Output, SpawnSpec, Spawned, spawn},
        tree,
    },
};

/// The hidden subcommand that leads here.
pub const SUBCOMMAND: &str = "__sim";
/// Status where the table cannot be read or the machine refuses something.
const BROKEN: u8 = 70;
/// Longest step of the clock. A process that was stopped comes back to a clock that stood still:
/// no step counts for more than [`STEP_LIMIT`].
const STEP: Duration = Duration::from_millis(20);
const STEP_LIMIT: Duration = Duration::from_millis(100);
/// How fast memory climbs, in bytes a second.
const CLIMB_BYTES: u64 = 100 << 20;
/// Says what a process of the simulation is, where it is not the agent itself.
const ROLE: &str = "WAVEDECK_SIM_ROLE";
/// Role of a process that shares the memory; the number of all of them follows.
const HELPER: &str = "helper of ";

/// Carries out the table and returns the exit status; or dies by the signal that the table names.
#[must_use]
pub fn simulated_agent(json: &str) -> u8 {
    let Ok(sim) = serde_json::from_str::<Sim>(json) else {
        return BROKEN;
    };
    match env::var(ROLE).as_deref() {
        Ok("detacher") => detach(),
        Ok("daemon") => hang(),
        Ok(role) => {
            let of = role
                .strip_prefix(HELPER)
                .and_then(|of| of.parse().ok())
                .unwrap_or(1);
            helper(&sim, of).unwrap_or(BROKEN)
        }
        Err(_) => agent(&sim).unwrap_or(BROKEN),
    }
}

/// One of the other processes of an agent: uses its share of the memory until it is ended.
fn helper(sim: &Sim, of: u32) -> io::Result<u8> {
    signals::ignore(Signal::TERM.as_raw(), sim.ignore_term)?;
    live(sim, sim.ram_bytes, of, &mut Printer::default())?;
    Ok(0)
}

fn agent(sim: &Sim) -> io::Result<u8> {
    let attempt = env::var(marker::ATTEMPT)
        .ok()
        .and_then(|a| a.parse().ok())
        .unwrap_or(1);
    let name = env::var(marker::AGENT).unwrap_or_default();
    if sim.ignore_term {
        signals::ignore(Signal::TERM.as_raw(), true)?;
    }
    if let Some(ledger) = &sim.ledger {
        append_ledger(Path::new(ledger), &name, attempt)?;
    }
    if sim.leak {
        start_role("detacher")?;
    }
    let mut out = Printer::default();
    if sim.hostile {
        for payload in hostile::payloads() {
            out.print(&payload);
        }
    }
    out.flood(sim.flood);
    let helpers = start_helpers(sim)?;
    let share = sim.ram_bytes / u64::from(sim.processes.max(1));
    // The first takes what the division leaves over.
    let own = sim.ram_bytes - share * u64::from(sim.processes.saturating_sub(1));
    live(sim, own, sim.processes.max(1), &mut out)?;
    for helper in helpers {
        let _ = tree::signal_process(helper.pid, helper.start_time, Signal::KILL);
        let _ = reap::wait(helper.pid);
    }
    let fails = sim.fail_attempts == 0 || attempt <= sim.fail_attempts;
    if fails && sim.signal != 0 {
        let _ = limits::no_core_dumps();
        signals::die_by(i32::from(sim.signal));
    }
    let status = match (sim.fail_attempts, fails) {
        (0, _) => sim.exit,
        (_, true) => sim.exit.max(1),
        (_, false) => 0,
    };
    if status == 0 {
        for path in &sim.writes {
            write_file(Path::new(path), &name, attempt)?;
        }
    }
    Ok(status)
}

/// Uses memory along the curve and prints its lines until the time is over.
fn live(sim: &Sim, ram: u64, of: u32, out: &mut Printer) -> io::Result<()> {
    let statm = proc::Statm::open(process::id().cast_signed())?;
    let mut ballast = Ballast::new(ram)?;
    let total = Duration::from_micros(sim.duration_us);
    let mut elapsed = Duration::ZERO;
    let mut printed = 0;
    loop {
        hold(&mut ballast, &statm, of, at(sim.curve, ram, elapsed, total))?;
        let due = lines_due(sim.lines, elapsed, total);
        while printed < due {
            printed += 1;
            out.print(format!("step {printed} of {}\n", sim.lines).as_bytes());
        }
        if elapsed >= total && !sim.hang {
            return Ok(());
        }
        let began = Instant::now();
        thread::sleep(if elapsed >= total {
            STEP_LIMIT
        } else {
            STEP.min(total.saturating_sub(elapsed))
        });
        elapsed += began.elapsed().min(STEP_LIMIT);
    }
}

/// Makes this process as large as wanted, counting what it would use anyway.
///
/// The program's own pages are shared between the `of` processes of the agent: a sum of resident
/// memory counts them `of` times, a sum of proportional shares once. Counting each at
/// `1 - (of - 1) / 2of` puts the stated figure in the middle of the two.
fn hold(ballast: &mut Ballast, statm: &proc::Statm, of: u32, wanted: u64) -> io::Result<()> {
    // Twice: touching may add page tables and code of our own.
    for _ in 0..2 {
        let (resident, shared) = statm.resident_and_shared()?;
        let twice = shared * u64::from(of - 1) / u64::from(of) / 2;
        let others = resident
            .saturating_sub(ballast.bytes())
            .saturating_sub(twice);
        ballast.resize(wanted.saturating_sub(others))?;
    }
    Ok(())
}

/// Memory in bytes at a point of time.
fn at(curve: Curve, ram: u64, elapsed: Duration, total: Duration) -> u64 {
    let total = total.as_micros().max(1);
    let elapsed = elapsed.as_micros().min(total);
    let part = |over: u128, of: u128| {
        u64::try_from(u128::from(ram) * over.min(of) / of.max(1)).unwrap_or(ram)
    };
    match curve {
        Curve::Flat => ram,
        Curve::Ramp => part(elapsed * 2, total),
        Curve::Spike if elapsed * 3 >= total && elapsed * 3 < total * 2 => ram,
        Curve::Spike => ram / 2,
        Curve::Stairs => part(elapsed * 10 / total + 1, 10),
        Curve::Climb => {
            let so_far = elapsed * u128::from(CLIMB_BYTES) / 1_000_000;
            u64::try_from(so_far).unwrap_or(ram).min(ram)
        }
    }
}

/// How many of its lines are due: spread evenly, the last one at the end.
fn lines_due(lines: u32, elapsed: Duration, total: Duration) -> u32 {
    if elapsed >= total {
        return lines;
    }
    let due = u128::from(lines) * elapsed.as_micros() / total.as_micros().max(1);
    u32::try_from(due).unwrap_or(lines)
}

fn start_helpers(sim: &Sim) -> io::Result<Vec<Spawned>> {
    let helper = Sim {
        duration_us: sim.duration_us,
        ram_bytes: sim.ram_bytes / u64::from(sim.processes.max(1)),
        curve: sim.curve,
        processes: 1,
        // The first process ends its helpers; one that is left without it waits to be found.
        hang: true,
        ignore_term: sim.ignore_term,
        ..Sim::default()
    };
    let json = serde_json::to_string(&helper)?;
    let role = format!("{HELPER}{}", sim.processes);
    (1..sim.processes)
        .map(|_| start_self(&json, &role))
        .collect()
}

fn start_role(role: &str) -> io::Result<Spawned> {
    start_self(&serde_json::to_string(&Sim::default())?, role)
}

/// Starts this program again, in a session of its own and with our own output.
fn start_self(json: &str, role: &str) -> io::Result<Spawned> {
    // Also right where the file was replaced or deleted since we started.
    let program = "/proc/self/exe".to_owned();
    let role = std::iter::once((ROLE.into(), role.into()));
    let block = EnvBlock::new(env::vars_os().filter(|(name, _)| name != ROLE).chain(role))?;
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    spawn(&SpawnSpec {
        argv: &[program, SUBCOMMAND.to_owned(), json.to_owned()],
        env: &block,
        extra: &[],
        unset: &[],
        cwd: &env::current_dir()?,
        stdin: stdin.as_fd(),
        output: Output::Split(stdout.as_fd(), stderr.as_fd()),
    })
}

/// The middle of a double fork: starts the daemon and is gone.
fn detach() -> u8 {
    start_role("daemon").map_or(BROKEN, |_| 0)
}

fn hang() -> u8 {
    loop {
        thread::sleep(Duration::from_hours(1));
    }
}

fn append_ledger(path: &Path, agent: &str, attempt: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    // One write, so that lines of several agents never mix.
    file.write_all(format!("{agent} {attempt}\n").as_bytes())
}

fn write_file(path: &Path, agent: &str, attempt: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, format!("written by {agent}, attempt {attempt}\n"))
}

/// Standard output that may lose its reader at any time.
#[derive(Default)]
struct Printer {
    gone: bool,
}

impl Printer {
    fn print(&mut self, bytes: &[u8]) {
        if !self.gone {
            let mut out = io::stdout().lock();
            self.gone = out.write_all(bytes).and_then(|()| out.flush()).is_err();
        }
    }

    /// Prints so many lines of 80 characters as fast as they are taken.
    fn flood(&mut self, lines: u64) {
        if lines == 0 {
            return;
        }
        let mut out = BufWriter::with_capacity(64 * 1024, RawOut);
        for number in 0..lines {
            if writeln!(out, "{number:010} {:-<69}", "flood ").is_err() {
                self.gone = true;
                return;
            }
        }
        self.gone = out.flush().is_err();
    }
}

/// Standard output without the line buffer of the standard library.
struct RawOut;

impl Write for RawOut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(io::stdout().as_fd(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn curves_reach_the_stated_peak_and_no_more() {
        for curve in [
            Curve::Flat,
            Curve::Ramp,
            Curve::Spike,
            Curve::Stairs,
            Curve::Climb,
        ] {
            let values: Vec<u64> = (0..=100)
                .map(|n| at(curve, 1000, SECOND * n / 100, SECOND))
                .collect();
            assert_eq!(values.iter().max(), Some(&1000), "{curve:?}");
        }
        assert_eq!(at(Curve::Ramp, 1000, SECOND / 4, SECOND), 500);
        assert_eq!(at(Curve::Stairs, 1000, Duration::ZERO, SECOND), 100);
        assert_eq!(at(Curve::Spike, 1000, SECOND, SECOND), 500);
        assert_eq!(at(Curve::Ramp, 1000, Duration::ZERO, Duration::ZERO), 0);
    }

    #[test]
    fn lines_are_spread_and_all_printed() {
        assert_eq!(lines_due(10, Duration::ZERO, SECOND), 0);
        assert_eq!(lines_due(10, SECOND / 2, SECOND), 5);
        assert_eq!(lines_due(10, SECOND, SECOND), 10);
        assert_eq!(lines_due(3, Duration::ZERO, Duration::ZERO), 3);
    }
}
