//! Below the queue: gates, what nobody has read, what is merged, and where one can go back to.

use crate::{
    display::clean_line,
    engine::{AttentionKind, Owner, WorkStage},
    plan::AgentIx,
    tui::{
        ui_state::UiState,
        view::{
            Tone, attention,
            words::{names, span},
        },
    },
};

use super::{
    Lead, readable,
    rows::{Sheet, changes, short},
    unread,
};

/// Checks of finished work, and of merges, that are red.
pub(super) fn red(sheet: &mut Sheet<'_>) {
    let state = sheet.source.state;
    let now_us = sheet.source.now_us();
    let mut any = false;
    for item in attention::waiting(state) {
        let Some(owner) = item.owner else {
            continue;
        };
        let red = matches!(
            item.kind,
            AttentionKind::FailedGate | AttentionKind::Approval
        );
        let together = match owner {
            Owner::Agent(ix) => state.setup.own(ix),
            Owner::Phase(_) | Owner::Cohort(_) => state.setup.on_head(owner),
        };
        if !red || !together {
            continue;
        }
        if !std::mem::replace(&mut any, true) {
            sheet.heading("GATES AND SCOPES");
        }
        let asks = item.kind == AttentionKind::Approval;
        let (word, tone) = if asks {
            ("asks", Tone::Alert)
        } else {
            ("red", Tone::Bad)
        };
        let gate = item.gate.as_deref().unwrap_or("check");
        let text = clean_line(format!("{gate}: {}", item.title), 240);
        let since = span(now_us.saturating_sub(item.since_us));
        if let Owner::Agent(ix) = owner {
            let lead = readable(state, ix).then_some(Lead::Review(ix));
            sheet.agent(ix, word, &text, tone, &since, lead);
        } else {
            let name = attention::name(state, sheet.source.chart, owner);
            let held = attention::holds(state, sheet.source.chart, Some(owner));
            let dot = if held.is_empty() { "" } else { " · " };
            sheet.pair(word, &format!("{name}: {text} · {since}{dot}{held}"), tone);
        }
    }
    for ix in state.setup.plan.indices() {
        let Some(work) = &state.agent(ix).work else {
            continue;
        };
        if work.outside.is_empty() {
            continue;
        }
        if !std::mem::replace(&mut any, true) {
            sheet.heading("GATES AND SCOPES");
        }
        let text = format!(
            "outside of its scope: {}",
            names(work.outside.iter().map(String::as_str), 5)
        );
        let lead = readable(state, ix).then_some(Lead::Review(ix));
        sheet.agent(ix, "scope", &text, Tone::Warn, "", lead);
    }
}

/// Finished work that is not merged, and that nobody has looked at in this dashboard. What is merged
/// says so in its own row.
pub(super) fn to_read(sheet: &mut Sheet<'_>, ui: &UiState) {
    let state = sheet.source.state;
    let mut all = unread(state, ui);
    let merged = |ix: &AgentIx| {
        let work = state.agent(*ix).work.as_ref();
        work.is_some_and(|work| work.stage == WorkStage::Merged)
    };
    all.retain(|ix| !merged(ix));
    if all.is_empty() {
        return;
    }
    sheet.heading("NOT READ YET");
    for ix in all {
        let Some(work) = &state.agent(ix).work else {
            continue;
        };
        let (word, tone) = match work.stage {
            WorkStage::Queued if state.agent(ix).conflict.is_some() => ("clash", Tone::Alert),
            WorkStage::Queued => ("queued", Tone::Plain),
            _ => ("done", Tone::Plain),
        };
        let text = changes(work);
        sheet.agent(ix, word, &text, tone, "", Some(Lead::Review(ix)));
    }
}

pub(super) fn merged(sheet: &mut Sheet<'_>, ui: &UiState) {
    let state = sheet.source.state;
    let open = unread(state, ui);
    sheet.heading("MERGED");
    for merged in state.merges.done.iter().rev() {
        let agent = state.agent(merged.agent);
        let work = agent
            .work
            .as_ref()
            .filter(|_| agent.attempt == merged.attempt);
        let text = work.map_or_else(String::new, |work| changes(work));
        let unread = work.is_some() && open.contains(&merged.agent);
        let said = if unread { " · not read yet" } else { "" };
        let text = format!("{}  {text}{said}", short(&merged.commit));
        let lead = readable(state, merged.agent).then_some(Lead::Review(merged.agent));
        let word = format!("no. {}", merged.number);
        let tone = if unread { Tone::Plain } else { Tone::Dim };
        sheet.agent(merged.agent, &word, &text, tone, "", lead);
    }
    if state.merges.done.is_empty() {
        sheet.line("nothing yet", Tone::Dim);
    }
}

/// Conflicts that are settled, the last one first: how, and by whom.
pub(super) fn settled(sheet: &mut Sheet<'_>) {
    let state = sheet.source.state;
    let mut any = false;
    for (&id, conflict) in state.merges.conflicts.iter().rev() {
        let Some(how) = &conflict.resolved else {
            continue;
        };
        if !std::mem::replace(&mut any, true) {
            sheet.heading("SETTLED CONFLICTS");
        }
        let with = sheet.names(&conflict.with);
        let text = format!("with {with}: {how}");
        let lead = Some(Lead::Clash(id));
        sheet.agent(
            conflict.agent,
            &format!("no. {id}"),
            &text,
            Tone::Dim,
            "",
            lead,
        );
    }
}

pub(super) fn checkpoints(sheet: &mut Sheet<'_>) {
    let state = sheet.source.state;
    let merges = &state.merges;
    if merges.done.is_empty() {
        return;
    }
    sheet.heading("CHECKPOINTS");
    for point in merges.checkpoints.iter().rev() {
        let text = format!("{}  {} merged by then", short(&point.commit), point.merged);
        let word = format!("wave {}", point.wave);
        sheet.point(&word, &text, Lead::Checkpoint(point.wave));
    }
    let base = state
        .base_commit
        .as_deref()
        .map_or_else(|| "-".to_owned(), short);
    sheet.point(
        "begin",
        &format!("{base}  nothing merged"),
        Lead::Checkpoint(0),
    );
}
