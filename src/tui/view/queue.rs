//! The attention queue in front of the screen: what waits, since when, what it holds up, the evidence
//! or the diff, and the answers.
//!
//! All text that leaves here is clean. Must not decide what a key does.

use super::{
    Mark, Source, Tone,
    attention::{holds, item_name, mark},
    merge,
    output::said_tone,
    words::{SENTENCE, span},
};
use crate::{
    display::clean_text,
    engine::{Answer, AttentionKind, Conflict, Item, Owner, State},
    tui::{
        output::{Diff, Evidence, OutputBuffer},
        ui_state::{Look, Queue},
    },
};

/// Lines of output that can be scrolled through.
const LINES: usize = 400;

/// One item of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRow {
    /// How it looks.
    pub mark: Mark,
    /// The word of at most 6 letters.
    pub word: &'static str,
    /// Whose.
    pub name: String,
    /// For how long it has waited.
    pub since: String,
    /// The question, or the reason.
    pub title: String,
    /// It is marked, to be answered with others.
    pub marked: bool,
}

/// The queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueView {
    /// What waits, the oldest first.
    pub rows: Vec<QueueRow>,
    /// The chosen one; none: it does not wait any more.
    pub at: Option<usize>,
    /// The whole question, or the whole reason.
    pub title: String,
    /// Gate, time, whom it holds up.
    pub facts: String,
    /// What the lines below are.
    pub body_of: &'static str,
    /// What opening it does; none: it leads to its row.
    pub opens: Option<&'static str>,
    /// Evidence or diff.
    pub body: Vec<(String, Tone)>,
    /// Of the body the end matters most.
    pub from_end: bool,
    /// Keys and what they answer.
    pub answers: Vec<(String, String)>,
    /// The reason that is being typed.
    pub typed: Option<String>,
    /// What is typed is itself the answer, not the reason of a no.
    pub says: bool,
}

/// What the right side is made from.
#[derive(Debug, Clone, Copy)]
pub struct Material<'a> {
    /// What a red check printed.
    pub evidence: Option<&'a Evidence>,
    /// What the agent printed.
    pub output: Option<&'a OutputBuffer>,
    /// What has changed since the run began.
    pub diff: Option<&'a Diff>,
    /// It can be answered from here.
    pub can_act: bool,
    /// A recording is shown: the repository is not as it was.
    pub recorded: bool,
}

/// The key of an answer.
#[must_use]
pub const fn key(answer: Answer) -> char {
    match answer {
        Answer::Yes => 'y',
        Answer::No => 'n',
        Answer::Retry => 'r',
        Answer::Stop => 'x',
        Answer::Seen => 'o',
        Answer::Settle => 'g',
        Answer::Sequential => 's',
        Answer::Always => 'a',
        Answer::Say => 'i',
    }
}

const fn label(kind: AttentionKind, answer: Answer) -> &'static str {
    match answer {
        Answer::No if matches!(kind, AttentionKind::Deliver) => "no, leave it",
        Answer::Yes if matches!(kind, AttentionKind::Budget) => "yes, use more",
        Answer::No if matches!(kind, AttentionKind::Budget) => "no, start nothing more",
        Answer::Yes if matches!(kind, AttentionKind::Permission) => "yes, this time",
        Answer::Always => "yes, always in this run",
        Answer::Say => "answer",
        Answer::Yes => "yes",
        Answer::No => "no, and why",
        Answer::Retry => "try again",
        Answer::Stop => "give it up",
        Answer::Seen => "ok, seen",
        Answer::Settle => "merge as chosen",
        Answer::Sequential => "again on top of what is merged",
    }
}

/// Makes the queue's view.
#[must_use]
pub fn queue(
    source: Source<'_>,
    items: &[Item],
    ui: &Queue,
    material: Material<'_>,
    now_us: u64,
) -> QueueView {
    let Source { state, chart, .. } = source;
    let rows = items
        .iter()
        .map(|item| {
            let (mark, word) = mark(item);
            QueueRow {
                mark,
                word,
                name: item_name(state, chart, item),
                since: span(now_us.saturating_sub(item.since_us)),
                title: clean_text(&item.title, SENTENCE),
                marked: ui.marks.contains(&item.id),
            }
        })
        .collect();
    let at = items.iter().position(|item| item.id == ui.chosen);
    let mut view = QueueView {
        rows,
        at,
        says: ui.says,
        typed: ui.reason.as_ref().map(|text| clean_text(text, 400)),
        ..QueueView::default()
    };
    let Some(item) = at.map(|at| &items[at]) else {
        return view;
    };
    view.title = clean_text(&item.title, 2000);
    let mut facts = Vec::new();
    if let Some(gate) = &item.gate {
        facts.push(format!("gate {}", clean_text(gate, 60)));
    }
    let nth = match item.owner {
        Some(Owner::Agent(_)) => "attempt",
        Some(Owner::Phase(_) | Owner::Cohort(_)) => "round",
        None => "day",
    };
    if item.attempt > 1 {
        facts.push(format!("{nth} {}", item.attempt));
    }
    facts.push(format!(
        "waits for {}",
        span(now_us.saturating_sub(item.since_us))
    ));
    let held = holds(state, chart, item.owner);
    facts.push(if item.kind == AttentionKind::Deliver {
        "the run ends with your answer".to_owned()
    } else if item.kind == AttentionKind::Budget {
        "holds up all that has not started".to_owned()
    } else if held.is_empty() {
        "holds up nobody".to_owned()
    } else {
        held
    });
    view.facts = facts.join(" · ");
    body(&mut view, state, item, material);
    let mut nothing_chosen = false;
    if let (true, Some(Owner::Agent(ix))) = (of_conflict(item.kind), item.owner)
        && let Some(conflict) = state
            .agent(ix)
            .conflict
            .and_then(|id| state.merges.conflicts.get(&id))
    {
        view.opens = Some("choose sides");
        if item.kind == AttentionKind::Conflict {
            of_clash(&mut view, conflict);
            nothing_chosen = conflict.chosen.is_empty();
        }
    }
    if material.can_act {
        view.answers = answers(items, item, ui);
        if nothing_chosen {
            // It would be refused: the sides are taken where they are shown.
            let settle = key(Answer::Settle).to_string();
            view.answers.retain(|(key, _)| *key != settle);
        }
    }
    view
}

