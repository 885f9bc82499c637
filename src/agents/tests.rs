//! Drivers against recorded streams, and against what is not one.

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
            text.push_str(&format!("{said:?}\n"));
        }
        text.push_str(&format!("finished: {}\n", driver.finished()));
        text.push_str(&format!("{:?}\n", driver.end(*code)));
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
