//! The way to one client: what it has not read is counted, and it is cut when that is too much.
//!
//! Must not touch the state, and must not wait for the client but on the client's own thread.

use std::{
    io::{self, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

use crate::{
    journal::{Position, snapshot},
    runtime::{
        news::{News, Sink},
        protocol::{self, CHUNK, FromRunner, TerminalNote},
    },
};

/// A client that has so many bytes unread is cut.
const FAR_BEHIND: usize = 4 << 20;
/// A client that has so many bytes unread gets no samples.
const BEHIND: usize = 128 << 10;
/// What a frame costs beyond its raw bytes, about.
const FRAME: usize = 256;

/// What the writing thread of a client is handed.
pub(super) enum Out {
    News(News),
    Frame(Box<FromRunner>, Vec<u8>),
}

/// The way to a client: what it has not read is counted, and it is cut when that is too much.
#[derive(Clone)]
pub(super) struct Way {
    pub out: mpsc::Sender<Out>,
    pub behind: Arc<AtomicUsize>,
    pub stream: Arc<UnixStream>,
}

impl Way {
    /// False: the client is gone, or was just cut.
    pub fn send(&self, out: Out) -> bool {
        if self.behind.load(Ordering::Relaxed) > FAR_BEHIND {
            self.cut();
            return false;
        }
        self.behind.fetch_add(out.size(), Ordering::Relaxed);
        self.out.send(out).is_ok()
    }

    /// News of a terminal; that one has grown is left out for who is behind: it comes again.
    pub fn tell_terminal(&self, out: Out) {
        let behind = self.behind.load(Ordering::Relaxed);
        if behind < BEHIND || !out.is_growth() {
            self.send(out);
        }
    }

    /// Answers what was asked for with this number; false: the client is gone, or was just cut.
    pub fn ack(&self, id: u64, result: Result<u64, String>) -> bool {
        let (seq, reason) = match result {
            Ok(seq) => (Some(seq), None),
            Err(reason) => (None, Some(reason)),
        };
        self.send(Out::Frame(
            Box::new(FromRunner::Ack { id, seq, reason }),
            Vec::new(),
        ))
    }

    /// Wakes a writer that is stuck in a client which does not read, and our reader.
    fn cut(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Out {
    fn is_growth(&self) -> bool {
        let Self::Frame(frame, _) = self else {
            return false;
        };
        matches!(
            **frame,
            FromRunner::Terminal {
                note: TerminalNote::Grew { .. },
                ..
            }
        )
    }

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

pub(super) struct ClientSink(pub Way);

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

pub(super) fn write_all(
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
            let attended = state.setup.attended;
            let at = Position {
                seq: state.seq,
                elapsed_us: state.elapsed_us,
                ..Position::default()
            };
            let bytes = snapshot::pack(Arc::unwrap_or_clone(state), at)?;
            let mut pieces = bytes.chunks(CHUNK).peekable();
            while let Some(piece) = pieces.next() {
                let last = pieces.peek().is_none();
                protocol::write(to, &FromRunner::Snapshot { last, attended }, piece)?;
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
    use std::thread;

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
}
