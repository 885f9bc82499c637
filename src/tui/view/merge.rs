//! What comes together: the merge queue, predictions, conflicts, red checks, what nobody has read,
//! what is merged, and the points to go back to.
//!
//! All text that leaves here is clean. Must not read texts of conflicts or diffs.

mod later;
mod rows;

use crate::{
    display::clean_line,
    engine::{Merge, MergeStage, Owner, State, WorkStage},
    plan::{AgentIx, Class, MergeEnd},
    tui::ui_state::UiState,
};

use super::{
    Source, Tone,
    report::{Report, ReportRow},
    words::{names, span},
};
use rows::Sheet;
pub(super) use rows::{changes, short};

/// What a row leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// A conflict.
    Clash(u32),
    /// Finished work.
    Review(AgentIx),
    /// Back to a checkpoint: the wave, 0 for the beginning.
    Checkpoint(u32),
}

/// Whether an agent has finished work that can be read: its commit and what it began at are known.
#[must_use]
pub fn readable(state: &State, ix: AgentIx) -> bool {
    let work = state.agent(ix).work.as_ref();
    work.is_some_and(|work| work.commit.is_some() && work.stage >= WorkStage::Collected)
}

/// Finished work in the order of merging: what is merged, what is being merged, who is in line, and
/// then the rest in plan order.
#[must_use]
pub fn finished(state: &State) -> Vec<AgentIx> {
    let merges = &state.merges;
    let mut all: Vec<AgentIx> = Vec::new();
    let first = merges.done.iter().map(|merged| merged.agent);
    let then = merges.now.iter().map(|now| now.agent);
    let line = merges.queue.iter().map(|(_, ix)| *ix);
    let mut known = vec![false; state.agents.len()];
    for ix in first
        .chain(then)
        .chain(line)
        .chain(state.setup.plan.indices())
    {
        if readable(state, ix) && !std::mem::replace(&mut known[ix.ix()], true) {
            all.push(ix);
        }
    }
    all
}

/// Finished work that was not looked at, in the order of merging.
#[must_use]
pub fn unread(state: &State, ui: &UiState) -> Vec<AgentIx> {
    let mut all = finished(state);
    all.retain(|&ix| {
        let attempt = state.agent(ix).attempt;
        !ui.read.contains(&(state.id(ix), attempt))
    });
    all
}

/// Where a merge stands, in words.
#[must_use]
pub fn stage(of: &Merge) -> (String, Tone) {
    match &of.stage {
        MergeStage::Trying if let Some(why) = &of.why => (
            clean_line(format!("waits for room: {why}"), 200),
            Tone::Warn,
        ),
        MergeStage::Trying => ("is tried".to_owned(), Tone::Plain),
        MergeStage::Contained => ("is in there already".to_owned(), Tone::Dim),
        MergeStage::Clean => ("merges cleanly".to_owned(), Tone::Good),
        MergeStage::Commands | MergeStage::Commanding => {
            ("a rule's command makes a file".to_owned(), Tone::Plain)
        }
        MergeStage::Checking => ("its result is checked".to_owned(), Tone::Plain),
        MergeStage::Conflict(_) => ("clashes".to_owned(), Tone::Alert),
        MergeStage::Failed(why) => (clean_line(format!("failed: {why}"), 200), Tone::Bad),
        MergeStage::Advancing => ("goes in".to_owned(), Tone::Good),
    }
}

/// Complexity as people read it: 0.00 to 1.00.
#[must_use]
pub fn complexity(permille: u32) -> String {
    format!("{}.{:02}", permille / 1000, permille % 1000 / 10)
}

/// Shows so many rows.
#[must_use]
pub fn merge(source: Source<'_>, ui: &UiState, columns: u16, rows: usize) -> Report {
    let all = all(source, ui, columns);
    let total = all.len();
    let selected = ui.merge_at.min(total.saturating_sub(1));
    let first = super::timeline::window(ui.merge_first, Some(selected), total, rows);
    Report {
        rows: all.into_iter().skip(first).take(rows).collect(),
        selected: selected.checked_sub(first),
        first,
        total,
    }
}

