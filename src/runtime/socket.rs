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
/// A client's frames are no longer than this.
const LONGEST_ASKED: u32 = 64 << 10;
/// So many connections at once.
const CONNECTIONS: usize = 64;
/// So many of them of agents, so that they cannot keep the operator out.
const AGENT_CONNECTIONS: usize = 16;
/// What a frame costs beyond its raw bytes, about.
const FRAME: usize = 256;
/// Longest path of a socket that the kernel takes (`sun_path`, with its NUL).
const LONGEST_PATH: usize = 107;
/// A client that does not say hello within this time is let go.
const HELLO: Duration = Duration::from_secs(5);

/// Opens the socket of a run and starts to accept; returns the socket's path.
///
/// # Errors
/// When no private place for it can be found.
pub(super) fn serve(
    dir: &Path,
    run: &str,
    setup: Arc<Setup>,
    to_loop: mpsc::Sender<Msg>,
) -> io::Result<PathBuf> {
    let (path, listener) = listen(places(runtime_dir(), dir, run))?;
    // A run that goes on has the one of before.
    let _ = fs::remove_file(dir.join(ADDRESS));
    lock::private_append(&dir.join(ADDRESS))?.write_all(path.as_os_str().as_encoded_bytes())?;
    let server = Arc::new(Server {
        dir: dir.to_owned(),
        run: run.to_owned(),
        setup,
        to_loop,
        guard: parent(),
        connections: Arc::default(),
        agents: Arc::default(),
    });
    thread::Builder::new()
        .name("socket".into())
        .stack_size(64 << 10)
        .spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else {
                    // No descriptor is free: not at full speed until one is.
                    thread::sleep(Duration::from_millis(10));
                    continue;
                };
                let Some(slot) = Slot::take(&server.connections, CONNECTIONS) else {
                    continue;
                };
                let server = server.clone();
                let client = thread::Builder::new()
                    .name("client".into())
                    .stack_size(256 << 10);
                // Without a thread for it the client sees the connection close and may come again.
                let _ = client.spawn(move || server.client(stream, slot));
            }
        })?;
    Ok(path)
}

/// `XDG_RUNTIME_DIR`.
fn runtime_dir() -> Option<PathBuf> {
    std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)
}

/// A folder for the socket, and the socket's path in it.
struct Place {
    folder: PathBuf,
    path: PathBuf,
}

/// Where the socket can be, the best place first: the runtime folder, the run's own, a temporary one.
fn places(runtime: Option<PathBuf>, dir: &Path, run: &str) -> Vec<Place> {
    let name = format!("{run}.sock");
    let mut places = Vec::with_capacity(3);
    let mut add = |folder: PathBuf, name: &str| {
        let path = folder.join(name);
        places.push(Place { folder, path });
    };
    if let Some(base) = runtime.filter(|base| base.is_absolute() && private(base)) {
        add(base.join("wavedeck"), &name);
    }
    add(dir.to_owned(), "control.sock");
    let uid = rustix::process::getuid().as_raw();
    add(std::env::temp_dir().join(format!("wavedeck-{uid}")), &name);
    places
}

