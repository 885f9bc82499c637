//! Asks a model server one thing over HTTP/1.1, within limits of time and size.
//!
//! One connection a question, no encryption, no redirection. Whatever a server does (is slow, hangs, sends without
//! end or nonsense) ends as an error within the time that the caller gives. Must not know what the answer means, and
//! is never called on the loop or the drawing thread: it blocks its own.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

use thiserror::Error;

use super::{
    address::Address,
    servers::{MOST_BYTES, Request},
};

/// Bytes of the head of an answer that are read.
const HEAD: usize = 64 << 10;
/// Bytes that are taken at a time.
const PIECE: usize = 16 << 10;

/// Limits of one question.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For a connection.
    pub connect: Duration,
    /// For the next piece of the answer.
    pub silence: Duration,
    /// For all of it, the connection among it.
    pub overall: Duration,
    /// Bytes of the answer's body.
    pub most_bytes: usize,
}

impl Default for Limits {
    /// 1 s, 2 s, 3 s and 2 MiB.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            silence: Duration::from_secs(2),
            overall: Duration::from_secs(3),
            most_bytes: MOST_BYTES,
        }
    }
}

/// An answer, of whatever status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body, whole.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AskError {
    /// The address is `https`.
    #[error("https is not asked, only http")]
    Tls,
    /// No number belongs to the name.
    #[error("its host is not known")]
    Unknown,
    /// Nobody listens there, or it cannot be reached.
    #[error("nobody answers there")]
    Refused,
    /// It has taken too long.
    #[error("it did not answer in time")]
    Late,
    /// The connection ended before the answer did.
    #[error("it broke off its answer")]
    Cut,
    /// What came is no HTTP.
    #[error("it does not speak HTTP")]
    NotHttp,
    /// The answer is longer than what is read.
    #[error("its answer is too long")]
    TooLong,
    /// It says no.
    #[error("it answered with status {0}")]
    Status(u16),
}

/// Asks and returns the answer, of whatever status.
///
/// # Errors
/// Why there is none.
pub fn ask(at: &Address, request: &Request, limits: &Limits) -> Result<Answer, AskError> {
    if at.tls {
        return Err(AskError::Tls);
    }
    // The time that the names of other machines take is not ours to limit.
    let places = places(at)?;
    let until = Instant::now() + limits.overall;
    let mut stream = connect(&places, limits, until)?;
    let _ = stream.set_nodelay(true);
    let text = written(at, request);
    let write = stream.set_write_timeout(Some(left(until)?.min(limits.silence)));
    if write
        .and_then(|()| stream.write_all(text.as_bytes()))
        .is_err()
    {
        return Err(if left(until).is_err() {
            AskError::Late
        } else {
            AskError::Cut
        });
    }
    let mut got = Vec::new();
    let mut piece = vec![0; PIECE];
    loop {
        let wait = left(until)?.min(limits.silence);
        if stream.set_read_timeout(Some(wait)).is_err() {
            return Err(AskError::Cut);
        }
        let n = match stream.read(&mut piece) {
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) if is_late(&e) => return Err(AskError::Late),
            Err(_) => return Err(AskError::Cut),
        };
        got.extend_from_slice(&piece[..n]);
        if let Some(answer) = answer(&mut got, n == 0, limits.most_bytes)? {
            return Ok(answer);
        }
        if n == 0 {
            return Err(AskError::Cut);
        }
    }
}

/// Asks, and takes only an answer that says yes.
///
/// # Errors
/// Why there is none.
pub fn ask_well(at: &Address, request: &Request, limits: &Limits) -> Result<Vec<u8>, AskError> {
    match ask(at, request, limits)? {
        Answer {
            status: 200..=299,
            body,
        } => Ok(body),
        Answer { status, .. } => Err(AskError::Status(status)),
    }
}

fn is_late(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}

fn left(until: Instant) -> Result<Duration, AskError> {
    let left = until.saturating_duration_since(Instant::now());
    // A limit of nothing would be none.
    (!left.is_zero()).then_some(left).ok_or(AskError::Late)
}

