//! Starts a program for one answer: a version or a help text.
//!
//! With a limit on time and on what is read. Must not let anything of it stay.

use std::{
    io::{self, Read},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::{agents::Adapter, context::redact::Redactor, display::clean_line};

/// Bytes of an answer that are kept; the rest is read and dropped, so that nobody waits for us.
const KEPT: u64 = 256 << 10;
/// How often is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(10);
/// For what is still in the pipes when it has ended.
const REST: Duration = Duration::from_millis(200);

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Silence {
    /// None came in time: that says nothing about the program.
    Late,
    /// It cannot be started, or it failed; in words.
    Failed(String),
}

/// Starts a program and returns what it printed.
///
/// In `/`: a repository may hold settings that make an agent program start others.
///
/// # Errors
/// Why there is no answer.
pub fn ask(
    program: &Path,
    args: &[String],
    adapter: &Adapter,
    limit: Duration,
) -> Result<String, Silence> {
    let mut command = Command::new(program);
    command.args(args).current_dir("/").process_group(0);
    for name in &adapter.unset {
        command.env_remove(name);
    }
    command.envs(adapter.env.iter().map(|(name, value)| (name, value)));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|e| Silence::Failed(format!("it cannot be started: {e}")))?;
    let (to, answers) = mpsc::channel();
    let pipes = [
        child
            .stdout
            .take()
            .map(|p| Box::new(p) as Box<dyn Read + Send>),
        child
            .stderr
            .take()
            .map(|p| Box::new(p) as Box<dyn Read + Send>),
    ];
    for (at, pipe) in pipes.into_iter().enumerate() {
        let to = to.clone();
        thread::spawn(move || {
            // Whoever asked may have gone on.
            let _ = to.send((at, pipe.map(bounded).unwrap_or_default()));
        });
    }
    drop(to);
    let until = Instant::now() + limit;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if Instant::now() >= until => {
                break Err(Silence::Late);
            }
            Ok(None) => thread::sleep(LOOK),
            Err(e) => break Err(Silence::Failed(format!("its end cannot be seen: {e}"))),
        }
    };
    // A program that has ended may have left others.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let _ = child.wait();
    let status = status?;
    let mut said = [Vec::new(), Vec::new()];
    let rest = Instant::now() + REST;
    while let Ok((at, bytes)) = answers.recv_timeout(rest.saturating_duration_since(Instant::now()))
    {
        said[at] = bytes;
    }
    let [out, err] = said.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if !status.success() {
        let why = err
            .lines()
            .chain(out.lines())
            .find(|l| !l.trim().is_empty());
        // Some print the key that they do not like.
        let clean = |l: &str| clean_line(Redactor::of_environment().clean(l), 120);
        let why = why.map_or_else(String::new, |l| format!(": {}", clean(l)));
        return Err(Silence::Failed(format!("it failed ({status}){why}")));
    }
    Ok(out + "\n" + &err)
}

fn bounded(mut pipe: Box<dyn Read + Send>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = pipe.by_ref().take(KEPT).read_to_end(&mut bytes);
    let _ = io::copy(&mut pipe, &mut io::sink());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration) -> Result<String, Silence> {
        let args = ["-c".to_owned(), script.to_owned()];
        ask(Path::new("/bin/sh"), &args, &Adapter::default(), limit)
    }

    #[test]
    fn an_answer_comes_in_time_and_bounded_or_not_at_all() {
        let long = Duration::from_mins(1);
        assert_eq!(
            sh("echo 1.2; echo x >&2", long).unwrap().trim_end(),
            "1.2\n\nx"
        );
        let failed = match sh("echo 'no \u{1b}[31mway' >&2; exit 3", long) {
            Err(Silence::Failed(why)) => why,
            other => panic!("{other:?}"),
        };
        assert!(
            failed.contains("exit status: 3") && failed.contains("way"),
            "{failed:?}"
        );
        assert!(!failed.contains('\u{1b}'));
        let key = format!("sk-ant-{}", "api03-AbCdEfGhIjKlMnOp");
        let refused = sh(&format!("echo 'bad key {key}' >&2; exit 3"), long);
        assert!(
            matches!(&refused, Err(Silence::Failed(why)) if why.contains("[redacted: anthropic-key]")),
            "{refused:?}"
        );
        let much = sh("head -c 3000000 /dev/zero", long).unwrap();
        assert!(much.len() as u64 <= KEPT + 1, "{}", much.len());
        // What it leaves behind holds nobody up, and does not stay.
        assert!(sh("sleep 600 & echo 2.0", long).unwrap().starts_with("2.0"));
        let began = Instant::now();
        let late = sh("exec sleep 600", Duration::from_millis(50));
        assert_eq!(late, Err(Silence::Late));
        assert!(began.elapsed() < long);
    }
}
