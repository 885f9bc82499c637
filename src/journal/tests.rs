//! Lines of random records of every kind: what is written is what serde writes, what is read is
//! what was written.

mod measure;
mod work;

use crate::{
    engine::{
        Action, AgentFreezeVerified, AgentPreempted, AgentProgress, Answer, AttentionAnswered,
        AttentionKind, AttentionRaised, Blocker, Cause, CheckPlace, Event, Exit, FailureKind,
        Figures, Handle, Health, Interruption, Level, Metrics, OnBase, ProcessTrouble, Purpose,
        Record, ResourceUsage, Severity, State, StoppedBy, Target, Trouble, Via, Words, Zone,
    },
    graph::random::Rng,
    plan::{AgentId, Mode},
};

use super::{
    decode::{fast, stamp},
    format::{self, FormatError, Header, Line, civil, decode, encode, hex, verify},
};

/// Position of each kind; does not compile when one is added and missing below.
fn kind(event: &Event) -> usize {
    match event {
        Event::RunStarted { .. } => 0,
        Event::RunResumed { .. } => 1,
        Event::RunStopped { .. } => 2,
        Event::RunDegraded { .. } => 3,
        Event::RunFinished { .. } => 4,
        Event::OperatorAction { .. } => 5,
        Event::ModeChanged { .. } => 6,
        Event::AgentReady { .. } => 7,
        Event::AgentSkipped { .. } => 8,
        Event::AgentScheduled { .. } => 9,
        Event::AgentStarted { .. } => 10,
        Event::AgentQuiet { .. } => 11,
        Event::AgentTimeout { .. } => 12,
        Event::AttemptEnded { .. } => 13,
        Event::AgentRetrying { .. } => 14,
        Event::AgentJoining { .. } => 15,
        Event::AgentChecking { .. } => 16,
        Event::AgentFrozen { .. } => 17,
        Event::AgentFreezeVerified { .. } => 18,
        Event::AgentThawed { .. } => 19,
        Event::AgentBlocked { .. } => 20,
        Event::AgentFailed { .. } => 21,
        Event::AgentStopped { .. } => 22,
        Event::AgentCompleted { .. } => 23,
        Event::CheckQueued { .. } => 24,
        Event::CheckScheduled { .. } => 25,
        Event::CheckStarted { .. } => 26,
        Event::CheckEnded { .. } => 27,
        Event::GatePassed { .. } => 28,
        Event::GateFailed { .. } => 29,
        Event::PhaseStarted { .. } => 30,
        Event::PhaseChecking { .. } => 31,
        Event::PhaseCompleted { .. } => 32,
        Event::PhaseFailed { .. } => 33,
        Event::WaveCompleted { .. } => 34,
        Event::CheckpointMade { .. } => 35,
        Event::ZoneChanged { .. } => 36,
        Event::PhaseReopened { .. } => 37,
        Event::CheckTimeout { .. } => 38,
        Event::CheckFrozen { .. } => 39,
        Event::CheckThawed { .. } => 40,
        Event::ProcessTrouble { .. } => 41,
        Event::AttentionRaised(_) => 42,
        Event::AttentionAnswered(_) => 43,
        Event::AgentProgress(_) => 44,
        Event::CohortChecking { .. } => 45,
        Event::CohortReopened { .. } => 46,
        Event::CohortCompleted { .. } => 47,
        Event::CohortFailed { .. } => 48,
        Event::AgentPreempted(_) => 49,
        Event::Work(_)
        | Event::Talk(_)
        | Event::Lease(_)
        | Event::Memory(_)
        | Event::Measure(_) => {
            unreachable!("left to serde, and tested on its own")
        }
    }
}

const KINDS: usize = 50;

fn pick<T: Clone>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.below(from.len() as u64) as usize].clone()
}

