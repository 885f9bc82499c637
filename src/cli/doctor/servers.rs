//! Model servers on the usual ports of this machine.
//!
//! A connection with a short limit and one small request. Must not load a model.

use std::time::Duration;

use crate::{
    display::clean_line,
    models::{
        client::{Limits, ask_well},
        servers::Request,
    },
    plan::Address,
};

/// Servers and where they listen if nobody says otherwise (their own documentation), with what lists their models.
pub const USUAL: [(&str, u16, &str); 4] = [
    ("ollama", 11434, "/api/tags"),
    ("LM Studio", 1234, "/v1/models"),
    ("llama-server", 8080, "/v1/models"),
    ("vLLM", 8000, "/v1/models"),
];

/// What an answer may take.
const LIMITS: Limits = Limits {
    connect: Duration::from_millis(200),
    silence: Duration::from_secs(1),
    overall: Duration::from_millis(1200),
    most_bytes: 256 << 10,
};
/// Models that are named.
const NAMED: usize = 20;

/// A server that answers.
#[derive(Debug, PartialEq, Eq)]
pub struct Server {
    /// Who listens there as a rule.
    pub usual: &'static str,
    /// Its port.
    pub port: u16,
    /// Names of its models, the first ones.
    pub models: Vec<String>,
}

/// Looks at one port; none where no model server answers.
pub fn look(usual: &'static str, port: u16, path: &'static str) -> Option<Server> {
    let at = Address {
        tls: false,
        host: "127.0.0.1".to_owned(),
        port,
        path: String::new(),
    };
    let request = Request {
        method: "GET",
        path: path.into(),
        body: String::new(),
    };
    let answer = ask_well(&at, &request, &LIMITS).ok()?;
    Some(Server {
        usual,
        port,
        models: models(&answer)?,
    })
}

/// The models of an answer; none where it is no list of models.
fn models(answer: &[u8]) -> Option<Vec<String>> {
    let json: serde_json::Value = serde_json::from_slice(answer).ok()?;
    let list = json
        .get("models")
        .or_else(|| json.get("data"))?
        .as_array()?;
    let names = list.iter().filter_map(|model| {
        let name = model.get("name").or_else(|| model.get("id"))?.as_str()?;
        Some(clean_line(name, 80))
    });
    Some(names.take(NAMED).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        net::{Ipv4Addr, TcpListener},
    };

    /// A server that answers one request, and what of it was seen.
    fn says(answer: &'static [u8]) -> Option<Vec<String>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut piece = [0; 512];
            while !request.ends_with(b"\r\n\r\n") {
                let n = stream.read(&mut piece).unwrap();
                assert!(n > 0);
                request.extend_from_slice(&piece[..n]);
            }
            // Whoever has read enough may be gone.
            let _ = stream.write_all(answer);
            request
        });
        let found = look("x", port, "/v1/models");
        let request = server.join().unwrap();
        assert!(request.starts_with(b"GET /v1/models HTTP/1.1\r\n"));
        found.map(|server| server.models)
    }

    #[test]
    fn a_model_server_says_its_models() {
        let own = |names: &[&str]| Some(names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>());
        assert_eq!(
            says(b"HTTP/1.0 200 OK\r\nx: y\r\n\r\n{\"models\":[{\"name\":\"qwen:32b\"},{\"name\":\"a\\u001b[31m\"}]}"),
            own(&["qwen:32b", "a"])
        );
        assert_eq!(
            says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n18\r\n{\"data\":[{\"id\":\"tiny\"}]}\r\n0\r\n\r\n"),
            own(&["tiny"])
        );
        assert_eq!(says(b"HTTP/1.0 200 OK\r\n\r\n{\"models\":[]}"), own(&[]));
        // Some other server on that port.
        assert_eq!(says(b"HTTP/1.0 200 OK\r\n\r\n<html>hello</html>"), None);
        assert_eq!(says(b"HTTP/1.0 404 no\r\n\r\n{\"models\":[]}"), None);
        assert_eq!(says(b""), None);
    }

    #[test]
    fn a_port_where_nobody_listens_is_no_server() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert_eq!(look("x", port, "/"), None);
    }
}
