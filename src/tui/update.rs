//! The reducer: a key, a click or news in; a changed app and requests out.
//!
//! Pure: no clock, no I/O. Keys become named actions through the keymap, operator actions are
//! resolved against the selection and checked by the engine's own rules before they are sent, and
//! nothing that ends work goes out without a question.

use std::collections::{BTreeMap, VecDeque};

use crossterm::event::{
    Event as TerminalEvent, KeyCode, KeyEvent, KeyEventKind, MouseButton, MouseEvent,
    MouseEventKind,
};

use crate::{
    display::{clean_line, clean_text},
    engine::{Action, Event, Record, State, Status, Target, decide::resolve},
    plan::{AgentId, AgentIx, Mode},
    resources::Sample,
};

use super::{
    action::{UiAction, Verb},
    chart::Chart,
    draw::{self, Look as DrawLook},
    feed::{Request, Update},
    keymap::{Key, Keymap},
    output::OutputBuffer,
    theme::Theme,
    ui_state::{Choice, Group, Grouping, Look, Pane, Popup, RowId, Screen, UiState, Voice},
    view::{
        self, Source, View,
        outline::{self, Line, Outline},
        regions, words,
    },
};

/// Last events that are kept.
const NOTES: usize = 200;
/// Ticks (4 a second) for which a message stays.
const MESSAGE_TICKS: u8 = 24;

/// Something that happens to the app.
#[derive(Debug, Clone)]
pub enum AppInput {
    /// A key, a click, a new size.
    Terminal(TerminalEvent),
    /// News of the run.
    Feed(Update),
    /// A quarter of a second has passed; only sent while [`App::wants_tick`].
    Tick,
}

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
    chart: Option<Chart>,
    sample: Option<Box<Sample>>,
    notes: VecDeque<words::Note>,
    output: Option<OutputBuffer>,
    output_wanted: bool,
    lost: Option<String>,
    asked: BTreeMap<u64, String>,
    next_id: u64,
    message_ticks: u8,
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
            notes: VecDeque::new(),
            output: None,
            output_wanted: false,
            lost: None,
            asked: BTreeMap::new(),
            next_id: 1,
            message_ticks: 0,
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
        self.output_wanted || self.message_ticks > 0
    }

    /// What the screen shows now.
    #[must_use]
    pub fn view(&self) -> View {
        let (Some(state), Some(chart)) = (&self.state, &self.chart) else {
            let mut view = View {
                regions: regions::regions(self.ui.size, self.ui.screen, regions::Needs::default()),
                ..View::default()
            };
            view.header.plan.push_str("wavedeck");
            view.header.banner = Some(match &self.lost {
                Some(why) => (format!("no run: {}", clean_text(why, 100)), view::Tone::Bad),
                None => ("reads the run".to_owned(), view::Tone::Dim),
            });
            return view;
        };
        view::project(
            Source {
                state,
                sample: self.sample.as_deref(),
                chart,
                notes: &self.notes,
                output: self.output.as_ref(),
                lost: self.lost.as_deref(),
                zone: &self.settings.zone,
            },
            &self.ui,
        )
    }

    /// Draws the screen; keeps the scroll position that it led to.
    pub fn draw(&mut self, buf: &mut ratatui::buffer::Buffer) {
        let view = self.view();
        self.ui.scroll = view.table.first;
        draw::draw(&view, &self.ui, self.look(), buf);
        self.dirty = Dirty::No;
    }

    const fn look(&self) -> DrawLook<'_> {
        DrawLook {
            theme: &self.settings.theme,
            keys: &self.settings.keys,
            live: self.settings.can_act,
        }
    }

    fn say(&mut self, voice: Voice, text: impl Into<String>) {
        self.ui.message = Some((voice, clean_text(&text.into(), 300)));
        self.message_ticks = MESSAGE_TICKS;
        self.now();
    }

    const fn now(&mut self) {
        self.dirty = Dirty::Now;
    }

    fn outline(&self) -> Outline {
        match (&self.state, &self.chart) {
            (Some(state), Some(chart)) => {
                outline::outline(state, self.sample.as_deref(), chart, &self.ui)
            }
            _ => Outline::default(),
        }
    }

    fn selected(&self) -> Option<AgentIx> {
        let id = self.ui.agent()?;
        self.state.as_ref()?.find(id)
    }
}

/// Takes one input; returns what to ask the runner for.
pub fn update(app: &mut App, input: AppInput) -> Vec<Request> {
    let mut out = Vec::new();
    match input {
        AppInput::Terminal(event) => terminal(app, &event, &mut out),
        AppInput::Feed(news) => feed(app, news),
        AppInput::Tick => {
            if app.message_ticks > 0 {
                app.message_ticks -= 1;
                if app.message_ticks == 0 {
                    app.ui.message = None;
                    app.now();
                }
            }
            if std::mem::take(&mut app.output_wanted) {
                ask_output(app, &mut out);
            }
        }
    }
    out
}

