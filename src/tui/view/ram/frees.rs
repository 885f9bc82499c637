//! What would free memory, in words: for whoever waits for it, and for whoever holds it.
//!
//! When an agent ends is an estimate from the plan and carries `~`; what it frees then is what is reserved for it, or what
//! it holds where that is more. All text that leaves here is clean. Must not decide who is let in.

use std::{cell::OnceCell, fmt::Write as _};

use super::super::{
    Left, Source,
    left::agent_left,
    mine, servers,
    words::{held, names, span},
};
use crate::{
    display::clean_line,
    engine::{self, HoldBy, Status, Unloading, Why, size_free},
    plan::{AgentIx, ModelIx},
    resources::{AgentSample, Sample},
};

/// Names in a sentence.
const NAMES: usize = 3;

/// What would free the memory that agents wait for; who ends when is looked up once for all of them.
#[derive(Debug)]
pub struct Reliefs<'a> {
    source: Source<'a>,
    now_us: u64,
    /// Time left, who, and what that frees in bytes; who ends first comes first.
    soon: OnceCell<Vec<(u64, AgentIx, u64)>>,
}

impl<'a> Reliefs<'a> {
    /// For a moment (elapsed µs).
    #[must_use]
    pub const fn new(source: Source<'a>, now_us: u64) -> Self {
        Self {
            source,
            now_us,
            soon: OnceCell::new(),
        }
    }

    /// The moment (elapsed µs).
    #[must_use]
    pub const fn now_us(&self) -> u64 {
        self.now_us
    }

    /// Returns what frees the memory that an agent, or a command inside of it, waits for, as the end of a sentence with a
    /// separator before it; empty where it waits for something else.
    #[must_use]
    pub fn of(&self, ix: AgentIx) -> String {
        let (state, figures) = (self.source.state, self.source.figures);
        let agent = state.agent(ix);
        if state.finished.is_some() || agent.hold == Some(HoldBy::Operator) {
            return String::new();
        }
        let why = match agent.status {
            Status::Ready | Status::Parked => engine::admit(state, figures, ix).err(),
            Status::Running => state
                .leases_of(ix)
                .filter(|lease| lease.waits())
                .find_map(|lease| engine::admit_lease(state, figures, lease).err()),
            _ => None,
        };
        match why {
            Some(Why::Ram { asked, free } | Why::Machine { asked, free }) => {
                let wanted = asked.saturating_sub(free);
                let all = [unloads(self.source, wanted), self.ends(ix, wanted)];
                let all = all.iter().filter(|text| !text.is_empty());
                all.fold(String::new(), |sum, text| format!("{sum}; {text}"))
            }
            _ => String::new(),
        }
    }

    /// Who beside an agent ends so soon that so many bytes more are free, in words; empty where nobody runs.
    fn ends(&self, but: AgentIx, wanted: u64) -> String {
        let soon = self.soon.get_or_init(|| soon(self.source, self.now_us));
        let mut sum = 0_u64;
        let mut first = Vec::new();
        for &one in soon.iter().filter(|one| one.1 != but) {
            sum = sum.saturating_add(one.2);
            first.push(one);
            if sum >= wanted {
                break;
            }
        }
        let Some(&last) = first.last() else {
            return String::new();
        };
        if sum < wanted {
            return format!("all that runs frees {}", size_free(sum));
        }
        // Who is not needed for it is not named; the last one always is.
        first.retain(|one| {
            let needed = *one == last || sum - one.2 < wanted;
            sum -= if needed { 0 } else { one.2 };
            needed
        });
        let many = first.len() > 1;
        let all = first
            .iter()
            .map(|one| self.source.chart.names[one.1.ix()].as_str());
        let when = match last.0 {
            u64::MAX if many => "end, one over its time".to_owned(),
            u64::MAX => "is over its time".to_owned(),
            us => format!("{} in ~{}", if many { "end" } else { "ends" }, span(us)),
        };
        format!("{} ({}) {when}", names(all, NAMES), size_free(sum))
    }
}

/// Who ends when, and what that frees.
fn soon(source: Source<'_>, now_us: u64) -> Vec<(u64, AgentIx, u64)> {
    let state = source.state;
    // Only who has a process can end; all of them are in the reading.
    let live = source.sample.map_or(&[][..], |sample| &sample.agents);
    let mut soon: Vec<(u64, AgentIx, u64)> = live
        .iter()
        .map(AgentSample::ix)
        .filter(|&ix| ix.ix() < state.agents.len())
        .filter(|&ix| state.agent(ix).status == Status::Running)
        .map(|ix| {
            let left = match agent_left(state, ix, now_us) {
                Left::About(us) => us,
                // When it ends nobody knows: later than those that have time left.
                Left::Over(_) => u64::MAX,
            };
            (left, ix, frees_bytes(source, ix))
        })
        .filter(|one| one.2 > 0)
        .collect();
    soon.sort_unstable();
    soon
}

