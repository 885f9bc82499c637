//! The daily status: a card for each track, the 24-hour gate, and a card's text as a page.
//!
//! What was measured and what agents say stand side by side. Must not judge: the projection of
//! `status` does.

use std::fmt::Write as _;

use crate::{
    display::clean_line,
    engine::{Health, Severity},
    plan::TrackIx,
    status::{Card, DayGate, Facts, Standing, judge, parse_card, standings},
    tui::card::CardFile,
};

use super::{Source, Tone, words};

/// What an agent said is old after so long, in milliseconds.
const STALE_MS: i64 = 15 * 60 * 1000;

/// A track's card in few lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusCard {
    /// Id of the track.
    pub name: String,
    /// How it stands.
    pub health: Health,
    /// Done work, 0 to 100.
    pub percent: u8,
    /// It rests on durations that are stated, not measured.
    pub about: bool,
    /// Progress when the words of agents at work count.
    pub says: Option<u8>,
    /// Agents that are done, at work, and all.
    pub agents: (usize, usize, usize),
    /// Measured memory.
    pub ram: String,
    /// Nothing moves in it any more, or it has not begun.
    pub dim: bool,
    /// More about it, what matters most first.
    pub lines: Vec<(String, Tone)>,
}

/// The cards and the gate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusPane {
    /// The day.
    pub date: String,
    /// By track, in the plan's order.
    pub cards: Vec<StatusCard>,
    /// How many criteria of the 24-hour gate do not hold now.
    pub failing: usize,
}

/// A line of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageLine {
    /// Its number in the file; none: it is about the file.
    pub number: Option<usize>,
    /// Clean text.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// A card as a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Track and day.
    pub title: String,
    /// What the arrows lead to: the day before and after, where there are cards.
    pub days: (Option<String>, Option<String>),
    /// All lines.
    pub lines: Vec<PageLine>,
    /// First visible line.
    pub first: usize,
    /// Several tracks have cards.
    pub others: bool,
}

