//! Processes of servers are found and measured; what is known of a model without its server.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use super::{
    Board, needs,
    process::{Process, as_seen_by, sleeps_after},
    server::{Order, Server},
};
use crate::{
    engine::{InputKind, ServedNow},
    plan::{Address, Model, ModelApi, ModelIx},
};

#[test]
fn who_listens_is_measured_until_it_is_gone() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut process = Process::listening(port);
    let bytes = process.measure().unwrap();
    assert_eq!(process.root(), Some(std::process::id().cast_signed()));
    assert!(bytes.all > 1 << 20 && bytes.file < bytes.all && !bytes.of_agent);
    drop(listener);
    assert_eq!(Process::listening(port).measure(), None);
}

#[test]
fn a_server_below_the_runner_is_an_agents_own() {
    // A program that holds the listening socket: it has inherited it.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let socket = std::os::fd::OwnedFd::from(listener);
    let mut child = Command::new("sleep")
        .arg("600")
        .stdin(Stdio::from(socket))
        .spawn()
        .unwrap();
    let measured = Process::listening(port).measure();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(measured.is_some_and(|bytes| bytes.of_agent), "{measured:?}");
}

#[test]
fn a_command_line_says_when_its_server_sleeps() {
    let said = |arguments: &[&str]| {
        let mut child = Command::new("sh")
            .args(["-c", "echo up; read line", "server"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The kernel shows its arguments a little after the start.
        let mut byte = [0];
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut byte)
            .unwrap();
        let found = sleeps_after(child.id().cast_signed());
        child.kill().unwrap();
        child.wait().unwrap();
        found
    };
    assert_eq!(said(&["--sleep-idle-seconds", "6"]), Some(6));
    assert_eq!(said(&["--sleep-idle-seconds=60"]), Some(60));
    for none in [
        &["--sleep-idle-seconds"][..],
        &["--sleep-idle-seconds", "-1"],
        &["--sleep"],
    ] {
        assert_eq!(said(none), None, "{none:?}");
    }
    assert_eq!(as_seen_by(7, "m.gguf"), "/proc/7/cwd/m.gguf");
    assert_eq!(as_seen_by(7, "/m.gguf"), "/proc/7/root/m.gguf");
}

#[test]
fn what_a_model_takes_is_stated_or_stands_in_its_name() {
    let model = |name: &str, ram| Model {
        id: "m".to_owned(),
        api: ModelApi::Ollama,
        url: "http://127.0.0.1:9".to_owned(),
        name: name.to_owned(),
        ram_bytes: ram,
        slot_bytes: Some(7),
        slots: 1,
    };
    let fixed = 400 << 20;
    let stated = needs::of_plan(&model("qwen2.5-coder:32b", Some(20 << 30)));
    assert_eq!(
        (stated.base_bytes, stated.slot_bytes),
        ((20 << 30) + fixed, 7)
    );
    assert!(stated.local);
    let named = needs::of_plan(&model("qwen2.5-coder:32b", None));
    assert!(
        (18 << 30..22 << 30).contains(&named.base_bytes),
        "{named:?}"
    );
    assert_eq!(needs::of_plan(&model("mine", None)).base_bytes, 0);
    assert_eq!(needs::of_file("/dev/null", None, 1), None);
    assert_eq!(needs::of_file("/no/such", None, 1), None);
}

#[test]
fn a_server_that_dies_before_its_order_is_told_gone_again() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (loaded, ends) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicBool::new(false)),
    );
    let (holds, stops) = (loaded.clone(), ends.clone());
    let fake = thread::spawn(move || {
        for stream in listener.incoming() {
            if stops.load(Ordering::Relaxed) {
                return;
            }
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let list = if holds.load(Ordering::Relaxed) {
                r#"{"models":[{"name":"m","size":7}]}"#
            } else {
                r#"{"models":[]}"#
            };
            let _ = write!(stream, "HTTP/1.0 200 OK\r\n\r\n{list}");
        }
    });
    let model = Model {
        id: "m".to_owned(),
        api: ModelApi::Ollama,
        url: url.clone(),
        name: "m".to_owned(),
        ram_bytes: None,
        slot_bytes: None,
        slots: 1,
    };
    let (told, hears) = mpsc::channel();
    let server = Server::new(
        Address::parse(&url).unwrap(),
        vec![(ModelIx(0), model)],
        Arc::default(),
        Board::default(),
        Arc::new(move |kind| drop(told.send(kind))),
    );
    let (order, orders) = mpsc::channel();
    thread::spawn(move || server.run(&orders));
    let until = |what: fn(&InputKind) -> bool| {
        while !what(&hears.recv_timeout(Duration::from_secs(30)).unwrap()) {}
    };
    let gone = |kind: &InputKind| {
        let gone = |now: &ServedNow| matches!(now, ServedNow::Gone { .. });
        matches!(kind, InputKind::Served { now, .. } if gone(now))
    };
    let there = |kind: &InputKind| matches!(kind, InputKind::Served { .. });
    until(there);
    loaded.store(false, Ordering::Relaxed);
    // The loop has just ordered it: it waits for what becomes of that, and this passes it by.
    until(gone);
    ends.store(true, Ordering::Relaxed);
    drop(std::net::TcpStream::connect(
        url.trim_start_matches("http://"),
    ));
    fake.join().unwrap();
    order.send(Order(ModelIx(0))).unwrap();
    until(|kind| matches!(kind, InputKind::Unloaded { done: Err(_), .. }));
    until(gone);
}
