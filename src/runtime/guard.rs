//! The guard: starts the runner, and ends whatever the runner leaves behind.
//!
//! Does one thing, with almost no memory. Must not read plans or journals, and never decides about
//! agents. It is a subreaper: what loses its parent below it comes to it, whatever kills the runner.

use std::{
    collections::HashSet,
    fs,
    io::{self, Read},
    os::{
        fd::AsFd,
        unix::{fs::MetadataExt, net::UnixStream},
    },
    path::Path,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::sys::{
    proc::ProcTable,
    reap::{self, ExitStatus},
    signals::{self, SignalFd},
    spawn::{EnvBlock, Output, SpawnSpec, spawn},
    subreaper, tree,
};

use super::{RUNNER_FAILED, turns::complain};

/// Linux's number of SIGCHLD.
const SIGCHLD: i32 = 17;
/// Linux's number of SIGXFSZ.
const SIGXFSZ: i32 = 25;
/// Hidden first argument of the runner.
pub const RUNNER: &str = "__runner";
/// Hidden first argument of a guard that was started by a dashboard.
pub const GUARD: &str = "__guard";

/// Starts a runner with these arguments and stays until it and all it leaves are gone.
///
/// Returns the run's status. Signals that ask for a stop are handed on to the runner. `grace` is
/// the time between TERM and KILL until the runner has said the run's own.
///
/// # Errors
/// When the runner cannot be started.
pub fn guard(args: &[String], grace: Duration) -> io::Result<u8> {
    signals::block()?;
    survive_file_limit()?;
    let mut handled = super::watch::STOP_SIGNALS.to_vec();
    handled.push(SIGCHLD);
    let signals = SignalFd::new(&handled)?;
    subreaper::become_subreaper()?;
    // The runner has its end as standard input: when we die, the kernel closes ours. What it says
    // is the run's time of grace.
    let (theirs, ours) = UnixStream::pair()?;
    let mut argv = vec![program()?, RUNNER.to_owned()];
    argv.extend_from_slice(args);
    let env = EnvBlock::new(std::env::vars_os())?;
    let (out, err) = (io::stdout(), io::stderr());
    let runner = spawn(&SpawnSpec {
        argv: &argv,
        env: &env,
        extra: &[],
        unset: &[],
        cwd: Path::new("."),
        stdin: theirs.as_fd(),
        output: Output::Split(out.as_fd(), err.as_fd()),
    })?;
    drop(theirs);
    drop(argv);
    drop(env);
    let (status, handed) = wait(runner.pid, &signals)?;
    end_rest(said_grace(&ours).unwrap_or(grace));
    Ok(match status {
        ExitStatus::Code(code) => u8::try_from(code).unwrap_or(RUNNER_FAILED),
        // It had not begun yet, else it would have stopped in order.
        ExitStatus::Signal { number, .. } if handed == Some(number) => {
            128_u8.saturating_add(u8::try_from(number).unwrap_or(0))
        }
        ExitStatus::Signal { number, .. } => {
            complain(&format!(
                "the runner was killed by {}; what it left was ended. `wavedeck resume` goes on",
                reap::signal_name(number)
            ));
            RUNNER_FAILED
        }
    })
}

/// Tells the guard, which is at the other end of standard input, the run's time of grace.
pub(super) fn say_grace(grace: Duration) {
    let us = u64::try_from(grace.as_micros()).unwrap_or(u64::MAX);
    // Eight bytes always fit; to a guard of an older version it cannot be said.
    let _ = rustix::io::write(io::stdin(), &us.to_le_bytes());
}

/// What the runner has said; it may have died before it could.
fn said_grace(from: &UnixStream) -> Option<Duration> {
    let mut us = [0; 8];
    from.set_nonblocking(true).ok()?;
    (&*from).read_exact(&mut us).ok()?;
    Some(Duration::from_micros(u64::from_le_bytes(us)))
}

/// Makes a write beyond a limit on file sizes fail (EFBIG) in place of killing this process.
/// Children get the default back.
///
/// # Errors
/// When the system refuses.
pub(super) fn survive_file_limit() -> io::Result<()> {
    signals::ignore(SIGXFSZ, true)
}

/// How a child finds this program: by its path. Where that leads elsewhere by now (an upgrade
/// replaced or removed the file) or cannot be said as text, by the kernel's link to what is running.
///
/// # Errors
/// When `/proc` does not tell.
pub fn program() -> io::Result<String> {
    /// In the child, until it has replaced itself, this is still our own program.
    const RUNNING: &str = "/proc/self/exe";
    let path = std::env::current_exe()?;
    let same = match (fs::metadata(&path), fs::metadata(RUNNING)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    };
    let path = path.into_os_string().into_string();
    Ok(path
        .ok()
        .filter(|_| same)
        .unwrap_or_else(|| RUNNING.to_owned()))
}

/// Waits for the runner; hands signals on, reaps what was reparented to us. Returns how it ended
/// and the last signal that it was handed.
fn wait(runner: i32, signals: &SignalFd) -> io::Result<(ExitStatus, Option<i32>)> {
    let mut handed = None;
    loop {
        let mut fds = [PollFd::new(signals, PollFlags::IN)];
        // EINTR cannot come, all signals that we handle are blocked; anything else is tried again.
        let _ = poll(&mut fds, None);
        while let Ok(Some(signal)) = signals.next() {
            if signal == SIGCHLD {
                if let Some(reaped) = reap::reap(runner)? {
                    return Ok((reaped.status, handed));
                }
                while let Ok(reap::Orphans::Reaped(reaped)) = reap::reap_own_orphan() {
                    // It ended between the two looks.
                    if reaped.pid == runner {
                        return Ok((reaped.status, handed));
                    }
                }
            } else if let Some(signal) = rustix::process::Signal::from_named_raw(signal)
                && let Some(pid) = rustix::process::Pid::from_raw(runner)
            {
                // The runner is our child and not reaped yet, so its pid is its own.
                let _ = rustix::process::kill_process(pid, signal);
                handed = Some(signal.as_raw());
            }
        }
    }
}

/// Ends everything below us: TERM, grace, KILL.
fn end_rest(grace: Duration) {
    let me = std::process::id().cast_signed();
    let until = Instant::now() + grace;
    let mut asked: HashSet<(i32, u64)> = HashSet::new();
    let mut first = true;
    loop {
        while let Ok(reap::Orphans::Reaped(_)) = reap::reap_own_orphan() {}
        if let Ok(reap::Orphans::None) = reap::reap_own_orphan() {
            return;
        }
        let Ok(table) = ProcTable::scan() else { return };
        let late = Instant::now() >= until;
        // A new process below a living one that was asked is what its TERM handler cleans up with.
        let busy = |ppid: i32| {
            !first && (table.get(ppid)).is_some_and(|s| s.alive() && table.is_descendant(ppid, me))
        };
        for stat in table
            .iter()
            .filter(|s| s.pid != me && s.alive() && table.is_descendant(s.pid, me))
        {
            let name = (stat.pid, stat.start_time);
            if late {
                let _ =
                    tree::signal_process(stat.pid, stat.start_time, rustix::process::Signal::KILL);
            } else if !busy(stat.ppid) && asked.insert(name) {
                let _ =
                    tree::signal_process(stat.pid, stat.start_time, rustix::process::Signal::TERM);
                let _ =
                    tree::signal_process(stat.pid, stat.start_time, rustix::process::Signal::CONT);
            }
        }
        first = false;
        if Instant::now() >= until + Duration::from_secs(5) {
            complain("some processes of the run cannot be killed (they wait for a device)");
            return;
        }
        let tick = Timespec {
            tv_sec: 0,
            tv_nsec: 20_000_000,
        };
        let _ = poll(&mut [] as &mut [PollFd<'_>], Some(&tick));
    }
}
