//! Finding a program in a PATH, as the child would, and saying why it was not found.
//!
//! Must not start anything. Remembers what it found, as a shell's hash table does: the lookup is
//! several system calls per start otherwise.

use std::{
    collections::HashMap,
    ffi::{CString, OsStr},
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use rustix::fs::{Access, access};

use super::locked;

/// What `posix_spawnp` searches where the environment has no PATH.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Whether a program is found in a PATH (none: the one that the system has by default), as a child
/// would find it.
#[must_use]
pub fn is_there(program: &str, path: Option<&OsStr>) -> bool {
    let here = Path::new(".");
    Programs::new(path).find(program, here).is_ok()
}

/// Returns where a program is in a PATH, as [`is_there`] finds it.
#[must_use]
pub fn place(program: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    let found = Programs::new(path).find(program, Path::new(".")).ok()?;
    let found = PathBuf::from(OsStr::from_bytes(found.as_bytes()));
    // A name with a folder is not looked for, so that it may be nowhere.
    found.is_file().then_some(found)
}

/// The programs of one PATH.
#[derive(Debug)]
pub(super) struct Programs {
    folders: Vec<PathBuf>,
    found: Mutex<HashMap<String, Arc<CString>>>,
}

impl Programs {
    pub(super) fn new(path: Option<&OsStr>) -> Self {
        let folders = std::env::split_paths(path.unwrap_or(OsStr::new(DEFAULT_PATH))).collect();
        Self {
            folders,
            found: Mutex::default(),
        }
    }

    /// Returns the path to hand to the kernel, which resolves a relative one in the child's folder.
    pub(super) fn find(&self, program: &str, cwd: &Path) -> io::Result<Arc<CString>> {
        if program.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the command names no program",
            ));
        }
        if program.contains('/') {
            return c_path(Path::new(program)).map(Arc::new);
        }
        if let Some(found) = locked(&self.found).get(program) {
            return Ok(Arc::clone(found));
        }
        let mut refused = None;
        for folder in &self.folders {
            let candidate = folder.join(program);
            let seen_from_here = cwd.join(&candidate);
            let Ok(about) = seen_from_here.metadata() else {
                continue;
            };
            if !about.is_file() {
                continue;
            }
            if access(&seen_from_here, Access::EXEC_OK).is_err() {
                refused = refused.or(Some(candidate));
                continue;
            }
            let path = Arc::new(c_path(&candidate)?);
            if folder.is_absolute() {
                locked(&self.found).insert(program.to_owned(), Arc::clone(&path));
            }
            return Ok(path);
        }
        Err(match refused {
            Some(path) => io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("program `{program}` is not executable: {}", path.display()),
            ),
            None => io::Error::new(
                io::ErrorKind::NotFound,
                format!(
                    "program `{program}` was not found in PATH ({} folders)",
                    self.folders.len()
                ),
            ),
        })
    }

    /// Turns the kernel's error into one that names its cause.
    pub(super) fn explain(
        &self,
        program: &str,
        path: &CString,
        cwd: &Path,
        error: &io::Error,
    ) -> io::Error {
        // It may have moved since it was found: the next start looks again.
        locked(&self.found).remove(program);
        let shown = cwd.join(OsStr::from_bytes(path.as_bytes()));
        let text = match error.kind() {
            _ if !cwd.is_dir() => format!("working folder `{}` is not there", cwd.display()),
            io::ErrorKind::NotFound if shown.exists() => {
                format!(
                    "program `{program}` names an interpreter (`#!` line or loader) that is not there"
                )
            }
            io::ErrorKind::NotFound => {
                format!("program `{program}` was not found: {}", shown.display())
            }
            io::ErrorKind::PermissionDenied => {
                format!("program `{program}` is not executable: {}", shown.display())
            }
            _ if error.raw_os_error() == Some(libc::ENOEXEC) => {
                format!(
                    "program `{program}` is no program of this machine and has no `#!` line: {}",
                    shown.display()
                )
            }
            _ => format!("program `{program}` cannot be started: {error}"),
        };
        io::Error::new(error.kind(), text)
    }
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the program's name holds a NUL byte",
        )
    })
}
