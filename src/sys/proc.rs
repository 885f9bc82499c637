//! `/proc`: one process, all processes, resident and proportional memory, boot id.
//!
//! Must not signal or judge. A process that ends while it is read is simply not there.
#![expect(unsafe_code, reason = "sysconf has no safe wrapper")]

use std::{
    cell::RefCell,
    collections::HashMap,
    fs::File,
    io::{self, Read},
    os::{fd::OwnedFd, unix::fs::FileExt},
    path::Path,
    sync::OnceLock,
};

use super::{marker::Marker, threads};
use rustix::fs::{Mode, OFlags, RawDir, open, openat};

/// Clock ticks per second, the unit of start times; 100 on all usual machines.
#[must_use]
pub fn ticks_per_second() -> u64 {
    static TICKS: OnceLock<u64> = OnceLock::new();
    // SAFETY: sysconf has no preconditions.
    *TICKS.get_or_init(|| {
        u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) })
            .unwrap_or(100)
            .max(1)
    })
}

/// Bytes in a page of memory.
#[must_use]
pub fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

/// One line of `/proc/<pid>/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Process id.
    pub pid: i32,
    /// Parent.
    pub ppid: i32,
    /// Process group.
    pub pgrp: i32,
    /// Session.
    pub session: i32,
    /// One letter: `R` runs, `S` sleeps, `D` waits for a device, `T` is stopped, `Z` has ended.
    pub state: u8,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
    /// Resident memory in bytes.
    pub rss_bytes: u64,
    /// User and system time in clock ticks.
    pub cpu_ticks: u64,
}

impl Stat {
    /// Returns whether it still runs code: neither ended nor being removed.
    #[must_use]
    pub const fn alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// Returns whether it is stopped (by a signal or a debugger), or has ended.
    #[must_use]
    pub const fn stopped(&self) -> bool {
        matches!(self.state, b'T' | b't') || !self.alive()
    }
}

/// Parses `/proc/<pid>/stat`; the name in brackets may hold anything, brackets included.
#[must_use]
pub fn parse_stat(text: &[u8]) -> Option<Stat> {
    parse_with_threads(text).map(|(stat, _)| stat)
}

/// The same, and how many threads it has.
fn parse_with_threads(text: &[u8]) -> Option<(Stat, u64)> {
    let open = text.iter().position(|&b| b == b'(')?;
    let close = text.iter().rposition(|&b| b == b')')?;
    let pid = std::str::from_utf8(text.get(..open)?)
        .ok()?
        .trim()
        .parse()
        .ok()?;
    let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let ppid = fields.next()?.parse().ok()?;
    let pgrp = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    // From tty_nr (7) on: utime is field 14, stime 15, threads 20, starttime 22, rss 24.
    let mut fields = fields.skip(7);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let threads = fields.nth(4)?.parse().ok()?;
    let start_time = fields.nth(1)?.parse().ok()?;
    let pages: i64 = fields.nth(1)?.parse().ok()?;
    let rss_bytes = u64::try_from(pages).unwrap_or(0) * page_size();
    let stat = Stat {
        pid,
        ppid,
        pgrp,
        session,
        state,
        start_time,
        rss_bytes,
        cpu_ticks: user + system,
    };
    Some((stat, threads))
}

/// Reads the state of one process.
pub fn stat(pid: i32) -> io::Result<Stat> {
    let mut buffer = [0; 1024];
    let len = File::open(format!("/proc/{pid}/stat"))?.read(&mut buffer)?;
    as_it_lives(&buffer[..len]).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "unknown form of /proc/<pid>/stat",
        )
    })
}

/// Parses `/proc/<pid>/stat`, and asks other threads where the first one has ended.
fn as_it_lives(text: &[u8]) -> Option<Stat> {
    let (stat, threads) = parse_with_threads(text)?;
    if stat.alive() || threads <= 1 {
        Some(stat)
    } else {
        Some(threads::as_it_lives(stat))
    }
}

/// Returns when a process started, in clock ticks since boot; with the pid it names a process for good.
pub fn start_time(pid: i32) -> io::Result<u64> {
    stat(pid).map(|s| s.start_time)
}

/// Returns the id of this boot; pids and start times of another boot mean nothing.
pub fn boot_id() -> io::Result<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned())
}

/// Returns whether this very process lives: same pid, same start.
#[must_use]
pub fn is_alive(pid: i32, start_time: u64) -> bool {
    stat(pid).is_ok_and(|s| s.start_time == start_time && s.alive())
}

/// All processes at one moment (or nearly: they come and go while it is read).
#[derive(Debug, Default)]
pub struct ProcTable {
    all: HashMap<i32, Stat>,
    children: HashMap<i32, Vec<i32>>,
    markers: RefCell<HashMap<i32, Option<Marker>>>,
}

