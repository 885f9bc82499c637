//! What `run`, `check` and `plan` share: find the plan, read it and its prompt files, find the
//! repository, read the configuration.
//!
//! Must not print, start programs or compare the plan with this machine.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{adapters, args::Global, error::Error, head, planless, run::RunArgs};
use crate::{
    config::{self, Config, FlagLayer},
    plan::{self, Diagnostic, LoadOptions, Loaded, Mode, Plan, Severity, diag::escape},
};

/// Name of the plan where none is given.
pub const PLAN: &str = "wavedeck.toml";
/// Bytes that a prompt file may have.
const PROMPT_LIMIT: u64 = 1 << 20;
/// Bytes that a plan or configuration file may have.
const FILE_LIMIT: u64 = 64 << 20;

/// Which plan, and what is stated beside it.
#[derive(Debug, Clone, Default, Args)]
pub struct WhichPlan {
    /// The plan; default: wavedeck.toml
    #[arg(value_name = "PLAN")]
    pub plan: Option<PathBuf>,
    /// Replace a variable of the plan; can be given several times
    #[arg(long = "set", value_name = "VAR=VALUE", value_parser = variable)]
    pub set: Vec<(String, String)>,
    /// Keep only the agents that match, and what they need
    #[arg(long, value_name = "GLOB")]
    pub only: Option<String>,
}

/// Everything a command knows after loading.
#[derive(Debug)]
pub struct Input {
    /// The plan's file.
    pub path: PathBuf,
    /// Its name as messages show it.
    pub file_name: String,
    /// Its text as it was read.
    pub source: String,
    /// The checked plan; its mode is the one in force (flag, plan, configuration, built-in).
    pub plan: Plan,
    /// What is worth a look.
    pub warnings: Vec<Diagnostic>,
    /// Where the plan says what is looked at when its graph is known.
    pub positions: plan::Positions,
    /// The effective configuration; its mode is the one in force too.
    pub config: Config,
    /// Root of the repository around the current directory, if there is one.
    pub root: Option<PathBuf>,
}

impl Input {
    /// The warnings as text, and what the plan uses that is not built.
    #[must_use]
    pub fn warnings(&self, global: &Global) -> String {
        let mut all = self.warnings.clone();
        all.extend(unbuilt(&self.plan.unbuilt, Severity::Warning));
        all.sort_by_key(|d| (d.line, d.column));
        let text = plan::render(&all, &self.file_name, &self.source);
        if global.plain {
            plan::diag::without_drawing(&text)
        } else {
            text
        }
    }

    /// What `run` must refuse because it is not built, as text; none where there is nothing.
    #[must_use]
    pub fn unbuilt(&self) -> Option<String> {
        let all = unbuilt(&self.plan.refused(), Severity::Error);
        (!all.is_empty()).then(|| plan::render(&all, &self.file_name, &self.source))
    }
}

fn unbuilt(all: &[plan::Unbuilt], severity: Severity) -> Vec<Diagnostic> {
    let consequence = match severity {
        Severity::Error => "",
        Severity::Warning | Severity::Note => "; `run` will refuse this plan",
    };
    let one = |u: &plan::Unbuilt| Diagnostic {
        severity,
        line: u.line,
        column: u.column,
        message: escape(&format!("`{}` is not built yet{consequence}", u.key)),
        help: Some(escape(&u.help)),
        related: None,
    };
    all.iter().map(one).collect()
}

/// Loads plan and configuration.
///
/// # Errors
///
/// All problems of both at once, rendered.
pub fn load(args: &WhichPlan, flags: &FlagLayer) -> Result<Input, Error> {
    let here = std::env::current_dir()
        .map_err(|e| Error::usage(format!("the current directory cannot be found: {e}")))?;
    let root = repository(&here);
    let path = find(args.plan.as_deref(), root.as_deref());
    let source = read_plan(&path, args.plan.is_none())?;
    loaded(args, flags, root, path, source)
}

/// Loads what `run` carries out: a plan, or what its command line or list stands for.
///
/// # Errors
///
/// All problems at once, rendered.
pub fn load_run(args: &RunArgs) -> Result<Input, Error> {
    if !args.without_plan() {
        return load(&args.plan, &args.flags());
    }
    let root = std::env::current_dir()
        .ok()
        .and_then(|here| repository(&here));
    // A rehearsal has no workspaces, and needs no repository.
    let own = args.rehearse.is_some() || has_commit();
    let source = planless::source(&args.commands, args.file.as_deref(), own)?;
    // Permissions are remembered by this name: another command line is another plan, not a changed one.
    let path = PathBuf::from(format!(
        "command-line-{:08x}",
        crc32fast::hash(source.as_bytes())
    ));
    loaded(&args.plan, &args.flags(), root, path, source)
}

/// Whether there is a repository with a commit around the current directory: what workspaces are made of.
#[must_use]
pub fn has_commit() -> bool {
    let root = std::env::current_dir()
        .ok()
        .and_then(|here| repository(&here));
    root.is_some_and(|root| head::commit(&root).is_some())
}