/// What the end of an agent gives back to admission, in bytes.
fn frees_bytes(source: Source<'_>, ix: AgentIx) -> u64 {
    let used = mine(source.state, source.sample, ix).map_or(0, AgentSample::counted_bytes);
    source.state.reserved(ix).max(used)
}

/// The smallest model that nobody uses and whose memory would do, in words; empty where there is none.
fn unloads(source: Source<'_>, wanted: u64) -> String {
    let state = source.state;
    let models = state.setup.plan.models.iter().enumerate();
    let enough = models.filter_map(|(at, model)| {
        let held = state.model(ModelIx::of(at)).held;
        let action = engine::Action::Unload {
            model: model.id.clone(),
        };
        // Asked last: it looks for whoever uses it.
        let fits = held.bytes >= wanted && engine::resolve(state, &action).is_ok();
        fits.then_some((held.bytes, held.by, &model.id))
    });
    enough
        .min_by_key(|one| one.0)
        .map_or_else(String::new, |(bytes, by, id)| {
            let bytes = servers::bytes_of(bytes, by);
            format!("U unloads {} ({bytes})", clean_line(id, 30))
        })
}

/// What an agent's freeze, park or end frees, in words.
#[must_use]
pub fn of_agent(source: Source<'_>, ix: AgentIx) -> String {
    let Source { state, sample, .. } = source;
    let agent = state.agent(ix);
    let own = mine(state, sample, ix).map(held);
    let mut text = String::new();
    match (agent.status, own) {
        (_, None) => text.push_str("not measured yet"),
        (Status::Frozen, Some(own)) => {
            let _ = write!(text, "frozen: frees nothing, {own} if parked");
        }
        (_, Some(own)) => {
            let _ = write!(text, "frees {own} if parked, nothing if frozen");
        }
    }
    if let Some(model) = state.model_of(ix).filter(|m| state.model_need(*m).local) {
        let name = clean_line(&state.setup.plan.models[model.ix()].id, 30);
        let frees = state.frees(ix);
        let told = servers::bytes_of(frees.later_bytes, frees.by);
        let _ = match (frees.others, frees.unloading) {
            (_, Unloading::Never) => write!(text, "; {name} stays while its server runs"),
            (0, Unloading::Sleep(seconds)) => {
                write!(text, "; {name} ({told}) sleeps in {seconds} s later")
            }
            (0, _) => write!(text, "; then U unloads {name} ({told})"),
            (others, _) => write!(text, "; {name} ({told}) stays for {others} more"),
        };
    }
    text
}

/// Who would be parked next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Victim {
    /// Its name; empty: nobody may be parked.
    pub name: String,
    /// The sentence, with what that frees.
    pub text: String,
}

/// Who would be parked next and what that frees; none where pressure takes nobody back soon.
#[must_use]
pub fn victim(source: Source<'_>) -> Option<Victim> {
    let Source { state, sample, .. } = source;
    let memory = &state.memory;
    let near = memory.zone >= engine::Zone::Orange || memory.band == engine::InBand::Above;
    if !near || state.finished.is_some() {
        return None;
    }
    let uses = sample.map(Sample::uses).unwrap_or_default();
    let Some((ix, _)) = engine::decide::next_victim(state, &uses, source.now_us()) else {
        return Some(Victim {
            name: String::new(),
            text: "nobody may be parked for memory".to_owned(),
        });
    };
    let track = state.setup.plan.agent(ix).track;
    let track = track.map_or_else(String::new, |t| format!("{}/", source.chart.tracks[t.ix()]));
    let name = source.chart.names[ix.ix()].clone();
    let frees =
        mine(state, sample, ix).map_or_else(String::new, |m| format!(", frees {}", held(m)));
    Some(Victim {
        text: format!("next to park: {track}{name}{frees}"),
        name,
    })
}

/// The first in the order of starting that waits for memory, with what would free it; none where nobody does.
#[must_use]
pub fn first_in_line(reliefs: &Reliefs<'_>) -> Option<String> {
    let source = reliefs.source;
    let state = source.state;
    if state.finished.is_some() || state.stopping.is_some() {
        return None;
    }
    let firsts = state.ready.shelves().filter_map(engine::Shelf::first);
    let firsts = firsts.chain(state.ready.chosen().take(1));
    let mut all: Vec<engine::Rank> = firsts.chain(state.parked.first().copied()).collect();
    all.sort_unstable();
    let found = all.iter().take(NAMES).find_map(|rank| {
        let why = engine::admit(state, source.figures, rank.agent).err()?;
        matches!(why, Why::Ram { .. } | Why::Machine { .. }).then_some((rank.agent, why))
    });
    let (ix, why) = found?;
    let name = &source.chart.names[ix.ix()];
    Some(format!("next in line: {name} {why}{}", reliefs.of(ix)))
}
