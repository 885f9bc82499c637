//! `plan --json` in its contracted shape; decimals are written from integers.

use std::fmt::Write as _;

use crate::{
    plan::{AgentIx, Plan},
    schedule::{Analysis, analysis::mode_name, matrix::Row},
};

use super::{cpus, thousandths, warnings};

/// A JSON string.
fn quote(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned());
    crate::display::safe_json(&json).into_owned()
}

/// Seconds with three places, to the nearest millisecond.
fn seconds(us: u64) -> String {
    thousandths(us / 1000 + u64::from(us % 1000 >= 500))
}

/// A list of what `item` writes.
fn list<T>(items: impl IntoIterator<Item = T>, item: impl Fn(T) -> String) -> String {
    let parts: Vec<String> = items.into_iter().map(item).collect();
    format!("[{}]", parts.join(","))
}

/// An object from names to whole numbers.
fn numbers<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a u64)>) -> String {
    let parts: Vec<String> = pairs
        .into_iter()
        .map(|(name, n)| format!("{}:{n}", quote(name)))
        .collect();
    format!("{{{}}}", parts.join(","))
}

fn row(name: &str, row: &Row) -> String {
    format!(
        "{{\"id\":{name},\"agents\":{},\"peak_agents\":{},\"peak_ram_bytes\":{},\"peak_cpus\":{},\
         \"peak_tokens_per_minute\":{},\"peak_resources\":{},\"tokens\":{},\"spends\":{},\
         \"cost_usd\":{},\"work_s\":{},\"guessed\":{}}}",
        row.agents,
        row.peak_agents,
        row.peak_ram_bytes,
        thousandths(row.peak_cpus_milli),
        row.peak_tokens_per_minute,
        numbers(&row.peak_resources),
        row.tokens,
        numbers(&row.spends),
        row.cost_microusd
            .map_or_else(|| "null".to_owned(), |cost| thousandths(cost / 1000)),
        seconds(row.work_us),
        row.guessed,
    )
}

