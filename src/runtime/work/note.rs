//! What the next attempt of an agent is told of the one before: why it goes again, the other's
//! changes that it met, the end of a red check's output.
//!
//! All of it is foreign text: cleaned and bounded. Must not decide whether there is a next attempt.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use crate::{
    context::fence,
    display::clean_line,
    engine::{evidence_key, is_base_evidence},
    plan::AgentIx,
    sys::lock::private_dir,
};

use super::{
    conflicts::put,
    place::{Driver, Ground},
};

/// Bytes of others' changes that are told.
const DIFF: usize = 24 << 10;
/// Bytes of a check's output that are told, from its end.
const TAIL: u64 = 6 << 10;

/// What is known of the attempt before.
#[derive(Debug, Clone)]
pub(super) struct Before {
    /// Which.
    pub attempt: u32,
    /// Why it goes again.
    pub reason: String,
    /// What was said about its work: where, and what.
    pub remarks: Vec<(String, String)>,
    /// The conflict that it was in.
    pub conflict: Option<Clashed>,
}

/// A conflict of the attempt before.
#[derive(Debug, Clone)]
pub(super) struct Clashed {
    /// Its number.
    pub id: u32,
    /// Whose work it met.
    pub with: Vec<String>,
    /// The heads that their merges made.
    pub merges: Vec<String>,
    /// What people noted.
    pub notes: Vec<String>,
}

/// Where the note for an attempt lies.
pub(in crate::runtime) fn file(run_dir: &Path, agent: &str, attempt: u32) -> PathBuf {
    let name = format!("{agent}.{attempt}.note.md");
    run_dir.join("context").join(name)
}

/// Writes the note for the attempt after one that worked in the repository itself: why it goes again.
pub(super) fn plain(run_dir: &Path, agent: &str, attempt: u32, reason: &str) -> io::Result<()> {
    let file = file(run_dir, agent, attempt + 1);
    private_dir(file.parent().unwrap_or(&file))?;
    put(&file, head(agent, attempt, reason).as_bytes())
}

fn head(agent: &str, attempt: u32, reason: &str) -> String {
    let reason = clean_lines(reason.as_bytes());
    format!("# Attempt {attempt} of {agent} goes again\n\n{reason}\n")
}

impl Driver {
    /// Writes the note for an attempt.
    pub fn note(
        &self,
        ground: &Ground,
        agent: AgentIx,
        attempt: u32,
        before: &Before,
    ) -> io::Result<()> {
        let setup = self.settings.now();
        let id = setup.plan.agent(agent).id.as_str();
        let mut text = head(id, before.attempt, &before.reason);
        if !before.remarks.is_empty() {
            text.push_str("\n## What was said about its work\n\n");
            for (place, said) in &before.remarks {
                let place = clean_line(place, 400);
                let said = clean_lines(said.as_bytes()).replace('\n', "\n  ");
                let _ = writeln!(text, "- {place}: {said}");
            }
        }
        if let Some(clash) = &before.conflict {
            let with = clash.with.join(", ");
            let _ = write!(text, "\n## Conflict {} with {with}\n\n", clash.id);
            for note in &clash.notes {
                let _ = writeln!(text, "- {}", clean_lines(note.as_bytes()));
            }
            text.push_str(
                "Your workspace holds what is merged by now. What the others changed:\n\n",
            );
            let left = DIFF / clash.merges.len().max(1);
            for commit in &clash.merges {
                let diff = others(ground, commit, left);
                let fence = fence(&diff);
                let _ = write!(text, "{fence}diff\n{diff}\n{fence}\n");
            }
        }
        let setup = self.settings.now();
        let is_agent = |id: &str| setup.by_id.contains_key(&id.into());
        let found = evidence(&self.settings.run_dir, id, before.attempt, is_agent);
        if let Some((name, tail)) = found {
            let fence = fence(&tail);
            let _ = write!(
                text,
                "\n## The end of gates/{name}\n\n{fence}\n{tail}\n{fence}\n"
            );
        }
        let file = file(&self.settings.run_dir, id, attempt);
        private_dir(file.parent().unwrap_or(&file))?;
        put(&file, self.settings.redactor.clean(&text).as_bytes())
    }
}

/// What a merge changed, cut.
fn others(ground: &Ground, commit: &str, most: usize) -> String {
    let range = format!("{commit}^1");
    let args = [
        "diff",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--end-of-options",
        &range,
        commit,
    ];
    match ground.git().most(most).output(&args, &[]) {
        Ok(output) => {
            let mut text = clean_lines(&output.out);
            if output.cut {
                text.push_str("\n… cut off");
            }
            text
        }
        Err(error) => format!("cannot be read: {error}"),
    }
}

/// The end of what the last check of an attempt printed, and its file's name.
fn evidence(
    run_dir: &Path,
    agent: &str,
    attempt: u32,
    is_agent: impl Fn(&str) -> bool,
) -> Option<(String, String)> {
    let mut found: Option<(std::time::SystemTime, String)> = None;
    for entry in fs::read_dir(run_dir.join("gates")).ok()?.flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let Ok(meta) = entry.metadata() else { continue };
        let key = evidence_key(agent, &name, &is_agent).filter(|key| key.0 == attempt);
        if key.is_none() || is_base_evidence(&name) || !meta.is_file() || meta.len() == 0 {
            continue;
        }
        let at = (meta.modified().ok()?, name);
        found = found.max(Some(at));
    }
    let (_, name) = found?;
    let mut file = File::open(run_dir.join("gates").join(&name)).ok()?;
    let len = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL))).ok()?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail).ok()?;
    Some((name, clean_lines(&tail)))
}

/// Text of several lines, each clean and bounded.
fn clean_lines(bytes: &[u8]) -> String {
    let lines = bytes.split(|&b| b == b'\n');
    let clean: Vec<String> = lines.map(|line| clean_line(line, 1000)).collect();
    clean.join("\n")
}
