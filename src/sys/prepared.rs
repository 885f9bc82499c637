//! Starting a program by way of the hidden helper (see [`super::exec`]), which prepares its own
//! process first, and hearing from it how that went.
//!
//! Must not wait for set-up commands: they may take minutes.

use std::{
    ffi::{CString, OsString},
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    path::Path,
};

use rustix::{
    fs::{OFlags, fcntl_setfl},
    io::{Errno, read},
    pipe::{PipeFlags, pipe_with},
};

use super::{
    exec::{SUBCOMMAND, Stage, options},
    landlock::Rule,
    reap,
    spawn::{self, SpawnSpec, Spawned},
};

/// Bytes of a failure that are read; more than its words may hold.
const MESSAGE: usize = 4096;

/// What is done before the program.
#[derive(Debug, Clone, Copy, Default)]
pub struct Preparation<'a> {
    /// Standard input becomes its controlling terminal.
    pub terminal: bool,
    /// Where it may write; none: no boundary.
    pub rules: Option<&'a [Rule]>,
    /// Commands that are carried out first, one after another.
    pub setup: &'a [SetUp],
    /// The file that says whether these were carried out well before; then they are left out.
    pub once: Option<&'a Path>,
}

/// A command that is carried out before the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetUp {
    /// How it is shown, in the output and in messages.
    pub shown: String,
    /// Program and arguments.
    pub argv: Vec<String>,
}

/// What the helper may still tell while it carries out set-up commands.
#[derive(Debug)]
pub struct Told(OwnedFd);

impl Told {
    /// Why the program was never started, in words for a person that may hold foreign text; none: it
    /// was, or something ended the helper. To be asked once its process has ended.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        // Something that is being started may still hold the other end for a moment.
        fcntl_setfl(&self.0, OFlags::RDONLY | OFlags::NONBLOCK).ok()?;
        let (_, error) = message(&self.0)?;
        Some(error.to_string())
    }
}

/// Starts a command as [`spawn::spawn`] does, after what is to be done before. `helper` is this
/// program, which becomes the command.
///
/// Without set-up it returns once the program runs, and errors are the same in the same words. With
/// set-up it returns once that begins; [`Told`] knows later how it went.
pub fn spawn(
    spec: &SpawnSpec<'_>,
    how: &Preparation<'_>,
    helper: &str,
) -> io::Result<(Spawned, Option<Told>)> {
    if how.setup.is_empty() {
        return spawn::with_program(spec, |path| {
            start(spec, how, helper, path.as_c_str().into())
        });
    }
    if !spec.cwd.is_dir() {
        let text = format!("working folder `{}` is not there", spec.cwd.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    // Its program may be there only after set-up.
    start(spec, how, helper, CString::default())
}

fn start(
    spec: &SpawnSpec<'_>,
    how: &Preparation<'_>,
    helper: &str,
    path: CString,
) -> io::Result<(Spawned, Option<Told>)> {
    let text = |word: OsString| {
        CString::new(word.into_vec()).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "an argument of a set-up command, or a path that it may write, holds a NUL byte",
            )
        })
    };
    let own = CString::new(helper).map_err(io::Error::other)?;
    let hidden = CString::new(SUBCOMMAND).map_err(io::Error::other)?;
    let mut argv = vec![own.clone(), hidden];
    for word in options(how) {
        argv.push(text(word)?);
    }
    argv.push(path);
    argv.extend(spawn::arguments(spec)?);
    let (told, tell) = pipe_with(PipeFlags::CLOEXEC)?;
    let spawned = spawn::start(&own, &argv, spec, Some(tell.as_fd()))
        .map_err(|e| io::Error::other(format!("{helper} cannot be started again: {e}")))?;
    drop(tell);
    // Its end comes when the program has replaced the helper.
    match message(&told) {
        None => Ok((spawned, None)),
        Some((stage, _)) if stage == Stage::SettingUp as u8 => Ok((spawned, Some(Told(told)))),
        Some((_, error)) => {
            let _ = reap::wait(spawned.pid);
            Err(error)
        }
    }
}

/// What the helper tells before it ends; none: it has become the program, or was killed first.
fn message(told: &OwnedFd) -> Option<(u8, io::Error)> {
    let mut stage = [0];
    if fill(told, &mut stage) == 0 {
        return None;
    }
    let [stage] = stage;
    if stage == Stage::SettingUp as u8 {
        return Some((stage, io::Error::other("set-up")));
    }
    let mut rest = vec![0; MESSAGE];
    let got = fill(told, &mut rest);
    let (errno, words) = rest[..got].split_first_chunk()?;
    let error = match i32::from_le_bytes(*errno) {
        0 => io::Error::other(String::from_utf8_lossy(words).into_owned()),
        errno => io::Error::from_raw_os_error(errno),
    };
    let error = if stage == Stage::Terminal as u8 {
        io::Error::other(format!("its terminal cannot be made its own: {error}"))
    } else if stage == Stage::Boundary as u8 {
        io::Error::other(format!("its boundary cannot be set: {error}"))
    } else {
        error
    };
    Some((stage, error))
}

/// Reads until the buffer is full, the other end is closed or nothing is there; bytes read.
fn fill(told: &OwnedFd, buffer: &mut [u8]) -> usize {
    let mut got = 0;
    while got < buffer.len() {
        match read(told, &mut buffer[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(Errno::INTR) => {}
            Err(_) => break,
        }
    }
    got
}