/// Writes the analysis as one line of JSON.
#[must_use]
pub fn to_json(plan: &Plan, analysis: &Analysis) -> String {
    let id = |ix: AgentIx| quote(plan.agent(ix).id.as_str());
    let ids = |of: &[AgentIx]| list(of.iter().copied(), id);
    let (schedule, inputs) = (&analysis.schedule, &analysis.inputs);
    let mut out = String::new();
    let _ = write!(
        out,
        "{{\"version\":1,\"plan\":{},\"inputs\":{{\"ram_bytes\":{},\"agents\":{},\"cpus\":{},\
         \"config\":{},\"learnt\":{},\"effort\":{},\"seed\":{}}},\"makespan_s\":{},\
         \"lower_bound_s\":{},\"proven_optimal\":{},\"sequential_s\":{},\"critical_path\":{},\"waves\":{}",
        quote(&plan.name),
        analysis.capacity.ram_bytes,
        analysis.capacity.agents,
        cpus(analysis.capacity.cpus_milli),
        quote(&inputs.config),
        quote(&inputs.learnt),
        inputs.effort,
        inputs.seed,
        seconds(schedule.makespan_us),
        seconds(analysis.lower_bound_us),
        analysis.proven_optimal(),
        seconds(analysis.sequential_us),
        ids(&analysis.critical.path),
        list(analysis.graph.waves(), |wave| ids(wave)),
    );
    let items = list(&schedule.items, |item| {
        let group = analysis.graph.is_group(item.agent);
        let mode = analysis.choices.mode(plan, item.agent).filter(|_| !group);
        let worker = mode.and_then(|m| m.worker).map_or_else(
            || "null".to_owned(),
            |worker| quote(&plan.workers[worker.ix()].name),
        );
        let mut text = format!(
            "{{\"agent\":{},\"node\":\"local\",\"worker\":{worker},\"mode\":{},\"start_s\":{},\"end_s\":{}",
            id(item.agent),
            item.mode,
            seconds(item.start_us),
            seconds(item.end_us),
        );
        if let Some(capability) = &plan.agent(item.agent).capability {
            let _ = write!(text, ",\"capability\":{}", quote(capability));
        }
        if !analysis.graph.subs(item.agent).is_empty() {
            let _ = write!(text, ",\"done_s\":{}", seconds(item.done_us));
        }
        if mode.is_some_and(|m| m.duration.guessed) {
            text.push_str(",\"guessed\":true");
        }
        text.push('}');
        text
    });
    let peaks = &schedule.peaks;
    let options = list(&analysis.options, |o| {
        let term = |permille: u32| thousandths(permille.into());
        format!(
            "{{\"kind\":\"{}\",\"makespan_s\":{},\"time\":{},\"resources\":{},\"quality\":{},\"risk\":{},\
             \"score\":{},\"feasible\":{},\"chosen\":{},\"why\":{}}}",
            mode_name(o.mode),
            seconds(o.makespan_us),
            term(o.time),
            term(o.resources),
            term(o.quality),
            term(o.risk),
            term(o.score),
            o.feasible,
            o.chosen,
            quote(&o.why),
        )
    });
    let _ = write!(
        out,
        ",\"schedule\":{items},\"peaks\":{{\"ram_bytes\":{},\"agents\":{},\"cpus\":{},\"resources\":{}}},\
         \"options\":{options},\"advice\":{{\"hybrid\":{},\"reasons\":{}}}",
        peaks.ram_bytes,
        peaks.agents,
        thousandths(peaks.cpus_milli),
        numbers(&peaks.resources),
        analysis.advice.hybrid,
        list(&analysis.advice.reasons, |reason| quote(reason)),
    );
    let groups = list(&analysis.groups, |g| {
        format!(
            "{{\"id\":{},\"members\":{},\"shared\":{},\"conflict_strategy\":{},\"merge_strategy\":{},\"duration_s\":{}}}",
            quote(&g.id),
            ids(&g.members),
            ids(&g.shared),
            quote(g.conflict_strategy),
            quote(g.merge_strategy),
            seconds(g.duration_us),
        )
    });
    let name = |text: Option<&String>| text.map_or_else(|| "null".to_owned(), |t| quote(t));
    let matrix = &analysis.matrix;
    let tracks = list(&matrix.tracks, |(t, r)| {
        row(&name(t.map(|t| &plan.tracks[t.ix()].id)), r)
    });
    let phases = list(&matrix.phases, |(p, r)| {
        row(&name(p.map(|p| &plan.phases[p.ix()].id)), r)
    });
    let _ = writeln!(
        out,
        ",\"not_expected\":{},\"impossible\":{},\"parallel_groups\":{groups},\
         \"matrix\":{{\"tracks\":{tracks},\"phases\":{phases},\"all\":{}}},\"warnings\":{}}}",
        ids(&schedule.not_expected),
        ids(&schedule.impossible),
        row("null", &matrix.all),
        list(warnings(plan, analysis), |w| quote(&w)),
    );
    out
}

/// Minutes in words, rounded up.
fn in_minutes(us: u64) -> String {
    match us.div_ceil(60_000_000) {
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}

/// Writes the analysis as BUILDSTATE JSON (requirement A11), one key a line.
#[must_use]
pub fn to_buildstate(plan: &Plan, analysis: &Analysis) -> String {
    let makespan = analysis.schedule.makespan_us;
    let tenths = (u128::from(analysis.sequential_us) * 10 + u128::from(makespan) / 2)
        .checked_div(u128::from(makespan))
        .unwrap_or(10);
    let factor = match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole}x"),
        (whole, rest) => format!("{whole}.{rest}x"),
    };
    format!(
        "{{\n  \"task\": {},\n  \"sequential_estimate\": {},\n  \"hybrid_estimate\": {},\n  \
         \"hybrid_applicable\": {},\n  \"parallel_jobs\": {},\n  \"speedup_factor\": {}\n}}\n",
        quote(plan.goal.as_ref().unwrap_or(&plan.name)),
        quote(&in_minutes(analysis.sequential_us)),
        quote(&in_minutes(makespan)),
        analysis.advice.hybrid,
        analysis.schedule.peaks.agents,
        quote(&factor),
    )
}
