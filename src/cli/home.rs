//! Bare `wavedeck`: with one live run here it attaches, else it says what there is to do.

use super::{args::Global, error::Outcome, unbuilt::not_wired};

/// Home.
pub fn home(_global: &Global) -> Outcome {
    Err(not_wired("(home)").help("`wavedeck --help` lists the commands"))
}
