//! The page before a run: gathers what a person should know, shows it, and asks once.
//!
//! Must not start anything: `run` does, when a person said so. Everything on the page was computed
//! from the plan or measured now; estimates carry `~`.

mod commands;

use std::{
    collections::HashSet,
    io::{self, BufRead, Read},
};

use tokio::sync::mpsc;

use super::{
    consent, deck,
    error::Error,
    head, launch, learnt, load, out, plain,
    programs::{self, Look},
    run::RunArgs,
};
use crate::{
    cli::args::Global,
    display::{self, clean_text, escape},
    plan::{AgentIx, MergeEnd, Severity, Work, Workspace},
    runtime::prepare::{Machine, RunConfig, Stated},
    schedule::{Analysis, Inputs, analysis::mode_name, capacity_from_plan, learnt::apply},
    sys::memory::Meters,
    tui::{
        front::preflight::{Line, Preflight, Section, Trust},
        view::{
            Tone,
            words::{dollars, size, span, tokens},
        },
    },
};

/// Agents named as the first ones.
const FIRST: usize = 8;

/// Shows the page; returns the hash of what a person allowed, or none where they left.
///
/// # Errors
/// Whatever is wrong with plan and configuration: the same words as without a terminal.
pub fn ask(args: &RunArgs, global: &Global) -> Result<Option<String>, Error> {
    let mut input = load::load_run(args)?;
    if args.rehearse.is_none()
        && let Some(refused) = input.unbuilt()
    {
        return Err(Error::Problems(refused));
    }
    let mut look = Look::default();
    if args.rehearse.is_none() {
        look = programs::look(&input).map_err(Error::Problems)?;
        if !look.refused.is_empty() {
            let refused = Look::lines(&look.refused, "error", &input.file_name);
            return Err(Error::Problems(refused));
        }
    }
    if let Some(speed) = args.rehearse {
        input.plan = launch::rehearsal(input.plan, speed);
    }
    let (mut config, machine) = resolve(args, &input)?;
    let hash = consent::hash(&input.plan, &config);
    let mut problem_of_learnt = None;
    if args.rehearse.is_none() {
        (config.learnt, problem_of_learnt) = learnt::found(&input);
    }
    let env = |name: &str| std::env::var(name).ok();
    let (trust, problem) = consent::trust(&env, &input.path, &hash);
    let mut page = page(
        &input,
        &config,
        machine,
        args.rehearse.is_some(),
        look.warned,
    );
    page.trust = trust;
    if let Some(why) = problem_of_learnt {
        page.facts.push(Section {
            title: "EARLIER RUNS".to_owned(),
            lines: vec![line("", &why, Tone::Warn)],
        });
    }
    if let Some(why) = problem {
        page.facts.push(Section {
            title: "PLANS YOU ALLOWED".to_owned(),
            lines: vec![line(
                "",
                &format!("the list cannot be read ({why}): every plan counts as new"),
                Tone::Warn,
            )],
        });
    }
    let agreed = if global.plain {
        // A plan that was allowed before needs no second yes where nothing can be looked at again.
        trust == Trust::Known || agrees(&page)?
    } else {
        let (_none, news) = mpsc::channel(1);
        deck::front(global, page, news)?.is_some()
    };
    if !agreed {
        return Ok(None);
    }
    if trust != Trust::Known
        && let Err(why) = consent::allow(&env, &input.path, &hash)
    {
        out::complain(&format!(
            "wavedeck: it cannot be remembered that you allowed this plan: {}\n",
            escape(&why)
        ));
    }
    Ok(Some(hash))
}

