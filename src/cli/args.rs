//! What the command line may say: every command with its flags.
//!
//! Must not do anything: the commands' own files do. Flags of one command stand in its file.

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    asks::AsksArgs, attach::AttachArgs, check::CheckArgs, completions::CompletionsArgs,
    ctl::CtlArgs, demo::DemoArgs, diff::DiffArgs, digest::DigestArgs, doctor::DoctorArgs,
    init::InitArgs, learnt::LearntArgs, logs::LogsArgs, plan::PlanArgs, replay::ReplayArgs,
    report::ReportArgs, report_status::ReportStatusArgs, resume::ResumeArgs, run::RunArgs,
    runs::RunsArgs, save::SaveArgs, schema::SchemaArgs, status::StatusArgs, unbuilt,
    wait::WaitArgs,
};

/// Runs a plan of many coding agents, finds a good schedule for this machine's memory, and shows it.
#[derive(Debug, Parser)]
#[command(
    name = "wavedeck",
    version,
    disable_help_subcommand = true,
    after_help = "PLAN defaults to wavedeck.toml, here or at the repository's root.\n\
                  Exit status: 0 all went well; 1 an agent or gate failed; 2 bad usage, plan or \
                  config;\n3 stopped by a person; 4 the runner failed; 5 ended, but something \
                  waits for a person."
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command; none: home.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// Lines of text alone: no colours, no drawing; for screen readers
    #[arg(long, global = true, display_order = 900)]
    pub plain: bool,
    /// When to use colours; NO_COLOR and CLICOLOR_FORCE are obeyed
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        display_order = 901
    )]
    pub color: Option<When>,
}

/// When something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// As terminal and environment say
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Which run a command is about.
#[derive(Debug, Clone, Default, Args)]
pub struct RunName {
    /// The run, by a unique prefix of its name; default: the live or latest one
    #[arg(long = "run", value_name = "RUN")]
    pub run: Option<String>,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the built-in plan with simulated agents
    Demo(DemoArgs),
    /// Write a short plan that runs
    Init(InitArgs),
    /// Validate a plan; says all problems at once
    Check(CheckArgs),
    /// Show waves, schedule, resources, options and advice
    Plan(PlanArgs),
    /// Run a plan
    Run(RunArgs),
    /// Write the plan of a run as a plan file
    Save(SaveArgs),
    /// Open the dashboard of a live run
    Attach(AttachArgs),
    /// Go on with a run that was interrupted
    Resume(ResumeArgs),
    /// Show a recorded run again
    Replay(ReplayArgs),
    /// Metrics, bottlenecks and advice of a run
    Report(ReportArgs),
    /// Write a run as one file (not built yet)
    Export(unbuilt::OfRun),
    /// Steer a live run: pause, resume, stop, retry, mode, sequential, swap, add, answer, tell and more
    Ctl(CtlArgs),
    /// Where a run stands
    Status(StatusArgs),
    /// What an agent printed
    Logs(LogsArgs),
    /// What waits for a person, and how to answer
    Asks(AsksArgs),
    /// What an agent changed
    Diff(DiffArgs),
    /// Wait for the end of a run and return its status
    Wait(WaitArgs),
    /// What happened while nobody looked
    Digest(DigestArgs),
    /// List, show or remove recorded runs
    Runs(RunsArgs),
    /// Show or forget what runs have taught of their agents
    Learnt(LearntArgs),
    /// Look at this machine and say what is missing
    Doctor(DoctorArgs),
    /// Print a JSON Schema
    Schema(SchemaArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Serve the operator's actions to agents (not built yet)
    Mcp,
    /// Report an agent's own status, from inside it
    ReportStatus(ReportStatusArgs),
}
