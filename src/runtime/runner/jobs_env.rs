//! What of our environment the jobs of a run get, and the folder of leased commands before their PATH.
//!
//! Must not start anything.

use std::{ffi::OsString, path::Path};

use crate::{
    config::passes,
    plan::Plan,
    runtime::{leases::Shims, prepare::RunConfig, turns::complain},
};

/// The environment that jobs get.
pub(super) fn passed(config: &RunConfig) -> Vec<(OsString, OsString)> {
    std::env::vars_os()
        .filter(|(name, _)| name.to_str().is_some_and(|n| passes(&config.env, n)))
        .collect()
}

/// The leased commands of a plan that has some. Without their folder they run as they are, which is said.
pub(super) fn shims(dir: &Path, plan: &Plan, config: &RunConfig, program: &str) -> Option<Shims> {
    if plan.leases.is_empty() {
        return None;
    }
    let path = std::env::var_os("PATH").filter(|_| passes(&config.env, "PATH"));
    let names = plan.leases.keys().map(String::as_str);
    Shims::make(dir, names, program, path)
        .inspect_err(|why| complain(&format!("leased commands do not wait for memory: {why}")))
        .ok()
}
