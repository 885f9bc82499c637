//! wavedeck: a terminal dashboard with an embedded scheduler for many coding agents.
//!
//! Data flows one way (`docs/architecture.md`): inputs → [`engine`] (pure) → journal → state →
//! effects and projections. Arrows between modules go one way too: `plan ← graph ← schedule ←
//! engine ← {journal, report, tui}`; `sys`, `executor` and `resources` (sampling) are reached from
//! `runtime` only.

pub mod agents;
pub mod cli;
pub mod config;
pub mod conflict;
pub mod context;
pub mod display;
pub mod engine;
pub mod executor;
pub mod graph;
pub mod handoff;
pub mod journal;
pub mod models;
pub mod plan;
pub mod report;
pub mod resources;
pub mod runtime;
pub mod schedule;
pub mod status;
pub mod sys;
pub mod terminal;
pub mod tui;
pub mod workspace;
