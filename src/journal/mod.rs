//! The run on disk (DESIGN 7): the journal's format, its writer and readers, snapshots, the store
//! of runs and how `wavedeck runs` shows it.
//!
//! Every record is one line of JSON with a checksum; a turn is one write before its effects. Must
//! not decide anything about a run, never starts or ends a process, and never syncs on the
//! caller's thread in `append`.

mod decode;
mod folders;
pub mod follow;
pub mod format;
pub mod index;
pub mod info;
pub mod reader;
pub mod render;
pub mod run;
pub mod samples;
pub mod seek;
pub mod snapshot;
pub mod store;
mod sync;
mod tail;
pub mod writer;

pub use follow::{Followed, Follower};
pub use format::{FormatError, Header, Line, decode, encode, verify};
pub use info::{Phase, RunInfo};
pub use reader::{Damage, ReadEnd, ReadError, Reader, Tail, apply, fold, fold_each, set_aside};
pub use render::{ago, render_runs, render_show, runs_json, show_json};
pub use run::{LockError, RunDir, RunLock};
pub use samples::{Readings, SampleWriter, read_samples};
pub use seek::{Seeker, To};
pub use snapshot::Snapshotter;
pub use store::{Pruned, Store, StoreError};
pub use sync::SyncHandle;
pub use tail::{last_records, last_sample};
pub use writer::{JournalWriter, Position, Sink, WriteError};

/// Name of the journal inside a run's folder.
pub const JOURNAL: &str = "journal.jsonl";

#[cfg(test)]
mod tests;
