//! Decisions about memory and the continuous gate, as rows of the report.
//!
//! Must not compute figures: [`crate::report::run::controller`] does.

use crate::{
    display::clean_line,
    plan::units::show_decimal,
    report::run::{
        RunReport,
        controller::{Condition, DecisionLine},
    },
    tui::view::Tone,
};

use super::{
    ReportRow,
    sections::{heading, line, ms},
};

/// Decisions that are shown, the last ones; `report.json` has all.
const SHOWN: usize = 200;

pub(super) fn decisions(out: &mut Vec<ReportRow>, report: &RunReport) {
    heading(out, "DECISIONS ABOUT MEMORY");
    let all = &report.decisions;
    if all.is_empty() {
        out.push(line("none: memory asked for nothing", Tone::Dim));
    }
    let first = all.len().saturating_sub(SHOWN);
    if first > 0 {
        out.push(line(&format!("{first} before these"), Tone::Dim));
    }
    for one in &all[first..] {
        out.extend(decision(one));
    }
    heading(out, "CONTINUOUS GATE");
    out.extend(report.continuous.conditions.iter().map(condition));
}

fn decision(one: &DecisionLine) -> [ReportRow; 2] {
    let tone = match one.what.as_str() {
        "nothing" => Tone::Bad,
        "raise" | "back" => Tone::Good,
        _ => Tone::Warn,
    };
    let memory = show_decimal(u64::from(one.before_permille), 1);
    let row = |cells| ReportRow {
        cells,
        ..ReportRow::default()
    };
    [
        row(vec![
            (1, one.number.to_string(), Tone::Dim),
            (6, ms(one.at_ms), Tone::Dim),
            (16, one.what.clone(), tone),
            (25, format!("{memory} %"), Tone::Plain),
            (34, clean_line(&one.reason, 300), Tone::Plain),
        ]),
        row(vec![(34, clean_line(one.effect(), 300), Tone::Dim)]),
    ]
}

fn condition(one: &Condition) -> ReportRow {
    let (word, tone) = match one.holds {
        Some(true) => ("holds", Tone::Good),
        Some(false) => ("does not hold", Tone::Alert),
        None => ("not known", Tone::Dim),
    };
    ReportRow {
        cells: vec![
            (1, one.name.clone(), Tone::Plain),
            (25, word.to_owned(), tone),
            (41, clean_line(&one.figures, 300), Tone::Dim),
        ],
        ..ReportRow::default()
    }
}
