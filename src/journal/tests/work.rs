//! The same for kinds about work, which serde reads.

use std::collections::BTreeMap;

use super::{big, flag, id, ids, line_of, maybe, pick, record, small, text};
use crate::{
    engine::{
        Absent, Added, Boundary, Clash, Event, Extension, HandoffChecked, HandoffChecking,
        MergeOutcome, Offer, RuleCommand, Strategy, SyncKind, SyncPoint, WorkEvent,
    },
    graph::random::{Rng, plan as random_plan},
    journal::format::{Line, decode},
};

const KINDS: usize = 30;

/// Position of each kind; does not compile when one is added and missing below.
fn kind(event: &WorkEvent) -> usize {
    match event {
        WorkEvent::Ready { .. } => 0,
        WorkEvent::Collecting { .. } => 1,
        WorkEvent::Collected { .. } => 2,
        WorkEvent::ScopeViolated { .. } => 3,
        WorkEvent::Merging { .. } => 4,
        WorkEvent::MergeStarted { .. } => 5,
        WorkEvent::MergeTried { .. } => 6,
        WorkEvent::MergeAdvancing { .. } => 7,
        WorkEvent::MergeDone { .. } => 8,
        WorkEvent::MergeFailed { .. } => 9,
        WorkEvent::Predicted { .. } => 10,
        WorkEvent::Withdrawn { .. } => 11,
        WorkEvent::ConflictDetected { .. } => 12,
        WorkEvent::ConflictResolved { .. } => 13,
        WorkEvent::Checkout { .. } => 14,
        WorkEvent::CheckedOut { .. } => 15,
        WorkEvent::ContextUpdated { .. } => 16,
        WorkEvent::HandoffReady { .. } => 17,
        WorkEvent::RollbackStarted { .. } => 18,
        WorkEvent::RollbackDone { .. } => 19,
        WorkEvent::Delivering { .. } => 20,
        WorkEvent::Delivered { .. } => 21,
        WorkEvent::SyncStarted { .. } => 22,
        WorkEvent::SyncCompleted { .. } => 23,
        WorkEvent::SyncFailed { .. } => 24,
        WorkEvent::HandoffChecking(_) => 25,
        WorkEvent::HandoffChecked(_) => 26,
        WorkEvent::MergeCommanded { .. } => 27,
        WorkEvent::Extended(_) => 28,
        WorkEvent::Added(_) => 29,
    }
}

fn texts(rng: &mut Rng) -> Vec<String> {
    (0..rng.below(3)).map(|_| text(rng)).collect()
}

fn clash(rng: &mut Rng) -> Clash {
    Clash {
        files: texts(rng),
        file_count: small(rng),
        hunks: small(rng),
        lines: small(rng),
        kinds: texts(rng),
        complexity: small(rng),
    }
}

/// Agents as random plans have them, behind those of another one.
fn extension(rng: &mut Rng) -> Extension {
    let plan = random_plan(rng.next());
    Extension {
        first: small(rng),
        first_worker: small(rng),
        workers: plan.workers,
        agents: plan.agents,
        passed: texts(rng),
    }
}

fn strategy(rng: &mut Rng) -> Strategy {
    let all = [
        Strategy::AutomaticMerge,
        Strategy::GuidedMerge,
        Strategy::SequentialFallback,
        Strategy::HumanReview,
    ];
    pick(rng, &all)
}

fn outcome(rng: &mut Rng) -> MergeOutcome {
    match rng.below(6) {
        0 => MergeOutcome::Contained,
        1 => MergeOutcome::Clean {
            commit: text(rng),
            path: text(rng),
            checked: flag(rng),
            tree: maybe(rng, text),
            overlap: texts(rng),
            with: ids(rng),
            clash: maybe(rng, clash),
        },
        2 => MergeOutcome::Conflict {
            clash: clash(rng),
            with: ids(rng),
            why: maybe(rng, text),
        },
        3 => MergeOutcome::Command {
            path: text(rng),
            commands: (0..rng.below(3))
                .map(|_| RuleCommand {
                    argv: texts(rng),
                    files: texts(rng),
                })
                .collect(),
            clash: clash(rng),
            with: ids(rng),
        },
        4 => MergeOutcome::NoRoom { error: text(rng) },
        _ => MergeOutcome::Failed { error: text(rng) },
    }
}

fn point(rng: &mut Rng) -> SyncPoint {
    let kinds = [
        SyncKind::ContextMerge,
        SyncKind::ProgressCheckpoint,
        SyncKind::QualityGate,
        SyncKind::ResourceRebalancing,
    ];
    SyncPoint {
        sync: pick(rng, &kinds),
        wave: maybe(rng, small),
        phase: maybe(rng, text),
        cohort: maybe(rng, text),
        agent: maybe(rng, id),
        decision: maybe(rng, small),
    }
}

fn absent(rng: &mut Rng) -> Absent {
    Absent {
        path: text(rng),
        from: maybe(rng, id),
    }
}

