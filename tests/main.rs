//! One test binary: one link, shared code.

mod simulation;
