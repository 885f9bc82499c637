//! Drivers against recorded streams, and against what is not one.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// Recorded streams: name, format, exit status of the program, what it printed.
macro_rules! streams {
    ($($name:literal $stream:ident $code:expr;)*) => {
        &[$(($name, Stream::$stream, $code, include_bytes!(concat!("../../tests/streams/", $name)).as_slice())),*]
    };
}
const STREAMS: &[(&str, Stream, Option<i32>, &[u8])] = streams! {
    "aider.txt" Aider Some(0);
    "claude.jsonl" Claude Some(0);
    "claude-ask.jsonl" Claude Some(0);
    "claude-deny.jsonl" Claude Some(0);
    "claude-error.jsonl" Claude Some(1);
    "claude-limited.jsonl" Claude None;
    "claude-login.jsonl" Claude Some(1);
    "claude-lost.jsonl" Claude Some(1);
    "claude-question.jsonl" Claude Some(0);
    "claude-resume.jsonl" Claude Some(0);
    "claude-tasks.jsonl" Claude Some(0);
    "claude-tell.jsonl" Claude Some(0);
    "claude-turns.jsonl" Claude Some(1);
    "cline.jsonl" Cline Some(0);
    "codex.jsonl" Codex Some(0);
    "codex-limited.jsonl" Codex Some(1);
    "codex-login.jsonl" Codex Some(1);
    "codex-offline.jsonl" Codex None;
    "codex-patch.jsonl" Codex Some(0);
    "codex-resume.jsonl" Codex Some(0);
    "gemini.jsonl" Gemini Some(0);
    "gemini-error.jsonl" Gemini Some(144);
    "gemini-limited.jsonl" Gemini None;
    "gemini-login.txt" Gemini Some(41);
    "gemini-lost.txt" Gemini Some(42);
    "gemini-resume.jsonl" Gemini Some(0);
    "opencode.jsonl" Opencode Some(0);
    "opencode-limited.jsonl" Opencode Some(1);
    "opencode-login.jsonl" Opencode Some(1);
    "opencode-lost.txt" Opencode Some(1);
    "opencode-refused.jsonl" Opencode Some(0);
    "opencode-resume.jsonl" Opencode Some(0);
    "opencode-todo.jsonl" Opencode Some(0);
};

/// The built-in adapter that reads a format.
fn adapter(stream: Stream) -> &'static Adapter {
    let all = Catalog::built_in().iter();
    all.clone().find(|a| a.stream == stream).unwrap()
}

/// What codex's thread had used before `codex-resume.jsonl`.
fn before(name: &str) -> Used {
    match name {
        "codex-resume.jsonl" => Used {
            input: 2400,
            output: 68,
            ..Used::default()
        },
        _ => Used::default(),
    }
}

/// Reads bytes as a stream; checks what holds for every stream.
fn read(driver: &mut dyn Driver, bytes: &[u8]) -> Vec<Said> {
    let (mut lines, mut said) = (Lines::default(), Vec::new());
    lines.feed(bytes, &mut |line| driver.line(line, &mut said));
    lines.end(&mut |line| driver.line(line, &mut said));
    let mut last = Used::default();
    for said in &said {
        assert!(format!("{said:?}").len() < 64 << 10, "not bounded");
        if let Said::Used(used) = said {
            let grows = [
                used.input >= last.input,
                used.cache_read >= last.cache_read,
                used.cache_write >= last.cache_write,
                used.output >= last.output,
                used.cost_microusd >= last.cost_microusd,
            ];
            assert!(grows.iter().all(|g| *g), "{last:?} became {used:?}");
            assert!(used.tokens() < u64::MAX / 2);
            last = *used;
        }
    }
    said
}

