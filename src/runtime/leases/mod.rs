//! Leased commands: the folder that stands first on the PATH of agents, and the way from a command in it
//! to the runner and back.
//!
//! Must not decide who gets memory: the engine does. Nothing here may break a command: whatever fails, the
//! program that was meant runs.

mod ask;
mod desk;

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
};

use crate::{executor::Job, sys::lock};

pub use ask::{Asked, ask};
pub(super) use desk::{Desk, Request, tell};

/// Name of the folder in a run's own that holds a link to this program for each leased command.
pub const FOLDER: &str = "leased-commands";
/// Names the leases that a process runs below, `NAME=NUMBER@RUN` each with a space between; number 0: one that
/// runs without.
pub const MARKER: &str = "WAVEDECK_LEASE";
const PATH: &str = "PATH";
/// Where programs are looked for where nobody says.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The folder of a run's leased commands, and the PATH that its jobs have beside it.
#[derive(Debug, Clone)]
pub struct Shims {
    folder: String,
    path: String,
}

impl Shims {
    /// Makes the folder anew, with a link for each command to this program.
    ///
    /// `path` is the PATH of jobs, where they get one.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn make<'a>(
        run_dir: &Path,
        names: impl Iterator<Item = &'a str>,
        program: &str,
        path: Option<OsString>,
    ) -> Result<Self, String> {
        let folder = run_dir.join(FOLDER);
        let text = folder.to_str().filter(|text| !text.contains(':'));
        let text = text.ok_or("the path of the run's folder has a colon, or is no text")?;
        let path = path.unwrap_or_else(|| DEFAULT_PATH.into());
        let path = path.into_string().map_err(|_| "PATH is no text")?;
        // Where our file was replaced, it is known by a name that means another process to others.
        let own = format!("/proc/{}/exe", std::process::id());
        let program = if Path::new(program).starts_with("/proc") {
            own.as_str()
        } else {
            program
        };
        let made = || -> io::Result<()> {
            lock::private_dir(&folder)?;
            for name in names {
                let link = folder.join(name);
                match fs::remove_file(&link) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => symlink(program, link)?,
                }
            }
            Ok(())
        };
        made().map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self {
            folder: text.to_owned(),
            path,
        })
    }

    /// Puts the folder first on a job's PATH, whoever stated that.
    pub fn before(&self, job: &mut Job) {
        let folder = &self.folder;
        let mut stated = false;
        for (_, value) in job.env_extra.iter_mut().filter(|(name, _)| name == PATH) {
            *value = format!("{folder}:{value}");
            stated = true;
        }
        if !stated {
            let value = format!("{folder}:{}", self.path);
            job.env_extra.push((PATH.to_owned(), value));
        }
    }
}

/// A leased command, as it was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The folder of leased commands that it was found in.
    pub folder: PathBuf,
    /// The command.
    pub name: OsString,
}

impl Called {
    /// Whether this process was started as a leased command: the kernel says by which file it was started,
    /// and that lies in a folder of leased commands. Names that a process gives itself do not count.
    #[must_use]
    pub fn now() -> Option<Self> {
        let by = rustix::param::linux_execfn().to_bytes();
        Self::by(Path::new(OsStr::from_bytes(by)))
    }

    fn by(file: &Path) -> Option<Self> {
        let folder = file.parent()?;
        let named = folder.file_name() == Some(OsStr::new(FOLDER));
        let here = || folder.as_os_str().is_empty() || folder == Path::new(".");
        let folder = if named && folder.is_absolute() {
            folder.to_owned()
        } else if named || here() {
            let folder = std::env::current_dir().ok()?.join(folder);
            let folder = folder.components().collect::<PathBuf>();
            let named = folder.file_name() == Some(OsStr::new(FOLDER));
            named.then_some(folder)?
        } else {
            return None;
        };
        Some(Self {
            folder,
            name: file.file_name()?.to_owned(),
        })
    }

    /// The folder of its run.
    #[must_use]
    pub fn run_dir(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }

