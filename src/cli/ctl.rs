//! `wavedeck ctl`: the operator's actions from a script.

use clap::Args;

use super::{
    add::{self, AddArgs},
    args::{Global, RunName},
    error::{Error, Outcome, status},
    find, out,
};
use crate::{
    engine::{
        Action, Target,
        words::{ParseError, parse},
    },
    journal::{Phase, RunDir},
    runtime::client::{Client, ClientError},
};

/// Flags of `ctl`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Actions:
  pause TARGET…        freeze what runs, hold back what has not started (or: freeze)
  resume TARGET…       take a pause back (or: thaw)
  stop [TARGET…]       end agents; without a target the whole run
  retry TARGET…        start an ended or blocked agent, or a phase's red gate, again
  mode MODE            sequential, parallel or hybrid
  sequential [--now]   one agent at a time; --now freezes all but one at once
  swap AGENT [WORKER]  another of its workers from its next attempt on
  unload MODEL         take a model that nobody uses out of memory
  agents N             so many agents at once
  add TEXT…            one more agent: `claude: fix it`, `lint: …`, `$ cargo test`; a track before it: `ui/claude: …`
  add -- COMMAND…      the same in words: a command, or a worker and its prompt; with --- between several
  add --plan FILE      all [[agent]] tables of a file; add -f FILE: an agent a line
  answer ID ANSWER…    yes, no, retry, stop or seen to what waits for you (`wavedeck asks`); then a text, or --note, and --url
  answer ID always     what an agent asks leave for, whenever it wants it in this run
  answer ID say TEXT…  to an agent's question, in words
  tell AGENT TEXT…     say something to an agent, at its next turn; --now breaks its turn off for it
  approve ID…          the same as answer ID yes
  choose ID FILE SIDE  in a conflict: ours, theirs, both, both-reversed or base; FILE may be FILE#PLACE or all
  undo ID              take the last choice in a conflict back
  settle ID HOW        chosen, sequential, hand-back or escalate; then a note
  rollback WAVE        take the integrated work back to the checkpoint of a wave
  stats                the runner's own figures: how long its turns take, what waits
A TARGET is an agent's id, track:ID, phase:ID or all.")]
pub struct CtlArgs {
    /// Which run.
    #[command(flatten)]
    pub of: RunName,
    /// Ask nothing
    #[arg(short, long)]
    pub yes: bool,
    /// With sequential: freeze all but one at once; with tell: break the agent's turn off
    #[arg(long)]
    pub now: bool,
    /// With answer and approve: what is said with it
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// With answer and approve: where more of it can be read
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// What is added
    #[command(flatten)]
    pub add: AddArgs,
    /// With stats: one JSON object
    #[arg(long)]
    pub json: bool,
    /// The action and what it is aimed at
    #[arg(required = true, value_name = "ACTION")]
    pub action: Vec<String>,
    /// With add: a command, or a worker and its prompt
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Sends actions to a live run.
pub fn ctl(args: &CtlArgs, _global: &Global) -> Outcome {
    if args.action == ["stats"] {
        return stats(args);
    }
    if args.json {
        return Err(Error::usage("--json is for `ctl stats`"));
    }
    let mut actions = if args.action == ["add"] {
        vec![add::written(&args.add, &args.command)?]
    } else {
        let words: Vec<String> = args.action.iter().chain(&args.command).cloned().collect();
        parse(&words, args.now).map_err(refusal)?
    };
    add::flags(&mut actions, &args.add)?;
    for action in &mut actions {
        said(action, args)?;
    }
    let whole = actions
        .iter()
        .any(|a| matches!(a, Action::Stop { target: None }));
    if whole && !args.yes && !confirmed("Stop the whole run? [y/N] ")? {
        return Err(Error::usage("nothing was stopped"));
    }
    let dir = find::run_to_steer(args.of.run.as_deref())?;
    if !dir.is_live() {
        return Err(not_live(&dir));
    }
    let refused = |error: ClientError| Error::usage(error.to_string());
    let mut client = Client::connect(&dir.path, false).map_err(refused)?;
    for action in actions {
        let adds = matches!(action, Action::Add { .. });
        // The agents may all have ended while a red gate keeps the run open.
        let all = matches!(
            &action,
            Action::Stop {
                target: Some(Target::All)
            }
        );
        let seq = client.act(action).map_err(|error| match error {
            ClientError::Refused(_) if all => {
                refused(error).help("`wavedeck ctl stop` ends the run itself")
            }
            ClientError::Refused(why) if adds => Error::Problems(format!("{}\n", why.trim_end())),
            error => refused(error),
        })?;
        if adds {
            add::told(&dir.path, seq)?;
        }
    }
    Ok(status::OK)
}

/// Adds what the flags say to an answer.
fn said(action: &mut Action, args: &CtlArgs) -> Result<(), Error> {
    let (note, link) = (&args.note, &args.url);
    let Action::Answer { text, url, .. } = action else {
        if note.is_some() || link.is_some() {
            return Err(Error::usage("--note and --url are for answer and approve"));
        }
        return Ok(());
    };
    if note.is_some() && text.is_some() {
        return Err(Error::usage("the note is given twice")
            .help("`ctl answer 3 yes --note \"…\"`, or the words behind it"));
    }
    *text = text.take().or_else(|| note.clone());
    url.clone_from(link);
    Ok(())
}

/// Prints the runner's figures about itself: a name and a number a line, or one JSON object.
fn stats(args: &CtlArgs) -> Outcome {
    let dir = find::run_to_steer(args.of.run.as_deref())?;
    if !dir.is_live() {
        return Err(not_live(&dir));
    }
    let lost = |error: ClientError| Error::failed(error.to_string());
    let mut client = Client::connect(&dir.path, false).map_err(lost)?;
    let stats = client.stats().map_err(lost)?;
    let text = if args.json {
        let json = serde_json::to_string(&stats);
        let json = json.map_err(|e| Error::internal("the figures cannot be written", e))?;
        format!("{json}\n")
    } else {
        let rows = stats
            .rows()
            .map(|(name, value)| format!("{name} {value}\n"));
        let steps = stats.turn_histogram_us.iter();
        let steps = steps.map(|(most, turns)| format!("turns_of_at_most_{most}_us {turns}\n"));
        rows.into_iter().chain(steps).collect()
    };
    out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}

/// What to do with a run that nobody runs.
pub(super) fn not_live(dir: &RunDir) -> Error {
    let (how, help) = match dir.info().phase {
        Phase::Finished { status } => (
            format!("it ended with status {status}"),
            "`wavedeck replay` and `report` show it; a new `wavedeck run` tries again",
        ),
        _ => (
            "it was interrupted".to_owned(),
            "`wavedeck resume` goes on with it",
        ),
    };
    Error::usage(format!("run {} is not live: {how}", dir.id)).help(help)
}

/// Asks a person; without one the answer is the harmless one.
fn confirmed(question: &str) -> Result<bool, Error> {
    use std::io::{BufRead, IsTerminal};
    if !std::io::stdin().is_terminal() {
        return Err(Error::usage("this needs a yes").help("add -y"));
    }
    out::complain(question);
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|e| Error::internal("no answer", e))?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// A refusal of the words, in the words of the command line.
fn refusal(error: ParseError) -> Error {
    match error {
        ParseError::Usage { message, help } => match help {
            Some(help) => Error::usage(message).help(help),
            None => Error::usage(message),
        },
        ParseError::NotBuilt { verb, why } => Error::not_built(&format!("ctl {verb}"), &why),
    }
}
