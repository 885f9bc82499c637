//! `wavedeck save`: writes the plan of a run as a plan file, also that of a run without one.
//!
//! Must not write over a file that nobody gave up.

use std::{
    fs::{self, OpenOptions},
    io::{self, BufRead as _, Read as _, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome, status},
    find, launch,
    load::{self, PLAN},
    out,
};
use crate::{display::escape, plan::expand, runtime::past};

/// Bytes that a run's plan may have.
const LIMIT: u64 = 64 << 20;

/// Flags of `save`.
#[derive(Debug, Clone, Args)]
pub struct SaveArgs {
    /// The run, by a unique prefix of its name; default: the live or latest one
    pub run: Option<String>,
    /// The file to write, `-` for standard output; default: wavedeck.toml
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write over a file that is there, and ask nothing
    #[arg(short, long)]
    pub force: bool,
}

/// Writes the plan.
pub fn save(args: &SaveArgs, global: &Global) -> Outcome {
    let run = find::run(args.run.as_deref())?;
    let unreadable = |why: String| find::unreadable(&run, format!("its plan: {why}"));
    let as_begun = load::read_own(&run.path.join("plan.toml"), LIMIT)
        .map_err(|(_, _, why)| unreadable(why))?
        .ok_or_else(|| unreadable("it is not there".to_owned()))?;
    // With what was added since: groups that agents need would mean the new ones too, so all is written out.
    let setup = past::setup(&run.path).map_err(|error| unreadable(error.to_string()))?;
    let text = if setup.began.is_some() {
        expand::to_toml(&setup.stated())
    } else {
        as_begun
    };
    let failed = |e| Error::internal("cannot write to stdout", e);
    let to = args.output.clone().unwrap_or_else(|| PathBuf::from(PLAN));
    if to == Path::new("-") {
        out::print(&text).map_err(failed)?;
        return Ok(status::OK);
    }
    let name = escape(&to.display().to_string());
    let cannot = |e: io::Error| Error::usage(format!("{name} cannot be written: {e}"));
    match written(&to, &text) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            if !args.force && !over(&name, global)? {
                return Err(
                    Error::usage(format!("{name} is there already, and is left as it is"))
                        .help("name another file with -o FILE, or write over it with -f"),
                );
            }
            replaced(&to, &text).map_err(cannot)?;
        }
        Err(e) => return Err(cannot(e)),
    }
    out::print(&format!("wrote {name}: the plan of run {}\n", run.id)).map_err(failed)?;
    Ok(status::OK)
}

/// Asks whether a file may go; where nobody can answer, it may not.
fn over(name: &str, global: &Global) -> Result<bool, Error> {
    if !global.plain && launch::without_screen(false) || global.plain && !super::plain::can_talk() {
        return Ok(false);
    }
    out::print(&format!(
        "{name} is there already. Type yes to write over it.\n"
    ))
    .map_err(|e| Error::internal("cannot write to stdout", e))?;
    let mut answer = String::new();
    // Whoever goes away has not said yes.
    let _ = io::stdin().lock().take(80).read_line(&mut answer);
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

/// Writes a file that is not there yet; not through a link.
fn written(to: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(to)?;
    file.write_all(text.as_bytes())
}

/// Puts a file in another's place: whole, or not at all.
fn replaced(to: &Path, text: &str) -> io::Result<()> {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let new = to.with_file_name(name);
    let done = written(&new, text).and_then(|()| fs::rename(&new, to));
    if done.is_err() {
        let _ = fs::remove_file(&new);
    }
    done
}
