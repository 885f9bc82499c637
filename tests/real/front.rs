//! A door before the model server of `bench/agents`: writes down what is asked, holds, refuses, then forwards.
//!
//! One request a connection. What a test needs to know of a request is its path, model and text.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use serde_json::Value;

/// What is done with a request that asks a model.
#[derive(Clone)]
pub enum Manner {
    /// It is forwarded, after so long.
    Forward(Duration),
    /// Not answered while the test runs.
    Silent,
    /// Refused with this status and body, so many times; then forwarded.
    Refuse(usize, u16, &'static str),
    /// After the first request with tools of each path, what still asks for the first model waits for ever.
    HoldSecond,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub model: String,
    pub body: String,
    /// What it was answered; 0 while it waits.
    pub status: u16,
}

impl Asked {
    /// Whether it asks a model with the tools of a coding agent (or aider's words).
    pub fn works(&self) -> bool {
        let at = [
            "/v1/messages",
            "/v1/responses",
            "/v1/chat/completions",
            "enerateContent",
        ];
        at.iter().any(|p| self.path.contains(p))
            && !self.path.contains("count_tokens")
            && (self.body.contains("\"tools\"") || self.body.contains("aider"))
    }

    pub fn kind(&self) -> &'static str {
        ["messages", "responses", "completions", "enerateContent"]
            .into_iter()
            .find(|k| self.path.contains(k))
            .unwrap_or("")
    }
}

struct Inner {
    manner: Manner,
    asked: Vec<Asked>,
}

/// The door.
pub struct Front {
    pub port: u16,
    inner: Arc<Mutex<Inner>>,
}

impl Front {
    pub fn before(server: u16, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Mutex::new(Inner {
            manner,
            asked: Vec::new(),
        }));
        let mine = Arc::clone(&inner);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let inner = Arc::clone(&mine);
                // A client that went away is its own affair.
                thread::spawn(move || drop(serve(stream, server, &inner)));
            }
        });
        Self { port, inner }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.inner.lock().unwrap().asked.clone()
    }

    /// The requests for work that were answered.
    pub fn answered(&self) -> Vec<Asked> {
        let mut all = self.asked();
        all.retain(|a| a.works() && a.status == 200);
        all
    }
}

fn serve(mut client: TcpStream, server: u16, inner: &Mutex<Inner>) -> io::Result<()> {
    let (head, body) = request(&client)?;
    let path = head.split(' ').nth(1).unwrap_or("").to_owned();
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let in_path = path
        .split("/models/")
        .nth(1)
        .and_then(|p| p.split(':').next());
    let model = json["model"].as_str().or(in_path).unwrap_or("").to_owned();
    let asked = Asked {
        path,
        model,
        body: String::from_utf8_lossy(&body).into_owned(),
        status: 0,
    };
    let works = asked.works();
    let (at, manner, held) = {
        let mut inner = inner.lock().unwrap();
        let same = |a: &&Asked| a.kind() == asked.kind() && a.works();
        let before = inner.asked.iter().filter(same).count();
        let first = inner.asked.iter().find(same).map(|a| a.model.clone());
        let held = before > 0 && first.is_some_and(|m| m == asked.model);
        inner.asked.push(asked);
        let manner = inner.manner.clone();
        if works && let Manner::Refuse(times, ..) = &mut inner.manner {
            *times = times.saturating_sub(1);
        }
        (inner.asked.len() - 1, manner, held)
    };
    let answered = |status| inner.lock().unwrap().asked[at].status = status;
    match manner {
        Manner::Forward(after) if works => thread::sleep(after),
        Manner::Silent if works => loop {
            thread::park();
        },
        Manner::HoldSecond if works && held => loop {
            thread::park();
        },
        Manner::Refuse(times, status, body) if works && times > 0 => {
            answered(status);
            write!(
                client,
                "HTTP/1.1 {status} Refused\r\nContent-Type: application/json\r\nRetry-After: 1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )?;
            return Ok(());
        }
        _ => {}
    }
    let mut upstream = TcpStream::connect(("127.0.0.1", server))?;
    upstream.write_all(head.as_bytes())?;
    write!(
        upstream,
        "Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    upstream.write_all(&body)?;
    let mut first = true;
    let mut buffer = [0; 16 << 10];
    loop {
        let n = upstream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        if first {
            first = false;
            let line = String::from_utf8_lossy(&buffer[..n.min(40)]).into_owned();
            answered(
                line.split(' ')
                    .nth(1)
                    .and_then(|s| s.parse().ok())
                    .unwrap_or(1),
            );
        }
        client.write_all(&buffer[..n])?;
    }
}

/// Head (without what says its length and connection) and body.
fn request(client: &TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut reader = BufReader::new(client);
    let (mut head, mut length, mut chunked) = (String::new(), 0, false);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let small = line.to_ascii_lowercase();
        if line.trim().is_empty() {
            break;
        } else if let Some(n) = small.strip_prefix("content-length:") {
            length = n.trim().parse().unwrap_or(0);
        } else if small.starts_with("transfer-encoding:") {
            chunked = true;
        } else if small.starts_with("expect:") {
            (&*client).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        } else if !small.starts_with("connection:") && !small.starts_with("keep-alive:") {
            head += &line;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    while chunked {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let n = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let mut piece = vec![0; n + 2];
        reader.read_exact(&mut piece)?;
        body.extend_from_slice(&piece[..n]);
        chunked = n > 0;
    }
    Ok((head, body))
}
