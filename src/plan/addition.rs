//! Agents that are added to a plan that runs: their tables are read as if they stood at its end.
//!
//! Pure. What the plan says of everybody (defaults, tracks, workers, limits) counts for them as it was
//! written; what is there already is neither read again nor changed, so groups (`track:A`) that agents of
//! it need do not get the new ones. Must not know how far the run is.

use std::collections::BTreeMap;

use super::{
    Agent, AgentIx, Diagnostic, LoadOptions, ModelIx, Plan, Severity, Worker, WorkerIx, load,
    render,
};

/// Name of the added tables in messages.
const NAME: &str = "added";

/// The plan that is added to.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// Its text, with its defaults.
    pub source: &'a str,
    /// What it was read with.
    pub options: &'a LoadOptions,
    /// The plan as it is now.
    pub plan: &'a Plan,
    /// The tables were made of words: places in them say nothing to whoever wrote these.
    pub words: bool,
}

/// What is added, with positions of the plan as it will be.
#[derive(Debug, Clone, PartialEq)]
pub struct Addition {
    /// Workers that the plan does not have.
    pub workers: Vec<Worker>,
    /// The agents.
    pub agents: Vec<Agent>,
    /// A plan of these agents alone, to look at what they ask for.
    pub alone: Plan,
}

/// Whether the plan's defaults name a worker, or what one must be able to do: for everybody, or for a track.
#[must_use]
pub fn has_worker(source: &str, track: Option<&str>) -> bool {
    let Ok(table) = source.parse::<toml::Table>() else {
        return false;
    };
    let names = |defaults: Option<&toml::Value>| {
        let named = |key| defaults.is_some_and(|defaults| defaults.get(key).is_some());
        named("worker") || named("capability")
    };
    let mut tracks = (table.get("track").and_then(toml::Value::as_array))
        .into_iter()
        .flatten();
    names(table.get("defaults"))
        || tracks.any(|table| {
            let id = table.get("id").and_then(toml::Value::as_str);
            id == track && names(table.get("defaults"))
        })
}

