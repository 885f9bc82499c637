//! The run on disk, from outside: runs made by `engine::turn`, written, damaged and read back.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration as Time, Instant},
};

use proptest::prelude::*;
use wavedeck::{
    engine::{
        Action, Effective, Event, Exit, Figures, Handle, Input, InputKind, JobKey, Record, Setup,
        State, Target, Thresholds, Turn, turn_into,
    },
    journal::{
        Follower, Header, JournalWriter, Line, LockError, Phase, ReadEnd, ReadError, Reader,
        RunDir, Seeker, Sink, Snapshotter, Store, StoreError, Tail, To, WriteError, fold, format,
        reader, render_runs, render_show, runs_json, set_aside, show_json, snapshot,
    },
    plan::{
        Agent, AgentId, AgentIx, AgentMode, Class, Duration, Limits, Mode, Need, NeedKind, Plan,
        Priority, Retry, SubAgents, When, Work, Workspace,
    },
};

fn agent(i: usize, needs: &[usize]) -> Agent {
    Agent {
        id: AgentId::from(format!("agent-{i}").as_str()),
        title: format!("agent {i}"),
        phase: None,
        track: None,
        parent: None,
        sub_agents: SubAgents::Parallel,
        needs: needs
            .iter()
            .map(|&need| Need {
                agent: AgentIx::of(need),
                kind: NeedKind::Hard,
                when: When::Succeeded,
                files: Vec::new(),
                check: Vec::new(),
            })
            .collect(),
        priority: Priority::Normal,
        class: Class::Implementation,
        work: Work::Command(vec!["true".into()]),
        modes: vec![AgentMode {
            worker: None,
            duration: Duration {
                min_us: 1_000_000,
                expected_us: 1_000_000,
                max_us: 1_000_000,
                guessed: false,
            },
            ram_bytes: 1 << 20,
            ram_guessed: false,
            cpus_milli: 0,
            uses: BTreeMap::default(),
            spends: BTreeMap::default(),
            tokens: 0,
            terminal: false,
        }],
        capability: None,
        exclusive: false,
        timeout_us: None,
        ask: wavedeck::agents::Ask::Outside,
        fails_when_asking: false,
        retry: Retry {
            attempts: 2,
            base_us: 1000,
        },
        quiet_us: None,
        ram_max_bytes: None,
        check: Vec::new(),
        gates: Vec::new(),
        workspace: Workspace::Shared,
        scope: None,
        domains: Vec::new(),
        join: wavedeck::plan::Join::default(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        context_files: Vec::new(),
        context_cap: None,
    }
}

/// Each agent but the first needs the one at half its place.
fn setup(agents: usize) -> Arc<Setup> {
    setup_of((0..agents).map(|i| {
        let need = [i / 2];
        agent(i, if i == 0 { &[] } else { &need })
    }))
}

/// The same, where every agent is checked by two commands.
fn checked_setup(agents: usize) -> Arc<Setup> {
    let setup = setup(agents);
    setup_of(setup.plan.agents.iter().cloned().map(|agent| Agent {
        check: vec![vec!["true".into()]; 2],
        ..agent
    }))
}

fn setup_of(agents: impl Iterator<Item = Agent>) -> Arc<Setup> {
    let plan = Plan {
        version: 1,
        name: "journal \u{1b}[31mtest".into(),
        goal: None,
        base: "HEAD".into(),
        mode: Mode::Parallel,
        limits: Limits::default(),
        phases: Vec::new(),
        tracks: Vec::new(),
        workers: Vec::new(),
        gates: Vec::new(),
        leases: std::collections::BTreeMap::new(),
        agents: agents.collect(),
        run_gates: Vec::new(),
        wave_gates: std::collections::BTreeMap::new(),
        verify: Vec::new(),
        workspace: wavedeck::plan::WorkspaceSpec::default(),
        merge: wavedeck::plan::MergeSpec::default(),
        domains: std::collections::BTreeMap::new(),
        require_sandbox: false,
        unbuilt: Vec::new(),
    };
    let agents = plan.agents.len();
    let effective = Effective {
        ram_limit_bytes: 1 << 40,
        agents_cap: 16,
        cpus_milli: 64_000,
        thresholds: Thresholds::default(),
        memory: wavedeck::engine::MemoryRules::default(),
        attended: false,
        hybrid_enabled: true,
        parallel_enabled: true,
    };
    let waves = vec![1; agents];
    let setup = Setup::new(plan, effective, vec![0; agents], waves, 1_000_000);
    Arc::new(setup)
}

/// Plays a run: everything that is started ends after a while, every seventh attempt in a failure.
struct Play {
    state: State,
    now_us: u64,
    ends: VecDeque<(JobKey, bool)>,
    count: u64,
}

impl Play {
    fn new(setup: Arc<Setup>) -> Self {
        Self {
            state: State::new(setup),
            now_us: 0,
            ends: VecDeque::default(),
            count: 0,
        }
    }

    fn input(&mut self, kind: InputKind) -> Turn {
        self.now_us += 137;
        let input = Input {
            at_ms: 1_795_000_000_000 + i64::try_from(self.now_us / 1000).unwrap(),
            elapsed_us: self.now_us,
            figures: Figures::default(),
            uses: wavedeck::engine::Uses::default(),
            kind,
        };
        let mut turn = Turn::default();
        turn_into(&mut self.state, &input, &mut turn);
        for command in &turn.commands {
            if let wavedeck::engine::Command::Spawn { key, .. } = command {
                self.ends.push_back((*key, false));
            }
        }
        turn
    }

    fn begin(&mut self) -> Turn {
        self.input(InputKind::Begin {
            run: "20261120-100000-7f3a".into(),
            boot_id: "boot".into(),
            plan_hash: "hash".into(),
            base_commit: None,
        })
    }

    /// The next turn; `None` when the run is over.
    fn next(&mut self) -> Option<Turn> {
        if self.state.finished.is_some() {
            return None;
        }
        if self.state.seq == 0 {
            return Some(self.begin());
        }
        self.count += 1;
        let Some((key, started)) = self.ends.pop_front() else {
            self.now_us = self.now_us.max(self.state.next_deadline()?);
            return Some(self.input(InputKind::Deadline));
        };
        if !started {
            self.ends.push_back((key, true));
            return Some(self.input(InputKind::Spawned {
                key,
                handle: Handle::Local {
                    pid: 4711,
                    start_ticks: self.count,
                },
            }));
        }
        let exit = if self.count.is_multiple_of(7) && key.attempt == 1 {
            Exit::Signal {
                number: 9,
                name: "SIGKILL".into(),
            }
        } else {
            Exit::Code(0)
        };
        Some(self.input(InputKind::Ended {
            key,
            exit,
            cpu_us: 1234,
            peak_bytes: 5 << 20,
            output_bytes: 99,
            leaked: 0,
            present: Vec::new(),
            handoff: false,
        }))
    }

    fn all(mut self) -> (Vec<Record>, State) {
        let mut records = Vec::new();
        while let Some(turn) = self.next() {
            records.extend(turn.records);
        }
        (records, self.state)
    }
}

fn header() -> Header {
    Header::new("20261120-100000-7f3a", "hash", "boot")
}

fn journal_of(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    header().encode(&mut bytes).unwrap();
    for record in records {
        format::encode(record, &mut bytes).unwrap();
    }
    bytes
}

fn put(dir: &Path, bytes: &[u8]) {
    fs::write(dir.join("journal.jsonl"), bytes).unwrap();
}

fn read_all(bytes: &[u8]) -> Result<(Vec<Record>, ReadEnd), ReadError> {
    let mut reader = Reader::new(bytes)?;
    let mut records = Vec::new();
    while let Some(line) = reader.next()? {
        match line {
            Line::Record(record) => records.push(record),
            Line::Unknown { raw, .. } => panic!("unknown: {raw}"),
        }
    }
    Ok((records, reader.into_end()))
}

#[test]
fn a_run_is_written_and_folds_to_its_state() {
    let dir = tempfile::tempdir().unwrap();
    let setup = setup(50);
    let mut play = Play::new(setup.clone());
    let mut writer = JournalWriter::create(dir.path(), &header()).unwrap();
    let mut records = Vec::new();
    while let Some(turn) = play.next() {
        writer.append(&turn.records).unwrap();
        records.extend(turn.records);
    }
    writer.sync_now().unwrap();
    assert_eq!(play.state.finished, Some(0));
    assert_eq!(writer.sync_handle().synced(), writer.position().offset);
    assert_eq!(
        fs::read(dir.path().join("journal.jsonl")).unwrap(),
        journal_of(&records)
    );
    let mut reader = Reader::open(dir.path()).unwrap();
    assert_eq!(fold(setup, &mut reader).unwrap(), play.state);
    assert_eq!(reader.end().tail, Tail::Clean);
    assert_eq!(reader.end().at, writer.position());
    assert!(
        JournalWriter::create(dir.path(), &header()).is_err(),
        "never overwritten"
    );
}

#[test]
fn every_truncation_leaves_a_prefix_that_folds() {
    let setup = setup(40);
    let (records, _) = Play::new(setup.clone()).all();
    let bytes = journal_of(&records);
    let head = journal_of(&[]).len();
    let dir = tempfile::tempdir().unwrap();
    let mut torn = 0;
    for i in 0..500 {
        let len = (i * 7919 + i * i) % bytes.len();
        put(dir.path(), &bytes[..len]);
        let mut reader = match Reader::open(dir.path()) {
            Ok(reader) => reader,
            Err(error) => {
                assert!(len < head, "{error}");
                continue;
            }
        };
        let state = fold(setup.clone(), &mut reader).unwrap();
        let end = reader.into_end();
        let mut wanted = State::new(setup.clone());
        for record in &records[..usize::try_from(end.at.seq).unwrap()] {
            wanted.apply(record);
        }
        assert_eq!(state, wanted);
        let good = usize::try_from(end.at.offset).unwrap();
        assert_eq!(
            good,
            1 + bytes[..len].iter().rposition(|&b| b == b'\n').unwrap()
        );
        match &end.tail {
            Tail::Clean => assert_eq!(good, len),
            Tail::Torn { bytes } => {
                torn += 1;
                assert_eq!(good as u64 + bytes, len as u64);
            }
            Tail::Damaged(damage) => panic!("{damage}"),
        }
        // The tail is cut when it is opened, and the run goes on.
        let next = &records[usize::try_from(end.at.seq).unwrap()..][..1];
        let mut writer = JournalWriter::open_for_append(dir.path(), &end).unwrap();
        writer.append(next).unwrap();
        let (back, end) = read_all(&fs::read(dir.path().join("journal.jsonl")).unwrap()).unwrap();
        assert_eq!(
            (back.len(), end.tail),
            (wanted.seq as usize + 1, Tail::Clean)
        );
    }
    assert!(torn > 400);
}

#[test]
fn every_flipped_bit_stops_at_its_record() {
    let (records, _) = Play::new(setup(40)).all();
    let bytes = journal_of(&records);
    let mut starts = vec![0];
    starts.extend(
        bytes
            .iter()
            .enumerate()
            .filter(|(_, b)| **b == b'\n')
            .map(|(i, _)| i + 1),
    );
    for i in 0..2000_usize {
        let at = (i * 104_729 + i * i * 31) % bytes.len();
        let mut bad = bytes.clone();
        bad[at] ^= 1 << (i % 8);
        let line = starts.partition_point(|&start| start <= at);
        let read = read_all(&bad);
        if line == 1 {
            assert!(read.is_err());
            continue;
        }
        let (back, end) = read.unwrap();
        assert_eq!(back, records[..line - 2], "byte {at}");
        match end.tail {
            Tail::Damaged(damage) => {
                assert_eq!(damage.line, line as u64);
                assert_eq!(damage.offset, starts[line - 1] as u64);
            }
            // Only where nothing valid follows.
            Tail::Torn { .. } => assert_eq!(line, records.len() + 1),
            Tail::Clean => panic!("byte {at} was not seen"),
        }
    }
}

#[test]
fn damage_in_the_middle_is_set_aside_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let (records, _) = Play::new(setup(200)).all();
    let whole = journal_of(&records);
    let mut bytes = whole.clone();
    // A page of zeros, as a disk or a file system leaves it.
    let from = (bytes.len() / 2) & !4095;
    bytes[from..from + 4096].fill(0);
    put(dir.path(), &bytes);
    let mut reader = Reader::open(dir.path()).unwrap();
    while reader.next().unwrap().is_some() {}
    let mut end = reader.into_end();
    let Tail::Damaged(damage) = end.tail.clone() else {
        panic!("{:?}", end.tail)
    };
    assert_eq!(damage.offset, end.at.offset);
    assert_eq!(damage.line, end.at.seq + 2);
    assert!(matches!(
        JournalWriter::open_for_append(dir.path(), &end),
        Err(WriteError::Damaged(_))
    ));
    let bad = set_aside(dir.path(), &mut end).unwrap();
    assert_eq!(bad.file_name().unwrap(), "journal.jsonl.bad-1");
    let cut = usize::try_from(end.at.offset).unwrap();
    assert_eq!(fs::read(&bad).unwrap(), bytes[cut..]);
    assert_eq!(
        fs::read(dir.path().join("journal.jsonl")).unwrap(),
        whole[..cut]
    );
    assert_eq!(reader::aside(dir.path()), [bad]);
    let mut writer = JournalWriter::open_for_append(dir.path(), &end).unwrap();
    writer
        .append(&records[usize::try_from(end.at.seq).unwrap()..])
        .unwrap();
    assert_eq!(fs::read(dir.path().join("journal.jsonl")).unwrap(), whole);
    // The list says so from then on.
    let info = RunDir::at(dir.path()).info();
    assert!(info.problem.unwrap().contains("journal.jsonl.bad-1"));
}

