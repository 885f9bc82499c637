//! What a test leaves: no process may stay in its folder, neither after success nor after failure.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// How long what is just ending may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Called when a test's folder goes. After a success what is still there is a fault of the program;
/// after a failure it is killed, so that a detached run does not stay for ever.
pub fn nobody_in(folder: &Path) {
    let until = Instant::now() + PATIENCE;
    loop {
        let left = inside(folder);
        if left.is_empty() {
            return;
        }
        let failed = thread::panicking();
        if Instant::now() >= until {
            assert!(failed, "left in {}: {left:?}", folder.display());
            return;
        }
        if failed {
            for (pid, _) in left {
                // It may just have ended.
                let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Living processes that work in a folder: ours and agents alike do. By pid and command line.
fn inside(folder: &Path) -> Vec<(i32, String)> {
    let Ok(folder) = folder.canonicalize() else {
        return Vec::new();
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    // An ended one that nobody waited for has no folder any more.
    pids.filter(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|at| at == folder))
        .map(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            (pid, String::from_utf8_lossy(&line).replace('\0', " "))
        })
        .collect()
}
