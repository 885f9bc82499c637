//! A pseudo-terminal with our program in it, and somebody who looks at the screen.

use std::{
    fs::File,
    io::Read,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, open},
    io::ioctl_fionread,
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use wavedeck::sys::{
    reap::{self, ExitStatus},
    spawn::{EnvBlock, Output, SpawnSpec, Spawned, spawn},
};

use super::{Ground, PATIENCE, screen::Screen};

pub const COLUMNS: u16 = 120;
pub const ROWS: u16 = 35;

struct Seen {
    screen: Screen,
    bytes: Vec<u8>,
    closed: bool,
}

/// A program whose controlling terminal is a pseudo-terminal of ours.
pub struct Terminal {
    master: Option<OwnedFd>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    reader: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    pub child: Spawned,
    waited: bool,
}

impl Terminal {
    /// Starts wavedeck with these arguments; `run` without the page before it.
    pub fn start(ground: &Ground, args: &[&str]) -> Self {
        match args {
            ["run", rest @ ..] => {
                Self::start_as(ground, &[&["run", "-y"], rest].concat(), &ground.env())
            }
            _ => Self::start_as(ground, args, &ground.env()),
        }
    }

    pub fn start_as(ground: &Ground, args: &[&str], env: &[(&str, String)]) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let size = Winsize {
            ws_row: ROWS,
            ws_col: COLUMNS,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).unwrap();
        // The shell leads a session without a terminal: the first one that it opens becomes its own.
        let script = format!("exec \"$@\" <{name} >{name} 2>{name}");
        let mut argv = vec![
            "/bin/sh".to_owned(),
            "-c".to_owned(),
            script,
            "sh".to_owned(),
        ];
        argv.push(super::program().into_string().unwrap());
        argv.extend(args.iter().map(ToString::to_string));
        let env = EnvBlock::new(env.iter().map(|(n, v)| ((*n).into(), v.into()))).unwrap();
        let null = File::options()
            .read(true)
            .write(true)
            .open("/dev/null")
            .unwrap();
        let child = spawn(&SpawnSpec {
            argv: &argv,
            env: &env,
            extra: &[],
            unset: &[],
            cwd: ground.path(),
            stdin: null.as_fd(),
            output: Output::Merged(null.as_fd()),
        })
        .unwrap();
        let seen = Arc::new((
            Mutex::new(Seen {
                screen: Screen::new(COLUMNS.into(), ROWS.into()),
                bytes: Vec::new(),
                closed: false,
            }),
            Condvar::new(),
        ));
        let mine = seen.clone();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let mut from = File::from(master.try_clone().unwrap());
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 8 << 10];
            while !stopped.load(Ordering::SeqCst) {
                let mut fds = [PollFd::new(&from, PollFlags::IN)];
                let tick = Timespec {
                    tv_sec: 0,
                    tv_nsec: 20_000_000,
                };
                if poll(&mut fds, Some(&tick)).unwrap_or(0) == 0 {
                    continue;
                }
                // An error says that nobody has the other end open any more.
                let read = from.read(&mut buffer).unwrap_or(0);
                let mut seen = mine.0.lock().unwrap_or_else(PoisonError::into_inner);
                seen.bytes.extend_from_slice(&buffer[..read]);
                seen.screen.take(&buffer[..read]);
                seen.closed = read == 0;
                mine.1.notify_all();
                if seen.closed {
                    return;
                }
            }
        });
        Self {
            master: Some(master),
            seen,
            reader: Some(reader),
            stop,
            child,
            waited: false,
        }
    }

    pub fn press(&self, keys: &str) {
        let master = self.master.as_ref().unwrap();
        let mut bytes = keys.as_bytes();
        while !bytes.is_empty() {
            let n = rustix::io::write(master, bytes).unwrap();
            bytes = &bytes[n..];
        }
    }

    /// Waits until the picture is as wanted.
    pub fn until(&self, what: &str, so: impl Fn(&Screen) -> bool) {
        let until = Instant::now() + PATIENCE;
        let mut seen = self.seen.0.lock().unwrap();
        while !so(&seen.screen) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !seen.closed,
                "never on the screen: {what}\n{}\n{:?}",
                seen.screen.text(),
                seen.screen.bad
            );
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    pub fn shows(&self, text: &str) {
        self.until(text, |screen| screen.text().contains(text));
    }

    /// Waits until a text was written, wherever on the screen it came to stand.
    pub fn prints(&self, text: &str) {
        let until = Instant::now() + PATIENCE;
        let mut seen = self.seen.0.lock().unwrap();
        while !String::from_utf8_lossy(&seen.bytes).contains(text) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !seen.closed,
                "never printed: {text}\n{}",
                String::from_utf8_lossy(&seen.bytes)
            );
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits for the program's end; fails, with the picture, where it does not come.
    pub fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(reaped) = reap::reap(self.child.pid).unwrap() {
                self.waited = true;
                return reaped.status;
            }
            if Instant::now() >= until {
                let text = self.seen.0.lock().unwrap().screen.text();
                panic!("it does not end\n{text}");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for the program's end, and for all that it wrote.
    pub fn end(mut self) -> (ExitStatus, Screen, Vec<u8>) {
        let status = self.wait();
        // The guard below has let go of the terminal long ago: reading ends with the program.
        let reader = self.reader.take();
        let seen = self.seen.clone();
        let until = Instant::now() + PATIENCE;
        let mut now = seen.0.lock().unwrap();
        while !now.closed {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "somebody still has the terminal open");
            now = seen.1.wait_timeout(now, left).unwrap().0;
        }
        drop(now);
        reader.unwrap().join().unwrap();
        drop(self);
        let Ok(seen) = Arc::try_unwrap(seen) else {
            panic!("the screen is still looked at");
        };
        let seen = seen.0.into_inner().unwrap();
        (status, seen.screen, seen.bytes)
    }

    /// Closes the terminal, as its window is closed; returns how long the program took to end.
    pub fn close(self) -> Duration {
        self.close_after("")
    }

    /// Closes the terminal as soon as the program has taken these keys: it is busy with them.
    pub fn close_after(mut self, keys: &str) -> Duration {
        self.unread();
        if !keys.is_empty() {
            let name = ptsname(self.master.as_ref().unwrap(), Vec::new()).unwrap();
            let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
            let inside = open(name, flags, Mode::empty()).unwrap();
            self.press(keys);
            let until = Instant::now() + PATIENCE;
            while ioctl_fionread(&inside).unwrap() > 0 {
                assert!(Instant::now() < until, "nobody takes the keys");
                std::thread::yield_now();
            }
        }
        let began = Instant::now();
        drop(self.master.take());
        self.wait();
        began.elapsed()
    }

    /// Nobody reads what the program writes any more.
    pub fn unread(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
    }

    /// What is on the screen now.
    pub fn text(&self) -> String {
        self.seen.0.lock().unwrap().screen.text()
    }

    pub fn kill(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.pid).unwrap(), signal).unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if !self.waited {
            // A failed test: the window is closed. Not waited for, so its pid is still its own.
            self.kill(Signal::KILL);
            let _ = reap::wait(self.child.pid);
        }
    }
}
