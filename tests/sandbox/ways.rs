//! Ways out of a boundary that are not plain paths: other system calls, other processes, `/proc`.
//!
//! The inner half tries them from within a boundary and prints how each went; the outer half looks at
//! what it printed and at what is there afterwards.

use std::{
    ffi::CString,
    fs, io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, ResolveFlags, linkat, openat2, renameat_with},
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
};
use wavedeck::{
    executor::Exit,
    sys::landlock::{Support, probe},
};

use super::{Places, enforced, rig, run, tree};

mod ring;

/// Tells the inner half where the others are, and which process is outside.
const SIBLING: &str = "WAVEDECK_TEST_SIBLING";
const OUTSIDE: &str = "WAVEDECK_TEST_OUTSIDE";

fn failed(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Opens for writing, and writes.
fn fill(path: impl AsRef<Path>) -> io::Result<()> {
    fs::write(path, "out")
}

#[test]
#[ignore = "run by another test, within a boundary"]
#[expect(
    unsafe_code,
    reason = "tracing and taking descriptors have no safe calls"
)]
fn inner() {
    let (Some(sibling), Some(pid)) = (std::env::var_os(SIBLING), std::env::var(OUTSIDE).ok())
    else {
        return;
    };
    let sibling = PathBuf::from(sibling);
    let (file, new) = (sibling.join("file"), sibling.join("new"));
    let raw: i32 = pid.parse().unwrap();
    let other = Pid::from_raw(raw).unwrap();
    let say = |what: &str, done: io::Result<()>| match done {
        Ok(()) => println!("\n{what}: done"),
        Err(error) => println!("\n{what}: refused, {error}"),
    };
    // Paths that lead there in another way.
    let below_root = format!("/proc/self/root{}", file.display());
    say("own root", fill(below_root));
    say("own folder", fill("/proc/self/cwd/../sibling/file"));
    say(
        "other root",
        fill(format!("/proc/{pid}/root{}", file.display())),
    );
    say("other folder", fill(format!("/proc/{pid}/cwd/file")));
    say("other descriptor", fill(format!("/proc/{pid}/fd/0")));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
    let made = openat2(CWD, &new, flags, Mode::RUSR, ResolveFlags::NO_SYMLINKS);
    say("openat2", made.map(drop).map_err(Into::into));
    // A file without a name, made within and linked there; two names that change places.
    let flags = OFlags::WRONLY | OFlags::TMPFILE;
    let nameless = rustix::fs::open(".", flags, Mode::RUSR | Mode::WUSR).unwrap();
    let path = format!("/proc/self/fd/{}", nameless.as_raw_fd());
    let linked = linkat(CWD, &path, CWD, &new, AtFlags::SYMLINK_FOLLOW);
    say("link of a nameless file", linked.map_err(Into::into));
    fill("mine").unwrap();
    let swapped = renameat_with(CWD, "mine", CWD, &file, RenameFlags::EXCHANGE);
    say("exchange", swapped.map_err(Into::into));
    // Other processes.
    // Kept inside since version 6.
    if matches!(probe(), Support::Version(6..)) {
        say(
            "signal",
            kill_process(other, Signal::TERM).map_err(Into::into),
        );
    }
    // SAFETY: integers only.
    let traced = unsafe { libc::ptrace(libc::PTRACE_SEIZE, raw, 0, 0) };
    say("trace", failed(traced).map(drop));
    let held = pidfd_open(other, PidfdFlags::empty()).unwrap();
    // SAFETY: integers only; the descriptor that comes back is nobody else's.
    let taken = failed(unsafe { libc::syscall(libc::SYS_pidfd_getfd, held.as_raw_fd(), 0, 0) });
    let taken = taken.and_then(|fd| {
        let fd = i32::try_from(fd).unwrap();
        // SAFETY: the kernel has just made it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        rustix::io::write(&fd, b"out")?;
        Ok(())
    });
    say("take a descriptor", taken);
    say("memory", fill(format!("/proc/{pid}/mem")));
    // Its own view of the files.
    let from = CString::new(sibling.as_os_str().as_encoded_bytes()).unwrap();
    let none = std::ptr::null();
    // SAFETY: strings that outlive the call, and null where nothing is read.
    let bound = unsafe {
        libc::mount(
            from.as_ptr(),
            c"folder".as_ptr(),
            none,
            libc::MS_BIND,
            none.cast(),
        )
    };
    say("bind", failed(bound.into()).map(drop));
    match ring::Ring::new() {
        Err(error) => println!("\nring: left out, {error}"),
        Ok(mut ring) => {
            for aside in [false, true] {
                let say = |what: &str, done| say(&format!("ring {what} {aside}"), done);
                let at = |path: &Path| CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
                say("own", ring.create(c"by-the-ring", aside));
                say("make", ring.create(&at(&new), aside));
                say("change", ring.create(&at(&file), aside));
                say("remove", ring.remove(&at(&file), aside));
            }
        }
    }
    // SAFETY: a string that outlives the call.
    let rooted = unsafe { libc::chroot(c"..".as_ptr()) };
    // Where that is allowed, all paths are the same files.
    if rooted == 0 {
        say("another root", fill("/sibling/file"));
    }
}

#[test]
fn no_other_way_leads_out() {
    if !enforced("other ways") {
        return;
    }
    let mut rig = rig();
    let places = Places::new(&rig);
    // A process outside, at home in the other's workspace, with a file of it open.
    let open = fs::File::options()
        .append(true)
        .open(places.sibling.join("file"))
        .unwrap();
    let mut outside = Command::new("sleep")
        .arg("600")
        .current_dir(&places.sibling)
        .stdin(Stdio::from(open))
        .spawn()
        .unwrap();
    let own = std::env::current_exe().unwrap();
    let argv = [
        own.to_str().unwrap(),
        "sandbox::ways::inner",
        "--exact",
        "--ignored",
        "--nocapture",
    ];
    let mut job = places.job(&rig, "a", &argv);
    job.env_extra = vec![
        (SIBLING.to_owned(), places.sibling.display().to_string()),
        (OUTSIDE.to_owned(), outside.id().to_string()),
    ];
    let before = tree(&places.sibling);
    let (exit, output) = run(&mut rig, job);
    let lives = outside.try_wait().unwrap().is_none();
    let _ = outside.kill();
    let _ = outside.wait();
    assert_eq!(exit, Exit::Code(0), "{output}");
    let lines: Vec<&str> = output.lines().collect();
    let mut tried = 0;
    for line in &lines {
        let Some((what, how)) = line.split_once(": ") else {
            continue;
        };
        if how == "done" || how.starts_with("refused, ") {
            tried += 1;
            assert_eq!(how == "done", what.starts_with("ring own"), "{output}");
        }
    }
    let without_ring = lines.iter().any(|line| line.starts_with("ring: left out"));
    assert!(tried >= if without_ring { 12 } else { 20 }, "{output}");
    assert_eq!(tree(&places.sibling), before, "nothing has changed there");
    assert!(lives, "it was not ended from within");
}