fn text(rng: &mut Rng) -> String {
    let pieces = [
        "api",
        "",
        " ",
        "\"",
        "\\",
        "\n",
        "\t",
        "\u{1b}[31m",
        "\u{0}",
        "ü",
        "日本",
        "🦀",
        "\u{202e}",
        "{\"seq\":1,",
        ",\"crc\":\"00000000\"}",
        "\u{2028}",
        "/",
        "<",
        "\u{7f}",
    ];
    (0..rng.below(5)).map(|_| pick(rng, &pieces)).collect()
}

fn id(rng: &mut Rng) -> AgentId {
    AgentId::from(text(rng).as_str())
}

fn ids(rng: &mut Rng) -> Vec<AgentId> {
    (0..rng.below(3)).map(|_| id(rng)).collect()
}

fn big(rng: &mut Rng) -> u64 {
    let shift = rng.below(64);
    rng.next() >> shift
}

fn small(rng: &mut Rng) -> u32 {
    (rng.next() >> (32 + rng.below(32))) as u32
}

fn flag(rng: &mut Rng) -> bool {
    rng.chance(50)
}

fn maybe<T>(rng: &mut Rng, make: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    flag(rng).then(|| make(rng))
}

fn mode(rng: &mut Rng) -> Mode {
    pick(rng, &[Mode::Sequential, Mode::Parallel, Mode::Hybrid])
}

fn zone(rng: &mut Rng) -> Zone {
    pick(rng, &[Zone::Green, Zone::Yellow, Zone::Orange, Zone::Red])
}

fn cause(rng: &mut Rng) -> Cause {
    pick(
        rng,
        &[
            Cause::Operator,
            Cause::KillSwitch,
            Cause::Failure,
            Cause::Swap,
            Cause::Interrupted,
            Cause::Room,
            Cause::Hold,
        ],
    )
}

fn figures(rng: &mut Rng) -> Figures {
    Figures {
        pressure_permille: small(rng),
        available_bytes: big(rng),
        total_bytes: big(rng),
        agents_bytes: big(rng),
        ..Figures::default()
    }
}

fn handle(rng: &mut Rng) -> Handle {
    if flag(rng) {
        Handle::Local {
            pid: small(rng).cast_signed(),
            start_ticks: big(rng),
        }
    } else {
        Handle::Virtual { number: big(rng) }
    }
}

fn exit(rng: &mut Rng) -> Exit {
    match rng.below(7) {
        0 => Exit::Code(small(rng).cast_signed()),
        1 => Exit::Signal {
            number: small(rng).cast_signed(),
            name: text(rng),
        },
        2 => Exit::SpawnError(text(rng)),
        3 => Exit::NoRoom(text(rng)),
        4 if flag(rng) => Exit::OutOfMemory,
        4 => Exit::Lost,
        5 => Exit::Refused(text(rng)),
        _ => Exit::Interrupted,
    }
}

fn progress(rng: &mut Rng) -> AgentProgress {
    let texts = |rng: &mut Rng| (0..rng.below(3)).map(|_| text(rng)).collect();
    let words = Words {
        status: maybe(rng, |rng| pick(rng, &[Health::OnTrack, Health::Blocked])),
        progress_percent: maybe(rng, |rng| rng.below(101) as u8),
        doing: maybe(rng, text),
        completed_today: texts(rng),
        planned_tomorrow: texts(rng),
        blockers: (0..rng.below(3))
            .map(|_| Blocker {
                blocker: text(rng),
                severity: pick(rng, &[Severity::Critical, Severity::Low]),
                resolution_plan: text(rng),
                by: String::new(),
            })
            .collect(),
        resource_usage: maybe(rng, |rng| ResourceUsage {
            ram_bytes: maybe(rng, big),
            model: maybe(rng, text),
            duration_s: maybe(rng, big),
        }),
    };
    let said = if flag(rng) { Ok(words) } else { Err(text(rng)) };
    let via = pick(rng, &[Via::Command, Via::File]);
    AgentProgress::new(id(rng), small(rng), via, said)
}

