//! Groups of processes that the kernel keeps together (cgroup version 2): nothing leaves one by forking.
//!
//! Made below our own group where this user may, asked for once and off the way of a first start. Without any
//! the walk through the tree does the same, less surely. Must not wait: moving a process takes milliseconds, so
//! only threads that nothing waits for call [`Group::add`].

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::proc;

/// How the names of runs' folders begin.
const PREFIX: &str = "wavedeck-";
/// An empty folder that is older was left.
const OLD: Duration = Duration::from_secs(24 * 3600);

/// What keeps the processes of agents together on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// A walk through the tree, sessions and markers.
    #[default]
    Tree,
    /// A group of the kernel's for each agent: freezing and killing miss nobody.
    Group,
    /// The same, and the kernel keeps `ram_max`.
    GroupWithMemory,
}

impl Rung {
    /// Returns what it is in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Tree => "tree: sessions, parents and markers; ram_max is watched",
            Self::Group => "group: the kernel freezes and kills whole groups; ram_max is watched",
            Self::GroupWithMemory => {
                "group: the kernel freezes and kills whole groups and keeps ram_max"
            }
        }
    }
}

/// The groups of one run.
#[derive(Debug)]
pub struct Groups {
    folder: PathBuf,
    memory: bool,
}

/// The group of one agent's process tree.
#[derive(Debug, PartialEq, Eq)]
pub struct Group(PathBuf);

impl Groups {
    /// Makes the folder of a run's groups below our own group.
    ///
    /// # Errors
    /// Why that is not possible here, as a sentence for a person.
    pub fn make(run: &str) -> Result<Self, String> {
        let own = own_group()?;
        let made = Self::below(&own, run);
        if made.is_ok() {
            sweep(&own);
        }
        made
    }

    /// Looks whether groups can be made, and unmakes them again.
    ///
    /// # Errors
    /// Why not.
    pub fn probe() -> Result<Rung, String> {
        let groups = Self::make(&format!("probe-{}", std::process::id()))?;
        let rung = groups.rung();
        groups.remove();
        Ok(rung)
    }

    fn below(own: &Path, run: &str) -> Result<Self, String> {
        let said = |what: &str, error: io::Error| format!("{what} {}: {error}", own.display());
        // Who may not take a process out of here may not put it into a group below either.
        let procs = own.join("cgroup.procs");
        rustix::fs::access(&procs, rustix::fs::Access::WRITE_OK)
            .map_err(|error| said("processes cannot be moved within", error.into()))?;
        let folder = own.join(name_of(run));
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(said("no group can be made below", error));
            }
            _ => {}
        }
        let groups = Self {
            memory: false,
            folder,
        };
        for file in ["cgroup.freeze", "cgroup.kill"] {
            if !groups.folder.join(file).exists() {
                groups.remove();
                return Err(format!("this kernel has no {file} (Linux 5.14)"));
            }
        }
        // Refused where our group holds processes itself, unless it is the root; then nothing is lost.
        let give = |folder: &Path| fs::write(folder.join("cgroup.subtree_control"), "+memory");
        let memory = give(own).is_ok() && give(&groups.folder).is_ok();
        Ok(Self { memory, ..groups })
    }

    /// Opens those that a run made before, at the place that it noted.
    #[must_use]
    pub fn of_run(folder: &Path, run: &str) -> Option<Self> {
        let named = folder
            .file_name()
            .is_some_and(|n| n == name_of(run).as_str());
        let ours = || {
            fs::symlink_metadata(folder)
                .is_ok_and(|meta| meta.is_dir() && meta.uid() == rustix::process::getuid().as_raw())
        };
        let kept = folder.join("cgroup.kill").exists();
        (named && kept && ours()).then(|| Self {
            folder: folder.to_owned(),
            memory: false,
        })
    }

    /// Returns where they are, to be noted for a later start.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns what they can do.
    #[must_use]
    pub const fn rung(&self) -> Rung {
        if self.memory {
            Rung::GroupWithMemory
        } else {
            Rung::Group
        }
    }

    /// Makes the group of the tree that hangs from a process; `max` is its hard limit in bytes, kept by the kernel
    /// where it can.
    ///
    /// # Errors
    /// What the system says.
    pub fn group(&self, root: (i32, u64), max: Option<u64>) -> io::Result<Group> {
        let folder = self.folder.join(format!("{}-{}", root.0, root.1));
        fs::create_dir_all(&folder)?;
        let group = Group(folder);
        if let (true, Some(max)) = (self.memory, max) {
            fs::write(group.0.join("memory.max"), max.to_string())?;
            // All of it ends, not just the process that asked last.
            fs::write(group.0.join("memory.oom.group"), "1")?;
        }
        Ok(group)
    }

    /// Goes through the groups that are there.
    pub fn all(&self) -> Vec<Group> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.map(|entry| Group(entry.path())).collect()
    }

    /// Removes those that are empty, and the folder with the last one.
    pub fn remove(&self) {
        self.all().iter().for_each(Group::remove);
        let _ = fs::remove_dir(&self.folder);
    }
}

impl Group {
    /// Moves a process into it; what that starts from then on is in it too. Waits for the kernel, milliseconds.
    ///
    /// # Errors
    /// What the system says; also where the process is gone.
    pub fn add(&self, pid: i32) -> io::Result<()> {
        fs::write(self.0.join("cgroup.procs"), pid.to_string())
    }

    /// Returns its processes; those that have ended and were not waited for are among them.
    #[must_use]
    pub fn members(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Stops all of it, or lets it go on. It stands still a moment later: see [`Group::is_frozen`].
    pub fn freeze(&self, yes: bool) {
        // A group that is gone has nobody to stop.
        let _ = fs::write(self.0.join("cgroup.freeze"), if yes { "1" } else { "0" });
    }

    /// Returns whether all of it stands still.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.count("cgroup.events", "frozen") == Some(1)
    }

