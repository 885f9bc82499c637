//! Starting a child: `posix_spawn` as the leader of a session of its own, never `fork`.
//!
//! `fork` copies our page tables, so its cost grows with our memory (1 ms at 1 MiB, 37 ms at 1 GiB);
//! `posix_spawn` does not. Must not wait for children and must not keep state between spawns, but
//! for the paths of programs that were found.
#![expect(
    unsafe_code,
    reason = "posix_spawn has no safe wrapper that offers sessions and a working folder"
)]

use std::{
    ffi::{CStr, CString, OsStr, OsString, c_char},
    io,
    mem::MaybeUninit,
    os::{
        fd::{AsRawFd, BorrowedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::Path,
    ptr,
};

use rustix::time::{ClockId, clock_gettime};

use super::{proc, program::Programs};

/// The environment that all children of a run share, made once.
#[derive(Debug)]
pub struct EnvBlock {
    entries: Vec<CString>,
    programs: Programs,
}

impl EnvBlock {
    /// Makes the block; names and values with NUL bytes or names with `=` are refused.
    pub fn new(vars: impl IntoIterator<Item = (OsString, OsString)>) -> io::Result<Self> {
        let mut entries = Vec::new();
        let mut path = None;
        for (name, value) in vars {
            if name == "PATH" {
                path = Some(value.clone());
            }
            entries.push(entry(&name, &value)?);
        }
        let programs = Programs::new(path.as_deref());
        Ok(Self { entries, programs })
    }
}

/// Makes one `NAME=value` entry.
pub fn entry(name: &OsStr, value: &OsStr) -> io::Result<CString> {
    let bad = || {
        let text = format!(
            "environment variable `{}` cannot be passed on: NUL byte or `=` in its name",
            name.display()
        );
        io::Error::new(io::ErrorKind::InvalidInput, text)
    };
    if name.is_empty() || name.as_bytes().contains(&b'=') {
        return Err(bad());
    }
    let mut text = name.to_owned().into_vec();
    text.push(b'=');
    text.extend_from_slice(value.as_bytes());
    CString::new(text).map_err(|_| bad())
}

/// Where a child's standard output and error go.
#[derive(Debug, Clone, Copy)]
pub enum Output<'fd> {
    /// Both to the same descriptor, in the order in which they are written.
    Merged(BorrowedFd<'fd>),
    /// Each to its own.
    Split(BorrowedFd<'fd>, BorrowedFd<'fd>),
}

/// What to start, and how.
#[derive(Debug, Clone, Copy)]
pub struct SpawnSpec<'a> {
    /// Program and arguments. A program without `/` is looked up in the child's PATH.
    pub argv: &'a [String],
    /// The run's environment.
    pub env: &'a EnvBlock,
    /// Entries (see [`entry`]) on top of it; they replace entries of the same name.
    pub extra: &'a [CString],
    /// Names of entries of it that are left out.
    pub unset: &'a [String],
    /// Working folder.
    pub cwd: &'a Path,
    /// Standard input.
    pub stdin: BorrowedFd<'a>,
    /// Standard output and error.
    pub output: Output<'a>,
}

/// A started child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spawned {
    /// Its process id, which is also its process group and session.
    pub pid: i32,
    /// When it started, in clock ticks since boot (field 22 of `/proc/<pid>/stat`).
    pub start_time: u64,
}

/// Starts a child as the leader of a session of its own, all signals at their default and unblocked.
///
/// Only descriptors 0 to 2 reach it: every descriptor of this program is made close-on-exec. It has
/// no controlling terminal. The error says which of program and working folder is the cause.
pub fn spawn(spec: &SpawnSpec<'_>) -> io::Result<Spawned> {
    let argv = arguments(spec)?;
    with_program(spec, |path| start(path, &argv, spec, None))
}

/// The command's arguments for the kernel.
pub(super) fn arguments(spec: &SpawnSpec<'_>) -> io::Result<Vec<CString>> {
    let all = spec.argv.iter().map(|arg| CString::new(arg.as_str()));
    all.collect::<Result<Vec<_>, _>>().map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "an argument of the command holds a NUL byte",
        )
    })
}

