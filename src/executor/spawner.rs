//! The spawner threads: take a job, make its pipe, start it, hand it to the I/O thread.
//!
//! More than one, because starting a process blocks until it has replaced itself: two halve the
//! wall time of many short agents. Must not wait for anything but the next job.

use std::{
    ffi::{CString, OsStr},
    io::{self, Write},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use rustix::{
    event::epoll,
    fs::{OFlags, fcntl_setfl},
    pipe::{PipeFlags, pipe_with},
    process::{Pid, PidfdFlags, Signal, pidfd_open},
};

use super::{
    Boundary, Job, JobKey, JobTerminal, JobView, Level, Report, Unmade,
    inbox::{Shared, Source, token},
    index_file::IndexFile,
    io::Outflow,
    live::{Feed, Freeze, Live, Sink},
    talk::{Talk, prompted},
    temporary,
    terminal::Terminal,
};
use crate::{
    context::redact::{Manner, Stream},
    display::clean_text,
    sys::{
        landlock::{self, Grant, Rule},
        lock, locked,
        marker::{self, Marker},
        prepared::{self, Preparation, SetUp, Told},
        pty, reap,
        spawn::{Output, SpawnSpec, Spawned, entry, spawn},
        tree::{self, Root},
    },
    terminal::SIZE,
};

/// Where programs put temporary files.
const TMPDIR: &str = "TMPDIR";
/// Columns of a set-up command that are shown.
const SHOWN: usize = 200;

/// Takes jobs until the queue is closed and empty.
pub(super) fn run(shared: &Shared) {
    let mut done = None;
    while let Some(job) = next(shared, done.take()) {
        let key = job.key.clone();
        if let Err(unmade) = start(shared, job) {
            let (error, refused) = match unmade {
                Unmade::Refused(why) => (why, true),
                Unmade::Failed(error) => (error.to_string(), false),
            };
            shared.report(Report::SpawnFailed {
                key: key.clone(),
                error,
                cancelled: false,
                refused,
            });
        }
        done = Some(key);
    }
}

/// Notes that one job is started and waits for the next; one lock for both.
fn next(shared: &Shared, done: Option<JobKey>) -> Option<Job> {
    let mut queue = locked(&shared.queue);
    if let Some(done) = done {
        queue.starting.retain(|key| *key != done);
        if std::mem::take(&mut queue.awaited) {
            shared.nudge();
        }
    }
    loop {
        if let Some(job) = queue.jobs.pop_front() {
            queue.starting.push(job.key.clone());
            return Some(job);
        }
        if queue.closed {
            drop(queue);
            // The end of the run waits for jobs that are being started.
            shared.nudge();
            return None;
        }
        queue.idle += 1;
        queue = shared
            .ready
            .wait(queue)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        queue.idle -= 1;
    }
}

fn start(shared: &Shared, mut job: Job) -> Result<(), Unmade> {
    prompted(shared, &mut job)?;
    let temporary = job.boundary.as_ref().and_then(|b| b.temporary.clone());
    let started = match bounds(shared, job.boundary.as_ref()) {
        Ok(rules) => start_within(shared, job, rules.as_deref()),
        Err(error) => Err(error),
    };
    if started.is_err()
        && let Some(folder) = &temporary
    {
        temporary::remove(folder);
    }
    started.map_err(Unmade::Failed)
}

/// Makes what a boundary needs and returns what the kernel is to be told; none: nothing.
///
/// # Errors
/// When it is required and cannot be kept, or its files cannot be made.
fn bounds(shared: &Shared, boundary: Option<&Boundary>) -> io::Result<Option<Vec<Rule>>> {
    let Some(boundary) = boundary else {
        return Ok(None);
    };
    let support = shared.landlock.get_or_init(landlock::probe);
    if let Some(why) = boundary.refusal(support) {
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    let named = |path: &Path, error: io::Error| {
        io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    };
    if let Some(folder) = &boundary.temporary {
        temporary::make(folder).map_err(|error| named(folder, error))?;
    }
    // Where one cannot be made the job will say so.
    let made: Vec<PathBuf> = (boundary.made.iter())
        .filter_map(|(ours, below)| lock::private_below(ours, below).ok())
        .collect();
    let enforced = matches!(boundary.level(support), Level::Enforced(_));
    if enforced {
        for file in &boundary.files {
            let folder = file.parent().map_or(Ok(()), lock::private_dir);
            folder
                .and_then(|()| lock::private_append(file).map(drop))
                .map_err(|error| named(file, error))?;
        }
    }
    Ok(enforced.then(|| {
        let mut rules = boundary.rules();
        rules.extend(made.into_iter().map(|folder| Rule {
            grant: Grant::Whole,
            path: folder,
        }));
        rules
    }))
}

fn start_within(shared: &Shared, job: Job, rules: Option<&[Rule]>) -> io::Result<()> {
    let marker = job.key.marker(&shared.run);
    let extra = environment(&marker, &job)?;
    let setup: Vec<SetUp> = (job.setup.iter())
        .map(|argv| SetUp {
            shown: clean_text(&argv.join(" "), SHOWN),
            argv: argv.clone(),
        })
        .collect();
    let how = Preparation {
        terminal: job.terminal.is_some(),
        rules,
        setup: &setup,
        once: job.setup_once.as_deref(),
    };
    let (channel, input) = if let Some(terminal) = &job.terminal {
        // Who made it has put it there.
        let text = job.stdin.as_deref().filter(|_| job.prompt.is_none());
        (Channel::terminal(terminal, text)?, None)
    } else {
        let open = job.speaks.as_ref().is_some_and(|speaks| speaks.open);
        let fed = job.stdin.map(|text| feed(text, open)).transpose()?;
        (Channel::pipe()?, fed)
    };
    let child = channel.child.as_fd();
    let spec = SpawnSpec {
        argv: &job.argv,
        env: &shared.env,
        extra: &extra,
        unset: &job.env_unset,
        cwd: &job.cwd,
        stdin: match &input {
            Some((_, end)) => end.as_fd(),
            None if how.terminal => child,
            None => shared.null.as_fd(),
        },
        output: Output::Merged(child),
    };
    // Straight away where nothing is to be prepared: the helper costs a start of this program.
    let (spawned, told) = if how.terminal || rules.is_some() || !how.setup.is_empty() {
        prepared::spawn(&spec, &how, &shared.helper)?
    } else {
        (spawn(&spec)?, None)
    };
    drop(channel.child);
    let feed = input.and_then(|(feed, _)| feed);
    let hand = Hand {
        key: job.key,
        marker,
        output: job.output,
        watch_outputs: job.watch_outputs,
        terminal: job
            .terminal
            .map(|terminal| Box::new(Terminal::new(IndexFile::new(terminal.index, shared.clock)))),
        told,
        talk: job.speaks.map(|speaks| Box::new(Talk::new(&speaks))),
        temporary: job.boundary.and_then(|boundary| boundary.temporary),
    };
    hand_over(shared, hand, spawned, channel.own, feed)
}

/// What carries a job's output: our end and the child's.
struct Channel {
    own: OwnedFd,
    child: OwnedFd,
}

impl Channel {
    fn pipe() -> io::Result<Self> {
        let (own, child) = pipe_with(PipeFlags::CLOEXEC)?;
        set_nonblocking(&own)?;
        Ok(Self { own, child })
    }

    /// Opens a terminal, after the prompt has been put where its agent finds it.
    fn terminal(spec: &JobTerminal, prompt: Option<&[u8]>) -> io::Result<Self> {
        if let Some(prompt) = prompt {
            if let Some(folder) = spec.prompt.parent() {
                lock::private_dir(folder)?;
            }
            lock::private_append(&spec.prompt)?.write_all(prompt)?;
        }
        let (cols, rows) = SIZE;
        let pair = pty::open(cols, rows)?;
        Ok(Self {
            own: pair.master,
            child: pair.slave,
        })
    }
}

struct Hand {
    key: JobKey,
    marker: Marker,
    output: PathBuf,
    watch_outputs: Vec<PathBuf>,
    terminal: Option<Box<Terminal>>,
    told: Option<Told>,
    talk: Option<Box<Talk>>,
    temporary: Option<PathBuf>,
}

/// Reports the start and gives the job to the I/O thread.
fn hand_over(
    shared: &Shared,
    hand: Hand,
    spawned: Spawned,
    pipe: OwnedFd,
    feed: Option<Feed>,
) -> io::Result<()> {
    let Spawned { pid, start_time } = spawned;
    let view = Arc::new(JobView::new(hand.key.clone(), pid, start_time));
    // The pid cannot be reused: only the I/O thread reaps it, and that does not know it yet.
    let pidfd = Pid::from_raw(pid)
        .ok_or(rustix::io::Errno::SRCH)
        .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()));
    let pidfd = match pidfd {
        Ok(pidfd) => pidfd,
        Err(error) => return Err(give_up(pid, start_time, &error.into())),
    };
    let live = Live {
        serial: shared.next_serial(),
        key: hand.key.clone(),
        root: Root {
            pid,
            start_time,
            marker: Some(hand.marker),
            group: None,
        },
        pidfd: Some(pidfd),
        pipe: Some(pipe),
        flow: Outflow::new(Stream::new(if hand.terminal.is_some() {
            Manner::Overwrite
        } else {
            Manner::Replace
        })),
        terminal: hand.terminal,
        feed,
        sink: Sink::Unmade(hand.output),
        oom_kills: shared.oom_kills.load(Ordering::Relaxed),
        exit: None,
        drain_until: None,
        freeze: Freeze::No,
        look_again: None,
        verifying: false,
        watch_outputs: hand.watch_outputs,
        told: hand.told,
        talk: hand.talk,
        temporary: hand.temporary,
        view: Arc::clone(&view),
    };
    // An event may come before the I/O thread has the job: it then looks into the inbox, whose lock
    // is held here until the job is in it.
    let mut inbox = locked(&shared.inbox);
    if let Err(error) = watch(shared, &live) {
        drop(inbox);
        return Err(give_up(pid, start_time, &error));
    }
    locked(&shared.views).insert(hand.key.clone(), view);
    shared.report(Report::Spawned {
        key: hand.key,
        pid,
        start_time,
    });
    let timed = live.talk.is_some();
    inbox.fresh.push(live);
    drop(inbox);
    if timed {
        // It may never say anything, and that is what its limit is for.
        shared.nudge();
    }
    Ok(())
}

