//! What the screen shows now: the projection with all that is made only when it is seen.
//!
//! Must not change the run's state; a draw keeps the scroll position that it led to.

use std::rc::Rc;

use crate::{
    display::clean_text,
    tui::{
        draw, palette,
        ui_state::{Popup, Screen},
        view::{
            self, Source, View,
            queue::Material,
            regions,
            report::{ReportRow, Rows},
        },
    },
};

use super::{App, Dirty, app::ReportOf, select::keep_selection};

impl App {
    /// All rows of the report, made anew only when something in them can have changed.
    pub(super) fn report_rows(&self) -> Option<Rc<Rows>> {
        let source = self.source()?;
        let now_us = source.now_us();
        let of = ReportOf {
            seq: source.state.seq,
            readings: source.trend.until(now_us).len(),
            second: now_us / 1_000_000,
            columns: self.ui.size.0,
        };
        let mut kept = self.report.borrow_mut();
        if let Some((made_of, rows)) = kept.as_ref()
            && *made_of == of
        {
            return Some(Rc::clone(rows));
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
        let status = if deck { self.status_pane() } else { None };
        let source = Source {
            report: report.as_deref(),
            status: status.as_deref(),
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
        let mut view = self.view();
        if view.table.selected.is_none() && !view.table.rows.is_empty() {
            // The row is gone: folded away, or its group has ended.
            keep_selection(self);
            view = self.view();
        }
        if let Some(report) = &view.report {
            self.ui.report_first = report.first;
        } else if let Some(timeline) = &view.timeline {
            self.ui.time_first = timeline.first;
        } else {
            self.ui.scroll = view.table.first;
        }
        if self.ui.screen == Screen::Deck {
            self.deck_output = view.regions.output;
        }
        self.row_at = view.table.first + view.table.selected.unwrap_or(0);
        draw::draw(&view, &self.ui, self.look(), buf);
        self.dirty = Dirty::No;
    }
}
