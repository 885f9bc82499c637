//! Servers that hold models: they say which are loaded, and unload them.
//!
//! In this process for what they say; as a process of its own ([`Process`]) where memory is measured: the test binary
//! plays it, maps a file and takes memory for as long as its model is loaded. Must not answer prompts.
#![expect(unsafe_code, reason = "a file is mapped as servers map their weights")]

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use serde_json::{Value, json};

use super::http::{self, Writer};

/// Says what is played: protocol, file of the port, file that is mapped, bytes taken beside it.
const PLAYS: &str = "FAKE_HOLDER";

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    Ollama,
    Llama,
    Router,
    Studio,
    OlderStudio,
    OpenAi,
}

const WORDS: [(&str, Speaks); 6] = [
    ("ollama", Speaks::Ollama),
    ("llama", Speaks::Llama),
    ("router", Speaks::Router),
    ("studio", Speaks::Studio),
    ("older", Speaks::OlderStudio),
    ("openai", Speaks::OpenAi),
];

/// What is wrong with its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// Nothing comes.
    Hung,
    /// A byte at a time.
    Slow,
    /// It has too much to do.
    Busy,
    /// No JSON.
    Garbage,
    /// JSON, with sizes below nothing and beyond all.
    Lies,
    /// It answers that it has unloaded, and has not.
    Keeps,
}

/// What a server knows.
#[derive(Debug, Default)]
pub struct Book {
    pub loaded: bool,
    pub sleeping: bool,
    pub busy: usize,
    pub wrong: Option<Wrong>,
    /// All paths that were asked for.
    pub asked: Vec<String>,
    memory: Option<Memory>,
    /// What takes memory when it is loaded: a file, and bytes.
    takes: Option<(PathBuf, usize)>,
}

/// The model that all of them have, of 64 MiB as they say.
pub const MODEL: &str = "qwen:7b";
const SAID: u64 = 64 << 20;
const SLOTS: usize = 2;

impl Book {
    /// Takes or gives back the memory of the model.
    fn load(&mut self, loaded: bool) {
        self.loaded = loaded;
        self.memory = match &self.takes {
            Some((file, bytes)) if loaded => Some(Memory::take(file, *bytes)),
            _ => None,
        };
    }
}

/// A mapped file whose pages were all read, and memory that was written.
#[derive(Debug)]
struct Memory {
    start: usize,
    length: usize,
    _own: Vec<u8>,
}

impl Memory {
    fn take(path: &Path, bytes: usize) -> Self {
        let file = fs::File::open(path).unwrap();
        let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
        // SAFETY: a fresh mapping at an address of the kernel's choice; the file is not changed while it is there.
        let start = unsafe {
            let flags = MapFlags::PRIVATE;
            mmap(
                std::ptr::null_mut(),
                length,
                ProtFlags::READ,
                flags,
                file.as_fd(),
                0,
            )
            .unwrap()
        };
        let mut sum = 0_u64;
        for at in (0..length).step_by(4096) {
            // SAFETY: within the mapping.
            sum += u64::from(unsafe { start.cast::<u8>().add(at).read_volatile() });
        }
        let mut own = vec![0_u8; bytes];
        for at in (0..bytes).step_by(4096) {
            own[at] = sum.to_le_bytes()[0] | 1;
        }
        Self {
            start: start as usize,
            length,
            _own: own,
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping that was made; nobody else knows of it.
        let _ = unsafe { munmap(self.start as *mut _, self.length) };
    }
}

/// A server of this process. Dropped, it ends.
pub struct Holder {
    address: SocketAddr,
    pub book: Arc<Mutex<Book>>,
    ends: Arc<Mutex<bool>>,
}

impl Holder {
    /// Listens on a port that is free; its model is loaded.
    pub fn start(speaks: Speaks) -> Self {
        Self::with(speaks, None)
    }

