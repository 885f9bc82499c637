//! What was decided or observed: the journal's vocabulary (DESIGN 6, REQUIREMENTS H1).
//!
//! Plain data that serialises to the contract's JSON; holds nothing that a line cannot carry. Fields
//! are added, never changed.

mod about;
mod attention;
mod gate;
mod kinds;
mod lease;
mod measure;
mod memory;
mod merge;
mod model;
mod offer;
mod parts;
mod process;
pub(super) mod progress;
mod record;
mod shortage;
mod sync;
mod talk;
mod work;

pub use about::whose;
pub use attention::{Answer, AttentionAnswered, AttentionKind, AttentionRaised};
pub use gate::{OnBase, Purpose};
pub use kinds::Event;
pub use lease::{LeaseCause, LeaseEvent};
pub use measure::MeasureEvent;
pub use memory::{Adapted, InBand, MemoryEvent};
pub use merge::{Clash, MergeOutcome, RuleCommand, Strategy};
pub use model::{Held, Known, ModelEvent, Unloading};
pub use offer::Offer;
pub use parts::{
    Cause, CheckPlace, Exit, FailureKind, Figures, Handle, Interruption, Level, StoppedBy, Trouble,
    Zone,
};
pub use process::{AgentFreezeVerified, AgentPreempted, Candidate, ProcessTrouble};
pub use record::Record;
pub use shortage::{Impact, Relief, Scarce};
pub use sync::{SyncKind, SyncPoint};
pub use talk::{Budget, Replied, TalkEvent, ToldBy};
pub use work::{Absent, Added, Boundary, HandoffChecked, HandoffChecking, WorkEvent};

impl From<WorkEvent> for Event {
    fn from(event: WorkEvent) -> Self {
        Self::Work(Box::new(event))
    }
}

impl From<ModelEvent> for Event {
    fn from(event: ModelEvent) -> Self {
        Self::Model(Box::new(event))
    }
}

impl From<MemoryEvent> for Event {
    fn from(event: MemoryEvent) -> Self {
        Self::Memory(Box::new(event))
    }
}

impl From<MeasureEvent> for Event {
    fn from(event: MeasureEvent) -> Self {
        Self::Measure(Box::new(event))
    }
}

impl From<TalkEvent> for Event {
    fn from(event: TalkEvent) -> Self {
        Self::Talk(Box::new(event))
    }
}

impl From<LeaseEvent> for Event {
    fn from(event: LeaseEvent) -> Self {
        Self::Lease(Box::new(event))
    }
}
