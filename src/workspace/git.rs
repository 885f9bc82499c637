//! The one way to run git: argument lists, a cleared environment, bounded output, a time limit.
//!
//! Never starts a program that a repository names: hooks, the file-system monitor, external diffs
//! and remote helpers are off; no terminal is asked, no signature made, no collection of garbage
//! begun. With [`Git::ours`] nobody's configuration counts but that of the folder, which must be one
//! that wavedeck wrote: then no filter is defined, and files that git-lfs keeps are pointers.
//!
//! Waits, so it belongs on threads of their own, never on the run's loop. Its children stay in our
//! session and are waited for by the thread that started them, so no reaper takes their status
//! (`sys/reap.rs`). Must not decide what to do about an error.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read, Write},
    os::{
        fd::AsFd,
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::PollFlags,
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    process::{Pid, PidfdFlags, pidfd_open},
};

pub use super::version::{GitError, version};
use super::{
    pipes::{end, wait},
    version::words,
};

/// Bytes of output that are read unless a caller says otherwise.
const MOST: usize = 64 << 20;
/// Bytes of git's own words that are kept.
const WORDS: usize = 16 << 10;
/// Time that a command may take unless a caller says otherwise.
const LIMIT: Duration = Duration::from_mins(2);
/// Time for what goes through all files or all objects of a large repository.
const LONG: Duration = Duration::from_mins(15);

/// What passes from our environment to git: where programs are, and whose configuration counts.
const PASSED: [&str; 7] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "TMPDIR",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
];

/// Settings that hold for every command, over all configuration.
const SETTINGS: [&str; 16] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "core.splitIndex=false",
    "index.sparse=false",
    "protocol.allow=never",
    "protocol.file.allow=always",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "log.showSignature=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
];

#[cfg(test)]
std::thread_local! {
    /// How many commands this thread has started.
    pub(super) static STARTED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// What a command did.
#[derive(Debug)]
pub struct Output {
    /// Its exit status; none after a signal.
    pub code: Option<i32>,
    /// What it printed.
    pub out: Vec<u8>,
    /// Its own words, uncleaned, cut.
    pub err: Vec<u8>,
    /// Whether it printed more than was read; it was ended then.
    pub cut: bool,
}

/// A place to run git in, and how.
#[derive(Debug, Clone)]
pub struct Git {
    dir: PathBuf,
    repository: Option<PathBuf>,
    work_tree: Option<PathBuf>,
    ours: bool,
    env: Vec<(OsString, OsString)>,
    settings: Vec<OsString>,
    limit: Duration,
    most: usize,
}

impl Git {
    /// In a folder of the user's, with the user's configuration.
    #[must_use]
    pub fn users(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            repository: None,
            work_tree: None,
            ours: false,
            env: Vec::new(),
            settings: Vec::new(),
            limit: LIMIT,
            most: MOST,
        }
    }

    /// In a folder of ours, with nobody's configuration but the folder's own.
    #[must_use]
    pub fn ours(dir: &Path) -> Self {
        Self {
            ours: true,
            ..Self::users(dir)
        }
    }

    /// Names the repository, so that none is looked for.
    #[must_use]
    pub fn git_dir(mut self, dir: &Path) -> Self {
        self.repository = Some(dir.to_owned());
        self
    }

    /// Names the working tree.
    #[must_use]
    pub fn work_tree(mut self, dir: &Path) -> Self {
        self.work_tree = Some(dir.to_owned());
        self
    }

    /// Adds to the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Adds a setting, `name=value`.
    #[must_use]
    pub fn setting(mut self, setting: impl Into<OsString>) -> Self {
        self.settings.push(setting.into());
        self
    }

    /// Says how long a command may take.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Gives a command the time for all files or objects of a large repository: checkouts, fetches.
    #[must_use]
    pub fn long(self) -> Self {
        self.limit(LONG)
    }

    /// Says how many bytes of output are read.
    #[must_use]
    pub fn most(mut self, bytes: usize) -> Self {
        self.most = bytes;
        self
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<u8>, GitError> {
        self.feed(args, &[])
    }

    /// Like [`Git::run`], with bytes on its standard input.
    pub fn feed<S: AsRef<OsStr>>(&self, args: &[S], stdin: &[u8]) -> Result<Vec<u8>, GitError> {
        let args = borrowed(args);
        let output = self.start(&args, stdin)?;
        let what = || name(&args);
        if output.cut {
            return Err(GitError::TooMuch {
                what: what(),
                bytes: self.most,
            });
        }
        if output.code != Some(0) {
            return Err(GitError::Failed {
                what: what(),
                code: output.code,
                said: words(output.code, &output.err),
            });
        }
        Ok(output.out)
    }

    /// Runs a command whose status is an answer.
    pub fn output<S: AsRef<OsStr>>(&self, args: &[S], stdin: &[u8]) -> Result<Output, GitError> {
        self.start(&borrowed(args), stdin)
    }

    /// Runs a command that prints one word or line, and returns it without its line end.
    pub fn line<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<u8>, GitError> {
        let mut out = self.run(args)?;
        if out.last() == Some(&b'\n') {
            out.pop();
        }
        Ok(out)
    }

    fn start(&self, args: &[&OsStr], stdin: &[u8]) -> Result<Output, GitError> {
        #[cfg(test)]
        STARTED.set(STARTED.get() + 1);
        let mut command = self.command(args);
        command.stdin(if stdin.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        });
        let until = Instant::now() + self.limit;
        let mut child = command.spawn().map_err(|error| GitError::Start { error })?;
        let talked = self.talk(&mut child, stdin, until);
        if !matches!(talked, Ok((_, _, false))) {
            end(&child);
        }
        let ended = child.wait();
        let fault = |error| GitError::Pipe {
            what: name(args),
            error,
        };
        let (out, err, cut) = talked.map_err(|error| {
            if error.kind() == io::ErrorKind::TimedOut {
                let seconds = self.limit.as_secs();
                return GitError::Late {
                    what: name(args),
                    seconds,
                };
            }
            fault(error)
        })?;
        let status = ended.map_err(fault)?;
        // A signal has no exit status.
        let code = status.code().filter(|_| status.signal().is_none());
        Ok(Output {
            code,
            out,
            err,
            cut,
        })
    }

    fn command(&self, args: &[&OsStr]) -> Command {
        let mut command = Command::new("git");
        command.env_clear();
        for name in PASSED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if self.ours {
            command
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_CONFIG_SYSTEM", "/dev/null")
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .env("GIT_ATTR_NOSYSTEM", "1");
        }
        command
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_EDITOR", "false")
            .env("LC_ALL", "C")
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command.arg("-C").arg(&self.dir);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        for setting in &self.settings {
            command.arg("-c").arg(setting);
        }
        if let Some(dir) = &self.repository {
            command.arg(join("--git-dir=", dir));
        }
        if let Some(dir) = &self.work_tree {
            command.arg(join("--work-tree=", dir));
        }
        command
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // So that its helpers can be ended with it. Not a session of its own: see the module.
            .process_group(0);
        command
    }

    /// Writes what it reads and reads what it prints, until it has ended.
    fn talk(
        &self,
        child: &mut Child,
        mut input: &[u8],
        until: Instant,
    ) -> io::Result<(Vec<u8>, Vec<u8>, bool)> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("it has no number"))?;
        let mut stdin = child.stdin.take();
        if let Some(pipe) = &stdin {
            let flags = fcntl_getfl(pipe)?;
            fcntl_setfl(pipe, flags | OFlags::NONBLOCK)?;
        }
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut chunk = vec![0; 64 << 10];
        while stdin.is_some() || stdout.is_some() || stderr.is_some() {
            let ready = {
                let pipes = [
                    stdin.as_ref().map(|p| (p.as_fd(), PollFlags::OUT)),
                    stdout.as_ref().map(|p| (p.as_fd(), PollFlags::IN)),
                    stderr.as_ref().map(|p| (p.as_fd(), PollFlags::IN)),
                ];
                wait(&pipes, until)?
            };
            if ready[0]
                && let Some(pipe) = &mut stdin
            {
                match pipe.write(input) {
                    Ok(n) => input = &input[n..],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // It wants no more; its status tells why.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => input = &[],
                    Err(error) => return Err(error),
                }
                if input.is_empty() {
                    stdin = None;
                }
            }
            if ready[1]
                && let Some(pipe) = &mut stdout
            {
                let n = pipe.read(&mut chunk)?;
                out.extend_from_slice(&chunk[..n]);
                if n == 0 {
                    stdout = None;
                }
                if out.len() > self.most {
                    out.truncate(self.most);
                    return Ok((out, err, true));
                }
            }
            if ready[2]
                && let Some(pipe) = &mut stderr
            {
                let n = pipe.read(&mut chunk)?;
                let room = WORDS.saturating_sub(err.len()).min(n);
                err.extend_from_slice(&chunk[..room]);
                if n == 0 {
                    stderr = None;
                }
            }
        }
        // Its pipes are closed; that it ends is another thing.
        let process = pidfd_open(pid, PidfdFlags::empty())?;
        wait(&[Some((process.as_fd(), PollFlags::IN)), None, None], until)?;
        Ok((out, err, false))
    }
}