    fn with(speaks: Speaks, takes: Option<(PathBuf, usize)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let mut book = Book {
            takes,
            ..Book::default()
        };
        book.load(true);
        let (book, ends) = (Arc::new(Mutex::new(book)), Arc::new(Mutex::new(false)));
        let (theirs, over) = (book.clone(), ends.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if *over.lock().unwrap() {
                    break;
                }
                let book = theirs.clone();
                thread::spawn(move || serve(&stream, speaks, &book));
            }
        });
        Self {
            address,
            book,
            ends,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn set(&self, change: impl FnOnce(&mut Book)) {
        change(&mut self.book.lock().unwrap());
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        *self.ends.lock().unwrap() = true;
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: &TcpStream, speaks: Speaks, book: &Mutex<Book>) -> Option<()> {
    let head = http::read(stream)?;
    let mut writer = Writer::new(stream);
    let path = head.path.split('?').next().unwrap_or_default();
    let body: Value = serde_json::from_slice(&head.body).unwrap_or(Value::Null);
    let wrong = {
        let mut book = book.lock().unwrap();
        book.asked.push(head.path.clone());
        book.wrong
    };
    match wrong {
        Some(Wrong::Hung) => {
            let mut byte = [0];
            let _ = stream.peek(&mut byte);
            return None;
        }
        Some(Wrong::Slow) => {
            for piece in b"HTTP/1.1 200 OK\r\n".chunks(1) {
                std::io::Write::write_all(&mut &*stream, piece).ok()?;
                thread::sleep(Duration::from_millis(50));
            }
            return None;
        }
        Some(Wrong::Busy) => return writer.json(429, &["retry-after: 9".to_owned()], &json!({})),
        Some(Wrong::Garbage) => {
            return writer.whole(200, "application/json", &[], b"{\"models\": [[[");
        }
        Some(Wrong::Lies | Wrong::Keeps) | None => {}
    }
    let answer = answer(
        speaks,
        (&head.method, path),
        &body,
        &mut book.lock().unwrap(),
    );
    match answer {
        Some(answer) => writer.json(200, &[], &answer),
        None => writer.json(404, &[], &json!({"error": "no such path"})),
    }
}

/// What a server says; none: it does not know the path.
fn answer(speaks: Speaks, asked: (&str, &str), body: &Value, book: &mut Book) -> Option<Value> {
    let size = match book.wrong {
        Some(Wrong::Lies) => json!(-5),
        _ => json!(SAID),
    };
    let keeps = book.wrong == Some(Wrong::Keeps);
    let state = match (book.loaded, book.sleeping) {
        (_, true) => "sleeping",
        (true, false) => "loaded",
        (false, false) => "unloaded",
    };
    let slots = || {
        let slot = |i| json!({"id": i, "n_ctx": 2048, "is_processing": i < book.busy});
        Value::from((0..SLOTS).map(slot).collect::<Vec<_>>())
    };
    Some(match (speaks, asked) {
        (Speaks::Ollama, ("GET", "/api/ps")) => {
            let model =
                json!({"name": MODEL, "size": size, "size_vram": 0, "context_length": 4096});
            let other = json!({"name": "other:1b", "size": u64::MAX, "size_vram": -1});
            match (book.loaded, book.wrong) {
                (_, Some(Wrong::Lies)) => json!({"models": [other, model]}),
                (true, _) => json!({"models": [model]}),
                (false, _) => json!({"models": []}),
            }
        }
        (Speaks::Ollama, ("POST", "/api/generate")) => {
            assert_eq!(
                (&body["model"], &body["keep_alive"]),
                (&json!(MODEL), &json!(0))
            );
            book.load(keeps);
            json!({"done": true, "done_reason": "unload"})
        }
        (Speaks::Llama, ("GET", "/props")) => {
            json!({"total_slots": SLOTS, "is_sleeping": book.sleeping,
            "model_path": "/no/such.gguf", "default_generation_settings": {"n_ctx": 2048}})
        }
        (Speaks::Router, ("GET", "/props")) => json!({"role": "router", "total_slots": 0}),
        (Speaks::Llama | Speaks::Router, ("GET", "/slots")) => slots(),
        (Speaks::Router, ("GET", "/models")) => json!({"data": [
            {"id": MODEL, "status": {"value": state, "args": ["-np", "2", "-c", "4096"]}}]}),
        (Speaks::Router, ("POST", "/models/unload")) => {
            assert_eq!(body["model"], MODEL);
            book.load(keeps);
            json!({"success": true})
        }
        (Speaks::Studio, ("GET", "/api/v1/models")) => {
            let instances = if book.loaded {
                json!([{"id": format!("{MODEL}:2"), "config": {"context_length": 4096, "parallel": 2}}])
            } else {
                json!([])
            };
            json!({"models": [{"key": MODEL, "size_bytes": size, "loaded_instances": instances}]})
        }
        (Speaks::Studio, ("POST", "/api/v1/models/unload")) => {
            assert_eq!(body["instance_id"], format!("{MODEL}:2"));
            book.load(keeps);
            json!({})
        }
        (Speaks::OlderStudio, ("GET", "/api/v0/models")) => {
            let state = if book.loaded { "loaded" } else { "not-loaded" };
            json!({"data": [{"id": MODEL, "state": state}]})
        }
        (Speaks::OpenAi, ("GET", "/v1/models")) => json!({"data": [{"id": MODEL}]}),
        // For tests: what an agent's request would do.
        (_, ("POST", "/test/load")) => {
            book.load(true);
            json!({})
        }
        _ => return None,
    })
}

/// A server that is a process of its own and holds memory while its model is loaded. Dropped, it is ended.
pub struct Process {
    child: Child,
    port: u16,
}

impl Process {
    /// Starts one that maps a file of so many bytes, which is made in the folder, and takes so many beside it.
    pub fn start(speaks: Speaks, folder: &Path, file_bytes: usize, own_bytes: usize) -> Self {
        let file = folder.join("weights");
        // Not zeros: a file system may keep none of those.
        fs::write(&file, vec![7_u8; file_bytes]).unwrap();
        let port = folder.join("port");
        let word = WORDS.iter().find(|(_, known)| *known == speaks).unwrap().0;
        let plays = format!(
            "{word}\n{}\n{}\n{own_bytes}",
            port.display(),
            file.display()
        );
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .arg("model_server::holds::plays")
            .env(PLAYS, plays)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + super::PATIENCE;
        let port = loop {
            assert!(child.try_wait().unwrap().is_none(), "the server ended");
            if let Ok(Ok(port)) = fs::read_to_string(&port).map(|text| text.parse()) {
                break port;
            }
            assert!(Instant::now() < until, "the server never listened");
            thread::sleep(Duration::from_millis(5));
        };
        Self { child, port }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Plays a server, where [`Process`] started it.
#[test]
#[ignore = "no test: model servers of other tests"]
fn plays() {
    let Ok(plays) = env::var(PLAYS) else {
        return;
    };
    let parts: Vec<&str> = plays.lines().collect();
    let speaks = WORDS.iter().find(|(word, _)| *word == parts[0]).unwrap().1;
    let takes = (PathBuf::from(parts[2]), parts[3].parse().unwrap());
    let holder = Holder::with(speaks, Some(takes));
    let port = PathBuf::from(parts[1]);
    let new = port.with_extension("new");
    fs::write(&new, holder.address.port().to_string()).unwrap();
    fs::rename(&new, &port).unwrap();
    // Until it is ended.
    loop {
        thread::park();
    }
}
