//! Merging on repositories made by script, against what git does itself.

mod answers;
mod kinds;
mod refs;
mod replay;
mod rig;
