//! An output that is shown in words: which lines, and what to ask for next.
//!
//! Places are those of the file, as where it is shown as it is. Must not read the bytes: the words do.

use std::ops::Range;

use super::{CHUNK, KEEP, OutputBuffer, Shown};
use crate::tui::{
    spoken::{Kind, Program, Spoken, Words},
    ui_state::Look,
};

impl Shown {
    /// How a line is meant.
    #[must_use]
    pub fn kind(&self, n: usize) -> Kind {
        self.said.get(n).map_or(Kind::Message, |said| said.0)
    }
}

impl OutputBuffer {
    /// Turns to words, or back to what is printed as it is.
    pub fn speak(&mut self, program: Option<Program>) {
        self.words = program.map(|program| Words::new(program, self.start));
        self.follow();
    }

    /// Forgets all that is known of it, but for how it is shown.
    pub fn clear(&mut self) {
        let words = self.words.take();
        *self = Self::new(self.agent, self.attempt);
        self.words = words.map(|words| words.again(0));
    }

    /// Whether it is shown in words.
    #[must_use]
    pub const fn speaks(&self) -> bool {
        self.words.is_some()
    }

    /// The words follow what is kept.
    pub(super) fn follow(&mut self) {
        let (start, end) = (self.start, self.end());
        let Some(words) = &mut self.words else { return };
        if start < words.first() || words.next() < start || words.next() > end {
            *words = words.again(start);
        }
        words.forget(start);
        words.feed(&self.bytes[(words.next() - start) as usize..]);
    }

    /// The lines that a pane of so many rows shows, by their numbers.
    fn spoken(said: &[Spoken], look: Look, rows: usize) -> Range<usize> {
        match look {
            Look::Tail => said.len().saturating_sub(rows)..said.len(),
            Look::From(at) => {
                let from = said.partition_point(|line| line.at < at);
                from..(from + rows).min(said.len())
            }
        }
    }

    fn place(&self, said: &[Spoken], n: usize) -> u64 {
        said.get(n).map_or_else(|| self.end(), |line| line.at)
    }

    pub(super) fn show_words(&self, words: &Words, look: Look, rows: usize) -> Shown {
        let said = words.said();
        let range = Self::spoken(said, look, rows);
        let shown = &said[range.clone()];
        Shown {
            lines: shown.iter().map(|line| line.text.clone()).collect(),
            starts: shown.iter().map(|line| line.at).collect(),
            said: shown
                .iter()
                .map(|line| (line.kind, line.question.clone()))
                .collect(),
            from: self.place(said, range.start),
            to: self.place(said, range.end),
        }
    }

    /// Where to ask on, for as many lines as rows are looked at; none: there are enough, or too many
    /// bytes have none.
    pub(super) fn words_wanted(&self, words: &Words, look: Look, rows: usize) -> Option<u64> {
        // So that what comes on one side never pushes out what is near on the other.
        let most = KEEP as u64 / 2 - 2 * u64::from(CHUNK);
        let before = self.start.saturating_sub(u64::from(CHUNK));
        let said = words.said();
        let earlier = |until: u64, lines: usize, enough: usize| {
            let near = until.saturating_sub(self.start) < most;
            (self.start > 0 && lines < enough && near).then_some(before)
        };
        match look {
            Look::Tail => earlier(self.end(), said.len(), rows),
            Look::From(at) => {
                let from = said.partition_point(|line| line.at < at);
                let later = || {
                    let few = from + rows * 2 >= said.len();
                    let near = self.end().saturating_sub(at) < most;
                    (self.end() < self.total && few && near).then(|| self.end())
                };
                earlier(at, from, rows * 2).or_else(later)
            }
        }
    }

    pub(super) fn words_scrolled(&self, words: &Words, look: Look, by: isize, rows: usize) -> Look {
        let said = words.said();
        let from = Self::spoken(said, look, rows).start;
        let to = from
            .saturating_add_signed(by)
            .min(said.len().saturating_sub(1));
        let last = said.len().saturating_sub(rows);
        if by > 0 && to >= last && self.end() >= self.total {
            Look::Tail
        } else if by < 0 && to >= last {
            look
        } else {
            Look::From(self.place(said, to))
        }
    }

