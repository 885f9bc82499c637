//! Reads pieces of output files, for clients here and behind the socket.
//!
//! Must not clean what it reads: the display does.

use std::{fs::File, os::unix::fs::FileExt, path::Path};

use crate::{
    engine::{EvidenceKey, Owner, Setup, base_evidence_name, evidence_name, former_evidence_name},
    tui::feed::{Request, Update},
};

use super::jobs::{context_file, output_path};

/// Bytes that are read at once at most.
const MOST: u32 = 1 << 20;
/// Bytes of evidence that are read.
const EVIDENCE: u32 = 64 << 10;
/// Bytes of a prompt that are read: more than one has.
const PROMPT: u32 = 1 << 20;
/// Rounds of one check command whose evidence is looked for.
const ROUNDS: u32 = 32;
/// Checks that one owner may have for its evidence to be found.
const CHECKS: u32 = 1000;

/// A piece of an output file; empty where there is none yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Piece {
    /// Where it begins.
    pub offset: u64,
    /// Size of the file.
    pub total: u64,
    /// Raw bytes.
    pub bytes: Vec<u8>,
}

/// Reads the end of what the last check command of an attempt or round printed; none: nobody is
/// known by that name.
fn evidence(dir: &Path, setup: &Setup, owner: Owner, attempt: u32) -> Option<Vec<u8>> {
    let name = checked(setup, owner)?;
    let gates = dir.join("gates");
    // Checks run one after the other and stop at the first that is red. A command that was repeated
    // has a file for each round; the last one is what counted.
    let mut found = Vec::new();
    for step in 0..CHECKS {
        let mut rounds = (1..=ROUNDS).rev();
        let last = rounds.find_map(|round| judged(&gates, setup, &name, (attempt, round, step)));
        let Some(file) = last else {
            break;
        };
        found = piece(&file, None, EVIDENCE, None).bytes;
    }
    Some(found)
}

/// Opens the evidence of a command, whatever it was run for.
fn open(gates: &Path, setup: &Setup, name: &str, key: EvidenceKey) -> Option<File> {
    let base = || File::open(gates.join(base_evidence_name(name, key))).ok();
    judged(gates, setup, name, key).or_else(base)
}

/// Opens the evidence of a command that judged; by the name of earlier versions too, where that is
/// nobody else's.
fn judged(gates: &Path, setup: &Setup, name: &str, key: EvidenceKey) -> Option<File> {
    let now = File::open(gates.join(evidence_name(name, key))).ok();
    now.or_else(|| {
        let taken = format!("{name}.{}", key.0);
        let free = !setup.by_id.contains_key(&taken.as_str().into());
        let former = former_evidence_name(name, key).filter(|_| free)?;
        File::open(gates.join(former)).ok()
    })
}

/// Name of an owner's checks below `gates/`.
fn checked(setup: &Setup, owner: Owner) -> Option<String> {
    Some(match owner {
        Owner::Agent(ix) => setup.plan.agents.get(ix.ix())?.id.to_string(),
        Owner::Phase(ix) => format!("phase:{}", setup.plan.phases.get(ix.ix())?.id),
        Owner::Cohort(ix) => setup.cohorts.get(ix.ix())?.key().to_owned(),
    })
}

/// Answers a dashboard that asks what a check printed: the last command, or a certain one (empty
/// where there is nothing to read); or what an attempt was told; none: it asks for something else.
pub(super) fn answer(dir: &Path, setup: &Setup, request: &Request) -> Option<Update> {
    match *request {
        Request::Evidence { owner, attempt } => Some(Update::Evidence {
            owner,
            attempt,
            bytes: evidence(dir, setup, owner, attempt)?,
        }),
        Request::Check { owner, key } => {
            let file = open(&dir.join("gates"), setup, &checked(setup, owner)?, key);
            let bytes = file.map_or_else(Vec::new, |file| piece(&file, None, EVIDENCE, None).bytes);
            Some(Update::Check { owner, key, bytes })
        }
        Request::Prompt { agent, attempt } => {
            let id = setup.plan.agents.get(agent.ix())?.id.as_str();
            let file = File::open(context_file(dir, id, attempt)).ok();
            Some(Update::Prompt {
                agent,
                attempt,
                text: file.map(|file| piece(&file, Some(0), PROMPT, None).bytes),
            })
        }
        _ => None,
    }
}

/// Reads at most `max` bytes from `offset` on; without one, the tail. The agent must be known.
pub(super) fn read(dir: &Path, agent: &str, attempt: u32, offset: Option<u64>, max: u32) -> Piece {
    read_until(dir, agent, attempt, offset, max, None)
}

/// Reads like [`read`], as if the file had not grown past `until` yet.
pub(super) fn read_until(
    dir: &Path,
    agent: &str,
    attempt: u32,
    offset: Option<u64>,
    max: u32,
    until: Option<u64>,
) -> Piece {
    let Ok(file) = File::open(output_path(dir, agent, attempt)) else {
        return Piece::default();
    };
    piece(&file, offset, max, until)
}

fn piece(file: &File, offset: Option<u64>, max: u32, until: Option<u64>) -> Piece {
    let size = file.metadata().map_or(0, |meta| meta.len());
    let total = until.map_or(size, |until| size.min(until));
    let max = u64::from(max.min(MOST));
    let offset = offset
        .unwrap_or_else(|| total.saturating_sub(max))
        .min(total);
    let mut bytes = vec![0; usize::try_from(max.min(total - offset)).unwrap_or(0)];
    let read = file.read_at(&mut bytes, offset).unwrap_or(0);
    bytes.truncate(read);
    Piece {
        offset,
        total,
        bytes,
    }
}
