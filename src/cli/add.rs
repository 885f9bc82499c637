//! `ctl add`: what a command line adds to a live run.
//!
//! Reads the files that it names; what they mean is the runner's word, which has the plan.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{error::Error, load, planless};
use crate::{
    display::escape,
    engine::{Action, Addition},
};

/// Bytes that added tables may have: they go to the runner in one frame.
const LIMIT: u64 = 1 << 20;

/// Bytes that its prompt files may have together.
const ALL_PROMPTS: usize = 2 << 20;

/// Flags of `ctl add`.
#[derive(Debug, Clone, Default, Args)]
pub struct AddArgs {
    /// With add: its id; else it is made of the words
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// With add: its track
    #[arg(long, value_name = "TRACK")]
    pub track: Option<String>,
    /// With add: its phase
    #[arg(long, value_name = "PHASE")]
    pub phase: Option<String>,
    /// With add: agents that have to be done first
    #[arg(long, value_name = "AGENT", value_delimiter = ',')]
    pub after: Vec<String>,
    /// With add: the memory that it needs, such as 2GiB
    #[arg(long, value_name = "SIZE")]
    pub ram: Option<String>,
    /// With add: who does it, where the text names nobody
    #[arg(long, value_name = "WORKER")]
    pub worker: Option<String>,
    /// With add: a file with tables [[agent]]
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub plan: Option<PathBuf>,
    /// With add: a list, an agent a line
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

impl AddArgs {
    fn beside(&self) -> bool {
        let texts = [&self.id, &self.track, &self.phase, &self.ram, &self.worker];
        texts.iter().any(|text| text.is_some()) || !self.after.is_empty()
    }
}

/// Reads what is added without words: a command behind `--`, a plan's tables, a list.
///
/// # Errors
/// What is missing, or cannot be read.
pub fn written(args: &AddArgs, command: &[String]) -> Result<Action, Error> {
    let mut wanted = Addition::default();
    match (&args.plan, &args.file, command) {
        (None, None, []) => {
            return Err(Error::usage("there is nothing to add")
                .help("wavedeck ctl add 'claude: fix the flaky test'; ctl add -- cargo test; ctl add --plan more.toml"));
        }
        (None, None, _) => wanted.command = command.to_vec(),
        (Some(path), _, []) => of_plan(path, &mut wanted)?,
        (None, Some(path), []) => wanted.lines = planless::read_list(path)?,
        _ => {
            return Err(Error::usage(
                "words and a file are given: add them one after the other",
            ));
        }
    }
    Ok(Action::Add {
        wanted: Some(Box::new(wanted)),
    })
}

/// Adds what the flags say; refuses them where nothing is added.
///
/// # Errors
/// Which does not go with the action.
pub fn flags(actions: &mut [Action], args: &AddArgs) -> Result<(), Error> {
    let [
        Action::Add {
            wanted: Some(wanted),
        },
    ] = actions
    else {
        return if args.beside() || args.plan.is_some() || args.file.is_some() {
            Err(Error::usage(
                "--id, --track, --phase, --after, --ram, --worker, --plan and --file are for add",
            ))
        } else {
            Ok(())
        };
    };
    let words = !wanted.lines.is_empty() && args.file.is_none();
    if words && (args.plan.is_some() || args.file.is_some()) {
        return Err(Error::usage(
            "words and a file are given: add them one after the other",
        ));
    }
    if args.plan.is_some() && args.beside() {
        return Err(
            Error::usage("what a table says is not said again by a flag")
                .help("write it into the file"),
        );
    }
    for (to, from) in [
        (&mut wanted.id, &args.id),
        (&mut wanted.track, &args.track),
        (&mut wanted.phase, &args.phase),
        (&mut wanted.ram, &args.ram),
        (&mut wanted.worker, &args.worker),
    ] {
        if let Some(from) = from {
            *to = Some(from.clone());
        }
    }
    wanted.after.extend(args.after.iter().cloned());
    Ok(())
}

/// Reads the tables of a file, and the prompt files that they name: the runner may be elsewhere.
fn of_plan(path: &Path, wanted: &mut Addition) -> Result<(), Error> {
    let name = escape(&path.display().to_string());
    let text = load::read_own(path, LIMIT)
        .map_err(|(_, _, why)| Error::usage(format!("{name} cannot be read: {why}")))?;
    wanted.tables = text.ok_or_else(|| Error::usage(format!("there is no file {name}")))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    // What is no TOML is refused by the runner, with its place.
    let table: toml::Table = wanted.tables.parse().unwrap_or_default();
    let agents = table.get("agent").and_then(toml::Value::as_array);
    let prompts =
        (agents.into_iter().flatten()).filter_map(|agent| agent.get("prompt_file")?.as_str());
    let mut room = ALL_PROMPTS;
    for prompt in prompts {
        let text = load::read_prompt(folder, prompt).map_err(|why| {
            Error::usage(format!(
                "{name}: the prompt file {} cannot be read: {why}",
                escape(prompt)
            ))
        })?;
        room = room.checked_sub(text.len()).ok_or_else(|| {
            Error::usage(format!(
                "the prompt files of {name} have more than {} MiB",
                ALL_PROMPTS >> 20
            ))
        })?;
        wanted.files.insert(prompt.to_owned(), text);
    }
    Ok(())
}
