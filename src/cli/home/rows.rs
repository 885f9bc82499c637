//! From plans and runs to the rows of the home screen; all text is cleaned here.
//!
//! Must not draw.

use super::{
    super::{head, init},
    now_ms,
    plans::{About, Found as Plan, Plans},
    store,
};
use crate::{
    display::{clean_line, clean_text},
    journal::{Phase, RunInfo, ago},
    tui::{
        front::home::{Found, Group, Item, Target},
        view::{
            Tone,
            words::{size, span, took},
        },
    },
};

/// Runs that have ended, as many as are shown.
const RECENT: usize = 20;

/// Looks around.
pub(super) fn found(plans: &mut Plans) -> Found {
    let all = plans.look();
    let more_plans = plans.more;
    let now = now_ms();
    let mut runs: Vec<RunInfo> = Vec::new();
    let mut older = 0;
    let mut problem = None;
    if let Some(store) = store(&plans.root, &plans.here) {
        match store.runs() {
            Ok(dirs) => {
                let (mut ended, mut kept) = (0, Vec::new());
                for dir in dirs {
                    let live = dir.is_live();
                    if live || ended < RECENT {
                        ended += usize::from(!live);
                        kept.push(dir);
                    } else {
                        older += 1;
                    }
                }
                runs = kept.iter().map(crate::journal::RunDir::info).collect();
            }
            Err(error) => problem = Some(clean_text(&error.to_string(), 200)),
        }
    }
    let (live, ended): (Vec<&RunInfo>, Vec<&RunInfo>) =
        runs.iter().partition(|run| run.phase == Phase::Running);
    let mut groups = vec![Group {
        title: "PLANS".to_owned(),
        note: if more_plans {
            "there are more than are looked at".to_owned()
        } else {
            String::new()
        },
        items: all.iter().map(|p| plan_row(p, &runs, now)).collect(),
        empty: "no plan here yet: *.toml with agents, at the root or below plans/".to_owned(),
    }];
    if !live.is_empty() {
        groups.push(Group {
            title: "LIVE".to_owned(),
            note: String::new(),
            items: live.into_iter().map(|run| run_row(run, now)).collect(),
            empty: String::new(),
        });
    }
    groups.push(Group {
        title: "RECENT RUNS".to_owned(),
        note: match older {
            0 => String::new(),
            n => format!("{n} older ones: wavedeck runs"),
        },
        items: ended.into_iter().map(|run| run_row(run, now)).collect(),
        empty: problem.unwrap_or_else(|| "none yet".to_owned()),
    });
    groups.push(begin(all.is_empty(), plans));
    Found {
        place: clean_text(&plans.root.display().to_string(), 60),
        head: head_of(plans),
        groups,
    }
}

fn head_of(plans: &Plans) -> String {
    let root = &plans.root;
    match (head::branch(root), head::commit(root)) {
        (Some(branch), Some(commit)) => {
            format!("{} at {}", clean_line(branch, 40), &commit[..12])
        }
        (None, Some(commit)) => format!("at {}", &commit[..12]),
        (_, None) => "no commit here".to_owned(),
    }
}

fn pair(name: &str, text: impl AsRef<str>) -> (String, String) {
    (name.to_owned(), clean_text(text.as_ref(), 300))
}

/// `1 agent`, `2 agents`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn plan_row(plan: &Plan, runs: &[RunInfo], now: i64) -> Item {
    let name = clean_text(&plan.shown, 80);
    let About {
        name: title,
        goal,
        counts: [agents, waves, phases, tracks],
        length_us,
        warnings,
    } = match &plan.about {
        Ok(about) => about,
        Err(wrong) => {
            let lines: Vec<String> = wrong.lines().map(|line| clean_line(line, 400)).collect();
            let first = lines.first().cloned().unwrap_or_default();
            return Item {
                target: Target::Read {
                    title: name.clone(),
                    lines: lines.clone(),
                },
                name,
                tone: Tone::Bad,
                text: "cannot be run: it is wrong".to_owned(),
                right: String::new(),
                about: vec![
                    pair("wrong", first),
                    pair("Enter", "reads all that is wrong"),
                ],
            };
        }
    };
    let last = runs
        .iter()
        .filter(|run| run.plan.as_deref() == Some(title.as_str()))
        .find_map(|run| Some((run.started_ms?, outcome(run))));
    let mut about = vec![pair("plan", title)];
    if let Some(goal) = goal {
        about.push(pair("goal", goal));
    }
    about.push(pair(
        "agents",
        format!(
            "{agents} in {}, {}, {}",
            count(*waves, "wave"),
            count(*phases, "phase"),
            count(*tracks, "track")
        ),
    ));
    about.push(pair(
        "time",
        format!(
            "~{} at least: its critical path as stated",
            span(*length_us)
        ),
    ));
    if *warnings > 0 {
        about.push(pair(
            "warnings",
            format!("{warnings}: wavedeck check {}", plan.shown),
        ));
    }
    Item {
        target: Target::Run {
            plan: plan_argument(&plan.shown),
        },
        name,
        tone: Tone::Plain,
        text: format!(
            "{}  {}, {}, ~{}",
            clean_line(title, 40),
            count(*agents, "agent"),
            count(*waves, "wave"),
            span(*length_us)
        ),
        right: last.map_or_else(
            || "never run".to_owned(),
            |(at, (words, _))| format!("{words} {}", ago(at, now)),
        ),
        about,
    }
}

