//! The run on disk, from outside: runs made by `engine::turn`, written, damaged and read back.

use std::{
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
        Follower, Header, JournalWriter, Line, ReadEnd, ReadError, Reader, RunDir, Seeker, Sink,
        Snapshotter, Tail, To, WriteError, fold, format, reader, seek, set_aside, snapshot,
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
            uses: Default::default(),
            spends: Default::default(),
            tokens: 0,
        }],
        exclusive: false,
        timeout_us: None,
        retry: Retry {
            attempts: 2,
            base_us: 1000,
        },
        quiet_us: None,
        ram_max_bytes: None,
        check: Vec::new(),
        gates: Vec::new(),
        workspace: Workspace::Shared,
    }
}

/// Each agent but the first needs the one at half its place.
fn setup(agents: usize) -> Arc<Setup> {
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
        agents: (0..agents)
            .map(|i| {
                let need = [i / 2];
                agent(i, if i == 0 { &[] } else { &need })
            })
            .collect(),
        unbuilt: Vec::new(),
    };
    let effective = Effective {
        ram_limit_bytes: 1 << 40,
        agents_cap: 16,
        cpus_milli: 64_000,
        thresholds: Thresholds::default(),
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
    ends: std::collections::VecDeque<(JobKey, bool)>,
    count: u64,
}

impl Play {
    fn new(setup: Arc<Setup>) -> Self {
        Self {
            state: State::new(setup),
            now_us: 0,
            ends: Default::default(),
            count: 0,
        }
    }

    fn input(&mut self, kind: InputKind) -> Turn {
        self.now_us += 137;
        let input = Input {
            at_ms: 1_795_000_000_000 + i64::try_from(self.now_us / 1000).unwrap(),
            elapsed_us: self.now_us,
            figures: Figures::default(),
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
        let exit = if self.count % 7 == 0 && key.attempt == 1 {
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
