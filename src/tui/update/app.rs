//! The dashboard without its terminal: what it knows of the run, and what a person has chosen.
//!
//! Pure. Must not decide what a key does: that is the reducer's.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    sync::Arc,
};

use ratatui::layout::Rect;

use crate::{
    display::clean_text,
    engine::{Figures, State},
    plan::AgentIx,
    report::{digest::Digest, history::History},
    resources::{Sample, Sensor, Trend},
    schedule::Planned,
    tui::{
        alert::Alerts,
        card::CardFile,
        chart::Chart,
        draw::Look as DrawLook,
        emulator::Emulator,
        feed::{ClashAsk, Clock, ReviewAsk, Spot, Texts},
        keymap::{Keymap, Place, Whence},
        log::LogBuffer,
        output::{CheckPrint, Diff, Evidence, OutputBuffer},
        patch::Patch,
        prompted::PromptText,
        search::Search,
        slopes::Slopes,
        theme::Theme,
        ui_state::{Screen, UiState, Voice},
        view::{
            self, Beside, Note, Source,
            outline::{self, Outline},
            report::Rows,
        },
    },
};

use super::{
    edit::Edit,
    keyboard::Keyboard,
    show::{Cards, CardsOf, ReportOf},
    themes::Wardrobe,
};

/// So long without a key, and a person was away (µs).
const AWAY_US: u64 = 10 * 60 * 1_000_000;
/// Ticks (4 a second) for which a message stays.
const MESSAGE_TICKS: u8 = 24;

/// What has to be drawn anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Dirty {
    /// Nothing.
    #[default]
    No,
    /// Figures only: once a second is enough.
    Gauges,
    /// Something that a person waits for.
    Now,
}

/// Settings that do not change.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Styles.
    pub theme: Theme,
    /// Keys.
    pub keys: Keymap,
    /// Actions can be sent: not in a replay.
    pub can_act: bool,
    /// Time zone for times of day.
    pub zone: jiff::tz::TimeZone,
}

/// The dashboard without its terminal.
#[derive(Debug)]
pub struct App {
    /// What a person has chosen.
    pub ui: UiState,
    /// Settings.
    pub settings: Settings,
    /// What has to be drawn.
    pub dirty: Dirty,
    /// It shall end.
    pub quit: bool,
    /// The run, as the snapshot and the records since make it.
    pub state: Option<Box<State>>,
    pub(super) chart: Option<Arc<Chart>>,
    pub(super) sample: Option<Box<Sample>>,
    /// Its figures beside what is reserved now.
    pub(super) figures: Figures,
    /// What happened since the snapshot, or from the beginning once that has come.
    pub(super) history: Option<Box<History>>,
    /// The history reaches to the end of the recording.
    pub(super) history_whole: bool,
    /// Where a replay stands.
    pub(super) clock: Option<Clock>,
    /// The record that a key leads to, until the clock is told.
    pub(super) heading: Option<u64>,
    /// The snapshot that the history began with.
    pub(super) history_from: u64,
    pub(super) planned: Option<Box<Planned>>,
    pub(super) trend: Trend,
    pub(super) slopes: Slopes,
    /// Rows of the report, and of which moment they are.
    pub(super) report: RefCell<Option<(ReportOf, Rc<Rows>)>>,
    /// How the tracks stand, and of which moment that is.
    pub(super) status: RefCell<Option<(CardsOf, Rc<Cards>)>>,
    /// The last frame showed some of that older than the run.
    pub(super) old: Cell<bool>,
    pub(super) log: LogBuffer,
    pub(super) log_wanted: bool,
    /// Sees where memory is heading; tells the engine nothing.
    pub(super) sensor: Option<Sensor>,
    /// Number of the selected row when it was last seen.
    pub(super) row_at: usize,
    pub(super) notes: VecDeque<Note>,
    pub(super) output: Option<OutputBuffer>,
    pub(super) output_wanted: bool,
    pub(super) evidence: Option<Evidence>,
    pub(super) evidence_wanted: bool,
    /// What the chosen command of a check printed.
    pub(super) check_print: Option<CheckPrint>,
    /// The prompt that is looked at.
    pub(super) prompt: Option<PromptText>,
    /// What is searched for in the output.
    pub(super) search: Option<Search>,
    /// The terminal of the selected agent, while it has a pane.
    pub(super) emulator: Option<Emulator>,
    /// The deck's output pane as it was drawn last.
    pub(super) deck_output: Rect,
    /// How large the runner was told that it is shown: agent, attempt, columns, rows.
    pub(super) size_told: Option<(AgentIx, u32, u16, u16)>,
    /// The row of it that a search stands on, and which of how many, in words.
    pub(super) found_row: Option<usize>,
    pub(super) found: String,
    /// Where what is typed goes.
    pub(super) keyboard: Keyboard,
    /// Whose session this dashboard has asked for.
    pub(super) opening: Option<AgentIx>,
    /// Text for the clipboard of the terminal; whoever draws hands it over.
    pub copy: Option<String>,
    /// What is to be called out.
    pub alerts: Alerts,
    /// What has changed since the run began, as read when the queue was opened.
    pub(super) diff: Option<Diff>,
    pub(super) diff_asked: bool,
    /// The texts of the conflict that is looked at, and what was asked for.
    pub(super) texts: Option<Result<Arc<Texts>, String>>,
    pub(super) clash_asked: Option<ClashAsk>,
    /// The diff that is reviewed, and what was asked for.
    pub(super) patch: Option<Result<Patch, String>>,
    pub(super) review_asked: Option<ReviewAsk>,
    /// A text for the person's editor; whoever draws hands it over.
    pub edit: Option<Edit>,
    /// What a person wrote that could not be taken, for the next time.
    pub(super) draft: Option<(Spot, String)>,
    /// The status card that is looked at.
    pub(super) card: Option<CardFile>,
    pub(super) lost: Option<String>,
    pub(super) asked: BTreeMap<u64, (String, String)>,
    pub(super) next_id: u64,
    /// What was asked to be added, until it is there.
    pub(super) adding: Option<super::add::Adding>,
    /// A person has taken or given the mouse.
    pub(super) mouse_chosen: bool,
    pub(super) message_ticks: u8,
    pub(super) wardrobe: Wardrobe,
    /// The person asked for the run's end.
    pub stop_asked: bool,
}

