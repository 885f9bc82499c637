//! What all pages of the front share: first and last line, help, the mouse, keys by the keymap.
//!
//! Pure: no clock, no I/O. Must not know what a page shows.

use crossterm::event::{Event, KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{Options, Page, Step};
use crate::{
    display::{clean_text, width},
    tui::{
        action::UiAction,
        draw::{self, Look, most_scroll, pen::Pen},
        keymap::{Key, Keymap},
        theme::Theme,
        ui_state::{Popup, UiState, Voice},
        view::{View, regions::Regions},
    },
};

/// A page with what surrounds it.
#[derive(Debug)]
pub struct Shell<P: Page> {
    /// The page.
    pub page: P,
    /// Size, popups, message, mouse.
    pub ui: UiState,
    /// Something has to be drawn.
    pub dirty: bool,
    /// It shall end.
    pub done: bool,
    /// What a person chose.
    pub choice: Option<P::Choice>,
    theme: Theme,
    keymap: Keymap,
}

/// A hint of the last line: first column, columns, key, word, action.
type Hint = (u16, u16, String, &'static str, UiAction);

impl<P: Page> Shell<P> {
    /// A shell around a page.
    pub fn new(page: P, options: Options, size: (u16, u16)) -> Self {
        Self {
            page,
            ui: UiState {
                size,
                mouse: options.mouse,
                ..UiState::default()
            },
            dirty: true,
            done: false,
            choice: None,
            theme: options.theme,
            keymap: options.keymap,
        }
    }

    /// Something new came.
    pub fn news(&mut self, news: P::News) {
        self.page.news(news);
        self.dirty = true;
    }

    /// A key, a click, a new size.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Resize(w, h) => self.ui.size = (*w, *h),
            Event::Key(key) if key.kind != KeyEventKind::Release => self.press(key),
            Event::Mouse(mouse) if self.ui.mouse && !self.ui.too_small() => self.mouse(*mouse),
            _ => return,
        }
        self.dirty = true;
    }

    fn press(&mut self, event: &KeyEvent) {
        let key = Key::of(event);
        self.ui.message = None;
        let found = self.keymap.find(key).map(|b| b.run);
        if self.ui.too_small() {
            self.done |= found == Some(UiAction::Leave);
            return;
        }
        if !self.ui.popups.is_empty() {
            self.read(found, key);
            return;
        }
        match found {
            Some(action) if self.knows(action) => self.act(action),
            _ => {
                let help = self.key(UiAction::Help);
                self.say(&format!("{key} does nothing here; {help} shows all keys"));
            }
        }
    }

    /// Whether an action means something here.
    fn knows(&self, action: UiAction) -> bool {
        matches!(action, UiAction::Leave | UiAction::Help | UiAction::Mouse)
            || self.page.keys().iter().any(|(known, ..)| *known == action)
    }

    fn act(&mut self, action: UiAction) {
        match action {
            UiAction::Leave => self.done = true,
            UiAction::Help => {
                let lines = self.help();
                self.read_lines("KEYS".to_owned(), lines);
            }
            UiAction::Mouse => {
                self.ui.mouse = !self.ui.mouse;
                let text = if self.ui.mouse {
                    "the mouse is wavedeck's again"
                } else {
                    "the mouse is the terminal's: select and copy; the same key takes it back"
                };
                self.say(text);
            }
            other => {
                let step = self.page.act(other, room(self.ui.size));
                self.step(step);
            }
        }
    }

    fn step(&mut self, step: Step<P::Choice>) {
        match step {
            Step::Stay => {}
            Step::Leave => self.done = true,
            Step::Say(text) => self.say(&text),
            Step::Read { title, lines } => self.read_lines(title, lines),
            Step::Chosen(choice) => {
                self.choice = Some(choice);
                self.done = true;
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.ui.message = Some((Voice::Plain, clean_text(text, 300)));
    }

    fn read_lines(&mut self, title: String, lines: Vec<String>) {
        self.ui.popups.push(Popup::Lines {
            title,
            scroll: 0,
            lines,
        });
    }

    /// A key while lines are read: they scroll, any other key closes them.
    fn read(&mut self, found: Option<UiAction>, key: Key) {
        let ground = draw::ground(&regions(self.ui.size));
        let rows = ground.height;
        let Some(Popup::Lines { scroll, lines, .. }) = self.ui.popups.last_mut() else {
            self.ui.popups.clear();
            return;
        };
        let most = most_scroll(lines, ground);
        let to = match found {
            Some(UiAction::Down) => scroll.saturating_add(1),
            Some(UiAction::Up) => scroll.saturating_sub(1),
            Some(UiAction::PageDown | UiAction::HalfDown) => scroll.saturating_add(rows / 2),
            Some(UiAction::PageUp | UiAction::HalfUp) => scroll.saturating_sub(rows / 2),
            Some(UiAction::First) => 0,
            Some(UiAction::Last) => most,
            Some(UiAction::Leave) if key.ctrl => {
                self.done = true;
                return;
            }
            _ => {
                self.ui.popups.pop();
                return;
            }
        };
        *scroll = to.min(most);
    }

    fn mouse(&mut self, mouse: MouseEvent) {
        let at = Position::new(mouse.column, mouse.row);
        let by = match mouse.kind {
            MouseEventKind::ScrollUp => -3,
            MouseEventKind::ScrollDown => 3,
            MouseEventKind::Down(MouseButton::Left) => 0,
            _ => return,
        };
        let ground = draw::ground(&regions(self.ui.size));
        if let Some(Popup::Lines { scroll, lines, .. }) = self.ui.popups.last_mut() {
            if by == 0 {
                self.ui.popups.pop();
            } else {
                let most = most_scroll(lines, ground);
                *scroll = scroll.saturating_add_signed(by).min(most);
            }
            return;
        }
        let room = room(self.ui.size);
        if by != 0 {
            self.page.scroll(by.into(), at, room);
        } else if mouse.row + 1 == self.ui.size.1 {
            let hit = self
                .hints()
                .into_iter()
                .find(|(x, wide, ..)| (*x..x + wide).contains(&mouse.column));
            self.ui.message = None;
            if let Some((.., action)) = hit {
                self.act(action);
            }
        } else if room.contains(at) {
            self.ui.message = None;
            let step = self.page.click(at, room);
            self.step(step);
        }
    }

    fn key(&self, action: UiAction) -> String {
        self.keymap
            .key_for(action)
            .map_or_else(String::new, |k| k.to_string())
    }

    /// Keys of this page, a line each.
    fn help(&self) -> Vec<String> {
        let mut all = self.page.keys();
        all.push((
            UiAction::Mouse,
            "",
            "give the mouse to the terminal, or take it back",
        ));
        all.push((UiAction::Help, "", "this page"));
        all.push((UiAction::Leave, "", self.page.leaving()));
        all.iter()
            .map(|(action, _, words)| format!("{:>9}  {words}", self.key(*action)))
            .collect()
    }

    /// Hints that fit: help and leaving at the right end, the others from the left.
    fn hints(&self) -> Vec<Hint> {
        let columns = self.ui.size.0;
        let hint = |action, word: &'static str| {
            let key = self.key(action);
            let wide = (width(&key) + 1 + width(word)) as u16;
            (wide, key, word, action)
        };
        let mut out: Vec<Hint> = Vec::new();
        let mut right = columns.saturating_sub(1);
        for (wide, key, word, action) in
            [hint(UiAction::Leave, "leave"), hint(UiAction::Help, "help")]
        {
            right = right.saturating_sub(wide);
            out.push((right, wide, key, word, action));
            right = right.saturating_sub(2);
        }
        let mut x = 1;
        for (action, word, _) in self.page.keys().into_iter().filter(|k| !k.1.is_empty()) {
            let (wide, key, word, action) = hint(action, word);
            if x + wide > right {
                break;
            }
            out.push((x, wide, key, word, action));
            x += wide + 2;
        }
        out
    }

    /// Draws everything.
    pub fn draw(&mut self, buf: &mut Buffer) {
        self.dirty = false;
        let theme = &self.theme;
        let base = &theme.base;
        buf.set_style(buf.area, base.background.patch(base.text));
        if self.ui.too_small() {
            draw::too_small(&self.ui, theme, buf);
            return;
        }
        let look = Look {
            theme,
            keys: &self.keymap,
            whence: crate::tui::keymap::Whence::Live,
        };
        let (w, h) = self.ui.size;
        let (left, right) = self.page.head();
        let first = Rect::new(0, 0, w, 1);
        Pen::new(buf, first, 0).shade(base.header);
        let mut pen = Pen::new(buf, first, 0);
        pen.put_right(&right, w - 1, base.dim);
        let room_left = w.saturating_sub(width(&right) as u16 + 4 + 11);
        pen.to(1)
            .put("wavedeck", base.accent)
            .put("  ", base.dim)
            .put_max(&left, room_left, base.strong);
        self.page.draw(room(self.ui.size), look, buf);
        let last = Rect::new(0, h - 1, w, 1);
        Pen::new(buf, last, 0).shade(base.header);
        if let Some((_, text)) = &self.ui.message {
            Pen::new(buf, last, 0).to(1).put(text, base.text);
        } else {
            for (x, _, key, word, _) in self.hints() {
                Pen::new(buf, last, 0)
                    .to(x)
                    .put(&key, base.accent)
                    .put(" ", base.dim)
                    .put(word, base.dim);
            }
        }
        let view = View {
            regions: regions(self.ui.size),
            ..View::default()
        };
        draw::popups(&view, &self.ui, look, buf);
        draw::plain(theme, buf);
    }
}

/// What popups need to know of the screen.
fn regions((w, h): (u16, u16)) -> Regions {
    Regions {
        all: Rect::new(0, 0, w, h),
        footer: Rect::new(0, h.saturating_sub(1), w, 1),
        ..Regions::default()
    }
}

/// The room between the first and the last line.
const fn room(size: (u16, u16)) -> Rect {
    Rect::new(0, 1, size.0, size.1.saturating_sub(2))
}