/// Finds the program and starts something with it; the error names its cause.
pub(super) fn with_program<T>(
    spec: &SpawnSpec<'_>,
    start: impl FnOnce(&CString) -> io::Result<T>,
) -> io::Result<T> {
    let Some(program) = spec.argv.first() else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the command is empty",
        ));
    };
    let own_path = spec
        .extra
        .iter()
        .find_map(|e| e.as_bytes().strip_prefix(b"PATH="));
    let own_programs = own_path.map(|path| Programs::new(Some(OsStr::from_bytes(path))));
    let programs = own_programs.as_ref().unwrap_or(&spec.env.programs);
    let path = programs.find(program, spec.cwd)?;
    start(&path).map_err(|error| programs.explain(program, &path, spec.cwd, &error))
}

/// Starts a program with these arguments; `fourth` becomes its descriptor 3.
pub(super) fn start(
    path: &CStr,
    argv: &[CString],
    spec: &SpawnSpec<'_>,
    fourth: Option<BorrowedFd<'_>>,
) -> io::Result<Spawned> {
    let pointers = env_pointers(spec);
    let before = boot_ticks();
    let pid = spawn_at(path, argv, &pointers, spec, fourth)?;
    let after = boot_ticks();
    // The kernel notes the start between our two looks at the same clock: where both lie in one
    // tick of 10 ms, which is nearly always, /proc needs no visit.
    let start_time = if before.0 == after.0 && !before.1 && !after.1 {
        before.0
    } else {
        proc::start_time(pid).unwrap_or(after.0)
    };
    Ok(Spawned { pid, start_time })
}

/// Environment of the child as pointers, with the NULL at the end.
fn env_pointers(spec: &SpawnSpec<'_>) -> Vec<*mut c_char> {
    let mut pointers = Vec::with_capacity(spec.extra.len() + spec.env.entries.len() + 1);
    pointers.extend(spec.extra.iter().map(|e| e.as_ptr().cast_mut()));
    let replaced = |base: &CStr| {
        let base = base.to_bytes();
        spec.extra.iter().any(|extra| {
            let extra = extra.as_bytes();
            let name = extra
                .iter()
                .position(|&b| b == b'=')
                .map_or(extra, |at| &extra[..=at]);
            base.starts_with(name)
        })
    };
    let unset = |base: &CStr| {
        let base = base.to_bytes();
        let mut names = spec.unset.iter().map(String::as_bytes);
        names.any(|name| {
            base.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(b"="))
        })
    };
    pointers.extend(
        spec.env
            .entries
            .iter()
            .filter(|e| !replaced(e) && !unset(e))
            .map(|e| e.as_ptr().cast_mut()),
    );
    pointers.push(ptr::null_mut());
    pointers
}

/// Clock ticks since boot as `/proc` counts them, and whether the clock stands so near to the edge
/// of a tick that the kernel may have rounded to the neighbour.
fn boot_ticks() -> (u64, bool) {
    let now = clock_gettime(ClockId::Boottime);
    let ns = u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(now.tv_nsec).unwrap_or(0);
    let tick = 1_000_000_000 / proc::ticks_per_second();
    let into = ns % tick;
    (ns / tick, into < 2_000 || into > tick - 2_000)
}

/// Frees the attributes and actions of one spawn, whichever way it ends.
struct Prepared {
    attr: libc::posix_spawnattr_t,
    actions: libc::posix_spawn_file_actions_t,
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // SAFETY: both were initialised by `prepare` and are destroyed only here.
        unsafe {
            libc::posix_spawnattr_destroy(&raw mut self.attr);
            libc::posix_spawn_file_actions_destroy(&raw mut self.actions);
        }
    }
}

fn check(code: libc::c_int) -> io::Result<()> {
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(code))
    }
}

fn prepare() -> io::Result<Prepared> {
    let mut attr = MaybeUninit::uninit();
    // SAFETY: `attr` is a valid place for the attributes, which the call initialises.
    check(unsafe { libc::posix_spawnattr_init(attr.as_mut_ptr()) })?;
    let mut actions = MaybeUninit::uninit();
    // SAFETY: as above, for the file actions.
    let made = check(unsafe { libc::posix_spawn_file_actions_init(actions.as_mut_ptr()) });
    // SAFETY: `posix_spawnattr_init` succeeded.
    let mut attr = unsafe { attr.assume_init() };
    if let Err(error) = made {
        // SAFETY: `attr` is initialised and not used after this.
        unsafe { libc::posix_spawnattr_destroy(&raw mut attr) };
        return Err(error);
    }
    // SAFETY: `posix_spawn_file_actions_init` succeeded.
    Ok(Prepared {
        attr,
        actions: unsafe { actions.assume_init() },
    })
}

