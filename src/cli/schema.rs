//! `wavedeck schema`: JSON Schemas of what wavedeck reads and writes.

use clap::{Args, ValueEnum};

use super::{
    error::{Error, Outcome, status},
    out,
};
use crate::{config, engine::Record, plan};

/// Flags of `schema`.
#[derive(Debug, Clone, Args)]
pub struct SchemaArgs {
    /// Of what
    pub of: Of,
}

/// What has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Of {
    /// The plan file
    Plan,
    /// The configuration
    Config,
    /// The daily status of a track
    Status,
    /// The front matter of a hand-off
    Handoff,
    /// An event of the journal and of `run --headless --json`
    Event,
}

/// Prints a schema.
pub fn schema(args: &SchemaArgs) -> Outcome {
    let text = match args.of {
        Of::Plan => plan::schema::PLAN_SCHEMA.to_owned(),
        Of::Config => config::CONFIG_SCHEMA.to_owned(),
        Of::Event => {
            let schema = schemars::schema_for!(Record);
            let mut text = serde_json::to_string_pretty(&schema)
                .map_err(|e| Error::internal("the schema cannot be written", e))?;
            text.push('\n');
            text
        }
        Of::Status => crate::status::STATUS_SCHEMA.to_owned(),
        Of::Handoff => crate::handoff::HANDOFF_SCHEMA.to_owned(),
    };
    out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}
