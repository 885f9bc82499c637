//! Secrets that agents print: none reaches a file, a view or the journal, and nobody waits for output.

use std::{fs, time::Duration};

use wavedeck::{
    context::redact::Redactor,
    executor::{Exit, JobTerminal},
};

use crate::executor::{Rig, until};

/// A value that only the environment tells to be secret.
const KNOWN: &str = "pear-tree-77-x";

fn rig() -> Rig {
    Rig::with(|config| {
        config.redactor = Redactor::new(&[KNOWN.to_owned()]);
        env!("CARGO_BIN_EXE_wavedeck").clone_into(&mut config.helper);
    })
}

/// Forty letters and figures, so that no token stands in the source.
const DRAWN: &str = "Zk3v9QmX7bR2tW8yLpN4cH6jF1sD5gA0eUiOoPqr";

#[test]
fn a_secret_that_comes_in_pieces_never_lands_in_the_file() {
    let mut rig = rig();
    let (one, two) = DRAWN.split_at(17);
    // Each command writes for itself; the pause makes sure that two reads see the token.
    let script = format!(
        "printf 'use ghp_{one}'; sleep 0.2; printf '{two} now\\n'; echo {KNOWN}; printf 'end ghp_{DRAWN}'"
    );
    let job = rig.job("agent", &["/bin/sh", "-c", &script]);
    let key = job.key.clone();
    rig.executor.spawn(job);
    let (exit, bytes, _) = rig.ended(&key);
    let expected =
        "use [redacted: github-token] now\n[redacted: known value]\nend [redacted: github-token]";
    assert_eq!(rig.output("agent"), expected);
    assert_eq!((exit, bytes), (Exit::Code(0), expected.len() as u64));
}

#[test]
fn a_question_without_an_end_of_line_is_there_at_once() {
    let rig = rig();
    let job = rig.job(
        "agent",
        &["/bin/sh", "-c", "printf 'Password: '; exec sleep 1000"],
    );
    rig.executor.spawn(job);
    until("the question is there", || {
        rig.output("agent") == "Password: "
    });
    let views = rig.executor.views();
    assert_eq!(views[0].last_line(), "Password:");
    rig.executor.shutdown(Duration::ZERO);
}

#[test]
fn in_a_terminal_a_secret_is_overwritten_and_every_offset_stays() {
    let mut rig = rig();
    let script = format!("printf '\\033[1mghp_{DRAWN}\\033[0m and {KNOWN}\\n'");
    let mut job = rig.job("agent", &["/bin/sh", "-c", &script]);
    job.terminal = Some(JobTerminal {
        index: rig.folder.path().join("agent.1.idx"),
        prompt: rig.folder.path().join("prompt"),
    });
    let key = job.key.clone();
    rig.executor.spawn(job);
    assert_eq!(rig.ended(&key).0, Exit::Code(0));
    let expected = format!(
        "\x1b[1m{}\x1b[0m and {}\r\n",
        "*".repeat(4 + DRAWN.len()),
        "*".repeat(KNOWN.len())
    );
    assert_eq!(rig.output("agent"), expected);
    assert!(fs::metadata(rig.folder.path().join("agent.1.idx")).is_ok());
}
