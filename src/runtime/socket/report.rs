//! Reports of agents on how far they are: who asks, how often, and what is said.
//!
//! Must not touch the state: the loop looks closer, and decides.

use std::time::Instant;

use super::{Server, way::Way};
use crate::{
    engine::{Via, Words},
    executor,
    plan::AgentIx,
    runtime::{
        intake::{OTHERS, Origin},
        turns::Msg,
    },
    status::parse_report,
    sys::{marker::Marker, peer},
};

impl Server {
    /// Hands a report of an agent on, or refuses it; false: the client is gone or was cut.
    pub(super) fn report(
        &self,
        id: u64,
        (agent, attempt): (String, u32),
        text: &[u8],
        (peer, place): (&peer::Peer, peer::Place),
        way: &Way,
    ) -> bool {
        let taken = self.read_report(&agent, attempt, text, peer, place);
        let (ix, origin, said) = match taken {
            Ok(taken) => taken,
            Err(why) => return way.ack(id, Err(why)),
        };
        let answer = way.clone();
        let _ = self.to_loop.send(Msg::Progress {
            agent: self.current.get().plan.agent(ix).id.clone(),
            attempt,
            origin,
            via: Via::Command,
            said: Ok(Box::new(said)),
            reply: Box::new(move |result| {
                answer.ack(id, result);
            }),
        });
        true
    }

    /// What can be told of a report without the state: who asks, how often, and what it says.
    fn read_report(
        &self,
        agent: &str,
        attempt: u32,
        text: &[u8],
        peer: &peer::Peer,
        place: peer::Place,
    ) -> Result<(AgentIx, Origin, Words), String> {
        let root = peer.root(&self.ancestors());
        let (peer::Place::Below, Some(root)) = (place, root) else {
            return Err("only a process of an agent of this run reports for it".to_owned());
        };
        let Some(&ix) = self.current.get().by_id.get(&agent.into()) else {
            return Err("the run has no agent of this name".to_owned());
        };
        let marked = Marker::of(peer.pid).is_some_and(|marker| {
            (marker.agent.as_str(), marker.attempt, marker.check) == (agent, attempt, None)
                && marker.run == self.run
        });
        let said = parse_report(&String::from_utf8_lossy(text), "report", agent)
            .map_err(|error| error.to_string())?;
        // In another one's name: that one's reports must not be used up. The loop looks closer.
        let views = self.executor.views();
        let own = match views.iter().find(|view| view.pid == root) {
            Some(view) => {
                matches!(&view.key.owner, executor::Owner::Agent(own) if own.as_str() == agent)
            }
            None => marked,
        };
        if !own {
            return Err(OTHERS.to_owned());
        }
        // Last: what is refused for another reason costs nothing.
        self.intake.take(ix, Instant::now()).map_err(|wait| {
            format!(
                "too many reports of this agent: the next one is taken in {} s",
                wait.as_secs() + 1
            )
        })?;
        Ok((ix, Origin::Process { root, marked }, said))
    }
}