/// Listens at the first place that can be had; the error is the last place's.
fn listen(places: Vec<Place>) -> io::Result<(PathBuf, UnixListener)> {
    let mut last = None;
    for place in places {
        match place.listen() {
            Ok(listener) => return Ok((place.path, listener)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
}

impl Place {
    fn listen(&self) -> io::Result<UnixListener> {
        if self.path.as_os_str().len() > LONGEST_PATH {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{} is too long for a socket", self.path.display()),
            ));
        }
        private_dir(&self.folder)?;
        if !private(&self.folder) {
            let text = format!(
                "{} is not a private folder of this user",
                self.folder.display()
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        // Left by a runner that was killed; we hold the run's lock, so nobody listens there.
        let _ = fs::remove_file(&self.path);
        let listener = UnixListener::bind(&self.path)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        if let Err(error) = fs::set_permissions(&self.path, mode) {
            let _ = fs::remove_file(&self.path);
            return Err(error);
        }
        Ok(listener)
    }
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
///
/// Without a socket nobody can attach, but whoever waits for the line must not wait for ever.
pub(super) fn announce(run: &str, dir: &Path, socket: Option<&Path>) {
    let line = serde_json::json!({ "run": run, "dir": dir, "socket": socket }).to_string();
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
    connections: Arc<AtomicUsize>,
    agents: Arc<AtomicUsize>,
}

/// One of a limited number, given back when it is dropped.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(taken: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        if taken.fetch_add(1, Ordering::Relaxed) < most {
            return Some(Self(taken.clone()));
        }
        taken.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
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

/// The way to a client: what it has not read is counted, and it is cut when that is too much.
#[derive(Clone)]
struct Way {
    out: mpsc::Sender<Out>,
    behind: Arc<AtomicUsize>,
    stream: Arc<UnixStream>,
}

impl Way {
    /// False: the client is gone, or was just cut.
    fn send(&self, out: Out) -> bool {
        if self.behind.load(Ordering::Relaxed) > FAR_BEHIND {
            self.cut();
            return false;
        }
        self.behind.fetch_add(out.size(), Ordering::Relaxed);
        self.out.send(out).is_ok()
    }

    /// Wakes a writer that is stuck in a client which does not read, and our reader.
    fn cut(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Out {
    /// About so many bytes wait for the client; the same before and after the queue.
    fn size(&self) -> usize {
        match self {
            Self::Frame(_, raw) => FRAME + raw.len(),
            // Written at once, and only once a connection: it is what a slow client gets.
            Self::News(News::Snapshot(_) | News::End { .. }) => FRAME,
            Self::News(News::Records(records)) => FRAME + records.len() * 320,
            Self::News(News::Sample(sample)) => FRAME + sample.agents.len() * 200,
        }
    }
}

struct ClientSink(Way);

impl Sink for ClientSink {
    fn push(&mut self, news: &News) -> bool {
        let behind = self.0.behind.load(Ordering::Relaxed);
        if matches!(news, News::Sample(_)) && (BEHIND..=FAR_BEHIND).contains(&behind) {
            return true;
        }
        self.0.send(Out::News(news.clone()))
    }

    fn drained(&self) -> bool {
        self.0.behind.load(Ordering::Relaxed) == 0
    }
}

impl Drop for ClientSink {
    fn drop(&mut self) {
        // At the end of a run the writer has its last frames already in its queue, so only a
        // laggard loses something.
        if self.0.behind.load(Ordering::Relaxed) > FAR_BEHIND {
            self.0.cut();
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

    fn client(&self, stream: UnixStream, slot: Slot) {
        let Ok(peer) = peer::Peer::of(&stream) else {
            return;
        };
        if !peer.is_same_user() {
            return;
        }
        // A process below the guard or the runner is an agent: it may look at nothing and steer
        // nothing here. So may nobody of whom we cannot tell.
        let operator = peer.place(&self.ancestors()) == peer::Place::NotBelow;
        let mut slots = vec![slot];
        if !operator {
            let Some(slot) = Slot::take(&self.agents, AGENT_CONNECTIONS) else {
                return;
            };
            slots.push(slot);
        }
        let _ = self.talk(stream, operator, slots);
    }

    fn talk(&self, mut stream: UnixStream, operator: bool, slots: Vec<Slot>) -> io::Result<()> {
        // Given back when both of its threads are done.
        let slots = Arc::new(slots);
        stream.set_read_timeout(Some(HELLO))?;
        let hello = FromRunner::Hello {
            protocol: PROTOCOL,
            run: self.run.clone(),
            operator,
        };
        protocol::write(&mut stream, &hello, &[])?;
        let (first, _) = protocol::read_at_most::<FromClient>(&mut stream, LONGEST_ASKED)?;
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
        let way = Way {
            out,
            behind: behind.clone(),
            stream: Arc::new(stream.try_clone()?),
        };
        let (held, writer) = (slots.clone(), way.stream.clone());
        thread::Builder::new()
            .name("client".into())
            .stack_size(512 << 10)
            .spawn(move || {
                let _held = held;
                let _ = write_all(&mut &*writer, &queue, &behind);
                let _ = writer.shutdown(Shutdown::Both);
            })?;
        if news && operator {
            let sink = ClientSink(way.clone());
            if self.to_loop.send(Msg::Attach(Box::new(sink))).is_err() {
                return Ok(());
            }
        }
        loop {
            let (frame, _) = protocol::read_at_most::<FromClient>(&mut stream, LONGEST_ASKED)?;
            match frame {
                FromClient::Action { id, by, action } => {
                    if !self.act(id, by, action, operator, &way) {
                        return Ok(());
                    }
                }
                FromClient::Output {
                    agent,
                    attempt,
                    offset,
                    max,
                } if operator => {
                    let (frame, bytes) = self.output(agent, attempt, offset, max);
                    if !way.send(Out::Frame(Box::new(frame), bytes)) {
                        return Ok(());
                    }
                }
                FromClient::Hello { .. } | FromClient::Output { .. } => return Ok(()),
            }
        }
    }

    /// Hands an action on, or refuses it; false: the client is gone or was cut.
    fn act(
        &self,
        id: u64,
        by: String,
        action: crate::engine::Action,
        operator: bool,
        way: &Way,
    ) -> bool {
        let ack = move |way: &Way, result: Result<u64, String>| {
            let (seq, reason) = match result {
                Ok(seq) => (Some(seq), None),
                Err(reason) => (None, Some(reason)),
            };
            way.send(Out::Frame(
                Box::new(FromRunner::Ack { id, seq, reason }),
                Vec::new(),
            ))
        };
        if !operator {
            return ack(way, Err("an agent of this run may not steer it".to_owned()));
        }
        // Who asks is for the record; only names that we know, so that it cannot be forged text.
        let by = if by == "deck" { by } else { "ctl".to_owned() };
        let answer = way.clone();
        let _ = self.to_loop.send(Msg::Action {
            by,
            action,
            reply: Box::new(move |result| {
                ack(&answer, result);
            }),
        });
        true
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
    to: &mut impl Write,
    queue: &mpsc::Receiver<Out>,
    behind: &AtomicUsize,
) -> io::Result<()> {
    while let Ok(out) = queue.recv() {
        let size = out.size();
        write_one(to, out)?;
        behind.fetch_sub(size, Ordering::Relaxed);
    }
    Ok(())
}

fn write_one(to: &mut impl Write, out: Out) -> io::Result<()> {
    match out {
        Out::Frame(frame, raw) => protocol::write(to, &*frame, &raw),
        Out::News(News::Snapshot(state)) => {
            let json = serde_json::to_vec(&*state).map_err(io::Error::other)?;
            let mut pieces = json.chunks(CHUNK).peekable();
            while let Some(piece) = pieces.next() {
                let last = pieces.peek().is_none();
                protocol::write(to, &FromRunner::Snapshot { last }, piece)?;
            }
            Ok(())
        }
        Out::News(News::Records(records)) => {
            let records = Arc::unwrap_or_clone(records);
            protocol::write(to, &FromRunner::Events { records }, &[])
        }
        Out::News(News::Sample(sample)) => {
            let sample = Box::new(Arc::unwrap_or_clone(sample));
            protocol::write(to, &FromRunner::Sample { sample }, &[])
        }
        Out::News(News::End { status }) => protocol::write(to, &FromRunner::End { status }, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_reads_nothing_is_cut_at_the_limit() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (out, queue) = mpsc::channel();
        let way = Way {
            out,
            behind: Arc::default(),
            stream: Arc::new(ours),
        };
        let (writer, behind) = (way.stream.clone(), way.behind.clone());
        let writing = thread::spawn(move || write_all(&mut &*writer, &queue, &behind));
        let ack = || {
            let reason = Some("no".to_owned());
            Box::new(FromRunner::Ack {
                id: 1,
                seq: None,
                reason,
            })
        };
        let mut sent = 0;
        while way.send(Out::Frame(ack(), vec![0; 64 << 10])) {
            sent += 1;
            assert!(sent < 200, "never cut");
        }
        assert!(way.behind.load(Ordering::Relaxed) <= FAR_BEHIND + FRAME + (64 << 10));
        // Acknowledgements count as well, and the stuck writer comes back.
        assert!(!way.send(Out::Frame(ack(), Vec::new())));
        assert!(writing.join().unwrap().is_err());
        drop(theirs);
    }

    #[test]
    fn who_reads_is_never_cut() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (out, queue) = mpsc::channel();
        let way = Way {
            out,
            behind: Arc::default(),
            stream: Arc::new(ours),
        };
        let (writer, behind) = (way.stream.clone(), way.behind.clone());
        let writing = thread::spawn(move || write_all(&mut &*writer, &queue, &behind));
        for id in 0..100 {
            let frame = FromRunner::Ack {
                id,
                seq: None,
                reason: None,
            };
            assert!(way.send(Out::Frame(Box::new(frame), vec![0; 1 << 20])));
            protocol::read::<FromRunner>(&mut theirs).unwrap();
        }
        let behind = way.behind.clone();
        drop(way);
        writing.join().unwrap().unwrap();
        assert_eq!(behind.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn slots_are_limited_and_come_back() {
        let taken = Arc::default();
        let slots: Vec<_> = (0..3).map_while(|_| Slot::take(&taken, 2)).collect();
        assert_eq!(slots.len(), 2);
        assert!(Slot::take(&taken, 2).is_none());
        drop(slots);
        assert!(Slot::take(&taken, 1).is_some());
    }

    #[test]
    fn a_bad_runtime_folder_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("runtime");
        let dir = root.path().join("run");
        private_dir(&base).unwrap();
        private_dir(&dir).unwrap();
        let at = || listen(places(Some(base.clone()), &dir, "r")).map(|(path, _)| path);
        let (good, own) = (base.join("wavedeck/r.sock"), dir.join("control.sock"));
        assert_eq!(at().unwrap(), good);
        // Something else has the name.
        fs::remove_dir_all(base.join("wavedeck")).unwrap();
        fs::write(base.join("wavedeck"), "").unwrap();
        assert_eq!(at().unwrap(), own);
        // A link does not count, and what is in the socket's place cannot be replaced.
        fs::remove_file(base.join("wavedeck")).unwrap();
        std::os::unix::fs::symlink(&dir, base.join("wavedeck")).unwrap();
        assert_eq!(at().unwrap(), own);
        fs::remove_file(base.join("wavedeck")).unwrap();
        fs::create_dir_all(&good).unwrap();
        assert_eq!(at().unwrap(), own);
    }
}