#[test]
fn a_gap_in_the_numbers_is_damage() {
    let (mut records, _) = Play::new(setup(5)).all();
    records.remove(7);
    let (back, end) = read_all(&journal_of(&records)).unwrap();
    assert_eq!(back, records[..7]);
    let Tail::Damaged(damage) = end.tail else {
        panic!("{:?}", end.tail)
    };
    assert_eq!(damage.reason, "record 9 stands where 8 belongs");
    // Also as the last line: it was written so.
    let (_, end) = read_all(&journal_of(&[records[0].clone(), records[2].clone()])).unwrap();
    assert!(matches!(end.tail, Tail::Damaged(_)));
}

/// What a failing sink does next.
#[derive(Clone, Copy)]
enum Fault {
    Error(i32),
    Short(usize),
    Truncate,
}

#[derive(Clone, Default)]
struct Fake {
    bytes: Arc<Mutex<Vec<u8>>>,
    faults: Arc<Mutex<Vec<Fault>>>,
    writes: Arc<Mutex<u32>>,
}

impl Sink for Fake {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        *self.writes.lock().unwrap() += 1;
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            match faults.last() {
                Some(Fault::Truncate) | None => None,
                Some(_) => faults.pop(),
            }
        };
        let n = match fault {
            Some(Fault::Error(code)) => return Err(std::io::Error::from_raw_os_error(code)),
            Some(Fault::Short(n)) => n,
            _ => bytes.len(),
        };
        self.bytes.lock().unwrap().extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn truncate(&mut self, len: u64) -> std::io::Result<()> {
        let mut faults = self.faults.lock().unwrap();
        if matches!(faults.last(), Some(Fault::Truncate)) {
            faults.pop();
            return Err(std::io::Error::from_raw_os_error(5));
        }
        self.bytes
            .lock()
            .unwrap()
            .truncate(usize::try_from(len).unwrap());
        Ok(())
    }
}

