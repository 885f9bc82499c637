//! What the screen shows now: the projection with all that is made only when it is seen.
//!
//! Must not change the run's state; a draw keeps the scroll position that it led to.

use std::rc::Rc;

use crate::{
    display::clean_text,
    status::{Standing, standings},
    tui::{
        chart, draw, palette,
        ui_state::{Popup, Screen},
        view::{
            self, Source, View,
            queue::Material,
            regions,
            report::{ReportRow, Rows},
            status::StatusPane,
        },
    },
};

use super::{App, Dirty, select::keep_selection};

/// How the tracks stand at a moment.
#[derive(Debug)]
pub(super) struct Cards {
    all: Vec<Standing>,
    pane: StatusPane,
}

/// Which moment status cards are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CardsOf {
    seq: u64,
    /// The moment (elapsed µs).
    now_us: u64,
    /// The reading (elapsed µs).
    read_us: u64,
    /// The run has ended.
    ended: bool,
}

/// What the rows of a report are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReportOf {
    seq: u64,
    /// Readings of memory.
    readings: usize,
    /// Whole seconds of the run.
    second: u64,
    /// The run has ended.
    ended: bool,
    /// Width of the screen.
    columns: u16,
}

impl App {
    /// Whether what looks at every agent may be up to a second old: in a large plan, while the run
    /// or its recording goes on. The next second makes it anew, or a frame that shows it once more
    /// when nothing else happens.
    pub(super) fn goes_on(&self, source: Source<'_>) -> bool {
        let large = source.state.agents.len() > chart::LARGE;
        let moving = self.clock.is_none_or(|clock| clock.playing);
        let old = large && moving && self.dirty == Dirty::Now;
        self.old.set(self.old.get() || old);
        old
    }

    /// The status card that is in front, as a page.
    pub(super) fn card_page(&self) -> Option<view::status::Page> {
        let (source, file) = (self.source()?, self.card.as_ref()?);
        let all = &self.cards()?.all;
        match self.ui.popups.last() {
            Some(Popup::Card { scroll }) => {
                Some(view::status::page(source, all, file.track, file, *scroll))
            }
            _ => None,
        }
    }

    /// The status cards, made anew only for another moment: a large plan has many agents.
    fn cards(&self) -> Option<Rc<Cards>> {
        let source = self.source()?;
        let of = CardsOf {
            seq: source.state.seq,
            now_us: source.now_us(),
            read_us: source.sample.map_or(0, |sample| sample.elapsed_us),
            ended: source.state.finished.is_some(),
        };
        let mut kept = self.status.borrow_mut();
        if let Some((made_of, cards)) = kept.as_ref() {
            let second = |of: &CardsOf| (of.now_us / 1_000_000, of.ended);
            if *made_of == of || (second(made_of) == second(&of) && self.goes_on(source)) {
                return Some(Rc::clone(cards));
            }
        }
        let all = standings(view::status::facts(source));
        let pane = view::status::pane_of(source, &all);
        let cards = Rc::new(Cards { all, pane });
        *kept = Some((of, Rc::clone(&cards)));
        Some(cards)
    }

    /// All rows of the report, made anew only when something in them can have changed.
    pub(super) fn report_rows(&self) -> Option<Rc<Rows>> {
        let source = self.source()?;
        let now_us = source.now_us();
        let of = ReportOf {
            seq: source.state.seq,
            readings: source.trend.until(now_us).len(),
            second: now_us / 1_000_000,
            ended: source.state.finished.is_some(),
            columns: self.ui.size.0,
        };
        let mut kept = self.report.borrow_mut();
        if let Some((made_of, rows)) = kept.as_ref() {
            let second = |of: &ReportOf| (of.second, of.ended, of.columns);
            if *made_of == of || (second(made_of) == second(&of) && self.goes_on(source)) {
                return Some(Rc::clone(rows));
            }
        }
        let rows = Rc::new(view::report::all(source, of.columns));
        *kept = Some((of, Rc::clone(&rows)));
        Some(rows)
    }

