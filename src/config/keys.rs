//! Every key of the configuration: its section, its unit and range, where it is kept.
//!
//! Must not know about layers: `load` does.

use toml::de::DeValue;

use super::model::{Color, Config, Desktop, Glyphs};
use crate::engine::Adaptation;
use crate::plan::decode::{Decoder, Val, at};
use crate::plan::{Mode, RamLimit, units};

/// Every key by section; the first section is the top level.
pub const SECTIONS: &[(&str, &[&str])] = &[
    ("", &["mode"]),
    ("limits", &["ram", "agents", "cpus"]),
    ("zones", &["yellow", "orange", "red", "halt", "hysteresis"]),
    ("memory", &["band", "strategy", "window", "lease_wait"]),
    ("sampling", &["interval", "pss_interval"]),
    ("processes", &["grace", "spawners", "env", "output_drain"]),
    ("sandbox", &["enforce", "write"]),
    (
        "flags",
        &[
            "hybrid_orchestration_enabled",
            "parallel_graph_enabled",
            "memory_hierarchy_enabled",
        ],
    ),
    ("ui", &["theme", "glyphs", "fps", "mouse", "color"]),
    ("notify", &["bell", "desktop", "command", "timeout"]),
    ("runs", &["keep", "keep_days"]),
    ("status", &["card_interval", "gate_interval"]),
    ("context", &["cap"]),
];

/// Sets one key; a value that cannot be read is reported and changes nothing.
pub(super) fn set(d: &mut Decoder, config: &mut Config, section: &str, key: &str, value: &Val<'_>) {
    fn put<T>(slot: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *slot = value;
        }
    }
    match (section, key) {
        ("", "mode") => {
            let words = [
                ("sequential", Mode::Sequential),
                ("parallel", Mode::Parallel),
                ("hybrid", Mode::Hybrid),
            ];
            put(&mut config.mode, d.one_of(value, &words).map(|m| Some(m.v)));
        }
        ("limits", "ram") => put(&mut config.limits.ram, ram(d, value)),
        ("limits", "agents") => put(
            &mut config.limits.agents,
            d.whole32(value, 1, u32::MAX).map(|n| Some(n.v)),
        ),
        ("limits", "cpus") => {
            let cpus = d.decimal(value, 3, "a number of processors such as 8");
            put(&mut config.limits.cpus_milli, cpus.map(|c| Some(c.v)));
            if config.limits.cpus_milli == Some(0) {
                d.sink.error(at(value), "`cpus` must be more than 0");
            }
        }
        ("zones", "yellow") => put(&mut config.zones.yellow, percent(d, value)),
        ("zones", "orange") => put(&mut config.zones.orange, percent(d, value)),
        ("zones", "red") => put(&mut config.zones.red, percent(d, value)),
        ("zones", "halt") => put(&mut config.zones.halt, percent(d, value)),
        ("zones", "hysteresis") => put(
            &mut config.zones.hysteresis,
            d.whole32(value, 0, 50).map(|n| n.v),
        ),
        ("memory", "band") => put(&mut config.memory.band, band(d, value).map(Some)),
        ("memory", "strategy") => {
            let words = [
                ("continuous", Adaptation::Continuous),
                ("phase", Adaptation::Phase),
                ("sub_agents", Adaptation::SubAgents),
            ];
            put(
                &mut config.memory.strategy,
                d.one_of(value, &words).map(|w| w.v),
            );
        }
        ("memory", "window") => put(
            &mut config.memory.window_us,
            d.duration(value).map(|t| t.v.max(SHORTEST)),
        ),
        ("memory", "lease_wait") => put(
            &mut config.memory.lease_wait_us,
            d.duration(value).map(|t| t.v),
        ),
        ("sampling", "interval") => put(&mut config.sampling.interval_us, interval(d, value)),
        ("sampling", "pss_interval") => {
            put(&mut config.sampling.pss_interval_us, interval(d, value));
        }
        ("processes", "grace") => put(
            &mut config.processes.grace_us,
            d.duration(value).map(|t| t.v),
        ),
        ("processes", "spawners") => put(
            &mut config.processes.spawners,
            d.whole32(value, 1, 64).map(|n| n.v),
        ),
        ("processes", "env") => put(
            &mut config.processes.env,
            d.list(value, "a list of names such as [\"PATH\"]", env_name),
        ),
        ("processes", "output_drain") => put(
            &mut config.processes.output_drain_us,
            d.duration(value).map(|t| t.v),
        ),
        ("sandbox", "enforce") => put(&mut config.sandbox.enforce, d.flag(value).map(|b| b.v)),
        ("sandbox", "write") => put(
            &mut config.sandbox.write,
            d.list(value, "a list of folders such as [\"~/.cache\"]", place),
        ),
        ("flags", "hybrid_orchestration_enabled") => {
            put(
                &mut config.flags.hybrid_orchestration_enabled,
                d.flag(value).map(|b| b.v),
            );
        }
        ("flags", "parallel_graph_enabled") => put(
            &mut config.flags.parallel_graph_enabled,
            d.flag(value).map(|b| b.v),
        ),
        ("flags", "memory_hierarchy_enabled") => {
            put(
                &mut config.flags.memory_hierarchy_enabled,
                d.flag(value).map(|b| b.v),
            );
        }
        ("ui", "theme") => put(
            &mut config.ui.theme,
            d.name(value, "the name of a theme").map(|t| t.v),
        ),
        ("ui", "glyphs") => {
            let words = [
                ("auto", Glyphs::Auto),
                ("unicode", Glyphs::Unicode),
                ("ascii", Glyphs::Ascii),
            ];
            put(&mut config.ui.glyphs, d.one_of(value, &words).map(|g| g.v));
        }
        ("ui", "fps") => put(&mut config.ui.fps, d.whole32(value, 1, 120).map(|n| n.v)),
        ("ui", "mouse") => put(&mut config.ui.mouse, d.flag(value).map(|b| b.v)),
        ("ui", "color") => {
            let words = [
                ("auto", Color::Auto),
                ("always", Color::Always),
                ("never", Color::Never),
            ];
            put(&mut config.ui.color, d.one_of(value, &words).map(|c| c.v));
        }
        ("notify", "bell") => put(&mut config.notify.bell, d.flag(value).map(|b| b.v)),
        ("notify", "desktop") => {
            let words = [
                ("off", Desktop::Off),
                ("osc9", Desktop::Osc9),
                ("osc777", Desktop::Osc777),
            ];
            put(
                &mut config.notify.desktop,
                d.one_of(value, &words).map(|w| w.v),
            );
        }
        ("notify", "command") => put(&mut config.notify.command, command(d, value)),
        ("notify", "timeout") => put(
            &mut config.notify.timeout_us,
            d.duration(value).map(|t| t.v.max(SHORTEST)),
        ),
        ("runs", "keep") => put(
            &mut config.runs.keep,
            d.whole32(value, 1, u32::MAX).map(|n| n.v),
        ),
        ("runs", "keep_days") => put(
            &mut config.runs.keep_days,
            d.whole32(value, 1, 36_500).map(|n| n.v),
        ),
        ("status", "card_interval") => {
            let least = |us: &u64| *us >= units::SECOND_US;
            let time = d.duration(value);
            if let Some(time) = time.as_ref().filter(|time| !least(&time.v)) {
                d.sink.error(time.at, "the interval is shorter than 1s");
            } else {
                put(&mut config.status.card_interval_us, time.map(|t| t.v));
            }
        }
        ("status", "gate_interval") => put(
            &mut config.status.gate_interval_us,
            d.duration(value).map(|t| t.v),
        ),
        ("context", "cap") => put(
            &mut config.context.cap,
            d.whole32(value, *units::CAPS.start(), *units::CAPS.end())
                .map(|n| n.v),
        ),
        _ => {}
    }
}

