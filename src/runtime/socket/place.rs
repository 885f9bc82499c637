//! Where the socket of a run is: a private folder, found again through the run's own.
//!
//! Must not accept anybody.

use std::{
    fs,
    io::{self, Write},
    os::unix::{fs::MetadataExt, net::UnixListener},
    path::{Path, PathBuf},
};

use crate::sys::lock::private_dir;

/// Name of the file in a run's folder that says where its socket is.
pub const ADDRESS: &str = "socket";
/// Longest path of a socket that the kernel takes (`sun_path`, with its NUL).
const LONGEST_PATH: usize = 107;

/// `XDG_RUNTIME_DIR`.
pub fn runtime_dir() -> Option<PathBuf> {
    std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)
}

/// A folder for the socket, and the socket's path in it.
pub(super) struct Place {
    folder: PathBuf,
    path: PathBuf,
}

/// Where the socket can be, the best place first: the runtime folder, the run's own, a temporary one.
pub(super) fn places(runtime: Option<PathBuf>, dir: &Path, run: &str) -> Vec<Place> {
    let name = format!("{run}.sock");
    let mut places = Vec::with_capacity(3);
    let mut add = |folder: PathBuf, name: &str| {
        let path = folder.join(name);
        places.push(Place { folder, path });
    };
    if let Some(base) = runtime.filter(|base| base.is_absolute() && private(base)) {
        add(base.join("wavedeck"), &name);
    }
    add(dir.to_owned(), "control.sock");
    let uid = rustix::process::getuid().as_raw();
    add(std::env::temp_dir().join(format!("wavedeck-{uid}")), &name);
    places
}

/// Listens at the first place that can be had; the error is the last place's.
pub(super) fn listen(places: Vec<Place>) -> io::Result<(PathBuf, UnixListener)> {
    let mut last = None;
    for place in places {
        match place.listen() {
            Ok(listener) => return Ok((place.path, listener)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
}

impl Place {
    fn listen(&self) -> io::Result<UnixListener> {
        if self.path.as_os_str().len() > LONGEST_PATH {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{} is too long for a socket", self.path.display()),
            ));
        }
        private_dir(&self.folder)?;
        if !private(&self.folder) {
            let text = format!(
                "{} is not a private folder of this user",
                self.folder.display()
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        // Left by a runner that was killed; we hold the run's lock, so nobody listens there.
        let _ = fs::remove_file(&self.path);
        let listener = UnixListener::bind(&self.path)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        if let Err(error) = fs::set_permissions(&self.path, mode) {
            let _ = fs::remove_file(&self.path);
            return Err(error);
        }
        Ok(listener)
    }
}

/// Whether a folder is ours and nobody else may enter; a link does not count.
pub fn private(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|meta| {
        meta.is_dir()
            && meta.uid() == rustix::process::getuid().as_raw()
            && meta.mode() & 0o777 & !0o700 == 0
    })
}

/// Removes the socket of a run that has ended.
pub fn remove(dir: &Path) {
    if let Ok(path) = fs::read_to_string(dir.join(ADDRESS)) {
        // Both may be gone already.
        let _ = fs::remove_file(path);
    }
    let _ = fs::remove_file(dir.join(ADDRESS));
}

/// Says on standard output that the run can be attached to, then lets standard output and error go,
/// so that no terminal is held. What the runner has to say later goes to `runner.log`.
///
/// Without a socket nobody can attach, but whoever waits for the line must not wait for ever.
pub fn announce(run: &str, dir: &Path, socket: Option<&Path>) {
    let line = serde_json::json!({ "run": run, "dir": dir, "socket": socket }).to_string();
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
    drop(out);
    if let Ok(log) = crate::sys::lock::private_append(&dir.join("runner.log")) {
        let _ = rustix::stdio::dup2_stdout(&log);
        let _ = rustix::stdio::dup2_stderr(&log);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_runtime_folder_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("runtime");
        let dir = root.path().join("run");
        private_dir(&base).unwrap();
        private_dir(&dir).unwrap();
        let at = || listen(places(Some(base.clone()), &dir, "r")).map(|(path, _)| path);
        let (good, own) = (base.join("wavedeck/r.sock"), dir.join("control.sock"));
        assert_eq!(at().unwrap(), good);
        // Something else has the name.
        fs::remove_dir_all(base.join("wavedeck")).unwrap();
        fs::write(base.join("wavedeck"), "").unwrap();
        assert_eq!(at().unwrap(), own);
        // A link does not count, and what is in the socket's place cannot be replaced.
        fs::remove_file(base.join("wavedeck")).unwrap();
        std::os::unix::fs::symlink(&dir, base.join("wavedeck")).unwrap();
        assert_eq!(at().unwrap(), own);
        fs::remove_file(base.join("wavedeck")).unwrap();
        fs::create_dir_all(&good).unwrap();
        assert_eq!(at().unwrap(), own);
    }
}
