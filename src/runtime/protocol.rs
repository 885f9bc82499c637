//! Frames on the runner's socket: what client and runner say to each other.
//!
//! A frame is two little-endian `u32` lengths, then so many bytes of JSON and so many raw bytes.
//! Versioned by the hello; must not grow state of its own.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    engine::{Action, Record},
    resources::Sample,
};

use super::turns::Stats;

/// Version of the protocol; a client of another one is told so and let go.
pub const PROTOCOL: u32 = 2;
/// Longest part of a frame: what is larger was not sent by us.
const LONGEST: u32 = 8 << 20;
/// Snapshots go in pieces of this size.
pub const CHUNK: usize = 256 << 10;

/// What a runner says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum FromRunner {
    /// The first frame.
    Hello {
        /// [`PROTOCOL`].
        protocol: u32,
        /// Identifier of the run.
        run: String,
        /// Whether this client may steer the run: agents may not.
        operator: bool,
    },
    /// A piece of the state in the raw part, as a snapshot of the journal has it: without the setup,
    /// which the client reads from the run's folder.
    Snapshot {
        /// Whether it is the last piece.
        last: bool,
        /// Whether somebody watches the run: of the setup, the one thing that the folder does not say.
        attended: bool,
    },
    /// Events in order.
    Events {
        /// They.
        records: Vec<Record>,
    },
    /// The newest reading.
    Sample {
        /// It.
        sample: Box<Sample>,
    },
    /// Output that was asked for, in the raw part.
    Output {
        /// Whose.
        agent: String,
        /// Which attempt.
        attempt: u32,
        /// Where it begins in the file.
        offset: u64,
        /// Size of the file.
        total: u64,
    },
    /// News of a terminal that the client watches, or about its keyboard.
    Terminal {
        /// Whose.
        agent: String,
        /// Which attempt.
        attempt: u32,
        /// What.
        note: TerminalNote,
    },
    /// Answer to an action.
    Ack {
        /// Its number.
        id: u64,
        /// Number of the event that records it.
        seq: Option<u64>,
        /// Why it was refused.
        reason: Option<String>,
    },
    /// The runner's figures about itself.
    Stats {
        /// They.
        stats: Stats,
    },
    /// News for a command that asked for a lease.
    Lease {
        /// What.
        note: LeaseNote,
    },
    /// The run has ended.
    End {
        /// Its exit status.
        status: u8,
    },
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum FromClient {
    /// The first frame.
    Hello {
        /// [`PROTOCOL`].
        protocol: u32,
        /// Whether it wants a snapshot, events and samples.
        news: bool,
        /// It only looks: the runner refuses every action of it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        read_only: bool,
    },
    /// An operator's action.
    Action {
        /// Number for the answer.
        id: u64,
        /// `ctl`, `deck`.
        by: String,
        /// What.
        action: Action,
    },
    /// In place of the first frame: a command inside of an agent asks for a lease.
    Lease {
        /// The command.
        name: String,
        /// Leases that it runs below, by their numbers.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        below: Vec<u32>,
    },
    /// An agent's report of itself, as YAML in the raw part.
    Report {
        /// Number for the answer.
        id: u64,
        /// Who it is.
        agent: String,
        /// Its attempt.
        attempt: u32,
    },
    /// Wants the runner's figures about itself.
    Stats,
    /// Wants output of an agent.
    Output {
        /// Whose.
        agent: String,
        /// Which attempt.
        attempt: u32,
        /// From where; none: the tail.
        offset: Option<u64>,
        /// At most so many bytes.
        max: u32,
    },
    /// Something about a terminal; keys are in the raw part.
    Terminal {
        /// Whose.
        agent: String,
        /// Which attempt; 0, where it is about the keyboard: the one that runs.
        attempt: u32,
        /// What.
        wish: TerminalWish,
    },
}