/// Ends a process that cannot be watched, for want of descriptors or memory.
fn give_up(pid: i32, start_time: u64, error: &io::Error) -> io::Error {
    let _ = tree::signal_process(pid, start_time, Signal::KILL);
    let _ = reap::wait(pid);
    io::Error::new(
        error.kind(),
        format!("it was started but cannot be watched, and was killed: {error}"),
    )
}

fn watch(shared: &Shared, live: &Live) -> io::Result<()> {
    let add = |fd: Option<&OwnedFd>, source, flags| {
        let data = epoll::EventData::new_u64(token(live.serial, source));
        fd.map_or(Ok(()), |fd| epoll::add(&shared.epoll, fd, data, flags))
    };
    add(live.pipe.as_ref(), Source::Output, epoll::EventFlags::IN)?;
    // Once is enough, and a copy in a child that is being started cannot bring it up again.
    add(
        live.pidfd.as_ref(),
        Source::Exit,
        epoll::EventFlags::IN | epoll::EventFlags::ONESHOT,
    )?;
    Ok(add(
        live.feed.as_ref().filter(|f| f.watched).map(|f| &f.fd),
        Source::Stdin,
        epoll::EventFlags::OUT,
    )?)
}

/// Makes the pipe of a prompt and puts in what fits, mostly all of it; the second end is the child's.
fn feed(text: Vec<u8>, open: bool) -> io::Result<(Option<Feed>, OwnedFd)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    set_nonblocking(&write)?;
    let mut feed = Feed {
        fd: write,
        text,
        at: 0,
        open,
        watched: true,
    };
    let all = feed.push();
    feed.watched = !all;
    Ok(((!all || open).then_some(feed), read))
}

fn set_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    Ok(fcntl_setfl(fd, OFlags::NONBLOCK)?)
}

fn environment(marker: &Marker, job: &Job) -> io::Result<Vec<CString>> {
    let mut extra = Vec::with_capacity(3 + job.env_extra.len());
    let mut add = |name: &str, value: &str| -> io::Result<()> {
        extra.push(entry(OsStr::new(name), OsStr::new(value))?);
        Ok(())
    };
    add(marker::AGENT, &marker.agent)?;
    add(marker::ATTEMPT, &marker.attempt.to_string())?;
    if let Some(check) = &marker.check {
        add(marker::CHECK, check)?;
    }
    for (name, value) in &job.env_extra {
        add(name, value)?;
    }
    let temporary = job.boundary.as_ref().and_then(|b| b.temporary.as_ref());
    // What the plan says about it counts.
    if let Some(folder) = temporary.filter(|_| job.env_extra.iter().all(|(n, _)| n != TMPDIR)) {
        extra.push(entry(OsStr::new(TMPDIR), folder.as_os_str())?);
    }
    Ok(extra)
}