fn event(rng: &mut Rng, kind: usize) -> WorkEvent {
    let (agent, attempt, number) = (id(rng), small(rng), small(rng));
    match kind {
        0 => WorkEvent::Ready {
            agent,
            attempt,
            base: text(rng),
            path: text(rng),
            level: pick(rng, &[Boundary::Enforced, Boundary::Watched, Boundary::Off]),
            home: maybe(rng, small),
        },
        1 => WorkEvent::Collecting { agent, attempt },
        2 => WorkEvent::Collected {
            agent,
            attempt,
            commit: maybe(rng, text),
            tree: maybe(rng, text),
            changed: small(rng),
            added: big(rng),
            removed: big(rng),
            committed_for: flag(rng),
            outside: texts(rng),
            missing: texts(rng),
            handoff: maybe(rng, text),
            facts: BTreeMap::from([(text(rng), text(rng))]),
            error: maybe(rng, text),
        },
        3 => WorkEvent::ScopeViolated {
            agent,
            attempt,
            paths: texts(rng),
        },
        4 => WorkEvent::Merging { agent, attempt },
        5 => WorkEvent::MergeStarted {
            number,
            agent,
            attempt,
            commit: text(rng),
            onto: text(rng),
            conflict: maybe(rng, small),
        },
        6 => WorkEvent::MergeTried {
            number,
            agent,
            attempt,
            outcome: outcome(rng),
        },
        7 => WorkEvent::MergeAdvancing {
            number,
            agent,
            attempt,
            commit: text(rng),
        },
        8 => WorkEvent::MergeDone {
            number,
            agent,
            attempt,
            commit: text(rng),
        },
        9 => WorkEvent::MergeFailed {
            number,
            agent,
            attempt,
            reason: text(rng),
        },
        10 => WorkEvent::Predicted {
            agent,
            with: id(rng),
            files: texts(rng),
            kinds: texts(rng),
            critical: flag(rng),
        },
        11 => WorkEvent::Withdrawn {
            agent,
            with: id(rng),
        },
        12 => WorkEvent::ConflictDetected {
            id: number,
            agent,
            attempt,
            with: ids(rng),
            clash: clash(rng),
            critical: flag(rng),
            strategy: strategy(rng),
        },
        13 => WorkEvent::ConflictResolved {
            id: number,
            agent,
            strategy: strategy(rng),
            by: text(rng),
            reason: text(rng),
            given_up: flag(rng),
        },
        14 => WorkEvent::Checkout {
            commit: text(rng),
            base: maybe(rng, small),
        },
        15 => WorkEvent::CheckedOut {
            commit: text(rng),
            path: text(rng),
            base: maybe(rng, small),
            error: maybe(rng, text),
        },
        16 => WorkEvent::ContextUpdated {
            agent,
            from: id(rng),
            files: texts(rng),
        },
        17 => WorkEvent::HandoffReady {
            agent,
            attempt,
            from_facts: flag(rng),
            artefacts: small(rng),
        },
        18 => WorkEvent::RollbackStarted {
            number,
            wave: small(rng),
            commit: text(rng),
            agents: ids(rng),
            parents: ids(rng),
        },
        19 => WorkEvent::RollbackDone {
            number,
            error: maybe(rng, text),
        },
        20 => WorkEvent::Delivering {
            commit: text(rng),
            forward: maybe(rng, text),
        },
        21 => WorkEvent::Delivered {
            commit: text(rng),
            branch: text(rng),
            forwarded: maybe(rng, text),
            error: maybe(rng, text),
            offer: maybe(rng, |rng| Offer {
                to: maybe(rng, text),
                commits: maybe(rng, small),
                files: maybe(rng, small),
                hindered: maybe(rng, text),
            }),
        },
        22 => WorkEvent::SyncStarted {
            number,
            point: point(rng),
            participants: ids(rng),
        },
        23 => WorkEvent::SyncCompleted {
            number,
            point: point(rng),
            reserved_bytes: maybe(rng, big),
            left_us: maybe(rng, big),
            released_bytes: maybe(rng, big),
        },
        27 => WorkEvent::MergeCommanded {
            number,
            agent,
            attempt,
        },
        24 => WorkEvent::SyncFailed {
            number,
            point: point(rng),
            reason: text(rng),
        },
        25 => WorkEvent::HandoffChecking(HandoffChecking {
            agent,
            attempt,
            number,
        }),
        28 => WorkEvent::Extended(extension(rng)),
        29 => WorkEvent::Added(Added {
            agent,
            title: text(rng),
            wave: small(rng),
            by: text(rng),
        }),
        _ => WorkEvent::HandoffChecked(HandoffChecked {
            agent,
            attempt,
            number,
            missing: (0..rng.below(3)).map(|_| absent(rng)).collect(),
            error: maybe(rng, text),
        }),
    }
}

#[test]
fn every_kind_about_work_is_read_as_it_was_written() {
    let mut rng = Rng(11);
    let mut seen = [0; KINDS];
    for i in 0..KINDS * 100 {
        let work = event(&mut rng, i % KINDS);
        seen[kind(&work)] += 1;
        let name = work.kind();
        let mut record = record(&mut rng, 7);
        record.event = Event::from(work);
        let line = line_of(&record);
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["kind"], name);
        assert_eq!(decode(&line), Ok(Line::Record(record)));
    }
    assert_eq!(seen, [100; KINDS]);
}

#[test]
fn members_of_newer_versions_do_not_break_reading_kinds_about_work() {
    let text = r#"{"seq":9,"at":"2026-11-20T10:00:00.123Z","elapsed_us":5,"priority":"low","source":"x","kind":"merge.tried","number":1,"agent":"a","attempt":2,"mood":[1],"outcome":"clean","commit":"c","path":"p","checked":true,"mode":"x""#;
    let line = format!(
        "{text},\"crc\":\"{:08x}\"}}",
        crc32fast::hash(text.as_bytes())
    );
    let Ok(Line::Record(record)) = decode(line.as_bytes()) else {
        panic!("readable")
    };
    let Event::Work(work) = record.event else {
        panic!("{:?}", record.event)
    };
    assert_eq!(work.kind(), "merge.tried");
}
