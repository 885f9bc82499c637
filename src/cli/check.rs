//! `wavedeck check`: every problem of a plan at once.

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome, status},
    learnt,
    load::{self, WhichPlan},
    out, overlaps, programs,
};
use crate::{
    config::FlagLayer,
    display::escape,
    graph::Graph,
    plan::{Plan, expand},
};

/// Flags of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Which plan.
    #[command(flatten)]
    pub plan: WhichPlan,
    /// Print the plan after defaults, each and override
    #[arg(long)]
    pub expand: bool,
}

/// Checks a plan.
pub fn check(args: &CheckArgs, global: &Global) -> Outcome {
    let mut input = load::load(&args.plan, &FlagLayer::default())?;
    overlaps::look(&mut input);
    out::complain(&input.warnings(global));
    out::complain(&programs::warnings(&input));
    for note in learnt::notes_of(&input) {
        out::complain(&format!("note: {}\n", escape(&note)));
    }
    let text = if args.expand {
        expand::to_toml(&input.plan)
    } else {
        summary(&input.plan)
    };
    out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}

fn summary(plan: &Plan) -> String {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let waves = Graph::new(plan).waves().len();
    format!(
        "ok: {}, {}, {}, {}\n",
        count(plan.agents.len(), "agent"),
        count(plan.phases.len(), "phase"),
        count(plan.tracks.len(), "track"),
        count(waves, "wave"),
    )
}
