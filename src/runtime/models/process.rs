//! The processes of a model server on this machine: found by the port that it listens on, measured with their tree.
//!
//! Its memory is what they hold themselves and what of mapped files is in memory: weights count. Must not speak to the
//! server. Another user's process is not seen, a tunnel to another machine is none.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use crate::sys::{
    ports,
    proc::{self, ProcTable, Resident},
};

/// Between two searches for a process that was not found.
const SEARCH: Duration = Duration::from_secs(30);
/// Between two looks at which processes belong to it.
const TREE: Duration = Duration::from_secs(5);
/// Programs that only pass on what another machine, container or process answers.
const RELAYS: [&[u8]; 9] = [
    b"docker-proxy",
    b"rootlessport",
    b"rootlessport-ch",
    b"ssh",
    b"sshd",
    b"socat",
    b"slirp4netns",
    b"pasta",
    b"systemd",
];

/// What a server's processes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bytes {
    /// In all.
    pub all: u64,
    /// Of files.
    pub file: u64,
    /// It is below the runner: an agent's own, whose memory counts there.
    pub of_agent: bool,
}

/// Finds and measures them.
#[derive(Debug)]
pub struct Process {
    port: u16,
    /// The one that listens, with its start.
    root: Option<(i32, u64)>,
    tree: Vec<i32>,
    of_agent: bool,
    search_due: Instant,
    tree_due: Instant,
}

impl Process {
    /// Makes one for what listens on a port for connections of this machine.
    #[must_use]
    pub fn listening(port: u16) -> Self {
        let now = Instant::now();
        Self {
            port,
            root: None,
            tree: Vec::new(),
            of_agent: false,
            search_due: now,
            tree_due: now,
        }
    }

    /// Looks for it again at the next measurement: it may be another one now.
    pub fn search(&mut self) {
        self.search_due = Instant::now();
    }

    /// Looks at its tree again at the next measurement.
    pub fn look_again(&mut self) {
        self.tree_due = Instant::now();
    }

    /// Returns the process that listens.
    #[must_use]
    pub const fn root(&self) -> Option<i32> {
        match self.root {
            Some((pid, _)) => Some(pid),
            None => None,
        }
    }

    /// Measures it; none where it is not to be seen.
    pub fn measure(&mut self) -> Option<Bytes> {
        let now = Instant::now();
        if self
            .root
            .is_some_and(|(pid, start)| !proc::is_alive(pid, start))
        {
            self.root = None;
            self.search_due = now;
        }
        if self.root.is_none() && now >= self.search_due {
            self.search_due = now + SEARCH;
            self.root = self.found();
            self.tree_due = now;
        }
        let (root, _) = self.root?;
        if now >= self.tree_due {
            self.tree_due = now + TREE;
            self.tree = self.members(root);
        }
        let mut bytes = Bytes {
            of_agent: self.of_agent,
            ..Bytes::default()
        };
        let mut read = false;
        for &pid in &self.tree {
            // One that ended since holds nothing.
            if let Ok(Resident { anon, file }) = proc::anon_and_file(pid) {
                bytes.all = bytes.all.saturating_add(anon).saturating_add(file);
                bytes.file = bytes.file.saturating_add(file);
                read |= pid == root;
            }
        }
        read.then_some(bytes)
    }

    fn found(&self) -> Option<(i32, u64)> {
        let pid = ports::holder(&ports::listeners(self.port))?;
        if pid <= 1 || RELAYS.contains(&ports::name(pid).as_slice()) {
            return None;
        }
        Some((pid, proc::start_time(pid).ok()?))
    }

    /// The server and all below it; alone where we are below it ourselves.
    fn members(&mut self, root: i32) -> Vec<i32> {
        let me = std::process::id().cast_signed();
        let Ok(table) = ProcTable::scan() else {
            return vec![root];
        };
        self.of_agent = table.is_descendant(root, me);
        if root == me || table.is_descendant(me, root) {
            return vec![root];
        }
        let (mut all, mut seen) = (vec![root], HashSet::from([root]));
        let mut at = 0;
        while let Some(&pid) = all.get(at) {
            at += 1;
            let below = table.children(pid).iter();
            all.extend(below.filter(|child| seen.insert(**child)));
        }
        all
    }
}

/// Returns where a path of a process is for us: it may be relative to that one's folder, or within its container.
#[must_use]
pub fn as_seen_by(pid: i32, path: &str) -> String {
    match path.strip_prefix('/') {
        Some(rest) => format!("/proc/{pid}/root/{rest}"),
        None => format!("/proc/{pid}/cwd/{path}"),
    }
}

/// Returns after how many seconds without a request a server sleeps, by its command line; none: it does not say so.
#[must_use]
pub fn sleeps_after(pid: i32) -> Option<u32> {
    const OPTION: &[u8] = b"--sleep-idle-seconds";
    let arguments = ports::arguments(pid);
    let mut all = arguments.iter();
    let value = all.find_map(|argument| match argument.strip_prefix(OPTION) {
        Some([b'=', value @ ..]) => Some(value.to_vec()),
        Some([]) => Some(Vec::new()),
        _ => None,
    })?;
    let value = if value.is_empty() {
        all.next()?.clone()
    } else {
        value
    };
    let seconds: u32 = std::str::from_utf8(&value).ok()?.parse().ok()?;
    (seconds > 0).then_some(seconds)
}
