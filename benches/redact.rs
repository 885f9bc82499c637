//! Prints what redaction costs: `redact [FOLDER]`.
//!
//! Without FOLDER this repository's sources, and text that is full of keywords; with it the files below
//! it, and how often each rule has found something there.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring tool prints and may fail loudly"
)]

use std::{
    collections::BTreeMap,
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use wavedeck::context::redact::{Manner, Redactor, Stream};

/// As the runner reads pipes.
const CHUNK: usize = 64 << 10;

fn main() {
    let folder = env::args().skip(1).find(|a| a != "--bench");
    let redactor = Redactor::new(&["a-value-7-that-nobody-has".to_owned()]);
    if let Some(folder) = folder {
        let mut text = Vec::new();
        collect(Path::new(&folder), &mut text);
        report("files", &redactor, &text);
        let mut kinds: BTreeMap<String, (u32, Vec<String>)> = BTreeMap::new();
        for line in text.split(|b| *b == b'\n') {
            let line = String::from_utf8_lossy(line);
            let out = redactor.clean(&line);
            for part in out.split("[redacted: ").skip(1) {
                let Some((kind, _)) = part.split_once(']') else {
                    continue;
                };
                let entry = kinds.entry(kind.to_owned()).or_default();
                entry.0 += 1;
                if entry.1.len() < 12 {
                    entry.1.push(line.chars().take(160).collect());
                }
            }
        }
        for (kind, (count, lines)) in kinds {
            println!("{count:6} {kind}");
            for line in lines {
                println!("         {}", line.trim());
            }
        }
        return;
    }
    let mut source = Vec::new();
    collect(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut source,
    );
    report("source", &redactor, &source.repeat(8));
    let colours = source
        .split_inclusive(|b| *b == b'\n')
        .flat_map(|line| [&b"\x1b[32m"[..], line, b"\x1b[0m"].concat());
    report(
        "source with colours",
        &redactor,
        &colours.collect::<Vec<u8>>().repeat(8),
    );
    let mut heavy = String::new();
    for n in 0..40_000_u64 {
        let drawn = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        heavy.push_str(match n % 8 {
            0 => "  token: getToken(request.headers), secret: process.env.SECRET,\n",
            1 => "Authorization: Bearer ${TOKEN}  x-api-key: $API_KEY\n",
            2 => "password = config.password  # the password of the user\n",
            3 => "see https://host.io/a/b?c=d and me@host.io, phone: none, key-1\n",
            4 => "export ACCESS_KEY=$(vault read secret/access_key) # credentials\n",
            5 => "fn token(secret: &Secret, password: &str) -> Token { token.sk-1 }\n",
            6 => "curl -H \"Cookie: a=b\" https://api.host.io/token | jq .token.secret\n",
            _ => "line of numbers 12 345 6789 and 2026-11-20 10:00:00.123456 42\n",
        });
        if n % 100 == 0 {
            let drawn = format!("{drawn:016x}Ab{drawn:016x}");
            heavy.extend(["api_key = \"", &drawn, "\"\n"]);
        }
    }
    report(
        "keywords in each line",
        &redactor,
        heavy.repeat(8).as_bytes(),
    );
}

fn collect(folder: &Path, text: &mut Vec<u8>) {
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    all.sort();
    for path in all {
        if path.is_dir() {
            collect(&path, text);
        } else if let Ok(one) = fs::read_to_string(&path) {
            text.extend_from_slice(one.as_bytes());
        }
    }
}

/// The best of five, so that others' work on the machine counts little.
fn report(name: &str, redactor: &Redactor, text: &[u8]) {
    let mut best = Duration::MAX;
    let mut found = 0;
    for _ in 0..5 {
        let from = Instant::now();
        let mut stream = Stream::new(Manner::Replace);
        let mut out = Vec::with_capacity(CHUNK * 2);
        for chunk in text.chunks(CHUNK) {
            out.clear();
            stream.push(redactor, chunk, &mut out);
        }
        stream.finish(redactor, &mut out);
        best = best.min(from.elapsed());
        found = stream.found();
    }
    let speed = text.len() as f64 / best.as_secs_f64() / 1e6;
    println!(
        "{name}: {:.1} MB, {speed:.0} MB/s, {found} finds",
        text.len() as f64 / 1e6
    );
}
