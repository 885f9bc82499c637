//! The rules by which memory drives a run, from configuration and machine.
//!
//! Must not measure: the machine's memory is handed in.

use crate::{
    config::Config,
    engine::{Band, MemoryRules},
};

/// Set to `off`, memory is not looked at before a start: for tests that show what it is for. Screens say so.
const SWITCH: &str = "WAVEDECK_TEST_ADMISSION";

/// The rules of a run by configuration and tier; the configuration states percent.
pub(super) fn rules(config: &Config, ram_bytes: u64) -> MemoryRules {
    let wanted = &config.memory;
    let tier = crate::config::tier::default_band(ram_bytes);
    let (low, high) = wanted.band.unwrap_or(tier);
    MemoryRules {
        band: Band {
            low: low * 10,
            high: high * 10,
        },
        adaptation: wanted.strategy,
        window_us: wanted.window_us,
        lease_wait_us: wanted.lease_wait_us,
        admission: std::env::var_os(SWITCH).is_none_or(|word| word != "off"),
    }
}