fn feed(app: &mut App, news: Update) {
    match news {
        Update::Snapshot(state) => {
            if app.chart.is_none()
                || app
                    .state
                    .as_ref()
                    .is_none_or(|old| old.setup.plan != state.setup.plan)
            {
                app.chart = Some(Chart::new(&state.setup));
            }
            app.state = Some(state);
            app.lost = None;
            if app.ui.selected.is_none() {
                keep_selection(app);
            }
            go_to_what_runs(app);
            follow_selection(app);
            app.now();
        }
        Update::Records(records) => {
            for record in &records {
                fold(app, record);
                doubt_output(app, &record.event);
            }
            if !records.is_empty() {
                go_to_what_runs(app);
                // A row that is gone takes the selection to its neighbour.
                let attempt = app
                    .selected()
                    .and_then(|ix| app.state.as_ref().map(|s| (ix, s.agent(ix).attempt)));
                if attempt != app.output.as_ref().map(|o| (o.agent, o.attempt)) {
                    follow_selection(app);
                }
                app.now();
            }
        }
        Update::Sample(sample) => {
            if let Some(buffer) = &mut app.output
                && let Ok(at) = sample
                    .agents
                    .binary_search_by_key(&buffer.agent.0, |a| a.agent)
                && sample.agents[at].attempt == buffer.attempt
                && sample.agents[at].output_bytes > buffer.total
            {
                buffer.total = sample.agents[at].output_bytes;
                app.output_wanted = true;
            }
            app.sample = Some(sample);
            app.dirty = app.dirty.max(Dirty::Gauges);
        }
        Update::Output {
            agent,
            attempt,
            offset,
            bytes,
            total,
        } => {
            let look = app.ui.look;
            if let Some(buffer) = &mut app.output
                && buffer.agent == agent
                && buffer.attempt == attempt
            {
                let grew = !bytes.is_empty() || !buffer.loaded;
                buffer.take(offset, &bytes, total, look);
                app.output_wanted |= grew && buffer.wanted(look, output_rows(&app.ui)).is_some();
                app.now();
            }
        }
        Update::Ack { id, result } => {
            let what = app.asked.remove(&id).unwrap_or_else(|| "asked".to_owned());
            match result {
                Ok(()) => app.say(Voice::Good, format!("{what}: done")),
                Err(why) => app.say(Voice::Bad, format!("{what}: {why}")),
            }
        }
        Update::Gone { reason } => {
            let finished = app.state.as_ref().is_some_and(|s| s.finished.is_some());
            if !finished {
                app.lost = Some(reason);
                app.now();
            }
        }
    }
}

fn fold(app: &mut App, record: &Record) {
    let Some(state) = &mut app.state else { return };
    // What the snapshot contains already is not told twice.
    if record.seq <= state.seq {
        return;
    }
    state.apply(record);
    if let Some(note) = words::note(record) {
        app.notes.push_back(note);
        if app.notes.len() > NOTES {
            app.notes.pop_front();
        }
    }
}

/// What an attempt printed last came after the last sample of it.
fn doubt_output(app: &mut App, event: &Event) {
    let (Event::AttemptEnded { agent, attempt, .. }, Some(state), Some(buffer)) =
        (event, &app.state, &mut app.output)
    else {
        return;
    };
    if state.find(agent) == Some(buffer.agent) && *attempt == buffer.attempt {
        buffer.doubt();
        app.output_wanted = true;
    }
}

/// Turns the output pane to the selected agent.
fn follow_selection(app: &mut App) {
    let Some(ix) = app.selected() else { return };
    let Some(state) = &app.state else { return };
    let attempt = state.agent(ix).attempt;
    let same = app
        .output
        .as_ref()
        .is_some_and(|o| o.agent == ix && o.attempt == attempt);
    if !same {
        app.output = Some(OutputBuffer::new(ix, attempt));
        app.ui.look = Look::Tail;
        app.output_wanted = attempt > 0;
    }
}

/// Rows of the output pane, near enough to know how much to ask for.
const fn output_rows(ui: &UiState) -> usize {
    ui.size.1 as usize
}

fn ask_output(app: &mut App, out: &mut Vec<Request>) {
    if let Some(request) = app
        .output
        .as_ref()
        .filter(|b| b.attempt > 0)
        .and_then(|b| b.wanted(app.ui.look, output_rows(&app.ui)))
    {
        out.push(request);
    }
}

fn terminal(app: &mut App, event: &TerminalEvent, out: &mut Vec<Request>) {
    match event {
        TerminalEvent::Resize(w, h) => {
            app.ui.size = (*w, *h);
            app.now();
        }
        TerminalEvent::Key(key) if key.kind != KeyEventKind::Release => {
            app.now();
            press(app, key, out);
        }
        TerminalEvent::Paste(text) if app.ui.typing => {
            app.ui.filter.push_str(&clean_line(text, 60));
            app.now();
        }
        TerminalEvent::Mouse(mouse) => click(app, *mouse, out),
        _ => {}
    }
}