    /// The name of that run.
    #[must_use]
    pub fn run(&self) -> String {
        let name = self.run_dir().file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Finds the program that is meant: the next of its name on the PATH behind the folder, as a shell
    /// would.
    ///
    /// # Errors
    /// `PermissionDenied` where there is one and it may not be started, else `NotFound`.
    pub fn program(&self, path: Option<&OsStr>) -> io::Result<PathBuf> {
        let folders: Vec<PathBuf> =
            std::env::split_paths(path.unwrap_or(OsStr::new(DEFAULT_PATH))).collect();
        let own = folders.iter().position(|folder| self.is(folder));
        // A folder of another run's commands may stand behind ours, and is right there; before ours it
        // would lead back to us.
        let behind = own.map_or(0, |own| own + 1);
        let mut refused = false;
        for folder in folders[behind..].iter().filter(|folder| !self.is(folder)) {
            let file = folder.join(&self.name);
            if !file.metadata().is_ok_and(|about| about.is_file()) {
                continue;
            }
            if rustix::fs::access(&file, rustix::fs::Access::EXEC_OK).is_ok() {
                return Ok(file);
            }
            refused = true;
        }
        Err(if refused {
            io::ErrorKind::PermissionDenied.into()
        } else {
            io::ErrorKind::NotFound.into()
        })
    }

    /// Whether a folder is the one that it was found in, by whatever name.
    fn is(&self, folder: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        folder == self.folder
            || match (folder.metadata(), self.folder.metadata()) {
                (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
                _ => false,
            }
    }
}

/// The leases of a run that a process runs below, as its environment says: names and numbers. A run inside of
/// an agent has leases of its own.
#[must_use]
pub fn below(marker: Option<&OsStr>, run: &str) -> Vec<(String, u32)> {
    let text = marker.and_then(OsStr::to_str).unwrap_or_default();
    let all = text.split(' ').filter_map(|one| one.rsplit_once('@'));
    let all = all.filter(|(_, of)| *of == run);
    all.filter_map(|(one, _)| {
        let (name, number) = one.rsplit_once('=')?;
        Some((name.to_owned(), number.parse().ok()?))
    })
    .collect()
}

/// The marker with one lease more.
#[must_use]
pub fn marked(marker: Option<&OsStr>, name: &str, number: u32, run: &str) -> OsString {
    let mut all = marker.unwrap_or_default().to_owned();
    if !all.is_empty() {
        all.push(" ");
    }
    all.push(format!("{name}={number}@{run}"));
    all
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(folder: &Path, name: &str, mode: u32) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(name), "").unwrap();
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(folder.join(name), mode).unwrap();
    }

    #[test]
    fn the_program_behind_the_folder_is_meant() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let (own, other) = (at("a/leased-commands"), at("b/leased-commands"));
        let called = Called::by(&own.join("cargo")).unwrap();
        for folder in [&own, &other, &at("bin")] {
            file(folder, "cargo", 0o755);
        }
        file(&at("shut"), "cargo", 0o644);
        std::os::unix::fs::symlink(&own, at("again")).unwrap();
        let found = |folders: &[&PathBuf]| {
            let path = std::env::join_paths(folders).unwrap();
            called.program(Some(&path)).map_err(|error| error.kind())
        };
        let program = |folder: &PathBuf| Ok(folder.join("cargo"));
        // Another run's commands around ours: what is before us has led here.
        let (bin, shut, again) = (at("bin"), at("shut"), at("again"));
        assert_eq!(found(&[&own, &other, &bin]), program(&other));
        assert_eq!(found(&[&other, &own, &bin]), program(&bin));
        assert_eq!(found(&[&again, &bin]), program(&bin));
        assert_eq!(found(&[&bin]), program(&bin), "called by its path");
        assert_eq!(found(&[&own, &shut, &bin]), program(&bin));
        let denied = io::ErrorKind::PermissionDenied;
        assert_eq!(found(&[&own, &shut]), Err(denied));
        assert_eq!(found(&[&bin, &own]), Err(io::ErrorKind::NotFound));
    }

    #[test]
    fn only_a_file_in_such_a_folder_is_a_leased_command() {
        let by = |file: &str| Called::by(Path::new(file)).map(|called| called.name);
        assert_eq!(by("/r/leased-commands/npm"), Some("npm".into()));
        for file in [
            "/usr/bin/wavedeck",
            "wavedeck",
            "./wavedeck",
            "/npm",
            "a/b/npm",
        ] {
            assert_eq!(by(file), None, "{file}");
        }
    }

    #[test]
    fn a_marker_of_any_form_is_read() {
        let read = |text: &str| below(Some(OsStr::new(text)), "r1");
        let one = marked(Some(OsStr::new("cargo=3@r2")), "cargo", 12, "r1");
        let two = marked(Some(&one), "npm", 0, "r1");
        let both = [("cargo".to_owned(), 12), ("npm".to_owned(), 0)];
        assert_eq!(
            read(two.to_str().unwrap()),
            both,
            "those of another run are none"
        );
        for bad in ["", "x =", "x@r1", "x=y@r1", "=@", "@r1"] {
            assert!(read(bad).is_empty(), "{bad}");
        }
        assert!(below(None, "r1").is_empty());
    }
}
