//! `wavedeck doctor`: looks at this machine and says what there is, what is missing and what to do about it.
//!
//! Must not change anything: the folder of workspaces is looked at, not made. Agent programs are started for their version and help alone.

mod adapters;
mod ask;
mod beside;
mod servers;

use std::{
    fmt::Write as _,
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome, status as exit},
    head, launch, load, out, state_folder,
};
use crate::{
    agents::Catalog,
    config::tier::default_agents,
    display::{clean_line, figures::size, safe_json},
    sys::{
        cgroup::Groups,
        landlock::{self, Support},
        memory::{Meters, container_limit},
    },
    workspace::{Repository, git, guard},
};

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// JSON in place of text
    #[arg(long)]
    pub json: bool,
}

/// One thing that was looked at.
#[derive(Debug)]
struct Finding {
    what: String,
    /// None: it is not there, and that is nobody's fault.
    well: Option<bool>,
    says: String,
    /// It was not waited for: whether it is well is not known.
    slow: bool,
    /// What to do about it.
    remedy: Option<String>,
}

/// Prints what was found; the status is 0 whatever that is.
pub fn doctor(args: &DoctorArgs, _global: &Global) -> Outcome {
    let env = |name: &str| std::env::var(name).ok();
    let path = std::env::var_os("PATH");
    let mut all = vec![
        memory(),
        cgroup(),
        pressure(),
        boundary(),
        of_git(),
        repository(),
        room(),
        terminal(),
    ];
    let (catalog, broken) = match super::adapters::catalog(&env) {
        Ok(catalog) => (catalog, None),
        Err(why) => (Catalog::built_in().clone(), Some(why)),
    };
    if let Some(why) = broken {
        all.push(finding::<String>(
            "adapters",
            Err(why),
            "mend your own adapter files; until then the built-in ones are shown",
        ));
    }
    all.push(beside::runs());
    all.push(beside::strays(&catalog));
    // What is known is shown before anybody is waited for.
    let show = |text: &str| {
        let text = if args.json { "" } else { text };
        out::print(text).map_err(|e| Error::internal("cannot write to stdout", e))
    };
    show(&all.iter().map(line).collect::<String>())?;
    let watched = !args.json && std::io::stderr().is_terminal();
    let waits = |names: &[&str]| {
        if watched && !names.is_empty() {
            let limit = adapters::PATIENCE.limit.as_secs();
            let names = names.join(", ");
            out::complain(&format!(
                "asking {names} for their versions: {limit} s at most\n"
            ));
        }
    };
    let (programs, servers) = std::thread::scope(|scope| {
        let servers: Vec<_> = servers::USUAL
            .iter()
            .map(|&(name, port, list)| scope.spawn(move || servers::look(name, port, list)))
            .collect();
        let mut told = |program: &adapters::Program| {
            // A reader that has gone away is noticed at the end.
            let _ = show(&line(&program.finding()));
        };
        let programs = adapters::look(&catalog, &env, path.as_deref(), &waits, &mut told);
        let servers = servers.into_iter().filter_map(|s| s.join().ok().flatten());
        (programs, servers.collect::<Vec<_>>())
    });
    all.extend(programs.iter().map(adapters::Program::finding));
    let told = all.len();
    if !programs.iter().any(adapters::Program::is_there) {
        let why = "no agent program is in PATH".to_owned();
        all.push(finding::<String>("programs", Err(why), "install one, such as claude, codex, gemini, opencode, cline or aider; commands run without"));
    }
    all.push(of_servers(&servers));
    let text = if args.json {
        let list: Vec<serde_json::Value> = all
            .iter()
            .map(|f| serde_json::json!({"what": f.what, "ok": f.well, "says": f.says, "remedy": f.remedy}))
            .collect();
        let programs: Vec<serde_json::Value> =
            programs.iter().map(adapters::Program::json).collect();
        let servers: Vec<serde_json::Value> = servers
            .iter()
            .map(|s| serde_json::json!({"usual": s.usual, "url": url(s), "models": s.models}))
            .collect();
        let all = serde_json::json!({"findings": list, "adapters": programs, "servers": servers});
        format!("{}\n", safe_json(&all.to_string()))
    } else {
        all[told..].iter().map(line).collect()
    };
    out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(exit::OK)
}

fn line(finding: &Finding) -> String {
    let mark = match finding.well {
        None if finding.slow => "slow   ",
        Some(true) => "ok     ",
        Some(false) => "missing",
        None => "-      ",
    };
    let mut text = format!("{mark} {:<12} {}\n", finding.what, finding.says);
    if let Some(remedy) = &finding.remedy {
        let _ = writeln!(text, "{:>20} do: {remedy}", "");
    }
    text
}

fn url(server: &servers::Server) -> String {
    format!("http://127.0.0.1:{}", server.port)
}

/// A finding; `remedy` is for the case that it is not well.
fn finding<E: ToString>(what: &str, found: Result<String, E>, remedy: &str) -> Finding {
    let (well, says) = match found {
        Ok(says) => (true, says),
        Err(error) => (false, error.to_string()),
    };
    Finding {
        what: what.to_owned(),
        well: Some(well),
        says: clean_line(says, 400),
        slow: false,
        remedy: (!well && !remedy.is_empty()).then(|| remedy.to_owned()),
    }
}

