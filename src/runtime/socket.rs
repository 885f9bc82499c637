//! The runner's socket: clients come and go, the runner never waits for one.
//!
//! A thread accepts; each client has one thread that reads and one that writes. What a client has
//! not read yet is counted: events are never dropped, so one that is too far behind is cut and can
//! come again; samples are dropped for it before that. Must not touch the state: it talks to the
//! loop.

use std::{
    fs,
    io::{self, Write},
    net::Shutdown,
    os::unix::{
        fs::{FileExt, MetadataExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use crate::{
    engine::Setup,
    sys::{lock::private_dir, peer},
};

use super::{
    jobs::output_path,
    news::{News, Sink},
    protocol::{self, CHUNK, FromClient, FromRunner, PROTOCOL},
    turns::Msg,
};

/// Name of the file in a run's folder that says where its socket is.
pub const ADDRESS: &str = "socket";
/// A client that has so many bytes unread is cut.
const FAR_BEHIND: usize = 4 << 20;
/// A client that has so many bytes unread gets no samples.
const BEHIND: usize = 128 << 10;
/// Longest path of a socket that the kernel takes (`sun_path`, with its NUL).
const LONGEST_PATH: usize = 107;
/// A client that does not say hello within this time is let go.
const HELLO: Duration = Duration::from_secs(5);

/// Opens the socket of a run and starts to accept.
///
/// # Errors
/// When no private place for it can be found.
pub(super) fn serve(
    dir: &Path,
    run: &str,
    setup: Arc<Setup>,
    to_loop: mpsc::Sender<Msg>,
) -> io::Result<()> {
    let path = place(dir, run)?;
    // Left by a runner that was killed; we hold the run's lock, so nobody listens there.
    let _ = fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    fs::write(dir.join(ADDRESS), path.as_os_str().as_encoded_bytes())?;
    let server = Arc::new(Server {
        dir: dir.to_owned(),
        run: run.to_owned(),
        setup,
        to_loop,
        guard: parent(),
    });
    thread::Builder::new()
        .name("socket".into())
        .stack_size(64 << 10)
        .spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                let client = thread::Builder::new()
                    .name("client".into())
                    .stack_size(256 << 10);
                // Without a thread for it the client sees the connection close and may come again.
                let _ = client.spawn(move || server.client(stream));
            }
        })?;
    Ok(())
}

/// Finds a private folder with a path that is short enough.
fn place(dir: &Path, run: &str) -> io::Result<PathBuf> {
    let name = format!("{run}.sock");
    if let Some(base) = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)
        && base.is_absolute()
        && private(&base)
    {
        let folder = base.join("wavedeck");
        private_dir(&folder)?;
        if private(&folder) && folder.join(&name).as_os_str().len() <= LONGEST_PATH {
            return Ok(folder.join(name));
        }
    }
    let own = dir.join("control.sock");
    if own.as_os_str().len() <= LONGEST_PATH {
        return Ok(own);
    }
    let uid = rustix::process::getuid().as_raw();
    let folder = std::env::temp_dir().join(format!("wavedeck-{uid}"));
    private_dir(&folder)?;
    if !private(&folder) {
        let text = format!("{} is not a private folder of this user", folder.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(folder.join(name))
}

/// Whether a folder is ours and nobody else may enter; a link does not count.
fn private(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|meta| {
        meta.is_dir()
            && meta.uid() == rustix::process::getuid().as_raw()
            && meta.mode() & 0o777 & !0o700 == 0
    })
}

/// Removes the socket of a run that has ended.
pub(super) fn remove(dir: &Path) {
    if let Ok(path) = fs::read_to_string(dir.join(ADDRESS)) {
        // Both may be gone already.
        let _ = fs::remove_file(path);
    }
    let _ = fs::remove_file(dir.join(ADDRESS));
}

/// Says on standard output that the run can be attached to, then lets standard output and error go,
/// so that no terminal is held. What the runner has to say later goes to `runner.log`.
pub(super) fn announce(run: &str, dir: &Path) {
    let line = serde_json::json!({ "run": run, "dir": dir }).to_string();
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
    drop(out);
    if let Ok(log) = crate::sys::lock::private_append(&dir.join("runner.log")) {
        let _ = rustix::stdio::dup2_stdout(&log);
        let _ = rustix::stdio::dup2_stderr(&log);
    }
}

