//! What reaches the loop, from whoever it is: one inbox for all of it.
//!
//! Plain values; must not decide anything.

use std::{
    sync::{Arc, Mutex, mpsc::Receiver},
    time::{Duration, Instant},
};

use crate::{
    engine::{Action, Extension, InputKind, Via, Words},
    plan::{AgentId, AgentIx},
    resources::Sample,
    runtime::{intake::Origin, leases::Request, news::Sink},
};

use super::Stats;

/// So long messages are taken before what they led to is written and carried out.
const LONGEST_BATCH: Duration = Duration::from_millis(20);

/// Returns a further message of a batch that began then; none where none waits, or where what was decided must not
/// wait any longer: processes of agents can send faster than messages are taken.
pub(super) fn more(inbox: &Receiver<Msg>, began: Instant) -> Option<Msg> {
    let more = began.elapsed() < LONGEST_BATCH;
    more.then(|| inbox.try_recv().ok()).flatten()
}

/// Answer to an action: the number of its event, or why not.
pub type Reply = Box<dyn FnOnce(Result<u64, String>) + Send>;

/// What the sampler must know of agents since it last looked.
pub type Notes = Arc<Mutex<Vec<Note>>>;

/// One thing that the sampler must know.
#[derive(Debug, Clone, Copy)]
pub enum Note {
    /// An agent was frozen: its quiet clock stands.
    Frozen(AgentIx),
    /// It goes on.
    Thawed(AgentIx),
    /// An attempt of it begins, with so many bytes reserved for it.
    Reserved(AgentIx, u64),
}

/// What reaches the loop.
pub enum Msg {
    /// The executor has reports.
    Reports,
    /// A reading, with the edges that the sensor saw in it.
    Sample(Box<Sample>, Vec<InputKind>),
    /// A signal asks for a stop.
    Signal(i32),
    /// The guard is gone.
    GuardLost,
    /// An operator asks for something.
    Action {
        /// Who.
        by: String,
        /// What.
        action: Action,
        /// Where the answer goes.
        reply: Reply,
    },
    /// An operator adds agents, read and checked.
    Add {
        /// Who.
        by: String,
        /// They.
        extension: Box<Extension>,
        /// Where the answer goes.
        reply: Reply,
    },
    /// An agent reports of itself.
    Progress {
        /// Who, as it says.
        agent: AgentId,
        /// In which attempt, as it says.
        attempt: u32,
        /// Where it comes from.
        origin: Origin,
        /// By which way.
        via: Via,
        /// What it says, clean and bounded; or why that could not be read.
        said: Result<Box<Words>, String>,
        /// Where the answer goes.
        reply: Reply,
    },
    /// A command inside of an agent asks for a lease.
    Lease(Box<Request>),
    /// The process of a lease has ended.
    LeaseGone(u32),
    /// The 24-hour gate was judged: how many times it was due, and what does not hold.
    Judged(u32, Vec<String>),
    /// Somebody wants to hear news, from a snapshot on.
    Attach(Box<dyn Sink>),
    /// Syncing the journal failed.
    SyncFault(String),
    /// Somebody wants the loop's figures.
    Stats(Box<dyn FnOnce(Stats) + Send>),
    /// Something was done with a workspace or a merge.
    Work(Box<InputKind>),
    /// The journal is not where it was: somebody removed or moved the run's folder.
    FolderGone,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sends_without_end_does_not_keep_the_loop_from_writing() {
        let (send, inbox) = std::sync::mpsc::channel();
        let began = Instant::now();
        assert!(more(&inbox, began).is_none());
        send.send(Msg::Reports).unwrap();
        let mut taken = 0_u64;
        while more(&inbox, began).is_some() {
            taken += 1;
            send.send(Msg::Reports).unwrap();
            assert!(began.elapsed() < Duration::from_mins(1), "{taken} taken");
        }
        assert!(more(&inbox, Instant::now()).is_some(), "nothing is lost");
    }
}