/// Every row.
#[must_use]
pub fn all(source: Source<'_>, ui: &UiState, columns: u16) -> Vec<ReportRow> {
    let mut sheet = Sheet::new(source, columns);
    if !source.state.setup.integrates {
        sheet.heading("MERGE");
        for text in [
            "Nothing comes together in this run: its agents work in the repository.",
            "Agents with a workspace of their own (`workspace = \"own\"`; workers and",
            "agents with a scope have one) work in clones. What they leave is merged",
            "here, one after the other, and each is checked on the result.",
        ] {
            sheet.line(text, Tone::Dim);
        }
        return sheet.rows;
    }
    // What waits for a person comes first, what is done last.
    conflicts(&mut sheet);
    later::red(&mut sheet);
    queue(&mut sheet);
    predicted(&mut sheet);
    later::to_read(&mut sheet, ui);
    integration(&mut sheet);
    later::merged(&mut sheet, ui);
    later::settled(&mut sheet);
    later::checkpoints(&mut sheet);
    sheet.rows
}

/// The head, the branch, the base, the handing over.
fn integration(sheet: &mut Sheet<'_>) {
    let state = sheet.source.state;
    let merges = &state.merges;
    sheet.heading("INTEGRATION");
    let spec = &state.setup.plan.merge;
    let run = state.run.as_str();
    let branch = clean_line(spec.into.replace("${run}", run), 60);
    let head = state.head().map_or_else(|| "-".to_owned(), short);
    let base = state
        .base_commit
        .as_deref()
        .map_or_else(|| "-".to_owned(), short);
    let count = merges.count();
    let text = format!("{head} on top of {base}, {count} merged");
    sheet.pair("head", &text, Tone::Plain);
    let end = match spec.end {
        MergeEnd::Branch => "at the end: the branch",
        MergeEnd::Ask => "at the end: the branch, and a question",
        MergeEnd::Ff => "at the end: the branch, and yours goes forward",
    };
    sheet.pair("branch", &format!("{branch}   {end}"), Tone::Plain);
    if let Some(delivery) = &merges.delivery {
        let asks = delivery.asks().is_some();
        let (text, tone) = match (&delivery.error, &delivery.forwarded) {
            (Some(error), _) => (format!("could not be done: {error}"), Tone::Bad),
            (None, _) if !delivery.done => ("is on its way".to_owned(), Tone::Plain),
            (None, Some(yours)) => (
                format!("{} has it, {yours} went forward", delivery.branch),
                Tone::Good,
            ),
            (None, None) if asks => (
                "it has it; yours waits for your yes".to_owned(),
                Tone::Alert,
            ),
            (None, None) => {
                let branch = clean_line(&delivery.branch, 60);
                (
                    format!("it has it; yours gets it with: git merge {branch}"),
                    Tone::Good,
                )
            }
        };
        sheet.pair("delivery", &text, tone);
    }
    if let Some(back) = &merges.rollback {
        let commit = short(&back.commit);
        let text = if back.done {
            format!("went back to {commit}")
        } else {
            format!("goes back to {commit}")
        };
        sheet.pair("roll-back", &text, Tone::Alert);
    }
}

const fn class_word(class: Class) -> &'static str {
    match class {
        Class::Security => "security",
        Class::Architecture => "architecture",
        Class::Implementation => "implementation",
        Class::Docs => "docs",
    }
}

/// What is merged now, and who waits behind whom.
fn queue(sheet: &mut Sheet<'_>) {
    let state = sheet.source.state;
    let now_us = sheet.source.now_us();
    let merges = &state.merges;
    let on = merges.now.as_ref();
    if state.finished.is_some() && on.is_none() && merges.queue.is_empty() {
        return;
    }
    sheet.heading("MERGE QUEUE");
    if let Some(now) = on {
        let (text, tone) = stage(now);
        let clash = now
            .conflict
            .map_or_else(String::new, |id| format!(" (conflict {id}, as chosen)"));
        let since = span(now_us.saturating_sub(state.agent(now.agent).since_us));
        let text = format!("{text}{clash}");
        sheet.agent(now.agent, "now", &text, tone, &since, None);
    }
    let mut before = on.map(|now| now.agent);
    let mut place = 1;
    for &(class, ix) in &merges.queue {
        if on.is_some_and(|now| now.agent == ix) {
            continue;
        }
        let held = state.agent(ix).hold.is_some();
        let (text, tone) = match (held, before) {
            (true, _) => ("is held back".to_owned(), Tone::Warn),
            (_, Some(other)) => (format!("waits behind {}", sheet.name(other)), Tone::Dim),
            (_, None) => ("is next".to_owned(), Tone::Plain),
        };
        let text = format!("{text} · {}", class_word(class));
        let since = span(now_us.saturating_sub(state.agent(ix).since_us));
        sheet.agent(ix, &place.to_string(), &text, tone, &since, None);
        if !held {
            before = Some(ix);
        }
        place += 1;
    }
    if on.is_none() && merges.queue.is_empty() {
        sheet.line(
            "nobody is in line: work comes here when its checks passed",
            Tone::Dim,
        );
    }
}