/// Reads the tables of agents that are added. `read` gets the path of each prompt file.
///
/// # Errors
/// All problems at once, as text with their places in `tables`.
pub fn read(
    ground: &Ground<'_>,
    tables: &str,
    read: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<Addition, String> {
    let first = ground.plan.agents.len();
    let before = before(ground, tables)?;
    let lines = u32::try_from(before.matches('\n').count()).unwrap_or(u32::MAX);
    let text = format!("{before}{tables}");
    let loaded = load(&text, ground.options, read);
    let mut loaded = loaded
        .map_err(|found| said(found, lines, ground, tables))?
        .plan;
    let mut workers = Vec::new();
    let place = place_workers(ground.plan, &loaded, &mut workers)?;
    let mut agents = loaded.agents.split_off(first.min(loaded.agents.len()));
    // Tables keep their order, but phases, tracks and gates are found by name all the same.
    let phases: Vec<_> = loaded.phases.iter().map(|p| p.id.as_str()).collect();
    let tracks: Vec<_> = loaded.tracks.iter().map(|t| t.id.as_str()).collect();
    let gates: Vec<_> = loaded.gates.iter().map(|g| g.id.as_str()).collect();
    let same = phases
        .iter()
        .copied()
        .eq(ground.plan.phases.iter().map(|p| p.id.as_str()))
        && tracks
            .iter()
            .copied()
            .eq(ground.plan.tracks.iter().map(|t| t.id.as_str()))
        && gates
            .iter()
            .copied()
            .eq(ground.plan.gates.iter().map(|g| g.id.as_str()));
    if !same || agents.is_empty() {
        return Err("the run's plan is not what it was started with".to_owned());
    }
    for agent in &mut agents {
        for mode in &mut agent.modes {
            mode.worker = mode.worker.map(|worker| place[worker.ix()]);
        }
    }
    let ids: Vec<&str> = agents.iter().map(|agent| agent.id.as_str()).collect();
    let mut alone = ground.plan.clone();
    alone.unbuilt = loaded.unbuilt;
    (alone.unbuilt).retain(|u| u.path[0] != "agent" || ids.contains(&u.path[1].as_str()));
    alone.workers.extend(workers.iter().cloned());
    alone.agents.clone_from(&agents);
    Ok(Addition {
        workers,
        agents,
        alone,
    })
}

/// Where each worker of the plan that was read stands in the one that is there; new ones follow.
fn place_workers(
    plan: &Plan,
    loaded: &Plan,
    new: &mut Vec<Worker>,
) -> Result<Vec<WorkerIx>, String> {
    let known: BTreeMap<&str, usize> = (plan.workers.iter().enumerate())
        .map(|(i, w)| (w.name.as_str(), i))
        .collect();
    let mut places = Vec::with_capacity(loaded.workers.len());
    for worker in &loaded.workers {
        let at = if let Some(at) = known.get(worker.name.as_str()) {
            *at
        } else {
            let mut worker = worker.clone();
            if let Some(ix) = worker.served {
                let id = &loaded.models[ix.ix()].id;
                let there = plan.models.iter().position(|model| model.id == *id);
                let there = there.ok_or_else(|| {
                    format!("{NAME}: error: the run's plan did not begin with model `{id}`")
                })?;
                worker.served = Some(ModelIx::of(there));
            }
            new.push(worker);
            plan.workers.len() + new.len() - 1
        };
        places.push(WorkerIx::of(at));
    }
    Ok(places)
}

/// What stands before the added tables: the plan without its agents, in place of which there are ones
/// of the same names that do nothing and need nobody.
fn before(ground: &Ground<'_>, tables: &str) -> Result<String, String> {
    let Ok(wanted) = tables.parse::<toml::Table>() else {
        // The plan's own reader says it better.
        let found = load(tables, ground.options, &mut |_| Ok(String::new()));
        return Err(found.map_or_else(|found| said(found, 0, ground, tables), |_| NAME.to_owned()));
    };
    if let Some(key) = wanted.keys().find(|key| *key != "agent") {
        return Err(format!(
            "{NAME}: error: `{key}`: only [[agent]] can be added to a run; all else is as its plan says"
        ));
    }
    let mut plan: toml::Table = (ground.source.parse())
        .map_err(|error| format!("the run's plan cannot be read any more: {error}"))?;
    plan.remove("override");
    let stand_ins = ground
        .plan
        .indices()
        .map(|ix| stand_in(ground.plan, ix))
        .collect();
    plan.insert("agent".to_owned(), toml::Value::Array(stand_ins));
    let mut text = toml::to_string(&plan).map_err(|error| error.to_string())?;
    text.push('\n');
    Ok(text)
}

fn stand_in(plan: &Plan, ix: AgentIx) -> toml::Value {
    let agent = plan.agent(ix);
    let mut table = toml::Table::new();
    let mut put = |key: &str, value: toml::Value| drop(table.insert(key.to_owned(), value));
    put("id", agent.id.as_str().into());
    put("run", vec!["true".to_owned()].into());
    put("needs", toml::Value::Array(Vec::new()));
    if let Some(phase) = agent.phase {
        put("phase", plan.phases[phase.ix()].id.clone().into());
    }
    if let Some(track) = agent.track {
        put("track", plan.tracks[track.ix()].id.clone().into());
    }
    toml::Value::Table(table)
}

/// What is wrong, with places in the added tables.
fn said(found: Vec<Diagnostic>, lines: u32, ground: &Ground<'_>, tables: &str) -> String {
    let mut all: Vec<Diagnostic> = found
        .into_iter()
        .filter(|d| d.severity == Severity::Error)
        .collect();
    for d in &mut all {
        let of_plan = d.line > 0 && d.line <= lines;
        if of_plan {
            (d.line, d.column) = (0, 0);
        } else {
            d.line = d.line.saturating_sub(lines);
        }
        d.related = d
            .related
            .take()
            .filter(|of| of.0 > lines)
            .map(|(line, column, text)| (line - lines, column, text));
    }
    if ground.words {
        for d in &mut all {
            (d.line, d.column, d.related) = (0, 0, None);
        }
    }
    render(&all, NAME, tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "name = \"n\"\n[defaults]\ntimeout = \"7m\"\nworkspace = \"shared\"\n\
        [worker.lint]\nrun = \"cat\"\n[gate.g]\nrun = [\"true\"]\n\
        [[phase]]\nid = \"p\"\n[[track]]\nid = \"A\"\ndefaults = { worker = \"lint\", gates = [\"g\"] }\n\
        [[agent]]\nid = \"a\"\nrun = \"true\"\ntrack = \"A\"\n\
        [[agent]]\nid = \"z\"\nprompt = \"p\"\nworker = \"codex\"\nneeds = [\"track:A\"]\n";

    fn added(plan: &Plan, tables: &str) -> Result<Addition, String> {
        let options = LoadOptions::default();
        let ground = Ground {
            source: PLAN,
            options: &options,
            plan,
            words: false,
        };
        read(&ground, tables, &mut |path| Err(format!("no {path}")))
    }

    fn plan() -> Plan {
        load(PLAN, &LoadOptions::default(), &mut |_| unreachable!())
            .unwrap()
            .plan
    }

    #[test]
    fn what_the_plan_says_of_everybody_counts_for_who_is_added() {
        let plan = plan();
        let tables = "[[agent]]\nid = \"b\"\nprompt = \"do\"\ntrack = \"A\"\nneeds = [\"z\"]\n\
            [[agent]]\nid = \"c\"\nprompt = \"do\"\nworker = \"claude:opus\"\nneeds = [\"b\", \"track:A\"]\n";
        let new = added(&plan, tables).unwrap();
        let ids: Vec<&str> = new.agents.iter().map(|a| a.id.as_str()).collect();
        assert_eq!(ids, ["b", "c"]);
        // `z` needs the track that `b` is now in; it does not wait for it, so there is no circle.
        let needs = |i: usize| {
            new.agents[i]
                .needs
                .iter()
                .map(|n| n.agent.0)
                .collect::<Vec<_>>()
        };
        assert_eq!((needs(0), needs(1)), (vec![1], vec![0, 2]));
        assert_eq!(new.agents[0].timeout_us, Some(7 * 60 * 1_000_000));
        assert_eq!(new.agents[0].gates.len(), 1);
        let names: Vec<&str> = plan.workers.iter().map(|w| w.name.as_str()).collect();
        assert_eq!(names, ["lint", "codex"]);
        let worker = |i: usize| new.agents[i].modes[0].worker.unwrap().0;
        assert_eq!((worker(0), worker(1)), (0, 2));
        assert_eq!(new.workers.len(), 1);
        assert_eq!(new.workers[0].name, "claude:opus");
    }

    #[test]
    fn what_cannot_be_added_is_said_with_its_place_in_what_was_added() {
        let plan = plan();
        let refused = |tables: &str| added(&plan, tables).unwrap_err();
        let taken = refused("[[agent]]\nid = \"a\"\nrun = \"true\"\n");
        assert!(
            taken.starts_with("added:2:6: error: duplicate id"),
            "{taken}"
        );
        let unknown = refused("\n[[agent]]\nid = \"b\"\nrun = \"true\"\nneeds = [\"q\"]\n");
        assert!(unknown.starts_with("added:5:"), "{unknown}");
        let key = refused("mode = \"hybrid\"\n[[agent]]\nid = \"b\"\nrun = \"true\"\n");
        assert!(key.contains("`mode`: only [[agent]]"), "{key}");
        let torn = refused("[[agent]]\nid = \"b\n");
        assert!(torn.starts_with("added:2:"), "{torn}");
        let circle = refused(
            "[[agent]]\nid = \"b\"\nrun = \"true\"\nneeds = [\"c\"]\n\
             [[agent]]\nid = \"c\"\nrun = \"true\"\nneeds = [\"b\"]\n",
        );
        assert!(
            circle.contains("cycle") || circle.contains("circle"),
            "{circle}"
        );
    }

    #[test]
    fn it_is_known_whether_the_plan_names_a_worker() {
        assert!(!has_worker(PLAN, None));
        assert!(has_worker(PLAN, Some("A")));
        assert!(has_worker("[defaults]\nworker = \"codex\"\n", None));
    }
}