impl App {
    /// An app that knows nothing yet.
    #[must_use]
    pub fn new(settings: Settings, size: (u16, u16), mouse: bool) -> Self {
        Self {
            ui: UiState {
                size,
                mouse,
                ..UiState::default()
            },
            settings,
            dirty: Dirty::Now,
            quit: false,
            state: None,
            chart: None,
            sample: None,
            figures: Figures::default(),
            history: None,
            history_from: 0,
            history_whole: false,
            heading: None,
            clock: None,
            planned: None,
            trend: Trend::default(),
            slopes: Slopes::default(),
            report: RefCell::default(),
            status: RefCell::default(),
            old: Cell::new(false),
            log: LogBuffer::default(),
            log_wanted: false,
            sensor: None,
            row_at: 0,
            notes: VecDeque::new(),
            output: None,
            output_wanted: false,
            evidence: None,
            evidence_wanted: false,
            check_print: None,
            prompt: None,
            search: None,
            emulator: None,
            // Until then as if there were one.
            deck_output: Rect::new(0, 0, 1, 1),
            size_told: None,
            found_row: None,
            found: String::new(),
            keyboard: Keyboard::Ours,
            opening: None,
            copy: None,
            alerts: Alerts::default(),
            diff: None,
            diff_asked: false,
            texts: None,
            clash_asked: None,
            patch: None,
            review_asked: None,
            edit: None,
            draft: None,
            card: None,
            lost: None,
            asked: BTreeMap::new(),
            next_id: 1,
            adding: None,
            mouse_chosen: false,
            message_ticks: 0,
            wardrobe: Wardrobe::default(),
            stop_asked: false,
        }
    }

    /// Why there is no connection.
    #[must_use]
    pub fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Whether something waits for time to pass.
    #[must_use]
    pub const fn wants_tick(&self) -> bool {
        let leaving = matches!(self.keyboard, Keyboard::Held { leaving: 1.., .. });
        self.output_wanted || self.message_ticks > 0 || leaving
    }

    /// What admission would see now: of the newest reading and what is reserved.
    pub(super) fn look_at_figures(&mut self) {
        let figures = self.state.as_ref().zip(self.sample.as_ref());
        self.figures = figures.map_or_else(Figures::default, |(state, s)| s.figures(state));
    }