/// What a command hears that asked for a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseNote {
    /// It waits.
    Waiting {
        /// Its place in line, from 1.
        place: u32,
        /// What it waits for, in bytes.
        ram_bytes: u64,
        /// What there is to give, in bytes.
        free_bytes: u64,
        /// For how long one may wait, in microseconds.
        most_us: u64,
    },
    /// It may run.
    Granted {
        /// The lease's number.
        number: u32,
        /// What it has, in bytes.
        ram_bytes: u64,
        /// How long it has waited, in microseconds.
        waited_us: u64,
        /// There is no room: it has waited as long as one may.
        late: bool,
    },
    /// It gets none, and runs without.
    Refused {
        /// Why, where anybody should know.
        why: Option<String>,
    },
}

/// What a client wants of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminalWish {
    /// To hear how it goes on; of no other any more.
    Watch,
    /// Its keyboard.
    Take,
    /// To give that back.
    Give,
    /// To type.
    Keys,
    /// To show it in so many columns and rows; 0: no more.
    Size {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
}

/// What a runner tells of a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminalNote {
    /// It has printed so much.
    Grew {
        /// Bytes.
        total: u64,
    },
    /// It has another size.
    Resized {
        /// From this place of the output on.
        offset: u64,
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// Whether the client holds its keyboard.
    Keyboard {
        /// It does.
        held: bool,
    },
    /// The keyboard could not be had, or keys did not arrive; nothing else has changed.
    Refused {
        /// Why.
        why: String,
    },
}

/// Writes a frame.
///
/// # Errors
/// When the other side is gone, or a part is larger than a frame may be.
pub fn write<T: Serialize>(to: &mut impl Write, frame: &T, raw: &[u8]) -> io::Result<()> {
    let json = serde_json::to_vec(frame).map_err(io::Error::other)?;
    let length = |n: usize| {
        u32::try_from(n)
            .ok()
            .filter(|&n| n <= LONGEST)
            .ok_or_else(|| io::Error::other("a frame is too large"))
    };
    let mut out = Vec::with_capacity(8 + json.len() + raw.len());
    out.extend_from_slice(&length(json.len())?.to_le_bytes());
    out.extend_from_slice(&length(raw.len())?.to_le_bytes());
    out.extend_from_slice(&json);
    out.extend_from_slice(raw);
    to.write_all(&out)
}

/// Reads a frame of any size that we would write.
///
/// # Errors
/// See [`read_at_most`].
pub fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<(T, Vec<u8>)> {
    read_at_most(from, LONGEST)
}

/// Reads a frame of which no part is longer than `longest`.
///
/// # Errors
/// `UnexpectedEof` when the other side is gone, `InvalidData` when it does not speak our language
/// or says too much at once.
pub fn read_at_most<T: DeserializeOwned>(
    from: &mut impl Read,
    longest: u32,
) -> io::Result<(T, Vec<u8>)> {
    let (mut json, mut raw) = ([0_u8; 4], [0_u8; 4]);
    from.read_exact(&mut json)?;
    from.read_exact(&mut raw)?;
    let (json, raw) = (u32::from_le_bytes(json), u32::from_le_bytes(raw));
    if json > longest || raw > longest {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a frame is too large",
        ));
    }
    let mut bytes = vec![0; json as usize];
    from.read_exact(&mut bytes)?;
    let mut rest = vec![0; raw as usize];
    from.read_exact(&mut rest)?;
    let frame = serde_json::from_slice(&bytes)
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
    Ok((frame, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_beyond_the_limit_is_refused_before_it_is_read() {
        let mut bytes = Vec::new();
        write(&mut bytes, &"x".repeat(98), b"raw").unwrap();
        let read = |longest| read_at_most::<String>(&mut &bytes[..], longest);
        assert_eq!(read(100).unwrap().1, b"raw");
        assert_eq!(read(99).unwrap_err().kind(), io::ErrorKind::InvalidData);
        // No more than the lengths were needed to tell.
        let error = read_at_most::<String>(&mut &bytes[..8], 99).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
