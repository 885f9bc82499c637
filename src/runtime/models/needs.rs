//! What a model takes before its server has said anything: from the plan, from its name, from its file.
//!
//! All of it is an estimate. Must not ask a server.

use std::{fs::OpenOptions, io::Read, os::unix::fs::OpenOptionsExt, path::Path};

use crate::{
    engine::ModelNeed,
    models::{Header, Load, Memory, by_name, memory},
    plan::Model,
};

/// Returns what a model takes by what the plan says of it, else by its name.
#[must_use]
pub fn of_plan(model: &Model) -> ModelNeed {
    let stated = ModelNeed::stated(model);
    let fixed = memory::HOST_BYTES + memory::DEVICE_BYTES;
    let base = match model.ram_bytes {
        Some(weights) => weights.saturating_add(fixed),
        None => by_name(&model.name).map_or(0, |known| known.usual_bytes),
    };
    ModelNeed {
        base_bytes: base,
        ..stated
    }
}

/// Returns what loading a model takes before any request, and the cache of one, by its file; none where that is not to
/// be read here. `context` is what its server says that a slot has.
#[must_use]
pub fn of_file(path: &str, context: Option<u64>, slots: u64) -> Option<(u64, u64)> {
    // A path that a server says is foreign: nothing but a file is read, and nothing is waited for.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(Path::new(path))
        .ok()?;
    let about = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let header = Header::read(&mut (&file).take(256 << 20)).ok()?;
    let weights = header.weights((header.parts <= 1).then_some(about.len()))?;
    let shape = header.shape.ok()?;
    let load = Load {
        context: context.unwrap_or(Load::default().context),
        slots: slots.max(1),
        ..Load::default()
    };
    let all = Memory::new(weights, &shape, &load);
    let base = all.total().saturating_sub(all.cache);
    Some((base, memory::slot(&shape, &load)))
}
