//! One conflict: its files and places, the sides of the chosen place word by word, and what comes of
//! the choices so far.
//!
//! Pure. All text that leaves here is clean. Must not decide what a key does.

mod panes;
mod result;
mod said;
mod sides;

use ratatui::layout::Rect;

use crate::{
    conflict::{Choices, ConflictDoc, ConflictFile, Hunk},
    display::clean_line,
    engine::{Conflict, MergeStage, Owner, State, Status, answers},
    tui::{action::UiAction, feed::Texts, ui_state::ClashUi},
};

use super::{
    Source, Tone, merge,
    words::{names, span},
};
pub use panes::{Panes, panes};
use result::result;
use said::{row, said};
pub use sides::{Line, Side};

/// The keys that take the three sides, in their order on the screen.
pub const SIDES: [UiAction; 3] = [UiAction::TakeOurs, UiAction::TakeBase, UiAction::TakeTheirs];

/// A place of a document: a file, or a hunk of one.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The file.
    pub file: &'a ConflictFile,
    /// The hunk with its number in the file from 1; none: the file as a whole.
    pub hunk: Option<(usize, &'a Hunk)>,
}

/// All places in their order: each file, and below it its hunks.
pub fn places(doc: &ConflictDoc) -> impl Iterator<Item = Place<'_>> {
    doc.files.iter().flat_map(|file| {
        let hunks = file.hunks().enumerate().map(move |(n, hunk)| Place {
            file,
            hunk: Some((n + 1, hunk)),
        });
        std::iter::once(Place { file, hunk: None }).chain(hunks)
    })
}

/// The answers so far. A text that is not there yet is as if it were empty: it was asked for.
#[must_use]
pub fn chosen(conflict: &Conflict, texts: &Texts) -> Choices {
    let found = answers(&texts.doc, &conflict.chosen, |hash| {
        let text = texts.edits.get(hash).cloned();
        Ok::<_, std::convert::Infallible>(text.unwrap_or_default())
    });
    match found {
        Ok(all) => all,
        Err(never) => match never {},
    }
}

impl Place<'_> {
    /// Whether it has no answer, of a person's or a rule's. A file whose hunks are answered one by one
    /// needs none of its own.
    #[must_use]
    pub fn is_open(&self, all: &Choices) -> bool {
        if self.file.rule.is_some() {
            return false;
        }
        let known = all.0.get(&self.file.path);
        if known.is_some_and(|file| file.whole.is_some()) {
            return false;
        }
        match self.hunk {
            Some((_, hunk)) => known.is_none_or(|file| !file.hunks.contains_key(&hunk.key)),
            None => self.file.pieces.is_empty(),
        }
    }
}

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRow {
    /// The file's path, or the first words of a hunk.
    pub text: String,
    /// It is a file.
    pub file: bool,
    /// Its answer in one word, or that it is open.
    pub answer: String,
    /// It has no answer.
    pub open: bool,
}

/// The screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClashView {
    /// Whose work against whose.
    pub title: String,
    /// Complexity, strategy, since when, whom it holds up.
    pub facts: String,
    /// Visible places.
    pub places: Vec<PlaceRow>,
    /// Places above them.
    pub first: usize,
    /// Places in all.
    pub total: usize,
    /// The chosen one among them.
    pub at: Option<usize>,
    /// Places without an answer.
    pub open: usize,
    /// All has an answer, and nothing is done with it yet.
    pub ready: bool,
    /// Nothing can be chosen any more: it is settled, or the run has ended.
    pub settled: bool,
    /// What can be said of the place.
    pub guidance: String,
    /// The answer that suggests itself, in a few words.
    pub suggested: Option<String>,
    /// The three sides: integrated, before, the agent's; empty: there is nothing to show.
    pub sides: Vec<Side>,
    /// What comes of the choices, around the place.
    pub result: Vec<(String, Tone)>,
    /// How the whole stands.
    pub verdict: (String, Tone),
    /// In place of texts: why there are none.
    pub missing: Option<String>,
    /// Where everything is.
    pub panes: Panes,
}