fn borrowed<S: AsRef<OsStr>>(args: &[S]) -> Vec<&OsStr> {
    args.iter().map(AsRef::as_ref).collect()
}

/// An option and a path in one argument.
pub(super) fn join(option: &str, path: &Path) -> OsString {
    let mut arg = OsString::from(option);
    arg.push(path);
    arg
}

/// The command's own name, for messages.
fn name(args: &[&OsStr]) -> String {
    let first = args.first().map(|a| a.to_string_lossy().into_owned());
    first.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_of_any_size_goes_in_and_output_is_bounded() {
        let input = vec![b'x'; 1 << 20];
        let git = Git::ours(Path::new("/"));
        let hash = git.feed(&["hash-object", "--stdin"], &input).unwrap();
        assert_eq!(hash.len(), 41);
        let columns = ["stripspace"];
        assert_eq!(git.feed(&columns, &input).unwrap().len(), input.len() + 1);
        let error = git.clone().most(1000).feed(&columns, &input).unwrap_err();
        assert!(
            matches!(error, GitError::TooMuch { bytes: 1000, .. }),
            "{error}"
        );
    }

    #[test]
    fn its_own_words_are_clean_and_late_ones_are_ended() {
        let git = Git::ours(Path::new("/"));
        let error = git
            .run(&["rev-parse", "--verify", "a\x1b]0;b\x07c"])
            .unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("git rev-parse failed: fatal:"), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
        // It reads the pipe that we hold open: `cat-file --batch` never ends by itself.
        let folder = tempfile::tempdir().unwrap();
        Git::ours(folder.path()).run(&["init", "-q"]).unwrap();
        let alias = Git::ours(folder.path())
            .setting("alias.late=!sleep 600")
            .limit(Duration::from_millis(50));
        let error = alias.run(&["late"]).unwrap_err();
        assert!(matches!(error, GitError::Late { .. }), "{error}");
    }
}
