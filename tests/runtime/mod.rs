//! Whole runs through the real program: guard, runner, agents, journal, socket, command line.

mod added;
mod agents;
mod attention;
mod budget;
mod crash;
mod deliver;
mod disk;
mod ends;
mod gates;
mod handoff;
mod integrity;
mod leases;
mod look;
mod measured;
mod operator;
mod outlives;
mod recovery;
mod replay;
pub mod rig;
mod secrets;
mod sessions;
mod stalled;
mod status;
mod stream;
mod terminal;
pub mod together;
mod work;
