//! `wavedeck status`: where a run stands, once or again and again.

use std::{collections::BTreeMap, fmt::Write};

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome, status as exit},
    find, out,
};
use crate::{
    display::{clean_line, safe_json},
    engine::{State, Status, mode_name},
    journal::{Reader, RunDir, fold},
    runtime::prepare::read_folder,
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
    let mut last = String::new();
    loop {
        let live = dir.is_live();
        let state = read(&dir)?;
        let text = if args.json {
            json(&state, live)
        } else {
            text(&state, live)
        };
        if text != last {
            out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
            last = text;
        }
        if !args.watch || !live {
            return Ok(exit::OK);
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
}

fn read(dir: &RunDir) -> Result<State, Error> {
    let (setup, _) = read_folder(&dir.path)?;
    let mut reader = Reader::open(&dir.path).map_err(|e| Error::usage(e.to_string()))?;
    fold(setup.into(), &mut reader).map_err(|e| Error::usage(e.to_string()))
}

/// One line for the run, then one for each agent that is not simply done or waiting.
fn text(state: &State, live: bool) -> String {
    let mut counts: BTreeMap<Status, usize> = BTreeMap::new();
    for agent in &state.agents {
        *counts.entry(agent.status).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(status, n)| format!("{n} {}", status.name()))
        .collect();
    let end = match (state.finished, live) {
        (Some(status), _) => format!("ended with status {status}"),
        (None, true) => format!("live, {}", mode_name(state.mode)),
        (None, false) => "interrupted: `wavedeck resume` goes on".to_owned(),
    };
    let name = clean_line(&state.setup.plan.name, 80);
    let mut out = format!("{}  {name}  {end}\n{}\n", state.run, counts.join(", "));
    for (agent, plan) in state.agents.iter().zip(&state.setup.plan.agents) {
        let reason = agent.reason.as_deref().unwrap_or_default();
        let shown = !matches!(
            agent.status,
            Status::Waiting | Status::Succeeded | Status::Ready
        );
        if shown {
            let reason = clean_line(reason, 200);
            // Writing into memory cannot fail.
            let _ = writeln!(
                out,
                "  {:<11} {:<24} {reason}",
                agent.status.name(),
                plan.id.as_str()
            );
        }
    }
    out
}

fn json(state: &State, live: bool) -> String {
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
    let value = serde_json::json!({
        "run": state.run, "plan": state.setup.plan.name, "live": live, "finished": state.finished,
        "mode": state.mode, "zone": state.memory.zone, "seq": state.seq, "elapsed_us": state.elapsed_us,
        "agents": agents,
    });
    format!("{}\n", safe_json(&value.to_string()))
}
