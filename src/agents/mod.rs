//! Coding agents as programs: how each is started and gone on with, and what its stream says.
//!
//! Adapters are data (`assets/agents/*.toml`, a person's own files over them); drivers read the streams. Both are
//! pure. Must not start a process, read a clock or touch a file: `runtime` and `executor` do that.

pub mod driver;
pub mod launch;
pub mod lines;
pub mod said;

pub use driver::{Driver, Verdict};
pub use launch::{Ask, Launch, Start, Wanted};
pub use lines::Lines;
pub use said::{Question, Reply, Said, ToolCall, ToolKind, Used, Why};