/// The plan as an argument: what begins like a flag is no flag.
fn plan_argument(shown: &str) -> String {
    if shown.starts_with('-') {
        format!("./{shown}")
    } else {
        shown.to_owned()
    }
}

/// How a run ended, in words.
fn outcome(run: &RunInfo) -> (&'static str, Tone) {
    match run.phase {
        Phase::Running => ("running", Tone::Good),
        Phase::Finished { status: 0 } => ("succeeded", Tone::Good),
        Phase::Finished { status: 1 } => ("failed", Tone::Bad),
        Phase::Finished { status: 3 } => ("stopped", Tone::Warn),
        Phase::Finished { status: 5 } => ("waits for a person", Tone::Warn),
        Phase::Finished { .. } => ("broke off", Tone::Bad),
        Phase::Interrupted => ("interrupted", Tone::Warn),
    }
}

fn run_row(run: &RunInfo, now: i64) -> Item {
    let id = run.id.clone();
    let (words, tone) = outcome(run);
    let plan = clean_line(run.plan.as_deref().unwrap_or("?"), 40);
    let agents = run
        .agents
        .map_or_else(String::new, |n| format!(", {}", count(n as usize, "agent")));
    let elapsed = match (run.phase, run.started_ms) {
        (Phase::Running, Some(began)) => u64::try_from(now - began).unwrap_or(0) * 1000,
        _ => run.elapsed_us,
    };
    let mut about = vec![pair("run", &id), pair("plan", &plan)];
    if let Some(summary) = &run.summary {
        about.push(pair("outcome", summary));
    }
    if let Some(problem) = &run.problem {
        about.push(pair("problem", problem));
    }
    about.push(pair(
        "recording",
        format!("{} events, {}", run.events, size(run.journal_bytes)),
    ));
    let target = match run.phase {
        Phase::Running => Target::Attach { run: id },
        Phase::Finished { .. } => Target::Replay { run: id },
        Phase::Interrupted => {
            about.push(pair("", "its runner died; resume goes on with it"));
            Target::Interrupted { run: id }
        }
    };
    Item {
        target,
        name: clean_line(run.id.rsplit('-').next().unwrap_or(&run.id), 20),
        tone,
        text: format!("{words}  {plan}{agents}"),
        right: format!(
            "{}  {}",
            took(elapsed),
            run.started_ms.map_or_else(String::new, |at| ago(at, now))
        ),
        about,
    }
}

/// How to begin: in front where there is nothing else.
fn begin(empty: bool, plans: &Plans) -> Group {
    let mut items = Vec::new();
    let item = |target, name: &str, text: &str, about: Vec<(String, String)>| Item {
        target,
        name: name.to_owned(),
        tone: Tone::Plain,
        text: text.to_owned(),
        right: String::new(),
        about,
    };
    if empty && !plans.here.join(super::load::PLAN).exists() {
        items.push(item(
            Target::Init,
            "init",
            "write a short plan here that runs as it stands",
            vec![
                pair("writes", "wavedeck.toml in this folder, with comments"),
                pair("then", "it stands above, and Enter shows what it would run"),
            ],
        ));
    }
    items.push(item(
        Target::Demo,
        "demo",
        "see it at work: simulated agents, under a minute",
        vec![
            pair(
                "runs",
                "in a throw-away repository of its own, nothing here is touched",
            ),
            pair("uses", "memory and time for real, as its plan states them"),
        ],
    ));
    items.push(item(
        Target::Read {
            title: "A PLAN".to_owned(),
            lines: init::TEMPLATE
                .lines()
                .map(|line| clean_line(line, 200))
                .collect(),
        },
        "a plan",
        "read what a plan looks like",
        vec![pair("shows", "the plan that `wavedeck init` writes")],
    ));
    items.push(item(
        Target::Read {
            title: "COMMANDS".to_owned(),
            lines: COMMANDS.lines().map(str::to_owned).collect(),
        },
        "commands",
        "what else there is",
        vec![pair("shows", "the commands, a line each")],
    ));
    Group {
        title: "BEGIN".to_owned(),
        note: String::new(),
        items,
        empty: String::new(),
    }
}

const COMMANDS: &str = "\
wavedeck init              write a short plan
wavedeck check PLAN        all that is wrong with it, at once
wavedeck plan PLAN         waves, schedule, memory, options
wavedeck run PLAN          run it, with the deck
wavedeck run --headless    the same with lines of text
wavedeck run --rehearse    the same with simulated agents
wavedeck attach            the deck of a live run; --read-only to look alone
wavedeck status            where it stands, in text
wavedeck ctl ACTION        steer it from a script
wavedeck logs AGENT        what an agent printed
wavedeck digest            what happened while nobody looked
wavedeck replay            a recorded run in the same screens
wavedeck report            measures, bottlenecks, advice
wavedeck resume            go on with a run that was interrupted
wavedeck runs              all recorded runs
wavedeck --help            everything else";