fn spawn_at(
    path: &CStr,
    argv: &[CString],
    env: &[*mut c_char],
    spec: &SpawnSpec<'_>,
    fourth: Option<BorrowedFd<'_>>,
) -> io::Result<i32> {
    let cwd = CString::new(spec.cwd.as_os_str().as_bytes()).map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the working folder's name holds a NUL byte",
        )
    })?;
    let mut arguments: Vec<*mut c_char> = argv.iter().map(|a| a.as_ptr().cast_mut()).collect();
    arguments.push(ptr::null_mut());
    let (out, err) = match spec.output {
        Output::Merged(fd) => (fd, fd),
        Output::Split(out, err) => (out, err),
    };
    let mut prepared = prepare()?;
    let flags = libc::POSIX_SPAWN_SETSID
        | libc::c_short::try_from(libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF)
            .unwrap_or(0);
    let mut none = MaybeUninit::uninit();
    let mut all = MaybeUninit::uninit();
    let mut pid = 0;
    // SAFETY: the sets are initialised by sigemptyset/sigfillset before they are read; `prepared`
    // is initialised; all strings and the two NULL-terminated arrays outlive the call, which
    // returns only after the child has replaced itself; the descriptors are open for as long as
    // `spec` borrows them. The strings are not written to: the `*mut` is the C signature's.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigfillset(all.as_mut_ptr());
        let attr = &raw mut prepared.attr;
        check(libc::posix_spawnattr_setflags(attr, flags))?;
        check(libc::posix_spawnattr_setsigmask(attr, none.as_ptr()))?;
        check(libc::posix_spawnattr_setsigdefault(attr, all.as_ptr()))?;
        let actions = &raw mut prepared.actions;
        check(libc::posix_spawn_file_actions_adddup2(
            actions,
            spec.stdin.as_raw_fd(),
            0,
        ))?;
        check(libc::posix_spawn_file_actions_adddup2(
            actions,
            out.as_raw_fd(),
            1,
        ))?;
        check(libc::posix_spawn_file_actions_adddup2(
            actions,
            err.as_raw_fd(),
            2,
        ))?;
        if let Some(fd) = fourth {
            check(libc::posix_spawn_file_actions_adddup2(
                actions,
                fd.as_raw_fd(),
                3,
            ))?;
        }
        check(libc::posix_spawn_file_actions_addchdir_np(
            actions,
            cwd.as_ptr(),
        ))?;
        let (argv, env) = (arguments.as_ptr(), env.as_ptr());
        check(libc::posix_spawn(
            &raw mut pid,
            path.as_ptr(),
            actions,
            attr,
            argv,
            env,
        ))?;
    }
    Ok(pid)
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::fd::AsFd as _};

    use super::*;

    #[test]
    fn what_is_left_out_or_replaced_is_not_passed_on() {
        let vars = ["CLAUDECODE", "CLAUDECODE_X", "KEPT", "REPLACED"];
        let vars = vars.map(|name| (OsString::from(name), OsString::from("old")));
        let env = EnvBlock::new(vars).unwrap();
        let extra = [entry(OsStr::new("REPLACED"), OsStr::new("new")).unwrap()];
        let null = File::open("/dev/null").unwrap();
        let pointers = env_pointers(&SpawnSpec {
            argv: &[],
            env: &env,
            extra: &extra,
            unset: &["CLAUDECODE".to_owned()],
            cwd: Path::new("/"),
            stdin: null.as_fd(),
            output: Output::Merged(null.as_fd()),
        });
        let (end, entries) = pointers.split_last().unwrap();
        assert!(end.is_null());
        // SAFETY: each but the last points to a text of `env` or `extra`, which live on.
        let text = |at: &*mut c_char| unsafe { CStr::from_ptr(*at) }.to_str().unwrap().to_owned();
        let entries: Vec<String> = entries.iter().map(text).collect();
        assert_eq!(entries, ["REPLACED=new", "CLAUDECODE_X=old", "KEPT=old"]);
    }
}