fn memory() -> Finding {
    let read = Meters::open().and_then(|meters| meters.binding());
    let says = read.map(|(total, available)| {
        format!(
            "{} in all, {} available; {} agents at once where nobody says otherwise",
            size(total),
            size(available),
            default_agents(total)
        )
    });
    finding("memory", says, "/proc/meminfo must be readable")
}

/// Control groups: which there are, and what they limit us to.
fn cgroup() -> Finding {
    let root = Path::new("/sys/fs/cgroup");
    let version = if root.join("cgroup.controllers").exists() {
        Ok("version 2")
    } else if root.join("memory").is_dir() {
        Ok("version 1")
    } else {
        Err("no control groups are mounted: a container's limit on memory cannot be seen")
    };
    let limit = container_limit().map_or_else(
        || "no limit on memory".to_owned(),
        |container| format!("limited to {}", size(container.limit)),
    );
    let groups = Groups::probe();
    let rung = groups.as_ref().copied().unwrap_or_default().words();
    let why = groups.map_or_else(|why| format!(" ({why})"), |_| String::new());
    let says = version.map(|version| format!("{version}, {limit}; agents by {rung}{why}"));
    finding(
        "cgroup",
        says,
        "mount them at /sys/fs/cgroup, or state limits.ram in the plan",
    )
}

fn pressure() -> Finding {
    let now = Meters::open()
        .ok()
        .and_then(|meters| meters.pressure_permille());
    let says = now.map(|now| {
        format!(
            "{}.{} % of the last 10 s waited for memory",
            now / 10,
            now % 10
        )
    });
    let says = says.ok_or("the kernel does not say how long programs wait for memory (PSI)");
    finding(
        "pressure",
        says,
        "boot with psi=1; without it the amount of memory alone decides",
    )
}

fn terminal() -> Finding {
    let name = std::env::var("TERM").unwrap_or_default();
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    let says = match size {
        _ if launch::without_screen(false) => {
            Ok("none, a dumb one or CI: wavedeck prints lines in place of the deck".to_owned())
        }
        Some(size) if size.ws_col < 40 || size.ws_row < 10 => Err(format!(
            "{name}, {}x{}: the deck needs 40x10",
            size.ws_col, size.ws_row
        )),
        Some(size) => Ok(format!("{name}, {}x{}", size.ws_col, size.ws_row)),
        None => Ok(name),
    };
    finding("terminal", says, "make the window larger")
}

fn of_servers(all: &[servers::Server]) -> Finding {
    let says: Vec<String> = all
        .iter()
        .map(|s| {
            let models = match s.models.len() {
                0 => "no model".to_owned(),
                _ => s.models.join(", "),
            };
            format!("{} (usually {}): {models}", url(s), s.usual)
        })
        .collect();
    let ports: Vec<String> = servers::USUAL
        .iter()
        .map(|(_, port, _)| port.to_string())
        .collect();
    Finding {
        what: "servers".to_owned(),
        well: (!all.is_empty()).then_some(true),
        says: if all.is_empty() {
            format!(
                "no model server answers on the usual ports ({})",
                ports.join(", ")
            )
        } else {
            clean_line(says.join("; "), 800)
        },
        slow: false,
        remedy: None,
    }
}

fn of_git() -> Finding {
    let found = git::version().map(|(major, minor)| format!("version {major}.{minor}"));
    finding("git", found, "install git 2.38 or newer")
}

fn repository() -> Finding {
    let here = std::env::current_dir().map_err(|error| error.to_string());
    let found = here.and_then(|here| Repository::open(&here).map_err(|error| error.to_string()));
    let says = found.map(|repo| {
        let short = repo.head.get(..10).unwrap_or(&repo.head).to_owned();
        let place = format!("{} at {short}", repo.root.display());
        let all: Vec<String> = std::iter::once(place).chain(repo.notes(0)).collect();
        all.join("; ")
    });
    // Whoever has a repository without a commit is told what is missing; others need none.
    let here = std::env::current_dir().ok();
    let root = here.and_then(|here| load::repository(&here));
    let remedy = match root.map(|root| head::commit(&root)) {
        None => "work in workspaces needs one: git init && git add . && git commit",
        Some(None) => "git add . && git commit",
        Some(Some(_)) => "",
    };
    finding("repository", says, remedy)
}

fn boundary() -> Finding {
    let support = landlock::probe();
    let says = match &support {
        Support::Version(_) => Ok(support.to_string()),
        Support::Missing(_) => Err(support.to_string()),
    };
    finding(
        "boundary",
        says,
        "without it agents run without a boundary, unless the plan says require_sandbox",
    )
}

fn room() -> Finding {
    let env = |name: &str| std::env::var(name).ok();
    let Some(folder) = state_folder::folder(&env) else {
        let why = "workspaces lie in $XDG_STATE_HOME or below $HOME: set one of them";
        return finding::<&str>("workspaces", Err(why), "export HOME");
    };
    // It, or what it would be made in.
    let there = folder.ancestors().find(|path| path.is_dir());
    let there = there.map_or_else(|| PathBuf::from("/"), Path::to_owned);
    let free = guard::room(&there, 0);
    let writable = rustix::fs::access(&there, rustix::fs::Access::WRITE_OK);
    let says = free
        .map_err(|e| e.to_string())
        .and_then(|free| match writable {
            Ok(()) => Ok(format!("{} free in {}", size(free), folder.display())),
            Err(why) => Err(format!("{} cannot be written: {why}", there.display())),
        });
    finding(
        "workspaces",
        says,
        "give it room, or set XDG_STATE_HOME to another place",
    )
}
