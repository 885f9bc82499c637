//! The time zone that a person lives in.
//!
//! Must not be used for anything but display and the day that a card is of.

use jiff::tz::TimeZone;

/// The machine's own zone, where nothing else is said.
const LOCALTIME: &str = "/etc/localtime";

/// Returns the person's time zone: what `TZ` says, else the machine's own.
///
/// Where `TZ` is not set, the machine's file is read as it is. A name for it would take a walk
/// through the whole database, about 2 ms, which is a good part of a short run.
#[must_use]
pub fn local_zone() -> TimeZone {
    if std::env::var_os("TZ").is_none()
        && let Ok(bytes) = std::fs::read(LOCALTIME)
        && let Ok(zone) = TimeZone::tzif("local", &bytes)
    {
        return zone;
    }
    TimeZone::system()
}
