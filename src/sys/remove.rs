//! Removing a folder that somebody else has filled: an agent's workspace, its temporary files.
//!
//! Follows no link, opens what was closed to its owner, and holds few descriptors however deep the
//! folders are: what lies too deep is moved up first. Must not be given a path that an agent may
//! choose.

use std::{
    ffi::{CStr, CString},
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{
        AtFlags, CWD, Dir, FileType, Mode, OFlags, chmod, fstat, openat, renameat, statat, unlinkat,
    },
    io::Errno,
    path::Arg,
};

/// Levels that are held open at once.
const DEEPEST: usize = 32;
/// Passes in which nothing was moved up and something is there again: somebody writes there.
const MOST_PASSES: u32 = 3;

/// Removes a file, a link, or a folder with all that is in it. What is not there is fine.
///
/// # Errors
/// What the system says of the first thing that cannot be removed; also when somebody goes on
/// writing there.
pub fn tree(path: &Path) -> io::Result<()> {
    match statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if !FileType::from_raw_mode(stat.st_mode).is_dir() => {
            return Ok(gone(unlinkat(CWD, path, AtFlags::empty()))?);
        }
        Ok(_) => {}
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let mut moved = 0;
    let mut passes = 0;
    loop {
        let before = moved;
        match enter(CWD, path) {
            Ok(top) => empty(&top, &top, 1, &mut moved)?,
            Err(Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        match gone(unlinkat(CWD, path, AtFlags::REMOVEDIR)) {
            Err(Errno::NOTEMPTY | Errno::EXIST) if moved > before || passes < MOST_PASSES => {
                passes += u32::from(moved == before);
            }
            done => return Ok(done?),
        }
    }
}

/// Opens a folder that is no link, with all rights for its owner.
fn enter(at: impl AsFd, name: impl Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let place = openat(at, name, flags | OFlags::PATH, Mode::empty())?;
    // By the descriptor: the name may mean something else by now.
    let own = format!("/proc/self/fd/{}", place.as_raw_fd());
    if fstat(&place)?.st_mode & 0o700 != 0o700 {
        // Somebody else's stays as it is; removing tells.
        let _ = chmod(own.as_str(), Mode::RWXU);
    }
    openat(CWD, own.as_str(), flags & !OFlags::NOFOLLOW, Mode::empty())
}

/// Removes what is in a folder; what is deeper than is held open is moved into the top one.
fn empty(folder: &OwnedFd, top: &OwnedFd, depth: usize, moved: &mut u64) -> rustix::io::Result<()> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if !is_folder(folder, name, entry.file_type())? {
            gone(unlinkat(folder, name, AtFlags::empty()))?;
            continue;
        }
        // Most deep ones are empty.
        if unlinkat(folder, name, AtFlags::REMOVEDIR).is_ok() {
            continue;
        }
        let inner = match enter(folder, name) {
            Ok(inner) => inner,
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(error),
        };
        if depth >= DEEPEST {
            up(folder, name, top, moved)?;
            continue;
        }
        empty(&inner, top, depth + 1, moved)?;
        drop(inner);
        match unlinkat(folder, name, AtFlags::REMOVEDIR) {
            // Another pass sees what is there again.
            Err(Errno::NOTEMPTY | Errno::EXIST) => {}
            done => gone(done)?,
        }
    }
    Ok(())
}

/// Moves a folder into the top one, under a name that is free.
fn up(folder: &OwnedFd, name: &CStr, top: &OwnedFd, moved: &mut u64) -> rustix::io::Result<()> {
    loop {
        *moved += 1;
        let new = CString::new(format!(".moved-up-{moved}")).map_err(|_| Errno::INVAL)?;
        match renameat(folder, name, top, &new) {
            // One of the same name that is not empty, or a file.
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
            done => return gone(done),
        }
    }
}

fn is_folder(folder: &OwnedFd, name: &CStr, said: FileType) -> rustix::io::Result<bool> {
    if said != FileType::Unknown {
        return Ok(said.is_dir());
    }
    // Some file systems do not say.
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode).is_dir()),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

fn gone(result: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match result {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, process::Command};

    use rustix::fs::{mkdirat, open, symlinkat};

    use super::*;

    const FEW: &str = "WAVEDECK_TEST_FEW_DESCRIPTORS";

    #[test]
    fn any_depth_goes_with_few_descriptors_and_no_link_is_followed() {
        // The limit holds for a whole process, so this test is a process of its own.
        if std::env::var_os(FEW).is_none() {
            let name = std::thread::current().name().unwrap().to_owned();
            let script = "ulimit -n 128 && exec \"$0\" --exact \"$1\"";
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command.arg(std::env::current_exe().unwrap()).arg(name);
            let output = command.env(FEW, "1").output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success() && text.contains("1 passed"),
                "{text}"
            );
            return;
        }
        let home = tempfile::tempdir().unwrap();
        let outside = home.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "x").unwrap();
        fs::set_permissions(&outside, fs::Permissions::from_mode(0o500)).unwrap();
        let root = home.path().join("root");
        fs::create_dir(&root).unwrap();
        fs::write(root.join(".moved-up-1"), "in the way").unwrap();
        // Deeper than a path can name.
        let folder =
            |at: &OwnedFd, name: &str| openat(at, name, OFlags::DIRECTORY, Mode::empty()).unwrap();
        let mut at = open(&root, OFlags::DIRECTORY, Mode::empty()).unwrap();
        for depth in 0..3_000 {
            mkdirat(&at, "d", Mode::RWXU).unwrap();
            if depth % 100 == 0 {
                mkdirat(&at, "e", Mode::empty()).unwrap();
                symlinkat(&outside, &at, "link").unwrap();
            }
            at = folder(&at, "d");
        }
        drop(at);
        tree(&root).unwrap();
        assert!(!root.exists());
        assert!(outside.join("kept").exists());
        let mode = fs::metadata(&outside).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o500);
        let link = home.path().join("link");
        std::os::unix::fs::symlink(&outside, &link).unwrap();
        tree(&link).unwrap();
        tree(&link).unwrap();
        assert!(outside.exists() && fs::symlink_metadata(&link).is_err());
    }

    #[test]
    fn folders_that_were_closed_to_their_owner_go_too() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/file"), "x").unwrap();
        for folder in ["a/b", "a", ""] {
            let closed = fs::Permissions::from_mode(0o000);
            fs::set_permissions(root.join(folder), closed).unwrap();
        }
        tree(&root).unwrap();
        assert!(!root.exists());
    }
}