/// Whether opening what waits leads to the agent's conflict, where it has one: what is chosen there may
/// be why its checks are red.
#[must_use]
pub const fn of_conflict(kind: AttentionKind) -> bool {
    matches!(kind, AttentionKind::Conflict | AttentionKind::FailedGate)
}

/// Where a conflict is, and what is chosen of it.
fn of_clash(view: &mut QueueView, conflict: &Conflict) {
    view.body_of = "where it clashes; Enter leads to the sides";
    let clash = &conflict.clash;
    let files = clash.files.iter();
    view.body = files
        .map(|file| (clean_text(file, SENTENCE), Tone::Plain))
        .collect();
    let many = |n: u32, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let chosen = match conflict.chosen.len() {
        0 => "nothing is chosen yet".to_owned(),
        n => format!("{n} chosen"),
    };
    let text = format!(
        "{} in {} · complexity {} · {chosen}",
        many(clash.hunks, "place"),
        many(clash.file_count, "file"),
        merge::complexity(clash.complexity)
    );
    view.body.push((text, Tone::Dim));
}

/// The keys that answer: the chosen item, or those that are marked; and all that are equal at once.
fn answers(items: &[Item], item: &Item, ui: &Queue) -> Vec<(String, String)> {
    let marked = items.iter().filter(|i| ui.marks.contains(&i.id)).count();
    let equal = items.iter().filter(|i| i.equals(item)).count();
    let mut out = Vec::new();
    for &answer in item.answers() {
        let (key, label) = (key(answer), label(item.kind, answer));
        let text = match marked {
            0 => label.to_owned(),
            n => format!("{label} ({n} marked)"),
        };
        out.push((key.to_string(), text));
    }
    if equal > 1 && marked == 0 {
        let first = key(item.answers()[0]).to_uppercase().to_string();
        out.push((
            first,
            format!(
                "{} to all {equal} alike",
                label(item.kind, item.answers()[0])
            ),
        ));
    }
    out
}

fn body(view: &mut QueueView, state: &State, item: &Item, material: Material<'_>) {
    let plain = |lines: &[String]| -> Vec<(String, Tone)> {
        lines.iter().map(|l| (l.clone(), Tone::Plain)).collect()
    };
    match (item.kind, item.owner) {
        (AttentionKind::FailedGate, Some(owner)) => {
            view.body_of = "what it printed";
            view.from_end = true;
            let mine = |e: &&Evidence| (e.owner, e.attempt) == (owner, item.attempt);
            if let Some(found) = material.evidence.filter(mine) {
                view.body = plain(&found.lines);
            }
        }
        (AttentionKind::Approval | AttentionKind::Deliver, _) => {
            view.body_of = "what has changed since the run began";
            view.body = match material.diff {
                None if material.recorded => {
                    vec![("a recording has no diff".to_owned(), Tone::Dim)]
                }
                None => vec![("reads the repository …".to_owned(), Tone::Dim)],
                Some(diff) => diff.lines.iter().map(|l| (l.clone(), tone(l))).collect(),
            };
        }
        (
            AttentionKind::Blocked
            | AttentionKind::Failed
            | AttentionKind::Permission
            | AttentionKind::Question,
            Some(Owner::Agent(ix)),
        ) => {
            view.body_of = match item.kind {
                AttentionKind::Permission => "what it would do, and what it did before",
                _ => "its last output",
            };
            view.from_end = true;
            let mine = |b: &&OutputBuffer| (b.agent, b.attempt) == (ix, item.attempt);
            if let Some(buffer) = material.output.filter(mine) {
                let mut shown = buffer.show(Look::Tail, LINES);
                if !shown.said.is_empty() {
                    super::output::from_workspace(state.agent(ix), &mut shown.lines);
                }
                let tones = (0..shown.lines.len()).map(|n| said_tone(shown.kind(n)));
                view.body = shown.lines.iter().cloned().zip(tones).collect();
            }
        }
        _ => {}
    }
}

/// The tone of a diff's line.
fn tone(line: &str) -> Tone {
    match line.as_bytes().first() {
        Some(b'+') => Tone::Good,
        Some(b'-') => Tone::Bad,
        Some(b'@' | b'#') => Tone::Warn,
        _ => Tone::Plain,
    }
}
