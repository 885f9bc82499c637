//! Stated figures that are off, in words: for `plan`, `check`, the page before a run and the report.
//!
//! Must not compare: [`Off`] has.

use crate::{
    display::figures::exact,
    plan::units::human_size,
    schedule::learnt::{Off, Times},
};

/// Returns one sentence for each figure that is off, with what to write in its place.
#[must_use]
pub fn sentences(off: &Off) -> Vec<String> {
    let mut who = off.agent.clone();
    if let Some(worker) = &off.worker {
        who = format!("{who} by {worker}");
    }
    let (attempts, mean) = match off.times {
        // Its attempts were cut short, and still took more than is stated.
        0 => (String::new(), String::new()),
        1 => (" in 1 attempt".to_owned(), " in 1 attempt".to_owned()),
        times => (
            format!(" in {times} attempts"),
            format!(" in the mean of {times} attempts"),
        ),
    };
    let mut out = Vec::new();
    if let (Some((stated, most)), Some(better)) = (off.ram_bytes, off.better_bytes) {
        out.push(format!(
            "{who} declares {}, used {} at most{attempts}: write ram = \"{}\"",
            human_size(stated),
            human_size(most),
            human_size(better).replace(' ', ""),
        ));
    }
    if let Some(Times {
        declared_us,
        took_us,
    }) = off.duration
    {
        out.push(format!(
            "{who} declares {}, took {}{mean}: write duration = \"{}\"",
            exact(declared_us),
            exact(took_us),
            written(took_us),
        ));
    }
    out
}

/// A time as a plan has it: whole seconds, from two minutes on whole minutes.
fn written(us: u64) -> String {
    let seconds = us.div_ceil(1_000_000);
    if seconds < 120 {
        format!("{seconds}s")
    } else {
        format!("{}m", seconds.div_ceil(60))
    }
}