#[test]
fn a_write_that_fails_leaves_nothing_behind_and_may_be_repeated() {
    let (records, _) = Play::new(setup(30)).all();
    let fake = Fake::default();
    let mut writer = JournalWriter::with_sink(Box::new(fake.clone()), &header()).unwrap();
    let mut good = 0;
    for (i, batch) in records.chunks(5).enumerate() {
        let fault = match i % 5 {
            0 => vec![Fault::Error(28)],
            1 => vec![Fault::Short(343)],
            2 => vec![Fault::Error(27), Fault::Short(0)],
            3 => vec![Fault::Truncate, Fault::Short(100)],
            _ => Vec::new(),
        };
        let broken = fault.len();
        *fake.faults.lock().unwrap() = fault;
        let mut failed = 0;
        while let Err(error) = writer.append(batch) {
            failed += 1;
            let cut = matches!(error, WriteError::Cut(_));
            let bytes = fake.bytes.lock().unwrap().clone();
            if cut {
                assert!(bytes.len() > journal_of(&records[..good]).len());
            } else {
                assert_eq!(bytes, journal_of(&records[..good]), "{error}");
            }
            assert_eq!(writer.position().seq, good as u64);
        }
        assert_eq!(failed > 0, broken > 0);
        good += batch.len();
        assert_eq!(*fake.bytes.lock().unwrap(), journal_of(&records[..good]));
    }
    // One write for a batch, whatever its size.
    let before = *fake.writes.lock().unwrap();
    let last = writer.position().seq;
    assert!(matches!(
        writer.append(&records[..1]),
        Err(WriteError::Sequence { found: 1, .. })
    ));
    assert_eq!(
        (*fake.writes.lock().unwrap(), writer.position().seq),
        (before, last)
    );
    let mut writer = JournalWriter::with_sink(
        Box::new(Fake {
            writes: fake.writes.clone(),
            ..Fake::default()
        }),
        &header(),
    )
    .unwrap();
    writer.append(&records).unwrap();
    assert_eq!(*fake.writes.lock().unwrap(), before + 2);
}