    pub(super) fn source(&self) -> Option<Source<'_>> {
        let (state, chart) = (self.state.as_ref()?, self.chart.as_deref()?);
        Some(Source {
            state,
            sample: self.sample.as_deref(),
            figures: &self.figures,
            forecast: self.sensor.as_ref().and_then(Sensor::time_to_next_zone_us),
            chart,
            notes: &self.notes,
            output: self.output.as_ref(),
            evidence: self.evidence.as_ref(),
            beside: Beside {
                check: self.check_print.as_ref(),
                prompt: self.prompt.as_ref(),
                search: self.search.as_ref(),
                terminal: self.emulator.as_ref(),
                found: if self.ui.screen == Screen::Agent {
                    view::terminal::Found {
                        needle: &self.ui.on_agent.search,
                        row: self.found_row,
                        words: &self.found,
                    }
                } else {
                    view::terminal::Found::default()
                },
                held: self.keyboard.held().is_some(),
                leaving: matches!(self.keyboard, Keyboard::Held { leaving: 1.., .. }),
            },
            lost: self.lost.as_deref(),
            history: self.history.as_deref(),
            planned: self.planned.as_deref(),
            trend: &self.trend,
            slopes: Some(&self.slopes),
            log: Some(&self.log),
            report: None,
            status: None,
            clock: self.clock.as_ref(),
            zone: &self.settings.zone,
        })
    }

    /// The digest from a moment on, in lines.
    pub(super) fn digest_lines(&self, from_us: u64) -> Option<Vec<String>> {
        let source = self.source()?;
        let state = source.state;
        let history = source.history?.until(state.seq, source.now_us());
        Some(Digest::since(state, history, from_us).lines())
    }

    /// A person did something now: a long pause before it was an absence.
    pub(super) fn looked(&mut self) {
        let Some(now_us) = self.source().map(|source| source.now_us()) else {
            return;
        };
        if now_us.saturating_sub(self.ui.seen_us) >= AWAY_US {
            self.ui.away_us = Some(self.ui.seen_us);
        }
        self.ui.seen_us = now_us;
    }

    /// Where what is typed goes.
    #[cfg(test)]
    pub(crate) const fn keyboard(&self) -> Keyboard {
        self.keyboard
    }

    /// The address of the report's rows: the same ones have the same.
    #[cfg(test)]
    pub(crate) fn report_made(&self) -> Option<*const Rows> {
        self.report
            .borrow()
            .as_ref()
            .map(|kept| Rc::as_ptr(&kept.1))
    }

    /// Agents in the order of the timeline's rows.
    pub(super) fn timeline_order(&self) -> Vec<AgentIx> {
        self.source().map(view::timeline::order).unwrap_or_default()
    }

    /// Where keys have a meaning of their own now.
    pub(super) const fn place(&self) -> Place {
        match self.ui.screen {
            Screen::Clash => Place::Conflict,
            Screen::Review => Place::Review,
            _ => Place::Everywhere,
        }
    }

    /// What is shown, and whether it can be changed from here.
    pub(super) const fn whence(&self) -> Whence {
        if self.clock.is_some() {
            Whence::Recording
        } else if self.settings.can_act {
            Whence::Live
        } else {
            Whence::ReadOnly
        }
    }

    pub(super) const fn look(&self) -> DrawLook<'_> {
        DrawLook {
            theme: &self.settings.theme,
            keys: &self.settings.keys,
            whence: self.whence(),
        }
    }

    pub(super) fn say(&mut self, voice: Voice, text: impl Into<String>) {
        self.ui.message = Some((voice, clean_text(&text.into(), 300)));
        self.message_ticks = MESSAGE_TICKS;
        self.now();
    }

    pub(super) const fn now(&mut self) {
        self.dirty = Dirty::Now;
    }

    pub(super) fn outline(&self) -> Outline {
        match (&self.state, &self.chart) {
            (Some(state), Some(chart)) => {
                outline::outline(state, self.sample.as_deref(), chart, &self.ui)
            }
            _ => Outline::default(),
        }
    }

    pub(super) fn selected(&self) -> Option<AgentIx> {
        let id = self.ui.agent()?;
        self.state.as_ref()?.find(id)
    }
}
