//! The hidden `wavedeck __exec`: prepares its own process, then becomes the program that it is given.
//!
//! What must be set between a start and the program itself is set here, in a process of one thread
//! that holds nothing, and not in a copy of the runner: `fork` would copy the page tables of
//! everything that it knows. That is the controlling terminal, the boundary and the set-up commands;
//! limits would be next. Must not print but for the line before each set-up command: standard output
//! is the agent's.
//!
//! `__exec [OPTION…] -- PATH ARGV0 ARG…`, in any order of options: `--terminal`; `--boundary`, with
//! `--write PATH`, `--may-write PATH` and `--may-change PATH` for each place (see
//! [`super::landlock::Grant`]); `--setup SHOWN COUNT WORD…` for each command, carried out in this order;
//! `--once PATH`: not where this file says that they were carried out well.
//! After set-up PATH is empty and the program is looked up then: it may have been made by it.
#![expect(
    unsafe_code,
    reason = "execv has no wrapper that keeps the arguments as they are and tells the kernel's error"
)]

use std::{
    convert::Infallible,
    ffi::{CString, OsStr, OsString},
    fs::OpenOptions,
    io::{self, Write},
    os::{
        fd::{BorrowedFd, FromRawFd, OwnedFd},
        unix::{
            ffi::{OsStrExt, OsStringExt},
            fs::OpenOptionsExt,
            process::ExitStatusExt,
        },
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    ptr,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::{FdFlags, fcntl_setfd, write},
    process::{Signal, getpid, ioctl_tiocsctty, kill_process},
};

use super::{
    landlock::{self, Grant, Rule},
    prepared::{Preparation, SetUp},
    program::Programs,
    reap::signal_name,
};

/// Name of the subcommand.
pub const SUBCOMMAND: &str = "__exec";
/// Signals by which whole trees are ended.
const ENDS: [Signal; 4] = [Signal::TERM, Signal::KILL, Signal::INT, Signal::HUP];

/// What is told to the runner on descriptor 3: this byte, the error's number, words (UTF-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The terminal could not be made the controlling one.
    Terminal = 1,
    /// The program could not be started.
    Program = 2,
    /// The boundary could not be set.
    Boundary = 3,
    /// Set-up begins: this byte alone, and no failure.
    SettingUp = 4,
    /// A command of set-up failed; the words say all.
    Setup = 5,
}

/// A failure on the way to the program.
struct Failed {
    stage: Stage,
    error: io::Error,
    /// A command of set-up was ended from outside by this; whoever did it mostly means us too.
    signal: Option<Signal>,
}

impl Failed {
    fn at(stage: Stage) -> impl Fn(io::Error) -> Self {
        move |error| Self {
            stage,
            error,
            signal: None,
        }
    }
}

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    terminal: bool,
    /// None: no boundary.
    rules: Option<Vec<Rule>>,
    /// How each is shown, and its words.
    setup: Vec<(String, Vec<OsString>)>,
    /// The file that says whether they were carried out.
    once: Option<PathBuf>,
    /// Path, name, arguments.
    program: Vec<OsString>,
}

/// Does what the options say and becomes the program whose path and arguments are given; comes back
/// only with an exit status, after telling why on descriptor 3.
///
/// 126: the program cannot be started, or something before it failed; 127: it is not there. As
/// shells say it; the runner goes by what it was told.
#[must_use]
pub fn replace(args: &[OsString]) -> u8 {
    // SAFETY: descriptor 3 is the runner's pipe by this command's contract and nobody else's here;
    // where it is not open, the calls on it fail and that is all.
    let told = unsafe { OwnedFd::from_raw_fd(3) };
    let Failed {
        stage,
        error,
        signal,
    } = match prepare_and_become(args, &told) {
        Ok(never) => match never {},
        Err(failed) => failed,
    };
    let errno = error.raw_os_error().unwrap_or(0);
    let mut message = vec![stage as u8];
    message.extend(errno.to_le_bytes());
    if errno == 0 {
        message.extend(error.to_string().into_bytes());
    }
    // Nobody listens: started by hand. The status tells enough.
    let _ = write(&told, &message);
    if let Some(signal) = signal {
        // As the command has: which of the two a stop reaches first must not show.
        let _ = kill_process(getpid(), signal);
    }
    if error.kind() == io::ErrorKind::NotFound {
        127
    } else {
        126
    }
}

fn prepare_and_become(args: &[OsString], told: &OwnedFd) -> Result<Infallible, Failed> {
    let wanted = parse(args)
        .ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))
        .map_err(Failed::at(Stage::Program))?;
    fcntl_setfd(told, FdFlags::CLOEXEC).map_err(|e| Failed::at(Stage::Program)(e.into()))?;
    if wanted.terminal {
        // SAFETY: descriptor 0 stays open for as long as this process is this program.
        let terminal = unsafe { BorrowedFd::borrow_raw(0) };
        ioctl_tiocsctty(terminal).map_err(|e| Failed::at(Stage::Terminal)(e.into()))?;
    }
    if let Some(rules) = &wanted.rules {
        landlock::restrict(rules).map_err(Failed::at(Stage::Boundary))?;
    }
    if !wanted.setup.is_empty() {
        let _ = write(told, &[Stage::SettingUp as u8]);
        set_up_once(&wanted)?;
    }
    become_program(wanted.program).map_err(Failed::at(Stage::Program))
}

