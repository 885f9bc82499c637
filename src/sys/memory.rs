//! The machine's memory: what there is, what a container leaves of it, pressure, load.
//!
//! Plain figures; must not decide what they mean.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// Memory of the machine in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Machine {
    /// All of it.
    pub total: u64,
    /// What can be had without swapping.
    pub available: u64,
    /// Swap space.
    pub swap_total: u64,
    /// Swap space that is free.
    pub swap_free: u64,
}

/// Files that are read again and again, kept open.
#[derive(Debug)]
pub struct Meters {
    meminfo: File,
    loadavg: File,
    pressure: Option<File>,
    container: Option<Container>,
}

/// The memory limit that a container or service puts on us, where it is below the machine's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The limit in bytes.
    pub limit: u64,
    folder: PathBuf,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Meters {
    /// Opens what this machine has.
    pub fn open() -> io::Result<Self> {
        let meminfo = File::open("/proc/meminfo")?;
        let total = parse_meminfo(&read_again(&meminfo)?).total;
        Ok(Self {
            meminfo,
            loadavg: File::open("/proc/loadavg")?,
            // Missing where the kernel was built or started without pressure-stall information.
            pressure: File::open("/proc/pressure/memory").ok(),
            container: container_limit().filter(|c| c.limit < total),
        })
    }

    /// Reads the machine's memory.
    pub fn machine(&self) -> io::Result<Machine> {
        Ok(parse_meminfo(&read_again(&self.meminfo)?))
    }

    /// Returns the limit put on us, if there is one below the machine's memory.
    #[must_use]
    pub fn container(&self) -> Option<&Container> {
        self.container.as_ref()
    }

    /// Returns total and available memory in bytes as they bind us: the container's where it is the
    /// narrower one.
    pub fn binding(&self) -> io::Result<(u64, u64)> {
        let machine = self.machine()?;
        let Some(container) = &self.container else {
            return Ok((machine.total, machine.available));
        };
        let left = container.limit.saturating_sub(container.used()?);
        Ok((
            container.limit.min(machine.total),
            left.min(machine.available),
        ))
    }

    /// Returns the share of the last 10 s in which something waited for memory, in permille; none
    /// where the kernel does not tell.
    #[must_use]
    pub fn pressure_permille(&self) -> Option<u32> {
        parse_pressure(&read_again(self.pressure.as_ref()?).ok()?)
    }

    /// Returns the load of the last minute, in thousandths.
    #[must_use]
    pub fn load_milli(&self) -> Option<u64> {
        milli(read_again(&self.loadavg).ok()?.split(' ').next()?)
    }
}

impl Container {
    /// Returns what counts against the limit in bytes, without file pages that can be dropped.
    pub fn used(&self) -> io::Result<u64> {
        let (current, inactive) = match self.version {
            Version::One => ("memory.usage_in_bytes", "total_inactive_file "),
            Version::Two => ("memory.current", "inactive_file "),
        };
        let current = number(&self.folder.join(current)).ok_or(io::ErrorKind::NotFound)?;
        let stat = fs::read_to_string(self.folder.join("memory.stat")).unwrap_or_default();
        let droppable = stat
            .lines()
            .find_map(|l| l.strip_prefix(inactive)?.trim().parse().ok());
        Ok(current.saturating_sub(droppable.unwrap_or(0)))
    }
}

fn read_again(file: &File) -> io::Result<String> {
    let mut buffer = [0; 4096];
    let len = file.read_at(&mut buffer, 0)?;
    Ok(String::from_utf8_lossy(&buffer[..len]).into_owned())
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Returns how many processes the kernel has killed for want of memory since the machine started, whoever's they
/// were; none where it does not tell (before Linux 4.13).
#[must_use]
pub fn oom_kills() -> Option<u64> {
    parse_oom_kills(&fs::read_to_string("/proc/vmstat").ok()?)
}

fn parse_oom_kills(text: &str) -> Option<u64> {
    let mut lines = text.lines();
    let count = lines.find_map(|line| line.strip_prefix("oom_kill "))?;
    count.trim().parse().ok()
}

/// Parses `/proc/meminfo`; a missing line counts as 0.
#[must_use]
pub fn parse_meminfo(text: &str) -> Machine {
    let kib = |name: &str| {
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok())
            .unwrap_or(0)
            * 1024
    };
    Machine {
        total: kib("MemTotal"),
        available: kib("MemAvailable"),
        swap_total: kib("SwapTotal"),
        swap_free: kib("SwapFree"),
    }
}

/// Parses the `some avg10` figure of pressure-stall information into permille.
#[must_use]
pub fn parse_pressure(text: &str) -> Option<u32> {
    let some = text.lines().find_map(|l| l.strip_prefix("some "))?;
    let percent = some.split(' ').find_map(|f| f.strip_prefix("avg10="))?;
    // "1.23" percent is 12.3 permille.
    u32::try_from(milli(percent)? / 100).ok()
}