/// A real full disk: `WAVEDECK_TEST_TMPFS` names an empty tmpfs of a few hundred KiB.
#[test]
fn a_full_disk_leaves_whole_records() {
    let Some(dir) = std::env::var_os("WAVEDECK_TEST_TMPFS").map(PathBuf::from) else {
        return;
    };
    let (records, _) = Play::new(setup(2000)).all();
    let mut writer = JournalWriter::create(&dir, &header()).unwrap();
    let mut batches = records.chunks(5);
    let (failed, error) = loop {
        let batch = batches.next().expect("the disk is small");
        if let Err(error) = writer.append(batch) {
            break (batch, error);
        }
    };
    assert!(
        matches!(error, WriteError::Io(_) | WriteError::Short { .. }),
        "{error}"
    );
    let (back, end) = read_all(&fs::read(dir.join("journal.jsonl")).unwrap()).unwrap();
    assert_eq!(
        (back.len() as u64, end.tail),
        (writer.position().seq, Tail::Clean)
    );
    assert!(writer.append(failed).is_err(), "still full");
    let _ = fs::remove_file(dir.join("filler"));
    fs::remove_file(dir.join("index")).unwrap();
}

#[test]
fn a_journal_of_a_newer_format_is_read_and_never_written() {
    let dir = tempfile::tempdir().unwrap();
    let (records, _) = Play::new(setup(3)).all();
    let mut newer = header();
    newer.version = "1.7".to_owned();
    let mut bytes = Vec::new();
    newer.encode(&mut bytes).unwrap();
    for record in &records {
        format::encode(record, &mut bytes).unwrap();
    }
    put(dir.path(), &bytes);
    let mut reader = Reader::open(dir.path()).unwrap();
    fold(setup(3), &mut reader).unwrap();
    let end = reader.into_end();
    assert_eq!(end.at.seq, records.len() as u64);
    let Err(error) = JournalWriter::open_for_append(dir.path(), &end) else {
        panic!("written")
    };
    assert!(error.to_string().contains("newer wavedeck (format 1.7)"));
    assert_eq!(fs::read(dir.path().join("journal.jsonl")).unwrap(), bytes);
}

#[test]
fn following_gives_each_line_once_and_never_half_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let (records, _) = Play::new(setup(400)).all();
    let bytes = journal_of(&records);
    let mut follower = Follower::new(dir.path());
    let mut got = Vec::new();
    let mut raw = Vec::new();
    assert_eq!(follower.poll(|_| ()).unwrap(), 0, "not there yet");
    let file = fs::File::create(dir.path().join("journal.jsonl")).unwrap();
    let mut written = 0;
    let mut step = 1;
    while written < bytes.len() {
        let end = (written + step).min(bytes.len());
        file.write_all_at(&bytes[written..end], written as u64)
            .unwrap();
        written = end;
        step = step * 3 % 100_003 + 1;
        follower
            .poll(|found| {
                raw.extend_from_slice(found.raw);
                raw.push(b'\n');
                match &found.line {
                    Line::Record(record) => {
                        assert_eq!(found.bare(), serde_json::to_vec(record).unwrap());
                        got.push(record.clone());
                    }
                    Line::Unknown { .. } => panic!(),
                }
            })
            .unwrap();
    }
    assert_eq!(got, records);
    assert_eq!(raw, bytes[journal_of(&[]).len()..]);
    assert_eq!(follower.seq(), records.len() as u64);
    // What a writer takes back and writes again is given once.
    file.set_len(bytes.len() as u64 - 100).unwrap();
    assert_eq!(follower.poll(|_| ()).unwrap(), 0);
    put(dir.path(), &bytes);
    assert_eq!(follower.poll(|_| ()).unwrap(), 0);
    let mut more = bytes.clone();
    more.extend_from_slice(b"{\"seq\":1}\n");
    put(dir.path(), &more);
    assert!(follower.poll(|_| ()).is_err());
}

/// Writes a run with snapshots in a folder; returns its records.
fn run_with_snapshots(dir: &Path, setup: &Arc<Setup>) -> Vec<Record> {
    let mut play = Play::new(setup.clone());
    let mut writer = JournalWriter::create(dir, &header()).unwrap();
    let mut snapshotter = Snapshotter::new(dir, writer.position());
    let mut records = Vec::new();
    while let Some(turn) = play.next() {
        writer.append(&turn.records).unwrap();
        if snapshotter.offer(&play.state, writer.position()) {
            while snapshotter.busy() {
                std::thread::sleep(Time::from_millis(1));
            }
        }
        records.extend(turn.records);
    }
    assert_eq!(snapshotter.failed(), 0);
    records
}

