//! The command line: one file per command (DESIGN 6).
//!
//! Reads arguments, loads what a command needs and prints. Must not decide anything about a run.

pub mod adapters;
mod add;
mod again;
mod args;
mod asks;
pub mod attach;
mod check;
mod chosen;
mod completions;
mod consent;
pub mod ctl;
mod deck;
pub mod demo;
pub mod diff;
mod digest;
mod doctor;
mod editor;
mod error;
mod find;
mod found;
mod frame;
mod glance;
mod head;
pub mod home;
mod init;
pub mod launch;
mod layout;
pub mod learnt;
mod leased;
pub mod load;
pub mod logs;
pub mod out;
mod overlaps;
mod personal;
mod plain;
mod plan;
mod planless;
mod preflight;
mod prices;
mod programs;
mod reload;
pub mod replay;
mod report;
mod report_status;
mod resume;
pub mod run;
pub mod runs;
mod save;
mod schema;
mod state_folder;
pub mod status;
mod style;
mod unbuilt;
pub mod wait;

use std::{ffi::OsString, process::ExitCode};

use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser};

use crate::{
    display::{escape, hides},
    executor::simulate,
    plan::diag::without_drawing,
    sys::exec,
};

pub use args::{Cli, Command, Global, RunName};
pub use error::{Error, Outcome, status as exit};

/// Carries out the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Some(status) = leased::become_meant(&args) {
        return ExitCode::from(status);
    }
    // Hidden subcommands first: they start by the thousand and must not wait for the rest.
    match args.get(1).and_then(|a| a.to_str()) {
        Some(simulate::SUBCOMMAND) => {
            let json = args.get(2).and_then(|a| a.to_str()).unwrap_or_default();
            return ExitCode::from(simulate::simulated_agent(json));
        }
        Some(exec::SUBCOMMAND) => return ExitCode::from(exec::replace(&args[2..])),
        Some(run::GUARD) => return finish(run::guard(&args[2..]), &Global::default()),
        Some(frame::SUBCOMMAND) => return finish(frame::frame(&args[2..]), &Global::default()),
        Some(run::RUNNER) => return finish(run::runner(&args[2..]), &Global::default()),
        _ => {}
    }
    let command = Cli::command().color(colour_of_help(&args));
    let parsed = command
        .try_get_matches_from(&args)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => finish(dispatch(&cli), &cli.global),
        Err(error) => {
            let plain = error.render().to_string();
            if plain.chars().any(|c| c != '\n' && hides(c)) {
                // It repeats an argument, perhaps the name of a file that a shell put in.
                let lines: Vec<String> = plain.lines().map(escape).collect();
                out::complain(&(lines.join("\n") + "\n"));
            } else {
                // A reader of the help that goes away is no reason to complain.
                let _ = error.print();
            }
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE))
        }
    }
}

/// Whether help and usage errors carry colours; they are printed before the flags are known.
fn colour_of_help(args: &[OsString]) -> ColorChoice {
    let mut choice = ColorChoice::Auto;
    let mut words = args.iter().skip(1).map_while(|a| a.to_str());
    while let Some(word) = words.next() {
        let value = match word {
            "--" => break,
            "--plain" => return ColorChoice::Never,
            "--color" => words.next(),
            _ => word.strip_prefix("--color="),
        };
        choice = match value {
            Some("always") => ColorChoice::Always,
            Some("never") => ColorChoice::Never,
            Some(_) => ColorChoice::Auto,
            None => choice,
        };
    }
    choice
}

fn dispatch(cli: &Cli) -> Outcome {
    let global = &cli.global;
    let Some(command) = &cli.command else {
        return home::home(global);
    };
    match command {
        Command::Demo(args) => demo::demo(args, global),
        Command::Init(args) => init::init(args),
        Command::Check(args) => check::check(args, global),
        Command::Plan(args) => plan::plan(args, global),
        Command::Run(args) => run::run(args, global),
        Command::Save(args) => save::save(args, global),
        Command::Attach(args) => attach::attach(args, global),
        Command::Resume(args) => resume::resume(args, global),
        Command::Replay(args) => replay::replay(args, global),
        Command::Digest(args) => digest::digest(args, global),
        Command::Report(args) => report::report(args, global),
        Command::ReportStatus(args) => report_status::report_status(args),
        Command::Ctl(args) => ctl::ctl(args, global),
        Command::Status(args) => status::status(args, global),
        Command::Asks(args) => asks::asks(args, global),
        Command::Logs(args) => logs::logs(args, global),
        Command::Diff(args) => diff::diff(args, global),
        Command::Doctor(args) => doctor::doctor(args, global),
        Command::Wait(args) => wait::wait(args, global),
        Command::Runs(args) => runs::runs(args, global),
        Command::Learnt(args) => learnt::learnt(args, global),
        Command::Schema(args) => schema::schema(args),
        Command::Completions(args) => completions::completions(args),
        other => Err(unbuilt::refuse(other)),
    }
}

/// Says why a command could not do its work, and returns its status.
fn finish(outcome: Outcome, global: &Global) -> ExitCode {
    let error = match outcome {
        Ok(status) => return ExitCode::from(status),
        Err(error) => error,
    };
    let status = error.status();
    match error {
        Error::Usage { message, help } | Error::Failed { message, help } => {
            let help = help.map_or_else(String::new, |h| format!("help: {}\n", escape(&h)));
            out::complain(&format!("wavedeck: {}\n{help}", escape(&message)));
        }
        Error::Problems(text) if global.plain => out::complain(&without_drawing(&text)),
        Error::Problems(text) => out::complain(&text),
        Error::Internal { doing, source } => {
            // Only now: installing it costs more than most commands do.
            let theme = if style::colours_of_errors(global) {
                color_eyre::config::Theme::dark()
            } else {
                color_eyre::config::Theme::new()
            };
            let _ = color_eyre::config::HookBuilder::default()
                .theme(theme)
                .install();
            let report = color_eyre::eyre::Report::msg(source.to_string()).wrap_err(doing);
            out::complain(&format!("wavedeck: {report:?}\n"));
        }
    }
    ExitCode::from(status)
}

/// Parses arguments as `main` would; for tests.
///
/// # Errors
///
/// What clap says.
pub fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(args)
}
