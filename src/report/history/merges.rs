//! Merges, folded from the journal: when one was under way, and which work needed more than git.
//!
//! Must not decide; what was not said is not there.

use crate::{
    engine::{Clash, Event, Record, State, Strategy, WorkEvent},
    plan::AgentIx,
};

/// What one attempt of an agent made.
pub type Piece = (AgentIx, u32);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeStep {
    /// A merge is under way.
    Begun,
    /// It is over; the piece of work that is in the head by it.
    Over(Option<Piece>),
    /// A piece of work clashes, and git alone does not settle it.
    Clash {
        /// Which.
        piece: Piece,
        /// In a critical domain.
        critical: bool,
    },
    /// The checks of what a piece of work would make of the head are red.
    Red(Piece),
}

/// One such moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeMoment {
    /// The record.
    pub seq: u64,
    /// When (elapsed µs).
    pub at_us: u64,
    /// What.
    pub step: MergeStep,
}

/// All of them, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merges {
    all: Vec<MergeMoment>,
}

impl Merges {
    pub(super) fn push(&mut self, after: &State, record: &Record) {
        let step = match &record.event {
            Event::Work(work) => of_work(after, work),
            Event::GateFailed { place, .. } => place.agent.as_ref().and_then(|agent| {
                let ix = after.find(agent)?;
                let merged = after.agent(ix).check.as_ref().is_some_and(|c| c.merged);
                merged.then_some(MergeStep::Red((ix, place.attempt)))
            }),
            _ => None,
        };
        self.all.extend(step.map(|step| MergeMoment {
            seq: record.seq,
            at_us: record.elapsed_us,
            step,
        }));
    }

    pub(super) fn append(&mut self, later: &mut Self) {
        self.all.append(&mut later.all);
    }

    /// Returns those that had happened by record `seq`, in order.
    #[must_use]
    pub fn until(&self, seq: u64) -> &[MergeMoment] {
        &self.all[..self.all.partition_point(|moment| moment.seq <= seq)]
    }
}

fn of_work(after: &State, work: &WorkEvent) -> Option<MergeStep> {
    Some(match work {
        WorkEvent::MergeStarted { .. } => MergeStep::Begun,
        WorkEvent::MergeDone { agent, attempt, .. } => {
            MergeStep::Over(after.find(agent).map(|ix| (ix, *attempt)))
        }
        WorkEvent::MergeFailed { .. } => MergeStep::Over(None),
        WorkEvent::ConflictDetected {
            agent,
            attempt,
            clash,
            critical,
            strategy,
            ..
        } if !about_facts(clash) && !by_git(clash, *strategy) => MergeStep::Clash {
            piece: (after.find(agent)?, *attempt),
            critical: *critical,
        },
        _ => return None,
    })
}

/// Whether hand-offs contradict each other: no work clashes by that.
fn about_facts(clash: &Clash) -> bool {
    clash.kinds.iter().any(|kind| kind == "context")
}

/// Whether both sides changed the same files, and git merged them without help.
fn by_git(clash: &Clash, strategy: Strategy) -> bool {
    strategy == Strategy::AutomaticMerge
        && clash.complexity == 0
        && clash.hunks == 0
        && clash.kinds.is_empty()
}