/// The page in lines, and a typed answer: only a yes starts anything.
fn agrees(page: &Preflight) -> Result<bool, Error> {
    let failed = |e| Error::internal("cannot write to stdout", e);
    out::print(&display::spoken(&page.text())).map_err(failed)?;
    out::print("Type yes to start it; anything else leaves.\n").map_err(failed)?;
    let mut answer = String::new();
    // Whoever goes away has not said yes.
    let _ = io::stdin().lock().take(80).read_line(&mut answer);
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

/// What is in force for a run of this plan, and the memory of this machine: all, and available.
///
/// # Errors
/// What the run would be refused for.
fn resolve(args: &RunArgs, input: &load::Input) -> Result<(RunConfig, (u64, u64)), Error> {
    let unreadable = |e| Error::internal("this machine's memory cannot be read", e);
    let machine = Machine::read().map_err(unreadable)?;
    let memory = Meters::open()
        .and_then(|meters| meters.binding())
        .map_err(unreadable)?;
    let workdir = launch::workdir(input.root.as_deref(), &input.path);
    let stated = Stated {
        mode: args.mode,
        agents: args.agents,
        ram: args.ram,
        attended: true,
    };
    let config = RunConfig::resolve(&input.plan, &input.config, &stated, machine, &workdir);
    let refused = crate::runtime::prepare::refusals(&input.plan, &config, &input.file_name);
    if refused.is_empty() {
        Ok((config, memory))
    } else {
        Err(Error::Problems(refused.join("\n") + "\n"))
    }
}

fn line(name: &str, text: &str, tone: Tone) -> Line {
    Line {
        name: name.to_owned(),
        text: clean_text(text, usize::MAX),
        tone,
    }
}

fn page(
    input: &load::Input,
    config: &RunConfig,
    memory: (u64, u64),
    rehearsed: bool,
    warned: Vec<(String, String)>,
) -> Preflight {
    let plan = &input.plan;
    let mut facts = facts(input, config, memory, rehearsed);
    let mut warnings: Vec<Line> = input
        .warnings
        .iter()
        .filter(|found| found.severity == Severity::Warning)
        .map(|found| line(&format!("line {}", found.line), &found.message, Tone::Warn))
        .collect();
    let missing = super::programs::missing(input).into_iter();
    warnings.extend(missing.filter(|_| !rehearsed).map(|(name, who)| {
        let text = format!("`{name}` is not found in PATH: {who}");
        line("program", &text, Tone::Warn)
    }));
    warnings.extend(
        warned
            .into_iter()
            .map(|(problem, remedy)| line("program", &format!("{problem}. {remedy}"), Tone::Warn)),
    );
    if !warnings.is_empty() {
        facts.push(Section {
            title: "WARNINGS".to_owned(),
            lines: warnings,
        });
    }
    facts.push(Section {
        title: "ENVIRONMENT OF AGENTS".to_owned(),
        lines: vec![
            line("by name", &passed(input).join(" "), Tone::Plain),
            line(
                "own",
                "WAVEDECK_RUN WAVEDECK_AGENT WAVEDECK_ATTEMPT",
                Tone::Dim,
            ),
        ],
    });
    Preflight {
        plan: clean_text(&config.plan_name, 60),
        file: clean_text(&input.file_name, 60),
        trust: Trust::New,
        facts,
        commands: commands::commands(plan),
        scroll: 0,
    }
}

/// Names of the variables of this environment that agents get.
fn passed(input: &load::Input) -> Vec<String> {
    let mut names: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| input.config.processes.passes(name))
        .collect();
    names.sort();
    names
}

