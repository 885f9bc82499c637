//! The server by itself: each protocol, whole and in pieces, and each fault.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    ModelServer, Usage,
    faults::{Fault, Rule},
};

/// Sends a request; the status, the head and all that came of the body.
fn send(server: &ModelServer, method: &str, path: &str, body: &Value) -> (u16, String, String) {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let body = body.to_string();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
    (status.unwrap_or(0), head.to_owned(), body.to_owned())
}

/// A request of each protocol with an order to write a file, and the path where its answer has the name of the tool.
fn requests() -> [(&'static str, Value, &'static str); 3] {
    let order = "First read. WRITE a.txt <<<it's a>>>";
    [
        (
            "/v1/chat/completions",
            json!({"model": "tiny", "messages": [{"role": "user", "content": order}],
                "tools": [{"type": "function", "function": {"name": "write_file"}}]}),
            "/choices/0/message/tool_calls/0/function/name",
        ),
        (
            "/v1/responses",
            json!({"model": "tiny", "input": [{"type": "message", "role": "user",
                "content": [{"type": "input_text", "text": order}]}],
                "tools": [{"type": "function", "name": "exec_command"}]}),
            "/output/0/name",
        ),
        (
            "/v1/messages",
            json!({"model": "tiny", "messages": [{"role": "user", "content": order}],
                "tools": [{"name": "Write"}]}),
            "/content/0/name",
        ),
    ]
}

#[test]
fn every_protocol_answers_whole_and_in_pieces() {
    let server = ModelServer::start();
    server.uses(Usage {
        input: 77,
        output: 5,
    });
    for (path, mut body, tool) in requests() {
        let (status, _, text) = send(&server, "POST", path, &body);
        let whole: Value = serde_json::from_str(&text).unwrap();
        let name = whole.pointer(tool).and_then(Value::as_str).unwrap();
        assert_eq!(status, 200);
        body["stream"] = json!(true);
        let (status, head, text) = send(&server, "POST", path, &body);
        assert_eq!(status, 200);
        assert!(head.contains("text/event-stream"), "{head}");
        assert!(text.contains(name) && text.contains("77"), "{text}");
        assert!(text.ends_with("0\r\n\r\n"), "{text}");
    }
    let asked = server.asked();
    assert_eq!(asked.len(), 6);
    assert!(
        asked
            .iter()
            .all(|a| a.users().len() == 1 && a.says("WRITE a.txt"))
    );
    assert_eq!(
        server.used(),
        Usage {
            input: 6 * 77,
            output: 6 * 5
        }
    );
    let (status, _, text) = send(&server, "GET", "/v1/models", &json!({}));
    assert!(status == 200 && text.contains("\"tiny\""), "{text}");
    assert_eq!(send(&server, "GET", "/v1/messages", &json!({})).0, 405);
    assert_eq!(send(&server, "POST", "/other", &json!({})).0, 404);
}

#[test]
fn a_fault_is_for_the_requests_that_it_names_as_often_as_it_says() {
    let server = ModelServer::start();
    let rule = Rule::all(Fault::Status(429, Some(7))).of_model("tiny");
    server.rule(rule.with_words("WRITE").times(2));
    let (path, body, _) = &requests()[2];
    let mut other = body.clone();
    other["model"] = json!("big");
    let answers = [body, &other, body, body].map(|body| send(&server, "POST", path, body));
    assert_eq!(answers.each_ref().map(|a| a.0), [429, 200, 429, 200]);
    assert!(answers[0].1.contains("retry-after: 7"), "{}", answers[0].1);
    assert!(
        answers[0].2.contains("rate_limit_error"),
        "{}",
        answers[0].2
    );
    assert_eq!(
        server.used().input,
        2 * 1200,
        "what was refused used nothing"
    );
}

#[test]
fn broken_answers_are_broken_and_used_nothing() {
    let server = ModelServer::start();
    let (path, body, _) = &requests()[1];
    let mut streamed = body.clone();
    streamed["stream"] = json!(true);
    for fault in [Fault::Cut(1), Fault::NoJson, Fault::WrongType] {
        for body in [body, &streamed] {
            server.rule(Rule::all(fault).times(1));
            let (status, head, text) = send(&server, "POST", path, body);
            assert_eq!(status, 200);
            match fault {
                Fault::Cut(_) => assert!(!text.contains("completed\",\"usage"), "{text}"),
                Fault::NoJson => assert!(text.contains("no JSON"), "{text}"),
                _ => assert!(head.contains("text/html"), "{head}"),
            }
        }
    }
    assert_eq!(server.used().output, 0);
    assert_eq!(send(&server, "POST", path, body).0, 200);
}

#[test]
fn what_is_held_comes_when_it_is_let_go_and_what_is_slow_comes_whole() {
    let server = ModelServer::start();
    server.rule(Rule::all(Fault::Held).times(1));
    server.rule(Rule::all(Fault::HeldAfter(1)).times(1));
    server.rule(Rule::all(Fault::Slow(Duration::from_millis(1))).times(1));
    let (path, body, _) = &requests()[0];
    let mut streamed = body.clone();
    streamed["stream"] = json!(true);
    thread::scope(|scope| {
        let held = scope.spawn(|| send(&server, "POST", path, body));
        server.until("the first", |asked| (asked.len() == 1).then_some(()));
        let begun = scope.spawn(|| send(&server, "POST", path, &streamed));
        server.until("the second has begun", |asked| {
            (asked.len() == 2 && asked[1].status == 200).then_some(())
        });
        let all = server.asked();
        assert_eq!((all[0].status, all[0].used, all[1].used), (0, None, None));
        server.release();
        assert_eq!(held.join().unwrap().0, 200);
        assert!(begun.join().unwrap().2.contains("[DONE]"));
    });
    let slow = send(&server, "POST", path, &streamed);
    assert!(slow.2.contains("[DONE]"), "{}", slow.2);
    assert_eq!(server.used().input, 3 * 1200);
}