    /// One of them.
    pub(super) fn report_row(&self, at: usize) -> Option<ReportRow> {
        self.report_rows()?.row(self.source()?, at)
    }

    /// What the screen shows now.
    #[must_use]
    pub fn view(&self) -> View {
        let Some(source) = self.source() else {
            let mut view = View {
                regions: regions::regions(self.ui.size, self.ui.screen, regions::Needs::default()),
                ..View::default()
            };
            view.header.plan.push_str("wavedeck");
            view.header.banner = Some(match &self.lost {
                Some(why) => (format!("no run: {}", clean_text(why, 100)), view::Tone::Bad),
                None => ("reads the run".to_owned(), view::Tone::Dim),
            });
            self.offer_themes(&mut view);
            return view;
        };
        let report = match self.ui.screen {
            Screen::Report => self.report_rows(),
            _ => None,
        };
        let deck = self.ui.screen == Screen::Deck && self.ui.size.0 >= regions::BESIDE;
        let cards = if deck { self.cards() } else { None };
        let source = Source {
            report: report.as_deref(),
            status: cards.as_deref().map(|cards| &cards.pane),
            ..source
        };
        let mut view = view::project(source, &self.ui);
        let queue = self.ui.popups.iter().rev().find_map(|popup| match popup {
            Popup::Queue(queue) => Some(queue),
            _ => None,
        });
        view.queue = queue.map(|queue| {
            let material = Material {
                evidence: self.evidence.as_ref(),
                output: self.output.as_ref(),
                diff: self.diff.as_ref(),
                can_act: self.settings.can_act,
                recorded: self.clock.is_some(),
            };
            let items = view::attention::waiting(source.state);
            view::queue::queue(source, &items, queue, material, source.now_us())
        });
        let area = view.regions.work;
        match self.ui.screen {
            Screen::Clash => {
                let texts = self.texts.as_ref();
                view.clash = Some(view::clash::clash(source, &self.ui.clash, texts, area));
            }
            Screen::Review => {
                let patch = self.patch.as_ref();
                view.review = view::review::review(source, &self.ui.review, patch, area);
            }
            _ => {}
        }
        if let Some(Popup::Card { .. }) = self.ui.popups.last() {
            view.page = self.card_page();
        }
        if let Some(Popup::Palette { typed, .. }) = self.ui.popups.last() {
            view.palette = palette::entries(
                typed,
                &self.settings.keys,
                self.state.as_deref(),
                self.whence(),
            );
        }
        self.offer_themes(&mut view);
        view
    }

    /// Draws the screen; keeps the scroll position that it led to.
    pub fn draw(&mut self, buf: &mut ratatui::buffer::Buffer) {
        self.old.set(false);
        let mut view = self.view();
        if view.table.selected.is_none() && !view.table.rows.is_empty() {
            // The row is gone: folded away, or its group has ended.
            keep_selection(self);
            view = self.view();
        }
        if let Some(report) = &view.report {
            self.ui.report_first = report.first;
        } else if let Some(merge) = &view.merge {
            self.ui.merge_first = merge.first;
        } else if let Some(review) = &view.review {
            self.ui.review.first = review.first;
        } else if let Some(timeline) = &view.timeline {
            self.ui.time_first = timeline.first;
        }
        if self.ui.screen == Screen::Deck {
            self.ui.scroll = view.table.first;
            self.deck_output = view.regions.output;
            self.ui.ram.first = view.ram.as_ref().map_or(0, |pane| pane.first);
            self.row_at = view.table.first + view.table.selected.unwrap_or(0);
        }
        draw::draw(&view, &self.ui, self.look(), buf);
        self.dirty = if self.old.get() {
            Dirty::Gauges
        } else {
            Dirty::No
        };
    }
}