/// The numbers of a host, both of this machine's for `localhost`.
fn places(at: &Address) -> Result<Vec<SocketAddr>, AskError> {
    if let Ok(ip) = at.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::from((ip, at.port))]);
    }
    if at.host == "localhost" {
        let both = [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
        return Ok(both.map(|ip| SocketAddr::from((ip, at.port))).to_vec());
    }
    let found = (at.host.as_str(), at.port).to_socket_addrs();
    let found: Vec<SocketAddr> = found.map_err(|_| AskError::Unknown)?.take(4).collect();
    if found.is_empty() {
        return Err(AskError::Unknown);
    }
    Ok(found)
}

fn connect(places: &[SocketAddr], limits: &Limits, until: Instant) -> Result<TcpStream, AskError> {
    let mut why = AskError::Refused;
    for place in places {
        match TcpStream::connect_timeout(place, left(until)?.min(limits.connect)) {
            Ok(stream) => return Ok(stream),
            Err(e) if is_late(&e) => why = AskError::Late,
            Err(_) => {}
        }
    }
    Err(why)
}

fn written(at: &Address, request: &Request) -> String {
    let Request { method, path, body } = request;
    let host = if at.host.contains(':') {
        format!("[{}]", at.host)
    } else {
        at.host.clone()
    };
    let (front, port) = (&at.path, at.port);
    let mut text = format!(
        "{method} {front}{path} HTTP/1.1\r\nhost: {host}:{port}\r\naccept: application/json\r\n\
         user-agent: wavedeck\r\nconnection: close\r\n"
    );
    if *method != "GET" {
        text.push_str("content-type: application/json\r\ncontent-length: ");
        text.push_str(&body.len().to_string());
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.push_str(body);
    text
}

/// How long the body of an answer is.
enum Length {
    /// So many bytes.
    Known(usize),
    /// In chunks that say it.
    Chunks,
    /// Until the connection ends.
    ToTheEnd,
}

/// The answer in what has come so far; none: not all of it. Informational answers before it are taken away.
fn answer(got: &mut Vec<u8>, ended: bool, most: usize) -> Result<Option<Answer>, AskError> {
    loop {
        if !b"HTTP/1.".starts_with(&got[..got.len().min(7)]) {
            return Err(AskError::NotHttp);
        }
        let Some(end) = got.windows(4).position(|w| w == b"\r\n\r\n") else {
            return if got.len() > HEAD {
                Err(AskError::TooLong)
            } else {
                Ok(None)
            };
        };
        let (status, length) = head(&got[..end])?;
        if (100..200).contains(&status) {
            got.drain(..end + 4);
            continue;
        }
        let body = &got[end + 4..];
        let whole = match length {
            _ if [204, 304].contains(&status) => Some(Vec::new()),
            Length::Known(n) if n > most => return Err(AskError::TooLong),
            Length::Known(n) => body.get(..n).map(<[u8]>::to_vec),
            Length::Chunks => chunks(body, most)?,
            Length::ToTheEnd if body.len() > most => return Err(AskError::TooLong),
            Length::ToTheEnd => ended.then(|| body.to_vec()),
        };
        return Ok(whole.map(|body| Answer { status, body }));
    }
}

/// The status of an answer and the length of its body.
fn head(head: &[u8]) -> Result<(u16, Length), AskError> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first.split(' ').nth(1).and_then(|s| s.parse().ok());
    let status: u16 = status
        .filter(|s| (100..1000).contains(s))
        .ok_or(AskError::NotHttp)?;
    let mut length = Length::ToTheEnd;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        if name.eq_ignore_ascii_case("transfer-encoding") {
            length = Length::Chunks;
        } else if name.eq_ignore_ascii_case("content-length") && !matches!(length, Length::Chunks) {
            length = Length::Known(value.parse().map_err(|_| AskError::NotHttp)?);
        }
    }
    Ok((status, length))
}