struct Server {
    dir: PathBuf,
    run: String,
    setup: Arc<Setup>,
    to_loop: mpsc::Sender<Msg>,
    guard: Option<i32>,
}

/// Our parent, where it is not the first process, which all are below.
fn parent() -> Option<i32> {
    rustix::process::getppid()
        .map(rustix::process::Pid::as_raw_pid)
        .filter(|&pid| pid > 1)
}

/// What the writing thread of a client is handed.
enum Out {
    News(News),
    Frame(Box<FromRunner>, Vec<u8>),
}

struct ClientSink {
    out: mpsc::Sender<Out>,
    behind: Arc<AtomicUsize>,
    stream: UnixStream,
}

impl Sink for ClientSink {
    fn push(&mut self, news: &News) -> bool {
        let size = match news {
            // A snapshot is written at once and counts for nothing: it is what a slow client gets.
            News::Snapshot(_) | News::End { .. } => 0,
            News::Records(records) => records.len() * 320,
            News::Sample(sample) => 256 + sample.agents.len() * 200,
        };
        let behind = self.behind.load(Ordering::Relaxed);
        if matches!(news, News::Sample(_)) && behind > BEHIND {
            return true;
        }
        if behind > FAR_BEHIND {
            return false;
        }
        self.behind.fetch_add(size, Ordering::Relaxed);
        self.out.send(Out::News(news.clone())).is_ok()
    }
}

impl Drop for ClientSink {
    fn drop(&mut self) {
        // Wakes a writer that is stuck in a client which does not read. At the end of a run the
        // writer has its last frames already in its queue, so only a laggard loses something.
        if self.behind.load(Ordering::Relaxed) > FAR_BEHIND {
            let _ = self.stream.shutdown(Shutdown::Both);
        }
    }
}

impl Server {
    /// The processes that everything of this run is below.
    fn ancestors(&self) -> Vec<i32> {
        let me = std::process::id().cast_signed();
        // Whoever takes us in after the guard's death has others below it.
        let guard = self.guard.filter(|&pid| parent() == Some(pid));
        [me].into_iter().chain(guard).collect()
    }

    fn client(&self, stream: UnixStream) {
        let Ok(peer) = peer::Peer::of(&stream) else {
            return;
        };
        if !peer.is_same_user() {
            return;
        }
        // A process below the guard or the runner is an agent: it may look at nothing and steer
        // nothing here. So may nobody of whom we cannot tell.
        let operator = peer.place(&self.ancestors()) == peer::Place::NotBelow;
        let _ = self.talk(stream, operator);
    }

    fn talk(&self, mut stream: UnixStream, operator: bool) -> io::Result<()> {
        stream.set_read_timeout(Some(HELLO))?;
        let hello = FromRunner::Hello {
            protocol: PROTOCOL,
            run: self.run.clone(),
            operator,
        };
        protocol::write(&mut stream, &hello, &[])?;
        let (first, _) = protocol::read::<FromClient>(&mut stream)?;
        let FromClient::Hello {
            protocol: theirs,
            news,
        } = first
        else {
            return Ok(());
        };
        if theirs != PROTOCOL {
            return Ok(());
        }
        stream.set_read_timeout(None)?;
        let (out, queue) = mpsc::channel();
        let behind = Arc::new(AtomicUsize::new(0));
        let writer = stream.try_clone()?;
        let counted = behind.clone();
        thread::Builder::new()
            .name("client".into())
            .stack_size(512 << 10)
            .spawn(move || {
                let mut writer = writer;
                let _ = write_all(&mut writer, &queue, &counted);
                let _ = writer.shutdown(Shutdown::Both);
            })?;
        if news && operator {
            let sink = ClientSink {
                out: out.clone(),
                behind,
                stream: stream.try_clone()?,
            };
            if self.to_loop.send(Msg::Attach(Box::new(sink))).is_err() {
                return Ok(());
            }
        }
        loop {
            let (frame, _) = protocol::read::<FromClient>(&mut stream)?;
            match frame {
                FromClient::Action { id, by, action } => {
                    self.act(id, by, action, operator, out.clone());
                }
                FromClient::Output {
                    agent,
                    attempt,
                    offset,
                    max,
                } if operator => {
                    let (frame, bytes) = self.output(agent, attempt, offset, max);
                    if out.send(Out::Frame(Box::new(frame), bytes)).is_err() {
                        return Ok(());
                    }
                }
                FromClient::Hello { .. } | FromClient::Output { .. } => return Ok(()),
            }
        }
    }