fn press(app: &mut App, event: &KeyEvent, out: &mut Vec<Request>) {
    let key = Key::of(event);
    if app.ui.typing && !app.ui.too_small() && typed(app, key) {
        return;
    }
    app.ui.message = None;
    app.message_ticks = 0;
    let found = app.settings.keys.find(key).map(|b| (b.run, b.desc.clone()));
    if app.ui.too_small() {
        // Nothing that cannot be seen is changed.
        if matches!(found, Some((UiAction::Leave, _))) {
            app.quit = true;
        }
        return;
    }
    if !app.ui.popups.is_empty() && in_popup(app, key, found.as_ref().map(|f| f.0), out) {
        return;
    }
    match found {
        None => {
            let help = app
                .settings
                .keys
                .key_for(UiAction::Help)
                .map_or_else(String::new, |k| k.to_string());
            app.say(
                Voice::Plain,
                format!("{key} does nothing here; {help} shows all keys"),
            );
        }
        Some((UiAction::Unbuilt, desc)) => {
            app.say(Voice::Plain, format!("not built yet: {desc}"));
        }
        Some((action, _)) => act(app, action, out),
    }
}

/// A key while the filter is typed; false: it is not for the filter.
fn typed(app: &mut App, key: Key) -> bool {
    match key.code {
        KeyCode::Char(c) if !key.ctrl && !key.alt => app.ui.filter.push(c),
        KeyCode::Char('u') if key.ctrl => app.ui.filter.clear(),
        KeyCode::Backspace => {
            app.ui.filter.pop();
        }
        KeyCode::Enter => app.ui.typing = false,
        KeyCode::Esc => {
            app.ui.typing = false;
            app.ui.filter.clear();
        }
        KeyCode::Up | KeyCode::Down => return false,
        _ => {}
    }
    app.ui.scroll = 0;
    keep_selection(app);
    true
}

/// A key while something lies in front; false: it means what it always means.
fn in_popup(app: &mut App, key: Key, run: Option<UiAction>, out: &mut Vec<Request>) -> bool {
    let rows = app.ui.size.1;
    let Some(popup) = app.ui.popups.last_mut() else {
        return false;
    };
    match popup {
        Popup::Help { scroll } => {
            match run {
                Some(UiAction::Down) => *scroll = scroll.saturating_add(1),
                Some(UiAction::Up) => *scroll = scroll.saturating_sub(1),
                Some(UiAction::PageDown | UiAction::HalfDown) => {
                    *scroll = scroll.saturating_add(rows / 2);
                }
                Some(UiAction::PageUp | UiAction::HalfUp) => {
                    *scroll = scroll.saturating_sub(rows / 2);
                }
                Some(UiAction::First) => *scroll = 0,
                Some(UiAction::Last) => *scroll = u16::MAX,
                Some(UiAction::Leave) if key.ctrl => app.quit = true,
                _ => {
                    app.ui.popups.pop();
                    return true;
                }
            }
            if let Some(Popup::Help { scroll }) = app.ui.popups.last_mut() {
                let most = draw::help_height(&app.settings.keys).saturating_sub(1);
                *scroll = (*scroll).min(most);
            }
        }
        Popup::Ask {
            choices, chosen, ..
        } => {
            let count = choices.len();
            if let KeyCode::Char(c) = key.code
                && !key.ctrl
                && !key.alt
                && let Some(at) = choices.iter().position(|choice| choice.key == c)
            {
                *chosen = at;
                answer(app, out);
                return true;
            }
            match (key.code, run) {
                (KeyCode::Enter, _) => answer(app, out),
                (_, Some(UiAction::Leave)) if key.ctrl => app.quit = true,
                (KeyCode::Esc, _) | (_, Some(UiAction::Leave | UiAction::Back)) => {
                    app.ui.popups.pop();
                }
                (_, Some(UiAction::Down | UiAction::Right | UiAction::NextPane)) => {
                    *chosen = (*chosen + 1) % count;
                }
                (_, Some(UiAction::Up | UiAction::Left)) => *chosen = (*chosen + count - 1) % count,
                _ => {}
            }
        }
    }
    true
}

/// Carries out the chosen answer of the question in front.
fn answer(app: &mut App, out: &mut Vec<Request>) {
    if let Some(Popup::Ask {
        choices, chosen, ..
    }) = app.ui.popups.pop()
        && let Some(choice) = choices.into_iter().nth(chosen)
    {
        for action in choice.actions {
            send(app, action, out);
        }
    }
}

