//! Asking for one thing and waiting for its answer: what `ctl` and `report-status` do.
//!
//! Must not listen to news.

use super::{Client, ClientError};
use crate::{
    engine::Action,
    runtime::{
        protocol::{self, FromClient, FromRunner},
        turns::Stats,
    },
};

impl Client {
    /// Asks for something and waits for the answer: the number of the event that records it.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the runner's reason, or a lost connection.
    pub fn act(&mut self, action: Action) -> Result<u64, ClientError> {
        let frame = FromClient::Action {
            id: 1,
            by: "ctl".to_owned(),
            action,
        };
        protocol::write(&mut self.stream, &frame, &[])?;
        self.answer()
    }

    fn answer(&mut self) -> Result<u64, ClientError> {
        loop {
            let (frame, _) = protocol::read::<FromRunner>(&mut self.stream)?;
            if let FromRunner::Ack { id: 1, seq, reason } = frame {
                return match (seq, reason) {
                    (Some(seq), None) => Ok(seq),
                    (_, reason) => Err(ClientError::Refused(reason.unwrap_or_default())),
                };
            }
        }
    }

    /// Asks the runner for its figures about itself.
    ///
    /// # Errors
    /// A lost connection, also where the runner is an older one that does not know the question.
    pub fn stats(&mut self) -> Result<Stats, ClientError> {
        protocol::write(&mut self.stream, &FromClient::Stats, &[])?;
        loop {
            let (frame, _) = protocol::read::<FromRunner>(&mut self.stream)?;
            if let FromRunner::Stats { stats } = frame {
                return Ok(stats);
            }
        }
    }

    /// Reports of the agent that this process belongs to and waits for the answer.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the runner's reason, or a lost connection.
    pub fn report(&mut self, agent: &str, attempt: u32, text: &str) -> Result<u64, ClientError> {
        let frame = FromClient::Report {
            id: 1,
            agent: agent.to_owned(),
            attempt,
        };
        protocol::write(&mut self.stream, &frame, text.as_bytes())?;
        self.answer()
    }
}