fn action(rng: &mut Rng) -> Action {
    let target = match rng.below(4) {
        0 => Target::Agent(text(rng)),
        1 => Target::Track(text(rng)),
        2 => Target::Phase(text(rng)),
        3 => Target::Wave(small(rng)),
        4 => Target::Run,
        _ => Target::All,
    };
    match rng.below(8) {
        0 => Action::Pause { target },
        1 => Action::Resume { target },
        2 => Action::Stop {
            target: maybe(rng, |_| target),
        },
        3 => Action::Retry { target },
        4 => Action::Mode { mode: mode(rng) },
        5 => Action::Sequential { now: flag(rng) },
        6 => Action::Swap {
            agent: text(rng),
            worker: maybe(rng, text),
        },
        _ => Action::Agents { cap: small(rng) },
    }
}

fn place(rng: &mut Rng) -> CheckPlace {
    CheckPlace {
        agent: maybe(rng, id),
        phase: maybe(rng, text),
        cohort: maybe(rng, text),
        attempt: small(rng),
        gate: text(rng),
        step: small(rng),
        round: if flag(rng) { 1 } else { small(rng) },
        purpose: pick(rng, &[Purpose::Judge, Purpose::Repeat, Purpose::Base]),
    }
}

fn metrics(rng: &mut Rng) -> Metrics {
    let setup = super::snapshot::no_setup();
    let mut value = serde_json::to_value(Metrics::of(&State::new(setup))).unwrap();
    value["execution_id"] = text(rng).into();
    value["total_duration_ms"] = big(rng).into();
    value["parallelism_ratio"] = (rng.below(100_000) as f64 / 1000.0).into();
    value["agent_execution_times"] = serde_json::json!({ text(rng): big(rng) });
    serde_json::from_value(value).unwrap()
}

