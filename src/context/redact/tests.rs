//! Planted secrets are gone, ordinary text stays, and it does not matter how the bytes were cut.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;

mod plants;

use super::{Manner, Redactor, Release, Stream};
use plants::{MIXED, drawn, plants};

fn clean(text: &str) -> String {
    Redactor::default().clean(text)
}

#[test]
fn nothing_that_was_planted_is_left() {
    let plants = plants();
    let kinds: std::collections::BTreeSet<&str> = plants.iter().map(|p| p.0).collect();
    assert!(
        plants.len() >= 60 && kinds.len() >= 25,
        "{} {}",
        plants.len(),
        kinds.len()
    );
    let around: [(&str, &str); 6] = [
        ("", ""),
        ("said: ", " and went on"),
        ("{\"text\":\"first\\n", "\\nlast\"}"),
        ("\x1b[32m", "\x1b[0m"),
        ("    let x = \"", "\";"),
        ("- ", ", which is new."),
    ];
    let mut wrong = Vec::new();
    for (kind, before, secret) in &plants {
        for (first, last) in around {
            // A variable's name begins its line.
            let first = if *kind == "environment-value" {
                ""
            } else {
                first
            };
            let host = if *kind == "url-password" {
                "@db.host/x"
            } else {
                ""
            };
            let line = format!("{first}{before}{secret}{host}{last}");
            let out = clean(&line);
            let named = out.contains(&format!("[redacted: {kind}]"));
            // Neither is any longer part of it, the prefix that names its kind aside.
            let end = &secret[secret.len() - 12..];
            let kept = (0..4).any(|at| out.contains(&end[at..at + 8]));
            if !named || kept {
                wrong.push(format!("{kind}: {line:?} -> {out:?}"));
            }
            if !clean(&out).eq(&out) {
                wrong.push(format!("twice is not once: {out:?} -> {:?}", clean(&out)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_around_a_secret_stays() {
    let key = drawn(MIXED, 36, 7);
    assert_eq!(
        clean(&format!("a\nuse ghp_{key}, please\nb\n")),
        "a\nuse [redacted: github-token], please\nb\n"
    );
    assert_eq!(
        clean("see postgres://me:s3cr3t@db/x and Ann.Smith@corp.io."),
        "see postgres://me:[redacted: url-password]@db/x and [redacted: e-mail]."
    );
    assert_eq!(
        clean("pay 4111 1111 1111 1111 or DE89 3704 0044 0532 0130 00, phone: +49 30 123456-7"),
        "pay [redacted: card number] or [redacted: bank account], phone: [redacted: phone]"
    );
    // A colour in its middle does not hide it, and stays.
    let (one, two) = key.split_at(10);
    assert_eq!(
        clean(&format!("\x1b[1mghp_{one}\x1b[31m{two}\x1b[0m!")),
        "\x1b[1m[redacted: github-token]\x1b[31m\x1b[0m!"
    );
}

#[test]
fn a_bare_number_in_a_line_of_json_becomes_a_string() {
    let redactor = Redactor::new(&["73519824".to_owned()]);
    let clean = |line: &str| redactor.clean(line);
    let card = "4111111111111111";
    let json = |line: &str| serde_json::from_str::<serde_json::Value>(&clean(line));
    let value = json(&format!(r#"{{"amount": {card},"n":1}}"#)).unwrap();
    assert_eq!(value["amount"], "[redacted: card number]");
    let value = json(&format!(r" [{card}, 5555555555554444,7]")).unwrap();
    assert_eq!(value[1], "[redacted: card number]");
    // A known value takes the number with it that it is a part of.
    let value = json(r#"{"a":{"b":-9973519824.5e3}}"#).unwrap();
    assert_eq!(value["a"]["b"], "[redacted: known value]");
    // Within a string nothing is quoted, whatever it looks like.
    let value = json(&format!(
        r#"{{"t":"pay \\\": {card}, [{card}]","k":"73519824"}}"#
    ))
    .unwrap();
    let mark = "[redacted: card number]";
    assert_eq!(value["t"], format!("pay \\\": {mark}, [{mark}]"));
    assert_eq!(value["k"], "[redacted: known value]");
    // A long line is looked at in parts.
    for place in [10, 12_200, 12_285, 16_300, 16_370, 28_600, 40_000] {
        let text = "x".repeat(place);
        let line = format!(r#"{{"t":"{text} \"","a":{card},"u":"[1, {card}, {text}","b":{card}}}"#);
        let value = json(&line).unwrap_or_else(|e| panic!("{place}: {e}"));
        assert_eq!(
            (&value["a"], &value["b"]),
            (&mark.into(), &mark.into()),
            "{place}"
        );
        assert_eq!(value["u"], format!("[1, {mark}, {text}"));
    }
    // What is no JSON has no quotes.
    assert_eq!(
        clean(&format!("cards: {card}, 1")),
        format!("cards: {mark}, 1")
    );
}

#[test]
fn ordinary_text_stays() {
    for text in [
        "let token = self.next_token();",
        "password: Option<String>,",
        "max_tokens: 150000000000",
        "token_budget = config.limits.tokens_per_minute",
        "git@github.com:acme/shop.git, deploy@host.io:/srv, https://me@host.io/x",
        "Cargo.lock: checksum = \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
        "index 83db48f..bf2a9c3 100644 at 2026-11-20T10:00:00.123Z",
        "user@example.com, icon@2x.png, getty@tty1.service, lodash@4.17.21",
        "postgres://user:password@localhost/db and http://${USER}:${PASS}@host",
        "export API_KEY=$OTHER_KEY",
        "DB_PASSWORD=changeme",
        "api_key: \"your-api-key-here-1234\"",
        "Authorization: Bearer ${GITHUB_TOKEN}",
        "Password: ",
        "if text.contains(\"-----BEGIN RSA PRIVATE KEY-----\") {\n    return true;\n}",
        "`-----BEGIN PRIVATE KEY-----`\nbegins a key\n",
        "secret_key_base: ENV[\"SECRET_KEY_BASE\"]",
        "token=$(gh auth token)",
    ] {
        assert_eq!(clean(text), text);
    }
}

fn key_block(margin: &str) -> (String, Vec<String>) {
    let body: Vec<String> = (0..5)
        .map(|n| drawn(MIXED, if n == 4 { 21 } else { 64 }, 90 + n))
        .collect();
    let lines = ["-----BEGIN OPENSSH PRIVATE KEY-----".to_owned()]
        .into_iter()
        .chain(body.clone())
        .chain(["-----END OPENSSH PRIVATE KEY-----", "after it"].map(str::to_owned));
    let text: Vec<String> = lines.map(|line| [margin, &line, "\n"].concat()).collect();
    (text.concat(), body)
}

#[test]
fn the_lines_of_a_private_key_are_hidden() {
    for margin in ["", "+", "    ", "  12 | ", "> "] {
        let (text, body) = key_block(margin);
        let out = clean(&text);
        for line in &body {
            assert!(!out.contains(&line[..20]), "{margin:?}\n{out}");
        }
        assert!(
            out.ends_with(&format!("KEY-----\n{margin}after it\n")),
            "{out}"
        );
        // The same in one JSON string.
        let json = format!("{{\"key\":\"{}\"}}", text.replace('\n', "\\n"));
        let out = clean(&json);
        for line in &body {
            assert!(margin.len() > 1 || !out.contains(&line[..20]), "{out}");
        }
        assert!(out.contains("after it"), "{out}");
    }
}

/// Agents speak in lines of JSON: those must stay readable.
#[test]
fn a_line_of_json_stays_one() {
    let (block, _) = key_block("");
    let bare = ("private-key", "", block[..120].to_owned());
    for (kind, before, secret) in plants().into_iter().chain([bare]) {
        let host = if kind == "url-password" { "@db/x" } else { "" };
        let said = format!("first\n{before}{secret}{host}\", \"last");
        let inner = serde_json::json!({ "said": said, "next": 1 }).to_string();
        for line in [
            inner.clone(),
            serde_json::json!({ "result": inner }).to_string(),
        ] {
            let out = clean(&line);
            let read: Result<serde_json::Value, _> = serde_json::from_str(&out);
            assert!(read.is_ok(), "{kind}: {line}\n{out}");
            // The value of a line in an environment file ends with its line, which this is not.
            assert!(
                out.contains("[redacted: ") || kind == "environment-value",
                "{out}"
            );
        }
    }
}

#[test]
fn values_of_the_environment_are_hidden_wherever_they_stand() {
    let redactor = Redactor::new(&["pear tree 77/x".to_owned()]);
    assert_eq!(
        redactor.clean("xpear tree 77/xy pear%20tree%2077%2Fx"),
        "x[redacted: known value]y [redacted: known value]"
    );
}

#[test]
fn overwriting_keeps_every_length() {
    let redactor = Redactor::default();
    let (block, _) = key_block("");
    for (_, before, secret) in plants() {
        let text = format!("\x1b[2J\x1b[1;1H{before}{secret}\x1b[K\r\n{block}$ ");
        let mut stream = Stream::new(Manner::Overwrite);
        let mut out = Vec::new();
        stream.push(&redactor, text.as_bytes(), &mut out);
        stream.finish(&redactor, &mut out);
        assert_eq!(out.len(), text.len());
        for (now, then) in out.iter().zip(text.bytes()) {
            assert!(*now == then || (*now == b'*' && then >= b' '), "{text:?}");
        }
    }
}

/// Feeds a text cut at these places.
fn cut(redactor: &Redactor, manner: Manner, text: &[u8], at: &[usize]) -> Vec<u8> {
    let mut at: Vec<usize> = at.iter().map(|n| n % (text.len() + 1)).collect();
    at.sort_unstable();
    let mut stream = Stream::new(manner);
    let mut out = Vec::new();
    let mut from = 0;
    for to in at.into_iter().chain([text.len()]) {
        stream.push(redactor, &text[from..to], &mut out);
        from = to;
    }
    stream.finish(redactor, &mut out);
    out
}

/// Text with secrets, a key's block, colours, and lines that are far too long.
fn some_text() -> impl Strategy<Value = Vec<u8>> {
    let secret = (0..plants().len()).prop_map(|n| {
        let (_, before, secret) = plants().swap_remove(n);
        format!("{before}{secret}")
    });
    let piece = prop_oneof![
        4 => "[ -~]{0,40}",
        3 => secret,
        1 => Just(key_block("+").0),
        1 => Just("\x1b[1;31m".to_owned()),
        2 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        1 => Just("\n{\"a\": \"b\", \"c\":".to_owned()),
        2 => Just("4111111111111111, ".to_owned()),
        1 => (0..3_usize, 1000..20_000_usize).prop_map(|(what, len)| match what {
            0 => " word".repeat(len / 5),
            1 => drawn(MIXED, len, 3),
            _ => format!("ghp_{}", drawn(MIXED, len, 5)),
        }),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn however_it_is_cut_the_same_comes_out(
        text in some_text(),
        at in proptest::collection::vec(any::<usize>(), 0..12),
        overwrite in any::<bool>(),
    ) {
        let redactor = Redactor::default();
        let manner = if overwrite { Manner::Overwrite } else { Manner::Replace };
        let whole = cut(&redactor, manner, &text, &[]);
        let pieces = cut(&redactor, manner, &text, &at);
        prop_assert!(whole == pieces, "{}\n---\n{}",
            String::from_utf8_lossy(&whole), String::from_utf8_lossy(&pieces));
        prop_assert!(!overwrite || whole.len() == text.len());
    }
}

#[test]
fn a_secret_across_a_cut_of_a_long_line_is_found() {
    let redactor = Redactor::default();
    for place in [
        0, 12_000, 12_250, 12_285, 16_300, 16_360, 16_384, 28_600, 40_000,
    ] {
        let key = drawn(MIXED, 36, 11);
        let text = format!("{}ghp_{key} {}", " ".repeat(place), " ".repeat(30_000));
        let out = cut(&redactor, Manner::Replace, text.as_bytes(), &[100]);
        let out = String::from_utf8(out).unwrap();
        assert!(
            out.contains("[redacted: github-token]") && !out.contains(&key[..8]),
            "{place}"
        );
    }
}

#[test]
fn what_waits_is_let_go_but_no_beginning_of_a_secret() {
    let redactor = Redactor::new(&["pear-tree-77-x".to_owned()]);
    let key = drawn(MIXED, 36, 13);
    let mut stream = Stream::new(Manner::Replace);
    let mut out = Vec::new();
    let mut step = |text: &str, release: Option<Release>| {
        out.clear();
        stream.push(&redactor, text.as_bytes(), &mut out);
        if let Some(how) = release {
            stream.release(&redactor, how, &mut out);
        }
        String::from_utf8(out.clone()).unwrap()
    };
    let careful = Some(Release::Careful);
    assert_eq!(step("Password: ", None), "");
    assert_eq!(step("", careful), "Password: ");
    assert_eq!(step("", careful), "");
    // Its beginning is held back, and what comes is judged with what was let go.
    assert_eq!(
        step("hunter22-x\nok ", careful),
        "[redacted: password]\nok "
    );
    assert_eq!(step(&format!("ghp_{}", &key[..20]), careful), "");
    assert_eq!(
        step(&format!("{} done", &key[20..]), careful),
        "[redacted: github-token] done"
    );
    assert_eq!(step(" pear-tr", careful), " ");
    assert_eq!(step("ee-77-x.", careful), "[redacted: known value].");
    assert_eq!(step("\n", None), "\n");
    // Who waits longer gets all of it; a find that grew is marked once.
    assert_eq!(
        step(&format!("ghp_{key}"), Some(Release::Whole)),
        "[redacted: github-token]"
    );
    assert_eq!(step("aB3\n", None), "\n");
    assert_eq!(step("npm_12", Some(Release::Whole)), "npm_12");
    assert_eq!(step("\n", None), "\n");
}

fn files(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Finds in this repository's own files that are right: what a rule is for, on purpose.
const KNOWN: &[(&str, &str)] = &[
    // A pattern reads like what it finds.
    ("assets/redaction.toml", "machine [!-~]"),
    // Is taken out there.
    ("src/context/tests.rs", "hunter22!"),
    ("tests/runtime/work.rs", "hunter-22-x"),
];

#[test]
fn this_repository_holds_no_secret() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    for folder in ["src", "tests", "docs", "assets", "benches", "themes"] {
        files(&root.join(folder), &mut all);
    }
    all.extend(["Cargo.toml", "Cargo.lock", "README.md", "CHANGELOG.md"].map(|f| root.join(f)));
    let redactor = Redactor::default();
    let (mut wrong, mut bytes) = (Vec::new(), 0);
    for path in all {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let name = path.strip_prefix(root).unwrap().display().to_string();
        // Its examples are secrets.
        if name.starts_with("src/context/redact/tests") || name == "src/context/redact/digits.rs" {
            continue;
        }
        bytes += text.len();
        let out = redactor.clean(&text);
        for (n, (then, now)) in text.lines().zip(out.lines()).enumerate() {
            let known = KNOWN
                .iter()
                .any(|(file, part)| name == *file && then.contains(part));
            if then != now && !known {
                wrong.push(format!("{name}:{}: {then}\n    {now}", n + 1));
            }
        }
    }
    assert!(bytes > 2_000_000);
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}
