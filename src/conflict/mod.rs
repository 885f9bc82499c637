//! Conflicts between agents: what may be written by whom. Pure: must not touch files, clocks or git.

pub mod scope;
