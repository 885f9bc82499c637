//! Gates in the report: of whom, how each came out, who signed, what says so.
//!
//! From the plan, the state and the verdicts; the same recording gives the same lines. Must not read
//! evidence: it is named.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Deserialize, Serialize};

use super::markdown::text;
use crate::{
    engine::{
        CohortKind, JobState, OnBase, Owner, PhaseStatus, Purpose, State, Status,
        base_evidence_name, evidence_name,
    },
    report::{
        history::{CheckStep, GateVerdict, Signed},
        past::Past,
    },
};

/// Gates of single agents that the Markdown lists; `report.json` has all.
const LISTED: usize = 60;
/// Agents that a red gate stops, and that are named.
const NAMED: usize = 6;

/// How a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateStand {
    /// All its commands are green, and where a person was asked, the answer was yes.
    Passed,
    /// A command is red, or a person said no.
    Red,
    /// A person's yes is waited for.
    Asks,
    /// It is being checked.
    Checking,
    /// It was not checked, or not again since its agents were tried again.
    Open,
}

impl GateStand {
    /// Returns its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Red => "red",
            Self::Asks => "waits for a yes",
            Self::Checking => "being checked",
            Self::Open => "not checked",
        }
    }
}

/// Who signed a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Who: `deck`, `ctl`.
    pub by: String,
    /// When, UTC.
    pub at: String,
    /// A yes, or a no.
    pub yes: bool,
    /// What was said with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// Where more of it can be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
}

/// One gate of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateLine {
    /// Whose: an agent's id, `phase:ID`, `track:ID`, `wave:N`, `run:gates`.
    pub owner: String,
    /// Which gate; `check` for an agent's own commands, `verify` for those of the run.
    pub gate: String,
    /// How it stands.
    pub verdict: GateStand,
    /// When that was said, UTC.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<String>,
    /// In which attempt of the agent, or round of the gates.
    pub attempt: u32,
    /// Times that it was red, earlier attempts and rounds included.
    pub red_times: u32,
    /// Why it is red.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Whether the red command is red on the run's base too; none: not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub red_on_base: Option<bool>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_base: Option<String>,
    /// A command of it came out differently on the same files.
    pub flaky: bool,
    /// Who signed it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signed: Option<Signature>,
    /// What says so: files below `gates/` of the run's folder.
    pub evidence: Vec<String>,
    /// Agents that wait for it, at most 6 of them named; of a gate that is red.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub stops: Vec<String>,
}

/// Every gate of the plan, and built-in ones that are red: agents in plan order, phases, cohorts.
#[must_use]
pub fn gates(state: &State, past: Past<'_>) -> Vec<GateLine> {
    let agents = state.setup.plan.indices().map(Owner::Agent);
    of(state, past, agents.chain(state.setup.gated()))
}

/// The gates over more than one agent alone: there are few of them in the largest plan.
#[must_use]
pub fn shared(state: &State, past: Past<'_>) -> Vec<GateLine> {
    of(state, past, state.setup.gated())
}

fn of(state: &State, past: Past<'_>, owners: impl Iterator<Item = Owner>) -> Vec<GateLine> {
    let mut verdicts: BTreeMap<Owner, Vec<&GateVerdict>> = BTreeMap::new();
    for verdict in past.verdicts() {
        verdicts.entry(verdict.owner).or_default().push(verdict);
    }
    let mut all = Vec::new();
    for owner in owners {
        let own = verdicts.get(&owner).map_or(&[][..], Vec::as_slice);
        let mut names: Vec<&str> = Vec::new();
        for step in state.checks_of(owner) {
            if !names.contains(&step.gate) {
                names.push(step.gate);
            }
        }
        let planned = names.len();
        for verdict in own {
            if !names.contains(&verdict.gate.as_str()) {
                names.push(&verdict.gate);
            }
        }
        if names.is_empty() {
            continue;
        }
        let checks = past.checks(owner);
        for (at, gate) in names.into_iter().enumerate() {
            let line = line(state, owner, gate, own, &checks);
            // A built-in one says nothing when it is green.
            if at < planned || line.verdict == GateStand::Red {
                all.push(line);
            }
        }
    }
    all
}