fn act(app: &mut App, action: UiAction, out: &mut Vec<Request>) {
    match action {
        UiAction::Leave => app.quit = true,
        UiAction::Help => app.ui.popups.push(Popup::Help { scroll: 0 }),
        UiAction::Back => back(app),
        UiAction::Open => open(app, out),
        UiAction::Zoom => {
            if app.ui.screen == Screen::Output {
                app.ui.screen = Screen::Deck;
            } else if app.ui.agent().is_some() {
                app.ui.screen = Screen::Output;
                ask_output(app, out);
            } else {
                app.say(Voice::Plain, "select an agent first: its output is shown");
            }
        }
        UiAction::Graph => {
            app.ui.screen = if app.ui.screen == Screen::Graph {
                Screen::Deck
            } else {
                Screen::Graph
            };
            app.ui.graph_at = None;
        }
        UiAction::Deck => app.ui.screen = Screen::Deck,
        UiAction::NextPane => {
            app.ui.focus = match app.ui.focus {
                Pane::Table => Pane::Output,
                Pane::Output => Pane::Graph,
                Pane::Graph => Pane::Table,
            };
            if app.ui.focus != Pane::Graph {
                app.ui.graph_at = None;
            }
        }
        UiAction::Down => step(app, 1, out),
        UiAction::Up => step(app, -1, out),
        UiAction::PageDown => step(app, page(app), out),
        UiAction::PageUp => step(app, -page(app), out),
        UiAction::HalfDown => step(app, page(app) / 2, out),
        UiAction::HalfUp => step(app, -(page(app) / 2), out),
        UiAction::First => step(app, isize::MIN / 2, out),
        UiAction::Last => {
            if pane(app) == Pane::Output {
                app.ui.look = Look::Tail;
                ask_output(app, out);
            } else {
                step(app, isize::MAX / 2, out);
            }
        }
        UiAction::Left => sideways(app, true, out),
        UiAction::Right => sideways(app, false, out),
        UiAction::Mark => mark(app, out),
        UiAction::Filter => {
            app.ui.screen = Screen::Deck;
            app.ui.typing = true;
        }
        UiAction::Sort => {
            app.ui.sort = app.ui.sort.next();
            let name = app.ui.sort.name();
            app.say(Voice::Plain, format!("sorted by {name}"));
        }
        UiAction::Group => {
            app.ui.grouping = app.ui.grouping.next();
            let name = app.ui.grouping.name();
            keep_selection(app);
            app.say(Voice::Plain, format!("grouped by {name}"));
        }
        UiAction::Mouse => {
            app.ui.mouse = !app.ui.mouse;
            let text = if app.ui.mouse {
                "the mouse is wavedeck's again"
            } else {
                "the mouse is the terminal's: select and copy; the same key takes it back"
            };
            app.say(Voice::Plain, text);
        }
        UiAction::Nothing | UiAction::Unbuilt => {}
        UiAction::Do(verb) => operate(app, verb, out),
    }
}

/// Where the arrow keys move now.
fn pane(app: &App) -> Pane {
    match app.ui.screen {
        Screen::Deck => app.ui.focus,
        Screen::Output => Pane::Output,
        Screen::Graph => Pane::Graph,
    }
}

fn page(app: &App) -> isize {
    let view = app.view();
    let rows = match pane(app) {
        Pane::Table => regions::table_rows(view.regions.table.height),
        Pane::Output => view.regions.output.height.saturating_sub(1),
        Pane::Graph => view.regions.graph.height,
    };
    isize::try_from(rows.saturating_sub(1).max(1)).unwrap_or(1)
}

fn back(app: &mut App) {
    let ui = &mut app.ui;
    if ui.popups.pop().is_some() {
    } else if ui.screen != Screen::Deck {
        ui.screen = Screen::Deck;
        ui.graph_at = None;
    } else if !ui.filter.is_empty() {
        ui.filter.clear();
    } else if !ui.marks.is_empty() {
        ui.marks.clear();
    } else if ui.focus != Pane::Table {
        ui.focus = Pane::Table;
        ui.graph_at = None;
    } else {
        ui.look = Look::Tail;
    }
}

fn open(app: &mut App, out: &mut Vec<Request>) {
    match app.ui.selected.clone() {
        Some(RowId::Agent(_)) => {
            app.ui.screen = Screen::Output;
            ask_output(app, out);
        }
        Some(id @ RowId::Group(_)) => toggle_fold(app, id),
        Some(RowId::Done) => {
            app.ui.show_done = Some(app.ui.show_done != Some(true));
        }
        None => app.say(Voice::Plain, "nothing is selected"),
    }
}

fn toggle_fold(app: &mut App, id: RowId) {
    if !app.ui.closed.remove(&id) {
        app.ui.closed.insert(id);
    }
}

/// After rows have changed: a selection that is not there goes to the first row.
fn keep_selection(app: &mut App) {
    let lines = app.outline();
    let Some(state) = &app.state else { return };
    let there = app
        .ui
        .selected
        .as_ref()
        .and_then(|id| lines.find(state, id));
    if there.is_none() {
        let first = lines
            .lines
            .iter()
            .find(|l| matches!(l, Line::Agent(..)))
            .or(lines.lines.first());
        if let Some(line) = first {
            app.ui.selected = Some(Outline::id(state, *line));
        }
        follow_selection(app);
    }
}

/// Until a person chooses a row, the selection is on something that runs.
fn go_to_what_runs(app: &mut App) {
    let Some(state) = &app.state else { return };
    let running = |ix: AgentIx| state.agent(ix).status == Status::Running;
    if app.ui.chosen || app.selected().is_some_and(running) {
        return;
    }
    let lines = app.outline();
    let first = lines.lines.iter().find(|line| {
        let RowId::Agent(id) = Outline::id(state, **line) else {
            return false;
        };
        state.find(&id).is_some_and(running)
    });
    if let Some(line) = first {
        app.ui.selected = Some(Outline::id(state, *line));
        follow_selection(app);
    }
}

fn select(app: &mut App, id: RowId, out: &mut Vec<Request>) {
    app.ui.chosen = true;
    if app.ui.selected.as_ref() != Some(&id) {
        app.ui.selected = Some(id);
        follow_selection(app);
        if std::mem::take(&mut app.output_wanted) {
            ask_output(app, out);
        }
    }
}