/// The body in chunks; none: not all of it has come.
fn chunks(mut body: &[u8], most: usize) -> Result<Option<Vec<u8>>, AskError> {
    let mut whole = Vec::new();
    loop {
        let Some(end) = body.windows(2).take(64).position(|w| w == b"\r\n") else {
            return if body.len() > 64 {
                Err(AskError::NotHttp)
            } else {
                Ok(None)
            };
        };
        let size = String::from_utf8_lossy(&body[..end]);
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| AskError::NotHttp)?;
        if size == 0 {
            return Ok(Some(whole));
        }
        if whole.len().saturating_add(size) > most {
            return Err(AskError::TooLong);
        }
        let Some(piece) = body.get(end + 2..end + 2 + size) else {
            return Ok(None);
        };
        whole.extend_from_slice(piece);
        body = match body.get(end + 2 + size..end + 4 + size) {
            Some(b"\r\n") => &body[end + 4 + size..],
            Some(_) => return Err(AskError::NotHttp),
            None => return Ok(None),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::TcpListener, thread};

    fn quick() -> Limits {
        Limits {
            silence: Duration::from_millis(200),
            overall: Duration::from_millis(400),
            most_bytes: 1000,
            ..Limits::default()
        }
    }

    /// Asks a server that sends these pieces, and then goes away or stays.
    fn told(pieces: &'static [&'static [u8]], stays: bool) -> Result<Answer, AskError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut piece = [0; 512];
            while !request.windows(4).any(|w| w == b"\r\n\r\n") {
                let n = stream.read(&mut piece).unwrap();
                assert!(n > 0);
                request.extend_from_slice(&piece[..n]);
            }
            for piece in pieces {
                // Whoever has read enough may be gone.
                let _ = stream.write_all(piece);
            }
            while stays && stream.read(&mut piece).is_ok_and(|n| n > 0) {}
            request
        });
        let at = Address::parse(&format!("http://127.0.0.1:{port}/x/")).unwrap();
        let request = Request {
            method: "POST",
            path: "/a".into(),
            body: "{\"b\":1}".to_owned(),
        };
        let answer = ask(&at, &request, &quick());
        let seen = String::from_utf8(server.join().unwrap()).unwrap();
        assert!(
            seen.starts_with("POST /x/a HTTP/1.1\r\n") && seen.contains("content-length: 7\r\n")
        );
        answer
    }

    fn body(answer: Result<Answer, AskError>) -> (u16, String) {
        let answer = answer.unwrap();
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    #[test]
    fn an_answer_is_read_in_whatever_form_it_comes() {
        let is = |status, text: &str| (status, text.to_owned());
        let known = told(
            &[b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe", b"llo"],
            true,
        );
        assert_eq!(body(known), is(200, "hello"));
        let chunked = told(
            &[
                b"HTTP/1.1 404 no\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n",
                b"2\r\nde\r\n0\r\n\r\n",
            ],
            true,
        );
        assert_eq!(body(chunked), is(404, "abcde"));
        let ended = told(&[b"HTTP/1.0 200 OK\r\n\r\n", b"all"], false);
        assert_eq!(body(ended), is(200, "all"));
        let late = told(
            &[b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\n\r\n"],
            true,
        );
        assert_eq!(body(late), is(204, ""));
    }

    #[test]
    fn what_is_no_answer_ends_in_time() {
        let cases: [(&'static [&'static [u8]], bool, AskError); 9] = [
            (&[], true, AskError::Late),
            (&[], false, AskError::Cut),
            (
                &[b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe"],
                true,
                AskError::Late,
            ),
            (
                &[b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe"],
                false,
                AskError::Cut,
            ),
            (&[b"SSH-2.0-x\r\n"], true, AskError::NotHttp),
            (&[b"HTTP/1.1 huh\r\n\r\n"], true, AskError::NotHttp),
            (
                &[b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n"],
                true,
                AskError::NotHttp,
            ),
            (
                &[b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n"],
                true,
                AskError::TooLong,
            ),
            (
                &[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffff\r\n"],
                true,
                AskError::TooLong,
            ),
        ];
        for (pieces, stays, why) in cases {
            assert_eq!(told(pieces, stays), Err(why), "{pieces:?}");
        }
    }

    #[test]
    fn a_server_that_drips_is_left_when_the_time_is_over() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n");
            while stream.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        });
        let at = Address::parse(&format!("http://localhost:{port}")).unwrap();
        let request = Request {
            method: "GET",
            path: "/".into(),
            body: String::new(),
        };
        assert_eq!(ask(&at, &request, &quick()), Err(AskError::Late));
        server.join().unwrap();
        let gone = ask_well(&at, &request, &quick());
        assert_eq!(gone, Err(AskError::Refused));
        let tls = Address::parse("https://127.0.0.1").unwrap();
        assert_eq!(ask_well(&tls, &request, &quick()), Err(AskError::Tls));
    }
}