fn become_program(mut program: Vec<OsString>) -> io::Result<Infallible> {
    let (path, name) = (program.remove(0), program[0].clone());
    let text = |arg: OsString| {
        CString::new(arg.into_vec()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
    };
    let argv: Vec<CString> = program.into_iter().map(text).collect::<Result<_, _>>()?;
    if !path.is_empty() {
        return Err(execute(&text(path)?, &argv));
    }
    let programs = Programs::new(std::env::var_os("PATH").as_deref());
    let name = name.to_string_lossy();
    let here = std::env::current_dir()?;
    let path = programs.find(&name, &here)?;
    let error = execute(&path, &argv);
    Err(programs.explain(&name, &path, &here, &error))
}

/// Becomes the program; comes back with the reason why not.
fn execute(path: &CString, argv: &[CString]) -> io::Error {
    let mut pointers: Vec<_> = argv.iter().map(|a| a.as_ptr()).collect();
    pointers.push(ptr::null());
    // SAFETY: SIGPIPE is set back to its default, which the language's start took away; path and
    // arguments are strings that outlive the call, the array ends with NULL.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::execv(path.as_ptr(), pointers.as_ptr());
    }
    io::Error::last_os_error()
}

/// Becomes another program, its arguments, its name among them, as they are, with one variable more or
/// changed; comes back with the reason why not.
///
/// A file that the kernel knows no way to start is handed to `/bin/sh`, as shells do.
#[must_use]
pub fn become_other(path: &Path, argv: &[OsString], with: Option<(&str, OsString)>) -> io::Error {
    match replaced(path, argv, with) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

fn replaced(
    path: &Path,
    argv: &[OsString],
    with: Option<(&str, OsString)>,
) -> io::Result<Infallible> {
    let text = |bytes: Vec<u8>| {
        CString::new(bytes).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
    };
    let file = text(path.as_os_str().as_bytes().to_vec())?;
    let argv = argv.iter().map(|arg| text(arg.clone().into_vec()));
    let mut argv: Vec<CString> = argv.collect::<io::Result<_>>()?;
    let name = with.as_ref().map(|(name, _)| *name);
    let env = std::env::vars_os().filter(|(other, _)| name.is_none_or(|name| other != name));
    let added = with.map(|(name, value)| (name.into(), value));
    let env = env.chain(added).map(|(name, value): (OsString, OsString)| {
        let mut entry = name.into_vec();
        entry.push(b'=');
        entry.extend(value.into_vec());
        text(entry)
    });
    let env: Vec<CString> = env.collect::<io::Result<_>>()?;
    let error = execute_with(&file, &argv, &env);
    if error.raw_os_error() != Some(libc::ENOEXEC) {
        return Err(error);
    }
    let shell = text(b"/bin/sh".to_vec())?;
    argv.splice(..1.min(argv.len()), [shell.clone(), file]);
    Err(execute_with(&shell, &argv, &env))
}

fn execute_with(path: &CString, argv: &[CString], env: &[CString]) -> io::Error {
    let pointers = |all: &[CString]| {
        let all = all.iter().map(|a| a.as_ptr());
        all.chain([ptr::null()]).collect::<Vec<_>>()
    };
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: SIGPIPE is set back to its default, which the language's start took away; path, arguments and
    // environment are strings that outlive the call, both arrays end with NULL.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::execve(path.as_ptr(), argv.as_ptr(), env.as_ptr());
    }
    io::Error::last_os_error()
}

/// Carries the commands out, unless another process did so with success; one that is at it is waited
/// for.
fn set_up_once(wanted: &Wanted) -> Result<(), Failed> {
    let all = || {
        let mut commands = wanted.setup.iter();
        commands.try_for_each(|(shown, argv)| set_up(shown, argv))
    };
    let Some(path) = &wanted.once else {
        return all();
    };
    let failed = |error: io::Error| {
        let text = format!("set-up cannot be noted in {}: {error}", path.display());
        Failed::at(Stage::Setup)(io::Error::other(text))
    };
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        // What works in the folder of the file may have put a link there.
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
        .map_err(failed)?;
    flock(&file, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
    if file.metadata().map_err(failed)?.len() > 0 {
        return Ok(());
    }
    all()?;
    file.write_all(b"done\n").map_err(failed)
}

/// Carries one command out. Its input is empty: what stands on ours is for the program.
fn set_up(shown: &str, argv: &[OsString]) -> Result<(), Failed> {
    let line = format!("wavedeck: set-up: {shown}\n");
    // SAFETY: as above, descriptor 1 stays open.
    let output = unsafe { BorrowedFd::borrow_raw(1) };
    // Nobody reads it any more: then nobody misses it.
    let _ = write(output, line.as_bytes());
    let failed = |how: String| {
        let text = format!("set-up failed: `{shown}` {how}");
        Failed::at(Stage::Setup)(io::Error::other(text))
    };
    let [program, args @ ..] = argv else {
        return Err(failed("is empty".to_owned()));
    };
    let status = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .status()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(failed(format!("exit status {code}"))),
        (None, Some(signal)) => Err(Failed {
            signal: ENDS.into_iter().find(|ends| ends.as_raw() == signal),
            ..failed(format!("was ended by {}", signal_name(signal)))
        }),
        (None, None) => Err(failed(status.to_string())),
    }
}