#[test]
fn a_seek_gives_the_folded_state_with_or_without_snapshots_and_index() {
    let dir = tempfile::tempdir().unwrap();
    let setup = checked_setup(1200);
    let records = run_with_snapshots(dir.path(), &setup);
    let taken = snapshot::list(dir.path());
    assert!(taken.len() >= 2, "{}", records.len());
    // What holds a process is kept in another form than the rest.
    let has = |holds: fn(&wavedeck::engine::AgentState) -> bool| {
        taken.iter().any(|stored| {
            let (state, _) = snapshot::load(&stored.path, "20261120-100000-7f3a", &setup).unwrap();
            state.agents.iter().any(holds)
        })
    };
    assert!(has(|agent| agent.live.is_some()));
    assert!(has(|agent| agent.check.is_some()));
    let mut states = vec![State::new(setup.clone())];
    for record in &records {
        let mut state = states.last().unwrap().clone();
        state.apply(record);
        states.push(state);
        if states.len() > 1 && !record.seq.is_multiple_of(97) {
            let last = states.pop().unwrap();
            *states.last_mut().unwrap() = last;
        }
    }
    let check = |seeker: &mut Seeker| {
        for state in &states {
            assert_eq!(&seeker.seek(To::Seq(state.seq)).unwrap(), state);
        }
        let middle = &records[records.len() / 2];
        let at = seeker.seek(To::Elapsed(middle.elapsed_us)).unwrap();
        let wanted = records.partition_point(|r| r.elapsed_us <= middle.elapsed_us);
        assert_eq!(at.seq, wanted as u64);
        let mut on = at.clone();
        seeker.forward(&mut on, To::Seq(at.seq + 10)).unwrap();
        assert_eq!(on, seeker.seek(To::Seq(at.seq + 10)).unwrap());
        let before = seeker.seek(To::Elapsed(middle.elapsed_us - 1)).unwrap();
        assert!(before.seq < at.seq);
        let lines = seeker.records(1000, 5).unwrap();
        assert_eq!(
            lines.iter().map(Line::seq).collect::<Vec<_>>(),
            [1000, 1001, 1002, 1003, 1004]
        );
        assert_eq!(seeker.last().unwrap().unwrap().seq(), records.len() as u64);
        assert_eq!(seeker.seek(To::Seq(u64::MAX)).unwrap().finished, Some(0));
    };
    check(&mut Seeker::open(dir.path(), setup.clone()).unwrap());
    // A damaged snapshot, one of another journal, a wrong index: slower, never wrong.
    let stored = snapshot::list(dir.path());
    let path = &stored[0].path;
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
    assert!(snapshot::load(path, "20261120-100000-7f3a", &setup).is_none());
    assert!(snapshot::load(&stored[1].path, "another", &setup).is_none());
    fs::write(dir.path().join("index"), "1 7 0\n257 99 0\nnonsense").unwrap();
    check(&mut Seeker::open(dir.path(), setup.clone()).unwrap());
    fs::remove_dir_all(dir.path().join("snapshots")).unwrap();
    fs::remove_file(dir.path().join("index")).unwrap();
    let mut seeker = Seeker::open(dir.path(), setup.clone()).unwrap();
    assert_eq!(&seeker.seek(To::Seq(states[5].seq)).unwrap(), &states[5]);
}

#[test]
fn snapshots_and_index_behind_a_cut_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let setup = setup(600);
    let records = run_with_snapshots(dir.path(), &setup);
    let keep = 900;
    put(dir.path(), &journal_of(&records[..keep]));
    let mut reader = Reader::open(dir.path()).unwrap();
    fold(setup.clone(), &mut reader).unwrap();
    assert!(!snapshot::list(dir.path()).is_empty());
    let mut writer = JournalWriter::open_for_append(dir.path(), reader.end()).unwrap();
    assert!(snapshot::list(dir.path()).is_empty());
    let entries = wavedeck::journal::index::read(dir.path());
    assert_eq!(
        entries.iter().map(|e| e.seq).collect::<Vec<_>>(),
        [1, 257, 513, 769]
    );
    writer.append(&records[keep..]).unwrap();
    let entries = wavedeck::journal::index::read(dir.path());
    assert_eq!(entries.len(), records.len().div_ceil(256));
}

/// Generated once by the ignored test below; must stay readable for ever.
#[test]
fn journals_of_version_1_stay_readable() {
    let bytes =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals/v1.jsonl")).unwrap();
    let (records, end) = read_all(&bytes).unwrap();
    assert_eq!(end.tail, Tail::Clean);
    assert_eq!(end.header.program, "0.1.0");
    let mut state = State::new(setup(12));
    for record in &records {
        state.apply(record);
    }
    assert_eq!(state.finished, Some(0));
    assert_eq!(state.run, "20261120-100000-7f3a");
    assert!(state.retries > 0);
    assert!(
        records
            .iter()
            .any(|r| matches!(&r.event, Event::OperatorAction { .. }))
    );
}

#[test]
#[ignore = "writes the fixture"]
fn make_the_fixture() {
    let mut play = Play::new(setup(12));
    let mut records = play.begin().records;
    records.extend(
        play.input(InputKind::Operator {
            by: "ctl".into(),
            action: Action::Pause {
                target: Target::Agent("agent-3".into()),
            },
        })
        .records,
    );
    records.extend(
        play.input(InputKind::Operator {
            by: "ctl".into(),
            action: Action::Resume {
                target: Target::All,
            },
        })
        .records,
    );
    while let Some(turn) = play.next() {
        records.extend(turn.records);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals/v1.jsonl");
    assert!(!path.exists(), "it is never made again");
    fs::write(path, journal_of(&records)).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever bytes come: no panic, and only whole, numbered records.
    #[test]
    fn any_bytes_are_survived(noise in proptest::collection::vec(any::<u8>(), 0..400), at in any::<prop::sample::Index>()) {
        let (records, _) = Play::new(setup(6)).all();
        let mut bytes = journal_of(&records);
        let at = at.index(bytes.len());
        let end = (at + noise.len()).min(bytes.len());
        bytes.splice(at..end, noise);
        if let Ok((back, _)) = read_all(&bytes) {
            prop_assert_eq!(&back[..], &records[..back.len()]);
        }
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), &bytes);
        let info = RunDir::at(dir.path()).info();
        prop_assert!(info.events <= records.len() as u64);
    }
}

/// `cargo test --release --test main -- --ignored --nocapture journal::speed`
#[test]
#[ignore = "measures"]
fn speed() {
    speed_of(100);
    speed_of(10_000);
}

/// The five records of an attempt that fails and is tried again.
fn cycle(state: &State, agent: usize, attempt: u32) -> Vec<Record> {
    let id = || AgentId::from(format!("agent-{agent}").as_str());
    let events = [
        Event::AgentReady { agent: id() },
        Event::AgentScheduled {
            agent: id(),
            attempt,
            mode: 0,
            worker: None,
            ram_bytes: 1 << 20,
            pressure_permille: 431,
            running: 8,
        },
        Event::AgentStarted {
            agent: id(),
            attempt,
            handle: Handle::Local {
                pid: 4711,
                start_ticks: 123_456,
            },
        },
        Event::AttemptEnded {
            agent: id(),
            attempt,
            exit: Exit::Code(1),
            cpu_us: 1234,
            peak_bytes: 5 << 20,
            output_bytes: 99,
            leaked: 0,
            present: Vec::new(),
            handoff: false,
        },
        Event::AgentRetrying {
            agent: id(),
            attempt,
            cause: wavedeck::engine::Cause::Failure,
            delay_us: 1000,
            reason: "exit status 1".into(),
        },
    ];
    let numbers = state.seq + 1..;
    numbers
        .zip(events)
        .map(|(seq, event)| Record {
            seq,
            at_ms: 1_795_000_000_000 + i64::try_from(seq).unwrap(),
            elapsed_us: seq * 137,
            priority: event.level(),
            source: "engine".into(),
            affected: Vec::new(),
            event,
        })
        .collect()
}

