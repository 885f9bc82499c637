//! The runner's socket: who may come, what they may say, and that nobody slows or hurts a run.

use std::fmt::Write as _;
use std::{
    fs,
    io::{ErrorKind, Read, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixStream,
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use wavedeck::{
    engine::{Action, Target},
    runtime::protocol::{self, FromClient, FromRunner, PROTOCOL},
};

use super::{Ground, PATIENCE, eventually, let_go};

/// One agent that waits for a line on the pipe `go`, then prints two megabytes.
const WAITING: &str = r#"
[[agent]]
id = "first"
run = ["/bin/sh", "-c", "echo started; read x < go"]
"#;

/// A run that waits, and the way to let it go.
fn waiting(plan: &str) -> (Ground, PathBuf, PathBuf) {
    let ground = Ground::new();
    ground.write("p.toml", plan);
    let go = ground.fifo("go");
    let dir = ground.detached("p.toml");
    eventually("the agent runs", || {
        fs::read(dir.join("output/first.1")).is_ok_and(|b| b.starts_with(b"started"))
    });
    (ground, dir, go)
}

fn address(dir: &Path) -> PathBuf {
    fs::read_to_string(dir.join("socket")).unwrap().into()
}

fn connect(dir: &Path) -> UnixStream {
    let stream = UnixStream::connect(address(dir)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Connects and greets.
fn greeted(dir: &Path, news: bool) -> UnixStream {
    greeted_as(dir, news, false)
}

fn greeted_as(dir: &Path, news: bool, read_only: bool) -> UnixStream {
    let mut stream = connect(dir);
    let (hello, _) = protocol::read::<FromRunner>(&mut stream).unwrap();
    assert!(matches!(hello, FromRunner::Hello { operator: true, .. }));
    let hello = FromClient::Hello {
        protocol: PROTOCOL,
        news,
        read_only,
    };
    protocol::write(&mut stream, &hello, &[]).unwrap();
    stream
}

/// Whether the runner lets go of the connection. News may come for as long as it does not, so there
/// is an end to reading too.
fn let_down(stream: &mut UnixStream) -> bool {
    let until = Instant::now() + PATIENCE;
    let mut rest = [0; 4096];
    while Instant::now() < until {
        match stream.read(&mut rest) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(e) => return e.kind() == ErrorKind::ConnectionReset,
        }
    }
    false
}

/// The runner answers, and the run comes to its end.
fn unhurt(ground: &Ground, go: &Path) {
    let said = ground.run(&["ctl", "agents", "2"]);
    assert_eq!(
        said.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    let_go(go);
    assert_eq!(ground.wait(), Some(0));
}

#[test]
fn the_socket_is_private_and_goes_with_the_run() {
    let (ground, dir, go) = waiting(WAITING);
    let socket = address(&dir);
    let about = fs::symlink_metadata(&socket).unwrap();
    let uid = rustix::process::getuid().as_raw();
    assert_eq!((about.mode() & 0o777, about.uid()), (0o600, uid));
    let folder = fs::symlink_metadata(socket.parent().unwrap()).unwrap();
    assert_eq!((folder.mode() & 0o777, folder.uid()), (0o700, uid));
    for name in [
        "output",
        "gates",
        "journal.jsonl",
        "plan.toml",
        "config.toml",
        "lock",
        "socket",
    ] {
        if let Ok(about) = fs::symlink_metadata(dir.join(name)) {
            assert_eq!(about.mode() & 0o077, 0, "{name} is open to others");
        }
    }
    unhurt(&ground, &go);
    eventually("the socket is gone", || {
        !socket.exists() && !dir.join("socket").exists()
    });
}

#[test]
fn the_runtime_folder_is_used_only_when_it_is_private() {
    for (mode, used) in [(0o700, true), (0o755, false)] {
        let ground = Ground::new();
        ground.write("p.toml", WAITING);
        let go = ground.fifo("go");
        let runtime = ground.path().join("runtime");
        fs::create_dir(&runtime).unwrap();
        fs::set_permissions(&runtime, fs::Permissions::from_mode(mode)).unwrap();
        let output = ground
            .command(&["run", "--detach", "p.toml"])
            .env("XDG_RUNTIME_DIR", &runtime)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        let id = String::from_utf8(output.stdout).unwrap();
        let socket = address(&ground.path().join(".wavedeck/runs").join(id.trim()));
        assert_eq!(socket.starts_with(&runtime), used, "{}", socket.display());
        unhurt(&ground, &go);
    }
}

#[test]
fn another_user_is_refused() {
    const NOBODY: u32 = 65534;
    if !rustix::process::getuid().is_root() {
        println!("skipped: only root can start a process of another user");
        return;
    }
    let (ground, dir, go) = waiting(WAITING);
    // The program where everybody may run it, and every door open: only the check of the peer is left.
    let program = ground.path().join("wavedeck");
    fs::copy(env!("CARGO_BIN_EXE_wavedeck"), &program).unwrap();
    let nobody = |args: &[&str]| {
        ground
            .command(args)
            .uid(NOBODY)
            .gid(NOBODY)
            .stdout(Stdio::piped())
            .output()
            .unwrap()
    };
    let mut open = vec![ground.path().to_owned()];
    while let Some(path) = open.pop() {
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            open.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else if !about.is_symlink() {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        }
    }
    let base = PathBuf::from(env!("CARGO_BIN_EXE_wavedeck"));
    let reachable = base
        .ancestors()
        .skip(1)
        .all(|folder| fs::metadata(folder).is_ok_and(|about| about.mode() & 0o001 != 0));
    if reachable {
        let said = nobody(&["ctl", "stop", "first"]);
        assert_eq!(said.status.code(), Some(2));
        let text = String::from_utf8(said.stderr).unwrap();
        assert!(text.contains("connection to the runner was lost"), "{text}");
    } else {
        println!("skipped: another user cannot run the program where it was built");
    }
    assert!(dir.exists());
    unhurt(&ground, &go);
}

#[test]
fn what_is_no_frame_hurts_nobody() {
    let (ground, dir, go) = waiting(WAITING);
    let length = |json: u32, raw: u32| [json.to_le_bytes(), raw.to_le_bytes()].concat();
    let framed = |json: &[u8]| [length(json.len() as u32, 0), json.to_vec()].concat();
    let noise: Vec<u8> = (0..4096_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let hello = serde_json::to_vec(&FromClient::Hello {
        protocol: PROTOCOL,
        news: true,
        read_only: false,
    })
    .unwrap();
    let first: &[Vec<u8>] = &[
        noise.clone(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        length(u32::MAX, 0),
        length(0, u32::MAX),
        length(u32::MAX, u32::MAX),
        length((8 << 20) + 1, 0),
        framed(b""),
        framed(b"{}"),
        framed(b"{\"frame\":\"hello\"}"),
        framed(b"{\"frame\":\"hello\",\"protocol\":99,\"news\":true}"),
        framed(b"{\"frame\":\"end\",\"status\":0}"),
        framed(b"\xff\xfe"),
        framed(deep.as_bytes()),
        framed(&[framed(b""), hello.clone()].concat()),
    ];
    for bytes in first {
        let mut stream = connect(&dir);
        // It may be gone before all of it was taken.
        let _ = stream.write_all(bytes);
        assert!(let_down(&mut stream), "{:?}", &bytes[..bytes.len().min(40)]);
    }
    // After a proper hello.
    let later: &[Vec<u8>] = &[
        noise,
        length(u32::MAX, 7),
        framed(b"{\"frame\":\"output\",\"agent\":\"first\",\"attempt\":-1}"),
        framed(b"{\"frame\":\"action\",\"id\":1,\"by\":\"deck\",\"action\":\"dance\"}"),
        framed(deep.as_bytes()),
        framed(&hello),
    ];
    for bytes in later {
        for news in [false, true] {
            let mut stream = greeted(&dir, news);
            let _ = stream.write_all(bytes);
            assert!(let_down(&mut stream), "{:?}", &bytes[..bytes.len().min(40)]);
        }
    }
    // Half a frame, from somebody who then stays; and from somebody who goes.
    let mut stays = Vec::new();
    for cut in [1, 7, 8, 9, 20] {
        let mut stream = connect(&dir);
        stream.write_all(&framed(&hello)[..cut]).unwrap();
        stays.push(stream);
        connect(&dir).write_all(&framed(&hello)[..cut]).unwrap();
        let mut stream = greeted(&dir, true);
        stream.write_all(&length(5, 1 << 20)).unwrap();
        stays.push(stream);
    }
    // Output of strange names is empty, wherever they point to.
    let mut stream = greeted(&dir, false);
    for agent in [
        "../journal",
        "../../../../../../etc/passwd",
        "",
        "first\0",
        "first.1/../first",
    ] {
        let ask = FromClient::Output {
            agent: agent.to_owned(),
            attempt: 1,
            offset: Some(0),
            max: u32::MAX,
        };
        protocol::write(&mut stream, &ask, &[]).unwrap();
        let (_, raw) = protocol::read::<FromRunner>(&mut stream).unwrap();
        assert!(raw.is_empty(), "{agent}");
    }
    for (offset, max) in [(Some(u64::MAX), u32::MAX), (None, 0), (Some(3), 2)] {
        let ask = FromClient::Output {
            agent: "first".to_owned(),
            attempt: 1,
            offset,
            max,
        };
        protocol::write(&mut stream, &ask, &[]).unwrap();
        let (_, raw) = protocol::read::<FromRunner>(&mut stream).unwrap();
        assert!(raw.len() <= 2);
    }
    unhurt(&ground, &go);
    drop(stays);
}

#[test]
fn who_forges_a_name_is_recorded_as_ctl() {
    let (ground, dir, go) = waiting(WAITING);
    let mut stream = greeted(&dir, false);
    let action = FromClient::Action {
        id: 1,
        by: "\u{1b}]0;root\u{7}".to_owned(),
        action: Action::Pause {
            target: Target::All,
        },
    };
    protocol::write(&mut stream, &action, &[]).unwrap();
    let (ack, _) = protocol::read::<FromRunner>(&mut stream).unwrap();
    let FromRunner::Ack {
        id: 1,
        seq: Some(seq),
        reason: None,
    } = ack
    else {
        panic!("{ack:?}")
    };
    let journal = fs::read_to_string(dir.join("journal.jsonl")).unwrap();
    // The answer names the event of the action itself, not one that followed from it.
    let own = format!("{{\"seq\":{seq},");
    let line = journal.lines().find(|line| line.starts_with(&own)).unwrap();
    assert!(line.contains("operator.action"), "{line}");
    assert!(!journal.contains("root\\u0007") && journal.contains("\"by\":\"ctl\""));
    assert_eq!(ground.run(&["ctl", "resume", "all"]).status.code(), Some(0));
    unhurt(&ground, &go);
}

#[test]
fn who_is_read_only_looks_and_steers_nothing() {
    let (ground, dir, go) = waiting(WAITING);
    let mut stream = greeted_as(&dir, false, true);
    let ask = |stream: &mut UnixStream, frame: &FromClient| {
        protocol::write(stream, frame, &[]).unwrap();
        protocol::read::<FromRunner>(stream).unwrap()
    };
    let action = FromClient::Action {
        id: 7,
        by: "deck".to_owned(),
        action: Action::Stop { target: None },
    };
    let (ack, _) = ask(&mut stream, &action);
    let FromRunner::Ack {
        id: 7,
        seq: None,
        reason: Some(reason),
    } = ack
    else {
        panic!("{ack:?}")
    };
    assert!(reason.contains("read-only"), "{reason}");
    // It is not let go for that, and still reads.
    let output = FromClient::Output {
        agent: "first".to_owned(),
        attempt: 1,
        offset: Some(0),
        max: 100,
    };
    let (_, bytes) = ask(&mut stream, &output);
    assert_eq!(bytes, b"started\n");
    let journal = fs::read_to_string(dir.join("journal.jsonl")).unwrap();
    assert!(!journal.contains("run.stopped"), "{journal}");
    // It cannot make itself one that may steer.
    let again = FromClient::Hello {
        protocol: PROTOCOL,
        news: false,
        read_only: false,
    };
    protocol::write(&mut stream, &again, &[]).unwrap();
    assert!(let_down(&mut stream));
    unhurt(&ground, &go);
}

#[test]
fn who_never_reads_does_not_slow_a_run() {
    let ground = Ground::new();
    let mut plan = String::from(
        "[limits]\nagents = 8\n[[agent]]\nid = \"first\"\nrun = [\"/bin/sh\", \"-c\", \"echo started; read x < go\"]\n",
    );
    for n in 0..300 {
        writeln!(
            plan,
            "[[agent]]\nid = \"a{n}\"\nneeds = [\"first\"]\nrun = [\"echo\", \"{n}\"]\n"
        )
        .unwrap();
    }
    ground.write("p.toml", &plan);
    let go = ground.fifo("go");
    let dir = ground.detached("p.toml");
    let deaf: Vec<UnixStream> = (0..5).map(|_| greeted(&dir, true)).collect();
    let_go(&go);
    assert_eq!(ground.wait(), Some(0));
    drop(deaf);
}

#[test]
fn who_asks_for_more_than_it_reads_is_cut() {
    let plan = WAITING.replace("read x < go", "head -c 2000000 /dev/zero; read x < go");
    let (ground, dir, go) = waiting(&plan);
    eventually("all is printed", || {
        fs::metadata(dir.join("output/first.1")).is_ok_and(|m| m.len() >= 2_000_000)
    });
    let mut stream = greeted(&dir, false);
    let ask = FromClient::Output {
        agent: "first".to_owned(),
        attempt: 1,
        offset: Some(0),
        max: 1 << 20,
    };
    for _ in 0..40 {
        if protocol::write(&mut stream, &ask, &[]).is_err() {
            break;
        }
    }
    // Not read meanwhile: the runner hangs up, or keeps forty megabytes for us.
    let mut fds = [PollFd::new(&stream, PollFlags::RDHUP)];
    let wait = Timespec {
        tv_sec: 10,
        tv_nsec: 0,
    };
    assert_eq!(poll(&mut fds, Some(&wait)).unwrap(), 1, "it was never cut");
    drop(stream);
    unhurt(&ground, &go);
}

#[test]
fn a_crowd_is_turned_away_and_leaves_no_trace() {
    let (ground, dir, go) = waiting(WAITING);
    let mut crowd: Vec<UnixStream> = (0..200).map(|_| connect(&dir)).collect();
    let turned_away = crowd
        .iter_mut()
        .map(|stream| protocol::read::<FromRunner>(stream).is_err())
        .filter(|gone| *gone)
        .count();
    assert!(turned_away >= 100, "only {turned_away}");
    drop(crowd);
    eventually("it is served again", || {
        ground.run(&["ctl", "agents", "3"]).status.success()
    });
    unhurt(&ground, &go);
}

#[test]
fn an_agent_may_not_steer_its_run() {
    let ground = Ground::new();
    let program = env!("CARGO_BIN_EXE_wavedeck");
    ground.write(
        "p.toml",
        &format!(
            r#"
[[agent]]
id = "first"
run = ["/bin/sh", "-c", "'{program}' ctl stop -y; '{program}' ctl pause all; '{program}' ctl agents 9; (setsid '{program}' ctl stop -y &); echo tried"]
[[agent]]
id = "second"
needs = ["first"]
run = "true"
"#
        ),
    );
    let said = ground.run(&["run", "--headless", "p.toml"]);
    let text = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said.status.code(), Some(0), "{text}");
    let log = String::from_utf8(ground.run(&["logs", "first"]).stdout).unwrap();
    assert!(log.matches("may not steer").count() >= 3, "{log}");
}

/// A descriptor whose connecting process is gone tells nobody's origin: it may not steer.
#[test]
fn a_peer_that_is_gone_may_not_steer() {
    const TRICK: &str = "import os,socket,struct,sys,json
path=open(sys.argv[1]+'/socket').read()
s=socket.socket(socket.AF_UNIX)
r,w=os.pipe()
if os.fork()==0:
    s.connect(path)
    os._exit(0)
os.wait()
def read():
    a,b=struct.unpack('<II',s.recv(8,socket.MSG_WAITALL))
    return json.loads(s.recv(a,socket.MSG_WAITALL))
def write(x):
    x=json.dumps(x).encode()
    s.sendall(struct.pack('<II',len(x),0)+x)
try:
    print(read())
    write({'frame':'hello','protocol':2,'news':False})
    write({'frame':'action','id':1,'by':'deck','action':{'do':'stop'}})
    print(read())
except Exception as e:
    print('turned away',e)
";
    let ground = Ground::new();
    if !std::process::Command::new("python3")
        .arg("-c")
        .arg("0")
        .output()
        .is_ok_and(|o| o.status.success())
    {
        println!("skipped: no python3 to play the trick with");
        return;
    }
    ground.write("trick.py", TRICK);
    ground.write(
        "p.toml",
        r#"
[[agent]]
id = "first"
run = ["/bin/sh", "-c", """
dir=.wavedeck/runs/$WAVEDECK_RUN
until test -e $dir/socket; do sleep 0.01; done
python3 trick.py $dir"""]
"#,
    );
    let said = ground.run(&["run", "--headless", "p.toml"]);
    let log = String::from_utf8(ground.run(&["logs", "first"]).stdout).unwrap();
    assert_eq!(said.status.code(), Some(0), "{log}");
    assert!(!log.contains("'operator': True"), "{log}");
}
