//! What else holds memory on this machine: agent programs that no run started, and other runs.
//!
//! Must not touch any of it.

use crate::{
    agents::Catalog,
    display::figures::size,
    runtime::others,
    sys::{proc::ProcTable, strays},
};

use super::{Finding, finding};

/// Agent programs of this user outside of all runs.
pub(super) fn strays(catalog: &Catalog) -> Finding {
    let programs: Vec<String> = catalog.iter().map(|a| a.program.clone()).collect();
    let says = ProcTable::scan().map(|table| match strays::strays(&table, &programs) {
        found if found.count == 0 => "no agent program runs outside of a run".to_owned(),
        found => format!(
            "{} agent program{} outside of a run, at most {}",
            found.count,
            if found.count == 1 { "" } else { "s" },
            size(found.bytes)
        ),
    });
    finding("strays", says, "/proc must be readable")
}

/// Runs that live.
pub(super) fn runs() -> Finding {
    let all = others::all();
    let open = all.iter().map(|run| run.open_bytes).sum();
    let used = all.iter().map(|run| run.used_bytes).sum();
    let says = match all.len() {
        0 => "none lives".to_owned(),
        n => format!(
            "{n}; their agents hold {}, {} more is reserved",
            size(used),
            size(open)
        ),
    };
    finding::<String>("runs", Ok(says), "")
}