/// A million records of failing attempts.
fn speed_of(agents: usize) {
    let dir = tempfile::tempdir().unwrap();
    let setup = setup(agents);
    let mut writer = JournalWriter::create(dir.path(), &header()).unwrap();
    let mut snapshotter = Snapshotter::new(dir.path(), writer.position());
    let mut append = Time::ZERO;
    let mut offer = Time::ZERO;
    let mut play = Play::new(setup.clone());
    let mut state = State::new(setup.clone());
    let mut next = play.begin().records;
    let mut batches = 0_u32;
    while state.seq < 1_000_000 {
        for record in &next {
            state.apply(record);
        }
        let from = Instant::now();
        writer.append(&next).unwrap();
        append += from.elapsed();
        let from = Instant::now();
        snapshotter.offer(&state, writer.position());
        offer += from.elapsed();
        next = cycle(
            &state,
            batches as usize % agents,
            batches / agents as u32 + 1,
        );
        batches += 1;
    }
    let seq = writer.position().seq;
    println!(
        "{agents} agents: {seq} records, {batches} batches of {:.1}, {} bytes each",
        seq as f64 / f64::from(batches),
        writer.position().offset / seq
    );
    println!(
        "  append {:.2} µs a batch; offer {:.3} µs a batch",
        append.as_secs_f64() * 1e6 / f64::from(batches),
        offer.as_secs_f64() * 1e6 / f64::from(batches)
    );
    let stored = snapshot::list(dir.path());
    let sizes: Vec<u64> = stored
        .iter()
        .map(|s| fs::metadata(&s.path).unwrap().len())
        .collect();
    println!(
        "  {} snapshots, last {} bytes",
        stored.len(),
        sizes.last().unwrap_or(&0)
    );
    let from = Instant::now();
    let mut reader = Reader::open(dir.path()).unwrap();
    fold(setup.clone(), &mut reader).unwrap();
    println!("  fold of all {:.2} s", from.elapsed().as_secs_f64());
    let from = Instant::now();
    let mut reader = Reader::open(dir.path()).unwrap();
    while reader.next().unwrap().is_some() {}
    println!("  read of all {:.2} s", from.elapsed().as_secs_f64());
    let from = Instant::now();
    let mut seeker = Seeker::open(dir.path(), setup).unwrap();
    println!("  open {:.2} ms", from.elapsed().as_secs_f64() * 1e3);
    let cpu = || {
        let at = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        at.tv_sec as f64 * 1e3 + at.tv_nsec as f64 / 1e6
    };
    let mut times: Vec<(f64, f64)> = (1..=200_u64)
        .map(|i| {
            let to = i * 7_919_777 % seq;
            let (from, used) = (Instant::now(), cpu());
            std::hint::black_box(seeker.seek(To::Seq(to)).unwrap());
            (from.elapsed().as_secs_f64() * 1e3, cpu() - used)
        })
        .collect();
    for name in ["wall", "CPU"] {
        times.sort_by(|a, b| a.0.total_cmp(&b.0));
        println!(
            "  seek, {name}: p50 {:.2} p95 {:.2} max {:.2} ms",
            times[100].0, times[190].0, times[199].0
        );
        for time in &mut times {
            time.0 = time.1;
        }
    }
    let from = Instant::now();
    let info = RunDir::at(dir.path()).info();
    println!(
        "  info {:.2} ms, {} events",
        from.elapsed().as_secs_f64() * 1e3,
        info.events
    );
}

/// Batches of exactly five small records.
#[test]
#[ignore = "measures"]
fn speed_of_a_batch() {
    let (records, _) = Play::new(setup(2000)).all();
    let mut best = f64::MAX;
    for _ in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = JournalWriter::create(dir.path(), &header()).unwrap();
        let from = Instant::now();
        for batch in records.chunks(5) {
            writer.append(batch).unwrap();
        }
        best = best.min(from.elapsed().as_secs_f64() * 1e6 / records.len().div_ceil(5) as f64);
    }
    println!("append of 5 records: {best:.2} µs");
}

fn store() -> (tempfile::TempDir, Store) {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), None).unwrap();
    (root, store)
}

const NOW: i64 = 1_795_168_800_000; // 2026-11-20T10:00:00Z

#[test]
fn the_store_is_private_and_ignores_itself() {
    use std::os::unix::fs::PermissionsExt;
    let (root, store) = store();
    let base = root.path().join(".wavedeck");
    assert_eq!(fs::read_to_string(base.join(".gitignore")).unwrap(), "*\n");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&base), 0o700);
    fs::set_permissions(&base, fs::Permissions::from_mode(0o755)).unwrap();
    Store::open(root.path(), None).unwrap();
    assert_eq!(mode(&base), 0o700);
    let (run, _lock) = store.create_run(NOW, 0x7f3a, b"plan", b"config").unwrap();
    assert_eq!(run.id, "20261120-100000-7f3a");
    assert_eq!(fs::read(run.plan()).unwrap(), b"plan");
    assert_eq!(fs::read(run.config()).unwrap(), b"config");
    for path in [
        run.path.clone(),
        run.path.join("output"),
        run.path.join("snapshots"),
    ] {
        assert_eq!(mode(&path), 0o700);
    }
    assert_eq!(mode(&run.plan()), 0o600);
    // The same second and digits again.
    let (other, _lock) = store.create_run(NOW, 0x1234_7f3a, b"", b"").unwrap();
    assert_eq!(other.id, "20261120-100000-1234");
    // Elsewhere by WAVEDECK_HOME.
    let home = root.path().join("deep/home");
    Store::open(root.path(), Some(&home)).unwrap();
    assert!(home.join("runs").is_dir());
    assert!(Store::find(&root.path().join("nowhere"), None).is_none());
}

