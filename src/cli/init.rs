//! `wavedeck init`: writes a short plan that runs.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    error::{Error, Outcome, status},
    load::PLAN,
    out,
};

/// The plan that is written.
pub const TEMPLATE: &str = include_str!("../../assets/init/default.toml");

/// The ready-made starting plans of the contract; only the first is built.
const PATTERNS: &[&str] = &[
    "default",
    "sequential-parallel-sequential",
    "parallel-sequential-parallel",
    "nested-hybrid",
];

/// Flags of `init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// The file to write
    #[arg(value_name = "PLAN", default_value = PLAN)]
    pub plan: PathBuf,
    /// The starting plan; only `default` is built
    #[arg(long, value_name = "PATTERN", default_value = "default")]
    pub pattern: String,
}

/// Writes the plan.
pub fn init(args: &InitArgs) -> Outcome {
    if args.pattern != "default" {
        if PATTERNS.contains(&args.pattern.as_str()) {
            return Err(Error::not_built(
                &format!("init --pattern {}", args.pattern),
                "leave --pattern out and change the plan",
            ));
        }
        return Err(Error::usage(format!("unknown pattern `{}`", args.pattern))
            .help("only `default` is built"));
    }
    write(&args.plan).map_err(|e| {
        let name = args.plan.display();
        if e.kind() == io::ErrorKind::AlreadyExists {
            Error::usage(format!("{name} is there already, and is left as it is"))
                .help("name another file: `wavedeck init other.toml`")
        } else {
            Error::usage(format!("{name} cannot be written: {e}"))
        }
    })?;
    let (name, rest) = (args.plan.display(), argument(&args.plan));
    out::print(&format!(
        "wrote {name}\nnext: wavedeck check{rest}, wavedeck plan{rest}, wavedeck run{rest}\n"
    ))
    .map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}

fn argument(path: &Path) -> String {
    if path == Path::new(PLAN) {
        String::new()
    } else {
        format!(" {}", path.display())
    }
}

fn write(path: &Path) -> io::Result<()> {
    // Never over a file that is there, nor through a link.
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(TEMPLATE.as_bytes())
}