fn conflicts(sheet: &mut Sheet<'_>) {
    let state = sheet.source.state;
    let now_us = sheet.source.now_us();
    let open = state
        .merges
        .conflicts
        .iter()
        .filter(|(_, c)| c.resolved.is_none());
    let mut any = false;
    for (&id, conflict) in open {
        if !std::mem::replace(&mut any, true) {
            sheet.heading("CONFLICTS");
        }
        let clash = &conflict.clash;
        let with = sheet.names(&conflict.with);
        let many = |n: u32, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let critical = if conflict.critical {
            " · critical"
        } else {
            ""
        };
        let kinds = if clash.kinds.is_empty() {
            String::new()
        } else {
            format!(" · {}", names(clash.kinds.iter().map(String::as_str), 3))
        };
        let text = format!(
            "with {with}: {} in {} · complexity {}{kinds}{critical} · {}",
            many(clash.hunks, "place"),
            many(clash.file_count, "file"),
            complexity(clash.complexity),
            conflict.strategy.name().replace('_', " "),
        );
        let since = span(now_us.saturating_sub(conflict.since_us));
        let word = format!("no. {id}");
        sheet.agent(
            conflict.agent,
            &word,
            &text,
            Tone::Alert,
            &since,
            Some(Lead::Clash(id)),
        );
        let files = names(clash.files.iter().map(String::as_str), 4);
        let mut more = vec![files];
        let chosen = conflict.chosen.len();
        if chosen > 0 {
            more.push(format!("{chosen} chosen"));
        }
        let held = super::attention::holds(
            state,
            sheet.source.chart,
            Some(Owner::Agent(conflict.agent)),
        );
        if !held.is_empty() {
            more.push(held);
        }
        sheet.below(&more.join(" · "), Some(Lead::Clash(id)), conflict.agent);
    }
}

fn predicted(sheet: &mut Sheet<'_>) {
    let state = sheet.source.state;
    let now_us = sheet.source.now_us();
    if state.merges.predicted.is_empty() {
        return;
    }
    sheet.heading("WOULD CLASH");
    for (&(a, b), found) in &state.merges.predicted {
        let mut text = vec![format!("with {}", sheet.name(b))];
        text.push(names(found.files.iter().map(String::as_str), 4));
        if !found.kinds.is_empty() {
            text.push(names(found.kinds.iter().map(String::as_str), 3));
        }
        if found.critical {
            text.push("critical: the later one is paused".to_owned());
        }
        if found.seen {
            text.push("seen".to_owned());
        }
        let tone = if found.critical {
            Tone::Alert
        } else {
            Tone::Warn
        };
        let since = span(now_us.saturating_sub(found.since_us));
        sheet.agent(a, "clash~", &text.join(" · "), tone, &since, None);
    }
}

/// The queue in a few lines: what is on, who waits, how many conflicts are open.
pub(super) fn line(source: Source<'_>, rows: usize) -> Vec<(String, Tone)> {
    let Source { state, chart, .. } = source;
    let merges = &state.merges;
    if !state.setup.integrates {
        let text = "nothing comes together in this run";
        return vec![(text.to_owned(), Tone::Dim)];
    }
    let mut out = Vec::new();
    let name = |ix: AgentIx| chart.names[ix.ix()].as_str();
    if let Some(now) = &merges.now {
        let (text, tone) = stage(now);
        out.push((format!("now  {}  {text}", name(now.agent)), tone));
    }
    let open = merges
        .conflicts
        .iter()
        .filter(|(_, c)| c.resolved.is_none());
    out.extend(open.map(|(id, conflict)| {
        let text = format!("no. {id}  {}  clashes", name(conflict.agent));
        (text, Tone::Alert)
    }));
    let on = merges.now.as_ref().map(|now| now.agent);
    let line = merges.queue.iter().filter(|(_, ix)| Some(*ix) != on);
    out.extend(line.enumerate().map(|(n, (_, ix))| {
        let held = state.agent(*ix).hold.is_some();
        let held = if held { "  is held back" } else { "" };
        (format!("{}    {}{held}", n + 1, name(*ix)), Tone::Plain)
    }));
    if out.is_empty() {
        out.push(("nobody is in line".to_owned(), Tone::Dim));
    }
    out.truncate(rows.saturating_sub(1));
    out
}