type Checks = [((u32, u32, u32), CheckStep)];

fn line(
    state: &State,
    owner: Owner,
    gate: &str,
    own: &[&GateVerdict],
    checks: &Checks,
) -> GateLine {
    let (attempt, over) = match owner {
        Owner::Agent(ix) => {
            let agent = state.agent(ix);
            (agent.attempt, agent.status == Status::Succeeded)
        }
        Owner::Phase(_) | Owner::Cohort(_) => {
            let gates = state.gates_of(owner);
            let open = gates
                .is_none_or(|g| matches!(g.status, PhaseStatus::Waiting | PhaseStatus::Running));
            // What was said of an earlier round does not count any more.
            (
                gates.map_or(0, |g| if open { g.attempt + 1 } else { g.attempt }),
                false,
            )
        }
    };
    let of_gate = own.iter().filter(|verdict| verdict.gate == gate);
    let red_times = of_gate.clone().filter(|v| v.red.is_some()).count();
    let said = of_gate.clone().next_back().filter(|v| v.attempt == attempt);
    // A yes to the work itself holds for its merge too.
    let signed = of_gate
        .filter(|v| v.attempt == attempt)
        .filter_map(|v| v.signed.as_ref())
        .next_back();
    let now = now(state, owner, gate);
    let verdict = match (now, said) {
        (Some(now), _) => now,
        (None, Some(said)) if said.red.is_some() && over => GateStand::Passed,
        (None, Some(said)) if said.red.is_some() => GateStand::Red,
        (None, Some(_)) => GateStand::Passed,
        (None, None) => GateStand::Open,
    };
    let name = state.setup.key_of(owner);
    let mut evidence: Vec<String> = checks
        .iter()
        .filter(|(key, step)| key.0 == attempt && step.gate == gate && step.output_bytes > 0)
        .map(|(key, step)| match step.purpose {
            Purpose::Base => base_evidence_name(&name, *key),
            Purpose::Judge | Purpose::Repeat => evidence_name(&name, *key),
        })
        .collect();
    evidence.extend(signed.and_then(|signed| signed.evidence.clone()));
    let base = said.and_then(|said| said.base.as_ref());
    // Another's end of the same command counts for this one too.
    let elsewhere = base.and_then(|base| base.evidence.clone());
    evidence.extend(elsewhere.filter(|name| !evidence.contains(name)));
    let red = verdict == GateStand::Red;
    GateLine {
        owner: name,
        gate: gate.to_owned(),
        verdict,
        at: said.map(|said| stamp(said.when.at_ms)),
        attempt,
        red_times: u32::try_from(red_times).unwrap_or(u32::MAX),
        reason: said.and_then(|said| said.red.clone()).filter(|_| red),
        red_on_base: base.and_then(|base| base.red),
        on_base: base.map(OnBase::words),
        flaky: own
            .iter()
            .any(|v| v.gate == gate && v.attempt == attempt && v.flaky),
        signed: signed.map(signature),
        evidence,
        stops: if red { stops(state, owner) } else { Vec::new() },
    }
}

/// How a gate stands that is being checked just now.
fn now(state: &State, owner: Owner, gate: &str) -> Option<GateStand> {
    let check = state.check_of(owner)?;
    let steps = state.checks_of(owner);
    let here = steps.get(check.step as usize)?.gate == gate;
    here.then_some(match check.job {
        JobState::Asking => GateStand::Asks,
        _ if check.purpose == Purpose::Base => GateStand::Red,
        _ => GateStand::Checking,
    })
}