    fn act(
        &self,
        id: u64,
        by: String,
        action: crate::engine::Action,
        operator: bool,
        out: mpsc::Sender<Out>,
    ) {
        let ack = move |result: Result<u64, String>| {
            let (seq, reason) = match result {
                Ok(seq) => (Some(seq), None),
                Err(reason) => (None, Some(reason)),
            };
            let _ = out.send(Out::Frame(
                Box::new(FromRunner::Ack { id, seq, reason }),
                Vec::new(),
            ));
        };
        if !operator {
            return ack(Err("an agent of this run may not steer it".to_owned()));
        }
        // Who asks is for the record; only names that we know, so that it cannot be forged text.
        let by = if by == "deck" { by } else { "ctl".to_owned() };
        let _ = self.to_loop.send(Msg::Action {
            by,
            action,
            reply: Box::new(ack),
        });
    }

    /// Reads a piece of an output file; nothing where there is none yet.
    fn output(
        &self,
        agent: String,
        attempt: u32,
        offset: Option<u64>,
        max: u32,
    ) -> (FromRunner, Vec<u8>) {
        let known = self.setup.by_id.contains_key(&agent.as_str().into());
        let file = known
            .then(|| fs::File::open(output_path(&self.dir, &agent, attempt)).ok())
            .flatten();
        let total = file
            .as_ref()
            .and_then(|f| f.metadata().ok())
            .map_or(0, |meta| meta.len());
        let max = u64::from(max.min(1 << 20));
        let offset = offset
            .unwrap_or_else(|| total.saturating_sub(max))
            .min(total);
        let mut bytes = vec![0; usize::try_from(max.min(total - offset)).unwrap_or(0)];
        let read = file.map_or(0, |f| f.read_at(&mut bytes, offset).unwrap_or(0));
        bytes.truncate(read);
        (
            FromRunner::Output {
                agent,
                attempt,
                offset,
                total,
            },
            bytes,
        )
    }
}

fn write_all(
    to: &mut UnixStream,
    queue: &mpsc::Receiver<Out>,
    behind: &AtomicUsize,
) -> io::Result<()> {
    while let Ok(out) = queue.recv() {
        match out {
            Out::Frame(frame, raw) => protocol::write(to, &*frame, &raw)?,
            Out::News(News::Snapshot(state)) => {
                let json = serde_json::to_vec(&*state).map_err(io::Error::other)?;
                let mut pieces = json.chunks(CHUNK).peekable();
                while let Some(piece) = pieces.next() {
                    protocol::write(
                        to,
                        &FromRunner::Snapshot {
                            last: pieces.peek().is_none(),
                        },
                        piece,
                    )?;
                }
            }
            Out::News(News::Records(records)) => {
                behind.fetch_sub(records.len() * 320, Ordering::Relaxed);
                let records = Arc::unwrap_or_clone(records);
                protocol::write(to, &FromRunner::Events { records }, &[])?;
            }
            Out::News(News::Sample(sample)) => {
                behind.fetch_sub(256 + sample.agents.len() * 200, Ordering::Relaxed);
                let sample = Box::new(Arc::unwrap_or_clone(sample));
                protocol::write(to, &FromRunner::Sample { sample }, &[])?;
            }
            Out::News(News::End { status }) => {
                protocol::write(to, &FromRunner::End { status }, &[])?;
            }
        }
    }
    Ok(())
}