/// Moves by rows in the focused pane.
fn step(app: &mut App, by: isize, out: &mut Vec<Request>) {
    match pane(app) {
        Pane::Table => {
            let lines = app.outline();
            let Some(state) = &app.state else { return };
            let count = isize::try_from(lines.lines.len()).unwrap_or(isize::MAX);
            if count == 0 {
                return;
            }
            let at = app
                .ui
                .selected
                .as_ref()
                .and_then(|id| lines.find(state, id))
                .map_or(if by > 0 { -1 } else { 0 }, |at| {
                    isize::try_from(at).unwrap_or(0)
                });
            let to = at.saturating_add(by).clamp(0, count - 1);
            if let Some(line) = lines.lines.get(to.unsigned_abs()) {
                let id = Outline::id(state, *line);
                select(app, id, out);
            }
        }
        Pane::Output => scroll_output(app, by, out),
        Pane::Graph => walk_graph(app, 0, by, out),
    }
}

fn scroll_output(app: &mut App, by: isize, out: &mut Vec<Request>) {
    let rows = usize::from(app.view().regions.output.height.saturating_sub(1));
    if let Some(buffer) = &app.output {
        app.ui.look = buffer.scrolled(app.ui.look, by, rows);
        ask_output(app, out);
    }
    app.now();
}

fn sideways(app: &mut App, left: bool, out: &mut Vec<Request>) {
    if pane(app) == Pane::Graph {
        walk_graph(app, if left { -1 } else { 1 }, 0, out);
        return;
    }
    let Some(id) = app.ui.selected.clone() else {
        return;
    };
    if id == RowId::Done {
        app.ui.show_done = Some(!left);
        return;
    }
    let foldable = match &id {
        RowId::Agent(agent) => app.state.as_ref().is_some_and(|s| {
            s.find(agent)
                .is_some_and(|ix| !s.setup.children[ix.ix()].is_empty())
        }),
        _ => true,
    };
    if foldable && left && app.ui.closed.insert(id.clone()) {
        return;
    }
    if foldable && !left {
        app.ui.closed.remove(&id);
        return;
    }
    // On a leaf, left goes up to what it belongs to.
    if left && let (RowId::Agent(agent), Some(state)) = (&id, &app.state) {
        let Some(ix) = state.find(agent) else { return };
        let up = match state.setup.plan.agent(ix).parent {
            Some(parent) => Some(RowId::Agent(state.id(parent))),
            None => outline::group_of(state, app.ui.grouping, ix).map(RowId::Group),
        };
        if let Some(up) = up.filter(|up| app.outline().find(state, up).is_some()) {
            select(app, up, out);
        }
    }
}

/// Selects the nearest node in a direction of the wave graph.
fn walk_graph(app: &mut App, dx: isize, dy: isize, out: &mut Vec<Request>) {
    let (Some(state), Some(chart)) = (&app.state, &app.chart) else {
        return;
    };
    let full = app.ui.screen == Screen::Graph;
    let layout = chart.layout(chart.place(full, app.ui.size.0.saturating_sub(2)));
    let from = app.selected().or_else(|| {
        let active = |ix: &AgentIx| !state.agent(*ix).status.is_final();
        chart
            .order
            .iter()
            .copied()
            .find(active)
            .or(chart.order.first().copied())
    });
    let Some(from) = from else { return };
    let here = layout.nodes[from.ix()];
    let wave = state.setup.wave(from);
    let target = if dx == 0 {
        let mut column: Vec<AgentIx> = chart
            .order
            .iter()
            .copied()
            .filter(|&ix| state.setup.wave(ix) == wave)
            .collect();
        column.sort_by_key(|ix| layout.nodes[ix.ix()].y);
        let at = column.iter().position(|&ix| ix == from).unwrap_or(0);
        let to = isize::try_from(at).unwrap_or(0).saturating_add(dy);
        let last = isize::try_from(column.len()).unwrap_or(1) - 1;
        column.get(to.clamp(0, last.max(0)).unsigned_abs()).copied()
    } else {
        // Along an edge where there is one, else to the nearest of the next wave.
        let near = if dx < 0 {
            chart.preds(from)
        } else {
            chart.succs(from)
        };
        let by_row = |ix: &AgentIx| layout.nodes[ix.ix()].y.abs_diff(here.y);
        near.iter().copied().min_by_key(by_row).or_else(|| {
            let next = wave.checked_add_signed(dx.signum() as i32)?;
            let column = chart
                .order
                .iter()
                .copied()
                .filter(|&ix| state.setup.wave(ix) == next);
            column.min_by_key(by_row)
        })
    };
    app.ui.graph_at = None;
    if let Some(ix) = target {
        let id = RowId::Agent(state.id(ix));
        select(app, id, out);
    }
}

fn mark(app: &mut App, out: &mut Vec<Request>) {
    let Some(id) = app.ui.agent().cloned() else {
        app.say(Voice::Plain, "only agents can be marked");
        return;
    };
    if !app.ui.marks.remove(&id) {
        app.ui.marks.insert(id);
    }
    if pane(app) == Pane::Table {
        step(app, 1, out);
    }
}

