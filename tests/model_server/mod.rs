//! A model server on the loopback address, for tests: OpenAI chat and responses, Anthropic messages.
//!
//! It answers from what the messages say ([`script`]), in pieces where that is asked for, keeps a journal of what it
//! was asked, and does wrong where a test wants it ([`faults`]). It must not know any agent program: whoever speaks
//! one of its protocols is served. Routes are a table: another kind of server is more of them.

mod forms;
mod http;
mod script;
#[cfg(test)]
mod tests;

pub mod faults;
pub mod holds;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

use faults::{Fault, Rule};
use forms::{FORMS, Form};
use http::{Head, Writer};
use script::answer;

/// Beyond this a condition counts as never met.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one answer has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the question.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
}

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
    /// What a tool gave back.
    Tool,
}

/// A message of a conversation, whatever the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    pub text: String,
}

/// A request to a model, and how it was answered.
#[derive(Debug, Clone)]
pub struct Asked {
    pub model: String,
    pub messages: Vec<Message>,
    /// Status of the answer; 0: none was begun.
    pub status: u16,
    /// The whole answer went out, with this usage in it.
    pub used: Option<Usage>,
}

impl Asked {
    /// Whether something stands in one of its messages.
    pub fn says(&self, words: &str) -> bool {
        self.messages.iter().any(|m| m.text.contains(words))
    }

    /// What users said, in order.
    pub fn users(&self) -> Vec<&str> {
        let users = self.messages.iter().filter(|m| m.role == Role::User);
        users.map(|m| m.text.as_str()).collect()
    }
}

/// What connections share.
struct Book {
    asked: Vec<Asked>,
    rules: Vec<Rule>,
    usage: Usage,
    /// Grows each time that held answers are let go.
    released: u64,
    closing: bool,
}

struct Shared {
    book: Mutex<Book>,
    changed: Condvar,
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        let mut book = self.book();
        let result = change(&mut book);
        drop(book);
        self.changed.notify_all();
        result
    }

    /// Waits until held answers are let go once more than `before`; whether the server still stands then.
    fn held(&self, before: u64) -> bool {
        let mut book = self.book();
        while book.released == before && !book.closing {
            book = self.changed.wait(book).unwrap();
        }
        !book.closing
    }
}

/// The server. Dropped, it ends all that it has open.
pub struct ModelServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepts: Option<JoinHandle<()>>,
}

impl ModelServer {
    /// Listens on a port that is free.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            book: Mutex::new(Book {
                asked: Vec::new(),
                rules: Vec::new(),
                usage: Usage {
                    input: 1200,
                    output: 34,
                },
                released: 0,
                closing: false,
            }),
            changed: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        let accepts = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if theirs.book().closing {
                    break;
                }
                let shared = Arc::clone(&theirs);
                // A client that goes away ends its own thread alone.
                thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self {
            address,
            shared,
            accepts: Some(accepts),
        }
    }

    /// Its address, as programs want it: without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What each answer says that it has used, from now on.
    pub fn uses(&self, usage: Usage) {
        self.shared.change(|book| book.usage = usage);
    }

    /// Does wrong from now on; the rule that was given first is looked at first.
    pub fn rule(&self, rule: Rule) {
        self.shared.change(|book| book.rules.push(rule));
    }

    /// Lets go all answers that are held, and holds none any more.
    pub fn release(&self) {
        self.shared.change(|book| {
            book.released += 1;
            book.rules.retain(|rule| !rule.holds());
        });
    }

    /// All requests to models so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.book().asked.clone()
    }

    /// What all whole answers have used.
    pub fn used(&self) -> Usage {
        let book = self.shared.book();
        let used = book.asked.iter().filter_map(|asked| asked.used);
        let none = Usage {
            input: 0,
            output: 0,
        };
        used.fold(none, |sum, used| Usage {
            input: sum.input + used.input,
            output: sum.output + used.output,
        })
    }

    /// Waits until the requests so far have what the closure looks for.
    pub fn until<T>(&self, what: &str, look: impl Fn(&[Asked]) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        let mut book = self.shared.book();
        loop {
            if let Some(found) = look(&book.asked) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never: {what}\n{:#?}", book.asked);
            book = self.shared.changed.wait_timeout(book, left).unwrap().0;
        }
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        // Not `book()`: after a failed test the lock may be poisoned.
        if let Ok(mut book) = self.shared.book.lock() {
            book.closing = true;
        }
        self.shared.changed.notify_all();
        let _ = TcpStream::connect(self.address);
        if let Some(accepts) = self.accepts.take() {
            let _ = accepts.join();
        }
    }
}