/// Makes the view of a conflict.
#[must_use]
pub fn clash(
    source: Source<'_>,
    ui: &ClashUi,
    texts: Option<&Result<std::sync::Arc<Texts>, String>>,
    area: Rect,
) -> ClashView {
    let state = source.state;
    let Some(conflict) = state.merges.conflicts.get(&ui.id) else {
        return ClashView {
            title: format!("CONFLICT {}", ui.id),
            missing: Some("it is not there at this moment".to_owned()),
            ..ClashView::default()
        };
    };
    let now_us = source.now_us();
    let mut view = ClashView {
        title: title(source, ui.id, conflict),
        facts: facts(source, conflict, now_us),
        settled: conflict.resolved.is_some() || state.finished.is_some(),
        verdict: (String::new(), Tone::Plain),
        ..ClashView::default()
    };
    let texts = match texts {
        None => {
            view.missing = Some("reads the texts …".to_owned());
            return view;
        }
        Some(Err(why)) => {
            view.missing = Some(clean_line(why, 200));
            return view;
        }
        Some(Ok(texts)) => texts,
    };
    let doc = &texts.doc;
    let all = chosen(conflict, texts);
    view.total = places(doc).count();
    view.open = places(doc).filter(|place| place.is_open(&all)).count();
    let panes = panes(area, view.total);
    let at = ui.at.min(view.total.saturating_sub(1));
    let rows = usize::from(panes.list.height.saturating_sub(1));
    view.first = super::timeline::window(0, Some(at), view.total, rows);
    view.places = places(doc)
        .skip(view.first)
        .take(rows)
        .map(|place| row(place, &all))
        .collect();
    view.at = at.checked_sub(view.first);
    view.verdict = verdict(state, ui.id, conflict, view.open, doc.omitted);
    let agent = state.agent(conflict.agent);
    let moves = agent.status == Status::Merging || agent.red_gate.is_some();
    view.ready = view.open == 0 && doc.omitted == 0 && !view.settled && !moves;
    let Some(place) = places(doc).nth(at) else {
        view.missing = Some("no file is in conflict any more".to_owned());
        return view;
    };
    (view.guidance, view.suggested) = said(place);
    let answer = all.0.get(&place.file.path);
    let texts = sides::texts(place, panes.sides.map(|side| side.width));
    let panes = panes.fitted([0, 1, 2].map(|side| texts[side].len()));
    let rows = panes
        .sides
        .map(|side| usize::from(side.height.saturating_sub(1)));
    let taken = sides::taken(place, answer);
    view.sides = sides::sides(texts, titles(source, conflict), taken, ui.down, rows);
    let below = panes.result;
    view.result = result(place, answer, below.height.saturating_sub(1), below.width);
    view.panes = panes;
    view
}

/// What the three sides are.
fn titles(source: Source<'_>, conflict: &Conflict) -> [String; 3] {
    let names_of = &source.chart.names;
    let with = conflict.with.iter().map(|ix| names_of[ix.ix()].as_str());
    let with = match names(with, 2) {
        none if none.is_empty() => "ours: what is merged".to_owned(),
        with => format!("ours: merged ({with})"),
    };
    let agent = &names_of[conflict.agent.ix()];
    [
        with,
        "base: before both".to_owned(),
        format!("theirs: {agent}"),
    ]
}

fn title(source: Source<'_>, id: u32, conflict: &Conflict) -> String {
    let chart = source.chart;
    let with = names(
        conflict.with.iter().map(|ix| chart.names[ix.ix()].as_str()),
        3,
    );
    let with = if with.is_empty() {
        "what is merged"
    } else {
        &with
    };
    format!(
        "CONFLICT {id}  {} with {with}",
        chart.names[conflict.agent.ix()]
    )
}

fn facts(source: Source<'_>, conflict: &Conflict, now_us: u64) -> String {
    let clash = &conflict.clash;
    let mut all = vec![
        format!("complexity {}", merge::complexity(clash.complexity)),
        conflict.strategy.name().replace('_', " "),
        format!("since {}", span(now_us.saturating_sub(conflict.since_us))),
    ];
    if conflict.critical {
        all.push("critical domain".to_owned());
    }
    if !clash.kinds.is_empty() {
        all.push(names(clash.kinds.iter().map(String::as_str), 4));
    }
    let owner = Some(Owner::Agent(conflict.agent));
    let held = super::attention::holds(source.state, source.chart, owner);
    if !held.is_empty() && conflict.resolved.is_none() {
        all.push(held);
    }
    if let Some(note) = conflict.notes.last() {
        all.push(format!("note: {}", clean_line(note, 120)));
    }
    all.join(" · ")
}

/// How it stands: what is open, or what became of the choices.
fn verdict(
    state: &State,
    id: u32,
    conflict: &Conflict,
    open: usize,
    omitted: u32,
) -> (String, Tone) {
    if let Some(how) = &conflict.resolved {
        return (clean_line(format!("settled: {how}"), 200), Tone::Good);
    }
    let now = state
        .merges
        .now
        .as_ref()
        .filter(|now| now.conflict == Some(id));
    if let Some(now) = now {
        let (text, tone) = merge::stage(now);
        let checks = matches!(now.stage, MergeStage::Checking);
        return (
            format!("as chosen: {text}"),
            if checks { Tone::Plain } else { tone },
        );
    }
    let agent = state.agent(conflict.agent);
    if agent.status == Status::Merging {
        return ("as chosen: in line".to_owned(), Tone::Plain);
    }
    if agent.red_gate.is_some() {
        let why = clean_line(agent.reason.as_deref().unwrap_or("a check is red"), 80);
        let text = format!("not merged, {why}: choose anew or hand it back");
        return (text, Tone::Bad);
    }
    if omitted > 0 {
        let text = format!("{omitted} files have no room here: it can be taken as a whole alone");
        return (text, Tone::Warn);
    }
    match open {
        0 => {
            let plan = state.setup.plan.agent(conflict.agent);
            let checks = match plan.check.len() + plan.gates.len() {
                0 => "it has no checks of its own".to_owned(),
                1 => "its check runs on the result then".to_owned(),
                n => format!("its {n} checks run on the result then"),
            };
            (
                format!("all is chosen, it can be merged: {checks}"),
                Tone::Good,
            )
        }
        1 => ("1 place has no answer yet".to_owned(), Tone::Warn),
        n => (format!("{n} places have no answer yet"), Tone::Warn),
    }
}
