//! `wavedeck status`: where a run stands, once or again and again.

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome, status as exit},
    find,
    glance::{self, Glance},
    out,
};
use crate::{
    display::{safe_json, spoken},
    engine::{AgentState, Lease, State, participants},
    journal::{Reader, RunDir, fold, last_sample},
    plan::Agent,
    runtime::past,
    status::{judge, standings},
    tui::view::attention,
};

/// Flags of `status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// Which run.
    #[command(flatten)]
    pub of: super::RunName,
    /// One JSON object
    #[arg(long, conflicts_with = "watch")]
    pub json: bool,
    /// Print again whenever something changes
    #[arg(long)]
    pub watch: bool,
}

/// Prints where a run stands.
pub fn status(args: &StatusArgs, global: &Global) -> Outcome {
    let dir = find::run(args.of.run.as_deref())?;
    let mut last = None;
    let mut planned = None;
    let zone = crate::sys::zone::local_zone();
    loop {
        let live = dir.is_live();
        let state = read(&dir)?;
        let sample = last_sample(&dir.path);
        let glance = Glance {
            state: &state,
            sample: sample.as_ref(),
            live,
            now_ms: jiff::Timestamp::now().as_millisecond(),
            planned: Some(planned.get_or_insert_with(|| past::planned(&state.setup))),
            zone: &zone,
        };
        let mut text = if args.json {
            json(glance)
        } else {
            glance::text(glance)
        };
        if global.plain && !args.json {
            text = spoken(&text);
        }
        // Times and memory move all the while; what is worth telling again is an event.
        let at = Some((state.seq, live));
        if at != last {
            if last.is_some() {
                text.insert(0, '\n');
            }
            out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
            last = at;
        }
        if !args.watch || !live {
            return Ok(exit::OK);
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
}

pub(super) fn read(dir: &RunDir) -> Result<State, Error> {
    let setup = find::setup(dir)?;
    let mut reader = Reader::open(&dir.path).map_err(|e| Error::usage(e.to_string()))?;
    fold(setup.into(), &mut reader).map_err(|e| Error::usage(e.to_string()))
}

/// The worker of an agent's present or last attempt; none: it has none, or none has been chosen.
fn worker<'a>(state: &'a State, agent: &AgentState, plan: &Agent) -> Option<&'a str> {
    let chosen = plan.capability.is_none() || agent.attempt > 0;
    let worker = plan.modes.get(agent.mode as usize)?.worker?;
    chosen.then(|| state.setup.plan.workers[worker.ix()].name.as_str())
}

/// A lease of an agent; `place` is its place in line, none where it waits for nothing or stands still.
fn lease_json(state: &State, lease: &Lease) -> serde_json::Value {
    let place = state.lease_place(lease.number);
    serde_json::json!({
        "number": lease.number, "name": lease.name, "ram_bytes": lease.ram_bytes, "since_us": lease.since_us,
        "granted_us": lease.granted_us, "place": place.filter(|_| lease.waits()),
    })
}

fn json(glance: Glance<'_>) -> String {
    let Glance {
        state,
        sample,
        live,
        ..
    } = glance;
    let facts = glance.facts();
    let standings = standings(facts);
    let verdict = judge(facts, &standings);
    let cards: Vec<serde_json::Value> = standings
        .iter()
        .map(|s| {
            serde_json::json!({
                "track": s.card.track, "status": s.card.status.name(),
                "progress_percent": s.card.progress_percent, "says_percent": s.says_percent,
                "blockers": s.card.blockers.iter().map(|b| serde_json::json!({
                    "blocker": b.blocker, "severity": b.severity, "by": b.by,
                    "resolution_plan": b.resolution_plan,
                })).collect::<Vec<_>>(),
            })
        })
        .collect();
    let gate: Vec<serde_json::Value> = verdict
        .criteria
        .iter()
        .map(|c| serde_json::json!({ "name": c.name, "met": c.met, "figure": c.figure }))
        .collect();
    let agents: Vec<serde_json::Value> = (state.setup.plan.indices())
        .zip(&state.setup.plan.agents)
        .map(|(ix, plan)| {
            let agent = state.agent(ix);
            serde_json::json!({
                "leases": state.leases_of(ix).map(|lease| lease_json(state, lease)).collect::<Vec<_>>(),
                "agent": plan.id, "status": agent.status.name(), "attempt": agent.attempt,
                "started_us": agent.started_us, "ended_us": agent.ended_us, "last_update_us": agent.since_us,
                "phase": plan.phase.map(|p| &state.setup.plan.phases[p.ix()].id),
                "reason": agent.reason, "peak_bytes": agent.peak_bytes,
                "worker": worker(state, agent, plan),
                "chosen": agent.talk.as_ref().and_then(|talk| talk.choice.as_ref()),
            })
        })
        .collect();
    let phases: Vec<serde_json::Value> = state
        .phases
        .iter()
        .zip(&state.setup.plan.phases)
        .map(|(phase, plan)| {
            serde_json::json!({
                "phase": plan.id, "status": phase.status, "gate_red": phase.gate_red,
                "reason": phase.reason,
            })
        })
        .collect();
    let cohorts = state.setup.cohorts.iter().zip(&state.cohorts);
    let cohorts: Vec<serde_json::Value> = cohorts
        .map(|(cohort, gates)| {
            serde_json::json!({
                "cohort": cohort.name, "status": gates.status, "gate_red": gates.gate_red,
                "reason": gates.reason,
            })
        })
        .collect();
    let syncs: Vec<serde_json::Value> = (state.syncs.open.iter())
        .map(|(number, point)| {
            serde_json::json!({
                "number": number, "sync": point.sync, "wave": point.wave, "phase": point.phase,
                "cohort": point.cohort, "participants": participants(state, point),
            })
        })
        .collect();
    let attention: Vec<serde_json::Value> = attention::waiting(state)
        .iter()
        .map(|item| super::asks::json(state, item))
        .collect();
    let memory = sample.map(|s| {
        serde_json::json!({
            "at_ms": s.at_ms, "total_bytes": s.machine.total_bytes,
            "available_bytes": s.machine.available_bytes, "agents_bytes": s.figures.agents_bytes,
            "limit_bytes": state.setup.ram_limit_bytes, "reserved_bytes": state.usage.ram_bytes,
            "pressure_permille": s.figures.pressure_permille,
            "swap_used_bytes": s.machine.swap_used_bytes, "others_bytes": s.figures.others_bytes,
            "rung": s.machine.rung, "strays": s.machine.strays,
        })
    });
    let value = serde_json::json!({
        "run": state.run, "plan": state.setup.plan.name, "live": live, "finished": state.finished,
        "mode": state.mode, "zone": state.memory.zone, "seq": state.seq, "elapsed_us": state.elapsed_us,
        "agents": agents, "phases": phases, "cohorts": cohorts, "syncs": syncs, "attention": attention, "memory": memory,
        "cards": cards, "gate": gate, "secrets_taken_out": state.redacted,
    });
    format!("{}\n", safe_json(&value.to_string()))
}
