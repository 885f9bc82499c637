//! The dashboard: draws a projection of the state, turns keys into named actions.
//!
//! Must not reach processes, files or sockets: it is fed through [`feed`], live and in replay alike.

pub mod feed;
