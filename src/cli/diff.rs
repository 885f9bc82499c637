//! `wavedeck diff`: what an agent changed, from its commit or, while it works, from its workspace.
//!
//! Must not change anything, nor let what an agent wrote reach a terminal as it is.

use std::path::Path;

use clap::Args;

use super::{
    args::{Global, RunName},
    error::{Error, Outcome, status as exit},
    find, out,
    status::read,
};
use crate::{
    display::clean_line,
    runtime::prepare::read_folder,
    workspace::{Git, GitError, Look, MakeError, Repository, look},
};

/// Bytes of a diff that are read.
const MOST: usize = 64 << 20;
/// Columns of a line on a terminal.
const WIDEST: usize = 2000;

/// Flags of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The agent's id; without it, all that is merged
    pub agent: Option<String>,
    /// Which run.
    #[command(flatten)]
    pub of: RunName,
    /// Names of the changed files alone
    #[arg(long)]
    pub names: bool,
}

/// Prints what the newest attempt of an agent changed, or what the run has merged. Into a file or pipe
/// as git has it, so that it can be applied; on a terminal clean.
pub fn diff(args: &DiffArgs, _global: &Global) -> Outcome {
    let dir = find::run(args.of.run.as_deref())?;
    let state = read(&dir)?;
    let (_, config) = read_folder(&dir.path)?;
    let root = Path::new(&config.workdir);
    let form = if args.names {
        "--name-only"
    } else {
        "--patch-with-stat"
    };
    let between =
        |base: &str, to: &str| compared(&Git::users(root), form, base, to).map_err(MakeError::from);
    let Some(agent) = &args.agent else {
        let (Some(base), Some(head)) = (&state.base_commit, &state.merges.head) else {
            return Err(Error::failed("nothing is merged in this run")
                .help("`wavedeck diff AGENT` shows what one agent changed"));
        };
        return print(between(base, head));
    };
    let ix = state.find(&agent.as_str().into()).ok_or_else(|| {
        let id = clean_line(agent, 80);
        Error::usage(format!("run {} has no agent `{id}`", dir.id))
    })?;
    let work = state.agent(ix).work.as_ref();
    let Some(work) = work.filter(|_| state.setup.own(ix)) else {
        let text = if state.setup.own(ix) {
            format!("`{agent}` has not begun yet")
        } else {
            format!("`{agent}` works in the repository itself")
        };
        return Err(Error::failed(text).help("`git diff` shows what differs there"));
    };
    print(match &work.commit {
        Some(commit) => between(&work.base, commit),
        None if Path::new(&work.path).is_dir() && !work.path.is_empty() => {
            let spec = &state.setup.plan.workspace;
            let of = Look {
                workspace: Path::new(&work.path),
                base: &work.base,
                brought: &[&spec.copy[..], &spec.link[..]].concat(),
                form,
                most: MOST,
            };
            // What stays is small, and gone with the run.
            let scratch = dir.path.join(format!("diff.{}", std::process::id()));
            let repo = Repository::open(root).map_err(|e| Error::failed(e.to_string()))?;
            look(&repo, scratch, &of)
        }
        None => Ok(Vec::new()),
    })
}

/// Into a file or pipe as git has it, on a terminal clean.
fn print(bytes: Result<Vec<u8>, MakeError>) -> Outcome {
    let bytes = bytes.map_err(|e| Error::failed(format!("the changes cannot be read: {e}")))?;
    let written = if out::is_terminal() {
        let lines = bytes.split(|&b| b == b'\n');
        let clean: Vec<String> = lines.map(|line| clean_line(line, WIDEST)).collect();
        out::print(&clean.join("\n"))
    } else {
        out::bytes(&bytes)
    };
    written.map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(exit::OK)
}

/// The changes from a commit to another one.
fn compared(git: &Git, form: &str, base: &str, to: &str) -> Result<Vec<u8>, GitError> {
    let words = ["diff", "--no-color", "--no-ext-diff", "--no-textconv", form];
    let words = words
        .into_iter()
        .chain(["--end-of-options", base, to, "--"]);
    git.clone().most(MOST).run(&words.collect::<Vec<_>>())
}
