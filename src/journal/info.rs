//! What a list shows of a run, read from both ends of its journal.
//!
//! Must not read a whole journal: a list of a hundred long runs has to be instant. Damage in the
//! middle is therefore seen by `runs show` and `resume`, not here.

use std::{fs::File, io::BufRead as _, os::unix::fs::MetadataExt as _};

use serde::Serialize;

use crate::engine::Event;

use super::{
    Line, RunDir,
    format::{self, Header},
    reader::aside,
    seek::last_line,
};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Phase {
    /// A runner holds it.
    Running,
    /// It has ended.
    Finished {
        /// With this exit status.
        status: u8,
    },
    /// Its runner died; `resume` goes on with it.
    Interrupted,
}

/// What a list shows of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunInfo {
    /// Its folder.
    #[serde(skip)]
    pub dir: RunDir,
    /// Its identifier.
    pub id: String,
    /// Where it stands.
    #[serde(flatten)]
    pub phase: Phase,
    /// Name of its plan.
    pub plan: Option<String>,
    /// When it began, milliseconds since the epoch.
    pub started_ms: Option<i64>,
    /// Time that it was alive until its last event, in microseconds.
    pub elapsed_us: u64,
    /// When its last event was, milliseconds since the epoch.
    pub last_ms: Option<i64>,
    /// Agents in its plan.
    pub agents: Option<u32>,
    /// Events in its journal.
    pub events: u64,
    /// Bytes of its journal.
    pub journal_bytes: u64,
    /// One line about its end.
    pub summary: Option<String>,
    /// The program that began it.
    pub program: Option<String>,
    /// What is wrong with it, in words.
    pub problem: Option<String>,
}

pub(super) fn read(dir: &RunDir) -> RunInfo {
    let mut info = RunInfo {
        dir: dir.clone(),
        id: dir.id.clone(),
        phase: Phase::Interrupted,
        plan: None,
        started_ms: None,
        elapsed_us: 0,
        last_ms: None,
        agents: None,
        events: 0,
        journal_bytes: 0,
        summary: None,
        program: None,
        problem: None,
    };
    let live = dir.is_live();
    if live {
        info.phase = Phase::Running;
    }
    info.problem = ends(dir, &mut info).err();
    if live {
        info.phase = Phase::Running;
        // It may just be beginning.
        info.problem = None;
    }
    let bad = aside(&dir.path);
    if let Some(path) = bad.last() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        info.problem = Some(format!(
            "its journal was damaged; what followed is in {name}"
        ));
    }
    info
}

/// Reads both ends; says what is wrong where one cannot be read.
fn ends(dir: &RunDir, info: &mut RunInfo) -> Result<(), String> {
    let file = File::open(dir.journal()).map_err(|error| format!("no journal: {error}"))?;
    info.journal_bytes = file.metadata().map_err(|error| error.to_string())?.size();
    let mut from = std::io::BufReader::with_capacity(8 << 10, &file);
    let mut line = Vec::new();
    let mut next = || -> Result<Vec<u8>, String> {
        line.clear();
        from.read_until(b'\n', &mut line)
            .map_err(|error| error.to_string())?;
        let whole = line.strip_suffix(b"\n").map(<[u8]>::to_vec);
        whole.ok_or_else(|| "it ended before its first event".to_owned())
    };
    let header = next()?;
    let start = header.len() as u64 + 1;
    let header = Header::decode(&header).map_err(|error| error.to_string())?;
    info.program = Some(header.program);
    if let Ok(Line::Record(first)) = format::decode(&next()?)
        && let Event::RunStarted { plan, agents, .. } = first.event
    {
        info.started_ms = Some(first.at_ms);
        info.last_ms = Some(first.at_ms);
        info.plan = Some(plan);
        info.agents = Some(agents);
    }
    let last = last_line(&file, start).map_err(|error| error.to_string())?;
    let Some(last) = last else {
        return Err("its journal has no readable event".to_owned());
    };
    info.events = last.seq();
    info.elapsed_us = last.elapsed_us();
    if let Line::Record(last) = last {
        info.last_ms = Some(last.at_ms);
        if let Event::RunFinished {
            status, summary, ..
        } = last.event
        {
            info.phase = Phase::Finished { status };
            info.summary = Some(summary);
        }
    }
    Ok(())
}
