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
    display::safe_json,
    engine::State,
    journal::{Reader, RunDir, fold, last_sample},
    resources::Sample,
    tui::view::attention::{self, Waiting},
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
pub fn status(args: &StatusArgs, _global: &Global) -> Outcome {
    let dir = find::run(args.of.run.as_deref())?;
    let mut last = None;
    loop {
        let live = dir.is_live();
        let state = read(&dir)?;
        let sample = last_sample(&dir.path);
        let mut text = if args.json {
            json(&state, sample.as_ref(), live)
        } else {
            glance::text(Glance {
                state: &state,
                sample: sample.as_ref(),
                live,
                now_ms: jiff::Timestamp::now().as_millisecond(),
            })
        };
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

fn read(dir: &RunDir) -> Result<State, Error> {
    let setup = find::setup(dir)?;
    let mut reader = Reader::open(&dir.path).map_err(|e| Error::usage(e.to_string()))?;
    fold(setup.into(), &mut reader).map_err(|e| Error::usage(e.to_string()))
}

fn json(state: &State, sample: Option<&Sample>, live: bool) -> String {
    let agents: Vec<serde_json::Value> = state
        .agents
        .iter()
        .zip(&state.setup.plan.agents)
        .map(|(agent, plan)| {
            serde_json::json!({
                "agent": plan.id, "status": agent.status.name(), "attempt": agent.attempt,
                "started_us": agent.started_us, "ended_us": agent.ended_us, "last_update_us": agent.since_us,
                "phase": plan.phase.map(|p| &state.setup.plan.phases[p.ix()].id),
                "reason": agent.reason, "peak_bytes": agent.peak_bytes,
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
    let attention: Vec<serde_json::Value> = attention::waiting(state)
        .into_iter()
        .map(|what| {
            let held = attention::held_up(state, what);
            let (agent, phase) = match what {
                Waiting::Agent(ix) => (Some(state.id(ix)), None),
                Waiting::Phase(ix) => (None, Some(&state.setup.plan.phases[ix.ix()].id)),
            };
            let held: Vec<_> = held.into_iter().map(|ix| state.id(ix)).collect();
            serde_json::json!({ "agent": agent, "phase": phase, "holds_up": held })
        })
        .collect();
    let memory = sample.map(|s| {
        serde_json::json!({
            "at_ms": s.at_ms, "total_bytes": s.machine.total_bytes,
            "available_bytes": s.machine.available_bytes, "agents_bytes": s.figures.agents_bytes,
            "limit_bytes": state.setup.ram_limit_bytes, "reserved_bytes": state.usage.ram_bytes,
            "pressure_permille": s.figures.pressure_permille,
        })
    });
    let value = serde_json::json!({
        "run": state.run, "plan": state.setup.plan.name, "live": live, "finished": state.finished,
        "mode": state.mode, "zone": state.memory.zone, "seq": state.seq, "elapsed_us": state.elapsed_us,
        "agents": agents, "phases": phases, "attention": attention, "memory": memory,
    });
    format!("{}\n", safe_json(&value.to_string()))
}