/// What a route does with a request: its path is known.
type Route = fn(&'static str, &Head, &Shared, &mut Writer<'_>) -> Option<()>;

/// Method, path and what is done there.
const ROUTES: &[(&str, &str, Route)] = &[
    ("GET", "/v1/models", models),
    ("POST", "/v1/chat/completions", model),
    ("POST", "/v1/responses", model),
    ("POST", "/v1/messages", model),
];

/// One connection: one request.
fn serve(stream: &TcpStream, shared: &Shared) -> Option<()> {
    let head = http::read(stream)?;
    let mut writer = Writer::new(stream);
    let path = head.path.split('?').next().unwrap_or_default();
    let route = ROUTES.iter().find(|(_, known, _)| *known == path);
    match route {
        Some((method, path, route)) if *method == head.method => {
            route(path, &head, shared, &mut writer)
        }
        Some(_) => writer.json(405, &[], &serde_json::json!({"error": "method"})),
        None => writer.json(404, &[], &serde_json::json!({"error": "no such path"})),
    }
}

/// The models that it knows: any name is one.
fn models(_: &'static str, _: &Head, _: &Shared, writer: &mut Writer<'_>) -> Option<()> {
    let list = serde_json::json!({"object": "list", "data": [
        {"id": "tiny", "object": "model", "owned_by": "test"},
        {"id": "big", "object": "model", "owned_by": "test"},
    ]});
    writer.json(200, &[], &list)
}

/// A request to a model.
fn model(path: &'static str, head: &Head, shared: &Shared, writer: &mut Writer<'_>) -> Option<()> {
    let form: &Form = FORMS.iter().find(|form| form.path == path)?;
    let Ok(body) = serde_json::from_slice::<Value>(&head.body) else {
        return writer.json(400, &[], &(form.error)(400, "the body is no JSON"));
    };
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    let messages = (form.messages)(&body);
    let streamed = body["stream"] == true;
    let answer = answer(&messages, &(form.tools)(&body));
    let asked = Asked {
        model: model.clone(),
        messages,
        status: 0,
        used: None,
    };
    let (number, fault, usage, released) = shared.change(|book| {
        let fault = faults::take(&mut book.rules, &asked);
        book.asked.push(asked);
        (book.asked.len() - 1, fault, book.usage, book.released)
    });
    let begins = |status: u16| shared.change(|book| book.asked[number].status = status);
    if fault.is_some_and(|(_, held)| held) && (!shared.held(released) || writer.nobody_reads()) {
        return None;
    }
    let fault = fault.map(|(fault, _)| fault);
    match fault {
        Some(Fault::Status(status, after_s)) => {
            begins(status);
            let after = after_s.map(|s| format!("retry-after: {s}"));
            let error = (form.error)(status, "made to fail");
            return writer.json(status, after.as_slice(), &error);
        }
        Some(Fault::NoJson) => {
            begins(200);
            return if streamed {
                let pieces = ["data: {\"this is\": no JSON at all\n\n".to_owned()];
                writer.pieces(&pieces, |_| true)
            } else {
                writer.whole(200, "application/json", &[], b"{\"this is\": no JSON")
            };
        }
        Some(Fault::WrongType) => {
            begins(200);
            let page = b"<html><body>Sign in to the hotel's network</body></html>";
            return writer.whole(200, "text/html", &[], page);
        }
        _ => begins(200),
    }
    let name = format!("answer_{number}");
    if streamed {
        let pieces = (form.pieces)(&name, &model, &answer, usage);
        let last = pieces.len() - 1;
        writer.pieces(&pieces, |at| match fault {
            Some(Fault::HeldAfter(n)) if at == n.min(last) => shared.held(released),
            Some(Fault::Cut(n)) if at == n.min(last) => false,
            Some(Fault::Slow(pause)) => {
                thread::sleep(pause);
                true
            }
            _ => true,
        })?;
    } else {
        let whole = (form.whole)(&name, &model, &answer, usage).to_string();
        if let Some(Fault::Cut(_)) = fault {
            return writer.half(whole.as_bytes());
        }
        writer.json_text(200, &[], &whole)?;
    }
    shared.change(|book| book.asked[number].used = Some(usage));
    Some(())
}
