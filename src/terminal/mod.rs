//! What is known of a terminal's recorded bytes: where a screen can begin, when they came, what
//! they say as lines.
//!
//! Pure: bytes in, places and text out. Must not keep screens of its own (the runner would need one
//! for each agent) and must not read or write files: `executor` writes the index, `runtime` reads it.

pub mod index;
pub mod lines;
pub mod scan;
pub mod sequences;

pub use index::{Entry, Index, Kind, Start};
pub use lines::Lines;
pub use scan::{Found, Scanner};

/// Columns and rows of a terminal that nobody has shown yet.
///
/// Wider than the 80 x 24 of old: what runs unwatched is read later, and programs cut their lines
/// at the width that they find.
pub const SIZE: (u16, u16) = (120, 32);

/// Most columns and rows that a terminal gets, whatever is asked for.
pub const LARGEST: (u16, u16) = (500, 300);