fn event(rng: &mut Rng, kind: usize) -> Event {
    let rng = &mut *rng;
    match kind {
        0 => Event::RunStarted {
            run: text(rng),
            plan: text(rng),
            plan_hash: text(rng),
            wavedeck: text(rng),
            boot_id: text(rng),
            mode: mode(rng),
            base_commit: maybe(rng, text),
            agents: small(rng),
            wave_count: small(rng),
            agents_cap: small(rng),
            ram_limit_bytes: big(rng),
            figures: figures(rng),
        },
        1 => Event::RunResumed {
            boot_id: text(rng),
            wavedeck: text(rng),
            survivors: small(rng),
            interrupted: (0..rng.below(3))
                .map(|_| Interruption {
                    agent: id(rng),
                    attempt: small(rng),
                })
                .collect(),
        },
        2 => Event::RunStopped {
            by: match rng.below(3) {
                0 => StoppedBy::Operator,
                1 => StoppedBy::Signal(small(rng).cast_signed()),
                _ => StoppedBy::GuardLost,
            },
        },
        3 => Event::RunDegraded {
            error: maybe(rng, text),
        },
        4 => Event::RunFinished {
            status: rng.below(256) as u8,
            summary: text(rng),
            metrics: Box::new(metrics(rng)),
        },
        5 => Event::OperatorAction {
            by: text(rng),
            action: action(rng),
            agents: ids(rng),
            phases: (0..rng.below(3)).map(|_| text(rng)).collect(),
            cohorts: (0..rng.below(3)).map(|_| text(rng)).collect(),
        },
        6 => Event::ModeChanged {
            from: mode(rng),
            to: mode(rng),
            agents_cap: small(rng),
            cause: cause(rng),
        },
        7 => Event::AgentReady { agent: id(rng) },
        8 => Event::AgentSkipped {
            agent: id(rng),
            reason: text(rng),
            by_condition: flag(rng),
        },
        9 => Event::AgentScheduled {
            agent: id(rng),
            attempt: small(rng),
            mode: small(rng),
            worker: maybe(rng, text),
            ram_bytes: big(rng),
            pressure_permille: small(rng),
            running: small(rng),
        },
        10 => Event::AgentStarted {
            agent: id(rng),
            attempt: small(rng),
            handle: handle(rng),
        },
        44 => Event::AgentProgress(progress(rng)),
        45 => Event::CohortChecking {
            cohort: text(rng),
            attempt: small(rng),
        },
        46 => Event::CohortReopened { cohort: text(rng) },
        47 => Event::CohortCompleted { cohort: text(rng) },
        48 => Event::CohortFailed {
            cohort: text(rng),
            reason: text(rng),
        },
        49 => Event::AgentPreempted(AgentPreempted {
            agent: id(rng),
            attempt: small(rng),
            reason: text(rng),
        }),
        11 => Event::AgentQuiet {
            agent: id(rng),
            attempt: small(rng),
            quiet: flag(rng),
        },
        12 => Event::AgentTimeout {
            agent: id(rng),
            attempt: small(rng),
            limit_us: big(rng),
        },
        13 => Event::AttemptEnded {
            agent: id(rng),
            attempt: small(rng),
            exit: exit(rng),
            cpu_us: big(rng),
            peak_bytes: big(rng),
            output_bytes: big(rng),
            leaked: if flag(rng) { 0 } else { small(rng) },
            present: (0..rng.below(3)).map(|_| text(rng)).collect(),
            handoff: flag(rng),
        },
        14 => Event::AgentRetrying {
            agent: id(rng),
            attempt: small(rng),
            cause: cause(rng),
            delay_us: big(rng),
            reason: text(rng),
        },
        15 => Event::AgentJoining { agent: id(rng) },
        16 => Event::AgentChecking {
            agent: id(rng),
            attempt: small(rng),
        },
        17 => Event::AgentFrozen {
            agent: id(rng),
            attempt: small(rng),
            cause: cause(rng),
        },
        18 => Event::AgentFreezeVerified(AgentFreezeVerified {
            agent: id(rng),
            attempt: small(rng),
            stopped: small(rng),
            total: small(rng),
            held_bytes: big(rng),
        }),
        19 => Event::AgentThawed {
            agent: id(rng),
            attempt: small(rng),
            cause: cause(rng),
            pressure_permille: small(rng),
        },
        20 => Event::AgentBlocked {
            agent: id(rng),
            reason: text(rng),
            gate: maybe(rng, text),
        },
        21 => Event::AgentFailed {
            agent: id(rng),
            attempt: small(rng),
            failure: pick(
                rng,
                &[
                    FailureKind::Timeout,
                    FailureKind::Error,
                    FailureKind::Exhaustion,
                    FailureKind::Validation,
                    FailureKind::Coordination,
                    FailureKind::Corruption,
                ],
            ),
            reason: text(rng),
        },
        22 => Event::AgentStopped {
            agent: id(rng),
            attempt: small(rng),
        },
        23 => Event::AgentCompleted {
            agent: id(rng),
            attempt: small(rng),
            ran_us: big(rng),
        },
        24 => Event::CheckQueued { place: place(rng) },
        25 => Event::CheckScheduled {
            place: place(rng),
            ram_bytes: big(rng),
            pressure_permille: small(rng),
        },
        26 => Event::CheckStarted {
            place: place(rng),
            handle: handle(rng),
        },
        27 => Event::CheckEnded {
            place: place(rng),
            exit: exit(rng),
            output_bytes: big(rng),
        },
        28 => Event::GatePassed {
            place: place(rng),
            flaky: flag(rng),
        },
        29 => Event::GateFailed {
            place: place(rng),
            reason: text(rng),
            base: maybe(rng, |rng| OnBase {
                red: maybe(rng, flag),
                how: text(rng),
                evidence: maybe(rng, text),
            }),
            flaky: flag(rng),
        },
        30 => Event::PhaseStarted { phase: text(rng) },
        31 => Event::PhaseChecking {
            phase: text(rng),
            attempt: small(rng),
        },
        32 => Event::PhaseCompleted { phase: text(rng) },
        33 => Event::PhaseFailed {
            phase: text(rng),
            reason: text(rng),
        },
        34 => Event::WaveCompleted { wave: small(rng) },
        35 => Event::CheckpointMade {
            wave: small(rng),
            commit: maybe(rng, text),
        },
        37 => Event::PhaseReopened { phase: text(rng) },
        38 => Event::CheckTimeout {
            place: place(rng),
            limit_us: big(rng),
        },
        39 => Event::CheckFrozen {
            place: place(rng),
            cause: cause(rng),
        },
        40 => Event::CheckThawed {
            place: place(rng),
            pressure_permille: small(rng),
        },
        41 => Event::ProcessTrouble(ProcessTrouble {
            agent: maybe(rng, id),
            phase: maybe(rng, text),
            cohort: maybe(rng, text),
            attempt: small(rng),
            trouble: match rng.below(4) {
                0 => Trouble::OutputLost(text(rng)),
                3 => Trouble::NotTold(text(rng)),
                1 => Trouble::Killed(small(rng)),
                _ => Trouble::Survives(small(rng)),
            },
        }),
        42 => Event::AttentionRaised(AttentionRaised {
            id: small(rng),
            attention: attention(rng),
            agent: maybe(rng, id),
            phase: maybe(rng, text),
            cohort: maybe(rng, text),
            attempt: small(rng),
            gate: maybe(rng, text),
            title: text(rng),
            since_us: big(rng),
            answers: (0..rng.below(3)).map(|_| pick(rng, &Answer::ALL)).collect(),
        }),
        43 => Event::AttentionAnswered(AttentionAnswered {
            id: small(rng),
            attention: attention(rng),
            agent: maybe(rng, id),
            phase: maybe(rng, text),
            cohort: maybe(rng, text),
            answer: maybe(rng, |rng| pick(rng, &Answer::ALL)),
            by: text(rng),
            text: maybe(rng, text),
            url: maybe(rng, text),
            evidence: maybe(rng, text),
            waited_us: big(rng),
        }),
        _ => Event::ZoneChanged {
            from: zone(rng),
            to: zone(rng),
            halted: flag(rng),
            figures: figures(rng),
        },
    }
}

