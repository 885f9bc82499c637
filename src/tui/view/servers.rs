//! Model servers as rows, and what a swap would free of them.
//!
//! Must not measure: figures come from samples and the state. What was not measured carries `~`.

use crate::{
    display::{clean_line, clean_text},
    engine::{Frees, Known, State, Unloading},
    plan::{AgentIx, ModelIx, WorkerIx, units::human_size},
    resources::Sample,
};

/// A model of the plan with its server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerRow {
    /// The model's name in the plan.
    pub model: String,
    /// Bytes that it takes; none: not known.
    pub bytes: Option<u64>,
    /// These were measured; else the server says so, and they carry `~`.
    pub measured: bool,
    /// Its memory is this machine's: else its bytes count nowhere here.
    pub local: bool,
    /// Another row before it is of the same server, and its measured bytes are the same ones.
    pub again: bool,
    /// It is in memory.
    pub loaded: bool,
    /// Its server sleeps.
    pub sleeping: bool,
    /// Agents that work with it.
    pub users: u32,
    /// Requests that it answers now, where its server says so.
    pub busy: Option<u32>,
    /// Requests that it takes at once: as its server says, else as the plan does.
    pub slots: u32,
    /// Why nothing newer is known.
    pub error: Option<String>,
}

/// Makes the rows, one for each model that is asked for.
pub fn servers(state: &State, sample: &Sample) -> Vec<ServerRow> {
    let mut rows = Vec::with_capacity(sample.servers.len());
    for (at, seen) in sample.servers.iter().enumerate() {
        let Some(model) = state.setup.plan.models.get(seen.ix().ix()) else {
            continue;
        };
        let known = state.model_need(seen.ix());
        let before = sample.servers[..at].iter();
        rows.push(ServerRow {
            model: clean_line(&model.id, 30),
            bytes: seen.resident_bytes.or(seen.told_bytes),
            measured: seen.resident_bytes.is_some(),
            local: known.local,
            again: before.into_iter().any(|other| other.server == seen.server),
            loaded: seen.loaded,
            sleeping: seen.sleeping,
            users: u32::try_from(state.model_users(seen.ix()).count()).unwrap_or(u32::MAX),
            busy: seen.busy,
            slots: seen.slots.unwrap_or(model.slots),
            error: seen.error.as_deref().map(|why| clean_text(why, 80)),
        });
    }
    rows
}

/// Bytes of a model in words, with `~` where they were not measured.
#[must_use]
pub fn bytes_of(bytes: u64, by: Known) -> String {
    let about = if by == Known::Measured { "" } else { "~" };
    format!("{about}{}", human_size(bytes))
}

/// What it frees that another worker takes an agent over, in words: `frees 0.6 GiB now; 20.2 GiB if the last of 3
/// users leaves`. Empty where the agent has no process.
pub fn frees(state: &State, sample: Option<&Sample>, ix: AgentIx, to: WorkerIx) -> String {
    let agent = state.agent(ix);
    if agent.live.is_none() {
        return String::new();
    }
    let own = sample.and_then(|sample| {
        let mut all = sample.agents.iter();
        let row = all.find(|row| row.ix() == ix && row.attempt == agent.attempt)?;
        // An upper bound is no measurement.
        Some((row.counted_bytes(), !row.at_most()))
    });
    let plan = &state.setup.plan;
    let same = state.model_of(ix) == plan.workers[to.ix()].served;
    let model = state.model_of(ix).filter(|_| !same);
    let frees = match model {
        Some(_) => state.frees(ix),
        None => Frees::default(),
    };
    said(
        own,
        frees,
        model.map_or("", |m| plan.models[m.ix()].id.as_str()),
    )
}

/// `own`: bytes of the agent itself, and whether they are exact.
fn said(own: Option<(u64, bool)>, frees: Frees, model: &str) -> String {
    let own_exact = own.is_some_and(|own| own.1);
    let exact = own_exact && matches!(frees.by, Known::Measured);
    let about =
        |bytes: u64, exact: bool| format!("{}{}", if exact { "" } else { "~" }, human_size(bytes));
    let own_bytes = own.map_or(0, |own| own.0);
    // Without a measurement of the agent nothing is said of it.
    let now = own_bytes.saturating_add(frees.now_bytes);
    let first = if now == 0 {
        String::new()
    } else {
        about(now, exact || (own_exact && frees.now_bytes == 0))
    };
    let all = own_bytes.saturating_add(frees.later_bytes);
    let rest = match (frees.others, frees.unloading) {
        _ if frees.later_bytes == 0
            && matches!(frees.unloading, Unloading::Never)
            && !model.is_empty() =>
        {
            format!("{model} stays in memory while its server runs")
        }
        _ if frees.later_bytes <= frees.now_bytes => String::new(),
        (0, Unloading::Sleep(seconds)) => {
            format!(
                "{} when its server has slept in, after {seconds} s",
                about(all, exact)
            )
        }
        (0, _) => format!("{} if {model} is unloaded", about(all, exact)),
        (others, _) => format!(
            "{} if the last of {} users leaves",
            about(all, exact),
            u64::from(others) + 1
        ),
    };
    match (first.is_empty(), rest.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!("frees {first} now"),
        (true, false) => format!("frees nothing now; {rest}"),
        (false, false) => format!("frees {first} now; {rest}"),
    }
}

/// The models that a person may unload now, each with the bytes that this is to give back.
pub fn idle(state: &State) -> Vec<(String, String)> {
    let all = state.setup.plan.models.iter().enumerate();
    let idle = all.filter_map(|(at, model)| {
        let action = crate::engine::Action::Unload {
            model: model.id.clone(),
        };
        crate::engine::resolve(state, &action).ok()?;
        let held = state.model(ModelIx::of(at)).held;
        Some((model.id.clone(), bytes_of(held.bytes, held.by)))
    });
    idle.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn a_swap_says_what_it_frees_now_and_what_later() {
        let own = Some((6 * GIB / 10, true));
        let of = |now, later, others, unloading, by| {
            let frees = Frees {
                now_bytes: now,
                later_bytes: later,
                others,
                unloading,
                by,
            };
            said(own, frees, "qwen")
        };
        let whole = 196 * GIB / 10;
        let request = Unloading::Request;
        assert_eq!(
            of(0, whole, 2, request, Known::Measured),
            "frees 614.4 MiB now; 20.2 GiB if the last of 3 users leaves"
        );
        assert_eq!(
            of(0, whole, 2, request, Known::Told),
            "frees 614.4 MiB now; ~20.2 GiB if the last of 3 users leaves"
        );
        assert_eq!(
            of(whole, whole, 0, request, Known::Measured),
            "frees 20.2 GiB now"
        );
        assert_eq!(
            of(0, whole, 0, Unloading::Sleep(6), Known::Measured),
            "frees 614.4 MiB now; 20.2 GiB when its server has slept in, after 6 s"
        );
        assert_eq!(
            of(0, 0, 1, Unloading::Never, Known::Measured),
            "frees 614.4 MiB now; qwen stays in memory while its server runs"
        );
        assert_eq!(said(own, Frees::default(), ""), "frees 614.4 MiB now");
        let about = Some((6 * GIB / 10, false));
        let text = said(about, Frees::default(), "");
        assert_eq!(text, "frees ~614.4 MiB now", "an upper bound");
        assert_eq!(said(None, Frees::default(), ""), "");
    }
}