#[test]
fn a_link_in_the_place_of_the_store_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("target");
    fs::create_dir(&target).unwrap();
    std::os::unix::fs::symlink(&target, root.path().join(".wavedeck")).unwrap();
    assert!(matches!(
        Store::open(root.path(), None),
        Err(StoreError::Unsafe { .. })
    ));
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
}

#[test]
fn one_run_has_one_holder_and_no_child_inherits_it() {
    let (_root, store) = store();
    let (run, lock) = store.create_run(NOW, 1, b"", b"").unwrap();
    assert!(run.is_live());
    assert!(matches!(run.lock(), Err(LockError::Held)));
    let flags = rustix::io::fcntl_getfd(lock.file()).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    let mut child = std::process::Command::new("sleep")
        .arg("30")
        .spawn()
        .unwrap();
    drop(lock);
    // A child that another test has just forked holds a copy until it has replaced itself; this
    // one lives on.
    let until = Instant::now() + Time::from_secs(10);
    while run.is_live() {
        assert!(Instant::now() < until, "the child holds it");
        std::thread::sleep(Time::from_millis(1));
    }
    let again = run.lock().unwrap();
    assert!(run.is_live());
    drop(again);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Makes a run that began some days ago and writes its journal up to a record.
fn past(store: &Store, days: i64, random: u64, records: &[Record]) -> RunDir {
    let (run, lock) = store
        .create_run(NOW - days * 86_400_000, random, b"", b"")
        .unwrap();
    let mut writer = JournalWriter::create(&run.path, &header()).unwrap();
    writer.append(records).unwrap();
    drop(lock);
    run
}

#[test]
fn runs_are_listed_found_and_pruned() {
    let (_root, store) = store();
    let (records, _) = Play::new(setup(20)).all();
    assert!(store.latest().unwrap().is_none());
    assert!(matches!(store.pick(None), Err(StoreError::NoRuns)));
    let old = past(&store, 40, 0xab01, &records);
    let broken = past(&store, 3, 0xab02, &records[..30]);
    let done = past(&store, 2, 0xcd03, &records);
    let (live, lock) = store
        .create_run(NOW - 50 * 86_400_000, 0xef04, b"", b"")
        .unwrap();
    let mut writer = JournalWriter::create(&live.path, &header()).unwrap();
    writer.append(&records[..9]).unwrap();

    let list = store.list().unwrap();
    let ids: Vec<&str> = list.iter().map(|info| info.id.as_str()).collect();
    assert_eq!(ids, [&*done.id, &*broken.id, &*old.id, &*live.id]);
    let phases: Vec<Phase> = list.iter().map(|info| info.phase).collect();
    let finished = Phase::Finished { status: 0 };
    assert_eq!(
        phases,
        [finished, Phase::Interrupted, finished, Phase::Running]
    );
    assert_eq!(list[0].agents, Some(20));
    assert_eq!(list[0].events, records.len() as u64);
    assert_eq!(list[0].elapsed_us, records.last().unwrap().elapsed_us);
    assert!(list[0].summary.is_some());
    assert_eq!(list[1].events, 30);
    assert_eq!(store.live().unwrap(), std::slice::from_ref(&live));
    assert_eq!(store.pick(None).unwrap(), live);

    assert_eq!(store.resolve("cd").unwrap(), done);
    assert_eq!(store.resolve("ab02").unwrap(), broken);
    assert_eq!(store.resolve(&old.id).unwrap(), old);
    assert_eq!(store.resolve(&live.id[..8]).unwrap(), live);
    for name in ["ab", "2026"] {
        assert!(matches!(
            store.resolve(name),
            Err(StoreError::Ambiguous { .. })
        ));
    }
    for name in ["zz", "", "..", "/"] {
        assert!(
            matches!(store.resolve(name), Err(StoreError::NoSuchRun(_))),
            "{name}"
        );
    }

    let text = render_runs(&list, NOW, 100, false);
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains("\\u{1b}[31m"), "{text}");
    assert!(
        text.contains("46 h ago") && text.contains("interrupted"),
        "{text}"
    );
    assert!(text.lines().all(|line| line.chars().count() <= 100));
    let colour = render_runs(&list, NOW, 100, true);
    assert!(colour.contains("\u{1b}[32msucceeded\u{1b}[0m"));
    for columns in 0..60 {
        let narrow = render_runs(&list, NOW, columns, false);
        assert!(narrow.lines().all(|line| line.chars().count() <= columns));
    }
    let json = runs_json(&list);
    assert_eq!(json["runs"][0]["state"], "finished");
    assert_eq!(json["runs"][0]["status"], 0);
    assert_eq!(json["runs"][3]["state"], "running");
    let mut reader = Reader::open(&done.path).unwrap();
    let state = fold(setup(20), &mut reader).unwrap();
    let show = render_show(&list[0], &state);
    assert!(
        show.contains("20 succeeded") && !show.contains('\u{1b}'),
        "{show}"
    );
    assert_eq!(show_json(&list[0], &state)["counts"]["succeeded"], 20);

    let dry = store.prune(None, Some(30), NOW, true).unwrap();
    assert_eq!(dry.removed, std::slice::from_ref(&old.id));
    assert!(dry.bytes > 0 && old.path.exists());
    let pruned = store.prune(Some(1), Some(30), NOW, false).unwrap();
    assert_eq!(pruned.removed, [old.id]);
    assert!(broken.path.exists(), "it can go on");
    assert_eq!(pruned.kept, [(live.id.clone(), "it is live".to_owned())]);
    assert!(live.path.exists() && done.path.exists() && !old.path.exists());
    drop(lock);
}

