//! A program's own list of what is to be done, as progress.
//!
//! Must not count what the program does not list.

use super::json::line;
use super::said::Said;

/// Says how far a list is: of each entry its status and what it is about.
pub(super) fn say<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>, said: &mut Vec<Said>) {
    let (mut done, mut all, mut now, mut next) = (0_u32, 0_u32, None, None);
    for (status, what) in entries {
        match status {
            // What is given up is not left to be done.
            "cancelled" => continue,
            "completed" | "done" => done += 1,
            "in_progress" => now = now.or(Some(what)),
            _ => next = next.or(Some(what)),
        }
        all = all.saturating_add(1);
    }
    if all > 0 {
        let now = now.or(next).map(line).filter(|w| !w.is_empty());
        said.push(Said::Plan { done, all, now });
    }
}