/// Whom an action means: the marked agents, else the selected row.
fn targets(app: &App) -> Vec<Target> {
    let Some(state) = &app.state else {
        return Vec::new();
    };
    let agent = |id: &AgentId| Target::Agent(id.to_string());
    if !app.ui.marks.is_empty() {
        return app.ui.marks.iter().map(agent).collect();
    }
    let plan = &state.setup.plan;
    match &app.ui.selected {
        Some(RowId::Agent(id)) => vec![agent(id)],
        Some(RowId::Group(Group::Track(Some(t)))) => {
            vec![Target::Track(plan.tracks[t.ix()].id.clone())]
        }
        Some(RowId::Group(Group::Phase(Some(p)))) => {
            vec![Target::Phase(plan.phases[p.ix()].id.clone())]
        }
        Some(RowId::Group(group)) => {
            let grouping = match group {
                Group::Track(_) => Grouping::Track,
                Group::Phase(_) => Grouping::Phase,
                Group::Wave(_) => Grouping::Wave,
            };
            plan.indices()
                .filter(|&ix| {
                    plan.agent(ix).parent.is_none()
                        && outline::group_of(state, grouping, ix) == Some(*group)
                })
                .map(|ix| agent(&plan.agent(ix).id))
                .collect()
        }
        Some(RowId::Done) | None => Vec::new(),
    }
}

/// Asks for an action, unless the engine's own rules refuse it.
fn send(app: &mut App, action: Action, out: &mut Vec<Request>) {
    if let Some(why) = cannot(app) {
        app.say(Voice::Bad, why);
        return;
    }
    let Some(state) = &app.state else { return };
    if let Err(refusal) = resolve(state, &action) {
        app.say(Voice::Bad, refusal.to_string());
        return;
    }
    if action == (Action::Stop { target: None }) {
        app.stop_asked = true;
    }
    let what = words::action(&action);
    let id = app.next_id;
    app.next_id += 1;
    app.say(Voice::Plain, format!("{what} …"));
    app.asked.insert(id, what);
    out.push(Request::Action { id, action });
}

/// Why nothing can be changed from here.
fn cannot(app: &App) -> Option<&'static str> {
    if !app.settings.can_act {
        Some("this is a recording: nothing can be changed")
    } else if app.lost.is_some() {
        Some("the connection to the run is lost")
    } else if app.state.is_none() {
        Some("the run has not been read yet")
    } else {
        None
    }
}

/// What an agent's hold, or its group's, says about freezing and letting go.
fn pause_or_resume(state: &State, target: Target) -> Action {
    let resume = Action::Resume {
        target: target.clone(),
    };
    let pause = Action::Pause { target };
    // What is held goes on; only where nothing is held is anything frozen.
    if resolve(state, &resume).is_ok() {
        resume
    } else {
        pause
    }
}

fn operate(app: &mut App, verb: Verb, out: &mut Vec<Request>) {
    if let Some(why) = cannot(app) {
        app.say(Voice::Bad, why);
        return;
    }
    let Some(state) = &app.state else { return };
    let all = targets(app);
    let of_run = matches!(verb, Verb::Sequential | Verb::StopRun | Verb::PauseTrack);
    if all.is_empty() && !of_run {
        app.say(Voice::Plain, "select an agent or a group first");
        return;
    }
    match verb {
        Verb::Pause => {
            let actions: Vec<Action> = all.into_iter().map(|t| pause_or_resume(state, t)).collect();
            send_all(app, actions, out);
        }
        Verb::PauseTrack => {
            let track = match &app.ui.selected {
                Some(RowId::Group(Group::Track(Some(t)))) => Some(*t),
                Some(RowId::Agent(id)) => state
                    .find(id)
                    .and_then(|ix| state.setup.plan.agent(ix).track),
                _ => None,
            };
            let Some(track) = track else {
                app.say(Voice::Plain, "this row has no track");
                return;
            };
            let target = Target::Track(state.setup.plan.tracks[track.ix()].id.clone());
            let action = pause_or_resume(state, target);
            send(app, action, out);
        }
        Verb::Retry => {
            let actions = all
                .into_iter()
                .map(|target| Action::Retry { target })
                .collect();
            send_all(app, actions, out);
        }
        Verb::Stop => ask_stop(app, all),
        Verb::StopRun => ask_stop_run(app),
        Verb::Sequential => ask_sequential(app),
        Verb::Swap => ask_swap(app),
    }
}

fn send_all(app: &mut App, actions: Vec<Action>, out: &mut Vec<Request>) {
    for action in actions {
        send(app, action, out);
    }
}

/// Opens a question; its first answer changes nothing and is the chosen one.
fn ask(app: &mut App, title: &str, lines: &[String], keep: &str, choices: Vec<Choice>) {
    let mut all = vec![Choice {
        key: 'n',
        label: keep.to_owned(),
        actions: Vec::new(),
    }];
    all.extend(choices);
    app.ui.popups.push(Popup::Ask {
        title: clean_text(title, 100),
        lines: lines.iter().map(|l| clean_text(l, 100)).collect(),
        choices: all,
        chosen: 0,
    });
}

