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
        fs::MetadataExt,
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
    sys::{
        lock::{self, private_dir},
        peer,
    },
};

use super::{
    news::{News, Sink},
    output,
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
/// So many clients of a person's are served at once, and so many of agents': those must not take
/// away threads and descriptors from the run, nor places from a person.
const CLIENTS: [usize; 2] = [64, 16];
/// Pause after a connection could not be taken, for want of descriptors mostly.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

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
    // A run that goes on has the one of before.
    let _ = fs::remove_file(dir.join(ADDRESS));
    lock::private_append(&dir.join(ADDRESS))?.write_all(path.as_os_str().as_encoded_bytes())?;
    let server = Arc::new(Server {
        dir: dir.to_owned(),
        run: run.to_owned(),
        setup,
        to_loop,
        served: Arc::default(),
    });
    thread::Builder::new()
        .name("socket".into())
        .stack_size(64 << 10)
        .spawn(move || {
            for stream in listener.incoming() {
                match stream {
                    Ok(stream) => server.admit(stream),
                    Err(_) => thread::sleep(ACCEPT_AGAIN),
                }
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
    /// Clients that are served now: a person's, agents'.
    served: Arc<[AtomicUsize; 2]>,
}

/// A place among the clients, given back when it is dropped.
struct Place(Arc<[AtomicUsize; 2]>, usize);

impl Drop for Place {
    fn drop(&mut self) {
        self.0[self.1].fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the writing thread of a client is handed.
enum Out {
    News(News),
    Frame(Box<FromRunner>, Vec<u8>),
}

/// Bytes that an answer counts beside what it carries.
const ANSWER: usize = 256;

/// The way of answers to a client; what it has not read yet is counted.
struct Answers(mpsc::Sender<Out>, Arc<AtomicUsize>);

impl Answers {
    fn send(&self, frame: FromRunner, raw: Vec<u8>) -> bool {
        self.1.fetch_add(ANSWER + raw.len(), Ordering::Relaxed);
        self.0.send(Out::Frame(Box::new(frame), raw)).is_ok()
    }
}

struct ClientSink {
    out: mpsc::Sender<Out>,
    behind: Arc<AtomicUsize>,
    stream: UnixStream,
}

impl Sink for ClientSink {
    fn push(&mut self, news: &News) -> bool {
        let size = size(news);
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

    fn drained(&self) -> bool {
        self.behind.load(Ordering::Relaxed) == 0
    }
}

/// Bytes that a piece of news counts while it waits for a client.
fn size(news: &News) -> usize {
    match news {
        // A snapshot is written at once and counts for next to nothing: it is what a slow client
        // gets.
        News::Snapshot(_) | News::End { .. } => 1,
        News::Records(records) => records.len() * 320,
        News::Sample(sample) => 256 + sample.agents.len() * 200,
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
    /// Looks who comes and gives it a thread; whom we do not know and who is too many is let go.
    fn admit(self: &Arc<Self>, stream: UnixStream) {
        let Ok(peer) = peer::Peer::of(&stream) else {
            return;
        };
        if !peer.is_same_user() {
            return;
        }
        // A process below the runner is an agent: it may look at nothing and steer nothing here.
        // So is one of which that is not known.
        let operator = peer.is_outside_of(std::process::id().cast_signed());
        let kind = usize::from(!operator);
        let place = Place(self.served.clone(), kind);
        if self.served[kind].fetch_add(1, Ordering::Relaxed) >= CLIENTS[kind] {
            return;
        }
        let server = self.clone();
        let client = thread::Builder::new()
            .name("client".into())
            .stack_size(256 << 10);
        // Without a thread for it the client sees the connection close and may come again.
        let _ = client.spawn(move || {
            let _place = place;
            let Ok(ours) = stream.try_clone() else { return };
            let _ = server.talk(stream, operator);
            // Also for the thread that writes, and for the loop's end.
            let _ = ours.shutdown(Shutdown::Both);
        });
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
                behind: behind.clone(),
                stream: stream.try_clone()?,
            };
            if self.to_loop.send(Msg::Attach(Box::new(sink))).is_err() {
                return Ok(());
            }
        }
        loop {
            let (frame, _) = protocol::read::<FromClient>(&mut stream)?;
            match frame {
                // Answers count too: who asks on and on without reading is cut like a laggard.
                _ if behind.load(Ordering::Relaxed) > FAR_BEHIND => return Ok(()),
                FromClient::Action { id, by, action } => {
                    let out = Answers(out.clone(), behind.clone());
                    self.act(id, by, action, operator, out);
                }
                FromClient::Output {
                    agent,
                    attempt,
                    offset,
                    max,
                } if operator => {
                    let (frame, bytes) = self.output(agent, attempt, offset, max);
                    if !Answers(out.clone(), behind.clone()).send(frame, bytes) {
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
        out: Answers,
    ) {
        let ack = move |result: Result<u64, String>| {
            let (seq, reason) = match result {
                Ok(seq) => (Some(seq), None),
                Err(reason) => (None, Some(reason)),
            };
            out.send(FromRunner::Ack { id, seq, reason }, Vec::new());
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
        let piece = if known {
            output::read(&self.dir, &agent, attempt, offset, max)
        } else {
            output::Piece::default()
        };
        (
            FromRunner::Output {
                agent,
                attempt,
                offset: piece.offset,
                total: piece.total,
            },
            piece.bytes,
        )
    }
}

fn write_all(
    to: &mut UnixStream,
    queue: &mpsc::Receiver<Out>,
    behind: &AtomicUsize,
) -> io::Result<()> {
    while let Ok(out) = queue.recv() {
        let size = match &out {
            Out::Frame(_, raw) => ANSWER + raw.len(),
            Out::News(news) => size(news),
        };
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
                let records = Arc::unwrap_or_clone(records);
                protocol::write(to, &FromRunner::Events { records }, &[])?;
            }
            Out::News(News::Sample(sample)) => {
                let sample = Box::new(Arc::unwrap_or_clone(sample));
                protocol::write(to, &FromRunner::Sample { sample }, &[])?;
            }
            Out::News(News::End { status }) => {
                protocol::write(to, &FromRunner::End { status }, &[])?;
            }
        }
        behind.fetch_sub(size, Ordering::Relaxed);
    }
    Ok(())
}
