//! What runs have taught, as a table for people.
//!
//! Names come from a file that anybody may have written: they are cleaned. Must not judge the figures.

use std::fmt::Write as _;

use crate::{
    display::{
        clean_line,
        figures::{exact, tokens},
    },
    plan::units::human_size,
    schedule::learnt::{Average, Key, Known},
};

/// Characters of a name that are shown.
const NAME: usize = 60;

/// Returns a line for each key, in the order of plans and agents.
#[must_use]
pub fn table(known: &[Known]) -> String {
    if known.is_empty() {
        return "nothing is known yet: runs teach at their end\n".to_owned();
    }
    let names: Vec<String> = known.iter().map(|one| name(&one.key)).collect();
    let wide = names.iter().map(|name| name.chars().count()).max();
    let wide = wide.unwrap_or(0);
    let mut out = format!(
        "{:wide$}  {:>8}  {:>10}  {:>10}  {:>9}  {:>7}\n",
        "agent", "attempts", "memory", "at most", "takes", "tokens"
    );
    for (one, name) in known.iter().zip(&names) {
        let mean = |all: Option<Average>, show: &dyn Fn(u64) -> String| {
            all.map_or_else(|| "-".to_owned(), |all| format!("~{}", show(all.mean)))
        };
        let most = match one.most_bytes {
            0 => "-".to_owned(),
            bytes => human_size(bytes),
        };
        // The width of a format counts characters; names are padded by hand.
        let gap = wide - name.chars().count();
        let _ = writeln!(
            out,
            "{name}{:gap$}  {:>8}  {:>10}  {most:>10}  {:>9}  {:>7}",
            "",
            one.times,
            mean(one.peak, &human_size),
            mean(one.duration, &exact),
            mean(one.tokens, &tokens),
        );
    }
    out
}

/// Whose it is, in words.
fn name(key: &Key) -> String {
    let clean = |text: &str| clean_line(text, NAME);
    match key {
        Key::Agent {
            plan,
            agent,
            worker,
        } => {
            let by = worker.as_ref();
            let by = by.map_or_else(String::new, |worker| format!(" by {}", clean(worker)));
            format!("{}/{}{by}", clean(plan), clean(agent))
        }
        Key::Class { worker, class } => {
            let class = format!("{class:?}").to_lowercase();
            format!("all of {class} by {}", clean(worker))
        }
    }
}