fn ask_stop(app: &mut App, all: Vec<Target>) {
    let Some(state) = &app.state else { return };
    let mut concerned: Vec<AgentIx> = Vec::new();
    let mut actions = Vec::new();
    let mut refusal = None;
    for target in all {
        let action = Action::Stop {
            target: Some(target),
        };
        match resolve(state, &action) {
            Ok(resolved) => {
                concerned.extend(resolved.agents);
                actions.push(action);
            }
            Err(why) => refusal = Some(why.to_string()),
        }
    }
    if actions.is_empty() {
        app.say(Voice::Bad, refusal.unwrap_or_default());
        return;
    }
    concerned.sort_unstable();
    concerned.dedup();
    let name = match concerned.as_slice() {
        [one] => state.id(*one).to_string(),
        many => format!("{} agents", many.len()),
    };
    let running = concerned
        .iter()
        .filter(|ix| state.agent(**ix).live.is_some())
        .count();
    let mut after: Vec<AgentIx> = concerned
        .iter()
        .flat_map(|ix| state.setup.edges_out[ix.ix()].iter())
        .filter(|e| {
            e.kind != crate::engine::EdgeKind::Soft
                && state.agent(e.to).status == Status::Waiting
                && !concerned.contains(&e.to)
        })
        .map(|e| e.to)
        .collect();
    after.sort_unstable();
    after.dedup();
    let mut lines = vec![match running {
        0 => "No process of it runs now.".to_owned(),
        1 => "Its process is ended: TERM, then KILL after the grace time.".to_owned(),
        n => format!("{n} processes are ended: TERM, then KILL after the grace time."),
    }];
    if !after.is_empty() {
        let names: Vec<String> = after
            .iter()
            .take(5)
            .map(|ix| state.id(*ix).to_string())
            .collect();
        let more = if after.len() > 5 {
            format!(" and {} more", after.len() - 5)
        } else {
            String::new()
        };
        lines.push(format!("Waits for it: {}{more}.", names.join(", ")));
    }
    lines.push("It can be tried again later.".to_owned());
    let yes = Choice {
        key: 'y',
        label: format!("stop {name}"),
        actions,
    };
    ask(
        app,
        &format!("Stop {name}?"),
        &lines,
        "no, let it go on",
        vec![yes],
    );
}

fn ask_stop_run(app: &mut App) {
    let Some(state) = &app.state else { return };
    let action = Action::Stop { target: None };
    if let Err(why) = resolve(state, &action) {
        app.say(Voice::Bad, why.to_string());
        return;
    }
    let running = state.agents.iter().filter(|a| a.live.is_some()).count();
    let open = state.agents.iter().filter(|a| !a.status.is_final()).count();
    let lines = vec![
        format!("{running} agents have a process, {open} have not ended."),
        "All processes are ended; what was not done stays undone.".to_owned(),
        "To leave and let it go on, press q instead.".to_owned(),
    ];
    let yes = Choice {
        key: 'y',
        label: "stop the run".to_owned(),
        actions: vec![action],
    };
    ask(
        app,
        "Stop the whole run?",
        &lines,
        "no, let it go on",
        vec![yes],
    );
}

fn ask_sequential(app: &mut App) {
    let Some(state) = &app.state else { return };
    let after = Action::Sequential { now: false };
    let now = Action::Sequential { now: true };
    let mut choices = Vec::new();
    if state.mode == Mode::Sequential {
        choices.extend([Mode::Hybrid, Mode::Parallel].map(|mode| Choice {
            key: if mode == Mode::Hybrid { 'h' } else { 'p' },
            label: format!("back to {}", crate::engine::mode_name(mode)),
            actions: vec![Action::Mode { mode }],
        }));
    } else {
        choices.push(Choice {
            key: 'a',
            label: "after the running ones: they end first, then one at a time".to_owned(),
            actions: vec![after],
        });
    }
    if let Ok(resolved) = resolve(state, &now) {
        choices.push(Choice {
            key: 'f',
            label: format!("now: freeze {} and let one go on", resolved.agents.len()),
            actions: vec![now],
        });
    }
    let lines =
        vec!["Frozen agents keep their memory and come back one after the other.".to_owned()];
    ask(app, "One agent at a time?", &lines, "no, as it is", choices);
}

fn ask_swap(app: &mut App) {
    let Some(state) = &app.state else { return };
    let Some(ix) = app.selected() else {
        app.say(Voice::Plain, "select one agent: it gets another worker");
        return;
    };
    let plan = state.setup.plan.agent(ix);
    let id = plan.id.to_string();
    let any = Action::Swap {
        agent: id.clone(),
        worker: None,
    };
    if let Err(why) = resolve(state, &any) {
        app.say(Voice::Bad, why.to_string());
        return;
    }
    let mut choices = Vec::new();
    for (key, mode) in ('1'..='9').zip(&plan.modes) {
        let Some(worker) = mode.worker else { continue };
        let name = &state.setup.plan.workers[worker.ix()].name;
        let action = Action::Swap {
            agent: id.clone(),
            worker: Some(name.clone()),
        };
        if resolve(state, &action).is_ok() {
            let memory = if mode.ram_guessed { "~" } else { "" };
            choices.push(Choice {
                key,
                label: format!(
                    "{}  {memory}{}  ~{}",
                    clean_line(name, 30),
                    words::size(mode.ram_bytes),
                    words::span(mode.duration.expected_us)
                ),
                actions: vec![action],
            });
        }
    }
    let lines = vec![if state.agent(ix).live.is_some() {
        "Its process is ended and the next attempt begins with that worker.".to_owned()
    } else {
        "Its next attempt begins with that worker.".to_owned()
    }];
    ask(
        app,
        &format!("Which worker takes over {id}?"),
        &lines,
        "no other",
        choices,
    );
}

