//! `wavedeck plan`: waves, schedule, resources, options and advice, in five forms.
//!
//! Must not compute any of it: `schedule` does, and `report::plan` writes it.

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome, status},
    learnt,
    load::{self, Input, WhichPlan},
    out, overlaps, style,
};
use crate::{
    config::{Config, FlagLayer, tier},
    plan::Plan,
    report::plan as render,
    schedule::{Analysis, Capacity, Inputs, capacity_from_plan, learnt::apply},
    sys::memory::Meters,
};

/// Flags of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Which plan.
    #[command(flatten)]
    pub plan: WhichPlan,
    /// The form of the output.
    #[command(flatten)]
    pub form: Form,
    /// Schedules to try at most; stated in the inputs, there is no optimiser yet
    #[arg(long, value_name = "N", default_value_t = 5000)]
    pub effort: u64,
    /// Seed of the optimiser; stated in the inputs, there is no optimiser yet
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Use the plan's own estimates alone, not what earlier runs have taught
    #[arg(long)]
    pub no_learnt: bool,
}

/// In which form; none: a table.
#[derive(Debug, Clone, Copy, Args)]
#[group(multiple = false)]
pub struct Form {
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// The graph for Graphviz
    #[arg(long)]
    pub dot: bool,
    /// The graph for Mermaid
    #[arg(long)]
    pub mermaid: bool,
    /// BUILDSTATE JSON
    #[arg(long)]
    pub buildstate: bool,
}

/// Plans.
pub fn plan(args: &PlanArgs, global: &Global) -> Outcome {
    let mut input = load::load(&args.plan, &FlagLayer::default())?;
    overlaps::look(&mut input);
    out::complain(&input.warnings(global));
    let mode = load::mode_in_force(&input);
    if mode != input.plan.mode {
        out::complain("note: the configuration switches parallel work off: sequential\n");
        input.plan.mode = mode;
    }
    let text = text(args, global, &mut input)?;
    out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}

fn text(args: &PlanArgs, global: &Global, input: &mut Input) -> Result<String, Error> {
    let capacity = capacity(&input.plan, &input.config)?;
    let mut applied = Vec::new();
    let mut used = sha256(b"");
    if !args.no_learnt {
        let (needs, problem) = learnt::found(input);
        if let Some(problem) = problem {
            out::complain(&format!("note: {problem}\n"));
        }
        if !needs.is_empty() {
            used = hash_of(&needs)?;
        }
        applied = apply(&mut input.plan, &needs, capacity.ram_bytes);
    }
    let inputs = Inputs {
        config: hash_of(&input.config)?,
        learnt: used,
        effort: args.effort,
        seed: args.seed,
    };
    let mut analysis = Analysis::new(&input.plan, capacity, inputs);
    analysis.learnt = applied;
    let plan = &input.plan;
    let form = &args.form;
    Ok(if form.json {
        render::to_json(plan, &analysis)
    } else if form.dot {
        render::to_dot(plan, &analysis)
    } else if form.mermaid {
        render::to_mermaid(plan, &analysis)
    } else if form.buildstate {
        render::to_buildstate(plan, &analysis)
    } else if global.plain {
        render::to_lines(plan, &analysis)
    } else {
        let colour = if style::colours(global, input.config.ui.color) {
            render::Colour::Ansi
        } else {
            render::Colour::None
        };
        render::to_table(plan, &analysis, style::width(), colour)
    })
}

/// What the schedule may use: the plan's limits as stated, else the configuration's, else this
/// machine's.
fn capacity(plan: &Plan, config: &Config) -> Result<Capacity, Error> {
    let (total, _) = Meters::open()
        .and_then(|meters| meters.binding())
        .map_err(|e| Error::internal("the machine's memory cannot be read", e))?;
    let cpus = std::thread::available_parallelism().map_or(1, |n| n.get() as u64) * 1000;
    let agents = config
        .limits
        .agents
        .unwrap_or_else(|| tier::default_agents(total));
    let cpus = config.limits.cpus_milli.map_or(cpus, |user| user.min(cpus));
    let mut capacity = capacity_from_plan(plan, total, cpus, agents);
    if plan.limits.ram.is_none() {
        capacity.ram_bytes = config.limits.ram.bytes_of(total).min(total);
    }
    Ok(capacity)
}

fn hash_of(what: &impl serde::Serialize) -> Result<String, Error> {
    let text = serde_json::to_vec(what)
        .map_err(|e| Error::internal("what the plan rests on cannot be written", e))?;
    Ok(sha256(&text))
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", crate::runtime::runner::sha256(bytes))
}
