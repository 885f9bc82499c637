//! What a run teaches those after it: each attempt that has ended, with what it took.
//!
//! Must not judge: who only teaches a part is said by [`Took::whole`].

use crate::{
    engine::{Exit, State},
    plan::AgentIx,
    resources::Rises,
    schedule::learnt::{Lesson, Took},
};

use super::history::{Attempt, Ended, History};

/// What ran for a shorter time was not measured, and teaches nothing (µs).
const SHORTEST_US: u64 = 100_000;

/// Returns what the attempts of a run teach, in the order in which they ended.
#[must_use]
pub fn lessons(state: &State, history: &History, rises: &Rises) -> Vec<Lesson> {
    let mut all: Vec<(u64, Lesson)> = Vec::new();
    for ix in state.setup.plan.indices() {
        // One for one: most agents of a large plan are too short to teach anything.
        if state.agent(ix).ran_us < SHORTEST_US {
            continue;
        }
        for (number, attempt) in history.attempts.of(ix, u64::MAX) {
            let Some(ended) = &attempt.ended else {
                continue;
            };
            let growth = rises.of(ix.0, number);
            let lesson = lesson(state, (ix, number), (&attempt, ended), growth);
            all.extend(lesson.map(|lesson| (ended.when.seq, lesson)));
        }
    }
    all.sort_by_key(|(seq, _)| *seq);
    all.into_iter().map(|(_, lesson)| lesson).collect()
}

fn lesson(
    state: &State,
    (ix, number): (AgentIx, u32),
    (attempt, ended): (&Attempt, &Ended),
    growth: Option<u64>,
) -> Option<Lesson> {
    let setup = &state.setup;
    // What a person did in its session is not its work.
    if attempt.opened || ended.ran_us < SHORTEST_US {
        return None;
    }
    let agent = setup.plan.agent(ix);
    let mode = attempt.mode.unwrap_or(0);
    // A session that went on did a part of the work; whoever failed stopped somewhere on its way.
    let whole = ended.exit == Exit::Code(0) && ended.ending.is_none() && !attempt.went_on;
    let peak_bytes = Some(ended.peak_bytes).filter(|bytes| *bytes > 0 && attempt.leased.is_none());
    if !whole && peak_bytes.is_none() {
        return None;
    }
    let worker = setup.mode(ix, mode).worker;
    let worker = worker.and_then(|worker| setup.plan.workers.get(worker.ix()));
    Some(Lesson {
        agent: agent.id.to_string(),
        worker: worker.map(|worker| worker.name.clone()),
        class: agent.class,
        took: Took {
            run: state.run.clone(),
            attempt: number,
            whole,
            declared_bytes: setup.declared(ix, mode).ram_bytes,
            reserved_bytes: attempt.reserved_bytes,
            growth: growth.filter(|_| peak_bytes.is_some()),
            peak_bytes,
            duration_us: ended.ran_us,
            cpu_us: ended.cpu_us,
            tokens: ended.tokens,
        },
    })
}
