//! What the plan says of an agent, in lines.

use std::fmt::Write as _;

use crate::{
    display::{clean_line, figures::ordinal, prefix, width},
    engine::{self, HandedOff},
    plan::{AgentIx, Class, Work, Workspace},
    tui::view::{Source, Tone, merge, rows::priority, words},
};

/// Columns of the names of facts.
const LABEL: usize = 10;
/// Lines of one fact at most: a prompt may be a book.
const MOST: usize = 400;
/// Columns of a line of a fact that are looked at.
const LINE: usize = 4_000;

/// What the plan says of an agent, in lines of at most so many columns.
#[must_use]
pub fn facts(source: Source<'_>, ix: AgentIx, columns: usize) -> Vec<(String, Tone)> {
    let Source { state, chart, .. } = source;
    let plan = state.setup.plan.agent(ix);
    let mut all: Vec<(&str, String)> = Vec::new();
    match &plan.work {
        Work::Command(argv) => all.push(("runs", argv.join(" "))),
        Work::Prompt(text) => all.push(("is told", text.clone())),
        Work::Sim(_) => all.push(("is", "simulated".to_owned())),
        Work::Group => all.push(("is", "its sub-agents".to_owned())),
    }
    if let Some(capability) = &plan.capability {
        let text = format!("{capability}: who can is chosen when it starts");
        all.push(("needs", text));
    }
    for mode in &plan.modes {
        let mut said = Vec::new();
        if let Some(worker) = mode.worker {
            said.push(chart.workers[worker.ix()].clone());
        }
        if state.setup.has_process(ix) {
            let about = |guessed: bool| if guessed { "~" } else { "" };
            said.push(format!(
                "{}{}",
                about(mode.duration.guessed),
                words::span(mode.duration.expected_us)
            ));
            let ram = words::size(mode.ram_bytes);
            said.push(format!("{}{ram}", about(mode.ram_guessed)));
            let cpus = mode.cpus_milli;
            if cpus > 0 {
                said.push(format!("{}.{} CPUs", cpus / 1000, cpus % 1000 / 100));
            }
        }
        if mode.terminal {
            said.push("in a terminal".to_owned());
        }
        for (name, count) in &mode.uses {
            said.push(format!("{count} {name}"));
        }
        if !said.is_empty() {
            let label = if mode.worker.is_some() { "by" } else { "takes" };
            all.push((label, said.join(" · ")));
        }
    }
    for step in state.setup.checks(ix) {
        all.push(("check", format!("{}: {}", step.gate, step.argv.join(" "))));
    }
    let mut place = Vec::new();
    if let Some(phase) = plan.phase {
        place.push(format!("phase {}", chart.phases[phase.ix()]));
    }
    if let Some(track) = plan.track {
        place.push(format!("track {}", chart.tracks[track.ix()]));
    }
    place.push(format!("wave {}", state.setup.wave(ix)));
    let rank = priority(plan.priority);
    if !rank.is_empty() {
        place.push(format!("priority {rank}"));
    }
    match plan.class {
        Class::Implementation => {}
        Class::Security => place.push("security".to_owned()),
        Class::Architecture => place.push("architecture".to_owned()),
        Class::Docs => place.push("docs".to_owned()),
    }
    if plan.exclusive {
        place.push("never beside another of its phase".to_owned());
    }
    all.push(("in", place.join(" · ")));
    if state.setup.has_process(ix) {
        let base = words::span(plan.retry.base_us);
        let retry = match plan.retry.attempts {
            1 => "one attempt".to_owned(),
            n => format!("up to {n} attempts, the first pause {base}"),
        };
        let mut limits = vec![retry];
        if let Some(us) = plan.timeout_us {
            limits.push(format!("at most {} each", words::span(us)));
        }
        if let Some(us) = plan.quiet_us {
            limits.push(format!("silent for {} is worth a look", words::span(us)));
        }
        all.push(("limits", limits.join(" · ")));
        let place = match plan.workspace {
            Workspace::Shared => "the repository itself",
            Workspace::Own => "a clone of its own",
        };
        all.push(("works in", place.to_owned()));
        all.extend(leases(source, ix));
        all.extend(talk(source, ix));
        all.extend(work(source, ix));
    }
    let mut out = Vec::new();
    for (label, text) in all {
        let room = columns.saturating_sub(LABEL).max(8);
        let lines = text
            .lines()
            .flat_map(|line| wrapped(&clean_line(line, LINE), room));
        let tone = match label {
            "is told" | "runs" => Tone::Plain,
            _ => Tone::Dim,
        };
        for (i, line) in lines.take(MOST).enumerate() {
            let label = if i == 0 { label } else { "" };
            out.push((format!("{label:<LABEL$}{line}"), tone));
        }
    }
    out
}

