//! Language models on this machine: what one needs, and what the servers that hold them say.
//!
//! Bytes in, figures out: the header of a GGUF file ([`gguf`]), the formulas of memory ([`memory`]), the least that a
//! name allows ([`minimum`]), and the answers of model servers ([`servers`]). All of it is computed, not measured:
//! where it is shown it carries `~`. One module opens connections ([`client`]); no other does, and none opens a file.
//! Must not know engine or plan.

pub mod address;
pub mod client;
pub mod ggml;
pub mod gguf;
pub mod look;
pub mod memory;
pub mod minimum;
pub mod servers;
pub mod shape;
#[cfg(test)]
mod tests;

pub use gguf::{GgufError, Header};
pub use memory::{CacheType, Load, Memory};
pub use minimum::{ByName, by_name, lacking};
pub use shape::{Shape, Unfit};
