//! `--plain` in a real pseudo-terminal: lines come, words are typed, nothing is drawn.

use wavedeck::sys::{reap::ExitStatus, tree::survivors_of_run};

use super::{Ground, eventually, let_go, pty::Terminal};

/// One agent that says something hostile and waits for a line on the pipe `go`, one after it.
const PLAN: &str = r#"
name = "plain"
[[agent]]
id = "first"
run = ["/bin/sh", "-c", "printf 'started\\033]0;owned\\007\\033[31m red\\n'; read x < go"]
[[agent]]
id = "second"
run = "true"
needs = ["first"]
"#;

#[test]
fn a_run_is_watched_and_steered_in_lines() {
    let ground = Ground::new();
    ground.write("p.toml", PLAN);
    let go = ground.fifo("go");
    // A plan that was never allowed here says what it would run first; only a yes starts it.
    let terminal = Terminal::start(&ground, &["run", "--plain", "p.toml"]);
    terminal.prints("read x < go");
    terminal.prints("Type yes to start it");
    terminal.press("\n");
    terminal.prints("nothing was started");
    let (status, _, bytes) = terminal.end();
    assert_eq!(status, ExitStatus::Code(0));
    let mut said = bytes;
    let terminal = Terminal::start(&ground, &["run", "--plain", "p.toml"]);
    terminal.prints("Type yes to start it");
    terminal.press("yes\n");
    terminal.prints("Type help for what can be typed.");
    terminal.press("why second\n");
    terminal.prints("second is waiting: after first");
    // The harmless answer is the default.
    terminal.press("stop\n");
    terminal.prints("This stops the whole run. Type yes");
    terminal.press("\n");
    terminal.prints("Left as it is.");
    terminal.press("pause first\n");
    terminal.prints("first frozen, at ");
    terminal.press("resume first\n");
    terminal.prints("first goes on, at ");
    terminal.press("quit\n");
    terminal.prints("The run goes on.");
    let (status, _, bytes) = terminal.end();
    assert_eq!(status, ExitStatus::Code(0));
    said.extend(bytes);

    let terminal = Terminal::start(&ground, &["attach", "--plain"]);
    terminal.prints("Type help for what can be typed.");
    let_go(&go);
    terminal.prints("The run has ended.");
    terminal.press("quit\n");
    let (status, _, bytes) = terminal.end();
    assert_eq!(status, ExitStatus::Code(0));
    said.extend(bytes);
    // Lines alone: no sequence of ours or of an agent's, nothing that only the eye understands.
    for byte in said {
        assert!(
            matches!(byte, b'\n' | b'\r' | b' '..=b'~'),
            "{byte:#x} was written"
        );
    }
    assert_eq!(ground.wait(), Some(0));
    let run = ground.status_json()["run"].as_str().unwrap().to_owned();
    eventually("no process left", || {
        survivors_of_run(&run).unwrap().is_empty()
    });
}