fn attention(rng: &mut Rng) -> AttentionKind {
    let kinds = [
        AttentionKind::Approval,
        AttentionKind::FailedGate,
        AttentionKind::Blocked,
        AttentionKind::Failed,
        AttentionKind::FailedPhase,
        AttentionKind::DayGate,
        AttentionKind::Deliver,
        AttentionKind::Budget,
    ];
    pick(rng, &kinds)
}

/// A random record of a kind.
fn record(rng: &mut Rng, kind: usize) -> Record {
    let levels = [Level::Low, Level::Medium, Level::High, Level::Critical];
    Record {
        seq: big(rng),
        at_ms: (rng.next() % 253_000_000_000_000).cast_signed(),
        elapsed_us: big(rng),
        priority: pick(rng, &levels),
        source: text(rng),
        affected: ids(rng),
        event: event(rng, kind),
    }
}

fn line_of(record: &Record) -> Vec<u8> {
    let mut line = Vec::new();
    encode(record, &mut line).unwrap();
    assert_eq!(line.pop(), Some(b'\n'));
    line
}

#[test]
fn every_kind_is_written_as_serde_writes_it_and_read_as_serde_reads_it() {
    let mut rng = Rng(7);
    let mut seen = [0; KINDS];
    for i in 0..KINDS * 200 {
        let record = record(&mut rng, i % KINDS);
        seen[kind(&record.event)] += 1;
        let line = line_of(&record);
        assert!(!line.contains(&b'\n'), "one line");
        let serde = serde_json::to_string(&record).unwrap();
        let body = verify(&line).expect("its checksum fits");
        assert_eq!(
            std::str::from_utf8(body).unwrap(),
            serde.strip_suffix('}').unwrap()
        );
        let value: serde_json::Value = serde_json::from_str(&serde).unwrap();
        assert_eq!(value["kind"], record.event.kind());
        assert_eq!(serde_json::from_slice::<Record>(&line).unwrap(), record);
        assert_eq!(fast(&line), Some(record.clone()), "{serde}");
        assert_eq!(decode(&line), Ok(Line::Record(record)));
    }
    assert_eq!(seen, [200; KINDS]);
}