fn facts(
    input: &load::Input,
    config: &RunConfig,
    (total, available): (u64, u64),
    rehearsed: bool,
) -> Vec<Section> {
    let mut plan = input.plan.clone();
    let applied = apply(&mut plan, &config.learnt, config.ram_limit_bytes);
    plan.mode = config.mode;
    if !config.hybrid_orchestration_enabled || !config.parallel_graph_enabled {
        plan.mode = crate::plan::Mode::Sequential;
    }
    let capacity = capacity_from_plan(
        &plan,
        config.ram_limit_bytes,
        config.cpus_milli,
        config.agents_cap,
    );
    let analysis = Analysis::new(&plan, capacity, Inputs::default());
    let schedule = &analysis.schedule;
    let name = |ix: AgentIx| clean_text(plan.agent(ix).id.as_str(), 64);
    let names = |of: &mut dyn Iterator<Item = AgentIx>, most: usize| {
        let all: Vec<String> = of.map(name).collect();
        let more = all.len().saturating_sub(most);
        let shown = all.into_iter().take(most).collect::<Vec<_>>().join(", ");
        if more > 0 {
            format!("{shown} and {more} more")
        } else {
            shown
        }
    };
    let mut starts = vec![line(
        "agents",
        &format!(
            "{} in {}, {} mode, at most {} at once",
            plan.agents.len(),
            match analysis.graph.waves().len() {
                1 => "1 wave".to_owned(),
                waves => format!("{waves} waves"),
            },
            mode_name(plan.mode),
            config.agents_cap
        ),
        Tone::Plain,
    )];
    if let Some(goal) = &plan.goal {
        starts.insert(0, line("goal", goal, Tone::Plain));
    }
    let groups: HashSet<AgentIx> = (schedule.items.iter())
        .map(|item| item.agent)
        .filter(|&ix| analysis.graph.is_group(ix))
        .collect();
    let mut first = (schedule.items.iter())
        .filter(|item| item.start_us == 0 && !groups.contains(&item.agent))
        .map(|item| item.agent);
    starts.push(line("first", &names(&mut first, FIRST), Tone::Plain));
    let mut most: Vec<String> = Vec::new();
    most.extend((plan.limits.tokens).map(|n| format!("{} tokens", tokens(n))));
    most.extend(plan.limits.cost_microusd.map(dollars));
    if !most.is_empty() && !rehearsed {
        let text = format!("{}: then nothing new starts, and it asks", most.join(", "));
        starts.push(line("budget", &text, Tone::Plain));
    }
    if rehearsed {
        let text =
            "a rehearsal: simulated agents of the stated size and time, no command of the plan";
        starts.push(line("", text, Tone::Good));
    }
    if !schedule.impossible.is_empty() {
        let who = names(&mut schedule.impossible.iter().copied(), FIRST);
        starts.push(line("cannot run", &who, Tone::Bad));
    }
    let peak = schedule.peaks.ram_bytes;
    let tight = if peak > available {
        Tone::Warn
    } else {
        Tone::Plain
    };
    let memory = vec![
        line(
            "planned peak",
            &format!(
                "~{} of {} that it may use",
                size(peak),
                size(config.ram_limit_bytes)
            ),
            tight,
        ),
        line(
            "machine now",
            &format!("{} available of {}", size(available), size(total)),
            tight,
        ),
    ];
    let critical = names(&mut analysis.critical.path.iter().copied(), 12);
    let time = vec![
        line(
            "all of it",
            &format!(
                "~{} (one after the other ~{})",
                span(schedule.makespan_us),
                span(analysis.sequential_us)
            ),
            Tone::Plain,
        ),
        line("critical path", &critical, Tone::Critical),
    ];
    let root = input.root.as_deref();
    let mut place = vec![line("folder", &config.workdir, Tone::Plain)];
    match root.and_then(|root| Some((head::branch(root), head::commit(root)?))) {
        Some((branch, commit)) => {
            let on = branch.unwrap_or_else(|| "no branch".to_owned());
            let text = format!("{on} at {}", &commit[..12]);
            place.push(line("commit", &text, Tone::Plain));
        }
        None => place.push(line(
            "commit",
            "none: no repository, or no commit yet",
            Tone::Warn,
        )),
    }
    let shared = (plan.agents.iter()).filter(|a| a.workspace == Workspace::Shared);
    let shared = shared.filter(|a| a.work != Work::Group).count();
    if shared > 0 {
        let text = format!(
            "{shared} work in this folder itself: what they change is changed here, and two that \
             write the same file disturb each other"
        );
        place.push(line("shared", &text, Tone::Warn));
    }
    let own = plan.agents.iter().any(|a| a.workspace != Workspace::Shared);
    if own && root.is_some() && !rehearsed {
        let into = plan.merge.into.replace("${run}", "RUN");
        let end = match plan.merge.end {
            MergeEnd::Branch => "",
            MergeEnd::Ask => "; at the end it asks about yours",
            MergeEnd::Ff => "; at the end yours goes there too",
        };
        place.push(line(
            "work goes to",
            &format!("branch {into}{end}"),
            Tone::Plain,
        ));
    }
    place.push(line(
        "never",
        "wavedeck pushes nothing; what a command does itself is its own affair",
        Tone::Good,
    ));
    let off = learnt::notes(&plan, &applied);
    let off = off.iter().map(|note| line("stated", note, Tone::Warn));
    [
        ("WHAT STARTS", starts),
        ("MEMORY", memory),
        ("TIME", time),
        ("EARLIER RUNS", off.collect()),
        ("WHERE", place),
    ]
    .into_iter()
    .filter(|(_, lines)| !lines.is_empty())
    .map(|(title, lines)| Section {
        title: title.to_owned(),
        lines,
    })
    .collect()
}

/// Whether `run` shows the page: on a terminal, where a person watches and did not say `-y`.
#[must_use]
pub fn wanted(args: &RunArgs, global: &Global) -> bool {
    let lines = args.headless || args.json;
    let asked = if global.plain {
        !lines && plain::can_talk()
    } else {
        !launch::without_screen(lines)
    };
    !args.yes && !args.detach && asked
}
