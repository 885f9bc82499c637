//! Writes hand-offs: the accepted ones, and those that are made from facts.
//!
//! The same hand-off gives the same bytes.

use std::fmt::Write as _;

use crate::{
    display::clean_line,
    plan::{Agent, AgentId},
};

use super::{Handoff, LONGEST, MOST_ARTEFACTS, MOST_ITEMS};

/// Makes a hand-off from what is known of an agent that wrote none: its title and the first lines of
/// its commits, and what it changed. `more` is how many changed files beside `changed` there are.
///
/// What is open is not known, and so it says.
#[must_use]
pub fn from_facts(agent: &Agent, commits: &[String], changed: &[String], more: usize) -> Handoff {
    let line = |text: &str| {
        let line = clean_line(text.replace(['\n', '\r'], " "), LONGEST);
        line.trim().to_owned()
    };
    let title = match line(&agent.title) {
        title if title.is_empty() => agent.id.to_string(),
        title => title,
    };
    let mut done = vec![title];
    for commit in commits.iter().map(|subject| line(subject)) {
        if !commit.is_empty() && !done.contains(&commit) && done.len() < MOST_ITEMS {
            done.push(commit);
        }
    }
    let named = changed.iter().take(MOST_ARTEFACTS);
    let artefacts: Vec<String> = named.map(|path| line(path)).collect();
    let more = more + (changed.len() - artefacts.len());
    let mut text =
        "Written by wavedeck from facts: the agent left no hand-off of its own. What is \
                    open is not known."
            .to_owned();
    if more > 0 {
        // Writing into memory cannot fail.
        let _ = write!(text, "\n\n{more} more changed files are not listed.");
    }
    Handoff {
        done,
        artefacts,
        text,
        ..Handoff::default()
    }
}

/// The document of a hand-off, as it is kept.
#[must_use]
pub fn render(handoff: &Handoff, agent: &AgentId, attempt: u32, from_facts: bool) -> String {
    let by = if from_facts { "from facts" } else { "by it" };
    let mut out = format!("---\n# Hand-off of {agent}, attempt {attempt}, written {by}.\n");
    let lists = [
        ("done", &handoff.done),
        ("artefacts", &handoff.artefacts),
        ("open", &handoff.open),
        ("next", &handoff.next),
    ];
    for (key, list) in lists {
        if list.is_empty() {
            let _ = writeln!(out, "{key}: []");
            continue;
        }
        let _ = writeln!(out, "{key}:");
        for entry in list {
            let _ = writeln!(out, "  - {}", quoted(entry));
        }
    }
    if !handoff.facts.is_empty() {
        out.push_str("facts:\n");
        for (key, value) in &handoff.facts {
            let _ = writeln!(out, "  {}: {}", quoted(key), quoted(value));
        }
    }
    out.push_str("---\n");
    if !handoff.text.is_empty() {
        let _ = write!(out, "\n{}\n", handoff.text);
    }
    out
}

/// A text between double quotes: what JSON reads YAML reads as the same.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