#[test]
fn lines_in_another_order_are_left_to_serde() {
    let text = r#"{"kind":"agent.ready","agent":"a\u0062","seq":3,"at":"2026-11-20T10:00:00.123Z","elapsed_us":5,"priority":"low","source":"engine""#;
    let line = format!(
        "{text},\"crc\":\"{:08x}\"}}",
        crc32fast::hash(text.as_bytes())
    );
    assert_eq!(fast(line.as_bytes()), None);
    let Ok(Line::Record(record)) = decode(line.as_bytes()) else {
        panic!("readable")
    };
    assert_eq!(record.seq, 3);
    assert_eq!(record.event, Event::AgentReady { agent: "ab".into() });
}

#[test]
fn kinds_and_members_of_newer_versions_do_not_break_reading() {
    let close = |text: &str| {
        format!(
            "{text},\"crc\":\"{:08x}\"}}",
            crc32fast::hash(text.as_bytes())
        )
    };
    let new_kind = close(
        r#"{"seq":9,"at":"2026-11-20T10:00:00.123Z","elapsed_us":5,"priority":"low","source":"x","kind":"model.swapped","to":"z""#,
    );
    let Ok(Line::Unknown {
        seq: 9,
        elapsed_us: 5,
        raw,
    }) = decode(new_kind.as_bytes())
    else {
        panic!("unknown")
    };
    assert_eq!(&*raw, new_kind);
    let new_value = new_kind
        .replace("model.swapped", "run.stopped")
        .replace("\"to\":\"z\"", "\"by\":\"the weather\"");
    let new_value = close(new_value.split_once(",\"crc\"").unwrap().0);
    assert!(matches!(
        decode(new_value.as_bytes()),
        Ok(Line::Unknown { seq: 9, .. })
    ));
    let new_member = close(
        r#"{"seq":9,"at":"2026-11-20T10:00:00.123Z","elapsed_us":5,"priority":"low","source":"x","kind":"agent.ready","mood":{"a":[1]},"agent":"a""#,
    );
    assert!(fast(new_member.as_bytes()).is_some());
    assert!(matches!(decode(new_member.as_bytes()), Ok(Line::Record(_))));
    let no_record = close(r#"{"kind":"agent.ready""#);
    assert!(matches!(
        decode(no_record.as_bytes()),
        Err(FormatError::Record(_))
    ));
}

#[test]
fn a_record_of_an_older_program_lacks_members_and_is_read() {
    let text = r#"{"seq":1,"at":"2026-11-20T10:00:00.123Z","elapsed_us":5,"priority":"low","source":"x","kind":"run.degraded""#;
    let line = format!(
        "{text},\"crc\":\"{:08x}\"}}",
        crc32fast::hash(text.as_bytes())
    );
    assert!(matches!(
        decode(line.as_bytes()),
        Ok(Line::Record(Record {
            event: Event::RunDegraded { error: None },
            ..
        }))
    ));
}

#[test]
fn headers_say_what_can_be_read_and_what_can_be_written() {
    let mut header = Header::new("r", "p", "b");
    let mut line = Vec::new();
    header.encode(&mut line).unwrap();
    line.pop();
    assert!(line.starts_with(br#"{"wavedeck":"journal","version":"1.0","program":""#));
    assert_eq!(Header::decode(&line).unwrap(), header);
    assert!(header.writable());
    for (version, readable) in [("1.1", true), ("2.0", false)] {
        header.version = version.to_owned();
        assert!(!header.writable());
        line.clear();
        header.encode(&mut line).unwrap();
        line.pop();
        let read = Header::decode(&line);
        assert_eq!(read.is_ok(), readable);
        if let Err(error) = read {
            assert!(error.to_string().contains("format 2.0"), "{error}");
        }
    }
    assert_eq!(Header::decode(b"{}"), Err(FormatError::NotAJournal));
    let mut rng = Rng(1);
    for _ in 0..200 {
        let mut bad = line.clone();
        let at = rng.below(bad.len() as u64) as usize;
        bad[at] ^= 1 << rng.below(8);
        assert!(Header::decode(&bad).is_err());
    }
}

#[test]
fn every_flipped_bit_of_a_line_is_seen() {
    let mut rng = Rng(11);
    for i in 0..KINDS {
        let line = line_of(&record(&mut rng, i));
        for bit in 0..line.len() * 8 {
            let mut bad = line.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&bad).is_none(), "bit {bit}");
        }
    }
    assert_eq!(&hex(0x0a1b_2c3d), b"0a1b2c3d");
    assert!(verify(b"").is_none() && verify(b"{\"crc\":\"00000000\"}").is_none());
}

#[test]
fn times_are_those_of_jiff() {
    let mut rng = Rng(3);
    for i in 0..20_000_u64 {
        let ms = match i {
            0 => 0,
            1 => 253_370_764_799_999,
            _ => (rng.next() % 253_000_000_000_000).cast_signed(),
        };
        let at = jiff::Timestamp::from_millisecond(ms).unwrap();
        let text = format!("{at:.3}");
        assert_eq!(stamp(&text), Some(ms), "{text}");
        let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let (year, month, day) = civil(ms / 86_400_000);
        assert_eq!(
            (year, month, day),
            (
                i64::from(date.year()),
                i64::from(date.month()),
                i64::from(date.day())
            )
        );
    }
    for bad in [
        "2026-02-29T10:00:00.123Z",
        "2026-13-01T10:00:00.123Z",
        "2026-00-01T10:00:00.123Z",
        "2026-01-32T10:00:00.123Z",
        "2026-01-01T24:00:00.123Z",
        "2026-01-01T10:60:00.123Z",
        "2026-01-01T10:00:60.123Z",
        "2026-01-01T10:00:00.12Z",
        "2026-01-01 10:00:00.123Z",
        "1969-01-01T10:00:00.123Z",
        "2026-01-01T10:00:00.1+3Z",
    ] {
        assert_eq!(stamp(bad), None, "{bad}");
    }
    // Outside what is usual, jiff writes and reads.
    let mut odd = record(&mut rng, 7);
    for ms in [-1, -62_135_596_800_001, i64::MAX] {
        odd.at_ms = ms;
        let line = line_of(&odd);
        let body = verify(&line).unwrap();
        let serde = serde_json::to_string(&odd).unwrap();
        assert_eq!(body, &serde.as_bytes()[..serde.len() - 1]);
        let _ = decode(&line);
    }
}

/// `cargo test --release -- --ignored --nocapture journal::tests::speed`
#[test]
#[ignore = "measures"]
fn speed() {
    let mut rng = Rng(5);
    let kinds = [7, 9, 10, 13, 23];
    let records: Vec<Record> = (0..10_000)
        .map(|i| {
            let mut record = record(&mut rng, kinds[i % kinds.len()]);
            record.source = "engine".into();
            record
        })
        .collect();
    let time = |name: &str, work: &mut dyn FnMut()| {
        let mut best = f64::MAX;
        for _ in 0..20 {
            let from = std::time::Instant::now();
            work();
            best = best.min(from.elapsed().as_secs_f64() * 1e6 / records.len() as f64);
        }
        println!("{name:<28} {best:.3} µs a record");
    };
    let mut out = Vec::new();
    time("encode", &mut || {
        out.clear();
        for record in &records {
            encode(record, &mut out).unwrap();
        }
    });
    let journal = out.clone();
    println!("{} bytes a record", journal.len() / records.len());
    time("encode by serde, no checksum", &mut || {
        out.clear();
        for record in &records {
            serde_json::to_writer(&mut out, record).unwrap();
        }
    });
    let lines: Vec<&[u8]> = journal
        .split(|&b| b == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    time("verify", &mut || {
        assert!(lines.iter().all(|line| verify(line).is_some()));
    });
    time("decode", &mut || {
        for line in &lines {
            std::hint::black_box(format::decode(line).unwrap());
        }
    });
    time("decode by serde", &mut || {
        for line in &lines {
            std::hint::black_box(serde_json::from_slice::<Record>(line).unwrap());
        }
    });
}