fn ram(d: &mut Decoder, value: &Val<'_>) -> Option<RamLimit> {
    const WHAT: &str = "a share such as \"75%\" or a size such as \"24GiB\"";
    let text = d.text(value, WHAT)?;
    let limit = units::ram_limit(&text.v);
    if limit.is_none() && text.v.ends_with('%') {
        d.expected(WHAT, value);
    } else if limit.is_none() {
        d.wrong_unit(WHAT, value, &units::MEMORY);
    }
    limit
}

/// Two percentages such as `"70-85"`.
fn band(d: &mut Decoder, value: &Val<'_>) -> Option<(u32, u32)> {
    const WHAT: &str = "two percentages such as \"70-85\"";
    let text = d.text(value, WHAT)?;
    let read = |part: &str| part.trim().trim_end_matches('%').trim().parse::<u32>().ok();
    let band = text.v.split_once('-');
    let band = band.and_then(|(low, high)| Some((read(low)?, read(high)?)));
    let band = band.filter(|(low, high)| 1 <= *low && low < high && *high <= 100);
    if band.is_none() {
        d.expected(WHAT, value);
    }
    band
}

fn percent(d: &mut Decoder, value: &Val<'_>) -> Option<u32> {
    d.whole32(value, 1, 100).map(|n| n.v)
}

/// A command; an empty one is none.
fn command(d: &mut Decoder, value: &Val<'_>) -> Option<Vec<String>> {
    let empty = match value.get_ref() {
        DeValue::Array(words) => words.is_empty(),
        DeValue::String(text) => text.trim().is_empty(),
        _ => false,
    };
    if empty {
        return Some(Vec::new());
    }
    d.command(value).map(|c| c.v)
}

/// Shortest interval of sampling in microseconds.
const SHORTEST: u64 = 10_000;

fn interval(d: &mut Decoder, value: &Val<'_>) -> Option<u64> {
    let us = d.duration(value)?;
    if us.v < SHORTEST {
        d.sink.error(us.at, "the interval is shorter than 10ms");
        return None;
    }
    Some(us.v)
}

/// A folder or file, absolute or below the home folder.
fn place(d: &mut Decoder, value: &Val<'_>) -> Option<String> {
    let place = d.name(value, "a folder such as \"~/.cache\" or \"/srv/cache\"")?;
    if !place.v.starts_with('/') && !place.v.starts_with("~/") {
        d.sink
            .error(
                place.at,
                format!("`{}` means another place in every folder", place.v),
            )
            .help("begin it with `/` or `~/`");
        return None;
    }
    Some(place.v)
}

fn env_name(d: &mut Decoder, value: &Val<'_>) -> Option<String> {
    let name = d.name(value, "a name such as \"PATH\" or \"LC_*\"")?;
    let body = name.v.strip_suffix('*').unwrap_or(&name.v);
    if !body.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        || body.starts_with(|c: char| c.is_ascii_digit())
    {
        d.sink
            .error(name.at, format!("`{}` is no name of a variable", name.v))
            .help("a `*` may stand at the end");
        return None;
    }
    Some(name.v)
}
