//! The real llama.cpp server: two agents on it, and its memory comes back when both have gone to another worker.
//!
//! Gated: `AGW/llm`, an environment with `xllamacpp`, and `AGW/big.gguf` (`docs/testing.md`).

use std::{
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
};

use crate::runtime::rig::{Here, wait_for};

use super::{PATIENCE, agw, gated};

/// Seconds without a request after which it sleeps.
const SLEEPS_AFTER: u32 = 4;
/// Starts the server of the package: model, port, seconds.
const SERVER: &str = "\
import sys, time, xllamacpp as x
p = x.CommonParams(); p.model.path = sys.argv[1]; p.hostnames = ['127.0.0.1']; p.port = int(sys.argv[2])
p.n_ctx = 2048; p.n_parallel = 2; p.cpuparams.n_threads = 2; p.endpoint_slots = True; p.endpoint_props = True
p.warmup = False; p.offline = True; p.ui = False; p.sleep_idle_seconds = int(sys.argv[4])
s = x.Server(p)
while True: time.sleep(1)
";

struct Ends(std::process::Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_memory_of_llama_server_comes_back_after_the_last_swap() {
    if !gated() || !agw().join("big.gguf").exists() {
        return;
    }
    let port = {
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        free.local_addr().unwrap().port()
    };
    let server = Command::new(agw().join("llm/bin/python"))
        .args(["-c", SERVER])
        .arg(agw().join("big.gguf"))
        .args([
            &port.to_string(),
            "--sleep-idle-seconds",
            &SLEEPS_AFTER.to_string(),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Ends(server);
    wait_for("the model server", || {
        TcpStream::connect(("127.0.0.1", port)).ok()
    });
    let held = || -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.0.id())).unwrap();
        let lines = status
            .lines()
            .filter(|l| l.starts_with("RssAnon") || l.starts_with("RssFile"));
        let kib = lines.map(|l| l.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap());
        kib.sum::<u64>() << 10
    };
    let here = Here::with(&format!(
        "[limits]\nagents = 4\n[model.tiny]\napi = \"llama-server\"\nurl = \"http://127.0.0.1:{port}\"\nslots = 2\n\
         [worker.local]\nrun = [\"sh\", \"-c\", \"cat > /dev/null; exec sleep 600\"]\nmodel = \"tiny\"\n\
         [worker.cloud]\nrun = [\"sh\", \"-c\", \"cat > /dev/null\"]\n\
         [defaults]\nworker = [\"local\", \"cloud\"]\nram = \"8MiB\"\ncpus = 0\nworkspace = \"shared\"\nprompt = \"do\"\n\
         [[agent]]\nid = \"a\"\n[[agent]]\nid = \"b\"\n\
         [[agent]]\nid = \"last\"\nrun = [\"sh\", \"-c\", \"while [ ! -e seen ]; do sleep 0.05; done\"]\n"
    ));
    let live = here.start().patient(PATIENCE);
    let loaded = live.until("it is loaded", |events| {
        Some(
            events.all("model.loaded").first()?["bytes"]
                .as_u64()
                .unwrap(),
        )
    });
    let before = held();
    assert!(loaded > 700 << 20, "{loaded}");
    for agent in ["a", "b"] {
        live.hears("agent.started", agent);
        here.ctl(&format!("swap {agent} cloud"));
        live.hears("agent.completed", agent);
    }
    live.until("its memory has come back", |events| {
        (!events.all("model.unloaded").is_empty()).then_some(())
    });
    let after = held();
    here.write("seen", "");
    let events = live.end().with(0);
    let swapped = events.of("model.swapped", "b");
    let figure = |event: &serde_json::Value, name: &str| event[name].as_u64().unwrap();
    let (now, promised) = (
        figure(swapped, "frees_bytes"),
        figure(swapped, "later_bytes"),
    );
    assert!(now < 100 << 20, "it cannot be unloaded by a request: {now}");
    let freed = before - after;
    println!("{before} bytes before, {after} after, {promised} promised");
    assert!(freed >= before / 10 * 9, "{after} of {before} are left");
    let promised = promised - now;
    assert!(
        promised.abs_diff(freed) <= freed / 10,
        "{promised} promised, {freed} freed"
    );
}
