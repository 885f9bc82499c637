//! Configuration in layers: built-in < user < project < environment < flags.
//!
//! Pure over closures: must not open files or look at the environment itself. Unknown keys are
//! errors with a suggestion and their place, as in plans.

mod keys;
mod load;
mod model;
pub mod tier;

pub use keys::SECTIONS;
pub use load::{ConfigError, ConfigErrors, FlagLayer, PROJECT_FILE, load, user_file};
pub use model::{
    Color, Config, Desktop, Flags, Glyphs, Limits, Notify, Processes, Runs, Sampling, Sandbox,
    Status, Ui, Zones, passes,
};

/// The JSON Schema of the configuration, for `wavedeck schema config` and for editors.
pub const CONFIG_SCHEMA: &str = include_str!("../../assets/schema/config.json");
