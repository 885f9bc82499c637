//! The plan file (DESIGN 5): model, parsing, expansion, validation that reports everything at once.
//!
//! Pure: text in, [`Plan`] or a list of problems out. Must not open files (the caller hands prompt
//! files in through a closure), look at the machine, or decide anything about a run.
//!
//! The way of a plan: `decode` and `values` (typed values with places) → `raw*` and `spec*` (tables
//! as written) → `names` (references), `places`, `layers*` and `modes` (one agent), `needs`, `tables`,
//! `order` (with `cycle` and `barrier`), `only`, `workers`, all called by `build` → [`Plan`]; `expand*`
//! lead back to TOML. Places are byte offsets throughout; they become lines and columns only when there
//! is something to say.

pub mod addition;
mod agent;
mod barrier;
mod build;
mod cycle;
pub(crate) mod decode;
pub mod diag;
pub mod expand;
mod expand_values;
mod expand_work;
pub mod id;
pub(crate) mod keys;
mod layers;
mod layers_work;
pub mod list;
pub mod model;
mod modes;
mod names;
mod needs;
mod only;
mod order;
mod places;
mod raw;
mod raw_lists;
mod raw_tables;
mod raw_work;
pub mod schema;
pub mod served;
mod spec;
mod spec_parts;
mod spec_unbuilt;
mod spec_work;
pub mod suggest;
mod tables;
pub mod text;
pub mod units;
mod values;
mod vars;
pub mod words;
mod work;
mod workers;

use std::collections::BTreeMap;

use crate::agents::Catalog;

pub use barrier::never_opens;
pub use diag::{Diagnostic, Severity, render};
pub use id::{AgentId, AgentIx, GateIx, ModelIx, PhaseIx, TrackIx, WorkerIx};
pub use model::*;
pub use vars::late;

/// What the caller states beside the text.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Name of the file, for messages and, without its ending, for a plan without a name.
    pub file_name: String,
    /// Variables of `--set`; they replace declared ones. A list is split at commas.
    pub vars: BTreeMap<String, String>,
    /// Id or glob of `--only`: keeps the agents that match and what they need.
    pub only: Option<String>,
    /// The adapters of agent programs, a person's own among them; none: the built-in ones alone.
    pub catalog: Option<Catalog>,
    /// The plan is that of a run: what is refused only since then is let through, so that the run can be read.
    pub recorded: bool,
    /// Models of the user's configuration, for workers that name one of them.
    pub models: Vec<Model>,
}

/// A checked plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The plan.
    pub plan: Plan,
    /// What is worth a look, by place.
    pub warnings: Vec<Diagnostic>,
    /// Where the plan says what is looked at when its graph is known.
    pub positions: Positions,
}

/// Lines and columns, both from 1; 0, 0 where the file does not say it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Positions {
    /// The id of each agent; empty where the plan has neither scopes nor domains.
    pub agents: Vec<(u32, u32)>,
    /// The own scope of each agent, else its id.
    pub scopes: Vec<(u32, u32)>,
    /// The gates of waves.
    pub waves: BTreeMap<u32, (u32, u32)>,
}

/// Parses, expands and checks a plan.
///
/// `read` gets the path of each prompt file as the plan writes it, once, and returns its text.
///
/// # Errors
///
/// All problems at once, warnings among them, by place.
pub fn load(
    source: &str,
    options: &LoadOptions,
    read: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut d = decode::Decoder::default();
    let Some(document) = decode::document(source, &mut d.sink) else {
        return Err(d.sink.finish(source));
    };
    let raw = raw::read(&mut d, document.get_ref(), &options.vars);
    // Its memory is used again by the plan.
    drop(document);
    let (plan, positions) = build::build(&mut d, &raw, source, options, read);
    let failed = d.sink.failed();
    let found = d.sink.finish(source);
    if failed {
        Err(found)
    } else {
        Ok(Loaded {
            plan,
            warnings: found,
            positions,
        })
    }
}