#[test]
fn what_each_recorded_stream_says() {
    for (name, stream, code, bytes) in STREAMS {
        let mut driver = adapter(*stream).driver_after(before(name));
        let said = read(&mut *driver, bytes);
        let mut text = String::new();
        for said in &said {
            let _ = writeln!(text, "{said:?}");
        }
        let _ = writeln!(text, "finished: {}", driver.finished());
        let _ = writeln!(text, "{:?}", driver.end(*code));
        insta::assert_snapshot!(*name, text);
    }
}

#[test]
fn all_built_in_adapters_are_well() {
    let names: Vec<&str> = Catalog::built_in_names().collect();
    let ids: Vec<&str> = Catalog::built_in().iter().map(|a| a.id.as_str()).collect();
    assert_eq!(ids, names);
    for adapter in Catalog::built_in().iter() {
        assert!(adapter.ram_bytes >= 64 << 20 && adapter.first_output_us > 0);
        assert!(!adapter.check.flags.is_empty() && !adapter.check.known.is_empty());
        assert!(!WITHOUT_ADAPTER.contains(&adapter.id.as_str()));
    }
}

/// Makes a driver.
type Fresh<'a> = &'a dyn Fn() -> Box<dyn Driver>;

/// Looks at a stream: its name and form, its bytes, what makes its driver, what it says.
type Look<'a> = &'a mut dyn FnMut(&str, Stream, &[u8], Fresh<'_>, &[Said]);

/// Every stream with its driver, and what it says.
fn each(check: Look<'_>) {
    for (name, stream, _, bytes) in STREAMS {
        let fresh = || adapter(*stream).driver_after(before(name));
        let said = read(&mut *fresh(), bytes);
        check(name, *stream, bytes, &fresh, &said);
    }
}

#[test]
fn a_line_that_is_cut_anywhere_says_nothing() {
    each(&mut |name, stream, bytes, fresh, whole| {
        let (mut driver, mut said) = (fresh(), Vec::new());
        for line in bytes.split(|b| *b == b'\n') {
            let json = line.first() == Some(&b'{');
            for end in 0..line.len() {
                if json {
                    driver.line(&line[..end], &mut said);
                } else {
                    // Text has no end that could be missing: it must only be borne.
                    fresh().line(&line[..end], &mut Vec::new());
                }
            }
            driver.line(line, &mut said);
        }
        let questions = |said: &Said| !matches!(said, Said::Asked(_) | Said::AskedNoMore(_));
        let (said, whole): (Vec<_>, Vec<_>) = (
            said.iter().filter(|s| questions(s)).collect(),
            whole.iter().filter(|s| questions(s)).collect(),
        );
        assert_eq!(said, whole, "{name} {stream:?}");
    });
}

#[test]
fn lines_of_others_change_nothing() {
    let long = format!(
        "{{\"type\":\"assistant\",\"x\":\"{}\"}}",
        "y".repeat(2 << 20)
    );
    let foreign = [
        "npm warn deprecated something@1.0.0",
        "\u{1b}[31mcolours\u{1b}[0m \u{7}\u{202e}",
        "[]",
        "null",
        "{}",
        "{\"type\":\"an event of tomorrow\",\"message\":{\"content\":[{\"type\":\"new\"}]},\"part\":1}",
        "{\"type\":7,\"event\":{\"type\":\"usage\"}}",
        &long,
        "\r",
        "",
    ];
    each(&mut |name, _, bytes, fresh, whole| {
        let mut mixed = Vec::new();
        for (n, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
            mixed.extend_from_slice(foreign[n % foreign.len()].as_bytes());
            mixed.push(b'\n');
            mixed.extend_from_slice(line);
        }
        for line in foreign {
            mixed.extend_from_slice(format!("\n{line}").as_bytes());
        }
        assert_eq!(read(&mut *fresh(), &mixed), whole, "{name}");
    });
}

/// Changes the leaf of that number, or all; returns how many there are.
fn change(value: &mut serde_json::Value, which: Option<usize>, to: &serde_json::Value) -> usize {
    fn walk(
        value: &mut serde_json::Value,
        at: &mut usize,
        which: Option<usize>,
        to: &serde_json::Value,
    ) {
        match value {
            serde_json::Value::Array(all) => all.iter_mut().for_each(|v| walk(v, at, which, to)),
            serde_json::Value::Object(all) => {
                all.values_mut().for_each(|v| walk(v, at, which, to));
            }
            leaf => {
                if which.is_none_or(|w| w == *at) {
                    *leaf = to.clone();
                }
                *at += 1;
            }
        }
    }
    let mut at = 0;
    walk(value, &mut at, which, to);
    at
}

#[test]
fn values_of_every_other_kind_are_borne() {
    let kinds = [
        serde_json::json!(null),
        serde_json::json!(true),
        serde_json::json!(-1),
        serde_json::json!(u64::MAX),
        serde_json::json!(1e300),
        serde_json::json!(-0.5),
        serde_json::json!([]),
        serde_json::json!([[["x"]]]),
        serde_json::json!({"type": "tool_use", "id": {"id": []}}),
        serde_json::json!("\u{0}\u{1b}]0;x\u{7}\u{202e}".repeat(3000)),
    ];
    each(&mut |name, _, bytes, fresh, _| {
        let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
        let mut turn = 0;
        for (n, line) in lines.iter().enumerate() {
            let Ok(value) = serde_json::from_slice::<serde_json::Value>(line) else {
                continue;
            };
            let leaves = change(&mut value.clone(), None, &kinds[0]);
            let single = (0..leaves).map(Some);
            for which in single.chain(kinds.iter().map(|_| None)) {
                turn += 1;
                let mut value = value.clone();
                change(&mut value, which, &kinds[turn % kinds.len()]);
                let (mut driver, mut said) = (fresh(), Vec::new());
                for line in &lines[..n] {
                    driver.line(line, &mut said);
                }
                said.clear();
                driver.line(value.to_string().as_bytes(), &mut said);
                for said in said.drain(..) {
                    assert!(format!("{said:?}").len() < 64 << 10, "{name}: not bounded");
                }
                if let Some(next) = lines.get(n + 1) {
                    driver.line(next, &mut said);
                }
                let _ = (driver.finished(), driver.end(Some(0)));
            }
        }
    });
}

#[test]
fn deep_and_long_lines_are_borne() {
    for (_, stream) in driver::STREAMS {
        let mut driver = stream.driver(&Exits::new(), Used::default());
        let deep = format!(
            "{{\"type\":\"assistant\",\"message\":{}1{}}}",
            "[".repeat(200_000),
            "]".repeat(200_000)
        );
        let wide = format!("{{\"type\":\"x\",\"part\":[{}0]}}", "0,".repeat(400_000));
        let text = format!("{}\n{}\n{}", "x".repeat(2 << 20), deep, wide);
        assert!(read(&mut *driver, text.as_bytes()).is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_are_borne(bytes in proptest::collection::vec(any::<u8>(), 0..400), code in any::<Option<i32>>()) {
        for (_, stream) in driver::STREAMS {
            let mut driver = stream.driver(&Exits::new(), Used::default());
            read(&mut *driver, &bytes);
            let _ = (driver.finished(), driver.tell("x"), driver.end(code));
        }
    }

    /// Lines of the streams in another order, some left out, some twice.
    #[test]
    fn any_order_is_borne(picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..30), code in any::<Option<i32>>()) {
        for (_, stream, _, _) in STREAMS {
            let lines: Vec<&[u8]> = STREAMS
                .iter()
                .filter(|(_, s, _, _)| s == stream)
                .flat_map(|(_, _, _, bytes)| bytes.split_inclusive(|b| *b == b'\n'))
                .collect();
            let text: Vec<u8> = picks.iter().flat_map(|p| p.get(&lines).to_vec()).collect();
            let mut driver = stream.driver(&Exits::new(), Used::default());
            read(&mut *driver, &text);
            let _ = (driver.finished(), driver.end(code));
        }
    }
}

mod launch;
mod words;