/// Memory that its commands have leased or wait for.
fn leases(source: Source<'_>, ix: AgentIx) -> Vec<(&'static str, String)> {
    let state = source.state;
    let all = state.leases_of(ix).map(|lease| {
        let (name, size) = (&lease.name, engine::size_asked(lease.ram_bytes));
        let text = match (lease.granted_us, state.lease_place(lease.number)) {
            (Some(_), _) => format!("{name}: has {size}"),
            (None, Some(place)) => format!("{name}: {} in line, {size}", ordinal(place)),
            (None, None) => format!("{name}: waits for {size}"),
        };
        ("lease", text)
    });
    all.collect()
}

/// Its conversation: with whom, what it has used, what it has not been told yet.
fn talk(source: Source<'_>, ix: AgentIx) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    let Some(talk) = &source.state.agent(ix).talk else {
        return out;
    };
    if let Some(choice) = &talk.choice {
        let (worker, capability) = (&choice.worker, &choice.capability);
        out.push(("chosen", format!("{worker} for {capability}, among")));
        let among = choice.among.iter().map(|one| ("", one.words()));
        out.extend(among);
    }
    if let Some(session) = &talk.session {
        let model = session.model.as_ref();
        let model = model.map_or_else(String::new, |model| format!(" with {model}"));
        let (program, id) = (&session.program, &session.id);
        out.push(("session", format!("{program}{model} · {id}")));
    }
    let used = talk.all_used();
    if used.tokens() > 0 {
        let mut text = format!(
            "{} tokens: {} sent",
            words::tokens(used.tokens()),
            words::tokens(used.sent())
        );
        if used.cache_read > 0 {
            let cached = words::tokens(used.cache_read);
            let _ = write!(text, " ({cached} of them from the cache)");
        }
        let _ = write!(text, ", {} received", words::tokens(used.output));
        if let Some(cost) = used.cost_microusd {
            let _ = write!(text, " · {}", words::dollars(cost));
        }
        out.push(("has used", text));
    }
    for message in &talk.messages {
        out.push(("to be told", format!("{} ({})", message.text, message.by)));
    }
    out
}

/// Its workspace, what it is held to, what it left, its conflicts.
fn work(source: Source<'_>, ix: AgentIx) -> Vec<(&'static str, String)> {
    let Source { state, chart, .. } = source;
    let mut out = Vec::new();
    let plan = state.setup.plan.agent(ix);
    if let Some(scope) = &plan.scope {
        out.push(("scope", scope.write.join(" ")));
    }
    let agent = state.agent(ix);
    out.extend(handoffs(source, ix));
    if let Some(work) = agent.work.as_ref().filter(|_| state.setup.own(ix)) {
        if !work.path.is_empty() {
            out.push(("folder", work.path.clone()));
        }
        let base = merge::short(&work.base);
        out.push((
            "begins at",
            format!("{base} · boundary {}", work.level.name()),
        ));
        if work.commit.is_some() {
            out.push(("left", merge::changes(work)));
        }
        if !work.outside.is_empty() {
            out.push(("outside", work.outside.join(" ")));
        }
    }
    for (other, found) in state.merges.clash_of(ix) {
        let name = &chart.names[other.ix()];
        out.push(("clash~", format!("with {name}: {}", found.files.join(" "))));
    }
    for (id, conflict) in &state.merges.conflicts {
        if conflict.agent == ix {
            let how = conflict.resolved.as_deref().unwrap_or("open");
            out.push(("conflict", format!("{id}: {how}")));
        }
    }
    out
}

/// What it is to begin with, the hand-offs that it gets, and its own.
fn handoffs(source: Source<'_>, ix: AgentIx) -> Vec<(&'static str, String)> {
    let Source { state, chart, .. } = source;
    let mut out = Vec::new();
    let wanted = state
        .wanted(ix)
        .into_iter()
        .map(|wanted| match wanted.from {
            Some(from) => format!("{} of {}", wanted.path, chart.names[from.ix()]),
            None => wanted.path,
        });
    let wanted: Vec<String> = wanted.collect();
    if !wanted.is_empty() {
        out.push(("begins w.", wanted.join(" · ")));
    }
    for (from, handed) in state.handed_to(ix) {
        out.push(("gets", handed_off(&chart.names[from.ix()], handed)));
    }
    if let Some(handed) = state.agent(ix).handed {
        out.push(("hands off", handed_off(&chart.names[ix.ix()], handed)));
    }
    out
}

/// A hand-off, by its file in the run's folder.
fn handed_off(name: &str, handed: HandedOff) -> String {
    let by = if handed.from_facts {
        "from facts"
    } else {
        "by itself"
    };
    let many = if handed.artefacts == 1 { "" } else { "s" };
    format!(
        "handoff/{name}.md · {} artefact{many} · {by}",
        handed.artefacts
    )
}

/// A clean line broken at blanks into lines of at most so many columns.
fn wrapped(line: &str, columns: usize) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = line;
    loop {
        if width(rest) <= columns {
            out.push(rest.to_owned());
            return out;
        }
        let most = prefix(rest, columns);
        let end = match rest[..most].rfind(' ') {
            Some(blank) if blank > 0 => blank,
            // A word that is wider than the pane.
            _ if most > 0 => most,
            _ => rest.chars().next().map_or(rest.len(), char::len_utf8),
        };
        out.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
}