/// Reads the arguments; none where they make no sense.
fn parse(args: &[OsString]) -> Option<Wanted> {
    let mut wanted = Wanted::default();
    let mut rest = args.iter();
    loop {
        let option = rest.next()?.to_str()?;
        let grant = match option {
            "--" => break,
            "--terminal" => {
                wanted.terminal = true;
                continue;
            }
            "--boundary" => {
                wanted.rules.get_or_insert_default();
                continue;
            }
            "--setup" => {
                let shown = rest.next()?.to_str()?.to_owned();
                let count: usize = rest.next()?.to_str()?.parse().ok()?;
                let argv: Vec<OsString> = rest.by_ref().take(count).cloned().collect();
                if argv.len() < count {
                    return None;
                }
                wanted.setup.push((shown, argv));
                continue;
            }
            "--once" => {
                wanted.once = Some(rest.next()?.into());
                continue;
            }
            _ => grant_of(option)?,
        };
        let path = Path::new(rest.next()?).to_owned();
        wanted
            .rules
            .get_or_insert_default()
            .push(Rule { grant, path });
    }
    wanted.program = rest.cloned().collect();
    (wanted.program.len() >= 2).then_some(wanted)
}

/// The options of places.
const GRANTS: [(&str, Grant); 3] = [
    ("--write", Grant::Whole),
    ("--may-write", Grant::WholeIfThere),
    ("--may-change", Grant::Content),
];

fn grant_of(option: &str) -> Option<Grant> {
    let found = GRANTS.iter().find(|(name, _)| *name == option);
    found.map(|(_, grant)| *grant)
}

/// The arguments that [`replace`] gets, up to and with the `--`.
pub(super) fn options(how: &Preparation<'_>) -> Vec<OsString> {
    let mut all: Vec<OsString> = Vec::new();
    let mut add = |word: &OsStr| all.push(word.to_owned());
    if how.terminal {
        add("--terminal".as_ref());
    }
    if let Some(rules) = how.rules {
        add("--boundary".as_ref());
        for rule in rules {
            let option = GRANTS.iter().find(|(_, grant)| *grant == rule.grant);
            add(option.map_or("--write", |(name, _)| name).as_ref());
            add(rule.path.as_os_str());
        }
    }
    if let Some(once) = how.once {
        add("--once".as_ref());
        add(once.as_os_str());
    }
    for SetUp { shown, argv } in how.setup {
        add("--setup".as_ref());
        add(shown.as_ref());
        add(argv.len().to_string().as_ref());
        for word in argv {
            add(word.as_ref());
        }
    }
    add("--".as_ref());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_arrives_whatever_it_is_called() {
        let rules: Vec<Rule> = [
            (Grant::Whole, "/work/a b"),
            (Grant::WholeIfThere, "--setup"),
            (Grant::Content, "--"),
        ]
        .map(|(grant, path)| Rule {
            grant,
            path: path.into(),
        })
        .into();
        let words = |shown: &str, argv: &[&str]| SetUp {
            shown: shown.to_owned(),
            argv: argv.iter().map(ToString::to_string).collect(),
        };
        let setup = vec![words("--write", &["--", "--write"]), words("npm", &["npm"])];
        let once = Path::new("--once");
        let mut args = options(&Preparation {
            terminal: true,
            rules: Some(&rules),
            setup: &setup,
            once: Some(once),
        });
        let program: Vec<OsString> = ["/bin/x", "x", "--boundary", "--"].map(Into::into).into();
        args.extend(program.clone());
        let wanted = Wanted {
            terminal: true,
            rules: Some(rules),
            setup: setup
                .into_iter()
                .map(|s| (s.shown, s.argv.into_iter().map(Into::into).collect()))
                .collect(),
            once: Some(once.to_owned()),
            program: program.clone(),
        };
        assert_eq!(parse(&args), Some(wanted));
        let mut args = options(&Preparation::default());
        args.extend(program);
        assert!(parse(&args).unwrap().rules.is_none());
        let wrong = ["--setup", "a", "3", "a", "--", "/bin/x"].map(Into::into);
        assert_eq!(parse(&wrong), None, "a command's words are missing");
        assert_eq!(
            parse(&["--writ", "/", "--", "p", "p"].map(Into::into)),
            None
        );
    }
}