    pub(super) fn words_between(words: &Words, from: u64, to: u64) -> Vec<String> {
        let said = words.said().iter();
        let inside = said.filter(|line| (from..to).contains(&line.at));
        inside.map(|line| line.text.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::{agents::Catalog, plan::AgentIx};

    fn claude() -> Program {
        Program {
            adapter: Catalog::built_in().get("claude").unwrap().clone().into(),
            before: None,
        }
    }

    /// A stream in which each message is a line of two, after a line that says nothing.
    fn stream(messages: usize) -> Vec<u8> {
        let mut out = String::new();
        for n in 0..messages {
            out.push_str("{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"x\"}}\n");
            let _ = writeln!(
                out,
                "{{\"type\":\"assistant\",\"message\":{{\"content\":[{{\"type\":\"text\",\"text\":\"first {n}\\nsecond {n}\"}}]}}}}"
            );
        }
        out.into_bytes()
    }

    fn answer(buffer: &mut OutputBuffer, file: &[u8], look: Look, rows: usize) -> usize {
        let mut asked = 0;
        while let Some(crate::tui::feed::Request::Output { offset, max, .. }) =
            buffer.wanted(look, rows)
        {
            let total = file.len() as u64;
            let from = offset.unwrap_or_else(|| total.saturating_sub(u64::from(max))) as usize;
            let to = (from + max as usize).min(file.len());
            buffer.take(from as u64, &file[from..to], total, look);
            asked += 1;
            assert!(asked < 100, "it asks for ever");
        }
        asked
    }

    #[test]
    fn words_are_followed_and_scrolled_through_to_the_first() {
        let file = stream(4_000);
        let mut buffer = OutputBuffer::new(AgentIx(0), 1);
        buffer.speak(Some(claude()));
        assert!(buffer.speaks());
        answer(&mut buffer, &file, Look::Tail, 10);
        let tail = buffer.show(Look::Tail, 3).lines;
        assert_eq!(tail, ["second 3998", "first 3999", "second 3999"]);
        let mut look = Look::Tail;
        let mut steps = 0;
        while look != Look::From(buffer.show(Look::From(0), 1).starts[0]) || buffer.start > 0 {
            look = buffer.scrolled(look, -50, 10);
            answer(&mut buffer, &file, look, 10);
            let shown = buffer.show(look, 2);
            assert!(shown.lines.len() == 2, "{look:?}");
            steps += 1;
            assert!(steps < 400);
        }
        assert_eq!(buffer.show(look, 2).lines, ["first 0", "second 0"]);
        // By one line, also within what one line of the file gave.
        let next = buffer.scrolled(look, 1, 10);
        assert_eq!(buffer.show(next, 2).lines, ["second 0", "first 1"]);
        while look != Look::Tail {
            look = buffer.scrolled(look, 50, 10);
            answer(&mut buffer, &file, look, 10);
            steps += 1;
            assert!(steps < 800);
        }
        assert_eq!(buffer.show(Look::Tail, 3).lines, tail);
        let shown = buffer.show(Look::Tail, 3);
        assert_eq!(buffer.between(shown.from, shown.to).unwrap(), tail);
        buffer.speak(None);
        assert!(buffer.show(Look::Tail, 1).lines[0].starts_with("{\"type\""));
    }

    #[test]
    fn bytes_that_say_nothing_are_not_asked_for_without_end() {
        let silent = b"{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"x\"}}\n";
        let file = silent.repeat(60_000);
        let mut buffer = OutputBuffer::new(AgentIx(0), 1);
        buffer.speak(Some(claude()));
        for look in [Look::Tail, Look::From(1_500_000), Look::From(0)] {
            buffer.turn_to(1_500_000);
            answer(&mut buffer, &file, look, 40);
            for by in [-3, 3] {
                let next = buffer.scrolled(look, by, 40);
                answer(&mut buffer, &file, next, 40);
            }
        }
    }
}
