//! Bare `wavedeck`: with one live run here it attaches, else the home screen; where there is no
//! terminal it says what there is to do.
//!
//! Must not decide anything about a run: it calls the commands.

mod plans;
mod rows;

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{RecvTimeoutError, channel},
    time::Duration,
};

use super::{
    args::Global,
    deck,
    error::{Error, Outcome, status},
    find, init, launch, load, out, plain, replay, resume, run,
};
use crate::{
    display::spoken,
    journal::{Store, render_runs},
    tui::front::home::{Choice, Home, Target},
};
use plans::Plans;

const WELCOME: &str = "\
wavedeck runs many coding agents in parallel within this machine's memory.

  wavedeck demo           see it at work: simulated agents, under a minute
  wavedeck init           write a short plan here
  wavedeck check          validate it
  wavedeck plan           its waves, schedule and resources
  wavedeck run            run it
  wavedeck --help         everything else
";

/// How often the home screen looks for plans and runs.
const LOOK: Duration = Duration::from_secs(2);

/// Home.
pub fn home(global: &Global) -> Outcome {
    if global.plain
        && plain::can_talk()
        && let Some([one]) = live().as_deref()
    {
        return plain::open(&one.path, &one.id);
    }
    if launch::without_screen(global.plain) {
        return text(global);
    }
    if let Some([one]) = live().as_deref() {
        return deck::open(&one.path, &one.id, global);
    }
    let here = std::env::current_dir()
        .map_err(|e| Error::usage(format!("the current directory cannot be found: {e}")))?;
    while let Some(choice) = choose(&here, global)? {
        // What goes wrong is said, and the person is where they were.
        match carry_out(choice, global) {
            Err(error) => {
                super::finish(Err(error), global);
                pause();
            }
            // It did not come to a run, or the runner failed: the reason has been said.
            Ok(status::USAGE | status::INTERNAL) => pause(),
            Ok(_) => {}
        }
        let _ = std::env::set_current_dir(&here);
    }
    Ok(status::OK)
}

fn live() -> Option<Vec<crate::journal::RunDir>> {
    find::store().ok()?.live().ok()
}

/// Lets a person read what was said before the screen covers it.
fn pause() {
    out::complain("Enter goes back home\n");
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Shows the screen until a person chooses, or leaves.
fn choose(here: &Path, global: &Global) -> Result<Option<Choice>, Error> {
    let root = load::repository(here).unwrap_or_else(|| here.to_owned());
    let mut plans = Plans::new(root, here.to_owned());
    let first = rows::found(&mut plans);
    let (news, fed) = tokio::sync::mpsc::channel(1);
    let (alive, ended) = channel::<()>();
    let mut shown = first.clone();
    let looking = std::thread::Builder::new()
        .name("home".to_owned())
        .spawn(move || {
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                let found = rows::found(&mut plans);
                if found != shown {
                    shown = found.clone();
                    if news.blocking_send(found).is_err() {
                        return;
                    }
                }
            }
        });
    let chosen = deck::front(global, Home::new(first), fed);
    drop(alive);
    if let Ok(thread) = looking {
        let _ = thread.join();
    }
    chosen
}

fn carry_out(choice: Choice, global: &Global) -> Outcome {
    let parsed = |words: &[&str]| {
        super::parse(&[&["wavedeck"], words].concat()).map_err(|e| Error::usage(e.to_string()))
    };
    match choice {
        Choice::Open(Target::Run { plan }) => match parsed(&["run", &plan])?.command {
            Some(super::Command::Run(args)) => {
                run::run_words(vec!["run".into(), plan.into()], &args, global)
            }
            _ => Ok(status::USAGE),
        },
        Choice::Open(Target::Attach { run }) => {
            let dir = find::run(Some(&run))?;
            deck::open(&dir.path, &dir.id, global)
        }
        Choice::Open(Target::Replay { run } | Target::Interrupted { run }) => {
            replay::play(&find::run(Some(&run))?, global, false)
        }
        Choice::Report(run) => replay::play(&find::run(Some(&run))?, global, true),
        Choice::Resume(run) => match parsed(&["resume", &run])?.command {
            Some(super::Command::Resume(args)) => resume::resume(&args, global),
            _ => Ok(status::USAGE),
        },
        Choice::Open(Target::Init) => match parsed(&["init"])?.command {
            Some(super::Command::Init(args)) => init::init(&args),
            _ => Ok(status::USAGE),
        },
        Choice::Open(Target::Demo) => match parsed(&["demo"])?.command {
            Some(super::Command::Demo(args)) => super::demo::demo(&args, global),
            _ => Ok(status::USAGE),
        },
        // Read in front of the screen.
        Choice::Open(Target::Read { .. }) => Ok(status::OK),
    }
}

/// What is printed where there is no terminal.
fn text(global: &Global) -> Outcome {
    let runs = find::store().ok().and_then(|store| store.list().ok());
    let Some(runs) = runs.filter(|runs| !runs.is_empty()) else {
        return say(WELCOME);
    };
    let shown = &runs[..runs.len().min(10)];
    let list = render_runs(
        shown,
        now_ms(),
        super::style::width(),
        super::style::colours(global, crate::config::Color::Auto),
    );
    let list = if global.plain { spoken(&list) } else { list };
    say(&format!(
        "{list}\n`wavedeck attach RUN` opens a live one, `wavedeck --help` lists the commands\n"
    ))
}

/// The store around these folders; none where nothing was recorded.
fn store(root: &Path, here: &Path) -> Option<Store> {
    let home = std::env::var_os("WAVEDECK_HOME")
        .filter(|h| !h.is_empty())
        .map(PathBuf::from);
    Store::find(root, home.as_deref()).or_else(|| Store::find(here, home.as_deref()))
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn say(text: &str) -> Outcome {
    out::print(text).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}