fn loaded(
    args: &WhichPlan,
    flags: &FlagLayer,
    root: Option<PathBuf>,
    path: PathBuf,
    source: String,
) -> Result<Input, Error> {
    let file_name = path.display().to_string();
    let config = config::load(
        &|name| std::env::var(name).ok(),
        &read_layer,
        root.as_deref(),
        flags,
    );
    let folder = path.parent().unwrap_or(Path::new(""));
    let options = LoadOptions {
        file_name: file_name.clone(),
        vars: args.set.iter().cloned().collect::<BTreeMap<_, _>>(),
        only: args.only.clone(),
        catalog: adapters::changed(&|name| std::env::var(name).ok()).map_err(Error::Problems)?,
        recorded: false,
        models: config
            .as_ref()
            .map_or_else(|_| Vec::new(), |c| c.models.clone()),
    };
    let loaded = plan::load(&source, &options, &mut |prompt| read_prompt(folder, prompt));
    let (loaded, mut config) = match (loaded, config) {
        (Ok(loaded), Ok(config)) => (loaded, config),
        (loaded, config) => {
            let mut text = String::new();
            if let Err(found) = loaded {
                text.push_str(&plan::render(&found, &file_name, &source));
            }
            if let Err(errors) = config {
                text.push_str(&errors.to_string());
            }
            return Err(Error::Problems(text));
        }
    };
    let Loaded {
        mut plan,
        warnings,
        positions,
    } = loaded;
    // The flag is part of the configuration by now, and beats the plan; other layers do not.
    if let Some(mode) = flags.mode.or_else(|| {
        let layers = config.mode?;
        (!states_mode(&source)).then_some(layers)
    }) {
        plan.mode = mode;
    }
    config.mode = Some(plan.mode);
    Ok(Input {
        path,
        file_name,
        source,
        plan,
        warnings,
        positions,
        config,
        root,
    })
}

/// Whether the plan states a mode; its text is known to parse.
fn states_mode(source: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Probe {
        mode: Option<serde::de::IgnoredAny>,
    }
    toml::from_str::<Probe>(source).is_ok_and(|p| p.mode.is_some())
}

/// The mode in which a plan is really carried out: features that are off lead to sequential.
#[must_use]
pub fn mode_in_force(input: &Input) -> Mode {
    let flags = &input.config.flags;
    if flags.hybrid_orchestration_enabled && flags.parallel_graph_enabled {
        input.plan.mode
    } else {
        Mode::Sequential
    }
}

/// Finds the root of the repository around a folder by its `.git`, folder or file.
#[must_use]
pub fn repository(from: &Path) -> Option<PathBuf> {
    from.ancestors()
        .find(|folder| folder.join(".git").exists())
        .map(Path::to_owned)
}

fn find(stated: Option<&Path>, root: Option<&Path>) -> PathBuf {
    if let Some(path) = stated {
        return path.to_owned();
    }
    let here = PathBuf::from(PLAN);
    let above = root.map(|r| r.join(PLAN));
    match above {
        Some(above) if !here.exists() && above.exists() => above,
        _ => here,
    }
}

fn read_plan(path: &Path, by_default: bool) -> Result<String, Error> {
    let name = path.display();
    let bytes = read_limited(path, FILE_LIMIT, false).map_err(|why| {
        let error = Error::usage(format!("the plan {name} cannot be read: {why}"));
        if by_default {
            error.help("`wavedeck init` writes one; or name the plan's file")
        } else {
            error
        }
    })?;
    text(bytes).map_err(|NotText { line, column }| {
        let place = format!("{}:{line}:{column}", escape(&name.to_string()));
        Error::Problems(format!(
            "{place}: error: not UTF-8\nhelp: save the file as UTF-8\n"
        ))
    })
}

/// Reads a layer of the configuration; none where there is no such file.
///
/// # Errors
/// Why it cannot be read.
pub fn read_layer(path: &Path) -> Result<Option<String>, String> {
    if let Err(error) = fs::metadata(path)
        && matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        )
    {
        return Ok(None);
    }
    let text = text(read_limited(path, FILE_LIMIT, true)?);
    text.map(Some).map_err(|why| why.to_string())
}

/// Reads a small file of a person's own; none where there is no such file.
///
/// # Errors
/// Why it cannot be read: the line and column where they are known, else 0, and the reason.
pub fn read_own(path: &Path, limit: u64) -> Result<Option<String>, (usize, usize, String)> {
    let why = |why| (0, 0, why);
    match fs::symlink_metadata(path) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        _ => {}
    }
    let bytes = read_limited(path, limit, true).map_err(why)?;
    text(bytes)
        .map(Some)
        .map_err(|NotText { line, column }| (line, column, "not UTF-8".to_owned()))
}

pub(super) fn read_prompt(folder: &Path, prompt: &str) -> Result<String, String> {
    // The plan's own check refuses these too; nothing may be read before it has.
    let inside = Path::new(prompt).components().all(|c| {
        matches!(
            c,
            std::path::Component::Normal(_) | std::path::Component::CurDir
        )
    });
    if !inside {
        return Err("the path leads out of the plan's folder".to_owned());
    }
    let text = text(read_limited(&folder.join(prompt), PROMPT_LIMIT, true)?);
    text.map_err(|why| why.to_string())
}

fn read_limited(path: &Path, limit: u64, regular: bool) -> Result<Vec<u8>, String> {
    let say = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => e.to_string(),
    };
    // Before it is opened: a pipe would wait for its writer.
    let about = fs::metadata(path).map_err(say)?;
    if about.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if regular && !about.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(say)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(say)?;
    if bytes.len() as u64 > limit {
        return Err(format!("it is larger than {} MiB", limit >> 20));
    }
    Ok(bytes)
}

/// Where a file stops being text; counted from 1, in characters.
#[derive(Debug, thiserror::Error)]
#[error("line {line}, column {column} is not UTF-8")]
struct NotText {
    line: usize,
    column: usize,
}

fn text(bytes: Vec<u8>) -> Result<String, NotText> {
    String::from_utf8(bytes).map_err(|e| {
        let before = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let before = String::from_utf8_lossy(before);
        let last = before.rsplit('\n').next().unwrap_or_default();
        NotText {
            line: 1 + before.matches('\n').count(),
            column: 1 + last.chars().count(),
        }
    })
}

/// Parses `VAR=VALUE`.
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected VAR=VALUE".to_owned()),
    }
}
