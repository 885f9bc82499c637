//! The status cards in short.
//!
//! Must not judge: `status` does.

use std::fmt::Write as _;

use super::{Glance, LISTED, more};
use crate::{
    display::clean_line,
    status::{judge, lines::line, standings},
};

/// The status card of each track in a line, and the 24-hour gate while the run is open.
pub(super) fn cards(glance: Glance<'_>, out: &mut String) {
    let facts = glance.facts();
    let all = standings(facts);
    let _ = write!(out, "status {}", facts.today());
    if glance.state.finished.is_none() {
        let verdict = judge(facts, &all);
        let word = if verdict.passes() {
            "; the 24-hour gate would pass".to_owned()
        } else {
            format!(
                "; the 24-hour gate would not pass: {}",
                verdict.failed().join("; ")
            )
        };
        out.push_str(&clean_line(word, 300));
    }
    out.push('\n');
    for standing in all.iter().take(LISTED) {
        let _ = writeln!(out, "  {}", line(standing));
    }
    more(all.len(), out);
}
