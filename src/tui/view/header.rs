//! The first line: which run, how far, what it is doing.

use super::{Header, Mark, Source, Tone, left::left, memory::base, words};
use crate::{
    display::clean_text,
    engine::{PhaseStatus, StoppedBy, mode_name},
};

pub(super) fn header(source: Source<'_>, now_us: u64) -> Header {
    let Source { state, chart, .. } = source;
    let mut counts = [0_usize; Mark::ALL.len()];
    for agent in &state.agents {
        counts[Mark::of_agent(agent) as usize] += 1;
    }
    let at_ms = source
        .sample
        .map_or(state.at_ms, |s| s.at_ms.max(state.at_ms));
    let mode = match state.cap() {
        1 => "one at a time".to_owned(),
        cap => format!("{} {}/{cap}", mode_name(state.mode), state.usage.agents),
    };
    // A test's switch; nobody shall take such a run for one that is looked after.
    let mode = if state.setup.memory.admission {
        mode
    } else {
        format!("{mode}, memory not looked at")
    };
    let banner = if let Some(lost) = source.lost {
        Some((
            format!("connection lost: {}", clean_text(lost, 80)),
            Tone::Bad,
        ))
    } else if let Some(status) = state.finished {
        // The counts stand beside it.
        let tone = if status == 0 { Tone::Good } else { Tone::Bad };
        Some((format!("ended, status {status}"), tone))
    } else {
        state.stopping.as_ref().map(|by| {
            let text = match by {
                StoppedBy::Operator => "STOPPING, asked for by you",
                StoppedBy::Signal(_) => "STOPPING, a signal came",
                StoppedBy::GuardLost => "STOPPING, the guard died",
            };
            (text.to_owned(), Tone::Alert)
        })
    };
    Header {
        plan: chart.plan.clone(),
        // Ids end in what tells runs of the same second apart; `RUN` takes that part too.
        run: state
            .run
            .rsplit('-')
            .next()
            .unwrap_or_default()
            .chars()
            .filter(char::is_ascii_graphic)
            .take(8)
            .collect(),
        mode,
        elapsed_us: now_us,
        left_us: left(state, chart, now_us),
        done: counts[Mark::Done as usize],
        total: state.agents.len(),
        counts: Mark::ALL
            .into_iter()
            .map(|mark| (mark, counts[mark as usize]))
            .filter(|(_, n)| *n > 0)
            .collect(),
        clock: words::clock(at_ms, source.zone, false),
        fault: state.degraded.as_deref().map(|e| clean_text(e, 80)),
        banner,
        pressure: source.sample.map(|s| {
            (
                s.figures.pressure_permille,
                base(state, s),
                state.memory.zone,
            )
        }),
        waits: 0,
        red: state
            .phases
            .iter()
            .filter(|p| p.status == PhaseStatus::Failed && p.gate_red)
            .count(),
    }
}