impl ProcTable {
    /// Reads all processes; 4 to 6 µs each.
    pub fn scan() -> io::Result<Self> {
        static PROC: OnceLock<Option<OwnedFd>> = OnceLock::new();
        // The folder is read from its start each time, so it is opened anew; children of the
        // kept-open one are reached by short names.
        let kept = PROC.get_or_init(|| open_folder(Path::new("/proc")).ok());
        let folder = open_folder(Path::new("/proc"))?;
        let base = kept.as_ref().unwrap_or(&folder);
        let mut table = Self::default();
        let mut space = Vec::with_capacity(16 * 1024);
        let mut list = RawDir::new(&folder, space.spare_capacity_mut());
        let mut name = String::with_capacity(16);
        let mut buffer = [0; 1024];
        while let Some(item) = list.next() {
            let item = item?;
            let bytes = item.file_name().to_bytes();
            if !bytes.first().is_some_and(u8::is_ascii_digit) {
                continue;
            }
            let Ok(pid) = std::str::from_utf8(bytes) else {
                continue;
            };
            name.clear();
            name.push_str(pid);
            name.push_str("/stat");
            let Ok(file) = openat(base, &name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            else {
                continue;
            };
            let Ok(len) = rustix::io::read(&file, &mut buffer[..]) else {
                continue;
            };
            if let Some(stat) = as_it_lives(&buffer[..len]) {
                table.insert(stat);
            }
        }
        Ok(table)
    }

    /// Makes a table from given processes, for tests of what reads it.
    #[must_use]
    pub fn of(stats: impl IntoIterator<Item = Stat>) -> Self {
        let mut table = Self::default();
        stats.into_iter().for_each(|s| table.insert(s));
        table
    }

    fn insert(&mut self, stat: Stat) {
        self.children.entry(stat.ppid).or_default().push(stat.pid);
        self.all.insert(stat.pid, stat);
    }

    /// Finds a process.
    #[must_use]
    pub fn get(&self, pid: i32) -> Option<&Stat> {
        self.all.get(&pid)
    }

    /// Returns the children of a process.
    #[must_use]
    pub fn children(&self, pid: i32) -> &[i32] {
        self.children.get(&pid).map_or(&[], Vec::as_slice)
    }

    /// Reads the marker of a process, once for as long as this table lives.
    #[must_use]
    pub fn marker(&self, pid: i32) -> Option<Marker> {
        self.markers
            .borrow_mut()
            .entry(pid)
            .or_insert_with(|| Marker::of(pid))
            .clone()
    }

    /// Goes through all processes, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Stat> {
        self.all.values()
    }

