//! Rows of the merge screen: which columns a width has room for.

use crate::{
    display::clean_line,
    engine::Work,
    plan::AgentIx,
    tui::view::{Source, Tone, report::ReportRow, words::names},
};

use super::Lead;

/// Width below which times have no column of their own.
const NARROW: u16 = 60;

/// Rows as they are made.
pub(super) struct Sheet<'a> {
    pub source: Source<'a>,
    pub rows: Vec<ReportRow>,
    columns: u16,
}

impl<'a> Sheet<'a> {
    pub const fn new(source: Source<'a>, columns: u16) -> Self {
        Self {
            source,
            rows: Vec::new(),
            columns,
        }
    }

    /// An agent's name.
    pub fn name(&self, ix: AgentIx) -> String {
        self.source.chart.names[ix.ix()].clone()
    }

    /// Names of agents, the first of them.
    pub fn names(&self, all: &[AgentIx]) -> String {
        if all.is_empty() {
            return "what is merged".to_owned();
        }
        names(
            all.iter()
                .map(|ix| self.source.chart.names[ix.ix()].as_str()),
            3,
        )
    }

    /// A heading, with a blank row before it where there are rows already.
    pub fn heading(&mut self, text: &str) {
        if !self.rows.is_empty() {
            self.rows.push(ReportRow::default());
        }
        self.rows.push(ReportRow {
            cells: vec![(0, text.to_owned(), Tone::Plain)],
            heading: true,
            ..ReportRow::default()
        });
    }

    pub fn line(&mut self, text: &str, tone: Tone) {
        self.rows.push(ReportRow {
            cells: vec![(1, text.to_owned(), tone)],
            ..ReportRow::default()
        });
    }

    /// A name and its value.
    pub fn pair(&mut self, name: &str, value: &str, tone: Tone) {
        self.rows.push(ReportRow {
            cells: vec![
                (1, name.to_owned(), Tone::Dim),
                (12, clean_line(value, 200), tone),
            ],
            ..ReportRow::default()
        });
    }

    /// A row of an agent: a word, its name, for how long, and a sentence.
    pub fn agent(
        &mut self,
        ix: AgentIx,
        word: &str,
        text: &str,
        tone: Tone,
        since: &str,
        lead: Option<Lead>,
    ) {
        let (name, time, rest) = self.places();
        let mut cells = vec![
            (1, word.to_owned(), tone),
            (name, self.name(ix), Tone::Plain),
        ];
        if let Some(time) = time {
            cells.push((time, format!("{since:>6}"), Tone::Dim));
        }
        cells.push((rest, clean_line(text, 240), tone));
        self.rows.push(ReportRow {
            cells,
            agent: Some(self.source.state.id(ix).to_string()),
            lead,
            ..ReportRow::default()
        });
    }

    /// A second row of an agent.
    pub fn below(&mut self, text: &str, lead: Option<Lead>, ix: AgentIx) {
        let (name, _, rest) = self.places();
        let x = if self.columns < NARROW { name } else { rest };
        self.rows.push(ReportRow {
            cells: vec![(x, clean_line(text, 240), Tone::Dim)],
            agent: Some(self.source.state.id(ix).to_string()),
            lead,
            ..ReportRow::default()
        });
    }

    /// A point to go back to.
    pub fn point(&mut self, word: &str, text: &str, lead: Lead) {
        self.rows.push(ReportRow {
            cells: vec![
                (1, word.to_owned(), Tone::Dim),
                (10, text.to_owned(), Tone::Plain),
            ],
            lead: Some(lead),
            ..ReportRow::default()
        });
    }

    /// Columns of name, time and sentence.
    fn places(&self) -> (u16, Option<u16>, u16) {
        let wide = self.source.chart.name_width as u16;
        let name = wide.clamp(6, if self.columns >= 120 { 28 } else { 14 });
        let after = 8 + name + 2;
        if self.columns < NARROW {
            (8, None, after)
        } else {
            (8, Some(after), after + 8)
        }
    }
}

/// A commit as people read it.
pub(in crate::tui::view) fn short(commit: &str) -> String {
    clean_line(commit, 200).chars().take(9).collect()
}

/// What work changed, in figures.
pub(in crate::tui::view) fn changes(work: &Work) -> String {
    let many = if work.changed == 1 { "" } else { "s" };
    format!(
        "{} file{many} +{} -{}",
        work.changed, work.added, work.removed
    )
}