#[test]
fn readings_survive_half_a_line() {
    use wavedeck::{
        journal::{SampleWriter, read_samples},
        resources::Sample,
    };
    let dir = tempfile::tempdir().unwrap();
    let sample = |at_ms: i64| Sample {
        at_ms,
        elapsed_us: at_ms.cast_unsigned(),
        ..Sample::default()
    };
    let mut writer = SampleWriter::open(dir.path());
    writer.append(&sample(1));
    writer.append(&sample(2));
    let path = dir.path().join("samples.jsonl");
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 9);
    fs::write(&path, bytes).unwrap();
    let mut writer = SampleWriter::open(dir.path());
    writer.append(&sample(3));
    assert_eq!(writer.lost(), 0);
    let (samples, bad) = read_samples(dir.path()).unwrap();
    assert_eq!(
        (samples.iter().map(|s| s.at_ms).collect::<Vec<_>>(), bad),
        (vec![1, 3], 1)
    );
    let mut nowhere = SampleWriter::open(&dir.path().join("none"));
    nowhere.append(&sample(4));
    assert_eq!(nowhere.lost(), 1);
}

#[test]
fn of_times_that_were_lived_twice_only_the_second_life_is_read() {
    use wavedeck::{
        journal::{SampleWriter, read_samples},
        resources::Sample,
    };
    let dir = tempfile::tempdir().unwrap();
    let mut writer = SampleWriter::open(dir.path());
    // The runner was killed after 4; its last record, from which it goes on, was at 2.
    for (at_ms, elapsed_us) in [(1, 1), (2, 2), (3, 3), (4, 4), (10, 3), (11, 5)] {
        writer.append(&Sample {
            at_ms,
            elapsed_us,
            ..Sample::default()
        });
    }
    let (samples, bad) = read_samples(dir.path()).unwrap();
    let read: Vec<_> = samples.iter().map(|s| (s.at_ms, s.elapsed_us)).collect();
    assert_eq!((read, bad), (vec![(1, 1), (2, 2), (10, 3), (11, 5)], 0));
}

#[test]
fn readings_stay_within_their_bound_and_reach_back_to_the_beginning() {
    use wavedeck::{
        journal::{SampleWriter, read_samples},
        resources::Sample,
    };
    const MOST: u64 = 64 << 10;
    let dir = tempfile::tempdir().unwrap();
    let mut writer = SampleWriter::bounded(dir.path(), MOST);
    let mut largest = 0;
    for at in 0..5_000 {
        let sample = Sample {
            elapsed_us: at,
            ..Sample::default()
        };
        writer.append(&sample);
        largest = largest.max(
            fs::metadata(dir.path().join("samples.jsonl"))
                .unwrap()
                .len(),
        );
    }
    assert!(largest <= MOST, "{largest}");
    let (samples, bad) = read_samples(dir.path()).unwrap();
    assert_eq!((bad, writer.lost()), (0, 0));
    let at: Vec<u64> = samples.iter().map(|s| s.elapsed_us).collect();
    assert!(at.windows(2).all(|w| w[0] < w[1]), "in their order");
    assert!(at[0] < 1_000 && at.last() == Some(&4_999), "{at:?}");
    // The newest are all there, the oldest far apart.
    assert!(at[at.len() - 50..].windows(2).all(|w| w[1] == w[0] + 1));
    assert!(at[1] > at[0] + 8, "{at:?}");
}

/// Neither a folder without a journal nor a run dated into the future is what a command means that
/// names no run.
#[test]
fn the_latest_run_is_one_that_began() {
    let (_root, store) = store();
    let (records, _) = Play::new(setup(20)).all();
    let future = past(&store, -40_000, 0xaa01, &records);
    assert_eq!(store.latest().unwrap().unwrap(), future);
    let good = past(&store, 2, 0xaa02, &records);
    drop(store.create_run(NOW - 1000, 0xaa03, b"", b"").unwrap());
    assert_eq!(store.latest().unwrap().unwrap(), good);
}

/// A snapshot carries what was added; whoever reads it has the setup of the begin, or any later one.
#[test]
fn a_snapshot_has_the_agents_that_were_added() {
    use wavedeck::{
        engine::{Effective, Event, Extension, Level, Record, State, Thresholds, WorkEvent},
        journal::Position,
    };
    let read = |text: &str| {
        let options = wavedeck::plan::LoadOptions::default();
        wavedeck::plan::load(text, &options, &mut |_| unreachable!())
            .unwrap()
            .plan
    };
    let effective = Effective {
        ram_limit_bytes: 1 << 30,
        agents_cap: 2,
        cpus_milli: 1000,
        thresholds: Thresholds::default(),
        memory: wavedeck::engine::MemoryRules::default(),
        attended: false,
        hybrid_enabled: true,
        parallel_enabled: true,
    };
    let begun = "[[agent]]\nid = \"a\"\nrun = \"true\"\n[[agent]]\nid = \"b\"\nrun = \"true\"\n";
    let whole = format!(
        "{begun}[[agent]]\nid = \"c\"\nrun = [\"x\", \"é\"]\nneeds = [\"a\"]\nscope = [\"src/**\"]\n"
    );
    let setup = Arc::new(Setup::planned(read(begun), effective));
    let mut state = State::new(setup.clone());
    state.run = "r".to_owned();
    state.apply(&Record {
        seq: 1,
        at_ms: 0,
        elapsed_us: 5,
        priority: Level::Low,
        source: String::new(),
        affected: Vec::new(),
        event: Event::from(WorkEvent::Extended(Extension {
            first: 2,
            agents: read(&whole).agents.split_off(2),
            ..Extension::default()
        })),
    });
    assert_eq!(state.agents.len(), 3);
    let at = Position {
        seq: 1,
        offset: 9,
        elapsed_us: 5,
        crc: *b"00000000",
    };
    let bytes = snapshot::pack(state.clone(), at).unwrap();
    for setup in [&setup, &state.setup] {
        let (read, place) = snapshot::unpack(&bytes, "r", setup).unwrap();
        assert_eq!((read, place), (state.clone(), at));
    }
}