/// Parses a decimal into thousandths.
fn milli(text: &str) -> Option<u64> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    Some(whole.parse::<u64>().ok()? * 1000 + part.parse::<u64>().ok()?)
}

/// Finds the narrowest memory limit above this process, in either version of cgroups.
#[must_use]
pub fn container_limit() -> Option<Container> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    groups(&own, &mounts)
        .into_iter()
        .filter_map(|(version, mount, inside)| narrowest(version, &mount, &inside))
        .min_by_key(|c| c.limit)
}

/// Pairs each mounted hierarchy that can limit memory with our place in it.
fn groups(own: &str, mounts: &str) -> Vec<(Version, PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for line in mounts.lines() {
        let Some((left, right)) = line.split_once(" - ") else {
            continue;
        };
        let mut left = left.split(' ').skip(3);
        let (Some(root), Some(mount)) = (left.next(), left.next()) else {
            continue;
        };
        let mut right = right.split(' ');
        let (kind, options) = (right.next().unwrap_or(""), right.nth(1).unwrap_or(""));
        let version = match kind {
            "cgroup2" => Version::Two,
            "cgroup" if options.split(',').any(|o| o == "memory") => Version::One,
            _ => continue,
        };
        let place = own.lines().find_map(|l| {
            let mut parts = l.splitn(3, ':');
            let (number, controllers) = (parts.next()?, parts.next()?);
            let ours = match version {
                Version::Two => number == "0" && controllers.is_empty(),
                Version::One => controllers.split(',').any(|c| c == "memory"),
            };
            parts.next().filter(|_| ours)
        });
        if let Some(place) = place {
            // In a container the mount shows a part of the tree: our place is below its root.
            let inside = place
                .strip_prefix(root)
                .unwrap_or(place)
                .trim_start_matches('/');
            found.push((version, PathBuf::from(mount), PathBuf::from(inside)));
        }
    }
    found
}

fn narrowest(version: Version, mount: &Path, inside: &Path) -> Option<Container> {
    let file = match version {
        Version::One => "memory.limit_in_bytes",
        Version::Two => "memory.max",
    };
    inside
        .ancestors()
        .filter_map(|part| {
            let folder = mount.join(part);
            // "max" is no number, and version 1 says "no limit" by one beyond any machine.
            let limit = number(&folder.join(file)).filter(|&l| l < 1 << 60)?;
            Some(Container {
                limit,
                folder,
                version,
            })
        })
        .min_by_key(|c| c.limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_machine() {
        let meters = Meters::open().unwrap();
        let machine = meters.machine().unwrap();
        assert!(machine.total > 0 && machine.available <= machine.total);
        let (total, available) = meters.binding().unwrap();
        assert!(total <= machine.total && available <= machine.available);
        assert!(meters.load_milli().is_some());
    }

    #[test]
    fn kills_for_want_of_memory_are_counted() {
        assert_eq!(parse_oom_kills("drop_slab 0\noom_kill 3\nx 1\n"), Some(3));
        assert_eq!(parse_oom_kills("oom_killed 3\n"), None);
        assert!(oom_kills().is_some());
    }

    #[test]
    fn parses_pressure_in_permille() {
        let text = "some avg10=1.23 avg60=0.00 avg300=0.00 total=0\nfull avg10=9.99 avg60=0 avg300=0 total=0\n";
        assert_eq!(parse_pressure(text), Some(12));
        assert_eq!(parse_pressure("some avg10=0.00 total=0"), Some(0));
        assert_eq!(parse_pressure(""), None);
        assert_eq!(
            (milli("0.02"), milli("17"), milli("x")),
            (Some(20), Some(17_000), None)
        );
    }

    #[test]
    fn pairs_hierarchies_with_our_place() {
        let mounts = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
                      35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let own = "4:memory:/docker/abc/sub\n0::/user.slice\n";
        let found = groups(own, mounts);
        assert_eq!(
            found[0],
            (Version::One, "/sys/fs/cgroup/memory".into(), "sub".into())
        );
        assert_eq!(
            found[1],
            (
                Version::Two,
                "/sys/fs/cgroup/unified".into(),
                "user.slice".into()
            )
        );
    }

    #[test]
    fn the_narrowest_limit_above_us_counts() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::write(folder.path().join("a/memory.max"), "1000\n").unwrap();
        fs::write(inner.join("memory.max"), "max\n").unwrap();
        fs::write(folder.path().join("a/memory.current"), "700\n").unwrap();
        fs::write(
            folder.path().join("a/memory.stat"),
            "anon 1\ninactive_file 100\n",
        )
        .unwrap();
        let container = narrowest(Version::Two, folder.path(), Path::new("a/b")).unwrap();
        assert_eq!((container.limit, container.used().unwrap()), (1000, 600));
    }
}
