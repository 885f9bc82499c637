//! Agent programs of this user that no run of ours started: what else takes memory on this machine.
//!
//! Reads names and command lines only; must not signal anybody, and what it cannot read is nobody's.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    marker::Marker,
    proc::{ProcTable, Stat},
};

/// Longest name of a process that the kernel keeps (`TASK_COMM_LEN`, without its NUL).
const LONGEST_NAME: usize = 15;
/// What runs programs that are scripts; the program is then among its first arguments.
const INTERPRETERS: [&str; 8] = [
    "node",
    "MainThread",
    "bun",
    "deno",
    "python",
    "python3",
    "uv",
    "npx",
];
/// So many arguments of an interpreter are looked at.
const ARGUMENTS: usize = 3;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Strays {
    /// Programs; what they started themselves counts as theirs.
    pub count: u32,
    /// Resident memory of them and all that is below them, in bytes; an upper bound.
    pub bytes: u64,
}

/// Finds processes of this user with one of these names that carry the marker of no run.
#[must_use]
pub fn strays(table: &ProcTable, programs: &[String]) -> Strays {
    let named = table
        .iter()
        .filter(|stat| stat.alive() && stat.pid > 1)
        .filter(|stat| is_named(stat.pid, programs))
        .filter(|stat| is_ours(stat.pid) && Marker::of(stat.pid).is_none());
    let named: HashSet<i32> = named.map(|stat| stat.pid).collect();
    let is_below_one = |stat: &Stat| named.iter().any(|&pid| table.is_descendant(stat.pid, pid));
    let roots = named.iter().filter_map(|&pid| table.get(pid));
    let count = roots.filter(|stat| !is_below_one(stat)).count();
    if count == 0 {
        return Strays::default();
    }
    let theirs = table
        .iter()
        .filter(|stat| named.contains(&stat.pid) || is_below_one(stat));
    Strays {
        count: u32::try_from(count).unwrap_or(u32::MAX),
        bytes: theirs.map(|stat| stat.rss_bytes).sum(),
    }
}

/// Whether a process is one of these programs.
fn is_named(pid: i32, programs: &[String]) -> bool {
    let Ok(name) = fs::read_to_string(format!("/proc/{pid}/comm")) else {
        return false;
    };
    let name = name.trim_end();
    if programs.iter().any(|program| cut(program) == name) {
        return true;
    }
    INTERPRETERS.contains(&name) && {
        let mut line = Vec::with_capacity(1024);
        let read = File::open(format!("/proc/{pid}/cmdline"))
            .and_then(|file| file.take(4096).read_to_end(&mut line));
        read.is_ok() && runs(&line, programs)
    }
}

/// Whether an interpreter's command line names one of these programs.
fn runs(line: &[u8], programs: &[String]) -> bool {
    let arguments = line.split(|&byte| byte == 0).skip(1).take(ARGUMENTS);
    let mut names = arguments.filter_map(|argument| {
        let path = Path::new(std::str::from_utf8(argument).ok()?);
        path.file_stem()?.to_str()
    });
    names.any(|name| programs.iter().any(|program| program == name))
}

fn cut(name: &str) -> &str {
    let end = name.len().min(LONGEST_NAME);
    name.get(..end).unwrap_or(name)
}

fn is_ours(pid: i32) -> bool {
    let me = rustix::process::getuid().as_raw();
    fs::metadata(format!("/proc/{pid}")).is_ok_and(|meta| meta.uid() == me)
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::fs::symlink,
        process::{Child, Command},
    };

    use super::*;

    struct Ends(Child);

    impl Drop for Ends {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn programs_are_found_by_name_and_runs_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("stray{}", std::process::id());
        let path = folder.path().join(&name);
        symlink("/bin/sleep", &path).unwrap();
        let programs = [name];
        let look = || strays(&ProcTable::scan().unwrap(), &programs);
        assert_eq!(look(), Strays::default());
        let start = |env: &[(&str, &str)]| {
            let mut command = Command::new(&path);
            command.arg("300").envs(env.iter().copied());
            Ends(command.spawn().unwrap())
        };
        let _of_a_run = start(&[
            ("WAVEDECK_RUN", "r"),
            ("WAVEDECK_AGENT", "a"),
            ("WAVEDECK_ATTEMPT", "1"),
        ]);
        assert_eq!(look().count, 0);
        let _stray = start(&[]);
        let found = look();
        assert!(found.count == 1 && found.bytes > 100_000, "{found:?}");
    }

    #[test]
    fn scripts_are_known_by_their_first_arguments() {
        let programs = ["codex".to_owned()];
        assert!(runs(b"node\0/usr/lib/bin/codex\0exec\0", &programs));
        assert!(runs(
            b"node\0--max-old-space-size=9\0/x/codex.js\0",
            &programs
        ));
        assert!(!runs(b"node\0a\0b\0c\0codex\0", &programs), "too far");
        assert!(
            !runs(b"codex\0x\0", &programs),
            "its own name is another matter"
        );
    }
}