    /// Returns whether a process is below another.
    #[must_use]
    pub fn is_descendant(&self, pid: i32, ancestor: i32) -> bool {
        let mut at = pid;
        // Bounded: the table is not of one moment, so a reused pid could close a ring.
        for _ in 0..1024 {
            let Some(stat) = self.get(at) else {
                return false;
            };
            if stat.ppid == ancestor {
                return true;
            }
            if stat.ppid <= 1 {
                return false;
            }
            at = stat.ppid;
        }
        false
    }
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    Ok(open(
        path,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

/// Resident memory of one process, read again and again from a file that stays open (0.6 µs).
#[derive(Debug)]
pub struct Statm(File);

impl Statm {
    /// Opens it for a process.
    pub fn open(pid: i32) -> io::Result<Self> {
        File::open(format!("/proc/{pid}/statm")).map(Self)
    }

    /// Returns resident bytes, shared pages included; an error once the process has ended.
    pub fn resident_bytes(&self) -> io::Result<u64> {
        self.resident_and_shared().map(|(resident, _)| resident)
    }

    /// Returns resident bytes and how many of them belong to files or shared memory.
    pub fn resident_and_shared(&self) -> io::Result<(u64, u64)> {
        let mut buffer = [0; 128];
        let len = self.0.read_at(&mut buffer, 0)?;
        let mut pages = std::str::from_utf8(&buffer[..len])
            .unwrap_or("")
            .split(' ')
            .skip(1)
            .map_while(|field| field.parse::<u64>().ok());
        match (pages.next(), pages.next()) {
            (Some(resident), Some(shared)) => Ok((resident * page_size(), shared * page_size())),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Returns what a process holds itself and of files, in bytes: `RssAnon` and `RssFile` of `/proc/<pid>/status`.
///
/// Files that are mapped count as far as they are in memory, also where others map them too. 50 µs.
pub fn anon_and_file(pid: i32) -> io::Result<Resident> {
    let mut buffer = [0; 4096];
    let len = File::open(format!("/proc/{pid}/status"))?.read(&mut buffer)?;
    anon_and_file_in(&buffer[..len]).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Resident memory of a process by what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resident {
    /// Its own, in bytes.
    pub anon: u64,
    /// Of files, in bytes.
    pub file: u64,
}

/// Reads both figures; an ended process has none.
fn anon_and_file_in(status: &[u8]) -> Option<Resident> {
    let of = |name: &[u8]| -> Option<u64> {
        let mut lines = status.split(|b| *b == b'\n');
        let line = lines.find_map(|line| line.strip_prefix(name))?;
        let text = std::str::from_utf8(line).ok()?.trim().strip_suffix("kB")?;
        text.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Resident {
        anon: of(b"RssAnon:")?,
        file: of(b"RssFile:")?,
    })
}

/// What the kernel says of all mappings of a process together, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rollup {
    /// Resident memory; shared pages count in full.
    pub resident: u64,
    /// Proportional set: a page that several processes share counts once over all of them.
    pub proportional: u64,
    /// Its proportional part of what was moved to swap.
    pub swap: u64,
}

/// Reads `/proc/<pid>/smaps_rollup`.
///
/// The kernel walks the process's page tables for it: 0.5 ms at 20 MB, 2 ms at 200 MB. Rarely, and never on the loop.
pub fn rollup(pid: i32) -> io::Result<Rollup> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    parse_rollup(&text).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// Parses `smaps_rollup`; a kernel without swap says nothing of it.
fn parse_rollup(text: &str) -> Option<Rollup> {
    let bytes = |name: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(name))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kib.checked_mul(1024)
    };
    Some(Rollup {
        resident: bytes("Rss:")?,
        proportional: bytes("Pss:")?,
        swap: bytes("SwapPss:").unwrap_or(0),
    })
}

/// Tells whether any process or thread appeared on this machine since the last look (1 µs).
#[derive(Debug)]
pub struct ForkWatch {
    loadavg: File,
    last: Option<u64>,
}

impl ForkWatch {
    /// Starts to watch; the first look says yes.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            loadavg: File::open("/proc/loadavg")?,
            last: None,
        })
    }

    /// Returns whether the number of the process made last has changed since the look before.
    ///
    /// Pid numbers are given out upwards and wrap, so the same number after a whole turn would be
    /// missed; that takes at least 32,768 new processes between two looks.
    pub fn changed(&mut self) -> bool {
        let mut buffer = [0; 128];
        let now = self.loadavg.read_at(&mut buffer, 0).ok().and_then(|len| {
            std::str::from_utf8(&buffer[..len])
                .ok()?
                .split_ascii_whitespace()
                .last()?
                .parse()
                .ok()
        });
        let changed = now.is_none() || now != self.last;
        self.last = now;
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_a_name_with_brackets_and_spaces() {
        let line = b"42 (a) b (c)) S 7 41 40 0 -1 4194560 1 2 3 4 50 60 0 0 20 0 1 0 98765 1000000 250 184467 1 1";
        let stat = parse_stat(line).unwrap();
        assert_eq!(
            (stat.pid, stat.ppid, stat.pgrp, stat.session),
            (42, 7, 41, 40)
        );
        assert_eq!(
            (stat.state, stat.start_time, stat.cpu_ticks),
            (b'S', 98765, 110)
        );
        assert_eq!(stat.rss_bytes, 250 * page_size());
    }

    #[test]
    fn reads_this_process() {
        let me = std::process::id().cast_signed();
        let stat = stat(me).unwrap();
        assert!(
            stat.alive() && is_alive(me, stat.start_time) && !is_alive(me, stat.start_time + 1)
        );
        assert!(Statm::open(me).unwrap().resident_bytes().unwrap() > 100_000);
        let all = rollup(me).unwrap();
        assert!(all.proportional > 100_000 && all.proportional <= all.resident);
        assert_eq!(
            ProcTable::scan().unwrap().get(me).unwrap().start_time,
            stat.start_time
        );
        assert_eq!(boot_id().unwrap().len(), 36);
    }

    #[test]
    fn a_rollup_is_read_with_and_without_swap() {
        let text = "55d-7ff ---p 0 00:00 0 [rollup]\nRss:     40 kB\nPss:     30 kB\nPss_Dirty: 9 kB\nSwap: 8 kB\nSwapPss: 4 kB\n";
        let read = parse_rollup(text).unwrap();
        assert_eq!(
            (read.resident, read.proportional, read.swap),
            (40 << 10, 30 << 10, 4 << 10)
        );
        let text = "Rss: 1 kB\nPss: 1 kB\n";
        assert_eq!(parse_rollup(text).map(|r| r.swap), Some(0));
        assert_eq!(parse_rollup("Rss: 1 kB\n"), None);
    }

    #[test]
    fn a_new_process_is_noticed() {
        let mut watch = ForkWatch::new().unwrap();
        watch.changed();
        std::process::Command::new("/bin/true").status().unwrap();
        assert!(watch.changed());
    }
}