fn click(app: &mut App, mouse: MouseEvent, out: &mut Vec<Request>) {
    if !app.ui.mouse || app.ui.too_small() {
        return;
    }
    let at = ratatui::layout::Position::new(mouse.column, mouse.row);
    let wheel = match mouse.kind {
        MouseEventKind::ScrollUp => Some(-3),
        MouseEventKind::ScrollDown => Some(3),
        MouseEventKind::Down(MouseButton::Left) => None,
        _ => return,
    };
    app.now();
    if !app.ui.popups.is_empty() {
        if let (Some(by), Some(Popup::Help { scroll })) = (wheel, app.ui.popups.last_mut()) {
            *scroll = scroll.saturating_add_signed(by);
        } else if wheel.is_none() && matches!(app.ui.popups.last(), Some(Popup::Help { .. })) {
            app.ui.popups.pop();
        }
        return;
    }
    let view = app.view();
    let r = &view.regions;
    if let Some(by) = wheel {
        let by = isize::from(by);
        if r.output.contains(at) {
            scroll_output(app, by, out);
        } else if r.graph.contains(at) {
            scroll_graph(app, &view, by);
        } else if r.table.contains(at) {
            // The selection stays where it is unless it would leave the window.
            let rows = usize::from(regions::table_rows(r.table.height));
            let last = view.table.total.saturating_sub(rows);
            let to = app.ui.scroll.saturating_add_signed(by).min(last);
            app.ui.scroll = to;
            let lines = app.outline();
            if let Some(state) = &app.state {
                let selected = app
                    .ui
                    .selected
                    .as_ref()
                    .and_then(|id| lines.find(state, id));
                if let Some(at) = selected {
                    let kept = at.clamp(to, (to + rows).saturating_sub(1));
                    if let Some(line) = lines.lines.get(kept).filter(|_| kept != at) {
                        let id = Outline::id(state, *line);
                        select(app, id, out);
                    }
                }
            }
        }
        return;
    }
    if r.footer.contains(at) {
        let hit = draw::footer_hits(&view, &app.ui, app.look())
            .into_iter()
            .find(|(x, w, ..)| mouse.column >= *x && mouse.column < x + w)
            .and_then(|(_, _, key, _)| app.settings.keys.find(key).map(|b| b.run));
        if let Some(action) = hit {
            app.ui.message = None;
            act(app, action, out);
        }
    } else if r.table.contains(at) {
        app.ui.focus = Pane::Table;
        let row = usize::from(mouse.row.saturating_sub(r.table.y));
        if row < 2 {
            return;
        }
        let lines = app.outline();
        let line = lines.lines.get(view.table.first + row - 2).copied();
        if let (Some(state), Some(line)) = (&app.state, line) {
            let id = Outline::id(state, line);
            if app.ui.selected.as_ref() == Some(&id) || mouse.column < 2 {
                app.ui.selected = Some(id);
                open(app, out);
            } else {
                select(app, id, out);
            }
        }
    } else if r.output.contains(at) {
        app.ui.focus = Pane::Output;
    } else if r.graph.contains(at) {
        app.ui.focus = Pane::Graph;
        if let (Some(graph), Some(chart), Some(state)) = (&view.graph, &app.chart, &app.state) {
            let top = if regions::wave_row(r.graph) { 2 } else { 1 };
            let x = u32::from(mouse.column.saturating_sub(1)) + graph.at.0;
            let y = u32::from(mouse.row.saturating_sub(r.graph.y + top)) + graph.at.1;
            let full = app.ui.screen == Screen::Graph;
            let hit = chart.layout(chart.place(full, graph.size.0)).node_at(x, y);
            if let Some(ix) = hit.filter(|_| mouse.row >= r.graph.y + top) {
                let id = RowId::Agent(state.id(ix));
                app.ui.graph_at = Some(graph.at);
                select(app, id, out);
            }
        }
    }
}

fn scroll_graph(app: &mut App, view: &View, by: isize) {
    let Some(graph) = &view.graph else { return };
    let limit = (
        graph.whole.0.saturating_sub(u32::from(graph.size.0)),
        graph.whole.1.saturating_sub(u32::from(graph.size.1)),
    );
    let by = by as i32;
    // A graph that is no higher than its window scrolls sideways.
    let at = if limit.1 > 0 {
        (
            graph.at.0,
            graph.at.1.saturating_add_signed(by).min(limit.1),
        )
    } else {
        (
            graph.at.0.saturating_add_signed(by * 4).min(limit.0),
            graph.at.1,
        )
    };
    app.ui.graph_at = Some(at);
}