/// Who cannot begin before the gates of an owner have passed, named up to a number.
#[must_use]
pub fn stops(state: &State, owner: Owner) -> Vec<String> {
    let held = state.stopped_by(owner).into_iter();
    let mut names: Vec<String> = held.map(|ix| state.id(ix).to_string()).collect();
    if let Owner::Cohort(ix) = owner
        && state.setup.cohorts[ix.ix()].kind == CohortKind::Run
    {
        names.push("the end of the run".to_owned());
    }
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names
}

fn signature(signed: &Signed) -> Signature {
    Signature {
        by: signed.by.clone(),
        at: stamp(signed.when.at_ms),
        yes: signed.yes,
        note: signed.text.clone(),
        url: signed.url.clone(),
    }
}

fn stamp(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| String::new(), |at| at.to_string())
}

/// Writes them as a section of Markdown: gates over more than one agent and whatever is not plainly
/// green first.
pub(super) fn render(out: &mut String, gates: &[GateLine]) {
    if gates.is_empty() {
        return;
    }
    out.push_str("## Gates\n\n");
    let count = |stand| gates.iter().filter(|line| line.verdict == stand).count();
    let stands = [
        GateStand::Passed,
        GateStand::Red,
        GateStand::Asks,
        GateStand::Checking,
        GateStand::Open,
    ];
    let counts: Vec<String> = stands
        .into_iter()
        .map(|stand| (count(stand), stand.name()))
        .filter(|(n, _)| *n > 0)
        .map(|(n, name)| format!("{n} {name}"))
        .collect();
    let _ = writeln!(out, "{}.\n", counts.join(", "));
    out.push_str("| of | gate | verdict | when | signed | on the base | evidence | stops |\n");
    out.push_str("|---|---|---|---|---|---|---|---|\n");
    let plain = |line: &&GateLine| {
        !line.owner.contains(':')
            && line.verdict == GateStand::Passed
            && !line.flaky
            && line.signed.is_none()
    };
    let first = gates.iter().filter(|line| !plain(line));
    let rest = gates.iter().filter(plain);
    for line in first.chain(rest).take(LISTED) {
        row(out, line);
    }
    if gates.len() > LISTED {
        let _ = writeln!(out, "\n{} more in `report.json`.", gates.len() - LISTED);
    }
    out.push('\n');
}

fn row(out: &mut String, line: &GateLine) {
    let flaky = if line.flaky { ", flaky" } else { "" };
    let again = match line.red_times {
        0 => String::new(),
        1 if line.verdict == GateStand::Red => String::new(),
        n => format!(", red {n} ×"),
    };
    let reason = line
        .reason
        .as_deref()
        .map_or_else(String::new, |why| format!(": {}", text(why)));
    let signed = line.signed.as_ref().map_or_else(String::new, |signed| {
        let how = if signed.yes { "yes" } else { "no" };
        let note = signed
            .note
            .as_deref()
            .map_or_else(String::new, |note| format!(": {}", text(note)));
        let link = signed.url.as_deref().filter(|url| {
            // The note has it already.
            !signed
                .note
                .as_deref()
                .is_some_and(|note| note.contains(*url))
        });
        let link = link.map_or_else(String::new, |url| format!(" ({})", text(url)));
        format!("{how} by {}, {}{note}{link}", text(&signed.by), signed.at)
    });
    let files: Vec<String> = line
        .evidence
        .iter()
        .take(4)
        .map(|name| format!("gates/{}", text(name)))
        .collect();
    let more = match line.evidence.len().saturating_sub(4) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let stops: Vec<String> = line.stops.iter().map(|name| text(name)).collect();
    let _ = writeln!(
        out,
        "| {} | {} | {}{flaky}{again}{reason} | {} | {signed} | {} | {}{more} | {} |",
        text(&line.owner),
        text(&line.gate),
        line.verdict.name(),
        line.at.as_deref().unwrap_or("–"),
        line.on_base.as_deref().map(text).unwrap_or_default(),
        files.join(", "),
        stops.join(", "),
    );
}
