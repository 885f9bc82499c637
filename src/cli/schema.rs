//! `wavedeck schema`: JSON Schemas of what wavedeck reads and writes.

use clap::{Args, ValueEnum};

use super::{
    error::{Error, Outcome, status},
    out,
};
use crate::{config, plan};

/// JSON Schema of an event, without indentation. It is derived from the types, by the test below: what
/// derives it is not part of the program.
const EVENT_SCHEMA: &str = include_str!("../../assets/schema/event.json");

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
            let schema = serde_json::from_str::<serde_json::Value>(EVENT_SCHEMA);
            let mut text = schema
                .and_then(|schema| serde_json::to_string_pretty(&schema))
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

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::ser::{PrettyFormatter, Serializer};

    use super::*;
    use crate::engine::Record;

    /// `WAVEDECK_WRITE_DOCS=1 cargo test --lib schema_of_events` writes it.
    #[test]
    fn the_schema_of_events_is_that_of_the_types() {
        let mut text = Vec::new();
        let format = PrettyFormatter::with_indent(b"");
        schemars::schema_for!(Record)
            .serialize(&mut Serializer::with_formatter(&mut text, format))
            .unwrap();
        text.push(b'\n');
        if std::env::var_os("WAVEDECK_WRITE_DOCS").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/schema/event.json");
            std::fs::write(path, &text).unwrap();
            return;
        }
        assert!(
            text == EVENT_SCHEMA.as_bytes(),
            "assets/schema/event.json is not that of the types: write it with WAVEDECK_WRITE_DOCS=1"
        );
    }
}
