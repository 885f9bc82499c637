//! As much of HTTP/1.1 as a test needs: one request a connection, answers whole or in chunks.
//!
//! Nothing here panics when the other side goes away: `None` ends the connection.

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::TcpStream,
};

use serde_json::Value;

/// A request.
pub struct Head {
    pub method: String,
    pub path: String,
    pub body: Vec<u8>,
}

/// Reads a request with its body.
pub fn read(stream: &TcpStream) -> Option<Head> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Head { method, path, body })
}

/// Writes one answer.
pub struct Writer<'a> {
    stream: &'a TcpStream,
}

impl<'a> Writer<'a> {
    pub fn new(stream: &'a TcpStream) -> Self {
        Self { stream }
    }

    /// Whether the other side has gone away: what is written to it would count as sent.
    pub fn nobody_reads(&self) -> bool {
        let mut byte = [0];
        self.stream.set_nonblocking(true).unwrap();
        let gone =
            !matches!(self.stream.peek(&mut byte), Err(e) if e.kind() == ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).unwrap();
        gone
    }

    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).ok()
    }

    fn head(&mut self, status: u16, kind: &str, more: &[String]) -> Option<()> {
        let word = match status {
            200 => "OK",
            429 => "Too Many Requests",
            500 => "Internal Server Error",
            _ => "Status",
        };
        let mut head =
            format!("HTTP/1.1 {status} {word}\r\ncontent-type: {kind}\r\nconnection: close\r\n");
        for line in more {
            head.push_str(line);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        self.put(head.as_bytes())
    }

    /// A whole answer.
    pub fn whole(&mut self, status: u16, kind: &str, more: &[String], body: &[u8]) -> Option<()> {
        let mut more = more.to_vec();
        more.push(format!("content-length: {}", body.len()));
        self.head(status, kind, &more)?;
        self.put(body)
    }

    pub fn json_text(&mut self, status: u16, more: &[String], text: &str) -> Option<()> {
        self.whole(status, "application/json", more, text.as_bytes())
    }

    pub fn json(&mut self, status: u16, more: &[String], value: &Value) -> Option<()> {
        self.json_text(status, more, &value.to_string())
    }

    /// The first half of a whole answer.
    pub fn half(&mut self, body: &[u8]) -> Option<()> {
        let more = [format!("content-length: {}", body.len())];
        self.head(200, "application/json", &more)?;
        self.put(&body[..body.len() / 2])?;
        None
    }

    /// An answer in pieces, each asked for by its number; where that says no, it ends in the middle of the piece.
    pub fn pieces(
        &mut self,
        pieces: &[String],
        mut goes_on: impl FnMut(usize) -> bool,
    ) -> Option<()> {
        self.head(
            200,
            "text/event-stream",
            &["transfer-encoding: chunked".to_owned()],
        )?;
        for (at, piece) in pieces.iter().enumerate() {
            let size = format!("{:x}\r\n", piece.len());
            if !goes_on(at) {
                self.put(size.as_bytes())?;
                self.put(&piece.as_bytes()[..piece.len() / 2])?;
                return None;
            }
            self.put(size.as_bytes())?;
            self.put(piece.as_bytes())?;
            self.put(b"\r\n")?;
        }
        self.put(b"0\r\n\r\n")
    }
}