/// What cards are made from at the shown moment.
pub(in crate::tui) fn facts(source: Source<'_>) -> Facts<'_> {
    Facts {
        state: source.state,
        sample: source.sample,
        planned: source.planned,
        now_us: source.now_us(),
        zone: source.zone,
        day: None,
    }
}

/// Makes the cards of the shown moment.
pub(in crate::tui) fn pane(source: Source<'_>) -> StatusPane {
    pane_of(source, &standings(facts(source)))
}

/// The same where it is known already how the tracks stand.
pub(in crate::tui) fn pane_of(source: Source<'_>, all: &[Standing]) -> StatusPane {
    let facts = facts(source);
    let verdict = judge(facts, all);
    let now_ms = facts.now_ms();
    StatusPane {
        date: facts.today().to_string(),
        failing: verdict.failed().len(),
        cards: all.iter().map(|s| card(source, s, now_ms)).collect(),
    }
}

fn name(source: Source<'_>, track: Option<TrackIx>) -> String {
    match track {
        Some(track) => source.chart.tracks[track.ix()].clone(),
        None if source.chart.tracks.is_empty() => "agents".to_owned(),
        None => "no track".to_owned(),
    }
}

fn card(source: Source<'_>, standing: &Standing, now_ms: i64) -> StatusCard {
    let card = &standing.card;
    let (done, working, all) = standing.agents;
    let mut lines = Vec::new();
    if let Some(worst) = card.blockers.first() {
        let more = match card.blockers.len() - 1 {
            0 => String::new(),
            n => format!(" · {n} more"),
        };
        let by = if worst.by.is_empty() {
            String::new()
        } else {
            format!("{} says: ", worst.by)
        };
        lines.push((
            format!("! {by}{}{more}", worst.blocker),
            severity(worst.severity),
        ));
    }
    for said in &card.reports {
        if let Some(error) = &said.error {
            lines.push((format!("! {} reports: {error}", said.agent), Tone::Warn));
        }
        let age_ms = now_ms.saturating_sub(said.at_ms);
        let old = age_ms >= STALE_MS;
        let mut text = if old {
            let us = u64::try_from(age_ms).unwrap_or(0) * 1000;
            format!("» {} ago {} said", words::span(us), said.agent)
        } else {
            format!("» {} says", said.agent)
        };
        if let Some(percent) = said.progress_percent {
            let _ = write!(text, " {percent} %");
        }
        if let Some(percent) = said.measured_percent {
            let about = if percent < 100 { "~" } else { "" };
            let _ = write!(text, ", measured {about}{percent} %");
        }
        if let Some(doing) = &said.doing {
            let _ = write!(text, ": {doing}");
        }
        if said.at_ms != 0 {
            lines.push((text, if old { Tone::Dim } else { Tone::Plain }));
        }
    }
    let mut who = Vec::new();
    if working > 0 {
        who.push(card.agent.clone());
        who.extend(card.resource_usage.model.clone());
        let hours = card.resource_usage.duration_s;
        who.extend(hours.map(|s| format!("{} in its phase", words::span(s * 1_000_000))));
    }
    if !who.is_empty() {
        lines.push((who.join(" · "), Tone::Dim));
    }
    let list = |lead: &str, all: &[String]| {
        let ids = all
            .iter()
            .map(|line| line.split(": ").next().unwrap_or(line));
        format!("{lead} {}", words::names(ids, 4))
    };
    if !card.planned_tomorrow.is_empty() {
        let lead = match source.state.finished {
            Some(_) => "not run:",
            None => "next",
        };
        lines.push((list(lead, &card.planned_tomorrow), Tone::Dim));
    }
    if !card.completed_today.is_empty() {
        lines.push((list("today", &card.completed_today), Tone::Dim));
    }
    for (text, _) in &mut lines {
        *text = clean_line(std::mem::take(text), words::SENTENCE);
    }
    StatusCard {
        name: name(source, standing.track),
        health: card.status,
        percent: card.progress_percent,
        about: done > 0 && card.progress_percent < 100,
        says: standing
            .says_percent
            .filter(|says| *says != card.progress_percent),
        agents: (done, working, all),
        ram: card
            .resource_usage
            .ram_bytes
            .filter(|bytes| *bytes > 0)
            .map(words::size)
            .unwrap_or_default(),
        dim: working == 0 && card.blockers.is_empty(),
        lines,
    }
}

const fn severity(severity: Severity) -> Tone {
    match severity {
        Severity::Critical => Tone::Bad,
        Severity::High => Tone::Alert,
        Severity::Medium => Tone::Warn,
        Severity::Low => Tone::Dim,
    }
}

/// A card as a page: that of the shown moment as it stands, that of an earlier day as its file has it.
pub(in crate::tui) fn page(
    source: Source<'_>,
    all: &[Standing],
    track: Option<TrackIx>,
    file: &CardFile,
    first: usize,
) -> Page {
    let facts = facts(source);
    let today = facts.today();
    let shown = file.day.filter(|day| *day < today);
    let mut lines = Vec::new();
    let mut said = |text: &str, tone| {
        lines.push(PageLine {
            number: None,
            text: clean_line(text, words::SENTENCE),
            tone,
        });
    };
    let mut text = String::new();
    match shown {
        None => {
            if let Some(standing) = all.iter().find(|s| s.track == track) {
                text = with_others(source, standing, file).to_yaml();
            }
        }
        Some(day) => match &file.text {
            None if file.loaded => said(&format!("there is no card of {day}"), Tone::Dim),
            None => said("the card is read", Tone::Dim),
            Some(of_day) => text.clone_from(of_day),
        },
    }
    numbered(&text, &mut lines);
    if shown.is_none() {
        broken_reports(source, track, &mut lines);
        gate(&judge(facts, all), &mut lines);
    }
    let day = shown.unwrap_or(today);
    let before = file.days.iter().rev().find(|d| **d < day);
    // The shown moment's own day is there whether it has a file or not.
    let after = file
        .days
        .iter()
        .find(|d| **d > day && **d < today)
        .or(shown.is_some().then_some(&today));
    let last = lines.len().saturating_sub(1);
    Page {
        title: format!("STATUS {} · {day}", name(source, track)),
        days: (
            before.map(ToString::to_string),
            after.map(ToString::to_string),
        ),
        lines,
        first: first.min(last),
        others: all.len() > 1,
    }
}

/// The card of the moment with what others have written into its file; a replay shows what was
/// known then, which the file does not tell.
fn with_others(source: Source<'_>, standing: &Standing, file: &CardFile) -> Card {
    let mut card = standing.card.clone();
    let written = file.text.as_deref().filter(|_| source.clock.is_none());
    if let Some(Ok(old)) = written.map(|text| parse_card(text, "card"))
        && old.date == card.date
    {
        let setup = &source.state.setup;
        card.merge(&old, |id| setup.by_id.contains_key(&id.into()));
    }
    card
}

/// Lines of a file with what is wrong with them below each.
fn numbered(text: &str, lines: &mut Vec<PageLine>) {
    let problems = match parse_card(text, "card") {
        Err(error) if !text.is_empty() => error.problems,
        _ => Vec::new(),
    };
    for (n, line) in text.lines().enumerate() {
        let wrong = problems.iter().filter(|p| p.line as usize == n + 1);
        let bad = wrong.clone().next().is_some();
        lines.push(PageLine {
            number: Some(n + 1),
            text: clean_line(line, words::SENTENCE),
            tone: if bad { Tone::Bad } else { Tone::Plain },
        });
        for problem in wrong {
            lines.push(PageLine {
                number: None,
                text: clean_line(format!("^ {}", problem.message), words::SENTENCE),
                tone: Tone::Bad,
            });
        }
    }
    for problem in problems.iter().filter(|p| p.line == 0) {
        lines.push(PageLine {
            number: None,
            text: clean_line(&problem.message, words::SENTENCE),
            tone: Tone::Bad,
        });
    }
}

/// Reports of agents of the track that could not be taken, each with its line.
fn broken_reports(source: Source<'_>, track: Option<TrackIx>, lines: &mut Vec<PageLine>) {
    let state = source.state;
    for ix in state.setup.plan.indices() {
        let said = state.agent(ix).said.as_deref();
        let Some(error) = said.and_then(|said| said.error.as_ref()) else {
            continue;
        };
        if state.setup.plan.agent(ix).track != track {
            continue;
        }
        let mut add = |text: &str, tone| {
            lines.push(PageLine {
                number: None,
                text: clean_line(text, words::SENTENCE),
                tone,
            });
        };
        add("", Tone::Plain);
        let name = &source.chart.names[ix.ix()];
        let kept = if said.is_some_and(|said| said.at_ms != 0) {
            "; what it said before stays"
        } else {
            ""
        };
        add(
            &format!("# the last report of {name} cannot be read{kept}"),
            Tone::Warn,
        );
        for line in error.lines() {
            add(line, Tone::Bad);
        }
    }
}

fn gate(verdict: &DayGate, lines: &mut Vec<PageLine>) {
    let mut add = |text: String, tone| {
        lines.push(PageLine {
            number: None,
            text: clean_line(text, words::SENTENCE),
            tone,
        });
    };
    add(String::new(), Tone::Plain);
    let (word, tone) = if verdict.passes() {
        ("would pass", Tone::Good)
    } else {
        ("would not pass", Tone::Bad)
    };
    add(format!("# the 24-hour gate, judged now, {word}"), tone);
    for c in &verdict.criteria {
        let (word, tone) = match c.met {
            Some(true) => ("yes", Tone::Plain),
            Some(false) => ("NO", Tone::Bad),
            None => ("unknown", Tone::Dim),
        };
        add(format!("{:<22} {word:<8} {}", c.name, c.figure), tone);
    }
}
