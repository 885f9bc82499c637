//! Coding agents as programs: how each is started and gone on with, and what its stream says.
//!
//! Adapters are data (`assets/agents/*.toml`, a person's own files over them); drivers read the streams. Both are
//! pure. Must not start a process, read a clock or touch a file: `runtime` and `executor` do that.

mod adapter;
mod aider;
mod catalog;
mod claude;
mod claude_ask;
mod claude_tasks;
mod cline;
mod codex;
mod count;
pub mod driver;
mod gemini;
mod json;
pub mod launch;
pub mod lines;
mod opencode;
mod plan;
mod read;
mod read_places;
pub mod said;
#[cfg(test)]
mod tests;
mod there;
mod tools;
mod trouble;

pub use adapter::{Adapter, Check, MadeFile, Prompt, Provider, Session, Tell, Tokens};
pub use catalog::{AdapterError, Adapters, Catalog, WITHOUT_ADAPTER};
pub use driver::{Driver, Exits, STREAMS, Stream, Verdict};
pub use launch::{Ask, Launch, Start, Wanted, is_name, session_name};
pub use lines::{HEAD, LONGEST, Lines};
pub use said::{Question, Reply, Said, ToolCall, ToolKind, Used, Why};
pub use there::version_in;