    /// Kills all of it at once, frozen or not.
    pub fn kill(&self) {
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
    }

    /// Returns how many of it the kernel has killed for want of memory; none where it does not count.
    #[must_use]
    pub fn oom_kills(&self) -> Option<u64> {
        self.count("memory.events", "oom_kill")
    }

    fn count(&self, file: &str, name: &str) -> Option<u64> {
        let text = fs::read_to_string(self.0.join(file)).ok()?;
        let mut lines = text.lines();
        let count = lines.find_map(|l| l.strip_prefix(name)?.strip_prefix(' '))?;
        count.trim().parse().ok()
    }

    /// Removes it, where nobody is left in it.
    pub fn remove(&self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// Removes what runs of long ago left here that were killed and never resumed. The kernel refuses to remove a
/// group that has a process.
fn sweep(own: &Path) {
    let old = |path: &Path| {
        let made = fs::symlink_metadata(path).and_then(|meta| meta.modified());
        made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > OLD))
    };
    for entry in fs::read_dir(own).into_iter().flatten().flatten() {
        let named = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if named && old(&entry.path()) {
            let groups = Groups {
                folder: entry.path(),
                memory: false,
            };
            groups.remove();
        }
    }
}

fn name_of(run: &str) -> String {
    format!("{PREFIX}{run}")
}

/// The group of version 2 that this process is in.
fn own_group() -> Result<PathBuf, String> {
    let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    let own = read("/proc/self/cgroup")?;
    let mounts = read("/proc/self/mountinfo")?;
    let place = own.lines().find_map(|line| line.strip_prefix("0::"));
    let found = place.zip(mount(&mounts)).map(|(place, (root, mount))| {
        let inside = place.strip_prefix(root.as_str()).unwrap_or(place);
        Path::new(&mount).join(inside.trim_start_matches('/'))
    });
    found.ok_or_else(|| "control groups of version 2 are not mounted".to_owned())
}

/// Where version 2 is mounted: which part of the tree, and where.
fn mount(mounts: &str) -> Option<(String, String)> {
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        (right.split(' ').next() == Some("cgroup2")).then_some(())?;
        let mut left = left.split(' ').skip(3);
        let root = left.next()?.trim_end_matches('/').to_owned();
        Some((root, left.next()?.to_owned()))
    })
}

/// Moves a tree into a group: again until a look finds nobody outside. Gives up after some looks: what forks as
/// fast as it is moved is moved at a later call.
pub fn gather(group: &Group, members: impl Fn() -> Vec<(i32, u64)>) {
    for _ in 0..3 {
        let inside = group.members();
        let outside: Vec<(i32, u64)> = (members().into_iter())
            .filter(|(pid, start)| !inside.contains(pid) && proc::is_alive(*pid, *start))
            .collect();
        if outside.is_empty() {
            return;
        }
        for (pid, _) in outside {
            // It may have ended meanwhile.
            let _ = group.add(pid);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;
    use crate::sys::proc::{Stat, stat};

    #[test]
    fn the_mount_of_version_two_is_found() {
        let mounts = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
                      41 31 0:38 /docker/a /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        assert_eq!(
            mount(mounts),
            Some(("/docker/a".into(), "/sys/fs/cgroup/unified".into()))
        );
        assert_eq!(mount("31 23 0:28 / /x rw - tmpfs tmpfs rw\n"), None);
    }

    #[test]
    fn a_place_that_is_no_group_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            Groups::below(folder.path(), "r").is_err(),
            "no cgroup.procs"
        );
        fs::write(folder.path().join("cgroup.procs"), "").unwrap();
        let why = Groups::below(folder.path(), "r").unwrap_err();
        assert!(why.contains("cgroup.freeze"), "{why}");
        assert!(!folder.path().join("wavedeck-r").exists());
        let noted = folder.path().join("wavedeck-r");
        fs::create_dir(&noted).unwrap();
        assert!(Groups::of_run(&noted, "r").is_none());
        fs::write(noted.join("cgroup.kill"), "").unwrap();
        assert!(Groups::of_run(&noted, "r").is_some());
        assert!(Groups::of_run(&noted, "another").is_none());
    }

    struct Ends(Child);

    impl Drop for Ends {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// Waits for a state of a process.
    fn until(what: &str, holds: impl Fn() -> bool) {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !holds() {
            assert!(std::time::Instant::now() < end, "never: {what}");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    #[test]
    fn a_group_holds_freezes_and_kills_what_left_its_tree() {
        let run = format!("test-{}", std::process::id());
        let groups = match Groups::make(&run) {
            Ok(groups) => groups,
            Err(why) => {
                eprintln!("skipped: {why}");
                return;
            }
        };
        let mut child = Ends(Command::new("sleep").arg("300").spawn().unwrap());
        let pid = child.0.id().cast_signed();
        let start = stat(pid).unwrap().start_time;
        let group = groups.group((pid, start), None).unwrap();
        gather(&group, || vec![(pid, start), (pid, start + 1)]);
        assert_eq!(group.members(), [pid]);
        group.freeze(true);
        until("frozen", || group.is_frozen());
        // It does not look stopped.
        assert!(!Stat::stopped(&stat(pid).unwrap()));
        assert_eq!(groups.all(), [Group(group.0.clone())]);
        group.kill();
        child.0.wait().unwrap();
        until("empty", || group.members().is_empty());
        let folder = groups.folder().to_owned();
        groups.remove();
        assert!(!folder.exists());
    }
}
